"""Which model a name or a path means: the hub's cache, a training checkpoint, a folder called 7B.

It implements no section of the papers.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from cape_utils.data.model_names import family_from_name, is_pinned, without_account

__all__ = [
    "LONGEST_NAME",
    "arguments_of",
    "conditions_of_arguments",
    "family_of",
    "named_model",
    "names_a_family",
]

LONGEST_NAME = 4096
"""Characters of a model's name or path, which is what a path can have."""

_CACHED = re.compile(r"models--([^/]+?)--([^/]+)/snapshots/([0-9a-f]+)")
_CHECKPOINT = re.compile(r"(?:global_?)?(?:checkpoint|ckpt|step|epoch|iter)[-_ ]?\d+(?:-?hf)?", re.IGNORECASE)
# Parts of a path that every model has, and that name none.
_COMMON = frozenset(
    """
    hf final last best latest model models output outputs out results weights checkpoints snapshots converted merged
    """.split()  # noqa: SIM905 - one word a name
)
_BARE_SIZE = re.compile(r"\d+(?:\.\d+)?[mb](?:-hf)?", re.IGNORECASE)
_SUFFIXES = (".nemo", ".gguf", ".safetensors", ".bin", ".pt", ".json")
_QUANTISED = re.compile(
    r"(?<![A-Za-z0-9])(gptq|awq|gguf|int[48]|[48]bit|fp8|w\d+a\d+|bnb)(?![A-Za-z])", re.IGNORECASE
)
_DTYPES = {
    "float16": "float16", "fp16": "float16", "half": "float16", "bfloat16": "bfloat16", "bf16": "bfloat16",
    "float32": "float32", "fp32": "float32",
}  # fmt: skip


def named_model(named: str) -> tuple[str, str | None]:
    """Name and revision of the model that an identifier or a path means.

    Parameters
    ----------
    named : str
        As a file of results has it.

    Returns
    -------
    str
        With its account where there is one.
    str or None
        Commit or training step.

    Raises
    ------
    ValueError
        If the name is longer than any path.

    Examples
    --------
    >>> named_model("EleutherAI/pythia-410m"), named_model("/data/llama/13B")
    (('EleutherAI/pythia-410m', None), ('llama/13B', None))
    >>> named_model("~/hub/models--EleutherAI--pythia-410m/snapshots/9983dfb")
    ('EleutherAI/pythia-410m', '9983dfb')
    >>> named_model("runs/pythia-410m-sft/checkpoint-2000")
    ('pythia-410m-sft', 'checkpoint-2000')
    """
    if len(named) > LONGEST_NAME:
        raise ValueError(
            f"a model's name has {len(named):,} characters ({named[:40]!r}...); at most {LONGEST_NAME:,} are read"
        )
    text = named.strip().replace("\\", "/").rstrip("/")
    cached = _CACHED.search(text)
    if cached:
        return f"{cached[1]}/{cached[2]}", cached[3]
    path, _, revision = text.partition("@")
    parts = [part for part in path.replace("__", "/").split("/") if part not in ("", ".", "..", "~")]
    is_path = text.startswith(("/", "~", "."))
    while len(parts) > 1:
        last = parts[-1]
        if _CHECKPOINT.fullmatch(last) or (is_pinned(last) and re.search("[0-9]", last)):
            revision, is_path = revision or last, True
        elif last.lower() not in _COMMON:
            break
        parts.pop()
    if not parts:
        return text, None
    last = parts[-1]
    for suffix in _SUFFIXES:
        last = last.removesuffix(suffix)
    # A folder called 7B tells the size; whose it is stands above it.
    account = (
        parts[-2]
        if len(parts) > 1 and ((not is_path and len(parts) == 2) or _BARE_SIZE.fullmatch(last))
        else ""
    )
    return (f"{account}/{last}" if account else last), revision or None


def names_a_family(model: str) -> bool:
    """Whether a family can be read from the name: not from a bare size, a checkpoint or a commit.

    Examples
    --------
    >>> names_a_family("pythia-410m"), names_a_family("7B"), names_a_family("llama/7B"), names_a_family("checkpoint-2000")
    (True, False, True, False)
    """
    account, _, tail = model.rpartition("/")
    if _BARE_SIZE.fullmatch(tail):
        return bool(account)
    return not (_CHECKPOINT.fullmatch(tail) or is_pinned(tail) or tail.lower() in _COMMON)


def family_of(model: str) -> str:
    """Family of a model by its name; of a folder called 7B, the folder above it.

    Examples
    --------
    >>> family_of("EleutherAI/pythia-410m"), family_of("llama/7B")
    ('pythia', 'llama')
    """
    account, _, tail = model.rpartition("/")
    return account if account and _BARE_SIZE.fullmatch(tail) else family_from_name(model)


def arguments_of(config: Mapping[str, Any]) -> dict[str, str]:
    """``model_args`` of a harness, whether it wrote text or an object.

    Examples
    --------
    >>> arguments_of({"model_args": "pretrained=org/a,dtype=float16"})
    {'pretrained': 'org/a', 'dtype': 'float16'}
    """
    given = config.get("model_args")
    if isinstance(given, str):
        return dict(part.strip().split("=", 1) for part in given.split(",") if "=" in part)
    return {str(key): str(value) for key, value in given.items()} if isinstance(given, Mapping) else {}


def conditions_of_arguments(arguments: Mapping[str, str], model: str) -> dict[str, str]:
    """Adapter, quantisation, dtype and revision that arguments and a model's name tell; a steering vector is an adapter.

    Examples
    --------
    >>> conditions_of_arguments({"pretrained": "org/a-7b", "load_in_4bit": "True"}, "org/a-7b")
    {'adapter': 'none', 'quantisation': '4-bit'}
    >>> conditions_of_arguments({"pretrained": "org/a-7b", "steer_path": "a.pt"}, "org/a-7b")["adapter"]
    'steer_path=a.pt'
    >>> conditions_of_arguments({}, "TheBloke/Llama-2-7B-GPTQ")
    {'quantisation': 'gptq'}
    """
    found: dict[str, str] = {}
    if arguments:
        adapter = next(
            (
                key
                for key in ("peft", "delta", "adapter", "lora_local_path", "steer_path")
                if _given(arguments.get(key))
            ),
            None,
        )
        found["adapter"] = "none" if adapter is None else f"{adapter}={arguments[adapter]}"
    bare = without_account(model)
    packed = _QUANTISED.search(bare)
    bits = next((bits for bits in ("4", "8") if _given(arguments.get(f"load_in_{bits}bit"))), None)
    named = next(
        (arguments[k] for k in ("quantization", "gptq", "autogptq", "gptqmodel") if _given(arguments.get(k))),
        None,
    )
    if bits:
        found["quantisation"] = f"{bits}-bit"
    elif named:
        found["quantisation"] = "gptq" if named.lower() == "true" else named.lower()
    elif packed:
        found["quantisation"] = packed[1].lower()
    elif arguments:
        found["quantisation"] = "none"
    if found.get("quantisation", "none") == "none":
        dtype = arguments.get("dtype", "").removeprefix("torch.").lower()
        in_name = next((word for word in re.split("[-_.]", bare.lower()) if word in _DTYPES), "")
        if dtype in _DTYPES or in_name:
            found["dtype"] = _DTYPES[dtype if dtype in _DTYPES else in_name]
    return found


def _given(value: str | None) -> bool:
    return value is not None and value.strip().lower() not in ("", "none", "false", "null")
