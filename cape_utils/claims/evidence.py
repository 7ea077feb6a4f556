"""The claims behind an advice: their verdicts as the ledger has them now, and how far these carry it.

What is advised is the job of ``diagnosis.advice`` and ``frontier.model_diagnosis``; a verdict follows from numbers in
``claims.assessment``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from cape_utils.claims import assessment

__all__ = ["GRADES", "Evidence", "Grade", "evidence_for", "grade"]

Grade = Literal["holds", "mixed", "no support", "does not hold", "not tested", "your own noise"]
GRADES: dict[Grade, str] = {
    "holds": "Every claim behind it that could be tested holds. It is worth doing, and worth measuring.",
    "mixed": "Some of the claims behind it hold, or nearly do, and some do not. Try it small, and compare with doing nothing.",
    "no support": (
        "No claim behind it stands out from what data without the pattern give. That is no evidence against it either. This is "
        "what the paper suggests, not what the evidence supports."
    ),
    "does not hold": (
        "No claim behind it held when it was tested here. This is what the paper suggests, not what the evidence supports."
    ),
    "not tested": "None of the claims behind it could be tested yet. It is an idea of the paper's, no more.",
    "your own noise": "It rests on no claim of the papers: it follows from the noise of your own scores.",
}
"""Each grade with the words that go with it."""


@dataclass(frozen=True)
class Evidence:
    """One claim behind an advice, with its verdict in the ledger."""

    id: str
    statement: str
    chapter: str
    verdict: str


def evidence_for(ids: Sequence[str]) -> tuple[Evidence, ...]:
    """Claims by identifier with their verdicts, in the order asked for.

    Raises
    ------
    KeyError
        If there is no such claim.

    Examples
    --------
    >>> [item.verdict for item in evidence_for(["panel_families"])]
    ['reproduced']
    """
    return tuple(
        Evidence(item.claim.id, item.claim.statement, item.claim.chapter, item.verdict)
        for item in assessment.assess_some(ids)
    )


def grade(verdicts: Sequence[str]) -> Grade:
    """How far verdicts carry an advice.

    Claims that could not be tested, or not yet, count neither way. Only *reproduced* counts as holding, and *borderline*
    as half of it: a claim that is true of the paper's data alone, or of chance as well, gives no reason to act.

    Examples
    --------
    >>> grade(["reproduced", "not testable"]), grade(["reproduced", "not distinguishable"]), grade(["differs"])
    ('holds', 'mixed', 'does not hold')
    >>> grade(["borderline"]), grade(["borderline", "differs"])
    ('mixed', 'mixed')
    >>> grade(["not distinguishable", "not testable"])
    'no support'
    >>> grade([]), grade(["not written yet"])
    ('your own noise', 'not tested')
    """
    if not verdicts:
        return "your own noise"
    tested = [verdict for verdict in verdicts if verdict not in ("not testable", "not written yet")]
    if not tested:
        return "not tested"
    if all(verdict == "reproduced" for verdict in tested):
        return "holds"
    if {"reproduced", "borderline"} & set(tested):
        return "mixed"
    return "no support" if set(tested) == {"not distinguishable"} else "does not hold"
