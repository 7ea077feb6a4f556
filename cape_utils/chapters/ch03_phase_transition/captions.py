"""Words under the figures of chapter 03: titles, captions and text alternatives, with the numbers they state."""

from __future__ import annotations

import math
from collections.abc import Mapping

import pandas as pd

from cape_utils.claims.verdicts import RECOMPUTED
from cape_utils.scaling.critical_scale import CriticalScale
from cape_utils.scaling.scaling_laws import LossLaw, PowerLaw
from cape_utils.stats.formatting import percent
from cape_utils.stats.results import Estimate

__all__ = [
    "estimators",
    "gradients",
    "isocline",
    "losses",
    "predictors",
    "resamples",
    "scales",
    "signs",
    "turning_points",
]


def signs(curve: pd.DataFrame, odds: Mapping[str, CriticalScale], panel: str) -> dict[str, str]:
    """Of the sign of each step by size in one panel; the other arguments are those of ``figures.sign_chart``."""
    o, drawn = odds[panel], curve[curve["panel"] == panel].sort_values("params_b")
    first, last = drawn.iloc[0], drawn.iloc[-1]
    likelier = "likelier" if first["high"] < last["low"] else "not surely likelier"
    return {
        "title": f"A positive sign of a step is {likelier} in large models than in small ones",
        "caption": (
            f"In {panel} a positive sign becomes likelier than not at {o.estimate:.1f}B [{o.low:.1f}, {o.high:.1f}]. The curve "
            f"is of all n = {o.n} steps of {o.n_families} families; the slider hides those with an unsure sign."
        ),
        "alternative": (
            "Triangles along the bottom are steps with a negative coupling, along the top steps with a positive one, by "
            "size. A curve with a band is the fitted probability of a positive sign. "
            f"In {panel} it goes from {first['probability']:.0%} [{first['low']:.0%}, {first['high']:.0%}] at "
            f"{first['params_b']:.2g}B to {last['probability']:.0%} [{last['low']:.0%}, {last['high']:.0%}] at "
            f"{last['params_b']:.3g}B."
        ),
    }


def scales(cases: Mapping[str, CriticalScale], case: str) -> dict[str, str]:
    """Of the bootstrap distribution of the critical scale in one case."""
    scale = cases[case]
    spread = scale.high / scale.low
    return {
        "title": "The critical scale, resampled in several ways",
        "caption": (
            f"{case[0].upper()}{case[1:]}: median {scale.median:.3f}B [{scale.low:.3f}, {scale.high:.3f}], a factor of "
            f"{spread:.1f} from end to end; {scale.valid:,} of {scale.draws:,} draws have a minimum, n = {scale.n} rows."
        ),
        "alternative": (
            f"Histogram of the critical scale over bootstrap draws, {case}, with the median at {scale.median:.1f} billion "
            f"parameters and a bar over the 95% interval from {scale.low:.1f} to {scale.high:.1f}."
        ),
    }


def resamples(
    one: pd.DataFrame, estimates: pd.DataFrame, scales: Mapping[str, CriticalScale], unit: str, draw: int
) -> dict[str, str]:
    """Of one draw of a bootstrap.

    Parameters
    ----------
    one : pandas.DataFrame
        Its rows of ``resamples.resampled``.
    estimates, scales : pandas.DataFrame, mapping of str to CriticalScale
        As ``figures.resample_chart`` takes them.
    unit : str
        What is drawn.
    draw : int
    """
    none = {key: percent(1 - scale.valid / scale.draws, 1) for key, scale in scales.items()}
    spread = "; ".join(f"by {key} {scale.low:.1f}B to {scale.high:.1f}B" for key, scale in scales.items())
    here = (estimates["unit"] == unit) & (estimates["draw"] == draw)
    scale_b = float(estimates.loc[here, "scale_b"].iloc[0])
    minimum = "has no minimum" if math.isnan(scale_b) else f"has its minimum at {scale_b:.1f}B"
    taken = {str(family): part["times"] for family, part in one.groupby("family", sort=False)}
    words = ("not at all", "once", "twice")
    whole = ", ".join(
        f"{family} {words[n] if n < len(words) else f'{n} times'}"
        for family, n in ((family, int(times.iloc[0])) for family, times in taken.items())
    )
    single = ", ".join(f"{(times > 0).sum()} of {len(times)} of {family}" for family, times in taken.items())
    left_out = ", ".join(one.loc[one["times"] == 0, "model"]) or "none"
    return {
        "title": (
            f"Drawn by family, {none['families']} of the draws have no critical scale; drawn by model, {none['models']}"
        ),
        "caption": (
            f"This draw takes {whole if unit == 'families' else single}; its parabola {minimum}. 95% of the draws that have a "
            f"minimum: {spread}. n = {len(one)} models of {len(taken)} families."
        ),
        "alternative": (
            "Above, the models of each family by size, filled where the draw takes them, with how often; hollow and left out: "
            f"{left_out}. Below, a tick for the critical scale of every draw, in one row by models and in one by families, with "
            f"a diamond for this one, whose parabola {minimum}."
        ),
    }


