"""Chapter 06: the words turn with the numbers, and the tables speak words."""

from __future__ import annotations

import itertools
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from cape_utils.chapters.ch06_attention_heads import captions, controls, findings

RT, RC = findings.REASONING_TRUTH, findings.REASONING_CONTROL
TC = "truthfulness and control"


def cosines(competing=(0, 0, 0, 0), mean=(0.95, 0.91, 0.98, 0.98)) -> pd.DataFrame:
    keys = list(itertools.product(("trained", "random weights"), (RT, RC)))
    rows = [
        (network, unit, pair, m, m - 0.3, 270, c, 100.0)
        for unit in ("layer", "head")
        for (network, pair), c, m in zip(keys, competing, mean, strict=True)
    ]
    columns = ["network", "unit", "prompts", "mean", "lowest", "units", "competing", "cooperative_pct"]
    return pd.DataFrame(rows, columns=columns)


def compared(r=0.3, p=0.009, reliability=(0.3, 0.5), n=(24, 100), share=0.4):
    named = np.array([[True, False]])
    return SimpleNamespace(
        r=SimpleNamespace(observed=r, p=p, low=-0.25, high=0.25),
        opposite=SimpleNamespace(observed=share),
        reliability_first=reliability[0],
        reliability_second=reliability[1],
        n_first=n[0],
        n_second=n[1],
        named_first=named,
        named_second=~named,
        competing=named & ~named,
    )


def checks(p_scaled=0.01, p_nats=0.5, r=0.3):
    return {
        "scaled by head": compared(r, p_scaled),
        "in nats": compared(0.27, p_nats),
        "two halves": compared(0.35),
    }


def halves(trained=(0.9, 0.9, 0.9), untrained=(0.98, 0.98, 0.98), p=0.003) -> pd.DataFrame:
    rows = [
        (network, pair, c, 0.96, 0.95, 0.97, p)
        for network, values in (("trained", trained), ("random weights", untrained))
        for pair, c in zip((RT, RC, TC), values, strict=True)
    ]
    return pd.DataFrame(rows, columns=["network", "prompts", "cosine", "median", "low", "high", "p"])


def test_the_release_is_counted():
    released = pd.DataFrame({"flags": ["repeated_score", "", ""], "in_release": [True, True, False]})
    counted = pd.DataFrame({"competing_units": [0, 60]})
    text = findings.in_release(released, counted, pd.DataFrame({"cosine": [0.97] * 7})).data
    assert text.startswith("The table has 3 rows; 1 of them stand in the text")
    assert "released for 2 models of the 40; 1 of those counts are zero. All 7 profiles" in text
    assert "and 1 models share one value" in text


def test_the_prompts_that_are_not_measured_are_references():
    text = findings.network_and_prompts("a model", {"reasoning": ["x"] * 50}, measured=20).data
    assert "The model is a model." in text
    assert "first 20 of each kind are measured, as in the paper; the other 30 serve" in text


@pytest.mark.parametrize(
    ("table", "words"),
    [
        (cosines(), "0 of 270 heads compete between reasoning and truthfulness, as the paper reports"),
        (
            cosines(competing=(3, 0, 0, 0)),
            "3 of 270 heads compete between reasoning and truthfulness, against what",
        ),
        (cosines(), "Reasoning is nearer to truthfulness than to the control prompts, by 0.040"),
        (cosines(mean=(0.9, 0.95, 1, 1)), "Reasoning is farther from truthfulness than"),
        (cosines(), "is 0.980, no lower than in the trained one"),
        (cosines(mean=(0.9, 0.8, 0.5, 0.5)), "is 0.500, below in the trained one"),
    ],
)
def test_competing_heads(table, words):
    assert words in findings.no_head_competes(table).data


def test_the_reference_decides_the_sign():
    rows = [
        (pair, measure, network, layer, value if network == "trained" else 9.0)
        for measure, values in (
            ("centred on the third kind", (-0.2, 0.6)),
            ("centred between the two", (-0.4, -0.3)),
        )
        for pair in (RT, RC)
        for network in ("trained", "random weights")
        for layer, value in enumerate(values)
    ]
    profile = pd.DataFrame(rows, columns=["pair", "measure", "network", "layer", "cosine"])
    text = findings.reference_decides(profile).data
    assert f"{RT} 0.20; {RC} 0.20" in text
    assert "are -0.35 to -0.35" in text
    assert "negative centred cosine in 1 of 2 layers" in text


