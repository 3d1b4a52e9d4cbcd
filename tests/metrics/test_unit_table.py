"""Metrics at the unit's grain, against a loop over the rows."""
# ruff: noqa: DTZ001 - naive timestamps are what is tested

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from steelyard.errors import DefinitionError, SteelyardError, UnknownNameError
from steelyard.metrics import Measure, Metric, MetricCatalog, Ratio, UnitMetric, unit_panel, unit_table
from steelyard.warehouse import TableDeclaration, Warehouse, connect

ZONE = "America/New_York"
START = datetime(2026, 3, 6, 12)  # two days before New York's clocks change
METRICS = [
    Metric(name="spend", sum="orders.amount", exclude="status = 'cancelled'"),
    Metric(name="orders", count="orders"),
    Metric(name="average_order", mean="orders.amount"),
    Metric(name="visits", count="visits"),
    Metric(name="orders_per_visit", ratio=Ratio(numerator="orders", denominator=Measure(count="visits"))),
    Metric(name="lines", count="lines"),
]


def catalog() -> MetricCatalog:
    return MetricCatalog.of(
        tables=[
            TableDeclaration(
                name="orders", key=("id",), entity="order", entities={"customer": ("who",)}, time="at", zone="UTC"
            ),
            TableDeclaration(name="visits", key=("id",), entities={"customer": ("who",)}, time="day"),
            TableDeclaration(name="lines", key=("id",), entities={"order": ("order_id",)}, time="orders.at"),
        ],
        metrics=METRICS,
        zone=ZONE,
    )


def tables(orders: list[tuple[int, int, float, str | None]], visits: list[tuple[int, int]]) -> dict[str, pa.Table]:
    """Orders: who, hours after the start, amount, status. Visits: who, days after the start."""
    return {
        "orders": pa.table(
            {
                "id": pa.array(range(len(orders)), pa.int64()),
                "who": pa.array([row[0] for row in orders], pa.int64()),
                "at": pa.array([START + timedelta(hours=row[1]) for row in orders], pa.timestamp("us")),
                "amount": pa.array([row[2] for row in orders], pa.float64()),
                "status": pa.array([row[3] for row in orders], pa.string()),
            }
        ),
        "visits": pa.table(
            {
                "id": pa.array(range(len(visits)), pa.int64()),
                "who": pa.array([row[0] for row in visits], pa.int64()),
                "day": pa.array([START.date() + timedelta(days=row[1]) for row in visits], pa.date32()),
            }
        ),
        "lines": pa.table({"id": pa.array([], pa.int64()), "order_id": pa.array([], pa.int64())}),
        "people": pa.table(
            {
                "customer": [1, 2, 3],
                "seen_at": pa.array([START + timedelta(hours=h) for h in (0, 30, 100)], pa.timestamp("us", "UTC")),
            }
        ),
    }


def fetched(warehouse: Warehouse, values: dict[str, UnitMetric]) -> dict[int, dict[str, Any]]:
    types = {name: warehouse.columns(name) for name in warehouse.tables()}
    sql = unit_table(catalog(), entity="customer", units="SELECT * FROM people", values=values, types=types)
    return {row["customer"]: row for row in warehouse.fetch(sql).to_pylist()}


ORDER = st.tuples(
    st.integers(1, 4), st.integers(-300, 300), st.sampled_from([1.0, 2.5]), st.sampled_from(["paid", "cancelled", None])
)
VISIT = st.tuples(st.integers(1, 4), st.integers(-12, 12))


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(ORDER, max_size=12), st.lists(VISIT, max_size=12))
def test_every_unit_has_its_own_window(orders: list[Any], visits: list[Any]) -> None:
    values = {
        "after": UnitMetric(metric="spend", at="seen_at", after=7),
        "before": UnitMetric(metric="spend", at="seen_at", before=3),
        "ever": UnitMetric(metric="orders"),
        "since": UnitMetric(metric="orders", at="seen_at"),
        "any": UnitMetric(metric="spend", at="seen_at", after=2, part="any"),
        "mean": UnitMetric(metric="average_order", at="seen_at", after=7),
        "rate": UnitMetric(metric="orders_per_visit", at="seen_at", after=7),
        "visits_before": UnitMetric(metric="visits", at="seen_at", before=7),
    }
    with connect(tables(orders, visits)) as warehouse:
        found = fetched(warehouse, values)
    for who, hours in ((1, 0), (2, 30), (3, 100)):
        mine = [(h - hours, amount, status) for unit, h, amount, status in orders if unit == who]
        week = [row for row in mine if 0 <= row[0] < 7 * 24]
        seen = (START + timedelta(hours=hours)).replace(tzinfo=UTC).astimezone(ZoneInfo(ZONE)).date()
        days = [(START.date() + timedelta(days=day) - seen).days for unit, day in visits if unit == who]
        row = found[who]
        assert row["after"] == sum(amount for _, amount, status in week if status != "cancelled")
        assert row["before"] == sum(amount for h, amount, status in mine if -72 <= h < 0 and status != "cancelled")
        assert row["ever"] == len(mine)
        assert row["since"] == sum(h >= 0 for h, *_ in mine)
        assert row["any"] == int(any(0 <= h < 48 and status != "cancelled" for h, _, status in mine))
        assert (row["mean_numerator"], row["mean_denominator"]) == (sum(amount for _, amount, _ in week), len(week))
        assert (row["rate_numerator"], row["rate_denominator"]) == (len(week), sum(0 <= day < 7 for day in days))
        assert row["visits_before"] == sum(-7 <= day < 0 for day in days)
    assert set(found) == {1, 2, 3}


