"""The frontier: hand values, other implementations, planted truths, calibrated nulls, bad input, the tracker, the command."""

from __future__ import annotations

import datetime as dt
import json
import math

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
import statsmodels.formula.api as smf
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import LeaveOneGroupOut, cross_val_predict

from cape_utils import cli, data
from cape_utils.chapters.ch09_frontier import date_nulls, predictions, residual_noise
from cape_utils.chapters.ch09_frontier import labs as ch09_labs
from cape_utils.chapters.ch09_frontier.labs import leave_one_lab_out, lolo_error
from cape_utils.claims import assessment
from cape_utils.frontier import benchmark_saturation, regression
from cape_utils.frontier.benchmark_pair import GPQA, SWE
from cape_utils.scaling import coupling
from cape_utils.stats import correlation, resampling


def table(swe, gpqa, labs="L", released="2025-06") -> pd.DataFrame:
    n = len(swe)
    made = pd.DataFrame(
        {
            "model": [f"m{i}" for i in range(n)],
            "lab": labs if isinstance(labs, list) else [labs] * n,
            "released": released if isinstance(released, list) else [released] * n,
            "subset": "core",
            SWE: np.asarray(swe, dtype=float),
            GPQA: np.asarray(gpqa, dtype=float),
        }
    )
    return regression.with_dates(made)


def world(rng, *, coupled=0.0, calendar=10.0, noise=4.0, n=34) -> pd.DataFrame:
    """Models over two years of ten labs, both scores following the date, and each other by ``coupled``."""
    month = rng.integers(0, 24, n)
    luck = rng.normal(size=(3, n)) * noise
    swe = 45 + calendar * month / 12 + luck[0] + coupled * luck[2]
    gpqa = 60 + calendar * month / 12 + luck[1] + coupled * luck[2]
    dates = [f"{2024 + m // 12}-{m % 12 + 1:02d}" for m in month]
    return table(swe, gpqa, [f"lab {k}" for k in np.arange(n) % 10], dates)


PUBLISHED = regression.models()


# ---------------------------------------------------------------- the table and its dates


def test_subsets_add_up():
    sizes = {name: len(regression.models(name)) for name in ("core", "published", "after_cutoff", "all")}
    assert sizes["published"] + sizes["after_cutoff"] == sizes["all"] == len(data.load("frontier_models"))
    with pytest.raises(ValueError, match="subset='extended'; allowed are 'published', 'core'"):
        regression.models("extended")


@pytest.mark.parametrize(
    ("released", "low", "high"),
    [
        ("2025", 2025, 2026),
        ("2025-01", 2025, 2025 + 31 / 365),
        ("2024-12", 2024 + 335 / 366, 2025),
        ("2025-12-31", 2025 + 364 / 365, 2026),
    ],
)
def test_a_date_is_the_range_that_the_source_leaves_open(released, low, high):
    row = table([1.5], [2], released=released).iloc[0]
    assert (row["date_low"], row["date_high"]) == (pytest.approx(low), pytest.approx(high))
    assert row["date"] == pytest.approx((low + high) / 2)
    assert row["year_only"] == (len(released) == 4)


# ---------------------------------------------------------------- the line and h


def test_the_line_is_that_of_statsmodels():
    fit = sm.OLS(PUBLISHED[GPQA], sm.add_constant(PUBLISHED[SWE])).fit()
    line = regression.fit_line(PUBLISHED)
    for ours, se, name in ((line.slope, line.slope_se, SWE), (line.intercept, line.intercept_se, "const")):
        assert ours.estimate == pytest.approx(fit.params[name])
        assert se == pytest.approx(fit.bse[name])
        assert (ours.low, ours.high) == pytest.approx(tuple(fit.conf_int().loc[name]))
    assert line.p == pytest.approx(fit.pvalues[SWE])
    assert line.sigma == pytest.approx(math.sqrt(fit.mse_resid))
    new = fit.get_prediction([1.0, 80.8]).summary_frame().iloc[0]
    half = line.prediction_half_width(80.8)
    assert (line.predict(80.8) - half, line.predict(80.8) + half) == pytest.approx(
        (new["obs_ci_lower"], new["obs_ci_upper"])
    )


def test_h_by_hand_and_as_the_paper_prints_it():
    four = table([10, 20, 30, 40], [50, 60, 50, 60])  # slope 0.2, intercept 50
    field = regression.h_field(four, regression.fit_line(four))
    assert field["h"].round(6).tolist() == [-2, 6, -6, 2]
    everyone = regression.h_field(regression.models("all"))
    # The paper prints one decimal, for the later models from rounded coefficients.
    assert np.abs(everyone["h"] - everyone["h_reported"]).max() < 0.08


