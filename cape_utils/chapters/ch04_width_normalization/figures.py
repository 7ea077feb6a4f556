"""Figures of chapter 04: what division by width does, and what is left of width without division."""

from __future__ import annotations

from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from cape_utils.charts.parts import dropdown, name, order_of, put, slider
from cape_utils.charts.rendering import PALETTE

__all__ = [
    "given_chart",
    "growth_chart",
    "matched_chart",
    "normalised_chart",
    "pair_scatter",
    "projection_chart",
    "ratio_scatter",
]

_KINDS = ["undivided", "divided by width", "quoted"]
_KIND_COLOUR = alt.Scale(domain=_KINDS, range=[PALETTE["vermillion"], PALETTE["blue"], PALETTE["purple"]])
_KIND_SHAPE = alt.Scale(domain=_KINDS, range=["triangle-left", "circle", "cross"])
_GROUPS = ["the claimed pair", "others with TruthfulQA", "without TruthfulQA"]
_STAGES = {
    "hidden_state": "hidden state",
    "after_projection": "after projection",
    "after_wider_projection": "after wider projection",
}


def normalised_chart(table: pd.DataFrame) -> Any:
    """Each family's r before and after division, on the range that division gives shuffled scores.

    Parameters
    ----------
    table : pandas.DataFrame
        Columns ``panel, shuffled, family, n, raw, normalised, low, high, quoted``; the last may be missing.
    """
    table = table.copy()
    first = table[
        (table["panel"] == table["panel"].iloc[0]) & (table["shuffled"] == table["shuffled"].iloc[0])
    ]
    inside = first["normalised"].between(first["low"], first["high"])
    long = table.rename(columns={"raw": _KINDS[0], "normalised": _KINDS[1], "quoted": _KINDS[2]}).melt(
        ["panel", "shuffled", "family", "n"], _KINDS, "kind", "r"
    )
    which = dropdown("norm_panel", order_of(table, "panel"), "Panel")
    null = dropdown("norm_null", order_of(table, "shuffled"), "Grey bar")
    close = slider("norm_from", -1, 0.9, 0.1, -1, "Axis from")
    keep = "datum.panel == norm_panel && datum.shuffled == norm_null"
    y = alt.Y("family:N", title=None, sort=order_of(table, "family"))
    span = alt.Scale(domainMin=alt.ExprRef("norm_from"), domainMax=1, nice=False, zero=False)
    x = alt.X("r:Q", title="r of HellaSwag and TruthfulQA", scale=span)
    bars = (
        alt.Chart(table[["panel", "shuffled", "family", "low", "high"]].round(4))
        .transform_filter(keep)
        .mark_bar(color=PALETTE["grey"], opacity=0.55, height=13, clip=True)
        .encode(alt.X("low:Q", title="r of HellaSwag and TruthfulQA", scale=span), alt.X2("high:Q"), y)
    )
    points = (
        alt.Chart(long.dropna(subset="r").round(4))
        .transform_filter(f"{keep} && datum.r >= norm_from")
        .mark_point(filled=True, size=85, opacity=0.9)
        .encode(
            x,
            y,
            alt.Color("kind:N", title=None, scale=_KIND_COLOUR),
            alt.Shape("kind:N", title=None, scale=_KIND_SHAPE),
            tooltip=["family", "kind", alt.Tooltip("r:Q", format=".3f"), "n"],
        )
        .add_params(which, null, close)
    )
    return put(
        (bars + points).properties(height=230),
        title="Division lifts every family, and shuffled scores as well",
        caption=(
            f"In {first['panel'].iloc[0]} (n = {len(first)} families, {first['n'].sum()} models) "
            f"{int((first['raw'] < 0).sum())} have a negative r before division "
            f"and {int((first['normalised'] < 0).sum())} after it; {int(inside.sum())} lie inside the 95% range "
            "that the same division gives shuffled scores."
        ),
        alternative=(
            "One line for each family, r from minus one to plus one. Left-pointing triangles, before division, stand on both "
            "sides of zero. Circles, after division, all stand close to plus one, on short grey bars that show what "
            "shuffled scores give after the same division. Crosses are the values quoted."
        ),
    )


