"""What chapter 09 finds, in sentences with computed numbers, and its tables as a reader sees them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from IPython.display import Markdown

from cape_utils.chapters.ch09_frontier.date_nulls import GivenDate
from cape_utils.chapters.ch09_frontier.labs import EqualSlopes, forecast_errors, lolo_error
from cape_utils.chapters.ch09_frontier.recompute import quoted_half_width
from cape_utils.chapters.ch09_frontier.residual_noise import Attenuation, equal_models_null
from cape_utils.charts.tables import Table, table
from cape_utils.claims.quotations import quoted
from cape_utils.data.benchmarks import benchmark_items
from cape_utils.frontier.benchmark_pair import GPQA, SWE
from cape_utils.frontier.benchmark_saturation import Saturation
from cape_utils.frontier.regression import FrontierPosition, Line
from cape_utils.stats.formatting import interval, p_value, percent, with_interval
from cape_utils.stats.results import Estimate, Null

__all__ = [
    "date_taken_out",
    "forecasts",
    "held_out_labs",
    "held_out_table",
    "lab_means_table",
    "lines_table",
    "models_and_dates",
    "models_table",
    "noise_table",
    "places_to_try",
    "predictions_table",
    "quoted_interval",
    "quoted_spreads",
    "ranges_alone",
    "ranges_table",
    "slopes_differ",
    "spreads_table",
    "units_table",
]

_ROTATE_BELOW = 0.2  # of the saturation ratio, by paper B
_TOP_SCORE = 80.5  # percent on SWE-bench, near the top of the published models


def _two(value: float) -> str:
    return f"{value:.2f}"


def _three(value: float) -> str:
    return f"{value:.3f}"


def _one(value: float) -> str:
    return f"{value:.1f}"


def _estimated(estimate: Estimate) -> str:
    return f"{estimate.estimate:.2f} {_ends(estimate)}"


def _ends(estimate: Estimate | Null) -> str:
    return f"[{estimate.low:.2f}, {estimate.high:.2f}]"


# ---------------------------------------------------------------- sentences


def models_and_dates(
    published: pd.DataFrame, core: pd.DataFrame, later: pd.DataFrame, everyone: pd.DataFrame
) -> Markdown:
    """How many models there are, and whose dates and scores are not quite known."""
    repeated = everyone.loc[everyone["flags"].fillna("").str.contains("repeated_score"), "model"]
    return Markdown(
        f"There are {len(published)} published models of {published['lab'].nunique()} labs, {len(core)} of them called core, "
        f"and {len(later)} later releases.\n\n"
        f"For {int(published['year_only'].sum())} of the published ones the date is given to the year only; wherever a date "
        f"is needed it is drawn anew within that year. Scores that stand for two models: {', '.join(repeated)}."
    )


def quoted_interval(line: Line) -> Markdown:
    """Whether the interval that the paper quotes for the slope is a standard error or a 95% interval."""
    half = quoted_half_width("frontier_slope")
    kind = (
        f"about one standard error ({line.slope_se:.3f}), not a 95% interval"
        if half < 1.3 * line.slope_se
        else "close to a 95% interval"
    )
    return Markdown(
        f"The slope is {line.slope.estimate:.3f}, as quoted. The paper's interval reaches {half:.3f} to each side: {kind}."
    )


def ranges_alone(ranges: pd.DataFrame) -> Markdown:
    """What r is within ranges of SWE-bench; from ``labs.by_range``."""
    top = ranges.iloc[-1]
    return Markdown(
        f"Among the models above {top['low_pct']:.0f}% on SWE-bench r is {top['r']:.2f} [{top['low']:.2f}, "
        f"{top['high']:.2f}].\n\n"
        f"The intervals of {(ranges['low'] <= 0).sum()} of the {len(ranges)} ranges hold zero: the correlation over all "
        "models comes mostly from the distance between weak and strong ones."
    )


def places_to_try(places: Sequence[FrontierPosition]) -> Markdown:
    """Where pairs of scores that a reader may try lie."""
    lines = [
        f"- {place.x_pct:g} and {place.y_pct:g} have h = {place.h:+.1f} ± {(place.h_high - place.h_low) / 2:.1f}: "
        f"{place.position}."
        for place in places
    ]
    return Markdown("Try these, and look at the ± beside their h.\n\n" + "\n".join(lines))


def held_out_labs(held_out: pd.DataFrame) -> Markdown:
    """Whether the line predicts a lab better than a constant; from ``labs.leave_one_lab_out``."""
    line, constant = (lolo_error(held_out, min_models=3, column=name) for name in ("error", "constant"))
    line_all, constant_all = (lolo_error(held_out, column=name) for name in ("error", "constant"))
    rank = "better" if line.estimate < constant.estimate else "worse"
    return Markdown(
        f"Over the {line.n} labs with three or more models the line errs by {line.estimate:.1f} points and the constant by "
        f"{constant.estimate:.1f}: the line is {rank}, with only these labs to say so.\n\n"
        f"Over all {line_all.n} labs it is {line_all.estimate:.1f} against {constant_all.estimate:.1f}."
    )


def slopes_differ(tests: Mapping[str, EqualSlopes]) -> Markdown:
    """Whether the labs' slopes are unequal, by set of models."""
    listed = "\n".join(
        f"- {name} models: F({test.df_labs}, {test.df_rest}) = {test.f:.2f}, {p_value(test.p, name=True)}, slopes "
        + ("unequal." if test.p < 0.05 else "not shown to differ.")
        for name, test in tests.items()
    )
    return Markdown(f"The test of one slope for all labs, each at its own level:\n\n{listed}")


