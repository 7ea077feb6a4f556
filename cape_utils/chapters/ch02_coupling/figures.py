"""Figures of chapter 02: couplings of two benchmarks, and what chance makes of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import altair as alt
import numpy as np
import pandas as pd

from cape_utils.chapters.ch02_coupling import captions
from cape_utils.chapters.ch02_coupling.two_trends import KEPT
from cape_utils.charts.parts import (
    PHASE_POINT,
    choice,
    dropdown,
    fixed,
    follow,
    marks,
    name,
    order_of,
    pct_axis,
    rule_at,
    share_axis,
    share_bars,
    size_axis,
    slider,
    spread,
)
from cape_utils.charts.rendering import PALETTE
from cape_utils.scaling.coupling import TAX_BELOW
from cape_utils.stats.results import Null

__all__ = [
    "chance_chart",
    "pair_grid",
    "pair_signs",
    "phase_dots",
    "score_path",
    "shuffle_chart",
    "size_out_chart",
]


def score_path(panels: pd.DataFrame, couplings: pd.DataFrame, *, first: str = "Pythia") -> Any:
    """HellaSwag against TruthfulQA, one family at a time, joined in order of size.

    Parameters
    ----------
    panels : pandas.DataFrame
        Columns ``panel, family, model, params_b, hellaswag, truthfulqa_mc2``.
    couplings : pandas.DataFrame
        From ``paths.path_couplings``; the families to choose from.
    first : str
        Family shown at first.
    """
    families = sorted(couplings["family"].unique())
    table = panels[panels["family"].isin(families)].drop(columns="flags", errors="ignore")
    # Neighbours in size are often neighbours in the plane: their labels stand above and below in turn.
    table = table.sort_values("params_b", kind="stable")
    table = table.assign(turn=table.groupby(["panel", "family"]).cumcount() % 2)
    chosen = dropdown("path_family", families, "Family", value=first)
    which, of_panel = choice(table, "panel", "path_panel", "Panel")
    base = (
        alt.Chart(table)
        .transform_filter(f"datum.family == path_family && {of_panel}")
        .encode(
            alt.X("hellaswag:Q", title="HellaSwag (percent)", scale=alt.Scale(zero=False, padding=20)),
            pct_axis("truthfulqa_mc2", "TruthfulQA MC2 (percent)", padding=20),
        )
    )
    line = base.mark_line(color=PALETTE["grey"]).encode(order="params_b:Q")
    points = base.mark_point(filled=True, color=PALETTE["blue"], size=80).encode(
        tooltip=["model", "params_b", "hellaswag", "truthfulqa_mc2"]
    )
    sized = base.transform_calculate(size_label="format(datum.params_b, '~g') + 'B'")
    words = [
        sized.transform_filter(f"datum.turn == {turn}").mark_text(dy=dy).encode(alt.Text("size_label:N"))
        for turn, dy in ((0, -11), (1, 15))
    ]
    return follow(
        alt.layer(line, points, *words),
        [which, chosen],
        lambda panel, family: captions.path(couplings, panel, family),
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
    rows = _step_rows(local, clip)
    which, of_panel = choice(rows, "panel", "dots_panel", "Panel")
    family, of_family = choice(rows, "family", "dots_family", "Family", every="all families")
    sure = slider("dots_sure", 0.5, 1.0, 0.05, 0.5, "Sign at least this sure")
    base = (
        alt.Chart(rows.round(4))
        .transform_filter(f"{of_panel} && datum.p_sign >= dots_sure && ({of_family})")
        .encode(size_axis("mid_params_b", "Middle of the step (billion parameters, log scale)"))
    )
    up = alt.Y(
        "shown:Q", title=f"Local coupling, drawn within ±{clip:g}", scale=alt.Scale(domain=[-clip, clip])
    )
    bars = spread(base, "bar_low", "bar_high", opacity=0.5)
    points = base.mark_point(filled=True, size=80).encode(up, **PHASE_POINT)
    edges = (
        alt.Chart(pd.DataFrame({"y": [-TAX_BELOW, TAX_BELOW]})).mark_rule(strokeDash=[4, 4]).encode(y="y:Q")
    )
    return follow(
        edges + bars + points,
        [which, family],
        lambda panel, one: captions.steps(rows, clip, panel, one),
        others=[sure],  # the words say how many signs are 95% sure, wherever the slider stands
    )


def _step_rows(local: pd.DataFrame, clip: float) -> pd.DataFrame:
    """The steps with a coupling, it and the ends of one standard error clipped."""
    table = local.dropna(subset=["coupling"])
    value, error = table["coupling"], table["se"]
    drawn = {"shown": value, "bar_low": value - error, "bar_high": value + error}
    clipped = {column: numbers.clip(-clip, clip) for column, numbers in drawn.items()}
    columns = ["panel", "family", "step", "mid_params_b", "coupling", "se", "p_sign", "phase", *clipped]
    return table.assign(step=table["from_model"] + " to " + table["to_model"], **clipped)[columns]


_SIDES = {"below 3.5B": ("vermillion", "circle"), "above 3.5B": ("blue", "square")}


def pair_signs(shares: pd.DataFrame) -> Any:
    """Share of positive local couplings of each pair, below and above a size.

    Parameters
    ----------
    shares : pandas.DataFrame
        From ``scaling.coupling.sign_shares`` with a column ``panel``.
    """
    pair = (shares["x"].map(name) + " and " + shares["y"].map(name)).str.replace(" MC2", "")
    table = shares.assign(pair=pair, side=shares["side"] + " 3.5B")
    first = table[table["panel"] == table["panel"].iloc[0]]
    by_side = first.pivot(index="pair", columns="side", values="share")[list(_SIDES)]
    rise = by_side["above 3.5B"] - by_side["below 3.5B"]
    order = list(rise.sort_values(ascending=False).index)
    which, of_panel = choice(table, "panel", "signs_panel", "Panel")
    side = marks("side:N", "Steps", _SIDES, columns=1)
    base = (
        alt.Chart(table)
        .transform_filter(of_panel)
        .encode(
            alt.Y("pair:N", sort=order, title=None, axis=alt.Axis(labelLimit=210)),
            alt.YOffset("side:N", sort=list(_SIDES)),
            side["color"],
        )
    )
    bars = spread(base, "low", "high", "x", opacity=0.6)
    points = base.mark_point(filled=True, size=90).encode(
        share_axis("share", "Share of positive local couplings", "x", values=[0, 0.25, 0.5, 0.75, 1]),
        side["shape"],
        tooltip=["pair", "side", "positive", "n", alt.Tooltip("share:Q", format=".0%")],
    )
    return follow(
        (rule_at(0.5, "x") + bars + points).properties(height=380),
        [which],
        lambda panel: captions.signs(table, panel),
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
    order = [name(b) for b in pd.concat([matrices["x"], matrices["y"]]).unique()]
    chosen, of_group = choice(matrices, "group", "grid_group", "Models")
    base = (
        alt.Chart(mirrored)
        .transform_filter(of_group)
        .encode(
            alt.X("across:N", title=None, sort=order, axis=alt.Axis(labelAngle=-45, labelOverlap=False)),
            alt.Y("up:N", title=None, sort=order, axis=alt.Axis(labelOverlap=False)),
        )
    )
    shade = alt.Scale(domain=[-1, 0, 1], range=["#D55E00", "#F2F2F2", "#2F7FBF"])
    cells = base.mark_rect().encode(
        alt.Color("r:Q", title="r", scale=shade),
        tooltip=["across", "up", alt.Tooltip("r:Q", format=".3f"), "n"],
    )
    words = base.mark_text(fontWeight=600, color="#1F2328").encode(alt.Text("r:Q", format=".2f"))
    layers = (cells + words).properties(height=150)
    return follow(layers, [chosen], lambda group: captions.grid(matrices, group))


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
    every = "all families"
    table = scores[scores["family"].isin(falls["family"])]
    chosen, of_family = choice(table, "family", "chance_family", "Family", every=every)
    across = size_axis().scale(fixed(table["params_b"], margin=0.08, log=True))
    up = alt.Y("truthfulqa_mc2:Q", title="TruthfulQA MC2 (percent)", scale=fixed(table["truthfulqa_mc2"]))
    base = (
        alt.Chart(table)
        .transform_filter(of_family)
        .encode(
            across,
            up,
            alt.Detail("family:N"),
            tooltip=["model", "family", "params_b", "truthfulqa_mc2"],
        )
    )
    lines = base.mark_line(color=PALETTE["blue"], opacity=0.55)
    points = base.mark_point(filled=True, color=PALETTE["blue"])
    # On a phone the names of all families would cover one another; there the tooltip and the drop-down name them.
    names = (
        alt.Chart(_line_ends(table))
        .transform_filter(f"({of_family}) && (width > 420 || chance_family != '{every}')")
        .mark_text(align="left", dx=7, fontSize=11)
        .encode(across, alt.Y("label_pct:Q"), alt.Text("family:N"))
    )
    word = (
        alt.Chart(pd.DataFrame({"y": [chance_pct], "label": [f"guessing, about {chance_pct:g}"]}))
        .mark_text(align="right", dy=-7, color=PALETTE["vermillion"])
        .encode(alt.Y("y:Q"), alt.Text("label:N"), x=alt.value("width"))
    )
    rule = rule_at(chance_pct, colour="vermillion", dash=(6, 4))
    return follow(
        (lines + points + rule + word + names).properties(height=380),
        [chosen],
        lambda family: captions.chance(falls, "" if family == every else family),
    )


def _line_ends(table: pd.DataFrame, *, gap_pct: float = 0.55, reach: float = 0.75) -> pd.DataFrame:
    """The largest model of each family, and a height for its name that keeps clear of the other names.

    Names within ``reach`` of each other (in log10 of size) stand at least ``gap_pct`` apart.
    """
    ends = table.sort_values("params_b").drop_duplicates("family", keep="last")
    ends = ends.sort_values("truthfulqa_mc2")[["family", "params_b", "truthfulqa_mc2"]]
    placed: list[tuple[float, float]] = []
    for size, score in zip(np.log10(ends["params_b"]), ends["truthfulqa_mc2"], strict=True):
        near = [height for other, height in placed if abs(other - size) < reach]
        placed.append((size, max([score, *(height + gap_pct for height in near)])))
    return ends.assign(label_pct=[round(height, 2) for _, height in placed])


_PAIR = ("blue", "vermillion")


def shuffle_chart(
    series: pd.DataFrame, nulls: Mapping[str, Null], bins: pd.DataFrame, *, x: str, y: str
) -> Any:
    """Two series beside the same with steps or scores shuffled, and where r of the draw lies among all draws.

    Parameters
    ----------
    series : pandas.DataFrame
        From ``two_trends.shuffled_series``.
    nulls, bins : mapping of str to Null, pandas.DataFrame
        From ``two_trends.shuffled_nulls``.
    x, y : str
        The two benchmarks.
    """
    kind = dropdown("shuffle_kind", list(KEPT), "Shuffle the", labels=list(KEPT.values()))
    draw = slider("shuffle_draw", 1, int(series["draw"].max()), 1, 1, "Draw")
    rows = series.melt(["kind", "draw", "params_b", "r"], ["x", "y"], "axis", "score").round(3)
    rows["benchmark"] = rows["axis"].map({"x": name(x), "y": name(y)})
    of_kind, of_draw = "datum.kind == shuffle_kind", "datum.draw == shuffle_draw"
    hues = alt.Scale(domain=[name(x), name(y)], range=[PALETTE[hue] for hue in _PAIR])
    base = alt.Chart(rows.drop(columns="r")).transform_filter(of_kind)
    base = base.encode(
        size_axis(),
        alt.Y("score:Q", title="Score (percent)", scale=fixed(rows["score"], margin=0.12)),
        alt.Color("benchmark:N", title=None, scale=hues, legend=None),
    )
    data = base.transform_filter("datum.draw == 0").mark_line(strokeDash=[5, 4], opacity=0.65)
    drawn = base.transform_filter(of_draw)
    left = (
        data
        + drawn.mark_line()
        + drawn.mark_point(filled=True, size=55, opacity=1).encode(tooltip=["benchmark", "params_b", "score"])
        + _names(drawn, "axis", float(rows["params_b"].min()))
    ).properties(height=250)
    right = _r_panel(series, nulls, bins, (of_kind, of_draw)).properties(height=250)

    def words(kind: str, draw: float) -> dict[str, str]:
        one = series[(series["kind"] == kind) & (series["draw"] == int(draw))]
        return captions.shuffles(one, nulls[kind], kind, x=x, y=y)

    return follow(alt.hconcat(left, right, spacing=24), [kind, draw], words)


def _names(base: Any, axis: str, smallest: float) -> Any:
    """The names of two series at their left ends: of the second above its point, of the first below."""
    layers = []
    for value, side in (("x", 18), ("y", -14)):
        end = base.transform_filter(f"datum.params_b == {smallest} && datum.{axis} == '{value}'")
        text = end.mark_text(align="left", dy=side, fontWeight="bold")
        layers.append(text.encode(alt.Y("score:Q"), alt.Text("benchmark:N")))
    return layers[0] + layers[1]


_SIDES_OF_ZERO: tuple[tuple[Literal["left", "right"], str], ...] = (
    ("left", "datum.r < 0"),
    ("right", "datum.r >= 0"),
)


def _r_panel(
    series: pd.DataFrame, nulls: Mapping[str, Null], bins: pd.DataFrame, keep: tuple[str, str]
) -> Any:
    """Histogram of r over all draws of a kind, with the data and the draw that is shown."""
    of_kind, of_draw = keep
    across = alt.X("low:Q", title="r of the two series", scale=alt.Scale(domain=[-1, 1], nice=False))
    bars = share_bars(bins, across, "Share of all draws", color=PALETTE["grey"], opacity=0.6)
    ends = pd.DataFrame({"kind": list(nulls), "r": [null.observed for null in nulls.values()]}).round(3)
    observed = alt.Chart(ends).transform_filter(of_kind)
    shown = alt.Chart(series[["kind", "draw", "r"]].drop_duplicates().round(3))
    shown = shown.transform_filter(of_kind).transform_filter(of_draw)
    layers: Any = bars.transform_filter(of_kind)
    for rule, word, hue, height in ((observed, "data", "green", 4), (shown, "this draw", "purple", 24)):
        label = f"'{word} ' + format(datum.r, '.2f')"
        at = rule.encode(alt.X("r:Q"))
        layers += at.mark_rule(color=PALETTE[hue], strokeWidth=2.5)
        # On the side of the line where there is room.
        for side, where in _SIDES_OF_ZERO:
            text = at.transform_filter(where).transform_calculate(label=label)
            text = text.mark_text(
                align=side,
                dx=6 if side == "left" else -6,
                baseline="top",
                color=PALETTE[hue],
                fontWeight="bold",
            )
            layers += text.encode(alt.Text("label:N"), y=alt.value(height))
    return layers


def size_out_chart(table: pd.DataFrame, *, y: str) -> Any:
    """Two scores against size with their straight lines, and what the lines leave of one against the other.

    Parameters
    ----------
    table : pandas.DataFrame
        From ``two_trends.size_taken_out``.
    y : str
        The second benchmark of every pair.
    """
    pairs = order_of(table, "pair")
    chosen = dropdown(
        "size_out", pairs, f"{name(y).removesuffix(' MC2')} and", labels=[name(x) for x in pairs]
    )
    keep = "datum.pair == size_out"
    parts = [
        pd.DataFrame(
            {
                "pair": table["pair"],
                "params_b": table["params_b"],
                "benchmark": table["pair"].map(name) if axis == "x" else name(y),
                "hue": axis,
                "score": table[axis],
                "line": table[f"{axis}_line"],
            }
        )
        for axis in ("x", "y")
    ]
    hues = alt.Scale(domain=["x", "y"], range=[PALETTE[hue] for hue in _PAIR])
    rows = pd.concat(parts).round(3)
    base = alt.Chart(rows).transform_filter(keep)
    base = base.encode(size_axis(), alt.Color("hue:N", scale=hues, legend=None))
    up = alt.Y("score:Q", title="Score (percent)", scale=fixed(rows["score"], margin=0.12))
    left = (
        base.mark_line(strokeDash=[5, 4], opacity=0.7).encode(alt.Y("line:Q", title="Score (percent)"))
        + spread(base, "score", "line", strokeWidth=2)
        + base.mark_point(filled=True, size=60, opacity=1).encode(
            up, tooltip=["benchmark", "params_b", "score"]
        )
        + _names(base, "hue", float(rows["params_b"].min()))
    ).properties(height=250)
    dots = alt.Chart(table[["pair", "params_b", "x_left", "y_left"]].round(3)).transform_filter(keep)
    dots = dots.mark_point(filled=True, size=70, opacity=1, color=PALETTE["purple"]).encode(
        alt.X("x_left:Q", title="First score, left over (points)"),
        alt.Y("y_left:Q", title="TruthfulQA, left over (points)"),
        tooltip=["params_b", "x_left", "y_left"],
    )
    ends = table[["pair", "r", "partial"]].drop_duplicates().round(3)
    words = (
        alt.Chart(ends)
        .transform_filter(keep)
        .transform_calculate(
            label="'r ' + format(datum.r, '.2f') + ', left over ' + format(datum.partial, '.2f')"
        )
        .mark_text(align="left", baseline="bottom", fontWeight="bold")
        .encode(alt.Text("label:N"), x=alt.value(0), y=alt.value(-5))
    )
    right = (rule_at(0.0, "x") + rule_at(0.0, "y") + dots + words).properties(height=250)
    return follow(
        alt.hconcat(left, right, spacing=24),
        [chosen],
        lambda x: captions.size_out(table[table["pair"] == x], x=x, y=y),
    )
