"""The cosines of activations inside a model, and a survey of many models."""

from __future__ import annotations

from cape_utils import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        "cosine": (
            "internal_coupling",
            "prompt_sets",
            "read_results",
            "read_units",
            "read_vectors",
        ),
    },
)
