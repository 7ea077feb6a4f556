"""What chapter 06 finds, in sentences with computed numbers, and its tables as a reader sees them."""

from __future__ import annotations

import enum
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from IPython.display import Markdown

from cape_utils.chapters.ch06_attention_heads.attention import length_draws
from cape_utils.chapters.ch06_attention_heads.controls import FirstSeen
from cape_utils.chapters.ch06_attention_heads.head_gates import GateSlopes, HeadAgreement, items_needed
from cape_utils.chapters.ch06_attention_heads.recompute import QUOTED_MODELS
from cape_utils.charts.tables import Table, table
from cape_utils.internals.cosine import InternalCoupling
from cape_utils.internals.toy.phases import HeadsOut
from cape_utils.internals.toy.words import detectors_words, planted_words
from cape_utils.stats.formatting import interval, number, p_value
from cape_utils.stats.resampling import interval as percentile_interval

if TYPE_CHECKING:
    from cape_utils.models.loading import ModelInfo

__all__ = [
    "REASONING_CONTROL",
    "REASONING_TRUTH",
    "attention_weights",
    "closing",
    "cosine_table",
    "example_pairs",
    "example_prompts",
    "halves_table",
    "head_profiles",
    "in_release",
    "known_turn",
    "last_token_table",
    "models_table",
    "network_and_prompts",
    "no_head_competes",
    "opposition_seen",
    "planted_table",
    "random_halves",
    "reference_decides",
    "right_endings",
    "scale_checks",
    "slopes_table",
]

REASONING_TRUTH, REASONING_CONTROL = "reasoning and truthfulness", "reasoning and control"
TRAINED, RANDOM = "trained", "random weights"
SCALED, IN_NATS, TWO_HALVES = "scaled by head", "in nats", "two halves"
_RELIABLE = 0.8


def _three(value: float) -> str:
    return f"{value:.3f}"


def _two(value: float) -> str:
    return f"{value:.2f}"


# ---------------------------------------------------------------- sentences


def in_release(released: pd.DataFrame, counted: pd.DataFrame, patterns: pd.DataFrame) -> Markdown:
    """How much of the paper's count of models can be seen in the release.

    Parameters
    ----------
    released, counted, patterns : pandas.DataFrame
        From ``recompute.released``, ``recompute.counted_models`` and ``recompute.pattern_rows``.
    """
    repeated = released["flags"].str.contains("repeated_score").sum()
    in_text_only = (~released["in_release"]).sum()
    zero = (counted["competing_units"] == 0).sum()
    return Markdown(
        f"The table has {len(released)} rows; {in_text_only} of them stand in the text of the paper only. A count of "
        f"competing units is released for {len(counted)} models of the {QUOTED_MODELS}; {zero} of those counts are zero. "
        f"All {len(patterns)} profiles of attention patterns are constant to seven digits over their layers, and {repeated} "
        "models share one value to three digits. What such a constant means is a question of this chapter."
    )


def network_and_prompts(
    model: ModelInfo, prompts: Mapping[str, Sequence[str]], *, measured: int = 16
) -> Markdown:
    """Which network is opened, and what its prompts are."""
    return Markdown(
        f"The model is {model}. The prompts of the three kinds have the same forms and nearly the same lengths. The "
        f"*control* prompts are recipes and small talk. The first {measured} of each kind are measured, as in the paper; the "
        f"other {len(prompts['reasoning']) - measured} serve as references. The first token of a text is left out of every "
        "mean, since a network parks attention there and its activations dwarf the rest."
    )


def _by_network(cosines: pd.DataFrame) -> dict[Any, dict[Any, Any]]:
    """Rows of the heads, by network and pair of kinds."""
    return cosines[cosines["unit"] == "head"].set_index(["network", "prompts"]).to_dict("index")


