"""Shares of units in two arms: which interval and which test, by a rule that never looks at the difference."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

from steelyard.stats.cluster_moments import ClusterMoments
from steelyard.stats.interval import Interval
from steelyard.stats.linearise import linear_mean
from steelyard.stats.moments import Moments
from steelyard.stats.proportions import share_ratio
from steelyard.stats.score_interval import score_ratio
from steelyard.stats.share_comparison import ShareComparison, share_comparison
from steelyard.stats.two_levels import TwoLevels
from steelyard.studies.experiments.cluster_sums import squared
from steelyard.studies.experiments.columns import above
from steelyard.studies.experiments.metric_use import MetricUse

__all__ = ["Counts", "compare_shares", "is_binary", "share_counts"]

Counts = tuple[int, int, int, int]
"""Units that have it and units, of the treated arm and of control."""

WORDS = {
    "newcombe": "Newcombe's interval",
    "miettinen_nurminen": "Miettinen and Nurminen's interval",
    "pooled_z": "pooled z",
    "boschloo": "Boschloo's exact test",
    "fisher_mid_p": "Fisher's mid-p",
}


def is_binary(moments: Moments, column: str) -> bool:
    """Whether every value is 0 or 1: then, and only then among values from 0 to 1, squares add up to the sum.

    A column with other values can pass by accident (2 and -0.618...), never by being a share of another kind.
    """
    at = moments.place(column)
    mean = moments.mean(column)
    if isinstance(moments, ClusterMoments):
        about, near = moments.mean(squared(column)), moments.origin_of(column)
        return math.isclose(about + near * (2 * mean - near), mean, rel_tol=1e-7, abs_tol=1e-9)
    square = float(moments.cross[at, at]) / moments.rows + mean**2
    return math.isclose(square, mean, rel_tol=1e-7, abs_tol=1e-9)


def share_counts(use: MetricUse, treated: Moments, control: Moments) -> Counts | None:
    """The counts of two arms; None where values are not 0 or 1, or there are none."""
    column = above(use.metric)
    usable = all(arm.rows >= 1 and math.isfinite(arm.mean(column)) for arm in (treated, control))
    if not usable or not (is_binary(treated, column) and is_binary(control, column)):
        return None
    (x1, n1), (x2, n2) = ((round(arm.mean(column) * arm.rows), arm.rows) for arm in (treated, control))
    return x1, n1, x2, n2


def compare_shares(use: MetricUse, treated: Moments, control: Moments, level: float) -> dict[str, Any] | None:
    """The difference of two shares on both scales, with what made it; None where it cannot be computed."""
    column, counts = above(use.metric), share_counts(use, treated, control)
    if counts is None:
        return None
    x1, n1, x2, n2 = counts
    found = _chosen(x1, n1, x2, n2, level)
    error = math.sqrt(sum(x / n * (1 - x / n) / n for x, n in ((x1, n1), (x2, n2))))
    method = f"{WORDS[found.interval]}, {WORDS[found.test]}"
    if use.relative_method in ("delta", "fieller"):
        levels = TwoLevels.of(linear_mean(treated, column), linear_mean(control, column))
        relative = levels.relative(level, use.relative_method) if min(n1, n2) > 1 else None
        method += f", relative by {use.relative_method}"
    else:
        relative = _ratio(found, x1, n1, x2, n2)
    return {
        "absolute": Interval(
            value=found.value, std_error=error, low=found.low, high=found.high, level=level, p_value=found.p_value,
            df=math.inf,
        ),
        "relative": relative,
        "control_level": x2 / n2,
        "method": method,
    }  # fmt: skip


@lru_cache(maxsize=512)
def _chosen(x1: int, n1: int, x2: int, n2: int, level: float) -> ShareComparison:
    """An exact test takes up to a tenth of a second, and a look asks for the same one at several levels."""
    return share_comparison(x1, n1, x2, n2, level)


def _ratio(found: ShareComparison, x1: int, n1: int, x2: int, n2: int) -> Interval | None:
    """The relative difference, with the interval that goes with the difference's and with its p-value."""
    plain = share_ratio(x1, n1, x2, n2, found.level)
    if x2 == 0 or (found.interval == "newcombe" and plain is not None):
        return plain
    low, high = score_ratio(x1, n1, x2, n2, found.level)
    return Interval(
        value=(x1 / n1) / (x2 / n2) - 1,
        std_error=math.nan if plain is None else plain.std_error,
        low=low - 1,
        high=high - 1,
        level=found.level,
        p_value=found.p_value,
        df=math.inf,
    )
