"""Data tests: one scan, examples, and nothing that passes because it could not be run."""

# ruff: noqa: E501  (SQL reads best on one line)

from __future__ import annotations

from datetime import UTC, datetime

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from steelyard.pipeline.data_tests import audit, run_tests
from steelyard.pipeline.step_sql import Clock
from steelyard.pipeline.table_definition import parse_table
from steelyard.warehouse import DuckDbWarehouse, quote_name

NOW = datetime(2025, 4, 12, 6, tzinfo=UTC)


def checks(header: str, *statements: str, as_of: datetime = NOW, zone: str = "UTC"):
    """The checks of a table `t` that these statements make, by name."""
    lines = "\n".join(f"-- {line}" for line in header.strip().splitlines())
    table = parse_table("t", f"{lines}\nSELECT * FROM raw")
    connection = duckdb.connect()
    for statement in statements:
        connection.execute(statement)
    with DuckDbWarehouse(connection, owned=True) as warehouse:
        found = run_tests([table], warehouse, as_of=as_of, zone=zone)
    return {check.name.removeprefix("t."): check for check in found}


ROWS = "CREATE TABLE t AS SELECT * FROM (VALUES (1, 'paid', 2.5), (2, 'open', -1.0), (2, 'odd', NULL), (NULL, NULL, 9.0)) AS v(id, status, amount)"


def test_a_key_is_tested_for_duplicates_and_nulls_apart_with_examples():
    found = checks("key: id", ROWS)
    assert (found["key_unique"].status, found["key_unique"].value) == ("failed", 1.0)
    assert found["key_unique"].says.endswith(": 2")
    assert (found["key_not_null"].status, found["key_not_null"].value) == ("failed", 1.0)
    assert found["key_unique"].severity == "blocking"


def test_a_null_is_no_other_value_and_no_number_out_of_range():
    header = "tests:\n- accepted_values: {column: status, values: [paid, open]}\n- accepted_range: {column: amount, low: 0, high: 5}\n- not_null: status"
    found = checks(header, ROWS)
    assert found["accepted_values_status"].value == 1.0
    assert "'odd' (1)" in found["accepted_values_status"].says
    assert found["accepted_range_amount"].value == 2.0
    assert found["not_null_status"].value == 1.0


def test_a_nan_is_outside_every_range_even_one_without_a_high_end():
    rows = "CREATE TABLE t AS SELECT * FROM (VALUES (1.0::DOUBLE), ('nan'::DOUBLE), ('inf'::DOUBLE)) AS v(x)"
    assert checks("tests: [{accepted_range: {column: x, low: 0}}]", rows)["accepted_range_x"].value == 1.0
    assert checks("tests: [{accepted_range: {column: x, high: 5}}]", rows)["accepted_range_x"].value == 2.0


def test_a_range_that_ends_before_it_begins_does_not_run():
    check = checks("tests: [{accepted_range: {column: id, low: 5, high: 1}}]", ROWS)["accepted_range_id"]
    assert (check.status, check.stops) == ("not_run", True)


def test_orphans_are_counted_and_shown_and_a_null_is_none():
    header = "tests: [{foreign_key: {columns: id, table: parents, key: no}}]"
    found = checks(header, ROWS, "CREATE TABLE parents AS SELECT 1 AS no UNION ALL SELECT NULL")
    check = found["foreign_key_id_parents"]
    assert (check.status, check.value) == ("failed", 2.0)
    assert check.says.endswith(": 2")


def test_a_few_offending_rows_are_tolerated_where_the_author_says_so():
    share = checks("tests: [{not_null: id, allow: 0.25}]", ROWS)["not_null_id"]
    rows = checks("tests: [{not_null: id, allow: 1}]", ROWS)["not_null_id"]
    assert [(check.status, check.value, check.limit) for check in (share, rows)] == [("passed", 1.0, 1.0)] * 2
    assert checks("tests: [{not_null: id, allow: 0.2}]", ROWS)["not_null_id"].status == "failed"


def test_one_faulty_test_does_not_run_and_spoils_no_other():
    header = "tests:\n- not_null: nope\n- accepted_values: {column: amount, values: [a]}\n- sql: SELECT idd FROM t\n- not_null: id"
    found = checks(header, ROWS)
    assert [found[name].status for name in ("not_null_nope", "accepted_values_amount", "sql", "not_null_id")] == [
        "not_run", "not_run", "not_run", "failed",
    ]  # fmt: skip
    assert all(found[name].stops for name in ("not_null_nope", "accepted_values_amount", "sql"))


def test_custom_sql_gives_the_rows_that_offend():
    found = checks("tests: [{sql: SELECT id FROM t WHERE amount < 0, name: paid_back, severity: doubt}]", ROWS)
    assert (found["paid_back"].value, found["paid_back"].severity) == (1.0, "doubt")
    assert "id 2" in found["paid_back"].says


def test_an_empty_table_is_a_doubt_at_first_and_blocking_once_it_had_rows():
    assert checks("key: id", "CREATE TABLE t (id INTEGER)")["has_rows"].severity == "doubt"
    table = parse_table("t", "SELECT * FROM raw")
    connection = duckdb.connect()
    connection.execute("CREATE TABLE t (id INTEGER)")
    with DuckDbWarehouse(connection, owned=True) as warehouse:
        assert audit(table, warehouse, Clock(as_of=NOW, zone="UTC"), had_rows=True).stops


