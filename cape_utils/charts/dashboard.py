"""Figures of the dashboard: phases of a family's steps, the same after a change, and phases read off the size alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from cape_utils.charts._base import PHASE_COLOURS, dropdown, name, put, size_axis
from cape_utils.charts.coupling import PHASE_POINT
from cape_utils.coupling import PHASES
from cape_utils.item_noise import Interval
from cape_utils.rendering import PALETTE
from cape_utils.results import Null
from cape_utils.size_rule import Formula

__all__ = ["agreement_chart", "family_phases", "size_scatter", "what_if"]

_COLOUR = alt.Color(
    "phase:N", title="Phase", scale=alt.Scale(domain=list(PHASES), range=[PHASE_COLOURS[p] for p in PHASES])
)
_SHARE = alt.X(
    "probability:Q",
    title="Probability",
    stack="zero",
    axis=alt.Axis(format="%"),
    scale=alt.Scale(domain=[0, 1], nice=False),
)
_BEFORE, _AFTER = "as measured", "what if"


def _size(params_b: float) -> str:
    return f"{params_b:.3g}B"


def _long(steps: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """One row for each step and phase."""
    rows = [
        {
            **{k: v for k, v in step.items() if not k.startswith("p_")},
            "phase": phase,
            "probability": round(float(step[f"p_{phase}"]), 4),
            "place": place,
        }
        for step in steps
        for place, phase in enumerate(PHASES)
    ]
    return pd.DataFrame(rows)


def family_phases(steps: pd.DataFrame, *, first: str = "Pythia") -> Any:
    """Probability of each phase for the steps of one family at a time.

    Parameters
    ----------
    steps : pandas.DataFrame
        From ``coupling.local_coupling``, with ``by_size``: the phase that a formula of size names.
    first : str
        Family shown at first.
    """
    records = [
        {
            "family": row["family"],
            "step": f"{_size(row['from_params_b'])} to {_size(row['to_params_b'])}",
            "size": row["mid_params_b"],
            "by_size": f"by size: {row['by_size']}",
            **{f"p_{phase}": row[f"p_{phase}"] for phase in PHASES},
        }
        for row in steps.to_dict("records")
    ]
    chosen = dropdown("phases_family", sorted(steps["family"].unique()), "Family", value=first)
    base = (
        alt.Chart(_long(records))
        .transform_filter("datum.family == phases_family")
        .encode(alt.Y("step:N", title=None, sort=alt.EncodingSortField("size", op="min")))
    )
    bars = base.mark_bar(height=13, yOffset=8, opacity=0.9).encode(
        _SHARE,
        _COLOUR,
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


def what_if(
    before: Sequence[Interval],
    after: Sequence[Interval],
    *,
    family: str,
    x: str,
    y: str,
    change: str,
    chosen: str = "",
) -> Any:
    """Probabilities of the phases as measured, and after a change of one model's scores.

    Parameters
    ----------
    before, after : sequence of Interval
        The same steps; both alike where nothing is changed.
    family, x, y : str
    change : str
        What was changed, in words; empty for nothing.
    chosen : str
        The model that can be changed, with its scores.
    """
    states = {_BEFORE: before, **({_AFTER: after} if change else {})}
    records = [
        {
            "step": f"{_size(one.from_params_b)} to {_size(one.to_params_b)}",
            "size": one.to_params_b,
            "scores": state,
            "coupling": "?" if np.isnan(one.median) else f"{one.median:+.2f}",
            **{f"p_{phase}": getattr(one, f"p_{phase}") for phase in PHASES},
        }
        for state, steps in states.items()
        for one in steps
    ]
    table = _long(records).dropna(subset="probability")
    if table.empty:
        raise ValueError(
            f"the number of test items of {name(x)} or {name(y)} is not known, so no phase has a probability; choose another pair"
        )
    table["row"] = table["step"] + (", " + table["scores"] if change else "")
    bars = (
        alt.Chart(table)
        .mark_bar(height={"band": 0.75})
        .encode(
            _SHARE,
            alt.Y(
                "row:N", title=None, sort=list(dict.fromkeys(table.sort_values(["size", "scores"])["row"]))
            ),
            _COLOUR,
            # A condition, and no scale: opacity on names that have no order is warned about.
            opacity=alt.condition(
                f"datum.scores == '{_AFTER}'", alt.value(1), alt.value(1 if not change else 0.5)
            ),
            order=alt.Order("place:Q"),
            tooltip=["row", "phase", alt.Tooltip("probability:Q", format=".0%"), "coupling"],
        )
    )
    moved = []
    for one, two in zip(before, after, strict=True):
        if change and one.phase != two.phase:
            moved.append(
                f"{_size(one.from_params_b)} to {_size(one.to_params_b)} from {one.phase} to {two.phase}"
            )
    last = after[-1]
    verdict = (
        f"Nothing is changed: n = {len(before)} steps{chosen and '; to change: '}{chosen}."
        if not change
        else f"With {change}, the likeliest phase changes at {'; '.join(moved)}."
        if moved
        else f"With {change}, no step's likeliest phase changes."
    )
    return put(
        bars,
        title=f"{family}: {name(y)} over {name(x)}, step by step",
        caption=f"{verdict} Last step: {last.phase}, {last.probability:.0%}.",
        alternative=(
            "Stacked bars of the probabilities of tax, transition and bonus for each step in size"
            + (", as measured in pale colours and after the change in full ones." if change else ".")
        ),
    )


def size_scatter(steps: pd.DataFrame, rule: Formula, *, clip: float = 2.0) -> Any:
    """Local couplings of steps by size, with the bands in which a formula of size sees each phase.

    Parameters
    ----------
    steps : pandas.DataFrame
        From ``size_rule.held_out_steps``.
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
        From ``size_rule.agreement_table``.
    nulls : mapping of str to Null
        ``"all"`` and ``"clear"``: the formula with sizes dealt out anew.
    ceiling : Null
        From ``size_rule.best_cuts``, over all steps.
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
            f"{clear.n} whose phase is at least 80% sure. Lines: 95% intervals over families; grey: sizes dealt out anew."
        ),
        alternative=(
            "Dots with interval lines, one row for each rule, over the share of steps on which it agrees with the scores' phase: "
            + ", ".join(f"{rule} {row['agreement']:.0%}" for rule, row in table.iterrows())
            + f", best cuts in hindsight {ceiling.observed:.0%}. Grey bars show what luck gives."
        ),
    )
