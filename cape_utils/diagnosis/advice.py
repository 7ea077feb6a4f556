"""What to try, each time with the rule that fired, the evidence behind it, and what would change the advice.

Paper A suggests interventions by phase (its playbook). Each is a rule here: a pure function of ``Facts``, such as a
``Diagnosis``, that says in numbers why it fires, or that it does not. The evidence is a list of claims whose verdicts are looked
up in the ledger when asked; the words of the advice follow from them by rule, and are never stronger than they are.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Protocol

from cape_utils import data
from cape_utils.claims.evidence import GRADES, Evidence, Grade, evidence_for, grade
from cape_utils.diagnosis.family_diagnosis import Score
from cape_utils.diagnosis.next_size import NextSize
from cape_utils.diagnosis.panel_comparison import Distance
from cape_utils.diagnosis.score_warnings import Caution
from cape_utils.diagnosis.steps import CouplingStep
from cape_utils.stats.results import to_jsonable

__all__ = [
    "CLEAR",
    "FORESEEN",
    "PAPER_SCALE_B",
    "RULES",
    "TO_TRY",
    "Advice",
    "Facts",
    "Rule",
    "advice_of",
    "advise",
]

CLEAR = 0.8
"""Probability from which a phase counts as clear."""

FORESEEN = 0.5
"""Probability from which a bonus at the next size counts as foreseen."""

PAPER_SCALE_B = 3.5
"""The paper's critical scale, billions: it distils below it."""

TO_TRY: frozenset[Grade] = frozenset({"holds", "mixed", "your own noise"})
"""Grades of advice that is worth trying; advice of another grade is what the paper suggests, no more."""


class Facts(Protocol):
    """What the rules read: a ``Diagnosis``, or as much of one as is known.

    ``distance`` and ``next_size`` may be None; what rests on them then does not fire.
    """

    @property
    def x(self) -> str:
        """Benchmark that the coupling is over."""

    @property
    def y(self) -> str:
        """Benchmark whose change it is."""

    @property
    def scores(self) -> Sequence[Score]:
        """Models with both scores, by size."""

    @property
    def last(self) -> CouplingStep:
        """The step to the largest model."""

    @property
    def distance(self) -> Distance | None:
        """From the curve of web-trained models."""

    @property
    def next_size(self) -> NextSize | None:
        """What is foreseen of the next size."""

    @property
    def cautions(self) -> Sequence[Caution]:
        """What to beware of in the scores."""


@dataclass(frozen=True)
class Rule:
    """One suggestion.

    Attributes
    ----------
    name, title : str
    fires : callable
        From ``Facts`` to what triggered it, in numbers; None where it does not fire.
    says : str
        What is suggested, as a possibility.
    claims : tuple of str
        Claims that it rests on.
    changes : str
        What would change the advice.

    """

    name: str
    title: str
    fires: Callable[[Facts], str | None]
    says: str
    claims: tuple[str, ...]
    changes: str


def _step(facts: Facts) -> str:
    last, x, y = facts.last, data.benchmark_title(facts.x), data.benchmark_title(facts.y)
    noise = f" (standard error {last.se_dy:.1f})" if last.se_dy == last.se_dy else ""
    return (
        f"from {last.from_params_b:g}B to {last.to_params_b:g}B {x} changes by {last.dx:+.1f} points and {y} by "
        f"{last.dy:+.1f}{noise}"
    )


def _clear_tax(facts: Facts) -> str | None:
    tax = facts.last.shares["tax"]
    if not tax >= CLEAR:  # also where it is not known
        return None
    return f"{_step(facts)}: tax with probability {tax:.0%}"


def _curate(facts: Facts) -> str | None:
    reasons = [_clear_tax(facts)]
    h = facts.distance
    if h is not None and h.h < h.low:
        reasons.append(
            f"{data.benchmark_title(facts.y)} lies {-h.h:.1f} points below web-trained models of its sizes, "
            f"outside their range of "
            f"{h.low:+.1f} to {h.high:+.1f}"
        )
    return "; ".join(reason for reason in reasons if reason) or None


