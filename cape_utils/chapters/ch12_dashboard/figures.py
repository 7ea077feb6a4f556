"""Figures of the dashboard: phases of a family's steps, the same after a change, and phases read off the size alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from cape_utils.chapters.ch12_dashboard import captions
from cape_utils.chapters.ch12_dashboard.diagnosis_calibration import reliability_rows
from cape_utils.chapters.ch12_dashboard.size_baseline import Formula
from cape_utils.charts.parts import (
    PHASE_BAR,
    PHASE_POINT,
    PROBABILITY,
    ROW_PX,
    choice,
    dropdown,
    follow,
    marks,
    order_of,
    phase_rows,
    share_axis,
    size_axis,
    size_label,
    spread,
)
from cape_utils.charts.rendering import PALETTE
from cape_utils.scaling.coupling import PHASES
from cape_utils.stats.results import Null

__all__ = [
    "agreement_chart",
    "calibration_chart",
    "family_phases",
    "paired_chart",
    "size_scatter",
]

_CLEAR_LABELS = ["all", "phase at least 80% sure"]
_HINDSIGHT = "best cuts in hindsight"


def family_phases(steps: pd.DataFrame, *, first: str = "Pythia") -> Any:
    """Probability of each phase for the steps of one family at a time.

    Parameters
    ----------
    steps : pandas.DataFrame
        From ``scaling.coupling.local_coupling``, with ``by_size``: the phase that a formula of size names.
    first : str
        Family shown at first.
    """
    family, of_family = choice(steps.sort_values("family"), "family", "phases_family", "Family", value=first)
    rows = _step_phases(steps)
    places = sorted(rows["row"].unique())
    # Room for the family with the most steps, so that the page stays where it is; the bars hang from their axis.
    base = (
        alt.Chart(rows)
        .transform_filter(of_family)
        .encode(alt.Y("row:O", axis=None, scale=alt.Scale(domain=places)))
    )
    bars = base.mark_bar(height=13, yOffset=8, opacity=0.9).encode(
        PROBABILITY.axis(format="%", orient="top"),
        PHASE_BAR,
        order=alt.Order("place:Q"),
        tooltip=["step", "phase", alt.Tooltip("probability:Q", format=".0%"), "by_size"],
    )
    words = (
        base.transform_filter("datum.place == 0")
        .transform_calculate(words="datum.step + ', ' + datum.by_size")
        .mark_text(align="left", dx=2, dy=-7)
        .encode(alt.Text("words:N"), x=alt.value(0))
    )
    layers = (bars + words).properties(height=38 * len(places))
    return follow(layers, [family], lambda one: captions.family_phases(steps, one))


def _step_phases(steps: pd.DataFrame) -> pd.DataFrame:
    """One row for each step and phase, with the step in words and, from small to large, its ``row`` in the family."""
    ends = zip(steps["from_params_b"], steps["to_params_b"], strict=True)
    rows: Any = steps[["family", *(f"p_{phase}" for phase in PHASES)]].assign(
        step=[f"{size_label(low)} to {size_label(high)}" for low, high in ends],
        row=steps.groupby("family")["mid_params_b"].rank(method="first").astype(int),
        by_size="by size: " + steps["by_size"],
    )
    return phase_rows(rows.to_dict("records"))


def size_scatter(steps: pd.DataFrame, rule: Formula, *, clip: float = 2.0) -> Any:
    """Local couplings of steps by size, with the bands in which a formula of size sees each phase.

    Parameters
    ----------
    steps : pandas.DataFrame
        From ``ch12_dashboard.size_baseline.unfitted_steps``.
    rule : Formula
    clip : float
        Couplings are drawn no further out than this.
    """
    rows, line = _size_rows(steps, rule, clip)
    least = dropdown("rule_steps", ["all", "clear"], "Steps", labels=_CLEAR_LABELS)
    across = size_axis("mid_params_b", "Middle of the step (billions, log scale)")
    up = alt.Y(
        "shown:Q", title=f"Local coupling, drawn within ±{clip:g}", scale=alt.Scale(domain=[-clip, clip])
    )
    dots = (
        alt.Chart(rows)
        .transform_filter("rule_steps == 'all' || datum.sure >= 0.8")
        .mark_point(filled=True, size=80)
        .encode(across, up, **PHASE_POINT)
    )
    edges = alt.Chart(pd.DataFrame({"edge": rule.edges_b}).round(4)).mark_rule(strokeDash=[4, 4])
    curve = alt.Chart(line).mark_line(color=PALETTE["purple"]).encode(across, up)
    layers = edges.encode(alt.X("edge:Q")) + curve + dots
    return follow(layers, [least], lambda which: captions.size_scatter(steps, rule, which))


def _size_rows(steps: pd.DataFrame, rule: Formula, clip: float) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The steps with ``step, shown, sure``, and the formula's line over their sizes, both clipped and rounded."""
    rows = steps.assign(
        step=steps["from_model"] + " to " + steps["to_model"],
        shown=steps["coupling"].clip(-clip, clip),
        sure=steps[[f"p_{phase}" for phase in PHASES]].max(axis=1),
    )
    columns = ["family", "step", "mid_params_b", "coupling", "se", "p_sign", "phase", "shown", "sure"]
    sizes = np.geomspace(steps["mid_params_b"].min(), steps["mid_params_b"].max(), 60)
    line = pd.DataFrame({"mid_params_b": sizes, "shown": rule.coupling_at(sizes).clip(-clip, clip)})
    return rows[columns].round(4), line.round(4)


