"""The same questions for a live kernel, with ipywidgets: a bet, and the answer boxes of an exercise."""

from __future__ import annotations

import html
from collections.abc import Callable
from typing import Any

import ipywidgets as widgets

from cape_utils.teaching import pages, questions, records
from cape_utils.teaching.questions import Answer, Ask, Bet, Choice, Exercise, Line, Number

__all__ = ["bet_widget", "exercise_widget"]

_WIDE = {"description_width": "initial"}


def _number_box(ask: Number) -> Any:
    unit = f" ({ask.unit.strip()})" if ask.unit.strip() else ""
    return widgets.Text(description=f"{ask.label}{unit}", style=_WIDE)


def _choice_box(ask: Choice) -> Any:
    return widgets.RadioButtons(
        options=ask.options,
        value=None,
        description=ask.label,
        style=_WIDE,
        layout=widgets.Layout(width="auto"),
    )


def _slider(ask: Number | Line, label: str) -> Any:
    middle = (ask.low + ask.high) / 2
    return widgets.FloatSlider(
        value=middle,
        min=ask.low,
        max=ask.high,
        step=10.0**-ask.decimals,
        readout_format=f".{ask.decimals}f",
        description=label,
        style=_WIDE,
    )


def _controls(ask: Ask) -> tuple[list[Any], Callable[[], Answer | None]]:
    """The widgets that take a bet, and a function that reads it."""
    if isinstance(ask, Choice):
        box = _choice_box(ask)
        return [box], lambda: box.value
    if isinstance(ask, Number):
        text, slider = _number_box(ask), _slider(ask, f"{ask.label}, slider")
        slider.observe(lambda change: setattr(text, "value", f"{change['new']:.{ask.decimals}f}"), "value")
        return [text, slider], lambda: questions.read_number(text.value)
    sliders = [_slider(ask, f"{ask.label} at {place}") for place in ask.at]
    return sliders, lambda: tuple(one.value for one in sliders)


def bet_widget(bet: Bet) -> Any:
    """A bet to place in a live kernel; the answer is computed when it is placed.

    Returns
    -------
    ipywidgets.VBox

    Examples
    --------
    >>> from cape_utils.teaching.registry import find_bet
    >>> [type(one).__name__ for one in bet_widget(find_bet("02.1")).children]
    ['HTML', 'Text', 'FloatSlider', 'Dropdown', 'Button', 'HTML']
    """
    controls, read = _controls(bet.ask)
    within = (
        ""
        if isinstance(bet.ask, Choice)
        else f" to be within {questions.show_gap(bet.ask, bet.ask.tolerance)}"
    )
    sure = widgets.Dropdown(
        options=[(f"{p}%", p) for p in records.SURE],
        value=50,
        description=f"How sure are you{within}?",
        style=_WIDE,
    )
    button = widgets.Button(description="Bet, then see the answer", layout=widgets.Layout(width="auto"))
    said = widgets.HTML()

    def place(_: object) -> None:
        given, told = read(), bet.reveal()
        if given is None and isinstance(bet.ask, Number) and controls[0].value.strip():
            said.value = questions.NOT_A_BET  # a slip of the pen gives nothing away
            return
        said.value = pages.bet_answer(bet, given)
        if given is not None:
            mine, true = (questions.show_answer(bet.ask, one) for one in (given, told.answer))
            right = questions.bet_is_right(bet.ask, told.answer, given)
            records.keep(bet.id, records.Record(mine, true, right, sure.value))

    button.on_click(place)
    return widgets.VBox([widgets.HTML(f"<p>{html.escape(bet.question)}</p>"), *controls, sure, button, said])


def exercise_widget(exercise: Exercise) -> Any:
    """The answer boxes of an exercise in a live kernel, with its hint; the solution is not in it.

    Returns
    -------
    ipywidgets.VBox

    Examples
    --------
    >>> from cape_utils.teaching.registry import find_exercise
    >>> [type(one).__name__ for one in exercise_widget(find_exercise("02.1")).children]
    ['Text', 'RadioButtons', 'Button', 'HTML', 'HTML', 'HTML']
    """
    boxes = [_choice_box(ask) if isinstance(ask, Choice) else _number_box(ask) for ask in exercise.asks]
    button = widgets.Button(description="Check")
    said = widgets.HTML()
    call = f'teaching.exercise("{exercise.id}").check(...)'
    code = widgets.HTML(f"<p>In code: <code>{html.escape(call)}</code></p>")
    hint = widgets.HTML(pages.hint_fold(exercise))

    def check(_: object) -> None:
        told = exercise.solve()
        lines = [
            f"<b>{html.escape(ask.label)}:</b> "
            f"{html.escape(questions.check_answer(ask, told, box.value or '', part).words)}"
            for part, (ask, box) in enumerate(zip(exercise.asks, boxes, strict=True))
        ]
        said.value = f'<div role="status">{"<br>".join(lines)}</div>'

    button.on_click(check)
    return widgets.VBox([*boxes, button, said, hint, code])
