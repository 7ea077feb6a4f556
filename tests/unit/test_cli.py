"""The command ``cape``: what it prints, how it ends, and what it does not load."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from cape_utils import cli, data
from cape_utils.claims import assessment, results, verdicts

KEYS = [
    "id",
    "chapter",
    "paper_value",
    "paper_panel",
    "open_panel",
    "null",
    "open_null",
    "alternative",
    "p",
    "open_p",
]
KEYS += ["verdict", "reason"]


def run(*arguments: str, **options) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "cape_utils.cli", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, **options)


def no_constants(word: str) -> None:
    raise AssertionError(f"{word} is not JSON")


def test_json_from_a_shell_is_a_list_of_every_claim():
    result = run("claims", "--json")
    assert (result.returncode, result.stderr) == (0, "")
    items = json.loads(result.stdout, parse_constant=no_constants)
    assert [item["id"] for item in items] == list(data.load("claims")["id"])
    for item in items:
        assert list(item) == KEYS
        assert item["verdict"] in verdicts.VERDICTS
        assert item["reason"]
    assert items == [item.as_dict() for item in assessment.assess()]


def test_json_of_one_chapter(capsys):
    assert cli.main(["claims", "--json", "--chapter", "03_phase_transition"]) == 0
    out, err = capsys.readouterr()
    items = json.loads(out)
    assert {item["chapter"] for item in items} == {"03_phase_transition"}
    assert len(items) == (data.load("claims")["chapter"] == "03_phase_transition").sum()
    assert err == ""


def test_text_names_every_claim_and_counts_the_verdicts(capsys):
    assert cli.main(["claims", "--chapter", "01_data"]) == 0
    out, _ = capsys.readouterr()
    for item in assessment.assess("01_data"):
        assert f"{item.verdict.upper():<20} {item.claim.id}" in out
    counts = assessment.verdict_counts(assessment.assess("01_data"))
    assert out.rstrip().splitlines()[-1] == ", ".join(f"{n} {name}" for name, n in counts.items() if n)
    assert max(map(len, out.splitlines())) <= 100


def test_a_chapter_without_quoted_numbers_says_so(capsys):
    assert cli.main(["claims", "--chapter", "11_toy_world"]) == 0
    assert capsys.readouterr().out == "The papers quote no number that belongs to this chapter.\n"


def test_an_unknown_chapter_lists_the_known_ones(capsys):
    assert cli.main(["claims", "--chapter", "2"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("cape claims: no chapter '2'; the chapters are ")
    assert all(chapter in err for chapter in data.load("chapters")["chapter"])
    assert len(err.splitlines()) == 1


@pytest.mark.parametrize(
    "arguments", [[], ["claim"], ["claims", "--jsn"], ["claims", "--chapter"], ["claims", "extra"]]
)
def test_a_command_that_cannot_be_read_ends_with_2_and_says_how_to_call_it(arguments, capsys):
    with pytest.raises(SystemExit) as ended:
        cli.main(arguments)
    assert ended.value.code == 2
    assert "usage: cape" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "example"),
    [
        (["--help"], "cape claims  "),
        (["claims", "--help"], "cape claims --chapter 02_coupling"),
        (["diagnose", "--help"], "cape diagnose results/ --report out.html"),
        (["frontier", "--help"], "cape frontier --swe 80.8 --gpqa 91.3 --json"),
        (["steer", "--help"], "cape steer --calibrate pairs.csv --save mine.safetensors"),
        (["internals", "--help"], "cape internals --models models.txt --out results/ --workers 2"),
    ],
)
def test_help_shows_examples(arguments, example, capsys):
    with pytest.raises(SystemExit) as ended:
        cli.main(arguments)
    assert ended.value.code == 0
    out = capsys.readouterr().out
    assert "examples:" in out
    assert example in out


def test_every_example_of_the_help_runs(capsys, monkeypatch):
    # Each number is computed anew in test_provenance; here it is enough that the command asks for all of them.
    asked = []
    monkeypatch.setattr(results, "recompute", lambda claim: asked.append(claim) or results.result(claim))
    examples = [
        line.split("  ")[1].split()
        for text in (cli.claims.EXAMPLES, cli.frontier.EXAMPLES)
        for line in text.splitlines()
        if "--table" not in line  # needs a file; it runs in test_frontier
    ]
    assert len(examples) == 8
    for _, *arguments in examples:
        before = len(asked)
        assert cli.main(arguments) == 0
        assert asked[before:] == (list(data.load("claims")["id"]) if "--recompute" in arguments else [])
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("unbuffered", [True, False])
def test_a_reader_who_is_gone_is_no_error(unbuffered):
    # Nobody reads from the start, so that the first write fails, whether it comes while printing or at the end.
    read, write = os.pipe()
    os.close(read)
    command = [
        sys.executable,
        *(["-u"] if unbuffered else []),
        "-m",
        "cape_utils.cli",
        "claims",
        "--chapter",
        "01_data",
    ]
    result = subprocess.run(
        command, stdout=write, stderr=subprocess.PIPE, text=True, timeout=120, check=False
    )
    os.close(write)
    assert (result.returncode, result.stderr) == (0, "")


def test_help_loads_nothing_heavy():
    code = (
        "import sys\n"
        "from cape_utils import cli\n"
        "try:\n    cli.main(['--help'])\n"
        "except SystemExit: pass\n"
        "heavy = {'pandas', 'numpy', 'scipy', 'altair', 'frictionless', 'torch'} & set(sys.modules)\n"
        "sys.exit(f'loaded: {heavy}' if heavy else 0)\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )
    assert (result.returncode, result.stderr) == (0, "")


def test_what_is_printed_does_not_depend_on_the_terminal():
    # A terminal that knows ASCII alone must not stop the output.
    result = run(
        "claims",
        "--json",
        "--chapter",
        "01_data",
        env={"PYTHONIOENCODING": "ascii:backslashreplace", "PATH": ""},
    )
    assert result.returncode == 0
