"""What chapter 10 finds, in sentences with computed numbers, and its tables as a reader sees them."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from IPython.display import Markdown

from cape_utils.chapters.ch10_steering import label_test, selection
from cape_utils.chapters.ch10_steering.captions import WAYS
from cape_utils.chapters.ch10_steering.recompute import DEFAULT
from cape_utils.charts.tables import Table, table
from cape_utils.claims.verdicts import tier
from cape_utils.internals.toy.words import steering_words
from cape_utils.models.bundled import EMBEDDED
from cape_utils.stats.formatting import p_value, percent
from cape_utils.stats.results import Null
from cape_utils.steering import evaluation

if TYPE_CHECKING:
    from cape_utils.chapters.ch10_steering.ending_bias import CompletionBias
    from cape_utils.chapters.ch10_steering.experiment import Study
    from cape_utils.chapters.ch10_steering.label_test import SteeringTest
    from cape_utils.chapters.ch10_steering.selection import Choice

__all__ = [
    "closing",
    "control_table",
    "count_table",
    "depth_table",
    "dose_table",
    "known_turn",
    "layer_by_layer",
    "layer_chosen",
    "margin_table",
    "methods_table",
    "null_table",
    "other_depths",
    "outcome_rows",
    "outputs_changed",
    "pair_table",
    "pairs_and_endings",
    "power_of_the_test",
    "result_table",
    "signal_in_the_null",
    "truth_and_control",
    "truth_direction",
    "truthfulqa_table",
    "ways_to_steer",
    "what_is_measured",
]


# ---------------------------------------------------------------- sentences


def what_is_measured(study: Study) -> Markdown | None:
    """Whose numbers follow, where they are not those that came with the book; nothing where they are.

    Parameters
    ----------
    study : Study
        Of truth.
    """
    if study.kept:
        return None
    return Markdown(
        f"What follows is measured here, in {study.title}, on {len(study.pairs)} pairs, {len(study.layers)} depths and "
        f"{study.run.labellings} permuted labellings; bets, exercises and the scoreboard keep to what came with the book, the "
        f"full run of {EMBEDDED[DEFAULT].title}."
    )


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


def layer_chosen(doses: pd.DataFrame, depths: pd.DataFrame, chosen: Choice, quarter: int) -> Markdown:
    """The setting taken to the test, and what its neighbours of the grid gave when they were measured.

    Parameters
    ----------
    doses : pandas.DataFrame
        From ``Study.dose_table``.
    depths : pandas.DataFrame
        From ``Study.choice_table``.
    chosen : Choice
    quarter : int
        The paper's layer.
    """
    measured = depths[depths["layer"] == chosen.layer].sort_values("strength")
    listed = ", ".join(f"{r['effect']:+.3f} at {r['strength']:g}" for r in measured.to_dict("records"))
    if chosen.layer == quarter:
        where = "which is the paper's quarter"
    else:
        gain = doses.set_index("layer")["gain"]
        where = f"not the paper's quarter, whose gain is {gain[quarter]:+.3f}"
    return Markdown(
        f"The largest of {len(doses)} gains, {chosen.effect:+.3f} nats, is that of layer {chosen.layer}, {where}. The limit "
        f"allows a strength of {chosen.strength:.2f} there, at a cost of {chosen.kl:.3f} nats a token. Measured at that "
        f"layer, the effects on the calibration topics are {listed}. The largest of several gains "
        "is too large on average; the test on the other topics is free of that, and its null chose in the same way."
    )


def signal_in_the_null(labels: pd.DataFrame, tests: pd.DataFrame, subject: str = "truth") -> Markdown:
    """How much of the true direction is in those of permuted labels, and what equal lengths make of it.

    Parameters
    ----------
    labels : pandas.DataFrame
        From ``Study.label_table``, the true labels first.
    tests : pandas.DataFrame
        From ``Study.test_sweep``.
    subject : str
        What the labels say.
    """
    drawn = labels.iloc[1:]
    nulls = [
        label_test.label_null(labels[name].iloc[0], drawn[name], 0, name) for name in ("effect", "full_dose")
    ]
    kept, full = nulls
    wider = full.high > kept.high
    matched = label_test.matched_null(tests)
    return Markdown(
        f"Over {len(drawn)} permutations of the {subject} labels, the absolute cosine with the direction of the labels as they "
        f"are is {drawn['cosine'].mean():.2f} on average and {drawn['cosine'].max():.2f} at most. By the gradient the range "
        f"of their effects is ±{kept.high:.2f} nats where they keep their lengths and ±{full.high:.2f} where all are made "
        f"equally long; the effect of the labels as they are is {kept.observed:+.2f} nats "
        f"({p_value(kept.p, name=True)}) and {full.observed:+.2f} ({p_value(full.p, name=True)}). "
        + (
            "Equal lengths put signal into the null, and so make it wider."
            if wider
            else "Here equal lengths do not make the null wider."
        )
        + f" Of the effects measured in the model, {matched.observed:+.2f} is to be held against ±{matched.high:.2f} where each "
        f"is scaled to the cost of the true one ({p_value(matched.p, name=True)})."
    )


def truth_and_control(control: SteeringTest, truth: SteeringTest, limit: float) -> Markdown:
    """What the same test says of sentiment and of truth.

    Parameters
    ----------
    control, truth : SteeringTest
        Of the sentiment and of the truth direction.
    limit : float
        On the cost, in nats a token.
    """
    if control.seen:
        works = "So the apparatus steers, and this null lets an effect through"
    else:
        works = (
            "So this test does not see even its positive control: it is blind, and says nothing about truth"
        )
    if control.seen and not truth.seen:
        of_truth = "That lies within what labels without a meaning give"
    elif control.seen:
        of_truth = "And it sees the truth direction too"
    else:
        of_truth = "Whatever it gives for the truth direction is not to be read"
    return Markdown(
        f"With doses set to cost at most {limit:g} nats a token the sentiment direction moves the margin of pleased over "
        f"displeased endings by {control.null.observed:+.2f} nats, permuted labels by {control.null.low:.2f} to "
        f"{control.null.high:.2f} ({p_value(control.null.p, name=True)}). {works}. The truth direction moves the margin of "
        f"true over false endings by {truth.null.observed:+.3f} nats, permuted labels by {truth.null.low:.3f} to "
        f"{truth.null.high:.3f} "
        f"({p_value(truth.null.p, name=True)}). {of_truth}. {_classes(control, truth)} Perplexity on neutral text goes from "
        f"{truth.perplexity_before:.1f} to {control.perplexity_after:.1f} and {truth.perplexity_after:.1f}, at costs of "
        f"{control.kl:.3f} and {truth.kl:.3f} on prompts that the doses were not set on."
    )


def _classes(control: SteeringTest, truth: SteeringTest) -> str:
    """Where both stand by the classes of the ledger, and how far the control could be relied on."""
    words = (
        f"By the classes of the ledger the first is {tier(control.null.p)}, the second {tier(truth.null.p)}."
    )
    if not control.detectable < control.predicted_ceiling:
        words += (
            f" With {control.null.n} pairs to test on, even the strongest sentiment direction would be missed more than once in "
            "five, so that the control passed with some luck."
        )
    return words


def truth_direction(truth: SteeringTest, tests: pd.DataFrame) -> Markdown:
    """What the truth direction does to the margin each way, beside random directions and at equal cost.

    Parameters
    ----------
    truth : SteeringTest
    tests : pandas.DataFrame
        From ``Study.test_sweep``.
    """
    costly, matched = selection.effect_null(tests, "random"), label_test.matched_null(tests)
    if truth.pushed > 0 > truth.pulled:
        ways = "up and down, as a direction should"
    elif truth.pushed > 0 or truth.pulled < 0:
        ways = "the same way, which is what blurring does"
    else:
        ways = "the wrong way round"
    return Markdown(
        f"Pushed towards the truth the margin changes by {truth.pushed:+.3f} nats, pushed away by {truth.pulled:+.3f}: {ways}. "
        f"Half the difference is {truth.null.observed:+.3f}. Against {costly.draws // 2} random directions of equal cost and "
        f"their reverses {p_value(costly.p, name=True)}; with every permuted direction scaled to the cost of the true one, "
        f"{p_value(matched.p, name=True)}."
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
        f"{mean['random']['changed']:.1f}, permuted labels {mean['shuffled']['changed']:.1f} and the truth direction "
        f"{mean['truth']['changed']:.0f}. A count of changes {apart}. What was corrected is seen in the margins: the truth "
        f"direction "
        f"turns {fixed['truth']['corrected']:.1f}% of the wrong test pairs right and {fixed['truth']['spoiled']:.1f}% of "
        f"the right "
        f"ones wrong; permuted labels {fixed['shuffled']['corrected']:.1f}% and {fixed['shuffled']['spoiled']:.1f}%, "
        f"random ones "
        f"{fixed['random']['corrected']:.1f}% and {fixed['random']['spoiled']:.1f}%. Of the {prompts} steered texts "
        f"{mean['truth']['true_words']:.0f} begin with the true words, {mean['greedy']['true_words']:.0f} of the unsteered "
        f"ones, "
        f"{mean['shuffled']['true_words']:.1f} with permuted labels and {mean['random']['true_words']:.1f} in random "
        f"directions."
    )


def power_of_the_test(power: pd.DataFrame, truth: SteeringTest, planted: int) -> Markdown:
    """Whether the test would see an effect that is there.

    Parameters
    ----------
    power : pandas.DataFrame
        From ``Study.power_table``.
    truth : SteeringTest
    planted : int
        Planted directions of each size.
    """
    alarm = power.loc[power["share"] == 0, "power"].iloc[0]
    passes = truth.ceiling > truth.null.high
    if np.isfinite(truth.detectable):
        seen = (
            f"eight tests in ten see {truth.detectable:.2f} nats, where the ceiling, which is the steepest direction at the "
            f"limit, has {truth.predicted_ceiling:.2f}"
        )
    else:
        seen = "no planted effect is seen eight times in ten"
    if passes:
        place, verdict = "beyond", "So this test can see an effect"
    else:
        place, verdict = (
            "within",
            "So at this cost the test sees not even the ceiling, and a null result says little",
        )
    return Markdown(
        f"By the gradient: with nothing planted the test finds something in {alarm:.1%} of {planted} sets, as it should in "
        f"one of twenty; {seen}; and of planted effects of at least half the ceiling it finds {truth.power:.0%}. "
        f"Tried in the model itself, the ceiling gives {truth.ceiling:+.2f} nats, {place} the range of permuted labels "
        f"[{truth.null.low:.2f}, {truth.null.high:.2f}]. {verdict}."
    )


def known_turn(worlds: pd.DataFrame) -> Markdown:
    """What a truth direction repairs in a toy world whose turning point is known, from ``internals.toy.phases.by_world``."""
    return Markdown(steering_words(worlds))


def closing(title: str, truth: SteeringTest, control: SteeringTest, joint: Null) -> Markdown:
    """What the truth direction does in this model, in one sentence or two.

    Parameters
    ----------
    title : str
        The model's name.
    truth, control : SteeringTest
    joint : Null
        From ``layer_map.joint_test``.
    """
    if not control.seen:
        ending = "cannot be judged by this test, which does not see even sentiment, its positive control"
    elif truth.seen:
        ending = "moves the test topics towards the truth by more than permuted labels do"
    else:
        ending = (
            "moves the test topics no further towards the truth than directions from permuted labels do, by a test that "
            f"sees sentiment; an effect below about {truth.detectable:.2f} nats would mostly have escaped it"
        )
    slight = (
        " Over all layers together the slopes do rise by more than permuted labels make them, so there is something there, "
        "too small for this test to use."
    )
    small = _rises(joint) and not truth.seen
    return Markdown(
        f"In {title}, at the one setting tested, the truth direction {ending}.{slight if small else ''}"
    )


def _rises(joint: Null) -> bool:
    return joint.p <= 0.05 and joint.observed > 0


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


def control_table(pairs: pd.DataFrame) -> Table:
    """The first pairs of the positive control: a stem with a pleased and a displeased ending."""
    headings = {
        "topic": "topic",
        "stem": "stem",
        "true_completion": "pleased ending",
        "false_completion": "displeased ending",
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
        "margin": "effect (nats)",
        "corrected": "corrected",
        "spoiled": "spoiled",
    }
    return table(rows, headings, show=dict.fromkeys(("corrected", "spoiled"), percent))


def other_depths(changes: pd.DataFrame, chosen: Choice, quarter: int) -> Markdown:
    """Whether the choice of a layer carried over to the test topics."""
    effect = changes[changes["kind"] == "depth"].set_index("layer")["margin"].astype(float)
    chosen_effect = effect[chosen.layer] if chosen.layer in effect else float("nan")
    best = int(effect.index.to_numpy()[effect.to_numpy().argmax()])
    if best == chosen.layer:
        said = f"On the test topics too layer {best} moves the margin most, by {effect[best]:+.3f} nats."
    else:
        said = (
            f"On the test topics layer {best} moves the margin more ({effect[best]:+.3f} nats) than the one chosen on the others "
            f"({chosen_effect:+.3f}), so the choice did not carry over; a test at one of the other layers was not made."
        )
    if quarter in effect and quarter != chosen.layer:
        said += f" The paper's quarter, layer {quarter}, gives {effect[quarter]:+.3f}."
    return Markdown(said)


def dose_table(doses: pd.DataFrame) -> Table:
    """How far the limit lets one push at each layer, and what that would gain."""
    rows = doses.assign(strength=doses["length"] / doses["norm"])
    headings = {
        "layer": "layer",
        "strength": "strength",
        "kl": "cost (nats a token)",
        "gain": "gain on held-out calibration topics (nats)",
    }
    return table(rows, headings)


def result_table(results: Mapping[str, SteeringTest]) -> Table:
    """The same test for several directions, side by side."""
    rows = [
        {
            "direction": name,
            "layer": r.layer,
            "n": r.null.n,
            "effect": f"{r.null.observed:+.2f} [{r.null.low:.2f}, {r.null.high:.2f}]",
            "p": r.null.p,
            "kl": f"{r.kl:.3f}",
            "perplexity": f"{r.perplexity_before:.1f} to {r.perplexity_after:.1f}",
            "detectable": f"{r.detectable:.2f}",
            "ceiling": f"{r.predicted_ceiling:.2f}",
        }
        for name, r in results.items()
    ]
    headings = {
        "direction": "direction",
        "layer": "layer",
        "n": "test pairs",
        "effect": "effect, and range of permuted labels (nats)",
        "p": "p",
        "kl": "cost (nats a token)",
        "perplexity": "perplexity",
        "detectable": "smallest effect found in 8 of 10 runs (nats, by the gradient)",
        "ceiling": "largest possible effect (nats, by the gradient)",
    }
    return table(pd.DataFrame(rows), headings)


def methods_table(table_: pd.DataFrame) -> Table:
    """What each way of steering does on the tested topics, what it repairs and breaks, and what it costs."""
    rows = [
        {
            "way": WAYS[r["method"]],
            "effect": f"{r['effect']:+.2f} [{r['null_low']:.2f}, {r['null_high']:.2f}]",
            "p": p_value(r["p"]),
            "random": ""
            if np.isnan(r["random_low"])
            else f"{r['random_low']:+.2f} to {r['random_high']:+.2f}",
            "share": f"{100 * r['share']:+.1f}",
            "counts": f"{r['repaired']}, {r['broken']}",
            "kl": "" if pd.isna(r["kl"]) else f"{r['kl']:.3f}",
            "perplexity": "" if pd.isna(r["perplexity"]) else f"{r['perplexity']:.0f}",
        }
        for r in table_.to_dict("records")
    ]
    headings = {
        "way": "way",
        "effect": "effect, and range of its controls (nats)",
        "p": "p",
        "random": "random directions (nats)",
        "share": "MC2 (points)",
        "counts": "pairs repaired, broken",
        "kl": "cost (nats a token)",
        "perplexity": "perplexity",
    }
    return table(pd.DataFrame(rows), headings)


def ways_to_steer(tables: Mapping[str, pd.DataFrame]) -> Markdown:
    """Which ways of steering do more than their controls, for the positive control and for truth.

    Parameters
    ----------
    tables : mapping of str to DataFrame
        From ``methods.method_table``, under ``sentiment`` and ``truth``.
    """
    ways = {name: one.to_dict("records") for name, one in tables.items()}
    beyond = {name: [WAYS[way["method"]] for way in one if way["p"] <= 0.05] for name, one in ways.items()}
    said = {
        name: f"{len(found)} of {len(tables[name])} ways ({'; '.join(found)})" if found else "no way"
        for name, found in beyond.items()
    }
    truth = {str(way["method"]): way for way in ways["truth"]}
    best = max(truth.values(), key=lambda way: float(way["effect"]))
    if not beyond["sentiment"]:
        reading = "So these comparisons are blind, and say nothing about truth"
    elif not beyond["truth"]:
        reading = (
            "So the comparisons see what is there to be seen, and in this model they see no way to more truth"
        )
    elif set(beyond["truth"]) <= {WAYS["prompt"], WAYS["chat"]}:
        reading = "So at most words reach what no direction reaches"
    else:
        reading = "So truth can be moved in this model, and the way matters"
    looks = len(tables["truth"])
    luck = (
        f" Of {looks} looks at one in twenty some speak by luck in {1 - 0.95**looks:.0%} of cases."
        if beyond["truth"]
        else ""
    )
    asked = any(truth[m]["p"] <= 0.05 for m in ("prompt", "chat") if m in truth)
    moved = (
        "asking for the truth moves its margin too"
        if asked
        else "not even asking for the truth moves its margin"
    )
    return Markdown(
        f"Beyond their controls, sentiment is moved by {said['sentiment']}, truth by {said['truth']}. {reading}: "
        f"{moved}.{luck}\n\nThe largest effect on truth, to {WAYS[best['method']]}, repairs {int(best['repaired'])} of "
        f"{int(best['n'])} pairs and breaks {int(best['broken'])}. {_adaptive_or_not(truth)} A larger model may answer "
        "differently; this is about the one measured."
    )


def _adaptive_or_not(truth: Mapping[str, Mapping[Any, Any]]) -> str:
    """What the paper's rule gains over a constant strength at the same cost; a row of ``methods.method_table`` by method."""
    if "adaptive" not in truth:
        return "Adapting the strength to each prompt, as the paper says it does, was not measured."
    add, adaptive = truth["add"], truth["adaptive"]
    more = adaptive["effect"] - add["effect"]
    inside = add["low"] <= adaptive["effect"] <= add["high"]
    which = "within what topics vary by" if inside else "more than topics vary by"
    return (
        f"Adapting the strength to each prompt's cosine, as the paper says it does, changes the effect of adding by {more:+.3f} "
        f"nats at the same cost, {which}."
    )


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
        "p": "p, permuted labels",
    }
    return table(pd.DataFrame(rows), headings)


def null_table(tests: pd.DataFrame) -> Table:
    """The effect against both kinds of control, by margin and by margin a token."""
    cases = itertools.product(
        {"margins": "margin", "per_token": "margin a token"}.items(), ("shuffled", "random")
    )
    names = {"shuffled": "permuted labels", "random": "random, same cost"}
    rows = [
        {
            "outcome": outcome,
            "controls": names[kind],
            **vars(selection.effect_null(tests, kind, column=column)),
        }
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
