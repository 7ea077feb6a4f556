"""Every chapter keeps the skeleton, is stored clean and leaves the computing to the package."""

from __future__ import annotations

import ast
import copy
import re
import statistics
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import nbformat
import pytest

from cape_utils import data
from cape_utils.teaching import registry

FOLDER = Path(__file__).resolve().parents[2] / "notebooks"
CHAPTERS = sorted(path.stem for path in FOLDER.glob("*.ipynb"))
SECTIONS = [
    "The claim",
    "The data",
    "Predict first",
    "Measure it",
    "Could this be chance?",
    "Play",
    "Paper says, we find",
    "Exercises",
    "Take away",
]
LONGEST_CELL, USUAL_CELL, LONGEST_FUNCTION, WIDEST = 25, 10, 3, 76
HIDDEN_LINES = 300  # of all chapters: sentences belong in the findings of a chapter
FOLDED = {"hide-cell", "hide-input"}
FEW_NUMBERS = (
    "03_phase_transition",
    "05_recipes",
    "09_frontier",
    "11_toy_world",
)  # where no paragraph is crowded

Notebook = nbformat.NotebookNode


def read(chapter: str) -> Notebook:
    return nbformat.read(FOLDER / f"{chapter}.ipynb", as_version=4)


def code(cell: Notebook) -> str:
    """A cell's Python, with lines that only a notebook understands taken out."""
    return re.sub(r"^(\s*)[%!].*$", r"\1pass", cell.source, flags=re.MULTILINE)


def tags(cell: Notebook) -> set[str]:
    return set(cell.metadata.get("tags", []))


def section(nb: Notebook, title: str) -> list[Notebook]:
    """Cells from a second-level heading up to the next one; the heading may stand inside a cell."""
    found, inside = [], False
    for cell in nb.cells:
        headings = (
            re.findall(r"^## (.+)$", cell.source, flags=re.MULTILINE) if cell.cell_type == "markdown" else []
        )
        if title in headings:
            inside = True
        elif headings and inside:
            break
        if inside:
            found.append(cell)
    return found


def text_of(nb: Notebook, title: str) -> str:
    """The words of a section without those of its neighbours."""
    prose = "\n".join(cell.source for cell in nb.cells if cell.cell_type == "markdown")
    match = re.search(rf"^## {re.escape(title)}$(.*?)(?=^## |\Z)", prose, flags=re.MULTILINE | re.DOTALL)
    return match.group(1) if match else ""


def stored_clean(nb: Notebook, chapter: str) -> list[str]:
    cells = [cell for cell in nb.cells if cell.cell_type == "code"]
    found = [f"output stored: {cell.source[:40]}" for cell in cells if cell.outputs]
    found += [
        f"execution count stored: {cell.source[:40]}" for cell in cells if cell.execution_count is not None
    ]
    found += [f"metadata: {key}" for key in set(nb.metadata) - {"kernelspec", "language_info"}]
    if nb.metadata.get("kernelspec", {}).get("name") != "python3":
        found.append("metadata: the kernel is not python3")
    return found


def skeleton(nb: Notebook, chapter: str) -> list[str]:
    prose = "\n".join(cell.source for cell in nb.cells if cell.cell_type == "markdown")
    sections = re.findall(r"^## (.+)$", prose, flags=re.MULTILINE)
    found = [f"section missing: {name}" for name in SECTIONS if name not in sections]
    if not found and [name for name in sections if name in SECTIONS] != SECTIONS:
        found.append(f"sections out of order: {sections}")
    title = re.findall(r"^# (.+)$", prose, flags=re.MULTILINE)
    questions = data.load("chapters").set_index("chapter")["question"]
    if title != [questions.get(chapter)]:
        found.append(f"title: {title} is not the question of the plan")
    opening = nb.cells[0].source
    found += [
        f"opening: no {words}"
        for words in ("**You will be able to**", "**You need**", "**Time**")
        if words not in opening
    ]
    found += [
        f"closing: no {words}"
        for words in ("**Limits.**", "**Read next**")
        if words not in text_of(nb, "Take away")
    ]
    return found


def setup(nb: Notebook, chapter: str) -> list[str]:
    first = next(cell for cell in nb.cells if cell.cell_type == "code")
    found = [] if tags(first) & FOLDED else ["set-up: not hidden"]
    lines = first.source.splitlines()
    for number, line in enumerate(lines):
        heads = [head for head in lines[:number] if head and not head.startswith(" ")]
        if "pip install" in line and not (
            line.startswith("    ") and heads[-1].startswith("if web and not ")
        ):
            found.append("set-up: installs outside Colab and Kaggle")
    return found


