"""Functions that recompute the numbers that the papers quote, one module for each chapter.

Each function carries the id of its claim and returns a ``claims.Recomputed``. Where the words of a claim leave a
choice open, every reading is computed, the nearest one stands, and the remark names the others.
"""

from __future__ import annotations

import functools
import importlib
import pkgutil
from collections.abc import Callable

from cape_utils.claims import Recomputed

__all__ = ["recomputes", "registry"]

Function = Callable[[], Recomputed]
_FUNCTIONS: dict[str, Function] = {}


def recomputes(claim_id: str) -> Callable[[Function], Function]:
    """Register a function as the one that recomputes a claim.

    Raises
    ------
    ValueError
        If another function recomputes it already.
    """

    def register(function: Function) -> Function:
        known = _FUNCTIONS.get(claim_id)
        if known is not None and (known.__module__, known.__qualname__) != (
            function.__module__,
            function.__qualname__,
        ):
            raise ValueError(
                f"claim {claim_id!r} is recomputed by {known.__module__}.{known.__qualname__} already"
            )
        _FUNCTIONS[claim_id] = function
        return function

    return register


@functools.cache
def registry() -> dict[str, Function]:
    """All functions by claim id; imports every module of this package."""
    for module in pkgutil.iter_modules(__path__):
        importlib.import_module(f"{__name__}.{module.name}")
    return dict(_FUNCTIONS)
