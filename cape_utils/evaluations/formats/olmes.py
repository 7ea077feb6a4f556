"""Metrics of OLMES and oe-eval: ``metrics.json`` with ``all_primary_scores``, ``tasks`` or ``metrics``, and ``model_config``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cape_utils.evaluations.identity import conditions_of_arguments
from cape_utils.evaluations.runs import BrokenFile, Run
from cape_utils.evaluations.tasks import TASKS, Entry, find_scores

__all__ = ["NAME", "read", "recognises"]

NAME = "OLMES (oe-eval)"


def recognises(document: Any, path: Path) -> bool:
    """Whether the file has primary scores, or tasks each with its configuration."""
    if not isinstance(document, Mapping):
        return False
    tasks = document.get("tasks", document.get("metrics"))
    return "all_primary_scores" in document or (
        "model_config" in document
        and isinstance(tasks, list)
        and all(isinstance(task, Mapping) and "task_config" in task for task in tasks)
    )


def read(document: Any, path: Path, name: str) -> Sequence[Run]:
    """Read one file.

    Raises
    ------
    BrokenFile
        If it names no model or has no benchmark of the book.
    """
    config = document.get("model_config")
    config = config if isinstance(config, Mapping) else {}
    named = next((config[key] for key in ("model_path", "model") if config.get(key)), None)
    if not isinstance(named, str):
        raise BrokenFile("model_config.model", None, "a model name is needed")
    revision = config.get("revision")
    tasks: dict[str, list[Entry]] = {}
    listed = document.get("tasks", document.get("metrics"))
    for task in listed if isinstance(listed, list) else []:
        if not isinstance(task, Mapping):
            continue
        own = task.get("task_config")
        own = own if isinstance(own, Mapping) else {}
        alias = str(task.get("alias") or task.get("task") or own.get("task_name") or "")
        label = str(own.get("task_name") or alias.partition("::")[0]).partition(":")
        formulation = label[2] or alias.partition("::")[0].partition(":")[2] or "rc"
        metrics = task.get("metrics")
        metrics = metrics if isinstance(metrics, Mapping) else task
        tasks.setdefault(label[0], []).append(
            Entry(
                key=alias,
                metrics=_as_harness(label[0], metrics),
                shots=own["num_shots"] if isinstance(own.get("num_shots"), int) else None,
                ran=task["num_instances"] if isinstance(task.get("num_instances"), int) else None,
                formulation=formulation,
            )
        )
    found = find_scores(tasks, where="tasks.")
    arguments = {str(key): str(value) for key, value in config.items() if value is not None}
    return (
        Run(
            file=name,
            named=named + (f"@{revision}" if revision and revision != "main" else ""),
            named_by="model_config",
            scores=found.scores,
            conditions={**conditions_of_arguments(arguments, named), "harness": "OLMES"},
            left_out=found.left_out,
        ),
    )


def _as_harness(task: str, metrics: Mapping[str, Any]) -> dict[str, Any]:
    """Metrics under the names that ``evaluations.tasks`` knows; the primary score stands for each of them."""
    known = {key: value for key, value in metrics.items() if isinstance(value, int | float)}
    own = {
        "acc_norm": known.get("acc_per_char", known.get("acc_norm")),
        "acc": known.get("acc_raw", known.get("acc")),
    }
    filled = {key: value for key, value in own.items() if value is not None}
    primary = known.get("primary_score")
    if primary is not None:  # what OLMES itself reports for this task, in whichever formulation it was put
        filled = {key: primary for one in TASKS if task in one.names for key in one.metrics}
    return {**known, **filled}
