"""Validate a CSV table against its schema, and name every problem by its cell.

The rules themselves (types, ranges, keys) live in ``data/datapackage.json``, a Frictionless Data Package. The library
of that name takes seconds to start, so what the tables use of its rules is applied here, and the tests hold the two to
each other. A message gives what its reader needs: the line of the file, the value found, what is allowed and how to
correct it. Where tables are kept is the business of ``data.loading``.
"""

from __future__ import annotations

import csv
import difflib
import io
import itertools
import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from cape_utils.data.files import read_bytes

__all__ = [
    "DataError",
    "Problem",
    "decode",
    "decode_own",
    "header_of",
    "read_table",
    "read_user_table",
    "require_columns",
]

_SHOWN = 12  # problems listed in a message before the rest are only counted
# Python reads 5_5, Arabic digits and inf as numbers; a table of scores should not.
_NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?")
_FORMS = {"number": _NUMBER, "integer": re.compile(r"[+-]?[0-9]+"), "boolean": re.compile("True|False")}
_INTERVALS = {"minimum": "at least {}", "maximum": "at most {}"}


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong with a table.

    Attributes
    ----------
    table : str
        Name of the table or of the file.
    row : int or None
        Line of the file, the header being line 1; ``None`` where the whole table is meant.
    column : str or None
        Column, where one is meant.
    value : str or None
        What the cell holds.
    allowed : str
        What is allowed, and the remedy.
    """

    table: str
    row: int | None
    column: str | None
    value: str | None
    allowed: str

    def __str__(self) -> str:
        place = [self.table]
        if self.row is not None:
            place.append(f"line {self.row}")
        if self.column is not None:
            place.append(f"column {self.column!r}")
        got = "" if self.value is None else f" got {self.value!r};"
        return f"{', '.join(place)}:{got} {self.allowed}"


class DataError(ValueError):
    """A table that cannot be used, with every problem found in it.

    Attributes
    ----------
    problems : tuple of Problem
        Each with its line, column, value, what is allowed and the remedy.

    Examples
    --------
    >>> from cape_utils import data
    >>> try:
    ...     data.load_scores(pd.DataFrame({"model": ["a"], "family": ["A"], "params_b": [-1.0], "mmlu": [30.0]}))
    ... except data.DataError as error:
    ...     [problem.column for problem in error.problems]
    ['params_b']
    """

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        lines = [str(problem) for problem in self.problems[:_SHOWN]]
        unlisted = len(self.problems) - _SHOWN
        if unlisted > 0:
            lines.append(f"... and {unlisted} more problems of this kind")
        super().__init__("\n".join(lines))


def decode(raw: bytes, table: str) -> str:
    """Turn the bytes of a file into text.

    Parameters
    ----------
    raw : bytes
    table : str
        Name for the message.

    Raises
    ------
    DataError
        If the file is empty, a spreadsheet or an archive, or not UTF-8.
    """
    if not raw.strip():
        raise DataError(
            [Problem(table, None, None, None, "the file is empty; a header line and rows are needed")]
        )
    if raw[:2] in (b"PK", b"\xd0\xcf") or b"\x00" in raw[:4096]:
        remedy = "this is a spreadsheet or another binary file; save it as CSV (comma separated, UTF-8)"
        raise DataError([Problem(table, None, None, None, remedy)])
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        remedy = "this byte is not UTF-8; save the file with the encoding UTF-8"
        raise DataError([Problem(table, line, None, repr(raw[error.start : error.end]), remedy)]) from error


def decode_own(raw: bytes, table: str) -> str:
    """As ``decode``, for a file from outside the book: a zero byte anywhere in it is seen before any work.

    Raises
    ------
    DataError
        As ``decode``.
    """
    text = decode(raw, table)
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        remedy = "a zero byte stands here, so this is not text; save the file as CSV (comma separated, UTF-8)"
        raise DataError([Problem(table, line, None, None, remedy)])
    return text


def read_table(
    text: str,
    schema: Mapping[str, Any],
    table: str,
    *,
    aliases: Mapping[str, str] | None = None,
    further: bool = False,
) -> pd.DataFrame:
    """Read CSV text, check it against a Table Schema and give it its types.

    Parameters
    ----------
    text : str
        The file. Comma, semicolon or tab separate the columns.
    schema : mapping
        A Frictionless Table Schema. Columns may come in any order; a column that is not required may be left out, and one
        of a field with ``"listed": false`` is not offered in messages.
        Spaces around a cell are dropped, except before a cell of a field with ``"leadingSpace": true``.
    table : str
        Name for messages.
    aliases : mapping, optional
        Column names, in lower case, that readers are known to use, with what to write instead.
    further : bool
        Whether columns that the schema does not name may stand in the file; they are read as text.

    Returns
    -------
    pandas.DataFrame
        Columns in the order of the schema, indexed by the line of the file. Empty cells are missing values.

    Raises
    ------
    DataError
        With every problem found.
    """
    fields = {field["name"]: field for field in schema["fields"]}
    header, rows, lines = _split(text, fields, table)
    if further:
        fields |= {name: {"name": name, "type": "string"} for name in header if name and name not in fields}
    problems = _header_problems(header, fields, table, aliases or {})
    if not problems and not rows:
        problems = [
            Problem(table, None, None, None, "there is a header but no row; add one row for each model")
        ]
    if problems:
        raise DataError(problems)
    missing = frozenset(schema.get("missingValues", [""]))
    checked = {
        "fields": [fields[name] for name in header],
        "missingValues": sorted(missing),
        "primaryKey": schema.get("primaryKey", ()),
    }
    problems = _cell_problems(header, rows, lines, table, checked)
    if problems:
        raise DataError(problems)
    columns = {name: position for position, name in enumerate(header)}
    data = {
        name: _typed([row[columns[name]] for row in rows], field["type"], missing)
        for name, field in fields.items()
        if name in columns
    }
    return pd.DataFrame(data).set_axis(pd.Index(lines, name="line"), axis=0)


def read_user_table(
    source: str | Path | pd.DataFrame,
    schema: Mapping[str, Any] | Callable[[str, str], Mapping[str, Any]],
    content: str,
    *,
    aliases: Mapping[str, str] | None = None,
    further: bool = False,
) -> tuple[pd.DataFrame, str]:
    """Read a table that a reader brings, from a CSV file or from memory, with the checks of ``read_table``.

    Parameters
    ----------
    source : path or pandas.DataFrame
        A CSV file (comma, semicolon or tab; UTF-8), or a table.
    schema, aliases, further
        As for ``read_table``; the schema may be made from the text of the table and its name.
    content : str
        What the file should hold, for messages.

    Returns
    -------
    pandas.DataFrame
        As from ``read_table``.
    str
        Name of the table, for messages.

    Raises
    ------
    DataError
        With every problem found.
    FileNotFoundError
        If there is no such file.
    """
    if isinstance(source, pd.DataFrame):
        name, text = "the table", source.to_csv(index=False)
    else:
        path = Path(source)
        name = path.name
        if path.is_dir():
            remedy = f"this is a folder; give the path of a CSV file with {content}"
            raise DataError([Problem(name, None, None, None, remedy)])
        if not path.exists():
            raise FileNotFoundError(f"no file {str(path)!r}; give the path of a CSV file with {content}")
        text = decode_own(read_bytes(path, name), name)
    known = schema(text, name) if callable(schema) else schema
    return read_table(text, known, name, aliases=aliases, further=further), name


def header_of(text: str, schema: Mapping[str, Any], table: str) -> list[str]:
    r"""Names of the columns of a CSV text, as ``read_table`` splits it.

    Raises
    ------
    DataError
        If the text cannot be split.

    Examples
    --------
    >>> header_of("model;mmlu\na;30\n", {"fields": [{"name": "mmlu"}]}, "mine.csv")
    ['model', 'mmlu']
    """
    return _split(text, {field["name"]: field for field in schema["fields"]}, table)[0]


def require_columns(table: pd.DataFrame, names: Sequence[str], remedy: str = "") -> None:
    """Refuse a table that lacks a column.

    Parameters
    ----------
    table : pandas.DataFrame
    names : sequence of str
        Columns needed.
    remedy : str
        Ends the message; by default the columns that there are.

    Raises
    ------
    ValueError
        With the first column that is missing.

    Examples
    --------
    >>> require_columns(pd.DataFrame({"a": [1]}), ["a", "b"])
    Traceback (most recent call last):
    ...
    ValueError: a column 'b' is needed; the columns are a
    """
    for name in names:
        if name not in table:
            columns = ", ".join(map(str, table.columns))
            raise ValueError(f"a column {name!r} is needed; {remedy or f'the columns are {columns}'}")


def _split(text: str, fields: Mapping[str, Any], table: str) -> tuple[list[str], list[list[str]], list[int]]:
    first = text.lstrip("\r\n").split("\n", 1)[0]

    def known(separator: str) -> int:
        return sum(cell.strip().strip('"') in fields for cell in first.split(separator))

    separator = max(",;\t", key=known)
    reader = csv.reader(io.StringIO(text), delimiter=separator, strict=True)
    header: list[str] = []
    rows: list[list[str]] = []
    lines: list[int] = []
    leading_space: list[bool] = []
    try:
        for cells in reader:
            if not cells:  # an empty line carries nothing and loses nothing
                continue
            if not header:
                header = [cell.strip() for cell in cells]
                leading_space = [bool(fields.get(name, {}).get("leadingSpace")) for name in header]
                continue
            # Where a cell continues a sentence, the space before it belongs to the text.
            keeps = itertools.chain(leading_space, itertools.repeat(False))
            rows.append(
                [cell.rstrip() if keep else cell.strip() for cell, keep in zip(cells, keeps, strict=False)]
            )
            lines.append(reader.line_num)
    except csv.Error as error:
        remedy = f"the line cannot be split into cells ({error}); look for a quotation mark without its twin"
        raise DataError([Problem(table, reader.line_num, None, None, remedy)]) from error
    return header, rows, lines


def _header_problems(
    header: Sequence[str], fields: Mapping[str, Any], table: str, aliases: Mapping[str, str]
) -> list[Problem]:
    problems = []
    for position, name in enumerate(header):
        if not name:
            remedy = f"column {position + 1} has no name; name it or take it out"
            problems.append(Problem(table, 1, None, "", remedy))
        elif name.lower() in aliases:
            problems.append(Problem(table, 1, name, name, aliases[name.lower()]))
        elif name not in fields:
            known = [name for name, field in fields.items() if field.get("listed", True)]
            close = difflib.get_close_matches(name.lower().replace("-", "_").replace(" ", "_"), known, n=1)
            hint = f"did you mean {close[0]!r}? " if close else ""
            remedy = f"{hint}known columns are {', '.join(known)}; rename it or take it out"
            problems.append(Problem(table, 1, name, name, remedy))
    for name in sorted({name for name in header if name and header.count(name) > 1}):
        problems.append(Problem(table, 1, name, name, "the column stands twice; keep one"))
    for name, field in fields.items():
        if field.get("constraints", {}).get("required") and name not in header:
            remedy = f"the column is missing; it holds: {field['description']}"
            problems.append(Problem(table, 1, name, None, remedy))
    return problems


def _cell_problems(
    header: Sequence[str],
    rows: Sequence[Sequence[str]],
    lines: Sequence[int],
    table: str,
    schema: Mapping[str, Any],
) -> list[Problem]:
    """Every cell that breaks its field's type or constraints, every key that stands twice, every row of another length.

    ``schema`` has its fields in the order of ``header``. Foreign keys are left out: they point to tables that this one
    call does not see.
    """
    missing = frozenset(schema["missingValues"])
    problems: dict[tuple[int, str | None], Problem] = {}
    for line, row in zip(lines, rows, strict=True):
        if not any(row):
            problems[line, None] = Problem(
                table, line, None, None, "the row is empty; fill it in or take it out"
            )
        elif len(row) != len(header):
            remedy = f"the row has {len(row)} cells where the header has {len(header)}; look for a missing or extra separator"
            problems[line, None] = Problem(table, line, None, None, remedy)
    # In a row of the wrong length no cell can be told from its neighbour.
    complete = [(line, row) for line, row in zip(lines, rows, strict=True) if (line, None) not in problems]
    for place, field in enumerate(schema["fields"]):
        faulty = _fault_of(field, missing)
        for line, row in complete:
            if words := faulty(row[place]):
                name = field["name"]
                problems[line, name] = Problem(table, line, name, row[place], words)
    keys = [[field["name"]] for field in schema["fields"] if field.get("constraints", {}).get("unique")]
    for key in [*keys, list(schema.get("primaryKey", ()))]:
        if not key or not set(key) <= set(header):
            continue
        shown = key[0] if len(key) == 1 else "model" if "model" in header else header[0]
        places, seen = [header.index(name) for name in key], set()
        for line, row in zip(lines, rows, strict=True):
            if max(places) >= len(row):
                continue
            value = tuple(row[place] for place in places)
            cell = row[header.index(shown)]
            named = (line, shown) in problems or (line, None) in problems
            # Two empty names are two missing values, and are reported as such where a value is needed.
            if value in seen and cell not in missing and not named:
                remedy = "it stands in another row too; each row needs its own name"
                problems[line, shown] = Problem(table, line, shown, cell, remedy)
            seen.add(value)
    return sorted(problems.values(), key=lambda problem: (problem.row or 0, problem.column or ""))


def _fault_of(field: Mapping[str, Any], missing: frozenset[str]) -> Callable[[str], str]:
    """A check of one field's cells: what is allowed and the remedy, empty where there is nothing wrong."""
    rules = dict(field.get("constraints", {}))
    required = rules.pop("required", False)
    rules.pop("unique", None)  # is about several cells
    low, high = float(rules.pop("minimum", -math.inf)), float(rules.pop("maximum", math.inf))
    enum, pattern = rules.pop("enum", None), re.compile(rules.pop("pattern", ".*"), re.DOTALL)
    form = _FORMS.get(field["type"])
    if rules or (form is None and field["type"] != "string"):
        raise NotImplementedError(
            f"field {field['name']!r}: no check of {field['type']} with {sorted(rules)}"
        )

    def fault(cell: str) -> str:
        if cell in missing:
            return f"a value is needed: {field['description']}" if required else ""
        if form is None:
            right = pattern.fullmatch(cell) and (enum is None or cell in enum)
        else:
            right = form.fullmatch(cell) and (field["type"] == "boolean" or low <= float(cell) <= high)
        return "" if right else f"{_allowed(field)}{_remedy(field, cell)}"

    return fault


