"""The scores editor, driven as a reader drives it: type, add, take out, upload, and read the diagnosis."""

from __future__ import annotations

import asyncio
import base64
import datetime as dt
import json
import re

import pytest

from cape_utils import data
from cape_utils.evaluations import reading
from cape_utils.explorers import _grid, scores
from cape_utils.reports import family, render

CSV = (
    "model,family,params_b,mmlu,arc_challenge\n"
    "A-1B,A,1,30.5,40\nA-3B,A,3,45,44.25\nA-9B,A,9,60,\nB-1B,B,1,33,41\nB-3B,B,3,44,48\n"
)

NOW = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)


def result(model: str = "org/fam-1b", hs: float = 0.4, tqa: float = 0.44, **more) -> dict:
    tasks = {"hellaswag": {"acc_norm,none": hs}, "truthfulqa_mc2": {"acc,none": tqa}}
    return {"results": tasks, "model_name": model, "config": {}, "date": 1.0, **more}


def as_json(*results: dict) -> list[tuple[str, bytes]]:
    return [("results_1.json", json.dumps(one).encode()) for one in results]


def upload(app, *files: tuple[str, bytes]) -> None:
    app.controls["upload"].value = tuple(
        {"name": name, "type": "", "size": len(raw), "content": memoryview(raw), "last_modified": NOW}
        for name, raw in files
    )


def plain(found) -> list[dict]:
    return [one.as_dict() for one in found.diagnoses]


def cell(app, row: int, column: str):
    return app.controls["scores"].cells[row - 1][column]


@pytest.fixture(scope="module")
def shared():
    app = scores.scores_editor()
    assert app.status == "Up to date."
    return app


@pytest.fixture
def app(shared):
    """The editor as it opens; made once, for the widgets are many."""
    shared._moved("x")
    shared.controls["x"].value, shared.controls["y"].value = "hellaswag", "truthfulqa_mc2"
    shared.controls["next_size"].value = ""
    shared.controls["scores"].set_rows(scores.EXAMPLE)
    assert shared.status == "Up to date."
    return shared


def test_it_opens_with_a_table_a_chart_and_the_diagnosis_of_the_command(app):
    assert app.chart is not None
    assert "Diagnosis of Mine" in app.report_view.value
    table, _ = app.controls["scores"].frame()
    assert plain(app.report) == plain(family.family_report(data.load_scores(table)))
    assert all(control.description for control in app.controls.values())
    assert not app.busy


def test_a_typed_score_is_measured_at_once_and_diagnosed_after(app):
    before, report = str(app.chart.to_dict()), app.report_view.value
    count = app.computed
    cell(app, 3, "truthfulqa_mc2").value = "48"
    assert app.computed == count, "it computed before the typing came to rest"
    assert str(app.chart.to_dict()) != before
    assert app.busy
    assert "Diagnosing" in app._status
    assert app.report_view.value == report, "the slow part came before it was asked for"
    assert app.report.diagnoses[0].phase == "bonus"
    assert app.report_view.value != report
    assert (app.busy, app.status) == (False, "Up to date.")


@pytest.mark.parametrize(
    ("row", "column", "text", "words"),
    [
        (2, "hellaswag", "high", "Row 2, HellaSwag: got 'high'; expected a number in percent"),
        (2, "hellaswag", "55%", "write 55, without the percent sign"),
        (1, "truthfulqa_mc2", "0.43", "Row 1, TruthfulQA MC2: got '0.43'; scores are in percent"),
        (1, "params_b", "400M", "write the number of billions alone"),
        (1, "params_b", "", "Row 1, params_b: got ''; a value is needed"),
        (1, "params_b", "1.4", "Row 1, params_b: got '1.4'; the name says 0.4B"),
        (3, "model", "Mine-0.4B", "Row 3, model: got 'Mine-0.4B'; it stands in another row too"),
        (1, "hellaswag", "101", "at most 100"),
    ],
)
def test_a_bad_cell_is_a_sentence_with_its_row_and_the_way_back(app, row, column, text, words):
    box = cell(app, row, column)
    old = box.value
    box.value = text
    assert app.chart is None
    assert words in app.status
    assert (app.report, app.report_view.value, app.busy) == (None, "", False)
    assert all(button.disabled for button in app.buttons.values())
    box.value = old
    assert app.chart is not None
    assert app.status == "Up to date."


def test_rows_come_and_go_and_an_empty_one_counts_for_nothing(app):
    grid, before = app.controls["scores"], app.report
    grid.add.click()
    assert cell(app, 4, "family").value == "Mine"
    cell(app, 4, "family").value = ""
    assert plain(app.report) == plain(before)
    for column, text in (("model", "Mine-30B"), ("family", "Mine"), ("params_b", "30")):
        cell(app, 4, column).value = text
    assert plain(app.report) == plain(before), "a model without scores is no step"
    cell(app, 4, "hellaswag").value, cell(app, 4, "truthfulqa_mc2").value = "80", "44"
    assert [score.params_b for score in app.report.diagnoses[0].scores] == [0.4, 1.4, 7.0, 30.0]
    grid.removers[1].click()
    assert [score.params_b for score in app.report.diagnoses[0].scores] == [0.4, 7.0, 30.0]
    assert cell(app, 2, "model").value == "Mine-7B"
    for _ in range(3):
        grid.removers[0].click()
    assert app.status.startswith("The table is empty; two models of one family are needed")
    grid.add.click()
    assert app.chart is None


