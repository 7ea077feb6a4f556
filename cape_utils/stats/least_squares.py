"""Weighted least squares for many draws at once."""

from __future__ import annotations

import numpy as np

from cape_utils.stats.results import Floats

__all__ = ["basis_of", "weighted_fits"]


def basis_of(x: Floats, degree: int) -> Floats:
    """Powers of a variable from 0 up, shape (len(x), degree + 1)."""
    return np.asarray(np.asarray(x, dtype=float)[:, None] ** np.arange(degree + 1))


def weighted_fits(basis: Floats, y: Floats, weights: Floats) -> Floats:
    """Coefficients of weighted least squares for each row of weights; NaN where they are not determined."""
    gram = np.einsum("dn,np,nq->dpq", weights, basis, basis, optimize=True)
    moment = (weights * y) @ basis
    known = np.linalg.cond(gram) < 1e10
    coefficients = np.full(moment.shape, np.nan)
    coefficients[known] = np.linalg.solve(gram[known], moment[known][..., None])[..., 0]
    return coefficients
