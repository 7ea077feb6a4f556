"""The width explorer: the correlation of divided scores, and what the division makes of shuffled ones.

Section 5 of paper A; the division and its null are those of ``scaling.width``.
"""

from __future__ import annotations

import functools
from typing import Any

import ipywidgets as widgets
import pandas as pd

from cape_utils import data
from cape_utils.charts.parts import name
from cape_utils.explorers import figures
from cape_utils.explorers._base import WIDE, Explorer, remedy
from cape_utils.explorers.family import benchmark_choices, panel_choices, panel_rows
from cape_utils.scaling import width

__all__ = ["width_explorer"]

_NULLS = [("the second score", "one"), ("both scores", "both"), ("nothing", "none")]
_DRAWS = 500


@functools.cache
def _ladders(which: str) -> dict[str, pd.DataFrame]:
    return width.families_with_width(data.with_architecture(panel_rows(which)))


@functools.lru_cache(maxsize=256)
def _curve(which: str, family: str, x: str, y: str, null: Any) -> tuple[pd.DataFrame, int]:
    part = _ladders(which)[family]
    part = part.dropna(subset=[x, y, "d_model"])
    series = part[x], part[y], part["d_model"]
    if null != "none":
        return width.growth_curve(*series, shuffle=null, draws=_DRAWS), len(part)
    powers = [round(0.1 * k, 1) for k in range(21)]
    r = [width.normalised_coupling(*series, power=power).estimate for power in powers]
    return pd.DataFrame({"power": powers, "r": r}), len(part)


def _adapt(controls: dict[str, Any], moved: str) -> None:
    if moved != "panel":
        return
    families, titles = (
        list(_ladders(controls["panel"].value)),
        benchmark_choices(panel_rows(controls["panel"].value)),
    )
    for key, options, usual in (
        ("family", [(f, f) for f in families], "Pythia"),
        ("x", titles, "hellaswag"),
        ("y", titles, "truthfulqa_mc2"),
    ):
        chosen = controls[key].value
        controls[key].options = options
        controls[key].value = chosen if chosen in dict(options).values() else usual


def _draw(chosen: dict[str, Any]) -> Any:
    x, y = chosen["x"], chosen["y"]
    if x == y:
        raise ValueError(
            f"{name(x)} is chosen twice; a correlation needs two different benchmarks; change one of them"
        )
    with remedy("choose another family, or other scores"):
        curve, n = _curve(chosen["panel"], chosen["family"], x, y, chosen["null"])
    return figures.growth(curve, chosen["power"], family=chosen["family"], x=x, y=y, n=n)


def width_explorer() -> Explorer:
    """Correlation of two scores against the power of width that divides them, with the range of shuffled scores.

    Returns
    -------
    Explorer
        Controls: ``panel, family, x, y, power, null``.
    """
    titles = benchmark_choices(panel_rows("open"))
    controls = {
        "panel": widgets.Dropdown(options=panel_choices, value="open", description="Panel", style=WIDE),
        "family": widgets.Dropdown(
            options=[(f, f) for f in _ladders("open")], value="Pythia", description="Family", style=WIDE
        ),
        "x": widgets.Dropdown(options=titles, value="hellaswag", description="First score", style=WIDE),
        "y": widgets.Dropdown(options=titles, value="truthfulqa_mc2", description="Second score", style=WIDE),
        "power": widgets.FloatSlider(
            value=1.0, min=0.0, max=2.0, step=0.1, description="Width power", readout_format=".1f", style=WIDE
        ),
        "null": widgets.Dropdown(options=_NULLS, value="one", description="Null shuffles", style=WIDE),
    }

    def busy(chosen: dict[str, Any]) -> str:
        return "" if chosen["null"] == "none" else f"Shuffling {_DRAWS:,} times at each power ..."

    return Explorer("Width explorer", controls, _draw, adapt=_adapt, busy=busy)
