"""What chapter 13 finds, in sentences with computed numbers, and its tables as a reader sees them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd
from IPython.display import Markdown

from cape_utils import data
from cape_utils.charts.tables import Table, table
from cape_utils.claims.verdicts import (
    BORDERLINE_BELOW,
    DISTINGUISHABLE_BELOW,
    RECOMPUTED,
    VERDICTS,
    Claim,
)
from cape_utils.stats.formatting import p_value
from cape_utils.stats.results import Null

__all__ = [
    "abstract_table",
    "change_table",
    "in_one_sentence",
    "ledger_by_chapter",
    "luck",
    "multiplicity",
    "null_table",
    "recomputed",
    "tested_claims",
    "tiers",
    "verdict_table",
    "what_stands",
    "within_tolerance",
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
    return scorecard[scorecard["verdict"].isin(RECOMPUTED)]


def in_one_sentence(verdicts: Sequence[str]) -> str:
    """How many claims are recomputed and how many of them stand, for the front page.

    Parameters
    ----------
    verdicts : sequence of str
        One for each claim.

    Examples
    --------
    >>> in_one_sentence(["reproduced", "differs"]).startswith("Of the papers' 2 claims the data give 1 as quoted")
    True
    """
    tested = [verdict for verdict in verdicts if verdict != "not written yet"]
    again, stand = (sum(verdict in names for verdict in tested) for names in (RECOMPUTED, ("reproduced",)))
    differs, untold = (sum(verdict == name for verdict in tested) for name in ("differs", "not testable"))
    return (
        f"Of the papers' {len(tested)} claims the data give {again} as quoted; for {differs} they give something else, and for "
        f"{untold} too little was released. Of those given as quoted, {stand} still "
        f"{'stands' if stand == 1 else 'stand'} once {'it is' if stand == 1 else 'they are'} held against a null and a second "
        "panel, where there is one."
    )


def what_stands(scorecard: pd.DataFrame) -> Markdown:
    """How many claims are recomputed, what becomes of these, and which of them stand."""
    tested = tested_claims(scorecard)
    counts = {verdict: int((tested["verdict"] == verdict).sum()) for verdict in VERDICTS}
    only_there = counts["paper's data only"]
    stands = tested[tested["verdict"] == "reproduced"]
    bare, beyond = stands[stands["p"].isna()], stands[stands["p"].notna()]
    without = "\n".join(f"- {row.statement} ({_short(str(row.chapter))})" for row in bare.itertuples())
    numbers = zip(beyond["p"].astype(float), beyond["q"].astype(float), strict=True)
    with_null = "\n".join(
        f"- {statement} ({_short(chapter)}, {p_value(p, name=True)}, adjusted {p_value(q)})"
        for statement, chapter, (p, q) in zip(beyond["statement"], beyond["chapter"], numbers, strict=True)
    )
    testable = len(tested) - counts["not testable"]
    return Markdown(
        f"Of {len(tested)} claims {testable} can be tested with what was released, and **{len(recomputed(tested))}** are "
        f"recomputed from the authors' data. **{counts['not distinguishable']}** of these a null gives as well, "
        f"{counts['borderline']} are borderline, {only_there} the open panel contradicts, and **{len(stands)}** stand. "
        f"{counts['differs']} are not what the released data give, which does not say that their opposite holds.\n\n"
        f"Of those that stand, {len(beyond)} have a pattern in them that is distinguishable from its null (the adjusted p "
        f"allows for the number of claims; verdicts do not use it):\n\n{with_null}\n\n"
        # What has no pattern to doubt can wait behind a line; the blank lines let the list be read as one.
        f'<details class="cape-fold"><summary>And {len(bare)} have none that a null could give</summary>\n\n{without}\n\n'
        "</details>"
    )


def _short(chapter: str) -> str:
    """A chapter by its number.

    Examples
    --------
    >>> _short("03_phase_transition")
    'chapter 3'
    """
    return f"chapter {int(chapter[:2])}"


def tiers() -> Markdown:
    """How far from its null a number has to be for each word."""
    low, high = DISTINGUISHABLE_BELOW, BORDERLINE_BELOW
    return Markdown(
        f"- **distinguishable**: *p* below {low:g}.\n"
        f"- **borderline**: *p* from {low:g} to {high:g}. Another seed, another copy of a score or another reasonable test would "
        "move the answer across the usual 0.05, so we say neither yes nor no.\n"
        f"- **not distinguishable**: *p* of {high:g} or more. The number is no evidence for the pattern. Nor is it evidence "
        "against it: few models can show little."
    )


def multiplicity(scorecard: pd.DataFrame, *, level: float = 0.05) -> Markdown:
    """How many claims their nulls would let through by themselves, and how many once their number is taken into account."""
    tested = scorecard.dropna(subset=["p"])
    alone, together = (int((tested[name] <= level).sum()) for name in ("p", "q"))
    both = tested.dropna(subset=["open_p"])
    there = int((both["open_p"] <= level).sum())
    return Markdown(
        f"{len(tested)} claims have a pattern in them and a null for it. By chance alone {level * len(tested):.0f} of so many "
        f"would have p of at most {level:g}; {alone} have. Adjusted for their number (Benjamini and Hochberg), {together} stay "
        f"at or below {level:g}. Of the {len(both)} that the open panel can be asked about, {there} have p of at most "
        f"{level:g} there."
    )


def luck(scorecard: pd.DataFrame, null: Null) -> Markdown:
    """How many claims agree, among how many, how many would by luck, and how many with a wider tolerance.

    Parameters
    ----------
    scorecard : pandas.DataFrame
    null : Null
        From ``claims.agreement_by_luck``.
    """
    one, *wider = within_tolerance(scorecard).items()
    more = ", ".join(f"{count} within {times}" for times, count in wider)
    return Markdown(
        f"Of the {len(scorecard)} claims {null.n} quote a number that is recomputed and that another claim of the same unit "
        f"could have; the others are words, bounds, not testable, or alone in their unit. **{null.observed:.0f}** of the "
        f"{null.n} agree. By luck it is {null.value:.0f} [{null.low:.0f}, {null.high:.0f}], where the nearest of several "
        "readings is chosen anew in each draw, as it was for the quoted numbers. "
        f"One unit is a choice of ours: of all numbers that are quoted and recomputed, {one[1]} agree within one unit, {more}."
    )


def within_tolerance(scorecard: pd.DataFrame) -> dict[int, int]:
    """How many recomputed numbers lie within one tolerance of the quoted one, and within several.

    Parameters
    ----------
    scorecard : pandas.DataFrame

    Returns
    -------
    dict of int to int
        Number of claims by the number of tolerances, units of the last digit quoted.
    """
    tolerance = data.load("claims").set_index("id")["tolerance"]
    ours, quoted = (pd.to_numeric(scorecard[f"{side}_value"], errors="coerce") for side in ("ours", "paper"))
    gap, allowed = (ours - quoted).abs(), scorecard["id"].map(tolerance)
    return {times: int((gap <= times * allowed + 1e-12).sum()) for times in (1, 2, 5, 10)}


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
    headings = {"chapter": "chapter", "A": "claims of paper A", "B": "claims of paper B"}
    return table(pd.DataFrame(rows), headings).folded("Claims by chapter and paper")


def verdict_table(counts: Mapping[str, int]) -> Table:
    """Each verdict with its number of claims and its meaning, in the order of ``counts``."""
    rows = [{"verdict": v, "claims": n, "meaning": VERDICTS[v]} for v, n in counts.items()]
    return table(pd.DataFrame(rows))


def null_table(scorecard: pd.DataFrame) -> Table:
    """Each claim with a null: the side it claims, p on both panels, and p adjusted for the number of claims."""
    sides = {"greater": "more than", "less": "less than", "two-sided": "other than"}
    rows = scorecard.dropna(subset=["p"]).assign(alternative=lambda t: t["alternative"].map(sides))
    headings = {
        "id": "claim",
        "alternative": "claimed, beside its null",
        "p": "p, paper's data",
        "open_p": "p, open panel",
        "q": "p adjusted",
        "verdict": "verdict",
    }
    return table(rows, headings, show=dict.fromkeys(("p", "open_p", "q"), p_value))


def abstract_table(scorecard: pd.DataFrame) -> Table:
    """Every sentence of both abstracts with the claims that test it and their verdicts."""
    verdict = dict(zip(scorecard["id"], scorecard["verdict"], strict=True))
    rows = []
    for row in data.load("abstracts").to_dict("records"):
        ids = row["claims"].split() if isinstance(row["claims"], str) else []
        tested = "; ".join(f"{name}: {verdict[name]}" for name in ids)
        versions = "" if row["version"] == "both" else f", version {row['version']}"
        rows.append(
            {
                "paper": f"{row['paper']}{versions}",
                "says": row["says"],
                "tested": tested or f"none: {row['no_claim']}",
            }
        )
    headings = {"paper": "abstract", "says": "what it says, in our words", "tested": "claims and verdicts"}
    return table(pd.DataFrame(rows), headings)


def change_table() -> Table:
    """Verdicts of this book that changed, and why."""
    rows = data.load("verdict_changes").assign(change=lambda t: t["before"] + " \u2192 " + t["after"])
    return table(rows, {"claim": "claim", "change": "verdict", "why": "why"})
