"""Chapter 09: coding and reasoning at the frontier. No second measurement of these models was released."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
from scipy import stats
from scipy.spatial.distance import pdist

from cape_utils.chapters.ch09_frontier import date_nulls, labs, residual_noise
from cape_utils.claims.quotations import claims_by_id, nearest, quoted
from cape_utils.claims.registry import recomputes
from cape_utils.claims.verdicts import NullRange, Recomputed, Value
from cape_utils.data.benchmarks import benchmark_items
from cape_utils.frontier import benchmark_saturation, regression
from cape_utils.frontier.benchmark_pair import GPQA, SWE
from cape_utils.stats.formatting import p_value
from cape_utils.stats.results import Estimate, Null

_LOLO_SUBSETS: tuple[regression.Subset, ...] = ("published", "core")
_DATE = "The null lets both scores follow the release date and shuffles what is left"


def _published() -> pd.DataFrame:
    return regression.models("published")


def _against_date(estimate: Estimate, null: Null, remark: str = "") -> Recomputed:
    words = f"{_DATE}; {null.p:.0%} of its draws are as large. {remark}"
    return Recomputed(Value.of(estimate), None, NullRange.of(null), words.strip())


def _without_date(table: pd.DataFrame) -> str:
    r = date_nulls.partial_given_date(table)
    return f"With the release date taken out r is {r.estimate:.2f} [{r.low:.2f}, {r.high:.2f}]."


@recomputes("frontier_r")
def frontier_r() -> Recomputed:
    table = _published()
    by_lab = labs.r_by_lab(table)
    remark = f"Resampling labs gives [{by_lab.low:.2f}, {by_lab.high:.2f}]. {_without_date(table)}"
    return _against_date(regression.fit_line(table).r, date_nulls.date_null(table), remark)


@recomputes("frontier_p")
def frontier_p() -> Recomputed:
    table, everyone = _published(), regression.models("all")
    line = regression.fit_line(table)
    rank = stats.spearmanr(table[SWE], table[GPQA]).pvalue
    null = date_nulls.date_null(table, "p")
    remark = (
        f"This is the usual two-sided p. One-sided it is {line.p / 2:.1e}, of ranks {rank:.1e}, with the later releases "
        f"added {regression.fit_line(everyone).p:.1e}. {_DATE}, which gives the median p shown."
    )
    ours = Value(line.p, n=line.n, method="two-sided t-test of the slope")
    return Recomputed(ours, None, NullRange.of(null), remark)


def quoted_half_width(claim_id: str) -> float:
    """How far the interval that the paper quotes for a claim reaches to each side."""
    (claim,) = claims_by_id([claim_id])
    value = claim.paper_value
    if value is None or value.low is None or value.high is None:
        raise ValueError(f"claim {claim_id!r} quotes no interval")
    return (value.high - value.low) / 2


def _interval_remark(claim_id: str, estimate: Estimate, se: float, se_all: float) -> str:
    """What the quoted interval is, beside the standard errors over the published and over all models."""
    half = quoted_half_width(claim_id)
    n_all = len(regression.models("all"))
    return (
        f"The 95% interval reaches {estimate.high - estimate.estimate:.2g} to each side; the quoted one reaches {half:.2g}, "
        f"which is {half / se:.2f} standard errors (the standard error is {se:.2g}, over all {n_all} models {se_all:.2g}), "
        f"so about {2 * stats.norm.cdf(half / se) - 1:.0%} and not 95%."
    )


@recomputes("frontier_slope")
def frontier_slope() -> Recomputed:
    line = regression.fit_line(_published())
    se_all = regression.fit_line(regression.models("all")).slope_se
    remark = _interval_remark("frontier_slope", line.slope, line.slope_se, se_all)
    return _against_date(line.slope, date_nulls.date_null(_published(), "slope"), remark)


@recomputes("frontier_intercept")
def frontier_intercept() -> Recomputed:
    line = regression.fit_line(_published())
    se_all = regression.fit_line(regression.models("all")).intercept_se
    remark = _interval_remark("frontier_intercept", line.intercept, line.intercept_se, se_all)
    # A level has no null of its own: it follows from the slope, which has one.
    return Recomputed(Value.of(line.intercept), None, None, remark)


@recomputes("frontier_r_core")
def frontier_r_core() -> Recomputed:
    table = regression.models("core")
    return _against_date(regression.fit_line(table).r, date_nulls.date_null(table), _without_date(table))


@recomputes("frontier_lolo")
def frontier_lolo() -> Recomputed:
    settings: dict[str, tuple[regression.Subset, int]] = {
        f"{subset}, labs with {min_models} or more": (subset, min_models)
        for subset in _LOLO_SUBSETS
        for min_models in (1, 2, 3)
    }
    held_out = {subset: labs.leave_one_lab_out(regression.models(subset)) for subset in _LOLO_SUBSETS}
    errors = {
        name: labs.lolo_error(held_out[subset], min_models=min_models)
        for name, (subset, min_models) in settings.items()
    }
    best, remark = nearest({name: one.estimate for name, one in errors.items()}, quoted("frontier_lolo"))
    subset, min_models = settings[best]
    constant = labs.lolo_error(held_out[subset], min_models=min_models, column="constant")
    by_lab = held_out[subset].query("n >= @min_models")["error"]
    null = date_nulls.lolo_null(regression.models(subset), min_models=min_models)
    words = (
        f"Predicting the mean of the other labs errs by {constant.estimate:.1f}. The null shuffles GPQA among models, so that "
        f"SWE-bench predicts nothing: {null.p:.0%} of its draws do as well. The quoted interval reaches "
        f"{quoted_half_width('frontier_lolo'):.1f} to each side; the standard deviation over these {len(by_lab)} labs is "
        f"{by_lab.std(ddof=0):.1f}, a 95% interval of their mean reaches {errors[best].high - errors[best].estimate:.1f}. "
        f"{remark}"
    )
    return Recomputed(Value.of(errors[best]), None, NullRange.of(null), words)


def _lab_slope(lab: str) -> Recomputed:
    published, core = _published(), regression.models("core")
    row = labs.lab_slopes(published).set_index("lab").loc[lab].astype(float).to_dict()
    core_slope = labs.lab_slopes(core).set_index("lab")["slope"].astype(float).to_dict()[lab]
    null = date_nulls.common_slope_null(published, lab)
    test, test_core = labs.equal_slopes(published), labs.equal_slopes(core)
    remark = (
        f"The null gives all labs one slope. Core models alone give {core_slope:.2f}. The F-test of equal slopes has "
        f"{p_value(test.p, name=True)} over {test.n} models of labs with three or more, {p_value(test_core.p)} over the core "
        "ones."
    )
    method = "least squares within the lab, t interval"
    ours = Value(row["slope"], row["low"], row["high"], int(row["n"]), method)
    return Recomputed(ours, None, NullRange.of(null), remark)


@recomputes("frontier_slope_google")
def frontier_slope_google() -> Recomputed:
    return _lab_slope("Google")


@recomputes("frontier_slope_deepseek")
def frontier_slope_deepseek() -> Recomputed:
    return _lab_slope("DeepSeek")


def _core_field() -> pd.DataFrame:
    """Core models with h from the line through all published ones, as in the paper's table."""
    field = regression.h_field(_published())
    return field[field["subset"] == "core"]


