"""The toy world's models looked into as the paper looks into language models, where the turning point is known.

Three measurements at every checkpoint of every size: the internal cosine of streams and heads with the paper's rule for
competing units (paper A, section 5), what a head's absence does to both scores, and what a truth direction added to the
stream repairs (section 6.3). Each has a positive control that is planted in the model itself. What they say of the phases
is in ``internals.toy.phases``; nothing is drawn here.

Two things have no counterpart. No value is ever read by these models, so there is no true or false statement to take
activations from: the truth direction leads from gossip about an entity to a reference about it. And no sampled text, so
that an output is the option preferred.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from cape_utils.internals.cosine import InternalCoupling, internal_coupling
from cape_utils.jobs import result_cache
from cape_utils.stats.results import Floats
from cape_utils.toyworld.transformer import Edit, Shape, logits, parameter_count, train
from cape_utils.toyworld.world import (
    WORLDS,
    Questions,
    Recipe,
    World,
    build_world,
    questions,
    source_token,
    won_shares,
)

if TYPE_CHECKING:
    import torch

__all__ = [
    "BOOK",
    "DIRECTIONS",
    "DOSES",
    "PLANS",
    "PLANTED_SIZES",
    "PRICE",
    "InsidePlan",
    "inside",
    "run",
    "tables",
]

Row = dict[str, Any]

VERSION = 1
"""Raised when the code changes what a cell gives."""

PROMPTS = 64
"""Prompts of each kind in a cosine, and of the reference that it is centred on."""

PLANTED_SIZES = (0.5, 1.0, 1.5, 2.0, 3.0, 4.0)
"""Opposition planted in a head, in mean lengths of its output."""

WIRED_SIZE = 2.0
"""Length of what a wired head adds to every prompt, in mean lengths of its output."""

DOSES = (0.05, 0.1, 0.2, 0.5, 1.0)
"""Lengths of a direction, in mean lengths of the stream."""

DIRECTIONS: dict[str, str] = {
    "none": "as it is",
    "truth": "truth direction",
    "shuffled": "shuffled labels",
    "random": "random directions",
    "prompt": "asked as a reference",
    "steepest": "steepest direction",
}
"""What is added to the stream, or done to the prompt instead."""

PRICE = 5.0
"""Points of the ordinary facts that a push may cost, where a price is set."""

PRICES = (float("inf"), PRICE)
"""Without a price, and with it."""

_LAYER = 0
"""Steered after this layer of two: the paper's quarter of the depth, and the only one that another layer reads."""


@dataclass(frozen=True)
class InsidePlan:
    """Which models are looked into.

    Attributes
    ----------
    world : str
    widths : tuple of int
    heads : int
        Heads a layer; the sweep's models have one.
    seeds : int
    checkpoints : tuple of int
    draws : int
        Random directions, and shuffled ones.
    asked : int
        Questions of each kind under an intervention, at most.
    """

    world: str = "book"
    widths: tuple[int, ...] = (8, 12, 16, 20, 24, 32, 48)
    heads: int = 1
    seeds: int = 5
    checkpoints: tuple[int, ...] = (400, 800, 1600)
    draws: int = 20
    asked: int = 200


PLANS: dict[str, InsidePlan] = {
    "one head": InsidePlan(),
    "four heads": InsidePlan(heads=4, checkpoints=(400, 800)),
    "live": InsidePlan(widths=(16,), seeds=1, checkpoints=(800,), draws=5),
    "tiny": InsidePlan(world="tiny", widths=(4,), heads=2, seeds=2, checkpoints=(5,), draws=2, asked=20),
}
"""The two of the book, one that a reader waits for, and one for the tests."""

BOOK = ("one head", "four heads")


