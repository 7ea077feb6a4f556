"""``cape frontier``: a model's two scores on paper B's map."""

from __future__ import annotations

import argparse
import json
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cape_utils.frontier import Location

__all__ = ["DESCRIPTION", "EXAMPLES", "SUMMARY", "add_arguments", "run"]

SUMMARY = "place a model's two scores beside the frontier models"
DESCRIPTION = (
    "Place SWE-bench Verified and GPQA Diamond scores, in percent, on paper B's map of coding and reasoning."
)
EXAMPLES = """\
  cape frontier --swe 80.8 --gpqa 91.3          where a model with these two scores lies
  cape frontier --swe 80.8 --gpqa 91.3 --json   the same for programs
"""


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Describe the arguments to the parser."""
    command.add_argument(
        "--swe", type=float, required=True, metavar="PERCENT", help="SWE-bench Verified, 0 to 100"
    )
    command.add_argument(
        "--gpqa", type=float, required=True, metavar="PERCENT", help="GPQA Diamond, 0 to 100"
    )
    command.add_argument("--json", action="store_true", help="print a JSON object instead of text")


def run(arguments: argparse.Namespace) -> int:
    """Print where the model lies and return the exit status."""
    from cape_utils.frontier import locate

    try:
        here = locate(arguments.swe, arguments.gpqa)
    except ValueError as error:
        print(f"cape frontier: {error}", file=sys.stderr)
        return 2
    if arguments.json:
        print(json.dumps(here.as_dict(), indent=2, allow_nan=False))
    else:
        _print_location(here)
    return 0


def _print_location(here: Location) -> None:
    from cape_utils.coupling import benchmark_items
    from cape_utils.frontier import GPQA, SWE

    usual = "within" if here.usual else "outside"
    items = f"{benchmark_items(GPQA):g} and {benchmark_items(SWE):g}"
    sure = "excludes" if here.h_low > 0 or here.h_high < 0 else "includes"
    lines = (
        f"h = {here.h:+.1f} points [{here.h_low:+.1f}, {here.h_high:+.1f}]: {here.position}",
        f"    GPQA Diamond {here.gpqa_diamond:g}%, where the line of {here.n} models gives {here.expected:.1f}%",
        f"    The interval is the noise of {items} test items alone; it {sure} zero.",
        f"    95% of single models lie between {here.expected_low:.1f}% and {here.expected_high:.1f}%; this one is {usual}.",
        "    How far the line is more than a common rise of both scores over time: chapter 09_frontier.",
    )
    print("\n".join(lines))
