"""Make the built book self-contained: no page asks another host for anything.

Three things would otherwise be fetched from elsewhere. Vega is written into the book's own static folder;
mathematics becomes MathML while the book is built, so that MathJax is not needed; and `check_pages` refuses a
page that still names a script, style, font, image or frame of another host.
"""

from __future__ import annotations

import base64
import os
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING, Any

from docutils import nodes
from sphinx.util import logging
from sphinx.util.math import get_node_equation_number

if TYPE_CHECKING:
    from sphinx.application import Sphinx
    from sphinx.config import Config

LOGGER = logging.getLogger(__name__)
STATIC = Path(__file__).resolve().parent.parent / "_static"
VEGA = "cape-vega.js"
TOOLS = "figure_tools.js"
FONT = STATIC.parent / "mathfont" / "math.woff2"


def write_scripts(app: Sphinx) -> None:
    """Write what the package brings, and the bundle once per version: making that takes more than a second."""
    if app.builder.format != "html":
        return
    import vl_convert

    from cape_utils.charts.rendering import figure_tools_script, vega_script

    static = Path(app.outdir) / "_static"
    static.mkdir(parents=True, exist_ok=True)
    (static / TOOLS).write_text(figure_tools_script(), encoding="utf-8")
    (static / "math.css").write_text(math_style(FONT.read_bytes()), encoding="utf-8")
    mark = f"// vl-convert {vl_convert.__version__}\n"
    target = static / VEGA
    if target.exists():
        with target.open(encoding="utf-8") as script:
            if script.readline() == mark:
                return
    target.write_text(f"{mark}{vega_script()}\n", encoding="utf-8")


def math_style(font: bytes) -> str:
    """The style sheet of formulas, with the font inside it: Firefox loads no font file for a page opened from disk."""
    source = f"url(data:font/woff2;base64,{base64.b64encode(font).decode('ascii')}) format('woff2')"
    face = f"@font-face {{ font-family: 'Book Math'; src: {source}; font-display: swap; }}"
    return f"{face}\n.math math {{ font-family: 'Book Math', math; font-size: 1.18em; }}\n"


def mend_page(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: nodes.document | None
) -> None:
    """Load Vega only on the pages that hold a chart, as it is nearly a megabyte; name the entries of a list as such."""
    # The list of references calls its entries by a role that has been withdrawn, and that no list may hold.
    context["body"] = context.get("body", "").replace('role="doc-biblioentry"', 'role="listitem"')
    if 'class="cape-figure"' in context["body"] or 'class="math' in context["body"]:
        app.add_js_file("scrollers.js", loading_method="defer", priority=690)
    if 'class="math' in context["body"]:
        app.add_css_file("math.css", priority=910)
    if 'class="cape-figure"' in context["body"]:
        app.add_js_file(VEGA, loading_method="defer", priority=700)
        app.add_js_file(TOOLS, loading_method="defer", priority=705)
        app.add_js_file("charts.js", loading_method="defer", priority=710)
    if 'class="scoreboard filtered"' in context["body"]:
        app.add_js_file("scorecard.js", loading_method="defer", priority=720)
    if any(f'class="cape-{part}"' in context["body"] for part in ("bet", "exercise", "record")):
        app.add_css_file("teaching.css", priority=905)
        app.add_js_file("teaching.js", loading_method="defer", priority=735)


# The translator knows some environments only by another name, and would number an `align` by itself.
_ENVIRONMENT = re.compile(r"\\(begin|end)\{(?:align|aligned|gather|gathered|multline)\*?\}")


def to_mathml(tex: str, *, block: bool) -> str:
    """Translate one formula; raise ValueError where the translator does not know a command."""
    from latex2mathml.converter import convert

    parts = [part.strip() for part in re.split(r"\n\s*\n", tex) if part.strip()]
    if len(parts) > 1:
        tex = r"\begin{split}" + r"\\".join(parts) + r"\end{split}"
    elif block and r"\begin" not in tex and re.search(r"(?<!\\)&|\\\\", tex):
        tex = rf"\begin{{split}}{tex}\end{{split}}"
    tex = _ENVIRONMENT.sub(r"\\\1{split}", tex)
    try:
        mathml: str = convert(tex.strip(), display="block" if block else "inline")
    except Exception as error:
        raise ValueError(f"{type(error).__name__}: {error}") from error
    # What it does not know comes back as it stood; better a failed build than a formula that shows code.
    unknown = re.search(r">(\\[A-Za-z]+|&)<", mathml)
    if unknown:
        raise ValueError(f"unknown command or alignment {unknown.group(1)}")
    return mathml.replace('width="negativethinmathspace"', 'width="-0.167em"')


