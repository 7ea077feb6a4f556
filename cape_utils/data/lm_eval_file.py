"""Read one result file of lm-evaluation-harness: who was measured, when, and the score of each column.

Two layouts are known: the present one (``results/<model>/results_<date>.json``, keys such as ``acc_norm,none``) and
the older flat one (``acc_norm``, ``mc2``, and the task names ``harness|hellaswag|10`` of the first Open LLM
Leaderboard). Which task and metric make which column is the table ``TASKS``. Nothing is computed here but the mean over
the parts of MMLU; a folder of files is the job of ``data.lm_eval``. It implements no section of the papers.
"""

from __future__ import annotations

import datetime as dt
import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

__all__ = ["PANEL_SHOTS", "TASKS", "BrokenFile", "Run", "Task", "read_run"]


@dataclass(frozen=True)
class Task:
    """Where a column of scores comes from.

    Attributes
    ----------
    column : str
        Benchmark of the table ``benchmarks``.
    names : tuple of str
        Names of the task, the preferred one first.
    metrics : tuple of str
        Keys of the metric, the preferred one first: what the Open LLM Leaderboard took for this task.
    """

    column: str
    names: tuple[str, ...]
    metrics: tuple[str, ...]


_ACC, _NORM = ("acc,none", "acc"), ("acc_norm,none", "acc_norm")
TASKS = (
    Task("hellaswag", ("hellaswag",), _NORM),
    Task("truthfulqa_mc1", ("truthfulqa_mc1",), _ACC),
    Task("truthfulqa_mc1", ("truthfulqa_mc",), ("mc1,none", "mc1")),
    Task("truthfulqa_mc2", ("truthfulqa_mc2",), _ACC),
    Task("truthfulqa_mc2", ("truthfulqa_mc",), ("mc2,none", "mc2")),
    Task("arc_challenge", ("arc_challenge",), _NORM),
    Task("winogrande", ("winogrande",), _ACC),
    Task("mmlu", ("mmlu",), _ACC),
    Task(
        "gsm8k",
        ("gsm8k",),
        ("exact_match,strict-match", "exact_match,get-answer", "exact_match,none", "exact_match", *_ACC),
    ),
    Task(
        "ifeval",
        ("ifeval", "leaderboard_ifeval"),
        ("prompt_level_strict_acc,none", "prompt_level_strict_acc"),
    ),
    Task(
        "gpqa_diamond",
        ("leaderboard_gpqa_diamond", "gpqa_diamond_zeroshot", "gpqa_diamond_n_shot"),
        (*_NORM, *_ACC),
    ),
    Task("xwinograd", ("xwinograd",), _ACC),
    Task("humaneval", ("humaneval",), ("pass@1,create_test", "pass@1,none", "pass@1")),
)
"""Task and metric behind each column. The parts of MMLU (``mmlu_*``, ``hendrycksTest-*``) are averaged where no whole
score is given."""

PANEL_SHOTS = {"hellaswag": 10, "arc_challenge": 25, "winogrande": 5, "mmlu": 5, "gsm8k": 5}
"""Examples in the prompt on the Open LLM Leaderboard, and so in the open panel; TruthfulQA has none."""

# Questions in the four groups of MMLU, whose whole score counts every question the same.
_MMLU_GROUPS = {"mmlu_humanities": 4705, "mmlu_social_sciences": 3077, "mmlu_other": 3107, "mmlu_stem": 3153}
_SUBJECTS = 57


@dataclass(frozen=True)
class Run:
    """One file: who was measured, when, and the score of each column (percent)."""

    file: str
    model: str
    when: float
    count: float | None
    scores: dict[str, float]
    shots: dict[str, int]
    unused: tuple[str, ...] = field(default=())


class BrokenFile(ValueError):
    """A file that cannot be used: the key, what it holds, what is allowed and the remedy."""

    def __init__(self, key: str | None, value: object, allowed: str) -> None:
        super().__init__(allowed)
        self.key, self.value, self.allowed = key, value, allowed


