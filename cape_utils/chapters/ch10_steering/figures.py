"""Figures of chapter 10: where a direction moves the margin, what its controls do, and what changes in the text."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

import altair as alt
import pandas as pd

from cape_utils.chapters.ch10_steering import captions
from cape_utils.charts.parts import (
    choice,
    dropdown,
    fixed,
    follow,
    marks,
    order_of,
    put,
    rule_at,
    slider,
    spread,
)
from cape_utils.charts.rendering import PALETTE

if TYPE_CHECKING:
    from cape_utils.chapters.ch10_steering.label_test import SteeringTest

__all__ = [
    "changed_chart",
    "controls_chart",
    "depth_chart",
    "methods_chart",
    "outputs_chart",
    "parts_chart",
    "power_chart",
    "seen_chart",
    "slope_map_chart",
]

_DIRECTIONS = {
    "truth": "truth direction",
    "shuffled": "permuted labels",
    "random": "random, same cost",
}
_LOOKS = {
    "truth direction": ("vermillion", "diamond"),
    "permuted labels": ("blue", "circle"),
    "random, same cost": ("purple", "square"),
}
_MANY = "datum.direction != 'truth direction'"
_RUNS = {
    "greedy": "greedy again",
    "sampled": "sampled, no steering",
    "truth": "truth direction",
    "negative": "its negative",
    "shuffled": "permuted labels",
    "random": "random directions",
}
_MARGIN = "Change of the margin (nats)"
_EFFECT = "Effect on the margin (nats)"


def _zero(table: pd.DataFrame, axis: Literal["x", "y"] = "y") -> Any:
    """A dashed line at zero, on the axis that is there."""
    return alt.Chart(table.head(1)).mark_rule(strokeDash=[4, 4]).encode(**{axis: alt.datum(0)})


def slope_map_chart(table: pd.DataFrame, *, pairs: int, permutations: int) -> Any:
    """The slope of the margin at every layer, on what permuted labels give.

    Parameters
    ----------
    table : pandas.DataFrame
        From ``steering.layer_map.slope_map``.
    pairs, permutations : int
        Pairs behind each slope, and permutations.
    """
    columns = ["layer", "slope", "low", "high", "band", "p", "p_corrected"]
    ends = {"each layer alone": ("low", "high"), "all layers together": ("low_corrected", "high_corrected")}
    rows = pd.concat(
        table.assign(band=band, low=table[a], high=table[b])[columns] for band, (a, b) in ends.items()
    )
    rows = rows.round(4)
    chosen, keep = choice(rows, "band", "slope_band", "Grey band")
    title = "Slope of the margin (nats per unit)"
    x = alt.X("layer:Q", title="Layer", scale=alt.Scale(nice=False, padding=8))
    base = alt.Chart(rows).transform_filter(keep).encode(x)
    band = base.mark_area(color=PALETTE["grey"], opacity=0.35).encode(
        alt.Y("low:Q", title=title), alt.Y2("high:Q")
    )
    slope = base.encode(alt.Y("slope:Q", title=title))
    line = slope.mark_line(color=PALETTE["blue"], strokeWidth=2.5)
    points = slope.mark_point(filled=True, size=60, color=PALETTE["blue"]).encode(
        tooltip=[
            "layer",
            alt.Tooltip("slope:Q", format=".2f"),
            alt.Tooltip("p:Q", format=".3f"),
            "p_corrected",
        ]
    )
    quarter = _quarter_rule(len(table) // 4, "Layer")
    # The words count what lies outside either band.
    return put(
        (band + _zero(rows) + quarter + line + points).add_params(chosen),
        **captions.slope_map(table, pairs, permutations),
    )


def _quarter_rule(value: float, title: str) -> Any:
    """A dotted line at the paper's layer."""
    return rule_at(value, "x", title=title, colour="vermillion", dash=(2, 2), strokeWidth=2)


def depth_chart(table: pd.DataFrame, *, quarter: float) -> Any:
    """The finite effect at the depths tried, on topics held out from the direction.

    Parameters
    ----------
    table : pandas.DataFrame
        From ``ch10_steering.selection.depth_table``.
    quarter : float
        Depth of the paper's layer.
    """
    rows = table.round(4).assign(setting=[f"{s:g}" for s in table["strength"]])
    strengths = [f"{s:g}" for s in sorted(table["strength"].unique())]
    chosen = dropdown("depth_strength", strengths, "Strength")
    title = "Depth (layer over number of layers)"
    base = (
        alt.Chart(rows)
        .transform_filter("datum.setting == depth_strength")
        .encode(alt.X("depth:Q", title=title, scale=alt.Scale(domain=[0, 1])))
    )
    bars = base.mark_rule(color=PALETTE["blue"], strokeWidth=2).encode(
        alt.Y("low:Q", title=_MARGIN), alt.Y2("high:Q")
    )
    numbers = [alt.Tooltip(f"{field}:Q", format=".3f") for field in ("effect", "kl")]
    points = base.mark_point(filled=True, size=90, color=PALETTE["blue"]).encode(
        alt.Y("effect:Q", title=_MARGIN), tooltip=["layer", *numbers, "n"]
    )
    return follow(
        _zero(rows) + _quarter_rule(quarter, title) + bars + points,
        [chosen],
        lambda strength: captions.depths(table, quarter, float(strength)),
    )


