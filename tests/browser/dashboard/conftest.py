"""One dashboard for the tests of a file."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.browser import checks
from tests.browser.dashboard.page import EXTENSION, write_page

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser


@pytest.fixture(scope="session")
def disk(tmp_path_factory: pytest.TempPathFactory) -> str:
    return write_page(tmp_path_factory.mktemp("dashboard"), EXTENSION.script())


@pytest.fixture(scope="module")
def visit(browser: Browser, disk: str) -> Iterator[checks.Visit]:
    opened = checks.open_page(browser, disk, "light.html", width=1280)
    opened.page.locator(".cape-dashboard[data-mounted]").wait_for()
    yield opened
    opened.close()
