"""A load continues where the last one ended: files by content, rows by cursor and key, ranges on demand."""

from __future__ import annotations

import random
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from steelyard.errors import DataError, DefinitionError
from steelyard.warehouse import connect

sys.path.insert(0, str(Path(__file__).parent))
from loading import COLUMNS, Place, check

CSV = {"kind": "files", "path": "in/*.csv", "columns": COLUMNS}
HEAD = "id,at,amount,note\n"
NOW = datetime(2026, 2, 1, tzinfo=UTC)


def line(number: int, day: int = 1, amount: str = "1.00", note: str = "n") -> str:
    return f"{number},2026-01-{day:02d} 00:00:00,{amount},{note}\n"


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def ids(place: Place) -> list[int]:
    return [number for (number,) in place.rows("SELECT id FROM orders ORDER BY id")]


# Files by content


def test_a_second_load_of_the_same_files_publishes_nothing(place: Place):
    place.write("in/a.csv", HEAD + line(1) + "x,,,\n")
    assert place.load(CSV).changed
    before = place.store.snapshot()
    report = place.load(CSV)
    assert (report.rows, report.rejected, report.skipped, report.changed) == (0, 0, 1, False)
    assert place.store.snapshot().number == before.number


def test_a_renamed_or_copied_file_is_not_loaded_again(place: Place):
    path = place.write("in/a.csv", HEAD + line(1))
    place.load(CSV)
    path.rename(place.folder / "in" / "b.csv")
    assert place.load(CSV).rows == 0
    place.write("in/c.csv", HEAD + line(1))
    assert place.load(CSV).rows == 0
    place.write("in/d.csv", HEAD + line(2))
    place.write("in/e.csv", HEAD + line(2))
    report = place.load(CSV)
    assert report.rows == 1
    assert check(report, "same_content").value == 2
    assert ids(place) == [1, 2]


@pytest.mark.parametrize("ending", ["csv", "jsonl"])
def test_a_grown_file_is_read_from_where_it_ended(place: Place, ending: str):
    said = {**CSV, "path": f"in/a.{ending}"}
    first = HEAD + line(1) + "x,,,\n" if ending == "csv" else '{"id": 1}\n{"id": "x"}\n'
    more = line(2) + "y,,,\n" if ending == "csv" else '{"id": 2}\n{"id": "y"}\n'
    place.write(f"in/a.{ending}", first)
    place.load(said)
    place.write(f"in/a.{ending}", first + more)
    report = place.load(said)
    assert (report.rows, report.rejected) == (1, 1)
    assert ids(place) == [1, 2]
    assert [number for _, number, *_ in place.rejects()] == ([3, 5] if ending == "csv" else [2, 4])
    assert place.load(said).rows == 0


def test_a_changed_file_without_a_key_is_an_error_and_with_a_key_is_merged(place: Place):
    place.write("in/a.csv", HEAD + line(1) + line(2))
    place.load(CSV)
    place.load({**CSV, "key": "id"}, name="keyed")
    place.write("in/a.csv", HEAD + line(1, amount="7.00") + line(3))
    with pytest.raises(DataError, match="its content changed"):
        place.load(CSV)
    assert ids(place) == [1, 2]
    assert place.load({**CSV, "key": "id"}, name="keyed").rows == 2
    assert place.rows("SELECT id, CAST(amount AS VARCHAR) AS a FROM keyed ORDER BY id") == [
        (1, "7.00"),
        (2, "1.00"),
        (3, "1.00"),
    ]
    place.write("in/a.csv", HEAD + line(1) + line(2))
    place.load({**CSV, "key": "id"}, name="keyed")
    assert place.rows("SELECT CAST(amount AS VARCHAR) AS a FROM keyed WHERE id = 1") == [("1.00",)]


def test_a_file_whose_last_line_had_no_end_is_not_guessed_at_when_it_grows(place: Place):
    place.write("in/a.csv", HEAD + "1,2026-01-01,1.0")
    place.load(CSV)
    place.write("in/a.csv", HEAD + "1,2026-01-01,1.00,n\n" + line(2))
    with pytest.raises(DataError, match="no end"):
        place.load(CSV)