def no_head_competes(cosines: pd.DataFrame) -> Markdown:
    """How many heads compete, also where nothing can.

    Parameters
    ----------
    cosines : pandas.DataFrame
        From ``controls.coupling_table``.
    """
    heads = _by_network(cosines)
    pair, recipes = heads[TRAINED, REASONING_TRUTH], heads[TRAINED, REASONING_CONTROL]
    untrained = heads[RANDOM, REASONING_TRUTH]
    gap = pair["mean"] - recipes["mean"]
    distance = "nearer to" if gap > 0 else "farther from"
    level = "below" if untrained["mean"] < pair["mean"] else "no lower than"
    agreement = (
        "as the paper reports of its models"
        if pair["competing"] == 0
        else "against what the paper reports of its models"
    )
    return Markdown(
        f"In the trained network {pair['competing']:.0f} of {pair['units']:.0f} heads compete between reasoning and "
        f"truthfulness, {agreement}. Between reasoning and recipes or small talk {recipes['competing']:.0f} compete, and "
        f"{recipes['cooperative_pct']:.0f}% cooperate. Reasoning is {distance} truthfulness than to the control prompts, by "
        f"{abs(gap):.3f} of a cosine. In the network that has learnt nothing the heads' mean cosine is "
        f"{untrained['mean']:.3f}, {level} in the trained one, and {untrained['competing']:.0f} heads compete."
    )


def reference_decides(profile: pd.DataFrame) -> Markdown:
    """What the centred cosines are with each reference, in the trained network.

    Parameters
    ----------
    profile : pandas.DataFrame
        From ``controls.profile_table``.
    """
    trained = profile[profile["network"] == TRAINED]
    means = trained.groupby(["measure", "pair"], sort=False)["cosine"].mean()
    on_third, between = means.loc["centred on the third kind"], means.loc["centred between the two"]
    of_pair = trained[
        (trained["measure"] == "centred on the third kind") & (trained["pair"] == REASONING_TRUTH)
    ]
    listed = "; ".join(f"{pair} {value:.2f}" for pair, value in on_third.items())
    return Markdown(
        f"With the third kind as reference the mean over layers is {listed}. So what the raw measure puts near 1 for every "
        "pair now depends on which three sets were chosen. With other prompts of the same two kinds as reference the means "
        f"are {between.min():.2f} to {between.max():.2f}: such a reference lies between the two, and more prompts would "
        "bring the cosine towards -1 for any two kinds that differ at all, recipes included. Reasoning and truthfulness "
        f"have a negative centred cosine in {(of_pair['cosine'] < 0).sum()} of {len(of_pair)} layers. None of these signs "
        "says by itself that two abilities work together or against each other."
    )


def opposition_seen(seen: Mapping[str, FirstSeen]) -> Markdown:
    """From which planted size on an opposition shows in the raw and in the centred measure.

    Parameters
    ----------
    seen : mapping of str to FirstSeen
        From ``controls.first_seen``.
    """
    raw, centred = seen["raw"], seen["centred"]
    sees = (
        "So the instrument is not blind; the rule is. " if raw.unlike_halves_from < raw.competing_from else ""
    )
    return Markdown(
        f"The raw cosine of half the heads turns negative from a planted size of {number(raw.negative_from)} on, and half "
        f"of them compete by the paper's rule from {number(raw.competing_from)} on: the opposition has to outweigh "
        "everything else that the head says. Arithmetic asks for as much. With a shared part of length 1 and an opposition "
        "of x the cosine is (1 - x²)/(1 + x²), which is below -0.5 beyond the root of three. Centred, half of the heads "
        f"compete from {number(centred.competing_from)} on; its sign alone says little, since with nothing planted "
        f"{centred.negative_pct_unplanted:.0f}% of heads are below zero. Compared with random halves of the same prompts "
        f"the mean over heads leaves their range from {number(raw.unlike_halves_from)} (raw) and "
        f"{number(centred.unlike_halves_from)} (centred) on. {sees}No competing head means: no opposition well beyond the "
        "size of the activations themselves."
    )


def known_turn(worlds: pd.DataFrame, out: HeadsOut) -> Markdown:
    """What the measures show in a toy world whose turning point is known.

    Parameters
    ----------
    worlds : pandas.DataFrame
        From ``internals.toy.phases.by_world``.
    out : HeadsOut
        From ``internals.toy.phases.heads_out``.
    """
    return Markdown(f"{detectors_words(worlds)}\n\n{planted_words(out)}")


