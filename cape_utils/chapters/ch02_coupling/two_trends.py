"""What the trend null and the partial correlation do to two series, drawn step by step for a few draws.

The null itself is ``scaling.trend_nulls.monotone_null``, the partial correlation ``stats.correlation.partial_correlation``; here
are the series behind single draws, and what a straight line in log size leaves of a score.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from cape_utils.scaling.trend_nulls import monotone_draws
from cape_utils.stats.correlation import partial_correlation, pearson
from cape_utils.stats.resampling import histogram, null_from_draws
from cape_utils.stats.results import Floats, Null

__all__ = ["KEPT", "shuffled_nulls", "shuffled_series", "size_taken_out"]

KEPT = {"steps": "steps from size to size", "scores": "scores themselves"}
"""What can be shuffled, in words."""


def _shuffled(series: Floats, kind: str, rng: np.random.Generator) -> Floats:
    if kind == "scores":
        return rng.permutation(series)
    steps = rng.permutation(np.diff(series))
    return np.concatenate([series[:1], series[0] + np.cumsum(steps)])


def shuffled_series(
    scores: pd.DataFrame, x: str, y: str, *, examples: int = 6, rng: np.random.Generator | int = 0
) -> pd.DataFrame:
    """The two series of a family, and the same with their steps or their scores shuffled.

    Parameters
    ----------
    scores : pandas.DataFrame
        One family with ``params_b`` and both scores in percent, none missing.
    x, y : str
    examples : int
        Draws of each kind of shuffle.
    rng : Generator or int

    Returns
    -------
    pandas.DataFrame
        ``kind`` (a key of ``KEPT``), ``draw`` (0 is the data), ``params_b, x, y`` (percent) and ``r`` of the two series.

    Examples
    --------
    >>> family = pd.DataFrame({"params_b": [1, 2, 4], "x": [1.0, 3.0, 4.0], "y": [9.0, 8.0, 5.0]})
    >>> steps = shuffled_series(family, "x", "y", examples=1).query("kind == 'steps' and draw == 1")
    >>> sorted(steps["x"].diff().dropna())
    [1.0, 2.0]
    """
    family, generator = scores.sort_values("params_b"), np.random.default_rng(rng)
    a, b = (family[column].to_numpy(float) for column in (x, y))
    parts = []
    for kind in KEPT:
        for draw in range(examples + 1):
            one, other = (s if draw == 0 else _shuffled(s, kind, generator) for s in (a, b))
            drawn = {
                "params_b": family["params_b"].to_numpy(),
                "x": one,
                "y": other,
                "r": pearson(one, other),
            }
            parts.append(pd.DataFrame({"kind": kind, "draw": draw, **drawn}))
    return pd.concat(parts, ignore_index=True)


def shuffled_nulls(
    scores: pd.DataFrame, x: str, y: str, *, draws: int = 10_000, rng: int = 0
) -> tuple[dict[str, Null], pd.DataFrame]:
    """R under either shuffle: the null of each kind, and its histogram.

    Returns
    -------
    dict of str to Null
        By kind; the trend null is ``trend_nulls.monotone_null`` of the same seed.
    pandas.DataFrame
        ``kind, low, high, share``, in bins of 0.05.
    """
    family = scores.sort_values("params_b")
    a, b = (family[column].to_numpy(float) for column in (x, y))
    generator = np.random.default_rng(rng)
    pairings = generator.permuted(np.tile(b, (draws, 1)), axis=1)
    r = {
        "steps": monotone_draws(a, b, draws=draws, rng=rng),
        "scores": np.array([pearson(a, pairing) for pairing in pairings]),
    }
    nulls = {
        kind: null_from_draws(pearson(a, b), drawn, len(a), f"{KEPT[kind]} shuffled")
        for kind, drawn in r.items()
    }
    bins = [histogram(drawn, bins=40, low=-1.0, high=1.0).assign(kind=kind) for kind, drawn in r.items()]
    return nulls, pd.concat(bins, ignore_index=True)


def size_taken_out(scores: pd.DataFrame, pairs: Sequence[tuple[str, str]]) -> pd.DataFrame:
    """What a straight line in log size leaves of two scores, and r before and after.

    Parameters
    ----------
    scores : pandas.DataFrame
        One family with ``params_b`` and the scores in percent.
    pairs : sequence of (str, str)

    Returns
    -------
    pandas.DataFrame
        ``pair`` (of the first benchmark), ``params_b, x, y`` (percent), ``x_line, y_line`` (the lines there), ``x_left, y_left``
        (what they leave, points), and ``r, partial, low, high``, the last three from ``partial_correlation``.

    Examples
    --------
    >>> family = pd.DataFrame({"params_b": [1, 10, 100, 1000], "x": [1.0, 3, 4, 6], "y": [9.0, 8, 5, 4]})
    >>> float(size_taken_out(family, [("x", "y")])["x_left"].sum().round(9)) + 0
    0.0
    """
    parts = []
    for x, y in pairs:
        used = scores.dropna(subset=[x, y]).sort_values("params_b")
        log_size = np.log10(used["params_b"].to_numpy(float))
        given = partial_correlation(used[x], used[y], log_size)
        columns: dict[str, object] = {"pair": x, "params_b": used["params_b"].to_numpy()}
        for axis, series in (("x", used[x].to_numpy(float)), ("y", used[y].to_numpy(float))):
            line = np.polyval(np.polyfit(log_size, series, 1), log_size)
            columns |= {axis: series, f"{axis}_line": line, f"{axis}_left": series - line}
        columns |= {"r": pearson(used[x].to_numpy(float), used[y].to_numpy(float)), "partial": given.estimate}
        parts.append(pd.DataFrame({**columns, "low": given.low, "high": given.high}))
    return pd.concat(parts, ignore_index=True)
