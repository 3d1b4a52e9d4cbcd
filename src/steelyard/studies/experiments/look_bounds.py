"""The bounds of one look under the rules for success and for harm, and what they make of a comparison."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Literal

from steelyard.stats.after_stopping import Stopped, after_stopping
from steelyard.stats.always_valid import AlwaysValid, always_valid, ratio_for_units
from steelyard.stats.boundaries import Boundaries, boundaries
from steelyard.stats.conditional_power import conditional_power
from steelyard.stats.interval import Interval
from steelyard.stats.repeated import repeated
from steelyard.stats.shares_sequence import shares_critical
from steelyard.stats.spending import Spending
from steelyard.studies.experiments.comparison import Comparison
from steelyard.studies.experiments.sources import EXACT, SPENDING, Stopping

__all__ = ["LookBounds", "Side", "at_look"]

LEAST_P = 1e-300
NEARLY_OVER = 1 - 1e-5


@dataclass(frozen=True, kw_only=True)
class Side:
    """One rule at one look: the bound of one end of the intervals.

    Args:
        rule: The rule.
        spending: Its spending function; None for the others.
        fractions: Units at the looks so far, this one last, as shares of what is planned: the clock of spending.
        information: What the difference times its units varies by at these looks, in the same shares.
        alpha: The error of this side.
        last: Whether this look is the planned end.
        over: Whether an earlier look was.
        shared: Whether the other end is bounded by the same exact region: then both errors are the region's.
    """

    rule: str
    spending: Spending | None
    fractions: tuple[float, ...]
    information: tuple[float, ...]
    alpha: float
    last: bool
    over: bool
    shared: bool = False

    @property
    def region_error(self) -> float:
        """The error of the exact region that bounds this end."""
        return self.alpha * (2 if self.shared else 1)

    @property
    def critical(self) -> float:
        """How many standard errors the end lies from the estimate; infinity where this look may say nothing.

        Of exact bounds, what it comes to in large samples.
        """
        from scipy.special import ndtri

        if self.rule == "always_valid":
            return self._always(0.0, "below").high
        if self.rule == EXACT:
            return shares_critical(self.fractions[-1], self.region_error)
        if self.over:
            return math.inf
        if self.spending is None:
            return -float(ndtri(self.alpha)) if self.last and max(self.fractions[:-1], default=0.0) < 1 else math.inf
        return self._boundaries().upper[-1]

    @property
    def width_ratio(self) -> float:
        """The same as a multiple of a test with one look: what looking early costs."""
        from scipy.special import ndtri

        return self.critical / -float(ndtri(self.alpha))

    def p_value(self, z: float) -> float:
        """The least error of this side with which the look would have crossed its bound; z is turned its way."""
        from scipy.special import ndtr

        if self.rule == "always_valid":
            return self._always(z, "above").p_value
        if not math.isfinite(self.critical):
            return 1.0
        if self.spending is None:
            return float(ndtr(-z))
        return repeated(self._boundaries(), self.spending, z, 1.0, last=self.last).p_value

    def stopped(self, estimate: float, std_error: float) -> Stopped:
        """What a test that ended here says of the effect; only of rules that spend their error."""
        means = None
        if self.information != self.fractions:
            roots = [now / math.sqrt(known) for now, known in zip(self.fractions, self.information, strict=True)]
            means = [root / roots[-1] for root in roots]
        return after_stopping(self._boundaries(), estimate, std_error, last=True, means=means)

    def chance_at_the_end(self, z: float) -> float | None:
        """The chance of crossing the bound at the planned end, with no look before it and the effect as estimated now.

        None of rules that do not spend, and at the end.
        """
        if self.spending is None or self.last or self.over or self.fractions[-1] > NEARLY_OVER:
            return None
        now, known = self.fractions[-1], self.information[-1]
        end = known + 1 - now
        upper = _made((*self.fractions, 1.0), (*self.information, end), self.spending, self.alpha, False).upper[-1]
        return conditional_power(z, known, [end], [upper], drift=z * math.sqrt(known) / now)

    def _always(self, z: float, bound: Literal["above", "below"]) -> AlwaysValid:
        """The confidence sequence of one end, narrowest at the planned end."""
        level = 1 - self.alpha
        ratio = ratio_for_units(self.information[-1], 1.0, level=level, bound=bound)
        return always_valid(z, 1.0, ratio, level=level, bound=bound)

    def _boundaries(self) -> Boundaries:
        assert self.spending is not None  # noqa: S101 - asked of rules that spend only
        return _made(self.fractions, self.information, self.spending, self.alpha, self.last)


@lru_cache(maxsize=256)
def _made(
    clock: tuple[float, ...], information: tuple[float, ...], spending: Spending, alpha: float, last: bool
) -> Boundaries:
    return boundaries(information, spending, alpha=alpha, sides=1, last=last, clock=clock)


@dataclass(frozen=True, kw_only=True)
class LookBounds:
    """Both rules at one look, for one arm against control.

    Args:
        success: The rule that bounds the worse end.
        harm: The rule that bounds the better end.
    """

    success: Side
    harm: Side

    @classmethod
    def of(
        cls,
        stopping: Stopping,
        fractions: tuple[float, ...],
        level: float,
        *,
        last: bool,
        over: bool,
        information: tuple[float, ...] = (),
    ) -> LookBounds:
        """The bounds of a look.

        Args:
            stopping: The rules.
            fractions: Units at the looks so far, this one last, as shares of what is planned.
            level: Confidence level of intervals that are bounded on both ends.
            last: Whether this look is the planned end.
            over: Whether an earlier look was.
            information: What the difference times its units varies by at these looks, as shares of what it will by
                plan; empty where that is as the units.

        >>> rules = Stopping(success="obrien_fleming", harm="pocock")
        >>> found = LookBounds.of(rules, (0.5,), 0.95, last=False, over=False)
        >>> round(found.success.critical, 3), round(found.harm.critical, 3)
        (2.963, 2.157)
        """

        def side(rule: str) -> Side:
            spending = stopping.spending(rule) if rule in SPENDING else None
            ends = last or fractions[-1] >= 1
            shared = stopping.success == stopping.harm == EXACT
            return Side(
                rule=rule, spending=spending, fractions=fractions, information=information or fractions,
                alpha=(1 - level) / 2, last=ends, over=over, shared=shared,
            )  # fmt: skip

        return cls(success=side(stopping.success), harm=side(stopping.harm))

    @property
    def in_words(self) -> str:
        """The rules of both ends."""
        success, harm = self.success.rule, self.harm.rule
        return success if success == harm else f"{success} for success, {harm} for harm"

    def in_large_samples(self) -> LookBounds:
        """The same of a metric that is no share: always-valid where it is exact."""
        success, harm = (
            replace(side, rule="always_valid") if side.rule == EXACT else side for side in (self.success, self.harm)
        )
        return LookBounds(success=success, harm=harm)

    def p_value(self, z: float, sign: int) -> float:
        """Two-sided, of no effect; valid at every look. `sign` is 1 where more is better, else -1."""
        side = self.success if sign * z > 0 else self.harm
        return min(1.0, 2 * side.p_value(abs(z)))


def at_look(
    bounds: LookBounds, made: Callable[[float], Comparison], level: float, sign: int, *, tested: bool
) -> Comparison:
    """A comparison with the intervals and p-values of a look.

    Each end is that of a fixed interval whose tail is the bound's, so that every method keeps its own shape: Newcombe's
    for shares, Welch's t for means, the log scale for relative effects.

    Args:
        bounds: The bounds of the look.
        made: Makes the comparison at a level.
        level: The level of one look's interval.
        sign: 1 where more is better, -1 where less is.
        tested: Whether p-values are wanted; without, they are not a number.

    Assumes: Estimates at the looks err as sums of independent terms do: what a later look adds is independent of what
        an earlier one had. A mean over units is such a sum, and a ratio is one in the limit. So is a quantile over
        units: it is its truth less the mean over units of (1{x <= q} - p) / f(q), and a rest that vanishes beside its
        error (Bahadur), at looks that have a fixed share of the units each. A quantile of rows is a mean over units of
        what they have below less what they should, in the same way, as long as the rows of a unit are complete when it
        comes in, as those of a closed window are. Over stages of a ramp it is the difference times its units that is
        such a sum (`information`), of quantiles as of means.

    Source: Bahadur (1966), Annals of Mathematical Statistics 37, with a rest of n^(-3/4) up to logarithms; Ghosh
        (1971), ibid. 42, where only the density at the quantile must be there; Scharfstein, Tsiatis and Robins (1997),
        Journal of the American Statistical Association 92, on independent increments of estimates that are linear in
        the limit. Ten looks at quantiles without an effect cross no more often than alpha, over a ramp too
        (tests/coverage).
    """
    below, above = (bounds.success, bounds.harm) if sign > 0 else (bounds.harm, bounds.success)
    levels = _level(below), _level(above)
    at = {found: made(found) if found < 1 else None for found in levels}
    lower, upper = (at[found] for found in levels)
    # Only the test needs the comparison as if there were one look: estimates are the same at any level.
    plain = (None if tested else lower or upper) or made(level)

    def turned(which: str) -> Interval | None:
        fixed: Interval | None = getattr(plain, which)
        if fixed is None:
            return None
        low: Interval | None = getattr(lower, which) if lower else None
        high: Interval | None = getattr(upper, which) if upper else None
        return replace(
            fixed,
            level=level,
            low=low.low if low else -math.inf,
            high=high.high if high else math.inf,
            p_value=bounds.p_value(_z(fixed), sign) if tested else math.nan,
        )

    return replace(
        plain, absolute=turned("absolute"), relative=turned("relative"), method=f"{plain.method}; {bounds.in_words}"
    )


def _level(side: Side) -> float:
    """The two-sided level of a fixed interval whose end lies as far out; 1 where there is none."""
    from scipy.special import ndtr

    return 1 - 2 * float(ndtr(-side.critical))


def _z(fixed: Interval) -> float:
    """The normal quantile that has the p-value of one look."""
    from scipy.special import ndtri

    return math.copysign(-float(ndtri(max(fixed.p_value, LEAST_P) / 2)), fixed.value) if fixed.p_value < 1 else 0.0
