"""The diagnosis of a family: noise carried through, turns found and not invented, ranges that cover, rules that fire."""

from __future__ import annotations

import dataclasses
import functools
import json
import math
import warnings

import numpy as np
import pandas as pd
import pytest

from cape_utils import data
from cape_utils.claims import assessment, evidence, quotations
from cape_utils.diagnosis import (
    advice,
    family_diagnosis,
    next_size,
    panel_comparison,
    phase_forecast,
    score_warnings,
    steps,
)
from cape_utils.frontier import model_diagnosis, regression
from cape_utils.reports import render, sections
from cape_utils.scaling import coupling, forecasting, recipe_effects, web_curve
from cape_utils.stats import item_noise

HS, TQA = "hellaswag", "truthfulqa_mc2"
PAIR = (HS, TQA)
EACH = ("mmlu", "arc_challenge", "winogrande", "gsm8k", "humaneval", "xwinograd")


def scores(sizes, hs, tqa, family="Mine", **more) -> pd.DataFrame:
    table = {
        "model": [f"m{i}" for i in range(len(sizes))],
        "family": family,
        "params_b": sizes,
        HS: hs,
        TQA: tqa,
    }
    return pd.DataFrame({**table, **more})


def family(name: str) -> pd.DataFrame:
    panel = data.panel("open", rows="one_recipe")
    return panel[panel["family"] == name]


@functools.cache
def found(name: str = "Mine") -> family_diagnosis.Diagnosis:
    if name == "Mine":
        return family_diagnosis.diagnose(scores([0.4, 1.4, 7.0], [40.2, 54.6, 72.3], [43.1, 37.9, 35.2]))
    return family_diagnosis.diagnose(family(name))


# ---------------------------------------------------------------- item noise


@pytest.mark.parametrize("name", ["Pythia", "OPT", "Qwen2", "Falcon"])
def test_simulated_phases_agree_with_the_normal_approximation(name):
    exact = coupling.local_coupling(family(name))
    for step, row in zip(found(name).intervals, exact.to_dict("records"), strict=True):
        ours = [step.p_tax, step.p_transition, step.p_bonus]
        assert ours == pytest.approx([row["p_tax"], row["p_transition"], row["p_bonus"]], abs=0.03)
        assert sum(ours) == pytest.approx(1)
        assert step.coupling == pytest.approx(row["coupling"])
        assert step.low < step.median < step.high
        assert step.plain_phase == coupling.PHASES[int(np.argmax(ours))]
        assert step.probability == max(step.shares.values())


def test_a_denominator_that_hardly_moves_gives_a_wide_range_and_no_certainty():
    step = steps.intervals(scores([1.0, 2.0], [50.0, 50.1], [40.0, 42.0]), HS, TQA)[0]
    assert step.p_x_rises < 0.7
    assert step.low < -2
    assert step.high > 2
    assert step.coupling == pytest.approx(20)
    assert max(step.p_tax, step.p_bonus) < 0.7


def test_a_score_of_zero_is_not_certain_and_warns_of_nothing():
    table = scores([1.0, 2.0], [0.0, 0.5], [0.0, 0.0])[["model", "family", "params_b"]]
    table = table.assign(gsm8k=[0.0, 1.0], humaneval=[0.0, 0.0])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        step = steps.intervals(table, "gsm8k", "humaneval")[0]
    assert 0 < step.p_transition < 1


def test_a_benchmark_without_a_number_of_items_has_a_coupling_but_no_probability():
    table = scores([1.0, 2.0], [50.0, 60.0], [40.0, 45.0], xwinograd=[60.0, 70.0])
    one = family_diagnosis.diagnose(table, y="xwinograd")
    assert one.last.coupling == pytest.approx(1)
    assert all(math.isnan(v) for v in (one.last.p_tax, one.last.p_bonus, one.probability, one.last.median))
    assert one.as_dict()["probability"] is None
    assert "no phase has a probability" in advice.advise(one)[0].trigger


def parabola(x, lowest=0.0, depth=8.0):
    return 36 + depth * (np.asarray(x) - lowest) ** 2


