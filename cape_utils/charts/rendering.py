"""How every chart of the book looks, and how it reaches the reader.

Two readers are served by one call to `enable`. In the built book a chart becomes a ``<figure>`` that holds
its specification, caption and text alternative, and is drawn by a script that the book serves itself. In a live
notebook Altair's own renderer stays in charge, and the caption is shown as the chart's subtitle.

This module computes no statistics and draws no particular figure; that is `cape_utils.charts`.
"""

from __future__ import annotations

import copy
import functools
import html
import importlib
import json
import textwrap
from importlib.resources import files
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, cast

from cape_utils.runtime import in_book

if TYPE_CHECKING:
    from collections.abc import Mapping

    from altair.theme import ThemeConfig

__all__ = [
    "FONT",
    "PALETTE",
    "MissingCharts",
    "enable",
    "figure_html",
    "figure_tools_script",
    "responsive",
    "theme",
    "vega_script",
]

FONT = 'system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif'

# The hues of Okabe and Ito (2008), darkened where needed: each keeps a contrast of at least 3:1 against both
# the white and the dark page, so one specification serves both. A test holds them to that.
PALETTE: Mapping[str, str] = MappingProxyType(
    {
        "blue": "#2F7FBF",
        "vermillion": "#D55E00",
        "green": "#0B8F6A",
        "purple": "#B5659A",
        "orange": "#B57A00",
        "sky": "#2C93C4",
        "grey": "#7F7F7F",
    }
)
"""The colours of the charts, by name, as hexadecimal codes."""

_COMPOSED = ("hconcat", "vconcat", "concat", "repeat", "facet")
_TITLE_CHARS = 80
_CAPTION_CHARS = 110


def theme() -> ThemeConfig:
    """Return the Altair theme "cape".

    Colours of text, axes and grid are those of the light page; in the built book the script that mounts the
    charts replaces them when the reader prefers the dark one.

    Returns
    -------
    dict
        A Vega-Lite ``config`` under the key ``config``.
    """
    colours = list(PALETTE.values())
    config: dict[str, Any] = {
        "font": FONT,
        "background": "transparent",
        # A control may bring longer labels; the chart then makes room for them.
        "autosize": {"contains": "padding", "resize": True},
        "view": {"continuousWidth": 560, "continuousHeight": 320, "stroke": None},
        "range": {
            "category": colours,
            "ordinal": {"scheme": "viridis"},
            "ramp": {"scheme": "viridis"},
            "heatmap": {"scheme": "viridis"},
            "diverging": [PALETTE["vermillion"], "#F2F2F2", PALETTE["blue"]],
        },
        "mark": {"color": PALETTE["blue"]},
        "line": {"strokeWidth": 2.2},
        "point": {"size": 60, "filled": True, "opacity": 0.9},
        "circle": {"size": 60, "opacity": 0.9},
        "rule": {"color": PALETTE["grey"], "strokeWidth": 1.2},
        "text": {"font": FONT, "fontSize": 12, "color": "#1F2328"},
        "axis": {
            "labelFontSize": 12,
            "titleFontSize": 13,
            "titleFontWeight": 600,
            "titlePadding": 8,
            "labelColor": "#444B54",
            "titleColor": "#1F2328",
            "gridColor": "#E4E7EB",
            "domainColor": "#9AA2AC",
            "tickColor": "#9AA2AC",
            "labelOverlap": "greedy",
            "tickCount": 6,
        },
        "axisX": {"labelSeparation": 6},  # labels that touch read as one number
        "legend": {
            "orient": "top",
            "direction": "horizontal",
            "labelFontSize": 12,
            "titleFontSize": 12,
            "titleFontWeight": 600,
            "labelColor": "#444B54",
            "titleColor": "#1F2328",
            "labelLimit": 220,
            "symbolSize": 80,
        },
        "header": {
            "labelFontSize": 12,
            "titleFontSize": 13,
            "labelColor": "#1F2328",
            "titleColor": "#1F2328",
        },
        "title": {
            "anchor": "start",
            "fontSize": 15,
            "fontWeight": 600,
            "subtitleFontSize": 12,
            "subtitlePadding": 6,
            "offset": 12,
            "color": "#1F2328",
            "subtitleColor": "#444B54",
        },
    }
    # Altair types a scale range as a list only; Vega-Lite also takes a named scheme.
    return cast("ThemeConfig", {"config": config})


def responsive(spec: Mapping[str, Any]) -> dict[str, Any]:
    """Let a chart take the width of its container, unless it already has a width.

    Concatenated, repeated and faceted charts are returned unchanged, because Vega-Lite knows no container
    width for them; in the built book the mounting script gives their parts a width instead.

    Parameters
    ----------
    spec
        A Vega-Lite specification. It is not modified.

    Returns
    -------
    dict
        A copy, with ``width`` set to ``"container"`` where that is possible.

    Examples
    --------
    >>> responsive({"mark": "point"})["width"]
    'container'
    >>> "width" in responsive({"hconcat": []})
    False
    """
    fitted = copy.deepcopy(dict(spec))
    encoding = fitted.get("encoding", {})
    split = any(key in fitted for key in _COMPOSED) or any(
        channel in encoding for channel in ("row", "column", "facet")
    )
    if not split:
        fitted.setdefault("width", "container")
    return fitted


