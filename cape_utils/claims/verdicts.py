"""One claim, our numbers for it, and the rule that turns them into a verdict.

Values, null ranges and claims are plain frozen objects; `judge` is the only place where a verdict comes from. What is
recomputed, and by what, is the business of `claims`.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any, Literal

from cape_utils.stats.formatting import with_interval
from cape_utils.stats.results import Estimate, Null

__all__ = [
    "VERDICTS",
    "Assessment",
    "Claim",
    "NullRange",
    "Recomputed",
    "Value",
    "finite",
    "in_unit",
    "judge",
    "show_null",
    "show_number",
    "show_quote",
    "show_value",
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
                raise ValueError(f"got {self}, expected a finite value; leave it out as None")

    @classmethod
    def of(cls, estimate: Estimate, *, sign: float = 1.0) -> Value:
        """From an ``Estimate``; ``sign=-1`` turns an exponent into its opposite."""
        low, high = sorted((sign * estimate.low, sign * estimate.high))
        return cls(sign * estimate.estimate, finite(low), finite(high), estimate.n, estimate.method)


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


def finite(number: float | None) -> float | None:
    """The number, or ``None`` where it is missing or not finite."""
    return None if number is None or not math.isfinite(number) else float(number)


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
            claim=claim,
            paper_panel=None,
            open_panel=None,
            null=None,
            verdict="not written yet",
            reason=f"Chapter {claim.chapter} is not written yet.",
        )
    paper, open_panel, null = ours.paper_panel, ours.open_panel, ours.null
    verdict: Verdict
    if paper is None:
        verdict, why = "not testable", "The data behind it was not released"
    elif not _recomputed_as_quoted(claim, paper):
        verdict, why = "differs", f"The paper's data give {show_value(paper, claim)} where {_wanted(claim)}"
    elif null is not None and _null_gives_as_much(claim, paper, null):
        verdict = "artefact"
        why = f"The paper's data give {show_value(paper, claim)}, and so does a null: {show_null(null, claim)} ({null.method})"
    elif open_panel is not None and _contradicts(claim, open_panel):
        verdict = "paper's data only"
        why = f"The paper's data give {show_value(paper, claim)}, the open panel {show_value(open_panel, claim)}"
    else:
        verdict = "reproduced"
        against = f"; the open panel gives {show_value(open_panel, claim)}" if open_panel is not None else ""
        beyond = f"; the null gives {show_null(null, claim)}" if null is not None else ""
        why = f"The paper's data give {show_value(paper, claim)}{against}{beyond}"
    reason = f"{why}. {ours.remark}".strip()
    return Assessment(
        claim=claim, paper_panel=paper, open_panel=open_panel, null=null, verdict=verdict, reason=reason
    )


def show_number(number: float | str) -> str:
    """Four digits, or the text as it stands.

    Examples
    --------
    >>> show_number(0.123456), show_number(50), show_number("HellaSwag")
    ('0.1235', '50', 'HellaSwag')
    """
    return number if isinstance(number, str) else f"{number:.4g}"


def show_value(value: Value, claim: Claim | None = None) -> str:
    """A value with its interval, in as many digits as the interval's width calls for and the claim's own number has.

    Examples
    --------
    >>> show_value(Value(0.08931, -0.3702, 0.3888)), show_value(Value(0.08931))
    ('0.09 [-0.37, 0.39]', '0.08931')
    """
    if isinstance(value.value, str) or value.low is None or value.high is None:
        return show_number(value.value)
    return with_interval(value.value, value.low, value.high, min_decimals=_decimals_quoted(claim))


def show_null(null: NullRange, claim: Claim | None = None) -> str:
    """A null with its range, in digits as those of `show_value`."""
    return with_interval(null.value, null.low, null.high, min_decimals=_decimals_quoted(claim))


def _decimals_quoted(claim: Claim | None) -> int:
    value = None if claim is None or claim.paper_value is None else claim.paper_value.value
    if (
        value is None or isinstance(value, str) or 0 < abs(value) < 1e-3
    ):  # a number so small has no decimals to follow
        return 0
    return len(f"{value:.6g}".partition(".")[2])


def in_unit(number: str, unit: str) -> str:
    """A number in words with its unit, as a sentence would have it.

    Examples
    --------
    >>> in_unit("-0.989", "r"), in_unit("3.5", "billion parameters"), in_unit("60", "%"), in_unit("6", "of 7")
    ('r = -0.989', '3.5B', '60%', '6 of 7')
    """
    if unit in ("text", "count"):
        return number
    if unit in ("r", "p", "R2"):
        return (
            f"{unit.replace('R2', 'R²')} = {number}" if not number.startswith("at ") else f"{unit} {number}"
        )
    if unit in ("exponent", "cosine", "loading", "eigenvalue", "depth"):
        return f"{unit} {number}"
    return f"{number}{ {'%': '%', 'billion parameters': 'B'}.get(unit, f' {unit}') }"


def _wanted(claim: Claim) -> str:
    # Words without a number, such as "nearly every", are held to a bound of ours, and the reason must say so.
    ours = claim.criterion in ("at_least", "at_most") and claim.paper_value is None
    return f"we read the words as {show_quote(claim)}" if ours else f"{show_quote(claim)} is quoted"


def show_quote(claim: Claim) -> str:
    """What the paper quotes, or the bound that its words are held to."""
    if claim.criterion in ("at_least", "at_most"):
        return f"{claim.criterion.replace('_', ' ')} {show_number(_bound(claim))}"
    return show_number(claim.paper_value.value) if claim.paper_value is not None else "nothing"
