"""A reader's own table of scores, checked against the schema as the book's own tables are."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from cape_utils.data.benchmarks import chance_pct
from cape_utils.data.loading import _resource, load, missing_counts
from cape_utils.data.schema import DataError, Problem, read_user_table

__all__ = ["load_scores", "refuse_fractions", "score_schema"]

_ALIASES = dict.fromkeys(
    ("truthfulqa", "tqa"),
    "the variant matters (chance is about 22 for MC1 and 46 for MC2); "
    "name the column truthfulqa_mc1 or truthfulqa_mc2",
)


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
    return schema


def load_scores(source: str | Path | pd.DataFrame) -> pd.DataFrame:
    """Load the reader's own scores, with the checks that the book's tables go through.

    Parameters
    ----------
    source : path or pandas.DataFrame
        A CSV file (comma, semicolon or tab, UTF-8) or a table with the columns ``model``, ``family``, ``params_b``
        (billions), optionally ``tokens_b``, and at least one benchmark of the table ``benchmarks`` in percent.

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
    """
    content = "scores; for results of lm-evaluation-harness use data.lm_eval.read_harness"
    table, name = read_user_table(source, score_schema(), content, aliases=_ALIASES)
    given = [column for column in load("benchmarks")["benchmark"] if column in table]
    if not given:
        known = ", ".join(load("benchmarks")["benchmark"])
        raise DataError(
            [Problem(name, 1, None, None, f"no benchmark column; at least one of {known} is needed")]
        )
    refuse_fractions(table, given, name)
    table = table.sort_values(["family", "params_b"], kind="stable").reset_index(drop=True)
    table.attrs["missing"] = missing_counts(table, given)
    if isinstance(source, pd.DataFrame) and "notes" in source.attrs:
        table.attrs["notes"] = source.attrs["notes"]
    return table


def refuse_fractions(table: pd.DataFrame, columns: Sequence[str], name: str) -> None:
    """Refuse scores that look like fractions where percent are needed.

    Parameters
    ----------
    table : pandas.DataFrame
        Indexed by the line of the file.
    columns : sequence of str
        Columns of scores. Of one that the table ``benchmarks`` does not hold nobody knows what guessing scores; it is
        refused only as a whole.
    name : str
        Of the table, for messages.

    Raises
    ------
    DataError
    """
    known = set(load("benchmarks")["benchmark"])
    chance = {column: chance_pct(column) if column in known else 0.0 for column in columns}
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
    strange = [c for c in low if c not in known and (table[c] > 0).any()]
    if not problems and strange:
        remedy = (
            "no score is above 1, so these are probably fractions; scores are in percent, so multiply by 100"
        )
        problems += [Problem(name, None, column, None, remedy) for column in strange]
    if problems:
        raise DataError(problems)
