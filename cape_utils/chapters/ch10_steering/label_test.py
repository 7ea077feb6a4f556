"""One test for any direction learnt from labelled pairs: exchange the labels, and do everything again.

A direction is the mean difference between the two endings of the learning pairs. The null exchanges the labels of
these pairs, couple by couple, and goes through all that the true labels went through: the mean difference, the choice
of a layer, the dose, the effect on topics that nobody has learnt from. Three things keep the signal out of the null.

- Mean differences keep their lengths. A mean over half right, half wrong labels still holds a part of the true
  direction; brought to the length of the true one, that part is made as large as the signal it is held against.
- One multiplier a layer serves all labellings: the one at which the longest mean difference, the true one among them,
  costs the limit. The rule treats all labellings alike, so that the test is exact.
- The statistic is half the difference between pushing towards and pushing away. Any push blurs a model's opinion, and
  does so both ways, so that half the difference is free of it; and exchanging all labels turns its sign.

Nothing here touches a model: the doses are measured, and the pushes made, in ``ch10_steering.experiment``. Not for paper A's
own statistic, a count of changed outputs (section 6.3), which has no direction.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from cape_utils.stats.resampling import null_from_draws
from cape_utils.stats.results import Floats, Null
from cape_utils.steering.layer_map import Slopes

__all__ = [
    "LabelDraws",
    "Responses",
    "SteeringTest",
    "detectable",
    "full_dose_cosines",
    "half_differences",
    "label_draws",
    "label_null",
    "matched_null",
    "null_rows",
    "plant",
    "planted_power",
    "responses",
    "steering_test",
]


@dataclass(frozen=True)
class Responses:
    """How fast the margins rise along the differences of the learning pairs, at every layer tried.

    Attributes
    ----------
    answer : ndarray, shape (layers, learning, pairs)
        Slope of each pair's margin along each learning pair's difference, in nats for the whole difference.
    gram : ndarray, shape (layers, learning, learning)
        Inner products of the differences, for lengths of their means.
    steepest : ndarray, shape (layers, pairs)
        Slope of each pair's margin along the steepest direction, in nats per unit of the stream: the mean gradient over all
        pairs, the tested ones too, of length one. Nobody could learn it; it is what is planted.
    overlap : ndarray, shape (layers, learning)
        Of each difference with the steepest direction.
    topics : ndarray of str, shape (pairs,)
    learn : ndarray of bool, shape (pairs,)
    """

    answer: Floats
    gram: Floats
    steepest: Floats
    overlap: Floats
    topics: NDArray[np.str_]
    learn: NDArray[np.bool_]


@dataclass(frozen=True)
class LabelDraws:
    """What each labelling leads to, by the gradient; the first is the labels as they are.

    Attributes
    ----------
    layer : ndarray of int, shape (draws,)
        Which of the layers tried it chooses.
    multiplier : ndarray, shape (draws,)
        Of the mean difference at that layer.
    effect : ndarray, shape (draws,)
        On the tested pairs, in nats.
    gain : ndarray, shape (draws, layers)
        On learning topics held out from the direction, in nats: what the layer is chosen by.
    length : ndarray, shape (draws, layers)
        Of the mean difference.
    """

    layer: NDArray[np.int64]
    multiplier: Floats
    effect: Floats
    gain: Floats
    length: Floats


@dataclass(frozen=True)
class SteeringTest:
    """Whether a direction moves the margin of topics it was not learnt from, in one model at one cost.

    Attributes
    ----------
    null : Null
        Of the effect in nats: half the difference between pushing towards and pushing away. One-sided.
    pushed, pulled : float
        Change of the margin under the push towards, and under the push away, in nats.
    layer : int
    strength : float
        In units of the stream's mean length.
    kl : float
        Cost on neutral text, in nats a token.
    perplexity_before, perplexity_after : float
        On neutral text.
    predicted : float
        The effect by the gradient, in nats: what it would be if nothing saturated. So are the next three, as planting is.
    detectable : float
        Smallest planted effect that eight tests in ten find, in nats; NaN if none is.
    predicted_ceiling : float
        Effect of the steepest direction at the limit, in nats.
    power : float
        Share of planted directions with an effect of at least half that ceiling that the test finds; see ``planted_power``.
    ceiling : float
        Effect of the steepest direction at the limit as measured, in nats.
    """

    null: Null
    pushed: float
    pulled: float
    layer: int
    strength: float
    kl: float
    perplexity_before: float
    perplexity_after: float
    predicted: float
    detectable: float
    predicted_ceiling: float
    power: float
    ceiling: float

    @property
    def seen(self) -> bool:
        """Whether the direction moves the margin up by more than 95 in 100 labellings do."""
        return self.null.p <= 0.05


def responses(
    slopes: Slopes, topics: Sequence[str], learn: NDArray[np.bool_], layers: Sequence[int]
) -> Responses:
    """Reduce the stacks of differences and gradients to the slopes that the test needs.

    Parameters
    ----------
    slopes : Slopes
        Of all pairs.
    topics : sequence of str
    learn : ndarray of bool, shape (pairs,)
        Pairs that directions are learnt from; all others are tested.
    layers : sequence of int
        To choose from.
    """
    at = list(layers)
    difference = slopes.difference[learn][:, at].astype(float).transpose(1, 0, 2)
    gradient = slopes.gradient[:, at].astype(float).transpose(1, 0, 2)
    steepest = gradient.mean(1)
    steepest /= np.linalg.norm(steepest, axis=1, keepdims=True)
    return Responses(
        answer=difference @ gradient.transpose(0, 2, 1),
        gram=difference @ difference.transpose(0, 2, 1),
        steepest=np.einsum("lw,lpw->lp", steepest, gradient),
        overlap=np.einsum("lw,lpw->lp", steepest, difference),
        topics=np.asarray(topics, dtype=str),
        learn=np.asarray(learn, dtype=bool),
    )


def label_draws(found: Responses, signs: Floats, reach: ArrayLike, *, full_dose: bool = False) -> LabelDraws:
    """Go through the whole procedure with each labelling, by the gradient.

    Parameters
    ----------
    found : Responses
    signs : ndarray, shape (draws, learning)
        +1 where a learning pair keeps its labels and -1 where they are exchanged; the first row all +1.
    reach : array_like, shape (layers,)
        Length of a push that costs the limit at each layer.
    full_dose : bool
        Bring every labelling to the full length instead. This is the null that hides signals: see the module.

    Examples
    --------
    >>> one = np.ones((1, 2, 3))
    >>> toy = Responses(one, np.ones((1, 2, 2)), one[:, 0], one[:, 0, :2], np.array(list("abc")), np.arange(3) < 2)
    >>> label_draws(toy, np.array([[1.0, 1.0], [1.0, -1.0]]), [2.0]).effect.tolist()
    [2.0, 0.0]
    """
    n = int(found.learn.sum())
    if signs.shape[1:] != (n,) or not (signs[0] == 1).all():
        raise ValueError(
            f"got signs of shape {signs.shape} for {n} learning pairs; expected one column for each, and a first row "
            "of +1 for the labels as they are"
        )
    topics = found.topics[found.learn]
    if len(set(topics)) < 2:
        raise ValueError(
            "there is one learning topic only; at least two are needed, so that one can be held out"
        )
    apart = (topics[:, None] != topics).astype(float)
    apart /= apart.sum(0)
    length = np.stack([np.sqrt(np.clip(((signs @ g) * signs).sum(1), 0, None)) / n for g in found.gram], 1)
    # The held-out pairs wear the labels of the draw too: whoever was given these labels would believe them.
    gain = np.stack(
        [((signs @ (a[:, found.learn] * apart)) * signs).sum(1) / n for a in found.answer], axis=1
    )
    effect = signs @ found.answer[:, :, ~found.learn].mean(2).T / n
    longest = length if full_dose else length.max(0)
    multiplier = np.broadcast_to(np.asarray(reach, dtype=float) / np.maximum(longest, 1e-12), gain.shape)
    layer = (gain * multiplier).argmax(1)
    rows = np.arange(len(signs))
    return LabelDraws(
        layer=layer,
        multiplier=multiplier[rows, layer],
        effect=(effect * multiplier)[rows, layer],
        gain=gain * multiplier,
        length=length,
    )


def label_null(observed: float, draws: ArrayLike, n: int, method: str) -> Null:
    """The effect beside those of other labellings, each of which stands for its reverse too.

    Exchanging every label of a labelling turns the direction round and leaves the layer and the dose, so that its effect
    is known without measuring: the same with the other sign.

    Examples
    --------
    >>> null = label_null(3.0, [1.0, -2.0], 10, "toy")
    >>> null.p, null.draws, null.value
    (0.2, 4, 0.0)
    """
    values = np.asarray(draws, dtype=float)
    return null_from_draws(observed, np.concatenate([values, -values]), n, method, alternative="greater")


def full_dose_cosines(found: Responses, signs: Floats, layer: int) -> Floats:
    """How much of the true direction is in those of other labellings: absolute cosines at one layer, shape (draws,).

    Parameters
    ----------
    layer : int
        Which of the layers tried.
    """
    gram = found.gram[layer]
    ones = np.ones(len(gram))
    lengths = np.sqrt(((signs @ gram) * signs).sum(1) * (ones @ gram @ ones))
    return np.asarray(np.abs(signs @ gram @ ones) / np.maximum(lengths, 1e-300), dtype=float)


# ---------------------------------------------------------------- power


def plant(found: Responses, flips: Floats, lean: ArrayLike) -> Responses:
    """The same pairs with labels that mean nothing and a known direction in their differences.

    Parameters
    ----------
    flips : ndarray, shape (learning,)
        Signs that take the labels' own meaning away.
    lean : array_like, shape (layers,)
        Length of what is added to every difference, along the steepest direction; 0 plants nothing.

    Examples
    --------
    >>> one = np.ones((1, 2, 3))
    >>> toy = Responses(one, np.ones((1, 2, 2)), one[:, 0], one[:, 0, :2], np.array(list("abc")), np.arange(3) < 2)
    >>> plant(toy, np.array([1.0, -1.0]), [4.0]).answer[0, :, 0].tolist()
    [5.0, 3.0]
    """
    added = np.asarray(lean, dtype=float)[:, None, None]
    overlap = flips * found.overlap
    return Responses(
        answer=flips[:, None] * found.answer + added * found.steepest[:, None, :],
        gram=flips[:, None] * flips * found.gram
        + added * (overlap[:, :, None] + overlap[:, None, :])
        + added**2,
        steepest=found.steepest,
        overlap=overlap + added[:, :, 0],
        topics=found.topics,
        learn=found.learn,
    )


def planted_power(
    found: Responses, signs: Floats, reach: ArrayLike, shares: Sequence[float], *, seeds: int = 200
) -> pd.DataFrame:
    """How often the whole test, choice of the layer included, finds a direction with a known effect.

    Parameters
    ----------
    found : Responses
    signs : ndarray, shape (draws, learning)
        As for ``label_draws``. The last ``seeds`` rows take the meaning from the labels before planting, and those before
        them are the null.
    reach : array_like, shape (layers,)
    shares : sequence of float
        Planted length over the mean length of permuted mean differences; 0 for the rate of false findings.
    seeds : int
        Planted directions of each size.

    Returns
    -------
    DataFrame
        ``share``; ``effect``, the mean effect in nats; ``power`` of the test at 5%, and ``power_full_dose`` where every
        labelling is brought to the same dose.
    """
    # The labels as they are and ten others, which stand for their reverses too: with fewer no p reaches 0.05.
    if len(signs) < seeds + 11:
        raise ValueError(
            f"got {len(signs)} labellings for {seeds} seeds; expected at least 11 more than seeds"
        )
    null, flips = signs[: len(signs) - seeds], signs[len(signs) - seeds :]
    usual = label_draws(found, signs, reach).length[1:].mean(0)
    rows = []
    for share in shares:
        effects, hits = [], {False: 0, True: 0}
        for flip in flips:
            planted = plant(found, flip, share * usual)
            for full_dose in hits:
                draws = label_draws(planted, null, reach, full_dose=full_dose).effect
                hits[full_dose] += label_null(draws[0], draws[1:], 0, "planted").p <= 0.05
                if not full_dose:
                    effects.append(draws[0])
        rows.append((share, float(np.mean(effects)), hits[False] / seeds, hits[True] / seeds))
    return pd.DataFrame(rows, columns=["share", "effect", "power", "power_full_dose"])


def detectable(power: pd.DataFrame, wanted: float = 0.8) -> float:
    """Smallest planted effect in nats from which on the test finds the wanted share; NaN if it never does.

    Examples
    --------
    >>> detectable(pd.DataFrame({"effect": [0.0, 1.0, 2.0], "power": [0.05, 0.6, 1.0]}))
    1.5
    """
    table = power.sort_values("effect")
    enough = table["power"].to_numpy() >= wanted
    if not enough.any():
        return float("nan")
    first = int(enough.argmax())
    if first == 0:
        return float(table["effect"].iloc[0])
    low, high = (table.iloc[first - 1 + step] for step in (0, 1))
    part = (wanted - low["power"]) / (high["power"] - low["power"])
    return float(low["effect"] + part * (high["effect"] - low["effect"]))


# ---------------------------------------------------------------- what was measured in the model


def half_differences(tests: pd.DataFrame, kind: str, column: str = "margins") -> Floats:
    """Half the difference between pushing towards and away, shape (directions of a kind, pairs)."""
    rows = tests[tests["kind"] == kind]
    away = "pulled" if column == "margins" else f"pulled_{column}"
    towards, back = (np.array(rows[name].tolist(), dtype=float) for name in (column, away))
    return np.asarray((towards - back) / 2)


def matched_null(tests: pd.DataFrame) -> Null:
    """The same comparison with every labelling scaled to the cost of the true one: what full doses would have said.

    A small push moves the margin in proportion to its length and costs the square of it. Scaling knows nothing of
    saturation, so that it gives permuted labels more than a push in the model would.

    Parameters
    ----------
    tests : DataFrame
        From ``Study.test_sweep``.
    """
    effects = half_differences(tests, "shuffled").mean(1) * _to_equal_cost(tests)
    truth = half_differences(tests, "truth")
    method = "labels exchanged, every direction scaled to the same cost"
    return label_null(float(truth.mean()), effects, truth.shape[1], method)


def _to_equal_cost(tests: pd.DataFrame) -> Floats:
    truth, shuffled = (
        tests.loc[tests["kind"] == k, "kl"].to_numpy(dtype=float) for k in ("truth", "shuffled")
    )
    return np.asarray(np.sqrt(truth[0] / np.maximum(shuffled, 1e-12)))


def null_rows(tests: pd.DataFrame) -> pd.DataFrame:
    """The effect and those of permuted labels and their reverses, under both nulls, for a figure.

    Parameters
    ----------
    tests : DataFrame
        From ``Study.test_sweep``.

    Returns
    -------
    DataFrame
        ``null`` (lengths kept, or scaled to the same cost), ``labels`` (as they are, or permuted), ``nats`` and ``effect``, the
        same in units of the upper edge of the null's 95% range.
    """
    kept = half_differences(tests, "shuffled").mean(1)
    nulls = {"lengths kept": kept, "scaled to one cost": kept * _to_equal_cost(tests)}
    observed = float(half_differences(tests, "truth").mean())
    tables = []
    for name, draws in nulls.items():
        nats = np.concatenate([[observed], draws, -draws])
        labels = ["as they are"] + ["permuted"] * (2 * len(draws))
        edge = label_null(observed, draws, 0, name).high
        tables.append(pd.DataFrame({"null": name, "labels": labels, "nats": nats, "effect": nats / edge}))
    return pd.concat(tables, ignore_index=True)


def steering_test(tests: pd.DataFrame, power: pd.DataFrame) -> SteeringTest:
    """Read the test off what was measured in the model.

    Parameters
    ----------
    tests : DataFrame
        From ``Study.test_sweep``; for the default model also ``recompute.kept_rows("steering_test")``.
    power : DataFrame
        From ``Study.power_table``, or ``recompute.kept_rows("steering_power")``.

    Raises
    ------
    ValueError
        If the test or its controls are not among the rows.
    """
    kinds = set(tests["kind"]) if "kind" in tests else set()
    if missing := {"unsteered", "truth", "planted", "shuffled"} - kinds:
        raise ValueError(
            f"no rows of {', '.join(sorted(missing))}; take Study.test_sweep(), or run make sweeps for the kept ones"
        )
    base, truth = (tests[tests["kind"] == kind].iloc[0] for kind in ("unsteered", "truth"))
    before = np.mean(base["margins"])
    observed = half_differences(tests, "truth")
    draws = half_differences(tests, "shuffled").mean(1)
    steepest = float(tests.loc[tests["kind"] == "planted", "predicted"].iloc[0])
    large = power[power["effect"] >= steepest / 2]
    return SteeringTest(
        null=label_null(
            float(observed.mean()), draws, observed.shape[1], "labels of the learning pairs exchanged"
        ),
        pushed=float(np.mean(truth["margins"]) - before),
        pulled=float(np.mean(truth["pulled"]) - before),
        layer=int(truth["layer"]),
        strength=float(truth["strength"]),
        kl=float(truth["kl"]),
        perplexity_before=float(base["perplexity"]),
        perplexity_after=float(truth["perplexity"]),
        predicted=float(truth["predicted"]),
        detectable=detectable(power),
        predicted_ceiling=steepest,
        power=float(large["power"].min()) if len(large) else float("nan"),
        ceiling=float(half_differences(tests, "planted").mean()),
    )
