"""Figures of chapter 06: cosines inside a model, what they can see, and what heads are for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from cape_utils.chapters.ch06_attention_heads import captions
from cape_utils.charts.parts import (
    choice,
    dropdown,
    fixed,
    follow,
    marks,
    order_of,
    rule_at,
    size_axis,
    slider,
)
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
    "a value of its own": ("blue", "circle"),
    "a repeated value": ("vermillion", "square"),
    "in the text only": ("purple", "diamond"),
    "files disagree": ("orange", "triangle-up"),
}
_NETWORKS = (("blue", "circle"), ("vermillion", "diamond"), ("green", "square"))
_DASHES = ([1, 0], [6, 4], [2, 3])
_MEASURES = {"raw": "vermillion", "centred": "blue"}
_SIDES = {"same sign": ("blue", "circle"), "opposite signs": ("vermillion", "diamond")}


def _released_rows(table: pd.DataFrame) -> pd.DataFrame:
    """The cosines with what each value is, read off its flags."""
    rows = table[["model", "family", "params_b", "measure", "mean_cosine"]].round(4)
    single, repeated, text, contradicted = _STATES
    flags = table["flags"].fillna("")
    kinds = {contradicted: "contradicted", text: "text_only", repeated: "constant_profile|repeated_score"}
    rows["value"] = np.select([flags.str.contains(flag) for flag in kinds.values()], list(kinds), single)
    return rows.assign(measure=rows["measure"].str.replace("_", " "))


def released_cosines(table: pd.DataFrame) -> Any:
    """The released internal cosines by size, with what each value is.

    Parameters
    ----------
    table : pandas.DataFrame
        From ``ch06_attention_heads.recompute.released``.
    """
    rows = _released_rows(table)
    chosen = dropdown("released_measure", ["both", *order_of(rows, "measure")], "Measure")
    points = (
        alt.Chart(rows)
        .transform_filter("released_measure == 'both' || datum.measure == released_measure")
        .mark_point(filled=True, size=85, opacity=0.85)
        .encode(
            size_axis(),
            alt.Y("mean_cosine:Q", title="Cosine, mean over units", scale=alt.Scale(domain=[0, 1])),
            **marks("value:N", None, _STATES, columns=2),
            tooltip=["model", "family", "measure", "value", alt.Tooltip("mean_cosine:Q", format=".4f")],
        )
    )
    return follow(points, [chosen], lambda measure: captions.released_cosines(rows, list(_STATES), measure))


def layer_cosines(table: pd.DataFrame, *, n: int) -> Any:
    """Cosine of two prompt sets by layer, trained network and random weights.

    Parameters
    ----------
    table : pandas.DataFrame
        Columns ``pair, measure, network, layer, cosine``; the first pair, measure and network are shown first.
    n : int
        Prompts in each set.
    """
    pair, of_pair = choice(table, "pair", "layer_pair", "Prompts")
    measure, of_measure = choice(table, "measure", "layer_measure", "Measure")
    networks = order_of(table, "network")
    look = marks("network:N", None, dict(zip(networks, _NETWORKS, strict=False)))
    dash = alt.Scale(domain=networks, range=list(_DASHES[: len(networks)]))
    base = (
        alt.Chart(table.round(4))
        .transform_filter(f"{of_pair} && {of_measure}")
        .encode(
            alt.X("layer:Q", title="Layer", scale=alt.Scale(nice=False), axis=alt.Axis(tickMinStep=1)),
            alt.Y("cosine:Q", title="Cosine of the two sets", scale=_COSINE),
            look["color"],
        )
    )
    lines = base.mark_line(strokeWidth=2.2).encode(alt.StrokeDash("network:N", title=None, scale=dash))
    points = base.mark_point(filled=True, size=28, opacity=1).encode(
        look["shape"], tooltip=["network", "layer", alt.Tooltip("cosine:Q", format=".3f")]
    )
    meanings = {"zero": 0.0, "a pair counts as opposed below this": -0.5}
    rules = (
        alt.Chart(pd.DataFrame({"cosine": meanings.values(), "meaning": meanings.keys()}))
        .mark_rule(strokeDash=[2, 4])
        .encode(alt.Y("cosine:Q"), tooltip=["meaning"])
    )
    return follow(
        rules + lines + points,
        [pair, measure],
        lambda pair, measure: captions.layer_cosines(table, pair, measure, n=n),
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
    # A map of one hue shows nothing; it opens where the cosines differ most, and the raw ones are a choice away.
    start = max(cases, key=lambda case: float(table[case].to_numpy().std()))
    hues = alt.Scale(domain=[-1, 0, 1], range=[PALETTE["vermillion"], "#F2F2F2", PALETTE["blue"]])
    chosen = dropdown("map_case", list(keys.values()), "Prompts and measure", labels=cases, value=keys[start])
    cells = (
        alt.Chart(table.rename(columns=keys).round(3))
        .transform_calculate(cosine="datum[map_case]")
        .mark_rect()
        .encode(
            alt.X("head:O", title="Head", axis=alt.Axis(labelAngle=0)),
            alt.Y("layer:O", title="Layer", axis=alt.Axis(labelOverlap=True)),
            alt.Color("cosine:Q", title="Cosine", scale=hues, legend=alt.Legend(gradientLength=160)),
            tooltip=["layer", "head", alt.Tooltip("cosine:Q", format=".2f")],
        )
    )
    names = {key: case for case, key in keys.items()}

    def words(key: str) -> dict[str, str]:
        same = names[key].rsplit(", ", 1)[0]
        raw = next(case for case in cases if case.rsplit(", ", 1)[0] == same)
        return captions.head_map(table, names[key], raw, n=n)

    return follow(cells.properties(height=380), [chosen], words)


def planted_chart(curve: pd.DataFrame) -> Any:
    """Both measures against the size of an opposite contrast that was added.

    Parameters
    ----------
    curve : pandas.DataFrame
        From ``controls.planted_curve`` with a column ``unit``.
    """
    table, measures = curve.round(4), list(_MEASURES)
    unit, of_unit = choice(table, "unit", "planted_unit", "Unit")
    sizes = np.unique(table["size"])
    step, smallest, largest = (float(x) for x in (np.round(np.diff(sizes).min(), 6), sizes[0], sizes[-1]))
    size = slider("planted_size", smallest, largest, step, smallest, "Planted size")
    hues = alt.Scale(domain=measures, range=[PALETTE[hue] for hue in _MEASURES.values()])
    dash = alt.Scale(domain=measures, range=list(_DASHES[:2]))
    base = (
        alt.Chart(table).transform_filter(of_unit).encode(alt.Color("measure:N", title="Measure", scale=hues))
    )
    lines = base.mark_line(strokeWidth=2.4).encode(
        alt.X("size:Q", title="Planted contrast, in lengths of the state", scale=alt.Scale(nice=False)),
        alt.Y("mean_cosine:Q", title="Cosine, mean over units", scale=_COSINE),
        alt.StrokeDash("measure:N", title="Measure", scale=dash),
    )
    point = (
        alt.Chart(table)
        .transform_filter(of_unit)
        .transform_filter(f"abs(datum.size - planted_size) < {step / 2}")
    )
    rule = point.mark_rule(strokeWidth=1.5).encode(alt.X("size:Q"))
    label = (
        "datum.measure + ': ' + format(datum.negative_pct, '.0f') + '% negative, ' "
        "+ format(datum.competing_pct, '.0f') + '% compete'"
    )
    words = (
        point.transform_calculate(label=label, place="datum.measure == 'raw' ? 0.93 : 0.79")
        .mark_text(align="right", fontSize=12)
        .encode(alt.Text("label:N"), alt.Y("place:Q"), x=alt.datum(largest))
    )
    return follow(
        lines + rule + words,
        [unit],
        lambda unit: captions.planted(table, unit, measures),
        others=[size],
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
    pair, of_pair = choice(table, "pair", "pattern_pair", "Prompts")
    start = slider("pattern_from", 0, 0.9, 0.1, 0.8, "Axis from")
    span = alt.Scale(domainMin=alt.ExprRef("pattern_from"), domainMax=1, nice=False, zero=False)
    across: dict[str, Any] = {"title": "Cosine of mean attention weights", "scale": span}
    y = alt.Y("case:N", title=None, sort=order_of(table, "case"), axis=alt.Axis(labelLimit=150))
    base = alt.Chart(table.round(6)).transform_filter(of_pair + " && datum.cosine >= pattern_from").encode(y)
    bars = base.mark_rule(strokeWidth=3, color=PALETTE["grey"], clip=True).encode(
        alt.X("low:Q", **across), alt.X2("high:Q")
    )
    numbers = [alt.Tooltip(f"{name}:Q", format=".4f") for name in ("cosine", "low", "high")]
    dots = base.mark_point(filled=True, size=95, opacity=1, color=PALETTE["blue"]).encode(
        alt.X("cosine:Q", **across),
        tooltip=["case", *numbers, "units"],
    )
    line = (
        alt.Chart(pd.DataFrame({"quoted": [quoted]}))
        .mark_rule(strokeDash=[5, 4], color=PALETTE["vermillion"], strokeWidth=2)
        .encode(alt.X("quoted:Q", **across))
    )
    return follow(
        (bars + dots + line).properties(height=230),
        [pair],
        lambda pair: captions.patterns(table, pair, quoted),
        others=[start],
    )


def gate_chart(table: pd.DataFrame, words: Mapping[str, str]) -> Any:
    """Slope of each head's gate for one set of items against the other.

    Parameters
    ----------
    table : pandas.DataFrame
        Columns ``comparison, layer, head, first, second``, slopes in root mean squares over items.
    words : mapping of str to str
        For each comparison, the sentence that says how much of the picture is reliable.
    """
    same, opposite = _SIDES
    rows = table.round(4)
    rows["side"] = np.where(rows["first"] * rows["second"] < 0, opposite, same)
    comparison, of_comparison = choice(rows, "comparison", "gate_pair", "Compared")
    layer = slider("gate_layer", 0, int(rows["layer"].max()), 1, 0, "From layer")
    across, up = fixed(rows["first"]), fixed(rows["second"])
    points = (
        alt.Chart(rows)
        .transform_filter(f"{of_comparison} && datum.layer >= gate_layer")
        .mark_point(filled=True, size=50, opacity=0.75)
        .encode(
            alt.X("first:Q", title="Slope for the first set, scaled", scale=across),
            alt.Y("second:Q", title="Slope for the second set, scaled", scale=up),
            **marks("side:N", None, _SIDES),
            tooltip=["layer", "head", "first", "second"],
        )
    )
    by_comparison = dict(list(rows.groupby("comparison")))
    return follow(
        points + rule_at(0.0, "x", dash=(3, 4)) + rule_at(0.0, "y", dash=(3, 4)),
        [comparison],
        lambda one: captions.gates(by_comparison[one], one, words[one]),
        others=[layer],
    )
