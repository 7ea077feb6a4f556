"""The figure of chapter 13: verdicts by chapter."""

from __future__ import annotations

import json
from typing import Any

import altair as alt
import pandas as pd

from cape_utils.chapters.ch13_scorecard import captions
from cape_utils.charts.parts import dropdown, follow
from cape_utils.charts.rendering import PALETTE
from cape_utils.claims.verdicts import VERDICTS

__all__ = ["verdict_chart"]

_COLOURS = {
    "reproduced": PALETTE["green"],
    "borderline": PALETTE["blue"],
    "not distinguishable": PALETTE["purple"],
    "paper's data only": PALETTE["orange"],
    "differs": PALETTE["vermillion"],
    "not testable": PALETTE["grey"],
    "not written yet": PALETTE["grey"],
}


def verdict_chart(table: pd.DataFrame) -> Any:
    """Number of claims with each verdict, chapter by chapter.

    Parameters
    ----------
    table : pandas.DataFrame
        From ``claims.assessment.flat_table``.
    """
    counts = table.groupby(["chapter", "verdict"]).size().rename("claims").reset_index()
    given = [verdict for verdict in VERDICTS if verdict in set(counts["verdict"])]
    which = dropdown("score_verdict", ["all verdicts", *given], "Verdict")
    chapters = sorted(counts["chapter"].unique())
    colour = alt.Scale(domain=given, range=[_COLOURS[verdict] for verdict in given])
    # Where the axis stands still, its ticks are whole claims for every choice.
    most = int(counts.groupby("chapter")["claims"].sum().max())
    across = alt.X(
        "claims:Q", title="Claims", stack="zero", axis=alt.Axis(format="d"), scale=alt.Scale(domain=[0, most])
    )
    bars = (
        alt.Chart(counts)
        .transform_filter("score_verdict == 'all verdicts' || datum.verdict == score_verdict")
        .transform_calculate(rank=f"indexof({json.dumps(given)}, datum.verdict)")
        .mark_bar(height={"band": 0.7})
        .encode(
            across,
            alt.Y("chapter:N", title=None, scale=alt.Scale(domain=chapters), axis=alt.Axis(labelLimit=170)),
            alt.Color("verdict:N", title=None, scale=colour, legend=alt.Legend(columns=1)),
            order=alt.Order("rank:Q"),
            tooltip=["chapter", "verdict", "claims"],
        )
    )
    layers = bars.properties(height=17 * len(chapters))  # closer than usual: every page's height counts here
    return follow(layers, [which], lambda verdict: captions.verdicts(table, counts, verdict))
