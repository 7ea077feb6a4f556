"""Figures of chapter 02: couplings of two benchmarks, and what chance makes of them."""

from __future__ import annotations

from typing import Any

import altair as alt
import pandas as pd

from cape_utils.charts.parts import (
    PHASE_POINT,
    dropdown,
    name,
    order_of,
    pct_axis,
    put,
    size_axis,
    slider,
)
from cape_utils.charts.rendering import PALETTE
from cape_utils.scaling.coupling import TAX_BELOW
from cape_utils.stats.results import Estimate

__all__ = ["chance_chart", "pair_grid", "pair_signs", "phase_dots", "score_path"]


def score_path(panels: pd.DataFrame, r: Estimate, *, first: str = "Pythia") -> Any:
    """HellaSwag against TruthfulQA, one family at a time, joined in order of size.

    Parameters
    ----------
    panels : pandas.DataFrame
        Columns ``panel, family, model, params_b, hellaswag, truthfulqa_mc2, flags``.
    r : Estimate
        Population coupling of the first family, rows of other families left out.
    first : str
        Family shown at first.
    """
    shown = panels[(panels["family"] == first) & (panels["panel"] == panels["panel"].iloc[0])]
    strangers = list(shown.loc[shown["flags"].fillna("").str.contains("misfiled"), "model"])
    kink = (
        f" As released the label also holds {' and '.join(strangers)}, which make the kink."
        if strangers
        else ""
    )
    caption = f"{first}, n = {r.n}: r = {r.estimate:.3f}.{kink} Some paths turn, some do not."
    sizes = panels.groupby("family")["params_b"].nunique()
    families = sorted(sizes[sizes >= 3].index)
    table = panels[panels["family"].isin(families)].drop(columns="flags")
    chosen = dropdown("path_family", families, "Family", value=first)
    which = dropdown("path_panel", order_of(panels, "panel"), "Panel")
    base = (
        alt.Chart(table)
        .transform_filter("datum.family == path_family && datum.panel == path_panel")
        .encode(
            alt.X("hellaswag:Q", title="HellaSwag (percent)", scale=alt.Scale(zero=False, padding=20)),
            pct_axis("truthfulqa_mc2", "TruthfulQA MC2 (percent)", padding=20),
        )
        .add_params(which, chosen)
    )
    line = base.mark_line(color=PALETTE["grey"]).encode(order="params_b:Q")
    points = base.mark_point(filled=True, color=PALETTE["blue"], size=80).encode(
        tooltip=["model", "params_b", "hellaswag", "truthfulqa_mc2"]
    )
    words = (
        base.mark_text(dy=-11)
        .encode(text=alt.Text("size_label:N"))
        .transform_calculate(size_label="format(datum.params_b, '~g') + 'B'")
    )
    return put(
        line + points + words,
        title="A family's way through the two scores",
        caption=caption,
        alternative=(
            f"Connected scatter plot, HellaSwag across and TruthfulQA up, one point a model, joined in order of size. "
            f"For {first} the path runs from top left to bottom right: as HellaSwag rises, TruthfulQA falls. "
            "Other families can be chosen; some turn upwards."
        ),
    )


