"""Logs of Inspect: JSON, and the archive ``.eval`` where its compression is one that Python's own library knows.

Layout: https://inspect.aisi.org.uk/eval-logs.html. A log holds one task of one model.
"""

from __future__ import annotations

import datetime as dt
import re
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cape_utils.data.files import parse_json, zip_member
from cape_utils.evaluations.identity import conditions_of_arguments
from cape_utils.evaluations.runs import BrokenFile, Run
from cape_utils.evaluations.tasks import Entry, find_scores

__all__ = ["NAME", "open_archive", "read", "recognises"]

NAME = "Inspect"
# Names of tasks in the packages of evaluations that come with Inspect.
_TASKS = {
    "hellaswag": ("hellaswag", "acc_norm"),
    "truthfulqa": ("truthfulqa_mc1", "acc"),
    "arc_challenge": ("arc_challenge", "acc_norm"),
    "winogrande": ("winogrande", "acc"),
    "mmlu": ("mmlu", "acc"),
    "mmlu_0_shot": ("mmlu", "acc"),
    "mmlu_5_shot": ("mmlu", "acc"),
    "gsm8k": ("gsm8k", "exact_match"),
    "ifeval": ("ifeval", "prompt_level_strict_acc"),
    "gpqa_diamond": ("leaderboard_gpqa_diamond", "acc"),
    "humaneval": ("humaneval", "pass@1"),
}


def recognises(document: Any, path: Path) -> bool:
    """Whether the file is a log: a task and a model under ``eval``."""
    spec = document.get("eval") if isinstance(document, Mapping) else None
    return isinstance(spec, Mapping) and "task" in spec and "model" in spec


def open_archive(path: Path) -> Any:
    """The header of an ``.eval`` archive, which is the log without its samples.

    Raises
    ------
    BrokenFile
        If it is no such archive, or packed in a way that needs another library.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            return parse_json(zip_member(archive, "header.json"))
    except NotImplementedError as error:
        raise BrokenFile(
            None, None, f"this archive is packed in a way that Python cannot read ({error}); write it as JSON with "
            "'inspect log convert --to json'"
        ) from error  # fmt: skip
    except (zipfile.BadZipFile, zlib.error, KeyError, ValueError, EOFError, RuntimeError) as error:
        raise BrokenFile(
            None, None, f"this is no finished Inspect archive ({error}); run it again"
        ) from error


def read(document: Any, path: Path, name: str) -> Sequence[Run]:
    """Read one log.

    Raises
    ------
    BrokenFile
        If the run did not finish, or its task is no benchmark of the book.
    """
    spec = document["eval"]
    status = document.get("status")
    if status != "success":
        raise BrokenFile("status", str(status), "the evaluation did not finish; run it again")
    results = document.get("results")
    results = results if isinstance(results, Mapping) else {}
    task = str(spec["task"]).rpartition("/")[2]
    known, metric = _TASKS.get(task, (task, "acc"))
    version = spec.get("task_version")
    entry = Entry(
        key=task,
        metrics=_metrics(results, metric),
        shots=_shots(spec.get("task_args")),
        version=None if version in (None, 0) else str(version),
        ran=_whole_number(results.get("completed_samples")),
        formulation="asked for the letter"
        if known in ("hellaswag", "arc_challenge", "truthfulqa_mc1", "mmlu")
        else None,
    )
    found = find_scores({known: [entry]}, where="")
    arguments = spec.get("model_args")
    arguments = {str(k): str(v) for k, v in arguments.items()} if isinstance(arguments, Mapping) else {}
    named = re.sub(
        r"^(?:hf|vllm|ollama|openai|anthropic|google|together|openrouter|sglang)/", "", str(spec["model"])
    )
    return (
        Run(
            file=name,
            named=arguments.get("model_path", named),
            named_by="eval.model",
            scores=found.scores,
            conditions={**conditions_of_arguments(arguments, named), "harness": "Inspect"},
            when=_when(spec.get("created")),
            left_out=found.left_out,
        ),
    )


def _metrics(results: Mapping[str, Any], metric: str) -> dict[str, Any]:
    """The mean of the first scorer, under the name of the harness's metric."""
    listed = results.get("scores")
    for scorer in listed if isinstance(listed, list) else ():
        means = scorer.get("metrics") if isinstance(scorer, Mapping) else None
        for key in ("accuracy", "prompt_strict_acc", "mean"):
            one = means.get(key) if isinstance(means, Mapping) else None
            if isinstance(one, Mapping) and "value" in one:
                return {metric: one["value"]}
    return {}


def _shots(arguments: Any) -> int | None:
    if isinstance(arguments, Mapping):
        for key in ("fewshot", "num_fewshot", "n_shot"):
            if isinstance(arguments.get(key), int):
                return int(arguments[key])
    return None


def _whole_number(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else None


def _when(created: Any) -> float | None:
    try:
        return dt.datetime.fromisoformat(str(created)).timestamp()
    except ValueError:
        return None
