"""Chapter 07: the sparse equation, its test on Llama-2, and the coefficient that jumps."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from cape_utils import data
from cape_utils.chapters.ch07_ode.readings import (
    BENCHMARKS,
    COPIES,
    ERRORS,
    FITS,
    HS,
    TQA,
    Table,
    alternatives,
    arrays,
    error_of,
    fitted,
    llama2,
    nearest_row,
    noisy,
    reading_errors,
    readings,
    source_table,
    surrogates,
    trend_error,
)
from cape_utils.claims.quotations import nearest, quoted
from cape_utils.claims.registry import recomputes
from cape_utils.claims.verdicts import NullRange, Recomputed, Value
from cape_utils.scaling import forecasting, ode
from cape_utils.stats.resampling import interval, null_from_draws
from cape_utils.stats.results import Floats, Null


def _as_small(null: Null, draws: Floats) -> Null:
    """The same null for a statistic that impresses by being small: an error, a number of terms."""
    return replace(null, p=float((1 + np.sum(draws <= null.observed + 1e-12)) / (1 + draws.size)))


@functools.cache
def insample_null(copy: str | None = None, draws: int = 150) -> tuple[Null, Floats]:
    """The in-sample error of the same fit to benchmarks whose steps are shuffled, in the reading used.

    Parameters
    ----------
    copy : str, optional
        Another copy of the scores than that of the reading.
    draws : int
        Each benchmark's own steps in random order; the unit shuffled is the step.
    """
    row, _ = nearest_row("ode_insample")
    sizes, scores = arrays(copy or row["copy"])
    errors = np.array([error_of(row, (sizes, fake), None) for fake in surrogates(scores, draws)])
    finite = errors[np.isfinite(errors)]
    method = f"each benchmark's own steps shuffled, {draws - finite.size} of {draws} draws diverge"
    return _as_small(
        null_from_draws(error_of(row, (sizes, scores), None), finite, len(sizes), method), finite
    ), finite


@recomputes("ode_insample")
def ode_insample() -> Recomputed:
    row, remark = nearest_row("ode_insample")
    null, _ = insample_null()
    open_error = error_of(row, arrays("open panel"), None)
    trend = [trend_error(row["copy"], None, degree, anchored=False) for degree in (1, 2)]
    n = len(arrays(row["copy"])[0])
    terms = sum(fitted(arrays(row["copy"]), FITS[row["fit"]]).terms)
    return Recomputed(
        Value(float(row["error"]), None, None, n, "Pythia models, fitted and predicted"),
        Value(open_error, None, None, n, "the same reading") if np.isfinite(open_error) else None,
        NullRange.of(null),
        f"A straight line in log N for each benchmark errs by {trend[0]:.2g}%, a parabola by {trend[1]:.2g}%. The "
        f"equations of the reading used have {terms} terms together, for {(n - 1) * len(BENCHMARKS)} steps. {remark}",
        NullRange.of(insample_null("open panel")[0]),
        reading_errors("ode_insample"),
    )


def alternatives_null(which: data.Panel = "paper", observed: float | None = None) -> tuple[Null, Floats]:
    """The error on Llama-2 that lines learnt from one other family give; the unit is that family."""
    target = quoted("ode_llama2") if observed is None else observed
    errors = alternatives(which).query("kind == 'line'")["error"].to_numpy()
    method = "anchored lines, each from one other family"
    null = null_from_draws(target, errors, len(errors), method, exact=True, alternative="less")
    return null, errors


@recomputes("ode_llama2")
def ode_llama2() -> Recomputed:
    row, remark = nearest_row("ode_llama2")
    open_error = error_of(row, arrays("open panel"), llama2("open"))
    null, lines = alternatives_null(observed=float(row["error"]))
    other = alternatives_null("open", open_error)[0] if np.isfinite(open_error) else None
    still = float(alternatives().query("kind == 'persistence'")["error"].iloc[0])
    curve = float(source_table().iloc[0]["percent"])
    better = int(np.sum(lines < quoted("ode_llama2")))
    insample_fit = readings("ode_llama2").merge(nearest_row("ode_insample")[0].to_frame().T[["copy", "fit"]])
    same = ", ".join(
        f"{r.start} {'diverges' if r.diverged else f'{r.error:.3g}%'}"
        for r in insample_fit.itertuples()
        if r.error_in == ERRORS[0]
    )
    beaten = (
        f"Persistence errs by {still:.3g}%; {better} of {null.n} lines learnt from one other family err by less than "
        f"{quoted('ode_llama2'):g}%. A parabola in log N through TruthfulQA of Pythia and Llama-1, one benchmark and no "
        f"equation, "
        f"gives {curve:.3g}%. The fit that gives the in-sample figure: {same}."
    )
    return Recomputed(
        Value(float(row["error"]), None, None, 3, "Llama-2 models of the paper's panel"),
        Value(open_error, None, None, 3, "the same reading") if np.isfinite(open_error) else None,
        NullRange.of(null),
        f"{beaten} {remark}",
        None if other is None else NullRange.of(other),
        reading_errors("ode_llama2"),
    )


def _noise_ends(
    copy: str, which: data.Panel, anchored: bool, error_in: ode.ErrorIn, draws: int = 200
) -> tuple[float, float]:
    sizes, scores = arrays(copy)
    later, goal = llama2(which)
    errors, first = [], int(anchored)
    for fake, aim in zip(noisy(scores, draws), noisy(goal, draws, seed=1), strict=True):
        rows = pd.DataFrame(fake, columns=BENCHMARKS).assign(family="Pythia", params_b=sizes)
        path = forecasting.fit_trend(rows, 2, anchored=anchored).predict(aim[0], later[0], later[first:])
        errors.append(ode.path_error(path, aim[first:], error_in=error_in))
    return interval(errors)


@recomputes("ode_polynomial_baseline")
def ode_polynomial_baseline() -> Recomputed:
    # Like for like: the paper's rows, its unit, and the same starting point as the equation is given.
    copy, anchored, unit = COPIES[0], True, ERRORS[0]
    others = ", ".join(
        f"{c}, {'from its 7B' if a else 'no starting point'}, in {u} "
        f"{trend_error(c, 'paper', 2, anchored=a, error_in=u):.3g}"
        for c, a, u in itertools.product(COPIES[:2], (True, False), ERRORS)
        if (c, a, u) != (copy, anchored, unit)
    )
    method = "parabola in log N fitted to Pythia; interval by item noise"
    return Recomputed(
        Value(
            trend_error(copy, "paper", 2, anchored=anchored, error_in=unit),
            *_noise_ends(copy, "paper", anchored, unit),
            3,
            method,
        ),
        Value(
            trend_error("open panel", "open", 2, anchored=anchored, error_in=unit),
            *_noise_ends("open panel", "open", anchored, unit),
            3,
            method,
        ),
        None,
        f"Read as {copy}, from its 7B like the equation, in {unit}; other readings: {others}.",
    )


@functools.cache
def terms_table() -> pd.DataFrame:
    """Terms kept in each equation, for every copy and fit.

    Returns
    -------
    pandas.DataFrame
        Columns ``copy, fit, library, mean, fewest, most, condition``.
    """
    rows = []
    for copy, (name, options) in itertools.product(COPIES, FITS.items()):
        model = fitted(arrays(copy), options)
        rows.append(
            (
                copy,
                name,
                len(model.powers),
                np.mean(model.terms),
                min(model.terms),
                max(model.terms),
                model.condition,
            )
        )
    return pd.DataFrame(rows, columns=["copy", "fit", "library", "mean", "fewest", "most", "condition"])


@functools.cache
def terms_null(copy: str, fit: str, draws: int = 100) -> Null:
    """Mean number of terms kept when the eight models' scores are permuted among the sizes."""
    sizes, scores = arrays(copy)
    rng = np.random.default_rng(0)
    means = np.array(
        [np.mean(fitted((sizes, scores[rng.permutation(len(sizes))]), FITS[fit]).terms) for _ in range(draws)]
    )
    observed = float(np.mean(fitted((sizes, scores), FITS[fit]).terms))
    return _as_small(null_from_draws(observed, means, len(sizes), "models permuted among the sizes"), means)