def test_the_row_of_a_message_is_that_of_the_screen(app):
    app.controls["scores"].set_rows([{}, *scores.EXAMPLE])
    cell(app, 3, "hellaswag").value = "x"
    assert app.status.startswith("Row 3, HellaSwag: got 'x'")


def test_another_pair_is_shown_and_the_first_is_kept(app):
    upload(app, ("mine.csv", CSV.encode()))
    assert (app.controls["x"].value, app.controls["y"].value) == ("arc_challenge", "mmlu")
    assert [one.family for one in app.report.diagnoses] == ["A", "B"]
    assert cell(app, 3, "arc_challenge").value == ""
    app.controls["y"].value = "gsm8k"
    assert "holds no score of gsm8k" in app.status
    cell(app, 1, "gsm8k").value, cell(app, 2, "gsm8k").value = "5", "9"
    assert [one.y for one in app.report.diagnoses] == ["gsm8k"]
    assert "B: left out" in app.report_view.value
    app.controls["y"].value = "mmlu"
    assert cell(app, 2, "mmlu").value == "45"
    assert len(app.report.diagnoses) == 2
    app.controls["x"].value = "mmlu"
    assert "a coupling needs two benchmarks" in app.status


def test_results_of_a_harness_replace_the_table_with_their_notes(app):
    upload(
        app,
        *as_json(result(hs=0.4), result("org/fam-3b", 0.55, 0.4), result("org/fam-3b", 0.6, 0.4, date=2.0)),
    )
    assert [row["model"] for row in app.controls["scores"].value] == ["org/fam-1b", "org/fam-3b"]
    assert cell(app, 2, "hellaswag").value == "60"
    assert app.report.diagnoses[0].notes[0].startswith("org/fam-3b: several results of hellaswag")
    assert app.controls["upload"].value == (), "the same file could not be chosen again"


def test_sizes_may_be_uploaded_beside_the_results(app):
    files = as_json(result("org/small"), result("org/large", 0.6, 0.4))
    upload(app, *files)
    assert "holds no size such as 410m" in app.status
    assert "--sizes" not in app.status
    sizes = ("sizes.csv", b"model,params_b,family\nsmall,0.5,F\nlarge,4,F\n")
    upload(app, *files, sizes)
    assert app.status == "Up to date."
    assert [score.params_b for score in app.report.diagnoses[0].scores] == [0.5, 4.0]


# What is uploaded, and what the message must hold.
BROKEN = {
    "an empty file": ([("a.csv", b"")], ["a.csv", "the file is empty"]),
    "a spreadsheet": ([("a.csv", b"PK\x03\x04")], ["save it as CSV"]),
    "a spreadsheet by name": ([("a.xlsx", b"PK\x03\x04")], ["a.xlsx", "cannot be opened", "as CSV"]),
    "no text": ([("a.csv", b"\xff\xfe\xff")], ["a.csv", "neither UTF-16 nor UTF-8"]),
    "a misspelt column": ([("a.csv", CSV.replace("mmlu", "mlu").encode())], ["did you mean 'mmlu'?"]),
    "a score above 100": ([("a.csv", CSV.replace("45", "145").encode())], ["line 3", "got '145'"]),
    "one benchmark": ([("a.csv", b"model,family,params_b,mmlu\na,A,1,30\n")], ["one benchmark, mmlu; two"]),
    "two tables": (
        [("a.csv", CSV.encode()), ("b.csv", CSV.encode())],
        ["Got these files: a.csv, b.csv; expected"],
    ),
    "a result cut short": ([("results_1.json", b'{"results": ')], ["results_1.json", "not JSON"]),
    "JSON of something else": ([("package.json", b'{"name": "x"}')], ["package.json", "'results'"]),
    "one broken among good": ([*as_json(result()), ("r.json", b"[")], ["r.json", "not JSON"]),
    "scores beside results": (
        [*as_json(result()), ("a.csv", CSV.encode())],
        ["a.csv", "known columns are model, params_b"],
    ),
    "a name that climbs": ([("../../a.csv", b"")], ["a.csv", "the file is empty"]),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_bad_upload_is_told_and_the_table_stays(app, case):
    files, words = BROKEN[case]
    before, report, chart = app.controls["scores"].value, app.report_view.value, app.chart
    upload(app, *files)
    assert app.status.startswith("The file was not taken, and the table is as it was. ")
    for word in words:
        assert word in app.status
    assert app.controls["scores"].value == before
    assert (app.report_view.value, app.chart) == (report, chart)
    assert "Traceback" not in app.status_line.value
    cell(app, 3, "hellaswag").value = "73"
    assert app.status == "Up to date.", "the complaint outlived the next change"


def test_an_upload_that_fails_while_a_diagnosis_waits_is_still_told(app):
    cell(app, 3, "hellaswag").value = "74"
    upload(app, ("a.csv", b""))
    assert app.status.startswith("The file was not taken")
    assert app.report is not None


def test_uploads_are_read_as_files_are(tmp_path):
    path = tmp_path / "mine.csv"
    path.write_text(CSV, encoding="utf-8")
    assert reading.read_uploads([("mine.csv", CSV.encode())]).equals(reading.read_scores(path))
    for place, one in enumerate((result(), result("org/fam-3b"))):
        (tmp_path / f"results_{place}.json").write_text(json.dumps(one))
    both = reading.read_uploads(as_json(result(), result("org/fam-3b")))
    assert both.equals(reading.read_scores(tmp_path))
    with pytest.raises(ValueError, match="got these files: none"):
        reading.read_uploads([])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("5", "next size 5B must be above the largest of Mine, 7B"),
        ("13B", "got '13B' as the size to predict"),
        ("inf", "raw count"),
    ],
)
def test_a_size_that_cannot_be_predicted_is_a_sentence(app, text, words):
    app.controls["next_size"].value = text
    assert words.lower() in app.status.lower()
    assert app.chart is None
    app.controls["next_size"].value = "13"
    assert app.report.diagnoses[0].next_size.params_b == 13


