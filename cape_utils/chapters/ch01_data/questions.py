"""What chapter 01 asks its readers, with the answers from the tables."""

from __future__ import annotations

import numpy as np
import pandas as pd

from cape_utils import data
from cape_utils.charts.tables import table
from cape_utils.stats import item_noise
from cape_utils.teaching.pictures import axis_picture
from cape_utils.teaching.questions import Choice, Mistake, Number, Reveal, Solution
from cape_utils.teaching.registry import define_bet, define_exercise

__all__: list[str] = []

TQA = "truthfulqa_mc2"
SCORE = Number("TruthfulQA score", low=10, high=60, decimals=1, tolerance=3.0, unit="%")


def _chance() -> dict[str, float]:
    return {f"guessing on {v.upper()}": data.chance_pct(f"truthfulqa_{v}") for v in ("mc1", "mc2")}


def _small_models(limit_b: float) -> pd.Series:
    paper = data.panel("paper")
    return paper.loc[paper["params_b"] < limit_b, TQA]


@define_bet("01.1", "What do the models below 0.2 billion parameters score on TruthfulQA, on average?", SCORE)
def smallest_models() -> Reveal:
    scores = _small_models(0.2)
    mean, chance = float(scores.mean()), _chance()
    return Reveal(
        mean,
        f"The {len(scores)} models below 0.2 billion parameters score {mean:.1f}% on average. That is the level of guessing on "
        "MC2, so the scores that the paper calls MC1 are MC2.",
        axis_picture(
            SCORE,
            mean,
            marks=chance,
            title="The smallest models score what a guesser scores on MC2",
            alt=f"An axis of scores. The answer, {mean:.1f}%, lies beside the level of guessing on MC2 and far above that "
            "on MC1.",
        ),
        right="a model that knows nothing guesses, and this is what guessing on MC2 gives",
        too_low="on MC1 a guesser would be down there, but the scores turn out to be MC2",
        too_high="a model that knows next to nothing does no better than a guesser",
    )


@define_exercise(
    "01.1",
    Number("Difference", tolerance=0.1, unit=" points"),
    hint="The variance of the difference of two independent scores is the sum of their variances.",
)
def difference_beyond_noise() -> Solution:
    def needed(items: float) -> float:
        return float(1.96 * np.sqrt(2) * item_noise.item_error(40.0, items))

    answer = needed(data.benchmarks.benchmark_items(TQA))
    sized = data.load("benchmarks").dropna(subset=["items"]).drop_duplicates("items")
    rows = pd.DataFrame(
        {
            "benchmark": sized["title"],
            "items": sized["items"],
            "difference needed at 40% (points)": [needed(float(n)) for n in sized["items"]],
        }
    ).reset_index(drop=True)
    return Solution(
        (answer,),
        f"The standard error of one score is {answer / 1.96 / np.sqrt(2):.2f} points. Two of them make "
        f"{answer / 1.96:.2f} points for the difference, and 1.96 times that is {answer:.2f} points.",
        table(rows, show={"items": "{:,.0f}".format, "difference needed at 40% (points)": "{:.2f}".format}),
        (
            Mistake(
                float(answer / np.sqrt(2)),
                "This is the 95% noise of one score; a difference carries the errors of both.",
            ),
            Mistake(answer / 1.96, "This is one standard error of the difference; 95% takes 1.96 of them."),
            Mistake(
                float(answer / 1.96 / np.sqrt(2)),
                "This is the standard error of one score; the question is about two, and 95%.",
            ),
            Mistake(float(answer * np.sqrt(2)), "Independent errors add as squares, not as they are."),
        ),
    )


@define_exercise(
    "01.2",
    Choice("The mean is nearest to guessing on", ("MC1", "MC2")),
    hint="Take the mean of the models below the new limit, and its distance from either level of guessing.",
)
def another_limit() -> Solution:
    mean, chance = float(_small_models(0.5).mean()), _chance()
    nearest = min(chance, key=lambda name: abs(chance[name] - mean)).rpartition(" ")[2]
    other = "MC1" if nearest == "MC2" else "MC2"
    return Solution(
        (nearest,),
        f"The models below 0.5 billion parameters score {mean:.1f}% on average, which is nearest to guessing on {nearest}. The "
        "answer does not hang on what counts as small.",
        axis_picture(
            SCORE,
            mean,
            marks=chance,
            name="mean",
            title=f"With another limit the small models still guess on {nearest}",
            alt=f"An axis of scores with the mean, {mean:.1f}%, and the two levels of guessing.",
        ),
        (
            Mistake(
                other,
                "Compare the distance of the mean from both levels; MC1 has four or five options, one of them true.",
            ),
        ),
    )


@define_exercise(
    "01.3",
    Number("Distinct base checkpoints", tolerance=0.5, decimals=0),
    hint="A row drops out if it is flagged as instruction-tuned, or if its `hf_id` has stood in the table before.",
)
def distinct_checkpoints() -> Solution:
    paper = data.panel("paper")
    tuned = paper["flags"].fillna("").str.contains("instruction_tuned")
    twin = paper["hf_id"].duplicated() & paper["hf_id"].notna()
    remaining = int((~tuned & ~twin).sum())
    rows = pd.DataFrame(
        {
            "rows": ["distinct base checkpoints", "repeat a checkpoint", "instruction-tuned", "all"],
            "models": [remaining, int(twin.sum()), int(tuned.sum()), len(paper)],
        }
    )
    return Solution(
        (float(remaining),),
        f"{remaining} of the {len(paper)} rows are distinct base checkpoints; {twin.sum()} repeat one, and {tuned.sum()} are "
        "instruction-tuned.",
        table(rows),
        (
            Mistake(
                float(len(paper)),
                "These are all rows; some repeat a checkpoint, and some are no base models.",
            ),
            *(
                Mistake(
                    float(partly),
                    "One kind of row is out, the other is still in: look for both in the flags and in `hf_id`.",
                )
                for partly in {(~tuned).sum(), (~twin).sum()} - {remaining}
            ),
        ),
    )
