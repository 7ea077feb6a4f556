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
from cape_utils.diagnosis.next_size import NextSize
from cape_utils.diagnosis.panel_comparison import Distance
from cape_utils.diagnosis.score_warnings import Dimension
from cape_utils.diagnosis.steps import WIDEST_RANGE, CouplingStep, FamilyScale
from cape_utils.diagnosis.turning_point import MIN_LEAD
from cape_utils.frontier.model_diagnosis import FamilyFrontier
from cape_utils.reports import frontier_words
from cape_utils.reports.dashboard_link import PAGE, published_page, state
from cape_utils.runtime import in_book

__all__ = [
    "ANY_FAMILY",
    "CALIBRATED",
    "NOISE_ALONE",
    "PLAIN",
    "SUGGESTED",
    "UPPER_BOUND",
    "Block",
    "Bullets",
    "Section",
    "Table",
    "ahead_lines",
    "dimension_words",
    "headline",
    "scale_lines",
    "sections",
    "step_headline",
    "sure",
    "web_words",
]

NOISE_ALONE = (
    "Item noise is all that is counted. Another training run, prompt or harness version moves scores further."
)
UPPER_BOUND = "Both models answer the same items, so the noise of a change is an upper bound: it is, if anything, smaller."
CALIBRATED = (
    "The probabilities of phases take this family for one like those of the open panel. Chapter 12 says how often they "
    "are right, on half the items of that panel and on families that are simulated."
)
PLAIN = (
    "A probability takes every true change for equally likely beforehand, and is too sure where true changes are small beside "
    "the noise."
)
ANY_FAMILY = (
    "The open panel was measured on one harness (Open LLM Leaderboard v1). Scores of another one are not on its level.",
    "Phases are names for signs of a ratio. They are no proof that the papers' account of them is right: see chapter 13.",
)
"""What a diagnosis leaves open: always; without the answers to each item; of a calibrated probability, and of a plain one; of
any family."""
SUGGESTED = "What the paper suggests and we could not confirm"
"""Over advice whose evidence is not enough to try it."""


@dataclass(frozen=True)
class Table:
    """Rows of text under a head; the first column stands left, the others right."""

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Bullets:
    """A list of sentences."""

    items: tuple[str, ...]


@dataclass(frozen=True)
class Link:
    """An address, shown whole."""

    address: str

    @property
    def is_page(self) -> bool:
        """Whether it leads somewhere; otherwise it is what to put behind a page's address."""
        return not self.address.startswith("#")


Block = str | Table | Bullets | Link


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
    plain = ""
    if last.is_calibrated:
        named = "" if last.plain_phase == last.phase else f"{last.plain_phase} "
        share = _share(max(last.p_tax, last.p_transition, last.p_bonus))
        plain = f"; from item noise alone {named}{share}, which is too sure"
    return (
        f"At its last step, {sizes}, {family} is {sure(last.probability)} in the {last.phase} phase "
        f"({_share(last.probability)}{plain}): {meaning}."
    )


def _in_short(diagnosis: Diagnosis, advice: Sequence[Advice]) -> Section:
    lines = [headline(diagnosis), _scale_words(diagnosis.scale)]
    h = diagnosis.distance
    if h is not None:
        unusual = "outside" if h.unusual else "within"
        lines.append(
            f"{title(diagnosis.y)} lies {abs(h.h):.1f} points {'above' if h.h >= 0 else 'below'} web-trained models of the same "
            f"sizes, {unusual} what they differ among themselves."
        )
    lines += [f"{words}." for words in diagnosis.condition]
    lines.append(_noise_in_short(diagnosis))
    for lead, given in zip(("To try", SUGGESTED), _by_evidence(advice), strict=True):
        if given:
            lines.append(f"{lead}: {', '.join(f'{item.title.lower()} ({item.grade})' for item in given)}.")
    if not advice:
        lines.append("No rule of advice fires.")
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


def _scale_words(scale: FamilyScale) -> str:
    if not scale.identified:
        return f"Critical scale of this family: not identified, because {scale.reason}."
    return (
        f"Critical scale of this family: {_size(scale.estimate)} (95% range {_size(scale.low)} to {_size(scale.high)}), where a "
        f"curve through {scale.n} sizes turns from falling to rising."
    )


