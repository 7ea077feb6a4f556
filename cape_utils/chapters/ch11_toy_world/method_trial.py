"""The paper's own analyses, put on trial in the toy world, where the answer is known.

Sections 2 to 5 of paper A: local coupling, the quadratic bootstrap, width normalisation, the equation. Each is run by
the module that runs it on real models; here its answer stands beside the one that turning the levers gives. What the
levers give comes from ``ch11_toy_world.levers``.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import pandas as pd

from cape_utils import data
from cape_utils.chapters.ch11_toy_world.levers import MOVES, changed_positions, lever_table
from cape_utils.chapters.ch11_toy_world.turning_points import (
    PARAMS_PER_BILLION,
    items,
    scores,
    turns,
    turns_summary,
)
from cape_utils.scaling import critical_scale, forecasting, sign_predictors, width
from cape_utils.scaling.coupling import local_coupling, within_family
from cape_utils.stats.results import Estimate, Null
from cape_utils.toyworld.sweep import STEPS, settings
from cape_utils.toyworld.turns import over_worlds
from cape_utils.toyworld.world import Recipe

__all__ = [
    "EQUATIONS",
    "ODE_METHODS",
    "beyond_majority_sign",
    "equation_errors",
    "normalised",
    "predictors",
    "quadratic_scales",
    "signs_predicted",
    "trial",
]

Verdict = Literal["recovers", "misses", "cannot tell"]
"""Whether an analysis gives the known answer, another one, or none that could be right or wrong."""

X, Y = "reasoning", "truth"
LENGTHS = (STEPS // 2, STEPS, 2 * STEPS)
BENCHMARKS = ("truth", "reasoning", "ordinary", "covered", "reference")
"""Scores that take the place of the paper's five benchmarks."""

EQUATIONS: tuple[forecasting.Method, ...] = (
    "dense linear ODE",
    "sparse ODE, degree 1",
    "sparse ODE, degree 2",
    "sparse ODE, degree 3",
)
"""Methods that integrate an equation fitted to the other worlds."""

ODE_METHODS: tuple[forecasting.Method, ...] = (
    "persistence",
    "line, anchored",
    "parabola, anchored",
    *EQUATIONS,
)


def local(table: pd.DataFrame | None = None, *, step: int = STEPS) -> pd.DataFrame:
    """Local coupling of truth and reasoning in every world, by ``scaling.coupling.local_coupling``."""
    return local_coupling(scores(table, step=step), X, Y, items=items())


def signs_predicted(table: pd.DataFrame | None = None) -> Estimate:
    """Share of local couplings whose sign the other worlds' turning point predicts: minus below it, plus above.

    The turning point of a world is where its own coupling changes sign, so that a world may not be judged by its own.
    """
    return over_worlds(_shares_predicted(table))


def _shares_predicted(table: pd.DataFrame | None) -> pd.Series[float]:
    panel = scores(table)
    points = turns(panel)["lowest_params"]
    seeds = panel.groupby("family")["seed"].first()
    shares: dict[str, float] = {}
    for family, part in local(table).groupby("family"):
        others = points.drop(seeds[family]).dropna()
        if others.empty:
            continue
        above = part["mid_params_b"] * PARAMS_PER_BILLION > 10 ** np.log10(others).mean()
        shares[str(family)] = float((above == (part["coupling"] > 0)).mean())
    return pd.Series(shares, dtype=float)


def beyond_majority_sign(table: pd.DataFrame | None = None) -> tuple[float, Estimate]:
    """Share of local couplings with the majority sign, and by how much the prediction beats it, paired over worlds."""
    couplings = local(table)
    plus = couplings["coupling"] > 0
    majority = plus if plus.mean() >= 0.5 else ~plus
    gain = over_worlds(_shares_predicted(table) - majority.groupby(couplings["family"]).mean())
    return float(majority.mean()), gain


def quadratic_scales(
    table: pd.DataFrame | None = None, *, draws: int = 4000, rng: int = 0
) -> dict[str, critical_scale.CriticalScale]:
    """The quadratic estimator with its bootstrap over rows, which the paper uses, and over worlds.

    Returns
    -------
    dict of str to CriticalScale
        ``"row"`` and ``"family"``; sizes in thousands of toy parameters.
    """
    panel = scores(table)
    return {
        unit: critical_scale.quadratic(panel, Y, unit=unit, draws=draws, rng=rng)
        for unit in ("row", "family")
    }


