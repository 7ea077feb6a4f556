"""What chapter 01 finds, in sentences with computed numbers, and its tables as a reader sees them."""

from __future__ import annotations

import numpy as np
import pandas as pd
from IPython.display import Markdown
from scipy import stats

from cape_utils import data
from cape_utils.charts.parts import name
from cape_utils.charts.tables import Table, table
from cape_utils.stats.formatting import percent
from cape_utils.stats.item_noise import item_error

__all__ = [
    "benchmark_table",
    "beyond_item_noise",
    "beyond_table",
    "copies_table",
    "flag_table",
    "flagged_rows",
    "largest_differences",
    "left_out_table",
    "panel_table",
    "rows_and_units",
    "scores_are_mc2",
    "sources_differ",
]


# ---------------------------------------------------------------- sentences


def rows_and_units(paper: pd.DataFrame, open_panel: pd.DataFrame) -> Markdown:
    """How many rows the two panels have, in which units, and what is missing."""
    missing = ", ".join(f"{n} {name(benchmark)}" for benchmark, n in data.missing_counts(paper).items())
    return Markdown(
        f"The paper's panel has **{len(paper)}** rows and the open panel **{len(open_panel)}**. Sizes are in billions of "
        f"parameters, scores in percent. Missing in the paper's panel: {missing}; they stay missing. Nothing is left out "
        "here. Every row names its source in `data/sources.csv`."
    )


def scores_are_mc2(pairs: pd.DataFrame) -> Markdown:
    """A second witness that the released TruthfulQA scores are MC2.

    Parameters
    ----------
    pairs : pandas.DataFrame
        From ``data.compare_panels``.
    """
    shared = pairs.query("benchmark == 'truthfulqa_mc2'")
    same = (shared["difference_pp"].abs() < 0.005).sum()
    return Markdown(
        f"A second witness: of the {len(shared)} rows whose checkpoint is in both panels, {same} have the same TruthfulQA "
        f"score "
        "to the second decimal, and the open panel's score is MC2. The released scores are MC2. On MC1 a start near 46 would "
        "be an achievement; on MC2 it is a coin toss, and the fall that follows is a fall *below* guessing. That changes how "
        "the whole story reads."
    )


def sources_differ(by_source: pd.DataFrame, paper: pd.DataFrame) -> Markdown:
    """How far the compiled rows differ, and that the verdict on MC1 and MC2 does not hang on what counts as small.

    Parameters
    ----------
    by_source : pandas.DataFrame
        From `beyond_item_noise`.
    paper : pandas.DataFrame
        The paper's panel.
    """
    compiled = by_source.loc["release_compiled"]
    spans = []
    for cut in (0.2, 0.5):
        scores = paper.loc[paper["params_b"] < cut, "truthfulqa_mc2"].dropna().to_numpy(dtype=float)
        # So few models have a spread that is itself uncertain, which Student's t allows for.
        half = stats.t.ppf(0.975, len(scores) - 1) * scores.std(ddof=1) / np.sqrt(len(scores))
        mean = scores.mean()
        spans.append(
            f"below {cut}B: mean {mean:.1f}, 95% interval {mean - half:.1f} to {mean + half:.1f}, n = {len(scores)}"
        )
    return Markdown(
        f"In the compiled rows {compiled['mean']:.0%} of {compiled['size']:.0f} shared scores differ by more than new "
        f"questions "
        "would explain, against 5% under the null. These rows were measured in another way, or not measured. \n\n"
        f"The verdict on MC1 and MC2 does not depend on what counts as small: {'; '.join(spans)}. Both intervals lie far "
        f"from 22."
    )


