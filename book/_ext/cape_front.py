"""The front page's instruments: ``{shuffle}``, Pythia's points with shuffled steps, and ``{mosaic}``, a tile for every claim.

Both stand in the page as the build made them, and say what they have to say without JavaScript; ``shuffle.js`` and ``mosaic.js``
let the reader play. Numbers, words and verdicts come from the package.
"""

from __future__ import annotations

import html
import json
import math
import re
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chapter_texts import planned
from docutils import nodes
from docutils.parsers.rst import Directive

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from sphinx.application import Sphinx

    from cape_utils.claims.verdicts import Assessment

CLAIM = "pythia_r_hs_tqa"
WIDTH, HEIGHT = 340, 250
LEFT, RIGHT, TOP, BOTTOM = 46, 12, 26, 44
BINS = 20


def span(values: Sequence[float], step: float) -> tuple[float, float]:
    """The whole steps that hold all values with some room.

    Examples
    --------
    >>> span([27.2, 68.3], 10)
    (20, 70)
    """
    return math.floor(min(values) / step) * step, math.ceil(max(values) / step) * step


def pixel(value: float, low: float, high: float, start: float, end: float) -> float:
    """Where a value lies on an axis, to a tenth of a pixel.

    Examples
    --------
    >>> pixel(25, 0, 100, 10, 50)
    20.0
    """
    return round(start + (value - low) / (high - low) * (end - start), 1)


def ticks(low: float, high: float, step: float) -> list[float]:
    """Values on an axis, in whole steps."""
    return [low + step * i for i in range(round((high - low) / step) + 1)]


def axes(x: dict[str, Any], y: dict[str, Any] | None) -> str:
    """Frame, ticks and titles of a drawing; an axis has ``low, high, step, title`` and ``digits``."""
    bottom, right = HEIGHT - BOTTOM, WIDTH - RIGHT
    drawn = [f'<path class="axis" d="M{LEFT} {TOP}V{bottom}H{right}"/>']
    for value in ticks(x["low"], x["high"], x["step"]):
        at = pixel(value, x["low"], x["high"], LEFT, right)
        drawn.append(
            f'<text x="{at}" y="{bottom + 16}" text-anchor="middle">{minus(value, x["digits"])}</text>'
        )
    drawn.append(
        f'<text class="title" x="{(LEFT + right) / 2}" y="{HEIGHT - 8}" text-anchor="middle">{html.escape(x["title"])}</text>'
    )
    for value in ticks(y["low"], y["high"], y["step"]) if y else ():
        at = pixel(value, y["low"], y["high"], bottom, TOP)
        drawn.append(f'<path class="grid" d="M{LEFT} {at}H{right}"/>')
        drawn.append(
            f'<text x="{LEFT - 6}" y="{at + 4}" text-anchor="end">{minus(value, y["digits"])}</text>'
        )
    title = y["title"] if y else "Shuffles"
    drawn.append(f'<text class="title" x="4" y="{TOP - 12}">{html.escape(title)}</text>')
    return "".join(drawn)


def minus(value: float, digits: int) -> str:
    """A number with a true minus sign.

    Examples
    --------
    >>> minus(-0.989, 3) == "\\u22120.989", minus(20, 0)
    (True, '20')
    """
    return f"{value:.{digits}f}".replace("-", "\u2212")


def shuffle_data(item: Assessment, points: pd.DataFrame) -> dict[str, Any]:
    """What the script knows: the two series in order of size, the axes, the quoted number and the words.

    Parameters
    ----------
    item
        The claim with its number and null.
    points
        ``params_b`` and the two scores, in percent.
    """
    from cape_utils.chapters.ch02_coupling.findings import HS, TQA, shuffle_words
    from cape_utils.charts.parts import name, size_label

    if item.claim.paper_value is None or item.null is None:
        raise ValueError(f"claim {item.claim.id!r} quotes no number, or has no null")
    x, y = ([float(value) for value in points[column]] for column in (HS, TQA))
    quoted = float(item.claim.paper_value.value)
    low, high = span([quoted, item.null.high], 0.1)
    return {
        "x": x,
        "y": y,
        "sizes": [size_label(size) for size in points["params_b"]],
        "quoted": quoted,
        "axes": {
            "x": dict(
                zip(("low", "high"), span(x, 10), strict=True),
                step=10,
                digits=0,
                title=f"{name(HS)} (percent)",
            ),
            "y": dict(
                zip(("low", "high"), span(y, 5), strict=True),
                step=5,
                digits=0,
                title=f"{name(TQA)} (percent)",
            ),
            "r": {
                "low": low,
                "high": high,
                "step": 0.02,
                "digits": 2,
                "title": "r of the shuffled scores",
                "bins": BINS,
            },
        },
        "box": {"left": LEFT, "right": WIDTH - RIGHT, "top": TOP, "bottom": HEIGHT - BOTTOM},
        "words": shuffle_words(),
    }