def quoted_spreads(spreads: Mapping[str, Saturation]) -> Markdown:
    """Whether the two spreads of the paper are of one set of models, and what the rule says after later releases."""
    items = benchmark_items(SWE)
    luck = equal_models_null(_TOP_SCORE, items)
    paper = quoted("frontier_saturation_swe"), quoted("frontier_saturation_gpqa")
    of_both = [
        name
        for name, spread in spreads.items()
        if np.allclose((spread.old_spread, spread.new_spread), paper, rtol=0, atol=0.05)
    ]
    source = (
        f"come from {' and '.join(of_both)}"
        if of_both
        else "come from no single set of five: one is that of one set, the other that of another"
    )
    rotation = (
        "no longer asks for a rotation"
        if spreads["with later"].ratio >= _ROTATE_BELOW
        else "still asks for a rotation"
    )
    return Markdown(
        f"The two spreads that the paper quotes {source}. The rule says rotate either way. After the later releases it "
        f"{rotation}, because of one model. Five models of equal ability near the top would spread over {luck.value:.1f} "
        f"points {interval(luck.low, luck.high, 1)} on {items:g} items by luck alone, so a small spread says that the test "
        "cannot order these five."
    )


def date_taken_out(null: Null, given: GivenDate) -> Markdown:
    """What is left of r beside the calendar alone, and with the date of release taken out.

    Parameters
    ----------
    null : Null
        From ``date_nulls.date_null`` over the published models.
    given : GivenDate
        From ``date_nulls.given_date``.
    """
    place = "inside" if null.low <= null.observed <= null.high else "outside"
    by_lab = [given.published, given.core, given.with_later, given.month_known]
    away = sum(one.low > 0 or one.high < 0 for one in by_lab)
    leave_out = "leaves out" if away < 2 else "leave out"
    allowed = (
        "They allow none beyond the date as well as much of it"
        if away == 0
        else "They speak for some cooperation beyond the date, small or large"
        if all(one.low > 0 for one in by_lab)
        else "They do not agree on whether there is cooperation beyond the date"
    )
    return Markdown(
        f"The observed {null.observed:.2f} lies {place} what the calendar alone gives, {null.low:.2f} to {null.high:.2f}; "
        f"{null.p:.0%} of the draws are as large. With the date taken out of both scores:\n\n"
        f"- *Published models.* r is {_estimated(given.published)} by lab.\n"
        "- *Dates moved within what the source leaves open, models fixed.* r runs from "
        f"{given.dates_moved.low:.2f} to {given.dates_moved.high:.2f}.\n"
        f"- *Models whose month is known* ({given.month_known.n}). r is {_estimated(given.month_known)}.\n"
        f"- *Core.* r is {_estimated(given.core)}.\n"
        f"- *With the later releases.* r is {_estimated(given.with_later)}.\n\n"
        f"{away or 'None'} of these {len(by_lab)} intervals by lab {leave_out} zero, and they reach from "
        f"{min(one.low for one in by_lab):.2f} to {max(one.high for one in by_lab):.2f}. {allowed}.\n\n"
        f"With the published models taken as independent, {p_value(given.p_models, name=True)}. "
        f"The size cannot be told from {given.labs} labs."
    )


def forecasts(ahead: pd.DataFrame, pairings: Null) -> Markdown:
    """Whether the line forecasts later releases better than constants.

    Parameters
    ----------
    ahead : pandas.DataFrame
        From ``labs.prospective``.
    pairings : Null
        From ``date_nulls.pairings``.
    """
    errors = forecast_errors(ahead)
    order = (
        "better than both constants"
        if errors["line"] < min(errors["mean"], errors["recent"])
        else "no better than the best constant"
    )
    return Markdown(
        f"On {len(ahead)} models the line errs by {errors['line']:.1f} points, the mean of all earlier models by "
        f"{errors['mean']:.1f}, that of the year's earlier ones by {errors['recent']:.1f}: the line is {order}.\n\n"
        f"The rise of r to {pairings.observed:.2f} is weaker evidence. Pair the later models' two scores in any of "
        f"{pairings.draws} ways, and r over all models lies between {pairings.low:.3f} and {pairings.high:.3f}."
    )


