"""Chapter 10: the released counts of changed outputs, and what is kept of our own measurements beside them."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from cape_utils import data
from cape_utils.chapters.ch10_steering.label_test import steering_test
from cape_utils.claims.registry import recomputes
from cape_utils.claims.verdicts import Recomputed, Value
from cape_utils.models.bundled import EMBEDDED
from cape_utils.stats.formatting import p_value, with_interval
from cape_utils.stats.results import Floats
from cape_utils.steering.pairs import pairs_digest

DEFAULT = "smollm2-135m"


def kept_rows(name: str) -> pd.DataFrame:
    """What came with the repository of a sweep of the default model on the present pairs; empty if nothing did."""
    weights, digest = EMBEDDED[DEFAULT].sha256, pairs_digest(data.load("truth_pairs"))
    for path in sorted((data.tables_folder() / "kept").glob(f"{name}-*.jsonl")):
        first, *lines = map(json.loads, path.read_text(encoding="utf-8").splitlines())
        settings: dict[str, Any] = first["settings"]
        if settings["model"] == weights and settings["pairs"] == digest:
            return pd.DataFrame([row for line in lines for row in line["rows"]])
    return pd.DataFrame()


def counts() -> pd.DataFrame:
    """The released counts with exact (Clopper-Pearson) 95% intervals, in percent.

    Returns
    -------
    pandas.DataFrame
        Columns ``model, phase, changed, prompts, pct, low, high``.
    """
    table = data.load("steering_outcomes").rename(columns={"phase_assigned": "phase"})
    ends = [
        stats.binomtest(int(changed), int(n)).proportion_ci(method="exact")
        for changed, n in zip(table["outputs_changed"], table["prompts"], strict=True)
    ]
    changed, prompts = (table[name].astype(float) for name in ("outputs_changed", "prompts"))
    return pd.DataFrame(
        {
            "model": table["model"],
            "phase": table["phase"],
            "changed": changed.astype(int),
            "prompts": prompts.astype(int),
            "pct": 100 * changed / prompts,
            "low": [100 * float(end.low) for end in ends],
            "high": [100 * float(end.high) for end in ends],
        }
    )


def phases_differ_p() -> float:
    """Exact p of the tax model's count against the bonus model's, two-sided (Fisher)."""
    table = counts().set_index("phase").loc[["tax", "bonus"]]
    changed, prompts = (table[name].to_numpy(dtype=int) for name in ("changed", "prompts"))
    return float(stats.fisher_exact(np.stack([changed, prompts - changed], axis=1)).pvalue)


def _changed_pct(kind: str) -> Floats:
    """Outputs of ten that each run of a kind changes in the default model, in percent; empty where none is kept."""
    rows = kept_rows("steering_changed")
    if rows.empty:
        return np.array([])
    of_kind = rows[rows["kind"] == kind]
    changed, prompts = (of_kind[name].to_numpy(dtype=float) for name in ("changed", "prompts"))
    return np.asarray(100 * changed / prompts)


def _count(phase: str) -> Recomputed:
    row = next(row for row in counts().to_dict("records") if row["phase"] == phase)
    value = Value(
        float(row["pct"]),
        float(row["low"]),
        float(row["high"]),
        int(row["prompts"]),
        "share of prompts whose output changed, exact interval",
    )
    sampled, random = (_changed_pct(kind) for kind in ("sampled", "random"))
    alone = (
        f" In {EMBEDDED[DEFAULT].title} random directions of the same length change {np.median(random):.0f}% of ten outputs, and "
        f"sampling at temperature 0.7 without any steering {np.median(sampled):.0f}%; by which rule the paper's sampled texts "
        "count as unchanged is not said."
        if sampled.size and random.size
        else ""
    )
    remark = (
        f"{int(row['changed'])} of {int(row['prompts'])} prompts. Tax against bonus: p = {phases_differ_p():.2f} (Fisher). The "
        f"outputs and their grading were not released, and {row['model']} is not available offline.{alone} A changed output is "
        "no corrected one; that is the row steering_corrects."
    )
    return Recomputed(value, None, None, remark)


@recomputes("steering_tax")
def steering_tax() -> Recomputed:
    return _count("tax")


@recomputes("steering_transition")
def steering_transition() -> Recomputed:
    return _count("transition")


@recomputes("steering_bonus")
def steering_bonus() -> Recomputed:
    return _count("bonus")


@recomputes("steering_quarter_depth")
def steering_quarter_depth() -> Recomputed:
    rows = kept_rows("steering_choice")
    measured = ""
    if not rows.empty:
        before = np.array(rows.loc[rows["strength"] == 0, "margins"].iloc[0], dtype=float)
        steered = rows[rows["strength"] > 0]
        mildest = steered[steered["strength"] == steered["strength"].min()]
        effects = {
            int(layer): float((np.array(margins, dtype=float) - before).mean())
            for layer, margins in zip(mildest["layer"], mildest["margins"], strict=True)
        }
        depth = EMBEDDED[DEFAULT].layers
        quarter, best = depth // 4, max(effects, key=lambda layer: effects[layer])
        measured = (
            f" In {EMBEDDED[DEFAULT].title}, another model, at the mildest strength tried a quarter of the depth moves "
            f"the margin by {effects[quarter]:+.3f} nats, and the best of {len(effects)} depths, {best / depth:.2f}, "
            f"by {effects[best]:+.3f}."
        )
    remark = (
        f"No outcome at any other depth was released, so the paper's data cannot compare depths.{measured}"
    )
    return Recomputed(None, None, None, remark)


def _measured_here() -> str:
    """What adding one truth direction does to held-out topics in the default model, where it is kept."""
    tests, power = kept_rows("steering_test"), kept_rows("steering_power")
    if tests.empty or power.empty:
        return "Chapter 10 measures it in another model."
    test = steering_test(tests, power)
    low, high = with_interval(test.null.observed, test.null.low, test.null.high).split(" ", 1)
    return (
        f"In {EMBEDDED[DEFAULT].title}, another model, one direction moves the margin of true over false endings on topics it "
        f"was not learnt from by {low} nats, where permuted labels give {high}, {p_value(test.null.p, name=True)}; planted "
        f"directions of half the strongest effect or more were found in {test.power:.0%} of cases."
    )


@recomputes("steering_corrects")
def steering_corrects() -> Recomputed:
    row = next(row for row in counts().to_dict("records") if row["phase"] == "tax")
    remark = (
        f"{_measured_here()} The number is that of steering_tax, {int(row['changed'])} of {int(row['prompts'])} outputs of "
        f"{row['model']} that changed; which of them were misaligned before and which became true was not released."
    )
    return Recomputed(None, None, None, remark)


@recomputes("steering_any_model")
def steering_any_model() -> Recomputed:
    remark = (
        "The authors' tool is no part of this book, and no list of models that it was tried on was released. The book's own "
        "(cape steer) names the architectures it knows and refuses the others."
    )
    return Recomputed(None, None, None, remark)
