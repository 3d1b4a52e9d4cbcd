"""Searches a metric's cube: volume, mix, rate and price each by itself, and says what each segment found adds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt

from steelyard.errors import DefinitionError
from steelyard.metrics.explanation import Cause, Search
from steelyard.metrics.root_cause.cube import Cube, searchable
from steelyard.metrics.root_cause.quiet import setting_of, usable_days
from steelyard.metrics.root_cause.windows import Windows, windows_of
from steelyard.stats.lattice import Lattice
from steelyard.stats.root_cause import LEVEL, FoundSegment, SegmentSearch, find_segments

__all__ = ["Found", "search_cube"]

F64 = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]
Range = tuple[date, date]

DEPTH = 3
MIX_SHARED = 0.3**2  # the whole's volume is no news of a ratio: it may move by a third before it counts
NO_BEARING = 0.001
ALIKE = 0.95


@dataclass(kw_only=True)
class Found:
    """What the searches gave.

    Args:
        causes: In the order found.
        search: How it was searched.
        calendar: What the change holds because the ranges have other weekdays.
        notes: What a reader must know.
    """

    causes: list[Cause] = field(default_factory=list)
    search: Search
    calendar: float = 0.0
    notes: list[str] = field(default_factory=list)


def search_cube(
    cube: Cube, name: str, ranges: tuple[Range, Range], divisors: tuple[float, float], level: float = LEVEL
) -> Found:
    """The few segments that explain the move between two ranges.

    Args:
        cube: The metric's aggregates, with history.
        name: What the metric is called.
        ranges: The baseline, and what is explained.
        divisors: What the two totals are divided by: their days where the change is per day, else 1.
        level: The chance of a false alarm that each search may have.
    """
    cube, says = searchable(cube)
    if not cube.leaves or not cube.dimensions:
        return Found(search=Search(ran=False, says="There are no dimensions, or no rows, to search."))
    windows = windows_of(*ranges, cube.first, cube.days)
    if windows is None:
        return Found(search=Search(ran=False, says="One of the ranges has no rows: there is nothing to set apart."))
    found = _Searching(cube, name, ranges, divisors, windows, level).found()
    found.notes += says
    return found


class _Searching:
    """One cube on its way to causes."""

    def __init__(
        self,
        cube: Cube,
        name: str,
        ranges: tuple[Range, Range],
        divisors: tuple[float, float],
        windows: Windows,
        level: float,
    ) -> None:
        self.cube, self.name, self.windows, self.divisors, self.level = cube, name, windows, divisors, level
        self.length = min((last - first).days + 1 for first, last in ranges)
        later = max(ranges, key=lambda side: (side[1], side[0]))
        self.usable = usable_days(cube.first, cube.days, later)
        self.lattice = Lattice(cube.codes, DEPTH)
        places = [(cube.place(first), cube.place(last)) for first, last in ranges]
        days = np.arange(cube.days)
        self.inside = [(days >= first) & (days <= last) for first, last in places]
        self.ratio = "denominator" in cube.amounts
        self.out = Found(search=Search(ran=False, says=""))
        self.searched: list[SegmentSearch] = []
        self.says: list[str] = []

    def total(self, amount: str, side: int) -> F64:
        """An aggregate of each leaf over one range."""
        return np.asarray(self.cube.by_day(amount) @ self.inside[side].astype(np.float64), dtype=np.float64)

    def expected(self, amount: str) -> F64:
        """An aggregate of each leaf in the baseline, brought to the days of the later range."""
        return np.asarray(self.cube.by_day(amount) @ self.windows.before[:, -1], dtype=np.float64)

    def found(self) -> Found:
        for kind, amount, over in self._searches():
            self._search(kind, amount, over)
        if not self.searched:
            says = "; ".join(dict.fromkeys(self.says))
            self.out.search = Search(ran=False, says=says, leaves=self.cube.leaves, dimensions=self.cube.dimensions)
            return self.out
        self.out.calendar = self._calendar()
        self._drop_without_bearing()
        count = sum(item.searched for item in self.searched)
        says = (
            f"{count:,} segments of {self.cube.leaves:,} leaves were searched, to {DEPTH} dimensions; noise and false "
            f"alarms by {'; '.join(dict.fromkeys(self.says))}."
        )
        self.out.search = Search(
            ran=True,
            says=says,
            segments=count,
            leaves=self.cube.leaves,
            dimensions=self.cube.dimensions,
            level=self.level,
        )
        return self.out

    def _searches(self) -> Iterator[tuple[str, str, str | None]]:
        """Kind, what is counted, and over what."""
        if self.ratio:
            yield "mix", "denominator", None
            yield "rate", "numerator", "denominator"
        elif self._rows_tell():
            yield "volume", "rows", None
            yield "price", "value", "rows"
        else:
            yield "volume", "value", None

    def _rows_tell(self) -> bool:
        """Whether rows and the amount of a row are two things: not where a row is a count, or a sum made before."""
        rows = self.cube.amounts.get("rows")
        if rows is None or not rows.size or np.array_equal(rows, self.cube.amounts["value"]):
            return False
        return float((rows == np.median(rows)).mean()) < ALIKE

    def _search(self, kind: str, amount: str, over: str | None) -> None:
        numerator = self.cube.by_day(amount)
        denominator = None if over is None else self.cube.by_day(over)
        if (self.cube.amounts[amount] < 0).any():
            self.out.notes.append(f"Some parts of {self.name} are below 0: the search is rougher for it.")
        try:
            setting = setting_of(numerator, denominator, self.windows, self.usable, self.length)
        except DefinitionError as error:
            self.says.append(f"{kind} was not searched: {error.problem}")
            return
        if setting is None:
            self.says.append("history is too short to tell noise from news: give earlier days")
            return
        noise = setting.noise
        if kind == "mix":
            noise = replace(noise, shared=max(noise.shared, MIX_SHARED))
        found = find_segments(
            self.lattice,
            setting.contrast,
            noise,
            replays=setting.replays,
            independent=setting.independent,
            whole=kind != "mix",
            level=self.level,
        )
        self.searched.append(found)
        self.says.append(setting.says)
        for segment, expected in zip(found.found, found.expected, strict=True):
            self.out.causes.append(self._cause(kind, segment, expected, found))

    def _cause(self, kind: str, segment: FoundSegment, expected: F64, search: SegmentSearch) -> Cause:
        inside = self.lattice.members(segment.number)
        made = {"volume": self._volume, "mix": self._mix, "rate": self._rate, "price": self._rate}[kind]
        values = made(kind, inside, expected)
        gone = kind in ("volume", "mix") and not self._amount(inside, 1) and bool(self._amount(inside, 0))
        return Cause(
            segment={
                self.cube.dimensions[dimension]: str(self.cube.labels[dimension][code])
                for dimension, code in segment.segment
            },
            kind="data fault" if gone else kind,
            ratio=None if np.isinf(segment.ratio) else segment.ratio,
            share=self._share(inside),
            statistic=segment.statistic,
            false_alarm=segment.false_alarm,
            **values,
        )

    @property
    def _size(self) -> str:
        """What says how much of the whole a segment is."""
        return "denominator" if self.ratio else "value"

    def _amount(self, inside: Mask, side: int) -> float:
        amount = "rows" if "rows" in self.cube.amounts else self._size
        return float(self.total(amount, side)[inside].sum())

    def _share(self, inside: Mask) -> float:
        shares = []
        for side in (0, 1):
            amounts = np.abs(self.total(self._size, side))
            shares.append(float(amounts[inside].sum() / amounts.sum()) if amounts.sum() else 0.0)
        return sum(shares) / 2

    def _volume(self, kind: str, inside: Mask, expected: F64) -> dict[str, Any]:
        """A sum or count: the segment's own, and what it would have been at the rows that were to be expected."""
        value, amount = self.total("value", 1), "rows" if self._rows_tell() else "value"
        if amount == "value":
            impact = float((value - expected)[inside].sum())
        else:
            old, rows = self.expected("value"), self.expected("rows")
            each = float(old[inside].sum() / max(rows[inside].sum(), 1e-300))
            price = np.divide(old, rows, out=np.full_like(old, each), where=rows > 0)
            now = np.divide(value, self.total("rows", 1), out=price.copy(), where=self.total("rows", 1) > 0)
            price = np.where(rows > 0, price, now)
            impact = float(((self.total("rows", 1) - expected) * price)[inside].sum())
        before, after = (float(self.total("value", side)[inside].sum()) / self.divisors[side] for side in (0, 1))
        impact /= self.divisors[1]
        return {"measure": self.name, "before": before, "after": after, "expected": after - impact, "impact": impact}

    def _mix(self, kind: str, inside: Mask, expected: F64) -> dict[str, Any]:
        """A ratio's denominator: shares of it, and what the ratio would be at the share that was to be expected."""
        sizes = [self.total("denominator", side) for side in (0, 1)]
        numerator = self.total("numerator", 1)
        old_rate = self._rates(0)
        rate = np.divide(numerator, sizes[1], out=old_rate, where=sizes[1] > 0)
        size = np.where(inside, expected, sizes[1])
        without = float((size * rate).sum() / size.sum()) if size.sum() else 0.0
        whole = float(numerator.sum() / sizes[1].sum()) if sizes[1].sum() else 0.0
        shares = [float(item[inside].sum() / item.sum()) if item.sum() else None for item in (*sizes, size)]
        return {
            "measure": f"share of the denominator of {self.name}",
            "before": shares[0],
            "after": shares[1],
            "expected": shares[2],
            "impact": whole - without,
        }

    def _rates(self, side: int) -> F64:
        size = self.total("denominator", side)
        return np.divide(self.total("numerator", side), size, out=np.zeros_like(size), where=size > 0)

    def _rate(self, kind: str, inside: Mask, expected: F64) -> dict[str, Any]:
        """The segment's own ratio, and what it adds to the metric at the denominators that there are."""
        top, bottom = ("numerator", "denominator") if self.ratio else ("value", "rows")
        pairs = [
            (float(self.total(top, side)[inside].sum()), float(self.total(bottom, side)[inside].sum()))
            for side in (0, 1)
        ]
        before, after = (up / down if down else None for up, down in pairs)
        # Leaves without a baseline have no rate to keep: what was seen there is what was expected.
        known = inside & (self.total(bottom, 0) > 0)
        moved = float((self.total(top, 1) - expected)[known].sum())
        down = pairs[1][1]
        whole = float(self.total(bottom, 1).sum()) if self.ratio else self.divisors[1]
        return {
            "measure": self.name if self.ratio else f"{self.name} of a row",
            "before": before,
            "after": after,
            "expected": None if after is None else after - moved / down,
            "impact": moved / whole if whole else 0.0,
        }

    def _calendar(self) -> float:
        """What a sum's change holds because the ranges have other weekdays, if no leaf had moved."""
        if self.ratio:
            return 0.0
        matched = float(self.expected("value").sum()) / self.divisors[1]
        return matched - float(self.total("value", 0).sum()) / self.divisors[0]

    def _drop_without_bearing(self) -> None:
        """A shift of volume towards what is like the whole moves no ratio: it is counted, and no cause."""
        largest = max((abs(cause.impact) for cause in self.out.causes), default=0.0)
        kept = [c for c in self.out.causes if c.kind != "mix" or abs(c.impact) >= NO_BEARING * largest > 0]
        dropped = len(self.out.causes) - len(kept)
        if dropped:
            self.out.notes.append(
                f"{dropped} {'segment' if dropped == 1 else 'segments'} changed in volume without bearing on "
                f"{self.name}."
            )
        self.out.causes = kept
