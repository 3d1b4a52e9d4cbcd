"""Declared steps: deduplication, sessions, as-of joins, calendars, scaffolds; each against plain Python."""

# ruff: noqa: DTZ001, E501  (columns without a zone; SQL reads best on one line)

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from steelyard.errors import DefinitionError, UnknownNameError
from steelyard.pipeline.statement import table_statement
from steelyard.pipeline.step_checks import step_checks
from steelyard.pipeline.step_sql import Clock
from steelyard.pipeline.table_definition import parse_table

CLOCK = Clock(as_of=datetime(2026, 1, 31, 3, tzinfo=UTC), zone="America/New_York")


@pytest.fixture
def db():
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    yield connection
    connection.close()


def made(db, header, sql="SELECT * FROM step", clock=CLOCK):
    """The rows of a table with these steps, and its checks by name."""
    lines = "\n".join(f"-- {line}" for line in header.strip().splitlines())
    table = parse_table("t", f"{lines}\n{sql}", path="tables/t.sql")
    statement = table_statement(table, lambda s: {r[0]: r[1] for r in db.execute(f"DESCRIBE {s}").fetchall()}, clock)

    def row(sql):
        found = db.execute(sql)
        return dict(zip([c[0] for c in found.description], found.fetchone(), strict=True))

    checks = {check.name: check for count in statement.counts for check in step_checks(count, row)}
    return db.execute(statement.sql).fetchall(), checks


def rows_of(db, name, columns, rows):
    db.execute(f"CREATE OR REPLACE TABLE {name} ({columns})")
    if rows:
        db.executemany(f"INSERT INTO {name} VALUES ({', '.join('?' * len(rows[0]))})", rows)


@settings(max_examples=20, deadline=None)
@given(st.lists(st.tuples(st.one_of(st.none(), st.integers(0, 2)), st.integers(0, 2), st.integers(0, 1)), max_size=12))
def test_deduplication_keeps_the_first_of_each_key_and_every_row_without_one(rows):
    with duckdb.connect() as db:
        rows_of(db, "raw", "id INTEGER, seen INTEGER, v INTEGER", rows)
        found, checks = made(db, "steps:\n  step: {deduplicate: {of: raw, key: id, order_by: [seen desc]}}")
    kept, tied = [row for row in rows if row[0] is None], 0
    for key in {row[0] for row in rows} - {None}:
        same = [row for row in rows if row[0] == key]
        best = [row for row in same if row[1] == max(r[1] for r in same)]
        tied += len(set(best)) > 1
        kept.append(min(best))
    assert sorted(found, key=repr) == sorted(kept, key=repr)
    assert checks["duplicates_step"].value == len(rows) - len(kept)
    assert checks["tied_step"].value == tied
    assert checks["tied_step"].stops == bool(tied)
    assert checks["keyless_step"].value == sum(row[0] is None for row in rows)


def test_a_tie_that_the_author_accepts_is_a_doubt_and_takes_the_same_row_whatever_the_order(db):
    header = "deduplicate: {key: id, order_by: [seen], ties: doubt}"
    results = []
    for rows in ([(1, 5, "b"), (1, 5, "a")], [(1, 5, "a"), (1, 5, "b")]):
        rows_of(db, "raw", "id INTEGER, seen INTEGER, v VARCHAR", rows)
        found, checks = made(db, header, "SELECT * FROM raw")
        results.append(found)
        assert (checks["tied"].status, checks["tied"].severity) == ("failed", "doubt")
        assert "1" in checks["tied"].says
    assert results == [[(1, 5, "a")]] * 2


def test_identical_rows_are_duplicates_and_no_tie(db):
    rows_of(db, "raw", "id INTEGER, v VARCHAR", [(1, "a"), (1, "a"), (2, None), (2, None)])
    found, checks = made(db, "deduplicate: {key: id}", "SELECT * FROM raw")
    assert sorted(found) == [(1, "a"), (2, None)]
    assert (checks["duplicates"].value, checks["tied"].value) == (2.0, 0.0)


