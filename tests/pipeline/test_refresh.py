"""A refresh: loads, builds, what it says of published numbers, and what a kill leaves."""

# ruff: noqa: E501  (SQL reads best on one line)

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from steelyard.errors import DefinitionError, UnknownNameError
from steelyard.pipeline.load import load
from steelyard.pipeline.refresh import refresh
from steelyard.pipeline.source_definition import read_source_file
from steelyard.pipeline.table_definition import parse_table
from steelyard.warehouse import Store
from steelyard.warehouse.ledger import Ledger

NOW = datetime(2026, 1, 10, tzinfo=UTC)
SOURCES = """
orders_file: {kind: files, path: orders.csv, table: raw_orders, key: id, columns: {id: BIGINT, person: BIGINT, amount: "DECIMAL(12,2)"}}
raw_people: {kind: files, path: people.csv, key: person, columns: {person: BIGINT, country: VARCHAR}}
"""
TABLES = (
    ("orders", "-- key: id\n-- tests: [{accepted_range: {column: amount, low: 0}}]\nSELECT * FROM raw_orders"),
    ("people", "-- key: person\nSELECT * FROM raw_people"),
    ("by_country", "-- key: country\nSELECT country, sum(amount) AS amount FROM orders JOIN people USING (person) GROUP BY ALL"),
    ("countries", "SELECT DISTINCT country FROM people"),
)  # fmt: skip
METRICS = {"orders": ["revenue", "orders"], "by_country": ["revenue_by_country"], "countries": ["countries"]}


