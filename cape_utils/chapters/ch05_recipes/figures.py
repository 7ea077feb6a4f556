"""Figures of chapter 05: recipes against the curve of web-trained models, generations, tokens, and cosines."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from cape_utils.chapters.ch05_recipes import captions
from cape_utils.charts.parts import (
    choice,
    dropdown,
    fixed,
    follow,
    log_axis,
    marks,
    name,
    order_of,
    pct_axis,
    put,
    rule_at,
    size_axis,
    spread,
)
from cape_utils.charts.rendering import PALETTE

__all__ = [
    "cosine_chart",
    "field_chart",
    "generation_chart",
    "recipe_explorer",
    "sensitivity_chart",
    "tokens_chart",
]

_KINDS = {
    "web": ("grey", "circle"),
    "curated": ("blue", "diamond"),
    "code": ("purple", "square"),
    "unpublished": ("orange", "triangle-up"),
}
_KIND = marks("kind:N", None, _KINDS)
_BELOW: dict[str, Any] = {"orient": "bottom", "direction": "vertical", "columns": 1}


def field_chart(table: pd.DataFrame, spreads: pd.DataFrame) -> Any:
    """The h of every recipe with its prediction interval, on the range that web-trained lines span.

    Parameters
    ----------
    table : pandas.DataFrame
        From ``scaling.recipe_effects.field_table`` with columns ``panel`` and ``measure``.
    spreads : pandas.DataFrame
        Columns ``panel, measure, lines, low, high``: what web-trained lines give, each left out in turn.
    """
    which, of_panel = choice(table, "panel", "field_panel", "Panel")
    what, of_measure = choice(table, "measure", "field_measure", "h of")
    kind = dropdown("field_kind", ["all kinds", *_KINDS], "Recipes")
    chosen = f"{of_panel} && {of_measure}"
    tooltip = ["recipe", "kind", "n", "h", "low", "high", "above", "lines"]
    base = (
        alt.Chart(table[["panel", "measure", *tooltip]].round(2))
        .transform_filter(chosen)
        .transform_filter("field_kind == 'all kinds' || datum.kind == field_kind")
        .encode(alt.Y("recipe:N", title=None, sort=alt.SortField("h", order="descending")), _KIND["color"])
    )
    band = (
        alt.Chart(spreads[["panel", "measure", "low", "high"]].round(2))
        .transform_filter(chosen)
        .mark_rect(color=PALETTE["grey"], opacity=0.22)
        .encode(alt.X("low:Q"), alt.X2("high:Q"))
    )
    points = base.mark_point(filled=True, size=70, opacity=1).encode(
        alt.X(
            "h:Q", title="h, percentage points above the curve", scale=fixed([*table["low"], *table["high"]])
        ),
        _KIND["shape"],
        tooltip=tooltip,
    )
    bars = spread(base, "low", "high", "x", strokeWidth=2, opacity=0.8)
    return follow(
        (band + rule_at(0.0, "x") + bars + points).properties(height=700),
        [which, what],
        lambda panel, measure: captions.fields(table, panel, measure),
        others=[kind],
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
    keys = _curve_keys(curves, field, webs)
    start = "Qwen2" if "Qwen2" in keys else next(iter(keys))
    controls = (
        dropdown("own_recipe", list(keys.values()), "Recipe", labels=list(keys), value=keys[start]),
        dropdown("own_web", webs, "Web-trained"),
        dropdown(
            "own_degree",
            [str(d) for d in sorted(curves["degree"].unique())],
            "Degree of the curve",
            value="2",
        ),
    )
    chosen, number = "split(own_recipe, '|')", f"indexof({json.dumps(webs)}, own_web)"
    of_curve = f"datum.set == {number} && datum.degree == toNumber(own_degree)"
    drawn = models[["model", "recipe", "line", "kind", "params_b", "truthfulqa_mc2"]].assign(
        model=models["model"].str.split("/").str[-1]
    )
    # The corner has h of the recipe and the curve chosen.
    return put(
        (
            _curve_layers(curves, webs, f"{of_curve} && datum.without == {chosen}[1 + {number}]")
            + _model_layers(drawn.dropna(), f"datum.recipe == {chosen}[0] ? 'the recipe' : 'others'")
            + _field_label(field, webs, f"datum.recipe == {chosen}[0] && {of_curve}")
        )
        .add_params(*controls)
        .properties(height=340),
        **captions.recipe(len(drawn)),
    )


def _curve_keys(curves: pd.DataFrame, field: pd.DataFrame, webs: Sequence[str]) -> dict[str, str]:
    """By recipe, the value of its option: its name and, for each web-trained set, which curve leaves its line out."""
    excluded = curves.groupby("web")["without"].unique()
    recipes = field.drop_duplicates("recipe").sort_values(["kind", "recipe"])
    return {
        str(recipe): "|".join(
            [str(recipe), *(str(line) if line in excluded[web] else "none" for web in webs)]
        )
        for recipe, line in zip(recipes["recipe"], recipes["line"], strict=True)
    }


def _curve_layers(curves: pd.DataFrame, webs: Sequence[str], keep: str) -> Any:
    rows = curves.assign(set=curves["web"].map(webs.index)).drop(columns="web").round(2)
    rows["params_b"] = curves["params_b"].round(4)
    base = alt.Chart(rows).transform_filter(keep).encode(size_axis())
    band = base.mark_area(opacity=0.22, color=PALETTE["grey"], interpolate="monotone")
    curve = base.mark_line(color=PALETTE["grey"], strokeDash=[6, 3], interpolate="monotone")
    return band.encode(alt.Y("low:Q"), alt.Y2("high:Q")) + curve.encode(alt.Y("expected:Q"))


def _model_layers(drawn: pd.DataFrame, own: str) -> Any:
    base = (
        alt.Chart(drawn)
        .transform_calculate(own=own)
        .encode(
            size_axis(),
            pct_axis("truthfulqa_mc2", "TruthfulQA MC2 (%)"),
            _KIND["shape"],
            tooltip=["model", "recipe", "kind", "params_b", "truthfulqa_mc2"],
        )
    )
    others = base.transform_filter("datum.own == 'others'").mark_point(filled=True, size=28, opacity=0.4)
    chosen = base.transform_filter("datum.own == 'the recipe'").mark_point(
        filled=False, strokeWidth=3, size=190, opacity=1, color=PALETTE["vermillion"]
    )
    return others.encode(_KIND["color"]) + chosen


def _field_label(field: pd.DataFrame, webs: Sequence[str], keep: str) -> Any:
    rows = field.assign(set=field["web"].map(webs.index))
    return (
        alt.Chart(rows[["recipe", "set", "degree", "h", "low", "high"]].round(2))
        .transform_filter(keep)
        .transform_calculate(
            label="datum.recipe + ': h ' + format(datum.h, '+.1f') + (isValid(datum.low) ? ' [' + format(datum.low, '+.1f') "
            "+ ', ' + format(datum.high, '+.1f') + ']' : ' (no interval)')"
        )
        .mark_text(align="left", fontSize=14, fontWeight="bold")
        .encode(alt.Text("label:N"), x=alt.value(8), y=alt.value(8))
    )


def sensitivity_chart(table: pd.DataFrame) -> Any:
    """The h of each recipe under every choice of curve.

    Parameters
    ----------
    table : pandas.DataFrame
        Columns ``panel, recipe, kind, web, degree, h``.
    """
    which, of_panel = choice(table, "panel", "sens_panel", "Panel")
    kind = dropdown("sens_kind", [k for k in _KINDS if k in set(table["kind"])], "Recipes", value="curated")
    hues = alt.Scale(
        domain=order_of(table, "web"), range=[PALETTE[h] for h in ("blue", "orange", "vermillion")]
    )
    shapes = alt.Scale(range=["triangle-left", "circle", "triangle-right"])
    base = (
        alt.Chart(table.round(2))
        .transform_filter(f"{of_panel} && datum.kind == sens_kind")
        .encode(alt.Y("recipe:N", title=None, sort=alt.EncodingSortField("h", op="max", order="descending")))
    )
    across = fixed(table["h"])
    # Nine loose marks do not read as one recipe; the bar joins them from the smallest h to the largest.
    span = base.mark_rule(strokeWidth=3, color=PALETTE["grey"], opacity=0.5).encode(
        alt.X("min(h):Q", title="h, percentage points above the curve", scale=across), alt.X2("max(h):Q")
    )
    points = (
        base.transform_calculate(curve="'degree ' + datum.degree")
        .mark_point(filled=True, size=60, opacity=0.85)
        .encode(
            alt.X("h:Q", title="h, percentage points above the curve", scale=across),
            alt.Color("web:N", title=None, scale=hues, legend=alt.Legend(**_BELOW)),
            alt.Shape("curve:N", title=None, scale=shapes),
            tooltip=["recipe", "web", "degree", "h"],
        )
    )
    return follow(
        (rule_at(0.0, "x") + span + points).properties(height=360),
        [which, kind],
        lambda panel, kind: captions.sensitivity(table, panel, kind),
    )


def generation_chart(pairs: pd.DataFrame) -> Any:
    """What changed from one generation to the next at one size, with item noise.

    Parameters
    ----------
    pairs : pandas.DataFrame
        From ``ch05_recipes.generations.generation_pairs`` with a column ``panel``.
    """
    table = _change_rows(pairs)
    which, of_panel = choice(table, "panel", "gen_panel", "Panel")
    what, of_score = choice(table, "score", "gen_score", "Score")
    side = marks("side:N", None, _SIDES)
    base = (
        alt.Chart(table.drop(columns="clear_all"))
        .transform_filter(f"{of_panel} && {of_score}")
        .encode(
            alt.Y("to:N", title=None, sort=order_of(table, "to"), axis=alt.Axis(labelLimit=150)),
            side["color"].legend(**_BELOW),
        )
    )
    points = base.mark_point(filled=True, size=75, opacity=1).encode(
        alt.X(
            "change:Q",
            title="Change from the generation before (points)",
            scale=fixed([*table["low"], *table["high"]]),
        ),
        side["shape"],
        tooltip=["line", "from_model", "to_model", "score", "change", "low", "high"],
    )
    bars = spread(base, "low", "high", "x", strokeWidth=2)
    return follow(
        (rule_at(0.0, "x") + bars + points).properties(height=460),
        [which, what],
        lambda panel, score: captions.generation_changes(table, panel, score),
    )


_SIDES = {
    "rise beyond noise": ("blue", "triangle-up"),
    "within noise": ("grey", "circle"),
    "fall beyond noise": ("vermillion", "triangle-down"),
}


def _change_rows(pairs: pd.DataFrame) -> pd.DataFrame:
    """One row for each pair and score, with its 95% range of item noise and the side of zero it lies on."""
    parts = []
    for score in ("truthfulqa_mc2", "hellaswag"):
        change, half = pairs[f"d_{score}"], 1.96 * pairs[f"se_{score}"]
        part = pairs[["panel", "line", "from_model", "to_model"]].assign(
            score=name(score).removesuffix(" MC2"),
            change=change,
            low=change - half,
            high=change + half,
            clear_all=pairs["clear_all"] if score == "truthfulqa_mc2" else None,
        )
        parts.append(part)
    table = pd.concat(parts, ignore_index=True).round(2)
    short = table["to_model"].str.replace("-hf|Meta-|-base", "", regex=True)
    table["to"] = short.str.replace("stablelm", "SLM")
    rise, within, fall = _SIDES
    table["side"] = np.select([table["low"] > 0, table["high"] < 0], [rise, fall], within)
    return table


def tokens_chart(points: pd.DataFrame, r: Mapping[str, Mapping[str, float]]) -> Any:
    """H of each recipe against training tokens per parameter.

    Parameters
    ----------
    points : pandas.DataFrame
        From ``ch05_recipes.tokens_per_param.recipe_points`` by recipe, with a column ``measure``.
    r : mapping
        From ``tokens_per_param.token_correlations``.
    """
    what, of_measure = choice(points, "measure", "tokens_measure", "h of")
    tooltip = ["name", "kind", "n", "tokens_per_param", "h"]
    ticks = [3, 10, 30, 100, 300, 1000, 3000]
    dots = (
        alt.Chart(points[[*tooltip, "measure"]].round(2))
        .transform_filter(of_measure)
        .mark_point(filled=True, size=75, opacity=0.9)
        .encode(
            log_axis("tokens_per_param", "Training tokens per parameter (log scale)", ticks, padding=12),
            alt.Y("h:Q", title="h (percentage points)"),
            **_KIND,
            tooltip=tooltip,
        )
    )
    return follow(rule_at(0.0) + dots, [what], lambda measure: captions.tokens(points, r, measure))


def cosine_chart(table: pd.DataFrame) -> Any:
    """Released cosines inside models against size, the flagged ones told apart.

    Parameters
    ----------
    table : pandas.DataFrame
        From ``ch05_recipes.generations.internal_cosines`` with a column ``figure`` that says what kind of figure it is.
    """
    families, figures = order_of(table, "family"), order_of(table, "figure")
    picked = dropdown("cosine_family", ["all", *families], "Family")
    hues = ("blue", "grey", "vermillion", "orange", "purple")
    shapes = ("diamond", "circle", "cross", "triangle-up", "square")
    kinds = marks("figure:N", None, dict(zip(figures, zip(hues, shapes, strict=True), strict=False)))
    # One size alone would leave an axis of its own with no tick, or all ticks in one place.
    across = size_axis().scale(fixed(table["params_b"], margin=0.08, log=True))
    points = (
        alt.Chart(table[["model", "family", "params_b", "mean_cosine", "figure"]])
        .transform_filter("cosine_family == 'all' || datum.family == cosine_family")
        .mark_point(filled=True, size=110, opacity=0.85)
        .encode(
            across,
            alt.Y("mean_cosine:Q", title="Cosine inside the model", scale=alt.Scale(domain=[0, 1])),
            kinds["color"].legend(**_BELOW),
            kinds["shape"],
            tooltip=["model", "family", "mean_cosine", "figure"],
        )
    )
    # Those that the words count as far below are named in the picture, the larger models on their left.
    far = captions.far_below(table)[["model", "family", "params_b", "mean_cosine"]]
    named = alt.Chart(far).transform_filter("cosine_family == 'all' || datum.family == cosine_family")
    middle = float(table["params_b"].median())
    places: list[tuple[str, Any, int]] = [("<=", "left", 10), (">", "right", -10)]
    odd: list[Any] = [
        named.transform_filter(f"datum.params_b {side} {middle:g}")
        .mark_text(align=align, dx=dx)
        .encode(across, alt.Y("mean_cosine:Q"), alt.Text("model:N"))
        for side, align, dx in places
    ]
    return follow(
        alt.layer(points, *odd), [picked], lambda family: captions.cosines(table, families, figures, family)
    )
