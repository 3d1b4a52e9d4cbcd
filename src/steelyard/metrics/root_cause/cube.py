"""A metric's aggregates by day and leaf, a leaf being one value of every dimension: one query."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from scipy import sparse

from steelyard.errors import DataError, DefinitionError
from steelyard.metrics.asked import Asked
from steelyard.metrics.catalog import MetricCatalog
from steelyard.metrics.expression import UNKNOWN
from steelyard.metrics.question import ask
from steelyard.metrics.root_cause.wide import cut_in_engine
from steelyard.warehouse import Warehouse

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["OTHER", "Cube", "cube_of", "read_cube", "refuse_overlaps", "searchable"]

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]

OTHER = "(other)"
MOST_CELLS = 4_000_000
MOST_LEAVES = 120_000
MOST_VALUES = 1_000
FEWER_VALUES = (50, 10)
OF_THE_DAY = 1.05


@dataclass(frozen=True, kw_only=True)
class Cube:
    """Additive aggregates of every leaf and day that has rows.

    Args:
        dimensions: As a question writes them.
        labels: The values of each, in the order of their text; `(unknown)` where there is none.
        codes: The values at each leaf, as places in `labels`; shape (leaves, dimensions).
        first: The first day.
        days: How many there are.
        leaf: The leaf of each cell.
        day: The day of each cell, from 0.
        amounts: The aggregates of each cell: `value`, or `numerator` and `denominator`; `rows` where they are counted.
        cut: Dimensions of which only the biggest values stand apart -> how many.
        left_out: Dimensions that the cube has not, and why.
    """

    dimensions: tuple[str, ...]
    labels: tuple[tuple[Any, ...], ...]
    codes: I64
    first: date
    days: int
    leaf: I64
    day: I64
    amounts: Mapping[str, F64]
    cut: Mapping[str, int]
    left_out: Mapping[str, str]

    @property
    def leaves(self) -> int:
        """How many leaves there are."""
        return len(self.codes)

    @cached_property
    def _by_day(self) -> dict[str, sparse.csr_array]:
        return {}

    def by_day(self, amount: str) -> sparse.csr_array:
        """An aggregate of each leaf and day; shape (leaves, days), sparse, its rows in the order of days."""
        if amount not in self._by_day:
            shape = (self.leaves, self.days)
            found = sparse.csr_array((self.amounts[amount], (self.leaf, self.day)), shape=shape)
            found.sum_duplicates()
            self._by_day[amount] = found
        return self._by_day[amount]

    def of_the_day(self, dimension: int) -> bool:
        """Whether its value is a matter of the day, as a column with the week is: then it sets no two ranges apart."""
        size = len(self.labels[dimension])
        if size < 2 or not self.days:
            return False
        cells = np.bincount(self.codes[self.leaf, dimension] * self.days + self.day, minlength=size * self.days)
        pairs = cells.reshape(size, self.days) > 0
        return bool(pairs.sum() <= OF_THE_DAY * pairs.any(axis=0).sum())

    def without(self, dimensions: Sequence[int]) -> Cube:
        """Added up over some dimensions."""
        kept = [place for place in range(len(self.dimensions)) if place not in dimensions]
        made = cube_of(
            [self.dimensions[place] for place in kept],
            [self.labels[place] for place in kept],
            [self.codes[self.leaf, place] for place in kept],
            self.day,
            self.amounts,
            self.first,
        )
        return replace(made, cut=self.cut, left_out=self.left_out)

    def finite(self) -> tuple[Cube, int]:
        """With 0 in the cells that hold NaN or infinity, and how many those are."""
        good = np.all([np.isfinite(values) for values in self.amounts.values()], axis=0)
        if good.all():
            return self, 0
        amounts = {name: np.where(good, values, 0.0) for name, values in self.amounts.items()}
        return replace(self, amounts=amounts), int((~good).sum())

    def place(self, day: date) -> int:
        """A day's place; it need not be in the cube."""
        return (day - self.first).days

    def sums(self, dimension: int, first: date, last: date, amounts: Sequence[str]) -> dict[Any, tuple[float, ...]]:
        """Value of one dimension -> its aggregates over a range of days, where there are rows."""
        begin, end = max(self.place(first), 0), max(self.place(last) + 1, 0)
        codes, size = self.codes[:, dimension], len(self.labels[dimension])
        within = (self.day >= begin) & (self.day < end)
        cells = np.bincount(codes[self.leaf[within]], minlength=size)
        # Over leaves and days in their own order, so that the engine's order of rows changes no digit.
        chosen = np.zeros(self.days)
        chosen[begin:end] = 1.0
        found = [np.bincount(codes, self.by_day(name) @ chosen, size) for name in amounts]
        return {
            label: tuple(float(column[code]) for column in found)
            for code, label in enumerate(self.labels[dimension])
            if cells[code]
        }


