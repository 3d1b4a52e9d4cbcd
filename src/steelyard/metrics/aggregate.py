"""The one form that every kind of metric is brought to: an aggregate, or one over another."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace

from sqlglot import exp

from steelyard.errors import DefinitionError, unknown_name
from steelyard.metrics.expression import columns_of, parse_expression
from steelyard.metrics.kinds import Convert
from steelyard.metrics.metric import PLAIN_KINDS, Measure, Metric, Ratio
from steelyard.warehouse import Deduplicate, TableDeclaration

__all__ = [
    "Aggregate",
    "Followed",
    "Mature",
    "Parts",
    "PerEntity",
    "measure_parts",
    "measured",
    "parts_of",
    "with_rules",
]


@dataclass(frozen=True)
class Aggregate:
    """One SQL aggregate of one table's rows.

    Args:
        function: `sum`, `rows` (count), `values` (count of what is not NULL), `distinct`, `quantile`, `min` or `max`.
        table: The fact.
        expression: What is aggregated, over the fact's own columns; None for `rows`.
        where: Conditions that must be true, as written.
        exclude: Conditions that must not be true, as written.
        time: `column` or `table.column`; empty takes the fact's own.
        place: File and line, for errors.
        share: Of a quantile, the share of values below.
        convert: Brings its money to one currency.
        per: What is aggregated is a metric of each row's entity, in place of an expression.
        mature: Only rows whose days after their own are over and known completely; None for all.
        followed: Only rows that are followed by another of the same entity.
        deduplicate: How its rows are told apart; None takes what the table says.
        grain: The period of one row of a table of targets; empty for events.
        not_additive_over: Dimensions, entities or `time` over which its values must not be added up.
        week_start: First day of its week; empty takes the project's.
    """

    function: str
    table: str
    expression: exp.Expr | None = None
    where: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    time: str = ""
    place: str = ""
    share: float | None = None
    convert: Convert | None = None
    per: PerEntity | None = None
    mature: Mature | None = None
    followed: Followed | None = None
    deduplicate: Deduplicate | None = None
    grain: str = ""
    not_additive_over: tuple[str, ...] = ()
    week_start: str = ""

    @property
    def adds_up(self) -> bool:
        """Whether the values of parts of its rows add up to its value."""
        return self.function in ("sum", "rows", "values")

    @property
    def identity(self) -> tuple[object, ...]:
        """What tells it from another aggregate; its place in a file does not."""
        text = self.expression.sql() if self.expression else ""
        return tuple(text if item.name == "expression" else getattr(self, item.name) for item in fields(self)
                     if item.name != "place")  # fmt: skip


@dataclass(frozen=True)
class PerEntity:
    """The value of a metric for each entity, over all its rows.

    Args:
        metric: The metric.
        entity: The entity.
        counts_nothing_as_zero: Whether an entity without rows has 0 and not NULL.
    """

    metric: str
    entity: str
    counts_nothing_as_zero: bool


@dataclass(frozen=True)
class Followed:
    """What must follow a row: a row of the same entity.

    Args:
        then: The rows that can follow.
        entity: Whose rows they are.
        first_day: First local day after the row's own; None where the very moment counts.
        last_day: Last local day after the row's own; days after its moment where the very moment counts.
    """

    then: Aggregate
    entity: str
    first_day: int | None
    last_day: int


@dataclass(frozen=True)
class Mature:
    """The days after a row's own that must be over, and known completely, before it counts.

    Args:
        days: How many.
        table: The table of what can follow in them.
        time: Its time, as in `Aggregate`.
    """

    days: int
    table: str
    time: str = ""


@dataclass(frozen=True)
class Parts:
    """A metric as aggregates: the numerator, and the denominator of a mean or a ratio.

    Args:
        numerator: The aggregate itself for sum, count and distinct.
        denominator: None for those.
    """

    numerator: Aggregate
    denominator: Aggregate | None = None

    @property
    def each(self) -> tuple[Aggregate, ...]:
        """The one or two aggregates."""
        return (self.numerator,) if self.denominator is None else (self.numerator, self.denominator)


def parts_of(
    metric: Metric, tables: Mapping[str, TableDeclaration], metrics: Mapping[str, Metric], seen: tuple[str, ...] = ()
) -> Parts:
    """The metric as aggregates.

    Args:
        metric: The metric.
        tables: Every table, by name.
        metrics: Every metric, by name, for ratios that name them.
        seen: The metrics on the way here, to find circles.

    Raises:
        UnknownNameError: It names a table or metric that is not there.
        DefinitionError: It goes in a circle, is a mean of means, or an expression of it cannot be.
    """
    if metric.kind not in PLAIN_KINDS:
        raise DefinitionError(
            f"{metric.name!r} is a {metric.kind}, which is no aggregate of rows",
            where=metric.defined_at,
            hint=f"use a metric of the kinds {', '.join(PLAIN_KINDS)}",
        )
    if metric.ratio is None:
        measure = Measure(**{metric.kind: getattr(metric, metric.kind)}, time=metric.time)
        parts = _parts_of_measure(measure, tables, metric.defined_at, _list(metric.where), _list(metric.exclude))
        sides = [with_rules(part, metric) for part in parts.each]
        return Parts(sides[0], sides[1] if len(sides) > 1 else None)
    sides = [_side(side, metric, tables, metrics, (*seen, metric.name)) for side in _sides(metric.ratio)]
    return Parts(sides[0], sides[1])


def with_rules(aggregate: Aggregate, metric: Metric) -> Aggregate:
    """The aggregate with what the metric says of its rows beyond conditions."""
    return replace(
        aggregate,
        convert=metric.convert if aggregate.function != "rows" else None,
        deduplicate=metric.deduplicate,
        not_additive_over=metric.not_additive_over,
        week_start=metric.week_start,
    )


def measured(metric: Metric, of: str, tables: Mapping[str, TableDeclaration], function: str = "sum") -> Aggregate:
    """The aggregate of an expression that a metric of a kind beyond the plain ones names.

    Args:
        metric: The metric; its conditions and time hold.
        of: The expression.
        tables: Every table, by name.
        function: As in `Aggregate`.
    """
    parts = _parts_of_measure(
        Measure(sum=of, time=metric.time), tables, metric.defined_at, _list(metric.where), _list(metric.exclude)
    )
    return with_rules(replace(parts.numerator, function=function), metric)


def _sides(ratio: Ratio) -> tuple[Measure | str, Measure | str]:
    return ratio.numerator, ratio.denominator


def _side(
    side: Measure | str,
    metric: Metric,
    tables: Mapping[str, TableDeclaration],
    metrics: Mapping[str, Metric],
    seen: tuple[str, ...],
) -> Aggregate:
    if isinstance(side, str):
        parts = _named_side(side, metric, tables, metrics, seen)
    else:
        time = side.time or metric.time
        measure = Measure(**{side.kind: side.of}, time=time)
        parts = _parts_of_measure(measure, tables, metric.defined_at, _list(side.where), _list(side.exclude))
    if parts.denominator is not None:
        raise DefinitionError(
            f"a side of the ratio {metric.name!r} is a mean or a ratio, and an average of averages is no average",
            where=metric.defined_at,
            hint="name the sums: `numerator: {sum: ...}`, `denominator: {count: ...}`",
        )
    found = parts.numerator
    return replace(
        found,
        where=(*found.where, *_list(metric.where)),
        exclude=(*found.exclude, *_list(metric.exclude)),
        place=metric.defined_at,
    )


def _named_side(
    name: str,
    metric: Metric,
    tables: Mapping[str, TableDeclaration],
    metrics: Mapping[str, Metric],
    seen: tuple[str, ...],
) -> Parts:
    if name in seen:
        problem = f"the ratio {seen[0]!r} refers to itself: {' -> '.join((*seen, name))}"
        raise DefinitionError(problem, where=metric.defined_at)
    if name not in metrics:
        raise unknown_name("metric", name, metrics, where=metric.defined_at)
    return parts_of(metrics[name], tables, metrics, seen)


def _list(text: str) -> tuple[str, ...]:
    return (text,) if text else ()


def measure_parts(measure: Measure, tables: Mapping[str, TableDeclaration], place: str) -> Parts:
    """A measure, with its own conditions, as aggregates."""
    return _parts_of_measure(measure, tables, place, _list(measure.where), _list(measure.exclude))


def _parts_of_measure(
    measure: Measure,
    tables: Mapping[str, TableDeclaration],
    place: str,
    where: tuple[str, ...],
    exclude: tuple[str, ...],
) -> Parts:
    for text in (*where, *exclude):
        parse_expression(text, place)
    table, expression = _subject(measure, tables, place)

    def aggregate(function: str, of: exp.Expr | None) -> Aggregate:
        return Aggregate(function, table, of, where, exclude, measure.time, place)

    makers: dict[str, Callable[[], Parts]] = {
        "count": lambda: Parts(aggregate("rows", None)),
        "sum": lambda: Parts(aggregate("sum", expression)),
        "distinct": lambda: Parts(aggregate("distinct", expression)),
        "mean": lambda: Parts(aggregate("sum", expression), aggregate("values", expression)),
    }
    return makers[measure.kind]()


def _subject(measure: Measure, tables: Mapping[str, TableDeclaration], place: str) -> tuple[str, exp.Expr | None]:
    """The table that a measure is of, and what it aggregates."""
    if measure.kind == "count":
        if measure.count not in tables:
            raise _no_table(measure.count, tables, place)
        return measure.count, None
    tree = parse_expression(measure.of, place)
    names = sorted({name.table for name in columns_of(tree)})
    if not names or "" in names:
        hint = f"write the table with every column, such as `{measure.kind}: orders.amount`"
        raise DefinitionError(f"{measure.of!r} does not say of which table", where=place, hint=hint)
    if len(names) > 1:
        raise DefinitionError(
            f"{measure.of!r} mixes the rows of {' and '.join(names)}",
            where=place,
            hint="a measure is of one table's rows; divide two measures with `ratio:`",
        )
    if names[0] not in tables:
        raise unknown_name("table", names[0], tables, where=place)
    return names[0], tree


def _no_table(name: str, tables: Mapping[str, TableDeclaration], place: str) -> DefinitionError:
    table, _, column = name.partition(".")
    if column and table in tables:
        return DefinitionError(
            f"`count: {name}` counts a column, and a count is of a table's rows",
            where=place,
            hint=f"write `distinct: {name}`, or `count: {table}` with `where: {column} IS NOT NULL`",
        )
    return unknown_name("table", name, tables, where=place)
