"""Figures of chapter 08: dimensions of groups, what few models do to them, and axes that turn or do not."""

from __future__ import annotations

from typing import Any

import altair as alt
import pandas as pd

from cape_utils.charts.parts import dropdown, name, order_of, put, size_axis, slider
from cape_utils.charts.rendering import PALETTE

__all__ = ["dimension_chart", "exponent_chart", "flip_chart", "rotation_chart", "small_sample_chart"]

_PLACES = ["inside the null", "outside"]


def _place(table: pd.DataFrame, column: str) -> list[str]:
    inside = table[column].between(table["null_low"], table["null_high"])
    return [_PLACES[0] if one else _PLACES[1] for one in inside]


def dimension_chart(table: pd.DataFrame) -> Any:
    """Participation ratio of each group, its interval, and the range of random groups of its size.

    Parameters
    ----------
    table : pandas.DataFrame
        From ``ch08_eigenstructure.group_spectra.group_dimensions`` with a column ``panel``.
    """
    rows = table.round(4).assign(place=_place(table, "ratio"))
    which = dropdown("dims_panel", order_of(rows, "panel"), "Panel")
    matrix = dropdown("dims_matrix", order_of(rows, "matrix"), "Matrix")
    base = alt.Chart(rows).transform_filter("datum.panel == dims_panel && datum.matrix == dims_matrix")
    y = alt.Y("group:N", sort=order_of(rows, "group"), title=None)
    across = alt.Scale(domain=[1, 2.2], nice=False)
    band = base.mark_rule(strokeWidth=12, color=PALETTE["grey"], opacity=0.35, clip=True).encode(
        y, alt.X("null_low:Q", scale=across), alt.X2("null_high:Q")
    )
    shade = alt.Color(
        "place:N",
        title="Data",
        scale=alt.Scale(domain=_PLACES, range=[PALETTE["blue"], PALETTE["vermillion"]]),
    )
    bars = base.mark_rule(strokeWidth=2.5, clip=True).encode(
        y, alt.X("low:Q", scale=across), alt.X2("high:Q"), shade
    )
    points = (
        base.mark_point(filled=True, size=110, opacity=1)
        .encode(
            y,
            alt.X("ratio:Q", title="Participation ratio (dimensions)", scale=across),
            shade,
            alt.Shape(
                "place:N", title="Data", scale=alt.Scale(domain=_PLACES, range=["circle", "triangle-up"])
            ),
            tooltip=["group", "n", "families", "ratio", "low", "high", "null", "null_low", "null_high"],
        )
        .add_params(which, matrix)
    )
    first = rows[(rows["panel"] == rows["panel"].iloc[0]) & (rows["matrix"] == rows["matrix"].iloc[0])]
    outside = list(first.loc[first["place"] == _PLACES[1], "group"])
    listed = "; ".join(
        f"{r.group}, {r.n} models: {r.ratio:.2f} ({r.low:.2f} to {r.high:.2f}), random {r.null_low:.2f} to {r.null_high:.2f}"
        for r in first.itertuples()
    )
    return put(
        (band + bars + points).properties(height=290),
        title="Dimensions of phases and of size bands",
        caption=(
            f"{first['panel'].iloc[0].capitalize()}, {first['matrix'].iloc[0]}: outside the range of random groups "
            f"{'lie ' + ', '.join(outside) if outside else 'lies none'}. n = {first['n'].min()} to {first['n'].max()} "
            "models a group; lines are bootstraps over families, grey bands random groups of the same size."
        ),
        alternative=f"Interval plot of the participation ratio, one row a group, on a grey band for random groups. {listed}.",
    )


