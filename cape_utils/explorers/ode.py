"""The equation explorer: threshold, degree, what is fitted and what is predicted.

Section 4 of paper A; fit and integration are those of ``scaling.ode``, always fitted to fractions and without a constant,
as on the still page.
"""

from __future__ import annotations

import functools
from typing import Any

import ipywidgets as widgets
import pandas as pd

from cape_utils import data
from cape_utils.charts.parts import name
from cape_utils.explorers import figures
from cape_utils.explorers._base import WIDE, Explorer
from cape_utils.scaling import forecasting, ode

__all__ = ["ode_explorer"]

_COPIES = ("panel rows", "bootstrap copy", "open panel")
_REST = "all other open families"
_SCORES = list(data.BENCHMARKS)


@functools.cache
def _open_families() -> pd.DataFrame:
    return forecasting.ladders(data.panel("open", rows="one_recipe"))


@functools.cache
def _copy(which: str) -> pd.DataFrame:
    copies = data.pythia_copies()
    return copies[copies["copy"] == which].sort_values("params_b")


def _rows(train: str, target: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Rows to fit and rows to predict; Pythia is predicted in the copy that is fitted."""
    table = _open_families()
    goal = table[table["family"] == target]
    if train == _REST:
        return table[table["family"] != target], goal
    if train in _COPIES:
        fitted = _copy(train)
        return fitted, fitted if target == "Pythia" else goal
    return table[table["family"] == train], goal


@functools.lru_cache(maxsize=512)
def _fit(train: str, left_out: str, degree: int, threshold: float) -> ode.Dynamics:
    return ode.fit_dynamics(_rows(train, left_out)[0], degree=degree, threshold=threshold, unit="fraction")


def _draw(chosen: dict[str, Any]) -> Any:
    train, target = chosen["train"], chosen["target"]
    goal = _rows(train, target)[1]
    model = _fit(
        train, target if train == _REST else "Pythia", chosen["degree"], round(chosen["threshold"], 3)
    )
    sizes, scores = goal["params_b"].to_numpy(dtype=float), goal[_SCORES].to_numpy(dtype=float)
    path = ode.integrate(model, scores[0], sizes[0], sizes)
    beyond = ode.Path(path.score_pct[1:], path.diverged, path.reason)
    error = ode.path_error(beyond, scores[1:])
    at = _SCORES.index(chosen["score"])
    table = pd.DataFrame({"params_b": sizes, "measured": scores[:, at], "predicted": path.score_pct[:, at]})
    return figures.path(
        table,
        score=chosen["score"],
        target=target,
        train=f"Pythia, {train}" if train in _COPIES else train,
        error=error,
        reason=path.reason,
        terms=(min(model.terms), max(model.terms), len(model.powers)),
    )


def ode_explorer() -> Explorer:
    """Scores along the equation's solution beside those measured.

    Returns
    -------
    Explorer
        Controls: ``target, train, degree, threshold, score``.
    """
    families = sorted(_open_families()["family"].unique())
    trains = [(f"Pythia, {copy}", copy) for copy in _COPIES] + [(_REST, _REST)]
    trains += [(family, family) for family in families if family != "Pythia"]
    controls = {
        "target": widgets.Dropdown(options=families, value="Pythia", description="Predict", style=WIDE),
        "train": widgets.Dropdown(
            options=trains, value="bootstrap copy", description="Fitted on", style=WIDE
        ),
        "degree": widgets.Dropdown(options=[1, 2, 3], value=1, description="Degree", style=WIDE),
        "threshold": widgets.FloatSlider(
            value=0.0,
            min=0.0,
            max=2.0,
            step=0.01,
            description="Threshold",
            readout_format=".2f",
            style=WIDE,
        ),
        "score": widgets.Dropdown(
            options=[(name(score), score) for score in _SCORES], description="Score", style=WIDE
        ),
    }
    return Explorer("Equation explorer", controls, _draw)