def folded_everywhere(nb: Notebook, chapter: str) -> list[str]:
    """What the page hides or folds is folded in JupyterLab and Colab too; Colab needs a title for that."""
    found = []
    for cell in nb.cells:
        if cell.cell_type == "code" and tags(cell) & {*FOLDED, "remove-input", "remove-cell"}:
            if not cell.metadata.get("jupyter", {}).get("source_hidden"):
                found.append(f"open in JupyterLab (jupyter.source_hidden): {cell.source[:40]}")
            if cell.metadata.get("cellView") != "form" or not cell.source.startswith("# @title "):
                found.append(f"open in Colab (cellView: form, # @title): {cell.source[:40]}")
    return found


def narrow_code(nb: Notebook, chapter: str) -> list[str]:
    """A line of code fits its box on the page; the browser's test measures the box itself."""
    lines = [line for cell in nb.cells if cell.cell_type == "code" for line in cell.source.splitlines()]
    return [f"{len(line)} columns: {line[:40]}" for line in lines if len(line) > WIDEST]


def short_cells(nb: Notebook, chapter: str) -> list[str]:
    cells = [cell for cell in nb.cells if cell.cell_type == "code"]
    found = [f"cell of {n} lines" for cell in cells if (n := len(cell.source.splitlines())) > LONGEST_CELL]
    # Cells whose input is not shown write a sentence, and a question is one call: neither is what the reader reads.
    shown = [
        len(cell.source.splitlines())
        for cell in cells
        if "remove-input" not in tags(cell) and not cell.source.startswith("teaching.")
    ]
    if statistics.median(shown) > USUAL_CELL:
        found.append(f"median of {statistics.median(shown)} lines a cell")
    return found


def no_programs(nb: Notebook, chapter: str) -> list[str]:
    found = []
    for cell in nb.cells:
        if cell.cell_type != "code":
            continue
        for node in ast.walk(ast.parse(code(cell))):
            if isinstance(node, ast.ClassDef):
                found.append(f"class {node.name}")
            if isinstance(node, ast.FunctionDef) and node.end_lineno - node.lineno + 1 > LONGEST_FUNCTION:
                found.append(f"function {node.name} of {node.end_lineno - node.lineno + 1} lines")
            if isinstance(node, ast.ImportFrom) and any(alias.name == "*" for alias in node.names):
                found.append(f"star import of {node.module}")
    return found


def exercises(nb: Notebook, chapter: str) -> list[str]:
    cells = section(nb, "Exercises")
    asked = re.findall(r"^\*\*(\d)\. (\w+)\.\*\*", text_of(nb, "Exercises"), flags=re.MULTILINE)
    found = []
    if [verb for _, verb in asked] != ["Calculate", "Change", "Criticise"]:
        found.append(f"exercises: {asked}")
    code_cells = [cell for cell in cells if cell.cell_type == "code"]
    solutions = [cell for cell in code_cells if cell.source.startswith("# @title Solution")]
    boxes = [
        match
        for cell in code_cells
        for match in re.findall(r'^teaching\.exercise\("([\d.]+)"\)$', cell.source, re.MULTILINE)
    ]
    if boxes != [f"{chapter[:2]}.{place}" for place, _ in asked]:
        found.append(f"exercises: answer boxes {boxes}")
    if len(solutions) != len(asked):
        found.append(f"exercises: {len(solutions)} solutions for {len(asked)} questions")
    for cell in solutions:
        if not tags(cell) & FOLDED:
            found.append(f"solution not folded: {cell.source[:40]}")
        if not any(isinstance(node, ast.Assert) for node in ast.walk(ast.parse(code(cell)))):
            found.append(f"solution without an assert: {cell.source[:40]}")
    return found


def bets(nb: Notebook, chapter: str) -> list[str]:
    """Every question to bet on stands under its heading, in its order, and none is left out."""
    source = "\n".join(cell.source for cell in section(nb, "Predict first") if cell.cell_type == "code")
    placed = re.findall(r'^teaching\.bet\("([\d.]+)"\)$', source, re.MULTILINE)
    known = [bet.id for bet in registry.bets() if bet.id.startswith(f"{chapter[:2]}.")]
    return [] if placed == known and known else [f"bets: {placed}, and the chapter has {known}"]