def _lab_h(lab: str) -> Recomputed:
    everyone, core = regression.h_field(_published()), _core_field()
    from_core = regression.h_field(core, regression.fit_line(core))
    null, wide = date_nulls.lab_label_null(core, lab), date_nulls.lab_label_null(everyone, lab)
    mean = regression.h_mean(everyone, lab)
    inside = "inside" if wide.low <= mean.estimate <= wide.high else "outside"
    remark = (
        f"The null shuffles the names of labs. Over all {mean.n} published models of {lab} the mean is {mean.estimate:.1f}, "
        f"{inside} the same null; from a line through the core models it is {regression.h_mean(from_core, lab).estimate:.1f}."
    )
    return Recomputed(Value.of(regression.h_mean(core, lab)), None, NullRange.of(null), remark)


@recomputes("frontier_h_google")
def frontier_h_google() -> Recomputed:
    return _lab_h("Google")


@recomputes("frontier_h_anthropic")
def frontier_h_anthropic() -> Recomputed:
    return _lab_h("Anthropic")


def _shift(first: str, second: str, remark: str) -> Recomputed:
    field = regression.h_field(_published())
    null = residual_noise.same_h_null(field, first, second)
    h = null.observed
    ours = Value(h, h + null.low, h + null.high, 2, "difference, interval from item noise")
    return Recomputed(ours, None, NullRange.of(null), remark)


@recomputes("frontier_deepseek_swing")
def frontier_deepseek_swing() -> Recomputed:
    published = _published()
    field = regression.h_field(published)
    slope = labs.lab_slopes(published).set_index("lab")["slope"].astype(float).to_dict()["DeepSeek"]
    swe = dict(zip(field["model"], field[SWE].astype(float), strict=True))
    rise = swe["DeepSeek V3.2"] - swe["DeepSeek-V2.5"]
    tilt = (regression.fit_line(published).slope.estimate - slope) * rise
    pairs = np.concatenate([pdist(part[["h"]]) for _, part in field.groupby("lab")])
    # The paper gives one decimal, so a pair that rounds to as much counts.
    share = float(np.mean(pairs >= quoted("frontier_deepseek_swing") - 0.05))
    remark = (
        "The null has two models with one h and finite tests: the fall is more than item noise. It is DeepSeek's slope said "
        f"again: a slope below the population's makes {tilt:.1f} points over the rise of its SWE-bench score. Of {len(pairs)} "
        f"pairs of models of one lab {share:.0%} differ by as much."
    )
    return _shift("DeepSeek-V2.5", "DeepSeek V3.2", remark)


