"""``cape frontier``: a model's two scores on paper B's map."""

from __future__ import annotations

import argparse
import json
import sys
import textwrap
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cape_utils.frontier import Location
    from cape_utils.frontier_diagnosis import FrontierDiagnosis

__all__ = ["DESCRIPTION", "EXAMPLES", "SUMMARY", "add_arguments", "run"]

SUMMARY = "place a model's two scores beside the frontier models"
DESCRIPTION = (
    "Place SWE-bench Verified and GPQA Diamond scores, in percent, on paper B's map of coding and reasoning."
)
EXAMPLES = """\
  cape frontier --swe 80.8 --gpqa 91.3          where a model with these two scores lies
  cape frontier --swe 80.8 --gpqa 91.3 --json   the same for programs
  cape frontier --swe 80.8 --gpqa 91.3 --lab Anthropic   with the lab's own releases and the axis to measure next
"""


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Describe the arguments to the parser."""
    command.add_argument(
        "--swe", type=float, required=True, metavar="PERCENT", help="SWE-bench Verified, 0 to 100"
    )
    command.add_argument(
        "--gpqa", type=float, required=True, metavar="PERCENT", help="GPQA Diamond, 0 to 100"
    )
    command.add_argument(
        "--lab",
        metavar="NAME",
        help="hold it against this lab's releases, and say which axis to measure next",
    )
    command.add_argument("--json", action="store_true", help="print a JSON object instead of text")


def run(arguments: argparse.Namespace) -> int:
    """Print where the model lies and return the exit status."""
    from cape_utils.frontier import locate

    more = None
    try:
        here = locate(arguments.swe, arguments.gpqa)
        if arguments.lab is not None:
            from cape_utils.frontier_diagnosis import frontier_diagnosis

            more = frontier_diagnosis(arguments.swe, arguments.gpqa, lab=arguments.lab)
    except ValueError as error:
        print(f"cape frontier: {error}", file=sys.stderr)
        return 2
    if arguments.json:
        # With a lab the object gains keys; those without one stay as they were.
        extra = {} if more is None else {k: v for k, v in more.as_dict().items() if k != "location"}
        print(json.dumps({**here.as_dict(), **extra}, indent=2, allow_nan=False))
    else:
        _print_location(here)
        if more is not None:
            _print_diagnosis(more)
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
        f"    95% of single models lie between {max(here.expected_low, 0):.1f}% and {min(here.expected_high, 100):.1f}%; "
        f"this one is {usual}.",
        "    How far the line is more than a common rise of both scores over time: chapter 09_frontier.",
    )
    print("\n".join(lines))


def _print_diagnosis(found: FrontierDiagnosis) -> None:
    from cape_utils.data import benchmark_title
    from cape_utils.frontier_diagnosis import ROTATE_BELOW

    one = found.saturation_low < ROTATE_BELOW <= found.saturation_high
    decided = ", which a single model decides" if one else ""
    sure = "as far as item noise goes" if found.band_sure else "though item noise leaves it open"
    _say(f"Band: {found.band} the line (5 points), {sure}")
    _say(f"Releases of {found.lab}, h in points:")
    for release in found.history:
        _say(
            f"    {release.released:<10}  {release.model:<28}  {release.h:+6.1f}  (standard error {release.h_se:.1f})"
        )
    words = "more than" if found.changed else "not more than"
    _say(
        f"    Change from the latest: {found.change:+.1f} [{found.change_low:+.1f}, {found.change_high:+.1f}], {words} 10 points"
    )
    _say(
        f"Saturation ratio {found.saturation:.2f} ({found.saturation_low:.2f} to "
        f"{found.saturation_high:.2f} with one of the five "
        f"left out): {'rotate' if found.rotate else 'no need to rotate'} by the paper's rule of 0.2{decided}"
    )
    for axis in found.axes:
        spread = (
            "too few models"
            if axis.ratio != axis.ratio
            else f"best five spread {axis.spread:.1f} points, {axis.ratio:.1f} x noise"
        )
        _say(f"    {benchmark_title(axis.benchmark):<20}  {axis.models:>3} models  {spread}")
    named = (
        benchmark_title(found.next_axis)
        if found.next_axis
        else "one that is not in this table; on these the best tie"
    )
    _say(f"Axis to measure next: {named}")
    _say(
        f"How far to trust the playbook: {found.grade} ({'; '.join(f'{e.id}: {e.verdict}' for e in found.evidence)})"
    )


def _say(words: str) -> None:
    indent = " " * (len(words) - len(words.lstrip()) + 4)
    # Columns that were lined up stay so where a line fits; only longer ones are folded.
    print(words if len(words) <= 100 else textwrap.fill(words, 100, subsequent_indent=indent))