def _scale(facts: Facts) -> str | None:
    last, ahead = facts.last, facts.next_size
    shares = last.shares
    if shares["bonus"] >= CLEAR:
        return f"{_step(facts)}: bonus with probability {shares['bonus']:.0%}"
    # A foreseen phase counts only where such phases beat plain frequencies on families held out.
    foreseen = ahead is not None and ahead.skill is not None and ahead.skill.best < ahead.skill.frequencies
    if ahead is not None and foreseen and shares["tax"] >= CLEAR and ahead.p_bonus >= FORESEEN:
        return (
            f"the last step is tax with probability {shares['tax']:.0%}, but the step to {ahead.params_b:g}B is foreseen as "
            f"bonus with {ahead.p_bonus:.0%}"
        )
    return None


def _distil(facts: Facts) -> str | None:
    largest, tax = facts.scores[-1].params_b, _clear_tax(facts)
    if tax is None or largest >= PAPER_SCALE_B:
        return None
    return (
        f"{tax}; the largest model has {largest:g}B, below the paper's critical scale of {PAPER_SCALE_B:g}B"
    )


def _rotate(facts: Facts) -> str | None:
    hits = [c for c in facts.cautions if c.kind == "saturation" and c.benchmark in (facts.x, facts.y)]
    return "; ".join(f"{c.text} ({', '.join(c.models)})" for c in hits) or None


def _measure(facts: Facts) -> str | None:
    last, reasons = facts.last, []
    if not last.probability >= CLEAR:
        known = last.probability == last.probability
        reasons.append(
            f"{_step(facts)}: the likeliest phase, {last.phase}, has a probability of {last.probability:.0%}"
            if known
            else "the number of test items of one of the two benchmarks is not known, so no phase has a probability"
        )
    # A TruthfulQA score near chance is no weakness: good and bad models pass it on their way.
    weak = [
        c
        for c in facts.cautions
        if c.kind in ("chance", "floor")
        and c.benchmark in (facts.x, facts.y)
        and not c.benchmark.startswith("truthfulqa")
    ]
    reasons += [f"{c.text} ({', '.join(c.models)})" for c in weak]
    if len(facts.scores) == 2:
        reasons.append("there are two sizes, and a turn needs three")
    return "; ".join(reasons) or None


RULES = (
    Rule(
        name="measure_more",
        title="Measure more before acting",
        fires=_measure,
        says="Test the same models on more items, on a second wording or seed, or on a second benchmark of the same ability, and "
        "add a size. Near a boundary, look at several checkpoints.",
        claims=(),
        changes="A likeliest phase of 80% or more at the last step.",
    ),
    Rule(
        name="curate",
        title="Curate the training data",
        fires=_curate,
        says="The paper expects curated data to lift truthfulness at the same size. Train the same size on a filtered mix, and "
        "compare with the same size unfiltered.",
        claims=("qwen_dip", "qwen_8b_gain", "gemma4_coupling", "phi_scale_advantage"),
        changes="A last step that is not clearly tax, and scores within the range of web-trained models.",
    ),
    Rule(
        name="widen",
        title="Widen the model",
        fires=_clear_tax,
        says="The paper reads the tax as a bottleneck of width, and expects a wider model of the same size to lose it. Compare "
        "two shapes of one size before a large run.",
        claims=(
            "width_every_family",
            "width_pythia",
            "width_opt",
            "width_bloom",
            "width_cerebras",
            "width_gptneo",
            "projection_drop_1b",
        ),
        changes="A last step that is not clearly tax.",
    ),
    Rule(
        name="scale",
        title="Train the next size",
        fires=_scale,
        says="The paper expects reasoning and truthfulness to rise together above the critical scale. The predicted scores of "
        "the next size, with their ranges, say how much to expect.",
        claims=(
            "critical_scale_turn",
            "positive_above_scale",
            "no_counterexample_family",
            "running_coupling_slope",
        ),
        changes="A last step that is not clearly bonus, or a next size whose predicted phase is not.",
    ),
    Rule(
        name="distil",
        title="Distil from a larger model",
        fires=_distil,
        says="The paper points to small models taught by large ones that score like models many times their size. Distil one "
        "size, and compare with the same size trained alone.",
        claims=("phi_scale_advantage", "gemma4_coupling"),
        changes="A family that reaches beyond the paper's critical scale, or a last step that is not clearly tax.",
    ),
    Rule(
        name="steer",
        title="Steer while it writes",
        fires=_clear_tax,
        says="The paper adds a truth direction to the hidden state and retrains nothing (cape steer). Compare with "
        "directions learnt from permuted labels and with random ones of equal cost, and count what became true.",
        claims=("steering_corrects", "steering_quarter_depth"),
        changes="A last step that is not clearly tax, or directions of permuted labels that do as well.",
    ),
    Rule(
        name="rotate",
        title="Rotate the benchmark pair",
        fires=_rotate,
        says="Where the top models bunch together, the paper moves on to a benchmark that still spreads them. Choose one on "
        "which your models differ by several times its item noise.",
        claims=("frontier_saturation_swe", "frontier_saturation_gpqa"),
        changes="A spread on this benchmark of several times its item noise.",
    ),
)
"""Every rule, in the order of the report."""