def agreement_chart(table: pd.DataFrame, nulls: Mapping[str, Null], ceiling: Null) -> Any:
    """How often each rule names the phase of the scores, with what luck gives.

    Parameters
    ----------
    table : pandas.DataFrame
        From ``ch12_dashboard.size_baseline.agreement_table``.
    nulls : mapping of str to Null
        ``"all"`` and ``"clear"``: the formula with sizes permuted.
    ceiling : Null
        From ``ch12_dashboard.size_baseline.in_sample_thresholds``, over all steps.
    """
    rows, chance = _agreement_rows(table, nulls, ceiling)
    which = dropdown("agreement_steps", ["all", "clear"], "Steps", labels=_CLEAR_LABELS)
    of_steps = "datum.steps == agreement_steps"
    order = [*table.index, _HINDSIGHT]
    up = alt.Y("rule:N", title=None, scale=alt.Scale(domain=order), axis=alt.Axis(labelLimit=150))
    across = share_axis("low", "Share of steps", "x")
    luck = (
        alt.Chart(chance)
        .transform_filter(of_steps)
        .mark_bar(height=16, color=PALETTE["grey"], opacity=0.4)
        .encode(across, alt.X2("high:Q"), up)
    )
    base = alt.Chart(rows).transform_filter(of_steps).encode(up)
    bars = base.mark_rule(strokeWidth=2).encode(across, alt.X2("high:Q"))
    dots = base.mark_point(filled=True, size=90, opacity=1).encode(
        alt.X("agreement:Q"), tooltip=["rule", alt.Tooltip("agreement:Q", format=".0%"), "n"]
    )
    return follow(
        (luck + bars + dots).properties(height=ROW_PX * len(order)),
        [which],
        lambda shown: captions.agreements(table, nulls[shown], ceiling, shown),
    )


def paired_chart(noise: pd.DataFrame) -> Any:
    """Changes of two scores with the 95% range of paired and of assumed item noise.

    Parameters
    ----------
    noise : pandas.DataFrame
        From ``ch12_dashboard.pair_logs.noise_table``.
    """
    rows = _noise_rows(noise)
    tasks, order = order_of(noise, "task"), order_of(rows, "step")
    of = dropdown("paired_pairs", ["all", *tasks], "Pairs")
    kinds = alt.Scale(domain=["on the same items", "assumed"], range=[PALETTE["blue"], PALETTE["grey"]])
    base = alt.Chart(rows).transform_filter("paired_pairs == 'all' || datum.task == paired_pairs")
    base = base.encode(
        alt.Y(
            "step:N",
            title=None,
            scale=alt.Scale(domain=order),
            axis=alt.Axis(labelExpr="split(datum.label, ', ')"),
        ),
        alt.YOffset("noise:N", sort=["on the same items", "assumed"]),
        alt.Color(
            "noise:N", title="95% range", scale=kinds, legend=alt.Legend(orient="top", direction="vertical")
        ),
    )
    ranges = spread(base, "low", "high", "x", strokeWidth=3)
    dots = base.mark_point(filled=True, size=70, opacity=1).encode(
        alt.X("change:Q", title="Change (points)"),
        tooltip=[
            "step",
            "noise",
            alt.Tooltip("change:Q", format="+.1f"),
            alt.Tooltip("error:Q", format=".1f"),
        ],
    )
    zero = alt.Chart(pd.DataFrame({"none": [0]})).mark_rule(strokeDash=[4, 4]).encode(alt.X("none:Q"))
    return follow(
        (zero + ranges + dots).properties(height=2 * ROW_PX * len(order)),
        [of],
        lambda task: captions.paired(noise if task == "all" else noise[noise["task"] == task]),
    )


