"""The paper's cosine on attention weights, and why it cannot be low.

A row of attention weights is not negative and sums to one, and most of it lies on the first token. Two such rows point
alike whatever they attend to. What a reduction over whole rows leaves is the length of the prompts. Paper A, section 5,
quotes the cosine for seven models. Hidden states and heads are in ``internals.cosine``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from cape_utils.models.activations import eager_attention
from cape_utils.models.loading import Loaded, encode
from cape_utils.stats.results import Floats

__all__ = [
    "common_length",
    "first_token_share",
    "length_cosine",
    "length_draws",
    "pattern_cosine",
    "pattern_table",
    "random_patterns",
    "read_attention",
    "token_counts",
    "uniform_patterns",
    "without_first_token",
]


def token_counts(loaded: Loaded, texts: Sequence[str]) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Tokens of each text, the one at the beginning of the sequence included."""
    return np.asarray(encode(loaded.tokenizer, texts)["attention_mask"].sum(1).numpy(), dtype=np.int64)


def common_length(loaded: Loaded, *sets: Sequence[str]) -> int:
    """Tokens of the shortest text of all sets: so many first tokens do all texts have."""
    return int(min(token_counts(loaded, texts).min() for texts in sets))


def _weights(loaded: Loaded, texts: Sequence[str], batch_size: int) -> Any:
    """Yield the number of tokens and the attention weights, shape (layers, heads, tokens, tokens), of each text."""
    import torch

    for start in range(0, len(texts), batch_size):
        batch = encode(loaded.tokenizer, texts[start : start + batch_size], device=loaded.model.device)
        with eager_attention(loaded.model), torch.no_grad():
            out = loaded.model.base_model(**batch, use_cache=False, output_attentions=True)
        stacked = torch.stack([part.float().cpu() for part in out.attentions], 1).numpy()
        for weights, mask in zip(stacked, batch["attention_mask"].cpu().numpy(), strict=True):
            tokens = int(mask.sum())
            yield tokens, weights[..., :tokens, :tokens]


def read_attention(
    loaded: Loaded, texts: Sequence[str], *, tokens: int, batch_size: int = 16
) -> tuple[Floats, Floats]:
    """Attention weights among the first ``tokens`` tokens of each text, and what averaging over keys leaves of all.

    Returns
    -------
    ndarray, shape (texts, layers, heads, tokens, tokens)
        Rows are queries, columns keys; every row sums to one.
    ndarray, shape (texts, layers, heads, longest)
        Mean weight that each token of a text gives to the tokens of the text, padded with zeros. Since a row sums to
        one, its mean is one over the number of tokens, whatever the model attends to.

    Raises
    ------
    ValueError
        If a text is shorter.
    """
    if tokens < 2:
        raise ValueError(f"tokens is {tokens}; at least 2 are needed, one of them the first")
    patterns, rows = [], []
    for count, weights in _weights(loaded, texts, batch_size):
        if count < tokens:
            raise ValueError(
                f"a text has {count} tokens, fewer than the {tokens} asked for; use common_length"
            )
        patterns.append(weights[..., :tokens, :tokens])
        rows.append(weights.mean(-1))
    longest = max(row.shape[-1] for row in rows)
    means = np.stack([np.pad(row, ((0, 0), (0, 0), (0, longest - row.shape[-1]))) for row in rows])
    return np.stack(patterns), means


def pattern_cosine(first: ArrayLike, second: ArrayLike) -> Floats:
    """Cosine of the mean patterns of two sets of prompts, by layer and head.

    Parameters
    ----------
    first, second : array_like, shape (prompts, layers, heads, ...)
        What stands behind the heads is taken as one vector; a shorter one is padded with zeros.

    Returns
    -------
    ndarray, shape (layers, heads)

    Examples
    --------
    >>> even, odd = [[[[1.0, 0.0]]]], [[[[0.6, 0.8]]]]
    >>> pattern_cosine(even, odd).round(3).tolist()
    [[0.6]]
    """
    sums = []
    for part in (first, second):
        array = np.asarray(part, dtype=float)
        if array.ndim < 4 or not len(array):
            raise ValueError(
                f"patterns of shape (prompts, layers, heads, ...) are needed; the shape is {array.shape}"
            )
        sums.append(array.mean(0).reshape(*array.shape[1:3], -1))
    a, b = sums
    if a.shape[:2] != b.shape[:2]:
        raise ValueError(f"the patterns are of different models: {a.shape[:2]} and {b.shape[:2]} units")
    width = max(a.shape[-1], b.shape[-1])
    a, b = (np.pad(x, ((0, 0), (0, 0), (0, width - x.shape[-1]))) for x in (a, b))
    return np.asarray((a * b).sum(-1) / (np.linalg.norm(a, axis=-1) * np.linalg.norm(b, axis=-1)))


