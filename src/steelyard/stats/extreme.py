"""The chance that the largest of many dependent statistics is as large as seen: a Gumbel tail."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from steelyard.errors import DefinitionError

__all__ = ["Gumbel"]

F64 = npt.NDArray[np.float64]
EULER = 0.5772156649015329
FEWEST = 4


@dataclass(frozen=True)
class Gumbel:
    """The distribution of a maximum.

    Args:
        location: Its mode.
        scale: Its spread, above 0.

    Source: Coles (2001), An Introduction to Statistical Modeling of Extreme Values, chapter 3: maxima of statistics
    whose tail falls like an exponential, as that of a squared normal does.

    >>> round(Gumbel(0.0, 2.0).beyond(9.2), 4)
    0.01
    """

    location: float
    scale: float

    @classmethod
    def of(cls, maxima: F64, *, robust: bool = False, least: float = 0.0) -> Gumbel:
        """From several maxima: by moments; or by the median and quartiles, which a few outliers do not move.

        Raises:
            DefinitionError: There are fewer than four.
        """
        if len(maxima) < FEWEST:
            raise DefinitionError(f"{len(maxima)} maxima are too few to tell a tail", hint=f"give {FEWEST} or more")
        if robust:
            low, middle, high = (float(q) for q in np.quantile(maxima, [0.25, 0.5, 0.75]))
            scale = max((high - low) / (math.log(-math.log(0.25)) - math.log(-math.log(0.75))), least)
            return cls(middle + scale * math.log(math.log(2.0)), max(scale, 1e-12))
        scale = max(float(np.std(maxima, ddof=1)) * math.sqrt(6.0) / math.pi, least)
        return cls(float(np.mean(maxima)) - EULER * scale, max(scale, 1e-12))

    def beyond(self, value: float) -> float:
        """The chance of a maximum at least as large."""
        power = -(value - self.location) / self.scale
        return 1.0 if power > 700 else -math.expm1(-math.exp(power))
