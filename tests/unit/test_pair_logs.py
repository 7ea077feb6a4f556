"""Answers of the bundled model and of what was made of it: as written, as read back, and as the model gives them."""

from __future__ import annotations

import json

import pytest

from cape_utils import data
from cape_utils.chapters.ch12_dashboard import pair_logs


def test_the_logs_are_of_every_pair_and_give_the_scores_that_their_results_say():
    for task, matched in pair_logs.read_logs().items():
        assert matched.scores.n == len(data.load(pair_logs.TASKS[task]))
        assert matched.unmatched == {}
        for name, score in zip(matched.scores.models, matched.scores.score_pct(), strict=True):
            document = json.loads(pair_logs.results_file(name).read_text(encoding="utf-8"))
            assert 100 * document["results"][task]["acc,none"] == pytest.approx(score)


def test_paired_errors_are_smaller_where_answers_agree():
    noise = pair_logs.noise_table(pair_logs.read_logs())
    assert len(noise) == 2 * len(pair_logs.TASKS)
    assert ((noise["ratio"] > 1) == (noise["correlation"] > 0)).all()


@pytest.mark.models
@pytest.mark.slow
@pytest.mark.parametrize("name", pair_logs.VARIANTS)
def test_the_answers_are_what_the_model_gives(name, tmp_path):
    from cape_utils.models import load_model

    loaded = load_model(device="cpu", dtype="float32")
    few = {"truthfulness": data.load("truth_pairs").iloc[::25]}
    path = pair_logs.write_logs(pair_logs.variant(loaded, name), name, tmp_path, tables=few)
    written = [
        json.loads(line) for line in next(path.parent.glob("samples_*.jsonl")).read_text().splitlines()
    ]
    kept_file = next(pair_logs.results_file(name).parent.glob("samples_truthfulness_*.jsonl"))
    kept = {row["doc_hash"]: row for row in map(json.loads, kept_file.read_text().splitlines())}
    for row in written:
        other = kept[row["doc_hash"]]
        assert other["acc"] == row["acc"]
        for one, two in zip(row["filtered_resps"], other["filtered_resps"], strict=True):
            assert one == pytest.approx(two, abs=5e-3)


def test_a_variant_leaves_the_model_as_it_was():
    import torch

    from tests.tiny_models import tiny

    model = tiny().model
    before = [layer.clone() for layer in model.state_dict().values()]
    rounded = pair_logs._in_4_bits(model)
    assert all(torch.equal(a, b) for a, b in zip(before, model.state_dict().values(), strict=True))
    assert any(not torch.equal(a, b) for a, b in zip(before, rounded.state_dict().values(), strict=True))
