"""One claim, our numbers for it, and the rule that turns them into a verdict.

Values, null ranges and claims are plain frozen objects; `judge` is the only place where a verdict comes from. What is
recomputed, and by what, is the business of `claims`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from cape_utils.stats.formatting import p_value, with_interval
from cape_utils.stats.resampling import Alternative, null_from_draws
from cape_utils.stats.results import Estimate, Null

__all__ = [
    "BORDERLINE_BELOW",
    "DISTINGUISHABLE_BELOW",
    "RECOMPUTED",
    "VERDICTS",
    "Assessment",
    "Claim",
    "NullRange",
    "Recomputed",
    "Value",
    "finite",
    "in_unit",
    "judge",
    "null_range",
    "show_null",
    "show_number",
    "show_quote",
    "show_value",
    "tier",
]

Verdict = Literal[
    "reproduced",
    "borderline",
    "not distinguishable",
    "paper's data only",
    "differs",
    "not testable",
    "not written yet",
]
VERDICTS: dict[str, str] = {
    "reproduced": (
        "recomputed on the paper's data within tolerance, distinguishable from a null where the claim has a pattern in it, "
        "and not contradicted by the open panel"
    ),
    "borderline": "recomputed, but data without the pattern in question come as far in 1 to 10 of 100 draws",
    "not distinguishable": (
        "recomputed, but data without the pattern in question come as far in 10 or more of 100 draws: the number is no evidence "
        "for the pattern, and none against it"
    ),
    "paper's data only": "recomputed on the paper's data, but the open panel disagrees",
    "differs": "the released data give another number, or miss what we read the words as",
    "not testable": "what was released cannot test it",
    "not written yet": "the chapter that recomputes it is not in this edition",
}
"""Each verdict with what it means."""

RECOMPUTED: tuple[Verdict, ...] = ("reproduced", "borderline", "not distinguishable", "paper's data only")
"""The verdicts of a number that comes back from the paper's data, whatever else is said of it."""

CLAIMED_LEVEL = "95%"
"""What ``interval_meaning`` says of a quoted interval that is part of the claim and is what it is called."""

Tier = Literal["distinguishable", "borderline", "not distinguishable"]
DISTINGUISHABLE_BELOW, BORDERLINE_BELOW = 0.01, 0.1
"""The band of p around the usual 0.05 in which another seed, copy or test would change the answer."""


@dataclass(frozen=True)
class Value:
    """One side's number (or text), with its interval, count and method; missing parts are ``None``.

    Attributes
    ----------
    value : float or str
        In the claim's unit.
    low, high : float, optional
        Ends of its 95% interval.
    n : int, optional
        What was counted: models, families, items.
    method : str, optional
        In words.

    Raises
    ------
    ValueError
        If a number is not finite.

    Examples
    --------
    >>> Value(0.52, 0.31, 0.70, n=8).n
    8
    """

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
    """What a statistic does when nothing is there: median, 95% range, how it was drawn, and where the data fall.

    Attributes
    ----------
    value, low, high : float
        Median of the null and its 95% range.
    method : str
        How it was drawn.
    p_less, p_greater : float
        Shares of the null at most, and at least, as large as the data.
    smallest_p : float
        The smallest share that this null can give.
    observed : float
        The statistic on the data.
    statistic : str
        What is held against the null, where that is not the number quoted.

    Examples
    --------
    >>> null_range(0.9, [-0.4, -0.1, 0.2, 0.3], n=8, method="labels permuted").p("greater")
    0.2
    """

    value: float
    low: float
    high: float
    method: str
    p_less: float
    p_greater: float
    smallest_p: float
    observed: float
    statistic: str = ""

    @classmethod
    def of(cls, null: Null, *, statistic: str = "") -> NullRange:
        """From a ``Null``.

        Raises
        ------
        ValueError
            If it keeps no one-sided shares, so that a claim with a direction could not be held against it.
        """
        shares = (null.p_less, null.p_greater)
        if not all(map(math.isfinite, shares)):
            raise ValueError(f"the null {null.method!r} keeps no one-sided p; make it with null_from_draws")
        ends = (null.value, null.low, null.high, null.method)
        return cls(*ends, *shares, null.smallest_p, null.observed, statistic)

    def p(self, alternative: Alternative) -> float:
        """Share of the null that comes as far as the data in the direction of the claim."""
        if alternative == "two-sided":
            return min(1.0, 2 * min(self.p_less, self.p_greater))
        return self.p_less if alternative == "less" else self.p_greater


