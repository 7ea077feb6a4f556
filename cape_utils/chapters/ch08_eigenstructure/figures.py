"""Figures of chapter 08: dimensions of groups, what few models do to them, and axes that turn or do not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import altair as alt
import pandas as pd

from cape_utils.chapters.ch08_eigenstructure import captions
from cape_utils.charts.parts import (
    choice,
    follow,
    log_axis,
    marks,
    name,
    order_of,
    put,
    rule_at,
    size_axis,
    slider,
)
from cape_utils.charts.rendering import PALETTE

__all__ = ["dimension_chart", "exponent_chart", "flip_chart", "rotation_chart", "small_sample_chart"]

_INSIDE, _OUTSIDE = "inside the null", "outside"
_PLACES = {_INSIDE: ("blue", "circle"), _OUTSIDE: ("vermillion", "triangle-up")}


def _beside_null(table: pd.DataFrame, column: str, **mapping: Any) -> pd.DataFrame:
    """The rows, rounded, with where an estimate lies: ``outside`` (bool) and in words in the column ``place``."""
    outside = ~table[column].between(table["null_low"], table["null_high"])
    return table.assign(outside=outside, place=outside.map({True: _OUTSIDE, False: _INSIDE}), **mapping)


def _null_layers(
    base: Any, x: str, title: str, ends: tuple[str, str], domain: Sequence[float], tooltip: Sequence[str]
) -> tuple[Any, Any, Any]:
    """A grey band for the null, a thin line for the interval, and a mark for the estimate."""
    across = alt.Scale(domain=list(domain), nice=False)
    place = marks("place:N", "Data", _PLACES)
    band = base.mark_rule(strokeWidth=12, color=PALETTE["grey"], opacity=0.35, clip=True)
    bars = base.mark_rule(strokeWidth=2.5, clip=True)
    points = base.mark_point(filled=True, size=110, opacity=1)
    return (
        band.encode(alt.X("null_low:Q", scale=across), alt.X2("null_high:Q")),
        bars.encode(alt.X(f"{ends[0]}:Q", scale=across), alt.X2(f"{ends[1]}:Q"), place["color"]),
        points.encode(alt.X(f"{x}:Q", title=title, scale=across), **place, tooltip=list(tooltip)),
    )


def dimension_chart(table: pd.DataFrame) -> Any:
    """Participation ratio of each group, its interval, and the range of random groups of its size.

    Parameters
    ----------
    table : pandas.DataFrame
        From ``ch08_eigenstructure.group_spectra.group_dimensions`` with a column ``panel``.
    """
    rows = _beside_null(table.round(4), "ratio")
    which, of_panel = choice(rows, "panel", "dims_panel", "Panel")
    matrix, of_matrix = choice(rows, "matrix", "dims_matrix", "Matrix")
    base = (
        alt.Chart(rows.drop(columns="outside"))
        .transform_filter(f"{of_panel} && {of_matrix}")
        .encode(alt.Y("group:N", sort=order_of(rows, "group"), title=None))
    )
    tooltip = ["group", "n", "families", "ratio", "low", "high", "null", "null_low", "null_high"]
    band, bars, points = _null_layers(
        base, "ratio", "Participation ratio (dimensions)", ("low", "high"), [1, 2.2], tooltip
    )
    return follow(
        (band + bars + points).properties(height=290),
        [which, matrix],
        lambda panel, matrix: captions.dimensions(rows, panel, matrix),
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
    which, of_case = choice(curve, "case", "few_case", "Population")
    at = slider("few_n", int(curve["n"].min()), int(curve["n"].max()), 1, 3, "Models")
    across = log_axis("n", "Models (log scale)", [2, 3, 5, 10, 20, 40, 60], padding=8)
    scale = alt.Scale(zero=False, nice=True)
    base = alt.Chart(curve.round(4)).transform_filter(of_case).encode(across)
    band = base.mark_area(color=PALETTE["grey"], opacity=0.3).encode(
        alt.Y("low:Q", title="Participation ratio (dimensions)", scale=scale), alt.Y2("high:Q")
    )
    mean = base.mark_line(color=PALETTE["blue"]).encode(alt.Y("mean:Q"))
    population = base.mark_line(color=PALETTE["grey"], strokeDash=[6, 4]).encode(alt.Y("population:Q"))
    groups = (
        alt.Chart(points.round(4))
        .transform_filter(of_case)
        .mark_point(filled=True, shape="diamond", size=110, opacity=1, color=PALETTE["vermillion"])
        .encode(across, alt.Y("ratio:Q"), tooltip=["group", "n", "ratio"])
    )
    return follow(
        band + mean + population + groups + _at_slider(curve, of_case, across),
        [which, at],
        lambda case, n: captions.small_sample(curve, points, case, int(n)),
    )


def _at_slider(curve: pd.DataFrame, of_case: str, across: alt.X) -> Any:
    """A mark and its numbers at the number of models that the slider stands at."""
    base = (
        alt.Chart(curve.round(4))
        .transform_filter(of_case)
        .transform_filter("datum.n == few_n")
        .transform_calculate(
            label="'n = ' + datum.n + ': ' + format(datum.mean, '.2f') + ' [' + format(datum.low, '.2f')"
            " + ', ' + format(datum.high, '.2f') + ']'"
        )
    )
    mark = base.mark_point(shape="square", size=160, color=PALETTE["blue"], strokeWidth=3, filled=False)
    words = base.mark_text(align="left", fontWeight="bold", fontSize=13)
    return mark.encode(across, alt.Y("mean:Q")) + words.encode(
        alt.Text("label:N"), x=alt.value(8), y=alt.value(-8)
    )


def rotation_chart(table: pd.DataFrame, *, first: str) -> Any:
    """Loadings of the second axis in windows over the sizes of a family.

    Parameters
    ----------
    table : pandas.DataFrame
        From ``ch08_eigenstructure.rolling_spectrum.rotation``, one component, with columns ``copy, set, windows,
        sign``, each a choice.
    first : str
        What is found over all windows, for the caption.
    """
    rows = table[["copy", "set", "windows", "sign", "last_b", "n", "benchmark", "loading"]].round(3)
    rows = rows.assign(benchmark=rows["benchmark"].map(name).str.replace(" MC2|-Challenge", "", regex=True))
    controls = {
        "copy": ("turn_copy", "Copy"),
        "set": ("turn_set", "Benchmarks"),
        "windows": ("turn_windows", "Windows"),
        "sign": ("turn_sign", "Positive"),
    }
    chosen, keep = _choices(rows, controls)
    labels = order_of(rows, "benchmark")
    looks = zip(
        ("blue", "vermillion", "green", "orange", "grey"),
        ("circle", "square", "triangle-up", "diamond", "cross"),
        strict=True,
    )
    kinds = marks("benchmark:N", None, dict(zip(labels, looks, strict=False)), columns=3)
    base = (
        alt.Chart(rows)
        .transform_filter(keep)
        .encode(
            size_axis("last_b", "Largest model of the window (billion parameters)"),
            alt.Y("loading:Q", title="Loading", scale=alt.Scale(domain=[-1, 1], nice=False)),
            kinds["color"].sort(labels),
        )
    )
    lines = base.mark_line(opacity=0.6)
    points = base.mark_point(filled=True, size=90, opacity=1).encode(
        kinds["shape"].sort(labels), tooltip=["benchmark", "loading", "last_b", "n"]
    )
    return follow(
        rule_at(0.0) + lines + points,
        chosen,
        lambda *values: captions.rotation(_chosen(rows, controls, values), first, values),
    )


def _chosen(rows: pd.DataFrame, controls: dict[str, tuple[str, str]], values: Sequence[str]) -> pd.DataFrame:
    """The rows of one setting of several drop-downs."""
    return rows[(rows[list(controls)] == list(values)).all(axis=1)]


def _choices(rows: pd.DataFrame, controls: dict[str, tuple[str, str]]) -> tuple[list[alt.Parameter], str]:
    """Drop-downs over several columns, by column the name of the parameter and the words before it."""
    pairs = [choice(rows, column, key, label) for column, (key, label) in controls.items()]
    return [parameter for parameter, _ in pairs], " && ".join(keep for _, keep in pairs)


def exponent_chart(table: pd.DataFrame, *, quoted: float) -> Any:
    """Exponent of the second eigenvalue under every reading, with item noise and with straight lines.

    Parameters
    ----------
    table : pandas.DataFrame
        From ``ch08_eigenstructure.recompute.exponent_table`` with a column ``benchmarks``.
    quoted : float
        The paper's exponent, drawn as a line.
    """
    start = table["kind"].map({"expanding": "expanding from ", "sliding": "sliding by "})
    rows = _beside_null(table.round(3), "exponent", window=start + table["length"].astype(str))
    controls = {
        "copy": ("power_copy", "Copy"),
        "against": ("power_size", "N"),
        "benchmarks": ("power_set", "Benchmarks"),
    }
    chosen, keep = _choices(rows, controls)
    base = (
        alt.Chart(rows.drop(columns="outside"))
        .transform_filter(keep)
        .encode(alt.Y("window:N", sort=order_of(rows, "window"), title=None))
    )
    tooltip = ["reading", "exponent", "noise_low", "noise_high", "null", "null_low", "null_high"]
    domain, ends = [-1.6, 1.6], ("noise_low", "noise_high")
    band, bars, points = _null_layers(
        base, "exponent", "Exponent of the second eigenvalue", ends, domain, tooltip
    )
    paper = rule_at(quoted, "x", colour="vermillion", dash=(6, 4))
    return follow(
        (band + paper + bars + points).properties(height=230),
        chosen,
        lambda *values: captions.exponents(_chosen(rows, controls, values), quoted, values),
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
    rows, ends = _flip_rows(table, quoted)
    sign, of_sign = choice(rows, "convention", "flip_sign", "Sign convention")
    copy, of_copy = choice(rows, "copy", "flip_copy", "Copy")
    keep = f"{of_copy} && {of_sign}"
    across = alt.Scale(domain=[-1, 1], nice=False)
    y = alt.Y("windows:N", sort=order_of(rows, "windows"), title=None, axis=alt.Axis(labelLimit=180))
    paths = (
        alt.Chart(rows)
        .transform_filter(keep)
        .mark_rule(color=PALETTE["grey"], strokeWidth=2)
        .encode(y, alt.X("first:Q", title="Loading of TruthfulQA", scale=across), alt.X2("last:Q"))
        .add_params(sign, copy)
    )
    points = (
        alt.Chart(ends)
        .transform_filter(keep)
        .mark_point(filled=True, size=110, opacity=1)
        .encode(
            y,
            alt.X("loading:Q", scale=across),
            **marks("end:N", None, _ENDS),
            tooltip=["windows", "end", "loading"],
        )
    )
    # The words count the flips under both conventions: that is the finding.
    return put((rule_at(0.0, "x") + paths + points).properties(height=230), **captions.flips(table, quoted))


_ENDS = {"small models": ("orange", "circle"), "large models": ("blue", "square")}


def _flip_rows(table: pd.DataFrame, quoted: tuple[float, float]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Pairs of loadings, the quoted one first, and the same with one row an end."""
    rows = table.round(3).assign(convention=table["positive"].map(name) + " positive")
    choices = rows[["copy", "convention"]].drop_duplicates()
    paper = choices.assign(windows="as quoted", first=quoted[0], last=quoted[1])
    rows = pd.concat([paper, rows[list(paper.columns)]], ignore_index=True)
    ends = rows.melt(["copy", "convention", "windows"], ["first", "last"], "end", "loading")
    return rows, ends.assign(end=ends["end"].map(dict(zip(("first", "last"), _ENDS, strict=True))))
