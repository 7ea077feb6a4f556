"""Tables for pages, built as docutils nodes; the directives that show measurements share them."""

from __future__ import annotations

from collections.abc import Sequence

from docutils import nodes

__all__ = ["table"]


def table(
    widths: Sequence[int], head: Sequence[str], rows: Sequence[Sequence[str | nodes.Node]]
) -> nodes.table:
    """Make a table.

    Parameters
    ----------
    widths
        Of the columns, in parts of the whole.
    head
        Words above the columns.
    rows
        Cells: words, or a node such as a link.
    """
    group = nodes.tgroup(cols=len(widths))
    group += [nodes.colspec(colwidth=width) for width in widths]
    top, body = nodes.thead(), nodes.tbody()
    top += _row(head)
    body += [_row(cells) for cells in rows]
    group += [top, body]
    found = nodes.table()
    found += group
    return found


def _row(cells: Sequence[str | nodes.Node]) -> nodes.row:
    row = nodes.row()
    for cell in cells:
        entry = nodes.entry()
        entry += nodes.paragraph("", "", nodes.Text(cell) if isinstance(cell, str) else cell)
        row += entry
    return row
