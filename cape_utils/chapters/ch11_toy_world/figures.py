"""Figures of chapter 11: a toy world's turning point, what the levers do to it, and what a model has learnt."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Literal

import altair as alt
import pandas as pd

from cape_utils.chapters.ch11_toy_world import captions
from cape_utils.chapters.ch11_toy_world.curves import SCORES, SHOWN
from cape_utils.chapters.ch11_toy_world.in_words import STANDINGS
from cape_utils.chapters.ch11_toy_world.levers import DIP_GONE, MIN_WORLDS, Shift, changed_positions
from cape_utils.charts.parts import ROW_PX, choice, dropdown, follow, marks, order_of, slider
from cape_utils.charts.rendering import PALETTE
from cape_utils.stats.results import Estimate
from cape_utils.toyworld.figures import chance_rule, params_axis, series_marks, world_curves
from cape_utils.toyworld.sweep import LEVERS

__all__ = [
    "toy_document_chart",
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


_STANDING = dict(
    zip(
        STANDINGS,
        (("vermillion", "triangle-down"), ("blue", "triangle-up"), ("grey", "circle"), ("green", "square")),
        strict=True,
    )
)


_LINES: tuple[tuple[str, int, Literal["bold", "normal"]], ...] = (
    ("said", -8, "bold"),
    ("note", 10, "normal"),
)


def toy_document_chart(told: pd.DataFrame) -> Any:
    """One document of each source, statement by statement, with what is true of it.

    Parameters
    ----------
    told : pandas.DataFrame
        From ``ch11_toy_world.in_words.told``.
    """
    which, keep = choice(told, "source", "toy_source", "A document of")
    places = sorted(told["place"].unique())
    base = alt.Chart(told).transform_filter(keep)
    base = base.encode(alt.Y("place:O", axis=None, scale=alt.Scale(domain=places)))
    look = marks("standing:N", None, _STANDING, columns=2)
    signs = base.mark_point(filled=True, size=110, opacity=1).encode(x=alt.value(10), **look)
    said, note = (
        base.mark_text(align="left", dy=dy, fontSize=14, fontWeight=weight).encode(
            alt.Text(f"{field}:N"), x=alt.value(28)
        )
        for field, dy, weight in _LINES
    )
    layers = (signs + said + note).properties(height=46 * len(places))
    return follow(layers, [which], lambda source: captions.document(told[told["source"] == source], source))


def toy_growth_chart(
    long: pd.DataFrame, summaries: Mapping[int, Mapping[str, Estimate]], *, start: int
) -> Any:
    """Scores by size, with a slider that walks through training.

    Parameters
    ----------
    long : pandas.DataFrame
        From ``ch11_toy_world.curves.along_training``.
    summaries : mapping of int to mapping
        From ``ch11_toy_world.turning_points.turns_along_training``.
    start : int
        Training steps at which the slider stands at first.
    """
    steps = long[["place", "step"]].drop_duplicates()
    at = int(steps.loc[steps["step"] == start, "place"].iloc[0])
    walk = slider("toy_place", 0, int(steps["place"].max()), 1, at, "Checkpoint")
    keep = "datum.place == toy_place"
    drawn = long[["params", *SHOWN, "place", "family"]].round(1)
    lines, points = world_curves(
        _folded(alt.Chart(drawn).transform_filter(keep)),
        "Right answers (percent)",
        series_marks(list(SCORES.values()), None),
        tooltip=[alt.Tooltip("series:N"), "family", "params", alt.Tooltip("pct:Q")],
    )
    labels = pd.DataFrame(
        {"place": steps["place"], "words": [f"after {step:,} steps" for step in steps["step"]]}
    )
    label = (
        alt.Chart(labels)
        .transform_filter(keep)
        .mark_text(align="left", baseline="top", fontSize=13)
        .encode(x=alt.value(8), y=alt.value(4), text="words:N")
    )
    worlds, sizes = long["family"].nunique(), long["params"].nunique()
    step_at = dict(zip(steps["place"], steps["step"], strict=True))

    def words(place: float) -> dict[str, str]:
        step = int(step_at[int(place)])
        return captions.growth(summaries[step], worlds=worlds, sizes=sizes, steps=step)

    return follow(chance_rule() + lines + points + label, [walk], words)


def _change_rows(steps: pd.DataFrame) -> pd.DataFrame:
    """One row a step and score, at the middle of the step."""
    middle = (steps["from_params"] * steps["to_params"]) ** 0.5
    parts = []
    for name in ("truth", "reasoning"):
        columns = {name: "change", f"{name}_low": "low", f"{name}_high": "high"}
        part = steps[[*columns, "coupling", "negative", "worlds"]].rename(columns=columns)
        parts.append(part.assign(series=name, params=middle))
    return pd.concat(parts).round(3)


def toy_step_chart(steps: pd.DataFrame) -> Any:
    """Changes of truth and reasoning from each size to the next, whose quotient is the local coupling.

    Parameters
    ----------
    steps : pandas.DataFrame
        From ``ch11_toy_world.turning_points.coupling_by_step``.
    """
    drawn = _change_rows(steps)
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
    return follow(zero + rules + points, [which], lambda shown: captions.steps(steps, shown))


def _keys(drawn: pd.DataFrame, colour: Any, shape: Any, n: int) -> list[Any]:
    """A legend in the plot: the names of the positions differ from lever to lever."""
    named = alt.Chart(drawn[["lever", "label", "place"]].drop_duplicates())
    layers = []
    for place in range(1, n + 1):
        key = named.transform_filter(f"datum.lever == toy_lever && datum.place == {place}")
        key = key.transform_calculate(series="toString(datum.place)")
        y = alt.value(17 * place - 5)
        layers.append(key.mark_point(size=60, strokeWidth=2).encode(colour, shape, x=alt.value(14), y=y))
        layers.append(key.mark_text(align="left").encode(x=alt.value(26), y=y, text="label:N"))
    return layers


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
    n = int(drawn["place"].max())
    series = series_marks([str(place) for place in range(1, n + 1)], alt.Undefined, legend=False)
    keep = (
        _folded(alt.Chart(drawn).transform_filter("datum.lever == toy_lever"))
        .transform_filter("datum.score == toy_score")
        .transform_calculate(series="toString(datum.place)")
    )
    lines, points = world_curves(
        keep, "Percent", series, tooltip=["label", "family", "params", alt.Tooltip("pct:Q")]
    )
    layers = [chance_rule(), lines, points, *_keys(drawn, *series[:2], n)]
    means = long.groupby(["lever", "label", "place", "params"], as_index=False, sort=False)[
        list(SHOWN)
    ].mean()
    means = means.sort_values(["lever", "place", "params"]).rename(columns=SCORES)
    return follow(
        alt.layer(*layers),
        [which, what],
        lambda lever, score: captions.levers(shifts, means, lever, SCORES[score]),
    )


_MEASURES = {
    "moves": "turning point (factor)",
    "back_moves": "size back at chance (factor)",
    "lifts": "lowest score (points)",
}
_SHORT_LEVERS = {
    "rumours": "rumour docs: ",
    "balance": "",
    "markers": "marked: ",
    "exams": "exams: ",
    "depth": "layers: ",
    "length": "steps: ",
    "reasoning": "reasoning: ",
}


def _brief(row: Any) -> str:
    """An outcome, short enough for the place of a point."""
    if row.shift in DIP_GONE:
        return "dip gone or too shallow"
    if row.shift is Shift.DIP_IN_SOME:
        return f"dip in {row.dips} of {row.worlds} worlds"
    if row.shift is Shift.TURN_IN_SOME:
        return f"turn in {row.turns} of {row.worlds} worlds"
    return "beyond"


def _shift_rows(changed: pd.DataFrame) -> pd.DataFrame:
    """One row a position and measure."""
    parts = []
    for key, label in _MEASURES.items():
        values = {"change": key, "low": f"{key}_low", "high": f"{key}_high", "n": f"{key}_n"}
        part = pd.DataFrame({name: changed[column] for name, column in values.items()})
        parts.append(
            part.assign(
                what=label,
                position=changed["lever"].map(_SHORT_LEVERS) + changed["label"],
                none=0.0 if key == "lifts" else 1.0,
                words=changed["words"],
                brief=[_brief(row) for row in changed.itertuples()],
                **{"rumours per truth": changed["rumours_per_truth"]},
            )
        )
    return pd.concat(parts).round(3)


def toy_shift_chart(shifts: pd.DataFrame) -> Any:
    """What each position of each lever does to the turning point, with intervals over worlds.

    Parameters
    ----------
    shifts : pandas.DataFrame
        From ``ch11_toy_world.levers.lever_table``.
    """
    changed = changed_positions(shifts)
    drawn = _shift_rows(changed)
    order = order_of(drawn, "position")
    what = dropdown("toy_measure", list(_MEASURES.values()), "Change of")
    keep = alt.Chart(drawn).transform_filter("datum.what == toy_measure")
    known = keep.transform_filter(f"datum.n >= {MIN_WORLDS}")
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
    unknown = keep.transform_filter(f"datum.n < {MIN_WORLDS}").mark_text(align="left", fontStyle="italic")
    labels = unknown.encode(y, x=alt.value(6), text="brief:N")
    line = keep.mark_rule(strokeDash=[4, 4]).encode(x="mean(none):Q")
    return follow(
        (line + rules + points + labels).properties(height=ROW_PX * len(order)),
        [what],
        lambda measure: captions.shifts(drawn, changed, measure),
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
    sizes = sorted(long["params"].unique())
    which = dropdown(
        "toy_size", [str(n) for n in sizes], "Parameters", labels=[f"{n:,}" for n in sizes], value=str(start)
    )
    where = dropdown("toy_context", order_of(long, "context"), "Context", value="exam, not covered")
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
    return follow(
        band + line + points,
        [which, where],
        lambda size, context: captions.log_probabilities(long, int(size), context),
    )
