"""``cape internals``: measure a list of models, here or on a cluster."""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any

__all__ = ["DESCRIPTION", "EXAMPLES", "SUMMARY", "add_arguments", "run"]

SUMMARY = "measure what happens inside a list of models"
DESCRIPTION = (
    "Measure internal coupling and the reach of steering (chapters 06 and 10) for a list of models, one task a model.\n"
    "Each result is written as it ends; a second run measures only what is missing or failed."
)
EXAMPLES = """\
  cape internals --models models.txt --out results/
  cape internals --models models.txt --out results/ --workers 2
  cape internals --models models.txt --out results/ --scheduler tcp://10.0.0.5:8786
"""


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Describe the arguments to the parser."""
    command.add_argument(
        "--models",
        required=True,
        metavar="FILE",
        help="model names or folders, one per line; # begins a comment",
    )
    command.add_argument(
        "--out",
        metavar="FOLDER",
        help="where results go, one Parquet file a model (default: where chapter 06 looks)",
    )
    command.add_argument(
        "--scheduler", metavar="ADDRESS", help="a running dask scheduler; this machine by default"
    )
    command.add_argument(
        "--workers", type=int, default=1, metavar="N", help="processes on this machine (default 1)"
    )
    command.add_argument(
        "--device", default="auto", help="auto, cpu, cuda or mps, on each worker (default auto)"
    )
    command.add_argument(
        "--json", action="store_true", help="print the results as a JSON list instead of text"
    )


def run(arguments: argparse.Namespace) -> int:
    """Measure what is missing, print a line for each model, and return 1 if one of them failed."""
    from cape_utils.internals.model_survey import read_models, survey_models
    from cape_utils.jobs.result_cache import results_folder

    if arguments.workers < 1:
        print(f"cape internals: --workers is {arguments.workers}; at least 1 is needed", file=sys.stderr)
        return 2
    try:
        names = read_models(arguments.models)
    except (OSError, ValueError) as error:
        print(f"cape internals: {error}", file=sys.stderr)
        return 2
    try:
        results = survey_models(
            names,
            arguments.out or results_folder() / "internals",
            scheduler=arguments.scheduler,
            workers=arguments.workers,
            device=arguments.device,
            progress=_say,
        )
    except (OSError, ImportError) as error:
        print(f"cape internals: {error}", file=sys.stderr)
        return 1
    rows = json.loads(results.to_json(orient="records"))
    if arguments.json:
        print(json.dumps(rows, indent=2))
    else:
        for row in rows:
            print(_line(row))
    return int((results["status"] != "ok").any())


def _say(row: dict[str, Any], done: int, total: int) -> None:
    print(f"[{done}/{total}] {row['model']}: {row['status']}, {row['seconds']:.0f} s", file=sys.stderr)


def _line(row: dict[str, Any]) -> str:
    if row["status"] != "ok":
        return f"{row['model']}: {row['error']}"
    return (
        f"{row['model']}: {row['head_reasoning_truthfulness_competing']:.0f} of {row['layers'] * row['heads']:.0f} heads "
        f"compete by the paper's rule, mean cosine {row['head_reasoning_truthfulness_cosine']:.3f}; "
        f"the margin is steepest after layer {row['best_layer']:.0f}"
    )
