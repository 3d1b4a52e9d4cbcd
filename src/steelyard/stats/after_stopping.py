"""Estimates after a group-sequential test has stopped, which looking early would otherwise bend."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from steelyard.errors import DefinitionError
from steelyard.stats.boundaries import Boundaries
from steelyard.stats.crossings import Crossings, crossings

__all__ = ["Stopped", "after_stopping"]


@dataclass(frozen=True, kw_only=True)
class Stopped:
    """What a stopped test says of the effect.

    Args:
        value: The median-unbiased estimate: as often too high as too low.
        low: Lower bound.
        high: Upper bound.
        level: Confidence level, two-sided.
        p_value: Of no effect under the stage-wise ordering; of one side where the test has one, else of both.
        naive: The plain estimate at the look.
    """

    value: float
    low: float
    high: float
    level: float
    p_value: float
    naive: float


def after_stopping(
    bounds: Boundaries,
    estimate: float,
    std_error: float,
    *,
    level: float | None = None,
    last: bool = True,
    means: Sequence[float] | None = None,
) -> Stopped:
    """The p-value, median-unbiased estimate and interval of a test that stopped at the last of the looks given.

    Outcomes are put in order by the look at which they stop, then by z: an earlier rejection is the stronger evidence.
    The p-value is at most alpha exactly where the bounds were crossed, and the interval agrees with it.

    Args:
        bounds: Bounds of all looks up to the one that ended the test. Futility bounds that do not bind are left out of
            account, so that the numbers hold whether they were obeyed or not.
        estimate: The plain estimate at that look.
        std_error: Its standard error.
        level: Confidence level, two-sided; when absent, the one that belongs to the bounds.
        last: Whether the test ended there whatever it saw. Without this it must have crossed a bound.
        means: Mean of z at each look when it is 1 at the last, where that is not as the roots of the fractions: of
            looks whose information is not the inverse of the squared error.

    Raises:
        DefinitionError: No bound was crossed and the look was not the last, or the standard error is not above 0; or
            means with futility bounds that bind.

    Assumes: Earlier looks did not cross their bounds (or were, without right, passed over: then this is not valid).

    Source: Armitage (1957); Tsiatis, Rosner and Mehta (1984), Biometrics 40; Jennison and Turnbull (2000), chapter 8;
        compared with rpact 3.3.4 `getFinalPValue` and `getFinalConfidenceInterval`.

    >>> from steelyard.stats.boundaries import boundaries
    >>> from steelyard.stats.spending import Spending
    >>> looks = boundaries([0.5, 1.0], Spending(kind="obrien_fleming"))
    >>> found = after_stopping(looks, estimate=2.4, std_error=1.0)
    >>> round(found.p_value, 4), round(found.value, 2), found.low > 0
    (0.0181, 2.39, True)
    """
    if not std_error > 0 or not math.isfinite(estimate):
        raise DefinitionError(f"an estimate of {estimate!r} with standard error {std_error!r}")
    z, at = estimate / std_error, bounds.fractions[-1]
    stopped = abs(z) >= bounds.upper[-1] if bounds.sides == 2 else z >= bounds.upper[-1] or z <= bounds.futility[-1]
    if not stopped and not last:
        raise DefinitionError(
            f"z {z!r} at the last look crossed no bound", hint="wait for the next look, or say that it is the last"
        )
    if means is not None and bounds.binding:
        raise DefinitionError("futility bounds that bind, and means of z at each look", hint="leave one of them out")
    ordered = _Order(bounds, z, means)
    alpha = 1 - level if level is not None else bounds.alpha * (2 / bounds.sides)
    # Drifts are means of z at fraction 1; the effect is the drift times the error that fraction 1 would have.
    scale = std_error * (math.sqrt(at) if means is None else 1.0)
    low, middle, high = (scale * ordered.drift(tail) for tail in (alpha / 2, 0.5, 1 - alpha / 2))
    upward = ordered.beyond(0.0)
    p_value = 2 * min(upward, 1 - upward) if bounds.sides == 2 else upward
    return Stopped(value=middle, low=low, high=high, level=1 - alpha, p_value=min(p_value, 1.0), naive=estimate)


class _Order:
    """How likely an outcome is that stands above the one seen, for each drift (or, of means, mean of the last z)."""

    def __init__(self, bounds: Boundaries, z: float, means: Sequence[float] | None) -> None:
        self.bounds, self.z, self.means = bounds, z, means

    def beyond(self, drift: float) -> float:
        """The chance of an outcome at or above the one seen."""
        here, looks = self._crossings(drift), len(self.bounds.fractions)
        if self.z < 0:
            return 1 - sum(here.below[: looks - 1]) - here.below[-1]
        return sum(here.above[: looks - 1]) + here.above[-1]

    def _crossings(self, drift: float) -> Crossings:
        bounds, binds = self.bounds, self.bounds.binding
        upper = (*bounds.upper[:-1], self.z)
        if self.means is not None:
            # What z is beyond its mean has no drift: the bounds move instead.
            past = -math.inf if bounds.sides == 1 else -1.0
            lower = (*(past * bound for bound in bounds.upper[:-1]), self.z)
            above, under = ([b - drift * m for b, m in zip(side, self.means, strict=True)] for side in (upper, lower))
            return crossings(bounds.fractions, above, under)
        if bounds.sides == 2:
            lower = (*(-bound for bound in bounds.upper[:-1]), self.z)
            inner = (*bounds.futility[:-1], 0.0) if binds else None
            return crossings(bounds.fractions, upper, lower, inner=inner, drift=drift)
        early = bounds.futility[:-1] if binds else tuple([-math.inf] * (len(bounds.fractions) - 1))
        return crossings(bounds.fractions, upper, (*early, self.z), drift=drift)

    def drift(self, tail: float) -> float:
        """The drift under which an outcome at or above the one seen has probability `tail`."""
        start = self.z / math.sqrt(self.bounds.fractions[-1]) if self.means is None else self.z
        return _root(lambda drift: self.beyond(drift) - tail, start)


def _root(rises: Callable[[float], float], start: float) -> float:
    from scipy.optimize import brentq

    low, high, reach = start - 1.0, start + 1.0, 1.0
    while rises(low) > 0:
        reach *= 2
        low -= reach
    reach = 1.0
    while rises(high) < 0:
        reach *= 2
        high += reach
    return float(brentq(rises, low, high, xtol=1e-10, rtol=1e-12))
