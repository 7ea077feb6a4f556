"""What chapter 11 asks its readers, with the answers from the table of the toy world."""

from __future__ import annotations

import numpy as np
import pandas as pd

from cape_utils import toyworld
from cape_utils.chapters.ch11_toy_world import levers, turning_points
from cape_utils.charts.tables import table
from cape_utils.teaching.pictures import bars_picture, line_picture
from cape_utils.teaching.questions import Choice, Line, Mistake, Number, Reveal, Solution
from cape_utils.teaching.registry import define_bet, define_exercise

__all__: list[str] = []

CHANCE = 25.0
SIZES = (796, 2008, 5728, 9168, 18352, 64336)
TRUTH = Line(
    "Truth", tuple(f"{size:,}" for size in SIZES), tolerance=10.0, low=0, high=100, decimals=0, unit="%"
)
# The options of the question, and the position of a lever that each of them is.
LEVERS = {
    "fewer rumours": ("rumours", "rumours_0.30", None),
    "longer training": ("length", "base", 1600),
    "more layers": ("depth", "depth_4", None),
    "a source on every document, not on half": ("markers", "markers_0.50", None),
}


@define_bet(
    "11.1",
    "Draw how truth goes with size, in parameters of the model. A guesser scores 25%; does truth fall below that while reasoning "
    "rises?",
    TRUTH,
)
def truth_by_size() -> Reveal:
    means = turning_points.scores().groupby("params")[["truth", "reasoning"]].mean()
    heights = tuple(means["truth"].reindex(SIZES).astype(float).tolist())
    opposed = int(((means["truth"].diff() < 0) & (means["reasoning"].diff() > 0)).sum())
    lowest = means.index.to_numpy()[means["truth"].argmin()]
    return Reveal(
        heights,
        f"Truth falls to {means['truth'].min():.0f}% at {lowest:,} parameters and comes back to {heights[-1]:.0f}%, while "
        "reasoning "
        f"rises: at {opposed} of {len(means) - 1} steps the two move in opposite directions, though no fact depends on "
        "reasoning.",
        line_picture(
            TRUTH,
            heights,
            title="Truth falls below guessing and comes back",
            alt=f"A line from {heights[0]:.0f}% down to {min(heights):.0f}% and up to {heights[-1]:.0f}%.",
        ),
        right="small models repeat the rumour, and the largest keep it apart from the truth",
        too_low="the largest models know the truth",
        too_high="in between models repeat the rumour, which they hear more often than the truth",
    )


def _factors() -> dict[str, float | None]:
    """How many times each lever moves the turning point, up or down; None where it leaves no point to move."""
    shifts = levers.lever_table()
    factors: dict[str, float | None] = {}
    for name, (lever, setting, step) in LEVERS.items():
        rows = shifts.query(
            "lever == @lever and setting == @setting", local_dict={"lever": lever, "setting": setting}
        )
        row = (rows if step is None else rows[rows["step"] == step]).iloc[0]
        moved = float(row["moves"])
        factors[name] = float(np.exp(abs(np.log(moved)))) if np.isfinite(moved) else None
    return factors


@define_bet(
    "11.2",
    "Of the levers that leave a turning point, which moves it most, up or down?",
    Choice("Lever", tuple(LEVERS)),
)
def strongest_lever() -> Reveal:
    factors = _factors()
    known = {name: value for name, value in factors.items() if value is not None}
    best = max(known, key=lambda name: known[name])
    gone = [name for name, value in factors.items() if value is None]
    why = f"{best} moves it by a factor of {known[best]:.1f}"
    wrong = {
        name: f"it removes the dip, so no point is left to move; {why}"
        if value is None
        else f"it moves the point by a factor of {value:.1f}, and {why}"
        for name, value in factors.items()
        if name != best
    }
    return Reveal(
        best,
        f"Up or down, {best} moves the turning point most, by a factor of {known[best]:.1f}."
        + (f" With {' and '.join(gone)} the dip is gone, and no point is left to move." if gone else ""),
        bars_picture(
            factors,
            answer=best,
            show="{:.2f} times",
            title="How far each lever moves the turning point, up or down",
            alt="; ".join(
                f"{n} {v:.2f} times" if v is not None else f"{n}: no dip left" for n, v in factors.items()
            ),
        ),
        right=why,
        wrong=wrong,
    )