def test_each_fact_is_read_once() -> None:
    values = {
        "a": UnitMetric(metric="spend", at="seen_at", after=7),
        "b": UnitMetric(metric="orders", at="seen_at", before=7),
        "c": UnitMetric(metric="average_order"),
    }
    with connect(tables([], [])) as warehouse:
        types = {name: warehouse.columns(name) for name in warehouse.tables()}
    sql = unit_table(catalog(), entity="customer", units="SELECT * FROM people", values=values, types=types)
    assert sql.count("FROM orders") == 1


def test_a_unit_two_references_away_is_found_and_a_false_key_stops_the_query() -> None:
    made = tables([(1, 1, 5.0, None), (2, 2, 5.0, None)], [])
    made["lines"] = pa.table({"id": [1, 2, 3], "order_id": [0, 0, 1]})
    with connect(made) as warehouse:
        found = fetched(warehouse, {"n": UnitMetric(metric="lines")})
        assert {who: row["n"] for who, row in found.items()} == {1: 2, 2: 1, 3: 0}
    made["orders"] = pa.concat_tables([made["orders"], made["orders"].slice(0, 1)])
    with connect(made) as warehouse, pytest.raises(SteelyardError, match="the key id of orders is not unique: 0"):
        fetched(warehouse, {"n": UnitMetric(metric="lines")})


def test_a_unit_that_rows_do_not_name_is_refused() -> None:
    with connect(tables([], [])) as warehouse:
        types = {name: warehouse.columns(name) for name in warehouse.tables()}
    for entity, error in (("order", DefinitionError), ("custommer", UnknownNameError)):
        with pytest.raises(error):
            unit_table(
                catalog(), entity=entity, units="SELECT 1 AS x", values={"v": UnitMetric(metric="visits")}, types=types
            )


@pytest.mark.parametrize(
    "said",
    [{"after": 7}, {"before": 7}, {"at": "x", "after": 7, "before": 7}, {"at": "x", "after": 0}],
)
def test_a_window_that_cannot_be_is_refused(said: dict[str, Any]) -> None:
    with pytest.raises(DefinitionError):
        UnitMetric(metric="spend", **said)


def test_a_part_that_a_metric_does_not_have_is_refused() -> None:
    with connect(tables([], [])) as warehouse:
        types = {name: warehouse.columns(name) for name in warehouse.tables()}
    for value in (UnitMetric(metric="spend", part="denominator"), UnitMetric(metric="average_order", part="any")):
        with pytest.raises(DefinitionError):
            unit_table(catalog(), entity="customer", units="SELECT 1 AS customer", values={"v": value}, types=types)


def test_a_panel_has_every_unit_in_every_local_period() -> None:
    """10 hours before the start it is still 5 March in UTC and in New York; 14 hours before, the day before there."""
    orders = [
        (1, -10, 1.0, None),
        (1, 0, 2.0, None),
        (1, 60, 4.0, "cancelled"),
        (4, 24, 8.0, None),
        (1, 999, 9.0, None),
    ]
    with connect(tables(orders, [])) as warehouse:
        types = {name: warehouse.columns(name) for name in warehouse.tables()}
        asked = {
            "entity": "customer",
            "period": "day",
            "since": date(2026, 3, 5),
            "until": date(2026, 3, 8),
            "types": types,
        }
        panel = unit_panel(catalog(), metric="spend", units="SELECT customer AS unit FROM people", **asked)  # type: ignore[arg-type]
        found = {(row["unit"], row["period"]): row["value"] for row in warehouse.fetch(panel).to_pylist()}
        assert len(found) == 3 * 4
        assert {key: value for key, value in found.items() if value} == {
            (1, date(2026, 3, 5)): 1.0,
            (1, date(2026, 3, 6)): 2.0,
        }
        everybody = unit_panel(catalog(), metric="spend", **asked)  # type: ignore[arg-type]
        assert {row["unit"] for row in warehouse.fetch(everybody).to_pylist()} == {1, 4}
        ratio = unit_panel(catalog(), metric="average_order", **asked)  # type: ignore[arg-type]
        first = next(
            row for row in warehouse.fetch(ratio).to_pylist() if row["unit"] == 4 and row["period"] == date(2026, 3, 7)
        )
        assert (first["numerator"], first["denominator"], first["value"]) == (8.0, 1, 8.0)


def test_a_panel_of_a_range_that_cannot_be_is_refused() -> None:
    with pytest.raises(DefinitionError):
        unit_panel(
            catalog(),
            entity="customer",
            metric="spend",
            period="day",
            since=date(2026, 1, 2),
            until=date(2026, 1, 1),
            types={},
        )
