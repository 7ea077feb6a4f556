"""One page a chapter, A4: its question, what was found, the main figure, the verdicts, what to do next."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from pathlib import Path

import deck
import quiz
from gather import Chapter, Picture
from sheet import Edition, page

__all__ = ["main_figure", "main_titles", "summary"]

_LIFTED = re.compile(r"^```\{lifted-figure\} (\w+)#(.+)$", re.MULTILINE)
# Of the claims, as many as the page has room for below the figure.
CLAIMS = 4


def main_titles(root: Path) -> dict[str, str]:
    """The title of the figure that stands for each chapter: the first that the page *Figures for slides* takes from it."""
    text = (root / "book" / "figures.md").read_text(encoding="utf-8")
    found: dict[str, str] = {}
    for chapter, title in _LIFTED.findall(text):
        found.setdefault(chapter, title.strip())
    return found


def main_figure(chapter: Chapter, titles: Mapping[str, str]) -> Picture:
    """The figure of that title.

    Raises
    ------
    ValueError
        If the chapter has no figure of it.
    """
    for one in chapter.pictures:
        if one.title == titles.get(chapter.name):
            return one
    raise ValueError(f"{chapter.name} has no figure {titles.get(chapter.name)!r}")


def summary(chapter: Chapter, book: Edition, titles: Mapping[str, str], prompts: Mapping[str, str]) -> str:
    """Write the page.

    Parameters
    ----------
    chapter
        From `gather.chapters`.
    book
        From `sheet.edition`.
    titles
        From `main_titles`.
    prompts
        From `quiz.prompts`.
    """
    picture = main_figure(chapter, titles)
    first, *more = chapter.findings
    rest_of_it = f"<p>{' '.join(more)}</p>" if more else ""
    left = len(chapter.verdicts) - CLAIMS
    rest = f'<p class="small">And {left} more in the chapter.</p>' if left > 0 else ""
    asked = "".join(
        f"<li>{quiz.rendered(prompts[one.id.removeprefix('exercise-').replace('-', '.')], quiz.as_mathml)}</li>"
        for one in chapter.exercises
    )
    where = f", {book.address}/notebooks/{chapter.name}.html" if book.address else ""
    next_page = chapter.read_next.partition("\n")[0]
    body = (
        f'<main><header><p class="small">{html.escape(chapter.label)}: {html.escape(chapter.short_title)}</p>'
        f"<h1>{html.escape(chapter.question)}</h1>"
        f'<p class="finding">{first}</p>{rest_of_it}</header>'
        f'<figure><figcaption class="title">{html.escape(picture.title)}</figcaption>'
        f'<div class="picture" role="img" aria-label="{html.escape(picture.alt)}">{picture.svg}</div>'
        f'<p class="small">{html.escape(" ".join((picture.caption, picture.setting)).strip())}</p></figure>'
        f"<section><h2>Verdicts</h2>{deck.counted(chapter.verdicts)}"
        f"{deck.verdict_table(chapter.verdicts[:CLAIMS])}{rest}</section>"
        f"<section><h2>What to do next</h2><ol>{asked}</ol><p>Read next: {next_page}</p></section>"
        f'<footer class="small">{html.escape(book.credit + where)}</footer></main>'
    )
    return page(f"{chapter.label} on one page", body, book, "summary.css")
