"""The examples in the docstrings run, and what is public has a docstring."""

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


@pytest.mark.parametrize("name", MODULES)
def test_examples_run(name):
    result = doctest.testmod(importlib.import_module(name), optionflags=doctest.NORMALIZE_WHITESPACE)
    assert result.failed == 0


@pytest.mark.parametrize("name", WITH_EXAMPLES)
def test_there_are_examples_to_run(name):
    found = doctest.DocTestFinder(exclude_empty=True).find(importlib.import_module(f"cape_utils.{name}"))
    assert sum(len(test.examples) for test in found) > 0


@pytest.mark.parametrize("name", MODULES)
def test_what_is_public_is_described(name):
    module = importlib.import_module(name)
    assert module.__doc__
    for public in getattr(module, "__all__", []):
        thing = getattr(module, public)
        if inspect.isfunction(thing) or inspect.isclass(thing):
            assert thing.__doc__, f"{name}.{public}"


@pytest.mark.parametrize("name", MODULES)
def test_random_functions_take_a_seed_or_a_generator(name):
    # Global random state would make one chapter's figures depend on another's.
    module = importlib.import_module(name)
    assert "np.random.seed(" not in inspect.getsource(module)
    for public in getattr(module, "__all__", []):
        thing = getattr(module, public)
        if (
            inspect.isfunction(thing)
            and "draws" in inspect.signature(thing).parameters
            and thing.__module__ == name
        ):
            parameters = inspect.signature(thing).parameters
            if parameters["draws"].kind is inspect.Parameter.KEYWORD_ONLY:
                assert "rng" in parameters, f"{name}.{public}"
