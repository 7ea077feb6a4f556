"""One call from scores to a report: the door for the command, the app and the notebook.

A table or a folder of results of any format is read by ``evaluations.reading``, every family of it diagnosed by
``diagnosis.family_diagnosis`` and advised by ``diagnosis.advice``; ``reports.render`` writes the result.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from cape_utils.charts.rendering import MissingCharts, vega_script
from cape_utils.diagnosis.advice import Advice, advise
from cape_utils.diagnosis.family_diagnosis import Diagnosis, diagnose_all
from cape_utils.evaluations.reading import read_scores
from cape_utils.reports import render
from cape_utils.reports.sections import headline, sections

__all__ = ["MOST_FAMILIES", "FamilyReport", "check_target", "family_report", "report_on"]


_MANY = 20  # families, of which a reader is told before the work
MOST_FAMILIES = 300
"""Families of one report; the work grows with their number."""


@dataclass(frozen=True)
class FamilyReport:
    """The diagnosis of every family, with advice; shown as tables in a notebook, as text when printed.

    Attributes
    ----------
    diagnoses : tuple of Diagnosis
    advice : tuple of tuple of Advice
        In the order of ``diagnoses``.
    left_out : tuple of str
        Families that could not be diagnosed, and why.

    Examples
    --------
    >>> FamilyReport(diagnoses=(), advice=(), left_out=("Mine has one size",)).left_out
    ('Mine has one size',)
    """

    diagnoses: tuple[Diagnosis, ...]
    advice: tuple[tuple[Advice, ...], ...]
    left_out: tuple[str, ...]

    def __str__(self) -> str:
        return "\n".join([self.as_text(), *self.left_out])

    def _repr_html_(self) -> str:
        parts = []
        for diagnosis, advice in zip(self.diagnoses, self.advice, strict=True):
            parts.append(f"<h3>Diagnosis of {render.escaped(diagnosis.family)}</h3>")
            for section in sections(diagnosis, advice):
                parts.append(f"<h4>{render.escaped(section.title)}</h4>")
                parts += [render.block_html(block) for block in section.blocks]
        parts += [f"<p>{render.escaped(words)}</p>" for words in self.left_out]
        return "".join(parts)

    def headlines(self) -> str:
        """One sentence for each family, folded to 100 columns."""
        return "\n".join(render.wrap(headline(diagnosis)) for diagnosis in self.diagnoses)

    def as_text(self) -> str:
        """Text of at most 100 columns, for a terminal."""
        pairs = zip(self.diagnoses, self.advice, strict=True)
        return "\n".join(render.as_text(diagnosis, advice) for diagnosis, advice in pairs)

    def as_json(self) -> str:
        """Strict JSON: a list with one object for each family; see ``reports.render.as_json``."""
        return render.as_json(self.diagnoses, self.advice)

    def folded(self, *, headings: bool = True) -> str:
        """HTML for an app: the first section of each family stands open, the others behind their titles."""
        parts = []
        for diagnosis, advice in zip(self.diagnoses, self.advice, strict=True):
            first, *others = sections(diagnosis, advice)
            if headings:
                parts.append(f"<h3>Diagnosis of {render.escaped(diagnosis.family)}</h3>")
            parts += [render.block_html(block) for block in first.blocks]
            for section in others:
                body = "".join(render.block_html(block) for block in section.blocks)
                parts.append(
                    f"<details><summary><b>{render.escaped(section.title)}</b></summary>{body}</details>"
                )
        parts += [f"<p>{render.escaped(words)}.</p>" for words in self.left_out]
        return "".join(parts)

    def save(self, path: str | Path, *, force: bool = False) -> Path:
        """Write the report as .html with charts, .md or .json; see ``reports.render.save``."""
        return render.save(path, self.diagnoses, self.advice, force=force)


def check_target(path: str | Path, *, force: bool = False) -> str:
    """Refuse a file that a report cannot be written to, before the work.

    Returns
    -------
    str
        Why the report will hold tables and no charts; empty if it will.

    Raises
    ------
    ValueError, OSError
        As ``reports.render.save``.
    """
    if render.checked_target(path, force=force).suffix.lower() == ".html":
        try:
            vega_script()
        except MissingCharts as error:
            return str(error)
    return ""


def report_on(
    scores: pd.DataFrame,
    *,
    x: str = "hellaswag",
    y: str = "truthfulqa_mc2",
    next_params_b: float | None = None,
    mixed: bool = False,
    draws: int = 4000,
    rng: int = 0,
) -> FamilyReport:
    """Diagnose every family of a table that was read and checked before; parameters are those of ``diagnose_all``."""
    diagnoses, left_out = diagnose_all(
        scores, x=x, y=y, next_params_b=next_params_b, mixed=mixed, draws=draws, rng=rng
    )
    return FamilyReport(tuple(diagnoses.values()), tuple(advise(one) for one in diagnoses.values()), left_out)


def family_report(
    source: str | Path | pd.DataFrame,
    *,
    x: str = "hellaswag",
    y: str = "truthfulqa_mc2",
    sizes: str | Path | None = None,
    active: bool = False,
    mixed: bool = False,
    family: str | None = None,
    next_params_b: float | None = None,
    rng: int = 0,
    progress: Callable[[str], None] | None = None,
) -> FamilyReport:
    """Read scores, diagnose every family of them, and look up the evidence behind the advice.

    Parameters
    ----------
    source : path or pandas.DataFrame
        A table, a file or a folder of results, as for ``evaluations.read_scores``.
    x, y : str
        The pair of benchmarks.
    sizes : path, optional
        A table of sizes, for a folder of results.
    active : bool
        Take the active parameters of mixtures of experts whose names tell them.
    mixed : bool
        Compare models that were measured under different conditions.
    family : str, optional
        Diagnose this family alone.
    next_params_b : float, optional
        Size to predict for every family, in billions; by default the next of each one's own ladder.
    rng : int
        Seed of the simulations.
    progress : callable, optional
        Called with a few words before each stage.

    Raises
    ------
    ValueError
        As ``evaluations.read_scores`` and ``diagnosis.family_diagnosis.diagnose_all``, and for a family that is not there.

    Examples
    --------
    >>> toy = pd.DataFrame({"model": ["a-1B", "a-3B"], "family": "a", "params_b": [1.0, 3.0],
    ...                     "hellaswag": [45.0, 60.0], "truthfulqa_mc2": [42.0, 41.0]})
    >>> print(str(family_report(toy)).splitlines()[0])
    Diagnosis of a
    """
    tell = progress or (lambda _: None)
    tell("reading the scores")
    scores = read_scores(source, sizes=sizes, active=active)
    if family is not None:
        known = sorted(set(scores["family"]))
        if family not in known:
            raise ValueError(f"no family {family!r}; the families are {', '.join(known)}")
        attrs = dict(scores.attrs)
        scores = scores[scores["family"] == family]
        scores.attrs = attrs
    families = scores["family"].nunique()
    if families > MOST_FAMILIES:
        raise ValueError(
            f"the scores hold {families:,} families; at most {MOST_FAMILIES} are diagnosed in one report, each simulated by "
            "itself: diagnose one of them (family=..., cape diagnose --family NAME), or split the table"
        )
    many = f" {families} families, one after the other" if families >= _MANY else ""
    tell(f"diagnosing{many}, with every family of the open panel held out in turn; a few seconds")
    return report_on(scores, x=x, y=y, next_params_b=next_params_b, mixed=mixed, rng=rng)