def test_the_noise_of_h_is_the_spread_of_simulated_tests():
    rng = np.random.default_rng(0)
    swe, gpqa = 100 * rng.binomial(500, 0.7, 40_000) / 500, 100 * rng.binomial(198, 0.8, 40_000) / 198
    assert float(regression.h_noise(70, 80, 0.5)) == pytest.approx((gpqa - 0.5 * swe).std(), rel=0.02)


def test_positions_at_their_thresholds():
    assert [regression.position(h) for h in (-10.01, -10, 0, 10, 10.01)] == [
        "coding specialist",
        *["cooperative"] * 3,
        "reasoning specialist",
    ]
    assert regression.position(-6, specialist_pp=5) == "coding specialist"


scores = st.lists(
    st.tuples(st.integers(2, 99), st.integers(2, 99)), min_size=6, max_size=12, unique_by=lambda p: p[0]
)


@given(scores, st.randoms(use_true_random=False))
@settings(max_examples=25, deadline=None)
def test_order_of_rows_and_names_of_labs_do_not_matter(pairs, random):
    own = table(*zip(*pairs, strict=True), [f"l{i % 3}" for i in range(len(pairs))])
    rows = list(range(len(own)))
    random.shuffle(rows)
    moved = own.iloc[rows].assign(lab=lambda t: t["lab"].map({"l0": "z", "l1": "a", "l2": "k"}))
    one, other = regression.fit_line(own), regression.fit_line(moved)
    assert (one.slope.estimate, one.r.estimate) == pytest.approx((other.slope.estimate, other.r.estimate))
    assert sorted(leave_one_lab_out(own)["error"]) == pytest.approx(sorted(leave_one_lab_out(moved)["error"]))


@given(scores, st.sampled_from([0.01, 0.5, 3.0]))
@settings(max_examples=25, deadline=None)
def test_the_unit_of_coding_scales_the_slope_and_nothing_else(pairs, factor):
    own = table(*zip(*pairs, strict=True))
    scaled = own.assign(**{SWE: own[SWE] * factor})
    one, other = regression.fit_line(own), regression.fit_line(scaled)
    assert other.slope.estimate * factor == pytest.approx(one.slope.estimate, abs=1e-9)
    assert other.r.estimate == pytest.approx(one.r.estimate, abs=1e-9)
    assert np.allclose(regression.h_field(own, one)["h"], regression.h_field(scaled, other)["h"])


def test_mean_h_has_the_t_interval_of_scipy():
    field = regression.h_field(PUBLISHED)
    ours, h = regression.h_mean(field, "OpenAI"), field.query("lab == 'OpenAI'")["h"]
    assert (ours.low, ours.high) == pytest.approx(stats.ttest_1samp(h, 0).confidence_interval())
    assert math.isnan(regression.h_mean(field, "Meta").low)  # one model has no spread


# ---------------------------------------------------------------- labs


def test_leaving_a_lab_out_is_scikit_learns():
    x, y, groups = PUBLISHED[[SWE]].to_numpy(), PUBLISHED[GPQA].to_numpy(), PUBLISHED["lab"].to_numpy()
    predicted = cross_val_predict(LinearRegression(), x, y, groups=groups, cv=LeaveOneGroupOut())
    theirs = pd.Series(np.abs(y - predicted)).groupby(groups).mean()
    ours = leave_one_lab_out(PUBLISHED).set_index("lab")["error"]
    assert ours.sort_index().tolist() == pytest.approx(theirs.sort_index().tolist())
    assert date_nulls.lolo_null(PUBLISHED, draws=50).observed == pytest.approx(
        lolo_error(leave_one_lab_out(PUBLISHED), min_models=3).estimate
    )


def test_equal_slopes_is_the_interaction_of_an_analysis_of_covariance():
    used = PUBLISHED[PUBLISHED.groupby("lab")[SWE].transform("size") >= 3].rename(
        columns={SWE: "s", GPQA: "g"}
    )
    small, large = smf.ols("g ~ s + C(lab)", used).fit(), smf.ols("g ~ s * C(lab)", used).fit()
    theirs = sm.stats.anova_lm(small, large).iloc[1]
    ours = ch09_labs.equal_slopes(PUBLISHED)
    assert (ours.f, ours.p) == pytest.approx((theirs["F"], theirs["Pr(>F)"]))
    assert (ours.df_labs, ours.df_rest, ours.n) == (theirs["df_diff"], large.df_resid, len(used))
    assert ours.common_slope == pytest.approx(small.params["s"])


def parallel(rng, tilt=0.0) -> pd.DataFrame:
    swe = np.tile(np.linspace(40, 80, 8), 3)
    lab = np.repeat([0, 1, 2], 8)
    return table(
        swe,
        40 + 0.5 * swe + 5 * lab + tilt * (lab == 2) * (swe - 60) + rng.normal(0, 2, 24),
        [f"l{k}" for k in lab],
    )


