"""Chapter 02: local and population coupling."""

from __future__ import annotations

import numpy as np
import pandas as pd

from cape_utils import data
from cape_utils.claims.quotations import nearest, quoted
from cape_utils.claims.registry import recomputes
from cape_utils.claims.verdicts import NullRange, Recomputed, Value
from cape_utils.data.loading import pythia
from cape_utils.scaling import coupling, trend_nulls
from cape_utils.stats import correlation

HS, TQA = "hellaswag", "truthfulqa_mc2"
LLAMA_FALCON_OPT = ("Llama", "Llama-1", "Llama-2", "Llama-3", "Llama-3.1", "Falcon", "OPT")


@recomputes("pythia_r_hs_tqa")
def pythia_r() -> Recomputed:
    own, opened = pythia("panel rows"), pythia("open panel")
    partial = correlation.partial_correlation(own[HS], own[TQA], np.log10(own["params_b"]))
    remark = f"With log N taken out of both scores r is {partial.estimate:.2f} [{partial.low:.2f}, {partial.high:.2f}]."
    return Recomputed(
        Value.of(coupling.population_coupling(own)),
        Value.of(coupling.population_coupling(opened)),
        NullRange.of(trend_nulls.monotone_null(own[HS], own[TQA])),
        remark,
    )


@recomputes("pythia_p_hs_tqa")
def pythia_p() -> Recomputed:
    own, opened = pythia("panel rows"), pythia("open panel")
    exact = trend_nulls.permutation_null(own[HS], own[TQA])
    other = trend_nulls.permutation_null(opened[HS], opened[TQA])
    null = trend_nulls.permutation_p_under_monotone(own[HS], own[TQA])
    remark = f"The smallest p that {exact.draws:,} arrangements can give is {exact.smallest_p:.2g}."
    return Recomputed(
        Value(exact.p, None, None, exact.n, exact.method),
        Value(other.p, None, None, other.n, other.method),
        NullRange.of(null),
        remark,
    )


def _pythia_pair(x: str, claim_id: str) -> Recomputed:
    tables = {
        f"{copy}, {label}": part
        for copy in ("panel rows", "bootstrap copy")
        for label, part in (("all eight", pythia(copy)), ("below 3.5B", pythia(copy).query("params_b < 3.5")))
    }
    best, remark = nearest(
        {k: coupling.population_coupling(v, x, TQA).estimate for k, v in tables.items()}, quoted(claim_id)
    )
    own = tables[best]
    opened = pythia("open panel") if "all eight" in best else pythia("open panel").query("params_b < 3.5")
    return Recomputed(
        Value.of(coupling.population_coupling(own, x, TQA)),
        Value.of(coupling.population_coupling(opened, x, TQA)),
        NullRange.of(trend_nulls.monotone_null(own[x], own[TQA])),
        remark,
    )


@recomputes("pythia_r_commonsense_tqa")
def pythia_commonsense() -> Recomputed:
    return _pythia_pair("winogrande", "pythia_r_commonsense_tqa")


@recomputes("pythia_r_knowledge_tqa")
def pythia_knowledge() -> Recomputed:
    return _pythia_pair("mmlu", "pythia_r_knowledge_tqa")


@recomputes("above_7b_r_hs_tqa")
def above_7b() -> Recomputed:
    def part(which: data.Panel, min_size_b: float) -> pd.DataFrame:
        table = data.panel(which)
        return table[table["family"].isin(LLAMA_FALCON_OPT) & (table["params_b"] >= min_size_b)]

    cuts = {"above 7B": 7.001, "7B and above": 7.0, "6.7B and above": 6.7}
    best, remark = nearest(
        {name: coupling.population_coupling(part("paper", cut)).estimate for name, cut in cuts.items()},
        quoted("above_7b_r_hs_tqa"),
    )
    own, opened = part("paper", cuts[best]), part("open", cuts[best])
    return Recomputed(
        Value.of(coupling.population_coupling(own)),
        Value.of(coupling.population_coupling(opened)),
        NullRange.of(trend_nulls.family_trend_null(own)),
        remark,
    )


@recomputes("panel_r_hs_tqa")
def panel_r() -> Recomputed:
    own, opened = data.panel("paper"), data.panel("open")
    inside = coupling.within_family(own)
    remark = (
        f"With each family's mean taken out r is {inside.estimate:.2f} [{inside.low:.2f}, {inside.high:.2f}]."
    )
    return Recomputed(
        Value.of(coupling.population_coupling(own)),
        Value.of(coupling.population_coupling(opened)),
        NullRange.of(trend_nulls.family_trend_null(own)),
        remark,
    )


def _phase_count(name: str) -> Recomputed:
    own = coupling.local_coupling(data.panel("paper"))
    opened = coupling.local_coupling(data.panel("open", rows="one_recipe"))
    counts = coupling.phase_counts(own, count="models")
    expected = own[f"p_{name}"].sum()
    remark = (
        f"There are {len(own)} intervals, {coupling.phase_counts(own)[name]} of them {name}; with item noise carried "
        f"through, the expected number is {expected:.1f}. A model is given the interval that starts at it, the largest of "
        "a family the one that ends at it."
    )
    return Recomputed(
        Value(counts[name], None, None, sum(counts.values()), "models, as released"),
        Value(
            coupling.phase_counts(opened, count="models")[name],
            None,
            None,
            sum(coupling.phase_counts(opened, count="models").values()),
            "models of the open panel, one recipe a family",
        ),
        NullRange.of(coupling.expected_phase_counts(own)[name]),
        remark,
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
    own, opened = data.panel("paper"), data.panel("open", rows="one_recipe")
    floor = tuple(name for name in others if name != "mmlu")
    remark = f"Without MMLU, which small models answer at chance, the share is {share(own, floor).value:.2f}."
    return Recomputed(
        share(own, others),
        share(opened, others),
        NullRange.of(trend_nulls.rising_share_null(own, others)),
        remark,
    )
