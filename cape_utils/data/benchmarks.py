"""What is known of each benchmark: its title, its chance level, its number of items.

A benchmark of the reader's own is a column of the reader's table that has its number of items and its chance level beside it, as
``name_items`` and ``name_chance``; its name is its title.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cape_utils import data
from cape_utils.data.loading import load

__all__ = [
    "OWN_NAME",
    "benchmark_items",
    "benchmark_title",
    "benchmarks_of",
    "chance_of",
    "chance_pct",
    "items_of",
    "own_benchmarks",
]

OWN_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,39}")
"""What a benchmark of the reader's own may be called: short, and without spaces, so that it stands in a command as it is."""

_DECLARED_BY = ("_items", "_chance")
_BESIDE = (*_DECLARED_BY, "_shots", "_version", "_formulation")


@functools.cache
def _known() -> frozenset[str]:
    return frozenset(load("benchmarks")["benchmark"])


def own_benchmarks(columns: Iterable[str]) -> list[str]:
    """Benchmarks of the reader's own among the columns of a table: those with their items or their chance level beside them.

    Examples
    --------
    >>> own_benchmarks(["model", "hellaswag", "hellaswag_items", "law_exam", "law_exam_items", "law_exam_chance", "average"])
    ['law_exam']
    """
    given = [str(column) for column in columns]
    declared = {name.removesuffix(end) for end in _DECLARED_BY for name in given if name.endswith(end)}
    if not declared:
        return []
    return [
        name
        for name in dict.fromkeys(given)
        if name in declared
        and name not in _known()
        and OWN_NAME.fullmatch(name)
        and not name.endswith(_BESIDE)
    ]


def chance_pct(benchmark: str) -> float:
    """Score of random guessing on a benchmark, percent.

    Parameters
    ----------
    benchmark : str
        Identifier, such as ``"hellaswag"``.

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

    Parameters
    ----------
    benchmark : str
        Identifier, such as ``"truthfulqa_mc2"``.

    Examples
    --------
    >>> benchmark_title("truthfulqa_mc2")
    'TruthfulQA MC2'
    """
    return _titles().get(benchmark, benchmark)


@functools.cache
def _titles() -> dict[str, str]:
    known = load("benchmarks")
    return dict(zip(known["benchmark"], map(str, known["title"]), strict=True))


def chance_of(rows: pd.DataFrame, benchmark: str) -> float:
    """Score of random guessing on a benchmark of a table, percent: the book's, or what the table says of the reader's own.

    Raises
    ------
    KeyError
        As ``chance_pct``, where neither knows it.

    Examples
    --------
    >>> toy = pd.DataFrame({"law_exam": [40.0, 52.0], "law_exam_items": 300, "law_exam_chance": 20.0})
    >>> chance_of(toy, "law_exam"), chance_of(toy, "hellaswag")
    (20.0, 25.0)
    """
    if benchmark in own_benchmarks(rows.columns) and len(rows):
        return float(rows[f"{benchmark}_chance"].iloc[0])
    return chance_pct(benchmark)


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
    own = benchmark in own_benchmarks(rows.columns)  # its items stand in the table alone
    whole = np.full(len(rows), np.nan if own else benchmark_items(benchmark))
    if f"{benchmark}_items" not in rows:
        return whole
    ran = rows[f"{benchmark}_items"].astype("float64").to_numpy()
    return np.where(np.isfinite(ran), ran, whole)


def benchmarks_of(rows: pd.DataFrame) -> list[str]:
    """Benchmarks of a table that hold a score: in the order of the table ``benchmarks``, then the reader's own."""
    names = [*data.load("benchmarks")["benchmark"], *own_benchmarks(rows.columns)]
    return [name for name in names if name in rows and rows[name].notna().any()]
