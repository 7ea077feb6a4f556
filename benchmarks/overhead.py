"""What steering costs: time to generate with a direction added, over time to generate without."""

from __future__ import annotations

import time

import numpy as np

from cape_utils import steering
from cape_utils.models.loading import Loaded, load_model
from cape_utils.steering import directions

__all__ = ["BUDGET", "default_overhead", "steering_overhead"]

BUDGET = 0.05
"""Share of the plain time that steering may add."""


def steering_overhead(loaded: Loaded, *, tokens: int = 24, repeats: int = 12) -> float:
    """Return the share of time that steering adds to greedy generation.

    Plain and steered runs take turns, and the fastest of each counts, so that a busy machine hits both alike. The
    steered runs go in a random direction of small strength: the same arithmetic, and texts of the same length.
    """
    rng = np.random.default_rng(0)
    vector = rng.normal(size=loaded.info.width).astype(np.float32)
    layer = directions.paper_layer(loaded)
    direction = directions.Direction(
        vector / np.linalg.norm(vector), layer, 1.0, "random", loaded.info.name, loaded.info.sha256, "none", 0
    )
    prompts = ["The first thing to know about the sea is that"]
    best = {0.0: np.inf, 1e-3: np.inf}
    for _ in range(repeats):
        for strength in (0.0, 1e-3):
            start = time.perf_counter()
            steering.generate(loaded, prompts, direction=direction, strength=strength, max_new_tokens=tokens)
            best[strength] = min(best[strength], time.perf_counter() - start)
    return float(best[1e-3] / best[0.0] - 1)


def default_overhead() -> float:
    """Return the overhead in the embedded default model."""
    return steering_overhead(load_model(device="cpu"))
