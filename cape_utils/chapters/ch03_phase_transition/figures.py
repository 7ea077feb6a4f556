"""Figures of chapter 03: where the sign changes, and what else changes there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from cape_utils.charts.parts import dropdown, order_of, put, size_axis, slider
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
    "scale_histogram",
    "sign_chart",
    "turning_chart",
]

_SIGNS = alt.Scale(domain=["negative", "positive"], range=[PALETTE["vermillion"], PALETTE["blue"]])
_SIGN_SHAPES = alt.Scale(domain=["negative", "positive"], range=["triangle-down", "triangle-up"])


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
    found = [
        f"In {panel} a positive sign becomes likelier than not at {o.estimate:.1f}B [{o.low:.1f}, {o.high:.1f}], "
        f"n = {o.n} steps of {o.n_families} families."
        for panel, o in odds.items()
    ]
    risen = "; ".join(
        f"{panel} from {part['probability'].iloc[0]:.0%} to {part['probability'].iloc[-1]:.0%}"
        for panel, part in curve.groupby("panel", sort=False)
    )
    table = local[local["coupling"].notna() & (local["coupling"] != 0)].copy()
    table["sign"] = (table["coupling"] > 0).map({True: "positive", False: "negative"})
    table["step"] = table["from_model"] + " to " + table["to_model"]
    # Spread points of one sign a little, in a fixed order, so that none hides another.
    place = table.groupby(["panel", "sign"]).cumcount() % 7
    table["height"] = (table["sign"] == "positive") * 0.9 + 0.02 + place * 0.0115
    which = dropdown("sign_panel", order_of(table, "panel"), "Panel")
    sure = slider("sign_sure", 0.5, 1.0, 0.05, 0.5, "Sign at least this sure")
    points = (
        alt.Chart(
            table[["panel", "family", "step", "mid_params_b", "coupling", "p_sign", "sign", "height"]].round(
                4
            )
        )
        .transform_filter("datum.panel == sign_panel && datum.p_sign >= sign_sure")
        .mark_point(filled=True, size=55, opacity=0.8)
        .encode(
            size_axis("mid_params_b", "Middle of the step (billion parameters, log scale)"),
            alt.Y(
                "height:Q",
                title="Probability of a positive sign",
                axis=alt.Axis(format="%"),
                scale=alt.Scale(domain=[0, 1]),
            ),
            alt.Color("sign:N", title="Sign of the step", scale=_SIGNS),
            alt.Shape("sign:N", title="Sign of the step", scale=_SIGN_SHAPES),
            tooltip=[
                "family",
                "step",
                "coupling",
                alt.Tooltip("p_sign:Q", title="sign is sure", format=".0%"),
            ],
        )
        .add_params(which, sure)
    )
    fitted = alt.Chart(curve.round(4)).transform_filter("datum.panel == sign_panel")
    band = fitted.mark_area(opacity=0.2, color=PALETTE["grey"]).encode(
        size_axis("params_b", "Middle of the step (billion parameters, log scale)"),
        alt.Y("low:Q"),
        alt.Y2("high:Q"),
    )
    line = fitted.mark_line(color=PALETTE["grey"]).encode(alt.X("params_b:Q"), alt.Y("probability:Q"))
    half = alt.Chart(pd.DataFrame({"y": [0.5]})).mark_rule(strokeDash=[4, 4]).encode(alt.Y("y:Q"))
    return put(
        band + half + line + points,
        title="The sign of a step, by size",
        caption=" ".join(found),
        alternative=(
            "Triangles along the bottom are steps with a negative coupling, along the top steps with a positive one, by "
            f"size. A curve with a band, the fitted probability of a positive sign, rises with size: {risen}."
        ),
    )


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
    chosen = dropdown("scale_case", list(cases), "Show")
    x = alt.X(
        "low:Q",
        title="Critical scale (billion parameters, log scale)",
        scale=alt.Scale(type="log", nice=False),
        axis=alt.Axis(values=[0.1, 0.3, 1, 3, 10, 30, 100, 300], format="~g"),
    )
    bars = (
        alt.Chart(bins.round(5))
        .transform_filter("datum.case == scale_case && datum.share > 0")
        .mark_rect(color=PALETTE["blue"], opacity=0.7)
        .encode(
            x,
            alt.X2("high:Q"),
            alt.Y("share:Q", title="Share of valid draws", axis=alt.Axis(format="%")),
            y2=alt.datum(0),
        )
        .add_params(chosen)
    )
    keep = alt.Chart(summary.round(4)).transform_filter("datum.case == scale_case")
    span = keep.mark_rule(color=PALETTE["vermillion"], strokeWidth=3).encode(
        alt.X("from_b:Q"), alt.X2("to_b:Q"), y=alt.value(4)
    )
    middle = keep.mark_rule(color=PALETTE["vermillion"], strokeWidth=2).encode(alt.X("middle:Q"))
    listed = "; ".join(
        f"{r.case}: median {r.middle:.1f}B, 95% {r.from_b:.1f} to {r.to_b:.1f}" for r in summary.itertuples()
    )
    first = next(iter(cases.values()))
    lost = "; ".join(f"{case}, {s.discarded:,} of {s.draws:,}" for case, s in list(cases.items())[1:])
    return put(
        bars + span + middle,
        title="The critical scale, resampled in several ways",
        caption=(
            f"As published: median {first.median:.3f}B [{first.low:.3f}, {first.high:.3f}], {first.valid:,} of "
            f"{first.draws:,} draws valid, n = {first.n} rows. Draws without a minimum: {lost}."
        ),
        alternative=f"Histogram of the critical scale over bootstrap draws, with median and 95% interval. {listed}.",
    )


def estimator_chart(table: pd.DataFrame, *, quoted_b: float) -> Any:
    """Every estimator of the critical scale on every panel, with its interval.

    Parameters
    ----------
    table : pandas.DataFrame
        From ``scaling.critical_scale.all_estimates`` with a column ``panel``.
    quoted_b : float
        The paper's figure, drawn as a line.
    """
    table = table.drop(columns="reason").round(4).assign(label=table["estimator"])
    known = int((table["verdict"] == "identified").sum())
    which = dropdown("estimator_panel", order_of(table, "panel"), "Panel")
    keep = alt.Chart(table).transform_filter("datum.panel == estimator_panel")
    order = order_of(table, "label")
    x = alt.X(
        "estimate:Q",
        title="Critical scale (billion parameters, log scale)",
        scale=alt.Scale(type="log", domain=[0.03, 300], nice=False),
        axis=alt.Axis(values=[0.1, 1, 10, 100], format="~g"),
    )
    shade = alt.Color(
        "verdict:N",
        title=None,
        scale=alt.Scale(domain=["identified", "not identified"], range=[PALETTE["blue"], PALETTE["grey"]]),
    )
    bars = keep.mark_rule(strokeWidth=2.5, clip=True).encode(
        alt.Y("label:N", sort=order, title=None, axis=alt.Axis(labelLimit=190)),
        alt.X("low:Q"),
        alt.X2("high:Q"),
        shade,
    )
    points = (
        keep.mark_point(filled=True, size=110, opacity=1)
        .encode(
            alt.Y("label:N", sort=order),
            x,
            shade,
            alt.Shape(
                "verdict:N",
                title=None,
                scale=alt.Scale(domain=["identified", "not identified"], range=["circle", "cross"]),
            ),
            tooltip=["estimator", "estimate", "low", "high", "valid", "verdict"],
        )
        .add_params(which)
    )
    paper = (
        alt.Chart(pd.DataFrame({"x": [quoted_b]}))
        .mark_rule(color=PALETTE["vermillion"], strokeDash=[6, 4])
        .encode(alt.X("x:Q"))
    )
    listed = "; ".join(
        f"{r.panel}, {r.estimator}: {r.estimate:.1f}B ({r.low:.1f} to {r.high:.1f}), {r.verdict}"
        for r in table.itertuples()
    )
    return put(
        (paper + bars + points).properties(height=260),
        title="One question, several estimators",
        caption=(
            f"{known} of {len(table)} estimates are identified. Every bootstrap is over families; the dashed line is the "
            f"paper's {quoted_b:g}B."
        ),
        alternative=f"Interval plot of estimates of the critical scale, with the paper's figure as a dashed line. {listed}.",
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
    order = order_of(rows, "family")
    y = alt.Y("family:N", sort=order, title=None)
    which = dropdown("turning_panel", order_of(rows, "panel"), "Panel")
    base = alt.Chart(rows).transform_filter("datum.panel == turning_panel")
    measured = base.mark_rule(color=PALETTE["grey"], opacity=0.5).encode(
        y, size_axis("smallest_b"), alt.X2("largest_b:Q")
    )
    range_ = base.mark_rule(color=PALETTE["blue"], strokeWidth=5, opacity=0.55).encode(
        y, alt.X("low_b:Q"), alt.X2("high_b:Q")
    )
    points = (
        base.mark_point(filled=True, size=110, opacity=1, color=PALETTE["blue"])
        .encode(
            y,
            alt.X("lowest_b:Q"),
            alt.Shape(
                "turn:N",
                title="TruthfulQA",
                scale=alt.Scale(domain=["turns", "lowest at an end"], range=["circle", "square"]),
            ),
            tooltip=["family", "lowest_b", "low_b", "high_b", "quoted_b"],
        )
        .add_params(which)
    )
    paper = base.mark_point(
        shape="cross", filled=True, size=130, angle=45, color=PALETTE["vermillion"], opacity=1
    ).encode(y, alt.X("quoted_b:Q"), tooltip=["family", "quoted_b"])
    first = rows[rows["panel"] == rows["panel"].iloc[0]]
    agree = int((first["verdict"] == "reproduced").sum())
    listed = "; ".join(
        f"{r.family} in {r.panel}: lowest at {r.lowest_b:g}B, paper {r.quoted_b:g}B"
        for r in rows.itertuples()
    )
    return put(
        measured + range_ + paper + points,
        title="Each family's lowest point, and the paper's table",
        caption=(
            f"{len(first)} families of the paper's table; {agree} of the scales quoted are where the released "
            "TruthfulQA is lowest. Crosses are the scales quoted, thick bars the range that item noise leaves."
        ),
        alternative=(
            f"One row a family: a grey line for the sizes measured, a blue mark where TruthfulQA is lowest with its range "
            f"under item noise, an orange cross where the paper puts the sign flip. {listed}."
        ),
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
    counted = "; ".join(
        f"{h.panel}: rule {h.rule}, negation {h.negation}, 'always negative' {h.always_negative} of {h.n}"
        for h in hits.itertuples()
    )
    counted = f"{counted[0].upper()}{counted[1:]}."
    across = alt.X("hs:Q", title="HellaSwag (fraction)", scale=alt.Scale(domain=[0.2, 0.95], nice=False))
    up = alt.Y("tqa:Q", title="TruthfulQA MC2 (fraction)", scale=alt.Scale(domain=[0.2, 0.65], nice=False))
    which = dropdown("iso_panel", order_of(points, "panel"), "Panel")
    family = dropdown("iso_family", ["all families", *sorted(points["family"].unique())], "Family")
    moved = slider("iso_ratio", 0.1, 0.4, 0.001, ratio, "a/b")
    kept = (
        alt.Chart(points.round(5))
        .transform_filter(
            "datum.panel == iso_panel && (iso_family == 'all families' || datum.family == iso_family)"
        )
        .transform_calculate(
            above="datum.tqa > sqrt(iso_ratio * datum.hs)",
            hit="(datum.tqa > sqrt(iso_ratio * datum.hs)) == (datum.sign == 'positive')",
        )
    )
    dots = (
        kept.mark_point(filled=True, size=70, opacity=0.85)
        .encode(
            across,
            up,
            alt.Color("sign:N", title="Next step", scale=_SIGNS),
            alt.Shape("sign:N", title="Next step", scale=_SIGN_SHAPES),
            tooltip=["family", "model", "hs", "tqa", "sign"],
        )
        .add_params(which, family, moved)
    )
    curve = (
        alt.Chart(pd.DataFrame({"hs": [0.2 + 0.025 * i for i in range(31)]}))
        .transform_calculate(tqa="sqrt(iso_ratio * datum.hs)")
        .mark_line(color=PALETTE["grey"], clip=True)
        .encode(across, up)
    )
    score = (
        kept.transform_aggregate(hits="sum(hit)", n="count()")
        .transform_calculate(
            label="'rule ' + datum.hits + ', negation ' + (datum.n - datum.hits) + ' of ' + datum.n"
        )
        .mark_text(align="left", fontSize=14, fontWeight="bold")
        .encode(alt.Text("label:N"), x=alt.value(8), y=alt.value(12))
    )
    return put(
        curve + dots + score,
        title="A rule and its negation",
        caption=counted,
        alternative=(
            "Scatter plot of models in the plane of HellaSwag and TruthfulQA, with a curve. Above the curve the paper "
            "predicts a positive next step. Small models lie far above it and their next steps are negative. The hits of "
            "the rule and of its negation are counted in the corner and follow the slider."
        ),
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
    loss = "loss (nats per token)"
    shown: dict[str, list[float]] = {
        loss: table["loss_nats"].tolist(),
        "residual of the law (nats per token)": list(law.residuals),
        "TruthfulQA MC2 (percent)": table["truthfulqa_mc2"].tolist(),
    }
    points = pd.concat(
        [table[["model", "params_b"]].assign(quantity=name, value=value) for name, value in shown.items()]
    )
    sizes = np.geomspace(table["params_b"].min(), table["params_b"].max(), 40)
    curve = pd.DataFrame({"quantity": loss, "params_b": sizes, "value": law.predict(sizes)})
    alpha = law.exponent
    caption = (
        f"Pythia, n = {alpha.n}: alpha = {alpha.estimate:.3f}, 95% interval [{alpha.low:.3f}, {alpha.high:.3f}], "
        f"R² = {law.r2:.4f}, CV = {law.cv_pct:.2f}%. The dashed line is the fitted law."
    )
    chosen = dropdown("loss_quantity", order_of(points, "quantity"), "Show")
    keep = "datum.quantity == loss_quantity"
    base = (
        alt.Chart(points.round(5))
        .transform_filter(keep)
        .encode(
            size_axis(), alt.Y("value:Q", title="Value, in the unit named above", scale=alt.Scale(zero=False))
        )
        .add_params(chosen)
    )
    dots = base.mark_point(filled=True, size=80, color=PALETTE["blue"]).encode(
        tooltip=["model", "params_b", "value"]
    )
    path = base.mark_line(color=PALETTE["blue"], opacity=0.35)
    law = (
        alt.Chart(curve.round(5))
        .transform_filter(keep)
        .mark_line(color=PALETTE["vermillion"], strokeDash=[6, 4])
        .encode(alt.X("params_b:Q"), alt.Y("value:Q"))
    )
    return put(
        path + law + dots,
        title="What the loss shows, and what it cannot show here",
        caption=caption,
        alternative=(
            "Line chart of one quantity of eight Pythia models against size: the loss, which falls smoothly along a "
            "fitted power law; the residuals of that law; or TruthfulQA, which falls smoothly too, without a turn."
        ),
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
    line = pd.concat(
        [
            pd.DataFrame({"fit": name, "params_b": sizes, "grad_norm": law.predict(sizes)})
            for name, law in trends.items()
        ]
    )
    slope = next(iter(trends.values())).exponent
    caption = (
        f"n = {slope.n} models, {norms['batch'].nunique()} batches each: exponent {slope.estimate:.2f}, 95% interval "
        f"[{slope.low:.2f}, {slope.high:.2f}]. Pythia-1B lies {dip_with.estimate:.0f}% from the trend of all, "
        f"{dip_without.estimate:.0f}% from that of the other {slope.n - 1}."
    )
    chosen = dropdown("gradient_fit", order_of(line, "fit"), "Trend")
    y = alt.Y(
        "grad_norm:Q", title="Gradient norm (log scale)", scale=alt.Scale(type="log", nice=False, padding=10)
    )
    dots = (
        alt.Chart(norms)
        .mark_point(filled=True, opacity=0.6, color=PALETTE["blue"])
        .encode(size_axis(), y, tooltip=["model", "batch", "grad_norm"])
    )
    trend = (
        alt.Chart(line.round(4))
        .transform_filter("datum.fit == gradient_fit")
        .mark_line(color=PALETTE["vermillion"])
        .encode(alt.X("params_b:Q"), y)
        .add_params(chosen)
    )
    return put(
        dots + trend,
        title="Six models, one trend, one exception",
        caption=caption,
        alternative=(
            "Scatter plot with logarithmic axes: gradient norms of ten batches for each of six Pythia models, falling "
            "along a straight line, except Pythia-1B, whose ten batches all lie below it."
        ),
    )


def predictor_chart(table: pd.DataFrame) -> Any:
    """How well single quantities tell the sign of a held-out family's step.

    Parameters
    ----------
    table : pandas.DataFrame
        From ``scaling.sign_predictors.predictor_auc`` with a column ``steps``.
    """
    first = table[table["steps"] == table["steps"].iloc[0]]
    best, size = first.loc[first["auc"].idxmax()], first.iloc[0]
    across = alt.Scale(domain=[0.3, 1], nice=False)
    chosen = dropdown("predictor_steps", order_of(table, "steps"), "Steps")
    order = order_of(table, "predictor")
    y = alt.Y("predictor:N", sort=order, title=None, axis=alt.Axis(labelLimit=170))
    keep = alt.Chart(table.round(4)).transform_filter("datum.steps == predictor_steps")
    bars = keep.mark_rule(strokeWidth=2.5, color=PALETTE["blue"]).encode(
        y, alt.X("low:Q", scale=across), alt.X2("high:Q")
    )
    points = (
        keep.mark_point(filled=True, size=110, opacity=1, color=PALETTE["blue"])
        .encode(
            y,
            alt.X("auc:Q", title="Area under the curve, families held out (0.5 is guessing)", scale=across),
            tooltip=["predictor", "auc", "low", "high", "n", "families"],
        )
        .add_params(chosen)
    )
    half = (
        alt.Chart(pd.DataFrame({"x": [0.5]})).mark_rule(strokeDash=[4, 4]).encode(alt.X("x:Q", scale=across))
    )
    listed = "; ".join(f"{r.predictor} {r.auc:.2f} ({r.low:.2f} to {r.high:.2f})" for r in table.itertuples())
    return put(
        (half + bars + points).properties(height=190),
        title="What else tells the sign",
        caption=(
            f"n = {best['n']} steps of {best['families']} families with every candidate known. Best: {best['predictor']}, "
            f"{best['auc']:.2f} [{best['low']:.2f}, {best['high']:.2f}]; {size['predictor']} {size['auc']:.2f}."
        ),
        alternative=f"Interval plot of the area under the curve for each predictor. {listed}.",
    )
