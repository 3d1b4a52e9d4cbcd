"""Rows, means and shares by day held against the table's own past."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

from steelyard.errors import SteelyardError, unknown_name
from steelyard.pipeline.data_test import Change, DataTest
from steelyard.pipeline.expected_value import LEAST_HISTORY, Expectation, expected_value
from steelyard.pipeline.local_time import day_expression, end_of_day, start_of_day
from steelyard.pipeline.step_sql import Clock
from steelyard.pipeline.table_definition import TableDefinition
from steelyard.result import Check
from steelyard.warehouse import Query, Value, Warehouse, quote_name

__all__ = ["Past", "judge_changes"]

Series = Mapping[date, float]


@dataclass(frozen=True, kw_only=True)
class Past:
    """What one earlier version of a table measured.

    Args:
        day: The local day of its build.
        measures: Name of the measure -> number.
    """

    day: date
    measures: Mapping[str, float] = field(default_factory=dict)


def judge_changes(
    definition: TableDefinition,
    warehouse: Warehouse,
    columns: Mapping[str, str],
    clock: Clock,
    tests: Sequence[DataTest],
    past: Sequence[Past],
) -> tuple[list[Check], dict[str, float]]:
    """One check for each `change` test; for a table without a time also what this version measures.

    A table with a time is judged by the rows of its days: those up to yesterday, or to its newest day where that is
    earlier (an old table is the business of `freshness`). Another is judged by its builds, one a day.
    """
    changes = [test.change for test in tests if test.change is not None]
    try:
        for change in changes:
            if change.column and change.column not in columns:
                raise unknown_name("column", change.column, columns)
        if definition.declaration.time:
            series = _by_day(definition, warehouse, columns, clock, changes)
            return [_judged(test, series.get(measure_name(test.change), {})) for test in tests if test.change], {}
        measured = _now(definition, warehouse, changes)
    except SteelyardError as error:
        says = f"it could not be run: {error.problem}"
        return [Check(name=_name(t), status="not_run", severity=t.gravity, says=says) for t in tests], {}
    today = clock.today
    checks = []
    for test in tests:
        assert test.change is not None  # noqa: S101  (the caller chose them)
        measure = measure_name(test.change)
        earlier = {item.day: item.measures[measure] for item in past if measure in item.measures}
        checks.append(_judged(test, {**earlier, **({today: measured[measure]} if measure in measured else {})}))
    return checks, measured


def measure_name(change: Change) -> str:
    """What a measure is called in the record of a build."""
    return f"{change.measure} {change.column}".strip()


def _name(test: DataTest) -> str:
    assert test.change is not None  # noqa: S101  (the caller chose them)
    return test.name or "change_" + measure_name(test.change).replace(" ", "_")


def _expression(change: Change) -> str:
    column = quote_name(change.column)
    return {
        "rows": "count(*)",
        "mean": f"avg(CAST({column} AS DOUBLE))",
        "sum": f"sum(CAST({column} AS DOUBLE))",
        "null_share": f"1.0 - CAST(count({column}) AS DOUBLE) / count(*)",
        "distinct": f"count(DISTINCT {column})",
    }[change.measure]


def _measures(changes: Sequence[Change]) -> dict[str, Change]:
    return {measure_name(change): change for change in changes}


def _now(definition: TableDefinition, warehouse: Warehouse, changes: Sequence[Change]) -> dict[str, float]:
    named = _measures(changes)
    columns = ", ".join(f"{_expression(change)} AS m{n}" for n, change in enumerate(named.values()))
    asked = Query(sql=f"SELECT count(*) AS total, {columns} FROM {quote_name(definition.name)}")
    row = warehouse.fetch(asked).to_pylist()[0]
    empty = not row["total"]
    found = {name: row[f"m{n}"] for n, name in enumerate(named)}
    return {n: float(v) for n, v in found.items() if v is not None and not (empty and named[n].measure == "null_share")}


def _by_day(
    definition: TableDefinition,
    warehouse: Warehouse,
    columns: Mapping[str, str],
    clock: Clock,
    changes: Sequence[Change],
) -> dict[str, dict[date, float]]:
    """Measure -> local day -> number; a day without rows is 0 for rows, sums and distinct values, absent for others."""
    time = definition.declaration.time
    if time not in columns:
        raise unknown_name("column", time, columns)
    kind, column = columns[time], quote_name(time)
    table = quote_name(definition.name)
    before = Query(
        sql=f"SELECT max({day_expression(time, kind, clock)}) AS last FROM {table} WHERE {column} < $today",
        parameters={"today": start_of_day(clock.today, clock, kind)},
    )
    last = warehouse.fetch(before).to_pylist()[0]["last"]
    if last is None:
        return {}
    first = last - timedelta(days=max(change.history + change.days for change in changes))
    named = _measures(changes)
    listed = ", ".join(f"{_expression(change)} AS m{n}" for n, change in enumerate(named.values()))
    parameters: dict[str, Value] = {
        "first": start_of_day(first, clock, kind),
        "behind": end_of_day(last, clock, kind),
    }
    asked = Query(
        sql=f"SELECT {day_expression(time, kind, clock)} AS day, {listed}\nFROM {table}\n"
        f"WHERE {column} >= $first AND {column} < $behind GROUP BY 1 ORDER BY 1",
        parameters=parameters,
        says=f"days of {definition.name}",
    )
    rows = {row["day"]: row for row in warehouse.fetch(asked).to_pylist()}
    days = [min(rows) + timedelta(days=n) for n in range((last - min(rows)).days + 1)]
    series: dict[str, dict[date, float]] = {}
    for n, (name, change) in enumerate(named.items()):
        empty = None if change.measure in ("mean", "null_share") else 0.0
        found = {day: rows[day][f"m{n}"] if day in rows else empty for day in days}
        series[name] = {day: float(value) for day, value in found.items() if value is not None}
    return series


def _judged(test: DataTest, series: Series) -> Check:
    change = test.change
    assert change is not None  # noqa: S101  (the caller chose them)
    days = sorted(series)[-change.days :]
    judged = [(day, _expectation(series, day, change)) for day in days]
    known = [(day, expected) for day, expected in judged if expected is not None]
    if not known:
        return Check(
            name=_name(test),
            status="not_run",
            severity="note",
            says=f"{max(len(series) - 1, 0)} days of its own past are too few to judge by; {LEAST_HISTORY} are needed",
        )
    day, expected = max(known, key=lambda item: abs(item[1].score(series[item[0]])))
    score = expected.score(series[day])
    return Check(
        name=_name(test),
        status="failed" if abs(score) > change.limit else "passed",
        severity=test.gravity,
        value=score,
        limit=change.limit,
        says=f"{measure_name(change)} of {day:%A} {day} is {series[day]:,.6g} where {expected.expected:,.6g} "
        f"(+- {expected.spread:,.4g}) was expected from {expected.days} days: z {score:+.1f}",
    )


def _expectation(series: Series, day: date, change: Change) -> Expectation | None:
    first = day - timedelta(days=change.history)
    earlier = {when: value for when, value in series.items() if first <= when < day}
    middle = sorted(earlier.values())[len(earlier) // 2] if earlier else 0.0
    floor = 0.005 if change.measure == "null_share" else 0.01 * abs(middle)
    counts = change.measure in ("rows", "distinct")
    return expected_value(earlier, day, floor=0.0 if counts else floor, counts=counts)
