"""A phase read off the size alone, as the dashboard of paper A does it, held against the phase that the scores give.

The rule is the paper's running coupling (section 2): a straight line in log10 of size that crosses zero at the critical
scale, both constants as quoted in the ledger. It never sees a score. The families that the constants come from are left out
of the count. ``diagnosis.family_diagnosis`` is what depends on the scores.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from cape_utils import data
from cape_utils.claims import quotations
from cape_utils.scaling import coupling
from cape_utils.scaling.coupling import PHASES, TAX_BELOW
from cape_utils.stats.resampling import cluster_bootstrap_mean, null_from_draws
from cape_utils.stats.results import Estimate, Floats, Null

__all__ = [
    "FITTED_ON",
    "Formula",
    "advantage",
    "agreement",
    "agreement_table",
    "contradictions",
    "formula",
    "in_sample_thresholds",
    "is_clear",
    "majority_class",
    "phase_by_size",
    "retest_agreement",
    "shuffled_sizes",
    "unfitted_steps",
]

FITTED_ON = ("Pythia", "Llama", "Llama-2")
"""Families behind the quoted critical scale and slope."""


@dataclass(frozen=True)
class Formula:
    """The running coupling: ``slope * log10(size / critical_b)``."""

    slope: float
    critical_b: float

    def coupling_at(self, params_b: ArrayLike) -> Floats:
        """Coupling that the formula gives a size in billions."""
        return np.asarray(self.slope * np.log10(np.asarray(params_b, dtype=float) / self.critical_b))

    @property
    def edges_b(self) -> tuple[float, float]:
        """Sizes at which the formula goes from tax to transition, and from there to bonus."""
        wide = 10 ** (TAX_BELOW / self.slope)
        return self.critical_b / wide, self.critical_b * wide


def formula() -> Formula:
    """The formula with the slope and the critical scale that the paper quotes.

    Examples
    --------
    >>> formula()
    Formula(slope=0.629, critical_b=3.5)
    """
    quoted = {claim.id: claim.paper_value for claim in quotations.ledger()}
    slope, scale = quoted["running_coupling_slope"], quoted["critical_scale"]
    if slope is None or scale is None:
        raise ValueError(
            "the ledger quotes no running_coupling_slope or no critical_scale; add them to data/claims.csv"
        )
    return Formula(float(slope.value), float(scale.value))


def phase_by_size(params_b: ArrayLike, rule: Formula | None = None) -> np.ndarray:
    """Phase by the formula; no score goes in, so none can change it.

    Examples
    --------
    >>> list(phase_by_size([1.0, 3.5, 70.0]))
    ['tax', 'transition', 'bonus']
    """
    return coupling.phase((formula() if rule is None else rule).coupling_at(params_b))


def unfitted_steps(scores: pd.DataFrame | None = None, *, exclude: Sequence[str] = FITTED_ON) -> pd.DataFrame:
    """Steps in size of the open panel's other families, with the phase of the scores and the phase by size.

    Parameters
    ----------
    scores : pandas.DataFrame, optional
        The open panel with one recipe a family by default.
    exclude : sequence of str
        Families that the formula's constants come from.

    Returns
    -------
    pandas.DataFrame
        Columns of ``scaling.coupling.local_coupling`` and ``by_size``, the formula's phase at the middle of the step. Steps
        without a coupling are left out.

    Examples
    --------
    >>> sorted(set(FITTED_ON) & set(unfitted_steps()["family"]))
    []
    """
    table = data.panel("open", rows="one_recipe") if scores is None else scores
    local = coupling.local_coupling(table[~table["family"].isin(exclude)]).dropna(subset="coupling")
    return local.assign(by_size=phase_by_size(local["mid_params_b"])).reset_index(drop=True)


def agreement(
    steps: pd.DataFrame,
    named: ArrayLike,
    *,
    draws: int = 2000,
    rng: np.random.Generator | int = 0,
) -> Estimate:
    """Share of steps to which a rule gives the phase of their scores.

    Parameters
    ----------
    steps : pandas.DataFrame
        With ``family`` and ``phase``.
    named : array_like of str
        The rule's phase of each step.
    draws : int
        Bootstrap draws; the unit resampled is the family.

    Examples
    --------
    >>> toy = pd.DataFrame({"family": ["a", "a", "b", "b"], "phase": ["tax", "tax", "bonus", "tax"]})
    >>> agreement(toy, ["tax"] * 4).estimate
    0.75
    """
    hits = (steps["phase"].to_numpy() == np.asarray(named, dtype=object)).astype(float)
    if not len(hits):
        raise ValueError("there is no step to compare; at least one with both scores is needed")
    return cluster_bootstrap_mean(
        hits, steps["family"], "bootstrap over {clusters} families", draws=draws, rng=rng
    )


def majority_class(steps: pd.DataFrame) -> np.ndarray:
    """For each step the phase that is commonest among the other families: a rule that knows nothing of the family.

    Examples
    --------
    >>> toy = pd.DataFrame({"family": ["a", "b", "b"], "phase": ["bonus", "tax", "tax"]})
    >>> list(majority_class(toy))
    ['tax', 'bonus', 'bonus']
    """
    named = []
    for family in steps["family"]:
        counts = steps.loc[steps["family"] != family, "phase"].value_counts()
        named.append(max(PHASES, key=lambda name: counts.get(name, 0)))
    return np.array(named, dtype=object)


def shuffled_sizes(steps: pd.DataFrame, *, draws: int = 5000, rng: np.random.Generator | int = 0) -> Null:
    """Agreement of the formula when the steps' sizes are permuted: what its mixture of phases gets by luck.

    Whole steps are permuted, so families lose their size with their order; that makes the null no harder to beat.
    """
    generator = np.random.default_rng(rng)
    truth, by_size = (pd.Categorical(steps[c], categories=list(PHASES)).codes for c in ("phase", "by_size"))
    permuted = generator.permuted(np.tile(by_size, (draws, 1)), axis=1)
    observed = float(np.mean(truth == by_size))
    return null_from_draws(
        observed, (permuted == truth).mean(axis=1), len(steps), "sizes permuted among the steps"
    )


def _hits_of_cuts(truth: Floats) -> Floats:
    """Most hits that tax, then transition, then bonus along the last axis can have; any of the three may be empty."""
    n = truth.shape[-1]
    counts = [
        np.concatenate([np.zeros((*truth.shape[:-1], 1)), np.cumsum(truth == k, axis=-1)], axis=-1)
        for k in range(3)
    ]
    best = np.zeros(truth.shape[:-1])
    for low, high in itertools.combinations_with_replacement(range(n + 1), 2):
        hits = (
            counts[0][..., low]
            + counts[1][..., high]
            - counts[1][..., low]
            + counts[2][..., n]
            - counts[2][..., high]
        )
        best = np.maximum(best, hits)
    return best


def in_sample_thresholds(
    steps: pd.DataFrame, *, draws: int = 300, rng: np.random.Generator | int = 0
) -> Null:
    """The best that tax, transition and bonus by size could agree, both cuts chosen in hindsight.

    Returns
    -------
    Null
        ``observed`` is the upper bound for every formula of this form; the draws are the same hindsight on permuted
        sizes, which flatter themselves as much.
    """
    order = steps.sort_values("mid_params_b", kind="stable")
    truth = np.asarray(pd.Categorical(order["phase"], categories=list(PHASES)).codes)
    n = len(truth)
    permuted = np.random.default_rng(rng).permuted(np.tile(truth, (draws, 1)), axis=1)
    observed = float(_hits_of_cuts(truth) / n)
    return null_from_draws(
        observed, _hits_of_cuts(permuted) / n, n, "the best two cuts after permuting the sizes"
    )


def _two_agree(dx: Floats, dy: Floats, steps: pd.DataFrame) -> float:
    """Share of steps on which two measurements around given differences name one phase."""
    se_dx, se_dy = (steps[name].to_numpy(dtype=float) for name in ("se_dx", "se_dy"))
    return float((coupling.phase_probabilities(dx, dy, se_dx, se_dy) ** 2).sum(axis=1).mean())


def _without_noise(values: Floats, errors: Floats) -> Floats:
    """Differences drawn in towards their mean until they spread as far as they would without item noise."""
    spread = values.var(ddof=1) if len(values) > 1 else 0.0
    left = max(0.0, 1 - float((errors**2).mean()) / spread) if spread > 0 else 0.0
    return np.asarray(values.mean() + (values - values.mean()) * np.sqrt(left))


def retest_agreement(steps: pd.DataFrame, *, draws: int = 50, rng: np.random.Generator | int = 0) -> float:
    """Expected share of steps on which two measurements of the same models would name the same phase.

    Both have other test items of the same kind: what a rule that never sees a score is fairly held beside, because the
    scores that it is held against were measured once as well. The share is not read off the scores as they are. Noise has
    spread these already, so measurements drawn around them agree more often than measurements of the models themselves.
    How much more is simulated from steps whose spread is what noise leaves, and taken off; with known truth this removes more
    than half of the bias, not all of it, so the share is still on the high side.

    Parameters
    ----------
    steps : pandas.DataFrame
        With ``dx, dy, se_dx, se_dy`` of ``scaling.coupling.local_coupling``.
    draws : int
        Simulated measurements behind the correction.
    rng : Generator or int

    Examples
    --------
    >>> toy = pd.DataFrame({"dx": [10.0] * 3, "dy": [9.0, -9.0, 8.0], "se_dx": 0.1, "se_dy": 0.1})
    >>> round(retest_agreement(toy, draws=5), 2)
    1.0
    """
    generator = np.random.default_rng(rng)
    dx, dy, se_dx, se_dy = (steps[name].to_numpy(dtype=float) for name in ("dx", "dy", "se_dx", "se_dy"))
    true_dx, true_dy = _without_noise(dx, se_dx), _without_noise(dy, se_dy)
    noise = generator.normal(size=(draws, 2, len(steps)))
    simulated = [_two_agree(true_dx + se_dx * a, true_dy + se_dy * b, steps) for a, b in noise]
    bias = float(np.mean(simulated)) - _two_agree(true_dx, true_dy, steps)
    return min(1.0, max(0.0, _two_agree(dx, dy, steps) - bias))


def advantage(
    steps: pd.DataFrame,
    one: ArrayLike,
    other: ArrayLike,
    *,
    draws: int = 2000,
    rng: np.random.Generator | int = 0,
) -> Estimate:
    """How much more often one rule names the phase of the scores than another, on the same steps.

    Parameters
    ----------
    steps : pandas.DataFrame
        With ``family`` and ``phase``.
    one, other : array_like of str
        Each rule's phase of each step.
    draws : int
        Bootstrap draws; the unit resampled is the family, the same for both rules.

    Returns
    -------
    Estimate
        A difference of shares, from -1 to 1.

    Examples
    --------
    >>> toy = pd.DataFrame({"family": ["a", "a", "b", "b"], "phase": ["tax", "tax", "bonus", "tax"]})
    >>> advantage(toy, ["tax"] * 4, ["bonus"] * 4).estimate
    0.5
    """
    truth = steps["phase"].to_numpy()
    hits = [(truth == np.asarray(named, dtype=object)).astype(float) for named in (one, other)]
    method = "paired, bootstrap over {clusters} families"
    return cluster_bootstrap_mean(hits[0] - hits[1], steps["family"], method, draws=draws, rng=rng)


def is_clear(steps: pd.DataFrame, min_probability: float = 0.8) -> pd.Series:
    """Whether one phase of each step is at least this probable.

    Examples
    --------
    >>> toy = pd.DataFrame({"p_tax": [0.9, 0.5], "p_transition": [0.1, 0.2], "p_bonus": [0.0, 0.3]})
    >>> is_clear(toy).tolist()
    [True, False]
    """
    return steps[[f"p_{name}" for name in PHASES]].max(axis=1) >= min_probability


def contradictions(
    steps: pd.DataFrame, *, min_probability: float = 0.8, factor: float = 1.25
) -> pd.DataFrame:
    """Pairs of steps at one size whose scores clearly say different phases: no formula of size can be right on both.

    Parameters
    ----------
    min_probability : float
        Probability of its phase that each step must have.
    factor : float
        By how much the middle sizes may differ.

    Returns
    -------
    pandas.DataFrame
        Columns ``mid_params_b, family, phase, other_family, other_phase, by_size``, the formula's phase of the first.
    """
    clear = (
        steps[is_clear(steps, min_probability)].sort_values("mid_params_b", kind="stable").to_dict("records")
    )
    rows = [
        {
            "mid_params_b": one["mid_params_b"],
            "family": one["family"],
            "phase": one["phase"],
            "other_family": two["family"],
            "other_phase": two["phase"],
            "by_size": one["by_size"],
        }
        for one, two in itertools.combinations(clear, 2)
        if two["mid_params_b"] <= factor * one["mid_params_b"] and one["phase"] != two["phase"]
    ]
    columns = ["mid_params_b", "family", "phase", "other_family", "other_phase", "by_size"]
    return pd.DataFrame(rows, columns=columns)


def agreement_table(steps: pd.DataFrame) -> pd.DataFrame:
    """How often each rule names the phase of the scores, over all steps and over those whose phase is clear.

    Returns
    -------
    pandas.DataFrame
        Indexed by rule: ``agreement, low, high, n`` and the same for the clear steps (probability of the phase at least
        80%), ``clear_agreement, clear_low, clear_high, clear_n``.
    """
    sure = is_clear(steps).to_numpy()
    rules = {
        "formula of size": steps["by_size"].to_numpy(),
        "commonest elsewhere": majority_class(steps),
    }
    rules |= {f"always {name}": np.full(len(steps), name, dtype=object) for name in PHASES}
    rows = {}
    for label, named in rules.items():
        overall, clear = agreement(steps, named), agreement(steps[sure], named[sure])
        rows[label] = {
            **{"agreement": overall.estimate, "low": overall.low, "high": overall.high, "n": overall.n},
            **{
                "clear_agreement": clear.estimate,
                "clear_low": clear.low,
                "clear_high": clear.high,
                "clear_n": clear.n,
            },
        }
    table = pd.DataFrame(rows).T
    table.index.name = "rule"
    return table.astype({"n": int, "clear_n": int})
