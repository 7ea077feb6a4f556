"""What is measured: each case is one vectorised call, the same thing as a plain loop, and a budget.

The loops are written as one would write them at first. They draw the same random numbers as the vectorised code, so
that a test can hold their results against each other; here only their time counts.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pysindy
from scipy import stats

from cape_utils import data
from cape_utils.scaling import coupling, critical_scale, forecasting, trend_nulls

__all__ = ["Case", "cases", "family_loop", "league_loop", "permutation_loop", "quadratic_loop"]

HS, TQA = "hellaswag", "truthfulqa_mc2"


@dataclass(frozen=True)
class Case:
    """One thing measured.

    Attributes
    ----------
    name : str
    draws : int
        Resamples of the vectorised call.
    loop_draws : int
        Resamples of the loop; its time is scaled up to ``draws``.
    fast, loop : callable
        Without arguments.
    budget_s : float
        Seconds allowed to the vectorised call.
    """

    name: str
    draws: int
    loop_draws: int
    fast: Callable[[], object]
    loop: Callable[[], object]
    budget_s: float


def quadratic_loop(rows: pd.DataFrame, draws: int, seed: int = 42) -> np.ndarray:
    """Minima, in billions, of quadratics fitted to resampled rows, one ``polyfit`` at a time."""
    rng = np.random.RandomState(seed)
    x, y = np.log10(rows["params_b"].to_numpy() * 1e9), rows[TQA].to_numpy()
    found = []
    for _ in range(draws):
        pick = rng.randint(0, len(x), len(x))
        a, b, _ = np.polyfit(x[pick], y[pick], 2)
        if a > 0 and 7 < -b / (2 * a) < 12:
            found.append(10 ** (-b / (2 * a) - 9))
    return np.array(found)


def permutation_loop(x: np.ndarray, y: np.ndarray, most: int | None = None) -> float:
    """Share of the first ``most`` arrangements, all by default, whose r is as large as the observed one."""
    observed = abs(stats.pearsonr(x, y).statistic)
    hits = total = 0
    for order in itertools.islice(itertools.permutations(y), most):
        hits += abs(np.corrcoef(x, order)[0, 1]) >= observed - 1e-12
        total += 1
    return hits / total


def family_loop(table: pd.DataFrame, draws: int, seed: int = 0) -> tuple[float, float]:
    """Percentile interval of r over tables put together from resampled families."""
    rng = np.random.default_rng(seed)
    names = pd.factorize(table["family"])[1]
    parts = {name: part[[HS, TQA]].to_numpy() for name, part in table.groupby("family")}
    found = []
    for _ in range(draws):
        times = rng.multinomial(len(names), np.full(len(names), 1 / len(names)))
        rows = np.concatenate([parts[name] for name, k in zip(names, times, strict=True) for _ in range(k)])
        found.append(np.corrcoef(rows[:, 0], rows[:, 1])[0, 1])
    low, high = np.percentile(found, [2.5, 97.5])
    return float(low), float(high)


def league_loop(table: pd.DataFrame, families: int) -> dict[str, np.ndarray]:
    """Scores, in percent, that the sparse linear equation predicts for the first families held out.

    PySINDy's own model is fitted and simulated each time; the package's case has this method and eight more.
    """
    used = forecasting.ladders(table)
    found = {}
    for family in list(dict.fromkeys(used["family"]))[:families]:
        parts = {name: part for name, part in used.groupby("family") if name != family}
        times = [np.log10(part["params_b"].to_numpy()) for part in parts.values()]
        states = [part[list(data.BENCHMARKS)].to_numpy() / 100 for part in parts.values()]
        own = used[used["family"] == family]
        model = pysindy.SINDy(
            optimizer=pysindy.STLSQ(threshold=0.1, alpha=0.05),
            feature_library=pysindy.PolynomialLibrary(degree=1, include_bias=False),
            differentiation_method=pysindy.FiniteDifference(order=2),
        )
        model.fit(states, t=times)
        start = own[list(data.BENCHMARKS)].to_numpy()[0] / 100
        found[family] = 100 * model.simulate(start, np.log10(own["params_b"].to_numpy()))[1:]
    return found


def cases() -> list[Case]:
    """Every case, its tables loaded."""
    rows = data.bootstrap_rows()
    pythia = data.pythia_copies().query("copy == 'panel rows'").sort_values("params_b")
    x, y = pythia[HS].to_numpy(), pythia[TQA].to_numpy()
    opened = data.panel("open", rows="one_recipe")
    seed = np.random.RandomState  # the published draws come from the legacy generator
    return [
        Case(
            "bootstrap of the critical scale (quadratic fits)",
            10_000,
            500,
            lambda: critical_scale.quadratic(rows, rng=seed(42)),
            lambda: quadratic_loop(rows, 500),
            0.035,
        ),
        Case(
            "exact permutation test of eight pairs",
            40_320,
            4_000,
            lambda: trend_nulls.permutation_null(x, y),
            lambda: permutation_loop(x, y, 4_000),
            0.0035,
        ),
        Case(
            "bootstrap of r over families",
            10_000,
            500,
            lambda: coupling.population_coupling(opened, draws=10_000),
            lambda: family_loop(opened, 500),
            0.035,
        ),
        Case(
            "league table, 20 families (loop: 1 of 9 methods)",
            20,
            2,
            lambda: [
                forecasting.method_ranking(
                    forecasting.family_errors(forecasting.hold_out(opened, train=train))
                )
                for train in ("all others", "Pythia only")
            ],
            lambda: league_loop(opened, 2),
            1.5,
        ),
    ]
