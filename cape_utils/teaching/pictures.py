"""Small charts of one idea each, as SVG: an axis with a mark, bars to choose among, a line.

They are drawn here once, without the reader's bet; `bet_mark` adds it, and ``book/_static/teaching.js`` does the same in
the page. Text is as large as that of the page on a phone, and takes its colour from there. Nothing is computed here but places.
"""

from __future__ import annotations

import html
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from cape_utils.charts.rendering import PALETTE

__all__ = ["MINUS", "Picture", "axis_picture", "bars_picture", "bet_mark", "line_picture"]

MINUS = "\N{MINUS SIGN}"
WIDTH = 360
LEFT, RIGHT = 14.0, 346.0
_TRUE, _MINE, _GREY = PALETTE["blue"], PALETTE["vermillion"], PALETTE["grey"]
# Words keep clear of the lines behind them, on the ground of the page or of JupyterLab.
_HALO = ' style="paint-order:stroke;stroke:var(--pst-color-background,var(--jp-layout-color0,#fff));stroke-width:3px"'
_NEAR_EDGE = (
    90  # px from an end of the axis at which a label begins or ends at its mark instead of centring on it
)


class _Scaled(Protocol):
    @property
    def label(self) -> str: ...
    @property
    def low(self) -> float: ...
    @property
    def high(self) -> float: ...
    def show(self, value: float) -> str: ...


class _Placed(_Scaled, Protocol):
    @property
    def at(self) -> tuple[str, ...]: ...


@dataclass(frozen=True)
class Picture:
    """A chart as the inside of an SVG element of 360 units' width.

    Parameters
    ----------
    inner : str
    height : int
        Units, as many as pixels on a phone.
    title : str
        The finding.
    alt : str
        What is seen, for those who cannot see it.
    scale : mapping
        Where a bet belongs: its ``kind``, and the ends of the axes or the rows.
    """

    inner: str
    height: int
    title: str
    alt: str
    scale: Mapping[str, Any] = field(default_factory=dict)

    def html(self, bet: float | str | tuple[float, ...] | None = None) -> str:
        """The chart with its title, and with a bet where there is one."""
        mine = "" if bet is None or not self.scale else bet_mark(self.scale, bet)
        return (
            f'<figure class="cape-small" style="margin:0.6rem 0"><p class="cape-title">{html.escape(self.title)}</p>'
            f'<svg viewBox="0 0 {WIDTH} {self.height}" role="img" aria-label="{html.escape(self.alt)}" '
            'style="display:block;width:100%;max-width:30rem;height:auto;font:12px sans-serif" fill="currentColor">'
            f"{self.inner}{mine}</svg></figure>"
        )


def _place(value: float, low: float, high: float, start: float, end: float) -> float:
    """Where a value lies on an axis, in tenths of a unit; what lies beyond an end is put there."""
    share = min(max((value - low) / (high - low), 0.0), 1.0)
    return math.floor((start + share * (end - start)) * 10 + 0.5) / 10


def _anchor(x: float) -> str:
    return "start" if x < _NEAR_EDGE else "end" if x > WIDTH - _NEAR_EDGE else "middle"


def _text(x: float, y: float, words: str, anchor: str = "start", more: str = "") -> str:
    return f'<text x="{x:g}" y="{y:g}" text-anchor="{anchor}"{more}{_HALO}>{html.escape(words)}</text>'


def _rule(x1: float, y1: float, x2: float, y2: float, colour: str, more: str = "") -> str:
    return f'<path d="M{x1:g} {y1:g}L{x2:g} {y2:g}" stroke="{colour}" fill="none"{more}/>'


