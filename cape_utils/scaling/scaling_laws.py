"""Power laws of loss and of gradient norm against size.

Section 3 of paper A and its appendix: ``L(N) = E + A N^-alpha``, the constancy of ``N^alpha (L - E)``, and the
gradient norm as a power of size and of loss. Standard errors are standard errors here, and 95% intervals are 95%
intervals; the paper prints the first where a reader expects the second.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy import optimize, stats

from cape_utils.stats.resampling import Alternative, interval, null_from_draws
from cape_utils.stats.results import Estimate, Floats, Null

__all__ = [
    "SLOWEST",
    "LossLaw",
    "PowerLaw",
    "fit_loss_law",
    "fit_power_law",
    "gradient_dip",
    "gradient_dip_null",
    "loss_law_null",
    "power_law_null",
    "two_series_null",
]

_EXACT_UP_TO = 9  # 9! = 362,880 orders

SLOWEST = (0.3, 0.5)
"""Smallest factors by which a decline without a law may slow down from step to step.

Smaller ones than the data's own steps have, and not so near to 1 that only the law itself is left.
"""

_ALPHAS = np.linspace(0.02, 1.5, 297)  # grid for the null, on which E and A have a closed form


@dataclass(frozen=True)
class LossLaw:
    """A fitted ``L(N) = floor + scale * N^-exponent``, N in billions.

    Attributes
    ----------
    floor, scale : float
        Nats per token.
    exponent : Estimate
        With its 95% interval (t distribution).
    exponent_se : float
        Standard error of the exponent.
    r2 : float
        Share of the variance of the losses.
    cv_pct : float
        Coefficient of variation of ``N^exponent (L - floor)``, percent.
    residuals : tuple of float
        Nats per token, in order of size.
    """

    floor: float
    scale: float
    exponent: Estimate
    exponent_se: float
    r2: float
    cv_pct: float
    residuals: tuple[float, ...]

    def predict(self, params_b: ArrayLike) -> Floats:
        """Loss in nats per token at sizes in billions."""
        return np.asarray(
            self.floor + self.scale * np.asarray(params_b, dtype=float) ** -self.exponent.estimate
        )


@dataclass(frozen=True)
class PowerLaw:
    """A straight line in logarithms, ``y = scale * x^exponent``."""

    exponent: Estimate
    exponent_se: float
    scale: float

    def predict(self, x: ArrayLike) -> Floats:
        """Value of the law at ``x``."""
        return np.asarray(self.scale * np.asarray(x, dtype=float) ** self.exponent.estimate)


def _pairs(x: ArrayLike, y: ArrayLike, min_models: int) -> tuple[Floats, Floats]:
    a, b = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    keep = np.isfinite(a) & np.isfinite(b)
    a, b = a[keep], b[keep]
    if len(a) < min_models:
        raise ValueError(
            f"at least {min_models} points without missing values are needed; there are {len(a)}"
        )
    if np.any(a <= 0) or np.any(b <= 0):
        raise ValueError("a power law needs positive values")
    order = np.argsort(a, kind="stable")
    return a[order], b[order]


def fit_loss_law(params_b: ArrayLike, loss_nats: ArrayLike) -> LossLaw:
    """Fit ``L(N) = E + A N^-alpha`` by least squares.

    Parameters
    ----------
    params_b : array_like, shape (n,)
        Billion parameters, at least four.
    loss_nats : array_like, shape (n,)
        Nats per token.

    Examples
    --------
    >>> n = np.array([0.1, 1.0, 10.0, 100.0])
    >>> law = fit_loss_law(n, 2 + n**-0.3)
    >>> round(law.exponent.estimate, 3)
    0.3
    """
    n, loss = _pairs(params_b, loss_nats, 4)

    def law(x: Floats, floor: float, scale: float, alpha: float) -> Floats:
        return np.asarray(floor + scale * x**-alpha)

    def gradient(x: Floats, floor: float, scale: float, alpha: float) -> Floats:
        power = x**-alpha
        return np.column_stack([np.ones_like(x), power, -scale * power * np.log(x)])

    start = (0.8 * loss.min(), loss.max() - 0.8 * loss.min(), 0.25)
    # To the last digits that the data fix: where it stops earlier, another processor stops elsewhere.
    exact: dict[str, Any] = {"jac": gradient, "ftol": 1e-15, "xtol": 1e-15, "gtol": 1e-15, "maxfev": 20_000}
    best, covariance = optimize.curve_fit(law, n, loss, p0=start, **exact)
    fitted = law(n, *best)
    freedom = len(n) - 3
    se = float(np.sqrt(covariance[2, 2]))
    half = float(stats.t.ppf(0.975, freedom)) * se
    reduced = n ** best[2] * (loss - best[0])
    exponent = Estimate(
        float(best[2]),
        float(best[2] - half),
        float(best[2] + half),
        len(n),
        f"least squares, t with {freedom} d.f.",
    )
    r2 = 1 - float(np.sum((loss - fitted) ** 2) / np.sum((loss - loss.mean()) ** 2))
    cv = float(100 * reduced.std() / reduced.mean())
    return LossLaw(
        floor=float(best[0]),
        scale=float(best[1]),
        exponent=exponent,
        exponent_se=se,
        r2=r2,
        cv_pct=cv,
        residuals=tuple((loss - fitted).tolist()),
    )


def _grid_fits(n: Floats, losses: Floats) -> tuple[Floats, Floats]:
    """R2 and CV of the loss law for each row of ``losses``, by least squares on a grid of exponents."""
    centred = losses - losses.mean(axis=1, keepdims=True)
    total = (centred**2).sum(axis=1)
    r2 = np.full(len(losses), -np.inf)
    cv = np.full(len(losses), np.nan)
    for alpha in _ALPHAS:
        z = n**-alpha
        zc = z - z.mean()
        slope = centred @ zc / (zc @ zc)
        fit = slope**2 * (zc @ zc) / total
        floor = losses.mean(axis=1) - slope * z.mean()
        reduced = n**alpha * (losses - floor[:, None])
        spread = 100 * reduced.std(axis=1) / np.abs(reduced.mean(axis=1))
        better = fit > r2
        r2, cv = np.where(better, fit, r2), np.where(better, spread, cv)
    return r2, cv


def loss_law_null(
    params_b: ArrayLike,
    loss_nats: ArrayLike,
    *,
    slowest: float = 0.5,
    draws: int = 5000,
    rng: np.random.Generator | int = 0,
) -> dict[str, Null]:
    """How well three parameters fit other smooth declines through the same sizes.

    A decline is drawn whose slope in log10 N shrinks by a random factor from each step to the next, with the same
    first and last loss. It is smooth and convex as the data are, but no power law stands behind it.

    Parameters
    ----------
    params_b, loss_nats : array_like, shape (n,)
    slowest : float
        The smallest factor; the largest is 1. Nothing in the data says what it should be, and p hangs on it: ``SLOWEST``
        has the values that are tried.

    Returns
    -------
    dict of str to Null
        For ``"r2"`` and ``"cv_pct"``. ``p`` is the share of declines that are fitted at least as well, and the range is
        one-sided to match: the 95% of declines that are fitted worst.
    """
    n, loss = _pairs(params_b, loss_nats, 5)
    law = fit_loss_law(n, loss)
    generator = np.random.default_rng(rng)
    widths = np.diff(np.log10(n))
    factor = generator.uniform(slowest, 1.0, size=(draws, len(widths) - 1))
    slopes = np.concatenate([np.ones((draws, 1)), np.cumprod(factor, axis=1)], axis=1)
    drop = np.cumsum(slopes * widths, axis=1)
    share = np.concatenate([np.zeros((draws, 1)), drop / drop[:, -1:]], axis=1)
    declines = loss[0] + share * (loss[-1] - loss[0])
    r2, cv = _grid_fits(n, declines)
    method = "smooth convex declines between the same ends"
    nulls = {}
    sides: tuple[tuple[str, float, Floats, Alternative], ...] = (
        ("r2", law.r2, r2, "greater"),
        ("cv_pct", law.cv_pct, cv, "less"),
    )
    for name, observed, values, alternative in sides:
        worst = interval(values, level=0.9)  # 5% are cut off on the side of the good fits, none on the other
        low, high = (float(values.min()), worst[1]) if name == "r2" else (worst[0], float(values.max()))
        null = null_from_draws(observed, values, len(n), method, alternative=alternative)
        nulls[name] = replace(null, low=low, high=high)
    return nulls


def fit_power_law(x: ArrayLike, y: ArrayLike) -> PowerLaw:
    """Fit ``y = a x^b`` as a straight line in logarithms.

    Parameters
    ----------
    x, y : array_like, shape (n,)
        Positive, at least three.

    Examples
    --------
    >>> round(fit_power_law([1, 10, 100], [5, 50, 500]).exponent.estimate, 3)
    1.0
    """
    a, b = _pairs(x, y, 3)
    fit = stats.linregress(np.log(a), np.log(b))
    freedom = len(a) - 2
    half = float(stats.t.ppf(0.975, freedom) * fit.stderr)
    slope = float(fit.slope)
    exponent = Estimate(
        slope, slope - half, slope + half, len(a), f"least squares in logarithms, t with {freedom} d.f."
    )
    return PowerLaw(exponent, float(fit.stderr), float(np.exp(fit.intercept)))


def power_law_null(
    x: ArrayLike, y: ArrayLike, *, draws: int = 5000, rng: np.random.Generator | int = 0
) -> Null:
    """The exponent of ``fit_power_law`` when the values of ``y`` stand in random order.

    Parameters
    ----------
    x, y : array_like, shape (n,)
        Positive, at least three. The unit shuffled is the value of ``y``; up to nine every order is visited.

    Examples
    --------
    >>> power_law_null([1, 2, 4, 8, 16], [1, 2, 3, 4, 5]).p_greater < 0.02
    True
    """
    a, b = (np.log(one) for one in _pairs(x, y, 3))
    exact = len(a) <= _EXACT_UP_TO
    if exact:
        order = np.array(list(itertools.permutations(range(len(a)))))
    else:
        order = np.random.default_rng(rng).permuted(np.tile(np.arange(len(a)), (draws, 1)), axis=1)
    centred = a - a.mean()
    exponents = b[order] @ centred / (centred @ centred)
    observed = float(b @ centred / (centred @ centred))
    return null_from_draws(observed, exponents, len(a), "the same values in random order", exact=exact)


def two_series_null(x: ArrayLike, y: ArrayLike) -> Null:
    """The exponent of ``fit_power_law`` when the steps of ``y`` stand in random order, for two series that follow size.

    Parameters
    ----------
    x, y : array_like, shape (n,)
        Positive, in order of size, at most nine: every order of the steps of log y is visited.

    Examples
    --------
    >>> two_series_null([8, 4, 2, 1], [9, 4, 2, 1]).draws
    6
    """
    a, b = (np.log(np.asarray(one, dtype=float)) for one in (x, y))
    if a.shape != b.shape or not 3 <= len(a) <= _EXACT_UP_TO:
        raise ValueError(f"two series of 3 to {_EXACT_UP_TO} values are needed; got {a.shape} and {b.shape}")
    steps = np.array(list(itertools.permutations(np.diff(b))))
    paths = np.concatenate([np.zeros((len(steps), 1)), np.cumsum(steps, axis=1)], axis=1)
    centred = a - a.mean()
    exponents = paths @ centred / (centred @ centred)
    observed = float(b @ centred / (centred @ centred))
    return null_from_draws(
        observed, exponents, len(a), "steps of the second series in random order", exact=True
    )


def gradient_dip(
    norms: pd.DataFrame,
    model: str,
    *,
    leave_out: bool = False,
    draws: int = 4000,
    rng: np.random.Generator | int = 0,
) -> Estimate:
    """How far one model's mean gradient norm lies from the power law in size, in percent.

    Parameters
    ----------
    norms : pandas.DataFrame
        Columns ``model, params_b, batch, grad_norm``.
    model : str
    leave_out : bool
        Whether the model itself is kept out of the fit. The paper keeps it in.
    draws : int
        Bootstrap over batches within each model; the choice of models is not resampled.
    """
    table = norms.pivot(index="model", columns="batch", values="grad_norm")
    if model not in table.index:
        raise ValueError(f"no model {model!r}; the models are {', '.join(table.index)}")
    sizes = norms.drop_duplicates("model").set_index("model")["params_b"].loc[table.index]
    x, values = np.log(sizes.to_numpy(dtype=float)), table.to_numpy(dtype=float)
    generator = np.random.default_rng(rng)
    batches = values.shape[1]
    picks = generator.integers(0, batches, size=(draws, *values.shape))
    means = np.take_along_axis(np.broadcast_to(values, (draws, *values.shape)), picks, axis=2).mean(axis=2)
    stacked = np.log(np.vstack([values.mean(axis=1), means]))
    place = list(table.index).index(model)
    keep = np.arange(len(x)) != place if leave_out else np.ones(len(x), dtype=bool)
    basis = np.column_stack([np.ones_like(x), x])
    beta = np.linalg.lstsq(basis[keep], stacked[:, keep].T, rcond=None)[0]
    dip = 100 * (np.exp(stacked[:, place] - basis[place] @ beta) - 1)
    low, high = interval(dip[1:])
    how = "without the model itself" if leave_out else "with the model itself in the fit"
    return Estimate(
        estimate=float(dip[0]),
        low=low,
        high=high,
        n=len(x),
        method=f"bootstrap over batches, {how}",
        level=0.95,
        draws=draws,
    )


def _studentised(basis: Floats, values: Floats) -> Floats:
    """How far each point lies from the line through the others, in standard errors; shape as ``values``."""
    hat = basis @ np.linalg.pinv(basis)
    residual = values - values @ hat
    freedom = len(basis) - basis.shape[1] - 1
    leverage = 1 - np.diag(hat)
    others = np.sum(residual**2, axis=-1, keepdims=True) - residual**2 / leverage
    return np.asarray(residual / np.sqrt(others / freedom * leverage))


def gradient_dip_null(
    norms: pd.DataFrame, model: str, *, draws: int = 100_000, rng: np.random.Generator | int = 0
) -> Null:
    """How far the lowest of all models lies below the line through the others, when one scatter serves them all.

    The model is named for lying lowest, so each draw names its own lowest model too.

    Parameters
    ----------
    norms : pandas.DataFrame
        Columns ``model, params_b, batch, grad_norm``.
    model : str
        The one whose dip is observed.

    Returns
    -------
    Null
        Of the externally studentised residual in logarithms, in standard errors.
    """
    mean = norms.groupby(["model", "params_b"])["grad_norm"].mean().reset_index()
    if model not in set(mean["model"]):
        raise ValueError(f"no model {model!r}; the models are {', '.join(mean['model'])}")
    x, value = (np.log(mean[name].to_numpy(dtype=float)) for name in ("params_b", "grad_norm"))
    basis = np.column_stack([np.ones_like(x), x])
    # A line and a scale drop out of a studentised residual, so standard normal scatter stands for any.
    drawn = _studentised(basis, np.random.default_rng(rng).normal(size=(draws, len(x)))).min(axis=1)
    observed = float(_studentised(basis, value)[(mean["model"] == model).to_numpy()][0])
    method = f"the lowest of {len(x)} models, one scatter for all"
    return null_from_draws(observed, drawn, len(x), method)
