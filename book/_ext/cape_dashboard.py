"""``{dashboard}``: the dashboard in the page, from the small files of ``book/dashboard`` and what the package writes for them.

Pages opened from disk cannot load modules or data, so the files become one script, in which nothing has a name outside but
``capeDashboard``.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from docutils import nodes
from docutils.parsers.rst import Directive

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import address

if TYPE_CHECKING:
    from sphinx.application import Sphinx

SOURCES = Path(__file__).resolve().parents[1] / "dashboard"
PARTS = (
    *("stats", "parsing", "phase_prior", "diagnosis", "forecasting", "measured"),
    *("results", "state", "drawing", "saving", "report"),
    *("two_dashboards", "size_chart"),
    # Cards, in their order on the page
    *("steps", "map", "critical_scale", "web_distance", "next_size"),
    *("eigenstructure", "frontier", "interventions", "cautions", "keep"),
    *("form", "page"),
)
SCRIPT = "cape-dashboard.js"
MOUNT = (
    '<div class="cape-dashboard"><noscript><p class="cape-note">The dashboard needs JavaScript; <code>cape diagnose</code> '
    "computes the same.</p></noscript></div>"
)


def script(known: dict[str, Any] | None = None, *, lean: bool = True) -> str:
    """The page's script; ``known`` is what the package writes for it unless it is given, ``lean`` leaves comments out."""
    if known is None:
        from cape_utils.chapters.ch12_dashboard.page.constants import constants
        from cape_utils.reports.dashboard_link import page_address

        known = constants()
        # Of this build, which GitHub's environment may name.
        known["book"]["page"] = page_address(address.read().url)
    constants = json.dumps(known, separators=(",", ":"), allow_nan=False, ensure_ascii=False)
    parts = [(SOURCES / f"{name}.js").read_text(encoding="utf-8") for name in PARTS]
    if lean:
        parts = [_lean(part) for part in parts]
    return "\n".join(['(function () {\n"use strict";', f"const DATA = {constants};", *parts, "})();\n"])


def _lean(source: str) -> str:
    """Without comments and indentation, a fifth of the text; a test refuses sources with a comment's mark in a string."""
    bare = re.sub(r"/\*\*.*?\*/ ?", "", source, flags=re.DOTALL)
    lines = (line.strip() for line in bare.splitlines())
    return "\n".join(line for line in lines if line and not line.startswith("//"))


def write_script(app: Sphinx) -> None:
    """Write it beside the book's other scripts, where the book has the page."""
    if app.builder.format == "html" and (Path(app.srcdir) / "book" / "dashboard.md").is_file():
        static = Path(app.outdir) / "_static"
        static.mkdir(parents=True, exist_ok=True)
        (static / SCRIPT).write_text(script(), encoding="utf-8")


def load_script(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: nodes.document | None
) -> None:
    """Load script and style on the page that holds the dashboard."""
    if 'class="cape-dashboard"' in context.get("body", ""):
        app.add_css_file("dashboard.css", priority=910)
        app.add_js_file(SCRIPT, loading_method="defer", priority=740)


class Dashboard(Directive):
    """The place where the dashboard stands."""

    def run(self) -> list[nodes.Node]:
        """Leave the place; the script fills it."""
        return [nodes.raw("", MOUNT, format="html")]


def setup(app: Sphinx) -> dict[str, Any]:
    """Register with Sphinx."""
    app.add_directive("dashboard", Dashboard)
    app.connect("builder-inited", write_script)
    app.connect("html-page-context", load_script)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