@pytest.mark.parametrize(("unlike", "not_blind"), [(0.1, True), (1.6, False), (float("nan"), False)])
def test_the_instrument_is_blind_only_if_the_rule_sees_first(unlike, not_blind):
    raw = controls.FirstSeen(0.85, 1.55, unlike, 0.0)
    text = findings.opposition_seen({"raw": raw, "centred": controls.FirstSeen(0.0, 0.55, 0.1, 50.0)}).data
    assert ("the instrument is not blind" in text) is not_blind
    assert "nan" not in text
    assert "from a planted size of 0.85 on, and half of them compete by the paper's rule from 1.55 on" in text


def test_attention_weights_are_read_from_the_trained_network():
    rows = [
        (RT, "trained", 0.9, 0.992, 1.0),
        (RT, "random weights", 1.0, 1.0, 1.0),
        (RT, "any shares, drawn", 0.9, 0.974, 1.0),
        (RT, "mean, trained", 0.95, 0.95, 0.95 + 1e-9),
        (RT, "mean, random weights", 0.95, 0.95 + 2e-8, 0.95),
        (RC, "trained", 0.1, 0.2, 0.3),
    ]
    table = pd.DataFrame(rows, columns=["pair", "case", "low", "cosine", "high"])
    text = findings.attention_weights(table, tokens=3, first_token=0.6).data
    assert "Over the first 3 tokens the trained network's heads have a mean cosine of 0.992, and 60%" in text
    assert "varies by 1e-09, and the trained and the random network agree to 2e-08" in text


def test_right_endings_are_counted_by_kind():
    slopes = {
        "reasoning": SimpleNamespace(margin=np.array([1.0, -1.0])),
        "truthfulness": SimpleNamespace(margin=np.array([1.0, 1.0, -1.0, -1.0])),
    }
    kinds = {
        "reasoning": pd.DataFrame(index=range(2)),
        "truthfulness": pd.DataFrame({"kind": ["fact"] * 3 + ["misconception"]}),
    }
    text = findings.right_endings(slopes, kinds).data
    assert "50% of 2 reasoning pairs and 50% of 4 truth pairs (67% of facts, 0% of misconceptions)" in text


@pytest.mark.parametrize(
    ("result", "words"),
    [
        (compared(), "more alike than chance makes them (r = 0.30, p = 0.009)"),
        (compared(r=-0.3), "more opposed than chance makes them (r = -0.30"),
        (compared(p=0.2), "no more tied to each other than chance allows (r = 0.30, p = 0.20)"),
        (compared(p=0.0001), "p < 0.001"),
        (compared(), "should not be named one by one; about 224 couples and about 400 couples"),
        (compared(reliability=(0.8, 0.9)), "single heads can be trusted"),
        (compared(reliability=(-0.1, 0.5)), "no number of couples that we could name and about 400 couples"),
        (compared(), "1 differ from zero for reasoning, 1 for truthfulness, and 0 do so for both"),
    ],
)
def test_profiles_of_heads(result, words):
    assert words in findings.head_profiles(result).data


@pytest.mark.parametrize(
    ("table", "words"),
    [
        (halves(), "in 3 of 3 comparisons in the trained network and 0 of 3 in the random one"),
        (halves(), "not blind to content, and tells reasoning from recipes and small talk as well."),
        (halves((0.9, 0.96, 0.9)), "though it does not tell reasoning from recipes"),
        (halves((0.96, 0.96, 0.96)), "So nothing shows that the cosine sees content"),
        (halves(), "In the one network of random numbers tried"),
        (halves(untrained=(0.9, 0.96, 0.96)), "It does so in a network of random numbers too"),
        (halves((0.9, 0.8, 0.9)), "The lowest mean is 0.80"),
    ],
)
def test_random_halves(table, words):
    assert words in findings.random_halves(table).data


@pytest.mark.parametrize(
    ("p_scaled", "p_nats", "check_words", "closing_words"),
    [
        (0.01, 0.5, "depends on the scale, so it is a hint", "an answer that depends on the scale"),
        (0.01, 0.02, "does not depend on the scale: r", "an answer that does not depend on the scale"),
        (0.3, 0.5, "does not depend on the scale: r", "an answer that does not depend on the scale"),
    ],
)
def test_the_scale_decides_or_not(p_scaled, p_nats, check_words, closing_words):
    both = checks(p_scaled, p_nats)
    by_last = {RT: SimpleNamespace(competing_units=11), RC: SimpleNamespace(competing_units=2)}
    text = findings.scale_checks(both, by_last).data
    assert check_words in text
    assert text.endswith("are 2, 11.")
    assert closing_words in findings.closing(cosines(), both).data


