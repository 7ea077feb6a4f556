"""The command ``cape``: what the book computes, from a shell.

``cape claims`` and ``cape frontier`` so far. Heavy imports wait until a command needs them, so that ``cape --help``
answers at once.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cape_utils.claims import Assessment
    from cape_utils.frontier import Location

__all__ = ["main"]

_EXAMPLES = """\
examples:
  cape claims                          every claim with the paper's number, ours and the verdict
  cape claims --chapter 02_coupling    the claims of one chapter
  cape claims --json                   the same for programs
"""

_FRONTIER_EXAMPLES = """\
examples:
  cape frontier --swe 80.8 --gpqa 91.3          where a model with these two scores lies
  cape frontier --swe 80.8 --gpqa 91.3 --json   the same for programs
"""


def _parser() -> argparse.ArgumentParser:
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(
        prog="cape",
        description="Recompute what the paper 'Lying Is Just a Phase' quotes.",
        epilog=_EXAMPLES + _FRONTIER_EXAMPLES.removeprefix("examples:\n"),
        formatter_class=raw,
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    claims = commands.add_parser(
        "claims",
        help="print every claim with its verdict",
        description="Print every claim of the papers with our numbers and the verdict by rule. Takes a few seconds.",
        epilog=_EXAMPLES,
        formatter_class=raw,
    )
    claims.add_argument(
        "--chapter", metavar="NAME", help="only the claims of one chapter, such as 02_coupling"
    )
    claims.add_argument("--json", action="store_true", help="print a JSON list of objects instead of text")
    frontier = commands.add_parser(
        "frontier",
        help="place a model's two scores beside the frontier models",
        description="Place SWE-bench Verified and GPQA Diamond scores, in percent, on paper B's map of coding and reasoning.",
        epilog=_FRONTIER_EXAMPLES,
        formatter_class=raw,
    )
    frontier.add_argument(
        "--swe", type=float, required=True, metavar="PERCENT", help="SWE-bench Verified, 0 to 100"
    )
    frontier.add_argument(
        "--gpqa", type=float, required=True, metavar="PERCENT", help="GPQA Diamond, 0 to 100"
    )
    frontier.add_argument("--json", action="store_true", help="print a JSON object instead of text")
    return parser


def _print_claims(items: Sequence[Assessment]) -> None:
    from cape_utils.claims import verdict_counts

    for item in items:
        print(f"{item.verdict.upper():<18} {item.claim.id}")
        for words in (f"{item.claim.statement} ({item.claim.unit})", item.reason):
            print(textwrap.fill(words, 100, initial_indent="    ", subsequent_indent="    "))
    counts = {name: n for name, n in verdict_counts(items).items() if n}
    print("\n" + ", ".join(f"{n} {name}" for name, n in counts.items()))


def _claims(chapter: str | None, as_json: bool) -> int:
    from cape_utils.claims import assess

    try:
        items = assess(chapter)
    except KeyError as error:
        print(f"cape claims: {error.args[0]}", file=sys.stderr)
        return 2
    if as_json:
        print(json.dumps([item.as_dict() for item in items], indent=2, ensure_ascii=False, allow_nan=False))
    else:
        _print_claims(items)
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


def _frontier(swe_pct: float, gpqa_pct: float, as_json: bool) -> int:
    from cape_utils.frontier import locate

    try:
        here = locate(swe_pct, gpqa_pct)
    except ValueError as error:
        print(f"cape frontier: {error}", file=sys.stderr)
        return 2
    if as_json:
        print(json.dumps(here.as_dict(), indent=2, allow_nan=False))
    else:
        _print_location(here)
    return 0


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Parameters
    ----------
    argv : sequence of str, optional
        Arguments without the program's name; those of the process by default.

    Returns
    -------
    int
        0 on success, 2 where the arguments name something that is not there or a score that cannot be.
    """
    arguments = _parser().parse_args(argv)
    try:
        if arguments.command == "frontier":
            status = _frontier(arguments.swe, arguments.gpqa, arguments.json)
        else:
            status = _claims(arguments.chapter, arguments.json)
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader of a pipe, such as head, has had enough; that is no error of ours.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    return status


if __name__ == "__main__":
    raise SystemExit(main())
