"""What chapter 10 finds, in sentences with computed numbers, and its tables as a reader sees them."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from IPython.display import Markdown

from cape_utils.chapters.ch10_steering import selection
from cape_utils.charts.tables import Table, table
from cape_utils.stats.formatting import p_value, percent
from cape_utils.stats.results import Null
from cape_utils.steering import evaluation

if TYPE_CHECKING:
    from cape_utils.chapters.ch10_steering.ending_bias import CompletionBias
    from cape_utils.chapters.ch10_steering.selection import Choice

__all__ = [
    "closing",
    "count_table",
    "depth_table",
    "largest_effect",
    "layer_by_layer",
    "margin_table",
    "null_table",
    "outcome_rows",
    "outputs_changed",
    "pair_table",
    "pairs_and_endings",
    "power_of_the_test",
    "truth_direction",
    "truthfulqa_table",
]


# ---------------------------------------------------------------- sentences


def pairs_and_endings(pairs: pd.DataFrame, bias: CompletionBias, neutral: int) -> Markdown:
    """How many pairs there are, and whether their endings give the truth away.

    Parameters
    ----------
    pairs : pandas.DataFrame
    bias : CompletionBias
        Of a classifier that sees only the endings.
    neutral : int
        Prompts on which the cost is measured.
    """
    chance = bias.null_low <= bias.estimate <= bias.null_high
    telling = "no better than chance" if chance else "not at chance"
    return Markdown(
        f"n = {len(pairs)} pairs over {pairs['topic'].nunique()} topics, {(pairs['kind'] == 'misconception').sum()} of them "
        f"misconceptions, each with a source. They come in {pairs['couple'].nunique()} couples that swap their endings, so "
        f"that no "
        f"word is true by itself: a classifier that sees only the endings finds the true one in {bias.estimate:.0%} of "
        f"unseen "
        f"pairs, {telling}. The cost of steering is measured on {neutral} prompts about recipes, travel and the like."
    )


def layer_by_layer(slope_map: pd.DataFrame, joint: Null, quarter: int) -> Markdown:
    """Which layer stands out, what the paper's quarter gives, and whether anything is there in all layers together.

    Parameters
    ----------
    slope_map : pandas.DataFrame
        From ``layer_map.slope_map``, indexed by layer.
    joint : Null
        From ``layer_map.joint_test``.
    quarter : int
        The paper's layer.
    """
    best: Any = slope_map.iloc[int(slope_map["p_corrected"].to_numpy().argmin())]
    at_quarter: Any = slope_map.loc[quarter]
    stands = (
        "stands out"
        if best["p_corrected"] <= 0.05
        else "stands out no more than the best of permuted ones do"
    )
    if _rises(joint):
        rising = (
            "So many layers slope upwards together, and truth learnt on some topics does reach others, if no single layer "
            "can be "
            "named"
        )
    else:
        rising = "So nothing is seen in all layers together either"
    return Markdown(
        f"The layer that stands out most is {int(best['layer'])} of {len(slope_map)} ({p_value(best['p'], name=True)} "
        f"alone); having "
        f"looked at all layers, it {stands} ({p_value(best['p_corrected'], name=True)}). At the paper's quarter, layer "
        f"{int(at_quarter['layer'])}, the slope is {at_quarter['slope']:+.2f} ({p_value(at_quarter['p'], name=True)} alone, "
        f"{p_value(at_quarter['p_corrected'])} corrected). A look at a single layer chosen beforehand and a look at all of "
        f"them are "
        "different questions; the drop-down shows both. A third question is whether there is anything at all: the mean of "
        "the "
        f"standardised slopes over all layers is {joint.observed:+.2f}, permuted labels give {joint.value:+.2f} "
        f"[{joint.low:.2f}, "
        f"{joint.high:.2f}] ({p_value(joint.p, name=True)}; we added this test after seeing the map). {rising}."
    )


def largest_effect(depths: pd.DataFrame, chosen: Choice, quarter: int) -> Markdown:
    """The setting chosen, and how the paper's quarter compares with it.

    Parameters
    ----------
    depths : pandas.DataFrame
        From ``Study.choice_table``.
    chosen : Choice
    quarter : int
        The paper's layer.
    """
    at_quarter = depths[depths["layer"] == quarter].sort_values("effect").to_dict("records")[-1]
    picked = (depths["layer"] == chosen.layer) & (depths["strength"] == chosen.strength)
    rival = depths[picked].to_dict("records")[0]
    overlap = at_quarter["high"] >= rival["low"] and rival["high"] >= at_quarter["low"]
    if chosen.layer == quarter:
        where = "which is the paper's quarter"
    else:
        where = (
            f"not the paper's quarter; its best there is {at_quarter['effect']:+.3f}, and the two intervals "
            f"{'overlap' if overlap else 'do not overlap'}"
        )
    return Markdown(
        f"Among settings that move neutral text by at most {selection.KL_LIMIT:g} nats a token, the largest effect is "
        f"{chosen.effect:+.3f} nats at layer {chosen.layer} with strength {chosen.strength:g}, {where}. It is the largest "
        f"of the "
        f"{(depths['kl'] <= selection.KL_LIMIT).sum()} settings within that cost and so flatters itself; the test on the "
        f"other "
        "topics does not."
    )


def truth_direction(tests: pd.DataFrame, changes: pd.DataFrame) -> Markdown:
    """What the truth direction does to the margin, beside shuffled labels, random directions and the steepest one.

    Parameters
    ----------
    tests : pandas.DataFrame
        From ``Study.test_sweep``.
    changes : pandas.DataFrame
        From ``selection.change_table``.
    """
    truth, negative, steepest, base = (
        _kind(frame, kind)
        for frame, kind in (
            (changes, "truth"),
            (changes, "negative"),
            (changes, "planted"),
            (tests, "unsteered"),
        )
    )
    null, costly = selection.effect_null(tests, "shuffled"), selection.effect_null(tests, "random")
    as_far = (changes.loc[changes["kind"] == "shuffled", "margin"] >= truth["margin"]).sum()
    beyond = "more than shuffled labels do" if null.p <= 0.05 else "within what shuffled labels do"
    return Markdown(
        f"The truth direction moves the margin by {truth['margin']:+.3f} nats, {beyond}: {as_far} of {null.draws} shuffled "
        f"directions move it at least as far up (one-sided p = {null.p:.2f}, the smallest possible being "
        f"{null.smallest_p:.3f}). Its "
        f"negative gives {negative['margin']:+.3f}, the steepest direction {steepest['margin']:+.3f}. Against random "
        f"directions of "
        f"equal cost p = {costly.p:.2f}. Perplexity on neutral text goes from {base['perplexity']:.0f} to "
        f"{truth['perplexity']:.0f}."
    )


def outputs_changed(changed: pd.DataFrame, changes: pd.DataFrame) -> Markdown:
    """How many outputs each run changes, and how many answers become right or wrong.

    Parameters
    ----------
    changed : pandas.DataFrame
        From ``outputs.changed_sweep``.
    changes : pandas.DataFrame
        From ``selection.change_table``.
    """
    mean = changed.groupby("kind")[["changed", "true_words", "false_words"]].mean().to_dict("index")
    fixed = (100 * changes.groupby("kind")[["corrected", "spoiled"]].mean()).to_dict("index")
    prompts = int(changed["prompts"].iloc[0])
    others = max(mean[kind]["changed"] for kind in ("sampled", "random", "shuffled"))
    if others >= mean["truth"]["changed"] - 1:
        apart = (
            "cannot tell these runs apart at this strength, where nearly everything changes; a milder push would leave more "
            "room"
        )
    else:
        apart = (
            "is larger for the truth direction here, and still says nothing of what the outputs changed into"
        )
    return Markdown(
        f"Of {prompts} outputs, sampling alone changes {mean['sampled']['changed']:.1f}, random directions "
        f"{mean['random']['changed']:.1f}, shuffled labels {mean['shuffled']['changed']:.1f} and the truth direction "
        f"{mean['truth']['changed']:.0f}. A count of changes {apart}. What was corrected is seen in the margins: the truth "
        f"direction "
        f"turns {fixed['truth']['corrected']:.1f}% of the wrong test pairs right and {fixed['truth']['spoiled']:.1f}% of "
        f"the right "
        f"ones wrong; shuffled directions {fixed['shuffled']['corrected']:.1f}% and {fixed['shuffled']['spoiled']:.1f}%, "
        f"random ones "
        f"{fixed['random']['corrected']:.1f}% and {fixed['random']['spoiled']:.1f}%. Of the {prompts} steered texts "
        f"{mean['truth']['true_words']:.0f} begin with the true words, {mean['greedy']['true_words']:.0f} of the unsteered "
        f"ones, "
        f"{mean['shuffled']['true_words']:.1f} with shuffled labels and {mean['random']['true_words']:.1f} in random "
        f"directions."
    )


def power_of_the_test(power: pd.DataFrame, tests: pd.DataFrame, changes: pd.DataFrame) -> Markdown:
    """Whether the test would see an effect that is there.

    Parameters
    ----------
    power : pandas.DataFrame
        From ``layer_map.power_curve`` with a column ``effect`` in nats.
    tests, changes : pandas.DataFrame
        From ``Study.test_sweep`` and ``selection.change_table``.
    """
    null, steepest = selection.effect_null(tests, "shuffled"), _kind(changes, "planted")
    blind = steepest["margin"] <= null.high
    if blind:
        place = "within"
        verdict = "So at this setting the test does not see even the steepest direction there is, and a null result says little. "
    else:
        place, verdict = "beyond", "So this test can see an effect. "
    seen = power.loc[power["power"] >= 0.8, "effect"]
    if len(seen):
        hopeful = (
            "The curve is more hopeful, since it takes the gradient at its word: eight tests in ten would see "
            f"{seen.min():.2f} nats. "
        )
    else:
        hopeful = "By the gradient too no effect within reach would be seen eight times in ten. "
    small = changes[changes["kind"].isin(["truth", "negative", "planted", "shuffled"])]
    r = np.corrcoef(small["predicted"], small["margin"])[0, 1]
    return Markdown(
        f"Tried in the model itself, the steepest direction gives {steepest['margin']:+.2f} nats where the gradient promises "
        f"{steepest['predicted']:+.2f}, {place} the range of shuffled directions [{null.low:.2f}, {null.high:.2f}]. {verdict}"
        f"{hopeful}The mean margin before steering is {np.mean(_kind(tests, 'unsteered')['margins']):.2f}. Over {len(small)} "
        f"directions gradient and finite effect correlate at {r:.2f}."
    )


def closing(title: str, tests: pd.DataFrame, joint: Null) -> Markdown:
    """What the truth direction does in this model, in one sentence or two.

    Parameters
    ----------
    title : str
        The model's name.
    tests : pandas.DataFrame
        From ``Study.test_sweep``.
    joint : Null
        From ``layer_map.joint_test``.
    """
    null = selection.effect_null(tests, "shuffled")
    if null.p <= 0.05 and null.observed > 0:
        ending = "moves the test topics towards the truth by more than shuffled labels do"
    else:
        ending = (
            "moves the test topics no further towards the truth than directions from shuffled labels do; the section on "
            "power "
            "says why that leaves much open"
        )
    slight = (
        " Over all layers together the slopes do rise by more than permuted labels make them, so there is something there, "
        "too "
        "small for this test to use."
    )
    return Markdown(
        f"In {title}, at the one setting tested, the truth direction {ending}.{slight if _rises(joint) else ''}"
    )


def _rises(joint: Null) -> bool:
    return joint.p <= 0.05 and joint.observed > 0


def _kind(frame: pd.DataFrame, kind: str) -> Any:
    """The first row of one kind."""
    return frame[frame["kind"] == kind].to_dict("records")[0]


# ---------------------------------------------------------------- tables


def count_table(released: pd.DataFrame) -> Table:
    """The paper's counts of changed outputs, with the interval that ten prompts leave.

    Parameters
    ----------
    released : pandas.DataFrame
        From ``recompute.counts``.
    """
    rows = released.assign(
        interval=[f"{low:.0f} to {high:.0f}%" for low, high in released[["low", "high"]].to_numpy()]
    )
    headings = {
        "model": "model",
        "phase": "phase",
        "changed": "outputs changed",
        "prompts": "prompts",
        "interval": "95% interval of the share",
    }
    return table(rows, headings)


def pair_table(pairs: pd.DataFrame) -> Table:
    """The first pairs: a stem with a true and a false ending."""
    headings = {
        "topic": "topic",
        "kind": "kind",
        "stem": "stem",
        "true_completion": "true ending",
        "false_completion": "false ending",
    }
    return table(pairs.head(), headings)


def margin_table(margins: pd.Series, kinds: pd.Series) -> Table:
    """Margins before steering, by kind of pair."""
    rows = [
        {"kind": kind, **evaluation.margin_summary(part.to_numpy())} for kind, part in margins.groupby(kinds)
    ]
    headings = {
        "kind": "kind",
        "margin": "mean margin (nats)",
        "accuracy": "right",
        "share": "probability of the true ending",
    }
    return table(pd.DataFrame(rows), headings, show={"accuracy": percent, "share": percent})


def depth_table(changes: pd.DataFrame) -> Table:
    """The truth direction at other depths, at equal cost."""
    rows = changes[changes["kind"] == "depth"].sort_values("layer")
    headings = {
        "layer": "layer",
        "strength": "strength",
        "kl": "cost (nats a token)",
        "margin": "change of margin (nats)",
        "corrected": "corrected",
        "spoiled": "spoiled",
    }
    return table(rows, headings, show=dict.fromkeys(("corrected", "spoiled"), percent))


def outcome_rows(outcomes: pd.DataFrame) -> Table:
    """Accuracy and mean share of the true ending, before and after, for each part of the test."""
    rows = [
        {
            "part": r["part"],
            "n": r["n"],
            "accuracy": f"{percent(r['accuracy_before'])} to {percent(r['accuracy_after'])}",
            "share": f"{percent(r['share_before'], 1)} to {percent(r['share_after'], 1)}",
            "p": p_value(r["p"]),
        }
        for r in outcomes.to_dict("records")
    ]
    headings = {
        "part": "test pairs",
        "n": "n",
        "accuracy": "right",
        "share": "probability of the true ending",
        "p": "p, shuffled labels",
    }
    return table(pd.DataFrame(rows), headings)


def null_table(tests: pd.DataFrame) -> Table:
    """The effect against both kinds of control, by margin and by margin a token."""
    cases = itertools.product(
        {"margins": "margin", "per_token": "margin a token"}.items(), ("shuffled", "random")
    )
    rows = [
        {"outcome": outcome, "controls": kind, **vars(selection.effect_null(tests, kind, column=column))}
        for (column, outcome), kind in cases
    ]
    headings = {
        "outcome": "outcome",
        "controls": "controls",
        "observed": "effect (nats)",
        "value": "controls, median and 95% range",
        "p": "p",
    }
    return table(
        pd.DataFrame(rows), headings, show={"observed": "{:.3f}".format}, intervals={"value": ("low", "high")}
    )


def truthfulqa_table(scores: Mapping[str, pd.DataFrame]) -> Table:
    """TruthfulQA's MC1 and MC2 as it is and steered."""
    rows = [
        {"model": label, "question": r["question"], "mc1": r["mc1"], "mc2": r["mc2"]}
        for label, part in scores.items()
        for r in part.to_dict("records")
    ]
    headings = {"model": "the model", "question": "question", "mc1": "MC1", "mc2": "MC2"}
    return table(pd.DataFrame(rows), headings)
