"""What chapter 03 asks its readers, with the answers from the tables."""

from __future__ import annotations

import numpy as np
import pandas as pd

from cape_utils import data
from cape_utils.chapters.ch03_phase_transition.recompute import published_bootstrap
from cape_utils.charts.tables import table
from cape_utils.scaling import critical_scale
from cape_utils.teaching.pictures import axis_picture, line_picture
from cape_utils.teaching.questions import Choice, Line, Mistake, Number, Reveal, Solution
from cape_utils.teaching.registry import define_bet, define_exercise

__all__: list[str] = []

TQA = "truthfulqa_mc2"


WORLDS = Number("Worlds whose parabola has a minimum", low=0, high=100, decimals=0, tolerance=5.0, unit="%")


@define_bet(
    "03.1",
    "Suppose that every family follows a straight line of its own, so that none turns. In what share of such worlds does a "
    "parabola through all rows still have a minimum?",
    WORLDS,
)
def no_family_turns() -> Reveal:
    world = critical_scale.quadratic_null(data.bootstrap_rows(), slopes="own")["scale_b"]
    share = 100 * world.p
    return Reveal(
        share,
        f"In {share:.0f}% of such worlds the parabola has a minimum, at {world.value:.2f}B [{world.low:.2f}, {world.high:.2f}]; "
        f"that of the data lies at {world.observed:.2f}B. A minimum of the pooled rows does not say that any family turns.",
        axis_picture(
            WORLDS,
            share,
            marks={"a coin": 50.0},
            title="A parabola through all rows has a minimum though no family turns",
            alt=f"An axis from 0 to 100% with the answer at {share:.0f}%.",
        ),
        right="families that fall and families that rise make a valley between them",
        too_low="families that fall and families that rise make a valley between them, though none turns",
        too_high="a share cannot be larger than all of them",
    )


@define_exercise(
    "03.1",
    Number("Size", tolerance=0.05, unit="B"),
    hint="Write the parabola as a(x - 10)² + b(x - 10) + 34; the two other points give a and b, and it is lowest at 10 - b/2a.",
)
def parabola_by_hand() -> Solution:
    x, y = np.array([9.0, 10, 11]), np.array([36.0, 34, 38])
    a, b, _ = np.polyfit(x - 10, y, 2)
    place = float(10 - b / (2 * a))
    minimum_b = 10.0 ** (place - 9)
    ask = Line("TruthfulQA", ("1B", "10B", "100B"), tolerance=1, low=30, high=40)
    return Solution(
        (minimum_b,),
        f"With x counted from 10 the points give a = {a:.0f} and b = {b:.0f}, so the minimum lies at {place:.2f} in log10 N, "
        f"which is {minimum_b:.2f} billion parameters.",
        line_picture(
            ask,
            y.tolist(),
            name="the three points",
            title=f"The lowest point is at 10B, the minimum of the parabola at {minimum_b:.1f}B",
            alt="Three points, 36% at 1B, 34% at 10B and 38% at 100B.",
        ),
        (
            Mistake(10.0, "This is the lowest of the three points; the parabola's minimum lies beside it."),
            Mistake(place, "This is the logarithm of the size; raise 10 to it, and count in billions."),
            Mistake(10.0 ** (11 - place), "The minimum lies on the other side of 10B; check the sign of b."),
        ),
    )


@define_exercise(
    "03.2",
    Number("Upper end of the new interval", tolerance=3.0, decimals=0, unit="B"),
    Choice("The scale is then", ("identified", "not identified")),
    hint="Use `critical_scale.quadratic` on the rows that remain, with `rng=np.random.RandomState(42)`, and read what it prints.",
)
def without_llama1() -> Solution:
    rows = data.bootstrap_rows()
    left_out = int((rows["family"] == "Llama-1").sum())
    cases = {
        "all rows": published_bootstrap(),
        "without Llama-1": critical_scale.quadratic(
            rows.query("family != 'Llama-1'"), rng=np.random.RandomState(42)
        ),
    }
    fewer, published = cases["without Llama-1"], cases["all rows"]
    word = {True: "identified", False: "not identified"}
    listed = pd.DataFrame(
        [
            {
                "rows": k,
                "scale (B)": c.estimate,
                "low": c.low,
                "high": c.high,
                "identified": "yes" if c.identified else "no",
            }
            for k, c in cases.items()
        ]
    )
    return Solution(
        (fewer.high, word[fewer.identified]),
        f"The upper end moves from {published.high:.0f}B to {fewer.high:.0f}B, and the scale is {word[fewer.identified]}"
        f"{f' ({fewer.reason})' if fewer.reason else ''}. So {left_out} of the {len(rows)} rows decide much of it.",
        table(listed, intervals={"scale (B)": ("low", "high")}),
        (
            Mistake(published.high, "This is the published upper end; Llama-1 is still in."),
            Mistake(word[not fewer.identified], "Read the end of the line that is printed.", 1),
        ),
    )


@define_exercise(
    "03.3",
    Choice(
        "The row bootstrap reports a critical scale",
        ("in nearly all draws", "in about half", "in hardly any"),
    ),
    Choice("Our rule says", ("identified", "not identified")),
    hint="Give large families a higher level than small ones, let every family fall, and print `critical_scale.quadratic` of it.",
)
def made_up_world() -> Solution:
    rng = np.random.default_rng(0)
    world = pd.DataFrame(
        {"params_b": np.r_[np.logspace(-1, 1, 8), 7, 13, 65], "family": ["small"] * 8 + ["large"] * 3}
    )
    level = np.where(world["family"] == "large", 52, 40)
    world[TQA] = -5 * np.log10(world["params_b"]) + level + rng.normal(0, 0.5, len(world))
    fake = critical_scale.quadratic(world)
    share = fake.valid / fake.draws
    often = "in nearly all draws" if share > 0.9 else "in hardly any" if share < 0.1 else "in about half"
    word = "identified" if fake.identified else "not identified"
    rows = pd.DataFrame(
        {
            "quantity": ["scale reported", "95% interval", "draws with a minimum", "our rule"],
            "value": [f"{fake.estimate:.1f}B", f"{fake.low:.1f} to {fake.high:.0f}B", f"{share:.0%}", word],
        }
    )
    return Solution(
        (often, word),
        f"It reports {fake.estimate:.1f}B in {share:.0%} of the draws, although no family turns: families at different "
        "levels are "
        f"enough. The rule calls it {word}{f' ({fake.reason})' if fake.reason else ''}.",
        table(rows),
        (
            *(
                Mistake(name, "Compare `valid` with `draws` of the result: how many draws have a minimum?")
                for name in ("in nearly all draws", "in about half", "in hardly any")
                if name != often
            ),
            Mistake(
                "identified" if word != "identified" else "not identified",
                "See `identified` and `reason`.",
                1,
            ),
        ),
    )
