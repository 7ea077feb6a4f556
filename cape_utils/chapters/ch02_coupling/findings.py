"""What chapter 02 finds, in sentences with computed numbers, and its tables as a reader sees them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from IPython.display import Markdown
from scipy import stats

from cape_utils.charts.parts import size_label
from cape_utils.charts.tables import Table, table
from cape_utils.claims.verdicts import Assessment, tier
from cape_utils.scaling import coupling, trend_nulls
from cape_utils.scaling.coupling import PHASES
from cape_utils.stats.correlation import partial_correlation
from cape_utils.stats.formatting import interval, p_value
from cape_utils.stats.results import Estimate, Null

__all__ = [
    "chance_table",
    "copies_agree",
    "counted_steps",
    "coupling_groups",
    "fall_below_guessing",
    "group_table",
    "model_table",
    "pairs_without_truth",
    "phase_table",
    "shuffle_words",
    "shuffled_steps",
    "small_and_large_models",
    "step_table",
    "two_trends",
]

HS, TQA = "hellaswag", "truthfulqa_mc2"


# ---------------------------------------------------------------- sentences


def copies_agree(r: Estimate, exact: Null, copies: pd.DataFrame) -> Markdown:
    """The correlation quoted and its permutation p, and the same in every copy of the table.

    Parameters
    ----------
    r : Estimate
        Population coupling of the eight models.
    exact : Null
        Every way to pair the two lists.
    copies : pandas.DataFrame
        From ``data.pythia_copies``.
    """
    listed = ", ".join(
        f"{name} {coupling.population_coupling(part).estimate:.3f}"
        for name, part in copies.groupby("copy", sort=False)
    )
    return Markdown(
        f"Over the {r.n} models r is **{r.estimate:.3f}** [{r.low:.3f}, {r.high:.3f}]. Of all {exact.draws:,} ways to pair "
        f"the "
        f"two lists {exact.p * exact.draws:.0f} give an r as large, so the permutation p is **{exact.p:.1e}** (Pythia-1B and "
        f"1.4B tie on TruthfulQA, so swapping them changes nothing), and no data at all could give less than "
        f"{exact.smallest_p:.1e} here. Both quoted numbers are recomputed to within one unit of their last digit. By copy of "
        f"the table r is: {listed}."
    )


def counted_steps(steps: pd.DataFrame) -> Markdown:
    """How many steps the paper's panel has, and how many of their signs are sure.

    Parameters
    ----------
    steps : pandas.DataFrame
        From ``coupling.local_coupling`` with a column ``panel``.
    """
    paper = steps.query("panel != 'the open panel'")
    return Markdown(
        "The paper counts models, but a phase belongs to a step between two models. There are "
        f"{len(paper)} steps in its panel, and for {(paper['p_sign'] >= 0.95).sum()} of them item noise leaves the sign 95% "
        "sure. The third row of each panel adds up, over the steps, the probability of each phase given the noise; it is the "
        "count that repeated measurement would give on average. Three families of the paper's panel have one model and no "
        "step, so its models add up to fewer than the panel's rows."
    )


def pairs_without_truth(shares: pd.DataFrame) -> Markdown:
    """How many steps of pairs without TruthfulQA have a positive coupling, with MMLU and without it.

    Parameters
    ----------
    shares : pandas.DataFrame
        From ``coupling.sign_shares`` with a column ``panel``.
    """
    others = shares[(shares["x"] != TQA) & (shares["y"] != TQA)]
    rest = others[(others["x"] != "mmlu") & (others["y"] != "mmlu")]

    def positive(rows: pd.DataFrame) -> str:
        sums = rows.groupby("panel", sort=False)[["positive", "n"]].sum()
        return " and ".join(f"{share:.0%}" for share in sums["positive"] / sums["n"])

    return Markdown(
        f"Of the steps of pairs without TruthfulQA {positive(others)} have a positive coupling in the two panels; without MMLU "
        f"as well, {positive(rest)}. Small models answer MMLU at chance, and the sign of a difference of noise says nothing. "
        "What is special is TruthfulQA."
    )


def fall_below_guessing(falls: pd.DataFrame) -> Markdown:
    """How much of the fall of small models lies below the level of a guesser.

    Parameters
    ----------
    falls : pandas.DataFrame
        From ``coupling.chance_start``.
    """
    tiny = falls.query("first_b < 0.2")
    near = (tiny["start_gap_se"].abs() < 2).sum()
    return Markdown(
        f"Of the {len(tiny)} families that start below 0.2B, {near} start within two standard errors of guessing, and "
        f"{tiny['below_pp'].sum() / tiny['fall_pp'].sum():.0%} of their fall lies below that level. A guesser has no truth "
        f"to "
        "lose. One reading, which these scores fit but do not prove, is that popular errors are learnt before their "
        "corrections."
    )


def two_trends(scores: pd.DataFrame, trend: Null) -> Markdown:
    """Whether two unconnected trends give as much, and three more looks.

    Parameters
    ----------
    scores : pandas.DataFrame
        ``hellaswag, truthfulqa_mc2, params_b`` of one family in order of size.
    trend : Null
        r of two series that share nothing but a trend.
    """
    x, y = scores[HS], scores[TQA]
    steps = trend_nulls.increment_null(x, y)
    partial = partial_correlation(x, y, np.log10(scores["params_b"]))
    freedom = steps.n - 2
    t = stats.t.ppf(0.975, freedom)
    needed = t / np.sqrt(freedom + t**2)
    inside = "lies inside" if trend.low <= trend.observed <= trend.high else "lies outside"
    usual_p = trend_nulls.permutation_p_under_monotone(x, y).value
    return Markdown(
        f"The value in the data {inside} the range of two unconnected trends. Three more looks, on the panel rows:\n\n"
        "- *The steps themselves.* Does a larger gain on HellaSwag go with a larger loss on TruthfulQA? r of the "
        f"{steps.n} steps is {steps.observed:.2f}, p = {steps.p:.2f}. The sign is the paper's, but with {steps.n} steps "
        f"only |r| "
        f"above {needed:.2f} would be clear.\n"
        f"- *Size taken out.* The partial correlation given log size is {partial.estimate:.2f} [{partial.low:.2f}, "
        f"{partial.high:.2f}]: the interval is wide, since eight points carry little.\n"
        "- *The p-value itself.* Give the permutation test series that share nothing but a trend, and its median p is "
        f"{usual_p:.1e}. The small p is what it says about any two trends."
    )


def small_and_large_models(groups: Mapping[tuple[str, str], Estimate], opened: pd.DataFrame) -> Markdown:
    """The population coupling of the open panel below and from 3.5B, and whether families share its sign.

    Parameters
    ----------
    groups : mapping of (str, str) to Estimate
        From `coupling_groups`, by panel and group.
    opened : pandas.DataFrame
        Models of the open panel.
    """
    small, large = (groups["the open panel", key] for key in ("below 3.5B", "from 3.5B"))
    below = opened["params_b"] < 3.5
    low, high = (trend_nulls.family_direction_null(opened[side]) for side in (below, ~below))
    return Markdown(
        "The last two rows of the open panel speak for the paper: over models below 3.5B r is "
        f"{small.estimate:.2f} [{small.low:.2f}, {small.high:.2f}], over those from 3.5B {large.estimate:.2f} "
        f"[{large.low:.2f}, "
        f"{large.high:.2f}], with the family as the unit. The sign of the population coupling does differ between small and "
        f"large "
        "models. Were it chance whether a family's TruthfulQA rises or falls, an r as low as the first would come with "
        f"{p_value(low.p_less, name=True)} and one as high as the second with {p_value(high.p_greater, name=True)}. What the "
        "nulls above question is whether the sign comes from two abilities that compete, or from each of them having its own "
        "trend."
    )


def shuffled_steps(item: Assessment) -> str:
    """What the front page says of Pythia's correlation and of the same with shuffled steps.

    Parameters
    ----------
    item : Assessment
        Of a claim that quotes a correlation, with the paper's panel and a null of shuffled steps.

    Raises
    ------
    ValueError
        If the claim has no number, or was not set beside a null.
    """
    ours, null, p = item.paper_panel, item.null, item.p
    if ours is None or null is None or p is None or isinstance(ours.value, str):
        raise ValueError(
            f"claim {item.claim.id!r} has no number beside a null; the sentence compares the two"
        )
    means = {
        "distinguishable": "So the correlation says more than that both scores have a trend.",
        "borderline": "So the correlation hardly says more than that both scores have a trend.",
        "not distinguishable": (
            "So the correlation shows two trends; whether one score falls *because* the other rises, it cannot say."
        ),
    }
    return (
        f"Over Pythia's {ours.n} models r is {ours.value:.3f}. Shuffled, each score keeps its steps, and with them its trend, "
        f"but nothing ties the two together; half of all shuffles still give {null.value:.3f} or stronger, and "
        f"{null.p_less:.0%} are at least as strong as the data. {means[tier(p)]}"
    )


def shuffle_words() -> dict[str, str]:
    """What the shuffling instrument says while it runs; its script fills in the braces.

    Examples
    --------
    >>> sorted(shuffle_words())
    ['before', 'many', 'one']
    """
    return {
        "before": "No shuffle yet: the points are the data.",
        "one": "One shuffle: r = {r}.",
        "many": (
            "Shuffle {count}: r = {r}. Of the {count} so far half are at {median} or stronger, and {strong} "
            "({share}) are at least as strong as the data."
        ),
    }


# ---------------------------------------------------------------- tables


def model_table(scores: pd.DataFrame) -> Table:
    """The models with the two scores."""
    return table(scores, ["model", "params_b", HS, TQA])


def step_table(local: pd.DataFrame) -> Table:
    """The steps of one family: both changes, their ratio, its error and phase."""
    ends = (local[column].map(size_label) for column in ("from_params_b", "to_params_b"))
    steps = local.assign(step=[" to ".join(pair) for pair in zip(*ends, strict=True)])
    headings = {
        "step": "step",
        "dx": "change in HellaSwag (pp)",
        "dy": "change in TruthfulQA (pp)",
        "coupling": "coupling",
        "se": "standard error",
        "p_sign": "P(sign is right)",
        "phase": "phase",
    }
    return table(steps, headings, show={"dx": "{:.2f}".format, "dy": "{:.2f}".format})


def phase_table(steps: pd.DataFrame) -> Table:
    """Phases counted by step, by model, and with item noise carried through, for each panel.

    Parameters
    ----------
    steps : pandas.DataFrame
        From ``coupling.local_coupling`` with a column ``panel``.
    """
    rows = []
    for panel, part in steps.groupby("panel", sort=False):
        expected = part[[f"p_{phase}" for phase in PHASES]].sum().set_axis(PHASES)
        counted: dict[str, Any] = {
            "steps": coupling.phase_counts(part),
            "models": coupling.phase_counts(part, count="models"),
            "steps, noise carried through": expected,
        }
        rows += [{"panel": panel, "counted": label, **dict(counts)} for label, counts in counted.items()]
    return table(
        pd.DataFrame(rows), show=dict.fromkeys(PHASES, lambda count: f"{count:.1f}".removesuffix(".0"))
    )


def chance_table(falls: pd.DataFrame) -> Table:
    """The families that start below 0.2B: where they start, and how far they fall below guessing."""
    headings = {
        "family": "family",
        "first_b": "first size (B)",
        "first_pct": "its TruthfulQA (%)",
        "start_gap_se": "from guessing (standard errors)",
        "fall_pp": "fall (pp)",
        "below_pp": "of it below guessing (pp)",
        "lowest_b": "lowest at (B)",
    }
    return table(falls.query("first_b < 0.2"), headings)


def coupling_groups(panels: Mapping[str, pd.DataFrame]) -> dict[tuple[str, str], Estimate]:
    """Population coupling of each panel, within families, and below and from 3.5B."""
    groups = {}
    for panel, part in panels.items():
        groups[panel, "over all models"] = coupling.population_coupling(part)
        groups[panel, "family means removed"] = coupling.within_family(part)
        groups[panel, "below 3.5B"] = coupling.population_coupling(part[part["params_b"] < 3.5])
        groups[panel, "from 3.5B"] = coupling.population_coupling(part[part["params_b"] >= 3.5])
    return groups


def group_table(groups: Mapping[tuple[str, str], Estimate]) -> Table:
    """The couplings of `coupling_groups` with their intervals."""
    rows = [
        {
            "panel": panel,
            "models": group,
            "r": f"{e.estimate:.2f}",
            "interval": interval(e.low, e.high),
            "n": e.n,
        }
        for (panel, group), e in groups.items()
    ]
    return table(
        pd.DataFrame(rows),
        {"panel": "panel", "models": "models", "r": "r", "interval": "95% interval", "n": "n"},
    )
