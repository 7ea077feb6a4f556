"""What cosines, competing heads, knock-outs and truth directions show before, at and after a turn that is known.

It reads what ``internals.toy.models`` measured. A model is before, at or after the turn of its world after as many
training steps: at the size with the lowest truth, below it, where truth falls with size (the paper's tax phase), or above
it, where truth rises (its bonus phase). Worlds are the unit of every interval; nothing is trained or drawn here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

import numpy as np
import pandas as pd

from cape_utils import data
from cape_utils.internals.toy.models import DIRECTIONS, PLANTED_SIZES, PRICE
from cape_utils.stats.results import Estimate
from cape_utils.toyworld.turns import over_worlds, turn

__all__ = [
    "CONTROLS",
    "DETECTORS",
    "HEADS",
    "PHASES",
    "READINGS",
    "HeadsOut",
    "Inside",
    "Repair",
    "Sight",
    "by_world",
    "contrast",
    "heads_out",
    "load",
    "phases",
    "repair",
    "sight",
    "summary",
]

PHASES = ("before", "at", "after")
"""Of the turn, in the order of size."""

HEADS = {1: "one head a layer", 4: "four heads a layer"}
"""The two kinds of models, by heads a layer."""

PAIR, CONTROL = "reasoning and truth", "reasoning and ordinary facts"

DETECTORS: dict[str, tuple[str, str, bool]] = {
    "cosine of heads": ("head", "cosine", True),
    "competing heads (%)": ("head", "opposed", False),
    "cosine of streams": ("layer", "cosine", True),
    "centred cosine of heads": ("head", "centred", True),
}
"""Each detector with its kind of unit, its column, and whether competition makes it smaller."""

CORRECTED, CORRECTED_CHEAP = (
    "rumours corrected (%)",
    f"rumours corrected for {PRICE:g} points of other facts (%)",
)
GOSSIP = "gossip corrected (%)"
PRICED = "change of ordinary facts (points)"
READINGS = (*DETECTORS, CORRECTED, CORRECTED_CHEAP, GOSSIP, PRICED)
"""What is read off, by name."""

CONTROLS = ("random", "shuffled", "prompt")
"""What a truth direction has to beat."""

_QUESTIONS = 115  # of the truth, in the book's world
_ERRORS = 2.0  # standard errors over questions beyond which a head's effect counts


@dataclass(frozen=True)
class Inside:
    """The two tables of measurements.

    Attributes
    ----------
    units : DataFrame
        ``data.load("toy_internals")``: one row a stream or head.
    pushes : DataFrame
        ``data.load("toy_steering")``: one row a direction.
    """

    units: pd.DataFrame
    pushes: pd.DataFrame


def load() -> Inside:
    """The tables of the book."""
    return Inside(data.load("toy_internals"), data.load("toy_steering"))


_CURVE = ["heads", "seed", "step"]
_MODEL = [*_CURVE, "params"]


def phases(pushes: pd.DataFrame) -> pd.DataFrame:
    """Where each model stands to the turn of its world after as many steps; curves that do not turn are left out.

    Returns
    -------
    DataFrame
        ``heads, seed, step, params, phase``.
    """
    scored = pushes[(pushes["direction"] == "none") & (pushes["asked"] == "exam")]
    parts = []
    for _, curve in scored.groupby(_CURVE):
        curve = curve.sort_values("params")
        truth = curve["truth_pct"].to_numpy(dtype=float)
        if len(curve) < 3 or not turn(curve["params"].to_numpy(dtype=float), truth, n_items=_QUESTIONS).turns:
            continue
        place = np.sign(np.arange(len(truth)) - int(np.argmin(truth))) + 1
        parts.append(curve[_MODEL].assign(phase=[PHASES[int(one)] for one in place]))
    if not parts:
        raise ValueError(
            "no curve of truth over sizes turns, so there is no phase to look for; train more sizes"
        )
    return pd.concat(parts, ignore_index=True)


def _detected(units: pd.DataFrame, reading: str, pair: str) -> pd.DataFrame:
    """One value a model: the mean over its units, or the percent of them that compete by the paper's rule."""
    unit, column, _ = DETECTORS[reading]
    rows = units[units["unit"] == unit]
    values = rows[column if pair == PAIR else f"control_{column}"].astype(float)
    values = 100.0 * (values > 0.5) if column == "opposed" else values
    each = rows[_MODEL].assign(value=values, weight=1.0)
    return each.groupby(_MODEL, as_index=False).mean()


