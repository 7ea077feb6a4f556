"""The ledger: what the papers say, what we compute, and the verdict by rule.

``data/claims.csv`` holds one row for each number quoted. ``recomputed`` holds, chapter by chapter, the functions
that recompute them. This module joins the two and applies the rule; no verdict is typed anywhere.
"""

from __future__ import annotations

import functools
import html
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import numpy as np
import pandas as pd

from cape_utils import data
from cape_utils.results import Estimate, Null, as_generator, null_from_draws

__all__ = [
    "VERDICTS",
    "Assessment",
    "Claim",
    "NullRange",
    "Recomputed",
    "Scoreboard",
    "Statements",
    "Value",
    "agreement_by_luck",
    "assess",
    "assess_some",
    "flat_table",
    "judge",
    "ledger",
    "scoreboard",
    "statements",
    "table",
    "verdict_counts",
]

Verdict = Literal["reproduced", "paper's data only", "artefact", "differs", "not testable", "not written yet"]
VERDICTS: dict[str, str] = {
    "reproduced": "recomputed on the paper's data within tolerance, and contradicted by neither the open panel nor a null",
    "paper's data only": "recomputed on the paper's data, but the open panel disagrees",
    "artefact": "recomputed, but the number lies within what a null gives in which nothing is there",
    "differs": "the released data give another number",
    "not testable": "needs data that was never released",
    "not written yet": "the chapter that recomputes it is not in this edition",
}
"""Each verdict with what it means."""

TOY_CHAPTER = "11_toy_world"


@dataclass(frozen=True)
class Value:
    """One side's number (or text), with its interval, count and method; missing parts are ``None``."""

    value: float | str
    low: float | None = None
    high: float | None = None
    n: int | None = None
    method: str | None = None

    def __post_init__(self) -> None:
        """Refuse what a ledger cannot hold: a number that is not one must be left out, not written down."""
        for number in (self.value, self.low, self.high):
            if isinstance(number, float) and not math.isfinite(number):
                raise ValueError(f"a value of the ledger must be finite; {self} came; leave it out as None")

    @classmethod
    def of(cls, estimate: Estimate, *, sign: float = 1.0) -> Value:
        """From an ``Estimate``; ``sign=-1`` turns an exponent into its opposite."""
        low, high = sorted((sign * estimate.low, sign * estimate.high))
        return cls(sign * estimate.estimate, _known(low), _known(high), estimate.n, estimate.method)


@dataclass(frozen=True)
class NullRange:
    """What the statistic does when nothing is there: median, 95% range and how it was drawn."""

    value: float
    low: float
    high: float
    method: str

    @classmethod
    def of(cls, null: Null) -> NullRange:
        """From a ``Null``."""
        return cls(null.value, null.low, null.high, null.method)


@dataclass(frozen=True)
class Recomputed:
    """What a chapter's function returns for one claim."""

    paper_panel: Value | None
    open_panel: Value | None = None
    null: NullRange | None = None
    remark: str = ""


@dataclass(frozen=True)
class Claim:
    """One row of the ledger; see the schema of ``data/claims.csv``."""

    id: str
    paper: str
    section: str
    statement: str
    chapter: str
    unit: str
    criterion: str
    paper_value: Value | None
    bound: float | None
    tolerance: float


@dataclass(frozen=True)
class Assessment:
    """A claim with our numbers and the verdict."""

    claim: Claim
    paper_panel: Value | None
    open_panel: Value | None
    null: NullRange | None
    verdict: Verdict
    reason: str

    def as_dict(self) -> dict[str, Any]:
        """Plain object for JSON, with the keys that ``cape claims --json`` promises."""

        def plain(part: Value | NullRange | None) -> dict[str, Any] | None:
            return None if part is None else asdict(part)

        return {
            "id": self.claim.id,
            "chapter": self.claim.chapter,
            "paper_value": plain(self.claim.paper_value),
            "paper_panel": plain(self.paper_panel),
            "open_panel": plain(self.open_panel),
            "null": plain(self.null),
            "verdict": self.verdict,
            "reason": self.reason,
        }


