"""Local and population coupling, and the nulls: hand values, other implementations, planted truths, calibration."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from cape_utils import data
from cape_utils.data import benchmarks
from cape_utils.scaling import coupling, trend_nulls
from cape_utils.stats import correlation, item_noise

HS, TQA = "hellaswag", "truthfulqa_mc2"


def family(name: str, sizes, hs, tqa) -> pd.DataFrame:
    models = [f"{name}-{i}" for i in range(len(sizes))]
    return pd.DataFrame({"model": models, "family": name, "params_b": sizes, HS: hs, TQA: tqa})


TOY = pd.concat(
    [
        family("F", [1, 4, 16], [40.0, 50.0, 70.0], [44.0, 39.0, 43.0]),
        family("G", [2, 8], [60.0, 65.0], [40.0, 40.0]),
        family("alone", [7], [75.0], [50.0]),
    ],
    ignore_index=True,
)


# ---------------------------------------------------------------- item noise


@pytest.mark.parametrize(("score", "items"), [(10.0, 100), (50.0, 817), (97.0, 250)])
def test_item_error_is_the_spread_of_simulated_test_results(score, items):
    simulated = 100 * np.random.default_rng(0).binomial(items, score / 100, size=40_000) / items
    assert float(item_noise.item_error(score, items)) == pytest.approx(simulated.std(), rel=0.02)


def test_item_error_of_certainty_is_zero_and_missing_stays_missing():
    assert item_noise.item_error([0.0, 100.0, np.nan], 817).tolist()[:2] == [0.0, 0.0]
    assert np.isnan(item_noise.item_error(np.nan, 817))
    assert np.isnan(
        item_noise.item_error(50.0, benchmarks.benchmark_items("xwinograd"))
    )  # its items are not stated


def test_items_come_from_the_table_and_unknown_benchmarks_are_named():
    assert benchmarks.benchmark_items("hellaswag") == 10_042
    with pytest.raises(ValueError, match="no benchmark 'truthfulqa'; known are hellaswag"):
        benchmarks.benchmark_items("truthfulqa")


# ---------------------------------------------------------------- local coupling


def test_local_coupling_by_hand():
    table = coupling.local_coupling(TOY)
    assert table["family"].tolist() == ["F", "F", "G"]
    assert table["coupling"].tolist() == [-0.5, 0.2, 0.0]
    assert table["mid_params_b"].tolist() == [2.0, 8.0, 4.0]
    assert table["phase"].tolist() == ["tax", "bonus", "transition"]
    assert table["from_model"].tolist() == ["F-0", "F-1", "G-0"]
    assert table["to_params_b"].tolist() == [4.0, 16.0, 8.0]


def test_the_errors_of_a_step_by_hand():
    row = coupling.local_coupling(TOY).iloc[0]
    se_dx = 100 * math.sqrt(0.4 * 0.6 / 10_042 + 0.5 * 0.5 / 10_042)
    se_dy = 100 * math.sqrt(0.44 * 0.56 / 817 + 0.39 * 0.61 / 817)
    assert row["se_dx"] == pytest.approx(se_dx)
    assert row["se_dy"] == pytest.approx(se_dy)
    # Delta method for dy / dx = -5 / 10.
    assert row["se"] == pytest.approx(math.sqrt((se_dy / 10) ** 2 + (5 * se_dx / 100) ** 2))


def test_the_standard_error_is_the_spread_of_simulated_steps():
    steep = family("F", [1, 10], [40.0, 70.0], [44.0, 32.0])
    row = coupling.local_coupling(steep).iloc[0]
    rng = np.random.default_rng(0)
    dx, dy = rng.normal(row["dx"], row["se_dx"], 40_000), rng.normal(row["dy"], row["se_dy"], 40_000)
    assert row["se"] == pytest.approx((dy / dx).std(), rel=0.02)


def test_the_phases_of_a_step_share_out_its_probability():
    table = coupling.local_coupling(data.panel("open"))
    shares = table[["p_tax", "p_transition", "p_bonus"]]
    assert np.allclose(shares.sum(axis=1), 1)
    assert (shares >= -1e-12).all(axis=None)
    assert table["p_sign"].dropna().between(0.49, 1 + 1e-12).all()
    negative = table["coupling"] < 0
    assert np.allclose(table.loc[negative, "p_sign"], 1 - table.loc[negative, "p_positive"])


@pytest.mark.parametrize("at", [-0.1, 0.0, 0.1, 2.0])
def test_the_distribution_of_a_ratio_against_simulation(at):
    dx, dy, sx, sy = (np.array([v, w]) for v, w in ((3.0, 0.4), (-1.0, 0.3), (0.7, 0.7), (2.2, 2.2)))
    rng = np.random.default_rng(0)
    x, y = rng.normal(dx, sx, (200_000, 2)), rng.normal(dy, sy, (200_000, 2))
    assert coupling._ratio_cdf(dx, dy, sx, sy, at) == pytest.approx((y / x <= at).mean(axis=0), abs=0.005)


@pytest.mark.parametrize("at", [-3.0, -0.1, 0.0, 0.5, 10.0])
def test_the_ratio_of_two_centred_normals_is_exactly_cauchy(at):
    # No moments exist here, which is why a mean and a standard error must not be used.
    one = np.ones(1)
    exact = stats.cauchy.cdf(at, scale=2.0)
    assert coupling._ratio_cdf(0 * one, 0 * one, one, 2 * one, at)[0] == pytest.approx(exact, abs=2e-3)


def test_a_step_that_does_not_move_across_has_no_coupling_and_no_phase():
    table = coupling.local_coupling(family("F", [1, 2, 4], [50.0, 50.0, 60.0], [40.0, 45.0, 46.0]))
    assert np.isnan(table["coupling"].iloc[0])
    assert table["phase"].isna().tolist() == [True, False]
    assert np.isnan(table["se"].iloc[0])
    assert coupling.phase_counts(table) == {"tax": 0, "transition": 1, "bonus": 0}


def test_a_missing_score_joins_the_sizes_around_it():
    table = coupling.local_coupling(family("F", [1, 2, 4], [40.0, 50.0, 60.0], [44.0, np.nan, 40.0]))
    assert len(table) == 1
    assert (table["from_params_b"].iloc[0], table["to_params_b"].iloc[0]) == (1.0, 4.0)
    assert table["coupling"].iloc[0] == -0.2


def test_a_family_of_one_has_no_step():
    assert "alone" not in set(coupling.local_coupling(TOY)["family"])
    assert coupling.local_coupling(TOY.query("family == 'alone'")).empty


def test_a_missing_column_is_named():
    with pytest.raises(ValueError, match="'params_b' is needed; the columns are model, family"):
        coupling.local_coupling(TOY.drop(columns="params_b"))


def test_the_input_is_left_alone():
    before = TOY.copy()
    coupling.local_coupling(TOY)
    coupling.population_coupling(TOY)
    pd.testing.assert_frame_equal(TOY, before)


def test_the_thresholds_of_the_phases_belong_to_the_transition():
    below, above = np.nextafter(-0.1, -1), np.nextafter(0.1, 1)
    assert coupling.phase([below, -0.1, 0.0, 0.1, above]).tolist() == ["tax", *["transition"] * 3, "bonus"]
    assert coupling.phase(np.nan).item() is None


scores = st.integers(20, 90)
ladders = st.lists(st.tuples(scores, scores), min_size=3, max_size=7)


def ladder(pairs) -> pd.DataFrame:
    return family(
        "F", [2.0**i for i in range(len(pairs))], [float(a) for a, _ in pairs], [float(b) for _, b in pairs]
    )


@given(ladders, st.randoms(use_true_random=False))
@settings(max_examples=30, deadline=None)
def test_the_order_of_rows_does_not_matter(pairs, random):
    table = ladder(pairs)
    rows = list(range(len(table)))
    random.shuffle(rows)
    pd.testing.assert_frame_equal(coupling.local_coupling(table.iloc[rows]), coupling.local_coupling(table))


@given(ladders, st.integers(-10, 10))
@settings(max_examples=30, deadline=None)
def test_a_constant_added_to_either_score_changes_no_coupling(pairs, shift):
    table = ladder(pairs)
    own = coupling.local_coupling(table)["coupling"]
    for column in (HS, TQA):
        moved = coupling.local_coupling(table.assign(**{column: table[column] + shift}))["coupling"]
        pd.testing.assert_series_equal(moved, own)


@given(ladders)
@settings(max_examples=30, deadline=None)
def test_mirroring_one_score_turns_every_sign_and_swapping_them_inverts_the_coupling(pairs):
    table = ladder(pairs)
    own = coupling.local_coupling(table)
    mirrored = coupling.local_coupling(table.assign(**{TQA: 100 - table[TQA]}))
    assert np.allclose(mirrored["coupling"], -own["coupling"], equal_nan=True)
    assert np.allclose(mirrored["p_tax"], own["p_bonus"], atol=2e-3)
    swapped = coupling.local_coupling(table, TQA, HS)["coupling"]
    both = own["coupling"].notna() & (own["coupling"] != 0)
    assert np.allclose(swapped[both], 1 / own["coupling"][both])


@given(ladders, st.sampled_from([2.0, 7.0, 0.25]))
@settings(max_examples=20, deadline=None)
def test_the_unit_of_size_changes_no_coupling(pairs, factor):
    table = ladder(pairs)
    scaled = table.assign(params_b=table["params_b"] * factor)
    one, other = coupling.local_coupling(table), coupling.local_coupling(scaled)
    assert np.array_equal(one["coupling"], other["coupling"], equal_nan=True)
    assert np.allclose(other["mid_params_b"], factor * one["mid_params_b"])


# ---------------------------------------------------------------- phases counted


def test_phase_counts_over_intervals_and_over_models():
    local = coupling.local_coupling(TOY)
    assert coupling.phase_counts(local) == {"tax": 1, "transition": 1, "bonus": 1}
    # F has models in tax, bonus and (its largest) bonus; both models of G get its one interval.
    assert coupling.phase_counts(local, count="models") == {"tax": 1, "transition": 2, "bonus": 2}
    with pytest.raises(ValueError, match="count='rows'; allowed are 'intervals' and 'models'"):
        coupling.phase_counts(local, count="rows")


def test_expected_phase_counts_share_out_the_models_and_show_noise():
    local = coupling.local_coupling(data.panel("paper"))
    nulls = coupling.expected_phase_counts(local, draws=500)
    models = len(local) + local["family"].nunique()
    assert sum(null.value for null in nulls.values()) == pytest.approx(models, abs=3)
    assert {name: null.observed for name, null in nulls.items()} == coupling.phase_counts(
        local, count="models"
    )
    # With no change at all the signs are even, so tax and bonus are as likely.
    assert nulls["tax"].value == pytest.approx(nulls["bonus"].value, abs=2)


def test_a_planted_tax_exceeds_what_noise_gives():
    planted = pd.concat(
        [family(f"F{k}", [1, 2, 4, 8, 16], [30, 40, 50, 60, 70], [60, 52, 44, 36, 28]) for k in range(4)]
    )
    null = coupling.expected_phase_counts(coupling.local_coupling(planted), draws=500)["tax"]
    assert null.observed == 20
    assert null.high < 20
    assert null.p == null.smallest_p


# ---------------------------------------------------------------- population coupling


def test_population_coupling_is_pearsons_r_with_fishers_interval_when_families_are_few():
    rows = data.pythia_copies().query("copy == 'open panel'")
    ours = coupling.population_coupling(rows)
    theirs = stats.pearsonr(rows[HS], rows[TQA])
    assert ours.estimate == pytest.approx(theirs.statistic)
    assert (ours.low, ours.high) == pytest.approx(tuple(theirs.confidence_interval(0.95)))
    assert (ours.n, ours.method) == (8, "Fisher z over models")


def test_the_bootstrap_over_families_is_that_of_a_plain_loop():
    table = data.panel("open", rows="one_recipe")
    ours = coupling.population_coupling(table, draws=200, rng=5)
    families = list(pd.factorize(table["family"])[1])
    by_family = {name: part[[HS, TQA]].to_numpy() for name, part in table.groupby("family")}
    picks = np.random.default_rng(5).multinomial(
        len(families), np.full(len(families), 1 / len(families)), size=200
    )
    drawn = []
    for times in picks:
        rows = np.concatenate(
            [by_family[name] for name, k in zip(families, times, strict=True) for _ in range(k)]
        )
        drawn.append(stats.pearsonr(rows[:, 0], rows[:, 1]).statistic)
    assert (ours.low, ours.high) == pytest.approx(tuple(np.percentile(drawn, [2.5, 97.5])))
    assert (ours.draws, ours.discarded) == (200, 0)


@pytest.mark.parametrize(
    ("families", "method"), [(4, "Fisher z over models"), (5, "bootstrap over 5 families")]
)
def test_families_are_resampled_from_five_on(families, method):
    rng = np.random.default_rng(0)
    parts = [family(f"F{k}", [1, 2, 4], *rng.uniform(30, 70, (2, 3))) for k in range(families)]
    assert coupling.population_coupling(pd.concat(parts), draws=50).method == method


def test_resampling_families_gives_a_wider_interval_than_resampling_rows_would():
    rng = np.random.default_rng(0)
    parts = []
    for k in range(12):  # levels differ by family, so rows of a family are no independent evidence
        level = rng.normal(50, 10, 2)
        parts.append(
            family(f"F{k}", range(1, 9), level[0] + rng.normal(size=8), level[1] + rng.normal(size=8))
        )
    table = pd.concat(parts)
    ours = coupling.population_coupling(table)
    naive = stats.pearsonr(table[HS], table[TQA]).confidence_interval(0.95)
    assert ours.high - ours.low > 1.5 * (naive.high - naive.low)


def test_population_coupling_leaves_missing_rows_out_and_reports_n():
    table = data.panel("paper")
    assert coupling.population_coupling(table, HS, "mmlu").n == 60
    few = coupling.population_coupling(family("F", [1, 2, 3], [40.0, 50.0, 60.0], [44.0, 40.0, 43.0]))
    assert np.isnan([few.low, few.high]).all()  # three models leave Fisher's z no degree of freedom


@given(st.randoms(use_true_random=False))
@settings(max_examples=10, deadline=None)
def test_names_and_order_of_families_do_not_matter(random):
    table = data.panel("open", rows="one_recipe")
    names = sorted(set(table["family"]))
    shuffled = names[:]
    random.shuffle(shuffled)
    renamed = table.assign(family=table["family"].map(dict(zip(names, shuffled, strict=True))))
    assert coupling.within_family(renamed, draws=20).estimate == pytest.approx(
        coupling.within_family(table, draws=20).estimate
    )
    assert sorted(coupling.local_coupling(renamed)["coupling"].dropna()) == sorted(
        coupling.local_coupling(table)["coupling"].dropna()
    )


def test_taking_family_means_out_is_a_regression_with_a_dummy_for_each_family():
    table = data.panel("open", rows="one_recipe")
    table = table[table.groupby("family")[HS].transform("size") > 1]
    dummies = pd.get_dummies(table["family"]).to_numpy(dtype=float)
    left, right = (sm.OLS(table[name].to_numpy(), dummies).fit().resid for name in (HS, TQA))
    ours = coupling.within_family(table, draws=20)
    assert ours.estimate == pytest.approx(stats.pearsonr(left, right).statistic)
    assert ours.n == len(table)
    assert coupling.within_family(data.panel("open", rows="one_recipe"), draws=20).n == len(table)


def test_a_coupling_between_families_alone_vanishes_within_them():
    parts = []
    for k in range(8):  # across families both rise, inside every family they are opposed
        parts.append(
            family(
                f"F{k}", [1, 2, 3], [30 + 5 * k + d for d in (0, 1, 2)], [30 + 5 * k - d for d in (0, 1, 2)]
            )
        )
    table = pd.concat(parts)
    assert coupling.population_coupling(table).estimate > 0.9
    assert coupling.within_family(table).estimate == pytest.approx(-1)


def test_partial_correlation_is_that_of_regression_residuals():
    table = data.panel("open").dropna(subset=[HS, TQA, "params_b"])
    size = np.log10(table["params_b"].to_numpy())
    design = sm.add_constant(size)
    left, right = (sm.OLS(table[name].to_numpy(), design).fit().resid for name in (HS, TQA))
    ours = correlation.partial_correlation(table[HS], table[TQA], size)
    assert ours.estimate == pytest.approx(stats.pearsonr(left, right).statistic)
    # And that of the textbook formula.
    r = np.corrcoef([table[HS], table[TQA], size])
    formula = (r[0, 1] - r[0, 2] * r[1, 2]) / math.sqrt((1 - r[0, 2] ** 2) * (1 - r[1, 2] ** 2))
    assert ours.estimate == pytest.approx(formula)
    half = stats.norm.ppf(0.975) / math.sqrt(len(table) - 4)
    assert (ours.low, ours.high) == pytest.approx(
        (math.tanh(math.atanh(formula) - half), math.tanh(math.atanh(formula) + half))
    )


def test_partial_correlation_drops_missing_rows_and_refuses_too_few():
    x, y, z = [1, 2, 3, 5, np.nan], [2, 1, 4, 3, 9], [1, 3, 2, 5, 4]
    assert correlation.partial_correlation(x, y, z).n == 4
    with pytest.raises(ValueError, match="at least 4 rows without missing values are needed; there are 3"):
        correlation.partial_correlation(x[1:], y[1:], z[1:])


def test_partial_correlation_takes_a_shared_trend_away():
    rng = np.random.default_rng(0)
    size = np.linspace(0, 3, 60)
    x, y = 20 * size + rng.normal(size=60), -8 * size + rng.normal(size=60)
    assert stats.pearsonr(x, y).statistic < -0.95
    ours = correlation.partial_correlation(x, y, size)
    assert ours.low < 0 < ours.high


def test_the_coupling_matrix_is_that_of_pandas():
    table = data.panel("paper")
    ours = coupling.coupling_matrix(table)
    theirs = table[list(data.BENCHMARKS)].corr()
    assert len(ours) == 10
    for row in ours.itertuples():
        assert row.r == pytest.approx(theirs.loc[row.x, row.y])
        assert row.n == table[[row.x, row.y]].dropna().shape[0]


# ---------------------------------------------------------------- permutation


@pytest.mark.parametrize("seed", range(4))
def test_the_exact_permutation_p_is_that_of_scipy(seed):
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=6), rng.normal(size=6)
    theirs = stats.permutation_test(
        (x,),
        lambda a: stats.pearsonr(a, y).statistic,
        permutation_type="pairings",
        n_resamples=np.inf,
        vectorized=False,
    )
    ours = trend_nulls.permutation_null(x, y)
    # scipy's own two-sided p doubles the smaller side; ours counts by size. The arrangements are the same.
    assert (ours.low, ours.high) == pytest.approx(tuple(np.percentile(theirs.null_distribution, [2.5, 97.5])))
    assert ours.p == np.mean(np.abs(theirs.null_distribution) >= abs(theirs.statistic) - 1e-12)
    assert ours.draws == len(theirs.null_distribution) == 720


def test_every_arrangement_is_visited_up_to_nine_pairs_and_a_sample_beyond():
    rng = np.random.default_rng(0)
    nine = trend_nulls.permutation_null(*rng.normal(size=(2, 9)))
    assert (nine.exact, nine.draws, nine.smallest_p) == (True, math.factorial(9), 1 / math.factorial(9))
    ten = trend_nulls.permutation_null(*rng.normal(size=(2, 10)), draws=500)
    assert (ten.exact, ten.draws, ten.smallest_p) == (False, 500, 1 / 501)


def test_the_smallest_p_is_reached_by_a_perfect_order():
    x = np.arange(7.0)
    null = trend_nulls.permutation_null(x**2, np.exp(x))
    assert null.p == null.smallest_p == 1 / 5040
    # Even steps read backwards are even steps: the reversed order correlates as strongly, and both sides count.
    assert trend_nulls.permutation_null(x, 3 * x).p == 2 / 5040


def test_sampling_comes_close_to_the_exact_answer(monkeypatch):
    rng = np.random.default_rng(1)
    x = rng.normal(size=8)
    y = x + 1.5 * rng.normal(size=8)
    exact = trend_nulls.permutation_null(x, y)
    monkeypatch.setattr(trend_nulls, "_EXACT_UP_TO", 3)
    sampled = trend_nulls.permutation_null(x, y, draws=20_000)
    assert not sampled.exact
    assert sampled.p == pytest.approx(exact.p, abs=4 * math.sqrt(exact.p / 20_000))
    assert (sampled.low, sampled.high) == pytest.approx((exact.low, exact.high), abs=0.02)


def test_the_same_seed_gives_the_same_answer_and_another_seed_nearly_the_same():
    x, y = np.random.default_rng(2).normal(size=(2, 20))
    for null in (trend_nulls.permutation_null, trend_nulls.monotone_null, trend_nulls.increment_null):
        assert null(x, y, rng=1) == null(x, y, rng=1)
        one, other = null(x, y, rng=1), null(x, y, rng=2)
        assert one != other
        assert one.p == pytest.approx(other.p, abs=0.03)


def test_missing_pairs_are_left_out_and_too_few_are_refused():
    x, y = [1, 2, np.nan, 4, 3], [2, 1, 5, 4, 3]
    assert trend_nulls.permutation_null(x, y) == trend_nulls.permutation_null([1, 2, 4, 3], [2, 1, 4, 3])
    with pytest.raises(ValueError, match="at least 3 pairs without missing values are needed; there are 2"):
        trend_nulls.permutation_null([1, 2, np.nan], [1, 2, 3])
    with pytest.raises(ValueError, match=r"equal length are needed; their shapes are \(3,\) and \(2,\)"):
        trend_nulls.permutation_null([1, 2, 3], [1, 2])
    with pytest.raises(ValueError, match="up to 9 pairs; there are 10"):
        trend_nulls.permutation_p_under_monotone(range(10), range(10))


def test_the_permutation_p_is_uniform_when_nothing_is_there():
    rng = np.random.default_rng(0)
    p = np.array([trend_nulls.permutation_null(*rng.normal(size=(2, 7))).p for _ in range(600)])
    assert 0.03 <= np.mean(p <= 0.05) <= 0.07
    assert stats.kstest(p, "uniform").pvalue > 0.001


def test_a_planted_coupling_is_found():
    rng = np.random.default_rng(0)
    found = []
    for _ in range(100):
        x = rng.normal(size=8)
        found.append(trend_nulls.permutation_null(x, x + 0.5 * rng.normal(size=8)).p < 0.05)
    assert np.mean(found) > 0.9


# ---------------------------------------------------------------- trends


def monotone_pair(rng, n=8):
    """Two series that rise for reasons of their own."""
    return np.cumsum(rng.gamma(2, size=n)), np.cumsum(rng.gamma(2, size=n))


def test_two_rising_series_fool_the_permutation_test_and_not_the_trend_null():
    rng = np.random.default_rng(0)
    p = []
    for _ in range(200):
        x, y = monotone_pair(rng)
        p.append((trend_nulls.permutation_null(x, y).p, trend_nulls.monotone_null(x, y, draws=300).p))
    fooled, kept = (np.array(p) <= 0.05).mean(axis=0)
    assert fooled > 0.99
    assert kept <= 0.09


def test_the_trend_null_finds_steps_that_go_together():
    rng = np.random.default_rng(0)
    found = []
    for _ in range(60):
        steps = rng.pareto(1.5, size=9) + 0.1
        x, y = np.cumsum(steps), np.cumsum(steps * rng.uniform(0.95, 1.05, size=9))
        found.append(trend_nulls.monotone_null(x, y, draws=300).p <= 0.05)
    assert np.mean(found) > 0.5


def test_the_draws_of_the_trend_null_keep_every_step():
    rng = np.random.default_rng(0)
    x = np.array([1.0, 2.0, 4.0, 7.0, 11.0])
    drawn = trend_nulls._shuffled_steps(x, 50, rng)
    assert np.allclose(np.sort(np.diff(drawn), axis=1), np.sort(np.diff(x)))
    assert np.allclose(drawn[:, -1] - drawn[:, 0], 10)
    draws = trend_nulls.monotone_draws(x, -x, draws=50)
    assert draws.shape == (50,)
    assert (draws < 0).all()


def test_the_trend_null_reports_the_observed_r():
    x, y = [1, 2, 4, 7, 11], [9, 7, 6, 2, 1]
    null = trend_nulls.monotone_null(x, y, draws=100)
    assert null.observed == pytest.approx(stats.pearsonr(x, y).statistic)
    assert null.smallest_p == 1 / 101


def test_the_permutation_p_of_series_with_a_trend_is_always_small():
    x, y = monotone_pair(np.random.default_rng(3), n=7)
    null = trend_nulls.permutation_p_under_monotone(x, y, draws=60)
    assert null.observed == trend_nulls.permutation_null(x, y).p
    assert null.high < 0.05
    assert 0 < null.p <= 1
    assert (null.exact, null.draws, null.smallest_p) == (False, 60, 1 / 60)


def test_increments_are_a_permutation_of_the_steps():
    x, y = monotone_pair(np.random.default_rng(4))
    assert trend_nulls.increment_null(x, y) == trend_nulls.permutation_null(np.diff(x), np.diff(y))
    with pytest.raises(ValueError, match="at least 4 pairs"):
        trend_nulls.increment_null([1, 2, 3], [1, 2, 3])


def test_the_p_of_increments_is_uniform_for_independent_trends():
    rng = np.random.default_rng(1)
    p = np.array([trend_nulls.increment_null(*monotone_pair(rng, n=8)).p for _ in range(400)])
    assert 0.025 <= np.mean(p <= 0.05) <= 0.08


# ---------------------------------------------------------------- signs of pairs


def test_sign_shares_by_hand():
    table = coupling.sign_shares(TOY, (HS, TQA), split_b=3.0).set_index("side")
    assert table.loc["below", ["n", "positive"]].tolist() == [1, 0]
    assert table.loc["above", ["n", "positive"]].tolist() == [2, 1]
    theirs = stats.binomtest(1, 2).proportion_ci(method="wilson")
    assert table.loc["above", ["low", "high"]].tolist() == pytest.approx([theirs.low, theirs.high])


def test_sign_shares_of_no_interval_are_missing():
    table = coupling.sign_shares(TOY, (HS, TQA), split_b=0.001).set_index("side")
    assert table.loc["below", "n"] == 0
    assert np.isnan(table.loc["below", ["share", "low", "high", "clear"]].astype(float)).all()


def test_sign_shares_cover_every_pair_once():
    table = coupling.sign_shares(data.panel("open"))
    assert len(table) == 20
    assert not table.duplicated(["x", "y", "side"]).any()


def test_scores_that_only_rise_have_positive_couplings_whatever_they_measure():
    table = pd.concat(
        [family(f"F{k}", [1, 2, 4, 8], [30 + k, 41, 52, 63], [30, 33 + k, 49, 58]) for k in range(3)]
    )
    null = trend_nulls.rising_share_null(table, (HS, TQA), draws=200)
    assert null.observed == null.value == null.low == 1.0
    assert null.p == 1.0


def test_a_step_without_a_change_is_not_a_positive_coupling():
    flat = family("F", [1, 2, 4, 8], [30, 40, 50, 60], [40.0] * 4)
    assert trend_nulls.rising_share_null(flat, (HS, TQA), draws=20).observed == 0


def test_a_planted_togetherness_of_steps_is_found():
    rng = np.random.default_rng(0)
    parts = []
    for k in range(12):
        walk = 50 + np.cumsum(rng.choice([-2.0, 2.0], size=7))
        parts.append(family(f"F{k}", 2.0 ** np.arange(7), walk, walk - 5))
    null = trend_nulls.rising_share_null(pd.concat(parts), (HS, TQA), draws=400)
    assert null.observed == 1.0
    assert null.high < 0.8
    assert null.p == null.smallest_p


# ---------------------------------------------------------------- running coupling and the start at chance


def test_the_running_coupling_is_an_ordinary_regression():
    local = coupling.local_coupling(data.panel("paper"))
    used = local.dropna(subset="coupling")
    fit = sm.OLS(
        used["coupling"].to_numpy(), sm.add_constant(np.log10(used["mid_params_b"].to_numpy()))
    ).fit()
    ours = coupling.running_coupling(local)
    assert ours.estimate == pytest.approx(fit.params[1])
    assert (ours.low, ours.high) == pytest.approx(tuple(fit.conf_int()[1]))
    with pytest.raises(ValueError, match="at least 3 intervals are needed; there are 2"):
        coupling.running_coupling(used.head(2))


def test_the_part_of_a_fall_below_chance_by_hand():
    table = pd.concat(
        [
            family("through", [1, 2, 4], [30.0] * 3, [48.0, 40.0, 45.0]),  # 2 points above 46, 6 below
            family("above", [1, 2], [30.0] * 2, [60.0, 50.0]),
            family("below", [1, 2], [30.0] * 2, [40.0, 35.0]),
            family("rises", [1, 2], [30.0] * 2, [40.0, 45.0]),
        ]
    )
    found = coupling.chance_start(table).set_index("family")
    assert set(found.index) == {"through", "above", "below"}
    assert found.loc["through", ["fall_pp", "above_pp", "below_pp", "below_share"]].tolist() == [
        8.0,
        2.0,
        6.0,
        0.75,
    ]
    assert found["below_share"].to_dict() == {"above": 0.0, "below": 1.0, "through": 0.75}
    assert found.loc["through", "start_gap_se"] == pytest.approx(2 / float(item_noise.item_error(48.0, 817)))
    moved = coupling.chance_start(table, chance_pct=44.0).set_index("family")
    assert moved.loc["through", "below_share"] == 0.5


# ---------------------------------------------------------------- series without variation


@pytest.mark.parametrize(
    "null", [trend_nulls.permutation_null, trend_nulls.monotone_null, trend_nulls.increment_null]
)
@pytest.mark.filterwarnings("ignore")
def test_a_constant_series_is_not_significant(null):
    # Its correlation is not defined, so no p may be given that a reader would take for evidence.
    found = null([1.0, 2.0, 4.0, 8.0, 9.0, 11.0], [5.0] * 6)
    assert np.isnan(found.observed)
    assert not found.p <= 0.05
