"""Tables that would be wrong without anybody seeing it; never weakened."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from steelyard.pipeline.build import build
from steelyard.pipeline.table_definition import parse_table
from steelyard.warehouse import Store

NOW = datetime(2026, 1, 10, tzinfo=UTC)


@pytest.fixture
def store(tmp_path):
    return Store.open(tmp_path / "store")


def built(store, header, raw, sql="SELECT * FROM raw", as_of=NOW):
    with store.transaction("raw") as change:
        change.create("raw", raw)
    lines = "".join(f"-- {line}\n" for line in header.splitlines())
    report = build([parse_table("t", lines + sql)], store, sources=["raw"], as_of=as_of)
    return report.of("t")


def ids(store):
    with store.warehouse() as warehouse:
        return [row["id"] for row in warehouse.fetch("SELECT id FROM t ORDER BY 1").to_pylist()]


def test_rows_without_a_key_are_not_duplicates_of_each_other(store):
    raw = "SELECT * FROM (VALUES (NULL, 1), (NULL, 2), (7, 3), (7, 3)) AS v(code, id)"
    assert built(store, "deduplicate: {key: code}", raw).status == "published"
    assert ids(store) == [1, 2, 3]


def test_visitors_without_an_id_do_not_share_a_session(store):
    raw = "SELECT 1 AS id, CAST(NULL AS VARCHAR) AS who, TIMESTAMP '2026-01-01' AS \"at\" FROM range(5)"
    header = "steps:\n  s: {sessionise: {of: raw, by: who, time: at}}"
    built(store, header, raw, "SELECT count(session_id) AS id FROM s")
    assert ids(store) == [0]


def test_rows_without_a_time_are_not_lost_by_an_incremental_build(store):
    header = "time: at\nmaterialise: incremental"
    built(store, header, "SELECT 1 AS id, TIMESTAMP '2026-01-05' AS \"at\"")
    built(store, header, "SELECT * FROM (VALUES (1, TIMESTAMP '2026-01-05'), (2, NULL)) AS v(id, \"at\")")
    built(store, header, "SELECT * FROM (VALUES (1, TIMESTAMP '2026-01-05'), (2, NULL), (3, NULL)) AS v(id, \"at\")")
    assert ids(store) == [1, 2, 3]


def test_a_row_dated_in_the_future_does_not_shut_out_the_rows_of_today(store):
    header = "time: at\nmaterialise: incremental"
    ahead = "(1, TIMESTAMP '2026-01-05'), (2, TIMESTAMP '2999-01-01')"
    built(store, header, f'SELECT * FROM (VALUES {ahead}) AS v(id, "at")')
    built(store, header, f"SELECT * FROM (VALUES {ahead}, (3, TIMESTAMP '2026-01-06')) AS v(id, \"at\")")
    assert ids(store) == [1, 2, 3]


def test_two_rates_of_one_moment_are_not_chosen_between(store):
    with store.transaction("rates") as change:
        change.create("rates", "SELECT DATE '2026-01-01' AS day, n AS rate FROM range(1, 3) t(n)")
    header = "steps:\n  s: {as_of: {of: raw, time: at, table: rates, their_time: day, take: {rate: rate}}}"
    assert (
        built(store, header, "SELECT 1 AS id, TIMESTAMP '2026-01-02' AS \"at\"", "SELECT * FROM s").status == "failed"
    )


def test_a_nan_does_not_pass_a_range_and_a_test_that_cannot_run_does_not_pass(store):
    raw = "SELECT 1 AS id, 'nan'::DOUBLE AS x"
    assert built(store, "tests: [{accepted_range: {column: x, low: 0}}]", raw).status == "failed"
    assert built(store, "tests: [{not_null: y}]", raw).status == "failed"


def test_a_double_that_changes_in_its_last_bit_is_a_new_version(store):
    assert built(store, "key: id", "SELECT 1 AS id, 0.3::DOUBLE AS x").status == "published"
    assert built(store, "key: id", "SELECT 1 AS id, 0.1::DOUBLE + 0.2::DOUBLE AS x").status == "published"


def test_a_table_that_went_empty_is_not_published(store):
    assert built(store, "owner: me", "SELECT 1 AS id").status == "published"
    assert built(store, "owner: me", "SELECT 1 AS id WHERE false").status == "failed"
    assert ids(store) == [1]
