"""Chapter 07: the words turn with the numbers, and the tables speak words."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from cape_utils import data
from cape_utils.chapters.ch07_ode import findings, readings, recompute
from cape_utils.data import loading
from cape_utils.scaling import forecasting, ode
from cape_utils.stats.formatting import DASH


def null(observed=2.6, low=1.8, high=5.1, p=0.2, n=7):
    return SimpleNamespace(observed=observed, value=3.1, low=low, high=high, p=p, n=n)


def errors(**methods: list[float]) -> pd.DataFrame:
    named = {"line_free": "line, free", "equation": "dense linear ODE", "sparse": "sparse ODE, degree 2"}
    return pd.DataFrame({named[k]: v for k, v in methods.items()}, index=list("abcdef"))


def terms() -> pd.DataFrame:
    rows = [
        ("panel rows", "degree 1, percent, no constant", 5, 4.8, 174.0),
        ("panel rows", "degree 1, percent, with constant", 6, 5.5, 200.0),
        ("panel rows", "degree 3, percent, no constant", 55, 0.4, np.inf),
        ("panel rows", "dense linear, no constant", 5, 5.0, 174.0),
        ("open panel", "degree 3, percent, no constant", 55, 5.0, np.inf),
    ]
    table = pd.DataFrame(rows, columns=["copy", "fit", "library", "mean", "condition"])
    return table.assign(fewest=0, most=5)


@pytest.fixture(scope="module")
def every() -> pd.DataFrame:
    named = {"ode_insample": "in-sample", "ode_llama2": "Llama-2"}
    return pd.concat([readings.readings(k).assign(claim=v) for k, v in named.items()])


def test_terms_kept_by_degree():
    freedom = ode.degrees_of_freedom(8)
    text = findings.terms_kept(terms(), freedom).data
    assert (
        "threshold 0.1 leaves 0.4 to 0.4 terms an equation. Four to six come back from degree 1, where"
        in text
    )
    assert "condition number of 174 to 200" in text
    assert (
        "5 terms an equation at degree 1, 20 at degree 2 and 55 at degree 3"
        in findings.libraries(freedom).data
    )


def test_no_reading_reaches_the_number_quoted_until_one_does(every):
    assert "No reading in percent of the score reaches" in findings.nearest_readings(every).data
    row, _ = readings.nearest_row("ode_insample")
    same = (every["claim"] == "Llama-2") & (every["copy"] == row["copy"]) & (every["fit"] == row["fit"])
    reached = every.assign(
        error=every["error"].mask(same & (every["error_in"] == "percent of the score"), 5.5)
    )
    assert "No reading" not in findings.nearest_readings(reached).data
    assert "5%" in findings.nearest_readings(reached).data or "6%" in findings.nearest_readings(reached).data


@pytest.mark.parametrize(
    ("main", "alone", "words"),
    [
        (
            errors(equation=[1, 1, 1, 1, 1, 1], line_free=[9, 9, 9, 9, 9, 9]),
            errors(line_free=[3] * 6, sparse=[np.inf, np.inf, 2, 2, 2, 2]),
            (
                "*dense linear ODE* leads",
                "do not overlap",
                "(sparse ODE, degree 2 on 2)",
                "families, not terms",
            ),
        ),
        (
            errors(line_free=[1, 2, 3, 4, 5, 6], equation=[2, 3, 4, 5, 6, 7]),
            errors(line_free=[3] * 6, sparse=[4] * 6),
            ("*line, free* leads", "intervals overlap", "diverge (none)"),
        ),
    ],
)
def test_who_leads(main, alone, words):
    text = findings.ranking({"all others": main, "Pythia only": alone}).data
    assert [word for word in words if word not in text] == []
    assert ("families, not terms" in text) == ("families, not terms" in words)


@pytest.mark.parametrize(
    ("low", "p", "words"),
    [
        (1.8, 0.2, ("lies inside", "says nothing on dynamics", "would be better than most")),
        (2.7, 0.6, ("lies outside", "closer than shuffled steps allow", "would be no better than most")),
    ],
)
def test_closeness_of_fit(monkeypatch, low, p, words):
    monkeypatch.setattr(recompute, "alternatives_null", lambda which: (null(p=p, n=10), None))
    monkeypatch.setattr(recompute, "terms_null", lambda *_: null())
    shuffled = dict.fromkeys(readings.COPIES, (null(low=low), None))
    text = findings.closeness_of_fit(shuffled, {"paper": "the paper's panel"}).data
    assert [word for word in words if word not in text] == []
    assert f"within reach of {round(p * 10)} of them" in text
    assert "err by 5.6% or less" in text


def test_the_ratio_has_no_stable_sign():
    ratios = np.array([-1.0, 1.0, 2.0, 3.0])
    text = findings.ratio_of_two_fits(null(low=-5, high=6), null(low=-59, high=48), ratios).data
    assert (
        "from -59 to 48, and its sign is negative in 25% of the draws. Without any jump it goes from -5 to 6"
        in text
    )


def test_measured_scores_inside_the_ranges_are_counted():
    ranges = pd.DataFrame(
        {"predicted": [80.0, 50.0], "low": [78.0, 40.0], "high": [82.0, 60.0]}, index=["hellaswag", "mmlu"]
    )
    forecast = SimpleNamespace(table=ranges, method=forecasting.METHODS[0])
    text = findings.one_step_ahead(forecast, pd.Series({"hellaswag": 90.0, "mmlu": 55.0})).data
    assert "*persistence*. 1 of 2 measured scores lie inside" in text
    assert findings.forecast_table(forecast).rows[0] == ("HellaSwag", "80.0 [78.0, 82.0]")


def test_numbers_are_read_off_the_tables():
    exact = [
        (8, 1, 0.0, 0.0),
        (200, 1, 0.0, 0.0),
        (200, 20, 0.0, 0.0),
        (200, 20, 1.0, 0.0),
        (200, 20, 1.0, ode.RIDGE),
    ]
    rates = pd.DataFrame(exact, columns=["sizes", "families", "noise", "ridge"]).assign(
        exact=[0.1, 0.2, 0.9, 0.15, 0.3]
    )
    assert "in 10% of the equations at eight sizes and 20% at two hundred" in findings.terms_found(rates).data
    sources = pd.DataFrame(
        {"choice": ["as it stands", "without Llama-1", "panel rows"], "percent": [5.6, 20.0, 9.0]}
    )
    assert (
        "the error is 5.60%, or 2.0 points" in findings.where_it_comes_from(sources.assign(points=2.0)).data
    )
    baselines = findings.baselines()
    assert "The baseline quoted, 10.2%" in findings.baselines_compared(baselines).data
    assert len(baselines) == 2 * 2 * len(readings.COPIES)


def test_tables_speak_words():
    opened, pythia = data.panel("open", rows="one_recipe"), loading.pythia("panel rows")
    jumps = pd.DataFrame(
        {
            "copy": ["a", "b"],
            "benchmarks": "x",
            "fit": "f",
            "tax": 0.0,
            "bonus": 0.3,
            "ratio": [np.inf, 320.0],
        }
    )
    shown = [
        findings.pythia_table(pythia),
        findings.freedom_table(ode.degrees_of_freedom(8)),
        findings.terms_table(terms()),
        findings.baseline_table(findings.baselines()),
        findings.ranking_table(
            forecasting.method_ranking(errors(equation=[1.0] * 6, line_free=[np.inf] * 6))
        ),
        findings.jump_table(jumps),
    ]
    assert all("_" not in heading for one in shown for heading in one.headings)
    assert not {"nan", "inf"} & {cell for one in shown for row in one.rows for cell in row}
    assert [row[-1] for row in shown[2].rows] == ["174.0", "singular", "174.0", "singular"]
    assert [row[-1] for row in shown[5].rows] == [DASH, "320"]
    text = findings.models_and_steps(opened, forecasting.ladders(opened), pythia).data
    assert text.startswith("The open panel keeps ")
