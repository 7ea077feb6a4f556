"""The sparse equation, its rivals, the league, and when a law that is there is found."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import expm
from sklearn.linear_model import LinearRegression

from cape_utils import data
from cape_utils.chapters.ch07_ode import readings, recovery
from cape_utils.chapters.ch07_ode import recompute as ch07
from cape_utils.claims import assessment
from cape_utils.data import loading
from cape_utils.scaling import forecasting, ode

HS, TQA = "hellaswag", "truthfulqa_mc2"
PAIR = (HS, TQA)


@pytest.fixture(scope="module")
def opened() -> pd.DataFrame:
    return forecasting.ladders(data.panel("open", rows="one_recipe"))


@pytest.fixture(scope="module")
def held(opened) -> pd.DataFrame:
    return forecasting.hold_out(opened, methods=["persistence", "line, anchored", "dense linear ODE"])


def pythia(copy: str = "panel rows") -> pd.DataFrame:
    return loading.pythia(copy)


def model(powers, coefficients, *, unit="percent", benchmarks=PAIR) -> ode.Dynamics:
    powers, coefficients = np.array(powers, dtype=float), np.array(coefficients, dtype=float)
    return ode.Dynamics(benchmarks, powers, coefficients, 2, 0.0, 0.0, unit, 8, 1, 1.0)


# ---------------------------------------------------------------- the fit


def test_the_rate_by_hand():
    # dHS = 0.5 HS, dTQA = 0.01 HS TQA
    law = model([[1, 0], [1, 1]], [[0.5, 0.0], [0.0, 0.01]])
    assert law.rate([40.0, 30.0]).tolist() == [20.0, 12.0]
    assert law.terms == (1, 1)
    # In fractions the same coefficients mean 0.5 x 0.4 and 0.01 x 0.4 x 0.3, in points a hundred times that.
    other = model([[1, 0], [1, 1]], [[0.5, 0.0], [0.0, 0.01]], unit="fraction")
    assert other.rate([40.0, 30.0]) == pytest.approx([20.0, 0.12])


def test_derivatives_are_exact_on_a_parabola_at_uneven_steps_and_those_of_pysindy():
    import pysindy

    x = np.log10(pythia()["params_b"].to_numpy())
    y = np.column_stack([3 * x**2 + x, 5 - x])
    ours = ode._derivatives(x, y)
    assert ours == pytest.approx(np.column_stack([6 * x + 1, -np.ones(8)]))
    assert ours == pytest.approx(pysindy.FiniteDifference(order=2)._differentiate(y, x))


@pytest.mark.parametrize("constant", [False, True])
def test_the_dense_fit_is_scikit_learns(constant):
    rows = pythia()
    x, y = np.log10(rows["params_b"].to_numpy()), rows[list(data.BENCHMARKS)].to_numpy()
    theirs = LinearRegression(fit_intercept=constant).fit(y, np.gradient(y, x, axis=0, edge_order=2))
    ours = ode.fit_dense(rows, constant=constant)
    assert ours.coefficients[:, -5:] == pytest.approx(theirs.coef_)
    if constant:
        assert ours.coefficients[:, 0] == pytest.approx(theirs.intercept_)
    assert ours.condition == pytest.approx(
        np.linalg.cond(np.column_stack([np.ones(8), y])[:, 1 - constant :])
    )
    assert (ours.n, ours.families) == (8, 1)


def test_a_fit_asked_for_again_is_the_same_and_no_other():
    scores = pythia()[list(PAIR)].to_numpy() / 100
    rates = np.gradient(scores, axis=0)
    options = {"threshold": 0.01, "ridge": 0.05}
    first = ode.sparse_fit(scores, rates, **options)
    kept = first.copy()
    first[:] = 0  # what a caller does with its own result reaches nobody else
    assert np.array_equal(ode.sparse_fit(scores, rates, **options), kept)
    assert np.array_equal(ode.sparse_fit(np.asfortranarray(scores), rates, **options), kept)
    for other in (
        ode.sparse_fit(scores[::-1], rates, **options),
        ode.sparse_fit(scores, rates[::-1], **options),
        ode.sparse_fit(scores, rates, threshold=10.0, ridge=0.05),
        ode.sparse_fit(scores, rates, threshold=0.01, ridge=5.0),
    ):
        assert not np.array_equal(other, kept)
    whole = np.arange(1, 7).reshape(3, 2)
    assert np.array_equal(
        ode.sparse_fit(whole, whole, **options), ode.sparse_fit(whole * 1.0, whole * 1.0, **options)
    )


def test_a_path_is_one_that_the_claim_can_be_read_as():
    table = readings.arrays("panel rows")
    fit = readings.fitted(table, readings.FITS[readings.DENSE_FITS[0]])
    with pytest.raises(
        ValueError, match="start='from its 7B'; allowed are from 70M, from each size to the next"
    ):
        readings.path_from("from its 7B", fit, table, None)


@pytest.mark.parametrize("unit", ["percent", "fraction"])
@pytest.mark.parametrize("degree", [1, 2, 3])
def test_the_sparse_fit_is_that_of_pysindys_own_model(unit, degree):
    import pysindy

    rows = pythia("bootstrap copy")
    scale = 1 if unit == "percent" else 100
    theirs = pysindy.SINDy(
        optimizer=pysindy.STLSQ(threshold=0.1, alpha=0.05),
        feature_library=pysindy.PolynomialLibrary(degree=degree, include_bias=False),
        differentiation_method=pysindy.FiniteDifference(order=2),
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs.fit(rows[list(data.BENCHMARKS)].to_numpy() / scale, t=np.log10(rows["params_b"].to_numpy()))
    ours = ode.fit_dynamics(rows, degree=degree, unit=unit)
    assert ours.coefficients == pytest.approx(theirs.coefficients(), rel=1e-5, abs=1e-9)
    assert ours.degree == degree


def test_the_expected_warnings_are_silent_and_others_are_not():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert ode.fit_dynamics(pythia(), degree=2).terms == (0, 0, 0, 0, 0)  # PySINDy warns of this
    with pytest.warns(UserWarning, match="something else"), ode._expected_warnings():
        warnings.warn("something else", UserWarning, stacklevel=1)


def test_families_are_trajectories_of_their_own():
    one = pythia().assign(family="a")
    shifted = one.assign(family="b", params_b=one["params_b"] * 7)
    both = ode.fit_dense(pd.concat([one, shifted]))
    assert (both.n, both.families) == (16, 2)
    # The same scores at sizes seven times as large have the same rates, so the law is the same.
    assert both.coefficients == pytest.approx(ode.fit_dense(one).coefficients)


@given(st.permutations(range(8)), st.sampled_from([0.01, 3.0, 1000.0]))
@settings(max_examples=20, deadline=None)
def test_order_of_rows_and_unit_of_size_do_not_matter(order, factor):
    rows = pythia()
    one = ode.fit_dense(rows).coefficients
    other = ode.fit_dense(rows.iloc[list(order)].assign(params_b=lambda t: factor * t["params_b"]))
    assert other.coefficients == pytest.approx(one, rel=1e-6)


@given(st.permutations(data.BENCHMARKS))
@settings(max_examples=10, deadline=None)
def test_the_order_of_benchmarks_does_not_matter_to_predictions(names):
    rows = pythia("bootstrap copy")
    first = rows.iloc[0]
    paths = {}
    for benchmarks in (list(data.BENCHMARKS), list(names)):
        fitted = ode.fit_dense(rows, benchmarks=benchmarks)
        found = ode.integrate(fitted, first[benchmarks].astype(float), 0.07, [1.0, 12.0])
        paths[tuple(benchmarks)] = pd.DataFrame(found.score_pct, columns=benchmarks)[list(data.BENCHMARKS)]
    one, other = paths[tuple(data.BENCHMARKS)], paths[tuple(names)]
    assert other.to_numpy() == pytest.approx(one.to_numpy(), abs=1e-3)


@given(st.sampled_from(["percent", "fraction"]))
@settings(max_examples=4, deadline=None)
def test_without_a_threshold_the_unit_of_scores_does_not_matter_to_a_linear_law(unit):
    one = ode.fit_dynamics(pythia(), threshold=0, ridge=0, unit="percent")
    other = ode.fit_dynamics(pythia(), threshold=0, ridge=0, unit=unit)
    assert other.rate([40.0, 41, 26, 53, 27]) == pytest.approx(one.rate([40.0, 41, 26, 53, 27]))


def test_bad_input_to_the_fit_is_named():
    rows = pythia()
    with pytest.raises(ValueError, match="a column 'mmlu' is needed; the columns are"):
        ode.fit_dynamics(rows.drop(columns="mmlu"))
    with pytest.raises(ValueError, match=r"family 'Pythia' has sizes .* leave out the second row"):
        ode.fit_dynamics(pd.concat([rows, rows.iloc[:1]]))
    with pytest.raises(ValueError, match="no family has three sizes with every benchmark"):
        ode.fit_dynamics(rows.iloc[:2])
    with pytest.raises(ValueError, match="degree=4; allowed are 1, 2 and 3"):
        ode.fit_dynamics(rows, degree=4)
    with pytest.raises(ValueError, match="unit='share'; allowed are 'percent' and 'fraction'"):
        ode.fit_dynamics(rows, unit="share")
    with pytest.raises(ValueError, match=r"threshold=-1, ridge=0.05; neither may be negative"):
        ode.fit_dynamics(rows, threshold=-1)


def test_degrees_of_freedom_are_those_of_the_libraries():
    table = ode.degrees_of_freedom(8)
    assert table["terms"].tolist() == [5, 20, 55]
    assert table["in_all"].tolist() == [25, 100, 275]
    assert set(table["steps"]) == {7}
    with pytest.raises(ValueError, match="sizes=2; a derivative on uneven steps needs three"):
        ode.degrees_of_freedom(2)


# ---------------------------------------------------------------- the solution


def test_a_linear_solution_is_the_matrix_exponential():
    matrix = np.array([[-0.4, 0.3], [0.2, -0.5]])
    law = model(np.eye(2), matrix)
    path = ode.integrate(law, [50.0, 40.0], 0.1, [0.1, 1.0, 30.0])
    exact = [expm(matrix * np.log10(n / 0.1)) @ [50.0, 40.0] for n in (0.1, 1.0, 30.0)]
    assert path.score_pct == pytest.approx(np.array(exact), abs=1e-3)
    assert not path.diverged


def test_a_solution_that_leaves_the_scale_diverges_and_says_where():
    # dHS = 2 HS from 10 at 1B crosses 200 at ln(20) / 2 = 1.498 tenfold sizes, that is at 31.5B.
    law = model(np.eye(2), [[2.0, 0.0], [0.0, 0.0]])
    path = ode.integrate(law, [10.0, 40.0], 1.0, [10.0, 100.0])
    assert path.diverged
    assert "31.5B" in path.reason
    assert path.score_pct[0] == pytest.approx([10 * np.exp(2), 40], abs=1e-3)
    assert np.isnan(path.score_pct[1]).all()
    assert np.isnan(ode.path_error(path, [[50.0, 40.0], [50.0, 40.0]]))
    # Downwards as well, and one point inside the margin it does not.
    falls = model([[0, 0]], [[-120.0], [0.0]])
    assert ode.integrate(falls, [10.0, 40.0], 1.0, [10.0]).diverged
    assert not ode.integrate(model([[0, 0]], [[-109.0], [0.0]]), [10.0, 40.0], 1.0, [10.0]).diverged


def test_an_explosion_is_a_divergence_and_not_a_number():
    law = model([[2, 0]], [[5.0], [0.0]])
    path = ode.integrate(law, [50.0, 40.0], 1.0, [1e3])
    assert path.diverged
    assert np.isnan(path.score_pct).all()


def test_no_step_is_no_change():
    path = ode.integrate(ode.fit_dense(pythia()), [30.0, 40, 25, 50, 25], 1.0, [1.0])
    assert path.score_pct.tolist() == [[30.0, 40, 25, 50, 25]]


def test_bad_starts_and_targets_are_named():
    law = ode.fit_dense(pythia())
    with pytest.raises(ValueError, match="5 finite starting scores are needed"):
        ode.integrate(law, [30.0, np.nan, 25, 50, 25], 1.0, [2.0])
    with pytest.raises(ValueError, match=r"target sizes \[2.0, 1.5\] must rise from the start, 1"):
        ode.integrate(law, [30.0, 40, 25, 50, 25], 1.0, [2.0, 1.5])


def test_errors_by_hand_in_both_units():
    path = ode.Path(np.array([[44.0, 50.0]]), False, "")
    assert ode.path_error(path, [[40.0, 50.0]]) == pytest.approx(5.0)
    assert ode.path_error(path, [[40.0, 50.0]], error_in="points") == pytest.approx(2.0)
    with pytest.raises(ValueError, match="error_in='nats'; allowed are"):
        ode.path_error(path, [[40.0, 50.0]], error_in="nats")


# ---------------------------------------------------------------- trends and the league


def test_an_anchored_line_keeps_the_start_and_shares_one_slope():
    toy = pd.DataFrame({"family": list("ffgg"), "params_b": [1, 10, 1, 10], HS: [30.0, 40, 50, 62]})
    line = forecasting.fit_trend(toy, 1, anchored=True, benchmarks=[HS])
    assert line.predict([70.0], 10, [10, 1000]).score_pct[:, 0] == pytest.approx([70.0, 92.0])  # 11 a step
    free = forecasting.fit_trend(toy, 1, anchored=False, benchmarks=[HS])
    assert free.predict([70.0], 10, [1, 10]).score_pct[:, 0] == pytest.approx([40.0, 51.0])


def test_trends_are_those_of_polyfit_and_of_dummies():
    rows = pythia()
    x = np.log10(rows["params_b"])
    ours = forecasting.fit_trend(rows, 2, anchored=False).predict(np.zeros(5), 1, [20.0]).score_pct[0]
    assert ours == pytest.approx(
        [np.polyval(np.polyfit(x, rows[b], 2), np.log10(20)) for b in data.BENCHMARKS]
    )
    some = data.panel("open").query("family in ['Pythia', 'OPT', 'BLOOM']")
    size = np.log10(some["params_b"].to_numpy())
    design = np.column_stack([size, size**2, pd.get_dummies(some["family"]).to_numpy(dtype=float)])
    slopes = LinearRegression(fit_intercept=False).fit(design, some[list(data.BENCHMARKS)]).coef_[:, :2]
    assert pytest.approx(slopes, rel=1e-6) == forecasting.fit_trend(some, 2, anchored=True).coefficients[1:].T


def test_persistence_says_that_nothing_changes(held):
    part = held.query("method == 'persistence' and family == 'Llama-2' and benchmark == 'mmlu'")
    assert part["predicted"].tolist() == [43.80, 43.80]
    assert part["actual"].tolist() == [54.34, 69.83]


def test_a_family_held_out_is_not_seen(opened):
    # Scores of Llama-2 above its smallest model change nothing in what is predicted for it.
    odd = opened.copy()
    odd.loc[(odd["family"] == "Llama-2") & (odd["params_b"] > 10), list(data.BENCHMARKS)] = 1.0
    for method in ("line, anchored", "dense linear ODE"):
        one, other = (
            forecasting.hold_out(t, methods=[method]).query("family == 'Llama-2'")["predicted"].to_numpy()
            for t in (opened, odd)
        )
        assert other == pytest.approx(one)


def test_every_family_is_predicted_once_from_its_smallest_model(opened, held):
    one = held.query("method == 'persistence'")
    assert set(one["family"]) == set(opened["family"])
    assert len(one) == 5 * (len(opened) - opened["family"].nunique())
    smallest = one["family"].map(opened.groupby("family")["params_b"].min())
    assert one["from_params_b"].tolist() == smallest.tolist()
    steps = forecasting.hold_out(opened, methods=["persistence"], start="previous")
    assert len(steps) == len(one)
    assert steps["from_params_b"].tolist() != one["from_params_b"].tolist()
    alone = forecasting.hold_out(opened, methods=["persistence"], train="Pythia only")
    assert "Pythia" not in set(alone["family"])


def test_the_league_counts_divergence_as_worse_than_any_number():
    errors = pd.DataFrame(
        {"a": [1.0, 2.0, 3.0, 9.0], "b": [2.0, 2.0, np.inf, np.inf], "c": [np.inf, np.inf, np.inf, 1.0]},
        index=list("wxyz"),
    )
    table = forecasting.method_ranking(errors, draws=200)
    assert table["median"].to_dict() == {"a": 2.5, "b": np.inf, "c": np.inf}
    assert table["diverges"].to_dict() == {"a": 0, "b": 2, "c": 3}
    assert table["wins"].to_dict() == {"a": 2.5, "b": 0.5, "c": 1.0}  # one family is shared
    assert table["wins"].sum() == len(errors)
    assert not table.isna().to_numpy().any()


def test_a_family_on_which_a_method_diverges_has_an_infinite_error(opened):
    table = forecasting.hold_out(opened, methods=["persistence", "dense linear ODE"], train="Pythia only")
    lost = table[table["diverged"]]
    assert not lost.empty
    assert lost["predicted"].isna().all()
    assert set(lost["method"]) == {"dense linear ODE"}
    errors = forecasting.family_errors(table)
    infinite = errors.index[np.isinf(errors["dense linear ODE"])]
    assert set(infinite) == set(lost["family"])
    assert np.isfinite(errors["persistence"]).all()


def test_family_errors_are_plain_means(held):
    part = held.query("family == 'Llama-2' and method == 'line, anchored'")
    by_hand = (100 * (part["predicted"] - part["actual"]).abs() / part["actual"]).mean()
    assert forecasting.family_errors(held).loc["Llama-2", "line, anchored"] == pytest.approx(by_hand)
    points = forecasting.family_errors(held, error_in="points").loc["Llama-2", "line, anchored"]
    assert points == pytest.approx((part["predicted"] - part["actual"]).abs().mean())


def test_a_planted_law_is_won_by_its_method():
    # Families that follow one linear equation: the equation predicts them exactly, trends do not.
    matrix = np.array([[-0.6, 0.9], [0.0, -0.2]])
    law, rng = model(np.eye(2), matrix), np.random.default_rng(0)
    rows = []
    for family in "abcdef":
        start, sizes = rng.uniform(20, 60, 2), np.logspace(-1, 1, 9)
        path = ode.integrate(law, start, sizes[0], sizes).score_pct
        rows.append(pd.DataFrame(path, columns=PAIR).assign(family=family, params_b=sizes))
    methods = ["persistence", "line, anchored", "parabola, anchored", "dense linear ODE"]
    table = forecasting.method_ranking(
        forecasting.family_errors(forecasting.hold_out(pd.concat(rows), methods=methods, benchmarks=PAIR)),
        draws=200,
    )
    assert table.index[0] == "dense linear ODE"
    assert table.loc["dense linear ODE", "wins"] == 6
    assert table.loc["dense linear ODE", "median"] < 0.5 < table.loc["parabola, anchored", "median"]


def test_where_there_is_nothing_to_learn_persistence_is_not_beaten_beyond_chance():
    rng = np.random.default_rng(3)
    rows = [
        pd.DataFrame(
            {"family": f"f{k}", "params_b": [1.0, 3.0, 10.0], **{b: 40 + rng.normal(0, 2, 3) for b in PAIR}}
        )
        for k in range(60)
    ]
    errors = forecasting.family_errors(
        forecasting.hold_out(pd.concat(rows), methods=["persistence", "line, anchored"], benchmarks=PAIR)
    )
    wins = int((errors["line, anchored"] < errors["persistence"]).sum())
    assert 15 <= wins <= 45  # 60 fair coins: 30 with a standard deviation of 3.9


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"method": "oracle"}, "method='oracle'; allowed are persistence, line, anchored"),
        ({"target_params_b": 5.0}, "must be above the largest size given, 13"),
        ({"level": 1.5}, "level=1.5; it must lie between 0 and 1"),
    ],
)
def test_a_bad_question_about_the_next_size_is_named(opened, change, message):
    seen = opened.query("family == 'Llama-2' and params_b < 50")
    with pytest.raises(ValueError, match=message):
        forecasting.predict_next(seen, **({"target_params_b": 70.0} | change))


def test_bad_leagues_are_named(opened):
    with pytest.raises(ValueError, match="train='all', start='smallest'; allowed are"):
        forecasting.hold_out(opened, train="all")
    with pytest.raises(ValueError, match="no family 'Pythia' to fit; use train='all others'"):
        forecasting.hold_out(opened.query("family != 'Pythia'"), train="Pythia only")
    with pytest.raises(ValueError, match="no family has 9 sizes"):
        forecasting.ladders(opened, min_models=9)
    with pytest.raises(ValueError, match="a polynomial of degree 2 needs 3 sizes; there are 2"):
        forecasting.fit_trend(opened.query("params_b in [7.0, 13.0]"), 2, anchored=False)
    with pytest.raises(ValueError, match="rows of one family with all five benchmarks are needed"):
        forecasting.predict_next(opened, 500)


def test_the_next_size_carries_the_errors_of_families_held_out(opened):
    seen = opened.query("family == 'Llama-2' and params_b < 50")
    found = forecasting.predict_next(seen, 70.0, method="persistence", level=0.9)
    assert found.table["predicted"].tolist() == seen.iloc[-1][list(data.BENCHMARKS)].tolist()
    # By hand: what the next size added in every other family.
    change = opened.groupby("family")[HS].diff()[opened["family"] != "Llama-2"].dropna()
    ends = np.percentile(change, [5, 95]) + seen.iloc[-1][HS]
    assert found.table.loc[HS, ["low", "high"]].tolist() == pytest.approx(ends.tolist())
    assert (found.families, found.note, found.diverged) == (19, "", False)
    far = forecasting.predict_next(seen, 10_000.0)
    assert "longer than any held out" in far.note


def test_ranges_hold_about_the_share_that_they_promise():
    for method in ("persistence", "line, anchored", "parabola, anchored"):
        found = forecasting.coverage(method, level=0.9)
        assert found.low <= 0.9 <= found.high
    assert forecasting.coverage("persistence", level=0.5).estimate < 0.7


# ---------------------------------------------------------------- a law that is there


def test_a_planted_law_is_found_from_many_clean_families_and_not_from_one():
    rates = recovery.recovery_rates((8, 200), noise=(0.0, 1.0), ridges=(0.0,), seeds=3)
    exact = rates.set_index(["sizes", "families", "noise"])["exact"]
    assert exact.loc[200, 20, 0.0] == 1.0
    assert exact.loc[8, 1, 1.0] == 0.0
    assert exact.loc[200, 20, 1.0] < 0.2
    assert set(rates["n"]) == {15}


def test_the_true_law_is_the_one_written_down():
    truth = recovery.true_dynamics()
    # At 50% on every score: HS 0.9 x 0.5 - 0.25 = 0.2, that is 20 points per tenfold size.
    assert truth.rate(np.full(5, 50.0)) == pytest.approx([20.0, -2.5, 2.5, 12.5, 7.5])
    (x, scores), *_ = recovery.true_families(400, 1, 0)
    slope = np.gradient(scores, x, axis=0, edge_order=2)
    assert slope == pytest.approx(truth.rate(scores), abs=0.01)
    fewer = ode.fit_arrays([(x, scores)], degree=1)
    with pytest.raises(ValueError, match="two fits on one library are needed"):
        recovery.support_found(fewer, truth)


def test_item_noise_has_the_size_of_the_items():
    flat = [(np.zeros(20_000), np.full((20_000, 5), 50.0))]
    spread = recovery.add_score_noise(flat, 0)[0][1].std(axis=0)
    assert spread[1] == pytest.approx(100 * np.sqrt(0.25 / 817), rel=0.02)
    assert recovery.add_score_noise(flat, 0, share=0.0)[0][1].std() == 0


# ---------------------------------------------------------------- the claims


def test_in_sample_is_what_a_plain_loop_gives():
    sizes, scores = readings.arrays("panel rows")
    x = np.log10(sizes)
    design = np.column_stack([np.ones(8), scores])
    beta = np.linalg.lstsq(design, np.gradient(scores, x, axis=0, edge_order=2), rcond=None)[0]
    errors = []
    for i in range(7):
        # One exact step of a linear law with a constant, by the exponential of the enlarged matrix.
        whole = np.zeros((6, 6))
        whole[1:] = beta.T
        guess = (expm(whole * (x[i + 1] - x[i])) @ [1.0, *scores[i]])[1:]
        errors.append(np.abs(guess - scores[i + 1]) / scores[i + 1])
    row, remark = readings.nearest_row("ode_insample")
    # The reading that keeps the paper's threshold drops one term and hardly moves.
    assert row["fit"] == "degree 1, percent, with constant"
    assert row["error"] == pytest.approx(100 * np.mean(errors), abs=2e-3)
    dense = "panel rows, dense linear, with constant, from each size to the next, in percent of the score"
    assert readings.reading_errors("ode_insample")[dense] == pytest.approx(100 * np.mean(errors), abs=1e-3)
    assert remark.startswith("Of 56 readings in percent of the score")


def test_the_curve_that_gives_the_number_quoted():
    rows = data.bootstrap_rows()
    train, goal = rows.query("family != 'Llama-2'"), rows.query("family == 'Llama-2'")
    curve = np.polyfit(np.log10(train["params_b"]), train[TQA], 2)
    miss = np.abs(np.polyval(curve, np.log10(goal["params_b"])) - goal[TQA])
    first = readings.source_table().iloc[0]
    assert first["percent"] == pytest.approx((100 * miss / goal[TQA]).mean())
    assert first["percent"] == pytest.approx(5.6, abs=0.1)
    assert first["points"] == pytest.approx(miss.mean())
    assert first["n"] == 11


def test_surrogates_keep_start_end_and_steps():
    _, scores = readings.arrays("panel rows")
    fake = readings.surrogates(scores, 50)
    assert np.allclose(fake[:, 0], scores[0])
    assert np.allclose(fake[:, -1], scores[-1])
    assert np.allclose(np.sort(np.diff(fake, axis=1), axis=1), np.sort(np.diff(scores, axis=0), axis=0))
    assert not np.allclose(fake[0], fake[1])
    # Each benchmark is shuffled on its own.
    order = [np.argsort(np.diff(fake[0], axis=0)[:, j]).tolist() for j in (0, 1)]
    assert order[0] != order[1]


def test_verdicts_and_nulls_of_the_chapter():
    items = {item.claim.id: item for item in assessment.assess("07_ode")}
    assert {k: v.verdict for k, v in items.items()} == {
        "ode_insample": "not distinguishable",
        "ode_llama2": "differs",
        "ode_polynomial_baseline": "reproduced",
        "ode_terms": "not distinguishable",
        "ode_coupling_jump": "differs",
    }
    assert len(items["ode_insample"].readings) == 54
    assert min(items["ode_insample"].readings.values()) < 2 < max(items["ode_insample"].readings.values())
    assert "Of 84 readings in percent of the score 17 diverge" in items["ode_llama2"].reason
    assert items["ode_llama2"].paper_panel.value == pytest.approx(9.51, abs=0.01)
    assert "3 models, that is 2 steps" in items["ode_coupling_jump"].reason


def test_jump_without_a_jump_is_centred_near_one_where_noise_is_small():
    # The same two fits on one exact law give the same coefficient twice.
    sizes, _ = readings.arrays("panel rows")
    law = model(np.eye(2), [[0.2, 0.1], [-0.15, 0.05]])
    x = np.logspace(np.log10(0.07), np.log10(12), 400)
    path = ode.integrate(law, [30.0, 47.0], x[0], x).score_pct
    scores = np.zeros((len(x), 5))
    scores[:, :2] = path
    tax, bonus = ch07.phase_coefficients(
        (x, scores), PAIR, {"threshold": 0.0, "ridge": 0.0, "constant": False}
    )
    assert (tax, bonus) == pytest.approx((-0.15, -0.15), abs=0.01)
    assert [int(inside(sizes).sum()) for inside in ch07.PHASES.values()] == [4, 3]


def test_unknown_claims_have_no_readings():
    with pytest.raises(ValueError, match="claim='ode_terms'; allowed are ode_insample, ode_llama2"):
        readings.readings("ode_terms")


def test_the_explorer_has_every_setting_once_and_no_error_where_it_diverges():
    paths, measured, settings_ = readings.explorer_grid()
    keys = ["train", "degree", "threshold", "target"]
    assert len(settings_) == np.prod([len(readings.EXPLORER[k]) for k in keys])
    assert not settings_[keys].duplicated().any()
    assert (settings_["error"].isna() == settings_["diverged"]).all()
    assert not paths.isna().to_numpy().any()
    # Every path starts at what was measured.
    first = paths.sort_values("params_b").groupby(keys, as_index=False).first()
    start = measured.sort_values("params_b").groupby(["train", "target"], as_index=False).first()
    both = first.merge(start, on=["train", "target"], suffixes=("", "_seen"))
    assert both[HS].tolist() == pytest.approx(both[f"{HS}_seen"].tolist())
