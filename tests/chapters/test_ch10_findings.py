"""Chapter 10: the words turn with the numbers, and the tables speak words."""

from __future__ import annotations

import re
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from cape_utils import data
from cape_utils.chapters.ch10_steering import findings, selection
from cape_utils.chapters.ch10_steering import recompute as ch10

BASE = [0.0, 0.2, -0.4]


def measured(lift: float = 0.1, steps: int = 40) -> pd.DataFrame:
    """Margins before, along the truth direction, and along controls that move little."""
    controls = np.linspace(-0.02, 0.02, steps)
    moved = [
        ("unsteered", 0.0),
        ("truth", lift),
        *((kind, d) for kind in ("shuffled", "random") for d in controls),
    ]
    rows = [{"kind": kind, "margins": [m + d for m in BASE], "per_token": [d / 7] * 3} for kind, d in moved]
    return pd.DataFrame(rows).assign(perplexity=20.0)


def changes(truth: float = 0.1, steepest: float = 0.3) -> pd.DataFrame:
    kinds = ["truth", "negative", "planted", "shuffled", "random", "depth"]
    table = pd.DataFrame({"kind": kinds, "margin": [truth, -truth, steepest, 0.01, 0.0, 0.05]})
    table = table.assign(predicted=table["margin"] * 2, corrected=0.1, spoiled=0.05, layer=3, strength=0.5)
    return table.assign(kl=0.02, perplexity=21.0)


def joint(p=0.01, observed=0.5):
    return SimpleNamespace(p=p, observed=observed, value=0.0, low=-0.3, high=0.3)


def slope_map(p_corrected=0.01) -> pd.DataFrame:
    table = pd.DataFrame({"layer": [0, 1, 2], "slope": [0.1, 0.2, 0.3], "p": [0.5, 0.0004, 0.2]})
    return table.assign(p_corrected=[0.9, p_corrected, 0.8])


def outcomes(truth=30.0) -> pd.DataFrame:
    kinds = {"sampled": 25.0, "random": 28.0, "shuffled": 27.0, "truth": truth, "greedy": 0.0}
    table = pd.DataFrame({"kind": list(kinds), "changed": list(kinds.values())})
    return table.assign(true_words=4.0, false_words=3.0, prompts=30)


@pytest.mark.parametrize(
    ("high", "words"), [(0.6, "pairs, no better than chance"), (0.5, "pairs, not at chance")]
)
def test_endings_alone(high, words):
    pairs = data.load("truth_pairs")
    bias = SimpleNamespace(estimate=0.55, null_low=0.4, null_high=high)
    assert words in findings.pairs_and_endings(pairs, bias, 16).data


@pytest.mark.parametrize(
    ("p_corrected", "together", "words"),
    [
        (
            0.01,
            joint(),
            ("it stands out (p = 0.010)", "So many layers slope upwards together", "(p < 0.001 alone)"),
        ),
        (0.4, joint(p=0.4), ("it stands out no more than", "So nothing is seen in all layers")),
        (0.4, joint(observed=-0.5), ("So nothing is seen in all layers",)),
    ],
)
def test_layers(p_corrected, together, words):
    text = findings.layer_by_layer(slope_map(p_corrected), together, 0).data
    assert [word for word in words if word not in text] == []


@pytest.mark.parametrize(
    ("layer", "low", "words"),
    [
        (2, 0.0, "the two intervals overlap"),
        (2, 0.9, "the two intervals do not overlap"),
        (1, 0.0, "which is the paper's quarter"),
    ],
)
def test_the_largest_effect(layer, low, words):
    depths = pd.DataFrame(
        {"layer": [1, 1, 2], "strength": 0.5, "effect": [0.1, 0.2, 1.0], "kl": [0.0, 0.0, 9.0]}
    )
    depths = depths.assign(low=[0.0, 0.1, low], high=[0.2, 0.3, 1.1])
    chosen = SimpleNamespace(layer=layer, strength=0.5, effect=1.0)
    text = findings.largest_effect(depths, chosen, 1).data
    assert words in text
    assert "the largest of the 2 settings within that cost" in text


@pytest.mark.parametrize(
    ("lift", "words"), [(0.1, "more than shuffled labels do"), (0.0, "within what shuffled labels do")]
)
def test_the_truth_direction_beside_shuffled_labels(lift, words):
    assert words in findings.truth_direction(measured(lift), changes(lift)).data
    ending = "by more than" if lift else "no further towards the truth than"
    assert ending in findings.closing("A model", measured(lift), joint(p=0.5)).data


def test_something_in_all_layers_is_said_of_it_alone():
    assert "something there" in findings.closing("A model", measured(), joint()).data
    assert "something there" not in findings.closing("A model", measured(), joint(observed=-0.5)).data


@pytest.mark.parametrize(
    ("truth", "words"), [(28.5, "cannot tell these runs apart"), (30.0, "is larger for the truth direction")]
)
def test_changed_outputs(truth, words):
    text = findings.outputs_changed(outcomes(truth), changes()).data
    assert words in text
    assert "turns 10.0% of the wrong test pairs right and 5.0%" in text


@pytest.mark.parametrize(
    ("steepest", "power", "words"),
    [
        (0.3, 0.9, ("beyond the range", "So this test can see an effect.", "would see 0.40 nats")),
        (0.0, 0.1, ("within the range", "does not see even the steepest", "By the gradient too no effect")),
    ],
)
def test_power(steepest, power, words):
    curve = pd.DataFrame({"power": [0.05, power], "effect": [0.1, 0.4]})
    text = findings.power_of_the_test(curve, measured(), changes(steepest=steepest)).data
    assert [word for word in words if word not in text] == []


def test_tables_speak_words():
    pairs = data.load("truth_pairs").head(3).assign(kind=["fact", "misconception", "fact"])
    table = selection.outcome_table(measured(), pairs, draws=50)
    scores = pd.DataFrame({"question": ["Which?"], "mc1": [1], "mc2": [0.25]})
    shown = [
        findings.count_table(ch10.counts()),
        findings.pair_table(pairs),
        findings.margin_table(pd.Series([1.0, -1.0, 2.0]), pd.Series(["fact", "fact", "other"])),
        findings.depth_table(changes()),
        findings.outcome_rows(table),
        findings.null_table(measured()),
        findings.truthfulqa_table({"as it is": scores, "steered": scores}),
    ]
    assert all("_" not in heading for one in shown for heading in one.headings)
    assert shown[0].rows[0][-1] == "26 to 88%"
    assert shown[2].rows[0] == ("fact", "0.00", "50%", "50%")
    assert len(shown[3].rows) == 1
    for column in (2, 3):  # one column, one number of decimals
        decimals = {len(n) for row in shown[5].rows for n in re.findall(r"\.(\d+)", row[column])}
        assert len(decimals) == 1
    assert shown[6].rows[1] == ("steered", "Which?", "1", "0.25")
