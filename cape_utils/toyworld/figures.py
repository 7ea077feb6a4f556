"""Figures of the toy world that the chapter and the live sweep share, and the marks that both use."""

from __future__ import annotations

from typing import Any

import altair as alt
import pandas as pd

from cape_utils.charts.parts import choice, order_of, put
from cape_utils.charts.rendering import PALETTE
from cape_utils.toyworld import sweep
from cape_utils.toyworld.sweep import LEVERS
from cape_utils.toyworld.world import CHANCE_PCT

__all__ = ["chance_rule", "params_axis", "series_marks", "toy_pair_chart", "world_curves"]

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


def series_marks(names: list[str], title: Any, *, legend: bool = True) -> tuple[Any, Any, Any]:
    """Hue, shape and dash of a series, so that none of them is needed.

    Parameters
    ----------
    names : list of str
        Values of ``series``.
    title : str or None
        Of the legend.
    legend : bool
    """
    places = [_PLACES.get(name, place) for place, name in enumerate(names)]
    hues = [PALETTE[HUES[n]] for n in places]
    looks: dict[Any, list[Any]] = {
        alt.Color: hues,
        alt.Shape: [SHAPES[n] for n in places],
        alt.StrokeDash: [DASHES[n] for n in places],
    }
    shown = alt.Legend(columns=2, labelLimit=190) if legend else None
    colour, shape, dash = (
        channel("series:N", title=title, scale=alt.Scale(domain=names, range=look), legend=shown)
        for channel, look in looks.items()
    )
    return colour, shape, dash


def world_curves(
    rows: Any,
    title: str,
    series: tuple[Any, Any, Any],
    *,
    tooltip: list[Any],
    size: int = 28,
    opacity: float = 0.55,
) -> tuple[Any, Any]:
    """Lines through the means over worlds, and the worlds as points.

    Parameters
    ----------
    rows : alt.Chart
        With ``params``, ``pct`` and ``series``.
    title : str
        Of the axis of percents.
    series : tuple
        From ``series_marks``.
    tooltip : list
    size, opacity
        Of the points.
    """
    colour, shape, dash = series
    y = alt.Y("pct:Q", title=title, scale=alt.Scale(domain=[0, 100]))
    mean = alt.Y("mean(pct):Q", title=title)
    return (
        rows.mark_line(strokeWidth=2.2).encode(params_axis(), mean, colour, dash),
        rows.mark_point(size=size, opacity=opacity).encode(params_axis(), y, colour, shape, tooltip=tooltip),
    )


def chance_rule() -> Any:
    """A dashed line at what guessing scores."""
    return alt.Chart(pd.DataFrame({"chance": [CHANCE_PCT]})).mark_rule(strokeDash=[4, 4]).encode(y="chance:Q")


def _pair_rows(table: pd.DataFrame, setting: str) -> pd.DataFrame:
    """One row a model and score of the base setting and of one other."""
    known = sweep.settings()[setting]
    labels = {"base": "base setting", setting: f"{LEVERS.get(known.lever, 'base')}: {known.label}"}
    parts = []
    for name, label in labels.items():
        rows = table[table["setting"] == name]
        for score in ("truth", "reasoning"):
            part = pd.DataFrame({"params": rows["params"], "pct": rows[f"{score}_pct"]})
            parts.append(part.assign(score=score, series=label))
    return pd.concat(parts).round(2)


def toy_pair_chart(table: pd.DataFrame, setting: str) -> Any:
    """Truth and reasoning by size under the base setting and one other, as just trained.

    Parameters
    ----------
    table : pandas.DataFrame
        Rows of a sweep with both settings at one length of training.
    setting : str
    """
    drawn = _pair_rows(table, setting)
    what, keep = choice(drawn, "score", "toy_pair_score", "Score")
    names = order_of(drawn, "series")
    lines, points = world_curves(
        alt.Chart(drawn).transform_filter(keep),
        "Right answers (percent)",
        series_marks(names, None),
        tooltip=["series", "params", "pct"],
        size=36,
        opacity=0.6,
    )
    lows = drawn[drawn["score"] == "truth"].groupby(["series", "params"], sort=False)["pct"].mean()
    listed = "; ".join(
        f"{name}: lowest truth {lows[name].min():.0f} percent at {lows[name].idxmin():,} parameters"
        for name in names
    )
    return put(
        (chance_rule() + lines + points).add_params(what),
        title="Your own sweep",
        caption=f"n = {table['seed'].nunique()} worlds a setting. {listed}. So few worlds show a direction, not a size.",
        alternative=f"Two lines of the chosen score against model size, one a setting, with a point for each world. {listed}.",
    )
