"""Figures of chapter 09: coding and reasoning at the frontier, lab by lab."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from cape_utils.chapters.ch09_frontier import captions
from cape_utils.charts.parts import (
    choice,
    dropdown,
    follow,
    marks,
    order_of,
    put,
    rule_at,
    slider,
    spread,
)
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
_SET = marks(
    "set:N",
    "Models",
    {"core": ("blue", "circle"), "extended": ("orange", "square"), "later": ("vermillion", "triangle-up")},
)
_METHODS = {"line": "line", "mean": "mean of all earlier", "recent": "mean of 2026"}
_VERDICTS = {"rotate": ("vermillion", "triangle-left"), "keep": ("blue", "circle")}
_SWE_TITLE, _GPQA_TITLE = "SWE-bench Verified (percent)", "GPQA Diamond (percent)"
_SCORES = ["model", "lab", "released", SWE, GPQA]


def _points(table: pd.DataFrame) -> pd.DataFrame:
    return table.assign(set=table["subset"].map(_SET_WORDS))


def _score_axes(swe: tuple[float, float], gpqa: tuple[float, float]) -> tuple[alt.X, alt.Y]:
    return (
        alt.X(f"{SWE}:Q", title=_SWE_TITLE, scale=alt.Scale(domain=list(swe), nice=False)),
        alt.Y(f"{GPQA}:Q", title=_GPQA_TITLE, scale=alt.Scale(domain=list(gpqa), nice=False)),
    )


def _line_rows(line: Line, low: float, high: float, lab: str = "population") -> pd.DataFrame:
    ends = np.array([low, high])
    return pd.DataFrame({"lab": lab, SWE: ends, GPQA: line.predict(ends)}).round(3)


def _lab_rows(lines: Mapping[str, Line]) -> pd.DataFrame:
    """Each lab's line over the scores of its models."""
    return pd.concat([_line_rows(line, line.low_x, line.high_x, lab) for lab, line in lines.items()])


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
    rows = _points(table)[["model", "lab", "released", "set", SWE, GPQA]]
    lab, of_lab = choice(rows, "lab", "scatter_lab", "Lab", every="all labs")
    x, y = _score_axes((10, 95), (35, 100))
    dots = (
        alt.Chart(rows)
        .transform_filter(of_lab)
        .mark_point(filled=True, size=80)
        .encode(x, y, **_SET, tooltip=_SCORES)
    )
    population = alt.Chart(_line_rows(line, 15, 90)).mark_line(color=PALETTE["grey"], strokeDash=[6, 4])
    labs = alt.Chart(_lab_rows(lines)).transform_filter("datum.lab == scatter_lab")
    return follow(
        population.encode(x, y) + labs.mark_line(color=PALETTE["purple"], clip=True).encode(x, y) + dots,
        [lab],
        lambda shown: captions.scatter(rows, line, lines, shown),
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
    ends = {f"bar_{end}": slopes[end].clip(*limit) for end in ("low", "high")}
    models, of_models = choice(slopes, "models", "slope_models", "Models")
    across = alt.Scale(domain=list(limit), nice=False)
    base = (
        alt.Chart(slopes.drop(columns="p").assign(**ends).round(4))
        .transform_filter(of_models)
        .encode(alt.Y("lab:N", title=None, sort=order_of(slopes, "lab")))
    )
    bars = spread(base, "bar_low", "bar_high", "x", strokeWidth=2.5, color=PALETTE["blue"])
    points = base.mark_point(filled=True, size=110, opacity=1, color=PALETTE["blue"]).encode(
        alt.X("slope:Q", title="Points of GPQA for a point of SWE-bench", scale=across),
        tooltip=["lab", "n", "slope", "low", "high"],
    )
    rule = (
        alt.Chart(pd.DataFrame({"models": common.keys(), "slope": common.values()}).round(4))
        .transform_filter(of_models)
        .mark_rule(color=PALETTE["vermillion"], strokeDash=[6, 4])
        .encode(alt.X("slope:Q", scale=across))
    )
    return follow(
        (rule + bars + points).properties(height=200),
        [models],
        lambda models: captions.slopes(slopes, common, models=models, limit=limit),
    )


def _time_rows(field: pd.DataFrame) -> pd.DataFrame:
    """Residuals with the 95% range that item noise leaves."""
    half = 1.96 * field["h_se"]
    rows = _points(field).assign(low=field["h"] - half, high=field["h"] + half)
    return rows[["model", "lab", "released", "set", "date", "date_low", "date_high", "h", "low", "high"]]


def h_timeline(field: pd.DataFrame) -> Any:
    """The residual of every model against its date of release.

    Parameters
    ----------
    field : pandas.DataFrame
        From ``frontier.regression.h_field`` over ``frontier.regression.models("all")``.
    """
    rows = _time_rows(field)
    labs = [str(lab) for lab in field["lab"].value_counts().index]
    controls = [
        dropdown("time_lab", ["all labs", *labs], "Lab"),
        dropdown("time_set", ["all models", "core alone"], "Models"),
    ]
    base = (
        alt.Chart(rows.round(3))
        .transform_filter("time_lab == 'all labs' || datum.lab == time_lab")
        .transform_filter("time_set == 'all models' || datum.set == 'core'")
    )
    x = alt.X(
        "date:Q",
        title="Release (middle of what the source leaves open)",
        scale=alt.Scale(domain=[2024, 2026.5], nice=False, zero=False),
        axis=alt.Axis(values=[2024.5, 2025, 2025.5, 2026, 2026.5], format=".1f"),
    )
    y = alt.Y("h:Q", title="h (points above the line)", scale=alt.Scale(domain=[-34, 24], nice=False))
    when = spread(
        base.encode(alt.Y("h:Q")), "date_low", "date_high", "x", color=PALETTE["grey"], opacity=0.45
    )
    noise = spread(base.encode(x), "low", "high", opacity=0.35)
    dots = base.mark_point(filled=True, size=80).encode(
        x, y, **_SET, tooltip=["model", "lab", "released", "h", "low", "high"]
    )
    edges = alt.Chart(pd.DataFrame({"h": [-SPECIALIST_PP, 0, SPECIALIST_PP]})).mark_rule(strokeDash=[4, 4])
    # The models that the title counts are named where there is room.
    far = base.transform_filter(f"width > 600 && abs(datum.h) > {SPECIALIST_PP:g}")
    places: list[tuple[str, Any, int, int]] = [
        ("datum.h > 0", "right", -9, -3),
        ("datum.h < 0 && datum.date < 2025.75", "left", 7, 9),
        ("datum.h < 0 && datum.date >= 2025.75", "center", 0, 18),  # beside it the axis ends
    ]
    names: list[Any] = [
        far.transform_filter(where)
        .mark_text(align=align, dx=dx, dy=dy, fontSize=11)
        .encode(x, y, alt.Text("model:N"))
        for where, align, dx, dy in places
    ]
    return follow(
        alt.layer(edges.encode(alt.Y("h:Q")), when, noise, dots, *names),
        controls,
        lambda lab, models: captions.h_timeline(rows, lab, models),
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
    # It opens on the set in which leaving out one model moves the ratio most.
    reach = cases.groupby("models", sort=False)["ratio"].agg(lambda ratio: ratio.max() - ratio.min())
    models, of_models = choice(cases, "models", "sat_models", "Models", value=str(reach.idxmax()))
    across = alt.Scale(domain=[0, 1.05], nice=False)
    dots = (
        alt.Chart(cases.round(4))
        .transform_filter(of_models)
        .transform_calculate(verdict="datum.ratio < sat_threshold ? 'rotate' : 'keep'")
        .mark_point(filled=True, size=110, opacity=1)
        .encode(
            alt.Y("case:N", sort=order_of(cases, "case"), title=None, axis=alt.Axis(labelLimit=170)),
            alt.X("ratio:Q", title="Spread on SWE-bench over spread on GPQA", scale=across),
            **marks("verdict:N", "The rule says", _VERDICTS),
            tooltip=["case", "old_spread", "new_spread", "ratio"],
        )
    )
    at = (
        alt.Chart(pd.DataFrame({"zero": [0]}))
        .transform_calculate(at="sat_threshold + datum.zero")
        .mark_rule(strokeDash=[6, 4])
        .encode(alt.X("at:Q", scale=across))
    )
    return follow(
        (dots + at).properties(height=230),
        [models, slider("sat_threshold", 0.05, 1.0, 0.05, threshold, "Rotate below")],
        lambda models, threshold: captions.saturation(cases, threshold, models),
    )


def forecast_chart(ahead: pd.DataFrame) -> Any:
    """Scores of later models and what was to be expected of them.

    Parameters
    ----------
    ahead : pandas.DataFrame
        From ``ch09_frontier.labs.prospective``.
    """
    rows = ahead.melt(["model", "gpqa"], list(_METHODS), "method", "expected").replace({"method": _METHODS})
    method, of_method = choice(rows, "method", "forecast_method", "Forecast")
    base = (
        alt.Chart(rows.round(3))
        .transform_filter(of_method)
        .encode(alt.Y("model:N", sort=list(ahead["model"]), title=None))
    )
    across = alt.Scale(domain=[76, 100], nice=False)  # room for the words beside the marks
    gap = base.mark_rule(color=PALETTE["grey"]).encode(alt.X("expected:Q", scale=across), alt.X2("gpqa:Q"))
    guess = base.mark_point(
        shape="diamond", size=110, color=PALETTE["vermillion"], opacity=1, filled=True
    ).encode(
        alt.X("expected:Q", title=_GPQA_TITLE, scale=across, axis=alt.Axis(values=[76, 82, 88, 94, 100])),
        tooltip=["model", "method", "expected"],
    )
    seen = base.mark_point(filled=True, size=110, color=PALETTE["blue"], opacity=1).encode(
        alt.X("gpqa:Q", scale=across), tooltip=["model", "gpqa"]
    )
    # Two words beside the first row spare a legend; the smaller value has its word on its left.
    first = base.transform_filter(f"datum.model == {json.dumps(str(ahead['model'].iloc[0]))}")
    sides: list[tuple[str, Any, int]] = [("<=", "right", -9), (">", "left", 9)]
    words: list[Any] = [
        first.transform_filter(f"datum.{own} {side} datum.{other}")
        .mark_text(align=align, dx=dx, fontSize=12)
        .encode(alt.X(f"{own}:Q", scale=across), text=alt.value(word))
        for own, other, word in (
            ("expected", "gpqa", "forecast"),
            ("gpqa", "expected", "score"),
        )
        for side, align, dx in sides
    ]
    return follow(
        alt.layer(gap, guess, seen, *words).properties(height=190),
        [method],
        lambda words: captions.forecasts(ahead, _METHODS, words),
    )


def _reader_point(line: Line, items: Mapping[str, float]) -> Any:
    """The reader's two scores with h, the noise of the tests and the paper's word, computed from two sliders."""
    a, b = round(line.intercept.estimate, 4), round(line.slope.estimate, 4)
    half = (
        f"1.96 * sqrt(datum.gpqa * (100 - datum.gpqa) / {items[GPQA]:g} + "
        f"{b * b:.5f} * datum.swe * (100 - datum.swe) / {items[SWE]:g})"
    )
    position = (
        f"(datum.h > {SPECIALIST_PP:g} ? 'reasoning specialist' : datum.h < -{SPECIALIST_PP:g} ? "
        "'coding specialist' : 'cooperative')"
    )
    label = f"'h ' + format(datum.h, '+.1f') + ' ± ' + format(datum.half, '.1f') + ': ' + {position}"
    return (
        alt.Chart(pd.DataFrame({"zero": [0]}))
        .transform_calculate(swe="own_swe + datum.zero", gpqa="own_gpqa + datum.zero")
        .transform_calculate(on_line=f"{a} + {b} * datum.swe")
        .transform_calculate(h="datum.gpqa - datum.on_line")
        .transform_calculate(half=half)
        .transform_calculate(label=label)
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
    rows = _points(field)[["model", "lab", "released", "set", SWE, GPQA, "h"]].round(2)
    x, y = _score_axes((0, 100), (0, 100))
    others = (
        alt.Chart(rows)
        .mark_point(filled=True, size=45, opacity=0.6)
        .encode(x, y, **_SET, tooltip=[*_SCORES, "h"])
    )
    base = _reader_point(line, items)
    point = base.encode(alt.X("swe:Q", title=_SWE_TITLE), alt.Y("gpqa:Q", title=_GPQA_TITLE))
    gap = point.mark_rule(color=PALETTE["purple"], strokeWidth=2).encode(alt.Y2("on_line:Q"))
    dot = point.mark_point(shape="diamond", filled=True, size=200, color=PALETTE["purple"], opacity=1)
    words = base.mark_text(align="left", fontSize=14, fontWeight="bold").encode(
        alt.Text("label:N"), x=alt.value(8), y=alt.value(12)
    )
    population = alt.Chart(_line_rows(line, 0, 100)).mark_line(color=PALETTE["grey"], strokeDash=[6, 4])
    controls = (
        slider("own_swe", 0, 100, 0.1, swe, "SWE-bench Verified"),
        slider("own_gpqa", 0, 100, 0.1, gpqa, "GPQA Diamond"),
    )
    # The corner has h of the scores chosen.
    return put(
        (population.encode(x, y) + others + gap + dot + words).add_params(*controls),
        **captions.h_explorer(field, line, items),
    )


def matrix_explorer(r: float) -> Any:
    """Which pairs of correlations with a third benchmark one correlation allows.

    Parameters
    ----------
    r : float
        Correlation of SWE-bench and GPQA; where the slider starts.
    """
    half = "sqrt((1 - matrix_r * matrix_r) * (1 - datum.swe_hle * datum.swe_hle))"
    unit = alt.Scale(domain=[-1, 1], nice=False)
    edges = (
        alt.Chart(pd.DataFrame({"swe_hle": np.round(np.linspace(-1, 1, 81), 4)}))
        .transform_calculate(
            low=f"matrix_r * datum.swe_hle - {half}", high=f"matrix_r * datum.swe_hle + {half}"
        )
        .encode(alt.X("swe_hle:Q", title="r of SWE-bench and HLE", scale=unit))
    )
    area = (
        edges.mark_area(color=PALETTE["blue"], opacity=0.3)
        .encode(alt.Y("low:Q", title="r of GPQA and HLE", scale=unit), alt.Y2("high:Q"))
        .add_params(slider("matrix_r", -0.99, 0.99, 0.01, round(r, 2), "r of SWE-bench and GPQA"))
    )
    border = edges.mark_line(color=PALETTE["blue"])
    lower, upper = (border.encode(alt.Y(f"{end}:Q", scale=unit)) for end in ("low", "high"))
    words = (
        alt.Chart(pd.DataFrame({"one": [1]}))
        .transform_calculate(reach="format(sqrt(datum.one - matrix_r * matrix_r), '.2f')")
        .transform_calculate(label="'at 0 across: within ±' + datum.reach")
        .mark_text(align="left", fontWeight="bold")
        .encode(alt.Text("label:N"), x=alt.value(8), y=alt.value(12))
    )
    # The corner has the range for the r chosen; the words are about the r measured.
    return put(area + lower + upper + rule_at(0, "x") + rule_at(0, "y") + words, **captions.matrix(r))
