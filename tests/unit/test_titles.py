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
from cape_utils.chapters.ch09_frontier import captions as ch09
from cape_utils.chapters.ch10_steering import captions as ch10
from cape_utils.chapters.ch12_dashboard import captions as ch12
from cape_utils.chapters.ch13_scorecard import captions as ch13


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
    return ch07.rivals(pd.DataFrame(rows), 5.6, "p")


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
    table = pd.DataFrame([{"agreement": 0.5, "clear_agreement": 0.5}], index=["formula of size"])
    clear = SimpleNamespace(observed=observed, low=0.3, high=0.6, n=9)
    return ch12.agreements(table, clear, SimpleNamespace(observed=0.6), "clear")


def by_size(said: str):
    shares = {"p_tax": 0.9, "p_transition": 0.1, "p_bonus": 0.0}
    table = pd.DataFrame([{"family": "F", "phase": "tax", "by_size": said, **shares}])
    return ch12.size_scatter(table, SimpleNamespace(edges_b=(1.0, 2.0)), "clear")


def family_phases(sure: float):
    step = {"family": "F", "phase": "tax", "by_size": "tax", "from_params_b": 1, "to_params_b": 2}
    shares = {"p_tax": sure, "p_transition": 1 - sure, "p_bonus": 0.0}
    return ch12.family_phases(pd.DataFrame([{**step, **shares, "mid_params_b": 1.5}]), "F")


def verdicts(second: str):
    table = pd.DataFrame({"verdict": ["differs", "differs", *3 * [second]]})
    counts = pd.DataFrame({"chapter": "c", "verdict": ["differs", second], "claims": [2, 3]})
    return ch13.verdicts(table, counts, "all verdicts")


def sure_steps(p_sign: float):
    rows = {"panel": "p", "family": ["F", "G", "H"], "coupling": -1.0, "p_sign": [0.5, p_sign, p_sign]}
    return ch02.steps(pd.DataFrame(rows), 2.0, "p", "all families")


def sign_by_size(low: float):
    curve = {"panel": "p", "params_b": [1.0, 9.0], "probability": [0.2, 0.8], "low": [0.1, low]}
    odds = SimpleNamespace(estimate=3.0, low=2.0, high=4.0, n=9, n_families=3)
    return ch03.signs(pd.DataFrame({**curve, "high": [0.4, 0.9]}), {"p": odds}, "p")


def isocline(rule: int):
    row = {"panel": "p", "rule": rule, "negation": 10 - rule, "always_negative": 4, "n": 10}
    points = pd.DataFrame({"panel": ["p"], "family": ["F"]})
    assert ch03.isocline(pd.DataFrame([row]), points, "p", "G", 0.2) is None
    return ch03.isocline(pd.DataFrame([row]), points, "p", "all families", 0.2)


def losses(last: float):
    law = SimpleNamespace(exponent=SimpleNamespace(estimate=0.2, low=0.1, high=0.3, n=2), r2=0.9, cv_pct=1.0)
    rows = {"quantity": "loss", "value": [3.0, last]}
    return ch03.losses(pd.DataFrame(rows), law, "loss")


def cosines(second: float):
    rows = {"family": "F", "figure": "no flag", "mean_cosine": [0.83, second]}
    return ch05.cosines(pd.DataFrame(rows), ["F"], ["no flag"], "F")


def all_cosines(last: float):
    rows = {"model": list("abcd"), "family": "F", "figure": "no flag", "mean_cosine": [0.83, 0.83, 0.9, last]}
    return ch05.cosines(pd.DataFrame(rows), ["F"], ["no flag"], "all")


def tokens(curated: float):
    points = pd.DataFrame({"measure": ["m"]})
    return ch05.tokens(points, {"m": {"all": 0.9, "curated": curated, "web": -0.2}}, "m")


def saturation(without: float):
    rows = {"models": "core", "case": ["all of them", "without A"], "ratio": [0.1, without]}
    return ch09.saturation(pd.DataFrame(rows), 0.2, "core")


def released(value: str):
    rows = {"measure": "m", "value": ["own", value], "mean_cosine": 0.8}
    return ch06.released_cosines(pd.DataFrame(rows), ["own", "again"], "both")


def layers(cosine: float):
    rows = {"pair": "p", "measure": "m", "network": "trained", "layer": 0, "cosine": [cosine]}
    return ch06.layer_cosines(pd.DataFrame(rows), "p", "m", n=4)


