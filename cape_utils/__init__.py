"""The computing behind the book *Lying Is Just a Phase, executed*.

Each room holds one kind of work, and ``chapters`` what one chapter alone needs; the notebooks only call it.
Importing the package costs next to nothing: a room is opened when it is first named, as in ``cape_utils.data``.
"""

from __future__ import annotations

import sys
from importlib import import_module

TYPE_CHECKING = False  # as in typing, whose import would cost more than all else here
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from types import ModuleType
    from typing import Any

__version__ = "0.1.0"

# Altair checks charts with jsonschema, which, where this module is installed, builds forty grammars of internationalised
# addresses as it is imported: more than a second of every chapter, and no chart holds one. jsonschema does without it.
if "jsonschema" not in sys.modules:
    sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]

_ROOMS = (
    *(
        "runtime",
        "stats",
        "data",
        "evaluations",
        "jobs",
        "models",
        "claims",
        "scaling",
        "frontier",
        "steering",
        "internals",
    ),
    *("toyworld", "charts", "diagnosis", "reports", "teaching", "explorers", "cli", "chapters"),
)

__all__ = ["__version__", "lazy_names", *_ROOMS]  # noqa: PLE0604 - the names are strings, joined from one list


def __getattr__(name: str) -> ModuleType:
    """Open a room at first use, so that ``import cape_utils`` itself stays fast."""
    if name in _ROOMS:
        return import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}; it has {', '.join(_ROOMS)}")


def __dir__() -> list[str]:
    """List the rooms too, so that tab completion finds them before they are opened."""
    return sorted({*globals(), *_ROOMS})


def lazy_names(
    room: str, public: Mapping[str, Sequence[str]]
) -> tuple[Callable[[str], Any], Callable[[], list[str]], list[str]]:
    """What a room's ``__init__`` needs to hand on names of its modules without importing them.

    Parameters
    ----------
    room : str
        Full name of the package, such as ``"cape_utils.claims"``.
    public : mapping of str to sequence of str
        The names that each module of the room makes public.

    Returns
    -------
    tuple
        ``__getattr__``, ``__dir__`` and ``__all__`` of the room (PEP 562).

    Raises
    ------
    ValueError
        If a name is that of a module of the room as well: it would mean one thing or the other, by what was imported first.
    """
    home = {name: module for module, names in public.items() for name in names}
    if both := sorted(set(home) & set(public)):
        raise ValueError(f"{room} hands on {', '.join(both)}, which names a module of it too")

    def load(name: str) -> Any:
        if name in home:
            return getattr(import_module(f"{room}.{home[name]}"), name)
        raise AttributeError(f"module {room!r} has no attribute {name!r}; it has {', '.join(sorted(home))}")

    return load, lambda: sorted(home), sorted(home)
