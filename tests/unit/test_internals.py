"""The cosine inside a model, its controls, attention patterns and gates: maths on arrays, hooks on tiny random models."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from types import SimpleNamespace

import nbformat
import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn.metrics.pairwise import cosine_similarity
from statsmodels.stats.proportion import proportion_confint

from cape_utils import data
from cape_utils.chapters.ch06_attention_heads import attention as patterns
from cape_utils.chapters.ch06_attention_heads import (
    captions,
    controls,
    experiment,
    figures,
    findings,
    head_gates,
)
from cape_utils.chapters.ch06_attention_heads import recompute as ch06
from cape_utils.claims import quotations
from cape_utils.internals import cosine as internals_cosine
from cape_utils.jobs import result_cache
from cape_utils.models.loading import encode
from tests.tiny_models import DEPTH, HEADS, WIDTH, tiny

TEXTS = {
    "reasoning": ["If it rains, the street", "Two and two make", "A stone in water will", "After May comes"],
    "truthfulness": ["The Earth goes round", "Bulls are angered by", "Goldfish remember for", "Bats are"],
    "control": ["Stir the soup", "Nice to see you", "Chop the onions finely", "How was your day"],
}
PARTS = ("weights", "without first token", "mean")
PAIRS = pd.DataFrame(
    {
        "pair_id": ["a", "b", "c"],
        "topic": ["one", "one", "two"],
        "stem": ["The sky is", "Snow feels", "Two and two make "],
        "true_completion": [" blue.", " cold.", "four."],
        "false_completion": [" green.", " very warm.", "nine."],
    }
)


def cloud(seed: int, n: int = 8, shape: tuple[int, ...] = (3, 12), shared: float = 0.0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n, *shape)) + shared


# ---------------------------------------------------------------- the measure


def test_the_measure_by_hand():
    first = np.array([[[1.0, 0.0]], [[0.0, 1.0]]])
    second = np.array([[[-1.0, 0.0]], [[-1.0, -0.5]]])
    found = internals_cosine.internal_coupling(first, second)
    # Means (0.5, 0.5) and (-1, -0.25); pairs -1, 0, -0.894, -0.447, of which two lie below -0.5.
    assert found.cosine[0] == pytest.approx(-1.25 / (np.sqrt(2) * np.hypot(1, 0.25)))
    assert found.pair_cosine[0] == pytest.approx(
        np.mean([-1, 0, -1 / np.hypot(1, 0.5), -0.5 / np.hypot(1, 0.5)])
    )
    assert found.opposed[0] == 0.5
    assert found.competing_units == 0  # half is not more than half
    assert (found.n_first, found.n_second, found.cooperative_pct) == (2, 2, 0)


def test_more_than_half_of_the_pairs_make_a_unit_compete():
    first = np.array([[[1.0, 0.0]], [[1.0, 0.0]], [[0.0, 1.0]]])
    second = np.array([[[-1.0, 0.0]]])
    assert internals_cosine.internal_coupling(first, second).competing_units == 1
    assert internals_cosine.internal_coupling(first[1:], second).competing_units == 0


def test_pairs_are_those_of_scikit_learn_by_layer_and_by_head():
    a, b = cloud(0, 5, (2, 3, 7)), cloud(1, 4, (2, 3, 7), 0.3)
    found = internals_cosine.internal_coupling(a, b)
    assert found.cosine.shape == (2, 3)
    for i, j in np.ndindex(2, 3):
        pairs = cosine_similarity(a[:, i, j], b[:, i, j])
        assert found.pair_cosine[i, j] == pytest.approx(pairs.mean())
        assert found.opposed[i, j] == pytest.approx((pairs < -0.5).mean())
        own = cosine_similarity(a[:, i, j].mean(0)[None], b[:, i, j].mean(0)[None])
        assert found.cosine[i, j] == pytest.approx(own[0, 0])


@given(st.integers(0, 50), st.floats(0.01, 100), st.floats(0.01, 100))
@settings(max_examples=20, deadline=None)
def test_units_order_and_rotation_do_not_matter(seed, one, two):
    a, b = cloud(seed), cloud(seed + 1, 6)
    turn = stats.ortho_group(12, seed=seed).rvs()
    plain, other = (
        internals_cosine.internal_coupling(a, b),
        internals_cosine.internal_coupling(one * b[::-1] @ turn, two * a @ turn),
    )
    assert np.allclose(plain.cosine, other.cosine)
    assert np.allclose(plain.opposed, other.opposed)


def test_centring_takes_a_shared_part_away():
    a, b, rest = (cloud(k, 20, (3, 800), 5) for k in range(3))
    assert internals_cosine.internal_coupling(a, b).cosine.min() > 0.95
    assert np.abs(internals_cosine.internal_coupling(a, b, centred=True, reference=rest).cosine).max() < 0.15


def test_the_noise_of_a_reference_does_not_make_two_sets_alike():
    # Centred on one mean of r prompts, two sets of n of the same kind have a cosine near n / (n + r); in halves, zero.
    cosines = [
        internals_cosine.internal_coupling(
            cloud(k, 16, (1, 64)),
            cloud(k + 500, 16, (1, 64)),
            centred=True,
            reference=cloud(k + 1000, 16, (1, 64)),
        ).cosine[0]
        for k in range(200)
    ]
    assert abs(np.mean(cosines)) < 0.03


@pytest.mark.parametrize("reference", [None, "pooled", "one of them"])
def test_centring_on_the_sets_themselves_is_refused(reference):
    a, b = cloud(0), cloud(1)
    came = {"pooled": np.concatenate([a, b]), "one of them": np.concatenate([cloud(2), b[:1]])}.get(reference)
    with pytest.raises(ValueError, match="opposite by arithmetic"):
        internals_cosine.internal_coupling(a, b, centred=True, reference=came)
    # What it would have given: minus one in every unit, whatever the sets.
    middle = (a.mean(0) + b.mean(0)) / 2
    left, right = a.mean(0) - middle, b.mean(0) - middle
    assert np.allclose(internals_cosine.unit_cosine(left, right), -1)


def test_a_reference_between_the_two_kinds_makes_them_opposite_and_a_third_kind_does_not():
    shape, size = (2, 40), 3.0
    kinds = {}
    for k, name in enumerate(("one", "two", "three")):  # three kinds at equal distances
        shift = np.zeros(shape)
        shift[:, k] = size
        kinds[name] = cloud(k, 400, shape, 2.0) + shift
    found = controls.compare_kinds(kinds, n=100)
    for pair in ("one and two", "one and three", "two and three"):
        assert found[pair, "raw"].cosine.min() > 0.9
        assert found[pair, "centred between the two"].cosine.max() < -0.8
        assert found[pair, "centred on the third kind"].cosine == pytest.approx(0.5, abs=0.1)
    table = controls.coupling_table({("net", "layer"): found})
    assert table["prompts"].tolist() == ["one and two", "one and three", "two and three"]
    assert len(controls.profile_table({("net", "layer"): found, ("net", "head"): found})) == 3 * 3 * 2


def test_wrong_input_says_what_is_needed():
    a = cloud(0)
    for first, second, options, words in (
        (
            a,
            cloud(1, shape=(3, 11)),
            {},
            r"from one model are needed; their shapes are \(8, 3, 12\) and \(8, 3, 11\)",
        ),
        (a[:, 0], a[:, 0], {}, "two arrays of shape"),
        (a[:0], a, {}, "at least one prompt"),
        (a, cloud(1), {"reference": cloud(2)}, "got a reference for the raw measure"),
        (a, cloud(1), {"centred": True, "reference": cloud(2)[:1]}, "the reference needs at least 2 prompts"),
        (a, cloud(1), {"centred": True, "reference": cloud(2, shape=(3, 5))}, r"shape is \(8, 3, 5\)"),
    ):
        with pytest.raises(ValueError, match=words):
            internals_cosine.internal_coupling(first, second, **options)
    with pytest.raises(ValueError, match="expected three kinds of more than 16 prompts each, got a 3"):
        controls.compare_kinds({"a": a[:3]})


# ---------------------------------------------------------------- the controls


def test_random_halves_find_a_planted_difference_and_keep_their_rate_without_one():
    a, b = cloud(0, shared=2), cloud(1, shared=2)
    b[..., 0] += 6
    assert controls.between_random_halves(a, b, draws=300).p < 0.01
    p = [
        controls.between_random_halves(cloud(k, shared=1), cloud(k + 900, shared=1), draws=99, rng=k).p
        for k in range(200)
    ]
    # 200 tests at 10%: a binomial count with a standard deviation of 4.2.
    assert 8 <= sum(value <= 0.1 for value in p) <= 34


def test_a_deal_is_the_measure_of_its_sets():
    a, b, rest = cloud(0), cloud(1, 5), cloud(2, 9)
    for options in ({}, {"centred": True, "reference": rest}):
        found = controls.between_random_halves(a, b, draws=1, rng=4, **options)
        both = np.concatenate([a, b])
        order = np.random.default_rng(4).permuted(np.arange(13)[None], axis=1)[0]
        dealt = internals_cosine.internal_coupling(both[order < 8], both[order >= 8], **options)
        assert found.value == pytest.approx(dealt.mean_cosine)


def test_a_planted_contrast_is_seen_where_arithmetic_says():
    # One shared vector and no noise: raw cosine (1 - x²) / (1 + x²), zero at 1 and -0.5 at the root of three.
    shared = np.random.default_rng(0).normal(size=(1, 4, 2000))
    a, b = np.repeat(shared, 4, 0), np.repeat(shared, 4, 0)
    sizes = np.arange(0, 2.01, 0.05).round(2)
    reference = shared + 1e-6 * cloud(1, 4, (4, 2000))
    curve = controls.planted_curve(a, b, sizes, reference=reference, rng=7)
    plain = curve[curve["measure"] == "raw"].set_index("size")["mean_cosine"]
    assert np.allclose(plain, (1 - sizes**2) / (1 + sizes**2), atol=0.06)
    assert controls.seen_from(curve, "negative_pct", "raw") == pytest.approx(1.0, abs=0.06)
    assert controls.seen_from(curve, "competing_pct", "raw") == pytest.approx(3**0.5, abs=0.06)
    assert controls.seen_from(curve, "competing_pct", "centred") == 0.05
    assert controls.seen_from(curve, "mean_cosine", "raw", below=0.9) == pytest.approx(0.25, abs=0.06)
    assert np.isnan(controls.seen_from(curve, "mean_cosine", "raw", below=-0.9))
    with pytest.raises(ValueError, match="measure is 'other'; the curve holds raw, centred"):
        controls.seen_from(curve, "negative_pct", "other")
    with pytest.raises(ValueError, match="say below= for the mean cosine"):
        controls.seen_from(curve, "mean_cosine", "raw")
    with pytest.raises(ValueError, match="not negative"):
        controls.planted_curve(a, b, [-0.1], reference=reference)


def test_random_weights_are_another_network_of_the_same_shape():
    own = tiny("gpt2")
    state = torch.random.get_rng_state()
    other, again = (
        controls.random_weights(own, seed=5),
        controls.random_weights(own, seed=5),
    )
    assert torch.equal(state, torch.random.get_rng_state())
    mine, theirs, same = (dict(x.model.named_parameters()) for x in (own, other, again))
    assert mine.keys() == theirs.keys()
    assert not any(torch.equal(mine[k], theirs[k]) for k in mine if k.endswith("attn.c_proj.weight"))
    assert all(torch.equal(theirs[k], same[k]) for k in mine)


def test_the_share_of_models_is_that_of_statsmodels():
    found = internals_cosine.share_of_models(38, 40)
    assert (found.low, found.high) == pytest.approx(proportion_confint(38, 40, method="wilson"))
    with pytest.raises(ValueError, match="got 5 of 4 models"):
        internals_cosine.share_of_models(5, 4)


# ---------------------------------------------------------------- prompts and rows


def test_prompt_sets_mix_forms_and_topics():
    table = data.load("prompts").set_index("prompt")
    for kind, texts in internals_cosine.prompt_sets(16).items():
        part = table.loc[texts]
        assert set(part["kind"]) == {kind}
        assert part["form"].value_counts().between(5, 6).all()
        assert part["topic"].nunique() >= min(4, table.query("kind == @kind")["topic"].nunique())
    assert internals_cosine.prompt_sets() == internals_cosine.prompt_sets()
    assert sorted(internals_cosine.prompt_sets()["control"]) == sorted(table.query("kind == 'control'").index)
    with pytest.raises(ValueError, match="n is 0"):
        internals_cosine.prompt_sets(0)


@pytest.mark.parametrize("architecture", ["llama", "bloom", "gemma2"])
def test_vectors_are_the_means_over_tokens_after_the_first(architecture):
    loaded = tiny(architecture)
    text = TEXTS["reasoning"][0]
    found = internals_cosine.read_vectors(loaded, [text, "x"], unit="layer")
    assert found.shape == (2, DEPTH, WIDTH)
    batch = encode(loaded.tokenizer, [text])
    states = loaded.model(**batch, output_hidden_states=True).hidden_states
    # The last state has the final norm on it; those before are the layers' own.
    for i in range(DEPTH - 1):
        assert np.allclose(found[0, i], states[i + 1][0, 1:].mean(0).numpy(), atol=1e-5)
    with pytest.raises(ValueError, match="there is no text"):
        internals_cosine.read_vectors(loaded, [])


def test_a_summary_is_plain_and_has_the_promised_keys():
    row = internals_cosine.cosine_summary(tiny("llama"), TEXTS)
    assert tuple(row) == internals_cosine.results_columns()
    assert json.loads(json.dumps(row, allow_nan=False)) == row
    a, b = (
        internals_cosine.read_vectors(tiny("llama"), TEXTS[k], unit="head")
        for k in ("reasoning", "truthfulness")
    )
    assert row["head_reasoning_truthfulness_cosine"] == internals_cosine.internal_coupling(a, b).mean_cosine
    with pytest.raises(ValueError, match="prompts of the kinds control are missing"):
        internals_cosine.cosine_summary(tiny("llama"), {k: TEXTS[k] for k in ("reasoning", "truthfulness")})


def test_results_of_many_models_are_read_and_none_are_an_empty_table(tmp_path, monkeypatch):
    empty = internals_cosine.read_results(tmp_path / "none")
    assert (len(empty), tuple(empty.columns)) == (0, internals_cosine.results_columns())
    row = internals_cosine.cosine_summary(tiny("llama"), TEXTS)
    pd.DataFrame([row | {"model": "z"}]).to_parquet(tmp_path / "z.parquet")
    pd.DataFrame([{"model": "a", "error": "too large"}]).to_parquet(tmp_path / "a.parquet")
    found = internals_cosine.read_results(tmp_path)
    assert found["model"].tolist() == ["a", "z"]
    monkeypatch.setenv("CAPE_RESULTS", str(tmp_path))
    assert internals_cosine.read_results().empty
    (tmp_path / "internals").mkdir()
    pd.DataFrame([row]).to_parquet(tmp_path / "internals" / "b.parquet")
    assert internals_cosine.read_results()["model"].tolist() == [row["model"]]
    assert found.columns[-1] == "error"
    assert np.isnan(found.loc[0, "layer_centred_cosine"])
    (tmp_path / "a.parquet").unlink()
    pd.DataFrame({"x": [1]}).to_parquet(tmp_path / "z.parquet")
    with pytest.raises(ValueError, match="without a column 'model'"):
        internals_cosine.read_results(tmp_path)


# ---------------------------------------------------------------- attention patterns


@pytest.mark.parametrize("architecture", ["llama", "gpt_neox", "opt"])
def test_patterns_are_shares_of_what_came_before(architecture):
    loaded = tiny(architecture)
    n = patterns.common_length(loaded, TEXTS["reasoning"], TEXTS["control"])
    assert n == 1 + min(len(t) for t in TEXTS["reasoning"] + TEXTS["control"])  # a token a byte
    before = loaded.model.config._attn_implementation
    found, _ = patterns.read_attention(loaded, TEXTS["reasoning"], tokens=n, batch_size=3)
    assert loaded.model.config._attn_implementation == before
    assert found.shape == (4, DEPTH, HEADS, n, n)
    assert np.allclose(found.sum(-1), 1, atol=1e-5)
    assert np.abs(np.triu(found, 1)).max() == 0
    with pytest.raises(ValueError, match="fewer than the 99 asked for"):
        patterns.read_attention(loaded, TEXTS["reasoning"], tokens=99)


def test_means_over_keys_know_the_lengths_and_nothing_else():
    one, two = TEXTS["reasoning"], TEXTS["control"]
    networks = [tiny("llama"), tiny("llama", 1), tiny("gpt2")]
    found = [
        patterns.pattern_cosine(*(patterns.read_attention(net, t, tokens=2)[1] for t in (one, two)))
        for net in networks
    ]
    alone = patterns.length_cosine(*(patterns.token_counts(networks[0], t) for t in (one, two)))
    assert alone < 0.999
    for cosine in found:
        assert np.allclose(cosine, alone, atol=1e-6)


def test_pattern_cosines_by_hand_and_their_floor():
    assert patterns.length_cosine([4], [9]) == pytest.approx(
        2 / 3
    )  # four shared places: 4/36 over sqrt(1/4 · 1/9)
    uniform = patterns.uniform_patterns(3)
    assert uniform[0, 0, 0].tolist() == [[1, 0, 0], [0.5, 0.5, 0], [1 / 3, 1 / 3, 1 / 3]]
    assert patterns.pattern_cosine(uniform, uniform)[0, 0] == pytest.approx(1)
    a, b = (patterns.random_patterns(16, 40, 12, rng=k) for k in (0, 1))
    assert np.allclose(a.sum(-1), 1)
    cosines = patterns.pattern_cosine(a, b)
    assert cosines.shape == (1, 40)
    assert 0.9 < cosines.min() <= cosines.max() < 1
    # One prompt a set, so that chance is not averaged out: still above zero, as no share is negative.
    single = patterns.pattern_cosine(a[:1], b[:1])
    assert 0 < single.min() < cosines.min()
    table = patterns.pattern_table({("p", "c"): cosines})
    assert table.loc[0, ["low", "cosine", "high"]].tolist() == [cosines.min(), cosines.mean(), cosines.max()]


def test_the_first_token_is_left_out_and_rows_are_shares_again():
    p = patterns.uniform_patterns(4)
    inner = patterns.without_first_token(p)
    assert inner.shape[-2:] == (3, 3)
    assert np.allclose(inner.sum(-1), 1)
    assert patterns.first_token_share(p) == pytest.approx(np.mean([1 / 2, 1 / 3, 1 / 4]))
    with pytest.raises(ValueError, match="different models"):
        patterns.pattern_cosine(np.ones((2, 3, 4, 2)), np.ones((2, 3, 5, 2)))
    with pytest.raises(ValueError, match="lengths from 9 to 5"):
        patterns.length_draws(shortest=9, longest=5)


# ---------------------------------------------------------------- gates


@pytest.mark.parametrize("architecture", ["llama", "gpt2", "gpt_neox"])
def test_slopes_are_those_of_finite_steps(architecture):
    loaded = tiny(architecture)
    found = head_gates.gate_slopes(loaded, PAIRS, batch_size=2)
    assert found.slope.shape == (3, DEPTH, HEADS)
    assert not any(p.requires_grad for p in loaded.model.parameters())
    from cape_utils.models.activations import edit

    def margin(layer, head, g):
        gate = torch.ones(HEADS, 1)
        gate[head] = g
        values = []
        for column in ("true_completion", "false_completion"):
            for stem, end in zip(PAIRS["stem"], PAIRS[column], strict=True):
                ids = encode(loaded.tokenizer, [stem + end])["input_ids"]
                with torch.no_grad(), edit(loaded.model, {layer: lambda x, _m: x * gate}, unit="head"):
                    logp = loaded.model(ids).logits[0].double().log_softmax(-1)
                scored = range(1 + len(stem), ids.shape[1])  # a token a byte, and the first token
                values.append(sum(float(logp[i - 1, ids[0, i]]) for i in scored))
        return np.array(values[:3]) - np.array(values[3:])

    assert np.allclose(found.margin, margin(0, 0, 1.0), atol=1e-4)
    steps = np.stack(
        [[(margin(i, j, 1.5) - margin(i, j, 0.5)) for j in range(HEADS)] for i in range(DEPTH)]
    ).transpose(2, 0, 1)
    assert np.corrcoef(steps.ravel(), found.slope.ravel())[0, 1] > 0.99


def test_the_model_is_the_same_after_slopes_were_taken():
    loaded = tiny("llama")
    batch = encode(loaded.tokenizer, TEXTS["control"])
    before = loaded.model(**batch).logits
    head_gates.gate_slopes(loaded, PAIRS)
    assert torch.equal(before, loaded.model(**batch).logits)


def test_kept_slopes_are_those_computed_and_are_not_taken_for_other_sentences(tmp_path):
    loaded = tiny("llama")
    plain = head_gates.gate_slopes(loaded, PAIRS)
    first = head_gates.kept_slopes(loaded, PAIRS, folder=tmp_path)
    assert np.allclose(first.slope, plain.slope, atol=6e-5)
    assert np.allclose(first.margin, plain.margin, rtol=1e-4, atol=1e-5)
    again = head_gates.kept_slopes(
        loaded, PAIRS, folder=tmp_path, progress=lambda _: pytest.fail("done again")
    )
    assert np.array_equal(first.slope, again.slope)
    head_gates.kept_slopes(loaded, PAIRS.assign(stem=PAIRS["stem"] + " not"), folder=tmp_path)
    assert len(list(tmp_path.glob("head_gates-*.jsonl"))) == 2


def test_reliability_is_that_of_the_planted_profile():
    rng = np.random.default_rng(0)
    profile = rng.normal(size=(6, 50))
    for noise in (1.0, 4.0, 12.0):
        items = profile + noise * rng.normal(size=(64, 6, 50))
        # The share of variance of the mean of 64 items that is profile.
        assert head_gates.reliability(items, splits=200) == pytest.approx(1 / (1 + noise**2 / 64), abs=0.12)
    assert abs(head_gates.reliability(rng.normal(size=(64, 6, 50)), splits=200)) < 0.25
    assert head_gates.items_needed(0.0, 10) == np.inf
    with pytest.raises(ValueError, match="target is 1"):
        head_gates.items_needed(0.5, 10, target=1)


@pytest.mark.parametrize("scale", ["head", "nats"])
def test_planted_agreement_and_planted_competition_are_found(scale):
    rng = np.random.default_rng(1)
    profile = rng.normal(size=(6, 10))
    a = profile + 2 * rng.normal(size=(40, 6, 10))
    for sign in (1, -1):
        b = sign * profile + 2 * rng.normal(size=(60, 6, 10))
        found = head_gates.agreement(a, b, scale=scale, draws=500)
        assert found.r.p < 0.01
        assert np.sign(found.r.observed) == sign
        assert abs(found.disattenuated) == pytest.approx(1, abs=0.2)
        assert (found.opposite.observed > 0.5) == (sign < 0)
        assert (found.competing.sum() > 0) == (sign < 0)
    assert len(head_gates.agreement_table({"x": found, "y": found})) == 120
    other = head_gates.agreement(a, rng.normal(size=(60, 6, 10)), scale=scale, draws=500)
    assert other.competing.sum() == 0
    assert other.r.p > 0.001


def test_no_head_is_named_at_the_stated_rate_where_nothing_is_there():
    rng = np.random.default_rng(2)
    hits = sum(
        head_gates.named_heads(rng.standard_t(3, size=(30, 4, 5)), draws=300, rng=k).any() for k in range(200)
    )
    assert 2 <= hits <= 22  # 200 tests at 5%
    planted = rng.normal(size=(30, 4, 5))
    planted[:, 2, 3] += 2
    assert head_gates.named_heads(planted)[2, 3]


def test_what_gates_refuse():
    with pytest.raises(ValueError, match="there is no pair"):
        head_gates.gate_slopes(tiny("llama"), PAIRS.iloc[:0])
    with pytest.raises(ValueError, match="got 2 couples for 3 items"):
        head_gates.couple_means(np.ones((3, 2)), ["a", "a"])
    with pytest.raises(ValueError, match="at least 6 independent items"):
        head_gates.agreement(np.ones((3, 2, 2)), np.ones((9, 2, 2)))
    with pytest.raises(ValueError, match="different models"):
        head_gates.agreement(np.ones((9, 2, 3)), np.ones((9, 2, 2)))
    with pytest.raises(ValueError, match="scale is 'x'; allowed: head, nats"):
        head_gates.agreement(np.ones((9, 2, 2)), np.ones((9, 2, 2)), scale="x")


def test_reasoning_pairs_share_their_endings_the_other_way_round():
    table = data.load("reasoning_pairs")
    for _, couple in table.groupby("couple"):
        one, two = couple.to_dict("records")
        assert one["true_completion"] == two["false_completion"]
        assert one["false_completion"] == two["true_completion"]
        assert one["topic"] == two["topic"]
    assert table.groupby("topic")["couple"].nunique().min() >= 6


# ---------------------------------------------------------------- what is kept of the vectors


def same(one, two) -> bool:
    """Whether two records, tables or dicts of them hold the same to the last digit."""
    if isinstance(one, dict):
        return list(one) == list(two) and all(same(one[key], two[key]) for key in one)
    if isinstance(one, pd.DataFrame):
        return one.reset_index(drop=True).equals(two.reset_index(drop=True))
    if dataclasses.is_dataclass(one):
        return type(one) is type(two) and same(vars(one), vars(two))
    return bool(np.array_equal(one, two, equal_nan=not isinstance(one, str)))


def shown(study: experiment.Study) -> dict:
    """Everything that the chapter asks a study for."""
    planted = study.planted_curve([0.0, 0.5, 2.0])
    return {
        "kinds": study.compare_kinds(),
        "planted": planted,
        "seen": study.first_seen(planted),
        "halves": study.random_halves_table(),
        "last": study.pair_couplings(study.short, pool="last"),
        "mean": study.pair_couplings({"a": TEXTS["reasoning"], "b": TEXTS["control"]}),
        "patterns": study.pattern_cosines(),
        "share": study.first_token_share,
    }


@pytest.fixture(scope="module")
def few():
    return internals_cosine.prompt_sets(36)


def test_a_study_gives_what_the_measures_give_of_its_vectors(few, tmp_path):
    study = experiment.study(tiny("llama", 1), few, folder=tmp_path)
    found, vectors = shown(study), study.vectors
    by_kind = {kind: vectors["random weights", "head", kind] for kind in few}
    assert same(found["kinds"]["random weights", "head"], controls.compare_kinds(by_kind))
    assert not np.allclose(
        vectors["trained", "head", "control"], vectors["random weights", "head", "control"]
    )
    curves = []
    for unit in ("layer", "head"):
        mine = vectors["trained", unit, "reasoning"]
        curve = controls.planted_curve(mine[:16], mine[16:32], [0.0, 0.5, 2.0], reference=mine[32:])
        curves.append(curve.assign(unit=unit))
    assert same(found["planted"], pd.concat(curves))
    heads = vectors["trained", "head", "reasoning"]
    assert same(found["seen"], controls.first_seen(pd.concat(curves), heads[:16], heads[16:32], heads[32:]))
    by_head = {(n, kind): vectors[n, "head", kind] for n in experiment.NETWORKS for kind in few}
    assert same(found["halves"], controls.random_halves_table(by_head))
    last = internals_cosine.read_vectors(study.loaded, few["control"][:16], unit="head", pool="last")
    other = internals_cosine.read_vectors(study.loaded, few["truthfulness"][:16], unit="head", pool="last")
    assert same(found["last"]["truthfulness and control"], internals_cosine.internal_coupling(other, last))
    weights, means = zip(
        *(
            patterns.read_attention(study.loaded, few[k][:16], tokens=study.tokens)
            for k in ("reasoning", "control")
        ),
        strict=True,
    )
    of = {part: found["patterns"]["reasoning and control", "trained", part] for part in PARTS}
    inner = [patterns.without_first_token(part) for part in weights]
    for part, both in zip(PARTS, (weights, inner, means), strict=True):
        assert same(of[part], patterns.pattern_cosine(*both))
    assert found["share"] == patterns.first_token_share(weights[0])


def test_a_study_is_kept_to_the_last_digit_and_no_network_is_read_again(few, tmp_path):
    first = shown(experiment.study(tiny("llama"), few, folder=tmp_path))
    again = experiment.study(
        tiny("llama"), few, folder=tmp_path, progress=lambda _: pytest.fail("read again")
    )
    assert same(shown(again), first)
    assert not {"vectors", "networks"} & set(vars(again))


def test_nothing_kept_is_taken_for_another_network_other_prompts_or_other_code(few, tmp_path, monkeypatch):
    def files() -> int:
        return len(list(tmp_path.glob("cosine_kinds-*.npz")))

    loaded = tiny("llama")
    others = {kind: list(reversed(texts)) for kind, texts in few.items()}
    half = loaded._replace(info=dataclasses.replace(loaded.info, dtype="bfloat16"))
    for n, study in enumerate(
        (
            experiment.study(loaded, few, folder=tmp_path),
            experiment.study(tiny("llama", 1), few, folder=tmp_path),
            experiment.study(loaded, others, folder=tmp_path),
            experiment.study(loaded, dict(reversed(few.items())), folder=tmp_path),
            experiment.study(half, few, folder=tmp_path),
        ),
        1,
    ):
        study.compare_kinds()
        assert files() == n
    changed = SimpleNamespace(depends_on=lambda *_: SimpleNamespace(digest="another"))
    monkeypatch.setattr(experiment, "book_provenance", lambda: changed)
    experiment.study(loaded, few, folder=tmp_path).compare_kinds()
    assert files() == 6


# ---------------------------------------------------------------- the released figures


def test_the_counts_of_the_release_by_hand():
    assert dict(ch06.zero_readings()) == {
        "released counts": (17, 25),
        "with the counts in the text": (18, 26),
        "the most that is possible, every model without a count taken as zero": (32, 40),
    }
    table = data.load("internal_coupling")
    assert (table["competing_units"] > 0).sum() == 8


def test_released_patterns_move_by_less_than_seven_digits():
    rows = ch06.pattern_rows()
    assert len(rows) == 7
    assert rows["spread"].max() < 2e-7
    assert rows.groupby("family")["cosine"].agg(lambda c: c.max() - c.min()).max() < 2e-8


def test_the_fixed_point_of_a_line_is_one():
    assert ch06._line_fixed_point(np.array([0.0, 0.5, 0.75, 0.875])) == pytest.approx(1.0)
    assert set(ch06.fixed_point_readings().values()) <= set(
        np.clip(list(ch06.fixed_point_readings().values()), 0, 1)
    )
    assert ch06.fixed_point_readings()["line through all steps"] == pytest.approx(0.5989, abs=1e-3)


def test_unrelated_heads_are_no_competing_heads():
    opposed = ch06.unrelated_heads(300)
    assert opposed.shape == (300,)
    assert opposed.max() < 0.05


# ---------------------------------------------------------------- the default model


@pytest.fixture(scope="module")
def default():
    from cape_utils.models.bundled import ModelError
    from cape_utils.models.loading import load_model

    try:
        return load_model()
    except ModelError as error:
        pytest.skip(f"the default model cannot be had: {error}")


def test_no_head_competes_between_recipes_and_reasoning(default):
    sets = internals_cosine.prompt_sets(16)
    a, b = (
        internals_cosine.read_vectors(default, sets[kind], unit="head") for kind in ("reasoning", "control")
    )
    found = internals_cosine.internal_coupling(a, b)
    assert found.competing_units == 0
    assert found.cooperative_pct == 100
    with pytest.raises(ValueError, match="opposite by arithmetic"):
        internals_cosine.internal_coupling(a, b, centred=True, reference=np.concatenate([a, b]))
    curve = controls.planted_curve(a[:8], a[8:], [0.0, 3.0], reference=b)
    assert curve.query("measure == 'raw' and size == 3")["competing_pct"].item() > 90


@pytest.mark.parametrize("table", ["reasoning_pairs", "truth_pairs"])
def test_the_kept_slopes_of_the_default_model_are_its_own(default, table, tmp_path):
    pairs = data.load(table)
    done = head_gates.kept_slopes(
        default,
        pairs,
        folder=tmp_path,
        progress=lambda _: pytest.fail("the kept slopes are of other sentences"),
    )
    rows = [0, len(pairs) - 1]
    live = head_gates.gate_slopes(default, pairs.iloc[rows])
    assert np.allclose(live.margin, done.margin[rows], atol=1e-3)
    assert np.allclose(live.slope, done.slope[rows], atol=2e-3)
    assert not (result_cache.results_folder() / "nothing").exists()


KEPT = ("cosine_*.npz", "attention_cosines-*.npz")


def test_the_chapter_asks_for_what_is_kept_and_nothing_else_is_kept(default_model, tmp_path, monkeypatch):
    book = Path(__file__).resolve().parents[2]
    monkeypatch.setenv("CAPE_RESULTS", str(tmp_path))
    for module, name in (
        (experiment, "read_units"),
        (experiment, "read_vectors"),
        (patterns, "read_attention"),
        (controls, "random_weights"),
    ):
        monkeypatch.setattr(module, name, lambda *_, **__: pytest.fail("stale: run make sweeps"))
    # The digest of the code is that of the files, which the lines above leave alone.
    asked, kept_arrays = set(), result_cache.kept_arrays

    def noted(name, settings, *args, **options):
        asked.add(f"{name}-{result_cache.digest(settings)}.npz")
        return kept_arrays(name, settings, *args, **options)

    monkeypatch.setattr(result_cache, "kept_arrays", noted)
    names = {
        **{"np": np, "pd": pd, "data": data, "MODEL": "", "attention": patterns, "controls": controls},
        **{"experiment": experiment, "figures": figures, "findings": findings, "captions": captions},
        "internals": SimpleNamespace(prompt_sets=internals_cosine.prompt_sets),
        "models": SimpleNamespace(load_model=lambda _: default_model),
        "quotations": quotations,
    }
    cells = nbformat.read(book / "notebooks" / "06_attention_heads.ipynb", as_version=4).cells
    for cell in cells:
        if cell.cell_type == "code" and ("study" in cell.source or "shares[" in cell.source):
            exec(cell.source, names)
    shipped = {path.name for pattern in KEPT for path in (data.tables_folder() / "kept").glob(pattern)}
    assert asked == shipped, "data/kept: run make sweeps, and remove what the chapter no longer asks for"
    assert not list(tmp_path.iterdir())


def unlike(kept: internals_cosine.InternalCoupling, live: internals_cosine.InternalCoupling) -> float:
    """The largest difference of two cosines; the networks compute in single precision."""
    return float(np.abs(kept.cosine - live.cosine).max() + np.abs(kept.pair_cosine - live.pair_cosine).max())


def test_the_kept_cosines_of_the_default_model_are_its_own(default_model):
    study = experiment.study(default_model)
    read = {kind: internals_cosine.read_units(default_model, texts) for kind, texts in study.prompts.items()}
    for unit in ("layer", "head"):
        kept = study.compare_kinds()["trained", unit]
        live = controls.compare_kinds({kind: arrays[unit] for kind, arrays in read.items()})
        assert list(kept) == list(live)
        assert max(unlike(kept[key], live[key]) for key in live) < 1e-3
    sizes = np.arange(0, 2.01, 0.05).round(2)
    planted = study.planted_curve(sizes)
    first, second, others = np.split(read["reasoning"]["head"], [16, 32])
    again = controls.planted_curve(first, second, sizes[::10], reference=others)
    some = planted[(planted["unit"] == "head") & planted["size"].isin(sizes[::10])]
    for column, allowed in (("mean_cosine", 1e-3), ("negative_pct", 1), ("competing_pct", 1)):
        assert np.allclose(some[column], again[column], atol=allowed)
    seen = controls.first_seen(planted, first, second, others)
    assert same(study.first_seen(planted), seen)
    by_head = {("trained", kind): arrays["head"] for kind, arrays in read.items()}
    halves = controls.random_halves_table(by_head)
    table = study.random_halves_table().iloc[:3]
    numbers = ["cosine", "median", "low", "high", "p"]
    assert np.allclose(table[numbers], halves[numbers], atol=1e-3)


@pytest.mark.slow
def test_the_kept_cosines_of_random_weights_and_of_attention_are_their_own(default_model):
    study = experiment.study(default_model)
    untrained = study.networks["random weights"]
    heads = [
        internals_cosine.read_vectors(untrained, study.short[kind], unit="head")
        for kind in ("reasoning", "control")
    ]
    live = internals_cosine.internal_coupling(*heads)
    assert (
        unlike(study.compare_kinds()["random weights", "head"]["reasoning and control", "raw"], live) < 1e-3
    )
    table = study.random_halves_table().set_index(["network", "prompts"])
    row = table.loc[("random weights", "reasoning and control")]
    assert row["cosine"] == pytest.approx(live.mean_cosine, abs=1e-3)
    for name, network in study.networks.items():
        weights, means = zip(
            *(
                patterns.read_attention(network, study.short[kind], tokens=study.tokens)
                for kind in ("reasoning", "truthfulness")
            ),
            strict=True,
        )
        inner = [patterns.without_first_token(part) for part in weights]
        for part, both in zip(PARTS, (weights, inner, means), strict=True):
            kept = study.pattern_cosines()["reasoning and truthfulness", name, part]
            assert np.allclose(kept, patterns.pattern_cosine(*both), atol=1e-3)
        if name == "trained":
            assert study.first_token_share == pytest.approx(patterns.first_token_share(weights[0]), abs=1e-3)
    last = study.pair_couplings(study.short, pool="last")["reasoning and control"]
    heads = [
        internals_cosine.read_vectors(default_model, study.short[kind], unit="head", pool="last")
        for kind in ("reasoning", "control")
    ]
    assert unlike(last, internals_cosine.internal_coupling(*heads)) < 1e-3
