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


def released_cosines(rows: pd.DataFrame, kinds: Sequence[str], measure: str) -> dict[str, str]:
    """Of the released cosines of one measure or *both*.

    Parameters
    ----------
    rows : pandas.DataFrame
        Columns ``measure, mean_cosine`` and ``value``, what each number is.
    kinds : sequence of str
        Values of ``value`` in the order of the legend, that of a number of its own first.
    measure : str
    """
    shown = rows if measure == "both" else rows[rows["measure"] == measure]
    counts = shown["value"].value_counts()
    listed = ", ".join(f"{counts[kind]} {kind}" for kind in kinds if kind in counts)
    which = "" if measure == "both" else f" of {measure}"
    commonest = shown["mean_cosine"].value_counts()
    return {
        "title": f"{counts.get(kinds[0], 0)} of {len(shown)} released cosines{which} are values of their own",
        "caption": f"n = {len(shown)} rows of the released table and the text{which}: {listed}.",
        "alternative": (
            f"Scatter plot of a cosine against model size{which}, from {shown['mean_cosine'].min():.2f} to "
            f"{shown['mean_cosine'].max():.2f}. The most frequent value, {commonest.index[0]:.2f}, stands {commonest.iloc[0]} "
            f"times, as marks on one level. {listed}."
        ),
    }


def layer_cosines(table: pd.DataFrame, pair: str, measure: str, *, n: int) -> dict[str, str]:
    """Of the cosines by layer, for one pair of prompt sets and one measure."""
    shown = table[(table["pair"] == pair) & (table["measure"] == measure)]
    spans = shown.groupby("network", sort=False)["cosine"].agg(["min", "max"])
    listed = "; ".join(f"{network} {row['min']:.2f} to {row['max']:.2f}" for network, row in spans.iterrows())
    negative = shown["cosine"].lt(0).groupby(shown["network"], sort=False).sum()
    layers = shown["layer"].nunique()
    opposed = ", ".join(f"{network} {count}" for network, count in negative.items())
    return {
        "title": f"Layers with a negative cosine, of {layers}: {opposed}",
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
    listed, seen_from = [], {}
    for measure in measures:
        part = rows[rows["measure"] == measure]
        for column, min_pct, what in (
            ("negative_pct", 95, "95% of units are negative"),
            ("competing_pct", 50, "half of them compete"),
        ):
            sizes = part.loc[part[column] >= min_pct, "size"]
            where = f"from {sizes.min():g}" if len(sizes) else "nowhere"
            if column == "negative_pct":
                seen_from[measure] = sizes.min() if len(sizes) else float("inf")
            listed.append(f"{measure}, {what} {where}")
    raw, centred = seen_from["raw"], seen_from["centred"]
    return {
        "title": (
            f"The {'centred' if centred < raw else 'raw'} cosine shows smaller oppositions than the "
            f"{'raw' if centred < raw else 'centred'} one"
            if centred != raw
            else "The raw and the centred cosine show the same oppositions"
        ),
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


def gates(rows: pd.DataFrame, comparison: str, agreement: str) -> dict[str, str]:
    """Of the gates' slopes: how the two profiles of a comparison agree; ``rows`` has their ``first`` and ``second``."""
    opposite = int((rows["first"] * rows["second"] < 0).sum())
    return {
        "title": f"{comparison[0].upper()}{comparison[1:]}: {opposite} of {len(rows)} heads have opposite signs",
        "caption": f"n = {len(rows)} heads. {comparison}: {agreement}",
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
