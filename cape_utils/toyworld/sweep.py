"""The sweep of chapter 11: every setting of the toy world at every size, as cells that are trained once and kept.

A cell is one setting at one width with all its seeds. Cells are independent tasks: two processes here, or the workers
of a dask scheduler. What a cell computes is the business of ``toyworld.transformer``, what its numbers say that of
``ch11_toy_world.turning_points``.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd

from cape_utils.jobs import dask_client, result_cache
from cape_utils.jobs.progress import progress_bar
from cape_utils.toyworld.transformer import Shape, matched_shape, parameter_count, train
from cape_utils.toyworld.world import WORLDS, Recipe

__all__ = [
    "LEVERS",
    "PLANS",
    "STEPS",
    "Cell",
    "Plan",
    "Setting",
    "cell",
    "cells",
    "described",
    "run",
    "settings",
    "tidy",
    "with_share",
]

Row = dict[str, Any]

VERSION = 1
"""Raised when the code of world or models changes what a cell gives, so that old cells are not taken for new ones."""

STEPS = 800
"""Length of training at which the levers are compared."""

LEVERS: dict[str, str] = {
    "rumours": "share of rumour documents",
    "balance": "true against false statements",
    "markers": "share of documents that name their source",
    "exams": "share of exam documents",
    "depth": "layers, at matched parameter count",
    "length": "training steps",
    "reasoning": "reasoning documents",
}
"""Levers with what they change."""


@dataclass(frozen=True)
class Setting:
    """One position of one lever; other kinds of documents fill the place of a share that falls, in proportion.

    Attributes
    ----------
    name : str
    lever : str
        One of ``LEVERS``, or ``"base"``.
    label : str
        For a reader.
    recipe : Recipe
    layers : int
    """

    name: str
    lever: str
    label: str
    recipe: Recipe = field(default_factory=Recipe)
    layers: int = 2


def with_share(recipe: Recipe, source: str, share: float) -> Recipe:
    """Give one kind of document a share of all; the others keep their proportions.

    Raises
    ------
    ValueError
        If the share is not below 1, or the source is not one of the recipe's.

    Examples
    --------
    >>> half = with_share(Recipe(), "gossip", 0.5)
    >>> round(half.gossip / sum(half.weights), 6), half.reference
    (0.5, 0.14)
    """
    if source not in ("gossip", "reference", "exam", "reasoning") or not 0 <= share < 1:
        raise ValueError(
            f"got {source!r} with share {share}; expected one of the four kinds of documents and a share from 0 to below 1"
        )
    others = sum(recipe.weights) - float(getattr(recipe, source))
    weight: Any = {source: others * share / (1 - share)}
    changed: Recipe = replace(recipe, **weight)
    return changed


def settings() -> dict[str, Setting]:
    """Every setting that is trained, by name; training length needs none, since checkpoints give it.

    Examples
    --------
    >>> len(settings()), settings()["true_x2"].recipe.reference
    (12, 0.28)
    """
    base = Recipe()
    false = base.gossip * base.rumours_in_gossip
    listed = [Setting("base", "base", "as it is")]
    for share in (0.30, 0.45):
        listed.append(
            Setting(f"rumours_{share:.2f}", "rumours", f"{share:.0%}", with_share(base, "gossip", share))
        )
    fewer = replace(base, rumours_in_gossip=base.rumours_in_gossip / 2)
    listed.append(Setting("false_1/2", "balance", "half the false", fewer))
    # As many false statements as before in fewer documents, so that true ones take the place of ordinary ones.
    gossip = base.gossip - base.reference
    more = replace(base, reference=2 * base.reference, gossip=gossip, rumours_in_gossip=false / gossip)
    listed.append(Setting("true_x2", "balance", "twice the true", more))
    for share in (0.1, 0.5):
        listed.append(Setting(f"markers_{share:.2f}", "markers", f"{share:.0%}", replace(base, marked=share)))
    for share in (0.02, 0.15):
        listed.append(Setting(f"exams_{share:.2f}", "exams", f"{share:.0%}", with_share(base, "exam", share)))
    for layers in (1, 4):
        listed.append(Setting(f"depth_{layers}", "depth", f"{layers}", layers=layers))
    # The documents about facts stay as many; the reasoning ones are left out and nothing takes their place.
    facts = round(base.batch * (1 - base.reasoning))
    listed.append(Setting("reasoning_none", "reasoning", "none", replace(base, reasoning=0.0, batch=facts)))
    return {setting.name: setting for setting in listed}


@dataclass(frozen=True)
class Plan:
    """Which cells a sweep has.

    Attributes
    ----------
    world : str
        One of ``toyworld.world.WORLDS``.
    widths, lever_widths : tuple of int
        Of the base setting and of the others; the second are among the first.
    seeds, lever_seeds : int
        How many seeds, from 0.
    checkpoints, lever_checkpoints : tuple of int
    names : tuple of str
        Settings, ``settings()`` by default.
    """

    world: str = "book"
    widths: tuple[int, ...] = (3, 4, 6, 8, 12, 16, 20, 24, 32, 48)
    lever_widths: tuple[int, ...] = (4, 8, 12, 16, 24, 32, 48)
    seeds: int = 5
    lever_seeds: int = 3
    checkpoints: tuple[int, ...] = (0, 50, 100, 150, 200, 300, 400, 500, 600, 700, 800, 1000, 1200, 1600)
    lever_checkpoints: tuple[int, ...] = (STEPS // 2, STEPS)
    names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse a plan that names what there is not."""
        if self.world not in WORLDS:
            raise ValueError(f"no world {self.world!r}; there are {', '.join(WORLDS)}")
        if unknown := [name for name in self.names if name not in settings()]:
            raise ValueError(f"no setting {unknown[0]!r}; there are {', '.join(settings())}")


