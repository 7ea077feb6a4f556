"""Words under the figures of chapter 04: titles, captions and text alternatives, with the numbers they state."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from cape_utils.charts.parts import name, order_of

__all__ = ["given", "growth", "matched", "normalised", "pairs", "projections", "ratios"]


def normalised(table: pd.DataFrame) -> dict[str, str]:
    """Of r before and after division, in the panel and with the shuffling shown first."""
    start = table.iloc[0]
    first = table[(table["panel"] == start["panel"]) & (table["shuffled"] == start["shuffled"])]
    inside = first["normalised"].between(first["low"], first["high"])
    return {
        "title": "Division lifts every family, and shuffled scores as well",
        "caption": (
            f"In {start['panel']} (n = {len(first)} families, {first['n'].sum()} models) "
            f"{int((first['raw'] < 0).sum())} have a negative r before division "
            f"and {int((first['normalised'] < 0).sum())} after it; {int(inside.sum())} lie inside the 95% range "
            "that the same division gives shuffled scores."
        ),
        "alternative": (
            "One line for each family, r from minus one to plus one. Left-pointing triangles, before division, stand on both "
            "sides of zero. Circles, after division, all stand close to plus one, on short grey bars that show what "
            "shuffled scores give after the same division. Crosses are the values quoted."
        ),
    }


def pairs(rows: pd.DataFrame, claimed: str) -> dict[str, str]:
    """Of every pair of benchmarks; ``rows`` has a column ``group``, ``claimed`` is that of the pair with a claim."""
    others = rows[rows["group"] != claimed]
    return {
        "title": "The same division of pairs that nobody claims anything about",
        "caption": (
            f"n = {len(rows)} pairs in {rows['family'].nunique()} families: {int((rows['raw'] < 0).sum())} are negative "
            f"undivided, {int((rows['normalised'] < 0).sum())} divided. Of the {len(others)} pairs without a claim "
            f"{int((others['normalised'] >= 0.9).sum())} reach 0.9."
        ),
        "alternative": (
            "Scatter plot, r before division across and after division up. Points before division fill the range from minus "
            "one to plus one; after division nearly all lie along the top near plus one, whichever benchmarks make the pair. "
            "A dashed diagonal marks no change."
        ),
    }


def growth(rows: pd.DataFrame) -> dict[str, str]:
    """Of r against the power of the denominator, for the family shown first."""
    families = order_of(rows, "family")
    first = rows[rows["family"] == families[0]].set_index("power")
    inside = first.index[first["r"].between(first["low"], first["high"])]
    start, paper = (float(first["r"].loc[[power]].iloc[0]) for power in (0.0, 1.0))
    powers = f"from power {inside.min():g} on" if len(inside) else "at no power"
    return {
        "title": "How fast must the denominator grow?",
        "caption": (
            f"{families[0]}: r goes from {start:.2f} undivided to {paper:.2f} at the paper's choice, power 1; "
            f"it lies inside the range of shuffled scores {powers}. n = {len(families)} families to choose from."
        ),
        "alternative": (
            "Line of r against the power of width in the denominator. It starts near minus one at power zero, climbs "
            "steeply and ends near plus one. A grey band of shuffled scores starts wide around zero and narrows to the "
            "same place near plus one."
        ),
    }


def ratios(curves: pd.DataFrame, cases: list[str], family: str, n: int) -> dict[str, str]:
    """Of two scores divided by a power of width; the arguments are those of ``figures.ratio_scatter``."""
    ends = {
        case: curves[curves["case"] == case].set_index("power")["r"].loc[[0.0, 1.0]].tolist()
        for case in cases
    }
    listed = "; ".join(f"{case}, {low:.2f} to {high:.2f}" for case, (low, high) in ends.items())
    return {
        "title": f"Divide {family} yourself",
        "caption": f"r of n = {n} models from power 0 to power 1: {listed}.",
        "alternative": (
            f"Scatter plot of the two scores of {family}. With the slider at zero the measured points fall from left to "
            "right and the meaningless ones form a cloud; moved to one, each of them becomes a rising line through the "
            f"origin's side. {listed}."
        ),
    }


def given(table: pd.DataFrame) -> dict[str, str]:
    """Of the correlation within families, in the panel and over the sizes shown first."""
    start = table.iloc[0]
    first = table[(table["panel"] == start["panel"]) & (table["sizes"] == start["sizes"])]
    listed = "; ".join(f"{r.given} {r.estimate:.2f} [{r.low:.2f}, {r.high:.2f}]" for r in first.itertuples())
    panel = f"{start['panel'][0].upper()}{start['panel'][1:]}"
    return {
        "title": "Nothing divided: what width takes out, size takes out",
        "caption": f"{panel}, {start['sizes']}, n = {first['n'].min()}: {listed}.",
        "alternative": (
            f"Interval plot of the correlation within families after taking out nothing, width, size or both. {listed}."
        ),
    }


def matched(n: int, share: Mapping[str, float]) -> dict[str, str]:
    """Of ``n`` pairs of one size and two widths, with the share of each benchmark."""
    listed = "; ".join(f"{name(score).removesuffix(' MC2')} {part:.0%}" for score, part in share.items())
    return {
        "title": "Same size, different width",
        "caption": (
            f"Share of n = {n} pairs, no model used twice, whose wider model scores higher: {listed}. "
            "Bars are item noise, 95%."
        ),
        "alternative": (
            "Dot plot of score differences against the ratio of widths, with error bars. Up-pointing triangles, where the "
            f"wider model scores higher, and down-pointing ones lie on both sides of a dashed line at zero: {listed}."
        ),
    }


def projections(changes: pd.DataFrame, measure: str) -> dict[str, str]:
    """Of the released cosines, with the change at the projection in the measure shown first."""
    shown = changes[(changes["measure"] == measure) & (changes["stage"] == "after_projection")]
    listed = ", ".join(f"{r.model} (width {r.d_model}) {r.change_pct:+.0f}%" for r in shown.itertuples())
    return {
        "title": "Before and after the output projection",
        "caption": f"Change at the projection, n = {len(shown)} models: {listed}.",
        "alternative": (
            f"Line plot of a cosine at three stages for three models. At the projection {listed}; after a wider projection "
            "all three stand above their hidden state."
        ),
    }
