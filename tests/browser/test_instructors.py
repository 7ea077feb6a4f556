"""The instructor's folder of the built book, in a browser: nothing cut, one slide a page, keys that turn, nothing fetched."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import pypdfium2
import pytest
from filelock import FileLock

from cape_utils import data
from tests.browser import checks
from tests.browser.conftest import serve
from tests.loading import ROOT, load

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.models  # one exercise asks a language model

CHAPTERS = [str(chapter) for chapter in data.load("chapters")["chapter"]]
# What is larger than its box, in the slides that are shown.
CUT = """() => [...document.querySelectorAll(".slide")].filter((one) => one.offsetParent).flatMap((slide) =>
    [slide, ...slide.querySelectorAll(".stage, .told, .picture, .notes")]
        .filter((one) => one.scrollHeight > one.clientHeight + 1 || one.scrollWidth > one.clientWidth + 1)
        .map((one) => `${slide.id}: ${one.className}`))"""


@pytest.fixture(scope="module")
def folder(book: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder made from the built pages, and from the edition that the tests of printing make or have made."""
    program = load("book/instructors/__main__.py")
    editions, out = book.parent / "editions", tmp_path_factory.mktemp("made") / program.FOLDER
    editions.mkdir(exist_ok=True)
    with FileLock(editions / "lock"), ThreadPoolExecutor(1) as pool:
        # In a thread of its own: Playwright allows one loop in a thread, and this one may hold that of the other tests.
        made = pool.submit(program.printed.make, ROOT, book, editions).result()
    program.make(ROOT, book, made.epub, out)
    return out


@pytest.fixture(scope="module")
def served(folder: Path) -> Iterator[str]:
    server, address = serve(folder)
    yield address
    server.shutdown()


def printed_pages(page: Page, path: Path) -> list[tuple[float, float]]:
    """Width and height of every page of a print, in points."""
    page.pdf(path=path, prefer_css_page_size=True, print_background=True)
    with pypdfium2.PdfDocument(path) as document:
        return [one.get_size() for one in document]


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_slides_are_whole_on_screen_and_on_paper(browser: Browser, served: str, tmp_path: Path, chapter: str):
    visit = checks.open_page(browser, served, f"slides/{chapter}.html", width=1600)
    page = visit.page
    slides = page.locator(".slide").count()
    assert slides > 6
    faults = []
    for _ in range(slides):
        faults += page.evaluate(CUT)
        page.keyboard.press("ArrowRight")
    plain = printed_pages(page, tmp_path / "plain.pdf")
    page.emulate_media(media="print")
    faults += page.evaluate(CUT)
    page.keyboard.press("n")
    faults += page.evaluate(CUT)
    noted = printed_pages(page, tmp_path / "noted.pdf")
    assert faults + visit.errors + visit.foreign == []
    assert len(plain) == len(noted) == slides
    assert all(width > height for width, height in plain)
    assert all(width < height for width, height in noted)
    visit.close()


@pytest.mark.parametrize("style", ["width: 3000px", "height: 3000px"])
def test_what_is_cut_on_a_slide_is_named(browser: Browser, served: str, style: str):
    visit = checks.open_page(browser, served, "slides/02_coupling.html", width=1280)
    assert visit.page.evaluate(CUT) == []
    plant = "(style) => document.querySelector('.now .stage').insertAdjacentHTML('beforeend', `<div style='${style}'>x</div>`)"
    visit.page.evaluate(plant, f"{style}; flex: none")
    assert any(one.startswith("slide-1: ") for one in visit.page.evaluate(CUT))
    visit.close()


def test_keys_turn_the_slides_and_show_the_notes(browser: Browser, served: str):
    visit = checks.open_page(browser, served, "slides/02_coupling.html", width=1280)
    page = visit.page

    def now() -> str:
        return str(page.evaluate("document.querySelector('.slide.now').id"))

    for key, expected in (
        *(("ArrowRight", 2), (" ", 3), ("PageDown", 4), ("ArrowLeft", 3), ("PageUp", 2), ("Home", 1)),
        ("ArrowLeft", 1),
    ):
        page.keyboard.press(key)
        assert now() == f"slide-{expected}", key
    page.keyboard.press("ArrowRight")
    assert page.evaluate("document.activeElement.textContent") == "Predict first", "the heading is read out"
    notes = page.locator(".slide.now .notes")
    assert not notes.is_visible()
    page.keyboard.press("n")
    assert notes.is_visible()
    assert page.get_by_role("button", name="Notes").get_attribute("aria-pressed") == "true"
    page.get_by_role("button", name="Next").press(" ")
    assert now() == "slide-3", "Space on a button presses it, once"
    page.reload()
    assert now() == "slide-3", "the address names the slide"
    assert checks.accessibility_faults(page) == []
    visit.close()


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_a_summary_is_one_page(browser: Browser, served: str, tmp_path: Path, chapter: str):
    visit = checks.open_page(browser, served, f"summaries/{chapter}.html", width=1280)
    assert len(printed_pages(visit.page, tmp_path / "one.pdf")) == 1
    main = "(() => { const one = document.querySelector('main'); return one.scrollHeight - one.clientHeight; })()"
    assert visit.page.evaluate(main) <= 0, "nothing stands below the page"
    assert visit.page.locator(".picture").bounding_box()["height"] > 200, "the figure has room"
    assert visit.errors + visit.foreign == []
    visit.close()


@pytest.mark.parametrize(
    "path",
    [
        "index.html",
        "answers/03_phase_transition.html",
        "summaries/02_coupling.html",
        "slides/05_recipes.html",
    ],
)
def test_nobody_is_kept_out(browser: Browser, served: str, path: str):
    visit = checks.open_page(browser, served, path, width=1280)
    assert checks.accessibility_faults(visit.page) == []
    visit.close()


def test_the_page_of_the_folder_leads_to_every_file(browser: Browser, served: str, folder: Path):
    visit = checks.open_page(browser, served, "index.html", width=1280)
    linked = set(
        visit.page.eval_on_selector_all("a[href]", "all => all.map((one) => one.getAttribute('href'))")
    )
    there = {one.relative_to(folder).as_posix() for one in folder.rglob("*") if one.is_file()}
    assert linked == there - {"index.html"}
    visit.close()


def test_students_get_no_solution(folder: Path):
    notebooks = sorted((folder / "exercises").glob("*.ipynb"))
    assert len(notebooks) == len(CHAPTERS)
    assert [one.name for one in notebooks if "@title Solution" in one.read_text(encoding="utf-8")] == []
