"""Figures of chapter 06: cosines inside a model, what they can see, and what heads are for."""

from __future__ import annotations

from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from cape_utils.charts.parts import dropdown, order_of, put, size_axis, slider
from cape_utils.charts.rendering import PALETTE

__all__ = [
    "gate_chart",
    "head_map",
    "layer_cosines",
    "pattern_chart",
    "planted_chart",
    "released_cosines",
]

_COSINE = alt.Scale(domain=[-1, 1], nice=False)
_STATES = {
    "a value of its own": ("circle", PALETTE["blue"]),
    "a repeated value": ("square", PALETTE["vermillion"]),
    "in the text only": ("diamond", PALETTE["purple"]),
    "files disagree": ("triangle-up", PALETTE["orange"]),
}
_MEASURE_TITLES = {"hidden_state": "hidden state", "attention_pattern": "attention pattern"}
_SIDES = ["same sign", "opposite signs"]


def released_cosines(table: pd.DataFrame) -> Any:
    """The released internal cosines by size, with what each value is.

    Parameters
    ----------
    table : pandas.DataFrame
        From ``ch06_attention_heads.recompute.released``.
    """
    drawn = table[["model", "family", "params_b", "measure", "mean_cosine", "flags"]].copy()
    drawn["measure"] = drawn["measure"].map(_MEASURE_TITLES)
    kinds = list(_STATES)
    flags = drawn.pop("flags").fillna("")
    conditions = [
        flags.str.contains("contradicted"),
        flags.str.contains("text_only"),
        flags.str.contains("constant_profile|repeated_score"),
    ]
    drawn["value"] = np.select(conditions, [kinds[3], kinds[2], kinds[1]], kinds[0])
    measures = ["both", *order_of(drawn, "measure")]
    chosen = dropdown("released_measure", measures, "Measure")
    points = (
        alt.Chart(drawn.round(4))
        .transform_filter("released_measure == 'both' || datum.measure == released_measure")
        .mark_point(filled=True, size=85, opacity=0.85)
        .encode(
            size_axis(),
            alt.Y("mean_cosine:Q", title="Cosine, mean over units", scale=alt.Scale(domain=[0, 1])),
            alt.Color(
                "value:N",
                title=None,
                scale=alt.Scale(domain=kinds, range=[colour for _, colour in _STATES.values()]),
                legend=alt.Legend(columns=2),
            ),
            alt.Shape(
                "value:N",
                title=None,
                scale=alt.Scale(domain=kinds, range=[shape for shape, _ in _STATES.values()]),
                legend=alt.Legend(columns=2),
            ),
            tooltip=["model", "family", "measure", "value", alt.Tooltip("mean_cosine:Q", format=".4f")],
        )
        .add_params(chosen)
    )
    counts = drawn["value"].value_counts()
    listed = ", ".join(f"{counts[kind]} {kind}" for kind in kinds if kind in counts)
    return put(
        points,
        title="The released internal cosines",
        caption=f"n = {len(drawn)} rows of the released table and the text: {listed}.",
        alternative=(
            "Scatter plot of a cosine against model size. Many points lie on two horizontal lines, near 0.97 and near 0.83; "
            f"below them, at 0.2 to 0.4, lie large models. {listed}."
        ),
    )


