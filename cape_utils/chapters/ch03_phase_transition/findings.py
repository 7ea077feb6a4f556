"""What chapter 03 finds, in sentences with computed numbers, and its tables as a reader sees them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from IPython.display import Markdown

from cape_utils.charts.tables import Table, table
from cape_utils.scaling.critical_scale import CriticalScale
from cape_utils.scaling.scaling_laws import LossLaw
from cape_utils.stats.formatting import interval, number, percent
from cape_utils.stats.results import Null

__all__ = [
    "better_than_size",
    "both_ends",
    "estimates_table",
    "families_resampled",
    "families_that_turn",
    "families_without_a_rise",
    "identified_range",
    "isocline_table",
    "loss_law",
    "other_copies",
    "predictor_table",
    "released_rows",
    "rows_and_steps",
    "sign_change_table",
    "turning_points_table",
]

HS, TQA = "hellaswag", "truthfulqa_mc2"


# ---------------------------------------------------------------- sentences


def rows_and_steps(rows: pd.DataFrame, steps: Mapping[str, pd.DataFrame]) -> Markdown:
    """How many rows and steps this chapter rests on.

    Parameters
    ----------
    rows : pandas.DataFrame
        From ``data.bootstrap_rows``.
    steps : mapping of str to pandas.DataFrame
        From ``coupling.local_coupling``, by panel.
    """
    counted = " and ".join(
        f"{len(t)} steps of {t['family'].nunique()} families in {panel}" for panel, t in steps.items()
    )
    ways = [
        _way_of(str(family), part.sort_values("params_b"))
        for family, part in rows.groupby("family", sort=False)
    ]
    return Markdown(
        f"n = {len(rows)} rows of {rows['family'].nunique()} families for the published estimator:\n\n"
        + "\n".join(f"- {way}" for way in ways)
        + f"\n\nThere are {counted}. Rows that would make a step a change of recipe are left out."
    )


def other_copies(
    rows: pd.DataFrame, copies: pd.DataFrame, elsewhere: Mapping[str, CriticalScale]
) -> Markdown:
    """That the published rows are one copy of several, and what the same estimator gives on others.

    Parameters
    ----------
    rows : pandas.DataFrame
        From ``data.bootstrap_rows``.
    copies : pandas.DataFrame
        From ``data.pythia_copies``.
    elsewhere : mapping of str to CriticalScale
        From ``recompute.published_elsewhere``.
    """
    panel = copies[copies["copy"] == "panel rows"]
    both = rows.merge(panel, on="model", suffixes=("", "_panel"))
    gap = (both[TQA] - both[f"{TQA}_panel"]).abs().max()
    listed = "\n".join(
        f"- {name} ({one.n}) give {one.median:.1f}B {interval(one.low, one.high)}."
        for name, one in elsewhere.items()
    )
    return Markdown(
        f"These rows are a copy of their own: the {len(both)} Pythia models have up to {gap:.1f} points more or less "
        "TruthfulQA here than in the panel. How much hangs on the copy the same estimator shows elsewhere:\n\n"
        f"{listed}"
    )


def _way_of(family: str, rows: pd.DataFrame) -> str:
    """The sizes of a family and which way its TruthfulQA goes with them."""
    steps = np.diff(rows[TQA].to_numpy(dtype=float))
    falls, rises = int((steps < 0).sum()), int((steps > 0).sum())
    if falls == len(steps):
        way = "falls at every step"
    elif rises == len(steps):
        way = "rises at every step"
    else:
        way = f"falls at {falls} of {len(steps)} steps"
    return f"{family} from {rows['params_b'].min():g}B to {rows['params_b'].max():g}B: TruthfulQA {way}."


def families_resampled(
    by_family: CriticalScale, flat: Mapping[str, Null], seam: Mapping[str, Null]
) -> Markdown:
    """What becomes of the critical scale when families are resampled, and what the rows show.

    Parameters
    ----------
    by_family : CriticalScale
        Of the released rows, families resampled.
    flat, seam : mapping of str to Null
        From ``critical_scale.quadratic_null``: one slope for all families, and a slope for each.
    """
    lost = f"Then {by_family.discarded / by_family.draws:.0%} of the draws have no minimum at all"
    unidentified = "" if by_family.identified else f", and the scale is *not identified* ({by_family.reason})"
    turn = seam["scale_b"]
    inside = "as the data's does" if turn.low <= turn.observed <= turn.high else "unlike the data's"
    return Markdown(
        "Rows of one family are not independent, so the unit to resample is the family, and there are "
        f"{by_family.n_families}. {lost}{unidentified}.\n\n"
        "What do these rows show? Two worlds without a turning family help.\n\n"
        "- *No change of sign anywhere*: every family at its own level, all with one slope. A parabola as curved as the "
        f"data's turns up in {flat['curvature'].p:.1%} of the draws. Something does differ between small and large models "
        "here.\n"
        "- *A change between families, none within*: every family on a straight line of its own. As curved: "
        f"{seam['curvature'].p:.0%} of the draws. Their minimum lies between {turn.low:.2f}B and {turn.high:.2f}B, {inside} "
        f"({turn.observed:.2f}B).\n\n"
        "So the rows carry a contrast, on the whole Pythia falls and the Llamas rise, and place it where the one ends and the "
        "others begin. Whether any family turns, which is what a critical scale *of a family* means, they cannot show."
    )


def both_ends(steps: Mapping[str, pd.DataFrame]) -> Markdown:
    """How many small steps are negative, and how many large ones positive."""
    ends = []
    for panel, part in steps.items():
        sign = np.sign(part["coupling"])
        small, large = part["mid_params_b"] < 1, part["mid_params_b"] > 10
        ends.append(
            f"- In {panel} {(sign[small] < 0).sum()} of {small.sum()} small steps are negative and "
            f"{(sign[large] > 0).sum()} of {large.sum()} large ones positive."
        )
    return Markdown(
        "At the two ends, below 1B and above 10B, the pattern is the paper's:\n\n"
        + "\n".join(ends)
        + "\n\nSteps without a change of TruthfulQA have no sign and are not drawn."
    )


def identified_range(estimates: pd.DataFrame, quoted_b: float) -> Markdown:
    """From where to where the identified estimates run, and where the quoted one lies.

    Parameters
    ----------
    estimates : pandas.DataFrame
        From ``critical_scale.all_estimates`` with a column ``panel``.
    quoted_b : float
        Billions.
    """
    firm = estimates[estimates["verdict"] == "identified"]
    middle = firm["estimate"]
    among = "lies among them" if middle.min() <= quoted_b <= middle.max() else "does not lie among them"
    return Markdown(
        f"There is a change with scale, and its place is loose. The identified estimates run from {middle.min():.1f}B to "
        f"{middle.max():.1f}B, and their intervals together from {firm['low'].min():.1f}B to {firm['high'].max():.0f}B.\n\n"
        f"The quoted {quoted_b:g}B {among}; its own interval is that of rows resampled as if those of one family were "
        "independent."
    )


def families_that_turn(turns: pd.DataFrame, steps: Mapping[str, pd.DataFrame]) -> Markdown:
    """How many families turn inside their range, and how sure the zero of OLMo is.

    Parameters
    ----------
    turns : pandas.DataFrame
        From ``family_turns.family_turning_points``, the open panel.
    steps : mapping of str to pandas.DataFrame
        From ``coupling.local_coupling``: the paper's panel first, then the open one.
    """
    paper_step, open_step = (_first(t[t["family"] == "OLMo"]) for t in steps.values())
    return Markdown(
        f"In the open panel {turns['turns'].sum()} of {len(turns)} families with three or more sizes have their lowest "
        "TruthfulQA inside their range. The others fall to their largest size or rise from their smallest.\n\n"
        "**OLMo** is called the model at the critical point, with a coupling of zero. One step of two models gives "
        f"{paper_step['coupling']:.2f} ± {paper_step['se']:.2f} in the paper's panel and {open_step['coupling']:.2f} ± "
        f"{open_step['se']:.2f} in the open one. A zero can be an accident of noise."
    )


def families_without_a_rise(changes: Mapping[str, pd.DataFrame]) -> Markdown:
    """Which families have no positive step, under both readings of the words.

    Parameters
    ----------
    changes : mapping of str to pandas.DataFrame
        From ``family_turns.sign_changes``, by panel.
    """
    never, never_inside = (
        "; ".join(
            f"in {panel} {', '.join(t.loc[t[column], 'family']) or 'none'}" for panel, t in changes.items()
        )
        for column in ("never", "never_inside")
    )
    return Markdown(
        f"The words leave two readings. Families without a positive step at any size: {never}. Families without one up to "
        f"10B: {never_inside}. In the released file Pythia has positive steps only because GPT-J-6B and GPT-NeoX-20B are "
        "filed under it; here they are left out, while the scoreboard takes the label as released and names both counts.\n\n"
        "The last column is the share of noise draws with at least one positive step up to 10B, and it is high. The observed "
        "signs contradict the statement, but noise alone could have produced them, so they do not refute it."
    )


def loss_law(law: LossLaw, declines: Mapping[str, Null]) -> Markdown:
    """How well the law fits, and how well it would fit declines without any law.

    Parameters
    ----------
    law : LossLaw
    declines : mapping of str to Null
        From ``scaling_laws.loss_law_null``.
    """
    return Markdown(
        f"The fit is as good as quoted. The interval quoted for alpha is one standard error ({law.exponent_se:.3f}) to each "
        "side. Three parameters on eight points fit many smooth declines well: of declines without any power law, "
        f"{declines['r2'].p:.0%} reach the same R², while only {declines['cv_pct'].p:.1%} are as constant.\n\n"
        "And the loss misses nothing here: in these eight models TruthfulQA falls from size to size as the loss does. "
        "*Invisible to loss* could mean that two families with equal losses differ in their coupling. That needs losses of a "
        "second family, and none were released."
    )


def better_than_size(auc: pd.DataFrame) -> Markdown:
    """Which candidates foretell the sign better than the number of parameters.

    Parameters
    ----------
    auc : pandas.DataFrame
        From ``sign_predictors.predictor_auc`` with a column ``steps``.
    """
    rivals = auc[(auc["steps"] == "every step") & (auc["predictor"] != "parameters")]
    beats = list(rivals.loc[rivals["difference_low"] > 0, "predictor"])
    if beats:
        better = f"Better than size at the 95% level of a single comparison: {', '.join(beats)}. "
    else:
        better = "None is clearly better than size. "
    return Markdown(
        "The last column compares each candidate with the number of parameters on the same resampled families. "
        f"{better}With four rivals one such result can be luck. Size is a stand-in among others for whatever moves the sign: "
        "tokens, compute and knowledge rise together in these families, and observational tables cannot pull them apart."
    )


def _first(frame: pd.DataFrame) -> Any:
    return frame.iloc[0]


# ---------------------------------------------------------------- tables


def released_rows(rows: pd.DataFrame) -> Table:
    """Two rows of each family behind the published interval."""
    return table(rows.groupby("family", sort=False).head(2), ["model", "family", "params_b", HS, TQA])


def estimates_table(estimates: pd.DataFrame) -> Table:
    """Every estimator on every panel, with its interval and whether it is identified."""
    rows = [
        {
            "panel": r["panel"],
            "estimator": r["estimator"],
            "scale": number(r["estimate"]),
            "interval": interval(r["low"], r["high"]),
            "valid": percent(r["valid"]),
            "verdict": r["verdict"],
            "reason": r["reason"] or "",
        }
        for r in estimates.to_dict("records")
    ]
    headings = {
        "panel": "panel",
        "estimator": "estimator",
        "scale": "critical scale (B)",
        "interval": "95% interval",
        "valid": "draws with an answer",
        "verdict": "verdict",
        "reason": "why not",
    }
    return table(pd.DataFrame(rows), headings)


def turning_points_table(turns: pd.DataFrame) -> Table:
    """The size at which each family's TruthfulQA is lowest, families that turn first."""
    headings = {
        "family": "family",
        "n": "sizes",
        "smallest_b": "from (B)",
        "largest_b": "to (B)",
        "lowest_b": "lowest at (B)",
        "turns": "turns inside",
    }
    return table(turns.sort_values("turns", ascending=False), headings)


