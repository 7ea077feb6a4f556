"""Whether the diagnosis of a family is right as often as it says, where the phase of every step and the turn are known.

Two kinds of truth. *Simulated families* follow a parabola, two straight lines or a line without a turn, and answer items that
their models find hard together to a chosen degree. The numbers that make these worlds were fixed first and never changed; that
the noise in the panel's steps is learnt, and what tells a turn, were settled with results on them in sight, so that they are no
fresh test of these two choices. Families of yet another kind, whose second score hardly moves or whose turn is lopsided, are
not judged here; in trials with them probabilities and ranges were too sure, the plain ones more so.
*Half the items*: every family of the open panel is held out in turn, its scores are measured again on half of each test's
items, drawn at random, and the phase that all the items give is the truth. Half the items scatter around the whole test exactly
as much as the whole test scatters around what it stands for. It implements no section of the papers; ``make calibration``
writes its table.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import special

from cape_utils import data
from cape_utils.data.benchmarks import benchmark_items, items_of
from cape_utils.diagnosis.phase_prior import (
    PhasePrior,
    learn,
    panel_prior,
    phase_probabilities,
    probabilities_by_size,
)
from cape_utils.diagnosis.steps import WIDEST_RANGE, parabola_vertices, typical_slope
from cape_utils.diagnosis.turning_point import MIN_LEAD, turning_point
from cape_utils.scaling.coupling import PHASES, TAX_BELOW, local_coupling, phase
from cape_utils.stats.bivariate_normal import opposite_signs
from cape_utils.stats.paired_items import ItemScores
from cape_utils.stats.results import Floats

__all__ = [
    "CORRELATIONS",
    "EDGES",
    "HALF",
    "POOLED",
    "WORLDS",
    "diagnosis_calibration",
    "half_items",
    "reliability_rows",
    "simulated",
]

WORLDS = ("parabola", "two lines", "no turn")
HALF = "half the items"
CORRELATIONS = (0.0, 0.29, 0.53)
"""Of right and wrong answers of two models of a family."""

EDGES = (1 / 3, 0.5, 0.7, 0.9, 1.0)
"""Bins of the probability of the phase that is named."""

POOLED = "all three"
"""The worlds of simulated families taken together, as many of each: what a reader's family is taken for."""

_X, _Y = "hellaswag", "truthfulqa_mc1"
"""MC1 counts right answers, so that its item noise is what it is taken for; the prior is learnt from MC2."""

_PRIOR = ("hellaswag", "truthfulqa_mc2")
_DRAWS = 400


@dataclass(frozen=True)
class _Family:
    """A simulated family: log10 of its sizes, true scores (sizes, 2), and log10 of the turn, NaN if it has none."""

    size: Floats
    truth: Floats
    turn: float


def _family(world: str, rng: np.random.Generator) -> _Family:
    """Four to seven sizes from 0.1B to 0.4B on; HellaSwag rises as in web-trained families, TruthfulQA as the world says."""
    steps = rng.uniform(0.3, 0.6, rng.integers(3, 7))
    size = -1 + rng.uniform(0, 0.6) + np.concatenate([[0.0], np.cumsum(steps)])
    first = rng.normal(0, 3) + 27 + 62 / (1 + np.exp(-1.6 * (size - 0.15)))
    turn = size[0] + (size[-1] - size[0]) * rng.uniform(0.2, 0.8)
    if world == "parabola":
        second = 38 + rng.uniform(2, 8) * (size - turn) ** 2
    elif world == "two lines":
        second = (
            38
            + rng.uniform(2, 6) * np.maximum(turn - size, 0)
            + rng.uniform(3, 12) * np.maximum(size - turn, 0)
        )
    else:
        slope = (rng.uniform(-6, -1), rng.uniform(1, 8), 0.0)[rng.integers(3)]
        second, turn = 44 + slope * (size - size.mean()), np.nan
    return _Family(size, np.column_stack([first, second]), float(turn))