def axis_picture(
    ask: _Scaled,
    answer: float,
    *,
    alt: str,
    title: str,
    histogram: Sequence[float] | np.ndarray[Any, Any] | None = None,
    marks: Mapping[str, float] | None = None,
    band: tuple[float, float] | None = None,
    name: str = "answer",
    bins: int = 50,
) -> Picture:
    """An axis with the answer on it; above it, if given, the draws of a null as a histogram, and other values by name.

    Parameters
    ----------
    ask : Number
        Its label, unit and ends are those of the axis.
    answer : float
    alt, title : str
    histogram : array of shape (draws,), optional
    marks : mapping of str to float, optional
    band : (float, float), optional
        A range, such as that of a null whose draws are not at hand.
    name : str
        What the answer is called.
    bins : int

    Examples
    --------
    >>> from cape_utils.teaching.questions import Number
    >>> chart = axis_picture(Number("r", low=-1, tolerance=0.1), 0.5, alt="r is 0.50.", title="r is 0.50")
    >>> chart.scale["kind"], "answer: 0.50" in chart.inner
    ('axis', True)
    """
    low, high = ask.low, ask.high
    rows = list((marks or {}).items())
    top = 22.0 + 16 * len(rows)
    floor = top + (66 if histogram is not None else 24)
    parts, labels = [], []
    if histogram is not None:
        inside = np.asarray(histogram, dtype=float)
        counts, edges = np.histogram(
            np.clip(inside[np.isfinite(inside)], low, high), bins=bins, range=(low, high)
        )
        wide = (RIGHT - LEFT) / bins
        for count, edge in zip(counts, edges[:-1], strict=True):
            if count:
                tall = 62 * count / counts.max()
                x = _place(edge, low, high, LEFT, RIGHT)
                parts.append(
                    f'<rect x="{x:g}" y="{floor - tall:.1f}" width="{wide - 0.6:.1f}" height="{tall:.1f}" fill="{_GREY}"/>'
                )
    if band is not None:
        start, end = (_place(edge, low, high, LEFT, RIGHT) for edge in band)
        parts.append(
            f'<rect x="{start:g}" y="{floor - 12:g}" width="{max(end - start, 1):.1f}" height="12" fill="{_GREY}"/>'
        )
    for row, (mark, value) in enumerate(rows):
        x, y = _place(value, low, high, LEFT, RIGHT), 30.0 + 16 * row
        parts.append(_rule(x, y + 4, x, floor, _GREY, ' stroke-width="2" stroke-dasharray="4 3"'))
        labels.append(_text(x, y, f"{mark}: {ask.show(value)}", _anchor(x)))
    x = _place(answer, low, high, LEFT, RIGHT)
    parts.append(_rule(x, 18, x, floor, _TRUE, ' stroke-width="3"'))
    parts.append(_text(x, 13, f"{name}: {ask.show(answer)}", _anchor(x), ' font-weight="bold"'))
    parts.append(_rule(LEFT, floor, RIGHT, floor, "currentColor"))
    for share, anchor in ((0.0, "start"), (0.5, "middle"), (1.0, "end")):
        tick = LEFT + share * (RIGHT - LEFT)
        parts.append(_rule(tick, floor, tick, floor + 4, "currentColor"))
        parts.append(_text(tick, floor + 38, ask.show(low + share * (high - low)), anchor))
    parts.append(_text(WIDTH / 2, floor + 54, ask.label, "middle"))
    scale = {"kind": "axis", "low": low, "high": high, "left": LEFT, "right": RIGHT, "floor": floor}
    return Picture("".join([*parts, *labels]), int(floor + 60), title, alt, scale)


def bars_picture(
    values: Mapping[str, float | None],
    *,
    answer: str | None = None,
    alt: str,
    title: str,
    show: str = "{:.1f}",
) -> Picture:
    """A bar for each option, its value behind it; the one that is the answer is coloured and said to be it.

    Parameters
    ----------
    values : mapping of str to float or None
        None for an option that has no value; it is named without a bar.
    answer : str, optional
    alt, title : str
    show : str
        Format of a value.

    Examples
    --------
    >>> chart = bars_picture({"yes": 60.0, "no": 40.0}, answer="yes", alt="Yes 60, no 40.", title="More say yes")
    >>> chart.inner.count("<rect"), chart.scale["rows"]["no"]
    (2, 54)
    """
    known = [value for value in values.values() if value is not None]
    low, high = min([0.0, *known]), max([0.0, *known]) or 1.0
    left, right = LEFT + (44 if low < 0 else 0), RIGHT - 62
    parts, rows = [], {}
    for row, (name, value) in enumerate(values.items()):
        y = 14 + 40 * row
        rows[name] = y
        true = name == answer
        parts.append(
            _text(LEFT, y, f"{name}{' (answer)' if true else ''}", more=' font-weight="bold"' if true else "")
        )
        if value is None:
            continue
        zero, end = (_place(one, low, high, left, right) for one in (0.0, value))
        words = show.format(value).replace("-", MINUS)
        colour = _TRUE if true or answer is None else _GREY
        parts.append(
            f'<rect x="{min(zero, end):g}" y="{y + 6}" width="{max(abs(end - zero), 1):.1f}" height="13" fill="{colour}"/>'
        )
        parts.append(_text(end + 5, y + 17, words) if value >= 0 else _text(end - 5, y + 17, words, "end"))
    return Picture(
        "".join(parts), 40 * len(values) + 2, title, alt, {"kind": "bars", "rows": rows, "x": RIGHT}
    )


