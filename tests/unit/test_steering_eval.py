"""Margins, costs, slopes, TruthfulQA, choice and test: against plain loops, by hand, and with planted effects."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch")

from cape_utils import data  # noqa: E402
from cape_utils.chapters.ch10_steering import (  # noqa: E402
    experiment,
    figures,
    findings,
    label_test,
    methods,
    prefix_cache,
    selection,
)
from cape_utils.chapters.ch10_steering import outputs as ch10_outputs  # noqa: E402
from cape_utils.chapters.ch10_steering import recompute as ch10  # noqa: E402
from cape_utils.chapters.ch10_steering.run_sizes import FULL, QUICK  # noqa: E402
from cape_utils.jobs import result_cache  # noqa: E402
from cape_utils.models import completions, truthfulqa  # noqa: E402
from cape_utils.models.bundled import EMBEDDED, ModelError  # noqa: E402
from cape_utils.models.loading import Loaded, encode, load_model, own_tokens  # noqa: E402
from cape_utils.steering import directions, evaluation, interventions, layer_map  # noqa: E402
from cape_utils.steering import pairs as steering_pairs  # noqa: E402
from tests.tiny_models import FEW, WIDTH, tiny  # noqa: E402


def pairs(n: int = 4) -> pd.DataFrame:
    return data.load("truth_pairs").head(n)


def few() -> pd.DataFrame:
    """Four pairs of each of four topics, in couples."""
    table = data.load("truth_pairs")
    first = table[table["topic"].isin(sorted(table["topic"].unique())[:4])]
    return first.groupby("topic").head(4).reset_index(drop=True)


def plain_logp(loaded, stem: str, completion: str) -> float:
    """One text, one token at a time, from the definition."""
    ids = encode(loaded.tokenizer, [f"{stem} {completion.strip()}"])["input_ids"]
    start = encode(loaded.tokenizer, [stem])["input_ids"].shape[1]
    with torch.no_grad():
        logp = loaded.model(ids).logits[0].double().log_softmax(-1)
    return sum(float(logp[i - 1, ids[0, i]]) for i in range(start, ids.shape[1]))


def pair_margins(loaded, table: pd.DataFrame) -> pd.DataFrame:
    """The margin of each pair by separate calls, without a prefix that is computed once."""
    stems = table["stem"].tolist()
    true, n = completions.completion_logp(loaded, stems, table["true_completion"].tolist())
    false, m = completions.completion_logp(loaded, stems, table["false_completion"].tolist())
    return pd.DataFrame({"margin": true - false, "margin_per_token": true / n - false / m}, index=table.index)


# ---------------------------------------------------------------- margins and costs


@pytest.mark.parametrize("architecture", ["llama", "gpt2", "bloom", "opt"])
def test_log_probabilities_are_those_of_a_plain_loop(architecture):
    loaded, table = tiny(architecture), pairs(5)
    stems, answers = table["stem"].tolist(), table["true_completion"].tolist()
    logp, tokens = completions.completion_logp(loaded, stems, answers, batch_size=3)
    expected = [plain_logp(loaded, *both) for both in zip(stems, answers, strict=True)]
    assert logp == pytest.approx(expected, abs=2e-4)
    assert tokens.tolist() == [
        len(answer.strip()) + 1 for answer in answers
    ]  # one token a byte, and the space


def test_one_space_stands_between_stem_and_completion_whoever_brings_it():
    table = pairs()
    bare = table.assign(
        **{name: table[name].str.strip() for name in ("true_completion", "false_completion")},
        stem=table["stem"] + " ",
    )
    assert steering_pairs.statements(bare, "true") == steering_pairs.statements(table, "true")
    assert "  " not in "".join(steering_pairs.statements(table, "false"))
    assert steering_pairs.pairs_digest(bare) == steering_pairs.pairs_digest(table)
    found, want = (pair_margins(tiny(), t)["margin"].tolist() for t in (bare, table))
    assert found == want


@pytest.mark.parametrize(
    ("stems", "answers", "words"),
    [(["a"], [], "1 and 0"), ([], [], "0 and 0"), (["a b"], [""], "")],
)
def test_lists_of_texts_must_fit(stems, answers, words):
    if stems == ["a b"]:  # the space itself is a token of this tokenizer
        assert completions.split_texts(tiny(), stems, answers).lengths.tolist() == [5]
        return
    with pytest.raises(ValueError, match=words):
        completions.split_texts(tiny(), stems, answers)


def test_a_summary_by_hand():
    found = evaluation.margin_summary([np.log(3), -np.log(3), 0.0, np.log(9)])
    assert found["accuracy"] == pytest.approx((1 + 0 + 0.5 + 1) / 4)
    assert found["share"] == pytest.approx((0.75 + 0.25 + 0.5 + 0.9) / 4)
    assert found["margin"] == pytest.approx(np.log(9) / 4)
    assert evaluation.margin_summary([1e4, -1e4])["share"] == 0.5
    with pytest.raises(ValueError, match="no margin"):
        evaluation.margin_summary([])


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(-5, 5), min_size=4, max_size=12), st.floats(-3, 3))
def test_an_effect_is_a_change_whatever_the_level_order_and_names(values, level):
    before = np.array(values)
    after = before + np.linspace(-1, 1, len(values))
    topics = [f"t{i % 3}" for i in range(len(values))]
    effect = evaluation.topic_effect(before, after, topics, draws=200)
    moved = evaluation.topic_effect(before + level, after + level, topics, draws=200)
    assert moved.estimate == pytest.approx(effect.estimate, abs=1e-9)
    assert (moved.low, moved.high) == pytest.approx((effect.low, effect.high), abs=1e-9)
    renamed = evaluation.topic_effect(before, after, [t.upper() for t in topics], draws=200)
    assert (renamed.low, renamed.high) == (effect.low, effect.high)
    assert effect.low - 1e-9 <= effect.high


def test_topics_are_what_is_resampled():
    change = np.repeat([0.0, 1.0], 50)
    by_topic = evaluation.topic_effect(np.zeros(100), change, ["a"] * 50 + ["b"] * 50)
    by_pair = evaluation.topic_effect(np.zeros(100), change, [str(i) for i in range(100)])
    assert (by_topic.low, by_topic.high) == (0.0, 1.0)
    assert by_pair.high - by_pair.low < 0.3
    with pytest.raises(ValueError, match="there are 2 topics"):
        evaluation.topic_effect([1], [2], ["a", "b"])


def test_cost_is_nothing_without_steering_and_the_textbook_s_with_it():
    loaded, texts = tiny(), ["Mix the flour", "A train", "Open the window slowly"]
    unsteered = evaluation.kl_reference(loaded, texts, batch_size=2)
    assert evaluation.kl_cost(loaded, unsteered).kl == pytest.approx(0, abs=1e-7)
    with interventions.add_vector(loaded.model, 1, np.full(WIDTH, 0.2)):
        found = evaluation.kl_cost(loaded, unsteered)
        now = [
            loaded.model(encode(loaded.tokenizer, [t])["input_ids"]).logits[0].log_softmax(-1) for t in texts
        ]
    was = [loaded.model(encode(loaded.tokenizer, [t])["input_ids"]).logits[0].log_softmax(-1) for t in texts]
    ids = [encode(loaded.tokenizer, [t])["input_ids"][0] for t in texts]
    kl = [
        float(torch.distributions.kl_divergence(*(torch.distributions.Categorical(logits=x) for x in (a, b))))
        for w, n in zip(was, now, strict=True)
        for a, b in zip(w[1:-1], n[1:-1], strict=True)
    ]
    nll = [-float(n[i, t[i + 1]]) for n, t in zip(now, ids, strict=True) for i in range(1, len(t) - 1)]
    assert found.kl == pytest.approx(np.mean(kl), rel=1e-3)
    assert found.kl > 1e-3
    assert found.perplexity == pytest.approx(np.exp(np.mean(nll)), rel=1e-4)
    assert found.tokens == len(nll)
    with pytest.raises(ValueError, match="fewer than two tokens"):
        evaluation.kl_reference(loaded, ["a"])


# ---------------------------------------------------------------- slopes and replay


@pytest.mark.parametrize("architecture", FEW)
def test_the_slope_is_that_of_the_finite_effect_at_every_layer(architecture):
    loaded, table = tiny(architecture), pairs(6)
    slopes = layer_map.margin_gradients(loaded, table, batch_size=5)
    plain = pair_margins(loaded, table)["margin"]
    assert slopes.margin == pytest.approx(plain.to_numpy(), abs=1e-3)
    along = directions.truth_direction(loaded, table, layer=1)
    step = 0.02
    ends = []
    for sign in (1, -1):
        with interventions.steer(loaded, along, sign * step):
            ends.append(pair_margins(loaded, table)["margin"].to_numpy())
    finite = (ends[0] - ends[1]) / (2 * step)
    predicted = slopes.gradient[:, 1] @ along.vector * slopes.norms[1]
    assert np.corrcoef(finite, predicted)[0, 1] > 0.95
    assert slopes.norms[1] == pytest.approx(along.residual_norm, rel=1e-5)
    mean = slopes.difference[:, 1].mean(0)
    assert mean / np.linalg.norm(mean) == pytest.approx(along.vector, abs=1e-4)


@pytest.mark.parametrize("architecture", FEW)
def test_a_replay_gives_what_steering_gives_and_puts_the_layers_back(architecture):
    loaded, table = tiny(architecture), pairs(4)
    stems, answers = table["stem"].tolist(), table["true_completion"].tolist()
    vector = np.random.default_rng(0).normal(size=WIDTH) * 0.1
    before = completions.completion_logp(loaded, stems, answers)[0]
    for layer in (0, 2):
        kept = prefix_cache.prepare(
            loaded, completions.split_texts(loaded, stems, answers), layer, batch_size=3
        )
        with interventions.add_vector(loaded.model, layer, vector):
            expected = completions.completion_logp(loaded, stems, answers)[0]
        assert prefix_cache.replay_logp(loaded, kept, vector) == pytest.approx(expected, abs=1e-3)
        assert np.abs(expected - before).max() > 1e-3
        assert prefix_cache.replay_logp(loaded, kept, 0 * vector) == pytest.approx(before, abs=1e-3)
    assert np.array_equal(completions.completion_logp(loaded, stems, answers)[0], before)


def made_up(rng, *, planted: float = 0.0, n: int = 60, layers: int = 4, width: int = 200):
    """Differences and gradients without a model; a common direction ties the two at layer 2."""
    truth = np.zeros(width)
    truth[0] = 1
    difference, gradient = rng.normal(size=(2, n, layers, width))
    difference[:, 2] += 2 * planted * truth
    gradient[:, 2] += planted * truth
    table = pd.DataFrame(
        {"topic": np.repeat(list("abcdef"), n // 6), "couple": np.repeat(np.arange(n // 2), 2)}
    )
    slopes = layer_map.Slopes(
        difference.astype(np.float32), gradient.astype(np.float32), np.ones(layers), np.zeros(n)
    )
    return slopes, table


def test_a_planted_slope_is_found_at_its_layer_only():
    slopes, table = made_up(np.random.default_rng(1), planted=1.0, n=120)
    found = layer_map.slope_map(slopes, table, draws=200)
    assert found["p_corrected"].idxmin() == 2
    assert found.loc[2, "p_corrected"] < 0.01
    assert (found.drop(index=2)["p_corrected"] > 0.05).all()
    assert found.loc[2, "high_corrected"] > found.loc[2, "high"]


def test_nothing_is_found_where_nothing_is_at_about_the_stated_rate():
    seen = [
        (
            layer_map.slope_map(*made_up(np.random.default_rng(seed), n=36), draws=99)["p_corrected"] <= 0.1
        ).any()
        for seed in range(60)
    ]
    assert sum(seen) <= 14  # 6 are expected; more than 14 would happen once in a thousand times


def test_slopes_held_out_by_hand():
    slopes, table = made_up(np.random.default_rng(2), n=12)
    ones = np.ones((1, 12))
    topics = table["topic"].to_numpy()
    expected = np.zeros(4)
    for i in range(12):
        raw = slopes.difference[topics != topics[i]].mean(0)
        expected += [slopes.gradient[i, k] @ raw[k] / np.linalg.norm(raw[k]) for k in range(4)]
    assert layer_map.held_out_slopes(slopes, topics, ones)[0] == pytest.approx(expected / 12, rel=1e-4)
    with pytest.raises(ValueError, match="one topic only"):
        layer_map.held_out_slopes(slopes, ["a"] * 12, ones)


def test_pairs_of_a_couple_are_flipped_together():
    table = few()
    signs = layer_map.sign_flips(table, draws=50)
    assert set(np.unique(signs)) == {-1.0, 1.0}
    for _, rows in table.groupby("couple"):
        assert (signs[:, rows.index] == signs[:, rows.index[:1]]).all()
    alone = layer_map.sign_flips(table.drop(columns="couple"), draws=50)
    assert not (alone[:, 0] == alone[:, 1]).all()
    assert abs(signs.mean()) < 0.15


# ---------------------------------------------------------------- choice and test


def test_topics_are_dealt_once_each():
    topics = data.load("truth_pairs")["topic"].tolist()
    calibration, test = selection.split_topics(topics)
    assert len(calibration) == len(test) == 5
    assert set(calibration) | set(test) == set(topics)
    assert selection.split_topics(topics[::-1]) == (calibration, test)
    with pytest.raises(ValueError, match="at least four are needed"):
        selection.split_topics(["a", "b", "c"])


@settings(max_examples=40, deadline=None)
@given(st.floats(0.2, 5), st.floats(0.01, 3), st.floats(0.5, 3))
def test_a_dose_is_matched_whatever_the_curve(scale, target, power):
    strength = selection.matched_strength(lambda s: scale * s**power, target, steps=40, highest=1e6)
    assert scale * strength**power == pytest.approx(target, rel=0.051)


def test_a_dose_out_of_reach_stops_at_the_highest():
    assert selection.matched_strength(lambda _: 0.001, 1.0, highest=4.0) == 4.0
    with pytest.raises(ValueError, match="a positive one is needed"):
        selection.matched_strength(lambda s: s, 0.0)


def as_tested(effect: float, spread: float, rng) -> tuple[pd.DataFrame, pd.DataFrame]:
    """A test as the sweep returns it, with a known effect."""
    n = 40
    base = rng.normal(size=n)
    rows = [("unsteered", 0.0), ("truth", effect)]
    rows += [("shuffled", spread * rng.normal()) for _ in range(40)]
    table = pd.DataFrame(
        [{"kind": kind, "margins": (base + by).tolist(), "pulled": (base - by).tolist()} for kind, by in rows]
    )
    kinds = np.where(np.arange(n) % 2, "fact", "misconception")
    return table, pd.DataFrame({"topic": np.repeat(list("abcd"), n // 4), "kind": kinds})


def test_an_effect_beyond_its_controls_is_found_and_one_among_them_is_not():
    found, table = as_tested(1.0, 0.2, np.random.default_rng(0))
    null = selection.effect_null(found, "shuffled")
    assert null.observed == pytest.approx(1.0)
    assert null.p == pytest.approx(1 / 81)
    parts = selection.outcome_table(found, table).set_index("part")
    assert parts.loc["all pairs", "n"] == 40
    assert parts.loc["facts", "n"] == parts.loc["misconceptions", "n"] == 20
    assert parts["effect"].to_numpy() == pytest.approx(np.ones(5))
    assert parts.loc["pairs it gets wrong", "accuracy_before"] == 0
    assert parts.loc["pairs it gets right", "accuracy_after"] == 1
    ps = [
        selection.effect_null(as_tested(0.2 * rng.normal(), 0.2, rng)[0], "shuffled").p
        for rng in map(np.random.default_rng, range(200))
    ]
    assert np.mean(np.array(ps) <= 0.1) == pytest.approx(0.1, abs=0.06)


# ---------------------------------------------------------------- TruthfulQA

ITEMS = [
    {
        "question": "Is ice warm?",
        "mc1_targets": {"No.": 1, "Yes.": 0, "Sometimes.": 0},
        "mc2_targets": {"No.": 1, "No, it is cold.": 1, "Yes.": 0},
    },
    {
        "question": "Do fish sing?",
        "mc1_targets": {"Often.": 0, "Not that anyone has heard.": 1},
        "mc2_targets": {"Not that anyone has heard.": 1, "Often.": 0, "Loudly.": 0},
    },
]


def as_lists(item: dict) -> dict:
    change = {
        k: {"choices": list(item[k]), "labels": list(item[k].values())}
        for k in ("mc1_targets", "mc2_targets")
    }
    return {**item, **change}


def test_both_forms_and_both_files_hold_the_same_questions(tmp_path):
    want = truthfulqa.truthfulqa(ITEMS)
    assert truthfulqa.truthfulqa([as_lists(item) for item in ITEMS]) == want
    whole, lines = tmp_path / "mc_task.json", tmp_path / "validation.jsonl"
    whole.write_text(json.dumps(ITEMS))
    lines.write_text("\n".join(json.dumps(as_lists(item)) for item in ITEMS) + "\n")
    assert truthfulqa.truthfulqa(whole) == truthfulqa.truthfulqa(str(lines)) == want
    assert want[1].mc1.labels == (0, 1)


@pytest.mark.parametrize("examples", [truthfulqa.EXAMPLES[:30], ""])
def test_mc1_and_mc2_are_those_of_a_plain_loop(examples):
    loaded = tiny()
    found = truthfulqa.truthfulqa_scores(
        loaded, truthfulqa.truthfulqa(ITEMS), examples=examples, batch_size=3
    )
    for item, row in zip(ITEMS, found.itertuples(), strict=True):
        stem = (f"{examples}\n\n" if examples else "") + f"Q: {item['question']}\nA:"
        one = {answer: plain_logp(loaded, stem, answer) for answer in item["mc1_targets"]}
        assert row.mc1 == item["mc1_targets"][max(one, key=one.get)]
        many = {answer: np.exp(plain_logp(loaded, stem, answer)) for answer in item["mc2_targets"]}
        true = sum(p for answer, p in many.items() if item["mc2_targets"][answer])
        assert row.mc2 == pytest.approx(true / sum(many.values()), rel=1e-3)


def test_the_worked_examples_are_six():
    assert truthfulqa.EXAMPLES.count("Q: ") == truthfulqa.EXAMPLES.count("\nA: ") == 6


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"mc1_targets": {"a": 1, "b": 1}}, "question 1, mc1_targets: 2 answers are true"),
        ({"mc2_targets": {"a": 1, "b": 1}}, "at least one true and one false"),
        ({"mc1_targets": ["a"]}, "got a list"),
        ({"mc1_targets": {"choices": ["a", "b"], "labels": [1]}}, "2 answers and 1 labels"),
        ({"mc2_targets": {"a": 1, "b": 2}}, "allowed are 0 and 1"),
    ],
)
def test_faults_of_a_question_are_named(change, words):
    with pytest.raises(ValueError, match=words):
        truthfulqa.truthfulqa([{**ITEMS[0], **change}])


def test_faults_of_a_file_are_named(tmp_path):
    path = tmp_path / "q.jsonl"
    with pytest.raises(FileNotFoundError, match="no file"):
        truthfulqa.truthfulqa(path)
    path.write_text(json.dumps(ITEMS[0]) + "\n{'a': 1}\n")
    with pytest.raises(ValueError, match=r"q.jsonl, line 2: this is not JSON"):
        truthfulqa.truthfulqa(path)
    path.write_text(json.dumps([{"question": "a", "best_answer": "b"}]))
    with pytest.raises(ValueError, match=r"no 'mc1_targets'.*not the one for generation"):
        truthfulqa.truthfulqa(path)
    with pytest.raises(ValueError, match="there is no question"):
        truthfulqa.truthfulqa([])


# ---------------------------------------------------------------- the sweeps


@pytest.fixture
def small(tmp_path, monkeypatch):
    monkeypatch.setattr(experiment, "LABELLINGS", 60)
    monkeypatch.setattr(experiment, "SHARES", (0.0, 1.0))
    controls = {"labellings": 2, "random": 2, "runs": 1}
    size = dataclasses.replace(FULL, **controls, rule_labellings=2, rule_random=2, neutral_words=2)
    prompts = data.load("prompts").query("kind == 'control'")["prompt"].head(12)
    return experiment.Study(tiny(), few(), tuple(prompts), tmp_path, run=size)


def test_the_whole_study_runs_is_kept_and_is_read_again(small):
    tests = small.test_sweep()
    changed = ch10_outputs.changed_sweep(small)
    outputs = ch10_outputs.outputs_sweep(small)
    assert set(tests["kind"]) == {"unsteered", "truth", "planted", "depth", "shuffled", "random"}
    base = np.array(tests.query("kind == 'unsteered'")["margins"].iloc[0])
    plain = pair_margins(small.loaded, small.tested)["margin"].to_numpy()
    assert base == pytest.approx(plain, abs=2e-3)
    truth = tests.query("kind == 'truth'").iloc[0]
    with interventions.steer(small.loaded, small.direction(), small.choice.strength):
        steered = pair_margins(small.loaded, small.tested)["margin"].to_numpy()
    with interventions.steer(small.loaded, small.direction(), -small.choice.strength):
        pulled = pair_margins(small.loaded, small.tested)["margin"].to_numpy()
    assert np.array(truth["margins"]) == pytest.approx(steered, abs=2e-3)
    assert np.array(truth["pulled"]) == pytest.approx(pulled, abs=2e-3)
    assert changed.set_index("kind").loc["greedy", "changed"] == 0
    assert (outputs["strength"] == 0).any()
    again = dataclasses.replace(small)
    assert again.test_sweep().equals(tests)
    assert "slopes" not in vars(again)  # nothing was computed anew


def test_other_ways_of_steering_are_measured_as_the_model_gives_them(small):
    small.test_sweep()
    # Another study of the same files has measured nothing itself yet: no reference may be taken from a steered model.
    fresh = dataclasses.replace(small)
    swept = methods.method_sweep(fresh, methods.Asked("Be true.", "Lie."))
    assert set(swept["method"]) == {*methods.RULES, "prompt"}  # the tiny model has no chat template
    along, costs = small.direction(), swept.set_index(["method", "kind", "draw"])
    for rule in methods.RULES:
        row = costs.loc[(rule, "truth", 0)]
        with interventions.steer(small.loaded, along, row["strength"], method=rule):
            expected = pair_margins(small.loaded, small.tested)["margin"]
        assert row["margins"] == pytest.approx(expected.tolist(), abs=2e-3)
        if rule != "ablate":
            with interventions.steer(small.loaded, along, row["strength"], method=rule):
                cost = evaluation.kl_cost(small.loaded, small._for_matching).kl
            assert cost == pytest.approx(small.choice.kl, rel=0.06)
    asked = costs.loc[("prompt", "truth", 0)]
    how = {"method": "prompt", "instruction": "Be true."}
    said = evaluation.pair_margins(small.loaded, small.tested, **how)
    assert asked["margins"] == pytest.approx(said.tolist(), abs=2e-3)
    assert asked["kl"] > 0
    table = methods.method_table(swept, small.test_sweep(), small.tested["topic"].tolist(), draws=50)
    assert table["method"].tolist() == ["add", *methods.RULES, "prompt"]


@pytest.mark.timeout(60)
def test_a_quick_run_of_another_model_feeds_every_figure_and_says_whose_it_is(tmp_path, monkeypatch):
    monkeypatch.setattr(experiment, "SHARES", (0.0, 1.0, 4.0))
    loaded, places = tiny(), {"folder": tmp_path, "run": "quick"}
    study, control = experiment.study(loaded, **places), experiment.sentiment_study(loaded, **places)
    assert (study.pairs.groupby("couple").size() == 2).all()
    tests, studies = study.test_sweep(), {"sentiment": control, "truth": study}
    assert (tests["kind"] == "shuffled").sum() == QUICK.labellings
    changes, depths = selection.change_table(tests), study.choice_table(draws=50)
    results = {name: one.result() for name, one in studies.items()}
    rows = pd.concat(
        label_test.null_rows(one.test_sweep()).assign(direction=name) for name, one in studies.items()
    )
    asked = methods.Asked("Be true.", "Lie.")  # the context of a tiny model is short
    ways = {
        name: methods.method_table(
            methods.method_sweep(one, asked), one.test_sweep(), one.tested["topic"].tolist(), draws=50
        )
        for name, one in studies.items()
    }
    parts = selection.outcome_table(tests, study.tested, draws=50).assign(controls="permuted labels")
    changed = ch10_outputs.changed_sweep(study)
    slopes = study.slope_map(draws=100)
    charts = [
        figures.slope_map_chart(slopes, pairs=len(study.pairs), permutations=100),
        figures.depth_chart(depths, quarter=0.25),
        figures.seen_chart(results, rows),
        figures.controls_chart(changes),
        figures.methods_chart(ways),
        figures.parts_chart(parts),
        figures.changed_chart(changed, changes, ch10.counts()),
        figures.power_chart(study.power_table(), limit=selection.KL_LIMIT, planted=200),
        figures.outputs_chart(ch10_outputs.outputs_sweep(study)),
    ]
    assert all(chart.to_dict() for chart in charts)
    said = [
        findings.what_is_measured(study),
        findings.layer_by_layer(slopes, study.joint_test(draws=100), 0),
        findings.layer_chosen(study.dose_table(), depths, study.choice, 0),
        findings.truth_and_control(results["sentiment"], results["truth"], selection.KL_LIMIT),
        findings.ways_to_steer(ways),
        findings.outputs_changed(changed, changes),
        findings.closing(study.title, results["truth"], results["sentiment"], study.joint_test(draws=100)),
    ]
    assert not [words.data for words in said if "nan" in words.data]
    for words in (said[0], said[-1]):
        assert "tiny llama (a quick run)" in words.data
    assert "on 30 pairs" in said[0].data


def test_the_kept_run_is_that_of_the_bundled_model_alone_and_other_runs_have_files_of_their_own():
    bundled = dataclasses.replace(tiny().info, sha256=EMBEDDED["smollm2-135m"].sha256)
    default = Loaded(tiny().model, tiny().tokenizer, bundled)
    auto, quick, full = (experiment.study(default, run=name) for name in ("auto", "quick", "full"))
    assert (auto.kept, quick.kept, full.kept) == (True, False, False)
    assert auto.run == full.run == FULL
    assert experiment.study(tiny()).run == QUICK
    assert findings.what_is_measured(auto) is None
    assert len({result_cache.digest(one.settings()) for one in (auto, quick, full)}) == 3


def test_an_unknown_run_is_refused_with_those_there_are():
    with pytest.raises(ValueError, match=r"RUN is 'fast'; allowed are 'auto' .* 'quick' .* 'full'"):
        experiment.study(tiny(), run="fast")


def test_words_about_nothing_are_as_long_as_the_instruction_and_touch_no_prompt_of_the_costs(small):
    tokens = [steering_tokens(small, methods.neutral_words(small, 30, draw)) for draw in range(3)]
    assert [len(one) for one in tokens] == [30] * 3
    assert len({tuple(one) for one in tokens}) == 3


def steering_tokens(study, text: str) -> list[int]:
    return own_tokens(study.loaded.tokenizer, text)


def ways(effect: float, asked: float) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Sweeps in which every rule has one effect and the instruction another, among controls of a tenth of a nat at most."""
    before = np.array([0.5, -0.4, 0.2, -0.1])
    drawn = [("truth", 0, effect), *(("shuffled", i, 0.1 * np.cos(i)) for i in range(20))]
    drawn += [("random", i, 0.05 * np.sin(i)) for i in range(5)]
    about = {"layer": 3, "strength": 0.1, "kl": 0.08, "perplexity": 50.0}
    blur = 0.3  # what any push does, towards and away alike
    rows = [
        {
            "method": rule,
            "kind": kind,
            "draw": i,
            "margins": list(before + d + blur),
            "pulled": list(before - d + blur),
        }
        for rule in ("adaptive", "clamp")
        for kind, i, d in drawn
    ]
    rows += [
        {"method": "ablate", "kind": kind, "draw": i, "margins": list(before + d), "pulled": []}
        for kind, i, d in drawn
    ]
    said = [("plain", 0, 0.0), ("truth", 0, asked), ("away", 0, -asked)]
    said += [("neutral", i, 0.2 + 0.1 * np.cos(i)) for i in range(8)]
    rows += [
        {"method": "prompt", "kind": kind, "draw": i, "margins": list(before + d), "pulled": []}
        for kind, i, d in said
    ]
    swept = pd.DataFrame([about | row for row in rows])
    tests = swept[swept["method"] == "clamp"].drop(columns="method")
    plain = pd.DataFrame(
        [{**about, "kind": "unsteered", "draw": 0, "margins": list(before), "pulled": list(before)}]
    )
    return swept, pd.concat([plain, tests], ignore_index=True)