def pair_scatter(pairs: pd.DataFrame) -> Any:
    """Raw against normalised r of every pair of benchmarks in every family.

    Parameters
    ----------
    pairs : pandas.DataFrame
        From ``scaling.width.pair_table``.
    """
    table = pairs.copy()
    tqa = (table["x"] == "truthfulqa_mc2") | (table["y"] == "truthfulqa_mc2")
    claimed = tqa & ((table["x"] == "hellaswag") | (table["y"] == "hellaswag"))
    table["group"] = np.select([claimed, tqa], _GROUPS[:2], _GROUPS[2])
    table["pair"] = (table["x"].map(name) + " and " + table["y"].map(name)).str.replace(" MC2", "")
    chosen = dropdown("pairs_family", ["all families", *sorted(table["family"].unique())], "Family")
    points = (
        alt.Chart(table[["family", "pair", "group", "raw", "normalised", "n"]].round(4))
        .transform_filter("pairs_family == 'all families' || datum.family == pairs_family")
        .mark_point(filled=True, size=65, opacity=0.75)
        .encode(
            alt.X("raw:Q", title="r, undivided", scale=alt.Scale(domain=[-1, 1], padding=6)),
            alt.Y("normalised:Q", title="r, divided by width", scale=alt.Scale(domain=[-1, 1], padding=6)),
            alt.Color(
                "group:N",
                title="Pair",
                scale=alt.Scale(
                    domain=_GROUPS, range=[PALETTE["vermillion"], PALETTE["purple"], PALETTE["blue"]]
                ),
            ),
            alt.Shape(
                "group:N",
                title="Pair",
                scale=alt.Scale(domain=_GROUPS, range=["diamond", "triangle-up", "circle"]),
            ),
            tooltip=[
                "family",
                "pair",
                alt.Tooltip("raw:Q", format=".2f"),
                alt.Tooltip("normalised:Q", format=".2f"),
                "n",
            ],
        )
        .add_params(chosen)
    )
    same = (
        alt.Chart(pd.DataFrame({"raw": [-1.0, 1.0], "normalised": [-1.0, 1.0]}))
        .mark_line(strokeDash=[4, 4], color=PALETTE["grey"])
        .encode(alt.X("raw:Q"), alt.Y("normalised:Q"))
    )
    negative = table[table["raw"] < 0]
    other = table[~claimed & (table["normalised"] >= 0.9)]
    return put(
        points + same,
        title="The same division of pairs that nobody claims anything about",
        caption=(
            f"n = {len(table)} pairs in {table['family'].nunique()} families: {len(negative)} are negative undivided, "
            f"{int((table['normalised'] < 0).sum())} divided. Of the {int((~claimed).sum())} pairs without a claim "
            f"{len(other)} reach 0.9."
        ),
        alternative=(
            "Scatter plot, r before division across and after division up. Points before division fill the range from minus "
            "one to plus one; after division nearly all lie along the top near plus one, whichever benchmarks make the pair. "
            "A dashed diagonal marks no change."
        ),
    )


