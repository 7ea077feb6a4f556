"""What the book's heavy work costs on a GPU, and whether it gives there what it gives here: ``python -m benchmarks.gpu``.

Four parts of together under eight minutes, which need nothing from a network: the toy world on the GPU beside the processor, its
large world, every way of steering in models of one and eight billion random weights, and the pairs of chapter 10 in a tiny
model. The figures are kept in ``benchmarks/results.json`` with the name of the GPU. ``--small`` runs the same on the processor
with models of some thousand parameters, so that a machine without a GPU can check the script.
"""

from __future__ import annotations

import argparse
import datetime
import math
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks.__main__ import RESULTS
from benchmarks.measures import Measure, best, keep, machine, table
from cape_utils import data
from cape_utils.models.loading import Loaded, ModelInfo, settle_special_tokens
from cape_utils.steering.directions import Direction, truth_direction
from cape_utils.steering.evaluation import kl_cost, kl_reference, pair_margins
from cape_utils.steering.interventions import METHODS, generate, steer
from cape_utils.toyworld import sweep
from cape_utils.toyworld.transformer import Shape, train
from cape_utils.toyworld.world import WORLDS, Recipe
from tests.tiny_models import tokenizer

__all__ = ["PARTS", "Plan", "main"]

OVERHEAD_PCT = 2.0
"""What a way of steering may add to the time of plain generation."""

SAME_SCORE = 3.0
"""Percentage points by which a score of a trained model may differ between devices: rounding grows over the steps."""


@dataclass(frozen=True)
class Plan:
    """How much is measured: on a GPU, or small on the processor.

    Attributes
    ----------
    device : str
    steps, seeds : int
        Of the toy world's training.
    large : str
        World whose training is timed alone.
    large_width, large_steps : int
    models : dict of str to tuple of int
        Width, layers, heads and hidden width of each model of random weights, by name.
    tokens, texts, repeats : int
        Of generation.
    """

    device: str
    steps: int
    seeds: int
    large: str
    large_width: int
    large_steps: int
    models: dict[str, tuple[int, int, int, int]]
    tokens: int
    texts: int
    repeats: int


GPU = Plan(
    device="cuda",
    steps=400,
    seeds=5,
    large="large",
    large_width=96,
    large_steps=500,
    models={"1B": (2048, 16, 32, 8192), "8B": (4096, 32, 32, 14336)},
    tokens=64,
    texts=8,
    repeats=7,
)
SMALL = Plan(
    device="cpu",
    steps=4,
    seeds=2,
    large="tiny",
    large_width=4,
    large_steps=4,
    models={"tiny": (32, 3, 4, 48)},
    tokens=4,
    texts=2,
    repeats=2,
)


def _clock(plan: Plan) -> float:
    """Seconds, after the device has done what it was given."""
    if plan.device == "cuda":
        import torch

        torch.cuda.synchronize()
    return time.perf_counter()


def toy_measures(plan: Plan) -> Iterator[Measure]:
    """The book's world on both devices: the same scores within rounding, and the time of each."""
    seconds, rows = {}, {}
    for device in ("cpu", plan.device):
        start = _clock(plan)
        rows[device] = train(
            Shape(16), Recipe(), seeds=range(plan.seeds), checkpoints=[0, plan.steps], device=device
        )
        seconds[device] = _clock(plan) - start
    names = [name for name in rows["cpu"][0] if name.endswith("_pct")]
    apart = [
        abs(np.mean([one[name] for one in rows["cpu"]]) - np.mean([one[name] for one in rows[plan.device]]))
        for name in names
    ]
    yield Measure(
        *("gpu", "toy world, largest difference of a mean score", float(max(apart)), SAME_SCORE, "points"),
        f"{plan.seeds} models of width 16 after {plan.steps} steps, beside the processor",
    )
    yield Measure(
        *(
            "gpu",
            "toy world, time over that of the processor",
            seconds[plan.device] / seconds["cpu"],
            2.0,
            "x",
        ),
        f"{seconds[plan.device]:.1f} s and {seconds['cpu']:.1f} s",
    )


def large_measures(plan: Plan) -> Iterator[Measure]:
    """Milliseconds a step of the world that is too large for a laptop."""
    start = _clock(plan)
    rows = train(
        Shape(plan.large_width),
        Recipe(),
        size=WORLDS[plan.large],
        seeds=range(sweep.PLANS["large"].lever_seeds),
        checkpoints=[plan.large_steps],
        device=plan.device,
    )
    each = 1000 * (_clock(plan) - start) / plan.large_steps
    if not all(math.isfinite(row["loss"]) for row in rows):
        raise RuntimeError("the loss of the large world is not a number")
    yield Measure(
        *("gpu", f"{plan.large} world, one step", each, 40.0, "ms"),
        f"{len(rows)} models of width {plan.large_width}; loss {rows[-1]['loss']:.2f} nats after {plan.large_steps} steps",
    )


