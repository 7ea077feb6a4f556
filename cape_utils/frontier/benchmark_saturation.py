"""How much of a benchmark's range the best models still leave (paper B)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import pandas as pd

from cape_utils.frontier.benchmark_pair import GPQA, SWE

__all__ = ["Saturation", "saturation", "saturation_cases"]


@dataclass(frozen=True)
class Saturation:
    """Spread of the top models of one axis on that axis and on another, percentage points, and the ratio of the two."""

    old_spread: float
    new_spread: float
    ratio: float
    models: tuple[str, ...]


def saturation(table: pd.DataFrame, *, old: str = SWE, new: str = GPQA, top: int = 5) -> Saturation:
    """Saturation ratio of paper B: the spread of the top five of the old axis on it, over their spread on the new one.

    Examples
    --------
    >>> from cape_utils.frontier.regression import models
    >>> round(saturation(models()).new_spread, 1)
    9.1
    """
    used = table.dropna(subset=[old, new])
    if not 2 <= top <= len(used):
        raise ValueError(f"top={top}; allowed are 2 to the number of models, {len(used)}")
    # A stable sort: of models with equal scores the one that stands first is taken.
    best = used.sort_values(old, ascending=False, kind="stable").head(top)
    spreads = [float(best[name].max() - best[name].min()) for name in (old, new)]
    ratio = spreads[0] / spreads[1] if spreads[1] else math.nan
    return Saturation(spreads[0], spreads[1], ratio, tuple(best["model"]))


def saturation_cases(table: pd.DataFrame, **options: Any) -> pd.DataFrame:
    """The saturation ratio with all models and with each of the top ones left out in turn.

    Returns
    -------
    pandas.DataFrame
        Columns ``case, old_spread, new_spread, ratio``.
    """
    all_models = saturation(table, **options)
    cases = {"all of them": all_models}
    cases |= {
        f"without {name}": saturation(table[table["model"] != name], **options) for name in all_models.models
    }
    return pd.DataFrame(
        [
            {"case": k, "old_spread": s.old_spread, "new_spread": s.new_spread, "ratio": s.ratio}
            for k, s in cases.items()
        ]
    )
