"""What the simulation of Colab complains about; the simulation itself is `make colab`."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tests.colab import simulate

GOOD = simulate.Run("02_coupling", setup_seconds=40.0, again_seconds=3.0, whole_seconds=90.0, charts=4)


def test_a_good_run_has_no_faults():
    assert simulate.faults(GOOD) == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"setup_seconds": 121.0}, "the set-up took 121 s"),
        ({"installed_again": True}, "installed again"),
        ({"charts": 0}, "no chart came as HTML"),
        ({"error": "cell 3: ModuleNotFoundError", "charts": 0}, "cell 3: ModuleNotFoundError"),
    ],
)
def test_a_planted_fault_is_reported(change, words):
    (fault,) = simulate.faults(replace(GOOD, **change))
    assert words in fault


def test_the_chapters_exist_one_with_torch_and_one_without():
    sources = {
        name: (simulate.ROOT / "notebooks" / f"{name}.ipynb").read_text(encoding="utf-8")
        for name in simulate.CHAPTERS
    }
    assert {"cape-book[models]" in source for source in sources.values()} == {True, False}


def test_what_is_there_beforehand_is_exact_and_not_the_package():
    text = Path(simulate.HERE, "preinstalled.txt").read_text(encoding="utf-8")
    wanted = [Requirement(line) for line in text.splitlines() if not line.startswith("#")]
    loose = [item.name for item in wanted if not re.fullmatch(r"==[\w.]+", str(item.specifier))]
    assert loose == ["torch"]
    assert {"numpy", "pandas", "altair", "ipywidgets", "transformers"} <= {item.name for item in wanted}
    assert "pysindy" not in {item.name for item in wanted}, "Colab does not have it; the cell must bring it"
