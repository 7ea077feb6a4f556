"""The phase of a step that was not taken: how often held-out errors put it in each, and how good such shares are.

Section 2.3 of paper A gives a phase to steps that were measured. Whether a phase can be foreseen is asked here of families
held out: a forecast is worth something only where it beats the frequencies of the panel.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
import pandas as pd

from cape_utils import data
from cape_utils.scaling import forecasting
from cape_utils.scaling.coupling import PHASES, TAX_BELOW, phase
from cape_utils.scaling.forecasting import family_weights, held_out_steps
from cape_utils.stats.results import Floats

__all__ = ["PhaseSkill", "phase_shares", "phase_skill"]


@dataclass(frozen=True)
class PhaseSkill:
    """How well phases of the next step are foreseen on families held out (Brier score, 0 is perfect, 2 the worst).

    Attributes
    ----------
    score : float
        Of the shares that held-out errors give.
    frequencies : float
        Of the frequencies of the other families' steps, which know nothing of the family.
    n : int
        Steps.
    """

    score: float
    frequencies: float
    n: int


def phase_shares(
    change: Floats, names: tuple[str, ...], errors: pd.DataFrame, step: float, x: str, y: str
) -> dict[str, float]:
    """Share of held-out errors that put a predicted step in each phase, every family counting the same.

    Parameters
    ----------
    change : ndarray, shape (len(names),)
        Predicted changes, percentage points.
    names : tuple of str
        Benchmarks of ``change``.
    errors : pandas.DataFrame
        From ``scaling.forecasting.held_out_steps``; errors of one step stay together.
    step : float
        log10 of the ratio of sizes.
    x, y : str
        The pair.

    Examples
    --------
    >>> errors = pd.DataFrame({"family": list("aabb"), "from_params_b": 1.0, "params_b": 10.0, "step": 1.0,
    ...                        "benchmark": ["x", "y"] * 2, "error_pp": [0.0, 1.0, 0.0, -9.0]})
    >>> phase_shares(np.array([10.0, 4.0]), ("x", "y"), errors, 1.0, "x", "y")
    {'tax': 0.5, 'transition': 0.0, 'bonus': 0.5}
    """
    wide = errors.pivot_table(
        "error_pp", ["family", "from_params_b", "params_b", "step"], "benchmark"
    ).reset_index()
    wide = wide.dropna(subset=[x, y])
    scale = np.sqrt(step / wide["step"].to_numpy(dtype=float))
    dx = change[names.index(x)] + wide[x].to_numpy(dtype=float) * scale
    dy = change[names.index(y)] + wide[y].to_numpy(dtype=float) * scale
    weights = family_weights(wide)
    weights = weights / weights.sum()
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = dy / dx
    tax, bonus = float(weights[ratio < -TAX_BELOW].sum()), float(weights[ratio > TAX_BELOW].sum())
    return {"tax": tax, "transition": max(0.0, 1 - tax - bonus), "bonus": bonus}


@functools.cache
def phase_skill(method: forecasting.Method, x: str, y: str) -> PhaseSkill:
    """Brier scores of foreseen phases over the families of the open panel, each held out in turn."""
    names = (x, y)
    errors = held_out_steps(method, names)
    panel = data.panel("open", rows="one_recipe")
    rows = []
    for (family, begin, _), part in errors.groupby(["family", "from_params_b", "params_b"]):
        step_errors = part.set_index("benchmark")
        start = (
            panel[(panel["family"] == family) & (panel["params_b"] == begin)].dropna(subset=[x, y]).iloc[0]
        )
        begin_pct = start[list(names)].to_numpy(dtype=float)
        actual = step_errors.loc[list(names), "actual"].to_numpy(dtype=float) - begin_pct
        if actual[0] == 0 or step_errors["predicted"].isna().any():
            continue
        rows.append(
            {
                "family": family,
                "change": step_errors.loc[list(names), "predicted"].to_numpy(dtype=float) - begin_pct,
                "step": float(step_errors["step"].iloc[0]),
                "happened": str(phase([actual[1] / actual[0]])[0]),
            }
        )
    table = pd.DataFrame(rows)
    happened = np.array([[word == name for name in PHASES] for word in table["happened"]], dtype=float)
    foreseen, usual = np.empty_like(happened), np.empty_like(happened)
    for family in table["family"].unique():
        mine = (table["family"] == family).to_numpy()
        others = errors[errors["family"] != family]
        usual[mine] = happened[~mine].mean(axis=0)
        for place in np.flatnonzero(mine):
            row = table.iloc[place]
            shares = phase_shares(row["change"], names, others, float(row["step"]), x, y)
            foreseen[place] = [shares[name] for name in PHASES]

    def brier(shares: Floats) -> float:
        return float(np.mean(np.sum((shares - happened) ** 2, axis=1)))

    return PhaseSkill(brier(foreseen), brier(usual), len(table))
