"""The curve of web-trained models: which models it is fitted to, and how far resampling their lines moves it.

Section 5 of paper A measures recipes against such a curve. What *web-trained* means is a condition on the table
``recipes``, which says what each family was trained on. Distances from the curve are the job of ``scaling.recipe_effects``.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from cape_utils import data
from cape_utils.stats.least_squares import basis_of, weighted_fits
from cape_utils.stats.resampling import family_counts
from cape_utils.stats.results import Floats

__all__ = [
    "MIN_LINES",
    "PAPER_CURVE",
    "WEB_SETS",
    "Axis",
    "Curve",
    "CurveSpec",
    "WebSet",
    "curve_table",
    "fit_curve",
    "recipe_rows",
    "web_rows",
]

TQA = "truthfulqa_mc2"
Axis = Literal["log_size", "hellaswag"]
WebSet = Literal["described corpora", "with unpublished mixes", "the paper's three"]

WEB_SETS: dict[WebSet, str] = {
    "described corpora": "kind == 'web'",
    "with unpublished mixes": "kind in ['web', 'unpublished']",
    "the paper's three": "recipe in ['Pythia', 'Llama-1', 'Llama-2']",
}
"""What *web-trained* may mean, as a condition on the columns of ``recipe_rows``; the first is used unless said."""

_LEFT_OUT = ("moe", "instruction_tuned")  # no one size places the first, and the second are no base models
MIN_LINES = 5
"""With fewer web-trained lines none of them is resampled: three or four give no interval worth the name."""


def recipe_rows(which: data.Panel) -> pd.DataFrame:
    """A panel with the recipe of each model.

    Parameters
    ----------
    which : {"paper", "open"}

    Returns
    -------
    pandas.DataFrame
        The columns of ``data.panel`` with ``recipe, line, generation, kind`` from the table ``recipes``, ``log_size``
        (log10 of billion parameters) and ``log_tokens`` (log10 of training tokens for each parameter, missing where
        not known). Mixtures of experts, instruction-tuned models and second rows of one checkpoint are left out;
        their names stand in ``attrs["left_out"]``.

    Examples
    --------
    >>> recipe_rows("open").query("kind == 'web'")["line"].nunique()
    17
    """
    return _recipe_rows(which).copy()


@functools.cache
def _recipe_rows(which: data.Panel) -> pd.DataFrame:
    table = data.panel(which)
    codes = table["flags"].fillna("").str.split(";")
    out = codes.map(lambda flags: any(flag in _LEFT_OUT for flag in flags))
    out |= table["hf_id"].duplicated() & table["hf_id"].notna()
    left_out, table = sorted(table.loc[out, "model"]), table[~out]
    known = data.load("recipes").set_index(["family", "model"])[["recipe", "line", "generation", "kind"]]
    keys = [
        (family, model if (family, model) in known.index else "all")
        for family, model in zip(table["family"], table["model"], strict=True)
    ]
    rows = pd.concat(
        [table.reset_index(drop=True), known.reindex(pd.Index(keys)).reset_index(drop=True)], axis=1
    )
    if rows["recipe"].isna().any():
        lacking = ", ".join(sorted(set(rows.loc[rows["recipe"].isna(), "family"])))
        raise ValueError(f"no recipe for the families {lacking}; add them to data/recipes.csv")
    rows["log_size"] = np.log10(rows["params_b"].astype(float))
    rows["log_tokens"] = np.log10(rows["tokens_b"].astype(float) / rows["params_b"].astype(float))
    rows.attrs["left_out"] = left_out
    return rows


def web_rows(rows: pd.DataFrame, web: WebSet = "described corpora") -> pd.DataFrame:
    """Rows that a curve of web-trained models is fitted to."""
    if web not in WEB_SETS:
        raise ValueError(f"web={web!r}; allowed are {', '.join(map(repr, WEB_SETS))}")
    return rows.query(WEB_SETS[web])


@dataclass(frozen=True)
class CurveSpec:
    """Which curve a recipe is held against.

    Attributes
    ----------
    y : str
        Benchmark, percent.
    x : {"log_size", "hellaswag"}
        What it is a polynomial of: log10 of billion parameters, or HellaSwag in percent.
    degree : int
        2 is the paper's curve; 1 and 3 show what depends on it.
    web : str
        One of ``WEB_SETS``: the models that it is fitted to.

    Raises
    ------
    ValueError
        For another degree or variable.
    """

    y: str = TQA
    x: Axis = "log_size"
    degree: int = 2
    web: WebSet = "described corpora"

    def __post_init__(self) -> None:
        if self.degree not in (1, 2, 3):
            raise ValueError(f"degree={self.degree}; allowed are 1, 2 and 3")
        if self.x not in ("log_size", "hellaswag"):
            raise ValueError(f"x={self.x!r}; allowed are 'log_size' and 'hellaswag'")


PAPER_CURVE = CurveSpec()
"""TruthfulQA MC2 on size, a parabola through models of described web corpora."""


@dataclass(frozen=True)
class Curve:
    """A polynomial of a score in one variable, on the data and on resampled lines.

    Attributes
    ----------
    coefficients : ndarray, shape (degree + 1,)
        Rising powers.
    resampled : ndarray, shape (draws, degree + 1)
        The same on resampled lines; rows of NaN where a draw determines no curve. Empty with fewer than five lines.
    residuals : dict of str to ndarray
        Percentage points, for each line.
    low, high : float
        Range of the variable fitted to.
    n : int
        Models.
    """

    coefficients: Floats
    resampled: Floats
    residuals: dict[str, Floats]
    low: float
    high: float
    n: int

    def at(self, x: Floats) -> Floats:
        """Score on the curve, percent, shape of ``x``."""
        return np.asarray(basis_of(x, len(self.coefficients) - 1) @ self.coefficients)

    def resampled_at(self, x: Floats) -> Floats:
        """Score on each resampled curve, shape (draws, len(x))."""
        return np.asarray(self.resampled @ basis_of(x, len(self.coefficients) - 1).T)

    def scatter(self, models: int, draws: int, rng: np.random.Generator | int) -> Floats:
        """Mean distance from the curve of a web-trained recipe with some number of models, shape (draws,).

        A line is drawn, then as many of its residuals as there are models, with replacement; the result is widened by
        the degrees of freedom that the curve took from the lines.
        """
        generator = np.random.default_rng(rng)
        lines = list(self.residuals.values())
        picked = generator.integers(len(lines), size=draws)
        length = np.array([len(residuals) for residuals in lines])
        padded = np.array([np.resize(residuals, length.max()) for residuals in lines])
        place = (generator.random((draws, models)) * length[picked, None]).astype(int)
        widen = np.sqrt(len(lines) / (len(lines) - len(self.coefficients)))
        return np.asarray(padded[picked[:, None], place].mean(axis=1) * widen)


def fit_curve(
    rows: pd.DataFrame,
    spec: CurveSpec = PAPER_CURVE,
    *,
    draws: int = 2000,
    rng: np.random.Generator | int = 0,
) -> Curve:
    """Least squares of a score on powers of size, or of HellaSwag; every model counts the same, as in the paper.

    Parameters
    ----------
    rows : pandas.DataFrame
        Of the models to fit, with ``line`` and the columns of ``spec``; rows without them are left out.
    spec : CurveSpec
        Its ``web`` is not used: ``web_rows`` chooses the models.
    draws : int
        Bootstrap draws; the unit resampled is the line.
    """
    x, y, degree = spec.x, spec.y, spec.degree
    used = rows.dropna(subset=[x, y])
    if used[x].nunique() <= degree + 1:
        raise ValueError(
            f"a curve of degree {degree} needs more than {degree + 1} models of different {x}; "
            f"there are {used[x].nunique()}; lower the degree or widen the web-trained set"
        )
    a, b = used[x].to_numpy(dtype=float), used[y].to_numpy(dtype=float)
    basis = basis_of(a, degree)
    # Powers of a centred and scaled variable keep the normal equations well conditioned.
    middle, spread = a.mean(), a.std()
    inner = basis_of((a - middle) / spread, degree)
    back = np.linalg.lstsq(basis, inner, rcond=None)[0]
    codes, lines = pd.factorize(used["line"])
    weights = np.ones((1, len(used)))
    if len(lines) >= MIN_LINES:
        counts = family_counts(len(lines), draws, rng)
        weights = np.concatenate([weights, counts[:, codes]])
    coefficients = weighted_fits(inner, b, weights) @ back.T
    residual = b - basis @ coefficients[0]
    residuals = {str(line): residual[codes == code] for code, line in enumerate(lines)}
    return Curve(
        coefficients=coefficients[0],
        resampled=coefficients[1:],
        residuals=residuals,
        low=float(a.min()),
        high=float(a.max()),
        n=len(used),
    )


def curve_table(
    rows: pd.DataFrame,
    spec: CurveSpec = PAPER_CURVE,
    *,
    exclude: str | None = None,
    points: int = 30,
    draws: int = 500,
    rng: np.random.Generator | int = 0,
) -> pd.DataFrame:
    """The curve that a line is held against, over all sizes of the table, for charts.

    Parameters
    ----------
    exclude : str, optional
        Line that the curve is fitted without.
    points : int
        Sizes, evenly spaced in log10.

    Returns
    -------
    pandas.DataFrame
        Columns ``params_b, expected, low, high``, the last two the 95% range of the curve on resampled lines (missing
        with fewer than five of them).
    """
    used = web_rows(rows, spec.web)
    curve = fit_curve(used[used["line"] != exclude], spec, draws=draws, rng=rng)
    size = np.linspace(rows["log_size"].min(), rows["log_size"].max(), points)
    table = pd.DataFrame({"params_b": 10**size, "expected": curve.at(size), "low": np.nan, "high": np.nan})
    if len(curve.resampled):
        table["low"], table["high"] = np.nanpercentile(curve.resampled_at(size), [2.5, 97.5], axis=0)
    return table
