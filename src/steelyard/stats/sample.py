"""A mean, a variance and a count: what one arm gives to a comparison."""

from __future__ import annotations

import math
from dataclasses import dataclass

__all__ = ["Sample"]


@dataclass(frozen=True, kw_only=True)
class Sample:
    """What one arm gives to a comparison of means.

    Args:
        n: Independent units.
        mean: Their mean, measured from `origin`.
        variance: Their sample variance (divisor n - 1).
        origin: What the mean is measured from; the same in both arms of a comparison.

    >>> Sample(n=4, mean=0.5, variance=9.0, origin=10.0).level
    10.5
    """

    n: int
    mean: float
    variance: float
    origin: float = 0.0

    @property
    def level(self) -> float:
        """The mean itself."""
        return self.origin + self.mean

    @property
    def squared_error(self) -> float:
        """The squared standard error of the mean; NaN without units."""
        return self.variance / self.n if self.n else math.nan

    @property
    def usable(self) -> bool:
        """Whether there are two units or more and finite numbers."""
        return self.n >= 2 and math.isfinite(self.level) and math.isfinite(self.variance)
