"""Words under the figures of chapter 07: titles, captions and text alternatives, with the numbers they state."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

__all__ = ["duel", "league", "paths", "readings", "recovery", "rivals", "sources"]


def readings(table: pd.DataFrame, quoted: Mapping[str, float], claim: str) -> dict[str, str]:
    """Of the mean errors of every reading of one claim; ``quoted`` by claim."""
    rows, value = table[table["claim"] == claim], quoted[claim]
    near = int((rows["error"] - value).abs().le(0.1).sum())
    said = (
        f"{claim}: n = {len(rows)} readings, {int(rows['diverged'].sum())} diverge and are not drawn, "
        f"{near} within 0.1 of the {value}% quoted"
    )
    return {
        "title": "One sentence, many readings",
        "caption": f"{said[0].upper()}{said[1:]} (dashed).",
        "alternative": (
            "Dot plot of mean errors, a row for each kind of fit, circles for percent of the score and diamonds "
            f"for points, and a dashed line at the number quoted. {said}."
        ),
    }


def sources(table: pd.DataFrame) -> dict[str, str]:
    """Of the curve behind the number quoted for Llama-2; ``table`` is from ``readings.source_table``."""
    listed = "; ".join(f"{r.choice} {r.percent:.1f}%" for r in table.itertuples())
    return {
        "title": "One benchmark, no equation, three models to predict",
        "caption": (
            f"Mean error on the 3 Llama-2 models of a curve fitted to n = {table['n'].iloc[0]} others, and what one "
            f"changed choice makes of it: {listed}."
        ),
        "alternative": (
            "Scores against size: grey circles are fitted by a blue curve, vermillion diamonds are the three "
            "Llama-2 models. As it stands the curve falls and turns up again, close to the diamonds. "
            f"Errors: {listed}."
        ),
    }


def league(table: pd.DataFrame, top: float, train: str, start: str) -> dict[str, str] | None:
    """Of one ranking of methods, or None where there is none; ``top`` (percent) is the end of the axis."""
    rows = table[(table["train"] == train) & (table["start"] == start)].sort_values("median")
    if rows.empty:
        return None
    listed = "; ".join(f"{r.method} {r.median:.1f}% ({r.wins:g} won)" for r in rows.head(4).itertuples())
    return {
        "title": "Every family held out in turn",
        "caption": (
            f"n = {rows['families'].iloc[0]} families, fitted on {train}, start {start}. Best four: {listed}. Bars: 95%, "
            "families resampled. A family on which a method diverges counts as worse than any number; marks at "
            f"{top:g} stand for more."
        ),
        "alternative": (
            "Interval plot of median errors, one row for each method, diamonds for equations and circles for "
            f"simple rules, fitted on {train}, start {start}. {listed}. Rows on which a method diverges say on how many "
            "families."
        ),
    }


def duel(rows: pd.DataFrame, rival: str, method: str, train: str) -> dict[str, str]:
    """Of the families on which one method beats a simple rule.

    Parameters
    ----------
    rows : pandas.DataFrame
        Columns ``train, method, rival, error, outcome``, errors in percent.
    rival, method, train : str
        The rule, the method, and what it is fitted on.
    """
    families = rows[(rows["method"] == method) & (rows["train"] == train)]
    better = int((families["error"] < families["rival"]).sum())
    diverges = int((families["outcome"] == "diverges").sum())
    said = f"fitted on {train}, better on {better} of n = {len(families)} families, diverges on {diverges}"
    return {
        "title": f"Family by family, against: {rival}",
        "caption": (
            f"{method[0].upper()}{method[1:]}: {said}. Below the dashed line the method chosen is the better one."
        ),
        "alternative": (
            "Scatter plot with logarithmic axes, a point for each family held out, the error of the simple rule across and of "
            f"the method chosen up, with a dashed line of equal errors. {method}: {said}."
        ),
    }


def rivals(table: pd.DataFrame, quoted: float, panel: str) -> dict[str, str]:
    """Of trends learnt from one other family in one panel; ``table`` as ``figures.rival_chart`` has it."""
    rows = table[table["panel"] == panel]
    still = float(rows.loc[rows["kind"] == "persistence", "error"].iloc[0])
    trends = rows[rows["kind"] != "persistence"]
    hits, tried = int((trends["error"] <= quoted).sum()), len(trends)
    said = (
        f"{panel}, n = {trends['family'].nunique()} families: {hits} of {tried} trends err by {quoted:g}% or less, "
        f"persistence by {still:.1f}%"
    )
    return {
        "title": f"{hits} of {tried} simple trends from one other family do as well on Llama-2 as the paper's equation",
        "caption": f"{said[0].upper()}{said[1:]}. Dashed: the number quoted for the equation.",
        "alternative": (
            "Dot plot of errors, a row for each family learnt from, circles for lines, triangles for parabolas "
            f"and a square for persistence, with a dashed line at the number quoted. {said}."
        ),
    }


def recovery(rates: pd.DataFrame, noise: float, ridge: float) -> dict[str, str]:
    """Of the shares of equations found at one noise and one penalty; ``rates`` is from ``recovery.recovery_rates``."""
    shown = rates[(rates["noise"] == noise) & (rates["ridge"] == ridge)]
    listed = "; ".join(
        f"{families} famil{'y' if families == 1 else 'ies'} "
        + ", ".join(f"{r.exact:.0%} with {r.sizes} sizes" for r in part.sort_values("sizes").itertuples())
        for families, part in shown.groupby("families")
    )
    what = f"item noise {noise:g} of the real one, penalty {ridge:g}"
    by_data = shown.sort_values(["families", "sizes"])["exact"]
    return {
        "title": (
            f"A law that is there is found in {by_data.iloc[0]:.0%} of trials with the fewest data, "
            f"in {by_data.iloc[-1]:.0%} with the most"
        ),
        "caption": (
            f"Share of n = {int(rates['n'].iloc[0])} equations whose terms are all found and no other, {what}: {listed}."
        ),
        "alternative": (
            "Lines of the share of equations found exactly against the number of sizes, one for each number of "
            f"families, {what}. {listed}."
        ),
    }


def paths(settings: pd.DataFrame, targets: Mapping[str, Any]) -> dict[str, str]:
    """Of the settings whose solution diverges; ``targets`` are the names of the targets by key."""
    diverged = settings.groupby("target", sort=False)["diverged"].agg(["sum", "size"])
    listed = "; ".join(f"{targets[str(r.Index)]} {r.sum} of {r.size}" for r in diverged.itertuples())
    return {
        "title": "Choose threshold, degree, training copy and target",
        "caption": (
            f"n = {len(settings)} settings, fitted to fractions without a constant. Those that diverge: {listed}."
        ),
        "alternative": (
            "Scores against size: vermillion circles are measured, blue squares on a dashed line are the "
            "solution of the equation from the first circle on. A line of text gives the mean error over five "
            f"benchmarks, or says that it diverges. Diverging settings: {listed}."
        ),
    }
