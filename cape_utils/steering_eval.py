"""What steering does to a model: the margin of true over false completions, and the cost on neutral text.

Every function here measures the model as it stands, so that steering is a block around the call. The primary outcome
is the paired margin in nats, ``log p(true | stem) - log p(false | stem)``, summed over tokens. Which direction, layer
and strength to take is not decided here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from cape_utils.models import Loaded, context_length, encode
from cape_utils.own_pairs import joined, statements
from cape_utils.results import Estimate, Floats, family_counts, interval

if TYPE_CHECKING:
    from torch import Tensor

__all__ = [
    "Cost",
    "Reference",
    "Texts",
    "batch_logp",
    "completion_logp",
    "cost",
    "pair_margins",
    "reference",
    "split_texts",
    "summary",
    "topic_effect",
]


@dataclass(frozen=True)
class Texts:
    """Stems with completions, in the tokens of one model.

    Attributes
    ----------
    texts : tuple of str
        Stem, a space, completion.
    starts : ndarray of int, shape (texts,)
        Position of the completion's first token, the begin-of-sequence token being position 0.
    lengths : ndarray of int, shape (texts,)
        Tokens of the whole text, that token included.
    """

    texts: tuple[str, ...]
    starts: NDArray[np.int64]
    lengths: NDArray[np.int64]

    def batches(self, size: int) -> list[NDArray[np.int64]]:
        """Numbers of the texts of each forward pass; texts of one length go together."""
        order = np.argsort(self.lengths, kind="stable")
        return [order[i : i + size] for i in range(0, len(order), size)]


def split_texts(loaded: Loaded, stems: Sequence[str], completions: Sequence[str]) -> Texts:
    """Find where the completions begin in tokens.

    A tokenizer may join the end of a stem with its completion into one token; that token counts as completion.

    Raises
    ------
    ValueError
        If the two lists differ in length or are empty, a completion has no token, or a text does not fit into the
        model's context.
    """
    if len(stems) != len(completions) or not len(stems):
        raise ValueError(
            f"as many stems as completions are needed, at least one; there are {len(stems)} and {len(completions)}"
        )
    texts = tuple(joined(*both) for both in zip(stems, completions, strict=True))
    starts, lengths = [], []
    for stem, text in zip(stems, texts, strict=True):
        head = loaded.tokenizer(stem.rstrip(), add_special_tokens=False)["input_ids"]
        whole = loaded.tokenizer(text, add_special_tokens=False)["input_ids"]
        same = next((i for i, (a, b) in enumerate(zip(head, whole, strict=False)) if a != b), len(head))
        if same >= len(whole):
            raise ValueError(f"the completion of {stem!r} has no token of its own")
        starts.append(1 + same)
        lengths.append(1 + len(whole))
    room = context_length(loaded)
    if room is not None and max(lengths) > room:
        raise ValueError(
            f"a text has {max(lengths)} tokens, but the context of {loaded.info.name} ends at {room}; "
            "shorten it or take a model with a longer context"
        )
    return Texts(texts, np.array(starts), np.array(lengths))


def batch_logp(loaded: Loaded, texts: Texts, rows: NDArray[np.int64]) -> Tensor:
    """Log-probability of the completions of one batch, in nats, with its graph if gradients are on.

    Returns
    -------
    Tensor of float32, shape (rows,)
        Summed over the completion's tokens.
    """
    import torch
    from torch.nn.functional import cross_entropy

    batch = encode(loaded.tokenizer, [texts.texts[i] for i in rows], device=loaded.model.device)
    ids = batch["input_ids"]
    logits = loaded.model(**batch, use_cache=False).logits
    places = torch.arange(1, ids.shape[1]).unsqueeze(0)
    own = (places >= torch.as_tensor(texts.starts[rows]).unsqueeze(1)) & (
        places < torch.as_tensor(texts.lengths[rows]).unsqueeze(1)
    )
    own = own.to(logits.device)
    targets = ids[:, 1:].to(logits.device)
    losses = cross_entropy(logits[:, :-1][own].float(), targets[own], reduction="none")
    sums = torch.zeros(len(rows), device=logits.device)
    return sums.index_add(0, own.nonzero()[:, 0], -losses)


def completion_logp(
    loaded: Loaded, stems: Sequence[str], completions: Sequence[str], *, batch_size: int = 16
) -> tuple[Floats, NDArray[np.int64]]:
    """Log-probability of each completion given its stem.

    Parameters
    ----------
    loaded : Loaded
        From ``models.load_model``, steered or not.
    stems, completions : sequence of str
        One completion for each stem; a space goes between the two.
    batch_size : int
        Texts a forward pass.

    Returns
    -------
    logp : ndarray, shape (texts,)
        In nats, summed over tokens.
    tokens : ndarray of int, shape (texts,)
        Tokens of each completion.
    """
    import torch

    texts = split_texts(loaded, stems, completions)
    logp = np.zeros(len(texts.texts))
    with torch.no_grad():
        for rows in texts.batches(batch_size):
            logp[rows] = batch_logp(loaded, texts, rows).cpu().numpy()
    return logp, texts.lengths - texts.starts


def pair_margins(loaded: Loaded, pairs: pd.DataFrame, *, batch_size: int = 16) -> pd.DataFrame:
    """How much more probable the true completion of each pair is than the false one.

    Parameters
    ----------
    loaded : Loaded
        Steered or not.
    pairs : DataFrame
        With ``stem``, ``true_completion`` and ``false_completion``.

    Returns
    -------
    DataFrame
        In the order of the pairs: ``margin`` in nats, summed over tokens, and ``margin_per_token``, the difference of the
        means over tokens.
    """
    n = len(statements(pairs, "true"))
    stems = pairs["stem"].tolist()
    completions = [*pairs["true_completion"], *pairs["false_completion"]]
    logp, tokens = completion_logp(loaded, stems * 2, completions, batch_size=batch_size)
    mean = logp / tokens
    return pd.DataFrame(
        {"margin": logp[:n] - logp[n:], "margin_per_token": mean[:n] - mean[n:]}, index=pairs.index
    )


def summary(margins: ArrayLike) -> dict[str, float]:
    """Mean margin, accuracy and mean share of probability of a set of pairs.

    Parameters
    ----------
    margins : array_like, shape (pairs,)
        In nats.

    Returns
    -------
    dict
        ``margin`` in nats; ``accuracy``, the share of positive margins, a tie counting half; ``share``, the mean of
        p(true) / (p(true) + p(false)), which is MC2 with one true and one false answer.

    Examples
    --------
    >>> summary([0.0, 0.0])
    {'margin': 0.0, 'accuracy': 0.5, 'share': 0.5}
    """
    values = np.asarray(margins, dtype=float)
    if not values.size:
        raise ValueError("there is no margin; at least one pair is needed")
    right = (values > 0) + 0.5 * (values == 0)
    share = 0.5 * (1 + np.tanh(values / 2))  # the logistic function, safe for large margins
    return {"margin": float(values.mean()), "accuracy": float(right.mean()), "share": float(share.mean())}


def topic_effect(
    before: ArrayLike,
    after: ArrayLike,
    topics: Sequence[str],
    *,
    draws: int = 2000,
    rng: np.random.Generator | int = 0,
) -> Estimate:
    """Mean change of the margin, with an interval from resampling topics.

    Pairs of one topic share words and knowledge, so the topic is what is drawn anew.

    Parameters
    ----------
    before, after : array_like, shape (pairs,)
        Of the same pairs, in nats.
    topics : sequence of str
        Of each pair.
    draws : int
    rng : Generator or int

    Examples
    --------
    >>> topic_effect([0, 0, 1, 1], [1, 1, 2, 2], ["a", "a", "b", "b"]).estimate
    1.0
    """
    change = np.asarray(after, dtype=float) - np.asarray(before, dtype=float)
    if change.shape != (len(topics),):
        raise ValueError(
            f"there are {len(topics)} topics for values of shape {change.shape}; one each is needed"
        )
    codes, names = pd.factorize(np.asarray(topics, dtype=object))
    sums, counts = np.bincount(codes, change), np.bincount(codes).astype(float)
    taken = family_counts(len(names), draws, rng)
    low, high = interval(taken @ sums / (taken @ counts))
    method = f"mean change of the margin, {len(names)} topics resampled"
    return Estimate(float(change.mean()), low, high, len(change), method, draws=draws)


@dataclass(frozen=True)
class Reference:
    """What the unsteered model expects at each token of neutral texts.

    Attributes
    ----------
    texts : tuple of str
    logp : tuple of Tensor, each of shape (tokens, vocabulary)
        Log-probabilities of the next token at every position but the last, text by text.
    batch_size : int
    """

    texts: tuple[str, ...]
    logp: tuple[Tensor, ...]
    batch_size: int


@dataclass(frozen=True)
class Cost:
    """How far a model has moved on neutral text.

    Attributes
    ----------
    kl : float
        Mean Kullback-Leibler divergence of the next token's distribution from the reference, in nats a token.
    perplexity : float
        Of the texts themselves.
    tokens : int
        Positions behind both.
    """

    kl: float
    perplexity: float
    tokens: int


def reference(loaded: Loaded, texts: Sequence[str], *, batch_size: int = 16) -> Reference:
    """Keep what the model expects now, as the state that ``cost`` compares with.

    Memory is tokens times vocabulary times four bytes: 200 MB for 60 prompts of 16 tokens and 50,000 words.
    """
    logp = [rows for rows, _ in _expectations(loaded, texts, batch_size)]
    return Reference(tuple(texts), tuple(logp), batch_size)


def cost(loaded: Loaded, unsteered: Reference) -> Cost:
    """Compare the model as it stands with the reference.

    Positions count from the second token on: the first is never steered.
    """
    kl, nll, tokens = 0.0, 0.0, 0
    pairs = zip(unsteered.logp, _expectations(loaded, unsteered.texts, unsteered.batch_size), strict=True)
    for was, (now, ids) in pairs:
        kl += float((was.exp() * (was - now)).sum())
        nll -= float(now.gather(1, ids.unsqueeze(1)).sum())
        tokens += len(ids)
    return Cost(kl / tokens, float(np.exp(nll / tokens)), tokens)


def _expectations(loaded: Loaded, texts: Sequence[str], batch_size: int) -> list[tuple[Tensor, Tensor]]:
    """Log-probabilities of the next token, and which it was, text by text."""
    import torch

    out = []
    for start in range(0, len(texts), batch_size):
        batch = encode(loaded.tokenizer, texts[start : start + batch_size], device=loaded.model.device)
        with torch.no_grad():
            logits = loaded.model(**batch, use_cache=False).logits.float()
        for row, ids, mask in zip(logits, batch["input_ids"], batch["attention_mask"], strict=True):
            length = int(mask.sum())
            if length < 3:
                raise ValueError("a neutral text has fewer than two tokens; longer ones are needed")
            out.append((row[1 : length - 1].log_softmax(-1).cpu(), ids[2:length].cpu()))
    return out
