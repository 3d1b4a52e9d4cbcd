"""Drills: the very rows behind one cell of an answer."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any

from steelyard.errors import DefinitionError
from steelyard.metrics.asked import Asked, Tables
from steelyard.metrics.catalog import MetricCatalog
from steelyard.metrics.cell import Cell, cell_of
from steelyard.metrics.condition import as_many
from steelyard.metrics.expression import UNKNOWN, columns_of, parse_expression
from steelyard.metrics.fact_rows import FactRows, Side, no_rows
from steelyard.metrics.false_claims import refuse_false_claims
from steelyard.metrics.formula import Leaf, Quotient, leaves
from steelyard.metrics.graph import Place
from steelyard.metrics.joins import column_sql
from steelyard.metrics.names import free_name, sql_name
from steelyard.metrics.question import Question, ask
from steelyard.metrics.small_groups import refuse_small
from steelyard.result import TableRead
from steelyard.warehouse import Query, Value, Warehouse

if TYPE_CHECKING:
    import pyarrow as pa

    from steelyard.document import Block

__all__ = ["Drill", "Drilling", "drill", "row_sides", "used_values"]

SHOWN = 1_000


@dataclass(frozen=True, kw_only=True)
class Drill:
    """The rows behind one cell of an answer.

    Args:
        metric: The metric.
        side: `numerator` or `denominator` of a ratio; empty otherwise.
        cell: The dimensions' values and the period, as asked.
        table: The fact's rows: its own columns, the joined dimensions that decide, and what each row adds.
        measure: The column of `table` that says what a row adds; empty where policy keeps it out.
        adds: How the rows make the number: `sum`, `mean`, `distinct` or `quantile`.
        rows: How many rows there are.
        value: The cell's number: the metric's, or of the side that was asked for.
        left_out: Sensitive columns, which are not in `table`.
        sql: The SELECT.
        parameters: The values bound to it.
        tables: What was read, with versions.
        notes: What a reader must know.
    """

    metric: str
    side: str
    cell: Mapping[str, Any]
    table: pa.Table
    measure: str
    adds: str
    rows: int
    value: Any
    left_out: tuple[str, ...]
    sql: str
    parameters: Mapping[str, Value]
    tables: tuple[TableRead, ...]
    notes: tuple[str, ...] = field(default=())

    @property
    def truncated(self) -> bool:
        """Whether there are more rows than `table` has."""
        return self.rows > self.table.num_rows

    def to_arrow(self) -> pa.Table:
        """The rows."""
        return self.table

    def to_dict(self) -> dict[str, Any]:
        """The rows and what is said of them, as plain values."""
        from steelyard.metrics.drill_blocks import drill_dict

        return drill_dict(self)

    def blocks(self) -> list[Block]:
        """The rows as blocks."""
        from steelyard.metrics.drill_blocks import drill_blocks

        return drill_blocks(self)

    def to_text(self, width: int = 100) -> str:
        """The rows as plain text."""
        from steelyard.document import to_text

        return to_text(self.blocks(), width=width)

    def __str__(self) -> str:
        return self.to_text()


def drill(
    catalog: MetricCatalog,
    warehouse: Warehouse,
    metric: str,
    *,
    at: Mapping[str, Any] | None = None,
    grain: str | None = None,
    where: str | None = None,
    since: str | date | None = None,
    until: str | date | None = None,
    side: Side | None = None,
    limit: int = SHOWN,
    timeout: float | None = None,
) -> Drill:
    """The very rows behind one cell of an answer: those that the number was made of, and no other.

    Args:
        catalog: The definitions.
        warehouse: What is read.
        metric: The metric.
        at: The cell: dimension, named as in `by` -> value as the answer shows it (None or `(unknown)` for what is not
            known), and at most one grain -> first day of the period, or moment of the hour (None for the rows without a
            time); None is the
            whole.
        grain: The grain of `period`, where `at` has that key in the place of a grain.
        where: As in `query`.
        since: As in `query`.
        until: As in `query`.
        side: Which side of a ratio, for each has rows of its own.
        limit: The most rows to give; how many there are is counted all the same.
        timeout: Seconds after which it is cancelled; None waits.

    Raises:
        UnknownNameError: It names what is not there.
        DefinitionError: It is no cell, or the side of a ratio is not said.
        PolicyError: It groups or filters by a sensitive column, or the project tells of no single rows.
        DataError: A key that the rows are joined by is not unique.

    >>> import pyarrow as pa
    >>> from steelyard.metrics import Metric
    >>> from steelyard.warehouse import TableDeclaration, connect
    >>> orders = pa.table({"id": [1, 2, 3], "amount": [5, 7, 9], "channel": ["web", None, "web"]})
    >>> catalog = MetricCatalog.of(
    ...     metrics=[Metric(name="revenue", sum="orders.amount")],
    ...     tables=[TableDeclaration(name="orders", key=("id",), dimensions=("channel",))],
    ... )
    >>> with connect({"orders": orders}) as warehouse:
    ...     found = drill(catalog, warehouse, "revenue", at={"channel": "web"})
    >>> found.value, found.table.to_pylist()[0]
    (14, {'id': 1, 'amount': 5, 'channel': 'web', 'revenue': 5})
    """
    refuse_small(catalog, "a drill shows single rows", "ask for the number, by what it can be grouped by")
    cell = cell_of(at or {}, grain, _week_start(catalog, metric), catalog.year_start, catalog.zone)
    asked = [*cell.values, *([cell.grain] if cell.grain else [])]
    question = ask(metric, by=asked, where=where, since=since, until=until, limit=limit)
    drilling = Drilling(catalog, warehouse, metric, question, cell, side)
    return drilling.found(limit, timeout)


class Drilling:
    """The rows behind a number on their way: the answer's own plan, with its rows in place of their aggregate.

    Args:
        catalog: The definitions.
        warehouse: What is read.
        metric: The metric.
        question: What is asked.
        cell: The cell.
        side: Which side of a ratio.
    """

    def __init__(
        self,
        catalog: MetricCatalog,
        warehouse: Warehouse,
        metric: str,
        question: Question,
        cell: Cell,
        side: Side | None,
    ) -> None:
        self.catalog, self.warehouse, self.metric, self.cell = catalog, warehouse, metric, cell
        self.sides = _leaves(catalog, metric)
        self.side = _side(catalog, metric, self.sides, side)
        self.asked = Asked(catalog, warehouse, question)
        self.read = Tables(warehouse)
        leaf = self.sides[self.side or "numerator"]
        relation = self.asked.planner.needs.relation(metric, leaf)
        self.fact, aggregate = relation.fact, leaf.aggregate
        self.may_be_missing = relation.may_be_missing(leaf)
        groups = {"period": self.fact.clock().period(question.grain)} if question.grain else {}
        cell.narrow(self.fact, self.asked.planner.needs.outputs)
        self.conditions = (*self.fact.kept, *self.fact.filters(aggregate))
        self.rows = FactRows(
            fact=self.fact, aggregate=aggregate, groups={**groups, **self.fact.keys}, conditions=self.conditions
        )
        if self._adds == "mean" and self.fact.share:
            raise DefinitionError(
                f"the rows of {metric!r} count for their shares here, and no mean of them is the number",
                where="side",
                hint="ask for each side: side = numerator, and side = denominator",
            )
        self.left_out: list[str] = []
        self.shown = self._columns(question)
        self.measure = self._measure()

    def _columns(self, question: Question) -> dict[str, str]:
        """Output column -> SQL: the fact's own columns, the period, the joined dimensions that decide."""
        table = self.fact.table
        shown: dict[str, str] = {}
        for column in self.fact.types[table]:
            if not self._hidden(Place(table, column)):
                shown[column] = column_sql(table, column)
        taken = set(shown)
        if question.grain:
            shown[free_name("period", taken)] = self.rows.groups["period"]
        for name, place in self.fact.dimensions.items():
            if place.many is not None:
                shown[free_name(name, taken)] = self.fact.keys[name]
        conditions = columns_of(parse_expression(question.where, "where")) if question.where else ()
        decide = [*self.fact.dimensions.values(), *(self.fact.dimension(str(name), "where") for name in conditions)]
        for place in dict.fromkeys((*decide, *self.rows.places())):
            if place.path and self._has_one(place) and not self._hidden(place):
                shown[free_name(place.column, taken)] = self.fact.column(place)
        return shown

    def _has_one(self, place: Place) -> bool:
        """Whether a row has one value of it: what is asked of many rows is in none of its columns."""
        return as_many(place).many is None or (place.many is None and self.fact.joins.has(place.path))

    def _hidden(self, place: Place) -> bool:
        hidden = self.catalog.is_sensitive(place.table, place.column)
        if hidden and str(place) not in self.left_out:
            self.left_out.append(str(place))
        return hidden

    def _measure(self) -> str:
        """The column that says what a row adds; none where a sensitive column is what is aggregated."""
        tree = self.rows.aggregate.expression
        if tree is not None and any(self._hidden(Place(self.fact.table, name.name)) for name in columns_of(tree)):
            return ""
        name = free_name(f"{self.metric}_{self.side}" if self.side else self.metric, set(self.shown))
        whole = self.rows.aggregate.function in ("rows", "values") or self.fact.share
        self.shown[name] = self.rows.amount if whole else self.rows.value
        return name

    @property
    def steps(self) -> list[str]:
        """What comes before: rows once each, rates, what follows a row, what its many rows say."""
        steps = [*self.asked.planner.needs.sources.steps.items(), *self.fact.steps]
        return [f"{sql_name(name)} AS (\n{text}\n)" for name, text in steps]

    @property
    def source(self) -> str:
        """Where the rows come from, and which of them count."""
        lines = self.fact.lines()
        if self.conditions:
            lines.append("WHERE " + "\n  AND ".join(self.conditions))
        return "\n".join(lines)

    def found(self, limit: int, timeout: float | None) -> Drill:
        """The rows, the first so many of them, and the number that all of them make."""
        refuse_false_claims(self.warehouse, self.fact.claims, self.catalog, self.read.version)
        columns = ",\n".join(f"  {sql} AS {sql_name(name)}" for name, sql in self.shown.items())
        before = "WITH " + ",\n".join(self.steps) + "\n" if self.steps else ""
        sql = f"{before}SELECT\n{columns}\n{self.source}{self._order()}\nLIMIT {limit}"
        number = f"{before}SELECT count(*) AS counted, {self._number()} AS number\n{self.source}"
        values = self.asked.planner.needs.parameters.values
        counted = Query(sql=number, parameters=used_values(values, number))
        whole = self.warehouse.fetch(counted, timeout=timeout).to_pylist()[0]
        table = self.warehouse.fetch(Query(sql=sql, parameters=used_values(values, sql), limit=limit), timeout=timeout)
        rows = int(whole["counted"])
        versions = [self.read.version(name) for name in sorted(self._tables())]
        return Drill(
            metric=self.metric,
            side=self.side,
            cell={**self.cell.values, **({self.cell.grain: self.cell.period} if self.cell.grain else {})},
            table=table,
            measure=self.measure,
            adds=self._adds,
            rows=rows,
            value=whole["number"],
            left_out=tuple(self.left_out),
            sql=sql,
            parameters=used_values(values, sql),
            tables=tuple(
                TableRead(name=v.name, version_id=v.version_id, fingerprint=v.fingerprint, rows=v.rows)
                for v in versions
            ),
            notes=tuple(self._notes(rows, table.num_rows)),
        )

    def _tables(self) -> set[str]:
        """The tables that decide which rows there are and what each of them adds."""
        convert = self.rows.aggregate.convert
        found = {self.fact.table, *self.fact.tables, *([convert.rates] if convert is not None else [])}
        others = self.asked.planner.needs.others if self.rows.aggregate.mature is not None else []
        return found.union(*((other.table, *other.tables) for other in others))

    @property
    def _adds(self) -> str:
        if len(self.sides) > 1 and not self.side:
            return "mean"
        function = self.sides[self.side or "numerator"].aggregate.function
        return function if function in ("distinct", "quantile") else "sum"

    def _number(self) -> str:
        """The number that the rows make, written as the planner writes it."""
        if self._adds == "mean":
            upper, lower = (self.fact.aggregated(leaf.aggregate) for leaf in self.sides.values())
            return f"CAST(coalesce({upper}, 0) AS DOUBLE) / nullif({lower}, 0)"
        made = self.fact.aggregated(self.rows.aggregate)
        return made if self._adds == "quantile" or self.may_be_missing else f"coalesce({made}, 0)"

    def _order(self) -> str:
        declared = self.catalog.tables[self.fact.table]
        order = declared.key or ((declared.time,) if declared.time else ())
        known = [column for column in order if column in self.shown]
        return f"\nORDER BY {', '.join(column_sql(self.fact.table, name) for name in known)}" if known else ""

    def _notes(self, rows: int, shown: int) -> Sequence[str]:
        notes = []
        if rows > shown:
            notes.append(f"{shown:,} of {rows:,} rows are shown; the number is of all of them.")
        if self.left_out:
            notes.append(f"Sensitive columns are left out: {', '.join(self.left_out)}.")
        if not self.measure:
            notes.append("What each row adds is made of a sensitive column, and is left out too.")
        if any(value is None or value == UNKNOWN for value in self.cell.values.values()):
            notes.append("The group (unknown) has the rows whose value is not there, or whose reference finds no row.")
        return notes


