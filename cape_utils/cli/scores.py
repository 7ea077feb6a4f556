"""``cape scores``: a folder of results, or a table, as one tidy table of scores with its conditions."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "DESCRIPTION",
    "EXAMPLES",
    "SUMMARY",
    "add_arguments",
    "add_reading_arguments",
    "print_error",
    "run",
]

_LONGEST_LINE = 2000
SUMMARY = "read results of any evaluation into one table of scores"
DESCRIPTION = (
    "Read results of lm-evaluation-harness, lighteval, Inspect, OLMES, Every Eval Ever, HELM, OpenCompass or mlx_lm, or a\n"
    "table (CSV, tab-separated, Markdown, JSON lines, Excel, Parquet), and say what was understood. With --to the scores\n"
    "are written as a CSV that cape diagnose reads, with the number of items and the conditions of each measurement."
)
EXAMPLES = """\
  cape scores results/                              every model found, and what was left out and why
  cape scores results/ --to scores.csv              the same as a table
  cape scores leaderboard.csv --to scores.csv       another table, in the book's own form
"""


def add_reading_arguments(command: argparse.ArgumentParser) -> None:
    """Arguments of every command that reads scores."""
    command.add_argument(
        "--sizes",
        metavar="FILE",
        help="a CSV of model, params_b and, if wanted, family, for a results folder",
    )
    command.add_argument(
        "--active",
        action="store_true",
        help="take the active parameters of mixtures of experts whose names tell them",
    )


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Describe the arguments to the parser."""
    command.add_argument("scores", metavar="PATH", help="a folder or file of results, or a table")
    add_reading_arguments(command)
    command.add_argument("--to", metavar="FILE", help="write the table as CSV")
    command.add_argument("--force", action="store_true", help="replace the file if it exists")


def print_error(command: str, error: Exception) -> None:
    """Say what went wrong; lines to be pasted into a file stand alone."""
    paste = getattr(error, "paste", "")
    words = str(error).removesuffix(paste)
    for line in words.strip("\n").split("\n"):  # not at every sign that ends a line somewhere
        cut = "" if len(line) <= _LONGEST_LINE else f" ... ({len(line):,} characters)"
        print(f"cape {command}: {line[:_LONGEST_LINE]}{cut}", file=sys.stderr)
    if paste:
        print(paste, file=sys.stderr)


def run(arguments: argparse.Namespace) -> int:
    """Read, say what was understood, write, and return the exit status."""
    from cape_utils.data.visible import csv_cell
    from cape_utils.evaluations.reading import read_scores
    from cape_utils.jobs.own_files import free_target, write_own

    try:
        target = None if arguments.to is None else free_target(arguments.to, ("csv",), force=arguments.force)
        scores = read_scores(arguments.scores, sizes=arguments.sizes, active=arguments.active)
    except (ValueError, OSError) as error:
        print_error("scores", error)
        return 2
    print(_summary(scores))
    if target is not None:
        try:
            text = scores.map(csv_cell, na_action="ignore").to_csv(index=False, lineterminator="\n")
            write_own(target, text, force=arguments.force)
        except OSError as error:
            print_error("scores", error)
            return 1
        print(f"Table: {target}")
    return 0


def _summary(scores: pd.DataFrame) -> str:
    """The models with their scores, and what was understood, for a terminal."""
    from cape_utils.data.benchmarks import benchmarks_of
    from cape_utils.evaluations.conditions import differing, known_conditions, text_records

    lines = [scores.attrs["read"]] if "read" in scores.attrs else []
    names = benchmarks_of(scores)
    for family, rows in scores.groupby("family", sort=False):
        records = text_records(rows)
        known = [known_conditions(row, names) for row in records]
        shared = {
            key: value for key, value in known[0].items() if all(one.get(key) == value for one in known)
        }
        lines.append(f"{family}: {len(rows)} model{'s' if len(rows) != 1 else ''}")
        lines += _folded(_conditions(shared), 4)
        for row, own in zip(records, known, strict=True):
            values = ", ".join(f"{name} {row[name]:.1f}" for name in names if row[name] == row[name])
            lines.append(f"    {row['model']} ({row['params_b']:.3g}B): {values}")
            lines += _folded(_conditions({key: value for key, value in own.items() if key not in shared}), 8)
        differs = differing(known)
        if differs:
            words = "cape diagnose takes the largest set that was measured alike, or all with --mixed"
            lines += _folded(f"Measured under different conditions ({', '.join(differs)}): {words}.", 4)
    for note in scores.attrs.get("notes", ()):
        lines += _folded(f"Note: {note}", 0)
    logged = {name: len(models) for name, models in scores.attrs.get("samples", {}).items()}
    if logged:
        found = ", ".join(f"{name} of {count} models" for name, count in logged.items())
        words = "cape diagnose uses them from the folder; a table does not carry them"
        lines += _folded(f"Answers to each item: {found}. {words}.", 0)
    return "\n".join(lines)


def _conditions(known: Mapping[str, str]) -> str:
    return ", ".join(f"{key} {value}" for key, value in known.items() if value != "none")


def _folded(words: str, indent: int) -> list[str]:
    """Lines of at most 100 columns; names are not broken, so that they can be copied."""
    import textwrap

    return textwrap.wrap(
        words,
        100,
        initial_indent=" " * indent,
        subsequent_indent=" " * (indent + (4 if not indent else 0)),
        break_on_hyphens=False,
        break_long_words=False,
    )