@recomputes("ode_terms")
def ode_terms() -> Recomputed:
    table = terms_table()
    paper = table[(table["copy"] != "open panel") & ~table["fit"].str.startswith("dense")]
    named = dict(zip(paper["copy"] + ", " + paper["fit"], paper["mean"].astype(float), strict=True))
    best, _ = nearest(named, quoted("ode_terms"))
    used = paper.iloc[list(named).index(best)]
    other = table[(table["copy"] == "open panel") & (table["fit"] == used["fit"])].iloc[0]
    by_degree = [
        f"degree {d} keeps {part['mean'].min():.3g} to {part['mean'].max():.3g} of "
        f"{part['library'].min()} or {part['library'].max()}"
        for d in (1, 2, 3)
        if len(part := paper[paper["fit"].str.startswith(f"degree {d}")])
    ]
    return Recomputed(
        Value(
            float(used["mean"]),
            float(used["fewest"]),
            float(used["most"]),
            5,
            "mean, fewest and most over five equations",
        ),
        Value(float(other["mean"]), float(other["fewest"]), float(other["most"]), 5, "the same fit"),
        NullRange.of(terms_null(used["copy"], used["fit"])),
        f"The library of this reading has {used['library']} terms in all. At threshold 0.1 {'; '.join(by_degree)}. "
        f"The one used: {best}.",
        NullRange.of(terms_null("open panel", used["fit"])),
        named,
    )


