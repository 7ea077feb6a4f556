"""Item noise of one family measured on the items that its models share, where their answers are at hand.

Without them ``diagnosis.steps`` takes two models as if they had answered different questions, an upper bound. Here one
resample of items, the same for every model, gives the draws behind all couplings, phases and the critical scale.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from cape_utils.data.benchmarks import items_of
from cape_utils.evaluations.sample_logs import match_items
from cape_utils.stats.item_noise import item_error, simulate_scores
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
        For the benchmarks with answers of two models or more; a model without is drawn from its number of items.
    """
    generator = np.random.default_rng(rng)
    models = [str(model) for model in rows["model"]]
    items, unmatched, steps, refused = {}, {}, list[PairedStep](), list[str]()
    remeasured = {}
    for benchmark in benchmarks:
        logged = logs.get(benchmark, {})
        own = {model: logged[model] for model in models if model in logged}
        if len(own) < 2:
            if own:
                refused.append(
                    f"{benchmark}: answers of {', '.join(own)} alone, and a step needs those of two models"
                )
            continue
        reported = dict(zip(models, rows[benchmark].astype(float), strict=True))
        try:
            matched = match_items(own, benchmark, reported)
        except ValueError as error:
            refused.append(str(error))
            continue
        missing = [model for model in models if model not in own]
        if missing:
            refused.append(
                f"{benchmark}: no answers of {', '.join(missing)}, whose steps keep the upper bound"
            )
        items[benchmark] = matched.scores.n
        unmatched[benchmark] = matched.unmatched
        steps += _steps(rows, benchmark, matched.scores, generator, draws)
        remeasured[benchmark] = _all_models(rows, benchmark, matched.scores, draws, generator)
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


def _all_models(
    rows: pd.DataFrame, benchmark: str, scores: ItemScores, draws: int, rng: np.random.Generator
) -> Remeasured:
    """Draws and step errors of the whole ladder: on shared items where two models have them, else independent."""
    reported, counts = rows[benchmark].to_numpy(dtype=float), items_of(rows, benchmark)
    places = [list(rows["model"]).index(model) for model in scores.models]
    own = remeasure(scores, reported[places], draws, rng)
    if len(places) == len(rows):
        return own
    drawn = simulate_scores(reported, counts, draws, rng)
    drawn[:, places] = own.scores
    alone = item_error(reported, counts)
    alone[places] = scores.error_pct()
    errors = np.hypot(alone[1:], alone[:-1])
    for at, (place, after) in enumerate(itertools.pairwise(places)):
        if after == place + 1:
            errors[place] = own.step_errors[at]
    return Remeasured(drawn, errors)


def _steps(
    rows: pd.DataFrame, benchmark: str, scores: ItemScores, rng: np.random.Generator, draws: int
) -> list[PairedStep]:
    alone = dict(
        zip(
            rows["model"],
            item_error(rows[benchmark].to_numpy(dtype=float), items_of(rows, benchmark)),
            strict=True,
        )
    )
    models = list(rows["model"])
    found = []
    for before, after in itertools.pairwise(scores.models):
        if models.index(after) != models.index(before) + 1:
            continue
        step: PairedChange = scores.change(before, after, draws=draws, rng=rng)
        found.append(
            PairedStep(
                benchmark=benchmark,
                from_model=before,
                to_model=after,
                change=step.change,
                error=step.error,
                assumed=float(np.hypot(alone[before], alone[after])),
                correlation=step.correlation,
                p=step.p,
                test=step.test,
            )
        )
    return found