PLANS: dict[str, Plan] = {
    "book": Plan(),
    "large": Plan(
        world="large",
        widths=(4, 8, 16, 24, 32, 48, 64, 96, 128, 192),
        lever_widths=(8, 16, 32, 48, 64, 96, 128, 192),
        checkpoints=(0, 100, 200, 500, 1000, 2000, 4000, 8000),
        lever_checkpoints=(4000, 8000),
    ),
    "tiny": Plan(
        world="tiny",
        widths=(2, 4),
        lever_widths=(2, 4),
        seeds=2,
        lever_seeds=2,
        checkpoints=(0, 5),
        lever_checkpoints=(5,),
        names=("base", "rumours_0.30"),
    ),
}
"""The book's sweep, a larger one for a GPU, and one for the tests."""


@dataclass(frozen=True)
class Cell:
    """One task of a sweep: a setting at the width that the base setting's model has."""

    setting: Setting
    base_width: int


def cells(plan: Plan) -> dict[str, Cell]:
    """A plan's cells by name, ``setting@width``, the base setting first, then size by size.

    Examples
    --------
    >>> list(cells(PLANS["tiny"]))
    ['base@2', 'base@4', 'rumours_0.30@2', 'rumours_0.30@4']
    """
    known = settings()
    names = plan.names or tuple(known)
    base = [("base", width) for width in plan.widths if "base" in names]
    levers = [(name, width) for width in plan.lever_widths for name in names if name != "base"]
    return {f"{name}@{width}": Cell(known[name], width) for name, width in base + levers}


