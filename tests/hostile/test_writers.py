"""Writers that are killed between writing and renaming leave the old file or the new one; two at once lose nothing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

# Every writer, as a program that is given the target. The rename, and the link to a name that is free, end the process.
_KILLED = """
import os, pathlib, signal, sys
def killed(*_, **__): os.kill(os.getpid(), signal.SIGKILL)
os.replace = os.rename = os.link = pathlib.Path.replace = pathlib.Path.rename = killed
target = pathlib.Path(sys.argv[1])
"""
WRITERS = {
    "a report or a table of scores": "from cape_utils.jobs.own_files import write_own; write_own(target, 'new', force=True)",
    "a new report": "from cape_utils.jobs.own_files import write_own; write_own(target, 'new')",
    "the results cache": "from cape_utils.jobs.result_cache import write_whole; write_whole(target, 'new')",
    "arrays that are kept": (
        "from cape_utils.jobs.result_cache import kept_arrays; import numpy as np\n"
        "kept_arrays('arrays', {}, lambda: {'a': np.zeros(9)}, folder=target.parent)"
    ),
    "a direction": (
        "from cape_utils.steering.directions import Direction, save_direction; import numpy as np\n"
        "save_direction(target, Direction(np.ones(4, np.float32) / 2, 0, 1.0, 'means', 'm', 's', 'd', 2))"
    ),
    "a survey of models": "from cape_utils.internals.model_survey import _write; _write({'model': 'a'}, target)",
}


@pytest.mark.slow
@pytest.mark.parametrize("writer", WRITERS)
def test_a_writer_killed_before_the_rename_leaves_the_old_file(writer, tmp_path):
    target = tmp_path / "target"
    if writer != "a new report":
        target.write_text("old")
    done = subprocess.run(
        [sys.executable, "-c", _KILLED + WRITERS[writer], str(target)],
        capture_output=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()[-500:]
    assert not target.exists() if writer == "a new report" else target.read_text() == "old"
    half = [path for path in tmp_path.iterdir() if path != target]
    assert half, "nothing was written beside the target, so the target itself was"
    assert all(path.name.startswith(".") for path in half), "what is left must not look like a result"


def test_a_planted_writer_that_is_not_atomic_is_caught(tmp_path):
    target = tmp_path / "target"
    target.write_text("old")
    planted = "out = open(target, 'w'); out.write('ne'); out.flush(); killed()"
    done = subprocess.run([sys.executable, "-c", _KILLED + planted, str(target)], check=False, timeout=60)
    assert done.returncode == -signal.SIGKILL
    assert target.read_text() == "ne"


_SWEEP = """
import pathlib, sys, time
from cape_utils.jobs.result_cache import sweep
def run(task):
    time.sleep(0.002)
    return [{"value": task * 50}]
tasks = [f"{sys.argv[2]}-{i}" for i in range(60)]
sweep("both", {}, tasks, run, folder=pathlib.Path(sys.argv[1]), progress=lambda tasks: tasks)
"""


def _remembered(folder: Path) -> dict[str, int]:
    from cape_utils.jobs import result_cache

    (file,) = folder.glob("both-*.jsonl")
    return {task: len(rows) for task, rows in result_cache._read(file).items()}


@pytest.mark.slow
def test_two_sweeps_at_once_lose_nothing(tmp_path):
    both = [subprocess.Popen([sys.executable, "-c", _SWEEP, str(tmp_path), name]) for name in "ab"]
    assert [one.wait(timeout=120) for one in both] == [0, 0]
    assert _remembered(tmp_path) == {f"{name}-{i}": 1 for name in "ab" for i in range(60)}


def test_half_a_line_of_a_killed_sweep_costs_its_own_task_only(tmp_path):
    from cape_utils.jobs.result_cache import sweep

    def run(task):
        return [{"value": task}]

    sweep("both", {}, ["a"], run, folder=tmp_path)
    (file,) = tmp_path.iterdir()
    with file.open("ab") as out:
        out.write(b'{"task": "b", "rows": [{"val')
    sweep("both", {}, ["a", "c"], run, folder=tmp_path)
    assert _remembered(tmp_path) == {"a": 1, "c": 1}


def test_two_reports_of_one_name_do_not_mix(tmp_path):
    from cape_utils.jobs.own_files import write_own

    target = tmp_path / "report.md"
    children = []
    for letter in "ab":
        child = os.fork()
        if not child:
            for _ in range(50):
                write_own(target, letter * 100_000, force=True)
            os._exit(0)
        children.append(child)
    seen = set()
    for _ in range(200):
        if target.exists():
            text = target.read_text()
            seen.add((len(text), len(set(text))))
    assert [os.waitpid(child, 0)[1] for child in children] == [0, 0]
    assert seen <= {(100_000, 1)}
