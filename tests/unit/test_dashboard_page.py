"""What the dashboard in the page is held to, and what it is told: the package's own numbers, words and rows."""

from __future__ import annotations

import dataclasses
import json
import math

import numpy as np
import pandas as pd
import pytest
from scipy import optimize, stats

from cape_utils import data
from cape_utils.chapters.ch12_dashboard.page import answer as page_answer
from cape_utils.chapters.ch12_dashboard.page.constants import constants
from cape_utils.diagnosis import diagnose
from cape_utils.diagnosis.score_warnings import cautions
from cape_utils.diagnosis.steps import intervals
from cape_utils.reports.sections import step_headline
from cape_utils.scaling import coupling

HS, TQA = "hellaswag", "truthfulqa_mc2"


def family(name: str) -> pd.DataFrame:
    table = data.panel("open", rows="one_recipe").query("family == @name").reset_index(drop=True)
    table.attrs = {}
    return table


def ratio_below(at: float, dx: float, dy: float, sx: float, sy: float) -> float:
    one = [np.array([value]) for value in (dx, dy, sx, sy)]
    return float(coupling._ratio_cdf(*one, at)[0])


@pytest.mark.parametrize("step", [(10.0, -5.0, 0.7, 2.4), (-8.0, 3.0, 0.7, 2.4), (20.0, 0.0, 0.5, 1.0)])
def test_the_range_is_that_of_the_ratio_where_its_denominator_is_clear(step: tuple[float, ...]) -> None:
    low, high = page_answer.coupling_range(*step)
    for end, share in ((low, 0.025), (high, 0.975)):
        found = optimize.brentq(lambda at, share=share: ratio_below(at, *step) - share, -5, 5)
        assert end == pytest.approx(found, abs=2e-4)


def test_a_range_holds_the_true_ratio_as_often_as_it_says() -> None:
    rng = np.random.default_rng(0)
    true_dx, true_dy, sx, sy = 2.0, -1.0, 0.7, 2.4
    held, n = 0, 4000
    for dx, dy in zip(rng.normal(true_dx, sx, n), rng.normal(true_dy, sy, n), strict=True):
        low, high = page_answer.coupling_range(dx, dy, sx, sy)
        held += low <= true_dy / true_dx <= high if math.isfinite(low) else 1
    assert held / n == pytest.approx(0.95, abs=0.04)
    assert held / n > 0.94


def test_there_is_no_range_exactly_where_the_package_warns_of_the_ratio() -> None:
    for dx in np.linspace(-3, 3, 61):
        low, _ = page_answer.coupling_range(dx, 1.0, 0.7, 2.4)
        rises = stats.norm.cdf(dx / 0.7)
        assert math.isnan(low) == (1 - page_answer.RISES < rises < page_answer.RISES)


@pytest.mark.parametrize("name", ["Pythia", "OPT", "Qwen1.5"])
def test_the_answer_is_that_of_the_diagnosis_to_the_noise_of_its_draws(name: str) -> None:
    rows = family(name)
    found, whole = page_answer.answer(rows), diagnose(rows, draws=4000)
    assert found["in_panel"] == list(whole.in_panel) == [name]
    assert [one["family"] for one in found["neighbours"]] == [one.family for one in whole.neighbours]
    assert [one["text"] for one in found["cautions"]] == [one.text for one in whole.cautions]
    for mine, theirs in zip(found["steps"], whole.intervals, strict=True):
        assert mine["coupling"] == pytest.approx(theirs.coupling)
        for phase in coupling.PHASES:
            assert mine[f"p_{phase}"] == pytest.approx(getattr(theirs, f"p_{phase}"), abs=0.04)
        if mine["low"] is not None and abs(theirs.dx) > 8 * theirs.se_dx:
            assert mine["low"] == pytest.approx(theirs.low, abs=0.06)
            assert mine["high"] == pytest.approx(theirs.high, abs=0.06)
    nothing_learnt = dict.fromkeys([f"calibrated_{phase}" for phase in coupling.PHASES], math.nan)
    plain = dataclasses.replace(whole.last, phase=whole.last.plain_phase, **nothing_learnt)
    assert found["headline"].partition("(")[0] == step_headline(name, plain, HS, TQA).partition("(")[0]


