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


def noise(errors: pd.DataFrame) -> dict[str, str]:
    """Of the half widths that item noise gives; ``errors`` has rows at a score of 50%."""
    middle = errors[errors["score_pct"] == 50].sort_values("half_width_pp")
    least, most = middle.iloc[0], middle.iloc[-1]
    return {
        "title": "How much of a score is luck with the items",
        "caption": (
            f"At a score of 50% chance alone moves {name(least['benchmark'])} by {least['half_width_pp']:.1f} points "
            f"either way ({least['items']:,.0f} items) and {name(most['benchmark'])} by {most['half_width_pp']:.1f} "
            f"({most['items']:,.0f} items)."
        ),
        "alternative": (
            "Bar chart, one bar a benchmark, ordered by number of items. The fewer items, the longer the bar; "
            "a slider changes the score at which the width is computed."
        ),
    }


def variants(table: pd.DataFrame, chance: pd.DataFrame) -> dict[str, str]:
    """Of TruthfulQA against size; columns as in ``figures.variant_chart``."""
    small = table.loc[table["params_b"] < 0.2, "truthfulqa_mc2"]
    return {
        "title": "MC1 or MC2? Ask the smallest models",
        "caption": (
            f"{len(small)} rows below 0.2B score {small.min():.1f} to {small.max():.1f}%, where guessing on MC2 lies; on MC1 "
            f"they would score about {chance.loc[chance['variant'] == 'MC1', 'chance_pct'].iloc[0]:.0f}."
        ),
        "alternative": (
            "Scatter plot of TruthfulQA scores against model size with two dashed lines, guessing on MC1 at 22 and "
            "on MC2 at 46 percent. The smallest models lie around the MC2 line; no model lies near the MC1 line."
        ),
    }


def copies(scores: pd.DataFrame) -> dict[str, str]:
    """Of the copies of the Pythia scores; ``scores`` is from ``data.pythia_copies``."""
    by_copy = scores.pivot(index="model", columns="copy", values="truthfulqa_mc2")
    gap = by_copy.max(axis=1) - by_copy.min(axis=1)
    return {
        "title": "One family, three tables",
        "caption": (
            f"Eight Pythia models. On TruthfulQA the copies differ by up to {gap.max():.1f} points "
            f"(at {gap.idxmax()}); the two largest sizes of the panel rows are partly estimated."
        ),
        "alternative": (
            "Line chart of a benchmark against size for eight Pythia models in three versions: the rows of the paper's "
            "panel, the copy behind the critical-scale bootstrap, and the open panel. The lines run close together up to "
            "2.8 billion parameters and part at 6.9 and 12 billion."
        ),
    }


def differences(pairs: pd.DataFrame) -> dict[str, str]:
    """Of the two panels on the models in both; ``pairs`` is from ``data.compare_panels``."""
    gap = pairs["difference_pp"].abs()
    worst = pairs.iloc[int(gap.to_numpy().argmax())]
    return {
        "title": "The two panels on the models they share",
        "caption": (
            f"{pairs['hf_id'].nunique()} checkpoints, {len(pairs)} scores, {int((gap >= 0.005).sum())} of them different. The "
            f"largest gap is {worst['difference_pp']:+.1f} points, {worst['model']} on {name(worst['benchmark'])}."
        ),
        "alternative": (
            "Strip plot, one row a benchmark, of the difference between the two panels. Most points lie at zero, "
            "because the paper took them from the same leaderboard; the compiled rows scatter, on MMLU by up to twenty "
            "points."
        ),
    }
