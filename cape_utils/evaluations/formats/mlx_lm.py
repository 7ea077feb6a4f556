"""Results without the key ``results``: what ``mlx_lm.evaluate`` writes, and the block of a leaderboard's dataset card.

Neither names its model; the file's own name is the last resort, and a note says so.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cape_utils.evaluations.formats.lm_eval import task_entries
from cape_utils.evaluations.runs import Run
from cape_utils.evaluations.tasks import TASKS, find_scores

__all__ = ["NAME", "read", "recognises"]

NAME = "mlx_lm, or a dataset card of the Open LLM Leaderboard"
_TASKS = frozenset(name for task in TASKS for name in task.names)
# eval_<model>_<shots>_<tasks>.json
_NAMED = re.compile(r"eval_(?P<model>.+?)_(?P<shots>\d+|None)_.+")


def recognises(document: Any, path: Path) -> bool:
    """Whether the keys are tasks, with an object of metrics each."""
    if not isinstance(document, Mapping) or not document:
        return False
    metrics = [value for value in document.values() if isinstance(value, Mapping)]
    return len(metrics) == len(document) and any(key in _TASKS or "|" in key for key in document)


def read(document: Any, path: Path, name: str) -> Sequence[Run]:
    """Read one file.

    Raises
    ------
    BrokenFile
        If no task of it is a benchmark of the book.
    """
    match = _NAMED.fullmatch(path.stem)
    shots = match["shots"] if match else None
    found = find_scores(task_entries({}, document, {"num_fewshot": shots}), where="")
    harness = "lm-evaluation-harness" if any("|" in key for key in document) else "mlx_lm"
    return (
        Run(
            file=name,
            named=match["model"] if match else path.stem,
            named_by="the name of the file",
            scores=found.scores,
            conditions={"harness": harness},
            left_out=found.left_out,
        ),
    )
