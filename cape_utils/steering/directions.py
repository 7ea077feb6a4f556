"""Learn a truth direction from pairs of statements, keep it in a file, and refuse it in another model.

Section 6.3 of paper A. Steering along it is ``steering.interventions``; nothing is evaluated here.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cape_utils.data.files import check_regular
from cape_utils.jobs.own_files import write_own
from cape_utils.models.activations import capture, decoder
from cape_utils.models.loading import Loaded, encode
from cape_utils.steering.pairs import pairs_digest, statements

__all__ = [
    "Direction",
    "DirectionError",
    "Method",
    "Position",
    "Readings",
    "load_direction",
    "logistic_weights",
    "mean_centred_pca",
    "paper_layer",
    "readings",
    "refuse_other_model",
    "save_direction",
    "stop_after_layer",
    "truth_direction",
]

Method = Literal["means", "logistic", "pca"]
Position = Literal["last", "mean"]
_FORMAT = "cape truth direction 1"
_HEADER = ("layer", "residual_norm", "method", "model_name", "model_sha256", "pairs_digest", "pairs")


class DirectionError(ValueError):
    """A file holds no direction, or one for another model; the message says which."""


@dataclass(frozen=True)
class Direction:
    """A truth direction at one layer of one model.

    Attributes
    ----------
    vector : ndarray of float32, shape (width,)
        Of unit length, from false to true.
    layer : int
        After which it is added, counted from 0.
    residual_norm : float
        Mean length of the residual stream there, over the pairs' tokens without the first: the unit of strengths.
    method : str
        How it was found, such as ``means, last token``.
    model_name, model_sha256 : str
        The model it belongs to.
    pairs_digest : str
        Of the pairs it was learnt from.
    pairs : int
        How many.
    """

    vector: NDArray[np.float32]
    layer: int
    residual_norm: float
    method: str
    model_name: str
    model_sha256: str
    pairs_digest: str
    pairs: int


@dataclass(frozen=True)
class Readings:
    """What a model's residual stream holds at the statements of a set of pairs.

    Attributes
    ----------
    layers : tuple of int
        Layers read.
    true, false : ndarray of float32, shape (pairs, layers, width)
        One vector for each statement.
    norms : ndarray of float64, shape (layers,)
        Mean length of the stream over all tokens but the first of each statement.
    """

    layers: tuple[int, ...]
    true: NDArray[np.float32]
    false: NDArray[np.float32]
    norms: NDArray[np.float64]


def paper_layer(loaded: Loaded) -> int:
    """The layer the paper takes: a quarter of the depth, ``num_layers // 4``.

    Parameters
    ----------
    loaded : Loaded
        An opened model.
    """
    return len(decoder(loaded.model).layers) // 4


def readings(
    loaded: Loaded,
    pairs: pd.DataFrame,
    *,
    layers: Sequence[int] | None = None,
    position: Position = "last",
    batch_size: int = 16,
) -> Readings:
    """Read the residual stream at both statements of each pair.

    Parameters
    ----------
    loaded : Loaded
        From ``models.loading.load_model``.
    pairs : DataFrame
        With ``stem``, ``true_completion`` and ``false_completion``.
    layers : sequence of int, optional
        All by default.
    position : {"last", "mean"}
        The last token of the statement, or the mean over all but the first.
    batch_size : int
        Statements a forward pass.
    """
    import torch

    if position not in get_args(Position):
        raise ValueError(f"position is {position!r}; allowed: {', '.join(get_args(Position))}")
    texts = statements(pairs, "true") + statements(pairs, "false")
    parts = decoder(loaded.model)
    depth = len(parts.layers)
    chosen = tuple(range(depth)) if layers is None else tuple(layers)
    if wrong := [i for i in chosen if not -depth <= i < depth]:
        raise ValueError(f"layer {wrong[0]} does not exist; there are {depth}, from 0 to {depth - 1}")
    chosen = tuple(i % depth for i in chosen)
    both = np.zeros((len(texts), len(chosen), parts.width), np.float32)
    lengths, tokens = np.zeros(len(chosen)), 0
    # Texts of one length together, so that little is spent on padding.
    order = np.argsort([len(text) for text in texts], kind="stable")
    for start in range(0, len(order), batch_size):
        rows = order[start : start + batch_size]
        batch = encode(loaded.tokenizer, [texts[i] for i in rows], device=loaded.model.device)
        content = batch["attention_mask"].bool()
        content[:, 0] = False
        taken = (
            content & (content.cumsum(1) == content.sum(1, keepdim=True)) if position == "last" else content
        )
        weights = (taken / taken.sum(1, keepdim=True)).float()
        with (
            torch.no_grad(),
            capture(loaded.model, layers=chosen) as seen,
            stop_after_layer(loaded, max(chosen)),
        ):
            loaded.model.base_model(**batch, use_cache=False)
        for i, layer in enumerate(chosen):
            stream = seen.hidden[layer].float()
            lengths[i] += float(stream.norm(dim=-1)[content.to(stream.device)].sum())
            both[rows, i] = torch.einsum("bt,btw->bw", weights.to(stream.device), stream).cpu().numpy()
        tokens += int(content.sum())
    return Readings(chosen, both[: len(pairs)], both[len(pairs) :], lengths / tokens)


class _Enough(Exception):
    """Ends a forward pass whose rest nobody reads."""


@contextlib.contextmanager
def stop_after_layer(loaded: Loaded, layer: int) -> Iterator[None]:
    """End forward passes after a layer; the passes must stand last in the block."""

    def stop(*_: object) -> None:
        raise _Enough

    handle = decoder(loaded.model).layers[layer].register_forward_hook(stop)
    try:
        yield
    except _Enough:
        pass
    finally:
        handle.remove()


def truth_direction(
    loaded: Loaded,
    pairs: pd.DataFrame,
    *,
    layer: int | None = None,
    method: Method = "means",
    position: Position = "last",
    batch_size: int = 16,
) -> Direction:
    """Find the direction that leads from false statements to true ones.

    Parameters
    ----------
    loaded : Loaded
        From ``models.loading.load_model``.
    pairs : DataFrame
        With ``stem``, ``true_completion`` and ``false_completion``, as ``read_pairs`` returns them; at least two.
    layer : int, optional
        Where to read; a quarter of the depth by default, as the paper has it.
    method : {"means", "logistic", "pca"}
        Mean over true statements minus mean over false ones (the paper's), the weights of a logistic regression
        that tells the two apart within pairs, or ``mean_centred_pca``.
    position : {"last", "mean"}
        The last token of each statement, or the mean over all but the first.
    batch_size : int
        Statements a forward pass.

    Raises
    ------
    ValueError
        If there are too few pairs, no such layer, or the two means are the same.
    ImportError
        If scikit-learn is needed and not installed.
    """
    if method not in get_args(Method):
        raise ValueError(f"method is {method!r}; allowed: {', '.join(get_args(Method))}")
    if len(pairs) < 2:
        raise ValueError(f"a direction needs at least two pairs; there are {len(pairs)}")
    where = paper_layer(loaded) if layer is None else layer
    read = readings(loaded, pairs, layers=[where], position=position, batch_size=batch_size)
    differences = (read.true - read.false)[:, 0].astype(float)
    raw = _LEARNT[method](differences)
    length = float(np.linalg.norm(raw))
    if not np.isfinite(length) or length == 0:
        raise ValueError(
            f"true and false statements leave the same mean at layer {read.layers[0]}, so there is no direction; "
            "take a later layer or other pairs"
        )
    return Direction(
        vector=(raw / length).astype(np.float32),
        layer=read.layers[0],
        residual_norm=float(read.norms[0]),
        method=f"{method}, {'last token' if position == 'last' else 'mean over tokens'}",
        model_name=loaded.info.name,
        model_sha256=loaded.info.sha256,
        pairs_digest=pairs_digest(pairs),
        pairs=len(pairs),
    )


def logistic_weights(differences: NDArray[np.float64]) -> NDArray[np.float64]:
    """Weights that tell a difference from its negative, which is telling true from false within pairs.

    Parameters
    ----------
    differences : ndarray, shape (pairs, width)
        True minus false. Their scale does not matter.
    """
    try:
        from sklearn.linear_model import LogisticRegression
    except ImportError as error:
        raise ImportError(
            "method='logistic' needs scikit-learn; install the extra: pip install 'cape-book[models]'"
        ) from error
    scaled = differences / np.sqrt((differences**2).sum(1).mean())
    both = np.concatenate([scaled, -scaled])
    labels = np.repeat([1, 0], len(scaled))
    fitted = LogisticRegression(fit_intercept=False, max_iter=1000).fit(both, labels)
    return np.asarray(fitted.coef_[0], dtype=float)


def mean_centred_pca(differences: NDArray[np.float64]) -> NDArray[np.float64]:
    """First principal component of all readings once each pair is centred on its own mean.

    The recipe of Zou et al. (2023) as repeng and CAST use it. A centred pair is half its difference and the negative of that, so
    the component is the first right singular vector of the differences; it points the way of their mean.

    Parameters
    ----------
    differences : ndarray, shape (pairs, width)
        True minus false.

    Examples
    --------
    >>> mean_centred_pca(np.array([[2.0, 0.1], [3.0, -0.1]])).round(2).tolist()
    [1.0, -0.01]
    """
    first = np.linalg.svd(differences, full_matrices=False)[2][0]
    return np.asarray(first if first @ differences.mean(0) >= 0 else -first, dtype=float)


def _mean(differences: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(differences.mean(0), dtype=float)


_LEARNT = {"means": _mean, "logistic": logistic_weights, "pca": mean_centred_pca}


def save_direction(path: str | Path, direction: Direction) -> None:
    """Write a direction as safetensors, with what it belongs to in the file's header; the whole file or nothing."""
    from safetensors.numpy import save

    place = Path(path)
    if not place.parent.is_dir():
        raise FileNotFoundError(f"there is no folder {str(place.parent)!r}; make it first")
    header = {
        "format": _FORMAT,
        "layer": str(direction.layer),
        "residual_norm": repr(direction.residual_norm),
        "method": direction.method,
        "model_name": direction.model_name,
        "model_sha256": direction.model_sha256,
        "pairs_digest": direction.pairs_digest,
        "pairs": str(direction.pairs),
    }
    vector = np.ascontiguousarray(direction.vector, dtype=np.float32)
    write_own(place, save({"direction": vector}, metadata=header), force=True)


def load_direction(path: str | Path, loaded: Loaded) -> Direction:
    """Read a direction and refuse one that belongs to another model.

    Raises
    ------
    DirectionError
        If the file is no direction, or one of another model.
    FileNotFoundError
        If there is no such file.
    """
    from safetensors import SafetensorError, safe_open

    place = Path(path)
    if not place.exists():
        raise FileNotFoundError(f"no file {str(place)!r}; give the path of a saved direction")
    name = place.name
    check_regular(place, name)
    try:
        with safe_open(place, framework="numpy") as file:
            header = dict(file.metadata() or {})
            if header.get("format") != _FORMAT or list(file.keys()) != ["direction"]:
                raise DirectionError(f"{name} is a safetensors file but holds no truth direction")
            vector = np.asarray(file.get_tensor("direction"), dtype=np.float32)
    except (SafetensorError, TypeError) as error:  # TypeError: a number format that numpy does not have
        raise DirectionError(
            f"{name} is not a safetensors file; learn a direction and save it first"
        ) from error
    for key in _HEADER:
        if key not in header:
            raise DirectionError(f"{name} has no {key} in its header; save the direction again")
    if vector.ndim != 1 or not np.isfinite(vector).all() or not 0.99 < float(np.linalg.norm(vector)) < 1.01:
        raise DirectionError(
            f"{name} holds a tensor that is no vector of unit length; save the direction again"
        )
    direction = Direction(
        vector=vector,
        layer=int(_header_number(header, "layer", name)),
        residual_norm=_header_number(header, "residual_norm", name),
        method=header["method"],
        model_name=header["model_name"],
        model_sha256=header["model_sha256"],
        pairs_digest=header["pairs_digest"],
        pairs=int(_header_number(header, "pairs", name)),
    )
    refuse_other_model(direction, loaded, name)
    depth, width = loaded.info.layers, loaded.info.width
    if direction.layer >= depth or len(vector) != width:
        raise DirectionError(
            f"{name} is for layer {direction.layer} and width {len(vector)}, and this model has {depth} layers of width {width}"
        )
    return direction


def _header_number(header: Mapping[str, str], key: str, name: str) -> float:
    try:
        value = float(header[key])
    except ValueError:
        value = np.nan
    whole = key != "residual_norm"
    if not (
        np.isfinite(value) and (value >= 0 if whole else value > 0) and (not whole or value == int(value))
    ):
        allowed = "a whole number from 0" if whole else "a number above 0"
        raise DirectionError(f"{name}: {key} in its header is {header[key][:40]!r}; expected {allowed}")
    return value


def refuse_other_model(direction: Direction, loaded: Loaded, name: str = "the direction") -> None:
    """Raise unless the direction was learnt in this model, by the sha256 of its weights."""
    if direction.model_sha256 != loaded.info.sha256:
        raise DirectionError(
            f"{name} was learnt in {direction.model_name} (sha256 {direction.model_sha256[:12]}), and this model is "
            f"{loaded.info.name} (sha256 {loaded.info.sha256[:12]}); a direction fits its own model only"
        )
