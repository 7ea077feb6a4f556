"""The one door to a folder with a model: what its files say is looked at before any other library opens them.

Configuration, index and headers of weights come from anywhere. Refused in one sentence, with file and field: what is no
regular file, no JSON, of a size or type that no model has; weights that are not safetensors, whatever their name; an index
that leads out of the folder. Nothing is loaded here, and torch is not needed. It implements no section of the papers.
"""

from __future__ import annotations

import itertools
import math
import os
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cape_utils.data.files import BadJSON, FileRefused, check_regular, parse_json, read_bytes
from cape_utils.models.bundled import ModelError

__all__ = ["check_config", "check_weights"]

_INDEX = "model.safetensors.index.json"
_SMALL = ("generation_config.json", "tokenizer_config.json", "special_tokens_map.json")
_WEIGHTS = "model.safetensors"
# Files whose format can hold code that runs when they are opened.
_CAN_HOLD_CODE = (".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle")
_LONGEST_HEADER = 100_000_000  # the limit of safetensors itself
_ITEM_BYTES = {
    "F64": 8, "I64": 8, "U64": 8, "F32": 4, "I32": 4, "U32": 4, "F16": 2, "BF16": 2, "I16": 2, "U16": 2, "BOOL": 1, "I8": 1,
    "U8": 1, "F8_E4M3": 1, "F8_E5M2": 1, "F8_E8M0": 1, "F8_E4M3FNUZ": 1, "F8_E5M2FNUZ": 1, "C64": 8,
}  # fmt: skip
# Whole numbers above 0 of every model that has them, and the most that one can have.
_SIZES = {
    "hidden_size": 10**6, "n_embd": 10**6, "d_model": 10**6, "num_hidden_layers": 10**4, "n_layer": 10**4, "num_layers": 10**4,
    "num_attention_heads": 10**5, "n_head": 10**5, "num_heads": 10**5, "num_key_value_heads": 10**5, "head_dim": 10**5,
    "intermediate_size": 10**7, "n_inner": 10**7, "vocab_size": 10**8, "max_position_embeddings": 10**9, "n_positions": 10**9,
    "num_local_experts": 10**5, "num_experts": 10**5,
}  # fmt: skip


def check_config(folder: Path) -> None:
    """Refuse a folder whose configuration cannot be that of a model, before any other library reads it.

    Parameters
    ----------
    folder : Path
        With ``config.json``.

    Raises
    ------
    ModelError
        With one sentence: the file, the field where there is one, and what is needed.
    """
    config = _object(folder, "config.json")
    _check_config(config, "")
    for path in sorted(folder.glob("*.json")):
        if path.name in _SMALL:
            _object(folder, path.name)
        else:
            _regular(path)


def check_weights(folder: Path) -> None:
    """Refuse a folder whose weights are not safetensors, whole and within it.

    Parameters
    ----------
    folder : Path
        With ``model.safetensors``, or an index and what it names.

    Raises
    ------
    ModelError
        With one sentence: the file, and what is wrong with it.
    """
    for name in _weight_files(folder):
        _check_file(folder / name, name)


def _regular(path: Path) -> int:
    try:
        return check_regular(path, path.name, limited=path.suffix == ".json")
    except FileRefused as error:
        raise ModelError(f"{path.parent}: {error}") from error
    except OSError as error:
        raise ModelError(f"{path.parent}: {path.name} cannot be read ({error.strerror})") from error


def _json(folder: Path, name: str) -> Any:
    try:
        return parse_json(read_bytes(folder / name, name))
    except FileRefused as error:
        raise ModelError(f"{folder}: {error}") from error
    except BadJSON as error:
        raise ModelError(
            f"{folder}: {name}: {error}; copy the file again from where the model came from"
        ) from error
    except OSError as error:
        raise ModelError(f"{folder}: {name} cannot be read ({error.strerror})") from error


def _object(folder: Path, name: str) -> Mapping[str, Any]:
    content = _json(folder, name)
    if not isinstance(content, Mapping) or not content:
        got = "an empty object" if content == {} else f"a {type(content).__name__}"
        raise ModelError(f"{folder}: {name} holds {got}; an object that describes a model is needed")
    return content


