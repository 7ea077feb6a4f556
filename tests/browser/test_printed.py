"""The book to keep: every page of the PDF, the EPUB and the zip of the built book."""

from __future__ import annotations

import itertools
import re
import unicodedata
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pypdfium2
import pytest
from filelock import FileLock

from cape_utils import data
from tests.browser.ensure_chromium import find_chromium
from tests.loading import ROOT, load

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

MOST_BYTES = 15_000_000
POINTS_PER_MM = 72 / 25.4


def apart(call: Callable, *given: object):
    """Call in a thread of its own: Playwright allows one loop in a thread, and this one may hold that of the other tests."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(call, *given).result()


@pytest.fixture(scope="module")
def printed() -> ModuleType:
    return load("book/printed/__main__.py")


@pytest.fixture(scope="module")
def made(printed: ModuleType, book: Path):
    """The three files of the built book; those that `make pdf` lays beside the pages are the ones tested here."""
    folder = book.parent / "editions"
    folder.mkdir(exist_ok=True)
    # Two processes share the tests of this file; the second waits and finds what the first has made.
    with FileLock(folder / "lock"):
        return apart(printed.make, ROOT, book, folder)


@pytest.fixture(scope="module")
def pdf(made):
    with pypdfium2.PdfDocument(made.pdf) as opened:
        yield opened


@pytest.fixture(scope="module")
def texts(pdf) -> list[str]:
    return [page.get_textpage().get_text_range() for page in pdf]


def bare(text: str) -> str:
    """Letters and digits alone: line breaks and ligatures are the printer's."""
    return re.sub(r"\W+", "", unicodedata.normalize("NFKC", text))


def test_nothing_is_cut_and_the_file_can_be_sent(made):
    assert made.overflow == ()
    assert made.pdf.stat().st_size < MOST_BYTES


@pytest.mark.parametrize("fault", ["sticks out", "cut off"])
def test_what_is_cut_is_named(printed: ModuleType, book: Path, tmp_path: Path, fault: str):
    words = "<b>" + "unbroken" * 40 + "</b>"
    box = '<div style="overflow: hidden">' if fault == "cut off" else "<div>"
    held = (
        '<i style="display: inline-block; width: 3000px">x</i>' if fault == "cut off" else f"<p>{words}</p>"
    )
    body = f"{box}{held}</div>"
    section = printed.compose.Section("p-one", "One", "", "one", f"<h1>One</h1>{body}")
    document = printed.compose.Document("T", "A", "1", "2026-01-01", "Words.", "", [section])
    text = printed.chromium.page_html(document, printed.compose.style_sheet(ROOT))

    def overflow():
        with printed.chromium.opened(text, book, tmp_path, find_chromium()) as page:
            page.add_style_tag(content="p { white-space: nowrap }")
            return printed.chromium.overflow(page)

    found = apart(overflow)
    assert found
    assert all(fault in one for one in found)


def test_a_chart_that_cannot_be_drawn_stops_the_printing(printed: ModuleType, book: Path, tmp_path: Path):
    chart = (
        '<figure class="cape-figure"><p class="cape-title">Broken</p><div class="cape-controls"></div>'
        '<div class="cape-chart"></div>'
        '<script type="application/json" class="cape-spec">{"mark": "no such mark"}</script><figcaption>C</figcaption></figure>'
    )
    section = printed.compose.Section("p-one", "One", "", "one", f"<h1>One</h1>{chart}")
    document = printed.compose.Document("T", "A", "1", "2026-01-01", "Words.", "", [section])
    text = printed.chromium.page_html(document, "")

    def opened():
        with printed.chromium.opened(text, book, tmp_path, find_chromium()):
            pass

    with pytest.raises(ValueError, match="could not be drawn: Broken"):
        apart(opened)


def test_the_pdf_holds_the_claims_and_every_page_has_something_on_it(texts, made):
    """Ten claims, taken at equal distances, are found in the text with their chapters; page numbers count up."""
    assert len(texts) == made.pages
    whole = bare(" ".join(texts))
    statements = list(data.load("claims")["statement"])
    chosen = [statements[round(place)] for place in np.linspace(0, len(statements) - 1, 10)]
    assert [one for one in chosen if bare(one) not in whole] == []
    empty = [number for number, text in enumerate(texts, start=1) if len(bare(text)) < 40]
    assert empty == []
    # The first page has no number.
    unnumbered = [n for n, text in enumerate(texts[1:], start=2) if str(n) not in text.split()]
    assert unnumbered == []