@dataclass(frozen=True)
class Advice:
    """A suggestion that fired.

    Attributes
    ----------
    name, title : str
    trigger : str
        What made the rule fire, in numbers.
    says : str
    grade : str
        One of ``GRADES``, from the verdicts by rule.
    evidence : tuple of Evidence
    changes : str
    """

    name: str
    title: str
    trigger: str
    says: str
    grade: Grade
    evidence: tuple[Evidence, ...]
    changes: str

    @property
    def to_try(self) -> bool:
        """Whether the evidence is enough to try it; else it is what the paper suggests and could not be confirmed."""
        return self.grade in TO_TRY

    @property
    def strength(self) -> str:
        """How far the evidence carries it, in words, with the count of claims."""
        if not self.evidence:
            return GRADES[self.grade]
        held = [item.verdict for item in self.evidence]
        counts = [f"{held.count('reproduced')} of {len(held)} claims reproduced"]
        counts += [f"{held.count(name)} {name}" for name in ("borderline", "not testable") if name in held]
        return f"{GRADES[self.grade]} ({', '.join(counts)})"

    def as_dict(self) -> dict[str, Any]:
        """Plain object for JSON."""
        plain: dict[str, Any] = to_jsonable({**asdict(self), "strength": self.strength})
        return plain


def advice_of(rule: Rule, trigger: str) -> Advice:
    """A rule's advice, with its evidence as the ledger has it now.

    Parameters
    ----------
    rule : Rule
    trigger : str
        What made it fire.

    Examples
    --------
    >>> given = advice_of(RULES[0], "two sizes")
    >>> given.grade, given.to_try
    ('your own noise', True)
    """
    evidence = evidence_for(rule.claims)
    mark = grade([item.verdict for item in evidence])
    return Advice(
        name=rule.name,
        title=rule.title,
        trigger=trigger,
        says=rule.says,
        grade=mark,
        evidence=evidence,
        changes=rule.changes,
    )


def advise(facts: Facts, *, rules: Sequence[Rule] = RULES) -> tuple[Advice, ...]:
    """Every rule that fires, with its evidence as the ledger has it now.

    Parameters
    ----------
    facts : Facts
        Such as a ``Diagnosis``.
    rules : sequence of Rule
        All of them by default.

    Returns
    -------
    tuple of Advice
        In the order of the rules; the claims of rules that do not fire are not computed.
    """
    fired = ((rule, rule.fires(facts)) for rule in rules)
    return tuple(advice_of(rule, trigger) for rule, trigger in fired if trigger is not None)
