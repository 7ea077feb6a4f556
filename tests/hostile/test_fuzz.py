"""A short round of the weekly fuzz run, and a fault planted in it that it finds."""

from __future__ import annotations

import pytest

from tests.hostile import fuzz


@pytest.mark.slow
@pytest.mark.parametrize("reader", fuzz.READERS)
def test_random_files_get_a_sentence(reader):
    fuzz.tried(reader, 0, 15)


def test_a_planted_fault_is_found(monkeypatch):
    def planted(raw: bytes) -> None:
        raise KeyError(raw)

    monkeypatch.setitem(fuzz.READERS, "a table", (planted, fuzz.table()))
    with pytest.raises(KeyError):
        fuzz.tried("a table", 0, 5)
