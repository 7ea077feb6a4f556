"""What chapter 07 finds, in sentences with computed numbers, and its tables as a reader sees them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from IPython.display import Markdown

from cape_utils.chapters.ch07_ode import readings, recompute
from cape_utils.charts.parts import name
from cape_utils.charts.tables import Table, table
from cape_utils.claims.quotations import quoted
from cape_utils.scaling import forecasting, ode
from cape_utils.stats.formatting import DASH, number, with_interval
from cape_utils.stats.results import Floats, Null

__all__ = [
    "baseline_table",
    "baselines",
    "baselines_compared",
    "closeness_of_fit",
    "forecast_table",
    "freedom_table",
    "jump",
    "jump_table",
    "libraries",
    "models_and_steps",
    "nearest_readings",
    "one_step_ahead",
    "pythia_table",
    "ranking",
    "ranking_table",
    "ratio_of_two_fits",
    "terms_found",
    "terms_kept",
    "terms_table",
    "where_it_comes_from",
]


# ---------------------------------------------------------------- sentences


def models_and_steps(panel: pd.DataFrame, families: pd.DataFrame, pythia: pd.DataFrame) -> Markdown:
    """How many models there are to fit, and how uneven Pythia's steps are.

    Parameters
    ----------
    panel : pandas.DataFrame
        The open panel, one recipe a family.
    families : pandas.DataFrame
        From ``forecasting.ladders``: those with three or more sizes.
    pythia : pandas.DataFrame
        The eight models in order of size.
    """
    complete = panel.dropna(subset=list(readings.BENCHMARKS))
    short = set(complete["family"]) - set(families["family"])
    steps = np.diff(np.log10(pythia["params_b"].to_numpy(dtype=float)))
    return Markdown(
        f"The open panel keeps {len(families)} models of {families['family'].nunique()} families; {len(short)} families "
        f"with one or "
        f"two sizes are left out. The steps between Pythia sizes go from {steps.min():.2f} to {steps.max():.2f} in log10, so "
        "derivatives use differences made for uneven steps. The bootstrap copy has HellaSwag and TruthfulQA only for Llama, "
        "so "
        "five benchmarks on Llama-2 come from the panels."
    )


def libraries(freedom: pd.DataFrame) -> Markdown:
    """How many terms stand against how many derivatives.

    Parameters
    ----------
    freedom : pandas.DataFrame
        From ``ode.degrees_of_freedom``.
    """
    linear, quadratic, cubic = (_row(freedom.set_index("degree"), degree) for degree in (1, 2, 3))
    return Markdown(
        f"Eight models are {linear['steps']} steps, or {linear['sizes']} estimates of a derivative for each benchmark. "
        f"Against them "
        f"stand {linear['terms']} terms an equation at degree 1, {quadratic['terms']} at degree 2 and {cubic['terms']} at "
        f"degree 3. "
        "From degree 2 on there are more unknowns than data, and only the threshold chooses among the fits that pass "
        "through every "
        "point."
    )


def terms_kept(terms: pd.DataFrame, freedom: pd.DataFrame) -> Markdown:
    """How many terms each library keeps, and which gives the number quoted.

    Parameters
    ----------
    terms : pandas.DataFrame
        From ``recompute.terms_table``.
    freedom : pandas.DataFrame
        From ``ode.degrees_of_freedom``.
    """
    sizes = dict(zip(freedom["terms"].tolist(), freedom["degree"].tolist(), strict=True))
    paper = terms[(terms["copy"] != "open panel") & ~terms["fit"].isin(readings.DENSE_FITS)]
    degree = paper["library"].map(
        sizes | {terms_ + 1: d for terms_, d in sizes.items()}
    )  # one more with a constant
    cubic, inside = paper[degree == 3], paper[paper["mean"].between(4, 6)]
    degrees = " and ".join(f"degree {d:.0f}" for d in sorted(set(degree[inside.index])))
    return Markdown(
        "With the library of degree 3, which the paper describes, threshold 0.1 leaves "
        f"{cubic['mean'].min():.1f} to {cubic['mean'].max():.1f} terms an equation. Four to six come back from {degrees}, "
        f"where the "
        f"whole library has {min(sizes)} terms, or one more with a constant. There nothing has been selected: the equation "
        f"is an "
        f"ordinary linear one. Its library has a condition number of {inside['condition'].min():.0f} to "
        f"{inside['condition'].max():,.0f}, the factor by which it can magnify an error in the scores."
    )


def nearest_readings(every: pd.DataFrame) -> Markdown:
    """The reading that gives the in-sample figure, and what the same fit gives on Llama-2.

    Parameters
    ----------
    every : pandas.DataFrame
        From ``readings.readings`` with a column ``claim``.
    """
    row, _ = readings.nearest_row("ode_insample")
    llama = every[(every["claim"] == "Llama-2") & (every["error_in"] == "percent of the score")]
    same = llama[(llama["copy"] == row["copy"]) & (llama["fit"] == row["fit"])]
    gives = ", ".join(
        f"{start} {'it diverges' if diverged else f'{error:.0f}%'}"
        for start, diverged, error in zip(same["start"], same["diverged"], same["error"], strict=True)
    )
    trends = [readings.trend_error(row["copy"], None, degree, anchored=False) for degree in (1, 2)]
    below = int((llama["error"] < quoted("ode_llama2") + 0.1).sum())
    return Markdown(
        f"The in-sample figure comes back as {row['error']:.2f}%: {row['copy']}, {row['fit']}, {row['start']}. A straight "
        f"line in "
        f"log N for each benchmark errs by {trends[0]:.1f}% on the same models, a parabola by {trends[1]:.1f}%, with fewer "
        f"coefficients and no equation. On Llama-2 that same fit gives: {gives}. {below if below else 'No'} reading in "
        f"percent of "
        "the score reaches the number quoted for Llama-2."
    )


def baselines_compared(errors: pd.DataFrame) -> Markdown:
    """What polynomials err by with the start and without it, beside persistence.

    Parameters
    ----------
    errors : pandas.DataFrame
        From `baselines`.
    """
    anchored, free = (errors.loc[errors["start"] == start, "error"] for start in ("anchored", "free"))
    trends = readings.alternatives()
    still = trends.loc[trends["kind"] == "persistence", "error"].iloc[0]
    return Markdown(
        f"Without the start the polynomials err by {free.min():.0f} to {free.max():.0f}%, with it by {anchored.min():.0f} to "
        f"{anchored.max():.0f}%. The baseline quoted, {quoted('ode_polynomial_baseline'):g}%, is the anchored parabola on "
        f"the panel "
        f"rows. Persistence, which says that 13B and 70B score what 7B scores, errs by {still:.1f}%."
    )


def where_it_comes_from(sources: pd.DataFrame) -> Markdown:
    """What the number quoted for Llama-2 becomes under other choices.

    Parameters
    ----------
    sources : pandas.DataFrame
        From ``readings.source_table``.
    """
    by = sources.set_index("choice")
    stands, without, rows = (_row(by, choice) for choice in ("as it stands", "without Llama-1", "panel rows"))
    return Markdown(
        f"As it stands the error is {stands['percent']:.2f}%, or {stands['points']:.1f} points. Without Llama-1, on Pythia "
        f"alone as "
        f"the claim has it, it is {without['percent']:.0f}%; with the other copy of the same models {rows['percent']:.0f}%. "
        f"We cannot "
        "know that this is how the number was made; we can say that this makes it and that no reading of the equation does."
    )


def ranking(errors: Mapping[str, pd.DataFrame]) -> Markdown:
    """Which methods lead, fitted on all other families and on Pythia only.

    Parameters
    ----------
    errors : mapping of str to pandas.DataFrame
        From ``forecasting.family_errors``: ``"all others"`` and ``"Pythia only"``.
    """
    main, alone = (forecasting.method_ranking(errors[train]) for train in ("all others", "Pythia only"))
    first, second, top = _first(main), _first(main.iloc[1:]), _first(alone)
    equations = alone[alone.index.isin(EQUATIONS)]
    diverging = equations[equations["diverges"] > 0]
    overlap = "overlap" if second["low"] <= first["high"] else "do not overlap"
    taught = main.index[0] in EQUATIONS and len(diverging) > 0
    moral = "What an equation needs is families, not terms. " if taught else ""
    listed = ", ".join(f"{method} on {r['diverges']:.0f}" for method, r in diverging.iterrows())
    return Markdown(
        f"Fitted on all other families, *{main.index[0]}* leads with a median error of {first['median']:.1f}% "
        f"[{first['low']:.1f}, "
        f"{first['high']:.1f}], before *{main.index[1]}* with {second['median']:.1f}%; their intervals {overlap}. Fitted on "
        f"Pythia "
        f"only, as in the paper, *{alone.index[0]}* leads with {top['median']:.1f}% and wins {top['wins']:g} of "
        f"{top['families']:.0f} "
        f"families, while equations diverge ({listed or 'none'}). {moral}Related families, such as Llama and Llama-2, are "
        f"in each "
        "other's training set."
    )


def one_step_ahead(forecast: forecasting.Forecast, truth: pd.Series) -> Markdown:
    """How many measured scores lie inside the ranges, and how many the ranges hold on held-out steps."""
    ranges = forecast.table
    inside = sum(ranges.loc[b, "low"] <= truth[b] <= ranges.loc[b, "high"] for b in ranges.index)
    share = forecasting.coverage(forecast.method)  # type: ignore[arg-type]
    return Markdown(
        f"The method is the one that leads one step ahead, *{forecast.method}*. {inside} of {len(ranges)} measured scores "
        f"lie inside "
        f"the ranges. Over all held-out steps the 90% range holds {share.estimate:.0%} [{share.low:.0%}, {share.high:.0%}] "
        f"of n = "
        f"{share.n} scores."
    )


def terms_found(rates: pd.DataFrame) -> Markdown:
    """In how many equations the true terms are found, by families, sizes and noise.

    Parameters
    ----------
    rates : pandas.DataFrame
        From ``recovery.recovery_rates``.
    """
    exact = rates.set_index(["sizes", "families", "noise", "ridge"])["exact"].to_dict()
    return Markdown(
        f"From one family the terms are found in {exact[8, 1, 0.0, 0.0]:.0%} of the equations at eight sizes and "
        f"{exact[200, 1, 0.0, 0.0]:.0%} at two hundred, even without noise: all five scores move together along one path, "
        f"and many "
        f"equations have that path as a solution. Twenty families with different starts help: {exact[200, 20, 0.0, 0.0]:.0%} "
        f"without noise. With the noise of real tests it is {exact[200, 20, 1.0, 0.0]:.0%} again, and "
        f"{exact[200, 20, 1.0, ode.RIDGE]:.0%} with PySINDy's own penalty. A good prediction is possible with the wrong "
        f"terms; a "
        "claim on which terms matter is not."
    )


def jump() -> Markdown:
    """How few models each of the two fits has, and the reading of the ratio that is used."""
    reading, sentence = recompute.jump_reading()
    sizes = readings.arrays(reading["copy"])[0]
    tax, bonus = (int(inside(sizes).sum()) for inside in recompute.PHASES.values())
    unknowns = 1 + len(reading["benchmarks"].split(" and "))
    return Markdown(
        f"The bonus fit has {bonus} models, that is {bonus - 1} steps, and the tax fit {tax}. With two benchmarks and a "
        f"constant an "
        f"equation has {unknowns} unknowns for {bonus} derivatives. {sentence}"
    )


def closeness_of_fit(shuffled: Mapping[str, tuple[Null, Floats]], panels: Mapping[str, str]) -> Markdown:
    """Whether the fit is closer than shuffled steps allow, and how many lines err as little on Llama-2.

    Parameters
    ----------
    shuffled : mapping of str to (Null, draws)
        From ``recompute.insample_null``, by copy.
    panels : mapping of str to str
        Label of each panel.
    """
    row, _ = readings.nearest_row("ode_insample")
    null = shuffled[row["copy"]][0]
    terms = recompute.terms_null("panel rows", "degree 1, percent, no constant")
    counts = [(recompute.alternatives_null(which)[0], label) for which, label in panels.items()]  # type: ignore[arg-type]
    listed = " and ".join(f"{n.p:.0%} of {n.n} in {label}" for n, label in counts)
    rank = "better than" if max(n.p for n, _ in counts) < 0.5 else "no better than"
    inside = null.low <= null.observed <= null.high
    if inside:
        place, moral = "inside", "closeness of fit alone says nothing on dynamics."
    else:
        place, moral = "outside", "the fit is closer than shuffled steps allow."
    target = quoted("ode_llama2")
    return Markdown(
        f"The in-sample error of {null.observed:.2f}% lies {place} the 95% range of shuffled steps, {null.low:.2f} to "
        f"{null.high:.2f}: {moral} The number of terms says as little: permuted among the sizes, the same models keep "
        f"{terms.value:.1f} [{terms.low:.1f}, {terms.high:.1f}], in order {terms.observed:.1f}. Of lines learnt from one other "
        f"family, "
        f"{listed} err by {target:g}% or less. So {target:g}% would be {rank} most of these lines, and within reach of "
        f"{sum(round(n.p * n.n) for n, _ in counts)} of them. We have no reading of the equation that gives it."
    )


def ratio_of_two_fits(law: Null, noise: Null, ratios: Floats) -> Markdown:
    """What item noise, and a single law without a jump, make of the ratio.

    Parameters
    ----------
    law, noise : Null
        Of the ratio: one law for all sizes, and the scores with item noise.
    ratios : ndarray, shape (draws,)
        With item noise.
    """
    return Markdown(
        f"With item noise the ratio goes from {noise.low:.0f} to {noise.high:.0f}, and its sign is negative in "
        f"{np.mean(ratios < 0):.0%} of the draws. Without any jump it goes from {law.low:.0f} to {law.high:.0f}. Ratios "
        f"beyond 60 are "
        "not drawn. A ratio whose lower part can be zero has no stable value."
    )


def baselines() -> pd.DataFrame:
    """Error of polynomials on Llama-2, with and without the starting point, on every copy.

    Returns
    -------
    pandas.DataFrame
        Columns ``polynomial, start, copy, error``.
    """
    rows = [
        (
            f"degree {degree}",
            start,
            copy,
            readings.trend_error(copy, "paper", degree, anchored=start == "anchored"),
        )
        for degree in (1, 2)
        for start in ("anchored", "free")
        for copy in readings.COPIES
    ]
    return pd.DataFrame(rows, columns=["polynomial", "start", "copy", "error"])


EQUATIONS = ("dense linear ODE", "sparse ODE, degree 1", "sparse ODE, degree 2", "sparse ODE, degree 3")
"""The methods of ``forecasting.METHODS`` that are equations."""


def _row(frame: pd.DataFrame, key: Any) -> Any:
    return frame.loc[key]


def _first(frame: pd.DataFrame) -> Any:
    return frame.iloc[0]


# ---------------------------------------------------------------- tables


def pythia_table(pythia: pd.DataFrame) -> Table:
    """The first models with their five scores."""
    return table(pythia.head(), ["model", "params_b", *readings.BENCHMARKS])


def freedom_table(freedom: pd.DataFrame) -> Table:
    """Terms of each library against the steps there are."""
    headings = {
        "degree": "degree",
        "sizes": "sizes",
        "steps": "steps",
        "terms": "terms an equation",
        "in_all": "terms in all",
    }
    return table(freedom, headings)


def terms_table(terms: pd.DataFrame) -> Table:
    """Terms kept by every fit without a constant."""
    rows = terms[~terms["fit"].isin(readings.WITH_CONSTANT)]
    headings = {
        "copy": "copy",
        "fit": "fit",
        "library": "terms offered",
        "mean": "kept, mean",
        "fewest": "fewest",
        "most": "most",
        "condition": "condition number",
    }
    one = "{:.1f}".format
    return table(
        rows, headings, show={"mean": one, "condition": lambda x: one(x) if np.isfinite(x) else "singular"}
    )


def baseline_table(errors: pd.DataFrame) -> Table:
    """The errors of `baselines`, a column for each copy."""
    wide = errors.pivot_table("error", ["polynomial", "start"], "copy", sort=False)
    columns: Sequence[str] = list(wide.columns)
    headings = {"polynomial": "polynomial", "start": "start", **{c: f"{c} (%)" for c in columns}}
    return table(wide.reset_index(), headings, show=dict.fromkeys(columns, "{:.1f}".format))


def ranking_table(ranked: pd.DataFrame) -> Table:
    """Methods by median error over families held out.

    Parameters
    ----------
    ranked : pandas.DataFrame
        From ``forecasting.method_ranking``.
    """
    headings = {
        "method": "method",
        "median": "median error (%)",
        "wins": "wins",
        "diverges": "diverges",
        "families": "families",
    }
    rows = ranked.rename_axis("method").reset_index()
    return table(rows, headings, intervals={"median": ("low", "high")}, show={"wins": "{:.3g}".format})


def forecast_table(forecast: forecasting.Forecast) -> Table:
    """Predicted scores with their ranges."""
    rows = [
        {"benchmark": name(str(b)), "predicted": with_interval(r["predicted"], r["low"], r["high"])}
        for b, r in forecast.table.iterrows()
    ]
    return table(pd.DataFrame(rows), {"benchmark": "benchmark", "predicted": "predicted (%), 90% range"})


def jump_table(jumps: pd.DataFrame) -> Table:
    """The two coefficients and their ratio under every reading."""
    headings = {
        "copy": "copy",
        "benchmarks": "benchmarks",
        "fit": "fit",
        "tax": "up to 1B",
        "bonus": "from 2.8B",
        "ratio": "ratio",
    }
    return table(jumps, headings, show=dict.fromkeys(("tax", "bonus", "ratio"), _two))


def _two(value: float) -> str:
    """Two decimals, three digits where these are none, a dash where nothing was kept."""
    if not np.isfinite(value):
        return DASH
    return f"{value:.2f}" if abs(value) < 100 else number(value)