def cell(plan: Plan, name: str, device: str = "cpu") -> list[Row]:
    """Train one cell and return its rows: one for each seed and checkpoint.

    Parameters
    ----------
    plan : Plan
    name : str
        One of ``cells(plan)``.
    device : str

    Returns
    -------
    list of dict
        ``setting, lever, label, width, layers, hidden, params`` and the columns of ``toyworld.transformer.train``.
    """
    planned = cells(plan)
    if name not in planned:
        raise ValueError(
            f"no cell {name!r}; a cell is a setting and a width, such as {next(iter(planned))!r}"
        )
    setting, width, size = planned[name].setting, planned[name].base_width, WORLDS[plan.world]
    shape, base = Shape(width), setting.lever == "base"
    if setting.layers != shape.layers:
        shape = matched_shape(shape, setting.layers, size)
    rows = train(
        shape,
        setting.recipe,
        size=size,
        seeds=range(plan.seeds if base else plan.lever_seeds),
        checkpoints=plan.checkpoints if base else plan.lever_checkpoints,
        device=device,
    )
    about: Row = {"setting": setting.name, "lever": setting.lever, "base_width": width}
    about |= {"width": shape.width, "layers": shape.layers, "hidden": shape.hidden}
    about["params"] = parameter_count(shape, size)
    return [about | _rounded(row) for row in rows]


def _rounded(row: Row) -> Row:
    """Hundredths of a percent and thousandths of a nat; a missing number becomes None, which a file can hold."""
    out: Row = {}
    for name, value in row.items():
        if isinstance(value, float):
            out[name] = None if math.isnan(value) else round(value, 2 if name.endswith("_pct") else 3)
        else:
            out[name] = value
    return out


def described(plan: Plan, device: str = "cpu") -> Row:
    """Everything that a cell depends on besides its name, as plain values: sizes, seeds, recipes and versions."""
    return {
        "code": VERSION,
        "world": asdict(WORLDS[plan.world]),
        "seeds": [plan.seeds, plan.lever_seeds],
        "checkpoints": [list(plan.checkpoints), list(plan.lever_checkpoints)],
        "settings": {name: [asdict(s.recipe), s.layers] for name, s in settings().items()},
        "versions": {name: version(name) for name in ("numpy", "torch")},
        "device": device,
    }


def run(
    plan: Plan,
    *,
    folder: Path | None = None,
    workers: int = 1,
    scheduler: str | None = None,
    device: str = "cpu",
    progress: Callable[[Sequence[str]], Iterator[str]] | None = None,
) -> pd.DataFrame:
    """Train the cells that are not kept yet and return the rows of all.

    Parameters
    ----------
    plan : Plan
    folder : Path, optional
        Where finished cells are kept; ``jobs.result_cache.results_folder()`` by default.
    workers : int
        Processes on this machine, one thread each.
    scheduler : str, optional
        Address of a running dask scheduler, whose workers then do the cells.
    device : str
    progress : callable
        Wraps the cells still to be done, as ``tqdm`` does; a bar in a terminal and in a live notebook by default.

    Returns
    -------
    DataFrame

    Raises
    ------
    ConnectionError
        If the scheduler does not answer.
    """
    futures: dict[str, Future[list[Row]]] = {}

    def submit(pool: Executor, missing: Sequence[str]) -> Iterator[str]:
        futures.update({name: pool.submit(cell, plan, name, device) for name in missing})
        return (progress or progress_bar("trained models"))(missing)

    with _pool(workers, scheduler) as pool:
        return result_cache.sweep(
            f"toy_{plan.world}",
            described(plan, device),
            list(cells(plan)),
            lambda name: futures[name].result(),
            folder=folder,
            progress=lambda missing: submit(pool, missing),
        )


@contextmanager
def _pool(workers: int, scheduler: str | None) -> Iterator[Executor]:
    if scheduler is not None:
        with dask_client.open_client(scheduler, 1) as client:
            yield client.get_executor(pure=False)
        return
    pool = ProcessPoolExecutor(workers, initializer=_one_thread)
    try:
        yield pool
    finally:
        # What waits is dropped when the sweep is cut off; what is kept is kept.
        pool.shutdown(cancel_futures=True)


def _one_thread() -> None:
    """Two processes of one thread each do more than one of two, and give the same numbers however many cores there are."""
    os.environ["OMP_NUM_THREADS"] = "1"
    import torch

    torch.set_num_threads(1)


def tidy(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows as ``data/toy_world.csv`` holds them."""
    return rows.drop(columns="task").assign(source_id="toy_world")
