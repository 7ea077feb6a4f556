"""``{errata}``: the errors of published editions, from ``book/errata.yml``, newest first."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from cape_links import repository_link
from docutils import nodes
from page_tables import table
from sphinx.util.docutils import SphinxDirective

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sphinx.application import Sphinx

LIST = "book/errata.yml"
NONE_YET = "None yet."
# The columns of the page, and whether an entry must have them.
FIELDS = {"date": True, "where": True, "wrong": True, "right": True, "since": True, "issue": False}


def entries(text: str) -> list[dict[str, Any]]:
    """Read the list.

    Parameters
    ----------
    text
        YAML: a list of mappings.

    Returns
    -------
    list of dict
        As they stand, newest first.

    Raises
    ------
    ValueError
        If an entry lacks a field or has one that is not known, a date is none, or an older entry stands above a newer one.
    """
    held = yaml.safe_load(text)
    if not isinstance(held, list):
        raise ValueError(f"{LIST} holds no list")
    for number, one in enumerate(held, start=1):
        missing = [name for name, needed in FIELDS.items() if needed and not one.get(name)]
        unknown = sorted(set(one) - set(FIELDS))
        if missing or unknown:
            raise ValueError(
                f"entry {number} lacks {missing or 'nothing'} and has {unknown or 'nothing'} that is not known"
            )
        if not isinstance(one["date"], datetime.date):
            raise ValueError(f"entry {number} is dated {one['date']!r}; a date is written 2027-01-31")
    if [one["date"] for one in held] != sorted((one["date"] for one in held), reverse=True):
        raise ValueError("the entries do not stand newest first")
    return held


class Errata(SphinxDirective):
    """The table, or a word that there is nothing in it."""

    def run(self) -> list[nodes.Node]:
        """Read the list and write one row an error."""
        path = Path(self.env.srcdir) / LIST
        self.env.note_dependency(str(path))
        try:
            held = entries(path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise self.error(str(error)) from error
        return [listed(held)]


def listed(held: Sequence[dict[str, Any]]) -> nodes.Node:
    """The entries as they are shown."""
    if not held:
        return nodes.paragraph("", NONE_YET)
    rows = [
        [
            *(str(one["date"]), str(one["where"]), str(one["wrong"]), str(one["right"]), str(one["since"])),
            repository_link("", f"#{one['issue']}", path=f"issues/{one['issue']}")
            if one.get("issue")
            else "",
        ]
        for one in held
    ]
    return table(
        [12, 16, 28, 28, 8, 8], ["Corrected", "Where", "It said", "It says", "Since", "Report"], rows
    )


def setup(app: Sphinx) -> dict[str, Any]:
    """Register with Sphinx."""
    app.add_directive("errata", Errata)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
