"""What the calculator's form is compared with, held against the modules that compute the same by other ways."""

from __future__ import annotations

import html
import json
import math
import re

import numpy as np
import pandas as pd
import pytest

from cape_utils import data
from cape_utils.chapters.ch12_dashboard import calculator, calculator_form
from cape_utils.diagnosis.panel_comparison import web_distance
from cape_utils.diagnosis.steps import intervals
from cape_utils.frontier import regression

HS, TQA = "hellaswag", "truthfulqa_mc2"


def known(form: str) -> dict:
    return json.loads(html.unescape(re.search(r'data-constants="([^"]*)"', form).group(1)))


def test_by_hand():
    step = calculator.size_step((1, 40, 44), (10, 60, 34), HS, TQA)
    se_dy = math.sqrt(100**2 * (0.44 * 0.56 + 0.34 * 0.66) / 817)
    se_dx = math.sqrt(100**2 * (0.4 * 0.6 + 0.6 * 0.4) / 10042)
    assert step.coupling == -0.5
    assert step.se == pytest.approx(math.hypot(se_dy, 0.5 * se_dx) / 20)
    assert step.likeliest == "tax"
    assert sum(step.probabilities.values()) == pytest.approx(1)


def test_the_probabilities_are_those_that_the_diagnosis_simulates():
    rows = pd.DataFrame([(1.4, 54.6, 37.9), (7.0, 72.3, 35.2)], columns=["params_b", HS, TQA])
    step = intervals(rows.assign(family="f", model=["a", "b"]), HS, TQA, draws=40_000)[0]
    probabilities = calculator.size_step((1.4, 54.6, 37.9), (7, 72.3, 35.2), HS, TQA).probabilities
    assert probabilities["tax"] == pytest.approx(step.p_tax, abs=0.01)
    assert probabilities["bonus"] == pytest.approx(step.p_bonus, abs=0.01)


def test_equal_scores_have_no_coupling_and_no_likeliest_phase():
    step = calculator.size_step((1, 50, 40), (7, 50, 40), HS, TQA)
    assert math.isnan(step.coupling)
    assert math.isnan(step.se)
    assert step.likeliest == ""
    assert step.probabilities["tax"] == pytest.approx(step.probabilities["bonus"])


def test_the_curve_in_the_page_gives_the_range_of_the_package():
    curve = known(calculator_form.form("sizes").html())["curves"][TQA]
    rows = pd.DataFrame({"model": ["a", "b"], "params_b": [0.7, 30.0], TQA: [50.0, 41.0]})
    far = web_distance(rows.assign(family="f"), TQA, draws=calculator.DRAWS)
    basis = np.array([1, *(np.log10(rows["params_b"]).mean(), (np.log10(rows["params_b"]) ** 2).mean())])
    nothing = np.array(curve["draws"]) @ [*basis, 1]
    assert np.percentile(nothing, [2.5, 97.5]) == pytest.approx([far.low, far.high], abs=1e-3)
    assert 45.5 - basis @ curve["coefficients"] == pytest.approx(far.h)


def test_the_forms_carry_the_package_s_constants():
    sizes, ahead = (known(calculator_form.form(kind).html()) for kind in ("sizes", "frontier"))
    assert sizes["benchmarks"][TQA]["items"] == 817
    assert set(sizes["curves"]) == set(calculator.pair_benchmarks())
    assert "xwinograd" not in sizes["benchmarks"], "its number of items is not known"
    assert ahead["line"]["slope"] == regression.fit_line(regression.models()).slope.estimate
    assert sizes["benchmarks"]["gsm8k"]["fraction"] is False
    assert data.benchmark_title(TQA) == sizes["benchmarks"][TQA]["title"]


def test_every_field_has_a_label_a_unit_and_a_place_for_its_error():
    for kind, count in (("sizes", 6), ("frontier", 4)):
        page = calculator_form.form(kind).html()
        fields = re.findall(r'<input id="([^"]+)"', page)
        assert len(fields) == count
        for field in fields:
            assert re.search(rf'<label for="{field}">.*?\((billions|percent)\)</label>', page)
            assert f'id="{field}-error"' in page
        assert "aria-live" in page
        assert "\n\n" not in page


def test_in_a_live_notebook_no_dead_form_is_shown(monkeypatch):
    monkeypatch.delenv("CAPE_BOOK", raising=False)
    calls = {}
    for kind in ("sizes", "frontier"):
        words = calculator_form.form(kind)._repr_html_()
        assert "<input" not in words
        calls[kind] = html.unescape(re.search("<code>(.*)</code>", words).group(1))
        assert isinstance(eval(calls[kind], {"calculator": calculator}), calculator.ModelStep)
    assert calls == {
        "sizes": "calculator.size_step((1.4, 54.6, 37.9), (7, 72.3, 35.2), 'hellaswag', 'truthfulqa_mc2')",
        "frontier": "calculator.frontier_step((72.7, 83.3), (80.8, 91.3))",
    }
    monkeypatch.setenv("CAPE_BOOK", "1")
    assert "<input" in calculator_form.form("frontier")._repr_html_()


def test_a_score_below_one_percent_is_taken_where_guessing_scores_nothing():
    assert calculator.size_step((1, 30, 0.5), (7, 60, 12), "arc_challenge", "gsm8k").dy == 11.5


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (
            lambda: calculator.size_step((7, 50, 40), (1, 60, 30), HS, TQA),
            "the first must be positive and smaller",
        ),
        (lambda: calculator.size_step((0, 50, 40), (1, 60, 30), HS, TQA), "sizes 0B and 1B"),
        (lambda: calculator.frontier_step((0.7, 50), (60, 70)), "looks like a fraction"),
        (
            lambda: calculator.size_step((1, 0.546, 0.379), (7, 0.723, 0.352), HS, TQA),
            "HellaSwag 0.546 looks like a fraction; give percent, such as 54.6",
        ),
        (lambda: calculator.size_step((1, 54.6, 37.9), (7, 154.6, 35.2), HS, TQA), "HellaSwag 154.6 is out"),
        (lambda: calculator.size_step((1, 54.6, 37.9), (7, 72.3, 100), HS, TQA), "TruthfulQA MC2 100 is out"),
        (
            lambda: calculator.size_step((1, 0, 37.9), (7, 0, 35.2), HS, TQA),
            "HellaSwag 0 is out of range; give percent, more than 0 and less than 100",
        ),
        (lambda: calculator.size_step((1, math.nan, 37.9), (7, 60, 35.2), HS, TQA), "HellaSwag nan is out"),
        (
            lambda: calculator.size_step((1, 50, 40), (7, 60, 30), HS, HS),
            "HellaSwag for both is the same benchmark twice; choose two",
        ),
        (lambda: calculator.size_step((1, 50, 40), (7, 60, 30), HS, "mlu"), "'mlu'"),
        (lambda: calculator.size_step((1, 50, 40), (2e5, 60, 30), HS, TQA), "200000B is out of range"),
        (lambda: calculator.size_step((1, 50, 40), (math.inf, 60, 30), HS, TQA), "infB is out of range"),
        (lambda: calculator.frontier_step((60, 100), (60, 70)), "GPQA Diamond 100 is out of range"),
        (lambda: calculator.frontier_step((0, 50), (60, 70)), "SWE-bench Verified 0 is out of range"),
        (lambda: calculator_form.form("both"), "allowed are 'sizes', 'frontier'"),
        (lambda: calculator.constants("both"), "allowed are 'sizes' and 'frontier'"),
    ],
)
def test_bad_input_is_said(call, words):
    with pytest.raises(ValueError, match=re.escape(words)):
        call()