def controls_chart(table: pd.DataFrame) -> Any:
    """Effect on the test topics against cost, for the truth direction and every control.

    Parameters
    ----------
    table : pandas.DataFrame
        From ``ch10_steering.selection.change_table``.
    """
    outcomes = {
        "margin": "margin (nats)",
        "per_token": "margin a token (nats)",
        "accuracy": "accuracy (share)",
    }
    rows = table[table["kind"].isin(_DIRECTIONS)].round(4)
    rows = rows.assign(direction=rows["kind"].map(_DIRECTIONS))
    many = rows["kind"] != "truth"
    rows = pd.concat([rows[many], rows[~many]])  # the single ones are drawn on top
    long = rows.melt(["direction", "draw", "strength", "kl"], list(outcomes), "outcome", "change")
    outcome = dropdown("control_outcome", list(outcomes), "Effect on", labels=list(outcomes.values()))
    direction = dropdown("control_kind", ["all", *_LOOKS], "Directions")
    kinds = marks("direction:N", None, _LOOKS)
    points = (
        alt.Chart(long)
        .transform_filter("datum.outcome == control_outcome")
        .transform_filter("control_kind == 'all' || datum.direction == control_kind")
        .mark_point(filled=True, opacity=0.8)
        .encode(
            alt.X("kl:Q", title="Cost: KL on neutral text (nats a token)", scale=fixed(long["kl"])),
            alt.Y("change:Q", title="Effect on the test topics"),
            kinds["color"].legend(columns=2),
            kinds["shape"],
            size=alt.condition(_MANY, alt.value(55), alt.value(190)),
            tooltip=["direction", "strength", alt.Tooltip("change:Q", format=".3f"), "kl"],
        )
    )
    return follow(
        _zero(long) + points,
        [outcome],
        lambda column: captions.controls(rows, column, outcomes[column]),
        others=[direction],
    )


def seen_chart(results: Mapping[str, SteeringTest], rows: pd.DataFrame) -> Any:
    """The same test for several directions, each over the range of its own null.

    Parameters
    ----------
    results : mapping of str to SteeringTest
        By what the direction was learnt from; the positive control first.
    rows : pandas.DataFrame
        From ``label_test.null_rows``, with a column ``direction``.
    """
    table = rows.round(4)
    chosen, keep = choice(table, "null", "seen_null", "Permuted directions")
    names = list(results)
    y = alt.Y("direction:N", title=None, sort=names)
    title = "Effect (1 is the edge of the 95% range of permuted labels)"
    x = alt.X("effect:Q", title=title, axis=alt.Axis(tickCount=8))
    bars = pd.DataFrame({"direction": names, "low": -1.0, "high": 1.0})
    grey = (
        alt.Chart(bars)
        .mark_bar(color=PALETTE["grey"], opacity=0.35, height=30)
        .encode(y, alt.X("low:Q", title=title), alt.X2("high:Q"))
    )
    base = alt.Chart(table).transform_filter(keep).encode(y, x)
    numbers = ["direction", alt.Tooltip("nats:Q", format="+.2f"), alt.Tooltip("effect:Q", format=".2f")]
    ticks = (
        base.transform_filter("datum.labels == 'permuted'")
        .mark_point(shape="stroke", angle=90, color=PALETTE["blue"], opacity=0.6, size=300, strokeWidth=1.5)
        .encode(tooltip=numbers)
    )
    diamonds = (
        base.transform_filter("datum.labels != 'permuted'")
        .mark_point(filled=True, size=160, shape="diamond", color=PALETTE["vermillion"], opacity=1)
        .encode(tooltip=numbers)
    )
    layers = (grey + _zero(bars, "x") + ticks + diamonds).add_params(chosen)
    # The words are about the null with lengths kept, and say so; the other one is there to compare.
    return put(layers.properties(height=130), **captions.seen(results))


