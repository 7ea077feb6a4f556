"""A small table to type scores into: one row of boxes a model, rows added and taken out by buttons.

It keeps text and checks none of it: that is the job of ``data.user_scores.load_scores``, as for any other table.
"""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from typing import Any

import ipywidgets as widgets
import pandas as pd
import traitlets

from cape_utils import data

__all__ = ["SHOWN", "ScoreGrid"]

SHOWN = 30
"""Rows that get boxes; more are kept and used, and counted below the table."""

Row = dict[str, str]
_NAMES = {"model": "model", "family": "family", "params_b": "size (B)"}
_SHARE = {"model": "1.9 1 0", "family": "1.2 1 0", "params_b": "0.9 1 0"}
_STYLE = "<style>.cape-grid input{padding:2px 4px!important}</style>"
_HEAD = "font-weight:600;font-size:11px;line-height:1.25;overflow-wrap:anywhere"


class ScoreGrid(widgets.VBox):  # type: ignore[misc]
    """Boxes for names, sizes and two scores of each model; other columns are kept and not shown.

    Parameters
    ----------
    rows : sequence of mapping
        Text by column.
    x, y : str
        Columns of the two scores.

    Attributes
    ----------
    value : tuple of dict
        Text by column, a row each; set it with ``set_rows``.
    cells : list of dict
        The boxes by column, a row each.
    """

    value = traitlets.Tuple()

    def __init__(self, rows: Sequence[Mapping[str, str]], x: str, y: str) -> None:
        self.description = "Scores"
        self.cells: list[dict[str, Any]] = []
        self.removers: list[Any] = []
        self._x, self._y = x, y
        self.add = widgets.Button(description="Add a model", icon="plus", layout={"width": "auto"})
        self.add.on_click(lambda _: self._add())
        super().__init__([])
        self.add_class("cape-grid")
        self.set_rows(rows)

    def set_rows(self, rows: Sequence[Mapping[str, str]]) -> None:
        """Replace the table."""
        cells = tuple(dict(row) for row in rows)
        self._draw(cells)
        self.value = cells

    def show(self, x: str, y: str) -> None:
        """Show another pair of scores."""
        self._x, self._y = x, y
        self._draw(self.value)

    def frame(self) -> tuple[pd.DataFrame, list[int]]:
        """The table as text, rows without a word left out, and the number that each row has on the screen."""
        filled = [
            (place, row)
            for place, row in enumerate(self.value, start=1)
            if any(text.strip() for text in row.values())
        ]
        lead = ["model", "family", "params_b", self._x, self._y]
        columns = dict.fromkeys([*lead, *(name for _, row in filled for name in row)])
        table = pd.DataFrame([row for _, row in filled], columns=list(columns), dtype=object)
        return table.fillna(""), [place for place, _ in filled]

    def _draw(self, rows: Sequence[Row]) -> None:
        columns = {**_NAMES, **{name: data.benchmark_title(name) for name in (self._x, self._y)}}
        self.cells, self.removers = [], []
        head = [
            widgets.HTML(f'<div style="{_HEAD}">{html.escape(title)}</div>', layout=self._place(name))
            for name, title in columns.items()
        ]
        lines: list[Any] = [
            widgets.HBox([*head, widgets.HTML(_STYLE, layout={"width": "34px", "flex": "none"})])
        ]
        for place, row in enumerate(rows[:SHOWN]):
            cells = {
                name: widgets.Text(
                    value=row.get(name, ""),
                    # The word that stands in an empty box is also the name that a screen reader gives it.
                    placeholder=f"{title}, row {place + 1}",
                    tooltip=f"{title}, row {place + 1}",
                    layout=self._place(name),
                )
                for name, title in columns.items()
            }
            for name, cell in cells.items():
                cell.observe(
                    lambda change, at=place, name=name: self._typed(at, name, change["new"]), "value"
                )
            remover = widgets.Button(
                icon="trash",
                tooltip=f"Take out row {place + 1}",
                layout={"width": "34px", "flex": "none", "padding": "0"},
            )
            remover.on_click(lambda _, at=place: self._remove(at))
            self.cells.append(cells)
            self.removers.append(remover)
            lines.append(widgets.HBox([*cells.values(), remover], layout={"width": "100%"}))
        if len(rows) > SHOWN:
            words = f"{len(rows) - SHOWN} more rows of the file are used and not shown."
            lines.append(widgets.HTML(words))
        self.children = (*lines, self.add)

    def _place(self, name: str) -> dict[str, str]:
        return {"flex": _SHARE.get(name, "1.8 1 0"), "width": "0", "min_width": "0"}

    def _typed(self, place: int, name: str, text: str) -> None:
        rows = [dict(row) for row in self.value]
        rows[place][name] = text
        self.value = tuple(rows)

    def _add(self) -> None:
        # The next size of a family is what is added most often.
        family = self.value[-1].get("family", "") if self.value else ""
        rows = (*self.value, {"family": family})
        self._draw(rows)
        self.value = rows
        if len(rows) <= SHOWN:
            self.cells[-1]["model"].focus()

    def _remove(self, place: int) -> None:
        rows = tuple(row for at, row in enumerate(self.value) if at != place)
        self._draw(rows)
        self.value = rows
        self.add.focus()