def beyond_item_noise(pairs: pd.DataFrame) -> pd.DataFrame:
    """How many shared scores differ by more than item noise allows, by source of the paper's row.

    Parameters
    ----------
    pairs : pandas.DataFrame
        From ``data.compare_panels``.

    Returns
    -------
    pandas.DataFrame
        Columns ``size, sum, mean``: scores compared, those beyond 1.96 standard errors, and their share.
    """
    items = pairs["benchmark"].map(data.load("benchmarks").set_index("benchmark")["items"]).astype(float)
    errors = [item_error(pairs[side], items) for side in ("paper_pct", "open_pct")]
    beyond = pairs["difference_pp"].abs() > 1.96 * np.hypot(*errors)
    source = pairs["model"].map(data.load("paper_panel").set_index("model")["source_id"])
    return beyond.groupby(source).agg(["size", "sum", "mean"])


# ---------------------------------------------------------------- tables


def panel_table(panel: pd.DataFrame) -> Table:
    """The first rows of a panel."""
    return table(panel.head(), ["model", "params_b", *data.BENCHMARKS])


def benchmark_table(benchmarks: pd.DataFrame) -> Table:
    """The benchmarks: what they measure, with how many items, and what guessing scores."""
    headings = {"title": "benchmark", "measures": "measures", "items": "items", "chance_pct": "guessing (%)"}
    return table(benchmarks, headings, show={"items": "{:,.0f}".format, "chance_pct": "{:g}".format})


def flagged_rows(panel: pd.DataFrame) -> Table:
    """The rows that need a note, and the note."""
    flagged = panel.dropna(subset=["flags"])
    flags = flagged["flags"].str.replace("_", " ").str.replace(";", ", ")
    return table(
        flagged.assign(flags=flags),
        {"model": "model", "family": "family", "params_b": "size (B)", "flags": "flags", "note": "note"},
    )


def flag_table(both: pd.DataFrame) -> Table:
    """Each flag with its number of rows in either panel and its meaning.

    Parameters
    ----------
    both : pandas.DataFrame
        From ``data.both_panels``.
    """
    exploded = both.assign(flag=both["flags"].str.split(";")).explode("flag")
    counts = exploded.groupby(["flag", "panel"]).size().unstack(fill_value=0)
    rows = counts.join(data.load("flags").set_index("flag")).reset_index()
    return table(rows.assign(flag=rows["flag"].str.replace("_", " ")))


def left_out_table() -> Table:
    """The models that one recipe a family leaves out of each panel."""
    named = {"paper": "the paper's panel", "open": "the open panel"}
    rows = [
        {"panel": label, "left out": ", ".join(data.panel(which, rows="one_recipe").attrs["left_out"])}  # type: ignore[arg-type]
        for which, label in named.items()
    ]
    return table(pd.DataFrame(rows))


def copies_table(copies: pd.DataFrame) -> Table:
    """TruthfulQA of each Pythia model in each copy of its scores.

    Parameters
    ----------
    copies : pandas.DataFrame
        From ``data.pythia_copies``.
    """
    wide = copies.pivot(index=["params_b", "model"], columns="copy", values="truthfulqa_mc2").sort_index()
    headings = {"model": "model", "params_b": "size (B)", **{copy: f"{copy} (%)" for copy in wide.columns}}
    return table(wide.reset_index(), headings, show=dict.fromkeys(wide.columns, "{:.2f}".format))


def largest_differences(pairs: pd.DataFrame) -> Table:
    """The eight scores on which the panels differ most."""
    rows = pairs.loc[pairs["difference_pp"].abs().nlargest(8).index]
    headings = {
        "model": "model",
        "benchmark": "benchmark",
        "paper_pct": "paper's panel (%)",
        "open_pct": "open panel (%)",
        "difference_pp": "difference (pp)",
    }
    return table(rows.assign(benchmark=rows["benchmark"].map(name)), headings)


def beyond_table(by_source: pd.DataFrame) -> Table:
    """The counts of `beyond_item_noise`, by source."""
    sources = by_source.index.to_series().str.replace("_", " ")
    headings = {
        "source": "source of the row",
        "size": "scores compared",
        "sum": "beyond item noise",
        "mean": "share",
    }
    return table(by_source.assign(source=sources).reset_index(drop=True), headings, show={"mean": percent})
