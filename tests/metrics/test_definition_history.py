"""The ledger keeps what a metric's definition was, once each, and tells what changed."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.metrics.test_drill_of_every_table import TABLES, shop_of

from steelyard.errors import DefinitionError, UnknownNameError
from steelyard.metrics import Measure, Metric, MetricCatalog, Ratio, query
from steelyard.metrics.definition_history import (
    KIND,
    catalog_then,
    changes_between,
    definition_versions,
    record_definitions,
)
from steelyard.warehouse import Ledger, TableDeclaration, connect

ORDERS = TableDeclaration(name="orders", key=("id",), time="at", dimensions=("channel",))
REVENUE = Metric(name="revenue", sum="orders.amount", owner="growth")


def catalog(*metrics: Metric, table: TableDeclaration = ORDERS, zone: str = "UTC") -> MetricCatalog:
    return MetricCatalog.of(metrics=metrics or (REVENUE,), tables=[table], zone=zone)


def test_a_definition_is_recorded_once_and_again_only_when_it_changed() -> None:
    with Ledger.in_memory() as ledger:
        first = catalog(REVENUE, Metric(name="orders", count="orders"))
        assert record_definitions(first, ledger) == ("orders", "revenue")
        assert record_definitions(first, ledger) == ()
        changed = catalog(replace(REVENUE, exclude="status = 'void'"), Metric(name="orders", count="orders"))
        assert record_definitions(changed, ledger) == ("revenue",)
        assert record_definitions(first, ledger) == ("revenue",)
        versions = definition_versions(ledger.entries(kind=KIND, name="revenue"))
        assert [version.changes for version in versions] == [
            (), ("exclude was added: \"status = 'void'\"",), ("exclude was taken away; it was \"status = 'void'\"",),
        ]  # fmt: skip
        assert versions[0].digest == versions[2].digest == first.digest("revenue")
        assert ledger.verify().ok


def test_processes_that_record_at_once_leave_one_version(tmp_path: Path) -> None:
    address, start = tmp_path / "ledger.sqlite", threading.Barrier(4)
    Ledger.open(address).close()

    def record() -> None:
        with Ledger.open(address) as ledger:
            start.wait()
            record_definitions(catalog(), ledger)

    threads = [threading.Thread(target=record) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with Ledger.open(address) as ledger:
        assert ledger.verify().ok
        assert len(definition_versions(ledger.entries(kind=KIND, name="revenue"))) == 1


def test_what_changed_in_tables_parts_and_zone_is_said_in_words() -> None:
    ratio = Metric(name="share", ratio=Ratio(numerator="revenue", denominator=Measure(count="orders")))
    before = catalog(REVENUE, ratio).definition("share")
    other = replace(REVENUE, sum="orders.net", owner="")
    after = catalog(other, ratio, table=replace(ORDERS, time=""), zone="Europe/Berlin").definition("share")
    assert set(changes_between(before, after)) == {
        "sum of the metric revenue was orders.amount, and is orders.net",
        "owner of the metric revenue was taken away; it was growth",
        "time of the table orders was taken away; it was at",
        "zone was UTC, and is Europe/Berlin",
    }
    assert changes_between(before, before) == ()


def test_a_present_definition_that_is_not_recorded_is_a_version_without_a_time() -> None:
    with Ledger.in_memory() as ledger:
        record_definitions(catalog(), ledger)
        entries = ledger.entries(kind=KIND, name="revenue")
        assert len(definition_versions(entries, catalog().definition("revenue"))) == 1
        now = catalog(replace(REVENUE, where="amount > 0")).definition("revenue")
        assert [version.since != "" for version in definition_versions(entries, now)] == [True, False]


def test_the_catalog_of_then_has_the_metrics_tables_and_zone_of_then() -> None:
    with Ledger.in_memory() as ledger:
        ratio = Metric(name="share", ratio=Ratio(numerator="revenue", denominator=Measure(count="orders")))
        first = catalog(REVENUE, ratio)
        record_definitions(first, ledger)
        then = datetime.now(UTC)
        table = replace(ORDERS, time="", dimensions=("shop",))
        today = catalog(replace(REVENUE, sum="orders.net"), table=table, zone="Asia/Tokyo")
        record_definitions(today, ledger)
        entries = ledger.entries(kind=KIND)
        found = catalog_then(today, entries, ["share"], then)
        assert found.digest("share") == first.digest("share")
        assert (found.zone, found.tables["orders"].time) == ("UTC", "at")
        assert found.tables["orders"].dimensions == ("shop",)
        now = catalog_then(today, entries, ["revenue"], datetime.now(UTC))
        assert now.digest("revenue") == today.digest("revenue")
        with pytest.raises(DefinitionError, match="different zones"):
            catalog_then(today, entries, ["revenue", "share"], datetime.now(UTC))


def test_what_was_not_recorded_by_then_is_said() -> None:
    with Ledger.in_memory() as ledger:
        before = datetime.now(UTC)
        with pytest.raises(DefinitionError, match=r"'revenue' at .* is not kept") as caught:
            catalog_then(catalog(), (), ["revenue"], before)
        assert "none was recorded yet" in caught.value.hint
        record_definitions(catalog(), ledger)
        with pytest.raises(DefinitionError) as caught:
            catalog_then(catalog(), ledger.entries(kind=KIND), ["revenue"], before)
        assert "the first was recorded at" in caught.value.hint
        with pytest.raises(UnknownNameError, match="revenu"):
            catalog_then(catalog(), ledger.entries(kind=KIND), ["revenu"], before)


@pytest.mark.parametrize("name", ["fees_in_eur", "spring_revenue", "kept", "typical", "part"])
def test_a_definition_of_any_kind_is_brought_back_with_the_tables_that_it_rests_on(name: str) -> None:
    catalog = shop_of()
    with Ledger.in_memory() as ledger, connect(TABLES) as warehouse:
        record_definitions(catalog, ledger)
        then = catalog_then(catalog, ledger.entries(kind=KIND), [name], datetime.now(UTC))
        assert query(then, warehouse, name).rows() == query(catalog, warehouse, name).rows()
        assert then.digest(name) == catalog.digest(name)


def test_the_rates_and_the_bridge_that_a_number_rests_on_are_of_its_definition() -> None:
    catalog = shop_of()
    rates = catalog.tables["rates"]
    assert rates.rates is not None
    other = {**catalog.tables, "rates": replace(rates, rates=replace(rates.rates, base="USD"))}
    moved = replace(catalog, tables=other)
    assert moved.digest("fees_in_eur") != catalog.digest("fees_in_eur")
    assert moved.digest("fees") == catalog.digest("fees")
    assert {"links", "campaigns"} <= set(catalog.definition("spring_revenue")["tables"])  # type: ignore[call-overload]