def _corrected(pushes: pd.DataFrame, reading: str) -> pd.DataFrame:
    """One value a model and direction: percent of rumours preferred that become right, weighted by how many there were."""
    asked = pushes[pushes["asked"] == ("gossip" if reading == GOSSIP else "exam")]
    wrong = asked.loc[asked["direction"] == "none", [*_MODEL, "rumour_preferred"]]
    priced = asked["price"].notna() if reading == CORRECTED_CHEAP else asked["price"].isna()
    # A prompt has no dose, so no price either: what it costs is what it costs.
    rows = asked[(asked["direction"] != "none") & (priced | (asked["direction"] == "prompt"))]
    rows = rows.drop(columns="rumour_preferred").merge(wrong, on=_MODEL)
    out = rows[[*_MODEL, "direction"]]
    if reading == PRICED:
        return out.assign(value=rows["ordinary_change"].astype(float), weight=1.0)
    return out.assign(
        value=rows["corrected_pct"].astype(float), weight=rows["rumour_preferred"].astype(float)
    )


def by_world(inside: Inside | None = None) -> pd.DataFrame:
    """Every reading of every world before, at and after the turn: the mean over its sizes and checkpoints there.

    Returns
    -------
    DataFrame
        ``heads, reading, series, phase, seed, value``. Series are pairs of prompts, or directions by their names in
        ``models.DIRECTIONS``.
    """
    inside = load() if inside is None else inside
    where = phases(inside.pushes)
    parts = []
    for reading in READINGS:
        if reading in DETECTORS:
            values = pd.concat(
                _detected(inside.units, reading, pair).assign(series=pair) for pair in (PAIR, CONTROL)
            )
        else:
            values = _corrected(inside.pushes, reading).rename(columns={"direction": "series"})
        parts.append(values.assign(reading=reading))
    every = pd.concat(parts).merge(where, on=_MODEL).dropna(subset=["value"])
    every = every[every["weight"] > 0]
    keys = ["heads", "reading", "series", "phase", "seed"]
    every = every.assign(value=every["value"] * every["weight"])
    sums = every.groupby(keys, sort=False)[["value", "weight"]].sum()
    return (sums["value"] / sums["weight"]).rename("value").reset_index()


def summary(worlds: pd.DataFrame) -> pd.DataFrame:
    """Means over worlds with their intervals.

    Parameters
    ----------
    worlds : DataFrame
        From ``by_world``.

    Returns
    -------
    DataFrame
        ``heads, reading, series, phase, value, low, high, worlds``.
    """
    rows = []
    for keys, part in worlds.groupby(["heads", "reading", "series", "phase"], sort=False):
        mean = over_worlds(part["value"])
        row = dict(zip(("heads", "reading", "series", "phase"), keys, strict=True))
        rows.append({**row, "value": mean.estimate, "low": mean.low, "high": mean.high, "worlds": mean.n})
    return pd.DataFrame(rows)


def contrast(
    worlds: pd.DataFrame,
    *,
    heads: int,
    reading: str,
    series: str,
    against: str | None = None,
    phase: str = "before",
    minus: str | None = None,
) -> Estimate:
    """A series in one phase, less another series there, less the same in another phase; paired over worlds.

    Parameters
    ----------
    worlds : DataFrame
        From ``by_world``.
    heads : int
        A layer.
    reading, series : str
    against : str, optional
        Series that is taken off.
    phase : str
    minus : str, optional
        Phase whose difference is taken off.

    Examples
    --------
    >>> table = pd.DataFrame({"heads": 1, "reading": "r", "series": "s", "phase": ["before", "after"] * 2,
    ...                       "seed": [0, 0, 1, 1], "value": [3.0, 1.0, 5.0, 1.0]})
    >>> contrast(table, heads=1, reading="r", series="s", minus="after").estimate
    3.0
    """
    rows = worlds[(worlds["heads"] == heads) & (worlds["reading"] == reading)]
    wide = rows.pivot_table(index="seed", columns=["series", "phase"], values="value")

    def value(name: str, where: str) -> pd.Series[float]:
        return wide[name, where]

    def difference(where: str) -> pd.Series[float]:
        own = value(series, where)
        return own if against is None else own - value(against, where)

    found = difference(phase)
    return over_worlds(found if minus is None else found - difference(minus))


class Sight(Enum):
    """What a detector makes of the phases, by the rule of ``sight``."""

    SEES = "more competition before the turn than after"
    REVERSED = "less competition before the turn than after"
    SIZE = "a change not seen to be larger than where nothing turns"
    NOTHING = "no change over the turn"


def sight(worlds: pd.DataFrame, *, heads: int, detector: str) -> tuple[Sight, Estimate]:
    """Decide by rule whether a detector sees the phases.

    Its change from before the turn to after is compared with its change between reasoning and ordinary facts, which rise
    with size and never turn. Only what goes beyond that, by the interval over worlds, is seen.

    Returns
    -------
    Sight
    Estimate
        Before less after, beyond the ordinary facts.
    """
    smaller = DETECTORS[detector][2]
    raw = contrast(worlds, heads=heads, reading=detector, series=PAIR, minus="after")
    excess = contrast(worlds, heads=heads, reading=detector, series=PAIR, against=CONTROL, minus="after")
    if excess.low > 0 or excess.high < 0:
        return (Sight.SEES if (excess.high < 0) == smaller else Sight.REVERSED), excess
    return (Sight.SIZE if raw.low > 0 or raw.high < 0 else Sight.NOTHING), excess


