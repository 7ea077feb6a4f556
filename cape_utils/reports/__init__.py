"""The answer as text, JSON or a page to keep; one door for the command, the app and the notebook."""

from __future__ import annotations

from cape_utils import lazy_names

__getattr__, __dir__, __all__ = lazy_names(__name__, {"family": ("FamilyReport", "family_report")})
