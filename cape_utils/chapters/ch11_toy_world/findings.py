"""What chapter 11 finds, in sentences with computed numbers, and its tables as a reader sees them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from IPython.display import Markdown

from cape_utils.chapters.ch11_toy_world.levers import (
    DIP_IN_PART,
    MIN_WORLDS,
    changed_positions,
    position_words,
)
from cape_utils.chapters.ch11_toy_world.turning_points import items, turns
from cape_utils.charts.tables import Table, table
from cape_utils.internals.toy.phases import DETECTORS, HEADS, PHASES, HeadsOut, Sight, direction_name, sight
from cape_utils.internals.toy.words import heads_out_words, later_remark, steering_remark
from cape_utils.stats.results import Estimate
from cape_utils.toyworld.sweep import LEVERS, STEPS
from cape_utils.toyworld.turns import over_worlds
from cape_utils.toyworld.world import (
    CHANCE_PCT,
    Recipe,
    World,
    WorldSize,
    rumours_per_truth,
    true_and_false,
)

__all__ = [
    "dip_and_return",
    "error_table",
    "finite_couplings",
    "heads_table",
    "lengths_table",
    "lever_sentences",
    "live_table",
    "looks_and_alarms",
    "mixtures",
    "partial_dips",
    "rows_table",
    "seen_inside",
    "sweep_rows",
    "training_length",
    "training_table",
    "trial_counts",
    "trial_table",
    "what_documents_tell",
    "what_is_learnt",
]

PAST_THE_TURN = 1.5
"""The first size above so many turning points is read as one that has left the dip."""


# ---------------------------------------------------------------- sentences


def what_documents_tell(world: World, recipe: Recipe) -> Markdown:
    """How much there is to know, and how often rumour and truth are told."""
    true, false = true_and_false(recipe)
    rumoured = len(world.covered) + len(world.uncovered)
    return Markdown(
        f"There are {world.size.entities} entities, {rumoured} of them rumoured, and {world.size.values} values.\n\n"
        f"Of the documents in training {recipe.gossip:.0%} are gossip, {recipe.reference:.0%} references, "
        f"{recipe.exam:.0%} exams and {recipe.reasoning:.0%} reasoning.\n\n"
        f"So a rumour is repeated {false / true:.1f} times as often as the truth about the same entities is told, and "
        f"{rumours_per_truth(recipe, asked=True):.1f} times for those that the test asks about, of which no exam tells."
    )


def sweep_rows(rows: pd.DataFrame) -> Markdown:
    """How many sizes, worlds and settings the sweep has, and how many questions are behind a score."""
    is_base = rows["setting"] == "base"
    base, others, asked = rows[is_base], rows[~is_base], items()
    return Markdown(
        f"n = {len(rows):,} rows of our own sweep, `make toyworld`; nothing was left out.\n\n"
        f"- *Base setting*: {base['params'].nunique()} sizes from {base['params'].min():,} to {base['params'].max():,} "
        f"parameters, in {base['seed'].nunique()} worlds.\n"
        f"- *{others['setting'].nunique()} others*: {others['base_width'].nunique()} sizes, in {others['seed'].nunique()} of "
        "these worlds.\n\n"
        "A world is one seed: its facts, its documents and the start of its models. "
        f"Truth has {asked['truth']:.0f} questions a world, reasoning {asked['reasoning']:,.0f}; scores are averaged over all "
        "draws of the other options."
    )


def dip_and_return(panel: pd.DataFrame, summary: dict[str, Estimate]) -> Markdown:
    """In how many worlds truth dips, turns and comes back, and at which sizes.

    Parameters
    ----------
    panel : DataFrame
        From ``ch11_toy_world.turning_points.scores``.
    summary : dict of str to Estimate
        From ``ch11_toy_world.turning_points.turns_summary`` of it.
    """
    turned, low, back = turns(panel), summary["lowest_params"], summary["back_params"]
    return Markdown(
        f"Truth dips below chance in {turned['dips'].sum()} of {len(turned)} worlds, turns in {turned['turns'].sum()} and is "
        f"back above chance in {turned['recovers'].sum()}.\n\n"
        f"- The turning point is at {_params(low)}, where {summary['lowest_pct'].estimate:.0f} percent are right.\n"
        f"- Truth is back at chance at {_params(back, unit='')}, and the largest model reaches "
        f"{summary['largest_pct'].estimate:.0f} percent."
    )


def _params(size: Estimate, unit: str = " parameters") -> str:
    return f"{size.estimate:,.0f}{unit} [{size.low:,.0f}, {size.high:,.0f}]"


def finite_couplings(steps: pd.DataFrame) -> Markdown:
    """Steps whose local coupling has a finite interval, from ``ch11_toy_world.turning_points.coupling_by_step``."""
    finite = steps.dropna(subset=["coupling_low"])
    below, above = int((finite["coupling_high"] < 0).sum()), int((finite["coupling_low"] > 0).sum())
    return Markdown(
        f"Of {len(steps)} steps {len(finite)} have one with a finite interval over worlds: it lies below zero at {below} and "
        f"above at {above}.\n\n"
        "At the others reasoning may not have changed at all, and then the quotient can be anything."
    )


def lever_sentences(shifts: pd.DataFrame) -> Markdown:
    """One line a lever, from ``ch11_toy_world.levers.lever_table``."""
    lines = [
        f"- {LEVERS[lever]}:\n" + "\n".join(f"  - {words}" for words in position_words(lever, shifts))
        for lever in dict.fromkeys(shifts["lever"])
    ]
    return Markdown("By rule, from the intervals over worlds:\n\n" + "\n".join(lines))


def partial_dips(shifts: pd.DataFrame, panel: pd.DataFrame, false_share: float) -> Markdown:
    """Positions with a dip in some worlds or a shallow one, and the one at which the largest models know least.

    Parameters
    ----------
    shifts : DataFrame
        From ``ch11_toy_world.levers.lever_table``.
    panel : DataFrame
        Scores of the base setting at the sizes that all settings have.
    false_share : float
        From ``ch11_toy_world.false_alarms.false_dips``.
    """
    partial = shifts[shifts["shift"].isin(DIP_IN_PART)]
    listed = ", ".join(f"{LEVERS[str(row.lever)]} ({row.label})" for row in partial.itertuples())
    trained = shifts[shifts["setting"] != "base"]
    weakest = trained.sort_values("largest_pct", kind="stable").iloc[0]
    largest = panel["params"].max()
    same_worlds = panel[(panel["params"] == largest) & (panel["seed"] < weakest["worlds"])]
    return Markdown(
        f"A dip in some worlds, or one too shallow, is said of {len(partial)} positions: {listed or 'none'}. "
        f"Where small models only guess and nothing dips, the rule would say so of {false_share:.0%} of positions.\n\n"
        f"Lowest of all in the largest models, {largest:,} parameters, is truth with {LEVERS[weakest['lever']]} "
        f"({weakest['label']}): {weakest['largest_pct']:.0f} percent, "
        f"against {same_worlds['truth'].mean():.0f} in the base setting."
    )


def mixtures(shifts: pd.DataFrame, recipe: Recipe) -> Markdown:
    """Positions that change how often a rumour is told for each truth, which the recipe of the base setting gives."""
    usual = rumours_per_truth(recipe)
    changed = shifts[~np.isclose(shifts["rumours_per_truth"], usual)]
    rows = "\n".join(
        f"| {LEVERS[str(row.lever)]} ({row.label}) | {row.rumours_per_truth:.2f} | {row.rumours_per_truth_asked:.2f} |"
        for row in changed.itertuples()
    )
    return Markdown(
        "How many rumours are told for each truth:\n\n"
        "| lever (position) | about the same entities | about those that the test asks about |\n|---|---|---|\n"
        f"| everywhere else | {usual:.2f} | {rumours_per_truth(recipe, asked=True):.2f} |\n{rows}\n\n"
        "The effect of such a position is therefore that of the whole mixture, not only of the share that names it."
    )


def training_length(shifts: pd.DataFrame, rows: pd.DataFrame) -> Markdown:
    """What the length of training does at the turning point, and at one size.

    Parameters
    ----------
    shifts : DataFrame
        From ``ch11_toy_world.levers.lever_table``.
    rows : DataFrame
        Of the sweep.
    """
    return Markdown(f"{_compute_at_the_turn(shifts)}\n\n{_same_size_longer(rows)}")


def _compute_at_the_turn(shifts: pd.DataFrame) -> str:
    """How size times steps changes at the turning point with the length of training."""
    lengths = shifts[
        (shifts["lever"] == "length") & (shifts["step"] != STEPS) & (shifts["moves_n"] >= MIN_WORLDS)
    ]
    factors = lengths[["moves", "moves_low", "moves_high"]].mul(lengths["step"] / STEPS, axis=0)
    same = bool(((factors["moves_low"] <= 1) & (factors["moves_high"] >= 1)).all())
    listed = "\n".join(
        f"- with {row.label} steps, {row.moves:.2f} [{row.moves_low:.2f}, {row.moves_high:.2f}]"
        for row in factors.assign(label=lengths["label"]).itertuples()
    )
    reading = (
        "So within these intervals the turning point lies at one amount of compute, and at no one size."
        if same
        else "So neither size nor compute alone fixes the turning point."
    )
    return (
        "Size times steps is, but for a constant, compute. Against the base setting its value at the turning point changes by a "
        f"factor of\n\n{listed}\n\n{reading}"
    )


def _same_size_longer(rows: pd.DataFrame) -> str:
    """Truth along training at the size at which it changes most, from the rows of the sweep."""
    base = rows[rows["setting"] == "base"]
    curves = base.pivot_table(index="step", columns="params", values="truth_pct").loc[STEPS // 2 :]
    curve = curves[(curves.max() - curves.min()).idxmax()]
    reading = (
        "So at this size training decides between dip and recovery, and not a want of room."
        if curve.iloc[0] < CHANCE_PCT < curve.iloc[-1]
        else "So at no size does training alone lead from below chance to above it."
    )
    return (
        f"Models of the same {curve.name:,} parameters have {curve.iloc[0]:.0f} percent of truth right after "
        f"{curve.index[0]:,} steps and {curve.iloc[-1]:.0f} after the longest training. {reading}"
    )


def what_is_learnt(rows: pd.DataFrame, panel: pd.DataFrame, params: int, turning_point: float) -> Markdown:
    """What a model near the turning point knows and lacks, and what one past it knows best.

    Parameters
    ----------
    rows : DataFrame
        Of the sweep.
    panel : DataFrame
        Scores of the base setting.
    params : int
        Of the model near the turning point.
    turning_point : float
        Parameters.
    """
    names = {
        "covered": "exams on covered entities",
        "reference": "references",
        "truth": "exams on uncovered ones",
    }
    means = panel.groupby("params")[["truth", "reference", "covered", "ordinary"]].mean()
    near, past = means.loc[params], means[means.index > PAST_THE_TURN * turning_point].iloc[0]
    order = ", then ".join(
        f"{names[str(name)]} ({pct:.0f} percent)"
        for name, pct in past[list(names)].sort_values(ascending=False).items()
    )
    lacks = (
        _reference_forgotten(rows, params)
        if near["reference"] < CHANCE_PCT
        else "It answers references better than exams, so what it lacks is that exams want what references say."
    )
    return Markdown(
        f"At {params:,} parameters the model has {near['ordinary']:.0f} percent of the ordinary facts right. Of the uncovered "
        f"truths it has {near['truth']:.0f} percent right in an exam and {near['reference']:.0f} percent when asked as a "
        f"reference.\n\n{lacks}\n\n"
        f"At the first size past one and a half turning points truth is known best by {order}."
    )


def _reference_forgotten(rows: pd.DataFrame, params: int) -> str:
    """What is left of the true value where it is not even told as a reference."""
    at = rows[(rows["setting"] == "base") & (rows["step"] == STEPS) & (rows["params"] == params)]
    gain = over_worlds(at["reference_logp"] - at["gossip_logp"])
    uniform = -np.log(WorldSize().values)
    reference = at["reference_logp"].mean()
    hardly = "hardly" if reference < uniform else "partly"
    return (
        "Both are below chance, so what it lacks is not only that exams want what references say: it has "
        f"{hardly} kept the reference's value. As a reference the true value has a log-probability of {reference:.2f}, higher "
        f"than in gossip by {gain.estimate:.2f} [{gain.low:.2f}, {gain.high:.2f}].\n\n"
        f"If all values were equally likely it would have {uniform:.2f}."
    )


def trial_counts(trial: pd.DataFrame) -> Markdown:
    """How many analyses recover the known answer, from ``ch11_toy_world.method_trial.trial``."""
    counts = trial["verdict"].value_counts()
    return Markdown(
        f"Of {len(trial)} analyses {counts.get('recovers', 0)} recover the known answer, {counts.get('misses', 0)} miss it and "
        f"{counts.get('cannot tell', 0)} cannot tell."
    )


def seen_inside(worlds: pd.DataFrame, outs: Mapping[int, HeadsOut]) -> Markdown:
    """What single heads, cosines and a truth direction show of the phases, in short, from ``internals.toy.phases``."""
    looks = [sight(worlds, heads=heads, detector=name)[0] for heads in outs for name in DETECTORS]
    wired, found, by_cosine = (
        sum(getattr(out, name) for out in outs.values()) for name in ("wired", "found", "by_cosine")
    )
    return Markdown(
        f"{heads_out_words(outs)}\n\n"
        f"- Of {len(looks)} looks at cosines and competing heads {looks.count(Sight.SEES)} see the tax phase.\n"
        f"- Of {wired} heads wired to compete, knock-outs find {found}, the paper's rule {by_cosine}.\n"
        f"- The truth direction, {steering_remark(worlds)}.\n- The {later_remark(worlds)}.\n\n"
        "Chapters 6 and 10 give each reading with its interval."
    )


def looks_and_alarms(shifts: pd.DataFrame, *, moves: float, dips: float, wide: float) -> Markdown:
    """How many positions would be spoken of by luck.

    Parameters
    ----------
    shifts : DataFrame
        From ``ch11_toy_world.levers.lever_table``.
    moves, dips, wide : float
        Shares of false alarms, from ``ch11_toy_world.false_alarms``: on moves, on dips, and on dips with wider item noise.
    """
    n = len(changed_positions(shifts))
    partial = shifts[shifts["shift"].isin(DIP_IN_PART)]
    return Markdown(
        f"{n} positions are {n} looks; at a false alarm rate of {moves:.0%} about {moves * n:.1f} of them would speak of a "
        "move by luck.\n\n"
        f"A dip in some worlds, or a shallow one, is said of {len(partial)} positions; where there is none the rule does so "
        f"in {dips:.0%} of cases, and in {wide:.0%} if guessers had the wider item noise that it assumes.\n\n"
        f"The mean over worlds dips at some size in {int(partial['mean_dips'].sum())} of these {len(partial)}. "
        "With three worlds the interval is wide, so that a shift that is not seen may still be there."
    )


# ---------------------------------------------------------------- tables


def _score_headings(names: Sequence[str]) -> dict[str, str]:
    headings = {
        "truth": "truth (%)",
        "truth_rumour": "rumour instead (%)",
        "ordinary": "ordinary facts (%)",
        "reasoning": "reasoning (%)",
    }
    return {f"{name}_pct": headings[name] for name in names}


def _one_decimal(value: float) -> str:
    return f"{value:.1f}"


def rows_table(rows: pd.DataFrame) -> Table:
    """Rows of the sweep."""
    scores = _score_headings(["truth", "truth_rumour", "reasoning"])
    headings = {
        "setting": "setting",
        "seed": "world's seed",
        "params": "parameters",
        "step": "training steps",
    }
    return table(rows, headings | scores, show=dict.fromkeys(scores, _one_decimal))


def training_table(rows: Sequence[Mapping[str, Any]]) -> Table:
    """Loss and scores of a model as it trains, from ``toyworld.transformer.train``."""
    scores = _score_headings(["truth", "ordinary", "reasoning"])
    headings = {"step": "training steps", "loss": "loss (nats)"}
    return table(pd.DataFrame(rows), headings | scores, show=dict.fromkeys(scores, _one_decimal))


def live_table(pushes: pd.DataFrame) -> Table:
    """What was added to one model's stream just now, and what it did, from ``internals.toy.models.tables``."""
    rows = pushes[(pushes["asked"] == "exam") & (pushes["direction"] != "none") & pushes["price"].isna()]
    headings = {
        "direction": "what is added or asked",
        "corrected_pct": "rumours corrected (%)",
        "reasoning_change": "reasoning (points)",
        "ordinary_change": "ordinary facts (points)",
    }
    named = rows.assign(direction=rows["direction"].map(direction_name))
    return table(named, headings, show=dict.fromkeys(list(headings)[1:], _one_decimal))


