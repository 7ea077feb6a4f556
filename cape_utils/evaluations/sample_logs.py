"""Answers to each item, where a harness kept them beside its results: which files, and what is in them.

Read are ``samples_<task>_<date>.jsonl`` of lm-evaluation-harness (``--log_samples``), ``details_<task>_<date>.parquet`` of
lighteval where pandas can open Parquet, and the samples of Inspect logs. The first are read line by line and Inspect's archives
sample by sample, and of each item only its hash, that of its prompt and its score are kept, so that gigabytes of logs need
megabytes; Inspect's JSON and Parquet are read whole. It implements no section of the papers.
"""

from __future__ import annotations

import functools
import hashlib
import json
import re
import zipfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cape_utils.data.benchmarks import benchmark_title
from cape_utils.data.files import check_regular, lines_of, parse_json, read_bytes, zip_member
from cape_utils.evaluations.tasks import TASKS, mmlu_subject

if TYPE_CHECKING:
    from cape_utils.stats.paired_items import ItemScores

__all__ = ["ItemLog", "Matched", "is_log", "logs_of_runs", "match_items", "read_log"]

_STAMP = r"\d{4}-\d\d-\d\dT\d\d[-:]\d\d[-:]\d\d(?:\.\d+)?"
_NAMES = (
    re.compile(rf"samples_(?P<task>.+?)(?:_(?P<stamp>{_STAMP}))?\.jsonl"),
    re.compile(rf"details_(?P<task>.+?)(?:_(?P<stamp>{_STAMP}))?\.parquet"),
)
_LETTERS = {"C": 1.0, "I": 0.0, "P": 0.5, "N": 0.0}  # Inspect: correct, incorrect, partial, no answer
_FEWEST_ITEMS, _SMALLEST_SHARE, _ROUNDING_PP = 30, 0.5, 0.05


@dataclass(frozen=True)
class ItemLog:
    """Item scores of one model on one benchmark, in the order of the file.

    Attributes
    ----------
    items : ndarray of uint64
        Hash of each item; the same question asked twice counts twice.
    prompts : ndarray of uint64
        Hash of what the model was shown; 0 where the log does not say.
    scores : ndarray of float32
        0 to 1.
    """

    items: NDArray[np.uint64]
    prompts: NDArray[np.uint64]
    scores: NDArray[np.float32]


@dataclass(frozen=True)
class Matched:
    """Item scores of all models of a ladder on the items that all of them answered.

    Attributes
    ----------
    benchmark : str
    scores : ItemScores
    unmatched : mapping of str to int
        Items that only some models answered, by model; those with none are left out.
    """

    benchmark: str
    scores: ItemScores
    unmatched: Mapping[str, int]


def is_log(path: Path) -> bool:
    """Whether a file's name is that of answers to each item."""
    return _parts(path) is not None


def _benchmark_of(task: str) -> tuple[str, ...]:
    """Benchmarks that a task's answers give; old TruthfulQA gives two."""
    parts = [part for part in task.split("|") if not part.isdigit()]
    bare = (parts[-1] if parts else task).replace(":", "_")
    if mmlu_subject(bare) is not None:
        return ("mmlu",)
    return tuple(dict.fromkeys(one.column for one in TASKS if bare in one.names))


def logs_of_runs(
    sources: Mapping[str, Mapping[str, str]], files: Mapping[str, Path]
) -> dict[str, dict[str, list[str]]]:
    """Find the answers behind each score.

    Parameters
    ----------
    sources : mapping
        By model and benchmark, the name of the file that the score comes from.
    files : mapping of str to path
        Every file found, by that name.

    Returns
    -------
    dict
        By benchmark and model, the paths of the logs; MMLU has one for each subject.
    """
    stamped: dict[tuple[str, str], list[Path]] = {}
    bare: dict[tuple[str, Path], list[Path]] = {}
    results_in = Counter(path.parent for path in files.values() if path.name.startswith("results"))
    for path in files.values():
        match = _parts(path)
        if match is None:
            continue
        for benchmark in _benchmark_of(match["task"]):
            if match["stamp"]:
                stamped.setdefault((benchmark, _second(match["stamp"])), []).append(path)
            elif results_in[path.parent] <= 1:
                bare.setdefault((benchmark, path.parent), []).append(path)
    found: dict[str, dict[str, list[str]]] = {}
    for model, by_benchmark in sources.items():
        tail = model.partition("@")[0].partition(" [")[0].rpartition("/")[2]
        for benchmark, source in by_benchmark.items():
            path = files[source]
            stamp = re.search(_STAMP, path.name)
            own = bare.get((benchmark, path.parent), [])
            if stamp:
                # The same time stamp in the same folder, or, as lighteval does it, in a folder of the model's name.
                same = stamped.get((benchmark, _second(stamp[0])), [])
                own = [log for log in same if log.parent == path.parent or tail in log.parts] or own
            if not own and _holds_samples(path):
                own = [path]
            if own:
                found.setdefault(benchmark, {})[model] = [str(log) for log in own]
    return found