@pytest.mark.parametrize(
    ("effect", "asked", "seen"), [(0.0, 0.0, []), (0.4, 0.0, "rules"), (0.0, 0.4, ["prompt"])]
)
def test_a_planted_effect_is_seen_by_the_way_that_has_it_and_by_no_other(effect, asked, seen):
    swept, tests = ways(effect, asked)
    table = methods.method_table(swept, tests, ["a", "a", "b", "b"], draws=50).set_index("method")
    found = table.index[table["p"] <= 0.05].tolist()
    assert found == (["add", *methods.RULES] if seen == "rules" else seen)
    assert table.loc["clamp", "effect"] == pytest.approx(effect)  # without the blur
    assert table.loc["prompt", "effect"] == pytest.approx(asked)
    assert table.loc["ablate", "random_high"] == pytest.approx(max(0.05 * np.sin(i) for i in range(5)))
    after = np.array([0.5, -0.4, 0.2, -0.1]) + effect + 0.3
    assert table.loc["clamp", "repaired"] == int((after[[1, 3]] > 0).sum())
    assert table.loc["clamp", "broken"] == 0
    words = findings.ways_to_steer({"sentiment": table.reset_index(), "truth": table.reset_index()}).data
    assert ("no way" in words) == (not found)


def test_calibration_and_test_share_no_topic_and_directions_see_calibration_only(small):
    assert not set(small.calibration["topic"]) & set(small.tested["topic"])
    before, doses = small.vector("truth", layer=1), small.dose_table()
    best = doses.iloc[int(doses["gain"].argmax())]
    assert (small.choice.layer, small.choice.effect) == (best["layer"], best["gain"])
    assert (doses["length"] <= doses["reach"]).all()
    small.slopes.difference[~small.learn] = 100.0
    small.slopes.gradient[~small.learn] = -100.0
    again = dataclasses.replace(small, folder=small.folder / "again")
    vars(again)["slopes"] = small.slopes
    assert again.dose_table().equals(doses)
    assert np.array_equal(small.vector("truth", layer=1), before)
    assert small.vector("negative", layer=1) == pytest.approx(-before)
    assert not np.allclose(small.vector("shuffled", 0, 1), small.vector("shuffled", 1, 1))
    with pytest.raises(ValueError, match="kind is 'false'"):
        small.vector("false", layer=1)


