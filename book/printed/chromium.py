"""Let Chromium draw the charts of the composed document, print it, and hand over its chapters as XHTML."""

from __future__ import annotations

import html
import json
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from compose import Document
    from playwright.sync_api import Page

__all__ = ["opened", "overflow", "page_html", "print_pdf", "xhtml"]

HERE = Path(__file__).resolve().parent
# A4 without its margins, at the 96 pixels an inch that Chromium lays paper out with; print.css has the same margins.
WIDTH = round((210 - 2 * 18) / 25.4 * 96)
SCRIPTS = ("cape-vega.js", "figure_tools.js", "charts.js")
MINUTES = 8 * 60_000


def page_html(document: Document, style: str) -> str:
    """Write the document as one page: title, contents, every section."""
    esc = html.escape
    small = "font: 8pt sans-serif; color: #57606a"
    running = "".join(
        f"#{one.key} {{ page: s{number} }}\n"
        f"@page s{number} {{ @top-right {{ content: {json.dumps(one.title, ensure_ascii=False)}; {small} }} }}\n"
        for number, one in enumerate(document.sections)
    )
    running += f"@page {{ @bottom-center {{ content: counter(page); {small} }} }}\n"
    running += "@page :first { @bottom-center { content: none } }\n"
    where = (
        f'<p><a href="{esc(document.address)}">{esc(document.address)}</a></p>' if document.address else ""
    )
    rows, part = [], ""
    for one in document.sections:
        if one.part != part:
            part = one.part
            rows.append(f'<li class="part">{esc(part)}</li>')
        inner = "".join(f'<li><a href="#{esc(name)}">{esc(words)}</a></li>' for name, words in one.headings)
        rows.append(
            f'<li><div class="entry"><a href="#{one.key}">{esc(one.title)}</a> <span class="page"></span></div>'
            f"{f'<ol>{inner}</ol>' if inner else ''}</li>"
        )
    sections = "\n".join(
        f'<section class="edition-page bd-article" id="{one.key}">{one.body}</section>'
        for one in document.sections
    )
    return (
        f'<!DOCTYPE html>\n<html lang="en" data-theme="light"><head><meta charset="utf-8"><title>{esc(document.title)}</title>'
        f'<meta name="author" content="{esc(document.authors)}"><style>{style}\n{running}</style></head><body>'
        f'<div class="title-page"><p class="book-title">{esc(document.title)}</p><p>{esc(document.authors)}</p>'
        f"<p>Version {esc(document.version)}, {esc(document.date)}</p><p>{esc(document.abstract)}</p>{where}"
        "<p>This edition holds the book as its pages open. Charts stand as they are first drawn, answers and code at the end. "
        "What can be moved, tried and run is in the pages and the notebooks. Text and figures: CC BY 4.0; code: MIT.</p></div>"
        f'<nav class="contents"><p class="cape-title">Contents</p><ol>{"".join(rows)}</ol></nav>{sections}</body></html>\n'
    )


@contextmanager
def opened(text: str, book: Path, folder: Path, executable: str) -> Iterator[Page]:
    """Open the document in Chromium and finish it; nothing is fetched.

    Parameters
    ----------
    text
        From `page_html`.
    book
        The built pages, which have the script that draws.
    folder
        Where the document is written.
    executable
        A Chromium.

    Raises
    ------
    ValueError
        If a chart cannot be drawn; the message names it.
    """
    from playwright.sync_api import sync_playwright

    whole = folder / "whole.html"
    whole.write_text(text, encoding="utf-8")
    with sync_playwright() as playwright:
        # Sandboxing needs privileges that containers do not grant; the pages are the book's own.
        browser = playwright.chromium.launch(
            executable_path=executable, args=["--no-sandbox", "--disable-gpu"]
        )
        page = browser.new_page(viewport={"width": WIDTH, "height": 1000}, color_scheme="light", offline=True)
        page.set_default_timeout(MINUTES)
        page.emulate_media(media="print", color_scheme="light")
        page.goto(whole.as_uri())
        for name in SCRIPTS:
            page.add_script_tag(path=book / "_static" / name)
        faults = page.evaluate((HERE / "finish.js").read_text(encoding="utf-8"))
        if faults:
            raise ValueError("these charts could not be drawn: " + "; ".join(faults))
        yield page
        browser.close()


def overflow(page: Page) -> list[str]:
    """What sticks out of the text block, or is cut off by a box of its own."""
    found: list[str] = page.evaluate((HERE / "overflow.js").read_text(encoding="utf-8"))
    return found


def print_pdf(page: Page, path: Path) -> int:
    """Print twice: the first print says on which page each section begins, and the contents name it in the second.

    Returns
    -------
    int
        The number of pages.
    """
    import pypdfium2

    settings: dict[str, Any] = {
        "path": str(path),
        "prefer_css_page_size": True,
        "outline": True,
        "tagged": True,
    }
    settings["print_background"] = True
    page.pdf(**settings)
    with pypdfium2.PdfDocument(path) as first:
        pages = len(first)
        begins = [entry.get_dest().get_index() + 1 for entry in first.get_toc() if entry.level == 0]
    fill = "(begins) => document.querySelectorAll('.contents .page').forEach((one, at) => { one.textContent = begins[at] ?? '' })"
    page.evaluate(fill, begins)
    page.pdf(**settings)
    return pages


def xhtml(page: Page) -> dict[str, dict[str, Any]]:
    """Every section as XHTML, with what an EPUB file has to declare of it; a link to another section names its file."""
    found: dict[str, dict[str, Any]] = page.evaluate(
        """() => {
            const held = new Map();
            const sections = [...document.querySelectorAll("section.edition-page")];
            for (const section of sections) {
                held.set(section.id, section.id);
                for (const one of section.querySelectorAll("[id]")) held.set(one.id, section.id);
            }
            const write = new XMLSerializer();
            return Object.fromEntries(sections.map((section) => {
                const copy = section.cloneNode(true);
                for (const link of copy.querySelectorAll('a[href^="#"]')) {
                    const name = link.getAttribute("href").slice(1);
                    const file = held.get(name);
                    if (file !== section.id) link.setAttribute("href", `${file}.xhtml#${name}`);
                }
                for (const one of copy.querySelectorAll("*")) {
                    for (const { name } of [...one.attributes]) {
                        if (/^(data-(?!label$)|aria-hidden$|tabindex$)/.test(name)) one.removeAttribute(name);
                    }
                }
                return [section.id, {
                    body: write.serializeToString(copy),
                    svg: copy.querySelector("svg") !== null,
                    mathml: copy.querySelector("math") !== null,
                }];
            }));
        }"""
    )
    return found
