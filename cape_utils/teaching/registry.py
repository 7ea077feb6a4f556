"""The questions of the chapters, found by name.

Each chapter's folder may hold a module ``questions`` whose functions are marked with `define_bet` or `define_exercise`. It is
found as a plug-in is, so that no library code imports a chapter. A question is named by its chapter and its place, as in
``"02.1"``.
"""

from __future__ import annotations

import functools
import importlib
import importlib.util
from collections.abc import Callable, Mapping
from typing import TypeVar

from cape_utils import data
from cape_utils.teaching.questions import Ask, Bet, Choice, Exercise, Number, Reveal, Solution

__all__ = ["bets", "define_bet", "define_exercise", "exercises", "find_bet", "find_exercise"]

_BETS: dict[str, Bet] = {}
_EXERCISES: dict[str, Exercise] = {}
_Question = TypeVar("_Question", Bet, Exercise)


def define_bet(
    bet_id: str, question: str, ask: Ask
) -> Callable[[Callable[[], Reveal]], Callable[[], Reveal]]:
    """Register a function as the answer to a bet.

    Parameters
    ----------
    bet_id : str
        Chapter and place, such as ``"02.1"``.
    question : str
        One sentence.
    ask : Number, Choice or Line
    """

    def register(function: Callable[[], Reveal]) -> Callable[[], Reveal]:
        _BETS[bet_id] = Bet(bet_id, question, ask, functools.cache(function))
        return function

    return register


def define_exercise(
    exercise_id: str, *asks: Number | Choice, hint: str
) -> Callable[[Callable[[], Solution]], Callable[[], Solution]]:
    """Register a function as the solution of an exercise.

    Parameters
    ----------
    exercise_id : str
        Chapter and place, such as ``"02.1"``.
    *asks : Number or Choice
        One for each answer box.
    hint : str
        A sentence or two.
    """

    def register(function: Callable[[], Solution]) -> Callable[[], Solution]:
        _EXERCISES[exercise_id] = Exercise(exercise_id, asks, hint, functools.cache(function))
        return function

    return register


def _open_chapter(number: str) -> None:
    """Import the questions of a chapter; nothing happens where it has none."""
    for chapter in data.load("chapters")["chapter"]:
        name = f"cape_utils.chapters.ch{chapter}.questions"
        if str(chapter).startswith(f"{number}_") and importlib.util.find_spec(name):
            importlib.import_module(name)


def _find(known: Mapping[str, _Question], wanted: str, kind: str) -> _Question:
    number = wanted.partition(".")[0]
    _open_chapter(number)
    if wanted not in known:
        there = ", ".join(name for name in sorted(known) if name.startswith(f"{number}.")) or "none"
        raise KeyError(f"there is no {kind} {wanted!r}; chapter {number!r} has {there}")
    return known[wanted]


def find_bet(bet_id: str) -> Bet:
    """The bet of this name.

    Raises
    ------
    KeyError
        If there is none; the message lists those of the chapter.

    Examples
    --------
    >>> find_bet("02.1").ask.label
    'Correlation r'
    """
    return _find(_BETS, bet_id, "bet")


def find_exercise(exercise_id: str) -> Exercise:
    """The exercise of this name.

    Raises
    ------
    KeyError
        If there is none; the message lists those of the chapter.

    Examples
    --------
    >>> len(find_exercise("02.1").asks)
    2
    """
    return _find(_EXERCISES, exercise_id, "exercise")


def _all(known: Mapping[str, _Question]) -> tuple[_Question, ...]:
    for chapter in data.load("chapters")["chapter"]:
        _open_chapter(str(chapter)[:2])
    return tuple(known[name] for name in sorted(known))


def bets() -> tuple[Bet, ...]:
    """Every bet of the book, in its order."""
    return _all(_BETS)


def exercises() -> tuple[Exercise, ...]:
    """Every exercise of the book, in its order."""
    return _all(_EXERCISES)