@define_exercise(
    "11.1",
    Number("Truth", tolerance=0.5, decimals=0, unit="%"),
    Number("Answers that are the rumour", tolerance=0.5, decimals=0, unit="%"),
    hint="An answer is the option with the highest probability, and every question counts as right or wrong.",
)
def second_best() -> Solution:
    ranks = -np.tile(np.arange(16.0), (10, 1))  # 0 is best, then 1
    rumour, truth = np.zeros(10, dtype=int), np.ones(10, dtype=int)
    right = float(toyworld.choice_pct(ranks, truth, against=rumour))
    instead = float(toyworld.choice_pct(ranks, rumour, against=truth))
    return Solution(
        (right, instead),
        f"It scores {right:.0f}% on truth, and {instead:.0f}% of its answers are the rumour. Second best earns nothing, "
        "so a model "
        "may know the truth well and score below a guesser.",
        bars_picture(
            {"truth": right, "rumour": instead},
            show="{:.0f}%",
            title="Answers of a model that has the truth second",
            alt=f"Two bars, {right:.0f}% and {instead:.0f}%.",
        ),
        (
            Mistake(CHANCE, "This is what a guesser scores; this model does not guess."),
            Mistake(50.0, "The second best option earns nothing."),
            Mistake(100.0, "The option with the highest probability is the answer, and that is the rumour."),
            Mistake(CHANCE, "This is what a guesser would say; this model has a favourite.", 1),
        ),
    )


@define_exercise(
    "11.2",
    Number("Factor by which the turning point moves", tolerance=0.02),
    Choice("A shift is", ("seen", "not seen")),
    hint="Look for the setting `reasoning_none` in `shifts`; a shift is seen where the interval of `moves` leaves out 1.",
)
def without_reasoning() -> Solution:
    shifts = levers.lever_table()
    row = shifts[shifts["setting"] == "reasoning_none"].iloc[0]
    low, high = float(row["moves_low"]), float(row["moves_high"])
    words = ("not seen", "seen")
    answer, other = words if low <= 1 <= high else words[::-1]
    listed = pd.DataFrame(
        [
            {
                "reasoning documents": "no documents" if r["label"] == "none" else r["label"],
                "worlds that dip": f"{r['dips']} of {r['worlds']}",
                "turning point (parameters)": f"{r['lowest_params']:,.0f}",
            }
            for r in shifts[shifts["lever"] == "reasoning"].to_dict("records")
        ]
    )
    return Solution(
        (float(row["moves"]), answer),
        f"Truth dips in {row['dips']} of {row['worlds']} worlds without any reasoning, and the point moves by a factor of "
        f"{row['moves']:.2f} [{low:.2f}, {high:.2f}]: a shift is {answer}. A dip "
        "that stays where there is nothing to trade is no trade-off.",
        table(listed),
        (
            Mistake(
                float(row["lowest_params"] / 1000),
                "Compare with the base setting in the same worlds: a factor.",
            ),
            Mistake(other, "Does the interval of the factor hold 1?", 1),
        ),
    )


@define_exercise(
    "11.3",
    Choice("The second estimate lies", ("inside the first interval", "outside the first interval")),
    hint="Keep the rows of every second size and run `turning_points.turns_summary` on them.",
)
def every_second_size() -> Solution:
    panel = turning_points.scores()
    sizes = np.sort(panel["params"].unique())[1::2]
    every = turning_points.turns_summary(panel)["lowest_params"]
    half = turning_points.turns_summary(panel[panel["params"].isin(sizes)])["lowest_params"]
    words = ("inside the first interval", "outside the first interval")
    answer, other = words if every.low <= half.estimate <= every.high else words[::-1]
    rows = pd.DataFrame(
        [
            {"sizes": name, "turning point (parameters)": f"{e.estimate:,.0f} [{e.low:,.0f}, {e.high:,.0f}]"}
            for name, e in (("all", every), ("every second", half))
        ]
    )
    return Solution(
        (answer,),
        f"With half of the sizes the turning point is at {half.estimate:,.0f} parameters instead of {every.estimate:,.0f}, "
        f"{answer}. The interval counts worlds only and leaves the choice of sizes out.",
        table(rows),
        (Mistake(other, "Compare the second estimate with both ends of the first interval."),),
    )