minutes = st.lists(
    st.tuples(st.one_of(st.none(), st.sampled_from(["a", "b"])), st.one_of(st.none(), st.integers(0, 200))), max_size=15
)


@settings(max_examples=20, deadline=None)
@given(minutes)
def test_a_pause_longer_than_the_gap_begins_a_session(events):
    start = datetime(2026, 1, 1)
    rows = [(n, who, None if at is None else start + timedelta(minutes=at)) for n, (who, at) in enumerate(events)]
    with duckdb.connect() as db:
        rows_of(db, "raw", 'n INTEGER, who VARCHAR, "at" TIMESTAMP', rows)
        found, checks = made(
            db,
            "steps:\n  step: {sessionise: {of: raw, by: who, time: at}}",
            "SELECT n, session_number, session_id FROM step",
        )
    expected = {}
    for who in ("a", "b"):
        mine = sorted((at, n) for n, (whose, at) in enumerate(events) if whose == who and at is not None)
        number, last = 0, None
        for at, n in mine:
            number += last is None or at - last > 30
            expected[n], last = (number, who), at
    assert {n: number for n, number, _ in found} == {n: expected.get(n, (None,))[0] for n in range(len(events))}
    ids = {n: session for n, _, session in found if session is not None}
    assert len(set(ids.values())) == len({expected[n] for n in ids})
    assert all((ids[a] == ids[b]) == (expected[a] == expected[b]) for a in ids for b in ids)
    assert checks["homeless_step"].value == len(events) - len(expected)


def test_the_ids_of_visitors_with_two_parts_never_meet(db):
    at = datetime(2026, 1, 1)
    rows_of(db, "raw", 'a VARCHAR, b VARCHAR, "at" TIMESTAMP', [("x/y", "z", at), ("x", "y/z", at)])
    found, _ = made(
        db, "steps:\n  step: {sessionise: {of: raw, by: [a, b], time: at}}", "SELECT DISTINCT session_id FROM step"
    )
    assert len(found) == 2


def test_the_last_known_rate_holds_and_what_is_unknown_or_stale_is_counted(db):
    rows_of(db, "sales", 'id INTEGER, cur VARCHAR, "at" TIMESTAMP', [
        (1, "USD", datetime(2026, 1, 2, 9)), (2, "USD", datetime(2026, 1, 4, 9)), (3, "USD", datetime(2026, 1, 20)),
        (4, "USD", datetime(2025, 12, 1)), (5, "XXX", datetime(2026, 1, 2)), (6, None, datetime(2026, 1, 2)),
    ])  # fmt: skip
    rows_of(db, "rates", "day DATE, cur VARCHAR, rate DOUBLE", [
        (date(2026, 1, 2), "USD", 1.1), (date(2026, 1, 3), "USD", None), (date(2026, 1, 2), "GBP", 0.8),
    ])  # fmt: skip
    header = "steps:\n  step: {as_of: {of: sales, time: at, table: rates, their_time: day, on: {cur: cur}, take: {rate: eur}, stale_after: 7 days, age: days_old}}"
    found, checks = made(db, header, "SELECT id, eur, days_old FROM step ORDER BY id")
    assert found == [(1, 1.1, 0), (2, 1.1, 2), (3, 1.1, 18), (4, None, None), (5, None, None), (6, None, None)]
    assert [checks[f"{name}_step"].value for name in ("unmatched", "stale", "ambiguous")] == [3.0, 1.0, 0.0]


def test_two_rates_of_one_moment_stop_the_table(db):
    rows_of(db, "sales", '"at" TIMESTAMP', [(datetime(2026, 1, 2),)])
    rows_of(db, "rates", "day DATE, rate DOUBLE", [(date(2026, 1, 1), 1.0), (date(2026, 1, 1), 2.0)])
    header = "steps:\n  step: {as_of: {of: sales, time: at, table: rates, their_time: day, take: {rate: eur}}}"
    assert made(db, header)[1]["ambiguous_step"].stops


