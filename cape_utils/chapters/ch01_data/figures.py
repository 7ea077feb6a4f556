"""Figures of chapter 01: the panels, their noise, and how far their copies agree."""

from __future__ import annotations

from typing import Any

import altair as alt
import pandas as pd

from cape_utils.charts.parts import dropdown, name, names, order_of, pct_axis, put, size_axis, slider
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
    table = panels[["panel", "model", "family", "params_b", "flags", *benchmarks]].copy()
    table["flags"] = table["flags"].fillna("none")
    table["flagged"] = table["flags"].ne("none").map({True: "flagged", False: "nothing known against it"})
    titles = [name(b) for b in benchmarks]
    x = dropdown("x_benchmark", benchmarks, "Across", labels=titles)
    y = dropdown("y_benchmark", benchmarks, "Up", labels=titles, value=benchmarks[1])
    which = dropdown("which_panel", order_of(table, "panel"), "Panel")
    family = dropdown("one_family", ["all families", *sorted(table["family"].unique())], "Family")
    least = slider("least_b", 0, 70, 1, 0, "Smallest size (billions)")
    # The axis of a chart with changeable benchmarks cannot carry their names; the controls above it do.
    chart = (
        alt.Chart(table)
        .transform_calculate(across="datum[x_benchmark]", up="datum[y_benchmark]")
        .transform_filter("datum.panel == which_panel && datum.params_b >= least_b")
        .transform_filter("one_family == 'all families' || datum.family == one_family")
        .transform_filter("isValid(datum.across) && isValid(datum.up)")
        .mark_point(filled=True)
        .encode(
            alt.X("across:Q", title="Benchmark across (percent)", scale=alt.Scale(zero=False)),
            alt.Y("up:Q", title="Benchmark up (percent)", scale=alt.Scale(zero=False)),
            alt.Color(
                "params_b:Q",
                title="Parameters (billions)",
                scale=alt.Scale(type="log", scheme="viridis"),
                legend=alt.Legend(gradientLength=160, values=[0.1, 1, 10, 100], format="~g"),
            ),
            alt.Shape(
                "flagged:N",
                title=None,
                scale=alt.Scale(domain=["nothing known against it", "flagged"], range=["circle", "cross"]),
            ),
            tooltip=["model", "family", "params_b", "across:Q", "up:Q", "flags"],
        )
        .add_params(which, x, y, family, least)
    )
    counts = table.groupby("panel", sort=False).size()
    flagged = int(table["flagged"].eq("flagged").sum())
    return put(
        chart,
        title="Any two benchmarks, either panel",
        caption=(
            f"{' and '.join(f'{n} models in {p}' for p, n in counts.items())}; {flagged} rows carry a flag and are "
            "drawn as crosses. Choose the benchmarks, a family and the smallest size."
        ),
        alternative=(
            "Scatter plot with one point for each model. At first HellaSwag runs across and TruthfulQA up: the points "
            "form a hook, falling at low HellaSwag scores and fanning out upwards above about 75 percent. "
            "Colour shows size, crosses show flagged rows."
        ),
    )


def noise_chart(errors: pd.DataFrame) -> Any:
    """Half width of the 95% interval that item noise alone gives each benchmark.

    Parameters
    ----------
    errors : pandas.DataFrame
        Columns ``benchmark, items, score_pct, half_width_pp``, for several scores.
    """
    table = errors.assign(title=errors["benchmark"].map(names()))
    score = slider(
        "at_score", float(table["score_pct"].min()), float(table["score_pct"].max()), 5, 50, "Score (percent)"
    )
    order = list(table.drop_duplicates("benchmark").sort_values("items")["title"])
    base = alt.Chart(table).transform_filter("datum.score_pct == at_score").add_params(score)
    bars = base.mark_bar(color=PALETTE["blue"], height={"band": 0.62}).encode(
        alt.X(
            "half_width_pp:Q",
            title="Half width of the 95% interval (percentage points)",
            scale=alt.Scale(domain=[0, 8]),
        ),
        alt.Y("title:N", title=None, sort=order),
        tooltip=["title", "items", "score_pct", alt.Tooltip("half_width_pp:Q", format=".2f")],
    )
    words = base.mark_text(align="left", dx=5).encode(
        alt.X("half_width_pp:Q"), alt.Y("title:N", sort=order), alt.Text("half_width_pp:Q", format=".1f")
    )
    middle = table[table["score_pct"] == 50].sort_values("half_width_pp")
    least, most = middle.iloc[0], middle.iloc[-1]
    return put(
        bars + words,
        title="How much of a score is luck with the items",
        caption=(
            f"At a score of 50% chance alone moves {name(least['benchmark'])} by {least['half_width_pp']:.1f} points "
            f"either way ({least['items']:,.0f} items) and {name(most['benchmark'])} by {most['half_width_pp']:.1f} "
            f"({most['items']:,.0f} items)."
        ),
        alternative=(
            "Bar chart, one bar a benchmark, ordered by number of items. The fewer items, the longer the bar; "
            "a slider changes the score at which the width is computed."
        ),
    )


