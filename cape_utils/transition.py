"""Where does the coupling change sign? Estimators of the critical scale, and the tests around them.

Sections 2.2 and 8 of paper A and its appendix: the quadratic estimator with its bootstrap over rows, which
reproduces the published interval, then estimators and bootstraps that respect families. An estimator may answer
"not identified": see ``CriticalScale``. Couplings themselves come from ``coupling``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from cape_utils import data
from cape_utils.coupling import benchmark_items, item_error, local_coupling
from cape_utils.results import Estimate, Floats, Null, as_generator, interval

__all__ = [
    "ISOCLINE_RATIO",
    "LEFT_CHANCE_PP",
    "CriticalScale",
    "all_estimates",
    "even_odds",
    "even_odds_curve",
    "family_turning_points",
    "fixed_effects",
    "isocline_hits",
    "isocline_points",
    "isocline_ratio",
    "predictor_auc",
    "quadratic",
    "quadratic_seam_null",
    "rival_predictors",
    "sign_changes",
    "turning_point",
    "zero_crossing",
]

ISOCLINE_RATIO = 0.187
"""a / b in ``TQA_c = sqrt((a / b) HS)``, scores as fractions (paper A, appendix)."""

LEFT_CHANCE_PP = 5.0
"""Points above chance from which knowledge counts as having left it: letter preferences alone move guessers by two to
three points, far beyond item noise."""

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
        estimate,
        low,
        high,
        median,
        n,
        n_families,
        unit,
        len(draws_log10),
        int(valid.sum()),
        int((~valid).sum()),
        not reason,
        reason,
        method,
        sizes,
    )


def _enough(used: pd.DataFrame, least: int, what: str) -> pd.DataFrame:
    if len(used) < least:
        raise ValueError(f"at least {least} {what} are needed; there are {len(used)}")
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


def _family_counts(families: int, draws: int, rng: np.random.Generator | int) -> Floats:
    generator = as_generator(rng)
    return generator.multinomial(families, np.full(families, 1 / families), size=draws).astype(float)


def _score_rows(scores: pd.DataFrame, y: str, least: int = 4) -> pd.DataFrame:
    for column in ("family", "params_b", y):
        if column not in scores:
            raise ValueError(
                f"a column {column!r} is needed; the columns are {', '.join(map(str, scores.columns))}"
            )
    used = scores.dropna(subset=["params_b", y])
    return _enough(used, least, "rows with a score")


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
    used = _score_rows(scores, y)
    x, score = _log10(used["params_b"]), used[y].to_numpy(dtype=float)
    codes, families = pd.factorize(used["family"])
    n = len(used)
    if unit == "row":
        if isinstance(rng, np.random.RandomState):
            picks = rng.randint(0, n, size=(draws, n))
        else:
            picks = as_generator(rng).integers(0, n, size=(draws, n))
        weights = np.zeros((draws, n))
        np.add.at(weights, (np.arange(draws)[:, None], picks), 1.0)
    elif unit == "family":
        if isinstance(rng, np.random.RandomState):
            raise ValueError("a legacy RandomState is for unit='row' alone; give a seed or a Generator")
        weights = _family_counts(len(families), draws, rng)[:, codes]
    else:
        raise ValueError(f"unit={unit!r}; allowed are 'row' and 'family'")
    point = _weighted_vertices(x, score, np.ones((1, n)))[0]
    vertices = _weighted_vertices(x, score, weights)
    sizes = used["params_b"].to_numpy(dtype=float)
    return _scale(point, vertices, sizes, n, len(families), unit, "quadratic in log10 N through all rows")


def quadratic_seam_null(
    scores: pd.DataFrame, y: str = "truthfulqa_mc2", *, draws: int = 2000, rng: np.random.Generator | int = 0
) -> Null:
    """The quadratic estimator on families that never turn.

    Each family follows its own straight line in log10 N, fitted to it, plus noise of the size of the residuals.
    No family turns, so whatever minimum the pooled quadratic finds lies at the seam between families.

    Returns
    -------
    Null
        Of the critical scale in billions. ``p`` is the share of draws in which a valid minimum is found at all.
    """
    used = _score_rows(scores, y)
    x, score = _log10(used["params_b"]), used[y].to_numpy(dtype=float)
    line = np.empty_like(score)
    freedom = 0
    for _, place in used.groupby("family").indices.items():
        degree = 1 if len(set(x[place])) > 2 else 0
        line[place] = np.polyval(np.polyfit(x[place], score[place], degree), x[place])
        freedom += len(place) - degree - 1
    spread = np.sqrt(np.sum((score - line) ** 2) / max(freedom, 1))
    simulated = line + as_generator(rng).normal(0, spread, size=(draws, len(x)))
    basis = np.vander(x - x.mean(), 3)
    a, b, _ = np.linalg.lstsq(basis, simulated.T, rcond=None)[0]
    vertex = x.mean() - b / (2 * a)
    vertex = np.where((a > 0) & (vertex > _VALID[0]) & (vertex < _VALID[1]), vertex, np.nan)
    found = vertex[np.isfinite(vertex)]
    observed = _weighted_vertices(x, score, np.ones((1, len(x))))[0]
    sizes = 10 ** (found - 9)
    low, high = interval(sizes)
    middle = float(np.median(sizes)) if sizes.size else float("nan")
    method = "families that follow straight lines and never turn"
    share = found.size / draws
    return Null(
        float(10 ** (observed - 9)), middle, low, high, share, 1 / draws, len(x), draws, False, method
    )


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
    used = _score_rows(scores, y)
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
    resampled = vertices(_family_counts(len(families), draws, rng))
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
        From ``coupling.local_coupling``.
    weights : {"noise", "equal"}
        ``"noise"`` weighs each coupling by the inverse square of its standard error; ``"equal"`` is the paper's
        way, in which one small denominator can outweigh everything else.
    """
    if weights not in ("noise", "equal"):
        raise ValueError(f"weights={weights!r}; allowed are 'noise' and 'equal'")
    used = _enough(local.dropna(subset=["coupling"]), 2, "intervals with a coupling")
    x, y = _log10(used["mid_params_b"]), used["coupling"].to_numpy(dtype=float)
    w = np.ones_like(y) if weights == "equal" else 1 / used["se"].to_numpy(dtype=float) ** 2
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
    resampled = roots(_family_counts(len(families), draws, rng))
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
    resampled = roots(_family_counts(len(families), draws, rng))
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
    found = {
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
        for name, scale in found.items()
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
    counts = np.vstack([np.ones(len(families)), _family_counts(len(families), draws, rng)])
    a, b = _logistic(x - centre, y, counts[:, codes])
    curves = 1 / (1 + np.exp(-(a[:, None] + b[:, None] * (at - centre))))
    low, high = np.nanpercentile(curves[1:], [2.5, 97.5], axis=0)
    return pd.DataFrame(
        {"params_b": np.asarray(sizes_b, dtype=float), "probability": curves[0], "low": low, "high": high}
    )


def family_turning_points(scores: pd.DataFrame, y: str = "truthfulqa_mc2", *, least: int = 3) -> pd.DataFrame:
    """Where each family's own score is lowest, and between which sizes it starts to rise.

    Parameters
    ----------
    scores : pandas.DataFrame
        With ``family, params_b`` and ``y``.
    least : int
        Families with fewer sizes are left out.

    Returns
    -------
    pandas.DataFrame
        One row a family: ``n, smallest_b, largest_b, lowest_b`` (size with the lowest score), ``falls`` and
        ``rises`` (numbers of steps), ``bracket_low_b, bracket_high_b`` (from the size before the lowest to the one
        after it; a bracket open at the small end has a missing ``bracket_low_b``, and so on), ``turns`` (whether
        the score first falls to a lowest size inside the range and then rises) and ``vertex_b`` (minimum of the
        family's own parabola, missing where it does not open upward).
    """
    rows = []
    for family, part in _score_rows(scores, y).groupby("family"):
        part = part.sort_values("params_b", kind="stable")
        if part["params_b"].nunique() < least:
            continue
        size, score = part["params_b"].to_numpy(dtype=float), part[y].to_numpy(dtype=float)
        step = np.diff(score)
        place = int(score.argmin())
        inside = 0 < place < len(score) - 1
        x = _log10(size)
        vertex = _weighted_vertices(x, score, np.ones((1, len(x))))[0] if len(x) >= 3 else np.nan
        rows.append(
            {
                "family": family,
                "n": len(part),
                "smallest_b": size[0],
                "largest_b": size[-1],
                "lowest_b": size[place],
                "falls": int((step < 0).sum()),
                "rises": int((step > 0).sum()),
                "bracket_low_b": size[place - 1] if place else np.nan,
                "bracket_high_b": size[place + 1] if place < len(size) - 1 else np.nan,
                "turns": inside,
                "vertex_b": 10 ** (vertex - 9),
            }
        )
    return pd.DataFrame(rows)


def turning_point(
    scores: pd.DataFrame, y: str = "truthfulqa_mc2", *, draws: int = 4000, rng: np.random.Generator | int = 0
) -> Estimate:
    """Size at which one family's score is lowest, with the range that item noise leaves open.

    Parameters
    ----------
    scores : pandas.DataFrame
        One family with ``params_b`` and ``y``. The unit drawn is the item noise of each score.

    Returns
    -------
    Estimate
        Billion parameters. A lowest size at an end of the range is no turn: the score only falls, or only rises.
    """
    used = _score_rows(scores, y, least=2).sort_values("params_b", kind="stable")
    size, score = used["params_b"].to_numpy(dtype=float), used[y].to_numpy(dtype=float)
    noise = item_error(score, benchmark_items(y))
    drawn = score + as_generator(rng).normal(size=(draws, len(score))) * noise
    low, high = interval(size[drawn.argmin(axis=1)])
    method = "size with the lowest score, item noise drawn"
    return Estimate(float(size[score.argmin()]), low, high, len(score), method, 0.95, draws)


def sign_changes(
    local: pd.DataFrame, *, models: int = 5, low_b: float = 0.1, high_b: float = 10.0, slack: float = 1.5
) -> pd.DataFrame:
    """The paper's own falsifier: families of five or more models over 0.1-10B, and whether the sign ever changes.

    Parameters
    ----------
    local : pandas.DataFrame
        From ``coupling.local_coupling``.
    models, low_b, high_b : int, float, float
        The paper's terms.
    slack : float
        Published sizes are rarely 0.1 and 10 exactly: a family counts if it starts by ``slack`` times ``low_b``
        and reaches ``high_b / slack``.

    Returns
    -------
    pandas.DataFrame
        One row for each family that qualifies: ``family, n, smallest_b, largest_b, changes`` (negative to positive
        between consecutive intervals within the span), ``p_any_positive`` (probability that at least one of its
        couplings up to ``slack * high_b`` is positive, item noise only) and ``counterexample`` (no positive coupling
        there).
    """
    rows = []
    for family, part in local.groupby("family"):
        n = len(part) + 1
        smallest, largest = part["from_params_b"].min(), part["to_params_b"].max()
        if n < models or smallest > low_b * slack or largest < high_b / slack:
            continue
        inside = part[part["to_params_b"] <= high_b * slack].dropna(subset=["coupling"])
        sign = np.sign(inside.loc[inside["coupling"] != 0, "coupling"].to_numpy())
        rows.append(
            {
                "family": family,
                "n": n,
                "smallest_b": smallest,
                "largest_b": largest,
                "changes": int(np.sum((sign[:-1] < 0) & (sign[1:] > 0))),
                "p_any_positive": float(1 - np.prod(1 - inside["p_positive"])),
                "counterexample": not bool((sign > 0).any()),
            }
        )
    return pd.DataFrame(
        rows,
        columns=["family", "n", "smallest_b", "largest_b", "changes", "p_any_positive", "counterexample"],
    )


def isocline_ratio(scores: pd.DataFrame, x: str = "hellaswag", y: str = "truthfulqa_mc2") -> float:
    """Mean of TQA squared over HS in fractions: the a / b for which the models lie on the isocline.

    Examples
    --------
    >>> round(isocline_ratio(pd.DataFrame({"hellaswag": [50.0], "truthfulqa_mc2": [30.0]})), 2)
    0.18
    """
    used = scores.dropna(subset=[x, y])
    return float(np.mean((used[y] / 100) ** 2 / (used[x] / 100)))


def isocline_hits(
    scores: pd.DataFrame, x: str = "hellaswag", y: str = "truthfulqa_mc2", *, ratio: float = ISOCLINE_RATIO
) -> pd.DataFrame:
    """How many signs of local couplings the isocline predicts, beside its negation and a constant.

    A model above the curve ``sqrt(ratio HS)`` is said to cooperate: its next step should have a positive coupling.

    Returns
    -------
    pandas.DataFrame
        One row a family: ``n`` intervals whose ``y`` moved or not, ``rule`` hits of the rule as stated, ``negation``
        hits of its opposite, ``always_negative`` hits of "the coupling is negative".
    """
    rows = []
    for family, part in scores.dropna(subset=[x, y]).groupby("family"):
        part = part.sort_values("params_b", kind="stable")
        if len(part) < 2:
            continue
        hs, tqa = part[x].to_numpy(dtype=float) / 100, part[y].to_numpy(dtype=float) / 100
        positive = np.diff(tqa) * np.diff(hs) > 0
        above = (tqa > np.sqrt(ratio * hs))[:-1]
        rows.append(
            {
                "family": family,
                "n": len(positive),
                "rule": int((above == positive).sum()),
                "negation": int((above != positive).sum()),
                "always_negative": int((~positive).sum()),
            }
        )
    return pd.DataFrame(rows)


def isocline_points(scores: pd.DataFrame, x: str = "hellaswag", y: str = "truthfulqa_mc2") -> pd.DataFrame:
    """Models in the plane of the isocline, each with the sign of the step that starts at it.

    Returns
    -------
    pandas.DataFrame
        Columns ``family, model, hs, tqa`` (fractions) and ``sign`` ("positive" or "negative"; a step without a
        change counts as negative, as in ``isocline_hits``).
    """
    local = local_coupling(scores, x, y)
    start = scores.set_index(["family", "model"]).loc[
        list(zip(local["family"], local["from_model"], strict=True))
    ]
    return pd.DataFrame(
        {
            "family": local["family"],
            "model": local["from_model"],
            "hs": start[x].to_numpy() / 100,
            "tqa": start[y].to_numpy() / 100,
            "sign": np.where(local["dx"] * local["dy"] > 0, "positive", "negative"),
        }
    )


def rival_predictors(scores: pd.DataFrame, local: pd.DataFrame) -> dict[str, Floats]:
    """Quantities that could stand behind the sign of a step, at its middle.

    Parameters
    ----------
    scores : pandas.DataFrame
        With ``family, model, params_b, tokens_b, train_flop`` and ``mmlu``.
    local : pandas.DataFrame
        From ``coupling.local_coupling`` of the same scores.

    Returns
    -------
    dict of str to ndarray, shape (len(local),)
        log10 of parameters, training tokens and training compute, the MMLU score in percent, and whether that score
        has left chance by ``LEFT_CHANCE_PP`` (1 or 0).
    """
    at = scores.set_index(["family", "model"])
    ends = [list(zip(local["family"], local[column], strict=True)) for column in ("from_model", "to_model")]

    def middle(values: pd.Series) -> Floats:
        return np.asarray(
            (values.loc[ends[0]].to_numpy(dtype=float) + values.loc[ends[1]].to_numpy(dtype=float)) / 2
        )

    knowledge = middle(at["mmlu"])
    chance = float(data.load("benchmarks").set_index("benchmark")["chance_pct"].loc["mmlu"])
    return {
        "parameters": middle(np.log10(at["params_b"])),
        "training tokens": middle(np.log10(at["tokens_b"])),
        "training compute": middle(np.log10(at["train_flop"])),
        "knowledge (MMLU)": knowledge,
        "knowledge above chance": np.where(np.isnan(knowledge), np.nan, knowledge > chance + LEFT_CHANCE_PP),
    }


def _auc(score: Floats, label: np.ndarray, weights: Floats) -> Floats:
    """Weighted area under the ROC curve for each row of ``weights`` (ties count half)."""
    wins = (score[label][:, None] > score[~label][None, :]) + 0.5 * (
        score[label][:, None] == score[~label][None, :]
    )
    up, down = weights[:, label], weights[:, ~label]
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.einsum("dp,pn,dn->d", up, wins, down) / (up.sum(axis=1) * down.sum(axis=1)))