def attention_weights(patterns: pd.DataFrame, *, tokens: int, first_token: float) -> Markdown:
    """Why a cosine of attention weights is high, and why one is constant.

    Parameters
    ----------
    patterns : pandas.DataFrame
        From ``attention.pattern_table``.
    tokens : int
        How many first tokens of each prompt are looked at.
    first_token : float
        Share of the trained network's attention that goes to the first token.
    """
    rows: dict[Any, dict[Any, Any]] = (
        patterns[patterns["pair"] == REASONING_TRUTH].set_index("case").to_dict("index")
    )
    mean, mean_random = rows["mean, trained"], rows["mean, random weights"]
    low, high = percentile_interval(length_draws())
    return Markdown(
        f"Over the first {tokens} tokens the trained network's heads have a mean cosine of "
        f"{rows['trained']['cosine']:.3f}, and {first_token:.0%} of their attention is on the first "
        f"token. Random weights give {rows['random weights']['cosine']:.3f}, shares drawn by chance "
        f"{rows['any shares, drawn']['cosine']:.3f}. A high cosine of attention weights is no sign of cooperation. The "
        "last two lines, *mean*, explain a constant. Averaged over the words looked at, every row gives one over the length "
        "of its prompt, whatever the network does: over all heads and layers the cosine varies by "
        f"{mean['high'] - mean['low']:.0e}, and the trained and the random network agree to "
        f"{abs(mean['cosine'] - mean_random['cosine']):.0e}. Released profiles that are constant to seven digits, the same "
        "at 1B and 7B and different from tokenizer to tokenizer, behave like that. For two sets of 16 prompts of 5 to 25 "
        f"tokens this number lies between {low:.2f} and {high:.2f}. We cannot know which reduction the authors took; we can "
        "say that a number which no weight moves is about the prompts."
    )


def right_endings(slopes: Mapping[str, GateSlopes], pairs: Mapping[str, pd.DataFrame]) -> Markdown:
    """How often the model prefers the right ending, by set of pairs."""
    right = {name: slope.margin > 0 for name, slope in slopes.items()}
    truth = right["truthfulness"]
    misconception = (pairs["truthfulness"]["kind"] == "misconception").to_numpy()
    return Markdown(
        f"The model prefers the right ending in {right['reasoning'].mean():.0%} of {len(pairs['reasoning'])} reasoning "
        f"pairs and {truth.mean():.0%} of {len(pairs['truthfulness'])} truth pairs ({truth[~misconception].mean():.0%} of "
        f"facts, {truth[misconception].mean():.0%} of misconceptions). The two rows of a couple have the same endings the "
        "other way round, so a couple's mean is free of any liking for an ending, and couples are what is counted below."
    )


class _Tie(enum.Enum):
    """How the use of heads for one set goes with that for another."""

    ALIKE = enum.auto()
    OPPOSED = enum.auto()
    NONE = enum.auto()


def _tie(compared: HeadAgreement) -> _Tie:
    if compared.r.p > 0.05:
        return _Tie.NONE
    return _Tie.ALIKE if compared.r.observed > 0 else _Tie.OPPOSED


def head_profiles(compared: HeadAgreement) -> Markdown:
    """Whether heads that serve reasoning serve truthfulness, and how far single heads can be named."""
    words = {
        _Tie.ALIKE: "more alike than chance makes them",
        _Tie.OPPOSED: "more opposed than chance makes them",
        _Tie.NONE: "no more tied to each other than chance allows",
    }
    first, second = compared.reliability_first, compared.reliability_second
    trust = "can be trusted" if min(first, second) >= _RELIABLE else "should not be named one by one"
    needed = " and ".join(
        _couples(items_needed(reliability, n, target=_RELIABLE))
        for reliability, n in ((first, compared.n_first), (second, compared.n_second))
    )
    return Markdown(
        f"The profiles of reasoning and truthfulness over heads are {words[_tie(compared)]} (r = {compared.r.observed:.2f}, "
        f"{p_value(compared.r.p, name=True)}), each head on its own scale; the next section asks whether the scale matters. "
        "The *reliability* of a profile says how well another draw of as many couples would repeat it: "
        f"{first:.2f} for {compared.n_first} reasoning couples, {second:.2f} for {compared.n_second} truth couples. At such "
        f"values single heads {trust}; {needed} would be needed for a reliability of {_RELIABLE}. With all heads tested at "
        f"once {compared.named_first.sum()} differ from zero for reasoning, {compared.named_second.sum()} for truthfulness, "
        f"and {compared.competing.sum()} do so for both with opposite signs."
    )


