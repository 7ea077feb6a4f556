"""Readers of other people's result files, one module a format.

A module has ``NAME`` (how messages call the format), ``recognises(document, path)``, which looks at the parsed JSON alone,
and ``read(document, path, name)``, which returns the runs in it. ``JSON_FORMATS`` lists them in the order in which they are
asked; ``unread`` knows formats that are named and not read. A new one is a file here and a small input in
``tests/unit/results``. They implement no section of the papers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

from cape_utils.evaluations.formats import (
    every_eval_ever,
    helm,
    inspect_log,
    lm_eval,
    mlx_lm,
    olmes,
)
from cape_utils.evaluations.runs import Run

__all__ = ["JSON_FORMATS", "Format"]


class Format(Protocol):
    """What a module of this folder offers."""

    @property
    def NAME(self) -> str:
        """How messages call it."""
        ...

    @property
    def recognises(self) -> Callable[[Any, Path], bool]:
        """Whether a parsed JSON file, found at a path, is of this format."""
        ...

    @property
    def read(self) -> Callable[[Any, Path, str], Sequence[Run]]:
        """The runs in it; the last argument is what messages call the file."""
        ...


JSON_FORMATS: tuple[Format, ...] = (inspect_log, olmes, every_eval_ever, helm, lm_eval, mlx_lm)
