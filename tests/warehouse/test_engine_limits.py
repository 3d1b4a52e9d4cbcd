"""What an engine does at its limits: rows, time, memory, threads, names, values, and writes that fail."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pytest

from steelyard.errors import (
    CancelledError,
    DataError,
    DefinitionError,
    SteelyardError,
    TimeLimitError,
    UnknownNameError,
    WarehouseError,
)
from steelyard.warehouse import Query, Warehouse, connect
from steelyard.warehouse.functions import ENGINES

ORDERS = pa.table({"id": [1, 2, 3], "amount": pa.array([Decimal("1.50"), None, Decimal("2.25")], pa.decimal128(10, 2))})
ENDLESS = "SELECT sum(a.number * b.number) AS s FROM number_series(1, 1000000) AS a, number_series(1, 1000000) AS b"


@pytest.fixture(scope="module", params=["duckdb", pytest.param("postgres", marks=pytest.mark.postgres)])
def warehouse(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Warehouse]:
    if request.param == "duckdb":
        source = str(tmp_path_factory.mktemp("limits") / "shop.duckdb")
    else:
        source = request.getfixturevalue("postgres_url")
    with connect(source) as opened:
        opened.write("limits", ORDERS)
        yield opened


def test_it_says_where_it_is_and_what_it_is(warehouse: Warehouse) -> None:
    assert warehouse.engine in ENGINES
    assert warehouse.engine_version[0].isdigit()
    assert warehouse.name in repr(warehouse)
    assert "limits" in warehouse.tables()
    assert warehouse.columns("limits") == {"id": "BIGINT", "amount": "DECIMAL(10,2)"}
    assert warehouse.version("limits").name == "limits"
    assert warehouse.render("SELECT id FROM limits") == "SELECT id FROM limits"


def test_more_rows_than_the_limit_are_an_error_and_never_cut(warehouse: Warehouse) -> None:
    sql = "SELECT number FROM number_series(1, 1000)"
    assert warehouse.fetch(Query(sql=sql, limit=1000)).num_rows == 1000
    with pytest.raises(DataError, match="999 rows"):
        warehouse.fetch(Query(sql=sql, limit=999))
    started = time.monotonic()
    with pytest.raises(DataError, match="100,000 rows"):
        warehouse.fetch("SELECT number FROM number_series(1, 5000000)")
    assert time.monotonic() - started < 20
    assert warehouse.fetch("SELECT count(*) AS n FROM limits").to_pylist() == [{"n": 3}]


def test_a_time_limit_ends_the_query_and_nothing_else(warehouse: Warehouse) -> None:
    started = time.monotonic()
    with pytest.raises(TimeLimitError, match=r"0\.3 seconds"):
        warehouse.fetch(ENDLESS, timeout=0.3)
    assert time.monotonic() - started < 10
    assert warehouse.fetch("SELECT count(*) AS n FROM limits", timeout=30).to_pylist() == [{"n": 3}]


def test_another_thread_may_cancel(warehouse: Warehouse) -> None:
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(warehouse.fetch, ENDLESS)
        time.sleep(0.5)
        assert not running.done()
        warehouse.cancel()
        with pytest.raises(CancelledError):
            running.result(timeout=20)
    warehouse.cancel()
    assert warehouse.fetch("SELECT count(*) AS n FROM limits").to_pylist() == [{"n": 3}]


def test_threads_may_fetch_at_once_and_get_each_its_own_answer(warehouse: Warehouse) -> None:
    def ask(number: int) -> int:
        sql = "SELECT sum(number) + $n AS s FROM number_series(1, 20000)"
        return int(warehouse.fetch(Query(sql=sql, parameters={"n": number}))["s"].to_pylist()[0])

    before = threading.active_count()
    with ThreadPoolExecutor(6) as pool:
        assert list(pool.map(ask, range(24))) == [200010000 + number for number in range(24)]
    assert threading.active_count() <= before


def test_an_unknown_name_says_what_is_near(warehouse: Warehouse) -> None:
    for sql, near in (
        ("SELECT * FROM limit_s", "limits"),
        ("SELECT amout FROM limits", "amount"),
        ("SELECT l.amout FROM limits AS l", "amount"),
        ("SELECT id FROM limits WHERE EXISTS (SELECT 1 FROM limitz)", "limits"),
    ):
        with pytest.raises(UnknownNameError) as caught:
            warehouse.fetch(sql)
        assert f"'{near}'" in caught.value.hint
        assert caught.value.where
    for ask in (warehouse.columns, warehouse.version):
        with pytest.raises(UnknownNameError, match="limitz"):
            ask("limitz")


@pytest.mark.parametrize(
    ("sql", "kind"),
    [
        ("SELECT CAST('abc' AS INTEGER) AS a FROM limits", DataError),
        ("SELECT CAST(concat('a', id) AS INTEGER) AS a FROM limits", DataError),
        ("SELECT id, sum(amount) FROM limits", DefinitionError),
        ("SELECT sum(concat('a', id)) FROM limits", DefinitionError),
        ("SELECT id FROM limits UNION ALL SELECT id, amount FROM limits", DefinitionError),
        ("SELECT max(id) + 9223372036854775807 AS a FROM limits", DataError),
        ("SELECT CAST('2021-02-30' AS DATE) AS a FROM limits", DataError),
        ("SELECT local_date(CAST('2021-01-01' AS TIMESTAMP), 'Europe/Nowhere') AS a FROM limits", SteelyardError),
        ("SELECT INTERVAL 1 DAY AS a", DataError),
    ],
)
def test_what_the_engine_refuses_is_one_sentence(warehouse: Warehouse, sql: str, kind: type[SteelyardError]) -> None:
    with pytest.raises(kind) as caught:
        warehouse.fetch(sql)
    assert "\n" not in caught.value.problem
    assert "LINE 1" not in caught.value.problem
    assert "http" not in str(caught.value)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (float("nan"), "NaN"),
        (Decimal("NaN"), "NaN"),
        (10**40, "38 digits"),
        (Decimal(1).scaleb(-40), "38 digits"),
        ("a\x00b", "character"),
        ("a\ud800", "character"),
        ([1], "list"),
        (b"x", "bytes"),
    ],
)
def test_a_value_that_no_engine_holds_is_refused_by_its_name(warehouse: Warehouse, value: object, words: str) -> None:
    with pytest.raises(DefinitionError, match=r"\$day") as caught:
        warehouse.fetch(Query(sql="SELECT $day AS a", parameters={"day": value}))  # type: ignore[dict-item]
    assert words in caught.value.problem


def test_a_value_that_is_missing_is_named_and_one_too_many_does_no_harm(warehouse: Warehouse) -> None:
    with pytest.raises(DefinitionError, match=r"\$since") as caught:
        warehouse.fetch(Query(sql="SELECT $since AS a", parameters={"sinc": date(2021, 1, 1)}))
    assert "sinc" in caught.value.hint
    assert warehouse.fetch(Query(sql="SELECT 1 AS a", parameters={"b": 2})).to_pylist() == [{"a": 1}]


def test_writing_replaces_or_appends_by_name_in_one_go(warehouse: Warehouse) -> None:
    name = 'odd "name"; --'
    assert warehouse.write(name, ORDERS) == 3
    turned = pa.table({"amount": pa.array([Decimal("9.00")], pa.decimal128(10, 2)), "id": pa.array([4], pa.int8())})
    assert warehouse.write(name, turned.to_reader(), mode="append") == 1
    sql = 'SELECT id, amount FROM "odd ""name""; --" ORDER BY id DESC LIMIT 1'
    assert warehouse.fetch(sql).to_pylist() == [{"id": 4, "amount": Decimal("9.00")}]
    assert warehouse.write(name, turned) == 1
    assert warehouse.fetch('SELECT count(*) AS n FROM "odd ""name""; --"').to_pylist() == [{"n": 1}]
    assert warehouse.write("made by appending", ORDERS, mode="append") == 3
    assert warehouse.write("no rows", ORDERS.slice(0, 0)) == 0
    assert warehouse.fetch('SELECT * FROM "no rows"').num_rows == 0


def test_a_write_that_fails_leaves_what_was_there(warehouse: Warehouse) -> None:
    def batches() -> Iterator[pa.RecordBatch]:
        yield from ORDERS.to_batches()
        raise OSError("the source broke")

    warehouse.write("kept", ORDERS)
    before = warehouse.tables()
    for mode in ("replace", "append"):
        with pytest.raises(Exception, match="broke"):
            warehouse.write("kept", pa.RecordBatchReader.from_batches(ORDERS.schema, batches()), mode=mode)  # type: ignore[arg-type]
    with pytest.raises(SteelyardError):
        warehouse.write("kept", pa.table({"other": [1]}), mode="append")
    assert warehouse.fetch("SELECT id, amount FROM kept ORDER BY id").to_pylist() == ORDERS.to_pylist()
    assert warehouse.tables() == before


def test_readers_of_a_table_never_see_it_half_written(warehouse: Warehouse) -> None:
    warehouse.write("moving", pa.table({"a": [0] * 1000}))
    stop, seen = threading.Event(), set()

    def watch() -> None:
        while not stop.is_set():
            [row] = warehouse.fetch("SELECT count(*) AS n, min(a) AS low, max(a) AS high FROM moving").to_pylist()
            seen.add((row["n"], row["high"] - row["low"]))

    with ThreadPoolExecutor(1) as pool:
        watching = pool.submit(watch)
        for number in range(1, 8):
            warehouse.write("moving", pa.table({"a": [number] * 1000}))
        stop.set()
        watching.result(timeout=30)
    assert seen == {(1000, 0)}


def test_a_warehouse_that_is_read_only_or_closed_says_so(warehouse: Warehouse, request: pytest.FixtureRequest) -> None:
    if warehouse.engine == "duckdb":
        other = connect({"limits": ORDERS}, read_only=True)
    else:
        other = connect(request.getfixturevalue("postgres_url"), read_only=True)
    with pytest.raises(WarehouseError, match="read-only"):
        other.write("limits", ORDERS)
    assert other.fetch("SELECT count(*) AS n FROM limits").to_pylist() == [{"n": 3}]
    other.close()
    other.close()
    with pytest.raises(WarehouseError, match="closed"):
        other.fetch("SELECT 1 AS a")


def test_memory_is_bounded_and_the_error_says_what_to_do() -> None:
    with connect("duckdb://", memory_limit="40MB", threads=1) as small:
        small._connection.execute("SET temp_directory = ''")  # type: ignore[attr-defined]
        with pytest.raises(WarehouseError, match="memory") as caught:
            small.fetch(
                "SELECT string_agg(md5(concat(number, '')), ',' ORDER BY number) AS s FROM number_series(1, 3000000)"
            )
        assert "memory_limit" in caught.value.hint
        assert small.fetch("SELECT 1 AS a").to_pylist() == [{"a": 1}]


@pytest.mark.postgres
def test_reading_postgres_cannot_write(postgres_url: str) -> None:
    with connect(postgres_url) as warehouse:
        with pytest.raises(WarehouseError, match="read-only"):
            warehouse._native("CREATE TABLE sneaky (a INTEGER)")  # type: ignore[attr-defined]
        assert "sneaky" not in warehouse.tables()


@pytest.mark.postgres
def test_a_server_that_hangs_up_is_connected_to_again(postgres_url: str) -> None:
    with connect(postgres_url) as warehouse, connect(postgres_url) as other:
        assert warehouse.fetch("SELECT 1 AS a").num_rows == 1
        others = "pid <> pg_backend_pid() AND backend_type = 'client backend' AND state = 'idle'"
        ended = other._native(f"SELECT pg_terminate_backend(pid) AS a FROM pg_stat_activity WHERE {others}")  # type: ignore[attr-defined]
        assert {"a": True} in ended
        assert warehouse.fetch("SELECT 1 AS a").num_rows == 1


@pytest.mark.postgres
def test_postgres_says_what_is_wrong_with_a_name_or_a_type_it_cannot_hold(postgres_url: str) -> None:
    with connect(postgres_url) as warehouse:
        with pytest.raises(DefinitionError, match="63 bytes"):
            warehouse.write("ü" * 40, ORDERS)
        with pytest.raises(DefinitionError, match="'tags'"):
            warehouse.write("lists", pa.table({"tags": [[1, 2]]}))


@pytest.mark.postgres
def test_a_table_that_a_view_reads_is_not_dropped_behind_its_back(postgres_url: str) -> None:
    from adbc_driver_postgresql import dbapi

    with connect(postgres_url) as warehouse:
        warehouse.write("viewed", ORDERS)
        with dbapi.connect(postgres_url, autocommit=True) as raw, raw.cursor() as cursor:
            cursor.execute("CREATE VIEW viewer AS SELECT id FROM viewed")
        with pytest.raises(WarehouseError) as caught:
            warehouse.write("viewed", ORDERS)
        assert "depends" in caught.value.hint
        assert warehouse.write("viewed", ORDERS, mode="append") == 3
        assert warehouse.fetch("SELECT count(*) AS n FROM viewer").to_pylist() == [{"n": 6}]


def test_many_writes_leave_a_file_that_another_may_open(tmp_path: Path) -> None:
    with connect(tmp_path / "shop.duckdb") as warehouse:
        for number in range(5):
            warehouse.write("orders", ORDERS, mode="append" if number else "replace")
    with connect(tmp_path / "shop.duckdb", read_only=True) as warehouse:
        assert warehouse.version("orders").rows == 15
