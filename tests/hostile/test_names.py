"""Hostile names in what is kept: reports in every format, and tables that a spreadsheet opens."""

from __future__ import annotations

import csv
import json
import socket
import time

import pytest

from cape_utils.cli import main
from cape_utils.models import loading
from cape_utils.models.bundled import ModelError
from tests.hostile.test_inputs import UNCLEAN

NAME, FAMILY = "=cmd|'/C calc'!A0\x1b[2J\u202e", "<script>alert(1)</script>\u202e`"


@pytest.fixture
def scores(tmp_path):
    file = tmp_path / "scores.csv"
    with file.open("w", newline="", encoding="utf-8") as out:
        rows = [[f"{NAME}{size}", FAMILY, size, 40 + size, 41 - size] for size in (1, 3, 7)]
        csv.writer(out).writerows([["model", "family", "params_b", "hellaswag", "truthfulqa_mc2"], *rows])
    return file


@pytest.mark.parametrize("suffix", ["md", "html", "json"])
def test_a_report_holds_no_control_and_no_markup_of_others(scores, tmp_path, capsys, suffix):
    report = tmp_path / f"report.{suffix}"
    assert main(["diagnose", str(scores), "--report", str(report)]) == 0
    text = report.read_text(encoding="utf-8")
    # The scripts of the page are the book's own, and hold patterns of such characters.
    own = text.partition("</main>")[0] if suffix == "html" else text
    assert not UNCLEAN.search(own)
    assert not UNCLEAN.search(capsys.readouterr().out)
    if suffix == "json":
        assert "\\u202e" in json.loads(text)[0]["family"]
    else:
        assert "<script>alert" not in own.replace("\\<script\\>", "")


def test_no_cell_of_an_exported_table_is_a_formula(scores, tmp_path, capsys):
    target = tmp_path / "out.csv"
    assert main(["scores", str(scores), "--to", str(target)]) == 0
    rows = list(csv.reader(target.open(encoding="utf-8", newline="")))
    assert all(row[0].startswith("'=cmd") for row in rows[1:])
    assert not any(cell.startswith(("=", "+", "-", "@")) for row in rows for cell in row)
    capsys.readouterr()
    assert main(["scores", str(target)]) == 0, "the command reads its own table"


def test_a_hub_name_without_a_network_is_refused_within_three_seconds(monkeypatch):
    def silent(*_: object, **__: object) -> None:
        time.sleep(4)
        raise OSError("no name server")

    monkeypatch.setattr(socket, "getaddrinfo", silent)
    start = time.monotonic()
    with pytest.raises(ModelError, match=r"not in the cache folder .* embedded model") as caught:
        loading.load_model("no-such-owner/no-such-model")
    assert time.monotonic() - start < 3
    assert str(caught.value).count("\n") == 0
