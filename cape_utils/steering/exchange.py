"""Directions that travel: write them for other programs, and read theirs.

By the file's ending:

==================  ======================================================================================================
``.safetensors``    this project's own, one direction with what it belongs to
``.pt``             lm-evaluation-harness, ``--model steered --model_args steer_path=...``
``.gguf``           control vectors of llama.cpp (``--control-vector-scaled FILE S``) and repeng
``.svec``           CAST, the package ``activation_steering``
``.sv.pt``          the two fields of ``steering_vectors.SteeringVector``, which has no file format of its own
==================  ======================================================================================================

Vectors are written as long as the mean residual stream, so that the strength of the other program is the one used here; only the
harness's file holds the strength. A layer counts from 0 everywhere, and the vector is added to what that layer hands on. No
program but this one leaves the first token of a text alone.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cape_utils.models.activations import decoder
from cape_utils.models.loading import Loaded
from cape_utils.steering.directions import Direction, DirectionError, load_direction, save_direction
from cape_utils.steering.interventions import as_list

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["ENDINGS", "Travelled", "export_directions", "import_directions"]

Vectors = dict[int, NDArray[np.float32]]


class Travelled(NamedTuple):
    """What a file holds.

    Attributes
    ----------
    directions : tuple of Direction
        One for each layer, in the order of the layers.
    strength : float or None
        In units of the vectors' length, where the file states it.
    method : str or None
        ``add`` or ``clamp``, where the file states it.
    """

    directions: tuple[Direction, ...]
    strength: float | None = None
    method: str | None = None


def export_directions(
    path: str | Path,
    loaded: Loaded,
    direction: Direction | Sequence[Direction],
    *,
    strength: float = 1.0,
    method: str = "add",
) -> None:
    """Write directions for another program, in the layout that the file's ending names.

    Parameters
    ----------
    path : path
        With one of ``ENDINGS``; an existing file is not replaced.
    loaded : Loaded
        The model they belong to.
    direction : Direction or sequence of Direction
        Of layers that all differ.
    strength, method
        For the harness alone, as ``steering.interventions.steer`` takes them; ``add`` or ``clamp``, or ``ablate``, which is
        written as clamping at 0.

    Raises
    ------
    ValueError
        If the layout cannot hold what is asked.
    FileExistsError, FileNotFoundError
        If there is such a file already, or no such folder.
    """
    place, chosen = Path(path), as_list(direction)
    ending = _ending(place)
    if place.exists():
        raise FileExistsError(f"{place} exists and is not replaced; name another file")
    if not place.parent.is_dir():
        raise FileNotFoundError(f"there is no folder {str(place.parent)!r}; make it first")
    if len({one.layer for one in chosen}) < len(chosen):
        raise ValueError("two directions have the same layer; a file holds one for each")
    if ending == ".safetensors":
        if len(chosen) > 1:
            raise ValueError(
                f"a .safetensors file holds one direction, and there are {len(chosen)}; take .gguf or .pt"
            )
        save_direction(place, chosen[0])
    elif ending == ".pt":
        _write_harness(place, loaded, chosen, strength, method)
    else:
        vectors = {one.layer: np.asarray(one.vector * one.residual_norm, np.float32) for one in chosen}
        _WRITERS[ending](place, str(loaded.model.config.model_type), vectors)


def import_directions(path: str | Path, loaded: Loaded) -> Travelled:
    """Read directions that this or another program has written.

    Other programs' files do not say which weights they belong to, so that the width, and the architecture where it is named, are
    all that can be checked.

    Raises
    ------
    DirectionError
        If the file is not of the layout that its ending names, or does not fit the model.
    FileNotFoundError
        If there is no such file.
    """
    place = Path(path)
    ending = _ending(place)
    if not place.is_file():
        raise FileNotFoundError(f"no file {str(place)!r}; give the path of a saved direction")
    if ending == ".safetensors":
        return Travelled((load_direction(place, loaded),))
    return _READERS[ending](place, loaded)


def _ending(path: Path) -> str:
    for ending in ENDINGS:
        if path.name.endswith(ending):
            return ending
    raise ValueError(
        f"{path.name} ends in none of {', '.join(ENDINGS)}; the ending says for which program it is"
    )


# ---------------------------------------------------------------- writing


def _hookpoint(loaded: Loaded, layer: int) -> str:
    """Path of a layer inside the model without its head, which is how the harness names it."""
    wanted = decoder(loaded.model).layers[layer]
    body = loaded.model.base_model
    return next(str(name) for name, module in body.named_modules() if module is wanted)


def _write_harness(
    path: Path, loaded: Loaded, directions: Sequence[Direction], strength: float, method: str
) -> None:
    import torch

    if method not in ("add", "clamp", "ablate"):
        raise ValueError(
            f"method is {method!r}; the harness knows add and clamp, and ablate as clamping at 0"
        )
    content = {}
    for one in directions:
        # The harness makes the vector of a clamp one unit long, so that only then the coefficient is a length.
        lengths = {"add": strength, "clamp": strength * one.residual_norm, "ablate": 0.0}
        content[_hookpoint(loaded, one.layer)] = {
            "steering_vector": torch.tensor(one.vector * one.residual_norm),
            "steering_coefficient": float(lengths[method]),
            "action": "add" if method == "add" else "clamp",
            "bias": None,
            "head_index": None,
        }
    torch.save(content, path)


def _write_gguf(path: Path, model_type: str, vectors: Vectors) -> None:
    from gguf import GGUFWriter

    if 0 in vectors:
        raise ValueError(
            "llama.cpp counts control vectors from layer 1; a direction at layer 0 cannot be written"
        )
    writer = GGUFWriter(path, "controlvector")
    writer.add_string("controlvector.model_hint", model_type)
    writer.add_uint32("controlvector.layer_count", len(vectors))
    for layer, vector in sorted(vectors.items()):
        writer.add_tensor(f"direction.{layer}", vector)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _write_svec(path: Path, model_type: str, vectors: Vectors) -> None:
    content = {
        "model_type": model_type,
        "directions": {str(layer): vector.tolist() for layer, vector in vectors.items()},
        "explained_variances": {str(layer): 1.0 for layer in vectors},  # what CAST writes where there is none
    }
    path.write_text(json.dumps(content), encoding="utf-8")


def _write_fields(path: Path, _model_type: str, vectors: Vectors) -> None:
    import torch

    activations = {layer: torch.tensor(vector) for layer, vector in vectors.items()}
    torch.save({"layer_activations": activations, "layer_type": "decoder_block"}, path)


# ---------------------------------------------------------------- reading


def _directions(
    path: Path, loaded: Loaded, vectors: Mapping[int, Any], program: str
) -> tuple[Direction, ...]:
    parts = decoder(loaded.model)
    if not vectors:
        raise DirectionError(f"{path.name} holds no vector")
    out = []
    for layer, raw in sorted(vectors.items()):
        vector = np.asarray(raw, dtype=float)
        length = float(np.linalg.norm(vector))
        if vector.shape != (parts.width,):
            raise DirectionError(
                f"{path.name} holds a vector of shape {vector.shape}; {loaded.info.name} takes ({parts.width},)"
            )
        if not 0 <= layer < len(parts.layers):
            raise DirectionError(
                f"{path.name} is for layer {layer}; {loaded.info.name} has {len(parts.layers)}, from 0"
            )
        if not np.isfinite(length) or length == 0:
            raise DirectionError(
                f"{path.name}: the vector of layer {layer} has length {length}; a direction is needed"
            )
        out.append(
            Direction(
                vector=(vector / length).astype(np.float32),
                layer=layer,
                residual_norm=length,
                method=f"read from a file for {program}",
                model_name=loaded.info.name,
                model_sha256=loaded.info.sha256,
                pairs_digest="",
                pairs=0,
            )
        )
    return tuple(out)


def _refuse_other_kind(path: Path, loaded: Loaded, hint: str) -> None:
    own = loaded.model.config.model_type
    if hint and hint != own:
        raise DirectionError(
            f"{path.name} is for a model of the kind {hint!r}, and {loaded.info.name} is {own!r}"
        )


def _torch_file(path: Path) -> dict[str, Any]:
    import pickle

    import torch

    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError, KeyError) as error:
        raise DirectionError(
            f"{path.name} is no file of tensors alone, and nothing else in it is run or read"
        ) from error
    if not isinstance(content, dict):
        raise DirectionError(
            f"{path.name} holds a {type(content).__name__}; a dictionary of vectors is needed"
        )
    return content


def _read_harness(path: Path, loaded: Loaded) -> Travelled:
    layers = {_hookpoint(loaded, i): i for i in range(len(decoder(loaded.model).layers))}
    vectors: dict[int, Tensor] = {}
    settings: set[tuple[str, float]] = set()
    for name, entry in _torch_file(path).items():
        if not isinstance(entry, dict) or not {"steering_vector", "action"} <= set(entry):
            raise DirectionError(
                f"{path.name}: {name!r} has no steering_vector and action; it is no file of the harness"
            )
        if name not in layers:
            raise DirectionError(
                f"{path.name} steers {name!r}, and only whole layers are read, such as {next(iter(layers))!r}"
            )
        if entry.get("bias") is not None or entry.get("head_index") is not None:
            raise DirectionError(
                f"{path.name}: {name!r} has a bias or a head, and only the residual stream is read"
            )
        vectors[layers[name]] = entry["steering_vector"].float()
        strength = float(entry.get("steering_coefficient", 1.0))
        if entry["action"] == "clamp":
            strength /= float(entry["steering_vector"].float().norm())
        settings.add((entry["action"], float(f"{strength:.6g}")))
    found = _directions(path, loaded, vectors, "the harness")
    if len(settings) > 1:
        raise DirectionError(
            f"{path.name} steers its layers in different ways: {sorted(settings)}; one file for each is read"
        )
    ((action, strength),) = settings
    return Travelled(found, strength, action)


def _read_gguf(path: Path, loaded: Loaded) -> Travelled:
    from gguf import GGUFReader

    try:
        reader = GGUFReader(path)
    except (ValueError, IndexError, KeyError) as error:
        raise DirectionError(f"{path.name} is not a GGUF file: {error}") from error
    hint = reader.get_field("controlvector.model_hint")
    if hint is None:
        raise DirectionError(
            f"{path.name} is a GGUF file but no control vector; it has no controlvector.model_hint"
        )
    _refuse_other_kind(path, loaded, str(hint.contents()))
    vectors = {
        int(tensor.name.split(".")[1]): np.array(tensor.data)
        for tensor in reader.tensors
        if tensor.name.startswith("direction.") and tensor.name.split(".")[1].isdigit()
    }
    return Travelled(_directions(path, loaded, vectors, "llama.cpp"))


def _read_svec(path: Path, loaded: Loaded) -> Travelled:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        vectors = {int(layer): vector for layer, vector in content["directions"].items()}
        hint = content["model_type"]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DirectionError(
            f"{path.name} is no file of CAST: JSON with model_type and directions is needed"
        ) from error
    _refuse_other_kind(path, loaded, hint)
    return Travelled(_directions(path, loaded, vectors, "CAST"))


def _read_fields(path: Path, loaded: Loaded) -> Travelled:
    content = _torch_file(path)
    if content.get("layer_type") != "decoder_block" or not isinstance(content.get("layer_activations"), dict):
        raise DirectionError(f"{path.name} does not hold layer_activations of the layer_type decoder_block")
    vectors = {int(layer): tensor.float() for layer, tensor in content["layer_activations"].items()}
    return Travelled(_directions(path, loaded, vectors, "steering-vectors"))


_WRITERS: dict[str, Callable[[Path, str, Vectors], None]] = {
    ".sv.pt": _write_fields,
    ".gguf": _write_gguf,
    ".svec": _write_svec,
}
_READERS: dict[str, Callable[[Path, Loaded], Travelled]] = {
    ".sv.pt": _read_fields,
    ".pt": _read_harness,
    ".gguf": _read_gguf,
    ".svec": _read_svec,
}
ENDINGS = (".sv.pt", ".pt", ".gguf", ".svec", ".safetensors")
"""Endings of the files that are written and read."""
