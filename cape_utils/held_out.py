"""What a method gets wrong at the next size of families it has not seen, and the range that follows.

Which method is best is decided by the league of chapter 07, not by hand. Errors grow with the square root of the step in
log10 of size, every family counts the same, and the level is raised by the usual correction for a finite number of
families. The methods are in ``forecast`` (section 4 of paper A), one family's own prediction in ``next_size``.
"""

from __future__ import annotations

import functools

import numpy as np
import pandas as pd

from cape_utils import data, forecast
from cape_utils.results import Estimate, Floats, as_generator, interval

__all__ = ["best_method", "error_range", "family_weights", "held_out_coverage", "held_out_steps"]


@functools.cache
def best_method(without: frozenset[str] = frozenset(), *, trends_only: bool = False) -> forecast.Method:
    """Method with the smallest median error one step ahead, every family of the open panel held out in turn.

    Parameters
    ----------
    without : frozenset of str
        Families that have no say, such as the one to be predicted.
    trends_only : bool
        Leave out the equations, which need all five benchmarks at once.
    """
    held = pd.concat([forecast.step_errors(method) for method in forecast.METHODS])
    held = held[~held["family"].isin(without)]
    if trends_only:
        held = held[~held["method"].str.contains("ODE")]
    order = forecast.league(forecast.family_errors(held), draws=200)
    best: forecast.Method = order.index[0]
    return best


@functools.cache
def held_out_steps(method: forecast.Method, benchmarks: tuple[str, ...]) -> pd.DataFrame:
    """Errors of a method at the next size of every family of the open panel, each held out in turn.

    Returns
    -------
    pandas.DataFrame
        Columns of ``forecast.hold_out``, with ``step`` (log10 of the ratio of sizes) and ``error_pp`` (actual minus
        predicted, percentage points).
    """
    held = forecast.hold_out(
        data.panel("open", rows="one_recipe"), methods=[method], start="previous", benchmarks=benchmarks
    )
    step = np.log10(held["params_b"] / held["from_params_b"])
    return held.assign(step=step, error_pp=held["actual"] - held["predicted"])


def family_weights(errors: pd.DataFrame) -> Floats:
    """Weights of rows with which every family counts the same.

    Examples
    --------
    >>> family_weights(pd.DataFrame({"family": ["a", "a", "b"]})).tolist()
    [0.5, 0.5, 1.0]
    """
    return (1 / errors.groupby("family")["family"].transform("size")).to_numpy(dtype=float)


def error_range(errors: pd.DataFrame, step: float, level: float) -> tuple[float, float]:
    """Range of the error of one more family at a step of this length, percentage points.

    Parameters
    ----------
    errors : pandas.DataFrame
        Of one benchmark, from ``held_out_steps``; steps on which the method diverged are left out.
    step : float
        log10 of the ratio of sizes.
    level : float
        Share to be covered. With F families the quantiles are taken at ``level (1 + 1 / F)``.

    Examples
    --------
    >>> toy = pd.DataFrame({"family": list("abcde"), "step": 1.0, "error_pp": [-2.0, -1.0, 0.0, 1.0, 2.0]})
    >>> [round(end, 6) for end in error_range(toy, 4.0, 0.5)]
    [-3.0, 3.0]
    """
    low, high = _unit_range(errors, level)
    return low * float(np.sqrt(step)), high * float(np.sqrt(step))


def _unit_range(errors: pd.DataFrame, level: float) -> tuple[float, float]:
    """Range at a step of a factor of ten."""
    used = errors.dropna(subset=["error_pp"])
    families = used["family"].nunique()
    if families < 2:
        return float("nan"), float("nan")
    wide = min(1.0, level * (1 + 1 / families))
    scaled = (used["error_pp"] / np.sqrt(used["step"])).to_numpy(dtype=float)
    weights = family_weights(used)
    order = np.argsort(scaled, kind="stable")
    place = (np.cumsum(weights[order]) - weights[order] / 2) / weights.sum()
    low, high = np.interp([(1 - wide) / 2, (1 + wide) / 2], place, scaled[order])
    return float(low), float(high)


@functools.cache
def held_out_coverage(
    method: forecast.Method,
    benchmarks: tuple[str, ...],
    *,
    level: float = 0.9,
    draws: int = 2000,
    rng: int = 0,
) -> Estimate:
    """Share of held-out scores inside the range that the other families' errors give, the mean over families.

    The interval resamples families, whose scores are not independent; a step on which the method diverges counts as
    outside.
    """
    errors = held_out_steps(method, benchmarks)
    inside = pd.Series(False, index=errors.index)
    for (family, name), part in errors.groupby(["family", "benchmark"]):
        others = errors[(errors["family"] != family) & (errors["benchmark"] == name)]
        low, high = _unit_range(others, level)
        inside[part.index] = (part["error_pp"] / np.sqrt(part["step"])).between(low, high)
    shares = inside.groupby(errors["family"]).mean().to_numpy(dtype=float)
    pick = as_generator(rng).integers(0, len(shares), (draws, len(shares)))
    low, high = interval(shares[pick].mean(axis=1))
    return Estimate(
        float(shares.mean()), low, high, len(errors), f"bootstrap over {len(shares)} families", draws=draws
    )
