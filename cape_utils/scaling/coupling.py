"""Coupling of two benchmarks: local (between consecutive sizes of a family) and population (over models).

Section 2 of paper A: local coupling is the change of one score over the change of another, phases are its
thresholds, population coupling is Pearson's r. Each comes with the error that a finite number of test items
implies, and with nulls. Where the coupling changes sign is the job of ``scaling.critical_scale``.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy import stats

from cape_utils import data
from cape_utils.data.benchmarks import benchmark_items, items_of
from cape_utils.data.schema import require_columns
from cape_utils.stats.correlation import fisher_interval, pearson, weighted_pearson
from cape_utils.stats.item_noise import item_error
from cape_utils.stats.resampling import family_bootstrap, null_from_draws
from cape_utils.stats.results import Estimate, Floats, Null

__all__ = [
    "PHASES",
    "TAX_BELOW",
    "chance_start",
    "coupling_matrix",
    "expected_phase_counts",
    "local_coupling",
    "noise_weights",
    "phase",
    "phase_counts",
    "phase_probabilities",
    "population_coupling",
    "running_coupling",
    "sign_shares",
    "within_family",
]

PHASES = ("tax", "transition", "bonus")
TAX_BELOW = 0.1
"""Tax below minus this, bonus above plus this (paper A, section 2.3)."""

Attribution = Literal["intervals", "models"]


def phase(
    coupling: ArrayLike, *, tax_below: float = -TAX_BELOW, bonus_above: float = TAX_BELOW
) -> np.ndarray[Any, np.dtype[Any]]:
    """Phase of each local coupling, by the paper's thresholds unless others are given; missing couplings have none.

    Examples
    --------
    >>> list(phase([-0.5, 0.0, 0.5]))
    ['tax', 'transition', 'bonus']
    """
    if tax_below > bonus_above:
        raise ValueError(
            f"tax below {tax_below:g} and bonus above {bonus_above:g} overlap; the first may not exceed the second; "
            "lower the first or raise the second"
        )
    value = np.asarray(coupling, dtype=float)
    names = np.full(value.shape, "transition", dtype=object)
    names[value < tax_below] = "tax"
    names[value > bonus_above] = "bonus"
    names[np.isnan(value)] = None
    return names


def local_coupling(
    scores: pd.DataFrame,
    x: str = "hellaswag",
    y: str = "truthfulqa_mc2",
    *,
    items: Mapping[str, float] | None = None,
) -> pd.DataFrame:
    """Change of ``y`` over change of ``x`` between consecutive sizes of each family.

    Parameters
    ----------
    scores : pandas.DataFrame
        With ``model, family, params_b`` and both benchmarks in percent. Rows without both scores are left out.
    x, y : str
        Benchmarks. The paper's coupling has HellaSwag below and TruthfulQA above the fraction line.
    items : mapping of str to float, optional
        Number of test items of scores that are in no table of the book.

    Returns
    -------
    pandas.DataFrame
        One row for each interval: ``family, from_model, to_model, from_params_b, to_params_b, mid_params_b``
        (geometric mean), ``dx, dy`` (percentage points), ``se_dx, se_dy`` (item noise of two independent tests,
        an upper bound since both models answer the same items), ``coupling``, ``se`` (delta method), ``phase``,
        ``p_positive`` (probability that the coupling is positive), ``p_sign`` (that its sign is what it looks like)
        and ``p_tax, p_transition, p_bonus``. A coupling whose ``dx`` is zero is missing.

    Examples
    --------
    >>> toy = pd.DataFrame({"model": ["a", "b"], "family": "f", "params_b": [1, 10],
    ...                     "hellaswag": [40.0, 60.0], "truthfulqa_mc2": [44.0, 34.0]})
    >>> float(local_coupling(toy)["coupling"].iloc[0])
    -0.5
    """
    require_columns(scores, ("model", "family", "params_b", x, y))
    used = scores.dropna(subset=[x, y]).sort_values(["family", "params_b"], kind="stable")
    same = used["family"].eq(used["family"].shift())
    before, after = used.shift()[same], used[same]
    frame = pd.DataFrame(
        {
            "family": after["family"],
            "from_model": before["model"],
            "to_model": after["model"],
            "from_params_b": before["params_b"].astype(float),
            "to_params_b": after["params_b"].astype(float),
        }
    )
    frame["mid_params_b"] = np.sqrt(frame["from_params_b"] * frame["to_params_b"])
    for name, benchmark in (("x", x), ("y", y)):
        if items is not None:
            counts = pd.Series(items[benchmark], index=used.index)
        else:
            counts = pd.Series(items_of(used, benchmark), index=used.index)
        frame[f"d{name}"] = (after[benchmark] - before[benchmark]).astype(float).round(9)
        frame[f"se_d{name}"] = np.hypot(
            item_error(after[benchmark], counts[same]), item_error(before[benchmark], counts.shift()[same])
        )
    dx, dy = frame["dx"].to_numpy(), frame["dy"].to_numpy()
    sx, sy = frame["se_dx"].to_numpy(), frame["se_dy"].to_numpy()
    with np.errstate(divide="ignore", invalid="ignore"):
        value = np.where(dx == 0, np.nan, dy / dx)
        frame["coupling"] = value
        frame["se"] = np.sqrt(sy**2 + value**2 * sx**2) / np.abs(dx)
    frame["phase"] = phase(value)
    frame["p_positive"] = 1 - _ratio_cdf(dx, dy, sx, sy, 0.0)
    frame["p_sign"] = np.where(value < 0, 1 - frame["p_positive"], frame["p_positive"])
    frame["p_tax"] = _ratio_cdf(dx, dy, sx, sy, -TAX_BELOW)
    frame["p_bonus"] = 1 - _ratio_cdf(dx, dy, sx, sy, TAX_BELOW)
    frame["p_transition"] = 1 - frame["p_tax"] - frame["p_bonus"]
    return frame.reset_index(drop=True)


def noise_weights(local: pd.DataFrame) -> Floats:
    """Weights of local couplings by item noise, shape (n,): the inverse variance of ``dy`` as a share of ``dx``.

    ``(dx / se_dy)**2`` are the weights under which averaging or fitting ``dy / dx`` is least squares for the differences
    ``dy``. The error of the ratio itself does not serve: it holds ``coupling**2 * se_dx**2`` and so grows with the size of the
    coupling, and its inverse square gives the most weight to the couplings that luck or nature made small.

    Parameters
    ----------
    local : pandas.DataFrame
        From ``local_coupling``.

    Examples
    --------
    >>> noise_weights(pd.DataFrame({"dx": [10.0, -5.0], "se_dy": [2.0, 1.0]})).tolist()
    [25.0, 25.0]
    """
    return np.asarray((local["dx"].to_numpy(dtype=float) / local["se_dy"].to_numpy(dtype=float)) ** 2)


def phase_probabilities(dx: Floats, dy: Floats, se_dx: Floats, se_dy: Floats) -> Floats:
    """Probability of each phase for steps measured with normal errors around given differences.

    Parameters
    ----------
    dx, dy, se_dx, se_dy : ndarray, shape (n,)
        Differences of the two scores and their standard errors, percentage points.

    Returns
    -------
    ndarray, shape (n, 3)
        In the order of ``PHASES``; rows sum to one.

    Examples
    --------
    >>> phase_probabilities(*np.array([[10.0], [9.0], [0.1], [0.1]])).round(3).tolist()
    [[0.0, 0.0, 1.0]]
    """
    tax = _ratio_cdf(dx, dy, se_dx, se_dy, -TAX_BELOW)
    bonus = 1 - _ratio_cdf(dx, dy, se_dx, se_dy, TAX_BELOW)
    return np.column_stack([tax, 1 - tax - bonus, bonus])


def _ratio_cdf(dx: Floats, dy: Floats, sx: Floats, sy: Floats, at: float) -> Floats:
    """P(Y/X <= at) for independent normals, without the ratio's missing moments: integrate over X."""
    z, step = np.linspace(-8, 8, 4000, retstep=True)  # an even number: no point where X is 0
    weight = stats.norm.pdf(z) * step
    x = dx[:, None] + sx[:, None] * z
    below = stats.norm.cdf((at * x - dy[:, None]) / sy[:, None])
    return np.asarray(np.where(x > 0, below, 1 - below) @ weight)


