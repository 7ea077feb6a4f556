"""Groups of models by phase or size: how many dimensions each spans, and how many random groups of its size would.

Section 2.3 of paper A compares the participation ratio of phases. The random split asks whether the phase has anything
to do with it: the same models, assigned at random to groups of the same sizes. The ratio itself is in
``scaling.spectrum``, the couplings that make phases in ``scaling.coupling``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
import pandas as pd

from cape_utils import data
from cape_utils.scaling import coupling
from cape_utils.scaling.spectrum import Matrix, check_matrix, complete_rows, dimension, weighted_ratios
from cape_utils.stats.resampling import null_from_draws
from cape_utils.stats.results import Floats, Null

__all__ = ["SIZE_BANDS", "difference_null", "group_dimensions", "model_phases", "size_bands", "split_null"]

Give = Literal["start_else_end", "start", "end"]
SIZE_BANDS: dict[str, tuple[float, float]] = {
    "below 1B": (0.0, 1.0),
    "1B to 3.5B": (1.0, 3.5),
    "3.5B to 10B": (3.5, 10.0),
    "10B to 30B": (10.0, 30.0),
    "30B and above": (30.0, float("inf")),
}
"""Billion parameters, the lower end included; 3.5 is the paper's critical scale."""


def size_bands(params_b: pd.Series[float]) -> pd.Series[str]:
    """Band of each size, by ``SIZE_BANDS``.

    Examples
    --------
    >>> size_bands(pd.Series([0.5, 3.5, 70.0])).tolist()
    ['below 1B', '3.5B to 10B', '30B and above']
    """
    edges = [low for low, _ in SIZE_BANDS.values()] + [np.inf]
    if (params_b <= 0).any():
        raise ValueError("sizes must be positive, in billion parameters")
    cut = pd.cut(params_b, edges, right=False, labels=list(SIZE_BANDS))
    return cut.astype("object").rename("band")


def model_phases(scores: pd.DataFrame, *, give: Give = "start_else_end") -> pd.Series[str]:
    """Phase of each model, from the step in size that it belongs to.

    Parameters
    ----------
    scores : pandas.DataFrame
        As for ``scaling.coupling.local_coupling``.
    give : {"start_else_end", "start", "end"}
        A phase belongs to a step between two models. ``"start"`` gives a model the step that starts at it,
        ``"end"`` the one that ends at it, and ``"start_else_end"`` counts as ``scaling.coupling.phase_counts`` does: the step
        that starts, and for the largest of a family the one that ends.

    Returns
    -------
    pandas.Series
        Aligned with ``scores``; missing where a model has no such step.
    """
    if give not in ("start_else_end", "start", "end"):
        raise ValueError(f"give={give!r}; allowed are 'start_else_end', 'start' and 'end'")
    local = coupling.local_coupling(scores)
    starts = dict(zip(zip(local["family"], local["from_model"], strict=True), local["phase"], strict=True))
    ends = dict(zip(zip(local["family"], local["to_model"], strict=True), local["phase"], strict=True))
    known = {"start": starts, "end": ends, "start_else_end": {**ends, **starts}}[give]
    keys = zip(scores["family"], scores["model"], strict=True)
    return pd.Series([known.get(key) for key in keys], index=scores.index, dtype="object", name="phase")


def _labelled(
    scores: pd.DataFrame, labels: pd.Series[str], benchmarks: Sequence[str]
) -> tuple[pd.DataFrame, Floats, pd.Series[str]]:
    if len(labels) != len(scores):
        raise ValueError(f"one label for each row is needed; {len(labels)} came for {len(scores)} rows")
    aligned = pd.Series(labels.to_numpy(), index=scores.index, dtype="object")
    used = complete_rows(scores[aligned.notna()], benchmarks)
    return used, used[list(benchmarks)].to_numpy(dtype=float), aligned[used.index]


def _split_draws(
    values: Floats, member: Floats, matrix: Matrix, draws: int, rng: np.random.Generator | int
) -> Floats:
    """Ratios of groups, shape (draws, groups), with the rows permuted at random; ``member`` is (groups, n)."""
    order = np.random.default_rng(rng).permuted(np.tile(np.arange(member.shape[1]), (draws, 1)), axis=1)
    return np.column_stack([weighted_ratios(row[order], values, matrix) for row in member])


