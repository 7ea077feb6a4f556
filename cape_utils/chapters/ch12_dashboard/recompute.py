"""Chapter 12: what a diagnosis needs, and what the dashboard's own formula reads."""

from __future__ import annotations

import numpy as np

from cape_utils import data
from cape_utils.claims.registry import recomputes
from cape_utils.claims.verdicts import Recomputed, Value
from cape_utils.scaling import coupling

SURE = 0.8
"""The probability from which the report calls the likeliest phase of a step clear."""


def dashboard_formula() -> tuple[float, float]:
    """Slope and intercept of the dashboard's coupling, a straight line in log10 N, as the ledger quotes it."""
    text = str(data.load("claims").set_index("id").loc["dashboard_phase", "paper_text"])
    slope, _, intercept = text.partition(" log10 N ")
    return float(slope), float(intercept.replace(" ", ""))


def dashboard_coupling(params_b: float) -> float:
    """The coupling that the dashboard gives a model of a size in billions; no score enters."""
    slope, intercept = dashboard_formula()
    return float(slope * (np.log10(params_b) + 9) + intercept)


@recomputes("scores_only")
def scores_only() -> Recomputed:
    def steps(which: data.Panel) -> tuple[float, Value]:
        table = data.panel(which, rows="as_released" if which == "paper" else "one_recipe")
        needed = ["model", "family", "params_b", "hellaswag", "truthfulqa_mc2"]
        full, bare = coupling.local_coupling(table), coupling.local_coupling(table[needed])
        extra = 0 if full.equals(bare) else len(table.columns) - len(needed)
        clear = full[["p_tax", "p_transition", "p_bonus"]].max(axis=1) >= SURE
        return float(clear.mean()), Value(
            extra, None, None, len(full), "couplings from scores and sizes alone"
        )

    (clear, paper), (open_clear, public) = steps("paper"), steps("open")
    remark = (
        "Scores and sizes are all that a local coupling takes. Whether they suffice for a phase is another matter: item noise, "
        f"taken at its upper bound, leaves {clear:.0%} of the {paper.n} steps of the paper's panel, and {open_clear:.0%} of the "
        f"{public.n} of the open one, a likeliest phase of {SURE:.0%} or more."
    )
    return Recomputed(paper, public, None, remark)


@recomputes("dashboard_phase")
def dashboard_phase() -> Recomputed:
    at_1b = dashboard_coupling(1.0)
    name = coupling.phase([at_1b])[0]
    remark = f"The formula reads the size alone: at 1B it gives {at_1b:.2f}, {name}, whatever the scores are."
    return Recomputed(Value(1, None, None, None, "TruthfulQA is no term of the formula"), None, None, remark)


@recomputes("dashboard_zero")
def dashboard_zero() -> Recomputed:
    slope, intercept = dashboard_formula()
    zero_b = 10 ** (-intercept / slope - 9)
    remark = "The slope is that of running_coupling_slope. The text, the abstract and the formula give different scales."
    return Recomputed(Value(zero_b, None, None, None, "zero of the formula"), None, None, remark)
