"""Work that grows with the input grows with it in proportion, is said before it is done, and has a limit that is said."""

from __future__ import annotations

import time

import pandas as pd
import pytest

from cape_utils.cli import main
from cape_utils.reports.family import MOST_FAMILIES, family_report


def families(count: int) -> pd.DataFrame:
    rows = [
        (f"f{family}-{size}b", f"f{family}", float(size), 40.0 + 10 * step + family / 100, 41.0 - step)
        for family in range(count)
        for step, size in enumerate((1, 3))
    ]
    return pd.DataFrame(rows, columns=["model", "family", "params_b", "hellaswag", "truthfulqa_mc2"])


@pytest.mark.slow
def test_four_times_the_families_take_about_four_times_as_long():
    family_report(families(1))  # what is computed once

    def seconds(count: int) -> float:
        start = time.process_time()
        assert len(family_report(families(count)).diagnoses) == count
        return time.process_time() - start

    assert seconds(16) < 8 * seconds(4)


def test_more_families_than_one_report_takes_are_refused_with_the_way_out(tmp_path, capsys):
    file = tmp_path / "many.csv"
    families(MOST_FAMILIES + 1).to_csv(file, index=False)
    start = time.process_time()
    assert main(["diagnose", str(file)]) == 2
    assert f"{MOST_FAMILIES + 1} families" in (said := capsys.readouterr().err)
    assert "--family NAME" in said
    assert time.process_time() - start < 10


def test_many_families_are_announced_before_the_work():
    said: list[str] = []

    def tell(words: str) -> None:
        said.append(words)
        if "families, one after" in words:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        family_report(families(25), progress=tell)
    assert "25 families" in said[-1]
    said.clear()
    family_report(families(1), progress=tell)
    assert not any("one after" in words for words in said)


def test_a_zero_byte_late_in_a_long_table_is_seen_at_once(tmp_path, capsys):
    file = tmp_path / "late.csv"
    text = families(100_000).to_csv(index=False)
    file.write_bytes(text.encode() + b"x\0,x,1,40,41\n")
    start = time.process_time()
    assert main(["diagnose", str(file)]) == 2
    assert time.process_time() - start < 5
    assert "zero byte" in capsys.readouterr().err