def small_sample_chart(curve: pd.DataFrame, points: pd.DataFrame) -> Any:
    """What n models drawn from one population give for the participation ratio.

    Parameters
    ----------
    curve : pandas.DataFrame
        From ``scaling.spectrum.small_sample`` with a column ``case``, one row for each case and n.
    points : pandas.DataFrame
        Groups of the data: ``case, group, n, ratio``.
    """
    cases = order_of(curve, "case")
    which = dropdown("few_case", cases, "Population")
    at = slider("few_n", int(curve["n"].min()), int(curve["n"].max()), 1, 3, "Models")
    across = alt.X(
        "n:Q",
        title="Models (log scale)",
        scale=alt.Scale(type="log", nice=False, padding=8),
        axis=alt.Axis(values=[2, 3, 5, 10, 20, 40, 60], format="~g"),
    )
    scale = alt.Scale(zero=False, nice=True)
    base = alt.Chart(curve.round(4)).transform_filter("datum.case == few_case")
    band = base.mark_area(color=PALETTE["grey"], opacity=0.3).encode(
        across,
        alt.Y("low:Q", title="Participation ratio (dimensions)", scale=scale),
        alt.Y2("high:Q"),
    )
    mean = base.mark_line(color=PALETTE["blue"]).encode(across, alt.Y("mean:Q")).add_params(which, at)
    whole = base.mark_line(color=PALETTE["grey"], strokeDash=[6, 4]).encode(across, alt.Y("population:Q"))
    groups = (
        alt.Chart(points.round(4))
        .transform_filter("datum.case == few_case")
        .mark_point(filled=True, shape="diamond", size=110, opacity=1, color=PALETTE["vermillion"])
        .encode(across, alt.Y("ratio:Q"), tooltip=["group", "n", "ratio"])
    )
    here = base.transform_filter("datum.n == few_n").transform_calculate(
        label="'n = ' + datum.n + ': ' + format(datum.mean, '.2f') + ' [' + format(datum.low, '.2f')"
        " + ', ' + format(datum.high, '.2f') + ']'"
    )
    mark = here.mark_point(
        shape="square", size=160, color=PALETTE["blue"], strokeWidth=3, filled=False
    ).encode(across, alt.Y("mean:Q"))
    words = here.mark_text(align="left", fontWeight="bold", fontSize=13).encode(
        alt.Text("label:N"), x=alt.value(8), y=alt.value(-8)
    )
    first = curve[curve["case"] == cases[0]]
    three = first[first["n"] == 3].iloc[0]
    listed = "; ".join(
        f"{r.group}, {r.n} models, {r.ratio:.2f}" for r in points[points["case"] == cases[0]].itertuples()
    )
    return put(
        band + mean + whole + groups + mark + words,
        title="Few models, few dimensions",
        caption=(
            f"{cases[0][0].upper()}{cases[0][1:]}: the population has {three['population']:.2f} dimensions; "
            f"n = 3 models drawn from it give "
            f"{three['mean']:.2f} on average, 95% between {three['low']:.2f} and {three['high']:.2f}, and at most "
            f"{three['most']:.0f}. Diamonds are groups of the data."
        ),
        alternative=(
            "Line chart: expected participation ratio against the number of models, rising to the dashed value of the "
            f"population, with a wide band on the left that narrows to the right. Diamonds: {listed}."
        ),
    )