def normalised(
    table: pd.DataFrame | None = None, *, draws: int = 4000, rng: int = 0
) -> tuple[Estimate, Null]:
    """Correlation of truth and reasoning below the turning point before, and after division by width with its null.

    Sizes up to the mean turning point of the worlds, scores averaged over worlds: the paper's families are single ones.
    """
    panel = scores(table)
    below = panel[panel["params"] <= turns_summary(panel)["lowest_params"].estimate]
    mean = below.groupby("base_width")[[X, Y, "d_model"]].mean()
    raw = within_family(below, X, Y, draws=1000)
    return raw, width.ratio_null(mean[X], mean[Y], mean["d_model"], draws=draws, rng=rng)


def predictors(table: pd.DataFrame | None = None) -> pd.DataFrame:
    """How well size, documents, compute and knowledge tell the sign of a step, over three lengths of training.

    Returns
    -------
    DataFrame
        From ``scaling.sign_predictors.predictor_auc``; a world at all three lengths is one family.
    """
    parts = []
    for step in LENGTHS:
        panel = scores(table, step=step)
        steps = local_coupling(panel, X, Y, items=items())
        known = panel.set_index("model")["ordinary"]
        steps["ordinary"] = (known[steps["from_model"]].to_numpy() + known[steps["to_model"]].to_numpy()) / 2
        parts.append(steps.assign(documents=float(step * Recipe().batch)))
    every = pd.concat(parts, ignore_index=True)
    size, documents = np.log10(every["mid_params_b"]), np.log10(every["documents"])
    return sign_predictors.predictor_auc(
        every,
        {
            "parameters": size,
            "training documents": documents,
            "training compute": size + documents,
            "knowledge (ordinary facts)": every["ordinary"],
        },
    )


def _world_errors(table: pd.DataFrame | None) -> pd.DataFrame:
    """Error in points of every method on every world held out."""
    forecasts = forecasting.hold_out(scores(table), methods=ODE_METHODS, benchmarks=BENCHMARKS)
    return forecasting.family_errors(forecasts, error_in="points")


def equation_errors(table: pd.DataFrame | None = None) -> pd.DataFrame:
    """Every method of chapter 07 on every world, fitted to the other worlds, from the smallest model on.

    Returns
    -------
    DataFrame
        From ``scaling.forecasting.method_ranking``: median error in points over worlds, best first.
    """
    return forecasting.method_ranking(_world_errors(table))


def _row(analysis: str, chapter: str, answer: str, known: str, verdict: Verdict) -> dict[str, str]:
    return {
        "analysis": analysis,
        "chapter": chapter,
        "it says": answer,
        "what is known": known,
        "verdict": verdict,
    }


def _size(value: float) -> str:
    return f"{value:,.0f}" if value < 1e6 else f"{value:.2g}"


def _ends(estimate: Any, scale: float = 1.0) -> str:
    return (
        f"{_size(estimate.estimate * scale)} [{_size(estimate.low * scale)}, {_size(estimate.high * scale)}]"
    )


def _one(shifts: pd.DataFrame, setting: str) -> Any:
    return shifts[shifts["setting"] == setting].iloc[0]


def trial(table: pd.DataFrame | None = None, shifts: pd.DataFrame | None = None) -> pd.DataFrame:
    """Every analysis with what it says, what the levers say, and whether it recovers it.

    Returns
    -------
    DataFrame
        ``analysis, chapter, it says, what is known, verdict``; the verdict by rule, a ``Verdict``.
    """
    table = data.load("toy_world") if table is None else table
    shifts = lever_table(table) if shifts is None else shifts
    return pd.DataFrame(
        [
            _signs(table),
            _trade_off(table, shifts),
            *_scales(table),
            _width(table, shifts),
            _rival(table, shifts),
            _equation(table),
        ]
    )


def _signs(table: pd.DataFrame) -> dict[str, str]:
    right, summary = signs_predicted(table), turns_summary(scores(table))
    common, more = beyond_majority_sign(table)
    known = (
        f"truth turns in {summary['lowest_params'].n} of {len(turns(scores(table)))} worlds; given to the analysis: "
        f"where the other worlds turn, and that reasoning rises in {(local(table)['dx'] > 0).mean():.0%} of the steps"
    )
    verdict: Verdict = "recovers" if more.low > 0 else "misses" if more.high < 0 else "cannot tell"
    answer = (
        f"{right.estimate:.0%} [{right.low:.0%}, {min(right.high, 1):.0%}] of the signs lie on the side that "
        f"other worlds foretell; the commonest sign alone is right in {common:.0%}, less by "
        f"{100 * more.estimate:.0f} [{100 * more.low:.0f}, {100 * more.high:.0f}] points"
    )
    return _row("sign of the local coupling", "02_coupling", answer, known, verdict)


