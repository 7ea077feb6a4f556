"""What steering costs: time to generate with each method over time to generate without, run by run in turns."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
from scipy import stats

from cape_utils import steering
from cape_utils.models.loading import Loaded, load_model
from cape_utils.stats.results import Estimate
from cape_utils.steering import directions, interventions

__all__ = ["BUDGET", "default_overhead", "steering_overhead"]

BUDGET = 0.02
"""Share of the plain time that steering may add, in the median of the pairs of runs."""


def steering_overhead(loaded: Loaded, *, tokens: int = 24, repeats: int = 15) -> dict[str, Estimate]:
    """Return the share of time that each method of steering adds to greedy generation.

    Plain and steered runs of all methods take turns in one process, each round beginning with another of them, and a steered
    run is compared with the plain one of its own round, so that a busy machine hits both alike. The steered runs go in a
    random direction of small strength: the same arithmetic, and texts of the same length.

    Returns
    -------
    dict
        By method, the median of the rounds with its 95% interval from their order, which assumes nothing of how times vary.
    """
    rng = np.random.default_rng(0)
    vector = rng.normal(size=loaded.info.width).astype(np.float32)
    layer = directions.paper_layer(loaded)
    direction = directions.Direction(
        vector / np.linalg.norm(vector), layer, 1.0, "random", loaded.info.name, loaded.info.sha256, "none", 0
    )
    prompts = ["The first thing to know about the sea is that"]
    ways = ["plain", *interventions.METHODS]
    seconds = np.zeros((1 + repeats, len(ways)))
    for turn, row in enumerate(seconds):
        for way in np.roll(range(len(ways)), turn):
            how: dict[str, Any] = {"direction": direction, "method": ways[way]} if way else {}
            if ways[way] not in ("plain", "ablate"):  # what is taken out has no strength
                how["strength"] = 1e-3
            start = time.perf_counter()
            steering.generate(loaded, prompts, max_new_tokens=tokens, **how)
            row[way] = time.perf_counter() - start
    added = seconds[1:, 1:] / seconds[1:, :1] - 1  # the first round warms up
    found = {}
    for method, shares in zip(interventions.METHODS, added.T, strict=True):
        median = float(np.median(shares))
        ends = stats.quantile_test(shares, q=median, p=0.5).confidence_interval()
        found[method] = Estimate(median, ends.low, ends.high, repeats, "median of paired runs")
    return found


def default_overhead() -> dict[str, Estimate]:
    """Return the overhead of each method in the embedded default model."""
    return steering_overhead(load_model(device="cpu"))
