"""The figure that chapters 6, 10 and 11 share: what is read before, at and after a turn that is known.

The numbers are those of ``internals.toy.phases``.
"""

from __future__ import annotations

from typing import Any

import altair as alt
import pandas as pd

from cape_utils.charts.parts import dropdown, follow, marks, order_of, spread
from cape_utils.internals.toy.models import DIRECTIONS
from cape_utils.internals.toy.phases import CORRECTED, HEADS, PHASES, READINGS
from cape_utils.stats.formatting import with_interval

__all__ = ["known_turn_chart"]

_LOOK = {
    "before": ("vermillion", "triangle-down"),
    "at": ("grey", "circle"),
    "after": ("blue", "triangle-up"),
}


def _drawn(summary: pd.DataFrame) -> pd.DataFrame:
    """The rows as the page takes them, named as a reader sees them and in order."""
    table = summary.assign(
        series=summary["series"].map(lambda name: DIRECTIONS.get(name, name)),
        models=summary["heads"].map(lambda n: HEADS.get(n, f"{n} heads a layer")),
        place=summary["phase"].map(PHASES.index),
    )
    order = {name: n for n, name in enumerate(READINGS)}
    table = table.assign(_reading=table["reading"].map(order)).sort_values(
        ["heads", "_reading"], kind="stable"
    )
    columns = ["models", "reading", "series", "phase", "place", "value", "low", "high", "worlds"]
    return table[columns].reset_index(drop=True).round(3)


def _words(table: pd.DataFrame, reading: str, models: str) -> dict[str, str] | None:
    rows = table[(table["reading"] == reading) & (table["models"] == models)]
    if rows.empty:
        return None
    listed = []
    for series, part in rows.groupby("series", sort=False):
        each = part.sort_values("place").to_dict("records")
        values = ", ".join(
            f"{row['phase']} {with_interval(row['value'], row['low'], row['high'])}" for row in each
        )
        listed.append(f"{series}: {values}")
    said = "; ".join(listed)
    return {
        "title": f"{reading[0].upper()}{reading[1:]}, {rows['series'].iloc[0]}: {_over_the_turn(rows)}",
        "caption": (
            f"{reading[0].upper()}{reading[1:]}, {models}; mean over n = {rows['worlds'].max()} worlds with 95% intervals. "
            f"{said}."
        ),
        "alternative": (
            "Dots with intervals, a row for each series and in it one dot for models before the turn, one at it and one after. "
            f"{reading}, {models}. {said}."
        ),
    }


def _over_the_turn(rows: pd.DataFrame) -> str:
    """What the first series does over the turn, by whether its intervals before and after it overlap."""
    first = rows[rows["series"] == rows["series"].iloc[0]].set_index("phase")
    if not {"before", "after"} <= set(first.index):
        return "not read on both sides of the turn"
    before, after = first.loc["before"], first.loc["after"]
    if before["low"] > after["high"]:
        return "more before the turn than after"
    if before["high"] < after["low"]:
        return "less before the turn than after"
    return "no clear change over the turn"


def known_turn_chart(summary: pd.DataFrame, *, start: str = CORRECTED) -> Any:
    """Any reading of the toy world's models before, at and after the turn.

    Parameters
    ----------
    summary : pandas.DataFrame
        From ``phases.summary``.
    start : str
        Reading shown at first.
    """
    table = _drawn(summary)
    readings, models = order_of(table, "reading"), order_of(table, "models")
    what = dropdown("known_reading", sorted(readings, key=READINGS.index), "Read", value=start)
    which = dropdown("known_models", models, "Models")
    keep = "datum.reading == known_reading && datum.models == known_models"
    up = alt.Y("series:N", title=None, sort=None, axis=alt.Axis(labelLimit=190))
    base = (
        alt.Chart(table)
        .transform_filter(keep)
        .encode(up, alt.YOffset("place:O"), marks("phase:N", "The turn", _LOOK)["color"])
    )
    across = alt.X("value:Q", title="What is read", scale=alt.Scale(zero=False))
    points = base.mark_point(filled=True, size=80, opacity=1).encode(
        across,
        marks("phase:N", "The turn", _LOOK)["shape"],
        tooltip=["series", "phase", "value", "low", "high", "worlds"],
    )
    rules = spread(base, "low", "high", "x", strokeWidth=2)
    most = table.groupby("reading")["series"].nunique().max()
    chart = alt.layer(rules, points).properties(height=48 * most)  # three rows of each series
    return follow(chart, [what, which], lambda reading, kind: _words(table, reading, kind))