@dataclass(frozen=True)
class Recomputed:
    """What a chapter's function returns for one claim.

    Attributes
    ----------
    paper_panel : Value or None
        From the paper's data; ``None`` where what was released cannot test the claim.
    open_panel : Value, optional
        The same from data of others.
    null, open_null : NullRange, optional
        Of the paper's panel and of the open panel.
    remark : str
        A sentence for the reason.
    readings : mapping of str to float
        The numbers among which ``paper_panel`` was chosen for being nearest to the one quoted; empty where the words leave
        no choice, or where the choice was made without looking at the quoted number.

    Examples
    --------
    >>> Recomputed(Value(16, n=16), remark="Counted by name.").paper_panel.value
    16
    """

    paper_panel: Value | None
    open_panel: Value | None = None
    null: NullRange | None = None
    remark: str = ""
    open_null: NullRange | None = None
    readings: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Claim:
    """One row of the ledger; see the schema of ``data/claims.csv``.

    A claim has a pattern in it, and then an ``alternative`` to the null, or it has none, and then ``no_null`` says why.
    ``quote`` makes one in a line.

    Attributes
    ----------
    id, paper, section, statement, chapter : str
        Its name, where it stands, what it says, and the chapter that recomputes it.
    unit : str
        Such as ``"r"`` or ``"%"``.
    criterion : str
        ``"within"``, ``"at_least"``, ``"at_most"`` or ``"equals_text"``.
    paper_value : Value or None
        What is quoted; ``None`` for words that are held to ``bound``.
    bound : float or None
        Of the criteria ``at_least`` and ``at_most``.
    tolerance : float
        Of the criterion ``within``.
    alternative : {"greater", "less", "two-sided"}, optional
        Direction in which the number would stand out from a null.
    no_null : str
        Why no null applies.

    Examples
    --------
    >>> from cape_utils import claims
    >>> claims.ledger()[0].unit
    'r'
    """

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
    alternative: Alternative | None = None
    no_null: str = ""

    @property
    def slack(self) -> float:
        """The tolerance with a last digit for the binary fraction, so that a difference of exactly the tolerance counts."""
        return self.tolerance * (1 + 1e-9) + 1e-15


@dataclass(frozen=True)
class Assessment:
    """A claim with our numbers and the verdict, as ``judge`` makes it.

    Attributes
    ----------
    claim : Claim
        What is said.
    paper_panel, open_panel : Value or None
        What was recomputed.
    null, open_null : NullRange or None
        What it was held against.
    readings : mapping of str to float
        As in ``Recomputed``.
    verdict : str
        One of ``VERDICTS``.
    reason : str
        Sentences with the numbers that the verdict follows from.

    Examples
    --------
    >>> from cape_utils import claims
    >>> claims.assess("01_data")[0].verdict in claims.VERDICTS
    True
    """

    claim: Claim
    paper_panel: Value | None
    open_panel: Value | None
    null: NullRange | None
    open_null: NullRange | None
    readings: Mapping[str, float]
    verdict: Verdict
    reason: str

    @property
    def p(self) -> float | None:
        """Where the paper's data fall in their null, in the direction of the claim; None without a null."""
        return _p(self.claim, self.null)

    @property
    def open_p(self) -> float | None:
        """The same for the open panel."""
        return _p(self.claim, self.open_null)

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
            "open_null": plain(self.open_null),
            "alternative": self.claim.alternative,
            "p": self.p,
            "open_p": self.open_p,
            "verdict": self.verdict,
            "reason": self.reason,
        }


def null_range(observed: float, draws: ArrayLike, *, n: int, method: str, statistic: str = "") -> NullRange:
    """What a statistic does when nothing is there, from draws of it, and where the data fall.

    Parameters
    ----------
    observed : float
        The statistic on the data.
    draws : array-like of float
        The same on data without the pattern.
    n : int
        What was counted: models, families, items.
    method : str
        How the draws were made, such as ``"sizes permuted"``.
    statistic : str
        Its name, where it is not the number quoted.

    Examples
    --------
    >>> null_range(0.9, [-0.4, -0.1, 0.2, 0.3], n=8, method="sizes permuted").smallest_p
    0.2
    """
    null = null_from_draws(observed, np.asarray(draws, dtype=float), n, method)
    return NullRange.of(null, statistic=statistic)


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
    quoted = claim.paper_value
    pairs: list[tuple[float | None, float | None]] = [(number, float(quoted.value))]
    if quoted.method == CLAIMED_LEVEL:  # the interval is part of the claim, so its ends count too
        pairs += [(ours.low, quoted.low), (ours.high, quoted.high)]
    return all(a is not None and b is not None and abs(a - b) <= claim.slack for a, b in pairs)


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
    return not low - claim.slack <= quoted <= high + claim.slack


