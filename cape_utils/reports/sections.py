"""What a report says, section by section, in plain words; how it looks is the job of ``reports.render``.

Every sentence is built from a ``Diagnosis`` and its ``Advice``. Nothing is computed here.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from cape_utils.data.benchmarks import benchmark_title as title
from cape_utils.diagnosis.advice import Advice
from cape_utils.diagnosis.family_diagnosis import Diagnosis
from cape_utils.diagnosis.steps import CouplingStep
from cape_utils.frontier.model_diagnosis import FamilyFrontier
from cape_utils.reports import frontier_words

__all__ = [
    "LIMITS",
    "UPPER_BOUND",
    "Block",
    "Bullets",
    "Section",
    "Table",
    "headline",
    "sections",
    "step_headline",
    "sure",
]

UPPER_BOUND = "Both models answer the same items, so the noise of a change is an upper bound: it is, if anything, smaller."
"""A limit where the answers to each item are not at hand."""

LIMITS = (
    "Item noise is all that is counted. Another training run, prompt or harness version moves scores further.",
    "A probability takes every true change for equally likely beforehand, and is too sure where true changes are small "
    "beside the noise.",
    "The open panel was measured on one harness (Open LLM Leaderboard v1). Scores of another one are not on its level.",
    "Phases are names for signs of a ratio. They are no proof that the papers' account of them is right: see chapter 13.",
)
"""What every diagnosis of a family leaves open."""


@dataclass(frozen=True)
class Table:
    """Rows of text under a head; the first column stands left, the others right."""

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Bullets:
    """A list of sentences."""

    items: tuple[str, ...]


Block = str | Table | Bullets


@dataclass(frozen=True)
class Section:
    """A title and what stands under it."""

    title: str
    blocks: tuple[Block, ...]


def sure(probability: float) -> str:
    """A probability in words.

    Examples
    --------
    >>> sure(0.97), sure(0.85), sure(0.6), sure(0.4)
    ('almost surely', 'probably', 'perhaps', 'unclear, at most perhaps')
    """
    if math.isnan(probability):
        return "with unknown certainty"
    words = ((0.95, "almost surely"), (0.8, "probably"), (0.5, "perhaps"))
    return next((text for least, text in words if probability >= least), "unclear, at most perhaps")


def _size(params_b: float) -> str:
    return f"{params_b:.3g}B"


def _share(value: float) -> str:
    return "?" if math.isnan(value) else f"{value:.0%}"


def _number(value: float, form: str = "+.2f") -> str:
    return "?" if math.isnan(value) else format(value, form)


def _short(model: str) -> str:
    tail = model.rstrip("/").rpartition("/")[2] or model
    return tail if len(tail) <= 36 else tail[:33] + "..."


def headline(diagnosis: Diagnosis) -> str:
    """The diagnosis in one sentence."""
    return step_headline(diagnosis.family, diagnosis.last, diagnosis.x, diagnosis.y)


def step_headline(family: str, last: CouplingStep, x: str, y: str) -> str:
    """What a family's last step says of its phase, in one sentence."""
    sizes = f"{_size(last.from_params_b)} to {_size(last.to_params_b)}"
    if last.dx == 0:
        return (
            f"At its last step, {sizes}, {title(x)} does not change in {family}, so that there is no coupling; {title(y)} "
            f"changes by {last.dy:+.1f} points."
        )
    rise, fall = ("rises", "falls") if last.dx >= 0 else ("falls", "rises")
    meaning = {
        "tax": f"{title(y)} {fall} as {title(x)} {rise}",
        "transition": f"{title(y)} hardly moves as {title(x)} {rise}",
        "bonus": f"{title(y)} {rise} with {title(x)}",
    }[last.phase]
    return (
        f"At its last step, {sizes}, {family} is {sure(last.probability)} in the {last.phase} phase "
        f"({_share(last.probability)}): {meaning}."
    )


def _in_short(diagnosis: Diagnosis, advice: Sequence[Advice]) -> Section:
    lines = [headline(diagnosis), _scale_words(diagnosis)]
    h = diagnosis.distance
    if h is not None:
        unusual = "outside" if h.unusual else "within"
        lines.append(
            f"{title(diagnosis.y)} lies {h.h:+.1f} points from web-trained models of the same sizes, {unusual} what they differ "
            "among themselves."
        )
    lines += [f"{words}." for words in diagnosis.condition]
    lines.append(_noise_in_short(diagnosis))
    names = ", ".join(f"{item.title.lower()} ({item.grade})" for item in advice)
    lines.append(f"To try: {names}." if names else "No rule of advice fires.")
    return Section("In short", (Bullets(tuple(lines)),))


