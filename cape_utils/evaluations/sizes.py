"""A reader's own table of sizes, and the one message that asks for it, with the table to fill in.

It implements no section of the papers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from cape_utils.data import user_scores
from cape_utils.data.model_names import short_name
from cape_utils.data.schema import DataError, Problem, read_user_table

__all__ = ["SizeRow", "SizeTable", "UnknownSizes", "read_sizes"]


@dataclass(frozen=True)
class SizeRow:
    """One line of the table that a reader is asked to complete.

    Attributes
    ----------
    model, family : str
        Empty where the family is not known.
    params_b : float or None
        Billions; None where it is not known.
    problem : str
        Why the size or the family is not known; empty where both are.
    file : str
        Where the model comes from.
    """

    model: str
    params_b: float | None
    family: str
    problem: str
    file: str


class UnknownSizes(DataError):
    """Models whose size or family nothing tells, with a table to complete.

    Attributes
    ----------
    paste : str
        Lines of a CSV, filled in as far as known.
    """

    def __init__(self, rows: Sequence[SizeRow]) -> None:
        unknown = [row for row in rows if row.problem]
        super().__init__(Problem(row.file, None, None, row.model, row.problem) for row in unknown)
        lines = ["model,params_b,family"]
        ordered = sorted(rows, key=lambda row: (row.family, row.params_b or 0.0, len(row.model), row.model))
        lines += [
            f"{row.model},{'' if row.params_b is None else f'{row.params_b:g}'},{row.family}"
            for row in ordered
        ]
        self.paste = "\n".join(lines)
        how = "Save these lines as sizes.csv, fill in what is missing or leave such models out, and add --sizes sizes.csv:"
        self.args = (f"{self.args[0]}\n{how}\n{self.paste}",)


@dataclass(frozen=True)
class SizeTable:
    """Sizes, and families where given, that the reader wrote down.

    Attributes
    ----------
    name : str
        File, for messages.
    rows : pandas.DataFrame
        Columns ``model, params_b`` (billions) and ``family``, indexed by line.
    """

    name: str
    rows: pd.DataFrame

    def find(self, model: str) -> dict[str, Any] | None:
        """Row of a model, by its full name or by the part behind the last slash; None where there is none."""
        full = self.rows[self.rows["model"].str.lower() == model.strip().lower()]
        matches = full if len(full) else self.rows[self.rows["model"].map(short_name) == short_name(model)]
        return {str(k): v for k, v in matches.iloc[0].items()} if len(matches) else None

    def refuse_unused(self, models: Sequence[str]) -> None:
        """Raise a ``DataError`` for each row that no model uses: most often its name is misspelt."""
        used = {row["model"] for row in map(self.find, models) if row is not None}
        have = ", ".join(sorted(models))
        problems = [
            Problem(self.name, int(str(line)), "model", model, f"no result of this model; there are {have}")
            for line, model in self.rows["model"].items()
            if model not in used
        ]
        if problems:
            raise DataError(problems)


def read_sizes(path: str | Path) -> SizeTable:
    """Read a CSV of sizes: ``model, params_b`` and, where wanted, ``family``.

    Raises
    ------
    DataError
        With every problem: line, column, what it holds, what is allowed.
    FileNotFoundError
        If there is no such file.
    """
    fields = {field["name"]: field for field in user_scores.score_schema()["fields"]}
    optional = {**fields["family"], "constraints": {}}
    schema = {
        "fields": [fields["model"], fields["params_b"], optional],
        "missingValues": [""],
        "primaryKey": ["model"],
    }
    rows, name = read_user_table(path, schema, "the columns model, params_b")
    if "family" not in rows:
        rows = rows.assign(family=pd.Series(None, index=rows.index, dtype="object"))
    return SizeTable(name, rows)