def test_the_range_of_a_planted_turn_holds_it_as_often_as_it_says():
    size = np.array([-1.0, -0.5, 0.0, 0.5, 1.0])
    rng, held, width = np.random.default_rng(7), [], []
    silent = 0
    for seed in range(150):
        drawn = item_noise.simulate_scores(parabola(size, 0.1, depth=16), 817, 1, rng)[0]
        scale = steps.family_scale(pd.DataFrame({"params_b": 10**size, TQA: drawn}), TQA, draws=400, rng=seed)
        if not scale.identified:
            silent += 1
            continue
        held.append(scale.low <= 10**0.1 <= scale.high)
        width.append(scale.high / scale.low)
    assert silent <= 3
    assert np.mean(held) >= 0.93
    assert np.median(width) < 2


@pytest.mark.parametrize(
    ("tqa", "reason"),
    [
        ([44.0, 36.0], "at least 3 sizes, and there are 2"),
        ([46.0, 43.0, 40.0, 37.0], "never rises from one size to the next"),
        ([37.0, 40.0, 43.0, 46.0], "never falls from one size to the next"),
        ([37.0, 45.0, 44.0, 38.0], "opens downward in 100% of the draws"),
        ([46.0, 43.0, 40.0, 37.0, 37.2], "lies outside 1B and 16B"),
        ([46.0, 40.0, 36.0, 36.4], "a curve that never turns fits the scores nearly as well"),
    ],
)
def test_a_turn_that_the_scores_do_not_hold_is_not_identified_and_it_says_why(tqa, reason):
    sizes = [2.0**i for i in range(len(tqa))]
    scale = steps.family_scale(pd.DataFrame({"params_b": sizes, TQA: tqa}), TQA)
    assert not scale.identified
    assert reason in scale.reason
    assert all(math.isnan(v) for v in (scale.estimate, scale.low, scale.high))


def test_a_range_that_spans_most_of_the_sizes_is_no_critical_scale(monkeypatch):
    toy = pd.DataFrame({"params_b": [0.1, 1.0, 10.0], TQA: [43.0, 36.0, 43.0]})
    told = steps.family_scale(toy, TQA)
    assert told.identified
    assert told.low < told.estimate < told.high
    monkeypatch.setattr(steps, "WIDEST_RANGE", 0.5 * np.log10(told.high / told.low) / 2)
    wide = steps.family_scale(toy, TQA)
    assert not wide.identified
    assert "a turn anywhere from" in wide.reason


def test_scores_that_miss_the_parabola_widen_the_noise():
    size = np.linspace(-1, 1, 6)
    smooth = parabola(size)
    rough = smooth + np.array([3, -3, 3, -3, 3, -3])
    frames = [pd.DataFrame({"params_b": 10**size, TQA: y}) for y in (smooth, rough)]
    tight, loose = (steps.family_scale(frame, TQA) for frame in frames)
    assert tight.stretch == 1
    assert loose.stretch > 1.5
    assert math.isnan(loose.low) or loose.high / loose.low > tight.high / tight.low


# ---------------------------------------------------------------- the next size


@pytest.mark.parametrize(
    "benchmarks",
    [PAIR, data.BENCHMARKS, *((name,) for name in EACH)],
    ids=" ".join,
)
def test_ranges_of_90_percent_hold_85_to_95_percent_of_families_held_out(benchmarks):
    held = forecasting.held_out_coverage(forecasting.best_method(), tuple(benchmarks))
    assert 0.85 <= held.estimate <= 0.95
    errors = forecasting.held_out_steps(forecasting.best_method(), tuple(benchmarks))
    assert held.n == len(errors)
    assert errors["family"].nunique() >= 18


def test_coverage_notices_ranges_that_are_too_narrow():
    half = forecasting.held_out_coverage(forecasting.best_method(), PAIR, level=0.5)
    assert 0.35 < half.estimate < 0.7


def test_ranges_cover_families_that_err_alike():
    rng, held = np.random.default_rng(3), []
    for _ in range(200):
        names = np.repeat(np.arange(21), 3)
        errors = pd.DataFrame({"family": names, "step": rng.uniform(0.1, 1, 63)})
        errors["error_pp"] = rng.normal(0, 3, 21)[names] * np.sqrt(errors["step"])
        low, high = forecasting.error_range(errors[errors["family"] > 0], 0.5, 0.9)
        held.append(
            low <= errors["error_pp"].iloc[0] / np.sqrt(errors["step"].iloc[0]) * np.sqrt(0.5) <= high
        )
    assert 0.84 <= np.mean(held) <= 0.97


