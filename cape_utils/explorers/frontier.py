"""The frontier explorer: which labs and dates the line is drawn through, and where your model lies.

Sections 2 and 3 of paper B; line and residual are those of ``frontier.regression``.
"""

from __future__ import annotations

import functools
from typing import Any

import ipywidgets as widgets
import pandas as pd

from cape_utils.explorers import figures
from cape_utils.explorers._base import WIDE, Explorer, choose_some, remedy
from cape_utils.frontier import benchmark_pair, regression

__all__ = ["frontier_explorer"]

_QUARTERS = [
    (f"{year % 100}Q{quarter}", year + (quarter - 1) / 4)
    for year in (2024, 2025, 2026)
    for quarter in range(1, 5)
]
_LINES = [("the published models", "published"), ("the models chosen", "chosen")]


@functools.cache
def _models(subset: Any) -> pd.DataFrame:
    return regression.models(subset)


def _draw(chosen: dict[str, Any]) -> Any:
    choose_some(chosen["labs"], "lab")
    first, last = chosen["dates"]
    table = _models("all")
    shown = table[table["lab"].isin(chosen["labs"]) & table["date"].between(first, last + 0.25)]
    shown = shown.dropna(subset=[benchmark_pair.SWE, benchmark_pair.GPQA])
    if shown.empty:
        raise ValueError(
            "no model with both scores is left; at least one is needed; add labs or widen the range of dates"
        )
    fitted_to = _models("published") if chosen["line"] == "published" else shown
    with remedy("add labs or dates, or take the line through the published models"):
        line = regression.fit_line(fitted_to)
    position = regression.locate(chosen["swe"], chosen["gpqa"], line)
    return figures.location(regression.h_field(shown, line), line, position)


def frontier_explorer() -> Explorer:
    """The two scores of your model among those of the labs and dates chosen.

    Returns
    -------
    Explorer
        Controls: ``labs, dates, line, swe, gpqa``.
    """
    table = _models("all")
    labs = sorted(table["lab"].unique())
    score = {"min": 0.0, "max": 100.0, "step": 0.1, "readout_format": ".1f", "style": WIDE}
    controls = {
        "labs": widgets.SelectMultiple(options=labs, value=labs, rows=8, description="Labs", style=WIDE),
        "dates": widgets.SelectionRangeSlider(
            options=_QUARTERS, index=(0, len(_QUARTERS) - 1), description="Released", style=WIDE
        ),
        "line": widgets.Dropdown(options=_LINES, description="Line through", style=WIDE),
        "swe": widgets.FloatSlider(value=80.8, description="Your SWE-bench", **score),
        "gpqa": widgets.FloatSlider(value=91.3, description="Your GPQA", **score),
    }
    return Explorer("Frontier explorer", controls, _draw)
