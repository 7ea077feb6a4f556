"""Chapters by number and short title, the strip under a chapter's title, and the map of what each one needs.

Numbers come from the file names, short titles from ``data/chapters.csv``: in the side bar, in links, above the question that
heads a chapter, and in the search. What a chapter needs is what its opening links behind *You need*; a chapter that needs a later
one, or one that does not exist, is a warning, and a warning fails the build. ``progress.js`` marks what a reader has opened.
"""

from __future__ import annotations

import html
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chapter_texts import Chapter, LeadsNowhereError, order_faults, planned, prerequisites
from docutils import nodes
from docutils.parsers.rst import Directive
from sphinx import addnodes
from sphinx.util import logging

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sphinx.application import Sphinx
    from sphinx.environment import BuildEnvironment

LOGGER = logging.getLogger(__name__)
FOLDER = "notebooks/"
# Sphinx collects titles, and cape_times fills in the time, at 500.
EARLY, LATE = 400, 600
ROW_PX, ARCS_PX = 40, 130
PROGRESS = '<p class="cape-progress" hidden></p>'


def chapters(env: BuildEnvironment) -> dict[str, Chapter]:
    """The chapters of this edition by document, in reading order."""
    known = {f"{FOLDER}{name}": chapter for name, chapter in planned(Path(env.srcdir)).items()}
    return {name: chapter for name, chapter in known.items() if name in env.found_docs}


def number_titles(app: Sphinx, doctree: nodes.document) -> None:
    """Put the number above the question that heads a chapter; in tables of contents, name every chapter shortly."""
    known = chapters(app.env)
    for toctree in doctree.findall(addnodes.toctree):
        toctree["entries"] = [
            (known[target].numbered if target in known else title, target)
            for title, target in toctree["entries"]
        ]
    chapter = known.get(app.env.docname)
    title = next(iter(doctree.findall(nodes.title)), None)
    if chapter is not None and title is not None:
        doctree["title"] = f"{chapter.label}: {title.astext()}"  # of the browser's tab, and of the search
        title.insert(0, [nodes.inline("", chapter.label, classes=["cape-number"]), nodes.Text(" ")])


def name_for_links(app: Sphinx, doctree: nodes.document) -> None:
    """Let links to a chapter say its number and its short title."""
    chapter = chapters(app.env).get(app.env.docname)
    if chapter is not None:
        app.env.titles[app.env.docname] = nodes.title("", "", nodes.Text(chapter.link))


def needs(env: BuildEnvironment) -> dict[str, list[str]]:
    """What each chapter needs, by document; a line that is missing is a warning."""
    found: dict[str, list[str]] = {}
    for name in chapters(env):
        path = Path(env.doc2path(name))
        try:
            found[name] = [f"{FOLDER}{other}" for other in prerequisites(path)]
        except LeadsNowhereError as error:
            LOGGER.warning("%s", error)
            found[name] = []
    return found


def check_order(app: Sphinx, env: BuildEnvironment) -> list[str]:
    """Refuse an order in which a chapter needs a later one, and write the pages with a map again: they follow the chapters."""
    for fault in order_faults(needs(env)):
        LOGGER.warning("%s", fault)
    return [name for name, about in env.metadata.items() if about.get("cape_map")]


def opening(doctree: nodes.document, word: str) -> nodes.paragraph | None:
    """The paragraph of a chapter's opening that begins with a word in bold."""
    for paragraph in doctree.findall(nodes.paragraph):
        # Markdown readers leave empty texts around what is bold.
        first = next((part for part in paragraph if part.astext()), None)
        if isinstance(first, nodes.strong) and first.astext() == word:
            return paragraph
    return None