PHASES: dict[str, Callable[[Floats], Any]] = {"tax": lambda n: n <= 1.0, "bonus": lambda n: n >= 2.8}
"""The sizes of the two fits, in billions: 70M to 1B and 2.8B to 12B."""

_JUMP_FITS: dict[str, dict[str, Any]] = {
    f"{kind}, {'with' if constant else 'no'} constant": {"constant": constant, **options}
    for kind, options in (("dense", {"threshold": 0.0, "ridge": 0.0}), ("sparse", {}))
    for constant in (False, True)
}


def phase_coefficients(
    table: Table, benchmarks: tuple[str, ...], options: dict[str, Any]
) -> tuple[float, float]:
    """The coefficient of HellaSwag in the equation of TruthfulQA, fitted to each phase alone."""
    sizes, scores = table
    columns = [BENCHMARKS.index(name) for name in benchmarks]
    coefficients = []
    for inside in PHASES.values():
        in_phase = inside(sizes)
        model = ode.fit_arrays(
            [(np.log10(sizes[in_phase]), scores[in_phase][:, columns])], benchmarks, **options
        )
        term = int(
            np.flatnonzero((model.powers[:, benchmarks.index(HS)] == 1) & (model.powers.sum(axis=1) == 1))[0]
        )
        coefficients.append(float(model.coefficients[benchmarks.index(TQA), term]))
    return coefficients[0], coefficients[1]


@functools.cache
def jump_table() -> pd.DataFrame:
    """The coefficient in each phase and their ratio, in every reading.

    Returns
    -------
    pandas.DataFrame
        Columns ``copy, benchmarks, fit, tax, bonus, ratio``; no ratio where the first coefficient is dropped.
    """
    rows = []
    sets = {"five benchmarks": data.BENCHMARKS, "HellaSwag and TruthfulQA": (HS, TQA)}
    for copy, (label, names), (fit, options) in itertools.product(COPIES, sets.items(), _JUMP_FITS.items()):
        tax, bonus = phase_coefficients(arrays(copy), names, options)
        rows.append((copy, label, fit, tax, bonus, bonus / tax if tax else float("nan")))
    return pd.DataFrame(rows, columns=["copy", "benchmarks", "fit", "tax", "bonus", "ratio"])


