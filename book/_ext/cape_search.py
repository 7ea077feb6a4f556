"""What the search shows under each hit, without asking for the pages: a page opened from disk may not fetch another.

The prose of every section is kept while pages are read and written as one script, which the search page alone loads.
``search.js`` puts it under the hits, and sets a chapter that is asked for by number before all others.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from docutils import nodes

if TYPE_CHECKING:
    from sphinx.application import Sphinx
    from sphinx.config import Config
    from sphinx.environment import BuildEnvironment

SCRIPT = "cape-search-texts.js"
PROSE = (nodes.paragraph, nodes.term, nodes.rubric)


def sections(doctree: nodes.document) -> list[tuple[str, str]]:
    """The prose of a page, section by section: the anchor, empty for what stands before the second heading, and the words.

    Examples
    --------
    >>> from docutils.core import publish_doctree
    >>> page = "One\\n===\\n\\nWords.\\n\\nTwo\\n---\\n\\nMore\\nwords.\\n"
    >>> sections(publish_doctree(page, settings_overrides={"doctitle_xform": 0}))
    [('', 'Words.'), ('two', 'More words.')]
    """
    found: dict[str, list[str]] = {"": []}
    for node in doctree.findall(lambda one: isinstance(one, PROSE)):
        words = " ".join(node.astext().split())
        if words:
            found.setdefault(_anchor(node), []).append(words)
    return [(anchor, " ".join(words)) for anchor, words in found.items() if words]


def _anchor(node: nodes.Node) -> str:
    """The section in which a node stands; a page's outermost section is the page."""
    inside = []
    parent = node.parent
    while parent is not None:
        if isinstance(parent, nodes.section):
            inside.append(parent)
        parent = parent.parent
    return str(inside[0]["ids"][0]) if len(inside) > 1 else ""


def _texts(env: BuildEnvironment) -> dict[str, list[tuple[str, str]]]:
    if not hasattr(env, "cape_texts"):
        env.cape_texts = {}  # type: ignore[attr-defined]
    texts: dict[str, list[tuple[str, str]]] = env.cape_texts  # type: ignore[attr-defined]
    return texts


def remember(app: Sphinx, doctree: nodes.document) -> None:
    """Keep the prose of a page with the pages."""
    _texts(app.env)[app.env.docname] = sections(doctree)


def merge(app: Sphinx, env: BuildEnvironment, docnames: set[str], other: BuildEnvironment) -> None:
    """Bring the texts of a parallel reader home."""
    _texts(env).update({name: _texts(other)[name] for name in docnames if name in _texts(other)})


def forget(app: Sphinx, env: BuildEnvironment, docname: str) -> None:
    """A page that is gone, or read again, has no text from before."""
    _texts(env).pop(docname, None)


def write_script(app: Sphinx, exception: Exception | None) -> None:
    """Write the texts beside the index of the search."""
    if exception or app.builder.format != "html":
        return
    texts = {name: dict(parts) for name, parts in sorted(_texts(app.env).items())}
    content = json.dumps(texts, ensure_ascii=False, separators=(",", ":"))
    (Path(app.outdir) / "_static" / SCRIPT).write_text(
        f"window.capeSearchTexts = {content};\n", encoding="utf-8"
    )


def load_scripts(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: nodes.document | None
) -> None:
    """Only the search page needs them."""
    if pagename == "search":
        app.add_js_file(SCRIPT, loading_method="defer", priority=750)
        app.add_js_file("search.js", loading_method="defer", priority=760)


def configure(app: Sphinx, config: Config) -> None:
    """Sphinx would fetch every page that it finds, to show a sentence of it."""
    config.html_show_search_summary = False


def setup(app: Sphinx) -> dict[str, Any]:
    """Register with Sphinx."""
    app.connect("config-inited", configure)
    app.connect("doctree-read", remember)
    app.connect("env-merge-info", merge)
    app.connect("env-purge-doc", forget)
    app.connect("html-page-context", load_scripts)
    app.connect("build-finished", write_script)
    return {"version": "1", "env_version": 1, "parallel_read_safe": True, "parallel_write_safe": True}
