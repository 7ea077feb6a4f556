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
    ROW_PX,
    log_axis,
    marks,
    name,
    order_of,
    phase_rows,
    put,
    share_bars,
    size_axis,
    spread,
)
from cape_utils.charts.rendering import PALETTE
from cape_utils.diagnosis.steps import CouplingStep
from cape_utils.explorers import captions
from cape_utils.frontier.benchmark_pair import GPQA, SWE
from cape_utils.frontier.layers import line_layer, score_axes
from cape_utils.frontier.regression import FrontierPosition, Line
from cape_utils.scaling.critical_scale import CriticalScale
from cape_utils.stats.resampling import histogram

__all__ = ["growth", "location", "path", "phases", "scale", "what_if"]


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
    base = alt.Chart(_step_rows(local, clip)).encode(
        size_axis("mid_params_b", "Middle of the step (billions, log scale)")
    )
    up = alt.Y(
        "shown:Q", title=f"Local coupling, drawn within ±{clip:g}", scale=alt.Scale(domain=[-clip, clip])
    )
    bars = spread(base, "low", "high", opacity=0.5)
    dots = base.mark_point(filled=True, size=80).encode(up, **PHASE_POINT)
    thresholds = alt.Chart(pd.DataFrame({"y": [tax_below, bonus_above]})).mark_rule(strokeDash=[4, 4])
    return put(
        thresholds.encode(y="y:Q") + bars + dots,
        **captions.phases(local, x, y, tax_below=tax_below, bonus_above=bonus_above),
    )


def _step_rows(local: pd.DataFrame, clip: float) -> pd.DataFrame:
    """The steps by their models, with what is drawn of a coupling and of its bar."""
    columns = ["family", "step", "mid_params_b", "coupling", "se", "p_sign", "phase", "shown", "low", "high"]
    coupling, se = local["coupling"], local["se"]
    return local.assign(
        step=local["from_model"] + " to " + local["to_model"],
        shown=coupling.clip(-clip, clip),
        low=(coupling - se).clip(-clip, clip),
        high=(coupling + se).clip(-clip, clip),
    )[columns].round(4)


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
    ticks = [0.01, 0.1, 1, 10, 100, 1000]
    across = log_axis("low", "Critical scale (billions, log scale)", ticks, domain=[0.01, 1000])
    bars = share_bars(bins, across, "Share of valid draws", color=PALETTE["blue"], opacity=0.7)
    base = alt.Chart(
        pd.DataFrame([{"middle": estimate.median, "from_b": estimate.low, "to_b": estimate.high}])
    )
    interval = spread(base, "from_b", "to_b", "x", color=PALETTE["vermillion"], strokeWidth=3)
    middle = base.mark_rule(color=PALETTE["vermillion"], strokeWidth=2).encode(alt.X("middle:Q"))
    return put(bars + interval.encode(y=alt.value(4)) + middle, **captions.scale(estimate, score))


def growth(curve: pd.DataFrame, power: float, *, family: str, x: str, y: str, n: int) -> Any:
    """R against the power of width in the denominator, with one power marked.

    Parameters
    ----------
    curve : pandas.DataFrame
        Columns ``power, r`` and, where there is a null, ``null_r, low, high, p`` from ``scaling.width.growth_curve``.
    power : float
        The one that is marked and that the caption is about.
    family, x, y : str
    n : int
        Models.
    """
    table, label = curve.round(4), f"r of {name(x)} and {name(y)}"
    across = alt.X("power:Q", title="Power of width that divides both")
    up = alt.Y("r:Q", title=label, scale=alt.Scale(domain=[-1, 1]))
    base = alt.Chart(table).encode(across)
    layers = [base.mark_line(color=PALETTE["blue"], strokeWidth=2.5).encode(up)]
    if "low" in table:
        band = base.mark_area(color=PALETTE["grey"], opacity=0.35)
        middle = base.mark_line(color=PALETTE["grey"], strokeDash=[5, 3])
        ends = alt.Y("low:Q", title=label), alt.Y2("high:Q")
        layers = [band.encode(*ends), middle.encode(alt.Y("null_r:Q")), *layers]
    marked = table.iloc[(table["power"] - power).abs().argmin()]
    mark = alt.Chart(table[table["power"] == marked["power"]]).encode(across)
    rule = mark.mark_rule(color=PALETTE["vermillion"], strokeWidth=2)
    dot = mark.mark_point(shape="diamond", filled=True, size=140, color=PALETTE["vermillion"], opacity=1)
    return put(alt.layer(*layers, rule, dot.encode(up)), **captions.growth(marked, family, n))


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
    squares = {"shape": "square", "size": 45, "color": PALETTE["blue"]}
    line = (
        alt.Chart(table[["params_b", "predicted"]].dropna().round(3))
        .mark_line(color=PALETTE["blue"], strokeDash=[6, 3], clip=True, point=squares)
        .encode(size_axis(), y)
    )
    dots = (
        alt.Chart(table[["params_b", "measured"]].round(3))
        .mark_point(filled=True, size=85, color=PALETTE["vermillion"], opacity=0.9)
        .encode(
            size_axis(), alt.Y("measured:Q"), tooltip=["params_b", alt.Tooltip("measured:Q", format=".1f")]
        )
    )
    words = captions.path(
        len(table), score=score, target=target, train=train, error=error, reason=reason, terms=terms
    )
    return put(line + dots, **words)


