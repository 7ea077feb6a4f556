"""What chapter 13 asks its readers, with the answers from the ledger."""

from __future__ import annotations

import pandas as pd

from cape_utils import claims, data
from cape_utils.chapters.ch13_scorecard import findings
from cape_utils.charts.tables import table
from cape_utils.claims.verdicts import VERDICTS
from cape_utils.teaching.pictures import axis_picture, bars_picture
from cape_utils.teaching.questions import Choice, Mistake, Number, Reveal, Solution
from cape_utils.teaching.registry import define_bet, define_exercise

__all__: list[str] = []

RECOMPUTED = Number("Recomputed from the authors' data", low=0, high=100, decimals=0, tolerance=8.0, unit="%")
BY_A_NULL = Number("Of those, a null gives as well", low=0, high=100, decimals=0, tolerance=8.0, unit="%")


@define_bet(
    "13.1", "What share of all the papers' claims is recomputed from the authors' own data?", RECOMPUTED
)
def share_recomputed() -> Reveal:
    scorecard = claims.flat_table()
    tested, found = len(findings.tested_claims(scorecard)), len(findings.recomputed(scorecard))
    value = 100 * found / tested
    return Reveal(
        value,
        f"{found} of {tested} claims are recomputed, {value:.0f}%. The others differ, or cannot be tested with what was "
        "released.",
        axis_picture(
            RECOMPUTED,
            value,
            title="Claims that come back from the authors' own data",
            alt=f"An axis from 0 to 100% with the answer at {value:.0f}%.",
        ),
        right="much of what was published can be followed from data to number",
        too_low="more comes back from the released data than one may fear",
        too_high="many numbers differ, or need data that were not released",
    )


@define_bet("13.2", "And of the recomputed ones, what share does a null give as well?", BY_A_NULL)
def share_of_a_null() -> Reveal:
    found = findings.recomputed(claims.flat_table())
    count = int((found["verdict"] == "not distinguishable").sum())
    value = 100 * count / len(found)
    return Reveal(
        value,
        f"{count} of the {len(found)} recomputed numbers are not distinguishable from what a null gives, {value:.0f}%. "
        "Such a number "
        "is right and is no evidence.",
        axis_picture(
            BY_A_NULL,
            value,
            title="Recomputed numbers that a null gives as well",
            alt=f"An axis from 0 to 100% with the answer at {value:.0f}%.",
        ),
        right="a number can be right and still be no evidence",
        too_low="trends, ratios and few models make many numbers by themselves",
        too_high="a good part of the numbers does say more than its null",
    )


@define_exercise(
    "13.1",
    Number("Recomputed", tolerance=1.0, decimals=0, unit="%"),
    hint="Count the verdicts that say a number was got again, and divide by all claims, those that cannot be tested among them.",
)
def recomputed_share() -> Solution:
    scorecard, counts = claims.flat_table(), claims.verdict_counts()
    tested = findings.tested_claims(scorecard)
    found = len(findings.recomputed(scorecard))
    share = 100 * found / len(tested)
    testable = len(tested) - counts["not testable"]
    return Solution(
        (share,),
        f"{found} of {len(tested)} claims, {share:.0f}%. The rest differ ({counts['differs']}) or cannot be tested "
        f"({counts['not testable']}).",
        bars_picture(
            {name: float(n) for name, n in counts.items() if n},
            show="{:.0f}",
            title="Claims by verdict",
            alt=", ".join(f"{name} {n}" for name, n in counts.items() if n),
        ),
        (
            Mistake(
                100 * counts["reproduced"] / len(tested),
                "This counts “reproduced” alone; other verdicts say so too.",
            ),
            Mistake(
                100 * found / testable,
                "This leaves out the claims that cannot be tested; they count too.",
            ),
        ),
    )


@define_exercise(
    "13.2",
    Choice("The rule says", ("reproduced", "differs", "not testable")),
    hint="Add one unit to the first decimal of the paper's value and hand the claim to `claims.judge`.",
)
def planted_value() -> Solution:
    rows = data.load("claims")
    quoted = rows["id"] == "loss_exponent"
    before = float(rows.loc[quoted, "paper_value"].iloc[0])
    rows.loc[quoted, "paper_value"] = before + 0.1
    planted = next(claim for claim in claims.ledger(rows) if claim.id == "loss_exponent")
    true = next(item for item in claims.assess() if item.claim.id == "loss_exponent")
    verdict = claims.judge(planted, claims.Recomputed(true.paper_panel)).verdict
    listed = pd.DataFrame(
        {
            "quoted": [f"{before:g}, as in the paper", f"{before + 0.1:g}, planted"],
            "verdict": [true.verdict, verdict],
        }
    )
    return Solution(
        (verdict,),
        f"The rule says {true.verdict} of the paper's value and {verdict} of the planted one. The tolerance is one unit "
        "of the last "
        "digit quoted, so a wrong first digit is caught.",
        table(listed),
        tuple(
            Mistake(name, "The number got is the same as before; compare it with the planted one.")
            for name in ("reproduced", "differs", "not testable")
            if name != verdict
        ),
    )


@define_exercise(
    "13.3",
    Number("Claims for which the order matters", tolerance=0.5, decimals=0),
    hint="Take the claims that are “not distinguishable” and have an open panel, and judge them without their null.",
)
def order_of_the_rule() -> Solution:
    inside = [item for item in claims.assess() if item.verdict == "not distinguishable" and item.open_panel]
    without = [
        claims.judge(item.claim, claims.Recomputed(item.paper_panel, item.open_panel)).verdict
        for item in inside
    ]
    counts = {name: without.count(name) for name in VERDICTS if name in without}
    bare = claims.verdict_counts()["not distinguishable"]
    rows = pd.DataFrame({"verdict without the null": list(counts), "claims": list(counts.values())})
    listed = ", ".join(f"{n} {name}" for name, n in counts.items())
    return Solution(
        (float(len(without)),),
        f"The order matters for {len(without)} claims: without their null the rule would call them {listed}. It looks at "
        "the null "
        "first because agreement on another panel says nothing where any data would agree.",
        table(rows),
        (
            Mistake(
                float(bare),
                "These are all claims inside their null; take those that have an open panel as well.",
            ),
        ),
    )
