"""Asks why a metric differs between two ranges of dates."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import date
from functools import cached_property
from typing import Any, Literal

from steelyard.errors import DataError, DefinitionError
from steelyard.metrics.answer import query
from steelyard.metrics.asked import Asked
from steelyard.metrics.attribution import MOST_FACTORS, lmdi, settled, shapley
from steelyard.metrics.catalog import MetricCatalog
from steelyard.metrics.explanation import DimensionChange, Explanation, Factor, TreeChange
from steelyard.metrics.expression import UNKNOWN
from steelyard.metrics.metric_table import MetricTable
from steelyard.metrics.question import Question, as_date, ask
from steelyard.metrics.segments import additive_change, ratio_change
from steelyard.metrics.tree import Tree
from steelyard.warehouse import Warehouse

__all__ = ["explain"]

MOST_SEGMENTS = 1_000
Range = tuple[date, date]


def explain(
    catalog: MetricCatalog,
    warehouse: Warehouse,
    metric: str,
    before: tuple[str | date, str | date],
    after: tuple[str | date, str | date],
    dimensions: Sequence[str] | None = None,
) -> Explanation:
    """Why a metric differs between two ranges of local dates, both ends included.

    Sums and counts are compared per day where the ranges differ in length. Every list of contributions adds up to the
    change.

    Args:
        catalog: The definitions.
        warehouse: What is read.
        metric: The metric.
        before: First and last date of the baseline.
        after: First and last date of what is to be explained.
        dimensions: Dimensions to look at; None is all that the metric has, without those of more than 1,000 values.

    Raises:
        UnknownNameError: It names what is not there.
        DefinitionError: The metric has no time, or a range cannot be.
        PolicyError: A dimension is sensitive.
    """
    ranges = (_range(before, "before"), _range(after, "after"))
    work = _Explaining(catalog, warehouse, metric, ranges)
    return work.explanation(dimensions)


def _range(given: tuple[str | date, str | date], name: str) -> Range:
    first, last = (as_date(value, name) for value in given)
    if first is None or last is None or last < first:
        raise DefinitionError(f"{name} = {given!r} is no range of dates", hint="give the first and the last, in order")
    return first, last


class _Explaining:
    """One explanation on its way."""

    def __init__(self, catalog: MetricCatalog, warehouse: Warehouse, name: str, ranges: tuple[Range, Range]) -> None:
        self.catalog, self.warehouse, self.ranges = catalog, warehouse, ranges
        self.metric = catalog.metric(name)
        self.ratio = catalog.parts(name).denominator is not None
        self.days = tuple((last - first).days + 1 for first, last in ranges)
        tree = catalog.trees.get(name)
        self.names = [name, *(branch.metric for branch in tree.branches)] if tree else [name]
        self.answers: tuple[MetricTable, MetricTable] = tuple(  # type: ignore[assignment]
            query(catalog, warehouse, self.names, since=first, until=last) for first, last in ranges
        )
        self.notes: list[str] = []
        self.skipped: dict[str, str] = {}

    @property
    def basis(self) -> Literal["total", "per day", "value"]:
        """What is compared."""
        if self.ratio:
            return "value"
        return "total" if self.days[0] == self.days[1] else "per day"

    @property
    def divisors(self) -> tuple[int, int]:
        """What the two totals are divided by."""
        return (self.days[0], self.days[1]) if self.basis == "per day" else (1, 1)

    def value(self, side: int, name: str) -> float | None:
        """A metric's value in one of the ranges."""
        found = self.answers[side].rows()[0][name]
        return None if found is None else float(found)

    def explanation(self, dimensions: Sequence[str] | None) -> Explanation:
        totals = (self.value(0, self.metric.name), self.value(1, self.metric.name))
        first, last = (None if v is None else v / d for v, d in zip(totals, self.divisors, strict=True))
        change = None if first is None or last is None else last - first
        if change is None:
            self.notes.append(f"{self.metric.name} is undefined in one of the ranges: its denominator is 0 there.")
        tree = self._tree(first, last) if first is not None and last is not None else None
        found = [] if change is None else self._dimensions(dimensions, change)
        self._note_ranges()
        per_day = self.basis == "per day"
        return Explanation(
            metric=self.metric,
            before_range=self.ranges[0],
            after_range=self.ranges[1],
            before=first,
            after=last,
            change=change,
            basis=self.basis,
            totals=(totals[0] or 0.0, totals[1] or 0.0) if per_day else None,
            tree=tree,
            dimensions=tuple(sorted(found, key=lambda item: -item.departure)),
            notes=tuple(dict.fromkeys(self.notes)),
            hows=(self.answers[0].how, self.answers[1].how),
            provenance=(self.answers[0].provenance, self.answers[1].provenance),
            skipped=self.skipped,
        )

    def _note_ranges(self) -> None:
        if self.basis == "per day":
            self.notes.append(
                f"The ranges have {self.days[0]} and {self.days[1]} days, so what is compared is per day; the totals "
                f"stand beside."
            )
            if self.metric.kind == "distinct":
                self.notes.append(
                    "A distinct count does not grow evenly with days: ranges of one length compare better."
                )
        elif self.days[0] != self.days[1]:
            self.notes.append(f"The ranges have {self.days[0]} and {self.days[1]} days.")
        if self.ranges[0][1] >= self.ranges[1][0] and self.ranges[1][1] >= self.ranges[0][0]:
            self.notes.append("The ranges overlap: the days in both count on both sides.")
        for answer in self.answers:
            self.notes += answer.notes

    # By the tree

    def _tree(self, first: float, last: float) -> TreeChange | None:
        tree = self.catalog.trees.get(self.metric.name)
        if tree is None:
            return None
        values = self._branch_values(tree)
        if tree.kind == "sum":
            return self._sum(tree, values, last - first)
        return self._product(tree, values, first, last)

    def _branch_values(self, tree: Tree) -> list[tuple[float | None, float | None]]:
        """Every branch before and after; what grows with time is per day where the metric is."""
        values = []
        for branch in tree.branches:
            grows = self.catalog.parts(branch.metric).denominator is None
            sides = []
            for side in (0, 1):
                value = self.value(side, branch.metric)
                sides.append(value / self.days[side] if value is not None and grows and self._scaled(tree) else value)
            values.append((sides[0], sides[1]))
        return values

    def _scaled(self, tree: Tree) -> bool:
        """Whether counts in the tree are per day: one of them in a product carries the days, and all in a sum."""
        return self.basis == "per day" and (tree.kind == "sum" or self._growing(tree) == 1)

    def _growing(self, tree: Tree) -> int:
        grows = [branch for branch in tree.branches if self.catalog.parts(branch.metric).denominator is None]
        return sum(-1 if branch.inverse else 1 for branch in grows) if len(grows) <= 1 else 0

    def _sum(self, tree: Tree, values: list[tuple[float | None, float | None]], change: float) -> TreeChange | None:
        if any(value is None for pair in values for value in pair):
            self.notes.append("The tree has a term that is undefined in one of the ranges.")
            return None
        signs = [-1.0 if branch.inverse else 1.0 for branch in tree.branches]
        parts = [sign * ((new or 0.0) - (old or 0.0)) for sign, (old, new) in zip(signs, values, strict=True)]
        return self._grown(tree, "sum", values, parts, change)

    def _product(
        self, tree: Tree, values: list[tuple[float | None, float | None]], first: float, last: float
    ) -> TreeChange | None:
        factors, days = [], self.basis == "per day" and not self._scaled(tree)
        for branch, (old, new) in zip(tree.branches, values, strict=True):
            sides = self._defined(branch.metric, old, new, branch.inverse)
            if sides is None:
                return None
            factors.append(sides)
        if days:
            factors.append((1 / self.days[0], 1 / self.days[1]))
        if len(factors) > MOST_FACTORS:
            self.notes.append(f"The tree has {len(factors)} factors; at most {MOST_FACTORS} can be weighed.")
            return None
        old_side, new_side = zip(*factors, strict=True)
        parts = lmdi(old_side, new_side)
        method: Literal["LMDI", "Shapley"] = "LMDI"
        if parts is None:
            parts, method = shapley(old_side, new_side), "Shapley"
            self.notes.append("A factor changes its sign, where LMDI is undefined: the factors are weighed by Shapley.")
        elif math.prod(old_side) == 0 or math.prod(new_side) == 0:
            self.notes.append("The product comes from or goes to zero: what did so shares the change equally.")
        return self._grown(tree, method, values, list(parts), last - first)

    def _defined(self, name: str, old: float | None, new: float | None, inverse: bool) -> tuple[float, float] | None:
        """The factor's two values as multiplied; an undefined one is taken as unchanged."""
        sides = [
            None if value is None or (inverse and value == 0) else (1 / value if inverse else value)
            for value in (old, new)
        ]
        if sides[0] is None and sides[1] is None:
            self.notes.append(f"{name} is undefined in both ranges, so the tree cannot be taken apart.")
            return None
        if sides[0] is None or sides[1] is None:
            self.notes.append(f"{name} is undefined in one of the ranges; it is taken as unchanged.")
        known = next(value for value in sides if value is not None)
        return (known if sides[0] is None else sides[0], known if sides[1] is None else sides[1])

    def _grown(
        self,
        tree: Tree,
        method: Literal["LMDI", "Shapley", "sum"],
        values: list[tuple[float | None, float | None]],
        parts: list[float],
        change: float,
    ) -> TreeChange:
        """The tree's factors, with what it leaves over as one of them, so that all add up to the change."""
        names = [branch.metric for branch in tree.branches]
        factors = [
            Factor(name=branch.metric, before=old, after=new, contribution=part, inverse=branch.inverse)
            for branch, (old, new), part in zip(tree.branches, values, parts, strict=False)
        ]
        if len(parts) > len(names):
            factors.append(
                Factor(
                    name="days",
                    before=float(self.days[0]),
                    after=float(self.days[1]),
                    contribution=parts[-1],
                    inverse=True,
                )
            )
        left = change - math.fsum(parts)
        scale = max(abs(change), *(abs(part) for part in parts), 1e-300)
        if abs(left) > 1e-9 * scale:
            factors.append(Factor(name="not in the tree", before=None, after=None, contribution=left))
            self.notes.append(
                f"The tree {tree.text!r} does not make up {self.metric.name} exactly; what it leaves over stands apart."
            )
        settled_parts = settled([factor.contribution for factor in factors], change)
        exact = [
            Factor(name=f.name, before=f.before, after=f.after, contribution=part, inverse=f.inverse)
            for f, part in zip(factors, settled_parts, strict=True)
        ]
        ranked = sorted(exact, key=lambda factor: (-abs(factor.contribution), factor.name))
        return TreeChange(text=tree.text, method=method, factors=tuple(ranked))

    # By dimension

    def _dimensions(self, asked: Sequence[str] | None, change: float) -> list[DimensionChange]:
        known = self.catalog.dimensions(self.metric.name)
        found = []
        for dimension in known if asked is None else asked:
            try:
                sums = self._sums(dimension, 0), self._sums(dimension, 1)
            except (DataError, DefinitionError) as error:
                if asked is not None:
                    raise
                self.skipped[dimension] = error.problem
                continue
            if sums[0] is None or sums[1] is None:
                self.skipped[dimension] = f"it has more than {MOST_SEGMENTS:,} values"
                continue
            if self.ratio and (overlap := self._overlap(sums[0], 0) or self._overlap(sums[1], 1)):
                self.skipped[dimension] = overlap
                continue
            found.append(self._dimension(dimension, sums[0], sums[1], change))
        return found

    def _dimension(
        self,
        dimension: str,
        before: Mapping[Any, tuple[float, ...]],
        after: Mapping[Any, tuple[float, ...]],
        change: float,
    ) -> DimensionChange:
        if self.ratio:
            return ratio_change(dimension, before, after, change)
        overlaps = self.metric.kind == "distinct"
        found = additive_change(dimension, before, after, change, days=self.divisors, overlaps=overlaps)
        if abs(found.overlap) > 1e-9:
            self.notes.append(
                f"By {dimension}, a thing can count in several segments: they do not add up to the whole."
            )
        return found

    def _overlap(self, sums: Mapping[Any, tuple[float, ...]], side: int) -> str:
        """Why segments have no shares of a ratio: a distinct count in it counts one thing in several of them."""
        parts = self.catalog.parts(self.metric.name)
        for position, aggregate in enumerate(parts.each):
            if aggregate.function != "distinct":
                continue
            added = math.fsum(values[position] for values in sums.values())
            whole = self.wholes[side][position]
            if abs(added - whole) > 0.5:
                return (
                    f"{aggregate.expression} is counted once in each of its values ({added:,.0f} for {whole:,.0f}), so "
                    f"they have no shares that add up"
                )
        return ""

    @cached_property
    def wholes(self) -> tuple[tuple[float, ...], ...]:
        """The metric's aggregates in each range, undivided."""
        found = []
        for first, last in self.ranges:
            asked = Asked(self.catalog, self.warehouse, ask(self.metric.name, since=first, until=last), parts=True)
            row = asked.fetch().to_pylist()[0]
            found.append(tuple(float(row[f"{self.metric.name}_{side}"]) for side in ("numerator", "denominator")))
        return tuple(found)

    def _sums(self, dimension: str, side: int) -> dict[Any, tuple[float, ...]] | None:
        """Segment -> the metric's aggregates in one of the ranges; None where there are too many segments."""
        first, last = self.ranges[side]
        question: Question = ask(self.metric.name, by=[dimension], since=first, until=last, limit=MOST_SEGMENTS)
        asked = Asked(self.catalog, self.warehouse, question, parts=True)
        for reason in (reason for reasons in asked.plan.overlaps.values() for reason in reasons.values()):
            raise DefinitionError(
                f"the segments of {dimension!r} overlap, so they have no parts of the change that add up: {reason}",
                hint=f"explain by {', '.join(self.catalog.dimensions(self.metric.name)[:8])}",
            )
        table = asked.fetch()
        if table.num_rows > MOST_SEGMENTS:
            return None
        name = self.metric.name
        columns = (f"{name}_numerator", f"{name}_denominator") if self.ratio else (name,)
        column = next(iter(asked.plan.places))
        return {
            UNKNOWN if row[column] is None else row[column]: tuple(float(row[item]) for item in columns)
            for row in table.to_pylist()
        }
