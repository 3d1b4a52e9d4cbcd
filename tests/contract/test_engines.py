"""Every engine gives the same numbers, in the same types, for every shape of query that Steelyard's SQL allows."""

from __future__ import annotations

import datetime as dt
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from steelyard.warehouse import Query, Warehouse, connect
from steelyard.warehouse.bucket import BUCKETS, bucket

HOSTILE = "order; drop table x"
UTC = dt.UTC


def _orders() -> pa.Table:
    days = [
        dt.date(1959, 12, 31),
        dt.date(1960, 2, 29),
        dt.date(2020, 12, 31),
        dt.date(2021, 3, 28),
        dt.date(2021, 10, 31),
    ]
    cities = ["Berlin", "Zürich", "ämne", "Oslo", "oslo", None, "O'Hara", "a\\_b", "a_b", "東京", "", " "]
    spring = [dt.datetime(2021, 3, 28, tzinfo=UTC), dt.datetime(2021, 3, 27, tzinfo=UTC)]
    autumn, moon = dt.datetime(2021, 10, 30, 22, tzinfo=UTC), dt.datetime(1969, 7, 20, 20, 17)  # noqa: DTZ001
    moment = pa.timestamp("us", "UTC")
    columns: dict[str, tuple[pa.DataType, Callable[[int], Any]]] = {
        "id": (pa.int64(), lambda i: i + 1),
        "customer": (pa.int32(), lambda i: i % 7),
        "city": (pa.string(), lambda i: cities[i % len(cities)]),
        "amount": (pa.decimal128(12, 2), lambda i: None if i % 11 == 5 else Decimal(i * 37 % 1009).scaleb(-2) - 3),
        "weight": (pa.float64(), lambda i: None if i % 13 == 2 else (i * 7919 % 997) / 31 - 8),
        "quantity": (pa.int64(), lambda i: None if i % 9 == 4 else i % 5 - 2),
        "big": (pa.int64(), lambda i: 2**62 + i),
        "paid": (pa.bool_(), lambda i: None if i % 10 == 3 else i % 3 == 0),
        "day": (pa.date32(), lambda i: days[i % 5] + dt.timedelta(days=i // 5)),
        "at": (moment, lambda i: spring[i % 2] + dt.timedelta(minutes=47 * i)),
        "autumn": (moment, lambda i: None if i == 8 else autumn + dt.timedelta(minutes=13 * i)),
        "clock": (pa.timestamp("us"), lambda i: moon + dt.timedelta(hours=i)),
    }
    return pa.table({name: pa.array(map(value, range(60)), kind) for name, (kind, value) in columns.items()})


def _rates() -> pa.Table:
    customers, hours = [0, 0, 1, 1, 2, 3, None], [(1, 0), (28, 5), (27, 6), (28, 12), (30, 0), (20, 0), (1, 0)]
    rates = [Decimal(text) for text in ("1.10", "1.20", "0.90", "0.95", "2.00", "3.30", "9.99")]
    since = [dt.datetime(2021, 3, day, hour, tzinfo=UTC) for day, hour in hours]
    return pa.table(
        {
            "customer": pa.array(customers, pa.int32()),
            "since": pa.array(since, pa.timestamp("us", "UTC")),
            "rate": pa.array(rates, pa.decimal128(6, 2)),
        }
    )


def _tables() -> Mapping[str, pa.Table]:
    hostile = pa.table({'we"ird': [1, 2], "Größe; --": ["a", None], "select": [True, False], "UPPER": [1.5, 2.5]})
    return {
        "orders": _orders(),
        "rates": _rates(),
        "empty": _orders().slice(0, 0),
        HOSTILE: hostile,
        "Ünïcode.with.dots": hostile,
    }


@pytest.fixture(scope="module")
def duckdb_warehouse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Warehouse]:
    with connect(tmp_path_factory.mktemp("engines") / "shop.duckdb") as warehouse:
        for name, table in _tables().items():
            warehouse.write(name, table)
        yield warehouse


@pytest.fixture(scope="module")
def postgres_warehouse(postgres_url: str) -> Iterator[Warehouse]:
    with connect(postgres_url) as warehouse:
        for name, table in _tables().items():
            warehouse.write(name, table)
        yield warehouse


def read_shapes(path: Path) -> dict[str, str]:
    """Name -> SQL, from a file in which each starts with a line `--- name`."""
    parts = re.split(r"^--- (.+)\n", path.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
    return {name: sql.strip() for name, sql in zip(parts[::2], parts[1::2], strict=True)}


SHAPES = read_shapes(Path(__file__).with_name("shapes.sql"))
OTHER_SETTINGS = {
    "TimeZone": "Asia/Tokyo",
    "default_null_order": "nulls_first",
    "default_order": "desc",
    "default_collation": "nocase",
    "integer_division": "true",
}
NAIVE = dt.datetime(1969, 12, 31, 23, 59, 59, 999999)  # noqa: DTZ001
PARAMETERS: dict[str, dict[str, Any]] = {
    "quantile of a share that is bound": {"q": 0.37},
    "what the clock shows": {"zone": "Australia/Lord_Howe", "since": dt.date(2021, 1, 1)},
    "series of days": {"since": dt.date(2021, 3, 25), "until": dt.date(2021, 4, 2)},
    "hostile values": {"city": "O'Hara", "text": 'x\'; DROP TABLE orders; --\\ "$1" {0} 東京'},
    "every kind of value": {
        "i": 41,
        "b": True,
        "f": 0.1,
        "s": "",
        "n": None,
        "huge": 2**70,
        "m": Decimal("1.50"),
        "d": dt.date(1960, 1, 1),
        "t": NAIVE,
        "z": dt.datetime(2021, 10, 31, 2, 30, tzinfo=dt.timezone(dt.timedelta(hours=2))),
    },
    "ranges of values": {
        "since": dt.date(2021, 1, 1),
        "until": dt.date(2021, 12, 31),
        "amount": Decimal("0.10"),
        "at": dt.datetime(2021, 3, 28, tzinfo=UTC),
    },
}


@pytest.mark.parametrize("engine", ["duckdb_warehouse", "postgres_warehouse"])
def test_the_schema_is_what_each_table_says_of_its_columns(engine: str, request: pytest.FixtureRequest) -> None:
    warehouse: Warehouse = request.getfixturevalue(engine)
    assert set(_tables()) <= set(warehouse.tables())
    assert list(warehouse.schema()) == list(warehouse.tables())
    assert {name: list(columns.items()) for name, columns in warehouse.schema().items()} == {
        name: list(warehouse.columns(name).items()) for name in warehouse.tables()
    }


def _query(shape: str) -> Query:
    return Query(sql=SHAPES[shape], parameters=PARAMETERS.get(shape, {}))


def _same(ours: pa.Table, theirs: pa.Table) -> None:
    assert theirs.schema.names == ours.schema.names
    assert theirs.schema.types == ours.schema.types
    for name, left, right in zip(ours.column_names, ours.columns, theirs.columns, strict=True):
        if pa.types.is_floating(left.type):
            pairs = zip(left.to_pylist(), right.to_pylist(), strict=True)
            assert all(a == b if None in (a, b) else a == pytest.approx(b, rel=1e-12, abs=1e-12) for a, b in pairs), (
                name
            )
        else:
            assert right.to_pylist() == left.to_pylist(), name


@pytest.mark.postgres
@pytest.mark.parametrize("shape", SHAPES)
def test_both_engines_give_the_same_answer(
    shape: str, duckdb_warehouse: Warehouse, postgres_warehouse: Warehouse
) -> None:
    query = _query(shape)
    ours = duckdb_warehouse.fetch(query)
    _same(ours, postgres_warehouse.fetch(query))
    assert ours.num_rows > 0 or "nothing" in shape


@pytest.fixture(scope="module")
def otherwise_set() -> Iterator[Warehouse]:
    """A connection of somebody whose settings are all other than ours."""
    import duckdb

    with duckdb.connect() as connection:
        with connect(connection) as warehouse:
            for name, table in _tables().items():
                warehouse.write(name, table)
        for name, value in OTHER_SETTINGS.items():
            connection.execute(f"SET GLOBAL {name} = '{value}'")
            connection.execute(f"SET SESSION {name} = '{value}'")
        connection.execute("CREATE TEMP TABLE temporary_rates AS FROM rates")
        asked = "SELECT " + ", ".join(f"current_setting('{name}')" for name in OTHER_SETTINGS)
        before = connection.execute(asked).fetchall()
        yield connect(connection)
        assert str(connection.execute(asked).fetchall()).lower().replace("ending", "") == str(before).lower().replace(
            "ending", ""
        )


@pytest.mark.parametrize("shape", SHAPES)
def test_the_session_of_the_connection_changes_no_number(
    shape: str, duckdb_warehouse: Warehouse, otherwise_set: Warehouse
) -> None:
    query = _query(shape)
    want = duckdb_warehouse.fetch(query)
    _same(want, otherwise_set.fetch(query))
    if "rates" in query.sql:  # the temporary table is seen by the connection itself only: its session is put back
        on_it = Query(sql=query.sql.replace("rates", "temporary_rates"), parameters=query.parameters)
        _same(want, otherwise_set.fetch(on_it))


def test_the_time_zone_of_the_machine_changes_no_number(duckdb_warehouse: Warehouse) -> None:
    code = "import runpy, sys; print(runpy.run_path(sys.argv[1])['answers']())"
    told = []
    for zone in ("UTC", "Asia/Tokyo", "America/St_Johns"):
        done = subprocess.run(
            [sys.executable, "-c", code, __file__],
            env={**os.environ, "TZ": zone},
            capture_output=True,
            text=True,
            check=True,
        )
        told.append(done.stdout)
    assert told[0] == told[1] == told[2] == f"{answers(duckdb_warehouse)}\n"


def answers(warehouse: Warehouse | None = None) -> list[Any]:
    """Every answer about times, by one warehouse or a new one in memory."""
    if warehouse is None:
        warehouse = connect(dict(_tables()))
    shapes = [name for name in SHAPES if re.search("day|clock|cast|count|value|as-of", name)]
    return [warehouse.fetch(_query(name)).to_pydict() for name in shapes]


def test_the_numbers_of_a_few_shapes_are_known(duckdb_warehouse: Warehouse) -> None:
    [row] = duckdb_warehouse.fetch(_query("division by zero is NULL")).to_pylist()
    assert set(row.values()) == {None}
    gone = duckdb_warehouse.fetch(_query("clock times that do not or twice exist")).to_pylist()[0]
    assert gone["gone"] == dt.datetime(2021, 3, 28, 1, 30, tzinfo=UTC)
    assert gone["midnight"] == dt.datetime(2018, 11, 4, 3, tzinfo=UTC)
    total = sum(value for value in _orders()["amount"].to_pylist() if value is not None)
    assert duckdb_warehouse.fetch(_query("count and sum")).to_pylist()[0]["total"] == total
    big = sum(_orders()["big"].to_pylist())
    assert duckdb_warehouse.fetch(_query("big whole numbers")).to_pylist()[0]["s"] == big


def test_a_local_day_over_a_change_of_the_clock_has_23_or_25_hours(duckdb_warehouse: Warehouse) -> None:
    for first, hours in ((dt.date(2021, 3, 28), 23), (dt.date(2021, 10, 31), 25), (dt.date(2021, 6, 1), 24)):
        start, end = "local_moment($day, 'Europe/Berlin')", "local_moment(add_days($day, 1), 'Europe/Berlin')"
        sql = f"SELECT seconds_between({start}, {end}) / 3600 AS hours"
        assert duckdb_warehouse.fetch(Query(sql=sql, parameters={"day": first}))["hours"].to_pylist() == [hours]


def test_the_bucket_of_sql_is_the_bucket_of_python(duckdb_warehouse: Warehouse) -> None:
    rows = duckdb_warehouse.fetch(
        "SELECT id, city, bucket('salt', id) AS b, bucket('salt', city) AS c FROM orders"
    ).to_pylist()
    for row in rows:
        assert row["b"] == bucket("salt", row["id"])
        assert row["c"] == (None if row["city"] is None else bucket("salt", row["city"]))
        assert 0 <= row["b"] < BUCKETS


def test_the_as_of_join_takes_the_row_in_force(duckdb_warehouse: Warehouse) -> None:
    rates = _rates().to_pylist()
    want = []
    for order in _orders().to_pylist():
        fits = [rate for rate in rates if rate["customer"] == order["customer"] and rate["since"] <= order["at"]]
        if fits:
            want.append((order["id"], max(fits, key=lambda rate: rate["since"])["rate"]))
    got = duckdb_warehouse.fetch(_query("as-of join")).to_pylist()
    assert [(row["id"], row["rate"]) for row in got] == want
    assert len(want) > 10


@pytest.mark.postgres
def test_an_answer_of_one_scale_has_one_type_even_where_nothing_comes_back(postgres_warehouse: Warehouse) -> None:
    some = postgres_warehouse.fetch("SELECT sum(amount) AS s FROM orders").schema
    none = postgres_warehouse.fetch("SELECT sum(amount) AS s FROM empty").schema
    assert some == none == pa.schema([("s", pa.decimal128(38, 2))])


@pytest.mark.postgres
def test_a_number_without_scale_keeps_its_places(postgres_warehouse: Warehouse, postgres_url: str) -> None:
    from adbc_driver_postgresql import dbapi

    with dbapi.connect(postgres_url, autocommit=True) as raw, raw.cursor() as cursor:
        values = "(VALUES ('1.123456789012345678'), ('12345678901.5'), (NULL)) AS v(x)"
        cursor.execute(f"CREATE TABLE free AS SELECT x::numeric AS x FROM {values}")
        cursor.execute("CREATE TABLE odd AS SELECT 'NaN'::numeric AS x")
    from steelyard.errors import DataError

    got = postgres_warehouse.fetch("SELECT x FROM free ORDER BY x")
    assert got["x"].to_pylist() == [Decimal("1.123456789012345678"), Decimal("12345678901.5"), None]
    with pytest.raises(DataError, match="'x'"):
        postgres_warehouse.fetch("SELECT x FROM odd")


@pytest.mark.postgres
@pytest.mark.parametrize("table", [HOSTILE, "Ünïcode.with.dots", "orders"])
def test_a_table_written_to_postgres_comes_back_as_it_was(
    table: str, postgres_warehouse: Warehouse, duckdb_warehouse: Warehouse
) -> None:
    from steelyard.warehouse import quote_name

    sql = f"SELECT * FROM {quote_name(table)}"
    columns = postgres_warehouse.columns(table)
    assert list(columns) == list(duckdb_warehouse.columns(table))
    order = f" ORDER BY {quote_name(next(iter(columns)))}"
    _same(duckdb_warehouse.fetch(sql + order), postgres_warehouse.fetch(sql + order))
