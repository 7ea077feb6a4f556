"""Result objects that every analysis returns: an estimate with its interval, and a null with its range.

Nothing is computed here beyond reading numbers off a set of draws.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

__all__ = [
    "Estimate",
    "Floats",
    "Null",
    "as_generator",
    "family_counts",
    "histogram",
    "interval",
    "null_from_draws",
    "plain",
]

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Estimate:
    """A number with its uncertainty.

    Attributes
    ----------
    estimate, low, high : float
        Value and the ends of the interval; NaN where there is none.
    n : int
        Observations behind it.
    method : str
        How it was computed, what was resampled.
    level : float
        Coverage that the interval aims at.
    draws, discarded : int
        Resamples taken, and those of them that gave no value.
    """

    estimate: float
    low: float
    high: float
    n: int
    method: str
    level: float = 0.95
    draws: int = 0
    discarded: int = 0

    def __str__(self) -> str:
        return f"{self.estimate:.3g} [{self.low:.3g}, {self.high:.3g}], n = {self.n} ({self.method})"


@dataclass(frozen=True)
class Null:
    """What a statistic does when nothing is there.

    Attributes
    ----------
    observed : float
        The statistic on the data.
    value, low, high : float
        Median and 95% range of the statistic under the null.
    p : float
        Share of the null at least as extreme as the data, the data counted among the draws unless exact.
    smallest_p : float
        The smallest p that this null can give.
    n, draws : int
        Observations, and draws or arrangements taken.
    exact : bool
        Whether every arrangement was visited.
    method : str
    """

    observed: float
    value: float
    low: float
    high: float
    p: float
    smallest_p: float
    n: int
    draws: int
    exact: bool
    method: str


def as_generator(rng: np.random.Generator | int) -> np.random.Generator:
    """A generator from a seed, or the generator itself.

    Examples
    --------
    >>> int(as_generator(0).integers(10)) == int(as_generator(0).integers(10))
    True
    """
    return rng if isinstance(rng, np.random.Generator) else np.random.default_rng(rng)


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
    generator = as_generator(rng)
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


def plain(value: Any) -> Any:
    """A value that strict JSON can hold: NaN and infinities become None, tuples become lists.

    Examples
    --------
    >>> plain({"a": (1.0, float("nan"))})
    {'a': [1.0, None]}
    """
    if isinstance(value, dict):
        return {key: plain(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [plain(part) for part in value]
    if isinstance(value, float | np.floating):
        return float(value) if math.isfinite(value) else None
    return value.item() if isinstance(value, np.generic) else value
