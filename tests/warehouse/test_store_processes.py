"""The store under many processes, kills and a full disk."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import pytest

from steelyard.errors import WarehouseError
from steelyard.warehouse import Store

APPEND = """
import sys
from steelyard.warehouse import Store
store, who, count = Store.open(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
def add(change):
    change.create("rows", f"SELECT {who}::INTEGER AS who, {i}::INTEGER AS i", mode="append")
    change.state["total"] = change.state.get("total", 0) + 1
for i in range(count):
    store.write(f"{who} {i}", add, attempts=500)
    print(i, flush=True)
"""

TWO_TABLES = """
import sys
from steelyard.warehouse import Store
store = Store.open(sys.argv[1])
i = store.snapshot().number
print("ready", flush=True)
while True:
    i += 1
    with store.transaction(f"step {i}") as change:
        change.create("left", f"SELECT {i} AS step, x FROM range(2000) t(x)", details={"step": i})
        change.create("right", f"SELECT {i} AS step, x FROM range(2000) t(x)")
        change.state["step"] = i
    print(i, flush=True)
"""

READ = """
import sys, time
from steelyard.warehouse import Store
store, until, seen = Store.open(sys.argv[1]), time.time() + 90, set()
while len(seen) < 5 and time.time() < until:
    with store.warehouse(threads=1) as warehouse:
        sql = 'SELECT min(step) AS low, max(step) AS high, count(*) AS n FROM "{0}"'
        left, right = (tuple(warehouse.fetch(sql.format(t)).to_pylist()[0].values()) for t in ("left", "right"))
    if left != right or left[0] != left[1] or left[2] != 2000:
        sys.exit(f"{left} is not {right}")
    seen.add(left)
print(len(seen))
"""


def start(code: str, *arguments: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def finish(process: subprocess.Popen[str], timeout: float = 120) -> str:
    out, err = process.communicate(timeout=timeout)
    assert process.returncode == 0, err
    return out


def kill(process: subprocess.Popen[str]) -> str:
    process.kill()
    return process.communicate()[0]


def sound(store: Store) -> None:
    """Every version that remains can be read, and its rows are those that its record says."""
    for snapshot in store.history():
        with store.warehouse(snapshot.number) as warehouse:
            for name, table in snapshot.tables.items():
                counted = warehouse.fetch(f'SELECT count(*) AS n FROM "{name}"')["n"][0].as_py()
                assert counted == table.rows


def test_three_processes_commit_twenty_times_each_and_all_sixty_are_there(tmp_path: Path) -> None:
    store = Store.open(tmp_path)
    workers = [start(APPEND, tmp_path, who, 20) for who in range(3)]
    outcomes = [worker.communicate(timeout=120)[1] for worker in workers]
    assert [worker.returncode for worker in workers] == [0, 0, 0], outcomes
    with store.warehouse() as warehouse:
        rows = warehouse.fetch("SELECT who, i FROM rows ORDER BY who, i").to_pylist()
    assert [(row["who"], row["i"]) for row in rows] == [(who, i) for who in range(3) for i in range(20)]
    assert store.snapshot().state == {"total": 60}
    assert store.snapshot().number == 60


def test_readers_in_other_processes_always_see_two_tables_of_one_version(tmp_path: Path) -> None:
    writer = start(TWO_TABLES, tmp_path)
    assert writer.stdout is not None
    assert (writer.stdout.readline(), writer.stdout.readline()) == ("ready\n", "1\n")
    readers = [start(READ, tmp_path) for _ in range(2)]
    outcomes = [reader.communicate(timeout=120) for reader in readers]
    kill(writer)
    assert [reader.returncode for reader in readers] == [0, 0], outcomes
    seen = [int(out) for out, _ in outcomes]
    assert seen == [5, 5], "the readers saw too few versions: nothing was tested"


def killed_at_random(folder: Path, times: int, seed: int) -> None:
    store, rng, acknowledged = Store.open(folder), random.Random(seed), 0
    for attempt in range(times):
        writer = start(TWO_TABLES, folder)
        assert writer.stdout is not None
        assert writer.stdout.readline() == "ready\n"
        time.sleep(rng.uniform(0, 0.25))
        lines = kill(writer).split()
        acknowledged = int(lines[-1]) if lines else acknowledged
        snapshot = store.snapshot()
        assert snapshot.number >= acknowledged, f"kill {attempt} lost an acknowledged commit"
        if snapshot.number:
            step = snapshot.state["step"]
            assert snapshot.tables["left"].details == {"step": step}
            with store.warehouse() as warehouse:
                sql = 'SELECT DISTINCT "left".step AS a, "right".step AS b FROM "left" JOIN "right" USING (x)'
                assert warehouse.fetch(sql).to_pylist() == [{"a": step, "b": step}]
    before = store.snapshot()
    sound(store)
    store.clean(grace=timedelta(0))
    sound(store)
    assert store.snapshot() == before
    assert not list((folder / "staging").iterdir())
    used = {file.path for item in store.history() for table in item.tables.values() for file in table.files}
    assert {str(path.relative_to(folder)) for path in (folder / "data").rglob("*.parquet")} == used


def test_kills_at_random_moments_lose_nothing_and_break_nothing(tmp_path: Path) -> None:
    killed_at_random(tmp_path, 25, seed=1)


@pytest.mark.slow
def test_many_more_kills_lose_nothing_and_break_nothing(tmp_path: Path) -> None:
    killed_at_random(tmp_path, 200, seed=2)


FULL = """
import resource, signal, sys
from steelyard.errors import WarehouseError
from steelyard.warehouse import Store
store = Store.open(sys.argv[1])
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), resource.RLIM_INFINITY))
try:
    with store.transaction("too big") as change:
        change.create("t", "SELECT hash(i) AS x, md5(i::VARCHAR) AS y FROM range(200000) t(i)")
        change.state["note"] = "x" * 100000
except WarehouseError as error:
    print(error.problem, "/", error.hint)
"""


@pytest.mark.parametrize("limit", [100_000, 8_000_000, 0])
def test_a_file_that_cannot_grow_fails_aloud_and_leaves_the_store_as_it_was(tmp_path: Path, limit: int) -> None:
    """The limit stops the rows, the log's entry, or everything."""
    store = Store.open(tmp_path)
    with store.transaction("before") as change:
        change.create("t", "SELECT 1 AS x")
    if limit == 8_000_000:
        code = FULL.replace("range(200000)", "range(200)").replace("8_000_000", "0")
        limit = 50_000
    else:
        code = FULL
    said = finish(start(code, tmp_path, limit))
    assert "full" in said or "too big" in said or "refused" in said
    assert "what was stored before is as it was" in said
    assert store.snapshot().number == 1
    sound(store)


def test_a_full_disk_fails_aloud_and_leaves_the_store_as_it_was(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(disk)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("mounting a small disk is not allowed here")
    try:
        store = Store.open(disk / "store")
        with store.transaction("before") as change:
            change.create("t", "SELECT 1 AS x")
        sql = "SELECT hash(i) AS x, md5(i::VARCHAR) AS y FROM range(400000) t(i)"
        with pytest.raises(WarehouseError, match="disk is full") as error, store.transaction("big") as change:
            change.create("t", sql)
        assert "what was stored before is as it was" in error.value.hint
        assert (store.snapshot().number, list((store.folder / "staging").iterdir())) == (1, [])
        with store.transaction("after") as change:
            change.create("t", "SELECT 2 AS x")
        sound(store)
    finally:
        subprocess.run(["umount", str(disk)], check=True)
