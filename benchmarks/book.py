"""What the book costs to build: from nothing, again with nothing changed, and chapter by chapter."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.measures import Measure

__all__ = ["book_measures", "chapter_measures"]

ROOT = Path(__file__).resolve().parent.parent
# Seconds as they were measured when the budgets were set; half as much again is allowed.
COLD_S = 170.0
WARM_S = 2.0
CHAPTER_S = 12.0
# Chapters that compute more, or open a model.
LONG_CHAPTERS = {
    "05_recipes": 20.0,
    "06_attention_heads": 48.0,
    "07_ode": 30.0,
    "10_steering": 80.0,
    "11_toy_world": 22.0,
}


def _build(*options: str) -> float:
    # A folder of results of its own: what this machine has kept from before would make a cold build warm.
    with tempfile.TemporaryDirectory() as results:
        start = time.perf_counter()
        subprocess.run(
            [sys.executable, str(ROOT / "book" / "build.py"), *options],
            check=True,
            stdout=subprocess.DEVNULL,
            env={**os.environ, "CAPE_RESULTS": results},
        )
        return time.perf_counter() - start


def chapter_measures(seconds: Path) -> list[Measure]:
    """One measure for each notebook, from the table of the last build that executed them."""
    with seconds.open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines, delimiter="\t"))
    return [
        Measure(
            "book",
            f"run {row['notebook']}",
            float(row["seconds"]),
            LONG_CHAPTERS.get(row["notebook"], CHAPTER_S),
            "s",
        )
        for row in rows
    ]


def book_measures() -> list[Measure]:
    """Build the book from nothing, then again; this takes as long as it sounds."""
    cold = _build("--fresh")
    chapters = chapter_measures(ROOT / "_build" / "reports" / "seconds.tsv")
    warm = _build()
    return [
        Measure("book", "cold build, caches empty", cold, COLD_S, "s", "the model is fetched already"),
        Measure("book", "rebuild, nothing changed", warm, WARM_S, "s"),
        *chapters,
    ]
