"""A streamed answer has the rows of `query`, whatever is asked."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from steelyard.errors import DataError, DefinitionError, PolicyError
from steelyard.metrics import Metric, MetricCatalog, Ratio, query
from steelyard.metrics.streamed import stream
from steelyard.warehouse import Query, TableDeclaration, Warehouse, connect

ORDERS = """
SELECT i AS id, i % 70000 AS customer, CASE WHEN i % 5 = 0 THEN NULL ELSE 'c' || CAST(i % 7 AS VARCHAR) END AS country,
  CAST(i % 100 AS DECIMAL(12, 2)) AS amount, TIMESTAMP '2026-03-28 00:00:00' + CAST(i % 96 AS INTEGER) * INTERVAL 1 HOUR
  AS at, CASE WHEN i = 5 THEN CAST('nan' AS DOUBLE) ELSE 1.5 END AS weight
FROM number_series(0, 99999) AS r(i)
"""
CATALOG = MetricCatalog.of(
    metrics=[
        Metric(name="revenue", sum="orders.amount"),
        Metric(name="orders", count="orders"),
        Metric(name="average", ratio=Ratio(numerator="revenue", denominator="orders")),
        Metric(name="weight", sum="orders.weight"),
    ],
    tables=[TableDeclaration(name="orders", key=("id",), time="at", dimensions=("customer", "country"))],
    zone="Europe/Berlin",
)


@pytest.fixture(scope="module")
def warehouse() -> Iterator[Warehouse]:
    with connect("duckdb://") as made:
        made.write("orders", made.fetch(Query(sql=ORDERS, limit=100_000)))
        yield made


@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"by": ["customer"]},
        {"by": ["customer"], "limit": 3},
        {"by": ["country", "day"], "where": "country = 'c1'", "since": "2026-03-28"},
        {"by": ["hour"]},
        {"by": ["country"], "top": 2},
        {"by": ["country"], "having": "revenue > 1e12"},
    ],
    ids=str,
)
def test_a_stream_has_the_rows_of_a_query(warehouse: Warehouse, asked: dict[str, Any]) -> None:
    whole = query(CATALOG, warehouse, ["revenue", "orders", "average"], **asked)
    with stream(CATALOG, warehouse, ("revenue", "orders", "average"), **asked) as answer:
        parts = list(answer.parts)
        rows = [row for part in parts for row in part.to_pylist()]
        assert answer.how.sql == whole.how.sql
        assert answer.how.digests == whole.how.digests
        assert {part.schema for part in parts} <= {answer.schema}
    assert rows == whole.table.to_pylist()
    assert answer.schema.names == whole.table.column_names


def test_a_number_that_is_none_is_an_error_in_the_stream_too(warehouse: Warehouse) -> None:
    with pytest.raises(DataError, match="NaN"), stream(CATALOG, warehouse, "weight", by="customer") as answer:
        list(answer.parts)


def test_what_a_query_refuses_a_stream_refuses(warehouse: Warehouse) -> None:
    for asked in ({"by": "nothing"}, {"where": "amount > (SELECT 1)"}, {"limit": 0}):
        with pytest.raises(DefinitionError), stream(CATALOG, warehouse, "revenue", **asked):
            pass
    hidden = MetricCatalog.of(
        metrics=[Metric(name="orders", count="orders")],
        tables=[TableDeclaration(name="orders", key=("id",), time="at", dimensions=("customer", "country"))],
        sensitive=("country",),
    )
    with pytest.raises(PolicyError), stream(hidden, warehouse, "orders", by="country"):
        pass
