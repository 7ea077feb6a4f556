"""Choose where and how strongly to steer on some topics, and test it once on the others.

Nothing here touches a model: the measured margins come from ``ch10_steering.experiment``. The choice sees calibration topics
only; the test compares the chosen setting with directions from permuted labels (``label_test`` says why that null is right)
and with random directions of equal cost.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from cape_utils.chapters.ch10_steering.label_test import half_differences, label_null
from cape_utils.stats.results import Estimate, Floats, Null
from cape_utils.steering.evaluation import margin_summary, topic_effect

__all__ = [
    "KL_LIMIT",
    "Choice",
    "change_table",
    "depth_table",
    "effect_null",
    "grid_layers",
    "matched_strength",
    "outcome_table",
    "split_topics",
    "stack",
    "unit",
]

KL_LIMIT = 0.1
"""Nats a token that neutral text may move by; at half a nat the perplexity of plain text rises by half already."""


@dataclass(frozen=True)
class Choice:
    """A layer and strength, with what they promise on the calibration topics.

    Attributes
    ----------
    layer : int
    strength : float
    effect : float
        Change of the margin on topics held out from the direction, by the gradient, in nats.
    kl : float
        Nats a token on neutral text.
    """

    layer: int
    strength: float
    effect: float
    kl: float


def split_topics(topics: Sequence[str], *, seed: int = 0) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Deal the topics into calibration and test, half each.

    Examples
    --------
    >>> calibration, test = split_topics(["a", "b", "c", "d"])
    >>> sorted(calibration + test)
    ['a', 'b', 'c', 'd']
    """
    names = sorted(set(topics))
    if len(names) < 4:
        raise ValueError(
            f"there are {len(names)} topics; at least four are needed, two for calibration and two to test"
        )
    order = np.random.default_rng(seed).permutation(len(names))
    half = len(names) // 2
    return tuple(sorted(names[i] for i in order[:half])), tuple(sorted(names[i] for i in order[half:]))