def test_unequal_slopes_are_found_when_planted_and_equal_ones_at_five_percent():
    rng = np.random.default_rng(0)
    assert ch09_labs.equal_slopes(parallel(rng, tilt=-0.5)).p < 0.001
    p = [ch09_labs.equal_slopes(parallel(rng)).p for _ in range(120)]
    assert np.mean(np.array(p) < 0.05) == pytest.approx(0.05, abs=0.05)
    one = [
        date_nulls.extreme_slope_null(parallel(rng), "l2", steepest=False, draws=200).p_less
        for _ in range(120)
    ]
    # A lab named before it is looked at is the flattest of three in one case of three.
    assert np.mean(np.array(one) < 0.05) < 0.06


def test_ranges_by_hand_and_the_expectation_of_a_cut():
    rng = np.random.default_rng(1)
    x = rng.normal(50, 10, 20_000)
    large = table(x, 0.6 * (x - 50) + rng.normal(0, 8, 20_000) + 50)
    cut = ch09_labs.by_range(large, [50, 60, 200])
    assert cut["n"].sum() == (x >= 50).sum()
    assert cut["r"].tolist() == pytest.approx(cut["expected"].tolist(), abs=0.03)
    few = ch09_labs.by_range(PUBLISHED, [0, 30, 100])
    assert few["n"].tolist() == [1, 33]
    assert np.isnan(few["r"].iloc[0])


def test_resampling_labs_is_population_coupling_with_labs_as_families():
    renamed = PUBLISHED.rename(columns={"lab": "family"})
    assert ch09_labs.r_by_lab(PUBLISHED, draws=99, rng=3) == coupling.population_coupling(
        renamed, SWE, GPQA, draws=99, rng=3
    )
    assert "bootstrap over 10" in ch09_labs.r_by_lab(PUBLISHED, draws=9).method


# ---------------------------------------------------------------- saturation


def test_saturation_by_hand():
    six = table([90, 89, 88, 87, 86, 50], [70, 75, 80, 71, 72, 99])
    found = benchmark_saturation.saturation(six)
    assert (found.old_spread, found.new_spread, found.ratio) == (4, 10, 0.4)
    assert found.models == ("m0", "m1", "m2", "m3", "m4")
    assert benchmark_saturation.saturation(six, top=2).ratio == 0.2
    assert benchmark_saturation.saturation(six, old=GPQA, new=SWE).models[0] == "m5"
    cases = benchmark_saturation.saturation_cases(six).set_index("case")
    assert cases.loc["without m0", "old_spread"] == 39
    with pytest.raises(ValueError, match="top=7; allowed are 2 to the number of models, 6"):
        benchmark_saturation.saturation(six, top=7)


def test_no_spread_on_the_new_axis_has_no_ratio():
    assert math.isnan(benchmark_saturation.saturation(table([5, 4, 3, 2, 6], [50] * 5)).ratio)


def test_one_model_moves_the_ratio_across_its_threshold():
    everyone = regression.models("all")
    assert benchmark_saturation.saturation(everyone).ratio > 0.2
    assert benchmark_saturation.saturation(everyone[everyone["model"] != "Claude Opus 4.7"]).ratio < 0.2


def test_the_spread_of_equal_models_and_of_an_unbounded_test():
    range_of_five = 2.326  # mean range of five standard normals
    null = residual_noise.equal_models_null(50, 400, draws=4000)
    assert null.value == pytest.approx(range_of_five * 2.5, rel=0.06)
    free = residual_noise.unsaturated_null(np.random.default_rng(0).normal(50, 10, 200), draws=500)
    assert free.low < free.observed < free.high
    packed = np.concatenate([np.linspace(20, 79, 29), np.full(5, 80.0)])
    assert residual_noise.unsaturated_null(packed, draws=500).low > 0


# ---------------------------------------------------------------- the calendar


def test_the_partial_correlation_is_that_of_regression_residuals():
    ours = date_nulls.partial_given_date(PUBLISHED, draws=100)
    theirs = correlation.partial_correlation(PUBLISHED[SWE], PUBLISHED[GPQA], PUBLISHED["date"])
    assert ours.estimate == pytest.approx(theirs.estimate)
    fixed = PUBLISHED.assign(date_low=PUBLISHED["date"], date_high=PUBLISHED["date"])
    alone = date_nulls.partial_given_date(fixed, unit="none", draws=20)
    assert (alone.low, alone.high) == pytest.approx((ours.estimate, ours.estimate))
    with pytest.raises(ValueError, match="unit='model'; allowed are 'lab' and 'none'"):
        date_nulls.partial_given_date(PUBLISHED, unit="model")


