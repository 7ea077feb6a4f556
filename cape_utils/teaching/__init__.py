"""Bets before a figure, exercises that answer, and how calibrated a reader's bets were.

A chapter states its questions in its own module ``questions``; this room finds it by name, judges what a reader says, and
shows the question as part of a page or as a widget.
"""

from __future__ import annotations

from cape_utils import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        "display": ("bet", "bet_record", "exercise"),
    },
)