def line_picture(
    ask: _Placed, answer: Sequence[float], *, alt: str, title: str, name: str = "measured"
) -> Picture:
    """A line over named places.

    Parameters
    ----------
    ask : Line
    answer : sequence of float
        One height for each place.
    alt, title : str
    name : str
        What the line is.

    Examples
    --------
    >>> from cape_utils.teaching.questions import Line
    >>> line = Line("MMLU", ("7B", "70B"), tolerance=5.0)
    >>> line_picture(line, (45.0, 69.0), alt="MMLU rises from 45% to 69%.", title="MMLU rises").scale["xs"]
    [60.0, 330.0]
    """
    xs = [_place(i, 0, max(len(ask.at) - 1, 1), 60, 330) for i in range(len(ask.at))]
    scale = {"kind": "line", "low": ask.low, "high": ask.high, "xs": xs, "top": 26.0, "floor": 156.0}
    parts = []
    for value in (ask.low, (ask.low + ask.high) / 2, ask.high):
        y = _height(scale, value)
        parts.append(_rule(52, y, 338, y, _GREY, ' stroke-opacity="0.4"'))
        parts.append(_text(46, y + 4, ask.show(value), "end"))
    every = max(1, math.ceil(len(xs) / 5))
    parts += [
        _text(x, 174, label, "middle")
        for i, (x, label) in enumerate(zip(xs, ask.at, strict=True))
        if i % every == 0 or i == len(xs) - 1
    ]
    parts.append(_text(14, 12, ask.label))
    points = [(x, _height(scale, value)) for x, value in zip(xs, answer, strict=True)]
    listed = " ".join(f"{x:g},{y:g}" for x, y in points)
    parts.append(f'<polyline points="{listed}" fill="none" stroke="{_TRUE}" stroke-width="3"/>')
    parts += [f'<circle cx="{x:g}" cy="{y:g}" r="4" fill="{_TRUE}"/>' for x, y in points]
    parts.append(_key(210, _TRUE, name))
    return Picture("".join(parts), 216, title, alt, scale)


def _key(x: float, colour: str, name: str, more: str = "") -> str:
    return _rule(x, 200, x + 26, 200, colour, f' stroke-width="3"{more}') + _text(x + 32, 204, name)


def _height(scale: Mapping[str, Any], value: float) -> float:
    return _place(value, scale["low"], scale["high"], scale["floor"], scale["top"])


def bet_mark(scale: Mapping[str, Any], bet: float | str | tuple[float, ...]) -> str:
    """The reader's bet as SVG, to be drawn over a picture with this scale.

    Examples
    --------
    >>> scale = {"kind": "axis", "low": 0, "high": 10, "left": 0, "right": 100, "floor": 50}
    >>> bet_mark(scale, 5.0)[:42]
    '<g class="cape-mine"><path d="M50 43l7 7-7'
    """
    if scale["kind"] == "bars":
        inside = _text(scale["x"], scale["rows"][bet], "◆ you bet on this", "end", ' font-weight="bold"')
    elif scale["kind"] == "axis":
        x = _place(float(bet), scale["low"], scale["high"], scale["left"], scale["right"])  # type: ignore[arg-type]
        floor = scale["floor"]
        inside = _diamond(x, floor) + _text(x, floor + 22, "your bet", _anchor(x), ' font-weight="bold"')
    else:
        heights = bet if isinstance(bet, tuple) else (bet,)
        points = [(x, _height(scale, float(value))) for x, value in zip(scale["xs"], heights, strict=True)]
        listed = " ".join(f"{x:g},{y:g}" for x, y in points)
        dashed = ' stroke-dasharray="6 4"'
        inside = f'<polyline points="{listed}" fill="none" stroke="{_MINE}" stroke-width="2.5"{dashed}/>'
        inside += "".join(_diamond(x, y) for x, y in points) + _key(60, _MINE, "your line", dashed)
    return f'<g class="cape-mine">{inside}</g>'


def _diamond(x: float, y: float) -> str:
    return f'<path d="M{x:g} {y - 7:g}l7 7-7 7-7-7z" fill="{_MINE}"/>'
