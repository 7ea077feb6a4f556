"""One frontier model's two scores: where they lie, against its lab's own releases, and which axis still tells models apart.

The playbook of paper B (locate, diagnose, rotate), each step with the noise of its test items. The regression and h are in
``frontier``, the saturation ratio in ``frontier_labs``; whether the line is more than a common rise over time is chapter 09.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import pandas as pd

from cape_utils import claims, data, frontier, frontier_labs
from cape_utils.advice import Evidence, Grade, grade
from cape_utils.coupling import benchmark_items, item_error
from cape_utils.diagnosis import plain
from cape_utils.frontier import Location

__all__ = [
    "BAND_PP",
    "CHANGE_PP",
    "ROTATE_BELOW",
    "Axis",
    "FrontierDiagnosis",
    "Release",
    "axes",
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
        Standard error of the difference of two such scores from their test items.
    ratio : float
        Spread over noise: below two, the five cannot be told apart.
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
    location : Location
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
        Spread of the five best on SWE-bench over the spread of the same five on GPQA.
    rotate : bool
        Whether that ratio is below 0.2.
    saturation_low, saturation_high : float
        The ratio with each of the five left out in turn: how far one model decides.
    axes : tuple of Axis
        The axis that tells the best models apart most clearly stands first.
    next_axis : str
        That axis; empty where none of them can.
    grade : str
        As in ``advice``, from the claims behind the playbook.
    evidence : tuple of Evidence
    """

    location: Location
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

    def as_dict(self) -> dict[str, Any]:
        """Plain object for JSON; what is not known is None."""
        whole: dict[str, Any] = plain(asdict(self))
        return whole


def lab_history(lab: str, table: pd.DataFrame | None = None) -> tuple[Release, ...]:
    """A lab's releases with their h, by date.

    Raises
    ------
    ValueError
        If there is no such lab; the message lists those there are.

    Examples
    --------
    >>> [release.model for release in lab_history("MiniMax")]
    ['MiniMax M2.5']
    """
    field = frontier.h_field(frontier.models("all") if table is None else table)
    own = field[field["lab"] == lab].sort_values(["date", "model"], kind="stable")
    if own.empty:
        raise ValueError(f"no lab {lab!r}; the labs are {', '.join(sorted(set(field['lab'])))}")
    return tuple(
        Release(str(row["model"]), str(row["released"]), float(row["h"]), float(row["h_se"]))
        for row in own.to_dict("records")
    )


def axes(table: pd.DataFrame | None = None) -> tuple[Axis, ...]:
    """Every benchmark of the frontier table by how well it tells the five best on it apart, the clearest first.

    Examples
    --------
    >>> [axis.benchmark for axis in axes() if axis.models >= 5]
    ['swe_bench_verified', 'gpqa_diamond']
    """
    used = frontier.models("all") if table is None else table
    found = []
    for name in data.load("benchmarks")["benchmark"]:
        if name not in used or not used[name].notna().any():
            continue
        best = used[name].dropna().sort_values(ascending=False).head(_TOP).to_numpy(dtype=float)
        n, spread, noise = int(used[name].notna().sum()), math.nan, math.nan
        if n >= _LEAST:
            spread = float(best[0] - best[-1])
            ends = item_error(best[[0, -1]], benchmark_items(name))
            noise = float(math.hypot(ends[0], ends[1]))
        found.append(Axis(name, n, spread, noise, spread / noise if noise else math.nan))
    return tuple(sorted(found, key=lambda axis: (math.isnan(axis.ratio), -axis.ratio, axis.benchmark)))


def frontier_diagnosis(swe_pct: float, gpqa_pct: float, *, lab: str | None = None) -> FrontierDiagnosis:
    """Locate a model, hold it against its lab, and say which axis to measure next.

    Parameters
    ----------
    swe_pct, gpqa_pct : float
        SWE-bench Verified and GPQA Diamond in percent.
    lab : str, optional
        A lab of the table ``frontier_models``.

    Raises
    ------
    ValueError
        If a score is no percentage, or there is no such lab.

    Examples
    --------
    >>> found = frontier_diagnosis(80.8, 91.3, lab="Anthropic")
    >>> found.band, found.band_sure, found.changed
    ('on', False, False)
    """
    here = frontier.locate(swe_pct, gpqa_pct)
    band = "above" if here.h > BAND_PP else "below" if here.h < -BAND_PP else "on"
    ends = {"above": (BAND_PP, math.inf), "on": (-BAND_PP, BAND_PP), "below": (-math.inf, -BAND_PP)}[band]
    history = lab_history(lab) if lab is not None else ()
    change = low = high = math.nan
    if history:
        change = here.h - history[-1].h
        half = 1.96 * math.hypot((here.h_high - here.h_low) / 2 / 1.96, history[-1].h_se)
        low, high = change - half, change + half
    table = frontier.models("all")
    ratio = frontier_labs.saturation(table).ratio
    cases = frontier_labs.saturation_cases(table)["ratio"]
    found = axes(table)
    clear = [axis.benchmark for axis in found if axis.ratio >= 2]
    items = claims.assess_some(_CLAIMS)
    evidence = tuple(Evidence(i.claim.id, i.claim.statement, i.claim.chapter, i.verdict) for i in items)
    return FrontierDiagnosis(
        here,
        band,
        ends[0] <= here.h_low and here.h_high <= ends[1],
        lab or "",
        history,
        change,
        low,
        high,
        bool(abs(change) > CHANGE_PP),
        float(ratio),
        bool(ratio < ROTATE_BELOW),
        float(cases.min()),
        float(cases.max()),
        found,
        clear[0] if clear else "",
        grade([item.verdict for item in items]),
        evidence,
    )