def test_the_interval_by_lab_holds_a_known_truth_where_bootstraps_over_labs_do_not():
    # Labs and dates of the table; scores that follow the date, with luck that labs share in part and no cooperation.
    rng = np.random.default_rng(0)
    known = PUBLISHED.assign(date_low=PUBLISHED["date"], date_high=PUBLISHED["date"])
    codes, names = pd.factorize(known["lab"])
    date = known["date"].to_numpy()[None, :]
    weights = resampling.family_counts(len(names), 300, rng)[:, codes]
    dates = np.broadcast_to(date, weights.shape)
    rows = 300
    held, held_basic = np.zeros(rows, dtype=bool), np.zeros(rows, dtype=bool)
    for k in range(rows):
        x, y = 10 * date[0] + rng.normal(size=(2, len(known))) + rng.normal(size=(2, len(names)))[:, codes]
        one = date_nulls.partial_given_date(known.assign(**{SWE: x, GPQA: y}), draws=2)
        held[k] = one.low <= 0 <= one.high
        left = [date_nulls._trend(dates, score[None, :], weights)[1] for score in (x, y)]
        low, high = resampling.interval(date_nulls._weighted_r(*left, weights))
        held_basic[k] = 2 * one.estimate - high <= 0 <= 2 * one.estimate - low
    assert 0.9 < held.mean() < 0.98
    assert held_basic.mean() < 0.8  # the planted fault: the basic interval of a bootstrap over labs


def test_a_jackknife_interval_is_that_of_a_plain_loop():
    low, high = correlation.jackknife_interval(0.5, [0.3, 0.5, 0.6, 0.7], other_se=0.1)
    each = [math.atanh(r) for r in (0.3, 0.5, 0.6, 0.7)]
    variance = 3 / 4 * sum((z - sum(each) / 4) ** 2 for z in each) + 0.01
    half = stats.t.ppf(0.975, 3) * math.sqrt(variance)
    assert (low, high) == pytest.approx(
        (math.tanh(math.atanh(0.5) - half), math.tanh(math.atanh(0.5) + half))
    )
    assert all(math.isnan(end) for end in correlation.jackknife_interval(0.5, [0.4, float("nan")]))
    with pytest.raises(ValueError, match="at least 2 clusters are needed; got 1"):
        correlation.jackknife_interval(0.5, [0.4])


def test_weighted_trends_are_those_of_repeated_rows():
    rng = np.random.default_rng(0)
    date, y, w = rng.random((1, 8)), rng.random((1, 8)), rng.integers(0, 4, (1, 8)).astype(float)
    often = np.repeat(np.arange(8), w[0].astype(int))
    slope, start = np.polyfit(date[0, often], y[0, often], 1)
    assert date_nulls._trend(date, y, w)[0][0] == pytest.approx(start + slope * date[0])


def test_a_shared_calendar_alone_is_not_found_and_a_planted_coupling_is():
    rng = np.random.default_rng(0)
    worlds = [world(rng) for _ in range(120)]
    assert np.mean([regression.fit_line(w).p < 0.001 for w in worlds]) > 0.5  # the plain test is fooled
    found = np.array([date_nulls.date_null(w, draws=200).p for w in worlds])
    assert np.mean(found < 0.05) < 0.11
    planted = [date_nulls.date_null(world(rng, coupled=2.0), draws=200).p for _ in range(20)]
    assert np.mean(np.array(planted) < 0.05) > 0.9


def test_the_statistics_of_the_date_null_are_those_of_the_line():
    line = regression.fit_line(PUBLISHED)
    expected = {
        "r": line.r.estimate,
        "slope": line.slope.estimate,
        "intercept": line.intercept.estimate,
        "p": line.p,
    }
    for name, value in expected.items():
        assert date_nulls.date_null(PUBLISHED, name, draws=50).observed == value
    r, p = (date_nulls.date_draws(PUBLISHED, k, draws=30) for k in ("r", "p"))
    freedom = len(PUBLISHED) - 2
    assert p == pytest.approx(2 * stats.t.sf(np.abs(r) * np.sqrt(freedom / (1 - r**2)), freedom))
    with pytest.raises(ValueError, match="statistic='R'; allowed are 'r', 'slope', 'intercept' and 'p'"):
        date_nulls.date_draws(PUBLISHED, "R", draws=3)


def test_names_of_labs_shuffled():
    rng = np.random.default_rng(0)
    h = rng.normal(size=24)
    labs = [f"l{k % 4}" for k in range(24)]
    planted = pd.DataFrame({"lab": labs, "h": h + 4 * (np.arange(24) % 4 == 0)})
    assert date_nulls.lab_label_null(planted, "l0", draws=999).p == 0.001
    p = [
        date_nulls.lab_label_null(pd.DataFrame({"lab": labs, "h": rng.normal(size=24)}), "l0", draws=99).p
        for _ in range(200)
    ]
    assert np.mean(np.array(p) <= 0.05) == pytest.approx(0.05, abs=0.04)
    with pytest.raises(ValueError, match="no model of 'l9'; the labs are l0, l1, l2, l3"):
        date_nulls.lab_label_null(planted, "l9")


