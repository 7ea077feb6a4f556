"""Words under the figures of chapter 12: titles, captions and text alternatives, with the numbers they state."""

from __future__ import annotations

import pandas as pd

from cape_utils.chapters.ch12_dashboard.size_baseline import Formula, is_clear
from cape_utils.stats.results import Null

__all__ = ["agreements", "calibration", "family_phases", "paired", "size_scatter"]


def family_phases(steps: pd.DataFrame, family: str) -> dict[str, str]:
    """Of the phases of one family's steps; ``steps`` holds all families, with ``by_size``."""
    own = steps[steps["family"] == family]
    clear, agree = int(is_clear(own).sum()), int((own["phase"] == own["by_size"]).sum())
    likeliest = "; ".join(
        f"{row['from_params_b']:g}B to {row['to_params_b']:g}B {row['phase']} {row['p_' + str(row['phase'])]:.0%}"
        for row in own.sort_values("mid_params_b").to_dict("records")
        if isinstance(row["phase"], str)
    )
    return {
        "title": f"Item noise leaves the phase clear at {clear} of {len(own)} steps of {family}",
        "caption": (
            f"{family}, n = {len(own)} step{'s' * (len(own) > 1)}: by item noise alone one phase has at least 80% in {clear}, "
            f"and the formula of size, whose words stand above each bar, names the phase of the scores in {agree}. Of all "
            f"{len(steps)} steps of {steps['family'].nunique()} families {int(is_clear(steps).sum())} are that clear."
        ),
        "alternative": (
            f"One stacked bar for each step in size of {family}, with the probabilities of tax, transition and bonus; above the "
            f"bar stands the phase that size alone gives. Phase of the measured coupling and its probability: {likeliest}."
        ),
    }


def size_scatter(steps: pd.DataFrame, rule: Formula, which: str) -> dict[str, str] | None:
    """Of the couplings by size, or None where no step is shown.

    Parameters
    ----------
    steps : pandas.DataFrame
        From ``size_baseline.unfitted_steps``.
    rule : Formula
    which : {"all", "clear"}
        Every step, or those of a clear phase.
    """
    low, high = rule.edges_b
    shown = steps if which == "all" else steps[is_clear(steps)]
    if shown.empty:
        return None
    n, agree = len(shown), int((shown["phase"] == shown["by_size"]).sum())
    of_phase = _OF_STEPS[which]
    return {
        "title": f"Size alone names the phase of {'most' if 2 * agree > n else 'at most half of the'} steps{of_phase}",
        "caption": (
            f"n = {n} steps{of_phase}, of {shown['family'].nunique()} families the formula was not made from. It says tax left "
            f"of {low:.1f}B, bonus right of {high:.1f}B, and agrees with the scores' phase on {agree}."
        ),
        "alternative": (
            "Scatter plot of local couplings against size with a rising line, the formula, and two dashed verticals between its "
            f"phases. Down-pointing triangles are steps in tax, circles transition, up-pointing triangles bonus; of {n} "
            f"steps{of_phase} {n - agree} have another phase than the formula says."
        ),
    }


_OF_STEPS = {"all": "", "clear": " with a clear phase"}


def agreements(table: pd.DataFrame, null: Null, ceiling: Null, which: str) -> dict[str, str]:
    """Of how often each rule is right.

    Parameters
    ----------
    table : pandas.DataFrame
        From ``size_baseline.agreement_table``.
    null : Null
        The formula on the steps shown, sizes permuted.
    ceiling : Null
        From ``size_baseline.in_sample_thresholds``, over all steps.
    which : {"all", "clear"}
        Every step, or those of a clear phase.
    """
    shares = table["agreement" if which == "all" else "clear_agreement"]
    better = "right more often than" if null.observed > null.high else "no more often right than"
    listed = ", ".join(f"{rule} {share:.0%}" for rule, share in shares.items())
    hindsight = f", best cuts in hindsight {ceiling.observed:.0%}" if which == "all" else ""
    steps = {"all": "steps", "clear": "steps whose phase is at least 80% sure"}[which]
    return {
        "title": f"On {'all steps' if which == 'all' else 'steps with a clear phase'} the formula of size is {better} "
        "permuted sizes",
        "caption": (
            f"Formula of size: {shares['formula of size']:.0%} of n = {null.n} {steps}; with sizes permuted (grey) "
            f"{null.low:.0%} to {null.high:.0%}. Lines: 95% intervals over families."
        ),
        "alternative": (
            f"Dots with interval lines, one row for each rule, over the share of {steps} on which it agrees with the scores' "
            f"phase: {listed}{hindsight}. Grey bars show what luck gives."
        ),
    }


def calibration(bins: pd.DataFrame, truth: str) -> dict[str, str]:
    """Of how often the phase named is right.

    Parameters
    ----------
    bins : pandas.DataFrame
        From ``diagnosis_calibration.reliability_rows``.
    truth : str
        What the truth is known from.
    """
    shown = bins[bins["truth"] == truth]
    miss = {
        version: float((part["gap"].abs() * part["n"]).sum() / part["n"].sum())
        for version, part in shown.groupby("version")
    }
    counts = f"{int(shown.loc[shown['version'] == 'calibrated', 'n'].sum()):,}"
    listed = "; ".join(
        f"{row['version']}: said {row['said']:.0%}, right {row['right']:.0%}"
        for row in shown.to_dict("records")
    )
    closer = "closer to" if miss["calibrated"] < miss["plain"] else "no closer to"
    return {
        "title": f"Once calibrated, the probability comes {closer} what happens",
        "caption": (
            f"Truth known from {truth}: {counts} steps. The calibrated probability lies {closer} the diagonal than the plain "
            f"one, {100 * miss['calibrated']:.0f} against {100 * miss['plain']:.0f} points off on average."
        ),
        "alternative": (
            "Share of steps whose named phase is right over the probability said, one dot for each bin of it, with a dashed "
            f"diagonal where both are equal. Truth known from {truth}: {listed}."
        ),
    }


def paired(table: pd.DataFrame) -> dict[str, str]:
    """Of paired beside assumed item noise; ``table`` is from ``pair_logs.noise_table``."""
    low, high = table["ratio"].min(), table["ratio"].max()
    narrower = "narrower" if low > 1 else "not always narrower"
    counts = ", ".join(f"{task} {int(rows['items'].iloc[0])}" for task, rows in table.groupby("task"))
    return {
        "title": f"Measured on the same items, a change has a {narrower} range",
        "caption": (
            f"One model against itself in 4 bits and without 4 layers; items that all three answered: {counts}. The assumed "
            f"range is {low:.1f} to {high:.1f} times as wide as the one on the same items."
        ),
        "alternative": (
            f"Dots with two ranges each, one row for each of {len(table)} changes of score, around a dashed line at no change: "
            "the upper range is measured on the same items, the lower one is what two independent tests would have."
        ),
    }