def estimators(table: pd.DataFrame, quoted_b: float, panel: str) -> dict[str, str]:
    """Of every estimator of the critical scale in one panel; the arguments are those of ``figures.estimator_chart``."""
    rows = table[table["panel"] == panel]
    identified = int((rows["verdict"] == "identified").sum())
    inside = int(((rows["low"] <= quoted_b) & (rows["high"] >= quoted_b)).sum())
    listed = "; ".join(
        f"{r.estimator}: {r.estimate:.1f}B ({r.low:.1f} to {r.high:.1f}), {r.verdict}"
        for r in rows.itertuples()
    )
    return {
        "title": "One question, several estimators",
        "caption": (
            f"In {panel} {identified} of {len(rows)} estimates are identified, from {rows['estimate'].min():.1f}B to "
            f"{rows['estimate'].max():.1f}B; {inside} of the intervals hold the paper's {quoted_b:g}B (dashed). Every bootstrap "
            "is over families."
        ),
        "alternative": (
            f"Interval plot of estimates of the critical scale in {panel}, with the paper's figure as a dashed line. {listed}."
        ),
    }


def turning_points(table: pd.DataFrame, panel: str) -> dict[str, str]:
    """Of where each family is lowest in one panel; ``table`` as for ``figures.turning_chart``."""
    rows = table[table["panel"] == panel]
    listed = "; ".join(
        f"{r.family}: lowest at {r.lowest_b:g}B, paper {r.quoted_b:g}B" for r in rows.itertuples()
    )
    same = int(rows["verdict"].isin(RECOMPUTED).sum())
    return {
        "title": f"{same} of {len(rows)} scales quoted are where the family's TruthfulQA is lowest",
        "caption": (
            f"{len(rows)} families of the paper's table in {panel}; {same} of the scales quoted "
            "are where the released TruthfulQA is lowest. Crosses are the scales quoted, thick bars the range that item noise "
            "leaves."
        ),
        "alternative": (
            f"One row a family: a grey line for the sizes measured, a blue mark where TruthfulQA is lowest with its range "
            f"under item noise, an orange cross where the paper puts the sign flip. In {panel}: {listed}."
        ),
    }


def isocline(
    hits: pd.DataFrame, points: pd.DataFrame, panel: str, family: str, ratio: float
) -> dict[str, str] | None:
    """Of the isocline in one panel and one family or *all families*, or None where the panel has no step of it.

    The others are those of ``figures.isocline_chart``; the words are about the paper's a/b, ``ratio``, wherever the slider
    stands.
    """
    if not ((points["panel"] == panel) & ((points["family"] == family) | (family == "all families"))).any():
        return None
    h = hits[hits["panel"] == panel].iloc[0]
    how = "less often than" if h["rule"] < h["negation"] else "more often than"
    counted = f"rule {h['rule']}, negation {h['negation']}, 'always negative' {h['always_negative']} of n = {h['n']}"
    return {
        "title": "At the paper's a/b its rule is right as often as its negation"
        if h["rule"] == h["negation"]
        else f"At the paper's a/b its rule is right {how} its negation",
        "caption": (
            f"In {panel}, all families, at the paper's a/b of {ratio:g}: {counted} steps. The corner counts what is shown, at "
            "the slider's."
        ),
        "alternative": (
            "Scatter plot of models in the plane of HellaSwag and TruthfulQA, with a curve. Above the curve the paper "
            f"predicts a positive next step. In {panel}, at the paper's a/b: {counted}. The hits of the rule and of its negation "
            "are counted in the corner and follow the slider."
        ),
    }


