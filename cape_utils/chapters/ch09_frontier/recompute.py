"""Chapter 09: coding and reasoning at the frontier. No second measurement of these models was released."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import stats

from cape_utils import data
from cape_utils.chapters.ch09_frontier import date_nulls, labs, residual_noise
from cape_utils.claims.quotations import claims_by_id
from cape_utils.claims.registry import recomputes
from cape_utils.claims.verdicts import NullRange, Recomputed, Value
from cape_utils.data.benchmarks import benchmark_items
from cape_utils.frontier import benchmark_saturation, regression
from cape_utils.frontier.benchmark_pair import GPQA, SWE
from cape_utils.scaling.coupling import local_coupling
from cape_utils.scaling.trend_nulls import permutation_null
from cape_utils.stats.formatting import p_value
from cape_utils.stats.resampling import null_from_draws
from cape_utils.stats.results import Estimate, Null

_LOLO_SUBSETS: tuple[regression.Subset, ...] = ("published", "core")
_DATE = "The null lets both scores follow the release date and shuffles what is left"


def _published() -> pd.DataFrame:
    return regression.models("published")


def _against_date(estimate: Estimate, null: Null, remark: str = "") -> Recomputed:
    return Recomputed(Value.of(estimate), None, NullRange.of(null), f"{_DATE}. {remark}".strip())


def _without_date(table: pd.DataFrame) -> str:
    r = date_nulls.partial_given_date(table)
    return f"With the release date taken out r is {r.estimate:.2f} [{r.low:.2f}, {r.high:.2f}]."


@recomputes("frontier_r")
def frontier_r() -> Recomputed:
    table = _published()
    by_lab = labs.r_by_lab(table)
    shuffled = permutation_null(table[SWE], table[GPQA])
    inside = labs.within_lab(table)
    remark = (
        f"Pairings at random give as much with {p_value(shuffled.p_greater, name=True)}: the two do go together, and what the "
        f"null asks is whether by more than the calendar. With each lab's mean taken out r is {inside.estimate:.2f}, the "
        f"calendar still in it. Resampling labs gives [{by_lab.low:.2f}, {by_lab.high:.2f}]. {_without_date(table)}"
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


def _interval(estimate: Estimate) -> Recomputed:
    remark = f"Least squares over {estimate.n} models, t interval: [{estimate.low:.3g}, {estimate.high:.3g}]."
    ours = Value(estimate.high - estimate.estimate, None, None, estimate.n, "half width of the 95% interval")
    return Recomputed(ours, None, None, remark)


@recomputes("frontier_slope_interval")
def frontier_slope_interval() -> Recomputed:
    return _interval(regression.fit_line(_published()).slope)


@recomputes("frontier_intercept_interval")
def frontier_intercept_interval() -> Recomputed:
    return _interval(regression.fit_line(_published()).intercept)


@recomputes("frontier_models")
def frontier_models() -> Recomputed:
    table = _published()
    tiers = table["model"].str.replace(r" (xhigh|std)$", "", regex=True)
    twice = ", ".join(sorted(set(tiers[tiers.duplicated()])))
    remark = f"There are {len(table)} rows; {twice} stands twice, once for each tier of inference compute."
    return Recomputed(Value(tiers.nunique(), None, None, len(table), "distinct models"), None, None, remark)


@recomputes("frontier_labs")
def frontier_labs() -> Recomputed:
    table = _published()
    return Recomputed(Value(table["lab"].nunique(), None, None, len(table), "names of labs"))


@recomputes("frontier_r_core")
def frontier_r_core() -> Recomputed:
    table = regression.models("core")
    return _against_date(regression.fit_line(table).r, date_nulls.date_null(table), _without_date(table))


@recomputes("frontier_lolo")
def frontier_lolo() -> Recomputed:
    # The interval quoted is one standard deviation over four labs, which are those with three published models or more.
    min_models = 3
    held_out = {subset: labs.leave_one_lab_out(regression.models(subset)) for subset in _LOLO_SUBSETS}
    errors = {
        (subset, least): labs.lolo_error(held_out[subset], min_models=least)
        for subset in _LOLO_SUBSETS
        for least in (1, 2, 3)
    }
    read: tuple[regression.Subset, int] = ("published", min_models)
    constant = labs.lolo_error(held_out["published"], min_models=min_models, column="constant")
    by_lab = held_out["published"].query("n >= @min_models")["error"]
    null = date_nulls.lolo_null(_published(), min_models=min_models)
    every = date_nulls.lolo_null(_published(), min_models=1)
    listed = ", ".join(
        f"{subset}, labs with {least} or more {one.estimate:.3g}"
        for (subset, least), one in errors.items()
        if (subset, least) != read
    )
    words = (
        f"Predicting the mean of the other labs errs by {constant.estimate:.1f}. Over all {errors['published', 1].n} labs the "
        f"error is {every.observed:.1f}, where the same null gives {every.value:.1f} [{every.low:.1f}, {every.high:.1f}], "
        f"{p_value(every.p_less, name=True)}: the line helps on most labs, and on the four large ones not clearly. The quoted "
        f"interval reaches {quoted_half_width('frontier_lolo'):.1f} to each side; the standard deviation over these "
        f"{len(by_lab)} labs is {by_lab.std(ddof=0):.1f}, a 95% interval of their mean reaches "
        f"{errors[read].high - errors[read].estimate:.1f}. Read as published models, labs with {min_models} or more; other "
        f"readings: {listed}."
    )
    return Recomputed(Value.of(errors[read]), None, NullRange.of(null), words)


def _lab_slope(lab: str, *, steepest: bool) -> Recomputed:
    published, core = _published(), regression.models("core")
    row = labs.lab_slopes(published).set_index("lab").loc[lab].astype(float).to_dict()
    core_slope = labs.lab_slopes(core).set_index("lab")["slope"].astype(float).to_dict()[lab]
    null = date_nulls.extreme_slope_null(published, lab, steepest=steepest)
    test, test_core = labs.equal_slopes(published), labs.equal_slopes(core)
    remark = (
        f"The null gives all labs one slope, and names a lab for its end too. Core models alone give {core_slope:.2f}. The "
        "F-test of equal slopes has "
        f"{p_value(test.p, name=True)} over {test.n} models of labs with three or more, {p_value(test_core.p)} over the core "
        "ones."
    )
    method = "least squares within the lab, t interval"
    ours = Value(row["slope"], row["low"], row["high"], int(row["n"]), method)
    statistic = "distance from the one slope, in standard errors,"
    return Recomputed(ours, None, NullRange.of(null, statistic=statistic), remark)


@recomputes("frontier_slope_google")
def frontier_slope_google() -> Recomputed:
    return _lab_slope("Google", steepest=True)


@recomputes("frontier_slope_deepseek")
def frontier_slope_deepseek() -> Recomputed:
    return _lab_slope("DeepSeek", steepest=False)


def _core_field() -> pd.DataFrame:
    """Core models with h from the line through all published ones, as in the paper's table."""
    field = regression.h_field(_published())
    return field[field["subset"] == "core"]


