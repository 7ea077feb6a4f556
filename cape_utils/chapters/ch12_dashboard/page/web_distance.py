"""Distance of the models in the form from the curve of web-trained models, and the models that score alike.

Section 5 of paper A, by ``diagnosis.panel_comparison.web_distance``, which resamples web-trained lines at random. Here the same
quasi-random points stand for the draws in both languages, so that page and package agree to the last digit.
"""

from __future__ import annotations

import functools
from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd

from cape_utils import data
from cape_utils.chapters.ch12_dashboard.page.case import Case
from cape_utils.diagnosis.panel_comparison import Distance, ModelDistance
from cape_utils.reports.sections import web_words
from cape_utils.scaling.web_curve import MIN_LINES, Curve, CurveSpec, fit_curve, recipe_rows, web_rows
from cape_utils.stats.least_squares import basis_of, weighted_fits
from cape_utils.stats.resampling import null_from_draws
from cape_utils.stats.results import Floats

__all__ = ["constants", "distance", "distance_of", "nearest_models", "uniforms", "web_distance"]

_DRAWS = 1000
_NEAREST = 3
_STEP, _MASK = 0x9E3779B9, 0xFFFFFFFF  # the golden ratio of 2**32, by which Weyl's sequence walks


def uniforms(start: int, count: int) -> Floats:
    """Numbers between 0 and 1 that look random and are the same in every language, shape (count,).

    A counter is scrambled by the finaliser of MurmurHash3, in 32-bit arithmetic.

    Parameters
    ----------
    start, count : int
        First counter, and how many follow.

    Examples
    --------
    >>> uniforms(0, 3).round(4).tolist()
    [0.5734, 0.2377, 0.1058]
    """
    x = (np.arange(start + 1, start + count + 1, dtype=np.uint64) * _STEP) & _MASK
    x ^= x >> np.uint64(16)
    x = (x * np.uint64(0x85EBCA6B)) & np.uint64(_MASK)
    x ^= x >> np.uint64(13)
    x = (x * np.uint64(0xC2B2AE35)) & np.uint64(_MASK)
    x ^= x >> np.uint64(16)
    return np.asarray(x / 2.0**32)


@functools.cache
def _web_models(y: str, exclude: frozenset[str]) -> pd.DataFrame:
    panel = recipe_rows("open")
    return web_rows(panel[~panel["family"].isin(exclude)]).dropna(subset=[y])


def _null_draws(models: pd.DataFrame, curve: Curve, y: str, size: Floats) -> Floats:
    """Where a web-trained family of these sizes would fall, shape (draws,): resampled curve and scatter of a line."""
    codes, lines = pd.factorize(models["line"])
    count = len(lines)
    picked = (uniforms(0, _DRAWS * count).reshape(_DRAWS, count) * count).astype(int)
    weights = np.stack([np.bincount(row, minlength=count) for row in picked]).astype(float)[:, codes]
    at = models["log_size"].to_numpy(dtype=float)
    middle, spread = at.mean(), at.std()
    degree = CurveSpec(y).degree
    fits = weighted_fits(basis_of((at - middle) / spread, degree), models[y].to_numpy(dtype=float), weights)
    shift = (curve.at(size) - fits @ basis_of((size - middle) / spread, degree).T).mean(axis=1)
    # As Curve.scatter: a line, then as many of its residuals as there are models, widened for what the curve took.
    residuals = [curve.residuals[str(line)] for line in lines]
    drawn = uniforms(_DRAWS * count, _DRAWS * (1 + len(size))).reshape(_DRAWS, 1 + len(size))
    scatter = np.array(
        [
            np.mean([line[int(u * len(line))] for u in places])
            for pick, *places in drawn
            for line in [residuals[int(pick * count)]]
        ]
    )
    null = shift + scatter * np.sqrt(count / (count - degree - 1))
    return np.asarray(null[np.isfinite(null)])


