"""What the internal cosine gives when there is nothing to find, and when there is.

Permuted prompts, a third kind of prompts, random weights, and opposite contrasts of known size added to the
activations. The measure itself is in ``internals.cosine``. Paper A, section 5, has no such controls.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from cape_utils.internals.cosine import InternalCoupling, centres, checked, internal_coupling, unit_cosine
from cape_utils.models.loading import Loaded
from cape_utils.stats.resampling import interval, null_from_draws
from cape_utils.stats.results import Floats, Null

__all__ = [
    "FirstSeen",
    "between_random_halves",
    "compare_kinds",
    "coupling_table",
    "first_seen",
    "pair_couplings",
    "planted_curve",
    "profile_table",
    "random_halves_table",
    "random_weights",
    "seen_from",
]

Kinds = Mapping[tuple[str, str], InternalCoupling]


def compare_kinds(vectors: Mapping[str, Floats], *, n: int = 16) -> dict[tuple[str, str], InternalCoupling]:
    """Every pair of three kinds of prompts, raw and centred on two references.

    Parameters
    ----------
    vectors : mapping of str to ndarray, shape (prompts, layers, ...)
        Three kinds, each of more than ``n`` prompts; the first ``n`` are measured, the others serve as references.
    n : int

    Returns
    -------
    dict
        By the pair's name, such as ``"reasoning and control"``, and the measure: ``"raw"``; ``"centred on the third
        kind"``, all prompts of it; ``"centred between the two"``, the other prompts of the same two kinds. The last
        reference lies between the two means, so that its cosine tends to -1 for any two kinds that differ at all.
    """
    if len(vectors) != 3 or min(map(len, vectors.values())) <= n:
        sizes = ", ".join(f"{kind} {len(part)}" for kind, part in vectors.items())
        raise ValueError(f"expected three kinds of more than {n} prompts each, got {sizes}")
    couplings = {}
    for one, two in itertools.combinations(vectors, 2):
        (third,) = set(vectors) - {one, two}
        a, b = vectors[one][:n], vectors[two][:n]
        others = np.concatenate([vectors[one][n:], vectors[two][n:]])
        label = f"{one} and {two}"
        couplings[label, "raw"] = internal_coupling(a, b)
        for name, reference in (("on the third kind", vectors[third]), ("between the two", others)):
            couplings[label, f"centred {name}"] = internal_coupling(a, b, centred=True, reference=reference)
    return couplings


def pair_couplings(vectors: Mapping[str, Floats]) -> dict[str, InternalCoupling]:
    """The raw coupling of every pair of kinds, by the pair's name."""
    return {
        f"{one} and {two}": internal_coupling(vectors[one], vectors[two])
        for one, two in itertools.combinations(vectors, 2)
    }


def between_random_halves(
    first: ArrayLike,
    second: ArrayLike,
    *,
    centred: bool = False,
    reference: ArrayLike | None = None,
    draws: int = 500,
    rng: np.random.Generator | int = 0,
) -> Null:
    """The mean cosine when the prompts are permuted between the two sets.

    Returns
    -------
    Null
        ``p`` is one-sided: the share of permutations whose cosine is at most the observed one, the data counted among them.
    """
    observed = internal_coupling(first, second, centred=centred, reference=reference).mean_cosine
    a, b = checked(first, second)
    centre_a, centre_b = centres(a, b, reference) if centred else (0.0, 0.0)
    both = np.concatenate([a, b])
    order = np.random.default_rng(rng).permuted(np.tile(np.arange(len(both)), (draws, 1)), axis=1)
    weights = (order < len(a)).astype(float)
    flat = both.reshape(len(both), -1)
    total = flat.sum(0)
    means = np.empty(draws)
    for k in range(draws):  # one permutation at a time keeps memory at the size of one mean
        part = weights[k] @ flat
        one, two = part / len(a), (total - part) / len(b)
        means[k] = unit_cosine(
            one.reshape(a.shape[1:]) - centre_a, two.reshape(a.shape[1:]) - centre_b
        ).mean()
    method = f"prompts permuted between the two sets, {draws:,} times"
    return null_from_draws(observed, means, len(both), method, alternative="less")


