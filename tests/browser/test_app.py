"""The dashboard as a web app: Voila serves the chapter, a slider moved with the keyboard draws another chart."""

from __future__ import annotations

import base64
import json
import os
import re
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest

from tests.browser.conftest import ROOT
from tests.browser.serving import DRAWN, WORDS, another_picture, free_port, picture, wait, watch
from tests.loading import load

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page


_STARTED: dict[str, object] = {}


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Start what ``make app`` starts, on a free port, with nothing of the reader's own set-up; end it in any case."""
    home = tmp_path_factory.mktemp("home")
    own = {"JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR"}
    environment = {k: v for k, v in os.environ.items() if k != "CAPE_BOOK"}
    environment |= {name: str(home / name.lower()) for name in own}
    port, log = free_port(), home / "log"
    command = [sys.executable, str(ROOT / "book" / "app"), "--no-browser", f"--port={port}"]
    with log.open("wb") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out, env=environment, start_new_session=True)
    _STARTED.update(log=log, process=process.pid)
    try:
        # Any other page than the app itself, which would be run for nobody.
        wait(f"http://127.0.0.1:{port}/voila/static/nothing", process, log)
        assert log.read_text().splitlines()[0].startswith(f"The dashboard: http://127.0.0.1:{port} ")
        yield f"http://127.0.0.1:{port}"
    finally:
        # Voila and its kernels are children of the command, in one group of their own.
        for signal in (2, 15, 9):
            try:
                os.killpg(process.pid, signal)
                process.wait(timeout=8)
            except ProcessLookupError:
                break
            except subprocess.TimeoutExpired:
                continue


def _open(browser: Browser, app: str, width: int, foreign: list[str]) -> Page:
    page = browser.new_page(viewport={"width": width, "height": 900})
    watch(page, app, foreign)
    page.goto(app, timeout=100_000)
    page.locator(DRAWN).first.wait_for(timeout=60_000)
    return page


def test_the_app_answers_a_slider_and_writes_a_report(browser: Browser, app: str) -> None:
    from playwright.sync_api import expect

    foreign: list[str] = []
    page = _open(browser, app, 1200, foreign)
    try:
        assert page.locator("h1:visible").all_inner_texts() == [
            "Where does your model family sit, and what should you try?"
        ]
        assert page.get_by_text("Predict first").is_hidden(), "the chapter stands around the app"
        before, words = picture(page), page.locator(WORDS).first.inner_text()
        handle = page.locator(".widget-slider:has(label:text-is('TruthfulQA MC2 by')) .noUi-handle").first
        handle.focus()
        for _ in range(12):
            page.keyboard.press("ArrowRight")
        assert another_picture(page, before), "the chart is the same as before"
        # A busy machine draws one of the steps between first.
        expect(page.locator(WORDS).first).to_contain_text("With TruthfulQA MC2 +6.0", timeout=20_000)
        assert page.locator(WORDS).first.inner_text() != words
        page.get_by_text("(what if: TruthfulQA MC2 +6.0").first.wait_for(timeout=30_000)
        page.get_by_label("Report as").select_option("JSON")
        page.get_by_role("button", name="Write the report").click()
        link = page.locator("a[download^=pythia]")
        link.wait_for(timeout=60_000)
        data = str(link.get_attribute("href")).partition("base64,")[2]
        found = json.loads(base64.b64decode(data))
        assert found[0]["family"].startswith("Pythia (what if: TruthfulQA MC2 +6.0")
        assert found[0]["advice"]
        page.wait_for_function("document.querySelectorAll('.cape-explorer .marks').length === 3")
        assert foreign == [], "the app asked another host"
        page.set_viewport_size({"width": 390, "height": 900})
        page.wait_for_timeout(300)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
    finally:
        page.close()


def _status(app: str, path: str, host: str | None = None) -> int:
    request = urllib.request.Request(f"{app}{path}", headers={} if host is None else {"Host": host})
    try:
        with urllib.request.build_opener(_Stay).open(request, timeout=20) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


class _Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: object) -> None:
        """Leave a redirection as it is."""


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example:80", "127.0.0.1.evil.example"])
def test_a_name_that_is_not_this_machines_is_refused(app: str, host: str) -> None:
    assert _status(app, "/voila/static/voila.js", host) == 403
    assert _status(app, "/", host) == 403


def test_nothing_but_the_app_is_served(app: str) -> None:
    for path in ("/voila/files/README.md", "/voila/files/book/_static/screenshot.png"):
        assert _status(app, path) == 403
    for path in (
        "/api/contents",
        "/api/terminals",
        "/api/sessions",
        "/voila/api/contents",
        "/terminals/1",
        "/tree",
    ):
        assert _status(app, path) in (302, 404)


def test_a_visit_writes_no_warning_and_takes_little_memory(browser: Browser, app: str) -> None:
    log = Path(str(_STARTED["log"]))
    page = _open(browser, app, 1200, [])
    try:
        children = psutil.Process(int(str(_STARTED["process"]))).children(recursive=True)
        kernels = [child for child in children if "ipykernel_launcher" in child.cmdline()]
        used = [kernel.memory_info().rss / 1e6 for kernel in kernels]
    finally:
        page.close()
    assert used
    assert max(used) < load("book/app/__main__.py").VISITOR_MB
    words = log.read_text()
    assert not re.search(r"not trusted|without encryption|ping_timeout|Traceback", words), words


def test_a_port_in_use_is_said(app: str) -> None:
    port = app.rpartition(":")[2]
    done = subprocess.run(
        [sys.executable, str(ROOT / "book" / "app"), "--no-browser", f"--port={port}"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.startswith(f"Port {port} is in use;")
    assert done.stdout == ""
