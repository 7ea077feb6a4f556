"""Frontier models: GPQA Diamond regressed on SWE-bench Verified, lab by lab, and what the residual says.

Sections 2 and 3 of paper B: the population regression and the h-field, a model's residual. Labs and leaderboards are
the job of ``ch09_frontier.labs``, the calendar of ``ch09_frontier.date_nulls``, item noise of
``ch09_frontier.residual_noise``, and the predictions of
``ch09_frontier.predictions``. All scores are those that the labs announced, in percent.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy import stats

from cape_utils import data
from cape_utils.data.schema import require_columns
from cape_utils.frontier.benchmark_pair import PAPER_PAIR, Pair
from cape_utils.stats.item_noise import item_error
from cape_utils.stats.results import Estimate, Floats, to_jsonable

__all__ = [
    "MIN_MODELS",
    "SPECIALIST_PP",
    "Z95",
    "FrontierPosition",
    "Line",
    "fit_line",
    "h_field",
    "h_mean",
    "h_noise",
    "locate",
    "models",
    "position",
    "scored",
    "with_dates",
]

MIN_MODELS = 4
"""Fewer leave a line and no error of it worth the name."""

SPECIALIST_PP = 10.0
"""Beyond this many points from the line paper B calls a model a specialist."""

Z95 = 1.96
"""Standard errors on each side of a 95% interval of item noise."""

Subset = Literal["published", "core", "after_cutoff", "all"]


def _release_range(released: str) -> tuple[float, float]:
    """First and last moment that a date leaves possible, in decimal years."""
    parts = [int(part) for part in released.split("-")]
    first = pd.Timestamp(parts[0], parts[1] if len(parts) > 1 else 1, parts[2] if len(parts) > 2 else 1)
    last = first + (
        pd.DateOffset(years=1)
        if len(parts) == 1
        else pd.DateOffset(months=1)
        if len(parts) == 2
        else pd.DateOffset(days=1)
    )
    ends = [
        moment.year + (moment.day_of_year - 1) / (366 if moment.is_leap_year else 365)
        for moment in (first, last)
    ]
    return ends[0], ends[1]


def with_dates(table: pd.DataFrame) -> pd.DataFrame:
    """Add ``date_low, date_high, date`` (decimal years; earliest, latest, middle) and ``year_only``."""
    ranges = np.array([_release_range(value) for value in table["released"]]).reshape(-1, 2)
    return table.assign(
        date_low=ranges[:, 0],
        date_high=ranges[:, 1],
        date=ranges.mean(axis=1),
        year_only=table["released"].str.len() == 4,
    )


def models(subset: Subset = "published") -> pd.DataFrame:
    """The frontier models of paper B with their release dates as ranges.

    Parameters
    ----------
    subset : {"published", "core", "after_cutoff", "all"}
        ``"published"`` is core and extended together, the 34 models of the regression; ``"after_cutoff"`` the five
        releases of spring 2026 that came later; ``"all"`` both.

    Returns
    -------
    pandas.DataFrame
        The columns of ``frontier_models`` and ``date_low, date_high, date`` in decimal years and ``year_only``.

    Examples
    --------
    >>> len(models()), len(models("core")), len(models("all"))
    (34, 23, 39)
    """
    allowed = {"published": ("core", "extended"), "core": ("core",), "after_cutoff": ("after_cutoff",)}
    table = with_dates(data.load("frontier_models"))
    if subset == "all":
        return table
    if subset not in allowed:
        raise ValueError(f"subset={subset!r}; allowed are {', '.join(map(repr, [*allowed, 'all']))}")
    return table[table["subset"].isin(allowed[subset])].reset_index(drop=True)


def scored(table: pd.DataFrame, min_models: int, pair: Pair = PAPER_PAIR) -> pd.DataFrame:
    """Models with both scores, or a clear error where there are fewer than ``min_models``."""
    require_columns(table, ("lab", pair.x, pair.y))
    used = table.dropna(subset=[pair.x, pair.y])
    if len(used) < min_models:
        which = "" if pair.published else f", {pair.x} and {pair.y},"
        raise ValueError(
            f"at least {min_models} models with both scores{which} are needed; there are {len(used)}"
        )
    return used


@dataclass(frozen=True)
class Line:
    """The straight line of the second score on the first, GPQA on SWE-bench, with what its fit says about it.

    Attributes
    ----------
    slope, intercept : Estimate
        Points per point and points, with 95% t intervals that take the models as independent.
    slope_se, intercept_se : float
        Standard errors.
    r : Estimate
        Pearson's r with Fisher's interval.
    p : float
        Two-sided, of no slope.
    sigma : float
        Residual standard deviation, percentage points.
    mean_x, spread_x : float
        Mean of the first score and sum of squares around it.
    low_x, high_x : float
        Its range over the models.
    """

    slope: Estimate
    intercept: Estimate
    slope_se: float
    intercept_se: float
    r: Estimate
    p: float
    sigma: float
    mean_x: float
    spread_x: float
    low_x: float
    high_x: float

    @property
    def n(self) -> int:
        """Models behind the line."""
        return self.slope.n

    def predict(self, x_pct: ArrayLike) -> Floats:
        """The second score on the line, percent."""
        return np.asarray(self.intercept.estimate + self.slope.estimate * np.asarray(x_pct, dtype=float))

    def prediction_half_width(self, x_pct: float) -> float:
        """Half of the 95% prediction interval for one more model, percentage points."""
        return self._half_width(x_pct, 1.0)

    def half_width(self, x_pct: float) -> float:
        """Half of the 95% interval of the line itself, percentage points."""
        return self._half_width(x_pct, 0.0)

    def _half_width(self, x_pct: float, noise: float) -> float:
        t = float(stats.t.ppf(0.975, self.n - 2))
        return float(
            t * self.sigma * math.sqrt(noise + 1 / self.n + (x_pct - self.mean_x) ** 2 / self.spread_x)
        )


def fit_line(table: pd.DataFrame, pair: Pair = PAPER_PAIR) -> Line:
    """Least squares of GPQA Diamond on SWE-bench Verified over models (paper B, section 3), or of another pair.

    Parameters
    ----------
    table : pandas.DataFrame
        One row a model, as from ``models``.
    pair : Pair
        The two benchmarks.

    Examples
    --------
    >>> round(fit_line(models()).slope.estimate, 3)
    0.513
    """
    used = scored(table, MIN_MODELS, pair)
    x, y = used[pair.x].to_numpy(dtype=float), used[pair.y].to_numpy(dtype=float)
    for name, values in ((pair.x, x), (pair.y, y)):
        if np.ptp(values) == 0:
            raise ValueError(f"every model has the same {name}, so no line can be fitted")
    n, fit = len(x), stats.linregress(x, y)
    t = float(stats.t.ppf(0.975, n - 2))
    ends = [
        (float(v), float(v - t * s), float(v + t * s))
        for v, s in ((fit.slope, fit.stderr), (fit.intercept, fit.intercept_stderr))
    ]
    r_interval = stats.pearsonr(x, y).confidence_interval(0.95)
    sigma = float(np.sqrt(np.sum((y - fit.intercept - fit.slope * x) ** 2) / (n - 2)))
    return Line(
        slope=Estimate(*ends[0], n, "least squares over models, t interval"),
        intercept=Estimate(*ends[1], n, "least squares over models, t interval"),
        slope_se=float(fit.stderr),
        intercept_se=float(fit.intercept_stderr),
        r=Estimate(
            float(fit.rvalue), float(r_interval.low), float(r_interval.high), n, "Fisher z over models"
        ),
        p=float(fit.pvalue),
        sigma=sigma,
        mean_x=float(x.mean()),
        spread_x=float(np.sum((x - x.mean()) ** 2)),
        low_x=float(x.min()),
        high_x=float(x.max()),
    )


def position(h_pp: float, pair: Pair = PAPER_PAIR, *, specialist_pp: float = SPECIALIST_PP) -> str:
    """Paper B's word for a residual; for another pair the specialists bear the names of its benchmarks.

    Examples
    --------
    >>> position(-12.1), position(3.5), position(11.2)
    ('coding specialist', 'cooperative', 'reasoning specialist')
    """
    first, second = (
        ("coding", "reasoning")
        if pair.published
        else (data.benchmark_title(pair.x), data.benchmark_title(pair.y))
    )
    if h_pp < -specialist_pp:
        return f"{first} specialist"
    return f"{second} specialist" if h_pp > specialist_pp else "cooperative"


def h_noise(x_pct: ArrayLike, y_pct: ArrayLike, slope: float, pair: Pair = PAPER_PAIR) -> Floats:
    """Standard error of h from the finite number of test items, percentage points.

    The two tests are independent; ``se^2 = se_y^2 + slope^2 se_x^2``, with 500 and 198 items for SWE-bench and GPQA. NaN
    where the number of items of one of the two is not known.
    """
    up = item_error(y_pct, pair.items_of(pair.y))
    across = item_error(x_pct, pair.items_of(pair.x))
    return np.asarray(np.hypot(up, slope * across))


def h_field(table: pd.DataFrame, line: Line | None = None, pair: Pair = PAPER_PAIR) -> pd.DataFrame:
    """Each model's residual, its item noise and its position.

    Parameters
    ----------
    table : pandas.DataFrame
    line : Line, optional
        The population regression over the published models by default, which is what paper B calls h.
    pair : Pair

    Returns
    -------
    pandas.DataFrame
        The table with ``h, h_se`` (percentage points) and ``position``; models without both scores are left out.

    Examples
    --------
    >>> h_field(models()).set_index("model")["h"].round(1)["Claude Opus 4.6"]
    np.float64(3.5)
    """
    used = scored(table, 1, pair)
    fitted = fit_line(models(), pair) if line is None else line
    h = used[pair.y].to_numpy(dtype=float) - fitted.predict(used[pair.x])
    noise = h_noise(used[pair.x], used[pair.y], fitted.slope.estimate, pair)
    return used.assign(h=h, h_se=noise, position=[position(value, pair) for value in h])


def h_mean(field: pd.DataFrame, lab: str) -> Estimate:
    """Mean h of a lab's models; the t interval takes its releases as independent, and the line as known."""
    h = field.loc[field["lab"] == lab, "h"].to_numpy(dtype=float)
    if h.size == 0:
        raise ValueError(f"no model of {lab!r}; the labs are {', '.join(sorted(set(field['lab'])))}")
    half = float(stats.t.ppf(0.975, h.size - 1) * stats.sem(h)) if h.size > 1 else math.nan
    mean = float(h.mean())
    return Estimate(mean, mean - half, mean + half, h.size, "mean over releases, t interval")