def shuffle_html(known: dict[str, Any], finding: str) -> str:
    """The instrument as it stands before the first shuffle."""
    box, x, y, r = known["box"], known["axes"]["x"], known["axes"]["y"], known["axes"]["r"]
    across = [pixel(value, x["low"], x["high"], box["left"], box["right"]) for value in known["x"]]
    up = [pixel(value, y["low"], y["high"], box["bottom"], box["top"]) for value in known["y"]]
    places = [f"{a} {b}" for a, b in zip(across, up, strict=True)]
    dots = "".join(f'<circle cx="{a}" cy="{b}" r="5"/>' for a, b in zip(across, up, strict=True))
    ends = "".join(
        f'<text x="{across[i] + shift}" y="{up[i] + 4 - 2 * shift / 3:.1f}" text-anchor="{anchor}">{known["sizes"][i]}</text>'
        for i, shift, anchor in ((0, 6, "start"), (-1, -8, "end"))
    )
    at = pixel(known["quoted"], r["low"], r["high"], box["left"], box["right"])
    size = f'viewBox="0 0 {WIDTH} {HEIGHT}"'
    scatter = (
        f"Scatter plot of {len(known['x'])} models, joined in order of size: {x['title']} across, {y['title']} up. The "
        "points fall from left to right, and do so after every shuffle."
    )
    histogram = (
        f"Histogram of r after each shuffle, from {minus(r['low'], 2)} to {minus(r['high'], 2)}, with a line at the paper's "
        f"value, {minus(known['quoted'], 3)}. It is empty before the first shuffle."
    )
    payload = json.dumps(known, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")
    return "".join(
        [
            '<figure class="cape-shuffle"><div class="cape-shuffle-pictures">',
            f'<svg class="points" {size} role="img" aria-label="{html.escape(scatter)}">{axes(x, y)}'
            f'<path class="data" d="M{"L".join(places)}"/><path class="line" d="M{"L".join(places)}"/>{dots}{ends}</svg>',
            f'<svg class="draws" {size} role="img" aria-label="{html.escape(histogram)}">{axes(r, None)}<g class="bars"></g>'
            f'<text class="most" x="{box["left"] - 6}" y="{box["top"] + 4}" text-anchor="end"></text>'
            f'<path class="quoted" d="M{at} {box["top"] - 4}V{box["bottom"]}"/>'
            f'<text class="quoted" x="{at + 5}" y="{box["top"] - 1}">the paper: {minus(known["quoted"], 3)}</text></svg></div>',
            f'<script type="application/json">{payload}</script>',
            '<div class="cape-shuffle-controls" hidden><button type="button" data-times="1">Shuffle the steps</button>'
            '<button type="button" data-times="100">100 times</button><button type="button" data-times="0">Start again</button>'
            '<p role="status"></p></div>',
            f"<figcaption>{emphasised(finding)}</figcaption></figure>",
        ]
    )


def emphasised(words: str) -> str:
    """A sentence of the package, which marks emphasis with asterisks, as HTML with the minus signs of the drawing.

    Examples
    --------
    >>> emphasised("r < 0.9, *because*")
    'r &lt; 0.9, <em>because</em>'
    """
    signed = re.sub(r"(?<!\w)-(?=\d)", "\u2212", html.escape(words))
    return re.sub(r"\*(.+?)\*", r"<em>\1</em>", signed)


def tile_words(item: Assessment) -> str:
    """A claim in one line: verdict, claim, the paper's number and ours."""
    from cape_utils.claims.verdicts import in_unit, show_quote, show_value

    claim = item.claim
    ours = "" if item.paper_panel is None else f"; we find {show_value(item.paper_panel, claim)}"
    return f"{item.verdict}: {claim.statement}. Paper: {in_unit(show_quote(claim), claim.unit)}{ours}."


def mosaic_html(items: Sequence[Assessment], titles: dict[str, str]) -> str:
    """One row a chapter, one tile a claim, in the order of the verdicts.

    Parameters
    ----------
    items
        Every claim with its verdict.
    titles
        Number and short title of each chapter.
    """
    from cape_utils.claims.scoreboards import claim_anchor, verdict_class
    from cape_utils.claims.verdicts import VERDICTS

    rank = {verdict: place for place, verdict in enumerate(VERDICTS)}
    ordered = sorted(items, key=lambda item: (item.claim.chapter, rank[item.verdict]))
    rows = []
    for chapter, part in groupby(ordered, key=lambda item: item.claim.chapter):
        tiles = "".join(
            f'<li><a class="verdict {verdict_class(item.verdict)}" href="reproduce.html#{claim_anchor(item.claim.id)}" '
            f'title="{html.escape(tile_words(item))}"><span>{html.escape(tile_words(item))}</span></a></li>'
            for item in part
        )
        rows.append(
            f'<div class="cape-mosaic-row"><a href="../notebooks/{chapter}.html">{html.escape(titles[chapter])}</a>'
            f"<ul>{tiles}</ul></div>"
        )
    counts = {verdict: sum(item.verdict == verdict for item in items) for verdict in VERDICTS}
    legend = "".join(
        f'<li><span class="verdict {verdict_class(verdict)}">{html.escape(verdict)}</span> {count}</li>'
        for verdict, count in counts.items()
        if count
    )
    meanings = "".join(
        f"<dt>{html.escape(verdict)}</dt><dd>{html.escape(VERDICTS[verdict])}</dd>"
        for verdict in counts
        if counts[verdict]
    )
    return (
        f'<div class="cape-mosaic"><ul class="cape-legend" aria-label="Claims by verdict">{legend}</ul>'
        f'<a class="cape-skip" href="#after-the-claims">Skip the {len(items)} claims</a>{"".join(rows)}'
        '<p class="cape-claim" aria-hidden="true" hidden></p>'
        f'<details id="after-the-claims"><summary>What the verdicts mean</summary><dl>{meanings}</dl></details></div>'
    )


class Shuffle(Directive):
    """``{shuffle}``: the eight points and the histogram of their shuffled correlations."""

    def run(self) -> list[nodes.Node]:
        """Take data and sentence from the package."""
        from cape_utils.chapters.ch02_coupling.findings import shuffled_steps
        from cape_utils.claims.assessment import assess_some
        from cape_utils.data.loading import pythia

        (item,) = assess_some([CLAIM])
        known = shuffle_data(item, pythia("panel rows"))
        return [nodes.raw("", shuffle_html(known, shuffled_steps(item)), format="html")]


class Mosaic(Directive):
    """``{mosaic}``: the finding over all claims in one sentence, and a tile for each."""

    def run(self) -> list[nodes.Node]:
        """Take verdicts and sentence from the package."""
        from cape_utils.chapters.ch13_scorecard.findings import in_one_sentence
        from cape_utils.claims.assessment import assess

        items = assess()
        root = Path(self.state.document.settings.env.srcdir)
        titles = {name: chapter.numbered for name, chapter in planned(root).items()}
        finding = nodes.paragraph(
            "", in_one_sentence([item.verdict for item in items]), classes=["cape-finding-large"]
        )
        return [finding, nodes.raw("", mosaic_html(items, titles), format="html")]


class Editions(Directive):
    """``{editions}``: where `book/printed` links the PDF, the EPUB and the zip, once they are made; empty until then."""

    def run(self) -> list[nodes.Node]:
        """Leave the place."""
        return [nodes.raw("", '<div class="cape-editions"></div>', format="html")]


def load_scripts(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: nodes.document | None
) -> None:
    """Load each script on the page that holds what it moves."""
    body = context.get("body", "")
    for mark, script in (('class="cape-shuffle"', "shuffle.js"), ('class="cape-mosaic"', "mosaic.js")):
        if mark in body:
            app.add_css_file("front.css", priority=905)
            app.add_js_file(script, loading_method="defer", priority=735)


def setup(app: Sphinx) -> dict[str, Any]:
    """Register with Sphinx."""
    app.add_directive("shuffle", Shuffle)
    app.add_directive("mosaic", Mosaic)
    app.add_directive("editions", Editions)
    app.connect("html-page-context", load_scripts)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
