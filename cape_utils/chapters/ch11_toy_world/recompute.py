"""Which claims of the papers are about a lever, and what that lever does in the toy world.

The words come by rule from the sweep's table. They say what moves a turning point in a toy world, and are no
verdict on any language model; verdicts are the business of ``claims.assessment``.
"""

from __future__ import annotations

import functools

from cape_utils.chapters.ch11_toy_world.levers import lever_table, lever_words

__all__ = ["CITED_CLAIMS", "LEVER_CLAIMS", "remarks"]

LEVER_CLAIMS: dict[str, str] = {
    "critical_scale_turn": "length",
    "width_pythia": "depth",
    "qwen_dip": "balance",
    "gemma4_coupling": "rumours",
    "phi_scale_advantage": "balance",
}
"""Claims that speak of size, width, curation or recipe, with the toy world's lever that is nearest."""

CITED_CLAIMS = tuple(LEVER_CLAIMS)


@functools.cache
def remarks() -> dict[str, str]:
    """What the nearest lever does, by claim.

    Examples
    --------
    >>> list(remarks()) == list(LEVER_CLAIMS)
    True
    """
    shifts = lever_table()
    return {claim: lever_words(lever, shifts) for claim, lever in LEVER_CLAIMS.items()}