def test_a_rotated_log_is_not_an_error(place: Place):
    said = {**CSV, "path": "in/*"} | {"format": "csv"}
    path = place.write("in/app.csv", HEAD + line(1))
    place.load(said)
    path.rename(place.folder / "in" / "app.csv.1")
    place.write("in/app.csv", HEAD + line(2))
    assert place.load(said).rows == 1
    assert ids(place) == [1, 2]


def test_a_full_load_replaces_table_and_rejects(place: Place):
    place.write("in/a.csv", HEAD + line(1) + "x,,,\n")
    place.load(CSV)
    place.write("in/a.csv", HEAD + line(5) + "y,,,\n")
    report = place.load(CSV, full=True)
    assert (report.rows, report.rejected, ids(place)) == (1, 1, [5])
    assert [raw for *_, raw in place.rejects()] == ["y,,,"]


def test_replace_mode_makes_the_table_what_the_files_are_now(place: Place):
    said = {**CSV, "mode": "replace"}
    place.write("in/a.csv", HEAD + line(1))
    path = place.write("in/b.csv", HEAD + line(2))
    place.load(said)
    assert place.load(said).changed is False
    path.unlink()
    place.load(said)
    assert ids(place) == [1]


# Keys


def test_of_rows_with_one_key_the_latest_by_cursor_is_kept_and_the_others_counted(place: Place):
    said = {**CSV, "key": "id", "cursor": "at"}
    place.write("in/a.csv", HEAD + line(1, day=5, note="new") + line(1, day=3, note="old") + line(2))
    report = place.load(said, now=NOW)
    assert (report.rows, report.superseded) == (2, 1)
    assert check(report, "same_key").value == 1
    assert place.rows("SELECT note FROM orders WHERE id = 1") == [("new",)]


def test_a_merge_shares_the_files_that_it_does_not_touch_and_counts_only_what_is_new(place: Place):
    said = {**CSV, "key": "id"}
    place.write("in/a.csv", HEAD + "".join(line(number) for number in range(10)))
    place.load(said)
    place.write("in/b.csv", HEAD + line(3) + line(4, amount="9.00") + line(99))
    report = place.load(said)
    assert (report.rows, report.total) == (2, 11)
    place.write("in/c.csv", HEAD + line(3) + "\n" + line(99))
    before = place.store.snapshot().tables["orders"].version_id
    assert place.load(said).rows == 0
    assert place.store.snapshot().tables["orders"].version_id == before


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    batches=st.lists(
        st.lists(st.tuples(st.integers(1, 5), st.integers(1, 9), st.integers(0, 3)), max_size=5), min_size=1, max_size=4
    )
)
def test_merging_files_one_by_one_gives_what_a_dictionary_gives(tmp_path_factory, batches):
    place = Place(tmp_path_factory.mktemp("merge"))
    expected: dict[int, tuple[int, int]] = {}
    for number, batch in enumerate(batches):
        rows = "".join(line(key, day=day, amount=f"{amount}.00") for key, day, amount in batch)
        place.write(f"in/{number}.csv", HEAD + rows + f"# {number}\n")
        latest: dict[int, tuple[int, int]] = {}
        for key, day, amount in batch:
            latest[key] = max(latest.get(key, (0, 0)), (day, amount))
        expected |= latest
        place.load({**CSV, "key": "id", "cursor": "at"}, now=NOW)
    found = place.rows('SELECT id, day("at") AS d, CAST(amount AS INTEGER) AS a FROM orders ORDER BY id')
    assert {key: (day, amount) for key, day, amount in found} == expected


# A database, by cursor


@pytest.fixture
def database(place: Place):
    def write(sql: str) -> None:
        import duckdb

        with duckdb.connect(str(place.folder / "shop.duckdb")) as connection:
            connection.execute(sql)

    write('CREATE TABLE orders (id BIGINT, "at" TIMESTAMP, amount DECIMAL(9,2))')
    return write


