"""What is found inside the toy world's models, in sentences with computed numbers that chapters 6, 10 and 11 share.

Every verdict is that of a rule in ``internals.toy.phases``.
"""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from cape_utils.internals.toy.models import PRICE
from cape_utils.internals.toy.phases import (
    CONTROL,
    CONTROLS,
    CORRECTED,
    CORRECTED_CHEAP,
    DETECTORS,
    GOSSIP,
    HEADS,
    PAIR,
    PRICED,
    HeadsOut,
    Repair,
    Sight,
    contrast,
    direction_name,
    repair,
    sight,
)
from cape_utils.stats.formatting import with_interval
from cape_utils.stats.results import Estimate
from cape_utils.toyworld.world import CHANCE_PCT

__all__ = [
    "detectors_remark",
    "detectors_words",
    "heads_out_words",
    "later_remark",
    "planted_words",
    "steering_remark",
    "steering_words",
]

_LUCK = 0.05  # share of 95% intervals that leave out what is true


def _shown(estimate: Estimate) -> str:
    return with_interval(estimate.estimate, estimate.low, estimate.high)


def _kinds(worlds: pd.DataFrame) -> list[int]:
    return sorted(int(n) for n in worlds["heads"].unique())


def detectors_words(worlds: pd.DataFrame) -> str:
    """What each detector makes of the phases, from ``phases.by_world``; the figure has the intervals."""
    parts, sights = list[str](), list[Sight]()
    for heads in _kinds(worlds):
        found = {name: sight(worlds, heads=heads, detector=name)[0] for name in DETECTORS}
        sights += found.values()
        said = []
        for outcome in Sight:
            named = [name for name, one in found.items() if one is outcome]
            if named:
                said.append(
                    f"{len(named)} {'shows' if len(named) == 1 else 'show'} {outcome.value} ({', '.join(named)})"
                )
        parts.append(f"With {HEADS[heads]}, {'; '.join(said)}.")
    seen = sights.count(Sight.SEES)
    competing = []
    for heads in _kinds(worlds):
        pair, control = (
            contrast(worlds, heads=heads, reading="competing heads (%)", series=series)
            for series in (PAIR, CONTROL)
        )
        competing.append(
            f"{pair.estimate:.0f}% of heads compete with {HEADS[heads]} between reasoning and truth, {control.estimate:.0f}% "
            "between reasoning and ordinary facts"
        )
    return (
        f"Of {len(sights)} looks at cosines and competing heads {seen or 'none'} {'sees' if seen < 2 else 'see'} the tax phase; "
        f"by luck {_LUCK * len(sights):.1f} would speak. What is compared is before the turn less after, beyond the same for "
        f"reasoning and ordinary facts, which never turn.\n\n{' '.join(parts)}\n\n"
        f"In the tax phase {' and '.join(competing)}."
    )


def planted_words(out: HeadsOut) -> str:
    """What the paper's rule and knock-outs make of heads that compete because we made them, from ``phases.heads_out``."""
    from_size = next((size for size, pct in out.planted.items() if pct > 50), None)
    opposed = (
        f"half of all heads compete by the paper's rule once an opposition of {from_size:g} times their own length is planted"
        if from_size is not None
        else "at no planted opposition does half of all heads compete by the paper's rule"
    )
    return (
        "The paper's rule asks whether activations look opposed, and heads need not look opposed to work against each other: of "
        f"{out.wired} heads wired to serve one score and harm the other, knock-outs name {out.found}, the rule "
        f"{out.by_cosine}. As a positive control {opposed}."
    )


def heads_out_words(outs: Mapping[int, HeadsOut]) -> str:
    """What single heads are for at the turn, and what that is evidence of; by heads a layer."""
    counts = " and ".join(
        f"{out.opposed['at']} of {out.n['at']} heads with {HEADS[heads]}" for heads, out in outs.items()
    )
    said = f"At the turn the two go opposite ways, each beyond two standard errors, without {counts}."
    if all(out.truth["at"].low > 0 and out.reasoning["at"].high < 0 for out in outs.values()):
        return (
            "Opposite signs are no evidence of a head that works against truth: a model without a head is nearer to chance in "
            f"both scores, and as truth lies below chance at the turn, damage alone lifts it. {said}"
        )
    return said


def steering_words(worlds: pd.DataFrame) -> str:
    """Whether the truth direction repairs answers in the tax phase, more than its controls, and no more after the turn.

    The numbers are those of models with the fewest heads; what the rules say of the others follows.
    """
    first, *others = _kinds(worlds)
    whole, cheap = (repair(worlds, heads=first, reading=reading) for reading in (CORRECTED, CORRECTED_CHEAP))
    corrected = {
        name: contrast(worlds, heads=first, reading=CORRECTED, series=name) for name in ("truth", *CONTROLS)
    }
    listed = ", ".join(f"{direction_name(name)} {one.estimate:.0f}%" for name, one in corrected.items())
    lost = contrast(worlds, heads=first, reading=PRICED, series="truth")
    return (
        f"Before the turn, with {HEADS[first]}: whatever it costs, {_verdict(whole)}. Of the rumours preferred these are "
        f"corrected: {listed}.\n\n{_least_sure(whole)}\n\nA model that forgets everything and guesses corrects "
        f"{CHANCE_PCT:.0f}%, and the truth direction costs {-lost.estimate:.0f} points of the ordinary facts.\n\n"
        f"With at most {PRICE:g} points of them to lose, {_verdict(cheap)}. {_least_sure(cheap)}\n\n"
        f"{_later(worlds, first, cheap)}\n\n{_from_gossip(worlds, first)} {_others(worlds, first, others)}"
    ).rstrip()


