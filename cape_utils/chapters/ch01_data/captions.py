"""Words under the figures of chapter 01: titles, captions and text alternatives, with the numbers they state."""

from __future__ import annotations

import pandas as pd

from cape_utils.charts.parts import name

__all__ = ["copies", "differences", "explorer", "noise", "variants"]


def explorer(rows: pd.DataFrame) -> dict[str, str]:
    """Of the benchmarks against each other; ``rows`` has columns ``panel, flags``, ``"none"`` where there is no flag."""
    counts = rows.groupby("panel", sort=False).size()
    return {
        "title": "Any two benchmarks, either panel",
        "caption": (
            f"{' and '.join(f'{n} models in {p}' for p, n in counts.items())}; {int(rows['flags'].ne('none').sum())} rows "
            "carry a flag and are drawn as crosses. Choose the benchmarks, a family and the smallest size."
        ),
        "alternative": (
            "Scatter plot with one point for each model. At first HellaSwag runs across and TruthfulQA up: the points "
            "form a hook, falling at low HellaSwag scores and fanning out upwards above about 75 percent. "
            "Colour shows size, crosses show flagged rows."
        ),
    }


def noise(errors: pd.DataFrame, score_pct: float) -> dict[str, str]:
    """Of the half widths that item noise gives at one score; ``errors`` as for ``figures.noise_chart``."""
    rows = errors[errors["score_pct"] == score_pct].sort_values("half_width_pp")
    least, most = rows.iloc[0], rows.iloc[-1]
    return {
        "title": "The fewer the items, the more of a score is luck",
        "caption": (
            f"At a score of {score_pct:g}% chance alone moves {name(least['benchmark'])} by {least['half_width_pp']:.1f} "
            f"points either way ({least['items']:,.0f} items) and {name(most['benchmark'])} by {most['half_width_pp']:.1f} "
            f"({most['items']:,.0f} items)."
        ),
        "alternative": (
            "Bar chart, one bar a benchmark, ordered by number of items. The fewer items, the longer the bar; "
            f"at a score of {score_pct:g}% from {least['half_width_pp']:.1f} to {most['half_width_pp']:.1f} points."
        ),
    }


def variants(table: pd.DataFrame, chance: pd.DataFrame, panel: str) -> dict[str, str]:
    """Of TruthfulQA against size in one panel; columns as in ``figures.variant_chart``."""
    rows = table[table["panel"] == panel]
    small = rows.loc[rows["params_b"] < 0.2, "truthfulqa_mc2"]
    level = chance.set_index("variant")["chance_pct"]
    nearest = (level - small.mean()).abs().idxmin()
    return {
        "title": f"The smallest models score what guessing gives on {nearest}",
        "caption": (
            f"In {panel} the {len(small)} models below 0.2B score {small.min():.1f} to {small.max():.1f}%. "
            f"Guessing gives {level['MC1']:.0f}% on MC1 and {level['MC2']:.0f}% on MC2."
        ),
        "alternative": (
            f"Scatter plot of TruthfulQA scores against model size in {panel}, with two dashed lines, guessing on MC1 at "
            f"{level['MC1']:.0f} and on MC2 at {level['MC2']:.0f} percent. The {len(small)} smallest models lie between "
            f"{small.min():.1f} and {small.max():.1f} percent; the lowest of all models is at {rows['truthfulqa_mc2'].min():.1f}."
        ),
    }


def copies(scores: pd.DataFrame, benchmark: str) -> dict[str, str]:
    """Of the copies of the Pythia scores on one benchmark; ``scores`` is from ``data.pythia_copies``."""
    by_copy = scores.pivot(index="model", columns="copy", values=benchmark)
    gap = by_copy.max(axis=1) - by_copy.min(axis=1)
    listed = "; ".join(
        f"{copy} {values.iloc[0]:.1f} to {values.iloc[-1]:.1f}"
        for copy, values in scores.sort_values("params_b").groupby("copy", sort=False)[benchmark]
    )
    return {
        "title": "One family, three tables",
        "caption": (
            f"{len(gap)} Pythia models. On {name(benchmark)} the copies differ by up to {gap.max():.1f} points "
            f"(at {gap.idxmax()}); the two largest sizes of the panel rows are partly estimated."
        ),
        "alternative": (
            f"Line chart of {name(benchmark)} against size for {len(gap)} Pythia models in three versions: the rows of the "
            "paper's panel, the copy behind the critical-scale bootstrap, and the open panel. From the smallest to the largest "
            f"model: {listed} percent."
        ),
    }


def differences(pairs: pd.DataFrame, family: str = "") -> dict[str, str]:
    """Of the two panels on the models in both, or on those of one family; ``pairs`` is from ``data.compare_panels``."""
    rows = pairs[pairs["family"] == family] if family else pairs
    gap = rows["difference_pp"].abs()
    worst = rows.iloc[int(gap.to_numpy().argmax())]
    differ = int((gap >= 0.005).sum())
    largest = (
        f" The largest gap is {worst['difference_pp']:+.1f} points, {worst['model']} on {name(worst['benchmark'])}."
        if differ
        else ""
    )
    return {
        "title": "On the models they share, the two panels mostly agree"
        if 2 * int((pairs["difference_pp"].abs() < 0.5).sum()) > len(pairs)
        else "On the models they share, the two panels mostly differ",
        "caption": (
            f"{f'{family}: ' if family else ''}{rows['hf_id'].nunique()} checkpoints, {len(rows)} scores, {differ} of them "
            f"different.{largest}"
        ),
        "alternative": (
            "Strip plot, one row a benchmark, of the difference between the two panels"
            f"{f' for {family}' if family else ''}. {len(rows) - differ} of {len(rows)} points lie at zero; the others reach "
            f"from {rows['difference_pp'].min():+.1f} to {rows['difference_pp'].max():+.1f} points."
        ),
    }