def grid_layers(depth: int, parts: int = 8) -> tuple[int, ...]:
    """Every eighth of the depth, or another part, the paper's quarter among them where four divides the parts.

    Examples
    --------
    >>> grid_layers(30)
    (3, 7, 11, 15, 18, 22, 26)
    """
    return tuple(sorted({depth * k // parts for k in range(1, parts)}))


def unit(vector: ArrayLike) -> Floats:
    """A vector of length one in the same direction."""
    values = np.asarray(vector, dtype=float)
    length = float(np.linalg.norm(values))
    if not np.isfinite(length) or length == 0:
        raise ValueError("a vector of zeros, or one with missing values, has no direction")
    return values / length


def matched_strength(
    kl_of: Callable[[float], float],
    target: float,
    *,
    start: float = 0.1,
    highest: float = 50.0,
    tolerance: float = 0.05,
    steps: int = 12,
) -> float:
    """Find the strength at which a direction costs as much as another one.

    Directions of one length move a model by very different amounts, so that equal length is not equal dose.

    Parameters
    ----------
    kl_of : callable
        Divergence at a strength; rising.
    target : float
        Positive.
    start : float
        First strength tried.
    highest : float
        Returned if even this costs less.
    tolerance : float
        Relative error allowed.
    steps : int
        Evaluations at most.

    Examples
    --------
    >>> round(matched_strength(lambda s: s**2, 4.0, tolerance=1e-6, steps=60), 3)
    2.0
    """
    if not target > 0:
        raise ValueError(f"the cost to match is {target:g}; a positive one is needed")
    low, high, at = 0.0, float("inf"), start
    for _ in range(steps):
        cost = kl_of(at)
        if abs(cost - target) <= tolerance * target:
            return at
        low, high = (at, high) if cost < target else (low, at)
        # Small steps cost the square of the strength, which makes a better guess than the middle.
        guess = at * float(np.sqrt(target / max(cost, target / 100)))
        inside = low * 1.02 < guess < high * 0.98
        at = guess if inside else (min(2 * at, highest) if high == float("inf") else (low + high) / 2)
        if low >= highest:
            return highest
    return at


def stack(rows: pd.Series) -> Floats:
    """Lists of margins as one array, shape (rows, pairs)."""
    return np.array(rows.tolist(), dtype=float)


def effect_null(tests: pd.DataFrame, kind: str, *, column: str = "margins") -> Null:
    """The truth direction's effect on the test topics, beside that of many control directions.

    Parameters
    ----------
    tests : DataFrame
        From ``Study.test_sweep``: ``kind`` and lists of margins under a push towards and a push away.
    kind : {"shuffled", "random"}
        Which controls.
    column : {"margins", "per_token"}
        Summed over tokens, or the mean over them.

    Returns
    -------
    Null
        Of half the difference between pushing towards and away, one-sided: ``p`` counts the controls, and their reverses,
        that raise the margin at least as much, since that is what a truth direction is for.
    """
    truth, controls = (half_differences(tests, name, column) for name in ("truth", kind))
    method = f"{len(controls)} {kind} directions and their reverses"
    return label_null(float(truth.mean()), controls.mean(1), truth.shape[1], method)


def change_table(tests: pd.DataFrame) -> pd.DataFrame:
    """Mean change that every direction of the test brings, beside its cost.

    Parameters
    ----------
    tests : DataFrame
        From ``Study.test_sweep``.

    Returns
    -------
    DataFrame
        ``kind, draw, layer, strength, kl, perplexity, predicted``; ``margin, per_token`` (nats), half the difference between
        pushing towards and away; ``pushed, pulled`` (nats), the changes each way; and for the push towards ``accuracy`` (change
        of the share of pairs), ``corrected``, the share of pairs it had wrong that it now has right, and ``spoiled``, the
        reverse.
    """
    plain = tests["kind"] == "unsteered"
    table = tests.drop(columns=["margins", "per_token", "pulled", "pulled_per_token"])
    margins, away = stack(tests["margins"]), stack(tests["pulled"])
    before = margins[plain][0]
    right, wrong = before > 0, before <= 0
    table["corrected"] = (margins[:, wrong] > 0).mean(1) if wrong.any() else 0.0
    table["spoiled"] = (margins[:, right] <= 0).mean(1) if right.any() else 0.0
    table["margin"] = (margins - away).mean(1) / 2
    table["per_token"] = (stack(tests["per_token"]) - stack(tests["pulled_per_token"])).mean(1) / 2
    table["pushed"], table["pulled"] = (margins - before).mean(1), (away - before).mean(1)
    table["accuracy"] = ((margins > 0).astype(float) - (before > 0)).mean(1)
    return table


def outcome_table(
    tests: pd.DataFrame,
    pairs: pd.DataFrame,
    *,
    controls: str = "shuffled",
    draws: int = 2000,
    rng: np.random.Generator | int = 0,
) -> pd.DataFrame:
    """Effect of the chosen setting on all test pairs and on parts of them.

    Parameters
    ----------
    tests : DataFrame
        From ``Study.test_sweep``.
    pairs : DataFrame
        The test pairs in the order of the margins, with ``topic`` and ``kind``.
    controls : {"shuffled", "random"}
        Which directions the null range comes from.

    Returns
    -------
    DataFrame
        One row for each part: ``part, n, before, after`` (mean margins in nats, unsteered and under the push towards);
        ``effect, low, high`` (half the difference between towards and away, topics resampled), ``null_low, null_high``
        (95% range of the controls), one-sided ``p``; ``accuracy_before, accuracy_after, share_before, share_after``.
    """
    before = stack(tests.loc[tests["kind"] == "unsteered", "margins"])[0]
    after = stack(tests.loc[tests["kind"] == "truth", "margins"])[0]
    change, others = half_differences(tests, "truth")[0], half_differences(tests, controls)
    parts: dict[str, NDArray[np.bool_]] = {
        "all pairs": np.ones(len(pairs), dtype=bool),
        "facts": (pairs["kind"] == "fact").to_numpy(),
        "misconceptions": (pairs["kind"] == "misconception").to_numpy(),
        "pairs it gets wrong": before < 0,
        "pairs it gets right": before >= 0,
    }
    rows = []
    for name, members in parts.items():
        if not members.any():
            continue
        topics = pairs.loc[members, "topic"].tolist()
        still = np.zeros(int(members.sum()))
        effect: Estimate = topic_effect(still, change[members], topics, draws=draws, rng=rng)
        null = label_null(effect.estimate, others[:, members].mean(1), len(still), controls)
        was, now = margin_summary(before[members]), margin_summary(after[members])
        rows.append(
            {
                "part": name,
                "n": int(members.sum()),
                "before": was["margin"],
                "after": now["margin"],
                "effect": effect.estimate,
                "low": effect.low,
                "high": effect.high,
                "null_low": null.low,
                "null_high": null.high,
                "p": null.p,
                "accuracy_before": was["accuracy"],
                "accuracy_after": now["accuracy"],
                "share_before": was["share"],
                "share_after": now["share"],
            }
        )
    return pd.DataFrame(rows)


def depth_table(
    margins: pd.DataFrame,
    unsteered: ArrayLike,
    topics: Sequence[str],
    depth: int,
    *,
    draws: int = 2000,
    rng: np.random.Generator | int = 0,
) -> pd.DataFrame:
    """Effect at every layer tried, with intervals from resampling topics.

    Parameters
    ----------
    margins : DataFrame
        Columns ``layer, strength, kl`` and lists ``margins``.
    unsteered : array_like, shape (pairs,)
    topics : sequence of str
        Of the pairs.
    depth : int
        Layers of the model.

    Returns
    -------
    DataFrame
        ``layer, depth`` (layers over depth, as the paper's quarter is), ``strength, kl, effect, low, high, n``.
    """
    rows = []
    for row in margins.to_dict("records"):
        e = topic_effect(unsteered, row["margins"], topics, draws=draws, rng=rng)
        part = {key: row[key] for key in ("layer", "strength", "kl")}
        rows.append(
            {
                **part,
                "depth": row["layer"] / depth,
                "effect": e.estimate,
                "low": e.low,
                "high": e.high,
                "n": e.n,
            }
        )
    return pd.DataFrame(rows)