def _steps(diagnosis: Diagnosis) -> Section:
    calibrated = any(s.is_calibrated for s in diagnosis.intervals)
    columns = ("step", "first", "second", "coupling", "95% range", "tax", "transition", "bonus")
    head = (*columns, "plain") if calibrated else columns
    rows = tuple(
        (
            f"{_size(s.from_params_b)} to {_size(s.to_params_b)}",
            f"{s.dx:+.1f}",
            f"{s.dy:+.1f}",
            _number(s.coupling if math.isnan(s.median) else s.median),
            "?" if math.isnan(s.low) else f"{s.low:+.2f} to {s.high:+.2f}",
            *(_share(p) for p in s.shares.values()),
            *((" / ".join(_share(p) for p in (s.p_tax, s.p_transition, s.p_bonus)),) if calibrated else ()),
        )
        for s in diagnosis.intervals
    )
    words = (
        f"First is the change of {title(diagnosis.x)}, second that of {title(diagnosis.y)}, in points. The coupling "
        f"is the second over the "
        f"first: tax below -0.1, bonus above +0.1, transition between. Test items were drawn anew {diagnosis.draws:,} times, "
        "the same for all models where their answers are there; the coupling is the median of the draws. "
    )
    if calibrated:
        words += (
            "Tax, transition and bonus are the probability of each phase given these changes, their item noise, and how far such "
            "steps go in the families of the open panel; plain is the share of the draws in each, as if every true change "
            "were equally likely beforehand, which is too sure."
        )
    else:
        words += "The last columns are the share of the draws in each phase, as if every true change were equally likely."
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


def scale_lines(scale: FamilyScale, draws: int | None = None) -> tuple[str, ...]:
    """What a family's scores say of its critical scale, a sentence or two each.

    Parameters
    ----------
    scale : FamilyScale
    draws : int, optional
        Behind the shares of parabolas; without it they are probabilities.
    """
    lines = [_scale_words(scale)]
    if not math.isnan(scale.lead):
        better = "better" if scale.lead >= 0 else "worse"
        lines.append(
            f"The best curve that turns between the sizes fits {better} than the best that never does, by {abs(scale.lead):.1f} "
            f"in chi-squared; we ask for {MIN_LEAD:.1f} or more, and its range must span less than {WIDEST_RANGE:.0%} of the "
            "sizes."
        )
        lines.append(
            "Two shapes are averaged by how well they fit, a parabola and two straight lines; the parabola has "
            f"{scale.parabola:.0%} of the weight. Alone, it turns between the sizes in {scale.valid:.0%} of "
            f"{'all' if draws is None else f'{draws:,}'} draws of item noise, opens downward in {scale.downward:.0%} and turns "
            "elsewhere in "
            f"{scale.outside:.0%}."
        )
    if scale.stretch > 1.05:
        lines.append(
            f"Both shapes miss the scores by {scale.stretch:.1f} times their item noise, which was widened to match."
        )
    lines.append("The range holds item noise alone; chapter 12 says how often it holds a turn that is known.")
    return tuple(lines)


def _scale_section(diagnosis: Diagnosis) -> Section:
    return Section("Critical scale", (Bullets(scale_lines(diagnosis.scale, diagnosis.draws)),))


def web_words(distance: Distance) -> str:
    """How far a family lies from web-trained models of its sizes, and how far such a family usually lies."""
    return (
        f"On average {distance.h:+.1f} points (n = {distance.n}). A web-trained family of these sizes lies between "
        f"{distance.low:+.1f} and {distance.high:+.1f} 95 times in 100; p = {distance.p:.2g}."
    )


def _web(diagnosis: Diagnosis) -> Section:
    h = diagnosis.distance
    if h is None:
        return Section(
            "Beside web-trained models", (f"The open panel has no curve for {title(diagnosis.y)}.",)
        )
    rows = tuple((_short(m.model), _size(m.params_b), f"{m.expected:.1f}", f"{m.h:+.1f}") for m in h.models)
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
            web_words(h),
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


def ahead_lines(ahead: NextSize, x: str, y: str) -> tuple[str, ...]:
    """How the next size was predicted and how far to trust it, a sentence or two each.

    Parameters
    ----------
    ahead : NextSize
    x, y : str
        The pair whose phase was foreseen.
    """
    if not ahead.scores:
        return (f"Not predicted. {ahead.note or 'The open panel holds none of these benchmarks.'}",)
    words = [
        f"Method: {ahead.method}, which led the league of held-out steps (chapter 7). The ranges aim to "
        f"hold {ahead.level:.0%}; over "
        f"the families of the open panel, each held out in turn, they held {ahead.coverage:.0%}."
    ]
    if not math.isnan(ahead.p_tax):
        by = "errors" if ahead.skill is None else ahead.skill.used
        start = {"size": "size", "start_x": title(x), "start_y": title(y)}
        source = (
            "by the same errors"
            if by == "errors"
            else f"from steps of the open panel that began at a similar {start[by]}"
        )
        words.append(
            f"Phase of that step, {source}: tax {ahead.p_tax:.0%}, transition "
            f"{ahead.p_transition:.0%}, bonus {ahead.p_bonus:.0%}."
        )
    if ahead.skill is not None:
        share = ahead.skill.best / ahead.skill.frequencies
        worth = "no better than" if share >= 1 else "a little better than" if share >= 0.8 else "better than"
        words.append(
            f"Foreseen like this, the phases of {ahead.skill.n} held-out steps are {worth} the plain frequencies of the panel: "
            f"Brier score {ahead.skill.best:.2f} against {ahead.skill.frequencies:.2f}, where 0 is perfect. By the forecast's "
            f"errors it is {ahead.skill.score:.2f}, by the size alone {ahead.skill.size:.2f}, by the MMLU that the step starts "
            f"from {ahead.skill.start_mmlu:.2f}."
        )
    if ahead.not_predicted:
        words.append("Not predicted: " + ", ".join(map(title, ahead.not_predicted)) + ".")
    if ahead.note:
        words.append(f"Beware: {ahead.note}.")
    return tuple(words)


