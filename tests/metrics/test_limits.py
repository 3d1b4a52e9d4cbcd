"""Values outside a metric's limits are said and not changed; a quotient of 0 is 0, whatever its sign."""

from __future__ import annotations

import math
from datetime import date
from decimal import Decimal

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st
from tests.metrics.brute_force import FIRST, Event, catalog_of, warehouse_of

from steelyard.metrics import Metric, Ratio, query
from steelyard.metrics.limits import outside_limits


@given(st.lists(st.none() | st.integers(-3, 3)), st.integers(-2, 0), st.integers(0, 2))
def test_as_many_values_are_said_to_be_outside_as_are(values: list[int | None], least: int, most: int) -> None:
    metric = Metric(name="net", sum="events.amount", limits={"min": least, "max": most})
    wrong = [value for value in values if value is not None and not least <= value <= most]
    said = list(outside_limits(pa.table({"net": pa.array(values, pa.int64())}), [metric]))
    assert len(said) == bool(wrong)
    if wrong:
        assert f"in {len(wrong)} of {len(values)} row" in said[0]
        assert f": {wrong[0]} is {'below' if wrong[0] < least else 'above'} " in said[0]


def test_the_first_value_outside_is_named_with_its_group() -> None:
    table = pa.table(
        {
            "period": [date(2026, 1, 1), date(2026, 2, 1)],
            "country": ["DE", "FR"],
            "rate": [Decimal("0.5"), Decimal("1.01")],
        }
    )
    rate = Metric(name="rate", mean="events.amount", limits={"min": 0, "max": 1})
    assert list(outside_limits(table, [rate])) == [
        "rate is outside its limits in 1 of 2 rows: 1.01 is above 1, where period is 2026-02-01 and country is FR."
    ]


def test_limits_are_said_in_the_notes_and_in_how_and_change_no_number() -> None:
    few = Metric(name="few", count="events", limits={"max": 1})
    with warehouse_of([Event(0, 1, "web", FIRST, 1), Event(1, 1, "web", FIRST, 1)]) as warehouse:
        answer = query(catalog_of(few), warehouse, "few")
    assert answer.rows() == [{"few": 2}]
    assert answer.notes == ("few is outside its limits in 1 of 1 row: 2 is above 1.",)
    assert answer.how.notes == answer.notes


def test_nothing_over_something_negative_is_zero_and_not_minus_zero() -> None:
    metrics = [
        Metric(name="total", sum="events.amount"),
        Metric(name="web", sum="events.amount", where="channel = 'web'"),
        Metric(name="rate", ratio=Ratio(numerator="web", denominator="total")),
        Metric(name="worked_out", derived="web / total"),
    ]
    with warehouse_of([Event(0, 1, "app", FIRST, -15)]) as warehouse:
        (row,) = query(catalog_of(*metrics), warehouse, ["rate", "worked_out"]).rows()
    assert row == {"rate": 0.0, "worked_out": 0.0}
    assert all(math.copysign(1, value) == 1 for value in row.values())
