"""What several test modules share."""

from __future__ import annotations

import functools
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from cape_utils import data
from cape_utils.claims import registry, results
from cape_utils.data import benchmarks, loading
from cape_utils.jobs import provenance
from cape_utils.models.bundled import ModelError
from cape_utils.models.loading import Loaded, load_model
from cape_utils.scaling import web_curve

# The same examples at every run: what fails once must fail again.
settings.register_profile("same", derandomize=True, database=None)
settings.load_profile("same")


@pytest.fixture(scope="session", autouse=True)
def _own_results(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep what tests compute out of the reader's own folder: some plant faults in what is computed."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CAPE_RESULTS", str(tmp_path_factory.mktemp("results")))
        yield


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
        (loading, "table_resources"),
        (loading, "_panel"),
        (web_curve, "_recipe_rows"),
        (benchmarks, "benchmark_items"),
        (provenance, "book_provenance"),
        (provenance, "_fingerprint"),
        (registry, "digests"),
        (results, "result"),
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
