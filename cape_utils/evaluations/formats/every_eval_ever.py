"""Records of Every Eval Ever: one model, a list of scores with the range of each.

Schema: ``eval.schema.json`` of https://github.com/evaleval/every_eval_ever (version 0.2).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cape_utils.evaluations.runs import BrokenFile, Run
from cape_utils.evaluations.tasks import TASKS, Entry, find_scores

__all__ = ["NAME", "read", "recognises"]

NAME = "Every Eval Ever"
_SPELT = {re.sub("[^a-z0-9]", "", name): name for task in TASKS for name in task.names} | {
    "truthfulqamc1": "truthfulqa_mc1",
    "truthfulqamc2": "truthfulqa_mc2",
    "arcc": "arc_challenge",
    "gpqadiamond": "leaderboard_gpqa_diamond",
}


def recognises(document: Any, path: Path) -> bool:
    """Whether the file is a record: a model and its evaluation results."""
    return isinstance(document, Mapping) and {"model_info", "evaluation_results"} <= set(document)


def read(document: Any, path: Path, name: str) -> Sequence[Run]:
    """Read one record.

    Raises
    ------
    BrokenFile
        If it names no model or has no benchmark of the book.
    """
    model = document["model_info"]
    named = model.get("id") or model.get("name") if isinstance(model, Mapping) else None
    if not isinstance(named, str) or not named:
        raise BrokenFile("model_info.id", None, "a model name is needed")
    tasks: dict[str, list[Entry]] = {}
    listed = document["evaluation_results"]
    for result in listed if isinstance(listed, list) else []:
        if isinstance(result, Mapping):
            label, entry = _entry(result)
            tasks.setdefault(label, []).append(entry)
    found = find_scores(tasks, where="evaluation_results.")
    library = document.get("eval_library")
    library = str(library.get("name")) if isinstance(library, Mapping) and library.get("name") else "unknown"
    when = document.get("evaluation_timestamp")
    return (
        Run(
            file=name,
            named=named,
            named_by="model_info",
            scores=found.scores,
            conditions={} if library == "unknown" else {"harness": library},
            when=float(when) if when is not None and re.fullmatch(r"\d+(\.\d+)?", str(when)) else None,
            left_out=found.left_out,
        ),
    )


def _entry(result: Mapping[str, Any]) -> tuple[str, Entry]:
    title = str(result.get("evaluation_name", ""))
    label = _SPELT.get(re.sub("[^a-z0-9]", "", title.lower()), title)
    details, config = result.get("score_details"), result.get("metric_config")
    details = details if isinstance(details, Mapping) else {}
    config = config if isinstance(config, Mapping) else {}
    score, top, bottom = details.get("score"), config.get("max_score", 1), config.get("min_score", 0)
    if isinstance(score, int | float) and isinstance(top, int | float) and top in (1, 100) and bottom == 0:
        score = score / top
    uncertainty = details.get("uncertainty")
    samples = uncertainty.get("num_samples") if isinstance(uncertainty, Mapping) else None
    metrics = {key: score for task in TASKS if label in task.names for key in task.metrics}
    return label, Entry(key=title, metrics=metrics, ran=samples if isinstance(samples, int) else None)
