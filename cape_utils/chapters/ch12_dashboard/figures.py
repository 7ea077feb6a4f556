"""Figures of the dashboard: phases of a family's steps, the same after a change, and phases read off the size alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from cape_utils.chapters.ch12_dashboard.size_baseline import Formula
from cape_utils.charts.parts import (
    PHASE_BAR,
    PHASE_POINT,
    PROBABILITY,
    dropdown,
    phase_rows,
    put,
    size_axis,
    size_label,
)
from cape_utils.charts.rendering import PALETTE
from cape_utils.scaling.coupling import PHASES
from cape_utils.stats.results import Null

__all__ = ["agreement_chart", "family_phases", "size_scatter"]


def family_phases(steps: pd.DataFrame, *, first: str = "Pythia") -> Any:
    """Probability of each phase for the steps of one family at a time.

    Parameters
    ----------
    steps : pandas.DataFrame
        From ``scaling.coupling.local_coupling``, with ``by_size``: the phase that a formula of size names.
    first : str
        Family shown at first.
    """
    records = [
        {
            "family": row["family"],
            "step": f"{size_label(row['from_params_b'])} to {size_label(row['to_params_b'])}",
            "size": row["mid_params_b"],
            "by_size": f"by size: {row['by_size']}",
            **{f"p_{phase}": row[f"p_{phase}"] for phase in PHASES},
        }
        for row in steps.to_dict("records")
    ]
    chosen = dropdown("phases_family", sorted(steps["family"].unique()), "Family", value=first)
    base = (
        alt.Chart(phase_rows(records))
        .transform_filter("datum.family == phases_family")
        .encode(alt.Y("step:N", title=None, sort=alt.EncodingSortField("size", op="min")))
    )
    bars = base.mark_bar(height=13, yOffset=8, opacity=0.9).encode(
        PROBABILITY,
        PHASE_BAR,
        order=alt.Order("place:Q"),
        tooltip=["step", "phase", alt.Tooltip("probability:Q", format=".0%"), "by_size"],
    )
    words = (
        base.transform_filter("datum.place == 0")
        .mark_text(align="left", dx=2, dy=-7)
        .encode(alt.Text("by_size:N"), x=alt.value(0))
    )
    clear = int((steps[[f"p_{p}" for p in PHASES]].max(axis=1) >= 0.8).sum())
    return put(
        (bars + words).add_params(chosen).properties(height=alt.Step(34)),
        title="The phase of each step, as far as its scores tell",
        caption=(
            f"n = {len(steps)} steps of {steps['family'].nunique()} families; for {clear} of them one phase has at least 80%. "
            "The words above each bar are what the formula of size says, whatever the scores."
        ),
        alternative=(
            f"One stacked bar for each step in size of the family chosen, {first} at first, with the probabilities of tax, "
            "transition and bonus; above the bar stands the phase that size alone gives."
        ),
    )


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
    table = steps.assign(
        step=steps["from_model"] + " to " + steps["to_model"],
        shown=steps["coupling"].clip(-clip, clip),
        sure=steps[[f"p_{p}" for p in PHASES]].max(axis=1),
    )
    columns = [
        "family",
        "step",
        "mid_params_b",
        "coupling",
        "se",
        "p_sign",
        "phase",
        "shown",
        "by_size",
        "sure",
    ]
    least = dropdown("rule_steps", ["all", "clear"], "Steps", labels=["all", "phase at least 80% sure"])
    sizes = np.logspace(np.log10(table["mid_params_b"].min()), np.log10(table["mid_params_b"].max()), 60)
    line = pd.DataFrame({"mid_params_b": sizes, "shown": rule.coupling_at(sizes).clip(-clip, clip)}).round(4)
    across = size_axis("mid_params_b", "Middle of the step (billions, log scale)")
    up = alt.Y(
        "shown:Q", title=f"Local coupling, drawn within ±{clip:g}", scale=alt.Scale(domain=[-clip, clip])
    )
    dots = (
        alt.Chart(table[columns].round(4))
        .transform_filter("rule_steps == 'all' || datum.sure >= 0.8")
        .mark_point(filled=True, size=80)
        .encode(
            across,
            up,
            **PHASE_POINT,
        )
    )
    edges = alt.Chart(pd.DataFrame({"edge": rule.edges_b}).round(4)).mark_rule(strokeDash=[4, 4])
    curve = alt.Chart(line).mark_line(color=PALETTE["purple"]).encode(across, up)
    hits = int((table["phase"] == table["by_size"]).sum())
    low, high = rule.edges_b
    return put(
        (edges.encode(alt.X("edge:Q")) + curve + dots).add_params(least),
        title="What size alone says, and what the scores say",
        caption=(
            f"n = {len(table)} steps of {table['family'].nunique()} families the formula was not made from. It says tax left "
            f"of {low:.1f}B, bonus right of {high:.1f}B, and agrees with the scores' phase on {hits}."
        ),
        alternative=(
            "Scatter plot of local couplings against size with a rising line, the formula, and two dashed verticals between its "
            "phases. Down-pointing triangles are steps in tax, circles transition, up-pointing triangles bonus; many lie on the "
            "wrong side."
        ),
    )


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
    groups = {"all": "", "clear": "clear_"}
    rows = [
        {
            "steps": key,
            "rule": rule,
            "agreement": row[f"{start}agreement"],
            "low": row[f"{start}low"],
            "high": row[f"{start}high"],
            "n": row[f"{start}n"],
        }
        for key, start in groups.items()
        for rule, row in table.iterrows()
    ]
    rows.append(
        {
            **{"steps": "all", "rule": "best cuts in hindsight", "agreement": ceiling.observed},
            **{"low": ceiling.observed, "high": ceiling.observed, "n": ceiling.n},
        }
    )
    chance = [
        {"steps": key, "rule": "formula of size", "low": n.low, "high": n.high} for key, n in nulls.items()
    ]
    chance.append(
        {"steps": "all", "rule": "best cuts in hindsight", "low": ceiling.low, "high": ceiling.high}
    )
    chosen = dropdown("agreement_steps", list(groups), "Steps", labels=["all", "phase at least 80% sure"])
    keep = "datum.steps == agreement_steps"
    order = [*table.index, "best cuts in hindsight"]
    up = alt.Y("rule:N", title=None, sort=order, axis=alt.Axis(labelLimit=150))
    across = alt.X(
        "low:Q",
        title="Share of steps",
        axis=alt.Axis(format="%"),
        scale=alt.Scale(domain=[0, 1], nice=False),
    )
    luck = (
        alt.Chart(pd.DataFrame(chance).round(4))
        .transform_filter(keep)
        .mark_bar(height=16, color=PALETTE["grey"], opacity=0.4)
        .encode(across, alt.X2("high:Q"), up)
    )
    base = alt.Chart(pd.DataFrame(rows).round(4)).transform_filter(keep)
    bars = base.mark_rule(strokeWidth=2).encode(across, alt.X2("high:Q"), up)
    dots = base.mark_point(filled=True, size=90, opacity=1).encode(
        alt.X("agreement:Q"),
        up,
        tooltip=["rule", alt.Tooltip("agreement:Q", format=".0%"), "n"],
    )
    mine, clear = table.loc["formula of size"], nulls["clear"]
    return put(
        (luck + bars + dots).add_params(chosen),
        title="How often a rule names the phase that the scores give",
        caption=(
            f"Formula of size: {mine['agreement']:.0%} of {mine['n']:.0f} steps, and {mine['clear_agreement']:.0%} of the "
            f"{clear.n} whose phase is at least 80% sure. Lines: 95% intervals over families; grey: sizes permuted."
        ),
        alternative=(
            "Dots with interval lines, one row for each rule, over the share of steps on which it agrees with the scores' phase: "
            + ", ".join(f"{rule} {row['agreement']:.0%}" for rule, row in table.iterrows())
            + f", best cuts in hindsight {ceiling.observed:.0%}. Grey bars show what luck gives."
        ),
    )
