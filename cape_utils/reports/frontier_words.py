"""What a frontier diagnosis says in plain words, for the command line and for reports.

Every sentence is built from a ``FrontierPosition`` or a ``FrontierDiagnosis``. Nothing is computed here.
"""

from __future__ import annotations

import math

from cape_utils.data.benchmarks import benchmark_title
from cape_utils.frontier.model_diagnosis import (
    BAND_PP,
    CHANGE_PP,
    ROTATE_BELOW,
    Axis,
    FrontierDiagnosis,
    Release,
)
from cape_utils.frontier.regression import FrontierPosition

__all__ = ["axis_words", "next_words", "place_words", "playbook_words", "release_words", "span"]


def span(low: float, high: float) -> str:
    """A range in points, or that it is not known.

    Examples
    --------
    >>> span(-1.25, 2), span(math.nan, math.nan)
    ('[-1.2, +2.0]', '[range not known]')
    """
    return "[range not known]" if math.isnan(low) or math.isnan(high) else f"[{low:+.1f}, {high:+.1f}]"


def place_words(location: FrontierPosition) -> tuple[str, ...]:
    """Where the two scores lie: a headline and what it rests on."""
    pair = location.pair
    y, items = benchmark_title(pair.y), [pair.items_of(name) for name in (pair.y, pair.x)]
    if math.isnan(location.h_low):
        noise = "The noise of the test items is not known, so the sign of h may be chance."
    else:
        sure = "excludes" if location.h_low > 0 or location.h_high < 0 else "includes"
        noise = (
            f"The interval is the noise of {items[0]:g} and {items[1]:g} test items alone; it {sure} zero."
        )
    usual = "within" if location.usual else "outside"
    low, high = max(location.expected_low, 0), min(location.expected_high, 100)
    words = [
        f"h = {location.h:+.1f} points {span(location.h_low, location.h_high)}: {location.position}",
        f"{y} {location.y_pct:g}%, where the line of {location.n} models gives {location.expected:.1f}%",
        noise,
        f"95% of single models lie between {low:.1f}% and {high:.1f}%; this one is {usual}.",
    ]
    if pair.published:
        words.append(
            "How far the line is more than a common rise of both scores over time: chapter 09_frontier."
        )
    return tuple(words)


def release_words(release: Release) -> str:
    """One line of a lab's history."""
    noise = "standard error not known" if math.isnan(release.h_se) else f"standard error {release.h_se:.1f}"
    return f"{release.released:<10}  {release.model:<28}  {release.h:+6.1f}  ({noise})"


def axis_words(axis: Axis) -> str:
    """How well one benchmark tells the best models apart."""
    if math.isnan(axis.spread):
        words = "too few models"
    elif math.isnan(axis.ratio):
        words = f"best five spread {axis.spread:.1f} points, noise not known"
    else:
        words = f"best five spread {axis.spread:.1f} points, {axis.ratio:.1f} x noise"
    return f"{benchmark_title(axis.benchmark):<20}  {axis.models:>3} models  {words}"


def next_words(diagnosis: FrontierDiagnosis) -> str:
    """Which axis to measure next."""
    if diagnosis.next_axis:
        return benchmark_title(diagnosis.next_axis)
    if all(math.isnan(axis.ratio) for axis in diagnosis.axes):
        return "not known; five models with a score and its number of test items are needed to tell"
    return "one that is not in this table; on these the best tie"


def playbook_words(diagnosis: FrontierDiagnosis) -> dict[str, str]:
    """Band, change, saturation and trust, each as one sentence; a key is missing where there is nothing to say."""
    location, words = diagnosis.location, {}
    known = "with item noise not known" if math.isnan(location.h_low) else "though item noise leaves it open"
    sure = "as far as item noise goes" if diagnosis.band_sure else known
    words["band"] = f"Band: {diagnosis.band} the line ({BAND_PP:g} points), {sure}"
    if diagnosis.history:
        size = "more than" if diagnosis.changed else "not more than"
        ends = span(diagnosis.change_low, diagnosis.change_high)
        words["change"] = (
            f"Change from the latest: {diagnosis.change:+.1f} {ends}, {size} {CHANGE_PP:g} points"
        )
    if math.isnan(diagnosis.saturation):
        words["saturation"] = (
            "Saturation ratio: not known, for it needs five models with both scores that differ"
        )
    else:
        cases = not math.isnan(diagnosis.saturation_low)
        ends = (
            f" ({diagnosis.saturation_low:.2f} to {diagnosis.saturation_high:.2f} with one of the five left out)"
            if cases
            else ""
        )
        one = diagnosis.saturation_low < ROTATE_BELOW <= diagnosis.saturation_high
        rule = "rotate" if diagnosis.rotate else "no need to rotate"
        words["saturation"] = (
            f"Saturation ratio {diagnosis.saturation:.2f}{ends}: {rule} by the paper's rule of {ROTATE_BELOW:g}"
            + (", which a single model decides" if one else "")
        )
    claims = "; ".join(f"{e.id}: {e.verdict}" for e in diagnosis.evidence)
    words["trust"] = (
        f"How far to trust the playbook: {diagnosis.grade} ({claims or 'no claim of the papers is about this pair'})"
    )
    return words
