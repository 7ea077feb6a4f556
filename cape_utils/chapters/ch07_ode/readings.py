"""Every way to read the claims of chapter 07, and what stands beside them; the claims themselves are in ``ch07_ode``."""

from __future__ import annotations

import functools
import itertools
from typing import Any

import numpy as np
import pandas as pd

from cape_utils import data
from cape_utils.claims.quotations import nearest, quoted
from cape_utils.data.benchmarks import benchmark_items
from cape_utils.data.loading import pythia
from cape_utils.scaling import forecasting, ode
from cape_utils.stats.item_noise import item_error
from cape_utils.stats.results import Floats

__all__ = [
    "BENCHMARKS",
    "COPIES",
    "DENSE_FITS",
    "ERRORS",
    "EXPLORER",
    "FITS",
    "HS",
    "TQA",
    "WITH_CONSTANT",
    "Table",
    "alternatives",
    "arrays",
    "error_of",
    "explorer_grid",
    "fitted",
    "llama2",
    "nearest_row",
    "noisy",
    "path_from",
    "reading_errors",
    "readings",
    "source_table",
    "starts",
    "surrogates",
    "trend_error",
]

HS, TQA = "hellaswag", "truthfulqa_mc2"
BENCHMARKS = list(data.BENCHMARKS)
COPIES = ("panel rows", "bootstrap copy", "open panel")

_UNITS: tuple[ode.Unit, ...] = ("percent", "fraction")
ERRORS: tuple[ode.ErrorIn, ...] = ("percent of the score", "points")
FITS: dict[str, dict[str, Any]] = {
    f"degree {degree}, {unit}, {'with' if constant else 'no'} constant": {
        "degree": degree,
        "unit": unit,
        "constant": constant,
    }
    for degree, unit, constant in itertools.product((1, 2, 3), _UNITS, (False, True))
} | {
    f"dense linear, {'with' if constant else 'no'} constant": {
        "threshold": 0.0,
        "ridge": 0.0,
        "constant": constant,
    }
    for constant in (False, True)
}
"""Every way to read the paper's fit: degree, unit of the scores, a constant or none, and the linear fit without threshold."""

DENSE_FITS = [name for name, options in FITS.items() if "threshold" in options]
WITH_CONSTANT = [name for name, options in FITS.items() if options["constant"]]

Table = tuple[Floats, Floats]


def arrays(copy: str) -> Table:
    """Sizes in billions and scores in percent of the eight Pythia models."""
    rows = pythia(copy)
    return rows["params_b"].to_numpy(dtype=float), rows[BENCHMARKS].to_numpy(dtype=float)


def llama2(which: data.Panel) -> Table:
    """Sizes and scores of the three Llama-2 models of a panel."""
    rows = data.panel(which).query("family == 'Llama-2'").sort_values("params_b")
    return rows["params_b"].to_numpy(dtype=float), rows[BENCHMARKS].to_numpy(dtype=float)


def _restarted(model: ode.Dynamics, sizes: Floats, scores: Floats) -> ode.Path:
    """Each size predicted from the one before."""
    steps = [ode.integrate(model, scores[i], sizes[i], sizes[i + 1 : i + 2]) for i in range(len(sizes) - 1)]
    reasons = [step.reason for step in steps if step.diverged]
    return ode.Path(np.concatenate([s.score_pct for s in steps]), bool(reasons), "; ".join(reasons))


def fitted(table: Table, options: dict[str, Any]) -> ode.Dynamics:
    """The equation of one family under one of ``FITS``."""
    return ode.fit_arrays([(np.log10(table[0]), table[1])], **options)


_STEP_BY_STEP = "from each size to the next"


def starts(target: Table | None) -> tuple[str, ...]:
    """What "mean error" can be taken over: the names of the paths on Pythia itself, or on a target."""
    return (
        ("from 70M", _STEP_BY_STEP) if target is None else ("from its 7B", _STEP_BY_STEP, "from Pythia-70M")
    )


def path_from(start: str, model: ode.Dynamics, table: Table, target: Table | None) -> tuple[ode.Path, Floats]:
    """The path from one of ``starts``, and what was measured along it."""
    if start not in starts(target):
        raise ValueError(f"start={start!r}; allowed are {', '.join(starts(target))}")
    sizes, scores = goal = table if target is None else target
    if start == _STEP_BY_STEP:
        return _restarted(model, *goal), scores[1:]
    if start == "from its 7B":
        return ode.integrate(model, scores[0], sizes[0], sizes[1:]), scores[1:]
    return ode.integrate(model, table[1][0], table[0][0], sizes), scores