def phase_counts(local: pd.DataFrame, *, count: Attribution = "intervals") -> dict[str, int]:
    """How many intervals, or models, are in each phase.

    Parameters
    ----------
    local : pandas.DataFrame
        From ``local_coupling``.
    count : {"intervals", "models"}
        The paper counts models but defines the phase of an interval. ``"models"`` gives each model the interval that
        starts at it, and the largest of a family the interval that ends at it.
    """
    phases = list(local["phase"].dropna())
    if count == "models":
        phases += list(local.groupby("family")["phase"].last().dropna())
    elif count != "intervals":
        raise ValueError(f"count={count!r}; allowed are 'intervals' and 'models'")
    return {name: phases.count(name) for name in PHASES}


def expected_phase_counts(
    local: pd.DataFrame, *, draws: int = 2000, rng: np.random.Generator | int = 0
) -> dict[str, Null]:
    """Phase counts over models if no ``y`` score ever changed and only item noise moved them.

    Parameters
    ----------
    local : pandas.DataFrame
        From ``local_coupling``; the unit drawn is the interval.
    draws : int
    rng : Generator or int
    """
    generator = np.random.default_rng(rng)
    size = (draws, len(local))
    dx = local["dx"].to_numpy() + generator.normal(size=size) * local["se_dx"].to_numpy()
    dy = generator.normal(size=size) * local["se_dy"].to_numpy()
    named = phase(dy / dx)
    last = ~local["family"].duplicated(keep="last").to_numpy()
    counts = {name: (named == name).sum(axis=1) + (named[:, last] == name).sum(axis=1) for name in PHASES}
    observed = phase_counts(local, count="models")
    method = "no change in the second score, item noise only"
    return {
        name: null_from_draws(observed[name], counts[name].astype(float), len(local), method)
        for name in PHASES
    }