def _lab_h(lab: str) -> Recomputed:
    everyone, core = regression.h_field(_published()), _core_field()
    from_core = regression.h_field(core, regression.fit_line(core))
    own = regression.h_mean(core, lab)
    highest = own.estimate > 0
    null, wide = (date_nulls.extreme_lab_null(one, lab, highest=highest) for one in (core, everyone))
    mean = regression.h_mean(everyone, lab)
    tail = wide.p_greater if highest else wide.p_less
    remark = (
        f"{lab} is named for lying on its side of the line, so the null names a lab for it too. Over all {mean.n} published "
        f"models of {lab} the mean is {mean.estimate:.1f}, {p_value(tail, name=True)}; from a line through the core models it "
        f"is {regression.h_mean(from_core, lab).estimate:.1f}."
    )
    statistic = "distance from the mean of all labs, in standard errors,"
    return Recomputed(Value.of(own), None, NullRange.of(null, statistic=statistic), remark)


@recomputes("frontier_h_google")
def frontier_h_google() -> Recomputed:
    return _lab_h("Google")


@recomputes("frontier_h_anthropic")
def frontier_h_anthropic() -> Recomputed:
    return _lab_h("Anthropic")


@recomputes("frontier_slope_spread")
def frontier_slope_spread() -> Recomputed:
    published = _published()
    slopes = labs.lab_slopes(published).set_index("lab")["slope"].astype(float)
    test = labs.equal_slopes(published)
    null = date_nulls.slope_range_null(published)
    remark = (
        f"The F-test of equal slopes has {p_value(test.p, name=True)}. A ratio says little where the smaller slope may be zero, "
        "so the null is of the difference."
    )
    ours = Value(
        float(slopes.max() / slopes.min()),
        None,
        None,
        len(slopes),
        f"{slopes.idxmax()} over {slopes.idxmin()}",
    )
    return Recomputed(ours, None, NullRange.of(null, statistic="steepest less flattest slope"), remark)


