"""Group-sequential bounds of a fixed form: Pocock, O'Brien and Fleming, Wang and Tsiatis, Haybittle and Peto."""

from __future__ import annotations

import math
from collections.abc import Sequence

from steelyard.errors import DefinitionError
from steelyard.stats.boundaries import Boundaries
from steelyard.stats.crossings import crossings, rising

__all__ = ["haybittle_peto", "wang_tsiatis"]


def wang_tsiatis(fractions: Sequence[float], power: float, *, alpha: float = 0.05, sides: int = 2) -> Boundaries:
    """Bounds `c * fraction ** (power - 1/2)` with the c that makes the error alpha.

    Args:
        fractions: All looks' information as shares of what is planned, the last 1.
        power: 0.5 is Pocock's test (one bound for all looks), 0 that of O'Brien and Fleming.
        alpha: The error, of both sides where there are two.
        sides: 1 or 2.

    Assumes: The looks and their information are as planned; if they may move, use a spending function.

    Source: Wang and Tsiatis (1987), Biometrics 43; Jennison and Turnbull (2000), tables 2.1 to 2.9; rpact 3.3.4.

    >>> round(wang_tsiatis([0.5, 1.0], 0.5).upper[0], 3), round(wang_tsiatis([1 / 3, 2 / 3, 1.0], 0.0).upper[-1], 3)
    (2.178, 2.004)
    """
    from scipy.optimize import brentq
    from scipy.special import ndtri

    looks = _planned(fractions, alpha, sides)

    def bounds(scale: float) -> list[float]:
        return [scale * fraction ** (power - 0.5) for fraction in looks]

    least = -float(ndtri(alpha / sides)) - 1e-9
    scale = brentq(
        lambda c: _error(looks, bounds(c), sides) - alpha / sides, least, least + 20.0, xtol=1e-12, rtol=1e-13
    )
    return _made(looks, bounds(float(scale)), alpha, sides)


def haybittle_peto(
    fractions: Sequence[float], early: float = 3.0, *, alpha: float = 0.05, sides: int = 2
) -> Boundaries:
    """The bound `early` at each look but the last, and at the last what keeps the error at alpha.

    Args:
        fractions: All looks' information as shares of what is planned, the last 1.
        early: z at or above which an early look stops.
        alpha: The error, of both sides where there are two.
        sides: 1 or 2.

    Raises:
        DefinitionError: The early looks use up all of alpha.

    Source: Haybittle (1971); Peto et al. (1976); compared with rpact 3.3.4.

    >>> round(haybittle_peto([0.2, 0.4, 0.6, 0.8, 1.0], alpha=0.025, sides=1).upper[-1], 4)
    1.99
    """
    from scipy.optimize import brentq

    looks = _planned(fractions, alpha, sides)

    def bounds(final: float) -> list[float]:
        return [*[early] * (len(looks) - 1), final]

    if _error(looks, bounds(math.inf), sides) >= alpha / sides:
        raise DefinitionError(f"early looks at {early!r} use up alpha {alpha!r}", hint="give a higher early bound")
    final = brentq(lambda c: _error(looks, bounds(c), sides) - alpha / sides, -8.0, 40.0, xtol=1e-12, rtol=1e-13)
    return _made(looks, bounds(float(final)), alpha, sides)


def _planned(fractions: Sequence[float], alpha: float, sides: int) -> tuple[float, ...]:
    looks = rising(fractions)
    if sides not in {1, 2} or not 0 < alpha < 1:
        raise DefinitionError(f"sides {sides!r}, alpha {alpha!r}", hint="1 or 2 sides, alpha above 0 and below 1")
    if not math.isclose(looks[-1], 1.0):
        raise DefinitionError(f"the last look is at {looks[-1]!r}, not at 1", hint="give all looks that are planned")
    return looks


def _lower(upper: Sequence[float], sides: int) -> list[float] | None:
    return [-bound for bound in upper] if sides == 2 else None


def _error(looks: Sequence[float], upper: Sequence[float], sides: int) -> float:
    return crossings(looks, upper, _lower(upper, sides)).power


def _made(looks: tuple[float, ...], upper: Sequence[float], alpha: float, sides: int) -> Boundaries:
    above = crossings(looks, upper, _lower(upper, sides)).above
    return Boundaries(
        fractions=looks,
        upper=tuple(upper),
        futility=tuple([0.0 if sides == 2 else -math.inf] * len(looks)),
        sides=sides,
        spent=tuple(sum(above[: k + 1]) for k in range(len(above))),
        alpha=alpha,
        binding=False,
        drift=math.nan,
    )
