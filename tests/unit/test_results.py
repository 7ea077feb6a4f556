"""Numbers read off draws: intervals, histograms and nulls."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cape_utils.data.schema import DataError, read_user_table, require_columns
from cape_utils.stats.resampling import (
    cluster_bootstrap_mean,
    family_bootstrap,
    family_counts,
    histogram,
    interval,
    null_from_draws,
)
from cape_utils.stats.results import Estimate

NAN = float("nan")


def test_an_interval_is_that_of_numpys_percentiles():
    draws = np.random.default_rng(0).normal(size=5_000)
    assert interval(draws) == pytest.approx(tuple(np.percentile(draws, [2.5, 97.5])))
    assert interval(draws, level=0.9) == pytest.approx(tuple(np.percentile(draws, [5, 95])))


def test_draws_without_a_value_do_not_count():
    assert (
        interval([1.0, NAN, 2.0, np.inf, 3.0], level=0.5)
        == interval([1.0, 2.0, 3.0], level=0.5)
        == (1.5, 2.5)
    )
    assert np.isnan(interval([NAN, np.inf])).all()
    assert np.isnan(interval([])).all()


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=30), st.floats(0.05, 0.99))
def test_an_interval_lies_within_the_draws_and_grows_with_its_level(draws, level):
    low, high = interval(draws, level)
    assert min(draws) <= low <= high <= max(draws)
    wide_low, wide_high = interval(draws, (1 + level) / 2)
    assert wide_low <= low + 1e-9 * abs(low)
    assert wide_high >= high - 1e-9 * abs(high)


def test_a_histogram_shares_out_all_finite_draws():
    draws = np.random.default_rng(1).normal(size=1_000)
    table = histogram(np.append(draws, [NAN, np.inf]), bins=25)
    assert len(table) == 25
    assert table["share"].sum() == pytest.approx(1)
    assert np.allclose(table["high"] - table["low"], table["high"].iloc[0] - table["low"].iloc[0])
    assert (table["low"].iloc[0], table["high"].iloc[-1]) == pytest.approx((draws.min(), draws.max()))


def test_draws_outside_the_range_of_a_histogram_still_count_in_the_total():
    table = histogram([0.1, 0.2, 0.3, 9.0], bins=2, low=0, high=1)
    assert table["share"].tolist() == [0.75, 0.0]


def test_a_histogram_of_nothing_is_refused():
    with pytest.raises(ValueError, match="no finite draw"):
        histogram([NAN])


def test_a_null_counts_both_sides_and_the_data():
    draws = np.array([-3.0, -1.0, 0.0, 1.0, 2.0, 3.0, 0.5, -0.5, 0.1])
    null = null_from_draws(2.0, draws, n=5, method="by hand")
    assert null.p == (3 + 1) / (9 + 1)  # -3, 2 and 3, and the data themselves
    assert null.smallest_p == 1 / 10
    assert (null.observed, null.value, null.n, null.draws, null.exact) == (2.0, 0.1, 5, 9, False)
    assert (null.low, null.high) == interval(draws)


def test_an_exact_null_does_not_count_the_data_twice():
    null = null_from_draws(-3.0, np.array([-3.0, 1.0, 0.0, 3.0]), n=3, method="by hand", exact=True)
    assert null.p == 2 / 4
    assert null.smallest_p == 1 / 4


def test_no_sampled_p_is_zero():
    null = null_from_draws(100.0, np.zeros(999), n=5, method="by hand")
    assert null.p == null.smallest_p == 1 / 1000


def test_a_seed_gives_the_same_draws_and_a_generator_is_used_as_it_is():
    assert np.random.default_rng(3).random() == np.random.default_rng(3).random()
    generator = np.random.default_rng(3)
    assert np.random.default_rng(generator) is generator
    assert np.random.default_rng(3).random() != np.random.default_rng(4).random()


def test_an_estimate_cannot_be_changed_and_prints_its_interval():
    estimate = Estimate(-0.5, -0.9, 0.1, 8, "by hand")
    with pytest.raises(dataclasses.FrozenInstanceError):
        estimate.estimate = 0.0
    assert str(estimate) == "-0.5 [-0.9, 0.1], n = 8 (by hand)"
    assert (estimate.level, estimate.draws, estimate.discarded) == (0.95, 0, 0)


@pytest.mark.parametrize(
    ("options", "hits"),
    [
        ({}, 2),  # -3 and 2.5 lie as far from 0 as 2.5 does
        ({"alternative": "greater"}, 1),
        ({"alternative": "less"}, 4),
        ({"centre": 1.0}, 3),  # -3, -1 and 2.5 lie at least 1.5 from 1
    ],
)
def test_which_draws_are_as_extreme_as_the_data(options, hits):
    draws = np.array([-3.0, -1.0, 1.0, 2.5])
    assert null_from_draws(2.5, draws, 9, "by hand", **options).p == (hits + 1) / 5
    assert null_from_draws(2.5, draws, 9, "by hand", exact=True, **options).p == hits / 4


def test_a_bootstrap_over_families_takes_each_family_whole():
    families, y = ["a", "a", "b", "c", "c", "c"], np.array([1.0, 2.0, 9.0, 4.0, 5.0, 6.0])

    def mean(weights):
        return weights @ y / weights.sum(axis=1)

    got = family_bootstrap(families, mean, float(y.mean()), draws=300, rng=1, method="mean, ")
    counts = family_counts(3, 300, 1)
    blocks = (y[:2], y[2:3], y[3:])
    means = [
        np.concatenate([np.tile(block, int(n)) for block, n in zip(blocks, row, strict=True)]).mean()
        for row in counts
    ]
    assert (got.low, got.high) == pytest.approx(interval(means))
    assert (got.n, got.method, got.discarded) == (6, "mean, bootstrap over 3 families", 0)
    same = cluster_bootstrap_mean(y, families, "{clusters} clusters", draws=300, rng=1)
    assert (same.low, same.high, same.estimate) == pytest.approx((got.low, got.high, y.mean()))
    undefined = family_bootstrap(families, lambda w: np.where(w[:, 2] > 0, 1.0, NAN), 1.0, draws=300, rng=1)
    assert undefined.discarded == int((counts[:, 1] == 0).sum()) > 0


def test_a_missing_column_is_named_with_those_there_are_or_the_remedy():
    table = pd.DataFrame({"a": [1], "b": [2]})
    require_columns(table, ["b", "a"])
    with pytest.raises(ValueError, match="a column 'c' is needed; the columns are a, b"):
        require_columns(table, ["a", "c"])
    with pytest.raises(ValueError, match="a column 'c' is needed; add it"):
        require_columns(table, ["c"], "add it")


def test_a_users_table_is_read_from_a_file_or_from_memory(tmp_path):
    schema = {"fields": [{"name": "a", "type": "number", "description": "a number"}]}
    frame = pd.DataFrame({"a": [1.5, 2.0]})
    frame.to_csv(tmp_path / "t.csv", index=False)
    for source, name in ((frame, "the table"), (tmp_path / "t.csv", "t.csv")):
        table, called = read_user_table(source, schema, "numbers")
        assert (table["a"].tolist(), called) == ([1.5, 2.0], name)
    with pytest.raises(DataError, match="this is a folder; give the path of a CSV file with numbers"):
        read_user_table(tmp_path, schema, "numbers")
    with pytest.raises(FileNotFoundError, match="give the path of a CSV file with numbers"):
        read_user_table(tmp_path / "none.csv", schema, "numbers")
