"""Open a causal language model: the embedded default offline, any model of the hub or of a folder by name.

Loading and encoding only. Reading and editing what happens inside is ``models.activations``.
"""

from __future__ import annotations

import http.client
import os
import threading
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, cast, get_args

from cape_utils.models.bundled import EMBEDDED, ModelError, materialise, quiet, sha256_of
from cape_utils.models.folders import check_config, check_weights

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

__all__ = ["Loaded", "ModelInfo", "cache_folder", "context_length", "encode", "load_model", "own_tokens"]

DType = Literal["auto", "float32", "float16", "bfloat16"]
_HUB_WAIT_S = 2.0
_DOCUMENT_END = "<|endoftext|>"
_CHAT_MARKERS = ("<|im_start|>",)


@dataclass(frozen=True)
class ModelInfo:
    """What was opened.

    Attributes
    ----------
    name, title : str
        As asked for, and the model's own name.
    source, licence : str
        Address or folder it came from; licence as its publisher states it.
    sha256 : str
        Of the weights as published: the GGUF file, or the safetensors files in the order of their names.
    architecture : str
        Class of the model in transformers.
    layers, width, heads, parameters : int
        Depth, size of the residual stream, query heads a layer, and parameters (tied ones once).
    device, dtype : str
        Where it runs and in which number format.
    """

    name: str
    title: str
    source: str
    licence: str
    sha256: str
    architecture: str
    layers: int
    width: int
    heads: int
    parameters: int
    device: str
    dtype: str

    def __str__(self) -> str:
        return (
            f"{self.title} ({_rounded(self.parameters)} parameters, {self.layers} layers, width {self.width}, "
            f"{self.heads} heads, {self.dtype} on {self.device}; {self.licence})"
        )


def _rounded(count: int) -> str:
    """Write a number of parameters as the field does, such as 135M or 6.9B."""
    for unit, letter in ((1e9, "B"), (1e6, "M")):
        if count >= unit:
            return f"{count / unit:.3g}{letter}"
    return f"{count:,}"


class Loaded(NamedTuple):
    """A model, its tokenizer and their description, in this order.

    Attributes
    ----------
    model : transformers.PreTrainedModel
        In evaluation mode.
    tokenizer : transformers.PreTrainedTokenizerBase
        Of this model.
    info : ModelInfo
        Its name, layers, width and source.
    """

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    info: ModelInfo


def cache_folder(cache: str | os.PathLike[str] | None = None) -> Path:
    """Return the folder for converted models: the argument, else ``CAPE_CACHE``, else the user's cache folder.

    Examples
    --------
    >>> cache_folder("somewhere").as_posix()
    'somewhere'
    """
    if cache is not None:
        return Path(cache)
    if named := os.environ.get("CAPE_CACHE"):
        return Path(named)
    from platformdirs import user_cache_path

    return user_cache_path("cape-book", appauthor=False) / "models"


