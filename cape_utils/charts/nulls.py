"""The figure of a null: its draws as a histogram, with the value observed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from cape_utils.charts.parts import choice, follow, share_bars
from cape_utils.charts.rendering import PALETTE
from cape_utils.stats.resampling import histogram
from cape_utils.stats.results import Floats, Null

__all__ = ["null_chart"]


def null_chart(cases: Mapping[str, tuple[Null, Floats]], *, title: str, axis: str) -> Any:
    """What a statistic does under a null, with the observed value as a line.

    Parameters
    ----------
    cases : mapping of str to (Null, draws)
        The first case is shown at first; the caption follows the choice.
    title : str
    axis : str
        Title of the horizontal axis.

    Examples
    --------
    >>> from cape_utils.stats.resampling import null_from_draws
    >>> draws = np.random.default_rng(0).normal(size=200)
    >>> null = null_from_draws(2.5, draws, 8, "noise")
    >>> null_chart({"a toy": (null, draws)}, title="A toy", axis="Statistic").to_dict()["title"]
    'A toy'
    """
    observed = pd.DataFrame([{"case": case, "observed": null.observed} for case, (null, _) in cases.items()])
    which, of_case = choice(observed, "case", "null_case", "Show")
    across = alt.X("low:Q", title=axis, scale=alt.Scale(zero=False, nice=True))
    bars = share_bars(_bins(cases), across, "Share of draws", color=PALETTE["grey"], opacity=0.75)
    data = alt.Chart(observed.round(5)).transform_filter(of_case).encode(alt.X("observed:Q"))
    line = data.mark_rule(color=PALETTE["vermillion"], strokeWidth=3).encode(
        tooltip=["case", alt.Tooltip("observed:Q", format=".3f")]
    )
    words = (
        data.transform_calculate(label="'data ' + format(datum.observed, '.3f')")
        .mark_text(align="left", dx=6, color=PALETTE["vermillion"], fontWeight="bold", baseline="top")
        .encode(alt.Text("label:N"), y=alt.value(2))
    )
    layers = bars.transform_filter(of_case) + line + words
    return follow(layers, [which], lambda case: {"title": title, **_words(case, cases[case][0])})


def _bins(cases: Mapping[str, tuple[Null, Floats]]) -> pd.DataFrame:
    """The draws of each case in 60 bins up to their 99.9% quantile, so that a long tail does not squeeze the others."""
    parts = [
        histogram(draws, bins=60, low=float(draws.min()), high=float(np.quantile(draws, 0.999))).assign(
            case=case
        )
        for case, (_, draws) in cases.items()
    ]
    return pd.concat(parts)


def _words(case: str, null: Null) -> dict[str, str]:
    """Caption and text alternative of one case."""
    where = "inside" if null.low <= null.observed <= null.high else "outside"
    return {
        "caption": (
            f"{case[0].upper()}{case[1:]}, n = {null.n}: {null.observed:.3f} in the data; {null.value:.3f} [{null.low:.3f}, "
            f"{null.high:.3f}] under the null ({null.method}), of which {null.p:.0%} are at least as strong."
        ),
        "alternative": (
            f"Histogram of a statistic under a null, with a vertical line at the value in the data. {case[0].upper()}{case[1:]}: "
            f"the line stands at {null.observed:.3f}, {where} the range from {null.low:.3f} to {null.high:.3f} that holds 95% of "
            "the draws."
        ),
    }
