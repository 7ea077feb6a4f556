"""How time and memory grow with the work: the exponent of each, which is 1 where ten times the work takes ten times as long."""

from __future__ import annotations

import json
import tempfile
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.measures import Measure
from cape_utils import data

__all__ = ["exponent", "scaling_measures"]

EXPONENT = 0.75
"""Budget of every exponent: half as much again is a little above linear, which nothing is without a reason."""


def exponent(amounts: list[int], costs: list[float]) -> float:
    """Slope of log cost on log amount over the two largest amounts, where what does not grow has ceased to count.

    Examples
    --------
    >>> round(exponent([10, 100, 1000], [3.0, 4.0, 40.0]), 2)
    1.0
    """
    (a, b), (x, y) = amounts[-2:], costs[-2:]
    return float(np.log(y / x) / np.log(b / a))


def _families(models: int) -> pd.DataFrame:
    """Families of five sizes, with scores that rise."""
    rng = np.random.default_rng(0)
    size = np.tile([0.4, 1.0, 3.0, 7.0, 13.0], models // 5)
    return pd.DataFrame(
        {
            "model": [f"m{i}" for i in range(len(size))],
            "family": [f"f{i // 5}" for i in range(len(size))],
            "params_b": size,
            "hellaswag": np.clip(40 + 12 * np.log10(size / 0.4) + rng.normal(0, 2, len(size)), 26, 90),
            "truthfulqa_mc2": np.clip(40 + rng.normal(0, 3, len(size)), 25, 70),
        }
    )


def _diagnose(models: int) -> Callable[[], object]:
    from cape_utils.diagnosis.family_diagnosis import diagnose_all

    table = data.load_scores(_families(models))
    return lambda: diagnose_all(table)


def _bootstrap(models: int) -> Callable[[], object]:
    from cape_utils.scaling.coupling import population_coupling

    table = _families(models)
    return lambda: population_coupling(table, draws=200)


def _frontier(models: int) -> Callable[[], object]:
    from cape_utils.frontier.benchmark_pair import Pair, read_population

    folder = Path(tempfile.mkdtemp())
    path = folder / "table.csv"
    _families(models)[["model", "hellaswag", "truthfulqa_mc2"]].to_csv(path, index=False)
    return lambda: read_population(path, Pair("hellaswag", "truthfulqa_mc2"))


def _harness(files: int) -> Callable[[], object]:
    from cape_utils.evaluations.reading import read_scores

    folder = Path(tempfile.mkdtemp())
    for i in range(files):
        results = {
            "hellaswag": {"acc_norm,none": 0.5, "alias": "hellaswag"},
            "truthfulqa_mc2": {"acc,none": 0.4},
        }
        versions = {"hellaswag": 1.0, "truthfulqa_mc2": 2.0}
        config = {"model": "hf", "model_args": f"pretrained=lab{i // 5}/m{i}-{1 + i % 5}b"}
        whole = {"results": results, "versions": versions, "config": config, "n-shot": {}, "configs": {}}
        (folder / f"m{i}-{1 + i % 5}b").mkdir()
        path = folder / f"m{i}-{1 + i % 5}b" / "results_2026-01-01T00-00-00.000000.json"
        path.write_text(json.dumps(whole), encoding="utf-8")
    return lambda: read_scores(folder)


CASES: dict[str, tuple[Callable[[int], Callable[[], object]], list[int], str]] = {
    # A family takes its tenth of a second, whatever the others do; ten thousand models would be minutes.
    "cape diagnose, models": (_diagnose, [10, 100, 500], "families of five"),
    "bootstrap of r over families, models": (_bootstrap, [10, 100, 1000, 10_000], "200 draws"),
    "cape frontier --table, rows": (_frontier, [10, 100, 1000, 10_000], "reading and checking"),
    "lm-evaluation-harness, files": (_harness, [10, 100, 1000, 10_000], "one model a file"),
}


def scaling_measures() -> list[Measure]:
    """Time, and its exponent over the last tenfold step; the note tells the times and the memory of the largest."""
    measures = []
    for name, (prepare, amounts, what) in CASES.items():
        seconds = []
        for amount in amounts:
            call = prepare(amount)
            start = time.perf_counter()
            call()
            seconds.append(time.perf_counter() - start)
        tracemalloc.start()
        call()
        peak = tracemalloc.get_traced_memory()[1] / 1e6
        tracemalloc.stop()
        listed = ", ".join(f"{n:,}: {s:.2g} s" for n, s in zip(amounts, seconds, strict=True))
        note = f"{what}; {listed}; {peak:.0f} MB for {amounts[-1]:,}"
        measures.append(
            Measure("scaling", f"{name}, exponent", exponent(amounts, seconds), EXPONENT, "", note)
        )
    return measures
