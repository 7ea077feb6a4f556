"""Figures of chapter 07: what the equation predicts, what simpler rules predict, and what eight points can tell."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from cape_utils.chapters.ch07_ode import captions
from cape_utils.charts.parts import (
    choice,
    dropdown,
    follow,
    log_axis,
    marks,
    name,
    order_of,
    put,
    rule_at,
    share_axis,
    size_axis,
)
from cape_utils.charts.rendering import PALETTE

__all__ = [
    "duel_chart",
    "league_chart",
    "path_explorer",
    "reading_chart",
    "recovery_chart",
    "rival_chart",
    "source_chart",
]

_UNITS = {"percent of the score": ("blue", "circle"), "points": ("orange", "diamond")}
_ROLES = {"fitted": ("grey", "circle"), "predicted: Llama-2": ("vermillion", "diamond")}
_GROUPS = {"equation": ("vermillion", "diamond"), "simple rule": ("blue", "circle")}
_TRENDS = {
    "line": ("blue", "circle"),
    "parabola": ("green", "triangle-up"),
    "persistence": ("grey", "square"),
}


def reading_chart(readings: pd.DataFrame, quoted: dict[str, float]) -> Any:
    """Every reading of a mean error as a dot, with the number quoted; those that diverge are counted.

    Parameters
    ----------
    readings : pandas.DataFrame
        Columns ``claim, copy, fit, start, error_in, error, diverged``.
    quoted : dict of str to float
        By claim.
    """
    chosen, keep = choice(readings, "claim", "reading_claim", "Error")
    kinds = readings["fit"].str.split(",").str[0]
    finite = readings.assign(kind=kinds).loc[~readings["diverged"]].round(3)
    dots = (
        alt.Chart(finite[["claim", "copy", "fit", "kind", "start", "error_in", "error"]])
        .transform_filter(keep)
        .mark_point(filled=True, size=60, opacity=0.65)
        .encode(
            alt.X("error:Q", title="Mean error", scale=alt.Scale(zero=True)),
            alt.Y("kind:N", title=None, sort=list(dict.fromkeys(kinds))),
            **marks("error_in:N", "In", _UNITS),
            tooltip=["copy", "fit", "start", "error_in", alt.Tooltip("error:Q", format=".2f")],
        )
    )
    rule = (
        alt.Chart(pd.DataFrame({"claim": list(quoted), "quoted": list(quoted.values())}))
        .transform_filter(keep)
        .mark_rule(color=PALETTE["vermillion"], strokeDash=[6, 3], strokeWidth=2)
        .encode(alt.X("quoted:Q", title="Mean error"))
    )
    return follow(
        (dots + rule).properties(height=210),
        [chosen],
        lambda claim: captions.readings(readings, quoted, claim),
    )


def source_chart(sources: pd.DataFrame) -> Any:
    """The curve that gives the error quoted for Llama-2, and what each choice does to it.

    Parameters
    ----------
    sources : pandas.DataFrame
        From ``ch07_ode.readings.source_table``.
    """
    chosen, keep = choice(sources, "choice", "source_choice", "Choice")
    points, curves = _source_rows(sources)
    y = alt.Y("score:Q", title="Score (%)", scale=alt.Scale(zero=False))
    line = alt.Chart(curves).transform_filter(keep).mark_line(color=PALETTE["blue"]).encode(size_axis(), y)
    dots = (
        alt.Chart(points)
        .transform_filter(keep)
        .mark_point(filled=True, size=85, opacity=0.9)
        .encode(size_axis(), y, **marks("role:N", None, _ROLES), tooltip=["model", "params_b", "score"])
        .add_params(chosen)
    )
    error = "'error ' + format(datum.percent, '.2f') + '%, ' + format(datum.points, '.1f') + ' points'"
    words = (
        alt.Chart(sources[["choice", "n", "percent", "points"]].round(2))
        .transform_filter(keep)
        .transform_calculate(label=error)
    )
    # The corner has the error of the choice; the words set the choices side by side.
    return put(line + dots + _corner(words, 30), **captions.sources(sources))


def _source_rows(sources: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Models with their role, and points of the fitted curve, for each choice."""
    points, curves = [], []
    grid = np.logspace(np.log10(0.07), np.log10(70), 30)
    for row in sources.to_dict("records"):
        models = row["rows"].rename(columns={row["benchmark"]: "score"})
        role = np.where(models["family"] == "Llama-2", "predicted: Llama-2", "fitted")
        points.append(models[["model", "params_b", "score"]].assign(choice=row["choice"], role=role))
        height = np.vander(np.log10(grid), row["degree"] + 1, increasing=True) @ row["coefficients"]
        curves.append(pd.DataFrame({"params_b": grid, "score": height, "choice": row["choice"]}))
    return pd.concat(points).round(2), pd.concat(curves).round(2)


