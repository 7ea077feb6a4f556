"""Read and edit what flows through a decoder: the residual stream after each layer, and the output of each head.

One set of hooks for every decoder of transformers, always removed, so that the model is left as it was. What the
numbers mean is not decided here: that is ``internals.cosine`` and ``steering.interventions``.

The first token of a sequence is left out of every mean. Models park attention there, and its vector is up to a
hundred times as long as the others.
"""

from __future__ import annotations

import contextlib
import functools
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, cast

import numpy as np
from numpy.typing import NDArray

from cape_utils.models.loading import Loaded, encode, query_heads

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn
    from transformers import PreTrainedModel

__all__ = [
    "Captured",
    "Decoder",
    "PromptEnds",
    "UnsupportedModelError",
    "capture",
    "content_positions",
    "decoder",
    "eager_attention",
    "edit",
    "pooled",
    "pooled_units",
    "prompt_ends",
    "prompts_end_at",
]

Unit = Literal["layer", "head"]
Pool = Literal["mean", "last"]
Edit = Callable[["Tensor", "Tensor"], "Tensor"]
_PROJECTION = re.compile(r"(^|\.)[^.]*att[^.]*(\..*)?\.(o_proj|out_proj|dense|c_proj)$")
_NORM_AFTER = ("post_feedforward_layernorm", "post_self_attn_layernorm")
_TOLD_ENDS: ContextVar[tuple[int, ...] | None] = ContextVar("told_ends", default=None)


_WORKS = "a decoder whose layers hand on one residual stream, such as Llama, Qwen, Gemma 3, GPT-2, GPT-NeoX, OPT or Mamba"

# What no look at the modules shows; tests/architectures.py finds it by comparing texts in a batch and alone.
_REFUSED = {
    "rwkv": "reads padding as text, so that a text in a batch is not the text alone",
    "trocr": "counts padding among its positions, so that a text in a batch is not the text alone",
    "xlm": "is a masked model that writes into a gap, so that its stream is not that of the text",
}
# Read with padding behind the text these are right; what is edited while it is written has its padding in front.
_NOT_EDITED = {
    "git": "counts padding among its positions, so that a text in a batch is not the text alone",
    "reformer": "hands on two streams at once, so that there is not one residual stream",
    "xlstm": "reads padding as text, so that a text in a batch is not the text alone",
}


class UnsupportedModelError(ValueError):
    """A model is built in a way that the hooks do not fit; the message says which models work."""


@dataclass(frozen=True)
class Decoder:
    """The parts of a causal language model that hooks are put on.

    Attributes
    ----------
    layers : tuple of Module
        The blocks, first to last; the output of each is the residual stream.
    projections : tuple of Module
        The output projection of each block's attention, whose input is the heads' outputs side by side. Empty if a
        block has none.
    heads, head_width, width : int
        Query heads a layer, size of one head's output, size of the residual stream. ``heads * head_width`` need not be
        ``scaling.width``.
    norm_after_projection : bool
        Whether a norm stands between the projection and the residual stream (Gemma 2 and 3, OLMo 2). There a head's
        output is the same slice, but the heads' contributions to the stream no longer add up.
    """

    layers: tuple[nn.Module, ...]
    projections: tuple[nn.Module, ...]
    heads: int
    head_width: int
    width: int
    norm_after_projection: bool


