"""A chapter served as a web app: its apps alone, without the chapter around them.

Under Voila every cell of a notebook is run and shown. `as_app` leaves out what is not an app: from the cell that calls it on,
only code that shows an explorer is run, and only cells with the tag ``app`` are shown. Anywhere else it does nothing.
"""

from __future__ import annotations

import html
import os
from typing import Any

from cape_utils import data
from cape_utils.reports.dashboard_link import published_page

__all__ = ["APP_TAG", "as_app", "only_apps", "served_as_app"]

APP_TAG = "app"
"""Tag of the cells that an app shows."""

_MARK = "explorers.show("
_HEAD = (
    "<h1>{title}</h1><p>Every answer here is computed from scores. Choose a family, change one model's scores, and watch the "
    "diagnosis follow; then write the report. The chapter around it is in the book, and {page} answers without a kernel.</p>"
)
_STYLE = (
    f"<style>.jp-Cell:not(.celltag_{APP_TAG}, :has(.celltag_{APP_TAG})) {{ display: none }}"
    " .jp-InputPrompt, .jp-OutputPrompt { display: none } body { max-width: 76rem; margin: 0 auto } </style>"
)


def served_as_app() -> bool:
    """Tell whether Voila started this kernel.

    Examples
    --------
    >>> served_as_app()
    False
    """
    return os.environ.get("SERVER_SOFTWARE", "").startswith("voila")


def only_apps(lines: list[str]) -> list[str]:
    """Source of a cell as an app runs it: whole if it shows an explorer, else nothing.

    Examples
    --------
    >>> only_apps(["long_computation()"]), only_apps(["explorers.show(explorers.dashboard)"])
    (['pass'], ['explorers.show(explorers.dashboard)'])
    """
    return lines if any(_MARK in line for line in lines) else ["pass"]


def as_app(chapter: str = "12_dashboard") -> Any:
    """Leave a chapter's text and measurements out where it is served as an app; nothing elsewhere.

    Parameters
    ----------
    chapter : str
        Whose question becomes the title.

    Returns
    -------
    IPython.display.HTML or None
        Title and style, to be shown by the cell that calls this; it must have the tag itself.
    """
    if not served_as_app():
        return None
    from IPython import get_ipython
    from IPython.display import HTML

    shell = get_ipython()
    if shell is None:
        return None
    shell.input_transformers_cleanup.append(only_apps)
    title = str(data.load("chapters").set_index("chapter").loc[chapter, "question"])
    page = published_page()
    words = f'<a href="{html.escape(page)}">its dashboard page</a>' if page else "its dashboard page"
    return HTML(_STYLE + _HEAD.format(title=html.escape(title), page=words))
