"""Every hostile input of the table is refused with its words or read with its words: no traceback, no hang, no escape."""

from __future__ import annotations

import csv
import re
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from cape_utils.cli import main
from tests.hostile import cases
from tests.hostile.cases import READ, Case

SECONDS, MEGABYTES = 20.0, 700.0
# What no terminal may see: controls but tab and line feed, overrides and what is not shown.
UNCLEAN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff\U000e0000-\U000e007f]"
)
TABLES = cases.tables()


class Hangs(BaseException):
    """The time is over; nothing that catches errors catches this."""


def verdict(case: Case, status: int | None, printed: str, seconds: float, megabytes: float) -> list[str]:
    """What is wrong with the outcome of a case; nothing where it is as it must be."""
    faults = []
    if case.outcome == READ and status != 0:
        faults.append(f"it was refused ({status})")
    if case.outcome != READ and status not in (1, 2):
        faults.append(f"it was not refused ({status})")
    if case.outcome != READ and not printed.strip():
        faults.append("nothing is said")
    faults += [f"{word!r} is not said" for word in case.words if word not in printed]
    if "Traceback" in printed:
        faults.append("a traceback")
    if found := UNCLEAN.search(printed):
        faults.append(f"{found[0]!r} reaches the terminal")
    if seconds > SECONDS:
        faults.append(f"it took {seconds:.1f} s")
    if megabytes > MEGABYTES:
        faults.append(f"it took {megabytes:.0f} MB")
    if case.outcome != READ and len(printed) > 20_000:
        faults.append(f"{len(printed)} characters are said")
    return [f"{fault}: {printed[:300]!r}" for fault in faults]


def tried(case: Case, folder: Path, capsys: pytest.CaptureFixture[str]) -> list[str]:
    def over(*_: object) -> None:
        raise Hangs

    arguments = case.make(folder)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    signal.signal(signal.SIGALRM, over)
    signal.setitimer(signal.ITIMER_REAL, 3 * SECONDS)
    start = time.process_time()
    try:
        status: int | None = main(arguments)
    except SystemExit as error:
        status = error.code if isinstance(error.code, int) else None
    except Exception as error:  # noqa: BLE001 - what no command catches is a traceback for whoever calls it
        return [f"a traceback: {type(error).__name__}: {error}"[:300]]
    except Hangs:
        return [f"it hangs: {arguments}"]
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
    seconds = time.process_time() - start
    megabytes = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    captured = capsys.readouterr()
    return verdict(case, status, captured.out + captured.err, seconds, megabytes)


def one_name_each(table: list[Case]) -> bool:
    return len({case.name for case in table}) == len(table)


def test_the_table_is_as_large_as_was_meant():
    assert one_name_each(TABLES)
    assert len(TABLES) >= 250


@pytest.mark.parametrize("case", TABLES, ids=lambda case: case.name)
def test_a_hostile_file_gets_a_sentence(case, tmp_path, capsys):
    # Python's own limit: frictionless, an oracle of other tests, raises it for the whole process.
    csv.field_size_limit(131_072)
    assert tried(case, tmp_path, capsys) == []


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A tiny model in a folder, and a direction learnt in it."""
    from cape_utils import data
    from cape_utils.models.loading import load_model
    from cape_utils.steering.directions import save_direction, truth_direction
    from tests.tiny_models import save_tiny

    folder = save_tiny("llama", tmp_path_factory.mktemp("model"))
    direction = tmp_path_factory.mktemp("direction") / "good.safetensors"
    save_direction(direction, truth_direction(load_model(str(folder)), data.load("truth_pairs").head(4)))
    return folder, direction


def _all(table: list[Case], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> list[str]:
    assert one_name_each(table)
    faults = []
    for place, case in enumerate(table):
        folder = tmp_path / str(place)
        folder.mkdir()
        faults += [f"{case.name}: {fault}" for fault in tried(case, folder, capsys)]
    return faults


@pytest.mark.models
def test_a_broken_folder_of_a_model_gets_a_sentence(sound, tmp_path, capsys):
    assert _all(cases.models(sound[0]), tmp_path, capsys) == []


@pytest.mark.models
def test_a_broken_direction_gets_a_sentence(sound, tmp_path, capsys):
    assert _all(cases.directions(sound[1], sound[0]), tmp_path, capsys) == []


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["place: a pipe as a result", "place: /dev/zero", "place: 5 GB of nothing", "archive: a bomb"]
)
def test_what_would_hang_or_fill_the_memory_ends_in_a_process_with_limits(name, tmp_path):
    (case,) = [case for case in TABLES if case.name == name]
    program = (
        "import sys\nfrom resource import RLIMIT_AS, RLIMIT_CPU, setrlimit\n"
        "setrlimit(RLIMIT_AS, (2 << 30, 2 << 30))\nsetrlimit(RLIMIT_CPU, (60, 60))\n"
        "from cape_utils.cli import main; sys.exit(main(sys.argv[1:]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, *case.make(tmp_path)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert verdict(case, done.returncode, done.stdout + done.stderr, 0, 0) == []


PLANTED: dict[str, tuple[Callable[[Case], tuple[int | None, str, float, float]], str]] = {
    "a traceback": (lambda case: (1, f"Traceback {case.words}", 0.0, 0.0), "a traceback"),
    "an escape": (lambda case: (2, f"{' '.join(case.words)}\x1b[2J", 0.0, 0.0), "reaches the terminal"),
    "a silent success": (lambda case: (0, " ".join(case.words), 0.0, 0.0), "not refused"),
    "other words": (lambda case: (2, "no", 0.0, 0.0), "is not said"),
    "too slow": (lambda case: (2, " ".join(case.words), 99.0, 0.0), "99.0 s"),
    "too large": (lambda case: (2, " ".join(case.words), 0.0, 9999.0), "9999 MB"),
}


@pytest.mark.parametrize("fault", PLANTED)
def test_a_planted_fault_is_caught(fault):
    outcome, words = PLANTED[fault]
    case = TABLES[0]
    assert verdict(case, 2, " ".join(case.words), 0.0, 0.0) == []
    assert any(words in found for found in verdict(case, *outcome(case)))
