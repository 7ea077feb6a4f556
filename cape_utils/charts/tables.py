"""Tables for a reader: words and units as headings, rounded numbers, and nothing that only a program understands.

A table is shown, never computed with; what it is made from stays a DataFrame in the notebook.
"""

from __future__ import annotations

import html
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd

from cape_utils import data
from cape_utils.stats import formatting

__all__ = ["HEADINGS", "Table", "table"]

HEADINGS: Mapping[str, str] = MappingProxyType(
    {
        "params_b": "size (B)",
        "mid_params_b": "middle of the step (B)",
        "from_params_b": "from (B)",
        "to_params_b": "to (B)",
        "tokens_b": "tokens (B)",
        "d_model": "width",
        "hf_id": "name on the hub",
        "p_sign": "P(sign is right)",
        "p_tax": "P(tax)",
        "p_transition": "P(transition)",
        "p_bonus": "P(bonus)",
        "se": "standard error",
        "r": "r",
        "p": "p",
        "low": "from",
        "high": "to",
        "n": "n",
        "n_families": "families",
        "estimate": "estimate",
    }
)
"""What a column is called where it is shown; benchmarks are called by their titles, in percent."""

_SHARES = ("p_sign", "p_tax", "p_transition", "p_bonus", "share")


@dataclass(frozen=True)
class Table:
    """Rows of words, shown in a notebook as a table and in a terminal as text.

    Attributes
    ----------
    headings : tuple of str
    rows : tuple of tuple of str
    numeric : tuple of bool
        Whether a column holds numbers, which stand on the right.
    fold : str
        What is read in the table's place until it is opened; empty for a table that is open.

    Examples
    --------
    >>> table(pd.DataFrame({"n": [1]})).headings
    ('n',)
    """

    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numeric: tuple[bool, ...]
    fold: str = ""

    def folded(self, words: str) -> Table:
        """The same table behind a line of words, to open where a reader wants the detail.

        Examples
        --------
        >>> table(pd.DataFrame({"n": [1]})).folded("How many")._repr_html_().startswith("<details")
        True
        """
        return replace(self, fold=words)

    def _repr_html_(self) -> str:
        kinds = [' class="number"' if right else "" for right in self.numeric]
        pairs = zip(self.headings, kinds, strict=True)
        head = "".join(f'<th scope="col"{kind}>{html.escape(words)}</th>' for words, kind in pairs)
        body = "".join(
            "<tr>"
            + "".join(f"<td{k}>{html.escape(cell)}</td>" for cell, k in zip(row, kinds, strict=True))
            + "</tr>"
            for row in self.rows
        )
        whole = (
            f'<table class="dataframe reading"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'
        )
        summary = f"<summary>{html.escape(self.fold)}</summary>"
        return f'<details class="cape-fold">{summary}{whole}</details>' if self.fold else whole

    def __repr__(self) -> str:
        return pd.DataFrame(list(self.rows), columns=list(self.headings)).to_string(index=False)