def read_run(path: Path, name: str) -> Run:
    """Read one file; ``name`` is what messages call it.

    Raises
    ------
    BrokenFile
        If it cannot be used.
    OSError
        If it cannot be read.
    """
    raw = path.read_bytes()
    if not raw.strip():
        raise BrokenFile(None, None, "the file is empty; it was cut short, so run the evaluation again")
    try:
        doc = json.loads(raw.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise BrokenFile(
            None, None, "this is not UTF-8 text; a result file of lm-evaluation-harness is JSON"
        ) from error
    except (json.JSONDecodeError, RecursionError) as error:
        where = f" (line {error.lineno}: {error.msg})" if isinstance(error, json.JSONDecodeError) else ""
        raise BrokenFile(
            None, None, f"this is not JSON{where}; it may be cut short, so run the evaluation again"
        ) from error
    if not isinstance(doc, dict):
        raise BrokenFile(None, type(doc).__name__, "a JSON object with the key 'results' is needed")
    results = doc.get("results")
    if not isinstance(results, dict) or not results:
        raise BrokenFile(
            "results",
            None if results is None else str(results)[:40],
            "an object with one entry for each task is needed",
        )
    config = doc["config"] if isinstance(doc.get("config"), dict) else {}
    if config.get("limit") not in (None, "None", ""):
        raise BrokenFile(
            "config.limit",
            str(config["limit"]),
            "the run was cut short, and its noise is not that of the whole benchmark; run it without --limit",
        )
    tasks, shots = _tasks(doc, results, config)
    scores, used = {}, set()
    for task in TASKS:
        have = next((n for n in task.names if n in tasks), None)
        if have is None or task.column in scores:
            continue
        scores[task.column] = _metric(have, tasks[have], task.metrics)
        used.add(have)
        if have in shots:
            shots[task.column] = shots[have]
    if "mmlu" not in scores:
        _mean_of_mmlu(tasks, scores, shots)
    used |= {n for n in tasks if n.startswith(("mmlu_", "hendrycksTest")) and "mmlu" in scores}
    if not scores:
        known = ", ".join(dict.fromkeys(n for task in TASKS for n in task.names))
        raise BrokenFile("results", ", ".join(sorted(tasks))[:80], f"no known task; known are {known}")
    count = config.get("model_num_parameters")
    number = (
        float(count) if isinstance(count, int | float) and not isinstance(count, bool) and count > 0 else None
    )
    return Run(
        file=name,
        model=_model(doc, config, path),
        when=_when(doc, path),
        count=number if number is not None and math.isfinite(number) else None,
        scores=scores,
        shots={column: shots[column] for column in scores if column in shots},
        unused=tuple(sorted(set(tasks) - used)),
    )


def _tasks(
    doc: Mapping[str, Any], results: Mapping[str, Any], config: Mapping[str, Any]
) -> tuple[dict[str, dict[str, Any]], dict[str, int]]:
    tasks: dict[str, dict[str, Any]] = {}
    shots: dict[str, int] = {}
    n_shot = doc["n-shot"] if isinstance(doc.get("n-shot"), dict) else {}
    configs = doc["configs"] if isinstance(doc.get("configs"), dict) else {}
    for key, entry in results.items():
        if not isinstance(entry, dict):
            raise BrokenFile(
                f"results.{key}", str(entry)[:40], "an object of metrics is needed, such as {'acc,none': 0.5}"
            )
        name, given = key, n_shot.get(key)
        parts = key.split("|")
        if len(parts) == 3:  # harness|arc:challenge|25
            name, given = parts[1].replace(":", "_"), parts[2]
        task_config = configs.get(key)
        if given is None and isinstance(task_config, dict):
            given = task_config.get("num_fewshot")
        given = config.get("num_fewshot") if given is None else given
        if str(given).isdigit():
            shots[name] = int(str(given))
        tasks[name] = {**entry, "_key": key}
    return tasks, shots


def _metric(name: str, entry: Mapping[str, Any], metrics: tuple[str, ...]) -> float:
    where = f"results.{entry.get('_key', name)}"
    key = next((key for key in metrics if key in entry), None)
    if key is None:
        have = (
            ", ".join(sorted(k for k in entry if k not in ("_key", "alias") and "stderr" not in k)) or "none"
        )
        raise BrokenFile(
            where, have, f"the metric {metrics[0]!r} is needed; run the task with its own metrics"
        )
    value = entry[key]
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise BrokenFile(
            f"{where}.{key}", str(value)[:40], "expected a number from 0 to 1; run the task again"
        )
    return round(100 * float(value), 6)


def _mean_of_mmlu(tasks: dict[str, dict[str, Any]], scores: dict[str, float], shots: dict[str, int]) -> None:
    old = [name for name in tasks if name.startswith("hendrycksTest-")]
    new = [name for name in tasks if name.startswith("mmlu_") and name not in _MMLU_GROUPS]
    subjects = old if len(old) == _SUBJECTS else new if len(new) == _SUBJECTS else []
    if subjects:  # the first leaderboard took the plain mean over subjects
        scores["mmlu"] = round(sum(_metric(n, tasks[n], _ACC) for n in subjects) / _SUBJECTS, 6)
        parts = subjects
    elif all(name in tasks for name in _MMLU_GROUPS):
        total = sum(_metric(n, tasks[n], _ACC) * items for n, items in _MMLU_GROUPS.items())
        scores["mmlu"] = round(total / sum(_MMLU_GROUPS.values()), 6)
        parts = list(_MMLU_GROUPS)
    else:
        return
    if parts[0] in shots:
        shots["mmlu"] = shots[parts[0]]


def _model(doc: Mapping[str, Any], config: Mapping[str, Any], path: Path) -> str:
    arguments = config.get("model_args")
    pairs = (
        dict(part.split("=", 1) for part in arguments.split(",") if "=" in part)
        if isinstance(arguments, str)
        else arguments
        if isinstance(arguments, dict)
        else {}
    )
    general = doc["config_general"] if isinstance(doc.get("config_general"), dict) else {}
    named = (
        doc.get("model_name") or general.get("model_name") or pairs.get("pretrained") or pairs.get("model")
    )
    if not isinstance(named, str) or not named.strip():
        raise BrokenFile(
            "model_name",
            None if named is None else str(named)[:40],
            "a model name is needed, here or as pretrained=... in config.model_args",
        )
    revision = str(pairs.get("revision", "main"))
    # Checkpoints of one model are different models.
    return named.strip() if revision in ("main", "None", "") else f"{named.strip()}@{revision}"


def _when(doc: Mapping[str, Any], path: Path) -> float:
    date = doc.get("date")
    if isinstance(date, int | float) and not isinstance(date, bool) and math.isfinite(date):
        return float(date)
    stamp = re.search(r"(\d{4})-(\d\d)-(\d\d)T(\d\d)-(\d\d)-(\d\d)", path.name)
    try:
        parts = [int(part) for part in stamp.groups()] if stamp else []
        return dt.datetime(*parts, tzinfo=dt.UTC).timestamp() if stamp else 0.0  # type: ignore[arg-type, misc]
    except ValueError:
        return 0.0
