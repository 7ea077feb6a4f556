"""Words under the figures of chapter 08: titles, captions and text alternatives, with the numbers they state."""

from __future__ import annotations

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
        "title": "Dimensions of phases and of size bands",
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


def rotation(shown: pd.DataFrame, first: str) -> dict[str, str]:
    """Of the loadings in windows.

    Parameters
    ----------
    shown : pandas.DataFrame
        The rows of the choices shown at first, ``benchmark`` by its title.
    first : str
        What is seen in them.
    """
    tqa = shown[shown["benchmark"] == "TruthfulQA"]
    path = ", ".join(f"{r.loading:+.2f} up to {r.last_b:g}B" for r in tqa.itertuples())
    return {
        "title": "Does the second axis turn with scale?",
        "caption": f"{first} n = {shown['n'].min()} to {shown['n'].max()} models a window.",
        "alternative": (
            "Line chart of the loadings of each benchmark on the second principal axis, window by window from small to large "
            f"models. At first, TruthfulQA: {path}."
        ),
    }


def exponents(rows: pd.DataFrame, quoted: float) -> dict[str, str]:
    """Of the exponents under every reading; ``rows`` has a column ``outside`` (bool, of the null)."""
    first = rows[rows["benchmarks"] == rows["benchmarks"].iloc[0]]
    listed = "; ".join(f"{r.reading} {r.exponent:.2f}" for r in first.itertuples())
    return {
        "title": "One exponent, many readings",
        "caption": (
            f"{len(first)} readings of eight Pythia models: {first['exponent'].min():.2f} to {first['exponent'].max():.2f}; "
            f"{int((~first['outside']).sum())} lie where straight lines with the same scatter put them (grey). The dashed "
            f"line is the paper's {quoted:g}; thin lines are item noise."
        ),
        "alternative": f"Interval plot of exponents with a dashed line at the paper's. {listed}.",
    }


def flips(table: pd.DataFrame, quoted: tuple[float, float]) -> dict[str, str]:
    """Of TruthfulQA's loading in small and in large models; ``table`` is from ``recompute.flip_table``."""
    turned = (table["first"] > 0) & (table["last"] < 0)
    signs = turned.groupby(table["positive"].map(name), sort=False).agg(["sum", "size"])
    counted = ", ".join(f"{r.sum} of {r.size} with {r.Index} positive" for r in signs.itertuples())
    listed = "; ".join(
        f"{r.copy}, {r.windows}, {r.positive} positive: {r.first:+.2f} to {r.last:+.2f}"
        for r in table.itertuples()
    )
    return {
        "title": "The flip, and the sign that was chosen",
        "caption": (
            f"From positive to negative, as quoted ({quoted[0]:+.2f} to {quoted[1]:+.2f}): {counted}. n = 3 to 8 Pythia "
            "models a window."
        ),
        "alternative": f"Dumbbell plot of a loading in small and in large models. {listed}.",
    }
