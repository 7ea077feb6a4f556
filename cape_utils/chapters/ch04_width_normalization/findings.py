"""What chapter 04 finds, in sentences with computed numbers, and its tables as a reader sees them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from IPython.display import Markdown

from cape_utils.charts.parts import name
from cape_utils.charts.tables import Table, table
from cape_utils.data.benchmarks import benchmark_items
from cape_utils.stats.item_noise import item_error
from cape_utils.stats.results import Estimate

__all__ = [
    "division_pulls_up_and_down",
    "family_rows",
    "given_size_or_width",
    "known_widths",
    "matched_rows",
    "medians_table",
    "model_table",
    "outside_the_null",
    "projection",
    "signs_turned",
    "slopes_of_width",
    "slopes_table",
    "wider_models",
    "width_and_truth",
]

HS, TQA = "hellaswag", "truthfulqa_mc2"
OPEN = "the open panel"


# ---------------------------------------------------------------- sentences


def known_widths(panels: Mapping[str, pd.DataFrame]) -> Markdown:
    """For how many models a width is known, and how nearly width and size go together.

    Parameters
    ----------
    panels : mapping of str to pandas.DataFrame
        With ``d_model``, ``log_size`` and ``log_width``; the paper's panel first.
    """
    known = "; ".join(
        f"{t['d_model'].notna().sum()} of {len(t)} models in {label}" for label, t in panels.items()
    )
    open_panel = panels[OPEN]
    sized = open_panel.groupby("family").filter(lambda t: t["params_b"].nunique() >= 4)
    without = sorted(sized.loc[sized["d_model"].isna(), "family"].unique())
    tied = [float(t["log_size"].corr(t["log_width"])) for t in panels.values()]
    return Markdown(
        f"A width is known for {known}; the others are left out of this chapter. Open families with four or more sizes that "
        f"lose one: {', '.join(without) or 'none'}. Width and size nearly go together: their logarithms correlate at "
        f"{tied[0]:.2f} and {tied[1]:.2f}. Pythia-1B is an exception inside a family: it has the width of Pythia-1.4B and "
        f"two "
        "thirds of its layers."
    )


def signs_turned(families: pd.DataFrame) -> Markdown:
    """How many negative correlations division turns, and how many digits come back.

    Parameters
    ----------
    families : pandas.DataFrame
        From ``recompute.family_table``, TruthfulQA shuffled.
    """
    counts = []
    for label, part in families.groupby("panel", sort=False):
        negative = part[part["raw"] < 0]
        counts.append(
            f"In {label} the normalisation turns {(negative['normalised'] > 0).sum()} of {len(negative)} negative "
            f"correlations "
            "positive"
        )
    five = families[families["quoted"].notna()]
    agree = (five["normalised"].round(3) == five["quoted"]).sum()
    return Markdown(
        f"{'. '.join(counts)}. The sign of the paper's result is recomputed everywhere. Its digits, with all sizes, come "
        f"back for "
        f"{agree} of {len(five)} families; the table at the end lists other choices of rows."
    )


def width_and_truth(families: Mapping[str, pd.DataFrame]) -> Markdown:
    """How many times width grows within each family, and TruthfulQA from its lowest score to its highest.

    Parameters
    ----------
    families : mapping of str to pandas.DataFrame
        Rows of each family with ``d_model`` and ``truthfulqa_mc2``.
    """
    grown = {name: rows["d_model"].max() / rows["d_model"].min() for name, rows in families.items()}
    moved = {name: rows[TQA].max() / rows[TQA].min() for name, rows in families.items()}
    listed = ", ".join(f"{name} {grown[name]:.1f} and {moved[name]:.1f}" for name in families)
    most = "In every family" if all(grown[name] > moved[name] for name in families) else "Not in every family"
    return Markdown(
        f"From the least to the most, width and TruthfulQA grow so many times: {listed}. {most} width moves by more, and after "
        "division the column that moves more is most of both."
    )


def division_pulls_up_and_down(pairs: pd.DataFrame) -> Markdown:
    """How many pairs division lifts above zero, and how many it lowers.

    Parameters
    ----------
    pairs : pandas.DataFrame
        From ``width.pair_table``.
    """
    negative = pairs[pairs["raw"] < 0]
    lowered = pairs[(pairs["raw"] > 0.9) & (pairs["normalised"] < 0.9)]
    with_mmlu = ((lowered["x"] == "mmlu") | (lowered["y"] == "mmlu")).sum()
    return Markdown(
        f"Of {len(pairs)} pairs {len(negative)} are negative before division, {(negative['normalised'] < 0).sum()} of them "
        f"after "
        f"it. The pull works downwards too: {len(lowered)} pairs that correlated above 0.9 fall below it "
        f"({', '.join(sorted(set(lowered['family']))) or 'none'}), {with_mmlu} of them with MMLU. Where a score rises "
        f"nearly as "
        "fast as width, dividing takes its trend away."
    )


def given_size_or_width(partial: pd.DataFrame) -> Markdown:
    """Whether the anticorrelation of small models goes away given width, or given size as well.

    Parameters
    ----------
    partial : pandas.DataFrame
        From ``width_controls.partial_table``.
    """
    small = partial[(partial["panel"] == OPEN) & (partial["sizes"] == "up to 3.5B")].set_index("given")
    nothing, width, size = (_row(small, key) for key in ("nothing", "width", "size"))
    as_well = abs(size["low"]) > 0 and size["low"] < width["estimate"] < size["high"]
    alike = (
        "as well as width does, and nothing here tells the two apart" if as_well else "differently from width"
    )
    return Markdown(
        f"In small models the correlation within families is {nothing['estimate']:.2f} [{nothing['low']:.2f}, "
        f"{nothing['high']:.2f}]. Given width it is {width['estimate']:.2f}, and given size {size['estimate']:.2f}. So the "
        f"anticorrelation does go away without any division, but size takes it out {alike}. A trend of both scores in size "
        f"is "
        "enough to explain it."
    )


def slopes_of_width(
    slopes: Mapping[tuple[str, str], pd.DataFrame], panels: Mapping[str, pd.DataFrame]
) -> Markdown:
    """How many slopes of width are clear of zero, why so few can be, and whose widths reach as far as their unit.

    Parameters
    ----------
    slopes : mapping of (str, str) to pandas.DataFrame
        From ``width_controls.size_and_width``, indexed by predictor, for each panel and range of sizes.
    panels : mapping of str to pandas.DataFrame
        The rows behind them, with ``family`` and ``d_model``.
    """
    width = [_row(part, "log_width") for part in slopes.values()]
    helps, hurts = sum(r["low"] > 0 for r in width), sum(r["high"] < 0 for r in width)
    worst = max(r["inflation"] for r in width)
    return Markdown(
        f"Of the {len(width)} slopes of width, {helps} have an interval above zero, as relief from a bottleneck would have "
        f"it, and "
        f"{hurts} have one below. The column *inflation* says why the intervals are so wide: size and width move together, "
        f"which "
        f"multiplies the variance of the slopes up to {worst:.0f} times. Public families are not built to separate the "
        f"two. {_tenfold_widths(panels)}"
    )


def _tenfold_widths(panels: Mapping[str, pd.DataFrame]) -> str:
    """Which families span the tenfold width that a slope is quoted for."""
    widths = pd.concat(panels.values()).dropna(subset=["d_model", TQA]).groupby("family")["d_model"]
    spans = widths.max() / widths.min()
    spans = spans[spans > 1]
    wide, others = spans[spans >= 10], spans[spans < 10]
    named = ", ".join(wide.index) or "none"
    if others.empty:
        return f"A tenfold width is what every family spans ({named})."
    return (
        f"A slope is for a tenfold width, which {len(wide)} of the {len(spans)} families with two widths span ({named}); the "
        f"others span {others.min():.1f} to {others.max():.1f} times, so for them it is drawn out beyond their models."
    )


def wider_models(share: Estimate, pythia: pd.DataFrame) -> Markdown:
    """How often the wider of two models of one size is the more truthful, and Pythia-1B beside its neighbours.

    Parameters
    ----------
    share : Estimate
        From ``width_controls.wider_share`` of TruthfulQA.
    pythia : pandas.DataFrame
        The eight models.
    """
    neighbours = pythia[pythia["model"] != "Pythia-1B"]
    one_b = _row(pythia.set_index("model"), "Pythia-1B")
    expected = np.interp(np.log10(one_b["params_b"]), np.log10(neighbours["params_b"]), neighbours[TQA])
    noise = item_error(one_b[TQA], benchmark_items(TQA))
    verdict = "includes" if share.low <= 0.5 <= share.high else "excludes"
    return Markdown(
        f"The wider model is the more truthful in {share.estimate:.0%} of {share.n} pairs [{share.low:.0%}, "
        f"{share.high:.0%}], an "
        f"interval that {verdict} one half. Pythia-1B, as wide as its larger neighbour, scores {one_b[TQA] - expected:+.1f} "
        f"points "
        f"from the line between its neighbours in size; the noise of the items alone is {noise:.1f}. The pairs differ in "
        f"data and "
        "recipe too, so they can exclude a large effect of width only."
    )


def projection(changes: pd.DataFrame) -> Markdown:
    """In which models the projection lowers the cosine, and whether the narrowest loses most.

    Parameters
    ----------
    changes : pandas.DataFrame
        From ``width_controls.projection_changes``.
    """
    after = changes[
        (changes["stage"] == "after_projection") & (changes["measure"] == "cosine_of_mean_activations")
    ]
    falling = after[after["change_pct"] < 0]
    narrowest: Any = after.sort_values("d_model").iloc[0]
    way = "rises" if narrowest["change_pct"] > 0 else "falls"
    return Markdown(
        f"The projection lowers the cosine in {len(falling)} of {len(after)} models, {', '.join(falling['model'])}, and "
        f"raises it "
        f"in the others. If narrowness were the cause, the narrowest model should lose most; it is {narrowest['model']}, "
        f"and there "
        f"the cosine {way} by {abs(narrowest['change_pct']):.0f}%. Three models, each with one number and no error, can "
        f"carry no "
        "statement on width: one of three models falls, and by luck alone it is the narrowest one time in "
        f"{len(after)}."
    )


def outside_the_null(families: pd.DataFrame, both: pd.DataFrame) -> Markdown:
    """How many families lie inside what division gives shuffled scores.

    Parameters
    ----------
    families, both : pandas.DataFrame
        From ``recompute.family_table``, TruthfulQA shuffled and both scores shuffled.
    """
    inside = families["normalised"].between(families["low"], families["high"])
    beyond = both[~both["normalised"].between(both["low"], both["high"])]
    listed = ", ".join(sorted(set(beyond["family"])))
    order = (
        f" ({listed}): there HellaSwag follows width, and that says nothing about the coupling of HellaSwag and TruthfulQA"
        if listed
        else ""
    )
    return Markdown(
        f"Over both panels {inside.sum()} of {len(families)} families lie inside the range of shuffled TruthfulQA, and the "
        f"smallest "
        f"p is {families['p'].min():.2f}. A sensitivity check shuffles HellaSwag as well: then {len(beyond)} of {len(both)} "
        f"lie "
        f"outside{order}."
    )


def _row(frame: pd.DataFrame, key: str) -> Any:
    return frame.loc[key]


# ---------------------------------------------------------------- tables


def model_table(models: pd.DataFrame) -> Table:
    """The first models with their depth, width and both scores."""
    return table(models.head(), ["model", "params_b", "layers", "d_model", HS, TQA])


def family_rows(families: pd.DataFrame) -> Table:
    """The first families: r before and after division, and what division gives shuffled scores."""
    headings = {
        "family": "family",
        "n": "n",
        "raw": "r, undivided",
        "normalised": "r, divided",
        "null": "shuffled scores, divided",
        "p": "p",
        "quoted": "quoted",
    }
    three = "{:.3f}".format
    return table(
        families.head(6),
        headings,
        show=dict.fromkeys(("raw", "normalised", "quoted"), three),
        intervals={"null": ("low", "high")},
    )


def medians_table(pairs: pd.DataFrame) -> Table:
    """Median r of each pair of benchmarks over families, before and after division."""
    by_pair = pairs.groupby(["x", "y"], sort=False)
    rows = by_pair[["raw", "normalised"]].median().assign(families=by_pair.size()).reset_index()
    rows["pair"] = rows["x"].map(name) + " and " + rows["y"].map(name)
    headings = {
        "pair": "pair",
        "raw": "median r, undivided",
        "normalised": "median r, divided",
        "families": "families",
    }
    two = "{:.2f}".format
    return table(rows, headings, show={"raw": two, "normalised": two})


def slopes_table(slopes: Mapping[tuple[str, str], pd.DataFrame]) -> Table:
    """Slopes of TruthfulQA on size and on width, fitted together, for each panel and range of sizes."""
    titles = {"log_size": "size", "log_width": "width"}
    rows = [
        {
            "panel": panel,
            "sizes": sizes,
            "predictor": titles.get(str(r["predictor"]), str(r["predictor"])),
            **{name: r[name] for name in ("slope", "low", "high", "inflation")},
        }
        for (panel, sizes), part in slopes.items()
        for r in part.reset_index().to_dict("records")
    ]
    headings = {
        "panel": "panel",
        "sizes": "sizes",
        "predictor": "predictor",
        "slope": "points a tenfold increase",
        "inflation": "inflation",
    }
    return table(pd.DataFrame(rows), headings, intervals={"slope": ("low", "high")})


def matched_rows(matched: pd.DataFrame, names: str) -> Table:
    """Pairs of one size and two widths in which a model's name matches a pattern.

    Parameters
    ----------
    matched : pandas.DataFrame
        From ``width_controls.matched_pairs``.
    names : str
        Regular expression over names on the hub.
    """
    rows = matched[matched["wide"].str.contains(names) | matched["narrow"].str.contains(names)]
    short = {side: rows[side].str.rpartition("/")[2] for side in ("wide", "narrow")}
    headings = {
        "wide": "wider",
        "wide_params_b": "size (B)",
        "narrow": "narrower",
        "narrow_params_b": "its size (B)",
        "width_ratio": "ratio of widths",
        f"d_{HS}": "HellaSwag (pp)",
        f"d_{TQA}": "TruthfulQA (pp)",
    }
    return table(rows.assign(**short), headings)
