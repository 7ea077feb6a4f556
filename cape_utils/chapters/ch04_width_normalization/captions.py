"""Words under the figures of chapter 04: titles, captions and text alternatives, with the numbers they state."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from cape_utils.charts.parts import name

__all__ = ["given", "growth", "matched", "normalised", "pairs", "projections", "ratios"]


def normalised(table: pd.DataFrame, panel: str, shuffled: str) -> dict[str, str]:
    """Of r before and after division, in one panel and with one kind of shuffling."""
    rows = table[(table["panel"] == panel) & (table["shuffled"] == shuffled)]
    inside = rows["normalised"].between(rows["low"], rows["high"])
    after = "; ".join(f"{r.family} {r.raw:.2f} to {r.normalised:.2f}" for r in rows.itertuples())
    return {
        "title": "Division lifts every family, and shuffled scores as well",
        "caption": (
            f"In {panel} (n = {len(rows)} families, {rows['n'].sum()} models) "
            f"{int((rows['raw'] < 0).sum())} have a negative r before division "
            f"and {int((rows['normalised'] < 0).sum())} after it; {int(inside.sum())} lie inside the 95% range "
            f"that the same division gives shuffled scores ({shuffled})."
        ),
        "alternative": (
            "One line for each family on an axis of r that is stretched towards minus one and plus one. Left-pointing triangles "
            "stand for r before division; circles, after division, stand close to plus one, on grey bars that show what shuffled "
            "scores give after the same division. "
            f"Crosses are the values quoted. In {panel}: {after}."
        ),
    }


def pairs(rows: pd.DataFrame, claimed: str, family: str = "") -> dict[str, str]:
    """Of every pair of benchmarks, in all families or one.

    Parameters
    ----------
    rows : pandas.DataFrame
        Columns ``family, group, raw, normalised``.
    claimed : str
        The group of the pair with a claim.
    family : str
    """
    rows = rows[rows["family"] == family] if family else rows
    others = rows[rows["group"] != claimed]
    return {
        "title": "The same division of pairs that nobody claims anything about",
        "caption": (
            f"{family or 'All families'}, n = {len(rows)} pairs in {rows['family'].nunique()} "
            f"famil{'y' if family else 'ies'}: {int((rows['raw'] < 0).sum())} are negative "
            f"undivided, {int((rows['normalised'] < 0).sum())} divided. Of the {len(others)} pairs without a claim "
            f"{int((others['normalised'] >= 0.9).sum())} reach 0.9."
        ),
        "alternative": (
            "Scatter plot, r before division across and after division up, with a dashed diagonal that marks no change. "
            f"{family or 'All families'}: before division r lies between {rows['raw'].min():.2f} and {rows['raw'].max():.2f}, "
            f"after division between {rows['normalised'].min():.2f} and {rows['normalised'].max():.2f}, "
            f"half of it above {rows['normalised'].median():.2f}."
        ),
    }


def growth(rows: pd.DataFrame, family: str) -> dict[str, str]:
    """Of r against the power of the denominator, for one family."""
    own = rows[rows["family"] == family].set_index("power")
    inside = own.index[own["r"].between(own["low"], own["high"])]
    start, paper, end = (float(own["r"].loc[[power]].iloc[0]) for power in (0.0, 1.0, own.index.max()))
    reached = (
        f"divided by width to the power {inside.min():g}, scores look like shuffled ones"
        if len(inside)
        else "at no power of width do scores look like shuffled ones"
    )
    powers = f"from power {inside.min():g} on" if len(inside) else "at no power"
    return {
        "title": f"{family}: {reached}",
        "caption": (
            f"{family}: r goes from {start:.2f} undivided to {paper:.2f} at the paper's choice, power 1; "
            f"it lies inside the range of shuffled scores {powers}. n = {rows['family'].nunique()} families to choose from."
        ),
        "alternative": (
            f"Line of r against the power of width in the denominator, {family}: {start:.2f} at power zero, {paper:.2f} at one, "
            f"{end:.2f} at the right end. A grey band of shuffled scores starts wide around zero and narrows to the "
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


def given(table: pd.DataFrame, panel: str, sizes: str) -> dict[str, str]:
    """Of the correlation within families, in one panel and over one range of sizes."""
    rows = table[(table["panel"] == panel) & (table["sizes"] == sizes)]
    listed = "; ".join(f"{r.given} {r.estimate:.2f} [{r.low:.2f}, {r.high:.2f}]" for r in rows.itertuples())
    return {
        "title": "Nothing divided: what width takes out, size takes out",
        "caption": f"{panel[0].upper()}{panel[1:]}, {sizes}, n = {rows['n'].min()}: {listed}.",
        "alternative": (
            f"Interval plot of the correlation within families after taking out nothing, width, size or both, in {panel}, "
            f"{sizes}. {listed}."
        ),
    }


def matched(n: int, share: Mapping[str, float]) -> dict[str, str]:
    """Of ``n`` pairs of one size and two widths, with the share of each benchmark."""
    listed = "; ".join(f"{name(score).removesuffix(' MC2')} {part:.0%}" for score, part in share.items())
    least, most = min(share.values()), max(share.values())
    return {
        "title": f"Of two models of one size the wider scores higher in {least:.0%} to {most:.0%} of pairs",
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
    """Of the released cosines in one measure, with the change at the projection."""
    shown = changes[(changes["measure"] == measure) & (changes["stage"] == "after_projection")]
    listed = ", ".join(f"{r.model} (width {r.d_model}) {r.change_pct:+.0f}%" for r in shown.itertuples())
    words, rise = measure.replace("_", " "), int((shown["change_pct"] > 0).sum())
    return {
        "title": f"At the output projection the {words} rises in {rise} of {len(shown)} models",
        "caption": f"Change of the {words} at the projection, n = {len(shown)} models: {listed}.",
        "alternative": f"Line plot of the {words} at three stages for {len(shown)} models. At the projection: {listed}.",
    }
