"""How alike the inside of a model looks under two sets of prompts: the paper's cosine, and a centred one.

Paper A, section 5, calls the cosine of mean activations an internal coupling. Here it is computed for any two sets of
prompts, by layer or by head, with the paper's rule for competing units. What it gives when there is nothing to find, and
when there is, stands in ``ch06_attention_heads.controls``; attention weights are in ``ch06_attention_heads.attention``,
a functional alternative in ``ch06_attention_heads.head_gates``. This module draws nothing, and opens no model by itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from cape_utils import data
from cape_utils.jobs import result_cache
from cape_utils.models.activations import Pool, Unit, pooled_units
from cape_utils.models.loading import Loaded
from cape_utils.stats.results import Estimate, Floats

__all__ = [
    "COMPETES_BELOW",
    "InternalCoupling",
    "cosine_summary",
    "internal_coupling",
    "prompt_sets",
    "read_results",
    "read_units",
    "read_vectors",
    "results_columns",
    "share_of_models",
]

COMPETES_BELOW = -0.5
"""A pair of prompts counts as opposed below this cosine; a unit competes if more than half of its pairs are."""


def prompt_sets(n: int | None = None) -> dict[str, list[str]]:
    """The book's own prompts by kind, the first ``n`` of each, its three forms in turn and its topics mixed.

    Parameters
    ----------
    n : int, optional
        How many of each kind; all by default.

    Examples
    --------
    >>> {kind: len(texts) for kind, texts in prompt_sets(16).items()}
    {'reasoning': 16, 'truthfulness': 16, 'control': 16}
    """
    table = data.load("prompts")
    if n is not None and n < 1:
        raise ValueError(f"n is {n}; at least one prompt of each kind is needed")
    # The table goes topic by topic; in an order drawn once, any stretch of it holds the topics alike.
    table = table.iloc[np.random.default_rng(0).permutation(len(table))]
    table["turn"] = table.groupby(["kind", "form"]).cumcount()
    kinds = ("reasoning", "truthfulness", "control")
    ordered = table.sort_values(["turn", "form"], kind="stable")
    return {kind: ordered.loc[ordered["kind"] == kind, "prompt"].tolist()[:n] for kind in kinds}


def read_vectors(
    loaded: Loaded, texts: Sequence[str], *, unit: Unit = "layer", pool: Pool = "mean"
) -> Floats:
    """One vector a text and unit, the mean over its tokens after the first.

    Parameters
    ----------
    loaded : Loaded
        An opened model.
    texts : sequence of str
        Read one after another.
    unit : {"layer", "head"}
        The residual stream after each layer, or what each head writes.
    pool : {"mean", "last"}
        The mean over tokens after the first, or the last token alone.

    Returns
    -------
    ndarray, shape (texts, layers, width) or (texts, layers, heads, head_width)
        In float32, as the model computes.
    """
    return read_units(loaded, texts, units=(unit,), pool=pool)[unit]


def read_units(
    loaded: Loaded, texts: Sequence[str], *, units: Sequence[Unit] = ("layer", "head"), pool: Pool = "mean"
) -> dict[Unit, Floats]:
    """As ``read_vectors``, by kind of unit, in one pass over the texts.

    Parameters
    ----------
    loaded : Loaded
        An opened model.
    texts : sequence of str
        Read one after another.
    units : sequence of {"layer", "head"}
        What to read.
    pool : {"mean", "last"}
        As in ``read_vectors``.
    """
    if not len(texts):
        raise ValueError("there is no text; at least one is needed")
    batches: list[Any] = list(pooled_units(loaded, texts, units=units, pool=pool))
    return {unit: np.concatenate([batch[unit] for batch in batches]) for unit in units}


@dataclass(frozen=True)
class InternalCoupling:
    """The measure of one model under two sets of prompts, an array element a unit.

    Attributes
    ----------
    cosine : ndarray, shape (layers,) or (layers, heads)
        Of the two sets' mean activations.
    pair_cosine : ndarray, same shape
        Mean over all pairs of one prompt of each set of the pair's cosine.
    opposed : ndarray, same shape
        Share of those pairs whose cosine is below ``COMPETES_BELOW``.
    n_first, n_second : int
        Prompts.
    centred : bool
        Whether a reference was subtracted first.
    """

    cosine: Floats
    pair_cosine: Floats
    opposed: Floats
    n_first: int
    n_second: int
    centred: bool

    @property
    def competes(self) -> NDArray[np.bool_]:
        """Which units compete by the paper's rule."""
        return np.asarray(self.opposed > 0.5)

    @property
    def competing_units(self) -> int:
        """How many units compete."""
        return int(self.competes.sum())

    @property
    def cooperative_pct(self) -> float:
        """Percentage of units with a positive cosine."""
        return float(100 * np.mean(self.cosine > 0))

    @property
    def mean_cosine(self) -> float:
        """Mean cosine over units, the figure that the paper quotes for a model."""
        return float(np.mean(self.cosine))


