"""A differential equation for benchmark scores, found by sparse regression, and integrated.

Section 4 of paper A writes the change of five scores with log10 of size as a polynomial in the scores themselves and
finds its coefficients with PySINDy (Brunton, Proctor and Kutz 2016). Here are the fit, for one family or several, and
the integration, which answers "diverges" where the solution leaves every scale a score can have. Baselines and
held-out families are in ``scaling.forecasting``, what eight points can identify is in ``ch07_ode.recovery``.
"""

from __future__ import annotations

import functools
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from cape_utils import data
from cape_utils.data.schema import require_columns
from cape_utils.stats.results import Floats

__all__ = [
    "MARGIN_PP",
    "RIDGE",
    "THRESHOLD",
    "Dynamics",
    "Path",
    "degrees_of_freedom",
    "fit_arrays",
    "fit_dense",
    "fit_dynamics",
    "integrate",
    "library_powers",
    "path_error",
    "sparse_fit",
]

Unit = Literal["percent", "fraction"]
ErrorIn = Literal["percent of the score", "points"]

THRESHOLD = 0.1
"""Coefficients smaller than this are dropped (paper A, methods); what it means depends on the unit of the scores."""

RIDGE = 0.05
"""PySINDy's own default for the ridge penalty of its thresholded least squares."""

MARGIN_PP = 100.0
"""A solution diverges when a score is more than this outside 0 to 100 percent, or is not a number."""

_SCALE: dict[Unit, float] = {"percent": 1.0, "fraction": 100.0}


@dataclass(frozen=True)
class Dynamics:
    """A polynomial rate of change of the scores, per tenfold size.

    Attributes
    ----------
    benchmarks : tuple of str
    powers : ndarray, shape (terms, benchmarks)
        Exponents of each term of the library.
    coefficients : ndarray, shape (benchmarks, terms)
        In the unit of the scores.
    degree : int
    threshold, ridge : float
    unit : {"percent", "fraction"}
        What the scores were measured in when the threshold was applied.
    n, families : int
        Derivatives behind each equation, and trajectories.
    condition : float
        Condition number of the library's matrix; infinite where it has more columns than rows.
    """

    benchmarks: tuple[str, ...]
    powers: Floats = field(repr=False)
    coefficients: Floats = field(repr=False)
    degree: int
    threshold: float
    ridge: float
    unit: Unit
    n: int
    families: int
    condition: float

    @property
    def terms(self) -> tuple[int, ...]:
        """Terms kept in each equation."""
        return tuple(int(k) for k in (self.coefficients != 0).sum(axis=1))

    def rate(self, score_pct: ArrayLike) -> Floats:
        """Change of each score, in points per tenfold size, at scores in percent of shape (..., benchmarks)."""
        scale = _SCALE[self.unit]
        return scale * (
            _library(np.asarray(score_pct, dtype=float) / scale, self.powers) @ self.coefficients.T
        )


@dataclass(frozen=True)
class Path:
    """Scores along a solution.

    Attributes
    ----------
    score_pct : ndarray, shape (sizes, benchmarks)
        Percent; NaN from the size at which the solution diverges.
    diverged : bool
    reason : str
        Why, and where; empty if it does not diverge.
    """

    score_pct: Floats
    diverged: bool
    reason: str


@functools.cache
def library_powers(dimensions: int, degree: int, constant: bool = False) -> Floats:
    """Exponents of PySINDy's polynomial library, shape (terms, dimensions).

    Examples
    --------
    >>> [len(library_powers(5, degree)) for degree in (1, 2, 3)]
    [5, 20, 55]
    """
    if degree not in (1, 2, 3):
        raise ValueError(f"degree={degree}; allowed are 1, 2 and 3")
    import pysindy  # takes more than a second, so only where it is used

    library = pysindy.PolynomialLibrary(degree=degree, include_bias=constant).fit(np.ones((2, dimensions)))
    return np.asarray(library.powers_, dtype=float)


def _library(scores: Floats, powers: Floats) -> Floats:
    return np.asarray(np.prod(scores[..., None, :] ** powers, axis=-1))


@contextmanager
def _expected_warnings() -> Iterator[None]:
    """Silence what PySINDy says about every small fit: it is counted in ``terms`` and ``condition`` instead."""
    with warnings.catch_warnings():
        for words in (
            "Sparsity parameter is too big",
            "STLSQ._reduce did not converge",
            "Ill-conditioned matrix",
            "Singular matrix",
        ):
            warnings.filterwarnings("ignore", message=words)
        yield