def test_shuffled_scores_predict_no_lab_and_a_planted_line_does():
    line = table(
        np.linspace(20, 80, 24), 40 + 0.5 * np.linspace(20, 80, 24), [f"l{k % 4}" for k in range(24)]
    )
    null = date_nulls.lolo_null(line, draws=300)
    assert (null.observed, null.p) == (pytest.approx(0, abs=1e-9), null.smallest_p)


def test_pairings_visit_every_arrangement():
    past, later = PUBLISHED, regression.models("after_cutoff")
    null = date_nulls.pairings(past, later)
    assert (null.draws, null.exact, null.n) == (120, True, 39)
    assert null.observed == pytest.approx(regression.fit_line(regression.models("all")).r.estimate)


def test_the_later_releases_against_the_line_and_constants():
    later = regression.models("after_cutoff")
    ahead = ch09_labs.prospective(PUBLISHED, later)
    assert (ahead["gpqa"] - ahead["line"]).tolist() == pytest.approx(later["h_reported"].tolist(), abs=0.1)
    assert ahead["mean"].iloc[0] == pytest.approx(PUBLISHED[GPQA].mean())
    assert ahead["recent"].iloc[0] == pytest.approx(
        PUBLISHED[PUBLISHED["released"].str.startswith("2026")][GPQA].mean()
    )
    with pytest.raises(ValueError, match="no earlier model was released from 2030 on"):
        ch09_labs.prospective(PUBLISHED, later, recent_from=2030)


# ---------------------------------------------------------------- noise, and three correlations


def test_attenuation_undoes_what_item_noise_does():
    rng = np.random.default_rng(0)
    true = np.clip(rng.multivariate_normal([60, 70], [[80, 50], [50, 80]], 4000), 5, 95) / 100
    seen = table(100 * rng.binomial(500, true[:, 0]) / 500, 100 * rng.binomial(198, true[:, 1]) / 198)
    found = residual_noise.attenuation(seen)
    clean = np.corrcoef(true.T)[0, 1]
    assert found.r < clean - 0.02
    assert found.r_without_noise == pytest.approx(clean, abs=0.02)
    assert 0 < found.h_share < 1


def test_same_h_by_hand():
    field = regression.h_field(PUBLISHED)
    null = residual_noise.same_h_null(field, "GPT-5.4 xhigh", "GPT-5.4 std")
    assert null.observed == pytest.approx(92.0 - 84.2)
    rows = field.set_index("model")["h_se"]
    assert null.high == pytest.approx(1.96 * math.hypot(rows["GPT-5.4 xhigh"], rows["GPT-5.4 std"]))
    with pytest.raises(ValueError, match="no model 'GPT-6'"):
        residual_noise.same_h_null(field, "GPT-6", "GPT-5.4 std")


@given(*[st.floats(-0.99, 0.99)] * 3)
@settings(max_examples=60, deadline=None)
def test_a_third_correlation_is_admissible_when_no_eigenvalue_is_negative(a, b, c):
    low, high = residual_noise.admissible_r(a, b)
    smallest = np.linalg.eigvalsh([[1, a, b], [a, 1, c], [b, c, 1]])[0]
    if abs(smallest) > 1e-9:
        assert (low <= c <= high) == (smallest > 0)


def test_correlations_beyond_one_are_refused():
    with pytest.raises(ValueError, match=r"got a correlation of 1\.2, expected one between -1 and 1"):
        residual_noise.admissible_r(1.2, 0)


# ---------------------------------------------------------------- bad input


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: regression.fit_line(PUBLISHED.drop(columns=GPQA)),
            "'gpqa_diamond' is needed; the columns are model, lab",
        ),
        (
            lambda: regression.fit_line(PUBLISHED.head(3)),
            "at least 4 models with both scores are needed; there are 3",
        ),
        (
            lambda: regression.fit_line(table([50] * 5, range(5))),
            "every model has the same swe_bench_verified",
        ),
        (
            lambda: regression.h_mean(regression.h_field(PUBLISHED), "IBM"),
            "no model of 'IBM'; the labs are Alibaba",
        ),
        (
            lambda: ch09_labs.lab_slopes(PUBLISHED.query("lab == 'xAI' or lab == 'Meta'")),
            "no lab has 3 models",
        ),
        (lambda: ch09_labs.equal_slopes(PUBLISHED.query("lab == 'Google'")), "at least 2 labs"),
        (lambda: lolo_error(leave_one_lab_out(PUBLISHED), min_models=9), "at least 2 labs with 9"),
        (
            lambda: date_nulls.extreme_slope_null(PUBLISHED, "xAI", steepest=True),
            "no lab 'xAI' with 3 models; there are Anthropic",
        ),
        (
            lambda: regression.locate(0.8, 90),
            "SWE-bench Verified 0.8 looks like a fraction; give percent, such as 80",
        ),
        (lambda: regression.locate(80, 100.1), "GPQA Diamond 100.1 is out of range"),
        (lambda: regression.locate(-1, 90), "SWE-bench Verified -1 is out of range"),
        (lambda: regression.locate(80, math.nan), "GPQA Diamond nan is out of range"),
        (lambda: predictions.track(as_of="soon"), "as_of='soon'; a date like '2026-12-31'"),
    ],
)
def test_bad_input_says_what_came_and_what_is_allowed(call, message):
    with pytest.raises(ValueError, match=message):
        call()


