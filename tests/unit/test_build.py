"""The build: what makes it start afresh, what fails it, and formulas without scripts."""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from cape_utils.charts import rendering
from tests.loading import ROOT, load

sys.path.insert(0, str(ROOT / "book"))
build = load("book/build.py")
execute = sys.modules["execute"]
extension = load("book/_ext/cape_book.py")


@pytest.fixture
def book(tmp_path):
    """The smallest book with the real settings and scripts: one page, one notebook."""
    for name in (
        "book/build.py",
        "book/address.py",
        "book/editions.py",
        "book/execute.py",
        *("cape_utils/__init__.py", "cape_utils/runtime.py", "cape_utils/charts/__init__.py"),
        *("cape_utils/charts/rendering.py", "cape_utils/charts/figure_tools.js"),
        "constraints.txt",
        "_config.yml",
    ):
        target = tmp_path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, target)
    for name in ("_static", "_ext", "mathfont"):
        shutil.copytree(
            ROOT / "book" / name, tmp_path / "book" / name, ignore=shutil.ignore_patterns("__pycache__")
        )
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "panel.csv").write_text("score\n1\n")
    (tmp_path / "book" / "references.bib").write_text("")
    (tmp_path / "book" / "intro.md").write_text("# Intro\n\nInline $x < y$.\n")
    (tmp_path / "_toc.yml").write_text(
        "format: jb-book\nroot: book/intro\nchapters:\n  - file: notebooks/one\n"
    )
    (tmp_path / "notebooks").mkdir()
    return tmp_path


def write_notebook(book: Path, *cells: str, name: str = "one") -> None:
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("# One")])
    notebook.cells += [nbformat.v4.new_code_cell(cell) for cell in cells]
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(notebook, book / "notebooks" / f"{name}.ipynb")


def run(book: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(book / "book" / "build.py"), "--source", str(book)]
    return subprocess.run(command, capture_output=True, text=True, timeout=250, check=False)


@pytest.mark.parametrize(
    "change",
    [
        lambda book: (book / "data" / "panel.csv").write_text("score\n2\n"),
        lambda book: (book / "data" / "new.csv").write_text("a\n"),
        lambda book: (book / "data" / "panel.csv").rename(book / "data" / "renamed.csv"),
        lambda book: (book / "data" / "panel.csv").unlink(),
        lambda book: (book / "cape_utils" / "coupling.py").write_text("x = 1\n"),
        lambda book: (book / "constraints.txt").write_text("numpy==1\n"),
    ],
)
def test_hash_follows_the_inputs(book, change):
    before = build.execution_hash(book)
    assert build.execution_hash(book) == before
    change(book)
    assert build.execution_hash(book) != before


def test_hash_ignores_what_the_numbers_do_not_depend_on(book):
    before = build.execution_hash(book)
    (book / "cape_utils" / "__pycache__").mkdir()
    (book / "cape_utils" / "__pycache__" / "x.py").write_text("")
    (book / "book" / "intro.md").write_text("# Other\n")
    (book / "book" / "_static" / "book.css").write_text("")
    assert build.execution_hash(book) == before


def test_only_what_is_out_of_date_is_removed(book):
    out = book / "_build"
    kept = [out / ".jupyter_cache" / "x", out / ".doctrees" / "x"]

    def fill() -> None:
        for path in kept:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("")

    out.mkdir()
    (out / "book-of.json").write_text(json.dumps(build.prepare(book)))
    fill()
    (out / "book-of.json").write_text(json.dumps(build.prepare(book)))
    assert [path.exists() for path in kept] == [True, True]
    (book / "book" / "_static" / "book.css").write_text("/* other */")
    build.prepare(book)
    assert [path.exists() for path in kept] == [True, False]
    fill()
    build.prepare(book)
    assert [path.exists() for path in kept] == [True, False], (
        "a build that did not finish starts its pages afresh"
    )
    (book / "data" / "panel.csv").write_text("score\n3\n")
    build.prepare(book)
    assert [path.exists() for path in kept] == [False, False]


