"""How one world's score runs over the sizes, and means over worlds with their intervals.

A world is one seed; worlds are the unit of every interval. Whole panels are read in ``ch11_toy_world.turning_points``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from cape_utils.stats.item_noise import item_error
from cape_utils.stats.results import Estimate
from cape_utils.toyworld.world import CHANCE_PCT

__all__ = ["Turn", "over_worlds", "turn"]


@dataclass(frozen=True)
class Turn:
    """How one world's truth runs over the sizes.

    Attributes
    ----------
    lowest_pct : float
        Lowest score.
    lowest_params, back_params : float
        Size of the lowest score, by a parabola through it and its neighbours in log10 of size; and size at which the score,
        having been lowest, is back at chance. NaN where it has not turned, or is not back.
    largest_pct : float
        Score of the largest model.
    dips, turns, recovers : bool
        Whether the lowest score is below chance by more than twice its item noise; whether it dips at a size inside the
        range and rises again by as much; whether it turns and comes back to chance within the range.
    """

    lowest_pct: float
    lowest_params: float
    back_params: float
    largest_pct: float
    dips: bool
    turns: bool
    recovers: bool


def turn(params: np.ndarray, truth: np.ndarray, *, n_items: float) -> Turn:
    """Read one curve of truth against size.

    Parameters
    ----------
    params : ndarray, shape (sizes,)
        Rising.
    truth : ndarray, shape (sizes,)
        Percent.
    n_items : float
        Questions behind each score.

    Raises
    ------
    ValueError
        If there are fewer than three sizes, or they do not rise.

    Examples
    --------
    >>> dip = turn(np.array([1e3, 1e4, 1e5]), np.array([25.0, 5.0, 85.0]), n_items=115)
    >>> dip.turns, dip.recovers, round(dip.back_params)
    (True, True, 17783)
    """
    if len(params) < 3 or not (np.diff(params) > 0).all():
        raise ValueError(f"got sizes {list(params)}; expected at least three rising sizes")
    x, place = np.log10(params), int(np.argmin(truth))
    lowest, largest = float(truth[place]), float(truth[-1])
    noise = float(item_error(CHANCE_PCT, n_items))
    dips = lowest < CHANCE_PCT - 2 * noise
    # Two scores of the same questions differ by chance by at most this, twice over.
    rises = float(truth[place:].max()) - lowest > 2 * np.hypot(noise, float(item_error(lowest, n_items)))
    turned = dips and place > 0 and rises and place < len(x) - 1
    vertex = float("nan")
    if turned:
        a, b, _ = np.polyfit(x[place - 1 : place + 2] - x[place], truth[place - 1 : place + 2], 2)
        vertex = 10 ** (x[place] - b / (2 * a)) if a > 0 else float(params[place])
    above = np.flatnonzero(truth[place:] >= CHANCE_PCT) + place
    back = float("nan")
    if turned and len(above):
        end = int(above[0])
        share = (CHANCE_PCT - truth[end - 1]) / (truth[end] - truth[end - 1])
        back = 10 ** float(x[end - 1] + share * (x[end] - x[end - 1]))
    return Turn(
        lowest_pct=lowest,
        lowest_params=vertex,
        back_params=back,
        largest_pct=largest,
        dips=bool(dips),
        turns=bool(turned),
        recovers=bool(np.isfinite(back)),
    )


def over_worlds(values: np.ndarray | pd.Series[float], *, logs: bool = False) -> Estimate:
    """Mean over worlds with its 95% interval by Student's t; the geometric mean if ``logs``.

    Missing values are left out and counted as discarded; with fewer than two values there is no interval.

    Examples
    --------
    >>> print(over_worlds(np.array([1.0, 2.0, 3.0])))
    2 [-0.484, 4.48], n = 3 (mean over worlds, Student's t)
    """
    array = np.asarray(values, dtype=float)
    finite = array[np.isfinite(array)]
    finite = np.log10(finite) if logs else finite
    n = len(finite)
    mean = float(finite.mean()) if n else float("nan")
    low = high = float("nan")
    if n > 1:
        half = float(stats.t.ppf(0.975, n - 1) * finite.std(ddof=1) / np.sqrt(n))
        low, high = mean - half, mean + half
    if logs:
        mean, low, high = 10**mean, 10**low, 10**high
    method = f"{'geometric ' if logs else ''}mean over worlds, Student's t"
    return Estimate(estimate=mean, low=low, high=high, n=n, method=method, discarded=len(array) - n)
