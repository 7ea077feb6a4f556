"""Importing the package is nearly free, and its parts are found by name."""

from __future__ import annotations

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


@pytest.mark.parametrize("part", ["data", "coupling", "transition", "scaling", "claims"])
def test_analysis_loads_no_charts_and_no_models(part):
    assert not loaded_after(f"import cape_utils.{part}") & {
        "altair",
        "torch",
        "transformers",
        "matplotlib",
        "ipywidgets",
    }


def test_validation_waits_until_a_table_is_read():
    assert "frictionless" not in loaded_after("import cape_utils.data")


def test_the_import_itself_is_quick():
    code = "import time; t = time.perf_counter(); import cape_utils; print(time.perf_counter() - t)"
    command = [sys.executable, "-c", code]
    tries = [
        float(subprocess.run(command, capture_output=True, text=True, check=True).stdout) for _ in range(3)
    ]
    assert min(tries) < 0.1


def test_every_part_named_is_there_and_others_are_named_in_the_error():
    for name in cape_utils._SUBMODULES:
        assert getattr(cape_utils, name).__name__ == f"cape_utils.{name}"
        assert name in dir(cape_utils)
    with pytest.raises(AttributeError, match="has no attribute 'charting'; it has data, coupling"):
        cape_utils.charting  # noqa: B018


def test_all_names_in_all_exist():
    for name in cape_utils._SUBMODULES:
        module = getattr(cape_utils, name)
        assert len(set(module.__all__)) == len(module.__all__)
        for public in module.__all__:
            assert hasattr(module, public), f"{name}.{public}"
