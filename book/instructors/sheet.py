"""What every page made for teachers has in common: one file that asks no other host for anything."""

from __future__ import annotations

import html
from dataclasses import dataclass
from pathlib import Path

import compose
from bs4 import BeautifulSoup

__all__ = ["Edition", "edition", "page", "plain"]

HERE = Path(__file__).resolve().parent


@dataclass(frozen=True)
class Edition:
    """Which book the material belongs to, and what its pages look like.

    ``style`` are the book's style sheets without variables, ``formulas`` those of mathematics with the font inside; ``address``
    is where the book is published, empty while nobody has said.
    """

    title: str
    authors: str
    version: str
    date: str
    address: str
    style: str
    formulas: str

    @property
    def credit(self) -> str:
        """What a copy must name."""
        return f"{self.title}, {self.version}, {self.authors}, CC BY 4.0"


def edition(root: Path, book: Path, *, address: str = "") -> Edition:
    """Read what the citation file says of the book.

    Parameters
    ----------
    root
        The repository.
    book
        The built pages, for the font of formulas.
    address
        Where the book is published.
    """
    about = compose.about(root)
    formulas = (book / "_static" / "math.css").read_text(encoding="utf-8")
    return Edition(**about, address=address, style=compose.style_sheet(root), formulas=formulas)


def plain(markup: str) -> str:
    """Words of a piece of HTML, for a place that holds none, escaped.

    Examples
    --------
    >>> plain("a <b>b</b> &amp; c")
    'a b &amp; c'
    """
    return html.escape(" ".join(BeautifulSoup(markup, "html.parser").get_text().split()))


def page(title: str, body: str, book: Edition, *names: str) -> str:
    """Write a page.

    Parameters
    ----------
    title
        Plain words.
    body
        HTML.
    book
        From `edition`.
    *names
        Style sheets and scripts that lie beside this module, later ones over earlier ones.
    """
    own = {name: (HERE / name).read_text(encoding="utf-8") for name in names}
    sheets = [book.style, book.formulas if "<math" in body else ""]
    sheets += [text for name, text in own.items() if name.endswith(".css")]
    scripts = "".join(f"<script>\n{text}</script>" for name, text in own.items() if name.endswith(".js"))
    return (
        '<!DOCTYPE html>\n<html lang="en" data-theme="light"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta name="author" content="{html.escape(book.authors)}"><title>{html.escape(title)}</title>'
        f"<style>{chr(10).join(sheets)}</style></head><body>{body}{scripts}</body></html>\n"
    )
