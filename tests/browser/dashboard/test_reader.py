"""What a reader does on the page, opened from disk: type, paste, load, click, keep."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from cape_utils import data
from cape_utils.chapters.ch12_dashboard.page import answer as page_answer
from cape_utils.data.user_scores import load_scores
from tests.browser import checks
from tests.browser.dashboard.page import (
    EXTENSION,
    HS,
    KILOBYTES,
    TQA,
    cell,
    fresh,
    outputs,
    settled,
)
from tests.loading import ROOT

if TYPE_CHECKING:
    from playwright.sync_api import Browser


from tests.browser.dashboard.test_tables import BASE, TABLES


def test_truthfulness_moves_the_right_dashboard_only(browser: Browser, disk: str) -> None:
    opened = fresh(browser, disk)
    page = opened.page
    before = outputs(page)
    last = page.locator(".cd-table tbody tr").count() - 1
    seen = set()
    for value in ("10", "60", "90"):
        cell(page, last, TQA).fill(value)
        after = outputs(page)
        assert after[0] == before[0], "a score moved what size alone says"
        seen.add(page.locator("[aria-labelledby=cd-scores] .cd-verdict b").inner_text())
    assert seen == {"tax", "bonus"}
    cell(page, last, "model").fill("larger")
    cell(page, last, "params_b").fill("20")
    assert outputs(page)[0] != before[0]
    cell(page, last, TQA).press("ArrowUp")
    cell(page, last, TQA).press("Shift+ArrowDown")
    assert cell(page, last, TQA).input_value() == "89.1"
    slider = page.locator("#cd-slide")
    slider.focus()
    slider.press("Home")
    assert cell(page, last, TQA).input_value() == "1.5"
    opened.close()


def test_what_is_wrong_is_named_at_its_cell_and_the_rest_still_answers(browser: Browser, disk: str) -> None:
    opened = fresh(browser, disk)
    page = opened.page
    field = cell(page, 2, HS)
    for bad, words in {
        "0.5": "multiply by 100 to 50",
        "abc": "expected a number in percent",
        "140": "at most 100",
    }.items():
        field.fill(bad)
        assert field.get_attribute("aria-invalid") == "true"
        told = page.locator(f"#{field.get_attribute('aria-describedby')}").inner_text()
        assert words in told
        assert "line 4" in told
        assert "Left out until mended" in page.locator(".cd-form > .cd-problems").inner_text()
        assert page.locator(".cd-steps tbody tr").count() == 6
        assert field.input_value() == bad
    field.fill("41")
    assert page.locator("[aria-invalid]").count() == 0
    assert page.locator(".cd-steps tbody tr").count() == 7
    opened.close()


def test_one_model_alone_says_what_it_can(browser: Browser, disk: str) -> None:
    opened = fresh(browser, disk)
    page = opened.page
    page.get_by_role("button", name="Start empty").click()
    assert page.locator("[aria-labelledby=cd-scores] .cd-verdict").inner_text() == "no step"
    for column, value in {"model": "mine", "params_b": "1", HS: "50", TQA: "40"}.items():
        cell(page, 0, column).fill(value)
    words = outputs(page)
    assert "tax" in words[0]
    assert "a step needs two sizes, so add another model" in words[1]
    assert "50.0 ± 0.5" in words[1]
    page.get_by_role("button", name="Add a model").click()
    for column, value in {"model": "larger", "params_b": "3", HS: "60", TQA: "50"}.items():
        cell(page, 1, column).fill(value)
    assert "bonus" in outputs(page)[1]
    for _ in range(10):
        page.get_by_role("button", name="Add a model").click()
    assert page.get_by_role("button", name="Add a model").is_disabled()
    opened.close()


def test_every_family_can_be_loaded_and_a_dot_loads_its_own(browser: Browser, disk: str) -> None:
    opened = fresh(browser, disk)
    page = opened.page
    values = page.locator("#cd-load option").evaluate_all("all => all.map((o) => o.value).filter(Boolean)")
    families = {f"{which}/{name}" for which in ("open", "paper") for name in set(data.panel(which)["family"])}
    assert set(values) == families
    for value in values:
        page.select_option("#cd-load", value)
        assert page.locator("#cd-family").input_value() == value.partition("/")[2]
        assert page.locator(".cd-form > .cd-problems li").all_inner_texts() == []
        assert page.locator(".cd-table tbody tr").count() >= 1
    settled(page)
    dot = page.locator(".cd-row.cd-paper").first
    dot.dispatch_event("pointermove")
    dot.click(force=True)
    assert page.locator("#cd-load").input_value().startswith(("open/", "paper/"))
    settled(page)
    page.locator(".cd-map").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    told = page.locator(".cd-under").inner_text()
    assert "panel" in told
    page.keyboard.press("Enter")
    assert page.locator(".cd-status").inner_text().endswith("models.") or "model." in told
    assert opened.errors == []
    opened.close()


def test_the_link_holds_the_whole_state(browser: Browser, disk: str) -> None:
    opened = fresh(browser, disk)
    page = opened.page
    page.select_option("#cd-x", "mmlu")
    page.locator("#cd-family").fill("süß; a,b/100%")
    cell(page, 0, "model").fill("név, <b>1</b>;#")
    cell(page, 1, TQA).fill("not yet")
    page.wait_for_timeout(600)
    link = page.url.partition("#")[2]
    assert link.startswith("cape2;")
    typed = page.locator(".cd-table input").evaluate_all("all => all.map((e) => e.value)")
    shown = outputs(page)
    other = fresh(browser, disk, link=f"#{link}")
    assert other.page.locator(".cd-table input").evaluate_all("all => all.map((e) => e.value)") == typed
    assert other.page.locator("#cd-x").input_value() == "mmlu"
    assert other.page.locator("#cd-family").input_value() == "süß; a,b/100%"
    assert outputs(other.page) == shown
    assert (
        other.page.locator(".cape-dashboard b", has_text="1").locator("xpath=self::b[text()='1']").count()
        == 0
    )
    other.close()
    for bad, words in {
        "#cape9;x": "another version",
        "#cape1;hellaswag;nosuch;f;a": "damaged",
        "#cape1;%E0%A4%A": "damaged",
    }.items():
        wrong = fresh(browser, disk, link=bad)
        assert words in wrong.page.locator(".cd-status").inner_text()
        assert wrong.page.locator(".cd-table tbody tr").count() == 8
        assert wrong.errors == []
        wrong.close()
    opened.close()


def test_the_saved_table_and_the_command_give_the_same(browser: Browser, disk: str, tmp_path: Path) -> None:
    opened = fresh(browser, disk)
    page = opened.page
    cell(page, 0, "model").fill('one, "two"')
    with page.expect_download() as download:
        page.get_by_role("button", name="Save scores.csv").click()
    assert download.value.suggested_filename == "scores.csv"
    path = tmp_path / "scores.csv"
    download.value.save_as(path)
    table = load_scores(path)
    package = page_answer.answer(table)
    assert package["headline"] in outputs(page)[1]
    assert page.locator("[aria-labelledby=cd-keep] code").inner_text() == (
        "cape diagnose scores.csv --x hellaswag --y truthfulqa_mc2"
    )
    opened.close()


def test_a_table_is_pasted_or_opened_and_one_of_its_families_chosen(
    browser: Browser, disk: str, tmp_path: Path
) -> None:
    opened = fresh(browser, disk)
    page = opened.page
    page.locator(".cd-paste summary").click()
    page.locator("#cd-paste").fill(TABLES["families"])
    assert page.locator("#cd-family").input_value() == "e"
    page.locator(".cd-choices button", has_text="f").click()
    assert page.locator(".cd-table tbody tr").count() == 3
    page.locator("#cd-paste").fill(TABLES["fraction"])
    assert "looks like a fraction" in page.locator(".cd-paste .cd-problems").inner_text()
    assert page.locator(".cd-table tbody tr").count() == 3, "a refused table leaves the form as it was"
    path = tmp_path / "mine.tsv"
    path.write_text(TABLES["tabs"].replace("f\t", "opened\t"))
    page.locator("#cd-file").set_input_files(path)
    page.wait_for_function("document.getElementById('cd-family').value === 'opened'")
    page.evaluate(
        """text => {
            const carried = new DataTransfer();
            carried.items.add(new File([text], 'dropped.csv'));
            document.querySelector('.cd-map').dispatchEvent(
                new DragEvent('drop', { dataTransfer: carried, bubbles: true, cancelable: true }));
        }""",
        BASE.replace("f,", "dropped,"),
    )
    page.wait_for_function("document.getElementById('cd-family').value === 'dropped'")
    page.locator("#cd-paste").fill(TABLES["conditions"].replace(",x", ",9"))
    assert (
        "cut short, and its noise is that of the items that ran: a (100 items), b (9 items)"
        in outputs(page)[3]
    )
    page.locator("#cd-paste").fill('{"results": {}}')
    assert "an object with one entry for each task is needed" in page.locator(".cd-form").inner_text()
    assert opened.foreign == []
    opened.close()


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("width", [390, 1280])
def test_nobody_is_shut_out(browser: Browser, disk: str, width: int, dark: bool) -> None:
    opened = fresh(browser, disk, width, dark)
    page = opened.page
    page.locator(".cd-paste summary").click()
    assert checks.overflow(page) == []
    assert checks.out_of_reach(page) == []
    for state in ("as it opens", "with a fault", "empty"):
        if state == "with a fault":
            cell(page, 0, HS).fill("0.3")
        if state == "empty":
            page.get_by_role("button", name="Start empty").click()
        settled(page)
        assert checks.accessibility_faults(page) == [], state
    # axe asks for the style sheets, which a page opened from disk may not read.
    assert [e for e in opened.errors if "XMLHttpRequest" not in e and "ERR_FAILED" not in e] == []
    assert opened.foreign == []
    opened.close()


def test_words_for_those_who_do_not_see_follow_the_state(browser: Browser, disk: str) -> None:
    opened = fresh(browser, disk)
    page = opened.page
    said = page.locator(".cd-mapping").get_attribute("aria-label")
    strip = page.locator(".cd-strip").get_attribute("aria-label")
    cell(page, 7, TQA).fill("55.5")
    settled(page)
    assert "70.3, 55.5" in page.locator(".cd-mapping").get_attribute("aria-label")
    assert page.locator(".cd-mapping").get_attribute("aria-label") != said
    assert page.locator(".cd-strip").get_attribute("aria-label") == strip
    assert "bonus" in page.locator(".cd-steps caption").text_content()
    opened.close()


def test_a_chart_follows_its_room_though_the_window_stays(browser: Browser, disk: str) -> None:
    """The list of chapters folds away while the charts are drawn already: none is left larger than its letters."""
    opened = fresh(browser, disk)
    page = opened.page
    for wide in (640, 450):
        page.evaluate("wide => { document.querySelector('.bd-article').style.maxWidth = `${wide}px`; }", wide)
        for chart in (".cd-mapping", "[aria-labelledby=cd-frontier] svg[role=img]"):
            page.wait_for_function(
                "chart => { const one = document.querySelector(chart);"
                " return Math.abs(one.viewBox.baseVal.width - one.getBoundingClientRect().width) < 1; }",
                arg=chart,
                timeout=5_000,
            )
    opened.close()


TWELVE = [[f"m{i}", str(0.1 * 2**i), *(str(30 + 4 * i + j) for j in range(5))] for i in range(12)]
TIMED = """() => {
    const field = document.querySelector('.cd-table [data-row="5"][data-cell="3"]');
    const times = [];
    const floors = [];
    for (let i = 0; i < 30; i += 1) {
        field.value = String(30 + 0.37 * i);
        const start = performance.now();
        field.dispatchEvent(new Event("input", { bubbles: true }));
        document.body.getBoundingClientRect();
        times.push(performance.now() - start);
        const before = performance.now();
        let sum = 0;
        for (let z = -4; z < 4; z += 2e-5) sum += capeDashboard.normalCdf(z);
        floors.push(performance.now() - before);
        if (!sum) throw new Error("nothing was added");
    }
    return [times, floors];
}"""
FLOORS = 4
"""At most, of an answer to 400,000 values of the normal distribution, which take 24 ms where nothing else runs: 96 ms."""


def test_it_answers_at_once_and_weighs_little(browser: Browser, disk: str, record_property: Any) -> None:
    """Twelve models on a processor slowed four times: half of the changes within a tenth of a second.

    Machines are shared, so the time is held to that of a fixed calculation in the same page at the same moments.
    """
    opened = fresh(browser, disk)
    page = opened.page
    slowed = opened.context.new_cdp_session(page)
    link = "#cape1;hellaswag;truthfulqa_mc2;mine;" + ";".join(",".join(row) for row in TWELVE)
    page.evaluate("link => { window.location.hash = link; }", link)
    page.wait_for_function("document.querySelectorAll('.cd-table tbody tr').length === 12")
    slowed.send("Emulation.setCPUThrottlingRate", {"rate": 4})
    times, floors = page.evaluate(TIMED)
    median, floor = float(np.median(times)), float(np.median(floors))
    record_property("milliseconds", json.dumps({"median": median, "longest": max(times), "floor": floor}))
    assert median < FLOORS * floor
    page.goto(f"{disk}/dark.html")
    page.locator(".cape-dashboard[data-mounted]").wait_for()
    first = page.evaluate("performance.getEntriesByType('navigation')[0].domContentLoadedEventEnd")
    record_property("first_use_ms", first)
    opened.close()
    files = [*(ROOT / "book/_static").glob("dashboard.css")]
    weight = sum(path.stat().st_size for path in files) + len(EXTENSION.script().encode())
    record_property("bytes", weight)
    assert weight <= 1000 * KILOBYTES


def test_the_built_page_is_this_dashboard_and_opens_from_disk(browser: Browser, book: Path) -> None:
    """The book's own page, as a reader who downloaded it opens it; the list of chapters is one click away."""
    assert (book / "_static" / EXTENSION.SCRIPT).read_text(encoding="utf-8") == EXTENSION.script()
    opened = checks.open_page(browser, book.as_uri(), "book/dashboard.html", width=1280)
    page = opened.page
    page.locator(".cape-dashboard[data-mounted]").wait_for(timeout=1_500)
    assert page.locator(".cd-steps tbody tr").count() == 7
    page.locator("#pst-primary-sidebar").wait_for(state="hidden")  # it slides away
    page.locator(".sidebar-toggle.primary-toggle:visible").click()
    page.locator("#pst-primary-sidebar").wait_for()
    assert opened.errors == []
    assert opened.foreign == []
    opened.close()
    for place in ("book/intro.html", "notebooks/12_dashboard.html"):
        assert "dashboard.html" in (book / place).read_text(encoding="utf-8")
