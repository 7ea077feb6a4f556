"""What the pages for teachers need: links that are checked, and figures and goals taken from the chapters.

Nothing is stated twice. Learning goals come from the openings of the chapters, findings and figures from their
built outputs, the place of a symbol's first use from their text. A link names a chapter, and a heading or the title
of a figure as a reader sees it; one that leads nowhere is a warning, and a warning fails the build. A chapter of
the plan (``data/chapters.csv``) that this edition does not hold yet is named without a link, and gets one by itself
as soon as the table of contents lists it.

Roles: ``at`` links, ``control`` links a figure and names one of its controls, ``finding`` quotes a caption.
Directives: ``chapter-goals``, ``lifted-figure``, ``notation``, ``picture`` (a figure made small, with words of the page).
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from chapter_texts import (
    Figure,
    LeadsNowhereError,
    figures_in,
    first_use,
    learning_goals,
    name_figures,
    notation_rows,
    planned,
)
from docutils import nodes
from docutils.statemachine import StringList
from small_figures import small_svg
from sphinx.util import logging
from sphinx.util.docutils import ReferenceRole, SphinxDirective

if TYPE_CHECKING:
    from sphinx.application import Sphinx
    from sphinx.environment import BuildEnvironment

LOGGER = logging.getLogger(__name__)
FOLDER = "notebooks"


class at_link(nodes.inline):
    """A place in a chapter, to be found once every chapter is read."""


class figure_slot(nodes.General, nodes.Element):
    """The place of a figure that is built in a chapter."""


class picture_slot(figure_slot):
    """The place of a small drawing of such a figure."""


def chapters(env: BuildEnvironment) -> list[str]:
    """List the chapters of this edition in reading order."""
    return sorted(
        name.partition("/")[2]
        for name in env.found_docs
        if name.startswith(f"{FOLDER}/") and str(env.doc2path(name)).endswith(".ipynb")
    )


class Book:
    """The chapters as read: their headings and figures."""

    def __init__(self, env: BuildEnvironment) -> None:
        self.env = env
        self._figures: dict[str, list[Figure]] = {}

    def figures(self, chapter: str) -> list[Figure]:
        """List the figures of a chapter."""
        if chapter not in self._figures:
            tree = self.env.get_doctree(f"{FOLDER}/{chapter}")
            self._figures[chapter] = [
                figure for raw in tree.findall(nodes.raw) for figure in figures_in(raw.astext())
            ]
        return self._figures[chapter]

    def figure(self, target: str) -> Figure:
        """Find the figure named ``chapter#title``."""
        chapter, _, title = target.partition("#")
        if f"{FOLDER}/{chapter}" not in self.env.found_docs:
            raise LeadsNowhereError(f"there is no chapter {chapter!r}")
        known = {figure.title: figure for figure in self.figures(chapter)}
        if title not in known:
            raise LeadsNowhereError(f"{chapter} has no figure {title!r}; it has {'; '.join(known) or 'none'}")
        return known[title]

    def place(self, target: str) -> tuple[str, str]:
        """Return the anchor and the words of ``chapter``, ``chapter#heading`` or ``chapter#title of a figure``."""
        chapter, _, within = target.partition("#")
        toc = self.env.tocs[f"{FOLDER}/{chapter}"]
        headings = {entry["anchorname"].lstrip("#"): entry.astext() for entry in toc.findall(nodes.reference)}
        if not within:
            numbered = planned(Path(self.env.srcdir)).get(chapter)
            return "", numbered.question if numbered else headings.get("", chapter)
        if (wanted := nodes.make_id(within)) in headings:
            return wanted, headings[wanted]
        drawn = {figure.title: figure.anchor for figure in self.figures(chapter)}
        if within in drawn:
            return drawn[within], within
        known = "; ".join([*(words for name, words in headings.items() if name), *drawn])
        raise LeadsNowhereError(f"{chapter} has no heading or figure {within!r}; it has {known}")


class At(ReferenceRole):
    """``{at}`words <chapter#heading>```; the words may be left out."""

    kind = "at"

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        """Leave a node that is resolved when every chapter is read."""
        self.env.metadata[self.env.docname]["cape_lifts"] = "yes"
        node = at_link(self.rawtext, kind=self.kind, target=self.target)
        node["words"] = self.title if self.has_explicit_title else ""
        self.set_source_info(node)
        return [node], []


