"""Item noise of one family measured on the items that its models share, where their answers are at hand.

Without them ``diagnosis.steps`` takes two models as if they had answered different questions, an upper bound. Here one
resample of items, the same for every model, gives the draws behind all couplings, phases and the critical scale.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from cape_utils.data.benchmarks import items_of
from cape_utils.evaluations.sample_logs import match_items
from cape_utils.stats.item_noise import item_error
from cape_utils.stats.paired_items import ItemScores, PairedChange
from cape_utils.stats.results import Floats

__all__ = ["PairedNoise", "PairedStep", "Remeasured", "paired_noise"]


@dataclass(frozen=True)
class Remeasured:
    """One benchmark of a ladder measured again on items drawn anew.

    Attributes
    ----------
    scores : ndarray, shape (draws, models)
        Percent, in the order of the ladder.
    step_errors : ndarray, shape (models - 1,)
        Standard error of each change, percentage points.
    """

    scores: Floats
    step_errors: Floats


@dataclass(frozen=True)
class PairedStep:
    """One step of one benchmark: its change, the paired error and what is assumed without the answers.

    Attributes
    ----------
    benchmark, from_model, to_model : str
    change, error, assumed : float
        Percentage points.
    correlation : float
        Of the two models' item scores.
    p : float
        Two-sided, of no change.
    test : str
    """

    benchmark: str
    from_model: str
    to_model: str
    change: float
    error: float
    assumed: float
    correlation: float
    p: float
    test: str


@dataclass(frozen=True)
class PairedNoise:
    """What the answers to each item tell beside the scores.

    Attributes
    ----------
    items : mapping of str to int
        Matched items by benchmark.
    unmatched : mapping of str to mapping of str to int
        Items that not every model answered, by benchmark and model.
    steps : tuple of PairedStep
    refused : tuple of str
        Why a benchmark's answers were not used.
    """

    items: Mapping[str, int]
    unmatched: Mapping[str, Mapping[str, int]]
    steps: tuple[PairedStep, ...]
    refused: tuple[str, ...]


def paired_noise(
    rows: pd.DataFrame,
    benchmarks: Sequence[str],
    logs: Mapping[str, Mapping[str, Sequence[str]]],
    *,
    draws: int = 4000,
    rng: np.random.Generator | int = 0,
) -> tuple[PairedNoise | None, dict[str, Remeasured]]:
    """Read the answers behind a ladder and resample them.

    Parameters
    ----------
    rows : pandas.DataFrame
        Of one family, by size, with ``model`` and the benchmarks in percent.
    benchmarks : sequence of str
    logs : mapping
        Paths by benchmark and model, as in ``attrs["samples"]`` of ``evaluations.read_scores``.
    draws : int
    rng : Generator or int

    Returns
    -------
    PairedNoise or None
        None where there are no answers at all.
    dict of str to Remeasured
        For the benchmarks whose answers cover every model of the ladder.
    """
    generator = np.random.default_rng(rng)
    models = [str(model) for model in rows["model"]]
    items, unmatched, steps, refused = {}, {}, list[PairedStep](), list[str]()
    remeasured = {}
    for benchmark in benchmarks:
        own = logs.get(benchmark, {})
        missing = [model for model in models if model not in own]
        if missing:
            if len(missing) < len(models):
                refused.append(f"{benchmark}: no answers of {', '.join(missing)}")
            continue
        try:
            matched = match_items(
                {model: own[model] for model in models},
                benchmark,
                dict(zip(models, rows[benchmark].astype(float), strict=True)),
            )
        except ValueError as error:
            refused.append(str(error))
            continue
        items[benchmark] = matched.scores.n
        unmatched[benchmark] = matched.unmatched
        found = _steps(rows, benchmark, matched.scores, generator, draws)
        steps += found
        remeasured[benchmark] = remeasure(
            matched.scores, rows[benchmark].to_numpy(dtype=float), draws, generator
        )
    if not items and not refused:
        return None, {}
    return PairedNoise(items, unmatched, tuple(steps), tuple(refused)), remeasured


def remeasure(scores: ItemScores, reported: Floats, draws: int, rng: np.random.Generator) -> Remeasured:
    """Draws of all models' scores around those reported, and the paired error of each step.

    A model's score may rest on more items than all models share; the draws are moved to it.
    """
    drawn = scores.resample(draws, rng) - scores.score_pct() + reported
    covariance = scores.covariance()
    variance = np.diag(covariance)
    between = np.diag(covariance, 1)
    return Remeasured(drawn, np.sqrt(np.maximum(0.0, variance[1:] + variance[:-1] - 2 * between)))


def _steps(
    rows: pd.DataFrame, benchmark: str, scores: ItemScores, rng: np.random.Generator, draws: int
) -> list[PairedStep]:
    counts = items_of(rows, benchmark)
    alone = item_error(rows[benchmark].to_numpy(dtype=float), counts)
    found = []
    for place, (before, after) in enumerate(zip(scores.models, scores.models[1:], strict=False)):
        step: PairedChange = scores.change(before, after, draws=draws, rng=rng)
        found.append(
            PairedStep(
                benchmark=benchmark,
                from_model=before,
                to_model=after,
                change=step.change,
                error=step.error,
                assumed=float(np.hypot(alone[place], alone[place + 1])),
                correlation=step.correlation,
                p=step.p,
                test=step.test,
            )
        )
    return found