# ---------------------------------------------------------------- tables


def models_table(field: pd.DataFrame) -> Table:
    """Models with their two scores and h; from ``regression.h_field``."""
    rows = field.assign(
        residual=[f"{h:+.1f} ± {se:.1f}" for h, se in zip(field["h"], field["h_se"], strict=True)],
        set=field["subset"].str.replace("_", " "),
    )
    headings = {"model": "model", "lab": "lab", "released": "released", "set": "set"}
    scores = {SWE: "SWE-bench (%)", GPQA: "GPQA (%)", "residual": "h ± standard error (pp)"}
    return table(rows, {**headings, **scores}, show={SWE: _one, GPQA: _one})


def lines_table(lines: Mapping[str, Line]) -> Table:
    """The regression over each set of models, with slopes in the three decimals that the paper quotes."""
    slopes = [
        with_interval(line.slope.estimate, line.slope.low, line.slope.high, min_decimals=3)
        for line in lines.values()
    ]
    rows = [
        (name, line.n, line.r.estimate, slope, line.slope_se, line.p)
        for (name, line), slope in zip(lines.items(), slopes, strict=True)
    ]
    frame = pd.DataFrame(rows, columns=["models", "n", "r", "slope", "standard error", "p"])
    return table(frame, show={"r": _three, "standard error": _three, "p": _small_p})


def _small_p(p: float) -> str:
    """A p-value in powers of ten where it is small, because the paper quotes one of a millionth."""
    return f"{p:.1e}" if p < 0.001 else p_value(p)


def units_table(units: Mapping[str, Estimate]) -> Table:
    """The correlation by what is resampled."""
    rows = [(name, one.estimate, one.low, one.high, one.n) for name, one in units.items()]
    return table(
        pd.DataFrame(rows, columns=["resampled", "r", "low", "high", "n"]),
        ["resampled", "r", "n"],
        intervals={"r": ("low", "high")},
    )


def ranges_table(ranges: pd.DataFrame) -> Table:
    """The correlation within ranges of SWE-bench; from ``labs.by_range``."""
    spans = [f"{low:g} to {high:g}" for low, high in zip(ranges["low_pct"], ranges["high_pct"], strict=True)]
    return table(
        ranges.assign(span=spans),
        {"span": "SWE-bench (%)", "n": "n", "r": "r", "p": "p", "expected": "expected r"},
        show={"expected": _two},
        intervals={"r": ("low", "high")},
    )


def held_out_table(held_out: pd.DataFrame) -> Table:
    """Errors of each lab left out; from ``labs.leave_one_lab_out``."""
    headings = {"lab": "lab", "n": "models", "error": "error of the line (pp)"}
    others = {"constant": "error of the mean (pp)", "slope": "slope without it", "intercept": "intercept (%)"}
    shown = dict.fromkeys(("error", "constant", "slope", "intercept"), _two)
    return table(held_out, {**headings, **others}, show=shown)


def lab_means_table(nulls: Mapping[str, Null]) -> Table:
    """Mean h of labs beside that of as many models drawn from all labs."""
    rows = [(lab, null.observed, interval(null.low, null.high, 1), null.p) for lab, null in nulls.items()]
    frame = pd.DataFrame(rows, columns=["lab", "h", "null", "p"])
    headings = {"lab": "lab", "h": "mean h, core (pp)", "null": "95% of the null (pp)", "p": "p"}
    return table(frame, headings, show={"h": "{:+.1f}".format})


def spreads_table(spreads: Mapping[str, Saturation]) -> Table:
    """Spreads of the top five of each set of models, and their ratio."""
    rows = [(name, one.old_spread, one.new_spread, one.ratio) for name, one in spreads.items()]
    columns = ["models", "SWE-bench (pp)", "GPQA (pp)", "ratio"]
    shown = {"SWE-bench (pp)": _one, "GPQA (pp)": _one, "ratio": _two}
    return table(pd.DataFrame(rows, columns=columns), columns, show=shown)


def noise_table(noise: Mapping[str, Attenuation]) -> Table:
    """What item noise does to r and to h, by set of models."""
    rows = [(name, one.r, one.r_without_noise, one.h_share) for name, one in noise.items()]
    columns = ["models", "r", "r without item noise", "item noise in the variance of h"]
    return table(
        pd.DataFrame(rows, columns=columns),
        columns,
        show={"r": _three, columns[2]: _three, columns[3]: percent},
    )


def predictions_table(tracked: pd.DataFrame) -> Table:
    """Where predictions stand; from ``predictions.track``."""
    headings = {"prediction": "no.", "title": "prediction", "status": "status", "standing": "standing"}
    return table(
        tracked.reset_index(), {**headings, "measured": "measured", "deadline": "deadline", "n": "models"}
    )
