"""Paired and assumed item noise on real answers: one model, its weights in 4 bits, and the model short of four layers.

The book's own pairs of completions are put to all three, and the answers are written as lm-evaluation-harness writes them
(``--log_samples``), to be read back by ``evaluations.sample_logs``. The logs come with the repository; writing them takes two
minutes. They implement no section of the papers.
"""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from cape_utils import data
from cape_utils.evaluations.sample_logs import Matched, match_items
from cape_utils.stats.item_noise import item_error

if TYPE_CHECKING:
    from cape_utils.models.loading import Loaded

__all__ = [
    "TASKS",
    "VARIANTS",
    "logs_folder",
    "noise_table",
    "read_logs",
    "results_file",
    "variant",
    "write_logs",
]

TASKS = {"reasoning": "reasoning_pairs", "truthfulness": "truth_pairs"}
"""Tables of pairs by what they ask for."""

VARIANTS = ("SmolLM2-135M", "SmolLM2-135M in 4 bits", "SmolLM2-135M without 4 layers")
"""The model and what was made of it."""

_STAMP = "2026-11-28T12-00-00.000000"
_GROUP, _LEVELS = 64, 7  # weights that share a scale; steps to each side of zero in 4 bits
_LEFT_OUT = range(20, 24)


def logs_folder() -> Path:
    """Where the logs lie."""
    return data.tables_folder() / "pair_logs"


def results_file(name: str, folder: Path | None = None) -> Path:
    """Where the results of a variant lie; its answers lie beside them."""
    root = logs_folder() if folder is None else folder
    return root / name.replace(" ", "_") / f"results_{_STAMP}.json"


def variant(loaded: Loaded, name: str) -> Loaded:
    """The model as it is, rounded to 4 bits, or pruned, by its name among ``VARIANTS``."""
    makers: tuple[Callable[[Any], Any], ...] = (_as_it_is, _in_4_bits, _pruned)
    changes = dict(zip(VARIANTS, makers, strict=True))
    return loaded._replace(model=changes[name](loaded.model))


def _as_it_is(model: Any) -> Any:
    return model


def _in_4_bits(model: Any) -> Any:
    """A copy whose linear layers are rounded to the nearest of fifteen steps, one scale for each 64 weights of a row."""
    import torch

    copied = copy.deepcopy(model)
    head = copied.get_output_embeddings()
    with torch.no_grad():
        for layer in copied.modules():
            if isinstance(layer, torch.nn.Linear) and layer is not head:
                groups = layer.weight.reshape(-1, _GROUP)
                scale = groups.abs().amax(1, keepdim=True).clamp(min=1e-12) / _LEVELS
                layer.weight.copy_((groups / scale).round().mul(scale).reshape(layer.weight.shape))
    return copied


def _pruned(model: Any) -> Any:
    """A copy without four layers in its last third."""
    import torch

    copied = copy.deepcopy(model)
    kept = [layer for place, layer in enumerate(copied.model.layers) if place not in _LEFT_OUT]
    copied.model.layers = torch.nn.ModuleList(kept)
    copied.config.num_hidden_layers = len(kept)
    return copied


def write_logs(
    loaded: Loaded, name: str, folder: Path, *, tables: dict[str, pd.DataFrame] | None = None
) -> Path:
    """Put every pair to a model and write results and samples in the layout of lm-evaluation-harness.

    An answer is right where the true completion is the likelier of the two.

    Parameters
    ----------
    loaded : Loaded
    name : str
    folder : path
        A folder named after the model is made in it.
    tables : dict of str to DataFrame, optional
        Pairs by task; all of the book's by default.

    Returns
    -------
    path
        The file of results.
    """
    from cape_utils.models.completions import completion_logp

    path = results_file(name, folder)
    own = path.parent
    own.mkdir(parents=True, exist_ok=True)
    results, counts = {}, {}
    for task, pairs in (tables or {task: data.load(table) for task, table in TASKS.items()}).items():
        logp = np.array(
            [
                completion_logp(loaded, pairs["stem"].tolist(), pairs[f"{which}_completion"].tolist())[0]
                for which in ("true", "false")
            ]
        )
        right = (logp[0] > logp[1]).astype(float)
        rows = [
            {
                "doc_id": place,
                "target": "0",
                "filtered_resps": [[round(float(value), 4)] for value in logp[:, place]],
                "filter": "none",
                "metrics": ["acc"],
                "doc_hash": _digest(
                    pair["pair_id"], pair["stem"], pair["true_completion"], pair["false_completion"]
                ),
                "prompt_hash": _digest(pair["stem"]),
                "target_hash": _digest(pair["true_completion"]),
                "acc": right[place],
            }
            for place, pair in enumerate(pairs.to_dict("records"))
        ]
        lines = "".join(json.dumps(row) + "\n" for row in rows)
        (own / f"samples_{task}_{_STAMP}.jsonl").write_text(lines, encoding="utf-8")
        results[task] = {"alias": task, "acc,none": float(right.mean())}
        counts[task] = {"original": len(pairs), "effective": len(pairs)}
    document = {
        "results": results,
        "n-shot": dict.fromkeys(results, 0),
        "n-samples": counts,
        "config": {"model": "hf", "model_args": f"pretrained={name}", "limit": None},
        "model_name": name,
        "chat_template": None,
    }
    path.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    return path


def _digest(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def read_logs(folder: Path | None = None) -> dict[str, Matched]:
    """The answers of every variant, matched by item, for each task.

    Examples
    --------
    >>> {task: (matched.scores.n, len(matched.scores.models)) for task, matched in read_logs().items()}
    {'reasoning': (48, 3), 'truthfulness': (200, 3)}
    """
    found = {}
    for task in TASKS:
        paths, reported = {}, {}
        for name in VARIANTS:
            results = results_file(name, folder)
            paths[name] = [str(results.with_name(f"samples_{task}_{_STAMP}.jsonl"))]
            document = json.loads(results.read_text(encoding="utf-8"))
            reported[name] = 100 * document["results"][task]["acc,none"]
        found[task] = match_items(paths, task, reported)
    return found


def noise_table(matched: dict[str, Matched]) -> pd.DataFrame:
    """Each variant against the model: its change, the paired error, and the error without the answers.

    Returns
    -------
    DataFrame
        ``task, variant, items, before, after`` (percent), ``change, error, assumed`` (percentage points), ``ratio`` (assumed over
        paired), ``correlation`` of the answers, ``gained, lost`` (items) and ``p`` of exact McNemar.
    """
    rows = []
    for task, one in matched.items():
        first, *others = one.scores.models
        alone = item_error(one.scores.score_pct(), one.scores.n)
        for place, name in enumerate(others, start=1):
            step = one.scores.change(first, name)
            assumed = float(np.hypot(alone[0], alone[place]))
            rows.append(
                {
                    "task": task,
                    "variant": name.removeprefix(f"{first} "),
                    "items": one.scores.n,
                    "before": float(one.scores.score_pct()[0]),
                    "after": float(one.scores.score_pct()[place]),
                    "change": step.change,
                    "error": step.error,
                    "assumed": assumed,
                    "ratio": assumed / step.error if step.error > 0 else float("nan"),
                    "correlation": step.correlation,
                    "gained": step.gained,
                    "lost": step.lost,
                    "p": step.p,
                }
            )
    return pd.DataFrame(rows)
