"""Words under the figures of chapter 07: titles, captions and text alternatives, with the numbers they state."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from cape_utils.charts.parts import order_of

__all__ = ["duel", "league", "paths", "readings", "recovery", "rivals", "sources"]


def _listed(parts: list[str]) -> tuple[str, str]:
    """The parts with semicolons between them, and the same as a sentence."""
    text = "; ".join(parts)
    return text, f"{text[0].upper()}{text[1:]}."


def readings(table: pd.DataFrame, quoted: Mapping[str, float]) -> dict[str, str]:
    """Of the mean errors of every reading; ``quoted`` by claim."""
    parts = []
    for claim, value in quoted.items():
        rows = table[table["claim"] == claim]
        near = int((rows["error"] - value).abs().le(0.1).sum())
        parts.append(
            f"{claim}: n = {len(rows)} readings, {int(rows['diverged'].sum())} diverge and are not drawn, "
            f"{near} within 0.1 of the {value}% quoted"
        )
    listed, sentence = _listed(parts)
    return {
        "title": "One sentence, many readings",
        "caption": f"{sentence} Dashed: the number quoted.",
        "alternative": (
            "Dot plot of mean errors, a row for each kind of fit, circles for percent of the score and diamonds "
            f"for points, and a dashed line at the number quoted. {listed}."
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


def league(table: pd.DataFrame, top: float) -> dict[str, str]:
    """Of the ranking of methods that is shown first; ``top`` (percent) is the end of the axis."""
    train, start = table["train"].iloc[0], table["start"].iloc[0]
    first = table[(table["train"] == train) & (table["start"] == start)].sort_values("median")
    listed = "; ".join(f"{r.method} {r.median:.1f}% ({r.wins:g} won)" for r in first.head(4).itertuples())
    return {
        "title": "Every family held out in turn",
        "caption": (
            f"n = {first['families'].iloc[0]} families, fitted on {train}, start {start}. Best four: {listed}. Bars: 95%, "
            "families resampled. A family on which a method diverges counts as worse than any number; marks at "
            f"{top:g} stand for more."
        ),
        "alternative": (
            "Interval plot of median errors, one row for each method, diamonds for equations and circles for "
            f"simple rules. {listed}. Rows on which a method diverges say on how many families."
        ),
    }


def duel(rows: pd.DataFrame, rival: str, method: str) -> dict[str, str]:
    """Of the families on which a method beats a simple rule.

    Parameters
    ----------
    rows : pandas.DataFrame
        Columns ``train, method, rival, error, outcome``, errors in percent.
    rival, method : str
        The rule, and the method shown at first.
    """
    parts = []
    for train in order_of(rows, "train"):
        families = rows[(rows["method"] == method) & (rows["train"] == train)]
        better = int((families["error"] < families["rival"]).sum())
        diverges = int((families["outcome"] == "diverges").sum())
        parts.append(
            f"fitted on {train}, better on {better} of n = {len(families)} families, diverges on {diverges}"
        )
    listed, _ = _listed(parts)
    return {
        "title": f"Family by family, against: {rival}",
        "caption": (
            f"{method[0].upper()}{method[1:]}: {listed}. Below the dashed line the method chosen is the better one."
        ),
        "alternative": (
            "Scatter plot, a point for each family held out, the error of the simple rule across and of the "
            f"method chosen up, with a dashed line of equal errors. {method}: {listed}."
        ),
    }


def rivals(table: pd.DataFrame, quoted: float) -> dict[str, str]:
    """Of trends learnt from one other family; ``table`` as ``figures.rival_chart`` has it."""
    parts = []
    for panel in order_of(table, "panel"):
        rows = table[table["panel"] == panel]
        still = float(rows.loc[rows["kind"] == "persistence", "error"].iloc[0])
        trends = rows[rows["kind"] != "persistence"]
        hits = int((trends["error"] <= quoted).sum())
        parts.append(
            f"{panel}, n = {trends['family'].nunique()} families: {hits} of {len(trends)} trends err by {quoted:g}% or less, "
            f"persistence by {still:.1f}%"
        )
    listed, sentence = _listed(parts)
    return {
        "title": "Llama-2 from its 7B, learnt from one other family",
        "caption": f"{sentence} Dashed: the number quoted for the equation.",
        "alternative": (
            "Dot plot of errors, a row for each family learnt from, circles for lines, triangles for parabolas "
            f"and a square for persistence, with a dashed line at the number quoted. {listed}."
        ),
    }


def recovery(rates: pd.DataFrame) -> dict[str, str]:
    """Of the shares of equations found without a penalty; ``rates`` is from ``recovery.recovery_rates``."""
    free = rates[rates["ridge"] == rates["ridge"].min()].set_index(["sizes", "families", "noise"])["exact"]
    few, many = rates["sizes"].min(), rates["sizes"].max()
    one, most = rates["families"].min(), rates["families"].max()
    clean, noisy = rates["noise"].min(), rates["noise"].max()
    listed = (
        f"{few} sizes of {one} family {free[few, one, clean]:.0%} without noise and {free[few, one, noisy]:.0%} "
        f"with it; {many} sizes {free[many, one, clean]:.0%} and {free[many, one, noisy]:.0%}; {many} sizes of "
        f"{most} families {free[many, most, clean]:.0%} and {free[many, most, noisy]:.0%}"
    )
    return {
        "title": "A law that is there: when is it found?",
        "caption": (
            f"Share of n = {int(rates['n'].iloc[0])} equations whose terms are all found and no other, no penalty: {listed}."
        ),
        "alternative": (
            "Lines of the share of equations found exactly against the number of sizes, one for each number of "
            f"families. {listed}."
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
