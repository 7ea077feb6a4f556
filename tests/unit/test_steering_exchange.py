"""Directions that travel: each layout against what its program documents, and against the program where it is installed."""

from __future__ import annotations

import json
import pickle

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from cape_utils import data  # noqa: E402
from cape_utils.models import activations  # noqa: E402
from cape_utils.models.loading import encode  # noqa: E402
from cape_utils.steering import directions, exchange, interventions  # noqa: E402
from tests.tiny_models import FEW, WIDTH, tiny  # noqa: E402

TEXTS = ["The sky", "A much longer prompt than that"]


def learnt(architecture: str = "llama", layers=(1, 2)) -> list[directions.Direction]:
    table = data.load("truth_pairs").head(4)
    return [directions.truth_direction(tiny(architecture), table, layer=layer) for layer in layers]


def logits(loaded, *blocks, text: str = TEXTS[1]):
    import contextlib

    with contextlib.ExitStack() as stack, torch.no_grad():
        for block in blocks:
            stack.enter_context(block)
        return loaded.model(**encode(loaded.tokenizer, [text])).logits


@pytest.mark.parametrize("architecture", FEW)
@pytest.mark.parametrize("ending", [".pt", ".gguf", ".svec", ".sv.pt"])
def test_a_round_trip_keeps_vector_layer_and_unit(ending, architecture, tmp_path):
    loaded, both = tiny(architecture), learnt(architecture)
    path = tmp_path / f"truth{ending}"
    exchange.export_directions(path, loaded, both, strength=0.25)
    back = exchange.import_directions(path, loaded)
    assert [one.layer for one in back.directions] == [1, 2]
    for was, now in zip(both, back.directions, strict=True):
        assert now.vector == pytest.approx(was.vector, abs=1e-6)
        assert now.residual_norm == pytest.approx(was.residual_norm, rel=1e-6)
        assert now.model_sha256 == was.model_sha256
    assert (back.strength, back.method) == ((0.25, "add") if ending == ".pt" else (None, None))
    want, got = (logits(loaded, interventions.steer(loaded, one, 0.3)) for one in (both, back.directions))
    assert torch.allclose(want, got, atol=1e-4)


def test_our_own_file_is_the_one_that_save_writes(tmp_path):
    (one,) = learnt(layers=(1,))
    exchange.export_directions(tmp_path / "truth.safetensors", tiny(), one)
    assert np.array_equal(
        directions.load_direction(tmp_path / "truth.safetensors", tiny()).vector, one.vector
    )
    (back,) = exchange.import_directions(tmp_path / "truth.safetensors", tiny()).directions
    assert back.method == one.method
    with pytest.raises(ValueError, match="holds one direction, and there are 2"):
        exchange.export_directions(tmp_path / "two.safetensors", tiny(), learnt())


# ---------------------------------------------------------------- the harness


def as_the_harness_does(loaded, path):
    """What ``lm_eval.models.hf_steered`` documents: hooks by name in the body, at all positions, the first one too."""
    content = torch.load(path, weights_only=True)
    handles, changes = [], {}
    for name, entry in content.items():
        vector, size = entry["steering_vector"], entry["steering_coefficient"]
        unit = vector / vector.norm()

        def add(stream, vector=vector, size=size):
            return stream + vector * size

        def clamp(stream, unit=unit, size=size):
            return stream + unit * (size - (stream * unit).sum(-1, keepdim=True))

        changes[name] = add if entry["action"] == "add" else clamp
    for name, module in loaded.model.base_model.named_modules():
        if name in changes:

            def hook(_module, _inputs, output, change=changes[name]):
                return (change(output[0]), *output[1:]) if isinstance(output, tuple) else change(output)

            handles.append(module.register_forward_hook(hook))
    assert len(handles) == len(content)
    return handles


def everywhere(loaded, direction, strength, method):
    """Ours without the exception of the first token."""
    along = interventions._Along(direction.vector, strength * direction.residual_norm, [])
    change = interventions._edit(method, along, "all")
    return activations.edit(loaded.model, {direction.layer: lambda s, m: change(s, torch.ones_like(m))})


