"""Chapter 09: the words turn with the numbers, and the tables speak words."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

from cape_utils.chapters.ch09_frontier import date_nulls, findings, labs, predictions
from cape_utils.frontier import regression
from cape_utils.frontier.benchmark_pair import GPQA, SWE


def number(estimate=0.5, low=0.3, high=0.7, n=34):
    return SimpleNamespace(estimate=estimate, low=low, high=high, n=n)


def null(observed=0.7, low=0.4, high=0.76, p=0.07, draws=120):
    return SimpleNamespace(observed=observed, low=low, high=high, p=p, draws=draws)


def line(slope_se=0.087, p=1.33e-6):
    slope = number(0.513, 0.337, 0.689)
    return SimpleNamespace(n=34, r=number(0.75), slope=slope, slope_se=slope_se, p=p)


def spread(old, new, ratio=None):
    return SimpleNamespace(old_spread=old, new_spread=new, ratio=old / new if ratio is None else ratio)


def ranges(lows=(-0.3, 0.1)) -> pd.DataFrame:
    rows = [(0, 60, 10, 0.37, low, 0.8, 0.29, 0.56) for low in lows]
    return pd.DataFrame(rows, columns=["low_pct", "high_pct", "n", "r", "low", "high", "p", "expected"])


def held_out(error=(4.0, 6.0, 1.0), constant=(8.0, 8.0, 2.0)) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "lab": list("abc"),
            "n": [3, 4, 1],
            "error": error,
            "constant": constant,
            "slope": 0.5,
            "intercept": 46.0,
        }
    )


def ahead(line_error: float) -> pd.DataFrame:
    return pd.DataFrame(
        {"model": ["m"], "gpqa": [90.0], "line": [90 - line_error], "mean": [80.0], "recent": [87.0]}
    )


def given(**changes) -> date_nulls.GivenDate:
    usual = number(0.28, 0.13, 0.78)
    fields = dict.fromkeys(("published", "core", "with_later", "dates_moved", "month_known"), usual)
    return date_nulls.GivenDate(**(fields | {"labs": 10, "p_models": 0.115} | changes))


ALL_HOLD_ZERO = given(
    **dict.fromkeys(("published", "core", "with_later", "month_known"), number(0.28, -0.2, 0.7))
)


def test_models_with_inexact_dates_and_shared_scores_are_named():
    published = pd.DataFrame({"lab": list("aab"), "year_only": [True, False, True]})
    everyone = pd.DataFrame({"model": ["A", "B", "C"], "flags": [None, "repeated_score", "repeated_score;x"]})
    text = findings.models_and_dates(published, published[:1], published[:2], everyone).data
    assert (
        "There are 3 published models of 2 labs, 1 of them called core, and 2 later releases.\n\nFor 2 of"
        in text
    )
    assert text.endswith("stand for two models: B, C.")


@pytest.mark.parametrize(
    ("slope_se", "words"),
    [
        (0.087, "0.080 to each side: about one standard error (0.087), not a 95%"),
        (0.04, "close to a 95% interval"),
    ],
)
def test_the_interval_quoted_is_told_from_a_standard_error(slope_se, words):
    text = findings.quoted_interval(line(slope_se)).data
    assert words in text


@pytest.mark.parametrize(("lows", "hold_zero"), [((-0.3, 0.1), 1), ((-0.3, -0.1), 2)])
def test_ranges_that_hold_zero_are_counted(lows, hold_zero):
    text = findings.ranges_alone(ranges(lows)).data
    assert f"The intervals of {hold_zero} of the 2 ranges hold zero" in text
    assert f"r is 0.37 [{lows[-1]:.2f}, 0.80].\n" in text


@pytest.mark.parametrize(
    ("table", "words"),
    [
        (held_out(), "errs by 5.0 points and the constant by 8.0: the line is better, with only"),
        (held_out(error=(9.0, 9.0, 1.0)), "the line is worse"),
        (held_out(), "Over all 3 labs it is 3.7 against 6.0"),
    ],
)
def test_the_line_is_held_against_a_constant(table, words):
    assert words in findings.held_out_labs(table).data


def test_slopes_are_unequal_only_where_the_test_says_so():
    tests = {
        name: SimpleNamespace(df_labs=3, df_rest=19, f=f, p=p)
        for name, f, p in (("published", 9.0, 0.0001), ("core", 3.03, 0.075))
    }
    text = findings.slopes_differ(tests).data
    assert "- published models: F(3, 19) = 9.00, p < 0.001, slopes unequal.\n- core models" in text
    assert "F(3, 19) = 3.03, p = 0.075, slopes not shown to differ." in text


@pytest.mark.parametrize(
    ("spreads", "words"),
    [
        ({"core": spread(1.3, 20.2), "with later": spread(7.0, 7.3)}, "come from no single set of five"),
        ({"core": spread(1.3, 9.1), "with later": spread(7.0, 7.3)}, "that the paper quotes come from core."),
        ({"with later": spread(1.3, 9.1)}, "it still asks for a rotation"),
        ({"with later": spread(7.0, 7.3)}, "it no longer asks for a rotation"),
    ],
)
def test_spreads_and_the_rule(spreads, words):
    assert words in findings.quoted_spreads(spreads).data


@pytest.mark.parametrize(
    ("observed", "result", "words"),
    [
        (null(), given(), "The observed 0.70 lies inside what the calendar alone gives, 0.40 to 0.76; 7% of"),
        (null(0.8), given(), "The observed 0.80 lies outside"),
        (null(), given(), "4 of these 4 intervals by lab leave out zero, and they reach from 0.13 to 0.78"),
        (
            null(),
            given(core=number(0.2, -0.1, 0.9)),
            "3 of these 4 intervals by lab leave out zero, and they reach from -0.10",
        ),
        (null(), given(core=number(0.2, -0.1, 0.9)), "They do not agree on whether"),
        (
            null(),
            given(),
            "They speak for some cooperation beyond the date, small or large.\n\nWith the published models",
        ),
        (
            null(),
            ALL_HOLD_ZERO,
            "None of these 4 intervals by lab leaves out zero, and they reach from -0.20 to 0.70",
        ),
        (null(), ALL_HOLD_ZERO, "They allow none beyond the date as well as much of it"),
        (null(), given(dates_moved=number(0.3, -0.2, 0.43)), "r runs from -0.20 to 0.43.\n- *Models whose"),
        (null(), given(labs=7), "cannot be told from 7 labs"),
    ],
)
def test_what_is_left_without_the_date(observed, result, words):
    text = findings.date_taken_out(observed, result).data
    assert words in text
    if result is ALL_HOLD_ZERO:
        return
    assert "scores:\n\n- *Published models.* r is 0.28 [0.13, 0.78] by lab.\n- *Dates" in text


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (
            2.0,
            "by 10.0, that of the year's earlier ones by 3.0: the line is better than both constants.",
        ),
        (4.0, "no better than the best constant"),
    ],
)
def test_forecasts_are_held_against_constants(error, words):
    text = findings.forecasts(ahead(error), null(0.75, 0.738, 0.75)).data
    assert words in text
    assert "in any of 120 ways, and r over all models lies between 0.738 and 0.750" in text


def test_tables_speak_words():
    tracked = predictions.track(as_of="2026-04-30")
    nulls = {"Anthropic": null(-6.94, -4.238, 3.793, 0.0002)}
    noise = SimpleNamespace(r=0.75, r_without_noise=0.775, h_share=0.13)
    shown = {
        "models": findings.models_table(regression.h_field(regression.models("after_cutoff"))[:1]),
        "lines": findings.lines_table({"published": line(), "core": line(p=0.02)}),
        "units": findings.units_table({"by lab": number(0.72, 0.66, 0.9)}),
        "ranges": findings.ranges_table(ranges()),
        "labs": findings.held_out_table(held_out()),
        "means": findings.lab_means_table(nulls),
        "spreads": findings.spreads_table({"core": spread(1.3, 20.2)}),
        "noise": findings.noise_table({"core": noise}),
        "predictions": findings.predictions_table(tracked),
    }
    words = [word for one in shown.values() for row in (one.headings, *one.rows) for word in row]
    assert not any("_" in word or "nan" in word for word in words)
    assert shown["models"].rows[0][3] == "after cutoff"
    assert shown["lines"].rows[0] == ("published", "34", "0.750", "0.513 [0.337, 0.689]", "0.087", "1.3e-06")
    assert shown["lines"].rows[1][-1] == "0.020"
    assert shown["units"].rows == (("by lab", "0.72 [0.66, 0.90]", "34"),)
    assert shown["ranges"].rows[0] == ("0 to 60", "10", "0.37 [-0.30, 0.80]", "0.29", "0.56")
    assert shown["means"].rows == (("Anthropic", "-6.9", "[-4.2, 3.8]", "< 0.001"),)
    assert shown["spreads"].rows == (("core", "1.3", "20.2", "0.06"),)
    assert shown["noise"].rows == (("core", "0.750", "0.775", "13%"),)
    assert shown["predictions"].rows[-1][4] == "no HLE scores in the table"


def test_the_date_is_taken_out_of_each_set_and_treatment():
    published = regression.models("published")
    result = date_nulls.given_date(
        {"published": published, "core": regression.models("core"), "with later": regression.models("all")}
    )
    assert (result.core.n, result.with_later.n, result.labs) == (23, 39, 10)
    assert result.month_known.n == (~published["year_only"]).sum() < result.published.n
    # A partial correlation and the slope of a regression that holds the date fixed have one t.
    design = sm.add_constant(published[[SWE, "date"]].astype(float))
    assert result.p_models == pytest.approx(sm.OLS(published[GPQA].astype(float), design).fit().pvalues[SWE])
    assert all(one.low < 0 < one.high for one in (result.published, result.core, result.month_known))
    assert result.dates_moved.high - result.dates_moved.low < result.published.high - result.published.low


def test_errors_of_forecasts_are_means_of_absolute_differences():
    two = pd.concat([ahead(2.0), ahead(-4.0)])
    assert labs.forecast_errors(two) == {"line": 3.0, "mean": 10.0, "recent": 3.0}
    assert np.isclose(labs.forecast_errors(ahead(-1.0))["line"], 1.0)


def test_places_to_try_are_named_by_the_line():
    from cape_utils.frontier import locate

    text = findings.places_to_try([locate(93, 85), locate(40, 78)]).data
    assert "93 and 85 have h = -9.1" in text
    assert ": cooperative.\n" in text
    assert "reasoning specialist" in text
