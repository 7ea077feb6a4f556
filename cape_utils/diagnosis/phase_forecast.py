"""The phase of a step that was not taken: how often held-out errors put it in each, and how good such shares are.

Section 2.3 of paper A gives a phase to steps that were measured. Whether a phase can be foreseen is asked here of families
held out: a forecast is worth something only where it beats the frequencies of the panel, and the size alone. Where the scores
that a step starts from say more than the forecast of where it ends, they are asked instead; which, families held out decide.
"""

from __future__ import annotations

import functools
import itertools
import math
from dataclasses import dataclass

import numpy as np
import pandas as pd

from cape_utils import data
from cape_utils.jobs.provenance import derived_table
from cape_utils.scaling import forecasting
from cape_utils.scaling.coupling import PHASES, TAX_BELOW, phase
from cape_utils.scaling.forecasting import family_weights, held_out_coverage, held_out_steps
from cape_utils.stats.results import Floats

__all__ = [
    "BANDWIDTH",
    "LEVEL",
    "PREDICTORS",
    "ForecastQuality",
    "PhaseSkill",
    "forecast_quality",
    "phase_shares",
    "phase_skill",
    "quality_table",
    "shares_of_like_steps",
]

PREDICTORS = ("errors", "size", "start_x", "start_y")
"""What the phase of a step may be foreseen from: held-out errors of the forecast scores, the smaller size, a starting score."""

_STARTS = ("size", "start_x", "start_y", "start_mmlu")

BANDWIDTH = 0.5
"""How near the start of another step must be to count, in standard deviations of such starts over the panel."""


@dataclass(frozen=True)
class PhaseSkill:
    """How well phases of the next step are foreseen on families held out (Brier score, 0 is perfect, 2 the worst).

    Attributes
    ----------
    score : float
        Of the shares that held-out errors give.
    frequencies : float
        Of the frequencies of the other families' steps, which know nothing of the family.
    n : int
        Steps.
    size, start_x, start_y, start_mmlu : float
        Of the frequencies of steps that begin at a like size, or a like score of the first, the second benchmark or MMLU.
    nested : float
        Of whichever of ``PREDICTORS`` is best on the other families, chosen anew for each family held out.
    predictor : str
        The best of ``PREDICTORS`` on all of them.
    """

    score: float
    frequencies: float
    n: int
    size: float = math.nan
    start_x: float = math.nan
    start_y: float = math.nan
    start_mmlu: float = math.nan
    nested: float = math.nan
    predictor: str = "errors"

    @property
    def used(self) -> str:
        """The predictor that a report uses: the best, if choosing it beat the forecast's errors on families held out."""
        return self.predictor if self.nested < self.score else "errors"

    @property
    def best(self) -> float:
        """Brier score of what the report uses, with the choice held out as well."""
        return min(self.score, self.nested) if self.nested == self.nested else self.score


def phase_shares(
    change: Floats, names: tuple[str, ...], errors: pd.DataFrame, step: float, x: str, y: str
) -> dict[str, float]:
    """Share of held-out errors that put a predicted step in each phase, every family counting the same.

    Parameters
    ----------
    change : ndarray, shape (len(names),)
        Predicted changes, percentage points.
    names : tuple of str
        Benchmarks of ``change``.
    errors : pandas.DataFrame
        From ``scaling.forecasting.held_out_steps``; errors of one step stay together.
    step : float
        log10 of the ratio of sizes.
    x, y : str
        The pair.

    Examples
    --------
    >>> errors = pd.DataFrame({"family": list("aabb"), "from_params_b": 1.0, "params_b": 10.0, "step": 1.0,
    ...                        "benchmark": ["x", "y"] * 2, "error_pp": [0.0, 1.0, 0.0, -9.0]})
    >>> phase_shares(np.array([10.0, 4.0]), ("x", "y"), errors, 1.0, "x", "y")
    {'tax': 0.5, 'transition': 0.0, 'bonus': 0.5}
    """
    return _shares(change, names, _by_step(errors, x, y), step, x, y)


def _by_step(errors: pd.DataFrame, x: str, y: str) -> pd.DataFrame:
    """Errors of both benchmarks side by side, one row a step; steps without both are left out."""
    wide = errors.pivot_table("error_pp", ["family", "from_params_b", "params_b", "step"], "benchmark")
    return wide.reset_index().dropna(subset=[x, y])


def _shares(
    change: Floats, names: tuple[str, ...], wide: pd.DataFrame, step: float, x: str, y: str
) -> dict[str, float]:
    scale = np.sqrt(step / wide["step"].to_numpy(dtype=float))
    dx = change[names.index(x)] + wide[x].to_numpy(dtype=float) * scale
    dy = change[names.index(y)] + wide[y].to_numpy(dtype=float) * scale
    weights = family_weights(wide)
    weights = weights / weights.sum()
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = dy / dx
    tax, bonus = float(weights[ratio < -TAX_BELOW].sum()), float(weights[ratio > TAX_BELOW].sum())
    return {"tax": tax, "transition": max(0.0, 1 - tax - bonus), "bonus": bonus}


