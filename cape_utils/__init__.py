"""The computing behind the book *Lying Is Just a Phase, executed*.

The package holds the analysis; the notebooks only call it.
Importing it costs next to nothing: a submodule is loaded when it is first named, as in ``cape_utils.coupling``.
"""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

__version__ = "0.1.0"

_SUBMODULES = (
    *("data", "coupling", "nulls", "transition", "turning", "isocline", "rivals", "scaling"),
    *("frontier_pair", "frontier", "frontier_labs", "frontier_nulls", "frontier_noise", "predictions"),
    *("spectrum", "splits", "rotation"),
    *("width", "bottleneck"),
    *("models", "embedded", "activations", "kept", "survey"),
    *("truth_pairs", "own_pairs", "directions", "steering", "steering_eval", "steering_slopes", "replay"),
    *("steering_search", "steering_sweeps", "steering_outputs", "truthfulqa"),
    *("internals", "internal_controls", "attention_patterns", "head_gates"),
    *("toyworld", "toymodel", "toy_sweep", "toy_readings", "toy_levers", "toy_nulls"),
    *("toy_trial", "toy_curves", "toy_claims"),
    *("web_curve", "recipes", "equivalents", "generations", "overtraining"),
    *("dynamics", "forecast", "recovery"),
    *("harness", "harness_file", "model_sizes", "item_noise", "neighbours", "cautions"),
    *("held_out", "next_phase", "next_size", "evidence"),
    *("diagnosis", "advice", "report", "report_sections", "family_report"),
    *("frontier_diagnosis", "frontier_family", "frontier_words"),
    *("calculator", "size_rule"),
    *("verdicts", "scoreboards", "claims", "charts", "explorers"),
)

__all__ = ["__version__", *_SUBMODULES]  # noqa: PLE0604 - the names are strings, joined from one list


def __getattr__(name: str) -> ModuleType:
    """Load a submodule at first use, so that ``import cape_utils`` itself stays fast."""
    if name in _SUBMODULES:
        return import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}; it has {', '.join(_SUBMODULES)}")


def __dir__() -> list[str]:
    """List the submodules too, so that tab completion finds them before they are loaded."""
    return sorted({*globals(), *_SUBMODULES})
