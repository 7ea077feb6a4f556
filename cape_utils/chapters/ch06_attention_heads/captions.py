"""Words under the figures of chapter 06: titles, captions and text alternatives, with the numbers they state."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from cape_utils.chapters.ch06_attention_heads.head_gates import HeadAgreement

__all__ = [
    "agreements",
    "gates",
    "head_map",
    "layer_cosines",
    "patterns",
    "planted",
    "released_cosines",
]


def released_cosines(rows: pd.DataFrame, kinds: Sequence[str]) -> dict[str, str]:
    """Of the released cosines.

    Parameters
    ----------
    rows : pandas.DataFrame
        With a column ``value``, what each number is.
    kinds : sequence of str
        Its values in the order of the legend.
    """
    counts = rows["value"].value_counts()
    listed = ", ".join(f"{counts[kind]} {kind}" for kind in kinds if kind in counts)
    return {
        "title": "The released internal cosines",
        "caption": f"n = {len(rows)} rows of the released table and the text: {listed}.",
        "alternative": (
            "Scatter plot of a cosine against model size. Many points lie on two horizontal lines, near 0.97 and near 0.83; "
            f"below them, at 0.2 to 0.4, lie large models. {listed}."
        ),
    }


def layer_cosines(table: pd.DataFrame, pair: str, measure: str, *, n: int) -> dict[str, str]:
    """Of the cosines by layer, for one pair of prompt sets and one measure."""
    shown = table[(table["pair"] == pair) & (table["measure"] == measure)]
    spans = shown.groupby("network", sort=False)["cosine"].agg(["min", "max"])
    listed = "; ".join(f"{network} {row['min']:.2f} to {row['max']:.2f}" for network, row in spans.iterrows())
    return {
        "title": "The cosine by layer, for any two sets of prompts",
        "caption": (
            f"{pair[0].upper()}{pair[1:]}, {measure}, {n} prompts in each set, {table['layer'].nunique()} layers: {listed}."
        ),
        "alternative": (
            "Line plot of a cosine against layer, one line for the trained network and a dashed one for the same network with "
            f"random weights, with dotted lines at zero and at minus one half. {pair}, {measure}: {listed}."
        ),
    }


def head_map(table: pd.DataFrame, case: str, raw: str, *, n: int) -> dict[str, str]:
    """Of the map of heads in one case; ``raw`` is the case of the same prompts before centring, to compare with."""
    values = table[case]
    below, before = int((values < 0).sum()), int((table[raw] < 0).sum())
    compared = "" if case == raw else f" Of the same prompts before centring: {before}."
    return {
        "title": f"{below} of {len(table)} heads have a negative cosine",
        "caption": (
            f"{case[0].upper()}{case[1:]}, {n} prompts in each set: {below} of {len(table)} heads have a negative cosine, from "
            f"{values.min():.2f} to {values.max():.2f}.{compared}"
        ),
        "alternative": (
            "Heat map with a column for each head and a row for each layer. Blue cells have a cosine above zero, orange ones "
            f"below. {case[0].upper()}{case[1:]}: {below} of {len(table)} cells are orange; half of all lie above "
            f"{values.median():.2f}."
        ),
    }


def planted(curve: pd.DataFrame, unit: str, measures: Sequence[str]) -> dict[str, str]:
    """Of the planted oppositions: the smallest size at which each measure shows them, for one kind of unit."""
    rows = curve[curve["unit"] == unit]
    listed = []
    for measure in measures:
        part = rows[rows["measure"] == measure]
        for column, min_pct, what in (
            ("negative_pct", 95, "95% of units are negative"),
            ("competing_pct", 50, "half of them compete"),
        ):
            sizes = part.loc[part[column] >= min_pct, "size"]
            where = f"from {sizes.min():g}" if len(sizes) else "nowhere"
            listed.append(f"{measure}, {what} {where}")
    return {
        "title": "How large must an opposition be to be seen?",
        "caption": f"By {unit}, n = {int(rows['units'].iloc[0])} units: {'; '.join(listed)} lengths of the state.",
        "alternative": (
            f"Line plot of the cosine against the size of a planted opposite contrast, by {unit}, from plus one downwards. The "
            "dashed line of the centred measure falls at once, the line of the raw measure much later. "
            f"{'; '.join(listed)}."
        ),
    }


def patterns(table: pd.DataFrame, pair: str, quoted: float) -> dict[str, str]:
    """Of the cosines of attention weights, for one pair of kinds."""
    rows = table[table["pair"] == pair]
    listed = "; ".join(f"{row.case} {row.cosine:.3f}" for row in rows.itertuples())
    return {
        "title": "Attention weights point alike whatever they attend to",
        "caption": (
            f"{pair}, means over n = {int(rows['units'].max())} heads, bars from the lowest to the highest: {listed}. "
            f"Dashed: the value quoted, {quoted:g}."
        ),
        "alternative": (
            f"Dots with bars on a scale that ends at one, one line for each kind of attention. {listed}. A dashed line stands "
            f"at the quoted {quoted:g}."
        ),
    }


def gates(heads: int, comparison: str, agreement: str) -> dict[str, str]:
    """Of the gates' slopes: how the two profiles of a comparison agree."""
    return {
        "title": "What each head does for two sets of sentences",
        "caption": f"n = {heads} heads. {comparison}: {agreement}",
        "alternative": (
            "Scatter plot of the slope of the margin along each head's gate, one set across and the other up, with dashed "
            "lines at "
            "zero. Circles have the same sign for both sets, diamonds opposite signs. "
            f"{comparison}: {agreement}"
        ),
    }


def agreements(compared: Mapping[str, HeadAgreement]) -> dict[str, str]:
    """How far the profiles of each comparison agree, and how reliable they are."""
    return {
        name: f"r = {one.r.observed:.2f}, {one.opposite.observed:.0%} of heads have opposite signs; "
        f"reliability {one.reliability_first:.2f} and {one.reliability_second:.2f}."
        for name, one in compared.items()
    }