def _couples(n: float) -> str:
    return "no number of couples that we could name" if math.isinf(n) else f"about {n:,.0f} couples"


def random_halves(halves: pd.DataFrame) -> Markdown:
    """Whether the kinds differ more than random halves, in each network.

    Parameters
    ----------
    halves : pandas.DataFrame
        From ``controls.random_halves_table``.
    """
    farther = (halves["cosine"] < halves["low"]).groupby(halves["network"]).sum()
    trained = halves[halves["network"] == TRAINED].set_index("prompts")
    recipes = trained.loc[REASONING_CONTROL]
    content = (
        "So the cosine is not blind to content"
        if farther[TRAINED]
        else "So nothing shows that the cosine sees content"
    )
    control = (
        "and tells reasoning from recipes and small talk as well"
        if recipes["cosine"] < recipes["low"]
        else "though it does not tell reasoning from recipes and small talk"
    )
    learnt = (
        "In the one network of random numbers tried, the kinds are not seen to be farther apart than halves"
        if farther[RANDOM] == 0
        else "It does so in a network of random numbers too, so some of the difference is in the words and not in what was "
        "learnt"
    )
    return Markdown(
        f"The sets differ more than random halves in {farther[TRAINED]} of {len(trained)} comparisons in the trained "
        f"network and {farther[RANDOM]} of {len(trained)} in the random one. {content}, {control}. {learnt}. The lowest "
        f"mean is {trained['cosine'].min():.2f}, far from where the rule for competing units begins to look. To differ is "
        "not to compete."
    )


def _one_answer(checks: Mapping[str, HeadAgreement]) -> bool:
    """Whether slopes on both scales lead to the same answer."""
    return (checks[SCALED].r.p <= 0.05) == (checks[IN_NATS].r.p <= 0.05)


def scale_checks(
    checks: Mapping[str, HeadAgreement], by_last_token: Mapping[str, InternalCoupling]
) -> Markdown:
    """Whether the scale of the slopes, or the token that is looked at, changes the answer."""
    scaled, plain = checks[SCALED].r, checks[IN_NATS].r
    stable = (
        "The answer does not depend on the scale"
        if _one_answer(checks)
        else "The answer depends on the scale, so it is a hint and not a finding"
    )
    counts = sorted({one.competing_units for one in by_last_token.values()})
    return Markdown(
        f"The two halves of the truth couples, the same thing twice, give r = {checks[TWO_HALVES].r.observed:.2f}. "
        f"{stable}: r is {scaled.observed:.2f} ({p_value(scaled.p, name=True)}) with each head on its own scale and "
        f"{plain.observed:.2f} ({p_value(plain.p, name=True)}) in nats. With the last token the counts of competing heads "
        f"for the three pairs of prompts are {', '.join(map(str, counts))}."
    )


def closing(cosines: pd.DataFrame, checks: Mapping[str, HeadAgreement]) -> Markdown:
    """What the chapter finds, by the paper's rule and by the gates."""
    competing = {key: row["competing"] for key, row in _by_network(cosines).items()}
    of_pair = competing.pop((TRAINED, REASONING_TRUTH))
    by_rule = "No head competes" if of_pair == 0 else f"{of_pair:.0f} heads compete"
    elsewhere = (
        "and none does between reasoning and recipes, or in a network of random numbers"
        if not any(competing.values())
        else f"and up to {max(competing.values()):.0f} do with recipes, or in a network of random numbers"
    )
    tie = {
        _Tie.ALIKE: "reasoning and truthfulness tend to use heads alike",
        _Tie.OPPOSED: "reasoning and truthfulness tend to use heads in opposite ways",
        _Tie.NONE: "nothing ties the use of heads by reasoning to that by truthfulness",
    }[_tie(checks[SCALED])]
    depends = "does not depend" if _one_answer(checks) else "depends"
    return Markdown(
        f"{by_rule} in this model by the paper's rule, {elsewhere}. Asked what the heads are for, {tie}, an answer that "
        f"{depends} on the scale."
    )


