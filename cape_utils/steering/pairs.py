"""Pairs of a true and a false completion of one stem: the reader's own, checked before a model sees them, and the project's.

Nothing here needs a model.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from cape_utils import data
from cape_utils.data.schema import DataError, Problem, read_user_table, require_columns
from cape_utils.jobs import result_cache
from cape_utils.models.completions import joined

__all__ = ["CONTRASTS", "contrast_set", "pairs_digest", "read_pairs", "statements"]

NEEDED = ("stem", "true_completion", "false_completion")
CONTRASTS = {
    "truth": ("truth_pairs", "true", "false"),
    "sentiment": ("sentiment_pairs", "positive", "negative"),
    "politeness": ("politeness_pairs", "polite", "rude"),
}
"""By name: the table, and what the completions towards and away from are called there."""

_MEANINGS = {
    "pair_id": "name of the pair",
    "couple": "pairs that swap their completions",
    "topic": "what the pair is about; pairs of one topic are held out together",
    "kind": "a plain fact, or a fact that many get wrong",
    "stem": "beginning of a sentence, without the space at its end",
    "true_completion": "what makes it true",
    "false_completion": "what makes it false",
    "source": "where the truth can be looked up",
    "source_id": "key of the source",
}
_ALIASES = {
    "prompt": "name the column stem",
    "question": "a stem is the beginning of a sentence; name the column stem",
    "true": "name the column true_completion",
    "false": "name the column false_completion",
    "correct": "name the column true_completion",
    "incorrect": "name the column false_completion",
}


def _schema() -> dict[str, Any]:
    fields = []
    for name, meaning in _MEANINGS.items():
        rules: dict[str, Any] = {"required": True} if name in NEEDED else {}
        if name == "kind":
            rules = {"enum": ["fact", "misconception"]}
        fields.append({"name": name, "type": "string", "description": meaning, "constraints": rules})
    return {"fields": fields, "missingValues": [""]}


def contrast_set(name: str) -> pd.DataFrame:
    """The project's pairs by the name of what they contrast, under the columns that directions are learnt from.

    Parameters
    ----------
    name : {"truth", "sentiment", "politeness"}
        The last two are positive controls: steering along sentiment is known to work.

    Returns
    -------
    DataFrame
        What is towards the concept stands as ``true_completion``, what is away from it as ``false_completion``.

    Raises
    ------
    ValueError
        If there is no such set.

    Examples
    --------
    >>> contrast_set("sentiment")["true_completion"].iloc[0]
    ' delicious.'
    """
    if name not in CONTRASTS:
        raise ValueError(f"there are no pairs {name!r}; allowed: {', '.join(CONTRASTS)}")
    table, towards, away = CONTRASTS[name]
    names = {f"{towards}_completion": "true_completion", f"{away}_completion": "false_completion"}
    return data.load(table).rename(columns=names)


def read_pairs(path: str | Path) -> pd.DataFrame:
    """Read pairs from a CSV file (comma, semicolon or tab; UTF-8), check them, and fill in what may be left out.

    Parameters
    ----------
    path : path
        With ``stem``, ``true_completion`` and ``false_completion``; optionally ``pair_id``, ``topic``, ``kind`` and the
        other columns of the table ``truth_pairs``.

    Returns
    -------
    DataFrame
        In the order given. A missing ``pair_id`` is numbered, a missing ``topic`` is ``own`` and a missing ``kind`` is
        ``fact``.

    Raises
    ------
    DataError
        With every problem found: line, column, value, what is allowed.
    FileNotFoundError
        If there is no such file.
    """
    table, name = read_user_table(path, _schema(), "pairs", aliases=_ALIASES)
    same = table["true_completion"] == table["false_completion"]
    remedy = "the true completion is the same; one of the two is wrong"
    problems = [
        Problem(name, int(str(line)), "false_completion", value, remedy)
        for line, value in table.loc[same, "false_completion"].items()
    ]
    if "pair_id" in table:
        twice = table.loc[table["pair_id"].duplicated() & table["pair_id"].notna(), "pair_id"]
        remedy = "it stands in another row too; each pair needs its own name"
        problems += [Problem(name, int(str(line)), "pair_id", value, remedy) for line, value in twice.items()]
    if problems:
        raise DataError(problems)
    table = table.reset_index(drop=True)
    numbers = pd.Series([f"pair_{i + 1}" for i in range(len(table))], dtype="str")
    for column, default in (("pair_id", numbers), ("topic", "own"), ("kind", "fact")):
        given = table[column] if column in table else pd.Series([None] * len(table), dtype="str")
        table[column] = given.fillna(default)
    return table


def statements(pairs: pd.DataFrame, which: str) -> list[str]:
    """The pairs as whole sentences, true or false ones.

    Parameters
    ----------
    pairs : DataFrame
        With the three columns needed.
    which : {"true", "false"}

    Examples
    --------
    >>> row = {"stem": "Ice is", "true_completion": "frozen water.", "false_completion": "frozen milk."}
    >>> statements(pd.DataFrame([row]), "true")
    ['Ice is frozen water.']
    """
    require_columns(pairs, NEEDED)
    if not len(pairs):
        raise ValueError("there is no pair; at least one is needed")
    return [joined(*both) for both in zip(pairs["stem"], pairs[f"{which}_completion"], strict=True)]


def pairs_digest(pairs: pd.DataFrame) -> str:
    """Sixteen hexadecimal digits that change with any word of the pairs, whatever the order of the rows."""
    rows = [[str(cell).strip() for cell in row] for row in pairs[list(NEEDED)].to_numpy().tolist()]
    return result_cache.digest({"pairs": sorted(rows)})
