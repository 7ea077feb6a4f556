"""The exercises and the bets with options as items of a quiz, in no format yet; `moodle` and `qti` write them down.

Nothing is asked or answered here: the words of an exercise stand in its notebook, answers, usual mistakes and tolerances in the
chapter's ``questions.py``. A number is right within the tolerance that the page allows, and a mistake that the page knows is
told apart. An exercise with several boxes becomes several items, and each repeats the question.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from cape_book import to_mathml
from markdown_it import MarkdownIt
from mdit_py_plugins.dollarmath import dollarmath_plugin

from cape_utils.teaching.questions import (
    Bet,
    Choice,
    Exercise,
    bet_words,
    check_answer,
    likely_mistakes,
    show_gap,
)

__all__ = ["Item", "as_mathml", "as_tex", "items", "prompts", "rendered"]

_CALL = re.compile(r'\s*teaching\.exercise\("([\d.]+)"\)\s*')
_START = re.compile(r"^\*\*\d+\. ", re.MULTILINE)
_ROLE = re.compile(r"\{[a-z-]+\}`")


@dataclass(frozen=True)
class Item:
    """One question with one answer.

    Parameters
    ----------
    id : str
        Chapter, exercise and box, such as ``"02.1-2"``; ``"05.1-bet"`` for a bet.
    title : str
        A line for lists.
    prompt : str
        The question in Markdown, with mathematics between dollars.
    label : str
        What is asked for, with the unit and the tolerance of a number.
    answer : float or str
    tolerance : float
        How far off a number may be; 0 for a choice.
    traps : tuple of (str, float, float)
        For a number: what is said to a wrong one, which that is, and how far off it is still known. The first that fits counts.
    options : mapping of str to str
        For a choice: what is said to each option, the right one included.
    hint, explanation : str
        Plain words, code between backticks.
    """

    id: str
    title: str
    prompt: str
    label: str
    answer: float | str
    tolerance: float
    traps: tuple[tuple[str, float, float], ...]
    options: Mapping[str, str]
    hint: str
    explanation: str

    @property
    def chapter(self) -> str:
        """Its number in two digits."""
        return self.id[:2]


def prompts(notebooks: Iterable[Path]) -> dict[str, str]:
    """Read what stands before each exercise.

    Parameters
    ----------
    notebooks
        Of the chapters, as they are stored.

    Returns
    -------
    dict of str to str
        Markdown by the exercise's name; the cell that asks comes straight before the one that shows the boxes.

    Raises
    ------
    ValueError
        If nothing is asked before the boxes, or a question links a page: outside the book it would lead nowhere.
    """
    found = {}
    for path in notebooks:
        before = ""
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
            text = "".join(cell["source"])
            if shown := _CALL.fullmatch(text):
                start = _START.search(before)
                if start is None or _ROLE.search(before, start.start()):
                    raise ValueError(
                        f"{path.name}: exercise {shown[1]} has no question, or one that links a page"
                    )
                found[shown[1]] = _START.sub("**", before[start.start() :]).strip()
            before = text
    return found


def items(exercises: Iterable[Exercise], bets: Iterable[Bet], asked: Mapping[str, str]) -> list[Item]:
    """Make the items, in the order of the book.

    Parameters
    ----------
    exercises
        Those that have several boxes become several items.
    bets
        Only those with options are taken: a number or a line to guess beforehand is no question of a quiz.
    asked
        From `prompts`.

    Raises
    ------
    KeyError
        If an exercise has no question.
    """
    made = [item for one in exercises for item in _of_exercise(one, asked[one.id])]
    made += [_of_bet(one, one.ask) for one in bets if isinstance(one.ask, Choice)]
    return sorted(made, key=lambda item: item.id)


def _of_exercise(exercise: Exercise, prompt: str) -> Iterable[Item]:
    told = exercise.solve()
    for part, (ask, answer) in enumerate(zip(exercise.asks, told.answers, strict=True)):
        number = f"{exercise.id}-{part + 1}"
        common = {"title": f"Exercise {number}: {ask.label}", "prompt": prompt, "answer": answer}
        words = {"hint": exercise.hint, "explanation": told.words}
        if isinstance(ask, Choice):
            said = {option: check_answer(ask, told, option, part).words for option in ask.options}
            yield Item(number, label=ask.label, tolerance=0.0, traps=(), options=said, **common, **words)
        else:
            unit = f"in {ask.unit.strip()}; " if ask.unit.strip() else ""
            label = f"{ask.label} ({unit}right within {show_gap(ask, ask.tolerance)})"
            traps = likely_mistakes(ask, told, part)
            yield Item(
                number, label=label, tolerance=ask.tolerance, traps=traps, options={}, **common, **words
            )


def _of_bet(bet: Bet, ask: Choice) -> Item:
    told = bet.reveal()
    return Item(
        id=f"{bet.id}-bet",
        title=f"Bet {bet.id}: {ask.label}",
        prompt=bet.question,
        label=ask.label,
        answer=str(told.answer),
        tolerance=0.0,
        traps=(),
        options={option: bet_words(ask, told, option) for option in ask.options},
        hint="",
        explanation=told.words,
    )


def as_tex(tex: str) -> str:
    """A formula as Moodle has it, escaped for HTML.

    Examples
    --------
    >>> as_tex("a < b")
    '\\\\(a &lt; b\\\\)'
    """
    return rf"\({html.escape(tex)}\)"


def as_mathml(tex: str) -> str:
    """A formula as MathML."""
    return to_mathml(tex, block=False)


def rendered(markdown: str, formula: Callable[[str], str]) -> str:
    """Markdown as XHTML; ``formula`` writes what stands between dollars."""
    reader = MarkdownIt("commonmark", {"typographer": True, "xhtmlOut": True}).enable(["smartquotes"])
    reader.use(dollarmath_plugin, renderer=lambda tex, _: formula(tex))
    text: str = reader.render(markdown)
    # The plug-in wraps formulas in elements with classes; outside the book nothing knows these.
    return re.sub(
        r'<(span|div) class="math (?:inline|block)">(.*?)</\1>', r"\2", text, flags=re.DOTALL
    ).strip()