def test_every_setting_gives_its_own_file(small):
    base = result_cache.digest(small.settings())
    pairs_changed = small.pairs.assign(topic=small.pairs["topic"].str.upper())
    others = [
        experiment.Study(tiny("gpt2"), small.pairs, small.neutral),
        experiment.Study(small.loaded, pairs_changed, small.neutral),
        experiment.Study(small.loaded, small.pairs.iloc[::-1], small.neutral),
        experiment.Study(small.loaded, small.pairs, small.neutral[1:]),
        experiment.Study(small.loaded, small.pairs, small.neutral, seed=1),
    ]
    assert len({base, *(result_cache.digest(other.settings()) for other in others)}) == 6


def test_an_answer_is_recognised_at_the_beginning_only():
    assert ch10_outputs.begins_with("\n sydney is", "Sydney.")
    assert not ch10_outputs.begins_with(" not Sydney.", "Sydney.")


# ---------------------------------------------------------------- the released counts


def test_exact_intervals_of_the_released_counts():
    from scipy import stats

    table = ch10.counts().set_index("phase")
    assert table["pct"].to_dict() == {"tax": 60, "transition": 30, "bonus": 20}
    for row in table.itertuples():
        assert stats.binom.sf(row.changed - 1, row.prompts, row.low / 100) == pytest.approx(0.025, abs=1e-6)
        assert stats.binom.cdf(row.changed, row.prompts, row.high / 100) == pytest.approx(0.025, abs=1e-6)
    assert ch10.phases_differ_p() == pytest.approx(0.1698, abs=1e-3)


