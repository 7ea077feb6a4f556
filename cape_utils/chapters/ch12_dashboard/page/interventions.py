"""What to do about the scores in the form: the rules of ``diagnosis.advice``, with what the ledger says of each."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

from cape_utils.chapters.ch12_dashboard.page.case import Case
from cape_utils.chapters.ch12_dashboard.page.next_size import foreseen
from cape_utils.chapters.ch12_dashboard.page.web_distance import distance_of
from cape_utils.diagnosis.advice import CLEAR, FORESEEN, PAPER_SCALE_B, RULES, Advice, advice_of
from cape_utils.diagnosis.family_diagnosis import Score
from cape_utils.diagnosis.next_size import NextSize
from cape_utils.diagnosis.panel_comparison import Distance
from cape_utils.diagnosis.score_warnings import Caution, cautions
from cape_utils.diagnosis.steps import CouplingStep
from cape_utils.reports.sections import SUGGESTED

__all__ = ["Known", "known", "part", "sorted_advice"]


@dataclass(frozen=True)
class Known:
    """As much of a ``Diagnosis`` as the rules read; see ``diagnosis.advice.Facts``."""

    x: str
    y: str
    scores: tuple[Score, ...]
    last: CouplingStep
    cautions: tuple[Caution, ...]
    distance: Distance | None = None
    next_size: NextSize | None = None


@functools.cache
def _advice(name: str) -> Advice:
    """A rule's advice without its trigger: the ledger is asked once."""
    return advice_of(next(rule for rule in RULES if rule.name == name), "")


def sorted_advice(facts: Known) -> dict[str, Any]:
    """Advice that fires, by whether its evidence is enough to try it, and the rules that do not fire.

    Returns
    -------
    dict
        ``to_try`` and ``not_confirmed`` are lists of ``name`` and ``trigger``, in the order of the rules; ``not_called_for``
        names rules.
    """
    fired = {rule.name: trigger for rule in RULES if (trigger := rule.fires(facts)) is not None}
    listed: dict[bool, list[dict[str, str]]] = {True: [], False: []}
    for name, trigger in fired.items():
        listed[_advice(name).to_try].append({"name": name, "trigger": trigger})
    return {
        "to_try": listed[True],
        "not_confirmed": listed[False],
        "not_called_for": [rule.name for rule in RULES if rule.name not in fired],
    }


def part(case: Case) -> dict[str, Any] | None:
    """What to do about the ladder; None without a step.

    Examples
    --------
    >>> import pandas as pd
    >>> from cape_utils.chapters.ch12_dashboard.page.answer import answer
    >>> toy = pd.DataFrame({"model": ["a-1B", "a-3B"], "family": "a", "params_b": [1.0, 3.0],
    ...                     "hellaswag": [45.0, 60.0], "truthfulqa_mc2": [42.0, 36.0]})
    >>> [one["name"] for one in answer(toy)["interventions"]["to_try"]]
    ['measure_more', 'widen']
    """
    if not case.steps:
        return None
    try:
        ahead = foreseen(case, params_b=None)
    except ValueError:
        ahead = None
    models = zip(
        case.ladder["model"], case.ladder["params_b"], case.ladder[case.x], case.ladder[case.y], strict=True
    )
    return sorted_advice(
        Known(
            x=case.x,
            y=case.y,
            scores=tuple(Score(str(model), float(size), float(x), float(y)) for model, size, x, y in models),
            last=case.steps[-1],
            cautions=cautions(case.ladder, exclude=case.in_panel),
            distance=distance_of(case),
            next_size=ahead,
        )
    )


def known() -> dict[str, Any]:
    """What the page must know: the words of every rule, and the ledger's evidence for it."""
    every = [_advice(rule.name) for rule in RULES]
    return {
        "suggested": SUGGESTED,
        "clear": CLEAR,
        "foreseen": FORESEEN,
        "paper_b": PAPER_SCALE_B,
        "rules": {
            one.name: {
                "title": one.title,
                "says": one.says,
                "grade": one.grade,
                "to_try": one.to_try,
                "strength": one.strength,
                "changes": one.changes,
                "claims": [[item.statement, item.verdict, item.chapter] for item in one.evidence],
            }
            for one in every
        },
    }