def _noise_in_short(diagnosis: Diagnosis) -> str:
    """Whether item noise was measured or is an upper bound, for each benchmark of the pair."""
    paired = diagnosis.paired
    measured = [name for name in (diagnosis.x, diagnosis.y) if paired is not None and name in paired.items]
    bound = [name for name in (diagnosis.x, diagnosis.y) if name not in measured]
    parts = []
    if measured:
        parts.append(f"of {' and '.join(map(title, measured))} measured on the items that the models share")
    if bound:
        parts.append(
            f"of {' and '.join(map(title, bound))} an upper bound, as if the models had answered different questions"
        )
    return f"Item noise: {'; '.join(parts)}."


def _scale_words(diagnosis: Diagnosis) -> str:
    scale = diagnosis.scale
    if not scale.identified:
        return f"Critical scale of this family: not identified, because {scale.reason}."
    return (
        f"Critical scale of this family: {_size(scale.estimate)} (95% range {_size(scale.low)} to {_size(scale.high)}), the "
        f"lowest point of a parabola through {scale.n} sizes."
    )


def _steps(diagnosis: Diagnosis) -> Section:
    head = ("step", "first", "second", "coupling", "95% range", "tax", "transition", "bonus")
    rows = tuple(
        (
            f"{_size(s.from_params_b)} to {_size(s.to_params_b)}",
            f"{s.dx:+.1f}",
            f"{s.dy:+.1f}",
            _number(s.coupling if math.isnan(s.median) else s.median),
            "?" if math.isnan(s.low) else f"{s.low:+.2f} to {s.high:+.2f}",
            *(_share(p) for p in (s.p_tax, s.p_transition, s.p_bonus)),
        )
        for s in diagnosis.intervals
    )
    words = (
        f"First is the change of {title(diagnosis.x)}, second that of {title(diagnosis.y)}, in points. The coupling "
        f"is the second over the "
        f"first: tax below -0.1, bonus above +0.1, transition between. Test items were drawn anew {diagnosis.draws:,} times, "
        "the same for all models where their answers are there; the coupling is the median of the draws, the last columns the "
        "share of them in each phase."
    )
    extra = [
        f"From {_size(s.from_params_b)} to {_size(s.to_params_b)} {title(diagnosis.x)} rises in only "
        f"{s.p_x_rises:.0%} of the draws, so "
        "that the ratio means little there."
        for s in diagnosis.intervals
        if s.p_x_rises < 0.975
    ]
    return Section("Step by step", (Table(head, rows), words, *([Bullets(tuple(extra))] if extra else [])))


def _noise(diagnosis: Diagnosis) -> Section | None:
    """Paired beside assumed item noise, where there are answers to each item."""
    paired = diagnosis.paired
    if paired is None:
        return None
    blocks: list[Block] = []
    if paired.steps:
        rows = tuple(
            (
                f"{title(s.benchmark)}, {_short(s.from_model)} to {_short(s.to_model)}",
                f"{s.change:+.1f}",
                f"{s.error:.1f}",
                f"{s.assumed:.1f}",
                _number(s.correlation, ".2f"),
                f"{'<' if s.test != 'exact McNemar' and s.p <= 1 / (1 + diagnosis.draws) else ''}{s.p:.2g}",
            )
            for s in paired.steps
        )
        counts = ", ".join(f"{title(name)} {count:,}" for name, count in paired.items.items())
        tests = ", ".join(dict.fromkeys(f"{s.test} for {title(s.benchmark)}" for s in paired.steps))
        blocks += [
            Table(("step", "change", "paired error", "upper bound", "correlation", "p"), rows),
            f"The answers to each item are there ({counts} items that every model with answers has), so the error of a change is "
            "measured on the same items. The upper bound is what is said without them: two independent tests, each item right or "
            f"wrong. Couplings, phases and the critical scale rest on these draws of items. p of no change: {tests}.",
        ]
    lines = [
        f"{title(name)}: {count} items of {_short(model)} were not answered by every model, and left out."
        for name, by_model in paired.unmatched.items()
        for model, count in by_model.items()
    ]
    lines += [f"Not used, or not there: {why}." for why in paired.refused]
    heading = "Item noise, measured" if paired.steps else "Item noise"
    return Section(heading, (*blocks, *([Bullets(tuple(lines))] if lines else [])))