class Control(At):
    """``{control}`chapter#title of a figure#name of the control=setting```; the setting may be left out."""

    kind = "control"


class Finding(At):
    """``{finding}`chapter#title of a figure```: a link to the figure, and its caption."""

    kind = "finding"


class _Generated(SphinxDirective):
    def parse(self, text: str) -> list[nodes.Node]:
        holder = nodes.container()
        self.state.nested_parse(StringList(text.splitlines(), source=""), self.content_offset, holder)
        return holder.children

    def notebooks(self) -> list[Path]:
        paths = [Path(self.env.doc2path(f"{FOLDER}/{name}")) for name in chapters(self.env)]
        for path in paths:
            self.env.note_dependency(str(path))
        return paths


class ChapterGoals(_Generated):
    """One line a chapter: its question, what its reader will be able to do, and where the answers are."""

    def run(self) -> list[nodes.Node]:
        """Read the openings of the chapters."""
        lines = []
        for path in self.notebooks():
            try:
                goals = learning_goals(path)
            except LeadsNowhereError as error:
                LOGGER.warning("%s", error, location=self.get_location())
                continue
            links = f"{{at}}`{path.stem}`", f"{{at}}`Exercises and answer key <{path.stem}#Exercises>`"
            lines += [
                f"- **{path.stem[:2]}** {links[0]}",
                f"  You will be able to {goals}",
                f"  {links[1]}.",
                "",
            ]
        return self.parse("\n".join(lines))


class Notation(_Generated):
    """The table of symbols, each with the heading under which it is first used."""

    has_content = True

    def run(self) -> list[nodes.Node]:
        """Write the rows of the table, the last cell by search."""
        lines = ["```{list-table}", ":header-rows: 1", ":class: notation", ":widths: 18 26 12 27 17", ""]
        head = ["Symbol or column", "Meaning", "Unit", "In `cape_utils` and `data/`", "First used"]
        lines += ["* - " + "\n  - ".join(head)]
        try:
            for symbol, meaning, unit, names, pattern in notation_rows("\n".join(self.content)):
                code = ", ".join(f"`{name}`" for name in names.split(", "))
                where = first_use(pattern, self.notebooks())
                link = f"{where[:2]}, {{at}}`{where}`"
                lines += ["* - " + "\n  - ".join([symbol, meaning, unit, code, link])]
        except LeadsNowhereError as error:
            LOGGER.warning("%s", error, location=self.get_location())
        return self.parse("\n".join([*lines, "```"]))


class LiftedFigure(SphinxDirective):
    """``{lifted-figure} chapter#title``: the figure as its chapter built it, where it stands, and a line of credit."""

    required_arguments = 1
    final_argument_whitespace = True

    def run(self) -> list[nodes.Node]:
        """Leave a slot that is filled when every chapter is read."""
        self.env.metadata[self.env.docname]["cape_lifts"] = "yes"
        slot = figure_slot(target=" ".join(self.arguments[0].split()))
        self.set_source_info(slot)
        return [slot]


class Picture(LiftedFigure):
    """``{picture} chapter#title``: the figure drawn small, as a link to where it stands, above the words of the directive."""

    has_content = True

    def run(self) -> list[nodes.Node]:
        """Leave a slot before the words."""
        self.env.metadata[self.env.docname]["cape_lifts"] = "yes"
        slot = picture_slot(target=" ".join(self.arguments[0].split()))
        self.set_source_info(slot)
        card = nodes.container("", slot, classes=["cape-card"])
        self.state.nested_parse(self.content, self.content_offset, card)
        return [card]


def _reference(app: Sphinx, docname: str, chapter: str, anchor: str, words: str) -> nodes.reference:
    address = app.builder.get_relative_uri(docname, f"{FOLDER}/{chapter}") + (f"#{anchor}" if anchor else "")
    return nodes.reference("", words, internal=True, refuri=address)