def pattern_table(cosines: Mapping[tuple[str, str], Floats]) -> pd.DataFrame:
    """The cosine of each case, over its heads.

    Parameters
    ----------
    cosines : mapping of (pair, case) to ndarray
        From ``pattern_cosine``.

    Returns
    -------
    DataFrame
        Columns ``pair, case, low, cosine, high, units``: lowest, mean and highest head.
    """
    rows = [(*key, float(c.min()), float(c.mean()), float(c.max()), c.size) for key, c in cosines.items()]
    return pd.DataFrame(rows, columns=["pair", "case", "low", "cosine", "high", "units"])


def first_token_share(patterns: ArrayLike) -> float:
    """Mean share of attention that goes to the first token, over all queries after it.

    Examples
    --------
    >>> first_token_share([[[[[1.0, 0.0], [0.7, 0.3]]]]])
    0.7
    """
    return float(np.asarray(patterns, dtype=float)[..., 1:, 0].mean())


def without_first_token(patterns: ArrayLike) -> Floats:
    """The weights among the tokens after the first, each row brought back to a sum of one.

    A row that has next to nothing left, under one part in a billion, stays as it is.
    """
    inner = np.asarray(patterns, dtype=float)[..., 1:, 1:]
    total = inner.sum(-1, keepdims=True)
    return np.asarray(inner / np.where(total > 1e-9, total, 1.0))


def uniform_patterns(tokens: int) -> Floats:
    """Attention that looks at everything so far alike, shape (1, 1, 1, tokens, tokens)."""
    rows = np.tril(np.ones((tokens, tokens)))
    return np.asarray((rows / rows.sum(-1, keepdims=True))[None, None, None])


def random_patterns(prompts: int, units: int, tokens: int, *, rng: np.random.Generator | int = 0) -> Floats:
    """Attention drawn at random for each prompt, unit and query: any division of one among the tokens so far.

    Returns
    -------
    ndarray, shape (prompts, 1, units, tokens, tokens)
    """
    raw = np.random.default_rng(rng).exponential(size=(prompts, 1, units, tokens, tokens)) * np.tril(
        np.ones((tokens, tokens))
    )
    return np.asarray(raw / raw.sum(-1, keepdims=True))


def length_cosine(first: ArrayLike, second: ArrayLike) -> float:
    """The cosine of two sets of prompts after attention was averaged over keys, from the prompts' lengths alone.

    Parameters
    ----------
    first, second : array_like of int, shape (prompts,)
        Tokens of each prompt.

    Examples
    --------
    >>> length_cosine([4, 4], [4, 4])
    1.0
    >>> round(length_cosine([4], [9]), 3)
    0.667
    """
    means = []
    longest = int(max(np.max(first), np.max(second)))
    for lengths in (first, second):
        tokens = np.asarray(lengths, dtype=float)
        if tokens.size == 0 or tokens.min() < 1:
            raise ValueError("every prompt needs at least one token")
        means.append(((np.arange(longest) < tokens[:, None]) / tokens[:, None]).mean(0))
    a, b = means
    return float(a @ b / np.sqrt((a @ a) * (b @ b)))


def length_draws(
    *,
    prompts: int = 16,
    shortest: int = 5,
    longest: int = 25,
    draws: int = 2000,
    rng: np.random.Generator | int = 0,
) -> Floats:
    """``length_cosine`` of two sets of prompts whose lengths are drawn evenly from a range; shape (draws,)."""
    if not 1 <= shortest <= longest:
        raise ValueError(
            f"got lengths from {shortest} to {longest}, expected at least 1 and the longer one second"
        )
    drawn = np.random.default_rng(rng).integers(shortest, longest + 1, size=(draws, 2, prompts))
    return np.array([length_cosine(a, b) for a, b in drawn])
