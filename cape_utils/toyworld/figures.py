"""Figures of the toy world that the chapter and the live sweep share, and the marks that both use."""

from __future__ import annotations

from typing import Any

import altair as alt
import pandas as pd

from cape_utils.charts.parts import dropdown, order_of, put
from cape_utils.charts.rendering import PALETTE
from cape_utils.toyworld import sweep
from cape_utils.toyworld.sweep import LEVERS
from cape_utils.toyworld.world import CHANCE_PCT

__all__ = ["DASHES", "HUES", "SHAPES", "chance_rule", "params_axis", "series_marks", "toy_pair_chart"]

HUES = ("vermillion", "orange", "blue", "green", "purple", "grey")
SHAPES = ("circle", "triangle-down", "square", "diamond", "triangle-up", "cross")
DASHES = ([1, 0], [6, 3], [2, 2], [8, 2, 2, 2], [4, 4], [1, 3])
_PLACES = {"truth": 0, "true": 0, "rumour instead": 1, "rumoured": 1, "reasoning": 2, "ordinary facts": 3}
"""Same hue, shape and dash for the same thing in every figure of the chapter."""

_SIZES = [1e3, 3e3, 1e4, 3e4, 1e5, 3e5, 1e6]


def params_axis(field: str = "params", title: str = "Parameters (log scale)") -> alt.X:
    """Logarithmic axis of parameter counts."""
    scale = alt.Scale(type="log", nice=False, padding=12)
    return alt.X(f"{field}:Q", title=title, scale=scale, axis=alt.Axis(values=_SIZES, format="~s", grid=True))


def series_marks(names: list[str], title: str | None) -> tuple[alt.Color, alt.Shape, alt.StrokeDash]:
    """Hue, shape and dash of a series, so that none of them is needed."""
    own = [_PLACES.get(name, place) for place, name in enumerate(names)]
    legend = alt.Legend(columns=2, labelLimit=190)
    return (
        alt.Color(
            "series:N",
            title=title,
            scale=alt.Scale(domain=names, range=[PALETTE[HUES[n]] for n in own]),
            legend=legend,
        ),
        alt.Shape(
            "series:N",
            title=title,
            scale=alt.Scale(domain=names, range=[SHAPES[n] for n in own]),
            legend=legend,
        ),
        alt.StrokeDash(
            "series:N",
            title=title,
            scale=alt.Scale(domain=names, range=[DASHES[n] for n in own]),
            legend=legend,
        ),
    )


def chance_rule() -> Any:
    """A dashed line at what guessing scores."""
    return alt.Chart(pd.DataFrame({"chance": [CHANCE_PCT]})).mark_rule(strokeDash=[4, 4]).encode(y="chance:Q")


def toy_pair_chart(table: pd.DataFrame, setting: str) -> Any:
    """Truth and reasoning by size under the base setting and one other, as just trained.

    Parameters
    ----------
    table : pandas.DataFrame
        Rows of a sweep with both settings at one length of training.
    setting : str
    """
    known = sweep.settings()[setting]
    parts = []
    for name, label in (
        ("base", "base setting"),
        (setting, f"{LEVERS.get(known.lever, 'base')}: {known.label}"),
    ):
        part = table[table["setting"] == name]
        for score in ("truth", "reasoning"):
            parts.append(
                pd.DataFrame(
                    {"params": part["params"], "pct": part[f"{score}_pct"], "score": score, "series": label}
                )
            )
    drawn = pd.concat(parts).round(2)
    what = dropdown("toy_pair_score", ["truth", "reasoning"], "Score")
    keep = alt.Chart(drawn).transform_filter("datum.score == toy_pair_score")
    colour, shape, dash = series_marks(order_of(drawn, "series"), None)
    y = alt.Y("pct:Q", title="Right answers (percent)", scale=alt.Scale(domain=[0, 100]))
    points = keep.mark_point(size=36, opacity=0.6).encode(
        params_axis(), y, colour, shape, tooltip=["series", "params", "pct"]
    )
    lines = keep.mark_line(strokeWidth=2.2).encode(
        params_axis(), alt.Y("mean(pct):Q", title="Right answers (percent)"), colour, dash
    )
    low = drawn[drawn["score"] == "truth"].groupby(["series", "params"], sort=False)["pct"].mean()
    told = "; ".join(
        f"{label}: lowest truth {low[label].min():.0f} percent at {low[label].idxmin():,} parameters"
        for label in order_of(drawn, "series")
    )
    return put(
        (chance_rule() + lines + points).add_params(what),
        title="Your own sweep",
        caption=f"n = {table['seed'].nunique()} worlds a setting. {told}. So few worlds show a direction, not a size.",
        alternative=f"Two lines of the chosen score against model size, one a setting, with a point for each world. {told}.",
    )
