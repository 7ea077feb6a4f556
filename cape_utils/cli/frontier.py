"""``cape frontier``: a model's two scores on paper B's map, or on that of any other pair and table."""

from __future__ import annotations

import argparse
import json
import math
import textwrap
from typing import TYPE_CHECKING

from cape_utils.cli.scores import print_error

if TYPE_CHECKING:
    from cape_utils.frontier.model_diagnosis import FrontierDiagnosis
    from cape_utils.frontier.regression import FrontierPosition

__all__ = ["DESCRIPTION", "EXAMPLES", "SUMMARY", "add_arguments", "run"]

SUMMARY = "place a model's two scores beside the frontier models"
DESCRIPTION = (
    "Place SWE-bench Verified and GPQA Diamond scores, in percent, on paper B's map of coding and reasoning.\n"
    "With --x and --y the same is done for any two benchmarks, and with --table for your own models: a CSV with\n"
    "the columns model and both benchmarks; lab and released (YYYY, YYYY-MM or YYYY-MM-DD) give a history."
)
EXAMPLES = """\
  cape frontier --swe 80.8 --gpqa 91.3          where a model with these two scores lies
  cape frontier --swe 80.8 --gpqa 91.3 --json   the same for programs
  cape frontier --swe 80.8 --gpqa 91.3 --lab Anthropic   with the lab's own releases and the axis to measure next
  cape frontier --x ifeval=93 --y gpqa_diamond=88   another pair of the book's table: only four models, as the output says
  cape frontier --x mmlu=70 --y hle=12 --items hle=2500 --table models.csv   your own table, any two of its columns
"""


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Describe the arguments to the parser."""
    command.add_argument("--swe", type=float, metavar="PERCENT", help="SWE-bench Verified, 0 to 100")
    command.add_argument("--gpqa", type=float, metavar="PERCENT", help="GPQA Diamond, 0 to 100")
    command.add_argument(
        "--x",
        type=_named,
        metavar="NAME=PERCENT",
        help="in place of --swe: a column of the table and your score, such as mmlu=70",
    )
    command.add_argument(
        "--y",
        type=_named,
        metavar="NAME=PERCENT",
        help="in place of --gpqa: the column that the line predicts",
    )
    command.add_argument(
        "--table",
        metavar="FILE",
        help="a CSV of the models that the line is drawn through (default: the book's 34 published models)",
    )
    command.add_argument(
        "--items",
        type=_named,
        action="append",
        metavar="NAME=N",
        help="number of test items of a benchmark that the book does not know; once for each",
    )
    command.add_argument(
        "--lab",
        metavar="NAME",
        help="hold it against this lab's releases, and say which axis to measure next",
    )
    command.add_argument("--json", action="store_true", help="print a JSON object instead of text")
    command.set_defaults(misuse=command.error)


def _named(text: str) -> tuple[str, float]:
    """A benchmark and a number; argparse puts the name of the argument before the message."""
    name, sign, number = text.partition("=")
    try:
        value = float(number)
    except ValueError:
        value = math.nan
    if not (name.strip() and sign and math.isfinite(value)):
        raise argparse.ArgumentTypeError(
            f"got {text!r}, expected NAME=NUMBER; write it without spaces, such as mmlu=70"
        )
    return name.strip(), value


def _pair(arguments: argparse.Namespace) -> tuple[tuple[str, float], tuple[str, float]]:
    """Names and scores of the pair; a call that mixes or lacks them ends here."""
    from cape_utils.frontier.benchmark_pair import GPQA, SWE

    old, new = (arguments.swe, arguments.gpqa), (arguments.x, arguments.y)
    given = [flags for flags in (old, new) if any(flag is not None for flag in flags)]
    if len(given) != 1 or any(flag is None for flag in given[0]):
        arguments.misuse("two scores are needed: --swe and --gpqa, or --x NAME=PERCENT and --y NAME=PERCENT")
    return new if given[0] is new else ((SWE, old[0]), (GPQA, old[1]))


def run(arguments: argparse.Namespace) -> int:
    """Print where the model lies and return the exit status."""
    (x, x_pct), (y, y_pct) = _pair(arguments)
    more = None
    try:
        if arguments.x is None and arguments.table is None and arguments.lab is None and not arguments.items:
            from cape_utils.frontier.regression import locate

            location = locate(x_pct, y_pct)
        else:
            more = _diagnose(arguments, x, y, x_pct, y_pct)
            location = more.location
    except (ValueError, OSError) as error:
        print_error("frontier", error)
        return 2
    if arguments.json:
        # With a lab or another pair the object gains keys; those without stay as they were.
        extra = {} if more is None else {k: v for k, v in more.as_dict().items() if k != "location"}
        print(json.dumps({**location.as_dict(), **extra}, indent=2, allow_nan=False))
    else:
        _print_location(location)
        if more is not None:
            _print_diagnosis(more)
    return 0


def _diagnose(arguments: argparse.Namespace, x: str, y: str, x_pct: float, y_pct: float) -> FrontierDiagnosis:
    from cape_utils.frontier.benchmark_pair import make_pair, read_population
    from cape_utils.frontier.model_diagnosis import frontier_diagnosis

    pair = make_pair(x, y, items=dict(arguments.items or ()))
    table = None if arguments.table is None else read_population(arguments.table, pair)
    return frontier_diagnosis(x_pct, y_pct, lab=arguments.lab, pair=pair, table=table)


def _print_location(location: FrontierPosition) -> None:
    from cape_utils.reports.frontier_words import place_words

    first, *details = place_words(location)
    print("\n".join([first, *(f"    {line}" for line in details)]))


def _print_diagnosis(diagnosis: FrontierDiagnosis) -> None:
    from cape_utils.reports import frontier_words

    words = frontier_words.playbook_words(diagnosis)
    _say(words["band"])
    if diagnosis.history:
        _say(f"Releases of {diagnosis.lab}, h in points:")
        for release in diagnosis.history:
            _say(f"    {frontier_words.release_words(release)}")
        _say(f"    {words['change']}")
    _say(words["saturation"])
    for axis in diagnosis.axes:
        _say(f"    {frontier_words.axis_words(axis)}")
    _say(f"Axis to measure next: {frontier_words.next_words(diagnosis)}")
    _say(words["trust"])
    for caution in diagnosis.cautions:
        _say(f"Beware: {caution}")


def _say(words: str) -> None:
    indent = " " * (len(words) - len(words.lstrip()) + 4)
    # Columns that were lined up stay so where a line fits; only longer ones are folded.
    print(words if len(words) <= 100 else textwrap.fill(words, 100, subsequent_indent=indent))