def population_coupling(
    scores: pd.DataFrame,
    x: str = "hellaswag",
    y: str = "truthfulqa_mc2",
    *,
    draws: int = 2000,
    rng: np.random.Generator | int = 0,
) -> Estimate:
    """Pearson's r of two benchmarks over models, with an interval.

    Parameters
    ----------
    scores : pandas.DataFrame
        With ``family`` and both benchmarks.
    draws : int
        Bootstrap draws. The unit resampled is the family; with fewer than five families Fisher's z over models is
        used, which takes the models as independent.
    """
    used = scores.dropna(subset=[x, y])
    a, b = used[x].to_numpy(dtype=float), used[y].to_numpy(dtype=float)
    r = pearson(a, b)
    if used["family"].nunique() < 5:
        low, high = fisher_interval(r, len(used) - 3)
        return Estimate(r, low, high, len(used), "Fisher z over models")
    return family_bootstrap(
        used["family"], lambda weights: weighted_pearson(a, b, weights), r, draws=draws, rng=rng
    )


def within_family(
    scores: pd.DataFrame,
    x: str = "hellaswag",
    y: str = "truthfulqa_mc2",
    *,
    draws: int = 2000,
    rng: np.random.Generator | int = 0,
) -> Estimate:
    """R after each family's mean is taken out of both scores; families with one model are left out."""
    used = scores.dropna(subset=[x, y])
    used = used[used.groupby("family")[x].transform("size") > 1]
    centred = used.assign(**{k: used[k] - used.groupby("family")[k].transform("mean") for k in (x, y)})
    result = population_coupling(centred, x, y, draws=draws, rng=rng)
    return replace(result, method=f"family means removed, {result.method}")


def coupling_matrix(scores: pd.DataFrame, benchmarks: Sequence[str] = data.BENCHMARKS) -> pd.DataFrame:
    """Population coupling of every pair of benchmarks, pairwise complete.

    Returns
    -------
    pandas.DataFrame
        One row for each pair ``x, y`` with ``r`` and ``n``.
    """
    rows = []
    for x, y in itertools.combinations(benchmarks, 2):
        used = scores[[x, y]].dropna()
        rows.append({"x": x, "y": y, "r": pearson(used[x].to_numpy(), used[y].to_numpy()), "n": len(used)})
    return pd.DataFrame(rows)


