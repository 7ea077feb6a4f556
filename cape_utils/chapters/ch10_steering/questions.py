"""What chapter 10 asks its readers, with the answers from the default model as kept with the book."""

from __future__ import annotations

import functools

import numpy as np
import pandas as pd

from cape_utils.chapters.ch10_steering import experiment, label_test, recompute, selection
from cape_utils.charts.tables import table
from cape_utils.models.loading import load_model
from cape_utils.steering import directions, evaluation, layer_map
from cape_utils.teaching.pictures import axis_picture, bars_picture
from cape_utils.teaching.questions import Choice, Mistake, Number, Reveal, Solution
from cape_utils.teaching.registry import define_bet, define_exercise

__all__: list[str] = []

PERCENT = Number(
    "Permuted labellings that move the margin less", low=0, high=100, decimals=0, tolerance=5.0, unit="%"
)
NINETEEN_IN_TWENTY = 95.0


@functools.cache
def _study(name: str) -> experiment.Study:
    return experiment.study(load_model()) if name == "truth" else experiment.sentiment_study(load_model())


def _permuted_below(name: str) -> Reveal:
    tests = _study(name).test_sweep()
    rows = label_test.null_rows(tests).query("null == 'lengths kept'")
    observed = float(rows.loc[rows["labels"] == "as they are", "nats"].iloc[0])
    permuted = rows.loc[rows["labels"] == "permuted", "nats"].to_numpy(dtype=float)
    share = 100 * float(np.mean(permuted < observed))
    seen = share > NINETEEN_IN_TWENTY
    verdict = (
        "more than nineteen in twenty, so the test sees it"
        if seen
        else "no more than nineteen in twenty, so it may be luck"
    )
    return Reveal(
        share,
        f"The true labels of {name} move the margin by {observed:+.2f} nats, and {share:.0f}% of the permuted labellings move it "
        f"less: {verdict}.",
        axis_picture(
            PERCENT,
            share,
            marks={"nineteen in twenty": NINETEEN_IN_TWENTY},
            title=f"{name.capitalize()}: {'beyond' if seen else 'not beyond'} what labels without a meaning give",
            alt=f"An axis from 0 to 100% with the answer at {share:.0f}% and a mark at 95%.",
        ),
        right="that is where the true labels rank",
        too_low="the true labels rank higher among the permuted ones",
        too_high="labels without a meaning move the margin too, and more often than you thought",
    )


@define_bet(
    "10.1",
    "Sentiment: what share of permuted labellings moves the margin less than the true labels do?",
    PERCENT,
)
def sentiment_against_permuted() -> Reveal:
    return _permuted_below("sentiment")


@define_bet(
    "10.2", "Truth: what share of permuted labellings moves the margin less than the true labels do?", PERCENT
)
def truth_against_permuted() -> Reveal:
    return _permuted_below("truth")


@define_exercise(
    "10.1",
    Number("Margin", tolerance=0.01, unit=" nats"),
    Number("Share on the true ending", tolerance=0.006),
    Number("To be added to the margin", tolerance=0.01, unit=" nats"),
    hint="The margin is the difference of two natural logarithms; the share is that of the true ending among the two.",
)
def margin_by_hand() -> Solution:
    true, false = 0.02, 0.06
    margin = float(np.log(true / false))
    share = float(evaluation.margin_summary([margin])["share"])
    return Solution(
        (margin, share, -margin),
        f"ln({true:g}) minus ln({false:g}) = {margin:.2f} nats, the share is {true:g}/{true + false:g} = {share:g}, and "
        f"{-margin:.2f} nats make the two equal.",
        bars_picture(
            {"true ending": 100 * share, "false ending": 100 * (1 - share)},
            show="{:.0f}%",
            title="Of the two endings, the true one has a quarter",
            alt=f"Two bars, {share:.0%} and {1 - share:.0%}.",
        ),
        (
            Mistake(float(np.log10(true / false)), "This is in powers of ten; nats are natural logarithms."),
            Mistake(float(np.log2(true / false)), "This is in bits; nats are natural logarithms."),
            Mistake(true - false, "The margin is a difference of logarithms, not of probabilities."),
            Mistake(
                true / false, "This is the odds; the share is the true ending's part of both together.", 1
            ),
            Mistake(true, "This is the probability; the share counts the two endings alone.", 1),
        ),
    )