def from_the_ledger(nb: Notebook, chapter: str) -> list[str]:
    found = []
    for title, call in (("The claim", "claims.statements"), ("Paper says, we find", "claims.scoreboard")):
        source = "\n".join(cell.source for cell in section(nb, title) if cell.cell_type == "code")
        whole = chapter == "13_scorecard"  # it has no claims of its own, and shows everybody's
        if not whole and f'{call}("{chapter}")' not in source:
            found.append(f"{title}: not from the ledger of {chapter}")
    for title in ("Paper says, we find", "Take away"):
        # A figure in the closing words is a figure that no code keeps true.
        found += [
            f"{title}: {number} is typed by hand" for number in re.findall(r"\d+\.\d+", text_of(nb, title))
        ]
    return found


def chance_is_asked(nb: Notebook, chapter: str) -> list[str]:
    source = "\n".join(
        cell.source for cell in section(nb, "Could this be chance?") if cell.cell_type == "code"
    )
    return [] if source.strip() else ["chance: the section computes nothing"]


def plays(nb: Notebook, chapter: str) -> list[str]:
    source = "\n".join(cell.source for cell in nb.cells if cell.cell_type == "code")
    return (
        []
        if len(re.findall(r"\b(?:charts|figures)\.(?!enable|table\()\w+\(", source))
        + source.count("claims.scoreboard()")
        >= 2
        else ["play: fewer than two charts"]
    )


def one_sentence_a_line(nb: Notebook, chapter: str) -> list[str]:
    found = []
    for cell in nb.cells:
        if cell.cell_type != "markdown":
            continue
        for line in cell.source.splitlines():
            plain = re.sub(r"\*\*[^*]+\*\*|`[^`]*`|\$[^$]*\$", "", line)
            if re.search(r"[a-z)]{2}[.?!] +[A-Z][a-z]+ ", plain):
                found.append(f"two sentences in a line: {line[:60]}")
    return found


CHECKS: tuple[Callable[[Notebook, str], list[str]], ...] = (
    stored_clean,
    skeleton,
    setup,
    folded_everywhere,
    narrow_code,
    short_cells,
    no_programs,
    exercises,
    bets,
    from_the_ledger,
    chance_is_asked,
    plays,
    one_sentence_a_line,
)


def test_there_are_chapters_and_all_of_them_are_in_the_plan():
    assert (
        {"01_data", "02_coupling", "03_phase_transition"}
        <= set(CHAPTERS)
        <= set(data.load("chapters")["chapter"])
    )


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("chapter", CHAPTERS)
def test_a_chapter_is_as_agreed(chapter, check):
    assert check(read(chapter), chapter) == []


def hidden_lines(nb: Notebook) -> int:
    cells = [cell for cell in nb.cells if tags(cell) & {"remove-input", "hide-input"}]
    return sum(len(cell.source.splitlines()) for cell in cells)


def test_notebooks_hide_little_code():
    lines = {chapter: hidden_lines(read(chapter)) for chapter in CHAPTERS}
    assert sum(lines.values()) <= HIDDEN_LINES, lines


def test_a_hidden_question_counts_as_hidden():
    nb = read("01_data")
    before = hidden_lines(nb)
    asked = next(cell for cell in nb.cells if cell.source == 'teaching.bet("01.1")')
    asked.metadata["tags"] = ["remove-input"]
    assert hidden_lines(nb) == before + 1


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_a_chapter_is_a_valid_notebook_whose_cells_have_their_own_names(chapter):
    nb = read(chapter)
    nbformat.validate(nb)
    assert len({cell.id for cell in nb.cells}) == len(nb.cells)


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_a_chapter_names_no_place_on_a_machine(chapter):
    for cell in read(chapter).cells:
        assert not re.search(r"/(home|root|tmp|Users)/", cell.source)


# ---------------------------------------------------------------- the built page, with what the cells say

BUILT = FOLDER.parent / "_build" / "html" / "notebooks"
MOST_CLAIMS, MOST_NUMBERS = 2, 4
# A size (7B), a percentage and a signed number count; the digits of a name (Qwen2.5-7B, GPT-4) do not.
NUMBER = re.compile(r"(?<![\w.,-])[+\-\u2212\u00b1]?\d+(?:,\d{3})*(?:\.\d+)?")


