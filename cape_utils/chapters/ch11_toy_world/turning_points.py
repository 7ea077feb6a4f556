"""What the toy world's table says: turning points and local couplings, with intervals over worlds.

A world is one seed: its facts, its documents and the start of its models. Worlds are the unit of every interval here.
What the levers do to a turning point is in ``ch11_toy_world.levers``; nothing is trained in either.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from cape_utils import data
from cape_utils.scaling.coupling import local_coupling
from cape_utils.stats.item_noise import item_error
from cape_utils.stats.results import Estimate
from cape_utils.toyworld.sweep import STEPS
from cape_utils.toyworld.world import CHANCE_PCT, WorldSize, build_world

__all__ = [
    "Turn",
    "coupling_by_step",
    "items",
    "over_worlds",
    "scores",
    "turn",
    "turns",
    "turns_along_training",
    "turns_by_length",
    "turns_summary",
]

PARAMS_PER_BILLION = 1000.0
"""Toy parameters that stand for a billion, so that the estimators of the panels take them: one stands for a million."""

_MEASURES = ("truth", "reasoning", "ordinary", "covered", "reference", "gossip")


def items() -> dict[str, float]:
    """Number of questions of each kind in the book's world.

    Examples
    --------
    >>> items()["truth"], items()["reasoning"]
    (115.0, 1152.0)
    """
    world = build_world(WorldSize(), seed=0)
    rumoured, covered = float(len(world.uncovered)), float(len(world.covered))
    return {
        "truth": rumoured,
        "reference": rumoured,
        "gossip": rumoured,
        "covered": covered,
        "ordinary": float(len(world.ordinary)),
        "reasoning": float(len(world.untrained)),
    }


def scores(
    table: pd.DataFrame | None = None, *, setting: str = "base", step: int = STEPS, same_sizes: bool = False
) -> pd.DataFrame:
    """One setting after one length of training, in the columns of the book's panels.

    Parameters
    ----------
    table : DataFrame, optional
        Rows of a sweep; ``data.load("toy_world")`` by default.
    setting : str
        A setting's name.
    step : int
    same_sizes : bool
        Only the sizes at which every setting was trained.

    Returns
    -------
    DataFrame
        ``family`` (the world), ``model``, ``params`` (as counted), ``params_b`` (thousands), ``d_model``,
        ``layers``, and each score in percent under its own name.

    Raises
    ------
    ValueError
        If there is no such row; the message lists what there is.

    Examples
    --------
    >>> panel = scores()
    >>> panel["family"].nunique()
    5
    """
    table = data.load("toy_world") if table is None else table
    part = table[(table["setting"] == setting) & (table["step"] == step)]
    if part.empty:
        rows = table[table["setting"] == setting]
        available = ", ".join(map(str, sorted(set(rows["step"] if len(rows) else table["setting"]))))
        what = "that setting was read after" if len(rows) else "the settings are"
        raise ValueError(f"no row of setting {setting!r} after {step} steps; {what} {available}")
    if same_sizes:
        part = part[part["base_width"].isin(_shared_widths(table))]
    part = part.sort_values(["seed", "params"], kind="stable")
    named = {
        "family": [f"world {seed + 1}" for seed in part["seed"]],
        "model": [
            f"world {seed + 1}, {params:,} parameters"
            for seed, params in zip(part["seed"], part["params"], strict=True)
        ],
        "seed": part["seed"].to_numpy(),
        "params": part["params"].to_numpy(),
        "params_b": part["params"].to_numpy() / PARAMS_PER_BILLION,
        "d_model": part["width"].to_numpy(),
        "layers": part["layers"].to_numpy(),
        "base_width": part["base_width"].to_numpy(),
        "rumour": part["truth_rumour_pct"].to_numpy(dtype=float),
    }
    return pd.DataFrame(named | {name: part[f"{name}_pct"].to_numpy(dtype=float) for name in _MEASURES})


def _shared_widths(table: pd.DataFrame) -> set[int]:
    each = [set(part["base_width"]) for _, part in table.groupby("setting")]
    return set.intersection(*each)


@dataclass(frozen=True)
class Turn:
    """How one world's truth runs over the sizes.

    Attributes
    ----------
    lowest_pct : float
        Lowest score.
    lowest_params, back_params : float
        Size of the lowest score, by a parabola through it and its neighbours in log10 of size; and size at which the score,
        having been lowest, is back at chance. NaN where it has not turned, or is not back.
    largest_pct : float
        Score of the largest model.
    dips, turns, recovers : bool
        Whether the lowest score is below chance by more than twice its item noise; whether it dips at a size inside the
        range and rises again by as much; whether it turns and comes back to chance within the range.
    """

    lowest_pct: float
    lowest_params: float
    back_params: float
    largest_pct: float
    dips: bool
    turns: bool
    recovers: bool


def turn(params: np.ndarray, truth: np.ndarray, *, n_items: float) -> Turn:
    """Read one curve of truth against size.

    Parameters
    ----------
    params : ndarray, shape (sizes,)
        Rising.
    truth : ndarray, shape (sizes,)
        Percent.
    n_items : float
        Questions behind each score.

    Raises
    ------
    ValueError
        If there are fewer than three sizes, or they do not rise.

    Examples
    --------
    >>> dip = turn(np.array([1e3, 1e4, 1e5]), np.array([25.0, 5.0, 85.0]), n_items=115)
    >>> dip.turns, dip.recovers, round(dip.back_params)
    (True, True, 17783)
    """
    if len(params) < 3 or not (np.diff(params) > 0).all():
        raise ValueError(f"got sizes {list(params)}; expected at least three rising sizes")
    x, place = np.log10(params), int(np.argmin(truth))
    lowest, largest = float(truth[place]), float(truth[-1])
    noise = float(item_error(CHANCE_PCT, n_items))
    dips = lowest < CHANCE_PCT - 2 * noise
    # Two scores of the same questions differ by chance by at most this, twice over.
    rises = float(truth[place:].max()) - lowest > 2 * np.hypot(noise, float(item_error(lowest, n_items)))
    turned = dips and place > 0 and rises and place < len(x) - 1
    vertex = float("nan")
    if turned:
        a, b, _ = np.polyfit(x[place - 1 : place + 2] - x[place], truth[place - 1 : place + 2], 2)
        vertex = 10 ** (x[place] - b / (2 * a)) if a > 0 else float(params[place])
    above = np.flatnonzero(truth[place:] >= CHANCE_PCT) + place
    back = float("nan")
    if turned and len(above):
        end = int(above[0])
        share = (CHANCE_PCT - truth[end - 1]) / (truth[end] - truth[end - 1])
        back = 10 ** float(x[end - 1] + share * (x[end] - x[end - 1]))
    return Turn(
        lowest_pct=lowest,
        lowest_params=vertex,
        back_params=back,
        largest_pct=largest,
        dips=bool(dips),
        turns=bool(turned),
        recovers=bool(np.isfinite(back)),
    )


def turns(panel: pd.DataFrame) -> pd.DataFrame:
    """The turn of every world of a panel from ``scores``, one row a world."""
    n_items = items()["truth"]
    rows = {}
    for seed, part in panel.groupby("seed"):
        rows[seed] = vars(
            turn(part["params"].to_numpy(dtype=float), part["truth"].to_numpy(), n_items=n_items)
        )
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("seed")


def over_worlds(values: np.ndarray | pd.Series[float], *, logs: bool = False) -> Estimate:
    """Mean over worlds with its 95% interval by Student's t; the geometric mean if ``logs``.

    Missing values are left out and counted as discarded; with fewer than two values there is no interval.

    Examples
    --------
    >>> print(over_worlds(np.array([1.0, 2.0, 3.0])))
    2 [-0.484, 4.48], n = 3 (mean over worlds, Student's t)
    """
    array = np.asarray(values, dtype=float)
    finite = array[np.isfinite(array)]
    finite = np.log10(finite) if logs else finite
    n = len(finite)
    mean = float(finite.mean()) if n else float("nan")
    low = high = float("nan")
    if n > 1:
        half = float(stats.t.ppf(0.975, n - 1) * finite.std(ddof=1) / np.sqrt(n))
        low, high = mean - half, mean + half
    if logs:
        mean, low, high = 10**mean, 10**low, 10**high
    method = f"{'geometric ' if logs else ''}mean over worlds, Student's t"
    return Estimate(estimate=mean, low=low, high=high, n=n, method=method, discarded=len(array) - n)


def turns_summary(panel: pd.DataFrame) -> dict[str, Estimate]:
    """Turning point, size back at chance, lowest and last score of a panel, each over its worlds."""
    table = turns(panel)
    return {
        "lowest_params": over_worlds(table["lowest_params"], logs=True),
        "back_params": over_worlds(table["back_params"], logs=True),
        "lowest_pct": over_worlds(table["lowest_pct"]),
        "largest_pct": over_worlds(table["largest_pct"]),
    }


def turns_along_training(table: pd.DataFrame | None = None) -> dict[int, dict[str, Estimate]]:
    """``turns_summary`` of the base setting at every checkpoint, by training steps.

    Examples
    --------
    >>> summaries = turns_along_training()
    >>> [summaries[steps]["lowest_params"].n for steps in (0, STEPS)]
    [0, 5]
    """
    table = data.load("toy_world") if table is None else table
    lengths = sorted(table.query("setting == 'base'")["step"].unique())
    return {int(step): turns_summary(scores(table, step=step)) for step in lengths}


def turns_by_length(
    table: pd.DataFrame | None = None, *, lengths: Sequence[int] = (STEPS // 2, STEPS, 2 * STEPS)
) -> pd.DataFrame:
    """Size of the lowest score, and size back at chance, after several lengths of training of the base setting.

    Returns
    -------
    DataFrame
        ``steps, reading, params, low, high, worlds``.
    """
    readings = {"lowest_params": "lowest", "back_params": "back at chance"}
    rows = []
    for length in lengths:
        summary = turns_summary(scores(table, step=length))
        for key, reading in readings.items():
            size = summary[key]
            rows.append(
                {
                    "steps": length,
                    "reading": reading,
                    "params": size.estimate,
                    "low": size.low,
                    "high": size.high,
                    "worlds": size.n,
                }
            )
    return pd.DataFrame(rows)


def coupling_by_step(panel: pd.DataFrame) -> pd.DataFrame:
    """Local coupling of truth and reasoning between neighbouring sizes, with what the worlds say of it.

    Returns
    -------
    DataFrame
        One row a step: ``from_params, to_params``, the changes ``truth, truth_low, truth_high, reasoning, reasoning_low,
        reasoning_high`` (points, mean and interval over worlds), ``coupling, coupling_low, coupling_high`` (their quotient;
        the interval is Fieller's and is missing where the change of reasoning may be zero), ``negative`` (worlds with a negative
        coupling) and ``worlds``.
    """
    local = local_coupling(panel, "reasoning", "truth", items=items())
    rows = []
    for _, part in local.groupby(["from_params_b", "to_params_b"]):
        dy, dx = over_worlds(part["dy"]), over_worlds(part["dx"])
        low, high = _fieller(part["dy"].to_numpy(), part["dx"].to_numpy())
        rows.append(
            {
                "from_params": part["from_params_b"].iloc[0] * PARAMS_PER_BILLION,
                "to_params": part["to_params_b"].iloc[0] * PARAMS_PER_BILLION,
                **{"truth": dy.estimate, "truth_low": dy.low, "truth_high": dy.high},
                **{"reasoning": dx.estimate, "reasoning_low": dx.low, "reasoning_high": dx.high},
                **{"coupling": dy.estimate / dx.estimate, "coupling_low": low, "coupling_high": high},
                "negative": int((part["coupling"] < 0).sum()),
                "worlds": len(part),
            }
        )
    return pd.DataFrame(rows)


def _fieller(top: np.ndarray, below: np.ndarray) -> tuple[float, float]:
    """95% interval of a quotient of two paired means; NaN where the one below may be zero."""
    n = len(top)
    nothing = float("nan"), float("nan")
    if n < 3:
        return nothing
    y, x = float(top.mean()), float(below.mean())
    (vy, c), (_, vx) = np.cov(top, below) / n
    t2 = float(stats.t.ppf(0.975, n - 1)) ** 2
    a, b, d = x**2 - t2 * vx, x * y - t2 * c, y**2 - t2 * vy
    if a <= 0 or b**2 < a * d:
        return nothing
    root = np.sqrt(b**2 - a * d)
    return float((b - root) / a), float((b + root) / a)
