"""Bets, exercises and the record of bets as parts of a page.

The page's script, ``book/_static/teaching.js``, finds all that it needs in the attributes of the form. Where no script runs, the
hint, the solution and the answer to a bet can be opened all the same. No question is asked or answered here.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from cape_utils.teaching import questions
from cape_utils.teaching.pictures import MINUS, Picture
from cape_utils.teaching.questions import Bet, Choice, Exercise, Line, Number
from cape_utils.teaching.records import SURE

__all__ = ["bet_answer", "bet_form", "exercise_form", "hint_fold", "prose", "record_place"]


def _escaped(value: object) -> str:
    return html.escape(
        json.dumps(value, separators=(",", ":"), ensure_ascii=False, allow_nan=False), quote=True
    )


def prose(words: str) -> str:
    """Words for a page: code between backticks as code, elsewhere a true minus before a number."""
    plain_and_code = [html.escape(part) for part in words.split("`")]
    plain_and_code[::2] = [re.sub(r"(?<![\w.,)])-(?=\d)", MINUS, part) for part in plain_and_code[::2]]
    plain_and_code[1::2] = [f"<code>{part}</code>" for part in plain_and_code[1::2]]
    return "".join(plain_and_code)


def _ask_data(ask: questions.Ask) -> dict[str, Any]:
    if isinstance(ask, Choice):
        return {"kind": "choice", "options": list(ask.options)}
    told = {
        "decimals": ask.decimals,
        "unit": ask.unit,
        "tolerance": ask.tolerance,
        "low": ask.low,
        "high": ask.high,
    }
    return (
        {"kind": "line", "at": list(ask.at), **told} if isinstance(ask, Line) else {"kind": "number", **told}
    )


def _radios(name: str, ask: Choice) -> str:
    listed = "".join(
        f'<label class="cape-option"><input type="radio" name="{name}" value="{html.escape(option)}"> {html.escape(option)}'
        "</label>"
        for option in ask.options
    )
    return f"<fieldset><legend>{html.escape(ask.label)}</legend>{listed}</fieldset>"


def _text_box(name: str, ask: Number) -> str:
    unit = f' <span class="cape-unit">{html.escape(ask.unit.strip())}</span>' if ask.unit.strip() else ""
    return (
        f'<label for="{name}-box">{html.escape(ask.label)}</label>'
        f'<span class="cape-box"><input id="{name}-box" name="{name}" type="text" autocomplete="off" size="9">{unit}</span>'
    )


def _slider(name: str, label: str, low: float, high: float, decimals: int) -> str:
    step = f"{10.0**-decimals:.{decimals}f}"
    middle = f"{(low + high) / 2:.{decimals}f}"
    return (
        f'<input type="range" name="{name}" aria-label="{html.escape(label)}" min="{low:g}" max="{high:g}" step="{step}" '
        f'value="{middle}">'
    )


def _bet_controls(name: str, ask: questions.Ask) -> str:
    if isinstance(ask, Choice):
        return _radios(name, ask)
    if isinstance(ask, Number):
        slider = _slider(f"{name}-slider", f"{ask.label}, slider", ask.low, ask.high, ask.decimals)
        return f'<p class="cape-row">{_text_box(name, ask)}</p><p class="cape-row cape-slide">{slider}</p>'
    sliders = "".join(
        f'<label class="cape-step"><span>{html.escape(place)}</span>'
        f"{_slider(f'{name}-{i}', f'{ask.label} at {place}', ask.low, ask.high, ask.decimals)}<output></output></label>"
        for i, place in enumerate(ask.at)
    )
    return (
        '<svg class="cape-sheet" viewBox="0 0 360 190" aria-hidden="true"></svg>'
        f"<fieldset><legend>{html.escape(ask.label)}: draw the line with the pointer, or set it place by place</legend>{sliders}"
        "</fieldset>"
    )


def _confidence(name: str, ask: questions.Ask) -> str:
    within = "" if isinstance(ask, Choice) else f" to be within {questions.show_gap(ask, ask.tolerance)}"
    levels = "".join(f'<option value="{p}"{" selected" if p == 50 else ""}>{p}%</option>' for p in SURE)
    return (
        f'<p class="cape-row"><label for="{name}-sure">How sure are you{within}?</label>'
        f'<select id="{name}-sure" name="sure">{levels}</select></p>'
    )


def bet_form(bet: Bet) -> str:
    """A bet as a form; the answer stands inside, hidden until the bet is placed.

    Examples
    --------
    >>> from cape_utils.teaching.registry import find_bet
    >>> form = bet_form(find_bet("02.1"))
    >>> form.count("<form"), form.count("<svg"), "hidden" in form
    (1, 1, True)
    """
    told, ask = bet.reveal(), bet.ask
    name = f"bet-{bet.id.replace('.', '-')}"
    known = {
        "id": bet.id,
        "ask": _ask_data(ask),
        "answer": told.answer,
        "shown": questions.show_answer(ask, told.answer),
        "right": told.right,
        "tooLow": told.too_low,
        "tooHigh": told.too_high,
        "wrong": dict(told.wrong),
        "scale": dict(told.picture.scale),
    }
    words = f"<p>{prose(told.words)}</p>"
    return (
        f'<form class="cape-bet" id="{name}" data-bet="{_escaped(known)}" aria-label="Your bet" novalidate>'
        f'<p class="cape-title">Your bet</p><p class="cape-question">{html.escape(bet.question)}</p>'
        f"{_bet_controls(name, ask)}{_confidence(name, ask)}"
        '<p class="cape-row"><button type="submit">Bet, then see the answer</button></p>'
        '<p class="cape-feedback" role="status"></p>'
        f'<div class="cape-answer" hidden>{told.picture.html()}{words}</div>'
        f"<noscript><details><summary>The answer</summary>{words}</details></noscript></form>"
    )


def exercise_form(exercise: Exercise) -> str:
    """An exercise as a form: its boxes, a hint, and the solution as prose with a picture or a table, folded.

    Examples
    --------
    >>> from cape_utils.teaching.registry import find_exercise
    >>> exercise_form(find_exercise("02.1")).count("<details")
    2
    """
    told = exercise.solve()
    name = f"exercise-{exercise.id.replace('.', '-')}"
    parts = []
    for i, ask in enumerate(exercise.asks):
        mistakes = [[one.answer, one.words] for one in told.mistakes if one.part == i]
        known = {"ask": _ask_data(ask), "answer": told.answers[i], "mistakes": mistakes}
        box = _radios(f"{name}-{i}", ask) if isinstance(ask, Choice) else _text_box(f"{name}-{i}", ask)
        parts.append(
            f'<div class="cape-part" data-part="{_escaped(known)}"><div class="cape-row">{box}</div>'
            '<p class="cape-feedback" role="status"></p></div>'
        )
    return (
        f'<form class="cape-exercise" id="{name}" aria-label="Answer to exercise {exercise.id.partition(".")[2]}" novalidate>'
        f"{''.join(parts)}"
        '<p class="cape-row"><button type="submit">Check</button></p>'
        f"{hint_fold(exercise)}"
        f'<details class="cape-solution"><summary>Solution</summary>{_shown(told.show)}<p>{prose(told.words)}</p>'
        "<p>The code that computes it is below.</p></details></form>"
    )


def hint_fold(exercise: Exercise) -> str:
    """The hint of an exercise, folded."""
    return f"<details><summary>Hint</summary><p>{prose(exercise.hint)}</p></details>"


def _shown(thing: Any) -> str:
    """A picture or a table as HTML; on a phone a wide table scrolls in its own box, which the keyboard reaches."""
    if isinstance(thing, Picture):
        return thing.html()
    return f'<div class="cape-wide" tabindex="0" role="region" aria-label="Table">{thing._repr_html_()}</div>'


def record_place(bets: Iterable[Bet], titles: Mapping[str, str]) -> str:
    """Where the page's script sums up the bets of this browser.

    Parameters
    ----------
    bets : iterable of Bet
    titles : mapping of str to str
        File name of each chapter's page by its number.
    """
    listed = [
        {
            "id": bet.id,
            "question": bet.question,
            "page": f"{titles[bet.id[:2]]}.html#bet-{bet.id.replace('.', '-')}",
        }
        for bet in bets
    ]
    return (
        f'<div class="cape-record" data-bets="{_escaped(listed)}"><div role="status"></div>'
        "<noscript><p>Bets are kept by a script, and none runs here.</p></noscript></div>"
    )


def bet_answer(bet: Bet, given: questions.Answer | None) -> str:
    """What is shown once a bet is placed: the sentence, the chart with the bet in it, and the answer."""
    told = bet.reveal()
    said = questions.bet_words(bet.ask, told, given)
    return f"<p><b>{html.escape(said)}</b></p>{told.picture.html(given)}<p>{prose(told.words)}</p>"
