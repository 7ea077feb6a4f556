"""What the next size of a family will score, by the method that ranks first in chapter 07, with a range that covers.

Section 4 of paper A predicts a family with its equation. The choice of the method and the range are the job of
``scaling.forecasting``, the phase of the step that of ``diagnosis.phase_forecast``.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from cape_utils import data
from cape_utils.diagnosis.phase_forecast import (
    LEVEL,
    PhaseSkill,
    forecast_quality,
    phase_shares,
    shares_of_like_steps,
)
from cape_utils.scaling import forecasting
from cape_utils.scaling.coupling import PHASES
from cape_utils.scaling.forecasting import Method, best_method, error_range, held_out_steps

__all__ = ["LARGEST_B", "NextScore", "NextSize", "check_size", "predict_size"]

LARGEST_B = 100_000.0
"""Sizes beyond this are taken for raw counts of parameters, as in the reader's tables."""


@dataclass(frozen=True)
class NextScore:
    """One score at the next size, percent."""

    benchmark: str
    predicted: float
    low: float
    high: float
    families: int


@dataclass(frozen=True)
class NextSize:
    """Scores at a size that was not measured.

    Attributes
    ----------
    params_b : float
        Billions.
    method : str
        One of ``scaling.forecasting.METHODS``.
    level : float
        Share of held-out families' scores that the ranges aim to hold.
    coverage : float
        Share that they do hold, each family held out in turn.
    scores : tuple of NextScore
    not_predicted : tuple of str
        Benchmarks that the open panel does not hold.
    p_tax, p_transition, p_bonus : float
        Phases of the step to it, from what ``skill.used`` names: the held-out errors of both scores together, or steps of the
        panel that began alike. NaN where one score is not predicted.
    skill : PhaseSkill or None
        How much such phases are worth on families held out.
    note : str
        What to beware of; empty if nothing.
    """

    params_b: float
    method: str
    level: float
    coverage: float
    scores: tuple[NextScore, ...]
    not_predicted: tuple[str, ...]
    p_tax: float
    p_transition: float
    p_bonus: float
    skill: PhaseSkill | None
    note: str


def check_size(params_b: float, largest_b: float, *, family: str = "the family") -> None:
    """Refuse a size that cannot be the next one.

    Parameters
    ----------
    params_b, largest_b : float
        The size asked for and the largest of the family, billions.
    family : str
        For the message.

    Raises
    ------
    ValueError
        If it is not above the largest, or beyond ``LARGEST_B``.

    Examples
    --------
    >>> check_size(5, 7)
    Traceback (most recent call last):
    ...
    ValueError: next size 5B must be above the largest of the family, 7B; name a larger one
    """
    if params_b > LARGEST_B:
        raise ValueError(
            f"next size {params_b:g}B is above {LARGEST_B:g}B; sizes are in billions, so a raw count must be divided by 1e9"
        )
    if not params_b > largest_b:  # also where it is not a number
        raise ValueError(
            f"next size {params_b:g}B must be above the largest of {family}, {largest_b:g}B; name a larger one"
        )


