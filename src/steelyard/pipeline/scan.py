"""The data tests of one table that are counts of rows, compiled to one SELECT of aggregates."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from steelyard.errors import DefinitionError, SteelyardError, unknown_name
from steelyard.pipeline.data_test import AcceptedRange, AcceptedValues, DataTest, Freshness, RowCount
from steelyard.pipeline.duration import parse_duration
from steelyard.pipeline.local_time import age, moment
from steelyard.pipeline.step_sql import Clock
from steelyard.result import Check
from steelyard.warehouse import Query, Value, quote_name

__all__ = ["Aggregate", "Counted", "examples_query", "scan_query"]

Row = Mapping[str, Any]
_FLOATS = ("DOUBLE", "FLOAT", "REAL")
_INTEGERS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT")


@dataclass(frozen=True, kw_only=True)
class Counted:
    """A test that counts the rows that offend.

    Args:
        offends: SQL conditions of which one is true of a row that offends, and never two: each is counted by itself,
            which is faster than their disjunction.
        column: The column whose offending values are shown.
        says: What offends, after the number: "rows have no 'amount'".
        holds: What is so when nothing does.
    """

    offends: tuple[str, ...]
    column: str
    says: str
    holds: str


@dataclass(frozen=True, kw_only=True)
class Aggregate:
    """One test of the scan: its aggregates, and the check that is read off them.

    Args:
        name: The check's name.
        test: The test.
        columns: Alias -> SQL of the aggregate.
        parameters: Values that the aggregates use.
        judge: The scan's row -> the check, without examples.
        counted: How to find the offending rows; None where no row is to be found.
    """

    name: str
    test: DataTest
    columns: Mapping[str, str]
    judge: Callable[[Row], Check]
    parameters: Mapping[str, Value] = field(default_factory=dict)
    counted: Counted | None = None


def scan_query(table: str, aggregates: Sequence[Aggregate]) -> Query:
    """The one SELECT that all of these tests are read off."""
    parts = {"rows": "count(*)"}
    parameters: dict[str, Value] = {}
    for aggregate in aggregates:
        parts.update(aggregate.columns)
        parameters.update(aggregate.parameters)
    columns = ",\n  ".join(f"{sql} AS {quote_name(alias)}" for alias, sql in parts.items())
    return Query(
        sql=f"SELECT {columns}\nFROM {quote_name(table)}", parameters=parameters, says=f"data tests of {table}"
    )


def examples_query(table: str, aggregate: Aggregate) -> Query | None:
    """The five offending values that occur most often; None where a value says nothing."""
    counted = aggregate.counted
    if counted is None or not counted.column:
        return None
    column = quote_name(counted.column)
    return Query(
        sql=f"SELECT CAST({column} AS VARCHAR) AS value, count(*) AS n FROM {quote_name(table)}\n"
        f"WHERE {' OR '.join(counted.offends)} GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 5",
        parameters=aggregate.parameters,
        says=f"examples for {aggregate.name} of {table}",
    )


def aggregates(
    test: DataTest, number: int, columns: Mapping[str, str], clock: Clock, *, time: str
) -> tuple[Aggregate, ...]:
    """The aggregates of a test; none where it needs a query of its own.

    Raises:
        UnknownNameError: It names a column that the table has not.
        DefinitionError: It gives a value that the column's type cannot have.
    """
    for column in test.columns():
        if column not in columns:
            raise unknown_name("column", column, columns)
    alias = f"t{number}"
    if test.not_null:
        return tuple(_not_null(test, column, f"{alias}_{n}") for n, column in enumerate(test.not_null))
    if test.accepted_values is not None:
        return (_accepted_values(test, test.accepted_values, alias, columns),)
    if test.accepted_range is not None:
        return (_accepted_range(test, test.accepted_range, alias, columns),)
    if test.freshness is not None:
        return (_freshness(test, test.freshness, alias, columns, clock, time),)
    if test.row_count is not None:
        return (_row_count(test, test.row_count),)
    return ()


def _count(test: DataTest, name: str, alias: str, counted: Counted, parameters: Mapping[str, Value]) -> Aggregate:
    parts = {f"{alias}_{n}": f"count(*) FILTER (WHERE {sql})" for n, sql in enumerate(counted.offends)}

    def judge(row: Row) -> Check:
        rows, bad = int(row["rows"]), sum(int(row[name]) for name in parts)
        allowed = test.tolerates(rows)
        tolerated = f" ({allowed:,} tolerated)" if allowed else ""
        share = f" ({bad / rows:.2%})" if rows else ""
        return Check(
            name=test.name or name,
            status="failed" if bad > allowed else "passed",
            severity=test.gravity,
            value=float(bad),
            limit=float(allowed),
            says=f"{bad:,} of {rows:,} rows{share} {counted.says}{tolerated}" if bad else counted.holds,
        )

    return Aggregate(
        name=test.name or name,
        test=test,
        columns=parts,
        judge=judge,
        parameters=parameters,
        counted=counted,
    )


def _not_null(test: DataTest, column: str, alias: str) -> Aggregate:
    counted = Counted(
        offends=(f"{quote_name(column)} IS NULL",),
        column="",
        says=f"have no {column!r}",
        holds=f"no {column!r} is NULL",
    )
    return _count(test, f"not_null_{column}", alias, counted, {})


def _accepted_values(test: DataTest, asked: AcceptedValues, alias: str, columns: Mapping[str, str]) -> Aggregate:
    if not asked.values:
        raise DefinitionError(f"no value of {asked.column!r} is accepted", hint="values: [...]")
    kind = columns[asked.column]
    parameters = {f"{alias}_{n}": typed(value, kind, asked.column) for n, value in enumerate(asked.values)}
    accepted = ", ".join(f"${name}" for name in parameters)
    shown = ", ".join(repr(value) for value in asked.values[:8]) + (", ..." if len(asked.values) > 8 else "")
    counted = Counted(
        offends=(f"{quote_name(asked.column)} NOT IN ({accepted})",),
        column=asked.column,
        says=f"have a {asked.column!r} that is none of {shown}",
        holds=f"every {asked.column!r} is one of {shown}",
    )
    return _count(test, f"accepted_values_{asked.column}", alias, counted, parameters)


def _accepted_range(test: DataTest, asked: AcceptedRange, alias: str, columns: Mapping[str, str]) -> Aggregate:
    kind, column = columns[asked.column], quote_name(asked.column)
    parameters: dict[str, Value] = {}
    outside: list[str] = []
    if asked.low is not None:
        parameters[f"{alias}_low"] = typed(asked.low, kind, asked.column)
        outside.append(f"{column} < ${alias}_low")
    if asked.high is not None:
        parameters[f"{alias}_high"] = typed(asked.high, kind, asked.column)
        outside.append(f"{column} > ${alias}_high")
    elif kind in _FLOATS:
        # A NaN is greater than infinity in DuckDB and Postgres alike, so that a high end catches it by itself.
        outside.append(f"{column} > CAST('Infinity' AS DOUBLE)")
    if len(parameters) == 2 and parameters[f"{alias}_low"] > parameters[f"{alias}_high"]:  # type: ignore[operator]
        raise DefinitionError(f"the range of {asked.column!r} ends at {asked.high} before it begins at {asked.low}")
    ends = [f"at least {asked.low}"] if asked.low is not None else []
    span = " and ".join([*ends, *([f"at most {asked.high}"] if asked.high is not None else [])])
    counted = Counted(
        offends=tuple(outside),
        column=asked.column,
        says=f"have a {asked.column!r} that is not {span}",
        holds=f"every {asked.column!r} is {span}",
    )
    return _count(test, f"accepted_range_{asked.column}", alias, counted, parameters)


def _freshness(
    test: DataTest, asked: Freshness, alias: str, columns: Mapping[str, str], clock: Clock, time: str
) -> Aggregate:
    column = asked.column or time
    if column not in columns:
        raise unknown_name("column", column, columns)
    quoted, within = quote_name(column), parse_duration(asked.within)
    name = test.name or f"freshness_{column}"

    def judge(row: Row) -> Check:
        newest: date | datetime | None = row[f"{alias}_new"]
        ahead = int(row[f"{alias}_ahead"])
        future = f"; {ahead:,} rows lie in the future and do not count" if ahead else ""
        if newest is None:
            says, old = f"no row has a {column!r} up to now{future}", None
        else:
            old = age(newest, clock)
            says = f"the newest {column!r} is {newest}, {_hours(old)} old; {asked.within} are allowed{future}"
        return Check(
            name=name,
            status="passed" if old is not None and old <= within else "failed",
            severity=test.gravity,
            value=None if old is None else old.total_seconds(),
            limit=within.total_seconds(),
            says=says,
        )

    now = f"${alias}_now"
    return Aggregate(
        name=name,
        test=test,
        columns={
            f"{alias}_new": f"max({quoted}) FILTER (WHERE {quoted} <= {now})",
            f"{alias}_ahead": f"count(*) FILTER (WHERE {quoted} > {now})",
        },
        judge=judge,
        parameters={f"{alias}_now": moment(clock, columns[column])},
    )


def _hours(length: timedelta) -> str:
    hours = length.total_seconds() / 3600
    return f"{hours / 24:.1f} days" if hours >= 48 else f"{hours:.1f} hours"


def _row_count(test: DataTest, asked: RowCount) -> Aggregate:
    def judge(row: Row) -> Check:
        rows = int(row["rows"])
        few = asked.at_least is not None and rows < asked.at_least
        many = asked.at_most is not None and rows > asked.at_most
        limit = asked.at_least if few or asked.at_most is None else asked.at_most
        ends = [f"at least {asked.at_least:,}"] if asked.at_least is not None else []
        ends += [f"at most {asked.at_most:,}"] if asked.at_most is not None else []
        return Check(
            name=test.name or "row_count",
            status="failed" if few or many else "passed",
            severity=test.gravity,
            value=float(rows),
            limit=None if limit is None else float(limit),
            says=f"{rows:,} rows; {' and '.join(ends)} are expected",
        )

    return Aggregate(name=test.name or "row_count", test=test, columns={}, judge=judge)


def typed(value: bool | float | str, kind: str, column: str) -> Value:
    """The value as the column's type has it.

    Raises:
        DefinitionError: The type cannot have it.

    >>> typed("2026-01-31", "DATE", "day")
    datetime.date(2026, 1, 31)
    """
    try:
        return _typed(value, kind)
    except (ValueError, TypeError, ArithmeticError, SteelyardError) as error:
        raise DefinitionError(
            f"{value!r} is no value of {column!r}, which is {kind}", hint="write it as the column has it"
        ) from error


def _typed(value: bool | float | str, kind: str) -> Value:
    if kind.startswith(("VARCHAR", "ENUM")):
        return str(value).lower() if isinstance(value, bool) else str(value)
    if isinstance(value, bool) != (kind == "BOOLEAN"):
        raise TypeError(kind)
    made: Value = value
    if kind in _FLOATS:
        made = float(value)
    elif kind in _INTEGERS or kind.startswith("DECIMAL"):
        made = value if isinstance(value, int) else Decimal(str(value))
    elif kind == "DATE":
        made = date.fromisoformat(str(value))
    elif kind.startswith("TIMESTAMP"):
        made = datetime.fromisoformat(str(value))
    return made