def calibration_chart(calibration: pd.DataFrame) -> Any:
    """How often the phase that is named is right, by the probability that was said of it.

    Parameters
    ----------
    calibration : pandas.DataFrame
        The table ``diagnosis_calibration``.
    """
    rows = reliability_rows(calibration)
    truths = order_of(rows, "truth")
    which = dropdown("calibration_truth", truths, "Truth known from")
    look = marks(
        "version:N",
        "Probability",
        {"calibrated": ("blue", "circle"), "plain": ("grey", "square")},
        orient="top",
    )
    across = alt.X(
        "said:Q",
        title="Probability said",
        axis=alt.Axis(format="%", tickCount=4),
        scale=alt.Scale(domain=[0.3, 1]),
    )
    up = alt.Y(
        "right:Q", title="Share that is right", axis=alt.Axis(format="%"), scale=alt.Scale(domain=[0.3, 1])
    )
    ends = pd.DataFrame({"said": [0.3, 1.0], "right": [0.3, 1.0]})
    diagonal = alt.Chart(ends).mark_line(strokeDash=[4, 4], color=PALETTE["grey"]).encode(across, up)
    base = alt.Chart(rows).transform_filter("datum.truth == calibration_truth").encode(across, up)
    lines = base.mark_line(strokeWidth=1.5).encode(look["color"])
    dots = base.mark_point(filled=True, size=90, opacity=1).encode(
        **look,
        tooltip=[
            "version",
            alt.Tooltip("said:Q", format=".0%"),
            alt.Tooltip("right:Q", format=".0%"),
            "n",
        ],
    )
    return follow(diagonal + lines + dots, [which], lambda truth: captions.calibration(rows, truth))


def _noise_rows(noise: pd.DataFrame) -> pd.DataFrame:
    """``task, step, noise, change, error, low, high``, one row for each change and kind of noise."""
    parts = [
        noise.assign(step=noise["task"] + ", " + noise["variant"], noise=kind, error=noise[column])
        for kind, column in (("on the same items", "error"), ("assumed", "assumed"))
    ]
    rows = pd.concat(parts, ignore_index=True)
    rows = rows.assign(low=rows["change"] - 1.96 * rows["error"], high=rows["change"] + 1.96 * rows["error"])
    return rows[["task", "step", "noise", "change", "error", "low", "high"]].round(3)


def _agreement_rows(
    table: pd.DataFrame, nulls: Mapping[str, Null], ceiling: Null
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """``steps, rule, agreement, low, high, n`` of each rule, and ``steps, rule, low, high`` of luck."""
    columns = ["agreement", "low", "high", "n"]
    by_steps = {"all": table[columns], "clear": table[[f"clear_{column}" for column in columns]]}
    best = dict(zip(columns, [*[ceiling.observed] * 3, ceiling.n], strict=True))
    rows = pd.concat(
        [
            *(part.set_axis(columns, axis=1).assign(steps=key) for key, part in by_steps.items()),
            pd.DataFrame(best, index=[_HINDSIGHT]).assign(steps="all"),
        ]
    )
    luck = [*((key, "formula of size", null) for key, null in nulls.items()), ("all", _HINDSIGHT, ceiling)]
    chance = pd.DataFrame([{"steps": k, "rule": rule, "low": n.low, "high": n.high} for k, rule, n in luck])
    return rows.rename_axis("rule").reset_index().round(4), chance.round(4)
