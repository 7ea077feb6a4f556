"""The link that opens the book's dashboard page on a family's scores.

The page reads its state from what follows ``#`` in its address, so that a link holds a table and nothing is sent to a server;
``book/dashboard/state.js`` writes and reads the same. Where the book is published is not known to every installation; then
there is the state alone, to be put behind the address of a copy of the page.
"""

from __future__ import annotations

import functools
import json
import re
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import numpy as np

from cape_utils import data

if TYPE_CHECKING:
    from cape_utils.diagnosis.family_diagnosis import Diagnosis

__all__ = ["MARK", "MOST_MODELS", "PAGE", "page_address", "published_page", "state"]

MARK = "#cape1;"
"""What a link of this version begins with."""

MOST_MODELS = 12
"""Models that the page takes."""

PAGE = "book/dashboard.html"
"""The page in the built book."""

_UNSET = "OWNER"  # as PLACEHOLDER of book/address.py; a test holds them together


def page_address(repository: str) -> str:
    """Where a repository on GitHub publishes the dashboard page.

    Parameters
    ----------
    repository : str
        Address of the repository.

    Returns
    -------
    str
        Empty for the placeholder of a repository that nobody has published, and for other hosts.

    Examples
    --------
    >>> page_address("https://github.com/someone/cape-book")
    'https://someone.github.io/cape-book/book/dashboard.html'
    >>> page_address("https://git.example.org/someone/cape-book")
    ''
    """
    found = re.fullmatch(r"https://github\.com/([^/]+)/([^/@]+?)(?:\.git)?(?:@.*)?/?", repository)
    if found is None or found[1] == _UNSET:
        return ""
    host = f"{found[1].lower()}.github.io"
    folder = "" if found[2].lower() == host else f"{found[2]}/"
    return f"https://{host}/{folder}{PAGE}"


@functools.cache
def published_page() -> str:
    """Where this installation's book is published: by the settings of its checkout, or by where pip took it from.

    Returns
    -------
    str
        Empty where neither is known.
    """
    settings = Path(__file__).resolve().parents[2] / "_config.yml"
    if settings.is_file():
        text = settings.read_text(encoding="utf-8")
        line = re.search(r"^repository:\n(?:  .*\n)*?  url: (\S+)$", text, re.MULTILINE)
        return page_address(line[1]) if line else ""
    try:
        source = metadata.distribution("cape-book").read_text("direct_url.json")  # PEP 610
    except metadata.PackageNotFoundError:
        return ""
    return page_address(str(json.loads(source)["url"])) if source else ""


def _encoded(text: str) -> str:
    return quote(text, safe="-_.!~*'()")  # what encodeURIComponent leaves


def _cell(value: float | None) -> str:
    return "" if value is None else np.format_float_positional(value, trim="-")


def state(diagnosis: Diagnosis) -> str:
    """What follows the page's address: the family, its pair and both scores of each model.

    Parameters
    ----------
    diagnosis : Diagnosis

    Returns
    -------
    str
        Empty for more than `MOST_MODELS` models, and for a pair outside ``data.BENCHMARKS``: the page could not hold them.

    Examples
    --------
    >>> import pandas as pd
    >>> from cape_utils.diagnosis import diagnose
    >>> toy = pd.DataFrame({"model": ["a-1B", "a-3B"], "family": "a", "params_b": [1.0, 3.0],
    ...                     "hellaswag": [45.0, 60.0], "truthfulqa_mc2": [42.0, 41.5]})
    >>> state(diagnose(toy))
    '#cape1;hellaswag;truthfulqa_mc2;a;a-1B,1,45,42,,,;a-3B,3,60,41.5,,,'
    """
    pair = (diagnosis.x, diagnosis.y)
    if len(diagnosis.scores) > MOST_MODELS or not set(pair) <= set(data.BENCHMARKS):
        return ""
    rows = []
    for one in diagnosis.scores:
        scores = dict(zip(pair, (one.x, one.y), strict=True))
        cells = [_cell(value) for value in (one.params_b, *map(scores.get, data.BENCHMARKS))]
        rows.append(",".join(_encoded(text) for text in (one.model, *cells)))
    return MARK + ";".join([*map(_encoded, (*pair, diagnosis.family)), *rows])