def split_null(
    scores: pd.DataFrame,
    labels: pd.Series[str],
    benchmarks: Sequence[str] = data.BENCHMARKS,
    *,
    matrix: Matrix = "covariance",
    draws: int = 2000,
    rng: np.random.Generator | int = 0,
) -> dict[str, Null]:
    """Participation ratio of each group when the same models are assigned at random to groups of the same sizes.

    Parameters
    ----------
    scores : pandas.DataFrame
    labels : pandas.Series
        Group of each row; rows without one take no part. The unit permuted is the model.

    Returns
    -------
    dict of str to Null
        For groups of three models or more. ``p`` is the share of random groups with a ratio at least as large.
    """
    check_matrix(matrix)
    used, values, groups = _labelled(scores, labels, benchmarks)
    counts = groups.value_counts()
    order = [*coupling.PHASES, *SIZE_BANDS]
    present = sorted(dict.fromkeys(groups), key=lambda g: order.index(g) if g in order else len(order))
    names = [name for name in present if counts[name] >= 3]
    member = np.array([(groups == name).to_numpy(dtype=float) for name in names])
    if not names:
        raise ValueError("no group has 3 models with all scores")
    drawn, observed = (
        _split_draws(values, member, matrix, draws, rng),
        weighted_ratios(member, values, matrix),
    )
    method = f"the same {len(used)} models assigned at random to groups of these sizes"
    return {
        name: null_from_draws(float(observed[i]), drawn[:, i], int(counts[name]), method)
        for i, name in enumerate(names)
    }


def difference_null(
    scores: pd.DataFrame,
    labels: pd.Series[str],
    first: str,
    second: str,
    benchmarks: Sequence[str] = data.BENCHMARKS,
    *,
    matrix: Matrix = "covariance",
    draws: int = 2000,
    rng: np.random.Generator | int = 0,
) -> tuple[Null, Floats]:
    """Ratio of one group minus that of another under the random split, with the draws; ``p`` is two-sided."""
    check_matrix(matrix)
    used, values, groups = _labelled(scores, labels, benchmarks)
    member = np.array([(groups == name).to_numpy(dtype=float) for name in (first, second)])
    for name, row in zip((first, second), member, strict=True):
        if row.sum() < 3:
            raise ValueError(f"group {name!r} has {row.sum():.0f} models with all scores; 3 are needed")
    drawn = _split_draws(values, member, matrix, draws, rng)
    observed = weighted_ratios(member, values, matrix)
    method = "the same models assigned at random to groups of these sizes"
    gap = drawn[:, 0] - drawn[:, 1]
    return null_from_draws(float(observed[0] - observed[1]), gap, len(used), method), gap


def group_dimensions(
    scores: pd.DataFrame,
    labels: pd.Series[str],
    benchmarks: Sequence[str] = data.BENCHMARKS,
    *,
    matrix: Matrix = "covariance",
    draws: int = 2000,
    rng: np.random.Generator | int = 0,
) -> pd.DataFrame:
    """Each group's participation ratio with its interval, and the range of random groups of its size.

    Returns
    -------
    pandas.DataFrame
        Columns ``group, matrix, n, families, ratio, low, high, null, null_low, null_high``, phases and size
        bands in their own order, other labels as they stand.
    """
    nulls = split_null(scores, labels, benchmarks, matrix=matrix, draws=draws, rng=rng)
    used, _, groups = _labelled(scores, labels, benchmarks)
    rows = []
    for name, null in nulls.items():
        part = used[groups == name]
        estimate = dimension(part, benchmarks, matrix=matrix, draws=draws, rng=rng)
        rows.append(
            {
                "group": name,
                "matrix": matrix,
                "n": estimate.n,
                "families": part["family"].nunique(),
                "ratio": estimate.estimate,
                "low": estimate.low,
                "high": estimate.high,
                "null": null.value,
                "null_low": null.low,
                "null_high": null.high,
            }
        )
    return pd.DataFrame(rows)
