"""One family's own scores, remeasured by simulation: what the finite number of test items leaves of its couplings.

Section 2 of paper A gives each step a coupling and a phase. Here every score is redrawn from its test items, and the
coupling, the phase and the family's own critical scale follow from each draw. A ratio of small differences has no finite
mean, so medians and quantiles are given, never a mean. Item noise is all that is drawn: another training run, or another
wording of the prompt, would move the scores further. What the steps of other families add to the phase is in
``diagnosis.phase_prior``, where a turn lies in ``diagnosis.turning_point``, and the next size in ``diagnosis.next_size``.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from cape_utils import data
from cape_utils.data.benchmarks import benchmark_title, items_of
from cape_utils.diagnosis.paired_noise import Remeasured
from cape_utils.diagnosis.phase_prior import PhasePrior, phase_probabilities
from cape_utils.diagnosis.turning_point import MIN_LEAD, turning_point
from cape_utils.scaling.coupling import PHASES, TAX_BELOW, local_coupling
from cape_utils.stats.item_noise import item_error, simulate_scores
from cape_utils.stats.results import Floats

__all__ = [
    "WIDEST_RANGE",
    "CouplingStep",
    "FamilyScale",
    "family_scale",
    "intervals",
    "parabola_vertices",
    "typical_slope",
]

WIDEST_RANGE = 0.75
"""Share of the sizes measured, in log10, beyond which a range of the turn says no more than that there is one."""


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
        Share of the draws in each phase, the plain version: as if every true change were equally likely. They add up to 1, or
        are NaN where item noise is not known.
    p_x_rises : float
        Share of the draws in which the first score rises: near one half the ratio means little.
    phase : str
        The likeliest, which need not be likely: by the calibrated probabilities where there are any.
    calibrated_tax, calibrated_transition, calibrated_bonus : float
        Probability of each phase given also how far steps of this size go in other families; NaN where nothing was learnt of
        the pair.
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
    calibrated_tax: float = math.nan
    calibrated_transition: float = math.nan
    calibrated_bonus: float = math.nan

    @classmethod
    def of_row(
        cls,
        row: Mapping[Hashable, Any],
        *,
        ends: tuple[float, float, float],
        shares: Mapping[str, float],
        learnt: Mapping[str, float],
        rises: float,
        phase: str,
    ) -> CouplingStep:
        """A step from its row of ``scaling.coupling.local_coupling`` and what is known beside it.

        Parameters
        ----------
        row : mapping
        ends : tuple of float
            ``low``, ``median`` and ``high``.
        shares, learnt : mapping of str to float
            Plain and calibrated probability of each phase.
        rises : float
            ``p_x_rises``.
        phase : str
        """
        numbers = ("from_params_b", "to_params_b", "dx", "dy", "se_dx", "se_dy", "coupling")
        low, median, high = ends
        return cls(
            from_model=str(row["from_model"]),
            to_model=str(row["to_model"]),
            **{name: float(row[name]) for name in numbers},
            se=float(row["se"]) if np.isfinite(row["coupling"]) else math.nan,
            median=median,
            low=low,
            high=high,
            **{f"p_{name}": shares[name] for name in PHASES},
            p_x_rises=rises,
            phase=phase,
            **{f"calibrated_{name}": learnt[name] for name in PHASES},
        )

    @property
    def is_calibrated(self) -> bool:
        """Whether other families' steps stand behind the probabilities."""
        return not math.isnan(self.calibrated_tax)

    @property
    def shares(self) -> dict[str, float]:
        """Probability of each phase: calibrated, or the plain one where there is no other."""
        kind = "calibrated" if self.is_calibrated else "p"
        return {name: getattr(self, f"{kind}_{name}") for name in PHASES}

    @property
    def probability(self) -> float:
        """Probability of the likeliest phase; NaN where item noise is not known."""
        return max(self.shares.values())

    @property
    def plain_phase(self) -> str:
        """The likeliest phase if every true change were equally likely."""
        return (
            max(PHASES, key=lambda name: getattr(self, f"p_{name}"))
            if self.p_tax == self.p_tax
            else self.phase
        )


