"""The test by exchanging labels: against plain loops, calibrated where nothing is, and with faults that it must not have."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest

from cape_utils import data
from cape_utils.chapters.ch10_steering import experiment, label_test, selection
from cape_utils.chapters.ch10_steering import recompute as ch10
from cape_utils.steering.layer_map import Slopes, sign_flips

REACH = np.array([1.0, 2.0, 1.5])


def toy(seed: int, *, signal: float = 0.0, noise: float = 1.0, n: int = 48, width: int = 30):
    """Slopes of pairs without a model; a common direction ties differences and gradients at layer 1."""
    rng = np.random.default_rng(seed)
    truth = np.eye(width)[0]
    difference, gradient = noise * rng.normal(size=(n, 3, width)), rng.normal(size=(n, 3, width))
    difference[:, 1] += signal * truth
    gradient[:, 1] += 2 * signal * truth
    pairs = pd.DataFrame({"topic": np.repeat(list("abcdef"), n // 6)})
    slopes = Slopes(difference.astype(np.float32), gradient.astype(np.float32), np.ones(3), np.zeros(n))
    return slopes, pairs, pairs["topic"].isin(list("abc")).to_numpy()


def drawn(seed: int, draws: int = 99, **how):
    slopes, pairs, learn = toy(seed, **how)
    found = label_test.responses(slopes, pairs["topic"].tolist(), learn, range(3))
    signs = np.concatenate([np.ones((1, len(pairs))), sign_flips(pairs, draws=draws, rng=seed)])
    return found, signs[:, learn], slopes, pairs, learn


def p_of(seed: int, *, full_dose: bool = False, reach=REACH, **how) -> float:
    found, signs, *_ = drawn(seed, **how)
    effect = label_test.label_draws(found, signs, reach, full_dose=full_dose).effect
    return label_test.label_null(effect[0], effect[1:], 24, "toy").p


def test_every_labelling_goes_through_the_whole_procedure():
    found, signs, slopes, pairs, learn = drawn(1, draws=12, signal=0.3)
    draws = label_test.label_draws(found, signs, REACH)
    topics = pairs.loc[learn, "topic"].to_numpy()
    d, g, rest = slopes.difference[learn], slopes.gradient[learn], slopes.gradient[~learn]
    means = np.array([[(s[:, None] * d[:, layer]).mean(0) for layer in range(3)] for s in signs])
    multiplier = REACH / np.linalg.norm(means, axis=2).max(0)
    for row, s in enumerate(signs):
        gains = np.zeros(3)
        for layer in range(3):
            for j in range(len(topics)):
                others = topics != topics[j]
                learnt = (s[others, None] * d[others, layer]).mean(0)
                gains[layer] += s[j] * g[j, layer] @ learnt / len(topics)
        layer = int((gains * multiplier).argmax())
        assert draws.gain[row] == pytest.approx(gains * multiplier, rel=1e-4, abs=1e-6)
        assert draws.layer[row] == layer
        push = multiplier[layer] * means[row, layer]
        assert draws.effect[row] == pytest.approx(rest[:, layer].mean(0) @ push, rel=1e-4, abs=1e-6)


def test_reversed_labels_choose_the_same_layer_and_turn_the_effect_round():
    found, signs, *_ = drawn(2)
    there = label_test.label_draws(found, signs, REACH)
    both = np.concatenate([signs[:1], -signs[1:]])
    back = label_test.label_draws(found, both, REACH)
    assert np.array_equal(there.layer, back.layer)
    assert there.effect[1:] == pytest.approx(-back.effect[1:])


def test_no_labelling_goes_beyond_the_reach_and_short_means_stay_short():
    found, signs, *_ = drawn(3, signal=1.0)
    kept, full = (label_test.label_draws(found, signs, REACH, full_dose=f) for f in (False, True))
    rows = np.arange(len(signs))
    pushed = kept.multiplier * kept.length[rows, kept.layer]
    assert (pushed <= REACH[kept.layer] * (1 + 1e-9)).all()
    assert pushed[0] == pytest.approx(REACH[kept.layer[0]])  # the true mean is the longest here
    signal = kept.layer[1:] == 1
    assert np.median(pushed[1:][signal] / REACH[1]) < 0.7
    assert full.multiplier * full.length[rows, full.layer] == pytest.approx(REACH[full.layer])


def test_nothing_is_found_where_nothing_is_at_the_stated_rate():
    ps = np.array([p_of(seed, draws=59) for seed in range(300)])
    assert np.mean(ps <= 0.05) == pytest.approx(0.05, abs=0.04)
    assert np.mean(ps <= 0.5) == pytest.approx(0.5, abs=0.1)


def test_a_direction_that_all_pairs_share_is_found_and_equal_lengths_would_hide_it():
    # Differences that are nearly all signal: any mixture of labels points along it, and only its length tells.
    strong = {"signal": 1.0, "noise": 0.02, "reach": np.array([0.01, 2.0, 0.01])}
    assert p_of(4, **strong) < 0.02
    assert p_of(4, full_dose=True, **strong) > 0.05
    found, signs, *_ = drawn(4, signal=1.0, noise=0.02)
    cosines = label_test.full_dose_cosines(found, signs, 1)
    assert cosines[0] == pytest.approx(1)
    assert np.median(cosines[1:]) > 0.9


def test_what_was_learnt_is_asked_and_not_what_the_model_knows():
    # Gradients that share a direction, which the differences do not: nothing can be learnt, whatever the model knows.
    hits = 0
    for seed in range(100):
        slopes, pairs, learn = toy(seed)
        slopes.gradient[:, :, 0] += 3
        found = label_test.responses(slopes, pairs["topic"].tolist(), learn, range(3))
        signs = np.concatenate([np.ones((1, 48)), sign_flips(pairs, draws=59, rng=seed)])[:, learn]
        effect = label_test.label_draws(found, signs, REACH).effect
        hits += label_test.label_null(effect[0], effect[1:], 24, "toy").p <= 0.05
    assert hits <= 12  # 5 are expected


def test_planting_is_what_adding_to_the_differences_does():
    found, signs, slopes, pairs, learn = drawn(5, draws=3)
    flips, lean = signs[1], np.array([0.5, 1.0, 2.0])
    steepest = slopes.gradient.astype(float).mean(0)
    steepest /= np.linalg.norm(steepest, axis=1, keepdims=True)
    difference = slopes.difference.astype(float)
    difference[learn] = flips[:, None, None] * difference[learn] + lean[:, None] * steepest
    changed = dataclasses.replace(slopes, difference=difference)
    want = label_test.responses(changed, pairs["topic"].tolist(), learn, range(3))
    came = label_test.plant(found, flips, lean)
    for name in ("answer", "gram", "steepest", "overlap"):
        assert getattr(came, name) == pytest.approx(getattr(want, name), rel=1e-5, abs=1e-5)


def test_power_rises_from_one_in_twenty_to_certainty():
    found, signs, *_ = drawn(6, draws=259, n=96)
    table = label_test.planted_power(found, signs, REACH, (0.0, 1.0, 8.0), seeds=200)
    assert table["power"].iloc[0] == pytest.approx(0.05, abs=0.04)
    assert table["power"].iloc[-1] > 0.95
    assert table["effect"].is_monotonic_increasing
    with pytest.raises(ValueError, match=r"got 50 labellings for 40 seeds; expected at least 11 more"):
        label_test.planted_power(found, signs[:50], REACH, (0.0,), seeds=40)


def test_faulty_signs_and_topics_are_refused_in_words():
    found, signs, slopes, _, learn = drawn(7, draws=3)
    with pytest.raises(ValueError, match="expected one column for each, and a first row"):
        label_test.label_draws(found, signs[1:], REACH)
    one = label_test.responses(slopes, ["a"] * 48, learn, range(3))
    with pytest.raises(ValueError, match="one learning topic only"):
        label_test.label_draws(one, signs, REACH)


# ---------------------------------------------------------------- what was measured


def measured(effect: float, *, blur: float = 0.0, spread: float = 0.1, controls: int = 40) -> pd.DataFrame:
    """A test as the sweep returns it: an effect that turns with the push, and a blur that does not."""
    rng = np.random.default_rng(0)
    base = rng.normal(size=30)
    moved = [("unsteered", 0.0, 0.0), ("truth", effect, blur), ("planted", 1.0, blur)]
    moved += [("shuffled", spread * rng.normal(), 0.0) for _ in range(controls)]
    rows = [
        {"kind": kind, "margins": (base + b + e).tolist(), "pulled": (base + b - e).tolist(), "layer": 3}
        for kind, e, b in moved
    ]
    return pd.DataFrame(rows).assign(strength=0.1, kl=0.05, perplexity=20.0, predicted=0.8)


POWER = pd.DataFrame({"effect": [0.0, 0.4, 0.8], "power": [0.05, 0.7, 0.95]})


def test_an_effect_is_seen_and_a_blur_is_not():
    seen, blurred = (
        label_test.steering_test(measured(*both[:1], blur=both[1]), POWER) for both in ((0.5, 0), (0, 0.5))
    )
    assert seen.seen
    assert seen.null.p == seen.null.smallest_p == pytest.approx(1 / 81)
    assert blurred.null.observed == pytest.approx(0)
    assert not blurred.seen
    assert blurred.pushed == pytest.approx(0.5)  # what a push alone would have called an effect
    assert (seen.ceiling, seen.layer, seen.null.n) == (pytest.approx(1), 3, 30)
    assert (seen.power, seen.predicted_ceiling) == (0.7, 0.8)
    assert seen.detectable == pytest.approx(0.56)


def test_power_that_is_never_reached_is_not_a_number():
    assert np.isnan(label_test.detectable(POWER, 0.99))
    assert label_test.detectable(POWER, 0.01) == 0


def test_a_reversed_effect_is_not_seen():
    assert label_test.steering_test(measured(-0.5), POWER).null.p > 0.9


def test_equal_cost_scales_an_effect_by_the_root_of_its_cost():
    tests = measured(0.5, controls=2)
    tests.loc[tests["kind"] == "shuffled", "kl"] = 0.05 / 4
    rows = label_test.null_rows(tests)
    assert rows.groupby("null")["nats"].max().tolist() == pytest.approx([0.5, 0.5])  # the labels as they are
    edges = rows[rows["labels"] == "as they are"].set_index("null")["effect"]
    assert edges["lengths kept"] == pytest.approx(2 * edges["scaled to one cost"])
    assert label_test.matched_null(tests).high == pytest.approx(
        2 * selection.effect_null(tests, "shuffled").high
    )


def test_missing_rows_are_named():
    with pytest.raises(ValueError, match="no rows of planted, shuffled"):
        label_test.steering_test(measured(0.5).head(2), POWER)
    with pytest.raises(ValueError, match="run make sweeps"):
        label_test.steering_test(pd.DataFrame(), POWER)


# ---------------------------------------------------------------- what came with the repository


def kept(name: str, table: str) -> pd.DataFrame:
    """Rows of a sweep on the pairs of a table."""
    pairs = experiment.sentiment_pairs() if table == "sentiment_pairs" else data.load(table)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ch10.data, "load", lambda _: pairs)
        return ch10.kept_rows(name)


@pytest.mark.parametrize("table", ["truth_pairs", "sentiment_pairs"])
def test_the_ceiling_and_what_is_planted_pass_the_test_and_the_cost_stays_within_the_limit(table):
    tests, power = kept("steering_test", table), kept("steering_power", table)
    result = label_test.steering_test(tests, power)
    assert result.ceiling > result.null.high
    if table == "truth_pairs":  # the control has half as many pairs, and an effect as large as its ceiling
        assert result.power >= 0.8
    assert power.loc[power["share"] == 0, "power"].iloc[0] == pytest.approx(0.05, abs=0.04)
    assert (kept("steering_doses", table)["kl"] <= 1.03 * selection.KL_LIMIT).all()
    assert result.kl < 1.5 * selection.KL_LIMIT  # on other prompts than those the doses were set on
    assert result.perplexity_after < 1.3 * result.perplexity_before


def test_the_positive_control_is_seen():
    result = label_test.steering_test(
        kept("steering_test", "sentiment_pairs"), kept("steering_power", "sentiment_pairs")
    )
    assert result.seen
    assert result.pushed > 0 > result.pulled


@pytest.mark.parametrize("table", ["truth_pairs", "sentiment_pairs"])
def test_the_gradient_says_of_most_labellings_what_the_model_does(table):
    tests, labels = kept("steering_test", table), kept("steering_labels", table).iloc[0]
    shuffled = tests[tests["kind"] == "shuffled"]
    finite = label_test.half_differences(tests, "shuffled").mean(1)
    assert shuffled["layer"].tolist() == labels["layers"][1 : 1 + len(shuffled)]
    assert shuffled["predicted"].to_numpy() == pytest.approx(
        np.array(labels["effects"][1 : 1 + len(shuffled)]), rel=0.02, abs=0.01
    )
    assert np.corrcoef(finite, shuffled["predicted"])[0, 1] > 0.7
