"""What to beware of in a family's scores, and how many dimensions so few models can show.

A score at chance, on the floor or near the top tells little, and the participation ratio of section 2.3 of paper A cannot
exceed the number of models less one. Used by ``diagnosis.family_diagnosis``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from cape_utils import data
from cape_utils.data.benchmarks import benchmarks_of, chance_of, items_of
from cape_utils.scaling.spectrum import pca, small_sample
from cape_utils.stats.item_noise import item_error

__all__ = [
    "CAUTION_WORDS",
    "FEWEST_MODELS",
    "Caution",
    "Dimension",
    "caution_words",
    "cautions",
    "dimension_of",
    "usual_ratios",
]

FEWEST_MODELS = 3
"""Models below which the dimensions of a family's scores are not counted."""

_FLOOR_PCT, _CEILING_PCT, _HIGH_PCT, _NEAR_BEST_PP = 2.0, 95.0, 85.0, 2.0

CAUTION_WORDS = {
    "chance": "{title} cannot be told from guessing ({chance}%) by its test items",
    "below chance": "{title} is below the score of a guesser ({chance}%): popular errors are preferred to the truth",
    "floor": f"{{title}} is below {_FLOOR_PCT:g}%, where almost nothing can be told apart",
    "saturation": f"{{title}} is {_CEILING_PCT:g}% or more, or {_HIGH_PCT:g}% or more and near the best of the open panel",
    "top of the panel": "{title} is near or above the best of the open panel, so that few models are left to compare with",
    "noise not known": "{title} has an unknown number of test items, so that no phase can be given a probability",
}
"""What each kind of caution says, where ``{title}`` is the benchmark's and ``{chance}`` the score of a guesser in percent."""


@dataclass(frozen=True)
class Caution:
    """A reason to trust a score less.

    Attributes
    ----------
    kind : str
        ``chance``, ``below chance``, ``floor``, ``saturation``, ``top of the panel`` or ``noise not known``.
    benchmark : str
    models : tuple of str
    text : str
    """

    kind: str
    benchmark: str
    models: tuple[str, ...]
    text: str


@dataclass(frozen=True)
class Dimension:
    """Participation ratio of the family's scores, with what so few models can show.

    Attributes
    ----------
    ratio : float
        Dimensions, from the covariance of the scores.
    ceiling : int
        The most that this number of models and benchmarks can give.
    usual_low, usual_high : float
        95% range for as many models drawn at random from the open panel's covariance; NaN where it lacks a benchmark.
    n : int
        Models.
    benchmarks : tuple of str
    """

    ratio: float
    ceiling: int
    usual_low: float
    usual_high: float
    n: int
    benchmarks: tuple[str, ...]


def cautions(
    rows: pd.DataFrame, benchmarks: Sequence[str] | None = None, *, exclude: frozenset[str] = frozenset()
) -> tuple[Caution, ...]:
    """Scores at chance, on the floor or near the top, and benchmarks whose noise is not known.

    Parameters
    ----------
    rows : pandas.DataFrame
        With ``model`` and benchmarks in percent.
    benchmarks : sequence of str, optional
        All of the table by default.
    exclude : frozenset of str
        Families of the open panel that do not count as others.

    Examples
    --------
    >>> toy = pd.DataFrame({"model": ["a", "b"], "hellaswag": [25.2, 96.0]})
    >>> [(found.kind, found.models) for found in cautions(toy)]
    [('chance', ('a',)), ('saturation', ('b',))]
    """
    panel = data.panel("open", rows="one_recipe")
    panel = panel[~panel["family"].isin(exclude)]
    warnings = []
    for name in benchmarks_of(rows) if benchmarks is None else benchmarks:
        used = rows.dropna(subset=[name])
        score, chance, items = used[name].to_numpy(dtype=float), chance_of(rows, name), items_of(used, name)
        noise = np.nan_to_num(item_error(score, items))
        best = float(panel[name].max()) if name in panel else math.inf
        saturated = (score >= _CEILING_PCT) | ((score >= best - _NEAR_BEST_PP) & (score >= _HIGH_PCT))
        masks = {
            "chance": np.abs(score - chance) <= 2 * noise
            if name.startswith("truthfulqa")
            else (chance > 0) & (score <= chance + 2 * noise),
            "below chance": (score < chance - 2 * noise) & name.startswith("truthfulqa"),
            "floor": (chance == 0) & (score < _FLOOR_PCT),
            "saturation": saturated,
            "top of the panel": (score >= best - _NEAR_BEST_PP) & ~saturated,
            "noise not known": ~np.isfinite(items),
        }
        for kind, mask in masks.items():
            if np.any(mask):
                models = tuple(map(str, used["model"].to_numpy()[mask]))
                warnings.append(Caution(kind, name, models, caution_words(name, chance)[kind]))
    return tuple(warnings)


def caution_words(benchmark: str, chance: float | None = None) -> dict[str, str]:
    """What each kind of caution says of a benchmark's scores.

    Parameters
    ----------
    benchmark : str
    chance : float, optional
        Score of a guesser, percent; that of the table ``benchmarks`` by default.

    Examples
    --------
    >>> caution_words("hellaswag")["chance"]
    'HellaSwag cannot be told from guessing (25%) by its test items'
    """
    known = data.chance_pct(benchmark) if chance is None else chance
    title = data.benchmark_title(benchmark)
    return {kind: words.format(title=title, chance=f"{known:g}") for kind, words in CAUTION_WORDS.items()}


def usual_ratios(benchmarks: Sequence[str], n: int, rng: np.random.Generator | int) -> tuple[float, float]:
    """95% range of the participation ratio of n models drawn from the open panel's covariance of these benchmarks.

    NaN where the panel lacks one of them.

    Examples
    --------
    >>> [round(end, 1) for end in usual_ratios(["hellaswag", "truthfulqa_mc2"], 8, 0)]
    [1.0, 1.7]
    """
    panel = data.panel("open", rows="one_recipe")
    if not set(benchmarks) <= set(panel):
        return math.nan, math.nan
    usual = small_sample(panel[list(benchmarks)].dropna().cov().to_numpy(), [n], rng=rng).iloc[0]
    return float(usual["low"]), float(usual["high"])


def dimension_of(rows: pd.DataFrame, rng: np.random.Generator | int) -> Dimension | None:
    """Participation ratio of one family; None with fewer than three models or two benchmarks that all have."""
    names = [name for name in benchmarks_of(rows) if rows[name].notna().all()]
    if len(rows) < FEWEST_MODELS or len(names) < 2 or (rows[names].nunique() < 2).all():
        return None
    spectrum = pca(rows, names)
    low, high = usual_ratios(names, len(rows), rng)
    return Dimension(
        ratio=spectrum.participation_ratio,
        ceiling=min(len(names), len(rows) - 1),
        usual_low=low,
        usual_high=high,
        n=len(rows),
        benchmarks=tuple(names),
    )
