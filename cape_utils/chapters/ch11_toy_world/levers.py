"""What each lever of the toy world does to the turning point, paired over worlds, in numbers and in words by rule.

A position of a lever is compared with the base setting in the same worlds at the same sizes. Single curves are read in
``ch11_toy_world.turning_points``; how often the rules speak where nothing is there is in ``ch11_toy_world.false_alarms``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from cape_utils import data
from cape_utils.chapters.ch11_toy_world.turning_points import items, over_worlds, scores, turns
from cape_utils.stats.item_noise import item_error
from cape_utils.toyworld.sweep import LEVERS, STEPS, settings
from cape_utils.toyworld.world import CHANCE_PCT, rumours_per_truth

__all__ = ["LEAST", "lever_table", "lever_words", "positions", "shift_words"]

LEAST = 3
"""Worlds that must turn in both settings before a shift is spoken of: an interval of two is narrow by luck or endless."""


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
        ``_low, _high, _n``; and ``words``, what the rule of ``shift_words`` makes of them.
    """
    table = data.load("toy_world") if table is None else table
    recipes = {name: setting.recipe for name, setting in settings().items()}
    rows = []
    for place in positions(table).to_dict("records"):
        # Checkpoints of the base setting have all sizes; the trained positions have fewer.
        same = place["setting"] != "base"
        base = turns(scores(table, same_sizes=same))
        panel = scores(table, setting=place["setting"], step=place["step"], same_sizes=same)
        here = turns(panel)
        worlds = here.index.intersection(base.index)
        mine, other = here.loc[worlds], base.loc[worlds]
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
        for name, change in (
            ("moves", over_worlds(mine["lowest_params"] / other["lowest_params"], logs=True)),
            ("back_moves", over_worlds(mine["back_params"] / other["back_params"], logs=True)),
            ("lifts", over_worlds(mine["lowest_pct"] - other["lowest_pct"])),
        ):
            row |= {
                name: change.estimate,
                f"{name}_low": change.low,
                f"{name}_high": change.high,
                f"{name}_n": change.n,
            }
        row["words"] = (
            shift_words(row) if (place["setting"], place["step"]) != ("base", STEPS) else "the base setting"
        )
        rows.append(row)
    return pd.DataFrame(rows)


def _mean_dips(pct: float, worlds: int) -> bool:
    """Whether a mean over worlds is below chance by more than twice its item noise."""
    noise = float(item_error(CHANCE_PCT, items()["truth"])) / np.sqrt(worlds)
    return bool(pct < CHANCE_PCT - 2 * noise)


def shift_words(row: Mapping[str, Any]) -> str:
    """Say by rule what one position of a lever does.

    A dip is removed if no world has one and at no size the mean over worlds is below chance by more than twice its item
    noise. (The mean of the worlds' lowest scores stood here first; a review found that guessers often have a low one at some
    size.) A turning point moves if the interval of the factor leaves out 1
    in at least ``LEAST`` worlds, and lies beyond the sizes tried if every world dips
    and none turns.

    Parameters
    ----------
    row : mapping
        ``dips, turns, worlds, lowest_mean_pct`` and ``moves_n, moves_low, moves_high``.

    Examples
    --------
    >>> known = {"dips": 3, "turns": 3, "worlds": 3, "lowest_mean_pct": 8.0}
    >>> shift_words(known | {"moves_n": 3, "moves_low": 1.5, "moves_high": 2.7})
    'moves the turning point up'
    """
    worlds = row["worlds"]
    if row["dips"] == 0:
        shallow = _mean_dips(row["lowest_mean_pct"], worlds)
        return "makes the dip too shallow for any one world to show" if shallow else "removes the dip"
    if row["dips"] < worlds and row["moves_n"] < LEAST:
        return f"leaves a dip in {row['dips']} of {worlds} worlds"
    if row["turns"] == 0:
        return "moves the turning point beyond the sizes tried"
    if row["moves_n"] < LEAST:
        return f"leaves a turn within the sizes tried in {row['turns']} of {worlds} worlds"
    up, down = row["moves_low"] > 1, row["moves_high"] < 1
    return f"moves the turning point {'up' if up else 'down'}" if up or down else "no shift seen"


def lever_words(lever: str, shifts: pd.DataFrame) -> str:
    """One sentence on a lever, from the rows of ``lever_table``.

    Raises
    ------
    ValueError
        If the lever was not turned.
    """
    rows = shifts[(shifts["lever"] == lever) & (shifts["words"] != "the base setting")]
    if rows.empty:
        raise ValueError(f"no lever {lever!r}; the levers are {', '.join(dict.fromkeys(shifts['lever']))}")
    parts = []
    for row in rows.to_dict("records"):
        factor = f", factor {row['moves']:.2f} [{row['moves_low']:.2f}, {row['moves_high']:.2f}]"
        given = row["moves_n"] >= LEAST
        parts.append(f"{row['label']}: {row['words']}{factor if given else ''}")
    return f"{LEVERS[lever]}: " + "; ".join(parts)