def figure_html(spec: Mapping[str, Any]) -> str:
    """Write a chart as the HTML figure that the built book holds.

    Parameters
    ----------
    spec
        A Vega-Lite specification with a title, a ``description`` (the text alternative: what is to be seen)
        and ``usermeta.caption`` (the finding and n). ``usermeta.settings``, from `charts.parts.follow`, holds the words
        of other settings of its controls.

    Returns
    -------
    str
        One ``<figure class="cape-figure">``. The title is lifted out of the picture into the page, where it
        wraps on a narrow screen and can be read by every reader.

    Raises
    ------
    ValueError
        If the title, the caption or the description is missing; the message names which.

    Examples
    --------
    >>> page = figure_html({"title": "T", "description": "A dot.", "usermeta": {"caption": "C"}, "mark": "point"})
    >>> page.startswith('<figure class="cape-figure">')
    True
    """
    title, subtitle, caption, description = _words(spec)
    drawn = responsive(spec)
    drawn.pop("title", None)
    settings = drawn["usermeta"].pop("settings", None)
    heading = f'<p class="cape-title">{html.escape(title)}'
    heading += f'<span class="cape-subtitle">{html.escape(subtitle)}</span></p>' if subtitle else "</p>"
    # No blank line may stand inside: Markdown readers of the same output would end the block there.
    return "\n".join(
        [
            '<figure class="cape-figure">',
            heading,
            '<div class="cape-controls"></div>',
            f'<div class="cape-chart" role="img" aria-label="{html.escape(_one_line(description))}"></div>',
            f'<script type="application/json" class="cape-spec">{_script_json(drawn)}</script>',
            *(
                [f'<script type="application/json" class="cape-words">{_script_json(settings)}</script>']
                if settings
                else []
            ),
            '<noscript><p class="cape-note">The picture needs JavaScript; the text alternative below says '
            "what it shows.</p></noscript>",
            f"<figcaption>{html.escape(_one_line(caption))}</figcaption>",
            '<details class="cape-alt"><summary>Text alternative</summary>'
            f"<p>{html.escape(_one_line(description))}</p></details>",
            "</figure>",
        ]
    )


def _script_json(value: Mapping[str, Any]) -> str:
    """JSON that can stand in a script element: "</" would end it early, and "<!--" would open a comment."""
    return json.dumps(value, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")


def figure_tools_script() -> str:
    """Return the script that sets the folds below every figure: text alternative, data, picture to save.

    Returns
    -------
    str
        JavaScript that defines ``window.capeFigureTools(figure, view, specification)``, for the book and for reports.

    Examples
    --------
    >>> "capeFigureTools" in figure_tools_script()
    True
    """
    return (files("cape_utils.charts") / "figure_tools.js").read_text(encoding="utf-8")


def enable() -> None:
    """Switch on the theme and the renderer "cape" for the charts of this kernel.

    Safe to call again. In the built book the charts become figures (see `figure_html`); anywhere else
    Altair's default renderer draws them, with the caption as subtitle.
    """
    import altair as alt

    alt.theme.register("cape", enable=True)(theme)
    alt.renderers.register("cape", _render_for_book if in_book() else _render_live)
    alt.renderers.enable("cape")


def _render_for_book(spec: dict[str, Any], **_: Any) -> dict[str, str]:
    return {"text/html": figure_html(spec)}


def _render_live(spec: dict[str, Any], **metadata: Any) -> Any:
    from altair.vegalite.v6.display import html_renderer

    title, subtitle, caption, _ = _words(spec)
    fitted = responsive(spec)
    properties = dict(spec["title"]) if isinstance(spec["title"], dict) else {}
    lines = textwrap.wrap(subtitle, _CAPTION_CHARS) + textwrap.wrap(_one_line(caption), _CAPTION_CHARS)
    fitted["title"] = {**properties, "text": textwrap.wrap(title, _TITLE_CHARS), "subtitle": lines}
    return html_renderer(fitted, **metadata)


def _words(spec: Mapping[str, Any]) -> tuple[str, str, str, str]:
    """Return title, subtitle, caption and description, or say which of them is missing."""
    heading = spec.get("title")
    title, subtitle = (
        (heading.get("text"), heading.get("subtitle")) if isinstance(heading, dict) else (heading, None)
    )
    usermeta = spec.get("usermeta")
    caption = usermeta.get("caption") if isinstance(usermeta, dict) else None
    texts = {
        "title": _text(title),
        "description": _text(spec.get("description")),
        "usermeta.caption": _text(caption),
    }
    missing = [name for name, words in texts.items() if not words]
    if missing:
        known = texts["title"] or texts["description"] or "an untitled chart"
        raise ValueError(
            f"{known!r} has no {' and no '.join(missing)}; every chart of the book needs all three: "
            "chart.properties(title=..., description=..., usermeta={'caption': ...})"
        )
    return texts["title"], _text(subtitle), texts["usermeta.caption"], texts["description"]


def _text(value: Any) -> str:
    """Join the lines of a Vega-Lite text, which may be a string or a list of strings."""
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, list | tuple):
        return " ".join(str(line) for line in value).strip()
    return ""


def _one_line(words: str) -> str:
    return " ".join(words.split())


class MissingCharts(ImportError):
    """The package that draws charts without a network is not installed; tables are written in their place."""


@functools.cache
def vega_script() -> str:
    """Vega, Vega-Lite and Vega-Embed as one classic script that sets ``window.vegaEmbed``, safe to stand inside a page.

    The bundle comes as a module. Browsers refuse modules on pages opened straight from disk, so it is wrapped into a
    function, which also keeps its names to itself.

    Raises
    ------
    MissingCharts
        If ``vl-convert-python`` is not installed.
    """
    try:
        maker = importlib.import_module("vl_convert")
    except ImportError as error:
        raise MissingCharts(
            "charts in the report need vl-convert-python; install it with: pip install 'cape-book[book]'"
        ) from error
    bundle = str(maker.javascript_bundle())
    # A closing tag or a comment inside the script would end it early.
    safe = bundle.replace("</script", "<\\/script").replace("<!--", "<\\!--")
    return f"(function(){{\n{safe}\n}})();"