def rotation_chart(table: pd.DataFrame, *, first: str) -> Any:
    """Loadings of the second axis in windows over the sizes of a family.

    Parameters
    ----------
    table : pandas.DataFrame
        From ``ch08_eigenstructure.rolling_spectrum.rotation``, one component, with columns ``copy, set, windows,
        sign``, each a choice.
    first : str
        What is found in the choices shown at first, for the caption.
    """
    used = ["copy", "set", "windows", "sign", "last_b", "n", "benchmark", "loading"]
    rows = table[used].round(3)
    rows = rows.assign(benchmark=rows["benchmark"].map(name).str.replace(" MC2|-Challenge", "", regex=True))
    labels = order_of(rows, "benchmark")
    hues = ["blue", "vermillion", "green", "orange", "grey"]
    shapes = ["circle", "square", "triangle-up", "diamond", "cross"]
    controls = {
        "copy": ("turn_copy", "Copy"),
        "set": ("turn_set", "Benchmarks"),
        "windows": ("turn_windows", "Windows"),
        "sign": ("turn_sign", "Positive"),
    }
    chosen = [dropdown(key, order_of(rows, column), label) for column, (key, label) in controls.items()]
    keep = " && ".join(f"datum.{column} == {key}" for column, (key, _) in controls.items())
    base = (
        alt.Chart(rows)
        .transform_filter(keep)
        .encode(
            size_axis("last_b", "Largest model of the window (billion parameters)"),
            alt.Y("loading:Q", title="Loading", scale=alt.Scale(domain=[-1, 1], nice=False)),
            alt.Color(
                "benchmark:N",
                title=None,
                sort=labels,
                scale=alt.Scale(domain=labels, range=[PALETTE[h] for h in hues[: len(labels)]]),
                legend=alt.Legend(columns=3),
            ),
        )
    )
    lines = base.mark_line(opacity=0.6).add_params(*chosen)
    points = base.mark_point(filled=True, size=90, opacity=1).encode(
        alt.Shape(
            "benchmark:N",
            title=None,
            sort=labels,
            scale=alt.Scale(domain=labels, range=shapes[: len(labels)]),
            legend=alt.Legend(columns=3),
        ),
        tooltip=["benchmark", "loading", "last_b", "n"],
    )
    zero = alt.Chart(pd.DataFrame({"y": [0.0]})).mark_rule(strokeDash=[4, 4]).encode(alt.Y("y:Q"))
    start = rows.iloc[0]
    shown = rows[(rows[list(controls)] == start[list(controls)]).all(axis=1)]
    tqa = shown[shown["benchmark"] == "TruthfulQA"]
    path = ", ".join(f"{r.loading:+.2f} up to {r.last_b:g}B" for r in tqa.itertuples())
    return put(
        zero + lines + points,
        title="Does the second axis turn with scale?",
        caption=f"{first} n = {shown['n'].min()} to {shown['n'].max()} models a window.",
        alternative=(
            "Line chart of the loadings of each benchmark on the second principal axis, window by window from small to large "
            f"models. At first, TruthfulQA: {path}."
        ),
    )


def exponent_chart(table: pd.DataFrame, *, quoted: float) -> Any:
    """Exponent of the second eigenvalue under every reading, with item noise and with straight lines.

    Parameters
    ----------
    table : pandas.DataFrame
        From ``ch08_eigenstructure.recompute.exponent_table`` with a column ``benchmarks``.
    quoted : float
        The paper's exponent, drawn as a line.
    """
    start = {"expanding": "expanding from ", "sliding": "sliding by "}
    rows = table.assign(window=table["kind"].map(start) + table["length"].astype(str)).round(3)
    rows["inside"] = _place(rows, "exponent")
    controls = {
        "copy": ("power_copy", "Copy"),
        "against": ("power_size", "N"),
        "benchmarks": ("power_set", "Benchmarks"),
    }
    chosen = [dropdown(key, order_of(rows, column), label) for column, (key, label) in controls.items()]
    keep = " && ".join(f"datum.{column} == {key}" for column, (key, _) in controls.items())
    base = alt.Chart(rows).transform_filter(keep)
    across = alt.Scale(domain=[-1.6, 1.6], nice=False)
    y = alt.Y("window:N", sort=order_of(rows, "window"), title=None)
    band = base.mark_rule(strokeWidth=12, color=PALETTE["grey"], opacity=0.35, clip=True).encode(
        y, alt.X("null_low:Q", scale=across), alt.X2("null_high:Q")
    )
    shade = alt.Color(
        "inside:N",
        title="Data",
        scale=alt.Scale(domain=_PLACES, range=[PALETTE["blue"], PALETTE["vermillion"]]),
    )
    bars = base.mark_rule(strokeWidth=2.5, clip=True).encode(
        y, alt.X("noise_low:Q", scale=across), alt.X2("noise_high:Q"), shade
    )
    points = (
        base.mark_point(filled=True, size=110, opacity=1)
        .encode(
            y,
            alt.X("exponent:Q", title="Exponent of the second eigenvalue", scale=across),
            shade,
            alt.Shape(
                "inside:N", title="Data", scale=alt.Scale(domain=_PLACES, range=["circle", "triangle-up"])
            ),
            tooltip=["reading", "exponent", "noise_low", "noise_high", "null", "null_low", "null_high"],
        )
        .add_params(*chosen)
    )
    paper = (
        alt.Chart(pd.DataFrame({"x": [quoted]}))
        .mark_rule(color=PALETTE["vermillion"], strokeDash=[6, 4])
        .encode(alt.X("x:Q", scale=across))
    )
    whole = rows[rows["benchmarks"] == rows["benchmarks"].iloc[0]]
    inside = int((whole["inside"] == _PLACES[0]).sum())
    listed = "; ".join(f"{r.reading} {r.exponent:.2f}" for r in whole.itertuples())
    return put(
        (band + paper + bars + points).properties(height=230),
        title="One exponent, many readings",
        caption=(
            f"{len(whole)} readings of eight Pythia models: {whole['exponent'].min():.2f} to {whole['exponent'].max():.2f}; "
            f"{inside} lie where straight lines with the same scatter put them (grey). The dashed line is the paper's "
            f"{quoted:g}; thin lines are item noise."
        ),
        alternative=f"Interval plot of exponents with a dashed line at the paper's. {listed}.",
    )


