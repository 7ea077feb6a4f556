"""Long sweeps: nothing is done twice, nothing stale is reused, a crash loses one task at most."""

from __future__ import annotations

import numpy as np
import pytest

from cape_utils import data
from cape_utils.jobs import result_cache


@pytest.fixture
def done(tmp_path, monkeypatch):
    """Run sweeps in an empty folder and note which tasks are really done."""
    monkeypatch.setattr(data, "tables_folder", lambda: tmp_path / "tables")
    log: list[str] = []

    def run(tasks, settings=None, *, stop=None):
        def one(task):
            if task == stop:
                raise KeyboardInterrupt
            log.append(task)
            return [{"value": len(task), "task_number": len(log)}]

        return result_cache.sweep("lengths", settings or {"seed": 1}, tasks, one, folder=tmp_path / "own")

    run.log, run.own, run.tables = log, tmp_path / "own", tmp_path / "tables" / "kept"
    return run


def test_a_second_call_reads_what_the_first_has_done(done):
    first, second = done(["a", "bb"]), done(["a", "bb"])
    assert done.log == ["a", "bb"]
    assert first.equals(second)
    assert first["value"].tolist() == [1, 2]


def test_only_new_tasks_are_done_and_rows_come_in_the_order_asked(done):
    done(["a", "bb"])
    assert done(["ccc", "bb", "a"])["task"].tolist() == ["ccc", "bb", "a"]
    assert done.log == ["a", "bb", "ccc"]


def test_another_setting_is_another_sweep(done):
    done(["a"])
    done(["a"], {"seed": 2})
    assert done.log == ["a", "a"]
    assert len(list(done.own.iterdir())) == 2


def test_an_interrupted_sweep_goes_on_where_it_stopped(done):
    with pytest.raises(KeyboardInterrupt):
        done(["a", "bb", "ccc"], stop="ccc")
    assert len(done(["a", "bb", "ccc"])) == 3
    assert done.log == ["a", "bb", "ccc"]


@pytest.mark.parametrize("cut", [2, 10, 25])
def test_a_line_cut_short_costs_its_own_task_only(done, cut):
    done(["a", "bb"])
    (file,) = done.own.iterdir()
    file.write_bytes(file.read_bytes()[:-cut])
    assert done(["a", "bb"])["value"].tolist() == [1, 2]
    assert done.log == ["a", "bb", "bb"]
    assert done(["a", "bb"])["value"].tolist() == [1, 2]
    assert done.log == ["a", "bb", "bb"]


def test_results_that_came_with_the_tables_are_used_and_left_alone(done):
    done(["a"])
    (file,) = done.own.iterdir()
    done.tables.mkdir(parents=True)
    file.rename(done.tables / file.name)
    before = (done.tables / file.name).read_bytes()
    done(["a"])
    assert done.log == ["a"]
    assert not list(done.own.iterdir())
    done(["a", "bb"])
    assert done.log == ["a", "bb"]
    assert (done.tables / file.name).read_bytes() == before


def test_two_tasks_of_one_name_are_refused(done):
    with pytest.raises(ValueError, match="same name"):
        done(["a", "a"])


def test_a_number_that_json_cannot_hold_is_not_kept(done, tmp_path):
    with pytest.raises(ValueError, match="JSON compliant"):
        result_cache.sweep("bad", {}, ["a"], lambda _: [{"value": float("nan")}], folder=tmp_path)


def test_the_folder_can_be_named(monkeypatch, tmp_path):
    monkeypatch.setenv("CAPE_RESULTS", str(tmp_path))
    assert result_cache.results_folder() == tmp_path
    monkeypatch.delenv("CAPE_RESULTS")
    assert result_cache.results_folder().parts[-2:] == ("cape-book", "results")


def test_arrays_are_computed_once_for_their_settings_and_again_where_the_file_is_cut_short(tmp_path):
    runs = []

    def compute():
        runs.append(1)
        return {"a": np.arange(3.0), "b": np.ones((2, 2), np.float32)}

    first = result_cache.kept_arrays("x", {"seed": 0}, compute, folder=tmp_path)
    again = result_cache.kept_arrays("x", {"seed": 0}, compute, folder=tmp_path)
    assert len(runs) == 1
    for name, array in first.items():
        assert again[name].dtype == array.dtype
        assert np.array_equal(again[name], array)
    result_cache.kept_arrays("x", {"seed": 1}, compute, folder=tmp_path)
    assert len(runs) == 2
    for path in tmp_path.iterdir():
        path.write_bytes(path.read_bytes()[:40])
    result_cache.kept_arrays("x", {"seed": 0}, compute, folder=tmp_path)
    assert len(runs) == 3
    (tmp_path / "file").write_text("")
    assert set(result_cache.kept_arrays("x", {"seed": 2}, compute, folder=tmp_path / "file")) == {"a", "b"}
