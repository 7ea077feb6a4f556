"""Two minutes of random files for the readers of tables, JSON and directions: a sentence or a result, and nothing else.

Run by the weekly workflow, and by hand: ``python tests/hostile/fuzz.py --seconds 120``. Each round is seeded by its number, so
that what one finds another finds too.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

ROOT = Path(__file__).resolve().parents[2]
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from cape_utils.cli import main  # noqa: E402
from cape_utils.data.visible import visible  # noqa: E402
from cape_utils.steering.directions import load_direction  # noqa: E402

SLOWEST_S = 20.0
_HEADS = st.sampled_from(
    [
        "model",
        "family",
        "params_b",
        "hellaswag",
        "mmlu",
        "law",
        "law_items",
        "law_chance",
        "Model Name",
        "",
        "truthfulqa",
        "T",
    ]
)
_CELLS = st.one_of(
    st.text(max_size=12),
    st.floats().map(repr),
    st.integers().map(str),
    st.sampled_from(["a-1b", "7B", "1,5", "50%", "-", "=1", "nan"]),
)
_SEPARATORS = st.sampled_from([",", ";", "\t", "|"])


@st.composite
def table(draw: st.DrawFn) -> bytes:
    """A table that is nearly right, or no table."""
    separator = draw(_SEPARATORS)
    rows = [
        draw(st.lists(_HEADS, min_size=1, max_size=7)),
        *draw(st.lists(st.lists(_CELLS, max_size=8), max_size=5)),
    ]
    raw = "\n".join(separator.join(row) for row in rows).encode("utf-8", "surrogatepass")
    return draw(st.sampled_from([raw, raw, raw, raw[: len(raw) // 2], draw(st.binary(max_size=200))]))


_KEYS = st.sampled_from([
    "results", "config", "model_args", "model_name", "hellaswag", "truthfulqa_mc2", "acc_norm,none", "acc,none", "date", "n-shot", "versions",
    "n-samples", "effective", "eval", "task", "model", "status", "model_info", "evaluation_results", "model_config", "tasks", "name", "configs",
    "limit", "mmlu", "harness|hellaswag|10", "config_general", "all_primary_scores", "scores", "metrics", "adapter_spec", "id",
])  # fmt: skip
_LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=8),
    st.sampled_from(["org/a-1b", 0.5, "success", "hellaswag", 10**400]),
)
documents = st.recursive(
    _LEAVES,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(_KEYS, inner, max_size=5)),
    max_leaves=25,
).map(lambda value: json.dumps(value).encode())


def _command(name: str, raw: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, name)
        path.write_bytes(raw)
        out = io.StringIO()
        start = time.process_time()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
            status = main(["scores", str(path)])
        printed = out.getvalue()
        assert status in (0, 2), (status, printed)
        assert printed.strip(), "nothing is said"
        assert printed == visible(printed, lines=True), "a control character reaches the terminal"
        assert time.process_time() - start < SLOWEST_S


def _direction(raw: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "d.safetensors")
        path.write_bytes(raw)
        with contextlib.suppress(ValueError):
            load_direction(path, None)  # type: ignore[arg-type]  # no random file comes as far as the model
            raise AssertionError("a random file was taken for a direction")


@st.composite
def direction(draw: st.DrawFn) -> bytes:
    """A safetensors file whose header is nearly right."""
    header = draw(st.one_of(documents, st.binary(max_size=80)))
    length = draw(st.one_of(st.just(len(header)), st.integers(0, 2**64 - 1)))
    return length.to_bytes(8, "little") + header + draw(st.binary(max_size=40))


READERS: dict[str, tuple[Callable[[bytes], None], st.SearchStrategy[bytes]]] = {
    "a table": (lambda raw: _command("scores.csv", raw), table()),
    "JSON lines": (lambda raw: _command("scores.jsonl", raw), documents),
    "results": (lambda raw: _command("results_1.json", raw), documents),
    "a direction": (_direction, direction()),
}


def tried(reader: str, number: int, examples: int) -> None:
    """One round of a reader, the same for the same number."""
    read, strategy = READERS[reader]

    @seed(number)
    @settings(max_examples=examples, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(strategy)
    def check(raw: bytes) -> None:
        read(raw)

    check()


def run(seconds: float) -> int:
    """Rounds of every reader until the time is over; returns how many."""
    end, rounds = time.monotonic() + seconds, 0
    while time.monotonic() < end:
        for reader in READERS:
            tried(reader, rounds, 50)
        rounds += 1
    return rounds


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=120.0)
    chosen = parser.parse_args()
    sys.stdout.write(
        f"{run(chosen.seconds)} rounds of 50 files for each of {', '.join(READERS)}: nothing found\n"
    )
