"""What looking early costs: the sample, most and on average, that a test with looks needs for its power."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from steelyard.errors import DefinitionError
from steelyard.stats.crossings import crossings

__all__ = ["SequentialPower", "sequential_power"]


@dataclass(frozen=True, kw_only=True)
class SequentialPower:
    """What a test with looks needs, beside the test with one look at the same one-sided error and power.

    Args:
        drift: Mean of z at fraction 1 with which the upper bounds are ever crossed with the power.
        inflation: Factor on the sample of the fixed test: multiply its units to have the sequential test's most.
        expected_null: Mean sample without an effect, as a multiple of the fixed test's.
        expected_half: Mean sample with half the effect, as a multiple of the fixed test's.
        expected_alternative: Mean sample with the effect, as a multiple of the fixed test's.
        power: The chance of crossing the upper bounds with the effect.
        power_at_fixed: That chance if no more units are taken than the fixed test needs.
        error: The chance of crossing them without an effect.
    """

    drift: float
    inflation: float
    expected_null: float
    expected_half: float
    expected_alternative: float
    power: float
    power_at_fixed: float
    error: float


def sequential_power(
    fractions: Sequence[float],
    upper: Sequence[float],
    lower: Sequence[float] | None = None,
    *,
    inner: Sequence[float] | None = None,
    power: float = 0.8,
    alpha: float = 0.025,
) -> SequentialPower:
    """What any test with these bounds costs in units: group-sequential, always-valid at its looks, or a hybrid.

    Args:
        fractions: Information at each look as a share of what is planned, the last 1.
        upper: z at or above which each look rejects.
        lower: z at or below which each look stops; never when absent.
        inner: z within plus and minus which each look stops for futility; never when absent.
        power: The chance of crossing the upper bounds that is asked for.
        alpha: One-sided error of the fixed test that it is compared with.

    Raises:
        DefinitionError: The bounds cannot reach the power, or a power that is not between the error and 1.

    Assumes: As `crossings`; units come so that information is proportional to them.

    Source: Jennison and Turnbull (2000), section 2.2 and tables 2.2 and 2.4 (the factor R); rpact 3.3.4
        `getDesignCharacteristics`.

    >>> found = sequential_power([0.5, 1.0], [2.178272, 2.178272], [-2.178272, -2.178272])
    >>> round(found.inflation, 3)
    1.11
    """
    from scipy.special import ndtri

    def at(drift: float) -> float:
        return crossings(fractions, upper, lower, inner=inner, drift=drift).power

    if not max(alpha, at(0.0)) < power < 1 or not alpha > 0:
        raise DefinitionError(f"power {power!r} with error {alpha!r}", hint="give 0 < alpha < power < 1")
    single = float(ndtri(1 - alpha) + ndtri(power))
    drift = _drift(at, power)
    inflation = (drift / single) ** 2
    expected = [
        inflation
        * crossings(fractions, upper, lower, inner=inner, drift=part * drift).expected_information
        / fractions[-1]
        for part in (0.0, 0.5, 1.0)
    ]
    return SequentialPower(
        drift=drift,
        inflation=inflation,
        expected_null=expected[0],
        expected_half=expected[1],
        expected_alternative=expected[2],
        power=at(drift),
        power_at_fixed=at(single),
        error=at(0.0),
    )


def _drift(at: Callable[[float], float], power: float) -> float:
    from scipy.optimize import brentq

    high = 4.0
    while at(high) < power:
        high *= 1.5
        if high > 1e3:
            raise DefinitionError(
                f"bounds with which power {power!r} is never reached", hint="a bound must be finite at the last look"
            )
    return float(brentq(lambda drift: at(drift) - power, 0.0, high, xtol=1e-11, rtol=1e-13))