def layer_cosines(table: pd.DataFrame, *, n: int) -> Any:
    """Cosine of two prompt sets by layer, trained network and random weights.

    Parameters
    ----------
    table : pandas.DataFrame
        Columns ``pair, measure, network, layer, cosine``; the first pair, measure and network are shown first.
    n : int
        Prompts in each set.
    """
    pairs, measures, nets = (order_of(table, column) for column in ("pair", "measure", "network"))
    pair = dropdown("layer_pair", pairs, "Prompts")
    measure = dropdown("layer_measure", measures, "Measure")
    keep = alt.Chart(table.round(4)).transform_filter(
        "datum.pair == layer_pair && datum.measure == layer_measure"
    )
    colours = [PALETTE["blue"], PALETTE["vermillion"], PALETTE["green"]][: len(nets)]
    x = alt.X("layer:Q", title="Layer", scale=alt.Scale(nice=False), axis=alt.Axis(tickMinStep=1))
    y = alt.Y("cosine:Q", title="Cosine of the two sets", scale=_COSINE)
    colour = alt.Color("network:N", title=None, sort=nets, scale=alt.Scale(domain=nets, range=colours))
    dashes = alt.Scale(domain=nets, range=[[1, 0], [6, 4], [2, 3]][: len(nets)])
    shapes = alt.Scale(domain=nets, range=["circle", "diamond", "square"][: len(nets)])
    lines = keep.mark_line(strokeWidth=2.2).encode(
        x, y, colour, alt.StrokeDash("network:N", title=None, sort=nets, scale=dashes)
    )
    points = keep.mark_point(filled=True, size=28, opacity=1).encode(
        x,
        y,
        colour,
        alt.Shape("network:N", title=None, sort=nets, scale=shapes),
        tooltip=["network", "layer", alt.Tooltip("cosine:Q", format=".3f")],
    )
    rules = (
        alt.Chart(
            pd.DataFrame({"cosine": [0.0, -0.5], "meaning": ["zero", "a pair counts as opposed below this"]})
        )
        .mark_rule(strokeDash=[2, 4])
        .encode(alt.Y("cosine:Q"), tooltip=["meaning"])
    )
    first = table[(table["measure"] == measures[0]) & (table["network"] == nets[0])]
    spans = first.groupby("pair", sort=False)["cosine"].agg(["min", "max"])
    listed = "; ".join(f"{name} {row['min']:.2f} to {row['max']:.2f}" for name, row in spans.iterrows())
    return put(
        rules + lines.add_params(pair, measure) + points,
        title="The cosine by layer, for any two sets of prompts",
        caption=(
            f"Measure {measures[0]}, {nets[0]}, n = {n} prompts a set, {table['layer'].nunique()} layers: {listed}."
        ),
        alternative=(
            "Line plot of a cosine against layer, one line for the trained network and a dashed one for the same network with "
            f"random weights, with dotted lines at zero and at minus one half. {listed}."
        ),
    )


def head_map(table: pd.DataFrame, *, n: int) -> Any:
    """Cosine of two prompt sets by layer and head.

    Parameters
    ----------
    table : pandas.DataFrame
        Columns ``layer, head`` and one for each case, named as the reader is to see it.
    n : int
        Prompts in each set.
    """
    cases = [str(name) for name in table.columns if name not in ("layer", "head")]
    keys = {case: f"c{i}" for i, case in enumerate(cases)}
    chosen = dropdown("map_case", list(keys.values()), "Prompts and measure", labels=cases)
    cells = (
        alt.Chart(table.rename(columns=keys).round(3))
        .transform_calculate(cosine="datum[map_case]")
        .mark_rect()
        .encode(
            alt.X("head:O", title="Head", axis=alt.Axis(labelAngle=0)),
            alt.Y("layer:O", title="Layer", axis=alt.Axis(labelOverlap=True)),
            alt.Color(
                "cosine:Q",
                title="Cosine",
                scale=alt.Scale(domain=[-1, 0, 1], range=[PALETTE["vermillion"], "#F2F2F2", PALETTE["blue"]]),
                legend=alt.Legend(gradientLength=160),
            ),
            tooltip=["layer", "head", alt.Tooltip("cosine:Q", format=".2f")],
        )
        .add_params(chosen)
    )
    below = {case: int((table[case] < 0).sum()) for case in cases}
    most = max(cases, key=lambda case: below[case])
    listed = f"{cases[0]} {below[cases[0]]}; at most {below[most]}, {most}"
    return put(
        cells.properties(height=380),
        title="Every head of the model",
        caption=f"Heads with a negative cosine, of {len(table)}, n = {n} prompts a set: {listed}.",
        alternative=(
            "Heat map with a column for each head and a row for each layer. Blue cells have a cosine above zero, orange ones "
            f"below. Heads with a negative cosine: {listed}."
        ),
    )