def planted_curve(
    first: ArrayLike,
    second: ArrayLike,
    sizes: Sequence[float],
    *,
    reference: ArrayLike,
    rng: np.random.Generator | int = 0,
) -> pd.DataFrame:
    """Both measures after an opposite contrast of known size was added to the activations.

    In every unit one direction, drawn at random, is added to all vectors of the first set and subtracted from all of
    the second, ``size`` times the mean length of the unit's vectors. So at size 0.1 a tenth of the state is opposed.

    Parameters
    ----------
    first, second : array_like
        Best two halves of one set, which do not differ.
    sizes : sequence of float
        In units of the mean length of the vectors, not negative.
    reference : array_like
        For the centred measure; nothing is added to it.

    Returns
    -------
    DataFrame
        Columns ``size, measure`` ("raw", "centred"), ``mean_cosine``, ``low`` and ``high`` (the middle 90% of units),
        ``negative_pct`` and ``competing_pct`` (of units), ``units``.
    """
    a, b = checked(first, second)
    if min(sizes, default=-1.0) < 0:
        raise ValueError("sizes must be a list of numbers that are not negative")
    lengths = np.linalg.norm(np.concatenate([a, b]), axis=-1).mean(0)
    direction = np.random.default_rng(rng).normal(size=a.shape[1:])
    direction *= (lengths / np.linalg.norm(direction, axis=-1))[..., None]
    rows = []
    for size in sizes:
        plus, minus = a + size * direction, b - size * direction
        for name, options in (
            ("raw", {}),
            ("centred", {"centred": True, "reference": reference}),
        ):
            coupling = internal_coupling(plus, minus, **options)  # type: ignore[arg-type]
            low, high = interval(coupling.cosine, 0.9)
            shares = (100 - coupling.cooperative_pct, 100 * float(coupling.competes.mean()))
            rows.append((size, name, coupling.mean_cosine, low, high, *shares, coupling.cosine.size))
    spread = ["mean_cosine", "low", "high", "negative_pct", "competing_pct"]
    return pd.DataFrame(rows, columns=["size", "measure", *spread, "units"])


def seen_from(
    curve: pd.DataFrame, column: str, measure: str, *, pct: float = 50, below: float | None = None
) -> float:
    """Smallest planted size from which on the contrast shows, at it and at all larger sizes; NaN if it never does.

    Parameters
    ----------
    curve : DataFrame
        From ``planted_curve``, of one kind of unit.
    column : {"negative_pct", "competing_pct", "mean_cosine"}
        A percentage shows it from ``pct`` on, the mean cosine under ``below``.
    measure : {"raw", "centred"}
    pct : float
        Percentage of units asked for.
    below : float, optional
        Such as the lower end of what random halves give; needed for the mean cosine and for nothing else.
    """
    part = curve[curve["measure"] == measure].sort_values("size")
    if part.empty:
        raise ValueError(f"measure is {measure!r}; the curve holds {', '.join(curve['measure'].unique())}")
    if (column == "mean_cosine") != (below is not None):
        raise ValueError("say below= for the mean cosine, and only for it; percentages go by pct=")
    values = part[column].to_numpy()
    missed = np.flatnonzero(values < pct if below is None else values >= below)
    start = int(missed[-1]) + 1 if len(missed) else 0
    return float(part["size"].iloc[start]) if start < len(part) else float("nan")


@dataclass(frozen=True)
class FirstSeen:
    """Planted sizes from which on a measure shows an opposition; NaN where it never does.

    Attributes
    ----------
    negative_from, competing_from : float
        Half of the units have a negative cosine; half of them compete.
    unlike_halves_from : float
        The mean cosine lies below what random halves of the prompts give.
    negative_pct_unplanted : float
        Units with a negative cosine when nothing is planted, percent.
    """

    negative_from: float
    competing_from: float
    unlike_halves_from: float
    negative_pct_unplanted: float


