"""Claims as tables of a notebook: what the papers say, what we find, and one number recomputed with its code."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from cape_utils.claims.verdicts import (
    VERDICTS,
    Assessment,
    Claim,
    NullRange,
    Value,
    in_unit,
    show_null,
    show_number,
    show_quote,
    show_value,
)
from cape_utils.runtime import in_book
from cape_utils.stats.formatting import DASH, p_value

__all__ = ["Reproduction", "Scoreboard", "Statements", "claim_anchor", "verdict_class"]

_NO_NUMBER = "The papers quote no number that belongs to this chapter"


def claim_anchor(claim_id: str) -> str:
    """Name of a claim's place on the page that recomputes every number.

    Examples
    --------
    >>> claim_anchor("pythia_r_hs_tqa")
    'claim-pythia-r-hs-tqa'
    """
    return f"claim-{claim_id.replace('_', '-')}"


def verdict_class(verdict: str) -> str:
    """Name of a verdict in the style sheet, which gives it its mark and colour.

    Examples
    --------
    >>> verdict_class("paper's data only")
    'papers-data-only'
    """
    return verdict.replace("'", "").replace(" ", "-").replace("not-written-yet", "not-written")


_AT_A_GLANCE = 2  # claims before the first figure; the others are one click away


@dataclass(frozen=True)
class Statements:
    """What the papers say, before any test, shown as a table in a notebook."""

    claims: tuple[Claim, ...]

    def _repr_html_(self) -> str:
        if not self.claims:
            return f"<p>{_NO_NUMBER}; what they say stands above, in words.</p>"
        rows = [
            (
                _named(claim),
                html.escape(show_quote(claim) + _ends(claim.paper_value)),
                html.escape("" if claim.unit == "text" else claim.unit),
                html.escape(f"paper {claim.paper}, {claim.section}"),
            )
            for claim in self.claims
        ]
        head = ("what is claimed", "quoted", "unit", "where")
        shown, folded = rows[:_AT_A_GLANCE], rows[_AT_A_GLANCE:]
        if not folded:
            return _html_table(head, shown)
        more = f"{len(folded)} more claim{'s' if len(folded) > 1 else ''}"
        fold = f'<details class="sb-more"><summary>{more}</summary>{_html_table(head, folded)}</details>'
        return _html_table(head, shown) + fold


@dataclass(frozen=True)
class Scoreboard:
    """Claims with their verdicts, shown as a table in a notebook."""

    items: tuple[Assessment, ...]
    filters: bool = False
    """Whether the page may offer to show one chapter or one verdict alone."""
    world: Mapping[str, str] = field(default_factory=dict)
    """What a lever does in the toy world, by claim; a column of its own where there is any."""

    def _repr_html_(self) -> str:
        if not self.items:
            return f"<p>{_NO_NUMBER}, so the rule of the ledger gives no verdict.</p>"
        rows, marks = [], []
        for item in self.items:
            quoted = html.escape(in_unit(show_quote(item.claim), item.claim.unit))
            known = (html.escape(self.world.get(item.claim.id, "")),) if self.world else ()
            claim = _named(item.claim) + _reproduce_link(item.claim)
            rows.append((badge(item.verdict), claim, quoted, _found(item), *known))
            marks.append({"chapter": item.claim.chapter, "verdict": item.verdict})
        last = ("in a world where we know",) if self.world else ()
        table = _html_table(
            ("verdict", "claim", "paper", "we find", *last), rows, marks if self.filters else ()
        )
        # Of all claims at once the rule is the chapter's own subject, and the table is long as it is.
        key = _KEY.format(more="" if self.filters else _BY_DIGITS)
        return (key if any("<svg" in row[3] for row in rows) else "") + table


_KEY = (
    '<p class="scoreboard-key" aria-hidden="true"><i class="sb-ours"></i>our number and its interval '
    '<i class="sb-paper"></i>the paper\u2019s number <i class="sb-null"></i>the null; each row has its own scale{more}</p>'
)
_BY_DIGITS = ". A verdict goes by the digits quoted, so that a number may differ inside its own interval"


def badge(verdict: str) -> str:
    """A verdict as the pages mark it."""
    return f'<span class="verdict {verdict_class(verdict)}">{html.escape(verdict)}</span>'


def dot_and_range(item: Assessment) -> str:
    """Our number with its interval beside the paper's and the range of the null, as a drawing; the cells say the same.

    Empty where there are no two numbers, and where they have neither an interval nor a null: then the digits say it all. A
    null of another statistic has another scale and is left out.
    """
    ours, quoted, null = item.paper_panel, item.claim.paper_value, item.null
    if ours is None or quoted is None or isinstance(ours.value, str) or isinstance(quoted.value, str):
        return ""
    ends = [ours.value, ours.low, ours.high, quoted.value]
    band = () if null is None or null.statistic else (null.low, null.high)
    if ours.low is None and not band:
        return ""
    known = [float(end) for end in (*ends, *band) if end is not None]
    low, high = min(known), max(known)
    span = high - low or 1.0

    def at(value: float) -> str:
        return f"{8 + 104 * (value - low) / span if high > low else 60:.1f}"

    drawn = []
    if band:
        drawn.append(
            f'<rect class="sb-null" x="{at(band[0])}" y="2" width="{float(at(band[1])) - float(at(band[0])):.1f}" height="14"/>'
        )
    if ours.low is not None and ours.high is not None:
        drawn.append(f'<line class="sb-ours" x1="{at(ours.low)}" x2="{at(ours.high)}" y1="9" y2="9"/>')
    drawn.append(f'<circle class="sb-ours" cx="{at(float(ours.value))}" cy="9" r="4"/>')
    x = at(float(quoted.value))
    drawn.append(f'<path class="sb-paper" d="M{x} 2l5 7l-5 7l-5 -7z"/>')
    return f'<svg class="sb-plot" viewBox="0 0 120 18" width="120" height="18" aria-hidden="true">{"".join(drawn)}</svg>'


def _found(item: Assessment) -> str:
    """Our number with its interval and p, drawn beside the paper's, and the reason to fold out."""
    ours = DASH
    if item.paper_panel is not None:
        number, space, ends = show_value(item.paper_panel, item.claim).partition(" [")
        ours = f"{in_unit(number, item.claim.unit)}{space}{ends}"
    against = "" if item.p is None or item.paper_panel is None else f"; null: {p_value(item.p, name=True)}"
    why = f'<summary aria-label="why, {item.claim.id}">why</summary>'
    return f"{html.escape(ours + against)}{dot_and_range(item)}<details>{why}{html.escape(item.reason)}</details>"


