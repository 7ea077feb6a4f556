"""What a reader keeps: reports that follow the cards, charts that need no style sheet, names that speak."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from cape_utils import __version__
from cape_utils.chapters.ch12_dashboard.page.constants import BOOK
from cape_utils.data.user_scores import load_scores
from cape_utils.diagnosis import diagnose
from cape_utils.reports.dashboard_link import state
from tests.browser import checks
from tests.browser.dashboard.page import (
    BENCHMARKS,
    EXTENSION,
    HS,
    TQA,
    cell,
    fresh,
    panel_families,
    settled,
    write_page,
)
from tests.loading import ROOT

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

CARDS = [
    "The models",
    "What size alone says",
    "What the scores say",
    "Step by step",
    "Map",
    "Critical scale",
    "Beside web-trained models",
    "Next size",
    "Eigenstructure",
    "Frontier",
    "What to do",
    "Cautions",
    "Limits",
]
STEM = "pythia-hellaswag-truthfulqa-mc2"


def saved(page: Page, button: Any, folder: Path) -> Path:
    with page.expect_download() as download:
        button.click()
    path = folder / download.value.suggested_filename
    download.value.save_as(path)
    return path


def report(page: Page, kind: str, folder: Path) -> Path:
    return saved(page, page.get_by_role("button", name=f"Report as {kind}"), folder)


def in_order(parts: list[str], text: str) -> bool:
    places = [text.find(part) for part in parts]
    return places == sorted(places) and min(places) >= 0


@pytest.mark.parametrize(("width", "dark"), [(1280, False), (390, True)])
def test_the_html_report_stands_alone(
    browser: Browser, disk: str, tmp_path: Path, width: int, dark: bool
) -> None:
    opened = fresh(browser, disk, width, dark)
    cell(opened.page, 0, "model").fill("<b>one</b>")
    path = report(opened.page, "HTML", tmp_path)
    assert path.name == f"{STEM}-report.html"
    headline = opened.page.locator("[aria-labelledby=cd-scores] p", has_text="At its last step").inner_text()
    opened.close()
    kept = checks.open_page(browser, tmp_path.as_uri(), path.name, width=width)
    page = kept.page
    assert page.locator("h2").all_inner_texts()[: len(CARDS) - 2] == CARDS[:-2]
    assert in_order(CARDS, "\n".join(page.locator("h2").all_inner_texts()))
    assert headline in page.locator("main").inner_text()
    assert "<b>one</b>" in page.locator("main").inner_text()
    assert page.locator("figure svg[role=img]").count() >= 2
    assert all(
        len(words) > 30 for words in page.locator("svg").evaluate_all("all => all.map(s => s.ariaLabel)")
    )
    assert __version__ in page.locator("footer").inner_text()
    assert re.search(r"#cape\d;", page.locator("footer").inner_text())
    assert page.locator("script, link, img").count() == 0
    assert checks.overflow(page) == []
    assert kept.errors == []
    assert kept.foreign == []
    # What axe needs to run is just what the report's policy forbids.
    page.set_content(
        re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", path.read_text(encoding="utf-8"))
    )
    assert checks.accessibility_faults(page) == []
    kept.close()


def test_markdown_and_json_hold_the_answer(browser: Browser, disk: str, tmp_path: Path) -> None:
    opened = fresh(browser, disk)
    page = opened.page
    text = report(page, "Markdown", tmp_path).read_text(encoding="utf-8")
    # The same words on the probabilities as on the card.
    card = page.locator("[aria-labelledby=cd-steps] p.cd-quiet").last.inner_text()
    assert card.rsplit("test items. ")[-1].split(",")[0] in text
    assert in_order([f"## {title}" for title in CARDS], text)
    assert text.count("| 0.07B \u2192 0.16B |") == 1
    for line in page.locator("[aria-labelledby=cd-cautions] li").all_inner_texts():
        assert line in text.replace("\\", "")
    # Cards without words of their own are told from what they show.
    for box in ("cd-scale", "cd-web", "cd-next", "cd-eigenstructure", "cd-frontier", "cd-interventions"):
        shown = (
            page.locator(f"[aria-labelledby={box}] p:not(.cd-legend, .cd-save)")
            .filter(visible=True)
            .all_inner_texts()
        )
        words = re.sub(r"\W", "", text)
        assert [
            line for line in shown if line and re.sub(r"\W", "", line) not in words and "Save" not in line
        ] == [], box
    assert BOOK in text
    known = json.loads(report(page, "JSON", tmp_path).read_text(encoding="utf-8"))
    answered = page.evaluate(
        "([models, family, x, y]) => JSON.parse(JSON.stringify(capeDashboard.answer(models, family, x, y)))",
        [known["answer"]["given"]["models"], "Pythia", HS, TQA],
    )
    assert known["answer"] == answered
    assert known["book"] == __version__
    assert re.match(r"#cape\d;", known["link"])
    assert known["command"].startswith("cape diagnose ")
    # Without a step a report says why.
    page.get_by_role("button", name="Start empty").click()
    assert "No step yet" in report(page, "Markdown", tmp_path).read_text(encoding="utf-8")
    assert opened.errors == []
    opened.close()


def test_cards_that_are_far_from_the_screen_stand_in_the_report(
    browser: Browser, disk: str, tmp_path: Path
) -> None:
    """A report asked for right after a change holds that change on every card."""
    opened = fresh(browser, disk, 390)
    with opened.page.expect_download() as download:
        opened.page.evaluate(
            """() => {
                const field = document.querySelector('.cd-table [data-row="7"][data-cell="3"]');
                field.value = '61.3';
                field.dispatchEvent(new Event('input', { bubbles: true }));
                [...document.querySelectorAll('button')].find(b => b.textContent === 'Report as HTML')
                    .dispatchEvent(new MouseEvent('click'));
            }"""
        )
    path = tmp_path / "r.html"
    download.value.save_as(path)
    assert (
        path.read_text(encoding="utf-8").count("70.3, 61.3") == 2
    )  # description and text alternative of the map
    opened.close()


STRAYS = re.compile(r"var\(| class=| style=| data-|color-mix|oklch|https?://(?!www\.w3\.org)")


@pytest.mark.parametrize("dark", [False, True])
def test_each_chart_is_saved_with_its_looks(browser: Browser, disk: str, tmp_path: Path, dark: bool) -> None:
    opened = fresh(browser, disk, dark=dark)
    page = opened.page
    charts = page.locator("svg[role=img]").count()
    assert charts >= 2
    assert page.locator(".cd-save").count() == charts
    names = set()
    for place in range(2 * charts):
        if place and place % 8 == 0:  # Chromium lets a page save ten files in a row
            page.reload()
            settled(page)
        path = saved(page, page.locator(".cd-save button").nth(place), tmp_path)
        names.add(path.name)
        if path.suffix == ".png":
            head = path.read_bytes()[:24]
            assert head.startswith(b"\x89PNG")
            assert int.from_bytes(head[16:20], "big") >= 600
            continue
        text = path.read_text(encoding="utf-8")
        assert STRAYS.findall(text) == []
        root = ET.fromstring(text)
        assert "Pythia" in (root.findtext("{http://www.w3.org/2000/svg}title") or "")
        assert len(root.findtext("{http://www.w3.org/2000/svg}desc") or "") > 30
        ground = root.find("{http://www.w3.org/2000/svg}rect").attrib["fill"]
        red = int(re.findall(r"\d+", ground)[0])
        assert (red < 60) if dark else (red > 240)
    assert {f"{STEM}-map.svg", f"{STEM}-map.png", f"{STEM}-what-size-alone-says.svg"} <= names
    assert len(names) == 2 * charts
    # The saved picture is the one of the screen: every mark has the colour that it has there.
    fills = page.evaluate("getComputedStyle(document.querySelector('.cd-mapping .cd-mine')).fill")
    assert fills in (tmp_path / f"{STEM}-map.svg").read_text(encoding="utf-8")
    assert opened.errors == []
    opened.close()


def test_a_file_s_name_is_one_that_every_system_takes(browser: Browser, disk: str, tmp_path: Path) -> None:
    opened = fresh(browser, disk)
    for family, stem in {'..\\/a: "b"?*': "a-b", "\u00c9t\u00e9 7B": "\u00e9t\u00e9-7b", "": "yours"}.items():
        opened.page.locator("#cd-family").fill(family)
        assert report(opened.page, "JSON", tmp_path).name == f"{stem}-hellaswag-truthfulqa-mc2-report.json"
    opened.close()


def test_the_package_s_link_opens_the_page_on_the_same_scores(visit: checks.Visit) -> None:
    seen = 0
    for table, x, y in panel_families()[::3]:
        table = load_scores(table[["model", "family", "params_b", x, y]].assign(family='it\'s; a, "b" 50%'))
        try:
            diagnosis = diagnose(table, x=x, y=y, draws=20)
        except ValueError:
            continue
        link = state(diagnosis)
        if not link:
            assert len(diagnosis.scores) > 12
            continue
        read = visit.page.evaluate("link => capeDashboard.fromLink(link).state", link)
        assert (read["x"], read["y"], read["family"]) == (x, y, diagnosis.family)
        shown = [
            (row[0], float(row[1]), float(row[2 + BENCHMARKS.index(x)]), float(row[2 + BENCHMARKS.index(y)]))
            for row in read["rows"]
        ]
        assert shown == [(one.model, one.params_b, one.x, one.y) for one in diagnosis.scores]
        # The page's own link says the same, in the version that it writes.
        again = visit.page.evaluate(
            "state => capeDashboard.fromLink(capeDashboard.toLink(state)).state", read
        )
        assert again == read
        seen += 1
    assert seen > 15


PLANTED = {
    "a stale card": (
        "    cards.filter((card) => card.stale).forEach(draw);\n    return found;",
        "    return found;",
    ),
    "a style left outside": ('["class", "style", "tabindex"].forEach', '["tabindex"].forEach'),
}


def test_planted_errors_would_be_seen(browser: Browser, tmp_path: Path) -> None:
    for name, (right, wrong) in PLANTED.items():
        script = EXTENSION.script(lean=False)
        assert right in script, name
        disk = write_page(tmp_path, script.replace(right, wrong))
        check = {
            "a stale card": lambda disk=disk: test_cards_that_are_far_from_the_screen_stand_in_the_report(
                browser, disk, tmp_path
            ),
            "a style left outside": lambda disk=disk: test_each_chart_is_saved_with_its_looks(
                browser, disk, tmp_path, False
            ),
        }[name]
        with pytest.raises(AssertionError):
            check()


def test_the_book_s_title_is_the_one_of_its_settings() -> None:
    assert f"title: {BOOK}\n" in (ROOT / "_config.yml").read_text(encoding="utf-8")
