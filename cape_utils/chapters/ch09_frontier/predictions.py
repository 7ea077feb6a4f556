"""Paper B's seven predictions, each computed from a table of models as of a date that the caller gives.

Conditions and deadlines are the paper's, in ``data/predictions.csv``. A prediction is decided on its deadline; before
that it is open, and ``standing`` says what the table would decide today. No clock is read.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import pandas as pd

from cape_utils import data
from cape_utils.frontier.benchmark_pair import GPQA, SWE
from cape_utils.frontier.benchmark_saturation import saturation
from cape_utils.frontier.regression import Line, fit_line, h_field, models, with_dates
from cape_utils.stats.correlation import pearson

__all__ = ["HLE", "IFEVAL", "Standing", "add_model", "known_by", "track"]

IFEVAL, HLE = "ifeval", "hle"
_TITLES = {IFEVAL: "IFEval", HLE: "HLE"}
Verdict = Literal["pass", "fail", "neither", "not computable"]


@dataclass(frozen=True)
class Standing:
    """What a table says about one prediction.

    Attributes
    ----------
    verdict : {"pass", "fail", "neither", "not computable"}
        Which of the paper's two conditions the table meets.
    measured : str
        The numbers behind it.
    over : bool
        Whether the event that ends the prediction has happened, where it has no date.
    """

    verdict: Verdict
    measured: str
    over: bool = False


def _day(text: str | dt.date) -> dt.date:
    if isinstance(text, dt.date):
        return text
    try:
        return dt.date.fromisoformat(text)
    except ValueError as error:
        raise ValueError(f"as_of={text!r}; a date like '2026-12-31' is needed") from error


def known_by(table: pd.DataFrame, as_of: str | dt.date) -> pd.DataFrame:
    """Models that were out for sure by the end of a day; a date given to the year counts from its last day."""
    day = _day(as_of)
    end = day.year + day.timetuple().tm_yday / (366 if pd.Timestamp(day).is_leap_year else 365)
    return table[with_dates(table)["date_high"] <= end + 1e-6]


def add_model(
    table: pd.DataFrame,
    *,
    model: str,
    lab: str,
    released: str,
    swe_bench_verified: float,
    gpqa_diamond: float,
    **others: float,
) -> pd.DataFrame:
    """The table with one more model, which counts as released after the paper's cut-off.

    Parameters
    ----------
    table : pandas.DataFrame
        From ``frontier.regression.models("all")``; it is not changed.
    released : str
        ``"2026"``, ``"2026-05"`` or ``"2026-05-14"``.
    swe_bench_verified, gpqa_diamond, others : float
        Scores in percent; ``ifeval=`` and ``hle=`` are the other two that predictions need.

    Examples
    --------
    >>> more = add_model(models("all"), model="X", lab="Google", released="2026-05", swe_bench_verified=82, gpqa_diamond=95)
    >>> len(more)
    40
    """
    if model in set(table["model"]):
        raise ValueError(f"{model!r} is in the table already")
    scores = {SWE: swe_bench_verified, GPQA: gpqa_diamond, **others}
    for name, value in scores.items():
        if not ((math.isfinite(value) and 1 < value <= 100) or value == 0):
            raise ValueError(f"{name}={value:g}; give percent, from 0 to 100 and not a fraction")
    named = {"model": model, "lab": lab, "released": released, "subset": "after_cutoff", **scores}
    row = with_dates(pd.DataFrame([named]))
    # Columns that one side lacks are filled with missing values, not with guesses.
    both = [part.astype({c: float for c in scores if c in part}) for part in (table, row)]
    return pd.concat(both, ignore_index=True)


def _spread(table: pd.DataFrame, first: str, second: str, top: int) -> tuple[float, float] | None:
    used = table.dropna(subset=[name for name in (first, second) if name in table])
    if first not in used or second not in used or len(used) < top:
        return None
    spread = saturation(used, old=first, new=second, top=top)
    return spread.old_spread, spread.new_spread


def _lacks(table: pd.DataFrame, *columns: str) -> Standing | None:
    absent = [_TITLES[name] for name in columns if name not in table or table[name].notna().sum() == 0]
    return Standing("not computable", f"no {' or '.join(absent)} scores in the table") if absent else None


def _choose(passes: bool, fails: bool) -> Verdict:
    return "pass" if passes else "fail" if fails else "neither"


def _swe_saturates(table: pd.DataFrame, line: Line) -> Standing:
    spreads = _spread(table, SWE, GPQA, 5)
    if spreads is None:
        return Standing("not computable", "fewer than five models with both scores")
    old, new = spreads
    return Standing(
        _choose(old < 2 and new > 5, old > 5), f"top five: SWE-bench spread {old:.1f}, GPQA spread {new:.1f}"
    )


def _correlation(table: pd.DataFrame, x: str, y: str) -> tuple[float, int]:
    used = table.dropna(subset=[x, y])
    a, b = (used[name].to_numpy(dtype=float) for name in (x, y))
    defined = len(used) > 2 and a.min() < a.max() and b.min() < b.max()
    return (pearson(a, b) if defined else math.nan), len(used)


def _ifeval_couples(table: pd.DataFrame, line: Line) -> Standing:
    lacking = _lacks(table, IFEVAL)
    if lacking:
        return lacking
    r, n = _correlation(table, GPQA, IFEVAL)
    return Standing(
        _choose(r > 0.6 and n >= 8, r < 0.3 or n < 5), f"r = {r:.2f}, n = {n}" if n > 2 else f"n = {n}"
    )


def _next_two(
    table: pd.DataFrame, line: Line, lab: str, passes: Callable[[float], bool], fails: Callable[[float], bool]
) -> Standing:
    later = (
        table[(table["subset"] == "after_cutoff") & (table["lab"] == lab)]
        .sort_values("date", kind="stable")
        .head(2)
    )
    if later.empty:
        return Standing("neither", f"0 of 2 releases of {lab}")
    h = h_field(later, line)["h"].tolist()
    verdict = _choose(len(h) == 2 and all(map(passes, h)), any(map(fails, h)))
    listed = ", ".join(f"{name} h = {value:+.1f}" for name, value in zip(later["model"], h, strict=True))
    lost = "; it can no longer pass" if verdict != "pass" and not all(map(passes, h)) else ""
    return Standing(
        verdict, f"{len(h)} of 2 releases of {lab}: {listed}{lost}", len(h) == 2 or verdict == "fail"
    )


def _deepseek(table: pd.DataFrame, line: Line) -> Standing:
    return _next_two(table, line, "DeepSeek", lambda h: h < 0, lambda h: h > 5)


def _google(table: pd.DataFrame, line: Line) -> Standing:
    return _next_two(table, line, "Google", lambda h: h > 3, lambda h: h < 0)


def _persists(table: pd.DataFrame, line: Line) -> Standing:
    r, n = _correlation(table, SWE, GPQA)
    return Standing(_choose(r > 0.5 and n >= 30, r < 0.3), f"r = {r:.2f}, n = {n}")


def _ifeval_saturates(table: pd.DataFrame, line: Line) -> Standing:
    lacking = _lacks(table, IFEVAL, HLE)
    if lacking:
        return lacking
    spreads = _spread(table, IFEVAL, HLE, 10)
    if spreads is None:
        return Standing("not computable", "fewer than ten models with both scores")
    old, new = spreads
    return Standing(
        _choose(old < 3 and new > 15, old > 8), f"top ten: IFEval spread {old:.1f}, HLE spread {new:.1f}"
    )


def _hle_decouples(table: pd.DataFrame, line: Line) -> Standing:
    lacking = _lacks(table, HLE)
    if lacking:
        return lacking
    r, n = _correlation(table, SWE, HLE)
    return Standing(_choose(r < 0 and n >= 10, r > 0.3), f"r = {r:.2f}, n = {n}")


_RULES: dict[int, Callable[[pd.DataFrame, Line], Standing]] = {
    1: _swe_saturates,
    2: _ifeval_couples,
    3: _deepseek,
    4: _google,
    5: _persists,
    6: _ifeval_saturates,
    7: _hle_decouples,
}


def track(table: pd.DataFrame | None = None, *, as_of: str | dt.date) -> pd.DataFrame:
    """Where each of the seven predictions stands on a day.

    Parameters
    ----------
    table : pandas.DataFrame, optional
        Models with ``model, lab, released, subset`` and scores in percent; all of the book's by default. A column
        ``hle`` makes predictions 6 and 7 computable.
    as_of : str or datetime.date
        Models that were not out for sure by then are left out.

    Returns
    -------
    pandas.DataFrame
        Indexed by number: ``title, status`` ("pass", "fail", "open", "not computable"), ``standing`` (what the table
        would decide that day: also "neither"), ``measured, deadline, n``. h is measured from the line through the
        published models. If a deadline passes with neither condition met, the status stays open.

    Examples
    --------
    >>> track(as_of="2026-04-30")["status"].tolist()[:2]
    ['open', 'open']
    """
    day = _day(as_of)
    known = known_by(models("all") if table is None else table, day)
    known = with_dates(known)
    line, rows = fit_line(models()), []
    for row in data.load("predictions").to_dict("records"):
        standing = _RULES[int(row["prediction"])](known, line)
        dated = isinstance(row["deadline_date"], str)
        over = day >= dt.date.fromisoformat(row["deadline_date"]) if dated else standing.over
        decided = over and standing.verdict in ("pass", "fail")
        status = standing.verdict if decided or standing.verdict == "not computable" else "open"
        rows.append(
            {
                "prediction": int(row["prediction"]),
                "title": row["title"],
                "status": status,
                "standing": standing.verdict,
                "measured": standing.measured,
                "deadline": row["deadline_date"] if dated else row["deadline_event"],
                "n": len(known),
            }
        )
    return pd.DataFrame(rows).set_index("prediction")