def sparse_fit(library: Floats, rates: Floats, *, threshold: float, ridge: float) -> Floats:
    """Sequentially thresholded least squares, by PySINDy; coefficients of shape (targets, terms).

    Parameters
    ----------
    library : ndarray, shape (n, terms)
    rates : ndarray, shape (n, targets)
    threshold, ridge : float
        Without a threshold and a penalty this is plain least squares, the one of least norm where many fit.
    """
    if threshold < 0 or ridge < 0:
        raise ValueError(f"threshold={threshold}, ridge={ridge}; neither may be negative")
    if threshold == 0 and ridge == 0:
        return np.asarray(np.linalg.lstsq(library, rates, rcond=None)[0].T)
    given = (np.asarray(table, dtype=float).tobytes() for table in (library, rates))
    return _thresholded(*given, len(library), float(threshold), float(ridge)).copy()


# The readings of a claim, the terms they keep and each start of the held-out forecasts ask for the same fits.
@functools.lru_cache(maxsize=256)
def _thresholded(library: bytes, rates: bytes, n: int, threshold: float, ridge: float) -> Floats:
    import pysindy
    from sklearn import config_context  # comes with PySINDy

    # A small fit is dozens of small regressions, and each would check the same arguments anew.
    with _expected_warnings(), config_context(skip_parameter_validation=True):
        fitted = pysindy.STLSQ(threshold=threshold, alpha=ridge).fit(
            *(np.frombuffer(table).reshape(n, -1) for table in (library, rates))
        )
    return np.asarray(fitted.coef_, dtype=float)


def _derivatives(log_size: Floats, scores: Floats) -> Floats:
    # The same second-order differences for uneven steps as PySINDy's FiniteDifference, thirty times as fast.
    return np.asarray(np.gradient(scores, log_size, axis=0, edge_order=2))


def _trajectories(scores: pd.DataFrame, benchmarks: Sequence[str]) -> list[tuple[Floats, Floats]]:
    require_columns(scores, ("family", "params_b", *benchmarks))
    used = scores.dropna(subset=["params_b", *benchmarks]).sort_values("params_b", kind="stable")
    sizes, values = used["params_b"].to_numpy(dtype=float), used[list(benchmarks)].to_numpy(dtype=float)
    codes, names = pd.factorize(used["family"])
    trajectories = []
    for code, family in enumerate(names):
        member = codes == code
        if (sizes[member] <= 0).any() or (np.diff(sizes[member]) == 0).any():
            raise ValueError(
                f"family {family!r} has sizes {sizes[member].tolist()}; each must be positive and stand once; "
                "leave out the second row"
            )
        if member.sum() >= 3:
            trajectories.append((np.log10(sizes[member]), values[member]))
    if not trajectories:
        raise ValueError(
            "no family has three sizes with every benchmark; a derivative on uneven steps needs three"
        )
    return trajectories


def fit_arrays(
    trajectories: Sequence[tuple[Floats, Floats]],
    benchmarks: Sequence[str] = data.BENCHMARKS,
    *,
    degree: int = 1,
    threshold: float = THRESHOLD,
    ridge: float = RIDGE,
    unit: Unit = "percent",
    constant: bool = False,
) -> Dynamics:
    """Fit from arrays: pairs of log10 sizes, shape (n,), and scores in percent, shape (n, benchmarks)."""
    if unit not in _SCALE:
        raise ValueError(f"unit={unit!r}; allowed are 'percent' and 'fraction'")
    powers = library_powers(len(benchmarks), degree, constant)
    states = [scores / _SCALE[unit] for _, scores in trajectories]
    rates = np.concatenate([_derivatives(x, s) for (x, _), s in zip(trajectories, states, strict=True)])
    library = _library(np.concatenate(states), powers)
    coefficients = sparse_fit(library, rates, threshold=threshold, ridge=ridge)
    condition = float(np.linalg.cond(library)) if library.shape[0] >= library.shape[1] else float("inf")
    return Dynamics(
        benchmarks=tuple(benchmarks),
        powers=powers,
        coefficients=coefficients,
        degree=degree,
        threshold=threshold,
        ridge=ridge,
        unit=unit,
        n=len(rates),
        families=len(trajectories),
        condition=condition,
    )


def fit_dynamics(
    scores: pd.DataFrame,
    *,
    benchmarks: Sequence[str] = data.BENCHMARKS,
    degree: int = 1,
    threshold: float = THRESHOLD,
    ridge: float = RIDGE,
    unit: Unit = "percent",
    constant: bool = False,
) -> Dynamics:
    """Fit ``dB/dlog10 N`` as a sparse polynomial in the scores, as in section 4 of paper A.

    Parameters
    ----------
    scores : pandas.DataFrame
        With ``family, params_b`` and the benchmarks in percent. Each family is one trajectory; those with fewer than
        three sizes, and rows without every benchmark, are left out.
    degree : {1, 2, 3}
        Of the library.
    threshold, ridge : float
        Of PySINDy's thresholded least squares.
    unit : {"percent", "fraction"}
        Unit in which the threshold is applied; results are in percent either way.
    constant : bool
        Whether the library has a constant; the paper's equation has none.

    Returns
    -------
    Dynamics

    Examples
    --------
    >>> toy = pd.DataFrame({"family": "f", "params_b": [0.1, 1, 10, 100], "hellaswag": [30.0, 40, 50, 60]})
    >>> float(fit_dynamics(toy, benchmarks=["hellaswag"], threshold=0, ridge=0, constant=True).rate([45.0])[0].round(6))
    10.0
    """
    return fit_arrays(
        _trajectories(scores, benchmarks),
        benchmarks,
        degree=degree,
        threshold=threshold,
        ridge=ridge,
        unit=unit,
        constant=constant,
    )