def test_foreseen_phases_are_scored_against_frequencies_and_the_report_says_so():
    skill = phase_forecast.phase_skill(forecasting.best_method(), *PAIR)
    assert skill == found("Mine").next_size.skill
    assert skill.n == len(forecasting.held_out_steps(forecasting.best_method(), PAIR)) / 2
    assert 0 < skill.score < 2
    text = " ".join(render.as_text(found("Mine"), ()).split())
    assert f"{skill.score:.2f}" in text
    assert f"{skill.frequencies:.2f}" in text


def test_the_method_is_the_first_of_the_league_and_not_a_name_in_the_code(monkeypatch):
    held = pd.concat([forecasting.held_out_steps(m) for m in forecasting.METHODS])
    order = forecasting.method_ranking(forecasting.family_errors(held))
    assert forecasting.best_method() == order.index[0]
    first = forecasting.method_ranking
    monkeypatch.setattr(
        forecasting, "method_ranking", lambda errors, **options: first(errors, **options)[::-1]
    )
    assert forecasting.best_method.__wrapped__() == order.index[-1]


def test_a_family_of_the_panel_is_predicted_without_itself():
    method = forecasting.best_method(frozenset({"OPT"}))
    one = family("OPT").iloc[:-1]
    ahead = next_size.predict_size(one, *PAIR, params_b=66.0, exclude=frozenset({"OPT"}))
    held = forecasting.held_out_steps(method, PAIR).query("family == 'OPT' and params_b == 66")
    ours = {score.benchmark: score.predicted for score in ahead.scores}
    for row in held.itertuples():
        assert ours[row.benchmark] == pytest.approx(row.predicted, abs=1e-6)
    assert family_diagnosis.diagnose(one, next_params_b=66.0, draws=50).next_size.scores == ahead.scores


def test_predictions_stay_within_percent_and_say_when_they_were_cut():
    ahead = found("Qwen2").next_size
    assert all(0 <= s.low <= s.predicted <= s.high <= 100 for s in ahead.scores)
    assert "it knows no ends" in ahead.note
    assert ahead.p_tax + ahead.p_transition + ahead.p_bonus == pytest.approx(1)


def test_a_size_below_the_largest_and_a_step_too_long_are_told():
    with pytest.raises(ValueError, match="next size 5B must be above the largest of the family, 7B"):
        family_diagnosis.diagnose(scores([1.0, 7.0], [50.0, 60.0], [40.0, 39.0]), next_params_b=5)
    with pytest.raises(ValueError, match="next size 7B must be above the largest"):
        next_size.check_size(7, 7)
    far = family_diagnosis.diagnose(scores([1.0, 7.0], [50.0, 60.0], [40.0, 39.0]), next_params_b=7000)
    assert "longer than any held out" in far.next_size.note


def test_a_benchmark_that_the_panel_lacks_is_not_predicted():
    one = family_diagnosis.diagnose(
        scores([1.0, 7.0], [50.0, 60.0], [40.0, 39.0], ifeval=[20.0, 30.0]), y="ifeval"
    )
    assert one.next_size.not_predicted == ("ifeval",)
    assert math.isnan(one.next_size.p_tax)
    assert one.distance is None
    assert one.neighbours == ()


# ---------------------------------------------------------------- beside the panel


def test_the_distance_is_that_of_the_recipe_field():
    rows = web_curve.recipe_rows("open")
    theirs = recipe_effects.recipe_field(rows, "Qwen2", draws=200)
    ours = panel_comparison.web_distance(family("Qwen2"), TQA, exclude=frozenset({"Qwen2"}), draws=200)
    assert ours.h == pytest.approx(theirs.observed)
    assert ours.unusual
    assert np.mean([m.h for m in ours.models]) == pytest.approx(ours.h)


