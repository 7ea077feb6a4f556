"""What chapter 12 asks its readers, with the answers from the tables."""

from __future__ import annotations

import numpy as np
import pandas as pd

from cape_utils import data
from cape_utils.chapters.ch12_dashboard import argument, size_baseline
from cape_utils.charts.tables import table
from cape_utils.stats.formatting import size
from cape_utils.teaching.pictures import axis_picture, line_picture
from cape_utils.teaching.questions import Choice, Line, Mistake, Number, Reveal, Solution
from cape_utils.teaching.registry import define_bet, define_exercise

__all__: list[str] = []

TQA = "truthfulqa_mc2"
AGREES = Number(
    "Steps on which formula and scores agree", low=0, high=100, decimals=0, tolerance=8.0, unit="%"
)
PERMUTED = Number("The same with permuted sizes", low=0, high=100, decimals=0, tolerance=8.0, unit="%")


@define_bet("12.1", "On what share of the steps will the formula say what the scores say?", AGREES)
def formula_agrees() -> Reveal:
    steps = size_baseline.unfitted_steps()
    hits = size_baseline.agreement(steps, steps["by_size"])
    value = 100 * hits.estimate
    always = 100 * float((steps["phase"] == steps["phase"].mode()[0]).mean())
    return Reveal(
        value,
        f"The formula names the phase of the scores on {value:.0f}% of {hits.n} steps (95% interval {hits.low:.0%} to "
        f"{hits.high:.0%}). Saying {steps['phase'].mode()[0]} every time is right on {always:.0f}%.",
        axis_picture(
            AGREES,
            value,
            band=(100 * hits.low, 100 * hits.high),
            marks={"one answer always": always},
            title="How often a formula that sees only the size agrees with the scores",
            alt=f"An axis from 0 to 100%: the formula {value:.0f}%, one answer always {always:.0f}%.",
        ),
        right="size tells something about the phase",
        too_low="size does tell something about the phase",
        too_high="families of one size differ in their phase, and no formula of size can follow them",
    )


@define_bet("12.2", "And on what share if the sizes are first permuted among the steps?", PERMUTED)
def permuted_sizes() -> Reveal:
    null = size_baseline.shuffled_sizes(size_baseline.unfitted_steps())
    value, low, high, observed = (100 * one for one in (null.value, null.low, null.high, null.observed))
    return Reveal(
        value,
        f"With permuted sizes they agree on {value:.0f}% of the steps, 95% of the time on {low:.0f} to {high:.0f}%. The "
        "formula as "
        f"it stands reaches {observed:.0f}%.",
        axis_picture(
            PERMUTED,
            value,
            band=(low, high),
            marks={"sizes as they are": observed},
            title="Three answers are right now and then, whatever they know",
            alt=f"An axis from 0 to 100%: permuted sizes {value:.0f}%, sizes as they are {observed:.0f}%.",
        ),
        right="a rule with three answers is right that often by luck",
        too_low="the formula says the common phases more often, and so it hits them more often",
        too_high="without the size the formula knows nothing of the step",
    )


@define_exercise(
    "12.1",
    Number("Coupling", tolerance=0.005),
    Choice("Ten points of TruthfulQA are", ("larger than their error", "within their error")),
    hint="One score has a standard error of about 1.7 points on 817 items, and a difference has that of two.",
)
def coupling_by_hand() -> Solution:
    step = argument.two_models((1, 40, 44), (10, 60, 34))
    errors = -step.dy / step.se_dy
    words = ("larger than their error", "within their error")
    answer, other = words if errors > 1.96 else words[::-1]
    ask = Line("TruthfulQA, by HellaSwag", ("40%", "60%"), tolerance=1, low=20, high=50)
    return Solution(
        (step.coupling, answer),
        f"The coupling is {step.dy:.0f}/{step.dx:.0f} = {step.coupling:.2f}. The change is {errors:.1f} standard errors, "
        "and the tax "
        f"{step.p_tax:.2%} sure by item noise alone.",
        line_picture(
            ask,
            (44.0, 34.0),
            name="the step",
            title="TruthfulQA falls by half of what HellaSwag gains",
            alt="A line that falls from 44% to 34% while HellaSwag rises from 40% to 60%.",
        ),
        (
            Mistake(
                1 / step.coupling, "This is the change of HellaSwag over that of TruthfulQA; turn it over."
            ),
            Mistake(other, "Compare ten points with twice the standard error of the difference.", 1),
        ),
    )


