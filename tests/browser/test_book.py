"""Every page of the built book, opened as a reader would, with the network cut off."""

from __future__ import annotations

import itertools
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pandas as pd
import pytest

from cape_utils import data
from tests.browser import checks, screens
from tests.browser.conftest import BOOK, ROOT

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

PAGES = checks.book_pages(BOOK) if BOOK.exists() else []
CHAPTERS = [page for page in PAGES if page.startswith("notebooks/")]
SCORECARD_PX = 6000  # of chapter 13 on a desktop, with everything folded


def test_there_are_pages(book: Path) -> None:
    """Without this, an empty book would pass: the tests below are made from its pages."""
    chapters = [page for page in checks.book_pages(book) if page.startswith("notebooks/")]
    assert chapters, "the built book holds no chapter"
    assert PAGES, "the book was built after the tests were collected; run them again"


def _looked_at(page: Page, name: str, theme: str) -> list[str]:
    """Switch to a theme, let the figures follow, and list what is wrong with the page as it is."""
    screens.settle(page, theme)
    return [
        *(f"{name}, {theme}: {fault}" for fault in checks.figure_faults(page)),
        *(f"too wide, {name}, {theme}: {fault}" for fault in checks.overflow(page)),
    ]


def _not_opened_elsewhere(page: Page, built: Path) -> list[str]:
    """List what is wrong with the links under the title: names, room for a finger, and that the downloads are the chapter."""
    places = page.locator("h1 + nav.cape-open li > a")
    names = places.all_inner_texts()
    doors = ["Open in Colab", "Open on Binder", "Open on Kaggle", "Open in a codespace"]
    if (names[:4], names[-2:]) != (doors, ["Download the notebook", "Download without solutions"]):
        return [f"links under the title: {names}"]
    small = [
        n
        for n, place in zip(names, places.all(), strict=True)
        if (place.bounding_box() or {"height": 0})["height"] < 24
    ]
    faults = [f"too small for a finger: {name}" for name in small]
    targets = [place.get_attribute("href") for place in places.all()]
    # In a book without an address only the downloads lead somewhere, and the page says why.
    unset = [target is None for target in targets[:-2]]
    if any(unset) != all(unset) or page.locator("nav.cape-open p").count() != all(unset):
        faults.append(f"links that lead nowhere, or no word why: {targets}")
    kept, for_classes = (
        json.loads((built.parent / str(target)).read_text(encoding="utf-8")) for target in targets[-2:]
    )
    if any("".join(cell["source"]).startswith("# @title Solution") for cell in for_classes["cells"]):
        faults.append("a notebook for classes with a solution in it")
    stored = json.loads((ROOT / "notebooks" / f"{built.stem}.ipynb").read_text(encoding="utf-8"))
    pairs = zip(kept["cells"], stored["cells"], strict=True)
    if sum(one["source"] != other["source"] for one, other in pairs) != (not all(unset)):
        faults.append("only a known address is stamped, and only into the set-up")
    return faults