class Page(HTMLParser):
    """The open paragraphs of a page with the section they are in, and the claims that stand before its first figure.

    Figures, tables, code, formulas and citations have numbers of their own, and what is folded is there for those who ask.
    """

    ALONE = {"br", "hr", "img", "input", "link", "meta", "col", "source", "wbr"}
    APART = {"figure", "table", "pre", "script", "style", "svg", "nav", "math", "form", "details"}

    def __init__(self, text: str) -> None:
        super().__init__()
        self.paragraphs: list[tuple[str, str]] = []
        self.claims = 0
        self._open: list[tuple[str, bool]] = []
        self._parts: dict[str, list[str]] = {}
        self._section, self._figure, self._scoreboard = "", False, False
        article = re.search(r"<article.*?</article>", text, re.DOTALL)
        self.feed(article.group() if article else text)

    def _apart(self) -> bool:
        return any(apart for _, apart in self._open)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in self.ALONE:
            return
        known = {name: value or "" for name, value in attrs}
        self._figure |= tag == "figure" and "cape-figure" in known.get("class", "")
        folded = any(name == "details" for name, _ in self._open)
        self.claims += tag == "tr" and not folded and not self._figure and self._in_body()
        if tag in {"p", "li"}:
            self._keep()
        cited = tag == "a" and "references.html#" in known.get("href", "")
        self._open.append((tag, tag in self.APART or cited))
        if tag == "table":
            self._scoreboard = "scoreboard" in known.get("class", "")

    def _in_body(self) -> bool:
        return any(name == "tbody" for name, _ in self._open) and self._scoreboard

    def handle_endtag(self, tag: str) -> None:
        if tag in {"p", "li", "ul", "h2"}:
            self._keep()
        while self._open and self._open.pop()[0] != tag:
            pass

    def handle_data(self, data: str) -> None:
        inside = [name for name, _ in self._open]
        if "h2" in inside:
            self._parts.setdefault("h2", []).append(data)
        elif not self._apart() and ("p" in inside or "li" in inside):
            self._parts.setdefault("p", []).append(data)

    def _keep(self) -> None:
        said = {kind: " ".join("".join(parts).split()) for kind, parts in self._parts.items()}
        self._parts = {}
        self._section = said.get("h2", self._section).rstrip("#")
        if words := said.get("p"):
            self.paragraphs.append((self._section, words))


def crowded(page: Page) -> list[str]:
    """Paragraphs and items of lists with too many numbers; what an exercise gives to calculate with is left alone."""
    found = [(len(NUMBER.findall(words)), words) for name, words in page.paragraphs if name != "Exercises"]
    return [f"{count} numbers: {words}" for count, words in found if count > MOST_NUMBERS]


def built(chapter: str) -> str:
    path = BUILT / f"{chapter}.html"
    if not path.exists():
        pytest.fail(f"No page {path}: build the book first with `make book`.", pytrace=False)
    return path.read_text(encoding="utf-8")


@pytest.mark.book
@pytest.mark.parametrize("chapter", [name for name in CHAPTERS if name != "13_scorecard"])
def test_a_figure_comes_before_the_third_claim(chapter):
    page = Page(built(chapter))
    assert page.claims <= MOST_CLAIMS, f"{page.claims} claims stand open before the first figure"


@pytest.mark.book
@pytest.mark.parametrize("chapter", FEW_NUMBERS)
def test_no_paragraph_holds_more_than_four_numbers(chapter):
    assert crowded(Page(built(chapter))) == []


@pytest.mark.book
@pytest.mark.parametrize("chapter", FEW_NUMBERS)
def test_a_crowded_paragraph_and_a_third_claim_are_caught_on_the_page(chapter):
    whole, heading = built(chapter), '<section id="the-data">'
    assert whole.count(heading) == 1
    crowd = "<p>It is 0.4 [0.1, 0.7] on 12 models and \u22120.2 on <em>3</em> others; GPT-4 and Qwen2.5-7B do not count.</p>"
    rows = "<tr><td>a claim</td></tr>" * 3
    claims = f'<table class="scoreboard"><tbody>{rows}</tbody></table>'
    (found,) = crowded(Page(whole.replace(heading, heading + crowd)))
    assert found.startswith("6 numbers: It is 0.4")
    assert Page(whole.replace(heading, heading + claims)).claims > MOST_CLAIMS
    folded = f"<details><summary>3 more claims</summary>{claims}{crowd}</details>"
    assert crowded(Page(whole.replace(heading, heading + folded))) == []
    assert Page(whole.replace(heading, heading + folded)).claims <= MOST_CLAIMS


