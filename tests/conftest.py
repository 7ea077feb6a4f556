"""What several test modules share."""

from __future__ import annotations

import functools
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import settings

from cape_utils import data
from cape_utils.claims import assessment
from cape_utils.data import benchmarks, loading
from cape_utils.models.bundled import ModelError
from cape_utils.models.loading import Loaded, load_model

# The same examples at every run: what fails once must fail again.
settings.register_profile("same", derandomize=True, database=None)
settings.load_profile("same")


@pytest.fixture
def spoil(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str, str], None]:
    """Let the package read a copy of the tables, and change text in one file of the copy.

    The caches are replaced for the length of the test, not emptied, so that no other test has to load again.
    """
    folder = tmp_path / "tables"
    shutil.copytree(data.tables_folder(), folder)
    monkeypatch.setattr(loading, "tables_folder", lambda: folder)
    fresh = []
    for module, name in (
        (loading, "_load"),
        (loading, "_package"),
        (benchmarks, "benchmark_items"),
        (assessment, "_assessed"),
    ):
        fresh.append(functools.cache(getattr(module, name).__wrapped__))
        monkeypatch.setattr(module, name, fresh[-1])

    def replace(file: str, old: str, new: str) -> None:
        path = folder / file
        text = path.read_text(encoding="utf-8")
        assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in {file}; once is needed"
        path.write_text(text.replace(old, new), encoding="utf-8")
        for cached in fresh:
            cached.cache_clear()

    return replace


@pytest.fixture(scope="session")
def default_model() -> Loaded:
    """The embedded default, from the cache or fetched once; left out where neither can be had."""
    try:
        return load_model(device="cpu")
    except ModelError as error:
        pytest.skip(f"the default model cannot be had: {error}")
