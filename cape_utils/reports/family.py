"""One call from what the reader has to a report that shows itself in a notebook.

For those who want an answer and not an interface: a CSV, a table or a folder of lm-evaluation-harness results goes in, and
every family of it is read, diagnosed and advised. The parts are in ``data.lm_eval``, ``diagnosis.family_diagnosis``,
``diagnosis.advice`` and ``reports.render``.
"""

from __future__ import annotations

import html
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from cape_utils import data
from cape_utils.data.lm_eval import read_source
from cape_utils.diagnosis.advice import Advice, advise
from cape_utils.diagnosis.family_diagnosis import Diagnosis, diagnose_all, usable_families
from cape_utils.reports import render
from cape_utils.reports.sections import sections

__all__ = ["FamilyReport", "family_report"]


@dataclass(frozen=True)
class FamilyReport:
    """The diagnosis of every family, with advice; shown as tables in a notebook, as text when printed.

    Attributes
    ----------
    found : tuple of Diagnosis
    advice : tuple of tuple of Advice
        In the order of ``found``.
    left_out : tuple of str
        Families that could not be diagnosed, and why.
    """

    found: tuple[Diagnosis, ...]
    advice: tuple[tuple[Advice, ...], ...]
    left_out: tuple[str, ...]

    def __str__(self) -> str:
        pairs = zip(self.found, self.advice, strict=True)
        return "\n".join([*(render.as_text(one, given) for one, given in pairs), *self.left_out])

    def _repr_html_(self) -> str:
        parts = []
        for one, given in zip(self.found, self.advice, strict=True):
            parts.append(f"<h3>Diagnosis of {html.escape(one.family)}</h3>")
            for section in sections(one, given):
                parts.append(f"<h4>{html.escape(section.title)}</h4>")
                parts += [render.block_html(block) for block in section.blocks]
        parts += [f"<p>{html.escape(words)}</p>" for words in self.left_out]
        return "".join(parts)

    def save(self, path: str | Path, *, force: bool = False) -> Path:
        """Write the report as .html with charts, .md or .json; see ``reports.render.save``."""
        return render.save(path, self.found, self.advice, force=force)


def family_report(
    source: str | Path | pd.DataFrame,
    *,
    x: str = "hellaswag",
    y: str = "truthfulqa_mc2",
    sizes: str | Path | None = None,
    next_params_b: float | None = None,
    rng: int = 0,
) -> FamilyReport:
    """Read scores, diagnose every family of them, and look up the evidence behind the advice.

    Parameters
    ----------
    source : path or pandas.DataFrame
        A CSV or table as for ``data.user_scores.load_scores``, or a folder or file of lm-evaluation-harness results.
    x, y : str
        The pair of benchmarks.
    sizes : path, optional
        A table of sizes, for a folder of results.
    next_params_b : float, optional
        Size to predict for every family, in billions; by default the next of each one's own ladder.
    rng : int
        Seed of the simulations.

    Raises
    ------
    ValueError
        As ``data.user_scores.load_scores``, ``data.lm_eval.read_harness`` and ``diagnosis.family_diagnosis.diagnose_all``.

    Examples
    --------
    >>> toy = pd.DataFrame({"model": ["a-1B", "a-3B"], "family": "a", "params_b": [1.0, 3.0],
    ...                     "hellaswag": [45.0, 60.0], "truthfulqa_mc2": [42.0, 41.0]})
    >>> print(str(family_report(toy)).splitlines()[0])
    Diagnosis of a
    """
    scores = (
        data.load_scores(source) if isinstance(source, pd.DataFrame) else read_source(source, sizes=sizes)
    )
    found = tuple(diagnose_all(scores, x=x, y=y, next_params_b=next_params_b, rng=rng).values())
    return FamilyReport(found, tuple(advise(one) for one in found), tuple(usable_families(scores, x, y)[1]))
