"""When does sparse regression find a law that is there? Systems with known coefficients, sampled like the scores.

A check on the method of section 4 of paper A, not on its data: the fit of ``scaling.ode`` is given scores that follow a sparse
equation exactly, at as many sizes, in as many families and with as much item noise as one likes.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from cape_utils import data
from cape_utils.data.benchmarks import benchmark_items
from cape_utils.scaling import ode
from cape_utils.stats.item_noise import item_error
from cape_utils.stats.results import Floats

__all__ = ["TRUE_LAW", "add_score_noise", "recovery_rates", "support_found", "true_dynamics", "true_families"]

HS, TQA, ARC, WG, MMLU = data.BENCHMARKS

TRUE_LAW: Mapping[str, Mapping[tuple[str, ...], float]] = {
    HS: {(HS,): 0.9, (HS, HS): -1.0},
    TQA: {(HS, TQA): -0.6, (ARC, ARC): 0.5},
    ARC: {(HS,): 0.5, (ARC, ARC): -0.9},
    WG: {(HS,): 0.4, (WG, WG): -0.3},
    MMLU: {(ARC, MMLU): 0.9, (MMLU, MMLU): -0.6},
}
"""Made up: two terms an equation, in fractions, over the path of scores that families take."""


def true_dynamics() -> ode.Dynamics:
    """``TRUE_LAW`` as the fit would return it: degree 2, no constant.

    Examples
    --------
    >>> true_dynamics().terms
    (2, 2, 2, 2, 2)
    """
    powers = ode.library_powers(5, 2)
    place = {tuple(row): column for column, row in enumerate(powers.astype(int).tolist())}
    coefficients = np.zeros((5, len(powers)))
    for row, benchmark in enumerate(data.BENCHMARKS):
        for factors, value in TRUE_LAW[benchmark].items():
            coefficients[row, place[tuple(factors.count(name) for name in data.BENCHMARKS)]] = value
    return ode.Dynamics(
        benchmarks=data.BENCHMARKS,
        powers=powers,
        coefficients=coefficients,
        degree=2,
        threshold=0.0,
        ridge=0.0,
        unit="fraction",
        n=0,
        families=0,
        condition=float("nan"),
    )


def true_families(
    sizes: int, families: int, rng: np.random.Generator | int = 0
) -> list[tuple[Floats, Floats]]:
    """Families that follow the law exactly from 70M to 12B, each from its own starting scores.

    Returns
    -------
    list of (ndarray, ndarray)
        Log10 sizes in billions, shape (sizes,), and scores in percent, shape (sizes, 5).
    """
    generator = np.random.default_rng(rng)
    grid = np.linspace(np.log10(0.07), np.log10(12.0), sizes)
    law, trajectories = true_dynamics(), []
    for _ in range(families):
        start = generator.uniform([25, 40, 20, 48, 24], [45, 50, 35, 60, 40])
        trajectories.append((grid, ode.integrate(law, start, 10 ** grid[0], 10**grid).score_pct))
    return trajectories


def add_score_noise(
    trajectories: Sequence[tuple[Floats, Floats]], rng: np.random.Generator | int = 0, *, share: float = 1.0
) -> list[tuple[Floats, Floats]]:
    """The same scores with the error that a finite number of test items gives, times ``share``."""
    generator = np.random.default_rng(rng)
    items = np.array([benchmark_items(name) for name in data.BENCHMARKS])
    return [
        (x, np.asarray(scores + share * generator.normal(size=scores.shape) * item_error(scores, items)))
        for x, scores in trajectories
    ]


def support_found(fitted: ode.Dynamics, truth: ode.Dynamics) -> Floats:
    """For each equation, whether exactly the true terms are kept; shape (benchmarks,), ones and zeros.

    Examples
    --------
    >>> support_found(true_dynamics(), true_dynamics()).tolist()
    [1.0, 1.0, 1.0, 1.0, 1.0]
    """
    if fitted.coefficients.shape != truth.coefficients.shape:
        raise ValueError(
            f"two fits on one library are needed; their shapes are {fitted.coefficients.shape} and {truth.coefficients.shape}"
        )
    return np.asarray(((fitted.coefficients != 0) == (truth.coefficients != 0)).all(axis=1), dtype=float)


def recovery_rates(
    sizes: Sequence[int] = (8, 40, 200),
    *,
    families: Sequence[int] = (1, 20),
    noise: Sequence[float] = (0.0, 0.1, 1.0),
    ridges: Sequence[float] = (0.0, ode.RIDGE),
    threshold: float = 0.15,
    seeds: int = 6,
) -> pd.DataFrame:
    """Share of equations whose terms are found exactly, and no other term.

    The fit is favoured: it is given the right degree, the right unit and a threshold of half the smallest coefficient.

    Parameters
    ----------
    sizes, families : sequence of int
        Sizes a family, and families.
    noise : sequence of float
        Shares of the error that the benchmarks' numbers of items give.
    ridges : sequence of float
        Penalties: none, and PySINDy's own, by default.
    threshold : float
    seeds : int
        Draws of starting scores and noise, each with five equations.

    Returns
    -------
    pandas.DataFrame
        Columns ``sizes, families, noise, ridge, exact`` (share of equations), ``found`` (share of true terms kept),
        ``false_terms`` (wrong terms kept, mean for each equation), ``n`` (equations).
    """
    truth = true_dynamics()
    true_terms = truth.coefficients != 0
    rows = []
    for points, count, seed in itertools.product(sizes, families, range(seeds)):
        clean = true_families(points, count, seed)
        for amount, ridge in itertools.product(noise, ridges):
            scores = add_score_noise(clean, seed, share=amount)
            fit = ode.fit_arrays(scores, degree=2, threshold=threshold, ridge=ridge, unit="fraction")
            terms = fit.coefficients != 0
            recall = (terms & true_terms).sum() / true_terms.sum()
            wrong = (terms & ~true_terms).sum() / len(terms)
            rows.append((points, count, amount, ridge, support_found(fit, truth).mean(), recall, wrong))
    keys = ["sizes", "families", "noise", "ridge"]
    table = pd.DataFrame(rows, columns=[*keys, "exact", "found", "false_terms"])
    return table.groupby(keys, as_index=False).mean().assign(n=5 * seeds)
