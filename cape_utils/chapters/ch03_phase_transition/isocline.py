"""The isocline of paper A's appendix, its hits, and those of its negation.

``TQA_c = sqrt((a / b) HS)`` in fractions; a model above it is said to cooperate in its next step.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from cape_utils.scaling.coupling import local_coupling
from cape_utils.stats.resampling import null_from_draws
from cape_utils.stats.results import Null

__all__ = [
    "ISOCLINE_RATIO",
    "always_negative_null",
    "isocline_hits",
    "isocline_points",
    "isocline_ratio",
]

ISOCLINE_RATIO = 0.187
"""a / b in ``TQA_c = sqrt((a / b) HS)``, scores as fractions (paper A, appendix)."""


def isocline_ratio(scores: pd.DataFrame, x: str = "hellaswag", y: str = "truthfulqa_mc2") -> float:
    """Mean of TQA squared over HS in fractions: the a / b for which the models lie on the isocline.

    Examples
    --------
    >>> round(isocline_ratio(pd.DataFrame({"hellaswag": [50.0], "truthfulqa_mc2": [30.0]})), 2)
    0.18
    """
    used = scores.dropna(subset=[x, y])
    return float(np.mean((used[y] / 100) ** 2 / (used[x] / 100)))


def isocline_hits(
    scores: pd.DataFrame, x: str = "hellaswag", y: str = "truthfulqa_mc2", *, ratio: float = ISOCLINE_RATIO
) -> pd.DataFrame:
    """How many signs of local couplings the isocline predicts, beside its negation and a constant.

    A model above the curve ``sqrt(ratio HS)`` is said to cooperate: its next step should have a positive coupling.

    Returns
    -------
    pandas.DataFrame
        One row a family: ``n`` intervals whose ``y`` moved or not, ``rule`` hits of the rule as stated, ``negation``
        hits of its opposite, ``always_negative`` hits of "the coupling is negative".
    """
    rows = []
    for family, part in scores.dropna(subset=[x, y]).groupby("family"):
        part = part.sort_values("params_b", kind="stable")
        if len(part) < 2:
            continue
        hs, tqa = part[x].to_numpy(dtype=float) / 100, part[y].to_numpy(dtype=float) / 100
        positive = np.diff(tqa) * np.diff(hs) > 0
        above = (tqa > np.sqrt(ratio * hs))[:-1]
        rows.append(
            {
                "family": family,
                "n": len(positive),
                "rule": int((above == positive).sum()),
                "negation": int((above != positive).sum()),
                "always_negative": int((~positive).sum()),
            }
        )
    return pd.DataFrame(rows)


def always_negative_null(hits: pd.Series, *, draws: int = 4000, rng: np.random.Generator | int = 0) -> Null:
    """How many signs a rule hits that calls every coupling negative, when the signs are drawn anew.

    Parameters
    ----------
    hits : pandas.Series
        A row of ``isocline_hits``; the signs are as often negative as that family's are.
    """
    n, constant = int(hits["n"]), int(hits["always_negative"])
    drawn = np.random.default_rng(rng).binomial(n, constant / n, size=draws).astype(float)
    return null_from_draws(float(hits["rule"]), drawn, n, "always negative, signs drawn anew")


def isocline_points(scores: pd.DataFrame, x: str = "hellaswag", y: str = "truthfulqa_mc2") -> pd.DataFrame:
    """Models in the plane of the isocline, each with the sign of the step that starts at it.

    Returns
    -------
    pandas.DataFrame
        Columns ``family, model, hs, tqa`` (fractions) and ``sign`` ("positive" or "negative"; a step without a
        change counts as negative, as in ``isocline_hits``).
    """
    local = local_coupling(scores, x, y)
    start = scores.set_index(["family", "model"]).loc[
        list(zip(local["family"], local["from_model"], strict=True))
    ]
    return pd.DataFrame(
        {
            "family": local["family"],
            "model": local["from_model"],
            "hs": start[x].to_numpy() / 100,
            "tqa": start[y].to_numpy() / 100,
            "sign": np.where(local["dx"] * local["dy"] > 0, "positive", "negative"),
        }
    )
