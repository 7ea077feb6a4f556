"""The critical scale: the published bootstrap to the digit, other implementations, planted turns and planted nulls."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from scipy import stats
from sklearn.metrics import roc_auc_score

from cape_utils import data
from cape_utils.chapters.ch03_phase_transition import family_turns, isocline
from cape_utils.chapters.ch03_phase_transition.recompute import published_bootstrap
from cape_utils.scaling import coupling, critical_scale, sign_predictors

HS, TQA = "hellaswag", "truthfulqa_mc2"
OPEN = data.panel("open", rows="one_recipe")
LOCAL = coupling.local_coupling(OPEN)


# ---------------------------------------------------------------- the published bootstrap


def test_the_published_bootstrap_is_reproduced_to_the_digit():
    found = published_bootstrap()
    assert (found.draws, found.valid, found.discarded, found.n) == (10_000, 9_953, 47, 14)
    assert [round(value, 3) for value in (found.median, found.low, found.high)] == [3.494, 2.916, 13.404]


def polyfit_loop(rows: pd.DataFrame, draws: int) -> list[float]:
    """The published procedure as a plain loop: resample rows, fit, keep minima between 10^7 and 10^12."""
    rng = np.random.RandomState(42)
    x, y = np.log10(rows["params_b"].to_numpy() * 1e9), rows[TQA].to_numpy()
    found = []
    for _ in range(draws):
        pick = rng.randint(0, len(x), len(x))
        a, b, _ = np.polyfit(x[pick], y[pick], 2)
        if a > 0 and 7 < -b / (2 * a) < 12:
            found.append(10 ** (-b / (2 * a) - 9))
    return found


def test_the_vectorised_draws_are_those_of_a_plain_loop_one_by_one():
    rows = data.bootstrap_rows()
    rng = np.random.RandomState(42)
    ours = critical_scale.quadratic(rows, draws=200, rng=rng)
    loop = polyfit_loop(rows, 200)
    assert len(loop) == ours.valid
    assert ours.sizes == pytest.approx(loop, rel=1e-6)


def test_another_copy_of_the_rows_or_another_order_gives_other_figures():
    # The published figures belong to one copy in one order; a test that passed with any would prove nothing.
    rows = data.bootstrap_rows()
    rng = np.random.RandomState(42)
    turned = critical_scale.quadratic(rows.iloc[::-1], rng=rng)
    assert turned.valid != 9_953
    panel = data.panel("paper", rows="one_recipe").query("family in ['Pythia', 'Llama-1', 'Llama-2']")
    assert abs(critical_scale.quadratic(panel).median - 3.494) > 0.01


def test_the_point_estimate_is_that_of_polyfit():
    x, y = np.log10(OPEN["params_b"]) + 9, OPEN[TQA]
    a, b, _ = np.polyfit(x, y, 2)
    assert critical_scale.quadratic(OPEN, draws=10).estimate == pytest.approx(10 ** (-b / (2 * a) - 9))


def test_resampling_families_draws_whole_families():
    rows = data.bootstrap_rows()
    ours = critical_scale.quadratic(rows, unit="family", draws=150, rng=3)
    picks = np.random.default_rng(3).multinomial(3, [1 / 3] * 3, size=150)
    parts = [part for _, part in rows.groupby("family", sort=False)]
    found = []
    for times in picks:
        drawn = pd.concat([part for part, k in zip(parts, times, strict=True) for _ in range(k)])
        if drawn["params_b"].nunique() < 3:
            continue
        a, b, _ = np.polyfit(np.log10(drawn["params_b"]) + 9, drawn[TQA], 2)
        if a > 0 and 7 < -b / (2 * a) < 12:
            found.append(10 ** (-b / (2 * a) - 9))
    assert ours.valid == len(found)
    assert ours.sizes == pytest.approx(found, rel=1e-6)
    assert ours.discarded == 150 - len(found) > 0


# ---------------------------------------------------------------- other implementations


def test_fixed_effects_are_a_regression_with_a_dummy_for_each_family():
    table = OPEN[OPEN.groupby("family")[TQA].transform("size") > 1]
    x = np.log10(table["params_b"].to_numpy()) + 9
    dummies = pd.get_dummies(table["family"]).to_numpy(dtype=float)
    fit = sm.OLS(table[TQA].to_numpy(), np.column_stack([x, x**2, dummies])).fit()
    ours = critical_scale.fixed_effects(OPEN, draws=50)
    assert ours.estimate == pytest.approx(10 ** (-fit.params[0] / (2 * fit.params[1]) - 9), rel=1e-5)
    assert (ours.n, ours.n_families) == (len(table), table["family"].nunique())


@pytest.mark.parametrize("weights", ["noise", "equal"])
def test_the_zero_crossing_is_that_of_weighted_least_squares(weights):
    # Small families of exact numbers, so that the line rises under either weighting.
    local = steps(curved(np.random.default_rng(5), families=6))
    used = local.dropna(subset="coupling")
    w = (used["dx"] / used["se_dy"]).to_numpy() ** 2 if weights == "noise" else np.ones(len(used))
    x = np.log10(used["mid_params_b"].to_numpy()) + 9
    a, b = sm.WLS(used["coupling"].to_numpy(), sm.add_constant(x), weights=w).fit().params
    ours = critical_scale.zero_crossing(local, weights=weights, draws=20)
    assert ours.estimate == pytest.approx(10 ** (-a / b - 9), rel=1e-6)


def test_weights_by_noise_do_not_favour_small_couplings():
    draw, mean, by_ratio = np.random.default_rng(0), [], []
    truth = np.linspace(-4, 2, 60)  # mean -1
    for _ in range(200):
        dx = 5 + 0.7 * draw.normal(size=60)
        dy = 5 * truth + 1.7 * draw.normal(size=60)
        local = pd.DataFrame({"dx": dx, "se_dy": 1.7, "coupling": dy / dx})
        mean.append(np.average(local["coupling"], weights=coupling.noise_weights(local)))
        error = np.hypot(1.7, dy / dx * 0.7) / dx
        by_ratio.append(np.average(local["coupling"], weights=error**-2))
    assert np.mean(mean) == pytest.approx(-1, abs=0.05)
    assert np.mean(by_ratio) > -0.7  # the planted fault: the error of the ratio pulls the mean towards zero


def test_the_logistic_fit_is_that_of_statsmodels_with_and_without_weights():
    used = LOCAL[LOCAL["coupling"].notna() & (LOCAL["coupling"] != 0)]
    x, y = np.log10(used["mid_params_b"].to_numpy()), (used["coupling"] > 0).to_numpy(dtype=float)
    weights = np.vstack([np.ones(len(x)), np.random.default_rng(0).integers(0, 4, (3, len(x)))]).astype(float)
    ours = np.column_stack(critical_scale._logistic(x, y, weights))
    for mine, w in zip(ours, weights, strict=True):
        theirs = sm.GLM(y, sm.add_constant(x), family=sm.families.Binomial(), freq_weights=w).fit()
        assert mine == pytest.approx(theirs.params, rel=1e-6)
    assert ours[0] == pytest.approx(sm.Logit(y, sm.add_constant(x)).fit(disp=False).params, rel=1e-6)


def test_even_odds_and_their_curve_meet_at_one_half():
    ours = critical_scale.even_odds(LOCAL, draws=50)
    curve = critical_scale.even_odds_curve(LOCAL, [0.1, ours.estimate, 100.0], draws=50)
    assert curve["probability"].iloc[1] == pytest.approx(0.5)
    assert curve["probability"].is_monotonic_increasing
    assert (curve["low"] <= curve["probability"]).all()
    assert (curve["probability"] <= curve["high"]).all()


def test_the_area_under_the_curve_is_that_of_scikit_learn():
    rng = np.random.default_rng(0)
    score = rng.integers(0, 12, 60) / 4  # with ties
    label = rng.random(60) < 0.3 + 0.1 * score
    weights = np.vstack([np.ones(60), rng.integers(0, 4, (4, 60))]).astype(float)
    ours = sign_predictors._auc(score, label, weights)
    theirs = [roc_auc_score(label, score, sample_weight=w) for w in weights]
    assert ours == pytest.approx(theirs)


def test_the_area_of_a_draw_with_one_sign_only_is_missing():
    label = np.array([True, True, False])
    assert np.isnan(sign_predictors._auc(np.array([1.0, 2.0, 3.0]), label, np.array([[1.0, 1.0, 0.0]]))[0])


# ---------------------------------------------------------------- a world in which the truth is known

TRUE_B = 3.0


def curved(rng, *, families=14, depth=6.0, noise=0.4, turn_b=TRUE_B) -> pd.DataFrame:
    """Families on one parabola, each at its own level; HellaSwag rises evenly, so the coupling is a straight line."""
    parts = []
    for k in range(families):
        first = rng.uniform(-1.3, -0.3)
        x = np.linspace(first, first + rng.uniform(2.2, 3.0), rng.integers(5, 8))
        parts.append(
            pd.DataFrame(
                {
                    "model": [f"F{k}-{i}" for i in range(len(x))],
                    "family": f"F{k}",
                    "params_b": 10**x,
                    HS: 50 + 14 * x,
                    TQA: rng.normal(40, 2)
                    + depth * (x - np.log10(turn_b)) ** 2
                    + rng.normal(0, noise, len(x)),
                }
            )
        )
    return pd.concat(parts, ignore_index=True)


def falling(rng, *, families=14, noise=0.4) -> pd.DataFrame:
    """The same families without a turn: every score falls in a straight line."""
    table = curved(rng, families=families, depth=0.0, noise=noise)
    return table.assign(**{TQA: table[TQA] - 4 * np.log10(table["params_b"])})


def steps(table: pd.DataFrame) -> pd.DataFrame:
    return coupling.local_coupling(table)


ESTIMATORS = {
    "quadratic over families": lambda t, d: critical_scale.quadratic(t, unit="family", draws=d),
    "fixed effects": lambda t, d: critical_scale.fixed_effects(t, draws=d),
    "zero crossing, noise": lambda t, d: critical_scale.zero_crossing(steps(t), draws=d),
    "zero crossing, equal": lambda t, d: critical_scale.zero_crossing(steps(t), weights="equal", draws=d),
    "even odds": lambda t, d: critical_scale.even_odds(steps(t), draws=d),
}


@pytest.mark.parametrize("name", ESTIMATORS)
def test_a_planted_turn_is_found_and_its_interval_covers_it(name):
    rng = np.random.default_rng(0)
    runs = [ESTIMATORS[name](curved(rng, noise=2.0), 200) for _ in range(30)]
    assert np.median([run.estimate for run in runs]) == pytest.approx(TRUE_B, rel=0.15)
    assert np.mean([run.low <= TRUE_B <= run.high for run in runs]) >= 0.8
    assert np.mean([run.identified for run in runs]) >= 0.9
    # An interval that covers everything proves nothing: a figure three times as large must lie outside.
    assert np.mean([run.low <= 3 * TRUE_B <= run.high for run in runs]) <= 0.1


@pytest.mark.parametrize("name", ESTIMATORS)
def test_a_world_without_a_turn_is_not_identified(name):
    rng = np.random.default_rng(1)
    runs = [ESTIMATORS[name](falling(rng, noise=0.2), 200) for _ in range(10)]
    assert not any(run.identified for run in runs)
    assert all(run.reason for run in runs)


@pytest.mark.parametrize("name", ESTIMATORS)
def test_a_turn_the_other_way_round_is_not_a_critical_scale(name):
    # A bonus in small models and a tax in large ones: the sign changes, but not from falling to rising.
    table = curved(np.random.default_rng(4), noise=2.0)
    found = ESTIMATORS[name](table.assign(**{TQA: 90 - table[TQA]}), 100)
    assert np.isnan(found.estimate)
    assert not found.identified


@pytest.mark.parametrize("name", ESTIMATORS)
def test_valid_and_discarded_draws_add_up(name):
    run = ESTIMATORS[name](curved(np.random.default_rng(2), families=4, depth=1.0, noise=4.0), 300)
    assert run.valid + run.discarded == run.draws == 300
    assert len(run.sizes) == run.valid
    assert run.discarded > 0
    assert run.low <= run.median <= run.high


@pytest.mark.parametrize("name", ESTIMATORS)
def test_the_order_of_rows_changes_no_estimate(name):
    table = curved(np.random.default_rng(3), noise=2.0)
    shuffled = table.sample(frac=1, random_state=0)
    assert ESTIMATORS[name](shuffled, 10).estimate == pytest.approx(ESTIMATORS[name](table, 10).estimate)


def test_the_same_seed_gives_the_same_draws_and_another_nearly_the_same_interval():
    for estimate in (critical_scale.fixed_effects, critical_scale.quadratic):
        one, again, other = estimate(OPEN, rng=1), estimate(OPEN, rng=1), estimate(OPEN, rng=2)
        assert one == again
        assert np.array_equal(one.sizes, again.sizes)
        assert not np.array_equal(one.sizes, other.sizes)
        assert np.log(one.low) == pytest.approx(np.log(other.low), abs=0.1)
        assert np.log(one.high) == pytest.approx(np.log(other.high), abs=0.1)


def test_levels_of_families_alone_make_no_turn_for_fixed_effects():
    # Every family falls; the larger ones start higher. The pooled parabola bends at the seam between them.
    parts = []
    for name, sizes, level, slope in (
        ("A", [0.1, 1, 10], 44, -8),
        ("B", [7, 13, 70], 40, -4),
        ("C", [7, 13, 65], 41, -4),
    ):
        x = np.log10(sizes)
        parts.append(pd.DataFrame({"family": name, "params_b": sizes, TQA: level + slope * (x - x[0])}))
    table = pd.concat(parts, ignore_index=True)
    assert 0.1 < critical_scale.quadratic(table, draws=10).estimate < 70
    assert not 0.1 < critical_scale.fixed_effects(table, draws=200).estimate < 70
    assert not critical_scale.fixed_effects(table, draws=200).identified


# ---------------------------------------------------------------- what is refused or not identified


def split_signs() -> pd.DataFrame:
    """Every step below 1.4B is negative, every step above it positive."""
    rows = [
        ("F", 0.1, -1.0),
        ("F", 1.0, -1.0),
        ("G", 2.0, 1.0),
        ("G", 20.0, 1.0),
        ("H", 0.2, -1.0),
        ("H", 8.0, 1.0),
    ]
    local = pd.DataFrame(rows, columns=["family", "mid_params_b", "coupling"])
    return local.assign(from_params_b=local["mid_params_b"] / 2, to_params_b=local["mid_params_b"] * 2)


def test_signs_that_are_split_without_overlap_are_discarded_and_counted():
    found = critical_scale.even_odds(split_signs(), draws=100)
    assert (found.valid, found.discarded) == (0, 100)
    assert not found.identified
    assert np.isnan([found.estimate, found.low, found.median, found.high]).all()


def test_a_clean_change_of_sign_is_not_reported_as_no_change():
    assert "no change" not in critical_scale.even_odds(split_signs(), draws=100).reason


@pytest.mark.parametrize("gap", [0.05, 0.5, 3.0])
def test_separated_signs_have_no_logistic_fit_however_wide_the_gap(gap):
    x = np.array([-gap - 0.4, -gap, gap, gap + 0.4])
    a, b = critical_scale._logistic(x, np.array([0.0, 0.0, 1.0, 1.0]), np.ones((1, 4)))
    assert np.isnan([a[0], b[0]]).all()


def test_one_sign_only_has_no_logistic_fit():
    a, b = critical_scale._logistic(np.array([-1.0, 0.0, 1.0]), np.ones(3), np.ones((1, 3)))
    assert np.isnan([a[0], b[0]]).all()


@pytest.mark.parametrize(
    ("draws", "words"),
    [
        ([9.0] * 96 + [np.nan] * 4, "only 96% of the draws"),
        ([9.0] * 98 + [np.nan] * 2, ""),
        ([7.5] * 50 + [9.0] * 50, "reaches beyond the sizes observed, 0.1B to 10B"),
        ([9.0] * 50 + [10.5] * 50, "reaches beyond the sizes observed, 0.1B to 10B"),
    ],
)
def test_what_identified_means(draws, words):
    found = critical_scale._scale(9.0, np.array(draws), np.array([0.1, 10.0]), 5, 2, "family", "by hand")
    assert found.identified == (not words)
    assert words in found.reason
    assert ("not identified" in str(found)) == bool(words)


def test_minima_outside_what_the_paper_accepts_are_not_valid():
    x = np.linspace(8, 11, 9)
    one = np.ones((1, 9))
    assert critical_scale._weighted_vertices(x, (x - 9.5) ** 2, one)[0] == pytest.approx(9.5)
    for outside in (6.5, 12.5):
        assert np.isnan(critical_scale._weighted_vertices(x, (x - outside) ** 2, one)[0])
    assert np.isnan(critical_scale._weighted_vertices(x, -((x - 9.5) ** 2), one)[0])  # opens downward
    two_sizes = np.array([8.0, 8.0, 9.0, 9.0])
    assert np.isnan(critical_scale._weighted_vertices(two_sizes, np.arange(4.0), np.ones((1, 4)))[0])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: critical_scale.quadratic(OPEN, unit="lab"), "unit='lab'; allowed are 'row' and 'family'"),
        (lambda: critical_scale.quadratic(OPEN, "gpqa"), "a column 'gpqa' is needed; the columns are model"),
        (
            lambda: critical_scale.quadratic(OPEN.head(3)),
            "at least 4 rows with a score are needed; there are 3",
        ),
        (
            lambda: critical_scale.quadratic(OPEN.assign(params_b=0.0)),
            "sizes must be positive, in billion parameters",
        ),
        (
            lambda: critical_scale.zero_crossing(LOCAL, weights="se"),
            "weights='se'; allowed are 'noise' and 'equal'",
        ),
        (
            lambda: critical_scale.quadratic(OPEN, unit="family", rng=np.random.RandomState(0)),
            "a legacy RandomState is for unit='row' alone",
        ),
    ],
)
def test_bad_input_says_what_came_and_what_is_allowed(call, message):
    with pytest.raises(ValueError, match=message.replace("(", r"\(")):
        call()


def test_missing_scores_are_left_out_and_n_says_so():
    table = OPEN.copy()
    table.loc[table.index[:5], TQA] = np.nan
    assert critical_scale.quadratic(table, draws=10).n == len(OPEN) - 5


# ---------------------------------------------------------------- families that never turn


def test_the_nulls_tell_a_change_between_families_from_a_turn_within_one():
    common = critical_scale.quadratic_null(data.bootstrap_rows(), draws=500)
    own = critical_scale.quadratic_null(data.bootstrap_rows(), slopes="own", draws=500)
    point = critical_scale.quadratic(data.bootstrap_rows(), draws=10).estimate
    assert common["scale_b"].observed == own["scale_b"].observed == pytest.approx(point)
    assert common["curvature"].p < 0.05 < own["curvature"].p
    assert own["scale_b"].p > 0.9


@pytest.mark.parametrize("slopes", ["common", "own"])
def test_noise_around_lines_is_as_curved_as_its_null_says(slopes):
    rng = np.random.default_rng(0)
    x = np.tile(np.linspace(-1, 1, 7), 3)
    family = np.repeat(list("abc"), 7)
    p = []
    for _ in range(60):
        table = pd.DataFrame({"family": family, "params_b": 10**x, TQA: 40 - 3 * x + rng.normal(0, 1, 21)})
        p.append(critical_scale.quadratic_null(table, slopes=slopes, draws=200)["curvature"].p)
    assert np.mean(np.array(p) < 0.05) < 0.15
    assert 0.3 < np.mean(p) < 0.7


def test_a_planted_turn_is_more_curved_than_either_null():
    x = np.tile(np.linspace(-1, 1, 7), 3)
    noise = np.random.default_rng(1).normal(0, 0.5, 21)
    table = pd.DataFrame({"family": np.repeat(list("abc"), 7), "params_b": 10**x, TQA: 40 + 6 * x**2 + noise})
    for slopes in ("common", "own"):
        assert critical_scale.quadratic_null(table, slopes=slopes, draws=300)["curvature"].p < 0.01


def test_unknown_slopes_are_refused():
    with pytest.raises(ValueError, match="'common' and 'own'"):
        critical_scale.quadratic_null(data.bootstrap_rows(), slopes="any")


# ---------------------------------------------------------------- one family


def one_family(tqa, sizes=(0.1, 1.0, 10.0, 100.0), name="F") -> pd.DataFrame:
    models = [f"{name}-{i}" for i in range(len(sizes))]
    return pd.DataFrame(
        {"model": models, "family": name, "params_b": sizes, HS: np.linspace(30, 80, len(sizes)), TQA: tqa}
    )


def test_turning_points_by_hand():
    table = pd.concat(
        [
            one_family([44.0, 38.0, 40.0, 45.0], name="turns"),
            one_family([44.0, 42.0, 40.0, 38.0], name="falls"),
            one_family([38.0, 40.0, 42.0, 44.0], name="rises"),
            one_family([40.0, 41.0], sizes=(1.0, 2.0), name="two sizes"),
        ]
    )
    found = family_turns.family_turning_points(table).set_index("family")
    assert list(found.index) == ["falls", "rises", "turns"]
    assert found["turns"].to_dict() == {"falls": False, "rises": False, "turns": True}
    assert found["lowest_b"].to_dict() == {"falls": 100.0, "rises": 0.1, "turns": 1.0}
    assert found.loc["turns", ["falls", "rises", "bracket_low_b", "bracket_high_b"]].tolist() == [
        1,
        2,
        0.1,
        10.0,
    ]
    assert np.isnan(found.loc["falls", "bracket_high_b"])
    assert np.isnan(found.loc["rises", "bracket_low_b"])


def test_the_vertex_of_a_family_is_that_of_its_own_parabola():
    x = np.array([-1.0, 0.0, 1.0, 2.0])
    found = family_turns.family_turning_points(one_family(40 + 3 * (x - 0.4) ** 2))
    assert found["vertex_b"].iloc[0] == pytest.approx(10**0.4)


def test_a_deep_turn_is_sure_and_a_shallow_one_is_not():
    deep = family_turns.turning_point(one_family([60.0, 30.0, 50.0, 60.0]))
    assert (deep.estimate, deep.low, deep.high) == (1.0, 1.0, 1.0)
    shallow = family_turns.turning_point(one_family([41.0, 40.0, 40.1, 41.0]))
    assert shallow.estimate == 1.0
    assert (shallow.low, shallow.high) == (0.1, 100.0)


# ---------------------------------------------------------------- sign changes, isocline, rival explanations

SIZES = (0.1, 0.4, 1.6, 6.4, 12.8)


def test_sign_changes_on_families_made_by_hand():
    table = pd.concat(
        [
            one_family([50.0, 45.0, 40.0, 42.0, 45.0], SIZES, "turns once"),
            one_family([50.0, 45.0, 40.0, 35.0, 30.0], SIZES, "only falls"),
            one_family([50.0, 45.0, 47.0, 40.0, 42.0], SIZES, "turns twice"),
            one_family([30.0, 35.0, 40.0, 45.0, 50.0], SIZES, "only rises"),
            one_family([50.0, 45.0, 40.0, 42.0], SIZES[:4], "four models"),
            one_family([50.0, 45.0, 40.0, 42.0, 45.0], [10 * s for s in SIZES], "starts late"),
            one_family([50.0, 45.0, 40.0, 42.0, 45.0], [s / 10 for s in SIZES], "ends early"),
            one_family([50.0, 45.0, 40.0, 35.0, 30.0, 29.0, 40.0], [*SIZES, 100.0, 200.0], "turns too late"),
        ]
    )
    found = family_turns.sign_changes(table).set_index("family")
    assert found["positive"].to_dict() == {
        "only falls": 0,
        "only rises": 4,
        "turns once": 2,
        "turns too late": 1,
        "turns twice": 2,
    }
    assert sorted(found.index[found["never_inside"]]) == ["only falls", "turns too late"]
    assert list(found.index[found["never"]]) == ["only falls"]
    assert found.loc["only falls", "p_positive_inside"] < 0.2
    assert found.loc["turns once", "p_positive_inside"] > 0.8


def test_no_qualifying_family_gives_an_empty_table_with_its_columns():
    found = family_turns.sign_changes(one_family([40.0, 41.0, 42.0, 43.0]))
    assert found.empty
    assert "never_inside" in found


@pytest.mark.parametrize("which", ["paper", "open"])
@pytest.mark.parametrize("ratio", [0.1, 0.187, 0.3])
def test_the_isocline_and_its_negation_add_up(which, ratio):
    found = isocline.isocline_hits(data.panel(which, rows="one_recipe"), ratio=ratio)
    assert (found["rule"] + found["negation"] == found["n"]).all()
    assert (found["always_negative"] <= found["n"]).all()
    assert len(found) > 8


def test_isocline_hits_by_hand():
    # sqrt(0.2 * 0.5) = 0.316: the first model lies above, the second below; both next steps fall.
    table = one_family([40.0, 31.0, 30.0], (1.0, 2.0, 4.0)).assign(**{HS: [50.0, 50.1, 50.2]})
    row = isocline.isocline_hits(table, ratio=0.2).iloc[0]
    assert (row["n"], row["rule"], row["negation"], row["always_negative"]) == (2, 1, 1, 2)


def test_models_on_the_isocline_give_back_its_ratio():
    hs = np.array([30.0, 50.0, 80.0])
    table = pd.DataFrame({HS: hs, TQA: 100 * np.sqrt(0.187 * hs / 100)})
    assert isocline.isocline_ratio(table) == pytest.approx(0.187)


def rival_table(draws=100):
    size = np.log10(LOCAL["mid_params_b"].to_numpy())
    return sign_predictors.predictor_auc(
        LOCAL, {"size": size, "noise": np.random.default_rng(0).normal(size=len(LOCAL))}, draws=draws
    )


def test_held_out_areas_are_those_of_a_plain_loop():
    used = LOCAL[LOCAL["coupling"].notna() & (LOCAL["coupling"] != 0)]
    noise = np.random.default_rng(0).normal(size=len(LOCAL))[used.index]
    label = (used["coupling"] > 0).to_numpy()
    table = rival_table()
    for row, x in zip(table.itertuples(), (np.log10(used["mid_params_b"].to_numpy()), noise), strict=True):
        ranked = np.empty(len(used))
        for family in used["family"].unique():
            out = (used["family"] == family).to_numpy()
            points_up = roc_auc_score(label[~out], x[~out]) > 0.5
            ranked[out] = (x[out] - np.median(x)) * (1 if points_up else -1)
        assert row.auc == pytest.approx(roc_auc_score(label, ranked))
        assert (row.n, row.families) == (len(used), used["family"].nunique())
    first = table.iloc[0]
    assert (first["difference"], first["difference_low"], first["difference_high"]) == (0.0, 0.0, 0.0)


def test_which_way_a_predictor_points_does_not_matter_and_a_constant_tells_nothing():
    size = np.log10(LOCAL["mid_params_b"].to_numpy())
    table = sign_predictors.predictor_auc(
        LOCAL, {"up": size, "down": -size, "flat": np.ones(len(size))}, draws=20
    )
    assert table["auc"].iloc[0] == pytest.approx(table["auc"].iloc[1])
    assert table["auc"].iloc[2] == 0.5


def test_a_label_that_follows_the_family_alone_does_not_make_noise_look_useful():
    # Families of one sign each: with the base rate of the others left in, noise would rank families backwards.
    rng = np.random.default_rng(0)
    family = np.repeat(np.arange(30), 4)
    local = pd.DataFrame({"family": family, "coupling": np.where(family % 2, 1.0, -1.0)})
    areas = [
        sign_predictors.predictor_auc(local, {"noise": rng.normal(size=120)}, draws=5)["auc"].iloc[0]
        for _ in range(40)
    ]
    assert np.mean(areas) == pytest.approx(0.5, abs=0.06)


def test_a_predictor_of_pure_noise_is_worse_than_size():
    table = rival_table().set_index("predictor")
    assert table.loc["size", "auc"] > 0.6
    assert table.loc["noise", "auc"] < 0.6
    assert table.loc["noise", "difference"] == pytest.approx(
        table.loc["noise", "auc"] - table.loc["size", "auc"]
    )
    assert (table["low"] <= table["auc"]).all()
    assert (table["auc"] <= table["high"]).all()


def test_rivals_are_compared_on_the_intervals_that_all_of_them_know():
    size = np.log10(LOCAL["mid_params_b"].to_numpy())
    patchy = size.copy()
    patchy[::2] = np.nan
    table = sign_predictors.predictor_auc(LOCAL, {"size": size, "patchy": patchy}, draws=20)
    for column in ("n", "auc"):
        assert table[column].iloc[0] == table[column].iloc[1]
    assert table["n"].iloc[0] < rival_table(20)["n"].iloc[0]


def test_a_predictor_that_knows_the_sign_is_nearly_perfect():
    sign = np.sign(LOCAL["coupling"].to_numpy())
    rng = np.random.default_rng(0)
    nearly = sign_predictors.predictor_auc(LOCAL, {"nearly": sign + rng.normal(0, 0.8, len(sign))}, draws=20)
    assert nearly["auc"].iloc[0] > 0.9


def test_a_perfect_predictor_is_never_called_worthless():
    # Its logistic fit has no finite maximum. The area must be one, or missing; not that of a predictor that is always wrong.
    perfect = sign_predictors.predictor_auc(LOCAL, {"perfect": LOCAL["coupling"].to_numpy()}, draws=20)
    area = perfect["auc"].iloc[0]
    assert np.isnan(area) or area == 1


# ---------------------------------------------------------------- tables made for the chapters


def test_all_estimates_are_the_estimators_one_by_one():
    table = critical_scale.all_estimates(OPEN).set_index("estimator")
    assert len(table) == 5
    assert set(table["verdict"]) <= {"identified", "not identified"}
    assert ((table["verdict"] == "identified") == (table["reason"] == "")).all()
    found = critical_scale.fixed_effects(OPEN)
    row = table.loc["parabola, a level a family"]
    assert row[["estimate", "low", "high"]].tolist() == [found.estimate, found.low, found.high]
    assert row["valid"] == found.valid / found.draws


def test_points_of_the_isocline_give_its_hits():
    points = isocline.isocline_points(OPEN)
    above = points["tqa"] > np.sqrt(0.187 * points["hs"])
    hits = (above == (points["sign"] == "positive")).groupby(points["family"]).sum()
    assert hits.to_dict() == isocline.isocline_hits(OPEN).set_index("family")["rule"].to_dict()
    assert points[["hs", "tqa"]].max().max() < 1


def test_rivals_of_size_are_measured_at_the_middle_of_the_step():
    found = sign_predictors.predictor_values(OPEN, LOCAL)
    assert {"parameters", "training tokens", "training compute", "knowledge (MMLU)"} <= set(found)
    assert found["parameters"] == pytest.approx(np.log10(LOCAL["mid_params_b"].to_numpy()))
    knows = found["knowledge (MMLU)"] > 25 + sign_predictors.LEFT_CHANCE_PP
    known = ~np.isnan(found["knowledge (MMLU)"])
    assert found["knowledge above chance"][known].tolist() == knows[known].tolist()
    assert np.isnan(found["knowledge above chance"][~known]).all()
    place = LOCAL.index[LOCAL["to_model"] == "facebook/opt-350m"][0]
    assert found["training tokens"][place] == pytest.approx(np.log10(180))
    assert found["knowledge (MMLU)"][place] == pytest.approx((26.02 + 26.02) / 2)
    assert np.isnan(found["training tokens"]).any()  # GPT-2's training tokens were not published


@pytest.mark.parametrize("estimator", [critical_scale.even_odds, critical_scale.zero_crossing])
def test_no_interval_is_a_clear_error(estimator):
    alone = coupling.local_coupling(data.panel("paper").query("family == 'Yi'"))
    with pytest.raises(ValueError, match=r"at least 2 intervals .* there are 0"):
        estimator(alone)


def test_families_of_one_model_cannot_locate_a_turn():
    alone = data.panel("paper").drop_duplicates("family")
    with pytest.raises(ValueError, match="rows in families of two or more are needed; there are 0"):
        critical_scale.fixed_effects(alone)


# ---------------------------------------------------------------- nulls of a turn


def _family_of(score):
    size = 10.0 ** np.linspace(-1, 1, len(score))
    return pd.DataFrame({"family": "f", "params_b": size, "truthfulqa_mc2": score})


def test_a_turn_has_to_fall_and_to_rise():
    turning, _ = family_turns.turn_null(_family_of([45.0, 38.0, 30.0, 38.0, 45.0]))
    assert turning.p_greater < 0.001
    falling, what = family_turns.turn_null(_family_of([45.0, 42.0, 39.0, 36.0, 33.0]))
    assert (falling.observed, falling.p_greater) == (0.0, 1.0)
    assert what.startswith("rise")
    rising, what = family_turns.turn_null(_family_of([33.0, 36.0, 39.0, 42.0, 45.0]))
    assert (rising.observed, rising.p_greater) == (0.0, 1.0)
    assert what.startswith("fall")
    # A fall that noise explains is no turn, however clear the rise after it.
    shallow, what = family_turns.turn_null(_family_of([33.5, 33.0, 38.0, 42.0, 47.0]))
    assert shallow.p_greater > 0.1
    assert what.startswith("fall")


def test_noise_on_a_falling_family_seldom_looks_like_a_turn():
    rng = np.random.default_rng(0)
    truth = np.linspace(46, 34, 6)
    p = [
        family_turns.turn_null(_family_of(truth + rng.normal(0, 1.65, size=6)), draws=300, rng=rng)[
            0
        ].p_greater
        for _ in range(200)
    ]
    assert np.mean(np.array(p) <= 0.1) <= 0.1


def test_coin_flips_seldom_lack_a_change_of_sign():
    families = pd.DataFrame({"n": [5, 7], "never": [True, False]})
    null = family_turns.no_change_null(families, draws=20_000)
    exact = 1 - (1 - 0.5**4) * (1 - 0.5**6)
    assert null.p_greater == pytest.approx(exact, abs=0.01)
    assert null.p_less > 0.99  # one or none of two is what coin flips give nearly always


def test_the_constant_that_calls_every_sign_negative_is_a_null_of_its_own():
    hits = pd.Series({"n": 7, "rule": 6, "negation": 1, "always_negative": 5})
    null = isocline.always_negative_null(hits, draws=20_000)
    assert null.value == 5
    assert null.p_greater == pytest.approx(stats.binom.sf(5, 7, 5 / 7), abs=0.01)