def _named(claim: Claim) -> str:
    return f"{html.escape(claim.statement)}<br><code>{claim.id}</code>"


def _reproduce_link(claim: Claim) -> str:
    """Link to the cell that computes it, on the book's pages; a live notebook has the function instead."""
    if not in_book():
        return ""
    label = f"Reproduce {claim.id}"
    target = f"../book/reproduce.html#{claim_anchor(claim.id)}"
    return f' <a class="cape-reproduce" href="{target}" aria-label="{label}">reproduce</a>'


def _ends(value: Value | None) -> str:
    return (
        ""
        if value is None or value.low is None or value.high is None
        else f" [{show_number(value.low)}, {show_number(value.high)}]"
    )


def _under(null: NullRange | None, p: float | None, claim: Claim) -> str:
    """A null with where the data fall in it; empty without one."""
    if null is None:
        return ""
    what = f"{null.statistic} " if null.statistic else ""
    return f"{what}{show_null(null, None if null.statistic else claim)}, {p_value(p, name=True)}"


def _html_table(
    head: tuple[str, ...], rows: Sequence[tuple[str, ...]], marks: Sequence[dict[str, str]] = ()
) -> str:
    top = "".join(f'<th scope="col">{cell}</th>' for cell in head)
    body: dict[str, list[str]] = {}
    verdicts: dict[str, list[str]] = {}
    for place, row in enumerate(rows):
        mark = marks[place] if marks else {}
        named = "".join(f' data-{k}="{html.escape(v)}"' for k, v in mark.items())
        cells = (f'<td data-label="{label}">{cell}</td>' for label, cell in zip(head, row, strict=True))
        chapter = mark.get("chapter", "")
        body.setdefault(chapter, []).append(f"<tr{named}>{''.join(cells)}</tr>")
        verdicts.setdefault(chapter, []).append(mark.get("verdict", ""))
    groups = "".join(
        f"<tbody>{_group_head(chapter, verdicts[chapter], len(head)) if chapter else ''}{''.join(lines)}</tbody>"
        for chapter, lines in sorted(body.items())
    )
    kind = "scoreboard filtered" if marks else "scoreboard"
    return f'<table class="{kind}"><thead><tr>{top}</tr></thead>{groups}</table>'


def _group_head(chapter: str, verdicts: Sequence[str], columns: int) -> str:
    """The line above the claims of a chapter: how many there are of each verdict."""
    tally = ", ".join(f"{verdicts.count(name)} {name}" for name in VERDICTS if name in verdicts)
    words = f'<b>{chapter.replace("_", " ")}</b> <span class="sb-tally">{tally}</span>'
    return f'<tr class="sb-group"><th scope="rowgroup" colspan="{columns}">{words}</th></tr>'


@dataclass(frozen=True)
class Reproduction:
    """One claim recomputed, with the code that does it; shown as a table and a fold in a notebook."""

    item: Assessment
    code: str
    """Source of the function that computes it; empty where none does."""
    module: str

    def _repr_html_(self) -> str:
        item, claim = self.item, self.item.claim
        sides = {
            "the paper says": show_quote(claim) + _ends(claim.paper_value),
            "the paper's data give": "" if item.paper_panel is None else show_value(item.paper_panel, claim),
            "the open panel gives": "" if item.open_panel is None else show_value(item.open_panel, claim),
            "under the null": _under(item.null, item.p, claim),
            "under the open panel's null": _under(item.open_null, item.open_p, claim),
            "unit": "" if claim.unit == "text" else claim.unit,
            "because": item.reason,
        }
        rows = "".join(
            f'<tr><th scope="row">{name}</th><td>{html.escape(words)}</td></tr>'
            for name, words in sides.items()
            if words
        )
        fold = (
            f"<details><summary>The code, in <code>{self.module}</code></summary>"
            f"<pre>{html.escape(self.code)}</pre></details>"
        )
        statement = f"<p>{badge(item.verdict)} <code>{claim.id}</code>, paper {claim.paper}, {html.escape(claim.section)}</p>"
        return (
            f'{statement}<table class="reproduction"><tbody>{rows}</tbody></table>{fold if self.code else ""}'
        )
