"""Figures of the explorers: no control of their own, because the app around them has the controls.

The figures of the chapters are in their own folders. Nothing is estimated here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from cape_utils.charts.parts import (
    PHASE_BAR,
    PHASE_POINT,
    PROBABILITY,
    name,
    phase_rows,
    put,
    size_axis,
    size_label,
)
from cape_utils.charts.rendering import PALETTE
from cape_utils.diagnosis.steps import CouplingStep
from cape_utils.frontier.benchmark_pair import GPQA, SWE
from cape_utils.frontier.regression import SPECIALIST_PP, FrontierPosition, Line
from cape_utils.scaling.coupling import PHASES
from cape_utils.scaling.critical_scale import CriticalScale
from cape_utils.stats.resampling import histogram

__all__ = ["growth", "location", "path", "phases", "scale", "what_if"]

_PLURAL = {"row": "rows", "family": "families"}


def _counted(families: int) -> str:
    return f"{families} {'family' if families == 1 else 'families'}"


def phases(
    local: pd.DataFrame, *, x: str, y: str, tax_below: float, bonus_above: float, clip: float = 2.0
) -> Any:
    """Local couplings by size, with their error and the thresholds chosen.

    Parameters
    ----------
    local : pandas.DataFrame
        From ``scaling.coupling.local_coupling``, with ``phase`` by the thresholds.
    x, y : str
        Benchmarks.
    tax_below, bonus_above : float
        Drawn as dashed lines.
    clip : float
        Couplings and bars are drawn no further out than this.
    """
    columns = ["family", "step", "mid_params_b", "coupling", "se", "p_sign", "phase", "shown", "low", "high"]
    table = local.assign(
        step=local["from_model"] + " to " + local["to_model"],
        shown=local["coupling"].clip(-clip, clip),
        low=(local["coupling"] - local["se"]).clip(-clip, clip),
        high=(local["coupling"] + local["se"]).clip(-clip, clip),
    )[columns]
    base = alt.Chart(table.round(4))
    across = size_axis("mid_params_b", "Middle of the step (billions, log scale)")
    span = alt.Scale(domain=[-clip, clip])
    bars = base.mark_rule(opacity=0.5).encode(across, alt.Y("low:Q", scale=span), alt.Y2("high:Q"))
    dots = base.mark_point(filled=True, size=80).encode(
        across,
        alt.Y("shown:Q", title=f"Local coupling, drawn within ±{clip:g}", scale=span),
        **PHASE_POINT,
    )
    edges = (
        alt.Chart(pd.DataFrame({"y": [tax_below, bonus_above]}))
        .mark_rule(strokeDash=[4, 4])
        .encode(alt.Y("y:Q"))
    )
    counted = ", ".join(f"{int((local['phase'] == p).sum())} {p}" for p in PHASES)
    sure, known = int((local["p_sign"] >= 0.95).sum()), int(local["p_sign"].notna().sum())
    return put(
        edges + bars + dots,
        title=f"Change of {name(y)} over change of {name(x)}",
        caption=(
            f"n = {len(local)} steps of {_counted(local['family'].nunique())}: {counted}, with tax below {tax_below:g} and "
            f"bonus above {bonus_above:g}. Item noise leaves the sign of {sure} of {known} at least 95% sure."
        ),
        alternative=(
            "Dot plot of local couplings against size with bars of one standard error. Down-pointing triangles are tax, "
            f"circles transition, up-pointing triangles bonus; dashed lines are the thresholds. {counted}."
        ),
    )


def scale(estimate: CriticalScale, *, score: str) -> Any:
    """Bootstrap distribution of one critical scale.

    Parameters
    ----------
    estimate : CriticalScale
        With at least one valid draw.
    score : str
        Benchmark whose turn it is.
    """
    bins = histogram(np.log10(estimate.sizes), bins=60, low=-2, high=3)
    bins[["low", "high"]] = 10 ** bins[["low", "high"]]
    across = alt.X(
        "low:Q",
        title="Critical scale (billions, log scale)",
        scale=alt.Scale(type="log", nice=False, domain=[0.01, 1000]),
        axis=alt.Axis(values=[0.01, 0.1, 1, 10, 100, 1000], format="~g"),
    )
    bars = (
        alt.Chart(bins[bins["share"] > 0].round(5))
        .mark_rect(color=PALETTE["blue"], opacity=0.7)
        .encode(
            across,
            alt.X2("high:Q"),
            alt.Y("share:Q", title="Share of valid draws", axis=alt.Axis(format="%")),
            y2=alt.datum(0),
        )
    )
    marks = alt.Chart(
        pd.DataFrame([{"middle": estimate.median, "from_b": estimate.low, "to_b": estimate.high}])
    )
    span = marks.mark_rule(color=PALETTE["vermillion"], strokeWidth=3).encode(
        alt.X("from_b:Q"), alt.X2("to_b:Q"), y=alt.value(4)
    )
    middle = marks.mark_rule(color=PALETTE["vermillion"], strokeWidth=2).encode(alt.X("middle:Q"))
    return put(
        bars + span + middle,
        title=f"Critical scale of {name(score)}, {estimate.method}",
        caption=f"n = {estimate.n}, {estimate.n_families} families: {estimate}.",
        alternative=(
            "Histogram of the critical scale over bootstrap draws, with an upright line at the median and a level one for "
            f"the 95% interval: median {estimate.median:.2g}B, {estimate.low:.2g} to {estimate.high:.2g}; resampled over "
            f"{_PLURAL[estimate.unit]}."
        ),
    )


def growth(curve: pd.DataFrame, power: float, *, family: str, x: str, y: str, n: int) -> Any:
    """R against the power of width in the denominator, with one power marked.

    Parameters
    ----------
    curve : pandas.DataFrame
        Columns ``power, r`` and, where there is a null, ``null_r, low, high, p`` from ``scaling.width.growth_curve``.
    power : float
        The one that is marked and told in the caption.
    family, x, y : str
    n : int
        Models.
    """
    table, label = curve.round(4), f"r of {name(x)} and {name(y)}"
    base = alt.Chart(table)
    across = alt.X("power:Q", title="Power of width that divides both")
    up = alt.Y("r:Q", title=label, scale=alt.Scale(domain=[-1, 1]))
    layers = [base.mark_line(color=PALETTE["blue"], strokeWidth=2.5).encode(across, up)]
    marked = table.iloc[(table["power"] - power).abs().argmin()]
    words = f"r = {marked['r']:.3f}"
    if "low" in table:
        band = base.mark_area(color=PALETTE["grey"], opacity=0.35).encode(
            across, alt.Y("low:Q", title=label), alt.Y2("high:Q")
        )
        middle = base.mark_line(color=PALETTE["grey"], strokeDash=[5, 3]).encode(across, alt.Y("null_r:Q"))
        layers = [band, middle, *layers]
        inside = "inside" if marked["low"] <= marked["r"] <= marked["high"] else "outside"
        words += (
            f", {inside} the 95% range of shuffled scores, {marked['low']:.3f} to {marked['high']:.3f} "
            f"(median {marked['null_r']:.3f})"
        )
    mark = alt.Chart(table[table["power"] == marked["power"]])
    rule = mark.mark_rule(color=PALETTE["vermillion"], strokeWidth=2).encode(across)
    dot = mark.mark_point(
        shape="diamond", filled=True, size=140, color=PALETTE["vermillion"], opacity=1
    ).encode(across, up)
    return put(
        alt.layer(*layers, rule, dot),
        title=f"{family}: how fast must the denominator grow?",
        caption=f"n = {n} models, width to the power {marked['power']:g}: {words}.",
        alternative=(
            "Line of r against the power of width in the denominator, with a diamond at the power chosen and, where "
            f"scores were shuffled, a grey band with their 95% range. At power {marked['power']:g} {words}."
        ),
    )


def path(
    table: pd.DataFrame,
    *,
    score: str,
    target: str,
    train: str,
    error: float,
    reason: str,
    terms: tuple[int, int, int],
) -> Any:
    """One score along the equation's solution, beside what was measured.

    Parameters
    ----------
    table : pandas.DataFrame
        Columns ``params_b, measured, predicted``; the prediction is missing where the solution diverges.
    score, target, train : str
        Benchmark, family predicted and what was fitted.
    error : float
        Mean over the five benchmarks beyond the first size, percent of the score; NaN where it diverges.
    reason : str
        Why it diverges; empty if it does not.
    terms : tuple of int
        Fewest and most terms kept in an equation, and terms in the library.
    """
    y = alt.Y("predicted:Q", title=f"{name(score)} (percent)", scale=alt.Scale(domain=[0, 100]))
    line = (
        alt.Chart(table[["params_b", "predicted"]].dropna().round(3))
        .mark_line(
            color=PALETTE["blue"],
            strokeDash=[6, 3],
            clip=True,
            point={"shape": "square", "size": 45, "color": PALETTE["blue"]},
        )
        .encode(size_axis(), y)
    )
    dots = (
        alt.Chart(table[["params_b", "measured"]].round(3))
        .mark_point(filled=True, size=85, color=PALETTE["vermillion"], opacity=0.9)
        .encode(
            size_axis(), alt.Y("measured:Q"), tooltip=["params_b", alt.Tooltip("measured:Q", format=".1f")]
        )
    )
    ended = f"diverges: {reason}" if reason else f"mean error over five benchmarks {error:.1f}% of the score"
    terms_words = f"{terms[0]} to {terms[1]} of {terms[2]} terms kept"
    return put(
        line + dots,
        title=f"{target} from its smallest size, fitted on {train}",
        caption=f"n = {len(table)} sizes: {ended}; {terms_words} in each equation.",
        alternative=(
            f"{name(score)} against size: vermillion circles are measured, blue squares on a dashed line are the solution "
            f"of the equation from the first circle on. It {'diverges' if reason else 'stays finite'}; {terms_words}."
        ),
    )


def location(field: pd.DataFrame, line: Line, position: FrontierPosition) -> Any:
    """The reader's model among others, with the line and its own distance from it.

    Parameters
    ----------
    field : pandas.DataFrame
        From ``frontier.regression.h_field``.
    line : Line
    position : FrontierPosition
        From ``frontier.regression.locate`` with the same line.
    """
    unit = alt.Scale(domain=[0, 100], nice=False)
    x = alt.X(f"{SWE}:Q", title="SWE-bench Verified (percent)", scale=unit)
    y = alt.Y(f"{GPQA}:Q", title="GPQA Diamond (percent)", scale=unit)
    places = ["coding specialist", "cooperative", "reasoning specialist"]
    # The first word says it, and three of them fit a narrow place.
    short = alt.Legend(labelExpr="split(datum.label, ' ')[0]")
    others = (
        alt.Chart(field[["model", "lab", "released", SWE, GPQA, "h", "position"]].round(2))
        .mark_point(filled=True, size=60, opacity=0.75)
        .encode(
            x,
            y,
            alt.Color(
                "position:N",
                title="By the line",
                legend=short,
                scale=alt.Scale(
                    domain=places, range=[PALETTE["vermillion"], PALETTE["grey"], PALETTE["blue"]]
                ),
            ),
            alt.Shape(
                "position:N",
                title="By the line",
                legend=short,
                scale=alt.Scale(domain=places, range=["triangle-down", "circle", "triangle-up"]),
            ),
            tooltip=["model", "lab", "released", SWE, GPQA, "h", "position"],
        )
    )
    ends = np.array([0.0, 100.0])
    fitted = (
        alt.Chart(pd.DataFrame({SWE: ends, GPQA: line.predict(ends)}).round(3))
        .mark_line(color=PALETTE["grey"], strokeDash=[6, 4], clip=True)
        .encode(x, y)
    )
    model = alt.Chart(
        pd.DataFrame([{SWE: position.x_pct, GPQA: position.y_pct, "on_line": position.expected}])
    )
    gap = model.mark_rule(color=PALETTE["purple"], strokeWidth=2, clip=True).encode(x, y, alt.Y2("on_line:Q"))
    dot = model.mark_point(shape="diamond", filled=True, size=200, color=PALETTE["purple"], opacity=1).encode(
        x, y
    )
    half = (position.h_high - position.h_low) / 2
    word = f"h {position.h:+.1f} ± {half:.1f}: {position.position}"
    return put(
        fitted + others + gap + dot,
        title="Your model among the models chosen",
        caption=(
            f"{word}. Line of n = {line.n} models, slope {line.slope.estimate:.2f} [{line.slope.low:.2f}, "
            f"{line.slope.high:.2f}]; {len(field)} models shown. ± is item noise; a specialist lies more than "
            f"{SPECIALIST_PP:g} points from the line."
        ),
        alternative=(
            "Scatter plot of frontier models, SWE-bench Verified across and GPQA Diamond up, with a dashed line and a "
            f"diamond for your model, joined to the line. Down-pointing triangles are coding specialists, up-pointing ones "
            f"reasoning specialists. {word}."
        ),
    )


_BEFORE, _AFTER = "as measured", "what if"


def what_if(
    before: Sequence[CouplingStep],
    after: Sequence[CouplingStep],
    *,
    family: str,
    x: str,
    y: str,
    change: str,
    chosen: str = "",
) -> Any:
    """Probabilities of the phases as measured, and after a change of one model's scores.

    Parameters
    ----------
    before, after : sequence of CouplingStep
        The same steps; both alike where nothing is changed.
    family, x, y : str
    change : str
        What was changed, in words; empty for nothing.
    chosen : str
        The model that can be changed, with its scores.
    """
    states = {_BEFORE: before, **({_AFTER: after} if change else {})}
    records = [
        {
            "step": f"{size_label(one.from_params_b)} to {size_label(one.to_params_b)}",
            "size": one.to_params_b,
            "scores": state,
            "coupling": "?" if np.isnan(one.median) else f"{one.median:+.2f}",
            **{f"p_{phase}": getattr(one, f"p_{phase}") for phase in PHASES},
        }
        for state, steps in states.items()
        for one in steps
    ]
    table = phase_rows(records).dropna(subset="probability")
    if table.empty:
        raise ValueError(
            f"the number of test items of {name(x)} or {name(y)} is not known, so no phase has a probability; choose another pair"
        )
    table["row"] = table["step"] + (", " + table["scores"] if change else "")
    bars = (
        alt.Chart(table)
        .mark_bar(height={"band": 0.75})
        .encode(
            PROBABILITY,
            alt.Y(
                "row:N", title=None, sort=list(dict.fromkeys(table.sort_values(["size", "scores"])["row"]))
            ),
            PHASE_BAR,
            # A condition, and no scale: opacity on names that have no order is warned about.
            opacity=alt.condition(
                f"datum.scores == '{_AFTER}'", alt.value(1), alt.value(1 if not change else 0.5)
            ),
            order=alt.Order("place:Q"),
            tooltip=["row", "phase", alt.Tooltip("probability:Q", format=".0%"), "coupling"],
        )
    )
    moved = []
    for one, two in zip(before, after, strict=True):
        if change and one.phase != two.phase:
            moved.append(
                f"{size_label(one.from_params_b)} to {size_label(one.to_params_b)} from {one.phase} to {two.phase}"
            )
    last = after[-1]
    verdict = (
        f"Nothing is changed: n = {len(before)} steps{chosen and '; to change: '}{chosen}."
        if not change
        else f"With {change}, the likeliest phase changes at {'; '.join(moved)}."
        if moved
        else f"With {change}, no step's likeliest phase changes."
    )
    return put(
        bars,
        title=f"{family}: {name(y)} over {name(x)}, step by step",
        caption=f"{verdict} Last step: {last.phase}, {last.probability:.0%}.",
        alternative=(
            "Stacked bars of the probabilities of tax, transition and bonus for each step in size"
            + (", as measured in pale colours and after the change in full ones." if change else ".")
        ),
    )
