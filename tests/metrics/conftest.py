"""A small shop, in which every join has something that does not match."""
# ruff: noqa: DTZ001 - naive timestamps are what is tested

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, datetime
from decimal import Decimal

import pyarrow as pa
import pytest

from steelyard.metrics import Measure, Metric, MetricCatalog, Ratio
from steelyard.warehouse import TableDeclaration, Warehouse, connect

MONEY = pa.decimal128(12, 2)


def money(*values: str | None) -> pa.Array:
    return pa.array([None if value is None else Decimal(value) for value in values], MONEY)


def shop_tables() -> dict[str, pa.Table]:
    at = [
        datetime(2026, 1, 5, 9), datetime(2026, 1, 6, 9), datetime(2026, 1, 8, 9), datetime(2026, 1, 20, 9),
        datetime(2026, 1, 21, 9), None,
    ]  # fmt: skip
    return {
        "customers": pa.table(
            {"customer_id": [1, 2, 3], "country": ["DE", "FR", None], "joined_on": [date(2025, 1, 1)] * 3}
        ),
        "orders": pa.table(
            {
                "order_id": [10, 11, 12, 13, 14, 15],
                "customer_id": [1, 1, 2, 3, 99, None],
                "ordered_at": pa.array(at, pa.timestamp("us")),
                "channel": ["web", "app", "web", None, "web", "web"],
                "status": ["paid", "cancelled", None, "paid", "paid", "paid"],
                "amount": money("10.00", "20.00", "30.00", "40.00", "50.00", "60.00"),
                "email": ["a@x", "b@x", "c@x", "d@x", "e@x", "f@x"],
            }
        ),
        "lines": pa.table(
            {
                "line_id": [1, 2, 3, 4],
                "order_id": [10, 10, 12, 77],
                "quantity": [1, 2, 3, 4],
                "price": money("1.50", "2.00", "0.50", "9.00"),
            }
        ),
        "visits": pa.table(
            {
                "visit_id": [1, 2, 3, 4, 5],
                "customer_id": [1, 1, 2, 3, 2],
                "visited_on": pa.array(
                    [date(2026, 1, 5), date(2026, 1, 5), date(2026, 1, 6), date(2026, 1, 20), date(2026, 2, 2)]
                ),
                "channel": ["web", None, "web", "mail", "web"],
            }
        ),
    }


TABLES = (
    TableDeclaration(name="customers", key=("customer_id",), entity="customer", dimensions=("country", "joined_on")),
    TableDeclaration(
        name="orders",
        key=("order_id",),
        entity="order",
        entities={"customer": ("customer_id",)},
        time="ordered_at",
        dimensions=("channel", "status", "email"),
    ),
    TableDeclaration(
        name="lines", key=("line_id",), entities={"order": ("order_id",)}, time="", dimensions=("quantity",)
    ),
    TableDeclaration(
        name="visits",
        key=("visit_id",),
        entities={"customer": ("customer_id",)},
        time="visited_on",
        dimensions=("channel",),
    ),
)
METRICS = (
    Metric(name="revenue", sum="orders.amount", exclude="status = 'cancelled'", measured_in="USD", better="up"),
    Metric(name="orders", count="orders"),
    Metric(name="average_order", mean="orders.amount", measured_in="USD"),
    Metric(name="buyers", distinct="orders.customer_id"),
    Metric(name="line_value", sum="lines.quantity * lines.price"),
    Metric(name="visits", count="visits"),
    Metric(
        name="orders_per_visit", ratio=Ratio(numerator=Measure(count="orders"), denominator=Measure(count="visits"))
    ),
    Metric(name="german_revenue", sum="orders.amount", where="country = 'DE'"),
)


def shop_catalog(**settings: object) -> MetricCatalog:
    given: dict[str, object] = {"metrics": METRICS, "tables": TABLES, "sensitive": ("orders.email",), **settings}
    return MetricCatalog.of(**given)  # type: ignore[arg-type]


@pytest.fixture(name="shop_catalog")
def _shop_catalog() -> Callable[..., MetricCatalog]:
    """Makes the shop's catalog, with other settings."""
    return shop_catalog


@pytest.fixture(name="shop_tables")
def _shop_tables() -> Callable[[], dict[str, pa.Table]]:
    """Makes the shop's tables."""
    return shop_tables


@pytest.fixture
def catalog() -> MetricCatalog:
    return shop_catalog()


@pytest.fixture
def shop() -> Iterator[Warehouse]:
    with connect(shop_tables()) as warehouse:
        yield warehouse
