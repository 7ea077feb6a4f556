"""Numerals in prose come from code, or stand in a list with the reason why they do not.

A number typed into a sentence stays when the data or the analysis change. ``numerals.txt`` beside this file lists every one in
the markdown of the notebooks and the pages that code does not write. The reasons that can be tested are: what is quoted has to
stand in the ledger, and what repeats a fact of the tables or a constant of the package is computed here. Numbers written as words
are not looked for.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import nbformat
import pytest

from cape_utils import data
from cape_utils.chapters.ch03_phase_transition.recompute import published_bootstrap
from cape_utils.chapters.ch09_frontier.findings import _ROTATE_BELOW
from cape_utils.chapters.ch10_steering.recompute import DEFAULT
from cape_utils.chapters.ch12_dashboard.calibration import _ITEMS
from cape_utils.data.benchmarks import benchmark_items, chance_pct
from cape_utils.internals.cosine import COMPETES_BELOW
from cape_utils.models.bundled import EMBEDDED
from cape_utils.scaling.coupling import TAX_BELOW

ROOT = Path(__file__).resolve().parents[2]
LIST = Path(__file__).with_name("numerals.txt")
PAGES = sorted([*ROOT.glob("notebooks/*.ipynb"), *ROOT.glob("book/*.ipynb"), *ROOT.glob("book/*.md")])
REASONS = {"definition", "arithmetic", "made up", "setting", "name", "date", "plan", "elsewhere", "paper"}
MINUS = "\N{MINUS SIGN}"
NUMERAL = re.compile(rf"(?<![\w.,/-])[+±{MINUS}-]?\d+(?:,\d{{3}})*(?:\.\d+)?")
# What is no prose: code, formulas, roles with their targets, addresses, headings, and the numbers of exercises and lists.
NO_PROSE = [
    re.compile(r"\A---\n.*?\n---\n", re.DOTALL),
    re.compile(r"```.*?```|\$\$.*?\$\$", re.DOTALL),
    re.compile(r"\$[^$\n]*\$|\{[\w:+-]+\}`[^`]*`|`[^`\n]*`"),
    re.compile(r"(?<=\])\([^)]*\)|<[^>\n]*>|https?://\S+"),
    re.compile(r"^#.*$|^:\w.*$|^:{3,}\{.*$", re.MULTILINE),
    re.compile(r"^(?:\*\*\d+(?=\.)|\*\*\d+\*\* *$|\d+\. )", re.MULTILINE),
]


def _opt_scores() -> list[str]:
    rows = data.panel("open").query("family == 'OPT'").set_index("params_b").sort_index()
    small, large = (rows.iloc[(abs(rows.index - size)).argmin()] for size in (13, 30))
    return [f"{row[name]:.2f}" for name in ("truthfulqa_mc2", "hellaswag") for row in (small, large)]


def _llama_on_mmlu() -> list[str]:
    rows = data.panel("paper").query("family == 'Llama-2' and params_b < 10")
    return [f"{rows['mmlu'].iloc[0]:.0f}"]


FACTS: dict[str, Callable[[], Sequence[object]]] = {
    "bundled size": lambda: re.findall(r"(\d+)M\b", EMBEDDED[DEFAULT].title),
    "chance of MC1": lambda: [f"{chance_pct('truthfulqa_mc1'):g}"],
    "chance of MC2": lambda: [f"{chance_pct('truthfulqa_mc2'):g}"],
    "chance of MMLU": lambda: [f"{chance_pct('mmlu'):g}"],
    "competes below": lambda: [COMPETES_BELOW],
    "items of TruthfulQA": lambda: [f"{benchmark_items('truthfulqa_mc2'):g}"],
    "items of the pair logs": lambda: [len(data.load("truth_pairs")), len(data.load("reasoning_pairs"))],
    "items of the simulation": lambda: [f"{count:,}" for count in _ITEMS.values()],
    "Llama-2 on MMLU": _llama_on_mmlu,
    "OPT in the exercise": _opt_scores,
    "published draws": lambda: [42, f"{published_bootstrap().draws:,}"],
    "published rows": lambda: [len(data.bootstrap_rows())],
    "rotation threshold": lambda: [_ROTATE_BELOW],
    "thresholds": lambda: [f"{MINUS}{TAX_BELOW}", f"+{TAX_BELOW}"],
}


class Entry(NamedTuple):
    """A line of the list."""

    page: str
    reason: str
    phrase: str


def entries() -> list[Entry]:
    lines = [line for line in LIST.read_text(encoding="utf-8").splitlines() if line and line[0] != "#"]
    return [Entry(*(part.strip() for part in line.split(" | ", 2))) for line in lines]


def prose(text: str) -> str:
    for pattern in NO_PROSE:
        text = pattern.sub("", text)
    return text


WRITTEN_BY_CODE = "<!-- what follows is written by: "


def texts(path: Path) -> Iterator[str]:
    if path.suffix == ".md":
        yield prose(path.read_text(encoding="utf-8").partition(WRITTEN_BY_CODE)[0])
    else:
        for cell in nbformat.read(path, as_version=4).cells:
            if cell.cell_type == "markdown":
                yield prose(cell.source)


def unlisted(text: str, phrases: Sequence[str]) -> list[str]:
    """Numerals of a text that no phrase covers, each with the words around it."""
    spans = [
        (match.start(), match.start() + len(one))
        for one in phrases
        for match in re.finditer(f"(?={re.escape(one)})", text)
    ]
    return [
        text[max(0, match.start() - 30) : match.end() + 30].replace("\n", " ")
        for match in NUMERAL.finditer(text)
        if not any(start <= match.start() and match.end() <= end for start, end in spans)
    ]


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_numerals_in_prose_come_from_code_or_stand_in_the_list(path):
    phrases = [one.phrase for one in entries() if one.page == path.name]
    loose = [where for text in texts(path) for where in unlisted(text, phrases)]
    assert not loose, (
        f"write these sentences in the chapter's findings, or add them to {LIST.name} with a reason: {loose}"
    )


@pytest.mark.parametrize("one", entries(), ids=lambda one: f"{one.page}: {one.phrase}")
def test_an_entry_is_used_and_its_reason_holds(one):
    (path,) = (path for path in PAGES if path.name == one.page)
    assert any(one.phrase in text for text in texts(path)), "no such phrase; take the entry out"
    numerals = [match.group() for match in NUMERAL.finditer(one.phrase)]
    assert numerals, "no numeral in the phrase"
    kind, _, name = one.reason.partition(" ")
    if kind == "quoted":
        (claim,) = data.load("claims").query("id == @name").to_dict("records")
        told = [claim[key] for key in ("statement", "paper_text", "paper_value", "paper_low", "paper_high")]
        quoted = re.findall(r"\d+(?:\.\d+)?", " ".join(str(part) for part in told))
        assert set(numerals) <= set(quoted), f"the ledger has {quoted}"
    elif kind == "fact":
        assert set(numerals) == {str(value) for value in FACTS[name]()}
    else:
        assert one.reason in REASONS, f"{one.reason!r} is no reason; allowed are {sorted(REASONS)}"


@pytest.mark.parametrize(
    ("text", "phrases", "loose"),
    [
        ("r is 0.72.", [], 1),
        ("r is 0.72.", ["r is 0.71"], 1),
        (f"r is {MINUS}0.72 and 1,000.", [f"r is {MINUS}0.72"], 1),
        ("from 34 to 35", ["34 to 35"], 0),
        ("from 34 to 35", ["from 34"], 1),
        ("# 3 things\n**1. Calculate.** `0.5` of $N = 4$ in {doc}`2 <02>`", [], 0),
        ("Phi-1.5 and Qwen2 in [a paper](https://example.org/2024)", [], 0),
    ],
)
def test_a_typed_result_is_found(text, phrases, loose):
    assert len(unlisted(prose(text), phrases)) == loose
