"""What chapter 12 finds, in sentences with computed numbers, and its tables as a reader sees them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from IPython.display import Markdown

from cape_utils.chapters.ch12_dashboard.diagnosis_calibration import HALF, POOLED, WORLDS
from cape_utils.chapters.ch12_dashboard.size_baseline import (
    FITTED_ON,
    Formula,
    advantage,
    agreement,
    is_clear,
    majority_class,
    phase_by_size,
)
from cape_utils.charts.tables import Table, table
from cape_utils.diagnosis.family_diagnosis import Diagnosis
from cape_utils.scaling.coupling import PHASES
from cape_utils.stats.formatting import p_value, percent
from cape_utils.stats.results import Estimate, Null

__all__ = [
    "against_a_retest",
    "brier_table",
    "calibration_table",
    "claims_of_use",
    "contradiction_table",
    "contradictory_pairs",
    "diagnosis_calibrated",
    "families_to_try",
    "formula_table",
    "noise_calibrated",
    "noise_measured",
    "noise_table",
    "one_score_changed",
    "phase_named",
    "place_of_the_size_table",
    "size_against_luck",
    "step_table",
    "steps_measured",
    "turn_table",
    "turns_calibrated",
    "two_dashboards",
    "two_dashboards_table",
    "what_if_table",
    "worlds_apart",
]

_SEEN = 0.05
_AS_SAID = (0.93, 0.97)  # of a 95% range
_NEAR = 0.03  # by which a share may miss the probability said
_FEWEST = 40  # steps below which a bin tells little


# ---------------------------------------------------------------- sentences


def two_dashboards(moved: pd.DataFrame, hits: Estimate) -> Markdown:
    """What both dashboards say as one score is moved, and how often the released formula names the phase of the scores.

    Parameters
    ----------
    moved : pandas.DataFrame
        As from ``argument.one_score_moved``.
    hits : Estimate
        Share of the steps of other families on which the released formula and the scores agree.
    """
    size, named = moved["params_b"].iloc[0], moved["by_size"].iloc[0]
    said = list(dict.fromkeys(moved["by_scores"]))
    follow = (
        f"the scores say {' or '.join(said)}, as the score has it"
        if len(said) > 1
        else f"the scores say {said[0]} each time as well, for none of these moves crosses an edge"
    )
    return Markdown(
        f"At {size:g}B the dashboard's formula says {named} whatever the score is; {follow}. Over the {hits.n} steps of families "
        f"that its constants do not come from, the formula names the phase of the scores on {hits.estimate:.0%} (95% interval "
        f"over families {hits.low:.0%} to {hits.high:.0%})."
    )


def steps_measured(steps: pd.DataFrame) -> Markdown:
    """How many steps there are, and how many have a clear phase."""
    return Markdown(
        f"There are {len(steps)} steps of {steps['family'].nunique()} families, without {', '.join(FITTED_ON)}. Item noise "
        f"leaves {int(is_clear(steps).sum())} of them with one phase that is at least 80% sure; for the others the scores "
        "themselves do not tell."
    )


def phase_named(hits: Estimate) -> Markdown:
    """On how many steps the formula names the phase of the scores."""
    return Markdown(
        f"The formula names the phase of the scores on {hits.estimate:.0%} of {hits.n} steps (95% interval over families "
        f"{hits.low:.0%} to {hits.high:.0%})."
    )


def contradictory_pairs(steps: pd.DataFrame, against: pd.DataFrame) -> Markdown:
    """How many pairs of clear steps lie at one size and differ in phase."""
    return Markdown(
        f"Among the {int(is_clear(steps).sum())} clear steps there are {len(against)} such pairs, from "
        f"{against['mid_params_b'].min():.1f}B to {against['mid_params_b'].max():.0f}B. Recipes differ at one size, which the "
        "paper itself says; chapter 5 asks by how much."
    )


def against_a_retest(hits: Estimate, retest: float) -> Markdown:
    """The formula beside a second measurement of the same models.

    Parameters
    ----------
    hits : Estimate
        Share of steps on which the formula names the phase of the scores.
    retest : float
        Share on which two measurements would name the same phase.
    """
    if hits.high < retest:
        compared = "less often than a second measurement would"
    elif retest - hits.estimate >= 0.005:  # what a reader sees as two shares
        compared = "less often than a second measurement would, by a difference within its interval"
    else:
        compared = "about as often as a second measurement would"
    return Markdown(
        f"Two measurements of the same models would name the same phase on about {retest:.0%} of the steps, the noise that "
        "spreads the measured scores allowed for; in simulation this figure is still a little high. The formula names the phase "
        f"of the one measurement there is on {hits.estimate:.0%} [{hits.low:.0%}, {hits.high:.0%}], {compared}. "
        "So a share of all these phases is noise, whoever names them, which is why ours come with probabilities."
    )


def one_score_changed(before: Diagnosis, after: Diagnosis) -> Markdown:
    """Whether a diagnosis follows a changed score; the formula cannot."""
    middle = np.sqrt(before.last.from_params_b * before.last.to_params_b)
    changed = "changes" if after.phase != before.phase else "does not change"
    return Markdown(
        f"The diagnosis {changed}: {before.phase} before, {after.phase} after. The formula says {phase_by_size([middle])[0]} "
        "before and after, because it never asked for a score."
    )


def size_against_luck(
    steps: pd.DataFrame, rules: pd.DataFrame, nulls: Mapping[str, Null], ceiling: Null
) -> Markdown:
    """The formula against permuted sizes, the commonest phase elsewhere and the best cuts in hindsight.

    Parameters
    ----------
    steps : pandas.DataFrame
        From ``size_baseline.unfitted_steps``.
    rules : pandas.DataFrame
        From ``size_baseline.agreement_table``.
    nulls : mapping of str to Null
        ``"all"`` and ``"clear"``: sizes permuted among all steps, and among the clear ones.
    ceiling : Null
        From ``size_baseline.in_sample_thresholds``.
    """
    luck, clear = nulls["all"], nulls["clear"]
    beats = "does better" if luck.observed > luck.high else "does no better"
    lead = _clear_lead(steps)
    if lead.low > 0:
        rival = "more often"
    elif lead.high < 0:
        rival = "less often"
    else:
        rival = "neither more nor less often, as far as these families tell,"
    size_rule, usual = rules.loc["formula of size"], rules.loc["commonest elsewhere"]
    named = steps[is_clear(steps) & (steps["by_size"] != "transition")]
    spoken, usually = agreement(named, named["by_size"]), agreement(named, ["bonus"] * len(named))
    holds = "inside" if clear.low <= clear.observed <= clear.high else "outside"
    return Markdown(
        f"Over all steps the formula {beats} than permuted sizes ({luck.observed:.0%} against {luck.low:.0%} to {luck.high:.0%}, "
        f"{p_value(luck.p, name=True)}), so size does carry news of the phase. On the {clear.n} steps whose phase is clear it is "
        f"right {rival} than the commonest phase of the other families ({size_rule['clear_agreement']:.0%} against "
        f"{usual['clear_agreement']:.0%}, difference {lead.estimate:+.0%} [{lead.low:+.0%}, {lead.high:+.0%}]), and {holds} what "
        f"luck gives ({clear.low:.0%} to {clear.high:.0%}). That count is hard on it: no step here has a transition that is more "
        f"than {steps['p_transition'].max():.0%} sure, so its {clear.n - spoken.n} answers of transition fail by construction. "
        f"On the other {spoken.n} it is right on {spoken.estimate:.0%}, where *always bonus* is right on {usually.estimate:.0%}. "
        f"Even with both cuts chosen in hindsight, size alone reaches {ceiling.observed:.0%}, where permuted sizes reach "
        f"{ceiling.value:.0%}. The nulls permute single steps as if the steps of a family were independent; the intervals over "
        "families are the more careful guide."
    )


def claims_of_use(steps: pd.DataFrame, luck: Null, against: pd.DataFrame) -> Markdown:
    """The paper's three claims about its dashboard, beside what was measured here.

    Parameters
    ----------
    steps : pandas.DataFrame
        From ``size_baseline.unfitted_steps``.
    luck : Null
        The formula's agreement over all steps, sizes permuted.
    against : pandas.DataFrame
        From ``size_baseline.contradictions``.
    """
    lead = _clear_lead(steps)
    verdict = "more often than luck" if luck.observed > luck.high else "no more often than luck"
    if lead.low > 0:
        on_clear = "beats the commonest phase where the phase is clear"
    elif lead.high < 0:
        on_clear = "is beaten by the commonest phase where the phase is clear"
    else:
        on_clear = "is not shown to beat the commonest phase where the phase is clear"
    return Markdown(
        f"- *A dashboard diagnoses any model's phase.* From the size alone the formula names the phase {verdict}, and "
        f"{on_clear}. It cannot tell apart families that differ at one size, of which the panel holds {len(against)} clear "
        "pairs.\n"
        "- *Only public benchmark scores are needed.* They are, and they must be looked at: a diagnosis from scores follows "
        f"them, with an error that leaves {int((~is_clear(steps)).sum())} of {len(steps)} steps undecided.\n"
        "- *It suggests interventions.* Ours names the claims behind each suggestion and their verdicts, which chapter 13 lists."
    )


def _clear_lead(steps: pd.DataFrame) -> Estimate:
    """How much more often the formula is right on clear steps than the commonest phase of the other families."""
    clear = is_clear(steps).to_numpy()
    return advantage(steps[clear], steps.loc[clear, "by_size"], majority_class(steps)[clear])


def families_to_try(steps: pd.DataFrame, names: Sequence[str]) -> Markdown:
    """How often the phase changes in some families, and how many of their steps are clear."""
    parts = []
    for name in names:
        rows = steps[steps["family"] == name].sort_values("mid_params_b")
        changes = int((rows["phase"] != rows["phase"].shift()).sum()) - 1
        times = "once" if changes == 1 else f"{changes} times" if changes else "never"
        parts.append(
            f"*{name}*, whose phase changes {times} in {len(rows)} steps, of which {int(is_clear(rows).sum())} are clear"
        )
    return Markdown(f"Try {'; and '.join(parts)}.")


def noise_measured(noise: pd.DataFrame) -> Markdown:
    """What the answers to each item add to a change of score; ``noise`` is from ``pair_logs.noise_table``."""
    seen = noise[noise["p"] < _SEEN]
    hidden = seen[seen["change"].abs() < 1.96 * seen["assumed"]]
    found = _listed_changes(seen) if len(seen) else "no change"
    if not len(seen):
        added = "Neither error tells any of them from none."
    elif len(hidden):
        added = f"Without the answers {_listed_changes(hidden)} would lie inside the noise."
    else:
        added = "The assumed error would have told the same, with less to spare."
    return Markdown(
        f"Right and wrong answers of two of these models correlate by {noise['correlation'].min():.2f} to "
        f"{noise['correlation'].max():.2f}, so the error of a change is {noise['ratio'].min():.1f} to {noise['ratio'].max():.1f} "
        f"times smaller than two independent tests would have. By the exact test of McNemar, of {len(noise)} changes {found} "
        f"is told from none at p < {_SEEN}. {added}"
    )


def _listed_changes(noise: pd.DataFrame) -> str:
    return " and ".join(
        f"{row['task']} {row['variant']} ({row['change']:+.1f} points, {p_value(row['p'], name=True)})"
        for row in noise.to_dict("records")
    )


def noise_calibrated(calibration: pd.DataFrame) -> Markdown:
    """Whether ranges and probabilities mean what they say; ``calibration`` is the table ``noise_calibration``."""
    ranges = calibration[calibration["part"] == "range"]
    phases = calibration[(calibration["part"] == "phase") & (calibration["noise"] == "paired")]
    paired, assumed = (ranges.loc[ranges["noise"] == noise, "right"] for noise in ("paired", "assumed"))
    miss = ((phases["said"] - phases["right"]).abs() * phases["families"]).sum() / phases["families"].sum()
    kept = "as said" if paired.between(*_AS_SAID).all() else "not as said"
    wide = "more than said" if assumed.iloc[-1] > _AS_SAID[1] else "as said"
    return Markdown(
        f"Where the truth is known, the 95% range from shared items holds it {paired.min():.0%} to {paired.max():.0%} of the "
        f"time, {kept}, whatever the items have in common; the assumed one {assumed.iloc[0]:.0%} where that is nothing and "
        f"{assumed.iloc[-1]:.0%} where it is nearly all, {wide}. A probability of tax from shared items is off by "
        f"{100 * miss:.0f} points on average ({int(phases['families'].sum()):,} simulated steps)."
    )


def diagnosis_calibrated(calibration: pd.DataFrame) -> Markdown:
    """Whether the phase named is right as often as said; ``calibration`` is the table ``diagnosis_calibration``."""
    phases = calibration[calibration["part"] == "phase"]
    half, pooled = phases[phases["world"] == HALF], phases[phases["world"] == POOLED]
    known, unknown = (pooled[pooled["answers"] == how] for how in ("items", "none"))
    surest = {version: _surest(half, version) for version in ("plain", "calibrated")}
    scores = half[half["low"].isna()].set_index("version")["brier"]
    order = (
        "better than both"
        if scores["calibrated"] < min(scores["plain"], scores["size alone"])
        else "not the best"
    )
    everywhere = all(
        part.loc[part["version"] == "calibrated", "brier"].iloc[0]
        < part.loc[part["version"] != "calibrated", "brier"].min()
        for _, part in pooled[pooled["low"].isna()].groupby(["answers", "correlation"])
    )
    named = pooled[pooled["low"].isna() & (pooled["answers"] == "none")].groupby("version")
    shares = named["transitions"].mean()
    true = float(named["true_transitions"].mean().iloc[0])
    return Markdown(
        f"On half the items a phase said to be at least 90% sure is right in {surest['plain']:.0%} of cases by the plain "
        f"probability and in {surest['calibrated']:.0%} by the calibrated one, which says {_said(half):.0%}; its Brier score is "
        f"{scores['calibrated']:.2f}, against {scores['plain']:.2f} for the plain one and {scores['size alone']:.2f} for size "
        f"alone: {order}. Of its probabilities {_bins_that_hold(half)}. On simulated families it is the best of the three "
        f"{'at every correlation' if everywhere else 'at some correlations only'}.\n\n"
        f"With the answers to each item {_bins_that_hold(known)}. Without them {_bins_that_hold(unknown)}: noise is then taken "
        "for that of models that answered different items, which leaves the report less sure than it may be where they agree.\n\n"
        f"The plain version names a transition in {shares['plain']:.0%} of the simulated steps and the calibrated one in "
        f"{shares['calibrated']:.0%}; {true:.0%} are transitions."
    )


def _surest(steps: pd.DataFrame, version: str) -> float:
    bins = steps[(steps["version"] == version) & steps["low"].notna()]
    return float(bins.sort_values("low")["right"].iloc[-1])


def _said(steps: pd.DataFrame) -> float:
    bins = steps[(steps["version"] == "calibrated") & steps["low"].notna()]
    return float(bins.sort_values("low")["said"].iloc[-1])


def _bins_that_hold(steps: pd.DataFrame) -> str:
    """How many bins of the calibrated probability hold, and how far the worst is off."""
    bins = steps[(steps["version"] == "calibrated") & steps["low"].notna() & (steps["n"] >= _FEWEST)]
    gaps = (bins["right"] - bins["said"]).round(4)
    worst = bins.iloc[int(gaps.abs().to_numpy().argmax())]
    held = int((gaps.abs() <= _NEAR).sum())
    verdict = "every bin lies" if held == len(bins) else f"{held} of {len(bins)} bins lie"
    gap = worst["right"] - worst["said"]
    at = "" if np.isnan(worst["correlation"]) else f", at a correlation of {worst['correlation']:g}"
    return (
        f"{verdict} within {100 * _NEAR:.0f} points of what is said"
        f"{', and the worst' if held < len(bins) else '; the worst'} is {abs(100 * gap):.0f} points too "
        f"{'cautious' if gap > 0 else 'sure'}{at}"
    )


def worlds_apart(calibration: pd.DataFrame) -> Markdown:
    """What each simulated world taken alone says; ``calibration`` is the table ``diagnosis_calibration``."""
    phases = calibration[(calibration["part"] == "phase") & calibration["low"].isna()]
    phases = phases[(phases["version"] == "calibrated") & (phases["answers"] == "none")]
    phases = phases[phases["world"].isin(WORLDS) & (phases["correlation"] == 0)]
    parts = []
    for row in phases.to_dict("records"):
        gap = row["right"] - row["said"]
        verdict = (
            "as said" if abs(gap) <= _NEAR else "more often than said" if gap > 0 else "less often than said"
        )
        parts.append(f"*{row['world']}* {row['right']:.0%}, said {row['said']:.0%} ({verdict})")
    return Markdown(
        f"Each world alone is another matter, for what was learnt describes none of them: the phase named is right in "
        f"{'; '.join(parts)}. A probability is right over families of many kinds, and says nothing of a kind that is known "
        "beforehand."
    )


def turns_calibrated(calibration: pd.DataFrame) -> Markdown:
    """Whether ranges of the turn hold it; ``calibration`` is the table ``diagnosis_calibration``."""
    turns = calibration[calibration["part"] == "turn"]
    known = turns[turns["answers"] == "items"]
    held = {
        (version, world): known.loc[(known["version"] == version) & (known["world"] == world), "right"]
        for version in ("a parabola alone", "both shapes")
        for world in ("parabola", "two lines")
    }
    both = pd.concat([held["both shapes", world] for world in ("parabola", "two lines")])
    verdict = (
        "as said"
        if both.between(*_AS_SAID).all()
        else ("at least as often as said" if both.min() >= _AS_SAID[0] else "less often than said")
    )
    false = turns[
        (turns["world"] == "no turn") & (turns["version"] == "both shapes") & (turns["answers"] == "none")
    ]
    told = known.loc[known["world"] != "no turn"].groupby("version")[["identified", "n"]].sum()
    share = told["identified"] / told["n"]
    return Markdown(
        f"A parabola alone holds a turn between two straight lines in {held['a parabola alone', 'two lines'].min():.0%} to "
        f"{held['a parabola alone', 'two lines'].max():.0%} of its ranges; with both shapes they hold in {both.min():.0%} to "
        f"{both.max():.0%}, whichever is true, {verdict}. The price is silence: a turn is identified in "
        f"{share['both shapes']:.0%} of the families that have one, where a parabola alone claimed "
        f"{share['a parabola alone']:.0%}. Of {int(false['n'].sum()):,} families without a turn "
        f"{int(false['identified'].sum())} are given one."
    )


# ---------------------------------------------------------------- tables


def brier_table(calibration: pd.DataFrame) -> Table:
    """Brier score of the phases by each way of naming them, on half the items and on each simulated world."""
    phases = calibration[(calibration["part"] == "phase") & calibration["low"].isna()]
    phases = phases[
        (phases["answers"] == "none") & (phases["correlation"].isna() | (phases["correlation"] == 0))
    ]
    wide = phases.pivot(index="world", columns="version", values="brier")
    order = [HALF, *WORLDS, POOLED]
    columns = ["plain", "calibrated", "size alone"]
    rows = wide.loc[order, columns].reset_index()
    return table(rows, {"world": "truth", **{name: name for name in columns}})


def turn_table(calibration: pd.DataFrame) -> Table:
    """How often a turn is identified, and its range holds it, one row for each world and correlation; answers known."""
    turns = calibration[(calibration["part"] == "turn") & (calibration["answers"] == "items")]
    wide = turns.pivot(index=["world", "correlation"], columns="version", values=["identified", "right"])
    wide = wide.loc[list(WORLDS)].reset_index()
    rows = pd.DataFrame({"world": wide["world"], "correlation": wide["correlation"]})
    n = int(turns["n"].iloc[0])
    headings = {"world": "truth", "correlation": "correlation"}
    for version, short in (("a parabola alone", "parabola alone"), ("both shapes", "both shapes")):
        rows[f"{short} told"] = wide["identified", version].astype(int)
        rows[f"{short} held"] = [
            "no turn to hold" if world == "no turn" else percent(float(share))
            for world, share in zip(wide["world"], wide["right", version], strict=True)
        ]
        headings |= {f"{short} told": f"{short}: told of {n}", f"{short} held": f"{short}: hold it"}
    return table(rows, headings)


def noise_table(noise: pd.DataFrame) -> Table:
    """Paired beside assumed errors, one row for each change."""
    headings = {
        "task": "pairs",
        "variant": "variant",
        "items": "items",
        "change": "change (points)",
        "error": "paired error",
        "assumed": "assumed error",
        "correlation": "correlation",
        "p": "p (McNemar)",
    }
    shown = {"change": "{:+.1f}".format, "error": "{:.1f}".format, "assumed": "{:.1f}".format, "p": p_value}
    return table(noise, headings, show=shown)


def calibration_table(calibration: pd.DataFrame) -> Table:
    """How often a step is in tax, by the probability of tax that was said, with the answers to each item and without."""
    phases = calibration[calibration["part"] == "phase"]
    wide = phases.pivot(
        index=["low", "high"], columns="noise", values=["families", "said", "right"]
    ).reset_index()
    rows = pd.DataFrame(
        {
            "said": [f"{low:.0%} to {high:.0%}" for low, high in zip(wide["low"], wide["high"], strict=True)],
            "n": wide["families", "paired"].astype(int),
            "paired": wide["right", "paired"],
            "assumed_n": wide["families", "assumed"].astype(int),
            "assumed": wide["right", "assumed"],
        }
    )
    headings = {
        "said": "P(tax) said",
        "n": "steps, paired",
        "paired": "of these in tax",
        "assumed_n": "steps, assumed",
        "assumed": "of these in tax ",
    }
    return table(rows, headings, show={"paired": percent, "assumed": percent})


def two_dashboards_table(moved: pd.DataFrame) -> Table:
    """The two dashboards beside each other, a row for each value of the moved score."""
    shown = moved.assign(
        score=[f"{row.level:g}" + (" (moved)" if row.moved else " (measured)") for row in moved.itertuples()],
        probability=[percent(share) for share in moved["probability"]],
    )
    return table(
        shown,
        {
            "params_b": "size (B)",
            "score": "TruthfulQA MC2, percent",
            "by_size": "size alone says",
            "by_scores": "the scores say",
            "probability": "with probability",
        },
    )


def formula_table(rule: Formula) -> Table:
    """What the formula of size says of five sizes."""
    sizes = pd.Series([0.4, 1.0, 3.0, 7.0, 70.0])
    columns = {"size": sizes, "coupling": rule.coupling_at(sizes), "phase": phase_by_size(sizes, rule)}
    return table(
        pd.DataFrame(columns), {"size": "size (B)", "coupling": "coupling by size", "phase": "phase by size"}
    )


def step_table(steps: pd.DataFrame) -> Table:
    """The first steps, with what the scores and what the size say."""
    headings = {
        "family": "family",
        "from_params_b": "from (B)",
        "to_params_b": "to (B)",
        "coupling": "coupling",
        "se": "standard error",
        "phase": "phase by scores",
        "by_size": "phase by size",
    }
    return table(steps.head(), headings)


def contradiction_table(against: pd.DataFrame) -> Table:
    """Steps at one size with opposite phases, one row for each family and phase."""
    headings = {
        "mid_params_b": "middle of the step (B)",
        "family": "family",
        "phase": "phase",
        "other_family": "other family",
        "other_phase": "its phase",
        "by_size": "phase by size",
    }
    return table(against.drop_duplicates(["family", "phase"]), headings)


def what_if_table(before: Diagnosis, after: Diagnosis) -> Table:
    """Coupling and phase probabilities of the last step, as measured and after a change: calibrated, then plain."""
    rows = [
        {
            "scores": label,
            "coupling": step.coupling,
            **step.shares,
            "plain": " / ".join(percent(getattr(step, f"p_{phase}")) for phase in PHASES),
        }
        for label, step in (("as measured", before.last), ("what if", after.last))
    ]
    headings = {"scores": "scores", "coupling": "coupling", **{p: f"P({p})" for p in PHASES}}
    headings["plain"] = "if every change were equally likely"
    return table(pd.DataFrame(rows), headings, show=dict.fromkeys(PHASES, percent))


def place_of_the_size_table(steps: pd.DataFrame, rule: Formula) -> Table:
    """Agreement of the formula when it is asked at either end of a step or at its middle."""
    places = {
        "smaller model": "from_params_b",
        "middle": "mid_params_b",
        "larger model": "to_params_b",
    }
    asked = {k: agreement(steps, phase_by_size(steps[column], rule)) for k, column in places.items()}
    rows = [
        {"place": k, "right": percent(e.estimate), "interval": f"{percent(e.low)} to {percent(e.high)}"}
        for k, e in asked.items()
    ]
    headings = {"place": "asked at the", "right": "right", "interval": "95% interval over families"}
    return table(pd.DataFrame(rows), headings)