def read_cube(
    catalog: MetricCatalog, warehouse: Warehouse, metric: str, dimensions: Sequence[str], since: date, until: date
) -> Cube:
    """The cube of a metric over a range of local days.

    Where it would have more than four million cells, the engine keeps the 50 biggest values of each dimension and adds
    up the rest as `(other)`; where that is still too much, it does without the dimensions that have most values.

    Raises:
        SteelyardError: As `query`.
    """
    question = ask(metric, by=["day", *dimensions], since=since, until=until, fill=False)
    asked = Asked(catalog, warehouse, question, parts=True)
    refuse_overlaps(asked, ", ".join(dimensions))
    columns = {output: given for output, given in asked.plan.columns.items() if output != "period"}
    amounts = _amounts(asked, metric)
    kept: Sequence[str] = list(columns)
    left_out: Mapping[str, str] = {}
    sent = replace(asked.plan.query, sql=_unordered(asked.plan.query.sql), limit=MOST_CELLS)
    try:
        table = warehouse.fetch(sent)
        cut: Mapping[str, int] = {}
    except DataError as error:
        if "rows" not in error.problem:
            raise
        table, kept, cut, dropped = cut_in_engine(warehouse, sent, list(columns), amounts, (until - since).days + 1)
        left_out = {columns[name]: why for name, why in dropped.items()}
    made = _cube(table, {name: columns[name] for name in kept}, amounts, since)
    return _within_values(replace(made, cut={columns[name]: values for name, values in cut.items()}, left_out=left_out))


def _unordered(sql: str) -> str:
    """The SELECT without its last ORDER BY: sorting millions of cells costs as much as adding them up."""
    head, _, order = sql.rpartition("\nORDER BY ")
    return head if head and "\n" not in order and "LIMIT" not in order else sql


def _amounts(asked: Asked, metric: str) -> dict[str, str]:
    """What is kept of the plan's columns: our name -> theirs."""
    ratio = asked.catalog.parts(metric).denominator is not None
    found = {side: f"{metric}_{side}" for side in ("numerator", "denominator")} if ratio else {"value": metric}
    counted = [name for name in asked.plan.counted if name.endswith("_rows")]
    return {**found, "rows": counted[0]} if counted else found


def _cube(table: pa.Table, columns: Mapping[str, str], amounts: Mapping[str, str], since: date) -> Cube:
    codes, labels = [], []
    for column in columns:
        code, label = _encoded(table.column(column))
        codes.append(code)
        labels.append(label)
    days = _days(table.column("period"), since)
    numbers = {ours: _numbers(table.column(theirs)) for ours, theirs in amounts.items()}
    return cube_of(tuple(columns.values()), labels, codes, days, numbers, since)


def cube_of(
    dimensions: Sequence[str],
    labels: Sequence[tuple[Any, ...]],
    codes: Sequence[I64],
    days: I64,
    amounts: Mapping[str, F64],
    since: date,
) -> Cube:
    """The cube of cells that are given one by one; days count from `since`.

    Args:
        dimensions: Their names.
        labels: The values of each.
        codes: The value of each at every cell.
        days: The day of every cell.
        amounts: The aggregates of every cell.
        since: The day 0.
    """
    leaf, first = _leaves(codes, [len(values) for values in labels], len(days))
    leaves = np.stack([column[first] for column in codes], axis=1) if codes else np.zeros((len(first), 0), np.int64)
    begun = int(days.min()) if len(days) else 0
    return Cube(
        dimensions=tuple(dimensions),
        labels=tuple(labels),
        codes=leaves,
        first=since + timedelta(days=begun),
        days=int(days.max()) - begun + 1 if len(days) else 0,
        leaf=leaf,
        day=days - begun,
        amounts=dict(amounts),
        cut={},
        left_out={},
    )


def _leaves(codes: Sequence[I64], sizes: Sequence[int], cells: int) -> tuple[I64, I64]:
    """The leaf of each cell, leaves in the order of their values, and the place of one cell of each leaf."""
    keys, possible = np.zeros(cells, dtype=np.int64), 1
    for column, size in zip(codes, sizes, strict=True):
        if possible > (1 << 62) // max(size, 1):
            known, keys = np.unique(keys, return_inverse=True)
            keys, possible = keys.reshape(-1), len(known)
        keys, possible = keys * size + column, possible * size
    if possible <= 4 * cells + 1024:
        place = np.full(possible, -1, dtype=np.int64)
        place[keys] = np.arange(cells)
        used = np.flatnonzero(place >= 0)
        first = place[used]
        place[used] = np.arange(len(used))
        return place[keys], first
    _, first, inverse = np.unique(keys, return_index=True, return_inverse=True)
    return inverse.reshape(-1), first


