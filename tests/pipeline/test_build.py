"""Write, audit, publish: what holds is published together, what does not keeps its version and holds back what reads it."""

# ruff: noqa: E501  (SQL reads best on one line)

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import pytest

from steelyard.errors import UnknownNameError
from steelyard.pipeline.build import build
from steelyard.pipeline.own_functions import OWN_FUNCTIONS
from steelyard.pipeline.progress import ProgressEvent
from steelyard.pipeline.table_definition import parse_table
from steelyard.warehouse import Store
from steelyard.warehouse.functions import FUNCTIONS

NOW = datetime(2026, 1, 10, tzinfo=UTC)


@pytest.fixture
def store(tmp_path):
    made = Store.open(tmp_path / "store")
    put(made, "SELECT i AS id, i % 3 AS person, TIMESTAMP '2026-01-01' + to_hours(i) AS \"at\" FROM range(100) t(i)")
    return made


def put(store, sql, name="raw"):
    with store.transaction("raw") as change:
        change.create(name, sql)


def run(store, *texts, **options):
    tables = [parse_table(name, text, path=f"tables/{name}.sql") for name, text in texts]
    return build(tables, store, sources=["raw"], **{"as_of": NOW, **options})


def statuses(report):
    return {table.table: table.status for table in report.tables}


SHOP = (
    ("orders", "-- key: id\nSELECT * FROM raw"),
    ("daily", '-- key: day\nSELECT CAST("at" AS DATE) AS day, count(*) AS n FROM orders GROUP BY ALL'),
    ("people", "-- key: person\nSELECT DISTINCT person FROM raw"),
)


def test_a_failed_blocking_test_keeps_the_version_before_and_holds_back_what_reads_it(store):
    assert not run(store, *SHOP).failed
    before = store.snapshot()
    put(store, "SELECT 1 AS id, 7 AS person, TIMESTAMP '2026-01-01' AS \"at\" FROM range(2)")
    report = run(store, *SHOP)
    assert statuses(report) == {"orders": "failed", "daily": "held", "people": "published"}
    after = store.snapshot()
    assert [after.tables[name].version_id for name in ("orders", "daily")] == [
        before.tables[name].version_id for name in ("orders", "daily")
    ]
    assert after.tables["people"].rows == 1
    assert report.behind() == ("orders", "daily")
    assert report.failed
    assert "key_unique: 1 of 2 rows repeat a (id): 1" in report.of("orders").says
    with store.warehouse() as warehouse:
        assert warehouse.fetch("SELECT count(*) AS n FROM orders").to_pylist() == [{"n": 100}]


def test_a_table_that_never_held_is_not_there(store):
    report = run(
        store,
        ("bad", "-- tests: [{sql: SELECT id FROM bad WHERE id = 5}]\nSELECT * FROM raw"),
        ("under", "SELECT * FROM bad"),
    )
    assert statuses(report) == {"bad": "failed", "under": "held"}
    assert set(store.snapshot().tables) == {"raw"}


def test_a_doubt_publishes_and_is_kept_beside_the_version(store):
    report = run(
        store, ("t", "-- tests: [{accepted_range: {column: id, high: 50}, severity: doubt}]\nSELECT * FROM raw")
    )
    assert not report.failed
    kept = store.snapshot().tables["t"].details["tests"]
    assert [(check["name"], check["status"]) for check in kept] == [
        ("has_rows", "passed"),
        ("accepted_range_id", "failed"),
    ]


def test_readers_see_all_tables_of_a_build_at_once(store):
    first = store.snapshot().number
    report = run(store, *SHOP)
    assert report.snapshot == first + 1
    assert set(store.snapshot(first + 1).tables) == {"raw", "orders", "daily", "people"}


def test_a_second_run_reuses_what_is_done_and_publishes_nothing(store):
    run(store, *SHOP)
    number = store.snapshot().number
    assert set(statuses(run(store, *SHOP)).values()) == {"unchanged"}
    assert store.snapshot().number == number


def test_only_what_reads_a_changed_table_is_built_again(store):
    run(store, *SHOP)
    changed = (SHOP[0], ("daily", SHOP[1][1].replace("count(*)", "count(*) + 1")), SHOP[2])
    assert statuses(run(store, *changed)) == {"orders": "unchanged", "daily": "published", "people": "unchanged"}
    put(store, "SELECT * FROM raw UNION ALL SELECT 100, 1, TIMESTAMP '2026-01-09'")
    assert statuses(run(store, *changed)) == {"orders": "published", "daily": "published", "people": "unchanged"}


def test_equal_rows_keep_the_version_so_that_nothing_downstream_is_built(store):
    run(store, *SHOP)
    before = store.snapshot().tables["orders"].version_id
    report = run(store, ("orders", SHOP[0][1] + " WHERE id < 1000"), *SHOP[1:])
    assert statuses(report)["orders"] == "unchanged"
    assert store.snapshot().tables["orders"].version_id == before


def test_a_new_test_is_run_though_the_rows_are_as_they_were(store):
    run(store, *SHOP)
    report = run(
        store,
        ("orders", "-- key: id\n-- tests: [{accepted_range: {column: id, high: 5}}]\nSELECT * FROM raw"),
        *SHOP[1:],
    )
    assert statuses(report)["orders"] == "failed"


def test_a_table_grows_stale_without_being_built(store):
    text = ("t", "-- time: at\n-- freshness: 6 days\nSELECT * FROM raw")
    assert not run(store, text).failed
    report = run(store, text, as_of=NOW + timedelta(days=2))
    assert (report.of("t").status, report.failed) == ("unchanged", True)
    assert report.behind() == ("t",)


