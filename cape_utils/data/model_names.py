"""How large a model is: from its name, or from a small table that the reader writes.

A size is never guessed: a name that holds none, several, or that of a mixture of experts is refused with the remedy.
This module reads no scores; that is the job of ``data.loading`` and ``data.lm_eval``. It implements no section of the papers.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from cape_utils.data import user_scores
from cape_utils.data.schema import DataError, Problem, read_user_table

__all__ = ["SizeError", "SizeTable", "family_from_name", "read_sizes", "short_name", "size_from_name"]

_SIZE = re.compile(r"(?<![A-Za-z0-9.])(\d+(?:\.\d+)?) ?([mMbB])(?![A-Za-z0-9])")
_MIXTURE = re.compile(
    r"\d+x\d+(?:\.\d+)?[bB]|(?<![A-Za-z0-9])A\d+(?:\.\d+)?[bB](?![A-Za-z])|(?<![A-Za-z])MoE"
)


class SizeError(ValueError):
    """A model whose size its name does not tell; the message says why and what to do."""


def short_name(model: str) -> str:
    """Name of a model without the account it is published under, in lower case.

    Examples
    --------
    >>> short_name("EleutherAI/pythia-410m")
    'pythia-410m'
    """
    return model.strip().rstrip("/").rpartition("/")[2].lower()


def size_from_name(model: str) -> float:
    """Billion parameters, read from a model's name.

    Parameters
    ----------
    model : str
        Such as ``EleutherAI/pythia-1.4b``; what stands before the last slash is not read.

    Raises
    ------
    SizeError
        If the name holds no size, several, or that of a mixture of experts, whose total and active counts differ.

    Examples
    --------
    >>> size_from_name("EleutherAI/pythia-1.4b"), size_from_name("opt-125m"), size_from_name("Llama-2-7B")
    (1.4, 0.125, 7.0)
    """
    tail = model.strip().rstrip("/").rpartition("/")[2]
    remedy = "name it in a table of sizes with the columns model, params_b (cape diagnose: --sizes FILE)"
    if _MIXTURE.search(tail):
        raise SizeError(
            f"{tail!r} names a mixture of experts, which has no one size; leave it out, or {remedy}"
        )
    sizes_b = {float(number) / (1000 if unit in "mM" else 1) for number, unit in _SIZE.findall(tail)}
    if not sizes_b:
        raise SizeError(f"{tail!r} holds no size such as 410m or 7B; {remedy}")
    if len(sizes_b) > 1:
        sizes = ", ".join(f"{size:g}B" for size in sorted(sizes_b))
        raise SizeError(f"{tail!r} holds more than one size ({sizes}); {remedy}")
    size = sizes_b.pop()
    if size == 0:
        raise SizeError(f"{tail!r} holds a size of zero; {remedy}")
    return size


def family_from_name(model: str) -> str:
    """A model's name without its account and its size, which its family shares.

    Examples
    --------
    >>> family_from_name("EleutherAI/pythia-1.4b-deduped"), family_from_name("Llama-2-7b-hf")
    ('pythia-deduped', 'Llama-2-hf')
    """
    tail = model.strip().rstrip("/").rpartition("/")[2].partition("@")[0]
    shared = re.sub(r"[-_ ]{2,}", "-", _SIZE.sub("", tail)).strip("-_ .")
    return shared or tail


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

    def refuse_unused(self, models: list[str]) -> None:
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