SQL = {"kind": "sql", "connection": "shop.duckdb", "cursor": "at"}


def test_a_database_is_asked_for_what_is_new_and_a_look_back_finds_late_rows(place: Place, database):
    said = {**SQL, "look_back": "2 days"}
    database("INSERT INTO orders SELECT i, TIMESTAMP '2026-01-01' + INTERVAL (i) DAY, i FROM range(10) t(i)")
    report = place.load(said, now=NOW)
    assert (report.rows, report.cursor) == (10, "2026-01-10 00:00:00")
    assert place.load(said, now=NOW).changed is False
    database("INSERT INTO orders VALUES (100, '2026-01-09', 1), (101, '2026-01-02', 1), (102, '2026-01-11', 1)")
    assert place.load(said, now=NOW).rows == 2
    assert 100 in ids(place)
    assert 102 in ids(place)
    assert 101 not in ids(place), "later than the look-back: a back-fill finds it"
    report = place.load(said, since="2026-01-01", until="2026-01-03", now=NOW)
    assert (report.rows, report.cursor) == (1, "2026-01-11 00:00:00")
    assert len(ids(place)) == len(set(ids(place))) == 13


def test_rows_at_the_cursor_itself_are_neither_lost_nor_doubled(place: Place, database):
    database("INSERT INTO orders VALUES (1, '2026-01-01', 1), (2, '2026-01-02', 1)")
    place.load(SQL, now=NOW)
    database("INSERT INTO orders VALUES (3, '2026-01-02', 1)")
    assert place.load(SQL, now=NOW).rows == 1
    assert ids(place) == [1, 2, 3]


def test_a_back_fill_makes_the_range_what_the_source_says_and_leaves_the_rest_and_the_cursor(place: Place, database):
    database("INSERT INTO orders SELECT i, TIMESTAMP '2026-01-01 12:00' + INTERVAL (i) DAY, i FROM range(10) t(i)")
    place.load(SQL, now=NOW)
    database("UPDATE orders SET amount = 77; DELETE FROM orders WHERE id = 4")
    report = place.load(SQL, since="2026-01-04", until="2026-01-05", now=NOW)
    assert report.cursor == "2026-01-10 12:00:00"
    assert place.rows("SELECT id FROM orders WHERE amount = 77") == [(3,)]
    assert ids(place) == [0, 1, 2, 3, 5, 6, 7, 8, 9]


def test_a_back_fill_before_the_first_load_does_not_move_the_cursor_over_a_gap(place: Place, database):
    database("INSERT INTO orders SELECT i, TIMESTAMP '2026-01-01' + INTERVAL (i) DAY, i FROM range(10) t(i)")
    assert place.load(SQL, since="2026-01-05", until="2026-01-06", now=NOW).cursor == ""
    assert ids(place) == [4, 5]
    place.load(SQL, now=NOW)
    assert ids(place) == list(range(10))


def test_with_a_key_updated_rows_replace_theirs(place: Place, database):
    said = {**SQL, "key": "id"}
    database("INSERT INTO orders VALUES (1, '2026-01-01', 1), (2, '2026-01-02', 2)")
    place.load(said, now=NOW)
    database("UPDATE orders SET amount = 9, \"at\" = '2026-01-05' WHERE id = 1")
    assert place.load(said, now=NOW).rows == 1
    assert place.rows("SELECT id, CAST(amount AS INTEGER) AS a FROM orders ORDER BY id") == [(1, 9), (2, 2)]


def test_a_future_date_is_loaded_and_flagged_and_does_not_freeze_the_cursor(place: Place, database):
    database("INSERT INTO orders VALUES (1, '2026-01-01', 1), (2, '2999-01-01', 1)")
    report = place.load(SQL, now=NOW)
    assert (report.rows, report.cursor) == (2, "2026-01-01 00:00:00")
    assert check(report, "future_cursor").status == "failed"
    assert "2999-01-01" in check(report, "future_cursor").says
    database("INSERT INTO orders VALUES (3, '2026-01-03', 1)")
    assert place.load(SQL, now=NOW).rows == 1
    assert ids(place) == [1, 2, 3]