def test_what_reads_the_clock_is_built_each_time(store):
    text = ("t", "SELECT id, current_date AS today FROM raw")
    run(store, text)
    before = store.snapshot().tables["t"].details["as_of"]
    run(store, text, as_of=NOW + timedelta(days=1))
    assert store.snapshot().tables["t"].details["as_of"] != before


def test_an_unknown_column_is_placed_and_stops_only_its_table(store):
    report = run(
        store, ("t", "-- key: id\nSELECT id,\n  persn\nFROM raw"), ("people", "SELECT DISTINCT person FROM raw")
    )
    failed = report.of("t")
    assert (failed.status, failed.where) == ("failed", "tables/t.sql:3")
    assert "persn" in failed.says
    assert report.of("people").status == "published"


def test_a_source_that_was_never_loaded_fails_its_tables_alone(store):
    tables = [parse_table("t", "SELECT * FROM absent"), parse_table("u", "SELECT * FROM raw")]
    report = build(tables, store, sources=["raw", "absent"], as_of=NOW)
    assert statuses(report) == {"t": "failed", "u": "published"}
    assert "never loaded" in report.of("t").says


def test_a_foreign_key_waits_for_the_table_that_it_refers_to(store):
    fresh = "SELECT * FROM raw UNION ALL SELECT 100, 9, TIMESTAMP '2026-01-09'"
    child = ("a_child", "-- tests: [{foreign_key: {columns: person, table: people}}]\nSELECT * FROM raw")
    assert not run(store, child, SHOP[2]).failed
    put(store, fresh)
    assert statuses(run(store, child, SHOP[2])) == {"a_child": "published", "people": "published"}
    proof = store.snapshot().tables["a_child"].details["proofs"][0]
    assert (proof["references"], proof["orphans"], proof["rows"]) == ("people", 0, 101)
    assert proof["version_id"] == store.snapshot().tables["a_child"].version_id


def test_selection_builds_what_is_named(store):
    assert statuses(run(store, *SHOP, select=["+daily"])) == {"orders": "published", "daily": "published"}
    with pytest.raises(UnknownNameError, match="daily"):
        run(store, *SHOP, select=["dayly"])


def test_many_workers_and_one_give_the_same_versions(tmp_path):
    wide = [(f"t{n}", f"-- key: id\nSELECT id + {n} AS id FROM raw") for n in range(6)]
    wide.append(
        (
            "all_of_them",
            "SELECT "
            + ", ".join(f"t{n}.id AS i{n}" for n in range(6))
            + " FROM t0 "
            + " ".join(f"JOIN t{n} ON t{n}.id = t0.id + {n}" for n in range(1, 6)),
        )
    )
    found = []
    for workers in (1, 4):
        store = Store.open(tmp_path / str(workers))
        put(store, "SELECT i AS id FROM range(1000) t(i)")
        assert not run(store, *wide, workers=workers).failed
        found.append(
            {
                name: (table.fingerprint, table.details["inputs"])
                for name, table in store.snapshot().tables.items()
                if name != "raw"
            }
        )
    assert {name: fingerprint for name, (fingerprint, _) in found[0].items()} == {
        name: fingerprint for name, (fingerprint, _) in found[1].items()
    }


def test_the_details_of_a_version_say_how_it_was_made(store):
    run(store, *SHOP)
    tables = store.snapshot().tables
    details = tables["daily"].details
    assert details["lineage"] == {"day": [["orders", "at"]], "n": []}
    assert details["inputs"] == {"orders": tables["orders"].version_id}
    assert details["declaration"]["key"] == ["day"]
    assert details["proofs"][0]["duplicates"] == 0
    assert store.snapshot().state["build/daily"]["runs"][0]["rows"] == tables["daily"].rows


def test_steps_that_leave_a_tie_open_hold_the_table_back(store):
    put(store, "SELECT 1 AS id, n AS v FROM range(2) t(n)")
    report = run(store, ("t", "-- deduplicate: {key: id}\nSELECT * FROM raw"))
    assert report.of("t").status == "failed"
    assert next(check for check in report.of("t").checks if check.stops).name == "tied"


def test_steelyards_own_functions_are_there_in_duckdbs_sql(store):
    with store.transaction("look") as change:
        native = {name for (name,) in change.execute("SELECT DISTINCT function_name FROM duckdb_functions()")}
    lacking = {
        name for name, f in FUNCTIONS.items() if name not in native and f.kind != "window" and -1 not in f.spelling
    }
    assert set(OWN_FUNCTIONS) == lacking
    text = (
        "t",
        "SELECT local_date(TIMESTAMPTZ '2026-01-01 02:00+00', 'America/New_York') AS day, week_start(DATE '2026-01-01', 'sunday') AS week, d.day AS n FROM day_series(DATE '2026-01-01', DATE '2026-01-02') AS d GROUP BY ALL",
    )
    assert not run(store, text).failed
    with store.warehouse() as warehouse:
        row = warehouse.fetch("SELECT day, week, count(*) AS n FROM t GROUP BY 1, 2").to_pylist()[0]
    assert [str(row["day"]), str(row["week"]), row["n"]] == ["2025-12-31", "2025-12-28", 2]


def test_two_builds_at_once_both_end_well(store):
    reports, tables = [], [parse_table(name, text) for name, text in SHOP]
    threads = [
        threading.Thread(target=lambda: reports.append(build(tables, store, sources=["raw"], as_of=NOW)))
        for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [report.failed for report in reports] == [False, False]
    assert store.snapshot().tables["orders"].rows == 100


def test_progress_is_told_of_every_table(store):
    events: list[ProgressEvent] = []
    run(store, *SHOP, progress=events.append)
    ended = [event for event in events if event.says.startswith("published")]
    assert {event.name for event in ended} == {"orders", "daily", "people"}
    assert max(event.done for event in ended) == 3