def planted_chart(curve: pd.DataFrame) -> Any:
    """Both measures against the size of an opposite contrast that was added.

    Parameters
    ----------
    curve : pandas.DataFrame
        From ``internals.planted_curve`` with a column ``unit``.
    """
    table = curve.round(4)
    units, sizes = order_of(table, "unit"), np.unique(table["size"])
    step = float(np.round(np.diff(sizes).min(), 6))
    unit = dropdown("planted_unit", units, "Unit")
    here = slider("planted_size", float(sizes[0]), float(sizes[-1]), step, float(sizes[0]), "Planted size")
    keep = alt.Chart(table).transform_filter("datum.unit == planted_unit")
    measures = ["raw", "centred"]
    colour = alt.Color(
        "measure:N",
        title="Measure",
        scale=alt.Scale(domain=measures, range=[PALETTE["vermillion"], PALETTE["blue"]]),
    )
    dash = alt.StrokeDash(
        "measure:N", title="Measure", scale=alt.Scale(domain=measures, range=[[1, 0], [6, 4]])
    )
    x = alt.X("size:Q", title="Planted contrast, in lengths of the state", scale=alt.Scale(nice=False))
    y = alt.Y("mean_cosine:Q", title="Cosine, mean over units", scale=_COSINE)
    lines = keep.mark_line(strokeWidth=2.4).encode(x, y, colour, dash)
    point = keep.transform_filter(f"abs(datum.size - planted_size) < {step / 2}")
    rule = point.mark_rule(strokeWidth=1.5).encode(alt.X("size:Q"))
    words = (
        point.transform_calculate(
            label="datum.measure + ': ' + format(datum.negative_pct, '.0f') + '% negative, ' "
            "+ format(datum.competing_pct, '.0f') + '% compete'",
            place="datum.measure == 'raw' ? 0.93 : 0.79",
        )
        .mark_text(align="right", fontSize=12)
        .encode(alt.Text("label:N"), alt.Y("place:Q"), x=alt.datum(float(sizes[-1])))
    )
    first = table[table["unit"] == units[0]]
    listed = []
    for name in measures:
        part = first[first["measure"] == name]
        for column, least, what in (
            ("negative_pct", 95, "95% of units are negative"),
            ("competing_pct", 50, "half of them compete"),
        ):
            reached = part.loc[part[column] >= least, "size"]
            where = f"from {reached.min():g}" if len(reached) else "nowhere"
            listed.append(f"{name}, {what} {where}")
    return put(
        lines.add_params(unit, here) + rule + words,
        title="How large must an opposition be to be seen?",
        caption=f"By {units[0]}, n = {int(first['units'].iloc[0])} units: {'; '.join(listed)} lengths of the state.",
        alternative=(
            "Line plot of the cosine against the size of a planted opposite contrast, from plus one downwards. The dashed "
            "line of "
            f"the centred measure falls at once, the line of the raw measure much later. {'; '.join(listed)}."
        ),
    )