def _check_config(config: Mapping[str, Any], within: str) -> None:
    """Refuse a field of a type or size that no model has; a part for the text of a larger model likewise."""

    def refuse(field: str, needed: str) -> None:
        raise ModelError(f"config.json: {within}{field} is {_short(config[field])}; expected {needed}")

    for field, most in _SIZES.items():
        value = config.get(field)
        if field not in config or value is None:
            continue
        each = value if isinstance(value, list) and field not in ("hidden_size", "vocab_size") else [value]
        if not each or not all(
            isinstance(n, int) and not isinstance(n, bool) and 0 < n <= most for n in each
        ):
            refuse(field, f"a whole number from 1 to {most:,}")
    kind = config.get("model_type")
    if "model_type" in config and not isinstance(kind, str):
        refuse("model_type", "a word, such as 'llama'")
    listed = config.get("architectures")
    if listed is not None and not (
        isinstance(listed, list) and all(isinstance(name, str) for name in listed)
    ):
        refuse("architectures", "a list of names of classes")
    for width, heads in (("hidden_size", "num_attention_heads"), ("n_embd", "n_head")):
        if (
            isinstance(config.get(width), int)
            and isinstance(config.get(heads), int)
            and config[width] < config[heads]
        ):
            refuse(heads, f"at most {width}, which is {config[width]}")
    text = config.get("text_config")
    if text is not None and not isinstance(text, Mapping):
        refuse("text_config", "an object")
    if isinstance(text, Mapping):
        _check_config(text, "text_config.")


def _short(value: object) -> str:
    words = repr(value)
    return words if len(words) <= 60 else f"{words[:57]}..."


def _weight_files(folder: Path) -> list[str]:
    """Names of the files of weights, as index or folder have them."""
    if (folder / _INDEX).is_file() and not (folder / _WEIGHTS).exists():
        places = _object(folder, _INDEX).get("weight_map")
        if not isinstance(places, Mapping) or not places:
            raise ModelError(f"{folder}: {_INDEX}: weight_map is needed, an object from tensors to files")
        names = sorted({str(name) for name in places.values()})
        for name in names:
            _check_name(folder, name)
        return names
    if (folder / _WEIGHTS).exists():
        return [_WEIGHTS]
    code = sorted(path.name for path in folder.iterdir() if path.suffix.lower() in _CAN_HOLD_CODE)
    if code:
        raise ModelError(_holds_code(folder, code[0]))
    raise ModelError(
        f"{folder} has no weights as safetensors, the only format loaded here: there is no {_WEIGHTS}, and no {_INDEX}"
    )


def _holds_code(folder: Path, name: str) -> str:
    return (
        f"{folder}: {name} is a format that can run code when it is opened, and is not opened; only safetensors are loaded here "
        "(choose another copy of the model, or convert it where you trust it)"
    )


def _check_name(folder: Path, name: str) -> None:
    if name.lower().endswith(_CAN_HOLD_CODE):
        raise ModelError(_holds_code(folder, name))
    if name != os.path.basename(name) or not name.endswith(".safetensors"):
        raise ModelError(
            f"{folder}: {_INDEX} names {name!r}; a file of this folder is needed, whose name ends in .safetensors"
        )
    if not (folder / name).exists():
        raise ModelError(
            f"{folder}: {_INDEX} names {name}, and there is no such file; copy it into the folder"
        )


def _check_file(path: Path, name: str) -> None:
    """Refuse a file that is not safetensors, whole: the length of its header, the header, and the end of every tensor."""
    size = _regular(path)

    def refuse(why: str) -> ModelError:
        return ModelError(f"{path.parent}: {name} is not a whole safetensors file: {why}; copy it again")

    with path.open("rb") as file:
        head = file.read(8)
        if len(head) < 8:
            raise refuse(f"it has {size} bytes")
        if head[:2] in (b"\x80\x02", b"\x80\x04", b"\x80\x05") or head[:4] == b"PK\x03\x04":
            raise ModelError(
                f"{path.parent}: {name} is a pickle or an archive under another name, which can run code when it is opened, and "
                "is not opened; only safetensors are loaded here"
            )
        (length,) = struct.unpack("<Q", head)
        if length > min(_LONGEST_HEADER, size - 8):
            raise refuse(f"its header is said to have {length:,} bytes, and {size - 8:,} follow")
        raw = file.read(length)
    try:
        header = parse_json(raw)
    except (BadJSON, ValueError) as error:
        raise refuse(f"its header cannot be read ({error})") from error
    if not isinstance(header, Mapping) or not any(key != "__metadata__" for key in header):
        raise refuse("its header names no tensor")
    spans = []
    for key, tensor in header.items():
        if key == "__metadata__":
            continue
        try:
            start, end = tensor["data_offsets"]
            needed = math.prod(tensor["shape"]) * _ITEM_BYTES.get(tensor["dtype"], 0)
            sound = 0 <= start <= end <= size - 8 - length and (not needed or end - start == needed)
        except (KeyError, TypeError, ValueError):
            sound = False
        if not sound:
            raise refuse(f"the tensor {key!r} does not lie within it as its header says ({_short(tensor)})")
        spans.append((start, end))
    spans.sort()
    if any(one[1] > two[0] for one, two in itertools.pairwise(spans)):
        raise refuse("two of its tensors overlap")
