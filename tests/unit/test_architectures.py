"""The page of architectures: what it says of those that are built unlike Llama is true, and weekly what it says of all."""

from __future__ import annotations

import os

import numpy as np
import pytest

pytest.importorskip("torch")

import transformers
from transformers import MODEL_FOR_CAUSAL_LM_MAPPING

from cape_utils.models import activations
from cape_utils.steering import interventions
from cape_utils.steering.directions import Direction
from tests import architectures

pytestmark = [pytest.mark.models, pytest.mark.slow]
WRITTEN = architectures.PAGE.read_text(encoding="utf-8").split(architectures.MARK)[1].strip()
CLASSES = {config.model_type: config for config in MODEL_FOR_CAUSAL_LM_MAPPING}


def written(kind: str) -> list[str]:
    (line,) = [line for line in WRITTEN.splitlines() if line.startswith(f"| `{kind}` |")]
    return [cell.strip() for cell in line.strip("|").split("|")]


@pytest.mark.parametrize(
    "kind",
    [
        *("mamba", "openai-gpt", "gemma3n_text", "rwkv", "cpmant", "whisper", "qwen3_next"),
        *("jamba", "zamba2", "roberta", "deepseek_v3", "gemma3", "xlstm", "reformer", "qwen4_exp_text"),
    ],
)
def test_the_page_is_right_on_those_that_are_built_otherwise(kind):
    row = architectures.row_of(CLASSES[kind])
    assert row.outcome in ("works", "refused")
    assert written(kind) == [f"`{kind}`", row.model, row.outcome, row.heads, row.why.split("; take ")[0]]


@pytest.mark.parametrize("kind", ["gemma3n_text", "rwkv", "cpmant", "reformer", "qwen4_exp_text"])
def test_a_refusal_is_one_sentence_that_names_what_works_and_leaves_no_hook(kind):
    loaded = architectures.build(CLASSES[kind])
    along = Direction(np.ones(32, np.float32) / np.sqrt(32), 1, 1.0, "", "", loaded.info.sha256, "", 0)

    def hooks() -> int:
        return sum(len(m._forward_hooks) + len(m._forward_pre_hooks) for m in loaded.model.modules())

    before = hooks()
    with pytest.raises(activations.UnsupportedModelError, match=r"; take a decoder .* Llama, Qwen") as caught:
        interventions.generate(loaded, ["Hi"], direction=along, strength=1.0, max_new_tokens=2)
    assert "\n" not in str(caught.value)
    assert hooks() == before


def test_heads_of_a_model_without_attention_are_refused():
    loaded = architectures.build(CLASSES["mamba"])
    refused = pytest.raises(ValueError, match="no head outputs to read")
    with refused, activations.capture(loaded.model, heads=True):
        pass


def test_a_fault_would_be_seen(monkeypatch):
    monkeypatch.setitem(interventions.METHODS, "add", lambda stream, along: stream + 1.1 * along.shift)
    assert architectures.row_of(CLASSES["llama"]).outcome == "fault"


def test_nothing_on_the_page_is_a_fault():
    assert "| fault |" not in WRITTEN
    assert WRITTEN.count("\n") > 100


@pytest.mark.timeout(1500)
@pytest.mark.skipif(not os.environ.get("CAPE_WEEKLY"), reason="five minutes; the weekly run sets CAPE_WEEKLY")
def test_every_architecture_works_or_is_refused():
    found = list(architectures.rows())
    assert [row for row in found if row.outcome == "fault"] == []
    if f"transformers {transformers.__version__}," in WRITTEN:
        assert architectures.table(found).strip() == WRITTEN
