"""Words under the figures of chapter 08: titles, captions and text alternatives, with the numbers they state."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from cape_utils.charts.parts import name

__all__ = ["dimensions", "exponents", "flips", "rotation", "small_sample"]


def dimensions(rows: pd.DataFrame, panel: str, matrix: str) -> dict[str, str]:
    """Of the participation ratios of groups, for one panel and one matrix.

    Parameters
    ----------
    rows : pandas.DataFrame
        From ``group_spectra.group_dimensions`` with columns ``panel`` and ``outside`` (bool, of the null).
    panel, matrix : str
    """
    shown = rows[(rows["panel"] == panel) & (rows["matrix"] == matrix)]
    outside = list(shown.loc[shown["outside"], "group"])
    listed = "; ".join(
        f"{r.group}, {r.n} models: {r.ratio:.2f} ({r.low:.2f} to {r.high:.2f}), random {r.null_low:.2f} to {r.null_high:.2f}"
        for r in shown.itertuples()
    )
    return {
        "title": f"{len(outside)} of {len(shown)} groups have dimensions that random groups do not",
        "caption": (
            f"{panel[0].upper()}{panel[1:]}, {matrix}: outside the range of random groups "
            f"{'lie ' + ', '.join(outside) if outside else 'lies none'}. n = {shown['n'].min()} to {shown['n'].max()} "
            "models a group; lines are bootstraps over families, grey bands random groups of the same size."
        ),
        "alternative": (
            f"Interval plot of the participation ratio, {panel}, {matrix}, one row a group, on a grey band for random groups. "
            f"{listed}."
        ),
    }


def small_sample(curve: pd.DataFrame, points: pd.DataFrame, case: str, n: int) -> dict[str, str]:
    """Of what n models of one population give."""
    row = curve[(curve["case"] == case) & (curve["n"] == n)].iloc[0]
    listed = "; ".join(
        f"{r.group}, {r.n} models, {r.ratio:.2f}" for r in points[points["case"] == case].itertuples()
    )
    return {
        "title": "Few models, few dimensions",
        "caption": (
            f"{case[0].upper()}{case[1:]}: the population has {row['population']:.2f} dimensions; "
            f"n = {n} models drawn from it give {row['mean']:.2f} on average, 95% between {row['low']:.2f} and "
            f"{row['high']:.2f}, and at most {row['most']:.0f}. Diamonds are groups of the data."
        ),
        "alternative": (
            "Line chart: expected participation ratio against the number of models, rising to the dashed value of the "
            f"population, with a wide band on the left that narrows to the right. Diamonds: {listed}."
        ),
    }


def rotation(shown: pd.DataFrame, first: str, values: Sequence[str]) -> dict[str, str] | None:
    """Of the loadings in the windows of one setting.

    Parameters
    ----------
    shown : pandas.DataFrame
        Its rows, ``benchmark`` by its title; nothing is said of none.
    first : str
        What is found over all windows.
    values : sequence of str
        What the controls are set to.
    """
    if shown.empty:
        return None
    tqa = shown[shown["benchmark"] == "TruthfulQA"].sort_values("last_b")
    path = ", ".join(f"{r.loading:+.2f} up to {r.last_b:g}B" for r in tqa.itertuples())
    turns = "changes sign" if tqa["loading"].min() < 0 < tqa["loading"].max() else "keeps its sign"
    copy, benchmarks, windows, positive = values
    setting = f"{copy}, {benchmarks}, {windows} windows, {name(positive)}"
    models = " to ".join(map(str, dict.fromkeys((shown["n"].min(), shown["n"].max()))))
    return {
        "title": f"With larger models TruthfulQA {turns} on the second axis",
        "caption": (
            f"{setting[0].upper()}{setting[1:]} positive: TruthfulQA from {tqa['loading'].iloc[0]:+.2f} to "
            f"{tqa['loading'].iloc[-1]:+.2f}, lowest {tqa['loading'].min():+.2f}, highest {tqa['loading'].max():+.2f}. "
            f"n = {models} models a window. {first}"
        ),
        "alternative": (
            "Line chart of the loadings of each benchmark on the second principal axis, window by window from small to large "
            f"models. {setting} positive, TruthfulQA: {path}."
        ),
    }


def exponents(shown: pd.DataFrame, quoted: float, values: Sequence[str]) -> dict[str, str] | None:
    """Of the exponents under the readings of one setting.

    Parameters
    ----------
    shown : pandas.DataFrame
        Its rows, with a column ``outside`` (bool, of the null); nothing is said of none.
    quoted : float
        The paper's exponent.
    values : sequence of str
        What the controls are set to.
    """
    if shown.empty:
        return None
    copy, size, benchmarks = values
    inside, n, setting = (
        int((~shown["outside"]).sum()),
        len(shown),
        f"{copy}, {benchmarks}, N of the {size} of a window",
    )
    listed = "; ".join(f"{r.window} {r.exponent:.2f}" for r in shown.itertuples())
    return {
        "title": f"Straight lines alone account for {inside} of {n} exponents",
        "caption": (
            f"{setting[0].upper()}{setting[1:]}: {n} readings of eight Pythia models, {shown['exponent'].min():.2f} to "
            f"{shown['exponent'].max():.2f}; {inside} lie where straight lines with the same scatter put them (grey). The dashed "
            f"line is the paper's {quoted:g}; thin lines are item noise."
        ),
        "alternative": f"Interval plot of exponents with a dashed line at the paper's. {setting}: {listed}.",
    }


def flips(table: pd.DataFrame, quoted: tuple[float, float]) -> dict[str, str]:
    """Of TruthfulQA's loading in small and in large models; ``table`` is from ``recompute.flip_table``."""
    turned = (table["first"] > 0) & (table["last"] < 0)
    counted = "; ".join(
        f"{name(str(positive))} positive: "
        + ", ".join(
            f"{hits.sum()} of {len(hits)} in the {copy}"
            for copy, hits in part.groupby(table["copy"], sort=False)
        )
        for positive, part in turned.groupby(table["positive"], sort=False)
    )
    listed = "; ".join(
        f"{r.copy}, {r.windows}, {r.positive} positive: {r.first:+.2f} to {r.last:+.2f}"
        for r in table.itertuples()
    )
    return {
        "title": "The flip, and the sign that was chosen",
        "caption": (
            f"From positive to negative, as quoted ({quoted[0]:+.2f} to {quoted[1]:+.2f}), by convention and copy: {counted}. "
            "n = 3 to 8 Pythia models a window."
        ),
        "alternative": f"Dumbbell plot of a loading in small and in large models. {listed}.",
    }
