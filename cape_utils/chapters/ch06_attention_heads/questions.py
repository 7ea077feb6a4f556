"""What chapter 06 asks its readers, with the answers from the default model as kept with the book."""

from __future__ import annotations

import functools

import numpy as np
import pandas as pd

from cape_utils import data
from cape_utils.chapters.ch06_attention_heads import controls, experiment
from cape_utils.charts.tables import table
from cape_utils.internals.cosine import internal_coupling, prompt_sets
from cape_utils.models.loading import load_model
from cape_utils.teaching.pictures import axis_picture, bars_picture
from cape_utils.teaching.questions import Choice, Mistake, Number, Reveal, Solution
from cape_utils.teaching.registry import define_bet, define_exercise

__all__: list[str] = []

COSINE = Number("Mean cosine over the heads", low=-1, high=1, decimals=2, tolerance=0.1)
SETS = "reasoning and control"


@functools.cache
def _study() -> experiment.Study:
    return experiment.study(load_model(), prompt_sets(50))


@functools.cache
def _heads() -> pd.DataFrame:
    """Mean cosines of heads by network and pair of kinds."""
    cosines = controls.coupling_table(_study().compare_kinds())
    return cosines.query("unit == 'head'").set_index(["network", "prompts"])


def _cosine(network: str, prompts: str = SETS) -> float:
    return float(_heads()["mean"][(network, prompts)])


@define_bet(
    "06.1", "What is the mean cosine of reasoning prompts and recipes in the trained network?", COSINE
)
def recipes_and_arithmetic() -> Reveal:
    value = _cosine("trained")
    pair = _cosine("trained", "reasoning and truthfulness")
    return Reveal(
        value,
        f"Reasoning and recipes have a mean cosine of {value:.2f}, reasoning and truthfulness {pair:.2f}. A high cosine does not "
        "say that two abilities cooperate.",
        axis_picture(
            COSINE,
            value,
            marks={"reasoning and truthfulness": pair},
            title="Prompts that have nothing to do with each other have a cosine near one",
            alt=f"An axis from -1 to 1. The answer, {value:.2f}, is close to the cosine of reasoning and truthfulness, "
            f"{pair:.2f}.",
        ),
        right="all activations of a network share a large part, whatever the words",
        too_low="all activations of a network share a large part, so even recipes and arithmetic point the same way",
        too_high="the kinds of prompts still leave a small trace",
    )


@define_bet("06.2", "And in a network of the same architecture whose weights are random numbers?", COSINE)
def random_weights() -> Reveal:
    value, trained = _cosine("random weights"), _cosine("trained")
    return Reveal(
        value,
        f"With random weights the same prompts have a mean cosine of {value:.2f}, in the trained network {trained:.2f}. "
        "The measure "
        "is high where nothing has been learnt.",
        axis_picture(
            COSINE,
            value,
            marks={"trained": trained},
            title="A network that has learnt nothing has a cosine near one as well",
            alt=f"An axis from -1 to 1 with random weights at {value:.2f} and the trained network at {trained:.2f}.",
        ),
        right="the shared part comes from the architecture and the format of the prompts, not from learning",
        too_low="random weights do not make random directions: every prompt passes the same weights",
        too_high="random weights still tell prompts apart a little",
    )


@define_exercise(
    "06.1",
    Number("Cosine", tolerance=0.005, decimals=3),
    Number("Cosine after centring", tolerance=0.005, decimals=3),
    hint="The cosine is the dot product over the product of the lengths. After centring, the two vectors are (0, 1) and (0, -1).",
)
def cosine_by_hand() -> Solution:
    one, two = np.array([[[10.0, 1.0]]]), np.array([[[10.0, -1.0]]])
    raw = float(internal_coupling(one, two).cosine[0])
    a, b = ((each - (one + two) / 2).ravel() for each in (one, two))
    centred = float(a @ b / (np.linalg.norm(a) * np.linalg.norm(b)))
    return Solution(
        (raw, centred),
        f"The raw cosine is 99/101 = {raw:.3f}. After the mean of both is subtracted the two are equal and opposite, "
        f"{centred:.0f}, "
        "and so are any two vectors that differ: this reference makes the result by arithmetic.",
        axis_picture(
            COSINE,
            raw,
            marks={"after centring": centred},
            name="raw",
            title="The same two answers, raw and centred",
            alt=f"An axis from -1 to 1 with {raw:.2f} near its right end and {centred:.0f} at its left end.",
        ),
        (
            Mistake(99.0, "This is the dot product; divide it by the lengths of both vectors."),
            Mistake(99 / float(np.sqrt(101)), "Divide by the length of both vectors, not of one."),
            Mistake(1.0, "The two do not point quite the same way."),
            Mistake(
                0.0, "They lie on one line through the origin; a cosine of zero would be a right angle.", 1
            ),
        ),
    )


@define_exercise(
    "06.2",
    Number("Competing heads", tolerance=0.5, decimals=0),
    hint="Take sixteen prompts of either topic and hand them to `study.pair_couplings`; the result has `competing_units`.",
)
def recipes_and_small_talk() -> Solution:
    texts = data.load("prompts").groupby("topic")["prompt"].apply(list)
    sets = {topic: texts[topic][:16] for topic in ("recipes", "small_talk")}
    found = _study().pair_couplings(sets)["recipes and small_talk"]
    heads = len(np.ravel(found.cosine))
    listed = pd.DataFrame(
        {
            "quantity": ["mean cosine", "competing heads", "heads"],
            "value": [f"{found.mean_cosine:.3f}", str(found.competing_units), str(heads)],
        }
    )
    return Solution(
        (float(found.competing_units),),
        f"The mean cosine is {found.mean_cosine:.3f}, and {found.competing_units} of {heads} heads compete. The count is "
        "the same as "
        "for reasoning and truthfulness, so it says nothing special about those.",
        table(listed),
        (
            Mistake(
                float(heads),
                "This is the number of heads; count those whose pairs have a cosine below the threshold.",
            ),
        ),
    )


@define_exercise(
    "06.3",
    Choice("Competing heads found by the paper's rule", ("none", "about half", "nearly all")),
    hint="Look at the curve of planted oppositions at size 0.5, for heads and the raw measure.",
)
def planted_opposition() -> Solution:
    options = ("none", "about half", "nearly all")
    planted = _study().planted_curve(np.arange(0, 2.01, 0.05).round(2).tolist())
    half = planted.query("unit == 'head' and size == 0.5").set_index("measure")["competing_pct"].astype(float)
    raw, centred = float(half["raw"]), float(half["centred"])
    answer = options[0] if raw < 5 else options[2] if raw > 80 else options[1]
    return Solution(
        (answer,),
        f"The paper's rule finds {raw:.0f}% competing heads, although every head opposes; centred on other prompts the same rule "
        f"finds {centred:.0f}%. The shared part hides the opposition, so a count of none does not exclude a fight.",
        bars_picture(
            {"raw, as in the paper": raw, "centred": centred},
            show="{:.0f}%",
            title="Heads that the rule calls competing, where all of them oppose",
            alt=f"Two bars: raw {raw:.0f}%, centred {centred:.0f}%.",
        ),
        tuple(
            Mistake(
                name, "Read the raw measure: the opposition has to outweigh all that the two kinds share."
            )
            for name in options
            if name != answer
        ),
    )