class _Models:
    """A stack of trained models with their worlds, and what they are asked."""

    def __init__(self, flat: torch.Tensor, shape: Shape, worlds: Sequence[World], cap: int) -> None:
        self.flat, self.shape, self.worlds, self.size = flat, shape, worlds, worlds[0].size
        self.asked = [questions(world) for world in worlds]
        for asked in self.asked:
            for kind in ("reasoning", "ordinary"):
                q = asked[kind]
                asked[kind] = Questions(q.prompts[:cap], q.right[:cap], None)

    def prompts(self, kind: str, source: str | None = None) -> npt.NDArray[np.int64]:
        """Prompts of a kind, shape (runs, texts, 3), with another source in front where one is named."""
        stacked = np.stack([asked[kind].prompts for asked in self.asked]).copy()
        if source is not None:
            stacked[..., 0] = source_token(source)
        return stacked

    def logp(self, prompts: npt.NDArray[np.int64], edit: Edit | None = None) -> torch.Tensor:
        """Log-probabilities of the values, shape (runs, texts, values)."""
        import torch

        raw = logits(self.flat, torch.as_tensor(prompts), self.shape, self.size, edit=edit)[:, :, 0]
        return torch.log_softmax(raw.double(), -1)

    def won(
        self, kind: str, edit: Edit | None = None, source: str | None = None
    ) -> tuple[Floats, npt.NDArray[np.bool_]]:
        """Share of draws won, and whether the rumour is preferred to the right value; shape (runs, questions)."""
        import torch

        with torch.no_grad():
            logp = self.logp(self.prompts(kind, source), edit).numpy()
        shares, rumour = [], []
        for scores, asked in zip(logp, self.asked, strict=True):
            q = asked[kind]
            shares.append(won_shares(scores, q.right, against=q.rumour))
            mine = np.take_along_axis(scores, q.right[:, None], 1)[:, 0]
            other = -np.inf if q.rumour is None else np.take_along_axis(scores, q.rumour[:, None], 1)[:, 0]
            rumour.append(other > mine)
        return np.stack(shares), np.stack(rumour)

    def read(self, prompts: npt.NDArray[np.int64], edit: Edit | None = None) -> dict[str, list[Floats]]:
        """Streams and heads' outputs at the end of each prompt.

        Returns
        -------
        dict
            ``"layer"``: one array a layer, shape (runs, texts, width); ``"head"``: shape (runs, texts, heads, width of a
            head).
        """
        import torch

        seen: dict[str, list[Floats]] = {"layer": [], "head": []}

        def look(kind: str, layer: int, x: torch.Tensor) -> torch.Tensor:
            x = x if edit is None else edit(kind, layer, x)
            seen[kind].append(x[:, :, -1].double().numpy())
            return x

        with torch.no_grad():
            self.logp(prompts, look)
        return seen

    def gradient(self, kind: str, at: Edit, place: torch.Tensor, items: slice = slice(None)) -> torch.Tensor:
        """Slope of the mean log-probability of the right values along ``place``, which ``at`` adds; without a rumour's."""
        import torch

        with torch.enable_grad():
            logp = self.logp(self.prompts(kind)[:, items], at)
            right = torch.as_tensor(np.stack([asked[kind].right[items] for asked in self.asked]))
            score = logp.gather(2, right[..., None]).mean(1).sum()
            rumours = [q.rumour[items] for q in (asked[kind] for asked in self.asked) if q.rumour is not None]
            if rumours:
                rumour = torch.as_tensor(np.stack(rumours))
                score = score - logp.gather(2, rumour[..., None]).mean(1).sum()
            (slope,) = torch.autograd.grad(score, place)
        return slope


# ---------------------------------------------------------------- (a) cosines


def _couplings(
    first: dict[str, list[Floats]], second: dict[str, list[Floats]], third: dict[str, list[Floats]], run: int
) -> Iterator[tuple[str, int, InternalCoupling, InternalCoupling]]:
    """Raw and centred couplings of one run, by kind of unit and layer."""
    for unit in ("layer", "head"):
        for layer, parts in enumerate(zip(first[unit], second[unit], third[unit], strict=True)):
            # (texts, layers = 1, ...), as the measure takes them.
            a, b, c = (part[run][:PROMPTS, None] for part in parts)
            n = min(len(a), len(b), len(c))
            raw = internal_coupling(a[:n], b[:n])
            yield unit, layer, raw, internal_coupling(a[:n], b[:n], centred=True, reference=c)


