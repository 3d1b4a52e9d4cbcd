"""The fingerprint of a table's rows."""

from __future__ import annotations

import hashlib
import math
import struct
from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from steelyard.errors import DataError
from steelyard.warehouse.fingerprint import Fingerprint, fingerprint_of

SCHEMA = pa.schema(
    [("n", pa.int64()), ("word", pa.string()), ("x", pa.float64()), ("day", pa.date32()), ("yes", pa.bool_())]
)
DAYS = st.dates(date(1, 1, 1), date(9999, 12, 31))
ROWS = st.tuples(
    st.none() | st.integers(-(2**63), 2**63 - 1),
    st.none() | st.text(st.characters(exclude_categories=("Cs",)), max_size=8),
    st.none() | st.floats(),
    st.none() | DAYS,
    st.none() | st.booleans(),
)
TABLES = st.lists(ROWS, max_size=12)
CONNECTION = duckdb.connect()
QUICK = settings(max_examples=60, deadline=None)


def table(rows: Sequence[tuple[Any, ...]]) -> pa.Table:
    columns = list(zip(*rows, strict=True)) if rows else [[]] * len(SCHEMA)
    return pa.table([pa.array(column, kind.type) for column, kind in zip(columns, SCHEMA, strict=True)], SCHEMA)


def of(data: pa.Table) -> Fingerprint:
    CONNECTION.register("data", data)
    try:
        return fingerprint_of(CONNECTION, "data")
    finally:
        CONNECTION.unregister("data")


def of_sql(sql: str) -> Fingerprint:
    return fingerprint_of(CONNECTION, f"({sql})")


@QUICK
@given(TABLES, st.randoms())
def test_the_order_of_rows_does_not_matter(rows: list[tuple[Any, ...]], random: Any) -> None:
    shuffled = list(rows)
    random.shuffle(shuffled)
    assert of(table(rows)) == of(table(shuffled))


@QUICK
@given(TABLES, st.integers(0, 12))
def test_the_fingerprints_of_parts_add_up_to_that_of_the_whole(rows: list[tuple[Any, ...]], cut: int) -> None:
    assert of(table(rows[:cut])) + of(table(rows[cut:])) == of(table(rows))


@QUICK
@given(st.lists(ROWS, min_size=1, max_size=8), st.data())
def test_changing_any_one_value_changes_it(rows: list[tuple[Any, ...]], data: st.DataObject) -> None:
    row, column = data.draw(st.integers(0, len(rows) - 1)), data.draw(st.integers(0, len(SCHEMA) - 1))
    other = data.draw(ROWS)[column]
    assume(not same(rows[row][column], other))
    changed = [*rows[:row], (*rows[row][:column], other, *rows[row][column + 1 :]), *rows[row + 1 :]]
    assert of(table(rows)).digest != of(table(changed)).digest


@QUICK
@given(st.lists(ROWS, min_size=1, max_size=8), st.integers(1, 3))
def test_doubling_a_row_changes_it(rows: list[tuple[Any, ...]], times: int) -> None:
    assert of(table(rows)).digest != of(table(rows + rows[:1] * times)).digest


@QUICK
@given(TABLES)
def test_it_is_the_md5_of_an_encoding_written_apart_from_duckdb(rows: list[tuple[Any, ...]]) -> None:
    # md5_number takes the sixteen bytes of the hash from the lowest to the highest.
    total = sum(int.from_bytes(hashlib.md5(encoded(row)).digest(), "little") for row in rows) % 2**128
    assert of(table(rows)).total == total


def same(one: Any, other: Any) -> bool:
    if isinstance(one, float) and isinstance(other, float):
        return one == other or (math.isnan(one) and math.isnan(other))
    return bool(one == other)


def encoded(row: tuple[Any, ...]) -> bytes:
    """The row's sort key by DuckDB's own rules, columns by name: day, n, word, x, yes, and an empty text."""
    n, word, x, day, yes = row
    epoch = date(1970, 1, 1)
    return b"".join(
        [
            null_or(day, lambda: struct.pack(">I", (day - epoch).days + 2**31)),
            null_or(n, lambda: struct.pack(">Q", n + 2**63)),
            null_or(word, lambda: bytes(byte + 1 for byte in word.encode()) + b"\0"),
            null_or(x, lambda: double(x)),
            null_or(yes, lambda: bytes([yes])),
            b"\2\0",
        ]
    )


def null_or(value: Any, encode: Any) -> bytes:
    return b"\1" if value is None else b"\2" + encode()