class Shop:
    """A folder with two files, a store and a ledger."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.store, self.ledger = Store.open(folder / "store"), Ledger.open(folder / "ledger.db")
        self.write("orders.csv", "id,person,amount\n1,1,10.00\n2,2,5.50\n")
        self.write("people.csv", "person,country\n1,DE\n2,FR\n")
        (folder / "sources.yml").write_text("sources:" + SOURCES.replace("\n", "\n  "))

    def write(self, name: str, text: str) -> None:
        (self.folder / name).write_text(text)

    def refresh(self, **options):
        sources = read_source_file(self.folder / "sources.yml")
        tables = [parse_table(name, text, path=f"tables/{name}.sql") for name, text in TABLES]
        given = {"project_folder": self.folder, "as_of": NOW, "metrics_of": METRICS, **options}
        return refresh(sources, tables, self.store, **given)

    def rows(self, sql: str):
        with self.store.warehouse() as warehouse:
            return [tuple(row.values()) for row in warehouse.fetch(sql).to_pylist()]


@pytest.fixture
def shop(tmp_path):
    return Shop(tmp_path)


def test_a_refresh_loads_and_builds_and_is_recorded(shop):
    report = shop.refresh(ledger=shop.ledger)
    assert not report.failed
    assert {load.table: (load.status, load.rows) for load in report.loads} == {
        "raw_orders": ("loaded", 2),
        "raw_people": ("loaded", 2),
    }
    assert {str(country): float(amount) for country, amount in shop.rows("SELECT * FROM by_country")} == {
        "DE": 10.0,
        "FR": 5.5,
    }
    entry = shop.ledger.latest("refresh", "refresh")
    assert entry is not None
    assert (entry.digest, entry.body["snapshot"], entry.body["failed"]) == (report.entry, report.snapshot, False)
    assert entry.body["tables"]["orders"]["version_id"] == shop.store.snapshot().tables["orders"].version_id
    assert report.path.tables[0] in ("raw_orders", "raw_people")
    assert report.path.tables[-1] in ("by_country", "countries")


def test_a_second_run_does_nothing_and_knows_when_it_will_be_ready(shop):
    shop.refresh()
    number = shop.store.snapshot().number
    report = shop.refresh()
    assert {table.status for table in report.tables} | {load.status for load in report.loads} == {"unchanged"}
    assert shop.store.snapshot().number == number
    assert report.path.ready_at is not None
    assert report.path.ready_at > NOW


def test_a_failed_test_says_which_published_numbers_are_affected(shop):
    shop.refresh()
    shop.write("orders.csv", "id,person,amount\n1,1,10.00\n2,2,-5.50\n")
    report = shop.refresh(ledger=shop.ledger)
    assert report.failed
    assert {table.table: table.status for table in report.tables} == {
        "orders": "failed", "people": "unchanged", "by_country": "held", "countries": "unchanged",
    }  # fmt: skip
    assert report.affected == {"orders": ("orders", "revenue"), "by_country": ("revenue_by_country",)}
    assert report.metrics == ("orders", "revenue", "revenue_by_country")
    assert report.why("revenue_by_country") == ("orders",)
    assert "'-5.50' (1)" in report.to_dict()["tables"][0]["says"]
    assert {str(country): float(amount) for country, amount in shop.rows("SELECT * FROM by_country")} == {
        "DE": 10.0,
        "FR": 5.5,
    }
    kept = shop.ledger.latest("refresh", "refresh").body["tables"]["orders"]["checks"]
    assert [check["name"] for check in kept] == ["accepted_range_amount"]


def test_a_failed_load_holds_back_what_reads_it_and_nothing_else(shop):
    shop.refresh()
    (shop.folder / "people.csv").unlink()
    shop.write("orders.csv", "id,person,amount\n1,1,10.00\n2,2,5.50\n3,1,1.00\n")
    report = shop.refresh()
    assert {load.table: load.status for load in report.loads} == {"raw_orders": "loaded", "raw_people": "failed"}
    assert {table.table: table.status for table in report.tables} == {
        "orders": "published", "people": "held", "by_country": "held", "countries": "held",
    }  # fmt: skip
    assert report.metrics == ("countries", "revenue_by_country")
    assert report.why("countries") == ("raw_people",)


def test_selection_takes_sources_and_tables(shop):
    report = shop.refresh(select=["+countries"])
    assert [load.table for load in report.loads] == ["raw_people"]
    assert [table.table for table in report.tables] == ["people", "countries"]
    report = shop.refresh(select=["raw_orders"])
    assert ([load.table for load in report.loads], report.tables) == (["raw_orders"], ())
    report = shop.refresh(select=["orders"])
    assert (report.loads, [table.status for table in report.tables]) == ((), ["published"])
    with pytest.raises(UnknownNameError, match="countries"):
        shop.refresh(select=["countrys"])


def test_a_cycle_is_found_before_anything_is_loaded(shop):
    tables = [parse_table("a", "SELECT * FROM b"), parse_table("b", "SELECT * FROM a")]
    with pytest.raises(DefinitionError, match="circle"):
        refresh(read_source_file(shop.folder / "sources.yml"), tables, shop.store, project_folder=shop.folder)
    assert shop.store.snapshot().number == 0


def test_a_table_named_like_a_source_is_refused(shop):
    with pytest.raises(DefinitionError, match="as a source"):
        refresh(read_source_file(shop.folder / "sources.yml"), [parse_table("raw_people", "SELECT 1 AS a")], shop.store)


def test_loading_may_be_replaced(shop):
    seen = []

    def watched(source):
        seen.append(source.name)
        return load(source, shop.store, project_folder=shop.folder)

    assert not shop.refresh(load=watched).failed
    assert sorted(seen) == ["orders_file", "raw_people"]


KILLED = """
import sys
from pathlib import Path
sys.path.insert(0, {tests!r})
from test_refresh import Shop
Shop.__init__ = lambda self, folder: setattr(self, "folder", folder)
shop = Shop(Path({folder!r}))
from steelyard.warehouse import Store
shop.store = Store.open(shop.folder / "store")
print("ready", flush=True)
shop.refresh()
print("done", flush=True)
"""


def test_a_kill_at_any_moment_leaves_a_whole_state_and_a_rerun_ends_it(shop):
    chance = random.Random(20260110)
    script = KILLED.format(tests=str(Path(__file__).parent), folder=str(shop.folder))
    killed = 0
    for round_ in range(1, 7):
        people = "".join(f"{n},{'DE' if n % 2 else 'FR'}\n" for n in range(1, 4))
        orders = "".join(f"{n},{1 + n % 3},{n}.00\n" for n in range(1, 2_000 * round_))
        shop.write("people.csv", "person,country\n" + people)
        shop.write("orders.csv", "id,person,amount\n" + orders)
        before = shop.store.snapshot()
        process = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        time.sleep(chance.uniform(0.0, 0.8))
        if process.poll() is None:
            os.kill(process.pid, signal.SIGKILL)
            killed += 1
        process.wait()
        process.stdout.close()
        after = shop.store.snapshot()
        # What is built moves as one: either all of it is of the new build, or none.
        moved = {name for name in ("orders", "by_country") if after.tables.get(name) != before.tables.get(name)}
        assert moved in (set(), {"orders", "by_country"})
        assert not shop.refresh().failed
        total = sum(range(1, 2_000 * round_))
        found = shop.rows(
            "SELECT (SELECT count(*) FROM orders), (SELECT sum(amount) FROM orders), (SELECT sum(amount) FROM by_country)"
        )
        assert [int(value) for value in found[0]] == [2_000 * round_ - 1, total, total]
    assert killed >= 3
