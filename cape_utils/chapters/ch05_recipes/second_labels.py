"""A second labelling of the recipes, by words alone, and what of the chapter depends on who labels.

The kinds in the table ``recipes`` are one reading of reports and cards, and nothing records that the reader had not seen the
scores. Here the column ``reason`` is sorted again by a list of words, which sees neither the scores nor the first kinds. It is no
fully independent reader: the reasons are the first reader's words, and the list was written with the table at hand.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import pandas as pd

from cape_utils import data
from cape_utils.scaling import recipe_effects, web_curve
from cape_utils.stats.resampling import family_bootstrap
from cape_utils.stats.results import Estimate, Floats, Null

__all__ = ["KINDS", "Agreement", "agreement", "both_labels", "class_step", "kind_by_words", "relabelled"]

KINDS = ("web", "curated", "code", "unpublished")

_RULE = (
    ("code", re.compile(r"^source code|\d% code|mostly on code")),
    (
        "curated",
        re.compile(r"synthetic|made by models|model's outputs|instruction data|selected|a model finds"),
    ),
    (
        "web",
        re.compile(
            r"Pile|RefinedWeb|RedPajama|SlimPajama|Dolma|ROOTS|WebText|CommonCrawl|\bm?C4\b|collection"
        ),
    ),
)
"""Tried in this order; a description that matches none names neither a source nor a selection: unpublished."""


def kind_by_words(reason: str) -> str:
    """Kind of a recipe by the words of its description.

    Code if most of the text is said to be code; else curated if text is said to be selected, made by a model or to hold
    instruction data; else web if a collection of crawled text is named; else unpublished.

    Parameters
    ----------
    reason : str
        Of the table ``recipes``.

    Examples
    --------
    >>> kind_by_words("The Pile"), kind_by_words("the successor of Qwen; its own mix is not published")
    ('web', 'unpublished')
    """
    return next((kind for kind, words in _RULE if words.search(reason)), "unpublished")


def both_labels() -> pd.DataFrame:
    """Every recipe with its two labels.

    Returns
    -------
    pandas.DataFrame
        Columns ``recipe, line, reason, kind, by_words``.

    Examples
    --------
    >>> both_labels()["recipe"].is_unique
    True
    """
    known = data.load("recipes").drop_duplicates("recipe").reset_index(drop=True)
    known["by_words"] = known["reason"].map(kind_by_words)
    return known[["recipe", "line", "reason", "kind", "by_words"]]


@dataclass(frozen=True)
class Agreement:
    """How far two labellings agree.

    Attributes
    ----------
    share : Estimate
        Of recipes with one label, from 0 to 1.
    kappa : Estimate
        Cohen's kappa: agreement beyond that of two labellings with the same shares that ignore the recipe, over the most there
        could be.
    """

    share: Estimate
    kappa: Estimate


def _tables(first: Floats, second: Floats, weights: Floats) -> Floats:
    """Weighted share of each pair of labels, shape (draws, kinds, kinds)."""
    counts = np.einsum("dn,nk,nl->dkl", weights, first, second)
    return np.asarray(counts / counts.sum(axis=(1, 2), keepdims=True))


def agreement(labels: pd.DataFrame, *, draws: int = 2000, rng: np.random.Generator | int = 0) -> Agreement:
    """Share of agreement and Cohen's kappa of two labellings, with intervals.

    Parameters
    ----------
    labels : pandas.DataFrame
        With ``line, kind, by_words``; one row a recipe.
    draws : int
        Bootstrap draws; the unit resampled is the line, whose recipes are labelled alike.
    rng : Generator or int

    References
    ----------
    Cohen (1960), A coefficient of agreement for nominal scales.

    Examples
    --------
    >>> toy = pd.DataFrame({"line": ["a", "b"], "kind": ["web", "code"], "by_words": ["web", "code"]})
    >>> agreement(toy, draws=20).kappa.estimate
    1.0
    """
    unknown = (set(labels["kind"]) | set(labels["by_words"])) - set(KINDS)
    if unknown:
        raise ValueError(f"got the kinds {sorted(unknown)}; allowed are {', '.join(KINDS)}; mend the labels")
    first, second = (
        (labels[name].to_numpy()[:, None] == np.array(KINDS)).astype(float) for name in ("kind", "by_words")
    )

    def share(weights: Floats) -> Floats:
        return np.asarray(np.trace(_tables(first, second, weights), axis1=1, axis2=2))

    def kappa(weights: Floats) -> Floats:
        shares = _tables(first, second, weights)
        by_luck = (shares.sum(axis=1) * shares.sum(axis=2)).sum(axis=1)
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray((np.trace(shares, axis1=1, axis2=2) - by_luck) / (1 - by_luck))

    once = np.ones((1, len(labels)))
    share_of, kappa_of = (
        family_bootstrap(labels["line"], statistic, float(statistic(once)[0]), draws=draws, rng=rng)
        for statistic in (share, kappa)
    )
    return Agreement(share_of, kappa_of)


def relabelled(rows: pd.DataFrame) -> pd.DataFrame:
    """Models with the kind that the words give their recipe; ``rows`` are from ``scaling.web_curve.recipe_rows``."""
    return rows.assign(kind=rows["recipe"].map(both_labels().set_index("recipe")["by_words"]))


def class_step(which: data.Panel) -> dict[str, tuple[Estimate, Null]]:
    """Step in TruthfulQA from web-trained to curated recipes, by the first labels and by words."""
    rows = web_curve.recipe_rows(which)
    return {
        "the table": recipe_effects.class_effect(rows),
        "words": recipe_effects.class_effect(relabelled(rows)),
    }