def fit_dense(
    scores: pd.DataFrame, *, benchmarks: Sequence[str] = data.BENCHMARKS, constant: bool = False
) -> Dynamics:
    """Plain least squares on the linear library, nothing dropped: the kind of fit behind the released figure."""
    return fit_dynamics(scores, benchmarks=benchmarks, threshold=0.0, ridge=0.0, constant=constant)


def integrate(
    model: Dynamics, start_pct: ArrayLike, start_params_b: float, target_params_b: ArrayLike
) -> Path:
    """Scores at larger sizes, from the scores at one size.

    Parameters
    ----------
    model : Dynamics
    start_pct : array_like, shape (benchmarks,)
    start_params_b : float
    target_params_b : array_like, shape (sizes,)
        Rising, none below the start.

    Returns
    -------
    Path
        Of SciPy's ``solve_ivp``; see ``MARGIN_PP`` for when it diverges.
    """
    from scipy.integrate import solve_ivp  # a tenth of a second that pages without it need not pay

    start, sizes = np.asarray(start_pct, dtype=float), np.atleast_1d(np.asarray(target_params_b, dtype=float))
    if start.shape != (len(model.benchmarks),) or not np.isfinite(start).all():
        raise ValueError(f"{len(model.benchmarks)} finite starting scores are needed, got {start.tolist()}")
    if (np.diff(sizes) < 0).any() or sizes[0] < start_params_b:
        raise ValueError(
            f"target sizes {sizes.tolist()} must rise from the start, {start_params_b:g}, or above it"
        )

    def outside(_: float, state: Floats) -> float:
        return float(MARGIN_PP - np.max(np.abs(state - 50) - 50))

    outside.terminal = True  # type: ignore[attr-defined]
    grid, begin = np.log10(sizes), float(np.log10(start_params_b))
    scores_pct = np.full((len(sizes), len(start)), np.nan)
    if grid[-1] == begin:
        scores_pct[:] = start
        return Path(scores_pct, False, "")
    with np.errstate(over="ignore", invalid="ignore"):
        solved = solve_ivp(
            lambda _, y: model.rate(y),
            (begin, float(grid[-1])),
            start,
            t_eval=grid,
            events=outside,
            rtol=1e-6,
            atol=1e-6,
        )
    if len(solved.t):
        scores_pct[: len(solved.t)] = solved.y.T
    if solved.status == 0 and np.isfinite(scores_pct).all():
        return Path(scores_pct, False, "")
    if solved.status == 1 and solved.t_events:
        where = 10 ** float(solved.t_events[0][0])
        return Path(scores_pct, True, f"a score is {MARGIN_PP:g} points outside 0 to 100 at {where:.3g}B")
    return Path(scores_pct, True, "the integration fails: the rate of change is not finite")


def path_error(path: Path, actual_pct: ArrayLike, *, error_in: ErrorIn = "percent of the score") -> float:
    """Mean absolute error over benchmarks and sizes; NaN where the path diverges.

    Parameters
    ----------
    path : Path
    actual_pct : array_like, shape (sizes, benchmarks)
    error_in : {"percent of the score", "points"}
        The paper's "mean error" can be read either way.

    Examples
    --------
    >>> path_error(Path(np.array([[44.0]]), False, ""), [[40.0]])
    10.0
    """
    if error_in not in ("percent of the score", "points"):
        raise ValueError(f"error_in={error_in!r}; allowed are 'percent of the score' and 'points'")
    if path.diverged:
        return float("nan")
    actual = np.asarray(actual_pct, dtype=float)
    error = np.abs(path.score_pct - actual)
    return float(np.mean(100 * error / actual if error_in == "percent of the score" else error))


def degrees_of_freedom(sizes: int, benchmarks: int = 5) -> pd.DataFrame:
    """Data points against coefficients of one equation, for each degree of the library.

    Returns
    -------
    pandas.DataFrame
        Columns ``degree, sizes, steps, terms, in_all``: terms of one equation, and the coefficients of all of them.

    Examples
    --------
    >>> degrees_of_freedom(8)["terms"].tolist()
    [5, 20, 55]
    """
    if sizes < 3:
        raise ValueError(f"sizes={sizes}; a derivative on uneven steps needs three")
    rows = [(degree, sizes, sizes - 1, len(library_powers(benchmarks, degree))) for degree in (1, 2, 3)]
    table = pd.DataFrame(rows, columns=["degree", "sizes", "steps", "terms"])
    return table.assign(in_all=benchmarks * table["terms"])
