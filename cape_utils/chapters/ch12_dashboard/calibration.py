"""Whether the diagnosis means what it says, where the truth is known: families simulated with items of known difficulty.

Two models find the same items hard to a chosen degree. The range of the coupling should hold the true one 95 times in 100
whatever that degree is, and a phase said to be 70% sure should be right 7 times in 10. It implements no section of the papers.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from cape_utils.diagnosis.paired_noise import Remeasured, remeasure
from cape_utils.diagnosis.steps import CouplingStep, intervals
from cape_utils.scaling.coupling import TAX_BELOW
from cape_utils.stats.paired_items import ItemScores
from cape_utils.stats.results import Floats

__all__ = ["CORRELATIONS", "Simulated", "coverage", "noise_calibration", "reliability", "simulate"]

CORRELATIONS = (0.0, 0.3, 0.6, 0.9)
"""Of what makes an item hard for two models; that of right and wrong answers is lower."""

_X, _Y = "hellaswag", "truthfulqa_mc1"
_ITEMS = {_X: 1000, _Y: 817}
_EDGES = (0.0, 0.1, 0.3, 0.5, 0.7, 0.9, 1.0)
_START = {_X: 45.0, _Y: 40.0}


@dataclass(frozen=True)
class Simulated:
    """One step of one simulated family, with its true coupling.

    Attributes
    ----------
    truth : float
    correlation : float
    paired, assumed : CouplingStep
        With the answers to each item, and without.
    """

    truth: float
    correlation: float
    paired: CouplingStep
    assumed: CouplingStep


def _answers(
    start: float, change: float, items: int, correlation: float, rng: np.random.Generator
) -> ItemScores:
    """Right and wrong answers of two models whose expected scores differ by ``change`` percentage points."""
    shared = rng.standard_normal((items, 1))
    own = rng.standard_normal((items, 2))
    ability = stats.norm.ppf(np.array([start, start + change]) / 100)
    right = np.sqrt(correlation) * shared + np.sqrt(1 - correlation) * own < ability
    return ItemScores(("small", "large"), right.astype(np.float32))


def simulate(
    changes: Floats, correlation: float, *, draws: int = 400, rng: np.random.Generator | int = 0
) -> list[Simulated]:
    """Diagnose simulated steps whose true changes are known.

    Parameters
    ----------
    changes : ndarray, shape (families, 2)
        True changes of the two scores, percentage points.
    correlation : float
    draws : int
    rng : Generator or int
    """
    generator = np.random.default_rng(rng)
    answers = [
        {
            name: _answers(_START[name], change, _ITEMS[name], correlation, generator)
            for name, change in zip((_X, _Y), both, strict=True)
        }
        for both in changes
    ]
    # All steps stand in one table, for one call; those from one family to the next mean nothing and are left out.
    size = np.arange(1.0, 2 * len(answers) + 1)
    rows = pd.DataFrame({"model": [f"m{n:g}" for n in size], "family": "all", "params_b": size})
    drawn = {}
    for name, items in _ITEMS.items():
        rows[name] = np.concatenate([one[name].score_pct() for one in answers])
        rows[f"{name}_items"] = items
        parts = [remeasure(one[name], one[name].score_pct(), draws, generator) for one in answers]
        errors = np.full(len(size), np.nan)
        errors[::2] = [part.step_errors[0] for part in parts]
        drawn[name] = Remeasured(np.concatenate([part.scores for part in parts], axis=1), errors[:-1])
    paired = intervals(rows, _X, _Y, draws=draws, rng=generator, remeasured=drawn)[::2]
    assumed = intervals(rows, _X, _Y, draws=draws, rng=generator)[::2]
    return [
        Simulated(float(dy / dx), correlation, one, other)
        for (dx, dy), one, other in zip(changes, paired, assumed, strict=True)
    ]


def coverage(correlation: float, *, families: int = 1000, draws: int = 400, rng: int = 0) -> pd.DataFrame:
    """How often the 95% range of the coupling holds the true one, at one correlation.

    Returns
    -------
    DataFrame
        One row with the answers to each item and one without: ``noise, correlation, families, right`` (share of ranges that hold
        the truth) and ``width`` (mean).
    """
    found = simulate(np.tile([12.0, -6.0], (families, 1)), correlation, draws=draws, rng=rng)
    rows = []
    for noise in ("paired", "assumed"):
        steps = [(one.truth, getattr(one, noise)) for one in found]
        rows.append(
            {
                "noise": noise,
                "correlation": correlation,
                "families": families,
                "said": 0.95,
                "right": float(np.mean([step.low <= truth <= step.high for truth, step in steps])),
                "width": float(np.mean([step.high - step.low for _, step in steps])),
            }
        )
    return pd.DataFrame(rows)


def reliability(*, families: int = 1200, draws: int = 400, rng: int = 0) -> pd.DataFrame:
    """How often a step is in tax when its probability of tax is said to be such, at a correlation of 0.6.

    The true change of the second score is drawn from a normal distribution that is wide beside item noise, so that tax and not
    tax are about as frequent.

    Returns
    -------
    DataFrame
        ``noise, correlation, low, high`` (of the probability said), ``families, said`` (mean) and ``right`` (share in tax).
    """
    generator = np.random.default_rng(rng)
    changes = np.column_stack([np.full(families, 12.0), generator.normal(-1.2, 6.0, families)])
    found = simulate(changes, 0.6, draws=draws, rng=generator)
    truth = np.array([one.truth < -TAX_BELOW for one in found])
    rows = []
    for noise in ("paired", "assumed"):
        said = np.array([getattr(one, noise).p_tax for one in found])
        place = np.clip(np.digitize(said, _EDGES[1:-1], right=True), 0, len(_EDGES) - 2)
        for at, (low, high) in enumerate(itertools.pairwise(_EDGES)):
            group = place == at
            row = {"noise": noise, "correlation": 0.6, "low": low, "high": high, "families": int(group.sum())}
            rows.append({**row, "said": float(said[group].mean()), "right": float(truth[group].mean())})
    return pd.DataFrame(rows)


def noise_calibration() -> pd.DataFrame:
    """The table ``noise_calibration``: ranges at every correlation, and phase probabilities, with known truth."""
    parts = [coverage(c, rng=place).assign(part="range") for place, c in enumerate(CORRELATIONS)]
    parts.append(reliability(rng=len(CORRELATIONS)).assign(part="phase"))
    table = pd.concat(parts, ignore_index=True)
    return table[["part", "noise", "correlation", "low", "high", "families", "said", "right", "width"]].round(
        6
    )
