"""Figures of chapter 07: what the equation predicts, what simpler rules predict, and what eight points can tell."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from cape_utils.charts.parts import dropdown, name, order_of, put, size_axis
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

_UNITS = ["percent of the score", "points"]


def _sentence(parts: list[str]) -> str:
    whole = "; ".join(parts)
    return f"{whole[0].upper()}{whole[1:]}."


def reading_chart(readings: pd.DataFrame, quoted: dict[str, float]) -> Any:
    """Every reading of a mean error as a dot, with the number quoted; those that diverge are counted.

    Parameters
    ----------
    readings : pandas.DataFrame
        Columns ``claim, copy, fit, start, error_in, error, diverged``.
    quoted : dict of str to float
        By claim.
    """
    claims = list(quoted)
    chosen = dropdown("reading_claim", claims, "Error")
    table = readings.assign(kind=readings["fit"].str.split(",").str[0])
    kept = table[~table["diverged"]].round(3)
    kinds = order_of(table, "kind")
    dots = (
        alt.Chart(kept[["claim", "copy", "fit", "kind", "start", "error_in", "error"]])
        .transform_filter("datum.claim == reading_claim")
        .mark_point(filled=True, size=60, opacity=0.65)
        .encode(
            alt.X("error:Q", title="Mean error", scale=alt.Scale(zero=True)),
            alt.Y("kind:N", title=None, sort=kinds),
            alt.Color(
                "error_in:N",
                title="In",
                scale=alt.Scale(domain=_UNITS, range=[PALETTE["blue"], PALETTE["orange"]]),
            ),
            alt.Shape("error_in:N", title="In", scale=alt.Scale(domain=_UNITS, range=["circle", "diamond"])),
            tooltip=["copy", "fit", "start", "error_in", alt.Tooltip("error:Q", format=".2f")],
        )
        .add_params(chosen)
    )
    lines = pd.DataFrame({"claim": claims, "quoted": [quoted[c] for c in claims]})
    rule = (
        alt.Chart(lines)
        .transform_filter("datum.claim == reading_claim")
        .mark_rule(color=PALETTE["vermillion"], strokeDash=[6, 3], strokeWidth=2)
        .encode(alt.X("quoted:Q", title="Mean error"))
    )
    said = []
    for claim in claims:
        part = table[table["claim"] == claim]
        near = int((part["error"] - quoted[claim]).abs().le(0.1).sum())
        said.append(
            f"{claim}: n = {len(part)} readings, {int(part['diverged'].sum())} diverge and are not drawn, "
            f"{near} within 0.1 of the "
            f"{quoted[claim]}% quoted"
        )
    return put(
        (dots + rule).properties(height=210),
        title="One sentence, many readings",
        caption=_sentence(said) + " Dashed: the number quoted.",
        alternative=(
            "Dot plot of mean errors, a row for each kind of fit, circles for percent of the score and diamonds "
            "for points, and a "
            f"dashed line at the number quoted. {'; '.join(said)}."
        ),
    )


def source_chart(sources: pd.DataFrame) -> Any:
    """The curve that gives the error quoted for Llama-2, and what each choice does to it.

    Parameters
    ----------
    sources : pandas.DataFrame
        From ``ch07_ode.readings.source_table``.
    """
    choices = list(sources["choice"])
    chosen = dropdown("source_choice", choices, "Choice")
    points, curves = [], []
    grid = np.logspace(np.log10(0.07), np.log10(70), 30)
    for row in sources.to_dict("records"):
        shown = row["rows"].rename(columns={row["benchmark"]: "score"})
        role = np.where(shown["family"] == "Llama-2", "predicted: Llama-2", "fitted")
        points.append(shown[["model", "params_b", "score"]].assign(choice=row["choice"], role=role))
        height = np.vander(np.log10(grid), row["degree"] + 1, increasing=True) @ row["coefficients"]
        curves.append(pd.DataFrame({"params_b": grid, "score": height, "choice": row["choice"]}))
    roles = ["fitted", "predicted: Llama-2"]
    y = alt.Y("score:Q", title="Score (%)", scale=alt.Scale(zero=False))
    line = (
        alt.Chart(pd.concat(curves).round(2))
        .transform_filter("datum.choice == source_choice")
        .mark_line(color=PALETTE["blue"])
        .encode(size_axis(), y)
    )
    dots = (
        alt.Chart(pd.concat(points).round(2))
        .transform_filter("datum.choice == source_choice")
        .mark_point(filled=True, size=85, opacity=0.9)
        .encode(
            size_axis(),
            y,
            alt.Color(
                "role:N",
                title=None,
                scale=alt.Scale(domain=roles, range=[PALETTE["grey"], PALETTE["vermillion"]]),
            ),
            alt.Shape("role:N", title=None, scale=alt.Scale(domain=roles, range=["circle", "diamond"])),
            tooltip=["model", "params_b", "score"],
        )
        .add_params(chosen)
    )
    words = sources[["choice", "n", "percent", "points"]].round(2)
    word = (
        alt.Chart(words)
        .transform_filter("datum.choice == source_choice")
        .transform_calculate(
            label="'error ' + format(datum.percent, '.2f') + '%, ' + format(datum.points, '.1f') + ' points'"
        )
        .mark_text(align="left", baseline="top", fontWeight="bold")
        .encode(alt.Text("label:N"), x=alt.value(30), y=alt.value(4))
    )
    listed = "; ".join(f"{r.choice} {r.percent:.1f}%" for r in sources.itertuples())
    first = sources.iloc[0]
    return put(
        line + dots + word,
        title="One benchmark, no equation, three models to predict",
        caption=(
            f"Mean error on the 3 Llama-2 models of a curve fitted to n = {first['n']} others, and what one "
            "changed choice makes of it: "
            f"{listed}."
        ),
        alternative=(
            "Scores against size: grey circles are fitted by a blue curve, vermillion diamonds are the three "
            "Llama-2 models. As it "
            f"stands the curve falls and turns up again, close to the diamonds. Errors: {listed}."
        ),
    )


def league_chart(table: pd.DataFrame) -> Any:
    """Median error over families held out, by method, with intervals.

    Parameters
    ----------
    table : pandas.DataFrame
        Columns ``train, start, method, median, low, high, wins, diverges, families``; infinite where most diverge.
    """
    drawn = table.copy()
    ends = drawn[["median", "low", "high"]].to_numpy()
    finite = drawn["median"].map(np.isfinite)
    top = float(np.ceil(ends[np.isfinite(ends)].max() / 10) * 10)
    drawn["high"] = drawn["high"].clip(upper=top)
    drawn["low"] = drawn["low"].clip(upper=top)
    drawn["shown"] = drawn["median"].clip(upper=top)
    drawn["label"] = np.where(
        finite,
        np.where(drawn["diverges"] > 0, drawn["diverges"].astype(str) + " diverge", ""),
        "diverges on " + drawn["diverges"].astype(str),
    )
    drawn["group"] = np.where(drawn["method"].str.contains("ODE"), "equation", "simple rule")
    drawn = drawn.drop(columns="median").round(2)
    trains, starts = order_of(drawn, "train"), order_of(drawn, "start")
    by, at = dropdown("league_train", trains, "Fitted on"), dropdown("league_start", starts, "Start")
    base = alt.Chart(drawn).transform_filter("datum.train == league_train && datum.start == league_start")
    title, groups = "Median error over families (% of the score)", ["equation", "simple rule"]
    y = alt.Y("method:N", title=None, sort=order_of(drawn, "method"), axis=alt.Axis(labelLimit=150))
    colour = alt.Color(
        "group:N", title=None, scale=alt.Scale(domain=groups, range=[PALETTE["vermillion"], PALETTE["blue"]])
    )
    span = alt.Scale(domain=[0, top], nice=False)
    bars = base.mark_rule(strokeWidth=2.5).encode(
        alt.X("low:Q", title=title, scale=span), alt.X2("high:Q"), y, colour
    )
    dots = (
        base.mark_point(filled=True, size=100, opacity=1)
        .encode(
            alt.X("shown:Q", title=title, scale=span),
            y,
            colour,
            alt.Shape("group:N", title=None, scale=alt.Scale(domain=groups, range=["diamond", "circle"])),
            tooltip=["method", "shown", "low", "high", "wins", "diverges", "families"],
        )
        .add_params(by, at)
    )
    words = (
        base.transform_filter("datum.label != ''")
        .mark_text(align="right", baseline="bottom", dy=-3, fontSize=11)
        .encode(alt.Text("label:N"), y, x=alt.datum(top))
    )
    first = table[(table["train"] == trains[0]) & (table["start"] == starts[0])].sort_values("median")
    listed = "; ".join(f"{r.method} {r.median:.1f}% ({r.wins:g} won)" for r in first.head(4).itertuples())
    return put(
        (bars + dots + words).properties(height=270),
        title="Every family held out in turn",
        caption=(
            f"n = {first['families'].iloc[0]} families, fitted on {trains[0]}, start {starts[0]}. Best four: "
            f"{listed}. Bars: 95%, families "
            f"resampled. A family on which a method diverges counts as worse than any number; marks at {top:g} stand for more."
        ),
        alternative=(
            "Interval plot of median errors, one row for each method, diamonds for equations and circles for "
            f"simple rules. {listed}. "
            "Rows on which a method diverges say on how many families."
        ),
    )


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
    methods = [m for m in errors.columns if m not in ("train", "family", rival)]
    long = errors.melt(["train", "family", rival], methods, "method", "error").rename(
        columns={rival: "rival"}
    )
    long = long[np.isfinite(long["rival"])]
    limit = float(np.ceil(max(50.0, long["rival"].max()) / 10) * 10)
    beyond = long["error"] > limit
    long["outcome"] = np.select(
        [np.isinf(long["error"]), beyond], ["diverges", f"above {limit:g}%"], "as drawn"
    )
    long["error"] = long["error"].clip(upper=limit)
    long = long.round(2)
    outcomes = ["as drawn", f"above {limit:g}%", "diverges"]
    start = "dense linear ODE" if "dense linear ODE" in methods else methods[0]
    which = dropdown("duel_method", methods, "Method", value=start)
    trains = order_of(long, "train")
    by = dropdown("duel_train", trains, "Fitted on")
    span = alt.Scale(domain=[0, limit], nice=False, padding=6)
    dots = (
        alt.Chart(long)
        .transform_filter("datum.method == duel_method && datum.train == duel_train")
        .mark_point(filled=True, size=80, opacity=0.85)
        .encode(
            alt.X("rival:Q", title=f"Error of: {rival} (%)", scale=span),
            alt.Y("error:Q", title="Error of the method chosen (%)", scale=span),
            alt.Color(
                "outcome:N",
                title=None,
                scale=alt.Scale(
                    domain=outcomes, range=[PALETTE["blue"], PALETTE["orange"], PALETTE["vermillion"]]
                ),
            ),
            alt.Shape(
                "outcome:N",
                title=None,
                scale=alt.Scale(domain=outcomes, range=["circle", "triangle-up", "cross"]),
            ),
            tooltip=[
                "family",
                alt.Tooltip("rival:Q", format=".1f"),
                alt.Tooltip("error:Q", format=".1f"),
                "outcome",
            ],
        )
        .add_params(which, by)
    )
    same = (
        alt.Chart(pd.DataFrame({"rival": [0.0, limit], "error": [0.0, limit]}))
        .mark_line(strokeDash=[4, 4], color=PALETTE["grey"])
        .encode(alt.X("rival:Q"), alt.Y("error:Q"))
    )
    said = []
    for train in trains:
        part = long[(long["method"] == start) & (long["train"] == train)]
        better = int((part["error"] < part["rival"]).sum())
        diverges = int((part["outcome"] == "diverges").sum())
        said.append(
            f"fitted on {train}, better on {better} of n = {len(part)} families, diverges on {diverges}"
        )
    return put(
        dots + same,
        title=f"Family by family, against: {rival}",
        caption=f"{start[0].upper()}{start[1:]}: {'; '.join(said)}. Below the dashed line the method chosen is the better one.",
        alternative=(
            "Scatter plot, a point for each family held out, the error of the simple rule across and of the "
            "method chosen up, with a "
            f"dashed line of equal errors. {start}: {'; '.join(said)}."
        ),
    )


def rival_chart(table: pd.DataFrame, quoted: float) -> Any:
    """Error on Llama-2 of trends learnt from one other family, beside the number quoted.

    Parameters
    ----------
    table : pandas.DataFrame
        Columns ``panel, family, kind, error``; persistence stands once in a panel.
    quoted : float
    """
    panels = order_of(table, "panel")
    which = dropdown("rival_panel", panels, "Panel")
    kinds = ["line", "parabola", "persistence"]
    drawn = table.assign(family=table["family"].replace("none", "no family")).round(2)
    title = "Mean error on Llama-2 from its 7B (%)"
    dots = (
        alt.Chart(drawn)
        .transform_filter("datum.panel == rival_panel")
        .mark_point(filled=True, size=75, opacity=0.9)
        .encode(
            alt.X("error:Q", title=title, scale=alt.Scale(zero=True)),
            alt.Y("family:N", title=None, sort=alt.EncodingSortField("error", op="min")),
            alt.Color(
                "kind:N",
                title="Learnt",
                scale=alt.Scale(domain=kinds, range=[PALETTE["blue"], PALETTE["green"], PALETTE["grey"]]),
            ),
            alt.Shape(
                "kind:N",
                title="Learnt",
                scale=alt.Scale(domain=kinds, range=["circle", "triangle-up", "square"]),
            ),
            tooltip=["family", "kind", "error"],
        )
        .add_params(which)
    )
    rule = (
        alt.Chart(pd.DataFrame({"quoted": [quoted]}))
        .mark_rule(color=PALETTE["vermillion"], strokeDash=[6, 3], strokeWidth=2)
        .encode(alt.X("quoted:Q", title=title))
    )
    said = []
    for panel in panels:
        part = table[table["panel"] == panel]
        still = float(part.loc[part["kind"] == "persistence", "error"].iloc[0])
        trends = part[part["kind"] != "persistence"]
        hits = int((trends["error"] <= quoted).sum())
        said.append(
            f"{panel}, n = {trends['family'].nunique()} families: {hits} of {len(trends)} trends err by {quoted:g}% or less, "
            f"persistence by {still:.1f}%"
        )
    return put(
        (dots + rule).properties(height=330),
        title="Llama-2 from its 7B, learnt from one other family",
        caption=_sentence(said) + " Dashed: the number quoted for the equation.",
        alternative=(
            "Dot plot of errors, a row for each family learnt from, circles for lines, triangles for parabolas "
            "and a square for "
            f"persistence, with a dashed line at the number quoted. {'; '.join(said)}."
        ),
    )


def recovery_chart(rates: pd.DataFrame) -> Any:
    """Share of equations whose terms are found exactly, against the number of sizes.

    Parameters
    ----------
    rates : pandas.DataFrame
        From ``ch07_ode.recovery.recovery_rates``.
    """
    amounts, ridges = sorted(set(rates["noise"])), sorted(set(rates["ridge"]))
    noise = dropdown(
        "recovery_noise",
        [f"{v:g}" for v in amounts],
        "Item noise",
        labels=[f"{v:g} of the real one" for v in amounts],
    )
    penalty = dropdown("recovery_ridge", [f"{v:g}" for v in ridges], "Penalty")
    table = rates.assign(
        families=rates["families"].map(lambda k: f"{k} famil{'y' if k == 1 else 'ies'}")
    ).round(3)
    kinds = order_of(table, "families")
    base = alt.Chart(table).transform_filter(
        "datum.noise == toNumber(recovery_noise) && datum.ridge == toNumber(recovery_ridge)"
    )
    x = alt.X(
        "sizes:Q",
        title="Sizes in a family (log scale)",
        scale=alt.Scale(type="log", nice=False, padding=14),
        axis=alt.Axis(values=sorted(set(rates["sizes"]))),
    )
    y = alt.Y(
        "exact:Q", title="Equations found exactly", axis=alt.Axis(format="%"), scale=alt.Scale(domain=[0, 1])
    )
    colour = alt.Color(
        "families:N",
        title=None,
        scale=alt.Scale(
            domain=kinds, range=[PALETTE["vermillion"], PALETTE["purple"], PALETTE["blue"]][: len(kinds)]
        ),
    )
    lines = base.mark_line().encode(
        x, y, colour, alt.StrokeDash("families:N", title=None, scale=alt.Scale(domain=kinds))
    )
    dots = (
        base.mark_point(filled=True, size=90)
        .encode(
            x,
            y,
            colour,
            alt.Shape("families:N", title=None, scale=alt.Scale(domain=kinds)),
            tooltip=["sizes", "families", "noise", "exact", "found", "false_terms"],
        )
        .add_params(noise, penalty)
    )

    def at(sizes: int, families: int, amount: float) -> str:
        row = rates[
            (rates["sizes"] == sizes)
            & (rates["families"] == families)
            & (rates["noise"] == amount)
            & (rates["ridge"] == ridges[0])
        ]
        return f"{float(row['exact'].iloc[0]):.0%}"

    few, many = min(rates["sizes"]), max(rates["sizes"])
    one, most = min(rates["families"]), max(rates["families"])
    said = (
        f"{few} sizes of {one} family {at(few, one, amounts[0])} without noise and {at(few, one, amounts[-1])} "
        f"with it; {many} sizes "
        f"{at(many, one, amounts[0])} and {at(many, one, amounts[-1])}; {many} sizes of {most} families "
        f"{at(many, most, amounts[0])} and "
        f"{at(many, most, amounts[-1])}"
    )
    return put(
        lines + dots,
        title="A law that is there: when is it found?",
        caption=f"Share of n = {int(rates['n'].iloc[0])} equations whose terms are all found and no other, no penalty: {said}.",
        alternative=(
            "Lines of the share of equations found exactly against the number of sizes, one for each number of "
            f"families. {said}."
        ),
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
    controls = [
        dropdown(
            f"ode_{key}",
            list(options[key]),
            label,
            labels=[str(v) for v in options[key].values()],
            value=value,
        )
        for key, label, value in (
            ("target", "Predict", "a"),
            ("train", "Fitted on", "b"),
            ("degree", "Degree", "1"),
            ("threshold", "Threshold", "a"),
        )
    ]
    controls.append(dropdown("ode_score", benchmarks, "Score", labels=[name(b) for b in benchmarks]))
    whole = "datum.train == ode_train && datum.target == ode_target"
    key = f"{whole} && datum.degree == ode_degree && datum.threshold == ode_threshold"
    # Short names keep the page small; the expression names each, so that a misspelt one is noticed.
    short = {b: f"s{place}" for place, b in enumerate(benchmarks)}
    choices = [f"ode_score == '{b}' ? datum.{short[b]}" for b in benchmarks[:-1]]
    pick = " : ".join([*choices, f"datum.{short[benchmarks[-1]]}"])
    y = alt.Y("score:Q", title="Score (%)", scale=alt.Scale(domain=[0, 100]))
    line = (
        alt.Chart(paths.round(dict.fromkeys(benchmarks, 1)).rename(columns=short))
        .transform_filter(key)
        .transform_calculate(score=pick)
        .mark_line(
            color=PALETTE["blue"],
            strokeDash=[6, 3],
            clip=True,
            point={"shape": "square", "size": 45, "color": PALETTE["blue"]},
        )
        .encode(size_axis(), y)
    )
    dots = (
        alt.Chart(measured.round(dict.fromkeys(benchmarks, 1)).rename(columns=short))
        .transform_filter(whole)
        .transform_calculate(score=pick)
        .mark_point(filled=True, size=85, color=PALETTE["vermillion"], opacity=0.9)
        .encode(size_axis(), y, tooltip=["params_b", alt.Tooltip("score:Q", format=".1f")])
        .add_params(*controls)
    )
    said = settings.copy()
    kept = (
        said["fewest"].astype(str)
        + " to "
        + said["most"].astype(str)
        + " of "
        + said["library"].astype(str)
        + " terms"
    )
    said["label"] = (
        np.where(said["diverged"], "diverges; ", "mean error " + said["error"].map("{:.1f}".format) + "%; ")
        + kept
    )
    word = (
        alt.Chart(said[["train", "degree", "threshold", "target", "label"]])
        .transform_filter(key)
        .mark_text(align="left", baseline="top", fontWeight="bold")
        .encode(alt.Text("label:N"), x=alt.value(8), y=alt.value(4))
    )
    diverge = said.groupby("target", sort=False)["diverged"].sum()
    listed = "; ".join(
        f"{options['target'][str(k)]} {v} of {(said['target'] == k).sum()}" for k, v in diverge.items()
    )
    return put(
        line + dots + word,
        title="Choose threshold, degree, training copy and target",
        caption=f"n = {len(said)} settings, fitted to fractions without a constant. Those that diverge: {listed}.",
        alternative=(
            "Scores against size: vermillion circles are measured, blue squares on a dashed line are the "
            "solution of the equation from the "
            "first circle on. A line of text gives the mean error over five benchmarks, or says that it "
            f"diverges. Diverging settings: {listed}."
        ),
    )
