"""What is known of each benchmark: its title, its chance level, its number of items."""

from __future__ import annotations

import functools

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cape_utils import data
from cape_utils.data.loading import load

__all__ = ["benchmark_items", "benchmark_title", "benchmarks_of", "chance_pct", "items_of"]


def chance_pct(benchmark: str) -> float:
    """Score of random guessing on a benchmark, percent.

    Raises
    ------
    KeyError
        For a benchmark that the table ``benchmarks`` does not hold, with those it does.

    Examples
    --------
    >>> chance_pct("hellaswag")
    25.0
    """
    known = load("benchmarks").set_index("benchmark")["chance_pct"]
    if benchmark not in known:
        raise KeyError(f"no benchmark {benchmark!r}; there are {', '.join(known.index)}")
    return float(known[benchmark])


def benchmark_title(benchmark: str) -> str:
    """Name of a benchmark for readers; the identifier itself where the table ``benchmarks`` has none.

    Examples
    --------
    >>> benchmark_title("truthfulqa_mc2")
    'TruthfulQA MC2'
    """
    known = load("benchmarks").set_index("benchmark")["title"]
    return str(known[benchmark]) if benchmark in known else benchmark


@functools.cache
def benchmark_items(benchmark: str) -> float:
    """Number of test items of a benchmark; NaN where it is not stated.

    Examples
    --------
    >>> benchmark_items("truthfulqa_mc2")
    817.0
    """
    table = data.load("benchmarks").set_index("benchmark")["items"]
    if benchmark not in table.index:
        raise ValueError(f"no benchmark {benchmark!r}; known are {', '.join(table.index)}")
    return float(table.astype("float64")[benchmark])


def items_of(rows: pd.DataFrame, benchmark: str) -> NDArray[np.float64]:
    """Test items behind each model's score: those that ran where the table says so, else those of the benchmark.

    Returns
    -------
    ndarray, shape (rows,)
        NaN where it is not known.

    Examples
    --------
    >>> toy = pd.DataFrame({"truthfulqa_mc2": [40.0, 41.0], "truthfulqa_mc2_items": [100, None]})
    >>> items_of(toy, "truthfulqa_mc2").tolist()
    [100.0, 817.0]
    """
    whole = np.full(len(rows), benchmark_items(benchmark))
    if f"{benchmark}_items" not in rows:
        return whole
    ran = rows[f"{benchmark}_items"].astype("float64").to_numpy()
    return np.where(np.isfinite(ran), ran, whole)


def benchmarks_of(rows: pd.DataFrame) -> list[str]:
    """Benchmarks of a table that hold a score, in the order of the table ``benchmarks``."""
    return [
        name for name in data.load("benchmarks")["benchmark"] if name in rows and rows[name].notna().any()
    ]
