"""How long commands and controls take to answer: commands as multiples of a floor, the import of what all of them need."""

from __future__ import annotations

import contextlib
import io
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from benchmarks.measures import Measure, best

__all__ = ["EXPLORERS", "answer_measures", "control_times"]

REPEATS = 3
FLOOR = "import numpy, pandas, scipy.stats"
SCORES = """model,family,params_b,hellaswag,truthfulqa_mc2
a-1B,a,1,60,40
a-3B,a,3,68,38
a-7B,a,7,75,42
"""
# Times the floor; what is aimed at stands in the note.
COMMANDS = {
    "cape diagnose, 3 models": (["diagnose", "SCORES", "--json"], 1.3, 2.5),
    "cape claims --json, nothing changed": (["claims", "--json"], 0.5, 2.0),
    "cape frontier": (["frontier", "--swe", "70", "--gpqa", "80", "--json"], 1.4, 2.0),
}
READ_MS = 6.0
MEDIAN_MS, SLOWEST_MS = 50.0, 200.0
# Live, and without a model.
EXPLORERS = (
    *("critical_scale_explorer", "family_explorer", "frontier_explorer", "ode_explorer"),
    *("scores_editor", "what_if_explorer", "width_explorer"),
)


def _process_s(*words: str) -> float:
    start = time.perf_counter()
    subprocess.run([sys.executable, *words], capture_output=True, check=True)
    return time.perf_counter() - start


def _command_measures() -> list[Measure]:
    """Each command's whole process over the floor, taken in turns so that both see the same machine."""
    with tempfile.TemporaryDirectory() as folder:
        scores = Path(folder, "scores.csv")
        scores.write_text(SCORES, encoding="utf-8")
        measures = []
        for name, (words, budget, aim) in COMMANDS.items():
            given = [str(scores) if word == "SCORES" else word for word in words]
            _process_s("-m", "cape_utils.cli", *given)  # what is kept between calls is kept now
            pairs = [
                (_process_s("-c", FLOOR), _process_s("-m", "cape_utils.cli", *given)) for _ in range(REPEATS)
            ]
            floor, command = best([a for a, _ in pairs]), best([b for _, b in pairs])
            note = f"{command:.2f} s; the floor, {FLOOR!r}, {floor:.2f} s; at most {aim:g}"
            measures.append(Measure("answers", name, command / floor, budget, "x", note))
    return measures


def _read_measure() -> Measure:
    """Reading and checking a small CSV, over pandas alone."""
    import pandas as pd

    from cape_utils import data

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "scores.csv")
        path.write_text(SCORES, encoding="utf-8")

        def seconds(read: Any) -> float:
            read(path)
            times = []
            for _ in range(20):
                start = time.perf_counter()
                read(path)
                times.append(time.perf_counter() - start)
            return best(times)

        over = 1000 * (seconds(data.load_scores) - seconds(pd.read_csv))
    return Measure("answers", "read a CSV of 3 rows, over pandas", over, READ_MS, "ms", "at most 30 ms")


def _other_values(control: Any) -> list[Any]:
    """A few values that a control does not stand at."""
    import ipywidgets as widgets

    values = [entry[1] if isinstance(entry, tuple) else entry for entry in getattr(control, "options", ())]
    if isinstance(control, widgets.SelectMultiple):
        return [tuple(values[:3]), tuple(values[1:6])]
    if isinstance(control, widgets.SelectionRangeSlider):
        return [(values[0], values[len(values) // 2])]
    if isinstance(control, widgets.Checkbox):
        values = [False, True]
    elif isinstance(control, widgets.FloatLogSlider):
        values = [control.base**control.min, control.base**control.max]
    elif isinstance(control, widgets.IntSlider | widgets.FloatSlider):
        values = [control.min, control.max]
    return [value for value in values if value != control.value][:3]


def control_times(makers: Sequence[str] = EXPLORERS) -> Iterator[tuple[str, float]]:
    """Every control of these explorers, moved there and back: its name, and milliseconds."""
    from cape_utils import explorers

    for maker in makers:
        app = getattr(explorers, maker)()
        _ = app.chart  # what the first answer loads is loaded now
        for name, control in app.controls.items():
            first = control.value
            for value in _other_values(control):
                for chosen in (value, first):
                    control.value = chosen
                    start = time.perf_counter()
                    _ = app.chart
                    yield f"{maker}, {name}", 1000 * (time.perf_counter() - start)


def answer_measures() -> list[Measure]:
    """Commands, a small file, and the controls of the live explorers."""
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    with contextlib.redirect_stdout(io.StringIO()):
        times = sorted(control_times(), key=lambda entry: entry[1])
    where, slowest = times[-1]
    middle = statistics.median(ms for _, ms in times)
    return [
        *_command_measures(),
        _read_measure(),
        Measure(
            "answers", "a control of a live explorer, median", middle, MEDIAN_MS, "ms", f"{len(times)} moves"
        ),
        Measure("answers", "a control of a live explorer, slowest", slowest, SLOWEST_MS, "ms", where),
    ]
