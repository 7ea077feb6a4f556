"""``cape diagnose``: what a family's scores say, in the terminal or as a report to keep."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

    from cape_utils.diagnosis.advice import Advice
    from cape_utils.diagnosis.family_diagnosis import Diagnosis

__all__ = ["DESCRIPTION", "EXAMPLES", "SUMMARY", "add_arguments", "run"]

SUMMARY = "diagnose your own model family from its scores"
DESCRIPTION = (
    "Say in which phase a family of models is, how sure that is, what the next size may score, and what to try.\n"
    "SCORES is a CSV with the columns model, family, params_b (billions) and benchmarks in percent, or the output\n"
    "folder of lm-evaluation-harness. Two sizes are enough; more say more. It takes about ten seconds."
)
EXAMPLES = """\
  cape diagnose scores.csv                          every family of the table, in plain words
  cape diagnose results/ --report out.html          from lm-evaluation-harness, one page to keep
  cape diagnose results/ --sizes sizes.csv          where a model's name does not tell its size
  cape diagnose scores.csv --family Mine --json     one family, for programs
  cape diagnose scores.csv --x mmlu --y truthfulqa_mc2
  cape diagnose scores.csv --next 13                what a model of 13 billion parameters may score
"""


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Describe the arguments to the parser."""
    command.add_argument(
        "scores", metavar="SCORES", help="a CSV, or a folder or file of lm-evaluation-harness results"
    )
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
    command.add_argument(
        "--sizes",
        metavar="FILE",
        help="a CSV of model, params_b and, if wanted, family, for a results folder",
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
    """A size in billions; argparse adds the name of the argument to what is said here."""
    import math

    try:
        size = float(text)
    except ValueError:
        size = math.nan
    if not (math.isfinite(size) and size > 0):
        raise argparse.ArgumentTypeError(
            f"{text!r} came; allowed is a number of billions above 0; write it alone, such as 13 or 0.41"
        )
    return size


def run(arguments: argparse.Namespace) -> int:
    """Read, diagnose, print or write, and return the exit status."""
    try:
        _check(arguments)
        scores = _read(arguments)
        found, left = _diagnose(arguments, scores)
    except (ValueError, OSError) as error:
        for line in str(error).splitlines():
            print(f"cape diagnose: {line}", file=sys.stderr)
        return 2
    _say("looking up the claims behind the advice")
    from cape_utils.diagnosis.advice import advise

    advice = [advise(one) for one in found]
    for line in left:
        print(f"cape diagnose: {line}", file=sys.stderr)
    if arguments.report:
        try:
            _write(arguments, found, advice)
        except (ValueError, OSError) as error:
            print(f"cape diagnose: {error}", file=sys.stderr)
            return 1
    _print(arguments, found, advice)
    return 0


def _say(words: str) -> None:
    """Progress, for a person who waits; a program that reads the output is not bothered."""
    if sys.stderr.isatty():
        print(f"... {words}", file=sys.stderr)


def _check(arguments: argparse.Namespace) -> None:
    if arguments.seed < 0:
        raise ValueError(f"--seed is {arguments.seed}; allowed is a whole number from 0")
    if not arguments.report:
        if arguments.force:
            raise ValueError("--force replaces a report; name one with --report FILE")
        return
    # Said before the work, not after it.
    file = Path(arguments.report)
    if file.suffix.lower() not in (".md", ".html", ".json"):
        raise ValueError(
            f"--report {file.name!r} ends in {file.suffix or 'nothing'}; allowed are .md, .html, .json"
        )
    if file.is_dir() or not file.parent.is_dir():
        raise ValueError(f"--report {file} cannot be written there; name a file in a folder that exists")
    if file.exists() and not arguments.force:
        raise ValueError(f"--report {file} exists and is not replaced; name another file, or use --force")


def _read(arguments: argparse.Namespace) -> pd.DataFrame:
    _say("reading the scores")
    from cape_utils.data.lm_eval import read_source

    return read_source(arguments.scores, sizes=arguments.sizes)


def _diagnose(arguments: argparse.Namespace, scores: pd.DataFrame) -> tuple[list[Diagnosis], list[str]]:
    from cape_utils.diagnosis.family_diagnosis import diagnose_all, usable_families

    if arguments.family is not None:
        known = sorted(set(scores["family"]))
        if arguments.family not in known:
            raise ValueError(f"no family {arguments.family!r}; the families are {', '.join(known)}")
        notes = dict(scores.attrs)
        scores = scores[scores["family"] == arguments.family]
        scores.attrs = notes
    _say("diagnosing, with every family of the open panel held out in turn; a few seconds")
    found = diagnose_all(
        scores,
        x=arguments.x,
        y=arguments.y,
        next_params_b=arguments.next_params_b,
        rng=arguments.seed,
    )
    return list(found.values()), usable_families(scores, arguments.x, arguments.y)[1]


def _write(arguments: argparse.Namespace, found: list[Diagnosis], advice: list[tuple[Advice, ...]]) -> None:
    _say(f"writing {arguments.report}")
    from cape_utils.reports.render import MissingCharts, save, vega_script

    if Path(arguments.report).suffix.lower() == ".html":
        try:
            vega_script()
        except MissingCharts as error:
            print(f"cape diagnose: the report holds tables only: {error}", file=sys.stderr)
    save(arguments.report, found, advice, force=arguments.force)


def _print(arguments: argparse.Namespace, found: list[Diagnosis], advice: list[tuple[Advice, ...]]) -> None:
    from cape_utils.reports.render import as_json, as_text
    from cape_utils.reports.sections import headline

    if arguments.json:
        print(as_json(found, advice), end="")
    elif arguments.report:
        import textwrap

        for one in found:
            print(textwrap.fill(headline(one), 100))
        print(f"Report: {arguments.report}")
    else:
        print("\n".join(as_text(one, given) for one, given in zip(found, advice, strict=True)), end="")
