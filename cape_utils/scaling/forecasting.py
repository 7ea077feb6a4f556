"""Predicting the larger models of a family that was not fitted: the equation, simple trends, and a ranking of all.

Section 4 of paper A tests its equation on Llama-2 against a polynomial. Here every rival gets what the equation gets,
the starting point included, and every family is held out in turn. The equation itself is in ``scaling.ode``.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal, get_args

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from cape_utils import data
from cape_utils.jobs.provenance import derived_table
from cape_utils.scaling import ode
from cape_utils.stats.resampling import interval
from cape_utils.stats.results import Estimate, Floats

__all__ = [
    "METHODS",
    "Forecast",
    "Trend",
    "best_method",
    "coverage",
    "error_range",
    "family_errors",
    "family_weights",
    "fit_method",
    "fit_trend",
    "held_out_coverage",
    "held_out_steps",
    "hold_out",
    "ladders",
    "method_ranking",
    "open_panel_fit",
    "open_panel_forecasts",
    "predict_next",
]

Method = Literal[
    "persistence",
    "line, anchored",
    "parabola, anchored",
    "line, free",
    "parabola, free",
    "dense linear ODE",
    "sparse ODE, degree 1",
    "sparse ODE, degree 2",
    "sparse ODE, degree 3",
]
Train = Literal["all others", "Pythia only"]
Start = Literal["smallest", "previous"]

METHODS: tuple[Method, ...] = get_args(Method)
"""*Anchored* starts at the family's own score as the equation does, *free* does not. The sparse equations are fitted to
fractions: in percent the threshold empties the larger libraries, which is persistence."""


@dataclass(frozen=True)
class Trend:
    """Scores as a polynomial in log10 of size.

    Attributes
    ----------
    coefficients : ndarray, shape (degree + 1, benchmarks)
        From the constant up, with sizes in billions; points per power of tenfold size.
    anchored : bool
        Whether the start is the family's own, so that only the change is predicted.
    """

    coefficients: Floats = field(repr=False)
    anchored: bool

    def predict(self, start_pct: ArrayLike, start_params_b: float, target_params_b: ArrayLike) -> ode.Path:
        """Scores at the target sizes; a trend never diverges, whatever it predicts."""
        degree = len(self.coefficients) - 1
        at = np.vander(
            np.log10(np.atleast_1d(np.asarray(target_params_b, dtype=float))), degree + 1, increasing=True
        )
        scores_pct = at @ self.coefficients
        if self.anchored:
            begin = np.vander([np.log10(start_params_b)], degree + 1, increasing=True) @ self.coefficients
            scores_pct = scores_pct - begin + np.asarray(start_pct, dtype=float)
        return ode.Path(scores_pct, False, "")


def fit_trend(
    scores: pd.DataFrame, degree: int, *, anchored: bool, benchmarks: Sequence[str] = data.BENCHMARKS
) -> Trend:
    """Least squares on a polynomial in log10 of size, one level for each family if ``anchored``.

    Parameters
    ----------
    scores : pandas.DataFrame
        With ``family, params_b`` and the benchmarks in percent; rows without every benchmark are left out.
    degree : int
        0 is persistence if anchored.

    Examples
    --------
    >>> toy = pd.DataFrame({"family": ["f", "f", "g", "g"], "params_b": [1, 10, 1, 10], "mmlu": [30.0, 40, 50, 60]})
    >>> line = fit_trend(toy, 1, anchored=True, benchmarks=["mmlu"])
    >>> line.predict([70.0], 1, [100]).score_pct.round(6).tolist()
    [[90.0]]
    >>> line.predict([70.0], 10, [100]).score_pct.round(6).tolist()
    [[80.0]]
    """
    used = scores.dropna(subset=["params_b", *benchmarks])
    x = np.vander(np.log10(used["params_b"].to_numpy(dtype=float)), degree + 1, increasing=True)
    y = used[list(benchmarks)].to_numpy(dtype=float)
    if np.linalg.matrix_rank(x) <= degree:
        raise ValueError(
            f"a polynomial of degree {degree} needs {degree + 1} sizes; there are {used['params_b'].nunique()}"
        )
    if not anchored:
        return Trend(np.linalg.lstsq(x, y, rcond=None)[0], False)
    codes, families = pd.factorize(used["family"])
    member = np.eye(len(families))[codes]
    averaging = member / member.sum(axis=0)
    centred, raised = y - member @ (averaging.T @ y), x[:, 1:] - member @ (averaging.T @ x[:, 1:])
    slopes = np.linalg.lstsq(raised, centred, rcond=None)[0]
    return Trend(np.vstack([np.zeros((1, len(benchmarks))), slopes]), True)


@dataclass(frozen=True)
class _Equation:
    model: ode.Dynamics

    def predict(self, start_pct: ArrayLike, start_params_b: float, target_params_b: ArrayLike) -> ode.Path:
        return ode.integrate(self.model, start_pct, start_params_b, target_params_b)


Fitted = Trend | _Equation


def fit_method(
    scores: pd.DataFrame, method: Method, *, benchmarks: Sequence[str] = data.BENCHMARKS
) -> Fitted:
    """Fit one of ``METHODS``; the result has ``predict(start_pct, start_params_b, target_params_b)``."""
    if method not in METHODS:
        raise ValueError(f"method={method!r}; allowed are {', '.join(METHODS)}")
    if "ODE" not in method:
        degree = 0 if method == "persistence" else 1 if "line" in method else 2
        return fit_trend(scores, degree, anchored="free" not in method, benchmarks=benchmarks)
    if method == "dense linear ODE":
        return _Equation(ode.fit_dense(scores, benchmarks=benchmarks))
    return _Equation(ode.fit_dynamics(scores, benchmarks=benchmarks, degree=int(method[-1]), unit="fraction"))


def ladders(
    scores: pd.DataFrame, *, min_models: int = 3, benchmarks: Sequence[str] = data.BENCHMARKS
) -> pd.DataFrame:
    """Rows of families with at least ``min_models`` sizes and every benchmark, ordered by family and size.

    Where a size stands twice in a family the first row is kept.
    """
    used = scores.dropna(subset=["params_b", *benchmarks]).sort_values(["family", "params_b"], kind="stable")
    used = used.drop_duplicates(["family", "params_b"])
    rows = used[used.groupby("family")["params_b"].transform("size") >= min_models].reset_index(drop=True)
    if rows.empty:
        raise ValueError(f"no family has {min_models} sizes with every benchmark")
    return rows


@functools.cache
def open_panel_fit(method: Method, benchmarks: tuple[str, ...], exclude: frozenset[str]) -> Fitted:
    """``fit_method`` on the ``ladders`` of the open panel, one recipe a family; fitted once.

    Parameters
    ----------
    method : str
        One of ``METHODS``.
    benchmarks : tuple of str
        Predicted together.
    exclude : frozenset of str
        Families to leave out.
    """
    panel = data.panel("open", rows="one_recipe")
    known = ladders(panel[~panel["family"].isin(exclude)], benchmarks=benchmarks)
    return fit_method(known, method, benchmarks=benchmarks)


def hold_out(
    scores: pd.DataFrame,
    *,
    methods: Sequence[Method] = METHODS,
    train: Train = "all others",
    start: Start = "smallest",
    benchmarks: Sequence[str] = data.BENCHMARKS,
) -> pd.DataFrame:
    """Predict every family from a fit that has not seen it.

    Parameters
    ----------
    scores : pandas.DataFrame
        See ``ladders``; families with fewer than three sizes are neither fitted nor predicted.
    train : {"all others", "Pythia only"}
        What is fitted; Pythia itself is not predicted from Pythia.
    start : {"smallest", "previous"}
        From the smallest size to all larger ones, as the paper does, or from each size to the next.

    Returns
    -------
    pandas.DataFrame
        Columns ``family, method, train, from_params_b, params_b, benchmark, predicted, actual, diverged``; a
        prediction that diverges is missing.
    """
    if train not in get_args(Train) or start not in get_args(Start):
        raise ValueError(
            f"train={train!r}, start={start!r}; allowed are {get_args(Train)} and {get_args(Start)}"
        )
    used = ladders(scores, benchmarks=benchmarks)
    if train == "Pythia only" and not (used["family"] == "Pythia").any():
        raise ValueError("no family 'Pythia' to fit; use train='all others'")
    shared = (
        {m: fit_method(used[used["family"] == "Pythia"], m, benchmarks=benchmarks) for m in methods}
        if train == "Pythia only"
        else {}
    )
    rows = []
    for family, part in used.groupby("family", sort=False):
        if train == "Pythia only" and family == "Pythia":
            continue
        others = used[used["family"] != family]
        sizes, actual = part["params_b"].to_numpy(dtype=float), part[list(benchmarks)].to_numpy(dtype=float)
        legs = (
            [(0, slice(1, None))]
            if start == "smallest"
            else [(i, slice(i + 1, i + 2)) for i in range(len(sizes) - 1)]
        )
        for method in methods:
            fitted = shared.get(method) or fit_method(others, method, benchmarks=benchmarks)
            for begin, to in legs:
                path = fitted.predict(actual[begin], sizes[begin], sizes[to])
                for size, guess, true in zip(sizes[to], path.score_pct, actual[to], strict=True):
                    for name, g, t in zip(benchmarks, guess, true, strict=True):
                        g = float("nan") if path.diverged else g
                        rows.append((family, method, train, sizes[begin], size, name, g, t, path.diverged))
    columns = [
        "family",
        "method",
        "train",
        "from_params_b",
        "params_b",
        "benchmark",
        "predicted",
        "actual",
        "diverged",
    ]
    return pd.DataFrame(rows, columns=columns)


def family_errors(held_out: pd.DataFrame, *, error_in: ode.ErrorIn = "percent of the score") -> pd.DataFrame:
    """Mean absolute error of each method on each family, over sizes and benchmarks; infinite where it diverges.

    Returns
    -------
    pandas.DataFrame
        Families down, methods across.
    """
    size = (held_out["predicted"] - held_out["actual"]).abs()
    error = 100 * size / held_out["actual"] if error_in == "percent of the score" else size
    table = held_out.assign(error=error.fillna(np.inf)).pivot_table(
        "error", "family", "method", "mean", sort=False
    )
    return table[list(dict.fromkeys(held_out["method"]))]


def _median(sample: Floats) -> Floats:
    # NumPy's own median turns two infinite neighbours into NaN.
    ordered, n = np.sort(sample, axis=0), sample.shape[0]
    return np.asarray((ordered[(n - 1) // 2] + ordered[n // 2]) / 2)


def method_ranking(
    errors: pd.DataFrame, *, draws: int = 2000, rng: np.random.Generator | int = 0
) -> pd.DataFrame:
    """One row for each method: its median error over families, how many it wins, on how many it diverges.

    Parameters
    ----------
    errors : pandas.DataFrame
        From ``family_errors``.
    draws : int
        Bootstrap draws of the median; the unit resampled is the family.

    Returns
    -------
    pandas.DataFrame
        Columns ``median, low, high, wins, diverges, families`` by method, best first. A family on which a method diverges
        counts as worse than any number, so a median may be infinite. Methods that tie for a family share its win.
    """
    values = errors.to_numpy(dtype=float)
    n = len(values)
    pick = np.random.default_rng(rng).integers(0, n, (n, draws))
    medians = np.sort(_median(values[pick]), axis=0)
    best = np.isclose(values, values.min(axis=1, keepdims=True)) & np.isfinite(values)
    table = pd.DataFrame(
        {
            "median": _median(values),
            "low": medians[int(0.025 * draws)],
            "high": medians[int(0.975 * draws)],
            "wins": (best / best.sum(axis=1, keepdims=True)).sum(axis=0),
            "diverges": np.isinf(values).sum(axis=0),
            "families": n,
        },
        index=errors.columns,
    )
    return table.sort_values("median", kind="stable")


def open_panel_forecasts() -> pd.DataFrame:
    """The table ``held_out_forecasts``: every method one step ahead on every family of the open panel, held out in turn.

    Returns
    -------
    pandas.DataFrame
        Columns of ``hold_out`` but for ``train``, for the five benchmarks together.
    """
    panel = data.panel("open", rows="one_recipe")
    held_out = [hold_out(panel, methods=[method], start="previous") for method in METHODS]
    table = pd.concat(held_out, ignore_index=True).drop(columns="train")
    return table[["method", *(name for name in table if name != "method")]]


@functools.cache
def _open_steps(method: Method, benchmarks: tuple[str, ...]) -> pd.DataFrame:
    if benchmarks == data.BENCHMARKS:
        stored = derived_table("held_out_forecasts")
        return stored[stored["method"] == method].reset_index(drop=True)
    panel = data.panel("open", rows="one_recipe")
    held_out = hold_out(panel, methods=[method], start="previous", benchmarks=benchmarks)
    return held_out.drop(columns="train")


def held_out_steps(
    method: Method, benchmarks: Sequence[str] = data.BENCHMARKS, *, scores: pd.DataFrame | None = None
) -> pd.DataFrame:
    """Errors of a method at the next size of every family, each held out in turn.

    Parameters
    ----------
    method : str
        One of ``METHODS``.
    benchmarks : sequence of str
        Predicted together.
    scores : pandas.DataFrame, optional
        The open panel, one recipe a family, by default.

    Returns
    -------
    pandas.DataFrame
        Columns of ``hold_out`` but for ``train``, and ``step`` (log10 of the ratio of sizes) and ``error_pp`` (actual
        minus predicted, points; missing where the prediction diverges).
    """
    held_out = (
        _open_steps(method, tuple(benchmarks))
        if scores is None
        else hold_out(scores, methods=[method], start="previous", benchmarks=benchmarks).drop(columns="train")
    )
    step = np.log10(held_out["params_b"] / held_out["from_params_b"])
    return held_out.assign(step=step, error_pp=held_out["actual"] - held_out["predicted"])


def _inside(
    errors: pd.DataFrame, values: pd.Series[float], range_of: Callable[[pd.DataFrame], tuple[float, float]]
) -> pd.Series[bool]:
    """Whether each value lies in the range that the other families' errors in its benchmark give."""
    inside = pd.Series(False, index=errors.index)
    for (family, name), part in errors.groupby(["family", "benchmark"]):
        low, high = range_of(errors[(errors["family"] != family) & (errors["benchmark"] == name)])
        inside[part.index] = values[part.index].between(low, high)
    return inside


