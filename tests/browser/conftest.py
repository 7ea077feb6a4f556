"""Serve the built book on this machine and open it in headless Chromium, cut off from every other host."""

from __future__ import annotations

import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.browser import screens
from tests.browser.ensure_chromium import REMEDY, find_chromium

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page

ROOT = Path(__file__).resolve().parents[2]
BOOK = ROOT / "_build" / "html"
HERE = Path(__file__).resolve().parent

# Sandboxing needs privileges that containers do not grant; the rest keeps Chromium from phoning home.
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # No page reaches another host, and none need be asked about every request.
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1 , EXCLUDE localhost",
]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark everything in this folder, so that ``-m "not browser"`` leaves it out."""
    for item in items:
        if HERE in Path(item.path).parents:
            item.add_marker(pytest.mark.browser)


class _Quiet(SimpleHTTPRequestHandler):
    def do_GET(self) -> None:
        """Answer as usual; a browser asks by itself for an icon that no page names, and that is no fault of the page."""
        if self.path == "/favicon.ico":
            self.send_response(204)
            self.end_headers()
        else:
            super().do_GET()

    def log_message(self, format: str, *args: Any) -> None:
        pass


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: a page that is closed while it loads breaks its connections, and that is no error."""


def serve(folder: Path) -> tuple[_Server, str]:
    """Serve a folder on a free local port; return the server and its address."""
    server = _Server(("127.0.0.1", 0), partial(_Quiet, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server, f"http://127.0.0.1:{server.server_port}"


@pytest.fixture(scope="session")
def book() -> Path:
    """Return the built book; without one there is nothing to test, which is a failure."""
    if not (BOOK / "index.html").exists():
        pytest.fail(f"No book in {BOOK}: build it first with `make book`.", pytrace=False)
    return BOOK


@pytest.fixture(scope="session")
def base(book: Path) -> Iterator[str]:
    """Return the address under which the built book is served."""
    server, address = serve(book)
    yield address
    server.shutdown()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Start headless Chromium, or fail with the way to get it."""
    from playwright.sync_api import sync_playwright

    executable = find_chromium()
    if executable is None:
        pytest.fail(REMEDY, pytrace=False)
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=executable, args=FLAGS)
        yield started
        started.close()


@pytest.fixture(scope="session")
def desk(browser: Browser) -> Iterator[Page]:
    """An empty page, on which pictures of others are compared."""
    page = browser.new_page()
    yield page
    page.close()


@pytest.fixture(scope="session")
def made_with(browser: Browser) -> dict[str, Any]:
    """Return browser and fonts, which pictures of pages depend on."""
    return screens.maker(browser)
