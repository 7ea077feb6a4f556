"""Turn the sentence about the app on Binder into a link, from the address of the repository in ``_config.yml``.

A notebook marks the sentence with ``<span class="binder-app">``: in a live notebook it stays a sentence, and no notebook
holds an address.
"""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

if TYPE_CHECKING:
    from docutils import nodes
    from sphinx.application import Sphinx

APP_PATH = "voila/render/notebooks/12_dashboard.ipynb"
"""What Binder opens: the dashboard chapter, served by Voila beside JupyterLab."""

_SENTENCE = re.compile(r'<span class="binder-app">(.*?)</span>', re.DOTALL)


def app_address(repository: str, branch: str, hub: str) -> str:
    """Address under which Binder builds the repository and opens the app; empty for a repository elsewhere than GitHub."""
    found = re.fullmatch(r"https://github\.com/([\w.-]+)/([\w.-]+?)/?", repository)
    if not found or not hub:
        return ""
    return f"{hub.rstrip('/')}/v2/gh/{found[1]}/{found[2]}/{quote(branch, safe='')}?urlpath={quote(APP_PATH, safe='')}"


def link_app(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: nodes.document | None
) -> None:
    """Link the marked sentences of a page; without an address they stay as they are."""
    body = context.get("body", "")
    if 'class="binder-app"' not in body:
        return
    options = app.config.html_theme_options
    address = app_address(
        options.get("repository_url", ""),
        options.get("repository_branch", "main"),
        options.get("launch_buttons", {}).get("binderhub_url", ""),
    )
    if address:
        link = f'<a class="binder-app reference external" href="{html.escape(address, quote=True)}">'
        context["body"] = _SENTENCE.sub(lambda found: f"{link}{found[1]}</a>", body)


def setup(app: Sphinx) -> dict[str, Any]:
    """Register with Sphinx."""
    app.connect("html-page-context", link_app)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
