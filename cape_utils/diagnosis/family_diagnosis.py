"""One call from a family's scores to what they say: phase, critical scale, place among others, what comes next.

What the dashboard of paper A promises, computed from the scores and with its uncertainty, where the paper's own
classifies by size alone. This module puts together what ``diagnosis.steps``, ``diagnosis.panel_comparison`` and
``diagnosis.next_size`` compute; what to do about it is in ``diagnosis.advice``, how it reads in ``reports.render``.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd

from cape_utils import data
from cape_utils.data.benchmarks import benchmarks_of
from cape_utils.diagnosis.next_size import NextSize, check_size, predict_size
from cape_utils.diagnosis.panel_comparison import (
    Distance,
    Neighbour,
    nearest_families,
    overlapping_families,
    web_distance,
)
from cape_utils.diagnosis.score_warnings import Caution, Dimension, cautions, dimension_of
from cape_utils.diagnosis.steps import CouplingStep, FamilyScale, family_scale, intervals
from cape_utils.frontier.model_diagnosis import FamilyFrontier, family_frontier
from cape_utils.stats.results import to_jsonable

__all__ = [
    "Diagnosis",
    "Score",
    "diagnose",
    "diagnose_all",
    "ladder",
    "usable_families",
]


@dataclass(frozen=True)
class Score:
    """One model: billions and percent."""

    model: str
    params_b: float
    x: float
    y: float


@dataclass(frozen=True)
class Diagnosis:
    """What the scores of one family say about a pair of benchmarks.

    Attributes
    ----------
    family, x, y : str
    scores : tuple of Score
        Models with both scores, by size.
    intervals : tuple of Interval
    scale : FamilyScale
    distance : Distance or None
        From the curve of web-trained models; None where the open panel lacks the benchmark.
    in_panel : tuple of str
        Families of the open panel that hold the same models, left out of every comparison.
    neighbours : tuple of Neighbour
    next_size : NextSize
    dimension : Dimension or None
        None with fewer than three models or two benchmarks.
    cautions : tuple of Caution
    notes : tuple of str
        What was said when the scores were read.
    draws : int
        Simulations of item noise.
    frontier : FamilyFrontier or None
        None where no model has both SWE-bench Verified and GPQA Diamond.
    """

    family: str
    x: str
    y: str
    scores: tuple[Score, ...]
    intervals: tuple[CouplingStep, ...]
    scale: FamilyScale
    distance: Distance | None
    in_panel: tuple[str, ...]
    neighbours: tuple[Neighbour, ...]
    next_size: NextSize
    dimension: Dimension | None
    cautions: tuple[Caution, ...]
    notes: tuple[str, ...]
    draws: int
    frontier: FamilyFrontier | None = None

    @property
    def last(self) -> CouplingStep:
        """The step to the family's largest model."""
        return self.intervals[-1]

    @property
    def phase(self) -> str:
        """Likeliest phase of that step."""
        return self.last.phase

    @property
    def probability(self) -> float:
        """Probability of that phase; NaN where item noise is not known."""
        return self.last.probability

    def as_dict(self) -> dict[str, Any]:
        """Plain object for JSON; what is not known is None."""
        first = {"family": self.family, "phase": self.phase, "probability": self.probability}
        placed = None if self.frontier is None else self.frontier.as_dict()
        whole: dict[str, Any] = to_jsonable({**first, **asdict(self), "frontier": placed})
        return whole


def _check_pair(scores: pd.DataFrame, x: str, y: str) -> None:
    known = list(data.load("benchmarks")["benchmark"])
    have = benchmarks_of(scores)
    for name in (x, y):
        if name not in known:
            raise ValueError(f"no benchmark {name!r}; allowed are {', '.join(known)}")
        if name not in have:
            raise ValueError(
                f"the table holds no score of {name}; it holds {', '.join(have)}; choose the pair with x and y "
                "(cape diagnose: --x, --y)"
            )
    if x == y:
        raise ValueError(f"x and y are both {x}; a coupling needs two benchmarks")


def usable_families(scores: pd.DataFrame, x: str, y: str) -> tuple[list[str], list[str]]:
    """Families with two or more models that have both scores, and what is said of the others."""
    _check_pair(scores, x, y)
    counts = scores.dropna(subset=[x, y]).groupby("family").size()
    names = sorted(set(scores["family"]))
    usable = [name for name in names if counts.get(name, 0) >= 2]
    left = [
        f"{name}: left out, for a step needs two models with both {x} and {y}, and it has {int(counts.get(name, 0))}"
        for name in names
        if name not in usable
    ]
    return usable, left


