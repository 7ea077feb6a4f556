"""Pass over every causal architecture of transformers that a tiny configuration builds: can it be steered, and are heads read?

``python -m tests.architectures`` writes the table of ``book/architectures.md``; a slow test holds the two together.
"""

from __future__ import annotations

import contextlib
import inspect
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import MODEL_FOR_CAUSAL_LM_MAPPING, AutoModelForCausalLM
from transformers import __version__ as transformers_version

from cape_utils.models import activations
from cape_utils.models.bundled import quiet
from cape_utils.models.loading import Loaded, ModelInfo, encode, query_heads, settle_special_tokens
from cape_utils.steering import interventions
from cape_utils.steering.directions import Direction
from tests.tiny_models import VOCABULARY, tokenizer

PAGE = Path(__file__).resolve().parents[1] / "book" / "architectures.md"
MARK = "<!-- what follows is written by: python -m tests.architectures -->"
LARGEST = 10_000_000  # parameters; what is larger has parts that no setting below makes small
WIDTH, DEPTH = 32, 4  # hybrids attend in every fourth layer
DEPTHS = ("num_hidden_layers", "n_layer", "num_layers", "n_layers", "decoder_layers", "depth")
# Each is set where a configuration has it.
SMALL: dict[str, Any] = {
    **dict.fromkeys(("hidden_size", "n_embd", "d_model", "word_embed_proj_dim", "embedding_size"), WIDTH),
    **dict.fromkeys(("intermediate_size", "ffn_dim", "d_ff", "ffn_hidden_size", "block_ff_dim"), 48),
    **dict.fromkeys(("moe_intermediate_size", "shared_expert_intermediate_size"), 16),
    **dict.fromkeys(DEPTHS, DEPTH),
    **dict.fromkeys(("num_attention_heads", "n_head", "num_heads", "n_heads", "decoder_attention_heads"), 4),
    **dict.fromkeys(("num_key_value_heads", "num_kv_heads"), 2),
    **dict.fromkeys(
        ("head_dim", "d_kv", "qk_rope_head_dim", "qk_nope_head_dim", "v_head_dim", "state_size"), 8
    ),
    **dict.fromkeys(("num_experts", "num_local_experts", "n_routed_experts", "rotary_dim"), 4),
    **dict.fromkeys(("num_experts_per_tok", "top_k", "moe_topk"), 2),
    **dict.fromkeys(
        ("max_position_embeddings", "n_positions", "n_ctx"), 512
    ),  # some count on from the padding's number
    **dict.fromkeys(("q_lora_rank", "kv_lora_rank"), 16),
    "vocab_size": VOCABULARY,
    "bos_token_id": 256,
    "eos_token_id": 257,
    "pad_token_id": 258,
    "is_decoder": True,
}
_GROUPS = {"n_group": 2, "topk_group": 1}
_MAMBA = {"mamba_n_heads": 8, "mamba_d_head": 8, "mamba_n_groups": 1, "mamba_d_state": 8}
_SHARED = {"attention_hidden_size": 64, "attention_head_dim": 16, "mamba_d_state": 8}
_HALF_LINEAR = {
    "layer_types": ["linear_attention", "full_attention"] * 2,
    "linear_head_dim": 8,
    "linear_num_heads": 4,
}
# Left out of the settings above, or put beside them, where these would contradict one another.
OWN: dict[str, dict[str, Any]] = {
    **dict.fromkeys(("axk1", "beam", "deepseek_v3", "deepseek_v32"), _GROUPS),
    "bailing_hybrid": {**_HALF_LINEAR, "num_expert_group": 2, "topk_group": 1, "num_experts_per_token": 2},
    "bamba": {**_MAMBA, "attn_layer_indices": [1, 3]},
    "cohere_compass_text": {
        "rope_parameters": {"full_attention": {"rope_type": "default", "rope_theta": 1e4}},
    },
    "dbrx": {
        "attn_config": {"kv_n_heads": 2, "rope_theta": 1e4, "clip_qkv": 8},
        "ffn_config": {"hidden_size": WIDTH, "ffn_hidden_size": 48, "moe_num_experts": 4, "moe_top_k": 2},
    },
    "deepseek_v4": {
        "layer_types": ["compressed_sparse_attention", "sliding_attention"] * 2,
        "mlp_layer_types": ["moe"] * DEPTH,
        "o_groups": 2,
        "o_lora_rank": 16,
        "index_n_heads": 4,
        "index_head_dim": 8,
    },
    "dots1": {"n_routed_experts": 4, "n_shared_experts": 1},
    "dots3_note_text": {
        "head_dim": 16,
        "per_layer_config": {},
        "index_n_heads": 4,
        "index_head_dim": 8,
        "shared_experts_intermediate_size": 16,
    },
    "falcon": {"head_dim": None},
    "gemma3n_text": {
        "num_kv_shared_layers": 0,
        "layer_types": None,
        "vocab_size_per_layer_input": VOCABULARY,
    },
    "gemma4_text": {
        "head_dim": None,
        "num_key_value_heads": None,
        "num_attention_heads": None,
        "vocab_size_per_layer_input": VOCABULARY,
        "hidden_size_per_layer_input": 8,
    },
    "gpt_neo": {"attention_types": [[["global", "local"], 2]]},
    "granitemoehybrid": {**_MAMBA, "layer_types": ["mamba", "attention"] * 2},
    "jamba": {
        "attn_layer_period": 2,
        "attn_layer_offset": 1,
        "mamba_d_state": 8,
        "mamba_dt_rank": 4,
        "use_mamba_kernels": False,
    },
    "kimi_linear": {
        **_HALF_LINEAR,
        "mlp_layer_types": ["dense", "sparse"] * 2,
        "num_experts_per_token": 2,
    },
    "lfm2_moe": {"layer_types": ["conv", "full_attention"] * 2},
    "longcat_flash": {"head_dim": 8, "num_layers": 2},
    "mamba2": {"num_heads": 8, "head_dim": 8, "n_groups": 1},
    "qwen4_exp_text": {
        "layer_types": ["linear_attention", "indexed_attention"] * 2,
        **{"indexer_n_heads": 4, "indexer_kv_heads": 1, "indexer_head_dim": 8},
        **{"indexer_budget": 16, "indexer_compress_ratio": 4},
        **dict.fromkeys(("linear_key_head_dim", "linear_value_head_dim", "hc_lowrank", "ple_embed_dim"), 8),
        **dict.fromkeys(("linear_num_key_heads", "linear_num_value_heads"), 4),
        "ngram_vocab_size_base": 100,
    },
    "reformer": {
        "axial_pos_embds_dim": [16, 16],
        "axial_pos_shape": [16, 32],
        "attn_layers": ["local"] * DEPTH,
        "attention_head_size": 8,
        "feed_forward_size": 48,
    },
    "roc_bert": {"pronunciation_vocab_size": VOCABULARY, "shape_vocab_size": VOCABULARY},
    "xlnet": {"max_position_embeddings": None, "d_inner": 48, "d_head": 8},
    "xlstm": {
        "v_head_dim": None,
        "head_dim": None,
        "hidden_size": 128,
    },  # it rounds its heads up to 64 together
    "xmod": {"languages": ["en_XX"], "default_language": "en_XX"},
    "zamba": {**_SHARED, "layers_block_type": ["linear_attention", "hybrid"] * 2, "mamba_dt_rank": 4},
    "zamba2": {
        **_SHARED,
        "layers_block_type": ["linear_attention", "hybrid"] * 2,
        "hybrid_layer_ids": [1, 3],
        "num_key_value_heads": 4,
        "kv_channels": 8,
        "n_mamba_heads": 8,
        "mamba_headdim": 8,
        "chunk_size": 16,
    },
    "zaya": {"num_experts_per_tok": 1, "router_hidden_size": 16},
}
TEXTS = ("a longer text than the other", "Hi")


