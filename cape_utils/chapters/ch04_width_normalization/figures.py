"""Figures of chapter 04: what division by width does, and what is left of width without division."""

from __future__ import annotations

from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from cape_utils.chapters.ch04_width_normalization import captions
from cape_utils.charts.parts import choice, fixed, follow, marks, name, order_of, put, rule_at, slider
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

_KINDS = {
    "undivided": ("vermillion", "triangle-left"),
    "divided by width": ("blue", "circle"),
    "quoted": ("purple", "cross"),
}
_GROUPS = {
    "the claimed pair": ("vermillion", "diamond"),
    "others with TruthfulQA": ("purple", "triangle-up"),
    "without TruthfulQA": ("blue", "circle"),
}
_SIDES = {
    "wider scores higher": ("blue", "triangle-up"),
    "wider scores lower": ("vermillion", "triangle-down"),
}
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
    long = table.rename(columns=dict(zip(("raw", "normalised", "quoted"), _KINDS, strict=True))).melt(
        ["panel", "shuffled", "family", "n"], list(_KINDS), "kind", "r"
    )
    which, of_panel = choice(table, "panel", "norm_panel", "Panel")
    null, of_null = choice(table, "shuffled", "norm_null", "Grey bar")
    keep = f"{of_panel} && {of_null}"
    y = alt.Y("family:N", title=None, sort=order_of(table, "family"))
    bars = (
        alt.Chart(_fisher(table[["panel", "shuffled", "family", "low", "high"]], ["low", "high"]))
        .transform_filter(keep)
        .mark_bar(color=PALETTE["grey"], opacity=0.55, height=13)
        .encode(_fisher_axis("low"), alt.X2("high:Q"), y)
    )
    points = (
        alt.Chart(_fisher(long.dropna(subset="r").assign(place=lambda t: t["r"]), ["place"]))
        .transform_filter(keep)
        .mark_point(filled=True, size=85, opacity=0.9)
        .encode(
            _fisher_axis("place"),
            y,
            **marks("kind:N", None, _KINDS),
            tooltip=["family", "kind", alt.Tooltip("r:Q", format=".3f"), "n"],
        )
    )
    return follow(
        (bars + rule_at(0.0, "x") + points).properties(height=230),
        [which, null],
        lambda panel, shuffled: captions.normalised(table, panel, shuffled),
    )


_TICKS = (-0.99, -0.9, 0.0, 0.9, 0.99, 0.999)
_NEAREST = 0.9999  # to plus or minus one that is drawn


def _fisher(table: pd.DataFrame, columns: list[str]) -> pd.DataFrame:
    """Correlations as Fisher's z, on which those near one do not pile up at the edge."""
    return table.assign(
        **{column: np.arctanh(table[column].clip(-_NEAREST, _NEAREST)) for column in columns}
    ).round(4)