def test_a_sound_book_builds_and_a_changed_table_is_seen(book):
    write_notebook(book, "print('score', open('../data/panel.csv').read().split()[-1])")
    first = run(book)
    assert first.returncode == 0, first.stdout + first.stderr
    assert "1 executed" in first.stdout
    page = book / "_build" / "html" / "notebooks" / "one.html"
    assert "score 1" in page.read_text()
    intro = (book / "_build" / "html" / "book" / "intro.html").read_text()
    assert "<math" in intro
    assert "athjax" not in intro.lower().replace("mathjax_", "")

    assert "nothing has changed" in run(book).stdout
    (book / "book" / "intro.md").write_text("# Intro\n\nOther words.\n")
    again = run(book)
    assert "from the cache" in again.stdout
    assert "Other words" in (book / "_build" / "html" / "book" / "intro.html").read_text()

    (book / "data" / "panel.csv").write_text("score\n7\n")
    changed = run(book)
    assert "1 executed" in changed.stdout
    assert "score 7" in page.read_text()


def test_a_warning_fails_the_build_each_time(book):
    write_notebook(book, "1 + 1")
    (book / "book" / "intro.md").write_text("# Intro\n\n[gone](gone.md)\n\n$\\nosuchcommand$\n")
    for _ in range(2):
        done = run(book)
        assert done.returncode == 1
        assert "gone.md" in done.stdout
        assert "nosuchcommand" in done.stdout


@pytest.mark.parametrize(
    "tex",
    [
        r"a &= b \\ c &= d",
        r"\begin{aligned} a &= b \\ c &= d \end{aligned}",
        r"\begin{align*} a &= b \\ c &= d \end{align*}",
        "a = b\n\nc = d",
    ],
)
def test_aligned_formulas_become_tables(tex):
    mathml = extension.to_mathml(tex, block=True)
    assert mathml.count("<mtr>") == 2
    assert ">&<" not in mathml


def formulas():
    """Every formula of the book as MathML."""
    for path in (*ROOT.glob("notebooks/*.ipynb"), *ROOT.glob("book/*.md")):
        cells = (
            [c.source for c in nbformat.read(path, 4).cells if c.cell_type == "markdown"]
            if path.suffix == ".ipynb"
            else [path.read_text(encoding="utf-8")]
        )
        for block, inline in re.findall(r"\$\$(.+?)\$\$|(?<![\\$])\$([^$\n]+)\$", "\n\n".join(cells), re.S):
            yield extension.to_mathml(block or inline, block=bool(block))


def missing_characters(mathml, characters):
    return set(html.unescape(re.sub(r"<[^>]+>|\s", "", mathml))) - set(characters)


def test_the_mathematics_font_has_every_character_of_the_formulas():
    characters = (extension.FONT.parent / "characters.txt").read_text(encoding="utf-8")
    found = list(formulas())
    assert len(found) > 20
    assert missing_characters("".join(found), characters) == set()
    assert missing_characters("<mi>\N{HEBREW LETTER ALEF}</mi>", characters) == {"\N{HEBREW LETTER ALEF}"}


def test_the_mathematics_font_stands_in_its_style_sheet():
    style = extension.math_style(b"font")
    assert "url(data:font/woff2;base64,Zm9udA==)" in style
    assert not extension._styled(style)


@pytest.mark.parametrize("tex", [r"\nosuchcommand x", r"a & b", r"\frac{1}{"])
def test_formulas_that_cannot_be_written_are_refused(tex):
    with pytest.raises(ValueError, match=r"unknown|Error"):
        extension.to_mathml(tex, block=False)


@pytest.mark.parametrize(
    "page",
    [
        '<script src="https://example.org/x.js"></script>',
        '<script src="//example.org/x.js"></script>',
        '<link rel="stylesheet" href="https://example.org/x.css">',
        '<link rel="preconnect" href="https://example.org">',
        '<img src="http://example.org/x.png">',
        "<style>@import 'https://example.org/x.css';</style>",
        "<style>a { background: url(https://example.org/x.png) }</style>",
        '<p style="background:url(//example.org/x.png)">',
        '<iframe src="https://example.org"></iframe>',
    ],
)
def test_requests_to_other_hosts_are_found(page):
    assert len(extension.other_hosts(page)) == 1


@pytest.mark.parametrize(
    "page",
    [
        '<a href="https://example.org">a link is no request</a>',
        '<link rel="canonical" href="https://example.org/page">',
        '<script type="application/json">{"$schema": "https://example.org/v6.json"}</script>',
        '<script src="../_static/x.js"></script>',
        '<svg xmlns="http://www.w3.org/2000/svg"></svg>',
    ],
)
def test_links_are_not_requests(page):
    assert extension.other_hosts(page) == []


def test_the_bundle_keeps_its_names_to_itself():
    bundle = rendering.vega_script()
    assert bundle.startswith("(function(){")
    assert bundle.rstrip().endswith("})();")
    assert "window.vegaEmbed=" in bundle


