"""The critical scale of the family in the form (section 2.2 of paper A): ``diagnosis.steps.family_scale`` with nothing drawn.

That function draws scores only to count how often a parabola through them turns between the sizes. The coefficients of a parabola
are sums of the scores, so under normal item noise these shares are probabilities of a bivariate normal.
"""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

import numpy as np
import pandas as pd
from scipy import optimize, special

from cape_utils.chapters.ch12_dashboard.page.case import Case
from cape_utils.data.benchmarks import items_of
from cape_utils.diagnosis import steps, turning_point
from cape_utils.diagnosis.steps import FamilyScale, family_scale
from cape_utils.reports.sections import scale_lines
from cape_utils.stats.bivariate_normal import both_below
from cape_utils.stats.results import Floats

__all__ = ["constants", "critical_scale", "monotone_misfit", "parabola_shares", "scale_of"]


_DIGITS = 9


def parabola_shares(size: Floats, score: Floats, covariance: Floats) -> tuple[float, float, float]:
    """Probability that a least-squares parabola turns up between the sizes, opens downward, or turns up elsewhere.

    Parameters
    ----------
    size : ndarray, shape (sizes,)
        log10, rising.
    score : ndarray, shape (sizes,)
        Percent.
    covariance : ndarray, shape (sizes, sizes)
        Of the scores.

    Examples
    --------
    >>> shares = parabola_shares(np.array([-1.0, 0.0, 1.0]), np.array([46.0, 36.0, 46.0]), 0.1 * np.eye(3))
    >>> [round(share, 6) for share in shares]
    [1.0, 0.0, 0.0]
    """
    middle = size.mean()
    bends, slopes = np.linalg.pinv(np.vander(size - middle, 3))[:2]
    downward = float(special.ndtr(-bends @ score / np.sqrt(bends @ covariance @ bends)))
    # It turns up between the ends where it falls at the first and rises at the last.
    ends = np.stack([slopes + 2 * bends * (end - middle) for end in (size[0], size[-1])])
    spread = ends @ covariance @ ends.T
    sd = np.sqrt(np.diag(spread))
    falls, rises = ends @ score / sd
    both = both_below([-falls], [rises], [-spread[0, 1] / (sd[0] * sd[1])])
    valid = min(float(both[0]), 1 - downward)
    return valid, downward, max(0.0, 1 - valid - downward)


def monotone_misfit(score: Floats, variance: Floats) -> float:
    """Chi-squared of the best curve that never falls, or never rises.

    The noise of ``turning_point`` may be dependent, and takes non-negative least squares. Independent noise, which is all that
    the page knows, has the exact answer of pooling.

    Parameters
    ----------
    score, variance : ndarray, shape (sizes,)

    Examples
    --------
    >>> monotone_misfit(np.array([1.0, 3.0, 2.0]), np.ones(3))
    0.5
    """
    fits = [
        optimize.isotonic_regression(score, weights=1 / variance, increasing=up).x for up in (True, False)
    ]
    return min(float(np.sum((score - fit) ** 2 / variance)) for fit in fits)


def _lead(size: Floats, score: Floats, variance: Floats) -> float:
    """By how much the best curve that turns fits better than the best that never does, without widening the noise."""
    white = 1 / np.sqrt(variance)
    level = white / np.linalg.norm(white)
    shape = (np.eye(len(size)) - np.outer(level, level)) * white
    edges = np.linspace(size[0], size[-1], turning_point._PLACES + 1)
    away = size - ((edges[1:] + edges[:-1]) / 2)[:, None]
    target = shape @ score
    left, right = (np.maximum(way * away, 0) @ shape.T for way in (-1, 1))
    one = turning_point._misfit_one(away**2 @ shape.T, target).min()
    return float(
        monotone_misfit(score, variance) - min(one, turning_point._misfit_two(left, right, target).min())
    )


def scale_of(rows: pd.DataFrame, y: str, *, exclude: frozenset[str] = frozenset()) -> FamilyScale:
    """As ``diagnosis.steps.family_scale``, with probabilities in place of shares of draws.

    Parameters
    ----------
    rows : pandas.DataFrame
        Of one family, with ``params_b`` (billions) and ``y`` (percent).
    y : str
    exclude : frozenset of str
        Families of the open panel that hold the same models.
    """
    scale = family_scale(rows, y, draws=1, exclude=exclude)
    if np.isnan(scale.lead):
        return scale
    used = rows.dropna(subset=["params_b", y]).sort_values("params_b", kind="stable")
    size, score = np.log10(used["params_b"].to_numpy(dtype=float)), used[y].to_numpy(dtype=float)
    noise = scale.stretch**2 * steps._covariance(score, items_of(used, y), None)
    valid, downward, outside = parabola_shares(size, score, noise)
    # Two curves that fit alike differ by rounding alone, which has a sign.
    lead = round(_lead(size, score, np.diag(noise) / scale.stretch**2) / scale.stretch**2, _DIGITS)
    scale = replace(scale, lead=lead)
    reason = scale.reason
    if scale.lead < turning_point.MIN_LEAD:
        reason = steps._why(score, scale.lead, downward, outside, used, y)
    return replace(scale, valid=valid, downward=downward, outside=outside, reason=reason)


def critical_scale(case: Case) -> dict[str, Any] | None:
    """The scale, its range or why there is none, and the report's sentences; None without a ladder."""
    if case.problem:
        return None
    scale = scale_of(case.ladder, case.y, exclude=case.in_panel)
    shares = {f"p_{name}": getattr(scale, name) for name in ("valid", "downward", "outside", "parabola")}
    plain = {name: value for name, value in asdict(scale).items() if f"p_{name}" not in shares}
    return {**plain, **shares, "lines": list(scale_lines(scale))}


def constants() -> dict[str, Any]:
    """For the page: what ``diagnosis.turning_point`` and ``diagnosis.steps`` ask of a turn."""
    return {
        "places": turning_point._PLACES,
        "min_lead": turning_point.MIN_LEAD,
        "widest": steps.WIDEST_RANGE,
        "unit": 10**_DIGITS,
    }
