"""Do heads compete in what they do? One gate a head, and how each set's margin changes as the gate opens.

A gate multiplies a head's output by g, and g = 1 leaves the model as it is. The slope of a margin at g = 1 says whether
the head works for the right completion or against it. A head competes, in this sense, if it works for one set of
sentences and against the other. The cosine of paper A, section 5, asks how alike activations look; this asks what they
are for. The paper did not measure it. Every head of every statement is an estimate from few items, so reliability
comes first: nothing is said of single heads that a test over items does not carry.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from cape_utils.jobs import result_cache
from cape_utils.models.activations import Edit, decoder, edit
from cape_utils.models.completions import batch_logp, split_texts
from cape_utils.models.loading import Loaded
from cape_utils.stats import correlation
from cape_utils.stats.resampling import null_from_draws
from cape_utils.stats.results import Floats, Null

if TYPE_CHECKING:
    from torch import Tensor

__all__ = [
    "GateSlopes",
    "HeadAgreement",
    "agreement",
    "agreement_table",
    "couple_means",
    "gate_slopes",
    "items_needed",
    "kept_slopes",
    "named_heads",
    "reliability",
]

Scale = Literal["head", "nats"]
_STEP = 1e-4  # nats; kept slopes are whole numbers of it, far below what items differ by


@dataclass(frozen=True)
class GateSlopes:
    """How each item's margin answers to each head's gate.

    Attributes
    ----------
    margin : ndarray, shape (items,)
        Log-likelihood of the true completion minus that of the false one, in nats.
    slope : ndarray, shape (items, layers, heads)
        Derivative of the margin with respect to the gate at 1, in nats. To first order, what the margin loses if the
        head is taken out.
    """

    margin: Floats
    slope: Floats


def gate_slopes(loaded: Loaded, pairs: pd.DataFrame, *, batch_size: int = 16) -> GateSlopes:
    """Margins of pairs of completions and their slopes along every head's gate, one backward pass a batch.

    Parameters
    ----------
    loaded : Loaded
    pairs : DataFrame
        Columns ``stem``, ``true_completion`` and ``false_completion``.
    batch_size : int
        Texts a pass.
    """
    import torch

    if not (n := len(pairs)):
        raise ValueError("there is no pair; at least one is needed")
    parts = decoder(loaded.model)
    completions = [*pairs["true_completion"], *pairs["false_completion"]]
    texts = split_texts(loaded, pairs["stem"].tolist() * 2, completions)
    logp, grad = np.zeros(2 * n), np.zeros((2 * n, len(parts.layers), parts.heads))
    for rows in texts.batches(batch_size):
        gates = torch.ones(len(rows), len(parts.layers), parts.heads, device=loaded.model.device)
        gates.requires_grad_(True)
        edits = {i: _gate(gates, i) for i in range(len(parts.layers))}
        with torch.enable_grad(), edit(loaded.model, edits, unit="head"):
            scores = batch_logp(loaded, texts, rows)
            (slope,) = torch.autograd.grad(scores.sum(), gates)
        logp[rows], grad[rows] = scores.detach().cpu().numpy(), slope.cpu().numpy()
    return GateSlopes(logp[:n] - logp[n:], grad[:n] - grad[n:])


def _gate(gates: Tensor, layer: int) -> Edit:
    return lambda heads, _mask: heads * gates[:, layer][:, None, :, None].to(heads)


def kept_slopes(
    loaded: Loaded,
    pairs: pd.DataFrame,
    *,
    progress: Callable[[Sequence[str]], Iterator[str]] | None = None,
    folder: Any = None,
) -> GateSlopes:
    """``gate_slopes`` of the pairs, kept by topic: read where they are known, computed where they are not.

    Parameters
    ----------
    loaded : Loaded
    pairs : DataFrame
        Also columns ``pair_id`` and ``topic``, as in the tables ``reasoning_pairs`` and ``truth_pairs``.
    progress : callable
        Wraps the topics still to be done, as ``tqdm`` does.
    folder : Path, optional
        As in ``jobs.result_cache.sweep``.
    """
    texts = ("pair_id", "topic", "stem", "true_completion", "false_completion")
    settings = {
        "model": loaded.info.sha256,
        "dtype": loaded.info.dtype,
        "pairs": result_cache.digest({name: pairs[name].tolist() for name in texts}),
        "gate": "every position, derivative at 1",
        "step_nats": _STEP,
    }

    def run(topic: str) -> list[dict[str, Any]]:
        part = pairs[pairs["topic"] == topic]
        slopes = gate_slopes(loaded, part)
        return [
            {
                "pair_id": name,
                "margin": float(f"{margin:.5g}"),
                "slope": [round(value / _STEP) for value in slope.ravel()],
            }
            for name, margin, slope in zip(part["pair_id"], slopes.margin, slopes.slope, strict=True)
        ]

    topics = list(dict.fromkeys(pairs["topic"]))
    rows = result_cache.sweep("head_gates", settings, topics, run, folder=folder, progress=progress)
    rows = rows.set_index("pair_id").loc[pairs["pair_id"]]
    shape = (len(rows), loaded.info.layers, loaded.info.heads)
    return GateSlopes(
        rows["margin"].to_numpy(dtype=float), _STEP * np.array(rows["slope"].tolist()).reshape(shape)
    )


def couple_means(slopes: ArrayLike, couples: Sequence[str]) -> Floats:
    """Mean over the two items of each couple, which share their endings and are not independent.

    Returns
    -------
    ndarray, shape (couples, ...)
        In the order in which couples first appear.

    Examples
    --------
    >>> couple_means([[1.0], [3.0], [5.0]], ["a", "a", "b"]).tolist()
    [[2.0], [5.0]]
    """
    values = np.asarray(slopes, dtype=float)
    if len(couples) != len(values):
        raise ValueError(f"got {len(couples)} couples for {len(values)} items; name one for each item")
    codes, names = pd.factorize(np.asarray(couples, dtype=object))
    weights = (codes[None, :] == np.arange(len(names))[:, None]).astype(float)
    weights /= weights.sum(1, keepdims=True)
    return np.asarray(np.tensordot(weights, values, axes=1))


def _flat(items: ArrayLike, min_items: int) -> Floats:
    values = np.asarray(items, dtype=float)
    if values.ndim < 2 or len(values) < min_items:
        raise ValueError(
            f"slopes of at least {min_items} independent items, shape (items, layers, heads), are needed; "
            f"the shape is {values.shape}"
        )
    return values.reshape(len(values), -1)


def reliability(items: ArrayLike, *, splits: int = 500, rng: np.random.Generator | int = 0) -> float:
    """Split-half reliability of the profile over heads, stepped up to all items by Spearman and Brown.

    Parameters
    ----------
    items : array_like, shape (items, layers, heads)
        Slopes of independent items; see ``couple_means``.
    splits : int
        Random halves; the correlation of their mean profiles is averaged over them.

    Returns
    -------
    float
        One if another draw of as many items would give the same profile, zero if it would give an unrelated one.
    """
    flat = _flat(items, 4)
    n = len(flat)
    order = np.random.default_rng(rng).permuted(np.tile(np.arange(n), (splits, 1)), axis=1)
    half = n // 2
    first = (order < half).astype(float) / half
    second = ((order >= half) & (order < 2 * half)).astype(float) / half
    r = float(np.mean(correlation.rows_pearson(first @ flat, second @ flat)))
    return 2 * r / (1 + r)


@dataclass(frozen=True)
class HeadAgreement:
    """Whether heads that work for one set work for the other.

    Attributes
    ----------
    first, second : ndarray, shape (layers, heads)
        Mean slopes, scaled as asked.
    n_first, n_second : int
        Independent items.
    r : Null
        Correlation of the two profiles over heads; in the null each item of the second set has its sign at random.
    reliability_first, reliability_second : float
        Split-half, Spearman-Brown.
    disattenuated : float
        ``r`` over the root of the product of the two reliabilities, NaN where one of them is not positive.
    opposite : Null
        Share of heads whose two slopes have opposite signs, with the same null.
    named_first, named_second : ndarray of bool, shape (layers, heads)
        Heads whose slope differs from zero with all heads tested at once.
    """

    first: Floats
    second: Floats
    n_first: int
    n_second: int
    r: Null
    reliability_first: float
    reliability_second: float
    disattenuated: float
    opposite: Null
    named_first: NDArray[np.bool_]
    named_second: NDArray[np.bool_]

    @property
    def competing(self) -> NDArray[np.bool_]:
        """Heads that can be named for both sets and whose slopes have opposite signs."""
        return np.asarray(self.named_first & self.named_second & (self.first * self.second < 0))


def named_heads(
    items: ArrayLike, *, level: float = 0.05, draws: int = 2000, rng: np.random.Generator | int = 0
) -> NDArray[np.bool_]:
    """Heads whose mean slope differs from zero, by sign flips of items and the largest t over heads.

    Swapping true and false turns the sign of an item's slopes, so with nothing there every pattern of signs is as
    likely. The threshold is that of the largest absolute t over all heads, so that ``level`` holds for all at once.

    Returns
    -------
    ndarray of bool, shape (layers, heads)
    """
    values = np.asarray(items, dtype=float)
    flat = _flat(values, 6)
    n = len(flat)
    square = (flat**2).sum(0)

    def absolute_t(total: Floats) -> Floats:
        mean = total / n
        spread = np.sqrt(np.maximum(square / n - mean**2, 1e-300) / (n - 1))
        return np.asarray(np.abs(mean) / spread)

    signs = np.random.default_rng(rng).choice([-1.0, 1.0], size=(draws, n))
    largest = absolute_t(signs @ flat).max(1)
    return np.asarray(absolute_t(flat.sum(0)) > np.quantile(largest, 1 - level)).reshape(values.shape[1:])


def items_needed(reliability: float, n: int, *, target: float = 0.8) -> float:
    """Independent items for a reliability, by Spearman and Brown; infinite where there is none to step up.

    Examples
    --------
    >>> round(items_needed(0.5, 100), 6)
    400.0
    """
    if not 0 < target < 1:
        raise ValueError(f"target is {target}; a reliability between 0 and 1 is needed")
    if reliability <= 0:
        return float("inf")
    return n * target * (1 - reliability) / (reliability * (1 - target))


def agreement(
    first: ArrayLike,
    second: ArrayLike,
    *,
    scale: Scale = "head",
    draws: int = 2000,
    rng: np.random.Generator | int = 0,
) -> HeadAgreement:
    """Compare the heads' slopes for two sets of items.

    Parameters
    ----------
    first, second : array_like, shape (items, layers, heads)
        Slopes of independent items of one model.
    scale : {"head", "nats"}
        ``head`` divides each head's slopes by their root mean square over the items of the set, so that a few items
        with slopes many times the usual do not stand for all; ``nats`` leaves them as they are.

    Raises
    ------
    ValueError
        If the two are of different models, or there are too few items.
    """
    if scale not in get_args(Scale):
        raise ValueError(f"scale is {scale!r}; allowed: {', '.join(get_args(Scale))}")
    a, b = _flat(first, 6), _flat(second, 6)
    shape = np.asarray(first).shape[1:]
    if shape != np.asarray(second).shape[1:]:
        raise ValueError(f"slopes are of different models: {shape} and {np.asarray(second).shape[1:]} heads")
    if scale == "head":
        a, b = (part / np.sqrt(np.maximum((part**2).mean(0), 1e-300)) for part in (a, b))
    generator = np.random.default_rng(rng)
    one, two = a.mean(0), b.mean(0)
    flipped = generator.choice([-1.0, 1.0], size=(draws, len(b))) @ b / len(b)
    r = correlation.pearson(one, two)
    null_r = null_from_draws(
        r, correlation.rows_pearson(np.tile(one, (draws, 1)), flipped), len(b), "signs of items at random"
    )
    opposite = null_from_draws(
        float(np.mean(one * two < 0)), (flipped * one < 0).mean(1), len(b), null_r.method, centre=0.5
    )
    rel_a, rel_b = reliability(a, rng=generator), reliability(b, rng=generator)
    return HeadAgreement(
        first=one.reshape(shape),
        second=two.reshape(shape),
        n_first=len(a),
        n_second=len(b),
        r=null_r,
        reliability_first=rel_a,
        reliability_second=rel_b,
        disattenuated=float(r / np.sqrt(rel_a * rel_b)) if min(rel_a, rel_b) > 0 else float("nan"),
        opposite=opposite,
        named_first=named_heads(first, draws=draws, rng=generator),
        named_second=named_heads(second, draws=draws, rng=generator),
    )


def agreement_table(compared: Mapping[str, HeadAgreement]) -> pd.DataFrame:
    """Both profiles of each comparison, one row a head.

    Returns
    -------
    DataFrame
        Columns ``comparison, layer, head, first, second``.
    """
    rows = [
        (name, layer, head, float(one.first[layer, head]), float(one.second[layer, head]))
        for name, one in compared.items()
        for layer, head in np.ndindex(one.first.shape)
    ]
    return pd.DataFrame(rows, columns=["comparison", "layer", "head", "first", "second"])
