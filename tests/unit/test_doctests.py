"""Examples are there to be run, and randomness has a seed; that the examples hold is pytest's own collection of them."""

from __future__ import annotations

import doctest
import importlib
import inspect
import pkgutil

import pytest

import cape_utils

MODULES = sorted(m.name for m in pkgutil.walk_packages(cape_utils.__path__, "cape_utils."))
# Modules whose functions return numbers, so that a short example can show one.
WITH_EXAMPLES = (
    *(
        "data.loading",
        "scaling.coupling",
        "scaling.critical_scale",
        "scaling.scaling_laws",
        "claims.assessment",
    ),
    *("stats.resampling", "frontier.regression", "chapters.ch09_frontier.predictions"),
)


@pytest.mark.parametrize("name", WITH_EXAMPLES)
def test_there_are_examples_to_run(name):
    found = doctest.DocTestFinder(exclude_empty=True).find(importlib.import_module(f"cape_utils.{name}"))
    assert sum(len(test.examples) for test in found) > 0


def test_random_functions_take_a_seed_or_a_generator():
    # Global random state would make one chapter's figures depend on another's.
    seedless = []
    for name in MODULES:
        module = importlib.import_module(name)
        assert module.__doc__, name
        assert "np.random.seed(" not in inspect.getsource(module), name
        for public in getattr(module, "__all__", []):
            thing = getattr(module, public)
            if not inspect.isfunction(thing) or thing.__module__ != name:
                continue
            parameters = inspect.signature(thing).parameters
            keyword = "draws" in parameters and parameters["draws"].kind is inspect.Parameter.KEYWORD_ONLY
            if keyword and "rng" not in parameters:
                seedless.append(f"{name}.{public}")
    assert not seedless