def _ahead(diagnosis: Diagnosis) -> Section:
    ahead = diagnosis.next_size
    name = f"The next size: {_size(ahead.params_b)}"
    lines = ahead_lines(ahead, diagnosis.x, diagnosis.y)
    if not ahead.scores:
        return Section(name, lines)
    rows = tuple(
        (title(s.benchmark), f"{s.predicted:.1f}", f"{s.low:.1f} to {s.high:.1f}", str(s.families))
        for s in ahead.scores
    )
    return Section(name, (Table(("benchmark", "percent", "90% range", "families"), rows), Bullets(lines)))


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
    return Section("Frontier", (Table(head, rows), about, Bullets(tuple(lines))))


def dimension_words(d: Dimension | None) -> str:
    """How many dimensions a family's scores span, beside as many models of the open panel."""
    if d is None:
        return "Needs three models with two benchmarks that all of them have."
    usual = (
        f" As many models drawn at random from the open panel give {d.usual_low:.1f} to {d.usual_high:.1f}."
        if not math.isnan(d.usual_low)
        else ""
    )
    why = (
        "so few models cannot show more"
        if d.ceiling < len(d.benchmarks)
        else "as many as there are benchmarks"
    )
    return (
        f"Participation ratio {d.ratio:.2f} over {len(d.benchmarks)} benchmarks and {d.n} models, of at most {d.ceiling}: "
        f"{why}.{usual}"
    )


def _by_evidence(advice: Sequence[Advice]) -> tuple[list[Advice], list[Advice]]:
    """Advice that is worth trying, and advice that is not."""
    return [item for item in advice if item.to_try], [item for item in advice if not item.to_try]


def _advice_section(advice: Sequence[Advice]) -> Section:
    if not advice:
        return Section("What to do", ("No rule of advice fires.",))
    tried, suggested = _by_evidence(advice)
    blocks: list[Block] = []
    for item in (*tried, *suggested):
        if suggested and item is suggested[0]:
            blocks.append(f"{SUGGESTED}:")
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
    return Section("What to do", tuple(blocks))


def _in_the_page(diagnosis: Diagnosis) -> Section:
    """Where the book's page answers each change of these scores."""
    # In the book the page stands beside the chapters, wherever the whole is published.
    title, held = "Change a score", state(diagnosis)
    page = f"../{PAGE}" if in_book() else published_page()
    does = "In the book's dashboard page every change of a score is answered at once."
    if not held:
        return Section(title, (does, *([Link(page)] if page else [])))
    if page:
        return Section(title, (f"{does} It opens on this family's two scores here:", Link(page + held)))
    return Section(
        title, (f"{does} In a built book, open book/dashboard.html with this behind its address:", Link(held))
    )


def sections(diagnosis: Diagnosis, advice: Sequence[Advice]) -> tuple[Section, ...]:
    """The whole report of one family."""
    cautions = tuple(f"{c.text} ({', '.join(map(_short, c.models))})." for c in diagnosis.cautions)
    beware = (*cautions, *(f"{note}." for note in diagnosis.notes))
    limits = (
        NOISE_ALONE,
        *(
            ()
            if diagnosis.paired is not None and set(diagnosis.paired.items) == {diagnosis.x, diagnosis.y}
            else (UPPER_BOUND,)
        ),
        (
            CALIBRATED
            if diagnosis.last.is_calibrated
            else f"Nothing was learnt of this pair from other families, so {PLAIN[0].lower()}{PLAIN[1:]}"
        ),
        *ANY_FAMILY,
    )
    noise = _noise(diagnosis)
    # In the order of the dashboard's page.
    return (
        _in_short(diagnosis, advice),
        _steps(diagnosis),
        *(() if noise is None else (noise,)),
        _web(diagnosis),
        _near(diagnosis),
        _scale_section(diagnosis),
        _ahead(diagnosis),
        Section("Eigenstructure", (dimension_words(diagnosis.dimension),)),
        *(() if diagnosis.frontier is None else (_frontier(diagnosis.frontier),)),
        _advice_section(advice),
        *((Section("Cautions", (Bullets(beware),)),) if beware else ()),
        Section("Limits", (Bullets(limits),)),
        _in_the_page(diagnosis),
    )