@pytest.mark.parametrize("method", ["add", "clamp", "ablate"])
@pytest.mark.parametrize("architecture", FEW)
def test_the_harness_does_with_the_file_what_we_do(architecture, method, tmp_path):
    loaded, (one,) = tiny(architecture), learnt(architecture, layers=(1,))
    path = tmp_path / "truth.pt"
    strength = 0.0 if method == "ablate" else -0.4
    exchange.export_directions(path, loaded, one, strength=strength, method=method)
    handles = as_the_harness_does(loaded, path)
    theirs = logits(loaded)
    for handle in handles:
        handle.remove()
    assert torch.allclose(theirs, logits(loaded, everywhere(loaded, one, strength, method)), atol=1e-4)
    assert not torch.allclose(theirs, logits(loaded), atol=1e-4)
    back = exchange.import_directions(path, loaded)
    assert back.strength == pytest.approx(strength, abs=1e-5)
    assert back.method == ("add" if method == "add" else "clamp")


def test_the_harness_itself_reads_the_file(tmp_path):
    steered = pytest.importorskip("lm_eval.models.hf_steered")
    loaded, (one,) = tiny(), learnt(layers=(1,))
    exchange.export_directions(tmp_path / "truth.pt", loaded, one, strength=0.3)
    content = torch.load(tmp_path / "truth.pt", weights_only=True)
    hooks = {
        name: lambda stream, e=entry: steered.SteeredModel.add(
            stream, vector=e["steering_vector"] * e["steering_coefficient"], head_index=e["head_index"]
        )
        for name, entry in content.items()
    }
    theirs = logits(loaded, steered.steer(loaded.model, hooks))
    assert torch.allclose(theirs, logits(loaded, everywhere(loaded, one, 0.3, "add")), atol=1e-5)


# ---------------------------------------------------------------- the others


def test_a_control_vector_is_what_llama_cpp_and_repeng_read(tmp_path):
    gguf = pytest.importorskip("gguf")
    exchange.export_directions(tmp_path / "truth.gguf", tiny(), learnt())
    reader = gguf.GGUFReader(tmp_path / "truth.gguf")
    assert reader.get_field("general.architecture").contents() == "controlvector"
    assert reader.get_field("controlvector.model_hint").contents() == "llama"
    assert reader.get_field("controlvector.layer_count").contents() == 2
    assert [tensor.name for tensor in reader.tensors] == ["direction.1", "direction.2"]
    for tensor, one in zip(reader.tensors, learnt(), strict=True):
        assert tensor.tensor_type == gguf.GGMLQuantizationType.F32
        assert np.array(tensor.data) == pytest.approx(one.vector * one.residual_norm, rel=1e-6)
    with pytest.raises(ValueError, match="counts control vectors from layer 1"):
        exchange.export_directions(tmp_path / "zero.gguf", tiny(), learnt(layers=(0,)))


def test_repeng_itself_reads_and_writes_it(tmp_path):
    repeng = pytest.importorskip("repeng")
    exchange.export_directions(tmp_path / "truth.gguf", tiny(), learnt())
    theirs = repeng.ControlVector.import_gguf(tmp_path / "truth.gguf")
    assert theirs.model_type == "llama"
    theirs.export_gguf(tmp_path / "theirs.gguf")
    back = exchange.import_directions(tmp_path / "theirs.gguf", tiny()).directions
    for was, now in zip(learnt(), back, strict=True):
        assert now.vector == pytest.approx(was.vector, abs=1e-6)


def test_cast_s_file_is_json_of_three_fields(tmp_path):
    exchange.export_directions(tmp_path / "truth.svec", tiny(), learnt())
    content = json.loads((tmp_path / "truth.svec").read_text())
    assert set(content) == {"model_type", "directions", "explained_variances"}
    layers = {int(layer): np.array(vector) for layer, vector in content["directions"].items()}
    assert set(layers) == {int(layer) for layer in content["explained_variances"]} == {1, 2}
    assert all(vector.shape == (WIDTH,) for vector in layers.values())