def _cosine_rows(models: _Models) -> list[list[Row]]:
    """One row for each run and unit, streams first: the three pairs of prompts."""
    seen = {kind: models.read(models.prompts(kind)) for kind in ("reasoning", "truth", "ordinary", "gossip")}
    pairs = {
        "": ("reasoning", "truth", "ordinary"),
        "control_": ("reasoning", "ordinary", "truth"),
        "rumour_": ("truth", "gossip", "ordinary"),
    }
    out = []
    for run in range(len(models.worlds)):
        rows: dict[tuple[str, int, int], Row] = {}
        for name, kinds in pairs.items():
            first, second, third = (seen[kind] for kind in kinds)
            for unit, layer, raw, centred in _couplings(first, second, third, run):
                for place in range(raw.cosine.size):
                    at = ("layer", layer, -1) if unit == "layer" else ("head", layer, place)
                    row = rows.setdefault(
                        at, {"unit": unit, "layer": layer, "head": None if at[2] < 0 else place}
                    )
                    row[f"{name}cosine"] = float(raw.cosine.flat[place])
                    row[f"{name}opposed"] = float(raw.opposed.flat[place])
                    if name != "rumour_":
                        row[f"{name}centred"] = float(centred.cosine.flat[place])
                        row[f"{name}centred_opposed"] = float(centred.opposed.flat[place])
        out.append(list(rows.values()))
    planted = _planted_from(models, seen["reasoning"]["head"], seen["truth"]["head"])
    for rows_of_run, sizes in zip(out, planted, strict=True):
        for row in rows_of_run:
            row["planted_from"] = sizes.get((row["layer"], row["head"]))
    return out


def _planted_from(
    models: _Models, one: list[Floats], two: list[Floats]
) -> list[dict[tuple[int, int], float]]:
    """Smallest planted opposition at which each head of each run competes by the paper's rule; without those that never do.

    What a head gives is changed in one direction, drawn at random, upwards for reasoning and downwards for truth.
    """
    rng = np.random.default_rng(0)
    out = []
    for run in range(len(models.worlds)):
        sizes: dict[tuple[int, int], float] = {}
        for layer, parts in enumerate(zip(one, two, strict=True)):
            a, b = (part[run][:PROMPTS, None] for part in parts)
            length = np.linalg.norm(np.concatenate([a, b]), axis=-1).mean(0)  # (1, heads)
            direction = rng.normal(size=a.shape[1:])
            direction *= (length / np.linalg.norm(direction, axis=-1))[..., None]
            for planted in reversed(PLANTED_SIZES):
                competes = internal_coupling(a + planted * direction, b - planted * direction).competes[0]
                sizes |= {(layer, int(head)): planted for head in np.flatnonzero(competes)}
        out.append(sizes)
    return out


# ---------------------------------------------------------------- (b) heads taken out


def _change(after: Floats, before: Floats) -> tuple[Floats, Floats]:
    """Mean change in points over questions with its standard error, of each run."""
    each = 100 * (after - before)
    return each.mean(1), each.std(1, ddof=1) / np.sqrt(each.shape[1])


def _without(layer: int, head: int, first: Edit | None = None) -> Edit:
    def cut(kind: str, at: int, x: torch.Tensor) -> torch.Tensor:
        x = x if first is None else first(kind, at, x)
        if (kind, at) != ("head", layer):
            return x
        x = x.clone()
        x[..., head, :] = 0
        return x

    return cut


def _knocked(
    models: _Models, name: str, heads: Sequence[tuple[int, int]], planted: Mapping[str, Edit]
) -> list[dict[tuple[int, int], Row]]:
    """Change of both scores when one head gives nothing, by run and head; on top of what is planted, by kind of prompt."""
    before = {kind: models.won(kind, planted.get(kind))[0] for kind in ("truth", "reasoning")}
    out: list[dict[tuple[int, int], Row]] = [{} for _ in models.worlds]
    for layer, head in heads:
        for kind, usual in before.items():
            without = models.won(kind, _without(layer, head, planted.get(kind)))[0]
            change, error = _change(without, usual)
            for run, rows in enumerate(out):
                row = rows.setdefault((layer, head), {})
                row[f"{name}_{kind}"], row[f"{name}_{kind}_error"] = float(change[run]), float(error[run])
    return out