def planted(seen_from: float):
    """The raw measure is negative from 1 on."""
    rows = [
        {"measure": measure, "size": size, "negative_pct": 100.0 * (size >= least), "competing_pct": 0.0}
        for measure, least in (("raw", 1.0), ("centred", seen_from))
        for size in (0.0, 0.5, 1.0, 1.5)
    ]
    return ch06.planted(pd.DataFrame(rows).assign(unit="layer", units=5), "layer", ["raw", "centred"])


def gates(second: float):
    rows = pd.DataFrame({"first": [0.5], "second": [second]})
    return ch06.gates(rows, "one and two", "r = 0.1")


def recovered(exact: float):
    rows = {"noise": 0.1, "ridge": 0.0, "families": [1, 20], "sizes": [8, 200], "exact": [0.0, exact], "n": 6}
    return ch07.recovery(pd.DataFrame(rows), 0.1, 0.0)


def frontier(low: float):
    fit = SimpleNamespace(
        n=9, r=SimpleNamespace(estimate=0.5), slope=SimpleNamespace(estimate=0.5, low=low, high=0.9)
    )
    return ch09.scatter(pd.DataFrame({"lab": ["L"]}), fit, {}, "all labs")


def lab_slope(high: float):
    """The slope of all models is 0.5."""
    fit, own = (
        SimpleNamespace(n=9, slope=SimpleNamespace(estimate=0.5, low=0.2, high=end)) for end in (0.8, high)
    )
    return ch09.scatter(pd.DataFrame({"lab": ["L"]}), fit, {"L": own}, "L")


def residuals(h: float):
    rows = {"lab": ["L"], "set": "core", "h": h, "low": h - 1, "high": h + 1}
    return ch09.h_timeline(pd.DataFrame(rows), "all labs", "core alone")


def forecasts(line: float):
    ahead = pd.DataFrame({"gpqa": [90.0], "line": line, "mean": 80.0, "recent": 80.0})
    return ch09.forecasts(ahead, {"line": "line", "mean": "mean of all"}, "line")


def slopes_by_layer(p_corrected: float):
    rows = {"slope": [1.0], "p": 0.01, "p_corrected": p_corrected}
    return ch10.slope_map(pd.DataFrame(rows), 20, 1000)


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
        (
            by_size,
            {"tax": "of most steps with a clear", "bonus": "of at most half of the steps with a clear"},
        ),
        (family_phases, {0.9: "clear at 1 of 1", 0.6: "clear at 0 of 1"}),
        (verdicts, {"reproduced": "“reproduced”", "not testable": "“not testable”"}),
        (sure_steps, {0.6: "of most steps in size unsure", 0.99: "of at most half of the steps"}),
        (sign_by_size, {0.6: "is likelier in large", 0.3: "is not surely likelier in large"}),
        (isocline, {3: "less often than", 7: "more often than", 5: "as often as"}),
        (losses, {2.0: "falls at 1 of 1", 4.0: "falls at 0 of 1"}),
        (cosines, {0.83: "1 different value in 2", 0.5: "2 different values in 2"}),
        (all_cosines, {0.83: "3 of 4 released cosines are one number, 0.83, and 0", 0.1: "2 of 4 released"}),
        (tokens, {0.5: "within 1 of 2 kinds", -0.5: "within 0 of 2 kinds"}),
        (saturation, {0.3: "One model less turns", 0.1: "One model less does not turn"}),
        (released, {"own": "2 of 2", "again": "1 of 2"}),
        (layers, {-0.2: "of 1: trained 1", 0.2: "of 1: trained 0"}),
        (
            planted,
            {0.5: "The centred cosine shows", 1.5: "The raw cosine shows", 1.0: "the same oppositions"},
        ),
        (gates, {-0.5: "1 of 1 heads", 0.5: "0 of 1 heads"}),
        (recovered, {1.0: "in 0% of trials with the fewest data, in 100%", 0.0: "in 0% with the most"}),
        (frontier, {0.1: "better reason better", -0.1: "do not surely"}),
        (lab_slope, {0.9: "slope includes", 0.4: "slope excludes"}),
        (residuals, {12.0: "1 of 1 models", -8.0: "0 of 1 models"}),
        (forecasts, {89.0: "the line comes closest", 60.0: "the mean of all comes closest"}),
        (slopes_by_layer, {0.01: "some layers stand out", 0.2: "no layer stands out"}),
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