def _answers(truth: Floats, items: int, correlation: float, rng: np.random.Generator) -> ItemScores:
    """Right and wrong answers of every model; what makes an item hard is shared to the degree that gives the correlation."""
    # For scores near one half, answers correlate by 2 / pi times the arcsine of what lies behind them.
    shared = np.sin(np.pi / 2 * correlation)
    hard = rng.standard_normal((items, 1), dtype=np.float32)
    own = rng.standard_normal((items, len(truth)), dtype=np.float32)
    right = np.sqrt(shared) * hard + np.sqrt(1 - shared) * own < special.ndtri(truth / 100)
    return ItemScores(tuple(f"m{place}" for place in range(len(truth))), right.astype(np.float32))


def simulated(
    world: str, correlation: float, *, families: int = 600, rng: np.random.Generator | int = 0
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Diagnose simulated families whose phases and turns are known.

    Parameters
    ----------
    world : str
        One of ``WORLDS``.
    correlation : float
        Of right and wrong answers of two models.
    families : int
    rng : Generator or int

    Returns
    -------
    steps : pandas.DataFrame
        ``family, answers, version, truth`` and ``tax, transition, bonus``: one row for each step, with and without the answers
        to each item, and version of the probabilities.
    turns : pandas.DataFrame
        ``family, answers, version, identified, turns, held, width``: one row for each family; ``width`` as a share of its sizes.
    """
    generator = np.random.default_rng(rng)
    prior = panel_prior(*_PRIOR)
    if prior is None:
        raise ValueError(f"the table phase_prior lacks {_PRIOR}; write it with: make tables")
    slope = typical_slope(_PRIOR[1])
    steps, turns = [], []
    for number in range(families):
        family = _family(world, generator)
        answers = [
            _answers(family.truth[:, place], int(benchmark_items(name)), correlation, generator)
            for place, name in enumerate((_X, _Y))
        ]
        scores = np.column_stack([one.score_pct() for one in answers])
        measured = [one.covariance() for one in answers]
        apart = [np.diag(np.diag(one)) for one in measured]
        truth = np.diff(family.truth, axis=0)
        named = phase(truth[:, 1] / truth[:, 0])
        for how, (first, second) in (("none", apart), ("items", measured)):
            table = _steps(prior, family.size, scores, first, second, by_size=how == "none")
            steps.append(table.assign(family=number, answers=how, truth=np.resize(named, len(table))))
            for version, low, high in _turns(family.size, scores[:, 1], second, slope, generator):
                turns.append(
                    {
                        "family": number,
                        "answers": how,
                        "version": version,
                        "identified": bool(np.isfinite(low)),
                        "turns": bool(np.isfinite(family.turn)),
                        "held": bool(low <= family.turn <= high),
                        "width": (high - low) / (family.size[-1] - family.size[0]),
                    }
                )
    return pd.concat(steps, ignore_index=True), pd.DataFrame(turns)


def _steps(
    prior: PhasePrior, size: Floats, scores: Floats, first: Floats, second: Floats, *, by_size: bool
) -> pd.DataFrame:
    """Every version of the probabilities of a family's steps, one below the other."""
    dx, dy = np.diff(scores, axis=0).T
    noise = [np.diff(np.diff(one, axis=0), axis=1).diagonal() for one in (first, second)]
    se_dx, se_dy = (np.sqrt(np.maximum(one, 0.0)) for one in noise)
    ends = 10 ** size[:-1], 10 ** size[1:]
    shares = {
        "plain": _plain(dx, dy, se_dx, se_dy),
        "calibrated": phase_probabilities(prior, dx, dy, se_dx, se_dy, *ends),
    }
    if by_size:
        shares["size alone"] = probabilities_by_size(prior, *ends)
    return _stacked(shares)


def _stacked(shares: dict[str, Floats]) -> pd.DataFrame:
    tables = [pd.DataFrame(one, columns=list(PHASES)).assign(version=name) for name, one in shares.items()]
    return pd.concat(tables, ignore_index=True)


def _plain(dx: Floats, dy: Floats, se_dx: Floats, se_dy: Floats) -> Floats:
    """Probabilities as if every true change were equally likely."""
    mean = np.column_stack([dx, dy])
    covariance = np.stack([se_dx**2, se_dy**2], axis=1)[:, :, None] * np.eye(2)
    below = []
    for tilt in (TAX_BELOW, -TAX_BELOW):
        turn = np.array([[1.0, 0.0], [tilt, 1.0]])
        below.append(opposite_signs(mean @ turn.T, turn @ covariance @ turn.T))
    return np.column_stack([below[0], below[1] - below[0], 1 - below[1]])


def _turns(
    size: Floats, score: Floats, covariance: Floats, slope: float, rng: np.random.Generator
) -> Iterator[tuple[str, float, float]]:
    """Range of the turn by a parabola alone and by both shapes; NaN where it is not identified."""
    drawn = rng.multivariate_normal(score, _stretched(size, score, covariance), size=_DRAWS)
    vertex = parabola_vertices(size, drawn)
    inside = (vertex > size[0]) & (vertex < size[-1])
    point = parabola_vertices(size, score[None])[0]
    if inside.mean() >= 0.975 and size[0] < point < size[-1]:
        low, high = np.quantile(vertex[inside], [0.025, 0.975])
        yield "a parabola alone", float(low), float(high)
    else:
        yield "a parabola alone", np.nan, np.nan
    turn = turning_point(size, score, covariance, slope=slope)
    clear = turn.lead >= MIN_LEAD and turn.high - turn.low <= WIDEST_RANGE * (size[-1] - size[0])
    yield ("both shapes", turn.low, turn.high) if clear else ("both shapes", np.nan, np.nan)


def _stretched(size: Floats, score: Floats, covariance: Floats) -> Floats:
    """Noise widened by what a parabola misses the scores by, as the report did when it knew no other shape."""
    spare = len(size) - 3
    miss = score - np.polyval(np.polyfit(size, score, 2), size)
    return covariance * max(1.0, float(np.sum(miss**2 / np.diag(covariance))) / spare if spare else 1.0)


def half_items(*, draws: int = 40, rng: np.random.Generator | int = 0) -> pd.DataFrame:
    """Diagnose the panel's families from half of each test's items, each family held out from what is learnt.

    Parameters
    ----------
    draws : int
        How many times the half is drawn.
    rng : Generator or int

    Returns
    -------
    pandas.DataFrame
        ``family, draw, answers, version, truth`` and ``tax, transition, bonus``; the truth is the phase on all items, and
        the versions are those of ``simulated``.
    """
    generator = np.random.default_rng(rng)
    panel = data.panel("open", rows="one_recipe").dropna(subset=list(_PRIOR))
    whole = local_coupling(panel, *_PRIOR)
    start = learn(whole)
    tables = []
    for draw in range(draws):
        again = panel.assign(**{name: _half(panel, name, generator) for name in _PRIOR})
        steps = local_coupling(again, *_PRIOR)
        for family in steps["family"].unique():
            mine = (steps["family"] == family).to_numpy()
            prior = learn(steps[~mine], start=start)
            one = steps[mine]
            ends = one["from_params_b"].to_numpy(), one["to_params_b"].to_numpy()
            dx, dy, se_dx, se_dy = one[["dx", "dy", "se_dx", "se_dy"]].to_numpy(dtype=float).T
            shares = {
                "plain": one[[f"p_{name}" for name in PHASES]].to_numpy(dtype=float),
                "calibrated": phase_probabilities(prior, dx, dy, se_dx, se_dy, *ends),
                "size alone": probabilities_by_size(prior, *ends),
            }
            table = _stacked(shares)
            truth = np.resize(whole.loc[mine, "phase"].to_numpy(), len(table))
            tables.append(table.assign(family=family, draw=draw, answers="none", truth=truth))
    return pd.concat(tables, ignore_index=True)


def _half(panel: pd.DataFrame, name: str, rng: np.random.Generator) -> Floats:
    """Scores on half the items of a test, drawn without replacement, for each model its own."""
    items = np.round(items_of(panel, name)).astype(int)
    right = np.round(panel[name].to_numpy(dtype=float) / 100 * items).astype(int)
    half = items // 2
    return np.asarray(100 * rng.hypergeometric(right, items - right, half) / half)


def _reliability(steps: pd.DataFrame) -> list[dict[str, object]]:
    """How often the phase named is right, by its probability, then over all steps with the Brier score."""
    shares = steps[list(PHASES)].to_numpy(dtype=float)
    truth = np.array([[word == name for name in PHASES] for word in steps["truth"]], dtype=float)
    place = shares.argmax(axis=1)
    said, right = shares.max(axis=1), truth[np.arange(len(truth)), place]
    rows: list[dict[str, object]] = []
    bins = [(low, high, (said > low) & (said <= high)) for low, high in itertools.pairwise(EDGES)]
    for low, high, group in [*bins, (np.nan, np.nan, np.ones(len(said), dtype=bool))]:
        if not group.any():
            continue
        row: dict[str, object] = {"low": low, "high": high, "n": int(group.sum())}
        row |= {"said": said[group].mean(), "right": right[group].mean()}
        if np.isnan(low):
            row["brier"] = float(np.mean(np.sum((shares - truth) ** 2, axis=1)))
            row["transitions"] = float(np.mean(place == PHASES.index("transition")))
            row["true_transitions"] = float(truth[:, PHASES.index("transition")].mean())
        rows.append(row)
    return rows


def _phase_rows(worlds: dict[str, pd.DataFrame], correlation: float | None) -> list[dict[str, object]]:
    return [
        {
            "part": "phase",
            "world": world,
            "correlation": correlation,
            "answers": how,
            "version": version,
            **row,
        }
        for world, steps in worlds.items()
        for (how, version), part in steps.groupby(["answers", "version"], sort=False)
        for row in _reliability(part)
    ]


def _turn_rows(worlds: dict[str, pd.DataFrame], correlation: float) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = []
    for world, turns in worlds.items():
        for (how, version), part in turns.groupby(["answers", "version"], sort=False):
            told = part[part["identified"]]
            row: dict[str, object] = {"part": "turn", "world": world, "correlation": correlation}
            row |= {"answers": how, "version": version, "n": len(part), "identified": len(told), "said": 0.95}
            if len(told):
                row |= {"right": told["held"].mean(), "width": told["width"].mean()}
            rows.append(row)
    return rows


def diagnosis_calibration() -> pd.DataFrame:
    """The table ``diagnosis_calibration``: phases by their probability, and ranges of the turn, where the truth is known.

    Returns
    -------
    pandas.DataFrame
        ``part, world, correlation, answers, version, low, high, n, said, right, brier, transitions, true_transitions,
        identified, width``; ``part`` is ``"phase"`` or ``"turn"``.
    """
    rows = _phase_rows({HALF: half_items(rng=len(WORLDS) * len(CORRELATIONS))}, None)
    for number, correlation in enumerate(CORRELATIONS):
        worlds, turns = {}, {}
        for place, world in enumerate(WORLDS):
            seed = place * len(CORRELATIONS) + number
            worlds[world], turns[world] = simulated(world, correlation, rng=seed)
        worlds[POOLED] = pd.concat(worlds.values())
        rows += _phase_rows(worlds, correlation) + _turn_rows(turns, correlation)
    columns = ["part", "world", "correlation", "answers", "version", "low", "high", "n", "said", "right"]
    columns += ["brier", "transitions", "true_transitions", "identified", "width"]
    return pd.DataFrame(rows)[columns].round(4).astype({"identified": "Int64"})


def reliability_rows(calibration: pd.DataFrame) -> pd.DataFrame:
    """The bins of half the items and of all simulated worlds together, as a figure shows them.

    Parameters
    ----------
    calibration : pandas.DataFrame
        The table ``diagnosis_calibration``.

    Returns
    -------
    pandas.DataFrame
        ``truth, version, said, right, gap, n``.
    """
    bins = calibration[(calibration["part"] == "phase") & calibration["low"].notna()]
    half = bins[bins["world"] == HALF].assign(truth=HALF)
    worlds = bins[bins["world"] == POOLED]
    how = worlds["answers"].map({"items": "answers known", "none": "answers unknown"})
    worlds = worlds.assign(
        truth="simulated, correlation " + worlds["correlation"].map("{:g}".format) + ", " + how
    )
    worlds = worlds.sort_values(["answers", "correlation"], kind="stable")
    rows = pd.concat([half, worlds])
    rows = rows[rows["version"] != "size alone"]
    rows = rows.assign(gap=(rows["right"] - rows["said"]).round(4))
    return rows[["truth", "version", "said", "right", "gap", "n"]].reset_index(drop=True)
