"""The distribution of true changes that a phase is judged by, without the families that stand in the form.

``diagnosis.phase_prior.panel_prior`` learns it anew for each set of families left out, which no page can wait for. Here one
fit is kept for each family left out, and for each set that a family of either panel calls for. Any other set is left out by
adding up what each of its families moves, which is near a new fit (a test says how near).
"""

from __future__ import annotations

import functools
from dataclasses import asdict, replace
from typing import Any

import numpy as np
import pandas as pd

from cape_utils import data
from cape_utils.diagnosis import phase_prior
from cape_utils.diagnosis.panel_comparison import overlapping_families
from cape_utils.diagnosis.phase_prior import PhasePrior, panel_prior
from cape_utils.jobs.provenance import derived_table
from cape_utils.stats.results import Floats

__all__ = ["constants", "left_out_table", "prior"]

_AND = "; "
_DIGITS = 4  # of the parameters that are kept, and so of what each family moves
_UNIT = 10.0**_DIGITS


def left_out_table() -> pd.DataFrame:
    """The table ``phase_prior_left_out``: what is learnt of each pair of benchmarks without one family of the open panel.

    Returns
    -------
    pandas.DataFrame
        Columns ``x, y, left_out`` and those of ``diagnosis.phase_prior.PhasePrior``, for the pairs of ``phase_prior`` that the
        page takes, each family that has a step in them, and each set of several that models of a panel's family stand in.
    """
    rows: list[dict[str, Any]] = []
    panels = [data.panel(which) for which in ("open", "paper")]
    found = {overlapping_families(part) for panel in panels for _, part in panel.groupby("family")}
    for x, y in (pair for pair in phase_prior._learnt() if set(pair) <= set(data.BENCHMARKS)):
        known = phase_prior._panel_steps(x, y).dropna(subset=["dx", "dy", "se_dx", "se_dy"])
        sets = {frozenset([family]) for family in known["family"]}
        sets |= {several for several in found if len(several & set(known["family"])) > 1}
        for families in sorted(sets, key=sorted):
            learnt = panel_prior(x, y, exclude=families)
            if learnt is not None:
                rows.append({"x": x, "y": y, "left_out": _AND.join(sorted(families)), **asdict(learnt)})
    return pd.DataFrame(rows).round(_DIGITS)


@functools.cache
def _moves() -> dict[tuple[str, str], dict[str, tuple[Floats, int]]]:
    """By how much each set of families left out moves the free parameters of a pair, and how many steps it takes away."""
    moves: dict[tuple[str, str], dict[str, tuple[Floats, int]]] = {}
    whole = phase_prior._learnt()
    for row in derived_table("phase_prior_left_out").to_dict("records"):
        pair = str(row["x"]), str(row["y"])
        learnt = phase_prior._prior({str(name): value for name, value in row.items()})
        free = phase_prior._to_free(learnt) - phase_prior._to_free(whole[pair])
        steps = whole[pair].steps - int(row["steps"])
        moves.setdefault(pair, {})[str(row["left_out"])] = (np.round(free * _UNIT) / _UNIT, steps)
    return moves


def prior(x: str, y: str, exclude: frozenset[str] = frozenset()) -> PhasePrior | None:
    """What the steps of the open panel say of a pair; None where they are too few, or the page does not take the pair.

    Parameters
    ----------
    x, y : str
        Benchmarks.
    exclude : frozenset of str
        Families of the panel to leave out.

    Examples
    --------
    >>> prior("hellaswag", "truthfulqa_mc2", frozenset(["Pythia"])).steps
    75
    >>> prior("hellaswag", "ifeval") is None
    True
    """
    pair = (x, y) if (x, y) in _moves() else (y, x)
    if pair not in _moves():
        return None
    whole = phase_prior._learnt()[pair]
    moves = _moves()[pair]
    families = sorted(exclude & set(moves))
    together = _AND.join(families)
    moved = [moves[name] for name in ([together] if together in moves else families)]
    found = whole
    if moved:
        free = phase_prior._to_free(whole) + sum(move for move, _ in moved)
        steps = whole.steps - sum(count for _, count in moved)
        if steps < phase_prior._MIN_STEPS:
            return None
        found = replace(phase_prior._from_free(free), steps=steps, families=whole.families - len(families))
    return found if pair == (x, y) else found.swapped()


def constants() -> dict[str, Any]:
    """For the page: free parameters of each pair and what each set left out moves, in units."""
    known = phase_prior._learnt()
    return {
        "pairs": {
            f"{x} {y}": {
                "free": [float(value) for value in phase_prior._to_free(known[x, y])],
                "steps": known[x, y].steps,
                "left_out": {
                    family: [*(round(float(value) * _UNIT) for value in free), steps]
                    for family, (free, steps) in moves.items()
                },
            }
            for (x, y), moves in _moves().items()
        },
        "unit": _UNIT,
        "and": _AND,
        "correlated": phase_prior._CORRELATED,
        "min_steps": phase_prior._MIN_STEPS,
    }
