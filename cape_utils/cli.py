"""The command ``cape``: what the book computes, from a shell.

Only ``cape claims`` so far. Heavy imports wait until a command needs them, so that ``cape --help`` answers at once.
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

__all__ = ["main"]

_EXAMPLES = """\
examples:
  cape claims                          every claim with the paper's number, ours and the verdict
  cape claims --chapter 02_coupling    the claims of one chapter
  cape claims --json                   the same for programs
"""


def _parser() -> argparse.ArgumentParser:
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(
        prog="cape",
        description="Recompute what the paper 'Lying Is Just a Phase' quotes.",
        epilog=_EXAMPLES,
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


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Parameters
    ----------
    argv : sequence of str, optional
        Arguments without the program's name; those of the process by default.

    Returns
    -------
    int
        0 on success, 2 where the arguments name something that is not there.
    """
    arguments = _parser().parse_args(argv)
    try:
        status = _claims(arguments.chapter, arguments.json)
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader of a pipe, such as head, has had enough; that is no error of ours.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    return status


if __name__ == "__main__":
    raise SystemExit(main())
