"""The argument of the chapter on one page: the paper's dashboard and the scores, on one family, with one score moved.

The rule is the formula of the paper's dashboard as the ledger quotes it, not its code; what the scores say is what the book's own
page says.
"""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from cape_utils.chapters.ch12_dashboard import size_baseline
from cape_utils.chapters.ch12_dashboard.page.answer import by_size, steps
from cape_utils.chapters.ch12_dashboard.recompute import dashboard_formula
from cape_utils.diagnosis.steps import CouplingStep

__all__ = ["one_score_moved", "released_formula", "two_models"]


def released_formula() -> size_baseline.Formula:
    """The formula of the paper's dashboard, as a slope and the size at which it is zero.

    Examples
    --------
    >>> rule = released_formula()
    >>> rule.slope, round(rule.critical_b, 2)
    (0.629, 2.28)
    """
    slope, intercept = dashboard_formula()
    return size_baseline.Formula(slope, 10 ** (-intercept / slope - 9))


def one_score_moved(
    scores: pd.DataFrame, levels: Sequence[float], x: str = "hellaswag", y: str = "truthfulqa_mc2"
) -> pd.DataFrame:
    """What both dashboards say of a family's largest model as one of its scores is moved and nothing else.

    Parameters
    ----------
    scores : pandas.DataFrame
        One family with both scores; ``model, family, params_b`` and percent.
    levels : sequence of float
        Scores of ``y`` to give the largest model, percent; its own stands first.
    x, y : str

    Returns
    -------
    pandas.DataFrame
        A row a level: ``level``, ``params_b`` (billions), ``by_size`` (phase by the dashboard's formula), ``by_scores``
        (likeliest phase of the last step), ``probability`` of that phase, and ``moved``, False for the measured score.

    Examples
    --------
    >>> toy = pd.DataFrame({"model": ["a-1B", "a-3B"], "family": "a", "params_b": [1.0, 3.0],
    ...                     "hellaswag": [45.0, 60.0], "truthfulqa_mc2": [42.0, 30.0]})
    >>> list(one_score_moved(toy, [60.0])["by_scores"]), set(one_score_moved(toy, [60.0])["by_size"])
    (['tax', 'bonus'], {'transition'})
    """
    largest = scores["params_b"] == scores["params_b"].max()
    size = float(scores["params_b"].max())
    rows: list[dict[str, object]] = []
    for level in (float(scores.loc[largest, y].iloc[0]), *levels):
        last = steps(scores.assign(**{y: scores[y].where(~largest, level)}), x, y)[-1]
        rows.append(
            {
                "level": level,
                "params_b": size,
                "by_size": by_size(size)["dashboard"]["phase"],
                "by_scores": last.phase,
                "probability": max(last.p_tax, last.p_transition, last.p_bonus),
                "moved": bool(rows),
            }
        )
    return pd.DataFrame(rows)


def two_models(
    smaller: Sequence[float], larger: Sequence[float], x: str = "hellaswag", y: str = "truthfulqa_mc2"
) -> CouplingStep:
    """The step between two models, as the page gives it.

    Parameters
    ----------
    smaller, larger : sequence of float
        Billion parameters, then the scores of ``x`` and ``y`` in percent.
    x, y : str

    Examples
    --------
    >>> step = two_models((1.4, 54.6, 37.9), (7.0, 72.3, 35.2))
    >>> round(step.coupling, 3), step.phase
    (-0.153, 'tax')
    """
    rows = pd.DataFrame([smaller, larger], columns=["params_b", x, y], dtype=float)
    return steps(rows.assign(family="yours", model=["a", "b"]), x, y)[0]
