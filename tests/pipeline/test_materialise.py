"""Ways to keep a table: continued builds equal a whole one, and a history says what was true when."""

# ruff: noqa: DTZ001, E501  (columns without a zone; SQL reads best on one line)

from __future__ import annotations

import tempfile
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from steelyard.pipeline.build import build
from steelyard.pipeline.table_definition import parse_table
from steelyard.warehouse import Store

START = datetime(2026, 1, 1)
NOW = datetime(2026, 3, 1, tzinfo=UTC)
SCHEMA = pa.schema([("id", pa.int64()), ("at", pa.timestamp("us")), ("v", pa.int64())])


@pytest.fixture
def store(tmp_path):
    return Store.open(tmp_path / "store")


def put(store, rows, name="raw", schema=SCHEMA):
    table = pa.Table.from_pylist([dict(zip(schema.names, row, strict=True)) for row in rows], schema=schema)
    with store.transaction("raw") as change:
        change.create(name, table)


def run(store, *tables, **options):
    return build(tables, store, sources=["raw"], **{"as_of": NOW, **options})


def rows(store, sql):
    with store.warehouse() as warehouse:
        return [tuple(row.values()) for row in warehouse.fetch(sql).to_pylist()]


def everything(store, name):
    return sorted(rows(store, f"SELECT * FROM {name}"), key=repr)


INCREMENTAL = '-- time: day\n-- materialise: {how: incremental, look_back: 5 days}\nSELECT CAST("at" AS DATE) AS day, count(*) AS n, sum(v) AS v FROM raw GROUP BY ALL'
FULL = INCREMENTAL.replace("how: incremental, look_back: 5 days", "how: full")
# A batch: (days that its newest row is after the last batch's newest, rows as (days late, value)).
batches = st.lists(
    st.tuples(st.integers(0, 9), st.lists(st.tuples(st.one_of(st.none(), st.integers(0, 5)), st.integers(-5, 5)), max_size=5)),
    min_size=1, max_size=4,
)  # fmt: skip


@settings(max_examples=6, deadline=None)
@given(batches)
def test_continued_by_time_equals_a_whole_build_when_no_row_is_later_than_the_look_back(steps):
    with tempfile.TemporaryDirectory() as folder:
        store = Store.open(folder)
        raw, newest = [], START
        continued, whole = parse_table("t", INCREMENTAL), parse_table("whole", FULL)
        for ahead, batch in steps:
            newest += timedelta(days=ahead)
            raw.append((len(raw), newest, 0))
            raw += [
                (len(raw) + n, None if late is None else newest - timedelta(days=late), v)
                for n, (late, v) in enumerate(batch)
            ]
            put(store, raw)
            report = run(store, continued, whole)
            assert not report.failed
            assert everything(store, "t") == everything(store, "whole")
            assert all(check.status == "passed" for check in report.of("t").checks)


def test_a_row_later_than_the_look_back_is_counted_and_a_back_fill_takes_it_in(store):
    table = parse_table("t", INCREMENTAL)
    put(store, [(n, START + timedelta(days=n), 1) for n in range(30)])
    run(store, table)
    put(
        store,
        [
            *((n, START + timedelta(days=n), 1) for n in range(30)),
            (99, START + timedelta(days=2, hours=1), 7),
            (98, START - timedelta(days=3), 1),
        ],
    )
    report = run(store, table)
    late = next(check for check in report.of("t").checks if check.name == "late_rows")
    assert (late.status, late.severity, late.value) == ("failed", "doubt", 1.0)
    run(store, table, since=date(2026, 1, 3), until=date(2026, 1, 3))
    assert rows(store, "SELECT n, v FROM t WHERE day = DATE '2026-01-03'") == [(2, 8)]
    assert rows(store, "SELECT count(*) FROM t WHERE day < DATE '2026-01-01'") == [(0,)]
    run(store, table, full=True)
    assert rows(store, "SELECT count(*) FROM t") == [(31,)]


def test_a_time_in_the_future_does_not_close_the_window_for_rows_of_today(store):
    table = parse_table("t", "-- time: at\n-- materialise: incremental\nSELECT * FROM raw")
    put(store, [(1, datetime(2026, 2, 28), 1), (2, datetime(2099, 1, 1), 1)])
    run(store, table)
    put(store, [(1, datetime(2026, 2, 28), 1), (2, datetime(2099, 1, 1), 1), (3, datetime(2026, 2, 28, 5), 1)])
    run(store, table)
    assert [row[0] for row in everything(store, "t")] == [1, 2, 3]


