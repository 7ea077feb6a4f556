"""Words under the figures of chapter 09: titles, captions and text alternatives, with the numbers they state."""

from __future__ import annotations

import math
from collections.abc import Mapping

import pandas as pd

from cape_utils.chapters.ch09_frontier.labs import forecast_errors
from cape_utils.frontier.benchmark_pair import GPQA, SWE
from cape_utils.frontier.regression import SPECIALIST_PP, Line

__all__ = [
    "forecasts",
    "h_explorer",
    "h_timeline",
    "matrix",
    "saturation",
    "scatter",
    "slopes",
]


def scatter(rows: pd.DataFrame, line: Line, lab_lines: Mapping[str, Line], lab: str) -> dict[str, str]:
    """Of the two scores of *all labs* or one: the population's line and the slopes of labs; ``rows`` has ``lab``."""
    if lab != "all labs":
        return _scatter_of_lab(int((rows["lab"] == lab).sum()), line, lab_lines.get(lab), lab)
    slopes = ", ".join(f"{lab} {one.slope.estimate:.2f}" for lab, one in lab_lines.items())
    return {
        "title": "Models that code better reason better"
        if line.slope.low > 0
        else "Models that code better do not surely reason better",
        "caption": (
            f"n = {line.n} published models: r = {line.r.estimate:.2f}, slope {line.slope.estimate:.2f} "
            f"[{line.slope.low:.2f}, {line.slope.high:.2f}] (dashed). Slopes of single labs: {slopes}."
        ),
        "alternative": (
            "Scatter plot of models, SWE-bench Verified across and GPQA Diamond up, rising from lower left to upper right. "
            "A dashed line is the fit to all published models. Choosing a lab shows its models and its own line. "
            "Circles are core, squares extended, triangles later models."
        ),
    }


def _scatter_of_lab(n: int, line: Line, own: Line | None, lab: str) -> dict[str, str]:
    models = f"{n} model{'s' * (n != 1)}"
    population = f"the dashed line of n = {line.n} published models rises by {line.slope.estimate:.2f}"
    if own is None:
        title = f"{lab}: {models}, too few for a line"
        said = f"{models}, too few published for a line of their own"
    else:
        inside = "includes" if own.slope.low <= line.slope.estimate <= own.slope.high else "excludes"
        title = f"{lab}: the interval of its slope {inside} that of all models"
        said = (
            f"{models}; its line, of n = {own.n} published ones, rises by {own.slope.estimate:.2f} "
            f"[{own.slope.low:.2f}, {own.slope.high:.2f}] points of GPQA for a point of SWE-bench"
        )
    return {
        "title": title,
        "caption": f"{lab}: {said}; {population}.",
        "alternative": (
            "Scatter plot, SWE-bench Verified across and GPQA Diamond up, with a dashed line of all published models. "
            f"{lab}: {said}. Circles are core, squares extended, triangles later models."
        ),
    }


def slopes(
    table: pd.DataFrame, common: Mapping[str, float], *, models: str, limit: tuple[float, float]
) -> dict[str, str]:
    """Of the slopes by lab.

    Parameters
    ----------
    table : pandas.DataFrame
        From ``labs.lab_slopes`` with a column ``models``.
    common : mapping of str to float
        The slope shared by all labs, for each value of ``models``.
    models : str
        The set that is shown.
    limit : (float, float)
        Ends of the axis.
    """
    first, shared = table[table["models"] == models], common[models]
    listed = "; ".join(
        f"{r.lab}: {r.slope:.2f} ({r.low:.2f} to {r.high:.2f}), {r.n} models" for r in first.itertuples()
    )
    inside = int(((first["low"] <= shared) & (first["high"] >= shared)).sum())
    return {
        "title": "A slope for each lab",
        "caption": (
            f"{models.capitalize()} models: the intervals of {inside} of {len(first)} labs hold the slope that they share, "
            f"{shared:.2f} (dashed). Bars are 95% t intervals within a lab of {first['n'].min()} to {first['n'].max()} "
            f"models, drawn from {limit[0]:g} to {limit[1]:g}."
        ),
        "alternative": (
            f"Interval plot of the slope of each lab, {models} models, with the common slope as a dashed line. {listed}."
        ),
    }


