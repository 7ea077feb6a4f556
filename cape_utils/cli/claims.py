"""``cape claims``: every claim with its verdict."""

from __future__ import annotations

import argparse
import json
import sys
import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cape_utils.claims.verdicts import Assessment

__all__ = ["DESCRIPTION", "EXAMPLES", "SUMMARY", "add_arguments", "run"]

SUMMARY = "print every claim with its verdict"
DESCRIPTION = (
    "Print every claim of the papers with our numbers and the verdict by rule. Numbers are\n"
    "kept until the code or a table behind them changes."
)
EXAMPLES = """\
  cape claims                          every claim with the paper's number, ours and the verdict
  cape claims --chapter 02_coupling    the claims of one chapter
  cape claims --json                   the same for programs
  cape claims --recompute              every number computed anew on this machine
"""


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Describe the arguments to the parser."""
    command.add_argument(
        "--chapter", metavar="NAME", help="only the claims of one chapter, such as 02_coupling"
    )
    command.add_argument(
        "--recompute",
        action="store_true",
        help="compute every number anew; otherwise those that no change has touched are as kept (half a minute)",
    )
    command.add_argument("--json", action="store_true", help="print a JSON list of objects instead of text")


def run(arguments: argparse.Namespace) -> int:
    """Print the claims and return the exit status."""
    from cape_utils.claims.assessment import assess
    from cape_utils.jobs.progress import progress_bar

    try:
        items = assess(arguments.chapter, anew=arguments.recompute, progress=progress_bar("claims"))
    except KeyError as error:
        print(f"cape claims: {error.args[0]}", file=sys.stderr)
        return 2
    if arguments.json:
        print(json.dumps([item.as_dict() for item in items], indent=2, ensure_ascii=False, allow_nan=False))
    else:
        _print_claims(items)
    return 0


def _print_claims(items: Sequence[Assessment]) -> None:
    from cape_utils.claims.assessment import verdict_counts

    for item in items:
        print(f"{item.verdict.upper():<20} {item.claim.id}")
        for words in (f"{item.claim.statement} ({item.claim.unit})", item.reason):
            print(textwrap.fill(words, 100, initial_indent="    ", subsequent_indent="    "))
    if not items:
        print("The papers quote no number that belongs to this chapter.")
        return
    counts = {name: n for name, n in verdict_counts(items).items() if n}
    print("\n" + ", ".join(f"{n} {name}" for name, n in counts.items()))
