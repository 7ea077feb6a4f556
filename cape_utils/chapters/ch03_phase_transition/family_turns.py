"""Where single families turn, and the paper's own falsifier.

Table 1 and section 8 of paper A: a sign-flip scale for each family, and the statement that no family of five or more
models lacks a change of sign. Estimates over many families are in ``scaling.critical_scale``.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import optimize
from scipy.stats import rankdata

from cape_utils.data.benchmarks import benchmark_items
from cape_utils.scaling.critical_scale import parabola_minimum_b, score_rows
from cape_utils.stats.correlation import pearson, rows_pearson
from cape_utils.stats.item_noise import item_error
from cape_utils.stats.resampling import interval, null_from_draws
from cape_utils.stats.results import Estimate, Null

__all__ = [
    "family_slopes",
    "family_turning_points",
    "no_change_null",
    "sign_changes",
    "slope_by_scale_null",
    "turn_null",
    "turning_point",
]


def family_turning_points(
    scores: pd.DataFrame, y: str = "truthfulqa_mc2", *, min_models: int = 3
) -> pd.DataFrame:
    """Where each family's own score is lowest, and between which sizes it starts to rise.

    Parameters
    ----------
    scores : pandas.DataFrame
        With ``family, params_b`` and ``y``.
    min_models : int
        Families with fewer sizes are left out.

    Returns
    -------
    pandas.DataFrame
        One row a family: ``n, smallest_b, largest_b, lowest_b`` (size with the lowest score), ``falls`` and
        ``rises`` (numbers of steps), ``bracket_low_b, bracket_high_b`` (from the size before the lowest to the one
        after it; a bracket open at the small end has a missing ``bracket_low_b``, and so on), ``turns`` (whether
        the score first falls to a lowest size inside the range and then rises) and ``vertex_b`` (minimum of the
        family's own parabola, missing where it does not open upward).
    """
    rows = []
    for family, part in score_rows(scores, y).groupby("family"):
        part = part.sort_values("params_b", kind="stable")
        if part["params_b"].nunique() < min_models:
            continue
        size, score = part["params_b"].to_numpy(dtype=float), part[y].to_numpy(dtype=float)
        step = np.diff(score)
        place = int(score.argmin())
        inside = 0 < place < len(score) - 1
        rows.append(
            {
                "family": family,
                "n": len(part),
                "smallest_b": size[0],
                "largest_b": size[-1],
                "lowest_b": size[place],
                "falls": int((step < 0).sum()),
                "rises": int((step > 0).sum()),
                "bracket_low_b": size[place - 1] if place else np.nan,
                "bracket_high_b": size[place + 1] if place < len(size) - 1 else np.nan,
                "turns": inside,
                "vertex_b": parabola_minimum_b(size, score),
            }
        )
    return pd.DataFrame(rows)


def turning_point(
    scores: pd.DataFrame, y: str = "truthfulqa_mc2", *, draws: int = 4000, rng: np.random.Generator | int = 0
) -> Estimate:
    """Size at which one family's score is lowest, with the range that item noise leaves open.

    Parameters
    ----------
    scores : pandas.DataFrame
        One family with ``params_b`` and ``y``. The unit drawn is the item noise of each score.

    Returns
    -------
    Estimate
        Billion parameters. A lowest size at an end of the range is no turn: the score only falls, or only rises.
    """
    used = score_rows(scores, y, min_models=2).sort_values("params_b", kind="stable")
    size, score = used["params_b"].to_numpy(dtype=float), used[y].to_numpy(dtype=float)
    noise = item_error(score, benchmark_items(y))
    drawn = score + np.random.default_rng(rng).normal(size=(draws, len(score))) * noise
    low, high = interval(size[drawn.argmin(axis=1)])
    method = "size with the lowest score, item noise drawn"
    return Estimate(float(size[score.argmin()]), low, high, len(score), method, 0.95, draws)


def turn_null(
    scores: pd.DataFrame, y: str = "truthfulqa_mc2", *, draws: int = 4000, rng: np.random.Generator | int = 0
) -> tuple[Null, str]:
    """How far one family seems to fall and to rise again if in truth it only falls, or only rises.

    A turn needs both, so each is held against the nearest monotone sequence without it (weighted by item noise, which is
    also what is drawn), and the weaker of the two counts: an intersection-union test.

    Parameters
    ----------
    scores : pandas.DataFrame
        One family with ``params_b`` and ``y``.

    Returns
    -------
    Null, str
        The null with the larger one-sided p, in percentage points, and what it is of.
    """
    used = score_rows(scores, y, min_models=2).sort_values("params_b", kind="stable")
    score = used[y].to_numpy(dtype=float)
    noise = item_error(score, benchmark_items(y))
    nulls = []
    for end, increasing, name in (
        (-1, False, "rise from the lowest score to the largest size, in points,"),
        (0, True, "fall from the smallest size to the lowest score, in points,"),
    ):
        truth = optimize.isotonic_regression(score, weights=1 / noise**2, increasing=increasing).x
        drawn = truth + np.random.default_rng(rng).normal(size=(draws, len(score))) * noise
        method = f"the score never {'falls' if increasing else 'rises'}, item noise only"
        observed = float(score[end] - score.min())
        nulls.append((null_from_draws(observed, drawn[:, end] - drawn.min(axis=1), len(score), method), name))
    return max(nulls, key=lambda one: one[0].p_greater)


def family_slopes(scores: pd.DataFrame, y: str = "truthfulqa_mc2", *, min_sizes: int = 3) -> pd.DataFrame:
    """The slope of each family's score in log10 N, and where the family lies.

    Parameters
    ----------
    scores : pandas.DataFrame
        With ``family, params_b`` and ``y``.
    min_sizes : int
        Families with fewer distinct sizes have no slope to speak of.

    Returns
    -------
    pandas.DataFrame
        Columns ``family, slope`` (points per decade) and ``log_size``, the mean of log10 N in billions.
    """
    rows = []
    for family, part in scores.dropna(subset=[y]).groupby("family"):
        size = np.log10(part["params_b"].to_numpy(dtype=float))
        if len(np.unique(size)) >= min_sizes:
            slope = float(np.polyfit(size, part[y].to_numpy(dtype=float), 1)[0])
            rows.append({"family": family, "slope": slope, "log_size": float(size.mean())})
    return pd.DataFrame(rows, columns=["family", "slope", "log_size"])


def slope_by_scale_null(
    scores: pd.DataFrame,
    y: str = "truthfulqa_mc2",
    *,
    draws: int = 10_000,
    rng: np.random.Generator | int = 0,
) -> Null:
    """Rank correlation of a family's slope in log10 N with its mean log10 N, and the same with slopes permuted.

    Parameters
    ----------
    scores : pandas.DataFrame
        With ``family, params_b`` and ``y``. The unit permuted is the family.
    """
    families = family_slopes(scores, y)
    ranks, of = rankdata(families["slope"]), rankdata(families["log_size"])
    order = np.random.default_rng(rng).permuted(np.tile(ranks, (draws, 1)), axis=1)
    rho = rows_pearson(order, np.broadcast_to(of, order.shape))
    return null_from_draws(pearson(ranks, of), rho, len(ranks), "slopes permuted among the families")


def no_change_null(families: pd.DataFrame, *, draws: int = 4000, rng: np.random.Generator | int = 0) -> Null:
    """How many families lack a positive step if the sign of every step is a coin flip.

    Parameters
    ----------
    families : pandas.DataFrame
        From ``sign_changes``; a family of n sizes has n - 1 steps.
    """
    generator = np.random.default_rng(rng)
    lacking = generator.random((draws, len(families))) < 0.5 ** (families["n"].to_numpy() - 1)
    observed = float(families["never"].sum())
    return null_from_draws(
        observed, lacking.sum(axis=1).astype(float), len(families), "the sign of every step is a coin flip"
    )


def sign_changes(
    scores: pd.DataFrame,
    x: str = "hellaswag",
    y: str = "truthfulqa_mc2",
    *,
    models: int = 5,
    low_b: float = 0.1,
    high_b: float = 10.0,
    slack: float = 1.5,
    draws: int = 4000,
    rng: np.random.Generator | int = 0,
) -> pd.DataFrame:
    """The paper's own falsifier: families of five or more models over 0.1-10B, and whether the sign ever changes.

    Parameters
    ----------
    scores : pandas.DataFrame
        With ``family, params_b`` and both benchmarks.
    models, low_b, high_b : int, float, float
        The paper's terms.
    slack : float
        Published sizes are rarely 0.1 and 10 exactly: a family counts if it starts by ``slack`` times ``low_b``
        and reaches ``high_b / slack``.
    draws : int
        The unit drawn is the item noise of each score, so that neighbouring steps share their model's.

    Returns
    -------
    pandas.DataFrame
        One row for each family that qualifies: ``family, n, smallest_b, largest_b, positive`` (number of positive
        couplings at any of its sizes), ``positive_inside`` (of those that end by ``slack * high_b``), the two readings
        ``never`` (none at any size) and ``never_inside`` (none inside), and ``p_positive_inside``, the share of noise
        draws with at least one inside.
    """
    generator = np.random.default_rng(rng)
    rows = []
    for family, part in scores.dropna(subset=[x, y]).groupby("family"):
        part = part.sort_values("params_b", kind="stable")
        size = part["params_b"].to_numpy(dtype=float)
        if len(size) < models or size[0] > low_b * slack or size[-1] < high_b / slack:
            continue
        table = part[[x, y]].to_numpy(dtype=float).T
        noise = np.stack([item_error(table[i], benchmark_items(name)) for i, name in enumerate((x, y))])
        drawn = table + generator.normal(size=(draws, *table.shape)) * noise
        inside = size[1:] <= high_b * slack
        sign = np.prod(np.diff(table, axis=1), axis=0) > 0
        often = np.prod(np.diff(drawn, axis=2), axis=1) > 0
        rows.append(
            {
                "family": family,
                "n": len(size),
                "smallest_b": size[0],
                "largest_b": size[-1],
                "positive": int(sign.sum()),
                "positive_inside": int(sign[inside].sum()),
                "never": not sign.any(),
                "never_inside": not sign[inside].any(),
                "p_positive_inside": float(often[:, inside].any(axis=1).mean()),
            }
        )
    columns = ["family", "n", "smallest_b", "largest_b", "positive", "positive_inside"]
    return pd.DataFrame(rows, columns=[*columns, "never", "never_inside", "p_positive_inside"])
