"""Chapter 08: the words turn with the numbers, and the tables speak words."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from cape_utils.chapters.ch08_eigenstructure import captions, findings, rolling_spectrum
from cape_utils.data import loading


def readings(tax=(1.3, 1.5), bonus=(1.2, 1.2), ways=("coupling", "size")) -> pd.DataFrame:
    table = pd.DataFrame({"reading": ["a", "b"], "way": list(ways), "tax": tax, "bonus": bonus})
    return table.assign(n_tax=9, n_bonus=8)


def spectrum(second=0.6, hellaswag=0.05, mmlu=0.5):
    loadings = pd.DataFrame({1: [0.5, 0.5], 2: [hellaswag, mmlu]}, index=["hellaswag", "mmlu"])
    return SimpleNamespace(n=8, participation_ratio=1.3, eigenvalues=(4.0, second), loadings=loadings)


def null(observed, p=0.2):
    return SimpleNamespace(observed=observed, low=-0.2, high=0.2, p=p)


def curve(low, high) -> pd.DataFrame:
    cases = ["panel, covariance", "five unrelated scores"]
    return pd.DataFrame({"case": cases, "n": 3, "mean": [1.1, 1.7], "low": [low, 1.2], "high": [high, 2.0]})


@pytest.mark.parametrize(
    ("table", "observed", "words"),
    [
        (
            readings(tax=(1.1, 1.5)),
            0.1,
            ("**the other way round**", "In 1 of 2 readings", "split by size and not"),
        ),
        (
            readings(tax=(1.5, 1.3)),
            0.1,
            ("**in the paper's order**", "In 2 of 2", "split by coupling", "does not hang on MMLU"),
        ),
        (readings(), -0.1, ("MMLU makes the order",)),
        (readings(tax=(1.22, 1.5)), 0.1, ("the number quoted for the other phase",)),
    ],
)
def test_tax_and_bonus(table, observed, words):
    text = findings.tax_and_bonus(table, null(observed)).data
    assert [word for word in words if word not in text] == []


def test_a_swap_is_only_said_of_a_swap():
    assert "other phase" not in findings.tax_and_bonus(readings(), null(0.1)).data


@pytest.mark.parametrize(
    ("high", "words"),
    [(1.4, "**inside** that range, where it says nothing"), (1.1, "**outside** that range.")],
)
def test_three_models_show_little(high, words):
    assert words in findings.three_models(curve(1.0, high)).data


@pytest.mark.parametrize(
    ("second", "words"), [(0.6, "behaves as guessing"), (2.0, "behaves not as guessing")]
)
def test_mmlu_beside_guessing(second, words):
    assert words in findings.guessed_mmlu(spectrum(second), 0.8, np.linspace(0.5, 0.7, 50), 0.1).data


def test_groups_lie_below_inside_or_above_their_bands():
    ratios = [1.0, 1.5, 2.0]
    dims = pd.DataFrame(
        {"group": ["tax", "30B and above", "tax"], "panel": "p", "matrix": list("abc"), "ratio": ratios}
    )
    text = findings.groups_and_bands(dims.assign(null_low=1.2, null_high=1.8)).data
    assert "a, 1.00, below the band; p, c, 2.00, above the band" in text
    assert "*30B and above*: p, b, 1.50, inside the band" in text


def test_random_groups_give_p_values_that_are_never_zero():
    text = findings.random_groups({"one": (null(0.3, p=0.0002), None), "two": (null(-0.1), None)}).data
    assert "- one: difference +0.30, random groups -0.20 to +0.20, two-sided p < 0.001" in text
    assert "two-sided p = 0.20" in text


def test_exponents_and_anchors_are_counted():
    exponents = pd.DataFrame(
        {"copy": ["x", "x", "y"], "exponent": [-1.0, -0.5, -0.7], "benchmarks": "all five"}
    )
    text = findings.exponents_by_copy(exponents.assign(null_low=[-2, -0.1, -1], null_high=[0, 0, 0])).data
    assert "x, -1.00 to -0.50; y, -0.70 to -0.70. In 2 of 3 readings" in text
    flips = pd.DataFrame(
        {"positive": ["mmlu", "mmlu", "hellaswag"], "first": [1, 1, -1], "last": [-1, 1, -1]}
    )
    text = findings.anchors(flips, spectrum()).data
    assert "in 1 of 2 readings with MMLU positive and in 0 of 1 readings with HellaSwag positive" in text


def test_tables_speak_words():
    panel = loading.panel("paper")
    shown = [
        findings.model_table(panel, pd.Series("tax", index=panel.index)),
        findings.axes_table(spectrum()),
        findings.readings_table(readings()),
        findings.convention_table({"mmlu": -0.5}),
    ]
    assert all("_" not in heading for one in shown for heading in one.headings)
    assert shown[1].headings == ("benchmark", "axis 1", "axis 2")
    assert shown[1].rows[-1] == ("share of variance", "0.87", "0.13")
    assert shown[3].rows == (("MMLU", "-0.50"),)
    assert findings.axis_share({"x": spectrum()}).endswith("25% (x).")


def test_every_choice_of_windows_is_tried():
    turns = rolling_spectrum.rotation_choices(["hellaswag", "truthfulqa_mc2", "arc_challenge", "winogrande"])
    choices = turns[["copy", "set", "windows", "sign"]].drop_duplicates()
    assert len(choices) == 3 * 2 * 2 * 2
    assert set(turns["sign"]) == {"largest", "HellaSwag"}


def test_captions_of_axes_and_exponents_follow_their_setting():
    rows = pd.DataFrame(
        {"benchmark": "TruthfulQA", "last_b": [1.0, 2.0], "loading": [-0.2, 0.3], "n": [4, 6]}
    )
    setting = ("panel rows", "all five", "expanding", "mmlu")
    said = captions.rotation(rows, "Found.", setting)
    assert "changes sign" in said["title"]
    assert (
        "MMLU positive: TruthfulQA from -0.20 to +0.30, lowest -0.20, "
        "highest +0.30. n = 4 to 6 models a window. Found." in said["caption"]
    )
    assert "keeps its sign" in captions.rotation(rows.assign(loading=[0.2, 0.3]), "", setting)["title"]
    assert captions.rotation(rows.head(0), "", setting) is None
    readings = pd.DataFrame({"window": ["a", "b"], "exponent": [-1.0, 0.5], "outside": [True, False]})
    said = captions.exponents(readings, -0.72, ("panel rows", "largest", "all five"))
    assert said["title"] == "Straight lines alone account for 1 of 2 exponents"
    assert "largest of a window: 2 readings" in said["caption"]
    assert captions.exponents(readings.head(0), -0.72, ("", "", "")) is None