@define_exercise(
    "10.2",
    Number("Cosine of the two directions", tolerance=0.02),
    Choice(
        "With logistic regression the true labels lie",
        ("beyond the permuted ones", "among the permuted ones"),
    ),
    hint="Scale both directions to length one. A slope lies beyond the permuted ones if fewer than 5% of them rise more.",
)
def logistic_direction() -> Solution:
    study = _study("truth")
    learn, slopes = study.learn, study.chosen_slopes
    means = study.vector("truth")
    logistic = selection.unit(directions.logistic_weights(slopes.difference[learn, 0].astype(float)))
    per_unit = slopes.gradient[~learn, 0].mean(0) * slopes.norms[0]
    by_luck = layer_map.split_slopes(slopes, learn, ~learn, layer_map.sign_flips(study.pairs))[:, 0]
    rises = {
        name: 100 * float(np.mean(by_luck >= per_unit @ vector))
        for name, vector in (("difference of means", means), ("logistic regression", logistic))
    }
    words = ("beyond the permuted ones", "among the permuted ones")
    answer, other = words if rises["logistic regression"] < 5 else words[::-1]
    cosine = float(means @ logistic)
    return Solution(
        (cosine, answer),
        f"The two directions have a cosine of {cosine:.2f}. With the difference of means "
        f"{rises['difference of means']:.1f}% of the "
        f"permuted labellings rise more, with logistic regression {rises['logistic regression']:.1f}%: it lies {answer}.",
        bars_picture(
            rises,
            show="{:.1f}%",
            title="Permuted labellings whose slope rises more",
            alt=", ".join(f"{name} {value:.1f}%" for name, value in rises.items()),
        ),
        (
            Mistake(1.0, "The two agree in sign and not in full; did you compare a direction with itself?"),
            Mistake(
                other, "Take the share of permuted labellings that rise more, and compare it with 5%.", 1
            ),
        ),
    )


@define_exercise(
    "10.3",
    Number("A spread as large, in whichever order", tolerance=2.0, decimals=0, unit="%"),
    Number("In the order claimed", tolerance=1.5, decimals=0, unit="%"),
    hint="Draw three counts of ten from one rate, the mean of the three, many times. The order claimed never rises.",
)
def spread_by_luck() -> Solution:
    released = recompute.counts()
    rate = released["changed"].sum() / released["prompts"].sum()
    drawn = np.random.default_rng(0).binomial(10, rate, size=(20_000, 3))
    seen = int(np.ptp(released["changed"]))
    wide = np.ptp(drawn, axis=1) >= seen
    falling = (np.diff(drawn, axis=1) <= 0).all(axis=1)
    by_luck, in_order = 100 * float(np.mean(wide)), 100 * float(np.mean(falling & wide))
    p = recompute.phases_differ_p()
    rows = pd.DataFrame(
        {
            "by luck": [f"a spread of {seen} or more", "and falling in the order claimed"],
            "of draws": [f"{by_luck:.1f}%", f"{in_order:.1f}%"],
        }
    )
    return Solution(
        (by_luck, in_order),
        f"One rate for all three gives a spread of {seen} or more in {by_luck:.0f}% of draws, and in the order claimed in "
        f"{in_order:.1f}%. The exact test of tax against bonus has p = {p:.2f}. Ten prompts a model are too few to tell.",
        table(rows),
        (
            Mistake(in_order, "This is the share in the order claimed; the first question takes any order."),
            Mistake(by_luck, "This is the share in any order; the second question takes those that fall.", 1),
        ),
    )
