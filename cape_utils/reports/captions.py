"""Words under the figures of a diagnosis: titles, captions and text alternatives, with the numbers they state."""

from __future__ import annotations

import pandas as pd

from cape_utils.charts.parts import name
from cape_utils.diagnosis.family_diagnosis import Diagnosis
from cape_utils.frontier.regression import Line

__all__ = ["frontier", "path", "phases"]


def path(diagnosis: Diagnosis, ahead: pd.DataFrame) -> dict[str, str]:
    """Of both scores over size; ``ahead`` has ``benchmark, score, low, high`` where the next size is predicted."""
    x, y, size = name(diagnosis.x), name(diagnosis.y), f"{diagnosis.next_size.params_b:g}B"
    measured = "; ".join(f"{s.params_b:g}B: {x} {s.x:.1f}, {y} {s.y:.1f}" for s in diagnosis.scores)
    predicted = "; ".join(
        f"{r.benchmark} {r.score:.1f} ({r.low:.1f} to {r.high:.1f})" for r in ahead.itertuples()
    )
    return {
        "title": f"{diagnosis.family}: {x} and {y} over size",
        "caption": (
            f"{len(diagnosis.scores)} sizes; the last step is {diagnosis.phase} with probability {diagnosis.probability:.0%}."
            + (f" Hollow: predicted at {size}, with ranges of 90%." if predicted else "")
        ),
        "alternative": (
            f"Two lines over the number of parameters. {measured}."
            + (f" Predicted at {size}: {predicted}." if predicted else "")
        ),
    }


def phases(diagnosis: Diagnosis) -> dict[str, str]:
    """Of the phases of all steps."""
    steps = diagnosis.intervals
    shares = [", ".join(f"{phase} {share:.0%}" for phase, share in s.shares.items()) for s in steps]
    listed = "; ".join(
        f"{s.from_params_b:g}B to {s.to_params_b:g}B: {share}" for s, share in zip(steps, shares, strict=True)
    )
    source = (
        "given their scores, item noise and how far such steps go in the open panel"
        if diagnosis.last.is_calibrated
        else f"{diagnosis.draws:,} draws of item noise each"
    )
    return {
        "title": f"{diagnosis.family}: the phase of each step, as far as item noise lets it be known",
        "caption": f"{len(steps)} steps, {source}. A bar of one colour is a clear phase.",
        "alternative": f"One stacked bar for each step in size. {listed}.",
    }


def frontier(placed: pd.DataFrame, line: Line, shown: int) -> dict[str, str]:
    """Of a family's models, ``model`` and ``h``, among the number of frontier models shown."""
    listed = "; ".join(f"{r.model} {r.h:+.1f}" for r in placed.itertuples())
    return {
        "title": "Your family among frontier models",
        "caption": (
            f"h, points from the line of n = {line.n} published models (dashed): {listed}. Upright bars: 95% of the item noise "
            f"of h. {shown} models shown."
        ),
        "alternative": (
            "Scatter plot of frontier models as circles, SWE-bench Verified across and GPQA Diamond up, with a dashed line, "
            f"and your family's models as diamonds with upright bars. Distances from the line: {listed}."
        ),
    }