@pytest.mark.parametrize("suffix", ["html", "md", "json"])
def test_the_report_is_that_of_the_command(app, suffix, tmp_path):
    app.buttons[suffix].click()
    name, kept = re.search(r'download="([^"]+)".*base64,([^"]+)"', app.link.value).groups()
    assert name == f"diagnosis.{suffix}"
    saved = app.report.save(tmp_path / name)
    assert base64.b64decode(kept) == saved.read_bytes()
    cell(app, 3, "hellaswag").value = "75"
    assert app.chart is not None
    assert app.link.value == "", "a link to the report of another table"
    assert app.buttons[suffix].disabled


def test_names_cannot_break_out_of_the_page(app):
    for row in (1, 2, 3):
        cell(app, row, "family").value = "<script>alert(1)</script>"
    assert app.status == "Up to date."
    assert "<script>" not in app.report_view.value


def test_a_report_that_fails_is_a_sentence(app, monkeypatch):
    def broken(*_):
        raise RuntimeError("no disk")

    monkeypatch.setitem(render.WRITERS, "md", render.Format("Markdown", "text/markdown", broken))
    app.make_report("md")
    assert app.status.startswith("RuntimeError: no disk")


def test_a_diagnosis_that_fails_is_a_sentence(app, monkeypatch):
    def broken(*_, **__):
        raise ZeroDivisionError("by nothing")

    monkeypatch.setattr(scores, "report_on", broken)
    cell(app, 3, "hellaswag").value = "76"
    assert app.status.startswith("ZeroDivisionError: by nothing")
    assert (app.busy, app.report) == (False, None)


def test_a_long_table_is_used_whole_and_shown_in_part(app):
    rows = [
        {
            "model": f"m{i}",
            "family": f"F{i // 2}",
            "params_b": str(1 + i % 2 * 6),
            "hellaswag": str(40 + i % 2 * 20 + i / 10),
            "truthfulqa_mc2": str(40 + i % 3),
        }
        for i in range(_grid.SHOWN + 4)
    ]
    app.controls["scores"].set_rows(rows)
    assert len(app.controls["scores"].cells) == _grid.SHOWN
    assert "4 more rows" in app.controls["scores"].children[-2].value
    assert app.chart is not None
    assert len(app._scores) == _grid.SHOWN + 4


def test_typing_in_a_kernel_is_answered_by_itself_and_once():
    async def typed() -> tuple[int, str, bool]:
        app = scores.scores_editor()
        app._slow.delay_s = 0.2
        for text in ("7", "73", "73.5"):
            cell(app, 3, "hellaswag").value = text
            await asyncio.sleep(0.005)
        for _ in range(200):
            await asyncio.sleep(0.05)
            if app._report is not None and not app._later.pending and not app._slow.pending:
                break
        return app.computed, app._status, "Diagnosis of Mine" in app.report_view.value

    computed, status, shown = asyncio.run(typed())
    assert computed <= 3
    assert (status, shown) == ("Up to date.", True)


def test_every_box_has_a_name_for_those_who_do_not_see_it(app):
    names = [box.placeholder for row in app.controls["scores"].cells for box in row.values()]
    assert len(set(names)) == len(names) == 15
    assert "HellaSwag, row 2" in names
    assert [button.tooltip for button in app.controls["scores"].removers] == [
        f"Take out row {n}" for n in (1, 2, 3)
    ]
