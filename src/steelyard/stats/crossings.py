"""How likely each look is to stop a test, whatever its bounds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from steelyard.errors import DefinitionError
from steelyard.stats.stopped_walk import StoppedWalk

__all__ = ["Crossings", "crossings", "going_on", "rising"]

CLOSEST = 1e-6


@dataclass(frozen=True, kw_only=True)
class Crossings:
    """The chance of stopping at each look.

    Args:
        fractions: Information at each look.
        above: Of crossing the upper bound first at that look.
        below: Of crossing the lower bound first at that look.
        futile: Of stopping inside the inner bounds at that look.
    """

    fractions: tuple[float, ...]
    above: tuple[float, ...]
    below: tuple[float, ...]
    futile: tuple[float, ...]

    @property
    def power(self) -> float:
        """The chance of ever crossing the upper bound."""
        return sum(self.above)

    @property
    def expected_information(self) -> float:
        """Mean information at the end; who never stops ends at the last look."""
        stops = [a + b + f for a, b, f in zip(self.above, self.below, self.futile, strict=True)]
        left = 1.0 - sum(stops[:-1])
        early = sum(p * fraction for p, fraction in zip(stops[:-1], self.fractions[:-1], strict=True))
        return early + left * self.fractions[-1]


def crossings(
    fractions: Sequence[float],
    upper: Sequence[float],
    lower: Sequence[float] | None = None,
    *,
    inner: Sequence[float] | None = None,
    drift: float = 0.0,
    start: tuple[float, float] = (0.0, 0.0),
) -> Crossings:
    """The chance of stopping at each look when the test stops above `upper`, below `lower`, or within `inner`.

    Args:
        fractions: Information at each look, rising, in any unit.
        upper: z at or above which it stops, by look; infinity never.
        lower: z at or below which it stops, by look; never when absent.
        inner: z within plus and minus which it stops for futility, by look; 0 or less never.
        drift: Mean of z at information 1.
        start: Information and score (z times the root of the information) from which to count.

    Raises:
        DefinitionError: Looks and bounds of different number, or information that does not rise.

    Assumes: Increments of the score are independent and normal.

    Source: Jennison and Turnbull (2000), chapter 19; compared with rpact 3.3.4 and with simulated paths.

    >>> round(crossings([0.5, 1.0], [2.178272, 2.178272], [-2.178272, -2.178272]).power, 6)
    0.025
    """
    looks = rising(fractions, start[0])
    low = [-math.inf] * len(looks) if lower is None else list(lower)
    core = [0.0] * len(looks) if inner is None else list(inner)
    if not len(looks) == len(upper) == len(low) == len(core):
        raise DefinitionError(f"{len(looks)} looks with {len(upper)} upper and {len(low)} lower bounds")
    walk, above, below, futile = StoppedWalk.start(*start), [], [], []
    for k, information in enumerate(looks):
        above.append(walk.above(information, upper[k], drift))
        below.append(walk.below(information, low[k], drift))
        within = (
            walk.below(information, core[k], drift) - walk.below(information, -core[k], drift) if core[k] > 0 else 0.0
        )
        futile.append(within)
        if k + 1 < len(looks):
            walk = walk.on(information, going_on(low[k], upper[k], core[k]), looks[k + 1], drift)
    return Crossings(fractions=looks, above=tuple(above), below=tuple(below), futile=tuple(futile))


def going_on(lower: float, upper: float, inner: float) -> tuple[tuple[float, float], ...]:
    """The intervals of z in which a test goes on.

    >>> going_on(-3.0, 3.0, 0.5)
    ((-3.0, -0.5), (0.5, 3.0))
    """
    if inner <= 0:
        return ((lower, upper),)
    return ((lower, -inner), (inner, upper))


def rising(fractions: Sequence[float], above: float = 0.0) -> tuple[float, ...]:
    """The looks' information, checked.

    Raises:
        DefinitionError: There is none, or it does not rise from above `above`, by a millionth or more at each look.
    """
    looks = tuple(float(fraction) for fraction in fractions)
    pairs = list(zip((above, *looks), looks, strict=False))
    if not looks or not all(math.isfinite(now) and now > before for before, now in pairs):
        raise DefinitionError(
            f"information at the looks {list(looks)!r} does not rise from {above!r}",
            hint="give each look's information as a share of what is planned, in order",
        )
    near = [(before, now) for before, now in pairs[1:] if now - before < CLOSEST * now]
    if near:
        raise DefinitionError(
            f"looks at information {near[0][0]!r} and {near[0][1]!r} are less than a millionth apart",
            hint="take them as one look",
        )
    return looks