def double(x: float) -> bytes:
    if math.isnan(x):
        return b"\xff" * 8
    if math.isinf(x):
        return (b"\xff" * 7 + b"\xfe") if x > 0 else b"\0" * 8
    (bits,) = struct.unpack(">Q", struct.pack(">d", x if x != 0 else 0.0))
    return struct.pack(">Q", (~bits & (2**64 - 1)) if bits >> 63 else bits | 1 << 63)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("SELECT 'a' AS x, 'bc' AS y", "SELECT 'ab' AS x, 'c' AS y"),
        ("SELECT NULL::VARCHAR AS x", "SELECT '' AS x"),
        ("SELECT 'NULL' AS x", "SELECT NULL::VARCHAR AS x"),
        ("SELECT chr(0) || 'a' AS x, '' AS y", "SELECT '' AS x, chr(0) || 'a' AS y"),
        ("SELECT 1::INTEGER AS x", "SELECT 1::BIGINT AS x"),
        ("SELECT 1 AS x", "SELECT 1 AS y"),
        ("SELECT 1.1::DECIMAL(4,1) AS x", "SELECT 1.10::DECIMAL(4,2) AS x"),
        ("SELECT 1 AS x, 2 AS y", "SELECT 2 AS x, 1 AS y"),
        ("SELECT INTERVAL '1 month' AS x", "SELECT INTERVAL '30 days' AS x"),
        ("SELECT '12:00:00+01'::TIMETZ AS x", "SELECT '11:00:00+00'::TIMETZ AS x"),
        ("SELECT [1, NULL] AS x", "SELECT [1] AS x"),
        ("SELECT [['a'], ['b']] AS x", "SELECT [['a', 'b']] AS x"),
        ("SELECT 0.1::DOUBLE AS x", "SELECT (0.1::DOUBLE + 1e-17) * 1.0000000000000002 AS x"),
        ("SELECT 1 AS x UNION ALL SELECT 1", "SELECT 1 AS x UNION ALL SELECT 1 UNION ALL SELECT 1"),
        ("SELECT 1 AS x WHERE false", "SELECT 1 AS x"),
        ("SELECT timestamp '2026-01-01' AS x", "SELECT timestamptz '2026-01-01 00:00:00+00' AS x"),
        ("SELECT 'a'::BLOB AS x", "SELECT 'a' AS x"),
        ("SELECT 'é' AS x", "SELECT 'e' || chr(769) AS x"),
    ],
)
def test_tables_that_look_alike_have_different_fingerprints(one: str, other: str) -> None:
    assert of_sql(one).digest != of_sql(other).digest


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("SELECT 0.0::DOUBLE AS x", "SELECT -0.0::DOUBLE AS x"),
        ("SELECT 'nan'::DOUBLE AS x", "SELECT -('nan'::DOUBLE) AS x"),
        ("SELECT 1 AS a, 2 AS b", "SELECT 2 AS b, 1 AS a"),
        ("SELECT 'ok'::ENUM('sad', 'ok') AS x", "SELECT 'ok'::ENUM('ok', 'sad') AS x"),
        ("SELECT 'ok'::ENUM('sad', 'ok') AS x", "SELECT 'ok' AS x"),
    ],
)
def test_what_counts_as_the_same_has_the_same_fingerprint(one: str, other: str) -> None:
    assert of_sql(one) == of_sql(other)


@pytest.mark.parametrize("kind", ["BOOLEAN", "TINYINT", "INTEGER", "DATE", "BIGINT", "REAL"])
def test_a_narrow_table_has_one_too(kind: str) -> None:
    assert of_sql(f"SELECT CAST(NULL AS {kind}) AS x").rows == 1


def test_many_rows_in_many_threads_give_what_one_thread_gives() -> None:
    sql = "SELECT i, i % 7 AS k, sqrt(i) AS x, 'u' || (i % 1000) AS u FROM range(300000) t(i)"
    one, two = duckdb.connect(config={"threads": 1}), duckdb.connect(config={"threads": 4})
    assert fingerprint_of(one, f"({sql})") == fingerprint_of(two, f"({sql} ORDER BY u, i DESC)")


def test_zoned_and_decimal_values_do_not_depend_on_the_session() -> None:
    sql = "SELECT timestamptz '2026-03-29 00:30:00+00' AS at, 12.50::DECIMAL(12,2) AS amount"
    berlin = duckdb.connect()
    berlin.execute("SET TimeZone = 'Europe/Berlin'")
    assert fingerprint_of(berlin, f"({sql})") == of_sql(sql)
    arrow = pa.table(
        {
            "at": pa.array([datetime.fromisoformat("2026-03-29T00:30:00+00:00")], pa.timestamp("us", "UTC")),
            "amount": pa.array([Decimal("12.50")], pa.decimal128(12, 2)),
        }
    )
    assert of(arrow) == of_sql(sql)


def test_values_that_cannot_be_told_apart_are_refused() -> None:
    with pytest.raises(DataError, match="INTERVAL"):
        of_sql("SELECT [INTERVAL '1 month'] AS spans")


def test_fingerprints_of_other_columns_do_not_add_up() -> None:
    with pytest.raises(DataError, match="do not add up"):
        of_sql("SELECT 1 AS a") + of_sql("SELECT 1 AS b")