def _ratio(table: Table, names: tuple[str, ...], options: dict[str, Any]) -> float:
    tax, bonus = phase_coefficients(table, names, options)
    return bonus / tax if tax else float("nan")


@functools.cache
def jump_draws(copy: str, label: str, fit: str, draws: int = 500) -> tuple[Floats, Floats]:
    """The ratio with item noise on the scores, and with item noise on one law for all sizes.

    The one law is the dense fit of both scores to all eight models, so its true ratio is one.
    """
    names = data.BENCHMARKS if label == "five benchmarks" else (HS, TQA)
    (sizes, scores), options = arrays(copy), _JUMP_FITS[fit]
    law = fitted((sizes, scores), {"threshold": 0.0, "ridge": 0.0})
    smooth = ode.integrate(law, scores[0], sizes[0], sizes).score_pct
    ratios = np.array([_ratio((sizes, fake), names, options) for fake in noisy(scores, draws)])
    null = np.array([_ratio((sizes, fake), names, options) for fake in noisy(smooth, draws, seed=1)])
    return ratios, null


def jump_readings() -> tuple[pd.DataFrame, dict[str, float]]:
    """The readings on the paper's copies that give a ratio, and the ratio by the words for each."""
    table = jump_table()
    defined = table[(table["copy"] != "open panel") & table["ratio"].notna()]
    words = defined["copy"] + ", " + defined["benchmarks"] + ", " + defined["fit"]
    return defined, dict(zip(words, defined["ratio"].astype(float), strict=True))


def jump_reading() -> tuple[pd.Series, str]:
    """The reading nearest to the ratio quoted, and the sentence that names the range of all."""
    table = jump_table()
    defined, named = jump_readings()
    best, _ = nearest(named, quoted("ode_coupling_jump"))
    dropped = int((table["copy"] != "open panel").sum()) - len(defined)
    remark = (
        f"{len(defined)} readings go from {defined['ratio'].min():.3g} to {defined['ratio'].max():.3g}, {dropped} more drop the "
        f"first coefficient. The one used: {best}."
    )
    return defined.iloc[list(named).index(best)], remark


@recomputes("ode_coupling_jump")
def ode_coupling_jump() -> Recomputed:
    row, remark = jump_reading()
    table = jump_table()
    key = (table["benchmarks"] == row["benchmarks"]) & (table["fit"] == row["fit"])
    open_row = table[key & (table["copy"] == "open panel")].iloc[0]
    ratios, null = jump_draws(row["copy"], row["benchmarks"], row["fit"])
    low, high = interval(ratios)
    other = interval(jump_draws("open panel", row["benchmarks"], row["fit"])[0])
    sizes = arrays(row["copy"])[0]
    points = {name: int(inside(sizes).sum()) for name, inside in PHASES.items()}

    def null_of(of: pd.Series, draws: Floats) -> NullRange:
        method = "one law for all sizes, item noise only"
        return NullRange.of(
            null_from_draws(float(of["ratio"]), draws[np.isfinite(draws)], len(sizes), method)
        )

    counted = f"The bonus fit has {points['bonus']} models, that is {points['bonus'] - 1} steps; the tax fit has {points['tax']}."
    return Recomputed(
        Value(float(row["ratio"]), low, high, points["bonus"], "interval by item noise"),
        Value(float(open_row["ratio"]), *other, points["bonus"], "the same reading; interval by item noise"),
        null_of(row, null),
        f"{counted} {remark}",
        null_of(open_row, jump_draws("open panel", row["benchmarks"], row["fit"])[1]),
        jump_readings()[1],
    )
