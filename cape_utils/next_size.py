"""What the next size of a family will score, by the method that led chapter 07's league, with a range that covers.

Section 4 of paper A predicts a family with its equation. Which method is used here is decided by the league of held-out
steps, not by hand. The range comes from what the method got wrong on families it had not seen: errors grow with the
square root of the step in log10 of size, every family counts the same, and the level is raised by the usual correction
for a finite number of families. The methods themselves are in ``forecast``.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from cape_utils import data, forecast
from cape_utils.coupling import PHASES, TAX_BELOW
from cape_utils.results import Estimate, Floats, as_generator, interval

__all__ = [
    "NextScore",
    "NextSize",
    "best_method",
    "error_range",
    "held_out_coverage",
    "held_out_steps",
    "predict_size",
]


@functools.cache
def best_method(without: frozenset[str] = frozenset(), *, trends_only: bool = False) -> forecast.Method:
    """Method with the smallest median error one step ahead, every family of the open panel held out in turn.

    Parameters
    ----------
    without : frozenset of str
        Families that have no say, such as the one to be predicted.
    trends_only : bool
        Leave out the equations, which need all five benchmarks at once.
    """
    held = pd.concat([forecast.step_errors(method) for method in forecast.METHODS])
    held = held[~held["family"].isin(without)]
    if trends_only:
        held = held[~held["method"].str.contains("ODE")]
    order = forecast.league(forecast.family_errors(held), draws=200)
    best: forecast.Method = order.index[0]
    return best


@functools.cache
def held_out_steps(method: forecast.Method, benchmarks: tuple[str, ...]) -> pd.DataFrame:
    """Errors of a method at the next size of every family of the open panel, each held out in turn.

    Returns
    -------
    pandas.DataFrame
        Columns of ``forecast.hold_out``, with ``step`` (log10 of the ratio of sizes) and ``error_pp`` (actual minus
        predicted, percentage points).
    """
    held = forecast.hold_out(
        data.panel("open", rows="one_recipe"), methods=[method], start="previous", benchmarks=benchmarks
    )
    step = np.log10(held["params_b"] / held["from_params_b"])
    return held.assign(step=step, error_pp=held["actual"] - held["predicted"])


def _weights(errors: pd.DataFrame) -> Floats:
    return (1 / errors.groupby("family")["family"].transform("size")).to_numpy(dtype=float)


def error_range(errors: pd.DataFrame, step: float, level: float) -> tuple[float, float]:
    """Range of the error of one more family at a step of this length, percentage points.

    Parameters
    ----------
    errors : pandas.DataFrame
        Of one benchmark, from ``held_out_steps``; steps on which the method diverged are left out.
    step : float
        log10 of the ratio of sizes.
    level : float
        Share to be covered. With F families the quantiles are taken at ``level (1 + 1 / F)``.

    Examples
    --------
    >>> toy = pd.DataFrame({"family": list("abcde"), "step": 1.0, "error_pp": [-2.0, -1.0, 0.0, 1.0, 2.0]})
    >>> [round(end, 6) for end in error_range(toy, 4.0, 0.5)]
    [-3.0, 3.0]
    """
    low, high = _unit_range(errors, level)
    return low * float(np.sqrt(step)), high * float(np.sqrt(step))


def _unit_range(errors: pd.DataFrame, level: float) -> tuple[float, float]:
    """Range at a step of a factor of ten."""
    used = errors.dropna(subset=["error_pp"])
    families = used["family"].nunique()
    if families < 2:
        return float("nan"), float("nan")
    wide = min(1.0, level * (1 + 1 / families))
    scaled = (used["error_pp"] / np.sqrt(used["step"])).to_numpy(dtype=float)
    weights = _weights(used)
    order = np.argsort(scaled, kind="stable")
    place = (np.cumsum(weights[order]) - weights[order] / 2) / weights.sum()
    low, high = np.interp([(1 - wide) / 2, (1 + wide) / 2], place, scaled[order])
    return float(low), float(high)


@functools.cache
def held_out_coverage(
    method: forecast.Method,
    benchmarks: tuple[str, ...],
    *,
    level: float = 0.9,
    draws: int = 2000,
    rng: int = 0,
) -> Estimate:
    """Share of held-out scores inside the range that the other families' errors give.

    The interval resamples families; a step on which the method diverges counts as outside.
    """
    errors = held_out_steps(method, benchmarks)
    inside = pd.Series(False, index=errors.index)
    for (family, name), part in errors.groupby(["family", "benchmark"]):
        others = errors[(errors["family"] != family) & (errors["benchmark"] == name)]
        low, high = _unit_range(others, level)
        inside[part.index] = (part["error_pp"] / np.sqrt(part["step"])).between(low, high)
    counts = inside.groupby(errors["family"]).agg(["sum", "size"]).to_numpy(dtype=float)
    pick = as_generator(rng).integers(0, len(counts), (draws, len(counts)))
    drawn = counts[pick].sum(axis=1)
    low, high = interval(drawn[:, 0] / drawn[:, 1])
    return Estimate(
        float(inside.mean()), low, high, len(errors), f"bootstrap over {len(counts)} families", draws=draws
    )


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
        One of ``forecast.METHODS``.
    level : float
        Share of held-out families' scores that the ranges aim to hold.
    coverage : float
        Share that they do hold, each family held out in turn.
    scores : tuple of NextScore
    not_predicted : tuple of str
        Benchmarks that the open panel does not hold.
    p_tax, p_transition, p_bonus : float
        Phases of the step to it, from the held-out errors of both scores together; NaN where one is not predicted.
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
    note: str


def predict_size(
    rows: pd.DataFrame,
    x: str,
    y: str,
    *,
    params_b: float | None = None,
    without: frozenset[str] = frozenset(),
    level: float = 0.9,
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
    without : frozenset of str
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
    panel = panel[~panel["family"].isin(without)]
    columns = [
        name for name in data.load("benchmarks")["benchmark"] if name in used and used[name].notna().any()
    ]
    known = [name for name in columns if name in panel and panel[name].notna().any()]
    whole = all(name in known for name in data.BENCHMARKS)
    method = best_method(without, trends_only=not whole)
    groups = _groups(known, x, y, method)
    held = {
        names: errors[~errors["family"].isin(without)]
        for names in groups
        for errors in [held_out_steps(method, names)]
    }
    longest = max((float(errors["step"].max()) for errors in held.values()), default=1.0)
    if params_b is None:
        ratio = float(np.clip((sizes[-1] / sizes[0]) ** (1 / max(len(set(sizes)) - 1, 1)), 1.2, 10**longest))
        params_b = float(f"{sizes[-1] * ratio:.2g}")
    if not params_b > sizes[-1]:
        raise ValueError(f"next size {params_b:g}B must be above the largest of the family, {sizes[-1]:g}B")
    found, phases, notes = [], dict.fromkeys(PHASES, float("nan")), []
    covered: list[tuple[float, int]] = []
    for names, errors in held.items():
        complete = used.dropna(subset=list(names))
        if complete.empty:
            continue
        last = complete.iloc[-1]
        start, begin = last[list(names)].to_numpy(dtype=float), float(last["params_b"])
        step = float(np.log10(params_b / begin))
        fitted = forecast.fit_method(forecast.ladders(panel, benchmarks=names), method, benchmarks=names)
        path = fitted.predict(start, begin, [params_b])
        if path.diverged:
            notes.append(f"{method} has no answer: {path.reason}")
            continue
        for name, guess in zip(names, path.score_pct[0], strict=True):
            if not 0 <= guess <= 100:
                notes.append(f"{name}: the method gives {guess:.0f}, for it knows no ends; cut to 0 and 100")
            own = errors[errors["benchmark"] == name]
            low, high = np.clip(guess + np.array(error_range(own, step, level)), 0, 100)
            found.append(
                NextScore(
                    name, float(np.clip(guess, 0, 100)), float(low), float(high), own["family"].nunique()
                )
            )
        if x in names and y in names:
            phases = _phases(path.score_pct[0] - start, names, errors, step, x, y)
        tested = held_out_coverage(method, names, level=level, draws=2)
        covered.append((tested.estimate, tested.n))
    if np.log10(params_b / sizes[-1]) > longest + 1e-9:
        notes.append(
            f"the step is longer than any held out ({10**longest:.3g} times the size), so the ranges are too narrow"
        )
    total = sum(n for _, n in covered)
    coverage = sum(share * n for share, n in covered) / total if total else float("nan")
    left = tuple(name for name in columns if name not in {score.benchmark for score in found})
    order = {name: place for place, name in enumerate(columns)}
    return NextSize(
        float(params_b),
        method,
        level,
        float(coverage),
        tuple(sorted(found, key=lambda score: order[score.benchmark])),
        left,
        phases["tax"],
        phases["transition"],
        phases["bonus"],
        "; ".join(notes),
    )


def _groups(known: Sequence[str], x: str, y: str, method: str) -> list[tuple[str, ...]]:
    """Benchmarks that are predicted together: the pair, whose errors belong together, and each other one alone."""
    if "ODE" in method:
        return [data.BENCHMARKS]
    pair = tuple(name for name in (x, y) if name in known)
    return ([pair] if pair else []) + [(name,) for name in known if name not in pair]


def _phases(
    change: Floats, names: tuple[str, ...], errors: pd.DataFrame, step: float, x: str, y: str
) -> dict[str, float]:
    wide = errors.pivot_table(
        "error_pp", ["family", "from_params_b", "params_b", "step"], "benchmark"
    ).reset_index()
    wide = wide.dropna(subset=[x, y])
    scale = np.sqrt(step / wide["step"].to_numpy(dtype=float))
    dx = change[names.index(x)] + wide[x].to_numpy(dtype=float) * scale
    dy = change[names.index(y)] + wide[y].to_numpy(dtype=float) * scale
    weights = _weights(wide)
    weights = weights / weights.sum()
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = dy / dx
    tax, bonus = float(weights[ratio < -TAX_BELOW].sum()), float(weights[ratio > TAX_BELOW].sum())
    return {"tax": tax, "transition": max(0.0, 1 - tax - bonus), "bonus": bonus}