@dataclass(frozen=True)
class Forecast:
    """Scores at a size that was not measured.

    Attributes
    ----------
    method : str
    from_params_b, params_b : float
    table : pandas.DataFrame
        Columns ``predicted, low, high`` in percent, by benchmark; the range is that of held-out steps.
    level : float
    families : int
        Held-out families behind the range.
    diverged : bool
        Whether the method has no answer; the table is then empty.
    note : str
        What to beware of; empty if nothing.
    """

    method: str
    from_params_b: float
    params_b: float
    table: pd.DataFrame = field(repr=False)
    level: float
    families: int
    diverged: bool
    note: str


def predict_next(
    family_scores: pd.DataFrame,
    target_params_b: float,
    *,
    method: Method = "line, anchored",
    scores: pd.DataFrame | None = None,
    level: float = 0.9,
) -> Forecast:
    """Predict a family's next size from its largest, with the range of errors on families held out.

    Parameters
    ----------
    family_scores : pandas.DataFrame
        Of one family: ``family, params_b`` and the five benchmarks in percent.
    target_params_b : float
        Billions, above the largest size given.
    method : str
        One of ``METHODS``.
    scores : pandas.DataFrame, optional
        What to learn from; the open panel by default. Rows of the same family name are left out of it.
    level : float
        Share of held-out steps that the range holds, families together.

    Returns
    -------
    Forecast
    """
    used = family_scores.dropna(subset=["params_b", *data.BENCHMARKS]).sort_values("params_b")
    if len(set(used["family"])) != 1:
        raise ValueError(
            f"rows of one family with all five benchmarks are needed; families: {sorted(set(used['family']))}"
        )
    last = used.iloc[-1]
    begin = float(last["params_b"])
    if not target_params_b > begin:
        raise ValueError(
            f"target_params_b={target_params_b:g} must be above the largest size given, {begin:g}"
        )
    if not 0 < level < 1:
        raise ValueError(f"level={level}; it must lie between 0 and 1")
    known = ladders(data.panel("open", rows="one_recipe") if scores is None else scores)
    known = known[known["family"] != last["family"]]
    fitted = fit_method(known, method)
    path = fitted.predict(last[list(data.BENCHMARKS)].to_numpy(dtype=float), begin, [target_params_b])
    errors = held_out_steps(method, scores=scores)
    errors = errors[errors["family"] != last["family"]]
    notes = []
    longest = float(errors["step"].max())
    if np.log10(target_params_b / begin) > longest:
        notes.append(
            f"the step is longer than any held out ({10**longest:.3g} times the size), so the range is too narrow"
        )
    if errors["error_pp"].isna().any():
        notes.append("the method diverges on some held-out steps, and the range leaves them out")
    rows = {}
    for name, guess in zip(data.BENCHMARKS, path.score_pct[0], strict=True):
        if not path.diverged:
            low, high = interval(errors.loc[errors["benchmark"] == name, "error_pp"], level)
            rows[name] = {"predicted": guess, "low": guess + low, "high": guess + high}
    table = pd.DataFrame.from_dict(rows, orient="index", columns=["predicted", "low", "high"])
    families = errors["family"].nunique()
    note = "; ".join([path.reason, *notes] if path.diverged else notes)
    return Forecast(
        method=method,
        from_params_b=begin,
        params_b=float(target_params_b),
        table=table,
        level=level,
        families=families,
        diverged=path.diverged,
        note=note,
    )


