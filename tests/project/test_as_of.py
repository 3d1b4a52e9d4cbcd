"""A number as it was known at a moment."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from steelyard.errors import DefinitionError, WarehouseError
from steelyard.metrics.definition_history import KIND
from steelyard.project.as_of import known_at, moment_of
from steelyard.warehouse import Store

TICK = timedelta(microseconds=1)


def revenue(project: Any, **asked: Any) -> Decimal:
    value: Decimal = project.query("revenue", **asked).rows()[0]["revenue"]
    return value


def test_a_moment_gives_the_number_that_was_known_then(till: Any, second: Callable[[Any], int]) -> None:
    first = till.open().store.snapshot()
    newest = second(till)
    with till.open() as project:
        published = datetime.fromisoformat(first.published_at)
        assert revenue(project) == Decimal("89.00")
        assert revenue(project, as_of=first.number) == Decimal("60.00")
        assert revenue(project, as_of=str(first.number)) == Decimal("60.00")
        assert revenue(project, as_of=published) == Decimal("60.00")
        assert revenue(project, as_of=published.isoformat()) == Decimal("60.00")
        assert revenue(project, as_of=newest) == Decimal("89.00")
        answer = project.query("revenue", as_of=published)
        assert f"version {first.number}, published" in answer.notes[0]
        assert answer.how.notes[0] == answer.notes[0]


def test_just_before_a_version_was_published_the_one_before_is_the_newest(
    till: Any, second: Callable[[Any], int]
) -> None:
    newest = second(till)
    store = till.open().store
    published = datetime.fromisoformat(store.snapshot(newest).published_at)
    assert known_at(store, published, zone="UTC").number == newest
    assert known_at(store, published - TICK, zone="UTC").number == newest - 1


def test_a_date_is_the_end_of_that_local_day() -> None:
    assert moment_of(date(2026, 3, 29), "Europe/Berlin") == datetime(2026, 3, 29, 22, tzinfo=UTC) - TICK
    assert moment_of("2026-01-31", "America/New_York") == datetime(2026, 2, 1, 5, tzinfo=UTC) - TICK
    assert moment_of(date.max, "UTC") == datetime.max.replace(tzinfo=UTC)


def test_a_moment_in_the_future_is_the_newest_version_and_says_so(till: Any) -> None:
    with till.open() as project:
        answer = project.query("revenue", as_of="2999-01-01")
    assert answer.notes[0].startswith("2999-01-01 is in the future: this is the newest version")


def test_before_the_first_version_nothing_was_published(till: Any) -> None:
    with till.open() as project, pytest.raises(WarehouseError, match="remains") as caught:
        project.query("revenue", as_of="2020-01-01")
    assert "the oldest that remains is version 0" in caught.value.hint


def test_while_the_store_was_empty_nothing_was_published(till: Any) -> None:
    store = till.open().store
    with pytest.raises(WarehouseError, match="nothing was published by"):
        known_at(store, datetime.fromisoformat(store.snapshot(0).published_at), zone="UTC")


def test_a_version_that_was_cleaned_away_is_named_and_never_replaced_by_an_older_one(tmp_path: Path) -> None:
    store = Store.open(tmp_path)
    for amount in range(1, 5):
        store.write("orders", lambda change, amount=amount: change.create("orders", f"SELECT {amount} AS amount"))
    moments = [datetime.fromisoformat(store.snapshot(number).published_at) for number in range(1, 5)]
    store.clean(keep_last=1, keep=[1], grace=timedelta(0))
    assert store.catalog.numbers() == [1, 4]
    for moment in (*moments[:3], moments[3] - TICK):
        with pytest.raises(WarehouseError, match="versions 2 to 3 were published between") as caught:
            known_at(store, moment, zone="UTC")
        assert caught.value.hint == "ask for as_of=1 or as_of=4"
    assert known_at(store, moments[3], zone="UTC").number == 4
    with pytest.raises(WarehouseError, match="version 2 of the store does not remain"):
        known_at(store, 2, zone="UTC")


@pytest.mark.parametrize("asked", ["2026-01-31T08:00:00", "yesterday", "", True, 1.5])
def test_what_is_no_moment_is_refused_with_how_to_write_one(asked: Any) -> None:
    with pytest.raises(DefinitionError, match=r"no moment|no time zone"):
        moment_of(asked, "UTC")


def test_a_naive_datetime_is_refused() -> None:
    with pytest.raises(DefinitionError, match="has no time zone"):
        moment_of(datetime(2026, 1, 31), "UTC")  # noqa: DTZ001


def test_an_erasure_since_is_said(till: Any) -> None:
    with till.open() as project:
        number = project.store.snapshot().number
        project.erase(["orders.customer_id", "raw_orders.customer_id"], 1, who="Ada", why="asked for it")
        answer = project.query("revenue", as_of=number)
    assert answer.rows()[0]["revenue"] == Decimal("30.00")
    assert f"2 rows of orders were erased from version {number} since" in answer.notes[1]
    assert len([note for note in answer.notes if "erased" in note]) == 1


def test_a_target_without_versions_is_refused(till: Any, tmp_path: Path) -> None:
    import duckdb

    duckdb.connect(str(tmp_path / "other.duckdb")).close()
    text = f'\n[targets.dev]\nwarehouse = "{tmp_path / "other.duckdb"}"\n'
    till.write("steelyard.toml", 'name = "Till"\n' + text)
    with till.open() as project, pytest.raises(DefinitionError, match="keeps no versions"):
        project.query("revenue", as_of=1)


# Definitions as they were

WITHOUT_VOID = "revenue: {sum: orders.amount, exclude: \"status = 'void'\","


def redefine(till: Any) -> None:
    text = (till.folder / "metrics/till.yml").read_text(encoding="utf-8")
    till.write("metrics/till.yml", text.replace("revenue: {sum: orders.amount,", WITHOUT_VOID))


def test_the_definition_of_then_is_used_where_it_is_asked_for(till: Any, second: Callable[[Any], int]) -> None:
    with till.open() as project:
        first = project.store.snapshot().number
    redefine(till)
    newest = second(till)
    with till.open() as project:
        assert revenue(project, as_of=first) == Decimal("30.00")
        assert revenue(project, as_of=first, definitions="then") == Decimal("60.00")
        assert revenue(project, as_of=newest, definitions="then") == Decimal("89.00")
        by_country = project.query("revenue", by="country", as_of=first, definitions="then").rows()
        assert {row["country"]: row["revenue"] for row in by_country} == {"DE": Decimal(30), "FR": Decimal(30)}
        rows = project.query("per_order", as_of=first, definitions="then").rows()
        assert rows == [{"per_order": 20.0}]


def test_a_definition_that_was_not_recorded_by_then_is_said(till: Any) -> None:
    with till.open() as project:
        before = datetime.fromisoformat(project.store.snapshot().published_at)
        text = (till.folder / "metrics/till.yml").read_text(encoding="utf-8")
        till.write("metrics/till.yml", text + "  days: {count: daily}\n")
        project.reread()
        with pytest.raises(DefinitionError, match=r"the definition of 'days' at .* is not kept"):
            project.query("days", as_of=before, definitions="then")
        with pytest.raises(DefinitionError, match="without a moment"):
            project.query("days", definitions="then")
        with pytest.raises(DefinitionError, match="definitions = 'once'"):
            project.query("days", as_of=before, definitions="once")


def test_refresh_run_and_decide_record_each_definition_once(till: Any) -> None:
    with till.open() as project:
        said = {"question": "Is it?", "choice": "stop", "action": "No.", "why": "x", "who": "Ada", "reversible": True}
        assert [entry.name for entry in project.ledger.entries(kind=KIND)] == [
            "orders",
            "per_order",
            "revenue",
            "taken",
        ]
        project.refresh()
        project.decide("price", **said)
        assert len(project.ledger.entries(kind=KIND)) == 4
    redefine(till)
    with till.open() as project:
        project.decide("price", **said)
        added = project.ledger.entries(kind=KIND)[4:]
        assert [entry.name for entry in added] == ["per_order", "revenue"]
        assert project.ledger.verify().ok


def test_how_tells_the_history_of_the_definition(till: Any) -> None:
    redefine(till)
    with till.open() as project:
        versions = project.how("revenue").history["revenue"]
        assert [version.since != "" for version in versions] == [True, False]
        assert versions[1].changes == ("exclude was added: \"status = 'void'\"",)
        assert "not recorded yet" in project.how("revenue").to_text()
        project.refresh()
        assert all(version.since for version in project.how("revenue").history["revenue"])