def _item_noise(first: str, second: str) -> tuple[Value, Null]:
    """Difference of h of two models with its item noise, and what two models of one h give."""
    null = residual_noise.same_h_null(regression.h_field(_published()), first, second)
    h = null.observed
    return Value(h, h + null.low, h + null.high, 2, "difference, interval from item noise"), null


@recomputes("frontier_deepseek_swing")
def frontier_deepseek_swing() -> Recomputed:
    first, second = "DeepSeek-V2.5", "DeepSeek V3.2"
    ours, noise = _item_noise(first, second)
    published = _published()
    field = regression.h_field(published)
    slope = labs.lab_slopes(published).set_index("lab")["slope"].astype(float).to_dict()["DeepSeek"]
    swe = dict(zip(field["model"], field[SWE].astype(float), strict=True))
    tilt = (regression.fit_line(published).slope.estimate - slope) * (swe[second] - swe[first])
    later = regression.h_field(regression.models("all"), regression.fit_line(published)).query(
        "lab == 'DeepSeek'"
    )
    last = later.sort_values("date_low", kind="stable").iloc[-1]
    remark = (
        f"Item noise alone does not give it ({p_value(noise.p_greater, name=True)}); the scatter of releases about one slope "
        "may. It is DeepSeek's slope said again: a slope below the population's makes "
        f"{tilt:.1f} points over the rise of its SWE-bench score. {last['model']}, the last of the lab in the table, lies at "
        f"{last['h']:+.1f}."
    )
    return Recomputed(ours, None, NullRange.of(date_nulls.swing_null(published, first, second)), remark)


@recomputes("compute_tier_shift")
def compute_tier_shift() -> Recomputed:
    ours, null = _item_noise("GPT-5.4 xhigh", "GPT-5.4 std")
    remark = (
        "The null has two models with one h and finite tests, their answers independent. Both rows carry one SWE-bench score, "
        "so this is a difference of GPQA alone: what more inference compute does to coding was not measured."
    )
    return Recomputed(ours, None, NullRange.of(null), remark)


def _saturation() -> tuple[benchmark_saturation.Saturation, str]:
    """The top five of the published models, one set for both spreads, and a sentence on other sets."""
    tables = {"core": regression.models("core"), "with the later releases": regression.models("all")}
    spreads = {name: benchmark_saturation.saturation(table) for name, table in tables.items()}
    own = benchmark_saturation.saturation(_published())
    listed = ", ".join(
        f"{k} {s.old_spread:.1f} and {s.new_spread:.1f}, ratio {s.ratio:.2f}" for k, s in spreads.items()
    )
    remark = (
        f"The five are one set, the top of the {len(_published())} published models: ratio {own.ratio:.2f}. Other readings "
        f"(SWE-bench and GPQA): {listed}."
    )
    return own, remark


@recomputes("frontier_saturation_swe")
def frontier_saturation_swe() -> Recomputed:
    spread, remark = _saturation()
    null = residual_noise.unsaturated_null(_published()[SWE])
    words = f"The null has no ceiling: top five of a normal distribution. {remark}"
    ours = Value(spread.old_spread, n=5, method="top five of the published models")
    return Recomputed(ours, None, NullRange.of(null), words)


@recomputes("frontier_saturation_gpqa")
def frontier_saturation_gpqa() -> Recomputed:
    spread, remark = _saturation()
    five = _published().set_index("model").loc[list(spread.models), GPQA]
    null = residual_noise.equal_models_null(
        float(five.mean()), benchmark_items(GPQA), observed=spread.new_spread
    )
    words = (
        "The null is five equally good models, since the claim needs GPQA to separate the five; independent answers overstate "
        f"the noise of a shared test. {remark}"
    )
    ours = Value(round(spread.new_spread, 6), n=5, method="top five of the published models on SWE-bench")
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
        f"alone have as large an r. As a forecast the line errs by {errors['line']:.1f}, the mean of all earlier models by "
        f"{errors['mean']:.1f}, that of the models of 2026 by {errors['recent']:.1f}. GLM-5.1 repeats both scores of GLM-5."
    )
    return Recomputed(Value.of(regression.fit_line(everyone).r), None, NullRange.of(null), remark)


