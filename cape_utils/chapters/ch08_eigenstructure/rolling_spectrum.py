"""Principal components of one family in windows over its sizes, and whether the axes turn.

Appendix of paper A: a second eigenvalue of Pythia's correlation matrix that falls as a power of N, and a second
eigenvector whose TruthfulQA loading changes sign. Which window and which N are meant is not said, so every statistic
here takes them as options. The null is a family in which nothing turns: straight lines in log10 N with the family's
own residuals permuted. The statistics take stacks of tables, so that thousands of draws cost one call.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Literal, get_args

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from cape_utils import data
from cape_utils.data import loading
from cape_utils.data.benchmarks import benchmark_items, benchmark_title
from cape_utils.scaling.spectrum import (
    Matrix,
    check_matrix,
    complete_rows,
    eigen_stack,
    place_of,
    signed_vectors,
)
from cape_utils.stats.item_noise import item_error
from cape_utils.stats.results import Floats

__all__ = [
    "COPIES",
    "family_table",
    "loading_change",
    "noise_stack",
    "rotation",
    "rotation_choices",
    "second_eigenvalues",
    "second_exponent",
    "second_with_guesses",
    "trend_stack",
    "windows",
]

Kind = Literal["expanding", "sliding"]
Against = Literal["largest", "middle"]
Window = tuple[int, int]

COPIES = ("panel rows", "bootstrap copy", "open panel")
"""The released copies of Pythia's scores; see ``data.pythia_copies``."""


def family_table(scores: pd.DataFrame, benchmarks: Sequence[str] = data.BENCHMARKS) -> tuple[Floats, Floats]:
    """Scores in percent, shape (n, p), and sizes in billions, shape (n,), of one family in order of size."""
    used = complete_rows(scores, benchmarks, ["params_b"])
    if "family" in used and len(set(used["family"])) > 1:
        raise ValueError(f"one family is needed; {', '.join(sorted(used['family'].unique()))} came")
    used = used.sort_values("params_b", kind="stable")
    return used[list(benchmarks)].to_numpy(dtype=float), used["params_b"].to_numpy(dtype=float)


def windows(n: int, *, kind: Kind = "expanding", length: int = 3) -> list[Window]:
    """Windows over n models in order of size, as (first, one past the last).

    Parameters
    ----------
    n : int
    kind : {"expanding", "sliding"}
        ``"expanding"`` starts with the ``length`` smallest models and adds one at a time; ``"sliding"`` moves a window
        of ``length`` models up.
    length : int
        At least 3: two models span one dimension and have no second eigenvalue.

    Examples
    --------
    >>> windows(5, kind="expanding", length=3), windows(5, kind="sliding", length=4)
    ([(0, 3), (0, 4), (0, 5)], [(0, 4), (1, 5)])
    """
    if kind not in ("expanding", "sliding"):
        raise ValueError(f"kind={kind!r}; allowed are 'expanding' and 'sliding'")
    if not 3 <= length <= n:
        raise ValueError(f"length={length}; allowed is from 3 to the number of models, {n}")
    if kind == "expanding":
        return [(0, stop) for stop in range(length, n + 1)]
    return [(start, start + length) for start in range(n - length + 1)]


def second_eigenvalues(values: Floats, over: Sequence[Window], *, matrix: Matrix = "correlation") -> Floats:
    """Second eigenvalue in each window.

    Parameters
    ----------
    values : ndarray, shape (..., n, p)
        Scores in order of size, one table or a stack of them.

    Returns
    -------
    ndarray, shape (..., windows)
    """
    check_matrix(matrix)
    second = [eigen_stack(values[..., start:stop, :], matrix)[0][..., 1] for start, stop in over]
    return np.stack(second, axis=-1)


def second_exponent(
    values: Floats,
    params_b: ArrayLike,
    *,
    kind: Kind = "expanding",
    length: int = 3,
    against: Against = "largest",
    matrix: Matrix = "correlation",
) -> Floats:
    """Exponent of the second eigenvalue against N: slope of its logarithm over windows.

    Parameters
    ----------
    values : ndarray, shape (..., n, p)
    params_b : array_like, shape (n,)
    kind, length
        As in ``windows``.
    against : {"largest", "middle"}
        The size that stands for a window: its largest model, or the geometric mean of its models.

    Returns
    -------
    ndarray, shape (...,)
        NaN where a second eigenvalue is zero.
    """
    sizes = np.asarray(params_b, dtype=float)
    over = windows(len(sizes), kind=kind, length=length)
    if len(over) < 3:
        raise ValueError(f"at least 3 windows are needed for a slope; there are {len(over)}")
    if against not in ("largest", "middle"):
        raise ValueError(f"against={against!r}; allowed are 'largest' and 'middle'")
    logs = np.log(sizes)
    x = np.array([logs[stop - 1] if against == "largest" else logs[a:stop].mean() for a, stop in over])
    second = second_eigenvalues(values, over, matrix=matrix)
    with np.errstate(divide="ignore", invalid="ignore"):
        y = np.where(second > 1e-12, np.log(second), np.nan)
    x = x - x.mean()
    return np.asarray(y @ x / (x @ x))