def decoder(model: PreTrainedModel) -> Decoder:
    """Find the layers and attention projections of any decoder.

    The layers are the shallowest list of modules with as many members as the text configuration has hidden layers; a
    projection is the module in a layer whose path names attention and ends in one of the four names in use.

    Raises
    ------
    UnsupportedModelError
        If the model has no such list.
    """
    from torch import nn

    if (kind := model.config.model_type) in _REFUSED:
        raise UnsupportedModelError(f"{type(model).__name__} {_REFUSED[kind]}; take {_WORKS}")
    text = model.config.get_text_config()
    depth = getattr(text, "num_hidden_layers", None)
    lists = [
        (name.count("."), name, part)
        for name, part in model.named_modules()
        if isinstance(part, nn.ModuleList)
    ]
    fitting = [entry for entry in lists if len(entry[2]) == depth]
    if not fitting:
        raise UnsupportedModelError(f"{type(model).__name__} has no list of {depth} layers; take {_WORKS}")
    layers = tuple(min(fitting, key=lambda entry: entry[:2])[2])
    projections = tuple(part for layer in layers if (part := _projection(layer)) is not None)
    if len(projections) != depth:
        projections = ()
    heads = query_heads(text)
    if not heads:
        projections = ()
    if len(set(map(_in_features, projections))) > 1:
        projections = ()  # some layers are recurrent, with heads of another kind
    inner = _in_features(projections[0]) if projections else 0
    if heads and inner % heads:
        projections, inner = (), 0  # heads of several widths, or none that lie side by side
    norm_after = any(name in _NORM_AFTER for name, _ in layers[0].named_children())
    return Decoder(
        layers=layers,
        projections=projections,
        heads=heads,
        head_width=inner // heads if heads else 0,
        width=text.hidden_size,
        norm_after_projection=norm_after,
    )


def _projection(layer: nn.Module) -> nn.Module | None:
    projections = [
        part for name, part in layer.named_modules() if _PROJECTION.search(name) and hasattr(part, "weight")
    ]
    return projections[0] if projections else None


def _in_features(projection: nn.Module) -> int:
    # GPT-2's Conv1D stores its weight the other way round and has no in_features.
    stated = getattr(projection, "in_features", None)
    return int(stated if stated is not None else cast("Tensor", projection.weight).shape[0])


@dataclass(frozen=True)
class Captured:
    """What the last forward pass left behind, by layer number.

    Attributes
    ----------
    hidden : dict of int to Tensor, shape (texts, tokens, width)
        Residual stream after the layer, before any final norm.
    heads : dict of int to Tensor, shape (texts, tokens, heads, head_width)
        Output of every head, before the projection.
    """

    hidden: dict[int, Tensor] = field(default_factory=dict)
    heads: dict[int, Tensor] = field(default_factory=dict)


