"""Chapter 09: coding and reasoning at the frontier. No second measurement of these models was released."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import stats

from cape_utils.chapters.ch09_frontier import date_nulls, labs, residual_noise
from cape_utils.claims.quotations import nearest
from cape_utils.claims.registry import recomputes
from cape_utils.claims.verdicts import NullRange, Recomputed, Value
from cape_utils.data.benchmarks import benchmark_items
from cape_utils.frontier import benchmark_saturation, regression
from cape_utils.frontier.benchmark_pair import GPQA, SWE
from cape_utils.stats.results import Estimate, Null

_DATE = "The null lets both scores follow the release date and shuffles what is left"


def _published() -> pd.DataFrame:
    return regression.models("published")


def _against_date(estimate: Estimate, null: Null, remark: str = "") -> Recomputed:
    words = f"{_DATE}; {null.p:.0%} of its draws are as large. {remark}"
    return Recomputed(Value.of(estimate), None, NullRange.of(null), words.strip())


@recomputes("frontier_r")
def frontier_r() -> Recomputed:
    table = _published()
    by_lab, given = labs.r_by_lab(table), date_nulls.partial_given_date(table)
    remark = (
        f"Resampling labs gives [{by_lab.low:.2f}, {by_lab.high:.2f}]. With the release date taken out r is "
        f"{given.estimate:.2f} [{given.low:.2f}, {given.high:.2f}]."
    )
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
    own = Value(line.p, None, None, line.n, "two-sided t-test of the slope")
    return Recomputed(own, None, NullRange.of(null), remark)


def _interval_remark(estimate: Estimate, se: float, half: float) -> str:
    later = regression.fit_line(regression.models("all"))
    other = later.slope_se if half < 1 else later.intercept_se
    return (
        f"The 95% interval reaches {estimate.high - estimate.estimate:.2g} to each side; the quoted one reaches {half:.2g}, "
        f"which is {half / se:.2f} standard errors (the standard error is {se:.2g}, over all {later.n} models {other:.2g}), "
        f"so about {2 * stats.norm.cdf(half / se) - 1:.0%} and not 95%."
    )


@recomputes("frontier_slope")
def frontier_slope() -> Recomputed:
    line = regression.fit_line(_published())
    remark = _interval_remark(line.slope, line.slope_se, (0.593 - 0.433) / 2)
    return _against_date(line.slope, date_nulls.date_null(_published(), "slope"), remark)


@recomputes("frontier_intercept")
def frontier_intercept() -> Recomputed:
    line = regression.fit_line(_published())
    remark = _interval_remark(line.intercept, line.intercept_se, (51.6 - 41.2) / 2)
    # A level has no null of its own: it follows from the slope, which has one.
    return Recomputed(Value.of(line.intercept), None, None, remark)


@recomputes("frontier_r_core")
def frontier_r_core() -> Recomputed:
    table = regression.models("core")
    given = date_nulls.partial_given_date(table)
    remark = f"With the release date taken out r is {given.estimate:.2f} [{given.low:.2f}, {given.high:.2f}]."
    return _against_date(regression.fit_line(table).r, date_nulls.date_null(table), remark)


@recomputes("frontier_lolo")
def frontier_lolo() -> Recomputed:
    readings: dict[str, tuple[pd.DataFrame, int]] = {
        f"{subset}, labs with {least} or more": (
            labs.leave_one_lab_out(regression.models(subset)),
            least,
        )
        for subset in ("published", "core")
        for least in (1, 2, 3)
    }
    found = {name: labs.lolo_error(held, min_models=least) for name, (held, least) in readings.items()}
    best, remark = nearest({name: one.estimate for name, one in found.items()}, 9.2)
    held, least = readings[best]
    constant = labs.lolo_error(held, min_models=least, column="constant")
    errors = held.loc[held["n"] >= least, "error"]
    null = date_nulls.lolo_null(
        regression.models("core" if "core" in best else "published"), min_models=least
    )
    words = (
        f"Predicting the mean of the other labs errs by {constant.estimate:.1f}. The null shuffles GPQA among models, so that "
        f"SWE-bench predicts nothing: {null.p:.0%} of its draws do as well. The quoted interval reaches 2.4 to each side; the "
        f"standard deviation over these {len(errors)} labs is {errors.std(ddof=0):.1f}, a 95% interval of their mean reaches "
        f"{found[best].high - found[best].estimate:.1f}. {remark}"
    )
    return Recomputed(Value.of(found[best]), None, NullRange.of(null), words)


def _lab_slope(lab: str) -> Recomputed:
    table = _published()
    row = labs.lab_slopes(table).set_index("lab").loc[lab].astype(float).to_dict()
    core = labs.lab_slopes(regression.models("core")).set_index("lab")["slope"].astype(float).to_dict()
    null = date_nulls.common_slope_null(table, lab)
    test, test_core = labs.equal_slopes(table), labs.equal_slopes(regression.models("core"))
    remark = (
        f"The null gives all labs one slope. Core models alone give {core[lab]:.2f}. The F-test of equal slopes has "
        f"p = {test.p:.3f} over {test.n} models of labs with three or more, {test_core.p:.2f} over the core ones."
    )
    own = Value(
        row["slope"], row["low"], row["high"], int(row["n"]), "least squares within the lab, t interval"
    )
    return Recomputed(own, None, NullRange.of(null), remark)


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
    own_line = regression.h_field(core, regression.fit_line(core))
    null, wide = date_nulls.lab_label_null(core, lab), date_nulls.lab_label_null(everyone, lab)
    whole = regression.h_mean(everyone, lab)
    inside = "inside" if wide.low <= whole.estimate <= wide.high else "outside"
    remark = (
        f"The null shuffles the names of labs. Over all {whole.n} published models of {lab} the mean is {whole.estimate:.1f}, "
        f"{inside} the same null; from a line through the core models it is {regression.h_mean(own_line, lab).estimate:.1f}."
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
    own = Value(
        null.observed,
        null.observed + null.low,
        null.observed + null.high,
        2,
        "difference, interval from item noise",
    )
    return Recomputed(own, None, NullRange.of(null), remark)


@recomputes("frontier_deepseek_swing")
def frontier_deepseek_swing() -> Recomputed:
    field = regression.h_field(_published())
    slopes = labs.lab_slopes(_published()).set_index("lab")["slope"].astype(float).to_dict()
    swe = dict(zip(field["model"], field[SWE].astype(float), strict=True))
    tilt = (regression.fit_line(_published()).slope.estimate - slopes["DeepSeek"]) * (
        swe["DeepSeek V3.2"] - swe["DeepSeek-V2.5"]
    )
    pairs = np.concatenate(
        [
            np.abs(np.subtract.outer(h, h))[np.triu_indices(len(h), 1)]
            for h in (g["h"].to_numpy() for _, g in field.groupby("lab"))
            if len(h) > 1
        ]
    )
    share = float(np.mean(pairs >= 15.85))
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
    found = {name: benchmark_saturation.saturation(table) for name, table in tables.items()}
    best = min(found, key=lambda name: np.hypot(found[name].old_spread - 1.3, found[name].new_spread - 9.1))
    listed = ", ".join(
        f"{k} {s.old_spread:.1f} and {s.new_spread:.1f}, ratio {s.ratio:.2f}" for k, s in found.items()
    )
    remark = f"The five are one set, so one reading serves both spreads. Readings tried (SWE-bench and GPQA): {listed}."
    return best, found[best], remark


@recomputes("frontier_saturation_swe")
def frontier_saturation_swe() -> Recomputed:
    best, found, remark = _saturation()
    null = residual_noise.unsaturated_null(_published()[SWE])
    words = f"The null has no ceiling: top five of a normal distribution. {remark}"
    return Recomputed(
        Value(found.old_spread, None, None, 5, f"top five of {best}"), None, NullRange.of(null), words
    )


@recomputes("frontier_saturation_gpqa")
def frontier_saturation_gpqa() -> Recomputed:
    best, found, remark = _saturation()
    five = _published().set_index("model").loc[list(found.models), GPQA]
    null = residual_noise.equal_models_null(
        float(five.mean()), benchmark_items(GPQA), observed=found.new_spread
    )
    words = (
        f"The null is five equally good models, since the claim needs GPQA to separate the five: {null.p:.1%} of its draws "
        "spread as far, which is the edge of its range, and independent answers overstate the noise of a shared test. "
        f"{remark}"
    )
    own = Value(round(found.new_spread, 6), None, None, 5, f"top five of {best} on SWE-bench")
    return Recomputed(own, None, NullRange.of(null), words)


@recomputes("frontier_post_cutoff_r")
def frontier_post_cutoff_r() -> Recomputed:
    past, later, everyone = _published(), regression.models("after_cutoff"), regression.models("all")
    null, date = date_nulls.pairings(past, later), date_nulls.date_null(everyone)
    ahead = labs.prospective(past, later)
    errors = {name: float(np.abs(ahead["gpqa"] - ahead[name]).mean()) for name in ("line", "mean", "recent")}
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
