"""The difference of two means with unequal variances."""

from __future__ import annotations

import math

from steelyard.stats.interval import Interval
from steelyard.stats.sample import Sample

__all__ = ["degrees_of_freedom", "welch"]


def degrees_of_freedom(one: Sample, other: Sample) -> float:
    """Welch and Satterthwaite's degrees of freedom of the difference of two means.

    Source: Welch (1947), The generalization of Student's problem, Biometrika 34.

    >>> same = Sample(n=10, mean=0.0, variance=1.0)
    >>> round(degrees_of_freedom(same, same), 9)
    18.0
    """
    a, b = one.squared_error, other.squared_error
    if a + b == 0:
        return float(one.n + other.n - 2)
    # As shares of the sum, so that tiny variances do not underflow when they are squared.
    share = a / (a + b)
    return 1.0 / (share**2 / (one.n - 1) + (1 - share) ** 2 / (other.n - 1))


def welch(treated: Sample, control: Sample, level: float = 0.95, *, df: float | None = None) -> Interval:
    """The difference `treated - control` with Welch's t interval and two-sided p-value.

    Args:
        treated: The arm that is judged, two units or more.
        control: The arm that it is compared with, two units or more.
        level: Confidence level, above 0 and below 1.
        df: Degrees of freedom, where they are not Welch and Satterthwaite's.

    Returns:
        The interval; with no variance in either arm it has no width, and its p-value is 0 or 1.

    Assumes: Units are independent; the means are close to normal (many units, or normal values).

    Source: Welch (1947), Biometrika 34; compared with R 4.2.2 `t.test` and scipy `ttest_ind(equal_var=False)`.

    >>> w = welch(Sample(n=20, mean=1.0, variance=4.0), Sample(n=30, mean=0.0, variance=9.0))
    >>> round(w.low, 4), round(w.high, 4), round(w.p_value, 4)
    (-0.4217, 2.4217, 0.1638)
    """
    from scipy.special import stdtr, stdtrit

    value = (treated.origin - control.origin) + (treated.mean - control.mean)
    error = math.sqrt(treated.squared_error + control.squared_error)
    df = degrees_of_freedom(treated, control) if df is None else df
    reach = float(stdtrit(df, (1 + level) / 2)) * error
    p_value = 2 * float(stdtr(df, -abs(value) / error)) if error else float(value == 0)
    return Interval(
        value=value, std_error=error, low=value - reach, high=value + reach, level=level, p_value=p_value, df=df
    )
