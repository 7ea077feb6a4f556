"""What a statistic of two score series does when nothing, or nothing but size, ties them together.

Section 2 of paper A tests its correlation by permutation. These nulls ask what that test can see, and put beside it
one that keeps each series' trend in size. The statistics themselves are in ``scaling.coupling``.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from cape_utils.stats.correlation import pearson, rows_pearson
from cape_utils.stats.resampling import null_from_draws
from cape_utils.stats.results import Floats, Null

__all__ = [
    "family_direction_null",
    "family_trend_null",
    "increment_null",
    "monotone_draws",
    "monotone_null",
    "permutation_null",
    "permutation_p_under_monotone",
    "rising_share_null",
]

_EXACT_UP_TO = 9  # 9! = 362,880 arrangements; beyond that a sample answers as well


@functools.cache
def _arrangements(n: int) -> np.ndarray[Any, np.dtype[np.int8]]:
    return np.array(list(itertools.permutations(range(n))), dtype=np.int8)


def _two_series(x: ArrayLike, y: ArrayLike, min_models: int) -> tuple[Floats, Floats]:
    a, b = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    if a.shape != b.shape or a.ndim != 1:
        raise ValueError(f"two series of equal length are needed; their shapes are {a.shape} and {b.shape}")
    keep = np.isfinite(a) & np.isfinite(b)
    a, b = a[keep], b[keep]
    if len(a) < min_models:
        raise ValueError(f"at least {min_models} pairs without missing values are needed; there are {len(a)}")
    return a, b


def permutation_null(
    x: ArrayLike, y: ArrayLike, *, draws: int = 10_000, rng: np.random.Generator | int = 0
) -> Null:
    """R when the pairing of the two series is random.

    Exact for up to nine pairs, sampled beyond. This null takes the pairs as exchangeable; two series that both
    follow size are not, and ``monotone_null`` is the fairer question for them.

    Parameters
    ----------
    x, y : array_like, shape (n,)
        Pairs with a missing value are left out.

    Examples
    --------
    >>> permutation_null([1, 2, 3, 4], [2, 4, 6, 9]).draws
    24
    """
    a, b = _two_series(x, y, 3)
    n = len(a)
    exact = n <= _EXACT_UP_TO
    if exact:
        order = _arrangements(n)
    else:
        generator = np.random.default_rng(rng)
        order = generator.permuted(np.tile(np.arange(n), (draws, 1)), axis=1).astype(
            np.int8 if n < 128 else np.int64
        )
    ca, cb = a - a.mean(), b - b.mean()
    r = (cb[order] @ ca) / np.sqrt((ca @ ca) * (cb @ cb))
    method = f"all {len(order):,} pairings" if exact else f"{draws:,} random pairings"
    return null_from_draws(pearson(a, b), r, n, method, exact=exact)


def _shuffled_steps(series: Floats, draws: int, generator: np.random.Generator) -> Floats:
    steps = generator.permuted(np.tile(np.diff(series), (draws, 1)), axis=1)
    return np.concatenate([np.zeros((draws, 1)), np.cumsum(steps, axis=1)], axis=1)


def monotone_draws(
    x: ArrayLike, y: ArrayLike, *, draws: int = 10_000, rng: np.random.Generator | int = 0
) -> Floats:
    """The draws behind ``monotone_null``: r of the two series with shuffled steps, shape (draws,)."""
    a, b = _two_series(x, y, 3)
    generator = np.random.default_rng(rng)
    return rows_pearson(_shuffled_steps(a, draws, generator), _shuffled_steps(b, draws, generator))


def monotone_null(
    x: ArrayLike, y: ArrayLike, *, draws: int = 10_000, rng: np.random.Generator | int = 0
) -> Null:
    """R when each series keeps its own steps in size, in random order.

    The steps of both series are shuffled independently. A series that only rises, or only falls, still does, so the
    two stay tied to size and to nothing else. If r is as large as this null's, it says no more than that both
    series have a trend.

    Parameters
    ----------
    x, y : array_like, shape (n,)
        In order of size. The unit shuffled is the step between consecutive sizes.

    Examples
    --------
    >>> monotone_null([1, 2, 4, 7, 11], [9, 7, 6, 2, 1], draws=200).value < -0.8
    True
    """
    a, b = _two_series(x, y, 3)
    r = monotone_draws(a, b, draws=draws, rng=rng)
    return null_from_draws(pearson(a, b), r, len(a), "steps of each series shuffled, trends kept")


def permutation_p_under_monotone(
    x: ArrayLike, y: ArrayLike, *, draws: int = 200, rng: np.random.Generator | int = 0
) -> Null:
    """The p that the permutation test gives to series tied to size and to nothing else.

    Returns
    -------
    Null
        Of p itself; ``p`` is the share of such series with a p at most as large as the observed one.
    """
    a, b = _two_series(x, y, 3)
    if len(a) > _EXACT_UP_TO:
        raise ValueError(f"the exact test is for up to {_EXACT_UP_TO} pairs; there are {len(a)}")
    observed = permutation_null(a, b).p
    generator = np.random.default_rng(rng)
    order = _arrangements(len(a))
    first, second = _shuffled_steps(a, draws, generator), _shuffled_steps(b, draws, generator)
    first = first - first.mean(axis=1, keepdims=True)
    second = second - second.mean(axis=1, keepdims=True)
    p = np.empty(draws)
    for i in range(draws):  # one draw is already 40,320 arrangements; all at once would need gigabytes
        r = np.abs(second[i][order] @ first[i])
        p[i] = np.mean(r >= r[0] - 1e-9)
    method = "exact permutation p of series whose steps were shuffled"
    # The data are not among these draws, so p is a plain share, though not of all arrangements.
    null = null_from_draws(observed, p, len(a), method, exact=True, alternative="less")
    return replace(null, exact=False)


def increment_null(
    x: ArrayLike, y: ArrayLike, *, draws: int = 10_000, rng: np.random.Generator | int = 0
) -> Null:
    """Correlate the steps themselves: a larger rise of one might go with a larger fall of the other.

    Parameters
    ----------
    x, y : array_like, shape (n,)
        In order of size; there are n - 1 steps, and the permutation is over steps.
    """
    a, b = _two_series(x, y, 4)
    return permutation_null(np.diff(a), np.diff(b), draws=draws, rng=rng)


def rising_share_null(
    scores: pd.DataFrame, benchmarks: Sequence[str], *, draws: int = 1000, rng: np.random.Generator | int = 0
) -> Null:
    """Share of positive local couplings when each score keeps its own steps, in random order within the family.

    Two scores that mostly rise have mostly positive couplings whether or not one has to do with the other.

    Parameters
    ----------
    scores : pandas.DataFrame
    benchmarks : sequence of str
        Every pair of these. The unit shuffled is the step within a family, for each benchmark on its own.
    """
    used = scores.sort_values(["family", "params_b"], kind="stable")
    signs: list[Floats] = []
    for _, part in used.groupby("family"):
        complete = part.dropna(subset=list(benchmarks))
        if len(complete) > 1:
            signs.append(np.sign(np.diff(complete[list(benchmarks)].to_numpy(dtype=float), axis=0)))
    pairs = list(itertools.combinations(range(len(benchmarks)), 2))
    generator = np.random.default_rng(rng)

    def positive(stack: Floats) -> Floats:
        return np.asarray(
            sum((stack[..., i] * stack[..., j] > 0).sum(axis=-1) for i, j in pairs), dtype=float
        )

    n = sum(len(family) for family in signs) * len(pairs)
    total = np.zeros(draws)
    for family in signs:
        total += positive(generator.permuted(np.tile(family, (draws, 1, 1)), axis=1))
    observed = sum(float(positive(family)) for family in signs) / n
    return null_from_draws(observed, total / n, n, "steps of each score shuffled within families")


def family_trend_null(
    scores: pd.DataFrame,
    x: str = "hellaswag",
    y: str = "truthfulqa_mc2",
    *,
    draws: int = 4000,
    rng: np.random.Generator | int = 0,
) -> Null:
    """Correlation over the models of several families when each family keeps its levels and its own steps.

    Within each family the steps of both scores are shuffled independently; where the family starts and ends stays.
    What is left of r is what levels and trends give by themselves.
    """
    generator = np.random.default_rng(rng)
    used = scores.dropna(subset=[x, y]).sort_values(["family", "params_b"], kind="stable")
    columns: dict[str, list[Floats]] = {x: [], y: []}
    for _, part in used.groupby("family", sort=False):
        for name, stack in columns.items():
            series = part[name].to_numpy(dtype=float)
            stack.append(series[0] + _shuffled_steps(series, draws, generator))
    r = rows_pearson(np.concatenate(columns[x], axis=1), np.concatenate(columns[y], axis=1))
    observed = pearson(used[x].to_numpy(dtype=float), used[y].to_numpy(dtype=float))
    return null_from_draws(observed, r, len(used), "steps shuffled within families, levels and trends kept")


def family_direction_null(
    scores: pd.DataFrame,
    x: str = "hellaswag",
    y: str = "truthfulqa_mc2",
    *,
    draws: int = 8000,
    rng: np.random.Generator | int = 0,
) -> Null:
    """Correlation over the models of several families when it is chance whether a family's ``y`` rises or falls.

    The scores of ``y`` are mirrored about their mean in a random half of the families; levels and the sizes of the steps
    stay. This is the null of a claim about the sign that families share, as ``family_trend_null`` is that of a claim about
    more than their trends.

    Parameters
    ----------
    scores : pandas.DataFrame
        The unit whose direction is drawn is the family.
    """
    used = scores.dropna(subset=[x, y])
    a, b = used[x].to_numpy(dtype=float), used[y].to_numpy(dtype=float)
    codes, names = pd.factorize(used["family"])
    mean = used.groupby("family")[y].transform("mean").to_numpy(dtype=float)
    sign = np.random.default_rng(rng).choice([-1.0, 1.0], size=(draws, len(names)))[:, codes]
    r = rows_pearson(np.broadcast_to(a, sign.shape), mean + sign * (b - mean))
    return null_from_draws(pearson(a, b), r, len(used), "whether a family rises or falls is chance")