def _wiring(models: _Models) -> dict[str, Edit]:
    """Two heads wired to compete, the first of each layer: one serves reasoning and harms truth, the other does the reverse.

    To what the first head gives at the end of each prompt a vector is added along the slope of the right answer to a
    reasoning question, and against that of a question on truth; to what the second gives, the reverse. So what they are
    for is known. By kind of prompt.
    """
    import torch

    ends = {0: 1.0, models.shape.layers - 1: -1.0}
    out: dict[str, Edit] = {}
    for kind, serves in (("reasoning", 1.0), ("truth", -1.0)):
        seen = models.read(models.prompts(kind))["head"]
        added: dict[int, torch.Tensor] = {}
        for layer, sign in ends.items():
            given = seen[layer][:, :, 0]  # (runs, texts, width of a head)
            place = torch.zeros(given.shape, requires_grad=True)
            at = functools.partial(_add_to_head, vectors={layer: place})
            slope = models.gradient(kind, at, place)
            unit = slope / slope.norm(dim=2, keepdim=True).clamp(min=1e-12)
            length = torch.as_tensor(np.linalg.norm(given, axis=-1).mean(1), dtype=unit.dtype)
            added[layer] = serves * sign * WIRED_SIZE * length[:, None, None] * unit
        out[kind] = functools.partial(_add_to_head, vectors=added)
    return out


def _add_to_head(
    kind: str, layer: int, x: torch.Tensor, *, vectors: Mapping[int, torch.Tensor]
) -> torch.Tensor:
    """Add a vector of each text, by layer and of shape (runs, texts, width of a head), to the first head at its end."""
    if kind != "head" or layer not in vectors:
        return x
    from torch.nn import functional

    places, heads = x.shape[2:4]
    first = vectors[layer].to(x.dtype)[:, :, None, None]
    return x + functional.pad(first, (0, 0, 0, heads - 1, places - 1, 0))


def _head_rows(models: _Models) -> list[dict[tuple[int, int], Row]]:
    """What each head's absence does, and, of the two heads wired to compete, also their cosine while they are wired."""
    layers, heads = models.shape.layers, models.shape.heads
    out = _knocked(models, "out", [(i, j) for i in range(layers) for j in range(heads)], {})
    wired = _wiring(models)
    ends = [(0, 0), (layers - 1, 0)]
    changed = _knocked(models, "wired", ends, wired)
    seen = [models.read(models.prompts(kind), wired[kind])["head"] for kind in ("reasoning", "truth")]
    for run, rows in enumerate(out):
        for at in ends:
            a, b = (part[at[0]][run][:PROMPTS, None, at[1]] for part in seen)
            coupling = internal_coupling(a, b)
            rows[at] |= changed[run][at]
            rows[at] |= {
                "wired_cosine": float(coupling.cosine[0]),
                "wired_opposed": float(coupling.opposed[0]),
            }
    return out


# ---------------------------------------------------------------- (c) a direction added to the stream


def _push(vector: torch.Tensor) -> Edit:
    """Add a vector of each run, shape (runs, width), to the stream at every place."""

    def push(kind: str, layer: int, x: torch.Tensor) -> torch.Tensor:
        return x + vector[:, None, None].to(x.dtype) if (kind, layer) == ("layer", _LAYER) else x

    return push


def _unit(vectors: Floats) -> Floats:
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-12))


def _balanced_signs(n: int, rng: np.random.Generator) -> Floats:
    """As many +1 as -1 in random order, one 0 where n is odd: labels shuffled without a hint of the true ones."""
    half = n // 2
    return rng.permutation(np.concatenate([np.ones(half), -np.ones(half), np.zeros(n - 2 * half)]))