def _encoded(column: pa.ChunkedArray[Any]) -> tuple[I64, tuple[Any, ...]]:
    """Codes in the order of the values' text, and the values; NULL is one of them."""
    whole = column.combine_chunks().dictionary_encode(null_encoding="encode")
    values = [UNKNOWN if value is None else value for value in whole.dictionary.to_pylist()]
    ordered = sorted(dict.fromkeys(values), key=lambda value: (str(value), str(type(value))))
    rank = {value: place for place, value in enumerate(ordered)}
    places = np.array([rank[value] for value in values], dtype=np.int64)
    codes: I64 = places[whole.indices.to_numpy(zero_copy_only=False).astype(np.int64)] if values else places
    return codes, tuple(ordered)


def _days(column: pa.ChunkedArray[Any], since: date) -> I64:
    import pyarrow as pa

    found = column.cast(pa.date32()).cast(pa.int32()).to_numpy().astype(np.int64)
    return np.asarray(found - (since - date(1970, 1, 1)).days, dtype=np.int64)


def _numbers(column: pa.ChunkedArray[Any]) -> F64:
    import pyarrow as pa

    # Unsafe for whole numbers beyond 2^53 alone, of which the nearest double is taken.
    return np.asarray(column.cast(pa.float64(), safe=False).fill_null(pa.scalar(0.0)).to_numpy(), dtype=np.float64)


def _within_values(cube: Cube) -> Cube:
    """With the thousand biggest values of each dimension that has more."""
    wide = [place for place, labels in enumerate(cube.labels) if len(labels) > MOST_VALUES]
    return _cut(cube, wide, MOST_VALUES) if wide else cube


def searchable(cube: Cube) -> tuple[Cube, list[str]]:
    """The cube that is searched, and what was done to it: without what is of the day, and narrow enough."""
    days = [place for place in range(len(cube.dimensions)) if cube.of_the_day(place)]
    says = [f"{cube.dimensions[place]} goes with the days, so it was not searched." for place in days]
    if days:
        cube = cube.without(days)
    for most in FEWER_VALUES:
        wide = [place for place, labels in enumerate(cube.labels) if len(labels) > most]
        if wide and cube.leaves > MOST_LEAVES:
            cube = _cut(cube, wide, most)
            names = ", ".join(cube.dimensions[place] for place in wide)
            says = [item for item in says if "biggest values" not in item]
            says.append(
                f"The leaves are many: the {most} biggest values of {names} were searched, the rest as {OTHER}."
            )
    return cube, says


def _cut(cube: Cube, wide: Sequence[int], most: int) -> Cube:
    labels, columns = list(cube.labels), [cube.codes[:, place] for place in range(len(cube.labels))]
    weight = np.abs(cube.amounts.get("rows", cube.amounts.get("denominator", next(iter(cube.amounts.values())))))
    leaf_weight = np.bincount(cube.leaf, weight, cube.leaves)
    for place in wide:
        size = np.bincount(columns[place], leaf_weight, len(labels[place]))
        if labels[place][-1] == OTHER:
            size[-1] = -1.0
        kept = np.sort(np.argsort(-size, kind="stable")[:most])
        rank = np.full(len(labels[place]), most, dtype=np.int64)
        rank[kept] = np.arange(most)
        columns[place] = rank[columns[place]]
        labels[place] = (*(labels[place][int(code)] for code in kept), OTHER)
    cells = [column[cube.leaf] for column in columns]
    made = cube_of(cube.dimensions, labels, cells, cube.day, cube.amounts, cube.first)
    return replace(made, cut={**cube.cut, **{cube.dimensions[place]: most for place in wide}}, left_out=cube.left_out)


def refuse_overlaps(asked: Asked, dimension: str) -> None:
    """Refuses segments that have rows in common, which no part of a change belongs to.

    Raises:
        DefinitionError: They have.
    """
    for reason in (reason for reasons in asked.plan.overlaps.values() for reason in reasons.values()):
        raise DefinitionError(
            f"the segments of {dimension!r} overlap, so they have no parts of the change that add up: {reason}",
            hint="explain by dimensions of which each row has one",
        )
