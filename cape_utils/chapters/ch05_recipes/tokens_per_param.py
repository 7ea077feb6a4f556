"""Tokens per parameter as a rival explanation of what recipes do.

Newer recipes also train longer. Section 5 of paper A does not test it; the test is ours. One point stands for all
recipes of one line and kind, which are no independent trials; h comes from ``scaling.recipe_effects``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from cape_utils.scaling.recipe_effects import model_field
from cape_utils.scaling.web_curve import PAPER_CURVE, CurveSpec
from cape_utils.stats.correlation import pearson
from cape_utils.stats.least_squares import weighted_fits
from cape_utils.stats.resampling import family_counts, interval, null_from_draws
from cape_utils.stats.results import Estimate, Floats, Null

__all__ = ["Regression", "recipe_points", "regress", "token_correlations"]

Unit = Literal["group", "recipe"]
_TERMS = ("log_tokens", "log_size", "curated")


@dataclass(frozen=True)
class Regression:
    """Coefficients of h on some terms, one point a group of recipes, each with its interval and its null."""

    terms: tuple[str, ...]
    estimates: tuple[Estimate, ...]
    nulls: tuple[Null, ...]
    r2: float

    def table(self) -> pd.DataFrame:
        """One row for each term: ``term, estimate, low, high, p, n``."""
        rows = [
            (term, e.estimate, e.low, e.high, null.p, e.n)
            for term, e, null in zip(self.terms, self.estimates, self.nulls, strict=True)
        ]
        return pd.DataFrame(rows, columns=["term", "estimate", "low", "high", "p", "n"])


def recipe_points(
    rows: pd.DataFrame,
    spec: CurveSpec = PAPER_CURVE,
    *,
    by: Unit = "group",
) -> pd.DataFrame:
    """One point for each group of recipes, or each recipe, whose number of training tokens is known.

    Parameters
    ----------
    rows : pandas.DataFrame
        From ``scaling.web_curve.recipe_rows``.
    spec : CurveSpec
        The curve that h is measured from.
    by : {"group", "recipe"}
        A group holds the recipes of one line and kind, such as the curated recipes of Qwen.

    Returns
    -------
    pandas.DataFrame
        ``name, line, kind, n``, means over its models of ``h`` (percentage points), ``log_tokens``, ``log_size``, and
        ``tokens_per_param`` (geometric mean) and ``curated`` (1 or 0). ``attrs["left_out"]`` lists recipes without tokens.

    Examples
    --------
    >>> from cape_utils.scaling.web_curve import recipe_rows
    >>> "Qwen2" in recipe_points(recipe_rows("open")).attrs["left_out"]
    True
    """
    field = model_field(rows, spec)
    known = field.dropna(subset=["log_tokens"])
    if known.empty:
        raise ValueError("no number of training tokens is known in these rows; the open panel has them")
    if by not in ("group", "recipe"):
        raise ValueError(f"by={by!r}; allowed are 'group' and 'recipe'")
    name = known["recipe"] if by == "recipe" else known["line"] + ", " + known["kind"]
    grouped = known.groupby(name.rename("name"), sort=True)
    points = grouped[["h", "log_tokens", "log_size"]].mean()
    points[["line", "kind"]] = grouped[["line", "kind"]].first()
    points["n"] = grouped.size()
    points["tokens_per_param"] = 10 ** points["log_tokens"]
    points["curated"] = points["kind"].eq("curated").astype(float)
    points = points.reset_index()
    points.attrs["left_out"] = sorted(set(field["recipe"]) - set(known["recipe"]))
    return points


def token_correlations(points: pd.DataFrame) -> dict[str, dict[str, float]]:
    """Pearson's r of h with the logarithm of tokens per parameter, by measure of h and kind of recipe.

    Parameters
    ----------
    points : pandas.DataFrame
        From `recipe_points`, with a column ``measure``.

    Returns
    -------
    dict of str to dict of str to float
        By measure, over ``"all"`` recipes and over the kinds ``"curated"`` and ``"web"``.

    Examples
    --------
    >>> points = pd.DataFrame({"measure": "m", "kind": "web", "log_tokens": [1.0, 2.0], "h": [3.0, 1.0]})
    >>> token_correlations(points)
    {'m': {'all': -1.0, 'web': -1.0}}
    """
    found: dict[str, dict[str, float]] = {}
    for measure, part in points.groupby("measure", sort=False):
        kinds = {str(kind): rows for kind, rows in part.groupby("kind") if kind in ("curated", "web")}
        found[str(measure)] = {
            kind: pearson(rows["log_tokens"].to_numpy(float), rows["h"].to_numpy(float))
            for kind, rows in {"all": part, **kinds}.items()
        }
    return found


def regress(
    points: pd.DataFrame,
    terms: Sequence[str] = ("log_tokens",),
    *,
    draws: int = 5000,
    rng: np.random.Generator | int = 0,
) -> Regression:
    """Least squares of h on log10 tokens per parameter and what is held fixed beside it.

    Parameters
    ----------
    points : pandas.DataFrame
        From ``recipe_points``; points count the same.
    terms : sequence of {"log_tokens", "log_size", "curated"}
    draws : int
        The interval resamples lines. The null of a term shuffles, among points, what the other terms leave of h
        (Freedman and Lane), so that the others keep their part.
    """
    unknown = [term for term in terms if term not in _TERMS]
    if unknown or not terms:
        raise ValueError(f"terms={list(terms)}; allowed are {', '.join(_TERMS)}, at least one")
    h = points["h"].to_numpy(dtype=float)
    if len(h) < len(terms) + 3:
        raise ValueError(f"at least {len(terms) + 3} points are needed; there are {len(h)}")
    design = np.column_stack([np.ones_like(h), *(points[term].to_numpy(dtype=float) for term in terms)])
    codes, lines = pd.factorize(points["line"])
    generator = np.random.default_rng(rng)
    weights = np.concatenate([np.ones((1, len(h))), family_counts(len(lines), draws, generator)[:, codes]])
    fits = weighted_fits(design, h, weights)
    estimates, nulls = [], []
    for place in range(1, design.shape[1]):
        low, high = interval(fits[1:, place])
        value = float(fits[0, place])
        estimates.append(
            Estimate(
                estimate=value,
                low=low,
                high=high,
                n=len(h),
                method=f"bootstrap over {len(lines)} lines",
                level=0.95,
                draws=draws,
                discarded=int(np.sum(~np.isfinite(fits[1:, place]))),
            )
        )
        shuffled = _freedman_lane(design, h, place, draws, generator)
        nulls.append(null_from_draws(value, shuffled, len(h), "what the other terms leave of h, shuffled"))
    r2 = 1 - float(np.sum((h - design @ fits[0]) ** 2) / np.sum((h - h.mean()) ** 2))
    return Regression(tuple(terms), tuple(estimates), tuple(nulls), r2)


def _freedman_lane(
    design: Floats, h: Floats, place: int, draws: int, generator: np.random.Generator
) -> Floats:
    others = np.delete(design, place, axis=1)
    fitted = others @ np.linalg.lstsq(others, h, rcond=None)[0]
    residuals = generator.permuted(np.tile(h - fitted, (draws, 1)), axis=1)
    return np.asarray((fitted + residuals) @ np.linalg.pinv(design)[place])
