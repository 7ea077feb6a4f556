"""A bar for a person who waits, and nothing for a pipe or the book."""

from __future__ import annotations

import io

import pytest

from cape_utils.jobs import progress, result_cache


class Terminal(io.StringIO):
    """Text that takes itself for a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "_DELAY_S", 0.0)


@pytest.mark.usefixtures("at_once")
@pytest.mark.parametrize(
    ("terminal", "book", "shown"), [(True, "0", True), (False, "0", False), (True, "1", False)]
)
def test_a_terminal_sees_counts_and_time_and_a_pipe_nothing(terminal, book, shown, monkeypatch, tmp_path):
    stream = Terminal() if terminal else io.StringIO()
    monkeypatch.setattr("sys.stderr", stream)
    monkeypatch.setenv("CAPE_BOOK", book)
    table = result_cache.sweep("long_work", {}, ["a", "b"], lambda task: [{"x": task}], folder=tmp_path)
    assert list(table["x"]) == ["a", "b"]
    assert ("long work" in stream.getvalue() and "/2" in stream.getvalue()) is shown


def test_quick_work_shows_nothing(monkeypatch):
    monkeypatch.setattr("sys.stderr", stream := Terminal())
    assert list(progress.progress_bar("letters")("abc")) == ["a", "b", "c"]
    assert stream.getvalue().strip() == ""