def test_steering_vectors_itself_takes_the_fields(tmp_path):
    theirs = pytest.importorskip("steering_vectors")
    loaded, (one,) = tiny(), learnt(layers=(1,))
    exchange.export_directions(tmp_path / "truth.sv.pt", loaded, one)
    vector = theirs.SteeringVector(**torch.load(tmp_path / "truth.sv.pt", weights_only=True))
    got = logits(loaded, vector.apply(loaded.model, multiplier=0.3, min_token_index=1))
    assert torch.allclose(got, logits(loaded, interventions.steer(loaded, one, 0.3)), atol=1e-5)


# ---------------------------------------------------------------- what is refused


class Shell:
    """What a pickle must never get to do."""

    def __reduce__(self):
        return (open, ("/tmp/never-written-by-a-direction", "w"))


def test_a_pickle_that_runs_code_is_refused_and_not_run(tmp_path):
    from pathlib import Path

    for name in ("bad.pt", "bad.sv.pt"):
        torch.save({"layers.1": Shell()}, tmp_path / name)
        with pytest.raises(directions.DirectionError, match="is no file of tensors alone"):
            exchange.import_directions(tmp_path / name, tiny())
        (tmp_path / name).write_bytes(pickle.dumps(Shell()))
        with pytest.raises(directions.DirectionError, match="is no file of tensors alone"):
            exchange.import_directions(tmp_path / name, tiny())
    assert not Path("/tmp/never-written-by-a-direction").exists()


GOOD = {"steering_vector": torch.ones(WIDTH), "steering_coefficient": 1.0, "action": "add"}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({}, "holds no vector"),
        ([1], "holds a list; a dictionary of vectors is needed"),
        ({"layers.1": {"action": "add"}}, "has no steering_vector and action"),
        (
            {"layers.1.mlp": GOOD},
            r"steers 'layers.1.mlp', and only whole layers are read, such as 'layers.0'",
        ),
        ({"layers.1": {**GOOD, "head_index": 2}}, "has a bias or a head"),
        ({"layers.1": {**GOOD, "steering_vector": torch.ones(5)}}, r"a vector of shape \(5,\)"),
        ({"layers.1": {**GOOD, "steering_vector": torch.zeros(WIDTH)}}, "has length 0"),
        ({"layers.1": GOOD, "layers.2": {**GOOD, "steering_coefficient": 2.0}}, "in different ways"),
    ],
)
def test_files_of_the_harness_that_cannot_be_used(content, words, tmp_path):
    torch.save(content, tmp_path / "x.pt")
    with pytest.raises(directions.DirectionError, match=words):
        exchange.import_directions(tmp_path / "x.pt", tiny())


def test_files_for_another_model_or_of_another_kind(tmp_path):
    for ending in (".gguf", ".svec"):
        exchange.export_directions(tmp_path / f"x{ending}", tiny(), learnt())
        with pytest.raises(directions.DirectionError, match="is for a model of the kind 'llama'"):
            exchange.import_directions(tmp_path / f"x{ending}", tiny("gpt2"))
    content = {"model_type": "llama", "directions": {"9": [1.0] * WIDTH}, "explained_variances": {}}
    (tmp_path / "deep.svec").write_text(json.dumps(content))
    with pytest.raises(directions.DirectionError, match="is for layer 9; tiny-llama has 3, from 0"):
        exchange.import_directions(tmp_path / "deep.svec", tiny())
    torch.save({"layer_activations": {}, "layer_type": "mlp"}, tmp_path / "x.sv.pt")
    with pytest.raises(directions.DirectionError, match="of the layer_type decoder_block"):
        exchange.import_directions(tmp_path / "x.sv.pt", tiny())
    with pytest.raises(FileNotFoundError, match="no file"):
        exchange.import_directions(tmp_path / "none.pt", tiny())
    with pytest.raises(ValueError, match="two directions have the same layer"):
        exchange.export_directions(tmp_path / "two.pt", tiny(), learnt(layers=(1, 1)))
    with pytest.raises(ValueError, match="method is 'adaptive'; the harness knows add and clamp"):
        exchange.export_directions(tmp_path / "a.pt", tiny(), learnt(), method="adaptive")