def _parts(path: Path) -> dict[str, str] | None:
    """Task and time stamp in the name of a log; None for any other file."""
    match = next((m for m in (pattern.fullmatch(path.name) for pattern in _NAMES) if m), None)
    return None if match is None else {key: value or "" for key, value in match.groupdict().items()}


def _second(stamp: str) -> str:
    return stamp.partition(".")[0]


def _task(log: Path) -> str:
    parts = _parts(log)
    return log.stem if parts is None else parts["task"]


def _holds_samples(path: Path) -> bool:
    """Whether an Inspect log holds the answers themselves, and not their number alone."""
    if path.suffix == ".eval":
        with zipfile.ZipFile(path) as archive:
            return any(name.startswith("samples/") for name in archive.namelist())
    with path.open("rb") as handle:
        head = handle.read(4096)
        return b'"eval"' in head and re.search(rb'"samples"\s*:\s*\[', head + handle.read()) is not None


def read_log(path: Path, benchmark: str) -> ItemLog:
    """Read the answers of one file.

    Raises
    ------
    ValueError
        If the file cannot be read, or holds no score of this benchmark.
    """
    items, prompts, scores = list[int](), list[int](), list[float]()
    seen: dict[int, int] = {}
    try:
        for item, prompt, score in _rows(path, benchmark):
            # The same question twice is two items, told apart by their order.
            again = seen[item] = seen.get(item, 0) + 1
            items.append(item if again == 1 else _hash(f"{item}:{again}"))
            prompts.append(prompt)
            scores.append(score)
    except (
        OSError,
        ValueError,
        TypeError,
        AttributeError,
        KeyError,
        zipfile.BadZipFile,
        ImportError,
    ) as error:
        raise ValueError(f"{path.name} cannot be read ({type(error).__name__}: {error})") from error
    if not items:
        raise ValueError(f"{path.name} holds no score of {benchmark_title(benchmark)}")
    values = np.array(scores, np.float32)
    if not ((values >= 0) & (values <= 1)).all():
        raise ValueError(f"{path.name} holds scores outside 0 to 1")
    return ItemLog(np.array(items, np.uint64), np.array(prompts, np.uint64), values)


