"""Steering: directions, interventions, pairs, evaluation, layer by layer."""

from __future__ import annotations

from cape_utils import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        "directions": ("paper_layer",),
        "interventions": (
            "generate",
            "steer",
        ),
    },
)
