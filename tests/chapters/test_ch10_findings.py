"""Chapter 10: the words turn with the numbers, and the tables speak words."""

from __future__ import annotations

import re
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from cape_utils import data
from cape_utils.chapters.ch10_steering import captions, experiment, findings, selection
from cape_utils.chapters.ch10_steering import recompute as ch10
from cape_utils.chapters.ch10_steering.label_test import SteeringTest
from cape_utils.stats.results import Null

BASE = [0.0, 0.2, -0.4]


def measured(lift: float = 0.1, steps: int = 40) -> pd.DataFrame:
    """Margins before, along the truth direction, and along controls that move little."""
    controls = np.linspace(-0.02, 0.02, steps)
    moved = [
        ("unsteered", 0.0),
        ("truth", lift),
        *((kind, d) for kind in ("shuffled", "random") for d in controls),
    ]
    rows = [
        {"kind": kind, "margins": [m + d for m in BASE], "pulled": [m - d for m in BASE]}
        | {"per_token": [d / 7] * 3, "pulled_per_token": [-d / 7] * 3}
        for kind, d in moved
    ]
    return pd.DataFrame(rows).assign(perplexity=20.0, kl=0.05)


def result(p=0.001, **changes):
    """A test that sees its direction, unless changed."""
    null = Null(0.4, 0.0, -0.2, 0.2, p, 0.001, 50, 80, False, "toy")
    fields = {"pushed": 0.5, "pulled": -0.3, "layer": 3, "strength": 0.1, "kl": 0.09}
    fields |= {"perplexity_before": 50.0, "perplexity_after": 53.0, "predicted": 0.5, "detectable": 0.3}
    fields |= {"predicted_ceiling": 2.0, "power": 0.9, "ceiling": 1.0}
    return SteeringTest(null=null, **(fields | changes))


def labels(full: float) -> pd.DataFrame:
    draws = np.linspace(-0.2, 0.2, 41)
    table = pd.DataFrame({"effect": [0.4, *draws], "full_dose": [0.4, *full * draws]})
    return table.assign(cosine=[1.0, *np.full(41, 0.2)])


def changes(truth: float = 0.1, steepest: float = 0.3) -> pd.DataFrame:
    kinds = ["truth", "planted", "shuffled", "random", "depth"]
    table = pd.DataFrame({"kind": kinds, "margin": [truth, steepest, 0.01, 0.0, 0.05]})
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
    ("layer", "words"),
    [(2, "not the paper's quarter, whose gain is +0.100"), (1, "which is the paper's quarter")],
)
def test_the_layer_chosen(layer, words):
    depths = pd.DataFrame({"layer": [1, 1, 2], "strength": [0.1, 0.2, 0.1], "effect": [0.1, 0.2, 1.0]})
    doses = pd.DataFrame({"layer": [1, 2], "gain": [0.1, 0.5]})
    chosen = SimpleNamespace(layer=layer, strength=0.5, effect=0.5, kl=0.099)
    text = findings.layer_chosen(doses, depths, chosen, 1).data
    assert words in text
    assert "The largest of 2 gains" in text


@pytest.mark.parametrize(
    ("full", "words"), [(2.0, "and so make it wider"), (1.0, "do not make the null wider")]
)
def test_signal_in_the_null(full, words):
    text = findings.signal_in_the_null(labels(full), measured()).data
    assert "+0.10 is to be held against ±0.02" in text
    assert words in text
    assert "Over 41 permutations of the truth labels" in text
    assert "0.20 on average" in text  # the labels as they are do not count among their own permutations


@pytest.mark.parametrize(
    ("control", "truth", "words"),
    [
        (0.001, 0.4, ("lets an effect through", "within what labels without a meaning give")),
        (0.001, 0.01, ("lets an effect through", "it sees the truth direction too")),
        (0.4, 0.01, ("it is blind", "not to be read")),
    ],
)
def test_truth_beside_its_positive_control(control, truth, words):
    text = findings.truth_and_control(result(control), result(truth), 0.1).data
    assert [word for word in words if word not in text] == []
    assert "at most 0.1 nats a token" in text
    assert "50.0 to 53.0 and 53.0, at costs of 0.090" in text


