"""Which phase a step is in, given its scores and what steps of its size have done in other families.

Item noise alone (``diagnosis.steps``) takes every true change for equally likely beforehand, so that a step whose change is
small beside the noise is named tax or bonus too surely, and hardly ever transition. Here the true changes of both scores come
from a distribution that is learnt from the steps of the open panel (empirical Bayes), and the probability of each phase
(section 2.3 of paper A) follows from it and from the two changes measured. Steps are taken one at a time: that two
neighbouring steps share a model is left out, in the learning and in the answer.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy import optimize, special

from cape_utils import data
from cape_utils.data.benchmarks import items_of
from cape_utils.jobs.provenance import derived_table
from cape_utils.scaling.coupling import TAX_BELOW
from cape_utils.stats.bivariate_normal import opposite_signs
from cape_utils.stats.item_noise import item_error
from cape_utils.stats.results import Floats

__all__ = [
    "PhasePrior",
    "learn",
    "panel_prior",
    "phase_probabilities",
    "prior_table",
    "probabilities_by_size",
]

_MIN_STEPS = 30
_CORRELATED = 0.95  # no correlation beyond this, where the integrals would need more nodes


@dataclass(frozen=True)
class PhasePrior:
    """How far two scores truly change from one size to the next, before any score of the family is seen.

    With ``n`` the log10 of the smaller size in billions and ``r`` the log10 of the ratio of sizes, the changes are normal with
    mean ``r * (mean + mean_by_size * n)`` and variance ``r * exp(2 * (log_sd + log_sd_by_size * n))``, so that a step of no
    length changes nothing and two short steps spread as far as one long one. A share of steps is wider by a factor.

    Attributes
    ----------
    mean_x, mean_y : float
        Mean changes a decade of size at 1B, percentage points.
    mean_x_by_size, mean_y_by_size : float
        What a decade of size adds to them.
    log_sd_x, log_sd_y : float
        Natural logarithm of the standard deviation over one decade at 1B.
    log_sd_x_by_size, log_sd_y_by_size : float
        What a decade of size adds to it.
    correlation : float
        Of the two changes around their means.
    wide_share, wide_factor : float
        Share of steps whose standard deviations are larger, and by what factor.
    noise_share : float
        How much of the variance that item noise is said to have the steps behind all this showed. Without the answers to each
        item that variance is an upper bound: safe for a family that is asked about, but not here, where noise taken off too
        freely would leave too little for the true changes.
    steps, families : int
        It was learnt from.
    """

    mean_x: float
    mean_x_by_size: float
    mean_y: float
    mean_y_by_size: float
    log_sd_x: float
    log_sd_x_by_size: float
    log_sd_y: float
    log_sd_y_by_size: float
    correlation: float
    wide_share: float
    wide_factor: float
    noise_share: float = 1.0
    steps: int = 0
    families: int = 0

    def swapped(self) -> PhasePrior:
        """The same with the two scores exchanged."""
        other = {"_x": "_y", "_y": "_x"}
        plain = asdict(self)
        names = {name: name.replace(end, other[end]) for name in plain for end in other if end in name}
        return replace(self, **{names[name]: plain[name] for name in names})


def phase_probabilities(
    prior: PhasePrior,
    dx: ArrayLike,
    dy: ArrayLike,
    se_dx: ArrayLike,
    se_dy: ArrayLike,
    from_params_b: ArrayLike,
    to_params_b: ArrayLike,
) -> Floats:
    """Probability of tax, transition and bonus of steps that were measured.

    Each of the two normals of the prior is updated by the changes measured, and its weight by how well it foresaw them. What is
    left are integrals of a bivariate normal over the two angles of tax and bonus.

    Parameters
    ----------
    prior : PhasePrior
    dx, dy, se_dx, se_dy : array_like, shape (steps,)
        Changes of both scores and their standard errors from item noise, percentage points.
    from_params_b, to_params_b : array_like, shape (steps,)
        Billions.

    Returns
    -------
    ndarray, shape (steps, 3)
        In the order of ``scaling.coupling.PHASES``; NaN where an error is not known, and where the first score surely did not
        move (0 or 100 twice), which leaves no ratio.

    Examples
    --------
    >>> prior = PhasePrior(15, -6, 0, 3, 1.5, 0, 1, 0, 0, 0, 1)
    >>> phase_probabilities(prior, 8.0, -0.4, 0.7, 2.4, 1.0, 3.0).round(2)
    array([[0.33, 0.41, 0.26]])
    """
    change = np.column_stack(np.broadcast_arrays(*np.atleast_1d(dx, dy))).astype(float)
    noise = np.column_stack(np.broadcast_arrays(*np.atleast_1d(se_dx, se_dy))).astype(float) ** 2
    parts, weights = [], []
    for mean, covariance, log_share in _components(prior, from_params_b, to_params_b):
        total = covariance + noise[:, :, None] * np.eye(2)
        known = np.isfinite(total).all(axis=(1, 2)) & np.isfinite(change).all(axis=1)
        known &= (change[:, 0] != 0) | (noise[:, 0] != 0)
        total[~known] = np.eye(2)
        gain = covariance @ np.linalg.inv(total)
        miss = change - mean
        after = mean + (gain @ miss[..., None])[..., 0]
        left = covariance - gain @ covariance
        shares = _angles(after, left)
        shares[~known] = np.nan
        parts.append(shares)
        weights.append(log_share + _log_normal(miss, total))
    return np.asarray(np.sum(special.softmax(weights, axis=0)[..., None] * np.array(parts), axis=0))


def probabilities_by_size(prior: PhasePrior, from_params_b: ArrayLike, to_params_b: ArrayLike) -> Floats:
    """Probability of tax, transition and bonus of steps of which the sizes alone are known, shape (steps, 3).

    Examples
    --------
    >>> prior = PhasePrior(15, -6, 0, 3, 1.5, 0, 1, 0, 0, 0, 1)
    >>> probabilities_by_size(prior, [0.1, 10.0], [0.3, 30.0]).round(2)
    array([[0.59, 0.31, 0.1 ],
           [0.21, 0.14, 0.65]])
    """
    parts = [
        np.exp(log_share) * _angles(mean, covariance)
        for mean, covariance, log_share in _components(prior, from_params_b, to_params_b)
    ]
    return np.asarray(np.sum(parts, axis=0))


def _components(
    prior: PhasePrior, from_params_b: ArrayLike, to_params_b: ArrayLike
) -> list[tuple[Floats, Floats, float]]:
    """Mean (steps, 2), covariance (steps, 2, 2) and log share of each of the normals that the prior mixes."""
    n = np.log10(np.atleast_1d(np.asarray(from_params_b, dtype=float)))
    r = np.log10(np.atleast_1d(np.asarray(to_params_b, dtype=float))) - n
    mean = np.stack(
        [r * (prior.mean_x + prior.mean_x_by_size * n), r * (prior.mean_y + prior.mean_y_by_size * n)], axis=1
    )
    sd = np.sqrt(r)[:, None] * np.exp(
        np.stack(
            [prior.log_sd_x + prior.log_sd_x_by_size * n, prior.log_sd_y + prior.log_sd_y_by_size * n], axis=1
        )
    )
    shape = np.array([[1.0, prior.correlation], [prior.correlation, 1.0]])
    covariance = sd[:, :, None] * sd[:, None, :] * shape
    parts = [(mean, covariance, float(np.log1p(-prior.wide_share)))]
    if prior.wide_share > 0:
        parts.append((mean, prior.wide_factor**2 * covariance, float(np.log(prior.wide_share))))
    return parts


def _log_normal(miss: Floats, covariance: Floats) -> Floats:
    """Log density of bivariate normals, without the constant."""
    a, b, c = covariance[:, 0, 0], covariance[:, 1, 1], covariance[:, 0, 1]
    det = a * b - c * c
    distance = (b * miss[:, 0] ** 2 - 2 * c * miss[:, 0] * miss[:, 1] + a * miss[:, 1] ** 2) / det
    return np.asarray(-0.5 * (distance + np.log(det)))


def _angles(mean: Floats, covariance: Floats) -> Floats:
    """Probability that the ratio of two normal changes lies in each phase, shape (steps, 3)."""
    below = []
    for tilt in (TAX_BELOW, -TAX_BELOW):
        # y / x < -tilt where x and y + tilt * x have opposite signs.
        turn = np.array([[1.0, 0.0], [tilt, 1.0]])
        below.append(opposite_signs(mean @ turn.T, turn @ covariance @ turn.T))
    tax, bonus = below[0], 1 - below[1]
    return np.column_stack([tax, np.maximum(0.0, 1 - tax - bonus), bonus])


# ---------------------------------------------------------------- learning

_START = PhasePrior(15.0, -6.0, 1.0, 3.0, 1.5, 0.0, 1.0, 0.0, 0.0, 0.15, 2.5, 0.5)
_LEARNT = tuple(f.name for f in fields(PhasePrior) if f.name not in ("steps", "families"))


def learn(steps: pd.DataFrame, *, start: PhasePrior = _START) -> PhasePrior:
    """Learn the distribution of true changes from steps whose item noise is known, by marginal likelihood.

    Parameters
    ----------
    steps : pandas.DataFrame
        As from ``scaling.coupling.local_coupling``: ``family, from_params_b, to_params_b, dx, dy, se_dx, se_dy``.
    start : PhasePrior
        Where the search begins.

    Raises
    ------
    ValueError
        If there are fewer than 30 steps with known noise.
    """
    used = steps.dropna(subset=["dx", "dy", "se_dx", "se_dy"])
    if len(used) < _MIN_STEPS:
        raise ValueError(
            f"{len(used)} steps are too few to learn how steps change; at least {_MIN_STEPS} are needed"
        )
    change = used[["dx", "dy"]].to_numpy(dtype=float)
    noise = used[["se_dx", "se_dy"]].to_numpy(dtype=float)[:, :, None] ** 2 * np.eye(2)
    low, high = used["from_params_b"].to_numpy(dtype=float), used["to_params_b"].to_numpy(dtype=float)

    origin = _to_free(_START)

    def cost(free: Floats) -> float:
        prior = _from_free(free)
        with np.errstate(over="ignore", divide="ignore"):
            densities = [
                log_share + _log_normal(change - mean, covariance + prior.noise_share * noise)
                for mean, covariance, log_share in _components(prior, low, high)
            ]
        # A weak pull to the start, worth less than one step, decides where the steps leave a parameter open; it is steeper where
        # the share of the noise would run to none or all of it.
        pull = 0.02 * float(np.sum((free[4:11] - origin[4:11]) ** 2))
        pull -= float(np.log(prior.noise_share) + np.log1p(-prior.noise_share))
        return pull - float(np.sum(np.logaddexp(*densities)))

    found = optimize.minimize(cost, _to_free(start), method="BFGS", options={"gtol": 1e-3})
    return replace(_from_free(found.x), steps=len(used), families=int(used["family"].nunique()))


def _to_free(prior: PhasePrior) -> Floats:
    """Parameters that may take any value: those of the learning."""
    plain = [getattr(prior, name) for name in _LEARNT]
    correlation, wide_share, wide_factor, noise_share = plain[8:]
    free = [
        np.arctanh(correlation / _CORRELATED),
        special.logit(wide_share),
        np.log(np.expm1(wide_factor - 1)),
        special.logit(noise_share),
    ]
    return np.array([*plain[:8], *free])


def _from_free(free: Floats) -> PhasePrior:
    learnt = dict(zip(_LEARNT, map(float, free), strict=True))
    learnt |= {
        "correlation": float(_CORRELATED * np.tanh(free[8])),
        "wide_share": float(special.expit(free[9])),
        "wide_factor": float(1 + np.logaddexp(0, free[10])),
        "noise_share": float(special.expit(free[11])),
    }
    return _prior(learnt)


def _prior(values: Mapping[str, float], *, steps: int = 0, families: int = 0) -> PhasePrior:
    return PhasePrior(**{name: float(values[name]) for name in _LEARNT}, steps=steps, families=families)


@functools.cache
def _panel_steps(x: str, y: str) -> pd.DataFrame:
    """Steps of the open panel, without the integrals of ``scaling.coupling.local_coupling``, which take longer than all else."""
    panel = data.panel("open", rows="one_recipe").dropna(subset=[x, y])
    panel = panel.sort_values(["family", "params_b"], kind="stable")
    same = panel["family"].eq(panel["family"].shift()).to_numpy()[1:]
    sizes = panel["params_b"].to_numpy(dtype=float)
    steps = {
        "family": panel["family"].to_numpy()[1:][same],
        "from_params_b": sizes[:-1][same],
        "to_params_b": sizes[1:][same],
    }
    for axis, name in (("x", x), ("y", y)):
        steps[f"d{axis}"] = np.diff(panel[name].to_numpy(dtype=float))[same]
        noise = item_error(panel[name], items_of(panel, name))
        steps[f"se_d{axis}"] = np.hypot(noise[1:], noise[:-1])[same]
    return pd.DataFrame(steps)


@functools.cache
def _learnt() -> dict[tuple[str, str], PhasePrior]:
    learnt = {}
    for row in derived_table("phase_prior").to_dict("records"):
        values = {name: float(row[name]) for name in _LEARNT}
        counts = {"steps": int(row["steps"]), "families": int(row["families"])}
        learnt[str(row["x"]), str(row["y"])] = _prior(values, **counts)
    return learnt


@functools.cache
def panel_prior(x: str, y: str, *, exclude: frozenset[str] = frozenset()) -> PhasePrior | None:
    """What the steps of the open panel say of a pair, from the table ``phase_prior``; None where they are too few.

    Parameters
    ----------
    x, y : str
        Benchmarks.
    exclude : frozenset of str
        Families of the panel to leave out: those that hold the models asked about. The others are then learnt from again.

    Examples
    --------
    >>> panel_prior("hellaswag", "ifeval") is None
    True
    """
    known = _learnt()
    prior = known.get((x, y)) or (known[y, x].swapped() if (y, x) in known else None)
    if prior is None or not exclude:
        return prior
    steps = _panel_steps(x, y)
    others = steps[~steps["family"].isin(exclude)]
    if len(others) == len(steps):
        return prior
    return learn(others, start=prior) if _enough(others) else None


def prior_table() -> pd.DataFrame:
    """The table ``phase_prior``: what is learnt of each pair of benchmarks of the open panel, once for both orders.

    Returns
    -------
    pandas.DataFrame
        Columns ``x, y`` and those of ``PhasePrior``.
    """
    panel = data.panel("open", rows="one_recipe")
    known = [name for name in data.load("benchmarks")["benchmark"] if name in panel]
    rows = []
    for x, y in itertools.combinations(known, 2):
        steps = _panel_steps(x, y)
        if _enough(steps):
            rows.append({"x": x, "y": y, **asdict(learn(steps))})
    return pd.DataFrame(rows).round(6)


def _enough(steps: pd.DataFrame) -> bool:
    return len(steps.dropna(subset=["dx", "dy", "se_dx", "se_dy"])) >= _MIN_STEPS
