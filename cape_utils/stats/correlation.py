"""Pearson correlation, row by row, weighted or partial, and the interval of Fisher's transformation."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from cape_utils.stats.results import Estimate, Floats

__all__ = [
    "fisher_interval",
    "jackknife_interval",
    "partial_correlation",
    "pearson",
    "rows_pearson",
    "weighted_pearson",
]


def pearson(a: Floats, b: Floats) -> float:
    """Pearson's r of two series; NaN for fewer than two pairs."""
    return float(stats.pearsonr(a, b).statistic) if len(a) > 1 else float("nan")


def rows_pearson(a: Floats, b: Floats) -> Floats:
    """Pearson's r of each row of ``a`` with the same row of ``b``; one row may serve all."""
    a = a - a.mean(axis=-1, keepdims=True)
    b = b - b.mean(axis=-1, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray((a * b).sum(axis=-1) / np.sqrt((a**2).sum(axis=-1) * (b**2).sum(axis=-1)))


def fisher_interval(r: float, freedom: int) -> tuple[float, float]:
    """95% interval of a correlation by Fisher's z, 1 / freedom being the variance of z; NaN where there is none."""
    if freedom < 1 or not np.isfinite(r):
        return float("nan"), float("nan")
    centre, half = np.arctanh(np.clip(r, -1 + 1e-15, 1 - 1e-15)), stats.norm.ppf(0.975) / np.sqrt(freedom)
    return float(np.tanh(centre - half)), float(np.tanh(centre + half))


def jackknife_interval(r: float, left_out: ArrayLike, *, other_se: float = 0.0) -> tuple[float, float]:
    """95% interval of a correlation from leaving out one cluster at a time, in Fisher's z and with Student's t.

    For few clusters of unequal size, where a bootstrap over clusters goes wrong: its percentiles are centred on another value
    than r when some clusters weigh much more than others, and its basic interval is too short.

    Parameters
    ----------
    r : float
        Over all clusters.
    left_out : array_like, shape (clusters,)
        The correlation without each cluster; at least two.
    other_se : float
        Standard error in z of what else is uncertain, added in quadrature.

    Returns
    -------
    tuple of float
        NaN where the correlation is not defined without one of the clusters.

    Examples
    --------
    >>> low, high = jackknife_interval(0.5, [0.4, 0.5, 0.6])
    >>> bool(low < 0.5 < high)
    True
    """
    without = np.asarray(left_out, dtype=float)
    if without.size < 2:
        raise ValueError(f"at least 2 clusters are needed; got {without.size}; use fisher_interval over rows")
    if not (np.isfinite(r) and np.isfinite(without).all()):
        return float("nan"), float("nan")
    edge = 1 - 1e-15
    z, each = np.arctanh(np.clip(r, -edge, edge)), np.arctanh(np.clip(without, -edge, edge))
    variance = (each.size - 1) * np.mean((each - each.mean()) ** 2) + other_se**2
    half = stats.t.ppf(0.975, each.size - 1) * np.sqrt(variance)
    return float(np.tanh(z - half)), float(np.tanh(z + half))


def weighted_pearson(a: Floats, b: Floats, weights: Floats) -> Floats:
    """Pearson's r of two series under each row of weights, shape (draws,); NaN where one does not vary."""
    total = weights.sum(axis=1)
    ma, mb = weights @ a / total, weights @ b / total
    cov = weights @ (a * b) / total - ma * mb
    var = (weights @ a**2 / total - ma**2) * (weights @ b**2 / total - mb**2)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(cov / np.sqrt(var))


def partial_correlation(x: ArrayLike, y: ArrayLike, covariate: ArrayLike) -> Estimate:
    """Correlation of what is left of two series after a straight line in ``covariate`` is taken out of both.

    Parameters
    ----------
    x, y : array_like, shape (n,)
    covariate : array_like, shape (n,)
        Usually log10 of the number of parameters.

    Returns
    -------
    Estimate
        Interval by Fisher's z with one degree of freedom less.
    """
    a, b, c = (np.asarray(v, dtype=float) for v in (x, y, covariate))
    keep = np.isfinite(a) & np.isfinite(b) & np.isfinite(c)
    a, b, c = a[keep], b[keep], c[keep]
    if len(a) < 4:
        raise ValueError(f"at least 4 rows without missing values are needed; there are {len(a)}")
    basis = np.column_stack([np.ones_like(c), c])
    r = pearson(*(v - basis @ np.linalg.lstsq(basis, v, rcond=None)[0] for v in (a, b)))
    low, high = fisher_interval(r, len(a) - 4)
    return Estimate(r, low, high, len(a), "partial correlation, Fisher z")
