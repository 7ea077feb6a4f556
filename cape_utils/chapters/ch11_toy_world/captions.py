"""Words under the figures of chapter 11: titles, captions and text alternatives, with the numbers they state."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from cape_utils.chapters.ch11_toy_world.levers import DIP_GONE, MIN_WORLDS, MOVES, Shift
from cape_utils.stats.results import Estimate
from cape_utils.toyworld.sweep import LEVERS

__all__ = ["document", "growth", "levers", "log_probabilities", "shifts", "steps"]


def document(rows: pd.DataFrame, source: str) -> dict[str, str]:
    """Of one document in words; ``rows`` are those of ``ch11_toy_world.in_words.told`` of one source."""
    counts, n = rows["standing"].value_counts(), len(rows)
    rumours = int(counts.get("rumour", 0))
    kinds = ", ".join(f"{standing} {count}" for standing, count in counts.items())
    repeats = f"{rumours} of {n} statements repeat a rumour" if rumours else "no statement repeats a rumour"
    marked = "names no source" if source == "unmarked" else f"names its source, {source}"
    listed = "; ".join(f"{row.said}, {row.note}" for row in rows.itertuples())
    return {
        "title": f"{source[0].upper()}{source[1:]}: {repeats}",
        "caption": (
            f"A sampled document as a person would read it; the model reads its first word, which {marked}, and n = {n} "
            f"statements, and never the notes below them. Here: {kinds}."
        ),
        "alternative": f"{n} statements below each other, each with a sign for what it is and a note. {listed}.",
    }


def growth(summary: Mapping[str, Estimate], *, worlds: int, sizes: int, steps: int) -> dict[str, str]:
    """Of the scores by size at one checkpoint.

    Parameters
    ----------
    summary : mapping of str to Estimate
        From ``ch11_toy_world.turning_points.turns_summary``, after ``steps`` steps.
    worlds, sizes, steps : int
    """
    low = summary["lowest_params"]
    turning = (
        f"truth is lowest at {low.estimate:,.0f} parameters [{low.low:,.0f}, {low.high:,.0f}], in {low.n} of {worlds} worlds"
        if low.n > 1
        else f"truth turns in {low.n} of {worlds} worlds, too few to place a turning point"
    )
    return {
        "title": "From chance through rumour to truth",
        "caption": (
            f"n = {worlds} worlds (points) and their mean (lines), {sizes} sizes. After {steps:,} steps {turning}. "
            "The dashed rule is chance; the slider walks through training."
        ),
        "alternative": (
            "Four lines of scores against model size, with a point for each world: truth, the rumour in its place, reasoning and "
            f"ordinary facts. After {steps:,} steps the lowest score of truth is {summary['lowest_pct'].estimate:.0f} percent, "
            f"mean over worlds, and that of the largest model {summary['largest_pct'].estimate:.0f}; a model that guesses scores "
            "25, at the dashed rule."
        ),
    }


def steps(changes: pd.DataFrame, shown: str) -> dict[str, str]:
    """Of the changes of truth and reasoning from one size to the next.

    Parameters
    ----------
    changes : pandas.DataFrame
        From ``ch11_toy_world.turning_points.coupling_by_step``.
    shown : str
        ``"truth"``, ``"reasoning"`` or ``"both"``.
    """
    drawn, n = ["truth", "reasoning"] if shown == "both" else [shown], len(changes)
    falls = {name: int((changes[name] < 0).sum()) for name in drawn}
    surely = [
        f"{name} surely falls at {(changes[f'{name}_high'] < 0).sum()} of {n} steps and surely rises at "
        f"{(changes[f'{name}_low'] > 0).sum()}"
        for name in drawn
    ]
    counted = " and ".join(f"{name} at {count}" for name, count in falls.items()).replace(
        " at", " falls at", 1
    )
    listed = "; ".join(
        f"{name}: " + ", ".join(f"{change:+.1f}" for change in changes[name]) for name in drawn
    )
    both = " The local coupling is the quotient of the two changes." if shown == "both" else ""
    said = "; ".join(surely)
    return {
        "title": f"Of {n} steps in size, {counted}",
        "caption": (
            f"Mean over n = {int(changes['worlds'].max())} worlds with 95% intervals. {said[0].upper()}{said[1:]}.{both}"
        ),
        "alternative": (
            "Points with intervals, one for each step from a size to the next, around a dashed line at zero. Changes from the "
            f"smallest step to the largest, in points: {listed}."
        ),
    }


def _labels(rows: pd.DataFrame, outcomes: frozenset[Shift]) -> str:
    """The positions that have one of these outcomes."""
    return ", ".join(rows.loc[rows["shift"].isin(outcomes), "label"])


def levers(shifts: pd.DataFrame, means: pd.DataFrame, lever: str, score: str) -> dict[str, str]:
    """Of one score by size at each position of one lever.

    Parameters
    ----------
    shifts : pandas.DataFrame
        From ``ch11_toy_world.levers.lever_table``.
    means : pandas.DataFrame
        Columns ``lever, label, params`` and the scores by their words (percent), means over worlds.
    lever : str
        One of ``toyworld.sweep.LEVERS``.
    score : str
        Its words.
    """
    rows, drawn = shifts[shifts["lever"] == lever], means[means["lever"] == lever]
    name, moved, gone = LEVERS[lever], _labels(rows, MOVES), _labels(rows, DIP_GONE)
    found = [
        *([f"at {moved} it moves the turning point"] if moved else []),
        *([f"at {gone} no world dips"] if gone else []),
    ]
    each = "; ".join(f"{row.label}: {row.words}" for row in rows.itertuples())
    low = "; ".join(
        f"{label}, lowest {part[score].min():.0f} percent at {part.loc[[part[score].idxmin()], 'params'].iloc[0]:,} parameters, "
        f"{part[score].iloc[-1]:.0f} in the largest model"
        for label, part in drawn.groupby("label", sort=False)
    )
    return {
        "title": f"{name[0].upper()}{name[1:]}: {' and '.join(found) or 'no position is seen to move the dip'}",
        "caption": (
            f"What it does to the dip of truth: {each}. n = {rows['worlds'].min()} to {rows['worlds'].max()} worlds a position, "
            f"{drawn['params'].nunique()} sizes; points are worlds, lines their means, drawn of {score}."
        ),
        "alternative": (
            f"Lines of {score} against model size, one for each position of the lever {name}, with a point for each world and a "
            f"dashed rule at chance. Means over worlds: {low}."
        ),
    }


def shifts(rows: pd.DataFrame, changed: pd.DataFrame, measure: str) -> dict[str, str]:
    """Of what each position does to one measure of the turning point.

    Parameters
    ----------
    rows : pandas.DataFrame
        Columns ``what, position, change, low, high, n, none``: what is drawn; ``none`` is the value of no change.
    changed : pandas.DataFrame
        From ``ch11_toy_world.levers.changed_positions``.
    measure : str
        A value of ``what``.
    """
    drawn = rows[rows["what"] == measure]
    known = drawn[drawn["n"] >= MIN_WORLDS]
    up, down = known[known["low"] > known["none"]], known[known["high"] < known["none"]]
    gone = int(changed["shift"].isin(DIP_GONE).sum())
    listed = "; ".join(
        f"{row.position} {row.change:.2f} [{row.low:.2f}, {row.high:.2f}]" for row in known.itertuples()
    )
    name = measure.split(" (", maxsplit=1)[0]
    sides = [
        f"{', '.join(side['position'])} {word} it"
        for side, word in (
            (up, "raise" if len(up) > 1 else "raises"),
            (down, "lower" if len(down) > 1 else "lowers"),
        )
        if len(side)
    ]
    return {
        "title": f"{len(up) + len(down)} of {len(changed)} positions move the {name}",
        "caption": (
            f"{'; '.join(sides) or 'None is seen to'}. Paired over worlds against the base setting, mean and 95% interval; n = "
            f"{changed['worlds'].min()} to {changed['worlds'].max()} worlds. At {gone} positions no world dips. Where fewer than "
            f"{MIN_WORLDS} worlds turn, words stand in the place of a point."
        ),
        "alternative": (
            "One row for each position of each lever, with a point and an interval on either side of a dashed rule that marks "
            f"no change. Change of {measure}: {listed}."
        ),
    }


def log_probabilities(long: pd.DataFrame, size: int, context: str) -> dict[str, str]:
    """Of the log-probabilities along training, of one model in one context.

    Parameters
    ----------
    long : pandas.DataFrame
        From ``ch11_toy_world.curves.log_probabilities``.
    size : int
        Parameters of the model.
    context : str
    """
    drawn = long[(long["params"] == size) & (long["context"] == context)]
    paths = drawn.pivot(index="step", columns="value", values="logp")
    last = int(paths.index[-1])
    end = paths.loc[last]
    winner = "true" if end["true"] > end["rumoured"] else "rumoured"
    led = paths["true"] > paths["rumoured"]
    share = f"The true value is the likelier one at {int(led.sum())} of {len(led)} checkpoints"
    return {
        "title": f"With {size:,} parameters, {context}: the {winner} value ends up likelier",
        "caption": (
            f"After {last:,} steps, in nats: true {end['true']:.1f}, rumoured {end['rumoured']:.1f}. {share}. Means over worlds, "
            "bands from the lowest world to the highest."
        ),
        "alternative": (
            "Two lines with bands along training: the log-probability of the true value and of the rumoured value. With "
            f"{size:,} parameters, {context}: true from {paths['true'].iloc[0]:.1f} to {end['true']:.1f} nats, rumoured from "
            f"{paths['rumoured'].iloc[0]:.1f} to {end['rumoured']:.1f}."
        ),
    }