def first_seen(
    curve: pd.DataFrame,
    first: ArrayLike,
    second: ArrayLike,
    reference: ArrayLike,
    *,
    unit: str = "head",
    draws: int = 200,
    rng: np.random.Generator | int = 0,
) -> dict[str, FirstSeen]:
    """From which planted size on each measure shows an opposition.

    Parameters
    ----------
    curve : DataFrame
        From ``planted_curve`` over the same vectors, with a column ``unit``.
    first, second, reference : array_like
        Vectors of the units without anything planted.
    unit : str
    draws : int
        Random halves.

    Returns
    -------
    dict
        By measure, ``"raw"`` and ``"centred"``.
    """
    part = curve[curve["unit"] == unit]
    options: dict[str, dict[str, Any]] = {"raw": {}, "centred": {"centred": True, "reference": reference}}
    seen = {}
    for measure, more in options.items():
        halves = between_random_halves(first, second, draws=draws, rng=rng, **more)
        unplanted = part[(part["measure"] == measure) & (part["size"] == 0)]
        seen[measure] = FirstSeen(
            negative_from=seen_from(part, "negative_pct", measure),
            competing_from=seen_from(part, "competing_pct", measure),
            unlike_halves_from=seen_from(part, "mean_cosine", measure, below=halves.low),
            negative_pct_unplanted=float(unplanted["negative_pct"].iloc[0]),
        )
    return seen


def random_halves_table(
    vectors: Mapping[tuple[str, str], Floats],
    *,
    n: int = 16,
    draws: int = 300,
    rng: np.random.Generator | int = 0,
) -> pd.DataFrame:
    """The mean cosine of every two kinds of prompts beside that of random halves, in each network.

    Parameters
    ----------
    vectors : mapping of (network, kind) to ndarray, shape (prompts, layers, ...)
        The first ``n`` prompts are measured.
    n, draws : int

    Returns
    -------
    DataFrame
        Columns ``network, prompts, cosine``, ``median, low, high`` of random halves, and ``p``, one-sided.
    """
    networks = dict.fromkeys(network for network, _ in vectors)
    rows = []
    for network in networks:
        kinds = [kind for name, kind in vectors if name == network]
        for one, two in itertools.combinations(kinds, 2):
            a, b = vectors[network, one][:n], vectors[network, two][:n]
            null = between_random_halves(a, b, draws=draws, rng=rng)
            rows.append((network, f"{one} and {two}", null.observed, null.value, null.low, null.high, null.p))
    return pd.DataFrame(rows, columns=["network", "prompts", "cosine", "median", "low", "high", "p"])


def random_weights(loaded: Loaded, *, seed: int = 0) -> Loaded:
    """A network of the same architecture and tokenizer that has learnt nothing.

    The weights are drawn as the architecture starts its training; the random state of the caller is left alone.
    """
    import torch
    from transformers import AutoModelForCausalLM

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = AutoModelForCausalLM.from_config(loaded.model.config, dtype=loaded.model.dtype)
    model.to(loaded.model.device).eval().requires_grad_(False)
    return loaded._replace(model=model)


def coupling_table(couplings: Mapping[tuple[str, str], Kinds], *, measure: str = "raw") -> pd.DataFrame:
    """One row a network, unit and pair of kinds.

    Parameters
    ----------
    couplings : mapping of (network, unit) to what ``compare_kinds`` returned
    measure : str

    Returns
    -------
    DataFrame
        Columns ``network, unit, prompts, mean, lowest, units, competing, cooperative_pct``.
    """
    rows = [
        (
            *key,
            pair,
            c.mean_cosine,
            float(c.cosine.min()),
            c.cosine.size,
            c.competing_units,
            c.cooperative_pct,
        )
        for key, kinds in couplings.items()
        for (pair, name), c in kinds.items()
        if name == measure
    ]
    columns = ["network", "unit", "prompts", "mean", "lowest", "units", "competing", "cooperative_pct"]
    return pd.DataFrame(rows, columns=columns)


def profile_table(couplings: Mapping[tuple[str, str], Kinds]) -> pd.DataFrame:
    """The cosine of every layer, for charts.

    Parameters
    ----------
    couplings : mapping of (network, unit) to what ``compare_kinds`` returned
        Those of the unit ``layer`` are taken.

    Returns
    -------
    DataFrame
        Columns ``pair, measure, network, layer, cosine``.
    """
    rows = [
        (pair, measure, network, layer, float(cosine))
        for (network, unit), kinds in couplings.items()
        if unit == "layer"
        for (pair, measure), c in kinds.items()
        for layer, cosine in enumerate(c.cosine)
    ]
    return pd.DataFrame(rows, columns=["pair", "measure", "network", "layer", "cosine"])
