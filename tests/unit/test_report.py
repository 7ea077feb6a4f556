"""Reports of a diagnosis, and the command that writes them: readable, strict, self-contained, whole or not at all."""

from __future__ import annotations

import dataclasses
import functools
import html.parser
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from cape_utils import cli, data
from cape_utils.charts import rendering
from cape_utils.diagnosis import advice, family_diagnosis
from cape_utils.frontier import model_diagnosis, regression
from cape_utils.reports import family, render, sections
from cape_utils.reports.dashboard_link import MARK
from tests.loading import ROOT, load

HEADER = "model,family,params_b,hellaswag,truthfulqa_mc2"
ROWS = ("A-1B,A,1,40.5,44.25", "A-3B,A,3,55,38", "A-10B,A,10,70,36")
GOOD = "\n".join([HEADER, *ROWS]) + "\n"


def no_constants(word: str) -> None:
    raise AssertionError(f"{word} is not JSON")


@functools.cache
def one() -> tuple[family_diagnosis.Diagnosis, tuple[advice.Advice, ...]]:
    table = pd.DataFrame(
        {
            "model": ["A-1B", "A-3B"],
            "family": "A",
            "params_b": [1.0, 3.0],
            "hellaswag": [45.0, 60.0],
            "truthfulqa_mc2": [44.0, 34.0],
        }
    )
    found = family_diagnosis.diagnose(table)
    return found, advice.advise(found)


def table(tmp_path: Path, text: str = GOOD) -> Path:
    path = tmp_path / "scores.csv"
    path.write_text(text, encoding="utf-8")
    return path


# ---------------------------------------------------------------- what it says


def test_every_part_is_there_and_every_advice_says_how_far_to_trust_it():
    found, given = one()
    assert {"curate", "widen", "distil", "steer"} <= {item.name for item in given}
    text = render.as_text(found, given)
    for name in (
        "IN SHORT",
        "STEP BY STEP",
        "CRITICAL SCALE",
        "BESIDE WEB-TRAINED",
        "SCORE ALIKE",
        "NEXT SIZE",
        "LIMITS",
    ):
        assert name in text
    assert max(len(line) for line in text.splitlines() if MARK not in line) <= 100
    flat = " ".join(text.split())
    for item in given:
        assert item.title in flat
        assert item.strength in flat
        assert all(f"{e.id}: {e.verdict}" in flat for e in item.evidence)
    assert "nan" not in flat.lower().split()


@pytest.mark.parametrize(
    ("dx", "phase", "words"),
    [
        (5.0, "tax", "TruthfulQA MC2 falls as HellaSwag rises"),
        (-5.0, "tax", "TruthfulQA MC2 rises as HellaSwag falls"),
        (5.0, "bonus", "TruthfulQA MC2 rises with HellaSwag"),
        (-5.0, "bonus", "TruthfulQA MC2 falls with HellaSwag"),
    ],
)
def test_the_headline_knows_which_way_the_scores_went(dx, phase, words):
    found, _ = one()
    last = dataclasses.replace(found.last, dx=dx, phase=phase)
    assert words in sections.headline(dataclasses.replace(found, intervals=(last,)))


def test_json_is_strict_and_holds_the_diagnosis_and_the_advice():
    found, given = one()
    (item,) = json.loads(render.as_json([found], [given]), parse_constant=no_constants)
    assert item.pop("advice") == json.loads(json.dumps([a.as_dict() for a in given]))
    assert item == found.as_dict()
    assert item["scale"]["estimate"] is None


def test_markdown_tables_have_as_many_cells_as_their_heads():
    found, given = one()
    odd = dataclasses.replace(found, family="a|b *c* <d>")
    text = render.as_markdown([odd], [given])
    assert text.startswith(r"# Diagnosis of a\|b \*c\* \<d\>")
    for block in text.split("\n\n"):
        if block.startswith("|"):
            assert len({len(re.findall(r"(?<!\\)\|", line)) for line in block.splitlines()}) == 1


