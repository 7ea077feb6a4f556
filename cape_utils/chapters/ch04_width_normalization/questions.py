"""What chapter 04 asks its readers, with the answers from the tables."""

from __future__ import annotations

import numpy as np
import pandas as pd

from cape_utils.chapters.ch04_width_normalization.recompute import family_rows
from cape_utils.charts.tables import table
from cape_utils.scaling import coupling, width
from cape_utils.teaching.pictures import axis_picture
from cape_utils.teaching.questions import Choice, Mistake, Number, Reveal, Solution
from cape_utils.teaching.registry import define_bet, define_exercise

__all__: list[str] = []

HS, TQA = "hellaswag", "truthfulqa_mc2"
R = Number("Correlation r after division", low=-1, high=1, decimals=2, tolerance=0.1)


@define_bet(
    "04.1", "What correlation do you expect between the two columns, once both are divided by width?", R
)
def shuffled_and_divided() -> Reveal:
    pythia = family_rows("paper", "Pythia")
    series = pythia[HS], pythia[TQA], pythia["d_model"]
    null = width.ratio_null(*series)
    return Reveal(
        null.value,
        f"TruthfulQA scores handed out at random, then divided by width, give r = {R.show(null.value)} at the middle and 95% of "
        f"the time something from {R.show(null.low)} to {R.show(null.high)}. The scores as they are give "
        f"{R.show(null.observed)}.",
        axis_picture(
            R,
            null.value,
            histogram=width.ratio_draws(*series),
            title="Scores that mean nothing correlate once both are divided by width",
            alt=f"A histogram of r after division, crowded at the right end around {null.value:.2f}.",
        ),
        right="both columns are then mostly one over width, whatever the scores are",
        too_low="both columns are divided by the same number, and two ratios with one denominator rise together",
        too_high="shuffled scores still scatter a little around one over width",
    )


@define_exercise(
    "04.1",
    Number("HellaSwag of the wide model after division", tolerance=0.05, decimals=1),
    Number("TruthfulQA of the wide model after division", tolerance=0.05, decimals=1),
    Choice(
        "From the narrow to the wide model the two now move",
        ("in the same direction", "in opposite directions"),
    ),
    hint="Width is counted in units of 512, so the narrow model keeps its scores and those of the wide one are divided by four.",
)
def divided_by_hand() -> Solution:
    hs, tqa = width.normalise([30, 50], [512, 2048]), width.normalise([44, 40], [512, 2048])
    same = (hs[1] - hs[0]) * (tqa[1] - tqa[0]) > 0
    words = ("in the same direction", "in opposite directions")
    answer, other = words if same else words[::-1]
    rows = pd.DataFrame(
        {
            "model": ["narrow", "wide"],
            "HellaSwag (%)": ["30", "50"],
            "TruthfulQA (%)": ["44", "40"],
            "HellaSwag divided": [f"{v:g}" for v in hs],
            "TruthfulQA divided": [f"{v:g}" for v in tqa],
        }
    )
    return Solution(
        (float(hs[1]), float(tqa[1]), answer),
        f"The wide model has {hs[1]:g} and {tqa[1]:g} after division, the narrow one {hs[0]:g} and {tqa[0]:g}. Before, one score "
        f"rose and the other fell; now both move {answer}, and the divisor did it.",
        table(rows),
        (
            Mistake(50 / 2048, "Width is in units of 512; divide by 2048/512."),
            Mistake(40 / 2048, "Width is in units of 512; divide by 2048/512.", 1),
            Mistake(50.0 * 4, "This is multiplied by the width; divide by it."),
            Mistake(40.0 * 4, "This is multiplied by the width; divide by it.", 1),
            Mistake(other, "Compare the divided scores of the narrow model with those of the wide one.", 2),
        ),
    )


@define_exercise(
    "04.2",
    Number("r after division by the number of layers", tolerance=0.01),
    Choice("So depth", ("removes the tax as width does", "does not remove the tax")),
    hint="`width.ratio_null` takes any third column; give it `layers` in the place of `d_model`, and look at `observed`.",
)
def divided_by_depth() -> Solution:
    pythia = family_rows("paper", "Pythia")
    raw = coupling.population_coupling(pythia).estimate
    null = width.ratio_null(pythia[HS], pythia[TQA], pythia["layers"])
    words = ("removes the tax as width does", "does not remove the tax")
    answer, other = words if null.observed > 0 else words[::-1]
    return Solution(
        (null.observed, answer),
        f"r is {R.show(raw)} undivided and {R.show(null.observed)} after division by depth; shuffled scores give "
        f"{R.show(null.value)}. Any column that grows with the model {words[0].partition(' as')[0]}, meaning or not.",
        axis_picture(
            R,
            null.observed,
            histogram=width.ratio_draws(pythia[HS], pythia[TQA], pythia["layers"]),
            marks={"undivided": raw},
            name="divided by depth",
            title="Division by depth turns the sign too, with shuffled scores as well",
            alt=f"r of {null.observed:.2f} after division lies within the histogram of shuffled scores; undivided it is "
            f"{raw:.2f}.",
        ),
        (
            Mistake(raw, "This is r before division."),
            Mistake(
                width.normalised_coupling(pythia[HS], pythia[TQA], pythia["d_model"]).estimate,
                "This is division by width.",
            ),
            Mistake(other, "Compare the sign of r before and after.", 1),
        ),
    )


@define_exercise(
    "04.3",
    Number("r of the two scores after division", tolerance=0.01),
    Choice("Would the paper's test have noticed the opposition?", ("yes", "no")),
    hint="Give `80 - pythia[HS]` to `width.normalised_coupling` in the place of TruthfulQA.",
)
def opposed_by_design() -> Solution:
    pythia = family_rows("paper", "Pythia")
    opposite = 80 - pythia[HS]
    fooled = width.normalised_coupling(pythia[HS], opposite, pythia["d_model"]).estimate
    undivided = float(np.corrcoef(pythia[HS], opposite)[0, 1])
    answer = "no" if fooled > 0 else "yes"
    rows = pd.DataFrame({"scores": ["as they are", "divided by width"], "r": [undivided, fooled]})
    return Solution(
        (fooled, answer),
        f"Undivided the two scores are perfectly opposed, r = {R.show(undivided)}; divided they have r = "
        f"{R.show(fooled)}. A test "
        "that calls perfect opposition cooperation cannot have noticed any.",
        table(rows, show={"r": "{:.2f}".format}),
        (
            Mistake(undivided, "This is r before division."),
            Mistake(
                "yes" if answer == "no" else "no",
                "Which sign does r have after division, and which should it have?",
                1,
            ),
        ),
    )
