"""Words under the figures of chapter 03: titles, captions and text alternatives, with the numbers they state."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from cape_utils.claims.verdicts import RECOMPUTED
from cape_utils.scaling.critical_scale import CriticalScale
from cape_utils.scaling.scaling_laws import LossLaw, PowerLaw
from cape_utils.stats.results import Estimate

__all__ = ["estimators", "gradients", "isocline", "losses", "predictors", "scales", "signs", "turning_points"]


def signs(curve: pd.DataFrame, odds: Mapping[str, CriticalScale]) -> dict[str, str]:
    """Of the sign of each step by size; the arguments are those of ``figures.sign_chart``."""
    scales = [
        f"In {panel} a positive sign becomes likelier than not at {o.estimate:.1f}B [{o.low:.1f}, {o.high:.1f}], "
        f"n = {o.n} steps of {o.n_families} families."
        for panel, o in odds.items()
    ]
    risen = "; ".join(
        f"{panel} from {part['probability'].iloc[0]:.0%} to {part['probability'].iloc[-1]:.0%}"
        for panel, part in curve.groupby("panel", sort=False)
    )
    return {
        "title": "The sign of a step, by size",
        "caption": " ".join(scales),
        "alternative": (
            "Triangles along the bottom are steps with a negative coupling, along the top steps with a positive one, by "
            f"size. A curve with a band, the fitted probability of a positive sign, rises with size: {risen}."
        ),
    }


def scales(cases: Mapping[str, CriticalScale]) -> dict[str, str]:
    """Of the bootstrap distributions of the critical scale, the published one first."""
    first = next(iter(cases.values()))
    lost = "; ".join(f"{case}, {s.discarded:,} of {s.draws:,}" for case, s in list(cases.items())[1:])
    listed = "; ".join(
        f"{case}: median {s.median:.1f}B, 95% {s.low:.1f} to {s.high:.1f}" for case, s in cases.items()
    )
    return {
        "title": "The critical scale, resampled in several ways",
        "caption": (
            f"As published: median {first.median:.3f}B [{first.low:.3f}, {first.high:.3f}], {first.valid:,} of "
            f"{first.draws:,} draws valid, n = {first.n} rows. Draws without a minimum: {lost}."
        ),
        "alternative": f"Histogram of the critical scale over bootstrap draws, with median and 95% interval. {listed}.",
    }


def estimators(table: pd.DataFrame, quoted_b: float) -> dict[str, str]:
    """Of every estimator of the critical scale; the arguments are those of ``figures.estimator_chart``."""
    identified = int((table["verdict"] == "identified").sum())
    listed = "; ".join(
        f"{r.panel}, {r.estimator}: {r.estimate:.1f}B ({r.low:.1f} to {r.high:.1f}), {r.verdict}"
        for r in table.itertuples()
    )
    return {
        "title": "One question, several estimators",
        "caption": (
            f"{identified} of {len(table)} estimates are identified. Every bootstrap is over families; the dashed line is the "
            f"paper's {quoted_b:g}B."
        ),
        "alternative": f"Interval plot of estimates of the critical scale, with the paper's figure as a dashed line. {listed}.",
    }


def turning_points(table: pd.DataFrame) -> dict[str, str]:
    """Of where each family is lowest, counted in the panel shown first; ``table`` as for ``figures.turning_chart``."""
    first = table[table["panel"] == table["panel"].iloc[0]]
    listed = "; ".join(
        f"{r.family} in {r.panel}: lowest at {r.lowest_b:g}B, paper {r.quoted_b:g}B"
        for r in table.itertuples()
    )
    return {
        "title": "Each family's lowest point, and the paper's table",
        "caption": (
            f"{len(first)} families of the paper's table; {int(first['verdict'].isin(RECOMPUTED).sum())} of the scales quoted "
            "are where the released TruthfulQA is lowest. Crosses are the scales quoted, thick bars the range that item noise "
            "leaves."
        ),
        "alternative": (
            f"One row a family: a grey line for the sizes measured, a blue mark where TruthfulQA is lowest with its range "
            f"under item noise, an orange cross where the paper puts the sign flip. {listed}."
        ),
    }


def isocline(hits: pd.DataFrame) -> dict[str, str]:
    """Of the isocline; ``hits`` as for ``figures.isocline_chart``."""
    counted = "; ".join(
        f"{h.panel}: rule {h.rule}, negation {h.negation}, 'always negative' {h.always_negative} of {h.n}"
        for h in hits.itertuples()
    )
    return {
        "title": "A rule and its negation",
        "caption": f"{counted[0].upper()}{counted[1:]}.",
        "alternative": (
            "Scatter plot of models in the plane of HellaSwag and TruthfulQA, with a curve. Above the curve the paper "
            "predicts a positive next step. Small models lie far above it and their next steps are negative. The hits of "
            "the rule and of its negation are counted in the corner and follow the slider."
        ),
    }


def losses(law: LossLaw) -> dict[str, str]:
    """Of Pythia's losses and the law fitted to them."""
    alpha = law.exponent
    return {
        "title": "What the loss shows, and what it cannot show here",
        "caption": (
            f"Pythia, n = {alpha.n}: alpha = {alpha.estimate:.3f}, 95% interval [{alpha.low:.3f}, {alpha.high:.3f}], "
            f"R² = {law.r2:.4f}, CV = {law.cv_pct:.2f}%. The dashed line is the fitted law."
        ),
        "alternative": (
            "Line chart of one quantity of eight Pythia models against size: the loss, which falls smoothly along a "
            "fitted power law; the residuals of that law; or TruthfulQA, which falls smoothly too, without a turn."
        ),
    }


def gradients(
    norms: pd.DataFrame, trend: PowerLaw, dip_with: Estimate, dip_without: Estimate
) -> dict[str, str]:
    """Of the gradient norms and the trend of all models; the others as for ``figures.gradient_chart``."""
    slope = trend.exponent
    return {
        "title": "Six models, one trend, one exception",
        "caption": (
            f"n = {slope.n} models, {norms['batch'].nunique()} batches each: exponent {slope.estimate:.2f}, 95% interval "
            f"[{slope.low:.2f}, {slope.high:.2f}]. Pythia-1B lies {dip_with.estimate:.0f}% from the trend of all, "
            f"{dip_without.estimate:.0f}% from that of the other {slope.n - 1}."
        ),
        "alternative": (
            "Scatter plot with logarithmic axes: gradient norms of ten batches for each of six Pythia models, falling "
            "along a straight line, except Pythia-1B, whose ten batches all lie below it."
        ),
    }


def predictors(table: pd.DataFrame) -> dict[str, str]:
    """Of single quantities that tell the sign, the best named for the steps shown first."""
    first = table[table["steps"] == table["steps"].iloc[0]]
    best, size = first.loc[first["auc"].idxmax()], first.iloc[0]
    listed = "; ".join(f"{r.predictor} {r.auc:.2f} ({r.low:.2f} to {r.high:.2f})" for r in table.itertuples())
    return {
        "title": "What else tells the sign",
        "caption": (
            f"n = {best['n']} steps of {best['families']} families with every candidate known. Best: {best['predictor']}, "
            f"{best['auc']:.2f} [{best['low']:.2f}, {best['high']:.2f}]; {size['predictor']} {size['auc']:.2f}."
        ),
        "alternative": f"Interval plot of the area under the curve for each predictor. {listed}.",
    }
