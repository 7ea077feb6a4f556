"""The command ``cape``: what the book computes, from a shell.

One module a command. Heavy imports wait until a command needs them, so that ``cape --help`` answers at once.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
from collections.abc import Sequence
from typing import TextIO, cast

from cape_utils.cli import claims, diagnose, frontier, internals, scores, steer
from cape_utils.data.visible import CleanStream

__all__ = ["main"]

_COMMANDS = (diagnose, scores, claims, frontier, steer, internals)


def _parser() -> argparse.ArgumentParser:
    raw = argparse.RawDescriptionHelpFormatter
    first = "\n".join(module.EXAMPLES.splitlines()[0] for module in _COMMANDS)
    parser = argparse.ArgumentParser(
        prog="cape",
        description="Diagnose a model family, recompute what the paper 'Lying Is Just a Phase' quotes, look "
        "inside a model, steer one.",
        epilog=f"examples:\n{first}\n\nMore of each: cape COMMAND --help",
        formatter_class=raw,
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for module in _COMMANDS:
        name = module.__name__.rpartition(".")[2]
        command = commands.add_parser(
            name,
            help=module.SUMMARY,
            description=module.DESCRIPTION,
            epilog=f"examples:\n{module.EXAMPLES}",
            formatter_class=raw,
        )
        module.add_arguments(command)
        command.set_defaults(run=module.run)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Parameters
    ----------
    argv : sequence of str, optional
        Arguments without the program's name; those of the process by default.

    Returns
    -------
    int
        0 on success; 1 where the work could not be done, such as a model that cannot be opened; 2 where the arguments
        or a file they name cannot be used; 130 where the user has stopped it.
    """
    # Whatever a name from a file holds, no terminal obeys it; a bar of progress goes to the terminal itself.
    out, err = (cast("TextIO", CleanStream(stream)) for stream in (sys.stdout, sys.stderr))
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        return _run(argv)


def _run(argv: Sequence[str] | None) -> int:
    arguments = _parser().parse_args(argv)
    try:
        status: int = arguments.run(arguments)
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader of a pipe, such as head, has had enough; that is no error of ours.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        print(f"cape {arguments.command}: stopped; what was finished is kept", file=sys.stderr)
        return 130
    return status
