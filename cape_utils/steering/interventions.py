"""Add a truth direction to the residual stream of a model, and generate with it.

Section 6.3 of paper A. How a direction is learnt and saved is in ``steering.directions``. What the
addition does to a model is measured in ``steering.evaluation``; which layer and strength to take is for
``ch10_steering.selection``.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cape_utils.models.activations import decoder, edit
from cape_utils.models.loading import Loaded, context_length, encode, own_tokens
from cape_utils.steering.directions import (
    Direction,
    refuse_other_model,
)

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PreTrainedModel

__all__ = [
    "add_vector",
    "generate",
    "steer",
]


@contextlib.contextmanager
def add_vector(model: PreTrainedModel, layer: int, vector: NDArray[np.floating] | Tensor) -> Iterator[None]:
    """Add a vector to the residual stream after a layer, at every token but the first and padding, in the block.

    Parameters
    ----------
    model : PreTrainedModel
        Left as it was at the end, also after an exception.
    layer : int
        Counted from 0; negative ones from the end.
    vector : ndarray or Tensor, shape (width,)
        In the model's own units.
    """
    import torch

    shift = torch.as_tensor(vector)
    width = decoder(model).width
    if shift.shape != (width,):
        raise ValueError(
            f"the vector has shape {tuple(shift.shape)}; this model's residual stream takes ({width},)"
        )

    def change(stream: Tensor, mask: Tensor) -> Tensor:
        nonlocal shift
        shift = shift.to(stream)  # converted once, at the first token
        return torch.where(mask.unsqueeze(-1), stream + shift, stream)

    with edit(model, {layer: change}):
        yield


@contextlib.contextmanager
def steer(loaded: Loaded, direction: Direction, strength: float) -> Iterator[None]:
    """Steer a model along a direction during the block.

    Parameters
    ----------
    loaded : Loaded
        The model that the direction was learnt in; left as it was at the end, also after an exception.
    direction : Direction
        From ``truth_direction`` or ``load_direction``.
    strength : float
        In units of the residual stream's mean length; negative away from the truth; at 0 nothing is touched.

    Raises
    ------
    DirectionError
        If the direction belongs to another model.
    ValueError
        If the strength is not a finite number.
    """
    if not np.isfinite(strength):
        raise ValueError(f"strength is {strength}; a finite number is needed, such as 0.5 or -0.5")
    refuse_other_model(direction, loaded)
    if strength == 0:
        yield
        return
    with add_vector(loaded.model, direction.layer, direction.vector * (strength * direction.residual_norm)):
        yield


def generate(
    loaded: Loaded,
    prompts: Sequence[str],
    *,
    direction: Direction | None = None,
    strength: float = 0.0,
    max_new_tokens: int = 40,
    temperature: float = 0.0,
    seed: int = 0,
    batch_size: int = 16,
) -> list[str]:
    """Continue prompts, steered or not.

    Parameters
    ----------
    loaded : Loaded
        From ``models.loading.load_model``.
    prompts : sequence of str
        At least one; continued as they stand, without a chat template.
    direction : Direction, optional
        What to steer along; without it the model is left alone.
    strength : float
        As in ``steer``.
    max_new_tokens : int
        At most as many tokens are added.
    temperature : float
        0 takes the most probable token each time; else tokens are drawn.
    seed : int
        Of the drawing.
    batch_size : int
        Prompts continued at once.

    Returns
    -------
    list of str
        What was added to each prompt, in their order.

    Raises
    ------
    ValueError
        If a prompt does not fit into the model's context, or a number is out of range.
    """
    import torch
    from transformers import GenerationConfig

    if temperature < 0 or not np.isfinite(temperature):
        raise ValueError(f"temperature is {temperature}; expected 0 (greedy) or a positive number")
    if max_new_tokens < 1:
        raise ValueError(f"max_new_tokens is {max_new_tokens}; at least 1 is needed")
    if isinstance(prompts, str) or not len(prompts):
        raise ValueError("prompts must be a list of at least one string")
    if direction is None and strength:
        raise ValueError(f"strength is {strength:g} and there is no direction to steer along")
    model, tokenizer = loaded.model, loaded.tokenizer
    _refuse_long(loaded, prompts, max_new_tokens)
    config = GenerationConfig(
        max_new_tokens=max_new_tokens,
        do_sample=temperature > 0,
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=getattr(model.generation_config, "eos_token_id", None) or tokenizer.eos_token_id,
        # All of the model's own distribution: its makers' settings differ from model to model.
        **({"temperature": temperature, "top_k": 0, "top_p": 1.0} if temperature else {}),
    )
    out: list[str] = []
    with contextlib.ExitStack() as stack:
        if direction is not None:
            stack.enter_context(steer(loaded, direction, strength))
        stack.enter_context(torch.random.fork_rng())
        torch.manual_seed(seed)
        for start in range(0, len(prompts), batch_size):
            batch = encode(tokenizer, prompts[start : start + batch_size], side="left", device=model.device)
            ids = model.generate(**batch, generation_config=config)  # type: ignore[operator]
            new = ids[:, batch["input_ids"].shape[1] :]
            out += tokenizer.batch_decode(new, skip_special_tokens=True)
    return out


def _refuse_long(loaded: Loaded, prompts: Sequence[str], more: int) -> None:
    room = context_length(loaded)
    if room is None:
        return
    for number, prompt in enumerate(prompts, 1):
        length = 1 + len(own_tokens(loaded.tokenizer, prompt))
        if length + more > room:
            raise ValueError(
                f"prompt {number} has {length} tokens and {more} more are asked for, but the context of "
                f"{loaded.info.name} ends at {room}; shorten the prompt or lower max_new_tokens"
            )
