"""What the tests of running servers share: a free port, the wait for an answer, what a page asks other hosts."""

from __future__ import annotations

import socket
import time
from typing import TYPE_CHECKING
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

import pytest

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path

    from playwright.sync_api import BrowserContext, Page, Request

DRAWN = ".cape-explorer .marks"  # what Vega calls its canvas, or its picture
WORDS = ".cape-explorer .cape-words:not([role])"


def free_port() -> int:
    """Return a port of this machine that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait(address: str, process: subprocess.Popen[bytes], log: Path) -> None:
    """Wait until a server answers, be it that there is no such page; fail with the end of its log if it does not."""
    for _ in range(300):
        try:
            with urlopen(address, timeout=2):
                return
        except HTTPError:
            return
        except (URLError, OSError):
            if process.poll() is not None:
                break
            time.sleep(0.1)
    pytest.fail(f"{address} does not answer:\n{log.read_text()[-2000:]}", pytrace=False)


def watch(place: BrowserContext | Page, base: str, foreign: list[str]) -> None:
    """Write down every request to another host than this one; the browser of the tests lets none through."""

    def look(request: Request) -> None:
        if not request.url.startswith((base, "data:", "blob:")):
            foreign.append(request.url)

    place.on("request", look)


def picture(page: Page) -> str:
    """Return the first chart of an explorer, as something that can be compared."""
    return str(
        page.locator(DRAWN).first.evaluate("e => e.tagName === 'CANVAS' ? e.toDataURL() : e.outerHTML")
    )


def another_picture(page: Page, before: str) -> bool:
    """Wait for the first chart to change; tell whether it did."""
    for _ in range(400):
        if page.locator(DRAWN).count() and picture(page) != before:
            return True
        page.wait_for_timeout(50)
    return False
