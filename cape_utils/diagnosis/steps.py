"""One family's own scores, remeasured by simulation: what the finite number of test items leaves of its couplings.

Section 2 of paper A gives each step a coupling and a phase. Here every score is redrawn from its test items, and the
coupling, the phase and the family's own critical scale follow from each draw. A ratio of small differences has no finite
mean, so medians and quantiles are given, never a mean. Item noise is all that is drawn: another training run, or another
wording of the prompt, would move the scores further. What other families say of the next
size is in ``diagnosis.next_size``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from cape_utils.data.benchmarks import benchmark_title, items_of
from cape_utils.diagnosis.paired_noise import Remeasured
from cape_utils.scaling.coupling import PHASES, TAX_BELOW, local_coupling
from cape_utils.stats.item_noise import item_error, simulate_scores
from cape_utils.stats.results import Floats

__all__ = [
    "MIN_VALID_SHARE",
    "CouplingStep",
    "FamilyScale",
    "family_scale",
    "intervals",
]

MIN_VALID_SHARE = 0.975
"""Share of draws that must turn from falling to rising between the sizes, as in ``scaling.critical_scale``."""


@dataclass(frozen=True)
class CouplingStep:
    """The step from one size of a family to the next.

    Attributes
    ----------
    from_model, to_model : str
    from_params_b, to_params_b : float
        Billions.
    dx, dy : float
        Changes of the two scores, percentage points.
    se_dx, se_dy : float
        Their standard errors from item noise: on the same items where the answers are at hand, else of two independent tests;
        NaN where the number of items is not known.
    coupling : float
        ``dy / dx``; NaN where ``dx`` is zero.
    se : float
        Standard error by the delta method: of use only where ``dx`` is many times ``se_dx``.
    median, low, high : float
        Of the simulated ratio: median and 95% range.
    p_tax, p_transition, p_bonus : float
        Share of the draws in each phase; they add up to 1, or are NaN where item noise is not known.
    p_x_rises : float
        Share of the draws in which the first score rises: near one half the ratio means little.
    phase : str
        The likeliest, which need not be likely.
    """

    from_model: str
    to_model: str
    from_params_b: float
    to_params_b: float
    dx: float
    dy: float
    se_dx: float
    se_dy: float
    coupling: float
    se: float
    median: float
    low: float
    high: float
    p_tax: float
    p_transition: float
    p_bonus: float
    p_x_rises: float
    phase: str

    @property
    def probability(self) -> float:
        """Probability of the likeliest phase; NaN where item noise is not known."""
        return max(self.p_tax, self.p_transition, self.p_bonus)


def intervals(
    rows: pd.DataFrame,
    x: str,
    y: str,
    *,
    draws: int = 4000,
    rng: np.random.Generator | int = 0,
    remeasured: Mapping[str, Remeasured] | None = None,
) -> tuple[CouplingStep, ...]:
    """Coupling of each step of one family, with what item noise leaves of it.

    Parameters
    ----------
    rows : pandas.DataFrame
        Of one family, with ``model, family, params_b`` and both benchmarks in percent.
    x, y : str
        The coupling is the change of ``y`` over the change of ``x``.
    draws : int
    rng : Generator or int
    remeasured : mapping of str to Remeasured
        Scores on items drawn anew, for benchmarks whose answers are at hand; others are drawn from their numbers of items.

    Examples
    --------
    >>> toy = pd.DataFrame({"model": ["a", "b"], "family": "f", "params_b": [1.0, 10.0],
    ...                     "hellaswag": [40.0, 60.0], "truthfulqa_mc2": [44.0, 34.0]})
    >>> step = intervals(toy, "hellaswag", "truthfulqa_mc2")[0]
    >>> step.coupling, step.phase, step.p_tax > 0.99
    (-0.5, 'tax', True)
    """
    with np.errstate(
        divide="ignore", invalid="ignore"
    ):  # a score of 0 has no normal error; it is drawn below
        local = local_coupling(rows, x, y)
    used = rows.dropna(subset=[x, y]).sort_values("params_b", kind="stable")
    generator = np.random.default_rng(rng)
    paired = {} if remeasured is None else remeasured
    counts = {name: items_of(used, name) for name in (x, y)}
    known = all(name in paired or np.isfinite(count).all() for name, count in counts.items())
    steps: dict[str, Floats] = {}
    if known:
        for name in (x, y):
            if name in paired:
                drawn = paired[name].scores
            else:
                drawn = simulate_scores(used[name].to_numpy(), counts[name], draws, generator)
            steps[name] = np.diff(drawn, axis=1)
    errors = {end: paired[name].step_errors for end, name in (("se_dx", x), ("se_dy", y)) if name in paired}
    if errors:
        local = local.assign(**errors)
        with np.errstate(divide="ignore", invalid="ignore"):
            local["se"] = np.hypot(local["se_dy"], local["coupling"] * local["se_dx"]) / local["dx"].abs()
    couplings = []
    for place, row in enumerate(local.to_dict("records")):
        shares, ends, rises = dict.fromkeys(PHASES, np.nan), [np.nan] * 3, np.nan
        name = row["phase"] or "transition"
        if known:
            dx, dy = steps[x][:, place], steps[y][:, place]
            with np.errstate(divide="ignore", invalid="ignore"):
                # A draw in which x does not move has no ratio; 0/0 is left out of the phases.
                ratio = dy / dx
            ratio = ratio[~np.isnan(ratio)]
            if ratio.size:
                tax, bonus = float(np.mean(ratio < -TAX_BELOW)), float(np.mean(ratio > TAX_BELOW))
                shares = {"tax": tax, "transition": max(0.0, 1 - tax - bonus), "bonus": bonus}
                ends = [float(v) for v in np.quantile(ratio, [0.025, 0.5, 0.975], method="nearest")]
                name = max(shares, key=lambda phase: shares[phase])
            rises = float(np.mean(dx > 0))
        couplings.append(
            CouplingStep(
                from_model=str(row["from_model"]),
                to_model=str(row["to_model"]),
                from_params_b=float(row["from_params_b"]),
                to_params_b=float(row["to_params_b"]),
                dx=float(row["dx"]),
                dy=float(row["dy"]),
                se_dx=float(row["se_dx"]),
                se_dy=float(row["se_dy"]),
                coupling=float(row["coupling"]),
                se=float(row["se"]) if np.isfinite(row["coupling"]) else float("nan"),
                median=ends[1],
                low=ends[0],
                high=ends[2],
                p_tax=shares["tax"],
                p_transition=shares["transition"],
                p_bonus=shares["bonus"],
                p_x_rises=rises,
                phase=str(name),
            )
        )
    return tuple(couplings)


@dataclass(frozen=True)
class FamilyScale:
    """Where one family's second score turns from falling to rising.

    Attributes
    ----------
    estimate, low, high : float
        Billion parameters: minimum of the parabola through the scores, and the 95% range over valid draws; NaN where
        it is not identified.
    n : int
        Sizes.
    identified : bool
    reason : str
        Why it is not identified; empty if it is.
    valid, downward, outside : float
        Shares of the draws: open upward with the minimum between the sizes; open downward or straight; open upward
        with the minimum elsewhere.
    stretch : float
        By how much item noise was widened because the parabola misses the scores by more than it (1: not at all).
    """

    estimate: float
    low: float
    high: float
    n: int
    identified: bool
    reason: str
    valid: float
    downward: float
    outside: float
    stretch: float


def _not_identified(
    n: int,
    reason: str,
    *,
    valid: float = math.nan,
    downward: float = math.nan,
    outside: float = math.nan,
    stretch: float = math.nan,
) -> FamilyScale:
    return FamilyScale(
        estimate=math.nan,
        low=math.nan,
        high=math.nan,
        n=n,
        identified=False,
        reason=reason,
        valid=valid,
        downward=downward,
        outside=outside,
        stretch=stretch,
    )


def family_scale(
    rows: pd.DataFrame,
    y: str,
    *,
    draws: int = 4000,
    rng: np.random.Generator | int = 0,
    remeasured: Remeasured | None = None,
) -> FamilyScale:
    """Critical scale of one family by the paper's quadratic estimator, with item noise in place of a bootstrap.

    Resampling three or four rows leaves nothing to fit, so the scores are redrawn from their test items instead. Where
    there are more than three sizes and the parabola misses them by more than item noise, the noise is widened to match
    the misfit.

    Parameters
    ----------
    rows : pandas.DataFrame
        Of one family, with ``params_b`` (billions) and ``y`` (percent).
    remeasured : Remeasured, optional
        ``y`` on items drawn anew, where the answers are at hand.

    Examples
    --------
    >>> toy = pd.DataFrame({"params_b": [0.1, 1.0, 10.0], "truthfulqa_mc2": [46.0, 36.0, 46.0]})
    >>> scale = family_scale(toy, "truthfulqa_mc2")
    >>> round(scale.estimate, 2), scale.identified
    (1.0, True)
    """
    used = rows.dropna(subset=["params_b", y]).sort_values("params_b", kind="stable")
    size, score = np.log10(used["params_b"].to_numpy(dtype=float)), used[y].to_numpy(dtype=float)
    n, nan = len(used), float("nan")
    if n < 3:
        reason = f"a turn needs at least 3 sizes, and there {'is' if n == 1 else 'are'} {n}"
        return _not_identified(n, reason)
    items = items_of(used, y)
    if remeasured is None and not np.isfinite(items).all():
        reason = f"the number of test items of {benchmark_title(y)} is not known, so its noise is not either"
        return _not_identified(n, reason)
    middle = size.mean()
    basis = np.vander(size - middle, 3)
    noise = item_error(score, items) if remeasured is None else remeasured.scores.std(0)
    fitted = np.linalg.lstsq(basis, score, rcond=None)[0]
    stretch = 1.0
    if n > 3:
        floor = np.maximum(noise, 1e-6)
        misfit = float(np.sum(((score - basis @ fitted) / floor) ** 2) / (n - 3))
        stretch = max(1.0, float(np.sqrt(misfit)))
    generator = np.random.default_rng(rng)
    drawn = simulate_scores(score, items, draws, generator) if remeasured is None else remeasured.scores
    a, b, _ = np.linalg.lstsq(basis, (score + stretch * (drawn - score)).T, rcond=None)[0]
    # Equal scores leave a curvature of rounding error, which is none.
    upward = a > 1e-9
    with np.errstate(divide="ignore", invalid="ignore"):
        vertex = np.where(upward, middle - b / (2 * a), nan)
        point = middle - fitted[1] / (2 * fitted[0]) if fitted[0] > 1e-9 else nan
    inside = upward & (vertex > size[0]) & (vertex < size[-1])
    valid, downward = float(inside.mean()), float(np.mean(~upward))
    outside = 1 - valid - downward
    if valid < MIN_VALID_SHARE or not size[0] < point < size[-1]:
        reason = _why(score, downward, outside, used, y)
        return _not_identified(n, reason, valid=valid, downward=downward, outside=outside, stretch=stretch)
    low, high = (float(v) for v in 10 ** np.quantile(vertex[inside], [0.025, 0.975]))
    return FamilyScale(
        estimate=float(10**point),
        low=low,
        high=high,
        n=n,
        identified=True,
        reason="",
        valid=valid,
        downward=downward,
        outside=outside,
        stretch=stretch,
    )


def _why(score: Floats, downward: float, outside: float, used: pd.DataFrame, y: str) -> str:
    change, name = np.diff(score), benchmark_title(y)
    ends = f"{used['params_b'].iloc[0]:.3g}B and {used['params_b'].iloc[-1]:.3g}B"
    if np.all(change >= 0) or np.all(change <= 0):
        way = "never falls" if np.all(change >= 0) else "never rises"
        return f"{name} {way} from one size to the next, so there is no turn between {ends}"
    if downward >= outside:
        return f"the parabola opens downward in {downward:.0%} of the draws: {name} need not fall first and rise later"
    return f"the lowest point lies outside {ends} in {outside:.0%} of the draws"