def test_files_that_the_window_does_not_meet_are_shared_with_the_version_before(store):
    table = parse_table("t", "-- time: at\n-- materialise: incremental\nSELECT * FROM raw")
    versions = []
    for days in range(1, 5):
        put(store, [(n, START + timedelta(days=n), 1) for n in range(days)])
        run(store, table)
        versions.append({file.sha256 for file in store.snapshot().tables["t"].files})
    # A build makes the newest day anew, so that a version keeps all files but one of the version before it.
    assert all(len(before - after) <= 1 for before, after in pairwise(versions))
    assert versions[-2] & versions[-1]


def test_a_changed_definition_or_a_new_column_makes_the_whole_anew_and_says_so(store):
    put(store, [(1, START, 1), (2, START + timedelta(days=30), 1)])
    header = "-- time: at\n-- materialise: incremental\n"
    run(store, parse_table("t", header + "SELECT * FROM raw"))
    report = run(store, parse_table("t", header + "SELECT *, v + 1 AS w FROM raw"))
    assert "the definition changed" in report.of("t").says
    assert rows(store, "SELECT count(w) FROM t") == [(2,)]
    put(store, [(1, START, 1, "x"), (2, START, 1, "y")], schema=SCHEMA.append(pa.field("note", pa.string())))
    assert "note" in str(run(store, parse_table("t", header + "SELECT *, v + 1 AS w FROM raw")).of("t").says)
    assert rows(store, "SELECT note FROM t ORDER BY 1") == [("x",), ("y",)]


def test_a_table_may_continue_from_what_it_was(store):
    table = parse_table(
        "t",
        "-- time: at\n-- materialise: {how: incremental, late_rows: ignore}\n-- columns: {at: TIMESTAMP, total: BIGINT}\n"
        'SELECT "at", v + coalesce((SELECT max(total) FROM t AS before WHERE before."at" < raw."at"), 0) AS total FROM raw',
    )
    put(store, [(1, START, 5)])
    assert not run(store, table).failed
    put(store, [(1, START, 5), (2, START + timedelta(days=1), 3)])
    report = run(store, table)
    assert not report.failed
    assert rows(store, 'SELECT total FROM t ORDER BY "at"') == [(5,), (8,)]
    assert store.snapshot().tables["t"].details["lineage"]["total"] == [["raw", "v"], ["t", "total"]]
    assert run(store, table).of("t").status == "unchanged"


keyed = st.lists(
    st.lists(st.tuples(st.integers(0, 4), st.integers(0, 9)), min_size=1, max_size=5, unique_by=lambda r: r[0]),
    min_size=1,
    max_size=4,
)


@settings(max_examples=6, deadline=None)
@given(keyed)
def test_continued_by_key_equals_a_whole_build_while_no_key_vanishes(steps):
    with tempfile.TemporaryDirectory() as folder:
        store = Store.open(folder)
        now: dict[int, tuple] = {}
        by_key = parse_table(
            "t", "-- key: id\n-- materialise: {how: by_key, time: at, look_back: 1 days}\nSELECT * FROM raw"
        )
        whole = parse_table("whole", "-- key: id\nSELECT * FROM raw")
        for day, batch in enumerate(steps):
            now |= {key: (key, START + timedelta(days=3 * day), value) for key, value in batch}
            put(store, list(now.values()))
            assert not run(store, by_key, whole).failed
            assert everything(store, "t") == everything(store, "whole")


def test_by_key_keeps_keys_that_are_gone_and_refuses_a_key_that_comes_twice(store):
    table = parse_table("t", "-- key: id\n-- materialise: by_key\nSELECT * FROM raw")
    put(store, [(1, START, 1), (2, START, 1)])
    run(store, table)
    put(store, [(2, START, 5)])
    run(store, table)
    assert rows(store, "SELECT id, v FROM t ORDER BY id") == [(1, 1), (2, 5)]
    put(store, [(3, START, 1), (3, START, 2), (None, START, 2)])
    report = run(store, table).of("t")
    assert report.status == "failed"
    assert next(check for check in report.checks if check.stops).name == "key_of_new_rows"
    assert rows(store, "SELECT id, v FROM t ORDER BY id") == [(1, 1), (2, 5)]