def steering_measures(plan: Plan) -> Iterator[Measure]:
    """What each way of steering adds to plain generation, and the memory that it takes."""
    import torch

    for name, shape in plan.models.items():
        loaded = random_model(name, shape, plan.device)
        vector = np.random.default_rng(0).normal(size=loaded.info.width).astype(np.float32)
        along = Direction(
            vector / np.linalg.norm(vector),
            *(loaded.info.layers // 4, 1.0, "random", loaded.info.name, loaded.info.sha256, "none", 0),
        )
        prompts = ["The first thing to know about the sea is that it"] * plan.texts
        ways: dict[str, dict[str, Any]] = {"plain": {}}
        ways |= {rule: {"direction": along, "method": rule} for rule in METHODS}
        for rule in ("add", "adaptive", "clamp"):
            ways[rule]["strength"] = 1e-3
        times: dict[str, list[float]] = {way: [] for way in ways}
        for turn in range(plan.repeats + 1):  # in turns, so that whatever else happens hits all alike
            for way, how in ways.items():
                start = _clock(plan)
                generate(loaded, prompts, max_new_tokens=plan.tokens, batch_size=plan.texts, **how)
                if turn:  # the first is for the caches
                    times[way].append(_clock(plan) - start)
        plain = best(times.pop("plain"))
        rate = plan.texts * plan.tokens / plain
        for way, seconds in times.items():
            yield Measure(
                *("gpu", f"{way}, {name} of random weights: time added", 100 * (best(seconds) / plain - 1)),
                *(
                    OVERHEAD_PCT,
                    "%",
                    f"plain generation writes {rate:.0f} tokens a second, {loaded.info.dtype}",
                ),
            )
        if plan.device == "cuda":
            used, weights = torch.cuda.max_memory_allocated() / 1e9, loaded.info.parameters * 2 / 1e9
            yield Measure(
                *(
                    "gpu",
                    f"{name} of random weights: memory over that of the weights",
                    used / weights,
                    1.3,
                    "x",
                ),
                f"{used:.1f} GB",
            )
            del loaded
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats()


def random_model(name: str, shape: tuple[int, int, int, int], device: str) -> Loaded:
    """A Llama of random weights that never ends a text: what it costs to run does not depend on what it says."""
    import torch
    from transformers import AutoModelForCausalLM, LlamaConfig

    width, layers, heads, hidden = shape
    config = LlamaConfig(
        vocab_size=259,
        hidden_size=width,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        num_key_value_heads=max(1, heads // 4),
        intermediate_size=hidden,
        bos_token_id=256,
        pad_token_id=258,
    )
    dtype = torch.bfloat16 if device == "cuda" else torch.float32
    with torch.device(device), torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = AutoModelForCausalLM.from_config(config, dtype=dtype).eval().requires_grad_(False)
    model.generation_config.eos_token_id = config.vocab_size  # a token that it cannot say
    words = tokenizer()
    settle_special_tokens(words)
    info = ModelInfo(
        name=name,
        title=f"{name}, random weights",
        source="benchmarks",
        licence="none",
        sha256=f"random-{name}",
        architecture=type(model).__name__,
        layers=layers,
        width=width,
        heads=heads,
        parameters=model.num_parameters(),
        device=device,
        dtype=str(dtype).removeprefix("torch."),
    )
    return Loaded(model, words, info)


def chapter_measures(plan: Plan) -> Iterator[Measure]:
    """Chapter 10's way from pairs to a test in a tiny model: direction, cost and margins as on the processor."""
    pairs = data.load("truth_pairs")
    pairs = pairs[pairs["topic"].isin(sorted(set(pairs["topic"]))[:4])].reset_index(drop=True)
    neutral = data.load("prompts").query("kind == 'control'")["prompt"].tolist()[:8]
    found, seconds = {}, {}
    for device in ("cpu", plan.device):
        loaded = random_model("tiny", SMALL.models["tiny"], "cpu")
        loaded.model.to(device)
        start = _clock(plan)
        along = truth_direction(loaded, pairs)
        reference = kl_reference(loaded, neutral)
        with steer(loaded, along, 0.5):
            cost = kl_cost(loaded, reference).kl
        margins = pair_margins(loaded, pairs, direction=along, strength=0.5)
        seconds[device] = _clock(plan) - start
        found[device] = np.append(margins, cost)
    apart = float(np.abs(found["cpu"] - found[plan.device]).max())
    yield Measure(
        *("gpu", "chapter 10 in a tiny model, largest difference", apart, 1e-3, "nats"),
        f"{len(pairs)} pairs; {seconds[plan.device]:.1f} s, on the processor {seconds['cpu']:.1f} s",
    )


PARTS: dict[str, Callable[[Plan], Iterator[Measure]]] = {
    "toy world": toy_measures,
    "large world": large_measures,
    "steering": steering_measures,
    "chapter 10": chapter_measures,
}


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, print the table and, on a GPU, keep it; 1 if a budget is exceeded by more than half, 2 without a GPU."""
    import torch

    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.gpu", description=__doc__.split("\n", maxsplit=1)[0]
    )
    parser.add_argument(
        "--small", action="store_true", help="the same on the processor, tiny; nothing is kept"
    )
    small = parser.parse_args(argv).small
    if not small and not torch.cuda.is_available():
        print("PyTorch sees no NVIDIA GPU here; --small checks the script without one", file=sys.stderr)
        return 2
    plan, found = SMALL if small else GPU, []
    for name, part in PARTS.items():
        print(f"Measuring: {name} ...", file=sys.stderr, flush=True)
        found += part(plan)
    print(table(found))
    if small:
        return 0
    keep(
        RESULTS, found, datetime.date.today().isoformat(), {**machine(), "gpu": torch.cuda.get_device_name()}
    )
    return 1 if any(one.broken for one in found) else 0


if __name__ == "__main__":
    raise SystemExit(main())
