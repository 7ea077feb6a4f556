"""Chapter 08: how many dimensions the scores span, and whether the axes turn with scale."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from cape_utils import data
from cape_utils.chapters.ch08_eigenstructure import group_spectra, rolling_spectrum
from cape_utils.claims.quotations import nearest, quoted
from cape_utils.claims.registry import recomputes
from cape_utils.claims.verdicts import NullRange, Recomputed, Value
from cape_utils.data.loading import pythia
from cape_utils.scaling import spectrum
from cape_utils.stats.resampling import interval, null_from_draws
from cape_utils.stats.results import Floats

CRITICAL_B = 3.5
COPIES = ("panel rows", "bootstrap copy")
DRAWS = 2000


def quoted_loadings() -> tuple[float, float]:
    """The two loadings of TruthfulQA that the paper quotes, for small and for large models."""
    row = data.load("claims").set_index("id").loc["eigenvector_flip"]
    first, last = str(row["paper_text"]).split(" to ")
    return float(first), float(last)


# ---------------------------------------------------------------- dimensions of phases


def phase_readings() -> dict[str, tuple[str, data.Rows]]:
    """Ways to say which models are in a phase: how a model gets one, and which rows are used."""
    ways = {
        "the step up from a model (for the largest, the step up to it)": "start_else_end",
        "the step up from a model": "start",
        "the step up to a model": "end",
        f"size below or from {CRITICAL_B:g}B": "size",
    }
    both: tuple[tuple[str, data.Rows], ...] = (("", "as_released"), (", one recipe", "one_recipe"))
    return {f"{name}{more}": (way, rows) for name, way in ways.items() for more, rows in both}


def phases(table: pd.DataFrame, way: str) -> pd.Series[str]:
    """Phase of each model under one of the ways of ``phase_readings``."""
    if way == "size":
        below = table["params_b"] < CRITICAL_B
        return pd.Series(np.where(below, "tax", "bonus"), index=table.index, dtype="object", name="phase")
    return group_spectra.model_phases(table, give=way)  # type: ignore[arg-type]


def phase_table() -> pd.DataFrame:
    """Participation ratio of tax and bonus under every reading, on the paper's panel.

    Returns
    -------
    pandas.DataFrame
        Columns ``reading, way, rows, tax, bonus, n_tax, n_bonus, distance``; the distance is the sum of both distances
        from the numbers quoted.
    """
    rows = []
    for reading, (way, which) in phase_readings().items():
        table = data.panel("paper", rows=which)
        label = phases(table, way)
        spectra = {phase: spectrum.pca(table[label == phase]) for phase in ("tax", "bonus")}
        tax, bonus = (spectra[phase].participation_ratio for phase in ("tax", "bonus"))
        rows.append(
            {
                "reading": reading,
                "way": way,
                "rows": which,
                "tax": tax,
                "bonus": bonus,
                "n_tax": spectra["tax"].n,
                "n_bonus": spectra["bonus"].n,
                "distance": abs(tax - quoted("deff_tax")) + abs(bonus - quoted("deff_bonus")),
            }
        )
    return pd.DataFrame(rows)


def _phase_dimension(phase: str) -> Recomputed:
    readings = phase_table()
    # The literal reading comes first: the phases as chapter 2 counts them, on the rows as released.
    read, nearest_to_both = readings.iloc[0], readings.iloc[int(readings["distance"].to_numpy().argmin())]
    table, public = data.panel("paper", rows=read["rows"]), data.panel("open", rows="one_recipe")
    label, other = phases(table, read["way"]), phases(public, read["way"])
    null, open_null = (
        group_spectra.split_null(rows, given, draws=DRAWS)[phase]
        for rows, given in ((table, label), (public, other))
    )
    listed = "; ".join(
        f"{r.reading}: tax {r.tax:.2f}, bonus {r.bonus:.2f}" for r in readings.iloc[1:].itertuples()
    )
    higher = int((readings["tax"] > readings["bonus"]).sum())
    remark = (
        f"One reading serves both phases: {read['reading']}, with tax {read['tax']:.2f} and bonus {read['bonus']:.2f}. The tax "
        f"phase has the larger number in {higher} of {len(readings)} readings. The others: {listed}. The nearest to both "
        f"quoted numbers is {nearest_to_both['reading']}."
    )
    return Recomputed(
        Value.of(spectrum.dimension(table[label == phase], draws=DRAWS)),
        Value.of(spectrum.dimension(public[other == phase], draws=DRAWS)),
        NullRange.of(null),
        remark,
        NullRange.of(open_null),
    )


@recomputes("deff_tax")
def deff_tax() -> Recomputed:
    return _phase_dimension("tax")


@recomputes("deff_bonus")
def deff_bonus() -> Recomputed:
    return _phase_dimension("bonus")


def largest_three(table: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """The three largest models with all five scores; one entry for each way to break a tie for third place."""
    used = table.dropna(subset=list(data.BENCHMARKS)).sort_values("params_b", ascending=False)
    third = float(used["params_b"].iloc[2])
    above, tied = used[used["params_b"] > third], used[used["params_b"] == third]
    threes = {}
    for rows in itertools.combinations(range(len(tied)), 3 - len(above)):
        three = pd.concat([above, tied.iloc[list(rows)]])
        threes[", ".join(three["model"])] = three
    return threes


@recomputes("deff_frontier")
def deff_frontier() -> Recomputed:
    table, public = data.panel("paper"), data.panel("open")
    bonus = table[group_spectra.model_phases(table) == "bonus"]
    threes = {
        **{f"the panel ({name})": three for name, three in largest_three(table).items()},
        **{f"the bonus phase ({name})": three for name, three in largest_three(bonus).items()},
        **{f"Pythia ({copy})": pythia(copy).tail(3) for copy in COPIES},
    }
    ratios = {name: spectrum.pca(three).participation_ratio for name, three in threes.items()}
    read, *others = threes
    other = next(iter(largest_three(public).values()))

    def null(rows: pd.DataFrame, three: pd.DataFrame) -> NullRange:
        chosen = rows["model"].isin(three["model"]).map({True: "three", False: "rest"})
        drawn = group_spectra.split_null(rows, chosen, draws=DRAWS)["three"]
        return NullRange.of(replace(drawn, method="three models of the panel drawn at random"))

    listed = ", ".join(f"{name} {ratios[name]:.3g}" for name in others)
    return Recomputed(
        Value(ratios[read], None, None, 3, f"the three largest of {read}; three models have no interval"),
        Value(spectrum.pca(other).participation_ratio, None, None, 3, ", ".join(other["model"])),
        null(table, threes[read]),
        f"Three models span two dimensions at most. Read as the three largest of {read}; other readings: {listed}.",
        null(public, other),
    )


# ---------------------------------------------------------------- windows over Pythia's sizes


@dataclass(frozen=True)
class ExponentReading:
    """One way to read "the second eigenvalue against N"."""

    copy: str
    kind: rolling_spectrum.Kind
    length: int
    against: rolling_spectrum.Against

    def __str__(self) -> str:
        start = "expanding from" if self.kind == "expanding" else "sliding windows of"
        return f"{self.copy}, {start} {self.length}, N of the {self.against}"

    def exponent(self, values: Floats, sizes: Floats) -> Floats:
        """Exponents of a stack of tables."""
        return rolling_spectrum.second_exponent(
            values, sizes, kind=self.kind, length=self.length, against=self.against
        )


def exponent_readings() -> list[ExponentReading]:
    """Every combination of copy, kind of window, its length and the size that stands for it."""
    kinds: tuple[rolling_spectrum.Kind, ...] = ("expanding", "sliding")
    sizes: tuple[rolling_spectrum.Against, ...] = ("largest", "middle")
    return [ExponentReading(*options) for options in itertools.product(COPIES, kinds, (3, 4, 5), sizes)]


def exponent_table(benchmarks: tuple[str, ...] = data.BENCHMARKS, *, draws: int = 500) -> pd.DataFrame:
    """Exponent of the second eigenvalue under every reading, with the range of item noise and of straight lines.

    Returns
    -------
    pandas.DataFrame
        Columns ``copy, kind, length, against, reading, exponent, noise_low, noise_high, null, null_low, null_high``.
    """
    rows = []
    for reading in exponent_readings():
        values, sizes = rolling_spectrum.family_table(pythia(reading.copy), benchmarks)
        noise = reading.exponent(rolling_spectrum.noise_stack(values, benchmarks, draws=draws), sizes)
        null = reading.exponent(rolling_spectrum.trend_stack(values, sizes, draws=draws), sizes)
        low, high = interval(noise)
        null_low, null_high = interval(null)
        rows.append(
            {
                "copy": reading.copy,
                "kind": reading.kind,
                "length": reading.length,
                "against": reading.against,
                "reading": str(reading),
                "exponent": float(reading.exponent(values, sizes)),
                "noise_low": low,
                "noise_high": high,
                "null": float(np.nanmedian(null)),
                "null_low": null_low,
                "null_high": null_high,
            }
        )
    return pd.DataFrame(rows)


def _around(point: float, draws: Floats, n: int, method: str) -> Value:
    """A value with the range of its draws, or without one where noise has moved the draws away from it."""
    low, high = interval(draws)
    if not low <= point <= high:
        return Value(point, None, None, n, f"{method}; item noise shifts it to {low:.2f} to {high:.2f}")
    return Value(point, low, high, n, f"{method}; range under item noise")


def _null(observed: float, drawn: Floats, n: int) -> NullRange:
    method = "straight lines in log N with the residuals in random order"
    return NullRange.of(null_from_draws(observed, drawn[np.isfinite(drawn)], n, method))


@recomputes("lambda2_exponent")
def lambda2_exponent() -> Recomputed:
    readings = {str(reading): reading for reading in exponent_readings()}
    tables = {copy: rolling_spectrum.family_table(pythia(copy)) for copy in (*COPIES, "open panel")}
    exponents = {name: float(reading.exponent(*tables[reading.copy])) for name, reading in readings.items()}
    best, _ = nearest(exponents, quoted("lambda2_exponent"))
    chosen = readings[best]

    def value(copy: str) -> Value:
        scores, sizes = tables[copy]
        noise = chosen.exponent(rolling_spectrum.noise_stack(scores, draws=DRAWS), sizes)
        return _around(float(chosen.exponent(scores, sizes)), noise, len(sizes), best)

    def null(copy: str) -> NullRange:
        scores, sizes = tables[copy]
        drawn = chosen.exponent(rolling_spectrum.trend_stack(scores, sizes, draws=DRAWS), sizes)
        return _null(float(chosen.exponent(scores, sizes)), drawn, len(sizes))

    values = list(exponents.values())
    second = sorted(values, key=lambda one: abs(one - quoted("lambda2_exponent")))[1]
    remark = (
        f"The words leave the window and N open; {len(values)} readings give {min(values):.2f} to {max(values):.2f}, "
        f"{sum(one < 0 for one in values)} of them negative. Nearest is {best}, next {second:.2f}."
    )
    return Recomputed(
        value(chosen.copy), value("open panel"), null(chosen.copy), remark, null("open panel"), exponents
    )


@dataclass(frozen=True)
class FlipReading:
    """One way to read "the TruthfulQA loading of the second eigenvector flips"."""

    copy: str
    name: str
    first: tuple[int, int]
    last: tuple[int, int]
    positive: str

    def __str__(self) -> str:
        return f"{self.copy}, {self.name}, {self.positive} positive"

    def loadings(
        self, values: Floats, benchmarks: tuple[str, ...] = data.BENCHMARKS
    ) -> tuple[Floats, Floats]:
        """Loadings at both ends for a stack of tables."""
        return rolling_spectrum.loading_change(
            values, self.first, self.last, positive=self.positive, benchmarks=benchmarks
        )


def flip_readings(positives: tuple[str, ...] = ("mmlu", "hellaswag")) -> list[FlipReading]:
    """Every combination of copy, pair of windows and sign convention."""
    ends = {
        "first three, all eight": ((0, 3), (0, 8)),
        "first and last three": ((0, 3), (5, 8)),
        "first and last four": ((0, 4), (4, 8)),
        "first and last five": ((0, 5), (3, 8)),
        "70M-1B, 2.8B-12B": ((0, 4), (5, 8)),
    }
    return [
        FlipReading(copy, name, first, last, positive)
        for copy in COPIES
        for name, (first, last) in ends.items()
        for positive in positives
    ]


def flip_table(benchmarks: tuple[str, ...] = data.BENCHMARKS) -> pd.DataFrame:
    """TruthfulQA's loading on the second eigenvector at both ends, under every reading.

    Returns
    -------
    pandas.DataFrame
        Columns ``copy, windows, positive, first, last, change``.
    """
    positives = tuple(name for name in ("mmlu", "hellaswag") if name in benchmarks)
    rows = []
    for reading in flip_readings(positives):
        values, _ = rolling_spectrum.family_table(pythia(reading.copy), benchmarks)
        first, last = (float(one) for one in reading.loadings(values, benchmarks))
        rows.append(
            {
                "copy": reading.copy,
                "windows": reading.name,
                "positive": reading.positive,
                "first": first,
                "last": last,
                "change": last - first,
            }
        )
    return pd.DataFrame(rows)


def _change(reading: FlipReading, values: Floats) -> Floats:
    first, last = reading.loadings(values)
    return np.asarray(last - first)


@recomputes("eigenvector_flip")
def eigenvector_flip() -> Recomputed:
    readings = {str(reading): reading for reading in flip_readings()}
    tables = {copy: rolling_spectrum.family_table(pythia(copy)) for copy in (*COPIES, "open panel")}
    changes = {name: float(_change(one, tables[one.copy][0])) for name, one in readings.items()}
    best, _ = nearest(changes, quoted("eigenvector_flip"))
    chosen = readings[best]

    def value(copy: str) -> Value:
        scores, sizes = tables[copy]
        noise = _change(chosen, rolling_spectrum.noise_stack(scores, draws=DRAWS))
        return _around(float(_change(chosen, scores)), noise, len(sizes), best)

    def null(copy: str) -> NullRange:
        scores, sizes = tables[copy]
        drawn = _change(chosen, rolling_spectrum.trend_stack(scores, sizes, draws=DRAWS))
        return _null(float(_change(chosen, scores)), drawn, len(sizes))

    scores, _ = tables[chosen.copy]
    first, last = (float(one) for one in chosen.loadings(scores))
    flips = _flips(flip_table())
    remark = (
        f"In that reading the loading goes from {first:+.2f} to {last:+.2f}. From positive to negative it goes in {flips} of "
        f"{len(changes)} readings, which give changes of {min(changes.values()):+.2f} to {max(changes.values()):+.2f}."
    )
    return Recomputed(
        value(chosen.copy), value("open panel"), null(chosen.copy), remark, null("open panel"), changes
    )


def _flips(table: pd.DataFrame) -> int:
    return int(((table["first"] > 0) & (table["last"] < 0)).sum())


def conventions() -> Mapping[str, float]:
    """Change of TruthfulQA's loading on one pair of windows under every sign convention there is.

    Returns
    -------
    mapping
        By the benchmark whose loading is made positive; the same two eigenvectors each time.
    """
    values, _ = rolling_spectrum.family_table(pythia("panel rows"))
    changes = {}
    for name in data.BENCHMARKS:
        first, last = rolling_spectrum.loading_change(values, (0, 4), (4, 8), positive=name)
        changes[name] = float(last - first)
    return changes
