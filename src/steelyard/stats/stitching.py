"""A bound at every moment in closed form, which grows as the law of the iterated logarithm says."""

from __future__ import annotations

import math

from steelyard.errors import DefinitionError

__all__ = ["stitched_bound"]


def stitched_bound(
    variance: float, since: float, *, scale: float = 0.0, alpha: float = 0.05, power: float = 1.4, step: float = 2.0
) -> float:
    """What a sum of centred values stays below at all moments together, with a chance of at least 1 - alpha.

    Args:
        variance: The variance of the sum so far as its steps' law has it, 0 or more.
        since: The variance from which on it is to be narrow; below it the bound is that at `since`.
        scale: The constant c of sub-gamma steps; 0 of sub-Gaussian ones; below 0 of steps bounded from above.
        alpha: The chance of ever passing it.
        power: How fast error is spent over epochs, above 1.
        step: How many times the variance grows in an epoch, above 1.

    Raises:
        DefinitionError: Numbers outside of what is said here.

    Assumes: Steps are sub-gamma given all before them: their cumulant is at most t^2 / (2 (1 - c t)) of their variance,
        as that of sub-exponential steps is. A mixture is narrower near what it is tuned for.

    Source: Howard, Ramdas, McAuliffe and Sekhon (2021), Annals of Statistics 49, theorem 1 with h(k) proportional to
        (k + 1)^power; compared with the value that confseq's tests publish.

    >>> round(stitched_bound(100, 10, scale=-1), 5), round(stitched_bound(100, 10), 3)
    (28.99389, 35.68)
    """
    from scipy.special import zeta

    if not (variance >= 0 and since > 0 and 0 < alpha < 1 and power > 1 and step > 1):
        raise DefinitionError(
            f"a variance of {variance!r} from {since!r} on, alpha {alpha!r}, power {power!r}, step {step!r}",
            hint="variance 0 or more, since above 0, alpha between 0 and 1, power and step above 1",
        )
    reached = max(variance, since)
    spent = power * math.log(math.log(step * reached / since)) + math.log(
        float(zeta(power, 1)) / (alpha * math.log(step) ** power)
    )
    spread = (step**0.25 + step**-0.25) / math.sqrt(2)
    lean = (math.sqrt(step) + 1) / 2 * scale * spent
    return math.sqrt(spread**2 * reached * spent + lean**2) + lean