def test_a_score_moves_no_formula_of_size_and_a_size_does() -> None:
    rows = family("Pythia")
    moved = rows.assign(**{TQA: rows[TQA] + 20})
    assert page_answer.answer(rows)["by_size"] == page_answer.answer(moved)["by_size"]
    assert (
        page_answer.answer(rows)["steps"]
        != page_answer.answer(moved.assign(hellaswag=rows[HS] * 0.9))["steps"]
    )
    larger = rows.assign(params_b=rows["params_b"] * 2)
    assert page_answer.answer(rows)["by_size"] != page_answer.answer(larger)["by_size"]


def test_the_two_formulas_are_the_quoted_ones() -> None:
    assert page_answer.by_size(1.0)["dashboard"]["coupling"] == pytest.approx(0.629 * 9 - 5.886)
    assert (
        page_answer.by_size(3.0)["dashboard"]["coupling"] > 0 > page_answer.by_size(3.0)["text"]["coupling"]
    )


def test_one_model_has_no_step_and_says_why() -> None:
    found = page_answer.answer(family("Pythia").head(1))
    assert found["steps"] == []
    assert "a step needs two sizes" in found["problem"]
    assert found["cautions"]


def test_what_the_page_knows_follows_the_tables() -> None:
    known = constants()
    benchmarks = data.load("benchmarks").set_index("benchmark")
    for name in data.BENCHMARKS:
        assert known["benchmarks"][name]["items"] == benchmarks.loc[name, "items"]
        assert known["benchmarks"][name]["title"] == benchmarks.loc[name, "title"]
    for which in ("open", "paper"):
        table = data.panel(which)
        rows = known["panels"][which]
        assert [row[0] for row in rows] == list(table["model"])
        for place, name in enumerate(data.BENCHMARKS):
            np.testing.assert_array_equal([row[3 + place] or np.nan for row in rows], table[name])
        used = {row[0] for row in rows if row[-1]}
        assert used == set(data.panel(which, rows="one_recipe")["model"])
    assert known["edge"] == coupling.TAX_BELOW
    json.dumps(known, allow_nan=False)


def test_the_page_warns_in_the_words_of_the_package() -> None:
    known = constants()
    low = pd.DataFrame({"model": ["a"], HS: [25.0], TQA: [20.0], "mmlu": [99.0]})
    told = {(one.benchmark, one.kind): one.text for one in cautions(low)}
    assert {kind for _, kind in told} >= {"chance", "below chance", "saturation"}
    for (name, kind), text in told.items():
        of = known["benchmarks"][name]
        words = known["warnings"]["words"][kind]
        assert words.format(title=of["title"], chance=f"{of['chance']:g}") == text


def two(smaller: tuple[float, ...], larger: tuple[float, ...]) -> pd.DataFrame:
    rows = pd.DataFrame([smaller, larger], columns=["params_b", HS, TQA], dtype=float)
    return rows.assign(family="yours", model=["a", "b"])


def test_a_step_by_hand() -> None:
    (step,) = page_answer.steps(two((1, 40, 44), (10, 60, 34)), HS, TQA)
    se_dy = math.sqrt(100**2 * (0.44 * 0.56 + 0.34 * 0.66) / 817)
    se_dx = math.sqrt(100**2 * (0.4 * 0.6 + 0.6 * 0.4) / 10042)
    assert step.coupling == -0.5
    assert step.se == pytest.approx(math.hypot(se_dy, 0.5 * se_dx) / 20)
    assert step.phase == "tax"
    assert step.p_tax + step.p_transition + step.p_bonus == pytest.approx(1)


def test_the_probabilities_are_those_that_the_diagnosis_simulates() -> None:
    table = two((1.4, 54.6, 37.9), (7, 72.3, 35.2))
    drawn = intervals(table, HS, TQA, draws=40_000)[0]
    (step,) = page_answer.steps(table, HS, TQA)
    assert step.p_tax == pytest.approx(drawn.p_tax, abs=0.01)
    assert step.p_bonus == pytest.approx(drawn.p_bonus, abs=0.01)


def test_equal_scores_have_no_coupling_and_two_phases_as_likely_as_each_other() -> None:
    (step,) = page_answer.steps(two((1, 50, 40), (7, 50, 40)), HS, TQA)
    assert math.isnan(step.coupling)
    assert math.isnan(step.se)
    assert step.p_tax == pytest.approx(step.p_bonus)
