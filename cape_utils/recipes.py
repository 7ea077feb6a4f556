"""How far a training recipe sits above the curve of web-trained models at its size.

Section 5 of paper A calls this distance the recipe field h. The curve is always fitted without the recipe in question
and without the other recipes of its line; what counts as a large h is read off web-trained lines, each left out in turn.
Generations at one size are the job of ``generations``, tokens per parameter that of ``overtraining``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from cape_utils import data
from cape_utils.results import Estimate, Floats, Null, as_generator, family_counts, interval, null_from_draws

__all__ = [
    "WEB_SETS",
    "Curve",
    "class_effect",
    "curve_table",
    "field_table",
    "fit_curve",
    "model_field",
    "recipe_field",
    "recipe_rows",
    "web_field",
    "web_rows",
    "weighted_fits",
]

TQA = "truthfulqa_mc2"
Axis = Literal["log_size", "hellaswag"]
WebSet = Literal["described corpora", "with unpublished mixes", "the paper's three"]

WEB_SETS: dict[WebSet, str] = {
    "described corpora": "kind == 'web'",
    "with unpublished mixes": "kind in ['web', 'unpublished']",
    "the paper's three": "recipe in ['Pythia', 'Llama-1', 'Llama-2']",
}
"""What *web-trained* may mean, as a condition on the columns of ``recipe_rows``; the first is used throughout."""

_LEFT_OUT = ("moe", "instruction_tuned")  # no one size places the first, and the second are no base models
_LEAST_LINES = 5


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
        return np.asarray(_basis(x, len(self.coefficients) - 1) @ self.coefficients)

    def resampled_at(self, x: Floats) -> Floats:
        """Score on each resampled curve, shape (draws, len(x))."""
        return np.asarray(self.resampled @ _basis(x, len(self.coefficients) - 1).T)

    def scatter(self, models: int, draws: int, rng: np.random.Generator | int) -> Floats:
        """Mean distance from the curve of a web-trained recipe with some number of models, shape (draws,).

        A line is drawn, then as many of its residuals as there are models, with replacement; the result is widened by
        the degrees of freedom that the curve took from the lines.
        """
        generator = as_generator(rng)
        lines = list(self.residuals.values())
        picked = generator.integers(len(lines), size=draws)
        length = np.array([len(own) for own in lines])
        padded = np.array([np.resize(own, length.max()) for own in lines])
        place = (generator.random((draws, models)) * length[picked, None]).astype(int)
        widen = np.sqrt(len(lines) / (len(lines) - len(self.coefficients)))
        return np.asarray(padded[picked[:, None], place].mean(axis=1) * widen)


def _basis(x: Floats, degree: int) -> Floats:
    return np.asarray(np.asarray(x, dtype=float)[:, None] ** np.arange(degree + 1))


def fit_curve(
    rows: pd.DataFrame,
    y: str = TQA,
    *,
    x: Axis = "log_size",
    degree: int = 2,
    draws: int = 2000,
    rng: np.random.Generator | int = 0,
) -> Curve:
    """Least squares of a score on powers of size, or of HellaSwag; every model counts the same, as in the paper.

    Parameters
    ----------
    rows : pandas.DataFrame
        With ``line``, ``x`` and ``y``; rows without them are left out.
    y : str
        Benchmark, percent.
    x : {"log_size", "hellaswag"}
    degree : int
        2 is the paper's curve; 1 and 3 show what depends on it.
    draws : int
        Bootstrap draws; the unit resampled is the line.
    """
    if degree not in (1, 2, 3):
        raise ValueError(f"degree={degree}; allowed are 1, 2 and 3")
    if x not in ("log_size", "hellaswag"):
        raise ValueError(f"x={x!r}; allowed are 'log_size' and 'hellaswag'")
    used = rows.dropna(subset=[x, y])
    if used[x].nunique() <= degree + 1:
        raise ValueError(
            f"a curve of degree {degree} needs more than {degree + 1} models of different {x}; "
            f"there are {used[x].nunique()}; lower the degree or widen the web-trained set"
        )
    a, b = used[x].to_numpy(dtype=float), used[y].to_numpy(dtype=float)
    basis = _basis(a, degree)
    # Powers of a centred and scaled variable keep the normal equations well conditioned.
    middle, spread = a.mean(), a.std()
    inner = _basis((a - middle) / spread, degree)
    back = np.linalg.lstsq(basis, inner, rcond=None)[0]
    codes, lines = pd.factorize(used["line"])
    weights = np.ones((1, len(used)))
    if len(lines) >= _LEAST_LINES:
        counts = family_counts(len(lines), draws, rng)
        weights = np.concatenate([weights, counts[:, codes]])
    found = weighted_fits(inner, b, weights) @ back.T
    residual = b - basis @ found[0]
    residuals = {str(line): residual[codes == code] for code, line in enumerate(lines)}
    return Curve(found[0], found[1:], residuals, float(a.min()), float(a.max()), len(used))


def weighted_fits(basis: Floats, y: Floats, weights: Floats) -> Floats:
    """Coefficients of weighted least squares for each row of weights; NaN where they are not determined."""
    gram = np.einsum("dn,np,nq->dpq", weights, basis, basis, optimize=True)
    moment = (weights * y) @ basis
    known = np.linalg.cond(gram) < 1e10
    found = np.full(moment.shape, np.nan)
    found[known] = np.linalg.solve(gram[known], moment[known][..., None])[..., 0]
    return found


def recipe_field(
    rows: pd.DataFrame,
    recipe: str,
    y: str = TQA,
    *,
    x: Axis = "log_size",
    degree: int = 2,
    web: WebSet = "described corpora",
    draws: int = 2000,
    rng: np.random.Generator | int = 0,
) -> Null:
    """Mean distance h of a recipe's models from the curve fitted without its line, and that of no recipe at all.

    Parameters
    ----------
    rows : pandas.DataFrame
        From ``recipe_rows``.
    recipe : str
    y, x, degree, draws
        As in ``fit_curve``.
    web : str
        One of ``WEB_SETS``.

    Returns
    -------
    Null
        ``observed`` is h in percentage points. The draws are where a web-trained recipe with as many models of these
        sizes would fall: the curve on resampled lines, plus residual scatter of a whole line. The range is NaN with
        fewer than five web-trained lines.

    Examples
    --------
    >>> recipe_field(recipe_rows("open"), "Qwen2", draws=200).observed > 5
    True
    """
    own = rows[rows["recipe"] == recipe].dropna(subset=[x, y])
    if own.empty:
        known = ", ".join(sorted(rows["recipe"].unique()))
        raise ValueError(f"no models of a recipe {recipe!r} with {x} and {y}; the recipes are {known}")
    rest = web_rows(rows, web)
    generator = as_generator(rng)
    curve = fit_curve(
        rest[~rest["line"].isin(own["line"])], y, x=x, degree=degree, draws=draws, rng=generator
    )
    at = own[x].to_numpy(dtype=float)
    expected = curve.at(at)
    h = float((own[y].to_numpy(dtype=float) - expected).mean())
    method = f"web-trained lines resampled, plus residual scatter of a line, degree {degree}"
    if not len(curve.resampled):
        nan = float("nan")
        return Null(h, 0.0, nan, nan, nan, nan, len(own), 0, False, f"{web}: too few lines to resample")
    shift = (expected - curve.resampled_at(at)).mean(axis=1)
    nothing = shift + curve.scatter(len(own), len(shift), generator)
    return null_from_draws(h, nothing[np.isfinite(nothing)], len(own), method)


def web_field(
    rows: pd.DataFrame,
    y: str = TQA,
    *,
    x: Axis = "log_size",
    degree: int = 2,
    web: WebSet = "described corpora",
) -> pd.DataFrame:
    """The same h for each web-trained line, left out in turn: how large h is where nobody claims anything.

    Returns
    -------
    pandas.DataFrame
        One row for each line: ``line, n, h`` (percentage points), ordered by h.
    """
    used = web_rows(rows, web).dropna(subset=[x, y])
    found = []
    for line, own in used.groupby("line"):
        curve = fit_curve(used[used["line"] != line], y, x=x, degree=degree, draws=1)
        h = own[y].to_numpy(dtype=float) - curve.at(own[x].to_numpy(dtype=float))
        found.append({"line": line, "n": len(own), "h": float(h.mean())})
    return pd.DataFrame(found).sort_values("h").reset_index(drop=True)


def model_field(
    rows: pd.DataFrame,
    y: str = TQA,
    *,
    x: Axis = "log_size",
    degree: int = 2,
    web: WebSet = "described corpora",
) -> pd.DataFrame:
    """Distance of every model from the curve fitted without its line.

    Returns
    -------
    pandas.DataFrame
        The rows with both scores, with ``expected`` (percent) and ``h`` (percentage points).
    """
    used = rows.dropna(subset=[x, y])
    rest = web_rows(used, web)
    parts = []
    for line, own in used.groupby("line"):
        curve = fit_curve(rest[rest["line"] != line], y, x=x, degree=degree, draws=1)
        parts.append(own.assign(expected=curve.at(own[x].to_numpy(dtype=float))))
    found = pd.concat(parts).sort_index()
    return found.assign(h=found[y] - found["expected"])


def field_table(
    rows: pd.DataFrame,
    y: str = TQA,
    *,
    x: Axis = "log_size",
    degree: int = 2,
    web: WebSet = "described corpora",
    draws: int = 2000,
    rng: np.random.Generator | int = 0,
) -> pd.DataFrame:
    """The h of every recipe, with the range of no recipe at all and its place among web-trained lines.

    Returns
    -------
    pandas.DataFrame
        One row for each recipe: ``recipe, line, kind, n, from_b, to_b, h``; ``low, high``, the 95% prediction interval of
        h (resampled web-trained lines plus residual scatter); ``p`` of ``recipe_field``; ``above``, the number of
        ``lines`` web-trained lines, its own not counted, whose own h is at least as large, and ``rank_p``, that share
        with the recipe counted in. Ordered by h, the largest first.
    """
    lines = web_field(rows, y, x=x, degree=degree, web=web)
    generator = as_generator(rng)
    found = []
    for recipe, own in rows.dropna(subset=[x, y]).groupby("recipe"):
        null = recipe_field(rows, str(recipe), y, x=x, degree=degree, web=web, draws=draws, rng=generator)
        others = lines[~lines["line"].isin(own["line"])]
        above = int((others["h"] >= null.observed).sum())
        found.append(
            {
                "recipe": recipe,
                "line": own["line"].iloc[0],
                "kind": own["kind"].iloc[0],
                "n": null.n,
                "from_b": float(own["params_b"].min()),
                "to_b": float(own["params_b"].max()),
                "h": null.observed,
                "low": null.observed - null.high,
                "high": null.observed - null.low,
                "p": null.p,
                "above": above,
                "lines": len(others),
                "rank_p": (above + 1) / (len(others) + 1),
            }
        )
    return pd.DataFrame(found).sort_values("h", ascending=False).reset_index(drop=True)


def class_effect(
    rows: pd.DataFrame,
    y: str = TQA,
    *,
    given: Axis = "log_size",
    degree: int = 2,
    draws: int = 2000,
    rng: np.random.Generator | int = 0,
) -> tuple[Estimate, Null]:
    """How far curated recipes as a class sit above web-trained ones, one curve with a step for the class.

    Parameters
    ----------
    rows : pandas.DataFrame
        From ``recipe_rows``; recipes of the kinds *web* and *curated* are used.
    y, degree, draws
        As in ``fit_curve``.
    given : {"log_size", "hellaswag"}

    Returns
    -------
    Estimate
        The step in percentage points; interval from resampled lines.
    Null
        The step when the words *web* and *curated* are dealt out anew; recipes of one line and kind keep one label.
    """
    used = rows[rows["kind"].isin(["web", "curated"])].dropna(subset=[given, y])
    if used["kind"].nunique() < 2:
        raise ValueError(f"recipes of both kinds, web and curated, are needed; there are {set(used['kind'])}")
    a = used[given].to_numpy(dtype=float)
    basis = _basis((a - a.mean()) / a.std(), degree)
    score = used[y].to_numpy(dtype=float)
    line, lines = pd.factorize(used["line"])
    # A line's curated recipes keep one label together: they are no independent trials.
    block, names = pd.factorize(used["line"] + " " + used["kind"])
    label = pd.Series(names).str.endswith(" curated").to_numpy(dtype=float)
    generator = as_generator(rng)
    whole = np.column_stack([basis, label[block]])
    weights = np.concatenate(
        [np.ones((1, len(used))), family_counts(len(lines), draws, generator)[:, line]]
    )
    steps = weighted_fits(whole, score, weights)[:, -1]
    dealt = generator.permuted(np.tile(label, (draws, 1)), axis=1)[:, block]
    # The step given the curve, by taking the curve out of both (Frisch and Waugh).
    keep = np.eye(len(used)) - basis @ np.linalg.pinv(basis)
    rest = dealt @ keep
    null = rest @ score / (rest * dealt).sum(axis=1)
    low, high = interval(steps[1:])
    lost = int(np.sum(~np.isfinite(steps[1:])))
    estimate = Estimate(
        float(steps[0]), low, high, len(used), f"bootstrap over {len(lines)} lines", 0.95, draws, lost
    )
    method = f"kinds dealt out anew among {len(names)} groups of recipes"
    return estimate, null_from_draws(float(steps[0]), null, len(used), method)


def curve_table(
    rows: pd.DataFrame,
    recipe: str,
    y: str = TQA,
    *,
    degree: int = 2,
    web: WebSet = "described corpora",
    points: int = 40,
    draws: int = 500,
    rng: np.random.Generator | int = 0,
) -> pd.DataFrame:
    """The curve that a recipe is held against, for charts.

    Returns
    -------
    pandas.DataFrame
        Columns ``params_b, expected, low, high``: the curve over the sizes of the web-trained models and of the recipe,
        with the 95% range of the curve on resampled lines (missing with fewer than five lines).
    """
    own = rows[rows["recipe"] == recipe]
    rest = web_rows(rows, web)
    used = rest[~rest["line"].isin(own["line"])]
    curve = fit_curve(used, y, degree=degree, draws=draws, rng=rng)
    size = np.linspace(
        min(curve.low, own["log_size"].min()), max(curve.high, own["log_size"].max()), points
    )
    table = pd.DataFrame({"params_b": 10**size, "expected": curve.at(size), "low": np.nan, "high": np.nan})
    if len(curve.resampled):
        table["low"], table["high"] = np.nanpercentile(curve.resampled_at(size), [2.5, 97.5], axis=0)
    return table
