"""Pages for teachers: what they quote comes from the chapters, links lead somewhere, and plans add up."""

from __future__ import annotations

import importlib
import json
import re
from io import StringIO
from pathlib import Path

import nbformat
import pytest

from cape_utils import data
from tests.loading import ROOT, load

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
GUIDE = (ROOT / "book" / "teaching_guide.md").read_text(encoding="utf-8")
NOTATION = (ROOT / "book" / "notation.md").read_text(encoding="utf-8")
EXTENSIONS = str(ROOT / "book" / "_ext")


@pytest.fixture(autouse=True)
def with_extensions(monkeypatch):
    monkeypatch.syspath_prepend(EXTENSIONS)


texts = load("book/_ext/chapter_texts.py")

FIGURE = """<figure class="cape-figure">
<p class="cape-title">Two &amp; two</p>
<script type="application/json" class="cape-spec">{"params":[{"name":"p","bind":{"input":"select","name":"Panel ",
"options":[1,2],"labels":["one","two"]}},{"name":"q","bind":{"input":"range","name":"Size "}}]}</script>
<figcaption>CAPTION</figcaption>
</figure>"""


def missing_names(rows: list[list[str]]) -> list[str]:
    """Names of the notation that are neither in the package nor a column of a table."""
    found = []
    for name in (name for row in rows for name in row[3].split(", ")):
        place, _, part = name.rpartition(".")
        if place in data.tables() and part in data.load(place).columns:
            continue
        try:
            known = hasattr(importlib.import_module(f"cape_utils.{place}"), part)
        except ImportError:
            known = False
        if not known:
            found.append(name)
    return found


def test_every_name_of_the_notation_exists():
    block = re.search(r"```\{notation\}\n(.*?)```", NOTATION, re.DOTALL).group(1)
    rows = texts.notation_rows(block)
    assert len(rows) > 25
    assert missing_names(rows) == []
    planted = [
        ["$x$", "", "", "scaling.coupling.no_such, paper_panel.no_such, stats.correlation.pearson", ""]
    ]
    assert missing_names(planted) == ["scaling.coupling.no_such", "paper_panel.no_such"]


def test_a_row_of_the_notation_has_five_cells():
    with pytest.raises(ValueError, match="4 cells in place of 5"):
        texts.notation_rows("a | b | c | d")


def write(path: Path, *cells: str) -> Path:
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell(cell) for cell in cells])
    nbformat.write(notebook, path)
    return path


def test_goals_are_read_from_the_opening(tmp_path):
    opening = "# T\n\n**You will be able to** count\nand tell.\n\n**You need** nothing."
    assert texts.learning_goals(write(tmp_path / "a.ipynb", opening)) == "count and tell."
    with pytest.raises(ValueError, match=r"b\.ipynb does not open with"):
        texts.learning_goals(write(tmp_path / "b.ipynb", "# T", opening))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_every_chapter_has_goals_and_exercises(path):
    assert len(texts.learning_goals(path).split()) > 10
    assert "## Exercises" in path.read_text(encoding="utf-8")


def test_the_first_use_is_the_first_chapter_and_its_heading(tmp_path):
    one = write(tmp_path / "01_a.ipynb", "# One\n\n## The claim\n\nnothing")
    two = write(
        tmp_path / "02_b.ipynb", "# Two\n\n## The claim\n\n### Inside\n\nhere is N_c", "## Play\n\nN_c"
    )
    assert texts.first_use("N_c", [one, two]) == "02_b#Inside"
    with pytest.raises(ValueError, match="no chapter uses 'gamma'"):
        texts.first_use("gamma", [one, two])


def test_figures_are_read_and_named():
    (figure,) = texts.figures_in(f"<p>{FIGURE}</p>")
    assert (figure.title, figure.caption, figure.anchor) == ("Two & two", "CAPTION", "figure-two-two")
    assert figure.controls == {"Panel": ["one", "two"], "Size": []}
    named = texts.name_figures(f"<p>{FIGURE}</p>{FIGURE.replace('Two', 'Three')}")
    assert re.findall(r' id="(.*?)"', named) == ["figure-two-two", "figure-three-two"]
    assert texts.figures_in("<p>none</p>") == []


def build(folder: Path, page: str, *chapters: str) -> tuple[str, str]:
    """Build a book of one page and some chapters; return the page and the warnings."""
    from sphinx.application import Sphinx
    from sphinx.util.docutils import docutils_namespace

    for name, text in {
        "conf.py": "extensions = ['myst_parser', 'cape_teaching']\nproject = 'P'\nhtml_title = 'B'\nauthor = 'A'\n",
        "index.md": "# Index\n\n```{toctree}\n:glob:\npage\nnotebooks/*\n```\n",
        "page.md": f"# Page\n\n{page}\n",
        "data/chapters.csv": "chapter,short_title,question\n01_one,One,One?\n02_two,Two,Two?\n",
        **{f"notebooks/{name}.md": text for name, text in (entry.split("|", 1) for entry in chapters)},
    }.items():
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        if not path.exists() or path.read_text() != text:
            path.write_text(text)
    complaints = StringIO()
    with docutils_namespace():
        app = Sphinx(folder, folder, folder / "out", folder / "trees", "html", None, None, complaints)
        app.build()
    return (folder / "out" / "page.html").read_text(), re.sub(r"\x1b\[[0-9;]*m", "", complaints.getvalue())


CHAPTER = "01_one|# One, asked\n\n## The claim, here\n\n```{{raw}} html\n{figure}\n```\n"


@pytest.fixture
def chapter():
    return CHAPTER.format(figure=FIGURE)


