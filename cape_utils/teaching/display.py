"""What a notebook calls: a bet, an exercise, the record of the bets. Each is a form in the book and a widget in a live kernel."""

from __future__ import annotations

import html
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from cape_utils import data
from cape_utils.runtime import in_live_kernel
from cape_utils.teaching import pages, questions, records, registry
from cape_utils.teaching.questions import Bet, Exercise, Feedback

__all__ = ["AnswerBox", "Shown", "bet", "bet_record", "exercise"]


@dataclass(frozen=True)
class Shown:
    """Something that is a form in a page and a widget in a live kernel; each is made when it is shown."""

    words: str
    form: Callable[[], str]
    widget: Callable[[], Any]

    def __repr__(self) -> str:
        return self.words

    def _ipython_display_(self) -> None:
        from IPython.display import display

        if in_live_kernel():
            display(self.widget())
        else:
            display({"text/html": self.form(), "text/plain": repr(self)}, raw=True)


@dataclass(frozen=True, repr=False)
class AnswerBox(Shown):
    """The answer boxes of an exercise."""

    asked: Exercise

    def check(self, *answers: object) -> Feedback:
        """What is said about your answers; the solution is not given away.

        Parameters
        ----------
        *answers : float or str
            One for each box, in their order. Fewer are allowed, and only those are checked.

        Returns
        -------
        Feedback
            Shows its words; ``right`` is True if every answer given is right.

        Raises
        ------
        ValueError
            For no answer, or more answers than boxes.

        Examples
        --------
        >>> exercise("02.1").check(2.71)
        Local coupling: This is the change of HellaSwag over that of TruthfulQA; turn it over.
        """
        asks = self.asked.asks
        if not 0 < len(answers) <= len(asks):
            wanted = ", ".join(ask.label for ask in asks)
            raise ValueError(f"got {len(answers)} answers, expected 1 to {len(asks)}: {wanted}")
        told = self.asked.solve()
        said = [
            (ask, questions.check_answer(ask, told, given, part))
            for part, (ask, given) in enumerate(zip(asks, answers, strict=False))
        ]
        lines = "\n".join(f"{ask.label}: {one.words}" for ask, one in said)
        return Feedback(all(one.right for _, one in said), lines)

    def hint(self) -> str:
        """A sentence or two to go on with."""
        return self.asked.hint


def bet(bet_id: str) -> Shown:
    """A question to bet on before you see the figure.

    Parameters
    ----------
    bet_id : str
        Chapter and place, such as ``"02.1"``.

    Raises
    ------
    KeyError
        If the chapter has no such bet.

    Examples
    --------
    >>> bet("02.1")
    What correlation would you expect between the eight pairs of scores?
    """
    found = registry.find_bet(bet_id)
    return Shown(found.question, partial(pages.bet_form, found), partial(_widget, found))


def exercise(exercise_id: str) -> AnswerBox:
    """The answer boxes of an exercise; ``check`` says what is right about an answer.

    Parameters
    ----------
    exercise_id : str
        Chapter and place, such as ``"02.1"``.

    Raises
    ------
    KeyError
        If the chapter has no such exercise.

    Examples
    --------
    >>> exercise("02.1").check(0.37, "bonus").right
    True
    """
    found = registry.find_exercise(exercise_id)
    wanted = ", ".join(f'"{ask.label}"' for ask in found.asks)
    words = f'exercise("{exercise_id}").check(...) takes {wanted}'
    return AnswerBox(words, partial(pages.exercise_form, found), partial(_widget, found), found)


def _widget(asked: Bet | Exercise) -> Any:
    """A question as a widget; the page needs none, so ipywidgets is imported here."""
    from cape_utils.teaching import widgets

    return widgets.bet_widget(asked) if isinstance(asked, Bet) else widgets.exercise_widget(asked)


def bet_record() -> Shown:
    """How many of your bets were right, beside how sure you were.

    Examples
    --------
    >>> print(bet_record().words.partition(",")[0])
    No bet is kept here yet. Place one under Predict first in any chapter
    """
    every = registry.bets()
    chapters = {str(chapter)[:2]: str(chapter) for chapter in data.load("chapters")["chapter"]}
    placed = records.kept()
    words = records.calibration_words(placed, len(every))

    def widget() -> Any:
        import ipywidgets

        rows = "".join(
            f"<li>{html.escape(one.question)} You bet {html.escape(placed[one.id].bet)}; the answer is "
            f"{html.escape(placed[one.id].answer)}.</li>"
            for one in every
            if one.id in placed
        )
        return ipywidgets.HTML(f"<p>{html.escape(words)}</p><ul>{rows}</ul>")

    return Shown(words, lambda: pages.record_place(every, chapters), widget)
