"""Results of evaluations, in whichever format, read into one checked table of scores."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cape_utils import lazy_names

if TYPE_CHECKING:
    from cape_utils.evaluations.reading import (
        read_scores as read_scores,
    )

__getattr__, __dir__, __all__ = lazy_names(__name__, {"reading": ("read_scores",)})