def _p(claim: Claim, null: NullRange | None) -> float | None:
    return None if null is None or claim.alternative is None else null.p(claim.alternative)


def tier(p: float) -> Tier:
    """How far a number stands out from its null.

    Examples
    --------
    >>> [tier(p) for p in (0.009, 0.051, 0.07, 0.35)]
    ['distinguishable', 'borderline', 'borderline', 'not distinguishable']
    """
    if p < DISTINGUISHABLE_BELOW:
        return "distinguishable"
    return "borderline" if p < BORDERLINE_BELOW else "not distinguishable"


def _against_null(claim: Claim, null: NullRange | None, where: str) -> str:
    """One sentence on a panel and its null; empty without one."""
    p = _p(claim, null)
    if null is None or p is None:
        return ""
    if null.statistic:
        given = (
            f"{null.statistic} {show_number(null.observed)}, under the null {show_null(null)} ({null.method})"
        )
    else:
        given = f"a null ({null.method}) gives {show_null(null, claim)}"
    # Where every draw comes as far, more draws would not help; where none can be rare, no data would.
    bound = null.smallest_p >= DISTINGUISHABLE_BELOW and p <= null.smallest_p
    least = ", the smallest that this null can give" if bound else ""
    return f"On {where}, {given}: {tier(p)}, {p_value(p, name=True)}{least}."


def judge(claim: Claim, ours: Recomputed | None) -> Assessment:
    """Apply the rule to one claim.

    The order is: not written yet, not testable, differs, not distinguishable, paper's data only, borderline, reproduced;
    the first that applies is the verdict. A null is held against a claim in the claim's own direction, so that a null that
    gives more than is claimed is no support. The open panel speaks against a claim if its interval, widened by the
    tolerance, leaves out the number quoted.

    Parameters
    ----------
    claim : Claim
        From the ledger, or from ``quote``.
    ours : Recomputed or None
        ``None`` where no chapter recomputes the claim yet.

    Raises
    ------
    ValueError
        If a claim lacks what its criterion needs, or has a null and no direction to hold it against.

    Examples
    --------
    >>> from cape_utils import claims
    >>> said = claims.quote("families", "Families in the panel", 16, no_null="a count has no pattern in it")
    >>> judge(said, Recomputed(Value(15))).verdict
    'differs'
    """
    if ours is None:
        return Assessment(
            claim=claim,
            paper_panel=None,
            open_panel=None,
            null=None,
            open_null=None,
            readings={},
            verdict="not written yet",
            reason=f"Chapter {claim.chapter} is not written yet.",
        )
    paper, open_panel = ours.paper_panel, ours.open_panel
    if claim.alternative is None and (ours.null is not None or ours.open_null is not None):
        raise ValueError(
            f"claim {claim.id}: a null came, and the ledger has no alternative to hold it against"
        )
    p = _p(claim, ours.null)
    verdict: Verdict
    why = "" if paper is None else f"The paper's data give {show_value(paper, claim)}"
    if paper is None:
        verdict, why = "not testable", "What was released cannot test it"
    elif not _recomputed_as_quoted(claim, paper):
        verdict, why = "differs", f"{why} where {_wanted(claim)}"
    elif p is not None and tier(p) == "not distinguishable":
        verdict = "not distinguishable"
    elif open_panel is not None and _contradicts(claim, open_panel):
        verdict = "paper's data only"
    else:
        verdict = "borderline" if p is not None and tier(p) == "borderline" else "reproduced"
    if open_panel is not None and paper is not None:
        why = f"{why}; the open panel gives {show_value(open_panel, claim)}"
    nulls = (
        _against_null(claim, ours.null, "the paper's data"),
        _against_null(claim, ours.open_null, "the open panel"),
        f"No null applies: {claim.no_null}." if claim.no_null else "",
    )
    reason = " ".join(part for part in (f"{why}.", *nulls, ours.remark) if part).strip()
    return Assessment(
        claim=claim,
        paper_panel=paper,
        open_panel=open_panel,
        null=ours.null,
        open_null=ours.open_null,
        readings=ours.readings,
        verdict=verdict,
        reason=reason,
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
