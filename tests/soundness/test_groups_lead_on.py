"""The condition that a group of a page leads on with keeps the rows of that group, and no other."""

from __future__ import annotations

import pyarrow as pa
import pytest

from steelyard.dashboards import narrowed
from steelyard.metrics import Metric, MetricCatalog, query
from steelyard.warehouse import TableDeclaration, connect

CHANNELS = [None, "(unknown)", "(other)", "", "web", "O'Neill", "a OR b", "'; --", "%", "\\", "<b>"]
ROWS = pa.table(
    {
        "id": range(11 * 12),
        "channel": CHANNELS * 12,
        "store": [number % 4 if number % 5 else None for number in range(11 * 12)],
        "is_new": [(True, False, None)[number % 3] for number in range(11 * 12)],
    }
)
CATALOG = MetricCatalog.of(
    metrics=[Metric(name="orders", count="orders")],
    tables=[TableDeclaration(name="orders", key=("id",), dimensions=("channel", "store", "is_new"))],
)
WHERES = (
    "",
    "store = 1",
    "store = 1 OR store = 2",
    "store = 1\nor\tstore = 2",
    "(store=1)OR(store=2)",
    "NOT store = 1",
)


@pytest.mark.parametrize("where", WHERES)
@pytest.mark.parametrize("dimension", ["channel", "store", "is_new"])
def test_a_group_leads_on_to_its_own_rows(dimension: str, where: str) -> None:
    with connect({"orders": ROWS}) as warehouse:
        groups = query(CATALOG, warehouse, "orders", by=dimension, where=where or None).rows()
        assert groups
        for row in groups:
            only = narrowed(where, dimension, row[dimension])
            assert query(CATALOG, warehouse, "orders", where=only).rows() == [{"orders": row["orders"]}], only
