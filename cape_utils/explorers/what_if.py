"""The dashboard: a family of the open panel to change scores in, its diagnosis, and the report to keep.

Where the paper's dashboard names a phase from the size alone, this one recomputes the diagnosis from the scores at every
change; the report is that of ``reports.family``.
"""

from __future__ import annotations

import functools
import html
import re
from typing import Any

import ipywidgets as widgets
import numpy as np
import pandas as pd

from cape_utils.charts.parts import name
from cape_utils.diagnosis import steps
from cape_utils.diagnosis.panel_comparison import overlapping_families
from cape_utils.diagnosis.phase_prior import panel_prior
from cape_utils.explorers import figures
from cape_utils.explorers._base import WIDE, Debounce, Explorer
from cape_utils.explorers._report import SETTLE_S, save_link
from cape_utils.explorers.family import benchmark_choices, panel_rows
from cape_utils.explorers.frontier import frontier_explorer
from cape_utils.explorers.scores import scores_editor
from cape_utils.reports.family import FamilyReport, report_on
from cape_utils.reports.render import WRITERS

__all__ = ["WhatIf", "dashboard", "what_if_explorer"]

_DRAWS = 1000
_REACH_PP = 15.0


@functools.lru_cache(maxsize=256)
def _rows(family: str, x: str, y: str) -> pd.DataFrame:
    table = panel_rows("open")
    rows = table[table["family"] == family].dropna(subset=[x, y])
    return rows.drop_duplicates("params_b").sort_values("params_b").reset_index(drop=True)


def _families(x: str, y: str) -> list[str]:
    table = panel_rows("open").dropna(subset=[x, y])
    sizes = table.groupby("family")["params_b"].nunique()
    return sorted(sizes[sizes > 1].index)


def _changed(chosen: dict[str, Any]) -> tuple[pd.DataFrame, str]:
    """Scores with the change, and the change in words."""
    x, y, model = chosen["x"], chosen["y"], chosen["model"]
    if x == y:
        raise ValueError(
            f"{name(x)} is chosen twice; a coupling needs two different benchmarks; change one of them"
        )
    rows = _rows(chosen["family"], x, y).copy()
    if len(rows) < 2:
        raise ValueError(
            f"{chosen['family']} has {len(rows)} models with both {name(x)} and {name(y)}; a step needs two; "
            "choose another family"
        )
    words = []
    for score, change in ((x, chosen["change_x"]), (y, chosen["change_y"])):
        value = float(rows.loc[rows["model"] == model, score].iloc[0]) + change
        if not 0 <= value <= 100:
            raise ValueError(
                f"{name(score)} of {model} would be {value:.1f}; a score lies between 0 and 100; move its slider back"
            )
        if change:
            rows.loc[rows["model"] == model, score] = value
            words.append(f"{name(score)} {change:+.1f}")
    short = model.rpartition("/")[2]
    return rows, f"{' and '.join(words)} for {short}" if words else ""


@functools.lru_cache(maxsize=128)
def _steps(
    family: str, x: str, y: str, model: str, change_x: float, change_y: float
) -> tuple[steps.CouplingStep, ...]:
    chosen = {"family": family, "x": x, "y": y, "model": model, "change_x": change_x, "change_y": change_y}
    rows, _ = _changed(chosen)
    # The draws and the prior of the whole diagnosis, so that chart and words show one number.
    prior = panel_prior(x, y, exclude=overlapping_families(rows))
    return steps.intervals(rows, x, y, draws=_DRAWS, rng=np.random.default_rng(0).spawn(4)[0], prior=prior)