def _corner(base: Any, x: int) -> Any:
    """The column ``label`` as a line of text in the upper left corner."""
    text = base.mark_text(align="left", baseline="top", fontWeight="bold")
    return text.encode(alt.Text("label:N"), x=alt.value(x), y=alt.value(4))


def league_chart(table: pd.DataFrame) -> Any:
    """Median error over families held out, by method, with intervals.

    Parameters
    ----------
    table : pandas.DataFrame
        Columns ``train, start, method, median, low, high, wins, diverges, families``; infinite where most diverge.
    """
    rows, top = _league_rows(table)
    train, of_train = choice(rows, "train", "league_train", "Fitted on")
    start, of_start = choice(rows, "start", "league_start", "Start")
    y = alt.Y("method:N", title=None, sort=order_of(rows, "method"), axis=alt.Axis(labelLimit=150))
    base = alt.Chart(rows).transform_filter(f"{of_train} && {of_start}").encode(y)
    title = "Median error over families (% of the score)"
    across = alt.X("shown:Q", title=title, scale=alt.Scale(domain=[0, top], nice=False))
    kinds = marks("group:N", None, _GROUPS)
    bars = base.mark_rule(strokeWidth=2.5).encode(
        alt.X("low:Q", title=title), alt.X2("high:Q"), kinds["color"]
    )
    dots = base.mark_point(filled=True, size=100, opacity=1).encode(
        across, **kinds, tooltip=["method", "shown", "low", "high", "wins", "diverges", "families"]
    )
    words = (
        base.transform_filter("datum.label != ''")
        .mark_text(align="right", baseline="bottom", dy=-3, fontSize=11)
        .encode(alt.Text("label:N"), x=alt.datum(top))
    )
    return follow(
        (bars + dots + words).properties(height=270),
        [train, start],
        lambda train, start: captions.league(table, top, train, start),
    )


def _league_rows(table: pd.DataFrame) -> tuple[pd.DataFrame, float]:
    """Errors clipped to the end of the axis, with a label where a method diverges, and that end."""
    ends = table[["median", "low", "high"]].to_numpy()
    top = float(np.ceil(ends[np.isfinite(ends)].max() / 10) * 10)
    diverges = table["diverges"].astype(str)
    label = np.where(table["diverges"] > 0, diverges + " diverge", "")
    rows = table.assign(
        high=table["high"].clip(upper=top),
        low=table["low"].clip(upper=top),
        shown=table["median"].clip(upper=top),
        label=np.where(table["median"].map(np.isfinite), label, "diverges on " + diverges),
        group=np.where(table["method"].str.contains("ODE"), "equation", "simple rule"),
    )
    return rows.drop(columns="median").round(2), top