def test_freshness_is_measured_in_the_zone_and_the_future_is_not_fresh():
    rows = (
        "CREATE TABLE t AS SELECT * FROM (VALUES (TIMESTAMP '2025-04-11 23:00'), (TIMESTAMP '2031-01-01')) AS v(\"at\")"
    )
    header = "time: at\nfreshness: 8 hours"
    assert checks(header, rows)["freshness_at"].status == "passed"
    late = checks(header, rows, zone="Europe/Berlin")["freshness_at"]
    assert (late.status, late.value) == ("failed", 9 * 3600.0)
    assert "1 rows lie in the future" in late.says
    only_future = "CREATE TABLE t AS SELECT TIMESTAMP '2031-01-01' AS \"at\""
    assert checks(header, only_future)["freshness_at"].status == "failed"


def test_a_day_is_as_old_as_its_last_moment():
    rows = "CREATE TABLE t AS SELECT DATE '2025-04-11' AS day"
    assert checks("time: day\nfreshness: 6 hours", rows)["freshness_day"].value == 6 * 3600.0


def test_row_counts_have_two_ends():
    assert checks("tests: [{row_count: {at_least: 5}}]", ROWS)["row_count"].status == "failed"
    assert checks("tests: [{row_count: {at_least: 4, at_most: 4}}]", ROWS)["row_count"].status == "passed"
    assert checks("tests: [{row_count: {at_most: 3}}]", ROWS)["row_count"].status == "failed"


DAYS = (
    'CREATE TABLE t AS SELECT CAST(day AS TIMESTAMP) + INTERVAL 1 HOUR AS "at", 10.0 + n % 3 AS amount '
    "FROM (SELECT unnest(generate_series(DATE '2025-01-01', DATE '2025-04-11', INTERVAL 1 DAY)) AS day), range(3000) r(n) "
    "WHERE n < CASE WHEN isodow(day) >= 6 THEN 2000 ELSE 1000 END + 40 * sin(dayofyear(day) * 7.0)"
)


def test_a_lost_third_of_a_day_is_found_and_a_weekend_is_none():
    header = "time: at\ntests: [{change: {measure: rows}}]"
    assert checks(header, DAYS)["change_rows"].status == "passed"
    lost = checks(header, DAYS, "DELETE FROM t WHERE CAST(\"at\" AS DATE) = DATE '2025-04-11' AND random() < 0.34")
    check = lost["change_rows"]
    assert (check.status, check.severity) == ("failed", "doubt")
    assert check.value is not None
    assert check.value < -6
    for day in range(29, 32):
        assert checks(header, DAYS, as_of=datetime(2025, 3, day, tzinfo=UTC))["change_rows"].status == "passed"


def test_a_mean_and_a_share_of_nulls_that_jump_are_found():
    header = (
        "time: at\ntests:\n- change: {measure: mean, column: amount}\n- change: {measure: null_share, column: amount}"
    )
    assert {check.status for check in checks(header, DAYS).values()} == {"passed"}
    later = "WHERE CAST(\"at\" AS DATE) = DATE '2025-04-11'"
    assert checks(header, DAYS, f"UPDATE t SET amount = amount * 1.2 {later}")["change_mean_amount"].status == "failed"
    nulls = checks(header, DAYS, f"UPDATE t SET amount = NULL {later} AND amount = 10")
    assert nulls["change_null_share_amount"].status == "failed"


def test_a_short_past_does_not_run_and_stops_nothing():
    check = checks(
        "time: at\ntests: [{change: {}, severity: blocking}]",
        "CREATE TABLE t AS SELECT TIMESTAMP '2025-04-11' AS \"at\"",
    )
    assert (check["change_rows"].status, check["change_rows"].stops) == ("not_run", False)


@pytest.mark.parametrize("name", ['order"; DROP TABLE t; --', "select", "with space", "CamelCase", "ünïcode"])
def test_any_name_is_just_a_name(name):
    header = f"key: {name!r}\ntests:\n- accepted_range: {{column: {name!r}, low: 0}}\n- change: {{measure: mean, column: {name!r}}}"
    found = checks(header, f"CREATE TABLE t AS SELECT 1 AS {quote_name(name)}")
    assert {check.status for check in found.values()} == {"passed", "not_run"}
    assert all(check.status == "passed" for test, check in found.items() if not test.startswith("change"))


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.tuples(st.one_of(st.none(), st.integers(0, 4)), st.one_of(st.none(), st.integers(-3, 3))), max_size=12)
)
def test_the_counts_are_those_of_a_loop_over_the_rows(rows):
    values = ", ".join(f"({'NULL' if a is None else a}, {'NULL' if b is None else b})" for a, b in rows) or "(0, 0)"
    header = (
        "key: a\ntests:\n- not_null: b\n- accepted_values: {column: b, values: [0, 1]}\n"
        "- accepted_range: {column: b, low: -1, high: 2}\n- foreign_key: {columns: b, table: p, key: k}"
    )
    made = f"CREATE TABLE t AS SELECT CAST(a AS INTEGER) AS a, CAST(b AS INTEGER) AS b FROM (VALUES {values}) AS v(a, b) {'' if rows else 'WHERE false'}"
    found = checks(header, made, "CREATE TABLE p AS SELECT * FROM (VALUES (0), (1), (NULL)) AS v(k)")
    keys = [a for a, _ in rows if a is not None]
    assert found["key_unique"].value == len(keys) - len(set(keys))
    assert found["key_not_null"].value == len(rows) - len(keys)
    assert found["not_null_b"].value == sum(b is None for _, b in rows)
    assert found["accepted_values_b"].value == sum(b is not None and b not in (0, 1) for _, b in rows)
    assert found["accepted_range_b"].value == sum(b is not None and not -1 <= b <= 2 for _, b in rows)
    assert found["foreign_key_b_p"].value == sum(b is not None and b not in (0, 1) for _, b in rows)