def _scale_section(diagnosis: Diagnosis) -> Section:
    scale, lines = diagnosis.scale, [_scale_words(diagnosis)]
    if not math.isnan(scale.valid):
        lines.append(
            f"Of {diagnosis.draws:,} draws of item noise {scale.valid:.0%} turn from falling to rising between the sizes, "
            f"{scale.downward:.0%} open downward and {scale.outside:.0%} turn elsewhere; at least 97.5% must turn."
        )
    if scale.stretch > 1.05:
        lines.append(
            f"The parabola misses the scores by {scale.stretch:.1f} times their item noise, which was widened to match."
        )
    lines.append(
        "The range holds item noise alone and takes the parabola for granted; chapter 3 shows how much that hides."
    )
    return Section("Critical scale", (Bullets(tuple(lines)),))


def _web(diagnosis: Diagnosis) -> Section:
    h = diagnosis.distance
    if h is None:
        return Section(
            "Beside web-trained models", (f"The open panel has no curve for {title(diagnosis.y)}.",)
        )
    rows = tuple((_short(m.model), _size(m.params_b), f"{m.expected:.1f}", f"{m.h:+.1f}") for m in h.models)
    words = (
        f"On average {h.h:+.1f} points (n = {h.n}). A web-trained family of these sizes lies between "
        f"{h.low:+.1f} and {h.high:+.1f} "
        f"95 times in 100; p = {h.p:.2g}."
    )
    excluded = (
        f"The curve was fitted without {', '.join(diagnosis.in_panel)}, which holds the same models. "
        if diagnosis.in_panel
        else ""
    )
    note = excluded + (h.note + "." if h.note else "")
    return Section(
        "Beside web-trained models",
        (
            Table(("model", "size", "on the curve", "distance"), rows),
            words,
            *([note.strip()] if note else []),
        ),
    )


def _near(diagnosis: Diagnosis) -> Section:
    if not diagnosis.neighbours:
        return Section(
            "Families that score alike", ("No family of the open panel shares two of these sizes.",)
        )
    rows = tuple(
        (
            n.family,
            f"{n.distance_pp:.1f}",
            str(n.sizes),
            *(
                (
                    f"{_size(n.from_params_b)} to {_size(n.to_params_b)}",
                    f"{n.dx:+.1f}",
                    f"{n.dy:+.1f}",
                    f"{n.phase} {_share(n.probability)}",
                )
                if n.to_model
                else ("no larger model", "", "", "")
            ),
        )
        for n in diagnosis.neighbours
    )
    words = (
        "Distance is the root mean square difference of both scores at shared sizes, in points. What happened to a neighbour "
        "is an example, not a forecast."
    )
    return Section(
        "Families that score alike",
        (Table(("family", "distance", "sizes", "its next step", "first", "second", "phase"), rows), words),
    )


def _ahead(diagnosis: Diagnosis) -> Section:
    ahead = diagnosis.next_size
    name = f"The next size: {_size(ahead.params_b)}"
    if not ahead.scores:
        return Section(
            name, (f"Not predicted. {ahead.note or 'The open panel holds none of these benchmarks.'}",)
        )
    rows = tuple(
        (title(s.benchmark), f"{s.predicted:.1f}", f"{s.low:.1f} to {s.high:.1f}", str(s.families))
        for s in ahead.scores
    )
    words = [
        f"Method: {ahead.method}, which led the league of held-out steps (chapter 7). The ranges aim to "
        f"hold {ahead.level:.0%}; over "
        f"the families of the open panel, each held out in turn, they held {ahead.coverage:.0%}."
    ]
    if not math.isnan(ahead.p_tax):
        words.append(
            f"Phase of that step by the same errors: tax {ahead.p_tax:.0%}, transition "
            f"{ahead.p_transition:.0%}, bonus {ahead.p_bonus:.0%}."
        )
    if ahead.skill is not None:
        share = ahead.skill.score / ahead.skill.frequencies
        worth = "no better than" if share >= 1 else "a little better than" if share >= 0.8 else "better than"
        words.append(
            f"Foreseen like this, the phases of {ahead.skill.n} held-out steps are {worth} the plain frequencies of the panel: "
            f"Brier score {ahead.skill.score:.2f} against {ahead.skill.frequencies:.2f}, where 0 is perfect."
        )
    if ahead.not_predicted:
        words.append("Not predicted: " + ", ".join(map(title, ahead.not_predicted)) + ".")
    if ahead.note:
        words.append(f"Beware: {ahead.note}.")
    return Section(
        name, (Table(("benchmark", "percent", "90% range", "families"), rows), Bullets(tuple(words)))
    )