def load_model(
    name: str = "smollm2-135m",
    *,
    device: str = "auto",
    dtype: DType = "auto",
    cache: str | os.PathLike[str] | None = None,
    remote_code: str | None = None,
) -> Loaded:
    """Open a causal language model, ready for inference.

    Parameters
    ----------
    name : str
        An embedded model (``smollm2-135m``, ``gemma3-270m``), a folder with a saved model, or a repository of the hub.
    device : str
        ``auto`` takes CUDA, then MPS, then the CPU; else a device as torch names it. A model too large for one GPU is
        spread over all of them by accelerate when the device is ``auto``.
    dtype : {"auto", "float32", "float16", "bfloat16"}
        ``auto`` is float32 on a CPU, and on a GPU bfloat16 where its hardware has it, else float16.
    cache : path, optional
        Folder for embedded models; see ``cache_folder``. Hub models stay in the hub's own cache.
    remote_code : str, optional
        The model's name once more, to allow code from its repository to run here. Nothing else allows it.

    Returns
    -------
    Loaded
        Model in evaluation mode without gradients on its weights, tokenizer, description.

    Raises
    ------
    ValueError
        For an unknown device or number format.
    ModelError
        If the model cannot be had, is not a causal language model, or does not fit into memory.
    """
    if dtype not in get_args(DType):
        raise ValueError(f"dtype is {dtype!r}; allowed: {', '.join(get_args(DType))}")
    allow = remote_code is not None and remote_code == name
    if remote_code is not None and not allow:
        raise ValueError(f"remote_code is {remote_code!r}; to allow it, repeat the model's name {name!r}")
    # What can be refused without torch, whose start takes seconds, is refused before it.
    embedded = EMBEDDED.get(name)
    local = None if embedded else _folder(name)
    offline = local is None and embedded is None and not _hub_answers()
    if offline:
        _refuse_uncached(name)
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    chosen = _device(device)
    number = _number_format(dtype, chosen)
    if embedded:
        local = materialise(embedded, cache_folder(cache))
    place = str(local) if local else name
    hub: dict[str, Any] = {"trust_remote_code": allow, "local_files_only": local is not None or offline}
    config = _config(name, place, hub)
    spread = _check_memory(name, config, chosen, number, spread=device == "auto")
    if local is not None:
        check_weights(local)
    options: dict[str, Any] = {
        "dtype": number,
        "use_safetensors": True,
        "ignore_mismatched_sizes": True,
        **({"device_map": "auto"} if spread else {}),
    }
    try:
        with quiet():
            opened: Any = AutoModelForCausalLM.from_pretrained(
                place, **options, **hub, output_loading_info=True
            )
            tokenizer = AutoTokenizer.from_pretrained(place, **hub)
    except torch.cuda.OutOfMemoryError as error:
        raise ModelError(_too_large(name, config, chosen, number)) from error
    except Exception as error:  # transformers and what it calls raise what they like at a broken file
        raise _explained(name, error) from error
    model = cast("PreTrainedModel", opened[0])
    _refuse_gaps(name, opened[1])
    if not spread:
        model.to(chosen)  # type: ignore[arg-type]
    model.eval().requires_grad_(False)
    settle_special_tokens(tokenizer)
    text = config.get_text_config()
    info = ModelInfo(
        name=name,
        title=embedded.title if embedded else Path(name).name,
        source=embedded.source if embedded else str(local or f"https://huggingface.co/{name}"),
        licence=embedded.licence if embedded else _licence(name, local),
        sha256=embedded.sha256 if embedded else _weights_digest(place, local),
        architecture=type(model).__name__,
        layers=text.num_hidden_layers,
        width=text.hidden_size,
        heads=query_heads(text),
        parameters=model.num_parameters(),
        device="several GPUs" if spread else str(chosen),
        dtype=str(number).removeprefix("torch."),
    )
    return Loaded(model, tokenizer, info)


def context_length(loaded: Loaded) -> int | None:
    """Return how many tokens a model can take, or None where it has no fixed end, as in Bloom."""
    room = getattr(loaded.model.config.get_text_config(), "max_position_embeddings", None)
    return room if isinstance(room, int) else None


def query_heads(text: Any) -> int:
    """Query heads a layer, or 0 where a model has no attention (Mamba), or layers that differ in them."""
    try:
        heads = getattr(text, "num_attention_heads", 0)
    except ValueError:
        return 0
    return heads if isinstance(heads, int) else 0


def settle_special_tokens(tokenizer: PreTrainedTokenizerBase) -> None:
    """Give a tokenizer the begin-of-sequence and padding tokens that the models were trained with.

    Some files name a chat marker as the beginning of a sequence, some name nothing; documents were then separated by
    ``<|endoftext|>`` or the end-of-sequence token.
    """
    if tokenizer.bos_token is None or tokenizer.bos_token in _CHAT_MARKERS:
        known = tokenizer.get_vocab()
        tokenizer.bos_token = _DOCUMENT_END if _DOCUMENT_END in known else tokenizer.eos_token
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token or tokenizer.bos_token


def own_tokens(tokenizer: PreTrainedTokenizerBase, text: str) -> list[int]:
    """Token ids of a text without a begin-of-sequence token at its head, also where the text carries its own.

    A text that went through a chat template begins with that token; ``encode`` adds it to every text, and two of them are
    a beginning that no model has seen.
    """
    ids: list[int] = tokenizer(text, add_special_tokens=False)["input_ids"]
    first = next((i for i, token in enumerate(ids) if token != tokenizer.bos_token_id), len(ids))
    return ids[first:]


def encode(
    tokenizer: PreTrainedTokenizerBase,
    texts: Sequence[str],
    *,
    side: Literal["left", "right"] = "right",
    device: torch.device | str = "cpu",
) -> dict[str, torch.Tensor]:
    """Turn texts into token ids, with exactly one begin-of-sequence token at the head of each.

    Parameters
    ----------
    tokenizer : PreTrainedTokenizerBase
        From ``load_model``, which sees to it that it has a begin-of-sequence token.
    texts : sequence of str
        At least one.
    side : {"left", "right"}
        Where padding goes: right for reading activations and scores, left for generating.
    device : torch.device or str
        Where the tensors go.

    Returns
    -------
    dict
        ``input_ids`` and ``attention_mask``, each of shape (texts, longest text in tokens).

    Raises
    ------
    ValueError
        If there is no text, or a single string instead of a list.
    """
    import torch

    if isinstance(texts, str) or not len(texts):
        raise ValueError("texts must be a list of at least one string")
    first = cast("int", tokenizer.bos_token_id)
    rows = [[first, *own_tokens(tokenizer, text)] for text in texts]
    longest = max(map(len, rows))
    ids = torch.full((len(rows), longest), cast("int", tokenizer.pad_token_id))
    mask = torch.zeros_like(ids)
    for i, row in enumerate(rows):
        span = slice(longest - len(row), longest) if side == "left" else slice(0, len(row))
        ids[i, span] = torch.tensor(row)
        mask[i, span] = 1
    return {"input_ids": ids.to(device), "attention_mask": mask.to(device)}


