"""The check of the dashboard's types: left out in one line where its compiler is not at hand, and red where it finds a fault."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.loading import load

check = load("book/check_dashboard.py")


def fake(folder: Path, script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    npx = folder / "npx"
    npx.write_text(f"#!/bin/sh\n{script}\n")
    npx.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")


def test_without_npx_one_line_says_so(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert check.main() == 0
    assert (
        capsys.readouterr().out == "The types of the dashboard's script were not checked: there is no npx.\n"
    )


def test_without_a_network_one_line_says_so(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fake(tmp_path, "echo 'npm error code ENOTFOUND' >&2; exit 1", monkeypatch)
    assert check.main() == 0
    (line,) = capsys.readouterr().out.splitlines()
    assert "could not get" in line


def test_what_the_compiler_finds_fails_the_check(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = 'case "$*" in *--version*) exit 0;; esac\nfor file; do case $file in *.js) echo "$file: error";; esac; done; exit 2'
    fake(tmp_path, found, monkeypatch)
    assert check.main() == 1
    assert capsys.readouterr().out.count(": error") == len(list(check.SOURCES.glob("*.js")))
    fake(tmp_path, "exit 0", monkeypatch)
    assert check.main() == 0
    assert capsys.readouterr().out == ""
