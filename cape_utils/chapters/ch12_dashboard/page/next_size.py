"""The next size of the family in the form: ``diagnosis.next_size``, and beside it the equation of section 4 of paper A.

The equation starts from the reader's own scores, as the paper's dashboard has it; what either is worth is its error on families
held out, from the kept table ``held_out_forecasts``.
"""

from __future__ import annotations

import functools
import math
from dataclasses import asdict, replace
from typing import Any

import numpy as np
import pandas as pd
from scipy.integrate import RK45

from cape_utils import data
from cape_utils.chapters.ch12_dashboard.page.case import Case
from cape_utils.data.benchmarks import benchmarks_of
from cape_utils.diagnosis import phase_forecast
from cape_utils.diagnosis.next_size import LARGEST_B, NextSize, predict_size
from cape_utils.diagnosis.phase_forecast import BANDWIDTH, LEVEL
from cape_utils.reports.sections import ahead_lines
from cape_utils.scaling import forecasting, ode
from cape_utils.scaling.forecasting import Method, best_method, family_errors, held_out_steps

__all__ = ["EQUATION", "TREND", "constants", "equation_at", "foreseen", "next_size"]

EQUATION: Method = "sparse ODE, degree 1"
"""The paper's equation with the smallest library, which ranks first among the equations."""

TREND: Method = "parabola, anchored"
"""The trend that ranks first; the page knows these two methods."""

_SKILL = ("score", "frequencies", "n", "size", "start_mmlu", "used", "best")  # what the report's words name

_ROUNDS = 20  # at most, of PySINDy's thresholding


@functools.cache
def _errors() -> pd.DataFrame:
    """Mean error of every method on every family held out, percent of the score."""
    return family_errors(pd.concat([held_out_steps(method) for method in forecasting.METHODS]))


def equation_at(
    ladder: pd.DataFrame, params_b: float, exclude: frozenset[str] = frozenset()
) -> dict[str, Any] | None:
    """Scores at a size by the equation, from the largest model with all five benchmarks; None where there is none.

    Parameters
    ----------
    ladder : pandas.DataFrame
        Of one family, by size.
    params_b : float
        Billions.
    exclude : frozenset of str
        Families of the open panel that the equation is fitted without.

    Returns
    -------
    dict
        ``from_params_b``, ``scores`` by benchmark in percent, and ``reason`` why there are none, empty if there are.
    """
    names = list(data.BENCHMARKS)
    if not set(names) <= set(ladder):
        return None
    complete = ladder.dropna(subset=names)
    if complete.empty or not params_b > complete["params_b"].iloc[-1]:
        return None
    last = complete.iloc[-1]
    fitted = forecasting.open_panel_fit(EQUATION, data.BENCHMARKS, exclude)
    path = fitted.predict(last[names].to_numpy(dtype=float), float(last["params_b"]), [params_b])
    scores = {} if path.diverged else dict(zip(names, map(float, path.score_pct[0]), strict=True))
    return {"from_params_b": float(last["params_b"]), "scores": scores, "reason": path.reason}


@functools.lru_cache(maxsize=2)  # asked by the forecast and by the advice
def foreseen(case: Case, *, params_b: float | None) -> NextSize | None:
    """Forecast of the next size; None without a model, or where the page does not know the method that leads.

    The page forecasts the five benchmarks, whatever else the open panel holds.

    Parameters
    ----------
    case : Case
    params_b : float or None
        Size to predict, billions; None takes the next of the family's own ladder.

    Raises
    ------
    ValueError
        As ``diagnosis.next_size.predict_size``.
    """
    alone = len(case.ladder) == 1 and case.x != case.y and {case.x, case.y} <= set(case.ladder)
    if case.problem and not alone:
        return None
    all_five = case.ladder.reindex(columns=data.BENCHMARKS).notna().any().all()
    if best_method(case.in_panel, trends_only=not all_five) not in (TREND, EQUATION):
        return None
    names = benchmarks_of(case.ladder)
    ladder = case.ladder.drop(columns=[name for name in names if name not in data.BENCHMARKS])
    ahead = predict_size(ladder, case.x, case.y, params_b=params_b, exclude=case.in_panel)
    given = {score.benchmark for score in ahead.scores}
    return replace(ahead, not_predicted=tuple(name for name in names if name not in given))


def next_size(case: Case, *, params_b: float | None = None) -> dict[str, Any] | None:
    """The forecast, its phase, the equation's forecast, and what both are worth; None where nothing is ``foreseen``."""
    exclude = case.in_panel
    try:
        ahead = foreseen(case, params_b=params_b)
    except ValueError as error:
        return {"problem": str(error)}
    if ahead is None:
        return None
    errors = _errors().drop(index=list(exclude), errors="ignore")
    skill = ahead.skill
    return {
        **asdict(ahead),
        "skill": None if skill is None else {"best": skill.best, "frequencies": skill.frequencies},
        "scores": [asdict(score) for score in ahead.scores],
        "lines": list(ahead_lines(ahead, case.x, case.y)),
        "equation": equation_at(case.ladder, ahead.params_b, exclude),
        "errors": {
            name: float(forecasting._median(errors[name].to_numpy(dtype=float))) for name in (TREND, EQUATION)
        },
        "families": len(errors),
    }


def _quality() -> dict[str, Any]:
    """The rows of ``forecast_quality`` that the page may ask for, by method and benchmarks."""
    known = {}
    for (method, names), quality in phase_forecast._stored_quality().items():
        if method in (TREND, EQUATION) and set(names) <= set(data.BENCHMARKS):
            skill = quality.skill
            known[f"{method}|{' '.join(names)}"] = [
                quality.coverage,
                quality.tested,
                *([] if skill is None else [{name: getattr(skill, name) for name in _SKILL}]),
            ]
    return known


def constants() -> dict[str, Any]:
    """For the page: errors of every method, what forecasts are worth, the equation's held-out steps, its integrator's numbers."""
    errors = _errors()
    held_out = held_out_steps(EQUATION).pivot(
        index=["family", "from_params_b", "params_b"], columns="benchmark", values="error_pp"
    )
    held_out = held_out[list(data.BENCHMARKS)].reset_index()
    return {
        "trend": TREND,
        "equation_name": EQUATION,
        "methods": list(errors.columns),
        "errors": {
            str(family): [value if math.isfinite(value) else None for value in map(float, row)]
            for family, row in zip(errors.index, errors.to_numpy(), strict=True)
        },
        "equation_steps": [
            [row[0], *(None if pd.isna(value) else float(value) for value in row[1:])]
            for row in held_out.itertuples(index=False, name=None)
        ],
        "quality": _quality(),
        "benchmarks": list(data.BENCHMARKS),
        "level": LEVEL,
        "bandwidth": BANDWIDTH,
        "largest_b": LARGEST_B,
        "equation": {
            "threshold": ode.THRESHOLD,
            "ridge": ode.RIDGE,
            "rounds": _ROUNDS,
            "margin": ode.MARGIN_PP,
            "tolerance": 1e-6,
            **{name.lower(): np.asarray(getattr(RK45, name)).tolist() for name in "ABEP"},
        },
    }
