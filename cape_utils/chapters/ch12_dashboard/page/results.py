"""What the page must know to read results of lm-evaluation-harness and lighteval: names, patterns and words of the package."""

from __future__ import annotations

import re
from typing import Any

from cape_utils.data import model_names
from cape_utils.evaluations import conditions, identity, reading, sample_logs, tables, tasks
from cape_utils.evaluations.formats import (
    every_eval_ever,
    helm,
    inspect_log,
    lm_eval,
    mlx_lm,
    olmes,
    unread,
)

__all__ = ["results_constants"]


def results_constants() -> dict[str, Any]:
    """Names of tasks, metrics and models, as plain objects for JSON; patterns are those that a browser reads too.

    Examples
    --------
    >>> known = results_constants()
    >>> known["tasks"][0], len(known["subjects"])
    ({'column': 'hellaswag', 'names': ['hellaswag'], 'metrics': ['acc_norm,none', 'acc_norm']}, 57)
    """
    return {
        "tasks": [
            {"column": task.column, "names": list(task.names), "metrics": list(task.metrics)}
            for task in tasks.TASKS
        ],
        "accuracy": list(tasks._ACC),
        "shots": tasks.PANEL_SHOTS,
        "groups": tasks._MMLU_GROUPS,
        "subjects": sorted(tasks.SUBJECTS),
        "no_benchmark": tasks.NO_BENCHMARK,
        "no_results": reading._NO_RESULTS,
        "no_file": reading._NO_SUCH_FILE,
        "suffixes": {
            "results": list(reading.RESULTS),
            "tables": list(tables.SUFFIXES),
            "weights": list(identity._SUFFIXES),
        },
        "skipped": list(reading._SKIPPED),
        "to_csv": unread._TO_CSV,
        "backends": sorted(lm_eval._BACKENDS),
        "naming": list(lm_eval._NAMING),
        "formats": {
            "inspect": inspect_log.NAME,
            "olmes": olmes.NAME,
            "every": every_eval_ever.NAME,
            "helm": helm.NAME,
            "mlx": mlx_lm.NAME,
        },
        "logs": [_for_browsers(pattern) for pattern in sample_logs._NAMES],
        "cached": _for_browsers(identity._CACHED),
        "checkpoint": _for_browsers(identity._CHECKPOINT),
        "common": sorted(identity._COMMON),
        "bare_size": _for_browsers(identity._BARE_SIZE),
        "quantised": _for_browsers(identity._QUANTISED),
        "dtypes": identity._DTYPES,
        "precision": _for_browsers(model_names._PRECISION),
        "condition_words": conditions._WORDS,
    }


def _for_browsers(pattern: re.Pattern[str]) -> str:
    """The same pattern where groups are named in another way."""
    return pattern.pattern.replace("(?P<", "(?<")