def _frontier(placed: FamilyFrontier) -> Section:
    largest, last = placed.largest, placed.models[-1]
    rows = tuple(
        (
            _short(one.model),
            f"{one.location.x_pct:g}",
            f"{one.location.y_pct:g}",
            f"{one.location.expected:.1f}",
            f"{one.location.h:+.1f}",
            frontier_words.span(one.location.h_low, one.location.h_high),
            f"{one.band}{'' if one.band_sure else '?'}",
        )
        for one in placed.models
    )
    words = frontier_words.playbook_words(largest)
    about = (
        f"h is the distance of GPQA Diamond from the line through {last.location.n} published models, with the 95% range that "
        "item noise leaves; the band is five points wide to each side, with a question mark where the range leaves it open. "
        "How far the line is more than a common rise of both scores over time: chapter 9."
    )
    lines = [f"{_short(last.model)} lies {largest.band} the line: {largest.location.position}."]
    if largest.history:
        lines.append(f"{words['change']}, {largest.history[-1].model} of {largest.lab}.")
    lines.append(f"{words['saturation']}.")
    lines.append(f"Axis to measure next: {frontier_words.next_words(largest)}.")
    lines.append(f"{words['trust']}.")
    lines += largest.cautions
    head = ("model", "SWE-bench", "GPQA", "on the line", "h", "95% range", "band")
    return Section("Beside frontier models", (Table(head, rows), about, Bullets(tuple(lines))))


def _dimension(diagnosis: Diagnosis) -> Section:
    d = diagnosis.dimension
    if d is None:
        return Section(
            "How many dimensions", ("Needs three models with two benchmarks that all of them have.",)
        )
    usual = (
        f" As many models drawn at random from the open panel give {d.usual_low:.1f} to {d.usual_high:.1f}."
        if not math.isnan(d.usual_low)
        else ""
    )
    words = (
        f"Participation ratio {d.ratio:.2f} over {len(d.benchmarks)} benchmarks and {d.n} models, of at "
        f"most {d.ceiling}: so few models "
        f"cannot show more.{usual}"
    )
    return Section("How many dimensions", (words,))


def _advice_section(advice: Sequence[Advice]) -> Section:
    if not advice:
        return Section("What to try", ("No rule of advice fires.",))
    blocks: list[Block] = []
    for item in advice:
        verdicts = "; ".join(f"{e.id}: {e.verdict}" for e in item.evidence) or "none needed"
        blocks.append(f"{item.title} [{item.grade}]")
        blocks.append(
            Bullets(
                (
                    item.says,
                    f"How far to trust it: {item.strength}",
                    f"Why now: {item.trigger}.",
                    f"Claims behind it: {verdicts}.",
                    f"What would change this: {item.changes}",
                )
            )
        )
    return Section("What to try", tuple(blocks))


def sections(diagnosis: Diagnosis, advice: Sequence[Advice]) -> tuple[Section, ...]:
    """The whole report of one family."""
    cautions = tuple(f"{c.text} ({', '.join(map(_short, c.models))})." for c in diagnosis.cautions)
    beware = (*cautions, *(f"{note}." for note in diagnosis.notes))
    paired = diagnosis.paired is not None and set(diagnosis.paired.items) == {diagnosis.x, diagnosis.y}
    limits = (LIMITS[0], *(() if paired else (UPPER_BOUND,)), *LIMITS[1:])
    parts = [
        _in_short(diagnosis, advice),
        _steps(diagnosis),
        _scale_section(diagnosis),
        _web(diagnosis),
        _near(diagnosis),
        _ahead(diagnosis),
        _dimension(diagnosis),
    ]
    if diagnosis.frontier is not None:
        parts.insert(5, _frontier(diagnosis.frontier))
    noise = _noise(diagnosis)
    if noise is not None:
        parts.insert(2, noise)
    if beware:
        parts.append(Section("Cautions", (Bullets(beware),)))
    return (*parts, _advice_section(advice), Section("Limits", (Bullets(limits),)))