@dataclass(frozen=True)
class FrontierPosition:
    """Where one pair of scores lies; percent and percentage points.

    Attributes
    ----------
    pair : Pair
    x_pct, y_pct : float
        Its two scores.
    h, h_low, h_high : float
        Residual and the 95% interval that item noise leaves; NaN where the number of test items is not known.
    expected, expected_low, expected_high : float
        The second score of a model on the line, and the 95% prediction interval for one more model; a straight line knows no
        ceiling, so the upper end may lie above 100.
    position : str
    usual : bool
        Whether the second score lies within the prediction interval.
    n : int
        Models behind the line.
    """

    pair: Pair
    x_pct: float
    y_pct: float
    h: float
    h_low: float
    h_high: float
    expected: float
    expected_low: float
    expected_high: float
    position: str
    usual: bool
    slope: float
    intercept: float
    n: int

    def as_dict(self) -> dict[str, Any]:
        """Plain object for JSON: the two scores under the names of their benchmarks; what is not known is None."""
        others = {
            name: value for name, value in asdict(self).items() if name not in ("pair", "x_pct", "y_pct")
        }
        plain: dict[str, Any] = to_jsonable({self.pair.x: self.x_pct, self.pair.y: self.y_pct, **others})
        return plain


def _percent(name: str, value: float) -> float:
    if not math.isfinite(value) or not 0 <= value <= 100:
        raise ValueError(f"{name} {value:g} is out of range; give percent, from 0 to 100")
    if 0 < value <= 1:
        raise ValueError(f"{name} {value:g} looks like a fraction; give percent, such as {100 * value:g}")
    return float(value)


