"""What chapter 05 asks its readers, with the answers from the tables."""

from __future__ import annotations

import functools

import pandas as pd

from cape_utils.chapters.ch05_recipes import equivalent_size
from cape_utils.chapters.ch05_recipes.recompute import MEASURES, fields, web_spread
from cape_utils.charts.tables import table
from cape_utils.scaling import recipe_effects, web_curve
from cape_utils.teaching.pictures import axis_picture, bars_picture
from cape_utils.teaching.questions import Choice, Mistake, Number, Reveal, Solution
from cape_utils.teaching.registry import define_bet, define_exercise

__all__: list[str] = []

TQA = "truthfulqa_mc2"
NAMED = ("Phi-1.5", "SmolLM", "Qwen2")
ABOVE_TRUTH, ABOVE_HELLASWAG = tuple(MEASURES)[:2]
TIMES = Number("Times as far on HellaSwag", low=0, high=2, decimals=2, tolerance=0.25)


@functools.cache
def _highest() -> tuple[str, pd.DataFrame]:
    """The recipe that lies highest on TruthfulQA, and h of all three by measure, percentage points."""
    found = fields("open").query("recipe in @NAMED", local_dict={"NAMED": NAMED})
    h = found.pivot_table(index="recipe", columns="measure", values="h")
    return str(h[ABOVE_TRUTH].idxmax()), h


@define_bet(
    "05.1",
    "Which of the three lies highest above web-trained models of its size on TruthfulQA?",
    Choice("Recipe", NAMED),
)
def highest_recipe() -> Reveal:
    best, h = _highest()
    truth = h[ABOVE_TRUTH]
    listed = ", ".join(f"{name} {truth[name]:+.1f}".replace(" -", " \N{MINUS SIGN}") for name in NAMED)
    why = f"{best} lies {truth[best]:.1f} points above the curve, more than either recipe of synthetic textbooks"
    return Reveal(
        best,
        f"Points above the curve of web-trained models of the same size: {listed}. Much synthetic text does not make a recipe "
        "rise.",
        bars_picture(
            {name: float(truth[name]) for name in NAMED},
            answer=best,
            title="Points above web-trained models of the same size, TruthfulQA",
            alt=f"Three bars: {listed}.",
        ),
        right=why,
        wrong={name: f"it is at {truth[name]:+.1f} points, and {why}" for name in NAMED if name != best},
    )


@define_bet(
    "05.2",
    "Does that recipe lie as far above them on HellaSwag? On each test, one unit is the spread of web-trained families "
    "around their curve: 1 is as far as on TruthfulQA, 2 twice as far.",
    TIMES,
)
def as_far_on_hellaswag() -> Reveal:
    best, h = _highest()
    sd = web_spread("open").set_index("measure")["sd"]
    points = {measure: float(h[measure][best]) for measure in (ABOVE_TRUTH, ABOVE_HELLASWAG)}
    truth, hellaswag = (points[measure] / float(sd[measure]) for measure in (ABOVE_TRUTH, ABOVE_HELLASWAG))
    return Reveal(
        hellaswag / truth,
        f"{best} lies {points[ABOVE_TRUTH]:.1f} points above the curve on TruthfulQA and {points[ABOVE_HELLASWAG]:.1f} "
        f"on HellaSwag. There web-trained families differ {sd[ABOVE_HELLASWAG] / sd[ABOVE_TRUTH]:.1f} times as much, so it is "
        f"{truth:.1f} of their spreads against {hellaswag:.1f}.",
        axis_picture(
            TIMES,
            hellaswag / truth,
            marks={"as far as on TruthfulQA": 1.0},
            title="Distance above the curve on HellaSwag, beside that on TruthfulQA",
            alt=f"An axis from 0 to 2 with the answer at {hellaswag / truth:.2f} and a mark at 1.",
        ),
        right="web-trained families differ much more on HellaSwag, so the same points say less there",
        too_low="it does lie above the curve on HellaSwag too",
        too_high="web-trained families differ much more on HellaSwag, so the same points say less there",
    )