@contextlib.contextmanager
def capture(
    model: PreTrainedModel, *, layers: Sequence[int] | None = None, heads: bool = False
) -> Iterator[Captured]:
    """Keep the residual stream, and on request the heads' outputs, of each forward pass in the block.

    Parameters
    ----------
    model : PreTrainedModel
        Left as it was at the end, also after an exception.
    layers : sequence of int, optional
        Which layers, counted from 0; negative ones from the end. All by default.
    heads : bool
        Whether to keep the heads' outputs too.

    Yields
    ------
    Captured
        Filled by each forward pass, which replaces what the one before left. An ``edit`` around it is seen, one
        inside it is not.
    """
    parts = decoder(model)
    chosen = _chosen(parts, range(len(parts.layers)) if layers is None else layers, heads)
    captured = Captured()

    def keep_hidden(layer: int) -> Callable[..., None]:
        def hook(_module: nn.Module, _inputs: Any, output: Any) -> None:
            captured.hidden[layer] = _stream(output).detach()

        return hook

    def keep_heads(layer: int) -> Callable[..., None]:
        def hook(_module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
            captured.heads[layer] = inputs[0].detach().unflatten(-1, (parts.heads, parts.head_width))

        return hook

    with contextlib.ExitStack() as stack:
        for i in chosen:
            stack.callback(parts.layers[i].register_forward_hook(keep_hidden(i)).remove)
            if heads:
                stack.callback(parts.projections[i].register_forward_pre_hook(keep_heads(i)).remove)
        yield captured


@contextlib.contextmanager
def edit(model: PreTrainedModel, edits: Mapping[int, Edit], *, unit: Unit = "layer") -> Iterator[None]:
    """Change the residual stream after some layers, or the heads' outputs in them, during the block.

    Parameters
    ----------
    model : PreTrainedModel
        Left as it was at the end, also after an exception.
    edits : mapping of int to callable
        For a layer number, a function of the tensor and of a mask of shape (texts, tokens) that is false at padding and
        at the first token; it returns the new tensor. The tensor has shape (texts, tokens, width), or (texts, tokens,
        heads, head_width) if the unit is the head.
    unit : {"layer", "head"}
        What is edited.
    """
    parts = decoder(model)
    if (kind := model.config.model_type) in _NOT_EDITED:
        raise UnsupportedModelError(f"{type(model).__name__} {_NOT_EDITED[kind]}; take {_WORKS}")
    chosen = {_chosen(parts, [i], unit == "head")[0]: change for i, change in edits.items()}

    with contextlib.ExitStack() as stack:
        mask = stack.enter_context(content_positions(model))

        def on_layer(change: Edit) -> Callable[..., Any]:
            def hook(_module: nn.Module, _inputs: Any, output: Any) -> Any:
                stream = _stream(output)
                if stream.shape[:2] != mask[0].shape:
                    raise UnsupportedModelError(
                        f"{type(model).__name__} hands on {stream.shape[1]} places for {mask[0].shape[1]} tokens; take {_WORKS}"
                    )
                if stream.shape[2] != parts.width:
                    raise UnsupportedModelError(
                        f"{type(model).__name__} hands on {stream.shape[2]} numbers a token where its width is {parts.width}; "
                        f"take {_WORKS}"
                    )
                new = change(stream, mask[0].to(stream.device))
                return type(output)((new, *output[1:])) if isinstance(output, tuple | list) else new

            return hook

        def on_heads(change: Edit) -> Callable[..., Any]:
            def hook(_module: nn.Module, inputs: tuple[Tensor, ...]) -> Any:
                split = inputs[0].unflatten(-1, (parts.heads, parts.head_width))
                return (change(split, mask[0].to(split.device)).flatten(-2), *inputs[1:])

            return hook

        for i, change in chosen.items():
            if unit == "layer":
                handle = parts.layers[i].register_forward_hook(on_layer(change))
            else:
                handle = parts.projections[i].register_forward_pre_hook(on_heads(change))
            stack.callback(handle.remove)
        yield


class _Columns:
    """Counts the columns that a cache holds, for caches that say so and for those of recurrent models, which do not."""

    def __init__(self) -> None:
        self.end = 0

    def begin(self, named: Mapping[str, Any], tokens: int) -> int:
        """Columns that stand before a pass."""
        caches = (named.get(key) for key in ("past_key_values", "cache_params", "state"))
        cache, mask = next((c for c in caches if c is not None), None), named.get("attention_mask")
        past = 0
        if cache is not None:
            try:
                past = int(cache.get_seq_length())
            except (AttributeError, ValueError):  # recurrent layers alone, or no such method
                flat = mask is not None and mask.ndim == 2
                past = max(0, mask.shape[1] - tokens) if flat and mask is not None else self.end
        self.end = past + tokens
        return past


@contextlib.contextmanager
def content_positions(model: PreTrainedModel) -> Iterator[list[Tensor]]:
    """Track during each forward pass which positions are neither padding nor the first token of a text.

    Yields
    ------
    list of one Tensor
        Boolean, shape (texts, tokens), renewed before each pass; while generating, that is the newest token alone.
    """
    import torch

    current: list[Tensor] = [torch.zeros(0, 0, dtype=torch.bool)]
    columns = _Columns()

    def before(_module: nn.Module, inputs: tuple[Any, ...], named: dict[str, Any]) -> None:
        ids = named.get("input_ids", inputs[0] if inputs else None)
        given = ids if ids is not None else named["inputs_embeds"]
        texts, tokens = given.shape[:2]
        mask, past = named.get("attention_mask"), columns.begin(named, tokens)
        if mask is not None and mask.ndim == 2:
            seen = mask.to(given.device).bool()
            current[0] = (seen & (seen.cumsum(1) > 1))[:, -tokens:]
        else:
            steps = torch.arange(past, past + tokens, device=given.device)
            current[0] = (steps > 0).expand(texts, tokens)

    handle = model.register_forward_pre_hook(before, with_kwargs=True)
    try:
        yield current
    finally:
        handle.remove()


@dataclass
class PromptEnds:
    """Where the prompts of the pass under way end.

    Attributes
    ----------
    at : Tensor of int, shape (texts,)
        Column of each prompt's last token, counted from the first column of the whole text, padding included.
    offset : int
        Columns that earlier passes have dealt with and a cache holds; 0 without one.
    tokens : int
        Columns in this pass.
    """

    at: Tensor
    offset: int
    tokens: int

    @property
    def here(self) -> bool:
        """Whether this pass holds the end of every prompt."""
        return bool(self.offset == 0)

    def from_end(self, device: torch.device) -> Tensor:
        """Mask of shape (texts, tokens) that is true from each prompt's last token on."""
        import torch

        columns = torch.arange(self.offset, self.offset + self.tokens, device=device)
        return columns >= self.at.to(device).unsqueeze(1)


@contextlib.contextmanager
def prompts_end_at(columns: Sequence[int]) -> Iterator[None]:
    """Say in which column the prompts of the passes in the block end, one for each text, padding counted.

    A forward pass does not show what of a text was asked and what is the answer. Without this block a whole pass that no cache
    precedes is taken as the prompts.
    """
    token = _TOLD_ENDS.set(tuple(int(column) for column in columns))
    try:
        yield
    finally:
        _TOLD_ENDS.reset(token)


@contextlib.contextmanager
def prompt_ends(model: PreTrainedModel) -> Iterator[list[PromptEnds]]:
    """Track during each forward pass where its prompts end, with a cache and without one.

    Yields
    ------
    list of one PromptEnds
        Renewed before each pass.
    """
    import torch

    current = [PromptEnds(torch.zeros(0, dtype=torch.long), 0, 0)]
    columns = _Columns()

    def before(_module: nn.Module, inputs: tuple[Any, ...], named: dict[str, Any]) -> None:
        ids = named.get("input_ids", inputs[0] if inputs else None)
        given = ids if ids is not None else named["inputs_embeds"]
        texts, tokens = given.shape[:2]
        mask, offset = named.get("attention_mask"), columns.begin(named, tokens)
        told = _TOLD_ENDS.get()
        if told is not None:
            at = torch.tensor(told)
        elif offset:
            at = current[0].at
        elif mask is not None and mask.ndim == 2:
            at = (mask.cumsum(1) * mask).argmax(1).cpu()
        else:
            at = torch.full((texts,), tokens - 1)
        if len(at) != texts:
            raise ValueError(f"the ends of {len(at)} prompts are known, and this pass has {texts} texts")
        current[0] = PromptEnds(at, offset, tokens)

    handle = model.register_forward_pre_hook(before, with_kwargs=True)
    try:
        yield current
    finally:
        handle.remove()


@contextlib.contextmanager
def eager_attention(model: PreTrainedModel) -> Iterator[None]:
    """Compute attention the plain way during the block, the only way that returns its weights."""
    before = model.config._attn_implementation
    model.set_attn_implementation("eager")
    try:
        yield
    finally:
        model.set_attn_implementation(before)


def pooled(
    loaded: Loaded,
    texts: Sequence[str],
    *,
    unit: Unit = "layer",
    pool: Pool = "mean",
    batch_size: int = 16,
) -> Iterator[NDArray[np.float32]]:
    """Yield one vector for each text and layer (or head), batch by batch.

    Tokens are averaged inside the hook, so that memory holds one batch of one layer and never all tokens of all layers.

    Parameters
    ----------
    loaded : Loaded
        From ``models.loading.load_model``.
    texts : sequence of str
        Each of at least one token.
    unit : {"layer", "head"}
        The residual stream after each layer, or each head's output.
    pool : {"mean", "last"}
        Mean over the tokens after the first, or the last token.
    batch_size : int
        Texts a forward pass.

    Yields
    ------
    ndarray of float32, shape (batch, layers, width) or (batch, layers, heads, head_width)
        In the order of the texts.
    """
    for both in pooled_units(loaded, texts, units=(unit,), pool=pool, batch_size=batch_size):
        yield both[unit]


def pooled_units(
    loaded: Loaded,
    texts: Sequence[str],
    *,
    units: Sequence[Unit] = ("layer", "head"),
    pool: Pool = "mean",
    batch_size: int = 16,
) -> Iterator[dict[Unit, NDArray[np.float32]]]:
    """As ``pooled``, for several kinds of units in one pass over the texts."""
    import torch

    parts = decoder(loaded.model)
    chosen = {unit: _chosen(parts, range(len(parts.layers)), unit == "head") for unit in units}
    device = loaded.model.device
    body = loaded.model.base_model  # without the head over the vocabulary, which no one reads here
    for start in range(0, len(texts), batch_size):
        batch = encode(loaded.tokenizer, texts[start : start + batch_size], device=device)
        weights = _weights(batch["attention_mask"], pool)
        rows: dict[Unit, dict[int, Tensor]] = {unit: {} for unit in units}

        def keep(layer: int, values: Tensor, rows: dict[int, Tensor], weights: Tensor = weights) -> None:
            rows[layer] = torch.einsum("bt,bt...->b...", weights.to(values.device), values.float()).cpu()

        with contextlib.ExitStack() as stack, torch.no_grad():
            for unit in units:
                for i in chosen[unit]:
                    stack.callback(_watch(parts, i, unit, functools.partial(keep, rows=rows[unit])).remove)
            body(**batch, use_cache=False)
        stacked = {unit: torch.stack([rows[unit][i] for i in chosen[unit]], 1) for unit in units}
        if "head" in stacked:
            stacked["head"] = stacked["head"].unflatten(-1, (parts.heads, parts.head_width))
        yield {unit: values.numpy() for unit, values in stacked.items()}


def _watch(
    parts: Decoder, layer: int, unit: Unit, keep: Callable[[int, Tensor], None]
) -> torch.utils.hooks.RemovableHandle:
    if unit == "head":
        return parts.projections[layer].register_forward_pre_hook(lambda _m, inputs: keep(layer, inputs[0]))
    return parts.layers[layer].register_forward_hook(lambda _m, _i, output: keep(layer, _stream(output)))


def _weights(mask: Tensor, pool: Pool) -> Tensor:
    """Weigh each token's part in its text's vector, for texts padded on the right."""
    seen = mask.bool()
    content = seen & (seen.cumsum(1) > 1)
    if not content.any(1).all():
        raise ValueError("a text has no token of its own; every text needs at least one")
    if pool == "last":
        content &= seen.cumsum(1) == seen.sum(1, keepdim=True)
    return (content / content.sum(1, keepdim=True)).float()


def _stream(output: Any) -> Tensor:
    """Return the residual stream from what a layer returns: a tensor, or a tuple or list that starts with it."""
    stream: Tensor = output[0] if isinstance(output, tuple | list) else output
    if getattr(stream, "ndim", None) != 3:
        shape = (
            f"a tensor of shape {tuple(stream.shape)}" if hasattr(stream, "shape") else type(stream).__name__
        )
        raise UnsupportedModelError(
            f"a layer of this model hands on {shape}, not one residual stream; take {_WORKS}"
        )
    return stream


def _chosen(parts: Decoder, layers: Sequence[int], heads: bool) -> list[int]:
    depth = len(parts.layers)
    wrong = [i for i in layers if not -depth <= i < depth]
    if wrong:
        raise ValueError(f"layer {wrong[0]} does not exist; there are {depth}, from 0 to {depth - 1}")
    if heads and not parts.projections:
        raise ValueError(
            "this model has layers without an attention projection, so it has no head outputs to read"
        )
    return [i % depth for i in layers]