def locate(x_pct: float, y_pct: float, line: Line | None = None, pair: Pair = PAPER_PAIR) -> FrontierPosition:
    """Where a model with these two scores lies on paper B's map, or on that of another pair.

    Parameters
    ----------
    x_pct, y_pct : float
        SWE-bench Verified and GPQA Diamond in percent, or the scores of ``pair``.
    line : Line, optional
        The regression over the published models by default.
    pair : Pair

    Examples
    --------
    >>> here = locate(80.8, 91.3)
    >>> round(here.h, 1), here.position
    (3.5, 'cooperative')
    """
    x, y = _percent(data.benchmark_title(pair.x), x_pct), _percent(data.benchmark_title(pair.y), y_pct)
    fitted = fit_line(models(), pair) if line is None else line
    expected, half = float(fitted.predict(x)), fitted.prediction_half_width(x)
    h, noise = y - expected, Z95 * float(h_noise(x, y, fitted.slope.estimate, pair))
    return FrontierPosition(
        pair=pair,
        x_pct=x,
        y_pct=y,
        h=h,
        h_low=h - noise,
        h_high=h + noise,
        expected=expected,
        expected_low=expected - half,
        expected_high=expected + half,
        position=position(h, pair),
        usual=abs(h) <= half,
        slope=fitted.slope.estimate,
        intercept=fitted.intercept.estimate,
        n=fitted.n,
    )
