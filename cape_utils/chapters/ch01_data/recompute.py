"""Chapter 01: what was measured. Claims about the panel itself."""

from __future__ import annotations

from cape_utils import data
from cape_utils.claims.registry import recomputes
from cape_utils.claims.verdicts import Recomputed, Value


def truthfulqa_variant(smallest_model_pct: float) -> str:
    """MC1 or MC2, from where the smallest models lie: they guess, and guessing scores 22 on one and 46 on the other.

    Parameters
    ----------
    smallest_model_pct : float
        Mean score of the smallest models.
    """
    gap = {
        name: abs(smallest_model_pct - data.chance_pct(f"truthfulqa_{name.lower()}"))
        for name in ("MC1", "MC2")
    }
    return min(gap, key=lambda name: gap[name])


def _variant(which: data.Panel) -> Value:
    table = data.panel(which).dropna(subset=["truthfulqa_mc2"])
    small = table[table["params_b"] < 0.2]["truthfulqa_mc2"]
    kind = truthfulqa_variant(float(small.mean()))
    method = f"models below 0.2B score {small.mean():.1f}, nearest to chance on {kind}"
    return Value(kind, None, None, len(small), method)


@recomputes("tqa_variant")
def tqa_variant() -> Recomputed:
    both = data.compare_panels().query("benchmark == 'truthfulqa_mc2'")
    same = int((both["difference_pp"].abs() < 0.005).sum())
    remark = (
        f"Of {len(both)} rows whose checkpoint is in both panels {same} have the same score to two decimals, "
        "and the open panel's is MC2."
    )
    return Recomputed(_variant("paper"), _variant("open"), None, remark)


@recomputes("panel_models")
def panel_models() -> Recomputed:
    table = data.panel("paper")
    tuned = table["flags"].fillna("").str.contains("instruction_tuned")
    twins = table["hf_id"].duplicated() & table["hf_id"].notna()
    n = int((~tuned & ~twins).sum())
    remark = f"Of {len(table)} rows {int(twins.sum())} repeat a checkpoint and {int(tuned.sum())} are instruction-tuned."
    return Recomputed(Value(n, None, None, len(table), "distinct base checkpoints"), None, None, remark)


@recomputes("panel_families")
def panel_families() -> Recomputed:
    table = data.panel("paper")
    sizes = table["family"].value_counts()
    alone = sorted(sizes[sizes == 1].index)
    remark = f"{len(alone)} of them have one model and hence no local coupling ({', '.join(alone)})."
    return Recomputed(
        Value(len(sizes), None, None, len(table), "family labels as released"), None, None, remark
    )
