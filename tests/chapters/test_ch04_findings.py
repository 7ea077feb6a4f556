"""Chapter 04: the words turn with the numbers, and the tables speak words."""

from __future__ import annotations

from types import SimpleNamespace

import pandas as pd
import pytest

from cape_utils.chapters.ch04_width_normalization import findings, width_controls
from cape_utils.chapters.ch04_width_normalization import recompute as ch04

OPEN = "the open panel"


@pytest.fixture(scope="module")
def pythia() -> pd.DataFrame:
    return width_controls.with_logs(ch04.family_rows("paper", "Pythia"))


def families(raw=(-0.9, 0.5), normalised=(0.95, 0.9), low=0.8, high=0.99) -> pd.DataFrame:
    table = pd.DataFrame(
        {"panel": [OPEN, "p"], "family": ["A", "B"], "n": 8, "raw": raw, "normalised": normalised}
    )
    return table.assign(null=0.9, low=low, high=high, p=[0.4, 0.2], quoted=[0.95, None], shuffled="x")


def partial(width=-0.2, low=-0.4, high=0.1) -> pd.DataFrame:
    rows = [("nothing", -0.6, -0.8, -0.4), ("width", width, -0.4, 0.1), ("size", -0.15, low, high)]
    table = pd.DataFrame(rows, columns=["given", "estimate", "low", "high"])
    return table.assign(panel=OPEN, sizes="up to 3.5B", n=40)


def slopes(low, high) -> pd.DataFrame:
    table = pd.DataFrame({"predictor": ["log_size", "log_width"], "slope": 1.0, "low": low, "high": high})
    return table.assign(inflation=[30.0, 37.4], n=40, families=9).set_index("predictor")


def test_widths_known_and_lost(pythia):
    text = findings.known_widths({"the paper's panel": pythia, OPEN: pythia}).data
    assert "8 of 8 models in the paper's panel; 8 of 8" in text
    assert "that lose one: none." in text
    missing = pythia.assign(d_model=pythia["d_model"].where(pythia["model"] != "Pythia-1B"))
    assert "that lose one: Pythia." in findings.known_widths({"x": pythia, OPEN: missing}).data


def test_signs_and_digits_are_counted():
    text = findings.signs_turned(families()).data
    assert "In the open panel the normalisation turns 1 of 1 negative correlations positive" in text
    assert "In p the normalisation turns 0 of 0" in text
    assert "come back for 1 of 1 families" in text
    assert "come back for 0 of 1" in findings.signs_turned(families(normalised=(0.951, 0.9))).data


def test_division_lowers_too():
    pairs = pd.DataFrame(
        {"raw": [-0.5, 0.95, 0.99], "normalised": [0.9, 0.8, 0.95], "x": "mmlu", "y": "hellaswag"}
    )
    text = findings.division_pulls_up_and_down(pairs.assign(family=["A", "B", "C"])).data
    assert "Of 3 pairs 1 are negative before division, 0 of them after it" in text
    assert "1 pairs that correlated above 0.9 fall below it (B), 1 of them with MMLU" in text
    assert "(none)" in findings.division_pulls_up_and_down(pairs.head(1).assign(family="A")).data


@pytest.mark.parametrize(
    ("width", "words"), [(-0.2, "as well as width does"), (-0.5, "differently from width")]
)
def test_size_does_as_well_as_width_or_not(width, words):
    assert words in findings.given_size_or_width(partial(width)).data


def test_slopes_clear_of_zero_are_counted():
    fitted = {(OPEN, "a"): slopes(0.5, 2.0), (OPEN, "b"): slopes(-2.0, -0.5), (OPEN, "c"): slopes(-1.0, 1.0)}
    rows = pd.DataFrame(
        {"family": list("aabbc"), "d_model": [512, 5120, 512, 1024, 512], "truthfulqa_mc2": 40.0}
    )
    text = findings.slopes_of_width(fitted, {OPEN: rows}).data
    assert "which 1 of the 2 families with two widths span (a); the others span 2.0 to 2.0 times" in text
    for family, words in (
        ("a", "what every family spans (a)"),
        ("b", "which 0 of the 1 families with two widths"),
    ):
        assert words in findings.slopes_of_width(fitted, {OPEN: rows[rows["family"] == family]}).data
    assert "Of the 3 slopes of width, 1 have an interval above zero" in text
    assert "and 1 have one below" in text
    assert "up to 37 times" in text
    assert findings.slopes_table(fitted).rows[1][:3] == (OPEN, "a", "width")


@pytest.mark.parametrize(
    ("high", "words"), [(0.6, "that includes one half"), (0.45, "that excludes one half")]
)
def test_wider_models(pythia, high, words):
    share = SimpleNamespace(estimate=0.42, low=0.3, high=high, n=40)
    assert words in findings.wider_models(share, pythia).data


@pytest.mark.parametrize(
    ("change", "words"), [(12.0, "the cosine rises by 12%"), (-12.0, "the cosine falls by 12%")]
)
def test_the_narrowest_model(change, words):
    changes = pd.DataFrame(
        {"model": ["narrow", "wide"], "d_model": [512, 2048], "change_pct": [change, -3.0]}
    )
    changes = changes.assign(stage="after_projection", measure="cosine_of_mean_activations")
    assert words in findings.projection(changes).data


def test_families_outside_the_null_are_named():
    inside, outside = families(), families(normalised=(0.95, 0.999))
    assert "2 of 2 families lie inside" in findings.outside_the_null(inside, inside).data
    assert "then 0 of 2 lie outside." in findings.outside_the_null(inside, inside).data
    assert "then 1 of 2 lie outside (B): there" in findings.outside_the_null(inside, outside).data


def test_tables_speak_words(pythia):
    pairs = pd.DataFrame({"x": ["hellaswag"], "y": ["mmlu"], "raw": [-0.5], "normalised": [0.9]})
    matched = pd.DataFrame({"wide": ["org/pythia-1b-x", "org/c"], "narrow": "org/b", "width_ratio": 1.5})
    matched = matched.assign(wide_params_b=1.0, narrow_params_b=1.1, d_hellaswag=1.0, d_truthfulqa_mc2=-1.0)
    shown = [
        findings.model_table(pythia),
        findings.family_rows(families()),
        findings.medians_table(pairs),
        findings.matched_rows(matched, "pythia-1b-"),
    ]
    assert all("_" not in heading for one in shown for heading in one.headings)
    assert shown[2].rows == (("HellaSwag and MMLU", "-0.50", "0.90", "1"),)
    assert [row[0] for row in shown[3].rows] == ["pythia-1b-x"]


def test_partial_correlations_are_taken_for_every_choice(pythia):
    both = pd.concat([pythia, pythia.assign(family="twin")])
    measured = width_controls.partial_table({"p": both}, {"all": float("inf"), "small": 3.5})
    assert len(measured) == 8
    assert measured.groupby("sizes")["n"].first().to_dict() == {"all": 16, "small": 12}


def test_width_and_truth_grow_by_their_own_factors():
    rows = pd.DataFrame({"d_model": [512, 5120], "truthfulqa_mc2": [30.0, 45.0]})
    text = findings.width_and_truth({"a": rows}).data
    assert "a 10.0 and 1.5" in text
    assert "In every family width moves by more" in text
    assert "Not in every family" in findings.width_and_truth({"a": rows.assign(d_model=[512, 600])}).data