def sign_shares(
    scores: pd.DataFrame, benchmarks: Sequence[str] = data.BENCHMARKS, *, split_b: float = 3.5
) -> pd.DataFrame:
    """Share of positive local couplings for every pair, below and above a size.

    Parameters
    ----------
    split_b : float
        Billion parameters, compared with the middle of the interval.

    Returns
    -------
    pandas.DataFrame
        Columns ``x, y, side`` ("below", "above"), ``n`` intervals, ``positive`` of them, ``share``, the Wilson 95%
        interval ``low, high`` (intervals taken as independent) and ``clear``, the mean probability that a sign is
        what it looks like.
    """
    rows = []
    for x, y in itertools.combinations(benchmarks, 2):
        local = local_coupling(scores, x, y).dropna(subset="coupling")
        for side, part in (
            ("below", local[local["mid_params_b"] < split_b]),
            ("above", local[local["mid_params_b"] >= split_b]),
        ):
            positive, n = int((part["coupling"] > 0).sum()), len(part)
            wilson = stats.binomtest(positive, n).proportion_ci(method="wilson") if n else None
            rows.append(
                {
                    "x": x,
                    "y": y,
                    "side": side,
                    "n": n,
                    "positive": positive,
                    "share": positive / n if n else np.nan,
                    "low": wilson.low if wilson else np.nan,
                    "high": wilson.high if wilson else np.nan,
                    "clear": float(part["p_sign"].mean()) if n else np.nan,
                }
            )
    return pd.DataFrame(rows)


def running_coupling(local: pd.DataFrame) -> Estimate:
    """Slope of local coupling against log10 of the interval's middle size (paper A: the running coupling).

    Returns
    -------
    Estimate
        Per decade, ordinary least squares as in the paper, t interval. All intervals count the same here, however
        uncertain; ``scaling.critical_scale.zero_crossing`` weighs them.
    """
    used = local.dropna(subset=["coupling"])
    if len(used) < 3:
        raise ValueError(f"at least 3 intervals are needed; there are {len(used)}")
    fit = stats.linregress(np.log10(used["mid_params_b"]), used["coupling"])
    half = float(stats.t.ppf(0.975, len(used) - 2) * fit.stderr)
    slope = float(fit.slope)
    return Estimate(
        slope, slope - half, slope + half, len(used), "least squares of local coupling on log10 N"
    )


def chance_start(
    scores: pd.DataFrame, y: str = "truthfulqa_mc2", *, chance_pct: float | None = None
) -> pd.DataFrame:
    """How much of each family's fall lies below the score of a guesser.

    A family that starts at chance and falls has not lost an ability; it has learnt to prefer popular errors.

    Parameters
    ----------
    scores : pandas.DataFrame
        With ``family, params_b`` and ``y``.
    y : str
    chance_pct : float, optional
        From the table ``benchmarks`` by default.

    Returns
    -------
    pandas.DataFrame
        One row for each family that falls: ``n, first_b, first_pct, lowest_b, lowest_pct, fall_pp`` (first to
        lowest), ``above_pp`` and ``below_pp`` (the parts of the fall above and below chance), ``below_share``, and
        ``start_gap_se``, the distance of the first score from chance in standard errors of item noise.
    """
    chance = data.chance_pct(y) if chance_pct is None else chance_pct
    rows = []
    for family, part in scores.dropna(subset=[y]).groupby("family"):
        part = part.sort_values("params_b", kind="stable")
        lowest = part.iloc[int(part[y].to_numpy().argmin())]
        first = part.iloc[0]
        fall = float(first[y] - lowest[y])
        if fall <= 0:
            continue
        below = max(0.0, min(float(first[y]), chance) - float(lowest[y]))
        rows.append(
            {
                "family": family,
                "n": len(part),
                "first_b": first["params_b"],
                "first_pct": first[y],
                "lowest_b": lowest["params_b"],
                "lowest_pct": lowest[y],
                "fall_pp": fall,
                "above_pp": fall - below,
                "below_pp": below,
                "below_share": below / fall,
                "start_gap_se": (float(first[y]) - chance) / float(item_error(first[y], benchmark_items(y))),
            }
        )
    return pd.DataFrame(rows)
