"""Figures of chapter 10: where a direction moves the margin, what its controls do, and what changes in the text."""

from __future__ import annotations

import textwrap
from typing import Any, Literal

import altair as alt
import pandas as pd

from cape_utils.charts.parts import dropdown, order_of, put, slider
from cape_utils.charts.rendering import PALETTE

__all__ = [
    "changed_chart",
    "controls_chart",
    "depth_chart",
    "outputs_chart",
    "parts_chart",
    "power_chart",
    "slope_map_chart",
]

_KINDS = {
    "truth": ("truth direction", "vermillion", "diamond"),
    "negative": ("its negative", "orange", "triangle-down"),
    "planted": ("steepest direction", "green", "triangle-up"),
    "shuffled": ("shuffled labels", "blue", "circle"),
    "random": ("random, same cost", "purple", "square"),
}
_MANY = "datum.direction == 'shuffled labels' || datum.direction == 'random, same cost'"
_WRAP = 40
_RUNS = {
    "greedy": "greedy again",
    "sampled": "sampled, no steering",
    "truth": "truth direction",
    "negative": "its negative",
    "shuffled": "shuffled labels",
    "random": "random directions",
}


def _kind_scales() -> tuple[alt.Scale, alt.Scale]:
    labels = [label for label, _, _ in _KINDS.values()]
    colours = alt.Scale(domain=labels, range=[PALETTE[colour] for _, colour, _ in _KINDS.values()])
    return colours, alt.Scale(domain=labels, range=[shape for _, _, shape in _KINDS.values()])


