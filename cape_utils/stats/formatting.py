"""Numbers as a reader wants them: few digits, units, p-values and intervals, the same in every table and sentence.

Nothing is computed here. A missing or infinite number is a dash, never NaN or inf.
"""

from __future__ import annotations

import math

__all__ = ["DASH", "decimals_for", "interval", "number", "p_value", "percent", "size", "with_interval"]

DASH = "\u2013"


def number(value: float | None, digits: int = 3, *, signed: bool = False) -> str:
    """A number with so many significant digits, and all digits before the point.

    Examples
    --------
    >>> number(0.123456), number(1234.5), number(-0.04), number(float("nan")) == DASH
    ('0.123', '1,234', '-0.04', True)
    >>> number(12.0, signed=True), number(3)
    ('+12.0', '3')
    """
    if value is None or not math.isfinite(value):
        return DASH
    sign = "+" if signed else ""
    if isinstance(value, int) or value == 0:
        return f"{value:{sign},.0f}"
    decimals = digits - 1 - math.floor(math.log10(abs(value)))
    shown = f"{value:{sign},.{max(decimals, 0)}f}"
    # A number of three digits given to the third is one that has no more: 0.5 stays 0.5, while 12.0 says it is not 12.4.
    return shown.rstrip("0").rstrip(".") if abs(value) < 1 and "." in shown else shown


def interval(low: float | None, high: float | None, decimals: int | None = None) -> str:
    """The two ends of a range, in as many decimals as its width calls for.

    Examples
    --------
    >>> interval(-0.3702, 0.3888), interval(0.551, 369.2)
    ('[-0.37, 0.39]', '[0.551, 369]')
    """
    if low is None or high is None or math.isnan(low) or math.isnan(high):
        return DASH
    if decimals is None and low > 0 and high > 10 * low:  # ends of different length need digits of their own
        return f"[{number(low)}, {number(high)}]"
    places = decimals_for(low, high) if decimals is None else decimals
    ends = (f"{end:,.{places}f}" if math.isfinite(end) else DASH for end in (low, high))
    return f"[{', '.join(ends)}]"


def with_interval(
    value: float | None,
    low: float | None,
    high: float | None,
    *,
    min_decimals: int = 0,
    decimals: int | None = None,
) -> str:
    """A number and its range in the same decimals: as the width asks, at least ``min_decimals``, or just ``decimals``.

    Examples
    --------
    >>> with_interval(0.08931, -0.3702, 0.3888), with_interval(2.0, None, None)
    ('0.09 [-0.37, 0.39]', '2.00')
    >>> with_interval(0.989, 0.66, 0.9997, min_decimals=3)
    '0.989 [0.660, 1.000]'
    """
    if low is None or high is None or not (math.isfinite(low) and math.isfinite(high)):
        return number(value)
    if value is None or not math.isfinite(value):
        return f"{DASH} {interval(low, high)}"
    if low > 0 and high > 10 * low and not min_decimals:
        return f"{number(value)} {interval(low, high)}"
    if decimals is not None:
        return f"{value:,.{decimals}f} {interval(low, high, decimals)}"
    wanted = min(min_decimals, max(2 - math.floor(math.log10(abs(value))), 0)) if value else min_decimals
    places = max(decimals_for(low, high), wanted)
    return f"{value:,.{places}f} {interval(low, high, places)}"


def decimals_for(low: float, high: float) -> int:
    """Decimals that give two significant digits of half the width of a range.

    Examples
    --------
    >>> decimals_for(-0.37, 0.39), decimals_for(10.0, 300.0)
    (2, 0)
    """
    half = abs(high - low) / 2
    if half == 0:  # no width to go by: the digits that the number has
        return len(f"{low:.4g}".partition(".")[2])
    if not math.isfinite(half):
        return 2
    return min(max(1 - math.floor(math.log10(half)), 0), 6)


def p_value(p: float | None, *, name: bool = False) -> str:
    """A p-value: two digits above 0.1, three below, and a bound where it rounds to nothing.

    Examples
    --------
    >>> p_value(0.0004), p_value(0.0321), p_value(0.27), p_value(0.0321, name=True)
    ('< 0.001', '0.032', '0.27', 'p = 0.032')
    """
    if p is None or not math.isfinite(p):
        return DASH
    if p < 0.001:
        return "p < 0.001" if name else "< 0.001"
    shown = f"{p:.2f}" if p >= 0.1 else f"{p:.3f}"
    return f"p = {shown}" if name else shown


def percent(share: float | None, decimals: int = 0) -> str:
    """A share as a percentage.

    Examples
    --------
    >>> percent(0.634), percent(None) == DASH
    ('63%', True)
    """
    return DASH if share is None or not math.isfinite(share) else f"{100 * share:.{decimals}f}%"


def size(params_b: float | None) -> str:
    """A model's size, from billions of parameters.

    Examples
    --------
    >>> size(6.9), size(0.07), size(70)
    ('6.9B', '70M', '70B')
    """
    if params_b is None or not math.isfinite(params_b):
        return DASH
    return f"{1000 * params_b:.3g}M" if params_b < 0.1 else f"{params_b:.3g}B"