# ---------------------------------------------------------------- the page


class _Elements(html.parser.HTMLParser):
    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


def test_the_page_asks_no_host_for_anything_and_forbids_itself_to():
    other_hosts = load("book/_ext/cape_book.py").other_hosts
    found, given = one()
    page = render.as_html([found], [given])
    assert other_hosts(page) == []
    assert other_hosts(page.replace("<h2>", '<img src="https://example.org/x.png"><h2>')) != []
    tags = _Elements(page).tags
    assert not [a for _, attrs in tags for name, a in attrs.items() if name in ("src", "href", "srcset")]
    (policy,) = [
        a["content"] for t, a in tags if t == "meta" and a.get("http-equiv") == "Content-Security-Policy"
    ]
    assert policy.startswith("default-src 'none'")
    assert sum(t == "figure" for t, _ in tags) == 2
    assert sum(t == "script" and "type" not in a for t, a in tags) == 3


def test_names_cannot_break_out_of_the_page():
    found, given = one()
    bad = "</script><script>alert(1)</script>"
    page = render.as_html([dataclasses.replace(found, family=bad)], [given])
    assert bad not in page
    assert "&lt;/script&gt;&lt;script&gt;alert(1)" in page


def test_without_the_bundle_the_page_holds_tables_and_says_what_is_missing(monkeypatch, tmp_path, capsys):
    monkeypatch.setitem(sys.modules, "vl_convert", None)
    rendering.vega_script.cache_clear()
    found, given = one()
    page = render.as_html([found], [given])
    assert "pip install &#x27;cape-book[book]&#x27;" in page
    assert "<figure" not in page
    assert page.count("<table>") >= 3
    out = tmp_path / "r.html"
    assert cli.main(["diagnose", str(table(tmp_path)), "--report", str(out)]) == 0
    assert (
        "the report holds tables only: charts in the report need vl-convert-python" in capsys.readouterr().err
    )
    assert out.exists()


# ---------------------------------------------------------------- beside frontier models


@functools.cache
def placed() -> tuple[family_diagnosis.Diagnosis, tuple[advice.Advice, ...]]:
    table = pd.DataFrame(
        {
            "model": ["xAI-9B", "xAI-3B", "xAI-1B"],
            "family": "xai",
            "params_b": [9.0, 3.0, 1.0],
            "hellaswag": [70.0, 60.0, 45.0],
            "truthfulqa_mc2": [36.0, 34.0, 44.0],
            "swe_bench_verified": [80.8, 40.0, None],
            "gpqa_diamond": [60.0, 68.0, 30.0],
        }
    )
    found = family_diagnosis.diagnose(table, draws=500)
    return found, advice.advise(found)


def test_a_family_with_frontier_scores_is_placed_on_the_map():
    found, given = placed()
    first, last = found.frontier.models
    assert (first.model, last.model) == ("xAI-3B", "xAI-9B"), "by size, and only those with both scores"
    assert last.location == regression.locate(80.8, 60.0)
    assert (last.band, last.band_sure, first.band) == ("below", True, "on")
    whole = model_diagnosis.frontier_diagnosis(80.8, 60.0, lab="xAI")
    assert found.frontier.largest.as_dict() == whole.as_dict()
    text = " ".join(render.as_text(found, given).split())
    assert " FRONTIER " in text
    assert f"xAI-9B 80.8 60 {last.location.expected:.1f} {last.location.h:+.1f}" in text
    assert "Change from the latest:" in text
    assert "Grok 4 of xAI" in text
    assert f"How far to trust the playbook: {whole.grade} (" in text
    assert "## Frontier\n" in render.as_markdown([found], [given])