def phase_dots(local: pd.DataFrame, *, clip: float = 2.0) -> Any:
    """Local couplings by size with the error that item noise implies.

    Parameters
    ----------
    local : pandas.DataFrame
        From ``scaling.coupling.local_coupling`` with a column ``panel``.
    clip : float
        Couplings and bars are drawn no further out than this.
    """
    table = local.dropna(subset=["coupling"]).copy()
    table["step"] = table["from_model"] + " to " + table["to_model"]
    table["shown"] = table["coupling"].clip(-clip, clip)
    table["bar_low"] = (table["coupling"] - table["se"]).clip(-clip, clip)
    table["bar_high"] = (table["coupling"] + table["se"]).clip(-clip, clip)
    columns = [
        "panel",
        "family",
        "step",
        "mid_params_b",
        "coupling",
        "se",
        "p_sign",
        "phase",
        "shown",
        "bar_low",
        "bar_high",
    ]
    which = dropdown("dots_panel", order_of(table, "panel"), "Panel")
    family = dropdown("dots_family", ["all families", *sorted(table["family"].unique())], "Family")
    sure = slider("dots_sure", 0.5, 1.0, 0.05, 0.5, "Sign at least this sure")
    base = (
        alt.Chart(table[columns].round(4))
        .transform_filter("datum.panel == dots_panel && datum.p_sign >= dots_sure")
        .transform_filter("dots_family == 'all families' || datum.family == dots_family")
        .add_params(which, family, sure)
    )
    x = size_axis("mid_params_b", "Middle of the step (billion parameters, log scale)")
    y = alt.Y(
        "shown:Q", title=f"Local coupling, drawn within ±{clip:g}", scale=alt.Scale(domain=[-clip, clip])
    )
    bars = base.mark_rule(opacity=0.5).encode(x, alt.Y("bar_low:Q"), alt.Y2("bar_high:Q"))
    points = base.mark_point(filled=True, size=80).encode(
        x,
        y,
        **PHASE_POINT,
    )
    edges = (
        alt.Chart(pd.DataFrame({"y": [-TAX_BELOW, TAX_BELOW]}))
        .mark_rule(strokeDash=[4, 4])
        .encode(alt.Y("y:Q"))
    )
    parts = [
        f"{int((part['p_sign'] >= 0.95).sum())} of {len(part)} in {panel}"
        for panel, part in table.groupby("panel", sort=False)
    ]
    return put(
        edges + bars + points,
        title="Every step in size, with its error",
        caption=(
            f"Steps whose sign item noise leaves at least 95% sure: {' and '.join(parts)}. "
            f"Bars are one standard error, dashed lines the paper's thresholds; points on the edges lie beyond ±{clip:g}."
        ),
        alternative=(
            "Dot plot of local couplings against size with error bars. Down-pointing triangles are tax, circles "
            "transition, up-pointing triangles bonus. Below about three billion parameters most points lie below zero, "
            "above it they lie on both sides; many bars cross zero. A slider hides steps with an uncertain sign."
        ),
    )


def pair_signs(shares: pd.DataFrame) -> Any:
    """Share of positive local couplings of each pair, below and above a size.

    Parameters
    ----------
    shares : pandas.DataFrame
        From ``scaling.coupling.sign_shares`` with a column ``panel``.
    """
    table = shares.copy()
    table["pair"] = table["x"].map(name) + " and " + table["y"].map(name)
    table["pair"] = table["pair"].str.replace(" MC2", "")
    table["has_tqa"] = table["pair"].str.contains("TruthfulQA")
    first = table[table["panel"] == table["panel"].iloc[0]]
    gap = first.pivot(index="pair", columns="side", values="share")
    order = list((gap["above"] - gap["below"]).sort_values(ascending=False).index)
    which = dropdown("signs_panel", order_of(table, "panel"), "Panel")
    keep = alt.Chart(table).transform_filter("datum.panel == signs_panel")
    table["side"] = table["side"] + " 3.5B"
    sides = ["below 3.5B", "above 3.5B"]
    shade = alt.Color(
        "side:N",
        title="Steps",
        scale=alt.Scale(domain=sides, range=[PALETTE["vermillion"], PALETTE["blue"]]),
        legend=alt.Legend(columns=1),
    )
    offset = alt.YOffset("side:N", sort=sides)
    bars = keep.mark_rule(opacity=0.6).encode(
        alt.Y("pair:N", sort=order, title=None),
        offset,
        alt.X("low:Q"),
        alt.X2("high:Q"),
        shade,
    )
    points = (
        keep.mark_point(filled=True, size=90)
        .encode(
            alt.Y("pair:N", sort=order, title=None, axis=alt.Axis(labelLimit=210)),
            offset,
            alt.X(
                "share:Q",
                title="Share of positive local couplings",
                axis=alt.Axis(format="%", values=[0, 0.25, 0.5, 0.75, 1]),
                scale=alt.Scale(domain=[0, 1]),
            ),
            shade,
            alt.Shape(
                "side:N",
                title="Steps",
                scale=alt.Scale(domain=sides, range=["circle", "square"]),
            ),
            tooltip=["pair", "side", "positive", "n", alt.Tooltip("share:Q", format=".0%")],
        )
        .add_params(which)
    )
    half = alt.Chart(pd.DataFrame({"x": [0.5]})).mark_rule(strokeDash=[4, 4]).encode(alt.X("x:Q"))
    flips = [pair for pair in gap.index if gap.loc[pair, "below"] < 0.5 < gap.loc[pair, "above"]]
    n = int(first["n"].max())
    return put(
        (half + bars + points).properties(height=380),
        title="Which pairs change sign with size",
        caption=(
            f"In {first['panel'].iloc[0]} {len(flips)} of {len(gap)} pairs go from mostly negative to mostly positive: "
            f"{', '.join(flips) if flips else 'none'}. At most {n} steps a side; bars are Wilson 95% intervals."
        ),
        alternative=(
            "Dot plot, two dots for each pair of benchmarks: share of positive local couplings in steps below and above "
            "3.5 billion parameters. Pairs with TruthfulQA start below one half; pairs without it lie high on both sides."
        ),
    )