def parts_chart(table: pd.DataFrame) -> Any:
    """Effect on all test pairs and on parts of them, over the range of shuffled directions.

    Parameters
    ----------
    table : pandas.DataFrame
        From ``ch10_steering.selection.outcome_table`` for shuffled and for random directions, with a column ``controls``.
    """
    rows = table.round(4)
    chosen, keep = choice(rows, "controls", "parts_controls", "Grey bar")
    base = (
        alt.Chart(rows)
        .transform_filter(keep)
        .encode(alt.Y("part:N", title=None, sort=order_of(rows, "part")))
    )
    grey = base.mark_bar(color=PALETTE["grey"], opacity=0.5, height=16).encode(
        alt.X("null_low:Q", title=_EFFECT), alt.X2("null_high:Q")
    )
    bars = spread(base, "low", "high", "x", color=PALETTE["vermillion"], strokeWidth=2)
    points = base.mark_point(filled=True, size=90, shape="diamond", color=PALETTE["vermillion"]).encode(
        alt.X("effect:Q", title=_EFFECT),
        tooltip=["part", "n", alt.Tooltip("effect:Q", format=".3f"), alt.Tooltip("p:Q", format=".3f")],
    )
    return follow(
        (grey + _zero(rows, "x") + bars + points).properties(height=190),
        [chosen],
        lambda controls: captions.parts(rows, controls),
    )


def methods_chart(tables: Mapping[str, pd.DataFrame]) -> Any:
    """What each way of steering does to the tested topics, over the range of its own controls.

    Parameters
    ----------
    tables : mapping of str to DataFrame
        From ``ch10_steering.methods.method_table``, by what is steered; the one shown first is the first.
    """
    rows = pd.concat(table.assign(steered=name) for name, table in tables.items()).round(4)
    rows["way"] = rows["method"].map(captions.WAYS)
    chosen, keep = choice(rows, "steered", "methods_of", "Direction")
    y = alt.Y("way:N", title=None, sort=list(captions.WAYS.values()), axis=alt.Axis(labelLimit=170))
    base = alt.Chart(rows).transform_filter(keep).encode(y)
    grey = base.mark_bar(color=PALETTE["grey"], opacity=0.5, height=16).encode(
        alt.X("null_low:Q", title=_EFFECT), alt.X2("null_high:Q")
    )
    bars = spread(base, "low", "high", "x", color=PALETTE["vermillion"], strokeWidth=2)
    shown = [alt.Tooltip(f"{name}:Q", format=".3f") for name in ("effect", "p", "kl", "perplexity")]
    points = base.mark_point(filled=True, size=90, shape="diamond", color=PALETTE["vermillion"]).encode(
        alt.X("effect:Q", title=_EFFECT), tooltip=["way", "n", *shown]
    )
    return follow(
        (grey + _zero(rows, "x") + bars + points).properties(height=190),
        [chosen],
        lambda steered: captions.methods(tables[steered], steered),
    )


def power_chart(table: pd.DataFrame, *, limit: float, planted: int) -> Any:
    """How often the test would have seen a planted effect of each size.

    Parameters
    ----------
    table : pandas.DataFrame
        Columns ``effect`` (nats) and ``power``.
    limit : float
        On the cost, in nats a token.
    planted : int
        Planted directions behind each point.
    """
    rows = table[["effect", "power"]].round(4)
    wanted = slider("power_wanted", 0.5, 0.95, 0.05, 0.8, "Power")
    base = alt.Chart(rows).encode(
        alt.X("effect:Q", title="Planted effect on the margin (nats)"),
        alt.Y("power:Q", title="Share of tests that see it", scale=alt.Scale(domain=[0, 1])),
    )
    line = base.mark_line(color=PALETTE["blue"], strokeWidth=2.5)
    points = (
        base.transform_filter("datum.power >= power_wanted")
        .mark_point(filled=True, size=60, color=PALETTE["vermillion"])
        .encode(tooltip=[alt.Tooltip("effect:Q", format=".3f"), alt.Tooltip("power:Q", format=".2f")])
    )
    return follow(line + points, [wanted], lambda power: captions.power(rows, limit, planted, power))