def unit_cosine(a: Floats, b: Floats) -> Floats:
    scale = np.linalg.norm(a, axis=-1) * np.linalg.norm(b, axis=-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray((a * b).sum(-1) / scale)


def checked(first: ArrayLike, second: ArrayLike) -> tuple[Floats, Floats]:
    a, b = np.asarray(first, dtype=float), np.asarray(second, dtype=float)
    if a.ndim < 3 or a.shape[1:] != b.shape[1:]:
        raise ValueError(
            "two arrays of shape (prompts, layers, width) or (prompts, layers, heads, head_width) from one model are "
            f"needed; their shapes are {a.shape} and {b.shape}"
        )
    if not len(a) or not len(b):
        raise ValueError("each set needs at least one prompt")
    return a, b


def centres(a: Floats, b: Floats, reference: ArrayLike | None) -> tuple[Floats, Floats]:
    """Means of the even and of the odd rows of a reference that shares no prompt with the two sets."""
    if reference is None:
        raise ValueError(
            "centring needs a reference: activations of other prompts of the same format. The two sets' own pooled mean "
            "is none, since what is left of two means without their mean is opposite by arithmetic, a cosine of -1"
        )
    r = np.asarray(reference, dtype=float)
    if r.ndim != a.ndim or r.shape[1:] != a.shape[1:] or len(r) < 2:
        raise ValueError(
            f"the reference needs at least 2 prompts and the shape (prompts, {', '.join(map(str, a.shape[1:]))}); its "
            f"shape is {r.shape}"
        )
    vectors = {row.tobytes() for row in np.concatenate([a, b])}
    if shared := sum(row.tobytes() in vectors for row in r):
        raise ValueError(
            f"{shared} prompts of the reference stand in the two sets; centring on the sets themselves makes them "
            "opposite by arithmetic, so use prompts of neither"
        )
    return r[::2].mean(0), r[1::2].mean(0)


def internal_coupling(
    first: ArrayLike, second: ArrayLike, *, centred: bool = False, reference: ArrayLike | None = None
) -> InternalCoupling:
    """Cosine of mean activations of two sets of prompts, and which units compete.

    Parameters
    ----------
    first, second : array_like, shape (prompts, layers, width) or (prompts, layers, heads, head_width)
        From ``read_vectors``.
    centred : bool
        Subtract the mean of a reference first. Each half of the reference serves one of the sets: one mean for both
        would carry its own noise into both and make them look alike.
    reference : array_like, shape (prompts, ...), optional
        Of other prompts than those of the two sets, at least two.

    Raises
    ------
    ValueError
        If shapes do not fit, or a centred measure comes without a reference or with prompts of the sets themselves.

    Notes
    -----
    Raw, it is the measure of paper A, section 5. A state has a large part that is common to all prompts
    (Ethayarajh 2019), and the raw cosine is mostly about that part.

    Examples
    --------
    >>> a = np.array([[[3.0, 1.0]]])
    >>> b = np.array([[[3.0, -1.0]]])
    >>> round(float(internal_coupling(a, b).cosine[0]), 2)
    0.8
    >>> other = np.array([[[3.0, 0.0]], [[3.0, 0.0]]])
    >>> float(internal_coupling(a, b, centred=True, reference=other).cosine[0])
    -1.0
    """
    a, b = checked(first, second)
    if centred:
        centre_a, centre_b = centres(a, b, reference)
        a, b = a - centre_a, b - centre_b
    elif reference is not None:
        raise ValueError("got a reference for the raw measure, which uses none; set centred=True")
    with np.errstate(invalid="ignore", divide="ignore"):
        one = a / np.linalg.norm(a, axis=-1, keepdims=True)
        two = b / np.linalg.norm(b, axis=-1, keepdims=True)
    pairs = np.moveaxis(one, 0, -2) @ np.moveaxis(two, 0, -1)  # (layers, ..., first, second)
    return InternalCoupling(
        cosine=unit_cosine(a.mean(0), b.mean(0)),
        pair_cosine=pairs.mean((-2, -1)),
        opposed=(pairs < COMPETES_BELOW).mean((-2, -1)),
        n_first=len(a),
        n_second=len(b),
        centred=centred,
    )


def share_of_models(hits: int, n: int) -> Estimate:
    """Share of models with Wilson's 95% interval, which takes the models as independent.

    Examples
    --------
    >>> found = share_of_models(38, 40)
    >>> round(found.estimate, 2), round(found.low, 3), round(found.high, 3)
    (0.95, 0.835, 0.986)
    """
    if not 0 <= hits <= n or not n:
        raise ValueError(f"got {hits} of {n} models; expected at least one model, and at most as many hits")
    ends = stats.binomtest(hits, n).proportion_ci(method="wilson")
    return Estimate(hits / n, float(ends.low), float(ends.high), n, "Wilson, models independent")


_PAIRS = {
    "reasoning_truthfulness": ("reasoning", "truthfulness"),
    "reasoning_control": ("reasoning", "control"),
    "truthfulness_control": ("truthfulness", "control"),
}


def cosine_summary(loaded: Loaded, prompts: Mapping[str, Sequence[str]] | None = None) -> dict[str, Any]:
    """Everything that chapter 06 says about one model, as plain values: the row of a table of many models.

    Parameters
    ----------
    loaded : Loaded
    prompts : mapping of str to sequence of str, optional
        Texts of the three kinds ``reasoning``, ``truthfulness`` and ``control``; by default 16 of each of the book's
        own, and for the centred measure of reasoning against truthfulness the control prompts are the reference.

    Returns
    -------
    dict
        Keys as in ``results_columns()``.
    """
    texts = prompt_sets(16) if prompts is None else {kind: list(part) for kind, part in prompts.items()}
    if missing := {"reasoning", "truthfulness", "control"} - set(texts):
        raise ValueError(
            f"prompts of the kinds {', '.join(sorted(missing))} are missing; all three are needed"
        )
    info = loaded.info
    row: dict[str, Any] = {
        "model": info.name,
        "sha256": info.sha256,
        "params_b": info.parameters / 1e9,
        "layers": info.layers,
        "heads": info.heads,
        "prompts": len(texts["reasoning"]),
        "prompts_digest": result_cache.digest({kind: list(texts[kind]) for kind in sorted(texts)}),
    }
    units: tuple[Unit, ...] = ("layer", "head")
    for unit in units:
        vectors = {kind: read_vectors(loaded, part, unit=unit) for kind, part in texts.items()}
        for pair, (one, two) in _PAIRS.items():
            result = internal_coupling(vectors[one], vectors[two])
            row[f"{unit}_{pair}_cosine"] = result.mean_cosine
            row[f"{unit}_{pair}_cooperative_pct"] = result.cooperative_pct
            row[f"{unit}_{pair}_competing"] = result.competing_units
        against = internal_coupling(
            vectors["reasoning"], vectors["truthfulness"], centred=True, reference=vectors["control"]
        )
        row[f"{unit}_centred_cosine"] = against.mean_cosine
        row[f"{unit}_centred_competing"] = against.competing_units
    return row


def results_columns() -> tuple[str, ...]:
    """Names of what ``summary`` returns, in order.

    Examples
    --------
    >>> results_columns()[:3]
    ('model', 'sha256', 'params_b')
    """
    units = [
        [
            *(
                f"{unit}_{pair}_{what}"
                for pair in _PAIRS
                for what in ("cosine", "cooperative_pct", "competing")
            ),
            *(f"{unit}_centred_{what}" for what in ("cosine", "competing")),
        ]
        for unit in ("layer", "head")
    ]
    lead = ("model", "sha256", "params_b", "layers", "heads", "prompts", "prompts_digest")
    return (*lead, *units[0], *units[1])


def read_results(folder: str | Path | None = None) -> pd.DataFrame:
    """Rows of many models from a folder of Parquet files, as ``cape internals`` writes them.

    Parameters
    ----------
    folder : path, optional
        That of ``cape internals`` by default.

    Returns
    -------
    DataFrame
        The columns of ``results_columns()`` first, others that the files hold after them, ordered by model; without
        rows if there is no folder or no file. A failed model is a row whose values are missing.

    Examples
    --------
    >>> read_results("a folder that is not there").empty
    True
    """
    columns = list(results_columns())
    place = result_cache.results_folder() / "internals" if folder is None else Path(folder)
    files = sorted(place.glob("*.parquet")) if place.is_dir() else []
    if not files:
        return pd.DataFrame(columns=columns)
    table = pd.concat([pd.read_parquet(path) for path in files], ignore_index=True)
    if "model" not in table:
        raise ValueError(
            f"{place} holds Parquet files without a column 'model', so no results of `cape internals`"
        )
    extra = [name for name in table.columns if name not in columns]
    return table.reindex(columns=[*columns, *extra]).sort_values("model", ignore_index=True)