@recomputes("frontier_post_cutoff_inside")
def frontier_post_cutoff_inside() -> Recomputed:
    past, later = _published(), regression.models("after_cutoff")
    line = regression.fit_line(past)
    swe, gpqa = (later[name].to_numpy(dtype=float) for name in (SWE, GPQA))
    half = np.array([line.prediction_half_width(x) for x in swe])
    known = past[GPQA].to_numpy(dtype=float)
    drawn = np.random.default_rng(0).choice(known, size=(5000, len(later)))
    inside = (np.abs(np.vstack([gpqa, drawn]) - line.predict(swe)) <= half).sum(axis=1).astype(float)
    null = null_from_draws(
        float(inside[0]), inside[1:], len(later), "each later GPQA drawn from the earlier models"
    )
    remark = f"The interval reaches {half.min():.0f} to {half.max():.0f} points to each side."
    ours = Value(
        int(inside[0]), None, None, len(later), "95% prediction interval of the line through published models"
    )
    return Recomputed(ours, None, NullRange.of(null), remark)


@recomputes("frontier_anthropic_recovers")
def frontier_anthropic_recovers() -> Recomputed:
    field = _core_field().query("lab == 'Anthropic'").sort_values("date_low", kind="stable")
    low = (field["h"] < -regression.SPECIALIST_PP).to_numpy()
    back = low[:-1] & ~low[1:]
    names = field["model"].to_numpy()
    listed = ", ".join(f"{names[i]} (then {names[i + 1]})" for i in np.flatnonzero(back)) or "none"
    remark = (
        f"{int(low.sum())} of {len(field)} core models of Anthropic lie below -{regression.SPECIALIST_PP:g}; the next release "
        f"lies above it after {listed}. Models of one month stand in the order of the release."
    )
    orders = np.random.default_rng(0).permuted(np.tile(low, (5000, 1)), axis=1)
    returns = (orders[:, :-1] & ~orders[:, 1:]).sum(axis=1).astype(float)
    null = null_from_draws(float(back.sum()), returns, len(field), "the same models in random order")
    ours = Value(int(back.sum()), None, None, int(low.sum()), "core models in order of release")
    return Recomputed(ours, None, NullRange.of(null), remark)


@recomputes("frontier_second_transition")
def frontier_second_transition() -> Recomputed:
    steps = local_coupling(data.panel("open", rows="one_recipe")).query("30 <= to_params_b <= 72")
    falling = int((steps["coupling"] < 0).sum())
    remark = (
        "No score of these architectures stands in the released tables of paper B, and what marks a second transition is not "
        f"defined there. On the open panel {falling} of {len(steps)} steps that end between 30B and 72B have a negative "
        "coupling of HellaSwag and TruthfulQA."
    )
    return Recomputed(None, None, None, remark)


@recomputes("frontier_isocline_below")
def frontier_isocline_below() -> Recomputed:
    both = int(_published()[[GPQA, "ifeval"]].notna().all(axis=1).sum())
    remark = (
        f"{both} published models have both scores; the constant of this isocline is in no released file, and that of paper A "
        "belongs to other benchmarks."
    )
    return Recomputed(None, None, None, remark)


@recomputes("frontier_permanence")
def frontier_permanence() -> Recomputed:
    remark = (
        "Which shift of h comes from pretraining and which from what follows it is in no released table; releases of one lab "
        "differ in both."
    )
    return Recomputed(None, None, None, remark)


@recomputes("frontier_other_spread")
def frontier_other_spread() -> Recomputed:
    ifeval = _published()["ifeval"].dropna().astype(float)
    remark = (
        f"No HLE score was released, and IFEval for {len(ifeval)} models, {ifeval.max() - ifeval.min():.1f} points apart; a "
        "top five that keeps its spread cannot be told from these."
    )
    return Recomputed(None, None, None, remark)


@recomputes("frontier_rlhf_gain")
def frontier_rlhf_gain() -> Recomputed:
    tuned = data.load("internal_coupling").query(
        "model.str.contains('Gemma-4') and flags.str.contains('instruction_tuned')"
    )
    listed = ", ".join(f"{row.model} {row.mean_cosine:.3f}" for row in tuned.itertuples())
    remark = (
        f"It is the difference of {listed} and a base model whose figure was not released (see gemma4_coupling); one model "
        "before and after, and no weight of either is open here."
    )
    return Recomputed(None, None, None, remark)


@recomputes("frontier_predictions")
def frontier_predictions() -> Recomputed:
    table = data.load("predictions")
    remark = "What has become of each is kept in chapter 9, by rule."
    return Recomputed(
        Value(len(table), None, None, len(table), "predictions with a criterion"), None, None, remark
    )


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
