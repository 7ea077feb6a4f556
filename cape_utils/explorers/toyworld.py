"""Train a reduced sweep of the toy world in front of the reader, with one lever of their choice.

Two worlds and five sizes, each trained as in the book's own sweep, so that the curves are noisier than those on the
page. Training is that of ``toyworld.transformer``; in the built book there is no kernel, so that the static twin is handed back.
"""

from __future__ import annotations

import html
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pandas as pd

from cape_utils import runtime
from cape_utils.toyworld import sweep
from cape_utils.toyworld.sweep import LEVERS, STEPS

__all__ = ["REDUCED", "reduced_sweep", "toyworld_explorer"]

REDUCED = replace(
    sweep.PLANS["book"],
    widths=(4, 8, 16, 24, 32),
    lever_widths=(4, 8, 16, 24, 32),
    seeds=2,
    lever_seeds=2,
    checkpoints=(STEPS,),
    lever_checkpoints=(STEPS,),
)
"""Five sizes and two worlds: two minutes on two quiet cores for the base setting and one lever."""


def reduced_sweep(
    name: str,
    *,
    plan: sweep.Plan = REDUCED,
    device: str = "cpu",
    progress: Callable[[int, int, str], None] = lambda done, total, cell: None,
) -> pd.DataFrame:
    """Train the base setting and one other at the sizes of a plan, the same worlds in both.

    Parameters
    ----------
    name : str
        One of ``toyworld.sweep.settings()``.
    plan : Plan
    device : str
    progress : callable
        Called before each cell with how many are done, how many there are, and its name; and once at the end.

    Returns
    -------
    DataFrame
        As ``data/toy_world.csv`` has them.

    Raises
    ------
    ValueError
        If there is no such setting.
    """
    if name not in sweep.settings():
        raise ValueError(f"no setting {name!r}; there are {', '.join(sweep.settings())}")
    cells = sweep.cells(replace(plan, names=tuple(dict.fromkeys(("base", name)))))
    rows = []
    for done, cell in enumerate(cells):
        progress(done, len(cells), cell)
        rows += [{"task": cell, **row} for row in sweep.cell(plan, cell, device)]
    progress(len(cells), len(cells), "")
    return sweep.tidy(pd.DataFrame(rows))


def toyworld_explorer(twin: Any, *, plan: sweep.Plan = REDUCED) -> Any:
    """A drop-down of levers, a button that trains, a progress bar, and the curves of both settings.

    Parameters
    ----------
    twin : chart
        Handed back in the built book.
    plan : Plan
        What is trained.

    Returns
    -------
    VBox or chart
        An ipywidgets application, or the twin.
    """
    if runtime.in_book():
        return twin
    import ipywidgets as widgets

    from cape_utils.explorers._base import mime_bundle, while_working
    from cape_utils.toyworld.figures import toy_pair_chart

    offered = [
        (f"{LEVERS[s.lever]}: {s.label}", s.name) for s in sweep.settings().values() if s.lever != "base"
    ]
    wide = widgets.Layout(width="98%")
    lever = widgets.Dropdown(options=offered, description="Lever", layout=wide)
    device = widgets.Dropdown(options=["cpu", "cuda"], value="cpu", description="Device")
    button = widgets.Button(description="Train both worlds", button_style="primary")
    bar = widgets.IntProgress(min=0, max=1, description="Progress", layout=wide)
    status = widgets.HTML()
    shown = widgets.Output()

    def show_progress(done: int, total: int, cell: str) -> None:
        bar.max, bar.value = total, done
        status.value = f"Cell {done + 1} of {total}: {html.escape(cell)} ..." if cell else "Trained."

    def run(_button: Any) -> None:
        with while_working(button, status, missing="pip install 'cape-book[models]' brings it"):
            table = reduced_sweep(lever.value, plan=plan, device=device.value, progress=show_progress)
            chart = toy_pair_chart(table, lever.value)
            bundle = mime_bundle(chart.to_dict())
            shown.outputs = ({"output_type": "display_data", "data": bundle, "metadata": {}},)
            status.value = html.escape(chart.usermeta["caption"])

    button.on_click(run)
    return widgets.VBox([lever, device, button, bar, status, shown])