def duel_chart(errors: pd.DataFrame, rival: str) -> Any:
    """Error of a chosen method against a simple rule, family by family.

    Parameters
    ----------
    errors : pandas.DataFrame
        Columns ``train``, ``family`` and one for each method, from ``scaling.forecasting.family_errors``; infinite
        where it diverges.
    rival : str
        The rule on the horizontal axis.
    """
    rows, limit = _duel_rows(errors, rival)
    methods = order_of(rows, "method")
    start = "dense linear ODE" if "dense linear ODE" in methods else methods[0]
    which, of_method = choice(rows, "method", "duel_method", "Method", value=start)
    train, of_train = choice(rows, "train", "duel_train", "Fitted on")
    # Logarithmic, because most errors are small beside the largest.
    low = 0.9 * float(rows[["rival", "error"]].min().min())
    span = alt.Scale(type="log", domain=[low, limit], nice=False, padding=6)
    ticks = alt.Axis(values=[1, 2, 5, 10, 20, 50, 100], format="~g")
    outcomes = {
        "as drawn": ("blue", "circle"),
        f"above {limit:g}%": ("orange", "triangle-up"),
        "diverges": ("vermillion", "cross"),
    }
    numbers = [alt.Tooltip(f"{field}:Q", format=".1f") for field in ("rival", "error")]
    dots = (
        alt.Chart(rows)
        .transform_filter(f"{of_method} && {of_train}")
        .mark_point(filled=True, size=80, opacity=0.85)
        .encode(
            alt.X("rival:Q", title=f"Error of: {rival} (%, log scale)", scale=span, axis=ticks),
            alt.Y("error:Q", title="Error of the method chosen (%, log scale)", scale=span, axis=ticks),
            **marks("outcome:N", None, outcomes),
            tooltip=["family", *numbers, "outcome"],
        )
    )
    same = (
        alt.Chart(pd.DataFrame({"rival": [low, limit], "error": [low, limit]}))
        .mark_line(strokeDash=[4, 4], color=PALETTE["grey"])
        .encode(alt.X("rival:Q"), alt.Y("error:Q"))
    )
    return follow(
        dots + same,
        [which, train],
        lambda method, train: captions.duel(rows, rival, method, train),
    )


def _duel_rows(errors: pd.DataFrame, rival: str) -> tuple[pd.DataFrame, float]:
    """One row for each method and family, errors clipped to the end of the axis, and that end."""
    long = errors.melt(["train", "family", rival], var_name="method", value_name="error")
    long = long.rename(columns={rival: "rival"})
    long = long[np.isfinite(long["rival"])]
    limit = float(np.ceil(max(50.0, long["rival"].max()) / 10) * 10)
    cases = [np.isinf(long["error"]), long["error"] > limit]
    outcome = np.select(cases, ["diverges", f"above {limit:g}%"], "as drawn")
    return long.assign(outcome=outcome, error=long["error"].clip(upper=limit)).round(2), limit


def rival_chart(table: pd.DataFrame, quoted: float) -> Any:
    """Error on Llama-2 of trends learnt from one other family, beside the number quoted.

    Parameters
    ----------
    table : pandas.DataFrame
        Columns ``panel, family, kind, error``; persistence stands once in a panel.
    quoted : float
    """
    chosen, keep = choice(table, "panel", "rival_panel", "Panel")
    title = "Mean error on Llama-2 from its 7B (%)"
    dots = (
        alt.Chart(table.assign(family=table["family"].replace("none", "no family")).round(2))
        .transform_filter(keep)
        .mark_point(filled=True, size=75, opacity=0.9)
        .encode(
            alt.X("error:Q", title=title, scale=alt.Scale(zero=True)),
            alt.Y("family:N", title=None, sort=alt.EncodingSortField("error", op="min")),
            **marks("kind:N", "Learnt", _TRENDS),
            tooltip=["family", "kind", "error"],
        )
    )
    rule = rule_at(quoted, "x", title=title, colour="vermillion", dash=(6, 3), strokeWidth=2)
    return follow(
        (dots + rule).properties(height=330), [chosen], lambda panel: captions.rivals(table, quoted, panel)
    )


def recovery_chart(rates: pd.DataFrame) -> Any:
    """Share of equations whose terms are found exactly, against the number of sizes.

    Parameters
    ----------
    rates : pandas.DataFrame
        From ``ch07_ode.recovery.recovery_rates``.
    """
    amounts, ridges = ([f"{v:g}" for v in sorted(set(rates[c]))] for c in ("noise", "ridge"))
    noise = dropdown(
        "recovery_noise", amounts, "Item noise", labels=[f"{v} of the real one" for v in amounts]
    )
    penalty = dropdown("recovery_ridge", ridges, "Penalty")
    counts = rates["families"].map(lambda k: f"{k} famil{'y' if k == 1 else 'ies'}")
    kinds = list(dict.fromkeys(counts))
    hues = [PALETTE[hue] for hue in ("vermillion", "purple", "blue")][: len(kinds)]
    base = (
        alt.Chart(rates.assign(families=counts).round(3))
        .transform_filter(
            "datum.noise == toNumber(recovery_noise) && datum.ridge == toNumber(recovery_ridge)"
        )
        .encode(
            log_axis("sizes", "Sizes in a family (log scale)", sorted(set(rates["sizes"])), padding=14),
            share_axis("exact", "Equations found exactly"),
            alt.Color("families:N", title=None, scale=alt.Scale(domain=kinds, range=hues)),
        )
    )
    scale = alt.Scale(domain=kinds)
    lines = base.mark_line().encode(alt.StrokeDash("families:N", title=None, scale=scale))
    dots = base.mark_point(filled=True, size=90).encode(
        alt.Shape("families:N", title=None, scale=scale),
        tooltip=["sizes", "families", "noise", "exact", "found", "false_terms"],
    )
    return follow(
        lines + dots,
        [noise, penalty],
        lambda noise, ridge: captions.recovery(rates, float(noise), float(ridge)),
    )


