"""Where does the coupling change sign? Estimators of the critical scale, and the tests around them.

Sections 2.2 and 8 of paper A and its appendix: the quadratic estimator with its bootstrap over rows, which
reproduces the published interval, then estimators and bootstraps that respect families. An estimator may answer
"not identified": see ``CriticalScale``. Couplings themselves come from ``scaling.coupling``.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from cape_utils.data.schema import require_columns
from cape_utils.scaling.coupling import local_coupling, noise_weights
from cape_utils.stats.resampling import family_counts, interval, null_from_draws
from cape_utils.stats.results import Floats, Null

__all__ = [
    "CriticalScale",
    "all_estimates",
    "even_odds",
    "even_odds_curve",
    "fixed_effects",
    "parabola_minimum_b",
    "quadratic",
    "quadratic_null",
    "score_rows",
    "zero_crossing",
]


_VALID = (7.0, 12.0)  # log10 of the parameter counts between which the paper accepts a minimum
_PLURAL = {"row": "rows", "family": "families"}
Unit = Literal["row", "family"]
Weighting = Literal["equal", "noise"]


@dataclass(frozen=True)
class CriticalScale:
    """An estimate of the size at which the coupling changes sign.

    Attributes
    ----------
    estimate, low, high : float
        Billion parameters: point estimate on the data, and the 95% percentile interval over valid draws.
    median : float
        Median over valid draws (the figure that the paper quotes).
    n, n_families : int
        Rows or intervals, and families, behind it.
    unit : str
        What was resampled.
    draws, valid, discarded : int
        Resamples taken, those with a change from falling to rising, and the rest.
    identified : bool
        Whether at least 97.5% of the draws turn from falling to rising and the interval lies within the sizes
        observed.
    reason : str
        Why it is not identified; empty if it is.
    method : str
    """

    estimate: float
    low: float
    high: float
    median: float
    n: int
    n_families: int
    unit: str
    draws: int
    valid: int
    discarded: int
    identified: bool
    reason: str
    method: str
    sizes: Floats = field(repr=False, compare=False, default_factory=lambda: np.empty(0))
    """The valid draws, billion parameters, for charts."""

    def __str__(self) -> str:
        verdict = "" if self.identified else f"; not identified: {self.reason}"
        return (
            f"{self.estimate:.3g}B, median {self.median:.3g}B [{self.low:.3g}, {self.high:.3g}], "
            f"{self.valid:,} of {self.draws:,} draws over {_PLURAL[self.unit]} valid{verdict}"
        )


def _scale(
    point: float,
    draws_log10: Floats,
    observed_b: Floats,
    n: int,
    n_families: int,
    unit: str,
    method: str,
    no_point: str = "on the data themselves there is no change from falling to rising",
) -> CriticalScale:
    valid = np.isfinite(draws_log10)
    share = float(valid.mean())
    with np.errstate(over="ignore"):
        sizes = 10.0 ** (draws_log10[valid] - 9)
    low, high = interval(sizes)
    median = float(np.median(sizes)) if sizes.size else float("nan")
    smallest, largest = float(observed_b.min()), float(observed_b.max())
    if not np.isfinite(point):
        reason = no_point
    elif share < 0.975:
        reason = f"only {share:.0%} of the draws turn from falling to rising"
    elif low < smallest or high > largest:
        reason = f"the interval reaches beyond the sizes observed, {smallest:g}B to {largest:g}B"
    else:
        reason = ""
    estimate = float(10.0 ** (point - 9)) if np.isfinite(point) else float("nan")
    return CriticalScale(
        estimate=estimate,
        low=low,
        high=high,
        median=median,
        n=n,
        n_families=n_families,
        unit=unit,
        draws=len(draws_log10),
        valid=int(valid.sum()),
        discarded=int((~valid).sum()),
        identified=not reason,
        reason=reason,
        method=method,
        sizes=sizes,
    )


def _enough(used: pd.DataFrame, min_models: int, what: str) -> pd.DataFrame:
    if len(used) < min_models:
        raise ValueError(f"at least {min_models} {what} are needed; there are {len(used)}")
    return used


def _log10(params_b: ArrayLike) -> Floats:
    sizes = np.asarray(params_b, dtype=float)
    if np.any(~(sizes > 0)):
        raise ValueError("sizes must be positive, in billion parameters")
    return np.asarray(np.log10(sizes) + 9)


def _weighted_vertices(x: Floats, y: Floats, weights: Floats) -> Floats:
    """Minima of weighted quadratic fits, one for each row of ``weights``; NaN where none is valid."""
    centre = x.mean()
    t = x - centre
    powers = np.stack([t**k for k in range(5)], axis=1)
    moments = weights @ powers
    right = weights @ (powers[:, :3] * y[:, None])
    gram = moments[:, np.add.outer(np.arange(3), np.arange(3))]
    singular = np.linalg.cond(gram) > 1e12
    gram[singular] = np.eye(3)
    beta = np.linalg.solve(gram, right[..., None])[..., 0]
    with np.errstate(divide="ignore", invalid="ignore"):
        vertex = centre - beta[:, 1] / (2 * beta[:, 2])
    opens_up = (beta[:, 2] > 0) & ~singular
    return np.where(opens_up & (vertex > _VALID[0]) & (vertex < _VALID[1]), vertex, np.nan)


def score_rows(scores: pd.DataFrame, y: str, min_models: int = 4) -> pd.DataFrame:
    """Rows that have a size and a score, or a clear error where there are too few."""
    require_columns(scores, ("family", "params_b", y))
    used = scores.dropna(subset=["params_b", y])
    return _enough(used, min_models, "rows with a score")


def parabola_minimum_b(params_b: ArrayLike, score: ArrayLike) -> float:
    """Minimum of one parabola in log10 N, in billions; NaN where it does not open upward or lies out of range.

    Examples
    --------
    >>> round(parabola_minimum_b([0.1, 1, 10], [2.0, 1.0, 2.0]), 3)
    1.0
    """
    x = _log10(params_b)
    vertex = _weighted_vertices(x, np.asarray(score, dtype=float), np.ones((1, len(x))))[0]
    return float(10.0 ** (vertex - 9))


def quadratic(
    scores: pd.DataFrame,
    y: str = "truthfulqa_mc2",
    *,
    unit: Unit = "row",
    draws: int = 10_000,
    rng: np.random.Generator | int | np.random.RandomState = 0,
) -> CriticalScale:
    """The paper's estimator: the minimum of one quadratic in log10 N through all rows.

    Parameters
    ----------
    scores : pandas.DataFrame
        With ``family, params_b`` and ``y`` in percent.
    unit : {"row", "family"}
        What the bootstrap resamples. Rows of one family are not independent; the paper resamples rows.
    draws : int
    rng : Generator, int or RandomState
        A legacy ``RandomState(42)`` with rows in the order of release gives the published draws.

    Returns
    -------
    CriticalScale
        Draws are valid if the fit opens upward with its minimum between 10^7 and 10^12 parameters.
    """
    used = score_rows(scores, y)
    x, score = _log10(used["params_b"]), used[y].to_numpy(dtype=float)
    codes, families = pd.factorize(used["family"])
    n = len(used)
    if unit == "row":
        if isinstance(rng, np.random.RandomState):
            picks = rng.randint(0, n, size=(draws, n))
        else:
            picks = np.random.default_rng(rng).integers(0, n, size=(draws, n))
        weights = np.zeros((draws, n))
        np.add.at(weights, (np.arange(draws)[:, None], picks), 1.0)
    elif unit == "family":
        if isinstance(rng, np.random.RandomState):
            raise ValueError("a legacy RandomState is for unit='row' alone; give a seed or a Generator")
        weights = family_counts(len(families), draws, rng)[:, codes]
    else:
        raise ValueError(f"unit={unit!r}; allowed are 'row' and 'family'")
    point = _weighted_vertices(x, score, np.ones((1, n)))[0]
    vertices = _weighted_vertices(x, score, weights)
    sizes = used["params_b"].to_numpy(dtype=float)
    return _scale(point, vertices, sizes, n, len(families), unit, "quadratic in log10 N through all rows")


def quadratic_null(
    scores: pd.DataFrame,
    y: str = "truthfulqa_mc2",
    *,
    slopes: Literal["common", "own"] = "common",
    draws: int = 2000,
    rng: np.random.Generator | int = 0,
) -> dict[str, Null]:
    """The quadratic estimator on families that never turn.

    Each family follows a straight line in log10 N at its own level, plus noise of the size of the residuals.

    Parameters
    ----------
    scores : pandas.DataFrame
    slopes : {"common", "own"}
        ``"common"``: one slope for all families, so that the sign changes nowhere, neither within families nor
        between them. ``"own"``: each family keeps its own slope, so that the sign may change from small families to
        large ones but within none; this is no null of a change with scale, it shows what the estimator cannot tell
        apart.
    draws : int
        The unit drawn is the noise of each row.

    Returns
    -------
    dict of str to Null
        ``"scale_b"``: the minimum in billions, over draws that have a valid one; its ``p`` is the share of draws that
        do. ``"curvature"``: the quadratic coefficient; its ``p`` is the share of draws as curved as the data, one
        side.
    """
    if slopes not in ("common", "own"):
        raise ValueError(f"slopes={slopes!r}; allowed are 'common' and 'own'")
    used = score_rows(scores, y)
    x, score = _log10(used["params_b"]), used[y].to_numpy(dtype=float)
    codes, families = pd.factorize(used["family"])
    level = np.eye(len(families))[codes]
    basis = np.column_stack([level, x if slopes == "common" else level * x[:, None]])
    beta, _, rank, _ = np.linalg.lstsq(basis, score, rcond=None)
    line = basis @ beta
    spread = np.sqrt(np.sum((score - line) ** 2) / max(len(x) - rank, 1))
    simulated = line + np.random.default_rng(rng).normal(0, spread, size=(draws, len(x)))
    powers = np.vander(x - x.mean(), 3)
    a, b, _ = np.linalg.lstsq(powers, np.column_stack([score, simulated.T]), rcond=None)[0]
    with np.errstate(divide="ignore", invalid="ignore"):
        vertex = x.mean() - b / (2 * a)
    vertex = np.where((a > 0) & (vertex > _VALID[0]) & (vertex < _VALID[1]), vertex, np.nan)
    sizes = 10 ** (vertex - 9)
    valid = sizes[1:][np.isfinite(sizes[1:])]
    names = {
        "common": "families at their own level with one common slope",
        "own": "families on straight lines of their own",
    }
    curvature = null_from_draws(float(a[0]), a[1:], len(x), names[slopes], alternative="greater")
    low, high = interval(valid)
    scale = replace(
        curvature,
        observed=float(sizes[0]),
        value=float(np.median(valid)) if valid.size else float("nan"),
        low=low,
        high=high,
        p=valid.size / draws,
    )
    return {"scale_b": scale, "curvature": curvature}


def fixed_effects(
    scores: pd.DataFrame,
    y: str = "truthfulqa_mc2",
    *,
    draws: int = 10_000,
    rng: np.random.Generator | int = 0,
) -> CriticalScale:
    """One parabola in log10 N for all families, each at its own level; bootstrap over families.

    Levels differ by recipe; only the shape within families locates the minimum. Families with one model drop out.
    """
    used = score_rows(scores, y)
    used = used[used.groupby("family")[y].transform("size") > 1]
    _enough(used, 4, "rows in families of two or more")
    x, score = _log10(used["params_b"]), used[y].to_numpy(dtype=float)
    codes, families = pd.factorize(used["family"])
    t = x - x.mean()
    columns = np.column_stack([t, t**2, score])
    means = pd.DataFrame(columns).groupby(codes).transform("mean").to_numpy()
    inside = columns - means
    # Sums of products within each family are all that the weighted fits need.
    products = np.zeros((len(families), 3, 3))
    np.add.at(products, codes, inside[:, :, None] * inside[:, None, :])

    def vertices(weights: Floats) -> Floats:
        total = np.tensordot(weights, products, axes=1)
        gram, right = total[:, :2, :2], total[:, :2, 2]
        singular = np.abs(np.linalg.det(gram)) < 1e-9 * gram[:, 0, 0] * gram[:, 1, 1]
        gram[singular] = np.eye(2)
        beta = np.linalg.solve(gram, right[..., None])[..., 0]
        with np.errstate(divide="ignore", invalid="ignore"):
            vertex = x.mean() - beta[:, 0] / (2 * beta[:, 1])
        valid = (beta[:, 1] > 0) & ~singular & (vertex > _VALID[0]) & (vertex < _VALID[1])
        return np.where(valid, vertex, np.nan)

    point = vertices(np.ones((1, len(families))))[0]
    resampled = vertices(family_counts(len(families), draws, rng))
    sizes = used["params_b"].to_numpy(dtype=float)
    method = "quadratic in log10 N, one level for each family"
    return _scale(point, resampled, sizes, len(used), len(families), "family", method)


def zero_crossing(
    local: pd.DataFrame,
    *,
    weights: Weighting = "noise",
    draws: int = 10_000,
    rng: np.random.Generator | int = 0,
) -> CriticalScale:
    """Root of a straight line through local couplings against log10 N; bootstrap over families.

    Parameters
    ----------
    local : pandas.DataFrame
        From ``scaling.coupling.local_coupling``.
    weights : {"noise", "equal"}
        ``"noise"`` weighs each coupling by ``scaling.coupling.noise_weights``; ``"equal"`` is the paper's way, in which one
        small denominator can outweigh everything else.
    """
    if weights not in ("noise", "equal"):
        raise ValueError(f"weights={weights!r}; allowed are 'noise' and 'equal'")
    used = _enough(local.dropna(subset=["coupling"]), 2, "intervals with a coupling")
    x, y = _log10(used["mid_params_b"]), used["coupling"].to_numpy(dtype=float)
    w = np.ones_like(y) if weights == "equal" else noise_weights(used)
    codes, families = pd.factorize(used["family"])

    def roots(counts: Floats) -> Floats:
        v = counts[:, codes] * w
        total = v.sum(axis=1)
        mx, my = v @ x / total, v @ y / total
        with np.errstate(divide="ignore", invalid="ignore"):
            slope = (v @ (x * y) / total - mx * my) / (v @ x**2 / total - mx**2)
            root = mx - my / slope
        return np.where((slope > 0) & (root > _VALID[0]) & (root < _VALID[1]), root, np.nan)

    point = roots(np.ones((1, len(families))))[0]
    resampled = roots(family_counts(len(families), draws, rng))
    sizes = np.concatenate([used["from_params_b"], used["to_params_b"]])
    method = f"zero of a line through local couplings, weights: {weights}"
    return _scale(point, resampled, sizes, len(used), len(families), "family", method)


def _logistic(x: Floats, y: Floats, weights: Floats, steps: int = 25) -> tuple[Floats, Floats]:
    """Weighted logistic regressions of ``y`` on ``x``, one for each row of ``weights`` (Newton's method)."""
    a, b = np.zeros(len(weights)), np.zeros(len(weights))
    with np.errstate(all="ignore"):
        for _ in range(steps):
            p = 1 / (1 + np.exp(-(a[:, None] + b[:, None] * x)))
            r, v = weights * (y - p), weights * p * (1 - p)
            g0, g1 = r.sum(axis=1), r @ x
            h00, h01, h11 = v.sum(axis=1), v @ x, v @ x**2
            det = h00 * h11 - h01**2
            a, b = a + (h11 * g0 - h01 * g1) / det, b + (h00 * g1 - h01 * g0) / det
    lost = _separated(x, y, weights) | ~np.isfinite(a) | ~np.isfinite(b)
    return np.where(lost, np.nan, a), np.where(lost, np.nan, b)


def _separated(x: Floats, y: Floats, weights: Floats) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Whether the two signs do not overlap in ``x``, so that the likelihood has no finite maximum."""
    up, down = (weights > 0) & (y == 1), (weights > 0) & (y == 0)
    lowest_up, highest_up = np.where(up, x, np.inf).min(axis=1), np.where(up, x, -np.inf).max(axis=1)
    lowest_down, highest_down = np.where(down, x, np.inf).min(axis=1), np.where(down, x, -np.inf).max(axis=1)
    return np.asarray((highest_down <= lowest_up) | (highest_up <= lowest_down))


def even_odds(local: pd.DataFrame, *, draws: int = 4000, rng: np.random.Generator | int = 0) -> CriticalScale:
    """Size at which a positive sign becomes likelier than a negative one; bootstrap over families.

    A logistic regression of the sign on log10 N. It uses signs alone, so no small denominator can dominate, and an
    interval whose score did not move is left out.
    """
    used = local.dropna(subset=["coupling"])
    used = _enough(used[used["coupling"] != 0], 2, "intervals with a sign")
    x = _log10(used["mid_params_b"])
    centre = x.mean()
    y = np.asarray(used["coupling"] > 0, dtype=float)
    codes, families = pd.factorize(used["family"])

    def roots(counts: Floats) -> Floats:
        a, b = _logistic(x - centre, y, counts[:, codes])
        with np.errstate(divide="ignore", invalid="ignore"):
            root = centre - a / b
        return np.where((b > 0) & (root > _VALID[0]) & (root < _VALID[1]), root, np.nan)

    point = roots(np.ones((1, len(families))))[0]
    resampled = roots(family_counts(len(families), draws, rng))
    sizes = np.concatenate([used["from_params_b"], used["to_params_b"]])
    method = "logistic regression of the sign on log10 N"
    if _separated(x, y, np.ones((1, len(x))))[0]:
        why = "the signs do not overlap in size, so that the logistic curve has no finite slope"
        return _scale(point, resampled, sizes, len(used), len(families), "family", method, why)
    return _scale(point, resampled, sizes, len(used), len(families), "family", method)


def all_estimates(scores: pd.DataFrame) -> pd.DataFrame:
    """Every estimator of the critical scale on one panel, each with a bootstrap over families.

    Returns
    -------
    pandas.DataFrame
        Columns ``estimator, estimate`` (the median of the draws where the data themselves give none), ``low, high,
        valid`` (share of draws), ``verdict`` ("identified" or "not identified") and ``reason``.
    """
    local = local_coupling(scores)
    estimates = {
        "minimum of one parabola": quadratic(scores, unit="family"),
        "parabola, a level a family": fixed_effects(scores),
        "zero crossing, weighted": zero_crossing(local),
        "zero crossing, unweighted": zero_crossing(local, weights="equal"),
        "even odds of the sign": even_odds(local),
    }
    rows = [
        {
            "estimator": name,
            "estimate": scale.estimate if np.isfinite(scale.estimate) else scale.median,
            "low": scale.low,
            "high": scale.high,
            "valid": scale.valid / scale.draws,
            "verdict": "identified" if scale.identified else "not identified",
            "reason": scale.reason,
        }
        for name, scale in estimates.items()
    ]
    return pd.DataFrame(rows)


def even_odds_curve(
    local: pd.DataFrame, sizes_b: ArrayLike, *, draws: int = 1000, rng: np.random.Generator | int = 0
) -> pd.DataFrame:
    """Fitted probability of a positive sign at given sizes, with a 95% band from the bootstrap over families.

    Returns
    -------
    pandas.DataFrame
        Columns ``params_b, probability, low, high``.
    """
    used = local.dropna(subset=["coupling"])
    used = _enough(used[used["coupling"] != 0], 2, "intervals with a sign")
    x, at = _log10(used["mid_params_b"]), _log10(sizes_b)
    centre = x.mean()
    y = np.asarray(used["coupling"] > 0, dtype=float)
    codes, families = pd.factorize(used["family"])
    counts = np.vstack([np.ones(len(families)), family_counts(len(families), draws, rng)])
    a, b = _logistic(x - centre, y, counts[:, codes])
    curves = 1 / (1 + np.exp(-(a[:, None] + b[:, None] * (at - centre))))
    low, high = np.nanpercentile(curves[1:], [2.5, 97.5], axis=0)
    return pd.DataFrame(
        {"params_b": np.asarray(sizes_b, dtype=float), "probability": curves[0], "low": low, "high": high}
    )
