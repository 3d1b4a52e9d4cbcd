"""What is seen against what was to be expected, leaf by leaf, in a form that zeros do not break."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from steelyard.errors import DefinitionError

__all__ = ["Contrast"]

F64 = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True)
class Contrast:
    """Observed and expected amounts of every leaf, weighed as Mantel and Haenszel weigh the strata of two rates.

    With n and d for numerator and denominator (a sum's denominators are days), `seen` is n_after d_before / d and
    `expected` n_before d_after / d, where d is both denominators. If the rate has not changed, the two are equal in
    expectation, also where a leaf has few rows or none.

    Args:
        seen: Shape (leaves,) or (leaves, windows).
        expected: The same.
        weight: The share of the later denominator in both, from 0 to 1.

    Source: Mantel and Haenszel (1959); for person-time rates, Rothman, Greenland and Lash (2008), Modern Epidemiology,
    chapter 15.
    """

    seen: F64
    expected: F64
    weight: F64

    @classmethod
    def of(cls, after: tuple[F64, F64], before: tuple[F64, F64]) -> Contrast:
        """From the numerators and denominators of two windows; negative denominators cannot be.

        >>> c = Contrast.of((np.array([30.0]), np.array([1.0])), (np.array([80.0]), np.array([4.0])))
        >>> c.seen.tolist(), c.expected.tolist(), c.ratio(np.array([True]))
        ([24.0], [16.0], 1.5)
        """
        (new, new_size), (old, old_size) = after, before
        if (new_size < 0).any() or (old_size < 0).any():
            raise DefinitionError("a denominator below 0 has no rate to compare", hint="leave such rows out")
        whole = new_size + old_size
        weight = np.divide(new_size, whole, out=np.zeros_like(whole), where=whole > 0)
        both = (new_size > 0) & (old_size > 0)
        seen, expected = np.where(both, new * (1 - weight), 0.0), np.where(both, old * weight, 0.0)
        return cls(seen=seen, expected=expected, weight=weight)

    @property
    def difference(self) -> F64:
        """Seen less expected."""
        return self.seen - self.expected

    @property
    def size(self) -> F64:
        """What both would be if the two windows had one rate: to it, noise and effects are in proportion."""
        return np.abs(self.seen) * self.weight + np.abs(self.expected) * (1 - self.weight)

    def window(self, number: int) -> Contrast:
        """One of several windows."""
        return Contrast(seen=self.seen[:, number], expected=self.expected[:, number], weight=self.weight[:, number])

    def ratio(self, inside: Mask, weights: F64 | None = None) -> float:
        """How many times the expected is seen in these leaves together; infinite where nothing was expected."""
        of = inside if weights is None else inside * weights
        expected, seen = float((of * self.expected).sum()), float((of * self.seen).sum())
        if expected <= 0 or seen < 0:
            return float("inf") if seen > 0 else 0.0
        return seen / expected

    def explained(self, inside: Mask, ratio: float) -> Contrast:
        """The contrast if these leaves had been expected to change by this factor; infinite: without these leaves."""
        if np.isinf(ratio):
            return replace(self, seen=np.where(inside, 0.0, self.seen), expected=np.where(inside, 0.0, self.expected))
        return replace(self, expected=np.where(inside, self.expected * ratio, self.expected))