def growth_chart(curves: pd.DataFrame) -> Any:
    """R against how fast the denominator grows, with the range of shuffled scores.

    Parameters
    ----------
    curves : pandas.DataFrame
        From ``scaling.width.growth_curve`` with a column ``family``.
    """
    table = curves.round(4)
    families = order_of(table, "family")
    chosen = dropdown("growth_family", families, "Family")
    power = slider("growth_power", 0, 2, 0.1, 1, "Width power")
    keep = alt.Chart(table).transform_filter("datum.family == growth_family")
    x = alt.X("power:Q", title="Power of relative width that both scores are divided by")
    y = alt.Y("r:Q", title="r of HellaSwag and TruthfulQA", scale=alt.Scale(domain=[-1, 1]))
    band = keep.mark_area(color=PALETTE["grey"], opacity=0.35).encode(
        x, alt.Y("low:Q", title="r of HellaSwag and TruthfulQA"), alt.Y2("high:Q")
    )
    middle = keep.mark_line(color=PALETTE["grey"], strokeDash=[5, 3]).encode(x, alt.Y("null_r:Q"))
    line = keep.mark_line(color=PALETTE["blue"], strokeWidth=2.5).encode(x, y)
    here = keep.transform_filter("abs(datum.power - growth_power) < 0.04")
    rule = here.mark_rule(color=PALETTE["vermillion"], strokeWidth=2).encode(alt.X("power:Q"))
    word = (
        here.transform_calculate(
            label="['data ' + format(datum.r, '.2f'), 'shuffled ' + format(datum.null_r, '.2f')]",
        )
        .mark_text(align="center", fontWeight="bold", baseline="bottom")
        .encode(alt.Text("label:N"), x=alt.datum(1.5), y=alt.datum(-0.1))
    )
    first = table[table["family"] == families[0]].set_index("power")
    crossing = first.index[(first["r"] >= first["low"]) & (first["r"] <= first["high"])]
    start, paper = (float(first["r"].loc[[power]].iloc[0]) for power in (0.0, 1.0))
    inside = f"from power {crossing.min():g} on" if len(crossing) else "at no power"
    return put(
        band + middle + line + rule + (word.add_params(chosen, power)),
        title="How fast must the denominator grow?",
        caption=(
            f"{families[0]}: r goes from {start:.2f} undivided to {paper:.2f} at the paper's choice, power 1; "
            f"it lies inside the range of shuffled scores {inside}. n = {len(families)} families to choose from."
        ),
        alternative=(
            "Line of r against the power of width in the denominator. It starts near minus one at power zero, climbs "
            "steeply and ends near plus one. A grey band of shuffled scores starts wide around zero and narrows to the "
            "same place near plus one."
        ),
    )


def ratio_scatter(table: pd.DataFrame, curves: pd.DataFrame, *, family: str, n: int) -> Any:
    """Two scores divided by a power of width in the reader's hands, as measured and with no meaning at all.

    Parameters
    ----------
    table : pandas.DataFrame
        From ``scaling.width.placebo_scores``.
    curves : pandas.DataFrame
        From ``scaling.width.growth_curve`` with a column ``case``.
    family : str
    n : int
        Models.
    """
    cases = order_of(table, "case")
    chosen = dropdown("ratio_case", cases, "Scores")
    power = slider("ratio_power", 0, 2, 0.1, 0, "Width power")
    drawn = table.assign(relative_width=table["d_model"].astype(float) / 512).drop(columns="d_model").round(3)
    points = (
        alt.Chart(drawn)
        .transform_filter("datum.case == ratio_case")
        .transform_calculate(
            across="datum.x / pow(datum.relative_width, ratio_power)",
            up="datum.y / pow(datum.relative_width, ratio_power)",
        )
        .mark_point(filled=True, size=95, color=PALETTE["blue"])
        .encode(
            alt.X("across:Q", title="HellaSwag, divided", scale=alt.Scale(zero=False, padding=20)),
            alt.Y("up:Q", title="TruthfulQA, divided", scale=alt.Scale(zero=False, padding=24)),
            tooltip=[
                "model",
                "relative_width",
                alt.Tooltip("across:Q", format=".1f"),
                alt.Tooltip("up:Q", format=".1f"),
            ],
        )
        .add_params(chosen, power)
    )
    word = (
        alt.Chart(curves[["case", "power", "r"]].round(3))
        .transform_filter("datum.case == ratio_case && abs(datum.power - ratio_power) < 0.04")
        .transform_calculate(label="'r = ' + format(datum.r, '.2f')")
        .mark_text(align="left", baseline="top", fontWeight="bold", fontSize=14)
        .encode(alt.Text("label:N"), x=alt.value(8), y=alt.value(4))
    )
    ends = {
        case: curves[curves["case"] == case].set_index("power")["r"].loc[[0.0, 1.0]].tolist()
        for case in cases
    }
    listed = "; ".join(f"{case}, {low:.2f} to {high:.2f}" for case, (low, high) in ends.items())
    return put(
        points + word,
        title=f"Divide {family} yourself",
        caption=f"r of n = {n} models from power 0 to power 1: {listed}.",
        alternative=(
            f"Scatter plot of the two scores of {family}. With the slider at zero the measured points fall from left to "
            "right and the meaningless ones form a cloud; moved to one, each of them becomes a rising line through the "
            f"origin's side. {listed}."
        ),
    )


