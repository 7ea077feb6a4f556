"""Words under the figure of chapter 13: title, caption and text alternative, with the numbers they state."""

from __future__ import annotations

import pandas as pd

from cape_utils.claims.verdicts import VERDICTS

__all__ = ["verdicts"]


def verdicts(table: pd.DataFrame, counts: pd.DataFrame, verdict: str) -> dict[str, str]:
    """Of the verdicts by chapter, all of them or one.

    Parameters
    ----------
    table : pandas.DataFrame
        From ``claims.assessment.flat_table``.
    counts : pandas.DataFrame
        Columns ``chapter, verdict, claims``, the number of claims.
    verdict : str
        A verdict that was given, or *all verdicts*.
    """
    total = table["verdict"].value_counts()
    if verdict in total:
        rows = counts[counts["verdict"] == verdict]
        most = " and ".join(rows.loc[rows["claims"] == rows["claims"].max(), "chapter"])
        by_chapter = ", ".join(f"{row.claims} in {row.chapter}" for row in rows.itertuples())
        return {
            "title": f"{total[verdict]} of {len(table)} claims: {verdict}",
            "caption": (
                f"n = {len(table)} claims: {total[verdict]} {verdict}, "
                + (f"in {len(rows)} chapters, most in {most}." if len(rows) > 1 else f"all in {most}.")
            ),
            "alternative": f"Bars, one a chapter, of the number of claims with the verdict {verdict}: {by_chapter}.",
        }
    listed = ", ".join(f"{total[verdict]} {verdict}" for verdict in VERDICTS if verdict in total)
    by_chapter = "; ".join(
        f"{chapter}: " + ", ".join(f"{row.claims} {row.verdict}" for row in rows.itertuples())
        for chapter, rows in counts.groupby("chapter")
    )
    first = "” and “".join(str(name) for name in total.index[total == total.max()])
    return {
        "title": f"No verdict is given more often than “{first}”",
        "caption": f"n = {len(table)} claims: {listed}.",
        "alternative": f"Stacked bars, one a chapter, of the number of claims with each verdict. {by_chapter}.",
    }
