"""Layers that every picture of the frontier's two scores has: the axes and the line."""

from __future__ import annotations

from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from cape_utils.charts.rendering import PALETTE
from cape_utils.frontier.benchmark_pair import GPQA, SWE
from cape_utils.frontier.regression import Line

__all__ = ["line_layer", "score_axes"]


def score_axes(
    swe: tuple[float, float] = (0, 100), gpqa: tuple[float, float] = (0, 100)
) -> tuple[alt.X, alt.Y]:
    """SWE-bench Verified across and GPQA Diamond up, in percent, each from and to."""
    return (
        alt.X(
            f"{SWE}:Q", title="SWE-bench Verified (percent)", scale=alt.Scale(domain=list(swe), nice=False)
        ),
        alt.Y(f"{GPQA}:Q", title="GPQA Diamond (percent)", scale=alt.Scale(domain=list(gpqa), nice=False)),
    )


def line_layer(line: Line) -> Any:
    """The line over all possible scores, dashed."""
    ends = np.array([0.0, 100.0])
    rows = pd.DataFrame({SWE: ends, GPQA: line.predict(ends)}).round(3)
    return (
        alt.Chart(rows).mark_line(color=PALETTE["grey"], strokeDash=[6, 4], clip=True).encode(*score_axes())
    )
