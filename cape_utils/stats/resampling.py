"""Draws and what is read off them: bootstraps over families, percentile intervals, nulls and histograms."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from cape_utils.stats.results import Estimate, Floats, Null

__all__ = [
    "Alternative",
    "cluster_bootstrap_mean",
    "family_bootstrap",
    "family_counts",
    "histogram",
    "interval",
    "null_from_draws",
]

Alternative = Literal["two-sided", "greater", "less"]


def interval(draws: ArrayLike, level: float = 0.95) -> tuple[float, float]:
    """Percentile interval of the finite draws; NaN where there is none.

    Examples
    --------
    >>> interval([0.0, 1.0, 2.0, 3.0, 4.0], level=0.5)
    (1.0, 3.0)
    """
    finite = np.asarray(draws, dtype=float)
    finite = finite[np.isfinite(finite)]
    if finite.size == 0:
        return float("nan"), float("nan")
    low, high = np.percentile(finite, [50 * (1 - level), 50 * (1 + level)])
    return float(low), float(high)


def family_counts(families: int, draws: int, rng: np.random.Generator | int) -> Floats:
    """How often a bootstrap over families takes each of them, shape (draws, families).

    Examples
    --------
    >>> family_counts(3, 2, 0).sum(axis=1).tolist()
    [3.0, 3.0]
    """
    generator = np.random.default_rng(rng)
    return generator.multinomial(families, np.full(families, 1 / families), size=draws).astype(float)


def histogram(
    draws: ArrayLike, *, bins: int = 40, low: float | None = None, high: float | None = None
) -> pd.DataFrame:
    """Share of the finite draws in each of equally wide bins, for charts that must not compute.

    Returns
    -------
    pandas.DataFrame
        Columns ``low, high, share``; draws outside the range count towards the total only.

    Examples
    --------
    >>> histogram([0.0, 0.2, 0.9, 1.0], bins=2)["share"].tolist()
    [0.5, 0.5]
    """
    finite = np.asarray(draws, dtype=float)
    finite = finite[np.isfinite(finite)]
    if finite.size == 0:
        raise ValueError("no finite draw to count")
    span = (finite.min() if low is None else low, finite.max() if high is None else high)
    counts, edges = np.histogram(finite, bins=bins, range=span)
    return pd.DataFrame({"low": edges[:-1], "high": edges[1:], "share": counts / finite.size})


def null_from_draws(
    observed: float,
    draws: Floats,
    n: int,
    method: str,
    *,
    exact: bool = False,
    alternative: Alternative = "two-sided",
    centre: float = 0.0,
) -> Null:
    """Summarise the draws of a statistic under a null.

    Parameters
    ----------
    observed : float
    draws : ndarray, shape (draws,)
        The statistic under the null; all arrangements, the observed one included, if ``exact``.
    n : int
        Observations.
    method : str
    exact : bool
        Whether ``draws`` are all arrangements, so that p is a plain share of them; else the data count among the draws.
    alternative : {"two-sided", "greater", "less"}
        Which draws are at least as extreme as the data: as far from ``centre``, at least as large, or at most as large.
    centre : float
        Of the two-sided comparison.

    Examples
    --------
    >>> null_from_draws(2.0, np.array([-3.0, 0.0, 1.0]), 5, "toy").p
    0.5
    >>> null_from_draws(2.0, np.array([-3.0, 0.0, 1.0]), 5, "toy", alternative="greater").p
    0.25
    """
    extreme = {
        "two-sided": np.abs(draws - centre) >= abs(observed - centre) - 1e-12,
        "greater": draws >= observed - 1e-12,
        "less": draws <= observed + 1e-12,
    }
    counted = 0 if exact else 1
    total = draws.size
    # A statistic that is not defined is no evidence.
    p = {
        side: (int(np.sum(one)) + counted) / (total + counted) if np.isfinite(observed) else float("nan")
        for side, one in extreme.items()
    }
    low, high = interval(draws)
    return Null(
        observed=float(observed),
        value=float(np.median(draws)),
        low=low,
        high=high,
        p=p[alternative],
        smallest_p=1 / (total + counted),
        n=n,
        draws=total,
        exact=exact,
        method=method,
        p_less=p["less"],
        p_greater=p["greater"],
    )


def family_bootstrap(
    families: ArrayLike,
    statistic: Callable[[Floats], Floats],
    estimate: float,
    *,
    draws: int,
    rng: np.random.Generator | int,
    method: str = "",
) -> Estimate:
    """An estimate with the percentile interval of a bootstrap over families.

    Parameters
    ----------
    families : array_like, shape (n,)
        The family of each row.
    statistic : callable
        From weights of the rows, shape (draws, n), to the statistic under each, shape (draws,); NaN where there is none.
    estimate : float
        The statistic of the data.
    draws : int
    rng : Generator or int
    method : str
        What stands before ``bootstrap over N families``.

    Examples
    --------
    >>> y = np.array([1.0, 2.0, 6.0])
    >>> mean = lambda weights: weights @ y / weights.sum(axis=1)
    >>> family_bootstrap(["a", "a", "b"], mean, 3.0, draws=100, rng=0).high
    6.0
    """
    codes, names = pd.factorize(np.asarray(families, dtype=object))
    drawn = statistic(np.take(family_counts(len(names), draws, rng), codes, axis=1))
    low, high = interval(drawn)
    return Estimate(
        estimate=estimate,
        low=low,
        high=high,
        n=len(codes),
        method=f"{method}bootstrap over {len(names)} families",
        draws=draws,
        discarded=int(np.sum(~np.isfinite(drawn))),
    )


def cluster_bootstrap_mean(
    values: Floats, clusters: ArrayLike, method: str, *, draws: int, rng: np.random.Generator | int
) -> Estimate:
    """Mean of values, with the percentile interval of a bootstrap over their clusters.

    Parameters
    ----------
    values : ndarray, shape (n,)
    clusters : array_like, shape (n,)
        Family, topic or other unit of each value, resampled whole.
    method : str
        With ``{clusters}`` where their number belongs.
    draws : int
    rng : Generator or int

    Examples
    --------
    >>> cluster_bootstrap_mean(np.array([1.0, 3.0]), ["a", "b"], "{clusters} units", draws=100, rng=0).method
    '2 units'
    """
    codes, names = pd.factorize(np.asarray(clusters, dtype=object))
    sums, sizes = np.bincount(codes, values), np.bincount(codes).astype(float)
    counts = family_counts(len(names), draws, rng)
    low, high = interval(counts @ sums / (counts @ sizes))
    return Estimate(
        estimate=float(values.mean()),
        low=low,
        high=high,
        n=len(values),
        method=method.format(clusters=len(names)),
        draws=draws,
    )
