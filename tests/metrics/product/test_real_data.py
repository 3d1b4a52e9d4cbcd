"""On real shapes of data: a web shop's log that has sessions of its own, and a year of a shop's invoices."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from steelyard.metrics import MetricCatalog
from steelyard.metrics.product import (
    Cohorts,
    EventRows,
    Funnel,
    FunnelStep,
    Lifecycle,
    Sessions,
    run_cohorts,
    run_funnel,
    run_lifecycle,
    run_sessions,
)
from steelyard.warehouse import TableDeclaration, connect

EVENTS = TableDeclaration(
    name="events", time="ts", zone="UTC", entities={"user": ("user_id",)}, dimensions=("event", "platform")
)
INVOICES = TableDeclaration(name="invoices", time="day", entities={"customer": ("customer",)})


@pytest.fixture(scope="module")
def log(shared: Path) -> pa.Table:
    path = shared / "data" / "ecommerce_events_synthetic" / "ecom_events.parquet"
    if not path.exists():
        pytest.skip("the log is not beside the project")
    table = pq.read_table(path)
    at = pa.array([datetime.fromisoformat(text) for text in table.column("timestamp").to_pylist()], pa.timestamp("us"))
    return table.append_column("ts", at)


def latest_starts(rows: Sequence[tuple[datetime, str]], steps: Sequence[str], window: timedelta) -> int:
    """How many steps one user reaches: a loop that keeps the latest start of each step so far."""
    starts: list[datetime | None] = [None] * len(steps)
    reached = 0
    for at, event in sorted(rows, key=lambda row: (row[0], steps.index(row[1]) if row[1] in steps else 99)):
        if event not in steps:
            continue
        place = steps.index(event)
        start = at if place == 0 else starts[place - 1]
        if start is None or at - start > window:
            continue
        starts[place] = max(start, starts[place] or start)
        reached = max(reached, place + 1)
    return reached


def test_the_sessions_of_a_log_are_those_that_it_names_itself(log: pa.Table) -> None:
    with connect({"events": log}) as warehouse:
        row = run_sessions(MetricCatalog.of(metrics=[], tables=[EVENTS]), warehouse, Sessions(name="s", table="events"))
    assert row.rows()[0]["sessions"] == len(set(log.column("session_id").to_pylist())) == 3605
    assert row.rows()[0]["events"] == 31_106


def test_a_funnel_of_a_log_is_what_a_loop_over_its_rows_counts(log: pa.Table) -> None:
    steps = ("product_view", "add_to_cart", "cart", "purchase")
    funnel = Funnel(
        name="buying",
        table="events",
        window="2 hours",
        steps=tuple(FunnelStep(name=name, where=f"event = '{name}'") for name in steps),
    )
    with connect({"events": log}) as warehouse:
        found = run_funnel(MetricCatalog.of(metrics=[], tables=[EVENTS]), warehouse, funnel).rows()
    by_user: dict[str, list[tuple[datetime, str]]] = defaultdict(list)
    for row in log.select(["user_id", "ts", "event"]).to_pylist():
        by_user[row["user_id"]].append((row["ts"], row["event"]))
    reached = [latest_starts(rows, steps, timedelta(hours=2)) for rows in by_user.values()]
    assert [row["entities"] for row in found] == [sum(many > place for many in reached) for place in range(len(steps))]


def test_the_planted_payment_incident_shows_in_the_funnel(log: pa.Table) -> None:
    """From 19 May to 7 June payments failed; the fortnights before and after are what it is compared with."""
    funnel = Funnel(
        name="paying",
        table="events",
        window="24 hours",
        steps=tuple(FunnelStep(name=name, where=f"event = '{name}'") for name in ("cart", "purchase")),
    )
    catalog = MetricCatalog.of(metrics=[], tables=[EVENTS])
    with connect({"events": log}) as warehouse:
        during, after = (
            run_funnel(catalog, warehouse, funnel, since=since, until=until).rows()[1]["conversion"]
            for since, until in (("2024-05-19", "2024-06-07"), ("2024-06-08", "2024-06-28"))
        )
    assert during < after * 0.7


@pytest.fixture(scope="module")
def invoices(shared: Path) -> pa.Table:
    path = shared / "data" / "online_retail_ii" / "online_retail_ii_2009_2010.parquet"
    if not path.exists():
        pytest.skip("the invoices are not beside the project")
    table = pq.read_table(path, columns=["Invoice", "InvoiceDate", "Customer ID"])
    rows = {
        (row["Invoice"], date.fromisoformat(str(row["InvoiceDate"])[:10]), row["Customer ID"])
        for row in table.to_pylist()
        if not str(row["Invoice"]).startswith("C")
    }
    days = pa.array([row[1] for row in rows], pa.date32())
    return pa.table({"day": days, "customer": pa.array([None if row[2] is None else int(row[2]) for row in rows])})


def test_monthly_cohorts_and_lifecycles_of_invoices_are_what_sets_say(invoices: pa.Table) -> None:
    catalog = MetricCatalog.of(metrics=[], tables=[INVOICES])
    start = EventRows(table="invoices")
    cohorts = Cohorts(name="r", start=start, activity=start, cohort="month", every="month", periods=13)
    with connect({"invoices": invoices}) as warehouse:
        triangle = run_cohorts(catalog, warehouse, cohorts, complete_through="2010-11-30")
        months = run_lifecycle(catalog, warehouse, Lifecycle(name="l", table="invoices", period="month")).rows()
    active: dict[int, set[int]] = defaultdict(set)
    for row in invoices.to_pylist():
        if row["customer"] is not None:
            active[row["customer"]].add(row["day"].year * 12 + row["day"].month)
    assert sum(row["new"] for row in months) == len(active)
    for row in triangle.rows():
        month = row["cohort"].year * 12 + row["cohort"].month
        members = [seen for seen in active.values() if min(seen) == month]
        if month > 2010 * 12 + 11:
            continue
        assert row["size"] == len(members)
        late = month + row["k"] > 2010 * 12 + 11
        assert row["retained"] == (None if late else sum(month + row["k"] in seen for seen in members))
    unknown = sum(row["customer"] is None for row in invoices.to_pylist())
    assert triangle.how.rows[0].of_nobody == unknown > 0
    for row in months:
        month = row["period"].year * 12 + row["period"].month
        assert row["active"] == sum(month in seen for seen in active.values())
        assert row["lost"] == sum(month - 1 in seen and month not in seen for seen in active.values())
        assert row["resurrected"] == sum(
            month in seen and month - 1 not in seen and min(seen) < month for seen in active.values()
        )
