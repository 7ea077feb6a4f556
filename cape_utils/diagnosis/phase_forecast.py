"""The phase of a step that was not taken: how often held-out errors put it in each, and how good such shares are.

Section 2.3 of paper A gives a phase to steps that were measured. Whether a phase can be foreseen is asked here of families
held out: a forecast is worth something only where it beats the frequencies of the panel.
"""

from __future__ import annotations

import functools
import itertools
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
    "LEVEL",
    "ForecastQuality",
    "PhaseSkill",
    "forecast_quality",
    "phase_shares",
    "phase_skill",
    "quality_table",
]


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
    """

    score: float
    frequencies: float
    n: int


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


@functools.cache
def phase_skill(method: forecasting.Method, x: str, y: str) -> PhaseSkill:
    """Brier scores of foreseen phases over the families of the open panel, each held out in turn."""
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
            }
        )
    table = pd.DataFrame(rows)
    happened = np.array([[word == name for name in PHASES] for word in table["happened"]], dtype=float)
    foreseen, usual = np.empty_like(happened), np.empty_like(happened)
    wide = _by_step(errors, x, y)
    for family in table["family"].unique():
        mine = (table["family"] == family).to_numpy()
        others = wide[wide["family"] != family]
        usual[mine] = happened[~mine].mean(axis=0)
        for place in np.flatnonzero(mine):
            row = table.iloc[place]
            shares = _shares(row["change"], names, others, float(row["step"]), x, y)
            foreseen[place] = [shares[name] for name in PHASES]

    def brier(shares: Floats) -> float:
        return float(np.mean(np.sum((shares - happened) ** 2, axis=1)))

    return PhaseSkill(brier(foreseen), brier(usual), len(table))


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
        skill = (
            PhaseSkill(row["brier_forecast"], row["brier_frequencies"], int(row["steps"])) if pair else None
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
        brier_frequencies, steps``: for the equations the five together; for the trend that ranks first each benchmark
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
                row |= {"steps": quality.skill.n}
            rows.append(row)
    return pd.DataFrame(rows).astype({"steps": "Int64"})
