"""Words under the figures of chapter 02: titles, captions and text alternatives, with the numbers they state."""

from __future__ import annotations

import pandas as pd

from cape_utils.chapters.ch02_coupling.two_trends import KEPT
from cape_utils.charts.parts import name
from cape_utils.stats.results import Null

__all__ = ["chance", "grid", "path", "shuffles", "signs", "size_out", "steps"]


def path(couplings: pd.DataFrame, panel: str, family: str) -> dict[str, str] | None:
    """Of a family's path through two scores, or None where the family has no three sizes in the panel.

    Parameters
    ----------
    couplings : pandas.DataFrame
        From ``paths.path_couplings``.
    panel, family : str
    """
    rows = couplings[(couplings["panel"] == panel) & (couplings["family"] == family)]
    if rows.empty:
        return None
    row = rows.iloc[0]
    kink = (
        f" As released the label also holds {row['misfiled']}, drawn but not counted; they make the kink."
        if row["misfiled"]
        else ""
    )
    if row["r"] < 0:
        trend = "as HellaSwag rises, TruthfulQA falls on the whole"
    else:
        trend = "as HellaSwag rises, TruthfulQA rises with it on the whole"
    same = couplings[couplings["panel"] == panel]
    return {
        "title": f"{family}: TruthfulQA {'falls' if row['r'] < 0 else 'rises'} as HellaSwag rises",
        "caption": (
            f"{family} in {panel}, n = {row['n']}: r = {row['r']:.3f}.{kink} Of the {len(same)} families in {panel} "
            f"{int((same['r'] < 0).sum())} have a negative r."
        ),
        "alternative": (
            "Connected scatter plot, HellaSwag across and TruthfulQA up, one point a model, joined in order of size. "
            f"{family} in {panel}: {trend}, r = {row['r']:.2f} over {row['n']} models."
        ),
    }


def steps(rows: pd.DataFrame, clip: float, panel: str, family: str) -> dict[str, str] | None:
    """Of the local couplings by size, or None where the panel has no such step.

    Parameters
    ----------
    rows : pandas.DataFrame
        Columns ``panel, family, coupling, p_sign``.
    clip : float
        They are drawn no further out.
    panel, family : str
        What is shown; a family, or *all families*.
    """
    shown = rows[(rows["panel"] == panel) & ((rows["family"] == family) | (family == "all families"))]
    if shown.empty:
        return None
    n, sure = len(shown), int((shown["p_sign"] >= 0.95).sum())
    of_family = "" if family == "all families" else f" of {family}"
    counted = f"{sure} of n = {n} step{'s' * (n != 1)}{of_family} in {panel}"
    return {
        "title": f"Item noise leaves the sign of {'most' if 2 * sure < n else 'at most half of the'} steps in size unsure"
        if family == "all families"
        else f"{family}: item noise leaves the sign sure at {sure} of {n} step{'s' * (n != 1)}",
        "caption": (
            f"Item noise leaves the sign at least 95% sure for {counted}. Bars are one standard error, dashed lines the "
            f"paper's thresholds; points on the edges lie beyond ±{clip:g}."
        ),
        "alternative": (
            "Dot plot of local couplings against size with error bars. Down-pointing triangles are tax, circles "
            f"transition, up-pointing triangles bonus. {int((shown['coupling'] < 0).sum())} points lie below zero; the sign is "
            f"sure for {counted}. A slider hides steps with an uncertain sign."
        ),
    }


def signs(table: pd.DataFrame, panel: str) -> dict[str, str]:
    """Of the signs of pairs below and above a size in one panel; ``table`` as ``figures.pair_signs`` has it."""
    rows = table[table["panel"] == panel]
    shares = rows.pivot(index="pair", columns="side", values="share")
    below, above = (shares[side] for side in sorted(shares.columns.astype(str), reverse=True))
    flips = list(shares.index[(below < 0.5) & (above > 0.5)])
    with_tqa = [pair for pair in flips if "TruthfulQA" in pair]
    only = bool(flips) and len(with_tqa) == len(flips)
    return {
        "title": "The pairs that change sign with size all have TruthfulQA in them"
        if only
        else "Which pairs change sign with size",
        "caption": (
            f"In {panel} {len(flips)} of {len(shares)} pairs go from mostly negative to mostly positive: "
            f"{', '.join(flips) or 'none'}. At most {int(rows['n'].max())} steps a side; bars are Wilson 95% intervals."
        ),
        "alternative": (
            "Dot plot, two dots for each pair of benchmarks: share of positive local couplings in steps below and above "
            f"3.5 billion parameters, in {panel}. "
            + "; ".join(f"{pair} {below[pair]:.0%} and {above[pair]:.0%}" for pair in shares.index)
            + "."
        ),
    }


