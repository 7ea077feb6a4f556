"""One door: tables are read, and refused in the same words, as by the package."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cape_utils import data
from cape_utils.data import model_names
from cape_utils.data.schema import DataError
from cape_utils.data.user_scores import load_scores
from tests.browser import checks
from tests.browser.dashboard.page import (
    BENCHMARKS,
)

if TYPE_CHECKING:
    pass


BASE = "model,family,params_b,hellaswag,truthfulqa_mc2\na,f,1,40,42\nb,f,3,50,38.5\nc,f,7.5,60,36\n"
TABLES = {
    "good": BASE,
    "semicolons": BASE.replace(",", ";"),
    "tabs": BASE.replace(",", "\t"),
    "a mark at the start": "\ufeff" + BASE,
    "windows": BASE.replace("\n", "\r\n"),
    "empty": "  \n",
    "no row": "model,family,params_b,hellaswag\n",
    "no benchmark": "model,family,params_b\na,f,1\n",
    "an alias": BASE.replace("truthfulqa_mc2", "TruthfulQA"),
    "arc": BASE.replace("hellaswag", "ARC"),
    "a misspelling": BASE.replace("hellaswag", "Hella-Swag"),
    "another": BASE.replace("hellaswag", "winogrand").replace("truthfulqa_mc2", "mmlu_pro"),
    "far off": BASE.replace("hellaswag", "zzz"),
    "no name": BASE.replace("hellaswag", ""),
    "twice": BASE.replace("truthfulqa_mc2", "hellaswag"),
    "columns missing": "model,hellaswag\na,40\n",
    "fraction": BASE.replace("50,", "0.5,"),
    "fractions": BASE.replace("40,42", "0.4,0.42"),
    "fractions and a low one": "model,family,params_b,hellaswag,gsm8k\na,f,1,0.4,0.02\nb,f,3,0.5,0.03\n",
    "percent sign": BASE.replace("40,", "40%,"),
    "decimal comma": BASE.replace(",", ";").replace("38.5", "38,5"),
    "out of range": BASE.replace("40,", "140,"),
    "negative": BASE.replace("40,", "-4,"),
    "words": BASE.replace("40,", "many,"),
    "missing": BASE.replace("40,", "NA,").replace("38.5", ""),
    "infinite": BASE.replace("40,", "inf,"),
    "raw count": BASE.replace("f,1,", "f,1000000000,"),
    "raw count with marks": BASE.replace("f,1,", "f,1_000_000_000,"),
    "unit": BASE.replace("f,1,", "f,1B,"),
    "millions": BASE.replace("a,f,1,", "a-410m,f,410,"),
    "name and size": BASE.replace("a,f,1,", "a-7B,f,1,").replace("c,f", "x/c-13b,f"),
    "same name": BASE.replace("b,f", "a,f"),
    "no model": BASE.replace("a,f", ",f"),
    "empty row": BASE + ",,,,\n",
    "short row": BASE + "d,f,9\n",
    "quoted": BASE.replace("a,f", '"a, the ""first""",f'),
    "open quotation": BASE.replace("a,f", '"a,f'),
    "after a quotation": BASE.replace("a,f", '"a"x,f'),
    "families": BASE + "d,e,1,30,40\ne,e,2,35,41\n",
    "order": "model,family,params_b,hellaswag\nb,f,7,60\na,f,1,40\n",
    "conditions": "model,family,params_b,hellaswag,dtype,hellaswag_items\na,f,1,40,bf16,100\nb,f,2,44,bf16,x\n",
    "zero items": "model,family,params_b,hellaswag,hellaswag_items\na,f,1,40,0\n",
    "many": BASE + "".join(f"m{i},f,x{i},40,{i}00\n" for i in range(3, 20)),
}


