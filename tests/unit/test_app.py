"""The dashboard as an app: what runs and what is shown under Voila, the launcher, and the address on Binder."""

from __future__ import annotations

import re
from pathlib import Path

import nbformat
import pytest

from cape_utils.explorers import _app
from tests.loading import ROOT, load

CHAPTER = nbformat.read(ROOT / "notebooks" / "12_dashboard.ipynb", as_version=4)


def test_elsewhere_than_under_voila_nothing_changes(monkeypatch):
    monkeypatch.delenv("SERVER_SOFTWARE", raising=False)
    assert _app.as_app() is None


def test_under_voila_only_apps_run_and_only_tagged_cells_show(monkeypatch):
    import IPython

    class Shell:
        input_transformers_cleanup: list = []

    monkeypatch.setenv("SERVER_SOFTWARE", "voila/0.5.13")
    monkeypatch.setattr(IPython, "get_ipython", Shell)
    page = _app.as_app().data
    assert Shell.input_transformers_cleanup == [_app.only_apps]
    assert "<h1>Where does your model family sit, and what should you try?</h1>" in page
    assert "celltag_app" in page


def test_the_chapter_tags_what_it_shows_as_an_app():
    # The set-up runs whole, before the rest is left out; after it each cell that runs must also be seen.
    cells = [cell for cell in CHAPTER.cells if cell.cell_type == "code"]
    setup, rest = cells[0], cells[1:]
    assert setup.source.rstrip().endswith("explorers.as_app()")
    assert _app.APP_TAG in setup.metadata["tags"]
    runs = {cell.id for cell in rest if _app.only_apps(cell.source.splitlines()) != ["pass"]}
    tagged = {cell.id for cell in rest if _app.APP_TAG in cell.metadata.get("tags", [])}
    assert runs == tagged
    assert len(runs) == 1


def test_an_app_cell_needs_nothing_from_a_cell_that_is_left_out():
    import ast

    app = next(c for c in CHAPTER.cells if c.cell_type == "code" and "explorers.show(" in c.source)
    setup = next(c for c in CHAPTER.cells if c.cell_type == "code")
    python = re.sub(r"^\s*%.*$", "    pass", setup.source, flags=re.MULTILINE)
    known = {
        a.asname or a.name
        for n in ast.walk(ast.parse(python))
        if isinstance(n, (ast.Import, ast.ImportFrom))
        for a in n.names
    }
    used = {n.id for n in ast.walk(ast.parse(app.source)) if isinstance(n, ast.Name)}
    assert used <= known


def test_the_template_still_extends_voila_s_own():
    voila = pytest.importorskip("voila")
    assert voila.__version__
    page = (ROOT / "book/app/voila/templates/cape/index.html.j2").read_text(encoding="utf-8")
    assert "extends 'voila/templates/lab/index.html.j2'" in page
    assert "block notebook_css" in page


def test_the_launcher_names_voila_the_notebook_and_the_port():
    app = load("book/app/__main__.py")
    line = app.command(9000, browser=False)
    assert Path(line[1]) == ROOT / "book" / "app" / "server.py"
    assert Path(line[2]) == ROOT / "notebooks" / "12_dashboard.ipynb"
    assert {"--port=9000", "--no-browser", "--template=cape"} <= set(line)
    assert "--no-browser" not in app.command(9000, browser=True)
    assert "CAPE_BOOK" not in app.environment()