def predict_size(
    rows: pd.DataFrame,
    x: str,
    y: str,
    *,
    params_b: float | None = None,
    exclude: frozenset[str] = frozenset(),
    level: float = LEVEL,
) -> NextSize:
    """Predict the next size of one family from its largest.

    Parameters
    ----------
    rows : pandas.DataFrame
        Of one family: ``params_b`` (billions) and benchmarks in percent.
    x, y : str
        The pair whose phase is wanted.
    params_b : float, optional
        The size to predict; by default as many times the largest as the family's sizes are apart on average (in log10).
    exclude : frozenset of str
        Families of the open panel to leave out: those that hold the same models.
    level : float

    Raises
    ------
    ValueError
        If the size is not above the largest of the family.
    """
    used = rows.sort_values("params_b", kind="stable")
    sizes = used["params_b"].to_numpy(dtype=float)
    panel = data.panel("open", rows="one_recipe")
    columns = [
        name for name in data.load("benchmarks")["benchmark"] if name in used and used[name].notna().any()
    ]
    others = ~panel["family"].isin(exclude)
    known = [name for name in columns if name in panel and panel.loc[others, name].notna().any()]
    all_five = all(name in known for name in data.BENCHMARKS)
    method = best_method(exclude, trends_only=not all_five)
    groups = _groups(known, x, y, method)
    learnt_by_group = {names: _learnt(method, names, exclude, level) for names in groups}
    longest = max((float(one.errors["step"].max()) for one in learnt_by_group.values()), default=1.0)
    if params_b is None:
        ratio = float(np.clip((sizes[-1] / sizes[0]) ** (1 / max(len(set(sizes)) - 1, 1)), 1.2, 10**longest))
        params_b = float(f"{sizes[-1] * ratio:.2g}")
    check_size(params_b, float(sizes[-1]))
    predictions, phases, notes = [], dict.fromkeys(PHASES, float("nan")), []
    covered: list[tuple[float, int]] = []
    skill = None
    for names, learnt in learnt_by_group.items():
        complete = used.dropna(subset=list(names))
        if complete.empty:
            continue
        last = complete.iloc[-1]
        start, begin = last[list(names)].to_numpy(dtype=float), float(last["params_b"])
        step = float(np.log10(params_b / begin))
        fitted = forecasting.open_panel_fit(method, names, exclude)
        path = fitted.predict(start, begin, [params_b])
        if path.diverged:
            notes.append(f"{method} has no answer: {path.reason}")
            continue
        for name, guess in zip(names, path.score_pct[0], strict=True):
            if not 0 <= guess <= 100:
                notes.append(f"{name}: the method gives {guess:.0f}, for it knows no ends; cut to 0 and 100")
            low, high, families = learnt.ranges[name]
            low, high = np.clip(guess + np.array([low, high]) * float(np.sqrt(step)), 0, 100)
            predictions.append(
                NextScore(name, float(np.clip(guess, 0, 100)), float(low), float(high), families)
            )
        quality = forecast_quality(method, names, level=level)
        if x in names and y in names:
            phases = phase_shares(path.score_pct[0] - start, names, learnt.errors, step, x, y)
            skill = quality.skill
            if skill is not None and skill.used != "errors":
                starts = {"size": float(np.log10(begin)), "start_x": last[x], "start_y": last[y]}
                phases = shares_of_like_steps(
                    float(starts[skill.used]), method, x, y, by=skill.used, exclude=exclude
                )
        covered.append((quality.coverage, quality.tested))
    if np.log10(params_b / sizes[-1]) > longest + 1e-9:
        notes.append(
            f"the step is longer than any held out ({10**longest:.3g} times the size), so the ranges are too narrow"
        )
    total = sum(n for _, n in covered)
    coverage = sum(share * n for share, n in covered) / total if total else float("nan")
    not_predicted = tuple(name for name in columns if name not in {score.benchmark for score in predictions})
    order = {name: place for place, name in enumerate(columns)}
    return NextSize(
        params_b=float(params_b),
        method=method,
        level=level,
        coverage=float(coverage),
        scores=tuple(sorted(predictions, key=lambda score: order[score.benchmark])),
        not_predicted=not_predicted,
        p_tax=phases["tax"],
        p_transition=phases["transition"],
        p_bonus=phases["bonus"],
        skill=skill,
        note="; ".join(notes),
    )


@dataclass(frozen=True)
class _Learnt:
    """How far off a method is on the open panel without some families, for benchmarks that are predicted together.

    ``ranges`` holds, by benchmark, the range of the error at a step of a factor of ten and how many families it rests on.
    """

    errors: pd.DataFrame
    ranges: Mapping[str, tuple[float, float, int]]


@functools.cache
def _learnt(method: Method, names: tuple[str, ...], exclude: frozenset[str], level: float) -> _Learnt:
    """The same for every family of a reader, but for those that the panel holds."""
    held_out = held_out_steps(method, names)
    errors = held_out[~held_out["family"].isin(exclude)]
    ranges = {}
    for name in names:
        of_one = errors[errors["benchmark"] == name]
        ranges[name] = (*error_range(of_one, 1.0, level), int(of_one["family"].nunique()))
    return _Learnt(errors, ranges)


def _groups(known: Sequence[str], x: str, y: str, method: str) -> list[tuple[str, ...]]:
    """Benchmarks that are predicted together: the pair, whose errors belong together, and each other one alone."""
    if "ODE" in method:
        return [data.BENCHMARKS]
    pair = tuple(name for name in (x, y) if name in known)
    return ([pair] if pair else []) + [(name,) for name in known if name not in pair]
