"""Words under the figure of chapter 13: title, caption and text alternative, with the numbers they state."""

from __future__ import annotations

import pandas as pd

from cape_utils.claims.verdicts import VERDICTS

__all__ = ["verdicts"]


def verdicts(table: pd.DataFrame, counts: pd.DataFrame) -> dict[str, str]:
    """Of the verdicts by chapter.

    Parameters
    ----------
    table : pandas.DataFrame
        From ``claims.assessment.flat_table``.
    counts : pandas.DataFrame
        Columns ``chapter, verdict, claims``, the number of claims.
    """
    total = table["verdict"].value_counts()
    listed = ", ".join(f"{total[verdict]} {verdict}" for verdict in VERDICTS if verdict in total)
    by_chapter = "; ".join(
        f"{chapter}: " + ", ".join(f"{row.claims} {row.verdict}" for row in rows.itertuples())
        for chapter, rows in counts.groupby("chapter")
    )
    return {
        "title": "Verdicts by chapter",
        "caption": f"n = {len(table)} claims: {listed}.",
        "alternative": f"Stacked bars, one a chapter, of the number of claims with each verdict. {by_chapter}.",
    }