def pair_grid(matrices: pd.DataFrame) -> Any:
    """Population coupling of every pair of benchmarks as a grid.

    Parameters
    ----------
    matrices : pandas.DataFrame
        From ``scaling.coupling.coupling_matrix`` with a column ``group``.
    """
    mirrored = pd.concat([matrices, matrices.rename(columns={"x": "y", "y": "x"})], ignore_index=True)
    mirrored["across"], mirrored["up"] = mirrored["x"].map(name), mirrored["y"].map(name)
    order = [name(b) for b in order_of(pd.concat([matrices["x"], matrices["y"]]).to_frame("b"), "b")]
    chosen = dropdown("grid_group", order_of(matrices, "group"), "Models")
    base = (
        alt.Chart(mirrored)
        .transform_filter("datum.group == grid_group")
        .encode(
            alt.X("across:N", title=None, sort=order, axis=alt.Axis(labelAngle=-45, labelOverlap=False)),
            alt.Y("up:N", title=None, sort=order, axis=alt.Axis(labelOverlap=False)),
        )
        .add_params(chosen)
    )
    cells = base.mark_rect().encode(
        alt.Color(
            "r:Q", title="r", scale=alt.Scale(domain=[-1, 0, 1], range=["#D55E00", "#F2F2F2", "#2F7FBF"])
        ),
        tooltip=["across", "up", alt.Tooltip("r:Q", format=".3f"), "n"],
    )
    words = base.mark_text(fontWeight=600, color="#1F2328").encode(alt.Text("r:Q", format=".2f"))
    first = matrices[matrices["group"] == matrices["group"].iloc[0]]
    low = first.loc[first["r"].idxmin()]
    return put(
        cells + words,
        title="The coupling matrix",
        caption=(
            f"{first['group'].iloc[0]}, n = {int(first['n'].max())}: the lowest r is {low['r']:.2f}, "
            f"{name(low['x'])} with {name(low['y'])}."
        ),
        alternative=(
            "Grid of correlations between five benchmarks, with the number in each cell. In small families every cell "
            "of the TruthfulQA row is negative and the others are positive."
        ),
    )


def chance_chart(scores: pd.DataFrame, falls: pd.DataFrame, chance_pct: float) -> Any:
    """TruthfulQA of each family against the level of a guesser.

    Parameters
    ----------
    scores : pandas.DataFrame
        Columns ``family, model, params_b, truthfulqa_mc2``.
    falls : pandas.DataFrame
        From ``scaling.coupling.chance_start``.
    chance_pct : float
    """
    table = scores[scores["family"].isin(falls["family"])]
    chosen = dropdown("chance_family", ["all families", *sorted(table["family"].unique())], "Family")
    base = (
        alt.Chart(table)
        .transform_filter("chance_family == 'all families' || datum.family == chance_family")
        .encode(
            size_axis(),
            alt.Y("truthfulqa_mc2:Q", title="TruthfulQA MC2 (percent)", scale=alt.Scale(zero=False)),
            alt.Detail("family:N"),
            tooltip=["model", "family", "params_b", "truthfulqa_mc2"],
        )
        .add_params(chosen)
    )
    rule = (
        alt.Chart(pd.DataFrame({"y": [chance_pct]}))
        .mark_rule(color=PALETTE["vermillion"], strokeDash=[6, 4])
        .encode(alt.Y("y:Q"))
    )
    word = (
        alt.Chart(pd.DataFrame({"y": [chance_pct], "label": [f"guessing, about {chance_pct:g}"]}))
        .mark_text(align="right", dy=-7, color=PALETTE["vermillion"])
        .encode(alt.Y("y:Q"), alt.Text("label:N"), x=alt.value("width"))
    )
    small = falls[falls["first_b"] < 0.2]
    below = small["below_pp"].sum() / small["fall_pp"].sum()
    return put(
        base.mark_line(color=PALETTE["blue"], opacity=0.55)
        + base.mark_point(filled=True, color=PALETTE["blue"])
        + rule
        + word,
        title="The fall lies below guessing",
        caption=(
            f"{len(falls)} families fall before they rise, if they rise. In the {len(small)} that start below 0.2B, "
            f"{below:.0%} of the fall lies below the guessing level."
        ),
        alternative=(
            "Line chart of TruthfulQA against size, one line a family, with a dashed line where guessing lies. The "
            "smallest models start at or a little below the line, and the lines fall well below it before some rise."
        ),
    )
