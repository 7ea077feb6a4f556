"""Chapter 01: the sentences count what they say, and the tables speak words."""

from __future__ import annotations

import pandas as pd
import pytest

from cape_utils import data
from cape_utils.chapters.ch01_data import findings
from cape_utils.stats.formatting import DASH


@pytest.fixture(scope="module")
def paper() -> pd.DataFrame:
    return data.panel("paper")


def pairs(difference=(0.0, 0.004, 8.0)) -> pd.DataFrame:
    table = pd.DataFrame(
        {"model": ["Pythia-70M", "Pythia-160M", "Pythia-410M"], "benchmark": "truthfulqa_mc2"}
    )
    return table.assign(paper_pct=40.0, open_pct=[40.0 - d for d in difference], difference_pp=difference)


def test_rows_are_counted(paper):
    text = findings.rows_and_units(paper, paper.head(5)).data
    assert f"has **{len(paper)}** rows and the open panel **5**" in text
    assert "3 ARC-Challenge, 3 WinoGrande, 3 MMLU;" in text


def test_equal_scores_are_equal_to_the_second_decimal():
    assert "of the 3 rows whose checkpoint is in both panels, 2 have" in findings.scores_are_mc2(pairs()).data
    assert "0 have the same" in findings.scores_are_mc2(pairs((1.0, 2.0, 3.0))).data


def test_only_what_new_questions_cannot_explain_counts(paper):
    by_source = findings.beyond_item_noise(pairs((1.0, 4.0, 8.0)))
    assert by_source[["size", "sum"]].to_numpy().tolist() == [
        [3, 1]
    ]  # 8 points are beyond 1.96 standard errors of 817 items
    made_up = pd.DataFrame({"size": [20.0], "sum": [5], "mean": [0.25]}, index=["release_compiled"])
    text = findings.sources_differ(made_up, paper).data
    assert "In the compiled rows 25% of 20 shared scores" in text
    assert "below 0.2B: mean 45.2, 95% interval 43.2 to 47.3, n = 5" in text


def test_tables_speak_words(paper):
    both = data.both_panels()
    shown = [
        findings.panel_table(paper),
        findings.benchmark_table(data.load("benchmarks")),
        findings.flagged_rows(paper),
        findings.flag_table(both),
        findings.left_out_table(),
        findings.copies_table(data.pythia_copies()),
        findings.largest_differences(pairs()),
        findings.beyond_table(findings.beyond_item_noise(pairs())),
    ]
    assert all("_" not in heading for one in shown for heading in one.headings)
    cells = [cell for one in shown for row in one.rows for cell in row]
    assert not {"nan", "NaN", "inf", "None"} & set(cells)
    assert DASH in cells, "a benchmark without a known number of items shows a dash"
    assert shown[6].rows[0][-1] == "8.00"