# ---------------------------------------------------------------- planted faults


def last_code(nb: Notebook) -> Notebook:
    return [cell for cell in nb.cells if cell.cell_type == "code"][-1]


def rewrite(old: str, new: str) -> Callable[[Notebook], None]:
    def change(nb: Notebook) -> None:
        hit = False
        for cell in nb.cells:
            hit |= old in cell.source
            cell.source = cell.source.replace(old, new)
        assert hit, f"{old!r} is in no cell, so nothing was planted"

    return change


def more_code(source: str) -> Callable[[Notebook], None]:
    return lambda nb: nb.cells.insert(3, nbformat.v4.new_code_cell(source))


def store(**fields) -> Callable[[Notebook], None]:
    return lambda nb: last_code(nb).update(fields)


FAULTS = {
    "an output": (store(outputs=[nbformat.v4.new_output("stream", text="1")]), stored_clean, "output stored"),
    "an execution count": (store(execution_count=3), stored_clean, "execution count stored"),
    "an editor's metadata": (lambda nb: nb.metadata.update({"vscode": {}}), stored_clean, "metadata: vscode"),
    "no section on chance": (
        rewrite("## Could this be chance?", "## Robustness"),
        skeleton,
        "section missing: Could this",
    ),
    "sections out of order": (
        lambda nb: nb.cells.append(nbformat.v4.new_markdown_cell("## The data")),
        skeleton,
        "sections out of order",
    ),
    "another title": (
        rewrite("# What was measured", "# What they measured"),
        skeleton,
        "is not the question",
    ),
    "no time given": (rewrite("**Time**", "Time"), skeleton, "opening: no **Time**"),
    "no limits": (rewrite("**Limits.**", "Limits."), skeleton, "closing: no **Limits.**"),
    "an install for everybody": (
        rewrite("    %pip install", "%pip install"),
        setup,
        "installs outside Colab and Kaggle",
    ),
    "a cell open in JupyterLab": (
        lambda nb: last_code(nb).metadata.pop("jupyter"),
        folded_everywhere,
        "open in JupyterLab",
    ),
    "a cell open in Colab": (rewrite("# @title Solution", "# Solution"), folded_everywhere, "open in Colab"),
    "a wide line": (more_code("x = " + "1 + " * 20 + "1"), narrow_code, "85 columns"),
    "a long cell": (more_code("\n".join(["x = 1"] * 26)), short_cells, "cell of 26 lines"),
    "a function": (
        more_code("def f(x):\n    a = x\n    b = a\n    return b"),
        no_programs,
        "function f of 4 lines",
    ),
    "a class": (more_code("class A:\n    pass"), no_programs, "class A"),
    "a star import": (more_code("from numpy import *"), no_programs, "star import of numpy"),
    "a solution without an assert": (rewrite("assert ", "0 + "), exercises, "solution without an assert"),
    "an open solution": (lambda nb: last_code(nb).metadata.update(tags=[]), exercises, "solution not folded"),
    "an exercise without a box": (
        rewrite('teaching.exercise("01.2")', "0"),
        exercises,
        "answer boxes ['01.1', '01.3']",
    ),
    "a bet of another chapter": (
        rewrite('teaching.bet("01.1")', 'teaching.bet("02.1")'),
        bets,
        "bets: ['02.1']",
    ),
    "two exercises": (rewrite("**3. Criticise.**", "Criticise."), exercises, "3 solutions for 2 questions"),
    "another chapter's claims": (
        rewrite('scoreboard("01_data")', 'scoreboard("02_coupling")'),
        from_the_ledger,
        "not from the ledger",
    ),
    "a number typed at the end": (
        rewrite("**Limits.**", "r is 0.682. **Limits.**"),
        from_the_ledger,
        "0.682 is typed",
    ),
    "two sentences in a line": (
        rewrite("**Limits.**", "One is here. Another is there. **Limits.**"),
        one_sentence_a_line,
        "two sentences",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_caught(fault):
    plant, check, words = FAULTS[fault]
    nb = copy.deepcopy(read("01_data"))
    assert check(nb, "01_data") == []
    plant(nb)
    assert any(words in problem for problem in check(nb, "01_data")), check(nb, "01_data")
