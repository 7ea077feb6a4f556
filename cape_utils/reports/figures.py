"""The figures of a diagnosis: one family's scores over size, and the phases of its steps."""

from __future__ import annotations

from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from cape_utils.charts.parts import PHASE_COLOURS, dropdown, name, pct_axis, put, size_axis
from cape_utils.charts.rendering import PALETTE
from cape_utils.diagnosis.family_diagnosis import Diagnosis
from cape_utils.frontier.benchmark_pair import GPQA, SWE
from cape_utils.frontier.model_diagnosis import FamilyFrontier
from cape_utils.frontier.regression import Line

__all__ = ["diagnosis_frontier", "diagnosis_path", "diagnosis_phases"]


def diagnosis_path(diagnosis: Diagnosis) -> Any:
    """Both scores of a family over its sizes, and the next size with its range.

    Parameters
    ----------
    diagnosis : Diagnosis
    """
    titles = [name(diagnosis.x), name(diagnosis.y)]
    rows = [
        {"model": s.model, "params_b": s.params_b, "benchmark": label, "score": value}
        for s in diagnosis.scores
        for label, value in zip(titles, (s.x, s.y), strict=True)
    ]
    ahead = [
        {
            "params_b": diagnosis.next_size.params_b,
            "benchmark": name(s.benchmark),
            "score": s.predicted,
            "low": s.low,
            "high": s.high,
        }
        for s in diagnosis.next_size.scores
        if s.benchmark in (diagnosis.x, diagnosis.y)
    ]
    colour = alt.Color(
        "benchmark:N",
        title=None,
        scale=alt.Scale(domain=titles, range=[PALETTE["blue"], PALETTE["vermillion"]]),
    )
    shape = alt.Shape(
        "benchmark:N", title=None, scale=alt.Scale(domain=titles, range=["circle", "triangle-up"])
    )
    chosen = dropdown("diagnosis_show", ["both", *titles], "Show")
    shown = "diagnosis_show == 'both' || datum.benchmark == diagnosis_show"
    measured = (
        alt.Chart(pd.DataFrame(rows))
        .transform_filter(shown)
        .encode(size_axis(), pct_axis("score", "Score (percent)"), colour)
    )
    layers = [
        measured.mark_line(),
        measured.mark_point(filled=True, size=80).encode(
            shape=shape, tooltip=["model", "params_b", "benchmark", "score"]
        ),
    ]
    if ahead:
        coming = alt.Chart(pd.DataFrame(ahead)).transform_filter(shown).encode(size_axis())
        layers += [
            coming.mark_rule(strokeWidth=3, opacity=0.6).encode(alt.Y("low:Q"), alt.Y2("high:Q"), colour),
            coming.mark_point(filled=False, size=110, strokeWidth=2).encode(
                pct_axis("score", "Score (percent)"),
                colour,
                shape,
                tooltip=["params_b", "benchmark", "score", "low", "high"],
            ),
        ]
    listed = "; ".join(
        f"{s.params_b:g}B: {titles[0]} {s.x:.1f}, {titles[1]} {s.y:.1f}" for s in diagnosis.scores
    )
    next_words = "; ".join(
        f"{r['benchmark']} {r['score']:.1f} ({r['low']:.1f} to {r['high']:.1f})" for r in ahead
    )
    return put(
        alt.layer(*layers).add_params(chosen),
        title=f"{diagnosis.family}: {titles[0]} and {titles[1]} over size",
        caption=f"{len(diagnosis.scores)} sizes; the last step is {diagnosis.phase} with probability {diagnosis.probability:.0%}."
        + (f" Hollow: predicted at {diagnosis.next_size.params_b:g}B, with ranges of 90%." if ahead else ""),
        alternative=f"Two lines over the number of parameters. {listed}."
        + (f" Predicted at {diagnosis.next_size.params_b:g}B: {next_words}." if ahead else ""),
    )


