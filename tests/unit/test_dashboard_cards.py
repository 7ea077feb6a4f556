"""The page's eigenstructure, frontier and advice against the package's own diagnosis, and what stands behind them."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from cape_utils import data
from cape_utils.chapters.ch12_dashboard.page import answer as page_answer
from cape_utils.chapters.ch12_dashboard.page import eigenstructure, frontier, interventions
from cape_utils.chapters.ch12_dashboard.page.constants import MOST_MODELS
from cape_utils.claims import evidence
from cape_utils.diagnosis import advice, diagnose
from cape_utils.diagnosis.score_warnings import dimension_of, usual_ratios
from cape_utils.frontier import model_diagnosis, regression
from cape_utils.frontier.benchmark_pair import GPQA, SWE
from cape_utils.reports import render
from cape_utils.reports.sections import SUGGESTED, dimension_words, sections
from cape_utils.scaling.spectrum import pca


def family(name: str) -> pd.DataFrame:
    table = data.panel("open", rows="one_recipe").query("family == @name").reset_index(drop=True)
    table.attrs = {}
    return table[["model", "family", "params_b", *data.BENCHMARKS]]


# ---------------------------------------------------------------- eigenstructure


@pytest.mark.parametrize("name", ["Pythia", "OPT"])
def test_the_eigenstructure_is_the_package_s(name: str) -> None:
    rows = family(name)
    found = page_answer.answer(rows)["eigenstructure"]
    dimension, spectrum = dimension_of(rows, 0), pca(rows)
    assert dimension is not None
    assert found["ratio"] == dimension.ratio
    assert found["words"] == dimension_words(dimension)
    assert (found["usual_low"], found["usual_high"]) == (dimension.usual_low, dimension.usual_high)
    for k, loadings in enumerate(found["loadings"], 1):
        np.testing.assert_allclose(np.abs(loadings), spectrum.loadings[k].abs())
        assert max(loadings, key=abs) > 0
    np.testing.assert_allclose(found["correlations"], rows[list(data.BENCHMARKS)].corr())


def test_the_page_is_told_the_range_that_the_package_draws() -> None:
    known = eigenstructure.known(MOST_MODELS)
    for names, n in (("hellaswag,truthfulqa_mc2", 3), (",".join(data.BENCHMARKS), MOST_MODELS)):
        low, high = usual_ratios(names.split(","), n, 0)
        assert known["usual"][names][n - known["fewest"]] == [low, high]
        # Other draws say the same, to their noise.
        assert usual_ratios(names.split(","), n, 1) == pytest.approx((low, high), abs=0.1)
    assert len(known["usual"]) == 2 ** len(data.BENCHMARKS) - len(data.BENCHMARKS) - 1
    assert math.isnan(usual_ratios(["hellaswag", SWE], 5, 0)[0])


@pytest.mark.parametrize("n", [3, 8, 12])
def test_a_correlation_of_chance_passes_its_bound_once_in_twenty(n: int) -> None:
    bound = eigenstructure.known(MOST_MODELS)["chance_r"][n - 3]
    drawn = np.random.default_rng(0).normal(size=(8000, 2, n))
    r = np.array([np.corrcoef(pair)[0, 1] for pair in drawn])
    assert np.mean(np.abs(r) > bound) == pytest.approx(0.05, abs=0.01)
    assert bound == pytest.approx(brute(n), abs=1e-6)


def brute(n: int) -> float:
    grid = np.linspace(0, 1 - 1e-9, 200_001)
    p = 2 * stats.t.sf(grid * np.sqrt((n - 2) / (1 - grid**2)), n - 2)
    return float(np.interp(-0.05, -p, grid))


# ---------------------------------------------------------------- the frontier


def test_the_frontier_holds_a_family_against_every_lab() -> None:
    rows = pd.DataFrame(
        {
            "model": ["a", "b"],
            "family": "anthropic",
            "params_b": [30.0, 300.0],
            SWE: [60.0, 80.8],
            GPQA: [70.0, 91.3],
        }
    ).assign(hellaswag=[80.0, 85.0], truthfulqa_mc2=[50.0, 55.0])
    found = page_answer.answer(rows)["frontier"]
    assert found["lab"] == "Anthropic"
    assert set(found["labs"]) == set(regression.models("all")["lab"])
    for lab, beside in found["labs"].items():
        one = model_diagnosis.frontier_diagnosis(80.8, 91.3, lab=lab)
        assert beside["change"] == pytest.approx(one.change)
        assert (beside["change_low"], beside["change_high"]) == pytest.approx(
            (one.change_low, one.change_high)
        )
        assert beside["changed"] == one.changed
        assert [row[0] for row in beside["releases"]] == [release.model for release in one.history]
    assert page_answer.answer(rows.drop(columns=GPQA))["frontier"] is None


def test_what_the_page_knows_of_the_frontier_is_in_the_order_of_the_releases() -> None:
    known = frontier.known()
    assert len(known["models"]) == len(regression.models("all"))
    for lab in set(regression.models("all")["lab"]):
        listed = [row[0] for row in known["models"] if row[1] == lab]
        assert listed == [release.model for release in model_diagnosis.lab_history(lab)]
    assert sum(row[4] for row in known["models"]) == known["line"]["n"] == len(regression.models())


# ---------------------------------------------------------------- what to do


def test_the_rules_need_no_more_of_a_diagnosis_than_the_page_holds() -> None:
    for name in ("Pythia", "Cerebras-GPT"):
        one = diagnose(family(name), draws=200)
        part = interventions.Known(
            one.x, one.y, one.scores, one.last, one.cautions, one.distance, one.next_size
        )
        listed = interventions.sorted_advice(part)
        given = advice.advise(one)
        assert sorted(item["name"] for item in [*listed["to_try"], *listed["not_confirmed"]]) == sorted(
            a.name for a in given
        )
        without = dataclasses.replace(part, distance=None, next_size=None)
        assert {a.name for a in advice.advise(without)} <= {a.name for a in given}


def test_advice_is_to_try_only_where_a_claim_holds_or_none_is_needed() -> None:
    tried = {
        evidence.grade(verdicts): evidence.grade(verdicts) in advice.TO_TRY
        for verdicts in (
            ["reproduced"],
            ["borderline", "differs"],
            [],
            ["differs"],
            ["not testable"],
            ["not distinguishable"],
        )
    }
    assert tried == {
        "holds": True,
        "mixed": True,
        "your own noise": True,
        "does not hold": False,
        "not tested": False,
        "no support": False,
    }
    assert set(tried) == set(evidence.GRADES)


def test_a_report_never_lists_what_was_not_confirmed_as_something_to_try() -> None:
    rows = pd.DataFrame(
        {
            "model": ["a", "b"],
            "family": "f",
            "params_b": [1.0, 3.0],
            "hellaswag": [45.0, 60.0],
            "truthfulqa_mc2": [45.0, 30.0],
        }
    )
    one = diagnose(rows, draws=200)
    given = advice.advise(one)
    assert {item.to_try for item in given} == {True, False}
    short = next(part for part in sections(one, given) if part.title == "In short")
    lines = {line.partition(":")[0]: line for block in short.blocks for line in getattr(block, "items", ())}
    text = " ".join(render.as_text(one, given).split())
    after = text.rpartition(f"{SUGGESTED}:")[2]
    for item in given:
        assert (item.title.lower() in lines["To try"]) == item.to_try
        assert (item.title.lower() in lines[SUGGESTED]) != item.to_try
        assert (item.says in after) != item.to_try