def given_chart(table: pd.DataFrame) -> Any:
    """Correlation within families with nothing, width, size or both taken out.

    Parameters
    ----------
    table : pandas.DataFrame
        Columns ``panel, sizes, given, estimate, low, high, n``.
    """
    panels, sizes = order_of(table, "panel"), order_of(table, "sizes")
    which, span = dropdown("given_panel", panels, "Panel"), dropdown("given_sizes", sizes, "Sizes")
    keep = alt.Chart(table.round(4)).transform_filter(
        "datum.panel == given_panel && datum.sizes == given_sizes"
    )
    y = alt.Y("given:N", sort=order_of(table, "given"), title="Taken out", axis=alt.Axis(labelLimit=120))
    x = alt.X(
        "estimate:Q", title="r of HellaSwag and TruthfulQA within families", scale=alt.Scale(domain=[-1, 1])
    )
    bars = keep.mark_rule(strokeWidth=2.5, color=PALETTE["blue"]).encode(
        alt.X("low:Q", title="r of HellaSwag and TruthfulQA within families"), alt.X2("high:Q"), y
    )
    points = (
        keep.mark_point(filled=True, opacity=1, size=110, color=PALETTE["blue"])
        .encode(x, y, tooltip=["given", alt.Tooltip("estimate:Q", format=".2f"), "low", "high", "n"])
        .add_params(which, span)
    )
    zero = alt.Chart(pd.DataFrame({"x": [0.0]})).mark_rule(strokeDash=[4, 4]).encode(alt.X("x:Q"))
    first = table[(table["panel"] == panels[0]) & (table["sizes"] == sizes[0])]
    listed = "; ".join(f"{r.given} {r.estimate:.2f} [{r.low:.2f}, {r.high:.2f}]" for r in first.itertuples())
    return put(
        (zero + bars + points).properties(height=170),
        title="Nothing divided: what width takes out, size takes out",
        caption=f"{panels[0][0].upper()}{panels[0][1:]}, {sizes[0]}, n = {first['n'].min()}: {listed}.",
        alternative=(
            f"Interval plot of the correlation within families after taking out nothing, width, size or both. {listed}."
        ),
    )


