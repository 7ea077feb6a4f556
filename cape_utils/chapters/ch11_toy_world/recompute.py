"""Which claims of the papers are about a lever, heads or steering, and what the toy world shows of each.

The words come by rule from the sweep's table. They say what moves a turning point in a toy world, and are no
verdict on any language model; verdicts are the business of ``claims.assessment``.
"""

from __future__ import annotations

import functools

from cape_utils.chapters.ch11_toy_world.levers import lever_table, lever_words
from cape_utils.internals.toy import phases as toy_phases
from cape_utils.internals.toy import words as toy_words

__all__ = ["CITED_CLAIMS", "INSIDE_CLAIMS", "LEVER_CLAIMS", "remarks"]

LEVER_CLAIMS: dict[str, str] = {
    "critical_scale_turn": "length",
    "width_pythia": "depth",
    "qwen_dip": "balance",
    "gemma4_coupling": "rumours",
    "phi_scale_advantage": "balance",
}
"""Claims that speak of size, width, curation or recipe, with the toy world's lever that is nearest."""

INSIDE_CLAIMS = ("zero_competing_heads", "steering_corrects", "steering_bonus")
"""Claims that speak of heads and of steering."""

CITED_CLAIMS = (*LEVER_CLAIMS, *INSIDE_CLAIMS)


@functools.cache
def remarks() -> dict[str, str]:
    """What the nearest lever does, or what is seen inside, by claim.

    Examples
    --------
    >>> tuple(remarks()) == CITED_CLAIMS
    True
    """
    shifts = lever_table()
    words = {claim: lever_words(lever, shifts) for claim, lever in LEVER_CLAIMS.items()}
    inside = toy_phases.load()
    worlds = toy_phases.by_world(inside)
    outs = {heads: toy_phases.heads_out(inside, heads=heads) for heads in sorted(set(worlds["heads"]))}
    seen = (
        toy_words.detectors_remark(worlds, outs),
        toy_words.steering_remark(worlds),
        toy_words.later_remark(worlds),
    )
    return words | dict(zip(INSIDE_CLAIMS, seen, strict=True))