# ---------------------------------------------------------------- tables


def example_prompts(prompts: pd.DataFrame) -> Table:
    """Two prompts of each kind."""
    return table(
        prompts.groupby("kind").head(2),
        ["kind", "topic", "form", "prompt"],
        show={"topic": lambda topic: topic.replace("_", " ")},
    )


def example_pairs(pairs: Mapping[str, pd.DataFrame]) -> Table:
    """A pair of each of three topics of each set."""
    examples = pd.concat(
        [part.groupby("topic").head(1).head(3).assign(set=name) for name, part in pairs.items()]
    )
    headings = {"set": "set", "stem": "beginning", "true_completion": "right ending"}
    return table(examples, {**headings, "false_completion": "wrong ending"})


def cosine_table(cosines: pd.DataFrame) -> Table:
    """Cosines of each network, kind of unit and pair of kinds; from ``controls.coupling_table``."""
    named = cosines.assign(units=[f"{row.units} {row.unit}s" for row in cosines.itertuples()])
    headings = {"network": "network", "units": "units", "prompts": "prompts", "mean": "mean cosine"}
    return table(
        named,
        {**headings, "lowest": "lowest", "competing": "competing", "cooperative_pct": "cooperative (%)"},
        show={"mean": _three, "lowest": _three, "cooperative_pct": "{:.0f}".format},
    )


def planted_table(planted: pd.DataFrame) -> Table:
    """What both measures show of planted oppositions; from ``controls.planted_curve``."""
    headings = {"measure": "measure", "mean_cosine": "mean cosine", "negative_pct": "negative (%)"}
    return table(
        planted,
        {**headings, "competing_pct": "competing (%)"},
        show=dict.fromkeys(("mean_cosine", "negative_pct", "competing_pct"), "{:.1f}".format),
    )


def halves_table(halves: pd.DataFrame) -> Table:
    """Cosines beside those of random halves; from ``controls.random_halves_table``."""
    ends = zip(halves["median"], halves["low"], halves["high"], strict=True)
    return table(
        halves.assign(random=[f"{median:.3f} {interval(low, high, 3)}" for median, low, high in ends]),
        {"network": "network", "prompts": "prompts", "cosine": "cosine", "random": "random halves", "p": "p"},
        show={"cosine": _three},
    )


def slopes_table(checks: Mapping[str, HeadAgreement]) -> Table:
    """How the profiles over heads agree, on each scale."""
    rows = [
        (name, one.r.observed, interval(one.r.low, one.r.high, 2), one.r.p, one.opposite.observed)
        for name, one in checks.items()
    ]
    frame = pd.DataFrame(rows, columns=["slopes", "r", "null", "p", "share"])
    headings = {"slopes": "slopes", "r": "r", "null": "95% of the null", "p": "p", "share": "opposite signs"}
    return table(frame, headings, show={"r": _two})


def last_token_table(by_last_token: Mapping[str, InternalCoupling]) -> Table:
    """Cosines of heads at the last token, by pair of kinds."""
    rows = [
        (pair, one.mean_cosine, float(np.min(one.cosine)), one.competing_units)
        for pair, one in by_last_token.items()
    ]
    columns = ["prompts", "mean cosine", "lowest", "competing heads"]
    return table(pd.DataFrame(rows, columns=columns), show={"mean cosine": _three, "lowest": _three})


def models_table(survey: pd.DataFrame) -> Table | Markdown:
    """Competing heads of the models that were measured on this machine, or that there are none.

    Parameters
    ----------
    survey : pandas.DataFrame
        From ``internals.read_results``.
    """
    if survey.empty:
        return Markdown("*No results of other models were found.*")
    headings = {"model": "model", "layers": "layers", "heads": "heads"}
    competing = {
        "head_reasoning_truthfulness_competing": "competing, reasoning and truthfulness",
        "head_reasoning_control_competing": "competing, reasoning and control",
    }
    return table(survey, {**headings, **competing})