# ---------------------------------------------------------------- side by side


@pytest.fixture
def three(book: Path) -> Path:
    """Two notebooks that work, of which one waits for the other, and one that fails."""
    done = book / "three.done"
    wait = (
        f"while not pathlib.Path({str(done)!r}).exists() and time.monotonic() < begun + 120: time.sleep(0.05)"
    )
    write_notebook(
        book,
        "import os, pathlib, time\nbegun = time.monotonic()",
        f"{wait}\nprint(os.environ['CAPE_BOOK'], time.time())",
    )
    write_notebook(book, "1 / 0", name="two")
    write_notebook(
        book, "import pathlib, time", f"print(time.time()); pathlib.Path({str(done)!r}).touch()", name="three"
    )
    (book / "_toc.yml").write_text(
        "format: jb-book\nroot: book/intro\nchapters:\n  - file: notebooks/three\n  - file: notebooks/two\n"
        "  - file: notebooks/one\n"
    )
    return book


def executed(book: Path, monkeypatch: pytest.MonkeyPatch, **usual: float) -> list[str]:
    monkeypatch.setattr(execute, "workers", lambda: 2)
    return [one.name for one in execute.execute(book, build.kernel_environment(book), usual=usual)]


def test_notebooks_run_side_by_side_and_are_found_in_the_cache(three: Path, monkeypatch: pytest.MonkeyPatch):
    from jupyter_cache import get_cache

    assert [path.stem for path in execute.pages(three)] == ["three", "two", "one"]
    # The long one is begun first and waits for the short one: one after the other, it would wait in vain.
    assert sorted(executed(three, monkeypatch, one=2.0, two=0.1, three=0.1)) == ["one", "three"]
    cache = get_cache(three / "_build" / ".jupyter_cache")
    cells = {}
    for name in ("one", "three"):
        notebook = nbformat.read(three / "notebooks" / f"{name}.ipynb", as_version=4)
        _, merged = cache.merge_match_into_notebook(notebook)
        cells[name] = merged.cells[-1].outputs[0]["text"].split()
    assert cells["one"][0] == "1"
    assert float(cells["three"][0]) < float(cells["one"][1])
    with pytest.raises(KeyError):
        cache.match_cache_notebook(nbformat.read(three / "notebooks" / "two.ipynb", as_version=4))


def test_what_the_cache_holds_is_not_run_again_and_one_notebook_is_left_to_the_book(
    three: Path, monkeypatch: pytest.MonkeyPatch
):
    write_notebook(three, "1", name="two")
    assert set(executed(three, monkeypatch)) == {"one", "two", "three"}
    assert executed(three, monkeypatch) == []
    write_notebook(three, "2", name="two")
    assert executed(three, monkeypatch) == []


def test_a_machine_with_little_memory_runs_one_at_a_time(monkeypatch: pytest.MonkeyPatch, three: Path):
    assert execute.workers(4, 2.0) == execute.workers(1, 64.0) == 1
    assert execute.workers(4, 100.0) == 4
    monkeypatch.setattr(execute, "workers", lambda: 1)
    assert list(execute.execute(three, {}, usual={})) == []


def test_a_failing_cell_fails_the_build_and_is_shown_with_time_and_memory_of_each(three: Path):
    write_notebook(three, "1 + 1", "numerator = 3\nnumerator / 0", name="two")
    first = run(three)
    if execute.workers() > 1:
        assert " MB" in first.stdout
    for done in (first, run(three)):  # a second run must not pass because the first one left something behind
        assert done.returncode == 1
        assert "notebooks/two.ipynb: a cell failed" in done.stdout
        assert "ZeroDivisionError: division by zero" in done.stdout
        assert "numerator / 0" in done.stdout
        assert "The book was not built" in done.stdout.splitlines()[-1]


@pytest.mark.book
def test_what_the_newest_sphinx_reads_stays_out_of_the_checkout(tmp_path):
    newest = load("book/next.py")
    newest.settings(ROOT, tmp_path)
    settings: dict[str, object] = {}
    exec((tmp_path / "conf.py").read_text(encoding="utf-8"), settings)
    assert settings["html_theme"] == "sphinx_book_theme"
    for name in (*settings["bibtex_bibfiles"], settings["html_favicon"]):
        assert (tmp_path / name).is_file(), "Sphinx looks for it beside its settings"
    assert not (ROOT / "conf.py").exists()