# ---------------------------------------------------------------- the tracker


def plus(*rows, base=None) -> pd.DataFrame:
    made = regression.models("all") if base is None else base
    for i, row in enumerate(rows):
        given = {"model": f"new {i}", "lab": "X", "released": "2026-06", SWE: 80.0, GPQA: 90.0} | row
        made = predictions.add_model(made, **given)
    return made


def status(number: int, rows=(), as_of="2028-01-01") -> tuple[str, str]:
    row = predictions.track(plus(*rows), as_of=as_of).loc[number]
    return row["status"], row["standing"]


def test_every_prediction_is_tracked_and_the_input_left_alone():
    own = regression.models("all")
    before = own.copy()
    tracked = predictions.track(own, as_of="2026-04-30")
    assert tracked.index.tolist() == data.load("predictions")["prediction"].tolist()
    assert set(tracked["status"]) <= {"pass", "fail", "open", "not computable"}
    pd.testing.assert_frame_equal(own, before)
    assert predictions.track(own, as_of=dt.date(2026, 4, 30)).equals(tracked)


def test_nothing_is_decided_before_its_deadline():
    assert status(5, as_of="2027-05-30") == ("open", "pass")
    assert status(5, as_of="2027-05-31") == ("pass", "pass")
    assert status(1, as_of="2026-12-30") == ("open", "fail")
    assert status(1, as_of="2026-12-31") == ("fail", "fail")


def test_models_count_from_the_day_they_are_out_for_sure():
    def n(day: str) -> int:
        return len(predictions.known_by(regression.models("all"), day))

    year_only = int(regression.models("all")["year_only"].sum())
    december = int(regression.models("all")["released"].eq("2025-12").sum())
    assert n("2025-12-31") - n("2025-12-30") == year_only + december
    assert n("2026-04-16") - n("2026-04-15") == 1
    assert n("2026-04-24") - n("2026-04-23") == 1
    assert predictions.track(as_of="2026-04-23").loc[3, "measured"] == "0 of 2 releases of DeepSeek"


def test_prediction_1_passes_on_a_planted_top_five():
    top = [{SWE: 99.0 + 0.1 * i, GPQA: 80.0 + 2 * i} for i in range(5)]
    assert status(1, top) == ("pass", "pass")
    close = [{SWE: 96.0 + 0.8 * i, GPQA: 80.0 + 2 * i} for i in range(5)]
    assert status(1, close) == ("open", "neither")


def test_prediction_2_needs_its_n():
    rising = [{"ifeval": 80.0 + i, GPQA: 75.0 + 2 * i} for i in range(8)]
    assert status(2, rising)[0] == "pass"
    falling = [{"ifeval": 90.0 - i, GPQA: 75.0 + 2 * i} for i in range(8)]
    assert status(2, falling)[0] == "fail"
    assert status(2)[0] == "fail"  # fewer than five by the deadline


@pytest.mark.parametrize(
    ("number", "lab", "swe_gpqa", "expected"),
    [
        (4, "Google", [(80, 95), (80, 95)], ("pass", "pass")),
        (4, "Google", [(80, 95)], ("open", "neither")),
        (4, "Google", [(80, 80)], ("fail", "fail")),
        (4, "Google", [(80, 88), (80, 95)], ("open", "neither")),
        (3, "DeepSeek", [(80, 80)], ("open", "neither")),  # the first of the two had h above zero
        (3, "DeepSeek", [(60, 90)], ("fail", "fail")),
    ],
)
def test_predictions_about_the_next_two_releases(number, lab, swe_gpqa, expected):
    rows = [
        {"lab": lab, SWE: float(s), GPQA: float(g), "released": f"2026-0{6 + i}"}
        for i, (s, g) in enumerate(swe_gpqa)
    ]
    assert status(number, rows) == expected


def test_only_the_next_two_releases_count():
    rows = [
        {"lab": "Google", SWE: 80.0, GPQA: g, "released": f"2026-0{6 + i}"}
        for i, g in enumerate((95.0, 95.0, 50.0))
    ]
    assert status(4, rows) == ("pass", "pass")


