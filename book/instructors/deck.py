"""Slides: one file a chapter, with its bets, its figures and its verdicts; ``deck.js`` turns them, and needs nothing else."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bs4 import BeautifulSoup
from gather import Answered, Chapter, Picture, Verdict, words
from sheet import Edition, page, plain

from cape_utils.teaching.questions import Ask, Choice, Line
from cape_utils.teaching.registry import find_bet

__all__ = ["Slide", "counted", "deck", "slides", "verdict_table"]

# Lines of a table that a slide holds, and characters of a claim on one of them.
LINES, CHARACTERS = 13, 44
# A chapter with more claims than this lists them elsewhere, and its slide counts the verdicts.
MOST_CLAIMS = 40


@dataclass(frozen=True)
class Slide:
    """A heading in plain words, what stands below it, and what the speaker says, both as HTML; ``kind`` is for the style."""

    kind: str
    heading: str
    body: str
    notes: str


def slides(chapter: Chapter, book: Edition) -> list[Slide]:
    """The slides of a chapter, in the order of its pages."""
    made = [_opening(chapter, book)]
    for one in chapter.course:
        if isinstance(one, Picture):
            made.append(_figure(one))
        else:
            made += _bet(one)
    made += _verdicts(chapter.verdicts)
    made.append(_take_away(chapter))
    if chapter.to_argue:
        asked = "".join(f"<li>{html.escape(one)}</li>" for one in chapter.to_argue)
        notes = "One to make sure it was understood, one to argue over, one to carry elsewhere."
        made.append(Slide("words", "To argue over", f"<ol>{asked}</ol>", f"<p>{notes}</p>"))
    return made


def _opening(chapter: Chapter, book: Edition) -> Slide:
    where = f"{book.address}/notebooks/{chapter.name}.html" if book.address else ""
    link = f'<p><a href="{html.escape(where)}">{html.escape(where)}</a></p>' if where else ""
    body = (
        f'<p class="lead">{chapter.hook}</p>'
        f'<p class="credit">{html.escape(chapter.label)} of {html.escape(book.credit)}</p>{link}'
    )
    return Slide("opening", chapter.question, body, f"<p>At the end they can {chapter.goals}</p>")


def _figure(picture: Picture) -> Slide:
    body = f'<div class="picture" role="img" aria-label="{html.escape(picture.alt)}">{picture.svg}</div>'
    notes = [picture.caption, picture.setting, f"What is seen: {picture.alt}"]
    return Slide("figure", picture.title, body, "".join(f"<p>{html.escape(one)}</p>" for one in notes if one))


def _bet(bet: Answered) -> Iterator[Slide]:
    ask = find_bet(bet.id.removeprefix("bet-").replace("-", ".")).ask
    body = f'<p class="lead">{html.escape(bet.question)}</p>{_asked(ask)}'
    yield Slide("bet", "Predict first", body, "<p>Let everybody commit before you go on.</p>" + bet.answer)
    came = BeautifulSoup(bet.answer, "html.parser")
    title = came.select_one(".cape-small .cape-title")
    heading = words(title) or "What came of the bet"
    if title is not None:
        title.decompose()
    yield Slide("came", heading, f'<div class="told">{came}</div>', "")


def _asked(ask: Ask) -> str:
    if isinstance(ask, Choice):
        return f"<ul>{''.join(f'<li>{html.escape(one)}</li>' for one in ask.options)}</ul>"
    where = f" at {', '.join(ask.at)}" if isinstance(ask, Line) else ""
    told = f"{ask.label}{where}: from {ask.show(ask.low)} to {ask.show(ask.high)}"
    return f"<p>{html.escape(told)}</p>"


def _verdicts(verdicts: Sequence[Verdict]) -> Iterator[Slide]:
    if len(verdicts) > MOST_CLAIMS:
        yield Slide("words", f"{len(verdicts)} claims", f'<div class="told">{counted(verdicts)}</div>', "")
        return
    parts = _in_parts(verdicts)
    for number, part in enumerate(parts, start=1):
        heading = "Paper says, we find" + (f" ({number} of {len(parts)})" if len(parts) > 1 else "")
        notes = "".join(f"<p><b>{one.claim}.</b> {html.escape(one.reason)}</p>" for one in part)
        body = f'<div class="told">{verdict_table(part)}</div>'
        yield Slide("table", heading, body, notes)


def _in_parts(verdicts: Sequence[Verdict]) -> list[list[Verdict]]:
    """As many claims on a slide as have room."""
    parts: list[list[Verdict]] = []
    left = 0
    for one in verdicts:
        longest = max(len(_plain(one.claim)), 2 * len(one.paper), 1.6 * len(one.found))
        needed = max(1, -(-int(longest) // CHARACTERS))
        if needed > left:
            parts.append([])
            left = LINES
        parts[-1].append(one)
        left -= needed
    return parts


def _plain(markup: str) -> str:
    """The words of a claim, to be measured."""
    return html.unescape(plain(markup))


def verdict_table(verdicts: Sequence[Verdict]) -> str:
    """Claims with the paper's numbers and ours, the verdict first."""
    heads = "".join(f'<th scope="col">{one}</th>' for one in ("Verdict", "Claim", "Paper", "We find"))
    rows = "".join(
        f"<tr><td>{one.badge}</td><td>{one.claim}</td><td>{_number(one.paper)}</td><td>{_number(one.found)}</td></tr>"
        for one in verdicts
    )
    return f"<table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>"


