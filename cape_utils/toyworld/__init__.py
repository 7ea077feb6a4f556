"""A toy world whose truths are known: its texts, a small transformer, and the sweep over its levers."""

from __future__ import annotations

from cape_utils import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        "world": (
            "CHANCE_PCT",
            "Recipe",
            "WorldSize",
            "build_world",
            "choice_pct",
            "documents",
            "rumours_per_truth",
            "true_and_false",
        ),
    },
)
