"""The loops that speed is measured against compute the same thing as the package. No times are tested here."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from benchmarks import __main__ as bench
from benchmarks.cases import cases, family_loop, league_loop, permutation_loop, quadratic_loop
from cape_utils import coupling, data, forecast, nulls, transition
from tests.tiny_models import tiny

HS, TQA = "hellaswag", "truthfulqa_mc2"


def test_the_quadratic_loop_gives_the_draws_of_the_package():
    rows = data.bootstrap_rows()
    ours = transition.quadratic(rows, draws=100, rng=np.random.RandomState(42))
    assert ours.sizes == pytest.approx(quadratic_loop(rows, 100), rel=1e-6)


def test_the_permutation_loop_gives_the_p_of_the_package():
    x, y = np.random.default_rng(0).normal(size=(2, 6))
    assert permutation_loop(x, y) == nulls.permutation_null(x, y).p


def test_the_family_loop_gives_the_interval_of_the_package():
    table = data.panel("open", rows="one_recipe")
    ours = coupling.population_coupling(table, draws=100)
    assert family_loop(table, 100) == pytest.approx((ours.low, ours.high))


@pytest.mark.filterwarnings("ignore:Sparsity parameter is too big")
def test_the_league_loop_predicts_what_the_package_predicts():
    used = forecast.ladders(data.panel("open", rows="one_recipe"))
    family, theirs = next(iter(league_loop(used, 1).items()))
    own, rest = used[used["family"] == family], used[used["family"] != family]
    fitted = forecast.fit_method(rest, "sparse ODE, degree 1")
    start = own.iloc[0][list(data.BENCHMARKS)].astype(float)
    path = fitted.predict(start, own["params_b"].iloc[0], own["params_b"].iloc[1:])
    assert path.score_pct == pytest.approx(theirs, abs=0.01)


def test_the_cases_are_the_ones_with_a_budget():
    assert [case.draws for case in cases()] == [10_000, 40_320, 10_000, 20]
    assert [case.budget_s for case in cases()] == [0.5, 0.5, 0.5, 15.0]


@pytest.mark.parametrize(("budget", "status"), [(1e-9, 1), (60.0, 0)])
def test_a_broken_budget_ends_with_1_and_is_named(budget, status, monkeypatch, capsys):
    quick = dataclasses.replace(cases()[0], fast=lambda: sum(range(1000)), loop=lambda: None, budget_s=budget)
    monkeypatch.setattr(bench, "cases", lambda: [quick])
    monkeypatch.setattr(bench, "default_overhead", lambda: 0.01)
    assert bench.main() == status
    out, err = capsys.readouterr()
    assert quick.name in out
    assert ("Too slow: bootstrap of the critical scale" in err) == bool(status)


@pytest.mark.parametrize(("added", "status"), [(0.01, 0), (0.07, 0), (0.08, 1)])
def test_steering_that_costs_too_much_ends_with_1(added, status, monkeypatch, capsys):
    monkeypatch.setattr(bench, "cases", list)
    monkeypatch.setattr(bench, "default_overhead", lambda: added)
    assert bench.main() == status
    out, err = capsys.readouterr()
    assert f"Steering adds {added:.1%}" in out
    assert ("Too slow: steering" in err) == bool(status)


def test_the_overhead_is_measured_on_texts_of_equal_length(monkeypatch):
    from benchmarks import overhead

    # A clock that only the calls move: steered ones by 3, plain ones by 2.
    now = [0.0]
    monkeypatch.setattr(overhead.time, "perf_counter", lambda: now[0])

    def generate(loaded, prompts, *, strength, **_):
        now[0] += 3 if strength else 2

    monkeypatch.setattr(overhead.steering, "generate", generate)
    assert overhead.steering_overhead(tiny(), repeats=2) == pytest.approx(0.5)