def table(
    frame: pd.DataFrame,
    columns: Sequence[str] | Mapping[str, str] | None = None,
    *,
    show: Mapping[str, Callable[[Any], str]] | None = None,
    intervals: Mapping[str, tuple[str, str]] | None = None,
) -> Table:
    """A DataFrame as a reader wants to see it.

    Parameters
    ----------
    frame : pandas.DataFrame
        An index with a name, or of words, becomes the first columns.
    columns : sequence or mapping of str, optional
        Which columns, in which order; a mapping gives the heading of each. Others are left out. By default all of them,
        under the headings of ``HEADINGS``, the titles of benchmarks, or their own names with spaces.
    show : mapping of str to callable, optional
        How a column's values are written, where that differs: shares in percent, p-values as such, numbers to three digits.
    intervals : mapping of str to (str, str), optional
        For a column with an estimate, the columns of its ends; they are written behind it and not shown by themselves.

    Returns
    -------
    Table

    Raises
    ------
    KeyError
        If a column is not there; the message lists those there are.

    Examples
    --------
    >>> rows = pd.DataFrame({"family": ["Pythia"], "params_b": [6.9], "p_sign": [0.981], "p": [0.0001]})
    >>> table(rows)
    family size (B) P(sign is right)       p
    Pythia      6.9              98% < 0.001
    >>> table(rows, {"family": "models of one recipe"}).headings
    ('models of one recipe',)
    >>> [row[0] for row in table(pd.DataFrame({"change": [0.25, -1.0]})).rows]
    ['0.25', '-1.00']
    """
    named = frame.index.names != [None] or not pd.api.types.is_numeric_dtype(frame.index)
    rows = frame.reset_index(names=None if frame.index.names != [None] else "row") if named else frame
    ranges = dict(intervals or {})
    ends = {end for pair in ranges.values() for end in pair}
    wanted = [c for c in rows.columns if c not in ends] if columns is None else list(columns)
    if missing := [c for c in [*wanted, *ranges, *ends] if c not in rows]:
        raise KeyError(
            f"no column {', '.join(map(repr, missing))}; the columns are {', '.join(map(str, rows.columns))}"
        )
    given = dict(columns) if isinstance(columns, Mapping) else {}
    ways = show or {}
    cells: list[list[str]] = []
    for column in wanted:
        if column in ranges:
            low, high = ranges[column]
            triples = list(zip(rows[column], rows[low], rows[high], strict=True))
            # One column, one number of decimals: that of the median width.
            places = [
                formatting.decimals_for(a, b) for _, a, b in triples if np.isfinite(a) and np.isfinite(b)
            ]
            usual = int(np.median(places)) if places else None
            cells.append([formatting.with_interval(*triple, decimals=usual) for triple in triples])
        else:
            decimals = _decimals(rows[column], given.get(column, _heading(str(column))))
            words = pd.api.types.is_string_dtype(rows[column])  # written already
            way = ways.get(column) or (None if words else _way(str(column)) or decimals)
            cells.append([_cell(value, way) for value in rows[column]])
    numeric = tuple(pd.api.types.is_numeric_dtype(rows[c]) and rows[c].dtype != bool for c in wanted)
    return Table(
        headings=tuple(given.get(c, _heading(str(c))) for c in wanted),
        rows=tuple(zip(*cells, strict=True)),
        numeric=numeric,
    )


def _decimals(values: pd.Series, heading: str) -> Callable[[Any], str] | None:
    """How a column of fractions is written: in equal decimals, but for sizes, which run over orders of magnitude."""
    if not pd.api.types.is_float_dtype(values):
        return None
    if "(B)" in heading:
        return lambda value: f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
    largest = values.abs().replace(np.inf, np.nan).max()
    if not largest >= 0.1:
        return None
    places = 3 if largest < 0.2 else 2 if largest < 10 else 1 if largest < 1000 else 0
    return lambda value: f"{value:,.{places}f}" if np.isfinite(value) else formatting.DASH


def _heading(column: str) -> str:
    if column in HEADINGS:
        return HEADINGS[column]
    titles = data.load("benchmarks").set_index("benchmark")["title"]
    return f"{titles[column]} (%)" if column in titles else column.replace("_", " ")


def _way(column: str) -> Callable[[Any], str] | None:
    if column in _SHARES:
        return formatting.percent
    return formatting.p_value if column == "p" or column.startswith("p_value") else None


def _cell(value: Any, way: Callable[[Any], str] | None) -> str:
    if value is None or value is pd.NA or (isinstance(value, float) and np.isnan(value)):
        return formatting.DASH
    if way is not None:
        return way(value)
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    if isinstance(value, int | np.integer):
        return formatting.number(int(value))
    if isinstance(value, float | np.floating):
        return formatting.number(float(value))
    return str(value)