def pattern_chart(table: pd.DataFrame, *, quoted: float) -> Any:
    """Attention-pattern cosines of a trained network, random weights and attention that looks at nothing.

    Parameters
    ----------
    table : pandas.DataFrame
        Columns ``pair, case, low, cosine, high, units``.
    quoted : float
        The value of the paper, drawn as a line.
    """
    pairs = order_of(table, "pair")
    chosen = dropdown("pattern_pair", pairs, "Prompts")
    least = slider("pattern_from", 0, 0.9, 0.1, 0.8, "Axis from")
    keep = alt.Chart(table.round(6)).transform_filter(
        "datum.pair == pattern_pair && datum.cosine >= pattern_from"
    )
    span = alt.Scale(domainMin=alt.ExprRef("pattern_from"), domainMax=1, nice=False, zero=False)
    title = "Cosine of mean attention weights"
    y = alt.Y("case:N", title=None, sort=order_of(table, "case"), axis=alt.Axis(labelLimit=150))
    bars = keep.mark_rule(strokeWidth=3, color=PALETTE["grey"], clip=True).encode(
        alt.X("low:Q", title=title, scale=span), alt.X2("high:Q"), y
    )
    dots = keep.mark_point(filled=True, size=95, opacity=1, color=PALETTE["blue"]).encode(
        alt.X("cosine:Q", title=title, scale=span),
        y,
        tooltip=[
            "case",
            alt.Tooltip("cosine:Q", format=".4f"),
            alt.Tooltip("low:Q", format=".4f"),
            alt.Tooltip("high:Q", format=".4f"),
            "units",
        ],
    )
    line = (
        alt.Chart(pd.DataFrame({"quoted": [quoted]}))
        .mark_rule(strokeDash=[5, 4], color=PALETTE["vermillion"], strokeWidth=2)
        .encode(alt.X("quoted:Q", title=title, scale=span))
    )
    first = table[table["pair"] == pairs[0]]
    listed = "; ".join(f"{row.case} {row.cosine:.3f}" for row in first.itertuples())
    return put(
        (bars + dots.add_params(chosen, least) + line).properties(height=230),
        title="Attention weights point alike whatever they attend to",
        caption=(
            f"{pairs[0]}, means over n = {int(first['units'].max())} heads, bars from the lowest to the highest: {listed}. "
            f"Dashed: the value quoted, {quoted:g}."
        ),
        alternative=(
            f"Dots with bars on a scale that ends at one, one line for each kind of attention. {listed}. A dashed line stands "
            f"at the quoted {quoted:g}."
        ),
    )


def gate_chart(table: pd.DataFrame, words: dict[str, str]) -> Any:
    """Slope of each head's gate for one set of items against the other.

    Parameters
    ----------
    table : pandas.DataFrame
        Columns ``comparison, layer, head, first, second``, slopes in root mean squares over items.
    words : dict of str to str
        For each comparison, the sentence that says how much of the picture is reliable.
    """
    drawn = table.round(4)
    drawn["side"] = np.where(drawn["first"] * drawn["second"] < 0, _SIDES[1], _SIDES[0])
    names = order_of(drawn, "comparison")
    chosen = dropdown("gate_pair", names, "Compared")
    last = int(drawn["layer"].max())
    layer = slider("gate_layer", 0, last, 1, 0, "From layer")
    points = (
        alt.Chart(drawn)
        .transform_filter("datum.comparison == gate_pair && datum.layer >= gate_layer")
        .mark_point(filled=True, size=50, opacity=0.75)
        .encode(
            alt.X("first:Q", title="Slope for the first set, scaled"),
            alt.Y("second:Q", title="Slope for the second set, scaled"),
            alt.Color(
                "side:N",
                title=None,
                scale=alt.Scale(domain=_SIDES, range=[PALETTE["blue"], PALETTE["vermillion"]]),
            ),
            alt.Shape("side:N", title=None, scale=alt.Scale(domain=_SIDES, range=["circle", "diamond"])),
            tooltip=["layer", "head", "first", "second"],
        )
        .add_params(chosen, layer)
    )
    lines = [
        alt.Chart(pd.DataFrame({axis: [0.0]})).mark_rule(strokeDash=[3, 4]).encode(**{axis: f"{axis}:Q"})
        for axis in ("x", "y")
    ]
    heads = int((drawn["comparison"] == names[0]).sum())
    return put(
        points + lines[0] + lines[1],
        title="What each head does for two sets of sentences",
        caption=f"n = {heads} heads. {names[0]}: {words[names[0]]}",
        alternative=(
            "Scatter plot of the slope of the margin along each head's gate, one set across and the other up, with dashed "
            "lines at "
            "zero. Circles have the same sign for both sets, diamonds opposite signs. "
            f"{names[0]}: {words[names[0]]}"
        ),
    )
