"""Labs held against each other, and the top of a leaderboard: what paper B reads from its regression.

Sections 4 to 7 of paper B: leaving one lab out, a slope for each lab, ranges of scores, the saturation ratio and the
releases after the cut-off. The regression and the h-field are in ``frontier.regression``, what chance gives in
``ch09_frontier.date_nulls``.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from cape_utils.frontier.benchmark_pair import GPQA, SWE
from cape_utils.frontier.regression import fit_line, scored
from cape_utils.scaling.coupling import population_coupling, within_family
from cape_utils.stats.correlation import pearson
from cape_utils.stats.results import Estimate

__all__ = [
    "EqualSlopes",
    "by_range",
    "equal_slopes",
    "forecast_errors",
    "lab_slopes",
    "leave_one_lab_out",
    "lolo_error",
    "prospective",
    "r_by_lab",
    "within_lab",
]


def r_by_lab(table: pd.DataFrame, *, draws: int = 2000, rng: np.random.Generator | int = 0) -> Estimate:
    """R with an interval that resamples labs, not models."""
    return population_coupling(table.rename(columns={"lab": "family"}), SWE, GPQA, draws=draws, rng=rng)


def by_range(table: pd.DataFrame, edges: Sequence[float]) -> pd.DataFrame:
    """R within ranges of SWE-bench, beside the r that cutting the range leaves of an unbroken line.

    Parameters
    ----------
    edges : sequence of float
        Ends of the ranges in percent, rising; the lower end belongs to the range.

    Returns
    -------
    pandas.DataFrame
        Columns ``low_pct, high_pct, n, r, low, high, p, expected``; ``expected = r u / sqrt(1 - r^2 + r^2 u^2)`` with u
        the ratio of the standard deviations of SWE-bench inside and over all models (range restriction).
    """
    used = scored(table, 4)
    r_all, sd_all = pearson(used[SWE].to_numpy(), used[GPQA].to_numpy()), float(used[SWE].std())
    rows = []
    for low, high in itertools.pairwise(edges):
        part = used[(used[SWE] >= low) & (used[SWE] < high)]
        row: dict[str, float] = {"low_pct": low, "high_pct": high, "n": len(part)}
        if len(part) > 3:
            line, u = fit_line(part), float(part[SWE].std()) / sd_all
            row |= {"r": line.r.estimate, "low": line.r.low, "high": line.r.high, "p": line.p}
            row["expected"] = r_all * u / math.sqrt(1 - r_all**2 + r_all**2 * u**2)
        rows.append(row)
    return pd.DataFrame(rows)


def leave_one_lab_out(table: pd.DataFrame) -> pd.DataFrame:
    """Predict each lab's models from all other labs, by the line and by the others' mean.

    Returns
    -------
    pandas.DataFrame
        One row for each lab: ``lab, n, error`` (mean absolute error of the line, percentage points), ``constant`` (of the
        mean of the other labs' GPQA), ``slope, intercept`` of the line without the lab.
    """
    used = scored(table, 5)
    rows = []
    for lab, part in used.groupby("lab", sort=False):
        others = used[used["lab"] != lab]
        line = fit_line(others)
        rows.append(
            {
                "lab": lab,
                "n": len(part),
                "error": float(np.abs(part[GPQA] - line.predict(part[SWE])).mean()),
                "constant": float(np.abs(part[GPQA] - others[GPQA].mean()).mean()),
                "slope": line.slope.estimate,
                "intercept": line.intercept.estimate,
            }
        )
    return pd.DataFrame(rows)


def lolo_error(held_out: pd.DataFrame, *, min_models: int = 1, column: str = "error") -> Estimate:
    """Mean over labs of their held-out error, labs with fewer than ``min_models`` models left out; t interval over labs."""
    errors = held_out.loc[held_out["n"] >= min_models, column].to_numpy(dtype=float)
    if errors.size < 2:
        raise ValueError(
            f"at least 2 labs with {min_models} or more models are needed; there are {errors.size}"
        )
    mean, half = float(errors.mean()), float(stats.t.ppf(0.975, errors.size - 1) * stats.sem(errors))
    return Estimate(
        mean, mean - half, mean + half, errors.size, f"mean over labs with {min_models} or more models"
    )


def lab_slopes(table: pd.DataFrame, *, min_models: int = 3) -> pd.DataFrame:
    """The regression within each lab of at least ``min_models`` models.

    Returns
    -------
    pandas.DataFrame
        Columns ``lab, n, slope, low, high`` (95% t interval) and ``p``, ordered by lab.
    """
    rows = []
    for lab, part in scored(table, 3).groupby("lab"):
        if len(part) < max(min_models, 3) or part[SWE].nunique() < 2:
            continue
        fit = stats.linregress(part[SWE], part[GPQA])
        half = float(stats.t.ppf(0.975, len(part) - 2) * fit.stderr)
        slope = float(fit.slope)
        rows.append((lab, len(part), slope, slope - half, slope + half, float(fit.pvalue)))
    if not rows:
        raise ValueError(f"no lab has {max(min_models, 3)} models with different {SWE}")
    return pd.DataFrame(rows, columns=["lab", "n", "slope", "low", "high", "p"])


@dataclass(frozen=True)
class EqualSlopes:
    """The F-test of one slope for all labs against a slope for each, levels free in both."""

    f: float
    p: float
    df_labs: int
    df_rest: int
    common_slope: float
    n: int


def equal_slopes(table: pd.DataFrame, *, min_models: int = 3) -> EqualSlopes:
    """Are the slopes of the labs equal? F-test of the interaction (analysis of covariance)."""
    used = scored(table, 5)
    used = used[used.groupby("lab")[SWE].transform("size") >= max(min_models, 3)]
    labs = used["lab"].nunique()
    if labs < 2:
        raise ValueError(f"at least 2 labs with {max(min_models, 3)} models are needed; there are {labs}")
    inside = used[[SWE, GPQA]] - used.groupby("lab")[[SWE, GPQA]].transform("mean")
    x, y = inside[SWE], inside[GPQA]
    products = pd.DataFrame({"xx": x**2, "xy": x * y, "yy": y**2}).groupby(used["lab"]).sum()
    total = products.sum()
    free = float((products["yy"] - products["xy"] ** 2 / products["xx"]).sum())
    common = float(total["yy"] - total["xy"] ** 2 / total["xx"])
    df_labs, df_rest = labs - 1, len(used) - 2 * labs
    f = (common - free) / df_labs / (free / df_rest)
    return EqualSlopes(
        f=f,
        p=float(stats.f.sf(f, df_labs, df_rest)),
        df_labs=df_labs,
        df_rest=df_rest,
        common_slope=float(total["xy"] / total["xx"]),
        n=len(used),
    )


def prospective(past: pd.DataFrame, later: pd.DataFrame, *, recent_from: float = 2026.0) -> pd.DataFrame:
    """Predict later releases by the line through earlier ones, and by constants that know no SWE-bench.

    Parameters
    ----------
    past, later : pandas.DataFrame
        From ``models``.
    recent_from : float
        Decimal year from which an earlier model counts as recent.

    Returns
    -------
    pandas.DataFrame
        One row for each later model: ``model, gpqa, line, mean, recent`` in percent; ``mean`` is the mean GPQA of all
        earlier models and ``recent`` that of the recent ones.
    """
    recent = past[past["date_low"] >= recent_from - 1e-9]
    if recent.empty:
        raise ValueError(f"no earlier model was released from {recent_from:g} on")
    return pd.DataFrame(
        {
            "model": later["model"],
            "gpqa": later[GPQA],
            "line": fit_line(past).predict(later[SWE]),
            "mean": float(past[GPQA].mean()),
            "recent": float(recent[GPQA].mean()),
        }
    ).reset_index(drop=True)


def forecast_errors(ahead: pd.DataFrame) -> dict[str, float]:
    """Mean absolute error of each forecast in the table of ``prospective``, percentage points."""
    return {name: float(np.abs(ahead["gpqa"] - ahead[name]).mean()) for name in ("line", "mean", "recent")}


def within_lab(table: pd.DataFrame, *, draws: int = 2000, rng: np.random.Generator | int = 0) -> Estimate:
    """R after each lab's mean is taken out of both scores; bootstrap over labs with two or more models."""
    renamed = table.rename(columns={"lab": "family"})
    return within_family(renamed, SWE, GPQA, draws=draws, rng=rng)