def _device(asked: str) -> torch.device:
    import torch

    has_mps = torch.backends.mps.is_available()
    if asked == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "mps" if has_mps else "cpu")
    try:
        device = torch.device(asked)
    except RuntimeError as error:
        raise ValueError(f"device is {asked!r}; allowed: auto, cpu, cuda, cuda:0, ..., mps") from error
    there = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": has_mps}.get(device.type, False)
    if not there or (device.index or 0) >= max(1, torch.cuda.device_count() if device.type == "cuda" else 1):
        raise ValueError(f"device {asked!r} is not on this machine; leave device='auto' or say 'cpu'")
    return device


def _number_format(asked: DType, device: torch.device) -> torch.dtype:
    import torch

    if asked != "auto":
        return cast("torch.dtype", getattr(torch, asked))
    if device.type == "cpu":
        return torch.float32
    # Older GPUs emulate bfloat16, slowly; torch.cuda.is_bf16_supported() does not tell the two apart by default.
    native = device.type == "cuda" and torch.cuda.get_device_capability(device) >= (8, 0)
    return torch.bfloat16 if native else torch.float16


def _folder(name: str) -> Path | None:
    """Return the folder a name means, or None where it means a repository of the hub."""
    path = Path(name).expanduser()
    if path.is_dir():
        if not (path / "config.json").is_file():
            raise ModelError(f"folder {name} holds no config.json, so no model saved with save_pretrained")
        check_config(path)
        return path
    if path.is_absolute() or name.startswith(("./", "../", "~")) or name.count("/") > 1:
        raise ModelError(f"there is no folder {name}")
    return None


def _hub_answers() -> bool:
    """Say whether the hub can be reached, in seconds; transformers itself tries for half a minute."""
    from huggingface_hub import constants

    if constants.HF_HUB_OFFLINE:
        return False
    answered = threading.Event()

    def ask() -> None:
        question = urllib.request.Request(constants.ENDPOINT, method="HEAD")
        try:
            with urllib.request.urlopen(question, timeout=_HUB_WAIT_S):
                answered.set()
        except urllib.error.HTTPError:
            answered.set()  # a refusal is an answer
        except (OSError, ValueError, http.client.HTTPException):
            return

    # In a thread, for a name server that is silent holds the call up for longer than any timeout of a connection.
    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    asking.join(_HUB_WAIT_S)
    return answered.is_set()


def _refuse_uncached(name: str) -> None:
    """Say at once that a model of the hub cannot be had, where the hub does not answer and the cache has no such model."""
    from huggingface_hub import constants, try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    try:
        cached = try_to_load_from_cache(name, "config.json")
    except HFValidationError as error:
        raise ModelError(f"{name!r} is neither a folder nor a name of the hub (owner/name)") from error
    if not isinstance(cached, str):
        raise ModelError(_not_cached(name, constants.HF_HUB_CACHE))


def _not_cached(name: str, cache: str) -> str:
    return (
        f"{name} is not in the cache folder {cache} and the hub cannot be reached; connect and try again, give a folder that "
        f"holds the model, or use an embedded model ({', '.join(EMBEDDED)})"
    )


def _refuse_gaps(name: str, report: Mapping[str, Any]) -> None:
    """Refuse weights that are not those of the configuration: what is missing would be random."""
    missing = sorted(map(str, report["missing_keys"]))
    shapes = sorted(str(one[0]) for one in report["mismatched_keys"])
    for found, words in ((shapes, "have another shape than config.json says in"), (missing, "lack")):
        if found:
            more = f" and {len(found) - 1} more" if len(found) > 1 else ""
            raise ModelError(
                f"{name}: its weights {words} {found[0]}{more}, which would be random; copy weights and config.json anew"
            )


def _config(name: str, place: str, hub: dict[str, Any]) -> Any:
    """Read the configuration and refuse what is not a decoder with a language-model head."""
    from transformers import MODEL_FOR_CAUSAL_LM_MAPPING, AutoConfig

    try:
        with quiet():
            config = AutoConfig.from_pretrained(place, **hub)
    except Exception as error:  # as for the weights
        raise _explained(name, error) from error
    listed = config.architectures or []
    heads = ("ForCausalLM", "LMHeadModel", "ForConditionalGeneration")
    known = type(config) in MODEL_FOR_CAUSAL_LM_MAPPING or "AutoModelForCausalLM" in getattr(
        config, "auto_map", {}
    )
    fits = not listed or any(architecture.endswith(heads) for architecture in listed)
    if config.is_encoder_decoder or not known or not fits:
        what = ", ".join(listed) or type(config).__name__
        raise ModelError(
            f"{name} is not a causal language model ({what}); choose a decoder such as Pythia, GPT-2 or Llama"
        )
    return config


