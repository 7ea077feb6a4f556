"""Dimensions, random splits and axes that turn: hand values, scikit-learn, planted truths and calibrated nulls."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.decomposition import PCA
from sklearn.preprocessing import StandardScaler

from cape_utils import data
from cape_utils.chapters.ch08_eigenstructure import group_spectra, rolling_spectrum
from cape_utils.chapters.ch08_eigenstructure import recompute as ch08
from cape_utils.data import benchmarks, loading
from cape_utils.scaling import coupling, spectrum

BENCHMARKS = list(data.BENCHMARKS)
SIZES = np.array([0.07, 0.16, 0.41, 1.0, 1.4, 2.8, 6.9, 12.0])


def table(values, family="F") -> pd.DataFrame:
    values = np.asarray(values, dtype=float)
    frame = pd.DataFrame(values, columns=BENCHMARKS[: values.shape[1]])
    names = family if isinstance(family, list) else [family] * len(frame)
    return frame.assign(
        model=[f"m{i}" for i in range(len(frame))], family=names, params_b=range(1, len(frame) + 1)
    )


def scores(seed: int, n: int = 12, p: int = 5) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return 50 + rng.normal(size=(n, p)) @ rng.normal(size=(p, p)) * 3


# ---------------------------------------------------------------- participation ratio and components


@pytest.mark.parametrize(
    ("eigenvalues", "ratio"),
    [([1, 1, 1, 1, 1], 5), ([7, 0, 0, 0, 0], 1), ([3, 1], 1.6), ([90, 6, 2, 1, 1], 10_000 / 8_142)],
)
def test_participation_ratio_by_hand(eigenvalues, ratio):
    assert spectrum.participation_ratio(eigenvalues) == pytest.approx(ratio)


@pytest.mark.parametrize("bad", [[0.0, 0.0], [-1.0, 2.0], [np.nan, 1.0], [[1.0]]])
def test_what_is_no_spectrum_is_refused(bad):
    with pytest.raises(ValueError, match="eigenvalues"):
        spectrum.participation_ratio(bad)


def test_two_by_two_by_hand():
    # Variances 4 and 1, covariance 0: the axes are the benchmarks themselves.
    found = spectrum.pca(table([[2, 1], [-2, 1], [2, -1], [-2, -1]]), BENCHMARKS[:2])
    assert found.eigenvalues == pytest.approx((16 / 3, 4 / 3))
    assert np.abs(found.loadings.to_numpy()).round(9).tolist() == [[1, 0], [0, 1]]
    assert found.participation_ratio == pytest.approx(25 / 17)
    assert found.n == 4


@pytest.mark.parametrize("matrix", ["covariance", "correlation"])
@pytest.mark.parametrize("which", ["paper", "open"])
def test_components_are_those_of_scikit_learn(which, matrix):
    rows = data.panel(which).dropna(subset=BENCHMARKS)
    ours = spectrum.pca(rows, matrix=matrix)
    values = rows[BENCHMARKS].to_numpy()
    factor = 1.0
    if matrix == "correlation":
        values = StandardScaler().fit_transform(values)
        factor = (len(rows) - 1) / len(rows)  # scikit-learn scales by n and divides by n - 1
    theirs = PCA().fit(values)
    assert ours.eigenvalues == pytest.approx(theirs.explained_variance_ * factor)
    assert np.abs(ours.loadings.to_numpy().T) == pytest.approx(np.abs(theirs.components_), abs=1e-8)
    ratio = theirs.explained_variance_
    assert ours.participation_ratio == pytest.approx(ratio.sum() ** 2 / (ratio**2).sum())
    assert spectrum.dimension(rows, matrix=matrix, draws=10).estimate == pytest.approx(
        ours.participation_ratio
    )


def test_the_ratio_of_a_correlation_is_the_mean_squared_r():
    rows = data.panel("paper").dropna(subset=BENCHMARKS)
    r = rows[BENCHMARKS].corr().to_numpy()[np.triu_indices(5, 1)]
    expected = 5 / (1 + 4 * np.mean(r**2))
    assert spectrum.pca(rows, matrix="correlation").participation_ratio == pytest.approx(expected)


def test_the_sign_convention_is_kept():
    rows = data.panel("paper")
    for name in BENCHMARKS:
        assert (spectrum.pca(rows, positive=name).loadings.loc[name] >= 0).all()
    free = spectrum.pca(rows).loadings
    assert (free.max() >= -free.min()).all()


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.01, 100), st.floats(-50, 50))
def test_units_order_and_names_do_not_matter(seed, unit, shift):
    rows = table(scores(seed), [f"F{i % 4}" for i in range(12)])
    generator = np.random.default_rng(seed)
    scaled = rows.assign(**{name: rows[name] * unit + shift for name in BENCHMARKS})
    mixed = scaled.sample(frac=1, random_state=generator)
    renamed = mixed.assign(family="G" + mixed["family"], model="x" + mixed["model"])
    turned = list(generator.permutation(BENCHMARKS))
    for matrix in ("covariance", "correlation"):
        before = spectrum.pca(rows, matrix=matrix)
        after = spectrum.pca(renamed, turned, matrix=matrix)
        assert after.participation_ratio == pytest.approx(before.participation_ratio)
        assert 1 - 1e-9 <= before.participation_ratio <= 5 + 1e-9
    each = rows.assign(mmlu=rows["mmlu"] * unit)  # one benchmark alone in another unit
    assert spectrum.pca(each, matrix="correlation").participation_ratio == pytest.approx(
        before.participation_ratio
    )


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.integers(3, 5))
def test_few_models_span_one_dimension_less_than_their_number(seed, n):
    found = spectrum.pca(table(scores(seed, n)))
    assert found.participation_ratio <= n - 1 + 1e-9
    assert max(found.eigenvalues[n - 1 :]) < 1e-9 * found.eigenvalues[0]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: spectrum.pca(table(scores(0)[:2])),
            "at least 3 models with all scores are needed; there are 2",
        ),
        (lambda: spectrum.pca(table(scores(0)), matrix="cov"), "matrix='cov'; allowed are 'covariance'"),
        (lambda: spectrum.pca(table(scores(0)), positive="gsm8k"), "positive='gsm8k'; allowed are hellaswag"),
        (lambda: spectrum.pca(table(scores(0)), ["gsm8k"]), "a column 'gsm8k' is needed; the columns are"),
        (
            lambda: spectrum.pca(table(scores(0)).assign(mmlu=25.0), matrix="correlation"),
            "the same for all models and has no correlation; leave it out",
        ),
        (
            lambda: spectrum.small_sample(np.ones((2, 3)), [3]),
            r"a symmetric matrix is needed; its shape is \(2, 3\)",
        ),
        (lambda: spectrum.small_sample(np.eye(2), [1]), "at least 2 models are needed, got 1"),
        (lambda: group_spectra.model_phases(table(scores(0)), give="middle"), "give='middle'; allowed are"),
        (
            lambda: group_spectra.split_null(table(scores(0)), pd.Series(["a"])),
            "one label for each row is needed; 1 came",
        ),
        (
            lambda: group_spectra.split_null(table(scores(0)), pd.Series(["a", "a", *[None] * 10])),
            "at least 3 models with all scores are needed; there are 2",
        ),
        (
            lambda: group_spectra.difference_null(table(scores(0)), pd.Series(["a"] * 12), "a", "b"),
            "group 'b' has 0 models with all scores; 3 are needed",
        ),
        (lambda: group_spectra.size_bands(pd.Series([0.0])), "sizes must be positive"),
        (
            lambda: rolling_spectrum.windows(8, kind="both"),
            "kind='both'; allowed are 'expanding' and 'sliding'",
        ),
        (
            lambda: rolling_spectrum.windows(8, length=2),
            "length=2; allowed is from 3 to the number of models, 8",
        ),
        (
            lambda: rolling_spectrum.second_exponent(scores(0, 8), SIZES, length=7),
            "at least 3 windows are needed",
        ),
        (
            lambda: rolling_spectrum.second_exponent(scores(0, 8), SIZES, against="n"),
            "against='n'; allowed are",
        ),
        (
            lambda: rolling_spectrum.loading_change(scores(0, 8), (0, 2), (4, 8)),
            "at least 3 models is needed",
        ),
        (
            lambda: rolling_spectrum.family_table(table(scores(0), ["F", "G"] * 6)),
            "one family is needed; F, G came",
        ),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


# ---------------------------------------------------------------- intervals and few models


def test_the_bootstrap_takes_families_whole():
    # Four copies of one family: whichever are drawn, the scores are the same, so nothing varies.
    one = scores(3, 6)
    copies = pd.concat([table(one, name) for name in "abcd"], ignore_index=True)
    found = spectrum.dimension(copies, draws=200)
    assert found.low == pytest.approx(found.estimate)
    assert found.high == pytest.approx(found.estimate)
    assert (found.n, found.discarded) == (24, 0)


def test_draws_that_do_not_vary_are_discarded_and_counted():
    lone = table(
        scores(1, 3), ["a", "b", "c"]
    )  # one model a family; 3 of 27 draws take one family three times
    found = spectrum.dimension(lone, draws=3000)
    assert found.discarded / found.draws == pytest.approx(1 / 9, abs=0.02)
    assert np.isfinite([found.low, found.high]).all()


def test_one_family_has_no_interval():
    assert np.isnan(spectrum.dimension(table(scores(1, 6)), draws=10).low)


def test_few_models_look_simpler_and_many_give_the_population():
    cov = np.diag([4.0, 4.0, 4.0, 0.0001, 0.0001])
    found = spectrum.small_sample(cov, [2, 3, 6, 400], draws=400).set_index("n")
    assert found["population"].iloc[0] == pytest.approx(3, abs=1e-3)
    assert found.loc[2, "mean"] == pytest.approx(1)
    assert found["mean"].is_monotonic_increasing
    assert found.loc[400, "mean"] == pytest.approx(3, rel=0.02)
    assert found["most"].tolist() == [1, 2, 5, 5]
    assert (found["high"] <= found["most"] + 1e-9).all()


def test_the_expectation_for_three_is_that_of_direct_simulation():
    cov = np.cov(scores(5, 30).T)
    draw = np.random.default_rng(1).multivariate_normal(np.zeros(5), cov, size=(1500, 3))
    direct = np.mean([spectrum.participation_ratio(PCA().fit(one).explained_variance_) for one in draw])
    assert spectrum.small_sample(cov, [3], draws=1500)["mean"].iloc[0] == pytest.approx(direct, abs=0.03)


# ---------------------------------------------------------------- phases and random splits


def test_models_get_their_phases_and_the_counts_agree():
    rows = data.panel("paper")
    given = group_spectra.model_phases(rows).value_counts().to_dict()
    assert given == coupling.phase_counts(coupling.local_coupling(rows), count="models")
    toy = pd.DataFrame(
        {
            "model": ["a", "b", "c", "d"],
            "family": ["F", "F", "F", "G"],
            "params_b": [1, 2, 3, 1],
            "hellaswag": [40.0, 50.0, 60.0, 50.0],
            "truthfulqa_mc2": [40.0, 35.0, 45.0, 40.0],
        }
    )
    expected = {
        "start_else_end": ["tax", "bonus", "bonus", None],
        "start": ["tax", "bonus", None, None],
        "end": [None, "tax", "bonus", None],
    }
    for give, phases in expected.items():
        assert group_spectra.model_phases(toy, give=give).tolist() == phases


def test_size_bands_meet_without_overlap():
    edges = pd.Series([0.01, 0.999, 1.0, 3.499, 3.5, 10.0, 30.0, 500.0])
    bands = list(group_spectra.SIZE_BANDS)
    assert group_spectra.size_bands(edges).tolist() == [bands[i] for i in (0, 0, 1, 1, 2, 3, 4, 4)]


def test_a_group_is_measured_as_if_it_stood_alone():
    rows = data.panel("paper")
    label = group_spectra.model_phases(rows)
    found = group_spectra.group_dimensions(rows, label, draws=50).set_index("group")
    assert list(found.index) == ["tax", "transition", "bonus"]
    for group, row in found.iterrows():
        alone = spectrum.pca(rows[label == group])
        assert (row["ratio"], row["n"]) == (pytest.approx(alone.participation_ratio), alone.n)
    shuffled = rows.sample(frac=1, random_state=2)
    again = group_spectra.group_dimensions(shuffled, label[shuffled.index], draws=50).set_index("group")
    assert again["ratio"].to_dict() == pytest.approx(found["ratio"].to_dict())


def test_all_models_in_one_group_leave_the_null_nothing_to_vary():
    rows = table(scores(0))
    null = group_spectra.split_null(rows, pd.Series(["all"] * 12), draws=50)["all"]
    assert null.low == pytest.approx(null.observed)
    assert null.high == pytest.approx(null.observed)


def test_a_planted_difference_of_dimensions_is_found():
    rng = np.random.default_rng(0)
    line = rng.normal(size=(30, 1)) @ np.ones((1, 5)) * 5 + rng.normal(size=(30, 5)) * 0.3
    ball = rng.normal(size=(30, 5)) * 5
    label = pd.Series(["ball"] * 30 + ["line"] * 30)
    null, draws = group_spectra.difference_null(
        table(np.vstack([ball, line])), label, "ball", "line", draws=500
    )
    assert null.observed > 2
    assert null.p < 0.01
    assert draws.shape == (500,)
    back, _ = group_spectra.difference_null(table(np.vstack([ball, line])), label, "line", "ball", draws=50)
    assert back.observed == pytest.approx(-null.observed)


def test_a_random_label_is_called_a_difference_at_the_stated_rate():
    rng = np.random.default_rng(4)
    hits = []
    for seed in range(200):
        rows = table(scores(seed, 30))
        label = pd.Series(rng.permutation(["a"] * 12 + ["b"] * 18))
        hits.append(group_spectra.difference_null(rows, label, "a", "b", draws=99, rng=seed)[0].p <= 0.1)
    assert 0.04 <= np.mean(hits) <= 0.17


# ---------------------------------------------------------------- windows over sizes


def test_windows_by_hand():
    assert rolling_spectrum.windows(5) == [(0, 3), (0, 4), (0, 5)]
    assert rolling_spectrum.windows(5, kind="sliding", length=3) == [(0, 3), (1, 4), (2, 5)]


def test_eigenvalues_of_windows_are_those_of_numpy():
    values = scores(2, 8)
    found = rolling_spectrum.second_eigenvalues(values, [(0, 4), (3, 8)])
    expected = [np.linalg.eigvalsh(np.corrcoef(values[a:b].T))[-2] for a, b in ((0, 4), (3, 8))]
    assert found == pytest.approx(np.array(expected))


@pytest.mark.parametrize(
    ("against", "pick"), [("largest", lambda s: s[-1]), ("middle", lambda s: np.exp(np.log(s).mean()))]
)
@pytest.mark.parametrize(("kind", "length"), [("expanding", 3), ("sliding", 4)])
def test_the_exponent_is_a_slope_of_logarithms(kind, length, against, pick):
    values = scores(7, 8)
    over = rolling_spectrum.windows(8, kind=kind, length=length)
    x = [np.log(pick(SIZES[a:b])) for a, b in over]
    y = [np.log(np.linalg.eigvalsh(np.corrcoef(values[a:b].T))[-2]) for a, b in over]
    found = rolling_spectrum.second_exponent(values, SIZES, kind=kind, length=length, against=against)
    assert float(found) == pytest.approx(np.polyfit(x, y, 1)[0])


def test_a_planted_exponent_is_found():
    # Five scores follow one line; a second direction shrinks with size as N^-0.5, so its variance falls as N^-1.
    sizes = np.geomspace(0.01, 100, 400)
    rng = np.random.default_rng(0)
    common, other = rng.normal(size=(400, 1)), rng.normal(size=(400, 1))
    values = (
        50 + common * np.ones((1, 5)) * 10 + other * np.array([[1, -1, 0, 0, 0]]) * sizes[:, None] ** -0.5
    )
    found = rolling_spectrum.second_exponent(
        values, sizes, kind="sliding", length=60, matrix="covariance", against="middle"
    )
    assert float(found) == pytest.approx(-1, abs=0.1)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.1, 10), st.floats(0.1, 10))
def test_an_exponent_knows_no_units(seed, unit, billions):
    values = scores(seed, 8)
    before = float(rolling_spectrum.second_exponent(values, SIZES))
    after = float(rolling_spectrum.second_exponent(values * unit + 3, SIZES * billions))
    assert after == pytest.approx(before, rel=1e-5, abs=1e-7)


def test_a_stack_gives_what_its_tables_give():
    stack = np.stack([scores(seed, 8) for seed in range(5)])
    together = rolling_spectrum.second_exponent(stack, SIZES)
    assert together == pytest.approx(
        np.array([float(rolling_spectrum.second_exponent(one, SIZES)) for one in stack])
    )
    first, last = rolling_spectrum.loading_change(stack, (0, 4), (4, 8))
    alone = [rolling_spectrum.loading_change(one, (0, 4), (4, 8)) for one in stack]
    assert first == pytest.approx(np.array([float(a) for a, _ in alone]))
    assert last == pytest.approx(np.array([float(b) for _, b in alone]))


def test_a_loading_is_that_of_the_component():
    rows = loading.pythia("panel rows")
    values, sizes = rolling_spectrum.family_table(rows)
    assert sizes.tolist() == sorted(rows["params_b"])
    first, last = rolling_spectrum.loading_change(values, (0, 4), (0, 8), positive="mmlu")
    ordered = rows.sort_values("params_b")
    for found, part in ((first, ordered.head(4)), (last, ordered)):
        whole = spectrum.pca(part, matrix="correlation", positive="mmlu").loadings
        assert float(found) == pytest.approx(whole.loc["truthfulqa_mc2", 2])


def test_another_convention_changes_signs_and_nothing_else():
    values = scores(11, 8)
    sizes = {
        name: [
            abs(float(end)) for end in rolling_spectrum.loading_change(values, (0, 4), (4, 8), positive=name)
        ]
        for name in BENCHMARKS
    }
    assert all(found == pytest.approx(sizes["mmlu"]) for found in sizes.values())


def test_a_planted_turn_is_found_and_a_still_axis_is_not():
    rng = np.random.default_rng(3)
    common = rng.normal(size=(60, 1)) * np.ones((1, 5)) * 10
    second = rng.normal(size=(60, 1)) * 3
    still = np.array([[0.0, 0.6, 0.0, -0.2, 0.8]])
    turned = still * np.array([[1, -1, 1, 1, 1]])
    axis = np.vstack([np.repeat(still, 30, axis=0), np.repeat(turned, 30, axis=0)])
    options = {"matrix": "covariance", "positive": "mmlu"}
    first, last = rolling_spectrum.loading_change(50 + common + second * axis, (0, 30), (30, 60), **options)
    assert float(first) > 0.3
    assert float(last) < -0.3
    first, last = rolling_spectrum.loading_change(50 + common + second * still, (0, 30), (30, 60), **options)
    assert float(last - first) == pytest.approx(0, abs=0.05)


def test_the_trend_null_keeps_lines_and_deals_out_residuals():
    values = scores(5, 8)
    stack = rolling_spectrum.trend_stack(values, SIZES, draws=50)
    line = np.polynomial.polynomial.polyfit(np.log10(SIZES), values, 1)
    fitted = np.polynomial.polynomial.polyval(np.log10(SIZES), line).T
    left = np.sort(values - fitted, axis=0)
    assert np.sort(stack - fitted, axis=1) == pytest.approx(np.broadcast_to(left, stack.shape))
    # Residuals of one model stay together, so their correlation is that of the data in every draw.
    residuals = stack - fitted
    assert np.corrcoef(residuals[7].T) == pytest.approx(np.corrcoef((values - fitted).T))


def test_families_in_which_nothing_turns_lie_in_the_null_at_the_stated_rate():
    inside = []
    for seed in range(100):
        rng = np.random.default_rng(seed)
        still = np.log10(SIZES)[:, None] * [12.0, -4.0, 6.0, 5.0, 0.3] + rng.normal(size=(8, 5))
        drawn = rolling_spectrum.second_exponent(
            rolling_spectrum.trend_stack(still, SIZES, draws=200, rng=seed), SIZES
        )
        low, high = np.percentile(drawn, [2.5, 97.5])
        inside.append(low <= float(rolling_spectrum.second_exponent(still, SIZES)) <= high)
    assert np.mean(inside) >= 0.88


def test_item_noise_has_the_size_that_the_items_imply():
    values = np.full((8, 5), 40.0)
    drawn = rolling_spectrum.noise_stack(values, draws=4000)
    expected = [100 * np.sqrt(0.24 / benchmarks.benchmark_items(name)) for name in BENCHMARKS]
    assert drawn.std(axis=(0, 1)) == pytest.approx(np.array(expected), rel=0.03)


def test_rotation_lists_every_window_benchmark_and_component():
    found = rolling_spectrum.rotation(loading.pythia("panel rows"), length=4, positive="mmlu")
    assert len(found) == 5 * 5 * 2
    lengths = found.groupby(["last_b", "component"])["loading"].apply(lambda v: (v**2).sum())
    assert lengths.to_numpy() == pytest.approx(np.ones(10))
    assert (found.query("benchmark == 'mmlu'")["loading"] >= 0).all()


@pytest.mark.parametrize("seed", [0, 1])
def test_the_same_seed_gives_the_same_draws(seed):
    rows = data.panel("paper")
    assert spectrum.dimension(rows, draws=50, rng=seed) == spectrum.dimension(rows, draws=50, rng=seed)
    assert group_spectra.split_null(
        rows, group_spectra.model_phases(rows), draws=20, rng=seed
    ) == group_spectra.split_null(
        rows, group_spectra.model_phases(rows), draws=20, rng=np.random.default_rng(seed)
    )


# ---------------------------------------------------------------- the claims of the chapter


def test_readings_cover_their_choices_once_each():
    assert len({str(one) for one in ch08.exponent_readings()}) == len(ch08.exponent_readings()) == 24
    assert len({str(one) for one in ch08.flip_readings()}) == len(ch08.flip_readings()) == 20
    assert len(ch08.phase_readings()) == 8
    assert ch08.quoted_loadings() == (0.20, -0.39)
    assert ch08.quoted("eigenvector_flip") == pytest.approx(np.subtract(*ch08.quoted_loadings()[::-1]))


def test_ties_for_third_place_give_a_reading_each():
    threes = ch08.largest_three(data.panel("paper"))
    assert all(len(three) == 3 for three in threes.values())
    assert all({"BLOOM-176B", "Qwen2.5-72B"} <= set(three["model"]) for three in threes.values())
    assert {three["params_b"].min() for three in threes.values()} == {70.0}
    assert len(threes) == 3


def test_a_flip_is_a_matter_of_convention():
    found = ch08.conventions()
    assert min(found.values()) < -0.2
    assert max(found.values()) > 0.2
