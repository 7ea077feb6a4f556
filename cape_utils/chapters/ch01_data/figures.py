"""Figures of chapter 01: the panels, their noise, and how far their copies agree."""

from __future__ import annotations

from typing import Any

import altair as alt
import pandas as pd

from cape_utils.chapters.ch01_data import captions
from cape_utils.charts.parts import (
    ROW_PX,
    choice,
    dropdown,
    follow,
    marks,
    name,
    names,
    order_of,
    pct_axis,
    put,
    size_axis,
    slider,
)
from cape_utils.charts.rendering import PALETTE
from cape_utils.data.loading import BENCHMARKS

__all__ = ["copies_chart", "difference_chart", "noise_chart", "panel_explorer", "variant_chart"]


def panel_explorer(panels: pd.DataFrame, benchmarks: tuple[str, ...] = BENCHMARKS) -> Any:
    """Any two benchmarks of either panel against each other.

    Parameters
    ----------
    panels : pandas.DataFrame
        Columns ``panel, model, family, params_b, flags`` and the benchmarks.
    benchmarks : tuple of str
    """
    table = panels[["panel", "model", "family", "params_b", "flags", *benchmarks]].fillna({"flags": "none"})
    shapes = {"nothing known against it": "circle", "flagged": "cross"}
    table["flagged"] = table["flags"].eq("none").map(dict(zip((True, False), shapes, strict=True)))
    titles = [name(b) for b in benchmarks]
    x = dropdown("x_benchmark", benchmarks, "Across", labels=titles)
    y = dropdown("y_benchmark", benchmarks, "Up", labels=titles, value=benchmarks[1])
    which, of_panel = choice(table, "panel", "which_panel", "Panel")
    family, of_family = choice(table, "family", "one_family", "Family", every="all families")
    least = slider("least_b", 0, 70, 1, 0, "Smallest size (billions)")
    legend = alt.Legend(gradientLength=160, values=[0.1, 1, 10, 100], format="~g")
    # The axis of a chart with changeable benchmarks cannot carry their names; the controls above it do.
    chart = (
        alt.Chart(table)
        .transform_calculate(across="datum[x_benchmark]", up="datum[y_benchmark]")
        .transform_filter(f"{of_panel} && ({of_family}) && datum.params_b >= least_b")
        .transform_filter("isValid(datum.across) && isValid(datum.up)")
        .mark_point(filled=True)
        .encode(
            alt.X("across:Q", title="Benchmark across (percent)", scale=alt.Scale(zero=False)),
            alt.Y("up:Q", title="Benchmark up (percent)", scale=alt.Scale(zero=False)),
            alt.Color("params_b:Q", title="Parameters (billions)", legend=legend).scale(
                type="log", scheme="viridis"
            ),
            alt.Shape("flagged:N", title=None).scale(domain=list(shapes), range=list(shapes.values())),
            tooltip=["model", "family", "params_b", "across:Q", "up:Q", "flags"],
        )
    )
    # Nothing is found in this figure: it is for looking at any two scores.
    return put(chart.add_params(which, x, y, family, least), **captions.explorer(table))


def noise_chart(errors: pd.DataFrame) -> Any:
    """Half width of the 95% interval that item noise alone gives each benchmark.

    Parameters
    ----------
    errors : pandas.DataFrame
        Columns ``benchmark, items, score_pct, half_width_pp``, for several scores.
    """
    table = errors.assign(title=errors["benchmark"].map(names()))
    lowest, highest = float(table["score_pct"].min()), float(table["score_pct"].max())
    order = list(table.drop_duplicates("benchmark").sort_values("items")["title"])
    score = slider("at_score", lowest, highest, 5, 50, "Score (percent)")
    base = (
        alt.Chart(table)
        .transform_filter("datum.score_pct == at_score")
        .encode(
            alt.X("half_width_pp:Q", title="Half width of the 95% interval (percentage points)").scale(
                domain=[0, 8]
            ),
            alt.Y("title:N", title=None, sort=order),
        )
    )
    bars = base.mark_bar(color=PALETTE["blue"], height={"band": 0.62}).encode(
        tooltip=["title", "items", "score_pct", alt.Tooltip("half_width_pp:Q", format=".2f")]
    )
    words = base.mark_text(align="left", dx=5).encode(
        alt.X("half_width_pp:Q"), alt.Text("half_width_pp:Q", format=".1f")
    )
    layers = (bars + words).properties(height=ROW_PX * len(order))
    return follow(layers, [score], lambda score_pct: captions.noise(table, score_pct))


