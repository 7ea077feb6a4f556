"""``cape diagnose``: what a family's scores say, in the terminal or as a report to keep."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from cape_utils.cli.scores import add_reading_arguments, print_error

if TYPE_CHECKING:
    from cape_utils.reports.family import FamilyReport

__all__ = ["DESCRIPTION", "EXAMPLES", "SUMMARY", "add_arguments", "run"]

SUMMARY = "diagnose your own model family from its scores"
DESCRIPTION = (
    "Say in which phase a family of models is, how sure that is, what the next size may score, and what to try.\n"
    "SCORES is a table with the columns model, family, params_b (billions) and benchmarks in percent, or a folder of\n"
    "results, as cape scores reads them. Two sizes are enough; more say more."
)
EXAMPLES = """\
  cape diagnose scores.csv                          every family of the table, in plain words
  cape diagnose results/ --report out.html          a folder of results, one page to keep
  cape diagnose results/ --sizes sizes.csv          where a model's name does not tell its size
  cape diagnose results/ --mixed                    although models were measured under different conditions
  cape diagnose scores.csv --family Mine --json     one family, for programs
  cape diagnose scores.csv --x mmlu --y truthfulqa_mc2
  cape diagnose scores.csv --next 13                what a model of 13 billion parameters may score
"""


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Describe the arguments to the parser."""
    command.add_argument("scores", metavar="SCORES", help="a table of scores, or a folder or file of results")
    command.add_argument(
        "--report", metavar="FILE", help="write a report; the suffix says how: .html, .md or .json"
    )
    command.add_argument("--force", action="store_true", help="replace the report if it exists")
    command.add_argument("--family", metavar="NAME", help="only this family")
    command.add_argument(
        "--x", default="hellaswag", metavar="BENCHMARK", help="first of the pair (default hellaswag)"
    )
    command.add_argument(
        "--y",
        default="truthfulqa_mc2",
        metavar="BENCHMARK",
        help="second of the pair (default truthfulqa_mc2)",
    )
    add_reading_arguments(command)
    command.add_argument(
        "--mixed", action="store_true", help="compare models that were measured under different conditions"
    )
    command.add_argument(
        "--next",
        dest="next_params_b",
        type=_size,
        metavar="BILLIONS",
        help="size to predict, above the largest of the family (default: the next of its own ladder)",
    )
    command.add_argument("--seed", type=int, default=0, metavar="N", help="of the simulations (default 0)")
    command.add_argument("--json", action="store_true", help="print a JSON list of objects instead of text")


def _size(text: str) -> float:
    """A size in billions; argparse puts the name of the argument before the message."""
    import math

    try:
        size = float(text)
    except ValueError:
        size = math.nan
    if not (math.isfinite(size) and size > 0):
        raise argparse.ArgumentTypeError(
            f"got {text!r}, expected a number of billions above 0; write it alone, such as 13 or 0.41"
        )
    return size


def run(arguments: argparse.Namespace) -> int:
    """Read, diagnose, print or write, and return the exit status."""
    try:
        tables_only = _check(arguments)
        report = _report(arguments)
    except (ValueError, OSError) as error:
        print_error("diagnose", error)
        return 2
    for line in report.left_out:
        print(f"cape diagnose: {line}", file=sys.stderr)
    if arguments.report:
        _say(f"writing {arguments.report}")
        if tables_only:
            print(f"cape diagnose: the report holds tables only: {tables_only}", file=sys.stderr)
        try:
            report.save(arguments.report, force=arguments.force)
        except (ValueError, OSError) as error:
            print(f"cape diagnose: {error}", file=sys.stderr)
            return 1
    if arguments.json:
        print(report.as_json(), end="")
    elif arguments.report:
        print(f"{report.headlines()}\nReport: {arguments.report}")
    else:
        print(report.as_text(), end="")
    return 0


def _say(words: str) -> None:
    """Progress, for a person who waits; a program that reads the output hears of work for many families alone."""
    if sys.stderr.isatty() or "families, one after" in words:
        print(f"... {words}", file=sys.stderr)


def _check(arguments: argparse.Namespace) -> str:
    """Refuse what cannot work before the work; return why a report will hold no charts, empty if it will."""
    if arguments.seed < 0:
        raise ValueError(f"--seed is {arguments.seed}; expected a whole number from 0")
    if not arguments.report:
        if arguments.force:
            raise ValueError("--force replaces a report; name one with --report FILE")
        return ""
    from cape_utils.reports.family import check_target

    try:
        return check_target(arguments.report, force=arguments.force)
    except (ValueError, OSError) as error:
        raise ValueError(f"--report: {error}") from error


def _report(arguments: argparse.Namespace) -> FamilyReport:
    from cape_utils.reports.family import family_report

    return family_report(
        arguments.scores,
        x=arguments.x,
        y=arguments.y,
        sizes=arguments.sizes,
        active=arguments.active,
        mixed=arguments.mixed,
        family=arguments.family,
        next_params_b=arguments.next_params_b,
        rng=arguments.seed,
        progress=_say,
    )