# ---------------------------------------------------------------- the default model, where it can be had


@pytest.fixture(scope="module")
def default():
    try:
        return load_model(device="cpu", dtype="float32")
    except ModelError as error:
        pytest.skip(str(error))


def test_what_came_with_the_repository_is_what_the_model_says(default):
    kept = ch10.kept_rows("steering_test")
    assert not kept.empty
    study = experiment.study(default)
    some = np.arange(0, len(study.tested), 17)
    part = study.tested.iloc[some]
    plain = np.array(kept.query("kind == 'unsteered'")["margins"].iloc[0])[some]
    assert pair_margins(default, part)["margin"].to_numpy() == pytest.approx(plain, abs=0.02)
    truth = kept.query("kind == 'truth'").iloc[0]
    along = directions.truth_direction(default, study.calibration, layer=int(truth["layer"]))
    with interventions.steer(default, along, float(truth["strength"])):
        steered = pair_margins(default, part)["margin"].to_numpy()
    assert steered == pytest.approx(np.array(truth["margins"])[some], abs=0.05)
    assert along.pairs_digest == steering_pairs.pairs_digest(study.calibration)
    slopes, few = study.chosen_slopes, study.pairs.iloc[::25]
    assert slopes.margin[::25] == pytest.approx(pair_margins(default, few)["margin"].to_numpy(), abs=0.02)
    again = layer_map.margin_gradients(default, few)
    for shipped, part in ((slopes.difference, again.difference), (slopes.gradient, again.gradient)):
        assert shipped[::25, 0] == pytest.approx(
            part[:, study.choice.layer], rel=0.05, abs=0.05 * float(np.abs(part).max())
        )
    assert len(study.slope_map()) == default.info.layers
    assert study.joint_test().n == len(study.pairs)
    assert "slopes" not in vars(study)  # what the chapter shows of every layer came with the repository


