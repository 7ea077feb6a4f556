"""Chapter 13: the sentences count verdicts, and the tables speak words."""

from __future__ import annotations

import colorsys
import re

import numpy as np
import pandas as pd
import pytest

from cape_utils import claims, data
from cape_utils.chapters.ch13_scorecard import figures, findings
from cape_utils.claims.scoreboards import badge
from cape_utils.claims.verdicts import VERDICTS
from tests.loading import ROOT


def scorecard(*verdicts: str) -> pd.DataFrame:
    table = pd.DataFrame({"verdict": list(verdicts), "chapter": "02_coupling"})
    table["statement"] = [f"claim {number}" for number in range(len(table))]
    table["id"] = "pythia_r_hs_tqa"  # its tolerance is 0.001
    table = table.assign(paper_value=-0.989, ours_value=-0.991, open_panel_value=None, null_value=0.00004)
    return table.assign(p=np.nan, open_p=np.nan, q=np.nan, alternative="less")


def test_verdicts_are_counted_and_those_that_stand_are_named():
    every = [
        "reproduced",
        "reproduced",
        "not distinguishable",
        "not distinguishable",
        "borderline",
        "paper's data only",
        "differs",
        "not testable",
        "not written yet",
    ]
    table = scorecard(*every)
    table.loc[1, ["p", "q"]] = 0.004, 0.07
    text = findings.what_stands(table).data
    assert "Of 8 claims 7 can be tested with what was released, and **6** are recomputed" in text
    assert (
        "**2** of these a null gives as well, 1 are borderline, 1 the open panel contradicts, and **2** stand."
        in text
    )
    assert "1 are not what the released data give, which" in text
    with_null, without = text.split("<summary>And 1 have none")
    assert "1 have a pattern in them" in with_null
    assert "\n- claim 1 (chapter 2, p = 0.004, adjusted 0.070)\n" in with_null
    assert without.endswith("\n\n- claim 0 (chapter 2)\n\n</details>")
    assert "- claim 2" not in text


def test_the_number_of_claims_is_said_beside_their_p():
    table = scorecard(*["reproduced"] * 20)
    table.loc[:9, "p"] = [0.001, 0.04, 0.04, *[0.5] * 7]
    table.loc[:9, "q"] = [0.01, 0.13, 0.13, *[0.5] * 7]
    table.loc[:1, "open_p"] = [0.02, 0.2]
    text = findings.multiplicity(table).data
    assert "10 claims have a pattern" in text
    assert "0.05; 3 have." in text
    assert "1 stay at or below 0.05. Of the 2 that the open panel can be asked about, 1 have" in text


def test_the_words_of_the_rule_have_its_numbers(monkeypatch):
    assert "**borderline**: *p* from 0.01 to 0.1." in findings.tiers().data
    monkeypatch.setattr(findings, "DISTINGUISHABLE_BELOW", 0.02)
    assert "below 0.02." in findings.tiers().data


def test_luck_says_which_claims_it_is_about():
    text = findings.luck(scorecard("differs", "differs"), claims.agreement_by_luck(draws=50)).data
    assert text.startswith("Of the 2 claims ")
    assert "chosen anew in each draw" in text


def test_the_tables_of_the_rule_name_every_claim_with_a_null_and_every_sentence():
    table = claims.flat_table()
    assert len(findings.null_table(table).rows) == int(table["p"].notna().sum())
    sentences = findings.abstract_table(table).rows
    assert len(sentences) == len(data.load("abstracts"))
    assert any("pythia_r_hs_tqa: not distinguishable" in row[2] for row in sentences)
    with pytest.raises(KeyError):
        findings.abstract_table(table[table["id"] != "pythia_r_hs_tqa"])
    assert len(findings.change_table().rows) == len(data.load("verdict_changes"))


def test_a_wider_tolerance_takes_in_more():
    table = scorecard("differs", "differs")
    assert findings.within_tolerance(table) == {1: 0, 2: 2, 5: 2, 10: 2}
    text = findings.luck(table, claims.agreement_by_luck(draws=50)).data
    assert "recomputed, 0 agree within one unit, 2 within 2, 2 within 5, 2 within 10." in text


def test_tables_speak_words():
    shown = [
        findings.ledger_by_chapter(claims.ledger()),
        findings.verdict_table(claims.verdict_counts([])),
    ]
    assert all("_" not in heading for one in shown for heading in one.headings)
    assert sum(int(cell) for row in shown[0].rows for cell in row[1:]) == len(claims.ledger())
    assert [row[0] for row in shown[1].rows] == list(claims.VERDICTS)
    assert "<details" in shown[0]._repr_html_()
    assert "<details" not in shown[1]._repr_html_()


def test_the_chart_has_the_colours_of_the_badges():
    """The chart's hue is that of the badge, which has its own shades for text; and no two verdicts look alike."""
    css = (ROOT / "book/_static/book.css").read_text(encoding="utf-8")
    shades = dict(
        re.findall(r"^  (--cape-[a-z]+): (#[0-9a-f]{6});$", css.partition("[data-theme")[0], re.MULTILINE)
    )
    base = re.search(r"^\.verdict \{.*?color: var\((--[a-z-]+)\)", css, re.DOTALL | re.MULTILINE)[1]

    def hue(colour: str) -> float:
        h, _, s = colorsys.rgb_to_hls(*(int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)))
        return h if s > 0.2 else -1.0

    for verdict, colour in figures._COLOURS.items():
        mark = re.search(r'verdict ([a-z-]+)"', badge(verdict))[1]
        own = re.search(rf"\.verdict\.{mark} \{{\s+color: var\((--[a-z-]+)\)", css)
        assert abs(hue(colour) - hue(shades[own[1] if own else base])) < 0.06, verdict
    looks = [(figures._COLOURS[verdict]) for verdict in VERDICTS if verdict != "not written yet"]
    assert len(set(looks)) == len(looks)
