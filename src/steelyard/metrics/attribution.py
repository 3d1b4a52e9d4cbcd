"""A change taken apart into its factors or segments, so that the parts add up to it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

from steelyard.errors import DataError, DefinitionError

__all__ = ["SegmentChange", "lmdi", "mix_and_rate", "product_parts", "settled", "shapley"]

MOST_FACTORS = 12
NEAR = 0.5
ROUNDING = 1e-9
MOST_SETTLED = 20


def lmdi(before: Sequence[float], after: Sequence[float]) -> tuple[float, ...] | None:
    """What each factor adds to the change of their product, by the additive logarithmic mean Divisia index (LMDI-I).

    Args:
        before: The factors' values at first.
        after: Their values then, in the same order.

    Returns:
        One contribution a factor; they add up to the change of the product. Where the product comes from or goes to
        zero, the factors that do so share the change equally, which is the limit for small values; None where a
        factor changes its sign, for which the index is not defined.

    Source: Ang (2005), The LMDI approach to decomposition analysis: a practical guide, Energy Policy 33, eq. 2 and 4;
    Ang and Liu (2007), Handling zero values in LMDI, Energy Policy 35. Compared with published and worked cases in
    tests/metrics/test_attribution.py.

    >>> lmdi([100, 2.0], [200, 2.0])
    (200.0, 0.0)
    """
    _check(before, after)
    if any(old * new < 0 for old, new in zip(before, after, strict=True)):
        return None
    first, last = math.prod(before), math.prod(after)
    if first == 0 or last == 0:
        return _through_zero(before, after, first, last)
    weight = math.copysign(_logarithmic_mean(abs(first), abs(last)), first)
    parts = [weight * _log_ratio(old, new) for old, new in zip(before, after, strict=True)]
    return settled(parts, last - first, scale=_scale(before, after))


def product_parts(
    before: Sequence[float], after: Sequence[float]
) -> tuple[Literal["LMDI", "Shapley"], tuple[float, ...]]:
    """What each factor adds to the change of their product, by LMDI, or by Shapley where one changes its sign.

    Args:
        before: The factors' values at first; at most 12.
        after: Their values then, in the same order.

    >>> product_parts([2.0, 1.0], [2.0, -1.0])
    ('Shapley', (0.0, -4.0))
    """
    found = lmdi(before, after)
    return ("LMDI", found) if found is not None else ("Shapley", shapley(before, after))


def _log_ratio(old: float, new: float) -> float:
    gap = (new - old) / old
    return math.log1p(gap) if abs(gap) < NEAR else math.log(new / old)


def _logarithmic_mean(one: float, other: float) -> float:
    return one if one == other else (other - one) / _log_ratio(one, other)


def _through_zero(before: Sequence[float], after: Sequence[float], first: float, last: float) -> tuple[float, ...]:
    change = last - first
    moved = [(old == 0) != (new == 0) for old, new in zip(before, after, strict=True)]
    if change == 0:
        return tuple(0.0 for _ in before)
    return settled([change / sum(moved) if item else 0.0 for item in moved], change)


def shapley(before: Sequence[float], after: Sequence[float]) -> tuple[float, ...]:
    """What each factor adds to the change of their product, averaged over every order in which they could change.

    Args:
        before: The factors' values at first; at most 12.
        after: Their values then, in the same order.

    Returns:
        One contribution a factor; they add up to the change. Defined for zeros and changes of sign too.

    Source: Shapley (1953); as decomposition, Shorrocks (2013), Journal of Economic Inequality 11, section 3.
    Compared with brute force over all orders.

    >>> shapley([2.0, 3.0], [4.0, 5.0])
    (8.0, 6.0)
    """
    _check(before, after)
    count = len(before)
    if count > MOST_FACTORS:
        raise DefinitionError(f"{count} factors are too many to try every order", hint=f"at most {MOST_FACTORS}")
    parts = []
    for factor in range(count):
        others = [item for item in range(count) if item != factor]
        terms = []
        for size in range(count):
            weight = math.factorial(size) * math.factorial(count - size - 1) / math.factorial(count)
            for changed in combinations(others, size):
                rest = math.prod(after[item] if item in changed else before[item] for item in others)
                terms.append(weight * rest * (after[factor] - before[factor]))
        parts.append(math.fsum(terms))
    return settled(parts, math.prod(after) - math.prod(before), scale=_scale(before, after))


def _scale(before: Sequence[float], after: Sequence[float]) -> float:
    """The largest product that could be on the way, whose last digits are the rounding error."""
    return math.prod(max(abs(old), abs(new)) for old, new in zip(before, after, strict=True))


def _check(before: Sequence[float], after: Sequence[float]) -> None:
    if len(before) != len(after) or not before:
        raise DefinitionError(
            f"{len(before)} factors before and {len(after)} after", hint="give the same, at least one"
        )
    for value in (*before, *after):
        if not math.isfinite(value):
            raise DefinitionError(f"a factor of {value!r} has no contribution", hint="leave the period out")


def settled(parts: Sequence[float], total: float, *, scale: float = 0.0) -> tuple[float, ...]:
    """The parts with their rounding error, some last digits, put on the largest, so that they add up to the total.

    Args:
        parts: What should add up.
        total: What they should add up to.
        scale: The size of what the parts were taken from, where that is larger than they are.

    Raises:
        DataError: They do not add up, and not for rounding.

    >>> settled([0.1, 0.7], 0.8)
    (0.1, 0.7000000000000001)
    """
    found = [float(part) for part in parts]
    if not found:
        return ()
    size = max(scale, abs(total), *(abs(part) for part in found))
    if abs(total - math.fsum(found)) > ROUNDING * size:
        raise DataError(
            f"the parts add up to {math.fsum(found)!r}, and the whole is {total!r}",
            hint="the data changed while it was read: ask again, or read one version of a store",
        )
    # A part that is larger than the total may be too coarse for the last digit: then a smaller one takes it.
    ranked = sorted(range(len(found)), key=lambda place: -abs(found[place]))
    for index in [place for place in ranked if found[place]][:MOST_SETTLED] or ranked[:1]:
        if math.fsum(found) == total:
            break
        found[index] += math.fsum((total, *(-part for part in found)))
    return tuple(found)


@dataclass(frozen=True, kw_only=True)
class SegmentChange:
    """What one segment adds to a ratio's change.

    Args:
        mix: Because its share of the denominator changed.
        rate: Because its own ratio changed.
        rate_before: Its ratio at first; None where its denominator was 0.
        rate_after: Its ratio then.
        share_before: Its share of the denominator at first.
        share_after: Its share then.
    """

    mix: float
    rate: float
    rate_before: float | None
    rate_after: float | None
    share_before: float
    share_after: float

    @property
    def total(self) -> float:
        """Both together."""
        return self.mix + self.rate


def mix_and_rate(
    before: Mapping[str, tuple[float, float]], after: Mapping[str, tuple[float, float]]
) -> dict[str, SegmentChange]:
    """A ratio's change, by segment, as a change of mix and a change of rates; all of it adds up to the change.

    With shares w and rates r, a segment's rate effect is mean(w) x change(r), and its mix effect is change(w) x
    (mean(r) - mean(R)), R being the whole ratio: a segment that grows adds where it is better than the whole. A
    segment without a denominator in one of the two has no rate to compare: all that it adds is mix.

    Args:
        before: Segment -> numerator and denominator at first.
        after: The same then; a segment that is not there has 0 and 0.

    Raises:
        DefinitionError: A whole denominator is 0: there is no ratio to change.

    Source: the midpoint (Marshall-Edgeworth) decomposition; Kitagawa (1955), JASA 50, with rates centred on the whole.
    Compared with the identity that it must satisfy, and with worked examples.

    >>> parts = mix_and_rate({"a": (10, 100), "b": (90, 100)}, {"a": (10, 100), "b": (270, 300)})
    >>> round(sum(part.total for part in parts.values()), 6), round(sum(part.rate for part in parts.values()), 6)
    (0.2, 0.0)
    """
    whole_before, whole_after = (math.fsum(d for _, d in side.values()) for side in (before, after))
    if whole_before == 0 or whole_after == 0:
        raise DefinitionError("a ratio whose denominator is 0 has no change to explain")
    ratio_before = math.fsum(n for n, _ in before.values()) / whole_before
    ratio_after = math.fsum(n for n, _ in after.values()) / whole_after
    middle = (ratio_before + ratio_after) / 2
    found = {}
    for segment in dict.fromkeys((*before, *after)):
        old, new = before.get(segment, (0, 0)), after.get(segment, (0, 0))
        share_before, share_after = old[1] / whole_before, new[1] / whole_after
        rate_before = old[0] / old[1] if old[1] else None
        rate_after = new[0] / new[1] if new[1] else None
        rate = 0.0
        if rate_before is not None and rate_after is not None:
            rate = (share_before + share_after) / 2 * (rate_after - rate_before)
            mix = (share_after - share_before) * ((rate_before + rate_after) / 2 - middle)
        else:
            mix = new[0] / whole_after - old[0] / whole_before - (share_after - share_before) * middle
        found[segment] = SegmentChange(
            mix=mix,
            rate=rate,
            rate_before=rate_before,
            rate_after=rate_after,
            share_before=share_before,
            share_after=share_after,
        )
    return found