def test_the_page_draws_the_map_and_json_holds_it():
    found, given = placed()
    page = render.as_html([found], [given])
    assert sum(t == "figure" for t, _ in _Elements(page).tags) == 3
    assert page.index("Frontier</h2>") < page.index("Your family among frontier models")
    (item,) = json.loads(render.as_json([found], [given]), parse_constant=no_constants)
    assert [one["model"] for one in item["frontier"]["models"]] == ["xAI-3B", "xAI-9B"]
    assert item["frontier"]["largest"]["location"] == regression.locate(80.8, 60.0).as_dict()


def test_without_such_scores_there_is_no_map():
    found, given = one()
    assert found.frontier is None
    assert found.as_dict()["frontier"] is None
    assert "FRONTIER" not in render.as_text(found, given)
    half = pd.DataFrame({"model": ["a"], "family": "A", "params_b": [1.0], "gpqa_diamond": [50.0]})
    assert model_diagnosis.family_frontier(half) is None
    assert model_diagnosis.family_frontier(half.assign(swe_bench_verified=float("nan"))) is None
    strangers = model_diagnosis.family_frontier(half.assign(swe_bench_verified=50.0))
    assert (strangers.largest.lab, strangers.largest.history) == ("", ())


# ---------------------------------------------------------------- files


@pytest.mark.parametrize("suffix", [f".{suffix}" for suffix in render.WRITERS])
def test_a_report_is_written_once_and_replaced_only_when_asked(suffix, tmp_path):
    found, given = one()
    path = render.save(tmp_path / f"r{suffix}", [found], [given])
    first = path.read_bytes()
    assert path.stat().st_mode & 0o777 == 0o666 & ~_umask()
    with pytest.raises(FileExistsError, match="exists and is not replaced"):
        render.save(path, [found], [given])
    path.write_text("old")
    render.save(path, [found], [given], force=True)
    assert path.read_bytes() == first
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


@pytest.mark.parametrize("name", ["r.pdf", "r", "r.htm", "none/r.md", "folder.md"])
def test_a_report_that_cannot_be_written_leaves_nothing(name, tmp_path):
    (tmp_path / "folder.md").mkdir()
    found, given = one()
    with pytest.raises((ValueError, OSError)):
        render.save(tmp_path / name, [found], [given])
    assert [p.name for p in tmp_path.iterdir()] == ["folder.md"]


def test_a_full_disk_leaves_neither_half_a_file_nor_less_than_before(tmp_path, monkeypatch):
    found, given = one()
    path = tmp_path / "r.md"
    path.write_text("old")

    def full(self, target):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OSError, match="No space left"):
        render.save(path, [found], [given], force=True)
    assert [(p.name, p.read_text()) for p in tmp_path.iterdir()] == [("r.md", "old")]


def test_a_file_that_appears_meanwhile_is_kept(tmp_path, monkeypatch):
    found, given = one()
    path = tmp_path / "r.md"
    write = render.as_markdown

    def slow(*arguments):
        path.write_text("theirs")
        return write(*arguments)

    monkeypatch.setitem(render.WRITERS, "md", render.Format("Markdown", "text/markdown", slow))
    with pytest.raises(FileExistsError):
        render.save(path, [found], [given])
    assert [(p.name, p.read_text()) for p in tmp_path.iterdir()] == [("r.md", "theirs")]


def test_where_links_are_unknown_the_file_is_renamed(tmp_path, monkeypatch):
    def no_links(*_):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", no_links)
    found, given = one()
    path = render.save(tmp_path / "r.md", [found], [given])
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


# ---------------------------------------------------------------- the command


