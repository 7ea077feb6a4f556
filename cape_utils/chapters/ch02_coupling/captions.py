"""Words under the figures of chapter 02: titles, captions and text alternatives, with the numbers they state."""

from __future__ import annotations

import pandas as pd

from cape_utils.charts.parts import name
from cape_utils.stats.results import Estimate

__all__ = ["chance", "grid", "path", "signs", "steps"]


def path(shown: pd.DataFrame, r: Estimate) -> dict[str, str]:
    """Of a family's path through two scores.

    Parameters
    ----------
    shown : pandas.DataFrame
        Rows of the family shown at first, with ``family, model, flags``.
    r : Estimate
        Its population coupling, rows of other families left out.
    """
    first = shown["family"].iloc[0]
    misfiled = shown.loc[shown["flags"].fillna("").str.contains("misfiled"), "model"]
    kink = (
        f" As released the label also holds {' and '.join(misfiled)}, which make the kink."
        if len(misfiled)
        else ""
    )
    return {
        "title": "A family's way through the two scores",
        "caption": f"{first}, n = {r.n}: r = {r.estimate:.3f}.{kink} Some paths turn, some do not.",
        "alternative": (
            f"Connected scatter plot, HellaSwag across and TruthfulQA up, one point a model, joined in order of size. "
            f"For {first} the path runs from top left to bottom right: as HellaSwag rises, TruthfulQA falls. "
            "Other families can be chosen; some turn upwards."
        ),
    }


def steps(rows: pd.DataFrame, clip: float) -> dict[str, str]:
    """Of the local couplings by size, drawn within ``clip``; ``rows`` has ``panel, p_sign``."""
    sure = [
        f"{int((part['p_sign'] >= 0.95).sum())} of {len(part)} in {panel}"
        for panel, part in rows.groupby("panel", sort=False)
    ]
    return {
        "title": "Every step in size, with its error",
        "caption": (
            f"Steps whose sign item noise leaves at least 95% sure: {' and '.join(sure)}. "
            f"Bars are one standard error, dashed lines the paper's thresholds; points on the edges lie beyond ±{clip:g}."
        ),
        "alternative": (
            "Dot plot of local couplings against size with error bars. Down-pointing triangles are tax, circles "
            "transition, up-pointing triangles bonus. Below about three billion parameters most points lie below zero, "
            "above it they lie on both sides; many bars cross zero. A slider hides steps with an uncertain sign."
        ),
    }


def signs(first: pd.DataFrame, shares: pd.DataFrame) -> dict[str, str]:
    """Of the signs of pairs below and above a size.

    Parameters
    ----------
    first : pandas.DataFrame
        From ``scaling.coupling.sign_shares``, of the panel shown at first, with a column ``panel``.
    shares : pandas.DataFrame
        Its shares by pair, two columns: below and above the size.
    """
    below, above = (shares[side] for side in shares)
    flips = list(shares.index[(below < 0.5) & (above > 0.5)])
    return {
        "title": "Which pairs change sign with size",
        "caption": (
            f"In {first['panel'].iloc[0]} {len(flips)} of {len(shares)} pairs go from mostly negative to mostly positive: "
            f"{', '.join(flips) or 'none'}. At most {int(first['n'].max())} steps a side; bars are Wilson 95% intervals."
        ),
        "alternative": (
            "Dot plot, two dots for each pair of benchmarks: share of positive local couplings in steps below and above "
            "3.5 billion parameters. Pairs with TruthfulQA start below one half; pairs without it lie high on both sides."
        ),
    }


def grid(matrices: pd.DataFrame) -> dict[str, str]:
    """Of the coupling matrix; ``matrices`` as in ``figures.pair_grid``."""
    first = matrices[matrices["group"] == matrices["group"].iloc[0]]
    low = first.loc[first["r"].idxmin()]
    return {
        "title": "The coupling matrix",
        "caption": (
            f"{first['group'].iloc[0]}, n = {int(first['n'].max())}: the lowest r is {low['r']:.2f}, "
            f"{name(low['x'])} with {name(low['y'])}."
        ),
        "alternative": (
            "Grid of correlations between five benchmarks, with the number in each cell. In small families every cell "
            "of the TruthfulQA row is negative and the others are positive."
        ),
    }


def chance(falls: pd.DataFrame) -> dict[str, str]:
    """Of the level of a guesser; ``falls`` is from ``scaling.coupling.chance_start``."""
    small = falls[falls["first_b"] < 0.2]
    below = small["below_pp"].sum() / small["fall_pp"].sum()
    return {
        "title": "The fall lies below guessing",
        "caption": (
            f"{len(falls)} families fall below the score of their smallest model; not all rise again. "
            f"In the {len(small)} that start below 0.2B, "
            f"{below:.0%} of the fall lies below the guessing level."
        ),
        "alternative": (
            "Line chart of TruthfulQA against size, one line a family, with a dashed line where guessing lies. The "
            "smallest models start at or a little below the line, and the lines fall well below it before some rise."
        ),
    }