@define_exercise(
    "12.2",
    Choice("Some critical scale agrees with three steps in four", ("yes", "no")),
    Number("Agreement of the best scale", tolerance=1.5, decimals=0, unit="%"),
    hint="Run `size_baseline.agreement` for many scales between 0.1B and 100B, and take the largest.",
)
def best_scale() -> Solution:
    steps, rule = size_baseline.unfitted_steps(), size_baseline.formula()
    scales = np.logspace(-1, 2, 60)
    tried = np.array(
        [
            100
            * size_baseline.agreement(
                steps,
                size_baseline.phase_by_size(
                    steps["mid_params_b"], size_baseline.Formula(rule.slope, float(scale))
                ),
                draws=10,
            ).estimate
            for scale in scales
        ]
    )
    best = int(np.argmax(tried))
    words = ("yes", "no")
    answer, other = words if tried[best] >= 75 else words[::-1]
    shown = np.linspace(0, len(scales) - 1, 7).round().astype(int)
    ask = Line("Agreement", tuple(size(float(scales[i])) for i in shown), tolerance=1, low=0, high=100)
    return Solution(
        (answer, float(tried[best])),
        f"The best is {scales[best]:.1f}B with {tried[best]:.0f}%, chosen after seeing the answers. The quoted "
        f"{rule.critical_b:g}B "
        "was not chosen on these steps; no scale makes up for what size does not know.",
        line_picture(
            ask,
            tried[shown].tolist(),
            name="agreement",
            title="Agreement of the formula by critical scale",
            alt=f"A line over scales from 0.1B to 100B; its highest point is {tried[best]:.0f}%.",
        ),
        (
            Mistake(other, "Look at the largest agreement over all scales that you tried."),
            Mistake(
                100 * size_baseline.agreement(steps, steps["by_size"], draws=10).estimate,
                "This is the agreement of the quoted scale; others do better.",
                1,
            ),
        ),
    )


@define_exercise(
    "12.3",
    Number("Steps whose phase by the formula changes", tolerance=0.5, decimals=0),
    hint="Permute the column of scores, build the steps anew and compare the column `by_size` of both.",
)
def nonsense_scores() -> Solution:
    panel = data.panel("open", rows="one_recipe")
    steps = size_baseline.unfitted_steps()
    nonsense = panel.assign(**{TQA: np.random.default_rng(0).permutation(panel[TQA])})
    same = size_baseline.unfitted_steps(nonsense).merge(
        steps, on=["from_model", "to_model"], suffixes=("_nonsense", "")
    )
    changed = {
        name: int((same[f"{column}_nonsense"] != same[column]).sum())
        for name, column in (("by the formula", "by_size"), ("by the scores", "phase"))
    }
    rows = pd.DataFrame({"phase": list(changed), f"changes, of {len(same)} steps": list(changed.values())})
    return Solution(
        (float(changed["by the formula"]),),
        f"By the formula the phase changes on {changed['by the formula']} of {len(same)} steps, by the scores on "
        f"{changed['by the scores']}. A tool that is shown only a size cannot notice that the scores are nonsense.",
        table(rows),
        (
            Mistake(
                float(changed["by the scores"]),
                "This is how often the phase of the scores changes; look at the formula's.",
            ),
            Mistake(
                float(len(same)), "These are all steps; count those on which the formula's phase differs."
            ),
        ),
    )
