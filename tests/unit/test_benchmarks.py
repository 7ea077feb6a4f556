"""The loops that speed is measured against compute the same thing as the package. No times are tested here."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest

from benchmarks import __main__ as bench
from benchmarks import answers, book, gpu, measures, pages, scaling
from benchmarks.cases import cases, family_loop, league_loop, permutation_loop, quadratic_loop
from cape_utils import data, explorers
from cape_utils.scaling import coupling, critical_scale, forecasting, trend_nulls
from cape_utils.stats.results import Estimate
from cape_utils.steering import interventions
from tests.loading import load
from tests.tiny_models import tiny

HS, TQA = "hellaswag", "truthfulqa_mc2"


def test_the_quadratic_loop_gives_the_draws_of_the_package():
    rows = data.bootstrap_rows()
    ours = critical_scale.quadratic(rows, draws=100, rng=np.random.RandomState(42))
    assert ours.sizes == pytest.approx(quadratic_loop(rows, 100), rel=1e-6)


def test_the_permutation_loop_gives_the_p_of_the_package():
    x, y = np.random.default_rng(0).normal(size=(2, 6))
    assert permutation_loop(x, y) == trend_nulls.permutation_null(x, y).p


def test_the_family_loop_gives_the_interval_of_the_package():
    table = data.panel("open", rows="one_recipe")
    ours = coupling.population_coupling(table, draws=100)
    assert family_loop(table, 100) == pytest.approx((ours.low, ours.high))


@pytest.mark.filterwarnings("ignore:Sparsity parameter is too big")
def test_the_league_loop_predicts_what_the_package_predicts():
    used = forecasting.ladders(data.panel("open", rows="one_recipe"))
    family, theirs = next(iter(league_loop(used, 1).items()))
    own, rest = used[used["family"] == family], used[used["family"] != family]
    fitted = forecasting.fit_method(rest, "sparse ODE, degree 1")
    start = own.iloc[0][list(data.BENCHMARKS)].astype(float)
    path = fitted.predict(start, own["params_b"].iloc[0], own["params_b"].iloc[1:])
    assert path.score_pct == pytest.approx(theirs, abs=0.01)


def test_the_cases_are_the_ones_with_a_budget():
    assert [case.draws for case in cases()] == [10_000, 40_320, 10_000, 20]
    assert [case.budget_s for case in cases()] == [0.035, 0.0035, 0.035, 1.5]


@pytest.fixture
def results(tmp_path, monkeypatch):
    """A file of its own, so that a test never touches the figures that the book shows."""
    monkeypatch.setattr(bench, "RESULTS", tmp_path / "results.json")
    return tmp_path / "results.json"


@pytest.mark.parametrize(("budget", "status"), [(1e-9, 1), (60.0, 0)])
def test_a_broken_budget_ends_with_1_and_is_named(budget, status, monkeypatch, capsys, results):
    quick = dataclasses.replace(cases()[0], fast=lambda: sum(range(1000)), loop=lambda: None, budget_s=budget)
    monkeypatch.setattr(bench, "cases", lambda: [quick])
    assert bench.main(["analysis"]) == status
    out, err = capsys.readouterr()
    assert quick.name in out
    assert ("Too slow: bootstrap of the critical scale" in err) == bool(status)


@pytest.mark.parametrize(("added", "status"), [(0.01, 0), (0.029, 0), (0.031, 1)])
def test_a_method_of_steering_that_costs_too_much_ends_with_1(added, status, monkeypatch, capsys, results):
    found = {"add": Estimate(0.0, -0.01, 0.01, 9, ""), "clamp": Estimate(added, 0.0, 0.1, 9, "")}
    monkeypatch.setattr(bench, "default_overhead", lambda: found)
    assert bench.main(["steering"]) == status
    out, err = capsys.readouterr()
    assert ("Too slow: time added to greedy generation: clamp" in err) == bool(status)
    assert "generation: add:" not in err
    assert "median of 9 pairs of runs [0.0, 10.0]" in out


def test_a_part_measured_alone_keeps_the_figures_of_the_others(monkeypatch, capsys, results):
    one = measures.Measure("start", "a", 1.0, 2.0, "s")
    monkeypatch.setattr(
        bench,
        "PARTS",
        {"start": lambda: [one], "pages": lambda: [measures.Measure("pages", "b", 3.0, 4.0, "MB")]},
    )
    bench.main([])
    monkeypatch.setattr(
        bench, "PARTS", {"start": lambda: [dataclasses.replace(one, value=1.5)], "pages": list}
    )
    bench.main(["start"])
    kept = json.loads(results.read_text())["measures"]
    assert [(row["name"], row["value"]) for row in kept] == [("b", 3.0), ("a", 1.5)]


def test_a_figure_keeps_the_machine_it_was_measured_on(monkeypatch, tmp_path):
    path, one = tmp_path / "results.json", measures.Measure("start", "a", 1.0, 2.0, "s")
    old = [dataclasses.asdict(one) | {"measured": "2026-01-01"}]
    old += [dataclasses.asdict(measures.Measure("pages", "b", 3.0, 4.0, "MB")) | {"measured": "2026-01-01"}]
    path.write_text(json.dumps({"machine": {"system": "Old"}, "measures": old}))
    for system in ("New", "Newer"):
        monkeypatch.setattr(measures, "machine", lambda system=system: {"system": system})
        measures.keep(path, [one], "2026-02-02")
        rows = json.loads(path.read_text())["measures"]
        found = {row["name"]: (row["machine"]["system"], row["measured"]) for row in rows}
        assert found == {"b": ("Old", "2026-01-01"), "a": (system, "2026-02-02")}
    before = {row["name"]: [run["machine"]["system"] for run in row.get("before", ())] for row in rows}
    assert before == {"b": [], "a": ["Old", "New"]}
    for _ in range(9):
        measures.keep(path, [one], "2026-02-03")
    assert {len(row.get("before", ())) for row in json.loads(path.read_text())["measures"]} == {
        0,
        measures.RUNS,
    }


def test_the_exponent_is_that_of_the_last_tenfold_step():
    assert scaling.exponent([10, 100, 1000], [5.0, 1.0, 10.0]) == pytest.approx(1.0)
    assert scaling.exponent([10, 100], [1.0, 100.0]) == pytest.approx(2.0)


@pytest.mark.parametrize("maker", ["frontier_explorer", "width_explorer"])
def test_every_control_of_an_explorer_is_moved_and_timed(maker):
    # One by one the controls of all are moved in test_explorers and test_scores_editor.
    timed = {name for name, ms in answers.control_times([maker]) if ms > 0}
    assert timed == {f"{maker}, {name}" for name in getattr(explorers, maker)().controls}


def test_the_explorers_timed_are_all_that_need_no_model():
    made = {name for name in explorers.__all__ if name.endswith(("_explorer", "_editor"))}
    assert set(answers.EXPLORERS) == made - {"steering_explorer", "toyworld_explorer"}


def test_an_unknown_part_is_named(capsys, results):
    with pytest.raises(SystemExit) as stopped:
        bench.main(["pagse"])
    assert stopped.value.code == 2
    assert (
        "no part 'pagse'; the parts are analysis, start, answers, book, pages, steering, scaling"
        in capsys.readouterr().err
    )
    assert not results.exists()


def test_a_heavy_page_breaks_the_budget(tmp_path):
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "_static").mkdir()
    (tmp_path / "_static" / "cape-vega.js").write_text("x" * 900_000)
    (tmp_path / "notebooks" / "light.html").write_text("x" * 100)
    assert not any(one.broken for one in pages.weights(tmp_path))
    (tmp_path / "notebooks" / "heavy.html").write_text("x" * 2_300_000)
    heaviest = pages.weights(tmp_path)[0]
    assert (heaviest.note, heaviest.broken) == ("heavy", True)
    with pytest.raises(FileNotFoundError, match="make book"):
        pages.weights(tmp_path / "nothing")


def test_chapters_are_read_from_the_build_and_a_slow_one_breaks_its_budget(tmp_path):
    (tmp_path / "seconds.tsv").write_text("notebook\tseconds\n01_data\t46\n10_steering\t46\n")
    found = book.chapter_measures(tmp_path / "seconds.tsv")
    assert [(one.name, one.broken) for one in found] == [("run 01_data", True), ("run 10_steering", False)]


def test_the_kept_figures_are_within_their_budgets_and_cover_every_part():
    kept = json.loads(bench.RESULTS.read_text())["measures"]
    assert {row["part"] for row in kept} == set(bench.PARTS)
    assert [row["name"] for row in kept if row["value"] > measures.SLACK * row["budget"]] == []


def test_each_method_is_paired_with_the_plain_run_of_its_round(monkeypatch):
    from benchmarks import overhead

    # A clock that only the calls move, on a machine that slows down as it goes: clamping costs half as much again.
    now, calls = [0.0], []
    monkeypatch.setattr(overhead.time, "perf_counter", lambda: now[0])

    def generate(loaded, prompts, *, method="plain", **_):
        calls.append(method)
        now[0] += 2.0 ** ((len(calls) - 1) // 5) * (1.5 if method == "clamp" else 1.0)

    monkeypatch.setattr(overhead.steering, "generate", generate)
    found = overhead.steering_overhead(tiny(), repeats=9)
    assert {method: one.estimate for method, one in found.items()} == pytest.approx(
        {"add": 0.0, "adaptive": 0.0, "clamp": 0.5, "ablate": 0.0}
    )
    assert found["clamp"].low <= 0.5 <= found["clamp"].high
    assert found["clamp"].n == 9
    assert set(calls[::5]) == {"plain", *found}  # each round begins with another of them


@pytest.mark.models
def test_every_method_of_steering_is_timed_on_texts_of_one_length():
    from benchmarks import overhead

    found = overhead.steering_overhead(tiny(), tokens=4, repeats=6)
    assert set(found) == set(interventions.METHODS)
    assert all(one.low <= one.estimate <= one.high for one in found.values())


@pytest.mark.models
def test_the_script_for_a_gpu_runs_small_on_the_processor(capsys, results, monkeypatch):
    monkeypatch.setattr(gpu, "RESULTS", results)
    assert gpu.main(["--small"]) == 0
    out = capsys.readouterr().out
    for words in ("toy world, largest", "tiny world, one step", "ablate, tiny", "chapter 10 in a tiny model"):
        assert words in out
    assert not results.exists()


def test_without_a_gpu_the_script_says_so_and_keeps_nothing(capsys, results, monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    assert gpu.main([]) == 2
    assert "no NVIDIA GPU" in capsys.readouterr().err
    assert not results.exists()


def test_the_page_names_the_gpu_that_a_figure_is_from(results):
    one = measures.Measure("gpu", "a", 1.0, 2.0, "x")
    measures.keep(results, [one], "2026-11-28", {**measures.machine(), "gpu": "a GPU"})
    assert "cores and a GPU" in load("book/_ext/cape_budgets.py").origin(json.loads(results.read_text()))
