"""What stands in the form: the start of every part of the answer."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from cape_utils.diagnosis.steps import CouplingStep

__all__ = ["Case"]


@dataclass(frozen=True, eq=False)
class Case:
    """One family in the form; two cases are never equal, so that what several parts ask of one is computed once.

    Attributes
    ----------
    family, x, y : str
    scores : pandas.DataFrame
        Every model, whatever it lacks.
    ladder : pandas.DataFrame
        Models with both scores, by size; fewer than two where there is a problem.
    in_panel : frozenset of str
        Families of the open panel that hold the same models, left out of every comparison.
    problem : str
        Why there is no step, empty where there is one.
    steps : tuple of CouplingStep
        Of the ladder; empty where there is a problem.
    """

    family: str
    x: str
    y: str
    scores: pd.DataFrame
    ladder: pd.DataFrame
    in_panel: frozenset[str]
    problem: str
    steps: tuple[CouplingStep, ...] = ()
