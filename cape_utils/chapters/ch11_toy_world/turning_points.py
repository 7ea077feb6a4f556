"""What the toy world's table says: turning points and local couplings, with intervals over worlds.

A world is one seed: its facts, its documents and the start of its models. Worlds are the unit of every interval here.
What the levers do to a turning point is in ``ch11_toy_world.levers``; nothing is trained in either.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy import stats

from cape_utils import data
from cape_utils.scaling.coupling import local_coupling
from cape_utils.stats.results import Estimate
from cape_utils.toyworld.sweep import STEPS
from cape_utils.toyworld.turns import over_worlds, turn
from cape_utils.toyworld.world import WorldSize, build_world

__all__ = [
    "coupling_by_step",
    "items",
    "scores",
    "turns",
    "turns_along_training",
    "turns_by_length",
    "turns_summary",
]

PARAMS_PER_BILLION = 1000.0
"""Toy parameters that stand for a billion, so that the estimators of the panels take them: one stands for a million."""

_MEASURES = ("truth", "reasoning", "ordinary", "covered", "reference", "gossip")


def items() -> dict[str, float]:
    """Number of questions of each kind in the book's world.

    Examples
    --------
    >>> items()["truth"], items()["reasoning"]
    (115.0, 1152.0)
    """
    world = build_world(WorldSize(), seed=0)
    rumoured, covered = float(len(world.uncovered)), float(len(world.covered))
    return {
        "truth": rumoured,
        "reference": rumoured,
        "gossip": rumoured,
        "covered": covered,
        "ordinary": float(len(world.ordinary)),
        "reasoning": float(len(world.untrained)),
    }


def scores(
    table: pd.DataFrame | None = None, *, setting: str = "base", step: int = STEPS, same_sizes: bool = False
) -> pd.DataFrame:
    """One setting after one length of training, in the columns of the book's panels.

    Parameters
    ----------
    table : DataFrame, optional
        Rows of a sweep; ``data.load("toy_world")`` by default.
    setting : str
        A setting's name.
    step : int
    same_sizes : bool
        Only the sizes at which every setting was trained.

    Returns
    -------
    DataFrame
        ``family`` (the world), ``model``, ``params`` (as counted), ``params_b`` (thousands), ``d_model``,
        ``layers``, and each score in percent under its own name.

    Raises
    ------
    ValueError
        If there is no such row; the message lists what there is.

    Examples
    --------
    >>> panel = scores()
    >>> panel["family"].nunique()
    5
    """
    table = data.load("toy_world") if table is None else table
    part = table[(table["setting"] == setting) & (table["step"] == step)]
    if part.empty:
        rows = table[table["setting"] == setting]
        available = ", ".join(map(str, sorted(set(rows["step"] if len(rows) else table["setting"]))))
        what = "that setting was read after" if len(rows) else "the settings are"
        raise ValueError(f"no row of setting {setting!r} after {step} steps; {what} {available}")
    if same_sizes:
        part = part[part["base_width"].isin(_shared_widths(table))]
    part = part.sort_values(["seed", "params"], kind="stable")
    named = {
        "family": [f"world {seed + 1}" for seed in part["seed"]],
        "model": [
            f"world {seed + 1}, {params:,} parameters"
            for seed, params in zip(part["seed"], part["params"], strict=True)
        ],
        "seed": part["seed"].to_numpy(),
        "params": part["params"].to_numpy(),
        "params_b": part["params"].to_numpy() / PARAMS_PER_BILLION,
        "d_model": part["width"].to_numpy(),
        "layers": part["layers"].to_numpy(),
        "base_width": part["base_width"].to_numpy(),
        "rumour": part["truth_rumour_pct"].to_numpy(dtype=float),
    }
    return pd.DataFrame(named | {name: part[f"{name}_pct"].to_numpy(dtype=float) for name in _MEASURES})


def _shared_widths(table: pd.DataFrame) -> set[int]:
    each = [set(part["base_width"]) for _, part in table.groupby("setting")]
    return set.intersection(*each)


def turns(panel: pd.DataFrame) -> pd.DataFrame:
    """The turn of every world of a panel from ``scores``, one row a world."""
    n_items = items()["truth"]
    rows = {}
    for seed, part in panel.groupby("seed"):
        rows[seed] = vars(
            turn(part["params"].to_numpy(dtype=float), part["truth"].to_numpy(), n_items=n_items)
        )
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("seed")


def turns_summary(panel: pd.DataFrame) -> dict[str, Estimate]:
    """Turning point, size back at chance, lowest and last score of a panel, each over its worlds."""
    table = turns(panel)
    return {
        "lowest_params": over_worlds(table["lowest_params"], logs=True),
        "back_params": over_worlds(table["back_params"], logs=True),
        "lowest_pct": over_worlds(table["lowest_pct"]),
        "largest_pct": over_worlds(table["largest_pct"]),
    }


def turns_along_training(table: pd.DataFrame | None = None) -> dict[int, dict[str, Estimate]]:
    """``turns_summary`` of the base setting at every checkpoint, by training steps.

    Examples
    --------
    >>> summaries = turns_along_training()
    >>> [summaries[steps]["lowest_params"].n for steps in (0, STEPS)]
    [0, 5]
    """
    table = data.load("toy_world") if table is None else table
    lengths = sorted(table.query("setting == 'base'")["step"].unique())
    return {int(step): turns_summary(scores(table, step=step)) for step in lengths}


def turns_by_length(
    table: pd.DataFrame | None = None, *, lengths: Sequence[int] = (STEPS // 2, STEPS, 2 * STEPS)
) -> pd.DataFrame:
    """Size of the lowest score, and size back at chance, after several lengths of training of the base setting.

    Returns
    -------
    DataFrame
        ``steps, reading, params, low, high, worlds``.
    """
    readings = {"lowest_params": "lowest", "back_params": "back at chance"}
    rows = []
    for length in lengths:
        summary = turns_summary(scores(table, step=length))
        for key, reading in readings.items():
            size = summary[key]
            rows.append(
                {
                    "steps": length,
                    "reading": reading,
                    "params": size.estimate,
                    "low": size.low,
                    "high": size.high,
                    "worlds": size.n,
                }
            )
    return pd.DataFrame(rows)


def coupling_by_step(panel: pd.DataFrame) -> pd.DataFrame:
    """Local coupling of truth and reasoning between neighbouring sizes, with what the worlds say of it.

    Returns
    -------
    DataFrame
        One row a step: ``from_params, to_params``, the changes ``truth, truth_low, truth_high, reasoning, reasoning_low,
        reasoning_high`` (points, mean and interval over worlds), ``coupling, coupling_low, coupling_high`` (their quotient;
        the interval is Fieller's and is missing where the change of reasoning may be zero), ``negative`` (worlds with a negative
        coupling) and ``worlds``.
    """
    local = local_coupling(panel, "reasoning", "truth", items=items())
    rows = []
    for _, part in local.groupby(["from_params_b", "to_params_b"]):
        dy, dx = over_worlds(part["dy"]), over_worlds(part["dx"])
        low, high = _fieller(part["dy"].to_numpy(), part["dx"].to_numpy())
        rows.append(
            {
                "from_params": part["from_params_b"].iloc[0] * PARAMS_PER_BILLION,
                "to_params": part["to_params_b"].iloc[0] * PARAMS_PER_BILLION,
                **{"truth": dy.estimate, "truth_low": dy.low, "truth_high": dy.high},
                **{"reasoning": dx.estimate, "reasoning_low": dx.low, "reasoning_high": dx.high},
                **{"coupling": dy.estimate / dx.estimate, "coupling_low": low, "coupling_high": high},
                "negative": int((part["coupling"] < 0).sum()),
                "worlds": len(part),
            }
        )
    return pd.DataFrame(rows)


def _fieller(top: np.ndarray, below: np.ndarray) -> tuple[float, float]:
    """95% interval of a quotient of two paired means; NaN where the one below may be zero."""
    n = len(top)
    nothing = float("nan"), float("nan")
    if n < 3:
        return nothing
    y, x = float(top.mean()), float(below.mean())
    (vy, c), (_, vx) = np.cov(top, below) / n
    t2 = float(stats.t.ppf(0.975, n - 1)) ** 2
    a, b, d = x**2 - t2 * vx, x * y - t2 * c, y**2 - t2 * vy
    if a <= 0 or b**2 < a * d:
        return nothing
    root = np.sqrt(b**2 - a * d)
    return float((b - root) / a), float((b + root) / a)