def shares_of_like_steps(
    value: float,
    method: forecasting.Method,
    x: str,
    y: str,
    *,
    by: str,
    exclude: frozenset[str] = frozenset(),
) -> dict[str, float]:
    """How often steps of the open panel that began like this one were in each phase.

    Nearer starts count more, by a normal curve of ``BANDWIDTH``; one step of the panel's plain frequencies is added, so that no
    phase is impossible far from all of them.

    Parameters
    ----------
    value : float
        Where the step begins: log10 of billions for ``by="size"``, else percent.
    method, x, y : str
        Whose held-out steps are asked, as for ``phase_skill``.
    by : str
        One of ``PREDICTORS`` but for ``"errors"``.
    exclude : frozenset of str
        Families to leave out.

    Examples
    --------
    >>> method = forecasting.best_method(trends_only=True)
    >>> shares = shares_of_like_steps(80.0, method, "hellaswag", "truthfulqa_mc2", by="start_x")
    >>> max(shares, key=shares.get), round(sum(shares.values()), 9)
    ('bonus', 1.0)
    """
    steps = _held_out_phases(method, x, y)
    others = ~steps["family"].isin(exclude).to_numpy()
    happened = _happened(steps)[others]
    near = _nearness(np.array([value]), steps[by].to_numpy(dtype=float))[0, others]
    shares = (near @ happened + happened.mean(axis=0)) / (near.sum() + 1)
    return dict(zip(PHASES, map(float, shares), strict=True))


def _nearness(starts: Floats, steps: Floats) -> Floats:
    """Weight of every step for each start, shape (starts, steps); 0 where the start is not known."""
    spread = BANDWIDTH * float(np.nanstd(steps))
    return np.nan_to_num(np.exp(-0.5 * ((starts[:, None] - steps) / spread) ** 2))


def _happened(steps: pd.DataFrame) -> Floats:
    return np.array([[word == name for name in PHASES] for word in steps["happened"]], dtype=float)


@functools.cache
def _held_out_phases(method: forecasting.Method, x: str, y: str) -> pd.DataFrame:
    """Steps whose forecast was held out, with the phase that happened and what each began from."""
    names = (x, y)
    errors = held_out_steps(method, names)
    panel = data.panel("open", rows="one_recipe")
    rows = []
    for (family, begin, _), part in errors.groupby(["family", "from_params_b", "params_b"]):
        step_errors = part.set_index("benchmark")
        start = (
            panel[(panel["family"] == family) & (panel["params_b"] == begin)].dropna(subset=[x, y]).iloc[0]
        )
        begin_pct = start[list(names)].to_numpy(dtype=float)
        actual = step_errors.loc[list(names), "actual"].to_numpy(dtype=float) - begin_pct
        if actual[0] == 0 or step_errors["predicted"].isna().any():
            continue
        rows.append(
            {
                "family": family,
                "change": step_errors.loc[list(names), "predicted"].to_numpy(dtype=float) - begin_pct,
                "step": float(step_errors["step"].iloc[0]),
                "happened": str(phase([actual[1] / actual[0]])[0]),
                "size": float(np.log10(float(start["params_b"]))),
                "start_x": begin_pct[0],
                "start_y": begin_pct[1],
                "start_mmlu": float(start["mmlu"]),
            }
        )
    return pd.DataFrame(rows)


@functools.cache
def phase_skill(method: forecasting.Method, x: str, y: str) -> PhaseSkill:
    """Brier scores of foreseen phases over the families of the open panel, each held out in turn."""
    table = _held_out_phases(method, x, y)
    happened, family = _happened(table), table["family"].to_numpy()
    wide = _by_step(held_out_steps(method, (x, y)), x, y)
    votes = {
        "errors": (_phases_by_errors(table, wide, x, y), wide["family"].to_numpy(), family_weights(wide))
    }
    for name in _STARTS:
        starts = table[name].to_numpy(dtype=float)
        # One step of plain frequencies comes to the near ones; which frequencies depends on who is held out.
        votes[name] = (_nearness(starts, starts)[:, :, None] * happened, family, np.ones(len(family)))

    def foreseen(name: str, exclude: set[str], target: np.ndarray) -> Floats:
        phases, source, weights = votes[name]
        others = ~np.isin(source, list(exclude))
        shares = (phases[target][:, others] * weights[others, None]).sum(axis=1)
        if name != "errors":
            shares = shares + happened[~np.isin(family, list(exclude))].mean(axis=0)
        return np.asarray(shares / shares.sum(axis=1, keepdims=True))

    def losses(name: str, left_out: str = "") -> Floats:
        """Of every step when its own family is held out, and another with it."""
        loss = np.full(len(family), np.nan)
        for one in set(family) - {left_out}:
            target = family == one
            loss[target] = ((foreseen(name, {one, left_out}, target) - happened[target]) ** 2).sum(axis=1)
        return loss

    scores = {name: float(losses(name).mean()) for name in votes}
    usual, nested = np.empty_like(happened), np.empty_like(happened)
    for one in set(family):
        target = family == one
        usual[target] = happened[~target].mean(axis=0)
        inside = {name: float(np.nanmean(losses(name, one))) for name in PREDICTORS}
        nested[target] = foreseen(min(inside, key=lambda name: inside[name]), {one}, target)

    def brier(shares: Floats) -> float:
        return float(np.mean(np.sum((shares - happened) ** 2, axis=1)))

    return PhaseSkill(
        score=scores["errors"],
        frequencies=brier(usual),
        n=len(table),
        size=scores["size"],
        start_x=scores["start_x"],
        start_y=scores["start_y"],
        start_mmlu=scores["start_mmlu"],
        nested=brier(nested),
        predictor=min(PREDICTORS, key=lambda name: scores[name]),
    )


