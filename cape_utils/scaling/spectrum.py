"""How many independent directions a set of scores spans: principal components and the participation ratio.

Section 2.3 of paper A, and what few models do to its number. Groups of models and their random splits are the job of
``ch08_eigenstructure.group_spectra``, windows over sizes that of ``ch08_eigenstructure.rolling_spectrum``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from cape_utils import data
from cape_utils.data.schema import require_columns
from cape_utils.stats.resampling import family_bootstrap, interval
from cape_utils.stats.results import Estimate, Floats

__all__ = [
    "Matrix",
    "Spectrum",
    "check_matrix",
    "complete_rows",
    "dimension",
    "eigen_stack",
    "participation_ratio",
    "pca",
    "place_of",
    "signed_vectors",
    "small_sample",
    "weighted_ratios",
]

Matrix = Literal["covariance", "correlation"]


@dataclass(frozen=True)
class Spectrum:
    """Principal components of a set of scores.

    Attributes
    ----------
    eigenvalues : tuple of float
        Largest first; percentage points squared for a covariance, without unit for a correlation.
    loadings : pandas.DataFrame
        One row for each benchmark, one column (1, 2, ...) for each eigenvalue; columns have length one.
    participation_ratio : float
        Dimensions, from 1 to the number of benchmarks.
    n : int
        Models without a missing score.
    matrix : str
    """

    eigenvalues: tuple[float, ...]
    loadings: pd.DataFrame
    participation_ratio: float
    n: int
    matrix: str


def participation_ratio(eigenvalues: ArrayLike) -> float:
    """Effective number of dimensions, ``(sum l)^2 / sum l^2`` (paper A, section 2.3).

    Examples
    --------
    >>> participation_ratio([2.0, 2.0, 0.0]), participation_ratio([5.0, 0.0, 0.0])
    (2.0, 1.0)
    """
    values = np.asarray(eigenvalues, dtype=float)
    if values.ndim != 1 or not np.all(np.isfinite(values)):
        raise ValueError(f"got {eigenvalues!r}, expected a list of finite eigenvalues")
    if np.any(values < -1e-9 * np.abs(values).max(initial=0)) or values.sum() <= 0:
        raise ValueError("eigenvalues of a covariance are not negative, and one is positive")
    values = values.clip(min=0)
    return float(values.sum() ** 2 / (values**2).sum())


def check_matrix(matrix: str) -> None:
    """Refuse what is neither 'covariance' nor 'correlation'."""
    if matrix not in ("covariance", "correlation"):
        raise ValueError(f"matrix={matrix!r}; allowed are 'covariance' and 'correlation'")


def complete_rows(scores: pd.DataFrame, benchmarks: Sequence[str], extra: Sequence[str] = ()) -> pd.DataFrame:
    """Rows without a missing score, or a clear error where a column is missing or fewer than three rows are left."""
    require_columns(scores, (*benchmarks, *extra))
    used = scores.dropna(subset=[*benchmarks, *extra])
    if len(used) < 3:
        raise ValueError(f"at least 3 models with all scores are needed; there are {len(used)}")
    return used


def eigen_stack(values: Floats, matrix: Matrix) -> tuple[Floats, Floats]:
    """Eigenvalues and vectors of each (n, p) table in a stack, largest first."""
    centred = values - values.mean(axis=-2, keepdims=True)
    cov = np.swapaxes(centred, -1, -2) @ centred / (values.shape[-2] - 1)
    if matrix == "correlation":
        spread = np.sqrt(np.diagonal(cov, axis1=-2, axis2=-1))
        if np.any(spread == 0):
            raise ValueError("a benchmark is the same for all models and has no correlation; leave it out")
        cov = cov / spread[..., :, None] / spread[..., None, :]
    matrices, vectors = np.linalg.eigh(cov)
    return matrices[..., ::-1].clip(min=0), vectors[..., ::-1]


def signed_vectors(vectors: Floats, place: int | None) -> Floats:
    """Fix the sign of each column: the named row, or else the largest entry, is positive."""
    if place is None:
        pick = np.abs(vectors).argmax(axis=-2)[..., None, :]
        lead = np.take_along_axis(vectors, pick, axis=-2)
    else:
        lead = vectors[..., place : place + 1, :]
    return np.asarray(vectors * np.where(lead < 0, -1.0, 1.0))


def place_of(positive: str | None, benchmarks: Sequence[str]) -> int | None:
    """Place of the benchmark whose loading is to be positive; None where none is named."""
    if positive is None:
        return None
    if positive not in benchmarks:
        raise ValueError(f"positive={positive!r}; allowed are {', '.join(benchmarks)}")
    return list(benchmarks).index(positive)


def pca(
    scores: pd.DataFrame,
    benchmarks: Sequence[str] = data.BENCHMARKS,
    *,
    matrix: Matrix = "covariance",
    positive: str | None = None,
) -> Spectrum:
    """Principal components of benchmark scores.

    Parameters
    ----------
    scores : pandas.DataFrame
        One row for each model, scores in percent; rows with a missing score are left out.
    benchmarks : sequence of str
    matrix : {"covariance", "correlation"}
        The paper's participation ratio takes the covariance, in which a benchmark with a wide spread counts for more;
        the correlation gives each benchmark the same weight.
    positive : str, optional
        Benchmark whose loading is made positive on every component. An eigenvector has no sign of its own; without a
        name its largest loading is made positive.

    Examples
    --------
    >>> toy = pd.DataFrame({"a": [1.0, 2.0, 3.0], "b": [3.0, 2.0, 1.0]})
    >>> pca(toy, ["a", "b"], positive="b").loadings[1].round(3).tolist()
    [-0.707, 0.707]
    """
    check_matrix(matrix)
    used = complete_rows(scores, benchmarks)
    values, vectors = eigen_stack(used[list(benchmarks)].to_numpy(dtype=float), matrix)
    vectors = signed_vectors(vectors, place_of(positive, benchmarks))
    table = pd.DataFrame(vectors, index=list(benchmarks), columns=range(1, len(benchmarks) + 1))
    return Spectrum(tuple(map(float, values)), table, participation_ratio(values), len(used), matrix)


def weighted_ratios(weights: Floats, values: Floats, matrix: Matrix) -> Floats:
    """Participation ratio of the rows under each row of weights; NaN where they do not vary.

    No eigenvalue is needed: their sum is the trace and the sum of their squares that of all entries.
    """
    centred = values - values.mean(axis=0)
    p = centred.shape[1]
    products = (centred[:, :, None] * centred[:, None, :]).reshape(len(centred), p * p)
    total = weights.sum(axis=1, keepdims=True)
    mean = weights @ centred / total
    cov = (weights @ products / total).reshape(-1, p, p) - mean[:, :, None] * mean[:, None, :]
    variance = np.diagonal(cov, axis1=1, axis2=2)
    floor = 1e-10 * centred.var(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        if matrix == "correlation":
            squares = (cov**2 / variance[:, :, None] / variance[:, None, :]).sum(axis=(1, 2))
            return np.where((variance > floor).all(axis=1), p**2 / squares, np.nan)
        ratio = variance.sum(axis=1) ** 2 / (cov**2).sum(axis=(1, 2))
    return np.where(variance.sum(axis=1) > floor.sum(), ratio, np.nan)


def dimension(
    scores: pd.DataFrame,
    benchmarks: Sequence[str] = data.BENCHMARKS,
    *,
    matrix: Matrix = "covariance",
    draws: int = 2000,
    rng: np.random.Generator | int = 0,
) -> Estimate:
    """Participation ratio with an interval from a bootstrap over families.

    Parameters
    ----------
    scores : pandas.DataFrame
        With ``family`` and the benchmarks in percent.
    draws : int
        Draws in which the scores do not vary are discarded and counted. A resample holds fewer different models than
        the data, so the interval leans a little to the low side; see ``small_sample``.

    Examples
    --------
    >>> dimension(data.panel("paper"), draws=100).n
    60
    """
    check_matrix(matrix)
    used = complete_rows(scores, benchmarks, ["family"])
    values = used[list(benchmarks)].to_numpy(dtype=float)
    estimate = family_bootstrap(
        used["family"],
        lambda weights: weighted_ratios(weights, values, matrix),
        float(weighted_ratios(np.ones((1, len(used))), values, matrix)[0]),
        draws=draws,
        rng=rng,
        method=f"participation ratio of the {matrix}, ",
    )
    return replace(estimate, low=np.nan, high=np.nan) if len(set(used["family"])) == 1 else estimate


def small_sample(
    covariance: ArrayLike,
    sizes: Sequence[int],
    *,
    matrix: Matrix = "covariance",
    draws: int = 1000,
    rng: np.random.Generator | int = 0,
) -> pd.DataFrame:
    """Participation ratio of n models drawn from one population, for several n.

    Parameters
    ----------
    covariance : array_like, shape (p, p)
        Of the population, which is taken as normal.
    sizes : sequence of int
        Numbers of models, from 2. n models span n - 1 dimensions at most.

    Returns
    -------
    pandas.DataFrame
        Columns ``n, mean, low, high`` (95% range), ``most`` (dimensions that n models can span) and ``population``.
    """
    check_matrix(matrix)
    cov = np.asarray(covariance, dtype=float)
    if cov.ndim != 2 or cov.shape[0] != cov.shape[1] or not np.allclose(cov, cov.T):
        raise ValueError(f"a symmetric matrix is needed; its shape is {cov.shape}")
    if min(sizes) < 2:
        raise ValueError(f"at least 2 models are needed, got {min(sizes)}")
    spread = np.sqrt(np.diag(cov))
    scaled = cov / np.outer(spread, spread) if matrix == "correlation" else cov
    p, rows = len(cov), []
    # The same draws serve every n, which takes its first models: the curve is then smooth in n.
    every = np.random.default_rng(rng).multivariate_normal(np.zeros(p), cov, size=(draws, max(sizes)))
    for n in sizes:
        values, _ = eigen_stack(every[:, :n], matrix)
        ratio = values.sum(axis=-1) ** 2 / (values**2).sum(axis=-1)
        low, high = interval(ratio)
        rows.append({"n": n, "mean": ratio.mean(), "low": low, "high": high, "most": min(p, n - 1)})
    population = participation_ratio(np.linalg.eigvalsh(scaled).clip(min=0))
    return pd.DataFrame(rows).assign(population=population)
