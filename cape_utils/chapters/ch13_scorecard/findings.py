"""What chapter 13 finds, in sentences with computed numbers, and its tables as a reader sees them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd
from IPython.display import Markdown

from cape_utils import data
from cape_utils.charts.tables import Table, table
from cape_utils.claims.verdicts import VERDICTS, Claim
from cape_utils.stats.formatting import DASH, number

__all__ = [
    "ledger_by_chapter",
    "recomputed",
    "scorecard_table",
    "tested_claims",
    "tolerance_table",
    "verdict_table",
    "what_stands",
]


def tested_claims(scorecard: pd.DataFrame) -> pd.DataFrame:
    """The claims that a chapter has tested.

    Parameters
    ----------
    scorecard : pandas.DataFrame
        From ``claims.flat_table``.
    """
    return scorecard[scorecard["verdict"] != "not written yet"]


def recomputed(scorecard: pd.DataFrame) -> pd.DataFrame:
    """The claims whose number comes back from the authors' data, whatever else is said of it."""
    return scorecard[scorecard["verdict"].isin(["reproduced", "artefact", "paper's data only"])]


def what_stands(scorecard: pd.DataFrame) -> Markdown:
    """How many claims are recomputed, what becomes of these, and which of them stand."""
    tested = tested_claims(scorecard)
    counts = {verdict: int((tested["verdict"] == verdict).sum()) for verdict in VERDICTS}
    only_there = counts["paper's data only"]
    stands = tested[tested["verdict"] == "reproduced"]
    listed = "\n".join(f"- {row.statement} ({row.chapter})" for row in stands.itertuples())
    return Markdown(
        f"Of {len(tested)} claims tested, **{len(recomputed(tested))}** are recomputed from the authors' data. "
        f"**{counts['artefact']}** of these a null gives as well, {only_there} the open panel contradicts, "
        f"and **{len(stands)}** stand:\n\n{listed}\n\n"
        f"{counts['differs']} are not what the released data give, and {counts['not testable']} cannot be tested with what "
        f"was "
        "released."
    )


# ---------------------------------------------------------------- tables


def ledger_by_chapter(ledger: Sequence[Claim]) -> Table:
    """How many claims of each paper each chapter tests."""
    counts = pd.Series([(claim.chapter, claim.paper) for claim in ledger]).value_counts()
    titles = {chapter: chapter.replace("_", " ") for chapter in data.load("chapters")["chapter"]}
    rows = [
        {"chapter": title, **{paper: int(counts.get((chapter, paper), 0)) for paper in ("A", "B")}}
        for chapter, title in titles.items()
        if any(claim.chapter == chapter for claim in ledger)
    ]
    return table(
        pd.DataFrame(rows), {"chapter": "chapter", "A": "claims of paper A", "B": "claims of paper B"}
    )


def scorecard_table(scorecard: pd.DataFrame) -> Table:
    """The first rows of the scorecard, one number a column."""
    headings = {
        "id": "claim",
        "paper_value": "paper",
        "ours_value": "paper's data",
        "open_panel_value": "open panel",
        "null_value": "null",
        "verdict": "verdict",
    }
    shown = scorecard.head().assign(id=scorecard["id"].str.replace("_", " "))
    return table(shown, headings, show=dict.fromkeys(list(headings)[1:5], _value))


def _value(value: float | str | None) -> str:
    """A number to four digits, a small one in powers of ten, or the text that it is."""
    if value is None or isinstance(value, str):
        return value or DASH
    return f"{value:.1e}" if 0 < abs(value) < 1e-3 else number(float(value), 4)


def verdict_table(counts: Mapping[str, int]) -> Table:
    """Each verdict with its number of claims and its meaning."""
    rows = [{"verdict": v, "claims": counts[v], "meaning": meaning} for v, meaning in VERDICTS.items()]
    return table(pd.DataFrame(rows))


def tolerance_table(scorecard: pd.DataFrame) -> Table:
    """How many claims would be recomputed if the tolerance were wider."""
    tolerance = data.load("claims").set_index("id")["tolerance"]
    ours, quoted = (pd.to_numeric(scorecard[f"{side}_value"], errors="coerce") for side in ("ours", "paper"))
    gap, allowed = (ours - quoted).abs(), scorecard["id"].map(tolerance)
    rows = [{"times": k, "claims": int((gap <= k * allowed + 1e-12).sum())} for k in (1, 2, 5, 10)]
    return table(
        pd.DataFrame(rows),
        {"times": "tolerance (units of the last digit quoted)", "claims": "claims recomputed"},
    )
