"""Width normalisation, and what division alone makes of any two series.

Section 5 of paper A divides the scores of each model by ``d_model / 512`` and reads the positive correlation that
appears as a bottleneck of the output projection. Pearson (1897) showed that two series divided by a third correlate
even where they are unrelated, so every normalised correlation here has a null that is divided in the same way.
Ways to ask about width without dividing are in ``ch04_width_normalization.width_controls``.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from cape_utils import data
from cape_utils.data.schema import require_columns
from cape_utils.stats.correlation import fisher_interval, pearson, rows_pearson
from cape_utils.stats.resampling import null_from_draws
from cape_utils.stats.results import Estimate, Floats, Null

__all__ = [
    "REFERENCE_WIDTH",
    "constant_draws",
    "families_with_width",
    "growth_curve",
    "normalise",
    "normalised_coupling",
    "pair_table",
    "placebo_scores",
    "ratio_draws",
    "ratio_null",
]

REFERENCE_WIDTH = 512
"""Width of Pythia-70M, by which the paper measures all others."""

Shuffle = Literal["one", "both"]


def normalise(score_pct: ArrayLike, d_model: ArrayLike, *, power: float = 1.0) -> Floats:
    """Divide scores by relative width, as paper A does in section 5.1.

    Parameters
    ----------
    score_pct : array_like, shape (..., n)
        In percent.
    d_model : array_like, shape (n,)
        Width of the residual stream.
    power : float
        How fast the denominator grows: 0 divides by one, 1 is the paper's choice.

    Returns
    -------
    ndarray
        Percent per unit of relative width, same shape as the scores.

    Examples
    --------
    >>> normalise([40.0, 40.0], [512, 1024]).tolist()
    [40.0, 20.0]
    """
    width = np.asarray(d_model, dtype=float)
    if not np.all(width > 0):
        raise ValueError("every d_model must be a positive number; leave models of unknown width out first")
    return np.asarray(np.asarray(score_pct, dtype=float) / (width / REFERENCE_WIDTH) ** power)


def _series(x: ArrayLike, y: ArrayLike, d_model: ArrayLike) -> tuple[Floats, Floats, Floats]:
    a, b, w = (np.asarray(v, dtype=float) for v in (x, y, d_model))
    if not a.shape == b.shape == w.shape or a.ndim != 1:
        raise ValueError(
            f"two scores and a width for each model are needed; shapes are {a.shape}, {b.shape}, {w.shape}"
        )
    keep = np.isfinite(a) & np.isfinite(b) & np.isfinite(w)
    if keep.sum() < 3:
        raise ValueError(f"at least 3 models with both scores and a width are needed; there are {keep.sum()}")
    return a[keep], b[keep], w[keep]


def normalised_coupling(x: ArrayLike, y: ArrayLike, d_model: ArrayLike, *, power: float = 1.0) -> Estimate:
    """Pearson's r of two scores after both are divided by width.

    Returns
    -------
    Estimate
        Interval by Fisher's z over models. It takes the points as independent draws; whether division made the
        correlation is the question of ``ratio_null``, not of this interval.

    Examples
    --------
    >>> round(normalised_coupling([30, 40, 50, 60], [45, 43, 40, 38], [512, 1024, 2048, 4096]).estimate, 3)
    0.988
    """
    a, b, w = _series(x, y, d_model)
    r, n = pearson(normalise(a, w, power=power), normalise(b, w, power=power)), len(a)
    low, high = fisher_interval(r, n - 3)
    return Estimate(r, low, high, n, "both scores divided by relative width, Fisher z over models")


def ratio_draws(
    x: ArrayLike,
    y: ArrayLike,
    d_model: ArrayLike,
    *,
    shuffle: Shuffle = "one",
    power: float = 1.0,
    draws: int = 10_000,
    rng: np.random.Generator | int = 0,
) -> Floats:
    """Normalised r when scores are handed to the wrong models before the division, shape (draws,).

    Parameters
    ----------
    x, y, d_model : array_like, shape (n,)
        The widths stay with their models; the unit shuffled is the model's score.
    shuffle : {"one", "both"}
        ``"one"`` shuffles ``y`` only, so that ``x`` keeps its trend; ``"both"`` shuffles each on its own.
    """
    if shuffle not in ("one", "both"):
        raise ValueError(f"shuffle={shuffle!r}; allowed are 'one' and 'both'")
    a, b, w = _series(x, y, d_model)
    generator = np.random.default_rng(rng)
    right = generator.permuted(np.tile(b, (draws, 1)), axis=1)
    first = generator.permuted(np.tile(a, (draws, 1)), axis=1) if shuffle == "both" else a
    return rows_pearson(normalise(first, w, power=power), normalise(right, w, power=power))


def ratio_null(
    x: ArrayLike,
    y: ArrayLike,
    d_model: ArrayLike,
    *,
    shuffle: Shuffle = "one",
    power: float = 1.0,
    draws: int = 10_000,
    rng: np.random.Generator | int = 0,
) -> Null:
    """What division by a common width makes of scores that no longer belong to their models.

    A normalised correlation inside this range is what the division gives; one beyond it says something of the scores.

    Examples
    --------
    >>> ratio_null([30, 40, 50, 60], [45, 43, 40, 38], [512, 1024, 2048, 4096], draws=200).value > 0.9
    True
    """
    a, b, w = _series(x, y, d_model)
    drawn = ratio_draws(a, b, w, shuffle=shuffle, power=power, draws=draws, rng=rng)
    what = "TruthfulQA" if shuffle == "one" else "both scores"
    observed = normalised_coupling(a, b, w, power=power).estimate
    return null_from_draws(observed, drawn, len(a), f"{what} shuffled, then divided by the same widths")


def constant_draws(
    d_model: ArrayLike,
    *,
    levels_pct: tuple[float, float] = (50.0, 40.0),
    noise_pp: float = 2.0,
    draws: int = 10_000,
    rng: np.random.Generator | int = 0,
) -> Floats:
    """Normalised r of two constants with independent normal noise, shape (draws,): no scores at all.

    Parameters
    ----------
    d_model : array_like, shape (n,)
    levels_pct : tuple of float
        The two constants, in percent.
    noise_pp : float
        Standard deviation of the noise, in percentage points.
    """
    width = np.asarray(d_model, dtype=float)
    generator = np.random.default_rng(rng)
    simulated = [level + noise_pp * generator.standard_normal((draws, len(width))) for level in levels_pct]
    return rows_pearson(*(normalise(scores, width) for scores in simulated))


def growth_curve(
    x: ArrayLike,
    y: ArrayLike,
    d_model: ArrayLike,
    *,
    powers: Sequence[float] = tuple(np.round(np.arange(0, 2.01, 0.1), 1)),
    shuffle: Shuffle = "one",
    draws: int = 2000,
    rng: int = 0,
) -> pd.DataFrame:
    """R against how fast the denominator grows, with the shuffled null divided alike (Pearson 1897).

    Returns
    -------
    pandas.DataFrame
        One row for each power of relative width: ``power, r, null_r, low, high, p``.
    """
    a, b, w = _series(x, y, d_model)
    rows = []
    for power in powers:
        null = ratio_null(a, b, w, shuffle=shuffle, power=float(power), draws=draws, rng=rng)
        rows.append((float(power), null.observed, null.value, null.low, null.high, null.p))
    return pd.DataFrame(rows, columns=["power", "r", "null_r", "low", "high", "p"])


def families_with_width(
    table: pd.DataFrame, *, min_models: int = 4, families: Sequence[str] = ()
) -> dict[str, pd.DataFrame]:
    """Families with enough sizes of known width, each in order of size.

    Parameters
    ----------
    table : pandas.DataFrame
        With ``family, params_b, d_model``, as ``data.with_architecture`` gives.
    min_models : int
        Smallest number of distinct sizes.
    families : sequence of str
        Only these, if any are named.
    """
    require_columns(table, ("family", "params_b", "d_model"), "see data.with_architecture")
    known = table.dropna(subset=["d_model"]).sort_values("params_b", kind="stable")
    return {
        str(name): part
        for name, part in known.groupby("family")
        if part["params_b"].nunique() >= min_models and (not families or name in families)
    }


def pair_table(parts: dict[str, pd.DataFrame], benchmarks: Sequence[str] = data.BENCHMARKS) -> pd.DataFrame:
    """Raw and normalised r of every pair of benchmarks in every family.

    Returns
    -------
    pandas.DataFrame
        Columns ``family, x, y, raw, normalised, n``; pairs with fewer than four models are left out.
    """
    rows = []
    for family, part in parts.items():
        for x, y in itertools.combinations(benchmarks, 2):
            used = part.dropna(subset=[x, y, "d_model"])
            if len(used) < 4:
                continue
            a, b, w = (used[name].to_numpy(dtype=float) for name in (x, y, "d_model"))
            raw, divided = pearson(a, b), normalised_coupling(a, b, w).estimate
            rows.append((family, x, y, raw, divided, len(used)))
    return pd.DataFrame(rows, columns=["family", "x", "y", "raw", "normalised", "n"])


def placebo_scores(
    part: pd.DataFrame, *, noise_pp: float = 2.0, rng: np.random.Generator | int = 0
) -> pd.DataFrame:
    """A family's two scores beside scores that mean nothing, all with the same widths.

    Parameters
    ----------
    part : pandas.DataFrame
        One family with ``model, d_model, hellaswag, truthfulqa_mc2``.
    noise_pp : float
        Standard deviation around the constants, in percentage points.

    Returns
    -------
    pandas.DataFrame
        Columns ``case, model, d_model, x, y``; the cases are ``"as measured"``, ``"TruthfulQA shuffled"`` (one shuffle)
        and ``"constants with noise"`` (the family's mean scores).
    """
    generator = np.random.default_rng(rng)
    a, b, _ = _series(part["hellaswag"], part["truthfulqa_mc2"], part["d_model"])
    flat = [values.mean() + noise_pp * generator.standard_normal(len(a)) for values in (a, b)]
    cases = {
        "as measured": (a, b),
        "TruthfulQA shuffled": (a, generator.permutation(b)),
        "constants with noise": (flat[0], flat[1]),
    }
    keep = part.dropna(subset=["hellaswag", "truthfulqa_mc2", "d_model"])[["model", "d_model"]]
    return pd.concat([keep.assign(case=case, x=x, y=y) for case, (x, y) in cases.items()], ignore_index=True)