@pytest.mark.parametrize(
    ("table", "both", "words"),
    [
        (cosines(), checks(), "No head competes in this model by the paper's rule, and none does"),
        (cosines((4, 0, 0, 0)), checks(), "4 heads compete in this model by the paper's rule, and none does"),
        (cosines((0, 2, 0, 5)), checks(), "and up to 5 do with recipes"),
        (cosines(), checks(), "tend to use heads alike"),
        (cosines(), checks(r=-0.3), "tend to use heads in opposite ways"),
        (cosines(), checks(p_scaled=0.4), "nothing ties the use of heads"),
    ],
)
def test_the_closing_words(table, both, words):
    assert words in findings.closing(table, both).data


def test_tables_speak_words():
    coupled = {RT: SimpleNamespace(mean_cosine=0.8941, cosine=np.array([0.4111]), competing_units=0)}
    planted = pd.DataFrame(
        {"measure": ["raw"], "mean_cosine": [0.44], "negative_pct": [0.4], "competing_pct": [0.0]}
    )
    shown = [
        findings.cosine_table(cosines()),
        findings.halves_table(halves(p=0.0001)),
        findings.slopes_table(checks()),
        findings.last_token_table(coupled),
        findings.planted_table(planted),
    ]
    assert not any("_" in heading for one in shown for heading in one.headings)
    assert shown[0].rows[-1] == ("random weights", "270 heads", RC, "0.980", "0.680", "0", "100")
    assert shown[1].rows[0][2:] == ("0.900", "0.960 [0.950, 0.970]", "< 0.001")
    assert shown[2].rows[0] == ("scaled by head", "0.30", "[-0.25, 0.25]", "0.010", "40%")
    assert shown[3].rows == ((RT, "0.894", "0.411", "0"),)


def test_examples_come_from_each_set():
    prompts = pd.DataFrame(
        {"kind": ["a", "a", "a", "b"], "topic": "small_talk", "form": "question", "prompt": list("wxyz")}
    )
    assert [row[1:] for row in findings.example_prompts(prompts).rows] == [
        ("small talk", "question", letter) for letter in "wxz"
    ]
    pairs = pd.DataFrame(
        {"topic": list("kkmno"), "stem": list("abcde"), "true_completion": "t", "false_completion": "f"}
    )
    shown = findings.example_pairs({"reasoning": pairs})
    assert [row[1] for row in shown.rows] == ["a", "c", "d"]
    assert {row[0] for row in shown.rows} == {"reasoning"}


def test_models_measured_before_are_listed_or_named_as_missing():
    assert "No results" in findings.models_table(pd.DataFrame()).data
    row = {"model": "m", "layers": 2, "heads": 3}
    counts = {f"head_reasoning_{kind}_competing": k for k, kind in enumerate(("truthfulness", "control"))}
    assert findings.models_table(pd.DataFrame([row | counts])).rows == (("m", "2", "3", "0", "1"),)


def test_first_seen_and_random_halves_are_found_where_they_were_put():
    rng = np.random.default_rng(0)
    first, second, others = rng.normal(size=(3, 12, 2, 3, 8)) + 1
    curve = controls.planted_curve(first, second, [0, 1, 2, 3], reference=others).assign(unit="head")
    seen = controls.first_seen(curve, first, second, others, draws=50)
    assert seen["raw"].negative_from <= seen["raw"].competing_from
    assert seen["raw"].unlike_halves_from <= seen["raw"].negative_from
    empty = curve.query("measure == 'centred' and size == 0")["negative_pct"].iloc[0]
    assert seen["centred"].negative_pct_unplanted == empty

    vectors = {("trained", "a"): first, ("trained", "b"): second, ("trained", "c"): -second}
    table = controls.random_halves_table(vectors, n=12, draws=50).set_index("prompts")
    assert list(table.index) == ["a and b", "a and c", "b and c"]
    assert table.loc["a and b", "p"] > 0.05 > table.loc["a and c", "p"]
    couplings = controls.pair_couplings({kind: part for (_, kind), part in vectors.items()})
    assert couplings["a and c"].mean_cosine == pytest.approx(table.loc["a and c", "cosine"])


def test_the_words_of_the_gates_say_how_reliable_they_are():
    text = captions.agreements({"one": compared()})["one"]
    assert text == "r = 0.30, 40% of heads have opposite signs; reliability 0.30 and 0.50."
