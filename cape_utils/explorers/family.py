"""The family explorer: which steps in size are tax and which are bonus, for any pair of benchmarks.

Section 2 of paper A with its thresholds in the reader's hands; the couplings are those of ``scaling.coupling``.
"""

from __future__ import annotations

import functools
from typing import Any

import ipywidgets as widgets
import pandas as pd

from cape_utils import data
from cape_utils.charts.parts import name
from cape_utils.explorers import figures
from cape_utils.explorers._base import WIDE, Explorer, choose_some
from cape_utils.scaling import coupling

__all__ = ["benchmark_choices", "family_explorer", "panel_choices", "panel_rows"]

panel_choices = [("the paper's panel", "paper"), ("the open panel", "open")]
"""Labels and names of the two panels."""


def panel_rows(which: Any) -> pd.DataFrame:
    """A panel with one recipe a family."""
    return data.panel(which, rows="one_recipe")


def benchmark_choices(table: pd.DataFrame) -> list[tuple[str, str]]:
    """Titles and names of the benchmarks that a table has."""
    known = data.load("benchmarks").dropna(subset="items")["benchmark"]
    return [(name(benchmark), benchmark) for benchmark in known if benchmark in table]


def _families(table: pd.DataFrame) -> list[str]:
    sizes = table.groupby("family")["params_b"].nunique()
    return sorted(sizes[sizes > 1].index)


def _sizes(table: pd.DataFrame) -> list[tuple[str, float]]:
    return [(f"{size:g}", float(size)) for size in sorted(table["params_b"].dropna().unique())]


def _adapt(controls: dict[str, Any], moved: str) -> None:
    if moved != "panel":
        return
    table = panel_rows(controls["panel"].value)
    titles, families, sizes = benchmark_choices(table), _families(table), _sizes(table)
    for key, usual in (("x", "hellaswag"), ("y", "truthfulqa_mc2")):
        chosen = controls[key].value
        controls[key].options = titles
        controls[key].value = chosen if chosen in dict(titles).values() else usual
    controls["families"].options = families
    controls["families"].value = tuple(families)
    controls["sizes"].options = sizes
    controls["sizes"].index = (0, len(sizes) - 1)


@functools.lru_cache(maxsize=64)
def _steps(
    panel: str, families: tuple[str, ...], low: float, high: float, x: str, y: str
) -> tuple[pd.DataFrame, int]:
    """Steps with a coupling, and models behind them; a threshold that moves leaves them as they are."""
    table = panel_rows(panel)
    rows = table[table["family"].isin(families) & table["params_b"].between(low, high)]
    return coupling.local_coupling(rows, x, y).dropna(subset="coupling"), len(rows)


def _draw(chosen: dict[str, Any]) -> Any:
    choose_some(chosen["families"], "family")
    x, y = chosen["x"], chosen["y"]
    if x == y:
        raise ValueError(
            f"{name(x)} is chosen twice; a coupling needs two different benchmarks; change one of them"
        )
    low, high = chosen["sizes"]
    local, models = _steps(chosen["panel"], chosen["families"], low, high, x, y)
    if local.empty:
        raise ValueError(
            f"no step in size is left of {models} models from {low:g}B to {high:g}B; two sizes of one family with both "
            "scores are needed; widen the range of sizes or add families"
        )
    edges = {"tax_below": chosen["tax_below"], "bonus_above": chosen["bonus_above"]}
    named = local.assign(phase=coupling.phase(local["coupling"], **edges))
    return figures.phases(named, x=x, y=y, **edges)


def family_explorer() -> Explorer:
    """Local couplings of any two benchmarks by size, with families, sizes and thresholds to choose.

    Returns
    -------
    Explorer
        Controls: ``panel, x, y, families, sizes, tax_below, bonus_above``.
    """
    table = panel_rows("open")
    titles, families, sizes = benchmark_choices(table), _families(table), _sizes(table)
    edge = {"min": -1.0, "max": 1.0, "step": 0.05, "style": WIDE, "readout_format": ".2f"}
    controls = {
        "panel": widgets.Dropdown(options=panel_choices, value="open", description="Panel", style=WIDE),
        "x": widgets.Dropdown(options=titles, value="hellaswag", description="Change of", style=WIDE),
        "y": widgets.Dropdown(options=titles, value="truthfulqa_mc2", description="goes with", style=WIDE),
        "families": widgets.SelectMultiple(
            options=families, value=families, rows=8, description="Families", style=WIDE
        ),
        "sizes": widgets.SelectionRangeSlider(
            options=sizes, index=(0, len(sizes) - 1), description="Sizes (billion)", style=WIDE
        ),
        "tax_below": widgets.FloatSlider(value=-coupling.TAX_BELOW, description="Tax below", **edge),
        "bonus_above": widgets.FloatSlider(value=coupling.TAX_BELOW, description="Bonus above", **edge),
    }
    return Explorer("Family explorer", controls, _draw, adapt=_adapt)
