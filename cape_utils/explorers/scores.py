"""The scores editor: type scores or upload them, and read the diagnosis.

What the dashboard of paper A promises, for the reader's own models. The steps in size are measured at once, the diagnosis
follows in a moment; both are those of ``scaling.coupling`` and ``reports.family``, and files are read by ``evaluations.reading``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import ipywidgets as widgets
import pandas as pd

from cape_utils import data
from cape_utils.data.schema import DataError
from cape_utils.diagnosis.family_diagnosis import family_ladders
from cape_utils.evaluations.reading import RESULTS, read_uploads
from cape_utils.evaluations.tables import SUFFIXES
from cape_utils.explorers import figures
from cape_utils.explorers._base import WIDE, Debounce, Explorer, sentence
from cape_utils.explorers._grid import ScoreGrid
from cape_utils.explorers._report import SETTLE_S, save_link
from cape_utils.reports.family import FamilyReport, report_on
from cape_utils.reports.render import WRITERS
from cape_utils.scaling import coupling

__all__ = ["EXAMPLE", "ScoresEditor", "scores_editor"]

EXAMPLE = (
    {
        "model": "Mine-0.4B",
        "family": "Mine",
        "params_b": "0.4",
        "hellaswag": "40.2",
        "truthfulqa_mc2": "43.1",
    },
    {
        "model": "Mine-1.4B",
        "family": "Mine",
        "params_b": "1.4",
        "hellaswag": "54.6",
        "truthfulqa_mc2": "37.9",
    },
    {"model": "Mine-7B", "family": "Mine", "params_b": "7", "hellaswag": "72.3", "truthfulqa_mc2": "35.2"},
)
"""The table that the editor opens with, that of the README."""

_MOST_PROBLEMS = 3


class ScoresEditor(Explorer):
    """An app that begins with a table: measured at each change, diagnosed when the table has come to rest.

    Attributes
    ----------
    report : FamilyReport or None
        The diagnosis of the table shown; None where a sentence says why there is none. Reading it does at once what a
        timer would do later.
    """

    def __init__(self, rows: Sequence[dict[str, str]] = EXAMPLE) -> None:
        titles = [(data.benchmark_title(name), name) for name in data.load("benchmarks")["benchmark"]]
        self.report_view, self.link = widgets.HTML(), widgets.HTML()
        self._report: FamilyReport | None = None
        self._scores, self._notes, self._trouble = pd.DataFrame(), list[str](), ""
        self._slow = Debounce(self._diagnose, SETTLE_S)
        self.buttons = {
            suffix: widgets.Button(
                description=f"Report as {writer.title}", disabled=True, layout={"width": "auto"}
            )
            for suffix, writer in WRITERS.items()
        }
        for suffix, button in self.buttons.items():
            button.on_click(lambda _, suffix=suffix: self.make_report(suffix))
        controls = {
            "scores": ScoreGrid(rows, "hellaswag", "truthfulqa_mc2"),
            "upload": widgets.FileUpload(
                accept=",".join((*SUFFIXES, *RESULTS)),
                multiple=True,
                description="Upload a table, or results of lm-eval and others",
            ),
            "x": widgets.Dropdown(options=titles, value="hellaswag", description="Change of", style=WIDE),
            "y": widgets.Dropdown(
                options=titles, value="truthfulqa_mc2", description="goes with", style=WIDE
            ),
            "next_size": widgets.Text(
                description="Predict at (B)", placeholder="its own next size", style=WIDE
            ),
        }
        super().__init__("Your own scores", controls, self._measure)
        below = widgets.VBox(
            [
                widgets.HBox(list(self.buttons.values()), layout={"flex_flow": "row wrap"}),
                self.link,
                self.report_view,
            ]
        )
        self.children: tuple[Any, ...] = (*self.children, below)

    @property
    def report(self) -> FamilyReport | None:
        """The diagnosis, after anything that is still waiting."""
        self._later.flush()
        self._slow.flush()
        return self._report

    @property
    def status(self) -> str:
        """The sentence shown, after anything that is still waiting."""
        self._later.flush()
        self._slow.flush()
        return self._status

    def make_report(self, suffix: str) -> None:
        """Put a link to the report below the buttons.

        Parameters
        ----------
        suffix : {"md", "html", "json"}
        """
        try:
            report = self.report
            if report is not None:
                self.link.value = save_link("diagnosis", suffix, report)
        except Exception as error:  # noqa: BLE001 - the reader gets a sentence, whatever went wrong
            self._say(sentence(error))

    def _moved(self, name: str) -> None:
        if self._adapting:
            return
        self._trouble = ""
        if name == "upload":
            self._upload()
            return
        if name in ("x", "y"):
            self._change(
                lambda: self.controls["scores"].show(self.controls["x"].value, self.controls["y"].value)
            )
        self._later()

    def _change(self, what: Any) -> None:
        """Change controls without answering each of them."""
        self._adapting = True
        try:
            what()
        finally:
            self._adapting = False

    def _upload(self) -> None:
        files = [(str(file["name"]), bytes(file["content"])) for file in self.controls["upload"].value]
        if not files:
            return
        # Emptied, so that the same file, corrected, can be chosen again.
        self._change(lambda: setattr(self.controls["upload"], "value", ()))
        try:
            scores = read_uploads(files)
            have = [name for name in data.load("benchmarks")["benchmark"] if name in scores]
            if len(have) < 2:
                raise ValueError(f"the file holds one benchmark, {have[0]}; two are needed for a pair")
        except Exception as error:  # noqa: BLE001 - the reader gets a sentence, whatever went wrong
            words = _problems(error).replace(
                " (cape diagnose: --sizes FILE)", " (CSV), uploaded with the results"
            )
            self._trouble = f"The file was not taken, and the table is as it was. {words}"
            self._say(self._trouble)
            return
        self._notes = list(scores.attrs.get("notes", ()))
        self._change(lambda: self._take(scores, have))
        self._later()

    def _take(self, scores: pd.DataFrame, have: Sequence[str]) -> None:
        """Put a table that was read into the grid, with a pair that it holds."""
        pair = [self.controls[name].value for name in ("x", "y")]
        if not set(pair) <= set(have):
            usual = [name for name in ("hellaswag", "truthfulqa_mc2") if name in have]
            pair = [*usual, *(name for name in have if name not in usual)][:2]
        self.controls["x"].value, self.controls["y"].value = pair
        rows = [
            {str(name): "" if pd.isna(value) else _text(value) for name, value in row.items()}
            for row in scores.to_dict("records")
        ]
        self.controls["scores"].show(*pair)
        self.controls["scores"].set_rows(rows)

    def _measure(self, chosen: dict[str, Any]) -> Any:
        """The steps in size, which need no resampling."""
        x, y = chosen["x"], chosen["y"]
        table, places = self.controls["scores"].frame()
        if table.empty:
            raise ValueError(
                "the table is empty; two models of one family are needed; add them or upload a file"
            )
        try:
            scores = data.load_scores(table)
        except DataError as error:
            raise ValueError(_problems(error, places)) from error
        scores.attrs["notes"] = self._notes
        ladders, _ = family_ladders(scores, x, y, next_params_b=_size(chosen["next_size"]))
        local = coupling.local_coupling(pd.concat(ladders.values()), x, y).dropna(subset="coupling")
        if local.empty:
            raise ValueError(
                f"{data.benchmark_title(x)} is the same at every size, so that no step has a coupling; correct a score or "
                "change the pair"
            )
        self._scores = scores
        return figures.phases(local, x=x, y=y, tax_below=-coupling.TAX_BELOW, bonus_above=coupling.TAX_BELOW)

    def _compute(self) -> None:
        with self._lock:
            super()._compute()
            self._report, self.link.value = None, ""
            for button in self.buttons.values():
                button.disabled = True
            if self._chart is None:
                self.report_view.value = ""
                return
            self.busy = True
            self._say("Steps measured. Diagnosing: a moment, some seconds the first time ...")
            self._slow()

    def _diagnose(self) -> None:
        with self._lock:
            if self._chart is None:  # the table was spoilt in the meantime
                return
            chosen = self.settings
            try:
                self._report = report_on(
                    self._scores, x=chosen["x"], y=chosen["y"], next_params_b=_size(chosen["next_size"])
                )
                self.report_view.value = f'<div class="cape-words">{self._report.folded()}</div>'
                for button in self.buttons.values():
                    button.disabled = False
                self._say(self._trouble or "Up to date.")
            except Exception as error:  # noqa: BLE001 - the reader gets a sentence, whatever went wrong
                self.report_view.value = ""
                self._say(sentence(error))
            finally:
                self.busy = False


def _text(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _size(text: str) -> float | None:
    """The size to predict; None where the box is empty."""
    if not text.strip():
        return None
    try:
        return float(text)
    except ValueError:
        raise ValueError(
            f"got {text!r} as the size to predict, expected a number of billions; write it alone, such as 13"
        ) from None


def _problems(error: Exception, places: Sequence[int] = ()) -> str:
    """What is wrong, with the rows of the screen where the table is that of the screen."""
    if not isinstance(error, DataError):
        return sentence(error)
    lines = []
    for problem in error.problems[:_MOST_PROBLEMS]:
        if not places:
            lines.append(str(problem))
            continue
        at = [] if problem.row is None or problem.row < 2 else [f"row {places[problem.row - 2]}"]
        at += [] if problem.column is None else [data.benchmark_title(problem.column)]
        got = "" if problem.value is None else f" got {problem.value!r};"
        lines.append(f"{', '.join(at) or 'the table'}:{got} {problem.allowed}")
    more = len(error.problems) - len(lines)
    return "; ".join(lines) + (f"; and {more} more problems" if more > 0 else "")


def scores_editor() -> ScoresEditor:
    """Your own scores in a small table, or from a file, and their diagnosis with a report to keep.

    Returns
    -------
    ScoresEditor
        Controls: ``scores, upload, x, y, next_size``.
    """
    return ScoresEditor()