def _directions(models: _Models, draws: int) -> dict[str, list[tuple[Floats, Floats]]]:
    """Unit vectors to add, shape (runs, width), to the even and to the odd questions of the test, by kind.

    They differ only in the steepest direction, which is learnt on the other half of the questions.

    The truth direction is learnt on the rumoured entities that exams cover, none of which the test asks about.
    """
    import torch

    texts = [models.prompts("covered", source) for source in ("reference", "gossip")]
    told = [models.read(text)["layer"][_LAYER] for text in texts]
    differences = told[0] - told[1]  # (runs, entities, width)
    runs, n, width = differences.shape
    rngs = [np.random.default_rng([world.seed, 3]) for world in models.worlds]
    shuffled, random = [], []
    for _ in range(draws):
        signs = np.stack([_balanced_signs(n, rng) for rng in rngs])
        shuffled.append(_unit(np.einsum("rn,rnw->rw", signs, differences)))
        random.append(_unit(np.stack([rng.normal(size=width) for rng in rngs])))
    steepest = []
    for learnt_on in (slice(1, None, 2), slice(0, None, 2)):
        place = torch.zeros(runs, width, requires_grad=True)
        steepest.append(_unit(models.gradient("truth", _push(place), place, learnt_on).double().numpy()))
    truth = _unit(differences.mean(1))
    return {
        "truth": [(truth, truth)],
        "shuffled": [(one, one) for one in shuffled],
        "random": [(one, one) for one in random],
        "steepest": [(steepest[0], steepest[1])],
    }


@dataclass(frozen=True)
class _Effect:
    """What one push does in each run: changes in points, percent corrected, and the mean dose."""

    truth: Floats
    reasoning: Floats
    ordinary: Floats
    corrected: Floats
    dose: Floats


def _share(won: Floats, among: npt.NDArray[np.bool_]) -> Floats:
    """Percent won of the questions chosen in each run; NaN where there is none."""
    with np.errstate(invalid="ignore"):
        return np.asarray(100 * (won * among).sum(1) / among.sum(1))


def _chosen(
    won: Mapping[str, Floats], usual: Mapping[str, Floats], other: slice, price: float
) -> npt.NDArray[np.int64]:
    """Dose of each run at which the other half of the test's questions gains most, of those that cost no more than the price.

    Where every dose costs more it is the smallest.
    """
    gains = won["truth"][:, :, other].mean(2)
    costs = 100 * (usual["ordinary"] - won["ordinary"]).mean(2)
    return np.asarray(np.where(costs <= price, gains, -1.0).argmax(0))


def _effect(
    models: _Models,
    kinds: Mapping[str, str],
    vectors: Sequence[Floats],
    usual: Mapping[str, Floats],
    lengths: Floats,
    wrong: npt.NDArray[np.bool_],
) -> dict[float, _Effect]:
    """Push at every dose, and take for each half of the test's questions the one that the other half asks for; by price.

    Parameters
    ----------
    kinds : mapping of str to str
        Of ``"truth"``, ``"reasoning"`` and ``"ordinary"``, the questions that stand for it.
    vectors : sequence of ndarray, shape (runs, width)
        For the even and for the odd questions.
    """
    import torch

    by_vector: dict[int, dict[str, Floats]] = {}
    for unit in vectors:
        if id(unit) not in by_vector:
            pushes = [_push(torch.as_tensor(dose * lengths[:, None] * unit)) for dose in DOSES]
            by_vector[id(unit)] = {
                kind: np.stack([models.won(name, push)[0] for push in pushes]) for kind, name in kinds.items()
            }
    halves = (slice(0, None, 2), slice(1, None, 2))
    runs, effects = np.arange(len(models.worlds)), {}
    for price in PRICES:
        after = {kind: np.empty_like(part) for kind, part in usual.items()}
        doses = []
        for unit, half, other in zip(vectors, halves, reversed(halves), strict=True):
            won = by_vector[id(unit)]
            chosen = _chosen(won, usual, other, price)
            doses.append(np.array(DOSES)[chosen])
            for kind, part in won.items():
                after[kind][:, half] = part[chosen, runs][:, half]
        changes = {kind: 100 * (after[kind] - part).mean(1) for kind, part in usual.items()}
        effects[price] = _Effect(
            truth=changes["truth"],
            reasoning=changes["reasoning"],
            ordinary=changes["ordinary"],
            corrected=_share(after["truth"], wrong),
            dose=np.mean(doses, axis=0),
        )
    return effects


