"""The ledger: what the papers say, what we compute, and the verdict by rule."""

from __future__ import annotations

from cape_utils import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        "assessment": (
            "agreement_by_luck",
            "assess",
            "false_discovery",
            "flat_table",
            "reproduce",
            "scoreboard",
            "statements",
            "verdict_counts",
        ),
        "quotations": ("ledger", "quote"),
        "verdicts": (
            "Assessment",
            "Claim",
            "NullRange",
            "Recomputed",
            "VERDICTS",
            "Value",
            "judge",
            "null_range",
        ),
    },
)
