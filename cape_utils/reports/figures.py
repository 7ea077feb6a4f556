"""The figures of a diagnosis: one family's scores over size, the phases of its steps, and its place at the frontier."""

from __future__ import annotations

from typing import Any

import altair as alt
import pandas as pd

from cape_utils.charts.parts import (
    PHASE_BAR,
    PROBABILITY,
    ROW_PX,
    choice,
    dropdown,
    marks,
    name,
    order_of,
    pct_axis,
    put,
    size_axis,
    spread,
)
from cape_utils.charts.rendering import PALETTE
from cape_utils.diagnosis.family_diagnosis import Diagnosis
from cape_utils.frontier.benchmark_pair import GPQA, SWE
from cape_utils.frontier.layers import line_layer, score_axes
from cape_utils.frontier.model_diagnosis import FamilyFrontier
from cape_utils.frontier.regression import Line
from cape_utils.reports import captions
from cape_utils.scaling.coupling import PHASES

__all__ = ["diagnosis_frontier", "diagnosis_path", "diagnosis_phases"]


def diagnosis_path(diagnosis: Diagnosis) -> Any:
    """Both scores of a family over its sizes, and the next size with its range.

    Parameters
    ----------
    diagnosis : Diagnosis
    """
    x, y = name(diagnosis.x), name(diagnosis.y)
    look = marks("benchmark:N", None, {x: ("blue", "circle"), y: ("vermillion", "triangle-up")})
    up = pct_axis("score", "Score (percent)")
    which = dropdown("diagnosis_show", ["both", x, y], "Show")
    keep = "diagnosis_show == 'both' || datum.benchmark == diagnosis_show"
    columns = ["params_b", "benchmark", "score"]
    base = alt.Chart(_score_rows(diagnosis)).transform_filter(keep).encode(size_axis(), up, look["color"])
    layers = [
        base.mark_line(),
        base.mark_point(filled=True, size=80).encode(shape=look["shape"], tooltip=["model", *columns]),
    ]
    ahead = _next_rows(diagnosis)
    if not ahead.empty:
        base = alt.Chart(ahead).transform_filter(keep).encode(size_axis(), look["color"])
        points = base.mark_point(filled=False, size=110, strokeWidth=2)
        layers += [
            spread(base, "low", "high", strokeWidth=3, opacity=0.6),
            points.encode(up, shape=look["shape"], tooltip=[*columns, "low", "high"]),
        ]
    return put(alt.layer(*layers).add_params(which), **captions.path(diagnosis, ahead))


def _score_rows(diagnosis: Diagnosis) -> pd.DataFrame:
    """One row a model and benchmark."""
    titles = [name(diagnosis.x), name(diagnosis.y)]
    rows = [
        (s.model, s.params_b, *pair)
        for s in diagnosis.scores
        for pair in zip(titles, (s.x, s.y), strict=True)
    ]
    return pd.DataFrame(rows, columns=["model", "params_b", "benchmark", "score"])


def _next_rows(diagnosis: Diagnosis) -> pd.DataFrame:
    """What is predicted of the two benchmarks; no row where nothing is."""
    size, pair = diagnosis.next_size, (diagnosis.x, diagnosis.y)
    rows = [
        (size.params_b, name(s.benchmark), s.predicted, s.low, s.high)
        for s in size.scores
        if s.benchmark in pair
    ]
    return pd.DataFrame(rows, columns=["params_b", "benchmark", "score", "low", "high"])


def diagnosis_phases(diagnosis: Diagnosis) -> Any:
    """Probability of each phase, step by step, as stacked bars.

    Parameters
    ----------
    diagnosis : Diagnosis
    """
    rows = pd.DataFrame(
        [
            (f"{s.from_params_b:g}B to {s.to_params_b:g}B", phase, share, place)
            for s in diagnosis.intervals
            for place, (phase, share) in enumerate(s.shares.items())
        ],
        columns=["step", "phase", "probability", "place"],
    )
    which = dropdown("diagnosis_phase", ["all phases", *PHASES], "Phase")
    bars = (
        alt.Chart(rows)
        .transform_filter("diagnosis_phase == 'all phases' || datum.phase == diagnosis_phase")
        .mark_bar(height={"band": 0.7})
        .encode(
            PROBABILITY,
            alt.Y("step:N", title=None, sort=order_of(rows, "step")),
            PHASE_BAR.title(None),
            order=alt.Order("place:Q"),
            tooltip=["step", "phase", alt.Tooltip("probability:Q", format=".0%")],
        )
        .add_params(which)
        .properties(height=ROW_PX * len(diagnosis.intervals))
    )
    return put(bars, **captions.phases(diagnosis))


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
    models, others = _placed_rows(placed), field[["model", "lab", "released", SWE, GPQA, "h"]].round(2)
    lab, of_lab = choice(field, "lab", "diagnosis_lab", "Others", every="all labs")
    x, y = score_axes()
    look = marks("kind:N", None, _KINDS)
    dots = (
        alt.Chart(others.assign(kind="frontier models"))
        .transform_filter(of_lab)
        .mark_point(filled=True, size=45, opacity=0.5)
        .encode(x, y, **look, tooltip=list(others))
        .add_params(lab)
    )
    base = alt.Chart(models.round(3).assign(kind="your family")).encode(x)
    noise = spread(base, "low", "high", color=PALETTE["vermillion"], strokeWidth=2, clip=True)
    family = base.mark_point(filled=True, size=150, opacity=1).encode(
        y, **look, tooltip=["model", SWE, GPQA, "h"]
    )
    return put(line_layer(line) + dots + noise + family, **captions.frontier(models, line, len(field)))


_KINDS = {"your family": ("vermillion", "diamond"), "frontier models": ("blue", "circle")}


def _placed_rows(placed: FamilyFrontier) -> pd.DataFrame:
    """One row a model: both scores, h, and where its item noise ends on the axis of GPQA Diamond."""
    rows = [
        (one.model, at.x_pct, at.y_pct, at.expected + at.h_low, at.expected + at.h_high, at.h)
        for one in placed.models
        for at in [one.location]
    ]
    return pd.DataFrame(rows, columns=["model", SWE, GPQA, "low", "high", "h"])