def _known(number: float | None) -> float | None:
    return None if number is None or not math.isfinite(number) else float(number)


def ledger(rows: pd.DataFrame | None = None) -> list[Claim]:
    """All claims, in the order of the table.

    Parameters
    ----------
    rows : pandas.DataFrame, optional
        A table like ``claims``; the project's own by default.

    Examples
    --------
    >>> ledger()[0].id
    'pythia_r_hs_tqa'
    """
    frame = data.load("claims") if rows is None else rows
    claims = []
    for row in frame.to_dict("records"):
        number, text = _known(row["paper_value"]), row["paper_text"]
        quoted: float | str | None = (
            number if number is not None else (text if isinstance(text, str) else None)
        )
        meaning = row["interval_meaning"] if isinstance(row["interval_meaning"], str) else None
        value = (
            None
            if quoted is None
            else Value(quoted, _known(row["paper_low"]), _known(row["paper_high"]), None, meaning)
        )
        claims.append(
            Claim(
                row["id"],
                row["paper"],
                row["section"],
                row["statement"],
                row["chapter"],
                row["unit"],
                row["criterion"],
                value,
                _known(row["criterion_value"]),
                _known(row["tolerance"]) or 0.0,
            )
        )
    return claims


def _recomputed_as_quoted(claim: Claim, ours: Value) -> bool:
    if claim.criterion == "equals_text":
        return claim.paper_value is not None and ours.value == claim.paper_value.value
    number = float(ours.value)
    if claim.criterion == "at_least":
        return number >= _bound(claim)
    if claim.criterion == "at_most":
        return number <= _bound(claim)
    if claim.paper_value is None:
        raise ValueError(f"claim {claim.id}: criterion 'within' needs a paper_value")
    # A last digit of slack for the binary fraction, so that a difference of exactly the tolerance counts.
    return abs(number - float(claim.paper_value.value)) <= claim.tolerance * (1 + 1e-9) + 1e-15


def _covers(claim: Claim, ours: Value) -> bool:
    """Say whether our interval holds the number quoted, though our number is another."""
    ends = ours.low is not None and ours.high is not None and claim.paper_value is not None
    return claim.criterion == "within" and ends and not _contradicts(claim, ours)


def _bound(claim: Claim) -> float:
    if claim.bound is None:
        raise ValueError(f"claim {claim.id}: criterion {claim.criterion!r} needs a criterion_value")
    return claim.bound


def _contradicts(claim: Claim, open_panel: Value) -> bool:
    if claim.criterion == "equals_text":
        return claim.paper_value is not None and open_panel.value != claim.paper_value.value
    low = open_panel.low if open_panel.low is not None else float(open_panel.value)
    high = open_panel.high if open_panel.high is not None else float(open_panel.value)
    if claim.criterion == "at_least":
        return high < _bound(claim)
    if claim.criterion == "at_most":
        return low > _bound(claim)
    quoted = float(claim.paper_value.value) if claim.paper_value is not None else math.nan
    slack = claim.tolerance * (1 + 1e-9) + 1e-15
    return not low - slack <= quoted <= high + slack


def _null_gives_as_much(claim: Claim, ours: Value, null: NullRange) -> bool:
    if isinstance(ours.value, str):
        return False
    if claim.criterion == "at_least":
        return null.value >= _bound(claim)
    if claim.criterion == "at_most":
        return null.value <= _bound(claim)
    return null.low <= float(ours.value) <= null.high