def _allowed(field: Mapping[str, Any]) -> str:
    rules = field.get("constraints", {})
    unit = f" in {field['unit']}" if "unit" in field else ""
    noun = {"number": "a number", "integer": "a whole number", "boolean": "True or False"}.get(
        field["type"], "text"
    )
    parts = [text.format(rules[key]) for key, text in _INTERVALS.items() if key in rules]
    if "enum" in rules:
        parts.append("one of " + ", ".join(map(str, rules["enum"])))
    if "pattern" in rules:
        parts.append(f"of the form {rules['pattern']}")
    return f"expected {noun}{unit}" + (f", {' and '.join(parts)}" if parts else "")


def _remedy(field: Mapping[str, Any], cell: str) -> str:
    if field["type"] not in ("number", "integer"):
        return ""
    bare = cell.strip().rstrip("%").strip()
    if cell.strip().endswith("%"):
        return f"; write {bare}, without the percent sign"
    if bare.count(",") == 1 and bare.replace(",", "").lstrip("-").isdigit():
        return f"; write a decimal point, {bare.replace(',', '.')}"
    if field["name"] == "params_b":
        count = bare.replace(",", "").replace("_", "")
        if _NUMBER.fullmatch(count) and float(count) > field["constraints"]["maximum"]:
            return f"; this looks like a raw count, write {float(count) / 1e9:g}"
        return "; write the number of billions alone, such as 7 or 0.41"
    optional = not field.get("constraints", {}).get("required")
    return "; leave the cell empty for a missing value" if optional and not _NUMBER.fullmatch(bare) else ""


def _typed(cells: Sequence[str], kind: str, missing: frozenset[str]) -> pd.Series[Any]:
    values = [None if cell in missing else cell for cell in cells]
    if kind == "number":
        return pd.Series(pd.to_numeric(pd.Series(values, dtype=object)), dtype="float64")
    if kind == "integer":
        return pd.Series(pd.to_numeric(pd.Series(values, dtype=object)), dtype="Int64")
    if kind == "boolean":
        return pd.Series([None if value is None else value == "True" for value in values])
    return pd.Series(values, dtype="str")
