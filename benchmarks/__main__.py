"""Measure what the book, its pages and the package cost, and hold it against budgets.

``python -m benchmarks`` measures everything (ten minutes: the book is built from nothing); ``python -m benchmarks
analysis start`` measures those parts alone. The figures are kept in ``benchmarks/results.json``, which the book shows.
Exit code 1 if a budget is exceeded by more than half; a busy machine may cost some of it, not that much.
"""

from __future__ import annotations

import argparse
import datetime
import sys
import time
import tracemalloc
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks.answers import answer_measures
from benchmarks.book import book_measures
from benchmarks.cases import cases
from benchmarks.measures import Measure, best, keep, table
from benchmarks.overhead import BUDGET, default_overhead
from benchmarks.pages import page_measures
from benchmarks.scaling import scaling_measures
from benchmarks.startup import start_measures

RESULTS = Path(__file__).resolve().parent / "results.json"
REPEATS = 3


def seconds(call: Callable[[], object], repeats: int) -> float:
    """Least time of several calls."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return best(times)


def peak_mb(call: Callable[[], object]) -> float:
    """Most memory that a call holds at once."""
    tracemalloc.start()
    call()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak / 1e6


def analysis_measures() -> list[Measure]:
    """Vectorised resampling against plain loops, which are timed on fewer draws and scaled up."""
    found = []
    for case in cases():
        case.fast()  # tables and arrangements are loaded once, whoever asks first
        fast = seconds(case.fast, REPEATS)
        loop = seconds(case.loop, 1) * case.draws / case.loop_draws
        note = f"{loop / fast:.0f} times faster than a plain loop ({loop:.1f} s); holds {peak_mb(case.fast):.0f} MB"
        found.append(Measure("analysis", f"{case.name}, {case.draws:,}", fast, case.budget_s, "s", note))
    return found


def steering_measures() -> list[Measure]:
    """What each method of steering adds to the time of plain generation."""
    return [
        Measure(
            *(
                "steering",
                f"time added to greedy generation: {method}",
                100 * added.estimate,
                100 * BUDGET,
                "%",
            ),
            f"median of {added.n} pairs of runs [{100 * added.low:.1f}, {100 * added.high:.1f}], default model",
        )
        for method, added in default_overhead().items()
    ]


PARTS: dict[str, Callable[[], list[Measure]]] = {
    "analysis": analysis_measures,
    "start": start_measures,
    "answers": answer_measures,
    "book": book_measures,
    "pages": page_measures,
    "steering": steering_measures,
    "scaling": scaling_measures,
}


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, print the table, keep it, and name what is too slow."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measure speed and memory.")
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"{', '.join(PARTS)}; all by default")
    chosen = parser.parse_args(argv).parts or list(PARTS)
    if unknown := [part for part in chosen if part not in PARTS]:
        parser.error(f"no part {', '.join(map(repr, unknown))}; the parts are {', '.join(PARTS)}")
    found = []
    for part in chosen:
        print(f"Measuring: {part} ...", file=sys.stderr, flush=True)
        found += PARTS[part]()
    print(table(found))
    keep(RESULTS, found, datetime.date.today().isoformat())
    broken = [one for one in found if one.broken]
    for one in broken:
        print(
            f"Too slow: {one.name}: {one.value:.3g} {one.unit} where {one.budget:g} {one.unit} are allowed",
            file=sys.stderr,
        )
    return 1 if broken else 0


if __name__ == "__main__":
    raise SystemExit(main())
