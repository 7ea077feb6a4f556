"""Chapter 02: the words turn with the numbers, and the tables speak words."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from cape_utils import data
from cape_utils.chapters.ch02_coupling import captions, findings, two_trends
from cape_utils.scaling import coupling, trend_nulls


@pytest.fixture(scope="module")
def pythia() -> pd.DataFrame:
    return data.pythia_copies().query("copy == 'panel rows'").sort_values("params_b")


def estimate(value):
    return SimpleNamespace(estimate=value, low=value - 0.1, high=value + 0.1, n=8)


@pytest.mark.parametrize(
    ("low", "inside"), [(-0.999, "lies inside the range"), (-0.95, "lies outside the range")]
)
def test_two_trends(pythia, low, inside):
    trend = SimpleNamespace(observed=-0.98, low=low, high=-0.9)
    text = findings.two_trends(pythia, trend).data
    assert inside in text
    assert text.count("\n- *") == 3


def test_the_quoted_correlation_is_told_with_its_permutations(pythia):
    exact = SimpleNamespace(draws=40320, p=2 / 40320, smallest_p=1 / 40320)
    text = findings.copies_agree(estimate(-0.989), exact, data.pythia_copies()).data
    assert "Of all 40,320 ways to pair the two lists 2 give" in text
    assert "r is **-0.989** [-1.089, -0.889]" in text
    assert "panel rows -0.989" in text


def test_steps_of_the_papers_panel_are_counted_alone():
    steps = pd.DataFrame({"panel": ["the open panel", "x", "x", "x"], "p_sign": [0.99, 0.94, 0.95, 0.99]})
    assert "There are 3 steps in its panel, and for 2 of them" in findings.counted_steps(steps).data


def test_the_fall_below_guessing_is_that_of_the_small():
    falls = pd.DataFrame(
        {"family": list("abc"), "first_b": [0.1, 0.15, 1.0], "start_gap_se": [1.9, -2.5, 0.0]}
    )
    falls = falls.assign(fall_pp=[4.0, 4.0, 9.0], below_pp=[4.0, 2.0, 9.0], first_pct=45.0, lowest_b=1.0)
    text = findings.fall_below_guessing(falls).data
    assert "Of the 2 families that start below 0.2B, 1 start within" in text
    assert "75% of their fall" in text
    assert [row[0] for row in findings.chance_table(falls).rows] == ["a", "b"]


def test_small_and_large_models_are_told_apart(pythia):
    keys = ("below 3.5B", "from 3.5B")
    groups = {
        ("the open panel", key): estimate(value) for key, value in zip(keys, (-0.75, 0.48), strict=True)
    }
    # Two families small, two large: in one of four draws both have the sign that they have.
    both = [
        pythia.assign(family=name, params_b=pythia["params_b"] * by) for name in "ab" for by in (1e-3, 1e3)
    ]
    text = findings.small_and_large_models(groups, pd.concat(both)).data
    assert "an r as low as the first would come with p = 0." in text
    assert "below 3.5B r is -0.75 [-0.85, -0.65], over those from 3.5B 0.48 [0.38, 0.58]" in text
    measured = findings.coupling_groups({"p": pd.concat([pythia, pythia.assign(family="twin")])})
    assert list(measured) == [("p", k) for k in ("over all models", "family means removed", *keys)]


def test_tables_speak_words(pythia):
    local = coupling.local_coupling(pythia)
    shown = [
        findings.model_table(pythia),
        findings.step_table(local),
        findings.phase_table(local.assign(panel="p")),
        findings.group_table({("p", "all"): estimate(0.5)}),
    ]
    assert all("_" not in heading for one in shown for heading in one.headings)
    assert shown[2].headings == ("panel", "counted", "tax", "transition", "bonus")
    assert [row[1] for row in shown[2].rows] == ["steps", "models", "steps, noise carried through"]
    assert shown[3].rows == (("p", "all", "0.50", "[0.40, 0.60]", "8"),)


# ---------------------------------------------------------------- the explanations drawn


FAMILY = pd.DataFrame(
    {"params_b": [1.0, 10, 100, 1000], "x": [1.0, 3.0, 4.0, 8.0], "y": [9.0, 8.0, 5.0, 4.5], "family": "F"}
)


def test_shuffled_steps_keep_the_ends_and_shuffled_scores_the_scores():
    series = two_trends.shuffled_series(FAMILY, "x", "y", examples=4)
    for (kind, draw), part in series.groupby(["kind", "draw"]):
        if kind == "scores" or draw == 0:
            assert sorted(part["x"]) == sorted(FAMILY["x"])
        if kind == "steps":
            assert sorted(part["x"].diff().dropna()) == pytest.approx(sorted(FAMILY["x"].diff().dropna()))
            assert part["y"].iloc[[0, -1]].tolist() == pytest.approx([9.0, 4.5])
        assert part["r"].iloc[0] == pytest.approx(part["x"].corr(part["y"]))
    assert series.groupby("kind")["r"].nunique().min() > 2


def test_the_null_of_the_figure_is_that_of_the_chapter():
    nulls, bins = two_trends.shuffled_nulls(FAMILY, "x", "y", draws=500)
    same = trend_nulls.monotone_null(FAMILY["x"], FAMILY["y"], draws=500)
    assert (nulls["steps"].low, nulls["steps"].high) == (same.low, same.high)
    assert nulls["scores"].high > 0 > nulls["steps"].high
    assert bins.groupby("kind")["share"].sum().tolist() == pytest.approx([1, 1])
    drawn = two_trends.shuffled_series(FAMILY, "x", "y").query("kind == 'steps' and draw == 1")
    inside = captions.shuffles(drawn, nulls["steps"], "steps", x="x", y="y")["title"]
    beyond = replace(nulls["steps"], observed=0.5)
    outside = captions.shuffles(drawn, beyond, "steps", x="x", y="y")["title"]
    assert inside.endswith("within their range")
    assert outside.endswith("outside their range")


def test_what_size_leaves_has_the_partial_correlation_and_no_tie_to_size():
    left = two_trends.size_taken_out(FAMILY, [("x", "y")])
    assert left["x_left"].corr(left["y_left"]) == pytest.approx(left["partial"].iloc[0])
    assert abs(np.corrcoef(left["x_left"], np.log10(left["params_b"]))[0, 1]) < 1e-9
    said = captions.size_out(left.assign(low=0.1, high=0.9), x="x", y="y")["title"]
    assert said.endswith("what is left is tied still")
    assert "may have no tie" in captions.size_out(left.assign(low=-0.1, high=0.9), x="x", y="y")["title"]
