"""A bar for work that takes more than two seconds: in a terminal and in a live notebook, never in a pipe or the book."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from cape_utils.runtime import in_book, in_live_kernel

__all__ = ["progress_bar"]

T = TypeVar("T")
_DELAY_S = 2.0


def progress_bar(what: str) -> Callable[[Sequence[T]], Iterator[T]]:
    """What wraps a sequence and shows how much of it is done and the time left.

    Parameters
    ----------
    what : str
        The things counted, such as ``"claims"``.

    Examples
    --------
    >>> list(progress_bar("letters")("ab"))
    ['a', 'b']
    """

    def wrap(items: Sequence[T]) -> Iterator[T]:
        from tqdm.auto import tqdm

        # None: only where standard error is a terminal.
        silent = True if in_book() else False if in_live_kernel() else None
        own = getattr(
            sys.stderr, "unclean", None
        )  # the command cleans what it prints; a bar moves the cursor
        return iter(tqdm(items, desc=what, delay=_DELAY_S, disable=silent, leave=False, file=own))

    return wrap
