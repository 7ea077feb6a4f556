"""Reading and editing inside every architecture, checked against attention weights and against the model itself."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from cape_utils.models import activations as act
from cape_utils.models import loading
from cape_utils.models.loading import Loaded, encode
from tests.tiny_models import CONFIGS, DEPTH, FEW, HEADS, NORM_AFTER_PROJECTION, WIDTH, tiny

TEXTS = ["Salt is", "The moon is made of rock.", "Yes", "A second sentence, longer than the first."]
every = pytest.mark.parametrize("architecture", CONFIGS)
few = pytest.mark.parametrize("architecture", FEW)


def batch(loaded: Loaded, texts=TEXTS):
    return encode(loaded.tokenizer, texts)


def logits(loaded: Loaded, **inputs):
    with torch.no_grad():
        return loaded.model(**(inputs or batch(loaded))).logits


def hooks(model: nn.Module) -> int:
    return sum(len(m._forward_hooks) + len(m._forward_pre_hooks) for m in model.modules())


# ---------------------------------------------------------------- finding the parts


@every
def test_the_parts_are_found(architecture):
    parts = act.decoder(tiny(architecture).model)
    assert len(parts.layers) == len(parts.projections) == DEPTH
    assert (parts.heads, parts.width) == (HEADS, WIDTH)
    assert parts.norm_after_projection == (architecture in NORM_AFTER_PROJECTION)


def test_what_has_no_layers_is_refused():
    class Hollow(nn.Module):
        config = tiny().model.config

    with pytest.raises(ValueError, match="no list of 3 layers"):
        act.decoder(Hollow())


def test_a_list_of_the_same_length_deeper_down_is_not_mistaken_for_the_layers():
    # Three layers, and three experts in each: the layers are the shallower list.
    from transformers import MixtralConfig, MixtralForCausalLM

    config = MixtralConfig(
        vocab_size=50,
        hidden_size=WIDTH,
        intermediate_size=16,
        num_hidden_layers=DEPTH,
        num_attention_heads=HEADS,
        num_key_value_heads=2,
        num_local_experts=DEPTH,
    )
    model = MixtralForCausalLM(config)
    assert act.decoder(model).layers == tuple(model.model.layers)


# ---------------------------------------------------------------- reading


@every
def test_heads_are_attention_weights_times_values(architecture):
    loaded = tiny(architecture)
    with act.eager_attention(loaded.model), act.capture(loaded.model, heads=True) as seen, torch.no_grad():
        out = loaded.model(**batch(loaded), output_attentions=True, use_cache=True)
    for layer in range(DEPTH):
        values = out.past_key_values.layers[layer].values
        values = values.repeat_interleave(HEADS // values.shape[1], 1)
        rebuilt = (out.attentions[layer] @ values).transpose(1, 2)
        torch.testing.assert_close(seen.heads[layer], rebuilt)


@few
def test_the_stream_after_a_layer_is_the_next_hidden_state(architecture):
    loaded = tiny(architecture)
    with act.capture(loaded.model) as seen, torch.no_grad():
        out = loaded.model(**batch(loaded), output_hidden_states=True)
    for layer in range(DEPTH - 1):  # the last of these has the final norm on it
        assert torch.equal(seen.hidden[layer], out.hidden_states[layer + 1])
    assert not torch.allclose(seen.hidden[DEPTH - 1], out.hidden_states[DEPTH])


@every
def test_the_model_is_left_as_it_was(architecture):
    loaded = tiny(architecture)
    before, count = logits(loaded), hooks(loaded.model)
    with act.capture(loaded.model, heads=True), act.edit(loaded.model, {1: lambda h, _: h + 1}):
        assert not torch.equal(logits(loaded), before)
    with pytest.raises(KeyError), act.edit(loaded.model, {0: lambda h, _: {}["nothing"]}, unit="head"):
        logits(loaded)
    with act.eager_attention(loaded.model):
        logits(loaded)
    assert hooks(loaded.model) == count
    assert torch.equal(logits(loaded), before)


def test_only_the_layers_asked_for_are_kept():
    loaded = tiny()
    with act.capture(loaded.model, layers=[0, -1]) as seen:
        logits(loaded)
    assert sorted(seen.hidden) == [0, DEPTH - 1]
    assert not seen.heads


@pytest.mark.parametrize("layer", [DEPTH, -DEPTH - 1])
def test_a_layer_that_does_not_exist_leaves_no_hook(layer):
    loaded = tiny()
    count = hooks(loaded.model)
    with (
        pytest.raises(ValueError, match=f"layer {layer} does not exist; there are 3, from 0 to 2"),
        act.capture(loaded.model, layers=[0, layer]),
    ):
        pass
    with pytest.raises(ValueError, match="does not exist"), act.edit(loaded.model, {0: max, layer: max}):
        pass
    assert hooks(loaded.model) == count


def test_nested_captures_are_independent():
    loaded = tiny()
    with act.capture(loaded.model) as outer:
        with act.capture(loaded.model) as inner:
            logits(loaded)
        kept = inner.hidden[0].clone()
        logits(loaded, **batch(loaded, ["something else"]))
        assert torch.equal(inner.hidden[0], kept)
        assert outer.hidden[0].shape != kept.shape


def test_what_an_edit_does_is_seen_from_inside_it_only():
    loaded = tiny()

    def change(hidden, _):
        return hidden + 1

    with (
        act.capture(loaded.model) as outside,
        act.edit(loaded.model, {0: change}),
        act.capture(loaded.model) as inside,
    ):
        logits(loaded)
    assert torch.equal(outside.hidden[0] + 1, inside.hidden[0])
    assert torch.equal(outside.hidden[1], inside.hidden[1])


# ---------------------------------------------------------------- editing


@few
@pytest.mark.parametrize("unit", ["layer", "head"])
def test_an_edit_that_changes_nothing_changes_no_bit(architecture, unit):
    loaded = tiny(architecture)
    before = logits(loaded)
    with act.edit(loaded.model, dict.fromkeys(range(DEPTH), lambda values, _: values), unit=unit):
        assert torch.equal(logits(loaded), before)


@few
def test_a_head_that_is_silenced_gives_nothing_to_the_projection(architecture):
    loaded = tiny(architecture)

    def silence(values, _):
        values = values.clone()
        values[:, :, 2] = 0
        return values

    with act.edit(loaded.model, {1: silence}, unit="head"), act.capture(loaded.model, heads=True) as seen:
        logits(loaded)
    assert (seen.heads[1][:, :, 2] == 0).all()
    assert (seen.heads[1][:, :, 1] != 0).any()


@few
def test_an_edit_at_the_last_layer_moves_the_stream_by_what_was_added(architecture):
    loaded = tiny(architecture)
    with act.capture(loaded.model, layers=[-1]) as plain:
        logits(loaded)
    with (
        act.edit(loaded.model, {-1: lambda h, keep: h + keep[..., None]}),
        act.capture(loaded.model, layers=[-1]) as moved,
    ):
        logits(loaded)
    content = batch(loaded)["attention_mask"].bool()
    content[:, 0] = False
    difference = moved.hidden[DEPTH - 1] - plain.hidden[DEPTH - 1]
    torch.testing.assert_close(difference, content[..., None].expand_as(difference).float())


@pytest.mark.parametrize("side", ["left", "right"])
def test_the_mask_leaves_out_padding_and_the_first_token(side):
    loaded = tiny()
    inputs = encode(loaded.tokenizer, ["ab", "abcd"], side=side)
    with act.content_positions(loaded.model) as mask:
        logits(loaded, **inputs)
    short = [False, False, False, True, True] if side == "left" else [False, True, True, False, False]
    assert mask[0].tolist() == [short, [False, True, True, True, True]]


def test_the_mask_knows_the_first_token_without_an_attention_mask():
    loaded = tiny()
    with act.content_positions(loaded.model) as mask:
        logits(loaded, input_ids=torch.tensor([[256, 5, 6]]))
    assert mask[0].tolist() == [[False, True, True]]


@pytest.mark.parametrize("architecture", ["llama", "gpt2", "bloom", "falcon"])
def test_while_generating_every_new_token_counts_and_the_first_does_not(architecture):
    loaded = tiny(architecture)
    masks = []

    def note(hidden, keep):
        masks.append(keep.tolist())
        return hidden

    with act.edit(loaded.model, {0: note}):
        loaded.model.generate(
            **encode(loaded.tokenizer, ["a", "abc"], side="left"),
            max_new_tokens=3,
            min_new_tokens=3,
            do_sample=False,
        )
    assert masks[0] == [[False, False, False, True], [False, True, True, True]]
    assert masks[1:] == [[[True], [True]]] * (len(masks) - 1)
    assert len(masks) == 3


# ---------------------------------------------------------------- vectors of texts


@few
@pytest.mark.parametrize("unit", ["layer", "head"])
def test_pooling_is_the_mean_over_tokens_after_the_first(architecture, unit):
    loaded = tiny(architecture)
    rows = np.concatenate(list(act.pooled(loaded, TEXTS, unit=unit, batch_size=3)))
    for i, text in enumerate(TEXTS):
        with act.capture(loaded.model, heads=True) as seen:
            logits(loaded, **batch(loaded, [text]))
        kept = seen.heads if unit == "head" else seen.hidden
        expected = torch.stack([kept[layer][0, 1:].mean(0) for layer in range(DEPTH)])
        np.testing.assert_allclose(rows[i], expected.numpy(), rtol=1e-4, atol=1e-5)


def test_the_last_token_can_be_taken_instead():
    loaded = tiny()
    rows = np.concatenate(list(act.pooled(loaded, TEXTS, pool="last")))
    with act.capture(loaded.model) as seen:
        logits(loaded, **batch(loaded, TEXTS[:1]))
    np.testing.assert_allclose(rows[0, 1], seen.hidden[1][0, -1].numpy(), rtol=1e-4, atol=1e-5)


def test_memory_does_not_grow_with_the_number_of_texts(monkeypatch):
    # What is alive at any time is one batch: the generator must not have read ahead or kept what it gave.
    loaded = tiny()
    alive = []
    plain = loading.encode
    monkeypatch.setattr(act, "encode", lambda *a, **k: alive.append(1) or plain(*a, **k))
    stream = act.pooled(loaded, TEXTS * 10, batch_size=4)
    next(stream)
    assert len(alive) == 1
    assert sum(len(rows) for rows in stream) == 36


def test_an_empty_text_is_refused_and_leaves_no_hook():
    loaded = tiny()
    count = hooks(loaded.model)
    with pytest.raises(ValueError, match="at least one"):
        list(act.pooled(loaded, ["fine", ""]))
    assert hooks(loaded.model) == count


def test_head_outputs_need_attention_in_every_layer(monkeypatch):
    monkeypatch.setattr(act, "_projection", lambda layer: None)
    parts = act.decoder(tiny().model)
    assert parts.projections == ()
    with pytest.raises(ValueError, match="no head outputs"):
        list(act.pooled(tiny(), TEXTS, unit="head"))
    assert next(act.pooled(tiny(), TEXTS)).shape == (4, DEPTH, WIDTH)
