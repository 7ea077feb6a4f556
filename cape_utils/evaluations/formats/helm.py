"""Run folders of HELM: ``stats.json`` beside ``run_spec.json``, one benchmark of one model each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cape_utils.data.files import parse_json, read_bytes
from cape_utils.evaluations.runs import BrokenFile, Run
from cape_utils.evaluations.tasks import Entry, find_scores

__all__ = ["NAME", "read", "recognises"]

NAME = "HELM"
_TASKS = {
    "hellaswag": ("hellaswag", "acc_norm"),
    "truthful_qa": ("truthfulqa_mc1", "acc"),
    "gsm": ("gsm8k", "exact_match"),
}
_METRICS = ("exact_match", "quasi_exact_match", "final_number_exact_match", "exact_match_indicator")


def recognises(document: Any, path: Path) -> bool:
    """Whether the file is a list of statistics, or the description of a run beside one."""
    if path.name == "run_spec.json":
        return isinstance(document, Mapping) and "adapter_spec" in document
    return (
        isinstance(document, list)
        and bool(document)
        and all(isinstance(s, Mapping) and isinstance(s.get("name"), Mapping) for s in document)
    )


def read(document: Any, path: Path, name: str) -> Sequence[Run]:
    """Read the statistics of one run; its description beside them names the model.

    Raises
    ------
    BrokenFile
        If the description is missing, or the benchmark is none of the book.
    """
    if path.name == "run_spec.json":
        if (path.parent / "stats.json").is_file():
            return ()
        raise BrokenFile(None, None, "stats.json is missing beside it; give the whole run folder of HELM")
    try:
        spec = parse_json(read_bytes(path.parent / "run_spec.json", "run_spec.json"))
        adapter = spec["adapter_spec"]
        named, title = str(adapter["model"]), str(spec["name"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BrokenFile(
            None,
            None,
            "run_spec.json, which names the model, is missing or broken beside it; give the whole run folder",
        ) from error
    label = title.partition(":")[0]
    dataset = dict(part.split("=", 1) for part in title.partition(":")[2].split(",") if "=" in part)
    label = dataset.get("dataset", label) if label == "commonsense" else label
    known, metric = _TASKS.get(label, (label, "acc"))
    stat = next((s for key in _METRICS for s in document if _is(s, key)), None)
    entry = Entry(
        key=title,
        metrics={} if stat is None else {metric: stat.get("mean")},
        shots=adapter.get("max_train_instances")
        if isinstance(adapter.get("max_train_instances"), int)
        else None,
        formulation=dataset.get("method", "joint"),
    )
    found = find_scores({known: [entry]}, where="")
    return (
        Run(
            file=name,
            named=named,
            named_by="run_spec.json",
            scores=found.scores,
            conditions={"harness": "HELM"},
            left_out=found.left_out,
        ),
    )


def _is(stat: Mapping[str, Any], metric: str) -> bool:
    """Whether a statistic is a metric over the held-out split, without a perturbed prompt."""
    label = stat["name"]
    return (
        label.get("name") == metric
        and label.get("split") in ("test", "valid")
        and "perturbation" not in label
    )