def changed_chart(runs: pd.DataFrame, changes: pd.DataFrame, paper: pd.DataFrame) -> Any:
    """Outputs that changed, beside pairs that were corrected and pairs that were spoiled.

    Parameters
    ----------
    runs : pandas.DataFrame
        From ``ch10_steering.outputs.changed_sweep``.
    changes : pandas.DataFrame
        From ``ch10_steering.selection.change_table``.
    paper : pandas.DataFrame
        Columns ``model, pct, low, high``; the released counts.
    """
    rows, counts = _changed_rows(runs, changes)
    measures = {
        "changed": "outputs changed",
        "corrected": "wrong pairs corrected",
        "spoiled": "right pairs spoiled",
    }
    chosen = dropdown("changed_what", list(measures), "Measure", labels=list(measures.values()))
    keep = "datum.what == changed_what"
    y = alt.Y("run:N", title=None, sort=[*_RUNS.values(), *paper["model"]], axis=alt.Axis(labelLimit=170))
    x = alt.X("pct:Q", title="Percent", scale=alt.Scale(domain=[0, 100], padding=6, nice=False))
    size = alt.Size(
        "runs:Q", title="Runs", scale=alt.Scale(range=[60, 320]), legend=alt.Legend(values=[1, 10])
    )
    points = (
        alt.Chart(counts)
        .transform_filter(keep)
        .mark_point(filled=True, opacity=0.8, color=PALETTE["blue"])
        .encode(x, y, size, tooltip=["run", "pct", "runs"])
        .add_params(chosen)
    )
    quoted = paper.rename(columns={"model": "run"}).assign(what="changed").round(1)
    base = alt.Chart(quoted).transform_filter(keep).encode(y)
    bars = base.mark_rule(color=PALETTE["vermillion"], strokeWidth=2).encode(
        alt.X("low:Q", title="Percent"), alt.X2("high:Q")
    )
    diamonds = base.mark_point(filled=True, size=90, shape="diamond", color=PALETTE["vermillion"]).encode(
        x, tooltip=["run", "pct", "low", "high"]
    )
    # The words set the three measures side by side: that is the finding.
    return put(
        (points + bars + diamonds).properties(height=260),
        **captions.changed(rows, list(_RUNS.values()), int(runs["prompts"].iloc[0])),
    )


def _changed_rows(runs: pd.DataFrame, changes: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """``run, what, pct`` of every run, and how many runs of a kind share a value."""
    outputs = runs.assign(what="changed", pct=100 * runs["changed"] / runs["prompts"])
    pairs = changes.melt(["kind"], ["corrected", "spoiled"], "what", "pct")
    pairs = pairs[pairs["kind"] != "unsteered"].assign(pct=lambda t: 100 * t["pct"])
    rows = pd.concat([outputs[["kind", "what", "pct"]], pairs])
    rows = rows[rows["kind"].isin(_RUNS)].assign(run=lambda t: t["kind"].map(_RUNS)).round(1)
    return rows, rows.groupby(["run", "what", "pct"], sort=False).size().rename("runs").reset_index()


def outputs_chart(outputs: pd.DataFrame) -> Any:
    """The model's own words with and without steering, for a prompt, a layer and a strength of the reader's choice.

    Parameters
    ----------
    outputs : pandas.DataFrame
        From ``steering_sweeps.Study.outputs_sweep``.
    """
    rows = _output_rows(outputs)
    pushes = order_of(rows, "push")
    prompt, of_prompt = choice(rows, "prompt", "out_prompt", "Prompt")
    layer, of_layer = choice(rows, "at", "out_layer", "Layer")
    start = "+0.2" if "+0.2" in pushes else pushes[-1]
    push, of_push = choice(rows, "push", "out_push", "Strength", value=start)
    base = (
        alt.Chart(rows)
        .transform_filter(f"{of_prompt} && {of_layer} && {of_push}")
        .transform_calculate(
            heading="'steered, ' + datum.push + ' at layer ' + datum.at",
            first="'as the model is'",
            # Vega does not wrap: the lines are made for a phone and for a desktop, and the width decides.
            steered=f"width < {_WIDE} ? datum.words : datum.wide_words",
            unsteered=f"width < {_WIDE} ? datum.plain : datum.wide_plain",
        )
    )

    def text(field: str, height: int, weight: Literal["normal", "bold"] = "normal") -> Any:
        words = base.mark_text(align="left", baseline="top", fontSize=15, fontWeight=weight, lineHeight=21)
        return words.encode(alt.Text(f"{field}:N"), x=alt.value(4), y=alt.value(height))

    plain = text("prompt", 4) + text("first", 34, "bold") + text("unsteered", 56)
    layers = plain + text("heading", 150, "bold") + text("steered", 172)
    # The picture is the text chosen; the words are about all of it.
    return put(layers.add_params(prompt, layer, push).properties(height=266), **captions.outputs(rows))


_WIDE = 560  # pixels, room for a line of 68 letters


def _output_rows(outputs: pd.DataFrame) -> pd.DataFrame:
    """``at, push, prompt`` and the lines of the steered and the plain output, ``words`` and ``plain``, short and wide."""
    lines = {"words": 38, "wide_words": 68}
    table = outputs.assign(
        **{
            name: outputs["text"].map(lambda t, n=n: textwrap.wrap(t or "(nothing)", n))
            for name, n in lines.items()
        }
    )
    unsteered = table["strength"] == 0
    plain = table[unsteered].rename(columns={"words": "plain", "wide_words": "wide_plain"})
    plain = plain[["layer", "prompt", "plain", "wide_plain"]]
    rows = table[~unsteered].merge(plain, on=["layer", "prompt"])
    rows = rows.assign(at=rows["layer"].astype(str), push=rows["strength"].map("{:+g}".format))
    return rows[["at", "push", "prompt", "words", "wide_words", "plain", "wide_plain"]]