def sign_change_table(changes: Mapping[str, pd.DataFrame]) -> Table:
    """Whether each family ever has a positive step, with the share of noise draws that have one."""
    rows = pd.concat([t.assign(panel=panel) for panel, t in changes.items()])
    headings = {
        "panel": "panel",
        "family": "family",
        "n": "sizes",
        "positive": "positive steps",
        "never": "no positive step",
        "never_inside": "none up to 10B",
        "p_positive_inside": "noise draws with one up to 10B",
    }
    return table(rows, headings, show={"p_positive_inside": percent})


def isocline_table(hits: Mapping[str, pd.DataFrame]) -> Table:
    """Hits of the rule, of its negation and of a constant answer for the paper's three families."""
    named = ["OPT", "BLOOM", "Cerebras-GPT"]
    rows = pd.concat(
        [t.set_index("family").loc[named].reset_index().assign(panel=panel) for panel, t in hits.items()]
    )
    headings = {
        "panel": "panel",
        "family": "family",
        "n": "signs",
        "rule": "rule right",
        "negation": "negation right",
        "always_negative": "'always negative' right",
    }
    return table(rows, headings)


def predictor_table(auc: pd.DataFrame) -> Table:
    """How well each candidate sorts negative from positive steps, and its lead over size."""
    rival = auc["predictor"] != "parameters"
    lead = ["difference", "difference_low", "difference_high"]
    headings = {
        "steps": "steps",
        "predictor": "predictor",
        "auc": "area under the curve",
        "difference": "lead over parameters",
    }
    ends = {"auc": ("low", "high"), "difference": ("difference_low", "difference_high")}
    return table(
        auc.assign(**{column: auc[column].where(rival) for column in lead}), headings, intervals=ends
    )
