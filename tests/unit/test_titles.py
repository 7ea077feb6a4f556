"""Titles that state a finding turn with the data: each is given tables on which the finding holds, and on which it does not."""

from __future__ import annotations

from types import SimpleNamespace

import pandas as pd
import pytest

from cape_utils.chapters.ch02_coupling import captions as ch02
from cape_utils.chapters.ch03_phase_transition import captions as ch03
from cape_utils.chapters.ch04_width_normalization import captions as ch04
from cape_utils.chapters.ch05_recipes import captions as ch05
from cape_utils.chapters.ch06_attention_heads import captions as ch06
from cape_utils.chapters.ch07_ode import captions as ch07
from cape_utils.chapters.ch08_eigenstructure import captions as ch08
from cape_utils.chapters.ch10_steering import captions as ch10
from cape_utils.chapters.ch12_dashboard import captions as ch12


def matrix(r: float):
    x, y = ["hellaswag", "hellaswag"], ["truthfulqa_mc2", "winogrande"]
    return ch02.grid(pd.DataFrame({"x": x, "y": y, "r": [r, 0.5], "n": 8, "group": "all"}), "all")


def lowest(verdict: str):
    row = {"panel": "p", "family": "F", "lowest_b": 1.0, "quoted_b": 1.0, "verdict": verdict}
    return ch03.turning_points(pd.DataFrame([row]), "p")


def gradients(low: float, high: float):
    slope = SimpleNamespace(exponent=SimpleNamespace(estimate=-0.4, low=-0.6, high=-0.2, n=6))
    dip = SimpleNamespace(estimate=(low + high) / 2, low=low, high=high)
    return ch03.gradients(pd.DataFrame({"batch": [1]}), {"all": slope}, dip, dip, "all")


def predictors(knowledge: float):
    rows = {
        "predictor": ["parameters", "knowledge"],
        "auc": [0.7, knowledge],
        "low": 0.5,
        "high": 0.9,
        "n": 9,
    }
    return ch03.predictors(pd.DataFrame({**rows, "families": 3, "steps": "every step"}), "every step")


def powers(r: float):
    rows = {"family": "F", "power": [0.0, 1.0], "r": [-0.9, r], "low": 0.8, "high": 1.0}
    return ch04.growth(pd.DataFrame(rows), "F")


def projections(change: float):
    rows = {
        "measure": "cosine",
        "stage": "after_projection",
        "model": "M",
        "d_model": 8,
        "change_pct": [change],
    }
    return ch04.projections(pd.DataFrame(rows), "cosine")


def generations(low: float):
    rows = {"panel": "p", "score": "S", "change": 2.0, "low": [low], "high": 5.0, "clear_all": [None]}
    return ch05.generation_changes(pd.DataFrame(rows), "p", "S")


def heads(cosine: float):
    table = pd.DataFrame({"layer": [0], "head": [0], "a, raw": [cosine]})
    return ch06.head_map(table, "a, raw", "a, raw", n=4)


def rivals(error: float):
    rows = {"panel": "p", "kind": ["line", "persistence"], "family": "F", "error": [error, 9.0]}
    return ch07.rivals(pd.DataFrame(rows), 5.6)


def dimensions(outside: bool):
    rows = {"panel": "p", "matrix": "m", "group": ["tax"], "outside": [outside], "n": 5, "ratio": 1.2}
    ends = dict.fromkeys(("low", "high", "null_low", "null_high"), 1.0)
    return ch08.dimensions(pd.DataFrame({**rows, **ends}), "p", "m")


def depths(at_quarter: float):
    rows = {
        "strength": 0.1,
        "depth": [0.25, 0.75],
        "effect": [at_quarter, 0.2],
        "low": -1.0,
        "high": 1.0,
        "n": 9,
    }
    return ch10.depths(pd.DataFrame(rows), 0.25, 0.1)


def parts(effect: float):
    rows = {"controls": "c", "part": ["all"], "effect": [effect], "null_low": -1.0, "null_high": 1.0, "n": 9}
    return ch10.parts(pd.DataFrame(rows), "c")


def agreements(observed: float):
    columns = {"agreement": 0.5, "n": 9.0, "clear_agreement": 0.5}
    table = pd.DataFrame([columns], index=["formula of size"])
    clear = SimpleNamespace(observed=observed, low=0.3, high=0.6, n=9)
    return ch12.agreements(table, clear, SimpleNamespace(observed=0.6))


@pytest.mark.parametrize(
    ("words", "cases"),
    [
        (
            matrix,
            {-0.9: "1 of 2 pairs are opposed, 1 of them with", 0.9: "0 of 2 pairs are opposed, 0 of them"},
        ),
        (lowest, {"reproduced": "1 of 1 scales quoted", "differs": "0 of 1 scales quoted"}),
        (predictors, {0.9: "knowledge tells the sign best", 0.6: "parameters tells the sign best"}),
        (powers, {0.9: "divided by width to the power 1,", 0.1: "at no power of width"}),
        (projections, {5.0: "rises in 1 of 1", -5.0: "rises in 0 of 1"}),
        (generations, {1.0: "beyond noise in 1 of 1", -1.0: "beyond noise in 0 of 1"}),
        (heads, {-0.5: "1 of 1 heads have a negative", 0.5: "0 of 1 heads"}),
        (rivals, {5.0: "1 of 1 simple trends", 6.0: "0 of 1 simple trends"}),
        (dimensions, {True: "1 of 1 groups have", False: "0 of 1 groups have"}),
        (depths, {0.3: "is the best of 2 depths", 0.1: "is not the best of 2 depths"}),
        (parts, {2.0: "1 of 1 parts of the test lie outside", 0.5: "0 of 1 parts"}),
        (agreements, {0.7: "right more often than permuted", 0.5: "no more often right than permuted"}),
    ],
)
def test_a_title_turns_with_its_data(words, cases):
    for given, said in cases.items():
        assert said in words(given)["title"]


@pytest.mark.parametrize(
    ("ends", "lie"), [((-40.0, -30.0), "below"), ((-5.0, 5.0), "on"), ((5.0, 9.0), "above")]
)
def test_the_dip_of_the_gradients_is_named_by_its_interval(ends, lie):
    assert gradients(*ends)["title"] == f"The gradients of Pythia-1B lie {lie} the trend"


def test_shares_of_wider_models_stand_in_the_title():
    title = ch04.matched(9, {"hellaswag": 0.6, "truthfulqa_mc2": 0.2})["title"]
    assert title.endswith("20% to 60% of pairs")