def slope_map_chart(table: pd.DataFrame, *, pairs: int, permutations: int) -> Any:
    """The slope of the margin at every layer, on what permuted labels give.

    Parameters
    ----------
    table : pandas.DataFrame
        From ``steering.layer_map.slope_map``.
    pairs, permutations : int
        Pairs behind each slope, and permutations.
    """
    alone = table.assign(band="each layer alone")
    whole = table.assign(band="all layers together", low=table["low_corrected"], high=table["high_corrected"])
    long = pd.concat([alone, whole])[["layer", "slope", "low", "high", "band", "p", "p_corrected"]].round(4)
    chosen = dropdown("slope_band", ["each layer alone", "all layers together"], "Grey band")
    keep = alt.Chart(long).transform_filter("datum.band == slope_band")
    x = alt.X("layer:Q", title="Layer", scale=alt.Scale(nice=False, padding=8))
    y = alt.Y("slope:Q", title="Slope of the margin (nats per unit)")
    band = keep.mark_area(color=PALETTE["grey"], opacity=0.35).encode(
        x, alt.Y("low:Q", title="Slope of the margin (nats per unit)"), alt.Y2("high:Q")
    )
    tips = ["layer", alt.Tooltip("slope:Q", format=".2f"), alt.Tooltip("p:Q", format=".3f"), "p_corrected"]
    line = keep.mark_line(color=PALETTE["blue"], strokeWidth=2.5).encode(x, y)
    points = keep.mark_point(filled=True, size=60, color=PALETTE["blue"]).encode(x, y, tooltip=tips)
    zero = alt.Chart(long.head(1)).mark_rule(strokeDash=[4, 4]).encode(y=alt.datum(0))
    quarter = alt.Chart(pd.DataFrame({"layer": [len(table) // 4]}))
    rule = quarter.mark_rule(color=PALETTE["vermillion"], strokeWidth=2, strokeDash=[2, 2]).encode(x)
    rising = int((table["slope"] > 0).sum())
    beyond, corrected = int((table["p"] <= 0.05).sum()), int((table["p_corrected"] <= 0.05).sum())
    return put(
        (band + zero + rule + line + points).add_params(chosen),
        title="Where could a push along the truth direction help?",
        caption=(
            f"n = {pairs} pairs, each topic held out from its direction. {rising} of {len(table)} layers slope upwards; "
            f"{beyond} lie outside the 95% range of {permutations:,} permutations taken alone, {corrected} after correction for "
            "having looked at all. The dotted rule is a quarter of the depth."
        ),
        alternative=(
            "Line of the slope of the margin against the layer, from first to last, with a grey band around zero that shows "
            f"what directions from permuted labels give. The line leaves the band of single layers at {beyond} of "
            f"{len(table)} layers. A dotted vertical rule marks a quarter of the depth."
        ),
    )


def depth_chart(table: pd.DataFrame, *, quarter: float) -> Any:
    """The finite effect at the depths tried, on topics held out from the direction.

    Parameters
    ----------
    table : pandas.DataFrame
        From ``ch10_steering.selection.depth_table``.
    quarter : float
        Depth of the paper's layer.
    """
    strengths = [f"{s:g}" for s in sorted(table["strength"].unique())]
    drawn = table.round(4).assign(setting=[f"{s:g}" for s in table["strength"]])
    chosen = dropdown("depth_strength", strengths, "Strength")
    keep = alt.Chart(drawn).transform_filter("datum.setting == depth_strength")
    x = alt.X("depth:Q", title="Depth (layer over number of layers)", scale=alt.Scale(domain=[0, 1]))
    title = "Change of the margin (nats)"
    bars = keep.mark_rule(color=PALETTE["blue"], strokeWidth=2).encode(
        x, alt.Y("low:Q", title=title), alt.Y2("high:Q")
    )
    points = keep.mark_point(filled=True, size=90, color=PALETTE["blue"]).encode(
        x,
        alt.Y("effect:Q", title=title),
        tooltip=["layer", alt.Tooltip("effect:Q", format=".3f"), alt.Tooltip("kl:Q", format=".3f"), "n"],
    )
    zero = alt.Chart(drawn.head(1)).mark_rule(strokeDash=[4, 4]).encode(y=alt.datum(0))
    rule = (
        alt.Chart(pd.DataFrame({"depth": [quarter]}))
        .mark_rule(color=PALETTE["vermillion"], strokeWidth=2, strokeDash=[2, 2])
        .encode(x)
    )
    mild = table[table["strength"] == table["strength"].min()].sort_values("effect")
    best = mild.iloc[-1]
    at = mild.iloc[(mild["depth"] - quarter).abs().argmin()]
    return put(
        (zero + rule + bars + points).add_params(chosen),
        title="Is a quarter of the depth the place?",
        caption=(
            f"Calibration topics, n = {int(at['n'])} pairs. At strength {at['strength']:g} a quarter of the depth "
            f"gives {at['effect']:+.3f} nats [{at['low']:.3f}, {at['high']:.3f}], and the best of {len(mild)} depths, "
            f"{best['depth']:.2f}, {best['effect']:+.3f}."
        ),
        alternative=(
            "Points with vertical intervals, one for each depth tried, over a dashed line at zero. Most intervals reach "
            "across the line. A dotted vertical rule marks a quarter of the depth. Larger strengths spread the points."
        ),
    )


def controls_chart(table: pd.DataFrame) -> Any:
    """Effect on the test topics against cost, for the truth direction and every control.

    Parameters
    ----------
    table : pandas.DataFrame
        Columns ``kind, draw, strength, kl, perplexity, margin, per_token, accuracy``, the last three as changes.
    """
    drawn = table[table["kind"].isin(_KINDS)].round(4).copy()
    drawn["direction"] = drawn["kind"].map({kind: label for kind, (label, _, _) in _KINDS.items()})
    outcomes = {
        "margin": "margin (nats)",
        "per_token": "margin a token (nats)",
        "accuracy": "accuracy (share)",
    }
    many = drawn["kind"].isin(["shuffled", "random"])
    drawn = pd.concat([drawn[many], drawn[~many]])  # the single ones are drawn on top
    long = drawn.melt(["direction", "draw", "strength", "kl"], list(outcomes), "outcome", "change")
    chosen = dropdown("control_outcome", list(outcomes), "Change of", labels=list(outcomes.values()))
    who = dropdown("control_kind", ["all", *(label for label, _, _ in _KINDS.values())], "Directions")
    colours, shapes = _kind_scales()
    points = (
        alt.Chart(long)
        .transform_filter("datum.outcome == control_outcome")
        .transform_filter("control_kind == 'all' || datum.direction == control_kind")
        .mark_point(filled=True, opacity=0.8)
        .encode(
            alt.X("kl:Q", title="Cost: KL on neutral text (nats a token)", scale=alt.Scale(zero=False)),
            alt.Y("change:Q", title="Change on the test topics"),
            alt.Color("direction:N", title=None, scale=colours, legend=alt.Legend(columns=2)),
            alt.Shape("direction:N", title=None, scale=shapes),
            size=alt.condition(_MANY, alt.value(55), alt.value(190)),
            tooltip=["direction", "strength", alt.Tooltip("change:Q", format=".3f"), "kl"],
        )
        .add_params(chosen, who)
    )
    zero = alt.Chart(long.head(1)).mark_rule(strokeDash=[4, 4]).encode(y=alt.datum(0))
    margins = {kind: part["margin"] for kind, part in drawn.groupby("kind")}
    truth = float(margins["truth"].mean())
    spread = {
        kind: f"{margins[kind].mean():+.3f} ± {margins[kind].std():.3f} for n = {len(margins[kind])}"
        for kind in ("shuffled", "random")
    }
    return put(
        zero + points,
        title="The truth direction among its controls",
        caption=(
            f"Margin on the test topics, mean and standard deviation in nats: truth {truth:+.3f}; {spread['shuffled']} "
            f"from shuffled labels; {spread['random']} random ones of equal cost."
        ),
        alternative=(
            "Scatter plot of the change of the margin against the cost on neutral text. Circles for shuffled labels and "
            "squares for random directions form two clouds. A diamond is the truth direction, a "
            "triangle pointing down its negative, and a triangle pointing up the steepest direction."
        ),
    )


def parts_chart(table: pd.DataFrame) -> Any:
    """Effect on all test pairs and on parts of them, over the range of shuffled directions.

    Parameters
    ----------
    table : pandas.DataFrame
        From ``ch10_steering.selection.outcome_table`` for shuffled and for random directions, with a column ``controls``.
    """
    drawn = table.round(4)
    chosen = dropdown("parts_controls", order_of(drawn, "controls"), "Grey bar")
    keep = alt.Chart(drawn).transform_filter("datum.controls == parts_controls")
    y = alt.Y("part:N", title=None, sort=order_of(drawn, "part"))
    title = "Change of the margin (nats)"
    grey = keep.mark_bar(color=PALETTE["grey"], opacity=0.5, height=16).encode(
        alt.X("null_low:Q", title=title), alt.X2("null_high:Q"), y
    )
    bars = keep.mark_rule(color=PALETTE["vermillion"], strokeWidth=2).encode(
        alt.X("low:Q"), alt.X2("high:Q"), y
    )
    points = keep.mark_point(filled=True, size=90, shape="diamond", color=PALETTE["vermillion"]).encode(
        alt.X("effect:Q", title=title),
        y,
        tooltip=["part", "n", alt.Tooltip("effect:Q", format=".3f"), alt.Tooltip("p:Q", format=".3f")],
    )
    zero = alt.Chart(drawn.head(1)).mark_rule(strokeDash=[4, 4]).encode(x=alt.datum(0))
    first = drawn[drawn["controls"] == drawn["controls"].iloc[0]].set_index("part")
    outside = int(((first["effect"] < first["null_low"]) | (first["effect"] > first["null_high"])).sum())
    listed = "; ".join(f"{part} {row['effect']:+.3f} (n = {int(row['n'])})" for part, row in first.iterrows())
    return put(
        (grey + zero + bars + points).add_params(chosen).properties(height=190),
        title="Facts, misconceptions, and what the model had wrong",
        caption=f"Change in nats: {listed}. {outside} of {len(first)} lie outside the grey bar.",
        alternative=(
            "One line for each part of the test pairs. A diamond with a horizontal interval shows the change under the truth "
            "direction, over a grey bar with the 95% range of control directions and a dashed line at zero."
        ),
    )


def power_chart(table: pd.DataFrame, *, strength: float, planted: int) -> Any:
    """How often the test would have seen a planted effect of each size.

    Parameters
    ----------
    table : pandas.DataFrame
        Columns ``effect`` (nats at the chosen strength) and ``power``.
    strength : float
    planted : int
        Planted directions behind each point.
    """
    drawn = table.round(4)
    asked = slider("power_wanted", 0.5, 0.95, 0.05, 0.8, "Power")
    x = alt.X("effect:Q", title="Planted effect on the margin (nats)")
    y = alt.Y("power:Q", title="Share of tests that see it", scale=alt.Scale(domain=[0, 1]))
    line = alt.Chart(drawn).mark_line(color=PALETTE["blue"], strokeWidth=2.5).encode(x, y)
    points = (
        alt.Chart(drawn)
        .transform_filter("datum.power >= power_wanted")
        .mark_point(filled=True, size=60, color=PALETTE["vermillion"])
        .encode(x, y, tooltip=[alt.Tooltip("effect:Q", format=".3f"), alt.Tooltip("power:Q", format=".2f")])
        .add_params(asked)
    )
    seen = drawn[drawn["power"] >= 0.8]
    least = f"{seen['effect'].min():.3f} nats" if len(seen) else "no effect in reach"
    return put(
        line + points,
        title="What could this design have seen?",
        caption=(
            f"At strength {strength:g} a power of 0.8 needs {least}; the largest effect any direction has by the gradient is "
            f"{drawn['effect'].max():.2f} nats. {planted:,} planted directions for each of {len(drawn)} sizes."
        ),
        alternative=(
            "Curve of the share of tests that see a planted effect against its size. It starts at one in twenty for an effect of "
            "zero, rises steeply and stays at one. Filled points mark sizes that reach the power chosen with the slider."
        ),
    )


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
    measures = {
        "changed": "outputs changed",
        "corrected": "wrong pairs corrected",
        "spoiled": "right pairs spoiled",
    }
    outputs = runs.assign(what="changed", pct=100 * runs["changed"] / runs["prompts"])
    wide = changes.melt(["kind"], ["corrected", "spoiled"], "what", "pct").assign(
        pct=lambda t: 100 * t["pct"]
    )
    both = pd.concat([outputs[["kind", "what", "pct"]], wide[wide["kind"] != "unsteered"]])
    both = both[both["kind"].isin(_RUNS)].assign(run=lambda t: t["kind"].map(_RUNS)).round(1)
    long = both.groupby(["run", "what", "pct"], sort=False).size().rename("runs").reset_index()
    chosen = dropdown("changed_what", list(measures), "Measure", labels=list(measures.values()))
    order = [*_RUNS.values(), *paper["model"]]
    y = alt.Y("run:N", title=None, sort=order, axis=alt.Axis(labelLimit=170))
    title, span = "Percent", alt.Scale(domain=[0, 100], padding=6, nice=False)
    points = (
        alt.Chart(long)
        .transform_filter("datum.what == changed_what")
        .mark_point(filled=True, opacity=0.8, color=PALETTE["blue"])
        .encode(
            alt.X("pct:Q", title=title, scale=span),
            y,
            alt.Size(
                "runs:Q", title="Runs", scale=alt.Scale(range=[60, 320]), legend=alt.Legend(values=[1, 10])
            ),
            tooltip=["run", "pct", "runs"],
        )
        .add_params(chosen)
    )
    quoted = paper.rename(columns={"model": "run"}).assign(what="changed").round(1)
    shown = alt.Chart(quoted).transform_filter("datum.what == changed_what")
    bars = shown.mark_rule(color=PALETTE["vermillion"], strokeWidth=2).encode(
        alt.X("low:Q", title=title), alt.X2("high:Q"), y
    )
    marks = shown.mark_point(filled=True, size=90, shape="diamond", color=PALETTE["vermillion"]).encode(
        alt.X("pct:Q", title=title, scale=span), y, tooltip=["run", "pct", "low", "high"]
    )
    means = both.groupby(["run", "what"])["pct"].mean()
    listed = "; ".join(
        f"{run} {means[run, 'changed']:.0f}%" for run in _RUNS.values() if (run, "changed") in means.index
    )
    steered = _RUNS["truth"]
    return put(
        (points + bars + marks).properties(height=260),
        title="A changed output is not a corrected one",
        caption=(
            f"Outputs changed of n = {int(runs['prompts'].iloc[0])} prompts, mean over runs: {listed}. The truth "
            f"direction corrects {means[steered, 'corrected']:.0f}% of the test pairs that were wrong and spoils "
            f"{means[steered, 'spoiled']:.0f}% of those that were right. Diamonds: the paper's counts."
        ),
        alternative=(
            "One line for each kind of run, percent across. Circles, larger for more runs, show our model; the repeated greedy "
            "run stands at zero, sampling without steering far to the right, and the steered runs with true, shuffled and "
            "random directions beside each other. Diamonds with long intervals are the paper's three counts."
        ),
    )


def outputs_chart(outputs: pd.DataFrame) -> Any:
    """The model's own words with and without steering, for a prompt, a layer and a strength of the reader's choice.

    Parameters
    ----------
    outputs : pandas.DataFrame
        From ``steering_sweeps.Study.outputs_sweep``.
    """
    table = outputs.copy()
    table["words"] = [textwrap.wrap(text or "(nothing)", _WRAP) for text in table["text"]]
    plain = table[table["strength"] == 0][["layer", "prompt", "words"]]
    steered = table[table["strength"] != 0]
    both = steered[["layer", "strength", "prompt", "words"]].merge(
        plain.rename(columns={"words": "plain"}), on=["layer", "prompt"]
    )
    both["at"] = [f"{layer}" for layer in both["layer"]]
    both["push"] = [f"{strength:+g}" for strength in both["strength"]]
    layers, pushes = order_of(both, "at"), order_of(both, "push")
    start = "+0.2" if "+0.2" in pushes else pushes[-1]
    prompt = dropdown("out_prompt", order_of(both, "prompt"), "Prompt")
    layer = dropdown("out_layer", layers, "Layer")
    push = dropdown("out_push", pushes, "Strength", value=start)
    keep = (
        alt.Chart(both[["at", "push", "prompt", "words", "plain"]])
        .transform_filter("datum.prompt == out_prompt && datum.at == out_layer && datum.push == out_push")
        .transform_calculate(
            heading="'steered, ' + datum.push + ' at layer ' + datum.at", first="'as the model is'"
        )
    )

    def text(field: str, height: int, weight: Literal["normal", "bold"] = "normal") -> Any:
        marks = keep.mark_text(align="left", baseline="top", fontSize=13, fontWeight=weight, lineHeight=18)
        return marks.encode(alt.Text(f"{field}:N"), x=alt.value(4), y=alt.value(height))

    chart = (
        text("prompt", 4)
        + text("first", 30, "bold")
        + text("plain", 50)
        + text("heading", 134, "bold")
        + text("words", 154)
    )
    same = (both["words"].map(tuple) == both["plain"].map(tuple)).mean()
    return put(
        chart.add_params(prompt, layer, push).properties(height=236),
        title="Read what steering does to the text",
        caption=(
            f"Greedy outputs of {len(plain['prompt'].unique())} prompts at {len(layers)} layers and {len(pushes)} strengths, "
            f"n = {len(both)}; {100 * same:.0f}% are the same as without steering. "
            "Positive pushes towards the truth direction."
        ),
        alternative=(
            "Two short texts, one below the other: what the model writes by itself and what it writes when steered, "
            "for the prompt, layer and strength chosen in three drop-downs."
        ),
    )