def spoilt(rng: np.random.Generator) -> str:
    """A good table with a few characters changed; no stroke, which would make it Markdown."""
    text = list(TABLES[str(rng.choice(["good", "semicolons", "tabs", "families", "quoted"]))])
    for _ in range(int(rng.integers(1, 5))):
        place = int(rng.integers(len(text)))
        kind = rng.random()
        if kind < 0.4:
            text[place] = str(rng.choice(list(",;\t\n 0.5%x'-_eNA7")))
        elif kind < 0.7:
            text.insert(place, str(rng.choice(list(',;\t\n" 0.5%x-_e'))))
        else:
            del text[place]
    return "".join(text)


def package_reading(text: str, folder: Path) -> list[Any]:
    path = folder / "t.csv"
    path.write_text(text, encoding="utf-8", newline="")
    try:
        table = load_scores(path)
    except DataError as error:
        return [str(one) for one in error.problems]
    return [
        [row["model"], row["family"], row["params_b"], *(row.get(name) for name in BENCHMARKS)]
        for row in table.astype(object).where(table.notna(), None).to_dict("records")
    ]


READ = """(texts) => texts.map((text) => {
    const { models, problems } = capeDashboard.readText(text);
    if (problems.length) return problems.map((one) => capeDashboard.problemText(one, "t.csv"));
    return models.map((m) => [m.model, m.family, m.params_b, ...NAMES.map((name) => m.scores[name])]);
})""".replace("NAMES", json.dumps(BENCHMARKS))


def test_tables_are_read_and_refused_as_by_the_package(visit: checks.Visit, tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    texts = [*TABLES.values(), *(spoilt(rng) for _ in range(400))]
    found = visit.page.evaluate(READ, texts)
    faults = []
    for text, page in zip(texts, found, strict=True):
        package = package_reading(text, tmp_path)
        if page != package:
            faults.append(f"{text!r}:\n  page    {page}\n  package {package}")
    refused = sum(isinstance(one[0], str) for one in found if one)
    assert 100 < refused < len(texts) - 40, "the tables should be of both kinds"
    assert not faults, "\n".join(faults[:10])


def test_a_markdown_table_is_the_same_table(visit: checks.Visit) -> None:
    lines = [line.split(",") for line in BASE.strip().split("\n")]
    lines.insert(1, ["---", ":--", "---:", ":-:", "---"])
    framed = "\n".join("| " + " | ".join(line) + " |" for line in lines)
    bare = "Some words before.\n\n" + "\n".join(" | ".join(line) for line in lines) + "\n\nand after"
    found = visit.page.evaluate(READ, [BASE, framed, bare, framed.replace("| 40 |", "| 0.4 |")])
    assert found[0] == found[1] == found[2]
    assert "looks like a fraction" in found[3][0]
    assert "line 3" in found[3][0]


def test_files_that_are_no_text_are_refused(visit: checks.Visit) -> None:
    kinds = {"PK\x03\x04": "spreadsheet", "": "empty", "a\x00b": "spreadsheet", "model\xe9": "UTF-8"}
    for raw, words in kinds.items():
        found = visit.page.evaluate(
            "raw => capeDashboard.decode(new Uint8Array(raw))", list(raw.encode("latin-1"))
        )
        assert words in found["problems"][0]["allowed"]


def test_sizes_and_names_are_read_as_by_the_package(visit: checks.Visit) -> None:
    names = [
        *data.panel("open")["model"],
        *data.panel("paper")["model"],
        *("bloom-7b1", "x/internlm2-1_8b", "mamba370m", "OLMo-7B-Twin-2T", "Mixtral-8x7B", "gemma-3n-E4B"),
        *(
            "a-1_8b",
            "a_1_8b",
            "m-0b",
            "x@step1000",
            "y [4-bit]",
            "1b-100b-tokens",
            "7B-1M",
            "3B-7B",
            "Qwen3-30B-A3B",
        ),
    ]

    def size(name: str) -> float | None:
        try:
            return model_names.size_from_name(name)
        except model_names.SizeError:
            return None

    found = visit.page.evaluate(
        "names => names.map((n) => [capeDashboard.sizeFromName(n), capeDashboard.shortName(n)])", names
    )
    assert [one[1] for one in found] == [model_names.short_name(name) for name in names]
    assert [one[0] for one in found] == [size(name) for name in names]
