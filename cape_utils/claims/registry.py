"""The functions that recompute the numbers quoted, found chapter by chapter.

Each chapter's folder may hold a module ``recompute`` whose functions carry the id of their claim and return a
``Recomputed``. It is found by its name, as a plug-in is, so that no library code imports a chapter.
"""

from __future__ import annotations

import functools
import importlib
import importlib.util
from collections.abc import Callable, Mapping
from types import ModuleType

from cape_utils import data
from cape_utils.claims.verdicts import Recomputed
from cape_utils.jobs import provenance

__all__ = ["cited_claims", "digests", "recomputations", "recomputes", "remarks"]

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


def _name_of(chapter: str) -> str:
    return f"cape_utils.chapters.ch{chapter}.recompute"


def _plug_in(chapter: str) -> ModuleType | None:
    """A chapter's module ``recompute``; None where it has none."""
    name = _name_of(chapter)
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name in (name, name.rpartition(".")[0]):
            return None
        raise  # a chapter's own import is broken: that is no missing plug-in


@functools.cache
def digests() -> dict[str, str]:
    """Of the code and the tables behind each claim that is recomputed, by id; no chapter is imported for it."""

    def compute() -> dict[str, str]:
        book = provenance.book_provenance()
        functions = book.functions_marked(
            [_name_of(c) for c in data.load("chapters")["chapter"]], "recomputes"
        )
        return {claim_id: book.depends_on(*place).digest for claim_id, place in functions.items()}

    return provenance.remembered("claims", compute)


@functools.cache
def recomputations() -> dict[str, Function]:
    """All functions by claim id; imports every chapter's ``recompute``."""
    for chapter in data.load("chapters")["chapter"]:
        _plug_in(chapter)
    return dict(_FUNCTIONS)


def cited_claims(chapter: str) -> tuple[str, ...]:
    """Ids of other chapters' claims that a chapter speaks to, from ``CITED_CLAIMS`` of its plug-in."""
    return tuple(getattr(_plug_in(chapter), "CITED_CLAIMS", ()))


def remarks(chapter: str) -> Mapping[str, str]:
    """What a chapter says of the claims that it cites, by id, from ``remarks()`` of its plug-in."""
    plug_in = _plug_in(chapter)
    return {} if plug_in is None or not hasattr(plug_in, "remarks") else plug_in.remarks()
