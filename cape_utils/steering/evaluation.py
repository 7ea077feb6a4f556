"""What steering does to a model: the margin of true over false completions, and the cost on neutral text.

Every function but ``pair_margins`` measures the model as it stands, so that steering is a block around the call. The primary
outcome is the paired margin in nats, ``log p(true | stem) - log p(false | stem)``, summed over tokens. Which direction, layer
and strength to take is not decided here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Unpack

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from cape_utils.models.chat import instructed
from cape_utils.models.completions import completion_logp
from cape_utils.models.loading import Loaded, encode
from cape_utils.stats.resampling import cluster_bootstrap_mean
from cape_utils.stats.results import Estimate, Floats
from cape_utils.steering.directions import Direction
from cape_utils.steering.interventions import How, intervention

if TYPE_CHECKING:
    from torch import Tensor

__all__ = [
    "KlCost",
    "KlReference",
    "kl_cost",
    "kl_reference",
    "margin_summary",
    "pair_margins",
    "prompt_cost",
    "topic_effect",
]


def pair_margins(
    loaded: Loaded,
    pairs: pd.DataFrame,
    *,
    direction: Direction | Sequence[Direction] | None = None,
    strength: float = 0.0,
    batch_size: int = 16,
    **how: Unpack[How],
) -> Floats:
    """Margin of the true over the false completion of each pair, by any method of ``steering.interventions``.

    Parameters
    ----------
    loaded : Loaded
        From ``models.loading.load_model``.
    pairs : DataFrame
        With ``stem``, ``true_completion`` and ``false_completion``.
    direction, strength, **how
        As ``generate`` takes them. The method ``prompt`` puts its instruction in front of each stem, the baseline that
        steering has to beat.
    batch_size : int
        Statements a forward pass.

    Returns
    -------
    ndarray, shape (pairs,)
        In nats.
    """
    with intervention(loaded, direction, strength, **how) as instruction:
        stems = [instructed(loaded, stem, instruction) for stem in pairs["stem"]]
        endings = [*pairs["true_completion"], *pairs["false_completion"]]
        logp, _ = completion_logp(loaded, stems * 2, endings, batch_size=batch_size)
    return logp[: len(pairs)] - logp[len(pairs) :]


def margin_summary(margins: ArrayLike) -> dict[str, float]:
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
    >>> margin_summary([0.0, 0.0])
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

    Pairs of one topic share words and knowledge, so the topic is what is resampled.

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
    method = "mean change of the margin, {clusters} topics resampled"
    return cluster_bootstrap_mean(change, topics, method, draws=draws, rng=rng)


@dataclass(frozen=True)
class KlReference:
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
class KlCost:
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


def kl_reference(loaded: Loaded, texts: Sequence[str], *, batch_size: int = 16) -> KlReference:
    """Keep what the model expects now, as the state that ``kl_cost`` compares with.

    Memory is tokens times vocabulary times four bytes: 200 MB for 60 prompts of 16 tokens and 50,000 words.
    """
    logp = [rows for rows, _ in _expectations(loaded, texts, batch_size)]
    return KlReference(tuple(texts), tuple(logp), batch_size)


def kl_cost(loaded: Loaded, unsteered: KlReference) -> KlCost:
    """Compare the model as it stands with the reference.

    Positions count from the second token on: the first is never steered.
    """
    kl, nll, tokens = 0.0, 0.0, 0
    pairs = zip(unsteered.logp, _expectations(loaded, unsteered.texts, unsteered.batch_size), strict=True)
    for was, (now, ids) in pairs:
        kl += float((was.exp() * (was - now)).sum())
        nll -= float(now.gather(1, ids.unsqueeze(1)).sum())
        tokens += len(ids)
    return KlCost(kl / tokens, float(np.exp(nll / tokens)), tokens)


def prompt_cost(loaded: Loaded, unsteered: KlReference, words: str) -> KlCost:
    """The same for words put in front of every text, on the tokens that the texts have without them.

    Parameters
    ----------
    loaded : Loaded
    unsteered : KlReference
    words : str
        With the blank or line that divides them from the text.

    Raises
    ------
    ValueError
        If the tokenizer joins the words and a text, so that the text has other tokens behind them.
    """
    kl, nll, tokens = 0.0, 0.0, 0
    for text, was in zip(unsteered.texts, unsteered.logp, strict=True):
        ((plain, ids),) = _expectations(loaded, [text], 1)
        ((now, behind),) = _expectations(loaded, [words + text], 1)
        now, behind = now[-len(plain) :], behind[-len(ids) :]
        if not bool((behind == ids).all()):
            raise ValueError(f"{text!r} has other tokens behind {words!r}; end the words with a line break")
        kl += float((was.exp() * (was - now)).sum())
        nll -= float(now.gather(1, ids.unsqueeze(1)).sum())
        tokens += len(ids)
    return KlCost(kl / tokens, float(np.exp(nll / tokens)), tokens)


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