def _phases_by_errors(table: pd.DataFrame, wide: pd.DataFrame, x: str, y: str) -> Floats:
    """Phase that each held-out error would give each predicted step, shape (steps, errors, 3)."""
    scale = np.sqrt(table["step"].to_numpy(dtype=float)[:, None] / wide["step"].to_numpy(dtype=float))
    change = np.stack(table["change"].to_list())
    dx, dy = (
        change[:, [place]] + wide[name].to_numpy(dtype=float) * scale for place, name in enumerate((x, y))
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = dy / dx
    tax, bonus = ratio < -TAX_BELOW, ratio > TAX_BELOW
    return np.stack([tax, ~tax & ~bonus, bonus], axis=-1).astype(float)


@dataclass(frozen=True)
class ForecastQuality:
    """What forecasts of some benchmarks are worth on families held out.

    Attributes
    ----------
    coverage : float
        Share of held-out scores inside the ranges, families counting the same.
    tested : int
        Scores held out.
    skill : PhaseSkill or None
        Of the phase that a pair of them gives; None where they are not two.
    """

    coverage: float
    tested: int
    skill: PhaseSkill | None


LEVEL = 0.9
"""Share of held-out scores that the ranges of the table ``forecast_quality`` aim to hold."""


def forecast_quality(
    method: forecasting.Method, benchmarks: tuple[str, ...], *, level: float = LEVEL
) -> ForecastQuality:
    """Coverage and phase skill of a method on the open panel, from the table ``forecast_quality`` where it holds them."""
    stored = _stored_quality().get((method, benchmarks)) if level == LEVEL else None
    return stored or _quality(method, benchmarks, level)


@functools.cache
def _stored_quality() -> dict[tuple[str, tuple[str, ...]], ForecastQuality]:
    stored = {}
    for row in derived_table("forecast_quality").to_dict("records"):
        pair = not pd.isna(row["steps"])
        skill = None
        if pair:
            starts = {name: row[f"brier_{name}"] for name in _STARTS}
            skill = PhaseSkill(
                score=row["brier_forecast"],
                frequencies=row["brier_frequencies"],
                n=int(row["steps"]),
                **starts,
                nested=row["brier_nested"],
                predictor=row["predictor"],
            )
        key = (row["method"], tuple(row["benchmarks"].split(" ")))
        stored[key] = ForecastQuality(row["coverage"], int(row["tested"]), skill)
    return stored


@functools.cache
def _quality(method: forecasting.Method, benchmarks: tuple[str, ...], level: float) -> ForecastQuality:
    covered = held_out_coverage(method, benchmarks, level=level, draws=2)
    skill = phase_skill(method, *benchmarks) if len(benchmarks) == 2 else None
    return ForecastQuality(covered.estimate, covered.n, skill)


def quality_table() -> pd.DataFrame:
    """The table ``forecast_quality``: the methods that a diagnosis may choose, on the benchmarks predicted together.

    Returns
    -------
    pandas.DataFrame
        Columns ``method, benchmarks`` (names with a space between), ``coverage, tested, brier_forecast,
        brier_frequencies, brier_size, brier_start_x, brier_start_y, brier_start_mmlu, brier_nested, predictor,
        steps``: for the equations the five together; for the trend that ranks first each benchmark
        of the open panel alone, and each ordered pair. What else is asked for is computed when it is.
    """
    panel = data.panel("open", rows="one_recipe")
    known = [name for name in data.load("benchmarks")["benchmark"] if name in panel]
    groups = [*((name,) for name in known), *itertools.permutations(known, 2)]
    rows = []
    first = forecasting.best_method(trends_only=True)
    for method in [first, *(name for name in forecasting.METHODS if "ODE" in name)]:
        for names in groups if method == first else [data.BENCHMARKS]:
            quality = _quality(method, names, LEVEL)
            row: dict[str, str | float] = {"method": method, "benchmarks": " ".join(names)}
            row |= {"coverage": quality.coverage, "tested": quality.tested}
            if quality.skill is not None:
                row |= {"brier_forecast": quality.skill.score, "brier_frequencies": quality.skill.frequencies}
                row |= {f"brier_{name}": getattr(quality.skill, name) for name in (*_STARTS, "nested")}
                row |= {"predictor": quality.skill.predictor, "steps": quality.skill.n}
            rows.append(row)
    return pd.DataFrame(rows).astype({"steps": "Int64"})
