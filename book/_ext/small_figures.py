"""A chapter's figure as a small picture for another page: the same specification and data, drawn once while the book is built.

The picture stands inside the page, so that it follows the page's theme and asks for no file. Controls keep the setting at which
the figure opens.
"""

from __future__ import annotations

import html
import json
import re
import textwrap
from typing import Any

from chapter_texts import Figure, LeadsNowhereError

__all__ = ["alternative", "small_svg"]

WIDTH, HEIGHT = 250, 150
# Characters that an axis of that length has room for, in whatever font the reader's machine brings.
TITLE_CHARS = {"x": 34, "y": 20}
# The colours that the charts' theme gives to words and lines, and what the page has for both of its themes.
INKS = {
    "#1f2328": "var(--pst-color-text-base)",
    "#444b54": "var(--cape-soft)",
    "#e4e7eb": "var(--cape-grid)",
    "#9aa2ac": "var(--cape-line)",
}
_TAG = re.compile(r"<[^>]*>")
# What Vega says of each group of marks is nothing to a reader of the whole picture's words.
_SPOKEN = re.compile(r'\s(?:role|class|aria-[a-z]+)="[^"]*"')
_LONG_DECIMAL = re.compile(r"(\d\.\d)\d+")


def alternative(figure: Figure) -> str:
    """What a figure shows, in words."""
    found = re.search(r'class="cape-chart" role="img" aria-label="(.*?)"', figure.page)
    if not found:
        raise LeadsNowhereError(f"{figure.title!r} has no text alternative")
    return html.unescape(found.group(1))


def small_svg(figure: Figure) -> str:
    """Draw a figure as an SVG element with its text alternative.

    Raises
    ------
    LeadsNowhereError
        If the figure holds no specification, or is composed of several charts, which cannot be made this small.
    """
    import vl_convert

    found = re.search(r'class="cape-spec">(.*?)</script>', figure.page, re.DOTALL)
    if not found:
        raise LeadsNowhereError(f"{figure.title!r} holds no chart")
    spec: dict[str, Any] = json.loads(found.group(1))
    if "layer" not in spec and "mark" not in spec:
        raise LeadsNowhereError(f"{figure.title!r} is composed of several charts")
    config = {**spec.get("config", {}), "aria": False}
    config["axis"] = {**config.get("axis", {}), "tickCount": 4, "titleFontWeight": 400, "labelSeparation": 8}
    spec = _wrapped(spec) | {"width": WIDTH, "height": HEIGHT, "padding": 10, "config": config}
    return _for_page(vl_convert.vegalite_to_svg(spec), figure)


def _wrapped(part: dict[str, Any]) -> dict[str, Any]:
    """Break the titles of axes that would be longer than their axis."""
    encoding = dict(part.get("encoding", {}))
    for name, chars in TITLE_CHARS.items():
        if isinstance(title := encoding.get(name, {}).get("title"), str):
            encoding[name] = {**encoding[name], "title": textwrap.wrap(title, chars)}
    layers = {"layer": [_wrapped(one) for one in part["layer"]]} if "layer" in part else {}
    return {**part, **({"encoding": encoding} if encoding else {}), **layers}


def _for_page(svg: str, figure: Figure) -> str:
    """Let a drawing take the page's colours and width, and give it names of its own."""
    for colour, name in INKS.items():
        svg = re.sub(rf'"{colour}"', f'"{name}"', svg, flags=re.IGNORECASE)
    # A tenth of a pixel is enough for a mark; the words between the tags keep their digits.
    svg = _TAG.sub(lambda tag: _LONG_DECIMAL.sub(r"\1", _SPOKEN.sub("", tag.group())), svg)
    svg = re.sub(r'(id="|url\(#)', rf"\1small-{figure.anchor}-", svg)
    words = html.escape(" ".join(alternative(figure).split()))
    return re.sub(
        r'<svg [^>]*?viewBox="([^"]*)"[^>]*>',
        rf'<svg class="cape-small" viewBox="\1" role="img" aria-label="{words}">',
        svg,
        count=1,
    )
