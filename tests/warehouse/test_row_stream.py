"""A stream gives the rows that a fetch gives, in parts of one type, and ends when it is left."""

from __future__ import annotations

import threading
import time
from decimal import Decimal

import pyarrow as pa
import pytest

from steelyard.errors import CancelledError, DataError, TimeLimitError, UnknownNameError
from steelyard.warehouse import Query, Warehouse, connect

NUMBERS = """
SELECT i, CASE WHEN i % 3 = 0 THEN NULL ELSE 'n' || CAST(i AS VARCHAR) END AS name
FROM number_series(0, {n} - 1) AS r(i)
"""
LONG = "SELECT a.i * b.i AS p FROM number_series(0, 999999) AS a(i), number_series(0, 999999) AS b(i)"


@pytest.fixture
def duck() -> Warehouse:
    return connect("duckdb://")


def test_the_parts_are_the_rows_of_a_fetch(duck: Warehouse) -> None:
    query = Query(sql=NUMBERS.format(n=200_000) + " ORDER BY i DESC", limit=200_000)
    with duck.stream(query) as rows:
        parts = list(rows.parts)
    assert len(parts) > 1
    assert {part.schema for part in parts} == {rows.schema}
    assert pa.concat_tables(parts).equals(duck.fetch(query).combine_chunks())


def test_an_empty_answer_has_columns_and_no_parts(duck: Warehouse) -> None:
    with duck.stream(Query(sql=NUMBERS.format(n=0))) as rows:
        assert (rows.schema.names, list(rows.parts)) == (["i", "name"], [])


def test_large_whole_numbers_have_one_type_in_every_part(duck: Warehouse) -> None:
    sql = "SELECT sum(i) * 10000000000 AS s FROM number_series(0, 199999) AS r(i) GROUP BY i ORDER BY s"
    with duck.stream(Query(sql=sql, limit=200_000)) as rows:
        parts = list(rows.parts)
    assert {part.schema.field("s").type for part in parts} == {pa.decimal128(38, 0)}
    assert parts[-1].column("s").to_pylist()[-1] == Decimal(199_999 * 10**10)


def test_more_rows_than_the_limit_are_an_error_and_never_cut(duck: Warehouse) -> None:
    with duck.stream(Query(sql=NUMBERS.format(n=200_000), limit=100_000)) as rows, pytest.raises(DataError):
        list(rows.parts)


def test_what_cannot_be_asked_is_said_at_the_start(duck: Warehouse) -> None:
    with pytest.raises(UnknownNameError), duck.stream(Query(sql="SELECT 1 AS one FROM nowhere")):
        pass


def test_leaving_early_ends_the_query(duck: Warehouse) -> None:
    started = time.monotonic()
    with duck.stream(Query(sql=LONG, limit=10**15)) as rows:
        assert next(rows.parts).num_rows > 0
    duck.close()
    assert time.monotonic() - started < 60  # all of it would take days


def test_it_is_cancelled_between_parts(duck: Warehouse) -> None:
    thread = threading.Timer(0.2, duck.cancel)
    thread.start()
    with pytest.raises(CancelledError), duck.stream(Query(sql=LONG, limit=10**15)) as rows:
        list(map(len, rows.parts))
    thread.join()


def test_it_obeys_a_time_limit(duck: Warehouse) -> None:
    with pytest.raises(TimeLimitError), duck.stream(Query(sql=LONG, limit=10**15), timeout=0.2) as rows:
        for _ in rows.parts:
            pass


@pytest.mark.postgres
def test_postgres_streams_the_same_rows(postgres_url: str) -> None:
    with connect(postgres_url) as warehouse, connect("duckdb://") as other:
        table = other.fetch(Query(sql=NUMBERS.format(n=100_000), limit=100_000))
        warehouse.write("numbers", table)
        query = Query(sql="SELECT i, name, i * 1.5 AS more FROM numbers ORDER BY i", limit=100_000)
        with warehouse.stream(query) as rows:
            parts = list(rows.parts)
        assert pa.concat_tables(parts).equals(warehouse.fetch(query).combine_chunks())
        assert "name" in warehouse.columns("numbers")  # the connection is good for more


def test_the_progress_of_a_running_query_is_a_share_and_ends_with_it(duck: Warehouse) -> None:
    assert duck.progress() is None
    sql = "SELECT sum(a.i * b.i) AS s FROM number_series(0, 999999) AS a(i), number_series(0, 999999) AS b(i)"
    ended: list[BaseException] = []

    def run() -> None:
        try:
            duck.fetch(Query(sql=sql))
        except CancelledError as error:
            ended.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    end = time.monotonic() + 20
    while (share := duck.progress()) is None and time.monotonic() < end:
        time.sleep(0.02)
    assert share is not None
    assert 0 <= share <= 1
    duck.cancel()
    thread.join(20)
    assert ended
    assert duck.progress() is None
