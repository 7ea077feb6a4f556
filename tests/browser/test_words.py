"""The words below a figure follow its controls, and a saved file carries the figure's title."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import altair as alt
import pandas as pd
import pytest

from cape_utils.charts.parts import dropdown, follow, slider
from cape_utils.charts.rendering import figure_html
from tests.browser import checks
from tests.browser.conftest import serve
from tests.browser.test_planted_faults import HEAD

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser


def words(panel: str, at: float) -> dict[str, str] | None:
    """Words that name the setting; nothing is drawn of the closed panel."""
    if panel == "closed":
        return None
    return {
        "title": f"Dots of the {panel} panel",
        "caption": f"n = 2 in the {panel} panel, at {at:g}.",
        "alternative": f"Two dots on a line that rises, of the {panel} panel.",
    }


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory, book: Path) -> Iterator[str]:
    """Serve one page with one figure, and the book's scripts."""
    folder = tmp_path_factory.mktemp("words")
    for name in ("cape-vega.js", "figure_tools.js", "charts.js", "book.css"):
        shutil.copy(book / "_static" / name, folder / name)
    table = pd.DataFrame({"a": [1, 2, 1, 2], "panel": ["paper", "paper", "open", "open"]})
    chart = (
        alt.Chart(table)
        .mark_point()
        .encode(x="a:Q", y="a:Q")
        .transform_filter("datum.panel == panel && at > 0")
    )
    controls = [
        dropdown("panel", ["paper", "open", "closed"], "Panel"),
        slider("at", 0.1, 0.3, 0.1, 0.1, "At"),
    ]
    figure = figure_html(follow(chart, controls, words).to_dict())
    (folder / "page.html").write_text(f'{HEAD}<body><div class="bd-article">{figure}</div></body></html>')
    server, where = serve(folder)
    yield where
    server.shutdown()


def test_words_follow_a_drop_down_and_a_slider(browser: Browser, address: str) -> None:
    """Each setting shows its own words, what is not said of it is as at first, and the first setting comes back."""
    visit = checks.open_page(browser, address, "page.html")
    checks.mount_all(visit.page)
    caption, title = visit.page.locator("figcaption"), visit.page.locator(".cape-title")
    panel, at = visit.page.locator('[name="panel"]'), visit.page.locator('[name="at"]')
    assert caption.text_content() == "n = 2 in the paper panel, at 0.1."
    assert caption.get_attribute("aria-live") == "polite"
    panel.select_option("open")
    visit.page.wait_for_function("document.querySelector('figcaption').textContent.includes('open')")
    assert title.text_content() == "Dots of the open panel"
    assert "of the open panel" in str(visit.page.locator(".cape-chart").get_attribute("aria-label"))
    assert "of the open panel" in str(visit.page.locator(".cape-alt p").text_content())
    at.focus()
    visit.page.keyboard.press("ArrowRight")
    visit.page.wait_for_function("document.querySelector('figcaption').textContent.endsWith('at 0.2.')")
    # Another theme draws the figure again, with what was chosen.
    visit.page.evaluate("document.documentElement.dataset.theme = 'dark'")
    visit.page.wait_for_timeout(800)
    assert caption.text_content() == "n = 2 in the open panel, at 0.2."
    visit.page.locator('[name="panel"]').select_option("closed")
    visit.page.wait_for_function(
        "document.querySelector('figcaption').textContent.startsWith('Nothing to draw')"
    )
    visit.page.locator('[name="panel"]').select_option("paper")
    visit.page.wait_for_function("document.querySelector('figcaption').textContent.includes('paper')")
    # Vega says of the closed panel that nothing is drawn in it, which is what it is for.
    assert [error for error in visit.errors if "Infinite extent" not in error] == []
    visit.close()


def test_a_saved_file_carries_the_title_of_the_setting(browser: Browser, address: str) -> None:
    """Pictures and tables are named by what the figure shows."""
    visit = checks.open_page(browser, address, "page.html")
    checks.mount_all(visit.page)
    visit.page.locator('[name="panel"]').select_option("open")
    visit.page.wait_for_function("document.querySelector('figcaption').textContent.includes('open')")
    visit.page.locator(".cape-save summary").click()
    with visit.page.expect_download() as picture:
        visit.page.locator(".cape-save button").first.click()
    assert picture.value.suggested_filename == "dots-of-the-open-panel.svg"
    visit.page.locator(".cape-data summary").click()
    with visit.page.expect_download() as table:
        visit.page.locator(".cape-data button").first.click()
    assert table.value.suggested_filename == "dots-of-the-open-panel.csv"
    visit.close()
