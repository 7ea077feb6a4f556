"""Finding one's way: numbers, the strip, the map, what was opened, and a search that works from disk."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.browser import checks
from tests.browser.conftest import ROOT
from tests.loading import load

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

texts = load("book/_ext/chapter_texts.py")
CHAPTERS = texts.planned(ROOT)
NAMES = list(CHAPTERS)


def opened(page: Page) -> list[str]:
    """The chapters that the side bar marks as opened."""
    return page.locator(".bd-sidebar-primary a:has(.cape-opened)").evaluate_all(
        "links => links.map(a => a.textContent)"
    )


def test_the_side_bar_numbers_the_chapters(browser: Browser, base: str) -> None:
    """In order, with short titles; the question stays the heading, under the number."""
    visit = checks.open_page(browser, base, "notebooks/07_ode.html")
    entries = visit.page.locator(".bd-sidebar-primary .bd-links a").evaluate_all(
        "links => links.filter(a => a.href.includes('/notebooks/')).map(a => a.textContent.trim())"
    )
    numbered = [words.removesuffix(" \u2713") for words in entries]
    assert numbered == [chapter.numbered for chapter in CHAPTERS.values()]
    heading = visit.page.locator(".bd-article h1").inner_text().rstrip("#").split("\n")
    assert heading == ["Chapter 7", CHAPTERS["07_ode"].question]
    assert visit.page.title().startswith(f"Chapter 7: {CHAPTERS['07_ode'].question}")
    assert "Chapter 8: Eigenstructure" in visit.page.locator("a.right-next").inner_text()
    visit.close()


@pytest.mark.parametrize("name", NAMES)
def test_the_strip_says_order_needs_and_time(book: Path, browser: Browser, name: str) -> None:
    """One strip under the opening; its links are the chapters beside this one and those that it needs."""
    page = browser.new_page()
    page.goto((book / f"notebooks/{name}.html").as_uri())
    strip = page.locator(".cape-strip")
    words = [part.inner_text() for part in strip.locator("p:not(.cape-progress)").all()]
    place = NAMES.index(name)
    assert words[0].startswith(f"Order: {place + 1} of {len(NAMES)}")
    assert words[1].startswith("You need")
    assert words[2].startswith("Time")
    linked = strip.locator("p:nth-of-type(2) a").evaluate_all(
        "links => links.map(a => a.pathname.split('/').pop())"
    )
    needed = texts.prerequisites(ROOT / "notebooks" / f"{name}.ipynb")
    assert [one.removesuffix(".html") for one in linked if one[:2].isdigit()] == needed
    page.close()


def test_the_map_shows_what_the_openings_declare(browser: Browser, base: str) -> None:
    """One row a chapter with what it needs in words; an arc for each need that does not follow from another."""
    visit = checks.open_page(browser, base, "book/how_to_read.html", width=390)
    rows = visit.page.locator(".cape-map li").all_inner_texts()
    needs = {name: texts.prerequisites(ROOT / "notebooks" / f"{name}.ipynb") for name in NAMES}
    for row, (name, wanted) in zip(rows, needs.items(), strict=True):
        numbers = " and ".join(str(CHAPTERS[other].number) for other in wanted)
        assert CHAPTERS[name].numbered in row
        assert (f"needs {numbers}" if wanted else "can be read first") in row
    arcs = visit.page.locator(".cape-map path[marker-end]").count()
    assert 0 < arcs <= sum(map(len, needs.values()))
    visit.close()


def test_what_was_opened_is_kept_in_this_browser_and_forgotten_on_demand(browser: Browser, base: str) -> None:
    """A chapter is marked once it was opened, on every page; the count and the button are on the strip."""
    visit = checks.open_page(browser, base, "book/glossary.html")
    page = visit.page
    assert opened(page) == []
    for name in ("02_coupling", "03_phase_transition", "02_coupling"):
        page.goto(f"{base}/notebooks/{name}.html")
    assert opened(page) == ["2 Coupling \u2713", "3 Critical scale \u2713"]
    assert f"You have opened 2 of {len(NAMES)} chapters." in page.locator(".cape-strip").inner_text()
    page.goto(f"{base}/book/how_to_read.html")
    assert page.locator(".cape-map .cape-opened").count() == 2
    page.get_by_role("button", name="Forget which chapters were opened").click()
    assert opened(page) == []
    page.reload()
    assert opened(page) == []
    assert not page.locator(".cape-progress").is_visible()
    assert visit.errors == []
    visit.close()


@pytest.mark.parametrize("spoiled", ["throw new Error('denied')", "return 'no list'", "return '{\"a\": 1}'"])
def test_a_browser_that_keeps_nothing_shows_the_book_as_it_is(
    browser: Browser, base: str, spoiled: str
) -> None:
    """Storage that is refused, or holds what another wrote, is no error."""
    context = browser.new_context()
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    # The theme keeps its mode there too, and is not what is tested.
    page.add_init_script(
        "const get = Storage.prototype.getItem, set = Storage.prototype.setItem;"
        "Storage.prototype.getItem = function (key) {"
        f"if (key === 'cape-opened') {{ {spoiled}; }} return get.call(this, key); }};"
        "Storage.prototype.setItem = function (key, value) {"
        "if (key === 'cape-opened') { throw new Error('full'); } return set.call(this, key, value); };"
    )
    page.goto(f"{base}/notebooks/02_coupling.html")
    assert page.locator(".cape-strip").is_visible()
    assert opened(page) == []
    assert errors == []
    context.close()


@pytest.mark.parametrize("disk", [True, False])
@pytest.mark.parametrize(
    ("query", "first"),
    [
        ("chapter 7", "07_ode"),
        ("Chapter 12", "12_dashboard"),
        ("chapter 03", "03_phase_transition"),
        ("chapter 1", "01_data"),
    ],
)
def test_a_chapter_asked_for_by_number_comes_first(
    browser: Browser, base: str, book: Path, query: str, first: str, disk: bool
) -> None:
    """From disk as from a server; words of the page stand under every hit, and nothing is fetched or refused."""
    page = browser.new_page()
    errors: list[str] = []
    asked: list[str] = []
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on(
        "request", lambda request: asked.append(request.url) if request.resource_type == "fetch" else None
    )
    page.goto(
        f"{(book / 'search.html').as_uri() if disk else f'{base}/search.html'}?q={query.replace(' ', '+')}"
    )
    page.get_by_text("Search finished").wait_for(timeout=20_000)
    hits = page.locator("#search-results ul.search > li")
    page.wait_for_function(
        "[...document.querySelectorAll('#search-results ul.search > li')].every(li => li.querySelector('.context'))"
    )
    assert first in (hits.first.locator("a").get_attribute("href") or "")
    assert hits.first.inner_text().startswith(f"Chapter {CHAPTERS[first].number}: ")
    assert all(len(words.split()) > 5 for words in page.locator("#search-results .context").all_inner_texts())
    assert (errors, asked) == ([], [])
    page.close()


def test_the_words_of_a_query_stand_under_its_hits(browser: Browser, book: Path) -> None:
    """The passage with most of the words is shown, and they are marked in it."""
    page = browser.new_page()
    page.goto(f"{(book / 'search.html').as_uri()}?q=participation+ratio")
    page.get_by_text("Search finished").wait_for(timeout=20_000)
    hit = page.locator("#search-results li", has=page.locator("a[href*='08_eigenstructure']")).first
    marked = [words.lower() for words in hit.locator(".context mark").all_inner_texts()]
    assert "participation" in marked
    assert "ratio" in marked
    page.close()