def test_a_row_without_a_cursor_is_rejected_once(place: Place, database):
    database("INSERT INTO orders VALUES (1, '2026-01-01', 1), (2, NULL, 1)")
    assert place.load(SQL, now=NOW).rejected == 1
    assert place.load(SQL, full=True, now=NOW).rejected == 1
    assert place.count("orders_rejects") == 1


def test_a_number_is_a_cursor_too(place: Place, database):
    said = {**SQL, "cursor": "id", "look_back": 2}
    database("INSERT INTO orders SELECT i, '2026-01-01', i FROM range(10) t(i)")
    place.load(said)
    database("UPDATE orders SET amount = 77; INSERT INTO orders VALUES (10, '2026-01-01', 1)")
    assert place.load(said).cursor == "10"
    assert place.rows("SELECT count(*) AS n FROM orders WHERE amount = 77") == [(3,)]


def test_a_query_is_a_source(place: Place, database):
    database("INSERT INTO orders SELECT i, TIMESTAMP '2026-01-01' + INTERVAL (i) DAY, i FROM range(10) t(i)")
    said = {**SQL, "query": 'SELECT id, "at" FROM orders WHERE id > 3'}
    assert place.load(said, now=NOW).rows == 6
    assert place.load(said, now=NOW).changed is False


@pytest.mark.parametrize("keyed", [True, False])
def test_random_increments_end_where_the_source_is(place: Place, database, keyed: bool):
    chance = random.Random(7)
    said = {**SQL, "look_back": "3 days", **({"key": "id"} if keyed else {})}
    for day in range(1, 13):
        rows = [(day * 100 + n, day - chance.randrange(min(3, day))) for n in range(chance.randrange(4))]
        for number, at in rows:
            database(f"INSERT INTO orders VALUES ({number}, '2026-01-{at:02d}', {number % 50})")
        if day > 1:
            database(f"UPDATE orders SET amount = {day} WHERE \"at\" >= '2026-01-{day - 1:02d}'")
        place.load(said, now=NOW)
    with connect(str(place.folder / "shop.duckdb"), read_only=True) as source:
        expected = [tuple(row.values()) for row in source.fetch("SELECT * FROM orders ORDER BY id").to_pylist()]
    assert place.rows("SELECT * FROM orders ORDER BY id") == expected


@pytest.mark.parametrize(
    ("said", "how", "problem"),
    [
        ({"kind": "files", "path": "in/*.csv"}, {"since": "2026-01-01"}, "no cursor"),
        (SQL, {"since": "2026-01-01", "full": True}, "no range"),
        (SQL, {"since": "yesterday"}, "'yesterday' is no"),
        ({**SQL, "cursor": "absent"}, {"since": "2026-01-01"}, "absent"),
        ({**SQL, "from_table": "absent"}, {}, "absent"),
        ({**SQL, "cursor": "absent"}, {}, "cursor column 'absent'"),
    ],
)
def test_what_cannot_be_continued_is_a_clear_error(place: Place, database, said, how, problem):
    place.write("in/a.csv", HEAD + line(1))
    with pytest.raises((DefinitionError, DataError), match=problem):
        place.load(said, **how)


def test_back_filling_files_replaces_the_range_and_does_not_mark_them_loaded(place: Place):
    said = {**CSV, "cursor": "at"}
    place.write("in/a.csv", HEAD + line(1, day=1) + line(2, day=2) + line(3, day=3))
    place.load(said, since="2026-01-02", until="2026-01-02", now=NOW)
    assert ids(place) == [2]
    place.load(said, full=True, now=NOW)
    place.load(said, since="2026-01-02", until="2026-01-03", now=NOW)
    assert ids(place) == [1, 2, 3]


# Drift of the schema