@define_exercise(
    "05.1",
    Number("h", tolerance=0.05, decimals=1, unit=" points"),
    Number("Scatters", tolerance=0.05, decimals=1),
    hint="h is the score minus the curve; divide it by the scatter of whole lines.",
)
def h_by_hand() -> Solution:
    curve, score, scatter = 36.0, 41.0, 2.0
    h = score - curve
    ask = Number("TruthfulQA", tolerance=1, low=30, high=44, decimals=0, unit="%")
    return Solution(
        (h, h / scatter),
        f"h is {score:g} minus {curve:g} = {h:g} points, which is {h / scatter:g} scatters.",
        axis_picture(
            ask,
            score,
            marks={"the curve": curve},
            band=(curve - scatter, curve + scatter),
            name="the recipe",
            title=f"The recipe lies {h / scatter:g} scatters above the curve",
            alt=f"An axis with the curve at {curve:g}%, a band of one scatter around it, and the recipe at {score:g}%.",
        ),
        (
            Mistake(-h, "h is the score minus the curve, so a recipe above the curve has a positive h."),
            Mistake(score, "This is the score; take the curve at its size away."),
            Mistake(h * scatter, "Divide h by the scatter, do not multiply.", 1),
        ),
    )


@define_exercise(
    "05.2",
    Number("Change of h", tolerance=0.15, decimals=1, unit=" points"),
    hint='Give `recipe_effects.recipe_field` a curve made by `web_curve.CurveSpec(web="the paper\'s three")`.',
)
def three_families() -> Solution:
    rows = web_curve.recipe_rows("open")
    usual = recipe_effects.recipe_field(rows, "Qwen2", draws=200).observed
    spec = web_curve.CurveSpec(web="the paper's three")
    three = recipe_effects.recipe_field(rows, "Qwen2", spec, draws=200).observed
    listed = pd.DataFrame(
        {"curve fitted to": ["described corpora", "the paper's three families"], "h (points)": [usual, three]}
    )
    return Solution(
        (three - usual,),
        f"h of Qwen2 goes from {usual:.1f} to {three:.1f} points. It stays far above the curve, so this recipe does not hang on "
        "the choice of families.",
        table(listed, show={"h (points)": "{:.1f}".format}),
        (
            Mistake(three, "This is h beside the three families; the question is how far it moves."),
            Mistake(usual, "This is h beside the described corpora; the question is how far it moves."),
        ),
    )


@define_exercise(
    "05.3",
    Choice(
        "It matches a web-trained model of",
        ("about its own size", "about 1B", "about 10B", "more than 10B, or of no size"),
    ),
    hint='`equivalent_size.score_reached` says where the curve rises through a score; leave Pythia out with `exclude="Pythia"`.',
)
def tiny_model_matches() -> Solution:
    options = ("about its own size", "about 1B", "about 10B", "more than 10B, or of no size")
    rows = web_curve.recipe_rows("open")
    score = float(rows.set_index("model")[TQA]["EleutherAI/pythia-160m-deduped"])
    match = equivalent_size.score_reached(rows, score, exclude="Pythia", draws=200)
    size = match.estimate
    answer = (
        options[3] if not size < 20 else options[2] if size > 5 else options[1] if size > 0.5 else options[0]
    )
    listed = pd.DataFrame(
        {
            "quantity": ["TruthfulQA of Pythia-160M", "size at which the curve reaches it"],
            "value": [f"{score:.1f}%", str(match)],
        }
    )
    return Solution(
        (answer,),
        f"Its {score:.1f}% is near the level of guessing. The curve falls below that level at once and comes back to it, "
        "if ever, "
        "far out. A score that a guesser would get is matched by no useful size, so a match by itself says little.",
        table(listed),
        tuple(
            Mistake(
                name, "The curve falls from the level of guessing; ask where it *rises* through this score."
            )
            for name in options
            if name != answer
        ),
    )
