"""The one form of every metric: arithmetic over leaves, each of which SQL computes at the answer's groups."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from steelyard.errors import DefinitionError, unknown_name
from steelyard.metrics.aggregate import Aggregate, Followed, Mature, PerEntity, measure_parts, measured, parts_of
from steelyard.metrics.expression import columns_of, parse_expression
from steelyard.metrics.kinds import Balance, Conversion, Retention, days_of
from steelyard.metrics.metric import PLAIN_KINDS, Metric

if TYPE_CHECKING:
    from sqlglot import exp

    from steelyard.warehouse import TableDeclaration

__all__ = ["Arithmetic", "Formula", "Leaf", "Quotient", "Total", "Window", "changed", "formula_of", "leaves"]

DEEPEST = 12


@dataclass(frozen=True)
class Window:
    """The days that a leaf looks back over.

    Args:
        days: How many, the last included; None from the beginning.
        period: From the start of this period instead; empty for none.
        average: Whether it is the mean a day.
        whole: Whether it is NULL where the data does not reach back far enough.
    """

    days: int | None = None
    period: str = ""
    average: bool = False
    whole: bool = False


@dataclass(frozen=True)
class Total:
    """A leaf of all the groups that share some dimensions.

    Args:
        within: The dimensions.
        filtered: Whether the question's condition holds for it.
    """

    within: tuple[str, ...] = ()
    filtered: bool = False


@dataclass(frozen=True)
class Leaf:
    """One column that SQL computes at the answer's groups.

    Args:
        aggregate: What is aggregated.
        window: The days that it looks back over; None for those of its period.
        balance: Which rows stand for a period; None for all.
        total: The groups that it is one number for; None for its own.
    """

    aggregate: Aggregate
    window: Window | None = None
    balance: Balance | None = None
    total: Total | None = None


@dataclass(frozen=True)
class Quotient:
    """One formula over another; NULL where that is 0."""

    numerator: Formula
    denominator: Formula


@dataclass(frozen=True)
class Arithmetic:
    """An expression over metrics, after aggregation.

    Args:
        tree: Its columns are names of metrics.
        parts: The metrics' formulas by name.
        text: As written.
    """

    tree: exp.Expr
    parts: tuple[tuple[str, Formula], ...]
    text: str


Formula = Leaf | Quotient | Arithmetic


def leaves(formula: Formula) -> Iterator[Leaf]:
    """Every leaf, in order; one that is used twice comes twice."""
    if isinstance(formula, Leaf):
        yield formula
    elif isinstance(formula, Quotient):
        yield from leaves(formula.numerator)
        yield from leaves(formula.denominator)
    else:
        for _, part in formula.parts:
            yield from leaves(part)


def changed(formula: Formula, change: Callable[[Leaf], Leaf]) -> Formula:
    """The formula with every leaf changed."""
    if isinstance(formula, Leaf):
        return change(formula)
    if isinstance(formula, Quotient):
        return Quotient(changed(formula.numerator, change), changed(formula.denominator, change))
    return replace(formula, parts=tuple((name, changed(part, change)) for name, part in formula.parts))


def formula_of(
    metric: Metric,
    tables: Mapping[str, TableDeclaration],
    metrics: Mapping[str, Metric],
    seen: tuple[str, ...] = (),
) -> Formula:
    """The metric as a formula.

    Args:
        metric: The metric.
        tables: Every table, by name.
        metrics: Every metric, by name, for those that it names.
        seen: The metrics on the way here, to find circles.

    Raises:
        UnknownNameError: It names a table or metric that is not there.
        DefinitionError: It goes in a circle, or has no meaning; the error says why.
    """
    return _Forming(metric, tables, metrics, seen).formula()


class _Forming:
    """One metric on its way to a formula."""

    def __init__(
        self,
        metric: Metric,
        tables: Mapping[str, TableDeclaration],
        metrics: Mapping[str, Metric],
        seen: tuple[str, ...],
    ) -> None:
        self.metric, self.tables, self.metrics, self.seen = metric, tables, metrics, seen

    def formula(self) -> Formula:
        kind = self.metric.kind
        if kind not in PLAIN_KINDS:
            made: Formula = getattr(self, f"_{kind}")()
            return made
        if kind == "ratio" and self._names_beyond():
            return self._ratio_of_formulas()
        parts = parts_of(self.metric, self.tables, self.metrics, self.seen)
        numerator = Leaf(parts.numerator)
        return numerator if parts.denominator is None else Quotient(numerator, Leaf(parts.denominator))

    def _wrong(self, problem: str, hint: str = "") -> DefinitionError:
        return DefinitionError(problem, where=self.metric.defined_at, hint=hint)

    def _named(self, name: str) -> Formula:
        """The formula of a metric that this one names."""
        seen = (*self.seen, self.metric.name)
        if name in seen:
            raise self._wrong(f"the metric {seen[0]!r} refers to itself: {' -> '.join((*seen, name))}")
        if name not in self.metrics:
            raise unknown_name("metric", name, self.metrics, where=self.metric.defined_at)
        if len(seen) > DEEPEST:
            raise self._wrong(f"{seen[0]!r} is built of more than {DEEPEST} metrics, one on the other")
        return formula_of(self.metrics[name], self.tables, self.metrics, seen)

    # Ratios of what is no plain aggregate

    def _names_beyond(self) -> bool:
        assert self.metric.ratio is not None  # noqa: S101 - it is a ratio
        sides = (self.metric.ratio.numerator, self.metric.ratio.denominator)
        return any(
            isinstance(side, str) and side in self.metrics and self.metrics[side].kind not in PLAIN_KINDS
            for side in sides
        )

    def _ratio_of_formulas(self) -> Formula:
        ratio = self.metric.ratio
        assert ratio is not None  # noqa: S101 - it is a ratio
        if self.metric.where or self.metric.exclude:
            hint = "say the condition of the metrics that it names"
            raise self._wrong(f"{self.metric.name!r} has a condition and names metrics that are no plain rows", hint)
        sides: list[Formula] = []
        for side in (ratio.numerator, ratio.denominator):
            if isinstance(side, str):
                sides.append(self._summed_side(side))
            else:
                parts = measure_parts(side, self.tables, self.metric.defined_at)
                denominator = parts.denominator
                one: Formula = Leaf(parts.numerator)
                sides.append(one if denominator is None else Quotient(one, Leaf(denominator)))
        if not all(isinstance(side, Leaf) for side in sides):
            raise self._wrong(
                f"a side of the ratio {self.metric.name!r} is a mean or a ratio, and an average of averages is no "
                f"average",
                "name the sums; or say `derived:` where a quotient of the two is really meant",
            )
        return Quotient(sides[0], sides[1])

    def _summed_side(self, name: str) -> Formula:
        """The side of a ratio that a metric is, which must be one that its parts make up."""
        found = self._named(name)
        if isinstance(found, Leaf) and found.aggregate.function in ("quantile", "min", "max"):
            raise self._wrong(
                f"a side of the ratio {self.metric.name!r} is {name!r}, a {self.metrics[name].kind}, and a ratio is of "
                f"sums and counts: a {found.aggregate.function} of parts is not made of theirs",
                "say `derived:` where a quotient of the two is really meant",
            )
        return found

    # The kinds

    def _quantile(self) -> Formula:
        said = self.metric.quantile
        assert said is not None  # noqa: S101
        return Leaf(replace(measured(self.metric, said.of, self.tables, "quantile"), share=said.share))

    def _balance(self) -> Formula:
        said = self.metric.balance
        assert said is not None  # noqa: S101
        return Leaf(measured(self.metric, said.of, self.tables), balance=said)

    def _target(self) -> Formula:
        said = self.metric.target
        assert said is not None  # noqa: S101
        return Leaf(replace(measured(self.metric, said.of, self.tables), grain=said.grain))

    def _cumulative(self) -> Formula:
        return self._windowed(self.metric.cumulative, Window())

    def _rolling(self) -> Formula:
        said = self.metric.rolling
        assert said is not None  # noqa: S101
        window = Window(days=said.days, average=said.average, whole=said.warm_up == "missing")
        found = self._windowed(said.of, window)
        if said.average and not (isinstance(found, Leaf) and found.aggregate.adds_up):
            raise self._wrong(
                f"{said.of!r} is no sum or count, so a mean a day of it is an average of averages",
                "leave `average` out: the window of a ratio is the ratio of the window's sums",
            )
        return found

    def _period_to_date(self) -> Formula:
        said = self.metric.period_to_date
        assert said is not None  # noqa: S101
        return self._windowed(said.of, Window(period=said.period))

    def _windowed(self, name: str, window: Window) -> Formula:
        def look_back(leaf: Leaf) -> Leaf:
            if "time" in leaf.aggregate.not_additive_over:
                raise self._wrong(
                    f"{name!r} does not add up over time, and a window of it would add days up",
                    "ask for it by day; or say by which policy a level stands for a period, with `balance:`",
                )
            if leaf.window or leaf.balance or leaf.total or leaf.aggregate.grain or leaf.aggregate.per:
                kind = self.metrics[name].kind
                raise self._wrong(
                    f"{name!r} is a {kind}, and a window of that has no meaning", "name a sum, count, distinct or ratio"
                )
            return replace(leaf, window=window)

        return changed(self._named(name), look_back)

    def _share(self) -> Formula:
        said = self.metric.share
        assert said is not None  # noqa: S101
        part = self._named(said.of)
        if not isinstance(part, Leaf) or part.aggregate.function == "quantile":
            raise self._wrong(
                f"{said.of!r} is a {self.metrics[said.of].kind}, of which a group has no share",
                "name a sum, a count, a distinct count, a balance or a window of one",
            )
        return Quotient(part, replace(part, total=Total(said.within, said.filters == "keep")))

    def _derived(self) -> Formula:
        tree = parse_expression(self.metric.derived, self.metric.defined_at)
        names = columns_of(tree)
        if not names:
            raise self._wrong(f"{self.metric.derived!r} names no metric", "write, say, revenue - refunds")
        for name in names:
            if name.table:
                raise self._wrong(f"{str(name)!r} is a column, and arithmetic is over metrics", "name metrics")
        return Arithmetic(tree, tuple((name.name, self._named(name.name)) for name in names), self.metric.derived)

    def _fixed(self) -> Formula:
        said = self.metric.fixed
        assert said is not None  # noqa: S101
        inner = self._named(said.of)
        if any(leaf.window or leaf.balance or leaf.total for leaf in leaves(inner)):
            hint = "name a sum, count, mean, distinct or ratio"
            raise self._wrong(
                f"{said.of!r} is a {self.metrics[said.of].kind}, which an entity has no one value of", hint
            )
        owner = self._owner(said.per)
        zero = isinstance(inner, Leaf) and inner.aggregate.adds_up
        per = PerEntity(said.of, said.per, zero)
        whole = Aggregate("sum", owner.name, per=per, place=self.metric.defined_at)
        if said.then == "mean":
            return Quotient(Leaf(whole), Leaf(replace(whole, function="values")))
        return Leaf(replace(whole, function=said.then, share=said.share if said.then == "quantile" else None))

    def _owner(self, entity: str) -> TableDeclaration:
        """The entity's own table, which has one row of each."""
        own = {table.entity: table for table in self.tables.values() if table.entity and table.history is None}
        if entity not in own:
            raise unknown_name("entity with a table of its own", entity, own, where=self.metric.defined_at)
        owner = own[entity]
        if len(owner.key) != 1:
            raise self._wrong(
                f"the key of {owner.name!r}, {', '.join(owner.key) or 'nothing'}, is no one column, so that its rows "
                f"are not told apart by the id of a {entity}",
                f"declare the column that holds the id as the key of {owner.name!r}",
            )
        return owner

    def _conversion(self) -> Formula:
        said = self.metric.conversion
        assert said is not None  # noqa: S101
        return self._followed(said, None, days_of(said.within, "within", least=0))

    def _retention(self) -> Formula:
        said = self.metric.retention
        assert said is not None  # noqa: S101
        return self._followed(said, said.from_day, said.to_day)

    def _followed(self, said: Conversion | Retention, first: int | None, last: int) -> Formula:
        base, then = (self._rows(name) for name in (said.base, said.then))
        whole = replace(base, mature=Mature(last, then.table, then.time), place=self.metric.defined_at)
        return Quotient(Leaf(replace(whole, followed=Followed(then, said.entity, first, last))), Leaf(whole))

    def _rows(self, name: str) -> Aggregate:
        """The rows that a metric counts."""
        found = self._named(name)
        if not isinstance(found, Leaf) or found.window or found.balance or found.total or found.aggregate.per:
            raise self._wrong(f"{name!r} is a {self.metrics[name].kind}, and rows are meant", "name a count")
        aggregate = found.aggregate
        if aggregate.function not in ("rows", "sum"):
            raise self._wrong(f"{name!r} is a {self.metrics[name].kind}, and rows are meant", "name a count")
        return replace(aggregate, function="rows", expression=None, convert=None)
