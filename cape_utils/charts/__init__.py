"""The grammar that the figures share: rendering, layers, nulls. A chapter's figures are in its own folder."""

from __future__ import annotations

from cape_utils import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        "nulls": ("null_chart",),
        "parts": ("name",),
        "tables": ("Table", "table"),
        "rendering": (
            "PALETTE",
            "enable",
        ),
    },
)
