"""Ways by which an answer would tell of fewer people than its project tells of, and which must tell nothing."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest

from steelyard.errors import PolicyError
from steelyard.metrics import Metric, MetricCatalog, query
from steelyard.warehouse import TableDeclaration, connect

FEW = 3  # people in AT, of whom nothing is told; the other fifty are in DE
ROWS = pa.table(
    {
        "id": range(53),
        "customer": range(53),
        "country": ["AT"] * FEW + ["DE"] * 50,
        "day": pa.array([20454 + (number >= FEW) for number in range(53)], pa.int32()).cast(pa.date32()),
        "amount": [100 + number for number in range(53)],
    }
)
CATALOG = MetricCatalog.of(
    metrics=[Metric(name="revenue", sum="orders.amount"), Metric(name="so_far", cumulative="revenue")],
    tables=[
        TableDeclaration(
            name="orders", key=("id",), time="day", dimensions=("country",), entities={"customer": ("customer",)}
        )
    ],
    smallest_group=10,
    smallest_group_of="customer",
)


@pytest.mark.parametrize(
    "asked",
    [{}, {"by": "week"}, {"by": "country"}, {"by": "day", "fill": False}, {"limit": 1}],
    ids=str,
)
def test_whether_a_small_group_fulfils_a_condition_on_its_number_is_not_told(asked: dict[str, Any]) -> None:
    with connect({"orders": ROWS}) as warehouse:
        answers = [
            query(CATALOG, warehouse, "revenue", where="country = 'AT'", having=having, **asked)
            for having in ("revenue > 302", "revenue > 303", "revenue = 303", "revenue IS NULL", "revenue < 1000000")
        ]
    assert [(answer.rows(), answer.notes, answer.withheld) for answer in answers] == [
        ([], answers[0].notes, 1) for _ in answers
    ]


def test_a_running_total_less_the_one_before_is_not_told() -> None:
    with connect({"orders": ROWS}) as warehouse, pytest.raises(PolicyError):
        query(CATALOG, warehouse, "so_far", by="day")
