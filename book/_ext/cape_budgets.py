"""``{budgets}``: what the book costs its readers and builders, from the last measurement kept in the repository."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from docutils import nodes
from docutils.parsers.rst import Directive
from page_tables import table

if TYPE_CHECKING:
    from sphinx.application import Sphinx

RESULTS = Path(__file__).resolve().parents[2] / "benchmarks" / "results.json"
SLACK = 1.5  # as in benchmarks.measures
PARTS = {
    "start": "Starting",
    "answers": "Answering",
    "analysis": "Computing",
    "book": "Building",
    "pages": "Reading",
    "steering": "Steering",
    "scaling": "Growing with the work",
    "gpu": "On a GPU",
}


def figure(value: float, unit: str) -> str:
    """Three digits and the unit.

    Examples
    --------
    >>> figure(0.04321, "s"), figure(312.4, "s")
    ('0.0432 s', '312 s')
    """
    digits = f"{value:.0f}" if value >= 100 else f"{value:.3g}"
    return f"{digits} {unit}".rstrip()


def budgets_table(kept: dict[str, Any]) -> list[nodes.Node]:
    """One table for each part, and a line on the machines and the days."""
    found: list[nodes.Node] = []
    for part, title in PARTS.items():
        rows = [one for one in kept["measures"] if one["part"] == part]
        if not rows:
            continue
        cells = [
            [
                one["name"],
                ", ".join(figure(run["value"], one["unit"]) for run in one.get("before", ())) or "-",
                figure(one["value"], one["unit"]),
                figure(SLACK * one["budget"], one["unit"]),
                one["note"],
            ]
            for one in rows
        ]
        found.append(table((34, 16, 11, 11, 28), (title, "before", "measured", "at most", "note"), cells))
    found.append(nodes.paragraph("", origin(kept)))
    return found


def origin(kept: dict[str, Any]) -> str:
    """On which days and machines the figures were measured; the parts are named where these are several."""
    shown: dict[tuple[str, str], list[str]] = {}
    for part, title in PARTS.items():
        for one in kept["measures"]:
            if one["part"] == part:
                machine = one.get("machine") or kept["machine"]  # older files name one machine for all
                gpu = f" and {machine['gpu']}" if "gpu" in machine else ""
                where = f"{machine['system']}, {machine['cores']} cores{gpu}, Python {machine['python']}"
                titles = shown.setdefault((where, one["measured"]), [])
                titles += [title] if title not in titles else []
    if len(shown) == 1:
        ((where, day),) = shown
        return f"Measured on {day} with {where}."
    each = [f"{' and '.join(titles)} on {day} with {where}" for (where, day), titles in shown.items()]
    return f"Measured: {'; '.join(each)}."


class Budgets(Directive):
    """Show the kept measurements."""

    def run(self) -> list[nodes.Node]:
        """Read them when the page is read; the page is read again when they change."""
        self.state.document.settings.env.note_dependency(str(RESULTS))
        return budgets_table(json.loads(RESULTS.read_text(encoding="utf-8")))


def setup(app: Sphinx) -> dict[str, Any]:
    """Register with Sphinx."""
    app.add_directive("budgets", Budgets)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
