"""A line under every chapter's title: run it in Colab or elsewhere, or download it; ``{open-elsewhere}`` sets the line elsewhere.
The role ``repository`` links a page of the repository.

The links follow from the chapter's path and the repository's address (`book/address.py`). While nobody has set the
address, a link to Colab would lead nowhere: the names then stand there without a link, with a word on why, and
the theme's own buttons to the repository are left out. The download works always.
"""

from __future__ import annotations

import html
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from docutils import nodes
from docutils.parsers.rst import Directive
from sphinx.util import logging
from sphinx.util.docutils import ReferenceRole

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import address
import cape_class

if TYPE_CHECKING:
    from sphinx.application import Sphinx
    from sphinx.config import Config

LOGGER = logging.getLogger(__name__)
CHAPTERS = ("notebooks/", "book/reproduce")
# Chapters that also make an app: Voilà shows their controls and hides their code.
APPS = ("notebooks/12_dashboard",)
UNKNOWN = "Colab, Binder, Kaggle and Codespaces open the published book; this copy has no public address yet."
# What the theme would link to the repository.
THEME_BUTTONS = ("use_repository_button", "use_issues_button", "use_edit_page_button", "use_source_button")


def current(app: Sphinx) -> address.Address:
    """Return the address of the book that is being built."""
    return address.read(Path(app.srcdir))


def theme_options(options: dict[str, Any], where: address.Address) -> dict[str, Any]:
    """Let the theme's buttons lead to the address, or leave them out while there is none."""
    if where.known:
        return options | {"repository_url": where.url, "repository_branch": where.branch}
    options = {key: value for key, value in options.items() if key != "repository_url"}
    return options | {"launch_buttons": {}} | dict.fromkeys(THEME_BUTTONS, False)


def configure(app: Sphinx, config: Config) -> None:
    """Give the theme the address of this build, which may come from the environment."""
    config.html_theme_options = theme_options(config.html_theme_options, current(app))


def _link(words: str, target: str, more: str = "") -> str:
    return f'<a href="{html.escape(target)}"{more}>{words}</a>'


def line(docname: str, where: address.Address, label: str = "Run or download this chapter") -> str:
    """Write the line of links of one chapter.

    Parameters
    ----------
    docname
        The chapter as Sphinx names it, such as ``notebooks/02_coupling``.
    where
        The repository's address.
    label
        What the links are for, for those who do not see where they stand.

    Returns
    -------
    str
        A ``<nav>`` element. A name without a link is an ``<a>`` without ``href``, which is not reached by the keyboard.
    """
    path = f"{docname}.ipynb"
    online = [
        ("Open in Colab", address.colab(where, path)),
        ("Open on Binder", address.binder(where, path)),
        ("Open on Kaggle", address.kaggle(where, path)),
        ("Open in a codespace", address.codespace(where)),
    ]
    if docname in APPS:
        online.append(("Open as an app", address.binder(where, path, app=True)))
    up = "../" * docname.count("/")
    kept = _link("Download the notebook", f"{up}_sources/{path}", f' download="{Path(path).name}"')
    if where.known:
        entries = [_link(words, target) for words, target in online]
    else:
        entries = [f'<a role="link" aria-disabled="true">{words}</a>' for words, _ in online]
    entries.append(kept)
    if docname.startswith(cape_class.FOLDER):
        path = cape_class.class_name(docname)
        more = f' download="{Path(path).name}"'
        entries.append(_link("Download without solutions", f"{up}_sources/{path}", more))
    note = "" if where.known else f"<p>{UNKNOWN}</p>"
    items = "".join(f"<li>{entry}</li>" for entry in entries)
    return f'<nav class="cape-open" aria-label="{html.escape(label)}"><ul>{items}</ul>{note}</nav>'


def add_line(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Put the line under the title when the page is written, so that it never comes from an older build."""
    if app.builder.format != "html" or not docname.startswith(CHAPTERS):
        return
    for title in doctree.findall(nodes.title):
        place = title.parent.index(title) + 1
        title.parent.insert(place, nodes.raw("", line(docname, current(app)), format="html"))
        return


class OpenElsewhere(Directive):
    """``{open-elsewhere} notebooks/10_steering``: the links of a chapter, on another page of the same depth."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Leave a mark that is filled when the page is written, as the address may differ from the last build's."""
        return [nodes.comment("", f"open-elsewhere {self.arguments[0]}")]


def fill_marks(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Put the links where they were asked for."""
    for mark in [one for one in doctree.findall(nodes.comment) if one.astext().startswith("open-elsewhere ")]:
        chapter = mark.astext().partition(" ")[2]
        if chapter not in app.env.found_docs:
            LOGGER.warning("there is no chapter %r to open", chapter, location=mark)
            continue
        found = line(chapter, current(app), f"Run or download {chapter.rpartition('/')[2]}")
        mark.replace_self(nodes.raw("", found, format="html"))


class repository_link(nodes.inline):
    """Words that lead to a page below the repository's address, once it is known."""


class Repository(ReferenceRole):
    """``{repository}`words <path below the address>```; plain words while nobody has set the address."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        """Leave a node that is resolved when the page is written, as the address may differ from the last build's."""
        return [repository_link(self.rawtext, self.title, path=self.target)], []


def fill_repository(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Link them, or say where they would lead."""
    where = current(app)
    for node in [*doctree.findall(repository_link)]:
        words, target = node.astext(), f"{where.url}/{node['path']}"
        unlinked = nodes.inline("", "", nodes.Text(f"{words} (in the published book)"))
        found = nodes.reference("", "", nodes.Text(words), refuri=target) if where.known else unlinked
        node.replace_self(found)


def stamp_page(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: nodes.document | None
) -> None:
    """Show the install line with its address: readers copy cells from the page too."""
    if address.MARK in context.get("body", ""):
        context["body"] = address.stamped(context["body"], current(app))


def stamp_downloads(app: Sphinx, exception: Exception | None) -> None:
    """Write the address into the notebooks behind the download links."""
    if exception or app.builder.format != "html":
        return
    where = current(app)
    for path in (Path(app.outdir) / "_sources").rglob("*.ipynb"):
        text = path.read_text(encoding="utf-8")
        if address.MARK in text and where.known:
            path.write_text(address.stamped(text, where), encoding="utf-8")


def setup(app: Sphinx) -> dict[str, Any]:
    """Register with Sphinx."""
    app.add_node(repository_link)
    app.add_role("repository", Repository())
    app.add_directive("open-elsewhere", OpenElsewhere)
    app.connect("config-inited", configure)
    app.connect("doctree-resolved", add_line)
    app.connect("doctree-resolved", fill_marks)
    app.connect("doctree-resolved", fill_repository)
    app.connect("html-page-context", stamp_page)
    app.connect("build-finished", stamp_downloads)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
