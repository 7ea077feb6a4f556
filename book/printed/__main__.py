"""The book to keep: ``python book/printed``, after the book is built.

Makes one PDF of the whole book, an EPUB of the same, and a zip of the pages for reading offline; lays them beside the pages, in
``_build/html/editions``, and links them on the front page. What is already there for the same pages is not made again.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import shutil
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(Path(__file__).resolve().parent), str(ROOT / "book"), str(ROOT)]

import address  # noqa: E402
import chromium  # noqa: E402
import compose  # noqa: E402
import epub  # noqa: E402

from tests.browser.ensure_chromium import REMEDY, find_chromium  # noqa: E402

FOLDER = "editions"
# The place on the front page; empty as long as there is nothing to link.
_PLACE = re.compile(r'(<div class="cape-editions">).*?(</div>)', re.DOTALL)
SOURCES = ("book/printed/*", "CITATION.cff", "_toc.yml", "book/mathfont/*")


@dataclass(frozen=True)
class Editions:
    """The three files."""

    pdf: Path
    epub: Path
    zip: Path
    pages: int
    overflow: tuple[str, ...]


def _slug(title: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")


def without_links(page: str) -> str:
    """The front page as Sphinx wrote it."""
    return _PLACE.sub(r"\1\2", page)


def _state(root: Path, book: Path) -> str:
    """What the editions are made from, as a digest."""
    digest = hashlib.sha256()
    for path in sorted([*book.glob("book/*.html"), *book.glob("notebooks/*.html")]):
        digest.update(without_links(path.read_text(encoding="utf-8")).encode())
    files = [path for pattern in SOURCES for path in root.glob(pattern) if path.is_file()]
    for path in sorted([*files, *book.glob("_static/*.css"), *book.glob("_static/*.js")]):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def write_zip(path: Path, book: Path, name: str, date: str) -> None:
    """Pack the pages into one folder, without the editions and without links to them."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(one for one in book.rglob("*") if one.is_file()):
            place = file.relative_to(book)
            if place.parts[0] in (FOLDER, ".buildinfo"):
                continue
            held = file.read_bytes()
            archive.writestr(
                epub.entry(f"{name}/{place.as_posix()}", date),
                without_links(held.decode()) if place.as_posix() == "book/intro.html" else held,
            )


def make(root: Path, book: Path, out: Path) -> Editions:
    """Make the three files, unless they are there for these very pages.

    Parameters
    ----------
    root
        The repository.
    book
        The built pages.
    out
        The folder of the files.

    Returns
    -------
    Editions
        Also what sticks out of a printed page, which should be nothing.
    """
    out.mkdir(parents=True, exist_ok=True)
    state, kept = _state(root, book), out / "made-of.json"
    name = _slug(compose.title(root))
    files = [out / f"{name}.{kind}" for kind in ("pdf", "epub", "zip")]
    if kept.is_file() and all(file.is_file() for file in files):
        known = json.loads(kept.read_text(encoding="utf-8"))
        if known["state"] == state:
            return Editions(*files, known["pages"], tuple(known["overflow"]))
    executable = find_chromium()
    if executable is None:
        raise FileNotFoundError(REMEDY)
    where = address.read(root)
    document = compose.compose(root, book, pages_url=where.pages if where.known else "")
    style = compose.style_sheet(root)
    math = (book / "_static" / "math.css").read_text(encoding="utf-8")
    with chromium.opened(chromium.page_html(document, f"{style}\n{math}"), book, out, executable) as page:
        overflow = chromium.overflow(page)
        pages = chromium.print_pdf(page, files[0])
        parts = chromium.xhtml(page)
    epub.write_epub(
        files[1], document, parts, style, (root / "book" / "mathfont" / "math.woff2").read_bytes()
    )
    write_zip(files[2], book, name, document.date)
    kept.write_text(json.dumps({"state": state, "pages": pages, "overflow": overflow}), encoding="utf-8")
    return Editions(*files, pages, tuple(overflow))


def publish(book: Path, made: Editions) -> None:
    """Lay the files beside the pages and link them on the front page."""
    folder = book / FOLDER
    folder.mkdir(exist_ok=True)
    links = []
    for file, words in (
        (made.pdf, f"the whole book as a PDF ({made.pages} pages"),
        (made.epub, "the same as an EPUB ("),
        (made.zip, "these pages for reading offline (zip"),
    ):
        shutil.copy(file, folder / file.name)
        size = f"{file.stat().st_size / 1e6:.1f} MB)"
        told = f"{words}{'' if words.endswith('(') else ', '}{size}"
        links.append(f'<li><a href="../{FOLDER}/{file.name}">{told[0].upper()}{told[1:]}</a></li>')
    front = book / "book" / "intro.html"
    text, times = _PLACE.subn(rf"\1<ul>{''.join(links)}</ul>\2", front.read_text(encoding="utf-8"))
    if times != 1:
        raise ValueError(f"{front} has {times} places for the editions; one is needed")
    front.write_text(text, encoding="utf-8")


def asked(argv: list[str] | None, description: str) -> tuple[Path, Editions] | None:
    """Read the command line of a program that needs the built pages and their editions, and make these.

    Returns
    -------
    (Path, Editions) or None
        None where there is no book or no Chromium, after a line that says so.
    """
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--book", type=Path, default=ROOT / "_build" / "html", help="the built pages")
    book: Path = parser.parse_args(argv).book
    if not (book / "index.html").is_file():
        print(f"No book in {book}: build it first with make book.", file=sys.stderr)
        return None
    try:
        return book, make(ROOT, book, book.parent / FOLDER)
    except FileNotFoundError as error:
        print(error, file=sys.stderr)
        return None


def main(argv: list[str] | None = None) -> int:
    """Make and publish; the exit status is 1 where there is no book, no Chromium or something is cut."""
    found = asked(argv, "The whole book as PDF and EPUB, and its pages as a zip.")
    if found is None:
        return 1
    book, made = found
    if made.overflow:
        print("Cut on a printed page:", *made.overflow, sep="\n  ", file=sys.stderr)
        return 1
    publish(book, made)
    print(f"{made.pages} pages in {made.pdf}; EPUB and zip beside it. The front page links all three.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