def test_a_new_column_is_added_recorded_and_null_before(place: Place):
    place.write("in/a.csv", HEAD + line(1))
    place.load(CSV)
    place.write("in/b.csv", "id,at,amount,note,coupon\n2,2026-01-02,1,n,TEN\n")
    report = place.load(CSV)
    assert report.added_columns == ("coupon",)
    assert "'coupon'" in check(report, "new_columns").says
    assert place.rows("SELECT id, coupon FROM orders ORDER BY id") == [(1, None), (2, "TEN")]
    place.write("in/c.csv", HEAD + line(3))
    report = place.load(CSV)
    assert check(report, "missing_columns").status == "failed"
    assert place.count() == 3


def test_a_new_key_in_the_last_json_line_is_a_column(place: Place):
    said = {"kind": "files", "path": "in/a.jsonl", "columns": {"id": "BIGINT"}}
    body = "".join(f'{{"id": {number}}}\n' for number in range(3000))
    place.write("in/a.jsonl", body + '{"late": {"deep": [1, 2]}, "id": 3000}\n')
    report = place.load(said)
    assert report.rows == 3001
    assert check(report, "new_columns").value == 1
    assert place.rows("SELECT late FROM orders WHERE id = 3000") == [('{"deep":[1,2]}',)]


def test_a_merge_takes_new_columns_too(place: Place):
    said = {**CSV, "key": "id"}
    place.write("in/a.csv", HEAD + line(1) + line(2))
    place.load(said)
    place.write("in/b.csv", "id,at,amount,coupon\n2,2026-01-02,1,TEN\n")
    report = place.load(said)
    assert report.added_columns == ("coupon",)
    assert place.rows("SELECT id, note, coupon FROM orders ORDER BY id") == [(1, "n", None), (2, None, "TEN")]


def test_a_changed_type_that_fits_is_kept_and_what_does_not_fit_is_rejected(place: Place):
    import pyarrow as pa
    import pyarrow.parquet as pq

    said = {"kind": "files", "path": "in/*.parquet"}
    (place.folder / "in").mkdir()
    pq.write_table(pa.table({"id": [1, 2]}), place.folder / "in" / "a.parquet")
    place.load(said)
    pq.write_table(pa.table({"id": [3.0, 3.5, 1e300]}), place.folder / "in" / "b.parquet")
    pq.write_table(pa.table({"id": ["4", "x", None]}), place.folder / "in" / "c.parquet")
    report = place.load(said)
    assert check(report, "changed_types").status == "failed"
    assert (report.rows, report.rejected) == (3, 3)
    assert place.rows("SELECT id FROM orders ORDER BY id NULLS LAST") == [(1,), (2,), (3,), (4,), (None,)]
    assert dict(place.store.snapshot().tables["orders"].columns) == {"id": "BIGINT"}


def test_a_type_that_the_definition_changes_asks_for_a_full_load(place: Place):
    place.write("in/a.csv", HEAD + line(1))
    place.load(CSV)
    changed = {**CSV, "columns": {**COLUMNS, "amount": "DOUBLE"}}
    place.write("in/b.csv", HEAD + line(2))
    with pytest.raises(DataError, match="is DECIMAL") as caught:
        place.load(changed)
    assert "full=True" in caught.value.hint
    place.load(changed, full=True)
    assert dict(place.store.snapshot().tables["orders"].columns)["amount"] == "DOUBLE"


def test_typed_parquet_becomes_what_is_declared_only_where_nothing_is_lost(place: Place):
    import pyarrow as pa
    import pyarrow.parquet as pq

    (place.folder / "in").mkdir()
    table = pa.table({"id": pa.array([1, 2, 300], pa.int32()), "amount": [1.5, 2.25, 1.0], "at": ["2026-01-01"] * 3})
    pq.write_table(table, place.folder / "in" / "a.parquet")
    columns = {"id": "UTINYINT", "amount": "DECIMAL(9,1)", "at": "DATE"}
    report = place.load({"kind": "files", "path": "in/a.parquet", "columns": columns})
    assert (report.rows, report.rejected) == (1, 2)
    reasons = " ".join(reason for _, _, reason, _ in place.rejects())
    assert "'300' is no UTINYINT" in reasons
    assert "'2.25' is no DECIMAL(9,1)" in reasons
