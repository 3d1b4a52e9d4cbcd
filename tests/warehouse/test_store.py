"""The store: versions, transactions, conflicts."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from steelyard.canonical import canonical_json, digest_of_bytes
from steelyard.errors import DataError, DefinitionError, UnknownNameError, WarehouseError
from steelyard.warehouse import ConflictError, Query, Store, connect
from steelyard.warehouse.compaction import MANY_FILES


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store.open(tmp_path / "store")


def rows_of(store: Store, sql: str, number: int | None = None) -> list[tuple[object, ...]]:
    with store.warehouse(number) as warehouse:
        return [tuple(row.values()) for row in warehouse.fetch(sql).to_pylist()]


def make(store: Store, name: str, sql: str) -> None:
    with store.transaction(f"make {name}") as change:
        change.create(name, sql)


def test_a_store_whose_folder_is_gone_says_so_and_makes_none_in_its_place(store: Store, tmp_path: Path) -> None:
    make(store, "numbers", "SELECT 1 AS one")
    (tmp_path / "store").rename(tmp_path / "elsewhere")
    with pytest.raises(WarehouseError, match="the store is gone") as caught:
        store.snapshot()
    assert "refresh" in caught.value.hint
    assert not (tmp_path / "store").exists()
    (tmp_path / "elsewhere").rename(tmp_path / "store")
    assert rows_of(store, "SELECT one FROM numbers") == [(1,)]


def test_an_empty_store_has_version_0_and_no_tables(store: Store) -> None:
    assert (store.snapshot().number, dict(store.snapshot().tables), store.snapshot().parent) == (0, {}, None)


def test_every_older_version_stays_readable(store: Store) -> None:
    for value in (1, 2, 3):
        make(store, "t", f"SELECT {value} AS x")
    assert [rows_of(store, "SELECT x FROM t", number) for number in (1, 2, 3)] == [[(1,)], [(2,)], [(3,)]]
    assert [item.number for item in store.history()] == [0, 1, 2, 3]


def test_an_open_reader_keeps_its_version_while_another_is_published(store: Store) -> None:
    make(store, "t", "SELECT 1 AS x")
    with store.warehouse() as reader:
        make(store, "t", "SELECT 2 AS x")
        assert reader.fetch("SELECT x FROM t").to_pylist() == [{"x": 1}]
        assert reader.version("t") == store.snapshot(1).tables["t"]


def test_connect_opens_a_stores_folder(store: Store) -> None:
    make(store, "t", "SELECT 1 AS x")
    with connect(str(store.folder)) as warehouse:
        assert warehouse.tables() == ("t",)
        assert warehouse.version("t").fingerprint == store.table("t").fingerprint


def test_a_published_table_cannot_be_written_through_a_reader(store: Store) -> None:
    make(store, "t", "SELECT 1 AS x")
    with store.warehouse() as warehouse, pytest.raises(WarehouseError, match="read-only"):
        warehouse.write("t", pa.table({"x": [2]}))


def test_the_same_rows_have_the_same_fingerprint_however_they_came_in(store: Store) -> None:
    with store.transaction("one way") as change:
        whole = change.create("whole", "SELECT i, 'k' || i AS k FROM range(1000) t(i)")
        change.create("parts", "SELECT i, 'k' || i AS k FROM range(400, 1000) t(i)")
        parts = change.create("parts", "SELECT 'k' || i AS k, i FROM range(400) t(i)", mode="append")
        arrow = change.create(
            "arrow", pa.table({"k": [f"k{i}" for i in range(1000)], "i": pa.array(range(1000), "int64")})
        )
    assert whole.fingerprint == parts.fingerprint == arrow.fingerprint
    assert len({whole.version_id, parts.version_id, arrow.version_id}) == 3
    assert len(parts.files) == 2


def test_columns_are_read_by_name_when_files_have_them_in_another_order(store: Store) -> None:
    with store.transaction("two orders") as change:
        change.create("t", "SELECT 1 AS a, 2 AS b")
        change.create("t", "SELECT 20 AS b, 10 AS a", mode="append")
    assert rows_of(store, "SELECT a, b FROM t ORDER BY a") == [(1, 2), (10, 20)]


def test_rows_appended_twice_are_there_twice(store: Store) -> None:
    for _ in range(2):
        with store.transaction("again") as change:
            change.create("t", "SELECT 1 AS x", mode="append")
    assert rows_of(store, "SELECT count(*) FROM t") == [(2,)]
    assert store.table("t").rows == 2


def test_an_append_shares_the_files_that_were_there(store: Store) -> None:
    make(store, "t", "SELECT 1 AS x")
    with store.transaction("more") as change:
        change.create("t", "SELECT 2 AS x", mode="append")
    before, after = store.snapshot(1).tables["t"].files, store.snapshot(2).tables["t"].files
    assert before == after[:1]
    assert len(list((store.folder / "data").glob("*/*.parquet"))) == 2


def test_a_new_column_is_null_in_the_rows_that_were_there_and_counts_in_the_fingerprint(store: Store) -> None:
    make(store, "t", "SELECT 1 AS x")
    with store.transaction("drift") as change:
        grown = change.create("t", "SELECT 2 AS x, 'web' AS source", mode="append")
        whole = change.create("whole", "SELECT 1 AS x, NULL::VARCHAR AS source UNION ALL SELECT 2, 'web'")
    assert rows_of(store, "SELECT x, source FROM t ORDER BY x") == [(1, None), (2, "web")]
    assert grown.fingerprint == whole.fingerprint
    assert rows_of(store, "SELECT * FROM t", 1) == [(1,)]


@pytest.mark.parametrize(
    ("sql", "says"),
    [("SELECT 1 AS y", "no column 'x'"), ("SELECT 'a' AS x", "is INTEGER, and the new rows have VARCHAR")],
)
def test_an_append_that_does_not_fit_is_refused_and_nothing_is_stored(store: Store, sql: str, says: str) -> None:
    make(store, "t", "SELECT 1 AS x")
    with pytest.raises(DataError, match=says), store.transaction("bad") as change:
        change.create("t", sql, mode="append")
    assert store.snapshot().number == 1


def test_replace_where_takes_the_rows_for_which_the_predicate_is_true_and_no_others(store: Store) -> None:
    with store.transaction("days") as change:
        for day in range(3):
            change.create("t", f"SELECT {day} AS day, i AS x FROM range(10) r(i)", mode="append")
        change.create("t", "SELECT NULL::INTEGER AS day, 99::BIGINT AS x", mode="append")
    files = store.table("t").files
    with store.transaction("day 1 again") as change:
        table = change.replace_where("t", "day = 1", "SELECT 1 AS day, 7::BIGINT AS x")
    assert rows_of(store, "SELECT day, count(*) FROM t GROUP BY day ORDER BY day NULLS LAST") == [
        (0, 10),
        (1, 1),
        (2, 10),
        (None, 1),
    ]
    assert table.files[:3] == (files[0], files[2], files[3])
    with store.transaction("half a file") as change:
        change.replace_where("t", "day = 2 AND x < 5", "SELECT * FROM t WHERE false")
    assert rows_of(store, "SELECT sum(x)::BIGINT FROM t WHERE day = 2") == [(35,)]


def test_replace_where_may_leave_nothing(store: Store) -> None:
    make(store, "t", "SELECT 1 AS x")
    with store.transaction("empty it") as change:
        change.replace_where("t", "true", "SELECT * FROM t WHERE false")
    assert rows_of(store, "SELECT count(*) FROM t") == [(0,)]
    assert dict(store.table("t").columns) == {"x": "INTEGER"}


def test_a_transaction_sees_what_it_has_staged_and_nobody_else_does(store: Store) -> None:
    with store.transaction("two steps") as change:
        change.create("a", "SELECT 1 AS x")
        change.create("b", "SELECT x + 1 AS y FROM a")
        assert change.warehouse.fetch("SELECT y FROM b").to_pylist() == [{"y": 2}]
        assert change.warehouse.version("b").rows == 1
        assert store.snapshot().number == 0
    assert store.snapshot().number == 1


def test_temporary_work_of_a_transaction_can_be_a_source(store: Store) -> None:
    with store.transaction("temp") as change:
        change.execute("CREATE TEMP TABLE scratch AS SELECT 5 AS x")
        change.create("t", Query(sql="SELECT x FROM scratch WHERE x > $least", parameters={"least": 4}))
    assert rows_of(store, "SELECT x FROM t") == [(5,)]


def test_rows_can_come_from_a_stream(store: Store) -> None:
    batches = [pa.record_batch({"x": pa.array([i, i + 1], "int64")}) for i in (0, 2)]
    with store.transaction("stream") as change:
        change.create("t", pa.RecordBatchReader.from_batches(batches[0].schema, batches))
    assert rows_of(store, "SELECT sum(x)::BIGINT FROM t") == [(6,)]


def test_an_exception_discards_everything(store: Store) -> None:
    def fails() -> None:
        with store.transaction("fails") as change:
            change.create("t", "SELECT 1 AS x")
            change.state["load/t"] = {"cursor": 1}
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fails()
    assert store.snapshot().number == 0
    assert not list((store.folder / "staging").iterdir())
    assert not list((store.folder / "data").rglob("*.parquet"))


def test_a_dropped_table_is_gone_from_the_new_version_only(store: Store) -> None:
    make(store, "t", "SELECT 1 AS x")
    with store.transaction("drop") as change:
        change.drop("t")
    assert "t" not in store.snapshot().tables
    assert rows_of(store, "SELECT x FROM t", 1) == [(1,)]
    with pytest.raises(UnknownNameError), store.transaction("again") as change:
        change.drop("t")


def test_state_and_tables_are_published_together(store: Store) -> None:
    with store.transaction("load") as change:
        change.create("t", "SELECT 1 AS x")
        change.state["load/t"] = {"cursor": datetime(2026, 1, 1, tzinfo=UTC), "sum": Decimal("1.10")}
    assert store.snapshot().state == {"load/t": {"cursor": "2026-01-01T00:00:00+00:00", "sum": "1.10"}}
    with store.transaction("forget") as change:
        del change.state["load/t"]
    assert store.snapshot().state == {}


def test_a_transaction_that_changes_nothing_makes_no_version(store: Store) -> None:
    with store.transaction("nothing") as change:
        assert change.warehouse.tables() == ()
    assert store.snapshot().number == 0


def test_writers_of_other_tables_and_states_both_commit(store: Store) -> None:
    one, two = store.transaction("one"), store.transaction("two")
    one.create("a", "SELECT 1 AS x")
    one.state["a"] = 1
    two.create("b", "SELECT 2 AS x")
    two.state["b"] = 2
    assert (one.commit().number, two.commit().number) == (1, 2)
    assert sorted(store.snapshot().tables) == ["a", "b"]
    assert store.snapshot().state == {"a": 1, "b": 2}


def test_the_second_writer_of_a_table_is_told_who_came_first(store: Store) -> None:
    one, two, three = (store.transaction(f"load by {who}") for who in ("ann", "bob", "eve"))
    one.create("a", "SELECT 1 AS x")
    two.create("a", "SELECT 2 AS x")
    three.state["cursor"] = 3
    one.state["cursor"] = 1
    one.commit()
    for late, what in ((two, "table 'a'"), (three, "state 'cursor'")):
        with pytest.raises(ConflictError, match=rf"version 1 \(load by ann\) changed {what}"):
            late.commit()
    assert rows_of(store, "SELECT x FROM a") == [(1,)]


def test_write_does_the_work_again_after_a_conflict(store: Store) -> None:
    make(store, "t", "SELECT 1 AS x")
    tries = []

    def add(change: object) -> None:
        tries.append(change)
        if len(tries) == 1:
            make(store, "t", "SELECT 10 AS x")
        change.create("t", "SELECT x + 1 AS x FROM t")  # type: ignore[attr-defined]

    store.write("add one", add)
    assert (len(tries), rows_of(store, "SELECT x FROM t")) == (2, [(11,)])


def test_a_strange_table_name_is_just_a_name(store: Store) -> None:
    for name in ("order; drop table x", "../../etc/passwd", 'quo"te', "ünï 表"):
        make(store, name, "SELECT 1 AS x")
    assert len(store.snapshot().tables) == 4
    assert rows_of(store, 'SELECT x FROM "../../etc/passwd"') == [(1,)]
    assert {path.parent.parent for path in store.folder.parent.rglob("*.parquet")} == {store.folder / "data"}


def test_tables_that_differ_in_case_alone_are_refused(store: Store) -> None:
    make(store, "Orders", "SELECT 1 AS x")
    with pytest.raises(DefinitionError, match="upper and lower case"), store.transaction("clash") as change:
        change.create("orders", "SELECT 1 AS x")


@pytest.mark.parametrize(
    ("expression", "kind", "value"),
    [
        ("sum(x)", "BIGINT", 6),
        ("'ok'::ENUM('sad', 'ok')", "VARCHAR", "ok"),
        ("12.50::DECIMAL(38,2)", "DECIMAL(38,2)", Decimal("12.50")),
        ("9007199254740993::HUGEINT", "BIGINT", 9007199254740993),
        ("[1, 2]::INTEGER[2]", "INTEGER[]", [1, 2]),
    ],
)
def test_types_that_parquet_has_not_become_the_nearest_exact_one(
    store: Store, expression: str, kind: str, value: object
) -> None:
    make(store, "t", f"SELECT {expression} AS v FROM (VALUES (1), (2), (3)) r(x) GROUP BY ALL")
    assert dict(store.table("t").columns) == {"v": kind}
    assert rows_of(store, "SELECT v FROM t")[0] == (value,)


@pytest.mark.parametrize("expression", ["INTERVAL '1 day'", "NULL", "'12:00+01'::TIMETZ", "[1::HUGEINT]"])
def test_a_type_that_would_be_kept_otherwise_is_refused(store: Store, expression: str) -> None:
    with pytest.raises(DataError, match="which Parquet does not keep exactly"):
        make(store, "t", f"SELECT {expression} AS v")


def test_an_integer_sum_that_does_not_fit_fails_aloud(store: Store) -> None:
    with pytest.raises(DataError):
        make(store, "t", "SELECT sum(x) AS v FROM (VALUES (9223372036854775807), (1)) r(x)")


def test_details_are_kept_with_the_version_and_an_append_keeps_them(store: Store) -> None:
    with store.transaction("details") as change:
        change.create("t", "SELECT 1 AS x", details={"sql": "SELECT 1", "tests": [{"ok": True}]})
        change.create("t", "SELECT 2 AS x", mode="append")
    assert store.table("t").details == {"sql": "SELECT 1", "tests": [{"ok": True}]}


def test_as_of_gives_the_version_that_was_the_newest_then(store: Store) -> None:
    for value in (1, 2):
        make(store, "t", f"SELECT {value} AS x")
    first, second = (datetime.fromisoformat(store.snapshot(number).published_at) for number in (1, 2))
    assert store.snapshot(as_of=first).number == 1
    assert store.snapshot(as_of=second - timedelta(microseconds=1)).number == 1
    assert store.snapshot(as_of=second).number == 2
    with pytest.raises(WarehouseError, match="nothing was published by"):
        store.snapshot(as_of=datetime(2000, 1, 1, tzinfo=UTC))
    with pytest.raises(DefinitionError, match="no time zone"):
        store.snapshot(as_of=datetime(2030, 1, 1))  # noqa: DTZ001


def test_many_small_files_are_put_together_and_the_rows_stay(store: Store) -> None:
    for value in range(2 * MANY_FILES + 3):
        with store.transaction(f"row {value}") as change:
            change.create("t", f"SELECT {value} AS x", mode="append")
    table = store.table("t")
    assert len(table.files) < MANY_FILES
    assert rows_of(store, "SELECT count(*), sum(x)::BIGINT FROM t") == [(35, 595)]
    make(store, "whole", "SELECT x FROM t")
    assert store.table("whole").fingerprint == table.fingerprint


def test_a_version_that_is_not_there_is_named_with_those_that_are(store: Store) -> None:
    with pytest.raises(WarehouseError, match="version 7") as error:
        store.snapshot(7)
    assert error.value.hint == "versions 0 to 0 are kept"


def test_a_folder_that_holds_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("dear")
    with pytest.raises(WarehouseError, match=r"letter\.txt"):
        Store.open(tmp_path)
    with pytest.raises(WarehouseError, match="no store here"):
        Store.open(tmp_path / "absent", create=False)


def test_a_newer_format_is_refused(store: Store) -> None:
    (store.folder / "store.json").write_text(json.dumps({"format": 99}))
    with pytest.raises(WarehouseError, match="has format 99") as error:
        Store.open(store.folder)
    assert "newer Steelyard" in error.value.hint


def test_a_store_of_the_first_format_is_migrated(tmp_path: Path) -> None:
    """Format 1, written by hand: it knew no erasures."""
    folder = tmp_path / "old"
    for name in ("log", "tables", "data/t", "staging"):
        (folder / name).mkdir(parents=True)
    duckdb.sql("SELECT 7 AS x").write_parquet(str(folder / "data/t/a.parquet"))
    columns, files = (
        {"x": "INTEGER"},
        [{"path": "data/t/a.parquet", "rows": 1, "bytes": 1, "sha256": "a", "total": "1"}],
    )
    record = canonical_json(
        {"name": "t", "version_id": "v", "fingerprint": "f", "rows": 1, "published_at": "2026-01-01T00:00:00+00:00"}
        | {"files": files, "columns": [list(item) for item in columns.items()], "details": {}, "erased": []}
    ).encode()
    (folder / "tables" / f"{digest_of_bytes(record)}.json").write_bytes(record)
    entry = {"format": 1, "number": 0, "parent": None, "published_at": "2026-01-01T00:00:00+00:00", "says": "old"}
    tables = {"tables": {"t": digest_of_bytes(record)}, "state": {"load/t": 1}}
    (folder / "log" / f"{0:020d}.json").write_text(json.dumps(entry | tables))
    (folder / "store.json").write_text(json.dumps({"format": 1}))
    store = Store.open(folder)
    assert json.loads((folder / "store.json").read_text())["format"] == 2
    assert rows_of(store, "SELECT x FROM t") == [(7,)]
    assert (store.snapshot().says, store.snapshot().state) == ("old", {"load/t": 1})
    make(store, "u", "SELECT 1 AS x")
    assert sorted(store.snapshot().tables) == ["t", "u"]


def test_a_log_entry_of_a_newer_format_is_refused(store: Store) -> None:
    (store.folder / "log" / f"{1:020d}.json").write_text(json.dumps({"format": 2}))
    with pytest.raises(WarehouseError, match="entry 1 of the store's log has format 2"):
        store.snapshot()


def test_a_damaged_record_is_found(store: Store) -> None:
    make(store, "t", "SELECT 1 AS x")
    (record,) = (store.folder / "tables").iterdir()
    record.write_text(record.read_text().replace('"rows":1', '"rows":2'))
    with pytest.raises(WarehouseError, match="damaged"):
        Store.open(store.folder).snapshot()


def test_threads_with_cursors_of_their_own_build_at_once(store: Store) -> None:
    from concurrent.futures import ThreadPoolExecutor

    with store.transaction("parallel") as change:
        connection = change.connection

        def build(number: int) -> None:
            change.create(f"t{number}", f"SELECT {number} AS x FROM range(1000)", cursor=connection.cursor())

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(build, range(12)))
    assert {table.rows for table in store.snapshot().tables.values()} == {1000}
    assert len(store.snapshot().tables) == 12


STEPS = st.lists(
    st.tuples(st.sampled_from(["append", "replace", "where"]), st.lists(st.integers(0, 5), max_size=6)), max_size=6
)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(STEPS)
def test_any_run_of_changes_gives_what_a_list_gives(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, list[int]]]
) -> None:
    store, expected = Store.open(tmp_path_factory.mktemp("store")), []
    make(store, "t", "SELECT 0::BIGINT AS x WHERE false")
    for how, values in steps:
        rows = pa.table({"x": pa.array(values, "int64")})
        with store.transaction(how) as change:
            if how == "where":
                change.replace_where("t", "x >= 3", rows)
                expected = [value for value in expected if value < 3] + values
            else:
                change.create("t", rows, mode=how)  # type: ignore[arg-type]
                expected = expected + values if how == "append" else values
    assert [row[0] for row in rows_of(store, "SELECT x FROM t ORDER BY x")] == sorted(expected)
    make(store, "whole", f"SELECT unnest({expected}::BIGINT[]) AS x")
    assert store.table("whole").fingerprint == store.table("t").fingerprint


@pytest.mark.parametrize("damage", ["cut short", "missing"])
def test_a_damaged_file_is_an_error_that_names_the_table(store: Store, damage: str) -> None:
    make(store, "t", "SELECT range AS id FROM range(10)")
    (file,) = (store.folder / "data" / "t").glob("*.parquet")
    if damage == "missing":
        file.unlink()
    else:
        file.chmod(0o644)
        file.write_bytes(file.read_bytes()[:100])
    with pytest.raises(WarehouseError) as caught:
        store.warehouse()
    assert "'t'" in caught.value.problem
    assert caught.value.hint