def ladder(scores: pd.DataFrame, x: str, y: str) -> pd.DataFrame:
    """The models of one family that have both scores, by size: what a diagnosis starts from.

    Raises
    ------
    ValueError
        As ``diagnose``.
    """
    for column in ("model", "family", "params_b"):
        if column not in scores:
            raise ValueError(
                f"a column {column!r} is needed; the columns are {', '.join(map(str, scores.columns))}"
            )
    _check_pair(scores, x, y)
    names = sorted(set(scores["family"]))
    if len(names) != 1:
        raise ValueError(f"one family is needed and {len(names)} came ({', '.join(names)}); use diagnose_all")
    rows = scores.dropna(subset=[x, y]).sort_values("params_b", kind="stable").reset_index(drop=True)
    if len(rows) < 2:
        raise ValueError(
            f"family {names[0]!r} has {len(rows)} model{'' if len(rows) == 1 else 's'} with both {x} and {y}; a step "
            "needs two sizes, so add another model"
        )
    twice = rows[rows["params_b"].duplicated(keep=False)]
    if len(twice):
        models = ", ".join(sorted(twice["model"]))
        raise ValueError(
            f"family {names[0]!r} has several models of one size ({models}); a step between them is none in size, so "
            "give them families of their own"
        )
    return rows


def diagnose(
    scores: pd.DataFrame,
    *,
    x: str = "hellaswag",
    y: str = "truthfulqa_mc2",
    next_params_b: float | None = None,
    draws: int = 4000,
    rng: np.random.Generator | int = 0,
) -> Diagnosis:
    """Diagnose one family from its scores.

    Parameters
    ----------
    scores : pandas.DataFrame
        Of one family, as from ``data.user_scores.load_scores``: ``model, family, params_b`` (billions) and benchmarks
        in percent. The order of the rows and the name of the family do not matter.
    x, y : str
        The pair: the coupling is the change of ``y`` over the change of ``x``.
    next_params_b : float, optional
        Size to predict, in billions; by default the next of the family's own ladder.
    draws : int
        Simulations of item noise.
    rng : Generator or int

    Raises
    ------
    ValueError
        If there is more than one family, fewer than two models with both scores, two models of one size, or no such
        benchmark; the message says which and what to do.

    Examples
    --------
    >>> toy = pd.DataFrame({"model": ["a-1B", "a-3B"], "family": "a", "params_b": [1.0, 3.0],
    ...                     "hellaswag": [45.0, 60.0], "truthfulqa_mc2": [42.0, 36.0]})
    >>> found = diagnose(toy)
    >>> found.phase, found.scale.identified
    ('tax', False)
    """
    rows = ladder(scores, x, y)
    twins = overlapping_families(rows)
    seeds = np.random.default_rng(rng).spawn(4)
    return Diagnosis(
        str(rows["family"].iloc[0]),
        x,
        y,
        tuple(
            Score(str(row["model"]), float(row["params_b"]), float(row[x]), float(row[y]))
            for row in rows.to_dict("records")
        ),
        intervals(rows, x, y, draws=draws, rng=seeds[0]),
        family_scale(rows, y, draws=draws, rng=seeds[1]),
        web_distance(rows, y, exclude=twins, rng=seeds[2]),
        tuple(sorted(twins)),
        nearest_families(rows, x, y, exclude=twins),
        predict_size(rows, x, y, params_b=next_params_b, exclude=twins),
        dimension_of(rows, seeds[3]),
        cautions(rows, exclude=twins),
        tuple(scores.attrs.get("notes", ())),
        draws,
        family_frontier(scores),
    )


def diagnose_all(
    scores: pd.DataFrame,
    *,
    x: str = "hellaswag",
    y: str = "truthfulqa_mc2",
    next_params_b: float | None = None,
    draws: int = 4000,
    rng: int = 0,
) -> dict[str, Diagnosis]:
    """Diagnose every family with two or more usable models; each starts from the same seed.

    Parameters are those of ``diagnose``; ``next_params_b`` is the one size that is predicted for each of them.

    Raises
    ------
    ValueError
        If there is none; the message says what each lacks. And as ``diagnose``.
    """
    usable, left = usable_families(scores, x, y)
    if not usable:
        raise ValueError("; ".join(left) or "the table holds no model")
    parts = {name: scores[scores["family"] == name] for name in usable}
    if next_params_b is not None:  # said of any of them before the work on the first
        for name, part in parts.items():
            largest = float(part.dropna(subset=[x, y])["params_b"].max())
            check_size(next_params_b, largest, family=name)
    found = {}
    for name, part in parts.items():
        part.attrs = dict(scores.attrs)
        found[name] = diagnose(part, x=x, y=y, next_params_b=next_params_b, draws=draws, rng=rng)
    return found
