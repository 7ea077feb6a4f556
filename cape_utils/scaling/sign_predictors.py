"""What else could stand behind the sign of a step: size, tokens, compute or knowledge.

The paper names the number of parameters. Each candidate is judged on families that were held out.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from cape_utils import data
from cape_utils.stats.resampling import family_counts, interval
from cape_utils.stats.results import Floats

__all__ = [
    "LEFT_CHANCE_PP",
    "auc_by_certainty",
    "predictor_auc",
    "predictor_values",
]

LEFT_CHANCE_PP = 5.0
"""Points above chance from which knowledge counts as having left it: letter preferences alone move guessers by two to
three points, far beyond item noise."""


def predictor_values(scores: pd.DataFrame, local: pd.DataFrame) -> dict[str, Floats]:
    """Quantities that could stand behind the sign of a step, at its middle.

    Parameters
    ----------
    scores : pandas.DataFrame
        With ``family, model, params_b, tokens_b, train_flop`` and ``mmlu``.
    local : pandas.DataFrame
        From ``scaling.coupling.local_coupling`` of the same scores.

    Returns
    -------
    dict of str to ndarray, shape (len(local),)
        log10 of parameters, training tokens and training compute, the MMLU score in percent, and whether that score
        has left chance by ``LEFT_CHANCE_PP`` (1 or 0).
    """
    at = scores.set_index(["family", "model"])
    ends = [list(zip(local["family"], local[column], strict=True)) for column in ("from_model", "to_model")]

    def middle(values: pd.Series) -> Floats:
        return np.asarray(
            (values.loc[ends[0]].to_numpy(dtype=float) + values.loc[ends[1]].to_numpy(dtype=float)) / 2
        )

    knowledge = middle(at["mmlu"])
    chance = data.chance_pct("mmlu")
    return {
        "parameters": middle(np.log10(at["params_b"])),
        "training tokens": middle(np.log10(at["tokens_b"])),
        "training compute": middle(np.log10(at["train_flop"])),
        "knowledge (MMLU)": knowledge,
        "knowledge above chance": np.where(np.isnan(knowledge), np.nan, knowledge > chance + LEFT_CHANCE_PP),
    }


def _auc(score: Floats, label: np.ndarray, weights: Floats) -> Floats:
    """Weighted area under the ROC curve for each row of ``weights`` (ties count half)."""
    wins = (score[label][:, None] > score[~label][None, :]) + 0.5 * (
        score[label][:, None] == score[~label][None, :]
    )
    up, down = weights[:, label], weights[:, ~label]
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.einsum("dp,pn,dn->d", up, wins, down) / (up.sum(axis=1) * down.sum(axis=1)))


def predictor_auc(
    local: pd.DataFrame,
    predictors: Mapping[str, ArrayLike],
    *,
    draws: int = 4000,
    rng: np.random.Generator | int = 0,
) -> pd.DataFrame:
    """How well single quantities tell the sign of an interval of a family that was held out.

    For each predictor and each family, all other families decide which way the predictor points; the intervals of all
    families, ranked that way, are pooled into one area under the ROC curve. The level is left out on purpose: a family
    with many positive signs lowers the base rate of the others, so pooled probabilities of a weak predictor rank
    families backwards. All predictors are compared on the same intervals, those for which every one of them is known.

    Parameters
    ----------
    local : pandas.DataFrame
        From ``scaling.coupling.local_coupling``.
    predictors : mapping of str to array_like, shape (len(local),)
        Missing values are allowed.
    draws : int
        Bootstrap over families, of the areas and of their differences from the first predictor; directions are kept.

    Returns
    -------
    pandas.DataFrame
        One row a predictor: ``predictor, auc, low, high`` (95%), ``difference, difference_low, difference_high``
        (from the first predictor), ``n`` intervals, ``families``.
    """
    frame = pd.DataFrame({name: np.asarray(values, dtype=float) for name, values in predictors.items()})
    keep = (
        frame.notna().all(axis=1).to_numpy()
        & local["coupling"].notna().to_numpy()
        & (local["coupling"] != 0).to_numpy()
    )
    frame = frame[keep]
    label = (local.loc[keep, "coupling"] > 0).to_numpy()
    codes, families = pd.factorize(local.loc[keep, "family"])
    outside = (codes[None, :] != np.arange(len(families))[:, None]).astype(float)
    weights = family_counts(len(families), draws, rng)[:, codes]
    areas: dict[str, Floats] = {}
    rows: list[dict[str, object]] = []
    for name in frame:
        x = frame[name].to_numpy()
        direction = np.sign(_auc(x, label, outside) - 0.5)
        held_out = direction[codes] * (x - np.median(x))
        area = float(_auc(held_out, label, np.ones((1, len(label))))[0])
        areas[str(name)] = _auc(held_out, label, weights)
        low, high = interval(areas[str(name)])
        first = next(iter(areas))
        gap = areas[str(name)] - areas[first]
        gap_low, gap_high = interval(gap)
        base = float(str(rows[0]["auc"])) if rows else area
        rows.append(
            {
                "predictor": name,
                "auc": area,
                "low": low,
                "high": high,
                "difference": area - base,
                "difference_low": gap_low,
                "difference_high": gap_high,
                "n": len(label),
                "families": len(families),
            }
        )
    return pd.DataFrame(rows)


def auc_by_certainty(
    local: pd.DataFrame, candidates: Mapping[str, Floats], *, min_probability: float = 0.8
) -> pd.DataFrame:
    """`predictor_auc` over every step, and over those whose sign is sure.

    Parameters
    ----------
    local : pandas.DataFrame
        From ``scaling.coupling.local_coupling``.
    candidates : mapping of str to ndarray
        From `predictor_values`.
    min_probability : float
        Of the sign, for a step to count as sure.

    Returns
    -------
    pandas.DataFrame
        Columns of `predictor_auc` and ``steps``.
    """
    sure = (local["p_sign"] >= min_probability).to_numpy()
    clear = predictor_auc(local[sure], {name: values[sure] for name, values in candidates.items()})
    every = predictor_auc(local, candidates)
    label = f"sign at least {min_probability:.0%} sure"
    return pd.concat([every.assign(steps="every step"), clear.assign(steps=label)])
