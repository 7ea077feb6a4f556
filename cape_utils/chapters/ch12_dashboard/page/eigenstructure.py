"""How many dimensions the scores in the form span, beside as many models of the panel; axes and correlations.

The ratio is that of ``diagnosis.score_warnings``. What as many models of the panel give is drawn, so it is drawn here once for
every set of the page's benchmarks and every number of models, and the page is told.
"""

from __future__ import annotations

import functools
import itertools
import math
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from cape_utils import data
from cape_utils.chapters.ch12_dashboard.page.case import Case
from cape_utils.diagnosis.score_warnings import FEWEST_MODELS, dimension_of, usual_ratios
from cape_utils.reports.sections import dimension_words
from cape_utils.scaling.spectrum import pca

__all__ = ["AXES", "DISTINCT", "known", "part"]

AXES = 2
"""Components whose loadings are shown."""

DISTINCT = 1e-6
"""Share of the variance by which an eigenvalue must differ from its neighbours and from zero for its axis to be one axis."""

_SEED = 0
_TIE = 1e-9  # entries of a unit vector nearer than this are equally large, and the first is positive


def part(case: Case) -> dict[str, Any] | None:
    """Ratio, components and correlations of the ladder; None with fewer than three models or two benchmarks that all have.

    Examples
    --------
    >>> from cape_utils.chapters.ch12_dashboard.page.answer import answer
    >>> toy = pd.DataFrame({"model": ["a", "b", "c"], "family": "f", "params_b": [1.0, 3.0, 7.0],
    ...                     "hellaswag": [45.0, 60.0, 70.0], "truthfulqa_mc2": [42.0, 36.0, 39.0]})
    >>> found = answer(toy)["eigenstructure"]
    >>> round(found["ratio"], 2), found["loadings"][0][0] > 0
    (1.07, True)
    """
    dimension = dimension_of(case.ladder, _SEED)
    if dimension is None:
        return None
    names = list(dimension.benchmarks)
    if not set(names) <= set(data.BENCHMARKS):
        # The page holds the ranges of the five benchmarks alone.
        dimension = replace(dimension, usual_low=math.nan, usual_high=math.nan)
    spectrum = pca(case.ladder, names)
    values, vectors = np.array(spectrum.eigenvalues), spectrum.loadings.to_numpy()
    apart = np.abs(np.diff(values, prepend=np.inf, append=0)) > DISTINCT * values.sum()
    return {
        "benchmarks": names,
        "n": dimension.n,
        "ratio": dimension.ratio,
        "ceiling": dimension.ceiling,
        "usual_low": dimension.usual_low,
        "usual_high": dimension.usual_high,
        "words": dimension_words(dimension),
        "eigenvalues": values.tolist(),
        "loadings": [
            _signed(vectors[:, k]) if apart[k] and apart[k + 1] else None
            for k in range(min(AXES, len(names)))
        ],
        "correlations": _correlations(case.ladder[names]),
    }


def _signed(vector: np.ndarray[Any, Any]) -> list[float]:
    size = np.abs(vector)
    lead = vector[int(np.argmax(size >= size.max() - _TIE))]
    return [float(value) for value in vector * np.sign(lead)]


def _correlations(scores: pd.DataFrame) -> list[list[float]]:
    """Pearson's r of each pair; NaN for a benchmark on which all models score alike."""
    centred = scores.to_numpy(dtype=float) - scores.mean().to_numpy()
    centred[:, scores.nunique() < 2] = math.nan
    unit = centred / np.sqrt((centred**2).sum(axis=0))
    matrix: list[list[float]] = (unit.T @ unit).tolist()
    return matrix


@functools.cache
def known(most: int) -> dict[str, Any]:
    """What the page must know.

    Parameters
    ----------
    most : int
        Models that the form takes.

    Returns
    -------
    dict
        ``usual`` gives, for each set of benchmarks, the 95% range of the ratio from ``fewest`` models to ``most``; ``chance_r``
        the largest correlation that so many independent models show in 95% of samples where there is none.
    """
    sizes = range(FEWEST_MODELS, most + 1)
    sets = [
        names
        for count in range(2, len(data.BENCHMARKS) + 1)
        for names in itertools.combinations(data.BENCHMARKS, count)
    ]
    t = [float(stats.t.ppf(0.975, n - 2)) for n in sizes]
    return {
        "usual": {",".join(names): [list(usual_ratios(names, n, _SEED)) for n in sizes] for names in sets},
        "chance_r": [value / math.sqrt(n - 2 + value**2) for n, value in zip(sizes, t, strict=True)],
        "fewest": FEWEST_MODELS,
        "axes": AXES,
        "distinct": DISTINCT,
        "tie": _TIE,
    }
