"""The page of the loop: every command on it can be given, and the files that one writes are those that the next reads."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from cape_utils import cli
from cape_utils.steering.exchange import ENDINGS
from cape_utils.steering.interventions import METHODS

PAGE = (Path(__file__).resolve().parents[2] / "book" / "steering_elsewhere.md").read_text(encoding="utf-8")


def commands(text: str, program: str) -> list[list[str]]:
    blocks = re.findall(r"```sh\n(.*?)```", text, flags=re.DOTALL)
    lines = [shlex.split(line) for block in blocks for line in block.splitlines() if line.strip()]
    return [line[1:] for line in lines if line[0] == program]


def faults(text: str) -> list[str]:
    """What the command line does not know, and files that are used but never made."""
    found = []
    written = {"prompts.txt", "SmolLM2-135M-Instruct.gguf"}
    for words in commands(text, "cape"):
        try:
            said = cli._parser().parse_args(words)
        except SystemExit:
            found.append(" ".join(words))
            continue
        if said.command == "steer":
            written.add(said.export)
            if said.direction and said.direction not in written:
                found.append(f"{said.direction} is made nowhere before it is read")
            if said.method not in (*METHODS, "prompt"):
                found.append(said.method)
            if said.export and not said.export.endswith(ENDINGS):
                found.append(said.export)
    for words in commands(text, "lm_eval"):
        given = dict(zip(words[::2], words[1::2], strict=False))
        settings = dict(part.split("=") for part in given["--model_args"].split(","))
        if ("steer_path" in settings) != (given["--model"] == "steered"):
            found.append(" ".join(words))
        if settings.get("steer_path") not in {None, *written}:
            found.append(f"{settings['steer_path']} is made nowhere")
        if "--log_samples" not in words:
            found.append("no samples are logged")
    return found


def test_every_command_can_be_given_and_finds_its_files():
    assert len(commands(PAGE, "cape")) >= 8
    assert len(commands(PAGE, "lm_eval")) == 4
    assert faults(PAGE) == []


@pytest.mark.parametrize(
    ("good", "bad"),
    [
        ("--layer auto", "--layers auto"),
        ("--export pythia-160m.pt", "--export other.pt"),
        ("--export sentiment.gguf", "--export sentiment.bin"),
        ("--method clamp", "--method press"),
        ("--model steered", "--model hf"),
        (" --log_samples", ""),
    ],
)
def test_a_command_that_is_wrong_would_be_seen(good, bad):
    assert good in PAGE
    assert faults(PAGE.replace(good, bad))


def test_the_page_names_every_method_and_every_ending():
    for name in (*METHODS, "prompt", *ENDINGS):
        assert f"`{name}`" in PAGE
