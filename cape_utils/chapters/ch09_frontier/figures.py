"""Figures of chapter 09: coding and reasoning at the frontier, lab by lab."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from cape_utils.charts.parts import dropdown, order_of, put, slider
from cape_utils.charts.rendering import PALETTE
from cape_utils.frontier.benchmark_pair import GPQA, SWE
from cape_utils.frontier.regression import SPECIALIST_PP, Line

__all__ = [
    "forecast_chart",
    "frontier_scatter",
    "h_explorer",
    "h_timeline",
    "matrix_explorer",
    "saturation_chart",
    "slope_chart",
]

_SET_WORDS = {"core": "core", "extended": "extended", "after_cutoff": "later"}
_SET_COLOUR = alt.Scale(
    domain=list(_SET_WORDS.values()), range=[PALETTE["blue"], PALETTE["orange"], PALETTE["vermillion"]]
)
_SET_SHAPE = alt.Scale(domain=list(_SET_WORDS.values()), range=["circle", "square", "triangle-up"])
_SWE_TITLE, _GPQA_TITLE = "SWE-bench Verified (percent)", "GPQA Diamond (percent)"
_TOOLTIP = ["model", "lab", "released", SWE, GPQA]


def _points(table: pd.DataFrame) -> pd.DataFrame:
    return table.assign(set=table["subset"].map(_SET_WORDS))


def _line_rows(name: str, line: Line, low: float, high: float) -> pd.DataFrame:
    ends = np.array([low, high])
    return pd.DataFrame({"lab": name, SWE: ends, GPQA: line.predict(ends)})


def frontier_scatter(table: pd.DataFrame, line: Line, lines: Mapping[str, Line]) -> Any:
    """The two scores of every model, the population's line and the line of a lab.

    Parameters
    ----------
    table : pandas.DataFrame
        From ``frontier.regression.models("all")``.
    line : Line
        The population regression.
    lines : mapping of str to Line
        Regressions of single labs.
    """
    shown = _points(table)[["model", "lab", "released", "set", SWE, GPQA]]
    chosen = dropdown("scatter_lab", ["all labs", *sorted(shown["lab"].unique())], "Lab")
    x = alt.X(f"{SWE}:Q", title=_SWE_TITLE, scale=alt.Scale(domain=[10, 95], nice=False))
    y = alt.Y(f"{GPQA}:Q", title=_GPQA_TITLE, scale=alt.Scale(domain=[35, 100], nice=False))
    dots = (
        alt.Chart(shown)
        .transform_filter("scatter_lab == 'all labs' || datum.lab == scatter_lab")
        .mark_point(filled=True, size=80)
        .encode(
            x,
            y,
            alt.Color("set:N", title="Models", scale=_SET_COLOUR),
            alt.Shape("set:N", title="Models", scale=_SET_SHAPE),
            tooltip=_TOOLTIP,
        )
        .add_params(chosen)
    )
    population = (
        alt.Chart(_line_rows("population", line, 15, 90).round(3))
        .mark_line(color=PALETTE["grey"], strokeDash=[6, 4])
        .encode(x, y)
    )
    own = pd.concat(
        [
            _line_rows(lab, one, float(part[SWE].min()), float(part[SWE].max()))
            for lab, one in lines.items()
            for part in (table[(table["lab"] == lab) & (table["subset"] != "after_cutoff")],)
        ]
    )
    labs = (
        alt.Chart(own.round(3))
        .transform_filter("datum.lab == scatter_lab")
        .mark_line(color=PALETTE["purple"], clip=True)
        .encode(x, y)
    )
    slopes = ", ".join(f"{lab} {one.slope.estimate:.2f}" for lab, one in lines.items())
    return put(
        population + labs + dots,
        title="Coding and reasoning of frontier models",
        caption=(
            f"n = {line.n} published models: r = {line.r.estimate:.2f}, slope {line.slope.estimate:.2f} "
            f"[{line.slope.low:.2f}, {line.slope.high:.2f}] (dashed). Slopes of single labs: {slopes}."
        ),
        alternative=(
            "Scatter plot of models, SWE-bench Verified across and GPQA Diamond up, rising from lower left to upper right. "
            "A dashed line is the fit to all published models. Choosing a lab shows its models and its own line. "
            "Circles are core, squares extended, triangles later models."
        ),
    )


def slope_chart(slopes: pd.DataFrame, common: Mapping[str, float]) -> Any:
    """The slope of each lab with its interval.

    Parameters
    ----------
    slopes : pandas.DataFrame
        From ``ch09_frontier.labs.lab_slopes`` with a column ``models``.
    common : mapping of str to float
        The slope shared by all labs, for each value of ``models``.
    """
    limit = (-1.0, 3.0)
    table = slopes.drop(columns="p").assign(
        bar_low=slopes["low"].clip(*limit), bar_high=slopes["high"].clip(*limit)
    )
    which = dropdown("slope_models", order_of(table, "models"), "Models")
    keep = alt.Chart(table.round(4)).transform_filter("datum.models == slope_models")
    across = alt.Scale(domain=list(limit), nice=False)
    y = alt.Y("lab:N", title=None, sort=order_of(table, "lab"))
    bars = keep.mark_rule(strokeWidth=2.5, color=PALETTE["blue"]).encode(
        y, alt.X("bar_low:Q", scale=across), alt.X2("bar_high:Q")
    )
    points = (
        keep.mark_point(filled=True, size=110, opacity=1, color=PALETTE["blue"])
        .encode(
            y,
            alt.X("slope:Q", title="Points of GPQA for a point of SWE-bench", scale=across),
            tooltip=["lab", "n", "slope", "low", "high"],
        )
        .add_params(which)
    )
    shared = pd.DataFrame([{"models": name, "slope": value} for name, value in common.items()])
    rule = (
        alt.Chart(shared.round(4))
        .transform_filter("datum.models == slope_models")
        .mark_rule(color=PALETTE["vermillion"], strokeDash=[6, 4])
        .encode(alt.X("slope:Q", scale=across))
    )
    first = order_of(table, "models")[0]
    listed = "; ".join(
        f"{r.models}, {r.lab}: {r.slope:.2f} ({r.low:.2f} to {r.high:.2f}), {r.n} models"
        for r in table.itertuples()
    )
    own = table[table["models"] == first]
    inside = int(((own["low"] <= common[first]) & (own["high"] >= common[first])).sum())
    return put(
        (rule + bars + points).properties(height=200),
        title="A slope for each lab",
        caption=(
            f"{first.capitalize()} models: the intervals of {inside} of {len(own)} labs hold the slope that they share, "
            f"{common[first]:.2f} (dashed). Bars are 95% t intervals within a lab of {own['n'].min()} to {own['n'].max()} "
            f"models, drawn from {limit[0]:g} to {limit[1]:g}."
        ),
        alternative=f"Interval plot of the slope of each lab, with the common slope as a dashed line. {listed}.",
    )


def h_timeline(field: pd.DataFrame) -> Any:
    """The residual of every model against its date of release.

    Parameters
    ----------
    field : pandas.DataFrame
        From ``frontier.regression.h_field`` over ``frontier.regression.models("all")``.
    """
    shown = _points(field).assign(
        low=field["h"] - 1.96 * field["h_se"], high=field["h"] + 1.96 * field["h_se"]
    )
    columns = ["model", "lab", "released", "set", "date", "date_low", "date_high", "h", "low", "high"]
    labs = [lab for lab in field["lab"].value_counts().index if (field["lab"] == lab).sum() > 1]
    chosen = dropdown("time_lab", ["all labs", *labs], "Lab")
    which = dropdown("time_set", ["all models", "core alone"], "Models")
    base = (
        alt.Chart(shown[columns].round(3))
        .transform_filter("time_lab == 'all labs' || datum.lab == time_lab")
        .transform_filter("time_set == 'all models' || datum.set == 'core'")
        .add_params(chosen, which)
    )
    across = alt.Scale(domain=[2024, 2026.5], nice=False, zero=False)
    x = alt.X(
        "date:Q",
        title="Release (middle of what the source leaves open)",
        scale=across,
        axis=alt.Axis(values=[2024.5, 2025, 2025.5, 2026, 2026.5], format=".1f"),
    )
    y = alt.Y("h:Q", title="h (points above the line)", scale=alt.Scale(domain=[-34, 24], nice=False))
    when = base.mark_rule(color=PALETTE["grey"], opacity=0.45).encode(
        alt.X("date_low:Q", scale=across), alt.X2("date_high:Q"), alt.Y("h:Q")
    )
    noise = base.mark_rule(opacity=0.35).encode(x, alt.Y("low:Q"), alt.Y2("high:Q"))
    dots = base.mark_point(filled=True, size=80).encode(
        x,
        y,
        alt.Color("set:N", title="Models", scale=_SET_COLOUR),
        alt.Shape("set:N", title="Models", scale=_SET_SHAPE),
        tooltip=["model", "lab", "released", "h", "low", "high"],
    )
    edges = (
        alt.Chart(pd.DataFrame({"h": [-SPECIALIST_PP, 0, SPECIALIST_PP]}))
        .mark_rule(strokeDash=[4, 4])
        .encode(alt.Y("h:Q"))
    )
    sure = int(((shown["low"] > 0) | (shown["high"] < 0)).sum())
    beyond = int((field["h"].abs() > SPECIALIST_PP).sum())
    means = field.groupby("lab")["h"].agg(["mean", "size"]).loc[labs]
    listed = "; ".join(f"{lab} {row['mean']:+.1f} over {row['size']:.0f}" for lab, row in means.iterrows())
    return put(
        edges + when + noise + dots,
        title="The h-field over time",
        caption=(
            f"n = {len(field)}: {beyond} models lie more than {SPECIALIST_PP:g} points from the line, and item noise leaves the "
            f"sign of h 95% sure for {sure}. Upright bars are item noise, level bars the dates that the source leaves open."
        ),
        alternative=(
            "Dot plot of the residual h of each model against release date, with dashed lines at minus ten, zero and ten. "
            f"Mean h of labs with two or more models: {listed}."
        ),
    )


def saturation_chart(cases: pd.DataFrame, *, threshold: float = 0.2) -> Any:
    """The saturation ratio with and without each of the top models.

    Parameters
    ----------
    cases : pandas.DataFrame
        From ``frontier.benchmark_saturation.saturation_cases`` with a column ``models``.
    threshold : float
        Below it paper B says to rotate the pair of benchmarks.
    """
    which = dropdown("sat_models", order_of(cases, "models"), "Models")
    moved = slider("sat_threshold", 0.05, 1.0, 0.05, threshold, "Rotate below")
    base = (
        alt.Chart(cases.round(4))
        .transform_filter("datum.models == sat_models")
        .transform_calculate(verdict="datum.ratio < sat_threshold ? 'rotate' : 'keep'")
    )
    kinds = ["rotate", "keep"]
    dots = (
        base.mark_point(filled=True, size=110, opacity=1)
        .encode(
            alt.Y("case:N", sort=order_of(cases, "case"), title=None, axis=alt.Axis(labelLimit=170)),
            alt.X(
                "ratio:Q",
                title="Spread on SWE-bench over spread on GPQA",
                scale=alt.Scale(domain=[0, 1.05], nice=False),
            ),
            alt.Color(
                "verdict:N",
                title="The rule says",
                scale=alt.Scale(domain=kinds, range=[PALETTE["vermillion"], PALETTE["blue"]]),
            ),
            alt.Shape(
                "verdict:N",
                title="The rule says",
                scale=alt.Scale(domain=kinds, range=["triangle-left", "circle"]),
            ),
            tooltip=["case", "old_spread", "new_spread", "ratio"],
        )
        .add_params(which, moved)
    )
    at = (
        alt.Chart(pd.DataFrame({"zero": [0]}))
        .transform_calculate(at="sat_threshold + datum.zero")
        .mark_rule(strokeDash=[6, 4])
        .encode(alt.X("at:Q", scale=alt.Scale(domain=[0, 1.05], nice=False)))
    )
    whole = cases[cases["case"] == cases["case"].iloc[0]]
    listed = "; ".join(f"{r.models}, {r.case}: {r.ratio:.2f}" for r in cases.itertuples())
    spans = ", ".join(
        f"{name} {part['ratio'].min():.2f} to {part['ratio'].max():.2f}"
        for name, part in cases.groupby("models", sort=False)
    )
    return put(
        (dots + at).properties(height=230),
        title="One model moves the saturation ratio",
        caption=(
            f"Top five of each set; {int((whole['ratio'] < threshold).sum())} of {len(whole)} sets lie below {threshold:g}. "
            f"Leaving out one model moves the ratio: {spans}."
        ),
        alternative=f"Dot plot of the saturation ratio with each of the top models left out. {listed}.",
    )


def forecast_chart(ahead: pd.DataFrame) -> Any:
    """Scores of later models and what was to be expected of them.

    Parameters
    ----------
    ahead : pandas.DataFrame
        From ``ch09_frontier.labs.prospective``.
    """
    words = {"line": "line", "mean": "mean of all earlier", "recent": "mean of 2026"}
    long = ahead.melt(["model", "gpqa"], list(words), "method", "expected").replace({"method": words})
    chosen = dropdown("forecast_method", list(words.values()), "Forecast")
    base = (
        alt.Chart(long.round(3))
        .transform_filter("datum.method == forecast_method")
        .encode(alt.Y("model:N", sort=list(ahead["model"]), title=None))
        .add_params(chosen)
    )
    across = alt.Scale(domain=[78, 96], nice=False)
    gap = base.mark_rule(color=PALETTE["grey"]).encode(alt.X("expected:Q", scale=across), alt.X2("gpqa:Q"))
    guess = base.mark_point(
        shape="diamond", size=110, color=PALETTE["vermillion"], opacity=1, filled=True
    ).encode(
        alt.X("expected:Q", title=_GPQA_TITLE, scale=across, axis=alt.Axis(values=[80, 84, 88, 92, 96])),
        tooltip=["model", "method", "expected"],
    )
    seen = base.mark_point(filled=True, size=110, color=PALETTE["blue"], opacity=1).encode(
        alt.X("gpqa:Q", scale=across), tooltip=["model", "gpqa"]
    )
    errors = {words[k]: float(np.abs(ahead["gpqa"] - ahead[k]).mean()) for k in words}
    listed = "; ".join(f"{k}, mean error {v:.1f} points" for k, v in errors.items())
    return put(
        (gap + guess + seen).properties(height=190),
        title="Later releases as a test",
        caption=f"n = {len(ahead)} later models, circles; forecasts, diamonds: {listed}.",
        alternative=f"Dot plot of GPQA of later models beside one of three forecasts. {listed}.",
    )


def h_explorer(
    field: pd.DataFrame, line: Line, *, items: Mapping[str, float], swe: float = 80.8, gpqa: float = 91.3
) -> Any:
    """The reader's own two scores among the frontier models.

    Parameters
    ----------
    field : pandas.DataFrame
        From ``frontier.regression.h_field``.
    line : Line
    items : mapping of str to float
        Test items of the two benchmarks by identifier.
    swe, gpqa : float
        Scores at first, percent.
    """
    a, b = round(line.intercept.estimate, 4), round(line.slope.estimate, 4)
    shown = _points(field)[["model", "lab", "released", "set", SWE, GPQA, "h"]].round(2)
    controls = (
        slider("own_swe", 0, 100, 0.1, swe, "SWE-bench Verified"),
        slider("own_gpqa", 0, 100, 0.1, gpqa, "GPQA Diamond"),
    )
    x = alt.X(f"{SWE}:Q", title=_SWE_TITLE, scale=alt.Scale(domain=[0, 100], nice=False))
    y = alt.Y(f"{GPQA}:Q", title=_GPQA_TITLE, scale=alt.Scale(domain=[0, 100], nice=False))
    others = (
        alt.Chart(shown)
        .mark_point(filled=True, size=45, opacity=0.6)
        .encode(
            x,
            y,
            alt.Color("set:N", title="Models", scale=_SET_COLOUR),
            alt.Shape("set:N", title="Models", scale=_SET_SHAPE),
            tooltip=[*_TOOLTIP, "h"],
        )
    )
    own = (
        alt.Chart(pd.DataFrame({"zero": [0]}))
        .transform_calculate(swe="own_swe + datum.zero", gpqa="own_gpqa + datum.zero")
        .transform_calculate(on_line=f"{a} + {b} * datum.swe")
        .transform_calculate(h="datum.gpqa - datum.on_line")
        .transform_calculate(
            half=(
                f"1.96 * sqrt(datum.gpqa * (100 - datum.gpqa) / {items[GPQA]:g} + "
                f"{b * b:.5f} * datum.swe * (100 - datum.swe) / {items[SWE]:g})"
            )
        )
        .transform_calculate(
            label="'h ' + format(datum.h, '+.1f') + ' ± ' + format(datum.half, '.1f') + ': ' + "
            f"(datum.h > {SPECIALIST_PP:g} ? 'reasoning specialist' : datum.h < -{SPECIALIST_PP:g} ? "
            "'coding specialist' : 'cooperative')"
        )
    )
    own_x, own_y = alt.X("swe:Q", title=_SWE_TITLE), alt.Y("gpqa:Q", title=_GPQA_TITLE)
    gap = own.mark_rule(color=PALETTE["purple"], strokeWidth=2).encode(own_x, own_y, alt.Y2("on_line:Q"))
    dot = own.mark_point(shape="diamond", filled=True, size=200, color=PALETTE["purple"], opacity=1).encode(
        own_x, own_y
    )
    words = own.mark_text(align="left", fontSize=14, fontWeight="bold").encode(
        alt.Text("label:N"), x=alt.value(8), y=alt.value(12)
    )
    ends = np.array([0.0, 100.0])
    population = (
        alt.Chart(pd.DataFrame({SWE: ends, GPQA: line.predict(ends)}).round(3))
        .mark_line(color=PALETTE["grey"], strokeDash=[6, 4])
        .encode(x, y)
    )
    named = [f"{r.model} {r.h:+.1f}" for r in shown.itertuples() if r.set == "later"]
    return put(
        (population + others + gap + dot + words).add_params(*controls),
        title="Your model's two scores",
        caption=(
            f"h is the distance from the line of {line.n} published models; ± is the noise of {items[GPQA]:g} and "
            f"{items[SWE]:g} test items. Later models: {', '.join(named)}."
        ),
        alternative=(
            "Scatter plot of frontier models with a dashed line and a diamond that two sliders move. The corner says how "
            "far the diamond lies from the line, with the noise of the tests, and which word paper B has for it."
        ),
    )


def matrix_explorer(r: float) -> Any:
    """Which pairs of correlations with a third benchmark one correlation allows.

    Parameters
    ----------
    r : float
        Correlation of SWE-bench and GPQA; where the slider starts.
    """
    grid = pd.DataFrame({"swe_hle": np.round(np.linspace(-1, 1, 81), 4)})
    half = "sqrt((1 - matrix_r * matrix_r) * (1 - datum.swe_hle * datum.swe_hle))"
    edges = alt.Chart(grid).transform_calculate(
        low=f"matrix_r * datum.swe_hle - {half}", high=f"matrix_r * datum.swe_hle + {half}"
    )
    unit = alt.Scale(domain=[-1, 1], nice=False)
    x = alt.X("swe_hle:Q", title="r of SWE-bench and HLE", scale=unit)
    area = (
        edges.mark_area(color=PALETTE["blue"], opacity=0.3)
        .encode(x, alt.Y("low:Q", title="r of GPQA and HLE", scale=unit), alt.Y2("high:Q"))
        .add_params(slider("matrix_r", -0.99, 0.99, 0.01, round(r, 2), "r of SWE-bench and GPQA"))
    )
    lower = edges.mark_line(color=PALETTE["blue"]).encode(x, alt.Y("low:Q", scale=unit))
    upper = edges.mark_line(color=PALETTE["blue"]).encode(x, alt.Y("high:Q", scale=unit))
    words = (
        alt.Chart(pd.DataFrame({"one": [1]}))
        .transform_calculate(reach="format(sqrt(datum.one - matrix_r * matrix_r), '.2f')")
        .transform_calculate(label="'at 0 across: within ±' + datum.reach")
        .mark_text(align="left", fontWeight="bold")
        .encode(alt.Text("label:N"), x=alt.value(8), y=alt.value(12))
    )
    zero = pd.DataFrame({"at": [0]})
    cross = alt.Chart(zero).mark_rule(strokeDash=[4, 4]).encode(alt.X("at:Q")) + alt.Chart(zero).mark_rule(
        strokeDash=[4, 4]
    ).encode(alt.Y("at:Q"))
    reach = float(np.sqrt(1 - r**2))
    return put(
        area + lower + upper + cross + words,
        title="What three correlations allow each other",
        caption=(
            f"Shaded: pairs that go with r = {r:.2f} of SWE-bench and GPQA. If HLE had r = 0 with SWE-bench, its r with GPQA "
            f"would lie between {-reach:.2f} and {reach:.2f}. No HLE score was released, so no point can be drawn."
        ),
        alternative=(
            "Shaded ellipse in the plane of two correlations, SWE-bench with HLE across and GPQA with HLE up. Points outside "
            "it can come from no data. The ellipse gets thinner as a slider raises the correlation of SWE-bench and GPQA."
        ),
    )