def grid(matrices: pd.DataFrame, group: str) -> dict[str, str]:
    """Of the coupling matrix of one group; ``matrices`` as in ``figures.pair_grid``."""
    rows = matrices[matrices["group"] == group]
    low = rows.iloc[int(rows["r"].to_numpy().argmin())]
    negative = rows[rows["r"] < 0]
    odd = negative[(negative["x"] != "truthfulqa_mc2") & (negative["y"] != "truthfulqa_mc2")]
    return {
        "title": (
            f"{group[0].upper()}{group[1:]}: {len(negative)} of {len(rows)} pairs are opposed, "
            f"{len(negative) - len(odd)} of them with TruthfulQA"
        ),
        "caption": (
            f"{group[0].upper()}{group[1:]}, n = {int(rows['n'].max())}: {len(negative)} of {len(rows)} pairs have a negative "
            f"r, {len(odd)} of them without TruthfulQA; the lowest is {low['r']:.2f}, {name(low['x'])} with {name(low['y'])}."
        ),
        "alternative": (
            f"Grid of correlations between five benchmarks, with the number in each cell, for {group}: "
            + "; ".join(f"{name(str(r.x))} with {name(str(r.y))} {r.r:.2f}" for r in rows.itertuples())
            + "."
        ),
    }


def chance(falls: pd.DataFrame, family: str = "") -> dict[str, str]:
    """Of the level of a guesser, for all families that fall or for one; ``falls`` is from ``coupling.chance_start``."""
    small = falls[falls["first_b"] < 0.2]
    below = small["below_pp"].sum() / small["fall_pp"].sum()
    caption = (
        f"{len(falls)} families fall below the score of their smallest model; not all rise again. "
        f"In the {len(small)} that start below 0.2B, {below:.0%} of the fall lies below the guessing level."
    )
    seen = "The smallest models start at or a little below the line, and the lines fall well below it before some rise."
    if family:
        row = falls[falls["family"] == family].iloc[0]
        caption = (
            f"{family}, n = {row['n']}: from {row['first_pct']:.1f}% at {row['first_b']:g}B down to {row['lowest_pct']:.1f}% at "
            f"{row['lowest_b']:g}B; {row['below_share']:.0%} of the fall lies below the guessing level."
        )
        seen = caption
    return {
        "title": "Most of the fall lies below guessing"
        if below > 0.5
        else "Most of the fall lies above guessing",
        "caption": caption,
        "alternative": (
            "Line chart of TruthfulQA against size, one line a family, named at its end, with a dashed line where guessing "
            f"lies. {seen}"
        ),
    }


def shuffles(one: pd.DataFrame, null: Null, kind: str, *, x: str, y: str) -> dict[str, str]:
    """Of one draw of two shuffled series.

    Parameters
    ----------
    one : pandas.DataFrame
        Its rows of ``two_trends.shuffled_series``.
    null : Null
        Of all draws of this kind.
    kind : str
        A key of ``two_trends.KEPT``.
    x, y : str
    """
    inside = null.low <= null.observed <= null.high
    lost = "Shuffled steps keep both trends" if kind == "steps" else "Shuffled scores lose both trends"
    found = f"and the data lie {'within' if inside else 'outside'} their range"
    r, n, ends = float(one["r"].iloc[0]), len(one), one.sort_values("params_b").iloc[[0, -1]]
    paths = "; ".join(
        f"{name(b)} from {ends[axis].iloc[0]:.1f} to {ends[axis].iloc[1]:.1f} percent"
        for axis, b in (("x", x), ("y", y))
    )
    return {
        "title": f"{lost}, {found}",
        "caption": (
            f"Pythia, n = {n} models. This draw (solid) has r = {r:.2f}, the data (dashed) {null.observed:.3f}; of "
            f"{null.draws:,} draws 95% lie between {null.low:.2f} and {null.high:.2f}."
        ),
        "alternative": (
            f"Beside each other: two lines of scores against size, as released and with their {KEPT[kind]} shuffled, and a "
            f"histogram of r over all such draws with the data at {null.observed:.2f} and this draw at {r:.2f}. In this draw "
            f"{paths}, from the smallest model to the largest."
        ),
    }


def size_out(rows: pd.DataFrame, *, x: str, y: str) -> dict[str, str]:
    """Of what a straight line in log size leaves of two scores; ``rows`` are those of one pair."""
    first = rows.iloc[0]
    partial = round(first["partial"], 2) + 0  # no minus before a zero
    holds = first["low"] <= 0 <= first["high"]
    left = "what is left may have no tie at all" if holds else "what is left is tied still"
    pairs = "; ".join(f"{r.x_left:+.1f} and {r.y_left:+.1f} at {r.params_b:g}B" for r in rows.itertuples())
    return {
        "title": f"Take size out of both scores, and {left}",
        "caption": (
            f"Pythia, n = {len(rows)}: {name(x)} and {name(y)} have r = {first['r']:.2f}. The sticks are what a straight line "
            f"in log size leaves; they have the partial correlation {partial:.2f} [{first['low']:.2f}, {first['high']:.2f}]."
        ),
        "alternative": (
            f"Left, {name(x)} and {name(y)} against size, each with a dashed straight line and a stick from the line to every "
            f"point. Right, the lengths of the sticks against each other, in points: {pairs}."
        ),
    }