_PLACES = {
    "coding specialist": ("vermillion", "triangle-down"),
    "cooperative": ("grey", "circle"),
    "reasoning specialist": ("blue", "triangle-up"),
}


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
    rows = field[["model", "lab", "released", SWE, GPQA, "h", "position"]].round(2)
    x, y = score_axes()
    # The first word says it, and three of them fit a narrow place.
    look = marks("position:N", "By the line", _PLACES, labelExpr="split(datum.label, ' ')[0]")
    others = (
        alt.Chart(rows)
        .mark_point(filled=True, size=60, opacity=0.75)
        .encode(x, y, **look, tooltip=list(rows))
    )
    place = {SWE: position.x_pct, GPQA: position.y_pct, "on_line": position.expected}
    model = alt.Chart(pd.DataFrame([place])).encode(x, y)
    gap = model.mark_rule(color=PALETTE["purple"], strokeWidth=2, clip=True).encode(alt.Y2("on_line:Q"))
    dot = model.mark_point(shape="diamond", filled=True, size=200, color=PALETTE["purple"], opacity=1)
    return put(line_layer(line) + others + gap + dot, **captions.location(len(field), line, position))


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
    table = _what_if_rows(before, after, changed=bool(change))
    if table.empty:
        raise ValueError(
            f"the number of test items of {name(x)} or {name(y)} is not known, so no phase has a probability; choose another pair"
        )
    order = order_of(table.sort_values(["size", "scores"]), "row")
    bars = (
        alt.Chart(table)
        .mark_bar(height={"band": 0.75})
        .encode(
            PROBABILITY,
            alt.Y("row:N", title=None, sort=order),
            PHASE_BAR,
            # A condition, and no scale: opacity on names that have no order is warned about.
            opacity=alt.condition(
                f"datum.scores == '{_AFTER}'", alt.value(1), alt.value(0.5 if change else 1)
            ),
            order=alt.Order("place:Q"),
            tooltip=["row", "phase", alt.Tooltip("probability:Q", format=".0%"), "coupling"],
        )
        .properties(height=ROW_PX * len(order))
    )
    words = captions.what_if(before, after, family=family, x=x, y=y, change=change, chosen=chosen)
    return put(bars, **words)


def _what_if_rows(
    before: Sequence[CouplingStep], after: Sequence[CouplingStep], *, changed: bool
) -> pd.DataFrame:
    """One row for each step, state of the scores and phase; none where the probabilities are not known."""
    states = {_BEFORE: before, _AFTER: after} if changed else {_BEFORE: before}
    steps = [
        {
            "step": captions.step_words(one),
            "size": one.to_params_b,
            "scores": state,
            "coupling": "?" if np.isnan(one.median) else f"{one.median:+.2f}",
            **{f"p_{phase}": share for phase, share in one.shares.items()},
        }
        for state, steps in states.items()
        for one in steps
    ]
    table = phase_rows(steps).dropna(subset="probability")
    return table.assign(row=table["step"] + (", " + table["scores"] if changed else ""))