def test_twins_are_found_by_name_or_by_scores_and_left_out():
    own = family("OPT")[["model", "family", "params_b", *PAIR]]
    assert panel_comparison.overlapping_families(
        own[["model", "params_b"]].assign(model=own["model"].str.upper())
    ) == {"OPT"}
    assert panel_comparison.overlapping_families(own.assign(model=[f"x{i}" for i in range(len(own))])) == {
        "OPT"
    }
    assert panel_comparison.overlapping_families(scores([1.0], [51.2], [39.1])) == frozenset()
    assert "OPT" not in {n.family for n in found("OPT").neighbours}
    assert found("OPT").in_panel == ("OPT",)


def test_a_shifted_copy_is_the_nearest_family():
    own = family("OPT").assign(model=[f"x{i}" for i in range(8)])
    own[list(PAIR)] += 0.5
    nearest = panel_comparison.nearest_families(own, *PAIR)[0]
    assert (nearest.family, nearest.sizes, nearest.to_model) == ("OPT", 8, "")
    assert nearest.distance_pp == pytest.approx(0.5)


def test_a_neighbours_next_step_begins_where_the_family_ends():
    for one in found("Mine").neighbours:
        if one.to_model:
            assert one.from_params_b <= 1.25 * 7 < one.to_params_b
            assert one.coupling == pytest.approx(one.dy / one.dx)
    assert any(one.to_model for one in found("Pythia").neighbours)


# ---------------------------------------------------------------- the whole


def test_neither_the_order_of_rows_nor_the_name_of_the_family_matters():
    rows = family("Llama-2")
    first = family_diagnosis.diagnose(rows, draws=500)
    shuffled = family_diagnosis.diagnose(rows.sample(frac=1, random_state=3), draws=500)
    renamed = family_diagnosis.diagnose(rows.assign(family="Zebra"), draws=500)
    assert shuffled.as_dict() == first.as_dict()
    assert {**renamed.as_dict(), "family": "Llama-2"} == first.as_dict()


def test_the_same_seed_gives_the_same_numbers_and_another_does_not():
    rows = family("Llama-2")
    one, two, three = (family_diagnosis.diagnose(rows, draws=500, rng=seed).as_dict() for seed in (1, 1, 2))
    assert one == two
    assert one != three


def test_two_sizes_are_enough():
    one = family_diagnosis.diagnose(scores([1.0, 7.0], [50.0, 70.0], [44.0, 35.0]))
    assert (one.phase, len(one.intervals), one.dimension) == ("tax", 1, None)
    assert one.probability > 0.95
    assert "at least 3 sizes" in one.scale.reason


def test_all_families_of_a_table_and_those_left_out():
    table = pd.concat(
        [
            scores([1.0, 7.0], [50.0, 70.0], [44.0, 35.0], "B"),
            scores([1.0, 7.0], [50.0, 70.0], [35.0, 44.0], "A"),
            scores([1.0], [50.0], [35.0], "C"),
        ]
    )
    both, left_out = family_diagnosis.diagnose_all(table, draws=500)
    assert {name: one.phase for name, one in both.items()} == {"A": "bonus", "B": "tax"}
    assert left_out == (f"C: left out, for a step needs two models with both {HS} and {TQA}, and it has 1",)
    with pytest.raises(ValueError, match="C: left out"):
        family_diagnosis.diagnose_all(table[table["family"] == "C"])


@pytest.mark.parametrize(
    ("table", "options", "words"),
    [
        (scores([1.0], [50.0], [40.0]), {}, "has 1 model with both"),
        (scores([1.0, 2.0], [50.0, np.nan], [40.0, 41.0]), {}, "has 1 model with both"),
        (scores([1.0, 1.0], [50.0, 60.0], [40.0, 41.0]), {}, r"several models of one size \(m0, m1\)"),
        (
            scores([1.0, 2.0], [50.0, 60.0], [40.0, 41.0]),
            {"y": "mmlu"},
            "holds no score of mmlu; it holds hellaswag",
        ),
        (
            scores([1.0, 2.0], [50.0, 60.0], [40.0, 41.0]),
            {"x": "truthful"},
            "no benchmark 'truthful'; allowed are",
        ),
        (scores([1.0, 2.0], [50.0, 60.0], [40.0, 41.0]), {"x": TQA}, "a coupling needs two benchmarks"),
        (scores([1.0, 2.0], [50.0, 60.0], [40.0, 41.0], ["a", "b"]), {}, "one family is needed, got 2"),
        (
            scores([1.0, 2.0], [50.0, 60.0], [40.0, 41.0]).drop(columns="model"),
            {},
            "a column 'model' is needed",
        ),
    ],
)
def test_a_table_that_cannot_be_diagnosed_says_why(table, options, words):
    with pytest.raises(ValueError, match=words):
        family_diagnosis.diagnose(table, **options)