def _reading(copy: str, target: str | None, fit: str) -> list[tuple[object, ...]]:
    table = arrays(copy)
    model = fitted(table, FITS[fit])
    goal = None if target is None else llama2("open" if target == "open" else "paper")
    rows: list[tuple[object, ...]] = []
    for start in starts(goal):
        path, actual = path_from(start, model, table, goal)
        rows += [
            (copy, fit, start, e, ode.path_error(path, actual, error_in=e), path.diverged) for e in ERRORS
        ]
    return rows


@functools.cache
def _readings(target: str | None, copies: tuple[str, ...]) -> pd.DataFrame:
    rows = [row for copy in copies for fit in FITS for row in _reading(copy, target, fit)]
    return pd.DataFrame(rows, columns=["copy", "fit", "start", "error_in", "error", "diverged"])


def readings(claim: str) -> pd.DataFrame:
    """Every reading of ``ode_insample`` or ``ode_llama2`` on the copies of the paper.

    Returns
    -------
    pandas.DataFrame
        Columns ``copy, fit, start, error_in, error, diverged``; the error is missing where the solution diverges.
    """
    targets = {"ode_insample": None, "ode_llama2": "paper"}
    if claim not in targets:
        raise ValueError(f"claim={claim!r}; allowed are {', '.join(targets)}")
    return _readings(targets[claim], COPIES[:2]).copy()


def _finite_in_percent(claim: str) -> tuple[pd.DataFrame, list[str]]:
    """Readings in percent of the score that do not diverge, with the words for each."""
    table = readings(claim)
    finite = table[(table["error_in"] == ERRORS[0]) & ~table["diverged"]]
    labels = finite["copy"] + ", " + finite["fit"] + ", " + finite["start"] + ", in " + finite["error_in"]
    return finite, list(labels)


def reading_errors(claim: str) -> dict[str, float]:
    """The errors in percent of the score among which ``nearest_row`` chooses, by the words for each reading."""
    finite, labels = _finite_in_percent(claim)
    return dict(zip(labels, finite["error"].astype(float), strict=True))


def nearest_row(claim: str) -> tuple[pd.Series, str]:
    """The reading nearest to the number quoted, and a sentence on all of them.

    The words contradict one another: a library up to degree 3 at threshold 0.1 keeps nearly none of the 4 to 6 terms that they
    speak of. So no reading is the literal one, and the nearest stands. The papers quote an error in percent, so only errors
    in percent of the score are held beside it; those in percentage points are another unit, and are told as such.
    """
    both, target = readings(claim), quoted(claim)
    finite, labels = _finite_in_percent(claim)
    named = reading_errors(claim)
    # Of readings that agree with the number, one with the paper's threshold goes before one without any.
    stated = {
        name: value for name, value in named.items() if "dense" not in name and abs(value - target) <= 0.1
    }
    best, _ = nearest(stated or named, target)
    hits = sum(abs(value - target) <= 0.1 for value in named.values())
    row = finite.iloc[labels.index(best)]
    diverged = int((both["diverged"] & (both["error_in"] == ERRORS[0])).sum())
    points = both[(both["error_in"] == ERRORS[1]) & ~both["diverged"]]["error"]
    letter = finite[
        finite["fit"].str.startswith("degree 3") & finite["start"].isin(("from 70M", "from its 7B"))
    ]["error"]
    remark = (
        f"Of {len(named) + diverged} readings in percent of the score {diverged} diverge, {hits} come within 0.1, and "
        f"the others go from {finite['error'].min():.3g} to {finite['error'].max():.3g}; in points, another unit, from "
        f"{points.min():.3g} to {points.max():.3g}. With a library up to degree 3, in one path from the first size, the error "
        f"is {letter.min():.3g} to {letter.max():.3g}. The one used, the nearest: {best}."
    )
    return row, remark


def noisy(scores: Floats, draws: int, seed: int = 0) -> Floats:
    """Scores with item noise, shape (draws, sizes, benchmarks)."""
    items = np.array([benchmark_items(name) for name in BENCHMARKS])
    error = item_error(scores, items)
    return np.asarray(scores + np.random.default_rng(seed).normal(size=(draws, *scores.shape)) * error)


