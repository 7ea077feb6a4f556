"""Words under the figures of chapter 11: titles, captions and text alternatives, with the numbers they state."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from cape_utils.chapters.ch11_toy_world.levers import DIP_GONE, MIN_WORLDS, MOVES, Shift
from cape_utils.stats.results import Estimate
from cape_utils.toyworld.sweep import LEVERS

__all__ = ["growth", "levers", "log_probabilities", "shifts", "steps"]


def growth(summary: Mapping[str, Estimate], *, worlds: int, sizes: int, steps: int) -> dict[str, str]:
    """Of the scores by size and along training.

    Parameters
    ----------
    summary : mapping of str to Estimate
        From ``ch11_toy_world.turning_points.turns_summary``, after ``steps`` steps.
    worlds, sizes, steps : int
    """
    low = summary["lowest_params"]
    turning = (
        f"truth is lowest at {low.estimate:,.0f} parameters [{low.low:,.0f}, {low.high:,.0f}]"
        if low.n > 1
        else "truth has no turning point in two worlds"
    )
    return {
        "title": "From chance through rumour to truth",
        "caption": (
            f"n = {worlds} worlds (points) and their mean (lines), {sizes} sizes. After {steps:,} steps {turning}, "
            f"in {low.n} of {worlds} worlds. The dashed rule is chance; the slider walks through training."
        ),
        "alternative": (
            "Four lines of scores against model size, with a point for each world. In the smallest models all four begin near "
            "chance. Reasoning and ordinary facts rise with size. Truth falls to "
            f"{summary['lowest_pct'].estimate:.0f} percent and then reaches {summary['largest_pct'].estimate:.0f} in the "
            "largest model; the share that answers the rumour mirrors it. At early checkpoints only the beginning of this is "
            "seen."
        ),
    }


def steps(changes: pd.DataFrame) -> dict[str, str]:
    """Of the changes of truth and reasoning, from ``ch11_toy_world.turning_points.coupling_by_step``."""
    falling, rising = int((changes["truth_high"] < 0).sum()), int((changes["truth_low"] > 0).sum())
    n, reasoning = len(changes), int((changes["reasoning_low"] > 0).sum())
    return {
        "title": "Where does truth fall while reasoning rises?",
        "caption": (
            f"Mean over n = {int(changes['worlds'].max())} worlds with 95% intervals. Truth surely falls at {falling} of {n} "
            f"steps and surely rises at {rising}; reasoning surely rises at {reasoning}. The local coupling is the quotient of "
            "the two changes."
        ),
        "alternative": (
            "Two series of points with intervals, one point for each step in size, around a dashed line at zero. Truth lies "
            f"below the line at {int((changes['truth'] < 0).sum())} of {n} steps, mostly the smaller ones, and above it at the "
            f"larger ones. Reasoning lies above it at {int((changes['reasoning'] > 0).sum())}."
        ),
    }


def _listed(shifts: pd.DataFrame, outcomes: frozenset[Shift]) -> str:
    """The levers with the positions that have one of these outcomes."""
    rows = shifts[shifts["shift"].isin(outcomes)]
    groups = rows.groupby("lever", sort=False)["label"]
    return "; ".join(f"{LEVERS[str(lever)]} ({', '.join(labels)})" for lever, labels in groups) or "none"


def levers(shifts: pd.DataFrame, *, sizes: int) -> dict[str, str]:
    """Of a score by size at each position of a lever, from ``ch11_toy_world.levers.lever_table``."""
    moved, gone = _listed(shifts, MOVES), _listed(shifts, DIP_GONE)
    worlds = f"{shifts['worlds'].min()} to {shifts['worlds'].max()}"
    return {
        "title": "One lever at a time",
        "caption": (
            f"n = {worlds} worlds a position, {sizes} sizes; points are worlds, lines their means. "
            f"The turning point moves with: {moved}. The dip is gone or too shallow to see with: {gone}."
        ),
        "alternative": (
            "Lines of a score against model size, one for each position of the lever chosen, with a point for each world and a "
            f"dashed rule at chance. Levers whose positions move the lowest point sideways: {moved}; levers with a position at "
            f"which the dip is gone or too shallow to see: {gone}."
        ),
    }


def shifts(changed: pd.DataFrame, positions: Sequence[str]) -> dict[str, str]:
    """Of what each position does to the turning point.

    Parameters
    ----------
    changed : DataFrame
        From ``ch11_toy_world.levers.changed_positions``.
    positions : sequence of str
        Each position with its words.
    """
    moved, gone = (int(changed["shift"].isin(outcomes).sum()) for outcomes in (MOVES, DIP_GONE))
    unseen = int((changed["shift"] == Shift.UNSEEN).sum())
    return {
        "title": "Which lever moves what?",
        "caption": (
            f"Paired over worlds, mean and 95% interval; n = {changed['worlds'].min()} to {changed['worlds'].max()} worlds. "
            f"Of {len(changed)} positions {moved} move the turning point, {gone} remove the dip or make it too shallow to see, "
            f"and with {unseen} no shift is seen. Where fewer than {MIN_WORLDS} worlds turn, words stand in the place of a point."
        ),
        "alternative": (
            "One row for each position of each lever, with a point and an interval on either side of a dashed rule that marks "
            f"no change. {'. '.join(positions)}."
        ),
    }


def log_probabilities(ends: Mapping[tuple[str, str], float], *, params: int, steps: int) -> dict[str, str]:
    """Of the log-probabilities along training.

    Parameters
    ----------
    ends : mapping of (context, value) to float
        Log-probability (nats) of the ``"true"`` and of the ``"rumoured"`` value at the end of training.
    params, steps : int
        Of the model shown at first, and of the end of training.
    """
    contexts = dict.fromkeys(context for context, _ in ends)
    listed = "; ".join(
        f"{context}: true {ends[context, 'true']:.1f}, rumoured {ends[context, 'rumoured']:.1f}"
        for context in contexts
    )
    return {
        "title": "What has a model learnt, and when?",
        "caption": (
            f"Means over worlds, bands from the lowest world to the highest. With {params:,} parameters at the end of training "
            f"({steps:,} steps), in nats: {listed}."
        ),
        "alternative": (
            "Two lines with bands along training: the log-probability of the true value and of the rumoured value, in the "
            f"context chosen. With {params:,} parameters, after {steps:,} steps, they end at, in nats: {listed}."
        ),
    }
