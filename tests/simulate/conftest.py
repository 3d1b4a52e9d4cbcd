"""Shops that several tests read, and DuckDB to read them with."""

from __future__ import annotations

from collections.abc import Callable

import duckdb
import pyarrow as pa
import pytest

from steelyard.simulate import Shop, shop

Ask = Callable[..., list[tuple]]


def asking(made: Shop) -> Ask:
    """Ask SQL of a shop's tables."""
    connection = duckdb.connect()
    connection.execute("set timezone = 'UTC'").fetchall()
    parts: dict[str, list[pa.RecordBatch]] = {table: [batch] for table, batch in made.fixed().items()}
    for batches in made.chunks():
        for table, batch in batches.items():
            parts.setdefault(table, []).append(batch)
    for table, found in parts.items():
        connection.register(f"{table}_rows", pa.Table.from_batches(found))
        connection.execute(f"create table {table} as from {table}_rows").fetchall()
    return lambda sql, *values: connection.execute(sql, list(values)).fetchall()


def truths(made: Shop, name: str, **where: str) -> float:
    """The one true value that a name and other columns select."""
    rows = [
        row
        for row in made.truth.to_pylist()
        if row["name"] == name and all(row[column] == value for column, value in where.items())
    ]
    assert len(rows) == 1, f"{len(rows)} rows of truth for {name}, {where}"
    return rows[0]["value"]


@pytest.fixture(scope="session")
def plain() -> Shop:
    """A shop of about 150,000 events, four chunks, nothing injected."""
    return shop(events=150_000, seed=11)


@pytest.fixture(scope="session")
def ask(plain: Shop) -> Ask:
    """SQL on the plain shop."""
    return asking(plain)


@pytest.fixture(scope="session")
def ask_of() -> Callable[[Shop], Ask]:
    """SQL on any shop."""
    return asking


@pytest.fixture(scope="session")
def truth_of() -> Callable[..., float]:
    """One true value of any shop."""
    return truths
