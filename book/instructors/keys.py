"""Answer keys: one file a chapter, with what is asked, what is right, what students get wrong, and the solution as it ran."""

from __future__ import annotations

import html
from collections.abc import Mapping

import quiz
from cape_class import SOLUTION
from gather import Answered, Chapter
from sheet import Edition, page

from cape_utils.teaching.pages import prose
from cape_utils.teaching.questions import Choice, Exercise, show_answer, show_gap

__all__ = ["key"]


def key(
    chapter: Chapter, book: Edition, prompts: Mapping[str, str], exercises: Mapping[str, Exercise]
) -> str:
    """Write the answer key of a chapter.

    Parameters
    ----------
    chapter
        From `gather.chapters`.
    book
        From `sheet.edition`.
    prompts
        From `quiz.prompts`.
    exercises
        By name, such as ``"02.1"``.
    """
    parts = []
    for one in chapter.exercises:
        name = one.id.removeprefix("exercise-").replace("-", ".")
        parts.append(_exercise(name, one, prompts[name], exercises[name]))
    bets = "".join(
        f"<h3>Bet {html.escape(one.id.removeprefix('bet-').replace('-', '.'))}</h3>"
        f"<p>{html.escape(one.question)}</p>{one.answer}"
        for one in chapter.course
        if isinstance(one, Answered)
    )
    body = (
        f'<main class="bd-article"><p class="small">Answer key. {html.escape(book.credit)}</p>'
        f"<h1>{html.escape(chapter.label)}: {html.escape(chapter.question)}</h1>{''.join(parts)}"
        f"<section><h2>What came of the bets</h2>{bets}</section></main>"
    )
    return page(f"Answer key, {chapter.label}", body, book, "keys.css")


def _exercise(name: str, shown: Answered, prompt: str, asked: Exercise) -> str:
    told = asked.solve()
    rows, wrong = [], []
    for part, (ask, answer) in enumerate(zip(asked.asks, told.answers, strict=True)):
        near = "exactly" if isinstance(ask, Choice) else f"within {show_gap(ask, ask.tolerance)}"
        rows.append((ask.label, show_answer(ask, answer), near))
        wrong += [(show_answer(ask, one.answer), one.words) for one in told.mistakes if one.part == part]
    code = shown.code.removeprefix(SOLUTION).lstrip()
    ran = f"<pre><code>{html.escape(code)}</code></pre>"
    output = f"<h4>What it puts out</h4>{shown.output}" if shown.output else ""
    return (
        f"<section><h2>Exercise {html.escape(name)}</h2>{quiz.rendered(prompt, quiz.as_mathml)}"
        f"{_table(('Asked', 'Answer', 'Counts as right'), rows)}"
        f"<h3>What students get wrong</h3>{_table(('Answer', 'What to say'), wrong)}"
        f"<h3>Hint and solution</h3>{shown.answer}<h3>The solution as it ran</h3>{ran}{output}</section>"
    )


def _table(heads: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    if not rows:
        return "<p>No mistake is known by its answer.</p>"
    top = "".join(f'<th scope="col">{html.escape(one)}</th>' for one in heads)
    body = "".join(f"<tr>{''.join(f'<td>{prose(cell)}</td>' for cell in row)}</tr>" for row in rows)
    return f"<table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>"