def judge(claim: Claim, ours: Recomputed | None) -> Assessment:
    """Apply the rule to one claim.

    The order is: not written yet, not testable, differs, artefact, paper's data only, reproduced; the first that
    applies is the verdict. A null speaks against a claim if our number lies within its 95% range. The open panel
    speaks against it if its interval, widened by the tolerance, leaves out the number quoted.

    Parameters
    ----------
    claim : Claim
    ours : Recomputed or None
        ``None`` where no chapter recomputes the claim yet.
    """
    if ours is None:
        return Assessment(
            claim, None, None, None, "not written yet", f"Chapter {claim.chapter} is not written yet."
        )
    paper, opened, null = ours.paper_panel, ours.open_panel, ours.null
    verdict: Verdict
    if paper is None:
        verdict, why = "not testable", "The data behind it was not released"
    elif not _recomputed_as_quoted(claim, paper):
        verdict, why = "differs", f"The paper's data give {_show(paper)} where {_wanted(claim)}"
        if _covers(claim, paper):
            why += "; our interval covers it, so the data do not decide"
    elif null is not None and _null_gives_as_much(claim, paper, null):
        verdict = "artefact"
        why = f"The paper's data give {_show(paper)}, and so does a null: {_range(null)} ({null.method})"
    elif opened is not None and _contradicts(claim, opened):
        verdict = "paper's data only"
        why = f"The paper's data give {_show(paper)}, the open panel {_show(opened)}"
    else:
        verdict = "reproduced"
        against = f"; the open panel gives {_show(opened)}" if opened is not None else ""
        beyond = f"; the null gives {_range(null)}" if null is not None else ""
        why = f"The paper's data give {_show(paper)}{against}{beyond}"
    reason = f"{why}. {ours.remark}".strip()
    return Assessment(claim, paper, opened, null, verdict, reason)


def _figure(number: float | str | None) -> str:
    return number if isinstance(number, str) else f"{number:.4g}"


def _show(value: Value) -> str:
    ends = (
        "" if value.low is None or value.high is None else f" [{_figure(value.low)}, {_figure(value.high)}]"
    )
    return f"{_figure(value.value)}{ends}"


def _range(null: NullRange) -> str:
    return f"{_figure(null.value)} [{_figure(null.low)}, {_figure(null.high)}]"


def _wanted(claim: Claim) -> str:
    # Words without a number, such as "nearly every", are held to a bound of ours, and the reason must say so.
    ours = claim.criterion in ("at_least", "at_most") and claim.paper_value is None
    return f"we read the words as {_quoted(claim)}" if ours else f"{_quoted(claim)} is quoted"


def _quoted(claim: Claim) -> str:
    if claim.criterion in ("at_least", "at_most"):
        return f"{claim.criterion.replace('_', ' ')} {_figure(_bound(claim))}"
    return _figure(claim.paper_value.value) if claim.paper_value is not None else "nothing"


@functools.cache
def _assessed(claim: Claim) -> Assessment:
    from cape_utils.recomputed import registry  # the registry imports this module

    function = registry().get(claim.id)
    return judge(claim, None if function is None else function())


def assess(chapter: str | None = None) -> list[Assessment]:
    """Every claim of a chapter, or of the book, with our numbers and the verdict.

    Parameters
    ----------
    chapter : str, optional
        Such as ``"02_coupling"``.

    Raises
    ------
    KeyError
        If there is no such chapter; the message lists those there are.
    """
    return [_assessed(claim) for claim in _claims_of(chapter)]


def assess_some(ids: Sequence[str]) -> list[Assessment]:
    """A few claims with our numbers and the verdict, without recomputing the rest of the ledger.

    Parameters
    ----------
    ids : sequence of str
        Identifiers of claims; the answer keeps their order.

    Raises
    ------
    KeyError
        If there is no such claim.

    Examples
    --------
    >>> assess_some(["panel_families"])[0].verdict
    'reproduced'
    """
    known = {claim.id: claim for claim in ledger()}
    if unknown := [name for name in ids if name not in known]:
        raise KeyError(f"no claim {', '.join(map(repr, unknown))}; cape claims lists them all")
    return [_assessed(known[name]) for name in ids]


