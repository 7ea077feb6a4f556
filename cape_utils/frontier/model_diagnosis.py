"""One frontier model's two scores: where they lie, against its lab's own releases, and which axis still tells models apart.

The playbook of paper B (locate, diagnose, rotate), each step with the noise of its test items, for its own pair of
benchmarks or for any other and any table of models. The regression and h are in ``frontier.regression``, the saturation ratio in
``frontier.benchmark_saturation``; whether the line is more than a common rise over time is chapter 09.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import pandas as pd

from cape_utils import data
from cape_utils.claims.evidence import Evidence, Grade, evidence_for, grade
from cape_utils.frontier import benchmark_saturation, regression
from cape_utils.frontier.benchmark_pair import GPQA, PAPER_PAIR, SWE, Pair
from cape_utils.frontier.regression import Z95, FrontierPosition, Line
from cape_utils.stats.item_noise import item_error
from cape_utils.stats.results import to_jsonable

__all__ = [
    "BAND_PP",
    "CHANGE_PP",
    "ROTATE_BELOW",
    "Axis",
    "FamilyFrontier",
    "FrontierDiagnosis",
    "PlacedModel",
    "Release",
    "axes",
    "band_of",
    "change_since",
    "family_frontier",
    "frontier_diagnosis",
    "lab_history",
]

BAND_PP, CHANGE_PP, ROTATE_BELOW = 5.0, 10.0, 0.2
"""Paper B: bands of five points, changes of ten, and a saturation ratio below which the pair is to be rotated."""

_CLAIMS = ("frontier_r", "frontier_lolo", "frontier_saturation_swe", "frontier_saturation_gpqa")
_LEAST, _TOP = 5, 5


@dataclass(frozen=True)
class Release:
    """One release of the lab; h and its standard error in percentage points."""

    model: str
    released: str
    h: float
    h_se: float


@dataclass(frozen=True)
class Axis:
    """How well a benchmark tells the best models apart.

    Attributes
    ----------
    benchmark : str
    models : int
        Models of the table that have it.
    spread : float
        Best less fifth best, percentage points; NaN with fewer than five models.
    noise : float
        Standard error of the difference of two such scores from their test items; NaN where their number is not known.
    ratio : float
        Spread over noise: below two, the five cannot be told apart. NaN without a spread or its noise.
    """

    benchmark: str
    models: int
    spread: float
    noise: float
    ratio: float


@dataclass(frozen=True)
class FrontierDiagnosis:
    """Where a model lies and what to measure next.

    Attributes
    ----------
    location : FrontierPosition
    band : str
        ``above``, ``on`` or ``below`` the line, by five points.
    band_sure : bool
        Whether the 95% interval of item noise lies within the band.
    lab : str
        Empty where none was named.
    history : tuple of Release
        By date, the earliest first.
    change, change_low, change_high : float
        h less that of the lab's latest release, with the 95% interval of item noise; NaN without history.
    changed : bool
        Whether that change exceeds ten points.
    saturation : float
        Spread of the five best on the first benchmark over the spread of the same five on the second; NaN with fewer
        than five models.
    rotate : bool
        Whether that ratio is below 0.2.
    saturation_low, saturation_high : float
        The ratio with each of the five left out in turn: how far one model decides; NaN with fewer than six models.
    axes : tuple of Axis
        The axis that tells the best models apart most clearly stands first.
    next_axis : str
        That axis; empty where none of them can.
    grade : str
        As in ``diagnosis.advice``, from the claims behind the playbook.
    evidence : tuple of Evidence
        Empty for another pair than the paper's, which none of its claims is about.
    cautions : tuple of str
        What the table of models cannot tell.
    """

    location: FrontierPosition
    band: str
    band_sure: bool
    lab: str
    history: tuple[Release, ...]
    change: float
    change_low: float
    change_high: float
    changed: bool
    saturation: float
    rotate: bool
    saturation_low: float
    saturation_high: float
    axes: tuple[Axis, ...]
    next_axis: str
    grade: Grade
    evidence: tuple[Evidence, ...]
    cautions: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """Plain object for JSON; what is not known is None."""
        plain: dict[str, Any] = to_jsonable({**asdict(self), "location": self.location.as_dict()})
        return plain


def band_of(location: FrontierPosition) -> tuple[str, bool]:
    """Above, on or below the line by five points, and whether the 95% interval of item noise lies within that band.

    Examples
    --------
    >>> band_of(regression.locate(80.8, 60.0))
    ('below', True)
    """
    band = "above" if location.h > BAND_PP else "below" if location.h < -BAND_PP else "on"
    ends = {"above": (BAND_PP, math.inf), "on": (-BAND_PP, BAND_PP), "below": (-math.inf, -BAND_PP)}[band]
    return band, ends[0] <= location.h_low and location.h_high <= ends[1]


def lab_history(
    lab: str, table: pd.DataFrame | None = None, line: Line | None = None, pair: Pair = PAPER_PAIR
) -> tuple[Release, ...]:
    """A lab's releases with their h, by date.

    Parameters
    ----------
    lab : str
    table : pandas.DataFrame, optional
        Of models, those of paper B with the later ones by default.
    line : Line, optional
        The regression over the published models by default.
    pair : Pair

    Raises
    ------
    ValueError
        If there is no such lab; the message lists those there are. If the table names no labs or leaves a date open.

    Examples
    --------
    >>> [release.model for release in lab_history("MiniMax")]
    ['MiniMax M2.5']
    """
    field = regression.h_field(regression.models("all") if table is None else table, line, pair)
    releases = field[field["lab"] == lab]
    if releases.empty:
        known = ", ".join(sorted(set(field["lab"]) - {""}))
        raise ValueError(
            f"no lab {lab!r}; the labs are {known}"
            if known
            else f"no lab {lab!r}; the table names none, so add a column lab"
        )
    undated = releases.loc[releases["released"] == "", "model"]
    if len(undated):
        raise ValueError(
            f"a lab's history needs dates, and {', '.join(map(repr, undated))} has none; add a column released "
            "(YYYY, YYYY-MM or YYYY-MM-DD)"
        )
    releases = regression.with_dates(releases).sort_values(["date", "model"], kind="stable")
    return tuple(
        Release(str(row["model"]), str(row["released"]), float(row["h"]), float(row["h_se"]))
        for row in releases.to_dict("records")
    )


def change_since(location: FrontierPosition, release: Release) -> tuple[float, float, float]:
    """How far a model's h lies above that of a release, with the 95% interval of item noise; percentage points.

    Examples
    --------
    >>> here = regression.locate(80.8, 91.3)
    >>> [round(value, 1) for value in change_since(here, lab_history("MiniMax")[-1])]
    [5.8, -1.0, 12.6]
    """
    change = location.h - release.h
    half = Z95 * math.hypot((location.h_high - location.h_low) / 2 / Z95, release.h_se)
    return change, change - half, change + half


def axes(table: pd.DataFrame | None = None, pair: Pair = PAPER_PAIR) -> tuple[Axis, ...]:
    """Every benchmark of the frontier table by how well it tells the five best on it apart, the clearest first.

    Parameters
    ----------
    table : pandas.DataFrame, optional
        Of models, those of paper B with the later ones by default.
    pair : Pair
        Its two come in although the table ``benchmarks`` may not hold them.

    Examples
    --------
    >>> [axis.benchmark for axis in axes() if axis.models >= 5]
    ['swe_bench_verified', 'gpqa_diamond']
    """
    used = regression.models("all") if table is None else table
    candidates = []
    for name in dict.fromkeys([*data.load("benchmarks")["benchmark"], pair.x, pair.y]):
        if name not in used or not used[name].notna().any():
            continue
        best = used[name].dropna().sort_values(ascending=False).head(_TOP).to_numpy(dtype=float)
        n, spread, noise = int(used[name].notna().sum()), math.nan, math.nan
        if n >= _LEAST:
            spread = float(best[0] - best[-1])
            ends = item_error(best[[0, -1]], pair.items_of(name))
            noise = float(math.hypot(ends[0], ends[1]))
        candidates.append(Axis(name, n, spread, noise, spread / noise if noise else math.nan))
    return tuple(sorted(candidates, key=lambda axis: (math.isnan(axis.ratio), -axis.ratio, axis.benchmark)))


def _check_population(table: pd.DataFrame, pair: Pair, where: str) -> None:
    known = [name for name in (pair.x, pair.y) if name in table]
    n = len(table.dropna(subset=known)) if len(known) == 2 else 0
    if n >= regression.MIN_MODELS:
        return
    have = [name for name in dict.fromkeys([*data.load("benchmarks")["benchmark"], *known]) if name in table]
    listed = ", ".join(f"{name} ({int(table[name].notna().sum())})" for name in have)
    raise ValueError(
        f"{where} holds {n} models with both {pair.x} and {pair.y}, and a line needs {regression.MIN_MODELS}; it holds, with "
        f"models in brackets: {listed}; choose two of these, or bring a larger table (cape frontier: --table FILE)"
    )


def _saturation(table: pd.DataFrame, pair: Pair) -> tuple[float, float, float]:
    """The ratio and its ends with one model left out; NaN where there are too few models."""
    both = table.dropna(subset=[pair.x, pair.y])
    if len(both) < _LEAST:
        return math.nan, math.nan, math.nan
    ratio = benchmark_saturation.saturation(both, old=pair.x, new=pair.y).ratio
    if len(both) == _LEAST:
        return ratio, math.nan, math.nan
    cases = benchmark_saturation.saturation_cases(both, old=pair.x, new=pair.y)["ratio"]
    return ratio, float(cases.min()), float(cases.max())


def _cautions(
    location: FrontierPosition, line: Line, table: pd.DataFrame, *, own_table: bool
) -> tuple[str, ...]:
    pair, warnings = location.pair, list[str]()
    x, y = data.benchmark_title(pair.x), data.benchmark_title(pair.y)
    unknown = [data.benchmark_title(name) for name in (pair.x, pair.y) if math.isnan(pair.items_of(name))]
    if unknown:
        warnings.append(
            f"The number of test items of {' and '.join(unknown)} is not known, so h has no range of item noise; give it if "
            "you know it."
        )
    half = line.half_width(location.x_pct)
    if half > BAND_PP:
        warnings.append(
            f"The line of {line.n} models is itself known only to ±{half:.1f} points at this {x}, more than a band of "
            f"{BAND_PP:g}; the range of h leaves that out. More models would help."
        )
    if line.slope.low <= 0 <= line.slope.high:
        warnings.append(
            f"The slope of the line, {line.slope.estimate:.2f} [{line.slope.low:.2f}, {line.slope.high:.2f}], may be zero: "
            f"these {line.n} models do not show that the two scores go together, so h is little more than the distance from "
            f"their mean {y}."
        )
    if not line.low_x <= location.x_pct <= line.high_x:
        warnings.append(
            f"{x} {location.x_pct:g} lies outside the models of the line, {line.low_x:g} to {line.high_x:g}, where the line is "
            "a guess."
        )
    twins = table.loc[(table[pair.x] == location.x_pct) & (table[pair.y] == location.y_pct), "model"]
    if own_table and len(twins):
        warnings.append(
            f"The line knows these two scores already: {', '.join(map(str, twins))} has them. Leave it out of the table to "
            "hold it against the others."
        )
    if not pair.published:
        warnings.append(
            f"Bands of {BAND_PP:g}, changes of {CHANGE_PP:g} and the ratio of {ROTATE_BELOW:g} are paper B's for SWE-bench "
            f"Verified and GPQA Diamond; nobody tested them on {x} and {y}. No null was computed either: two scores that "
            "both rise over time go together without any tie between them (chapter 9)."
        )
    return tuple(warnings)


def frontier_diagnosis(
    x_pct: float,
    y_pct: float,
    *,
    lab: str | None = None,
    pair: Pair = PAPER_PAIR,
    table: pd.DataFrame | None = None,
) -> FrontierDiagnosis:
    """Locate a model, hold it against its lab, and say which axis to measure next.

    Parameters
    ----------
    x_pct, y_pct : float
        SWE-bench Verified and GPQA Diamond in percent, or the scores of ``pair``.
    lab : str, optional
        A lab of the table.
    pair : Pair
        Two benchmarks of the table.
    table : pandas.DataFrame, optional
        The models of the line, as from ``frontier.benchmark_pair.read_population``. By default those of paper B: its
        published ones for the line, the later ones too for histories and axes.

    Raises
    ------
    ValueError
        If a score is no percentage, there is no such lab or benchmark, or too few models have both scores.

    Examples
    --------
    >>> found = frontier_diagnosis(80.8, 91.3, lab="Anthropic")
    >>> found.band, found.band_sure, found.changed
    ('on', False, False)
    """
    everyone = regression.models("all") if table is None else table
    behind = regression.models() if table is None else table
    _check_population(behind, pair, "the book's table" if table is None else "the table")
    line = regression.fit_line(behind, pair)
    location = regression.locate(x_pct, y_pct, line, pair)
    band, sure = band_of(location)
    history = lab_history(lab, everyone, line, pair) if lab is not None else ()
    change = low = high = math.nan
    if history:
        change, low, high = change_since(location, history[-1])
    ratio, ratio_low, ratio_high = _saturation(everyone, pair)
    candidates = axes(everyone, pair)
    clear = [axis.benchmark for axis in candidates if axis.ratio >= 2]
    evidence = evidence_for(_CLAIMS) if pair.published else ()
    return FrontierDiagnosis(
        location=location,
        band=band,
        band_sure=sure,
        lab=lab or "",
        history=history,
        change=change,
        change_low=low,
        change_high=high,
        changed=bool(abs(change) > CHANGE_PP),
        saturation=ratio,
        rotate=bool(ratio < ROTATE_BELOW),
        saturation_low=ratio_low,
        saturation_high=ratio_high,
        axes=candidates,
        next_axis=clear[0] if clear else "",
        grade=grade([item.verdict for item in evidence]) if evidence else "not tested",
        evidence=evidence,
        cautions=_cautions(location, line, everyone, own_table=table is not None),
    )


@dataclass(frozen=True)
class PlacedModel:
    """One model of the family on the map, with its band."""

    model: str
    params_b: float
    location: regression.FrontierPosition
    band: str
    band_sure: bool


@dataclass(frozen=True)
class FamilyFrontier:
    """A family among the frontier models.

    Attributes
    ----------
    models : tuple of PlacedModel
        Those with both scores, by size.
    largest : FrontierDiagnosis
        Of the largest of them, against the releases of the lab that bears the family's name, if there is one.
    """

    models: tuple[PlacedModel, ...]
    largest: FrontierDiagnosis

    def as_dict(self) -> dict[str, Any]:
        """Plain object for JSON."""
        placed = [
            {
                "model": one.model,
                "params_b": one.params_b,
                **one.location.as_dict(),
                "band": one.band,
                "band_sure": one.band_sure,
            }
            for one in self.models
        ]
        return {"models": placed, "largest": self.largest.as_dict()}


def family_frontier(rows: pd.DataFrame) -> FamilyFrontier | None:
    """Place a family's models on the map; None where none has both SWE-bench Verified and GPQA Diamond.

    Parameters
    ----------
    rows : pandas.DataFrame
        Of one family: ``model, family, params_b`` (billions) and benchmarks in percent.

    Examples
    --------
    >>> toy = pd.DataFrame({"model": ["a"], "family": "Google", "params_b": [27.0], SWE: [80.8], GPQA: [91.3]})
    >>> found = family_frontier(toy)
    >>> round(found.models[0].location.h, 1), found.largest.lab
    (3.5, 'Google')
    """
    if SWE not in rows or GPQA not in rows:
        return None
    used = rows.dropna(subset=[SWE, GPQA]).sort_values("params_b", kind="stable")
    if used.empty:
        return None
    line = regression.fit_line(regression.models())
    placed = []
    for row in used.to_dict("records"):
        location = regression.locate(float(row[SWE]), float(row[GPQA]), line)
        placed.append(PlacedModel(str(row["model"]), float(row["params_b"]), location, *band_of(location)))
    family = str(used["family"].iloc[0])
    labs = {str(lab).casefold(): str(lab) for lab in regression.models("all")["lab"]}
    last = placed[-1].location
    return FamilyFrontier(
        tuple(placed), frontier_diagnosis(last.x_pct, last.y_pct, lab=labs.get(family.casefold()))
    )
