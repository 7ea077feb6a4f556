"""The noise that a finite number of test items puts into a score."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from cape_utils.stats.results import Floats

__all__ = ["item_error", "simulate_scores"]


def item_error(score_pct: ArrayLike, items: ArrayLike) -> Floats:
    """Standard error of a benchmark score from its finite number of items.

    Parameters
    ----------
    score_pct : array_like
        Scores in percent.
    items : array_like
        Number of test items, one for all scores or one for each.

    Returns
    -------
    ndarray
        Percentage points, ``100 sqrt(p (1 - p) / items)``. Exact for a share of correct answers; an upper bound for
        TruthfulQA MC2, whose item scores lie between 0 and 1. Source: Miller, arXiv 2411.00640.

    Examples
    --------
    >>> round(float(item_error(50.0, 2500)), 3)
    1.0
    """
    share = np.clip(np.asarray(score_pct, dtype=float) / 100, 0, 1)
    return np.asarray(100 * np.sqrt(share * (1 - share) / np.asarray(items, dtype=float)))


def simulate_scores(score_pct: Floats, items: float | Floats, draws: int, rng: np.random.Generator) -> Floats:
    """Scores of models measured again with other items of the same kind, shape (draws, models), percent.

    ``items`` is one number for all or one for each. Binomial on items: exact for a share of correct answers, an upper bound for
    TruthfulQA MC2. A score of 0 or 100 would leave no noise at all, so it counts as half an item away from there.

    Examples
    --------
    >>> drawn = simulate_scores(np.array([0.0, 50.0]), 100, 4000, np.random.default_rng(0))
    >>> bool(0 < drawn[:, 0].std() < 1), round(float(drawn[:, 1].std()))
    (True, 5)
    """
    count = np.round(items).astype(np.int64)
    share = np.clip(np.asarray(score_pct, dtype=float) / 100, 0.5 / count, 1 - 0.5 / count)
    return np.asarray(100 * rng.binomial(count, share, size=(draws, share.size)) / count)