def _size_gb(config: Any, number: torch.dtype) -> float:
    """Estimate the memory of the weights without loading any of them."""
    import torch
    from transformers import AutoModelForCausalLM

    with quiet(), torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config, trust_remote_code=False)
    return float(model.num_parameters()) * number.itemsize / 1e9


def _free_gb(device: torch.device) -> float:
    import psutil
    import torch

    if device.type == "cuda":
        return float(torch.cuda.mem_get_info(device)[0]) / 1e9
    return float(psutil.virtual_memory().available) / 1e9


def _check_memory(name: str, config: Any, device: torch.device, number: torch.dtype, *, spread: bool) -> bool:
    """Raise before loading what cannot fit; return whether it must be spread over several GPUs."""
    import torch

    try:
        # A fifth on top for activations and buffers.
        needed = 1.2 * _size_gb(config, number)
    except Exception:  # noqa: BLE001 - code of its own, or a configuration that cannot be built: opening it says so
        return False
    if needed <= _free_gb(device):
        return False
    if spread and device.type == "cuda" and torch.cuda.device_count() > 1:
        cards = [torch.device("cuda", i) for i in range(torch.cuda.device_count())]
        if needed <= sum(map(_free_gb, cards)):
            return True
    raise ModelError(_too_large(name, config, device, number))


def _too_large(name: str, config: Any, device: torch.device, number: torch.dtype) -> str:
    return (
        f"{name} needs about {1.2 * _size_gb(config, number):.1f} GB as {str(number).removeprefix('torch.')}, "
        f"and {_free_gb(device):.1f} GB are free on {device}; choose a smaller model, or dtype='bfloat16'"
    )


def _explained(name: str, error: Exception) -> ModelError:
    """Say in one sentence what went wrong with a hub model, and the remedy."""
    from huggingface_hub import errors

    chain: list[BaseException] = [error]
    while (cause := chain[-1].__cause__ or chain[-1].__context__) is not None:
        chain.append(cause)
    words = str(error)

    def raised(*kinds: type[BaseException]) -> bool:
        return any(isinstance(link, kinds) for link in chain)

    if raised(errors.GatedRepoError) or "gated repo" in words:
        why = f"{name} is gated: accept its terms at https://huggingface.co/{name}, then set HF_TOKEN or run `hf auth login`"
    elif raised(errors.RepositoryNotFoundError) or "is not a valid model identifier" in words:
        why = f"the hub has no model {name!r} that you may see; check the spelling (owner/name), or set HF_TOKEN if it is private"
    elif "trust_remote_code" in words:
        why = f"{name} needs code from its repository; read it, then allow it with remote_code={name!r}"
    elif (
        raised(errors.LocalEntryNotFoundError, errors.OfflineModeIsEnabled, ConnectionError)
        or "connect to" in words
    ):
        from huggingface_hub.constants import HF_HUB_CACHE

        why = _not_cached(name, HF_HUB_CACHE)
    elif "safetensors" in words:
        why = f"{name} has no weights as safetensors, the only format loaded here; choose another copy of the model"
    else:
        first = words.strip().splitlines()[0][:300] if words.strip() else "no reason given"
        why = f"{name} could not be opened: {first} ({type(error).__name__})"
    return ModelError(why)


def _licence(name: str, local: Path | None) -> str:
    """Return the licence that the model card states, as far as it can be had."""
    from huggingface_hub import ModelCard

    try:
        card = ModelCard.load(local / "README.md" if local else name)
    except (OSError, ValueError):  # no card, or no way to reach it
        return "licence not stated"
    return str(card.data.to_dict().get("license") or "licence not stated")


def _weights_digest(place: str, local: Path | None) -> str:
    """Return one sha256 over the safetensors files, in the order of their names."""
    import hashlib

    if local is None:
        from huggingface_hub import snapshot_download

        # The hub's cache names a large file by its sha256, so that nothing is read twice.
        local = Path(snapshot_download(place, allow_patterns="*.safetensors", local_files_only=True))
    digests = []
    for path in sorted(local.glob("*.safetensors")):
        blob = path.resolve().name
        digests.append(blob if len(blob) == 64 and "." not in blob else sha256_of(path))
    return digests[0] if len(digests) == 1 else hashlib.sha256("".join(digests).encode()).hexdigest()