def h_timeline(table: pd.DataFrame, lab: str, models: str) -> dict[str, str] | None:
    """Of h over time, or None where there is no such model.

    Parameters
    ----------
    table : pandas.DataFrame
        Columns ``lab, set, h, low, high``, the last two the range that item noise leaves.
    lab : str
        Or *all labs*.
    models : {"all models", "core alone"}
    """
    rows = table if lab == "all labs" else table[table["lab"] == lab]
    rows = rows if models == "all models" else rows[rows["set"] == "core"]
    if rows.empty:
        return None
    sure = int(((rows["low"] > 0) | (rows["high"] < 0)).sum())
    beyond = int((rows["h"].abs() > SPECIALIST_PP).sum())
    sizes, means = rows["lab"].value_counts(), rows.groupby("lab")["h"].mean().to_dict()
    listed = "; ".join(f"{lab} {means[lab]:+.1f} over {n}" for lab, n in sizes.items() if n > 1)
    return {
        "title": f"{beyond} of {len(rows)} models lie more than {SPECIALIST_PP:g} points from the line",
        "caption": (
            f"{lab[0].upper()}{lab[1:]}, {models}, n = {len(rows)}: {beyond} lie more than {SPECIALIST_PP:g} points from the "
            f"line, and item noise leaves the sign of h 95% sure for {sure}. Upright bars are item noise, level bars the dates "
            "that the source leaves open."
        ),
        "alternative": (
            f"Dot plot of the residual h against release date, {lab}, {models}, with dashed lines at minus ten, zero and ten. "
            f"Mean h of labs with two or more models: {listed or 'none'}."
        ),
    }


def saturation(cases: pd.DataFrame, threshold: float, models: str) -> dict[str, str]:
    """Of the saturation ratio of one set with and without each of its top models."""
    rows = cases[cases["models"] == models]
    whole, others = rows.iloc[0], rows.iloc[1:]
    ratios = others["ratio"].to_numpy()
    low, high = others.iloc[int(ratios.argmin())], others.iloc[int(ratios.argmax())]
    listed = "; ".join(f"{r.case}: {r.ratio:.2f}" for r in rows.itertuples())
    crossed = bool(((others["ratio"] < threshold) != (whole["ratio"] < threshold)).any())
    return {
        "title": f"One model less {'turns' if crossed else 'does not turn'} what the saturation ratio says",
        "caption": (
            f"Top five, {models} models: {whole['ratio']:.2f} with {whole['case']}; with one left out {low['ratio']:.2f} "
            f"({low['case']}) to {high['ratio']:.2f} ({high['case']}), "
            + (
                f"on either side of {threshold:g}."
                if crossed
                else f"{'below' if whole['ratio'] < threshold else 'not below'} {threshold:g} every time."
            )
        ),
        "alternative": (
            f"Dot plot of the saturation ratio with each of the top models left out, {models} models. {listed}."
        ),
    }


def forecasts(ahead: pd.DataFrame, methods: Mapping[str, str], shown: str) -> dict[str, str]:
    """Of one of the forecasts of later models.

    Parameters
    ----------
    ahead : pandas.DataFrame
        From ``labs.prospective``.
    methods : mapping of str to str
        Words for each of its forecasts.
    shown : str
        One of these words.
    """
    errors = forecast_errors(ahead)
    by_words = {words: float(errors[name]) for name, words in methods.items()}
    listed = ", ".join(f"{words} {error:.1f}" for words, error in by_words.items() if words != shown)
    best = min(by_words, key=lambda words: by_words[words])
    said = f"the {shown} errs by {by_words[shown]:.1f} points on average (the others: {listed})"
    return {
        "title": f"Of {len(methods)} forecasts the {best} comes closest to the later models",
        "caption": f"n = {len(ahead)} later models, circles; forecasts, diamonds: {said}.",
        "alternative": f"Dot plot of GPQA of later models beside one of {len(methods)} forecasts: {said}.",
    }


def h_explorer(field: pd.DataFrame, line: Line, items: Mapping[str, float]) -> dict[str, str]:
    """Of the reader's own two scores among the frontier models."""
    later = field[field["subset"] == "after_cutoff"]
    named = [f"{model} {h:+.1f}" for model, h in zip(later["model"], later["h"].round(2), strict=True)]
    return {
        "title": "Your model's two scores",
        "caption": (
            f"h is the distance from the line of {line.n} published models; ± is the noise of {items[GPQA]:g} and "
            f"{items[SWE]:g} test items. Later models: {', '.join(named)}."
        ),
        "alternative": (
            "Scatter plot of frontier models with a dashed line and a diamond that two sliders move. The corner says how "
            "far the diamond lies from the line, with the noise of the tests, and which word paper B has for it."
        ),
    }


def matrix(r: float) -> dict[str, str]:
    """Of what one correlation leaves open for two others."""
    half = math.sqrt(1 - r**2)
    return {
        "title": "What three correlations allow each other",
        "caption": (
            "Shaded: pairs of correlations that go with the slider's r of SWE-bench and GPQA; the corner has the range that an "
            f"HLE without any tie to SWE-bench leaves. At the r measured, {r:.2f}, it is {-half:.2f} to {half:.2f}. No HLE score "
            "was released, so no point can be drawn."
        ),
        "alternative": (
            "Shaded ellipse in the plane of two correlations, SWE-bench with HLE across and GPQA with HLE up. Points outside "
            "it can come from no data. The ellipse gets thinner as a slider raises the correlation of SWE-bench and GPQA."
        ),
    }
