"""Chapter 02: local and population coupling."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from cape_utils import data
from cape_utils.claims.registry import recomputes
from cape_utils.claims.verdicts import NullRange, Recomputed, Value
from cape_utils.data.loading import pythia
from cape_utils.scaling import coupling, trend_nulls
from cape_utils.stats import correlation
from cape_utils.stats.formatting import p_value
from cape_utils.stats.results import Null

HS, TQA = "hellaswag", "truthfulqa_mc2"
CRITICAL_B = 3.5
"""The critical scale of the abstract, in billions of parameters."""

LLAMA_FALCON_OPT = ("Llama", "Llama-1", "Llama-2", "Llama-3", "Llama-3.1", "Falcon", "OPT")


@recomputes("pythia_r_hs_tqa")
def pythia_r() -> Recomputed:
    paper, open_panel = pythia("panel rows"), pythia("open panel")
    partial = correlation.partial_correlation(paper[HS], paper[TQA], np.log10(paper["params_b"]))
    exact = trend_nulls.permutation_null(paper[HS], paper[TQA])
    remark = (
        f"That one rises and the other falls is plain ({exact.p:.1e} by permutation); this p asks whether the two are tied by "
        "more than size, and with two such trends few data could show it. With log N taken out of both scores r is "
        f"{partial.estimate:.2f} [{partial.low:.2f}, {partial.high:.2f}]."
    )
    return Recomputed(
        Value.of(coupling.population_coupling(paper)),
        Value.of(coupling.population_coupling(open_panel)),
        NullRange.of(trend_nulls.monotone_null(paper[HS], paper[TQA])),
        remark,
        NullRange.of(trend_nulls.monotone_null(open_panel[HS], open_panel[TQA])),
    )


@recomputes("pythia_p_hs_tqa")
def pythia_p() -> Recomputed:
    paper, open_panel = pythia("panel rows"), pythia("open panel")
    exact = trend_nulls.permutation_null(paper[HS], paper[TQA])
    other = trend_nulls.permutation_null(open_panel[HS], open_panel[TQA])
    remark = f"The smallest p that {exact.draws:,} arrangements can give is {exact.smallest_p:.2g}."
    return Recomputed(
        Value(exact.p, None, None, exact.n, exact.method),
        Value(other.p, None, None, other.n, other.method),
        NullRange.of(trend_nulls.permutation_p_under_monotone(paper[HS], paper[TQA])),
        remark,
        NullRange.of(trend_nulls.permutation_p_under_monotone(open_panel[HS], open_panel[TQA])),
    )


def _pythia_pair(x: str) -> Recomputed:
    """One of the correlations that the paper lists in one sentence, in the reading of its neighbours.

    That is the panel's own rows, all eight: no other reading gives both of the first two as quoted.
    """
    readings = {
        f"{copy}, {label}": (copy, below_b)
        for copy in ("panel rows", "bootstrap copy")
        for label, below_b in (("all eight", np.inf), ("below 3.5B", CRITICAL_B))
    }

    def part(copy: str, below_b: float = np.inf) -> pd.DataFrame:
        table = pythia(copy)
        return table[table["params_b"] < below_b]

    others = ", ".join(
        f"{name} {coupling.population_coupling(part(*chosen), x, TQA).estimate:.3g}"
        for name, chosen in readings.items()
        if name != "panel rows, all eight"
    )
    paper, open_panel = part("panel rows"), part("open panel")
    return Recomputed(
        Value.of(coupling.population_coupling(paper, x, TQA)),
        Value.of(coupling.population_coupling(open_panel, x, TQA)),
        NullRange.of(trend_nulls.monotone_null(paper[x], paper[TQA])),
        f"Read as its neighbours in the sentence, on the panel's rows, all eight; other readings: {others}.",
        NullRange.of(trend_nulls.monotone_null(open_panel[x], open_panel[TQA])),
    )


@recomputes("pythia_r_commonsense_tqa")
def pythia_commonsense() -> Recomputed:
    return _pythia_pair("winogrande")


@recomputes("pythia_r_knowledge_tqa")
def pythia_knowledge() -> Recomputed:
    return _pythia_pair("mmlu")


def _over_models(
    paper: pd.DataFrame,
    open_panel: pd.DataFrame,
    remark: str,
    null: Callable[[pd.DataFrame], Null] = trend_nulls.family_trend_null,
) -> Recomputed:
    """R over the models of several families, each panel beside a null of its own."""
    return Recomputed(
        Value.of(coupling.population_coupling(paper)),
        Value.of(coupling.population_coupling(open_panel)),
        NullRange.of(null(paper)),
        remark,
        NullRange.of(null(open_panel)),
    )


@recomputes("above_7b_r_hs_tqa")
def above_7b() -> Recomputed:
    def part(which: data.Panel, min_size_b: float) -> pd.DataFrame:
        table = data.panel(which)
        return table[table["family"].isin(LLAMA_FALCON_OPT) & (table["params_b"] >= min_size_b)]

    # "Above 7B" as it stands; what includes the models of 7B, or of 6.7B, is another claim and told as such.
    above = 7.001
    others = ", ".join(
        f"{name} {coupling.population_coupling(part('paper', cut)).estimate:.3g}"
        for name, cut in (("7B and above", 7.0), ("6.7B and above", 6.7))
    )
    wider = trend_nulls.family_trend_null(part("open", 6.7))
    remark = (
        f"Read as it stands, models larger than 7B; with others: {others}, the last as quoted. From 6.7B the open panel gives "
        f"{wider.observed:.3f}, where its null gives {wider.value:.2f} [{wider.low:.2f}, {wider.high:.2f}], "
        f"{p_value(wider.p_greater, name=True)}."
    )
    return _over_models(part("paper", above), part("open", above), remark)


@recomputes("panel_r_hs_tqa")
def panel_r() -> Recomputed:
    paper, open_panel = data.panel("paper"), data.panel("open")
    inside = coupling.within_family(paper)
    remark = (
        f"With each family's mean taken out r is {inside.estimate:.2f} [{inside.low:.2f}, {inside.high:.2f}]."
    )
    return _over_models(paper, open_panel, remark)


def _one_side(above: bool) -> Recomputed:
    """R on one side of the critical scale of the abstract."""

    def part(which: data.Panel) -> pd.DataFrame:
        table = data.panel(which, rows="as_released" if which == "paper" else "one_recipe")
        side = table["params_b"] > CRITICAL_B
        return table[side if above else ~side]

    paper, open_panel = part("paper"), part("open")
    steps = {name: coupling.local_coupling(table) for name, table in (("paper", paper), ("open", open_panel))}
    rising = ", ".join(
        f"{int((one['coupling'] > 0).sum())} of {one['coupling'].notna().sum()} on the {name} panel"
        for name, one in steps.items()
    )
    trend = [trend_nulls.family_trend_null(table) for table in (paper, open_panel)]
    tail = [one.p_greater if above else one.p_less for one in trend]
    agreeing = ", ".join(
        f"{_families_moving(table, up=above)} on the {name} panel"
        for name, table in (("paper", paper), ("open", open_panel))
    )
    remark = (
        f"One cut stands for scales that depend on the family. Families of two sizes or more in which TruthfulQA "
        f"{'rises' if above else 'falls'} with HellaSwag rising: {agreeing}. Local couplings "
        f"{'above' if above else 'up to'} {CRITICAL_B:g}B that are positive: {rising}. A claim about the sign "
        "that families share has a null in which that sign is chance; beyond the trends of the families, which is more than "
        f"is claimed, the paper's panel has {p_value(tail[0], name=True)}, the open one {p_value(tail[1], name=True)}."
    )
    return _over_models(paper, open_panel, remark, trend_nulls.family_direction_null)


def _families_moving(table: pd.DataFrame, *, up: bool) -> str:
    """In how many families the two scores go together, or against each other, of those with two models or more."""
    signs = [
        np.sign(np.polyfit(part[HS].astype(float), part[TQA].astype(float), 1)[0])
        for _, part in table.dropna(subset=[HS, TQA]).groupby("family")
        if len(part) > 1
    ]
    return f"{sum(sign == (1 if up else -1) for sign in signs)} of {len(signs)}"


@recomputes("negative_below_scale")
def negative_below_scale() -> Recomputed:
    return _one_side(above=False)


@recomputes("positive_above_scale")
def positive_above_scale() -> Recomputed:
    return _one_side(above=True)


def _phase_count(name: str) -> Recomputed:
    paper = coupling.local_coupling(data.panel("paper"))
    open_panel = coupling.local_coupling(data.panel("open", rows="one_recipe"))
    counts, open_counts = (coupling.phase_counts(steps, count="models") for steps in (paper, open_panel))
    remark = (
        f"There are {len(paper)} intervals, {coupling.phase_counts(paper)[name]} of them {name}; with item noise carried "
        f"through, the expected number is {paper[f'p_{name}'].sum():.1f}. A model is given the interval that starts at it, "
        "the largest of a family the one that ends at it."
    )
    open_method = "models of the open panel, one recipe a family"
    return Recomputed(
        Value(counts[name], None, None, sum(counts.values()), "models, as released"),
        Value(open_counts[name], None, None, sum(open_counts.values()), open_method),
        NullRange.of(coupling.expected_phase_counts(paper)[name]),
        remark,
        NullRange.of(coupling.expected_phase_counts(open_panel)[name]),
    )


@recomputes("phase_counts_tax")
def phase_counts_tax() -> Recomputed:
    return _phase_count("tax")


@recomputes("phase_counts_bonus")
def phase_counts_bonus() -> Recomputed:
    return _phase_count("bonus")


@recomputes("nontqa_pairs_positive")
def nontqa_pairs() -> Recomputed:
    def share(table: pd.DataFrame, benchmarks: tuple[str, ...]) -> Value:
        signs = coupling.sign_shares(table, benchmarks)
        return Value(
            float(signs["positive"].sum() / signs["n"].sum()),
            None,
            None,
            int(signs["n"].sum()),
            "local couplings of pairs without TruthfulQA",
        )

    others = tuple(name for name in data.BENCHMARKS if name != TQA)
    paper, open_panel = data.panel("paper"), data.panel("open", rows="one_recipe")
    floor = tuple(name for name in others if name != "mmlu")
    remark = (
        f"Without MMLU, which small models answer at chance, the share is {share(paper, floor).value:.2f}."
    )
    return Recomputed(
        share(paper, others),
        share(open_panel, others),
        NullRange.of(trend_nulls.rising_share_null(paper, others)),
        remark,
        NullRange.of(trend_nulls.rising_share_null(open_panel, others)),
    )
