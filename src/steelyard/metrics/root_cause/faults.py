"""What is wrong with the data of the two ranges, before anyone asks the world why a number moved."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, timedelta

import numpy as np
import numpy.typing as npt

from steelyard.document import number_of
from steelyard.metrics.explanation import Cause, DataFault, Happening
from steelyard.metrics.root_cause.cube import Cube

__all__ = ["find_faults"]

F64 = npt.NDArray[np.float64]
Range = tuple[date, date]

LATE = 0.5  # of what the same weekdays had: the last day of data is hardly ever half a day by chance
FEWEST_DAYS = 3
TWICE = 0.12  # how near to twice
ALIKE = 0.25  # how near to each other
MANY = 20.0
DAY = timedelta(days=1)


def find_faults(
    cube: Cube | None,
    ranges: tuple[Range, Range],
    covered: Range | None,
    causes: Sequence[Cause],
    happenings: Sequence[Happening],
) -> list[DataFault]:
    """Incomplete and late days, days without rows, loads that came twice, segments that are gone, other definitions.

    Args:
        cube: The metric's aggregates; None where it has none that add up.
        ranges: The baseline, and what is explained.
        covered: First and last day of which every fact has rows; None where there are none.
        causes: What the search found.
        happenings: What is known to have changed in definitions and schemas, among others.
    """
    found = [*_changed(happenings, ranges), *_cut(ranges, covered)]
    if cube is not None and cube.leaves:
        found += [*_missing(cube, ranges, covered), *_late(cube, ranges, covered), *_twice(cube, ranges)]
    return [*found, *_gone(causes)]


def _changed(happenings: Sequence[Happening], ranges: tuple[Range, Range]) -> Iterator[DataFault]:
    first, last = min(side[0] for side in ranges), max(side[1] for side in ranges)
    for item in happenings:
        if item.kind in ("definition", "schema") and first <= item.at <= last:
            says = f"{item.says} ({item.at})"
            if item.kind == "definition":
                says = f"{says}. Both ranges are told by the present definition."
            yield DataFault(kind=item.kind, says=says, segment=dict(item.where), stops=item.kind == "schema")


def _cut(ranges: tuple[Range, Range], covered: Range | None) -> Iterator[DataFault]:
    for name, (first, last) in zip(("baseline", "later range"), ranges, strict=True):
        if covered is None or last < covered[0] or first > covered[1]:
            yield DataFault(kind="incomplete", says=f"The {name} has no rows.", stops=True)
            continue
        if last > covered[1]:
            missing = (last - covered[1]).days
            says = f"The rows end on {covered[1]}: {number_of(missing, 'day')} of the {name} {_are(missing)} not there."
            yield DataFault(kind="incomplete", says=says, stops=True)
        if first < covered[0]:
            missing = (covered[0] - first).days
            says = (
                f"The rows begin on {covered[0]}: {number_of(missing, 'day')} of the {name} {_are(missing)} not there."
            )
            yield DataFault(kind="incomplete", says=says, stops=True)


def _are(count: int) -> str:
    return "is" if count == 1 else "are"


def _rows(cube: Cube) -> F64:
    """Rows of each day; what stands for them where they were not counted."""
    name = next(item for item in ("rows", "denominator", "value") if item in cube.amounts)
    return np.asarray(np.bincount(cube.day, np.abs(cube.amounts[name]), cube.days), dtype=np.float64)


def _within(cube: Cube, days: Range, covered: Range | None) -> range:
    last = min(days[1], covered[1]) if covered else days[1]
    return range(max(cube.place(days[0]), 0), min(cube.place(last), cube.days - 1) + 1)


def _missing(cube: Cube, ranges: tuple[Range, Range], covered: Range | None) -> Iterator[DataFault]:
    """Days without any row where days without rows are rare."""
    rows = _rows(cube)
    usual = float((rows > 0).mean())
    for name, days in zip(("baseline", "later range"), ranges, strict=True):
        empty = [place for place in _within(cube, days, covered) if rows[place] == 0 and _others(rows, place)]
        if empty and usual > 0.9 and float(np.median(rows[rows > 0])) >= MANY:
            said = ", ".join(str(cube.first + place * DAY) for place in empty[:3])
            more = f" and {len(empty) - 3} more" if len(empty) > 3 else ""
            yield DataFault(kind="missing days", says=f"The {name} has no rows on {said}{more}: closed, or not loaded.")


def _others(rows: F64, place: int) -> bool:
    """Whether the same weekday has rows in most other weeks."""
    same = np.delete(rows[place % 7 :: 7], place // 7)
    return len(same) >= FEWEST_DAYS and bool(np.median(same) > 0)


def _late(cube: Cube, ranges: tuple[Range, Range], covered: Range | None) -> Iterator[DataFault]:
    """The last day that there is, with half of its rows or fewer: the rest is still on its way."""
    place = cube.days - 1
    last = cube.first + place * DAY
    if covered is None or last != covered[1] or not any(first <= last <= end for first, end in ranges):
        return
    rows = _rows(cube)
    same = rows[place % 7 : place : 7]
    if len(same) < FEWEST_DAYS or np.median(same) < MANY or rows[place] > LATE * np.median(same):
        return
    if rows[place] >= same.min():
        return
    says = (
        f"{last}, the last day of the data, has {rows[place]:,.0f} rows where the same weekday has "
        f"{np.median(same):,.0f}: some may be late."
    )
    yield DataFault(kind="late", says=says, stops=True)


def _twice(cube: Cube, ranges: tuple[Range, Range]) -> Iterator[DataFault]:
    """Days on which nearly every value of a dimension has twice, or three times, its rows: the load came again."""
    if "rows" not in cube.amounts:
        return
    rows = _by_value(cube)
    for name, days in zip(("baseline", "later range"), ranges, strict=True):
        for place in _within(cube, days, None):
            times = _times(rows, place)
            if times:
                says = (
                    f"{cube.first + place * DAY}, in the {name}, has {times} times the rows of the same weekday in "
                    f"nearly every part: it looks loaded {'twice' if times == 2 else f'{times} times'}."
                )
                yield DataFault(kind="loaded twice", says=says, stops=True)


def _by_value(cube: Cube) -> F64:
    """Rows by value and day, of the dimension that has most values with many rows a day; all rows where it has none."""
    best, most = _rows(cube)[None, :], 1
    for dimension, labels in enumerate(cube.labels):
        keys = cube.codes[cube.leaf, dimension] * cube.days + cube.day
        flat = np.bincount(keys, cube.amounts["rows"], len(labels) * cube.days)
        table = np.asarray(flat, dtype=np.float64).reshape(len(labels), cube.days)
        large = int((np.median(table, axis=1) >= MANY).sum())
        if large > most:
            best, most = table, large
    return best


def _times(rows: F64, place: int) -> int:
    """2 or 3 where the values that hold most of the rows all have about as many times their usual rows; else 0."""
    others = [day for day in range(place % 7, rows.shape[1], 7) if day != place]
    if len(others) < FEWEST_DAYS:
        return 0
    usual = np.median(rows[:, others], axis=1)
    large = usual >= MANY
    if not large.any():
        return 0
    ratio = rows[large, place] / usual[large]
    middle = float(np.median(ratio))
    times = round(middle)
    alike = float((np.abs(ratio / max(middle, 1e-9) - 1) < ALIKE).mean())
    return times if times in (2, 3) and abs(middle / times - 1) < TWICE and alike >= 0.9 else 0


def _gone(causes: Sequence[Cause]) -> Iterator[DataFault]:
    for cause in causes:
        if cause.kind == "data fault":
            says = f"{cause.name} has no rows at all in the later range, and had {cause.share * 2:.1%} of the whole."
            yield DataFault(kind="segment gone", says=says, segment=dict(cause.segment), impact=cause.impact)