def _claims_of(chapter: str | None) -> list[Claim]:
    known = list(data.load("chapters")["chapter"])
    if chapter is not None and chapter not in known:
        raise KeyError(f"no chapter {chapter!r}; the chapters are {', '.join(known)}")
    return [claim for claim in ledger() if chapter is None or claim.chapter == chapter]


def verdict_counts(items: Iterable[Assessment] | None = None) -> dict[str, int]:
    """Number of claims with each verdict, in the order of ``VERDICTS``."""
    verdicts = [item.verdict for item in (assess() if items is None else items)]
    return {name: verdicts.count(name) for name in VERDICTS}  # type: ignore[arg-type]


def table(chapter: str | None = None) -> pd.DataFrame:
    """The ledger as a table for reading.

    Returns
    -------
    pandas.DataFrame
        Columns ``claim, paper, paper's data, open panel, null, verdict, why``, indexed by id.
    """
    rows = [
        {
            "id": item.claim.id,
            "claim": f"{item.claim.statement} ({item.claim.unit})",
            "paper": _quoted(item.claim),
            "paper's data": "" if item.paper_panel is None else _show(item.paper_panel),
            "open panel": "" if item.open_panel is None else _show(item.open_panel),
            "null": "" if item.null is None else _range(item.null),
            "verdict": item.verdict,
            "why": item.reason,
        }
        for item in assess(chapter)
    ]
    return pd.DataFrame(rows).set_index("id")


@dataclass(frozen=True)
class Statements:
    """What the papers say, before any test, shown as a table in a notebook."""

    claims: tuple[Claim, ...]

    def _repr_html_(self) -> str:
        rows = [
            (
                _named(claim),
                html.escape(_quoted(claim) + _ends(claim.paper_value)),
                html.escape("" if claim.unit == "text" else claim.unit),
                html.escape(f"paper {claim.paper}, {claim.section}"),
            )
            for claim in self.claims
        ]
        return _html_table(("what is claimed", "quoted", "unit", "where"), rows)


@dataclass(frozen=True)
class Scoreboard:
    """Claims with their verdicts, shown as a table in a notebook."""

    items: tuple[Assessment, ...]
    filters: bool = False
    """Whether the page may offer to show one chapter or one verdict alone."""
    world: Mapping[str, str] = field(default_factory=dict)
    """What a lever does in the toy world, by claim; a column of its own where there is any."""

    def _repr_html_(self) -> str:
        rows, marks = [], []
        for item in self.items:
            mark = item.verdict.replace("'", "").replace(" ", "-").replace("not-written-yet", "not-written")
            verdict = f'<span class="verdict {mark}">{html.escape(item.verdict)}</span>'
            unit = "" if item.claim.unit == "text" else f" {item.claim.unit}"
            quoted, reason = html.escape(_quoted(item.claim) + unit), html.escape(item.reason)
            known = (html.escape(self.world.get(item.claim.id, "")),) if self.world else ()
            rows.append((_named(item.claim), quoted, reason, verdict, *known))
            marks.append({"chapter": item.claim.chapter, "verdict": item.verdict})
        head = (
            "claim",
            "paper",
            "we find",
            "verdict",
            *(("in a world where we know",) if self.world else ()),
        )
        return _html_table(head, rows, marks if self.filters else ())


def _named(claim: Claim) -> str:
    return f"{html.escape(claim.statement)}<br><code>{claim.id}</code>"


def _ends(value: Value | None) -> str:
    return "" if value is None or value.low is None else f" [{_figure(value.low)}, {_figure(value.high)}]"


def _html_table(
    head: tuple[str, ...], rows: Sequence[tuple[str, ...]], marks: Sequence[dict[str, str]] = ()
) -> str:
    top = "".join(f'<th scope="col">{cell}</th>' for cell in head)
    body = []
    for place, row in enumerate(rows):
        named = "".join(f' data-{k}="{html.escape(v)}"' for k, v in marks[place].items()) if marks else ""
        body.append(f"<tr{named}>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>")
    kind = "scoreboard filtered" if marks else "scoreboard"
    return f'<table class="{kind}"><thead><tr>{top}</tr></thead><tbody>{"".join(body)}</tbody></table>'


