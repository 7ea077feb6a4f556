"""One thing measured, what it may cost, and how measures are shown and kept."""

from __future__ import annotations

import json
import platform
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

__all__ = ["SLACK", "Measure", "best", "keep", "machine", "table"]

SLACK = 1.5
"""A busy machine may cost some of a budget, not half as much again."""

RUNS = 5
"""Former runs that a figure keeps."""


@dataclass(frozen=True)
class Measure:
    """One thing measured.

    Attributes
    ----------
    part : str
        What it belongs to: analysis, start, answers, book, pages, steering, scaling or gpu.
    name : str
    value, budget : float
        In ``unit``; a smaller value is better.
    unit : str
        ``s``, ``ms``, ``MB``, ``%``, ``nats``, ``points`` (of percent), ``x`` (times a floor) or nothing, for an exponent.
    note : str
        What it was compared with, or where the worst case stands.
    """

    part: str
    name: str
    value: float
    budget: float
    unit: str
    note: str = ""

    @property
    def broken(self) -> bool:
        """Whether the budget is exceeded by more than half."""
        return self.value > SLACK * self.budget

    def line(self) -> str:
        """The measure as a line of the table."""
        return f"{self.part:<10}{self.name:<52}{self.value:>9.3g} {self.unit:<3}{self.budget:>8.4g} {self.unit:<3} {self.note}"


def best(times: Sequence[float]) -> float:
    """Least of several times: what else the machine did can only add to it."""
    return min(times)


def machine() -> dict[str, str]:
    """What the measures were taken on."""
    import os

    return {
        "system": platform.system(),
        "python": platform.python_version(),
        "cores": str(os.cpu_count()),
    }


def table(found: Iterable[Measure]) -> str:
    """All measures, one a line."""
    head = f"{'part':<10}{'measure':<52}{'measured':>13}{'budget':>12}   note"
    return "\n".join([head, *(one.line() for one in found)])


def keep(path: Path, found: Sequence[Measure], when: str, on: dict[str, str] | None = None) -> None:
    """Write what was measured, on this machine or as ``on`` describes it, for the page of the book that shows it.

    Parts that were not measured this time keep their former figures, with the day and the machine they are from, so that
    a quick run loses nothing. A figure that is measured again keeps its last ones, with their days and machines, in
    ``before``. A file that names one machine for all its figures is read too.
    """
    former = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {"measures": []}
    parts, here = {one.part for one in found}, on or machine()
    earlier = {(one["part"], one["name"]): one for one in former["measures"]}
    shared = {"machine": former["machine"]} if "machine" in former else {}
    rows = [shared | one for one in former["measures"] if one["part"] not in parts]
    for one in found:
        row = asdict(one) | {"value": float(f"{one.value:.4g}"), "measured": when, "machine": here}
        if last := earlier.get((one.part, one.name)):
            run = {key: last.get(key, former.get(key)) for key in ("value", "measured", "machine")}
            row["before"] = [*last.get("before", ()), run][-RUNS:]
        rows.append(row)
    text = json.dumps({"measures": rows}, indent=1, ensure_ascii=False)
    path.write_text(text + "\n", encoding="utf-8")
