"""What several test modules share."""

from __future__ import annotations

import functools
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from cape_utils import data
from cape_utils.claims import registry, results
from cape_utils.data import benchmarks, loading
from cape_utils.jobs import provenance
from cape_utils.models.bundled import ModelError
from cape_utils.models.loading import Loaded, load_model
from cape_utils.scaling import web_curve

# The same examples at every run: what fails once must fail again.
# A machine that is busy with other work is slow at drawing examples; that says nothing about the code.
settings.register_profile(
    "same", derandomize=True, database=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("same")


# What a test file needs; `make test-fast` leaves all of these out.
_NEEDS = {
    "book": ("test_build", "test_links", "test_release", "test_address", "test_workflows", "test_simulate"),
    "apps": ("test_explorers", "test_scores_editor", "test_app"),
    "models": (
        *("test_activations", "test_internals", "test_models", "test_steering", "test_steering_eval"),
        *("test_cli_steer", "test_survey", "test_toyworld", "test_toy_sweep", "test_truth_pairs"),
        "test_benchmarks",
        "test_questions",
    ),
}


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Do not even read what is left out: reading it imports PyTorch."""
    left_out = [mark for mark in _NEEDS if f"not {mark}" in config.option.markexpr]
    return True if any(collection_path.stem in _NEEDS[mark] for mark in left_out) else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark each test by what its file needs."""
    needs = {file: mark for mark, files in _NEEDS.items() for file in files}
    for item in items:
        if mark := needs.get(item.path.stem):
            item.add_marker(mark)


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
        (loading, "_pythia_copies"),
        (web_curve, "_recipe_rows"),
        (benchmarks, "_titles"),
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