def coverage(
    method: Method,
    *,
    level: float = 0.9,
    scores: pd.DataFrame | None = None,
    draws: int = 2000,
    rng: np.random.Generator | int = 0,
) -> Estimate:
    """Share of held-out scores inside the range that the other families' errors give.

    The interval resamples families; a step on which the method diverges counts as outside.
    """
    errors = held_out_steps(method, scores=scores)
    inside = _inside(errors, errors["error_pp"], lambda others: interval(others["error_pp"], level))
    counts = inside.groupby(errors["family"]).agg(["sum", "size"]).to_numpy(dtype=float)
    pick = np.random.default_rng(rng).integers(0, len(counts), (draws, len(counts)))
    drawn = counts[pick].sum(axis=1)
    low, high = interval(drawn[:, 0] / drawn[:, 1])
    return Estimate(
        float(inside.mean()), low, high, len(errors), f"bootstrap over {len(counts)} families", draws=draws
    )


@functools.cache
def best_method(exclude: frozenset[str] = frozenset(), *, trends_only: bool = False) -> Method:
    """Method with the smallest median error one step ahead, every family of the open panel held out in turn.

    Parameters
    ----------
    exclude : frozenset of str
        Families that have no say, such as the one to be predicted.
    trends_only : bool
        Leave out the equations, which need all five benchmarks at once.
    """
    held_out = pd.concat([held_out_steps(method) for method in METHODS])
    held_out = held_out[~held_out["family"].isin(exclude)]
    if trends_only:
        held_out = held_out[~held_out["method"].str.contains("ODE")]
    order = method_ranking(family_errors(held_out), draws=200)
    best: Method = order.index[0]
    return best


