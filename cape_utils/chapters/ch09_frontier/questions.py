"""What chapter 09 asks its readers, with the answers from the tables."""

from __future__ import annotations

import numpy as np
import pandas as pd

from cape_utils.chapters.ch09_frontier import date_nulls
from cape_utils.charts.tables import table
from cape_utils.frontier import benchmark_saturation, regression
from cape_utils.teaching.pictures import axis_picture, bars_picture
from cape_utils.teaching.questions import Choice, Mistake, Number, Reveal, Solution
from cape_utils.teaching.registry import define_bet, define_exercise

__all__: list[str] = []

R = Number("Correlation r of coding and science", low=-1, high=1, decimals=2, tolerance=0.1)
POSITIONS = ("cooperative", "coding specialist", "reasoning specialist")


@define_bet(
    "09.1", "What correlation would you expect over two years of releases, if all they share is the date?", R
)
def shared_calendar() -> Reveal:
    published = regression.models("published")
    null = date_nulls.date_null(published)
    return Reveal(
        null.value,
        f"Two scores that share the date of release and nothing else have r = {R.show(null.value)} at the middle, and 95% of the "
        f"time something from {R.show(null.low)} to {R.show(null.high)}. The scores as announced have {R.show(null.observed)}.",
        axis_picture(
            R,
            null.value,
            histogram=date_nulls.date_draws(published),
            marks={"as announced": null.observed},
            title="A shared calendar alone gives much of the correlation",
            alt=f"A histogram of r around {null.value:.2f}; the announced scores have {null.observed:.2f}.",
        ),
        right="progress in both tests over two years is enough for that",
        too_low="both scores rise with the date, and that alone makes them rise together",
        too_high="within a month releases differ a good deal, and separately for the two tests",
    )


@define_exercise(
    "09.1",
    Number("h", tolerance=0.15, decimals=1, unit=" points"),
    Choice("The paper calls the model", POSITIONS),
    hint="The line gives the intercept plus the slope times SWE-bench. "
    "h is the GPQA score minus that. Ten points decide the word.",
)
def h_by_hand() -> Solution:
    slope, intercept, swe, gpqa = 0.513, 46.4, 49.0, 59.4
    h = gpqa - (intercept + slope * swe)
    position = regression.locate(swe, gpqa).position
    ask = Number("GPQA Diamond", low=50, high=90, decimals=1, tolerance=1, unit="%")
    return Solution(
        (h, position),
        f"The line gives {intercept + slope * swe:.1f}%, so h is {h:.1f} points: {position}.",
        axis_picture(
            ask,
            gpqa,
            marks={"the line": intercept + slope * swe},
            name="the model",
            title=f"The model lies {abs(h):.1f} points below the line"
            if h < 0
            else f"The model lies {h:.1f} points above the line",
            alt=f"An axis of GPQA with the line at {intercept + slope * swe:.1f}% and the model at {gpqa:g}%.",
        ),
        (
            Mistake(-h, "h is the score minus the line, so a model below the line has a negative h."),
            Mistake(
                swe - (intercept + slope * gpqa), "SWE-bench goes into the line, GPQA is compared with it."
            ),
            Mistake(gpqa - slope * swe, "The intercept belongs to the line too."),
            *(
                Mistake(name, "Look at the sign of h and whether it is beyond ten points.", 1)
                for name in POSITIONS
                if name != position
            ),
        ),
    )


@define_exercise(
    "09.2",
    Number("Saturation ratio without it", tolerance=0.008, decimals=3),
    hint="Filter the table by `model` and give it to `benchmark_saturation.saturation`; `ratio` is the number.",
)
def one_release_less() -> Solution:
    everyone = regression.models("all")
    with_it = benchmark_saturation.saturation(everyone).ratio
    without = benchmark_saturation.saturation(everyone.query("model != 'Claude Opus 4.7'")).ratio
    crossed = (without - 0.2) * (with_it - 0.2) < 0
    return Solution(
        (without,),
        f"The ratio is {with_it:.2f} with it and {without:.2f} without. "
        + (
            "One release crosses the threshold of 0.2, so the rule hangs on single models."
            if crossed
            else "Both lie on one side of the threshold of 0.2."
        ),
        bars_picture(
            {"with Claude Opus 4.7": with_it, "without": without, "threshold": 0.2},
            show="{:.2f}",
            title="Saturation ratio with one release more and less",
            alt=f"Bars of {with_it:.2f} with it, {without:.2f} without, and the threshold 0.2.",
        ),
        (Mistake(with_it, "This is the ratio with the model still in the table."),),
    )


@define_exercise(
    "09.3",
    Number("Pairs with p below 0.001", tolerance=4.0, decimals=0, unit="%"),
    hint='`date_nulls.date_draws(published, "p")` gives the p-values of such pairs; take the share of small ones.',
)
def small_p_by_calendar() -> Solution:
    p_values = date_nulls.date_draws(regression.models("published"), "p", draws=2000, rng=1)
    limits = (0.05, 0.01, 0.001)
    shares = {limit: 100 * float(np.mean(p_values < limit)) for limit in limits}
    answer = shares[0.001]
    rows = pd.DataFrame(
        {
            "p below": [f"{limit:g}" for limit in limits],
            "such pairs": [f"{shares[limit]:.0f}%" for limit in limits],
        }
    )
    return Solution(
        (answer,),
        f"{answer:.0f}% of pairs that share only the calendar have p below 0.001. A small p is no evidence of cooperation: "
        "it only rejects that the two are unrelated, and a shared date is enough for that.",
        table(rows),
        (Mistake(0.1, "This would hold if nothing tied the scores; here both follow the date."),),
    )
