"""Two models' scores typed into a page: the numbers, and the form that computes them again without a server.

Coupling, its error and the probability of each phase are those of ``scaling.coupling.local_coupling``, h that of
``diagnosis.panel_comparison.web_distance`` (section 5 of paper A) or, for SWE-bench and GPQA, of
``frontier.regression`` (section 3 of paper B). The form
carries the constants that it needs, written here from those modules, so that no number stands in two places;
``book/_static/calculator.js`` does the arithmetic in the reader's browser, and a test types into the built page.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from cape_utils import data
from cape_utils.data.benchmarks import benchmark_items
from cape_utils.diagnosis.panel_comparison import web_distance
from cape_utils.frontier import benchmark_pair, regression
from cape_utils.scaling.coupling import PHASES, TAX_BELOW, local_coupling
from cape_utils.scaling.web_curve import CurveSpec, fit_curve, recipe_rows, web_rows

__all__ = [
    "DRAWS",
    "EXAMPLE",
    "LEAST_LEAD",
    "ModelStep",
    "Residual",
    "constants",
    "frontier_step",
    "pair_benchmarks",
    "size_step",
]

DRAWS = 200
"""Resamples of web-trained lines behind the range of h; the page must carry them all."""

LEAST_LEAD = 0.001
"""A phase is called the likeliest only if its probability leads by this much, the last digit shown."""

_EXAMPLE_PAIR = ("hellaswag", "truthfulqa_mc2")

EXAMPLE = {
    "sizes": {"size_a": 1.4, "x_a": 54.6, "y_a": 37.9, "size_b": 7, "x_b": 72.3, "y_b": 35.2},
    "frontier": {"x_a": 72.7, "y_a": 83.3, "x_b": 80.8, "y_b": 91.3},
}
"""What stands in the forms at first."""

_SIZES_B = (0.001, 100_000)
_FRACTION_CHANCE = 20.0  # where guessing scores less, a score below 1 percent can be meant


@dataclass(frozen=True)
class Residual:
    """Distance h of one model from its curve or line, and the standard error that test items leave (points)."""

    expected: float
    h: float
    se: float


@dataclass(frozen=True)
class ModelStep:
    """What two models' scores on a pair of benchmarks say.

    Attributes
    ----------
    dx, dy, se_dx, se_dy : float
        Changes and their standard errors from item noise, percentage points.
    coupling, se : float
        ``dy / dx`` and its error by the delta method; NaN where ``dx`` is zero.
    probabilities : dict of str to float
        Of each phase, with normal item noise.
    likeliest : str
        The phase that leads by ``LEAST_LEAD``; empty where none does.
    residuals : tuple of Residual
        Of the two models in order; empty where there is no curve.
    mean, low, high : float
        Of the two sizes: mean h, and the 95% range of a web-trained family with two models of these sizes. Of two
        releases: change of h, and its 95% interval from item noise. NaN without residuals.
    """

    dx: float
    dy: float
    se_dx: float
    se_dy: float
    coupling: float
    se: float
    probabilities: dict[str, float]
    likeliest: str
    residuals: tuple[Residual, ...]
    mean: float
    low: float
    high: float


def _fraction(name: str) -> bool:
    """Whether a score of 1 percent or less is taken for a fraction; nobody is that far below guessing."""
    return name in (benchmark_pair.SWE, benchmark_pair.GPQA) or data.chance_pct(name) >= _FRACTION_CHANCE


def _check(x: str, y: str, *scores: tuple[float, float]) -> None:
    """Refuse what the form refuses, in its words."""
    if x == y:
        raise ValueError(f"{data.benchmark_title(x)} for both is the same benchmark twice; choose two")
    for pair in scores:
        for name, value in zip((x, y), pair, strict=True):
            title = data.benchmark_title(name)
            if not 0 < value < 100:
                raise ValueError(
                    f"{title} {value:g} is out of range; give percent, more than 0 and less than 100"
                )
            if value <= 1 and _fraction(name):
                raise ValueError(
                    f"{title} {value:g} looks like a fraction; give percent, such as {100 * value:g}"
                )


def _step(
    rows: pd.DataFrame, x: str, y: str, residuals: tuple[Residual, ...], ends: tuple[float, ...]
) -> ModelStep:
    measured = local_coupling(rows, x, y).iloc[0]
    shares = {name: float(measured[f"p_{name}"]) for name in PHASES}
    order = sorted(shares, key=lambda name: -shares[name])
    defined = bool(measured["dx"])
    clear = defined and shares[order[0]] - shares[order[1]] >= LEAST_LEAD
    return ModelStep(
        dx=float(measured["dx"]),
        dy=float(measured["dy"]),
        se_dx=float(measured["se_dx"]),
        se_dy=float(measured["se_dy"]),
        coupling=float(measured["coupling"]) if defined else math.nan,
        se=float(measured["se"]) if defined else math.nan,
        probabilities=shares,
        likeliest=order[0] if clear else "",
        residuals=residuals,
        mean=ends[0],
        low=ends[1],
        high=ends[2],
    )


def size_step(
    smaller: tuple[float, float, float], larger: tuple[float, float, float], x: str, y: str
) -> ModelStep:
    """Two sizes of one family.

    Parameters
    ----------
    smaller, larger : tuple of float
        Billion parameters, then the scores of ``x`` and ``y`` in percent, strictly between 0 and 100.
    x, y : str
        Benchmarks of ``pair_benchmarks``, two different ones.

    Raises
    ------
    ValueError
        For sizes out of order or out of range, for scores that are no percent or look like fractions, for one benchmark
        twice.

    Examples
    --------
    >>> step = size_step((1.4, 54.6, 37.9), (7.0, 72.3, 35.2), "hellaswag", "truthfulqa_mc2")
    >>> round(step.coupling, 3), step.likeliest
    (-0.153, 'tax')
    """
    if not 0 < smaller[0] < larger[0]:
        raise ValueError(
            f"sizes {smaller[0]:g}B and {larger[0]:g}B; the first must be positive and smaller than the second"
        )
    for size in (smaller[0], larger[0]):
        if not _SIZES_B[0] <= size <= _SIZES_B[1]:
            raise ValueError(f"{size:g}B is out of range; give billions of parameters, from 0.001 to 100000")
    _check(x, y, smaller[1:], larger[1:])
    rows = pd.DataFrame([smaller, larger], columns=["params_b", x, y]).assign(
        family="yours", model=["a", "b"]
    )
    far = web_distance(rows, y, draws=DRAWS)
    if far is None:
        return _step(rows, x, y, (), (math.nan,) * 3)
    noise = [100 * math.sqrt(v / 100 * (1 - v / 100) / benchmark_items(y)) for v in (smaller[2], larger[2])]
    residuals = tuple(Residual(m.expected, m.h, se) for m, se in zip(far.models, noise, strict=True))
    return _step(rows, x, y, residuals, (far.h, far.low, far.high))


def frontier_step(earlier: tuple[float, float], later: tuple[float, float]) -> ModelStep:
    """Two releases of a frontier lab.

    Parameters
    ----------
    earlier, later : tuple of float
        SWE-bench Verified and GPQA Diamond in percent, strictly between 0 and 100.

    Raises
    ------
    ValueError
        For scores that are no percent or look like fractions.

    Examples
    --------
    >>> step = frontier_step((72.7, 83.3), (80.8, 91.3))
    >>> [round(model.h, 1) for model in step.residuals]
    [-0.4, 3.5]
    """
    columns = [benchmark_pair.SWE, benchmark_pair.GPQA]
    _check(benchmark_pair.SWE, benchmark_pair.GPQA, earlier, later)
    rows = pd.DataFrame([earlier, later], columns=columns).assign(
        family="yours", model=["a", "b"], params_b=[1.0, 2.0]
    )
    places = [regression.locate(*scores) for scores in (earlier, later)]
    residuals = tuple(Residual(p.expected, p.h, (p.h_high - p.h) / 1.96) for p in places)
    change, half = residuals[1].h - residuals[0].h, 1.96 * math.hypot(residuals[0].se, residuals[1].se)
    return _step(
        rows, benchmark_pair.SWE, benchmark_pair.GPQA, residuals, (change, change - half, change + half)
    )


@functools.cache
def pair_benchmarks() -> tuple[str, ...]:
    """Benchmarks of the open panel whose number of items is known.

    Examples
    --------
    >>> pair_benchmarks()[:2]
    ('hellaswag', 'truthfulqa_mc2')
    """
    panel = data.panel("open")
    return tuple(b for b in data.load("benchmarks").dropna(subset="items")["benchmark"] if b in panel)


def _curve(y: str) -> dict[str, Any]:
    """The web-trained curve of a benchmark and its resamples, as in ``diagnosis.panel_comparison.web_distance``."""
    generator = np.random.default_rng(0)
    curve = fit_curve(web_rows(recipe_rows("open")), CurveSpec(y), draws=DRAWS, rng=generator)
    scatter = curve.scatter(2, len(curve.resampled), generator)
    shift = curve.coefficients - curve.resampled
    drawn = [[round(float(v), 5) for v in (*row, s)] for row, s in zip(shift, scatter, strict=True)]
    return {
        "coefficients": [float(c) for c in curve.coefficients],
        "low": curve.low,  # log10 of billions: 10 to this power need not give the size itself
        "high": curve.high,
        "n": curve.n,
        "draws": [row for row in drawn if all(map(math.isfinite, row))],
    }


def _known(name: str) -> dict[str, Any]:
    return {
        "title": data.benchmark_title(name),
        "items": benchmark_items(name),
        "fraction": _fraction(name),
    }


def constants(kind: str) -> dict[str, Any]:
    """What a form must know, as plain objects for JSON.

    Parameters
    ----------
    kind : {"sizes", "frontier"}

    Examples
    --------
    >>> constants("frontier")["benchmarks"]["gpqa_diamond"]["items"]
    198.0
    """
    shared = {"kind": kind, "edge": TAX_BELOW, "phases": list(PHASES), "lead": LEAST_LEAD}
    if kind == "sizes":
        names = pair_benchmarks()
        known = {name: _known(name) for name in names}
        return {**shared, "benchmarks": known, "curves": {name: _curve(name) for name in names}}
    if kind != "frontier":
        raise ValueError(f"kind={kind!r}; allowed are 'sizes' and 'frontier'")
    line = regression.fit_line(regression.models())
    names = (benchmark_pair.SWE, benchmark_pair.GPQA)
    return {
        **shared,
        "benchmarks": {name: _known(name) for name in names},
        "line": {
            "slope": line.slope.estimate,
            "intercept": line.intercept.estimate,
            "reach": float(stats.t.ppf(0.975, line.n - 2)) * line.sigma,
            "mean": line.mean_x,
            "spread": line.spread_x,
            "n": line.n,
        },
        "specialist": regression.SPECIALIST_PP,
    }
