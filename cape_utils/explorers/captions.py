"""Words under the figures of the explorers: titles, captions and text alternatives, with the numbers they state."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from cape_utils.charts.parts import name, size_label
from cape_utils.diagnosis.steps import CouplingStep
from cape_utils.frontier.regression import SPECIALIST_PP, FrontierPosition, Line
from cape_utils.scaling.coupling import PHASES
from cape_utils.scaling.critical_scale import CriticalScale

__all__ = ["growth", "location", "path", "phases", "scale", "step_words", "what_if"]

_PLURAL = {"row": "rows", "family": "families"}


def phases(local: pd.DataFrame, x: str, y: str, *, tax_below: float, bonus_above: float) -> dict[str, str]:
    """Of local couplings by size; ``local`` with ``family, phase`` and ``p_sign``, the share of draws with its sign."""
    families = local["family"].nunique()
    counted = ", ".join(f"{int((local['phase'] == p).sum())} {p}" for p in PHASES)
    sure, known = int((local["p_sign"] >= 0.95).sum()), int(local["p_sign"].notna().sum())
    return {
        "title": f"Change of {name(y)} over change of {name(x)}",
        "caption": (
            f"n = {len(local)} steps of {families} {'family' if families == 1 else 'families'}: {counted}, with tax below "
            f"{tax_below:g} and bonus above {bonus_above:g}. Item noise leaves the sign of {sure} of {known} at least 95% sure."
        ),
        "alternative": (
            "Dot plot of local couplings against size with bars of one standard error. Down-pointing triangles are tax, "
            f"circles transition, up-pointing triangles bonus; dashed lines are the thresholds. {counted}."
        ),
    }


def scale(estimate: CriticalScale, score: str) -> dict[str, str]:
    """Of the bootstrap of one critical scale."""
    return {
        "title": f"Critical scale of {name(score)}, {estimate.method}",
        "caption": f"n = {estimate.n}, {estimate.n_families} families: {estimate}.",
        "alternative": (
            "Histogram of the critical scale over bootstrap draws, with an upright line at the median and a level one for "
            f"the 95% interval: median {estimate.median:.2g}B, {estimate.low:.2g} to {estimate.high:.2g}; resampled over "
            f"{_PLURAL[estimate.unit]}."
        ),
    }


def growth(marked: pd.Series, family: str, n: int) -> dict[str, str]:
    """Of r at one power of width: ``power, r`` and, where there is a null, ``null_r, low, high``."""
    words = f"r = {marked['r']:.3f}"
    if "low" in marked:
        inside = "inside" if marked["low"] <= marked["r"] <= marked["high"] else "outside"
        words += (
            f", {inside} the 95% range of shuffled scores, {marked['low']:.3f} to {marked['high']:.3f} "
            f"(median {marked['null_r']:.3f})"
        )
    return {
        "title": f"{family}: how fast must the denominator grow?",
        "caption": f"n = {n} models, width to the power {marked['power']:g}: {words}.",
        "alternative": (
            "Line of r against the power of width in the denominator, with a diamond at the power chosen and, where "
            f"scores were shuffled, a grey band with their 95% range. At power {marked['power']:g} {words}."
        ),
    }


def path(
    n: int, *, score: str, target: str, train: str, error: float, reason: str, terms: tuple[int, int, int]
) -> dict[str, str]:
    """Of the equation's solution over ``n`` sizes; the others as for ``figures.path``."""
    ending = f"diverges: {reason}" if reason else f"mean error over five benchmarks {error:.1f}% of the score"
    terms_words = f"{terms[0]} to {terms[1]} of {terms[2]} terms kept"
    return {
        "title": f"{target} from its smallest size, fitted on {train}",
        "caption": f"n = {n} sizes: {ending}; {terms_words} in each equation.",
        "alternative": (
            f"{name(score)} against size: vermillion circles are measured, blue squares on a dashed line are the solution "
            f"of the equation from the first circle on. It {'diverges' if reason else 'stays finite'}; {terms_words}."
        ),
    }


def location(shown: int, line: Line, position: FrontierPosition) -> dict[str, str]:
    """Of the reader's model among the number of models shown."""
    slope, half = line.slope, (position.h_high - position.h_low) / 2
    place = f"h {position.h:+.1f} ± {half:.1f}: {position.position}"
    return {
        "title": "Your model among the models chosen",
        "caption": (
            f"{place}. Line of n = {line.n} models, slope {slope.estimate:.2f} [{slope.low:.2f}, {slope.high:.2f}]; "
            f"{shown} models shown. ± is item noise; a specialist lies more than {SPECIALIST_PP:g} points from the line."
        ),
        "alternative": (
            "Scatter plot of frontier models, SWE-bench Verified across and GPQA Diamond up, with a dashed line and a "
            f"diamond for your model, joined to the line. Down-pointing triangles are coding specialists, up-pointing ones "
            f"reasoning specialists. {place}."
        ),
    }


def step_words(step: CouplingStep) -> str:
    """A step by its sizes, such as 1B to 6.9B."""
    return f"{size_label(step.from_params_b)} to {size_label(step.to_params_b)}"


def what_if(
    before: Sequence[CouplingStep],
    after: Sequence[CouplingStep],
    *,
    family: str,
    x: str,
    y: str,
    change: str,
    chosen: str,
) -> dict[str, str]:
    """Of the steps before and after a change; arguments as for ``figures.what_if``."""
    moved = "; ".join(
        f"{step_words(one)} from {one.phase} to {two.phase}"
        for one, two in zip(before, after, strict=True)
        if one.phase != two.phase
    )
    if not change:
        verdict = f"Nothing is changed: n = {len(before)} steps{chosen and '; to change: '}{chosen}."
    elif moved:
        verdict = f"With {change}, the likeliest phase changes at {moved}."
    else:
        verdict = f"With {change}, no step's likeliest phase changes."
    colours = ", as measured in pale colours and after the change in full ones." if change else "."
    return {
        "title": f"{family}: {name(y)} over {name(x)}, step by step",
        "caption": f"{verdict} Last step: {after[-1].phase}, {after[-1].probability:.0%}.",
        "alternative": (
            f"Stacked bars of the probabilities of tax, transition and bonus for each step in size{colours}"
        ),
    }