def loading_change(
    values: Floats,
    first: Window,
    last: Window,
    *,
    benchmark: str = "truthfulqa_mc2",
    positive: str | None = "mmlu",
    benchmarks: Sequence[str] = data.BENCHMARKS,
    component: int = 2,
    matrix: Matrix = "correlation",
) -> tuple[Floats, Floats]:
    """Loading of a benchmark on one eigenvector, in a first and a last window.

    Parameters
    ----------
    values : ndarray, shape (..., n, p)
    first, last : (int, int)
        Windows as in ``windows``.
    positive : str or None
        Sign convention, as in ``scaling.spectrum.pca``. An eigenvector's sign is free; without the same convention on both
        sides a flip says nothing.

    Returns
    -------
    (ndarray, ndarray), each of shape (...,)
        The change is the second minus the first.
    """
    check_matrix(matrix)
    place, anchor = list(benchmarks).index(benchmark), place_of(positive, benchmarks)
    ends = []
    for start, stop in (first, last):
        if stop - start < 3:
            raise ValueError(f"a window of at least 3 models is needed; {(start, stop)} came")
        _, vectors = eigen_stack(values[..., start:stop, :], matrix)
        ends.append(signed_vectors(vectors, anchor)[..., place, component - 1])
    return ends[0], ends[1]


def rotation(
    scores: pd.DataFrame,
    benchmarks: Sequence[str] = data.BENCHMARKS,
    *,
    kind: Kind = "expanding",
    length: int = 4,
    matrix: Matrix = "correlation",
    positive: str | None = None,
    components: int = 2,
) -> pd.DataFrame:
    """Loadings in every window over the sizes of a family.

    Returns
    -------
    pandas.DataFrame
        Columns ``first_b, last_b, n, component, eigenvalue, share`` (of the trace), ``benchmark, loading``.
    """
    check_matrix(matrix)
    values, sizes = family_table(scores, benchmarks)
    anchor, rows = place_of(positive, benchmarks), []
    for start, stop in windows(len(sizes), kind=kind, length=length):
        eigenvalues, vectors = eigen_stack(values[start:stop], matrix)
        vectors = signed_vectors(vectors, anchor)
        for c in range(components):
            for i, benchmark in enumerate(benchmarks):
                rows.append(
                    {
                        "first_b": sizes[start],
                        "last_b": sizes[stop - 1],
                        "n": stop - start,
                        "component": c + 1,
                        "eigenvalue": eigenvalues[c],
                        "share": eigenvalues[c] / eigenvalues.sum(),
                        "benchmark": benchmark,
                        "loading": vectors[i, c],
                    }
                )
    return pd.DataFrame(rows)


def trend_stack(
    values: Floats, params_b: ArrayLike, *, draws: int = 1000, rng: np.random.Generator | int = 0
) -> Floats:
    """Families in which nothing turns, shape (draws, n, p).

    Each benchmark follows its straight line in log10 N; the residuals of all benchmarks together are permuted
    among the models, so that their correlation stays and its dependence on size goes. The unit shuffled is the model.
    """
    x = np.log10(np.asarray(params_b, dtype=float))
    basis = np.column_stack([np.ones_like(x), x])
    line = basis @ np.linalg.lstsq(basis, values, rcond=None)[0]
    order = np.random.default_rng(rng).permuted(np.tile(np.arange(len(x)), (draws, 1)), axis=1)
    return np.asarray(line + (values - line)[order])


def noise_stack(
    values: Floats,
    benchmarks: Sequence[str] = data.BENCHMARKS,
    *,
    draws: int = 1000,
    rng: np.random.Generator | int = 0,
) -> Floats:
    """The same scores with fresh item noise, shape (draws, n, p); see ``stats.item_noise.item_error``."""
    spread = np.column_stack(
        [item_error(values[:, i], benchmark_items(name)) for i, name in enumerate(benchmarks)]
    )
    return np.asarray(values + spread * np.random.default_rng(rng).normal(size=(draws, *values.shape)))


def rotation_choices(without_mmlu: Sequence[str]) -> pd.DataFrame:
    """The second axis of Pythia's windows under every choice of copy, benchmarks, windows and sign.

    Parameters
    ----------
    without_mmlu : sequence of str
        The benchmarks without MMLU.

    Returns
    -------
    pandas.DataFrame
        From `rotation`, component 2, with columns ``copy, set, windows, sign``.
    """
    sets = {"all five": list(data.BENCHMARKS), "without MMLU": list(without_mmlu)}
    kinds: tuple[Kind, ...] = get_args(Kind)
    parts = []
    for copy, (label, names), kind, sign in itertools.product(
        COPIES, sets.items(), kinds, ("largest", "hellaswag")
    ):
        anchor = None if sign == "largest" else sign
        turns = rotation(loading.pythia(copy), names, kind=kind, length=4, positive=anchor)
        title = sign if anchor is None else benchmark_title(sign)
        choice = {"copy": copy, "set": label, "windows": f"{kind}, four", "sign": title}
        parts.append(turns[turns["component"] == 2].assign(**choice))
    return pd.concat(parts)


def second_with_guesses(
    table: pd.DataFrame, *, draws: int = 1000, rng: np.random.Generator | int = 0
) -> Floats:
    """Second eigenvalue of one family's scores with guesses in MMLU's place, shape (draws,).

    Parameters
    ----------
    table : pandas.DataFrame
        Eight models with the five benchmarks in percent.
    draws : int
    """
    values, sizes = family_table(table)
    guessed = np.broadcast_to(values, (draws, *values.shape)).copy()
    mmlu = data.BENCHMARKS.index("mmlu")
    guessed[..., mmlu] = noise_stack(np.full_like(values, 25.0), draws=draws, rng=rng)[..., mmlu]
    return second_eigenvalues(guessed, [(0, len(sizes))])[:, 0]
