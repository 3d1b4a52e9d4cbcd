"""Where a sum of independent normal increments can be, given that no earlier look has stopped it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

__all__ = ["StoppedWalk"]

F64 = npt.NDArray[np.float64]
Region = Sequence[tuple[float, float]]

REACH = 12.0  # standard deviations from the drift past which there is nothing: 2e-33
NODES = 16  # of each panel
PANEL = 6.0  # widths of the integrand in a panel; at 6 the rule errs by 3e-12
AT_ONCE = 1_000_000  # kernel values; past this only those within reach are computed


@dataclass(frozen=True, kw_only=True)
class StoppedWalk:
    """The score at one look, on those paths that were not stopped before.

    The score is z times the root of the information; over an increment of information it moves by a normal with mean
    `drift` times the increment and variance the increment. Between looks its density is carried on by Gauss-Legendre
    panels that are narrower than the narrowest of the two increments that meet at the look.

    Args:
        information: Information at the look.
        points: Scores, shape (m,).
        mass: The probability that each point stands for, shape (m,); the sum is that of not having stopped.
        origin: Information and score at which the walk was known to be.

    Assumes: Increments are independent and normal (in large samples, estimates have them when each look uses all data).

    Source: Armitage, McPherson and Rowe (1969), JRSS A 132; Jennison and Turnbull (2000), chapter 19.

    >>> round(StoppedWalk.start().above(1.0, 1.959964, drift=0.0), 6)
    0.025
    """

    information: float
    points: F64
    mass: F64
    origin: tuple[float, float]

    @classmethod
    def start(cls, information: float = 0.0, score: float = 0.0) -> StoppedWalk:
        """A walk that is known to be at `score`."""
        return cls(information=information, points=np.array([score]), mass=np.array([1.0]), origin=(information, score))

    @property
    def going(self) -> float:
        """The probability of not having stopped."""
        return float(self.mass.sum())

    def above(self, information: float, z: float, drift: float) -> float:
        """The probability of having gone on to this look and being above `z` there, `information` being that look's."""
        return self._beyond(information, z, drift, sign=-1.0)

    def below(self, information: float, z: float, drift: float) -> float:
        """The probability of having gone on to this look and being below `z` there."""
        return self._beyond(information, z, drift, sign=1.0)

    def _beyond(self, information: float, z: float, drift: float, sign: float) -> float:
        from scipy.special import ndtr

        if math.isinf(z):
            return self.going if z * sign > 0 else 0.0
        step = information - self.information
        distance = (z * math.sqrt(information) - self.points - drift * step) / math.sqrt(step)
        return float(self.mass @ ndtr(sign * distance))

    def on(self, information: float, region: Region, following: float, drift: float) -> StoppedWalk:
        """The walk at the next look, on the paths whose z there lies in the region.

        Args:
            information: That look's information.
            region: Intervals of z in which the test goes on, apart from each other.
            following: Information of the look after it.
            drift: The score's mean for each unit of information.
        """
        step, root = information - self.information, math.sqrt(information)
        width = PANEL / math.sqrt(1 / step + 1 / (following - information))
        since, score = self.origin
        middle, reach = score + drift * (information - since), REACH * math.sqrt(information - since)
        pieces = [
            _panels(max(low * root, middle - reach), min(high * root, middle + reach), width) for low, high in region
        ]
        points = np.concatenate([piece[0] for piece in pieces])
        weights = np.concatenate([piece[1] for piece in pieces])
        density = _moved(self.points + drift * step, self.mass, points, math.sqrt(step))
        return StoppedWalk(information=information, points=points, mass=density * weights, origin=self.origin)


def _moved(sources: F64, mass: F64, targets: F64, spread: float) -> F64:
    """The density at the targets of masses at the sources that move by a normal of this spread; both are in order."""
    if len(sources) * len(targets) <= AT_ONCE:
        return _kernel(sources, mass, targets, spread)
    found = np.empty(len(targets))
    size = 4 * NODES
    for start in range(0, len(targets), size):
        some = targets[start : start + size]
        low, high = np.searchsorted(sources, [some[0] - REACH * spread, some[-1] + REACH * spread])
        found[start : start + size] = _kernel(sources[low:high], mass[low:high], some, spread)
    return found


def _kernel(sources: F64, mass: F64, targets: F64, spread: float) -> F64:
    distance = (targets[:, None] - sources[None, :]) / spread
    np.square(distance, out=distance)
    distance *= -0.5
    np.exp(distance, out=distance)
    return np.asarray(distance @ mass / (math.sqrt(2 * math.pi) * spread), dtype=np.float64)


@cache
def _rule() -> tuple[F64, F64]:
    nodes, weights = np.polynomial.legendre.leggauss(NODES)
    return np.asarray(nodes, dtype=np.float64), np.asarray(weights, dtype=np.float64)


def _panels(low: float, high: float, width: float) -> tuple[F64, F64]:
    """Nodes and weights that integrate from `low` to `high`; none where there is nothing between them."""
    if not high > low:
        return np.empty(0), np.empty(0)
    panels = math.ceil((high - low) / width)
    edges = np.linspace(low, high, panels + 1)
    half = (edges[1:] - edges[:-1]) / 2
    nodes, weights = _rule()
    points = (edges[:-1] + half)[:, None] + half[:, None] * nodes[None, :]
    return points.ravel(), (half[:, None] * weights[None, :]).ravel()
