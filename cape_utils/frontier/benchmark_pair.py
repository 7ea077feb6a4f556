"""Which two benchmarks a frontier is drawn from, and the table of models that it is drawn through.

Paper B takes SWE-bench Verified and GPQA Diamond over the models of its release. A reader may bring another table, and
any two columns of it; the line and what follows from it are the job of ``frontier.regression`` and ``frontier.model_diagnosis``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from cape_utils import data
from cape_utils.data.benchmarks import benchmark_items
from cape_utils.data.schema import DataError, Problem, read_table, read_user_table
from cape_utils.evaluations.tables import as_csv, open_table, rename_headings, spelt

__all__ = ["GPQA", "PAPER_PAIR", "SWE", "Pair", "make_pair", "population_schema", "read_population"]

SWE, GPQA = "swe_bench_verified", "gpqa_diamond"
"""Identifier of a benchmark of paper B: SWE-bench Verified across, GPQA Diamond upwards."""

# Headings of public tables of frontier models, such as the hub of Epoch AI.
_HEADINGS = {
    "modelversion": "model", "modelname": "model", "name": "model", "organization": "lab", "organisation": "lab",
    "developer": "lab", "releasedate": "released", "date": "released",
}  # fmt: skip


@dataclass(frozen=True)
class Pair:
    """Two benchmarks: the line gives the second from the first.

    Attributes
    ----------
    x, y : str
        Names of columns.
    items : tuple of (str, float)
        Numbers of test items that go before those of the table ``benchmarks``.
    """

    x: str = SWE
    y: str = GPQA
    items: tuple[tuple[str, float], ...] = ()

    @property
    def published(self) -> bool:
        """Whether it is the pair of paper B, which its thresholds and claims are about."""
        return (self.x, self.y) == (SWE, GPQA)

    def items_of(self, name: str) -> float:
        """Test items of one of the two; NaN where their number is not known.

        Examples
        --------
        >>> PAPER_PAIR.items_of("gpqa_diamond"), Pair("hle", "mmlu").items_of("hle")
        (198.0, nan)
        """
        given = dict(self.items)
        if name in given:
            return given[name]
        known = set(data.load("benchmarks")["benchmark"])
        return benchmark_items(name) if name in known else math.nan


PAPER_PAIR = Pair()
"""SWE-bench Verified and GPQA Diamond."""


def make_pair(x: str, y: str, *, items: Mapping[str, float] | None = None) -> Pair:
    """Check the names of two benchmarks and, where given, their numbers of test items.

    A benchmark of the book is known whatever the case, the spaces and the hyphens of its name.

    Raises
    ------
    ValueError
        If both are one, or a number of items is for neither or not above zero.

    Examples
    --------
    >>> make_pair("hle", "gpqa_diamond", items={"hle": 2500}).items_of("hle")
    2500.0
    """
    known = {spelt(name): name for name in data.load("benchmarks")["benchmark"]}
    x, y = known.get(spelt(x), x), known.get(spelt(y), y)
    if x == y:
        raise ValueError(f"x and y are both {x}; a frontier needs two benchmarks")
    for name, count in (items or {}).items():
        if name not in (x, y):
            raise ValueError(f"items were given for {name!r}; allowed are the two of the pair, {x} and {y}")
        if not (math.isfinite(count) and count > 0):
            raise ValueError(
                f"got {count:g} items of {name}, expected a number above 0; leave it out if it is not known"
            )
    return Pair(x, y, tuple((name, float(count)) for name, count in (items or {}).items()))


def population_schema(pair: Pair) -> dict[str, Any]:
    """Table Schema of a reader's table of models: names, labs, dates, and the two benchmarks among all that are known.

    Examples
    --------
    >>> [field["name"] for field in population_schema(Pair("hle", "mmlu"))["fields"]][:4]
    ['model', 'lab', 'family', 'released']
    """
    scores_fields = {field["name"]: field for field in data.score_schema()["fields"]}
    frontier = {field["name"]: field for field in data.table_schema("frontier_models")["fields"]}
    dates = {"pattern": frontier["released"]["constraints"]["pattern"]}
    fields = [
        scores_fields["model"],
        {**frontier["lab"], "constraints": {}},
        {**scores_fields["family"], "constraints": {}},
        {**frontier["released"], "constraints": dates},
    ]
    scores = [name for name in data.load("benchmarks")["benchmark"] if name not in (pair.x, pair.y)]
    for name in (pair.x, pair.y, *scores):
        rules = {"minimum": 0, "maximum": 100}
        what = f"{data.benchmark_title(name)} score of the models of the line"
        fields.append(
            {"name": name, "type": "number", "unit": "percent", "description": what, "constraints": rules}
        )
    return {"fields": fields, "missingValues": ["", "NA", "NaN", "nan", "n/a"], "primaryKey": ["model"]}


def read_population(source: str | Path | pd.DataFrame, pair: Pair = PAPER_PAIR) -> pd.DataFrame:
    """Read the reader's own table of models, through which the line of a pair is drawn.

    Parameters
    ----------
    source : path or pandas.DataFrame
        With ``model`` and the two benchmarks in percent; ``lab`` (or ``family``) and ``released`` (YYYY, YYYY-MM or
        YYYY-MM-DD) where a lab's history is wanted. Other columns are not used.
    pair : Pair

    Returns
    -------
    pandas.DataFrame
        ``model, lab, released`` and every benchmark of the table; lab and released are empty where there are none.

    Raises
    ------
    DataError
        With every problem found: line, column, what it holds, what is allowed.
    FileNotFoundError
        If there is no such file.
    """
    content = f"the columns model, {pair.x} and {pair.y}"
    schema = population_schema(pair)
    if isinstance(source, pd.DataFrame) or Path(source).is_dir() or not Path(source).exists():
        read, name = read_user_table(source, schema, content, further=True)
    else:
        name = Path(source).name
        opened = open_table(Path(source), name)
        rename_headings(
            opened, {spelt(field["name"]): field["name"] for field in schema["fields"]} | _HEADINGS
        )
        read = read_table(as_csv(opened), schema, name, further=True)
    missing = [
        Problem(name, 1, column, None, f"the column is missing; the table holds {', '.join(read.columns)}")
        for column in (pair.x, pair.y)
        if column not in read
    ]
    if missing:
        raise DataError(missing)
    known = dict.fromkeys([*data.load("benchmarks")["benchmark"], pair.x, pair.y])
    scores = [column for column in known if column in read]
    data.refuse_fractions(read, scores, name)
    lab = read.get("lab", read.get("family"))
    released = read.get("released")
    table = pd.DataFrame(
        {
            "model": read["model"],
            "lab": "" if lab is None else lab.fillna(""),
            "released": "" if released is None else released.fillna(""),
        }
    )
    return table.join(read[scores]).reset_index(drop=True)
