"""Noise of finite tests at the frontier, and what three correlations allow each other to be.

GPQA Diamond has 198 items and SWE-bench Verified 500 (paper B gives no error bars). Answers of two models are taken
as independent, which overstates the noise of a difference because both answer the same items. The noise of the
calendar is the job of ``ch09_frontier.date_nulls``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy import stats

from cape_utils.data.benchmarks import benchmark_items
from cape_utils.frontier.benchmark_pair import GPQA, SWE
from cape_utils.frontier.regression import fit_line, h_noise
from cape_utils.stats.item_noise import item_error
from cape_utils.stats.resampling import null_from_draws
from cape_utils.stats.results import Null

__all__ = [
    "Attenuation",
    "admissible_r",
    "attenuation",
    "equal_models_null",
    "same_h_null",
    "unsaturated_null",
]


def same_h_null(field: pd.DataFrame, first: str, second: str) -> Null:
    """Difference of h of two models whose h is the same and whose tests have finitely many items (normal, exact)."""
    h, noise = (dict(zip(field["model"], field[name].astype(float), strict=True)) for name in ("h", "h_se"))
    for model in (first, second):
        if model not in h:
            raise ValueError(f"no model {model!r}; there are {', '.join(h)}")
    se = math.hypot(noise[first], noise[second])
    observed = h[first] - h[second]
    less, greater = float(stats.norm.cdf(observed / se)), float(stats.norm.sf(observed / se))
    return Null(
        observed=observed,
        value=0.0,
        low=-1.96 * se,
        high=1.96 * se,
        p=2 * min(less, greater),
        smallest_p=0.0,
        n=2,
        draws=0,
        exact=True,
        method="two models with one h, item noise only",
        p_less=less,
        p_greater=greater,
    )


def equal_models_null(
    score_pct: float,
    items: float,
    *,
    top: int = 5,
    observed: float = math.nan,
    draws: int = 20_000,
    rng: np.random.Generator | int = 0,
) -> Null:
    """Spread of equally good models on a test of so many items.

    Parameters
    ----------
    score_pct, items : float
        Their common score in percent, and the items of the test.
    top : int
        Models compared.
    observed : float, optional
        Spread to hold against it, percentage points.

    Returns
    -------
    Null
        Percentage points, rounded to one decimal as scores are announced. Answers are independent between models, which
        overstates the spread because they answer the same items.
    """
    right = np.random.default_rng(rng).binomial(int(items), score_pct / 100, size=(draws, top))
    spread = np.round(np.ptp(np.round(100 * right / items, 1), axis=1), 1)
    method = f"{top} equally good models at {score_pct:.0f}% on {items:g} items"
    return null_from_draws(round(observed, 6), spread, top, method)


def unsaturated_null(
    scores_pct: ArrayLike, *, top: int = 5, draws: int = 5000, rng: np.random.Generator | int = 0
) -> Null:
    """Spread of the top models if scores were normal with the data's mean and variance: no ceiling, same selection."""
    scores = np.asarray(scores_pct, dtype=float)
    drawn = np.sort(
        np.random.default_rng(rng).normal(scores.mean(), scores.std(ddof=1), size=(draws, scores.size)),
        axis=1,
    )
    best = np.sort(scores)[-top:]
    method = f"top {top} of {scores.size} from a normal distribution without a ceiling"
    return null_from_draws(float(np.ptp(best)), drawn[:, -1] - drawn[:, -top], scores.size, method)


@dataclass(frozen=True)
class Attenuation:
    """What item noise does to the correlation and to h.

    Attributes
    ----------
    reliability_swe, reliability_gpqa : float
        Share of the variance of the scores over models that is not item noise.
    r, r_without_noise : float
        As measured, and divided by the root of both reliabilities (Spearman's correction).
    h_share : float
        Share of the variance of h that is item noise.
    """

    reliability_swe: float
    reliability_gpqa: float
    r: float
    r_without_noise: float
    h_share: float
    n: int


def attenuation(table: pd.DataFrame) -> Attenuation:
    """Noise of 500 and 198 items carried through to r and to h over a set of models."""
    used = table.dropna(subset=[SWE, GPQA])
    line = fit_line(used)
    reliabilities = [
        1 - float(np.mean(item_error(used[name], benchmark_items(name)) ** 2)) / float(used[name].var())
        for name in (SWE, GPQA)
    ]
    r = line.r.estimate
    defined = min(reliabilities) > 0
    noise = h_noise(used[SWE], used[GPQA], line.slope.estimate)
    return Attenuation(
        reliability_swe=reliabilities[0],
        reliability_gpqa=reliabilities[1],
        r=r,
        r_without_noise=r / math.sqrt(math.prod(reliabilities)) if defined else math.nan,
        h_share=float(np.mean(noise**2)) / line.sigma**2,
        n=len(used),
    )


def admissible_r(r_ab: float, r_ac: float) -> tuple[float, float]:
    """The range that two correlations leave for the third; outside it no data give all three.

    Examples
    --------
    >>> admissible_r(1.0, 0.5)
    (0.5, 0.5)
    """
    for value in (r_ab, r_ac):
        if not -1 <= value <= 1:
            raise ValueError(f"got a correlation of {value:g}, expected one between -1 and 1")
    half = math.sqrt((1 - r_ab**2) * (1 - r_ac**2))
    return r_ab * r_ac - half, r_ab * r_ac + half
