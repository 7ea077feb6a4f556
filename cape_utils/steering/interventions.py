"""Steer a model along a direction, by one of several methods, and generate with it.

Section 6.3 of paper A, which adds a multiple of one direction; the other methods and the prompt are what it is compared with.
How a direction is learnt and saved is in ``steering.directions``. What steering does to a model is measured in
``steering.evaluation``; which layer and strength to take is for ``ch10_steering.selection``.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypedDict, Unpack, get_args

import numpy as np
from numpy.typing import NDArray

from cape_utils.models.activations import Edit, PromptEnds, decoder, edit, prompt_ends, prompts_end_at
from cape_utils.models.chat import instructed
from cape_utils.models.loading import Loaded, context_length, encode, own_tokens
from cape_utils.steering.directions import (
    Direction,
    refuse_other_model,
)

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PreTrainedModel

__all__ = [
    "INSTRUCTION",
    "METHODS",
    "How",
    "Method",
    "Positions",
    "add_vector",
    "as_list",
    "check_method",
    "generate",
    "generated_ids",
    "intervention",
    "steer",
]

Method = Literal["add", "adaptive", "clamp", "ablate", "prompt"]
Positions = Literal["all", "prompt_end"]
INSTRUCTION = "Say only what is true, and do not repeat common misconceptions."
"""What the method ``prompt`` asks for if nothing else is given."""


class How(TypedDict, total=False):
    """Options of an intervention, beside its direction and strength; see ``steer`` and ``generate``.

    Attributes
    ----------
    method : {"add", "adaptive", "clamp", "ablate", "prompt"}
        ``add`` by default.
    layers : sequence of int or None
        Where a single direction is used; its own layer by default.
    positions : {"all", "prompt_end"}
        Every token but the first, or from the last token of the prompt on.
    instruction : str or None
        Of the method ``prompt``; ``INSTRUCTION`` by default.
    """

    method: Method
    layers: Sequence[int] | None
    positions: Positions
    instruction: str | None


@dataclass
class _Along:
    """A direction as the rules take it, on the device of the stream that passes."""

    vector: NDArray[np.float32]
    size: float  # signed length of the push
    ends: list[PromptEnds]  # one, renewed before each pass; none where nobody asks
    unit: Tensor = field(init=False)  # float32
    shift: Tensor = field(init=False)  # in the number format of the stream
    scale: Tensor = field(init=False)  # of each text, by ``_adapted``

    def follow(self, stream: Tensor) -> None:
        import torch

        shift = getattr(self, "shift", None)
        if shift is None or shift.device != stream.device or shift.dtype != stream.dtype:
            self.unit = torch.as_tensor(self.vector).to(stream.device, torch.float32)
            self.shift = torch.as_tensor(self.vector * self.size).to(stream)


def _added(stream: Tensor, along: _Along) -> Tensor:
    return stream + along.shift


def _adapted(stream: Tensor, along: _Along) -> Tensor:
    import torch

    (ends,) = along.ends
    if ends.here:
        at = ends.at.to(stream.device)
        last = stream[torch.arange(len(at), device=stream.device), at].float()
        cosine = torch.cosine_similarity(last, along.unit.unsqueeze(0), dim=1)
        along.scale = (1 - np.sign(along.size) * cosine).to(stream.dtype).view(-1, 1, 1)
    return stream + along.scale.to(stream) * along.shift


def _clamped(stream: Tensor, along: _Along) -> Tensor:
    wide = stream.float()
    missing = along.size - wide @ along.unit
    return (wide + missing.unsqueeze(-1) * along.unit).to(stream.dtype)


def _ablated(stream: Tensor, along: _Along) -> Tensor:
    wide = stream.float()
    return (wide - (wide @ along.unit).unsqueeze(-1) * along.unit).to(stream.dtype)


METHODS: dict[str, Callable[[Tensor, _Along], Tensor]] = {
    "add": _added,
    "adaptive": _adapted,
    "clamp": _clamped,
    "ablate": _ablated,
}
"""What each method makes of the residual stream; ``prompt`` changes the text instead."""


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
def steer(
    loaded: Loaded,
    direction: Direction | Sequence[Direction],
    strength: float = 0.0,
    *,
    method: Method = "add",
    layers: Sequence[int] | None = None,
    positions: Positions = "all",
) -> Iterator[None]:
    """Steer a model along a direction during the block.

    With ``r`` the residual stream at a token, ``v`` the direction of unit length, ``s`` the strength and ``R`` the stream's mean
    length there:

    - ``add``: ``r + s R v``, the paper's;
    - ``adaptive``: ``r + s (1 - c) R v``, where ``c`` is the cosine of the stream at the prompt's last token with the side
      steered to, so that a prompt that is there already is moved less. The paper says that the strength is adapted to each
      prompt by its cosine with the direction and not by which rule; this one is the simplest that does so;
    - ``clamp``: the component along ``v`` becomes ``s R`` (Templeton et al. 2024, for features of a sparse autoencoder);
    - ``ablate``: the component along ``v`` is removed (Arditi et al. 2024), and there is no strength.

    Parameters
    ----------
    loaded : Loaded
        The model that the direction was learnt in; left as it was at the end, also after an exception.
    direction : Direction or sequence of Direction
        From ``truth_direction`` or ``load_direction``; each at its own layer.
    strength : float
        In units of the residual stream's mean length; negative away from the truth; at 0 ``add`` and ``adaptive`` touch nothing.
    method : {"add", "adaptive", "clamp", "ablate"}
    layers : sequence of int, optional
        Layers at which a single direction is used instead of its own, in its own units.
    positions : {"all", "prompt_end"}
        Every token but the first of a text, or from the prompt's last token on. In a forward pass of whole texts the prompt is
        what ``models.activations.prompts_end_at`` says, else all of the text.

    Raises
    ------
    DirectionError
        If a direction belongs to another model.
    ValueError
        If the strength is not a finite number, or an option is not known.
    """
    check_method(method, strength)
    if method == "prompt":
        raise ValueError(
            "method 'prompt' changes the text and not the model; give it to generate or pair_margins"
        )
    if positions not in get_args(Positions):
        raise ValueError(f"positions is {positions!r}; allowed: {', '.join(get_args(Positions))}")
    chosen = as_list(direction)
    for one in chosen:
        refuse_other_model(one, loaded)
    if layers is not None and len(chosen) > 1:
        raise ValueError("several directions have their own layers; leave layers out, or give one direction")
    if strength == 0 and method in ("add", "adaptive"):
        yield
        return
    needs_ends = method == "adaptive" or positions == "prompt_end"
    with contextlib.ExitStack() as stack:
        ends = stack.enter_context(prompt_ends(loaded.model)) if needs_ends else []
        edits: dict[int, list[Edit]] = {}
        for one in chosen:
            for layer in [one.layer] if layers is None else layers:
                along = _Along(one.vector, strength * one.residual_norm, ends)
                edits.setdefault(layer, []).append(_edit(method, along, positions))
        stack.enter_context(edit(loaded.model, {layer: _in_turn(all_) for layer, all_ in edits.items()}))
        yield


@contextlib.contextmanager
def intervention(
    loaded: Loaded,
    direction: Direction | Sequence[Direction] | None = None,
    strength: float = 0.0,
    *,
    method: Method = "add",
    layers: Sequence[int] | None = None,
    positions: Positions = "all",
    instruction: str | None = None,
) -> Iterator[str | None]:
    """Steer the model during the block, or yield the instruction that the method ``prompt`` gives instead.

    The one door behind ``generate`` and ``steering.evaluation.pair_margins``; without a direction nothing is touched.

    Yields
    ------
    str or None
        For ``models.chat.instructed``.
    """
    check_method(method, strength)
    if method != "prompt" and instruction is not None:
        raise ValueError(f"method is {method!r}, and only the method 'prompt' takes an instruction")
    if direction is None and (strength or method not in ("add", "prompt")):
        what = f"strength is {strength:g}" if strength else f"method is {method!r}"
        raise ValueError(f"{what} and there is no direction to steer along")
    if method == "prompt":
        yield instruction or INSTRUCTION
    elif direction is None:
        yield None
    else:
        with steer(loaded, direction, strength, method=method, layers=layers, positions=positions):
            yield None


def as_list(direction: Direction | Sequence[Direction]) -> list[Direction]:
    """One direction or several as a list.

    Raises
    ------
    ValueError
        If there is none.
    """
    chosen = [direction] if isinstance(direction, Direction) else list(direction)
    if not chosen:
        raise ValueError("there is no direction to steer along; at least one is needed")
    return chosen


def check_method(method: str, strength: float) -> None:
    """Raise unless the method is known and takes this strength."""
    if method not in get_args(Method):
        raise ValueError(f"method is {method!r}; allowed: {', '.join(get_args(Method))}")
    if not np.isfinite(strength):
        raise ValueError(f"strength is {strength}; a finite number is needed, such as 0.5 or -0.5")
    if strength and method in ("ablate", "prompt"):
        raise ValueError(f"strength is {strength:g}, and the method {method!r} has none; leave it out")


def _edit(method: str, along: _Along, positions: Positions) -> Edit:
    rule = METHODS[method]

    def change(stream: Tensor, mask: Tensor) -> Tensor:
        import torch

        along.follow(stream)
        if positions == "prompt_end":
            mask = mask & along.ends[0].from_end(stream.device)
        return torch.where(mask.unsqueeze(-1), rule(stream, along), stream)

    return change


def _in_turn(edits: Sequence[Edit]) -> Edit:
    def change(stream: Tensor, mask: Tensor) -> Tensor:
        for one in edits:
            stream = one(stream, mask)
        return stream

    return change


def generate(
    loaded: Loaded,
    prompts: Sequence[str],
    *,
    direction: Direction | Sequence[Direction] | None = None,
    strength: float = 0.0,
    max_new_tokens: int = 40,
    temperature: float = 0.0,
    seed: int = 0,
    batch_size: int = 16,
    chat: bool = False,
    system: str | None = None,
    **how: Unpack[How],
) -> list[str]:
    """Continue prompts, steered or not.

    Parameters
    ----------
    loaded : Loaded
        From ``models.loading.load_model``.
    prompts : sequence of str
        At least one; continued as they stand, unless a chat is asked for.
    direction : Direction or sequence of Direction, optional
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
    chat : bool
        Put each prompt into the model's chat template, as ``models.chat.chat_text`` does.
    system : str, optional
        System message of the chat.
    **how
        ``method``, ``layers`` and ``positions`` as in ``steer``. The method ``prompt`` needs no direction: it asks by its
        ``instruction``, in the chat's system message or in front of the prompt.

    Returns
    -------
    list of str
        What was added to each prompt, in their order.

    Raises
    ------
    ValueError
        If a prompt does not fit into the model's context, or a number is out of range.
    """
    batches = generated_ids(
        loaded,
        prompts,
        direction=direction,
        strength=strength,
        max_new_tokens=max_new_tokens,
        temperature=temperature,
        seed=seed,
        batch_size=batch_size,
        chat=chat,
        system=system,
        **how,
    )
    return [
        text
        for ids, start in batches
        for text in loaded.tokenizer.batch_decode(ids[:, start:], skip_special_tokens=True)
    ]


def generated_ids(
    loaded: Loaded,
    prompts: Sequence[str],
    *,
    direction: Direction | Sequence[Direction] | None = None,
    strength: float = 0.0,
    max_new_tokens: int = 40,
    temperature: float = 0.0,
    seed: int = 0,
    batch_size: int = 16,
    chat: bool = False,
    system: str | None = None,
    **how: Unpack[How],
) -> list[tuple[Tensor, int]]:
    """As ``generate``, batch by batch: token ids, padded on the left, and the column where what was added begins."""
    import torch
    from transformers import GenerationConfig

    if temperature < 0 or not np.isfinite(temperature):
        raise ValueError(f"temperature is {temperature}; expected 0 (greedy) or a positive number")
    if max_new_tokens < 1:
        raise ValueError(f"max_new_tokens is {max_new_tokens}; at least 1 is needed")
    if isinstance(prompts, str) or not len(prompts):
        raise ValueError("prompts must be a list of at least one string")
    model, tokenizer = loaded.model, loaded.tokenizer
    config = GenerationConfig(
        max_new_tokens=max_new_tokens,
        do_sample=temperature > 0,
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=getattr(model.generation_config, "eos_token_id", None) or tokenizer.eos_token_id,
        # All of the model's own distribution: its makers' settings differ from model to model.
        **({"temperature": temperature, "top_k": 0, "top_p": 1.0} if temperature else {}),
    )
    out: list[tuple[Tensor, int]] = []
    with contextlib.ExitStack() as stack:
        instruction = stack.enter_context(intervention(loaded, direction, strength, **how))
        texts = [instructed(loaded, prompt, instruction, chat=chat, system=system) for prompt in prompts]
        _refuse_long(loaded, texts, max_new_tokens)
        stack.enter_context(torch.random.fork_rng())
        torch.manual_seed(seed)
        for start in range(0, len(texts), batch_size):
            batch = encode(tokenizer, texts[start : start + batch_size], side="left", device=model.device)
            rows, columns = batch["input_ids"].shape
            with prompts_end_at([columns - 1] * rows):
                ids = model.generate(**batch, generation_config=config)  # type: ignore[operator]
            out.append((ids, columns))
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