def predictor_auc(
    local: pd.DataFrame,
    predictors: Mapping[str, ArrayLike],
    *,
    draws: int = 4000,
    rng: np.random.Generator | int = 0,
) -> pd.DataFrame:
    """How well single quantities tell the sign of an interval of a family that was held out.

    For each predictor and each family, all other families decide which way the predictor points; the intervals of all
    families, ranked that way, are pooled into one area under the ROC curve. The level is left out on purpose: a family
    with many positive signs lowers the base rate of the others, so pooled probabilities of a weak predictor rank
    families backwards. All predictors are compared on the same intervals, those for which every one of them is known.

    Parameters
    ----------
    local : pandas.DataFrame
        From ``coupling.local_coupling``.
    predictors : mapping of str to array_like, shape (len(local),)
        Missing values are allowed.
    draws : int
        Bootstrap over families, of the areas and of their differences from the first predictor; directions are kept.

    Returns
    -------
    pandas.DataFrame
        One row a predictor: ``predictor, auc, low, high`` (95%), ``difference, difference_low, difference_high``
        (from the first predictor), ``n`` intervals, ``families``.
    """
    frame = pd.DataFrame({name: np.asarray(values, dtype=float) for name, values in predictors.items()})
    keep = (
        frame.notna().all(axis=1).to_numpy()
        & local["coupling"].notna().to_numpy()
        & (local["coupling"] != 0).to_numpy()
    )
    frame = frame[keep]
    label = (local.loc[keep, "coupling"] > 0).to_numpy()
    codes, families = pd.factorize(local.loc[keep, "family"])
    outside = (codes[None, :] != np.arange(len(families))[:, None]).astype(float)
    weights = _family_counts(len(families), draws, rng)[:, codes]
    areas: dict[str, Floats] = {}
    rows: list[dict[str, object]] = []
    for name in frame:
        x = frame[name].to_numpy()
        direction = np.sign(_auc(x, label, outside) - 0.5)
        held_out = direction[codes] * (x - np.median(x))
        area = float(_auc(held_out, label, np.ones((1, len(label))))[0])
        areas[str(name)] = _auc(held_out, label, weights)
        low, high = interval(areas[str(name)])
        first = next(iter(areas))
        gap = areas[str(name)] - areas[first]
        gap_low, gap_high = interval(gap)
        base = float(str(rows[0]["auc"])) if rows else area
        rows.append(
            {
                "predictor": name,
                "auc": area,
                "low": low,
                "high": high,
                "difference": area - base,
                "difference_low": gap_low,
                "difference_high": gap_high,
                "n": len(label),
                "families": len(families),
            }
        )
    return pd.DataFrame(rows)
