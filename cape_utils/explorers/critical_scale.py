"""The critical-scale explorer: what the estimate owes to the families, the estimator and what is resampled.

Section 2.2 of paper A and the estimators of ``scaling.critical_scale``.
"""

from __future__ import annotations

from typing import Any

import ipywidgets as widgets
import numpy as np
import pandas as pd

from cape_utils import data
from cape_utils.charts.parts import name
from cape_utils.explorers import figures
from cape_utils.explorers._base import WIDE, Explorer, choose_some, remedy
from cape_utils.explorers.family import benchmark_choices, panel_choices, panel_rows
from cape_utils.scaling import coupling, critical_scale

__all__ = ["ESTIMATORS", "critical_scale_explorer"]

ESTIMATORS = [
    "minimum of one parabola",
    "parabola, a level a family",
    "zero crossing, weighted",
    "zero crossing, unweighted",
    "even odds of the sign",
]
"""The estimators of ``scaling.critical_scale.all_estimates``, by the same names."""

_ROWS = [("the 14 published rows", "published"), *panel_choices]
_DRAWS = [200, 500, 1000, 2000, 5000, 10_000]


def _table(which: str) -> pd.DataFrame:
    return data.bootstrap_rows() if which == "published" else panel_rows(which)


def _families(table: pd.DataFrame) -> list[str]:
    return sorted(table["family"].unique())


def _adapt(controls: dict[str, Any], moved: str) -> None:
    if moved == "estimator" and controls["estimator"].value != ESTIMATORS[0]:
        controls["unit"].value = "family"
    if moved != "rows":
        return
    table = _table(controls["rows"].value)
    families, titles, chosen = _families(table), benchmark_choices(table), controls["y"].value
    controls["families"].options = families
    controls["families"].value = tuple(families)
    controls["y"].options = titles
    controls["y"].value = chosen if chosen in dict(titles).values() else "truthfulqa_mc2"


def _refuse(estimator: str, unit: str, y: str) -> None:
    if unit == "row" and estimator != ESTIMATORS[0]:
        raise ValueError(
            f"rows cannot be resampled for {estimator!r}; only families can, because it looks within them; choose "
            f"families, or {ESTIMATORS[0]!r}"
        )
    if y == "hellaswag" and estimator in ESTIMATORS[2:]:
        raise ValueError(
            f"the score is {name(y)}, over which the coupling is taken; {estimator!r} needs another one; choose "
            "another score"
        )


def _estimate(table: pd.DataFrame, chosen: dict[str, Any]) -> critical_scale.CriticalScale:
    estimator, y, draws = chosen["estimator"], chosen["y"], chosen["draws"]
    if estimator == ESTIMATORS[0]:
        return critical_scale.quadratic(table, y, unit=chosen["unit"], draws=draws)
    if estimator == ESTIMATORS[1]:
        return critical_scale.fixed_effects(table, y, draws=draws)
    local = coupling.local_coupling(table, "hellaswag", y)
    if estimator == ESTIMATORS[4]:
        return critical_scale.even_odds(local, draws=draws)
    weights: critical_scale.Weighting = "noise" if estimator == ESTIMATORS[2] else "equal"
    return critical_scale.zero_crossing(local, weights=weights, draws=draws)


def _draw(chosen: dict[str, Any]) -> Any:
    choose_some(chosen["families"], "family")
    _refuse(chosen["estimator"], chosen["unit"], chosen["y"])
    table = _table(chosen["rows"])
    with remedy("add families"):
        scale = _estimate(table[table["family"].isin(chosen["families"])], chosen)
    if not np.isfinite(scale.sizes).any():
        raise ValueError(
            f"none of {scale.draws:,} draws gives a scale: {scale.reason}; a score that falls and then rises is needed; "
            "add families or take another panel"
        )
    return figures.scale(scale, score=chosen["y"])


def critical_scale_explorer() -> Explorer:
    """The bootstrap of the critical scale for a choice of families, estimator, unit and draws.

    Returns
    -------
    Explorer
        Controls: ``rows, families, y, estimator, unit, draws``.
    """
    table = _table("published")
    families = _families(table)
    controls = {
        "rows": widgets.Dropdown(options=_ROWS, value="published", description="Rows", style=WIDE),
        "families": widgets.SelectMultiple(
            options=families, value=families, rows=8, description="Families", style=WIDE
        ),
        "y": widgets.Dropdown(
            options=benchmark_choices(table), value="truthfulqa_mc2", description="Score", style=WIDE
        ),
        "estimator": widgets.Dropdown(
            options=ESTIMATORS, value=ESTIMATORS[0], description="Estimator", style=WIDE
        ),
        "unit": widgets.Dropdown(
            options=[("rows", "row"), ("families", "family")], value="row", description="Resample", style=WIDE
        ),
        "draws": widgets.SelectionSlider(options=_DRAWS, value=2000, description="Draws", style=WIDE),
    }
    return Explorer(
        "Critical-scale explorer",
        controls,
        _draw,
        adapt=_adapt,
        busy=lambda chosen: f"Resampling {chosen['draws']:,} times ...",
    )
