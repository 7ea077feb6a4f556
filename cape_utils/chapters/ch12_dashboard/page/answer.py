"""What the dashboard in the page says of a family, computed by the package: the page's own arithmetic is held to this.

The page follows each keystroke, so it draws nothing at random: the plain probabilities are those of
``scaling.coupling.local_coupling`` and the range of a coupling is Fieller's, where ``cape diagnose`` draws test items and so
agrees to the noise of its draws. The calibrated probabilities are those of ``cape diagnose``. Checks, cautions and sentences
are the package's. What the page must know for this is written by ``constants``. Each of ``PARTS`` has a module of its own
here and a file of its name in ``book/dashboard``.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from cape_utils import data
from cape_utils.chapters.ch12_dashboard import size_baseline
from cape_utils.chapters.ch12_dashboard.page import eigenstructure, frontier, interventions
from cape_utils.chapters.ch12_dashboard.page.case import Case
from cape_utils.chapters.ch12_dashboard.page.critical_scale import critical_scale
from cape_utils.chapters.ch12_dashboard.page.measured import measured
from cape_utils.chapters.ch12_dashboard.page.next_size import next_size
from cape_utils.chapters.ch12_dashboard.page.prior import prior
from cape_utils.chapters.ch12_dashboard.page.web_distance import nearest_models, web_distance
from cape_utils.chapters.ch12_dashboard.recompute import dashboard_formula
from cape_utils.data.benchmarks import benchmarks_of, items_of
from cape_utils.diagnosis.family_diagnosis import _check_pair, _family_ladder
from cape_utils.diagnosis.panel_comparison import nearest_families, overlapping_families
from cape_utils.diagnosis.phase_prior import phase_probabilities
from cape_utils.diagnosis.score_warnings import cautions
from cape_utils.diagnosis.steps import CouplingStep
from cape_utils.reports.sections import step_headline
from cape_utils.scaling.coupling import PHASES, local_coupling, phase
from cape_utils.stats.item_noise import item_error
from cape_utils.stats.results import to_jsonable

__all__ = ["LEVEL", "PARTS", "RISES", "TIE", "answer", "by_size", "coupling_range", "steps"]

LEVEL = 0.95
"""Confidence of the range of a coupling."""

RISES = 1 - (1 - LEVEL) / 2
"""Probability that the first score moves in one direction below which a coupling has no range: it is then Fieller's bound."""

TIE = 1e-9
"""Probabilities nearer than this are equal, and the first of the phases is named: a score that does not move ties two."""


PARTS: dict[str, Callable[[Case], Any]] = {
    "measured": measured,
    "critical_scale": critical_scale,
    "next_size": next_size,
    "web_distance": web_distance,
    "nearest_models": nearest_models,
    "eigenstructure": eigenstructure.part,
    "frontier": frontier.part,
    "interventions": interventions.part,
}
"""Parts of the answer by name, as in ``book/dashboard``."""


def coupling_range(
    dx: float, dy: float, se_dx: float, se_dy: float, *, level: float = LEVEL
) -> tuple[float, float]:
    """Fieller's confidence limits for ``dy / dx`` of independent normals; NaN where no finite range has that confidence.

    Parameters
    ----------
    dx, dy, se_dx, se_dy : float
        Changes of two scores and their standard errors, percentage points.
    level : float

    Returns
    -------
    tuple of float
        Low and high; both NaN where ``dx`` cannot be told from zero at this level, since then no ratio can be excluded from
        both sides. Source: Fieller 1954, J. R. Stat. Soc. B 16.

    Examples
    --------
    >>> [round(end, 2) for end in coupling_range(10.0, -5.0, 0.7, 2.4)]
    [-0.99, -0.03]
    >>> coupling_range(1.0, -5.0, 0.7, 2.4)
    (nan, nan)
    """
    z = float(stats.norm.ppf(0.5 + level / 2))
    room = dx**2 - (z * se_dx) ** 2
    if not room > 0:
        return math.nan, math.nan
    half = z * math.sqrt((dx * se_dy) ** 2 + (dy * se_dx) ** 2 - (z * se_dx * se_dy) ** 2)
    return (dx * dy - half) / room, (dx * dy + half) / room