def test_the_contents_name_the_page_on_which_each_section_begins(pdf, texts):
    begins = [
        (entry.get_title(), entry.get_dest().get_index() + 1) for entry in pdf.get_toc() if entry.level == 0
    ]
    contents = bare(" ".join(texts[1 : begins[0][1] - 1]))
    missing = [
        one
        for one in begins
        if f"{bare(one[0])}{one[1]}" not in contents and f"{one[1]}{bare(one[0])}" not in contents
    ]
    assert missing == []
    for title, page in begins:
        assert bare(title) in bare(texts[page - 1]), f"{title} does not begin on page {page}"


def test_links_between_pages_are_kept_inside_the_file(pdf):
    """A chapter's link to the cell of a claim, and the references' links to other hosts."""
    inside = outside = 0
    raw = pypdfium2.raw
    for page in itertools.islice(pdf, 0, None, 3):
        position, link = raw.c_int(0), raw.FPDF_LINK()
        while raw.FPDFLink_Enumerate(page, position, link):
            if raw.FPDFLink_GetDest(pdf, link):
                inside += 1
            elif raw.FPDFAction_GetType(raw.FPDFLink_GetAction(link)) == raw.PDFACTION_URI:
                outside += 1
    claims = len(data.load("claims"))
    assert inside > claims, (
        "a third of the pages; every claim is linked from its chapter, the scorecard and the front page"
    )
    assert outside > 5


def test_no_ink_in_the_margins(pdf):
    """Every seventh page as a picture: what sticks out of the text block would stand in the margin."""
    marked = []
    for number in range(0, len(pdf), 7):
        picture = pdf[number].render(scale=0.5, grayscale=True).to_numpy()
        edge = round(14 * POINTS_PER_MM * 0.5)
        if picture[:, :edge].min() < 200 or picture[:, -edge:].min() < 200:
            marked.append(number + 1)
        assert picture.min() < 128, f"page {number + 1} is empty"
    assert marked == []


def test_charts_are_vector_pictures_in_the_state_in_which_they_open(printed: ModuleType, made, book: Path):
    """As many pictures as the pages hold charts, each with its caption, and none of the controls."""
    with zipfile.ZipFile(made.epub) as archive:
        parts = {
            Path(name).stem: archive.read(name).decode()
            for name in archive.namelist()
            if name.endswith(".xhtml")
        }
    for page in [*book.glob("notebooks/*.html"), *book.glob("book/*.html")]:
        if f"p-{page.stem}" not in parts:
            continue
        held, kept = page.read_text(encoding="utf-8"), parts[f"p-{page.stem}"]
        charts = held.count('<figure class="cape-figure"')
        figures = re.findall(r'<figure class="cape-figure".*?</figure>', kept, re.DOTALL)
        assert len(figures) == charts, page.name
        assert all("<svg" in one and re.search(r"<figcaption>\s*\S", one) for one in figures), page.name
        assert not re.search(r"<(script|select|button|input|form)\b", kept), page.name
    assert sum(text.count("cape-setting") for text in parts.values()) > 20, (
        "the setting at which a chart is drawn is said"
    )
    assert printed.epub.faults(made.epub) == []


def test_the_zip_holds_the_pages_and_no_link_to_what_it_lacks(made, book: Path):
    with zipfile.ZipFile(made.zip) as archive:
        names = set(archive.namelist())
        top = {name.partition("/")[0] for name in names}
        assert len(top) == 1
        front = archive.read(f"{top.copy().pop()}/book/intro.html").decode()
    assert '<div class="cape-editions"></div>' in front
    kept = {
        f"{next(iter(top))}/{path.relative_to(book).as_posix()}" for path in book.rglob("*") if path.is_file()
    }
    missing = {name for name in kept - names if "/editions/" not in name and not name.endswith(".buildinfo")}
    assert not missing
    assert not names - kept


def test_the_front_page_links_what_was_made(printed: ModuleType, made, book: Path, tmp_path: Path):
    copy = tmp_path / "html"
    (copy / "book").mkdir(parents=True)
    front = copy / "book" / "intro.html"
    front.write_text(
        printed.without_links((book / "book" / "intro.html").read_text(encoding="utf-8")), encoding="utf-8"
    )
    assert "editions/" not in front.read_text(encoding="utf-8")
    for _ in range(2):  # a second time renews the links
        printed.publish(copy, made)
    links = re.findall(r'href="\.\./(editions/[^"]+)"', front.read_text(encoding="utf-8"))
    assert len(links) == 3
    assert all((copy / link).is_file() for link in links)
    for one, other in itertools.combinations(links, 2):
        assert one != other
