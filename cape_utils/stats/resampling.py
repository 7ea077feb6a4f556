"""Draws and what is read off them: bootstrap counts, percentile intervals, nulls and histograms."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from cape_utils.stats.results import Floats, Null

__all__ = ["family_counts", "histogram", "interval", "null_from_draws"]


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


def null_from_draws(observed: float, draws: Floats, n: int, method: str, *, exact: bool = False) -> Null:
    """Summarise two-sided draws of a statistic whose size counts.

    Parameters
    ----------
    observed : float
    draws : ndarray, shape (draws,)
        The statistic under the null; all arrangements, the observed one included, if ``exact``.
    n : int
    method : str
    exact : bool
    """
    hits = int(np.sum(np.abs(draws) >= abs(observed) - 1e-12))
    total = draws.size
    p = hits / total if exact else (hits + 1) / (total + 1)
    if not np.isfinite(observed):  # a statistic that is not defined is no evidence
        p = float("nan")
    smallest = 1 / total if exact else 1 / (total + 1)
    low, high = interval(draws)
    return Null(
        float(observed), float(np.median(draws)), low, high, float(p), smallest, n, total, exact, method
    )