def _linked(app: Sphinx, book: Book, docname: str, node: at_link) -> list[nodes.Node]:
    target, words, kind = node["target"], node["words"], node["kind"]
    chapter, _, within = target.partition("#")
    if f"{FOLDER}/{chapter}" not in app.env.found_docs:
        chapter_planned = planned(Path(app.srcdir)).get(chapter)
        if chapter_planned is None:
            raise LeadsNowhereError(f"there is no chapter {chapter!r}")
        return [nodes.inline("", words or within or chapter_planned.question)]
    if kind == "at":
        anchor, own = book.place(target)
        return [_reference(app, docname, chapter, anchor, words or own)]
    title, _, setting = within.partition("#")
    figure = book.figure(f"{chapter}#{title}")
    link = _reference(app, docname, chapter, figure.anchor, words or figure.title)
    if kind == "finding":
        return [link, nodes.Text(": "), nodes.inline("", figure.caption, classes=["cape-finding"])]
    name, _, value = setting.partition("=")
    offered = figure.controls
    if name not in offered:
        raise LeadsNowhereError(f"{title!r} has no control {name!r}; it has {', '.join(offered) or 'none'}")
    if value and offered[name] and value not in offered[name]:
        raise LeadsNowhereError(f"{name!r} of {title!r} has no {value!r}; it has {', '.join(offered[name])}")
    shown = f"{name}: {value}" if value else name
    return [nodes.emphasis("", shown), nodes.Text(" in "), link]


def _filled(app: Sphinx, book: Book, docname: str, target: str) -> list[nodes.Node]:
    figure = book.figure(target)
    chapter = target.partition("#")[0]
    place = nodes.paragraph("", "", nodes.Text(f"In its chapter, {chapter[:2]}: "))
    place += _reference(app, docname, chapter, figure.anchor, book.place(chapter)[1])
    credit = f"“{figure.title}”, {app.config.author}, {app.config.html_title}, chapter {chapter[:2]}"
    base = (app.config.html_baseurl or "").rstrip("/")
    address = f", {base}/{app.builder.get_target_uri(f'{FOLDER}/{chapter}')}#{figure.anchor}" if base else ""
    line = f"{credit}{address}, CC BY 4.0 (https://creativecommons.org/licenses/by/4.0/)"
    block = nodes.literal_block(line, line, language="text", classes=["cape-credit"])
    return [nodes.raw("", name_figures(figure.page), format="html"), place, block]


def _drawn(app: Sphinx, book: Book, docname: str, target: str) -> list[nodes.Node]:
    figure = book.figure(target)
    address = (
        app.builder.get_relative_uri(docname, f"{FOLDER}/{target.partition('#')[0]}") + f"#{figure.anchor}"
    )
    return [nodes.raw("", f'<a class="cape-picture" href="{address}">{small_svg(figure)}</a>', format="html")]


def resolve(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Fill in links, findings and figures; give the figures of every page their ids."""
    book = Book(app.env)
    for raw in doctree.findall(nodes.raw):
        if 'class="cape-figure"' in raw.astext():
            named = name_figures(raw.astext())
            raw.rawsource, raw.children = named, [nodes.Text(named)]
    for node in [*doctree.findall(lambda item: isinstance(item, at_link | figure_slot))]:
        try:
            if isinstance(node, at_link):
                found = _linked(app, book, docname, node)
            elif isinstance(node, picture_slot):
                found = _drawn(app, book, docname, node["target"])
            else:
                found = _filled(app, book, docname, node["target"])
        except LeadsNowhereError as error:
            LOGGER.warning("%s", error, location=node)
            found = [nodes.inline("", node["target"])]
        node.replace_self(found)


def write_again(app: Sphinx, env: BuildEnvironment) -> list[str]:
    """Pages that quote chapters are written in every build, so that they follow them and are checked again."""
    return [name for name, about in env.metadata.items() if about.get("cape_lifts")]


def setup(app: Sphinx) -> dict[str, Any]:
    """Register with Sphinx."""
    for node in (at_link, figure_slot, picture_slot):
        app.add_node(node)
    app.add_role("at", At())
    app.add_role("control", Control())
    app.add_role("finding", Finding())
    app.add_directive("chapter-goals", ChapterGoals)
    app.add_directive("lifted-figure", LiftedFigure)
    app.add_directive("notation", Notation)
    app.add_directive("picture", Picture)
    app.connect("env-updated", write_again)
    app.connect("doctree-resolved", resolve)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
