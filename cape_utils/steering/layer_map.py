"""The fast map of where steering can work: the slope of the margin along a direction, at every layer at once.

One backward pass over the pairs gives the gradient of each pair's margin with respect to the residual stream after
every layer, and the same pass gives the states that directions are made of. Everything after it is arithmetic on
these two stacks, so that a thousand directions from permuted labels cost seconds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cape_utils import data
from cape_utils.jobs.progress import progress_bar
from cape_utils.models.activations import decoder, edit
from cape_utils.models.completions import batch_logp, split_texts
from cape_utils.models.loading import Loaded
from cape_utils.stats.resampling import interval, null_from_draws
from cape_utils.stats.results import Floats, Null
from cape_utils.steering.directions import Position
from cape_utils.steering.pairs import pairs_digest, statements

if TYPE_CHECKING:
    from torch import Tensor

__all__ = [
    "Slopes",
    "best_layer",
    "held_out_slopes",
    "joint_test",
    "margin_gradients",
    "sign_flips",
    "slope_map",
    "split_slopes",
    "steerability_summary",
]

_CHUNK = 50  # permutations at once; bounds the memory


@dataclass(frozen=True)
class Slopes:
    """What one backward pass over a set of pairs leaves.

    Attributes
    ----------
    difference : ndarray of float32, shape (pairs, layers, width)
        State at the true statement minus state at the false one; directions are means of these.
    gradient : ndarray of float32, shape (pairs, layers, width)
        Of the pair's margin, summed over the positions that steering touches, in nats per unit of the stream.
    norms : ndarray, shape (layers,)
        Mean length of the stream: the unit of strengths.
    margin : ndarray, shape (pairs,)
        Unsteered, in nats.
    """

    difference: NDArray[np.float32]
    gradient: NDArray[np.float32]
    norms: Floats
    margin: Floats


def margin_gradients(
    loaded: Loaded, pairs: pd.DataFrame, *, position: Position = "last", batch_size: int = 16
) -> Slopes:
    """Take the gradient of every pair's margin at every layer, in one backward pass.

    Parameters
    ----------
    loaded : Loaded
        From ``models.loading.load_model``; its weights need no gradients and get none.
    pairs : DataFrame
        With ``stem``, ``true_completion`` and ``false_completion``.
    position : {"last", "mean"}
        Which state a difference is taken of, as in ``truth_direction``.
    batch_size : int
        Statements a pass.
    """
    import torch

    n = len(statements(pairs, "true"))
    texts = split_texts(
        loaded, pairs["stem"].tolist() * 2, [*pairs["true_completion"], *pairs["false_completion"]]
    )
    parts = decoder(loaded.model)
    depth = len(parts.layers)
    states = np.zeros((2 * n, depth, parts.width), np.float32)
    gradients = np.zeros_like(states)
    logp, lengths = np.zeros(2 * n), np.zeros(depth)
    streams: dict[int, Tensor] = {}
    masks: dict[int, Tensor] = {}

    def keep(layer: int, stream: Tensor, mask: Tensor) -> Tensor:
        # The graph begins here: no weight asks for gradients, so the first layer's output must.
        streams[layer] = stream.detach().requires_grad_() if layer == 0 else stream
        masks[layer] = mask
        return streams[layer]

    edits = {layer: lambda s, m, layer=layer: keep(layer, s, m) for layer in range(depth)}
    with edit(loaded.model, edits), torch.enable_grad():
        for rows in progress_bar("batches of pairs")(list(texts.batches(batch_size))):
            scores = batch_logp(loaded, texts, rows)
            taken = torch.autograd.grad(scores.sum(), [streams[i] for i in range(depth)])
            logp[rows] = scores.detach().cpu().numpy()
            last = torch.as_tensor(texts.lengths[rows] - 1)
            for i, slope in enumerate(taken):
                mask, stream = masks[i].unsqueeze(-1), streams[i].detach().float()
                gradients[rows, i] = (slope.float() * mask).sum(1).cpu().numpy()
                lengths[i] += float((stream.norm(dim=-1) * masks[i]).sum())
                if position == "last":
                    states[rows, i] = stream[torch.arange(len(rows)), last].cpu().numpy()
                else:
                    states[rows, i] = ((stream * mask).sum(1) / mask.sum(1)).cpu().numpy()
            streams.clear()
    tokens = int((texts.lengths - 1).sum())
    return Slopes(
        states[:n] - states[n:], gradients[:n] - gradients[n:], lengths / tokens, logp[:n] - logp[n:]
    )


def sign_flips(pairs: pd.DataFrame, *, draws: int = 1000, rng: np.random.Generator | int = 0) -> Floats:
    """Random signs for the pairs: -1 where true and false change places.

    Pairs of one ``couple`` hold the same two completions the other way round, so that what a word does by itself
    cancels; they are exchanged together, or the permuted directions would carry words that the real one does not.

    Returns
    -------
    ndarray, shape (draws, pairs)
        Of +1 and -1.

    Examples
    --------
    >>> couples = pd.DataFrame({"couple": ["a", "a", "b"]})
    >>> signs = sign_flips(couples, draws=4)
    >>> bool((signs[:, 0] == signs[:, 1]).all())
    True
    """
    units = pairs["couple"] if "couple" in pairs else pd.Series(np.arange(len(pairs)))
    codes = pd.factorize(units)[0]
    signs = np.random.default_rng(rng).choice([-1.0, 1.0], size=(draws, codes.max() + 1))
    return np.asarray(signs[:, codes], dtype=float)


def split_slopes(slopes: Slopes, learn: NDArray[np.bool_], test: NDArray[np.bool_], signs: Floats) -> Floats:
    """Mean slope over some pairs along directions learnt from others.

    Parameters
    ----------
    slopes : Slopes
    learn, test : ndarray of bool, shape (pairs,)
    signs : ndarray, shape (draws, pairs)
        Signs of the labels while learning; the test keeps its own.

    Returns
    -------
    ndarray, shape (draws, layers)
        In nats per unit of strength.
    """
    mean_gradient = slopes.gradient[test].mean(0)
    out = np.zeros((len(signs), slopes.norms.size))
    for start in range(0, len(signs), _CHUNK):
        part = signs[start : start + _CHUNK, learn].astype(np.float32)
        raw = np.tensordot(part, slopes.difference[learn], 1)
        along = np.einsum("dlw,lw->dl", raw, mean_gradient)
        out[start : start + _CHUNK] = slopes.norms * along / np.linalg.norm(raw, axis=-1)
    return out


def held_out_slopes(slopes: Slopes, topics: Sequence[str], signs: Floats) -> Floats:
    """Slope on each pair along the direction learnt from all other topics, averaged over pairs.

    Returns
    -------
    ndarray, shape (draws, layers)
        In nats per unit of strength.
    """
    names = np.asarray(topics, dtype=object)
    if len(set(names)) < 2:
        raise ValueError("there is one topic only; at least two are needed, so that one can be held out")
    total = np.zeros((len(signs), slopes.norms.size))
    for topic in sorted(set(names)):
        test = names == topic
        total += test.sum() * split_slopes(slopes, ~test, test, signs)
    return total / len(names)


def _permuted(
    slopes: Slopes, pairs: pd.DataFrame, draws: int, rng: np.random.Generator | int
) -> tuple[Floats, Floats]:
    """Return the held-out slopes of the labels as they are, shape (layers,), and permuted, shape (draws, layers)."""
    topics = pairs["topic"].tolist()
    null = held_out_slopes(slopes, topics, sign_flips(pairs, draws=draws, rng=rng))
    return held_out_slopes(slopes, topics, np.ones((1, len(pairs))))[0], null


def slope_map(
    slopes: Slopes, pairs: pd.DataFrame, *, draws: int = 1000, rng: np.random.Generator | int = 0
) -> pd.DataFrame:
    """The slope at every layer, beside what permuted labels give, corrected over layers.

    Parameters
    ----------
    slopes : Slopes
        Of these pairs.
    pairs : DataFrame
        With ``topic``, and ``couple`` if there are any.
    draws : int
        Permutations of the labels.

    Returns
    -------
    DataFrame
        One row for each layer: ``layer, depth`` (layer over layers), ``slope`` in nats per unit of strength, ``null, low, high``
        (median and 95% range of permuted labels), ``p`` for this layer alone, ``p_corrected`` by the largest
        standardised slope over all layers, and ``low_corrected, high_corrected``, which 95% of permutations keep within
        at every layer.
    """
    observed, null = _permuted(slopes, pairs, draws, rng)
    spread = null.std(0)
    largest = np.abs(null / spread).max(1)
    rows = []
    for layer, value in enumerate(observed):
        low, high = interval(null[:, layer])
        single = (1 + np.sum(np.abs(null[:, layer]) >= abs(value))) / (1 + draws)
        corrected = (1 + np.sum(largest >= abs(value) / spread[layer])) / (1 + draws)
        depth = layer / len(observed)
        rows.append((layer, depth, value, float(np.median(null[:, layer])), low, high, single, corrected))
    columns = ["layer", "depth", "slope", "null", "low", "high", "p", "p_corrected"]
    reach = float(np.quantile(largest, 0.95)) * spread
    return pd.DataFrame(rows, columns=columns).assign(low_corrected=-reach, high_corrected=reach)


def joint_test(
    slopes: Slopes, pairs: pd.DataFrame, *, draws: int = 1000, rng: np.random.Generator | int = 0
) -> Null:
    """Ask whether the slopes of all layers taken together rise by more than permuted labels make them.

    This is another question than which layer stands out: ``slope_map`` corrects each layer for all the others, and a
    small rise at many layers is lost in that.

    Returns
    -------
    Null
        Mean over layers of the slope in standard deviations of permuted labels; p is two-sided.
    """
    observed, null = _permuted(slopes, pairs, draws, rng)
    spread = null.std(0)
    method = "true and false exchanged within couples, mean standardised slope over layers"
    return null_from_draws(float((observed / spread).mean()), (null / spread).mean(1), len(pairs), method)


def best_layer(loaded: Loaded, pairs: pd.DataFrame) -> int:
    """Return the layer where the margin rises most along the direction learnt from other topics.

    Parameters
    ----------
    loaded : Loaded
        From ``models.loading.load_model``.
    pairs : DataFrame
        As ``steering.pairs.read_pairs`` returns them; if all have one topic, every fourth pair is held out in turn.
    """
    several = len(set(pairs["topic"])) > 1
    topics = pairs["topic"].tolist() if several else [str(i % 4) for i in range(len(pairs))]
    slopes = margin_gradients(loaded, pairs)
    return int(held_out_slopes(slopes, topics, np.ones((1, len(pairs))))[0].argmax())


def steerability_summary(
    loaded: Loaded, *, draws: int = 1000, rng: np.random.Generator | int = 0
) -> dict[str, float | int | str]:
    """Summarise where steering can work in a model, as plain values for one row of a table.

    Parameters
    ----------
    loaded : Loaded
        From ``models.loading.load_model``.
    draws : int
        Permutations of the labels.

    Returns
    -------
    dict
        ``pairs``, ``pairs_digest``; ``margin_nats`` (mean, unsteered) and ``accuracy_pct``; for the layer of the largest slope
        and for the paper's quarter of the depth: the layer, the slope in nats per unit of strength, and its p, corrected over
        layers for the first and alone for the second.
    """
    pairs = data.load("truth_pairs")
    slopes = margin_gradients(loaded, pairs)
    layers = slope_map(slopes, pairs, draws=draws, rng=rng)
    best, quarter = layers.iloc[int(layers["slope"].argmax())], layers.iloc[len(layers) // 4]
    return {
        "pairs": len(pairs),
        "pairs_digest": pairs_digest(pairs),
        "margin_nats": float(slopes.margin.mean()),
        "accuracy_pct": float(100 * np.mean(slopes.margin > 0)),
        "best_layer": int(best["layer"]),
        "best_slope": float(best["slope"]),
        "best_p_corrected": float(best["p_corrected"]),
        "quarter_layer": int(quarter["layer"]),
        "quarter_slope": float(quarter["slope"]),
        "quarter_p": float(quarter["p"]),
    }
