"""Figures of chapter 05: recipes against the curve of web-trained models, generations, tokens, and cosines."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from cape_utils.charts.parts import dropdown, name, order_of, pct_axis, put, size_axis
from cape_utils.charts.rendering import PALETTE

__all__ = [
    "cosine_chart",
    "field_chart",
    "generation_chart",
    "recipe_explorer",
    "sensitivity_chart",
    "tokens_chart",
]

_KINDS = ["web", "curated", "code", "unpublished"]
_COLOURS = [PALETTE["grey"], PALETTE["blue"], PALETTE["purple"], PALETTE["orange"]]
_SHAPES = ["circle", "diamond", "square", "triangle-up"]


def _kind_colour() -> alt.Color:
    return alt.Color("kind:N", title=None, scale=alt.Scale(domain=_KINDS, range=_COLOURS))


def _kind_shape() -> alt.Shape:
    return alt.Shape("kind:N", title=None, scale=alt.Scale(domain=_KINDS, range=_SHAPES))


def field_chart(table: pd.DataFrame, spread: pd.DataFrame) -> Any:
    """The h of every recipe with its prediction interval, on the range that web-trained lines span.

    Parameters
    ----------
    table : pandas.DataFrame
        From ``scaling.recipe_effects.field_table`` with columns ``panel`` and ``measure``.
    spread : pandas.DataFrame
        Columns ``panel, measure, lines, low, high``: what web-trained lines give, each left out in turn.
    """
    panels, measures = order_of(table, "panel"), order_of(table, "measure")
    which, what = dropdown("field_panel", panels, "Panel"), dropdown("field_measure", measures, "h of")
    kind = dropdown("field_kind", ["all kinds", *_KINDS], "Recipes")
    keep = "datum.panel == field_panel && datum.measure == field_measure"
    only = "field_kind == 'all kinds' || datum.kind == field_kind"
    shown = table[["panel", "measure", "recipe", "kind", "n", "h", "low", "high", "above", "lines"]].round(2)
    y = alt.Y("recipe:N", title=None, sort=alt.SortField("h", order="descending"))
    x = alt.X("h:Q", title="h, percentage points above the curve")
    base = alt.Chart(shown).transform_filter(keep).transform_filter(only)
    band = (
        alt.Chart(spread[["panel", "measure", "low", "high"]].round(2))
        .transform_filter(keep)
        .mark_rect(color=PALETTE["grey"], opacity=0.22)
        .encode(alt.X("low:Q"), alt.X2("high:Q"))
    )
    bars = base.mark_rule(strokeWidth=2, opacity=0.8).encode(
        alt.X("low:Q"), alt.X2("high:Q"), y, _kind_colour()
    )
    points = (
        base.mark_point(filled=True, size=70, opacity=1)
        .encode(
            x,
            y,
            _kind_colour(),
            _kind_shape(),
            tooltip=["recipe", "kind", "n", "h", "low", "high", "above", "lines"],
        )
        .add_params(which, what, kind)
    )
    zero = alt.Chart(pd.DataFrame({"x": [0.0]})).mark_rule(strokeDash=[4, 4]).encode(alt.X("x:Q"))
    first = table[(table["panel"] == panels[0]) & (table["measure"] == measures[0])]
    curated = first[first["kind"] == "curated"]
    beyond = int((curated["low"] > 0).sum())
    web = first[first["kind"] == "web"]
    return put(
        (band + zero + bars + points).properties(height=700),
        title="Some curated recipes sit far above the curve, others on it",
        caption=(
            f"{panels[0][0].upper()}{panels[0][1:]}, {measures[0]}, n = {first['n'].sum()} models of {len(first)} recipes: "
            f"the 95% prediction interval lies above zero for {beyond} of {len(curated)} curated recipes and for "
            f"{int((web['low'] > 0).sum())} of {len(web)} web-trained ones. The band is the range of whole web-trained lines."
        ),
        alternative=(
            "One line for each recipe, ordered by its distance from the curve of web-trained models, with intervals. "
            f"The largest are {', '.join(first['recipe'].head(5))}; curated recipes inside the grey band of web-trained lines "
            f"are {', '.join(curated.loc[curated['above'] > 0, 'recipe'])}."
        ),
    )


def recipe_explorer(models: pd.DataFrame, curves: pd.DataFrame, field: pd.DataFrame) -> Any:
    """One recipe, in the reader's choice, against the curve that was fitted without it.

    Parameters
    ----------
    models : pandas.DataFrame
        From ``scaling.web_curve.recipe_rows``.
    curves : pandas.DataFrame
        Columns ``web, degree, without, params_b, expected, low, high``; ``without`` is the line left out, or *none* for lines
        that the curve does not hold anyway.
    field : pandas.DataFrame
        Columns ``recipe, line, kind, web, degree, n, h, low, high``.
    """
    webs = order_of(curves, "web")
    degrees = sorted(curves["degree"].unique())
    held = curves.groupby("web")["without"].unique()
    recipes = field.drop_duplicates("recipe").sort_values(["kind", "recipe"])
    # The value of an option carries, for each web-trained set, the name of the curve that leaves its line out.
    keys = {
        str(recipe): "|".join([str(recipe), *(str(line) if line in held[web] else "none" for web in webs)])
        for recipe, line in zip(recipes["recipe"], recipes["line"], strict=True)
    }
    start = "Qwen2" if "Qwen2" in keys else next(iter(keys))
    one = dropdown("own_recipe", list(keys.values()), "Recipe", labels=list(keys), value=keys[start])
    web = dropdown("own_web", webs, "Web-trained")
    degree = dropdown("own_degree", [str(d) for d in degrees], "Degree of the curve", value="2")
    chosen = "split(own_recipe, '|')"
    number = f"indexof({json.dumps(webs)}, own_web)"
    code = {name: place for place, name in enumerate(webs)}
    here = f"datum.set == {number} && datum.degree == toNumber(own_degree)"
    fitted = f"{here} && datum.without == {chosen}[1 + {number}]"
    drawn_curves = curves.assign(set=curves["web"].map(code)).drop(columns="web").round(2)
    drawn_curves["params_b"] = curves["params_b"].round(4)
    y = pct_axis("truthfulqa_mc2", "TruthfulQA MC2 (%)")
    line = alt.Chart(drawn_curves).transform_filter(fitted)
    band = line.mark_area(opacity=0.22, color=PALETTE["grey"], interpolate="monotone").encode(
        size_axis(), alt.Y("low:Q"), alt.Y2("high:Q")
    )
    curve = line.mark_line(color=PALETTE["grey"], strokeDash=[6, 3], interpolate="monotone").encode(
        size_axis(), alt.Y("expected:Q")
    )
    drawn = models[["model", "recipe", "line", "kind", "params_b", "truthfulqa_mc2"]].assign(
        model=models["model"].str.split("/").str[-1]
    )
    points = alt.Chart(drawn.dropna()).transform_calculate(
        own=f"datum.recipe == {chosen}[0] ? 'the recipe' : 'others'"
    )
    tooltip = ["model", "recipe", "kind", "params_b", "truthfulqa_mc2"]
    others = (
        points.transform_filter("datum.own == 'others'")
        .mark_point(filled=True, size=28, opacity=0.4)
        .encode(size_axis(), y, _kind_colour(), _kind_shape(), tooltip=tooltip)
    )
    own = (
        points.transform_filter("datum.own == 'the recipe'")
        .mark_point(filled=False, strokeWidth=3, size=190, opacity=1, color=PALETTE["vermillion"])
        .encode(size_axis(), y, _kind_shape(), tooltip=tooltip)
    )
    word = (
        alt.Chart(
            field.assign(set=field["web"].map(code))[["recipe", "set", "degree", "h", "low", "high"]].round(2)
        )
        .transform_filter(f"datum.recipe == {chosen}[0] && {here}")
        .transform_calculate(
            label="datum.recipe + ': h ' + format(datum.h, '+.1f') + (isValid(datum.low) ? ' [' + format(datum.low, '+.1f') "
            "+ ', ' + format(datum.high, '+.1f') + ']' : ' (no interval)')"
        )
        .mark_text(align="left", fontSize=14, fontWeight="bold")
        .encode(alt.Text("label:N"), x=alt.value(8), y=alt.value(8))
    )
    shown = field[(field["recipe"] == start) & (field["web"] == webs[0]) & (field["degree"] == 2)].iloc[0]
    return put(
        (band + curve + others + own + word).add_params(one, web, degree).properties(height=340),
        title="A recipe against the curve fitted without it",
        caption=(
            f"{start}, n = {shown['n']} models, against {webs[0]}: h = {shown['h']:.1f} points, 95% prediction interval "
            f"[{shown['low']:.1f}, {shown['high']:.1f}]. n = {len(drawn)} models in all; the band is the curve, lines resampled."
        ),
        alternative=(
            "TruthfulQA against the number of parameters. A dashed curve of web-trained models falls from small sizes to about "
            "ten billion and then rises a little; the chosen recipe is drawn with large open marks. The corner gives its mean "
            "distance from the curve."
        ),
    )


def sensitivity_chart(table: pd.DataFrame) -> Any:
    """The h of each recipe under every choice of curve.

    Parameters
    ----------
    table : pandas.DataFrame
        Columns ``panel, recipe, kind, web, degree, h``.
    """
    panels = order_of(table, "panel")
    which = dropdown("sens_panel", panels, "Panel")
    kind = dropdown("sens_kind", [k for k in _KINDS if k in set(table["kind"])], "Recipes", value="curated")
    webs = order_of(table, "web")
    points = (
        alt.Chart(table.round(2))
        .transform_filter("datum.panel == sens_panel && datum.kind == sens_kind")
        .transform_calculate(curve="'degree ' + datum.degree")
        .mark_point(filled=True, size=70, opacity=0.8)
        .encode(
            alt.X("h:Q", title="h, percentage points above the curve"),
            alt.Y("recipe:N", title=None, sort=alt.EncodingSortField("h", op="mean", order="descending")),
            alt.Color(
                "web:N",
                title=None,
                scale=alt.Scale(
                    domain=webs, range=[PALETTE["blue"], PALETTE["orange"], PALETTE["vermillion"]]
                ),
                legend=alt.Legend(orient="bottom", direction="vertical", columns=1),
            ),
            alt.Shape(
                "curve:N", title=None, scale=alt.Scale(range=["triangle-left", "circle", "triangle-right"])
            ),
            tooltip=["recipe", "web", "degree", "h"],
        )
        .add_params(which, kind)
    )
    zero = alt.Chart(pd.DataFrame({"x": [0.0]})).mark_rule(strokeDash=[4, 4]).encode(alt.X("x:Q"))
    first = table[(table["panel"] == panels[0]) & (table["kind"] == "curated")]
    span = first.groupby("recipe")["h"].agg(lambda h: h.max() - h.min())
    turned = first.groupby("recipe")["h"].agg(lambda h: bool(h.min() < 0 < h.max()))
    return put(
        (zero + points).properties(height=360),
        title="What the choice of curve does to h",
        caption=(
            f"{panels[0][0].upper()}{panels[0][1:]}, n = {len(span)} curated recipes, {len(first) // len(span)} curves: the "
            f"choice moves h by {span.median():.1f} points in the median and by {span.max():.1f} at most ({span.idxmax()}); "
            f"it turns the sign for {', '.join(turned.index[turned]) or 'none'}."
        ),
        alternative=(
            "Dot plot, one line for each recipe. Three colours stand for three ways to say which models are web-trained, three "
            "shapes for the degree of the curve. The dots of one recipe mostly lie within a few points of one another."
        ),
    )


def generation_chart(pairs: pd.DataFrame) -> Any:
    """What changed from one generation to the next at one size, with item noise.

    Parameters
    ----------
    pairs : pandas.DataFrame
        From ``ch05_recipes.generations.generation_pairs`` with a column ``panel``.
    """
    parts = []
    for score in ("truthfulqa_mc2", "hellaswag"):
        part = pairs[["panel", "line", "from_model", "to_model"]].copy()
        part["score"] = name(score).removesuffix(" MC2")
        part["change"] = pairs[f"d_{score}"]
        part["low"] = pairs[f"d_{score}"] - 1.96 * pairs[f"se_{score}"]
        part["high"] = pairs[f"d_{score}"] + 1.96 * pairs[f"se_{score}"]
        parts.append(part)
    table = pd.concat(parts, ignore_index=True).round(2)
    table["to"] = table["to_model"].str.replace("-hf", "").str.replace("Meta-", "").str.replace("-base", "")
    table["to"] = table["to"].str.replace("stablelm", "SLM")
    table["side"] = np.select(
        [table["low"] > 0, table["high"] < 0], ["rise beyond noise", "fall beyond noise"], "within noise"
    )
    panels, scores = order_of(table, "panel"), order_of(table, "score")
    which, what = dropdown("gen_panel", panels, "Panel"), dropdown("gen_score", scores, "Score")
    order = ["rise beyond noise", "within noise", "fall beyond noise"]
    hue = alt.Scale(domain=order, range=[PALETTE["blue"], PALETTE["grey"], PALETTE["vermillion"]])
    form = alt.Scale(domain=order, range=["triangle-up", "circle", "triangle-down"])
    base = alt.Chart(table).transform_filter("datum.panel == gen_panel && datum.score == gen_score")
    y = alt.Y("to:N", title=None, sort=order_of(table, "to"), axis=alt.Axis(labelLimit=150))
    colour = alt.Color(
        "side:N", title=None, scale=hue, legend=alt.Legend(orient="bottom", direction="vertical", columns=1)
    )
    bars = base.mark_rule(strokeWidth=2).encode(alt.X("low:Q"), alt.X2("high:Q"), y, colour)
    points = (
        base.mark_point(filled=True, size=75, opacity=1)
        .encode(
            alt.X("change:Q", title="Change from the generation before (points)"),
            y,
            colour,
            alt.Shape("side:N", title=None, scale=form),
            tooltip=["line", "from_model", "to_model", "score", "change", "low", "high"],
        )
        .add_params(which, what)
    )
    zero = alt.Chart(pd.DataFrame({"x": [0.0]})).mark_rule(strokeDash=[4, 4]).encode(alt.X("x:Q"))
    first = pairs[pairs["panel"] == panels[0]]
    change = first["d_truthfulqa_mc2"]
    clear = first["clear"]
    return put(
        (zero + bars + points).properties(height=460),
        title="One generation to the next, at one size",
        caption=(
            f"{panels[0][0].upper()}{panels[0][1:]}, n = {len(first)} pairs: TruthfulQA rises beyond the noise of its items in "
            f"{int((clear & (change > 0)).sum())}, falls beyond it in {int((clear & (change < 0)).sum())}; "
            f"{len(first) * 0.05:.1f} are expected by luck. Allowing for {len(first)} comparisons "
            f"{int(first['clear_all'].sum())} remain."
        ),
        alternative=(
            "One line for each pair of successive models of one lab, named by the later one, with the change of the score and "
            "its 95% interval. Most intervals include zero."
        ),
    )


def tokens_chart(points: pd.DataFrame, r: Mapping[str, float]) -> Any:
    """H of each recipe against training tokens per parameter.

    Parameters
    ----------
    points : pandas.DataFrame
        From ``ch05_recipes.tokens_per_param.recipe_points`` by recipe, with a column ``measure``.
    r : mapping of str to float
        Correlation of h with the logarithm of tokens per parameter by kind of recipe, for the first measure.
    """
    measures = order_of(points, "measure")
    what = dropdown("tokens_measure", measures, "h of")
    shown = points[["name", "kind", "n", "tokens_per_param", "h", "measure"]].round(2)
    base = alt.Chart(shown).transform_filter("datum.measure == tokens_measure")
    x = alt.X(
        "tokens_per_param:Q",
        title="Training tokens per parameter (log scale)",
        scale=alt.Scale(type="log", nice=False, padding=12),
        axis=alt.Axis(values=[3, 10, 30, 100, 300, 1000, 3000], format="~g"),
    )
    dots = (
        base.mark_point(filled=True, size=75, opacity=0.9)
        .encode(
            x,
            alt.Y("h:Q", title="h (percentage points)"),
            _kind_colour(),
            _kind_shape(),
            tooltip=["name", "kind", "n", "tokens_per_param", "h"],
        )
        .add_params(what)
    )
    zero = alt.Chart(pd.DataFrame({"y": [0.0]})).mark_rule(strokeDash=[4, 4]).encode(alt.Y("y:Q"))
    first = points[points["measure"] == measures[0]]
    listed = ", ".join(f"{kind} {value:.2f}" for kind, value in r.items())
    return put(
        zero + dots,
        title="Longer training does not order the recipes",
        caption=(
            f"The open panel, n = {len(first)} recipes whose tokens are known, {measures[0]}: correlation of h with the "
            f"logarithm of tokens per parameter, {listed}."
        ),
        alternative=(
            "Scatter plot of h against training tokens per parameter on a logarithmic axis. The marks of web-trained recipes lie "
            f"around zero, those of curated ones mostly above it, with no common slope. Correlations: {listed}."
        ),
    )


def cosine_chart(table: pd.DataFrame) -> Any:
    """Released cosines inside models against size, the flagged ones told apart.

    Parameters
    ----------
    table : pandas.DataFrame
        From ``ch05_recipes.generations.internal_cosines`` with a column ``figure`` that says what kind of figure it is.
    """
    families = order_of(table, "family")
    figures = order_of(table, "figure")
    picked = dropdown("cosine_family", ["all", *families], "Family")
    shown = table[["model", "family", "params_b", "mean_cosine", "figure"]]
    hues = [PALETTE[k] for k in ("blue", "grey", "vermillion", "orange", "purple")]
    points = (
        alt.Chart(shown)
        .transform_filter("cosine_family == 'all' || datum.family == cosine_family")
        .mark_point(filled=True, size=110, opacity=0.85)
        .encode(
            size_axis(),
            alt.Y("mean_cosine:Q", title="Cosine inside the model", scale=alt.Scale(domain=[0, 1])),
            alt.Color(
                "figure:N",
                title=None,
                scale=alt.Scale(domain=figures, range=hues[: len(figures)]),
                legend=alt.Legend(orient="bottom", direction="vertical", columns=1),
            ),
            alt.Shape(
                "figure:N",
                title=None,
                scale=alt.Scale(
                    domain=figures,
                    range=["diamond", "circle", "cross", "triangle-up", "square"][: len(figures)],
                ),
            ),
            tooltip=["model", "family", "mean_cosine", "figure"],
        )
        .add_params(picked)
    )
    counts = "; ".join(f"{figure} {int((table['figure'] == figure).sum())}" for figure in figures)
    lowest = table.iloc[int(table["mean_cosine"].to_numpy().argmin())]
    return put(
        points,
        title="The cosines as released: one number for most sizes, and one odd model",
        caption=(
            f"n = {len(table)} figures of {', '.join(families)}. {counts}. The lowest, "
            f"{lowest['mean_cosine']:.3f}, is that of {lowest['model']}."
        ),
        alternative=(
            "Cosine against model size. A row of marks at one height spans all sizes of two families; "
            f"{lowest['model']} lies alone near the bottom. {counts}."
        ),
    )
