"""What chapter 08 asks its readers, with the answers from the tables."""

from __future__ import annotations

import numpy as np
import pandas as pd

from cape_utils import data
from cape_utils.chapters.ch08_eigenstructure import group_spectra
from cape_utils.charts.tables import table
from cape_utils.claims.quotations import quoted
from cape_utils.scaling import spectrum
from cape_utils.teaching.pictures import axis_picture, bars_picture
from cape_utils.teaching.questions import Choice, Mistake, Number, Reveal, Solution
from cape_utils.teaching.registry import define_bet, define_exercise

__all__: list[str] = []

BENCHMARKS = list(data.BENCHMARKS)
TWO_EQUAL = np.diag([1.0, 1.0])
RATIO = Number("Participation ratio of three models", low=1, high=3, decimals=2, tolerance=0.15)
LARGEST = Number("Largest participation ratio of three models", low=1, high=5, decimals=1, tolerance=0.25)


def _of_three() -> pd.Series:
    return spectrum.small_sample(TWO_EQUAL, [3], draws=2000).iloc[0]


@define_bet(
    "08.1",
    "What participation ratio do you expect of three models, on average, if their population has two equally strong dimensions?",
    RATIO,
)
def three_of_two() -> Reveal:
    few = _of_three()
    drawn = np.random.default_rng(0).multivariate_normal(np.zeros(2), TWO_EQUAL, size=(2000, 3))
    values, _ = spectrum.eigen_stack(drawn, "covariance")
    mean = float(few["mean"])
    return Reveal(
        mean,
        f"Three models show {mean:.2f} dimensions on average and 95% of the time something from {few['low']:.2f} to "
        f"{few['high']:.2f}, though the population has {few['population']:.0f}. Three points are rarely an equilateral triangle.",
        axis_picture(
            RATIO,
            mean,
            histogram=values.sum(axis=-1) ** 2 / (values**2).sum(axis=-1),
            marks={"in the population": float(few["population"])},
            title="Three models look like little more than one dimension",
            alt=f"A histogram of participation ratios from 1 to 2, highest at the left end; the mean is {mean:.2f}.",
        ),
        right="three points are rarely an equilateral triangle, so they look longer than wide",
        too_low="three points do spread a little to the side",
        too_high="three points are rarely an equilateral triangle, so they look longer than wide",
    )


@define_bet(
    "08.2",
    "What is the largest value that three models can give, however many benchmarks there are?",
    LARGEST,
)
def largest_of_three() -> Reveal:
    most = float(_of_three()["most"])
    five = spectrum.small_sample(np.eye(5), [3], draws=2000).iloc[0]
    limit = float(five["most"])
    return Reveal(
        limit,
        f"The limit is {limit:.0f}, with {most:.0f} dimensions in the population as with five: three points lie in one "
        "plane. Even "
        f"five unrelated scores look like {five['mean']:.2f} dimensions to three models.",
        axis_picture(
            LARGEST,
            limit,
            marks={"five unrelated scores, on average": float(five["mean"])},
            title="Three points lie in one plane",
            alt=f"An axis from 1 to 5 with the limit at {limit:.0f}.",
        ),
        right="three points lie in one plane",
        too_low="an equilateral triangle is as wide as it is long",
        too_high="three points lie in one plane, however many scores each has",
    )


@define_exercise(
    "08.1",
    Number("Participation ratio", tolerance=0.006, decimals=3),
    Number("With 6 in the place of 90", tolerance=0.02, decimals=2),
    hint="Add the eigenvalues and square the sum; divide by the sum of their squares.",
)
def ratio_by_hand() -> Solution:
    one, even = [90.0, 6, 2, 1, 1], [6.0, 6, 2, 1, 1]
    first, second = spectrum.participation_ratio(one), spectrum.participation_ratio(even)
    return Solution(
        (first, second),
        f"100² over 90² + 6² + 2² + 1 + 1 is {first:.3f}; with 6 in the place of 90 it is 16² over 78, which is "
        f"{second:.2f}. One "
        "large eigenvalue is one dimension, whatever else there is.",
        bars_picture(
            {"90, 6, 2, 1, 1": first, "6, 6, 2, 1, 1": second},
            show="{:.2f}",
            title="Participation ratio",
            alt=f"Two bars, {first:.2f} and {second:.2f}.",
        ),
        (
            Mistake(1 / first, "This is the inverse: the square of the sum goes on top."),
            Mistake(1 / second, "This is the inverse: the square of the sum goes on top.", 1),
            Mistake(float(sum(one) / np.sqrt(np.square(one).sum())), "Square the sum."),
            Mistake(float(sum(even) / np.sqrt(np.square(even).sum())), "Square the sum.", 1),
        ),
    )


@define_exercise(
    "08.2",
    Choice("The ratio that changes is that of the", ("covariance matrix", "correlation matrix", "both")),
    hint="Replace the column with `released.assign(mmlu=released['mmlu'] * 10)` and run `spectrum.pca` with either matrix.",
)
def another_unit() -> Solution:
    released = data.panel("paper")
    tenths = released.assign(mmlu=released["mmlu"] * 10)
    matrices: tuple[spectrum.Matrix, ...] = ("covariance", "correlation")
    ratios = {
        (name, unit): spectrum.pca(part, matrix=name).participation_ratio
        for name in matrices
        for unit, part in (("percent", released), ("tenths", tenths))
    }
    changed = [n for n in matrices if not np.isclose(ratios[n, "percent"], ratios[n, "tenths"])]
    answer = "both" if len(changed) == 2 else f"{changed[0]} matrix"
    rows = pd.DataFrame(
        [
            {"matrix": n, "MMLU in percent": ratios[n, "percent"], "MMLU in tenths": ratios[n, "tenths"]}
            for n in matrices
        ]
    )
    return Solution(
        (answer,),
        f"Only that of the {answer} changes, from {ratios['covariance', 'percent']:.2f} to {ratios['covariance', 'tenths']:.2f}. "
        "It hangs on the units of the scores, and percent is one choice among several.",
        table(rows),
        tuple(
            Mistake(
                name, "A correlation does not change when a column is multiplied by ten; does a covariance?"
            )
            for name in ("covariance matrix", "correlation matrix", "both")
            if name != answer
        ),
    )


@define_exercise(
    "08.3",
    Number("Draws at or below the quoted number", tolerance=6.0, decimals=0, unit="%"),
    hint="Sample three rows of the models whose phase is tax a few hundred times, and compare each participation ratio.",
)
def three_of_the_tax_phase() -> Solution:
    released = data.panel("paper")
    tax = released[group_spectra.model_phases(released) == "tax"].dropna(subset=BENCHMARKS)
    rng = np.random.default_rng(0)
    drawn = np.array([spectrum.pca(tax.sample(3, random_state=rng)).participation_ratio for _ in range(300)])
    limit = quoted("deff_frontier")
    share = 100 * float(np.mean(drawn <= limit))
    ask = Number("Participation ratio of three models of the tax phase", low=1, high=2, tolerance=1)
    return Solution(
        (share,),
        f"In {share:.0f}% of the draws three models of the tax phase look at least as low-dimensional as the three largest are "
        f"said to be ({limit:g}). Three models say little about a phase.",
        axis_picture(
            ask,
            limit,
            histogram=drawn,
            name="quoted",
            title="Three models at random from the tax phase, and the number quoted for the largest three",
            alt=f"A histogram of 300 draws; {share:.0f}% lie at or below the quoted {limit:g}.",
        ),
        (
            Mistake(
                100 - share,
                "These are the draws above the quoted number; the question is about those at or below it.",
            ),
        ),
    )
