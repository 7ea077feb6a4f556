"""Importing the package is nearly free, and its parts are found by name."""

from __future__ import annotations

import importlib
import pkgutil
import subprocess
import sys

import pytest

import cape_utils

HEAVY = {
    "pandas",
    "numpy",
    "scipy",
    "altair",
    "frictionless",
    "torch",
    "transformers",
    "pysindy",
    "ipywidgets",
    "matplotlib",
}


def loaded_after(code: str) -> set[str]:
    listing = f"{code}\nimport sys\nprint(*sorted({{name.split('.')[0] for name in sys.modules}}))"
    result = subprocess.run(
        [sys.executable, "-c", listing], capture_output=True, text=True, timeout=120, check=True
    )
    return set(result.stdout.split())


def test_importing_the_package_loads_nothing_heavy():
    assert not loaded_after("import cape_utils") & HEAVY


def test_naming_a_part_loads_it():
    # Without this the test above would pass for a package that cannot be used.
    assert {"pandas", "numpy"} <= loaded_after("import cape_utils\ncape_utils.data.tables()")


@pytest.mark.parametrize(
    "part",
    ["data", "scaling.coupling", "scaling.critical_scale", "scaling.scaling_laws", "claims.assessment"],
)
def test_analysis_loads_no_charts_and_no_models(part):
    assert not loaded_after(f"import cape_utils.{part}") & {
        "altair",
        "torch",
        "transformers",
        "matplotlib",
        "ipywidgets",
    }


def test_a_table_is_read_and_checked_without_the_library_that_tests_check_it_with():
    assert "frictionless" not in loaded_after("import cape_utils\ncape_utils.data.load('open_panel')")


def test_charts_are_checked_and_no_grammar_of_addresses_is_built_for_it():
    code = (
        "import cape_utils, altair as alt\nfrom altair.utils.schemapi import SchemaValidationError\n"
        "try:\n    alt.Chart().mark_point(size='x').to_dict()\n"
        "except SchemaValidationError: pass\nelse: raise SystemExit('nothing was checked')"
    )
    assert "lark" not in loaded_after(code)


def test_the_import_itself_is_quick():
    code = "import time; t = time.perf_counter(); import cape_utils; print(time.perf_counter() - t)"
    command = [sys.executable, "-c", code]
    tries = [
        float(subprocess.run(command, capture_output=True, text=True, check=True).stdout) for _ in range(3)
    ]
    assert min(tries) < 0.1


def test_every_room_named_is_there_and_others_are_named_in_the_error():
    for name in cape_utils._ROOMS:
        assert getattr(cape_utils, name).__name__ == f"cape_utils.{name}"
        assert name in dir(cape_utils)
    with pytest.raises(AttributeError, match="has no attribute 'charting'; it has runtime, stats"):
        cape_utils.charting  # noqa: B018


def test_all_names_in_all_exist():
    for found in pkgutil.walk_packages(cape_utils.__path__, "cape_utils."):
        module = importlib.import_module(found.name)
        names = getattr(module, "__all__", [])
        assert len(set(names)) == len(names), found.name
        for public in names:
            assert hasattr(module, public), f"{found.name}.{public}"


def test_a_room_hands_on_no_name_that_is_one_of_its_modules():
    # Such a name would mean the function or the module, by which was imported first.
    for found in pkgutil.iter_modules(cape_utils.__path__, "cape_utils."):
        room = importlib.import_module(found.name)
        modules = {inner.name for inner in pkgutil.iter_modules(getattr(room, "__path__", []))}
        assert not modules & set(getattr(room, "__all__", [])), found.name
    with pytest.raises(ValueError, match=r"cape_utils\.toy hands on scores, which names a module of it too"):
        cape_utils.lazy_names("cape_utils.toy", {"scores": ("read", "scores")})


def test_a_room_says_what_it_has_when_asked_for_something_else():
    with pytest.raises(
        AttributeError, match=r"'cape_utils\.claims' has no attribute 'verdict'; it has .*assess"
    ):
        cape_utils.claims.verdict  # noqa: B018
    assert "assess" in dir(cape_utils.claims)
