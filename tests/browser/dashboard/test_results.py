"""Results of evaluations: files and folders give in the page what they give in the package, models, notes and refusals alike."""

from __future__ import annotations

import base64
import functools
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

from cape_utils.data.schema import DataError
from cape_utils.evaluations.reading import read_scores, read_uploads
from tests.browser import checks
from tests.browser.dashboard.page import EXTENSION, HS, TQA, cell, fresh, outputs, write_page
from tests.loading import ROOT

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

CASES = ROOT / "tests/unit/results"
FOLDERS = [path for path in sorted(CASES.iterdir()) if (path / "in").is_dir()]
ELSEWHERE = ("24", "25", "27", "29", "51")  # formats that the package reads and the page names
SIZED = {"02": "57", "44": "63", "81": "81"}  # results by the case that holds a table of their sizes
Files = list[tuple[str, bytes]]


def files_of(folder: Path) -> Files:
    """Every file, in no order that matters."""
    paths = [path for path in folder.rglob("*") if path.is_file()]
    return [(path.relative_to(folder).as_posix(), path.read_bytes()) for path in sorted(paths, reverse=True)]


def case(number: str) -> Path:
    (path,) = CASES.glob(f"{number}-*")
    return path


READ = """all => all.map(([files, folder]) => {
    const given = files.map(([name, text]) => ({ name, bytes: Uint8Array.from(atob(text), (c) => c.charCodeAt(0)) }));
    const found = folder === null ? capeDashboard.readGiven(given) : capeDashboard.readFolder(given, folder);
    if (found.problems.length) return { problems: found.problems };
    const rows = found.models.map((m) => [[["model", m.model], ["family", m.family], ["params_b", m.params_b]],
        Object.entries(m.scores).filter(([, score]) => score !== null),
        Object.entries(m.items).map(([name, ran]) => [name + "_items", ran]),
        Object.entries(m.how).map(([name, how]) => [name, name.endsWith("_shots") ? Number(how) : how])].flat());
    return { rows, notes: found.notes };
})"""


def in_page(page: Page, given: list[tuple[Files, str | None]]) -> list[dict[str, Any]]:
    sent = [
        [[[name, base64.b64encode(raw).decode()] for name, raw in files], folder] for files, folder in given
    ]
    found: list[dict[str, Any]] = page.evaluate(READ, sent)
    return [{**one, "rows": [dict(row) for row in one["rows"]]} if "rows" in one else one for one in found]


def in_package(read: Any) -> dict[str, Any]:
    try:
        table = read()
    except DataError as error:
        return {"problems": [str(one) for one in error.problems]}
    except ValueError as error:
        return {"problems": [str(error)]}
    rows = table.astype(object).where(table.notna(), None).to_dict("records")
    return {
        "rows": [
            {k: v if isinstance(v, str) else float(v) for k, v in row.items() if not pd.isna(v)}
            for row in rows
        ],
        "notes": table.attrs["notes"],
    }


@functools.cache
def folder_in_package(folder: Path) -> dict[str, Any]:
    """What the package reads in a case's folder; many faults of the page are held to the same."""
    return in_package(lambda: read_scores(folder / "in"))


def test_every_folder_gives_what_the_package_gives(visit: checks.Visit) -> None:
    found = in_page(visit.page, [(files_of(path / "in"), "in") for path in FOLDERS])
    kinds = set()
    for path, page in zip(FOLDERS, found, strict=True):
        if path.name.startswith(ELSEWHERE):
            (words,) = page["problems"]
            assert "cape diagnose reads and this page does not" in words
        else:
            assert page == folder_in_package(path), path.name
        kinds |= set(page)
    assert kinds == {"rows", "notes", "problems"}
    assert len(FOLDERS) > 45


def test_files_chosen_with_a_table_of_sizes_give_what_the_package_gives(visit: checks.Visit) -> None:
    given = []
    for results, sizes in SIZED.items():
        files = [(name.rpartition("/")[2], raw) for name, raw in files_of(case(results) / "in")]
        table = ("sizes.csv", (case(sizes) / "sizes.csv").read_bytes())
        given += [[*files, table], [*files, ("sizes.csv", table[1].replace(b"b", b"x"))], files]
        given.append([*files, ("sizes.csv", b"model,params_b\na,1\na,x\n")])
    given.append([("a.txt", b"x"), ("b.json", b"{}"), ("c.csv", b"")])
    given.append([("a.png", b"x")])
    found = in_page(visit.page, [(files, None) for files in given])
    package = [in_package(lambda files=files: read_uploads(files)) for files in given]
    assert found == package
    assert sum("rows" in one for one in package) >= 3


