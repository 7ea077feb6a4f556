"""Figures of chapter 11: a made-up world's turning point, what the levers do to it, and what a model has learnt."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import altair as alt
import pandas as pd

from cape_utils.chapters.ch11_toy_world.curves import SCORES, SHOWN
from cape_utils.chapters.ch11_toy_world.levers import LEAST
from cape_utils.charts.parts import dropdown, order_of, put, slider
from cape_utils.charts.rendering import PALETTE
from cape_utils.stats.results import Estimate
from cape_utils.toyworld.figures import DASHES, HUES, SHAPES, chance_rule, params_axis, series_marks
from cape_utils.toyworld.sweep import LEVERS

__all__ = [
    "toy_growth_chart",
    "toy_lever_chart",
    "toy_logp_chart",
    "toy_shift_chart",
    "toy_step_chart",
]


def _folded(chart: Any) -> Any:
    """One row a score, made by the page, so that the data stay small."""
    words = json.dumps(SCORES)
    return chart.transform_fold(list(SHOWN), as_=["score", "pct"]).transform_calculate(
        series=f"{words}[datum.score]"
    )


def toy_growth_chart(long: pd.DataFrame, summary: Mapping[str, Estimate], *, start: int) -> Any:
    """Scores by size, with a slider that walks through training.

    Parameters
    ----------
    long : pandas.DataFrame
        From ``ch11_toy_world.curves.along_training``.
    summary : mapping of str to Estimate
        From ``ch11_toy_world.turning_points.turns_summary``, after ``start`` steps.
    start : int
        Training steps at which the slider stands at first.
    """
    places = dict(zip(long["place"], long["step"], strict=True))
    at = next(place for place, step in places.items() if step == start)
    walk = slider("toy_place", 0, max(places), 1, at, "Checkpoint")
    drawn = long[["params", *SHOWN, "place", "family"]].round(1)
    colour, shape, dash = series_marks(list(SCORES.values()), None)
    keep = _folded(alt.Chart(drawn).transform_filter("datum.place == toy_place"))
    y = alt.Y("pct:Q", title="Right answers (percent)", scale=alt.Scale(domain=[0, 100]))
    points = keep.mark_point(size=28, opacity=0.55).encode(
        params_axis(),
        y,
        colour,
        shape,
        tooltip=[alt.Tooltip("series:N"), "family", "params", alt.Tooltip("pct:Q")],
    )
    lines = keep.mark_line(strokeWidth=2.2).encode(
        params_axis(), alt.Y("mean(pct):Q", title="Right answers (percent)"), colour, dash
    )
    said = (
        alt.Chart(
            pd.DataFrame(
                {"place": list(places), "words": [f"after {step:,} steps" for step in places.values()]}
            )
        )
        .transform_filter("datum.place == toy_place")
        .mark_text(align="left", baseline="top", fontSize=13)
        .encode(x=alt.value(8), y=alt.value(4), text="words:N")
    )
    worlds, low = long["family"].nunique(), summary["lowest_params"]
    found = (
        f"truth is lowest at {low.estimate:,.0f} parameters [{low.low:,.0f}, {low.high:,.0f}]"
        if low.n > 1
        else "truth has no turning point in two worlds"
    )
    return put(
        (chance_rule() + lines + points + said).add_params(walk),
        title="From chance through rumour to truth",
        caption=(
            f"n = {worlds} worlds (points) and their mean (lines), {long['params'].nunique()} sizes. After "
            f"{start:,} steps {found}, "
            f"in {low.n} of {worlds} worlds. The dashed rule is chance; the slider walks through training."
        ),
        alternative=(
            "Four lines of scores against model size, with a point for each world. In the smallest models all four begin near "
            "chance. Reasoning and ordinary facts rise with size. Truth falls to "
            f"{summary['lowest_pct'].estimate:.0f} percent and then "
            f"reaches {summary['largest_pct'].estimate:.0f} in the largest model; the share that answers "
            "the rumour mirrors it. At "
            "early checkpoints only the beginning of this is seen."
        ),
    )


def toy_step_chart(steps: pd.DataFrame) -> Any:
    """Changes of truth and reasoning from each size to the next, whose quotient is the local coupling.

    Parameters
    ----------
    steps : pandas.DataFrame
        From ``ch11_toy_world.turning_points.coupling_by_step``.
    """
    middle = (steps["from_params"] * steps["to_params"]) ** 0.5
    parts = []
    for name in ("truth", "reasoning"):
        columns = {name: "change", f"{name}_low": "low", f"{name}_high": "high"}
        parts.append(
            steps[[*columns, "coupling", "negative", "worlds"]]
            .rename(columns=columns)
            .assign(series=name, params=middle)
        )
    drawn = pd.concat(parts).round(3)
    which = dropdown("toy_change", ["both", "truth", "reasoning"], "Change of")
    keep = alt.Chart(drawn).transform_filter("toy_change == 'both' || datum.series == toy_change")
    colour, shape, _ = series_marks(["truth", "reasoning"], None)
    title = "Change to the next size (points)"
    x = params_axis("params", "Middle of the step (parameters, log scale)")
    rules = keep.mark_rule(strokeWidth=2).encode(x, alt.Y("low:Q", title=title), alt.Y2("high:Q"), colour)
    points = keep.mark_point(filled=True, size=70).encode(
        x,
        alt.Y("change:Q", title=title),
        colour,
        shape,
        tooltip=["series", "change", "low", "high", "coupling", "negative", "worlds"],
    )
    zero = alt.Chart(drawn.head(1)).mark_rule(strokeDash=[4, 4]).encode(y=alt.datum(0))
    falling, rising = int((steps["truth_high"] < 0).sum()), int((steps["truth_low"] > 0).sum())
    up = int((steps["reasoning_low"] > 0).sum())
    return put(
        (zero + rules + points).add_params(which),
        title="Where does truth fall while reasoning rises?",
        caption=(
            f"Mean over n = {int(steps['worlds'].max())} worlds with 95% intervals. Truth surely falls at "
            f"{falling} of {len(steps)} steps and "
            f"surely rises at {rising}; reasoning surely rises at {up}. The local coupling is the quotient of the two changes."
        ),
        alternative=(
            "Two series of points with intervals, one point for each step in size, around a dashed line "
            "at zero. Truth lies below the "
            f"line at {int((steps['truth'] < 0).sum())} of {len(steps)} steps, mostly the smaller ones, "
            "and above it at the larger "
            f"ones. Reasoning lies above it at {int((steps['reasoning'] > 0).sum())}."
        ),
    )


def toy_lever_chart(long: pd.DataFrame, shifts: pd.DataFrame) -> Any:
    """A score by size at each position of a lever.

    Parameters
    ----------
    long : pandas.DataFrame
        From ``ch11_toy_world.curves.by_lever``.
    shifts : pandas.DataFrame
        From ``ch11_toy_world.levers.lever_table``.
    """
    levers = order_of(long, "lever")
    drawn = long[["lever", "label", "place", "params", *SHOWN, "family"]].round(1)
    which = dropdown("toy_lever", levers, "Lever", labels=[LEVERS[name] for name in levers])
    what = dropdown("toy_score", list(SHOWN), "Score", labels=list(SCORES.values()))
    places = [str(n) for n in range(1, int(drawn["place"].max()) + 1)]
    n = len(places)
    keep = (
        _folded(alt.Chart(drawn).transform_filter("datum.lever == toy_lever"))
        .transform_filter("datum.score == toy_score")
        .transform_calculate(series="toString(datum.place)")
    )
    hues = alt.Scale(domain=places, range=[PALETTE[hue] for hue in HUES[:n]])
    colour = alt.Color("series:N", scale=hues, legend=None)
    shape = alt.Shape("series:N", scale=alt.Scale(domain=places, range=list(SHAPES[:n])), legend=None)
    dash = alt.StrokeDash("series:N", scale=alt.Scale(domain=places, range=list(DASHES[:n])), legend=None)
    y = alt.Y("pct:Q", title="Percent", scale=alt.Scale(domain=[0, 100]))
    points = keep.mark_point(size=28, opacity=0.55).encode(
        params_axis(), y, colour, shape, tooltip=["label", "family", "params", alt.Tooltip("pct:Q")]
    )
    lines = keep.mark_line(strokeWidth=2.2).encode(
        params_axis(), alt.Y("mean(pct):Q", title="Percent"), colour, dash
    )
    # The names of the positions differ from lever to lever, so they stand in the plot and not in a legend.
    named = alt.Chart(drawn[["lever", "label", "place"]].drop_duplicates())
    keys = []
    for place in range(n):
        own = named.transform_filter(
            f"datum.lever == toy_lever && datum.place == {place + 1}"
        ).transform_calculate(series="toString(datum.place)")
        high = alt.value(12 + 17 * place)
        keys.append(own.mark_point(size=60, strokeWidth=2).encode(colour, shape, x=alt.value(14), y=high))
        keys.append(own.mark_text(align="left").encode(x=alt.value(26), y=high, text="label:N"))
    gone = shifts[shifts["words"].str.startswith(("removes", "makes"))]
    moved = shifts[shifts["words"].str.startswith("moves")]
    listed = "; ".join(
        f"{LEVERS[str(lever)]} ({', '.join(part['label'])})"
        for lever, part in moved.groupby("lever", sort=False)
    )
    none = "; ".join(
        f"{LEVERS[str(lever)]} ({', '.join(part['label'])})"
        for lever, part in gone.groupby("lever", sort=False)
    )
    worlds = f"{shifts['worlds'].min()} to {shifts['worlds'].max()}"
    sizes = int(long.groupby("label")["params"].nunique().max())
    return put(
        alt.layer(chance_rule(), lines, points, *keys).add_params(which, what),
        title="One lever at a time",
        caption=(
            f"n = {worlds} worlds a position, {sizes} sizes; points are worlds, lines their means. "
            f"The turning point moves with: {listed or 'none'}. The dip is gone or too shallow to see with: {none or 'none'}."
        ),
        alternative=(
            "Lines of a score against model size, one for each position of the lever chosen, with a point for each world and a "
            "dashed rule at chance. Levers whose positions move the lowest point sideways: "
            f"{listed or 'none'}; levers with a position at which "
            f"the dip is gone or too shallow to see: {none or 'none'}."
        ),
    )


_MEASURES = {
    "moves": "turning point (factor)",
    "back_moves": "size back at chance (factor)",
    "lifts": "lowest score (points)",
}


def _brief(words: str) -> str:
    """The words of the rule, short enough for the place of a point."""
    if words.startswith(("removes", "makes")):
        return "dip gone or too shallow"
    return (
        words.removeprefix("leaves a ").replace("within the sizes tried ", "")
        if "leaves" in words
        else "beyond"
    )


def toy_shift_chart(shifts: pd.DataFrame) -> Any:
    """What each position of each lever does to the turning point, with intervals over worlds.

    Parameters
    ----------
    shifts : pandas.DataFrame
        From ``ch11_toy_world.levers.lever_table``.
    """
    turned = shifts[shifts["words"] != "the base setting"]
    short = {
        "rumours": "rumour docs: ",
        "balance": "",
        "markers": "marked: ",
        "exams": "exams: ",
        "depth": "layers: ",
        "length": "steps: ",
        "reasoning": "reasoning: ",
    }
    parts = []
    for key, label in _MEASURES.items():
        none = 0.0 if key == "lifts" else 1.0
        part = pd.DataFrame(
            {
                "what": label,
                "position": turned["lever"].map(short) + turned["label"],
                "change": turned[key],
                "low": turned[f"{key}_low"],
                "high": turned[f"{key}_high"],
                "n": turned[f"{key}_n"],
                "none": none,
                "words": turned["words"],
                "rumours per truth": turned["rumours_per_truth"],
            }
        )
        parts.append(part)
    drawn = pd.concat(parts).round(3)
    drawn["brief"] = drawn["words"].map(_brief)
    order = order_of(drawn, "position")
    what = dropdown("toy_measure", list(_MEASURES.values()), "Change of")
    keep = alt.Chart(drawn).transform_filter("datum.what == toy_measure")
    known = keep.transform_filter(f"datum.n >= {LEAST}")
    y = alt.Y(
        "position:N", title=None, sort=order, scale=alt.Scale(domain=order), axis=alt.Axis(labelLimit=150)
    )
    title = "Against the base setting"
    rules = known.mark_rule(strokeWidth=2, color=PALETTE["blue"]).encode(
        alt.X("low:Q", title=title), alt.X2("high:Q"), y
    )
    points = known.mark_point(filled=True, size=80, color=PALETTE["blue"]).encode(
        alt.X("change:Q", title=title, scale=alt.Scale(zero=False)),
        y,
        tooltip=["position", "what", "change", "low", "high", "n", "words", "rumours per truth"],
    )
    without = keep.transform_filter(f"datum.n < {LEAST}").mark_text(align="left", fontStyle="italic")
    said = without.encode(y, x=alt.value(6), text="brief:N")
    line = keep.mark_rule(strokeDash=[4, 4]).encode(x="mean(none):Q")
    moved = int(turned["words"].str.startswith("moves").sum())
    gone = int(turned["words"].str.startswith(("removes", "makes")).sum())
    same = int((turned["words"] == "no shift seen").sum())
    return put(
        (line + rules + points + said).add_params(what).properties(height={"step": 24}),
        title="Which lever moves what?",
        caption=(
            f"Paired over worlds, mean and 95% interval; n = {turned['worlds'].min()} to "
            f"{turned['worlds'].max()} worlds. Of {len(turned)} positions {moved} move the "
            f"turning point, {gone} remove the dip or make it too shallow to see, and with {same} no shift "
            "is seen. Where fewer than "
            f"{LEAST} worlds turn, words stand in the place of a point."
        ),
        alternative=(
            "One row for each position of each lever, with a point and an interval on either side of a "
            "dashed rule that marks no change. "
            + ". ".join(
                f"{row.position}: {row.words}"
                for row in drawn[drawn["what"] == _MEASURES["moves"]].itertuples()
            )
            + "."
        ),
    )


def toy_logp_chart(long: pd.DataFrame, *, start: int) -> Any:
    """Log-probability of the true and of the rumoured value along training.

    Parameters
    ----------
    long : pandas.DataFrame
        From ``ch11_toy_world.curves.log_probabilities``.
    start : int
        Parameters of the model shown at first.
    """
    sizes, contexts = sorted(long["params"].unique()), order_of(long, "context")
    which = dropdown(
        "toy_size", [str(n) for n in sizes], "Parameters", labels=[f"{n:,}" for n in sizes], value=str(start)
    )
    where = dropdown("toy_context", contexts, "Context", value="exam, not covered")
    drawn = long.assign(size=long["params"].astype(str), series=long["value"])[
        ["size", "context", "series", "step", "logp", "low", "high"]
    ].round(3)
    keep = alt.Chart(drawn).transform_filter("datum.size == toy_size && datum.context == toy_context")
    colour, shape, dash = series_marks(["rumoured", "true"], "Value")
    title = "Log-probability (nats)"
    x = alt.X("step:Q", title="Training steps", axis=alt.Axis(tickCount=4))
    band = keep.mark_area(opacity=0.18).encode(x, alt.Y("low:Q", title=title), alt.Y2("high:Q"), colour)
    line = keep.mark_line(strokeWidth=2.2).encode(x, alt.Y("logp:Q", title=title), colour, dash)
    points = keep.mark_point(filled=True, size=40).encode(
        x, alt.Y("logp:Q"), colour, shape, tooltip=["series", "step", "logp", "low", "high"]
    )
    last = int(long["step"].max())
    end = long[(long["params"] == start) & (long["step"] == last)].set_index(["context", "value"])["logp"]
    told = "; ".join(
        f"{name}: true {end[name, 'true']:.1f}, rumoured {end[name, 'rumoured']:.1f}" for name in contexts
    )
    return put(
        (band + line + points).add_params(which, where),
        title="What has a model learnt, and when?",
        caption=(
            f"Means over worlds, bands from the lowest world to the highest. With {start:,} parameters at "
            f"the end of training ({last:,} steps), in nats: {told}."
        ),
        alternative=(
            "Two lines with bands along training: the log-probability of the true value and of the "
            "rumoured value, in the context chosen. "
            f"With {start:,} parameters, after {last:,} steps, they end at, in nats: {told}."
        ),
    )
