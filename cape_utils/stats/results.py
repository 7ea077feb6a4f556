"""Result objects that every analysis returns: an estimate with its interval, and a null with its range.

Nothing is computed here beyond reading numbers off a set of draws.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "Estimate",
    "Floats",
    "Null",
    "to_jsonable",
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
    """The distribution of a statistic under a null hypothesis, and where the data fall in it.

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
    p_less, p_greater : float
        Shares of the null at most, and at least, as large as the data, counted as ``p`` is; NaN where they are not kept.
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
    p_less: float = math.nan
    p_greater: float = math.nan


def to_jsonable(value: Any) -> Any:
    """A value that strict JSON can hold: NaN and infinities become None, tuples become lists.

    Examples
    --------
    >>> to_jsonable({"a": (1.0, float("nan"))})
    {'a': [1.0, None]}
    """
    if isinstance(value, dict):
        return {key: to_jsonable(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [to_jsonable(part) for part in value]
    if isinstance(value, float | np.floating):
        return float(value) if math.isfinite(value) else None
    return value.item() if isinstance(value, np.generic) else value