HISTORY = parse_table("t", "-- key: id\n-- materialise: history\nSELECT id, v FROM raw")
states = st.lists(
    st.dictionaries(st.integers(0, 3), st.one_of(st.none(), st.integers(0, 2)), max_size=4), min_size=1, max_size=5
)


@settings(max_examples=6, deadline=None)
@given(states)
def test_a_history_gives_back_every_state_as_of_its_day(steps):
    with tempfile.TemporaryDirectory() as folder:
        store = Store.open(folder)
        put(store, [])
        for day, state in enumerate(steps):
            put(store, [(key, START, value) for key, value in state.items()])
            at = NOW + timedelta(days=day)
            assert run(store, HISTORY, as_of=at).of("t").status in ("published", "unchanged")
            version = store.snapshot().tables["t"].version_id
            run(store, HISTORY, as_of=at + timedelta(hours=1))
            assert store.snapshot().tables["t"].version_id == version
        kept = rows(store, "SELECT id, v, valid_from, valid_to, is_current FROM t")
    for day, state in enumerate(steps):
        at = NOW + timedelta(days=day)
        then = {key: value for key, value, begins, ends, _ in kept if begins <= at and (ends is None or ends > at)}
        assert then == state
    assert {key: value for key, value, _, _, current in kept if current} == steps[-1]
    assert all((ends is None) == current and (ends is None or begins < ends) for _, _, begins, ends, current in kept)
    changes = sum(
        state.get(k, "gone") != before.get(k, "gone") and k in state
        for before, state in zip([{}, *steps], steps, strict=False)
        for k in state
    )
    assert len(kept) == changes


def test_a_history_with_a_time_begins_states_at_it_and_refuses_one_that_goes_backwards(store):
    table = parse_table("t", "-- key: id\n-- materialise: {how: history, time: at}\nSELECT * FROM raw")
    put(store, [(1, START, 1), (2, START, 1)])
    run(store, table)
    put(store, [(1, START + timedelta(days=1), 2), (2, START + timedelta(days=1), 1)])
    run(store, table)
    assert rows(store, "SELECT id, v, valid_from, valid_to FROM t ORDER BY id, valid_from") == [
        (1, 1, START, START + timedelta(days=1)), (1, 2, START + timedelta(days=1), None), (2, 1, START, None),
    ]  # fmt: skip
    put(store, [(1, START, 3), (2, START, 1)])
    report = run(store, table).of("t")
    assert report.status == "failed"
    assert next(check for check in report.checks if check.stops).name == "history_order"
    assert rows(store, "SELECT count(*) FROM t") == [(3,)]


def test_a_history_may_keep_what_is_gone_ignore_columns_and_gain_one(store):
    header = "-- key: id\n-- materialise: {how: history, deletes: keep, ignore: v}\n"
    put(store, [(1, START, 1), (2, START, 1)])
    run(store, parse_table("t", header + "SELECT id, v FROM raw"))
    put(store, [(1, START, 9)])
    assert (
        run(store, parse_table("t", header + "SELECT id, v FROM raw"), as_of=NOW + timedelta(days=1)).of("t").status
        == "unchanged"
    )
    report = run(store, parse_table("t", header + "SELECT id, v, 'x' AS note FROM raw"), as_of=NOW + timedelta(days=2))
    assert not report.failed
    assert rows(store, "SELECT id, v, note, is_current FROM t ORDER BY id, valid_from") == [
        (1, 1, None, False), (1, 9, "x", True), (2, 1, None, True),
    ]  # fmt: skip
    assert run(store, parse_table("t", header + "SELECT id, v, 'x' AS note FROM raw"), full=True).of("t").rows == 3


def test_a_history_refuses_its_own_column_names(store):
    put(store, [(1, START, 1)])
    report = run(store, parse_table("t", "-- key: id\n-- materialise: history\nSELECT id, v AS valid_to FROM raw")).of(
        "t"
    )
    assert report.status == "failed"
    assert "a history adds itself" in report.says
