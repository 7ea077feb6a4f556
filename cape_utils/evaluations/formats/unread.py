"""Formats that are recognised and not read: what a file is, and what to do."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

__all__ = ["named", "named_text"]

_TO_CSV = "write its scores into a CSV (model, params_b, and the benchmarks in percent) and give that"


def named(document: Any, path: Path) -> str:
    """What a parsed JSON file looks like, with the way out; empty if it is nothing known.

    Examples
    --------
    >>> named({"dataset_name": "hellaswag", "metrics": []}, Path("hellaswag.json"))[:38]
    'this looks like an EvalScope report; w'
    """
    if (
        isinstance(document, list)
        and document
        and isinstance(document[0], Mapping)
        and "doc_id" in document[0]
    ):
        return "these are samples of lm-evaluation-harness, without a score or a model's name; give the results beside them"
    keys = set(document) if isinstance(document, Mapping) else set()
    if "dataset_name" in keys and ("metrics" in keys or {"model_name", "score"} <= keys):
        return f"this looks like an EvalScope report; {_TO_CSV}"
    if {"task", "model", "scores"} <= keys:
        return (
            f"this looks like a result of BIG-bench, whose tasks are none of the book's benchmarks; {_TO_CSV}"
        )
    if keys & {"architectures", "global_step", "log_history"}:
        return "this is a file of the model or its training, not of an evaluation"
    return ""


def named_text(text: str, suffix: str) -> str:
    r"""What a text file looks like that is no table; empty if it is nothing known.

    Examples
    --------
    >>> named_text("results:\n  tasks:\n    hellaswag: {}\n", ".yml")[:44]
    'this looks like a result of NeMo Evaluator; '
    """
    if suffix in (".yml", ".yaml"):
        if "tasks:" in text and "results:" in text:
            return f"this looks like a result of NeMo Evaluator; {_TO_CSV}"
        return f"this is YAML, which is not read; {_TO_CSV}"
    head = text[:2000].lower()
    if "|" in head and "metric" in head and "stderr" in head and "filter" in head:
        return (
            "this is the table that lm_eval prints, which does not name its model; give the folder that --output_path named, "
            "or write the scores into a CSV with the columns model, params_b, hellaswag, truthfulqa_mc2"
        )
    return ""
