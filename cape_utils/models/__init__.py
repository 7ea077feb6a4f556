"""Language models opened: loading, the bundled one, activations, completions, TruthfulQA."""

from __future__ import annotations

from cape_utils import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        "loading": (
            "Loaded",
            "load_model",
        ),
    },
)