@dataclass(frozen=True)
class Row:
    """What was found of one architecture: ``works``, ``refused``, ``not built`` or ``fault``."""

    kind: str
    model: str
    outcome: str
    heads: str
    why: str = ""


def _has(config: Any, key: str) -> bool:
    """Whether a configuration has a setting, be it one for all layers or one for each."""
    try:
        return hasattr(config, key)
    except Exception:  # noqa: BLE001 (where layers differ there is no single value to read)
        return True


def small(config_class: Any) -> dict[str, Any]:
    """Settings under which an architecture, and every part of it that has a configuration of its own, is tiny."""
    default = config_class()
    settings = {key: value for key, value in SMALL.items() if _has(default, key)}
    if "qk_rope_head_dim" in settings:  # latent attention has as many keys as queries, and heads of two parts
        settings |= {"num_key_value_heads": 4, "head_dim": None}
    for name in config_class.sub_configs:
        if (part := getattr(default, name, None)) is not None:
            own = {"model_type": part.model_type} | small(type(part))
            # What sees or hears is not as deep as what writes.
            settings[name] = own if name == "text_config" else own | {k: 2 for k in DEPTHS if k in own}
    settings |= OWN.get(config_class.model_type, {})
    return {key: value for key, value in settings.items() if value is not None}


