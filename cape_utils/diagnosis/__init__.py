"""What a family's own scores say: its steps, the panel beside it, the next size, what to do."""

from __future__ import annotations

from cape_utils import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        "family_diagnosis": ("diagnose",),
    },
)