def used_values(values: Mapping[str, Value], sql: str) -> dict[str, Value]:
    """The values that a SELECT names; the plan has more."""
    asked = set(re.findall(r"\$([a-z_][a-z0-9_]*)", sql))
    return {name: value for name, value in values.items() if name in asked}


def _week_start(catalog: MetricCatalog, metric: str) -> str:
    """The first day of the metric's week."""
    starts = {leaf.aggregate.week_start for leaf in leaves(catalog.formula(metric))}
    return starts.pop() or catalog.week_start if len(starts) == 1 else catalog.week_start


def row_sides(catalog: MetricCatalog, metric: str) -> tuple[str, ...]:
    """The sides of a metric that have rows of their own: both of a ratio, else one without a name.

    Raises:
        DefinitionError: The metric's number is not made of rows alone.
    """
    sides = _leaves(catalog, metric)
    return tuple(sides) if len(sides) > 1 and catalog.metric(metric).kind != "mean" else ("",)


def _leaves(catalog: MetricCatalog, metric: str) -> dict[str, Leaf]:
    """`numerator`, and `denominator` of a quotient -> the leaf whose rows they are.

    Raises:
        DefinitionError: The metric's number is not made of rows alone.
    """
    formula = catalog.formula(metric)
    sides = (formula.numerator, formula.denominator) if isinstance(formula, Quotient) else (formula,)
    found = [side for side in sides if isinstance(side, Leaf)]
    if len(found) < len(sides) or any(
        leaf.window or leaf.balance or leaf.total or leaf.aggregate.per is not None for leaf in found
    ):
        raise no_rows(catalog, metric)
    return dict(zip(("numerator", "denominator"), found, strict=False))


def _side(catalog: MetricCatalog, metric: str, sides: Mapping[str, Leaf], side: str | None) -> str:
    kind = catalog.metric(metric).kind
    if side is not None and side not in ("numerator", "denominator"):
        raise DefinitionError(f"{side!r} is no side", where="side", hint="numerator or denominator")
    if len(sides) > 1 and kind != "mean" and side is None:
        hint = "say which: side = numerator, or side = denominator"
        raise DefinitionError(f"{metric!r} is a {kind}, and each side has rows of its own", where=metric, hint=hint)
    if len(sides) == 1 and side is not None:
        raise DefinitionError(f"{metric!r} is a {kind}, and has no {side}", where=metric, hint="leave `side` out")
    return side or ""