def build(config_class: Any) -> Loaded:
    """A random model of an architecture; whatever the configuration objects to is raised."""
    name = config_class.model_type
    config = config_class(**small(config_class))
    with torch.device("meta"):
        size = AutoModelForCausalLM.from_config(config).num_parameters()
    if size > LARGEST:
        raise ValueError(f"{size:,} parameters at least")
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = AutoModelForCausalLM.from_config(config).eval().requires_grad_(False)
    words = tokenizer()
    settle_special_tokens(words)
    # What does not run by itself, for its parts do not fit together at this size, says nothing about steering.
    plain = encode(words, TEXTS, side="left")
    model.generate(**plain, max_new_tokens=2, do_sample=False, pad_token_id=258)
    text = model.config.get_text_config()
    info = ModelInfo(
        name=f"tiny-{name}",
        title=name,
        source="tests",
        licence="MIT",
        sha256=name,
        architecture=type(model).__name__,
        layers=DEPTH,
        width=text.hidden_size,
        heads=query_heads(text),
        parameters=size,
        device="cpu",
        dtype="float32",
    )
    return Loaded(model, words, info)


def steering_faults(loaded: Loaded) -> list[str]:
    """What steering does in a model other than what it says; ``UnsupportedModelError`` passes through."""
    parts = activations.decoder(loaded.model)
    vector = np.random.default_rng(0).normal(size=parts.width).astype(np.float32)
    layer = len(parts.layers) // 2
    along = Direction(vector / np.linalg.norm(vector), layer, 1.0, "random", "", loaded.info.sha256, "", 0)
    batch = encode(loaded.tokenizer, TEXTS, side="left")
    faults = []
    with torch.no_grad():
        with activations.capture(loaded.model, layers=[layer]) as plain:
            before = loaded.model(**batch).logits
        with (
            interventions.steer(loaded, along, 3.0),
            activations.capture(loaded.model, layers=[layer]) as moved,
        ):
            loaded.model(**batch)
        change = (moved.hidden[layer] - plain.hidden[layer]).numpy()
        seen = batch["attention_mask"].numpy().astype(bool)
        content = seen & (seen.cumsum(1) > 1)
        if not np.allclose(change[content], 3 * along.vector, atol=1e-3):
            faults.append("the stream does not move by the vector")
        if not np.allclose(change[~content], 0, atol=1e-6):
            faults.append("padding or the first token moves")
        if not torch.equal(before, loaded.model(**batch).logits):
            faults.append("something is left behind")
        how: dict[str, Any] = {
            "direction": along,
            "strength": 3.0,
            "method": "adaptive",
            "positions": "prompt_end",
        }
        both = interventions.generate(loaded, TEXTS, max_new_tokens=5, **how)
        alone = [interventions.generate(loaded, [text], max_new_tokens=5, **how)[0] for text in TEXTS]
        if both != alone:
            faults.append("a text is continued otherwise in a batch")
        ids = encode(loaded.tokenizer, TEXTS[:1])["input_ids"]
        start = ids.shape[1]
        # RoBERTa and its kin count positions from their padding's number on where they are not told; generate tells them.
        told = "position_ids" in inspect.signature(type(loaded.model).forward).parameters
        with interventions.steer(loaded, **how), activations.prompts_end_at([start - 1]):  # type: ignore[arg-type]
            for _ in range(5):
                places = {"position_ids": torch.arange(ids.shape[1])[None]} if told else {}
                logits = loaded.model(
                    ids, attention_mask=torch.ones_like(ids), use_cache=False, **places
                ).logits
                ids = torch.cat([ids, logits[:, -1].argmax(-1, keepdim=True)], 1)
        plain_loop = loaded.tokenizer.decode(ids[0, start:], skip_special_tokens=True)
        ended = loaded.tokenizer.eos_token_id in ids[0, start:].tolist()
        if alone[0] != plain_loop and not ended:
            faults.append("a cache changes the text")
    return faults


