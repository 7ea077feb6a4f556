"""What chapter 08 finds, in sentences with computed numbers, and its tables as a reader sees them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from IPython.display import Markdown

from cape_utils import data
from cape_utils.charts.parts import name
from cape_utils.charts.tables import Table, table
from cape_utils.claims.quotations import quoted
from cape_utils.scaling.spectrum import Spectrum
from cape_utils.stats.formatting import p_value, percent
from cape_utils.stats.results import Floats, Null

__all__ = [
    "anchors",
    "axes_table",
    "axis_share",
    "complete_rows",
    "convention_table",
    "effective_dimensions",
    "exponents_by_copy",
    "groups_and_bands",
    "guessed_mmlu",
    "model_table",
    "random_groups",
    "readings_table",
    "tax_and_bonus",
    "three_models",
]

BENCHMARKS = list(data.BENCHMARKS)


# ---------------------------------------------------------------- sentences


def complete_rows(panels: Mapping[str, pd.DataFrame], complete: Mapping[str, pd.DataFrame]) -> Markdown:
    """How many models of each panel have all five scores."""
    return Markdown(
        "; ".join(
            f"{panel}: {len(complete[panel])} of {len(part)} models with all five scores, in "
            f"{complete[panel]['family'].nunique()} families"
            for panel, part in panels.items()
        )
        + "."
    )


def effective_dimensions(scores: pd.DataFrame, covariance: Spectrum, correlation: Spectrum) -> Markdown:
    """Participation ratios of all models, and why the two matrices differ.

    Parameters
    ----------
    scores : pandas.DataFrame
        The five benchmarks in percent.
    covariance, correlation : Spectrum
        Of the same scores.
    """
    r = scores[BENCHMARKS].dropna().corr().to_numpy()
    mean_r2 = np.mean(r[np.triu_indices(5, 1)] ** 2)
    widest = " and ".join(name(b) for b in scores[BENCHMARKS].std().nlargest(2).index)
    return Markdown(
        f"The {covariance.n} models span **{covariance.participation_ratio:.2f}** effective dimensions by the covariance and "
        f"**{correlation.participation_ratio:.2f}** by the correlation. The two differ because {widest} have the widest "
        f"spread "
        "and hence the most say in a covariance. For a correlation matrix the ratio is nothing but the mean squared "
        "correlation "
        f"of the pairs: 5 / (1 + 4 · {mean_r2:.4f}) = {5 / (1 + 4 * mean_r2):.2f}."
    )


def groups_and_bands(dims: pd.DataFrame) -> Markdown:
    """Where the ratios of the tax group and of the largest models lie in the bands of random groups.

    Parameters
    ----------
    dims : pandas.DataFrame
        From ``group_spectra.group_dimensions`` with a column ``panel``.
    """
    shown = dims[dims["group"].isin(["tax", "30B and above"])]
    sides = np.select(
        [shown["ratio"] < shown["null_low"], shown["ratio"] > shown["null_high"]],
        ["below", "above"],
        "inside",
    )
    return Markdown(
        "\n".join(
            f"- *{group}*: "
            + "; ".join(f"{r.panel}, {r.matrix}, {r.ratio:.2f}, {r.side} the band" for r in part.itertuples())
            + "."
            for group, part in shown.assign(side=sides).groupby("group", sort=False)
        )
    )


def tax_and_bonus(readings: pd.DataFrame, without_mmlu: Null) -> Markdown:
    """The two ratios under every reading, and what MMLU has to do with their order.

    Parameters
    ----------
    readings : pandas.DataFrame
        From ``recompute.phase_table``; the first row is the literal reading.
    without_mmlu : Null
        Of the difference tax minus bonus, split by size, without MMLU.
    """
    tax, bonus = quoted("deff_tax"), quoted("deff_bonus")
    literal: Any = readings.iloc[0]
    by_size: Any = readings[readings["way"] == "size"].iloc[0]
    swapped = abs(literal["tax"] - bonus) < 0.01
    swap = " As it happens, that is the number quoted for the other phase." if swapped else ""
    order = "the other way round" if literal["tax"] < literal["bonus"] else "in the paper's order"
    # As a reader sees them, in two decimals.
    gap = readings["tax"].round(2) - readings["bonus"].round(2)
    equal = int((gap == 0).sum())
    even = f" and as large in {equal}" if equal else ""
    clearest = readings["way"].iloc[int(gap.to_numpy().argmax())]
    split = "size and not by coupling" if clearest == "size" else "coupling"
    if without_mmlu.observed < 0:
        turns = (
            "so that in the covariance, which the claim takes, MMLU makes the order; the section on chance has the "
            "correlation"
        )
    else:
        turns = "so that the order does not hang on MMLU"
    return Markdown(
        f"The paper has {tax} in tax and {bonus} in bonus. In {int((gap > 0).sum())} of {len(readings)} readings tax is the "
        f"larger of the two{even}. With phases of local coupling, each model taking the step that starts at it, the order is "
        f"**{order}**: {literal['tax']:.2f} in tax, {literal['bonus']:.2f} in bonus.{swap} The paper's order comes out most "
        f"clearly when models are split by {split}: {by_size['tax']:.2f} below 3.5B and {by_size['bonus']:.2f} above. "
        f"Without "
        f"MMLU that difference is {without_mmlu.observed:+.2f} in place of {gap[by_size.name]:+.2f}, {turns}."
    )


def three_models(curve: pd.DataFrame) -> Markdown:
    """What three models drawn from the panel's population would show.

    Parameters
    ----------
    curve : pandas.DataFrame
        From ``spectrum.small_sample`` with a column ``case``.
    """
    at = curve.set_index(["case", "n"])
    few: Any = at.loc[("panel, covariance", 3)]
    unrelated: Any = at.loc[("five unrelated scores", 3)]
    frontier = quoted("deff_frontier")
    inside = few["low"] <= frontier <= few["high"]
    place = "**inside** that range, where it says nothing about scale" if inside else "**outside** that range"
    return Markdown(
        f"Three models from the whole panel's population give {few['mean']:.2f} on average and 95% of the time between "
        f"{few['low']:.2f} and {few['high']:.2f}. The quoted {frontier} of the three largest models lies {place}. Even five "
        f"wholly unrelated scores would look like {unrelated['mean']:.2f} dimensions."
    )


def guessed_mmlu(eight: Spectrum, mmlu_share: float, guessed: Floats, without: float) -> Markdown:
    """Whether MMLU acts on the second axis as guessing would.

    Parameters
    ----------
    eight : Spectrum
        Of the eight Pythia models, from the correlation.
    mmlu_share : float
        MMLU's share of its second axis.
    guessed : ndarray, shape (draws,)
        Second eigenvalue with guesses in MMLU's place.
    without : float
        Second eigenvalue without MMLU.
    """
    low, high = np.percentile(guessed, [2.5, 97.5])
    second = eight.eigenvalues[1]
    as_guessing = "as" if low <= second <= high else "not as"
    return Markdown(
        f"The second eigenvalue of the eight panel rows is {second:.2f}, and MMLU makes up {mmlu_share:.0%} of its axis. "
        f"With "
        f"guessing in MMLU's place it is {np.median(guessed):.2f} [{low:.2f}, {high:.2f}], so MMLU behaves {as_guessing} "
        f"guessing would. Without MMLU the second eigenvalue is **{without:.2f}**: what is left is one axis, along which "
        f"size runs."
    )


def random_groups(gaps: Mapping[str, tuple[Null, Floats]]) -> Markdown:
    """The difference of the two ratios beside random groups of the same sizes."""
    lines = [
        f"- {case}: difference {null.observed:+.2f}, random groups {null.low:+.2f} to {null.high:+.2f}, "
        f"two-sided {p_value(null.p, name=True)}"
        for case, (null, _) in gaps.items()
    ]
    return Markdown(
        "\n".join(lines)
        + "\n\nThe models are permuted one by one; models of one family are alike, so a p near the edge is worth less than "
        "it looks."
    )


def exponents_by_copy(exponents: pd.DataFrame) -> Markdown:
    """The exponents of the released copies, and how often straight lines give the one quoted.

    Parameters
    ----------
    exponents : pandas.DataFrame
        From ``recompute.exponent_table`` with a column ``benchmarks``.
    """
    five = exponents[exponents["benchmarks"] == "all five"]
    spread = five.groupby("copy", sort=False)["exponent"].agg(["min", "max"])
    at = quoted("lambda2_exponent")
    covers = int(((five["null_low"] <= at) & (five["null_high"] >= at)).sum())
    return Markdown(
        "The two released copies of one table disagree: "
        + "; ".join(f"{copy}, {row['min']:.2f} to {row['max']:.2f}" for copy, row in spread.iterrows())
        + f". In {covers} of {len(five)} readings straight lines reach the quoted exponent too."
    )


def anchors(flips: pd.DataFrame, eight: Spectrum) -> Markdown:
    """How often TruthfulQA's loading turns negative, by the benchmark held positive.

    Parameters
    ----------
    flips : pandas.DataFrame
        From ``recompute.flip_table``.
    eight : Spectrum
        Of the eight Pythia models, from the correlation.
    """
    turned = flips.assign(flip=(flips["first"] > 0) & (flips["last"] < 0))
    counts = turned.groupby("positive", sort=False)["flip"].agg(["sum", "size"])
    return Markdown(
        "The loading goes from positive to negative in "
        + " and in ".join(
            f"{row['sum']} of {row['size']} readings with {name(str(anchor))} positive"
            for anchor, row in counts.iterrows()
        )
        + ". HellaSwag is a poor anchor: over the eight panel rows its own loading on this axis is "
        f"{abs(float(eight.loadings[2]['hellaswag'])):.2f}, so that noise can decide its sign, and everything else is "
        f"turned over "
        "with it."
    )


# ---------------------------------------------------------------- tables


def model_table(scores: pd.DataFrame, phase: pd.Series) -> Table:
    """The first models with their five scores and their phase."""
    return table(scores.assign(phase=phase).head(), ["model", "params_b", *BENCHMARKS, "phase"])


def axes_table(covariance: Spectrum) -> Table:
    """Loadings of each benchmark on the principal axes, and the share of variance of each axis."""
    shares = np.array(covariance.eigenvalues) / sum(covariance.eigenvalues)
    rows = covariance.loadings.rename(index=name).rename_axis("benchmark").reset_index()
    last = pd.DataFrame([["share of variance", *shares]], columns=rows.columns)
    headings = {k: "benchmark" if k == "benchmark" else f"axis {k}" for k in rows.columns}
    show = {k: "{:.2f}".format for k in rows.columns if k != "benchmark"}
    return table(pd.concat([rows, last], ignore_index=True), headings, show=show)


def readings_table(readings: pd.DataFrame) -> Table:
    """Both ratios under every reading of the claim."""
    headings = {
        "reading": "reading",
        "tax": "dimensions in tax",
        "n_tax": "models",
        "bonus": "dimensions in bonus",
        "n_bonus": "models",
    }
    return table(readings, headings)


def convention_table(changes: Mapping[str, float]) -> Table:
    """Change of TruthfulQA's loading for each benchmark that is held positive."""
    rows = [{"anchor": name(b), "change": change} for b, change in changes.items()]
    return table(
        pd.DataFrame(rows),
        {"anchor": "held positive", "change": "change of TruthfulQA's loading"},
        show={"change": "{:.2f}".format},
    )


def axis_share(copies: Mapping[str, Spectrum]) -> str:
    """MMLU's share of the second axis in each copy of the eight models, for a caption."""
    shares = {copy: float(c.loadings[2]["mmlu"]) ** 2 for copy, c in copies.items()}
    listed = ", ".join(f"{percent(share)} ({copy})" for copy, share in shares.items())
    return f"MMLU's share of the second axis of all eight models: {listed}."
