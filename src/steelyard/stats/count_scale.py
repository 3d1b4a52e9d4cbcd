"""A scale on which counts that vary more than a Poisson have one spread, from a handful to millions."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["CountScale"]

F64 = npt.NDArray[np.float64]
_SHIFT = 0.375
MOST_DISPERSION = 1.0


@dataclass(frozen=True, kw_only=True)
class CountScale:
    """The variance-stabilising scale of a count with variance `mean + (dispersion x mean)^2`.

    On it a count has a standard deviation of about 1, whatever its mean: with no dispersion it is twice the square root
    (Anscombe), with much of it a logarithm.

    Args:
        dispersion: What a day varies by beyond chance, as a share of its mean; 0 is a Poisson.
        unit: What one independent thing counts for: 1 for a count, more for a sum of amounts.

    Assumes: Values of 0 and more.

    Source: Anscombe (1948), Biometrika 35: the transformation of Poisson and negative binomial data.

    >>> scale = CountScale(dispersion=0.05)
    >>> [round(float(value), 6) for value in scale.backward(scale.forward(np.array([0.0, 12.0, 4e6])))]
    [0.0, 12.0, 4000000.0]
    """

    dispersion: float = 0.0
    unit: float = 1.0

    def forward(self, values: npt.ArrayLike) -> F64:
        """Values on the scale."""
        root = np.sqrt(np.asarray(values, dtype=np.float64) / self.unit + _SHIFT)
        if self.dispersion < 1e-9:
            return 2.0 * root
        return 2.0 / self.dispersion * np.arcsinh(self.dispersion * root)

    def backward(self, scaled: npt.ArrayLike) -> F64:
        """The values that stand there on the scale; 0 for what lies below it."""
        half = np.maximum(np.asarray(scaled, dtype=np.float64) / 2.0, 0.0)
        root = half if self.dispersion < 1e-9 else np.sinh(self.dispersion * half) / self.dispersion
        return np.maximum(self.unit * (root**2 - _SHIFT), 0.0)

    def refined(self, spread: float, mean: float) -> CountScale:
        """The scale on which values that have this spread here would have one of 1.

        Args:
            spread: Their standard deviation on this scale.
            mean: Their mean, in their own unit.
        """
        things = max(mean / self.unit, 1e-9)
        found = (spread**2 * (1.0 + self.dispersion**2 * things) - 1.0) / things
        return CountScale(dispersion=min(math.sqrt(max(found, 0.0)), MOST_DISPERSION), unit=self.unit)