def family_weights(errors: pd.DataFrame) -> Floats:
    """Weights of rows with which every family counts the same.

    Examples
    --------
    >>> family_weights(pd.DataFrame({"family": ["a", "a", "b"]})).tolist()
    [0.5, 0.5, 1.0]
    """
    return (1 / errors.groupby("family")["family"].transform("size")).to_numpy(dtype=float)


def error_range(errors: pd.DataFrame, step: float, level: float) -> tuple[float, float]:
    """Range of the error of one more family at a step of this length, percentage points.

    Parameters
    ----------
    errors : pandas.DataFrame
        Of one benchmark, from ``held_out_steps``; steps on which the method diverged are left out.
    step : float
        log10 of the ratio of sizes.
    level : float
        Share to be covered. With F families the quantiles are taken at ``level (1 + 1 / F)``.

    Examples
    --------
    >>> toy = pd.DataFrame({"family": list("abcde"), "step": 1.0, "error_pp": [-2.0, -1.0, 0.0, 1.0, 2.0]})
    >>> [round(end, 6) for end in error_range(toy, 4.0, 0.5)]
    [-3.0, 3.0]
    """
    low, high = _unit_range(errors, level)
    return low * float(np.sqrt(step)), high * float(np.sqrt(step))


def _unit_range(errors: pd.DataFrame, level: float) -> tuple[float, float]:
    """Range at a step of a factor of ten."""
    used = errors.dropna(subset=["error_pp"])
    families = used["family"].nunique()
    if families < 2:
        return float("nan"), float("nan")
    wide = min(1.0, level * (1 + 1 / families))
    scaled = (used["error_pp"] / np.sqrt(used["step"])).to_numpy(dtype=float)
    weights = family_weights(used)
    order = np.argsort(scaled, kind="stable")
    place = (np.cumsum(weights[order]) - weights[order] / 2) / weights.sum()
    low, high = np.interp([(1 - wide) / 2, (1 + wide) / 2], place, scaled[order])
    return float(low), float(high)


@functools.cache
def held_out_coverage(
    method: Method,
    benchmarks: tuple[str, ...],
    *,
    level: float = 0.9,
    draws: int = 2000,
    rng: int = 0,
) -> Estimate:
    """Share of held-out scores inside the range that the other families' errors give, the mean over families.

    The interval resamples families, whose scores are not independent; a step on which the method diverges counts as
    outside.
    """
    errors = held_out_steps(method, benchmarks)
    scaled = errors["error_pp"] / np.sqrt(errors["step"])
    inside = _inside(errors, scaled, lambda others: _unit_range(others, level))
    shares = inside.groupby(errors["family"]).mean().to_numpy(dtype=float)
    pick = np.random.default_rng(rng).integers(0, len(shares), (draws, len(shares)))
    low, high = interval(shares[pick].mean(axis=1))
    return Estimate(
        float(shares.mean()), low, high, len(errors), f"bootstrap over {len(shares)} families", draws=draws
    )