def test_stable_facts_of_the_default_model(default):
    stem = "The capital of France is"
    logp, _ = completions.completion_logp(default, [stem] * 2, ["Paris.", "Rome."])
    assert logp[0] - logp[1] > 3
    texts = interventions.generate(default, [stem], max_new_tokens=5)
    assert texts == interventions.generate(default, [stem], max_new_tokens=5)


def test_the_kept_effects_agree_with_the_gradient():
    kept = ch10.kept_rows("steering_test")
    base = np.array(kept.query("kind == 'unsteered'")["margins"].iloc[0])
    small = kept[kept["kind"].isin(["shuffled", "truth", "planted"])]
    finite = [(np.array(margins) - base).mean() for margins in small["margins"]]
    assert np.corrcoef(finite, small["predicted"])[0, 1] > 0.9


def test_a_rise_spread_over_all_layers_is_seen_together():
    rng = np.random.default_rng(3)
    slopes, table = made_up(rng, n=120, layers=8)
    truth = np.zeros(200)
    truth[0] = 0.6
    slopes.difference[:] += 2 * truth.astype(np.float32)
    slopes.gradient[:] += truth.astype(np.float32)
    found = layer_map.joint_test(slopes, table, draws=200)
    assert found.observed > 0
    assert found.p < 0.02
    turned = dataclasses.replace(slopes, gradient=-slopes.gradient)
    assert layer_map.joint_test(turned, table, draws=200).observed == pytest.approx(-found.observed, rel=1e-4)


def test_nothing_is_seen_together_where_nothing_is_at_about_the_stated_rate():
    seen = [
        layer_map.joint_test(*made_up(np.random.default_rng(seed), n=36), draws=99).p <= 0.1
        for seed in range(60)
    ]
    assert sum(seen) <= 14


def test_a_text_beyond_the_context_is_refused_in_words():
    with pytest.raises(
        ValueError, match=r"a text has \d+ tokens, but the context of tiny-gpt2 ends at 128; shorten it"
    ):
        completions.completion_logp(tiny("gpt2"), ["Salt is"], ["white " * 40])
    logp, _ = completions.completion_logp(tiny("bloom"), ["Salt is"], ["white " * 40])
    assert np.isfinite(logp).all()
