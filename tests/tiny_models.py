"""Tiny random models of every architecture, with a tokenizer, made in memory: no file, no network."""

from __future__ import annotations

import functools
from pathlib import Path

import torch
import transformers
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import AutoModelForCausalLM, PreTrainedTokenizerFast

from cape_utils.models.loading import Loaded, ModelInfo, settle_special_tokens

DEPTH, HEADS, WIDTH, VOCABULARY = 3, 4, 32, 259
_LLAMA = {
    "vocab_size": VOCABULARY,
    "hidden_size": WIDTH,
    "intermediate_size": 48,
    "num_hidden_layers": DEPTH,
    "num_attention_heads": HEADS,
    "max_position_embeddings": 128,
    "bos_token_id": 256,
    "eos_token_id": 257,
    "pad_token_id": 258,
}
_GROUPED = {**_LLAMA, "num_key_value_heads": 2}
_GPT2 = {
    "vocab_size": VOCABULARY,
    "n_embd": WIDTH,
    "n_layer": DEPTH,
    "n_head": HEADS,
    "n_positions": 128,
    "bos_token_id": 256,
    "eos_token_id": 257,
}
_NAMED = {key: _LLAMA[key] for key in ("vocab_size", "hidden_size", "bos_token_id", "eos_token_id")}

# Class of the configuration and its settings; heads wider than width / heads where the family has them.
CONFIGS: dict[str, tuple[str, dict]] = {
    "llama": ("LlamaConfig", _GROUPED),
    "gpt_neox": ("GPTNeoXConfig", _LLAMA),
    "gpt2": ("GPT2Config", _GPT2),
    "opt": ("OPTConfig", {**_LLAMA, "ffn_dim": 48, "word_embed_proj_dim": WIDTH}),
    "gemma": ("GemmaConfig", {**_GROUPED, "head_dim": 16}),
    "gemma2": ("Gemma2Config", {**_GROUPED, "head_dim": 16}),
    "gemma3": ("Gemma3TextConfig", {**_GROUPED, "head_dim": 16}),
    "qwen2": ("Qwen2Config", _GROUPED),
    "qwen3": ("Qwen3Config", {**_GROUPED, "head_dim": 16}),
    "bloom": ("BloomConfig", {**_NAMED, "n_layer": DEPTH, "n_head": HEADS}),
    "gpt_neo": (
        "GPTNeoConfig",
        {
            **_NAMED,
            "num_layers": DEPTH,
            "num_heads": HEADS,
            "attention_types": [[["global", "local", "global"], 1]],
            "max_position_embeddings": 128,
        },
    ),
    "gptj": ("GPTJConfig", {**_GPT2, "rotary_dim": 4}),
    "phi": ("PhiConfig", _LLAMA),
    "phi3": ("Phi3Config", _GROUPED),
    "falcon": ("FalconConfig", {**_NAMED, "num_hidden_layers": DEPTH, "num_attention_heads": HEADS}),
    "mistral": ("MistralConfig", _GROUPED),
    "olmo2": ("Olmo2Config", _GROUPED),
    "stablelm": ("StableLmConfig", _GROUPED),
    "starcoder2": ("Starcoder2Config", _GROUPED),
}
# Five that differ in how they are built: grouped keys, parallel blocks, fused projections, no rotary, a norm behind.
FEW = ("llama", "gpt_neox", "gpt2", "bloom", "gemma2")
NORM_AFTER_PROJECTION = {"gemma2", "gemma3", "olmo2"}


def tokenizer() -> PreTrainedTokenizerFast:
    """One token a byte, three special ones after them."""
    letters = {letter: i for i, letter in enumerate(sorted(pre_tokenizers.ByteLevel.alphabet()))}
    raw = Tokenizer(models.BPE(vocab=letters, merges=[]))
    raw.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    raw.decoder = decoders.ByteLevel()
    raw.add_special_tokens(["<s>", "</s>", "<pad>"])
    return PreTrainedTokenizerFast(tokenizer_object=raw, bos_token="<s>", eos_token="</s>", pad_token="<pad>")


@functools.cache
def tiny(architecture: str = "llama", seed: int = 0) -> Loaded:
    """A random model of an architecture, the same at every call."""
    kind, settings = CONFIGS[architecture]
    config = getattr(transformers, kind)(**settings)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = AutoModelForCausalLM.from_config(config).eval().requires_grad_(False)
    words = tokenizer()
    settle_special_tokens(words)
    parameters = model.num_parameters()
    info = ModelInfo(
        name=f"tiny-{architecture}",
        title=f"tiny {architecture}",
        source="tests",
        licence="MIT",
        sha256=f"{architecture}-{seed}",
        architecture=type(model).__name__,
        layers=DEPTH,
        width=WIDTH,
        heads=HEADS,
        parameters=parameters,
        device="cpu",
        dtype="float32",
    )
    return Loaded(model, words, info)


def save_tiny(architecture: str, folder: Path, seed: int = 0) -> Path:
    """Write a random model as `save_pretrained` does, for whoever opens models by path."""
    loaded = tiny(architecture, seed)
    loaded.model.save_pretrained(folder)
    loaded.tokenizer.save_pretrained(folder)
    return folder
