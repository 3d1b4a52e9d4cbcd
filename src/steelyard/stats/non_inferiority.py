"""How many units show that a share has not fallen by more than a margin."""

from __future__ import annotations

import math

from steelyard.errors import DefinitionError
from steelyard.stats.score_interval import restricted_shares

__all__ = ["power_of_non_inferior_shares", "units_for_non_inferior_shares"]


def _errors(control: float, treated: float, margin: float, ratio: float) -> tuple[float, float, float]:
    """Distance from the margin, and standard errors times the root of control's units at the margin and in truth."""
    if not (0 < control < 1 and 0 < treated < 1 and margin > 0 and ratio > 0):
        raise DefinitionError(
            f"shares {control!r} and {treated!r} with margin {margin!r} and ratio {ratio!r} cannot be planned for",
            hint="shares between 0 and 1, margin and ratio above 0",
        )
    at_t, at_c = restricted_shares(treated * ratio, ratio, control, 1.0, -margin)
    null = math.sqrt(at_t * (1 - at_t) / ratio + at_c * (1 - at_c))
    truth = math.sqrt(treated * (1 - treated) / ratio + control * (1 - control))
    return treated - control + margin, null, truth


def units_for_non_inferior_shares(
    control: float,
    treated: float,
    margin: float,
    *,
    power: float = 0.8,
    ratio: float = 1.0,
    alpha: float = 0.025,
) -> float:
    """Units in control (not rounded) with which the score test shows that the share fell by less than the margin.

    Args:
        control: The true share in control.
        treated: The true share in the treated arm; the same as control's where nothing is expected.
        margin: By how much it may fall, absolute, above 0. For a share that must not rise, give the shares of units
            that have it not.
        power: The chance of showing it.
        ratio: Units of the treated arm for each unit of control.
        alpha: One-sided error.

    Raises:
        DefinitionError: Shares, margin or ratio out of range, or a true fall of the margin or more.

    Source: Farrington and Manning (1990), Statistics in Medicine 9, method 3 (largest likelihood); compared with rpact
        3.3.4 `getSampleSizeRates(thetaH0 = )`.

    >>> round(2 * units_for_non_inferior_shares(0.1, 0.1, 0.01), 2)
    28289.42
    """
    from scipy.special import ndtri

    distance, null, truth = _errors(control, treated, margin, ratio)
    if distance <= 0:
        raise DefinitionError(
            f"a share that falls from {control!r} to {treated!r} is not inside a margin of {margin!r}",
            hint="give a wider margin or another expectation",
        )
    return float(((float(ndtri(1 - alpha)) * null + float(ndtri(power)) * truth) / distance) ** 2)


def power_of_non_inferior_shares(
    control: float, treated: float, margin: float, n: float, *, ratio: float = 1.0, alpha: float = 0.025
) -> float:
    """The chance that the score test shows non-inferiority with n units in control; as `units_for_non_inferior_shares`.

    >>> round(power_of_non_inferior_shares(0.1, 0.1, 0.01, 14_144.71), 4)
    0.8
    """
    from scipy.special import ndtr, ndtri

    distance, null, truth = _errors(control, treated, margin, ratio)
    return float(ndtr((distance * math.sqrt(n) - float(ndtri(1 - alpha)) * null) / truth))
