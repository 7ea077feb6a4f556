"""How far a training recipe sits above the curve of web-trained models at its size.

Section 5 of paper A calls this distance the recipe field h. The curve is always fitted without the recipe in question
and without the other recipes of its line; what counts as a large h is read off web-trained lines, each left out in turn.
The curve itself is in ``scaling.web_curve``, generations at one size in ``ch05_recipes.generations``.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from cape_utils.scaling.web_curve import PAPER_CURVE, CurveSpec, fit_curve, web_rows
from cape_utils.stats.least_squares import basis_of, weighted_fits
from cape_utils.stats.resampling import family_counts, interval, null_from_draws
from cape_utils.stats.results import Estimate, Null

__all__ = ["class_effect", "field_table", "model_field", "recipe_field", "web_field"]


def recipe_field(
    rows: pd.DataFrame,
    recipe: str,
    spec: CurveSpec = PAPER_CURVE,
    *,
    draws: int = 2000,
    rng: np.random.Generator | int = 0,
) -> Null:
    """Mean distance h of a recipe's models from the curve fitted without its line, and that of no recipe at all.

    Parameters
    ----------
    rows : pandas.DataFrame
        From ``scaling.web_curve.recipe_rows``.
    recipe : str
    spec : CurveSpec
    draws : int
        Bootstrap draws; the unit resampled is the line.

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
    models = rows[rows["recipe"] == recipe].dropna(subset=[spec.x, spec.y])
    if models.empty:
        known = ", ".join(sorted(rows["recipe"].unique()))
        raise ValueError(
            f"no models of a recipe {recipe!r} with {spec.x} and {spec.y}; the recipes are {known}"
        )
    web_models = web_rows(rows, spec.web)
    generator = np.random.default_rng(rng)
    others = web_models[~web_models["line"].isin(models["line"])]
    curve = fit_curve(others, spec, draws=draws, rng=generator)
    at = models[spec.x].to_numpy(dtype=float)
    expected = curve.at(at)
    h = float((models[spec.y].to_numpy(dtype=float) - expected).mean())
    method = f"web-trained lines resampled, plus residual scatter of a line, degree {spec.degree}"
    if not len(curve.resampled):
        nan = float("nan")
        return Null(
            observed=h,
            value=0.0,
            low=nan,
            high=nan,
            p=nan,
            smallest_p=nan,
            n=len(models),
            draws=0,
            exact=False,
            method=f"{spec.web}: too few lines to resample",
        )
    shift = (expected - curve.resampled_at(at)).mean(axis=1)
    nothing = shift + curve.scatter(len(models), len(shift), generator)
    return null_from_draws(h, nothing[np.isfinite(nothing)], len(models), method)


def web_field(rows: pd.DataFrame, spec: CurveSpec = PAPER_CURVE) -> pd.DataFrame:
    """The same h for each web-trained line, left out in turn: how large h is where nobody claims anything.

    Returns
    -------
    pandas.DataFrame
        One row for each line: ``line, n, h`` (percentage points), ordered by h.
    """
    used = web_rows(rows, spec.web).dropna(subset=[spec.x, spec.y])
    fields = []
    for line, models in used.groupby("line"):
        curve = fit_curve(used[used["line"] != line], spec, draws=1)
        h = models[spec.y].to_numpy(dtype=float) - curve.at(models[spec.x].to_numpy(dtype=float))
        fields.append({"line": line, "n": len(models), "h": float(h.mean())})
    return pd.DataFrame(fields).sort_values("h").reset_index(drop=True)


def model_field(
    rows: pd.DataFrame,
    spec: CurveSpec = PAPER_CURVE,
    *,
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
    used = rows.dropna(subset=[spec.x, spec.y])
    web_models = web_rows(used, spec.web)
    parts = []
    for line, models in used[used["kind"].isin(kinds)].groupby("line"):
        curve = fit_curve(web_models[web_models["line"] != line], spec, draws=1)
        parts.append(models.assign(expected=curve.at(models[spec.x].to_numpy(dtype=float))))
    placed = pd.concat(parts).sort_index()
    return placed.assign(h=placed[spec.y] - placed["expected"])


def field_table(
    rows: pd.DataFrame,
    spec: CurveSpec = PAPER_CURVE,
    *,
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
    lines = web_field(rows, spec)
    generator = np.random.default_rng(rng)
    records = []
    for recipe, models in rows.dropna(subset=[spec.x, spec.y]).groupby("recipe"):
        null = recipe_field(rows, str(recipe), spec, draws=draws, rng=generator)
        others = lines[~lines["line"].isin(models["line"])]
        above = int((others["h"] >= null.observed).sum())
        records.append(
            {
                "recipe": recipe,
                "line": models["line"].iloc[0],
                "kind": models["kind"].iloc[0],
                "n": null.n,
                "from_b": float(models["params_b"].min()),
                "to_b": float(models["params_b"].max()),
                "h": null.observed,
                "low": null.observed - null.high,
                "high": null.observed - null.low,
                "p": null.p,
                "above": above,
                "lines": len(others),
                "rank_p": (above + 1) / (len(others) + 1),
            }
        )
    return pd.DataFrame(records).sort_values("h", ascending=False).reset_index(drop=True)


def class_effect(
    rows: pd.DataFrame,
    spec: CurveSpec = PAPER_CURVE,
    *,
    draws: int = 2000,
    rng: np.random.Generator | int = 0,
) -> tuple[Estimate, Null]:
    """How far curated recipes as a class sit above web-trained ones, one curve with a step for the class.

    Parameters
    ----------
    rows : pandas.DataFrame
        From ``scaling.web_curve.recipe_rows``; recipes of the kinds *web* and *curated* are used.
    spec : CurveSpec
        Its ``web`` is not used.
    draws : int
        Bootstrap draws, and permutations.

    Returns
    -------
    Estimate
        The step in percentage points; interval from resampled lines.
    Null
        The step when the words *web* and *curated* are permuted; recipes of one line and kind keep one label.
    """
    used = rows[rows["kind"].isin(["web", "curated"])].dropna(subset=[spec.x, spec.y])
    if used["kind"].nunique() < 2:
        raise ValueError(f"recipes of both kinds, web and curated, are needed; there are {set(used['kind'])}")
    a = used[spec.x].to_numpy(dtype=float)
    basis = basis_of((a - a.mean()) / a.std(), spec.degree)
    score = used[spec.y].to_numpy(dtype=float)
    line, lines = pd.factorize(used["line"])
    # A line's curated recipes keep one label together: they are no independent trials.
    block, names = pd.factorize(used["line"] + " " + used["kind"])
    label = pd.Series(names).str.endswith(" curated").to_numpy(dtype=float)
    generator = np.random.default_rng(rng)
    design = np.column_stack([basis, label[block]])
    weights = np.concatenate([np.ones((1, len(used))), family_counts(len(lines), draws, generator)[:, line]])
    steps = weighted_fits(design, score, weights)[:, -1]
    permuted = generator.permuted(np.tile(label, (draws, 1)), axis=1)[:, block]
    # The step given the curve, by taking the curve out of both (Frisch and Waugh).
    keep = np.eye(len(used)) - basis @ np.linalg.pinv(basis)
    residual = permuted @ keep
    null = residual @ score / (residual * permuted).sum(axis=1)
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
    method = f"kinds permuted among {len(names)} groups of recipes"
    return estimate, null_from_draws(float(steps[0]), null, len(used), method)