def variant_chart(table: pd.DataFrame, chance: pd.DataFrame) -> Any:
    """TruthfulQA against size, with the levels of a guesser on either variant.

    Parameters
    ----------
    table : pandas.DataFrame
        Columns ``panel, model, family, params_b, truthfulqa_mc2``.
    chance : pandas.DataFrame
        Columns ``variant, chance_pct``.
    """
    which, of_panel = choice(table, "panel", "variant_panel", "Panel")
    up = alt.Y("truthfulqa_mc2:Q", title="TruthfulQA as released (percent)", scale=alt.Scale(domain=[15, 65]))
    points = (
        alt.Chart(table)
        .transform_filter(of_panel)
        .mark_point(filled=True, color=PALETTE["blue"], opacity=0.8)
        .encode(size_axis(), up, tooltip=["model", "family", "params_b", "truthfulqa_mc2"])
    )
    levels = alt.Chart(chance).encode(alt.Y("chance_pct:Q"))
    rules = levels.mark_rule(strokeDash=[6, 4], color=PALETTE["vermillion"])
    labels = (
        levels.transform_calculate(label="'guessing on ' + datum.variant + ': ' + datum.chance_pct")
        .mark_text(align="left", dy=-7, color=PALETTE["vermillion"])
        .encode(alt.Text("label:N"), x=alt.datum(0.27))
    )
    return follow(points + rules + labels, [which], lambda panel: captions.variants(table, chance, panel))


def copies_chart(copies: pd.DataFrame, benchmarks: tuple[str, ...] = BENCHMARKS) -> Any:
    """The three copies of the Pythia scores against size.

    Parameters
    ----------
    copies : pandas.DataFrame
        From ``data.pythia_copies``.
    """
    titles = [name(b) for b in benchmarks]
    chosen = dropdown("copy_benchmark", benchmarks, "Benchmark", labels=titles, value=benchmarks[1])
    looks = zip(PALETTE, ("circle", "square", "triangle-up"), strict=False)
    kinds = marks("copy:N", None, dict(zip(order_of(copies, "copy"), looks, strict=True)))
    base = (
        alt.Chart(copies)
        .transform_calculate(score="datum[copy_benchmark]")
        .encode(
            size_axis(),
            pct_axis("score", "Score (percent)"),
            kinds["color"],
            tooltip=["copy", "model", "score:Q"],
        )
    )
    points = base.mark_point(filled=True).encode(kinds["shape"])
    return follow(base.mark_line() + points, [chosen], lambda benchmark: captions.copies(copies, benchmark))


def difference_chart(pairs: pd.DataFrame) -> Any:
    """Paper minus open panel for models in both, by benchmark.

    Parameters
    ----------
    pairs : pandas.DataFrame
        From ``data.compare_panels``.
    """
    table = pairs.assign(title=pairs["benchmark"].map(names()))
    every = "all families"
    family, of_family = choice(table, "family", "difference_family", "Family", every=every)
    # Of all families, so that one family is seen on the scale of the others.
    ends = [float(table["difference_pp"].min()), float(table["difference_pp"].max())]
    zero = alt.Chart(pd.DataFrame({"x": [0]})).mark_rule().encode(alt.X("x:Q"))
    points = (
        alt.Chart(table)
        .transform_filter(of_family)
        .mark_point(filled=True, opacity=0.6, color=PALETTE["blue"])
        .encode(
            alt.X("difference_pp:Q", title="Paper minus open panel (percentage points)").scale(domain=ends),
            alt.Y("title:N", title=None, sort=[name(b) for b in BENCHMARKS]),
            tooltip=["model", "title", "paper_pct", "open_pct", "difference_pp"],
        )
    )
    return follow(
        (zero + points).properties(height=190),
        [family],
        lambda one: captions.differences(pairs, "" if one == every else one),
    )
