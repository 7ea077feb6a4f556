"""A reader's own table of scores, checked against the schema as the book's own tables are."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from cape_utils.data.benchmarks import chance_of, own_benchmarks
from cape_utils.data.loading import _resource, load, missing_counts
from cape_utils.data.loading import panel as panel_rows
from cape_utils.data.model_names import check_size
from cape_utils.data.schema import DataError, Problem, header_of, read_user_table
from cape_utils.data.visible import visible

__all__ = [
    "ALIASES",
    "CONDITIONS",
    "SCORE_CONDITIONS",
    "check_scores",
    "load_scores",
    "own_fields",
    "refuse_fractions",
    "schema_of_text",
    "score_schema",
]

CONDITIONS = ("adapter", "quantisation", "dtype", "chat_template", "system_prompt", "revision", "harness")
"""Columns, all optional, that say how a model was measured. An empty cell is not known, and contradicts nothing; ``none`` is
a value."""

SCORE_CONDITIONS = {"items": "integer", "shots": "integer", "version": "string", "formulation": "string"}
"""What may stand beside a benchmark, as ``hellaswag_items``: items that ran, examples in the prompt, version of the task, how
the question was put; with the type of each."""

ALIASES = {
    "arc": "ARC has an easy set and a challenge set; name the column arc_challenge if it is the latter, or take it out",
} | dict.fromkeys(
    ("truthfulqa", "tqa"),
    "the variant matters (chance is about 22 for MC1 and 46 for MC2); "
    "name the column truthfulqa_mc1 or truthfulqa_mc2",
)
"""Column names, in lower case, that readers use and that have no single meaning, with what to write."""


_MOST = 10**9  # items or examples in a prompt


def score_schema() -> dict[str, Any]:
    """Table Schema of the reader's own scores: names, sizes and every benchmark of the table ``benchmarks``.

    Examples
    --------
    >>> [field["name"] for field in score_schema()["fields"]][:3]
    ['model', 'family', 'params_b']
    """
    fields = {field["name"]: field for field in _resource("open_panel")["schema"]["fields"]}
    schema: dict[str, Any] = {"missingValues": ["", "NA", "NaN", "nan", "n/a"], "primaryKey": ["model"]}
    schema["fields"] = [
        {**fields["model"], "description": "name of the model"},
        *(fields[name] for name in ("family", "params_b", "tokens_b")),
    ]
    for row in load("benchmarks").itertuples():
        schema["fields"].append(
            {
                "name": row.benchmark,
                "type": "number",
                "unit": "percent",
                "description": f"{row.title} score",
                "constraints": {"minimum": 0, "maximum": 100},
            }
        )
    # Written by ``cape scores``; a reader who types a table need not know of them.
    schema["fields"] += [{"name": name, "type": "string", "listed": False} for name in CONDITIONS]
    for row in load("benchmarks").itertuples():
        schema["fields"] += [
            {
                "name": f"{row.benchmark}_{name}",
                "type": kind,
                "description": f"{name} of {row.title}",
                "constraints": {"minimum": int(name == "items"), "maximum": _MOST}
                if kind == "integer"
                else {},
                "listed": False,
            }
            for name, kind in SCORE_CONDITIONS.items()
        ]
    return schema


def own_fields(header: Sequence[str]) -> list[dict[str, Any]]:
    """Fields of the benchmarks of the reader's own that a header declares: the score, its items and its chance level.

    Examples
    --------
    >>> [field["name"] for field in own_fields(["model", "law_exam", "law_exam_items"])][:3]
    ['law_exam', 'law_exam_items', 'law_exam_chance']
    """
    taken = {*(field["name"] for field in score_schema()["fields"]), *ALIASES}
    fields: list[dict[str, Any]] = []
    for name in own_benchmarks(header):
        if name.lower() not in taken:
            fields += _fields_of_own(name)
    return fields


def _fields_of_own(name: str) -> list[dict[str, Any]]:
    percent = {"type": "number", "unit": "percent"}
    return [
        {
            "name": name,
            **percent,
            "description": f"{name} score",
            "constraints": {"minimum": 0, "maximum": 100},
        },
        {
            "name": f"{name}_items",
            "type": "integer",
            "description": f"number of test items of {name}",
            "constraints": {"minimum": 1, "maximum": _MOST, "required": True},
        },
        {
            "name": f"{name}_chance",
            **percent,
            "description": f"score of random guessing on {name}, 0 where guessing scores nothing",
            "constraints": {"minimum": 0, "maximum": 99, "required": True},
        },
        *(
            {
                "name": f"{name}_{one}",
                "type": kind,
                "description": f"{one} of {name}",
                "constraints": {"minimum": 0, "maximum": _MOST} if kind == "integer" else {},
                "listed": False,
            }
            for one, kind in SCORE_CONDITIONS.items()
            if one != "items"
        ),
    ]


def schema_of_text(text: str, name: str) -> dict[str, Any]:
    """The schema of a reader's table: that of ``score_schema`` with the benchmarks of their own that its header declares.

    Parameters
    ----------
    text : str
        The table as CSV.
    name : str
        Of the table, for messages.

    Raises
    ------
    DataError
        If the text cannot be split.
    """
    schema = score_schema()
    schema["fields"] += own_fields(header_of(text, schema, name))
    return schema


def load_scores(source: str | Path | pd.DataFrame) -> pd.DataFrame:
    """Load the reader's own scores, with the checks that the book's tables go through.

    Parameters
    ----------
    source : path or pandas.DataFrame
        A CSV file (comma, semicolon or tab, UTF-8) or a table with the columns ``model``, ``family``, ``params_b``
        (billions), optionally ``tokens_b``, and at least one benchmark in percent: of the table ``benchmarks``, or one of the
        reader's own with its number of items and its chance level beside it (``law_exam``, ``law_exam_items``,
        ``law_exam_chance``).

    Returns
    -------
    pandas.DataFrame
        Ordered by family and size. Missing values stay missing; ``attrs["missing"]`` counts them by column, and
        ``attrs["notes"]`` is that of a table that has such notes.

    Raises
    ------
    DataError
        With every problem found: line, column, value, what is allowed and the remedy.
    FileNotFoundError
        If there is no such file.

    Examples
    --------
    >>> mine = {"model": ["mine-7b", "mine-1b"], "family": "Mine", "params_b": [7.0, 1.0], "mmlu": [40.0, 30.0]}
    >>> load_scores(pd.DataFrame(mine))["model"].tolist()
    ['mine-1b', 'mine-7b']
    """
    content = "scores; for other tables and results of evaluations use evaluations.read_scores"
    table, name = read_user_table(source, schema_of_text, content, aliases=ALIASES)
    table = check_scores(table, name)
    if isinstance(source, pd.DataFrame):
        table.attrs |= {key: source.attrs[key] for key in ("notes", "left_out") if key in source.attrs}
    return table


def check_scores(table: pd.DataFrame, name: str) -> pd.DataFrame:
    """What is checked beyond the cells of a table of scores: a benchmark, percent, sizes that fit the names.

    Parameters
    ----------
    table : pandas.DataFrame
        As ``data.schema.read_table`` returns it, indexed by the line of the file.
    name : str
        Of the table, for messages.

    Returns
    -------
    pandas.DataFrame
        As from ``load_scores``.

    Raises
    ------
    DataError
    """
    for column in ("model", "family", *CONDITIONS):
        if column in table:  # names go on into charts, pages and terminals
            table[column] = table[column].map(visible, na_action="ignore")
    own = own_benchmarks(table.columns)
    given = [column for column in [*load("benchmarks")["benchmark"], *own] if column in table]
    if not given:
        known = ", ".join(load("benchmarks")["benchmark"])
        raise DataError(
            [Problem(name, 1, None, None, f"no benchmark column; at least one of {known} is needed")]
        )
    refuse_fractions(table, given, name)
    problems = [
        Problem(name, int(str(line)), "params_b", f"{size:g}", words)
        for line, model, size in zip(table.index, table["model"], table["params_b"], strict=True)
        if (words := check_size(model, size))
    ]
    for column in (f"{one}_chance" for one in own):
        first = float(table[column].iloc[0])
        problems += [
            Problem(
                name,
                int(str(line)),
                column,
                f"{value:g}",
                f"one benchmark has one chance level; write {first:g}",
            )
            for line, value in table[column].items()
            if value != first
        ]
    if problems:
        raise DataError(problems)
    table = table.sort_values(["family", "params_b"], kind="stable").reset_index(drop=True)
    table.attrs["missing"] = missing_counts(table, given)
    return table


_ALIKE_PP, _LEAST_PCT, _FEWEST = 5.0, 3.0, 3
_ALIKE_BY = ("hellaswag", "mmlu", "arc_challenge", "winogrande")


def _far_below_the_panel(table: pd.DataFrame, column: str) -> bool:
    """Whether there is a model whose score is 1 or less where every model of the open panel that scores alike has far more."""
    panel = panel_rows("open")
    if column not in panel:
        return False
    others = [c for c in _ALIKE_BY if c in table and c in panel]
    for _, row in table.iterrows():
        if not 0 < row[column] <= 1:
            continue
        for other in others:
            alike = panel.loc[(panel[other] - row[other]).abs() <= _ALIKE_PP, column].dropna()
            if len(alike) >= _FEWEST and alike.min() >= _LEAST_PCT:
                return True
    return False


def refuse_fractions(table: pd.DataFrame, columns: Sequence[str], name: str) -> None:
    """Refuse scores that look like fractions where percent are needed.

    Parameters
    ----------
    table : pandas.DataFrame
        Indexed by the line of the file.
    columns : sequence of str
        Columns of scores. Of one that neither the table ``benchmarks`` nor the reader declares nobody knows what guessing
        scores; it is refused only as a whole.
    name : str
        Of the table, for messages.

    Raises
    ------
    DataError
        With the columns that hold fractions.

    Examples
    --------
    >>> refuse_fractions(pd.DataFrame({"mmlu": [30.0, 40.0]}), ["mmlu"], "mine.csv")
    """
    known = {*load("benchmarks")["benchmark"], *own_benchmarks(table.columns)}
    chance = {column: chance_of(table, column) if column in known else 0.0 for column in columns}
    problems = []
    for column in columns:
        # Where guessing scores 20 or more, nobody measures between 0 and 1; where it scores 0, a small model may.
        if chance[column] < 20:
            continue
        for line, value in table.loc[(table[column] > 0) & (table[column] <= 1), column].items():
            remedy = (
                f"scores are in percent and this looks like a fraction; multiply by 100 to {value * 100:g}"
            )
            problems.append(Problem(name, int(str(line)), column, f"{value:g}", remedy))
    low = [c for c in columns if chance[c] < 20 and table[c].notna().any() and (table[c].dropna() <= 1).all()]
    if problems and low:
        remedy = "the other columns hold fractions, so this one probably does too; multiply by 100"
        problems += [Problem(name, None, column, None, remedy) for column in low]
    for column in [] if problems else low:
        if _far_below_the_panel(table, column):
            remedy = (
                "no score of this column is above 1, and models that score alike elsewhere have at least "
                f"{_LEAST_PCT:g}%; scores are in percent and these look like fractions, so multiply the column by 100"
            )
            problems += [
                Problem(name, int(str(line)), column, f"{value:g}", remedy)
                for line, value in table[column].dropna().items()
            ]
    strange = [c for c in low if c not in known and (table[c] > 0).any()]
    if not problems and strange:
        remedy = (
            "no score is above 1, so these are probably fractions; scores are in percent, so multiply by 100"
        )
        problems += [Problem(name, None, column, None, remedy) for column in strange]
    if problems:
        raise DataError(problems)