STRANGE = [
    *(None, True, False, 0, 1, -1, 3, 0.0, 0.5, 1.0, 52.0, 1e-5, 1e22, float("nan"), float("inf")),
    *("", "x", "None", "main", "0.5", "5", " ", "it's", 'a "b"', [], {}, [1, {"a": None}], {"b": [True]}),
    *(
        "org/a-7b",
        "a_1_8b",
        "/data/run/checkpoint-10",
        "mixtral-8x7B",
        "7B",
        "a@step100",
        "x-gptq",
        "a-3b-bf16",
    ),
    *("pretrained=org/b-1b,dtype=bfloat16,peft=/x", {"pretrained": "org/c-2b", "load_in_8bit": True}),
]
KEYS = [
    "results",
    "config",
    "config_general",
    "n-shot",
    "versions",
    "n-samples",
    "date",
    "chat_template",
    "limit",
]
KEYS += [
    "model_args",
    "model_name",
    "hellaswag",
    "mmlu",
    "truthfulqa_mc",
    "acc,none",
    "acc",
    "all",
    "num_fewshot",
]
KEYS += [
    "system_instruction",
    "model_num_parameters",
    "model_dtype",
    "max_samples",
    "effective",
    "model",
    "arc:challenge|25",
]


def spoilt(document: Any, rng: np.random.Generator) -> Any:
    """A document with one value changed, taken out or put in, somewhere."""
    at, depth = document, int(rng.integers(0, 4))
    for _ in range(depth):
        inner = [value for value in at.values() if isinstance(value, dict) and value]
        if not inner:
            break
        at = inner[int(rng.integers(len(inner)))]
    key = str(rng.choice(list(at))) if at and rng.random() < 0.7 else str(rng.choice(KEYS))
    if rng.random() < 0.2:
        at.pop(key, None)
    else:
        at[key] = STRANGE[int(rng.integers(len(STRANGE)))]
    return document


def cut(text: str, rng: np.random.Generator) -> str:
    """A text with a piece taken out or a character changed."""
    place = int(rng.integers(len(text)))
    if rng.random() < 0.5:
        return text[:place] + text[place + int(rng.integers(1, 60)) :]
    return text[:place] + str(rng.choice(list('{}[],:"\\\n0-.eNt'))) + text[place + 1 :]


_NO_FLOAT = "a number that fits is needed"


def test_spoilt_files_give_what_the_package_gives(visit: checks.Visit) -> None:
    """Values of the wrong kind, keys missing or added, files cut short: the same models, or the same words."""
    rng = np.random.default_rng(7)
    pool = [path for path in FOLDERS if not path.name.startswith(ELSEWHERE)]
    small = [
        raw.decode()
        for path in pool
        for name, raw in files_of(path / "in")
        if name.endswith(".json") and len(raw) < 20_000 and b'"results"' in raw
    ]
    given = []
    for number in range(500):
        files = []
        for part in range(int(rng.integers(1, 4))):
            text = small[int(rng.integers(len(small)))]
            if number % 5 == 0:
                text = cut(text, rng)
            else:
                document = json.loads(text)
                for _ in range(int(rng.integers(1, 4))):
                    document = spoilt(document, rng)
                text = json.dumps(document, indent=int(rng.integers(3)))
            stamp = rng.choice(["", "_2025-05-01T10-00-00.0", "_2025-13-01T10-00-00", f"_{part}"])
            files.append((f"results{stamp}.json", text.encode()))
        given.append(files)
    found = in_page(visit.page, [(files, None) for files in given])
    package = [in_package(lambda files=files: read_uploads(files)) for files in given]
    faults = [
        f"{number}: {page}\n  {known}"
        for number, (page, known) in enumerate(zip(found, package, strict=True))
        # A number that no float holds is refused by both; the page has read it as infinite and cannot say what stood there.
        if page != known and not (_NO_FLOAT in str(known) and "problems" in page)
    ]
    assert not faults, f"{len(faults)}\n" + "\n".join(faults[:5])
    assert sum("rows" in one for one in package) > 100
    assert sum("problems" in one for one in package) > 100


PLANTED = {
    "a metric": ('"metrics":["acc_norm,none"', '"metrics":["acc,none"'),
    "a rounding": ("fixed(100 * value, 6)", "fixed(100 * value, 3)"),
    "a choice": ("Number(run[key])\n    > Number", "Number(run[key])\n    < Number"),
    "a condition": (
        'found.adapter = adapter === undefined ? "none"',
        'found.adapter = adapter === undefined ? "no"',
    ),
    "a sentence": ("that of the open panel was taken, not", "the open panel's was taken, not"),
    "a name": ("parts.pop();", "parts.shift();"),
    "a part of mmlu": ("weights = names.map(() => 1)", "weights = names.map((_, i) => i + 1)"),
}