def test_what_is_plain_is_strict_json():
    for name in ("Mine", "Pythia"):
        text = json.dumps(found(name).as_dict(), allow_nan=False)
        assert json.loads(text) == found(name).as_dict()


def test_cautions_about_guessing_floors_and_ceilings():
    table = scores([1.0, 7.0], [25.5, 96.0], [46.3, 30.0], gsm8k=[1.0, 50.0], xwinograd=[60.0, 99.0])
    kinds = {(c.kind, c.benchmark): c.models for c in score_warnings.cautions(table)}
    assert kinds["chance", HS] == ("m0",)
    assert kinds["saturation", HS] == ("m1",)
    assert kinds["chance", TQA] == ("m0",)
    assert kinds["below chance", TQA] == ("m1",)
    assert kinds["floor", "gsm8k"] == ("m0",)
    assert kinds["noise not known", "xwinograd"] == ("m0", "m1")
    quiet = scores([1.0, 7.0], [50.0, 60.0], [51.0, 52.0])
    assert score_warnings.cautions(quiet) == ()


def test_few_models_cannot_show_many_dimensions():
    d = found("Mine").dimension
    assert (d.n, d.ceiling, d.benchmarks) == (3, 2, PAIR)
    assert 1 <= d.ratio <= d.ceiling
    assert 1 <= d.usual_low < d.usual_high <= d.ceiling
    three = scores([1.0, 3.0, 7.0], [50.0, 60.0, 65.0], [40.0, 39.0, 41.0], mmlu=[30.0, 33.0, 31.0])
    assert family_diagnosis.diagnose(three, draws=50).dimension.ceiling == 2  # three points lie in a plane


# ---------------------------------------------------------------- advice


def with_step(p_tax: float, p_bonus: float, base: str = "Mine", **more) -> family_diagnosis.Diagnosis:
    one = found(base)
    shares = {"tax": p_tax, "transition": 1 - p_tax - p_bonus, "bonus": p_bonus}
    last = dataclasses.replace(
        one.last,
        p_tax=p_tax,
        p_transition=shares["transition"],
        p_bonus=p_bonus,
        phase=max(shares, key=shares.get),
        **{f"calibrated_{name}": share for name, share in shares.items()},
    )
    return dataclasses.replace(one, intervals=(*one.intervals[:-1], last), cautions=(), **more)


def largest(one: family_diagnosis.Diagnosis, params_b: float) -> family_diagnosis.Diagnosis:
    last = dataclasses.replace(one.scores[-1], params_b=params_b)
    return dataclasses.replace(one, scores=(*one.scores[:-1], last))


def ahead(one: family_diagnosis.Diagnosis, p_bonus: float, score: float = 0.5) -> family_diagnosis.Diagnosis:
    skill = phase_forecast.PhaseSkill(score, 0.6, 69)
    return dataclasses.replace(
        one, next_size=dataclasses.replace(one.next_size, p_bonus=p_bonus, skill=skill)
    )


def below_web(one: family_diagnosis.Diagnosis, h: float) -> family_diagnosis.Diagnosis:
    return dataclasses.replace(one, distance=dataclasses.replace(one.distance, h=h))


def saturated(
    one: family_diagnosis.Diagnosis, kind: str = "saturation", benchmark: str = HS
) -> family_diagnosis.Diagnosis:
    return dataclasses.replace(one, cautions=(score_warnings.Caution(kind, benchmark, ("m2",), "text"),))


TAX, BONUS, UNCLEAR = (0.9, 0.02), (0.02, 0.9), (0.5, 0.3)

