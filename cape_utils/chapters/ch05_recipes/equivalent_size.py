"""The size at which web-trained models reach a score, or a coupling, that another recipe has when small.

The abstract of paper A says that Phi at 1B matches web-trained models at 10B. The curves come from
``scaling.web_curve``, couplings
from ``scaling.coupling``. Not reached within the sizes observed is an answer here, never a number.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from cape_utils.scaling.coupling import local_coupling, noise_weights
from cape_utils.scaling.web_curve import MIN_LINES, PAPER_CURVE, CurveSpec, WebSet, fit_curve, web_rows
from cape_utils.stats.least_squares import weighted_fits
from cape_utils.stats.resampling import family_counts
from cape_utils.stats.results import Floats

__all__ = [
    "EquivalentSize",
    "coupling_reached",
    "own_couplings",
    "score_reached",
    "small_web_models",
    "web_couplings",
]


@dataclass(frozen=True)
class EquivalentSize:
    """The size at which web-trained models reach a value that another model has.

    Attributes
    ----------
    value : float
        What has to be reached: percent, or a coupling.
    estimate : float
        Billion parameters; NaN where it is never reached within the sizes observed.
    low, high : float
        95% range over resampled lines, a line that never reaches it counted as beyond the largest size; NaN where an
        end lies there, and where there are too few lines to resample.
    never : float
        Share of the draws in which it is never reached within the sizes observed; NaN without draws.
    largest_b : float
        Largest web-trained model.
    n, draws : int
        Models or steps, and draws.
    """

    value: float
    estimate: float
    low: float
    high: float
    never: float
    largest_b: float
    n: int
    draws: int

    def __str__(self) -> str:
        """As words for a sentence."""
        if not np.isfinite(self.estimate):
            share = f" (nor in {self.never:.0%} of the draws)" if np.isfinite(self.never) else ""
            return f"no size in range{share}"
        if not np.isfinite(self.never):
            return _billions(self.estimate)
        low = _billions(self.low) if np.isfinite(self.low) else "beyond range"
        high = _billions(self.high) if np.isfinite(self.high) else f"beyond {_billions(self.largest_b)}"
        return f"{_billions(self.estimate)} [{low} to {high}]"


def _billions(size: float) -> str:
    return f"{size:.0f}B" if size >= 10 else f"{size:.2g}B"


def _rising_size(coefficients: Floats, value: float, low: float, high: float) -> Floats:
    """Smallest x within [low, high] at which each polynomial rises through a value; NaN where none does."""
    grid = np.linspace(low, high, 2001)
    powers = grid[:, None] ** np.arange(coefficients.shape[1])
    above = coefficients @ powers.T - value
    rises = (above[:, :-1] < 0) & (above[:, 1:] >= 0)
    first = rises.argmax(axis=1)
    rows = np.arange(len(above))
    before, after = above[rows, first], above[rows, first + 1]
    with np.errstate(divide="ignore", invalid="ignore"):
        crossing = grid[first] - before * (grid[first + 1] - grid[first]) / (after - before)
    return np.asarray(np.where(rises.any(axis=1), crossing, np.nan))


def _summary(value: float, point: Floats, drawn: Floats, largest: float, n: int) -> EquivalentSize:
    nan = float("nan")
    low = high = never = nan
    if len(drawn):
        never = float(np.mean(~np.isfinite(drawn)))
        ends = np.quantile(np.where(np.isfinite(drawn), drawn, np.inf), [0.025, 0.975], method="nearest")
        low, high = (float(10**end) if np.isfinite(end) else nan for end in ends)
    return EquivalentSize(
        value=value,
        estimate=float(10 ** point[0]),
        low=low,
        high=high,
        never=never,
        largest_b=round(float(10**largest), 6),
        n=n,
        draws=len(drawn),
    )


def score_reached(
    rows: pd.DataFrame,
    value: float,
    *,
    exclude: str,
    spec: CurveSpec = PAPER_CURVE,
    draws: int = 2000,
    rng: np.random.Generator | int = 0,
) -> EquivalentSize:
    """Size at which the curve of web-trained models rises through a score.

    Parameters
    ----------
    rows : pandas.DataFrame
        From ``scaling.web_curve.recipe_rows``.
    value : float
        Score, percent.
    exclude : str
        Line that the curve is fitted without.
    spec : CurveSpec
    draws : int
        As in ``scaling.web_curve.fit_curve``.

    Examples
    --------
    >>> from cape_utils.scaling.web_curve import recipe_rows
    >>> str(score_reached(recipe_rows("open"), 99.0, exclude="Phi", draws=50))
    'no size in range (nor in 100% of the draws)'
    """
    web_models = web_rows(rows, spec.web)
    curve = fit_curve(web_models[web_models["line"] != exclude], spec, draws=draws, rng=rng)
    point = _rising_size(curve.coefficients[None], value, curve.low, curve.high)
    drawn = (
        _rising_size(curve.resampled, value, curve.low, curve.high) if len(curve.resampled) else np.empty(0)
    )
    return _summary(value, point, drawn, curve.high, curve.n)


def small_web_models(
    rows: pd.DataFrame,
    *,
    from_b: float = 0.65,
    to_b: float = 2.6,
    spec: CurveSpec = PAPER_CURVE,
) -> pd.DataFrame:
    """The same size for web-trained models that are small themselves: what a plain recipe *matches*.

    Parameters
    ----------
    from_b, to_b : float
        Sizes of the models, billion parameters; a factor of two around Phi-1.5 by default.

    Returns
    -------
    pandas.DataFrame
        Columns ``model, line, params_b, score, matches_b``; the last is NaN where the score is never reached by the
        models of other lines within their sizes.
    """
    used = web_rows(rows, spec.web)
    matches = []
    for row in used[used["params_b"].between(from_b, to_b)].dropna(subset=[spec.y]).to_dict("records"):
        size = score_reached(rows, row[spec.y], exclude=row["line"], spec=spec, draws=1)
        matches.append(
            {k: row[k] for k in ("model", "line", "params_b")}
            | {"score": row[spec.y], "matches_b": size.estimate}
        )
    return pd.DataFrame(matches)


def own_couplings(rows: pd.DataFrame, *, by: str = "recipe") -> pd.DataFrame:
    """Local couplings between consecutive sizes of one recipe, or of one family label.

    Parameters
    ----------
    by : {"recipe", "line", "family"}
        What counts as a family. Steps within a recipe change size alone; steps within a line change the recipe too.

    Returns
    -------
    pandas.DataFrame
        From ``scaling.coupling.local_coupling``, with ``line`` and ``kind`` of the model that the step ends at.
    """
    if by not in ("recipe", "line", "family"):
        raise ValueError(f"by={by!r}; allowed are 'recipe', 'line' and 'family'")
    steps = local_coupling(rows.assign(family=rows[by]))
    known = rows.drop_duplicates("model").set_index("model")
    return steps.assign(line=steps["to_model"].map(known["line"]), kind=steps["to_model"].map(known["kind"]))


def web_couplings(rows: pd.DataFrame, web: WebSet = "described corpora") -> pd.DataFrame:
    """Local couplings of the web-trained recipes."""
    return own_couplings(web_rows(rows, web)).dropna(subset="coupling")


def coupling_reached(
    rows: pd.DataFrame,
    value: float,
    *,
    exclude: str,
    web: WebSet = "described corpora",
    weigh: bool = False,
    draws: int = 2000,
    rng: np.random.Generator | int = 0,
) -> EquivalentSize:
    """Size at which the running coupling of web-trained models reaches a coupling.

    The running coupling is the paper's straight line of local coupling in log10 of the step's middle size.

    Parameters
    ----------
    value : float
        Coupling, points of TruthfulQA for each point of HellaSwag.
    exclude : str
        Line left out.
    weigh : bool
        Weigh the steps by ``scaling.coupling.noise_weights``; the paper counts them alike.
    draws : int
        The unit resampled is the line.
    """
    used = web_couplings(rows, web)
    used = used[used["line"] != exclude]
    if len(used) < 3:
        raise ValueError(
            f"at least 3 steps between sizes are needed; there are {len(used)} without {exclude}"
        )
    size = np.log10(used["mid_params_b"].to_numpy(dtype=float))
    weight = noise_weights(used) if weigh else np.ones(len(used))
    codes, lines = pd.factorize(used["line"])
    weights = weight[None]
    if len(lines) >= MIN_LINES:
        counts = family_counts(len(lines), draws, rng)[:, codes]
        weights = np.concatenate([weights, counts * weight])
    basis = np.column_stack([np.ones_like(size), size])
    fits = weighted_fits(basis, used["coupling"].to_numpy(dtype=float), weights)
    reached = _rising_size(fits, value, float(size.min()), float(np.log10(rows["params_b"].max())))
    largest = float(np.log10(web_rows(rows, web)["params_b"].max()))
    reached = np.where(reached <= largest, reached, np.nan)
    return _summary(value, reached[:1], reached[1:], largest, len(used))