def set_strip(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Gather a chapter's place in the book, what it needs and its time in one strip, where its opening has paragraphs."""
    known = chapters(app.env)
    parts = [part for word in ("You need", "Time") if (part := opening(doctree, word)) is not None]
    if docname not in known or not parts:
        return
    order = list(known)
    here = order.index(docname)
    beside = [("after", order[here - 1])] if here else []
    beside += [("before", name) for name in order[here + 1 : here + 2]]
    place = nodes.paragraph("", "", nodes.strong("", "Order"), nodes.Text(f": {here + 1} of {len(order)}"))
    for word, other in beside:
        place += [nodes.Text(f", {word} "), _link(app, docname, other, known[other])]
    strip = nodes.container("", place, classes=["cape-strip"])
    parts[0].replace_self(strip)
    for part in parts[1:]:
        part.parent.remove(part)
    strip += [*parts, nodes.raw("", PROGRESS, format="html")]


def _link(app: Sphinx, docname: str, target: str, chapter: Chapter) -> nodes.reference:
    address = app.builder.get_relative_uri(docname, target)
    link = nodes.reference("", "", internal=True, refuri=address)
    link += nodes.inline("", chapter.numbered)
    return link


class ChapterMap(Directive):
    """``{chapter-map}``: the chapters in order, with an arc to each from those that it needs."""

    def run(self) -> list[nodes.Node]:
        """Leave a mark; the other chapters may not have been read yet."""
        env = self.state.document.settings.env
        env.metadata[env.docname]["cape_map"] = "yes"
        return [nodes.comment("", "chapter-map")]


def direct(needs: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    """Leave out what follows from the rest: who needs two chapters, of which one needs the other, needs that other anyway.

    Examples
    --------
    >>> direct({"a": [], "b": ["a"], "c": ["a", "b"]})
    {'a': [], 'b': ['a'], 'c': ['b']}
    """

    def behind(name: str) -> set[str]:
        return {deeper for other in needs[name] for deeper in (other, *behind(other))}

    return {
        name: [one for one in wanted if not any(one in behind(other) for other in wanted)]
        for name, wanted in needs.items()
    }


def arcs(needs: Mapping[str, Sequence[str]]) -> str:
    """Draw arcs beside a list of rows, from each chapter to those that need it; the keys stand in the order of the rows.

    Examples
    --------
    >>> arcs({"a": [], "b": ["a"]}).count('<path class="arc')
    1
    """
    order = list(needs)
    row = {name: ROW_PX * (place + 0.5) for place, name in enumerate(needs)}
    height = ROW_PX * len(row)
    drawn = []
    for name, wanted in needs.items():
        for other in wanted:
            # An arc swings out as far as it is long, so that no two lie on one another.
            out = ARCS_PX - 18 - (ARCS_PX - 18) * 1.3 * (row[name] - row[other]) / height
            start, end = f"{ARCS_PX - 6} {row[other] + 4:g}", f"{ARCS_PX - 6} {row[name] - 4:g}"
            kind = "arc odd" if order.index(other) % 2 == 0 else "arc"
            drawn.append(
                f'<path class="{kind}" d="M{start}C{out:.0f} {row[other] + 4:g} {out:.0f} {row[name] - 4:g} {end}" '
                'marker-end="url(#cape-tip)"/>'
            )
    tip = (
        '<defs><marker id="cape-tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
        '<path d="M0 0L8 4L0 8z"/></marker></defs>'
    )
    size = f'viewBox="0 0 {ARCS_PX} {height}" width="{ARCS_PX}" height="{height}"'
    return f'<svg class="cape-arcs" aria-hidden="true" {size}>{tip}{"".join(drawn)}</svg>'


def map_html(
    known: Mapping[str, Chapter], needs: Mapping[str, Sequence[str]], address: Mapping[str, str]
) -> str:
    """Write the map: a row for each chapter with its link and what it needs in words, and the arcs beside the rows.

    Parameters
    ----------
    known
        The chapters by document, in reading order.
    needs
        The documents that each needs.
    address
        The link to each document.
    """
    rows = []
    for name, chapter in known.items():
        numbers = " and ".join(str(known[other].number) for other in needs[name])
        rows.append(
            f'<li><a href="{html.escape(address[name])}">{html.escape(chapter.numbered)}</a> '
            f'<span class="cape-needs">{f"needs {numbers}" if numbers else "can be read first"}</span></li>'
        )
    return f'<div class="cape-map">{arcs(direct(needs))}<ol>{"".join(rows)}</ol></div>{PROGRESS}'


def set_map(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Draw the map where it was asked for."""
    for mark in [one for one in doctree.findall(nodes.comment) if one.astext() == "chapter-map"]:
        known = chapters(app.env)
        wanted = {name: [one for one in found if one in known] for name, found in needs(app.env).items()}
        address = {name: app.builder.get_relative_uri(docname, name) for name in known}
        mark.replace_self(nodes.raw("", map_html(known, wanted, address), format="html"))


def setup(app: Sphinx) -> dict[str, Any]:
    """Register with Sphinx."""
    app.add_directive("chapter-map", ChapterMap)
    app.connect("doctree-read", number_titles, priority=EARLY)
    app.connect("doctree-read", name_for_links, priority=LATE)
    app.connect("env-updated", check_order)
    app.connect("doctree-resolved", set_strip, priority=LATE)
    app.connect("doctree-resolved", set_map)
    app.add_js_file("progress.js", loading_method="defer", priority=685)
    return {"version": "1", "env_version": 1, "parallel_read_safe": True, "parallel_write_safe": True}