def test_links_findings_and_figures_are_filled_in(tmp_path, chapter):
    page, warnings = build(
        tmp_path,
        "{at}`01_one`. {at}`words <01_one#The claim, here>`. {at}`01_one#Two & two`. {at}`02_two#Anything`.\n\n"
        "{control}`01_one#Two & two#Panel=two`, {control}`01_one#Two & two#Size=3`, {finding}`01_one#Two & two`\n\n"
        "```{lifted-figure} 01_one#Two & two\n```",
        chapter,
    )
    assert warnings == ""
    assert '<a class="reference internal" href="notebooks/01_one.html">One, asked</a>' in page
    assert '<a class="reference internal" href="notebooks/01_one.html#the-claim-here">words</a>' in page
    assert page.count('href="notebooks/01_one.html#figure-two-two">Two &amp; two</a>') == 4
    assert "<span>Anything</span>" in page, "a chapter that is planned is named without a link"
    assert "<em>Panel: two</em> in" in page
    assert '<span class="cape-finding">CAPTION</span>' in page
    assert page.count('<figure class="cape-figure" id="figure-two-two">') == 1
    assert "“Two &amp; two”, A, B, chapter 01, CC BY 4.0" in page
    assert 'id="figure-two-two"' in (tmp_path / "out" / "notebooks" / "01_one.html").read_text()


def test_a_page_follows_its_chapter_and_a_new_chapter_gets_its_link(tmp_path, chapter):
    page = "{finding}`01_one#Two & two` {at}`02_two#Play`"
    assert "CAPTION" in build(tmp_path, page, chapter)[0]
    later, warnings = build(tmp_path, page, chapter.replace("CAPTION", "LATER"), "02_two|# Two\n\n## Play\n")
    assert warnings == ""
    assert "LATER" in later
    assert 'href="notebooks/02_two.html#play">Play</a>' in later


@pytest.mark.parametrize(
    ("planted", "said"),
    [
        ("{at}`03_three`", "there is no chapter '03_three'"),
        ("{at}`01_one#The clam`", "has no heading or figure 'The clam'; it has The claim, here; Two & two"),
        ("{finding}`01_one#Two`", "has no figure 'Two'; it has Two & two"),
        ("{control}`01_one#Two & two#Pane`", "has no control 'Pane'; it has Panel, Size"),
        ("{control}`01_one#Two & two#Panel=three`", "'Panel' of 'Two & two' has no 'three'; it has one, two"),
        ("```{lifted-figure} 01_one#Three\n```", "has no figure 'Three'"),
        ("```{lifted-figure} 02_two#Three\n```", "there is no chapter '02_two'"),
    ],
)
def test_a_link_that_leads_nowhere_is_a_warning(tmp_path, chapter, planted, said):
    assert said in build(tmp_path, planted, chapter)[1]


def plan_faults(guide: str) -> list[str]:
    """Timetables whose minutes do not add up to what their heading says."""
    found = []
    for total, table in re.findall(r"### Timing, (\d+) minutes\n\n(.*?)\n\n", guide, re.DOTALL):
        minutes = [int(cell) for cell in re.findall(r"^\| (\d+) \|", table, re.MULTILINE)]
        if sum(minutes) != int(total):
            found.append(f"{sum(minutes)} of {total} minutes")
    return found


def test_the_plans_add_up():
    assert len(re.findall(r"### Timing, \d+ minutes", GUIDE)) == 2
    assert plan_faults(GUIDE) == []
    assert plan_faults(GUIDE.replace("| 5 | Read", "| 6 | Read")) == ["61 of 60 minutes"]
    weeks = [
        int(week) for week in re.findall(r"^\| (\d+) \| [^|]+ \| [^|]+ \| [^|]+ \|$", GUIDE, re.MULTILINE)
    ]
    assert weeks == list(range(1, 13))
    rubric = GUIDE.split("### Rubric")[1].split("\n## ")[0]
    assert sum(int(n) for n in re.findall(r"^\| [^|]+ \| (\d+) \|", rubric, re.MULTILINE)) == 100


def test_three_questions_for_each_chapter_of_the_plan():
    part = GUIDE.split("## Discussion questions")[1].split("\n## ")[0]
    asked = re.split(r"^\*\*\d\d\*\* \{at\}`(\w+)`$", part, flags=re.MULTILINE)[1:]
    questions = {
        name: re.findall(r"^(\d)\. ", text, re.MULTILINE)
        for name, text in zip(asked[::2], asked[1::2], strict=True)
    }
    assert list(questions) == data.load("chapters")["chapter"].tolist()
    assert all(numbers == ["1", "2", "3"] for numbers in questions.values())


def test_ten_ways_are_ten_and_each_shows_a_figure():
    parts = re.split(r"^## ", (ROOT / "book" / "ten_ways.md").read_text(encoding="utf-8"), flags=re.MULTILINE)
    ways = [part for part in parts if re.match(r"\d+\. ", part)]
    assert [int(way.split(".")[0]) for way in ways] == list(range(1, 11))
    assert all("{finding}`" in way and "**Instead.**" in way for way in ways)


def test_the_figure_page_draws_on_every_chapter():
    page = (ROOT / "book" / "figures.md").read_text(encoding="utf-8")
    used = re.findall(r"\{lifted-figure\} (\w+)#", page)
    drawn = [
        path.stem for path in NOTEBOOKS if "charts." in json.dumps(json.loads(path.read_text())["cells"])
    ]
    assert sorted(set(used) - set(drawn)) == []
    assert used == sorted(used)
    assert len(used) >= 12