def statements(chapter: str) -> Statements:
    """What the papers say that a chapter tests, in their terms; nothing is recomputed for it."""
    if chapter == TOY_CHAPTER:
        return Statements(tuple(claim for claim in ledger() if claim.id in _about_levers()))
    return Statements(tuple(_claims_of(chapter)))


def _about_levers() -> list[str]:
    """The toy world's chapter owns no claim: it speaks to what other chapters' claims say of levers."""
    from cape_utils.toy_claims import LEVER_CLAIMS

    return list(LEVER_CLAIMS)


def scoreboard(chapter: str | None = None) -> Scoreboard:
    """Paper says, we find: the claims of a chapter, or of the book (with filters), with verdicts."""
    if chapter != TOY_CHAPTER:
        return Scoreboard(tuple(assess(chapter)), filters=chapter is None)
    from cape_utils.toy_claims import claim_words

    return Scoreboard(tuple(assess_some(_about_levers())), world=claim_words())


def flat_table() -> pd.DataFrame:
    """The whole ledger with one number a column, as published in ``scorecard.csv``.

    Returns
    -------
    pandas.DataFrame
        Columns ``id, chapter, statement, unit, paper_value, paper_low, paper_high``, the same three for ``ours`` and
        ``open_panel``, ``null_value, null_low, null_high``, ``verdict`` and ``reason``.
    """
    rows = []
    for item in assess():
        row: dict[str, Any] = {
            "id": item.claim.id,
            "chapter": item.claim.chapter,
            "statement": item.claim.statement,
            "unit": item.claim.unit,
        }
        sides = {
            "paper": item.claim.paper_value,
            "ours": item.paper_panel,
            "open_panel": item.open_panel,
            "null": item.null,
        }
        for name, part in sides.items():
            for key in ("value", "low", "high"):
                row[f"{name}_{key}"] = None if part is None else getattr(part, key)
        rows.append({**row, "verdict": item.verdict, "reason": item.reason})
    return pd.DataFrame(rows)


def agreement_by_luck(*, draws: int = 2000, rng: np.random.Generator | int = 0) -> Null:
    """How many numbers would be recomputed if the quoted ones were dealt out anew among claims of one unit.

    Returns
    -------
    Null
        Of the number of claims whose recomputed value lies within tolerance of the quoted one.
    """
    items = [
        item
        for item in assess()
        if item.claim.criterion == "within"
        and item.paper_panel is not None
        and item.claim.paper_value is not None
        and not isinstance(item.claim.paper_value.value, str)
    ]
    shared = pd.Series([item.claim.unit for item in items]).duplicated(keep=False)
    items = [
        item for item, more in zip(items, shared, strict=True) if more
    ]  # a unit of one deals itself back
    quoted = np.array([float(item.claim.paper_value.value) for item in items if item.claim.paper_value])
    ours = np.array([float(item.paper_panel.value) for item in items if item.paper_panel])
    slack = np.array([item.claim.tolerance * (1 + 1e-9) + 1e-15 for item in items])
    units = pd.factorize(np.array([item.claim.unit for item in items], dtype=object))[0]
    generator = as_generator(rng)
    # Sorting by unit, then by a random key, deals the values out within each unit.
    keys = generator.random((draws, len(items)))
    order = np.argsort(units + keys / 2, axis=1)
    home = np.argsort(units, kind="stable")
    dealt = np.empty((draws, len(items)))
    dealt[:, home] = quoted[order]
    hits = (np.abs(dealt - ours) <= slack).sum(axis=1).astype(float)
    observed = float((np.abs(quoted - ours) <= slack).sum())
    return null_from_draws(observed, hits, len(items), "quoted values dealt out anew within each unit")