def _key(chosen: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(chosen[key] for key in ("family", "x", "y", "model", "change_x", "change_y"))


@functools.lru_cache(maxsize=64)
def _diagnosed(family: str, x: str, y: str, model: str, change_x: float, change_y: float) -> FamilyReport:
    chosen = {"family": family, "x": x, "y": y, "model": model, "change_x": change_x, "change_y": change_y}
    rows, words = _changed(chosen)
    # The report must not pass for the family's own: what was changed stands in its name.
    called = f"{family} (what if: {words})" if words else family
    return report_on(rows.assign(family=called), x=x, y=y, draws=_DRAWS)


def _draw(chosen: dict[str, Any]) -> Any:
    key, (x, y) = _key(chosen), (chosen["x"], chosen["y"])
    rows, words = _changed(chosen)
    model_row = rows[rows["model"] == chosen["model"]].iloc[0]
    model = (
        f"{chosen['model'].rpartition('/')[2]} ({name(x)} {model_row[x]:.1f}, {name(y)} {model_row[y]:.1f})"
    )
    before, after = _steps(*key[:4], 0.0, 0.0), _steps(*key)
    return figures.what_if(before, after, family=chosen["family"], x=x, y=y, change=words, chosen=model)


def _models(family: str, x: str, y: str) -> list[tuple[str, str]]:
    rows = _rows(family, x, y)
    return [(model.rpartition("/")[2], model) for model in rows["model"]]


def _adapt(controls: dict[str, Any], moved: str) -> None:
    x, y = controls["x"].value, controls["y"].value
    if moved in ("x", "y") and x != y:
        chosen, families = controls["family"].value, _families(x, y)
        controls["family"].options = families
        controls["family"].value = chosen if chosen in families else families[0]
    if moved in ("x", "y", "family") and x != y:
        controls["model"].options = models = _models(controls["family"].value, x, y)
        controls["model"].value = models[-1][1]
    if moved in ("x", "y", "family", "model"):
        for key, score in (("change_x", x), ("change_y", y)):
            controls[key].value = 0.0
            controls[key].description = f"{name(score)} by"


class WhatIf(Explorer):
    """A family of the open panel, one model's scores to change, the diagnosis in words, and the report to keep.

    Attributes
    ----------
    diagnosis : widget
        The diagnosis of the scores shown, in words, a moment after the chart.
    kind, write, link : widget
        The format of the report, the button that writes it, and where it can be saved.
    """

    def __init__(self) -> None:
        self.diagnosis = widgets.HTML()
        self._full_diagnosis = Debounce(self._diagnose, SETTLE_S)
        self.kind = widgets.Dropdown(
            options=[(writer.title, suffix) for suffix, writer in WRITERS.items()],
            description="Report as",
            style=WIDE,
        )
        self.write = widgets.Button(description="Write the report")
        self.link = widgets.HTML()
        x, y, family = "hellaswag", "truthfulqa_mc2", "Pythia"
        titles, models = benchmark_choices(panel_rows("open")), _models(family, x, y)
        reach: dict[str, Any] = {"min": -_REACH_PP, "max": _REACH_PP, "step": 0.5, "readout_format": "+.1f"}
        reach["style"] = {"description_width": "150px"}
        controls = {
            "family": widgets.Dropdown(
                options=_families(x, y), value=family, description="Family", style=WIDE
            ),
            "x": widgets.Dropdown(options=titles, value=x, description="Change of", style=WIDE),
            "y": widgets.Dropdown(options=titles, value=y, description="goes with", style=WIDE),
            "model": widgets.Dropdown(options=models, value=models[-1][1], description="What if", style=WIDE),
            "change_x": widgets.FloatSlider(value=0.0, description=f"{name(x)} by", **reach),
            "change_y": widgets.FloatSlider(value=0.0, description=f"{name(y)} by", **reach),
        }
        super().__init__("A family, and what if", controls, self._picture, adapt=_adapt)
        row = widgets.Box(
            [self.kind, self.write], layout=widgets.Layout(display="flex", flex_flow="row wrap", width="100%")
        )
        self.write.on_click(lambda _: self.save())
        self.children: tuple[Any, ...] = (*self.children, self.diagnosis, row, self.link)

    @property
    def words(self) -> str:
        """The diagnosis of what is shown, after anything that is still waiting."""
        self._later.flush()
        self._full_diagnosis.flush()
        return str(self.diagnosis.value)

    def _picture(self, chosen: dict[str, Any]) -> Any:
        self.link.value = self.diagnosis.value = ""
        chart = _draw(chosen)
        self.diagnosis.value = '<p class="cape-words" role="status">Diagnosing ...</p>'
        self._full_diagnosis()
        return chart

    def _diagnose(self) -> None:
        try:
            self.diagnosis.value = (
                f'<div class="cape-words">{_diagnosed(*_key(self.settings)).folded(headings=False)}</div>'
            )
        except Exception as error:  # noqa: BLE001 - the reader gets a sentence, whatever went wrong
            self.diagnosis.value = f'<p class="cape-words">{html.escape(f"No diagnosis: {error}")}</p>'

    def save(self) -> None:
        """Write the report of what is shown, and offer it under a name of its own; never raises."""
        self._later.flush()
        self.write.disabled, self.link.value = True, '<p class="cape-words" role="status">Writing ...</p>'
        try:
            report = _diagnosed(*_key(self.settings))
            stem = re.sub(r"[^A-Za-z0-9.]+", "-", report.diagnoses[0].family).strip("-").lower()[:60]
            link = save_link(stem, self.kind.value, report)
            self.link.value = f'<p class="cape-words" role="status">{link}</p>'
        except Exception as error:  # noqa: BLE001 - the reader gets a sentence, whatever went wrong
            words = html.escape(f"No report was written: {error}")
            self.link.value = f'<p class="cape-words" role="status">{words}</p>'
        finally:
            self.write.disabled = False


def what_if_explorer() -> WhatIf:
    """A family of the open panel, with one model's scores to change.

    Returns
    -------
    WhatIf
        Controls: ``family, x, y, model, change_x, change_y``.
    """
    return WhatIf()


def dashboard() -> Any:
    """The whole dashboard, one part below the other: a family to change, your own scores, the frontier.

    Not as tabs: in Voila a part that is not shown has no width, and its chart hung the page.

    Returns
    -------
    ipywidgets.VBox
        With three children, each an ``Explorer``.

    Examples
    --------
    >>> len(dashboard().children)
    3
    """
    return widgets.VBox([app() for app in (what_if_explorer, scores_editor, frontier_explorer)])
