"""A person's rows leave every kept version, and the ledger says so."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from steelyard.errors import UnknownNameError
from steelyard.warehouse import AppendLog, ConflictError, Ledger, Store, concerns, erase, erasures, finish_erasures

PERSON = 777_000_111


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store.open(tmp_path / "store")
    with store.transaction("one") as change:
        change.create("orders", f"SELECT i AS id, if(i % 4 = 0, {PERSON}, i) AS customer FROM range(20) t(i)")
        change.create("customers", f"SELECT {PERSON} AS id, 'Ann' AS name", details={"proofs": [{"examples": ["x"]}]})
        change.create("products", "SELECT 1 AS id")
    with store.transaction("two") as change:
        change.create("orders", "SELECT 100::BIGINT AS id, 5::BIGINT AS customer", mode="append")
    with store.transaction("three") as change:
        change.create("orders", f"SELECT 200::BIGINT AS id, {PERSON}::BIGINT AS customer, 'web' AS via", mode="append")
        change.create("rejects", f"SELECT 'bad;{PERSON};line' AS raw UNION ALL SELECT 'other'")
    return store


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger.open(tmp_path / "ledger.db")


WHERE = {"orders": "customer", "customers": "id", "rejects": "contains(raw, $person)"}


def parquet_values(store: Store) -> str:
    """Every value in every Parquet file of the store, as text."""
    import duckdb

    files = list((store.folder / "data").rglob("*.parquet"))
    return " ".join(str(duckdb.sql(f"FROM '{path}'").fetchall()) for path in files)


def test_the_rows_leave_every_version_and_nothing_else_does(store: Store, ledger: Ledger) -> None:
    before = store.history()
    done = erase(store, ledger, WHERE, PERSON, who="ann@shop", why="request 12")
    counts = {name: [] for name in ("orders", "customers", "products", "rejects")}
    for snapshot in store.history():
        with store.warehouse(snapshot.number) as warehouse:
            for name, table in snapshot.tables.items():
                assert warehouse.fetch(f"SELECT count(*) AS n FROM {name}").to_pylist() == [{"n": table.rows}]
                counts[name].append(table.rows)
    assert counts == {"orders": [15, 16, 16], "customers": [0, 0, 0], "products": [1, 1, 1], "rejects": [1]}
    assert {name: told["rows"] for name, told in done.tables.items()} == {"orders": 6, "customers": 1, "rejects": 1}
    assert done.tables["orders"]["versions"] == [1, 2, 3]
    assert [item.number for item in store.history()] == [item.number for item in before]
    assert store.snapshot(2).tables["products"] == before[2].tables["products"]


def test_no_file_of_the_store_or_the_ledger_holds_the_person(store: Store, ledger: Ledger) -> None:
    assert str(PERSON) in parquet_values(store)
    erase(store, ledger, WHERE, PERSON, who="ann@shop", why="request 12")
    ledger.close()
    assert str(PERSON) not in parquet_values(store)
    for path in (*store.folder.rglob("*"), store.folder.parent / "ledger.db"):
        if path.is_file():
            content = path.read_bytes()
            assert str(PERSON).encode() not in content
            assert PERSON.to_bytes(4, "little") not in content


def test_the_ledger_says_what_was_done_and_about_whom_only_to_who_knows(store: Store, ledger: Ledger) -> None:
    old = store.table("orders", 1)
    done = erase(store, ledger, WHERE, PERSON, who="ann@shop", why="request 12")
    (entry,) = ledger.entries(kind="erasure")
    assert (entry.body["who"], entry.body["why"], entry.body["number"]) == ("ann@shop", "request 12", 1)
    assert entry.body["tables"]["orders"]["ids"][old.version_id] == store.table("orders", 1).version_id
    assert concerns(done, PERSON)
    assert not concerns(done, PERSON + 1)
    assert erasures(store) == (done,)
    assert ledger.verify().ok


def test_a_version_says_that_rows_were_erased_from_it(store: Store, ledger: Ledger) -> None:
    old = store.table("orders", 1)
    erase(store, ledger, WHERE, PERSON, who="ann", why="request")
    with store.warehouse(1) as warehouse:
        version = warehouse.version("orders")
    assert version.fingerprint != old.fingerprint
    (note,) = version.erased  # type: ignore[attr-defined]
    assert (note["erasure"], note["rows"], note["was"]) == (1, 5, old.version_id)
    assert store.table("products", 1).erased == ()


def test_the_fingerprint_is_that_of_the_rows_that_remain(store: Store, ledger: Ledger) -> None:
    erase(store, ledger, WHERE, PERSON, who="ann", why="request")
    with store.transaction("again") as change:
        whole = change.create("whole", "SELECT * FROM orders")
    assert whole.fingerprint == store.table("orders").fingerprint


def test_examples_in_the_details_are_blanked(store: Store, ledger: Ledger) -> None:
    erase(store, ledger, WHERE, PERSON, who="ann", why="request")
    assert store.table("customers", 1).details == {"proofs": [{"examples": []}]}


def test_a_second_person_can_be_erased_after_the_first(store: Store, ledger: Ledger) -> None:
    for person in (PERSON, 5):
        erase(store, ledger, {"orders": "customer"}, person, who="ann", why="request")
    assert [store.table("orders", number).rows for number in (1, 2, 3)] == [14, 14, 14]
    assert [note["erasure"] for note in store.table("orders", 1).erased] == [1, 2]


def test_append_logs_are_reached_too(store: Store, ledger: Ledger, tmp_path: Path) -> None:
    log = AppendLog(tmp_path / "logs", "exposures")
    log.append([{"id": 1, "customer": PERSON}, {"id": 2, "customer": 6}])
    done = erase(store, ledger, {"customers": "id"}, PERSON, who="ann", why="request", logs=[(log, "customer")])
    assert done.logs == {"exposures": 1}
    assert str(PERSON) not in log.segments()[0].path.read_text()


def test_a_transaction_that_began_before_cannot_bring_the_rows_back(store: Store, ledger: Ledger) -> None:
    late = store.transaction("derived")
    late.create("copy", "SELECT * FROM orders")
    erase(store, ledger, WHERE, PERSON, who="ann", why="request")
    with pytest.raises(ConflictError, match="erased"):
        late.commit()
    assert "copy" not in store.snapshot().tables


def test_a_person_of_whom_nothing_is_kept_changes_nothing_and_is_recorded(store: Store, ledger: Ledger) -> None:
    before = store.history()
    done = erase(store, ledger, {"orders": "customer"}, 4242, who="ann", why="request")
    assert (done.tables["orders"]["rows"], store.history()) == (0, before)
    assert len(ledger.entries(kind="erasure")) == 1


def test_unknown_tables_and_columns_are_named_and_nothing_is_done(store: Store, ledger: Ledger) -> None:
    with pytest.raises(UnknownNameError, match="'order'") as error:
        erase(store, ledger, {"order": "customer"}, PERSON, who="ann", why="request")
    assert "orders" in error.value.hint
    with pytest.raises(UnknownNameError, match="'custmer'"):
        erase(store, ledger, {"orders": "custmer"}, PERSON, who="ann", why="request")
    assert (erasures(store), ledger.entries()) == ((), ())


def test_a_condition_cannot_be_escaped_by_an_id(store: Store, ledger: Ledger) -> None:
    done = erase(store, ledger, {"rejects": "raw = $person"}, "x' OR '1'='1", who="ann", why="request")
    assert done.tables["rejects"]["rows"] == 0


def test_an_erasure_that_was_cut_short_is_completed(store: Store, tmp_path: Path) -> None:
    """The entry and the removal of the old files come after the erasure stands: stop right between."""
    code = (
        "import sys, os\n"
        "from steelyard.warehouse import Store, Ledger\n"
        "import steelyard.warehouse.erasure as erasure\n"
        "calls = []\n"
        "finish = erasure.finish_erasures\n"
        "def die(*a):\n"
        "    calls.append(a)\n"
        "    return finish(*a) if len(calls) == 1 else os._exit(9)\n"
        "erasure.finish_erasures = die\n"
        "erasure.erase(Store.open(sys.argv[1]), Ledger.open(sys.argv[2]), {'orders': 'customer'}, "
        f"{PERSON}, who='ann', why='request')\n"
    )
    command = [sys.executable, "-c", code, str(store.folder), str(tmp_path / "ledger.db")]
    assert subprocess.run(command, check=False).returncode == 9
    with Ledger.open(tmp_path / "ledger.db") as ledger:
        assert [store.table("orders", number).rows for number in (1, 2, 3)] == [15, 16, 16]
        assert ledger.entries() == ()
        assert len(finish_erasures(store, ledger)) == 1
        assert finish_erasures(store, ledger) == ()
        assert len(ledger.entries(kind="erasure")) == 1
    used = {file.path for item in store.history() for table in item.tables.values() for file in table.files}
    assert {str(path.relative_to(store.folder)) for path in (store.folder / "data").rglob("*.parquet")} == used


def test_an_erasure_killed_at_any_moment_is_whole_or_not_there(store: Store, tmp_path: Path) -> None:
    """Killed by the n-th call into the file system that makes something durable."""
    code = (
        "import sys, os\n"
        "from steelyard.warehouse import Store, Ledger, erase\n"
        "left, sync = [int(sys.argv[3])], os.fsync\n"
        "def fsync(descriptor):\n"
        "    left[0] -= 1\n"
        "    if left[0] < 0: os._exit(9)\n"
        "    sync(descriptor)\n"
        "os.fsync = fsync\n"
        f"erase(Store.open(sys.argv[1]), Ledger.open(sys.argv[2]), {WHERE!r}, {PERSON}, who='ann', why='request')\n"
    )
    seen, moment = set(), 0
    while True:
        command = [sys.executable, "-c", code, str(store.folder), str(tmp_path / "ledger.db"), str(moment)]
        outcome = subprocess.run(command, check=False).returncode
        rows = [store.table("orders", number).rows for number in (1, 2, 3)]
        rows.append(store.table("customers", 3).rows)
        assert rows in ([20, 21, 22, 1], [15, 16, 16, 0])
        seen.add(tuple(rows))
        if outcome == 0 or rows[0] == 15:
            break
        moment += 3
    with Ledger.open(tmp_path / "ledger.db") as ledger:
        finish_erasures(store, ledger)
        assert len(ledger.entries(kind="erasure")) == 1
    assert len(seen) == 2
    assert str(PERSON) not in parquet_values(store)
