"""The frontier models of paper B: the regression, any pair of benchmarks, saturation, one model placed."""

from __future__ import annotations

from cape_utils import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        "benchmark_pair": (
            "GPQA",
            "SWE",
        ),
        "regression": (
            "fit_line",
            "h_field",
            "locate",
            "models",
        ),
    },
)
