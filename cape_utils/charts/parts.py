"""Pieces that the figures share: names, axes, controls and the words that every figure must carry."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Literal, cast

import altair as alt
import numpy as np
import pandas as pd

from cape_utils import data
from cape_utils.charts.rendering import PALETTE
from cape_utils.scaling.coupling import PHASES

__all__ = [
    "PHASE_BAR",
    "PHASE_COLOURS",
    "PHASE_POINT",
    "PHASE_SHAPES",
    "PROBABILITY",
    "ROW_PX",
    "choice",
    "dropdown",
    "fixed",
    "follow",
    "log_axis",
    "marks",
    "name",
    "names",
    "order_of",
    "pct_axis",
    "phase_rows",
    "put",
    "rule_at",
    "share_axis",
    "share_bars",
    "size_axis",
    "size_label",
    "slider",
    "spread",
]

ROW_PX = 24
"""Height of a row of a chart with one row for each thing. Such a chart takes its height in pixels: one given by steps
cannot be fitted to its container in both directions, and Vega says so in the console of every reader."""

# Hue, shape and word together tell the phases apart, so none of them is needed.
PHASE_COLOURS = {"tax": PALETTE["vermillion"], "transition": PALETTE["grey"], "bonus": PALETTE["blue"]}
PHASE_SHAPES = {"tax": "triangle-down", "transition": "circle", "bonus": "triangle-up"}


def names() -> dict[str, str]:
    """Title of each benchmark by its identifier."""
    table = data.load("benchmarks")
    return dict(zip(table["benchmark"], table["title"], strict=True))


def name(benchmark: str) -> str:
    """Title of a benchmark; the identifier itself where it is not a benchmark.

    Parameters
    ----------
    benchmark : str
        Identifier, such as ``"mmlu"``.

    Examples
    --------
    >>> name("mmlu"), name("my_exam")
    ('MMLU', 'my_exam')
    """
    return names().get(benchmark, benchmark)


def put(chart: Any, *, title: str, caption: str, alternative: str) -> Any:
    """Give a chart its words: what it shows, what is found with which n, and what a reader without sight needs."""
    _require_words({"title": title, "caption": caption, "alternative": alternative})
    return chart.properties(title=title, description=alternative, usermeta={"caption": caption})


def follow(
    chart: Any,
    controls: Sequence[alt.Parameter],
    words: Callable[..., Mapping[str, str] | None],
    *,
    others: Sequence[alt.Parameter] = (),
) -> Any:
    """Add controls to a chart, and give it words that follow them.

    The words of every setting are written here, once; the page only swaps them when a control is moved.

    Parameters
    ----------
    chart : alt.Chart
        Any chart that takes parameters.
    controls : sequence of alt.Parameter
        From `dropdown`, `choice` or `slider`: those that the words depend on.
    words : callable
        Takes one value for each control and returns the ``title``, ``caption`` and ``alternative`` of that setting, or None
        where nothing is drawn. For the values at which the controls start it must not be None.
    others : sequence of alt.Parameter
        Controls that the words do not depend on; they stand behind the first ones.

    Returns
    -------
    alt.Chart

    Raises
    ------
    ValueError
        If a word is missing or empty, in any setting, or nothing is drawn at first.

    Examples
    --------
    >>> chart = alt.Chart(pd.DataFrame({"a": [1]})).mark_point()
    >>> panel = dropdown("panel", ["paper", "open"], "Panel")
    >>> say = lambda panel: {"title": "T", "caption": f"n = 3, {panel}.", "alternative": "A dot."}
    >>> follow(chart, [panel], say).to_dict()["usermeta"]["settings"]["words"]
    [{'at': ['open'], 'caption': 'n = 3, open.'}]
    """
    bound = [cast("alt.VariableParameter", control.param).to_dict() for control in controls]
    start = tuple(one["value"] for one in bound)
    opening = words(*start)
    if opening is None:
        raise ValueError(f"nothing is drawn where the controls start, at {start}; start them elsewhere")
    changed = []
    for values in itertools.product(*(_values(one["bind"]) for one in bound)):
        said = words(*values)
        said = {**opening, "caption": _NOTHING} if said is None else said
        _require_words(said)
        differs = {key: said[key] for key in _WORDS if said[key] != opening[key]}
        if differs:
            changed.append({"at": list(values), **differs})
    chart = put(chart.add_params(*controls, *others), **opening)
    settings = {"signals": [one["name"] for one in bound], "words": changed}
    return chart.properties(usermeta={"caption": opening["caption"], "settings": settings})


_WORDS = ("title", "caption", "alternative")
_NOTHING = "Nothing to draw: no model fits this choice."


def _values(bind: Mapping[str, Any]) -> list[Any]:
    """Every value that a control can take."""
    if "options" in bind:
        return list(bind["options"])
    steps = np.arange(bind["min"], bind["max"] + bind["step"] / 2, bind["step"])
    return [float(np.round(value, 9)) for value in steps]


def _require_words(words: Mapping[str, str]) -> None:
    for key, label in zip(_WORDS, ("title", "caption", "text alternative"), strict=True):
        if not words[key].strip():
            raise ValueError(f"a chart needs a {label}")


def size_axis(field: str = "params_b", title: str = "Parameters (billions, log scale)") -> alt.X:
    """Logarithmic axis of model sizes."""
    return alt.X(
        f"{field}:Q",
        title=title,
        scale=alt.Scale(type="log", nice=False, padding=12),
        axis=alt.Axis(values=[0.1, 0.3, 1, 3, 10, 30, 100, 300], format="~g", grid=True),
    )


def pct_axis(field: str, title: str, **scale: Any) -> alt.Y:
    """Axis of scores in percent that need not start at zero."""
    return alt.Y(f"{field}:Q", title=title, scale=alt.Scale(zero=False, nice=True, **scale))


def fixed(values: Iterable[float], *, margin: float = 0.05, log: bool = False) -> alt.Scale:
    """A scale over all values, so that an axis stays where it is when a control filters the rows.

    Parameters
    ----------
    values : iterable of float
        NaN does not count.
    margin : float
        Share of the range that is added at either end.
    log : bool
        Whether the scale is logarithmic.

    Examples
    --------
    >>> fixed([0, 10, float("nan")]).to_dict()["domain"]
    [-0.5, 10.5]
    """
    drawn = np.array(list(values), dtype=float)
    ends = np.array([np.nanmin(drawn), np.nanmax(drawn)])
    low, high = np.log10(ends) if log else ends
    reach = margin * (high - low or 1.0)
    low, high = low - reach, high + reach
    low, high = (10**low, 10**high) if log else (low, high)
    kind: dict[str, Any] = {"type": "log"} if log else {"zero": False}
    return alt.Scale(domain=[float(f"{low:.4g}"), float(f"{high:.4g}")], nice=False, **kind)


def dropdown(
    parameter: str,
    options: Sequence[str],
    label: str,
    *,
    labels: Sequence[str] | None = None,
    value: str | None = None,
) -> alt.Parameter:
    """Parameter bound to a drop-down; the first option is chosen unless ``value`` says otherwise."""
    binding = alt.binding_select(options=list(options), labels=list(labels or options), name=f"{label} ")
    return alt.param(name=parameter, value=options[0] if value is None else value, bind=binding)


def slider(parameter: str, low: float, high: float, step: float, value: float, label: str) -> alt.Parameter:
    """Parameter bound to a slider."""
    return alt.param(
        name=parameter, value=value, bind=alt.binding_range(min=low, max=high, step=step, name=f"{label} ")
    )


def order_of(table: pd.DataFrame, column: str) -> list[str]:
    """Values of a column in the order in which they stand."""
    return list(dict.fromkeys(table[column].dropna()))


_PHASE_COLOUR = alt.Scale(domain=list(PHASES), range=[PHASE_COLOURS[p] for p in PHASES])


_PHASE_SHAPE = alt.Scale(domain=list(PHASES), range=[PHASE_SHAPES[p] for p in PHASES])


PHASE_POINT = {
    "color": alt.Color("phase:N", title="Phase", scale=_PHASE_COLOUR),
    "shape": alt.Shape("phase:N", title="Phase", scale=_PHASE_SHAPE),
    "tooltip": [
        "family",
        "step",
        alt.Tooltip("coupling:Q", format=".2f"),
        alt.Tooltip("se:Q", format=".2f"),
        alt.Tooltip("p_sign:Q", title="sign is sure", format=".0%"),
        "phase",
    ],
}
"""How a local coupling is drawn: colour and shape by phase, and what the pointer shows."""


PHASE_BAR = alt.Color(
    "phase:N", title="Phase", scale=alt.Scale(domain=list(PHASES), range=[PHASE_COLOURS[p] for p in PHASES])
)
PROBABILITY = alt.X(
    "probability:Q",
    title="Probability",
    stack="zero",
    axis=alt.Axis(format="%"),
    scale=alt.Scale(domain=[0, 1], nice=False),
)


def size_label(params_b: float) -> str:
    """A size in words, such as 6.9B."""
    return f"{params_b:.3g}B"


def phase_rows(steps: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """One row for each step and phase, from steps that hold ``p_`` and the name of each phase."""
    rows = [
        {
            **{k: v for k, v in step.items() if not k.startswith("p_")},
            "phase": phase,
            "probability": round(float(step[f"p_{phase}"]), 4),
            "place": place,
        }
        for step in steps
        for place, phase in enumerate(PHASES)
    ]
    return pd.DataFrame(rows)


def choice(
    table: pd.DataFrame, column: str, parameter: str, label: str, *, every: str = "", value: str | None = None
) -> tuple[alt.Parameter, str]:
    """A drop-down over the values of a column, and the expression that keeps the rows chosen.

    Parameters
    ----------
    table : pandas.DataFrame
    column, parameter, label : str
        Where the values stand, the name of the parameter, and the words before the control.
    every : str
        Words of a first choice that keeps all rows, such as ``"all families"``; the values are then sorted, otherwise
        they stand in the order of the rows.
    value : str, optional
        Chosen at first; the first by default.

    Returns
    -------
    alt.Parameter, str
        For ``add_params`` and for ``transform_filter``.
    """
    options = [every, *sorted(table[column].unique())] if every else order_of(table, column)
    keep = f"datum.{column} == {parameter}"
    if every:
        keep = f"{parameter} == '{every}' || {keep}"
    return dropdown(parameter, options, label, value=value), keep


def rule_at(
    value: float,
    axis: Literal["x", "y"] = "y",
    *,
    title: str | None = None,
    colour: str | None = None,
    dash: Sequence[int] = (4, 4),
    **mark: Any,
) -> Any:
    """A dashed line across the chart: zero, a threshold, what the paper quotes.

    Parameters
    ----------
    value : float
    axis : {"x", "y"}
    title : str, optional
        Of the axis, which a screen reader says before the value.
    colour : str, optional
        Name of a hue in ``PALETTE``.
    dash : sequence of int
    **mark
        Further options of ``mark_rule``.
    """
    look: dict[str, Any] = mark if colour is None else {"color": PALETTE[colour], **mark}
    kind = alt.X if axis == "x" else alt.Y
    position = kind(f"{axis}:Q") if title is None else kind(f"{axis}:Q", title=title)
    return alt.Chart(pd.DataFrame({axis: [value]})).mark_rule(strokeDash=list(dash), **look).encode(position)


def share_axis(field: str, title: str, channel: Literal["x", "y"] = "y", **axis: Any) -> Any:
    """Axis of a share from 0 to 1, written in percent."""
    kind = alt.X if channel == "x" else alt.Y
    return kind(f"{field}:Q", title=title, axis=alt.Axis(format="%", **axis), scale=alt.Scale(domain=[0, 1]))


def log_axis(field: str, title: str, values: Sequence[float], **scale: Any) -> alt.X:
    """Logarithmic axis with the ticks named."""
    return alt.X(
        f"{field}:Q",
        title=title,
        scale=alt.Scale(type="log", nice=False, **scale),
        axis=alt.Axis(values=list(values), format="~g"),
    )


def marks(
    field: str, title: str | None, kinds: Mapping[str, tuple[str, str]], **legend: Any
) -> dict[str, alt.Color | alt.Shape]:
    """Hue and shape of each kind of thing, so that neither is needed to tell them apart.

    Parameters
    ----------
    field : str
        With its type, such as ``"sign:N"``.
    title : str or None
        Of the legend.
    kinds : mapping of str to (str, str)
        Name of a hue in ``PALETTE`` and of a shape of Vega-Lite, by value.
    **legend
        Options of ``alt.Legend``.

    Returns
    -------
    dict
        ``color`` and ``shape`` for ``encode``.
    """
    more: dict[str, Any] = {"legend": alt.Legend(**legend)} if legend else {}
    domain = list(kinds)
    hues = alt.Scale(domain=domain, range=[PALETTE[hue] for hue, _ in kinds.values()])
    shapes = alt.Scale(domain=domain, range=[shape for _, shape in kinds.values()])
    return {
        "color": alt.Color(field, title=title, scale=hues, **more),
        "shape": alt.Shape(field, title=title, scale=shapes, **more),
    }


def spread(base: Any, low: str, high: str, axis: Literal["x", "y"] = "y", **mark: Any) -> Any:
    """A rule from one column to another: an interval, or the sizes measured.

    Parameters
    ----------
    base : alt.Chart
        With what the rule is placed by already encoded.
    low, high : str
        Columns of the ends.
    axis : {"x", "y"}
    **mark
        Options of ``mark_rule``.
    """
    ends = {"x": (alt.X, alt.X2), "y": (alt.Y, alt.Y2)}[axis]
    return base.mark_rule(**mark).encode(ends[0](f"{low}:Q"), ends[1](f"{high}:Q"))


def share_bars(bins: pd.DataFrame, across: alt.X, title: str, **mark: Any) -> Any:
    """Bars of the bins that are not empty.

    Parameters
    ----------
    bins : pandas.DataFrame
        From ``stats.resampling.histogram``; other columns are for filters.
    across : alt.X
        Axis of ``low``.
    title : str
        Of the axis of shares.
    **mark
        Options of ``mark_rect``.
    """
    up = alt.Y("share:Q", title=title, axis=alt.Axis(format="%"))
    bars = alt.Chart(bins[bins["share"] > 0].round(5)).mark_rect(**mark)
    return bars.encode(across, alt.X2("high:Q"), up, y2=alt.datum(0))