def surrogates(scores: Floats, draws: int, seed: int = 0) -> Floats:
    """Each benchmark keeps its first score and its own steps, in random order; shape (draws, sizes, benchmarks)."""
    steps = np.tile(np.diff(scores, axis=0), (draws, 1, 1))
    walked = np.cumsum(np.random.default_rng(seed).permuted(steps, axis=1), axis=1)
    return np.concatenate([np.tile(scores[:1], (draws, 1, 1)), scores[0] + walked], axis=1)


def error_of(row: pd.Series, table: Table, target: Table | None) -> float:
    """The error of one reading (a row of ``readings``) on other scores."""
    path, actual = path_from(row["start"], fitted(table, FITS[row["fit"]]), table, target)
    return ode.path_error(path, actual, error_in=row["error_in"])


def trend_error(
    copy: str,
    which: data.Panel | None,
    degree: int,
    *,
    anchored: bool,
    error_in: ode.ErrorIn = "percent of the score",
) -> float:
    """Error of a polynomial in log N fitted to Pythia, on Llama-2 of a panel or, without one, on Pythia itself."""
    rows = pythia(copy)
    trend = forecasting.fit_trend(rows, degree, anchored=anchored)
    sizes, scores = arrays(copy) if which is None else llama2(which)
    first = 1 if anchored else 0
    return ode.path_error(
        trend.predict(scores[0], sizes[0], sizes[first:]), scores[first:], error_in=error_in
    )


@functools.cache
def alternatives(which: data.Panel = "paper") -> pd.DataFrame:
    """Error on Llama-2, from its 7B, of trends that know no dynamics, each learnt from one other family.

    Returns
    -------
    pandas.DataFrame
        Columns ``family, kind, error`` (percent of the score). Every other family of the panel with three sizes or more and
        all five benchmarks gives a line and a parabola; persistence stands once, with no family.
    """
    sizes, scores = llama2(which)
    table = forecasting.ladders(data.panel(which, rows="one_recipe"))
    rows = []
    for family, part in table.query("family != 'Llama-2'").groupby("family"):
        for kind, degree in (("line", 1), ("parabola", 2)):
            path = forecasting.fit_trend(part, degree, anchored=True).predict(scores[0], sizes[0], sizes[1:])
            rows.append((family, kind, ode.path_error(path, scores[1:])))
    still = ode.Path(np.tile(scores[0], (2, 1)), False, "")
    rows.append(("none", "persistence", ode.path_error(still, scores[1:])))
    return pd.DataFrame(rows, columns=["family", "kind", "error"])


@functools.cache
def source_table() -> pd.DataFrame:
    """Error on Llama-2 of a curve in log N through one benchmark, for each choice that makes it.

    Returns
    -------
    pandas.DataFrame
        Columns ``choice, changed, benchmark, degree, n, percent, points, coefficients, families, rows``; the first row is the
        parabola through TruthfulQA of Pythia and Llama-1 in the bootstrap copy, each other row changes one thing.
    """
    open_rows = data.panel("open").replace({"family": {"Llama": "Llama-1"}})
    paper = data.panel("paper")
    paper = paper[(paper["family"] != "Pythia") | paper["model"].str.startswith("Pythia")]
    sets = {"bootstrap copy": data.bootstrap_rows(), "panel rows": paper, "open panel": open_rows}
    cases = [
        ("as it stands", "", "bootstrap copy", ("Pythia", "Llama-1"), 2, TQA),
        ("a line", "degree", "bootstrap copy", ("Pythia", "Llama-1"), 1, TQA),
        ("without Llama-1", "training", "bootstrap copy", ("Pythia",), 2, TQA),
        ("HellaSwag", "benchmark", "bootstrap copy", ("Pythia", "Llama-1"), 2, HS),
        ("panel rows", "copy", "panel rows", ("Pythia", "Llama-1"), 2, TQA),
        ("open panel", "copy", "open panel", ("Pythia", "Llama-1"), 2, TQA),
        ("ARC, panel rows", "benchmark, copy", "panel rows", ("Pythia", "Llama-1"), 2, "arc_challenge"),
        ("WinoGrande, panel rows", "benchmark, copy", "panel rows", ("Pythia", "Llama-1"), 2, "winogrande"),
        ("MMLU, panel rows", "benchmark, copy", "panel rows", ("Pythia", "Llama-1"), 2, "mmlu"),
    ]
    rows = []
    for choice, changed, copy, families, degree, benchmark in cases:
        table = sets[copy].sort_values("params_b")
        train, goal = table[table["family"].isin(families)], table[table["family"] == "Llama-2"]
        trend = forecasting.fit_trend(train, degree, anchored=False, benchmarks=[benchmark])
        path = trend.predict([0.0], 1.0, goal["params_b"])
        percent, points = (ode.path_error(path, goal[[benchmark]], error_in=e) for e in ERRORS)
        shown = pd.concat([train, goal])[["model", "family", "params_b", benchmark]]
        rows.append(
            (
                choice,
                changed,
                benchmark,
                degree,
                len(train),
                percent,
                points,
                trend.coefficients[:, 0],
                families,
                shown,
            )
        )
    columns = [
        "choice",
        "changed",
        "benchmark",
        "degree",
        "n",
        "percent",
        "points",
        "coefficients",
        "families",
        "rows",
    ]
    return pd.DataFrame(rows, columns=columns)