@pytest.mark.parametrize("starts", ["monday", "sunday", "saturday"])
def test_a_calendar_has_every_day_once_and_weeks_that_start_where_they_should(db, starts):
    found, _ = made(
        db, f"steps:\n  step: {{calendar: {{since: 2023-12-25, until: 2025-01-05, week_starts: {starts}}}}}"
    )
    assert [row[0] for row in found] == [date(2023, 12, 25) + timedelta(days=n) for n in range(378)]
    first = {"monday": 0, "saturday": 5, "sunday": 6}[starts]
    for day, week, month, quarter, year, weekday, weekend in found:
        assert week == day - timedelta(days=(day.weekday() - first) % 7)
        assert (month, year) == (day.replace(day=1), day.replace(month=1, day=1))
        assert quarter == day.replace(day=1, month=3 * ((day.month - 1) // 3) + 1)
        assert (weekday, weekend) == (day.isoweekday(), day.isoweekday() > 5)


def test_today_is_the_local_day(db):
    found, _ = made(db, "steps:\n  step: {calendar: {since: 2026-01-29}}")
    assert [row[0] for row in found] == [date(2026, 1, 29), date(2026, 1, 30)]


def test_a_scaffold_has_a_row_of_each_unit_and_local_day(db):
    rows_of(db, "units", "id INTEGER, first_seen TIMESTAMPTZ, left_on DATE", [
        (1, datetime(2026, 1, 29, 3, tzinfo=UTC), None), (2, datetime(2026, 1, 5, 12, tzinfo=UTC), date(2026, 1, 6)),
        (3, None, None), (4, datetime(2026, 1, 9, tzinfo=UTC), date(2026, 1, 1)),
    ])  # fmt: skip
    header = "steps:\n  step: {scaffold: {of: units, unit: id, since: first_seen, until: left_on}}"
    found, checks = made(db, header, "SELECT * FROM step ORDER BY id, day")
    assert found == [
        (1, date(2026, 1, 28)),
        (1, date(2026, 1, 29)),
        (1, date(2026, 1, 30)),
        (2, date(2026, 1, 5)),
        (2, date(2026, 1, 6)),
    ]
    assert (checks["dayless_step"].value, checks["doubled_step"].value) == (2.0, 0.0)


def test_steps_stand_on_one_another(db):
    rows_of(
        db,
        "raw",
        'id INTEGER, who VARCHAR, "at" TIMESTAMP',
        [(1, "a", datetime(2026, 1, 1)), (1, "a", datetime(2026, 1, 1, 2))],
    )
    header = "steps:\n  once: {deduplicate: {of: raw, key: id, order_by: [at]}}\n  step: {sessionise: {of: once, by: who, time: at}}"
    found, _ = made(db, header, "WITH s AS (SELECT * FROM step) SELECT id, session_number FROM s -- the end")
    assert found == [(1, 1)]


@pytest.mark.parametrize(
    ("step", "says"),
    [
        ("deduplicate: {of: raw, key: idd}", "did you mean 'id'"),
        ("deduplicate: {of: raw, key: id, order_by: [sen desc]}", "no column named 'sen'"),
        ("sessionise: {of: raw, by: id, time: seen, gap: soon}", "not a length of time"),
        ("calendar: {since: 2026-01-09, until: 2026-01-01}", "before it begins"),
        ("calendar: {since: yesterday}", "not a day"),
        ("deduplicate: {of: raw}", "by no key"),
        ("as_of: {of: raw, time: seen, table: raw, their_time: seen, take: {v: id}}", "there already"),
    ],
)
def test_a_step_that_cannot_be_is_an_error_at_its_line(db, step, says):
    rows_of(db, "raw", "id INTEGER, seen INTEGER, v INTEGER", [])
    with pytest.raises((DefinitionError, UnknownNameError)) as caught:
        made(db, f"owner: me\nsteps:\n  step: {{{step}}}")
    assert caught.value.where == "tables/t.sql:3"
    assert says in str(caught.value)
