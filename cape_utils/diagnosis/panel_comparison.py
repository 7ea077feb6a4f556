"""One family beside the open panel: whether it is in there, how far above the web-trained curve, and who looks like it.

Section 5 of paper A measures a recipe against web-trained models at its size. The panel's own copy of a family is found by
its models, not by what the family is called, and always left out. What the next size scores is in ``diagnosis.next_size``.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
import pandas as pd

from cape_utils import data
from cape_utils.data.model_names import short_name
from cape_utils.diagnosis.phase_prior import panel_prior
from cape_utils.diagnosis.steps import CouplingStep, intervals
from cape_utils.scaling.recipe_effects import recipe_field
from cape_utils.scaling.web_curve import CurveSpec, fit_curve, recipe_rows, web_rows

__all__ = [
    "Distance",
    "ModelDistance",
    "Neighbour",
    "nearest_families",
    "overlapping_families",
    "web_distance",
]

_SAME = 0.02  # points within which a score counts as the same figure, rounded elsewhere
_YOURS = "(yours)"


def overlapping_families(rows: pd.DataFrame) -> frozenset[str]:
    """Families of the open panel that hold models of this table, by name or by size and scores.

    Parameters
    ----------
    rows : pandas.DataFrame
        With ``model, params_b`` and benchmarks in percent.

    Examples
    --------
    >>> own = pd.DataFrame({"model": ["opt-1.3b"], "params_b": [1.3], "hellaswag": [54.5]})
    >>> sorted(overlapping_families(own))
    ['OPT']
    """
    panel = data.panel("open")
    names = {short_name(model) for model in rows["model"]}
    families = set(panel.loc[panel["model"].map(short_name).isin(names), "family"])
    shared = [name for name in data.load("benchmarks")["benchmark"] if name in rows and name in panel]
    for row in rows.to_dict("records"):
        given = [name for name in shared if pd.notna(row[name])]
        if len(given) >= 2:
            near = (panel[given] - [row[name] for name in given]).abs().le(_SAME).all(axis=1)
            families |= set(panel.loc[near, "family"])
    return frozenset(map(str, families))


@dataclass(frozen=True)
class ModelDistance:
    """One model against the curve: percent on the curve, and percentage points above it."""

    model: str
    params_b: float
    expected: float
    h: float


@dataclass(frozen=True)
class Distance:
    """How far a family's score sits above the curve of web-trained models at its sizes.

    Attributes
    ----------
    h : float
        Mean over the family's models, percentage points.
    low, high : float
        95% range of the h of a web-trained family with as many models of these sizes; h within it is nothing unusual.
    p : float
        Two-sided share of such families at least as far off.
    n : int
        Models.
    models : tuple of ModelDistance
    note : str
        What to beware of; empty if nothing.
    """

    h: float
    low: float
    high: float
    p: float
    n: int
    models: tuple[ModelDistance, ...]
    note: str

    @property
    def unusual(self) -> bool:
        """Whether h lies outside the range of web-trained families."""
        return not self.low <= self.h <= self.high


def web_distance(
    rows: pd.DataFrame,
    y: str,
    *,
    exclude: frozenset[str] = frozenset(),
    draws: int = 2000,
    rng: np.random.Generator | int = 0,
) -> Distance | None:
    """Distance of one family from the curve of web-trained models; None where the open panel lacks the benchmark.

    Parameters
    ----------
    rows : pandas.DataFrame
        Of one family: ``model, params_b`` (billions) and ``y`` (percent).
    y : str
    exclude : frozenset of str
        Families that the curve is fitted without.
    draws : int
        Resamples of web-trained lines.
    """
    panel = recipe_rows("open")
    if y not in panel or y not in rows:
        return None
    ladder = rows.dropna(subset=[y]).sort_values("params_b", kind="stable")
    panel = panel[~panel["family"].isin(exclude)]
    if ladder.empty or web_rows(panel).dropna(subset=[y])["line"].nunique() < 5:
        return None
    ladder = ladder.assign(
        recipe=_YOURS, line=_YOURS, kind="yours", log_size=np.log10(ladder["params_b"].astype(float))
    )
    columns = ["model", "params_b", "recipe", "line", "kind", "log_size", y]
    both = pd.concat([panel[columns], ladder[columns]], ignore_index=True)
    null = recipe_field(both, _YOURS, CurveSpec(y), draws=draws, rng=rng)
    curve = fit_curve(web_rows(panel), CurveSpec(y), draws=1)
    expected = curve.at(ladder["log_size"].to_numpy(dtype=float))
    models = tuple(
        ModelDistance(str(model), float(size), float(level), float(score - level))
        for model, size, level, score in zip(
            ladder["model"], ladder["params_b"], expected, ladder[y], strict=True
        )
    )
    outside = ~ladder["log_size"].between(curve.low, curve.high)
    note = (
        f"{int(outside.sum())} of {len(ladder)} models lie outside the sizes of the curve, {10**curve.low:.3g}B to "
        f"{10**curve.high:.3g}B, where a parabola is a guess"
        if outside.any()
        else ""
    )
    return Distance(
        h=null.observed, low=null.low, high=null.high, p=null.p, n=null.n, models=models, note=note
    )


@dataclass(frozen=True)
class Neighbour:
    """A family of the open panel that scores alike at the same sizes, and its next step.

    Attributes
    ----------
    family : str
    distance_pp : float
        Root mean square of the differences of both scores at shared sizes, percentage points.
    sizes : int
        Sizes compared; the neighbour's scores lie on straight lines in log10 N between its own.
    from_model, to_model : str
        Its step from about the family's largest size to the next; empty where it has no larger model.
    from_params_b, to_params_b, dx, dy, coupling : float
        Billions, percentage points and their ratio; NaN where there is no step.
    phase : str
    probability : float
        Of that phase, from item noise.
    """

    family: str
    distance_pp: float
    sizes: int
    from_model: str
    to_model: str
    from_params_b: float
    to_params_b: float
    dx: float
    dy: float
    coupling: float
    phase: str
    probability: float


def nearest_families(
    rows: pd.DataFrame, x: str, y: str, *, exclude: frozenset[str] = frozenset(), most: int = 3
) -> tuple[Neighbour, ...]:
    """Families of the open panel nearest by both scores at comparable sizes, the nearest first.

    Parameters
    ----------
    rows : pandas.DataFrame
        Of one family, with ``params_b`` and both benchmarks.
    x, y : str
    exclude : frozenset of str
        Families to leave out.
    most : int

    Returns
    -------
    tuple of Neighbour
        Empty where the panel lacks a benchmark or no family shares two sizes (within a quarter). Where none of the
        nearest has a larger model, the nearest that has one stands last.
    """
    ladder = rows.dropna(subset=[x, y]).sort_values("params_b", kind="stable")
    if ladder.empty:
        return ()
    size, largest = np.log10(ladder["params_b"].to_numpy(dtype=float)), float(ladder["params_b"].max())
    candidates = []
    for family, part in _panel_ladders(x, y).items():
        known = np.log10(part["params_b"].to_numpy(dtype=float))
        shared = (size > known.min() - 0.1) & (size < known.max() + 0.1)
        if family in exclude or shared.sum() < 2 or len(known) < 2:
            continue
        gaps = [
            ladder[name].to_numpy(dtype=float)[shared]
            - np.interp(size[shared], known, part[name].to_numpy(dtype=float))
            for name in (x, y)
        ]
        candidates.append((float(np.sqrt(np.mean(np.square(gaps)))), family, int(shared.sum())))
    candidates.sort()
    neighbours = [_neighbour(*entry, largest, x, y) for entry in candidates[:most]]
    for entry in candidates[most:]:
        # What happened next is the question; where none of these can answer it, the nearest that can is added.
        if any(one.to_model for one in neighbours):
            break
        one = _neighbour(*entry, largest, x, y)
        neighbours += [one] if one.to_model else []
    return tuple(neighbours)


@functools.cache
def _panel_ladders(x: str, y: str) -> dict[str, pd.DataFrame]:
    """Families of the open panel with both scores, by size and each size once; none where the panel lacks a benchmark."""
    panel = data.panel("open", rows="one_recipe")
    if x not in panel or y not in panel:
        return {}
    groups = panel.dropna(subset=[x, y]).groupby("family")
    return {str(family): part.drop_duplicates("params_b") for family, part in groups}


@functools.cache
def _step_above(family: str, x: str, y: str, below: int) -> CouplingStep:
    """The step of a family of the open panel from the last of its ``below`` smallest models; the same for every reader."""
    part = _panel_ladders(x, y)[family].iloc[below - 1 : below + 1]
    return intervals(part, x, y, draws=2000, prior=panel_prior(x, y))[0]


def _neighbour(distance: float, family: str, sizes: int, largest: float, x: str, y: str) -> Neighbour:
    known = _panel_ladders(x, y)[family]["params_b"]
    below = int((known <= 1.25 * largest).sum())
    nan = float("nan")
    if below in (0, len(known)):
        return Neighbour(
            family=family,
            distance_pp=distance,
            sizes=sizes,
            from_model="",
            to_model="",
            from_params_b=nan,
            to_params_b=nan,
            dx=nan,
            dy=nan,
            coupling=nan,
            phase="",
            probability=nan,
        )
    step = _step_above(family, x, y, below)
    return Neighbour(
        family=family,
        distance_pp=distance,
        sizes=sizes,
        from_model=step.from_model,
        to_model=step.to_model,
        from_params_b=step.from_params_b,
        to_params_b=step.to_params_b,
        dx=step.dx,
        dy=step.dy,
        coupling=step.coupling,
        phase=step.phase,
        probability=step.probability,
    )
