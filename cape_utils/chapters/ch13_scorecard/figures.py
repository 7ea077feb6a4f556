"""The figure of chapter 13: verdicts by chapter."""

from __future__ import annotations

import json
from typing import Any

import altair as alt
import pandas as pd

from cape_utils.charts.parts import dropdown, put
from cape_utils.charts.rendering import PALETTE
from cape_utils.claims.verdicts import VERDICTS

__all__ = ["verdict_chart"]

_COLOURS = {
    "reproduced": PALETTE["green"],
    "paper's data only": PALETTE["sky"],
    "artefact": PALETTE["orange"],
    "differs": PALETTE["vermillion"],
    "not testable": PALETTE["purple"],
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
    shown = [name for name in VERDICTS if name in set(counts["verdict"])]
    chosen = dropdown("score_verdict", ["all verdicts", *shown], "Verdict")
    keep = (
        alt.Chart(counts)
        .transform_filter("score_verdict == 'all verdicts' || datum.verdict == score_verdict")
        .add_params(chosen)
    )
    colour = alt.Scale(domain=shown, range=[_COLOURS[name] for name in shown])
    bars = keep.mark_bar(height={"band": 0.7}).encode(
        alt.X("claims:Q", title="Claims", stack="zero", axis=alt.Axis(tickMinStep=1, format="d")),
        alt.Y(
            "chapter:N", title=None, sort=sorted(counts["chapter"].unique()), axis=alt.Axis(labelLimit=170)
        ),
        alt.Color("verdict:N", title=None, scale=colour, legend=alt.Legend(columns=2)),
        order=alt.Order("rank:Q"),
        tooltip=["chapter", "verdict", "claims"],
    )
    bars = bars.transform_calculate(rank=f"indexof({json.dumps(shown)}, datum.verdict)")
    total = table["verdict"].value_counts()
    listed = ", ".join(f"{int(total[name])} {name}" for name in shown)
    by_chapter = "; ".join(
        f"{chapter}: " + ", ".join(f"{row.claims} {row.verdict}" for row in part.itertuples())
        for chapter, part in counts.groupby("chapter")
    )
    return put(
        bars.properties(height={"step": 26}),
        title="Verdicts by chapter",
        caption=f"n = {len(table)} claims: {listed}.",
        alternative=f"Stacked bars, one a chapter, of the number of claims with each verdict. {by_chapter}.",
    )