def variant_chart(table: pd.DataFrame, chance: pd.DataFrame) -> Any:
    """TruthfulQA against size, with the levels of a guesser on either variant.

    Parameters
    ----------
    table : pandas.DataFrame
        Columns ``panel, model, family, params_b, truthfulqa_mc2``.
    chance : pandas.DataFrame
        Columns ``variant, chance_pct``.
    """
    which = dropdown("variant_panel", order_of(table, "panel"), "Panel")
    points = (
        alt.Chart(table)
        .transform_filter("datum.panel == variant_panel")
        .mark_point(filled=True, color=PALETTE["blue"], opacity=0.8)
        .encode(
            size_axis(),
            alt.Y(
                "truthfulqa_mc2:Q", title="TruthfulQA as released (percent)", scale=alt.Scale(domain=[15, 65])
            ),
            tooltip=["model", "family", "params_b", "truthfulqa_mc2"],
        )
        .add_params(which)
    )
    rules = (
        alt.Chart(chance)
        .mark_rule(strokeDash=[6, 4], color=PALETTE["vermillion"])
        .encode(alt.Y("chance_pct:Q"))
    )
    labels = (
        alt.Chart(chance)
        .transform_calculate(label="'guessing on ' + datum.variant + ': ' + datum.chance_pct")
        .mark_text(align="left", dy=-7, color=PALETTE["vermillion"])
        .encode(alt.Y("chance_pct:Q"), alt.Text("label:N"), x=alt.datum(0.27))
    )
    small = table[table["params_b"] < 0.2]
    return put(
        points + rules + labels,
        title="MC1 or MC2? Ask the smallest models",
        caption=(
            f"{len(small)} rows below 0.2B score {small['truthfulqa_mc2'].min():.1f} to "
            f"{small['truthfulqa_mc2'].max():.1f}%, where guessing on MC2 lies; on MC1 they would score about "
            f"{chance.loc[chance['variant'] == 'MC1', 'chance_pct'].iloc[0]:.0f}."
        ),
        alternative=(
            "Scatter plot of TruthfulQA scores against model size with two dashed lines, guessing on MC1 at 22 and "
            "on MC2 at 46 percent. The smallest models lie around the MC2 line; no model lies near the MC1 line."
        ),
    )


def copies_chart(copies: pd.DataFrame, benchmarks: tuple[str, ...] = BENCHMARKS) -> Any:
    """The three copies of the Pythia scores against size.

    Parameters
    ----------
    copies : pandas.DataFrame
        From ``data.pythia_copies``.
    """
    chosen = dropdown(
        "copy_benchmark", benchmarks, "Benchmark", labels=[name(b) for b in benchmarks], value=benchmarks[1]
    )
    labels = order_of(copies, "copy")
    base = (
        alt.Chart(copies)
        .transform_calculate(score="datum[copy_benchmark]")
        .encode(
            size_axis(),
            pct_axis("score", "Score (percent)"),
            alt.Color("copy:N", title=None, scale=alt.Scale(domain=labels, range=list(PALETTE.values())[:3])),
            tooltip=["copy", "model", "score:Q"],
        )
        .add_params(chosen)
    )
    chart = base.mark_line() + base.mark_point(filled=True).encode(
        alt.Shape(
            "copy:N", title=None, scale=alt.Scale(domain=labels, range=["circle", "square", "triangle-up"])
        )
    )
    wide = copies.pivot(index="model", columns="copy", values="truthfulqa_mc2")
    spread = wide.max(axis=1) - wide.min(axis=1)
    return put(
        chart,
        title="One family, three tables",
        caption=(
            f"Eight Pythia models. On TruthfulQA the copies differ by up to {spread.max():.1f} points "
            f"(at {spread.idxmax()}); the two largest sizes of the panel rows are partly estimated."
        ),
        alternative=(
            "Line chart of a benchmark against size for eight Pythia models in three versions: the rows of the paper's "
            "panel, the copy behind the critical-scale bootstrap, and the open panel. The lines run close together up to "
            "2.8 billion parameters and part at 6.9 and 12 billion."
        ),
    )


def difference_chart(pairs: pd.DataFrame) -> Any:
    """Paper minus open panel for models in both, by benchmark.

    Parameters
    ----------
    pairs : pandas.DataFrame
        From ``data.compare_panels``.
    """
    table = pairs.assign(title=pairs["benchmark"].map(names()))
    family = dropdown("difference_family", ["all families", *sorted(table["family"].unique())], "Family")
    zero = alt.Chart(pd.DataFrame({"x": [0]})).mark_rule().encode(alt.X("x:Q"))
    points = (
        alt.Chart(table)
        .transform_filter("difference_family == 'all families' || datum.family == difference_family")
        .mark_point(filled=True, opacity=0.6, color=PALETTE["blue"])
        .encode(
            alt.X("difference_pp:Q", title="Paper minus open panel (percentage points)"),
            alt.Y("title:N", title=None, sort=[name(b) for b in BENCHMARKS]),
            tooltip=["model", "title", "paper_pct", "open_pct", "difference_pp"],
        )
        .add_params(family)
    )
    apart = int((table["difference_pp"].abs() >= 0.005).sum())
    worst = table.iloc[int(table["difference_pp"].abs().to_numpy().argmax())]
    return put(
        (zero + points).properties(height=190),
        title="The two panels on the models they share",
        caption=(
            f"{table['hf_id'].nunique()} checkpoints, {len(table)} scores, {apart} of them different. The largest gap is "
            f"{worst['difference_pp']:+.1f} points, {worst['model']} on {worst['title']}."
        ),
        alternative=(
            "Strip plot, one row a benchmark, of the difference between the two panels. Most points lie at zero, "
            "because the paper took them from the same leaderboard; the compiled rows scatter, on MMLU by up to twenty "
            "points."
        ),
    )