def steps(
    rows: pd.DataFrame, x: str, y: str, *, exclude: frozenset[str] = frozenset()
) -> tuple[CouplingStep, ...]:
    """Each step of one ladder, with nothing drawn at random.

    Parameters
    ----------
    rows : pandas.DataFrame
        Of one family, with both scores.
    x, y : str
    exclude : frozenset of str
        Families of the open panel that hold the same models: calibrated probabilities rest on the others.

    Returns
    -------
    tuple of CouplingStep
        ``median`` is the coupling, ``low`` and ``high`` are Fieller's limits, plain probabilities those of ``local_coupling``.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        local = local_coupling(rows, x, y)
        rises = stats.norm.cdf(local["dx"] / local["se_dx"])
    calibrated = np.full((len(local), 3), np.nan)
    known = prior(x, y, exclude)
    if known is not None:
        columns = ("dx", "dy", "se_dx", "se_dy", "from_params_b", "to_params_b")
        calibrated = phase_probabilities(known, *(local[name].to_numpy(dtype=float) for name in columns))
    found = []
    for row, p_rises, weighed in zip(local.to_dict("records"), rises, calibrated, strict=True):
        shares = {name: float(row[f"p_{name}"]) for name in PHASES}
        if abs(shares["tax"] - shares["bonus"]) < TIE:
            shares["bonus"] = shares["tax"]
        learnt = dict(zip(PHASES, map(float, weighed), strict=True))
        named = row["phase"] if isinstance(row["phase"], str) else "transition"
        for chances in (shares, learnt):
            if not any(math.isnan(share) for share in chances.values()):
                named = next(name for name in PHASES if chances[name] >= max(chances.values()) - TIE)
        low, high = coupling_range(row["dx"], row["dy"], row["se_dx"], row["se_dy"])
        found.append(
            CouplingStep.of_row(
                row,
                ends=(low, float(row["coupling"]), high),
                shares=shares,
                learnt=learnt,
                rises=float(p_rises),
                phase=named,
            )
        )
    return tuple(found)


@functools.cache
def _lines() -> tuple[tuple[float, float], size_baseline.Formula]:
    """The dashboard's line and the text's, as the ledger quotes them."""
    return dashboard_formula(), size_baseline.formula()


def by_size(params_b: float) -> dict[str, Any]:
    """Coupling and phase that a size alone gives: by the line of the paper's dashboard and by that of its text.

    Examples
    --------
    >>> found = by_size(1.0)
    >>> found["dashboard"]["phase"], round(found["text"]["coupling"], 2)
    ('tax', -0.34)
    """
    (slope, intercept), rule = _lines()
    lines = {
        "dashboard": slope * (math.log10(params_b) + 9) + intercept,
        "text": float(rule.coupling_at(params_b)),
    }
    return {name: {"coupling": float(value), "phase": str(phase(value))} for name, value in lines.items()}


def answer(scores: pd.DataFrame, x: str = "hellaswag", y: str = "truthfulqa_mc2") -> dict[str, Any]:
    """Everything that the page shows of one family.

    Parameters
    ----------
    scores : pandas.DataFrame
        Of one family, as from ``data.user_scores.load_scores``.
    x, y : str

    Returns
    -------
    dict
        Plain objects for JSON; what is not known is None. ``problem`` says why there is no step, and is empty if there is.

    Examples
    --------
    >>> toy = pd.DataFrame({"model": ["a-1B", "a-3B"], "family": "a", "params_b": [1.0, 3.0],
    ...                     "hellaswag": [45.0, 60.0], "truthfulqa_mc2": [42.0, 36.0]})
    >>> answer(toy)["steps"][0]["coupling"]
    -0.4
    """
    whole = scores.reindex(columns=list(dict.fromkeys([*scores, x, y])))
    problem, ladder = "", whole.dropna(subset=[x, y])
    try:
        _check_pair(scores, x, y)
        ladder = _family_ladder(scores, x, y, mixed=True)
    except ValueError as error:
        problem = str(error)
    ladder = ladder.sort_values("params_b", kind="stable").reset_index(drop=True)
    in_panel = overlapping_families(ladder)
    family = str(scores["family"].iloc[0])
    found = () if problem else steps(ladder, x, y, exclude=frozenset(in_panel))
    case = Case(family, x, y, scores, ladder, frozenset(in_panel), problem, found)
    both = not problem or (x != y and x in ladder and y in ladder)
    near = nearest_families(ladder, x, y, exclude=in_panel) if both else ()
    plain: dict[str, Any] = to_jsonable(
        {
            "problem": problem,
            "models": list(ladder["model"]),
            "errors": {
                name: [float(v) for v in item_error(ladder[name], items_of(ladder, name))]
                for name in dict.fromkeys([*data.BENCHMARKS, *benchmarks_of(scores)])
                if name in ladder
            },
            "by_size": [by_size(float(size)) for size in ladder["params_b"]],
            "steps": [_plain(step) for step in found],
            "headline": step_headline(family, found[-1], x, y) if found else "",
            "cautions": [
                {"kind": one.kind, "benchmark": one.benchmark, "models": list(one.models), "text": one.text}
                for one in cautions(ladder, exclude=in_panel)
            ],
            "in_panel": sorted(in_panel),
            "neighbours": [
                {"family": one.family, "distance_pp": one.distance_pp, "sizes": one.sizes} for one in near
            ],
            **{name: part(case) for name, part in PARTS.items()},
        }
    )
    return plain


def _plain(step: CouplingStep) -> dict[str, Any]:
    names = (
        *("from_model", "to_model", "from_params_b", "to_params_b", "dx", "dy", "se_dx", "se_dy", "coupling"),
        *("se", "low", "high", "p_tax", "p_transition", "p_bonus", "p_x_rises", "phase"),
    )
    learnt = {f"p_{name}": getattr(step, f"calibrated_{name}") for name in PHASES}
    return {**{name: getattr(step, name) for name in names}, "calibrated": learnt}