def path_explorer(
    grid: tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame],
    options: Mapping[str, Mapping[str, Any]],
    benchmarks: list[str],
) -> Any:
    """The equation's path for every threshold, degree, training copy and target, beside what was measured.

    Parameters
    ----------
    grid : tuple of pandas.DataFrame
        From ``ch07_ode.readings.explorer_grid``.
    options : mapping
        ``EXPLORER``: for each control the short keys of the page and their meaning.
    benchmarks : list of str
        Columns to choose from.
    """
    paths, measured, settings = grid
    of_rows = "datum.train == ode_train && datum.target == ode_target"
    of_fit = f"{of_rows} && datum.degree == ode_degree && datum.threshold == ode_threshold"
    # Short names keep the page small; the expression names each, so that a misspelt one is noticed.
    short = {b: f"s{place}" for place, b in enumerate(benchmarks)}
    choices = [f"ode_score == '{b}' ? datum.{short[b]}" for b in benchmarks[:-1]]
    pick = " : ".join([*choices, f"datum.{short[benchmarks[-1]]}"])
    y = alt.Y("score:Q", title="Score (%)", scale=alt.Scale(domain=[0, 100]))

    def scores(table: pd.DataFrame, keep: str) -> Any:
        rows = table.round(dict.fromkeys(benchmarks, 1)).rename(columns=short)
        chart = alt.Chart(rows).transform_filter(keep).transform_calculate(score=pick)
        return chart.encode(size_axis(), y)

    squares = {"shape": "square", "size": 45, "color": PALETTE["blue"]}
    line = scores(paths, of_fit).mark_line(color=PALETTE["blue"], strokeDash=[6, 3], clip=True, point=squares)
    dots = (
        scores(measured, of_rows)
        .mark_point(filled=True, size=85, color=PALETTE["vermillion"], opacity=0.9)
        .encode(tooltip=["params_b", alt.Tooltip("score:Q", format=".1f")])
        .add_params(*_path_controls(options, benchmarks))
    )
    labels = settings[["train", "degree", "threshold", "target"]].assign(label=_path_labels(settings))
    words = _corner(alt.Chart(labels).transform_filter(of_fit), 8)
    # The corner has the error of the setting chosen.
    return put(line + dots + words, **captions.paths(settings, options["target"]))


def _path_controls(options: Mapping[str, Mapping[str, Any]], benchmarks: list[str]) -> list[alt.Parameter]:
    """Drop-downs for the target, the training copy, the degree, the threshold and the score."""
    starts = (
        ("target", "Predict", "a"),
        ("train", "Fitted on", "b"),
        ("degree", "Degree", "1"),
        ("threshold", "Threshold", "a"),
    )
    fits = [
        dropdown(
            f"ode_{key}", list(options[key]), label, labels=list(map(str, options[key].values())), value=value
        )
        for key, label, value in starts
    ]
    return [*fits, dropdown("ode_score", benchmarks, "Score", labels=[name(b) for b in benchmarks])]


def _path_labels(settings: pd.DataFrame) -> pd.Series:
    """Error and number of terms of each setting, in words."""
    fewest, most, library = (settings[c].astype(str) for c in ("fewest", "most", "library"))
    error = ("mean error " + settings["error"].map("{:.1f}".format) + "%; ").mask(
        settings["diverged"], "diverges; "
    )
    return error + fewest + " to " + most + " of " + library + " terms"