def _steering_rows(models: _Models, draws: int) -> list[list[Row]]:
    """One row for each run, kind of direction and price; where there are several draws, their mean and how many do as well.

    The same questions are asked in an exam and, as a positive control, in gossip: there the truth direction has only to do
    what it was learnt from, to turn gossip into a reference.
    """
    directions = _directions(models, draws)
    out: list[list[Row]] = [[] for _ in models.worlds]
    for context, test in (("exam", "truth"), ("gossip", "gossip")):
        kinds = {"truth": test, "reasoning": "reasoning", "ordinary": "ordinary"}
        usual, wrong = {}, {}
        for kind, asked in kinds.items():
            usual[kind], wrong[kind] = models.won(asked)
        stream = models.read(models.prompts(test))["layer"][_LAYER]
        lengths = np.linalg.norm(stream, axis=-1).mean(1)
        effects = {
            kind: [_effect(models, kinds, pair, usual, lengths, wrong["truth"]) for pair in pairs]
            for kind, pairs in directions.items()
            if context == "exam" or kind in ("truth", "random")
        }
        effects["prompt"] = [dict.fromkeys(PRICES[:1], _as_reference(models, kinds, usual, wrong["truth"]))]
        for run, rows in enumerate(out):
            scores = {f"{kind}_pct": float(100 * part[run].mean()) for kind, part in usual.items()}
            preferred = {"rumour_preferred": int(wrong["truth"][run].sum())}
            rows.append({"asked": context, "direction": "none", **scores, **preferred})
            for kind, drawn in effects.items():
                for price in drawn[0]:
                    ours = float(effects["truth"][0][price].truth[run])
                    row = _pushed(kind, price, [one[price] for one in drawn], run, ours)
                    rows.append({"asked": context, **row})
    return out


def _as_reference(
    models: _Models, kinds: Mapping[str, str], usual: Mapping[str, Floats], wrong: npt.NDArray[np.bool_]
) -> _Effect:
    """What the prompt does: the same questions asked as a reference, the source that tells the truth of every entity."""
    asked = {kind: models.won(name, source="reference")[0] for kind, name in kinds.items()}
    change = {kind: 100 * (asked[kind] - part).mean(1) for kind, part in usual.items()}
    none = np.full(len(models.worlds), np.nan)
    return _Effect(**change, corrected=_share(asked["truth"], wrong), dose=none)


def _pushed(kind: str, price: float, drawn: Sequence[_Effect], run: int, ours: float) -> Row:
    """The row of one kind of direction; ``ours`` is what the truth direction does to the truth."""
    row: Row = {"direction": kind, "price": None if np.isinf(price) else price, "draws": len(drawn)}
    for name in ("dose", "truth", "reasoning", "ordinary", "corrected"):
        end = {"dose": "", "corrected": "_pct"}.get(name, "_change")
        row[name + end] = float(np.mean([getattr(one, name)[run] for one in drawn]))
    if len(drawn) > 1:
        row["as_good"] = int(sum(one.truth[run] >= ours for one in drawn))
    return row


# ---------------------------------------------------------------- the run


def inside(
    flat: torch.Tensor, shape: Shape, worlds: Sequence[World], *, directions: int = 20, asked: int = 200
) -> list[dict[str, list[Row]]]:
    """Everything that is measured in a stack of models.

    Parameters
    ----------
    flat : Tensor, shape (runs, parameters)
    shape : Shape
    worlds : sequence of World
        One a run.
    directions : int
        Random and shuffled directions each.
    asked : int
        Reasoning and ordinary questions asked, at most.

    Returns
    -------
    list of dict
        For each run ``"units"``, a row a stream and head, and ``"pushes"``, a row a direction; columns as in the tables
        ``toy_internals`` and ``toy_steering``.
    """
    models = _Models(flat, shape, worlds, asked)
    units, heads, pushes = _cosine_rows(models), _head_rows(models), _steering_rows(models, directions)
    for rows, of_heads in zip(units, heads, strict=True):
        for row in rows:
            row |= of_heads.get((row["layer"], row["head"]), {})
    return [{"units": one, "pushes": two} for one, two in zip(units, pushes, strict=True)]


