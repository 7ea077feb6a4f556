"""One call from a family's scores to what they say: phase, critical scale, place among others, what comes next.

What the dashboard of paper A promises, computed from the scores and with its uncertainty, where the paper's own
classifies by size alone. This module puts together what ``diagnosis.steps``, ``diagnosis.panel_comparison`` and
``diagnosis.next_size`` compute; what to do about it is in ``diagnosis.advice``, how it reads in ``reports.render``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd

from cape_utils import data
from cape_utils.data.benchmarks import benchmarks_of, own_benchmarks
from cape_utils.data.schema import require_columns
from cape_utils.diagnosis.next_size import NextSize, check_size, predict_size
from cape_utils.diagnosis.paired_noise import PairedNoise, paired_noise
from cape_utils.diagnosis.panel_comparison import (
    Distance,
    Neighbour,
    nearest_families,
    overlapping_families,
    web_distance,
)
from cape_utils.diagnosis.phase_prior import panel_prior
from cape_utils.diagnosis.score_warnings import Caution, Dimension, cautions, dimension_of
from cape_utils.diagnosis.steps import CouplingStep, FamilyScale, family_scale, intervals
from cape_utils.evaluations.conditions import one_condition
from cape_utils.frontier.model_diagnosis import FamilyFrontier, family_frontier
from cape_utils.stats.results import to_jsonable

__all__ = [
    "Diagnosis",
    "Score",
    "diagnose",
    "diagnose_all",
    "family_ladders",
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
    intervals : tuple of CouplingStep
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
    paired : PairedNoise or None
        None where there are no answers to each item, and item noise is the upper bound of two independent tests.
    condition : tuple of str
        On which models it rests, where they were measured under different conditions.
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
    paired: PairedNoise | None = None
    condition: tuple[str, ...] = ()

    @property
    def last(self) -> CouplingStep:
        """The step to the family's largest model."""
        return self.intervals[-1]

    @property
    def phase(self) -> str:
        """Likeliest phase of that step, by the calibrated probabilities where there are any."""
        return self.last.phase

    @property
    def probability(self) -> float:
        """Probability of that phase; NaN where item noise is not known."""
        return self.last.probability

    def as_dict(self) -> dict[str, Any]:
        """Plain object for JSON; what is not known is None."""
        first = {
            "family": self.family,
            "phase": self.phase,
            "probability": self.probability,
            "plain_phase": self.last.plain_phase,
            "plain_probability": max(self.last.p_tax, self.last.p_transition, self.last.p_bonus),
        }
        placed = None if self.frontier is None else self.frontier.as_dict()
        plain: dict[str, Any] = to_jsonable({**first, **asdict(self), "frontier": placed})
        return plain


def _check_pair(scores: pd.DataFrame, x: str, y: str) -> None:
    known = [*data.load("benchmarks")["benchmark"], *own_benchmarks(scores.columns)]
    have = benchmarks_of(scores)
    for name in (x, y):
        if name not in known:
            raise ValueError(f"no benchmark {name!r}; allowed are {', '.join(known)}")
        if name not in have:
            left_out = scores.attrs.get(
                "left_out"
            )  # of a panel it names models, and says nothing of benchmarks
            why = left_out.get(name) if isinstance(left_out, dict) else None
            raise ValueError(
                f"the table holds no score of {name}{f' ({why})' if why else ''}; it holds {', '.join(have)}; choose the pair "
                f"with x and y (cape diagnose: {_such_as(have)})"
            )
    if x == y:
        raise ValueError(f"x and y are both {x}; a coupling needs two benchmarks")


def _such_as(have: Sequence[str]) -> str:
    """The arguments of a pair that there is."""
    return f"--x {have[0]} --y {have[1]}" if len(have) > 1 else "--x, --y"


def _family_ladder(scores: pd.DataFrame, x: str, y: str, *, mixed: bool) -> pd.DataFrame:
    """The models of one family that have both scores and were measured alike, by size; refused where that is no ladder.

    What is to be said of the others stands in ``attrs["condition"]``.
    """
    family = str(scores["family"].iloc[0])
    rows = scores.dropna(subset=[x, y])
    said: tuple[str, ...] = ()
    if len(rows) > 1:
        rows, said = one_condition(rows, (x, y), mixed=mixed)
    rows = rows.sort_values("params_b", kind="stable").reset_index(drop=True)
    rows.attrs = {"condition": said}
    if len(rows) < 2:
        raise ValueError(
            f"family {family!r} has {len(rows)} model{'' if len(rows) == 1 else 's'} with both {x} and {y}; a step "
            "needs two sizes, so add another model"
        )
    same_size = rows.loc[rows["params_b"].duplicated(keep=False), "model"]
    if len(same_size):
        raise ValueError(
            f"family {family!r} has several models of one size ({', '.join(sorted(same_size))}); a step between them is none "
            "in size, so give them families of their own"
        )
    return rows


