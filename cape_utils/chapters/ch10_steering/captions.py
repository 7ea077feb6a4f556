"""Words under the figures of chapter 10: titles, captions and text alternatives, with the numbers they state."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import pandas as pd

from cape_utils.stats.formatting import p_value

if TYPE_CHECKING:
    from cape_utils.chapters.ch10_steering.label_test import SteeringTest

__all__ = [
    "WAYS",
    "changed",
    "controls",
    "depths",
    "methods",
    "outputs",
    "parts",
    "power",
    "seen",
    "slope_map",
]

WAYS = {
    "add": "add the direction",
    "adaptive": "add, adapted to the prompt",
    "clamp": "clamp its component",
    "ablate": "take its component out",
    "prompt": "ask in words",
    "chat": "ask in a chat",
}
"""Ways of steering, as a reader names them."""


def slope_map(table: pd.DataFrame, pairs: int, permutations: int) -> dict[str, str]:
    """Of the slope of the margin at every layer; ``table`` is from ``steering.layer_map.slope_map``."""
    rising = int((table["slope"] > 0).sum())
    beyond, corrected = (int((table[p] <= 0.05).sum()) for p in ("p", "p_corrected"))
    return {
        "title": f"Along the truth direction {'some layers stand' if corrected else 'no layer stands'} out from permuted "
        "labels, all looked at together",
        "caption": (
            f"n = {pairs} pairs, each topic held out from its direction. {rising} of {len(table)} layers slope upwards; "
            f"{beyond} lie outside the 95% range of {permutations:,} permutations taken alone, {corrected} after correction for "
            "having looked at all. The dotted rule is a quarter of the depth."
        ),
        "alternative": (
            "Line of the slope of the margin against the layer, from first to last, with a grey band around zero that shows "
            f"what directions from permuted labels give. The line leaves the band of single layers at {beyond} of "
            f"{len(table)} layers. A dotted vertical rule marks a quarter of the depth."
        ),
    }


def depths(table: pd.DataFrame, quarter: float, strength: float) -> dict[str, str]:
    """Of the effect at the depths tried, at one strength; ``table`` is from ``selection.depth_table``."""
    rows = table[table["strength"] == strength].sort_values("effect")
    best = rows.iloc[-1]
    at = rows.iloc[(rows["depth"] - quarter).abs().argmin()]
    across = int(((rows["low"] <= 0) & (rows["high"] >= 0)).sum())
    return {
        "title": (
            f"A quarter of the depth is {'' if at['depth'] == best['depth'] else 'not '}the best of {len(rows)} depths; "
            f"{across} of {len(rows)} effects may be zero"
        ),
        "caption": (
            f"Calibration topics, n = {int(at['n'])} pairs. At strength {strength:g} a quarter of the depth "
            f"gives {at['effect']:+.3f} nats [{at['low']:.3f}, {at['high']:.3f}], and the best of {len(rows)} depths, "
            f"{best['depth']:.2f}, {best['effect']:+.3f}."
        ),
        "alternative": (
            f"Points with vertical intervals, one for each depth tried, over a dashed line at zero, at strength {strength:g}. "
            f"{across} of {len(rows)} intervals reach across the line. A dotted vertical rule marks a quarter of the depth."
        ),
    }


def seen(results: Mapping[str, SteeringTest]) -> dict[str, str]:
    """Of the same test for several directions; the first is the positive control."""
    (control, works), *others = results.items()
    blind = [name for name, result in others if not result.seen]
    also = [name for name, result in others if result.seen]
    if not works.seen:
        title = f"The test is blind: it does not even see {control}"
    elif not blind:
        title = f"With lengths kept, {control} lies outside the range of permuted labels, and {' and '.join(also)} too"
    else:
        title = f"With lengths kept, {control} lies outside the range of permuted labels, {' and '.join(blind)} inside"
    listed = "; ".join(
        f"{name} {result.null.observed:+.2f} nats, permuted labels [{result.null.low:.2f}, {result.null.high:.2f}], "
        f"n = {result.null.n} pairs"
        for name, result in results.items()
    )
    return {
        "title": title,
        "caption": f"Effect on topics that the direction was not learnt from, lengths kept: {listed}.",
        "alternative": (
            "One line for each direction. Grey ticks are the effects of directions learnt from permuted labels, around a dashed "
            "line at zero, over a grey bar with their 95% range; a diamond is the effect with the labels as they are. "
            + " ".join(
                f"That of {name} is {p_value(result.null.p, name=True)}, one-sided."
                for name, result in results.items()
            )
        ),
    }


def controls(table: pd.DataFrame, outcome: str, words: str) -> dict[str, str]:
    """Of the truth direction beside its controls.

    Parameters
    ----------
    table : pandas.DataFrame
        Columns ``kind``, ``kl`` and the outcomes.
    outcome, words : str
        The column that is shown, and what it is.
    """
    changes = table.groupby("kind")[outcome].agg(["mean", "std", "size"])
    shuffled, random = (
        f"standard deviation {c['std']:.3f} for n = {c['size']:.0f}"
        for c in (changes.loc["shuffled"], changes.loc["random"])
    )
    truth = changes["mean"]["truth"]
    below = int((table.loc[table["kind"] == "shuffled", outcome] < truth).sum())
    return {
        "title": "The truth direction among its controls",
        "caption": (
            f"Effect on the {words} of the test topics: truth {truth:+.3f}; permuted labels, {shuffled}; random directions of "
            f"equal cost, {random}."
        ),
        "alternative": (
            f"Scatter plot of the effect on the {words} against the cost on neutral text, over a dashed line at zero. Circles "
            "for permuted labels spread over many costs, squares for random directions stand at the cost of the truth "
            f"direction, which is a diamond; it lies above {below} of {changes['size']['shuffled']:.0f} circles."
        ),
    }


def parts(table: pd.DataFrame, controls: str) -> dict[str, str]:
    """Of parts of the test pairs, over one kind of controls; ``table`` as ``figures.parts_chart`` has it."""
    rows = table[table["controls"] == controls]
    outside = int(((rows["effect"] < rows["null_low"]) | (rows["effect"] > rows["null_high"])).sum())
    listed = "; ".join(f"{r.part} {r.effect:+.3f} (n = {r.n})" for r in rows.itertuples())
    return {
        "title": f"{outside} of {len(rows)} parts of the test lie outside the range of {controls}",
        "caption": (
            f"Effect in nats: {listed}. {outside} of {len(rows)} lie outside the grey bar ({controls})."
        ),
        "alternative": (
            "One line for each part of the test pairs. A diamond with a horizontal interval shows the change under the truth "
            f"direction, over a grey bar with the 95% range of control directions ({controls}) and a dashed line at zero. "
            f"{outside} of {len(rows)} diamonds lie outside their bar."
        ),
    }


def methods(table: pd.DataFrame, steered: str) -> dict[str, str]:
    """Of what each way of steering does; ``table`` is from ``ch10_steering.methods.method_table``."""
    rows = table.to_dict("records")
    beyond = [WAYS[row["method"]] for row in rows if row["p"] <= 0.05]
    if beyond:
        title = f"Further than their controls, {steered} is moved by {len(beyond)} of {len(table)} ways of steering"
    else:
        title = f"No way of steering moves {steered} further than its controls"
    listed = "; ".join(
        f"{WAYS[row['method']]} {row['effect']:+.2f} [{row['null_low']:.2f}, {row['null_high']:.2f}], "
        f"{p_value(row['p'], name=True)}"
        for row in rows
    )
    return {
        "title": title,
        "caption": (
            f"Effect on the margin of n = {int(table['n'].iloc[0])} test pairs in nats, and the 95% range of what the same way "
            f"does with permuted labels or with other words: {listed}."
        ),
        "alternative": (
            "One line for each way of steering. A diamond with a horizontal interval shows its effect, over a grey bar with the "
            f"95% range of its controls and a dashed line at zero. For {steered} {len(beyond)} of {len(table)} lie beyond what "
            f"their controls reach{': ' + ', '.join(beyond) if beyond else ''}."
        ),
    }


def power(table: pd.DataFrame, limit: float, planted: int, wanted: float) -> dict[str, str]:
    """Of how often planted effects are seen; ``table`` has columns ``effect`` (nats) and ``power``."""
    enough = table[table["power"] >= wanted]
    least = f"{enough['effect'].min():.2f} nats" if len(enough) else "no effect in reach"
    nothing = f"{table.sort_values('effect')['power'].iloc[0]:.0%}"
    return {
        "title": "What could this design have seen?",
        "caption": (
            f"At a cost of {limit:g} nats a token a power of {wanted:g} needs {least}; with nothing planted the test finds "
            f"{nothing}. {planted:,} planted directions for each of {len(table)} sizes."
        ),
        "alternative": (
            "Curve of the share of tests that see a planted effect against its size. It starts at "
            f"{nothing} for an effect of zero, rises steeply and stays high. Filled points "
            f"mark the {len(enough)} of {len(table)} sizes that reach a power of {wanted:g}."
        ),
    }


def changed(table: pd.DataFrame, runs: Sequence[str], prompts: int) -> dict[str, str]:
    """Of outputs that changed beside pairs corrected and spoiled.

    Parameters
    ----------
    table : pandas.DataFrame
        ``run, what, pct``, one row for each run and measure.
    runs : sequence of str
        Kinds of run in the order to list them.
    prompts : int
        Behind each share of outputs changed.
    """
    means = table.groupby(["run", "what"])["pct"].mean()
    listed = "; ".join(
        f"{run} {means[run, 'changed']:.0f}%" for run in runs if (run, "changed") in means.index
    )
    truth = means["truth direction"]
    return {
        "title": "A changed output is not a corrected one",
        "caption": (
            f"Outputs changed of n = {prompts} prompts, mean over runs: {listed}. The truth "
            f"direction corrects {truth['corrected']:.0f}% of the test pairs that were wrong and spoils "
            f"{truth['spoiled']:.0f}% of those that were right. Diamonds: the paper's counts."
        ),
        "alternative": (
            "One line for each kind of run, percent across. Circles, larger for more runs, show our model; the repeated greedy "
            "run stands at zero, sampling without steering far to the right, and the steered runs with true, shuffled and "
            "random directions beside each other. Diamonds with long intervals are the paper's three counts."
        ),
    }


def outputs(table: pd.DataFrame) -> dict[str, str]:
    """Of the greedy outputs; ``table`` has columns ``at, push, prompt`` and lines of text in ``words`` and ``plain``."""
    prompts, layers, pushes = (table[c].nunique() for c in ("prompt", "at", "push"))
    same = (table["words"].map(tuple) == table["plain"].map(tuple)).mean()
    return {
        "title": "Read what steering does to the text",
        "caption": (
            f"Greedy outputs of {prompts} prompts at {layers} layers and {pushes} strengths, "
            f"n = {len(table)}; {100 * same:.0f}% are the same as without steering. "
            "Positive pushes towards the truth direction."
        ),
        "alternative": (
            "Two short texts, one below the other: what the model writes by itself and what it writes when steered, "
            "for the prompt, layer and strength chosen in three drop-downs."
        ),
    }