@pytest.mark.parametrize(
    ("control", "truth", "title"),
    [
        (0.001, 0.4, "With lengths kept, sentiment lies outside the range of permuted labels, truth inside"),
        (
            0.001,
            0.01,
            "With lengths kept, sentiment lies outside the range of permuted labels, and truth too",
        ),
        (0.4, 0.01, "The test is blind: it does not even see sentiment"),
    ],
)
def test_the_title_of_the_figure_is_what_was_found(control, truth, title):
    results = {"sentiment": result(control), "truth": result(truth)}
    assert captions.seen(results)["title"] == title


@pytest.mark.parametrize(
    ("pushed", "pulled", "words"),
    [
        (0.1, -0.1, "as a direction should"),
        (0.1, 0.2, "what blurring does"),
        (-0.1, 0.2, "the wrong way round"),
    ],
)
def test_the_truth_direction_each_way(pushed, pulled, words):
    text = findings.truth_direction(result(pushed=pushed, pulled=pulled), measured()).data
    assert words in text
    assert "Against 40 random directions" in text


@pytest.mark.parametrize(
    ("control", "truth", "words"),
    [
        (0.001, 0.4, "no further towards the truth than"),
        (0.001, 0.01, "by more than permuted labels do"),
        (0.4, 0.01, "cannot be judged by this test"),
    ],
)
def test_closing(control, truth, words):
    assert words in findings.closing("A model", result(truth), result(control), joint(p=0.5)).data


def test_something_in_all_layers_is_said_of_it_alone():
    said = [
        "something there" in findings.closing("A model", result(p), result(), each).data
        for p, each in ((0.4, joint()), (0.4, joint(observed=-0.5)), (0.01, joint()))
    ]
    assert said == [True, False, False]


@pytest.mark.parametrize(
    ("truth", "words"), [(28.5, "cannot tell these runs apart"), (30.0, "is larger for the truth direction")]
)
def test_changed_outputs(truth, words):
    text = findings.outputs_changed(outcomes(truth), changes()).data
    assert words in text
    assert "turns 10.0% of the wrong test pairs right and 5.0%" in text


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        (
            {},
            (
                "beyond the range",
                "So this test can see an effect.",
                "eight tests in ten see 0.30 nats, where the ceiling",
            ),
        ),
        (
            {"ceiling": 0.1, "detectable": float("nan")},
            ("within the range", "sees not even the ceiling", "no planted effect is seen eight times"),
        ),
    ],
)
def test_power(changed, words):
    curve = pd.DataFrame({"share": [0.0, 1.0], "power": [0.05, 0.9], "effect": [0.0, 0.4]})
    text = findings.power_of_the_test(curve, result(**changed), 200).data
    assert [word for word in words if word not in text] == []
    assert "in 5.0% of 200 sets" in text


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
        findings.result_table({"sentiment": result(), "truth": result(0.4)}),
        findings.dose_table(
            pd.DataFrame({"layer": [1], "length": [2.0], "norm": [20.0], "kl": [0.1], "gain": [0.2]})
        ),
        findings.control_table(experiment.sentiment_pairs()),
        findings.truthfulqa_table({"as it is": scores, "steered": scores}),
    ]
    assert all("_" not in heading for one in shown for heading in one.headings)
    assert shown[0].rows[0][-1] == "26 to 88%"
    assert shown[2].rows[0] == ("fact", "0.00", "50%", "50%")
    assert len(shown[3].rows) == 1
    for column in (2, 3):  # one column, one number of decimals
        decimals = {len(n) for row in shown[5].rows for n in re.findall(r"\.(\d+)", row[column])}
        assert len(decimals) == 1
    assert shown[6].rows[0][3] == "+0.40 [-0.20, 0.20]"
    assert shown[7].rows[0][1] == "0.100"
    assert shown[8].headings[-1] == "displeased ending"
    assert shown[9].rows[1] == ("steered", "Which?", "1", "0.25")


@pytest.mark.parametrize(
    ("here", "words"), [(0.3, "On the test topics too layer 22"), (0.05, "did not carry over")]
)
def test_whether_the_choice_of_a_layer_carried_over(here, words):
    changes = pd.DataFrame({"kind": "depth", "layer": [7, 15, 22], "margin": [0.15, 0.19, here]})
    text = findings.other_depths(changes, SimpleNamespace(layer=22), 7).data
    assert words in text
    assert "The paper's quarter, layer 7, gives +0.150." in text
