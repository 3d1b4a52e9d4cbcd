"""What a trap's tables hold, and the two independent routes to each of its answers: plain Python and SQL by hand."""

from __future__ import annotations

import csv
import json
import math
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import duckdb

Row = dict[str, Any]
Tables = Mapping[str, list[Row]]
Answer = list[list[Any]]
Key = tuple[str, str]

FOLDER = Path(__file__).parent
BY_PYTHON: dict[Key, Callable[[Tables], Answer]] = {}
BY_SQL: dict[Key, str] = {}


def oracle(case: str, question: str, sql: str) -> Callable[[Callable[[Tables], Answer]], Callable[[Tables], Answer]]:
    """The decorated function answers the question in plain Python, and `sql` does in SQL."""

    def named(function: Callable[[Tables], Answer]) -> Callable[[Tables], Answer]:
        BY_PYTHON[case, question] = function
        BY_SQL[case, question] = sql
        return function

    return named


def cases() -> dict[str, dict[str, Any]]:
    """Every case of ours by its id, as its `case.json` says."""
    found = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(FOLDER.glob("*/case.json"))]
    return {case["id"]: case for case in found}


def typed(text: str, kind: str) -> Any:
    """A field of a CSV as the declared type has it; an empty field is NULL."""
    if text == "":
        return None
    name = kind.partition("(")[0]
    read: dict[str, Callable[[str], Any]] = {
        "DECIMAL": Decimal, "DATE": date.fromisoformat, "TIMESTAMP": datetime.fromisoformat, "DOUBLE": float,
        "BOOLEAN": lambda said: said == "true", "VARCHAR": str,
    }  # fmt: skip
    return read.get(name, int)(text)


def tables_of(case: Mapping[str, Any]) -> Tables:
    """The case's tables as lists of rows with typed values."""
    found = {}
    for name, table in case["tables"].items():
        with (FOLDER / case["id"] / table["file"]).open(newline="", encoding="utf-8") as file:
            rows = [row for row in csv.DictReader(file) if row]
        found[name] = [{column: typed(row[column], kind) for column, kind in table["columns"].items()} for row in rows]
    return found


def database_of(case: Mapping[str, Any]) -> duckdb.DuckDBPyConnection:
    """The case's tables in DuckDB's memory, with their declared types."""
    connection = duckdb.connect()
    for name, rows in tables_of(case).items():
        columns = case["tables"][name]["columns"]
        said = ", ".join(f'"{column}" {kind}' for column, kind in columns.items())
        connection.execute(f'CREATE TABLE "{name}" ({said})')
        for row in rows:
            connection.execute(f'INSERT INTO "{name}" VALUES ({", ".join("?" * len(row))})', list(row.values()))
    return connection


def shown(value: Any) -> Any:
    """A value as `case.json` writes it: days and moments as ISO text, whole numbers without a fraction."""
    if isinstance(value, datetime):
        return value.isoformat(sep=" ") if value.time() != datetime.min.time() else value.date().isoformat()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return value
    if isinstance(value, int):
        return value
    return int(value) if value == int(value) else float(value)


def exactly(value: Any) -> Any:
    """A number as text with all its digits, for what must not pass through a float."""
    return value if value is None else f"{Decimal(value):f}"


# What the routes in Python are made of.


def groups(rows: Iterable[Row], key: Callable[[Row], Hashable]) -> dict[Any, list[Row]]:
    """The rows by their key."""
    found: dict[Any, list[Row]] = defaultdict(list)
    for row in rows:
        found[key(row)].append(row)
    return dict(found)


def total(rows: Iterable[Row], column: str) -> Any:
    """The sum of what is there; 0 of nothing."""
    return sum((row[column] for row in rows if row[column] is not None), Decimal(0))


def mean(values: Iterable[Any]) -> Any:
    """The mean of what is there; None of nothing."""
    there = [Decimal(value) for value in values if value is not None]
    return sum(there) / len(there) if there else None


def over(numerator: Any, denominator: Any) -> Any:
    """A quotient; None over zero."""
    return Decimal(numerator) / Decimal(denominator) if denominator else None


def between(values: Iterable[Any], share: float) -> Any:
    """The quantile by linear interpolation between order statistics (type 7 of Hyndman and Fan)."""
    there = sorted(float(value) for value in values if value is not None)
    if not there:
        return None
    place = share * (len(there) - 1)
    low = math.floor(place)
    high = min(low + 1, len(there) - 1)
    return there[low] + (place - low) * (there[high] - there[low])


def by_key(rows: Iterable[Row], column: str) -> dict[Any, Row]:
    """The rows by a unique column."""
    return {row[column]: row for row in rows}


def known(value: Any) -> Any:
    """Text, or the group of what is not known."""
    return "(unknown)" if value is None else value


def month(day: date) -> date:
    """The first day of the month."""
    return date(day.year, day.month, 1)


def week(day: date, starts: int = 0) -> date:
    """The first day of the week that begins on `starts` (0 is Monday)."""
    return day - timedelta(days=(day.weekday() - starts) % 7)


def days(first: date, last: date) -> list[date]:
    """Every day of the range, both ends included."""
    return [first + timedelta(days=ahead) for ahead in range((last - first).days + 1)]


def local_day(moment: datetime, zone: str, of: str = "UTC") -> date:
    """The local day of a naive moment that is written in the zone `of`."""
    return moment.replace(tzinfo=ZoneInfo(of)).astimezone(ZoneInfo(zone)).date()


# What the routes in SQL are made of.


def spine(first: str, last: str) -> str:
    """A table of every day `d` of the range."""
    return f"(SELECT CAST(unnest(generate_series(DATE '{first}', DATE '{last}', INTERVAL 1 DAY)) AS DATE) AS d)"
