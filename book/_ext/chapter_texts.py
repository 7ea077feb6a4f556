"""Read what the chapters say of themselves: their figures, goals and words. No Sphinx, nothing is written.

A page of the book quotes a chapter through these functions, so that nothing is stated twice.
"""

from __future__ import annotations

import csv
import html
import json
import re
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from docutils import nodes

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

__all__ = [
    "Chapter",
    "Figure",
    "LeadsNowhereError",
    "figures_in",
    "first_use",
    "learning_goals",
    "name_figures",
    "notation_rows",
    "order_faults",
    "planned",
    "prerequisites",
]

_FIGURE = re.compile(r'<figure class="cape-figure".*?</figure>', re.DOTALL)
_GOALS = re.compile(r"\*\*You will be able to\*\*\s*(.+?)(?=\n\s*\n|\n\*\*|\Z)", re.DOTALL)
_NEEDS = re.compile(r"\*\*You need\*\*\s*(.+?)(?=\n\s*\n|\n\*\*|\Z)", re.DOTALL)
_CHAPTER = re.compile(r"\d\d_[a-z_]+")


class LeadsNowhereError(ValueError):
    """A link names something that the chapter does not hold; the message names what it does hold."""


@dataclass(frozen=True)
class Figure:
    """A figure as a chapter built it."""

    title: str
    caption: str
    page: str

    @property
    def anchor(self) -> str:
        """The id that the figure has in its chapter."""
        return "figure-" + nodes.make_id(self.title)

    @property
    def controls(self) -> dict[str, list[str]]:
        """The name of every control with the settings it offers; none are listed for a slider."""
        found = re.search(r'class="cape-spec">(.*?)</script>', self.page, re.DOTALL)
        params = json.loads(found.group(1)).get("params", []) if found else []
        bound = [entry["bind"] for entry in params if isinstance(entry.get("bind"), dict)]
        return {
            bind["name"].strip(): [str(name) for name in bind.get("labels") or bind.get("options") or []]
            for bind in bound
            if "name" in bind
        }


@dataclass(frozen=True)
class Chapter:
    """A chapter of the plan.

    Examples
    --------
    >>> one = Chapter("07_ode", "ODE", "Does one equation do?")
    >>> one.number, one.label, one.numbered, one.link
    (7, 'Chapter 7', '7 ODE', 'Chapter 7: ODE')
    """

    name: str
    short_title: str
    question: str

    @property
    def number(self) -> int:
        """As its file name has it."""
        return int(self.name.partition("_")[0])

    @property
    def label(self) -> str:
        """What it is called in a sentence."""
        return f"Chapter {self.number}"

    @property
    def numbered(self) -> str:
        """Its line in a list of chapters."""
        return f"{self.number} {self.short_title}"

    @property
    def link(self) -> str:
        """What a link to it says."""
        return f"{self.label}: {self.short_title}"


def figures_in(page: str) -> list[Figure]:
    """List the figures of a piece of HTML."""
    found = []
    for text in _FIGURE.findall(page):
        title = re.search(r'<p class="cape-title">(.*?)(?:<span|</p>)', text, re.DOTALL)
        caption = re.search(r"<figcaption>(.*?)</figcaption>", text, re.DOTALL)
        if title and caption:
            found.append(Figure(html.unescape(title.group(1)), html.unescape(caption.group(1)), text))
    return found


def name_figures(page: str) -> str:
    """Give every figure the id by which other pages link it."""

    def named(match: re.Match[str]) -> str:
        found = figures_in(match.group(0))
        opening = f'<figure class="cape-figure" id="{found[0].anchor}"' if found else ""
        return match.group(0).replace('<figure class="cape-figure"', opening, 1) if found else match.group(0)

    return _FIGURE.sub(named, page)


def learning_goals(notebook: Path) -> str:
    """Read what a chapter promises, or say that its opening promises nothing."""
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    found = _GOALS.search("".join(cells[0]["source"]))
    if not found:
        raise LeadsNowhereError(f"{notebook.name} does not open with what the reader will be able to do")
    return " ".join(found.group(1).split())


def prerequisites(notebook: Path) -> list[str]:
    """List the chapters that a chapter's opening links behind *You need*, or say that it has no such line."""
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    found = _NEEDS.search("".join(cells[0]["source"]))
    if not found:
        raise LeadsNowhereError(f"{notebook.name} does not open with what the reader needs")
    return list(dict.fromkeys(_CHAPTER.findall(found.group(1))))


def order_faults(needs: Mapping[str, Sequence[str]]) -> list[str]:
    """Say which chapters need one that does not come before them; the keys stand in reading order.

    Examples
    --------
    >>> order_faults({"01_one": [], "02_two": ["01_one"]})
    []
    >>> order_faults({"01_one": ["02_two"], "02_two": ["00_none"]})
    ['01_one needs 02_two, which comes later', '02_two needs 00_none, which is no chapter']
    """
    order = list(needs)
    faults = []
    for place, (name, wanted) in enumerate(needs.items()):
        for other in wanted:
            if other not in needs:
                faults.append(f"{name} needs {other}, which is no chapter")
            elif order.index(other) >= place:
                faults.append(f"{name} needs {other}, which comes later")
    return faults


def first_use(pattern: str, notebooks: list[Path]) -> str:
    """Find the first heading under which a text occurs, as the target of a link."""
    for path in notebooks:
        heading = ""
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
            for line in "".join(cell["source"]).splitlines():
                if cell["cell_type"] == "markdown" and (match := re.match(r"##+ (.+)", line)):
                    heading = "#" + match.group(1)
                if pattern in line and (heading or cell["cell_type"] == "markdown"):
                    return path.stem + heading
    raise LeadsNowhereError(f"no chapter uses {pattern!r}")


def notation_rows(text: str) -> list[list[str]]:
    """Split rows of five cells: symbol, meaning, unit, names in the package, text whose first use is looked for."""
    rows = [[cell.strip() for cell in line.split(" | ")] for line in text.splitlines() if line.strip()]
    for row in rows:
        if len(row) != 5:
            raise LeadsNowhereError(f"a row of the notation has {len(row)} cells in place of 5: {row}")
    return rows


@cache
def planned(root: Path) -> dict[str, Chapter]:
    """Return the chapters of the plan by name, in order, written or not."""
    table = root / "data" / "chapters.csv"
    if not table.exists():
        return {}
    with table.open(encoding="utf-8", newline="") as lines:
        rows = csv.DictReader(lines)
        return {row["chapter"]: Chapter(row["chapter"], row["short_title"], row["question"]) for row in rows}
