"""Print seconds and memory of the vectorised resampling, seconds of plain loops, and their ratio.

Exit code 1 if a budget is exceeded by more than half; a busy machine may cost some of it, not that much.
"""

from __future__ import annotations

import sys
import time
import tracemalloc
from collections.abc import Callable

from benchmarks.cases import cases
from benchmarks.overhead import BUDGET, default_overhead

SLACK = 1.5
REPEATS = 3


def seconds(call: Callable[[], object], repeats: int) -> float:
    """Least time of several calls."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return min(times)


def peak_mb(call: Callable[[], object]) -> float:
    """Most memory that a call holds at once."""
    tracemalloc.start()
    call()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak / 1e6


def main() -> int:
    """Measure every case and print the table."""
    print(f"{'case':<50}{'draws':>9}{'package':>11}{'loop':>11}{'ratio':>8}{'budget':>9}{'peak':>10}")
    broken = []
    for case in cases():
        case.fast()  # tables and arrangements are loaded once, whoever asks first
        fast = seconds(case.fast, REPEATS)
        loop = seconds(case.loop, 1) * case.draws / case.loop_draws
        print(
            f"{case.name:<50}{case.draws:>9,}{fast:>9.3f} s{loop:>9.1f} s{loop / fast:>7.0f}x{case.budget_s:>7.1f} s"
            f"{peak_mb(case.fast):>7.0f} MB"
        )
        if fast > SLACK * case.budget_s:
            broken.append(f"{case.name}: {fast:.2f} s where {case.budget_s:g} s are allowed")
    print(
        f"\nBest of {REPEATS} for the package; the loops are timed once on "
        f"{', '.join(f'{case.loop_draws:,}' for case in cases())} draws and scaled up."
    )
    added = default_overhead()
    print(f"Steering adds {added:.1%} to the time of greedy generation; {BUDGET:.0%} are allowed.")
    if added > SLACK * BUDGET:
        broken.append(f"steering: {added:.1%} added to generation where {BUDGET:.0%} are allowed")
    for line in broken:
        print(f"Too slow: {line}", file=sys.stderr)
    return 1 if broken else 0


if __name__ == "__main__":
    raise SystemExit(main())