def _fisher_axis(field: str) -> alt.X:
    """Axis of a column from `_fisher`, labelled with the correlations themselves."""
    label = "format((exp(2 * datum.value) - 1) / (exp(2 * datum.value) + 1), '.3~f')"
    values = [round(float(z), 4) for z in np.arctanh(_TICKS)]
    return alt.X(
        f"{field}:Q",
        title="r of HellaSwag and TruthfulQA (Fisher's z scale)",
        scale=fixed([*values, float(np.arctanh(_NEAREST))], margin=0.04),
        axis=alt.Axis(values=values, labelExpr=label, labelOverlap=False),
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
    claim, *others = _GROUPS
    table["group"] = np.select([claimed, tqa], [claim, others[0]], others[1])
    table["pair"] = (table["x"].map(name) + " and " + table["y"].map(name)).str.replace(" MC2", "")
    every = "all families"
    chosen, keep = choice(table, "family", "pairs_family", "Family", every=every)
    points = (
        alt.Chart(table[["family", "pair", "group", "raw", "normalised", "n"]].round(4))
        .transform_filter(keep)
        .mark_point(filled=True, size=65, opacity=0.75)
        .encode(
            alt.X("raw:Q", title="r, undivided", scale=alt.Scale(domain=[-1, 1], padding=6)),
            alt.Y("normalised:Q", title="r, divided by width", scale=alt.Scale(domain=[-1, 1], padding=6)),
            **marks("group:N", "Pair", _GROUPS),
            tooltip=[
                "family",
                "pair",
                alt.Tooltip("raw:Q", format=".2f"),
                alt.Tooltip("normalised:Q", format=".2f"),
                "n",
            ],
        )
    )
    same = (
        alt.Chart(pd.DataFrame({"raw": [-1.0, 1.0], "normalised": [-1.0, 1.0]}))
        .mark_line(strokeDash=[4, 4], color=PALETTE["grey"])
        .encode(alt.X("raw:Q"), alt.Y("normalised:Q"))
    )
    return follow(
        points + same,
        [chosen],
        lambda family: captions.pairs(table, claim, "" if family == every else family),
    )


def growth_chart(curves: pd.DataFrame) -> Any:
    """R against how fast the denominator grows, with the range of shuffled scores.

    Parameters
    ----------
    curves : pandas.DataFrame
        From ``scaling.width.growth_curve`` with a column ``family``.
    """
    table = curves.round(4)
    chosen, of_family = choice(table, "family", "growth_family", "Family")
    power = slider("growth_power", 0, 2, 0.1, 1, "Width power")
    keep = alt.Chart(table).transform_filter(of_family)
    x = alt.X("power:Q", title="Power of relative width that both scores are divided by")
    y = alt.Y("r:Q", title="r of HellaSwag and TruthfulQA", scale=alt.Scale(domain=[-1, 1]))
    band = keep.mark_area(color=PALETTE["grey"], opacity=0.35).encode(
        x, alt.Y("low:Q", title="r of HellaSwag and TruthfulQA"), alt.Y2("high:Q")
    )
    middle = keep.mark_line(color=PALETTE["grey"], strokeDash=[5, 3]).encode(x, alt.Y("null_r:Q"))
    line = keep.mark_line(color=PALETTE["blue"], strokeWidth=2.5).encode(x, y)
    at_slider = keep.transform_filter("abs(datum.power - growth_power) < 0.04")
    rule = at_slider.mark_rule(color=PALETTE["vermillion"], strokeWidth=2).encode(alt.X("power:Q"))
    word = (
        at_slider.transform_calculate(
            label="['data ' + format(datum.r, '.2f'), 'shuffled ' + format(datum.null_r, '.2f')]",
        )
        .mark_text(align="center", fontWeight="bold", baseline="bottom")
        .encode(alt.Text("label:N"), x=alt.datum(1.5), y=alt.datum(-0.1))
    )
    return follow(
        band + middle + line + rule + word,
        [chosen],
        lambda family: captions.growth(table, family),
        others=[power],
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
    chosen, of_case = choice(table, "case", "ratio_case", "Scores")
    power = slider("ratio_power", 0, 2, 0.1, 0, "Width power")
    drawn = table.assign(relative_width=table["d_model"].astype(float) / 512).drop(columns="d_model").round(3)
    points = (
        alt.Chart(drawn)
        .transform_filter(of_case)
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
        .transform_filter(f"{of_case} && abs(datum.power - ratio_power) < 0.04")
        .transform_calculate(label="'r = ' + format(datum.r, '.2f')")
        .mark_text(align="left", baseline="top", fontWeight="bold", fontSize=14)
        .encode(alt.Text("label:N"), x=alt.value(8), y=alt.value(4))
    )
    # The corner has r for the power chosen; the words set the cases side by side.
    return put(points + word, **captions.ratios(curves, order_of(table, "case"), family, n))


def given_chart(table: pd.DataFrame) -> Any:
    """Correlation within families with nothing, width, size or both taken out.

    Parameters
    ----------
    table : pandas.DataFrame
        Columns ``panel, sizes, given, estimate, low, high, n``.
    """
    which, of_panel = choice(table, "panel", "given_panel", "Panel")
    span, of_sizes = choice(table, "sizes", "given_sizes", "Sizes")
    keep = alt.Chart(table.round(4)).transform_filter(f"{of_panel} && {of_sizes}")
    y = alt.Y("given:N", sort=order_of(table, "given"), title="Taken out", axis=alt.Axis(labelLimit=120))
    x = alt.X(
        "estimate:Q", title="r of HellaSwag and TruthfulQA within families", scale=alt.Scale(domain=[-1, 1])
    )
    bars = keep.mark_rule(strokeWidth=2.5, color=PALETTE["blue"]).encode(
        alt.X("low:Q", title="r of HellaSwag and TruthfulQA within families"), alt.X2("high:Q"), y
    )
    points = keep.mark_point(filled=True, opacity=1, size=110, color=PALETTE["blue"]).encode(
        x, y, tooltip=["given", alt.Tooltip("estimate:Q", format=".2f"), "low", "high", "n"]
    )
    return follow(
        (rule_at(0.0, "x") + bars + points).properties(height=170),
        [which, span],
        lambda panel, sizes: captions.given(table, panel, sizes),
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
    table = _matched_rows(pairs, list(share))
    chosen, of_score = choice(table, "score", "matched_score", "Score")
    least = slider("matched_ratio", 1.2, 1.8, 0.1, 1.2, "Width ratio at least")
    keep = alt.Chart(table).transform_filter(f"{of_score} && datum.width_ratio >= matched_ratio - 0.001")
    x = alt.X("width_ratio:Q", title="Wider over narrower", scale=fixed(table["width_ratio"]))
    ends = fixed([*table["low"], *table["high"]])
    bars = keep.mark_rule(opacity=0.5).encode(
        x, alt.Y("low:Q", title="Wider minus narrower (points)", scale=ends), alt.Y2("high:Q")
    )
    points = (
        keep.mark_point(filled=True, size=80)
        .encode(
            x,
            alt.Y("change:Q", title="Wider minus narrower (points)", scale=ends),
            **marks("side:N", None, _SIDES),
            tooltip=["pair", "width_ratio", alt.Tooltip("change:Q", format="+.1f")],
        )
        .add_params(chosen, least)
    )
    # The words set the scores side by side.
    return put(rule_at(0.0) + bars + points, **captions.matched(len(pairs), share))


def _matched_rows(pairs: pd.DataFrame, scores: list[str]) -> pd.DataFrame:
    """One row a pair and benchmark, with the change, its 95% interval from item noise, and its side of zero."""
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
    rows = pd.concat(parts).round(3)
    higher, lower = _SIDES
    return rows.assign(side=np.where(rows["change"] > 0, higher, lower))


def projection_chart(stages: pd.DataFrame, changes: pd.DataFrame) -> Any:
    """The released cosines before and after the output projection.

    Parameters
    ----------
    stages : pandas.DataFrame
        The table ``projection_coupling``.
    changes : pandas.DataFrame
        From ``ch04_width_normalization.width_controls.projection_changes``.
    """
    measures = {m.replace("_", " "): m for m in ("cosine_of_mean_activations", "mean_of_prompt_cosines")}
    table = stages.melt(["model", "d_model", "stage"], list(measures.values()), "measure", "cosine")
    table["measure"] = table["measure"].str.replace("_", " ")
    table["stage"] = table["stage"].map(_STAGES)
    models = order_of(table.sort_values("d_model"), "model")
    chosen, keep_measure = choice(table, "measure", "projection_measure", "Measure")
    keep = alt.Chart(table).transform_filter(keep_measure)
    x = alt.X(
        "stage:N",
        sort=list(_STAGES.values()),
        title=None,
        axis=alt.Axis(labelAngle=0, labelExpr="split(datum.label, ' ')"),
    )
    y = alt.Y("cosine:Q", title="Cosine of the two sets of prompts", scale=alt.Scale(domain=[0.2, 1]))
    looks = zip(("green", "vermillion", "blue"), ("circle", "diamond", "square"), strict=True)
    model = marks("model:N", None, dict(zip(models, looks, strict=True)))
    model = {channel: one.legend(None) for channel, one in model.items()}
    lines = keep.mark_line(strokeWidth=2).encode(x, y, model["color"])
    points = keep.mark_point(filled=True, size=100, opacity=1).encode(
        x,
        y,
        **model,
        tooltip=["model", "d_model", "stage", "cosine"],
    )
    # The lines are named where they end, by size: a phone has room for no more, and the words have the full names.
    names = (
        keep.transform_filter(f"datum.stage == '{list(_STAGES.values())[-1]}'")
        .transform_calculate(size="replace(datum.model, 'Pythia-', '')")
        .mark_text(align="left", dx=10)
        .encode(x, y, alt.Text("size:N"))
    )
    return follow(
        lines + points + names, [chosen], lambda measure: captions.projections(changes, measures[measure])
    )
