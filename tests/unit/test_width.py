"""Width normalisation, its null, and the ways to ask that divide nothing."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn.linear_model import LinearRegression

from cape_utils import data
from cape_utils.chapters.ch04_width_normalization import recompute as ch04
from cape_utils.chapters.ch04_width_normalization import width_controls
from cape_utils.claims import assessment, quotations
from cape_utils.scaling import width

HS, TQA = "hellaswag", "truthfulqa_mc2"
WIDTHS = np.array([512, 768, 1024, 2048, 2560, 4096, 5120], dtype=float)


def pythia() -> tuple[pd.Series, pd.Series, pd.Series]:
    part = ch04.family_rows("paper", "Pythia")
    return part[HS], part[TQA], part["d_model"]


@pytest.fixture(scope="module")
def opened() -> pd.DataFrame:
    return width_controls.with_logs(data.with_architecture(data.panel("open", rows="one_recipe")))


# ---------------------------------------------------------------- the normalisation


def test_normalisation_by_hand():
    assert width.normalise([30.0, 50.0], [512, 2048]).tolist() == [30.0, 12.5]
    assert width.normalise([30.0, 50.0], [512, 2048], power=0).tolist() == [30.0, 50.0]
    assert width.normalise([30.0, 48.0], [512, 2048], power=0.5).tolist() == [30.0, 24.0]


@pytest.mark.parametrize("widths", [[512, 0], [512, -1], [512, np.nan]])
def test_a_width_that_is_none_is_refused(widths):
    with pytest.raises(ValueError, match="every d_model must be a positive number; leave models of unknown"):
        width.normalise([1.0, 2.0], widths)


def test_the_normalised_coupling_is_pearsons_r_of_the_ratios():
    x, y, w = pythia()
    ours = width.normalised_coupling(x, y, w)
    theirs = stats.pearsonr(x / w, y / w)
    assert ours.estimate == pytest.approx(theirs.statistic)
    assert (ours.low, ours.high) == pytest.approx(tuple(theirs.confidence_interval(0.95)))
    assert ours.n == 8


def test_three_models_leave_no_interval_and_two_no_answer():
    ours = width.normalised_coupling([30, 40, 50], [44, 43, 40], [512, 1024, 2048])
    assert np.isnan([ours.low, ours.high]).all()
    with pytest.raises(
        ValueError, match="at least 3 models with both scores and a width are needed; there are 2"
    ):
        width.normalised_coupling([30, 40, np.nan], [44, 43, 40], [512, 1024, 2048])
    with pytest.raises(ValueError, match=r"shapes are \(3,\), \(2,\), \(3,\)"):
        width.normalised_coupling([30, 40, 50], [44, 43], [512, 1024, 2048])


columns = st.lists(st.integers(20, 90), min_size=len(WIDTHS), max_size=len(WIDTHS))


@given(columns, columns, st.sampled_from([0.01, 0.5, 3.0]), st.sampled_from([0.1, 7.0]))
@settings(max_examples=30, deadline=None)
def test_units_of_scores_and_widths_do_not_matter(a, b, score_unit, width_unit):
    x, y = np.array(a, dtype=float), np.array(b, dtype=float)
    one = width.normalised_coupling(x, y, WIDTHS).estimate
    other = width.normalised_coupling(score_unit * x, y, width_unit * WIDTHS).estimate
    assert other == pytest.approx(one, abs=1e-9)


@given(columns, columns, st.permutations(range(len(WIDTHS))))
@settings(max_examples=30, deadline=None)
def test_the_order_of_models_and_of_the_two_scores_does_not_matter(a, b, order):
    x, y, rows = np.array(a, dtype=float), np.array(b, dtype=float), list(order)
    one = width.normalised_coupling(x, y, WIDTHS).estimate
    assert width.normalised_coupling(x[rows], y[rows], WIDTHS[rows]).estimate == pytest.approx(one, abs=1e-9)
    assert width.normalised_coupling(y, x, WIDTHS).estimate == pytest.approx(one, abs=1e-9)


# ---------------------------------------------------------------- the null


def test_the_draws_are_those_of_a_plain_loop():
    x, y, w = (v.to_numpy(dtype=float) for v in pythia())
    ours = width.ratio_draws(x, y, w, draws=20, rng=3)
    shuffled = np.random.default_rng(3).permuted(np.tile(y, (20, 1)), axis=1)
    loop = [stats.pearsonr(x / w, row / w).statistic for row in shuffled]
    assert np.allclose(ours, loop)


def test_the_null_of_three_models_has_the_six_values_of_their_orders():
    x, y, w = np.array([30.0, 48.0, 56.0]), np.array([46.0, 40.0, 39.0]), np.array([768.0, 2048.0, 2560.0])
    import itertools

    exact = {round(stats.pearsonr(x / w, np.array(o) / w).statistic, 9) for o in itertools.permutations(y)}
    assert set(width.ratio_draws(x, y, w, draws=500).round(9)) == exact


def test_undivided_shuffled_scores_are_centred_at_zero():
    draws = width.ratio_draws(*pythia(), power=0, draws=4000)
    assert abs(draws.mean()) < 0.03
    # And their spread is that of random pairings, 1 / sqrt(n - 1).
    assert draws.std() == pytest.approx(1 / math.sqrt(7), rel=0.05)


def test_division_alone_gives_meaningless_scores_a_high_correlation():
    _, _, w = pythia()
    assert np.percentile(width.constant_draws(w, draws=1000), 2.5) > 0.9
    for shuffle in ("one", "both"):
        assert width.ratio_null(*pythia(), shuffle=shuffle, draws=1000).value > 0.9
    assert abs(width.constant_draws(np.full(8, 512.0), draws=2000).mean()) < 0.03


def test_a_planted_coupling_beyond_division_is_found():
    rng = np.random.default_rng(1)
    level = 50 + 15 * rng.permutation(np.linspace(-1, 1, 8))  # in no order of width
    null = width.ratio_null(level, level, np.linspace(512, 1024, 8))
    assert null.observed == pytest.approx(1)
    assert null.high < 1
    assert null.p < 0.01


def test_scores_without_a_coupling_are_called_out_at_the_stated_rate():
    rng = np.random.default_rng(2)
    p = [
        width.ratio_null(rng.normal(50, 5, 7), rng.normal(40, 5, 7), WIDTHS, draws=200, rng=k).p
        for k in range(300)
    ]
    # 300 tests at 5%: a binomial count with a standard deviation of 3.8.
    assert 5 <= sum(value <= 0.05 for value in p) <= 27
    assert stats.kstest(p, "uniform").pvalue > 0.001


def test_the_null_is_seeded_and_refuses_other_shuffles():
    assert np.array_equal(width.ratio_draws(*pythia(), draws=50), width.ratio_draws(*pythia(), draws=50))
    assert not np.array_equal(
        width.ratio_draws(*pythia(), draws=50), width.ratio_draws(*pythia(), draws=50, rng=1)
    )
    with pytest.raises(ValueError, match="shuffle='rows'; allowed are 'one' and 'both'"):
        width.ratio_draws(*pythia(), shuffle="rows")


def test_the_growth_curve_starts_undivided_and_passes_the_papers_choice():
    x, y, w = pythia()
    curve = width.growth_curve(x, y, w, draws=100).set_index("power")
    assert curve.loc[0.0, "r"] == pytest.approx(stats.pearsonr(x, y).statistic)
    assert curve.loc[1.0, "r"] == pytest.approx(width.normalised_coupling(x, y, w).estimate)
    assert (curve["low"] <= curve["null_r"]).all()
    assert (curve["null_r"] <= curve["high"]).all()
    assert curve.loc[2.0, "null_r"] > curve.loc[0.5, "null_r"] > curve.loc[0.0, "null_r"]


# ---------------------------------------------------------------- families and pairs


def test_ladders_have_enough_sizes_of_known_width(opened):
    parts = width.families_with_width(opened)
    assert {"Pythia", "OPT", "BLOOM", "Cerebras-GPT", "Qwen1.5", "Llama"} <= set(parts)
    for part in parts.values():
        assert part["params_b"].nunique() >= 4
        assert part["d_model"].notna().all()
        assert part["params_b"].is_monotonic_increasing
    assert set(width.families_with_width(opened, families=["OPT"])) == {"OPT"}
    with pytest.raises(ValueError, match=r"a column 'd_model' is needed; see data\.with_architecture"):
        width.families_with_width(opened.drop(columns="d_model"))


def test_no_open_family_with_four_sizes_has_a_model_of_unknown_width(opened):
    sized = opened.groupby("family").filter(lambda part: part["params_b"].nunique() >= 4)
    assert sized["d_model"].notna().all()


def test_pairs_of_benchmarks_by_hand(opened):
    parts = width.families_with_width(opened, families=["OPT", "Llama"])
    table = width.pair_table(parts).set_index(["family", "x", "y"])
    assert len(table) == 20
    opt = parts["OPT"]
    assert table.loc[("OPT", HS, TQA), "raw"] == pytest.approx(stats.pearsonr(opt[HS], opt[TQA]).statistic)
    assert table.loc[("OPT", "winogrande", "mmlu"), "normalised"] == pytest.approx(
        stats.pearsonr(opt["winogrande"] / opt["d_model"], opt["mmlu"] / opt["d_model"]).statistic
    )
    few = {"OPT": opt.assign(mmlu=[1.0, 2.0, 3.0, *[np.nan] * 5])}
    assert "mmlu" not in set(width.pair_table(few)["y"])


def test_stand_ins_keep_the_measured_scores_and_shuffle_only_truthfulqa():
    part = ch04.family_rows("paper", "OPT")
    cases = dict(list(width.placebo_scores(part).groupby("case", sort=False)))
    assert cases["as measured"]["y"].tolist() == part[TQA].tolist()
    shuffled = cases["TruthfulQA shuffled"]
    assert shuffled["x"].tolist() == part[HS].tolist()
    assert sorted(shuffled["y"]) == sorted(part[TQA])
    assert shuffled["y"].tolist() != part[TQA].tolist()
    assert cases["constants with noise"]["x"].mean() == pytest.approx(part[HS].mean(), abs=3)


# ---------------------------------------------------------------- nothing divided


def dummies(table: pd.DataFrame) -> np.ndarray:
    return pd.get_dummies(table["family"]).to_numpy(dtype=float)


def several(table: pd.DataFrame) -> pd.DataFrame:
    used = table.dropna(subset=["log_width", HS, TQA])
    return used[used.groupby("family")[HS].transform("size") > 1]


@pytest.mark.parametrize("given_columns", [[], ["log_width"], ["log_size", "log_width"]])
def test_partial_correlation_is_that_of_residuals_from_a_regression_with_families(opened, given_columns):
    table = several(opened)
    design = np.column_stack([dummies(table), table[given_columns].to_numpy(dtype=float)])
    left, right = (sm.OLS(table[name].to_numpy(), design).fit().resid for name in (HS, TQA))
    ours = width_controls.partial_given(table, given_columns, draws=50)
    assert ours.estimate == pytest.approx(stats.pearsonr(left, right).statistic)
    assert ours.n == len(table)
    assert ours.low < ours.estimate < ours.high


def test_slopes_are_those_of_statsmodels_and_scikit_learn(opened):
    table = several(opened)
    ours = width_controls.size_and_width(table, draws=50).set_index("predictor")
    logs = table[["log_size", "log_width"]].to_numpy(dtype=float)
    theirs = sm.OLS(table[TQA].to_numpy(), np.column_stack([logs, dummies(table)])).fit()
    assert ours["slope"].tolist() == pytest.approx(theirs.params[:2].tolist())
    centred = table[["log_size", "log_width"]] - table.groupby("family")[["log_size", "log_width"]].transform(
        "mean"
    )
    r2 = LinearRegression(fit_intercept=False).fit(centred[["log_size"]], centred["log_width"])
    explained = r2.score(centred[["log_size"]], centred["log_width"])
    assert ours.loc["log_width", "inflation"] == pytest.approx(1 / (1 - explained), rel=1e-6)


def made_up(rng: np.random.Generator, effect: float) -> pd.DataFrame:
    """Twelve families of six sizes whose width varies beside size; ``effect`` points a tenfold width."""
    size = np.tile(np.linspace(-1, 1.5, 6), 12)
    wide = 0.4 * size + rng.normal(0, 0.2, 72)
    family = np.repeat([f"F{k}" for k in range(12)], 6)
    score = 40 - 3 * size + effect * wide + np.repeat(rng.normal(0, 3, 12), 6) + rng.normal(0, 1, 72)
    logs = {"log_size": size, "log_width": wide}
    return pd.DataFrame({"family": family, **logs, TQA: score, HS: 50 + 10 * size + rng.normal(0, 1, 72)})


def test_a_planted_effect_of_width_is_found_and_one_that_is_not_there_is_not():
    rng = np.random.default_rng(0)
    found = width_controls.size_and_width(made_up(rng, 8.0)).set_index("predictor").loc["log_width"]
    assert found["low"] < 8 < found["high"]
    assert found["low"] > 0
    missed = [
        width_controls.size_and_width(made_up(rng, 0.0), draws=300, rng=k)
        .set_index("predictor")
        .loc["log_width"]
        for k in range(100)
    ]
    # A percentile bootstrap over 12 families is a little narrow; nine in ten is what it keeps.
    assert np.mean([row["low"] <= 0 <= row["high"] for row in missed]) >= 0.86


def test_a_common_trend_in_size_leaves_no_partial_correlation():
    rng = np.random.default_rng(0)
    table = made_up(rng, 0.0)
    assert width_controls.partial_given(table, []).high < -0.5
    given_size = width_controls.partial_given(table, ["log_size"])
    assert given_size.low < 0 < given_size.high


@given(st.permutations(range(72)), st.sampled_from([0.5, 100.0]))
@settings(max_examples=10, deadline=None)
def test_order_of_rows_names_of_families_and_units_do_not_matter(order, unit):
    table = made_up(np.random.default_rng(4), 3.0)
    moved = table.iloc[list(order)].assign(
        family=lambda t: "X" + t["family"].astype(str), log_width=lambda t: t["log_width"] + np.log10(unit)
    )
    one, other = (width_controls.size_and_width(t, draws=5)["slope"].tolist() for t in (table, moved))
    assert other == pytest.approx(one)
    assert width_controls.partial_given(moved, ["log_width"], draws=5).estimate == pytest.approx(
        width_controls.partial_given(table, ["log_width"], draws=5).estimate
    )


def test_one_family_is_too_few_to_resample(opened):
    with pytest.raises(
        ValueError, match="at least 2 families with two models or more are needed; there are 1"
    ):
        width_controls.partial_given(opened.query("family == 'OPT'"), ["log_width"])
    with pytest.raises(ValueError, match="a column 'd_model' is needed"):
        width_controls.with_logs(opened.drop(columns="d_model"))


# ---------------------------------------------------------------- matched pairs


def models(rows: list[tuple]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["model", "family", "params_b", "d_model", HS, TQA])


TOY = models(
    [
        ("wide", "A", 1.0, 2048, 50.0, 40.0),
        ("narrow", "B", 1.1, 1024, 45.0, 42.0),
        ("middle", "C", 1.2, 1536, 47.0, 41.0),
        ("large", "D", 7.0, 4096, 70.0, 35.0),
        ("unknown", "E", 1.0, np.nan, 50.0, 40.0),
    ]
)


def test_matched_pairs_by_hand():
    once = width_controls.matched_pairs(TOY)
    assert once[["wide", "narrow"]].to_numpy().tolist() == [["wide", "narrow"]]
    row = once.iloc[0]
    assert (row["width_ratio"], row[f"d_{HS}"], row[f"d_{TQA}"]) == (2.0, 5.0, -2.0)
    assert row[f"se_{TQA}"] == pytest.approx(100 * math.sqrt((0.4 * 0.6 + 0.42 * 0.58) / 817))
    every = width_controls.matched_pairs(TOY, once=False)
    assert {tuple(pair) for pair in every[["wide", "narrow"]].to_numpy()} == {
        ("wide", "narrow"),
        ("wide", "middle"),
        ("middle", "narrow"),
    }


def test_no_model_is_used_twice_and_the_order_of_rows_does_not_matter(opened):
    pairs = width_controls.matched_pairs(opened)
    used = [*pairs["wide"], *pairs["narrow"]]
    assert len(used) == len(set(used))
    assert (pairs["wide_d_model"] >= 1.2 * pairs["narrow_d_model"]).all()
    ratio = pairs["wide_params_b"] / pairs["narrow_params_b"]
    assert ratio.between(1 / 1.3 - 1e-9, 1.3 + 1e-9).all()
    backwards = width_controls.matched_pairs(opened.iloc[::-1])
    pd.testing.assert_frame_equal(backwards, pairs)


def test_the_share_of_wider_winners_by_hand_and_without_pairs():
    pairs = pd.DataFrame({f"d_{TQA}": [1.0, 2.0, -1.0, 0.0]})
    ours = width_controls.wider_share(pairs)
    wilson = stats.binomtest(2, 3).proportion_ci(method="wilson")
    assert (ours.estimate, ours.low, ours.high, ours.n) == pytest.approx((2 / 3, wilson.low, wilson.high, 3))
    with pytest.raises(ValueError, match="no pair with a difference is left; allow a larger size_ratio"):
        width_controls.wider_share(pairs.iloc[3:])


# ---------------------------------------------------------------- the projection


def test_changes_at_the_projection_by_hand():
    changes = width_controls.projection_changes(data.load("projection_coupling"))
    key = changes.set_index(["model", "measure", "stage"])["change_pct"]
    first = key[("Pythia-1B", "cosine_of_mean_activations", "after_projection")]
    assert first == pytest.approx(100 * (0.6386 / 0.7248 - 1))
    assert len(changes) == 12


@pytest.mark.parametrize("cosine", [-0.4, 0.2, 0.9])
def test_the_random_projection_is_that_of_real_random_weights(cosine):
    rng = np.random.default_rng(0)
    one, two = np.zeros(6), np.zeros(6)
    one[0] = 1
    two[:2] = cosine, math.sqrt(1 - cosine**2)
    weights = rng.normal(size=(4000, 40, 6))
    a, b = weights @ one, weights @ two
    after = (a * b).sum(axis=1) / np.sqrt((a**2).sum(axis=1) * (b**2).sum(axis=1))
    null = width_controls.random_projection_null(cosine, 0.5, outputs=40, draws=4000)
    low, high = np.percentile(100 * (after / cosine - 1), [2.5, 97.5])
    spread = high - low
    assert null.low == pytest.approx(low, abs=0.06 * spread)
    assert null.high == pytest.approx(high, abs=0.06 * spread)
    assert null.observed == pytest.approx(100 * (0.5 / cosine - 1))


@pytest.mark.parametrize("cosine", [0.0, 1.0, -1.5])
def test_a_cosine_that_cannot_change_in_percent_is_refused(cosine):
    with pytest.raises(ValueError, match="a number between -1 and 1 other than 0 is needed"):
        width_controls.random_projection_null(cosine, 0.5, outputs=10)


# ---------------------------------------------------------------- the claims


def test_the_readings_of_a_claim_are_different_rows():
    assert list(ch04.readings("BLOOM")) == ["all sizes", "up to 10B", "up to 3.5B"]
    assert [len(part) for part in ch04.readings("GPT-Neo").values()] == [3, 4, 5]
    narrow = ch04.readings("OPT")["OPT-350M at its output width"].set_index("model")["d_model"]
    assert narrow["OPT-350M"] == 512
    assert narrow["OPT-125M"] == 768


def test_verdicts_follow_from_the_null_and_the_number():
    verdicts = {item.claim.id: item.verdict for item in assessment.assess("04_width_normalization")}
    assert verdicts == {
        "width_pythia": "not distinguishable",
        "width_opt": "differs",
        "width_bloom": "differs",
        "width_cerebras": "differs",
        "width_gptneo": "differs",
        "width_raw_opt": "differs",
        "width_every_family": "not distinguishable",
        "projection_drop_1b": "reproduced",
    }


def test_every_family_turns_positive_with_shuffled_scores_too():
    item = next(i for i in assessment.assess("04_width_normalization") if i.claim.id == "width_every_family")
    assert (item.paper_panel.value, item.open_panel.value) == (5, 5)
    assert item.null.value == 5  # what division gives two scores that have nothing to do with each other
    assert "undivided, r is below zero in 5 of the five" in item.reason
    assert "by the fourth root of the width 0" in item.reason


def test_another_reading_is_a_remark_and_does_not_change_the_number():
    item = next(i for i in assessment.assess("04_width_normalization") if i.claim.id == "width_bloom")
    assert item.paper_panel.value == pytest.approx(0.977, abs=1e-3)
    assert "up to 10B 0.995" in item.reason
    assert "up to 10B as quoted" in item.reason


def test_the_five_families_come_with_the_r_quoted():
    table = ch04.family_table()
    quoted = table.dropna(subset="quoted").drop_duplicates("family").set_index("family")["quoted"].to_dict()
    ledger = {claim.id: claim.paper_value.value for claim in quotations.ledger() if claim.paper_value}
    assert quoted == {family: ledger[claim_id] for family, claim_id in ch04.FAMILY_CLAIMS.items()}
