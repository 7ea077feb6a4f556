"""What chapter 07 asks its readers, with the answers from the tables."""

from __future__ import annotations

import numpy as np
import pandas as pd

from cape_utils import data
from cape_utils.chapters.ch07_ode import readings
from cape_utils.charts.tables import table
from cape_utils.claims.quotations import quoted
from cape_utils.data import loading
from cape_utils.scaling import forecasting, ode
from cape_utils.teaching.pictures import axis_picture, line_picture
from cape_utils.teaching.questions import Choice, Line, Mistake, Number, Reveal, Solution
from cape_utils.teaching.registry import define_bet, define_exercise

__all__: list[str] = []

MMLU = Line("MMLU of Llama-2", ("7B", "13B", "70B"), tolerance=4.0, low=20, high=100, decimals=0, unit="%")
ERROR = Number("Mean error of “nothing changes”", low=0, high=60, decimals=0, tolerance=4.0, unit="%")


@define_bet(
    "07.1", "Llama-2 scores 45% on MMLU at 7B in the paper's panel. Draw its MMLU at 7B, 13B and 70B.", MMLU
)
def llama2_on_mmlu() -> Reveal:
    rows = data.panel("paper").query("family == 'Llama-2'").sort_values("params_b")
    scores = tuple(float(score) for score in rows["mmlu"])
    gains = np.diff(scores) / np.diff(np.log10(rows["params_b"].to_numpy(dtype=float)))
    return Reveal(
        scores,
        f"MMLU goes from {scores[0]:.1f}% at 7B to {scores[1]:.1f}% at 13B and {scores[2]:.1f}% at 70B. In points for "
        "each tenfold "
        f"size that is {gains[0]:.0f} in the first step and {gains[1]:.0f} in the second.",
        line_picture(
            MMLU,
            scores,
            title="MMLU of Llama-2 by size",
            alt=f"A line that rises from {scores[0]:.0f}% at 7B to {scores[1]:.0f}% at 13B and {scores[2]:.0f}% at 70B.",
        ),
        right="a start and a rule of thumb go a long way, and any forecast has to beat that",
        too_low="from 7B to 70B the family gains more than that",
        too_high="the family gains less than that from 7B to 70B",
    )


@define_bet(
    "07.2",
    "How large is the mean error over the five benchmarks of Llama-2 at 13B and 70B, in percent of the score, if one "
    "predicts the "
    "scores of 7B?",
    ERROR,
)
def nothing_changes() -> Reveal:
    trends = readings.alternatives()
    still = float(trends.loc[trends["kind"] == "persistence", "error"].iloc[0])
    claimed = quoted("ode_llama2")
    return Reveal(
        still,
        f"Predicting that nothing changes errs by {still:.1f}% of the score. The error that the paper quotes for its equation is "
        f"{claimed:g}%, so that is what it has to be held beside.",
        axis_picture(
            ERROR,
            still,
            marks={"quoted for the equation": claimed},
            title="Predicting no change at all errs by little",
            alt=f"An axis of errors in percent with persistence at {still:.1f} and the quoted {claimed:g}.",
        ),
        right="scores move slowly within a family, so a small error is easily had",
        too_low="it is small, and not as small as that",
        too_high="scores move slowly within a family, and an error in percent of the score looks small",
    )


