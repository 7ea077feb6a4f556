"""Figures of chapter 03: where the sign changes, and what else changes there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from cape_utils.chapters.ch03_phase_transition import captions
from cape_utils.chapters.ch03_phase_transition.resamples import UNITS
from cape_utils.charts.parts import (
    ROW_PX,
    choice,
    dropdown,
    follow,
    log_axis,
    marks,
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
from cape_utils.scaling.critical_scale import CriticalScale
from cape_utils.scaling.scaling_laws import LossLaw, PowerLaw
from cape_utils.stats.resampling import histogram
from cape_utils.stats.results import Estimate

__all__ = [
    "estimator_chart",
    "gradient_chart",
    "isocline_chart",
    "loss_chart",
    "predictor_chart",
    "resample_chart",
    "scale_histogram",
    "sign_chart",
    "turning_chart",
]

_SIGNS = {"negative": ("vermillion", "triangle-down"), "positive": ("blue", "triangle-up")}
_VERDICTS = {"identified": ("blue", "circle"), "not identified": ("grey", "cross")}


def sign_chart(local: pd.DataFrame, curve: pd.DataFrame, odds: Mapping[str, CriticalScale]) -> Any:
    """Sign of each step by size, with the fitted probability of a positive sign.

    Parameters
    ----------
    local : pandas.DataFrame
        From ``scaling.coupling.local_coupling`` with a column ``panel``.
    curve : pandas.DataFrame
        From ``scaling.critical_scale.even_odds_curve`` with a column ``panel``.
    odds : mapping of str to CriticalScale
        From ``scaling.critical_scale.even_odds``, by panel.
    """
    rows = _sign_rows(local)
    which, of_panel = choice(rows, "panel", "sign_panel", "Panel")
    sure = slider("sign_sure", 0.5, 1.0, 0.05, 0.5, "Sign at least this sure")
    middle = "Middle of the step (billion parameters, log scale)"
    points = (
        alt.Chart(rows.round(4))
        .transform_filter(f"{of_panel} && datum.p_sign >= sign_sure")
        .mark_point(filled=True, size=55, opacity=0.8)
        .encode(
            size_axis("mid_params_b", middle),
            share_axis("height", "Probability of a positive sign"),
            **marks("sign:N", "Sign of the step", _SIGNS),
            tooltip=[
                "family",
                "step",
                "coupling",
                alt.Tooltip("p_sign:Q", title="sign is sure", format=".0%"),
            ],
        )
    )
    fitted = alt.Chart(curve.round(4)).transform_filter(of_panel).encode(size_axis("params_b", middle))
    band = fitted.mark_area(opacity=0.2, color=PALETTE["grey"]).encode(alt.Y("low:Q"), alt.Y2("high:Q"))
    line = fitted.mark_line(color=PALETTE["grey"]).encode(alt.Y("probability:Q"))
    return follow(
        band + rule_at(0.5) + line + points,
        [which],
        lambda panel: captions.signs(curve, odds, panel),
        others=[sure],  # hides steps; the curve, which the words are about, is of all of them
    )


def _sign_rows(local: pd.DataFrame) -> pd.DataFrame:
    """Steps with a sign, named, and the height at which each is drawn."""
    rows = local[local["coupling"].notna() & (local["coupling"] != 0)]
    positive = rows["coupling"] > 0
    # Spread points of one sign a little, in a fixed order, so that none hides another.
    place = rows.groupby(["panel", positive]).cumcount() % 7
    rows = rows.assign(
        step=rows["from_model"] + " to " + rows["to_model"],
        sign=positive.map({True: "positive", False: "negative"}),
        height=positive * 0.9 + 0.02 + place * 0.0115,
    )
    return rows[["panel", "family", "step", "mid_params_b", "coupling", "p_sign", "sign", "height"]]


def scale_histogram(cases: Mapping[str, CriticalScale]) -> Any:
    """Bootstrap distributions of the critical scale; the first case is the published one.

    Parameters
    ----------
    cases : mapping of str to CriticalScale
    """
    bins = pd.concat(
        [
            histogram(np.log10(scale.sizes), bins=46, low=-1, high=2.45).assign(case=case)
            for case, scale in cases.items()
        ]
    )
    bins[["low", "high"]] = 10 ** bins[["low", "high"]]
    summary = pd.DataFrame(
        [{"case": case, "middle": s.median, "from_b": s.low, "to_b": s.high} for case, s in cases.items()]
    )
    chosen, of_case = choice(summary, "case", "scale_case", "Show")
    sizes = [0.1, 0.3, 1, 3, 10, 30, 100, 300]
    x = log_axis("low", "Critical scale (billion parameters, log scale)", sizes)
    bars = share_bars(bins, x, "Share of valid draws", color=PALETTE["blue"], opacity=0.7)
    base = alt.Chart(summary.round(4)).transform_filter(of_case)
    red = PALETTE["vermillion"]
    span = spread(base.encode(y=alt.value(4)), "from_b", "to_b", "x", strokeWidth=3, color=red)
    median = base.mark_rule(strokeWidth=2, color=red).encode(alt.X("middle:Q"))
    layers = bars.transform_filter(of_case) + span + median
    return follow(layers, [chosen], lambda case: captions.scales(cases, case))


def resample_chart(picks: pd.DataFrame, estimates: pd.DataFrame, scales: Mapping[str, CriticalScale]) -> Any:
    """The rows that one draw of a bootstrap takes, above the critical scales of all draws by either unit.

    Parameters
    ----------
    picks, estimates : pandas.DataFrame
        From ``resamples.resampled``.
    scales : mapping of str to CriticalScale
        The estimates with their intervals, by unit.
    """
    unit = dropdown("resample_unit", list(UNITS), "Draw", value=UNITS[-1])
    draw = slider("resample_draw", 1, int(picks["draw"].max()), 1, 1, "Number")
    chosen = "datum.unit == resample_unit && datum.draw == resample_draw"
    sizes, reach = [0.1, 0.3, 1, 3, 10, 30, 100], [0.05, 200]
    rows = alt.Chart(picks).transform_filter(chosen)
    families = order_of(picks, "family")
    x = log_axis("params_b", "Models taken (billion parameters, log scale)", sizes, domain=reach)
    rows = rows.encode(x, alt.Y("family:N", title=None, scale=alt.Scale(domain=families)))
    left_out = rows.transform_filter("datum.times == 0").mark_point(
        filled=False, color=PALETTE["grey"], size=60
    )
    taken = rows.transform_filter("datum.times > 0")
    dots = taken.mark_point(filled=True, color=PALETTE["blue"], opacity=1).encode(
        alt.Size("times:Q", legend=None, scale=alt.Scale(domain=[1, 4], range=[70, 330])),
        tooltip=["model", "times"],
    )
    words = taken.mark_text(dy=-16, fontWeight="bold").encode(alt.Text("label:N"))
    words = words.transform_calculate(label="'' + datum.times")
    above = (left_out + dots + words).properties(height=52 * len(families))
    found = alt.Chart(estimates.dropna().round(3)).encode(
        log_axis("scale_b", "Critical scale of every draw", sizes, domain=reach),
        alt.Y("unit:N", title=None, scale=alt.Scale(domain=list(UNITS))),
    )
    ticks = found.mark_tick(color=PALETTE["grey"], opacity=0.35, height=20, thickness=1.5, clip=True)
    this = found.transform_filter(chosen).mark_point(
        shape="diamond", filled=True, size=170, color=PALETTE["vermillion"], opacity=1
    )
    below = (ticks + this.encode(tooltip=["unit", "scale_b"])).properties(height=2 * ROW_PX * len(UNITS))

    def said(unit: str, draw: float) -> dict[str, str]:
        one = picks[(picks["unit"] == unit) & (picks["draw"] == int(draw))]
        return captions.resamples(one, estimates, scales, unit, int(draw))

    return follow(alt.vconcat(above, below), [unit, draw], said)


def estimator_chart(table: pd.DataFrame, *, quoted_b: float) -> Any:
    """Every estimator of the critical scale on every panel, with its interval.

    Parameters
    ----------
    table : pandas.DataFrame
        From ``scaling.critical_scale.all_estimates`` with a column ``panel``.
    quoted_b : float
        The paper's figure, drawn as a line.
    """
    rows = table.drop(columns="reason").round(4)
    which, of_panel = choice(rows, "panel", "estimator_panel", "Panel")
    verdict = marks("verdict:N", None, _VERDICTS)
    order = order_of(rows, "estimator")
    y = alt.Y("estimator:N", sort=order, title=None, axis=alt.Axis(labelLimit=190))
    title, span = "Critical scale (billion parameters, log scale)", [0.03, 300]
    base = alt.Chart(rows).transform_filter(of_panel).encode(y, verdict["color"])
    bars = spread(base, "low", "high", "x", strokeWidth=2.5, clip=True)
    points = base.mark_point(filled=True, size=110, opacity=1).encode(
        log_axis("estimate", title, [0.1, 1, 10, 100], domain=span),
        verdict["shape"],
        tooltip=["estimator", "estimate", "low", "high", "valid", "verdict"],
    )
    paper = rule_at(quoted_b, "x", colour="vermillion", dash=(6, 4))
    return follow(
        (paper + bars + points).properties(height=260),
        [which],
        lambda panel: captions.estimators(rows, quoted_b, panel),
    )


def turning_chart(table: pd.DataFrame) -> Any:
    """Where each family's TruthfulQA is lowest, beside the scale the paper gives it.

    Parameters
    ----------
    table : pandas.DataFrame
        Columns ``panel, family, smallest_b, largest_b, low_b, high_b, lowest_b, quoted_b, turns,
        verdict``.
    """
    rows = table.assign(turn=table["turns"].map({True: "turns", False: "lowest at an end"}))
    which, of_panel = choice(rows, "panel", "turning_panel", "Panel")
    y = alt.Y("family:N", sort=order_of(rows, "family"), title=None)
    base = alt.Chart(rows).transform_filter(of_panel).encode(y)
    measured = base.mark_rule(color=PALETTE["grey"], opacity=0.5).encode(
        size_axis("smallest_b"), alt.X2("largest_b:Q")
    )
    noise = spread(base, "low_b", "high_b", "x", color=PALETTE["blue"], strokeWidth=5, opacity=0.55)
    shapes = alt.Scale(domain=["turns", "lowest at an end"], range=["circle", "square"])
    points = base.mark_point(filled=True, size=110, opacity=1, color=PALETTE["blue"]).encode(
        alt.X("lowest_b:Q"),
        alt.Shape("turn:N", title="TruthfulQA", scale=shapes),
        tooltip=["family", "lowest_b", "low_b", "high_b", "quoted_b"],
    )
    paper = base.mark_point(
        shape="cross", filled=True, size=130, angle=45, color=PALETTE["vermillion"], opacity=1
    ).encode(alt.X("quoted_b:Q"), tooltip=["family", "quoted_b"])
    return follow(
        (measured + noise + points + paper).properties(height=150),
        [which],
        lambda panel: captions.turning_points(rows, panel),
    )


def isocline_chart(points: pd.DataFrame, hits: pd.DataFrame, *, ratio: float) -> Any:
    """The isocline with a slider for its ratio, and its hits and misses counted as it moves.

    Parameters
    ----------
    points : pandas.DataFrame
        From ``ch03_phase_transition.isocline.isocline_points`` with a column ``panel``.
    hits : pandas.DataFrame
        Columns ``panel, n, rule, negation, always_negative``, one row a panel.
    ratio : float
        The paper's a / b.
    """
    across = alt.X("hs:Q", title="HellaSwag (fraction)", scale=alt.Scale(domain=[0.2, 0.95], nice=False))
    up = alt.Y("tqa:Q", title="TruthfulQA MC2 (fraction)", scale=alt.Scale(domain=[0.2, 0.65], nice=False))
    which, of_panel = choice(points, "panel", "iso_panel", "Panel")
    family, of_family = choice(points, "family", "iso_family", "Family", every="all families")
    moved = slider("iso_ratio", 0.1, 0.4, 0.001, ratio, "a/b")
    judged = (
        alt.Chart(points.round(5))
        .transform_filter(f"{of_panel} && ({of_family})")
        .transform_calculate(hit="(datum.tqa > sqrt(iso_ratio * datum.hs)) == (datum.sign == 'positive')")
    )
    dots = judged.mark_point(filled=True, size=70, opacity=0.85).encode(
        across, up, **marks("sign:N", "Next step", _SIGNS), tooltip=["family", "model", "hs", "tqa", "sign"]
    )
    curve = (
        alt.Chart(pd.DataFrame({"hs": [0.2 + 0.025 * i for i in range(31)]}))
        .transform_calculate(tqa="sqrt(iso_ratio * datum.hs)")
        .mark_line(color=PALETTE["grey"], clip=True)
        .encode(across, up)
    )
    score = (
        judged.transform_aggregate(hits="sum(hit)", n="count()")
        .transform_calculate(
            label="'rule ' + datum.hits + ', negation ' + (datum.n - datum.hits) + ' of ' + datum.n"
        )
        .mark_text(align="left", fontSize=14, fontWeight="bold")
        .encode(alt.Text("label:N"), x=alt.value(8), y=alt.value(12))
    )
    return follow(
        curve + dots + score,
        [which, family],
        lambda panel, one: captions.isocline(hits, points, panel, one, ratio),
        others=[moved],  # the corner counts for it
    )


def loss_chart(table: pd.DataFrame, law: LossLaw) -> Any:
    """Loss, residual of the law and TruthfulQA of Pythia against size.

    Parameters
    ----------
    table : pandas.DataFrame
        Columns ``model, params_b, loss_nats, truthfulqa_mc2`` in order of size.
    law : LossLaw
        Fitted to the losses of the same rows.
    """
    values: dict[str, Any] = {
        "loss (nats per token)": table["loss_nats"],
        "residual of the law (nats per token)": law.residuals,
        "TruthfulQA MC2 (percent)": table["truthfulqa_mc2"],
    }
    models = table[["model", "params_b"]]
    points = pd.concat([models.assign(quantity=name, value=value) for name, value in values.items()])
    sizes = np.geomspace(table["params_b"].min(), table["params_b"].max(), 40)
    curve = pd.DataFrame({"quantity": next(iter(values)), "params_b": sizes, "value": law.predict(sizes)})
    chosen, of_quantity = choice(points, "quantity", "loss_quantity", "Show")
    base, fitted = (
        alt.Chart(rows.round(5))
        .transform_filter(of_quantity)
        .encode(size_axis(), pct_axis("value", "").title(None))
        for rows in (points, curve)
    )
    # An axis title is fixed when the chart is drawn; what changes with the control is written above the axis.
    named = (
        alt.Chart(pd.DataFrame({"quantity": list(values)}))
        .transform_filter(of_quantity)
        .mark_text(align="left", fontWeight=600, fontSize=13)
        .encode(alt.Text("quantity:N"), x=alt.value(-30), y=alt.value(-10))
    )
    path = base.mark_line(color=PALETTE["blue"], opacity=0.35)
    dots = base.mark_point(filled=True, size=80, color=PALETTE["blue"]).encode(
        tooltip=["model", "params_b", "value"]
    )
    dashed = fitted.mark_line(color=PALETTE["vermillion"], strokeDash=[6, 4])
    return follow(
        path + dashed + dots + named, [chosen], lambda quantity: captions.losses(points, law, quantity)
    )


def gradient_chart(
    norms: pd.DataFrame, trends: Mapping[str, PowerLaw], dip_with: Estimate, dip_without: Estimate
) -> Any:
    """Gradient norms batch by batch with power laws in size.

    Parameters
    ----------
    norms : pandas.DataFrame
        Columns ``model, params_b, batch, grad_norm``.
    trends : mapping of str to PowerLaw
    dip_with, dip_without : Estimate
        Distance of Pythia-1B from the trend of all models, and from that of the others, percent.
    """
    sizes = np.geomspace(norms["params_b"].min(), norms["params_b"].max(), 20)
    lines = pd.concat(
        [
            pd.DataFrame({"fit": name, "params_b": sizes, "grad_norm": law.predict(sizes)})
            for name, law in trends.items()
        ]
    )
    chosen, of_fit = choice(lines, "fit", "gradient_fit", "Trend")
    scale = alt.Scale(type="log", nice=False, padding=10)
    y = alt.Y("grad_norm:Q", title="Gradient norm (log scale)", scale=scale)
    dots = (
        alt.Chart(norms)
        .mark_point(filled=True, opacity=0.6, color=PALETTE["blue"])
        .encode(size_axis(), y, tooltip=["model", "batch", "grad_norm"])
    )
    trend = (
        alt.Chart(lines.round(4))
        .transform_filter(of_fit)
        .mark_line(color=PALETTE["vermillion"])
        .encode(alt.X("params_b:Q"), y)
    )
    return follow(
        dots + trend, [chosen], lambda fit: captions.gradients(norms, trends, dip_with, dip_without, fit)
    )


def predictor_chart(table: pd.DataFrame) -> Any:
    """How well single quantities tell the sign of a held-out family's step.

    Parameters
    ----------
    table : pandas.DataFrame
        From ``scaling.sign_predictors.predictor_auc`` with a column ``steps``.
    """
    chosen, of_steps = choice(table, "steps", "predictor_steps", "Steps")
    y = alt.Y("predictor:N", sort=order_of(table, "predictor"), title=None, axis=alt.Axis(labelLimit=170))
    title = "Area under the curve, families held out (0.5 is guessing)"
    base = alt.Chart(table.round(4)).transform_filter(of_steps).encode(y)
    bars = spread(base, "low", "high", "x", strokeWidth=2.5, color=PALETTE["blue"])
    points = base.mark_point(filled=True, size=110, opacity=1, color=PALETTE["blue"]).encode(
        alt.X("auc:Q", title=title, scale=alt.Scale(domain=[0.3, 1], nice=False, zero=False)),
        tooltip=["predictor", "auc", "low", "high", "n", "families"],
    )
    return follow(
        (rule_at(0.5, "x") + bars + points).properties(height=190),
        [chosen],
        lambda steps: captions.predictors(table, steps),
    )