def test_predictions_with_hle_wait_for_its_scores():
    assert status(7) == ("not computable", "not computable")
    opposed = [{"hle": 50.0 - 2 * i, SWE: 70.0 + i} for i in range(10)]
    assert status(7, opposed) == ("pass", "pass")
    together = [{"hle": 30.0 + 2 * i, SWE: 70.0 + i} for i in range(10)]
    assert status(7, together) == ("fail", "fail")
    packed = [{"hle": 20.0 + 3 * i, "ifeval": 98.0 + 0.1 * i} for i in range(10)]
    assert status(6, packed)[0] == "pass"
    assert status(6, packed[:5]) == ("not computable", "not computable")


def test_added_models_are_checked():
    with pytest.raises(ValueError, match="'GPT-5' is in the table already"):
        plus({"model": "GPT-5"})
    with pytest.raises(ValueError, match=r"gpqa_diamond=0\.9; give percent"):
        plus({GPQA: 0.9})
    assert plus({"hle": 30.0}).iloc[-1]["hle"] == 30.0
    assert plus({"hle": 30.0})["hle"].notna().sum() == 1


# ---------------------------------------------------------------- the command and the ledger


def test_the_command_places_a_model(capsys):
    assert cli.main(["frontier", "--swe", "80.8", "--gpqa", "91.3"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert out.startswith("h = +3.5 points")
    assert "cooperative" in out
    assert max(map(len, out.splitlines())) <= 100


def test_the_command_prints_json(capsys):
    assert cli.main(["frontier", "--swe", "40.6", "--gpqa", "41", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found == regression.locate(40.6, 41).as_dict()
    assert found["position"] == "coding specialist"


@pytest.mark.parametrize(
    ("scores", "words"),
    [
        (["--swe", "101", "--gpqa", "90"], "out of range; give percent, from 0 to 100"),
        (["--swe", "-3", "--gpqa", "90"], "out of range"),
        (["--swe", "80", "--gpqa", "0.913"], "looks like a fraction; give percent, such as 91.3"),
        (["--swe", "inf", "--gpqa", "90"], "out of range"),
    ],
)
def test_the_command_refuses_what_cannot_be(scores, words, capsys):
    assert cli.main(["frontier", *scores]) == 2
    out, err = capsys.readouterr()
    assert (out, len(err.splitlines())) == ("", 1)
    assert err.startswith("cape frontier: ")
    assert words in err


@pytest.mark.parametrize(
    "arguments", [["frontier"], ["frontier", "--swe", "80"], ["frontier", "--swe", "high", "--gpqa", "9"]]
)
def test_the_command_says_how_to_call_it(arguments, capsys):
    with pytest.raises(SystemExit) as ended:
        cli.main(arguments)
    assert ended.value.code == 2
    assert "usage: cape frontier" in capsys.readouterr().err


def test_a_lab_adds_its_history_and_the_next_axis(capsys):
    scores = ["frontier", "--swe", "80.8", "--gpqa", "91.3"]
    assert cli.main([*scores, "--lab", "Anthropic"]) == 0
    out = capsys.readouterr().out
    assert "Releases of Anthropic, h in points:" in out
    assert "Axis to measure next:" in out
    assert max(map(len, out.splitlines())) <= 106  # the lines without a lab are as they were
    assert cli.main([*scores, "--json"]) == 0
    plain = json.loads(capsys.readouterr().out)
    assert cli.main([*scores, "--lab", "Anthropic", "--json"]) == 0
    more = json.loads(capsys.readouterr().out)
    assert {key: more[key] for key in plain} == plain
    assert more["lab"] == "Anthropic"
    assert cli.main([*scores, "--lab", "Acme"]) == 2
    assert "no lab 'Acme'; the labs are Alibaba" in capsys.readouterr().err


def test_the_examples_of_the_help_run(capsys, tmp_path, monkeypatch):
    (tmp_path / "models.csv").write_text(
        "model,mmlu,hle\n" + "\n".join(f"m{i},{40 + 7 * i},{3 + i * i}" for i in range(6)), encoding="utf-8"
    )
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit):
        cli.main(["frontier", "--help"])
    shown = capsys.readouterr().out
    examples = [
        line.split("  ")[1].split() for line in shown.splitlines() if line.startswith("  cape frontier")
    ]
    assert len(examples) == 5
    for _, *arguments in examples:
        assert cli.main(arguments) == 0


def test_what_each_number_of_the_chapter_comes_to():
    items = {item.claim.id: item for item in assessment.assess("09_frontier")}
    expected = {
        "frontier_r": (0.723, "borderline"),
        "frontier_models": (33, "differs"),
        "frontier_labs": (10, "reproduced"),
        "frontier_slope_interval": (0.1763, "differs"),
        "frontier_intercept_interval": (11.83, "differs"),
        "frontier_slope_spread": (4.962, "borderline"),
        "frontier_permanence": (None, "not testable"),
        "frontier_other_spread": (None, "not testable"),
        "frontier_p": (1.335e-6, "differs"),
        "frontier_slope": (0.513, "not distinguishable"),
        "frontier_intercept": (46.38, "reproduced"),
        "frontier_r_core": (0.654, "not distinguishable"),
        "frontier_lolo": (9.201, "not distinguishable"),
        "frontier_slope_google": (1.152, "not distinguishable"),
        "frontier_slope_deepseek": (0.232, "borderline"),
        "frontier_h_google": (5.469, "borderline"),
        "frontier_h_anthropic": (-6.941, "reproduced"),
        "frontier_deepseek_swing": (15.85, "borderline"),
        "frontier_saturation_swe": (0.9, "differs"),
        "frontier_saturation_gpqa": (9.1, "borderline"),
        "frontier_post_cutoff_r": (0.7497, "borderline"),
        "frontier_post_cutoff_inside": (5, "not distinguishable"),
        "frontier_anthropic_recovers": (2, "differs"),
        "frontier_second_transition": (None, "not testable"),
        "frontier_isocline_below": (None, "not testable"),
        "frontier_rlhf_gain": (None, "not testable"),
        "frontier_predictions": (7, "reproduced"),
        "frontier_matrix_psd": (None, "not testable"),
        "compute_tier_shift": (7.8, "borderline"),
    }
    assert set(items) == set(expected)
    for name, (value, verdict) in expected.items():
        own = items[name]
        assert own.verdict == verdict, own.reason
        assert (own.paper_panel is None) == (value is None)
        if value is not None:
            assert own.paper_panel.value == pytest.approx(value, rel=2e-3)
        assert own.open_panel is None


def test_a_wrong_datum_changes_a_verdict(spoil):
    spoil(
        "frontier_models.csv",
        "Gemini 3.1 Pro,Google,2026-02,core,80.6,94.3,",
        "Gemini 3.1 Pro,Google,2026-02,core,80.6,84.3,",
    )
    verdicts = {item.claim.id: item.verdict for item in assessment.assess("09_frontier")}
    assert verdicts["frontier_h_google"] == "differs"
    assert verdicts["frontier_saturation_gpqa"] == "differs"


def test_an_extreme_lab_is_held_against_the_extreme_of_all_labs():
    rng = np.random.default_rng(0)
    labs_of = np.repeat([f"l{i}" for i in range(5)], 4)
    p = []
    for _ in range(200):
        field = pd.DataFrame({"lab": labs_of, "h": rng.normal(size=20)})
        means = field.groupby("lab")["h"].mean()
        null = date_nulls.extreme_lab_null(field, means.idxmax(), highest=True, draws=200, rng=rng)
        p.append(null.p_greater)
    # Whichever lab lies highest is named, and by chance its p is any number.
    assert np.mean(np.array(p) <= 0.1) == pytest.approx(0.1, abs=0.06)
    planted = field.assign(h=np.where(labs_of == "l2", field["h"] - 4, field["h"]))
    assert date_nulls.extreme_lab_null(planted, "l2", highest=False, draws=999).p_less < 0.01
    with pytest.raises(ValueError, match="no lab 'l9' with 3 models; there are l0, l1"):
        date_nulls.extreme_lab_null(planted, "l9", highest=True)


def test_an_extreme_slope_and_the_range_of_slopes_are_found_where_planted():
    rng = np.random.default_rng(0)
    tilted, level = parallel(rng, tilt=-0.8), [parallel(rng) for _ in range(100)]
    assert date_nulls.extreme_slope_null(tilted, "l2", steepest=False, draws=500).p_less < 0.05
    assert date_nulls.slope_range_null(tilted, draws=500).p_greater < 0.05
    flat = [date_nulls.slope_range_null(one, draws=200).p_greater for one in level]
    assert np.mean(np.array(flat) <= 0.1) == pytest.approx(0.1, abs=0.09)


def test_a_swing_is_held_against_the_scatter_of_releases():
    models = list(PUBLISHED["model"])
    null = date_nulls.swing_null(PUBLISHED, "DeepSeek-V2.5", "DeepSeek V3.2", draws=2000)
    assert null.observed == pytest.approx(15.85, abs=0.01)
    assert (
        null.p_greater
        > residual_noise.same_h_null(
            regression.h_field(PUBLISHED), "DeepSeek-V2.5", "DeepSeek V3.2"
        ).p_greater
    )
    with pytest.raises(ValueError, match="no model 'Owl' of a lab with 3 models"):
        date_nulls.swing_null(PUBLISHED, "Owl", models[0])
