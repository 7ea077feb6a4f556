"""What chapter 02 asks its readers, with the answers from the tables."""

from __future__ import annotations

import numpy as np
import pandas as pd

from cape_utils import data
from cape_utils.charts.tables import table
from cape_utils.scaling import coupling, trend_nulls
from cape_utils.stats.formatting import p_value
from cape_utils.teaching.pictures import axis_picture
from cape_utils.teaching.questions import Choice, Mistake, Number, Reveal, Solution
from cape_utils.teaching.registry import define_bet, define_exercise

__all__: list[str] = []

HS, TQA = "hellaswag", "truthfulqa_mc2"
R = Number("Correlation r", low=-1, high=1, decimals=2, tolerance=0.1)


@define_bet("02.1", "What correlation would you expect between the eight pairs of scores?", R)
def two_trends() -> Reveal:
    pythia = data.pythia_copies().query("copy == 'panel rows'").sort_values("params_b")
    null = trend_nulls.monotone_null(pythia[HS], pythia[TQA])
    return Reveal(
        null.value,
        f"A rising and a falling series of eight points with nothing else between them give r = {R.show(null.value)} at the "
        f"middle, and 95% of the time something from {R.show(null.low)} to {R.show(null.high)}. The r of Pythia is "
        f"{R.show(null.observed)}.",
        axis_picture(
            R,
            null.value,
            histogram=trend_nulls.monotone_draws(pythia[HS], pythia[TQA]),
            title="Two trends and nothing else give nearly the correlation of Pythia",
            alt=f"A histogram of r for unconnected trends, crowded at the left end around {null.value:.2f}.",
        ),
        right="a trend in size on both sides is enough for a correlation close to minus one",
        too_low="two trends alone do not make a perfect line",
        too_high="both series follow size, one up and one down, and that alone makes them fall together",
    )


@define_exercise(
    "02.1",
    Number("Local coupling", tolerance=0.006, decimals=3),
    Choice("Phase", coupling.PHASES),
    hint="Divide the change of TruthfulQA by the change of HellaSwag, both from 13B to 30B. The thresholds are in The claim.",
)
def opt_by_hand() -> Solution:
    steps = coupling.local_coupling(data.panel("paper").query("family == 'OPT'"))
    step = steps[steps["to_model"] == "OPT-30B"].to_dict("records")[0]
    value, phase = float(step["coupling"]), str(step["phase"])
    rows = steps[["from_model", "to_model", "coupling", "phase"]].reset_index(drop=True)
    return Solution(
        (value, phase),
        f"TruthfulQA and HellaSwag both rise, and their quotient is {value:.3f}: {phase}. Item noise leaves the sign "
        f"{float(step['p_sign']):.0%} sure, so one step says little.",
        table(rows),
        (
            Mistake(1 / value, "This is the change of HellaSwag over that of TruthfulQA; turn it over."),
            *(
                Mistake(
                    name,
                    "Compare the coupling with the two thresholds: below the lower, above the upper, or between.",
                    1,
                )
                for name in coupling.PHASES
                if name != phase
            ),
        ),
    )


@define_exercise(
    "02.2",
    Number("r of OPT up to 13B", tolerance=0.006, decimals=3),
    Choice("Beside two unconnected trends it", ("stands out", "does not stand out")),
    hint="Filter the paper's panel by family and size, and give both columns to `trend_nulls.monotone_null`.",
)
def opt_under_the_null() -> Solution:
    rows = data.panel("paper").query("family == 'OPT' and params_b <= 13")
    null = trend_nulls.monotone_null(rows[HS], rows[TQA])
    every = data.panel("paper").query("family == 'OPT'")
    inside = null.low <= null.observed <= null.high
    verdict = "does not stand out" if inside else "stands out"
    other = "stands out" if inside else "does not stand out"
    return Solution(
        (null.observed, verdict),
        f"OPT has r = {R.show(null.observed)} ({p_value(null.p, name=True)}); two unconnected trends give {R.show(null.low)} to "
        f"{R.show(null.high)}. It {verdict}.",
        axis_picture(
            R,
            null.observed,
            histogram=trend_nulls.monotone_draws(rows[HS], rows[TQA]),
            name="OPT",
            title=f"Beside two unconnected trends OPT {verdict}",
            alt=f"A histogram of r for unconnected trends, and the r of OPT, {null.observed:.2f}.",
        ),
        (
            Mistake(
                float(np.corrcoef(every[HS], every[TQA])[0, 1]),
                "This is the r of all sizes; keep those up to 13B.",
            ),
            Mistake(other, "Look whether r lies within the 95% range of the null.", 1),
        ),
    )


@define_exercise(
    "02.3",
    Choice(
        "The abstract's small p-value says that",
        ("the two abilities compete", "both series have a trend", "the sample is too small"),
    ),
    hint="The two series cannot have anything to do with each other. Compare their p with the smallest that eight points allow.",
)
def silly_series() -> Solution:
    steps = np.arange(1, 9)
    null = trend_nulls.permutation_null(np.log(steps), -np.sqrt(steps))
    rows = pd.DataFrame(
        {
            "quantity": ["r", "permutation p", "smallest p that eight points allow"],
            "value": [f"{null.observed:.3f}", f"1 in {1 / null.p:,.0f}", f"1 in {1 / null.smallest_p:,.0f}"],
        }
    )
    return Solution(
        ("both series have a trend",),
        f"Logarithms and negative square roots give r = {null.observed:.3f} and the smallest p there is, one in "
        f"{1 / null.smallest_p:,.0f}. A permutation test rejects any two series that are both monotone, so its p is no evidence "
        "of competition.",
        table(rows),
        (
            Mistake(
                "the two abilities compete", "The two made-up series do not compete, and their p is as small."
            ),
            Mistake(
                "the sample is too small",
                "A small sample makes p-values large, not small; look at what both series share.",
            ),
        ),
    )