def test_the_table_of_the_readme_runs_as_it_stands(tmp_path, capsys):
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"```csv\n(.*?)```", readme, flags=re.S)
    assert len(data.load_scores(table(tmp_path, block))) == 3
    assert cli.main(["diagnose", str(tmp_path / "scores.csv")]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert out.startswith("Diagnosis of Mine\n")
    assert max(len(line) for line in out.splitlines() if MARK not in line) <= 100


def test_one_call_shows_itself_in_a_notebook_prints_and_saves(tmp_path):
    path = table(tmp_path, GOOD + "C-1B,C<i>,1,40,41\n")
    whole = family.family_report(path)
    assert [one.family for one in whole.diagnoses] == ["A"]
    assert [words.partition(":")[0] for words in whole.left_out] == ["C<i>"]
    shown = whole._repr_html_()
    assert "<h3>Diagnosis of A</h3>" in shown
    assert "C&lt;i&gt;: left out" in shown
    assert "<script" not in shown
    assert str(whole).startswith("Diagnosis of A\n")
    kept = json.loads(whole.save(tmp_path / "r.json").read_text(encoding="utf-8"))
    assert kept == json.loads(render.as_json(whole.diagnoses, whole.advice))
    assert str(family.family_report(data.load_scores(path))) == str(whole)


def test_a_report_is_named_and_its_headline_printed(tmp_path, capsys):
    out = tmp_path / "r.md"
    assert cli.main(["diagnose", str(table(tmp_path)), "--report", str(out)]) == 0
    printed = capsys.readouterr().out
    assert "to 10B, A is " in printed
    assert printed.rstrip().endswith(f"Report: {out}")
    assert out.read_text(encoding="utf-8").startswith("# Diagnosis of A\n")
    assert cli.main(["diagnose", str(tmp_path / "scores.csv"), "--report", str(out)]) == 2
    assert "exists and is not replaced" in capsys.readouterr().err
    assert cli.main(["diagnose", str(tmp_path / "scores.csv"), "--report", str(out), "--force"]) == 0


def test_json_of_one_family_of_several(tmp_path, capsys):
    text = GOOD + "B-1B,B,1,40,44\nB-3B,B,3,50,46\nC-1B,C,1,40,41\n"
    assert cli.main(["diagnose", str(table(tmp_path, text)), "--json", "--family", "B"]) == 0
    out, err = capsys.readouterr()
    assert [item["family"] for item in json.loads(out, parse_constant=no_constants)] == ["B"]
    assert err == ""
    assert cli.main(["diagnose", str(tmp_path / "scores.csv"), "--json"]) == 0
    out, err = capsys.readouterr()
    assert [item["family"] for item in json.loads(out)] == ["A", "B"]
    assert "C: left out" in err


def test_the_next_size_can_be_named(tmp_path, capsys):
    path = table(tmp_path)
    assert cli.main(["diagnose", str(path), "--json", "--next", "13"]) == 0
    (item,) = json.loads(capsys.readouterr().out)
    assert item["next_size"]["params_b"] == 13
    named = family.family_report(path, next_params_b=13).diagnoses[0]
    assert named.as_dict() == {key: value for key, value in item.items() if key != "advice"}
    usual = family.family_report(path).diagnoses[0]
    assert usual.next_size.params_b != 13
    assert usual.intervals == named.intervals


@pytest.mark.parametrize("size", ["13B", "large", "0", "-7", "inf", "nan"])
def test_a_next_size_that_is_no_number_of_billions(size, capsys):
    with pytest.raises(SystemExit) as ended:
        cli.main(["diagnose", "scores.csv", f"--next={size}"])
    assert ended.value.code == 2
    err = " ".join(capsys.readouterr().err.split())
    assert f"got '{size}', expected a number of billions above 0; write it alone, such as 13" in err


def second(row: str) -> str:
    return "\n".join([HEADER, ROWS[0], row]) + "\n"


# The table, further arguments, and what the message must hold.
BROKEN = {
    "an empty table": ("", [], ["the file is empty"]),
    "a header alone": (HEADER + "\n", [], ["a header but no row", "add one row"]),
    "a spreadsheet": ("PK\x03\x04", [], ["save it as CSV"]),
    "no size": (second("A-3B,A,,55,38"), [], ["line 3", "'params_b'", "a value is needed"]),
    "a mixture for a size": (
        second("A-3B,A,8x7B,55,38"),
        [],
        ["line 3", "got '8x7B'", "total and an active size"],
    ),
    "a score above 100": (second("A-3B,A,3,155,38"), [], ["got '155'", "at most 100"]),
    "fractions": (second("A-3B,A,3,0.55,0.38"), [], ["looks like a fraction", "multiply by 100"]),
    "a model twice": (second("A-1B,A,3,55,38"), [], ["got 'A-1B'", "another row too"]),
    "TruthfulQA of no variant": (GOOD.replace("truthfulqa_mc2", "truthfulqa"), [], ["the variant matters"]),
    "one model": ("\n".join([HEADER, ROWS[0]]) + "\n", [], ["a step needs two models", "it has 1"]),
    "two of one size": (
        second("A-1C,A,1,55,38"),
        [],
        ["several models of one size (A-1B, A-1C)", "families of their own"],
    ),
    "no second score": (second("A-3B,A,3,55,"), [], ["it has 1"]),
    "a pair that is not there": (GOOD, ["--y", "mmlu"], ["holds no score of mmlu", "it holds hellaswag"]),
    "an unknown benchmark": (GOOD, ["--x", "helaswag"], ["no benchmark 'helaswag'", "allowed are hellaswag"]),
    "a pair of one": (GOOD, ["--x", "truthfulqa_mc2"], ["a coupling needs two benchmarks"]),
    "an unknown family": (GOOD, ["--family", "Z"], ["no family 'Z'", "the families are A"]),
    "sizes for a table": (GOOD, ["--sizes", "sizes.csv"], ["--sizes is for folders"]),
    "a next size that is no larger": (
        GOOD + "B-1B,B,1,40,44\nB-13B,B,13,50,46\n",
        ["--next", "13"],
        ["next size 13B must be above the largest of B, 13B", "name a larger one"],
    ),
    "a next size as a raw count": (GOOD, ["--next", "13000000000"], ["divided by 1e9"]),
    "a negative seed": (GOOD, ["--seed", "-1"], ["--seed is -1", "from 0"]),
}


@pytest.mark.parametrize("case", BROKEN)
def test_what_cannot_be_diagnosed_ends_with_2_and_writes_nothing(case, tmp_path, capsys):
    text, arguments, words = BROKEN[case]
    path = table(tmp_path, text)
    out = tmp_path / "out.html"
    assert cli.main(["diagnose", str(path), "--report", str(out), *arguments]) == 2
    printed, err = capsys.readouterr()
    assert printed == ""
    assert all(line.startswith("cape diagnose: ") for line in err.splitlines())
    for word in words:
        assert word in err
    assert sorted(p.name for p in tmp_path.iterdir()) == ["scores.csv"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--report", "r.pdf"], "ends in .pdf; allowed are .md, .html, .json"),
        (["--report", "r"], "ends in nothing"),
        (["--report", "none/r.md"], "make it first"),
        (["--force"], "name one with --report"),
    ],
)
def test_a_report_that_cannot_be_is_refused_before_the_work(arguments, words, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert cli.main(["diagnose", "scores.csv", *arguments]) == 2
    assert words in capsys.readouterr().err


def test_a_file_that_is_not_there(tmp_path, capsys):
    assert cli.main(["diagnose", str(tmp_path / "none.csv")]) == 2
    assert "no folder or file" in capsys.readouterr().err


def test_help_answers_at_once_and_loads_nothing_heavy():
    code = (
        "import sys\nfrom cape_utils import cli\n"
        "try:\n    cli.main(['diagnose', '--help'])\nexcept SystemExit: pass\n"
        "heavy = {'pandas', 'numpy', 'scipy', 'altair', 'frictionless', 'torch'} & set(sys.modules)\n"
        "sys.exit(f'loaded: {heavy}' if heavy else 0)\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )
    assert (result.returncode, result.stderr) == (0, "")
    assert "cape diagnose results/ --report out.html" in result.stdout
