"""A line under every chapter's title: open it in Colab or on Binder, or download it.

The links follow from the chapter's path and the repository's address (`book/address.py`). While nobody has set the
address, a link to Colab would lead nowhere: the two names then stand there without a link, with a word on why, and
the theme's own buttons to the repository are left out. The download works always.
"""

from __future__ import annotations

import html
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from docutils import nodes

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import address
import cape_class

if TYPE_CHECKING:
    from sphinx.application import Sphinx
    from sphinx.config import Config

CHAPTERS = ("notebooks/", "book/reproduce")
# Chapters that also make an app: Voilà shows their controls and hides their code.
APPS = ("notebooks/12_dashboard",)
UNKNOWN = "Colab and Binder open the published book; this copy has no public address yet."
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


def line(docname: str, where: address.Address) -> str:
    """Write the line of links of one chapter.

    Parameters
    ----------
    docname
        The chapter as Sphinx names it, such as ``notebooks/02_coupling``.
    where
        The repository's address.

    Returns
    -------
    str
        A ``<nav>`` element. A name without a link is an ``<a>`` without ``href``, which is not reached by the keyboard.
    """
    path = f"{docname}.ipynb"
    online = [("Open in Colab", address.colab(where, path)), ("Open on Binder", address.binder(where, path))]
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
    return f'<nav class="cape-open" aria-label="Run or download this chapter"><ul>{items}</ul>{note}</nav>'


def add_line(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Put the line under the title when the page is written, so that it never comes from an older build."""
    if app.builder.format != "html" or not docname.startswith(CHAPTERS):
        return
    for title in doctree.findall(nodes.title):
        place = title.parent.index(title) + 1
        title.parent.insert(place, nodes.raw("", line(docname, current(app)), format="html"))
        return


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
    app.connect("config-inited", configure)
    app.connect("doctree-resolved", add_line)
    app.connect("html-page-context", stamp_page)
    app.connect("build-finished", stamp_downloads)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
