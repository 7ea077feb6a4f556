"""What it costs to begin: importing the package, and starting the command line."""

from __future__ import annotations

import subprocess
import sys
import time

from benchmarks.measures import Measure, best

__all__ = ["start_measures"]

REPEATS = 5
IMPORT_MS = 5
COMMAND_S = 0.07
_IMPORT = "import time; t = time.perf_counter(); import cape_utils; print(1000 * (time.perf_counter() - t))"


def _import_ms() -> float:
    done = subprocess.run([sys.executable, "-c", _IMPORT], capture_output=True, text=True, check=True)
    return float(done.stdout)


def _command_s(*words: str) -> float:
    start = time.perf_counter()
    subprocess.run([sys.executable, "-m", "cape_utils.cli", *words], capture_output=True, check=True)
    return time.perf_counter() - start


def start_measures() -> list[Measure]:
    """Milliseconds to import the package, seconds until the command line answers; the best of five."""
    return [
        Measure(
            "start",
            "import the package",
            best([_import_ms() for _ in range(REPEATS)]),
            IMPORT_MS,
            "ms",
            "no torch",
        ),
        Measure(
            "start",
            "command line, help",
            best([_command_s("--help") for _ in range(REPEATS)]),
            COMMAND_S,
            "s",
            "whole process",
        ),
        Measure(
            "start",
            "cape diagnose, help",
            best([_command_s("diagnose", "--help") for _ in range(REPEATS)]),
            COMMAND_S,
            "s",
            "whole process",
        ),
    ]