def diagnosis_phases(diagnosis: Diagnosis) -> Any:
    """Probability of each phase, step by step, as stacked bars.

    Parameters
    ----------
    diagnosis : Diagnosis
    """
    steps = [
        (
            f"{s.from_params_b:g}B to {s.to_params_b:g}B",
            {"tax": s.p_tax, "transition": s.p_transition, "bonus": s.p_bonus},
        )
        for s in diagnosis.intervals
    ]
    rows = [
        {"step": step, "phase": phase, "probability": value, "place": place}
        for step, shares in steps
        for place, (phase, value) in enumerate(shares.items())
    ]
    phases = list(PHASE_COLOURS)
    colour = alt.Color(
        "phase:N", title=None, scale=alt.Scale(domain=phases, range=[PHASE_COLOURS[p] for p in phases])
    )
    order = [step for step, _ in steps]
    chosen = dropdown("diagnosis_phase", ["all phases", *phases], "Phase")
    base = (
        alt.Chart(pd.DataFrame(rows))
        .transform_filter("diagnosis_phase == 'all phases' || datum.phase == diagnosis_phase")
        .encode(alt.Y("step:N", title=None, sort=order))
        .add_params(chosen)
    )
    bars = base.mark_bar(height={"band": 0.7}).encode(
        alt.X(
            "probability:Q",
            title="Probability",
            stack="zero",
            axis=alt.Axis(format="%"),
            scale=alt.Scale(domain=[0, 1]),
        ),
        colour,
        order=alt.Order("place:Q"),
        tooltip=["step", "phase", alt.Tooltip("probability:Q", format=".0%")],
    )
    listed = "; ".join(
        f"{step}: " + ", ".join(f"{p} {v:.0%}" for p, v in shares.items()) for step, shares in steps
    )
    return put(
        bars,
        title=f"{diagnosis.family}: the phase of each step, as far as item noise lets it be known",
        caption=f"{len(steps)} steps, {diagnosis.draws:,} draws of item noise each. A bar of one colour is a clear phase.",
        alternative=f"One stacked bar for each step in size. {listed}.",
    )


def diagnosis_frontier(placed: FamilyFrontier, field: pd.DataFrame, line: Line) -> Any:
    """A family's models among the frontier models, with the line and the item noise of h.

    Parameters
    ----------
    placed : FamilyFrontier
    field : pandas.DataFrame
        From ``frontier.regression.h_field``.
    line : Line
        The one that ``placed`` was measured against.
    """
    models = pd.DataFrame(
        [
            {
                "model": one.model,
                SWE: one.location.x_pct,
                GPQA: one.location.y_pct,
                "low": one.location.expected + one.location.h_low,
                "high": one.location.expected + one.location.h_high,
                "h": one.location.h,
            }
            for one in placed.models
        ]
    )
    labs = sorted(field["lab"].unique())
    chosen = dropdown("diagnosis_lab", ["all labs", *labs], "Others")
    unit = alt.Scale(domain=[0, 100], nice=False)
    x = alt.X(f"{SWE}:Q", title="SWE-bench Verified (percent)", scale=unit)
    y = alt.Y(f"{GPQA}:Q", title="GPQA Diamond (percent)", scale=unit)
    kinds = ["your family", "frontier models"]
    look = {
        "color": alt.Color(
            "kind:N",
            title=None,
            scale=alt.Scale(domain=kinds, range=[PALETTE["vermillion"], PALETTE["blue"]]),
        ),
        "shape": alt.Shape("kind:N", title=None, scale=alt.Scale(domain=kinds, range=["diamond", "circle"])),
    }
    others = (
        alt.Chart(field[["model", "lab", "released", SWE, GPQA, "h"]].round(2).assign(kind=kinds[1]))
        .transform_filter("diagnosis_lab == 'all labs' || datum.lab == diagnosis_lab")
        .mark_point(filled=True, size=45, opacity=0.5)
        .encode(x, y, **look, tooltip=["model", "lab", "released", SWE, GPQA, "h"])
        .add_params(chosen)
    )
    ends = np.array([0.0, 100.0])
    fitted = (
        alt.Chart(pd.DataFrame({SWE: ends, GPQA: line.predict(ends)}).round(3))
        .mark_line(color=PALETTE["grey"], strokeDash=[6, 4], clip=True)
        .encode(x, y)
    )
    base = alt.Chart(models.round(3).assign(kind=kinds[0])).encode(x)
    noise = base.mark_rule(color=PALETTE["vermillion"], strokeWidth=2, clip=True).encode(
        alt.Y("low:Q", scale=unit), alt.Y2("high:Q")
    )
    dots = base.mark_point(filled=True, size=150, opacity=1).encode(
        y, **look, tooltip=["model", SWE, GPQA, "h"]
    )
    listed = "; ".join(f"{row['model']} {row['h']:+.1f}" for row in models.to_dict("records"))
    return put(
        fitted + others + noise + dots,
        title="Your family among frontier models",
        caption=(
            f"h, points from the line of n = {line.n} published models (dashed): {listed}. Upright bars: 95% of the item noise "
            f"of h. {len(field)} models shown."
        ),
        alternative=(
            "Scatter plot of frontier models as circles, SWE-bench Verified across and GPQA Diamond up, with a dashed line, "
            f"and your family's models as diamonds with upright bars. Distances from the line: {listed}."
        ),
    )