@recomputes("compute_tier_shift")
def compute_tier_shift() -> Recomputed:
    remark = (
        "The null has two models with one h and finite tests, their answers independent. Both rows carry one SWE-bench score, "
        "so this is a difference of GPQA alone: what more inference compute does to coding was not measured."
    )
    return _shift("GPT-5.4 xhigh", "GPT-5.4 std", remark)


def _saturation() -> tuple[str, benchmark_saturation.Saturation, str]:
    """The set of models whose top five come nearest to both quoted spreads together, since the five are one set."""
    tables = {
        "all 34": _published(),
        "core": regression.models("core"),
        "with the later releases": regression.models("all"),
    }
    spreads = {name: benchmark_saturation.saturation(table) for name, table in tables.items()}
    swe, gpqa = quoted("frontier_saturation_swe"), quoted("frontier_saturation_gpqa")
    best = min(spreads, key=lambda k: math.hypot(spreads[k].old_spread - swe, spreads[k].new_spread - gpqa))
    listed = ", ".join(
        f"{k} {s.old_spread:.1f} and {s.new_spread:.1f}, ratio {s.ratio:.2f}" for k, s in spreads.items()
    )
    remark = f"The five are one set, so one reading serves both spreads. Readings tried (SWE-bench and GPQA): {listed}."
    return best, spreads[best], remark


@recomputes("frontier_saturation_swe")
def frontier_saturation_swe() -> Recomputed:
    best, spread, remark = _saturation()
    null = residual_noise.unsaturated_null(_published()[SWE])
    words = f"The null has no ceiling: top five of a normal distribution. {remark}"
    ours = Value(spread.old_spread, n=5, method=f"top five of {best}")
    return Recomputed(ours, None, NullRange.of(null), words)


@recomputes("frontier_saturation_gpqa")
def frontier_saturation_gpqa() -> Recomputed:
    best, spread, remark = _saturation()
    five = _published().set_index("model").loc[list(spread.models), GPQA]
    null = residual_noise.equal_models_null(
        float(five.mean()), benchmark_items(GPQA), observed=spread.new_spread
    )
    words = (
        f"The null is five equally good models, since the claim needs GPQA to separate the five: {null.p:.1%} of its draws "
        "spread as far, which is the edge of its range, and independent answers overstate the noise of a shared test. "
        f"{remark}"
    )
    ours = Value(round(spread.new_spread, 6), n=5, method=f"top five of {best} on SWE-bench")
    return Recomputed(ours, None, NullRange.of(null), words)


@recomputes("frontier_post_cutoff_r")
def frontier_post_cutoff_r() -> Recomputed:
    past, later, everyone = _published(), regression.models("after_cutoff"), regression.models("all")
    null, date = date_nulls.pairings(past, later), date_nulls.date_null(everyone)
    errors = labs.forecast_errors(labs.prospective(past, later))
    r_before = regression.fit_line(past).r.estimate
    remark = (
        f"The null pairs the two scores of the later models in every way: r rises from {r_before:.2f} to at least "
        f"{null.low:.2f} whichever has which, because they are high on both. {date.p:.0%} of draws that follow the release date "
        f"alone are as large as r. As a forecast the line errs by {errors['line']:.1f}, the mean of all earlier models by "
        f"{errors['mean']:.1f}, that of the models of 2026 by {errors['recent']:.1f}. GLM-5.1 repeats both scores of GLM-5."
    )
    return Recomputed(Value.of(regression.fit_line(everyone).r), None, NullRange.of(null), remark)


@recomputes("frontier_matrix_psd")
def frontier_matrix_psd() -> Recomputed:
    r = regression.fit_line(_published()).r.estimate
    low, high = residual_noise.admissible_r(r, 0.0)
    remark = (
        "No HLE score of any model and no pairwise r with HLE stands in the released tables, so the matrix cannot be built. "
        f"What can be said: with r = {r:.2f} of SWE-bench and GPQA, an HLE that is unrelated to SWE-bench could correlate with "
        f"GPQA by {low:.2f} to {high:.2f} and no more."
    )
    return Recomputed(None, None, None, remark)