def losses(points: pd.DataFrame, law: LossLaw, quantity: str) -> dict[str, str]:
    """Of one quantity of Pythia by size; ``points`` has columns ``quantity, model, value`` in order of size."""
    values = points.loc[points["quantity"] == quantity, "value"]
    steps = values.diff().dropna()
    alpha = law.exponent
    if quantity.startswith("loss"):
        said = (
            f"alpha = {alpha.estimate:.3f}, 95% interval [{alpha.low:.3f}, {alpha.high:.3f}], R² = {law.r2:.4f}, "
            f"CV = {law.cv_pct:.2f}%. The dashed line is the fitted law."
        )
        title = f"The loss of Pythia falls at {int((steps < 0).sum())} of {len(steps)} steps in size"
    elif quantity.startswith("residual"):
        said = f"what the fitted law leaves over is at most {values.abs().max():.3f} nats per token."
        title = f"The fitted law is off by at most {values.abs().max():.3f} nats per token"
    else:
        rising, n = int((steps > 0).sum()), len(steps)
        said = f"TruthfulQA goes from {values.iloc[0]:.1f}% to {values.iloc[-1]:.1f}% and rises at {rising} of {n} steps."
        title = f"The TruthfulQA score of Pythia rises at {rising} of {n} steps in size"
    return {
        "title": title,
        "caption": f"Pythia, n = {alpha.n}: {said}",
        "alternative": (
            f"Line chart against size of eight Pythia models: {quantity}, from {values.iloc[0]:.3g} in the smallest to "
            f"{values.iloc[-1]:.3g} in the largest; it falls at {int((steps < 0).sum())} of {len(steps)} steps."
        ),
    }


def gradients(
    norms: pd.DataFrame, trends: Mapping[str, PowerLaw], dip_with: Estimate, dip_without: Estimate, fit: str
) -> dict[str, str]:
    """Of the gradient norms and one of the trends, the first being that of all models; as for ``figures.gradient_chart``."""
    slope, whole = trends[fit].exponent, next(iter(trends.values())).exponent
    shown = dip_with if fit == next(iter(trends)) else dip_without
    lie = "below" if shown.high < 0 else "above" if shown.low > 0 else "on"
    dip = (
        f"Pythia-1B lies {dip_with.estimate:.0f}% from this trend."
        if fit == next(iter(trends))
        else f"Pythia-1B lies {dip_without.estimate:.0f}% from this trend of the other {slope.n}."
    )
    return {
        "title": f"The gradients of Pythia-1B lie {lie} the trend",
        "caption": (
            f"Trend, {fit}: {norms['batch'].nunique()} batches each, n = {slope.n}, exponent {slope.estimate:.2f}, 95% "
            f"interval [{slope.low:.2f}, {slope.high:.2f}]. {dip}"
        ),
        "alternative": (
            f"Scatter plot with logarithmic axes: gradient norms of {norms['batch'].nunique()} batches for each of {whole.n} "
            f"Pythia models, falling along a straight line, except Pythia-1B, whose batches lie below it. The line "
            f"shown is the trend, {fit}."
        ),
    }


def predictors(table: pd.DataFrame, steps: str) -> dict[str, str]:
    """Of single quantities that tell the sign over one set of steps."""
    rows = table[table["steps"] == steps]
    best, size = rows.iloc[int(rows["auc"].to_numpy().argmax())], rows.iloc[0]
    listed = "; ".join(f"{r.predictor} {r.auc:.2f} ({r.low:.2f} to {r.high:.2f})" for r in rows.itertuples())
    return {
        "title": f"Of {len(rows)} quantities {best['predictor']} tells the sign best",
        "caption": (
            f"{steps[0].upper()}{steps[1:]}, n = {best['n']} of {best['families']} families with every candidate known. Best: "
            f"{best['predictor']}, {best['auc']:.2f} [{best['low']:.2f}, {best['high']:.2f}]; {size['predictor']} "
            f"{size['auc']:.2f}."
        ),
        "alternative": f"Interval plot of the area under the curve for each predictor, {steps}. {listed}.",
    }