def heads_of(loaded: Loaded) -> str:
    """Whether the outputs of the heads can be read."""
    if not activations.decoder(loaded.model).projections:
        return "no"
    with activations.capture(loaded.model, heads=True) as seen, torch.no_grad():
        loaded.model(**encode(loaded.tokenizer, TEXTS))
    return "yes" if len(seen.heads) == len(activations.decoder(loaded.model).layers) else "no"


def row_of(config_class: Any) -> Row:
    """Build an architecture and say what came of it."""
    kind = config_class.model_type
    try:
        if config_class().is_encoder_decoder:
            return Row(
                kind, "", "refused", "no", "half of an encoder and a decoder, which load_model does not open"
            )
        loaded = build(config_class)
    except Exception as error:  # noqa: BLE001
        return Row(kind, "", "not built", "", f"{type(error).__name__}: {' '.join(str(error).split())[:100]}")
    model = type(loaded.model).__name__
    try:
        faults = steering_faults(loaded)
        return Row(kind, model, "fault" if faults else "works", heads_of(loaded), "; ".join(faults))
    except activations.UnsupportedModelError as error:
        return Row(kind, model, "refused", "no", str(error))
    except Exception as error:  # noqa: BLE001
        return Row(kind, model, "fault", "", f"{type(error).__name__}: {' '.join(str(error).split())[:160]}")


def rows() -> Iterator[Row]:
    """All of them, in alphabetical order."""
    with warnings.catch_warnings(), contextlib.redirect_stderr(None), quiet():
        warnings.simplefilter("ignore")
        for config_class in sorted(MODEL_FOR_CAUSAL_LM_MAPPING, key=lambda c: c.model_type):
            yield row_of(config_class)


def table(found: list[Row]) -> str:
    """The page's table: what runs at a tiny size, in the order of the alphabet, and how many do not."""
    lines = ["| architecture | class | steering | heads | why not |", "|---|---|---|---|---|"]
    for row in found:
        if row.outcome != "not built":
            why = row.why.split("; take ")[0]
            lines.append(f"| `{row.kind}` | {row.model} | {row.outcome} | {row.heads} | {why} |")
    left = sorted(row.kind for row in found if row.outcome == "not built")
    counts = {outcome: sum(row.outcome == outcome for row in found) for outcome in ("works", "refused")}
    return (
        f"Of {len(found)} causal architectures in transformers {transformers_version}, {counts['works']} can be steered, "
        f"{counts['refused']} are refused with the reason, and {len(left)} do not run at a tiny size and are not judged: "
        f"{', '.join(left)}.\n\n" + "\n".join(lines) + "\n"
    )


if __name__ == "__main__":
    results = []
    for row in rows():
        results.append(row)
        print(row.kind, row.outcome, row.why, flush=True)  # noqa: T201
    text = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(text[: text.index(MARK) + len(MARK)] + "\n\n" + table(results), encoding="utf-8")