@pytest.mark.parametrize("what", PLANTED)
def test_a_planted_error_is_caught(browser: Browser, tmp_path: Path, what: str) -> None:
    right, wrong = PLANTED[what]
    script = EXTENSION.script(lean=False)
    assert right in script
    opened = checks.open_page(
        browser, write_page(tmp_path, script.replace(right, wrong)), "light.html", width=1280
    )
    read = [path for path in FOLDERS if not path.name.startswith(ELSEWHERE)]
    found = in_page(opened.page, [(files_of(path / "in"), "in") for path in read])
    known = [folder_in_package(path) for path in read]
    for second in (_twice(0.6, 10), _twice(0.6, 0)):
        several = [("a.json", _twice(0.5, 0)), ("b.json", second), ("c.json", _twice(0.4, 0, date=2.0))]
        for files in (several, several[::2]):
            found += in_page(opened.page, [(files, None)])
            known.append(in_package(lambda files=files: read_uploads(files)))
    opened.close()
    assert found != known


def _twice(share: float, shots: int, date: float = 1.0) -> bytes:
    """One benchmark of one model, with a share of right answers, examples in the prompt and a date."""
    return json.dumps(
        {
            "model_name": "org/a-1b",
            "results": {"hellaswag": {"acc_norm,none": share}},
            "n-shot": {"hellaswag": shots},
            "date": date,
        }
    ).encode()


def test_results_are_opened_and_answered(browser: Browser, disk: str) -> None:
    opened = fresh(browser, disk)
    page = opened.page
    page.locator(".cd-paste summary").click()
    files = sorted((case("03") / "in").iterdir())
    page.locator("#cd-file").set_input_files(files)
    page.wait_for_function("document.getElementById('cd-family').value === 'opt'")
    assert page.locator(".cd-table tbody tr").count() == len(files) == 8
    assert page.locator("#cd-x").input_value() == "arc_challenge"
    words = outputs(page)
    assert "0 examples in the prompt where the open panel has 25" in words[3]
    assert (
        page.locator(".cd-status").inner_text() == "Read 8 files: 8 models. opt stands in the form, 8 models."
    )
    page.locator("#cd-folder").set_input_files(case("45") / "in")
    page.wait_for_function("document.getElementById('cd-family').value === 'Llama-2-hf'")
    assert "quantisation none (meta-llama/Llama-2-7b-hf" in outputs(page)[3]
    assert page.locator("[aria-labelledby=cd-keep] code").inner_text().endswith(" --mixed")
    assert opened.errors == []
    assert opened.foreign == []
    opened.close()


def test_a_size_that_no_name_tells_is_typed(browser: Browser, disk: str, tmp_path: Path) -> None:
    opened = fresh(browser, disk)
    page = opened.page
    page.locator(".cd-paste summary").click()
    for name, share in (("base", 0.4), ("large", 0.6)):
        scores = {"hellaswag": {"acc_norm,none": share}, "truthfulqa_mc2": {"acc,none": 0.6 - share / 4}}
        path = tmp_path / f"results_{name}.json"
        path.write_text(json.dumps({"model_name": f"org/mine-{name}", "results": scores}))
    page.locator("#cd-file").set_input_files(sorted(tmp_path.iterdir()))
    page.wait_for_function("document.querySelectorAll('.cd-paste .cd-problems li').length > 0")
    said = page.locator(".cd-paste .cd-problems").inner_text()
    assert "'mine-base' holds no size such as 410m or 7B" in said
    assert "type the missing size" in said
    cell(page, 0, "params_b").fill("1")
    cell(page, 1, "params_b").fill("7")
    assert cell(page, 1, HS).input_value() == "60"
    assert cell(page, 1, TQA).input_value() == "45"
    assert "1B to 7B" in outputs(page)[1]
    opened.close()


def test_what_cannot_be_read_says_why_and_leaves_the_form(
    browser: Browser, disk: str, tmp_path: Path
) -> None:
    opened = fresh(browser, disk)
    page = opened.page
    page.locator(".cd-paste summary").click()
    for number, words in (
        ("25", "Inspect, which cape diagnose reads"),
        ("28", "EvalScope"),
        ("17", "keep one"),
    ):
        files = [path for path in (case(number) / "in").rglob("*") if path.is_file()]
        page.locator("#cd-file").set_input_files(files)
        page.wait_for_function(
            "words => document.querySelector('.cd-form').textContent.includes(words)", arg=words
        )
        assert page.locator("#cd-family").input_value() == "Pythia"
        assert page.locator(".cd-table tbody tr").count() == 8
    opened.close()
