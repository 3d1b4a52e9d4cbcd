"""What `clean` takes away, and what it leaves."""

from __future__ import annotations

import os
import time
from datetime import timedelta
from pathlib import Path

import pytest

from steelyard.errors import DefinitionError, WarehouseError
from steelyard.warehouse import Store

NO_GRACE = timedelta(0)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store.open(tmp_path / "store")
    for value in range(1, 5):
        with store.transaction(f"version {value}") as change:
            change.create("t", f"SELECT {value} AS x")
            if value == 1:
                change.create("still", "SELECT 0 AS x")
    return store


def files(store: Store) -> set[str]:
    return {str(path.relative_to(store.folder)) for path in (store.folder / "data").rglob("*.parquet")}


def test_everything_is_kept_unless_it_is_asked_otherwise(store: Store) -> None:
    before = files(store)
    assert (store.clean(grace=NO_GRACE).versions, files(store)) == ((), before)


def test_old_versions_go_with_their_files_and_what_they_share_stays(store: Store) -> None:
    cleaned = store.clean(keep_last=2, grace=NO_GRACE)
    assert cleaned.versions == (0, 1, 2)
    assert cleaned.files == 4  # two files of t, and their records
    assert [item.number for item in store.history()] == [3, 4]
    with store.warehouse(3) as warehouse:
        assert warehouse.fetch("SELECT t.x AS a, still.x AS b FROM t, still").to_pylist() == [{"a": 3, "b": 0}]
    with pytest.raises(WarehouseError, match="version 1") as error:
        store.snapshot(1)
    assert error.value.hint == "versions 3 to 4 are kept"
    with store.transaction("goes on") as change:
        change.drop("t")
    assert store.snapshot().number == 5


def test_versions_that_are_cited_stay(store: Store) -> None:
    assert store.clean(keep_last=1, keep=[2], grace=NO_GRACE).versions == (0, 1, 3)
    with store.warehouse(2) as warehouse:
        assert warehouse.fetch("SELECT x FROM t").to_pylist() == [{"x": 2}]


def test_what_was_the_newest_a_moment_ago_stays_for_its_readers(store: Store) -> None:
    assert store.clean(keep_last=1).versions == ()


def test_files_that_no_version_names_go_once_they_are_old(store: Store) -> None:
    stray = store.folder / "data" / "t" / f"{'0' * 64}.parquet"
    stray.write_bytes(b"left by a killed writer")
    assert store.clean().files == 0
    os.utime(stray, (time.time() - 7200,) * 2)
    cleaned = store.clean()
    assert (cleaned.files, cleaned.bytes, stray.exists()) == (1, 23, False)


def test_the_folder_of_a_writer_that_was_killed_before_it_held_its_lock_goes(store: Store) -> None:
    (store.folder / "staging" / "1-dead").mkdir()
    store.clean(grace=NO_GRACE)
    assert list((store.folder / "staging").iterdir()) == []


def test_a_living_transaction_keeps_what_it_staged_and_what_it_reads(store: Store) -> None:
    change = store.transaction("slow")
    change.create("t", "SELECT x + 10 AS x FROM t")
    store.clean(keep_last=1, grace=NO_GRACE)
    change.commit()
    with store.warehouse() as warehouse:
        assert warehouse.fetch("SELECT x FROM t").to_pylist() == [{"x": 14}]


def test_the_last_version_cannot_be_cleaned_away(store: Store) -> None:
    with pytest.raises(DefinitionError, match="keep_last = 0"):
        store.clean(keep_last=0)