def _trade_off(table: pd.DataFrame, shifts: pd.DataFrame) -> dict[str, str]:
    negative = local(table)
    share = (negative["coupling"] < 0).mean()
    none = _one(shifts, "reasoning_none")
    known = (
        f"without any reasoning documents the dip is there in {none.dips} of {none.worlds} worlds; the lowest "
        f"score changes by {none.lifts:+.1f} points [{none.lifts_low:+.1f}, {none.lifts_high:+.1f}]"
    )
    # A trade-off needs the partner: if the dip stays without it, the quotient of two changes is no exchange.
    verdict: Verdict = (
        "recovers" if none.dips == 0 else "misses" if none.dips == none.worlds else "cannot tell"
    )
    return _row(
        "negative coupling read as a trade-off",
        "02_coupling",
        f"{share:.0%} of the local couplings are negative",
        known,
        verdict,
    )


def _scales(table: pd.DataFrame) -> list[dict[str, str]]:
    known = turns_summary(scores(table))["lowest_params"]
    rows = []
    for unit, scale in quadratic_scales(table).items():
        # Two intervals that overlap do not contradict each other; an interval without an end says nothing.
        verdict: Verdict = "misses"
        if not scale.identified:
            verdict = "cannot tell"
        elif scale.low * PARAMS_PER_BILLION <= known.high and known.low <= scale.high * PARAMS_PER_BILLION:
            verdict = "recovers"
        answer = f"{_ends(scale, PARAMS_PER_BILLION)} parameters" + (
            "" if scale.identified else ", not identified"
        )
        name = f"minimum of one parabola, bootstrap over {'rows' if unit == 'row' else 'worlds'}"
        rows.append(_row(name, "03_phase_transition", answer, f"{_ends(known)} parameters", verdict))
    return rows


def _width(table: pd.DataFrame, shifts: pd.DataFrame) -> dict[str, str]:
    raw, null = normalised(table)
    answer = (
        f"r below the turning point goes from {raw.estimate:.2f} to {null.observed:.2f}; shuffled scores give "
        f"{null.value:.2f} [{null.low:.2f}, {null.high:.2f}]"
    )
    deep = changed_positions(shifts[shifts["lever"] == "depth"])
    layers = {name: setting.layers for name, setting in settings().items()}
    known = "at one parameter count, " + "; ".join(
        f"{row.label} layer{'s' if layers[str(row.setting)] > 1 else ''}: {row.words}"
        for row in deep.itertuples()
    )
    beyond = not null.low <= null.observed <= null.high
    moved = bool(deep["shift"].isin(MOVES).any())
    verdict: Verdict = "cannot tell" if not beyond else "recovers" if moved else "misses"
    return _row("division by width", "04_width_normalization", answer, known, verdict)


def _rival(table: pd.DataFrame, shifts: pd.DataFrame) -> dict[str, str]:
    areas = predictors(table).set_index("predictor")
    best = areas.iloc[1:].sort_values("auc").iloc[-1]
    answer = (
        f"area {areas['auc'].iloc[0]:.2f} for parameters, {best['auc']:.2f} for {best.name} (difference "
        f"{best['difference']:+.2f} [{best['difference_low']:+.2f}, {best['difference_high']:+.2f}])"
    )
    longer = changed_positions(shifts[shifts["lever"] == "length"])
    known = "; ".join(f"{row.label} steps: {row.words}" for row in longer.itertuples())
    moved = bool(longer["shift"].isin(MOVES).any())
    ahead = best["difference_low"] > 0
    behind = best["difference_high"] < 0
    verdict: Verdict = "recovers" if ahead and moved else "misses" if behind and moved else "cannot tell"
    return _row("rivals of size", "03_phase_transition", answer, known, verdict)


def _equation(table: pd.DataFrame) -> dict[str, str]:
    errors = _world_errors(table)
    equations = list(EQUATIONS)
    medians = errors.median()
    best = str(medians[equations].idxmin())
    apart = over_worlds((errors[best] - errors["parabola, anchored"]).replace(np.inf, np.nan))
    gone = int((errors[equations] == np.inf).to_numpy().sum())
    answer = (
        f"best of {len(equations)} equations ({best}): {medians[best]:.1f} points off a held-out world; "
        f"{gone} of {errors[equations].size} paths diverge"
    )
    known = (
        f"a parabola in log size with the same start is {medians['parabola, anchored']:.1f} points off, nearer by "
        f"{apart.estimate:.1f} [{apart.low:.1f}, {apart.high:.1f}]"
    )
    verdict: Verdict = "misses" if apart.low > 0 else "recovers" if apart.high < 0 else "cannot tell"
    return _row("the equation", "07_ode", answer, known, verdict)
