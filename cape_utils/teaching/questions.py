"""What a question asks for, what is true, and what is said to a reader about an answer.

Every answer is computed: a chapter gives each question a function that returns a `Reveal` or a `Solution`. Nothing is drawn
here, and nothing is remembered. ``book/_static/teaching.js`` says the same in the page, and a test holds it to this module.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, TypeAlias

from cape_utils.teaching.pictures import MINUS, Picture

__all__ = [
    "CLOSE",
    "Answer",
    "Ask",
    "Bet",
    "Choice",
    "Exercise",
    "Feedback",
    "Line",
    "Mistake",
    "Number",
    "Reveal",
    "Solution",
    "bet_is_right",
    "bet_words",
    "check_answer",
    "fixed",
    "likely_mistakes",
    "read_number",
    "show_answer",
    "show_gap",
]

CLOSE = 2
"""A bet is close up to so many times the tolerance."""

NO_BET = "No bet was placed; the answer is {answer}."
NO_NUMBER = "Give a number."
NOT_A_BET = "Give a number, or leave the field empty to see the answer."
NOT_CHOSEN = "Choose one of these: {options}."
NOT_YET = "Not yet; try again, or open the hint."
SIGN = "The size is right and the sign is not."
HUNDREDTH = "This is a hundredth of the answer; it looks like a share, and percent are asked for."
HUNDREDFOLD = "This is a hundred times the answer; it looks like percent, and no percent are asked for."


@dataclass(frozen=True)
class Number:
    """A number; a bet on one has a slider from ``low`` to ``high``, and takes numbers outside as well.

    Parameters
    ----------
    label : str
        What the number is.
    tolerance : float
        How far off counts as right.
    low, high : float
        Ends of the axis.
    decimals : int
    unit : str
        Stands straight behind the number, so it begins with a space where one is wanted.

    Examples
    --------
    >>> Number("error", tolerance=0.1, unit="%").show(0.974)
    '0.97%'
    """

    label: str
    tolerance: float
    low: float = 0.0
    high: float = 1.0
    decimals: int = 2
    unit: str = ""

    def show(self, value: float) -> str:
        """The number as a reader sees it; half of a last digit is rounded away from zero, as browsers do."""
        return f"{fixed(value, self.decimals)}{self.unit}"


def show_gap(ask: Number | Line, value: float) -> str:
    """A difference of two answers as a reader sees it; that of two percentages is in points.

    Examples
    --------
    >>> show_gap(Number("error", 1, unit="%"), 3.14159)
    '3.14 points'
    """
    return f"{fixed(value, ask.decimals)}{' points' if ask.unit == '%' else ask.unit}"


@dataclass(frozen=True)
class Choice:
    """One of several words."""

    label: str
    options: tuple[str, ...]


@dataclass(frozen=True)
class Line:
    """A line drawn over named places, such as the sizes of a family.

    Parameters
    ----------
    label : str
        What goes up the axis.
    at : tuple of str
        The places, from left to right.
    tolerance : float
        Mean distance from the measured line that counts as right.
    low, high : float
        Ends of the axis.
    """

    label: str
    at: tuple[str, ...]
    tolerance: float
    low: float = 0.0
    high: float = 100.0
    decimals: int = 0
    unit: str = "%"

    def show(self, value: float) -> str:
        """One height as a reader sees it."""
        return f"{fixed(value, self.decimals)}{self.unit}"


Ask: TypeAlias = Number | Choice | Line
Answer: TypeAlias = float | str | tuple[float, ...]


@dataclass(frozen=True)
class Reveal:
    """What a bet turns out to be, and what is said to those who were right or not.

    Parameters
    ----------
    answer : float, str or tuple of float
        Of the kind that is asked for.
    words : str
        The answer in a sentence or two, with its numbers.
    picture : Picture
        The chart that measures it.
    right, too_low, too_high : str
        The end of the sentence for a bet that was right, too low or too high; lower case, without a full stop.
    wrong : mapping of str to str
        The same for each of the other options of a choice.
    """

    answer: Answer
    words: str
    picture: Picture
    right: str
    too_low: str = ""
    too_high: str = ""
    wrong: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Bet:
    """A question to bet on before the figure."""

    id: str
    question: str
    ask: Ask
    reveal: Callable[[], Reveal]


@dataclass(frozen=True)
class Mistake:
    """A wrong answer that has a reason, and what to say about it.

    Parameters
    ----------
    answer : float or str
    words : str
        A sentence that helps and does not give the answer away.
    part : int
        To which of the questions of an exercise it belongs, from 0.
    """

    answer: float | str
    words: str
    part: int = 0


@dataclass(frozen=True)
class Solution:
    """The answers of an exercise, the usual mistakes, and the solution as prose with a picture or a table.

    Parameters
    ----------
    answers : tuple
        One for each question, a float or one of its options.
    words : str
    show : Picture or object with ``_repr_html_``
    mistakes : tuple of Mistake
    """

    answers: tuple[float | str, ...]
    words: str
    show: Any
    mistakes: tuple[Mistake, ...] = ()


@dataclass(frozen=True)
class Exercise:
    """An exercise with one answer box or several."""

    id: str
    asks: tuple[Number | Choice, ...]
    hint: str
    solve: Callable[[], Solution]


@dataclass(frozen=True)
class Feedback:
    """What is said about an answer, and whether it is right.

    Examples
    --------
    >>> Feedback(True, "Right.")
    Right.
    """

    right: bool
    words: str

    def __repr__(self) -> str:
        return self.words


RIGHT = Feedback(True, "Right.")

_THOUSANDS = re.compile(r"[1-9]\d{0,2}(?:,\d{3})+(?!\d)")
_NUMBER = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?")


def read_number(text: str) -> float | None:
    """The first number of a text, with a point or a comma, whatever stands around it; None where there is none.

    Examples
    --------
    >>> read_number("about -0,5"), read_number("1,234 models"), read_number("4.8 points"), read_number("many")
    (-0.5, 1234.0, 4.8, None)
    """
    plain = _THOUSANDS.sub(lambda hit: hit.group().replace(",", ""), text.replace(MINUS, "-"))
    found = _NUMBER.search(re.sub(r"(\d),(\d)", r"\1.\2", plain))
    value = float(found.group()) if found else None
    return None if value is None or abs(value) == float("inf") else value


def show_answer(ask: Ask, answer: Answer) -> str:
    """An answer as a reader sees it.

    Examples
    --------
    >>> show_answer(Line("MMLU", ("7B", "70B"), 5.0), (45.2, 68.9))
    '45%, 69%'
    """
    if isinstance(ask, Choice):
        return str(answer)
    if isinstance(ask, Line):
        return ", ".join(ask.show(value) for value in _heights(answer))
    return ask.show(_value(answer))


def bet_is_right(ask: Ask, answer: Answer, bet: Answer) -> bool:
    """Whether a bet is the answer, or within the tolerance of it.

    Examples
    --------
    >>> bet_is_right(Number("r", 0.1), -0.97, -0.9), bet_is_right(Choice("", ("yes", "no")), "no", "yes")
    (True, False)
    """
    if isinstance(ask, Choice):
        return bet == answer
    return _off(answer, bet)[0] <= ask.tolerance + 1e-9


def bet_words(ask: Ask, reveal: Reveal, bet: Answer | None) -> str:
    """One sentence on a bet, by how far it was off.

    Parameters
    ----------
    ask : Number, Choice or Line
    reveal : Reveal
    bet : float, str, tuple of float or None
        None where no bet was placed.

    Examples
    --------
    >>> from cape_utils.teaching.pictures import axis_picture
    >>> ask = Number("r", low=-1, high=1, tolerance=0.1)
    >>> chart = axis_picture(ask, -0.97, alt="r", title="r")
    >>> told = Reveal(-0.97, "r is near minus one.", chart, "two trends are enough", "no r is as low", "two trends correlate")
    >>> bet_words(ask, told, 0.0)
    'Far off: 0.00 is 0.97 too high; two trends correlate.'
    """
    if bet is None:
        return NO_BET.format(answer=show_answer(ask, reveal.answer))
    if isinstance(ask, Choice):
        return f"Right: {reveal.right}." if bet == reveal.answer else f"Not so: {reveal.wrong[str(bet)]}."
    distance, mean = _off(reveal.answer, bet)
    off = show_gap(ask, distance)
    line = isinstance(ask, Line)
    if bet_is_right(ask, reveal.answer, bet):
        start = (
            f"your line is {off} from the measured one on average"
            if line
            else f"{show_answer(ask, bet)} is {off} away"
        )
        return f"Right: {start}; {reveal.right}."
    grade = "Close" if distance <= CLOSE * ask.tolerance else "Far off"
    start = (
        f"your line is {off} from the measured one on average"
        if line
        else f"{show_answer(ask, bet)} is {off} {'too high' if mean > 0 else 'too low'}"
    )
    return f"{grade}: {start}; {reveal.too_high if mean > 0 else reveal.too_low}."


def check_answer(ask: Number | Choice, solution: Solution, given: object, part: int = 0) -> Feedback:
    """What is said about one answer of an exercise; the solution is not given away.

    Parameters
    ----------
    ask : Number or Choice
    solution : Solution
    given : object
        A number, or a text with one; for a choice one of the options.
    part : int
        Which question of the exercise is answered, from 0.

    Examples
    --------
    >>> told = Solution((0.37,), "", None, (Mistake(2.7, "Turn the ratio over."),))
    >>> ask = Number("coupling", tolerance=0.01)
    >>> check_answer(ask, told, "0.369"), check_answer(ask, told, 2.71), check_answer(ask, told, -0.37)
    (Right., Turn the ratio over., The size is right and the sign is not.)
    """
    answer = solution.answers[part]
    if isinstance(ask, Choice):
        if given not in ask.options:
            return Feedback(False, NOT_CHOSEN.format(options="; ".join(ask.options)))
        told = {one.answer: one.words for one in solution.mistakes if one.part == part}
        return RIGHT if given == answer else Feedback(False, told.get(str(given), NOT_YET))
    value = read_number(str(given))
    if value is None:
        return Feedback(False, NO_NUMBER)
    if abs(value - _value(answer)) <= ask.tolerance + 1e-9:
        return RIGHT
    for words, other, tolerance in likely_mistakes(ask, solution, part):
        if abs(value - other) <= tolerance + 1e-9:
            return Feedback(False, words)
    return Feedback(False, NOT_YET)


def likely_mistakes(ask: Number, solution: Solution, part: int = 0) -> tuple[tuple[str, float, float], ...]:
    """The wrong numbers that have a reason: those of the exercise, then what is as likely in any.

    Parameters
    ----------
    ask : Number
    solution : Solution
    part : int
        Which question of the exercise, from 0.

    Returns
    -------
    tuple of (str, float, float)
        What is said, the number, and how far off it is still known, in the order in which they are tried.

    Examples
    --------
    >>> told = Solution((0.37,), "", None, (Mistake(2.7, "Turn the ratio over."),))
    >>> [number for _, number, _ in likely_mistakes(Number("coupling", tolerance=0.01), told)]
    [2.7, -0.37, 0.0037, 37.0]
    """
    true = _value(solution.answers[part])
    # A mistake is known also where it is rounded more than an answer may be.
    likely = [
        (one.words, _value(one.answer), max(ask.tolerance, 0.01 * abs(_value(one.answer))))
        for one in solution.mistakes
        if one.part == part
    ]
    if true:  # a hundredth of the answer has a hundredth of its tolerance
        likely += [(SIGN, -true, ask.tolerance), (HUNDREDTH, true / 100, ask.tolerance / 100)]
        likely += [(HUNDREDFOLD, 100 * true, 100 * ask.tolerance)]
    return tuple(likely)


def _off(answer: Answer, bet: Answer) -> tuple[float, float]:
    """How far a bet is off on average, without and with its sign."""
    true, said = ((one,) if isinstance(one, int | float) else _heights(one) for one in (answer, bet))
    gaps = [b - a for a, b in zip(true, said, strict=True)]
    return sum(map(abs, gaps)) / len(gaps), sum(gaps) / len(gaps)


def _value(answer: object) -> float:
    if not isinstance(answer, int | float):
        raise TypeError(f"got {answer!r}, expected a number")
    return float(answer)


def _heights(answer: object) -> tuple[float, ...]:
    if not isinstance(answer, tuple):
        raise TypeError(f"got {answer!r}, expected a tuple of numbers, one for each place")
    return tuple(map(float, answer))


def fixed(value: float, decimals: int) -> str:
    """A number in so many decimals, as browsers round: half a last digit goes away from zero.

    Examples
    --------
    >>> fixed(2.25, 1), fixed(0.4, 0)
    ('2.3', '0')
    """
    rounded = Decimal(value).quantize(Decimal(1).scaleb(-decimals), rounding=ROUND_HALF_UP)
    return f"{abs(rounded) if rounded == 0 else rounded:f}".replace("-", MINUS)