def family_ladders(
    scores: pd.DataFrame, x: str, y: str, *, next_params_b: float | None = None, mixed: bool = False
) -> tuple[dict[str, pd.DataFrame], tuple[str, ...]]:
    """The models of every family that a diagnosis can start from, by size, and why the other families are left out.

    Parameters
    ----------
    scores : pandas.DataFrame
        As for ``diagnose``, of one or more families.
    x, y : str
        The pair of benchmarks.
    next_params_b : float, optional
        Size to predict for each of them, billions.
    mixed : bool
        Compare models that were measured under different conditions, rather than the largest set that was measured alike.

    Returns
    -------
    dict of str to pandas.DataFrame
        Rows with both scores, of families with two or more of them.
    tuple of str
        One sentence for each family left out.

    Raises
    ------
    ValueError
        If no family is left, a family has two models of one size, there is no such benchmark, or the size to predict is
        not above the largest of each family.
    """
    _check_pair(scores, x, y)
    counts = scores.dropna(subset=[x, y]).groupby("family").size()
    names = sorted(set(scores["family"]))
    ladders = {
        name: _family_ladder(scores[scores["family"] == name], x, y, mixed=mixed)
        for name in names
        if counts.get(name, 0) >= 2
    }
    left_out = tuple(
        f"{name}: left out, for a step needs two models with both {x} and {y}, and it has {int(counts.get(name, 0))}"
        for name in names
        if name not in ladders
    )
    if not ladders:
        raise ValueError("; ".join(left_out) or "the table holds no model")
    if next_params_b is not None:
        for name, rows in ladders.items():
            check_size(next_params_b, float(rows["params_b"].max()), family=name)
    return ladders, left_out


def diagnose(
    scores: pd.DataFrame,
    *,
    x: str = "hellaswag",
    y: str = "truthfulqa_mc2",
    next_params_b: float | None = None,
    mixed: bool = False,
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
    mixed : bool
        Compare models that were measured under different conditions.
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
    >>> diagnosis = diagnose(toy)
    >>> diagnosis.phase, diagnosis.scale.identified
    ('tax', False)
    """
    require_columns(scores, ("model", "family", "params_b"))
    _check_pair(scores, x, y)
    names = sorted(set(scores["family"]))
    if len(names) != 1:
        raise ValueError(f"one family is needed, got {len(names)} ({', '.join(names)}); use diagnose_all")
    rows = _family_ladder(scores, x, y, mixed=mixed)
    return _diagnosis(scores, rows, x=x, y=y, next_params_b=next_params_b, draws=draws, rng=rng)


def _diagnosis(
    scores: pd.DataFrame,
    rows: pd.DataFrame,
    *,
    x: str,
    y: str,
    next_params_b: float | None,
    draws: int,
    rng: np.random.Generator | int,
) -> Diagnosis:
    """Diagnose one family from all its ``scores`` and the ``rows`` of them that form its ladder."""
    in_panel = overlapping_families(rows)
    seeds = np.random.default_rng(rng).spawn(5)
    paired, remeasured = paired_noise(
        rows, (x, y), scores.attrs.get("samples", {}), draws=draws, rng=seeds[4]
    )
    return Diagnosis(
        family=str(rows["family"].iloc[0]),
        x=x,
        y=y,
        scores=tuple(
            Score(str(row["model"]), float(row["params_b"]), float(row[x]), float(row[y]))
            for row in rows.to_dict("records")
        ),
        intervals=intervals(
            rows,
            x,
            y,
            draws=draws,
            rng=seeds[0],
            remeasured=remeasured,
            prior=panel_prior(x, y, exclude=in_panel),
        ),
        scale=family_scale(
            rows, y, draws=draws, rng=seeds[1], remeasured=remeasured.get(y), exclude=in_panel
        ),
        distance=web_distance(rows, y, exclude=in_panel, rng=seeds[2]),
        in_panel=tuple(sorted(in_panel)),
        neighbours=nearest_families(rows, x, y, exclude=in_panel),
        next_size=predict_size(rows, x, y, params_b=next_params_b, exclude=in_panel),
        dimension=dimension_of(rows, seeds[3]),
        cautions=cautions(rows, exclude=in_panel),
        notes=tuple(scores.attrs.get("notes", ())),
        condition=tuple(rows.attrs.get("condition", ())),
        draws=draws,
        frontier=family_frontier(scores),
        paired=paired,
    )


def diagnose_all(
    scores: pd.DataFrame,
    *,
    x: str = "hellaswag",
    y: str = "truthfulqa_mc2",
    next_params_b: float | None = None,
    mixed: bool = False,
    draws: int = 4000,
    rng: int = 0,
) -> tuple[dict[str, Diagnosis], tuple[str, ...]]:
    """Diagnose every family with two or more usable models; each starts from the same seed.

    Parameters are those of ``diagnose``; ``next_params_b`` is the one size that is predicted for each of them.

    Returns
    -------
    dict of str to Diagnosis
        By the family's name.
    tuple of str
        One sentence for each family left out.

    Raises
    ------
    ValueError
        If there is none; the message says what each lacks. And as ``diagnose``.
    """
    ladders, left_out = family_ladders(scores, x, y, next_params_b=next_params_b, mixed=mixed)
    diagnoses = {}
    for name, rows in ladders.items():
        family = scores[scores["family"] == name]
        family.attrs = dict(scores.attrs)
        diagnoses[name] = _diagnosis(
            family, rows, x=x, y=y, next_params_b=next_params_b, draws=draws, rng=rng
        )
    return diagnoses, left_out
