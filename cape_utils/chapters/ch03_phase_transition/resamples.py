"""Which rows a bootstrap takes, model by model or family by family, and the critical scale that each draw gives.

The intervals of the chapter are those of ``scaling.critical_scale.quadratic``; here single draws are laid open.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from cape_utils.scaling.critical_scale import parabola_minimum_b, score_rows
from cape_utils.stats.resampling import family_counts

__all__ = ["UNITS", "resampled"]

UNITS = ("models", "families")
"""What is drawn with replacement."""


def resampled(
    rows: pd.DataFrame,
    y: str = "truthfulqa_mc2",
    *,
    examples: int = 6,
    draws: int = 400,
    rng: np.random.Generator | int = 0,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Draws of a bootstrap over models and of one over families.

    Parameters
    ----------
    rows : pandas.DataFrame
        Columns ``family, model, params_b`` and ``y`` in percent.
    y : str
    examples : int
        Draws whose rows are listed.
    draws : int
    rng : Generator or int

    Returns
    -------
    picks : pandas.DataFrame
        ``unit, draw`` (from 1), ``family, model, params_b`` and ``times``, how often the draw takes the row.
    estimates : pandas.DataFrame
        ``unit, draw`` and ``scale_b``, the minimum of the parabola in billions; NaN where there is none.

    Examples
    --------
    >>> toy = pd.DataFrame({"family": list("aabb"), "model": list("wxyz"), "params_b": [1.0, 3, 1, 3], "score": [4.0, 2, 5, 3]})
    >>> picks, _ = resampled(toy, "score", examples=1, draws=1)
    >>> picks.query("unit == 'families'").groupby("family")["times"].nunique().tolist()
    [1, 1]
    """
    used, generator = score_rows(rows, y), np.random.default_rng(rng)
    codes, families = pd.factorize(used["family"])
    n = len(used)
    times = {
        "models": family_counts(n, draws, generator),
        "families": family_counts(len(families), draws, generator)[:, codes],
    }
    sizes, score = used["params_b"].to_numpy(float), used[y].to_numpy(float)
    picks, estimates = [], []
    for unit in UNITS:
        for draw, counts in enumerate(times[unit].astype(int), start=1):
            taken = np.repeat(np.arange(n), counts)
            scale_b = parabola_minimum_b(sizes[taken], score[taken])
            estimates.append({"unit": unit, "draw": draw, "scale_b": scale_b})
            if draw <= examples:
                picks.append(used[["family", "model", "params_b"]].assign(unit=unit, draw=draw, times=counts))
    return pd.concat(picks, ignore_index=True), pd.DataFrame(estimates)