def intervals(
    rows: pd.DataFrame,
    x: str,
    y: str,
    *,
    draws: int = 4000,
    rng: np.random.Generator | int = 0,
    remeasured: Mapping[str, Remeasured] | None = None,
    prior: PhasePrior | None = None,
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
    prior : PhasePrior, optional
        What is known of steps beforehand; without it there are plain probabilities alone.

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
    calibrated = np.full((len(local), 3), np.nan)
    if prior is not None and known:
        columns = ("dx", "dy", "se_dx", "se_dy", "from_params_b", "to_params_b")
        calibrated = phase_probabilities(prior, *(local[name].to_numpy(dtype=float) for name in columns))
    couplings = []
    for place, row in enumerate(local.to_dict("records")):
        shares, ends, rises = dict.fromkeys(PHASES, np.nan), (np.nan, np.nan, np.nan), np.nan
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
                low, median, high = map(float, np.quantile(ratio, [0.025, 0.5, 0.975], method="nearest"))
                ends = (low, median, high)
                name = max(shares, key=lambda phase: shares[phase])
            rises = float(np.mean(dx > 0))
        learnt = dict(zip(PHASES, map(float, calibrated[place]), strict=True))
        if np.isfinite(calibrated[place]).all():
            name = max(learnt, key=lambda phase: learnt[phase])
        couplings.append(
            CouplingStep.of_row(row, ends=ends, shares=shares, learnt=learnt, rises=rises, phase=str(name))
        )
    return tuple(couplings)


@dataclass(frozen=True)
class FamilyScale:
    """Where one family's second score turns from falling to rising.

    Attributes
    ----------
    estimate, low, high : float
        Billion parameters: median and 95% range of the place of the turn, over a parabola and two straight lines; NaN where it
        is not identified.
    n : int
        Sizes.
    identified : bool
    reason : str
        Why it is not identified; empty if it is.
    valid, downward, outside : float
        Shares of the draws whose parabola, alone, opens upward with the minimum between the sizes; opens downward or is
        straight; opens upward with the minimum elsewhere.
    stretch : float
        By how much item noise was widened because both shapes miss the scores by more than it (1: not at all).
    lead : float
        By how much the best curve that turns fits better than the best that never does (chi-squared).
    parabola : float
        Share of the parabola in the average of the two shapes.
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
    lead: float = math.nan
    parabola: float = math.nan


def _not_identified(n: int, reason: str) -> FamilyScale:
    nan = math.nan
    return FamilyScale(
        estimate=nan,
        low=nan,
        high=nan,
        n=n,
        identified=False,
        reason=reason,
        valid=nan,
        downward=nan,
        outside=nan,
        stretch=nan,
    )


@functools.cache
def typical_slope(y: str, *, exclude: frozenset[str] = frozenset()) -> float:
    """Points that a score changes over a decade of size from one model of the open panel to the next, root mean square.

    What item noise adds is taken off. NaN where the panel does not hold the benchmark.

    Parameters
    ----------
    y : str
    exclude : frozenset of str
        Families of the panel to leave out.

    Examples
    --------
    >>> 5 < typical_slope("truthfulqa_mc2") < 10
    True
    """
    panel = data.panel("open", rows="one_recipe")
    if y not in panel:
        return math.nan
    used = panel[~panel["family"].isin(exclude)].dropna(subset=[y]).sort_values(["family", "params_b"])
    same = used["family"].eq(used["family"].shift()).to_numpy()[1:]
    change = np.diff(used[y].to_numpy(dtype=float))[same]
    step = np.diff(np.log10(used["params_b"].to_numpy(dtype=float)))[same]
    variance = item_error(used[y], items_of(used, y)) ** 2
    noise = np.nan_to_num((variance[1:] + variance[:-1])[same])
    total = max(float(np.sum(change**2 - noise)), 0.0)
    return math.sqrt(total / float(np.sum(step**2))) or math.nan


def family_scale(
    rows: pd.DataFrame,
    y: str,
    *,
    draws: int = 4000,
    rng: np.random.Generator | int = 0,
    remeasured: Remeasured | None = None,
    exclude: frozenset[str] = frozenset(),
) -> FamilyScale:
    """Critical scale of one family, with item noise in place of a bootstrap.

    Resampling three or four rows leaves nothing to fit. The paper's parabola is one shape that a turn can have; here it is
    averaged with two straight lines (``diagnosis.turning_point``). A turn is identified if a curve that never turns fits
    clearly worse (``MIN_LEAD``) and the range of its place spans less than three quarters of the sizes.

    Parameters
    ----------
    rows : pandas.DataFrame
        Of one family, with ``params_b`` (billions) and ``y`` (percent).
    draws : int
        Simulations behind the shares of parabolas, which the place of the turn does not need.
    rng : Generator or int
    remeasured : Remeasured, optional
        ``y`` on items drawn anew, where the answers are at hand.
    exclude : frozenset of str
        Families of the open panel that hold the same models, left out where the typical slope is computed.

    Examples
    --------
    >>> toy = pd.DataFrame({"params_b": [0.1, 1.0, 10.0], "truthfulqa_mc2": [52.0, 36.0, 52.0]})
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
    slope = typical_slope(y, exclude=exclude)
    if math.isnan(slope):  # not in the panel: as steep as the family itself
        slope = max(1.0, float(np.sqrt(np.sum(np.diff(score) ** 2) / np.sum(np.diff(size) ** 2))))
    turn = turning_point(size, score, _covariance(score, items, remeasured), slope=slope)

    generator = np.random.default_rng(rng)
    drawn = simulate_scores(score, items, draws, generator) if remeasured is None else remeasured.scores
    vertex = parabola_vertices(size, score + turn.stretch * (drawn - score))
    valid = float(np.mean((vertex > size[0]) & (vertex < size[-1])))
    downward = float(np.mean(np.isnan(vertex)))
    outside = 1 - valid - downward

    spans = (turn.high - turn.low) / (size[-1] - size[0])
    reason = ""
    if turn.lead < MIN_LEAD:
        reason = _why(score, turn.lead, downward, outside, used, y)
    elif spans > WIDEST_RANGE:
        ends = f"{10**turn.low:.3g}B to {10**turn.high:.3g}B"
        reason = f"a turn anywhere from {ends} fits the scores, {spans:.0%} of the sizes there are"
    low, estimate, high = (nan,) * 3 if reason else (10**turn.low, 10**turn.median, 10**turn.high)
    return FamilyScale(
        estimate=estimate,
        low=low,
        high=high,
        n=n,
        identified=not reason,
        reason=reason,
        valid=valid,
        downward=downward,
        outside=outside,
        stretch=turn.stretch,
        lead=turn.lead,
        parabola=turn.parabola,
    )


def parabola_vertices(size: Floats, scores: Floats) -> Floats:
    """Lowest points of parabolas through scores drawn anew; NaN where they open downward or are straight.

    Parameters
    ----------
    size : ndarray, shape (sizes,)
        log10.
    scores : ndarray, shape (draws, sizes)

    Examples
    --------
    >>> parabola_vertices(np.array([-1.0, 0.0, 1.0]), np.array([[2.0, 1.0, 2.0], [1.0, 2.0, 1.0]])).round(3).tolist()
    [0.0, nan]
    """
    middle = size.mean()
    a, b, _ = np.linalg.lstsq(np.vander(size - middle, 3), scores.T, rcond=None)[0]
    with np.errstate(divide="ignore", invalid="ignore"):
        # Equal scores leave a curvature of rounding error, which is none.
        return np.asarray(np.where(a > 1e-9, middle - b / (2 * a), np.nan))


def _covariance(score: Floats, items: Floats, remeasured: Remeasured | None) -> Floats:
    """Of the item noise of a ladder's scores; independent where the answers are not at hand."""
    if remeasured is None:
        # A score of 0 or 100 counts as half an item away from there, as where scores are drawn.
        edge = 50.0 / items
        return np.diag(item_error(np.clip(score, edge, 100 - edge), items) ** 2)
    # Models that answered every item alike leave no noise between them, and no inverse.
    return np.asarray(np.cov(remeasured.scores, rowvar=False) + 1e-4 * np.eye(len(score)))


def _why(score: Floats, lead: float, downward: float, outside: float, used: pd.DataFrame, y: str) -> str:
    change, name = np.diff(score), benchmark_title(y)
    ends = f"{used['params_b'].iloc[0]:.3g}B and {used['params_b'].iloc[-1]:.3g}B"
    if np.all(change >= 0) or np.all(change <= 0):
        way = "never falls" if np.all(change >= 0) else "never rises"
        return f"{name} {way} from one size to the next, so there is no turn between {ends}"
    valid = 1 - downward - outside
    if downward > max(valid, outside):
        return f"the parabola opens downward in {downward:.0%} of the draws: {name} need not fall first and rise later"
    if outside > valid:
        return f"the lowest point lies outside {ends} in {outside:.0%} of the draws"
    return (
        f"a curve that never turns fits the scores nearly as well: chi-squared is {max(lead, 0.0):.1f} larger, and "
        f"{MIN_LEAD:.1f} would tell"
    )