def _number(words: str) -> str:
    """A sign of relation stays on the line of its number."""
    return html.escape(re.sub(r"(?: )?([=<]) ", "\N{NO-BREAK SPACE}\\1\N{NO-BREAK SPACE}", words))


def counted(verdicts: Sequence[Verdict]) -> str:
    """How often each verdict was given, as a list of badges, the most frequent first."""
    found: dict[str, int] = {}
    for one in verdicts:
        found[one.badge] = found.get(one.badge, 0) + 1
    listed = sorted(found.items(), key=lambda pair: -pair[1])
    return f'<ul class="counted">{"".join(f"<li>{number} {badge}</li>" for badge, number in listed)}</ul>'


def _take_away(chapter: Chapter) -> Slide:
    lines = "".join(f"<li>{line}</li>" for line in chapter.findings)
    notes = f"<p><b>Limits.</b> {chapter.limits}</p><p><b>Read next:</b> {chapter.read_next}</p>"
    return Slide("words", "Take away", f"<ul>{lines}</ul>", notes)


def deck(chapter: Chapter, book: Edition) -> str:
    """Write the slides of a chapter as one page.

    Parameters
    ----------
    chapter
        From `gather.chapters`.
    book
        From `sheet.edition`.
    """
    made = slides(chapter, book)
    running = html.escape(f"{chapter.label}: {chapter.short_title}")
    parts = []
    for number, one in enumerate(made, start=1):
        level = "h1" if number == 1 else "h2"
        notes = (
            f'<aside class="notes" aria-label="Speaker notes" tabindex="0">{one.notes}</aside>'
            if one.notes
            else ""
        )
        parts.append(
            f'<section class="slide {one.kind}" id="slide-{number}" aria-labelledby="heading-{number}">'
            f'<{level} id="heading-{number}" tabindex="-1">{html.escape(one.heading)}</{level}>'
            f'<div class="stage">{one.body}</div>{notes}'
            f"<footer><span>{running}</span><span>{number} / {len(made)}</span></footer></section>"
        )
    bar = (
        '<nav class="bar" aria-label="Slides" hidden><button type="button" data-do="back">Back</button>'
        '<button type="button" data-do="on">Next</button>'
        '<button type="button" data-do="notes" aria-pressed="false">Notes (N)</button>'
        '<button type="button" data-do="print">Print</button></nav>'
    )
    body = f"<main>{''.join(parts)}</main>{bar}"
    return page(f"{chapter.label}: {chapter.question}", body, book, "deck.css", "deck.js")