def cell(plan: InsidePlan, name: str) -> list[Row]:
    """Train the models of one cell, ``heads@width``, and look into them at every checkpoint.

    Returns
    -------
    list of dict
        Rows of both tables, told apart by ``table``.
    """
    heads, width = (int(part) for part in name.split("@"))
    shape, size = Shape(width, heads=heads), WORLDS[plan.world]
    worlds = [build_world(size, seed) for seed in range(plan.seeds)]
    rows: list[Row] = []

    def look(step: int, flat: torch.Tensor) -> None:
        about = {"heads": heads, "width": width, "params": parameter_count(shape, size)}
        found = inside(flat, shape, worlds, directions=plan.draws, asked=plan.asked)
        for world, tables_of_run in zip(worlds, found, strict=True):
            for table, part in tables_of_run.items():
                rows.extend(
                    {"table": table, **about, "seed": world.seed, "step": step, **_plain(row)} for row in part
                )

    train(
        shape, Recipe(), size=size, seeds=range(plan.seeds), checkpoints=plan.checkpoints, at_checkpoint=look
    )
    return rows


def _plain(row: Row) -> Row:
    """Hundredths of a point and thousandths of a cosine or share; a missing number becomes None, which a file can hold."""
    cosines = ("cosine", "centred", "opposed")
    return {
        name: (None if np.isnan(value) else round(value, 3 if name.endswith(cosines) else 2))
        if isinstance(value, float)
        else value
        for name, value in row.items()
    }


def run(
    plan: InsidePlan,
    *,
    folder: Path | None = None,
    progress: Callable[[Sequence[str]], Iterator[str]] | None = None,
) -> pd.DataFrame:
    """Train and look into the models that are not kept yet, one cell after another, and return the rows of all.

    Parameters
    ----------
    plan : InsidePlan
    folder, progress
        As in ``jobs.result_cache.sweep``.
    """
    settings = {
        "code": VERSION,
        "plan": {
            name: list(part) if isinstance(part, tuple) else part for name, part in asdict(plan).items()
        },
        "world": asdict(WORLDS[plan.world]),
        "recipe": asdict(Recipe()),
        "measure": [PROMPTS, list(PLANTED_SIZES), WIRED_SIZE, list(DOSES), PRICE, _LAYER],
        "versions": {name: version(name) for name in ("numpy", "torch")},
    }
    names = [f"{plan.heads}@{width}" for width in plan.widths]
    return result_cache.sweep(
        "toy_inside", settings, names, lambda name: cell(plan, name), folder=folder, progress=progress
    )


_MODEL = ("heads", "width", "params", "seed", "step")
_UNITS = (
    "unit",
    "layer",
    "head",
    *(
        f"{pair}{what}"
        for pair in ("", "control_")
        for what in ("cosine", "opposed", "centred", "centred_opposed")
    ),
    "rumour_cosine",
    "rumour_opposed",
    "planted_from",
    *(
        f"{case}_{kind}{end}"
        for case in ("out", "wired")
        for kind in ("truth", "reasoning")
        for end in ("", "_error")
    ),
    "wired_cosine",
    "wired_opposed",
)
_PUSHES = (
    "asked",
    "direction",
    "price",
    "draws",
    "dose",
    "truth_pct",
    "reasoning_pct",
    "ordinary_pct",
    "rumour_preferred",
    "truth_change",
    "reasoning_change",
    "ordinary_change",
    "corrected_pct",
    "as_good",
)


def tables(rows: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """The rows of ``run`` as ``data/toy_internals.csv`` and ``data/toy_steering.csv`` hold them."""
    whole = ("layer", "head", "draws", "rumour_preferred", "as_good")
    out = {}
    for name, table, columns in (("toy_internals", "units", _UNITS), ("toy_steering", "pushes", _PUSHES)):
        part = rows[rows["table"] == table].reindex(columns=[*_MODEL, *columns]).reset_index(drop=True)
        out[name] = part.astype({c: "Int64" for c in whole if c in part}).assign(source_id="toy_world")
    return out