def distance(ladder: pd.DataFrame, y: str, *, exclude: frozenset[str] = frozenset()) -> Distance | None:
    """As ``diagnosis.panel_comparison.web_distance``, on fixed draws.

    Parameters
    ----------
    ladder : pandas.DataFrame
        Of one family: ``model, params_b`` (billions) and ``y`` (percent), by size.
    y : str
    exclude : frozenset of str
        Families that the curve is fitted without.

    Returns
    -------
    Distance or None
        None where too few web-trained lines are left, and where the panel lacks the benchmark.
    """
    if y not in data.panel("open"):
        return None
    models = _web_models(y, exclude)
    if ladder.empty or models["line"].nunique() < MIN_LINES:
        return None
    curve = fit_curve(models, CurveSpec(y), draws=1)
    size, score = np.log10(ladder["params_b"].to_numpy(dtype=float)), ladder[y].to_numpy(dtype=float)
    expected = curve.at(size)
    h = float((score - expected).mean())
    null = null_from_draws(h, _null_draws(models, curve, y, size), len(ladder), "fixed draws")
    outside = int(((size < curve.low) | (size > curve.high)).sum())
    note = (
        f"{outside} of {len(ladder)} models lie outside the sizes of the curve, {10**curve.low:.3g}B to "
        f"{10**curve.high:.3g}B, where a parabola is a guess"
        if outside
        else ""
    )
    return Distance(
        h=h,
        low=null.low,
        high=null.high,
        p=null.p,
        n=len(ladder),
        models=tuple(
            ModelDistance(str(model), float(params_b), float(level), float(value - level))
            for model, params_b, level, value in zip(
                ladder["model"], ladder["params_b"], expected, score, strict=True
            )
        ),
        note=note,
    )


@functools.lru_cache(maxsize=2)  # asked by this part and by the advice
def distance_of(case: Case) -> Distance | None:
    """The ``distance`` of the models in the form with both scores; None also where the family lacks the second benchmark."""
    if case.y not in case.ladder:
        return None
    return distance(case.ladder, case.y, exclude=case.in_panel)


def web_distance(case: Case) -> dict[str, Any] | None:
    """The distance of every model with both scores, its range, and the report's words; None where there is no curve."""
    found = distance_of(case)
    if found is None:
        return None
    plain = asdict(found)
    plain["p_value"] = plain.pop("p")
    return {**plain, "unusual": found.unusual, "words": web_words(found)}


def nearest_models(case: Case) -> list[dict[str, Any]]:
    """Models of the open panel whose two scores are nearest to the largest model's, whatever their size.

    Distance is the root mean square of both differences, percentage points, as for families.
    """
    if case.x == case.y or not {case.x, case.y} <= set(case.ladder) or case.ladder.empty:
        return []
    largest = case.ladder.iloc[-1]
    panel = data.panel("open", rows="one_recipe")
    if not {case.x, case.y} <= set(panel):
        return []
    panel = panel.dropna(subset=[case.x, case.y])
    panel = panel[~panel["family"].isin(case.in_panel)]
    gaps = panel[[case.x, case.y]].to_numpy(dtype=float) - largest[[case.x, case.y]].to_numpy(dtype=float)
    far = np.sqrt((gaps**2).mean(axis=1))
    nearest = np.lexsort((panel["model"].to_numpy(dtype=str), far))[:_NEAREST]
    return [
        {
            "model": str(panel["model"].iloc[place]),
            "params_b": float(panel["params_b"].iloc[place]),
            "distance_pp": float(far[place]),
        }
        for place in nearest
    ]


def constants() -> dict[str, Any]:
    """For the page: the models of the curve with their lines, and how many draws."""
    models = web_rows(recipe_rows("open"))
    return {
        "models": [
            [str(row["model"]), str(row["family"]), str(row["line"])] for row in models.to_dict("records")
        ],
        "draws": _DRAWS,
        "step": _STEP,
        "least": MIN_LINES,
        "degree": CurveSpec("truthfulqa_mc2").degree,
        "nearest": _NEAREST,
    }
