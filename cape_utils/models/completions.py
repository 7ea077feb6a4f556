"""The log probability of completions of a stem, in batches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cape_utils.models.activations import prompts_end_at
from cape_utils.models.loading import Loaded, context_length, encode, own_tokens
from cape_utils.stats.results import Floats

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["Texts", "batch_logp", "completion_logp", "joined", "split_texts"]


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
        head = own_tokens(loaded.tokenizer, stem.rstrip())
        tokens = own_tokens(loaded.tokenizer, text)
        same = next((i for i, (a, b) in enumerate(zip(head, tokens, strict=False)) if a != b), len(head))
        if same >= len(tokens):
            raise ValueError(f"the completion of {stem!r} has no token of its own")
        starts.append(1 + same)
        lengths.append(1 + len(tokens))
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
    with prompts_end_at((texts.starts[rows] - 1).tolist()):
        logits = loaded.model(**batch, use_cache=False).logits
    places = torch.arange(1, ids.shape[1]).unsqueeze(0)
    in_completion = (places >= torch.as_tensor(texts.starts[rows]).unsqueeze(1)) & (
        places < torch.as_tensor(texts.lengths[rows]).unsqueeze(1)
    )
    in_completion = in_completion.to(logits.device)
    targets = ids[:, 1:].to(logits.device)
    losses = cross_entropy(logits[:, :-1][in_completion].float(), targets[in_completion], reduction="none")
    sums = torch.zeros(len(rows), device=logits.device)
    return sums.index_add(0, in_completion.nonzero()[:, 0], -losses)


def completion_logp(
    loaded: Loaded, stems: Sequence[str], completions: Sequence[str], *, batch_size: int = 16
) -> tuple[Floats, NDArray[np.int64]]:
    """Log-probability of each completion given its stem.

    Parameters
    ----------
    loaded : Loaded
        From ``models.loading.load_model``, steered or not.
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


def joined(stem: str, completion: str) -> str:
    """A stem and its completion with one space between them, whether or not the completion brings its own.

    Examples
    --------
    >>> joined("Ice is", " frozen water.") == joined("Ice is", "frozen water.") == "Ice is frozen water."
    True
    """
    return f"{stem.rstrip()} {completion.lstrip()}"
