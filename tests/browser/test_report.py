"""The report of a diagnosis, opened from disk with the network switched off."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
import pytest

from cape_utils.diagnosis import advice, family_diagnosis
from cape_utils.reports import render
from tests.browser import checks

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Browser

MINE = pd.DataFrame(
    {
        "model": ["m-0.4B", "m-1.4B", "m-7B"],
        "family": "</script>Mine",
        "params_b": [0.4, 1.4, 7.0],
        "hellaswag": [40.2, 54.6, 72.3],
        "truthfulqa_mc2": [43.1, 37.9, 35.2],
    }
)


@pytest.mark.parametrize("width", [390, 1200])
def test_the_report_opens_from_disk_without_a_network(browser: Browser, tmp_path: Path, width: int) -> None:
    found = [
        family_diagnosis.diagnose(MINE, draws=500),
        family_diagnosis.diagnose(MINE.assign(family="Other"), draws=500),
    ]
    path = render.save(tmp_path / "report.html", found, [advice.advise(one) for one in found])
    context = browser.new_context(viewport={"width": width, "height": 900}, offline=True)
    page = context.new_page()
    asked: list[str] = []
    errors: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda message: errors.append(message.text) if checks.is_complaint(message) else None)
    page.goto(path.as_uri(), wait_until="load")
    page.wait_for_function(
        "[...document.querySelectorAll('figure.cape-figure')].every(f => f.dataset.mounted || f.dataset.error)"
    )
    assert [url for url in asked if not url.startswith(("file:", "data:", "blob:"))] == []
    assert errors == []
    assert page.locator("figure.cape-figure[data-mounted] svg.marks").count() == 4
    assert page.locator("h1").all_inner_texts() == ["Diagnosis of </script>Mine", "Diagnosis of Other"]
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    # A control moves its own chart and no other.
    first = page.locator("figure.cape-figure").first
    marks = first.locator("svg.marks path[aria-roledescription='point']")
    before = marks.count()
    first.locator("select").select_option("HellaSwag")
    page.wait_for_function(
        "n => document.querySelector('figure.cape-figure').querySelectorAll(\"path[aria-roledescription='point']\").length < n",
        arg=before,
    )
    context.close()
