"""A value with its error, interval and p-value."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Interval"]


@dataclass(frozen=True, kw_only=True)
class Interval:
    """A value with its error, interval and p-value.

    Args:
        value: The estimate.
        std_error: Its standard error on the same scale.
        low: Lower bound; minus infinity is unbounded.
        high: Upper bound; infinity is unbounded.
        level: Confidence level, a fraction.
        p_value: Two-sided, of no effect.
        df: Degrees of freedom; infinity for a normal reference.
    """

    value: float
    std_error: float
    low: float
    high: float
    level: float
    p_value: float
    df: float