def _mathml(self: Any, node: nodes.Node, *, block: bool) -> str:
    tex = node.astext()
    try:
        return to_mathml(tex, block=block)
    except ValueError as error:
        LOGGER.warning("formula %r cannot be written as MathML: %s", tex, error, location=node)
        return f"<code>{self.encode(tex)}</code>"


def visit_math(self: Any, node: nodes.math) -> None:
    """Write a formula that stands within a sentence."""
    self.body.append(self.starttag(node, "span", "", CLASS="math notranslate nohighlight"))
    self.body.append(_mathml(self, node, block=False) + "</span>")
    raise nodes.SkipNode


def visit_math_block(self: Any, node: nodes.math_block) -> None:
    """Write a formula on a line of its own, with its number where it has one."""
    self.body.append(self.starttag(node, "div", CLASS="math notranslate nohighlight"))
    if node.get("number"):
        self.body.append(f'<span class="eqno">({get_node_equation_number(self, node)})')
        self.add_permalink_ref(node, "Link to this equation")
        self.body.append("</span>")
    self.body.append(_mathml(self, node, block=True) + "</div>\n")
    raise nodes.SkipNode


class _Requests(HTMLParser):
    """Collect what a browser would fetch from another host while it opens a page."""

    FETCHED = {
        "script": ("src",),
        "img": ("src", "srcset"),
        "iframe": ("src",),
        "source": ("src", "srcset"),
        "video": ("src", "poster"),
        "audio": ("src",),
        "object": ("data",),
        "embed": ("src",),
        "link": ("href",),
    }
    # A canonical link or a feed is only named, never fetched.
    NOT_FETCHED = {"canonical", "alternate", "author", "license", "next", "prev", "search", "index"}

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self._in_style = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        self._in_style = tag == "style"
        if tag == "link" and self.NOT_FETCHED & set((values.get("rel") or "").split()):
            return
        for name in self.FETCHED.get(tag, ()):
            if re.match(r"\s*(https?:)?//", values.get(name) or ""):
                self.found.append(f"<{tag} {name}={values[name]!r}>")
        self.found += _styled(values.get("style") or "")

    def handle_data(self, data: str) -> None:
        if self._in_style:
            self.found += _styled(data)

    def handle_endtag(self, tag: str) -> None:
        self._in_style = False


def _styled(css: str) -> list[str]:
    return re.findall(r"(?:url\(|@import)\s*['\"]?(?:https?:)?//[^'\")\s;]+", css)


def other_hosts(page: str) -> list[str]:
    """List what a page would request from another host.

    Parameters
    ----------
    page
        The text of an HTML page.

    Returns
    -------
    list of str
        One entry per request, as tag and address; empty for a self-contained page.
    """
    reader = _Requests()
    reader.feed(page)
    return reader.found


def check_pages(app: Sphinx, exception: Exception | None) -> None:
    """Refuse a book whose pages or styles name another host."""
    if exception or app.builder.format != "html":
        return
    out = Path(app.outdir)
    for path in sorted(out.rglob("*.html")):
        if path.relative_to(out).parts[0] == "_static":
            continue
        for request in other_hosts(path.read_text(encoding="utf-8")):
            LOGGER.warning("%s requests %s from another host", path.relative_to(out), request)
    for path in sorted((out / "_static").rglob("*.css")):
        for request in _styled(path.read_text(encoding="utf-8", errors="replace")):
            LOGGER.warning("%s requests %s from another host", path.relative_to(out), request)


def configure(app: Sphinx, config: Config) -> None:
    """Add the book's static files, and say where charts are rendered."""
    config.html_static_path.append(str(STATIC))
    # The kernels that execute the notebooks inherit this, and render charts for the page, not for JupyterLab.
    os.environ["CAPE_BOOK"] = "1"


def setup(app: Sphinx) -> dict[str, Any]:
    """Register with Sphinx."""
    # Jupyter Book always sets this for the extension that the book leaves out; unknown, it would be a warning.
    app.add_config_value("comments_config", {}, "env")
    app.add_html_math_renderer("mathml", (visit_math, None), (visit_math_block, None))
    app.connect("config-inited", configure)
    app.connect("builder-inited", write_scripts)
    app.connect("html-page-context", mend_page)
    app.connect("build-finished", check_pages)
    app.add_css_file("book.css", priority=900)
    app.add_js_file("navigation.js", loading_method="defer", priority=680)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
