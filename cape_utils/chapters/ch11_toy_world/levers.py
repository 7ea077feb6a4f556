"""What each lever of the toy world does to the turning point, paired over worlds, in numbers and in words by rule.

A position of a lever is compared with the base setting in the same worlds at the same sizes. Single curves are read in
``ch11_toy_world.turning_points``; how often the rules speak where nothing is there is in ``ch11_toy_world.false_alarms``.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Any

import numpy as np
import pandas as pd

from cape_utils import data
from cape_utils.chapters.ch11_toy_world.turning_points import items, scores, turns
from cape_utils.stats.item_noise import item_error
from cape_utils.stats.results import Estimate
from cape_utils.toyworld.sweep import LEVERS, STEPS, settings
from cape_utils.toyworld.turns import over_worlds
from cape_utils.toyworld.world import CHANCE_PCT, rumours_per_truth

__all__ = [
    "DIP_GONE",
    "DIP_IN_PART",
    "MIN_WORLDS",
    "MOVES",
    "Shift",
    "changed_positions",
    "lever_table",
    "lever_words",
    "position_words",
    "positions",
    "shift_of",
    "shift_words",
]

MIN_WORLDS = 3
"""Worlds that must turn in both settings before a shift is spoken of: an interval of two is narrow by luck or endless."""


class Shift(Enum):
    """What one position of a lever does to the turning point, by the rule of ``shift_of``."""

    BASE = "the position of the base setting"
    NO_DIP = "no world dips, nor does their mean"
    SHALLOW_DIP = "no world dips, but their mean does"
    DIP_IN_SOME = "some worlds dip, and too few turn"
    TURN_IN_SOME = "all worlds dip, and too few turn"
    BEYOND = "all worlds dip and none turns"
    UP = "the turning point lies at more parameters"
    DOWN = "the turning point lies at fewer parameters"
    UNSEEN = "the interval of the factor holds 1"


MOVES = frozenset({Shift.UP, Shift.DOWN, Shift.BEYOND})
"""Outcomes in which the turning point moves."""

DIP_GONE = frozenset({Shift.NO_DIP, Shift.SHALLOW_DIP})
"""Outcomes in which no world dips."""

DIP_IN_PART = frozenset({Shift.DIP_IN_SOME, Shift.SHALLOW_DIP})
"""Outcomes with a dip in some worlds, or only in their mean."""


def positions(table: pd.DataFrame | None = None) -> pd.DataFrame:
    """Every position of every lever that was trained: ``lever, setting, label, step``, in the order of a reader."""
    table = data.load("toy_world") if table is None else table
    trained = [s for name, s in settings().items() if name in set(table["setting"])]
    base = {
        "rumours": "62%",
        "balance": "as they are",
        "markers": "100%",
        "exams": "6%",
        "depth": "2",
        "reasoning": "18%",
    }
    rows = [(s.lever, s.name, s.label, STEPS) for s in trained if s.lever != "base"]
    rows += [(lever, "base", base[lever], STEPS) for lever in base if lever in {row[0] for row in rows}]
    rows += [
        ("length", "base", f"{step:,}", step)
        for step in (STEPS // 2, STEPS, 2 * STEPS)
        if (table.query("setting == 'base'")["step"] == step).any()
    ]
    order = list(LEVERS)
    frame = pd.DataFrame(rows, columns=["lever", "setting", "label", "step"])
    return frame.sort_values("lever", key=lambda c: c.map(order.index), kind="stable").reset_index(drop=True)


def lever_table(table: pd.DataFrame | None = None) -> pd.DataFrame:
    """What each position of each lever does, against the base setting in the same worlds at the same sizes.

    Training lengths are compared at all sizes of the base setting, the other levers at those that all settings have.

    Returns
    -------
    DataFrame
        ``lever, setting, label, step, worlds``; in how many worlds the score ``dips``, ``turns``, ``recovers``;
        ``lowest_params, back_params`` (geometric means), ``lowest_pct``, ``largest_pct``, ``lowest_mean_pct`` (lowest over
        the sizes of the mean over worlds) and ``mean_dips``, whether that is a dip; ``rumours_per_truth`` and
        ``rumours_per_truth_asked``, from ``toyworld.world``, since one share that changes moves the others too; the
        paired changes
        ``moves`` and ``back_moves`` (factors of size; 1 is no change) and ``lifts`` (points, of the lowest score), each with
        ``_low, _high, _n``; ``shift``, the ``Shift`` that the rule makes of them; and ``words``, the same for a reader.
    """
    table = data.load("toy_world") if table is None else table
    recipes = {name: setting.recipe for name, setting in settings().items()}
    rows = []
    for place in positions(table).to_dict("records"):
        # Checkpoints of the base setting have all sizes; the trained positions have fewer.
        same = place["setting"] != "base"
        base = turns(scores(table, same_sizes=same))
        panel = scores(table, setting=place["setting"], step=place["step"], same_sizes=same)
        turned = turns(panel)
        worlds = turned.index.intersection(base.index)
        mine, other = turned.loc[worlds], base.loc[worlds]
        row: dict[str, Any] = (
            {str(key): value for key, value in place.items()}
            | {"worlds": len(worlds)}
            | {name: int(mine[name].sum()) for name in ("dips", "turns", "recovers")}
        )
        for name in ("lowest_params", "back_params"):
            row[name] = over_worlds(mine[name], logs=True).estimate
        row |= {name: float(mine[name].mean()) for name in ("lowest_pct", "largest_pct")}
        row["lowest_mean_pct"] = float(panel.groupby("params")["truth"].mean().min())
        row["mean_dips"] = _mean_dips(row["lowest_mean_pct"], len(worlds))
        for name, asked in (("rumours_per_truth", False), ("rumours_per_truth_asked", True)):
            row[name] = rumours_per_truth(recipes[place["setting"]], asked=asked)
        changes = {
            "moves": over_worlds(mine["lowest_params"] / other["lowest_params"], logs=True),
            "back_moves": over_worlds(mine["back_params"] / other["back_params"], logs=True),
            "lifts": over_worlds(mine["lowest_pct"] - other["lowest_pct"]),
        }
        for name, change in changes.items():
            row |= {
                name: change.estimate,
                f"{name}_low": change.low,
                f"{name}_high": change.high,
                f"{name}_n": change.n,
            }
        is_base = (place["setting"], place["step"]) == ("base", STEPS)
        row["shift"] = Shift.BASE if is_base else _shift_of_row(row, changes["moves"])
        row["words"] = shift_words(row["shift"], row)
        rows.append(row)
    return pd.DataFrame(rows)


def _mean_dips(pct: float, worlds: int) -> bool:
    """Whether a mean over worlds is below chance by more than twice its item noise."""
    noise = float(item_error(CHANCE_PCT, items()["truth"])) / np.sqrt(worlds)
    return bool(pct < CHANCE_PCT - 2 * noise)


def shift_of(
    *, worlds: int, dips: int, turns: int, lowest_mean_pct: float, moves: Estimate | None = None
) -> Shift:
    """Decide by rule what one position of a lever does.

    A dip is removed if no world has one and at no size the mean over worlds is below chance by more than twice its item
    noise. A turning point moves if the interval of the factor leaves out 1 in at least ``MIN_WORLDS`` worlds, and lies beyond
    the sizes tried if every world dips and none turns.

    Parameters
    ----------
    worlds, dips, turns : int
        How many worlds there are, in how many the score dips, and in how many it turns.
    lowest_mean_pct : float
        Lowest mean over worlds, percent.
    moves : Estimate, optional
        Factor by which the turning point moves, over the worlds that turn here and in the base setting; none by default.

    Examples
    --------
    >>> up = Estimate(estimate=2.0, low=1.5, high=2.7, n=3, method="")
    >>> shift_of(worlds=3, dips=3, turns=3, lowest_mean_pct=8.0, moves=up)
    <Shift.UP: 'the turning point lies at more parameters'>
    """
    if dips == 0:
        return Shift.SHALLOW_DIP if _mean_dips(lowest_mean_pct, worlds) else Shift.NO_DIP
    enough = moves is not None and moves.n >= MIN_WORLDS
    if dips < worlds and not enough:
        return Shift.DIP_IN_SOME
    if turns == 0:
        return Shift.BEYOND
    if moves is None or not enough:
        return Shift.TURN_IN_SOME
    return Shift.UP if moves.low > 1 else Shift.DOWN if moves.high < 1 else Shift.UNSEEN


def _shift_of_row(row: Mapping[str, Any], moves: Estimate) -> Shift:
    counts = {name: row[name] for name in ("worlds", "dips", "turns", "lowest_mean_pct")}
    return shift_of(**counts, moves=moves)


def shift_words(shift: Shift, row: Mapping[str, Any]) -> str:
    """A shift in words, with the ``dips, turns, worlds`` of its row.

    Examples
    --------
    >>> shift_words(Shift.DIP_IN_SOME, {"dips": 2, "turns": 1, "worlds": 3})
    'leaves a dip in 2 of 3 worlds'
    """
    return {
        Shift.BASE: "the base setting",
        Shift.NO_DIP: "removes the dip",
        Shift.SHALLOW_DIP: "makes the dip too shallow for any one world to show",
        Shift.DIP_IN_SOME: f"leaves a dip in {row['dips']} of {row['worlds']} worlds",
        Shift.TURN_IN_SOME: f"leaves a turn within the sizes tried in {row['turns']} of {row['worlds']} worlds",
        Shift.BEYOND: "moves the turning point beyond the sizes tried",
        Shift.UP: "moves the turning point up",
        Shift.DOWN: "moves the turning point down",
        Shift.UNSEEN: "no shift seen",
    }[shift]


def changed_positions(shifts: pd.DataFrame) -> pd.DataFrame:
    """The rows of ``lever_table`` without those of the base setting."""
    return shifts[shifts["shift"] != Shift.BASE]


def position_words(lever: str, shifts: pd.DataFrame) -> list[str]:
    """What each position of a lever does, from the rows of ``lever_table``.

    Raises
    ------
    ValueError
        If the lever was not turned.
    """
    rows = changed_positions(shifts[shifts["lever"] == lever])
    if rows.empty:
        raise ValueError(f"no lever {lever!r}; the levers are {', '.join(dict.fromkeys(shifts['lever']))}")
    parts = []
    for row in rows.to_dict("records"):
        factor = f", factor {row['moves']:.2f} [{row['moves_low']:.2f}, {row['moves_high']:.2f}]"
        parts.append(f"{row['label']}: {row['words']}{factor if row['moves_n'] >= MIN_WORLDS else ''}")
    return parts


def lever_words(lever: str, shifts: pd.DataFrame) -> str:
    """One sentence on a lever; raises as ``position_words`` does."""
    return f"{LEVERS[lever]}: " + "; ".join(position_words(lever, shifts))