def flip_chart(table: pd.DataFrame, *, quoted: tuple[float, float]) -> Any:
    """TruthfulQA's loading on the second eigenvector in a first and a last window, for each convention of sign.

    Parameters
    ----------
    table : pandas.DataFrame
        From ``ch08_eigenstructure.recompute.flip_table``.
    quoted : (float, float)
        The two loadings that the paper quotes.
    """
    ends = ["small models", "large models"]
    rows = table.round(3).assign(convention=table["positive"].map(name) + " positive")
    copies, conventions = order_of(rows, "copy"), order_of(rows, "convention")
    paper = pd.DataFrame(
        [
            {"copy": c, "convention": s, "windows": "as quoted", "first": quoted[0], "last": quoted[1]}
            for c in copies
            for s in conventions
        ]
    )
    rows = pd.concat([paper, rows[list(paper.columns)]], ignore_index=True)
    long = rows.melt(["copy", "convention", "windows"], ["first", "last"], "end", "loading")
    long["end"] = long["end"].map(dict(zip(("first", "last"), ends, strict=True)))
    keep = "datum.copy == flip_copy && datum.convention == flip_sign"
    across = alt.Scale(domain=[-1, 1], nice=False)
    y = alt.Y("windows:N", sort=order_of(rows, "windows"), title=None, axis=alt.Axis(labelLimit=180))
    paths = (
        alt.Chart(rows)
        .transform_filter(keep)
        .mark_rule(color=PALETTE["grey"], strokeWidth=2)
        .encode(y, alt.X("first:Q", title="Loading of TruthfulQA", scale=across), alt.X2("last:Q"))
        .add_params(
            dropdown("flip_sign", conventions, "Sign convention"),
            dropdown("flip_copy", copies, "Copy"),
        )
    )
    points = (
        alt.Chart(long)
        .transform_filter(keep)
        .mark_point(filled=True, size=110, opacity=1)
        .encode(
            y,
            alt.X("loading:Q", scale=across),
            alt.Color(
                "end:N",
                title=None,
                scale=alt.Scale(domain=ends, range=[PALETTE["orange"], PALETTE["blue"]]),
            ),
            alt.Shape("end:N", title=None, scale=alt.Scale(domain=ends, range=["circle", "square"])),
            tooltip=["windows", "end", "loading"],
        )
    )
    zero = (
        alt.Chart(pd.DataFrame({"x": [0.0]})).mark_rule(strokeDash=[4, 4]).encode(alt.X("x:Q", scale=across))
    )
    signs = {
        label: int(((part["first"] > 0) & (part["last"] < 0)).sum())
        for label, part in table.groupby(table["positive"].map(name), sort=False)
    }
    each = len(table) // len(signs)
    counted = ", ".join(f"{count} of {each} with {label} positive" for label, count in signs.items())
    listed = "; ".join(
        f"{r.copy}, {r.windows}, {r.positive} positive: {r.first:+.2f} to {r.last:+.2f}"
        for r in table.itertuples()
    )
    return put(
        (zero + paths + points).properties(height=230),
        title="The flip, and the sign that was chosen",
        caption=(
            f"From positive to negative, as quoted ({quoted[0]:+.2f} to {quoted[1]:+.2f}): {counted}. n = 3 to 8 Pythia "
            "models a window."
        ),
        alternative=f"Dumbbell plot of a loading in small and in large models. {listed}.",
    )