EXPLORER: dict[str, dict[str, Any]] = {
    "train": {
        "a": "Pythia, panel rows",
        "b": "Pythia, bootstrap copy",
        "c": "Pythia, open panel",
        "d": "all other open families",
    },
    "degree": {"1": "1", "2": "2", "3": "3"},
    "threshold": {"a": 0.0, "b": 0.01, "c": 0.1, "d": 1.0},
    "target": {
        "a": "Pythia from 70M",
        "b": "Llama-2 from 7B",
        "c": "Qwen1.5 from 0.5B",
    },
}
"""The settings of the explorer by the short keys that the page holds."""


def _explored(train: str, target: str, panel: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Rows to fit and rows to predict, from two settings of the explorer."""
    family = EXPLORER["target"][target].split(" from ")[0]
    if train == "d":
        return panel[panel["family"] != family], panel[panel["family"] == family]
    models = pythia(COPIES["abc".index(train)])
    return models, models if family == "Pythia" else panel[panel["family"] == family]


@functools.cache
def explorer_grid() -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Paths for every setting of the explorer, fitted to fractions without a constant.

    Returns
    -------
    tuple of pandas.DataFrame
        ``paths``: keys ``train, degree, threshold, target``, then ``params_b`` and a column for each benchmark, up to where the
        solution diverges. ``measured``: ``train, target, params_b`` and the benchmarks. ``settings``: the four keys, ``error``
        (percent of the score, missing where it diverges), ``fewest, most, library`` (terms) and ``diverged``.
    """
    panel = forecasting.ladders(data.panel("open", rows="one_recipe"))
    fits: dict[tuple[Any, ...], ode.Dynamics] = {}
    paths, seen, settings = [], [], []
    for train, target in itertools.product(EXPLORER["train"], EXPLORER["target"]):
        rows, goal = _explored(train, target, panel)
        sizes, scores = goal["params_b"].to_numpy(dtype=float), goal[BENCHMARKS].to_numpy(dtype=float)
        seen.append(goal[["params_b", *BENCHMARKS]].assign(train=train, target=target))
        for degree, threshold in itertools.product(EXPLORER["degree"], EXPLORER["threshold"]):
            key = (train, degree, threshold, target if train == "d" else "")
            if key not in fits:
                level = EXPLORER["threshold"][threshold]
                fits[key] = ode.fit_dynamics(rows, degree=int(degree), threshold=level, unit="fraction")
            model = fits[key]
            path = ode.integrate(model, scores[0], sizes[0], sizes)
            named = {"train": train, "degree": degree, "threshold": threshold, "target": target}
            frame = pd.DataFrame(path.score_pct, columns=BENCHMARKS).assign(params_b=sizes, **named)
            paths.append(frame.dropna())
            error = ode.path_error(ode.Path(path.score_pct[1:], path.diverged, ""), scores[1:])
            ends = {"fewest": min(model.terms), "most": max(model.terms), "library": len(model.powers)}
            settings.append(named | {"error": error, "diverged": path.diverged} | ends)
    return pd.concat(paths, ignore_index=True), pd.concat(seen, ignore_index=True), pd.DataFrame(settings)