@dataclass(frozen=True)
class Repair:
    """What the truth direction does beyond its controls.

    Attributes
    ----------
    beyond : dict of str to Estimate
        Percent of rumours corrected in the phase, less that of each of ``CONTROLS``.
    repairs : bool
        Whether it is more than each of them, by the interval over worlds.
    fades : Estimate
        Advantage over random directions in the phase, less that after the turn.
    vanishes : bool
        Whether it repairs, the advantage is smaller after the turn, and none is seen there.
    """

    beyond: Mapping[str, Estimate]
    repairs: bool
    fades: Estimate
    vanishes: bool


def repair(worlds: pd.DataFrame, *, heads: int, reading: str = CORRECTED, phase: str = "before") -> Repair:
    """Decide by rule whether a truth direction repairs answers in a phase, and whether that ends after the turn."""
    series = "truth"
    beyond = {
        name: contrast(worlds, heads=heads, reading=reading, series=series, against=name, phase=phase)
        for name in CONTROLS
    }
    repairs = all(one.low > 0 for one in beyond.values())
    kwargs = {"heads": heads, "reading": reading, "series": series, "against": "random"}
    later = contrast(worlds, phase="after", **kwargs)  # type: ignore[arg-type]
    fades = contrast(worlds, phase=phase, minus="after", **kwargs)  # type: ignore[arg-type]
    vanishes = repairs and fades.low > 0 and later.low <= 0
    return Repair(beyond=beyond, repairs=repairs, fades=fades, vanishes=vanishes)


@dataclass(frozen=True)
class HeadsOut:
    """What single heads are for, by what their absence does to both scores.

    Attributes
    ----------
    n : dict of str to int
        Heads looked at, by phase.
    opposed : dict of str to int
        Those whose absence lowers one score and lifts the other, each beyond two standard errors over questions.
    truth, reasoning : dict of str to Estimate
        Mean change in points when a head is out, over worlds, by phase.
    wired, found, by_cosine : int
        Heads wired to compete, those of them that knock-outs show as wired, and those that compete by the paper's rule.
    planted : dict of float to float
        Percent of all heads that compete by the paper's rule when so large an opposition is planted in what they give.
    """

    n: Mapping[str, int]
    opposed: Mapping[str, int]
    truth: Mapping[str, Estimate]
    reasoning: Mapping[str, Estimate]
    wired: int
    found: int
    by_cosine: int
    planted: Mapping[float, float]


def _signs(rows: pd.DataFrame, case: str) -> pd.DataFrame:
    """Sign of each head's effect on both scores, 0 within two standard errors."""
    out = {}
    for kind in ("truth", "reasoning"):
        change, error = rows[f"{case}_{kind}"].astype(float), rows[f"{case}_{kind}_error"].astype(float)
        out[kind] = np.sign(change) * (change.abs() > _ERRORS * error)
    return pd.DataFrame(out)


def heads_out(inside: Inside | None = None, *, heads: int) -> HeadsOut:
    """Read the knock-outs of models with so many heads a layer.

    Examples
    --------
    >>> heads_out(heads=1).wired > 0
    True
    """
    inside = load() if inside is None else inside
    rows = inside.units[(inside.units["unit"] == "head") & (inside.units["heads"] == heads)]
    rows = rows.merge(phases(inside.pushes), on=_MODEL)
    signs = _signs(rows, "out")
    opposed = signs["truth"] * signs["reasoning"] < 0
    wired = rows[rows["wired_truth"].notna()]
    of_wired = _signs(wired, "wired")
    # The first layer's wired head serves reasoning, so that without it reasoning falls and truth rises; the last one's not.
    wanted = np.where(wired["layer"] == 0, 1.0, -1.0)
    found = (of_wired["truth"] == wanted) & (of_wired["reasoning"] == -wanted)
    means = {
        kind: {
            phase: over_worlds(
                rows[rows["phase"] == phase]
                .astype({f"out_{kind}": float})
                .groupby("seed")[f"out_{kind}"]
                .mean()
            )
            for phase in PHASES
        }
        for kind in ("truth", "reasoning")
    }
    planted = rows["planted_from"].astype(float).fillna(np.inf)
    return HeadsOut(
        n={phase: int((rows["phase"] == phase).sum()) for phase in PHASES},
        opposed={phase: int((opposed & (rows["phase"] == phase)).sum()) for phase in PHASES},
        truth=means["truth"],
        reasoning=means["reasoning"],
        wired=len(wired),
        found=int(found.sum()),
        by_cosine=int((wired["wired_opposed"].astype(float) > 0.5).sum()),
        planted={size: float(100 * (planted <= size).mean()) for size in PLANTED_SIZES},
    )


def direction_name(series: str) -> str:
    """A series as a reader sees it.

    Examples
    --------
    >>> direction_name("shuffled")
    'shuffled labels'
    """
    return DIRECTIONS.get(series, series)
