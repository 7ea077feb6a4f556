"""Where a score turns from falling to rising, without taking one shape of the curve for granted.

Section 2.2 of paper A reads the critical scale off a parabola. A curve that falls and rises in two straight lines turns
elsewhere, and with a handful of sizes the scores hardly tell the two apart; so both are fitted at every place of the turn, and
averaged by how well they fit. Item noise is known here and comes from the caller; what a turn is taken for is in
``diagnosis.steps``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import optimize, special

from cape_utils.stats.bivariate_normal import both_below
from cape_utils.stats.results import Floats

__all__ = ["MIN_LEAD", "Turn", "turning_point"]

MIN_LEAD = 5.02
"""How much worse, in chi-squared, a curve that never turns must fit: the 97.5% point of one degree of freedom."""

_PLACES = 200  # of the turn, between the smallest and the largest size


@dataclass(frozen=True)
class Turn:
    """The place of a turn, if there is one.

    Attributes
    ----------
    median, low, high : float
        log10 of the size: median and 95% range over the places, each counted by how well a curve that turns there fits.
    lead : float
        By how much the best curve that turns fits better than the best one that never falls, or never rises (chi-squared).
    parabola : float
        Share of the parabola in the average, against two straight lines.
    stretch : float
        By how much the noise was widened because both shapes miss the scores by more than it (1: not at all).
    """

    median: float
    low: float
    high: float
    lead: float
    parabola: float
    stretch: float


def turning_point(size: Floats, score: Floats, covariance: Floats, *, slope: float) -> Turn:
    """Average the place of the turn over both shapes, each with a flat level and slopes that are not known.

    The slopes (of the parabola: its rise over the first decade) have a half-normal prior of scale ``slope``, the place of the
    turn a flat one between the sizes. Everything else is integrated in closed form.

    Parameters
    ----------
    size : ndarray, shape (sizes,)
        log10 of the sizes, rising; three or more.
    score : ndarray, shape (sizes,)
        Percent.
    covariance : ndarray, shape (sizes, sizes)
        Of the item noise of the scores.
    slope : float
        Points that a score typically changes over a decade of size.

    Examples
    --------
    >>> turn = turning_point(np.array([-1.0, 0.0, 1.0]), np.array([46.0, 36.0, 46.0]), 2.9 * np.eye(3), slope=7.0)
    >>> bool(abs(turn.median) < 1e-6), turn.lead > MIN_LEAD
    (True, True)
    """
    edges = np.linspace(size[0], size[-1], _PLACES + 1)
    place = (edges[1:] + edges[:-1]) / 2
    white = np.linalg.inv(np.linalg.cholesky(covariance))
    # The level is free, so only what differs from a constant counts.
    level = white.sum(axis=1) / np.linalg.norm(white.sum(axis=1))
    shape = (np.eye(len(size)) - np.outer(level, level)) @ white
    target = shape @ score
    away = size - place[:, None]
    bowl = away**2 @ shape.T
    left, right = np.maximum(-away, 0) @ shape.T, np.maximum(away, 0) @ shape.T

    misfits = np.array([_misfit_one(bowl, target).min(), _misfit_two(left, right, target).min()])
    spare = len(size) - np.array([3, 4])
    # With four sizes two lines through a free turn fit anything, so that the misfit tells nothing.
    stretch = np.sqrt(max(1.0, (misfits / spare).min())) if spare[1] > 0 else 1.0
    target, bowl, left, right = target / stretch, bowl / stretch, left / stretch, right / stretch

    weights = np.stack([_evidence_one(bowl, target, slope), _evidence_two(left, right, target, slope)])
    weights = np.exp(weights - weights.max())
    weights /= weights.sum()
    below = np.concatenate([[0.0], np.cumsum(weights.sum(axis=0))])
    low, median, high = (float(np.interp(p, below, edges)) for p in (0.025, 0.5, 0.975))
    rises = (size[1:] <= size[:, None]).astype(float).T @ shape.T / stretch
    monotone = min(optimize.nnls(sign * rises.T, target)[1] ** 2 for sign in (1, -1))
    return Turn(
        median=median,
        low=low,
        high=high,
        lead=float(monotone - misfits.min() / stretch**2),
        parabola=float(weights[0].sum()),
        stretch=float(stretch),
    )


def _misfit_one(bowl: Floats, target: Floats) -> Floats:
    """Chi-squared of the best parabola that opens upward, at each place."""
    along = np.maximum(0.0, bowl @ target)
    return np.asarray(target @ target - along**2 / np.maximum((bowl**2).sum(axis=1), 1e-300))


def _misfit_two(left: Floats, right: Floats, target: Floats) -> Floats:
    """Chi-squared of the best two lines that fall to the place and rise from it."""
    alone = np.minimum(_misfit_one(left, target), _misfit_one(right, target))
    ll, rr, lr = (left**2).sum(axis=1), (right**2).sum(axis=1), (left * right).sum(axis=1)
    ly, ry, det = left @ target, right @ target, ll * rr - lr**2
    with np.errstate(divide="ignore", invalid="ignore"):
        falls, climbs = (rr * ly - lr * ry) / det, (ll * ry - lr * ly) / det
    both = target @ target - falls * ly - climbs * ry
    turns = (det > 1e-9 * ll * rr) & (falls >= 0) & (climbs >= 0)
    return np.asarray(np.where(turns, both, alone))


def _evidence_one(bowl: Floats, target: Floats, slope: float) -> Floats:
    """Log of the integral of the likelihood over the rise of a parabola, at each place."""
    precision = (bowl**2).sum(axis=1) + slope**-2
    mean = bowl @ target / precision
    inside = special.log_ndtr(mean * np.sqrt(precision)) + np.log(2)
    return np.asarray(mean**2 * precision / 2 - np.log(precision) / 2 - np.log(slope) + inside)


def _evidence_two(left: Floats, right: Floats, target: Floats, slope: float) -> Floats:
    """The same over the slopes of two lines, both of the sign that makes a turn."""
    a, b = (left**2).sum(axis=1) + slope**-2, (right**2).sum(axis=1) + slope**-2
    c = (left * right).sum(axis=1)
    det = a * b - c**2
    ly, ry = left @ target, right @ target
    falls, climbs = (b * ly - c * ry) / det, (a * ry - c * ly) / det
    inside = both_below(falls / np.sqrt(b / det), climbs / np.sqrt(a / det), -c / np.sqrt(a * b))
    gain = (falls * ly + climbs * ry) / 2 - np.log(det) / 2 - 2 * np.log(slope)
    return np.asarray(gain + np.log(np.maximum(4 * inside, 1e-300)))