# The rule, a diagnosis on which it fires, one beside it on which it does not.
FIRES = [
    ("measure_more", lambda: with_step(*UNCLEAR), lambda: with_step(*TAX)),
    ("measure_more", lambda: with_step(0.79, 0.1), lambda: with_step(0.8, 0.1)),
    ("measure_more", lambda: with_step(math.nan, math.nan), lambda: with_step(*BONUS)),
    (
        "measure_more",
        lambda: saturated(with_step(*TAX), "chance"),
        lambda: saturated(with_step(*TAX), "chance", TQA),
    ),
    (
        "measure_more",
        lambda: saturated(with_step(*TAX), "floor"),
        lambda: saturated(with_step(*TAX), "floor", "gsm8k"),
    ),
    ("curate", lambda: with_step(*TAX), lambda: with_step(*UNCLEAR)),
    ("curate", lambda: below_web(with_step(*BONUS), -9.0), lambda: below_web(with_step(*BONUS), 9.0)),
    ("widen", lambda: with_step(*TAX), lambda: with_step(*BONUS)),
    ("widen", lambda: with_step(0.8, 0.1), lambda: with_step(0.79, 0.1)),
    ("scale", lambda: with_step(*BONUS), lambda: with_step(*UNCLEAR)),
    ("scale", lambda: ahead(with_step(*TAX), 0.6), lambda: ahead(with_step(*TAX), 0.4)),
    ("scale", lambda: ahead(with_step(*TAX), 0.6), lambda: ahead(with_step(*TAX), 0.6, score=0.6)),
    ("distil", lambda: largest(with_step(*TAX), 3.0), lambda: largest(with_step(*TAX), 3.5)),
    ("distil", lambda: largest(with_step(*TAX), 3.0), lambda: largest(with_step(*BONUS), 3.0)),
    ("steer", lambda: with_step(*TAX), lambda: with_step(*UNCLEAR)),
    ("rotate", lambda: saturated(with_step(*BONUS)), lambda: with_step(*BONUS)),
    (
        "rotate",
        lambda: saturated(with_step(*BONUS)),
        lambda: saturated(with_step(*BONUS), "saturation", "mmlu"),
    ),
]
BY_NAME = {rule.name: rule for rule in advice.RULES}


@pytest.mark.parametrize(("name", "yes", "no"), FIRES)
def test_a_rule_fires_with_its_numbers_and_does_not_fire_beside_it(name, yes, no):
    trigger = BY_NAME[name].fires(yes())
    assert trigger
    assert "nan" not in trigger
    assert BY_NAME[name].fires(no()) is None


def test_every_rule_is_tested_and_every_claim_behind_it_exists():
    assert {name for name, _, _ in FIRES} == set(BY_NAME)
    known = {claim.id for claim in quotations.ledger()}
    assert {claim for rule in advice.RULES for claim in rule.claims} <= known


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [
        ([], "your own noise"),
        (["reproduced"] * 3, "holds"),
        (["reproduced", "differs"], "mixed"),
        (["paper's data only"], "does not hold"),
        (["artefact", "differs", "not testable"], "does not hold"),
        (["not testable", "not written yet"], "not tested"),
        (["reproduced", "not written yet"], "holds"),
    ],
)
def test_the_grade_follows_from_the_verdicts(verdicts, expected):
    assert evidence.grade(verdicts) == expected


def test_advice_takes_its_verdicts_from_the_ledger_and_says_when_they_do_not_hold(monkeypatch):
    one = with_step(*TAX)
    rule = dataclasses.replace(BY_NAME["widen"], claims=("width_opt", "width_pythia"))
    (given,) = advice.advise(one, rules=[rule])
    held = {item.claim.id: item.verdict for item in assessment.assess_some(rule.claims)}
    assert {e.id: e.verdict for e in given.evidence} == held
    real = assessment.assess_some

    def other(verdict):
        monkeypatch.setattr(
            assessment,
            "assess_some",
            lambda ids: [dataclasses.replace(item, verdict=verdict) for item in real(ids)],
        )
        return advice.advise(one, rules=[rule])[0]

    assert other("reproduced").strength.startswith("Every claim behind it that could be tested holds")
    assert "No claim behind it held when it was tested here" in other("artefact").strength
    assert "(0 of 2 claims reproduced)" in other("artefact").strength
    assert other("not written yet").grade == "not tested"


def test_an_unknown_claim_is_named():
    with pytest.raises(KeyError, match="no claim 'nothing'"):
        assessment.assess_some(["nothing"])


# ---------------------------------------------------------------- the frontier


