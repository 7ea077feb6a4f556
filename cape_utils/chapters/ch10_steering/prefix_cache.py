"""Try many steering vectors at one layer without computing the layers below it again.

Steering after a layer leaves everything up to that layer as it was. So the stream there is kept once for a set of
texts, and each vector costs only the layers above. The scores are those that ``steering.interventions.add_vector`` gives.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cape_utils.models.activations import capture, decoder
from cape_utils.models.completions import Texts, batch_logp
from cape_utils.models.loading import Loaded
from cape_utils.stats.results import Floats
from cape_utils.steering.directions import stop_after_layer

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["Replay", "prepare", "replay_logp"]


@dataclass(frozen=True)
class Replay:
    """The residual stream after one layer, kept for a set of texts.

    Attributes
    ----------
    texts : Texts
    layer : int
    rows : tuple of ndarray
        Numbers of the texts of each batch.
    streams : tuple of Tensor, each of shape (batch, tokens, width)
    """

    texts: Texts
    layer: int
    rows: tuple[NDArray[np.int64], ...]
    streams: tuple[Tensor, ...]


def prepare(loaded: Loaded, texts: Texts, layer: int, *, batch_size: int = 16) -> Replay:
    """Keep the stream of the unsteered model; memory is texts times tokens times width."""
    import torch

    rows = texts.batches(batch_size)
    streams = []
    for batch in rows:
        with capture(loaded.model, layers=[layer]) as seen, stop_after_layer(loaded, layer), torch.no_grad():
            batch_logp(loaded, texts, batch)
        streams.append(seen.hidden[layer])
    return Replay(texts, layer, tuple(rows), tuple(streams))


def replay_logp(loaded: Loaded, replay: Replay, vector: ArrayLike) -> Floats:
    """Log-probability of each completion with a vector added after the layer, at all tokens but the first.

    Parameters
    ----------
    loaded : Loaded
        The model that ``prepare`` was given.
    replay : Replay
    vector : array_like, shape (width,)
        In the model's own units; zeros for the unsteered model.

    Returns
    -------
    ndarray, shape (texts,)
        In nats, summed over the completion's tokens.
    """
    import torch

    logp = np.zeros(len(replay.texts.texts))
    shift = torch.as_tensor(np.asarray(vector))
    with torch.no_grad():
        for rows, stream in zip(replay.rows, replay.streams, strict=True):
            moved = stream.clone()
            moved[:, 1:] += shift.to(stream)  # padding stands on the right and is seen by nobody
            with _taken_as_given(loaded, replay.layer, moved):
                logp[rows] = batch_logp(loaded, replay.texts, rows).cpu().numpy()
    return logp


@contextlib.contextmanager
def _taken_as_given(loaded: Loaded, layer: int, stream: Tensor) -> Iterator[None]:
    """Let the layers up to one hand on a given stream instead of computing it, during the block."""
    layers = decoder(loaded.model).layers[: layer + 1]

    def given(*_: Any, **__: Any) -> Tensor:
        return stream

    def given_in_tuple(*_: Any, **__: Any) -> tuple[Tensor, None]:
        return stream, None

    # Families whose layers return tuples take the first member, and some the second; the rest take the tensor.
    chosen = given_in_tuple if _returns_tuple(loaded) else given
    for part in layers:
        part.forward = chosen
    try:
        yield
    finally:
        for part in layers:
            del part.forward  # the class's own comes back


_TUPLES: dict[type, bool] = {}


def _returns_tuple(loaded: Loaded) -> bool:
    """Find out once for a family what its layers return."""
    import torch

    kind = type(loaded.model)
    if kind not in _TUPLES:
        seen: list[bool] = []
        handle = (
            decoder(loaded.model)
            .layers[0]
            .register_forward_hook(lambda _m, _i, output: seen.append(isinstance(output, tuple)))
        )
        try:
            with torch.no_grad():
                loaded.model(input_ids=torch.zeros(1, 2, dtype=torch.long, device=loaded.model.device))
        finally:
            handle.remove()
        _TUPLES[kind] = seen[0]
    return _TUPLES[kind]
