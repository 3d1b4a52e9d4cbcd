"""The bootstrap-t of a difference of means, from sums by bucket of units: for means that a few units carry."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from steelyard.errors import DefinitionError
from steelyard.stats.interval import Interval

__all__ = ["BucketSums", "bootstrap_t"]

F64 = npt.NDArray[np.float64]
FEWEST_BEYOND = 5
"""Replicates that must lie beyond a bound, so that it is one."""


@dataclass(frozen=True, kw_only=True)
class BucketSums:
    """What is known of one arm: sums by bucket, into which its units fell by chance.

    Args:
        rows: Units of each bucket, shape (b,).
        sums: Sums of their values about the origin, shape (b,).
        squares: Sums of the squares of the same, shape (b,).
        origin: What values are measured from, the same in both arms.
    """

    rows: F64
    sums: F64
    squares: F64
    origin: float = 0.0

    def of(self, weights: F64) -> tuple[F64, F64, F64]:
        """Units, mean and its squared error of resamples of the buckets; weights have shape (replicates, b)."""
        n = weights @ self.rows
        mean = weights @ self.sums / n
        spread = (weights @ self.squares - n * mean**2) / (n - 1)
        return n, self.origin + mean, np.maximum(spread, 0.0) / n


def bootstrap_t(
    treated: BucketSums,
    control: BucketSums,
    level: float = 0.95,
    *,
    scale: Literal["absolute", "relative"] = "absolute",
    replicates: int = 2_000,
    seed: int = 0,
) -> Interval | None:
    """The difference of two means, treated minus control, with the interval and p-value of the bootstrap-t.

    Args:
        treated: The arm that is judged.
        control: The arm that it is compared with.
        level: Confidence level; a bound for which there are too few replicates is infinite.
        scale: `relative` is the difference as a fraction of control, made on the log scale.
        replicates: How often the buckets are drawn again.
        seed: Seed of the draws: the same sums give the same interval.

    Returns:
        None where an arm does not vary, or a relative difference has a mean that is not positive.

    Raises:
        DefinitionError: Fewer than 200 replicates.

    Assumes: Units are independent and fell into buckets by a hash of their ids, so that buckets are exchangeable; 100
        buckets or more with units. Where arms are alike in size, skewness cancels and Welch's t serves; in a small arm
        of a skewed metric it errs on one side, and this is nearer.

    Source: Hall (1992), The Bootstrap and Edgeworth Expansion, section 3.3; Chamandy, Muralidharan, Najmi and Naidu
        (2012), Estimating uncertainty for massive data streams, for resampling sums. Coverage is simulated in
        `tests/coverage/test_bootstrap.py`.

    >>> random = np.random.default_rng(1)
    >>> arms = [random.normal(mean, 1.0, 400) for mean in (10.5, 10.0)]
    >>> sums = [BucketSums(rows=np.ones(400), sums=x, squares=x**2) for x in arms]
    >>> found = bootstrap_t(*sums)
    >>> bool(found.value == arms[0].mean() - arms[1].mean()), found.low < 0.5 < found.high
    (True, True)
    """
    if replicates < 200:
        raise DefinitionError(f"{replicates!r} replicates", hint="200 or more")
    random = np.random.default_rng(seed)
    arms = (treated, control)
    whole = [arm.of(np.ones((1, len(arm.rows)))) for arm in arms]
    drawn = [
        arm.of(random.multinomial(len(arm.rows), np.full(len(arm.rows), 1 / len(arm.rows)), replicates).astype(float))
        for arm in arms
    ]
    logs = scale == "relative"
    means = [float(mean[0]) for _, mean, _ in whole]
    if logs and min(means) <= 0:
        return None
    value, error = (float(part[0]) for part in _contrast(whole, logs=logs))
    if not error > 0:
        return None
    values, errors = _contrast(drawn, logs=logs)
    usable = np.isfinite(values) & (errors > 0)
    t = np.sort((values[usable] - value) / errors[usable])
    low, high = (value - _end(t, tail) * error for tail in ((1 + level) / 2, (1 - level) / 2))
    return Interval(
        value=math.expm1(value) if logs else value,
        std_error=math.exp(value) * error if logs else error,
        low=math.expm1(low) if logs else low,
        high=math.expm1(min(high, 700.0)) if logs else high,
        level=level,
        p_value=_p_value(t, value / error),
        df=math.inf,
    )


def _contrast(arms: list[tuple[F64, F64, F64]], *, logs: bool) -> tuple[F64, F64]:
    """The difference of means, or of their logarithms, with its error."""
    (_, one, squared_one), (_, other, squared_other) = arms
    if not logs:
        return one - other, np.sqrt(squared_one + squared_other)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.log(one) - np.log(other), np.sqrt(squared_one / one**2 + squared_other / other**2)


def _end(t: F64, tail: float) -> float:
    """The quantile of the drawn statistics; infinite where too few lie beyond it."""
    if min(tail, 1 - tail) * len(t) < FEWEST_BEYOND:
        return math.copysign(math.inf, tail - 0.5)
    return float(np.quantile(t, tail))


def _p_value(t: F64, found: float) -> float:
    """Two-sided, of no effect: the least error at which the interval excludes it."""
    beyond = min(int((t >= found).sum()), int((t <= found).sum()))
    return min(1.0, 2 * (1 + beyond) / (1 + len(t)))