def _verdict(found: Repair) -> str:
    """What the rule says."""
    return (
        "the truth direction repairs more than each control"
        if found.repairs
        else "the truth direction does not repair more than each control"
    )


def _least_sure(found: Repair) -> str:
    """The advantage that the verdict hangs on."""
    name, least = min(found.beyond.items(), key=lambda one: one[1].low)
    return f"This hangs on the advantage over one control, {direction_name(name)}: {_shown(least)} points."


def _later(worlds: pd.DataFrame, heads: int, cheap: Repair) -> str:
    """What becomes of the advantage after the turn."""
    later = contrast(
        worlds, heads=heads, reading=CORRECTED_CHEAP, series="truth", against="random", phase="after"
    )
    if cheap.vanishes:
        return f"After the turn the advantage over random directions is gone ({_shown(later)}), as the paper says."
    if later.low > 0:
        more = ", and larger than before it" if cheap.fades.high < 0 else ""
        return (
            f"After the turn it has, at that price, an advantage over random directions, {_shown(later)}{more}: the reverse of "
            "the claim."
        )
    end = "" if cheap.repairs else ", and none was there to vanish"
    return (
        f"After the turn, at that price, no advantage over random directions is seen ({_shown(later)}){end}."
    )


def _from_gossip(worlds: pd.DataFrame, heads: int) -> str:
    """The positive control: gossip turned into a reference."""
    found = contrast(worlds, heads=heads, reading=GOSSIP, series="truth", against="random", phase="after")
    able = "does" if found.low > 0 else "is not seen to do"
    return (
        f"As a positive control it {able}, after the turn, what it was learnt from, to turn gossip into a reference: beyond "
        f"random directions {_shown(found)}."
    )


def _others(worlds: pd.DataFrame, first: int, others: list[int]) -> str:
    """Whether the rules say the same of the other models."""
    said = []
    for heads in others:
        same = all(
            (one.repairs, one.vanishes) == (two.repairs, two.vanishes)
            for one, two in (
                (repair(worlds, heads=first, reading=r), repair(worlds, heads=heads, reading=r))
                for r in (CORRECTED, CORRECTED_CHEAP)
            )
        )
        said.append(f"With {HEADS[heads]} the rules say {'the same' if same else 'otherwise'}.")
    return " ".join(said)


# ---------------------------------------------------------------- the ledger's column


def detectors_remark(worlds: pd.DataFrame, outs: Mapping[int, HeadsOut]) -> str:
    """What the claim on competing heads meets here."""
    parts = []
    for heads, out in outs.items():
        sights = [sight(worlds, heads=heads, detector=name)[0] for name in DETECTORS]
        seen, reversed_ = (sights.count(one) for one in (Sight.SEES, Sight.REVERSED))
        tax, later = (
            contrast(worlds, heads=heads, reading="competing heads (%)", series=PAIR, phase=phase)
            for phase in ("before", "after")
        )
        parts.append(
            f"{HEADS[heads]}: {tax.estimate:.0f}% of heads compete before the turn and {later.estimate:.0f}% after, {seen} of "
            f"{len(DETECTORS)} detectors see the tax phase, {reversed_} the reverse; of {out.wired} heads wired to compete the "
            f"paper's rule names {out.by_cosine}, knock-outs {out.found}"
        )
    return "; ".join(parts)


def steering_remark(worlds: pd.DataFrame) -> str:
    """What the claim that a truth direction corrects answers meets here."""
    heads = _kinds(worlds)[0]
    corrected = {
        name: contrast(worlds, heads=heads, reading=CORRECTED, series=name).estimate
        for name in ("truth", *CONTROLS)
    }
    listed = ", ".join(f"{direction_name(name)} {value:.0f}%" for name, value in corrected.items())
    found = repair(worlds, heads=heads)
    verdict = (
        "it repairs more than each control" if found.repairs else "it does not repair more than each control"
    )
    return f"rumours corrected before the turn: {listed}; {verdict}"


def later_remark(worlds: pd.DataFrame) -> str:
    """What the claim that steering does less after the turn meets here."""
    heads = _kinds(worlds)[0]
    found = repair(worlds, heads=heads, reading=CORRECTED_CHEAP)
    fading = "smaller" if found.fades.low > 0 else "larger" if found.fades.high < 0 else "not seen to differ"
    return (
        f"advantage of the truth direction over random ones, at most {PRICE:g} points of other facts lost, after the turn "
        f"against before it: {fading} (before less after {_shown(found.fades)} points)"
    )
