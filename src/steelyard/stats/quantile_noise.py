"""How noisy a quantile is, on the scale on which a mean has a standard deviation."""

from __future__ import annotations

import math

from steelyard.errors import DefinitionError

__all__ = ["quantile_std_dev"]


def quantile_std_dev(quantile: float, density: float) -> float:
    """The standard deviation over units of a sample quantile's linear form: over the root of n it is its error.

    With it a quantile is planned like a mean.

    Args:
        quantile: Which one, above 0 and below 1.
        density: Of the metric at that quantile, per unit of the metric. The share of units within a narrow range
            around it, over the range's width, will do.

    Raises:
        DefinitionError: The quantile is not between 0 and 1, or the density not above 0.

    Assumes: Independent units; a continuous metric, so that the density is there and not 0.

    Source: Bahadur (1966), Annals of Mathematical Statistics 37; van der Vaart (1998), Asymptotic Statistics, section
        21.2.

    >>> round(quantile_std_dev(0.5, 1 / math.sqrt(2 * math.pi)), 6)  # the median of a standard normal: root of pi / 2
    1.253314
    """
    if not 0 < quantile < 1:
        raise DefinitionError(f"a quantile of {quantile!r}", hint="give a number above 0 and below 1")
    if not (density > 0 and math.isfinite(density)):
        raise DefinitionError(f"a density of {density!r} at the quantile {quantile!r}", hint="give it, above 0")
    return math.sqrt(quantile * (1 - quantile)) / density
