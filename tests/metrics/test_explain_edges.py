"""Numbers that break naive arithmetic, and questions that are none: right, or refused with a hint."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from steelyard.errors import DefinitionError
from steelyard.metrics import Explanation, Metric, MetricCatalog, explain
from steelyard.metrics.attribution import settled
from steelyard.warehouse import TableDeclaration, connect

START = date(2026, 1, 5)
MONTH = (START + timedelta(days=35), START + timedelta(days=62))
WEEK = (START + timedelta(days=63), START + timedelta(days=69))
CATALOG = MetricCatalog.of(
    tables=[TableDeclaration(name="sales", key=("id",), time="day", dimensions=("kind",))],
    metrics=[
        Metric(name="taken", sum="sales.taken"),
        Metric(name="each", mean="sales.taken"),
        Metric(name="gross", sum="sales.gross"),
        Metric(name="refunds", sum="sales.refunds"),
        Metric(name="net", sum="sales.gross - sales.refunds"),
    ],
    trees={"net": "gross - refunds"},
)
MONEY = pa.decimal128(20, 2)


def told(
    taken: Callable[[int], Any] = lambda number: number % 11,
    metric: str = "taken",
    *,
    refunds: Callable[[int], Decimal] = lambda number: Decimal(0),
    gross: Decimal = Decimal(0),
    kind: pa.DataType | None = None,
    before: Any = MONTH,
    after: Any = WEEK,
    dimensions: Any = None,
) -> Explanation:
    numbers = range(70 * 12)
    table = pa.table(
        {
            "id": list(numbers),
            "day": [START + timedelta(days=number % 70) for number in numbers],
            "kind": ["abc"[number // 70 % 3] for number in numbers],
            "taken": pa.array([taken(number) for number in numbers], kind),
            "gross": pa.array([gross for _ in numbers], MONEY),
            "refunds": pa.array([refunds(number % 70) for number in numbers], MONEY),
        }
    )
    with connect({"sales": table}) as warehouse:
        return explain(CATALOG, warehouse, metric, before, after, dimensions)


def test_whole_numbers_beyond_two_to_the_53_are_explained() -> None:
    found = told(lambda number: 2**53 + 2 * number + 1, kind=pa.int64())
    assert found.search.ran
    assert math.fsum(segment.contribution for segment in found.dimensions[0].segments) == found.change


def test_a_row_of_history_that_is_no_number_is_said_and_spoils_nothing() -> None:
    good = told(lambda number: 1.0 + number % 70 // 63, kind=pa.float64())
    bad = told(lambda number: math.nan if number == 5 else 1.0 + number % 70 // 63, kind=pa.float64())
    assert any("1 day of a leaf of history hold NaN or infinity" in note for note in bad.notes)
    assert [cause.name for cause in bad.causes] == [cause.name for cause in good.causes] == ["everything"]
    assert bad.unexplained == good.unexplained
    assert bad.causes[0].statistic == pytest.approx(good.causes[0].statistic, rel=0.01)
    assert bad.to_dict()["notes"] == list(bad.notes)  # plain values, with no NaN among them


def test_terms_that_are_large_and_cancel_are_no_gap_of_the_tree() -> None:
    large = Decimal("1234567890123.17")
    found = told(metric="net", gross=large, refunds=lambda day: large - Decimal("0.01") * (1 + day // 63))
    assert found.tree is not None
    assert {factor.name for factor in found.tree.factors} == {"gross", "refunds"}
    assert math.fsum(factor.contribution for factor in found.tree.factors) == found.change
    assert not any("not make up" in note for note in found.notes)


@pytest.mark.parametrize("first", ["0001-01-01", "0001-03-01", "1970-01-01"])
def test_a_baseline_before_all_data_is_incomplete_and_no_traceback(first: str) -> None:
    found = told(before=(first, first))
    assert "incomplete" in {fault.kind for fault in found.faults}


@pytest.mark.parametrize(
    "given_range", [("2026-01-01",), "2026-01-01..2026-01-03", (), (None, None), (WEEK[1], WEEK[0])]
)
def test_what_is_no_range_is_refused_with_a_hint(given_range: Any) -> None:
    with pytest.raises(DefinitionError, match="is no range of dates") as caught:
        told(before=given_range)
    assert caught.value.hint


@pytest.mark.parametrize(
    ("dimensions", "problem"),
    [("kind", "is no list"), (["day"], "is a period"), (["kind", "week"], "is a period"), (["kind", "kind"], "twice")],
)
def test_what_is_no_list_of_dimensions_is_refused_with_a_hint(dimensions: Any, problem: str) -> None:
    with pytest.raises(DefinitionError, match=problem) as caught:
        told(dimensions=dimensions)
    assert caught.value.hint


@given(st.lists(st.floats(-10, 10), min_size=2, max_size=8))
def test_settled_parts_add_up_to_the_last_digit(parts: list[float]) -> None:
    total = math.fsum(parts) * (1 + 2**-50)
    assume(any(0 < abs(part) <= abs(total) for part in parts))  # else all are too coarse for it
    assert math.fsum(settled(parts, total, scale=10.0)) == total


def test_a_part_too_coarse_for_the_last_digit_leaves_it_to_a_smaller_one() -> None:
    parts, total = (0.8, -0.7125476190476194, 1e-6), 0.08745338095238062
    assert math.fsum(settled(parts, total)) == total