@define_exercise(
    "07.1",
    Number("Score at 10B", tolerance=0.06, unit="%"),
    hint="The equation is that of growth at a constant rate; from 1B to 10B is one unit of log10 N.",
)
def growth_by_hand() -> Solution:
    start, rate = 30.0, 0.2
    growth = ode.Dynamics(
        benchmarks=("hellaswag",),
        powers=np.array([[1.0]]),
        coefficients=np.array([[rate]]),
        degree=1,
        threshold=0,
        ridge=0,
        unit="percent",
        n=0,
        families=1,
        condition=1,
    )
    path = [start, *ode.integrate(growth, [start], 1.0, [3.0, 10.0]).score_pct[:, 0]]
    solved = float(path[-1])
    ask = Line("Score", ("1B", "3B", "10B"), tolerance=1, low=20, high=40)
    return Solution(
        (solved,),
        f"B grows by the factor e to the power {rate:g} with each tenfold size, so {start:g} becomes {solved:.2f}.",
        line_picture(
            ask,
            path,
            name="solution",
            title=f"From {start:g} to {solved:.1f} percent",
            alt="A line that rises.",
        ),
        (
            Mistake(
                start * (1 + rate), "This is a straight line; the rate applies to the score as it grows."
            ),
            Mistake(start + rate, "The change is the rate times the score, not the rate."),
            Mistake(
                start * float(np.exp(rate * np.log(10))),
                "The equation is in log10 N: one tenfold size is one unit.",
            ),
            Mistake(start * float(np.exp(10 * rate)), "From 1B to 10B is one unit of log10 N, not ten."),
            Mistake(start * float(np.exp(9 * rate)), "From 1B to 10B is one unit of log10 N, not nine."),
        ),
    )


@define_exercise(
    "07.2",
    Choice(
        "On the model left out the equation", ("errs no more than in the sample", "errs more", "diverges")
    ),
    hint="Fit with `ode.fit_dense(pythia.iloc[:-1])`, solve from 70M with `ode.integrate`, and compare with the last row.",
)
def largest_left_out() -> Solution:
    options = ("errs no more than in the sample", "errs more", "diverges")
    pythia = loading.pythia("panel rows")
    start, last = pythia.iloc[0], pythia.iloc[-1]
    scores = last[readings.BENCHMARKS].astype(float)
    path = ode.integrate(
        ode.fit_dense(pythia.iloc[:-1]),
        start[readings.BENCHMARKS].astype(float),
        start["params_b"],
        [last["params_b"]],
    )
    sample = quoted("ode_insample")
    error = float("inf") if path.diverged else ode.path_error(path, [scores])
    answer = options[2] if path.diverged else options[1] if error > sample else options[0]
    listed = pd.DataFrame(
        {
            "Pythia-12B": ["quoted in the sample", "left out of the fit"],
            "error": [f"{sample:g}%", "diverges" if path.diverged else f"{error:.1f}%"],
        }
    )
    return Solution(
        (answer,),
        f"Without the largest model in the fit, its error is {'beyond all bounds' if path.diverged else f'{error:.1f}%'}, "
        "against "
        f"{sample:g}% quoted in the sample. A fit in the sample says little about the next size.",
        table(listed),
        tuple(
            Mistake(
                name,
                "Look at `path.diverged` first, then compare the error with the one quoted in the sample.",
            )
            for name in options
            if name != answer
        ),
    )


@define_exercise(
    "07.3",
    Number("Methods whose median error rises if no family is left out", tolerance=0.5, decimals=0),
    hint="Replace infinite errors by NaN before you take the median, and count the methods for which that changes it.",
)
def only_those_that_converged() -> Solution:
    errors = forecasting.family_errors(
        forecasting.hold_out(data.panel("open", rows="one_recipe"), train="Pythia only")
    )
    honest = forecasting.method_ranking(errors)["median"]
    kind = errors.replace(np.inf, np.nan).median()[honest.index]
    flattered = int((honest > kind + 1e-9).sum())
    listed = pd.DataFrame({"method": honest.index, "all": honest.to_numpy(), "converged": kind.to_numpy()})
    names = {"method": "method", "all": "all families (%)", "converged": "converged only (%)"}

    def shown(value: float) -> str:
        return "diverges" if np.isinf(value) else f"{value:.1f}"

    return Solution(
        (float(flattered),),
        f"{flattered} of {len(honest)} methods look better once the families on which they fail are left out, and none looks "
        "worse. The methods that fail most gain most, so the ranking rewards failing.",
        table(listed, names, show={"all": shown, "converged": shown}),
        (
            Mistake(
                float(len(honest)), "These are all methods; some never diverge, and nothing changes for them."
            ),
            Mistake(float(np.isinf(honest).sum()), "These have an infinite median; others gain as well."),
        )
        if np.isinf(honest).sum() != flattered
        else (
            Mistake(
                float(len(honest)), "These are all methods; some never diverge, and nothing changes for them."
            ),
        ),
    )