def _hash(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big")


def _rows(path: Path, benchmark: str) -> Iterator[tuple[int, int, float]]:
    if path.suffix == ".jsonl":
        yield from _harness_rows(path, benchmark)
    elif path.suffix == ".parquet":
        yield from _lighteval_rows(path, benchmark)
    else:
        yield from _inspect_rows(path)


def _metrics(benchmark: str) -> list[tuple[str, str | None]]:
    """Metric and filter of a benchmark in the log of its task, the preferred ones first; accuracy for a task of one's own."""
    keys = [key for task in TASKS if task.column == benchmark for key in task.metrics] or ["acc"]
    return [(key.partition(",")[0], key.partition(",")[2] or None) for key in keys]


def _harness_rows(path: Path, benchmark: str) -> Iterator[tuple[int, int, float]]:
    wanted = _metrics(benchmark)
    task = _task(path)
    first: tuple[str, str | None] | None = None
    for line in lines_of(path):
        if not line.strip():
            continue
        row = parse_json(line)
        label = row.get("filter")
        # A task may be logged under several filters. Whichever comes first in the file, the one that the benchmark's metric
        # names is taken; a metric without a filter stands for a log without filters alone.
        usual = label in (None, "none")
        chosen = next(
            (m for m in wanted if m[0] in row and (m[1] == label or (usual and m[1] in (None, "none")))),
            None,
        )
        if chosen is None or (first is not None and chosen != first):
            continue
        first = chosen
        item = row.get("doc_hash") or f"{row.get('doc_id')}"
        yield (
            _hash(f"{task}:{item}"),
            _hash(str(row["prompt_hash"])) if row.get("prompt_hash") else 0,
            float(row[chosen[0]]),
        )


def _lighteval_rows(path: Path, benchmark: str) -> Iterator[tuple[int, int, float]]:
    wanted = [metric for metric, _ in _metrics(benchmark)]
    check_regular(path, path.name)
    for row in pd.read_parquet(path).to_dict("records"):
        plain = {str(key).strip("_"): value for key, value in row.items()}
        metric, doc = plain.get("metric", plain.get("metrics")), plain.get("doc", {})
        if not isinstance(metric, Mapping):
            continue
        value = next((metric[name] for name in wanted if metric.get(name) is not None), None)
        query = (
            str(doc.get("query", plain.get("example", "")))
            if isinstance(doc, Mapping)
            else str(plain.get("example"))
        )
        if value is not None:
            yield _hash(query), 0, float(value)


def _inspect_rows(path: Path) -> Iterator[tuple[int, int, float]]:
    """One row for each item; over several epochs the mean."""
    by_item: dict[int, tuple[int, list[float]]] = {}
    for sample in _inspect_samples(path):
        scores = sample.get("scores")
        first = next(iter(scores.values()), None) if isinstance(scores, Mapping) else None
        value = first.get("value") if isinstance(first, Mapping) else None
        number = _LETTERS.get(value) if isinstance(value, str) else value
        if isinstance(number, int | float):
            item, prompt = (
                _hash(str(sample.get("id"))),
                _hash(json.dumps(_said(sample.get("input")), sort_keys=True)),
            )
            by_item.setdefault(item, (prompt, []))[1].append(float(number))
    for item, (prompt, values) in by_item.items():
        yield item, prompt, sum(values) / len(values)


def _said(given: Any) -> Any:
    """What a model was shown: of chat messages their roles and words, without the ids that each run gives anew."""
    if not isinstance(given, list):
        return given
    return [
        [message.get("role"), message.get("content")] if isinstance(message, Mapping) else message
        for message in given
    ]


def _inspect_samples(path: Path) -> Iterator[Mapping[str, Any]]:
    if path.suffix != ".eval":
        yield from parse_json(read_bytes(path, path.name)).get("samples") or ()
        return
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            if name.startswith("samples/") and name.endswith(".json"):
                yield parse_json(zip_member(archive, name))


def match_items(logs: Mapping[str, Sequence[str]], benchmark: str, reported: Mapping[str, float]) -> Matched:
    """The item scores of several models on the items that all of them answered.

    Parameters
    ----------
    logs : mapping of str to sequence of str
        Paths of each model's logs, in the order of the ladder.
    benchmark : str
    reported : mapping of str to float
        Each model's score in percent, which its own items must give.

    Raises
    ------
    ValueError
        If the answers are not those behind the scores, the prompts differ, or too few items match; the message says which.
    """
    # Late, for it needs scipy, whose start takes a second.
    from cape_utils.stats.paired_items import ItemScores

    read, title = {}, benchmark_title(benchmark)
    for model, paths in logs.items():
        parts = [read_log(Path(path), benchmark) for path in paths]
        read[model] = ItemLog(
            *(np.concatenate([getattr(p, key) for p in parts]) for key in ("items", "prompts", "scores"))
        )
    for model, log in read.items():
        mean = 100 * float(log.scores.mean(dtype=np.float64))
        if abs(mean - reported[model]) > _ROUNDING_PP and len(logs[model]) > 1:
            raise ValueError(
                f"{title}: {model} has {mean:.2f} over all its questions and {reported[model]:.2f} in its result, which is "
                "a mean over parts of different length, or another run"
            )
        if abs(mean - reported[model]) > _ROUNDING_PP:
            raise ValueError(
                f"{title}: the answers of {model} give {mean:.2f} where its result says {reported[model]:.2f}, so they belong to "
                "another run"
            )
    shared = functools.reduce(np.intersect1d, [log.items for log in read.values()])
    most = max(len(log.items) for log in read.values())
    if len(shared) < max(_FEWEST_ITEMS, _SMALLEST_SHARE * most):
        raise ValueError(f"{title}: only {len(shared)} of {most} items were answered by every model")
    columns, prompts = [], []
    for log in read.values():
        order = np.argsort(log.items)
        places = order[np.searchsorted(log.items[order], np.sort(shared))]
        columns.append(log.scores[places])
        prompts.append(log.prompts[places])
    stated = [p for p in prompts if p.any()]
    differing = int(sum((p != stated[0]).any() for p in stated)) if stated else 0
    if differing:
        raise ValueError(f"{title}: the models were shown different prompts, so their answers are not paired")
    unmatched = {model: len(log.items) - len(shared) for model, log in read.items()}
    return Matched(
        benchmark,
        ItemScores(tuple(read), np.column_stack(columns)),
        {model: count for model, count in unmatched.items() if count},
    )
