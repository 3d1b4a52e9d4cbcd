"""The relative difference of two means, on three scales: log, delta, Fieller."""

from __future__ import annotations

import math

from steelyard.stats.interval import Interval
from steelyard.stats.sample import Sample
from steelyard.stats.welch import degrees_of_freedom

__all__ = ["delta_relative", "fieller_relative", "log_contrast", "log_relative"]

LARGEST_EXPONENT = 700.0


def _reference(df: float, level: float) -> float:
    from scipy.special import ndtri, stdtrit

    return float(ndtri((1 + level) / 2) if math.isinf(df) else stdtrit(df, (1 + level) / 2))


def _on_log_scale(arm: Sample) -> Sample:
    return Sample(n=arm.n, mean=math.log(arm.level), variance=arm.variance / arm.level**2)


def _two_sided(statistic: float, df: float) -> float:
    from scipy.special import ndtr, stdtr

    return 2 * float(ndtr(-abs(statistic)) if math.isinf(df) else stdtr(df, -abs(statistic)))


def log_relative(treated: Sample, control: Sample, level: float = 0.95, *, normal: bool = False) -> Interval | None:
    """The relative difference `treated / control - 1`, its interval made on the log scale.

    It never goes below minus one, and swapping the arms gives exactly the reciprocal interval.

    Args:
        treated: The arm that is judged.
        control: The arm that it is compared with.
        level: Confidence level.
        normal: Whether to use the normal reference in place of Welch's t.

    Returns:
        None where a mean is not positive: a share of nothing, or of a debt, is no number.

    Assumes: Both means are many standard errors above zero.

    Source: The delta method on log(mean); compared with tea-tasting 2.0.0 and increment 0.1.0a2.

    >>> lift = log_relative(Sample(n=100, mean=11.0, variance=4.0), Sample(n=100, mean=10.0, variance=4.0))
    >>> round(lift.value, 4), round(lift.low, 4), round(lift.high, 4)
    (0.1, 0.0429, 0.1602)
    """
    if not (treated.level > 0 and control.level > 0):
        return None
    return log_contrast(_on_log_scale(treated), _on_log_scale(control), level, normal=normal)


def log_contrast(
    above: Sample, below: Sample, level: float = 0.95, *, normal: bool = False, df: float | None = None
) -> Interval:
    """`exp(above - below) - 1` of two independent means that are on the log scale already; as `log_relative`.

    Args:
        above: The logarithm that is judged.
        below: The logarithm that is taken from it.
        level: Confidence level.
        normal: Whether to use the normal reference in place of Welch's t.
        df: Degrees of freedom, where they are not Welch and Satterthwaite's.
    """
    gap = above.mean - below.mean
    error = math.sqrt(above.squared_error + below.squared_error)
    if df is None:
        df = math.inf if normal else degrees_of_freedom(above, below)
    reach = _reference(df, level) * error
    return Interval(
        value=math.expm1(gap),
        std_error=math.exp(gap) * error,
        low=math.expm1(gap - reach),
        high=math.expm1(gap + reach) if gap + reach < LARGEST_EXPONENT else math.inf,
        level=level,
        p_value=_two_sided(gap / error, df) if error else float(gap == 0),
        df=df,
    )


def delta_relative(treated: Sample, control: Sample, level: float = 0.95, *, normal: bool = False) -> Interval | None:
    """The relative difference with the symmetric interval of the plain delta method; arguments as `log_relative`.

    Returns:
        None where the control's mean is not positive.

    Source: Compared with GrowthBook's statistics engine (relative t-test).

    >>> lift = delta_relative(Sample(n=100, mean=11.0, variance=4.0), Sample(n=100, mean=10.0, variance=4.0))
    >>> round(lift.low, 4), round(lift.high, 4)
    (0.0414, 0.1586)
    """
    if not control.level > 0:
        return None
    ratio = treated.level / control.level
    error = math.sqrt(treated.squared_error + ratio**2 * control.squared_error) / control.level
    df = math.inf if normal else degrees_of_freedom(treated, control)
    critical = _reference(df, level)
    value = ratio - 1
    return Interval(
        value=value,
        std_error=error,
        low=value - critical * error,
        high=value + critical * error,
        level=level,
        p_value=_two_sided(value / error, df) if error else float(value == 0),
        df=df,
    )


def fieller_relative(
    treated: Sample, control: Sample, level: float = 0.95, *, normal: bool = False
) -> tuple[float, float]:
    """Fieller's interval of `treated / control - 1`: exact for normal means; arguments as `log_relative`.

    Returns:
        The bounds; unbounded both ways where the control's mean cannot be told from zero.

    Source: Fieller (1954), JRSS B 16.

    >>> low, high = fieller_relative(Sample(n=100, mean=11.0, variance=4.0), Sample(n=100, mean=10.0, variance=4.0))
    >>> round(low, 4), round(high, 4)
    (0.043, 0.1604)
    """
    critical = _reference(math.inf if normal else degrees_of_freedom(treated, control), level)
    a, b = treated.level, control.level
    va, vb = critical**2 * treated.squared_error, critical**2 * control.squared_error
    lead = b * b - vb
    if lead <= 0:
        return -math.inf, math.inf
    root = math.sqrt(max((a * b) ** 2 - lead * (a * a - va), 0.0))
    return (a * b - root) / lead - 1, (a * b + root) / lead - 1