def _at_200_percent(page: Page) -> list[str]:
    """List what sticks out on a desk screen half as wide, and what the Tab key does not reach there; it ends at some control."""
    page.set_viewport_size({"width": screens.SIZES[0][1] // 2, "height": 900})
    page.wait_for_timeout(400)
    return [
        *(f"at 200%: {fault}" for fault in checks.overflow(page)),
        *(f"out of the Tab key's reach: {fault}" for fault in checks.out_of_reach(page)),
    ]


@pytest.mark.parametrize("path", PAGES)
def test_page(
    browser: Browser, base: str, book: Path, desk: Page, made_with: dict[str, Any], path: str
) -> None:
    """A page loads cleanly, asks no other host, draws its figures, fits a phone and a doubled size, and shuts nobody out.

    At 1280 px no line of code and no table is cut. A desk screen begins light, a phone dark, and each then changes its
    theme, as a reader may. At the beginning it looks as in the kept picture. At 200% a desk screen is half as wide; there
    the Tab key must reach every control. Every control of a chapter draws another picture, and the chapter can be opened
    elsewhere. A page of text, whose layout no script makes, is not loaded again for the phone.
    """
    faults: list[str] = []
    text_alone = checks.scripts(book / path) <= checks.scripts(book / "genindex.html")
    visit = None
    for name, width, themes in screens.SIZES:
        if visit is None or not text_alone:
            visit = checks.open_page(browser, base, path, width=width, dark=themes[0] == "dark")
        page = visit.page
        page.emulate_media(color_scheme=themes[0])
        page.set_viewport_size({"width": width, "height": 900})
        faults += _looked_at(page, name, themes[0])
        shot = screens.take(page, path, width)
        faults += screens.difference(desk, shot, screens.kept_record(), made_with, most=screens.MOST_MOVED)
        faults += _looked_at(page, name, themes[1])
        faults += [f"console, {name}: {error}" for error in visit.errors]
        faults += [f"request to another host: {url}" for url in visit.foreign]
        faults += [f"axe, {name}, {themes[1]}: {fault}" for fault in checks.accessibility_faults(page)]
        if name == "desk":
            faults += [f"cut: {fault}" for fault in checks.clipped(page)]
        elif path in CHAPTERS:
            faults += _not_opened_elsewhere(page, book / path)
            # Last, for it leaves the figures as no reader finds them.
            faults += checks.dead_controls(page)
        if text_alone and name == "desk":
            visit.errors.clear()  # what axe asks for is in the console too
            visit.foreign.clear()
            continue
        if text_alone or name == "desk":
            faults += _at_200_percent(page)
        visit.close()
    assert not faults, "\n".join(dict.fromkeys(faults))


def test_no_picture_is_kept_of_a_page_that_is_gone() -> None:
    """What is left over would be carried along for ever."""
    assert screens.left_over(PAGES) == [], f"`{screens.COMMAND}` removes them"


def test_the_data_of_a_figure_is_one_click_away(browser: Browser, base: str) -> None:
    """The table holds what the chart draws, the CSV holds every row, and the picture can be kept, all by keyboard."""
    visit = checks.open_page(browser, base, "notebooks/05_recipes.html")
    page = visit.page
    checks.mount_all(page)
    assert page.locator("figure.cape-figure").count() == page.locator(".cape-data").count()
    for figure in page.locator("figure.cape-figure").all():
        spec = json.loads(figure.locator(".cape-spec").text_content() or "")
        tables = [rows for rows in spec["datasets"].values() if len(rows) > 1 or (rows and len(rows[0]) > 1)]
        tables.sort(key=len, reverse=True)
        figure.locator(".cape-data summary").press("Enter")
        figure.locator(".cape-rows").first.wait_for()
        shown = figure.locator(".cape-rows").all()
        assert [box.locator("tbody tr").count() for box in shown] == [min(200, len(rows)) for rows in tables]
        with page.expect_download() as download:
            figure.locator(".cape-data button").first.press("Enter")
        kept = pd.read_csv(download.value.path())
        assert len(kept) == len(tables[0])
        assert list(kept.columns) == list(dict.fromkeys(key for row in tables[0] for key in row))
        pd.testing.assert_frame_equal(kept, pd.DataFrame(tables[0]), check_dtype=False)
    page.locator(".cape-save summary").first.press("Enter")
    for kind, start in (("SVG", b"<svg"), ("PNG", b"\x89PNG")):
        with page.expect_download() as download:
            page.locator(".cape-save button", has_text=kind).first.press("Enter")
        assert Path(download.value.path()).read_bytes().startswith(start)
    visit.close()


@pytest.mark.parametrize(
    ("words", "page"),
    [
        ("isocline", "notebooks/03_phase_transition"),
        ("participation ratio", "notebooks/08_eigenstructure"),
        ("running coupling", "notebooks/12_dashboard"),
    ],
)
def test_search_finds_terms(browser: Browser, base: str, words: str, page: str) -> None:
    """The book's own search, which asks no server, leads to the chapter that treats the words."""
    visit = checks.open_page(browser, base, f"search.html?q={quote(words)}")
    visit.page.get_by_text("Search finished").wait_for(timeout=20_000)
    found = visit.page.locator("#search-results li > a").evaluate_all("links => links.map(a => a.href)")
    assert any(page in link for link in found), found
    assert visit.foreign == []
    visit.close()


def test_every_chapter_leads_to_the_next_and_back(browser: Browser, base: str, book: Path) -> None:
    """Previous and next, at the foot of the page, go through the chapters in order, without a gap; both are clicked once."""
    for one, other in itertools.pairwise(CHAPTERS):
        for page, place, target in ((one, "right-next", other), (other, "left-prev", one)):
            link = re.search(rf'class="{place}"\s+href="([^"]+)"', (book / page).read_text(encoding="utf-8"))
            assert link is not None, f"{page} leads nowhere"
            assert link[1] == Path(target).name
    visit = checks.open_page(browser, base, CHAPTERS[0])
    visit.page.locator("a.right-next").click()
    visit.page.wait_for_url(f"**/{CHAPTERS[1]}")
    visit.page.locator("a.left-prev").click()
    visit.page.wait_for_url(f"**/{CHAPTERS[0]}")
    visit.close()


@pytest.mark.parametrize("width", [390, 1280])
def test_the_list_of_chapters_opens_and_closes(browser: Browser, base: str, width: int) -> None:
    """The button in the article opens the chapters on a phone, and puts them away and back on a desk screen."""
    visit = checks.open_page(browser, base, "notebooks/02_coupling.html", width=width)
    entry = visit.page.get_by_role("link", name="Glossary").first
    button = visit.page.locator(".sidebar-toggle.primary-toggle:visible")
    shown = entry.is_visible()
    assert shown == (width > 1000)
    button.click()
    entry.wait_for(state="hidden" if shown else "visible")
    if shown:
        button.click()
        entry.wait_for()
    visit.close()


def test_no_page_holds_a_table_twice(book: Path) -> None:
    """Two figures of one page never carry the same rows; a few bytes of a helper do not count."""
    doubled = []
    for path in PAGES:
        seen: set[str] = set()
        for spec in checks.specifications(book / path):
            for name, rows in spec.get("datasets", {}).items():
                if name in seen and len(json.dumps(rows)) > 200:
                    doubled.append(f"{path}: {name}, {len(rows)} rows")
                seen.add(name)
    assert not doubled, "\n".join(doubled)


@pytest.mark.parametrize("path", CHAPTERS)
def test_tables_speak_words(book: Path, path: str) -> None:
    """No table of a chapter shows NaN, the name of a column, or a p-value of zero."""
    assert checks.machine_words((book / path).read_text(encoding="utf-8")) == []


def test_the_front_door_leads_in(browser: Browser, base: str) -> None:
    """The bare address of the book forwards to its first page."""
    visit = checks.open_page(browser, base, "index.html")
    visit.page.wait_for_url("**/book/intro.html", timeout=5_000)
    assert visit.foreign == []
    visit.close()


@pytest.mark.parametrize("path", PAGES)
def test_links_resolve(book: Path, path: str) -> None:
    """Every link within the book leads to a page, and every anchor exists."""
    assert checks.broken_links(book, book / path) == []


def test_the_scorecard_folds_and_can_be_filtered(browser: Browser, base: str) -> None:
    """A chapter opens at its line; choosing a verdict opens the claims with it, and a word narrows them further."""
    path = "notebooks/13_scorecard.html"
    if path not in PAGES:
        pytest.fail("the book has no scorecard")
    visit = checks.open_page(browser, base, path)
    rows = visit.page.locator("table.scoreboard.filtered tr[data-verdict]:visible")
    assert rows.count() == 0
    first = visit.page.locator(".sb-toggle").first
    first.press("Enter")
    assert set(rows.evaluate_all("rows => rows.map(row => row.dataset.chapter)")) == {"01_data"}
    first.press("Enter")
    assert rows.count() == 0
    visit.page.locator(".scorecard-all").click()
    everything = rows.count()
    assert everything == len(data.load("claims"))
    visit.page.locator(".scorecard-controls select").nth(1).select_option("differs")
    some = rows.count()
    assert 0 < some < everything
    assert set(rows.evaluate_all("rows => rows.map(row => row.dataset.verdict)")) == {"differs"}
    visit.page.locator(".scorecard-controls input").fill("isocline")
    assert 0 < rows.count() < some
    assert visit.page.locator(".sb-group:visible").count() == len(
        set(rows.evaluate_all("rows => rows.map(row => row.dataset.chapter)"))
    )
    visit.close()


def test_the_scorecard_is_short_until_it_is_opened(browser: Browser, base: str) -> None:
    """The whole page, its chart drawn and everything folded; opening the folds is seen in the same number."""
    visit = checks.open_page(browser, base, "notebooks/13_scorecard.html", width=1280)
    for figure in visit.page.locator("figure.cape-figure").all():
        figure.scroll_into_view_if_needed()
    visit.page.wait_for_function(
        "() => !document.querySelector('figure.cape-figure:not([data-mounted], [data-error])')"
    )
    height = "document.documentElement.scrollHeight"
    assert visit.page.evaluate(height) < SCORECARD_PX
    visit.page.evaluate("document.querySelectorAll('details').forEach(fold => { fold.open = true; })")
    assert visit.page.evaluate(height) > SCORECARD_PX
    visit.close()


def test_choices_survive_the_theme(browser: Browser, base: str) -> None:
    """Switching to the dark theme draws the figure again with what the reader had chosen."""
    for path in CHAPTERS:
        visit = checks.open_page(browser, base, path)
        page = visit.page
        checks.mount_all(page)
        pairs = checks.controlled(page, "select")
        if not pairs:
            visit.close()
            continue
        figure, control = pairs[0]
        chosen = control.locator("option").count() - 1
        control.select_option(index=chosen)
        page.wait_for_timeout(200)
        before = checks.picture(figure)
        page.evaluate("document.documentElement.dataset.theme = 'dark'")
        assert checks.changes(page, figure, before), "the figure keeps its light colours on the dark page"
        page.wait_for_timeout(300)
        again = figure.locator(".cape-controls select").first
        assert again.evaluate("field => field.selectedIndex") == chosen
        visit.close()
        return
    pytest.fail("no chapter holds a drop-down")


def test_works_without_a_server(browser: Browser, book: Path) -> None:
    """A chapter opened straight from disk draws its figures too."""
    path = next(page for page in PAGES if page.startswith("notebooks/"))
    page = browser.new_page()
    page.goto((book / path).as_uri())
    count = checks.mount_all(page)
    faults = checks.figure_faults(page)
    page.close()
    assert count > 0
    assert faults == []
