"""Chapter 13: the sentences count verdicts, and the tables speak words."""

from __future__ import annotations

import pandas as pd
import pytest

from cape_utils import claims
from cape_utils.chapters.ch13_scorecard import findings
from cape_utils.stats.formatting import DASH


def scorecard(*verdicts: str) -> pd.DataFrame:
    table = pd.DataFrame({"verdict": list(verdicts), "chapter": "02_coupling"})
    table["statement"] = [f"claim {number}" for number in range(len(table))]
    table["id"] = "pythia_r_hs_tqa"  # its tolerance is 0.001
    return table.assign(paper_value=-0.989, ours_value=-0.991, open_panel_value=None, null_value=0.00004)


def test_verdicts_are_counted_and_those_that_stand_are_named():
    every = [
        "reproduced",
        "artefact",
        "artefact",
        "paper's data only",
        "differs",
        "not testable",
        "not written yet",
    ]
    text = findings.what_stands(scorecard(*every)).data
    assert "Of 6 claims tested, **4** are recomputed" in text
    assert "**2** of these a null gives as well, 1 the open panel contradicts, and **1** stand:" in text
    assert "\n- claim 0 (02_coupling)\n" in text
    assert "\n- claim 1" not in text
    assert text.endswith(
        "1 are not what the released data give, and 1 cannot be tested with what was released."
    )


def test_a_wider_tolerance_takes_in_more():
    rows = findings.tolerance_table(scorecard("differs", "differs")).rows
    assert [row[1] for row in rows] == ["0", "2", "2", "2"]


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0.00004, "4.0e-05"), (-0.989, "-0.989"), (None, DASH), (float("nan"), DASH), ("MC2", "MC2")],
)
def test_values_are_shown_short(value, shown):
    assert findings._value(value) == shown


def test_tables_speak_words():
    shown = [
        findings.ledger_by_chapter(claims.ledger()),
        findings.scorecard_table(scorecard("differs")),
        findings.verdict_table(claims.verdict_counts([])),
        findings.tolerance_table(scorecard("differs")),
    ]
    assert all("_" not in heading for one in shown for heading in one.headings)
    assert sum(int(cell) for row in shown[0].rows for cell in row[1:]) == len(claims.ledger())
    assert shown[1].rows[0] == ("pythia r hs tqa", "-0.989", "-0.991", DASH, "4.0e-05", "differs")
    assert [row[0] for row in shown[2].rows] == list(claims.VERDICTS)
