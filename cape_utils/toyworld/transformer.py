"""Tiny transformers, many trained at once: shapes, counts of parameters, training and what a model is asked.

The models are so small that the cost of a step is mostly that of starting its operations. All seeds of one shape are
therefore one stack of parameters with a leading axis, and a step trains all of them; no run sees another. The world and
its documents come from ``toyworld.world``; nothing of the papers is implemented here.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from cape_utils.toyworld.world import (
    STATEMENTS,
    Recipe,
    WorldSize,
    build_world,
    choice_pct,
    documents,
    questions,
)

if TYPE_CHECKING:
    import torch

__all__ = [
    "LEARNING_RATE",
    "Edit",
    "Shape",
    "logits",
    "matched_shape",
    "parameter_count",
    "start_weights",
    "train",
]

Row = dict[str, Any]
Edit = Callable[[str, int, "torch.Tensor"], "torch.Tensor"]

LEARNING_RATE = 3e-3
"""Of AdamW, reached after the warm-up and constant from there, so that a checkpoint is a shorter training."""

_WARM_UP = 50
_CLIP = 1.0
_CHUNK = 50
_LENGTH = 1 + 2 * STATEMENTS


@dataclass(frozen=True)
class Shape:
    """Shape of a model: ``heads`` heads a layer, which share its width, and a hidden layer of ``hidden`` units in each.

    The number of heads changes no parameter count. The sweep's models have one.

    Raises
    ------
    ValueError
        If a part is less than 1, or the heads do not divide the width; a width of 1 would be normalised to nothing, so 2
        is the least.
    """

    width: int
    layers: int = 2
    hidden: int = 0
    heads: int = 1

    def __post_init__(self) -> None:
        """Take four times the width where no hidden size is given."""
        if self.width < 2 or self.layers < 1 or self.hidden < 0:
            raise ValueError(
                f"{self} is not a model; width is at least 2, layers at least 1, hidden not negative"
            )
        if self.heads < 1 or self.width % self.heads:
            raise ValueError(
                f"{self.heads} heads cannot share a width of {self.width}; the width is divided by them"
            )
        if self.hidden == 0:
            object.__setattr__(self, "hidden", 4 * self.width)


def _parts(shape: Shape, size: WorldSize) -> list[tuple[str, tuple[int, ...]]]:
    d, m = shape.width, shape.hidden
    parts: list[tuple[str, tuple[int, ...]]] = [("token", (size.vocabulary, d)), ("place", (_LENGTH, d))]
    for layer in range(shape.layers):
        parts += [
            (f"look{layer}", (d, 3 * d)),
            (f"join{layer}", (d, d)),
            (f"up{layer}", (d, m)),
            (f"up_bias{layer}", (m,)),
        ]
        parts += [(f"down{layer}", (m, d)), (f"down_bias{layer}", (d,))]
    return [*parts, ("head", (d, size.values)), ("head_bias", (size.values,))]


def parameter_count(shape: Shape, size: WorldSize | None = None) -> int:
    """Number of parameters, embeddings included.

    Examples
    --------
    By hand, for width 4 and two layers: 149 tokens and 13 places of 4, two layers of 4 x 12 + 4 x 4 + 4 x 16 + 16 + 16 x 4 + 4,
    and a head of 4 x 16 + 16:

    >>> parameter_count(Shape(4)), 162 * 4 + 2 * 212 + 80
    (1152, 1152)
    """
    return sum(math.prod(part) for _, part in _parts(shape, size or WorldSize()))


def matched_shape(reference: Shape, layers: int, size: WorldSize | None = None) -> Shape:
    """The shape of another depth whose count of parameters is the nearest to that of ``reference``.

    The width is the largest that fits with a hidden layer of four times the width; what is then left over goes into the
    hidden layers, so that the counts differ by at most half of what one hidden unit in every layer costs.

    Parameters
    ----------
    reference : Shape
    layers : int
    size : WorldSize, optional

    Raises
    ------
    ValueError
        If even the narrowest model of that depth is larger.

    Examples
    --------
    >>> deep = matched_shape(Shape(16), 4)
    >>> deep, parameter_count(deep), parameter_count(Shape(16))
    (Shape(width=11, layers=4, hidden=57, heads=1), 9198, 9168)
    """
    target = parameter_count(reference, size)
    width = 1
    while parameter_count(Shape(width + 1, layers), size) <= target:
        width += 1
    if width < 2:
        raise ValueError(
            f"no model of {layers} layers has as few as {target} parameters; take a wider reference"
        )
    least = parameter_count(Shape(width, layers), size)
    step = parameter_count(Shape(width, layers, 4 * width + 1), size) - least
    return Shape(width, layers, 4 * width + round((target - least) / step))


def start_weights(shape: Shape, size: WorldSize, seed: int) -> npt.NDArray[np.float32]:
    """Weights before training, in one row: normal, scaled by fan-in; biases zero."""
    rng, flat = np.random.default_rng([seed, 1]), []
    for name, part in _parts(shape, size):
        scale = {"token": 1.0, "place": 0.3}.get(name, 1 / math.sqrt(part[0]))
        if name.startswith(("join", "down")):
            scale /= math.sqrt(2 * shape.layers)  # both add to the stream, once a layer
        flat.append((rng.normal(size=part) * scale if len(part) > 1 else np.zeros(part)).ravel())
    return np.concatenate(flat).astype(np.float32)


def logits(
    flat: torch.Tensor, tokens: torch.Tensor, shape: Shape, size: WorldSize, *, edit: Edit | None = None
) -> torch.Tensor:
    """Scores of the value that comes next, at the end of each pair of each text, for all runs of a stack.

    Parameters
    ----------
    flat : Tensor, shape (runs, parameters)
    tokens : Tensor of int, shape (runs, texts, places)
    shape, size
        Of the models and of their world.
    edit : callable, optional
        Called with ``"head"`` and a layer's number and its heads' outputs, shape (runs, texts, places, heads, width of a
        head), before they are joined, and with ``"layer"``, the number and the stream after the layer, shape (runs, texts,
        places, width). What it returns takes their place. In the last layer the places are those that are read.

    Returns
    -------
    Tensor, shape (runs, texts, pairs, values)
    """
    import torch
    from torch.nn import functional

    runs, texts, places = tokens.shape
    read = slice(2, None, 2)  # the second token of each pair
    d, heads, parts = shape.width, shape.heads, _parts(shape, size)
    pieces = flat.split([math.prod(part) for _, part in parts], dim=1)
    p = {name: piece.view(runs, *part) for (name, part), piece in zip(parts, pieces, strict=True)}
    offset = torch.arange(runs, device=tokens.device)[:, None, None] * size.vocabulary
    table = p["token"].reshape(runs * size.vocabulary, d)
    x = functional.embedding(tokens + offset, table) + p["place"][:, None, :places]
    ahead = torch.triu(torch.full((places, places), -math.inf, device=tokens.device), 1)
    for layer in range(shape.layers):
        end = layer == shape.layers - 1
        n = len(range(*read.indices(places))) if end else places
        h = functional.layer_norm(x, (d,))
        look = p[f"look{layer}"]
        both = torch.bmm(h.view(runs, -1, d), look[:, :, d:]).view(runs, texts, places, 2, heads, d // heads)
        key, value = both.transpose(2, 4).unbind(3)  # each (runs, texts, heads, places, width of a head)
        # After the last layer only these places are read, so nothing else is computed in it.
        x, h = (x[:, :, read], h[:, :, read]) if end else (x, h)
        query = (
            torch.bmm(h.reshape(runs, -1, d), look[:, :, :d]).view(runs, texts, n, heads, -1).transpose(2, 3)
        )
        weights = query @ key.transpose(-1, -2) / math.sqrt(d // heads) + (ahead[read] if end else ahead)
        mixed = (torch.softmax(weights, -1) @ value).transpose(2, 3)
        mixed = mixed if edit is None else edit("head", layer, mixed)
        x = x + torch.bmm(mixed.reshape(runs, -1, d), p[f"join{layer}"]).view(runs, texts, n, d)
        h = functional.layer_norm(x, (d,)).view(runs, -1, d)
        h = torch.relu(torch.baddbmm(p[f"up_bias{layer}"][:, None], h, p[f"up{layer}"]))
        x = x + torch.baddbmm(p[f"down_bias{layer}"][:, None], h, p[f"down{layer}"]).view(runs, texts, n, d)
        x = x if edit is None else edit("layer", layer, x)
    h = functional.layer_norm(x, (d,)).view(runs, -1, d)
    return torch.baddbmm(p["head_bias"][:, None], h, p["head"]).view(runs, texts, -1, size.values)


class _Examiner:
    """Asks a stack of models the questions of their worlds."""

    def __init__(self, worlds: Sequence[Any], shape: Shape, device: str) -> None:
        import torch

        self.worlds, self.shape, self.size = worlds, shape, worlds[0].size
        self.asked = [{name: q for name, q in questions(world).items() if len(q.right)} for world in worlds]
        prompts = [np.concatenate([q.prompts for q in asked.values()]) for asked in self.asked]
        self.prompts = torch.as_tensor(np.stack(prompts), device=device)

    def rows(self, flat: torch.Tensor) -> list[Row]:
        """One row of plain values for each run."""
        import torch

        with torch.no_grad():
            raw = logits(flat, self.prompts, self.shape, self.size)[:, :, 0]
            logp = torch.log_softmax(raw.double(), -1).cpu().numpy()
        return [self._row(asked, scores) for asked, scores in zip(self.asked, logp, strict=True)]

    def _row(self, asked: dict[str, Any], scores: npt.NDArray[np.float64]) -> Row:
        row: Row = {}
        ends = np.cumsum([len(q.right) for q in asked.values()])[:-1]
        for (name, q), part in zip(asked.items(), np.split(scores, ends), strict=True):
            row[f"{name}_pct"] = choice_pct(part, q.right, against=q.rumour)
            row[f"{name}_logp"] = float(np.take_along_axis(part, q.right[:, None], 1).mean())
            if q.rumour is not None:
                row[f"{name}_rumour_pct"] = choice_pct(part, q.rumour, against=q.right)
                row[f"{name}_rumour_logp"] = float(np.take_along_axis(part, q.rumour[:, None], 1).mean())
        return row


def train(
    shape: Shape,
    recipe: Recipe,
    *,
    size: WorldSize | None = None,
    seeds: Sequence[int] = (0, 1, 2),
    checkpoints: Sequence[int] = (0, 400, 800),
    device: str = "cpu",
    progress: Callable[[int], None] = lambda step: None,
    at_checkpoint: Callable[[int, torch.Tensor], None] = lambda step, weights: None,
) -> list[Row]:
    """Train one model for each seed, all at once, and ask each at every checkpoint.

    A seed stands for a world, a start and a stream of documents. Models of different shapes and recipes with one seed
    live in one world.

    Parameters
    ----------
    shape : Shape
    recipe : Recipe
    size : WorldSize, optional
        That of the book by default.
    seeds : sequence of int
    checkpoints : sequence of int
        Steps after which the models are asked; the last one ends the training.
    device : str
        ``"cpu"`` or ``"cuda"``.
    progress : callable
        Called with the number of steps done, now and then.
    at_checkpoint : callable
        Called at every checkpoint with the steps done and the weights, shape (seeds, parameters), to look inside.

    Returns
    -------
    list of dict
        ``seed, step, loss`` and, for every kind of question, the percent right and the mean log-probability (nats) of the
        right value, and the same for the rumour where there is one. The loss is the mean over the last fifty steps (nats).

    Raises
    ------
    ValueError
        If there is no seed or no checkpoint.

    Examples
    --------
    >>> rows = train(Shape(4), Recipe(batch=8), seeds=[0], checkpoints=[0, 2])
    >>> [row["step"] for row in rows]
    [0, 2]
    """
    if not seeds or not checkpoints or min(checkpoints) < 0:
        raise ValueError("training needs at least one seed and one checkpoint, none of them below 0")
    import torch

    size = size or WorldSize()
    worlds = [build_world(size, seed) for seed in seeds]
    examiner = _Examiner(worlds, shape, device)
    start = np.stack([start_weights(shape, size, seed) for seed in seeds])
    flat = torch.tensor(start, device=device, requires_grad=True)
    optimiser = torch.optim.AdamW([flat], lr=LEARNING_RATE, fused=True)
    ends = set(checkpoints)
    rows: list[Row] = []
    losses: list[torch.Tensor] = []

    def ask(step: int) -> None:
        mean = torch.stack(losses[-_CHUNK:]).mean(0).cpu().tolist() if losses else [math.nan] * len(seeds)
        for seed, loss, answers in zip(seeds, mean, examiner.rows(flat), strict=True):
            rows.append({"seed": seed, "step": step, "loss": loss, **answers})
        at_checkpoint(step, flat.detach())

    if 0 in ends:
        ask(0)
    for step, (text, values) in enumerate(_stream(worlds, recipe, seeds, max(checkpoints), device), 1):
        for group in optimiser.param_groups:
            group["lr"] = LEARNING_RATE * min(1.0, step / _WARM_UP)
        scores = logits(flat, text, shape, size)
        each = torch.nn.functional.cross_entropy(
            scores.reshape(-1, size.values), values.reshape(-1), reduction="none"
        ).view(len(seeds), -1)
        each.mean(1).sum().backward()
        losses.append(each.detach().mean(1))
        gradient = flat.grad
        if gradient is None:
            raise RuntimeError("the loss has no gradient; is training run under torch.no_grad()?")
        gradient *= _CLIP / torch.clamp(gradient.norm(dim=1, keepdim=True), min=_CLIP)
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)
        if step in ends:
            ask(step)
        if step % _CHUNK == 0 or step in ends:
            progress(step)
    return rows


def _stream(
    worlds: Sequence[Any], recipe: Recipe, seeds: Sequence[int], steps: int, device: str
) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Batches of documents and their values; a seed's documents do not depend on the other seeds."""
    import torch

    rngs = [np.random.default_rng([seed, 2]) for seed in seeds]
    for begin in range(0, steps, _CHUNK):
        n = _CHUNK * recipe.batch
        drawn = [documents(world, recipe, n, rng=rng) for world, rng in zip(worlds, rngs, strict=True)]
        text, values = (
            torch.as_tensor(np.stack(part), device=device).view(len(worlds), _CHUNK, recipe.batch, -1)
            for part in zip(*drawn, strict=True)
        )
        for step in range(min(_CHUNK, steps - begin)):
            yield text[:, step], values[:, step]