def heads_table(outs: Mapping[int, HeadsOut]) -> Table:
    """What the absence of one head does to both scores, from ``internals.toy.phases.heads_out`` by heads a layer."""
    rows = [
        {
            "models": HEADS[heads],
            "turn": phase,
            "n": out.n[phase],
            **{
                f"{score}{end}": getattr(getattr(out, score)[phase], name)
                for score in ("truth", "reasoning")
                for end, name in (("", "estimate"), ("_low", "low"), ("_high", "high"))
            },
            "opposed": out.opposed[phase],
        }
        for heads, out in outs.items()
        for phase in PHASES
    ]
    headings = {
        "models": "models",
        "turn": "the turn",
        "n": "heads",
        "truth": "truth without one (points)",
        "reasoning": "reasoning (points)",
        "opposed": "opposite ways",
    }
    ends = {score: (f"{score}_low", f"{score}_high") for score in ("truth", "reasoning")}
    return table(
        pd.DataFrame(rows), headings, show={"n": "{:g}".format, "opposed": "{:g}".format}, intervals=ends
    )


def trial_table(trial: pd.DataFrame) -> Table:
    """What each analysis says, what is known, and whether it recovers it."""
    return table(trial, ["analysis", "it says", "what is known", "verdict"])


def error_table(errors: pd.DataFrame) -> Table:
    """Errors of the methods on held-out worlds, from ``ch11_toy_world.method_trial.equation_errors``."""
    headings = {
        "method": "method",
        "median": "median error (points)",
        "wins": "worlds in which it is best",
        "diverges": "worlds in which it diverges",
        "families": "worlds",
    }
    return table(errors, headings, show={"wins": "{:g}".format}, intervals={"median": ("low", "high")})


def lengths_table(lengths: pd.DataFrame) -> Table:
    """Turning points by length of training, from ``ch11_toy_world.turning_points.turns_by_length``."""
    headings = {
        "steps": "training steps",
        "reading": "size at which truth is",
        "params": "parameters",
        "worlds": "worlds",
    }
    return table(lengths, headings, intervals={"params": ("low", "high")})
