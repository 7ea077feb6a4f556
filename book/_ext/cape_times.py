"""Reading and run time of every chapter, as counted and measured in this build.

A chapter's opening gives a rough time for whoever runs the notebook; on its page the line is replaced by what the build
knows: the words and figures of the page, and the seconds its cells took when they were last run.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from docutils import nodes
from docutils.parsers.rst import Directive
from page_tables import table

if TYPE_CHECKING:
    from sphinx.application import Sphinx
    from sphinx.environment import BuildEnvironment

CHAPTERS = "notebooks/"
WORDS_A_MINUTE = 180
"""Slow reading, as for a text that one wants to follow (Brysbaert 2019 finds 238 for prose read silently)."""
MINUTES_A_FIGURE = 0.75
FIGURE = 'class="cape-figure"'
MEASURED = "cape-measured"
"""Class of what differs from build to build; the pictures that the tests compare leave it out."""


def minutes_to_read(words: int, figures: int) -> int:
    """Whole minutes for a page, one at least.

    Examples
    --------
    >>> minutes_to_read(3600, 4)
    23
    """
    return max(1, round(words / WORDS_A_MINUTE + MINUTES_A_FIGURE * figures))


def in_words(seconds: float) -> str:
    """Seconds as a reader says them.

    Examples
    --------
    >>> in_words(0.4), in_words(9.2), in_words(75)
    ('1 second', '9 seconds', '1 min 15 s')
    """
    whole = max(1, round(seconds))
    if whole < 60:
        return f"{whole} second{'s' if whole > 1 else ''}"
    return f"{whole // 60} min {whole % 60:02d} s" if whole % 60 else f"{whole // 60} min"


def count(doctree: nodes.document) -> tuple[int, int]:
    """Words of prose and number of figures; code and what stands inside figures are not counted."""
    words = sum(len(one.astext().split()) for one in doctree.findall(nodes.paragraph))
    figures = sum(FIGURE in raw.astext() for raw in doctree.findall(nodes.raw))
    return words, figures


def remember(app: Sphinx, doctree: nodes.document) -> None:
    """Count a chapter while it is read; the counts are kept with the pages."""
    docname = app.env.docname
    if docname.startswith(CHAPTERS):
        _counts(app.env)[docname] = count(doctree)


def _counts(env: BuildEnvironment) -> dict[str, tuple[int, int]]:
    if not hasattr(env, "cape_counts"):
        env.cape_counts = {}  # type: ignore[attr-defined]
    counts: dict[str, tuple[int, int]] = env.cape_counts  # type: ignore[attr-defined]
    return counts


def seconds_to_run(env: BuildEnvironment, docname: str) -> float | None:
    """Seconds that the chapter's cells took when they were last executed; none where the cache does not know."""
    data = getattr(env, "nb_metadata", {}).get(docname, {}).get("exec_data") or {}
    return data.get("runtime")


def sentence(env: BuildEnvironment, docname: str) -> str:
    """What stands on the page behind the word Time."""
    words, figures = _counts(env)[docname]
    ran = seconds_to_run(env, docname)
    reading = f"about {minutes_to_read(words, figures)} minutes to read"
    return f": {reading}, {in_words(ran)} to run when this page was made." if ran else f": {reading}."


class ChapterTimes(Directive):
    """``{chapter-times}``: one row for each chapter, filled when the page is written."""

    def run(self) -> list[nodes.Node]:
        """Leave a mark; the other chapters may not have been read yet."""
        return [nodes.comment("", "chapter-times")]


def times_table(app: Sphinx, docname: str) -> nodes.table:
    """Chapter, minutes to read and time to run, in the order of the book."""
    env = app.env
    rows: list[list[str | nodes.Node]] = []
    for chapter in [name for name in sorted(_counts(env)) if name in env.titles]:
        link = nodes.reference("", "", internal=True, refuri=app.builder.get_relative_uri(docname, chapter))
        link += nodes.inline("", env.titles[chapter].astext())
        ran = seconds_to_run(env, chapter)
        read = f"{minutes_to_read(*_counts(env)[chapter])} min"
        run = f"{max(1, round(ran))} s" if ran else "not known"
        rows.append([link, read, nodes.inline("", run, classes=[MEASURED])])
    return table((60, 20, 20), ("Chapter", "To read", "To run"), rows)


def fill(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Put the measured times where a chapter's opening has its estimate, and the table where it was asked for."""
    for mark in [one for one in doctree.findall(nodes.comment) if one.astext() == "chapter-times"]:
        mark.replace_self(times_table(app, docname))
    if docname not in _counts(app.env):
        return
    for paragraph in doctree.findall(nodes.paragraph):
        # Markdown readers leave empty texts around what is bold.
        first = next((part for part in paragraph if part.astext()), None)
        if isinstance(first, nodes.strong) and first.astext() == "Time":
            paragraph.clear()
            paragraph["classes"].append(MEASURED)
            paragraph += [first, nodes.Text(sentence(app.env, docname))]
            return


def merge(app: Sphinx, env: BuildEnvironment, docnames: set[str], other: BuildEnvironment) -> None:
    """Bring the counts of a parallel reader home."""
    _counts(env).update({name: _counts(other)[name] for name in docnames if name in _counts(other)})


def setup(app: Sphinx) -> dict[str, Any]:
    """Register with Sphinx."""
    app.add_directive("chapter-times", ChapterTimes)
    app.connect("doctree-read", remember)
    app.connect("doctree-resolved", fill)
    app.connect("env-merge-info", merge)
    return {"version": "1", "env_version": 1, "parallel_read_safe": True, "parallel_write_safe": True}
