"""How far a training recipe sits above the curve of web-trained models at its size.

Section 5 of paper A calls this distance the recipe field h. The curve is always fitted without the recipe in question
and without the other recipes of its line; what counts as a large h is read off web-trained lines, each left out in turn.
The curve itself is in ``scaling.web_curve``, generations at one size in ``ch05_recipes.generations``.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from cape_utils.scaling.web_curve import TQA, Axis, WebSet, fit_curve, web_rows
from cape_utils.stats.least_squares import basis_of, weighted_fits
from cape_utils.stats.resampling import family_counts, interval, null_from_draws
from cape_utils.stats.results import Estimate, Null

__all__ = ["class_effect", "field_table", "model_field", "recipe_field", "web_field"]


def recipe_field(
    rows: pd.DataFrame,
    recipe: str,
    y: str = TQA,
    *,
    x: Axis = "log_size",
    degree: int = 2,
    web: WebSet = "described corpora",
    draws: int = 2000,
    rng: np.random.Generator | int = 0,
) -> Null:
    """Mean distance h of a recipe's models from the curve fitted without its line, and that of no recipe at all.

    Parameters
    ----------
    rows : pandas.DataFrame
        From ``scaling.web_curve.recipe_rows``.
    recipe : str
    y, x, degree, draws
        As in ``fit_curve``.
    web : str
        One of ``WEB_SETS``.

    Returns
    -------
    Null
        ``observed`` is h in percentage points. The draws are where a web-trained recipe with as many models of these
        sizes would fall: the curve on resampled lines, plus residual scatter of a whole line. The range is NaN with
        fewer than five web-trained lines.

    Examples
    --------
    >>> from cape_utils.scaling.web_curve import recipe_rows
    >>> recipe_field(recipe_rows("open"), "Qwen2", draws=200).observed > 5
    True
    """
    own = rows[rows["recipe"] == recipe].dropna(subset=[x, y])
    if own.empty:
        known = ", ".join(sorted(rows["recipe"].unique()))
        raise ValueError(f"no models of a recipe {recipe!r} with {x} and {y}; the recipes are {known}")
    rest = web_rows(rows, web)
    generator = np.random.default_rng(rng)
    curve = fit_curve(
        rest[~rest["line"].isin(own["line"])], y, x=x, degree=degree, draws=draws, rng=generator
    )
    at = own[x].to_numpy(dtype=float)
    expected = curve.at(at)
    h = float((own[y].to_numpy(dtype=float) - expected).mean())
    method = f"web-trained lines resampled, plus residual scatter of a line, degree {degree}"
    if not len(curve.resampled):
        nan = float("nan")
        return Null(
            observed=h,
            value=0.0,
            low=nan,
            high=nan,
            p=nan,
            smallest_p=nan,
            n=len(own),
            draws=0,
            exact=False,
            method=f"{web}: too few lines to resample",
        )
    shift = (expected - curve.resampled_at(at)).mean(axis=1)
    nothing = shift + curve.scatter(len(own), len(shift), generator)
    return null_from_draws(h, nothing[np.isfinite(nothing)], len(own), method)


def web_field(
    rows: pd.DataFrame,
    y: str = TQA,
    *,
    x: Axis = "log_size",
    degree: int = 2,
    web: WebSet = "described corpora",
) -> pd.DataFrame:
    """The same h for each web-trained line, left out in turn: how large h is where nobody claims anything.

    Returns
    -------
    pandas.DataFrame
        One row for each line: ``line, n, h`` (percentage points), ordered by h.
    """
    used = web_rows(rows, web).dropna(subset=[x, y])
    found = []
    for line, own in used.groupby("line"):
        curve = fit_curve(used[used["line"] != line], y, x=x, degree=degree, draws=1)
        h = own[y].to_numpy(dtype=float) - curve.at(own[x].to_numpy(dtype=float))
        found.append({"line": line, "n": len(own), "h": float(h.mean())})
    return pd.DataFrame(found).sort_values("h").reset_index(drop=True)


def model_field(
    rows: pd.DataFrame,
    y: str = TQA,
    *,
    x: Axis = "log_size",
    degree: int = 2,
    web: WebSet = "described corpora",
    kinds: Sequence[str] = ("web", "curated", "code", "unpublished"),
) -> pd.DataFrame:
    """Distance of every model from the curve fitted without its line.

    Parameters
    ----------
    kinds : sequence of str
        Kinds of recipe to place; the curve is the same whatever they are.

    Returns
    -------
    pandas.DataFrame
        The rows with both scores, with ``expected`` (percent) and ``h`` (percentage points).
    """
    used = rows.dropna(subset=[x, y])
    rest = web_rows(used, web)
    parts = []
    for line, own in used[used["kind"].isin(kinds)].groupby("line"):
        curve = fit_curve(rest[rest["line"] != line], y, x=x, degree=degree, draws=1)
        parts.append(own.assign(expected=curve.at(own[x].to_numpy(dtype=float))))
    found = pd.concat(parts).sort_index()
    return found.assign(h=found[y] - found["expected"])


def field_table(
    rows: pd.DataFrame,
    y: str = TQA,
    *,
    x: Axis = "log_size",
    degree: int = 2,
    web: WebSet = "described corpora",
    draws: int = 2000,
    rng: np.random.Generator | int = 0,
) -> pd.DataFrame:
    """The h of every recipe, with the range of no recipe at all and its place among web-trained lines.

    Returns
    -------
    pandas.DataFrame
        One row for each recipe: ``recipe, line, kind, n, from_b, to_b, h``; ``low, high``, the 95% prediction interval of
        h (resampled web-trained lines plus residual scatter); ``p`` of ``recipe_field``; ``above``, the number of
        ``lines`` web-trained lines, its own not counted, whose own h is at least as large, and ``rank_p``, that share
        with the recipe counted in. Ordered by h, the largest first.
    """
    lines = web_field(rows, y, x=x, degree=degree, web=web)
    generator = np.random.default_rng(rng)
    found = []
    for recipe, own in rows.dropna(subset=[x, y]).groupby("recipe"):
        null = recipe_field(rows, str(recipe), y, x=x, degree=degree, web=web, draws=draws, rng=generator)
        others = lines[~lines["line"].isin(own["line"])]
        above = int((others["h"] >= null.observed).sum())
        found.append(
            {
                "recipe": recipe,
                "line": own["line"].iloc[0],
                "kind": own["kind"].iloc[0],
                "n": null.n,
                "from_b": float(own["params_b"].min()),
                "to_b": float(own["params_b"].max()),
                "h": null.observed,
                "low": null.observed - null.high,
                "high": null.observed - null.low,
                "p": null.p,
                "above": above,
                "lines": len(others),
                "rank_p": (above + 1) / (len(others) + 1),
            }
        )
    return pd.DataFrame(found).sort_values("h", ascending=False).reset_index(drop=True)


def class_effect(
    rows: pd.DataFrame,
    y: str = TQA,
    *,
    covariate: Axis = "log_size",
    degree: int = 2,
    draws: int = 2000,
    rng: np.random.Generator | int = 0,
) -> tuple[Estimate, Null]:
    """How far curated recipes as a class sit above web-trained ones, one curve with a step for the class.

    Parameters
    ----------
    rows : pandas.DataFrame
        From ``scaling.web_curve.recipe_rows``; recipes of the kinds *web* and *curated* are used.
    y, degree, draws
        As in ``fit_curve``.
    covariate : {"log_size", "hellaswag"}

    Returns
    -------
    Estimate
        The step in percentage points; interval from resampled lines.
    Null
        The step when the words *web* and *curated* are dealt out anew; recipes of one line and kind keep one label.
    """
    used = rows[rows["kind"].isin(["web", "curated"])].dropna(subset=[covariate, y])
    if used["kind"].nunique() < 2:
        raise ValueError(f"recipes of both kinds, web and curated, are needed; there are {set(used['kind'])}")
    a = used[covariate].to_numpy(dtype=float)
    basis = basis_of((a - a.mean()) / a.std(), degree)
    score = used[y].to_numpy(dtype=float)
    line, lines = pd.factorize(used["line"])
    # A line's curated recipes keep one label together: they are no independent trials.
    block, names = pd.factorize(used["line"] + " " + used["kind"])
    label = pd.Series(names).str.endswith(" curated").to_numpy(dtype=float)
    generator = np.random.default_rng(rng)
    whole = np.column_stack([basis, label[block]])
    weights = np.concatenate([np.ones((1, len(used))), family_counts(len(lines), draws, generator)[:, line]])
    steps = weighted_fits(whole, score, weights)[:, -1]
    dealt = generator.permuted(np.tile(label, (draws, 1)), axis=1)[:, block]
    # The step given the curve, by taking the curve out of both (Frisch and Waugh).
    keep = np.eye(len(used)) - basis @ np.linalg.pinv(basis)
    rest = dealt @ keep
    null = rest @ score / (rest * dealt).sum(axis=1)
    low, high = interval(steps[1:])
    lost = int(np.sum(~np.isfinite(steps[1:])))
    estimate = Estimate(
        estimate=float(steps[0]),
        low=low,
        high=high,
        n=len(used),
        method=f"bootstrap over {len(lines)} lines",
        level=0.95,
        draws=draws,
        discarded=lost,
    )
    method = f"kinds dealt out anew among {len(names)} groups of recipes"
    return estimate, null_from_draws(float(steps[0]), null, len(used), method)
