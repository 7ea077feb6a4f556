"""Scores of models that answered the same items: errors of changes, tests of them, and one resample for all.

Two models of a family find the same items hard, so that the difference of their scores varies far less than the two scores
would by themselves. With the answers to each item that need not be assumed: items are resampled, every model on the same draw.
Sources: Miller, arXiv 2411.00640 (paired differences); McNemar 1947 (the exact test); Efron 1979 (the bootstrap).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from cape_utils.stats.results import Floats

__all__ = ["ItemScores", "PairedChange"]

_CHUNK_ITEMS = 2_000_000  # items drawn at once; bounds the memory
_PATTERN_COST = 8  # a multinomial count costs about as much as this many single draws
_MOST_BITS = 60


@dataclass(frozen=True)
class PairedChange:
    """The change of a score from one model to another on the same items.

    Attributes
    ----------
    change : float
        Percentage points, on the matched items.
    error : float
        Its standard error from the items, percentage points.
    assumed : float
        What the error would be of two independent tests, as it is assumed where there are no answers to each item.
    correlation : float
        Of the two models' item scores; NaN where one of them is the same on every item.
    p : float
        Two-sided: exact McNemar where every item is right or wrong, else from the paired bootstrap.
    test : str
        Which of the two.
    gained, lost : int
        Items with a higher and with a lower score.
    """

    change: float
    error: float
    assumed: float
    correlation: float
    p: float
    test: str
    gained: int
    lost: int


@dataclass(frozen=True)
class ItemScores:
    """Item scores of several models on the same items.

    Attributes
    ----------
    models : tuple of str
    values : ndarray of float32, shape (items, models)
        0 to 1.
    """

    models: tuple[str, ...]
    values: NDArray[np.float32]

    def __post_init__(self) -> None:
        if self.values.ndim != 2 or self.values.shape[1] != len(self.models) or not len(self.values):
            raise ValueError(
                f"item scores of {len(self.models)} models have the shape {self.values.shape}; one row an item and one column a "
                "model are needed"
            )
        if not ((self.values >= 0) & (self.values <= 1)).all():
            raise ValueError("item scores lie from 0 to 1; some do not")

    @property
    def n(self) -> int:
        """Items."""
        return len(self.values)

    @property
    def binary(self) -> bool:
        """Whether every item is right or wrong."""
        return bool(np.isin(self.values, (0, 1)).all())

    def score_pct(self) -> Floats:
        """Scores in percent, shape (models,)."""
        return np.asarray(100 * self.values.mean(0, dtype=np.float64))

    def error_pct(self) -> Floats:
        """Standard errors of the scores, percentage points, shape (models,)."""
        return np.sqrt(np.diag(self.covariance()))

    def covariance(self) -> Floats:
        """Covariance of the scores from the draw of items, squared percentage points, shape (models, models)."""
        return np.atleast_2d(np.cov(100 * self.values.astype(np.float64), rowvar=False)) / self.n

    def chosen(self, models: Sequence[str]) -> ItemScores:
        """The same items for some of the models, in this order."""
        places = [self.models.index(model) for model in models]
        return ItemScores(tuple(models), self.values[:, places])

    def resample(self, draws: int, rng: np.random.Generator) -> Floats:
        """Scores of all models on items drawn anew, the same items for each, shape (draws, models), percent.

        Examples
        --------
        >>> same = np.random.default_rng(0).integers(0, 2, (200, 1)).repeat(2, axis=1).astype(np.float32)
        >>> drawn = ItemScores(("a", "b"), same).resample(50, np.random.default_rng(1))
        >>> bool((drawn[:, 0] == drawn[:, 1]).all()), drawn.shape
        (True, (50, 2))
        """
        patterns, counts = self._patterns()
        if len(counts) * _PATTERN_COST < self.n:
            # Items with the same answers are drawn together: the same distribution from far fewer numbers.
            drawn = rng.multinomial(self.n, counts / self.n, size=draws)
            return np.asarray(100 * (drawn @ patterns) / self.n)
        out = np.empty((draws, len(self.models)))
        rows = max(1, _CHUNK_ITEMS // self.n)
        for start in range(0, draws, rows):
            count = min(rows, draws - start)
            picked = rng.integers(0, self.n, size=(count, self.n), dtype=np.int32)
            picked += np.arange(count, dtype=np.int32)[:, None] * self.n
            weights = np.bincount(picked.ravel(), minlength=count * self.n).reshape(count, self.n)
            out[start : start + count] = weights.astype(np.float32) @ self.values
        return 100 * out / self.n

    def _patterns(self) -> tuple[Floats, NDArray[np.int64]]:
        """Each pattern of right and wrong answers with its number of items; every item its own where they are not such."""
        if not self.binary or len(self.models) > _MOST_BITS:
            return np.zeros((0, len(self.models))), np.ones(self.n, np.int64)
        places = np.arange(len(self.models))
        codes, counts = np.unique(self.values.astype(np.int64) @ (1 << places), return_counts=True)
        return ((codes[:, None] >> places) & 1).astype(float), counts

    def change(
        self, before: str, after: str, *, draws: int = 4000, rng: np.random.Generator | int = 0
    ) -> PairedChange:
        """The change from one model to another, with its paired error and a test.

        Examples
        --------
        >>> values = np.array([[0, 1], [0, 1], [1, 1], [0, 0]], dtype=np.float32)
        >>> found = ItemScores(("a", "b"), values).change("a", "b")
        >>> found.change, found.gained, found.lost, found.p
        (50.0, 2, 0, 0.5)
        """
        pair = self.chosen((before, after))
        one, other = pair.values.astype(np.float64).T
        step = other - one
        gained, lost = int((step > 0).sum()), int((step < 0).sum())
        variance = pair.covariance()
        spread = one.std() * other.std()
        if pair.binary:
            p = float(stats.binomtest(gained, gained + lost).pvalue) if gained + lost else 1.0
            test = "exact McNemar"
        else:
            drawn = np.diff(pair.resample(draws, np.random.default_rng(rng)), axis=1).ravel()
            # Shifted to no change, the draws say how often chance alone moves as far.
            moved = np.abs(drawn - 100 * step.mean()) >= abs(100 * step.mean()) - 1e-12
            p, test = float((1 + moved.sum()) / (1 + draws)), "paired bootstrap"
        return PairedChange(
            change=float(100 * step.mean()),
            error=float(100 * step.std(ddof=1) / np.sqrt(self.n)) if self.n > 1 else float("nan"),
            assumed=float(np.sqrt(variance[0, 0] + variance[1, 1])),
            correlation=float(np.corrcoef(one, other)[0, 1]) if spread > 0 else float("nan"),
            p=p,
            test=test,
            gained=gained,
            lost=lost,
        )
