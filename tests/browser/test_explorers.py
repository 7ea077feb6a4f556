"""Two explorers in a real JupyterLab: a control moved with the keyboard draws another chart."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import nbformat
import pytest

from tests.browser.conftest import ROOT
from tests.browser.serving import DRAWN, WORDS, another_picture, free_port, picture, wait, watch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page

APPS = ("family_explorer", "width_explorer", "scores_editor")


def _write_notebooks(folder: Path) -> None:
    for app in APPS:
        code = f"from cape_utils import explorers\nexplorers.show(explorers.{app})"
        nb = nbformat.v4.new_notebook(
            cells=[nbformat.v4.new_code_cell(code)],
            metadata={"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}},
        )
        nbformat.write(nb, folder / f"{app}.ipynb")


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Start JupyterLab on this machine alone, in a folder with one notebook for each app."""
    home, folder = tmp_path_factory.mktemp("home"), tmp_path_factory.mktemp("notebooks")
    _write_notebooks(folder)
    port, log = free_port(), home / "log"
    # Nothing of the reader's own set-up, and no question about news, comes into the page.
    own = {
        "JUPYTER_CONFIG_DIR",
        "JUPYTER_DATA_DIR",
        "JUPYTER_RUNTIME_DIR",
        "IPYTHONDIR",
        "JUPYTERLAB_SETTINGS_DIR",
    }
    environment = {k: v for k, v in os.environ.items() if k not in ("CAPE_BOOK", "JUPYTER_TOKEN")}
    environment |= {name: str(home / name.lower()) for name in own}
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    settings = home / "jupyterlab_settings_dir" / "@jupyterlab" / "apputils-extension"
    settings.mkdir(parents=True)
    (settings / "notification.jupyterlab-settings").write_text(
        json.dumps({"checkForUpdates": False, "fetchNews": "false"})
    )
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--ip=127.0.0.1"]
    command += [f"--port={port}", "--IdentityProvider.token=", f"--ServerApp.root_dir={folder}"]
    with log.open("wb") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out, env=environment, cwd=folder)
    address = f"http://127.0.0.1:{port}"
    try:
        wait(f"{address}/api", process, log)
        yield address
    finally:
        process.terminate()
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()


def _open(browser: Browser, lab: str, app: str, foreign: list[str]) -> Page:
    page = browser.new_page(viewport={"width": 1200, "height": 900})
    watch(page, lab, foreign)
    # A workspace of its own, or JupyterLab opens the notebooks of the test before as well.
    page.goto(f"{lab}/lab/workspaces/{app}/tree/{app}.ipynb")
    cell = page.locator(".jp-Notebook .jp-CodeCell").first
    cell.wait_for(timeout=40_000)
    for _ in range(10):  # a key pressed before the kernel is connected is lost
        cell.locator(".cm-content").focus()
        page.keyboard.press("Control+Enter")
        page.wait_for_timeout(700)
        if cell.locator(".jp-InputPrompt").inner_text().strip() not in ("[ ]:", ""):
            break
    page.locator(DRAWN).first.wait_for(timeout=40_000)
    return page


@pytest.mark.parametrize(
    ("app", "label", "keys"),
    [
        ("family_explorer", "Bonus above", ("ArrowRight",) * 6),
        ("width_explorer", "Width power", ("Home",)),
    ],
)
def test_a_control_moved_with_the_keyboard_draws_another_chart(browser, lab, app, label, keys):
    foreign: list[str] = []
    page = _open(browser, lab, app, foreign)
    try:
        before, words = picture(page), page.locator(WORDS).inner_text()
        handle = page.locator(f".widget-slider:has(label:text-is('{label}')) .noUi-handle").first
        handle.focus()
        for key in keys:
            page.keyboard.press(key)
        assert another_picture(page, before), "the chart is the same as before"
        assert page.locator(WORDS).inner_text() != words
        assert page.locator(".cape-explorer [role=status]").inner_text() == "Up to date."
        chart = page.locator(DRAWN).first.bounding_box()
        assert chart is not None
        assert chart["width"] > 300, "the chart does not take the width of its place"
        assert foreign == [], "the app asked another host"
        side = page.locator(".cape-explorer .widget-slider").first.bounding_box()
        assert side is not None
        assert side["x"] < chart["x"], "the controls stand to the left of the chart"
        page.set_viewport_size({"width": 620, "height": 900})
        page.wait_for_timeout(300)
        side, chart = (
            page.locator(".cape-explorer .widget-slider").last.bounding_box(),
            page.locator(DRAWN).first.bounding_box(),
        )
        assert side is not None
        assert chart is not None
        assert side["y"] < chart["y"], "on a narrow page the chart does not come below the controls"
    finally:
        page.close()


def _upload(page: Page, path: Path) -> None:
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Upload a table").press("Enter")
    chooser.value.set_files(path)


def test_a_score_is_typed_and_a_file_uploaded_and_the_diagnosis_follows(browser, lab, tmp_path):
    foreign: list[str] = []
    page = _open(browser, lab, "scores_editor", foreign)
    done = "[...document.querySelectorAll('.cape-explorer [role=status]')].some(e => e.innerText === 'Up to date.')"
    try:
        page.wait_for_function(done, timeout=60_000)
        report = page.locator(".cape-explorer h3:has-text('Diagnosis of Mine')")
        report.wait_for()
        before, words = picture(page), page.locator(WORDS).first.inner_text()
        # By keyboard alone: from the name of the last model to its second score.
        page.get_by_placeholder("model, row 3").focus()
        for _ in range(4):
            page.keyboard.press("Tab")
        page.keyboard.press("ControlOrMeta+a")
        page.keyboard.type("48.5")
        assert another_picture(page, before), "the chart is the same as before"
        assert page.locator(WORDS).first.inner_text() != words
        page.locator("text=in the bonus phase").first.wait_for(timeout=20_000)
        path = tmp_path / "bad.csv"
        path.write_text("model,family,params_b,mlu\na,A,1,30\n", encoding="utf-8")
        _upload(page, path)
        page.locator(
            "[role=status]:has-text('The file was not taken, and the table is as it was.')"
        ).wait_for()
        assert page.get_by_placeholder("TruthfulQA MC2, row 3").input_value() == "48.5"
        path.write_text("model,family,params_b,mmlu,gsm8k\na,Z,1,30,4\nb,Z,3,40,9\n", encoding="utf-8")
        _upload(page, path)
        page.locator(".cape-explorer h3:has-text('Diagnosis of Z')").wait_for(timeout=30_000)
        page.get_by_role("button", name="Report as Markdown").press("Enter")
        with page.expect_download() as kept:
            page.locator("a[download='diagnosis.md']").press("Enter")
        assert Path(kept.value.path()).read_text(encoding="utf-8").startswith("# Diagnosis of Z")
        assert foreign == [], "the app asked another host"
    finally:
        page.close()