def test_a_frontier_model_beside_its_lab():
    here = model_diagnosis.frontier_diagnosis(80.8, 91.3, lab="DeepSeek")
    assert here.location == regression.locate(80.8, 91.3)
    field = regression.h_field(regression.models("all")).set_index("model")["h"]
    assert {r.model: r.h for r in here.history} == pytest.approx(
        field[[r.model for r in here.history]].to_dict()
    )
    assert here.change == pytest.approx(here.location.h - here.history[-1].h)
    assert here.change_low < here.change < here.change_high
    assert here.saturation_low <= here.saturation <= here.saturation_high
    assert here.rotate == (here.saturation < 0.2)
    assert here.next_axis == here.axes[0].benchmark
    json.dumps(here.as_dict(), allow_nan=False)


@pytest.mark.parametrize(
    ("gpqa", "band", "sure"), [(95.0, "above", False), (87.8, "on", True), (60.0, "below", True)]
)
def test_bands_of_five_points(gpqa, band, sure):
    here = model_diagnosis.frontier_diagnosis(80.8, gpqa)
    assert (here.band, here.band_sure) == (band, sure)
    assert (here.history, here.changed) == ((), False)
    assert math.isnan(here.change)


def test_an_unknown_lab_lists_the_known_ones():
    with pytest.raises(ValueError, match="no lab 'Acme'; the labs are Alibaba, Anthropic"):
        model_diagnosis.frontier_diagnosis(80, 90, lab="Acme")


def test_axes_on_which_the_best_tie_are_not_recommended():
    tied = pd.DataFrame({"swe_bench_verified": [80.0] * 6, "gpqa_diamond": [60.0, 65, 70, 75, 80, 85]})
    first, second = model_diagnosis.axes(tied)
    assert (first.benchmark, second.benchmark) == ("gpqa_diamond", "swe_bench_verified")
    assert second.spread == 0
    assert first.ratio > 4


def test_claims_that_could_not_be_tested_carry_no_advice_and_are_counted(monkeypatch):
    def held(*verdicts):
        monkeypatch.setattr(
            advice,
            "evidence_for",
            lambda ids: tuple(
                evidence.Evidence(str(i), "said", "10_steering", v) for i, v in enumerate(verdicts)
            ),
        )
        (rule,) = [rule for rule in advice.RULES if rule.name == "steer"]
        (given,) = advice.advise(None, rules=[dataclasses.replace(rule, fires=lambda found: "a step")])
        return given

    assert held("not testable", "not testable").grade == "not tested"
    assert held("not distinguishable", "not testable").grade == "no support"
    assert held("not distinguishable", "differs").grade == "does not hold"
    assert (
        "(0 of 2 claims reproduced, 1 borderline, 1 not testable)"
        in held("borderline", "not testable").strength
    )


def test_a_step_without_a_change_in_the_first_score_has_no_phase_in_words():
    flat = pd.DataFrame(
        {
            "model": ["a", "b"],
            "family": "Flat",
            "params_b": [1.0, 7.0],
            "hellaswag": [60.0, 60.0],
            "truthfulqa_mc2": [44.0, 34.0],
        }
    )
    words = sections.headline(family_diagnosis.diagnose(flat, draws=200))
    assert "HellaSwag does not change in Flat, so that there is no coupling" in words
    assert "TruthfulQA" in words.partition(";")[2]
    assert "phase" not in words


def test_without_a_change_in_the_first_score_either_sign_is_as_likely():
    step = coupling.local_coupling(
        pd.DataFrame(
            {
                "model": ["a", "b"],
                "family": "Flat",
                "params_b": [1.0, 7.0],
                "hellaswag": 60.0,
                "truthfulqa_mc2": [44.0, 34.0],
            }
        )
    ).iloc[0]
    assert step["p_positive"] == pytest.approx(0.5, abs=1e-9)
    assert step["p_tax"] == pytest.approx(step["p_bonus"], abs=1e-9)


def test_a_panel_family_without_a_benchmark_is_refused_in_words():
    panel = data.panel("open", rows="one_recipe")
    lacking = panel[panel["family"] == "Pythia"].drop(columns="humaneval")
    lacking.attrs["left_out"] = ["a model"]
    with pytest.raises(ValueError, match="the table holds no score of humaneval; it holds hellaswag"):
        family_diagnosis.diagnose(lacking, x="humaneval")
