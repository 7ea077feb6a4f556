"""``{editions-compared}``: every edition of the book with its verdicts, and what changed from one to the next and why.

Each edition stands beside the one before it, as METR prints its reports side by side; the ledgers are those of ``data/editions``.
"""

from __future__ import annotations

import csv
import html
import sys
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from docutils import nodes
from sphinx.util.docutils import SphinxDirective

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import editions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sphinx.application import Sphinx


def counted(ledgers: Sequence[editions.Ledger]) -> str:
    """One column an edition, one row a verdict, as a table."""
    from cape_utils.claims.verdicts import VERDICTS

    heads = "".join(
        f'<th class="number" scope="col">{html.escape(one["version"])}<br>{html.escape(one["date"])}</th>'
        for one in ledgers
    )
    rows = []
    for verdict in VERDICTS:
        numbers = [editions.counts(one).get(verdict, 0) for one in ledgers]
        if any(numbers):
            cells = "".join(f'<td class="number">{number}</td>' for number in numbers)
            rows.append(f"<tr><td>{badge(verdict)}</td>{cells}</tr>")
    total = "".join(f'<td class="number">{len(one["claims"])}</td>' for one in ledgers)
    rows.append(f"<tr><td>claims</td>{total}</tr>")
    return (
        f'<table class="table"><thead><tr><th scope="col">verdict</th>{heads}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table>"
    )


def badge(verdict: str) -> str:
    """A verdict as it stands in every chapter; other words as they are."""
    from cape_utils.claims.scoreboards import verdict_class
    from cape_utils.claims.verdicts import VERDICTS

    words = html.escape(verdict)
    return f'<span class="verdict {verdict_class(verdict)}">{words}</span>' if verdict in VERDICTS else words


def changed(rows: Sequence[dict[str, str]], before: str, after: str) -> str:
    """The verdicts of two editions side by side, where they differ, with the reason."""
    from cape_utils.claims.scoreboards import claim_anchor

    if not rows:
        return "<p>No verdict differs.</p>"
    body = "".join(
        f'<tr><td><a href="reproduce.html#{claim_anchor(row["claim"])}"><code>{html.escape(row["claim"])}</code></a></td>'
        f"<td>{badge(row['before'])}</td><td>{badge(row['after'])}</td><td>{html.escape(row['why'])}</td></tr>"
        for row in rows
    )
    heads = "".join(f'<th scope="col">{html.escape(words)}</th>' for words in ("claim", before, after, "why"))
    return f'<table class="table"><thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table>'


def in_progress(
    reasons: Sequence[dict[str, str]], ledgers: Sequence[editions.Ledger]
) -> list[dict[str, str]]:
    """What changed while the first edition was made: nothing stands before it but drafts."""
    known = editions.verdicts(ledgers[0])
    # As long as there is no second edition, every change belongs to the first.
    ends = ledgers[0]["date"] if len(ledgers) > 1 else "9999"
    return [row for row in reasons if row["claim"] in known and row["changed"] <= ends]


class EditionsCompared(SphinxDirective):
    """The tables."""

    def run(self) -> list[nodes.Node]:
        root = Path(self.env.srcdir)
        ledgers = editions.ledgers(root)
        for one in ledgers:
            self.env.note_dependency(str(editions.place(root, one["version"])))
        table = root / "data" / "verdict_changes.csv"
        self.env.note_dependency(str(table))
        with table.open(encoding="utf-8", newline="") as lines:
            reasons = sorted(csv.DictReader(lines), key=lambda row: row["changed"])
        parts = [wide(counted(ledgers), "Verdicts of every edition")]
        try:
            for before, after in pairwise(ledgers):
                names = (before["version"], after["version"])
                parts.append(f"<p><strong>From {names[0]} to {names[1]}</strong></p>")
                parts.append(
                    wide(changed(editions.changes(before, after, reasons), *names), "Changed verdicts")
                )
        except ValueError as error:
            raise self.error(str(error)) from error
        drafts = in_progress(reasons, ledgers)
        if drafts:
            parts.append(
                f"<p><strong>While {html.escape(ledgers[0]['version'])} was made</strong>: drafts gave other verdicts for "
                f"{len({row['claim'] for row in drafts})} claims.</p>"
            )
            parts.append(
                wide(
                    changed(drafts, "draft", "edition"),
                    "Verdicts that changed while the first edition was made",
                )
            )
        return [nodes.raw("", "".join(parts), format="html")]


def wide(table: str, label: str) -> str:
    """A table that scrolls in a box of its own on a narrow screen."""
    box = (
        f'class="pst-scrollable-table-container" role="region" aria-label="{html.escape(label)}" tabindex="0"'
    )
    return f"<div {box}>{table}</div>"


def setup(app: Sphinx) -> dict[str, Any]:
    """Register with Sphinx."""
    app.add_directive("editions-compared", EditionsCompared)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
