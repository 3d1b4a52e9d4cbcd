"""Bounds of a group-sequential test, from spending functions at the information that the looks really had."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from steelyard.errors import DefinitionError
from steelyard.stats.crossings import Crossings, crossings, going_on, rising
from steelyard.stats.spending import Spending
from steelyard.stats.stopped_walk import StoppedWalk

__all__ = ["Boundaries", "boundaries"]

SMALLEST = 1e-30  # an error that no look can spend; the walk is not followed further out
SLACK = 1e-6


@dataclass(frozen=True, kw_only=True)
class Boundaries:
    """Bounds of z at each look.

    Args:
        fractions: Information at each look as a share of what is planned.
        upper: z at or above which the test stops and rejects; infinity where less than 1e-30 may be spent.
        futility: One-sided: z at or below which it stops for futility; minus infinity where it does not. Two-sided: it
            stops within plus and minus this; 0 where it does not. At the last look of a design it is the upper bound.
        sides: 1 or 2; with 2 the lower bound is minus the upper one.
        spent: Error of one side that is used up by each look.
        alpha: All the error, of both sides where there are two.
        binding: Whether the upper bounds count on the test stopping for futility.
        drift: Mean of z at fraction 1 that the futility bounds are made for; NaN where there are none.
        clock: The shares by which the error was spent: the fractions themselves, where no other clock was given.
    """

    fractions: tuple[float, ...]
    upper: tuple[float, ...]
    futility: tuple[float, ...]
    sides: int
    spent: tuple[float, ...]
    alpha: float
    binding: bool
    drift: float
    clock: tuple[float, ...] = ()

    @property
    def nominal(self) -> tuple[float, ...]:
        """The one-sided p-value at or below which each look rejects."""
        from scipy.special import ndtr

        return tuple(float(ndtr(-bound)) for bound in self.upper)

    @property
    def lower(self) -> tuple[float, ...]:
        """z at or below which each look stops, for harm (two sides) or for futility (one)."""
        return tuple(-bound for bound in self.upper) if self.sides == 2 else self.futility

    def crossings(self, drift: float = 0.0, *, futility: bool = True) -> Crossings:
        """The chance of stopping at each look.

        Args:
            drift: Mean of z at fraction 1.
            futility: Whether the test does stop for futility where it may.
        """
        inner = self.futility if self.sides == 2 and futility else None
        lower = self.lower if self.sides == 2 or futility else None
        return crossings(self.fractions, self.upper, lower, inner=inner, drift=drift)


def boundaries(
    fractions: Sequence[float],
    spending: Spending,
    *,
    alpha: float = 0.05,
    sides: int = 2,
    last: bool = False,
    futility: Spending | None = None,
    power: float = 0.8,
    drift: float | None = None,
    binding: bool = False,
    clock: Sequence[float] | None = None,
) -> Boundaries:
    """The bounds of z at looks with this information, so that each look uses up what the spending function allows.

    Looks may come when they like and in any number, as long as neither their time nor their number depends on what was
    seen. What is spent is settled by the fraction alone: bounds of past looks do not move when a look is added.

    Args:
        fractions: Information at each look so far as a share of what was planned, rising; past 1 is allowed.
        spending: How the error is spent.
        alpha: The error, of both sides together where there are two.
        sides: 1 rejects above alone; 2 rejects above and below, each with half of alpha.
        last: The last look given ends the test: it spends all that is left, also below fraction 1.
        futility: How the chance of missing `drift` is spent; without it the test does not stop for futility.
        power: One minus all that may be missed.
        drift: Mean of z at fraction 1 at which it is counted; when absent, the one with which the looks given, the last
            of them at 1 or declared `last`, have exactly the power.
        binding: Whether the upper bounds may count on stops for futility. If a stop can be overruled, leave it off.
        clock: Shares by which the error is spent, where these are not those of the information: of days, or of units
            that do not all bring as much. It ends at 1; the fractions are then of any unit.

    Raises:
        DefinitionError: Looks that do not rise, an error or power outside 0 to 1, other than one or two sides, or a
            drift that must be found while the looks have not come to the end.

    Assumes: Estimates at the looks have the joint law of a Brownian motion seen at their information (1 / squared
        standard error): so do differences of means when every look uses all units so far, in large samples.

    Source: Lan and DeMets (1983), Biometrika 70; Pampallona, Tsiatis and Kim (2001) for beta spending; Jennison and
        Turnbull (2000), chapters 7 and 19; compared with rpact 3.3.4 to 2e-5 and gsDesign's published output. Of two
        clocks: Lan and DeMets (1989), Statistics in Medicine 8; compared with R's mvtnorm.

    >>> design = boundaries([0.25, 0.5, 0.75, 1.0], Spending(kind="obrien_fleming"))
    >>> [round(bound, 4) for bound in design.upper]
    [4.3326, 2.9631, 2.359, 2.0141]
    """
    looks = rising(fractions)
    if sides not in {1, 2} or not 0 < alpha < 1 or not 0 < power < 1:
        raise DefinitionError(f"sides {sides!r}, alpha {alpha!r}, power {power!r}", hint="1 or 2 sides, 0 to 1")
    by = looks if clock is None else rising(clock)
    if len(by) != len(looks):
        raise DefinitionError(f"{len(by)} moments of {len(looks)} looks", where="clock", hint="give one for each look")
    ends = last or by[-1] >= 1
    steps = spending.increments(alpha / sides, by, last=last)
    spent = tuple(sum(steps[: k + 1]) for k in range(len(steps)))

    def with_(upper: Sequence[float], inner: Sequence[float], at: float) -> Boundaries:
        return Boundaries(
            fractions=looks, upper=tuple(upper), futility=tuple(inner), sides=sides, spent=spent, alpha=alpha,
            binding=binding, drift=at, clock=by,
        )  # fmt: skip

    if futility is None:
        upper = _efficacy(looks, steps, sides)
        return with_(upper, [0.0 if sides == 2 else -math.inf] * len(looks), math.nan)
    losses = futility.increments(1 - power, by, last=last)
    search = _Search(looks, steps, losses, sides, binding, ends)
    if drift is None:
        if not ends:
            raise DefinitionError(
                f"looks up to {looks[-1]!r} do not tell the drift that has power {power!r}",
                hint="give the drift of the design, or all looks up to 1",
            )
        drift = search.drift(alpha / sides, power)
    upper, inner, _ = search.bounds(drift)
    return with_(upper, inner, drift)


def _efficacy(looks: Sequence[float], steps: Sequence[float], sides: int) -> list[float]:
    walk, upper = StoppedWalk.start(), []
    for k, (information, step) in enumerate(zip(looks, steps, strict=True)):
        upper.append(_bound_above(walk, information, step))
        if k + 1 < len(looks):
            low = -upper[k] if sides == 2 else -math.inf
            walk = walk.on(information, going_on(low, upper[k], 0.0), looks[k + 1], 0.0)
    return upper


def _bound_above(walk: StoppedWalk, information: float, step: float) -> float:
    """The z above which the walk, without drift, goes with probability `step`."""
    from scipy.optimize import brentq
    from scipy.special import ndtri

    if step < SMALLEST:
        return math.inf
    if step >= walk.going:
        return -math.inf

    def excess(z: float) -> float:
        return math.log(max(walk.above(information, z, 0.0), 1e-300)) - math.log(step)

    # The unstopped tail is at least this one and at most itself with all that has stopped added.
    most = -float(ndtri(step)) + SLACK
    least = -float(ndtri(min(step + 1 - walk.going + SLACK, 1 - SLACK))) - SLACK
    if excess(least) <= 0:
        least = -40.0
    return float(brentq(excess, least, most, xtol=1e-12, rtol=1e-13))


class _Search:
    """Bounds for both errors at once: those for futility depend on the drift, and the binding ones on each other."""

    def __init__(
        self,
        looks: Sequence[float],
        steps: Sequence[float],
        losses: Sequence[float],
        sides: int,
        binding: bool,
        ends: bool,
    ) -> None:
        self.looks, self.steps, self.losses = looks, steps, losses
        self.sides, self.binding, self.ends = sides, binding, ends

    def drift(self, alpha: float, power: float) -> float:
        """The drift at which all that is missed is what may be missed."""
        from scipy.optimize import brentq
        from scipy.special import ndtri

        single = float(ndtri(1 - alpha) + ndtri(power))
        root = math.sqrt(min(self.looks[-1], 1.0))
        low, high = 0.5 * single / root, 2.0 * single / root
        while self.bounds(high)[2] > 0:
            high *= 1.5
        return float(brentq(lambda at: self.bounds(at)[2], low, high, xtol=1e-10, rtol=1e-12))

    def bounds(self, drift: float) -> tuple[list[float], list[float], float]:
        """Upper and futility bounds, and by how much the last look misses more than it may."""
        null, truth = StoppedWalk.start(), StoppedWalk.start()
        upper: list[float] = []
        inner: list[float] = []
        lacking = 0.0
        for k, information in enumerate(self.looks):
            upper.append(_bound_above(null, information, self.steps[k]))
            final = self.ends and k + 1 == len(self.looks)
            inner.append(upper[k] if final else self._futile(truth, information, self.losses[k], drift, upper[k]))
            if final:
                lacking = self._missed(truth, information, upper[k], drift) - self.losses[k]
            elif k + 1 < len(self.looks):
                following = self.looks[k + 1]
                seen = self._region(upper[k], inner[k])
                null = null.on(information, seen if self.binding else self._region(upper[k], None), following, 0.0)
                truth = truth.on(information, seen, following, drift)
        return upper, inner, lacking

    def _region(self, upper: float, inner: float | None) -> tuple[tuple[float, float], ...]:
        if self.sides == 2:
            return going_on(-upper, upper, 0.0 if inner is None else inner)
        return ((-math.inf if inner is None else inner, upper),)

    def _missed(self, walk: StoppedWalk, information: float, z: float, drift: float) -> float:
        """The chance of stopping for futility at this look if it does so below (two-sided: within) `z`."""
        missed = walk.below(information, z, drift)
        return missed - walk.below(information, -z, drift) if self.sides == 2 else missed

    def _futile(self, walk: StoppedWalk, information: float, loss: float, drift: float, upper: float) -> float:
        from scipy.optimize import brentq

        least = 0.0 if self.sides == 2 else -40.0
        if loss < SMALLEST:
            return least if self.sides == 2 else -math.inf
        if self._missed(walk, information, upper, drift) <= loss:
            return upper
        if self._missed(walk, information, least, drift) >= loss:
            return least
        high = min(upper, drift * math.sqrt(information) + 40.0)
        return float(
            brentq(lambda z: self._missed(walk, information, z, drift) - loss, least, high, xtol=1e-12, rtol=1e-13)
        )
