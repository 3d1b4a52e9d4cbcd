"""The chance that a whole rule holds: several bounds of intervals, each beyond its own limit, at once."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from steelyard.errors import DefinitionError
from steelyard.stats.normal_orthant import normal_below
from steelyard.stats.power import power_of_means

__all__ = ["Hurdle", "decision_power", "smallest_gap", "units_for_decision"]

MOST_UNITS = 1e15


@dataclass(frozen=True, kw_only=True)
class Hurdle:
    """One clause: the worse end of an interval must lie beyond a limit.

    Args:
        metric: Whose interval it is: hurdles of one metric are passed or failed by one and the same number.
        gap: How far the truth lies beyond the limit, on the interval's scale; at or below 0 it is hardly ever passed.
        std_dev: Standard deviation over the control's units on that scale (of the linear form), after any covariate.
        std_dev_treated: That of the treated arm.
        level: Level of the two-sided interval.
        normal: Whether the interval is a normal one, as those of shares are, rather than Welch's t.
        at_limit: The standard deviations, control first, if the truth were the limit: those that the reach of a score
            interval has; absent, they are the true ones.
    """

    metric: str
    gap: float
    std_dev: float
    std_dev_treated: float
    level: float = 0.95
    normal: bool = False
    at_limit: tuple[float, float] | None = None

    def power(self, n: float, ratio: float = 1.0) -> float:
        """The chance that it is passed with n units in control and `n * ratio` in the treated arm."""
        from scipy.special import ndtr, ndtri

        if not self.normal and self.gap > 0:
            return power_of_means(
                self.gap, self.std_dev, n, ratio=ratio, level=self.level, std_dev_treated=self.std_dev_treated,
                one_sided=True,
            )  # fmt: skip
        error = math.sqrt(self.std_dev**2 / n + self.std_dev_treated**2 / (n * ratio))
        if error == 0:
            return float(self.gap > 0)
        control, treated = self.at_limit or (self.std_dev, self.std_dev_treated)
        reach = float(ndtri((1 + self.level) / 2)) * math.sqrt(control**2 / n + treated**2 / (n * ratio))
        return float(ndtr((self.gap - reach) / error))


def decision_power(
    hurdles: Sequence[Hurdle], n: float, *, ratio: float = 1.0, correlation: npt.ArrayLike | None = None
) -> float:
    """The chance that all hurdles are passed.

    Args:
        hurdles: The rule's clauses, one or more.
        n: Units in control, more than one.
        ratio: Units of the treated arm for each unit of control.
        correlation: Shape (k, k), of the k metrics' estimates turned so that more is better, in the order in which the
            metrics first appear. Without it the answer is what holds whatever the correlation is: at least 1 minus the
            sum of what each falls short by (Bonferroni's inequality).

    Raises:
        DefinitionError: There are no hurdles, or the correlations are none.

    Assumes: Estimates that are normal together; hurdles of one metric are all passed where its hardest is.

    Source: The multivariate normal of co-primary endpoints: Sozu, Sugimoto, Hamasaki and Evans (2015), Sample Size
        Determination in Clinical Trials with Multiple Endpoints, chapter 2.

    >>> both = [Hurdle(metric=m, gap=0.1, std_dev=1.0, std_dev_treated=1.0, normal=True) for m in ("a", "b")]
    >>> round(decision_power(both, 1570), 2), round(decision_power(both, 1570, correlation=[[1, 0], [0, 1]]), 2)
    (0.6, 0.64)
    """
    from scipy.special import ndtri

    if not hurdles:
        raise DefinitionError("a rule without hurdles has no power", hint="give one or more")
    hardest: dict[str, float] = {}
    for hurdle in hurdles:
        hardest[hurdle.metric] = min(hurdle.power(n, ratio), hardest.get(hurdle.metric, 1.0))
    chances = np.array(list(hardest.values()))
    if len(chances) == 1:
        return float(chances[0])
    if correlation is None:
        return max(0.0, 1.0 - float((1.0 - chances).sum()))
    return normal_below(np.asarray(ndtri(chances)).tolist(), correlation)


def units_for_decision(
    hurdles: Sequence[Hurdle],
    *,
    power: float = 0.8,
    ratio: float = 1.0,
    correlation: npt.ArrayLike | None = None,
    inflation: float = 1.0,
) -> float:
    """Units in control (not rounded) with which all hurdles are passed with the power; arguments as `decision_power`.

    Args:
        hurdles: The rule's clauses.
        power: The chance that is wanted.
        ratio: Units of the treated arm for each unit of control.
        correlation: Of the metrics' estimates.
        inflation: Factor on the units of one look: what looking early costs, 1 for a fixed horizon.

    Returns:
        The units; infinite where a hurdle's gap is not above 0, so that no number will do.

    Raises:
        DefinitionError: The inflation is below 1.

    >>> one = [Hurdle(metric="spend", gap=0.1, std_dev=1.0, std_dev_treated=1.0)]
    >>> round(units_for_decision(one), 1)
    1570.7
    """
    if not inflation >= 1:
        raise DefinitionError(f"an inflation of {inflation!r}", hint="looking more than once costs units: 1 or more")
    if min(hurdle.gap for hurdle in hurdles) <= 0:
        return math.inf
    smallest = 2.0 if ratio >= 1 else 2.0 / ratio
    found = _first(lambda n: decision_power(hurdles, n, ratio=ratio, correlation=correlation), power, smallest)
    return found * inflation


def smallest_gap(
    power_at: Callable[[float], float], *, power: float = 0.8, start: float, most: float = math.inf
) -> float:
    """The least effect at which a chance that rises with the effect reaches the power.

    Args:
        power_at: Effect -> chance.
        power: The chance that is wanted.
        start: An effect of the right size, above 0.
        most: The largest effect that can be.

    Returns:
        The effect; infinite where even the largest does not reach it.

    >>> smallest_gap(lambda effect: effect / 10, start=1.0, most=100.0)
    8.0
    """
    from scipy.optimize import brentq

    high = min(start, most)
    while power_at(high) < power:
        if high >= most or high > 1e9 * start:
            return math.inf
        high = min(high * 2, most)
    low = high / 2
    while power_at(low) >= power and low > 1e-12 * start:
        high, low = low, low / 2
    return float(brentq(lambda effect: power_at(effect) - power, low, high, xtol=1e-9 * high, rtol=1e-9))


def _first(power_at: Callable[[float], float], power: float, smallest: float) -> float:
    """The least n at which the power is reached; power rises with n."""
    from scipy.optimize import brentq

    if power_at(smallest) >= power:
        return smallest
    high = smallest * 2
    while power_at(high) < power:
        high *= 2
        if high > MOST_UNITS:
            return math.inf
    return float(brentq(lambda n: power_at(n) - power, high / 2, high, xtol=1e-9, rtol=1e-10))