def matched_chart(pairs: pd.DataFrame, share: dict[str, float]) -> Any:
    """Score of the wider minus the narrower of two models of similar size.

    Parameters
    ----------
    pairs : pandas.DataFrame
        From ``ch04_width_normalization.width_controls.matched_pairs``.
    share : dict of str to float
        For each benchmark, the share of pairs whose wider model scores higher.
    """
    scores = list(share)
    parts = [
        pd.DataFrame(
            {
                "pair": pairs["wide"].str.split("/").str[-1]
                + " over "
                + pairs["narrow"].str.split("/").str[-1],
                "score": name(score).removesuffix(" MC2"),
                "width_ratio": pairs["width_ratio"],
                "change": pairs[f"d_{score}"],
                "low": pairs[f"d_{score}"] - 1.96 * pairs[f"se_{score}"],
                "high": pairs[f"d_{score}"] + 1.96 * pairs[f"se_{score}"],
            }
        )
        for score in scores
    ]
    table = pd.concat(parts).round(3)
    table["side"] = np.where(table["change"] > 0, "wider scores higher", "wider scores lower")
    sides = ["wider scores higher", "wider scores lower"]
    chosen = dropdown("matched_score", order_of(table, "score"), "Score")
    least = slider("matched_ratio", 1.2, 1.8, 0.1, 1.2, "Width ratio at least")
    keep = alt.Chart(table).transform_filter(
        "datum.score == matched_score && datum.width_ratio >= matched_ratio - 0.001"
    )
    x = alt.X("width_ratio:Q", title="Wider over narrower", scale=alt.Scale(zero=False, padding=14))
    bars = keep.mark_rule(opacity=0.5).encode(
        x, alt.Y("low:Q", title="Wider minus narrower (points)"), alt.Y2("high:Q")
    )
    points = (
        keep.mark_point(filled=True, size=80)
        .encode(
            x,
            alt.Y("change:Q", title="Wider minus narrower (points)"),
            alt.Color(
                "side:N",
                title=None,
                scale=alt.Scale(domain=sides, range=[PALETTE["blue"], PALETTE["vermillion"]]),
            ),
            alt.Shape(
                "side:N", title=None, scale=alt.Scale(domain=sides, range=["triangle-up", "triangle-down"])
            ),
            tooltip=["pair", "width_ratio", alt.Tooltip("change:Q", format="+.1f")],
        )
        .add_params(chosen, least)
    )
    zero = alt.Chart(pd.DataFrame({"y": [0.0]})).mark_rule(strokeDash=[4, 4]).encode(alt.Y("y:Q"))
    listed = "; ".join(f"{name(score).removesuffix(' MC2')} {share[score]:.0%}" for score in scores)
    return put(
        zero + bars + points,
        title="Same size, different width",
        caption=(
            f"Share of n = {len(pairs)} pairs, no model used twice, whose wider model scores higher: {listed}. "
            "Bars are item noise, 95%."
        ),
        alternative=(
            "Dot plot of score differences against the ratio of widths, with error bars. Up-pointing triangles, where the "
            f"wider model scores higher, and down-pointing ones lie on both sides of a dashed line at zero: {listed}."
        ),
    )


def projection_chart(stages: pd.DataFrame, changes: pd.DataFrame) -> Any:
    """The released cosines before and after the output projection.

    Parameters
    ----------
    stages : pandas.DataFrame
        The table ``projection_coupling``.
    changes : pandas.DataFrame
        From ``ch04_width_normalization.width_controls.projection_changes``.
    """
    measures = ["cosine_of_mean_activations", "mean_of_prompt_cosines"]
    table = stages.melt(["model", "d_model", "stage"], measures, "measure", "cosine")
    table["measure"] = table["measure"].str.replace("_", " ")
    table["stage"] = table["stage"].map(_STAGES)
    models = order_of(table.sort_values("d_model"), "model")
    chosen = dropdown("projection_measure", order_of(table, "measure"), "Measure")
    keep = alt.Chart(table).transform_filter("datum.measure == projection_measure")
    x = alt.X(
        "stage:N",
        sort=list(_STAGES.values()),
        title=None,
        axis=alt.Axis(labelAngle=0, labelExpr="split(datum.label, ' ')"),
    )
    y = alt.Y("cosine:Q", title="Cosine of the two sets of prompts", scale=alt.Scale(domain=[0.2, 1]))
    colour = alt.Color(
        "model:N",
        title="Model",
        scale=alt.Scale(domain=models, range=[PALETTE["green"], PALETTE["vermillion"], PALETTE["blue"]]),
    )
    lines = keep.mark_line(strokeWidth=2).encode(x, y, colour)
    points = (
        keep.mark_point(filled=True, size=100, opacity=1)
        .encode(
            x,
            y,
            colour,
            alt.Shape(
                "model:N",
                title="Model",
                scale=alt.Scale(domain=models, range=["circle", "diamond", "square"]),
            ),
            tooltip=["model", "d_model", "stage", "cosine"],
        )
        .add_params(chosen)
    )
    shown = changes[(changes["measure"] == measures[0]) & (changes["stage"] == "after_projection")]
    listed = ", ".join(f"{r.model} (width {r.d_model}) {r.change_pct:+.0f}%" for r in shown.itertuples())
    return put(
        lines + points,
        title="Before and after the output projection",
        caption=f"Change at the projection, n = {len(shown)} models: {listed}.",
        alternative=(
            f"Line plot of a cosine at three stages for three models. At the projection {listed}; after a wider projection "
            "all three stand above their hidden state."
        ),
    )
