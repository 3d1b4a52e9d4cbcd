"""Why a metric differs between two ranges: the parts add up, and what misleads is named."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from steelyard.errors import DefinitionError, PolicyError, UnknownNameError
from steelyard.metrics import Explanation, Metric, MetricCatalog, Ratio, explain
from steelyard.warehouse import TableDeclaration, Warehouse, connect

DAY = date(2026, 1, 1)
JANUARY, FEBRUARY = (DAY, date(2026, 1, 28)), (date(2026, 2, 1), date(2026, 2, 28))

CATALOG = MetricCatalog.of(
    tables=[
        TableDeclaration(name="visits", key=("id",), time="day", dimensions=("device", "secret")),
        TableDeclaration(name="orders", key=("id",), time="day", dimensions=("device",)),
    ],
    metrics=[
        Metric(name="revenue", sum="orders.amount", better="up", measured_in="USD"),
        Metric(name="visits", count="visits"),
        Metric(name="visitors", distinct="visits.who"),
        Metric(name="orders", count="orders"),
        Metric(name="conversion", ratio=Ratio(numerator="orders", denominator="visits")),
        Metric(name="average_order", mean="orders.amount"),
        Metric(name="visits_per_visitor", ratio=Ratio(numerator="visits", denominator="visitors")),
    ],
    trees={"revenue": "visits * conversion * average_order", "average_order": "revenue / orders"},
    sensitive=("secret",),
)


def shop(visits: list[dict[str, Any]], orders: list[dict[str, Any]]) -> Warehouse:
    kinds = {
        "visits": pa.schema(
            [
                ("id", pa.int64()),
                ("day", pa.date32()),
                ("device", pa.string()),
                ("who", pa.int64()),
                ("secret", pa.string()),
            ]
        ),
        "orders": pa.schema(
            [("id", pa.int64()), ("day", pa.date32()), ("device", pa.string()), ("amount", pa.float64())]
        ),
    }
    rows = {"visits": visits, "orders": orders}
    return connect(
        {
            name: pa.Table.from_pylist([{"id": n, **row} for n, row in enumerate(rows[name])], schema=kinds[name])
            for name in kinds
        }
    )


def month(
    start: date, device: str, visits: int, orders: int, amount: float
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Visits and orders of one device, spread over four weeks."""
    return (
        [{"day": start + timedelta(days=n % 28), "device": device, "who": n % 7, "secret": "x"} for n in range(visits)],
        [{"day": start + timedelta(days=n % 28), "device": device, "amount": amount} for n in range(orders)],
    )


def with_months(*months: tuple[date, str, int, int, float]) -> Warehouse:
    made = [month(*item) for item in months]
    return shop([row for visits, _ in made for row in visits], [row for _, orders in made for row in orders])


@pytest.fixture
def simpson() -> Iterator[Warehouse]:
    """Each device converts better than before, and the whole worse: mobile, which converts less, has grown."""
    with with_months(
        (JANUARY[0], "desktop", 400, 40, 10.0), (JANUARY[0], "mobile", 100, 2, 10.0),
        (FEBRUARY[0], "desktop", 100, 11, 10.0), (FEBRUARY[0], "mobile", 400, 12, 10.0),
    ) as warehouse:  # fmt: skip
        yield warehouse


def assert_adds_up(found: Explanation) -> None:
    assert found.change is not None
    if found.tree is not None:
        assert math.fsum(factor.contribution for factor in found.tree.factors) == pytest.approx(
            found.change, rel=1e-12, abs=1e-12
        )
    for dimension in found.dimensions:
        parts = math.fsum(segment.contribution for segment in dimension.segments) + dimension.overlap
        assert parts == pytest.approx(found.change, rel=1e-9, abs=1e-12), dimension.dimension
        for segment in dimension.segments:
            if segment.mix is not None and segment.rate is not None:
                assert segment.mix + segment.rate == pytest.approx(segment.contribution, abs=1e-12)


def test_the_tree_and_the_segments_add_up_to_the_change(simpson: Warehouse) -> None:
    found = explain(CATALOG, simpson, "revenue", JANUARY, FEBRUARY)
    assert (found.before, found.after, found.change, found.basis) == (420.0, 230.0, -190.0, "total")
    assert found.tree is not None
    assert found.tree.method == "LMDI"
    assert found.tree.factors[0].name == "conversion"
    assert {factor.name: factor.contribution for factor in found.tree.factors}["visits"] == 0
    assert_adds_up(found)


def test_simpsons_reversal_is_named(simpson: Warehouse) -> None:
    found = explain(CATALOG, simpson, "conversion", JANUARY, FEBRUARY)
    assert_adds_up(found)
    device = next(item for item in found.dimensions if item.dimension == "device")
    assert "Simpson's reversal: the whole fell" in device.reversal
    assert all(segment.rate is not None and segment.rate > 0 for segment in device.segments)
    text = found.to_text()
    assert "Simpson's reversal" in text
    assert "correlations" in text
    assert "cause" not in text.replace("not yet causes", "")


def test_no_reversal_is_named_where_there_is_none() -> None:
    with with_months(
        (JANUARY[0], "a", 100, 10, 1.0), (FEBRUARY[0], "a", 100, 20, 1.0), (FEBRUARY[0], "b", 10, 1, 1.0)
    ) as warehouse:
        found = explain(CATALOG, warehouse, "conversion", JANUARY, FEBRUARY)
        assert all(not dimension.reversal for dimension in found.dimensions)
        assert_adds_up(found)


def test_ranges_of_different_length_are_compared_per_day_with_the_totals_beside() -> None:
    months = ((JANUARY[0], "a", 280, 28, 10.0), (FEBRUARY[0], "a", 280, 28, 10.0))
    with with_months(*months) as warehouse:
        found = explain(CATALOG, warehouse, "revenue", JANUARY, (date(2026, 2, 1), date(2026, 2, 14)))
        assert found.basis == "per day"
        assert (found.before, found.after) == (10.0, 10.0)
        assert found.totals == (280.0, 140.0)
        assert any("28 and 14 days" in note for note in found.notes)
        assert found.tree is not None
        assert_adds_up(found)
        ratio = explain(CATALOG, warehouse, "conversion", JANUARY, (date(2026, 2, 1), date(2026, 2, 14)))
        assert ratio.basis == "value"


def test_a_metric_that_comes_from_nothing_is_explained_without_nan() -> None:
    with with_months((JANUARY[0], "a", 100, 0, 1.0), (FEBRUARY[0], "a", 100, 20, 5.0)) as warehouse:
        found = explain(CATALOG, warehouse, "revenue", JANUARY, FEBRUARY)
        assert_adds_up(found)
        assert found.change == 100.0
        assert any("undefined in one of the ranges" in note for note in found.notes)
        undefined = explain(CATALOG, warehouse, "average_order", JANUARY, FEBRUARY)
        assert undefined.change is None
        assert "There is nothing to compare." in undefined.to_text()


def test_a_change_of_sign_goes_by_shapley() -> None:
    with with_months((JANUARY[0], "a", 100, 10, 4.0), (FEBRUARY[0], "a", 100, 10, -2.0)) as warehouse:
        found = explain(CATALOG, warehouse, "revenue", JANUARY, FEBRUARY)
        assert found.tree is not None
        assert found.tree.method == "Shapley"
        assert_adds_up(found)


def test_a_tree_that_does_not_make_up_its_metric_says_what_it_leaves_over() -> None:
    leaky = MetricCatalog.of(
        tables=list(CATALOG.tables.values()),
        metrics=list(CATALOG.metrics.values()),
        trees={"revenue": "visits * average_order"},
    )
    with with_months((JANUARY[0], "a", 100, 10, 4.0), (FEBRUARY[0], "a", 100, 20, 4.0)) as warehouse:
        found = explain(leaky, warehouse, "revenue", JANUARY, FEBRUARY)
        assert found.tree is not None
        assert "not in the tree" in {factor.name for factor in found.tree.factors}
        assert_adds_up(found)


def test_a_distinct_count_by_segments_that_share_people_says_what_overlaps(simpson: Warehouse) -> None:
    found = explain(CATALOG, simpson, "visitors", JANUARY, FEBRUARY, dimensions=["device"])
    assert_adds_up(found)
    assert found.before == 7
    grown = explain(CATALOG, simpson, "visits_per_visitor", JANUARY, FEBRUARY)
    assert "no shares that add up" in grown.skipped["device"]


def test_a_sensitive_dimension_is_not_looked_at_and_refused_when_asked(simpson: Warehouse) -> None:
    found = explain(CATALOG, simpson, "visits", JANUARY, FEBRUARY)
    assert {dimension.dimension for dimension in found.dimensions} == {"device"}
    with pytest.raises(PolicyError):
        explain(CATALOG, simpson, "visits", JANUARY, FEBRUARY, dimensions=["secret"])
    with pytest.raises(UnknownNameError):
        explain(CATALOG, simpson, "visits", JANUARY, FEBRUARY, dimensions=["devise"])


@pytest.mark.parametrize("bad", [("2026-02-01", "2026-01-01"), ("soon", "2026-01-01")])
def test_a_range_that_cannot_be_is_refused(simpson: Warehouse, bad: tuple[str, str]) -> None:
    with pytest.raises(DefinitionError):
        explain(CATALOG, simpson, "visits", bad, FEBRUARY)


CELL = st.tuples(st.sampled_from("abc"), st.integers(1, 20), st.integers(0, 20), st.sampled_from([0.01, 1.0, 12.34]))


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(CELL, min_size=1, max_size=3),
    st.lists(CELL, min_size=1, max_size=3),
    st.sampled_from(["revenue", "conversion", "visitors", "average_order"]),
)
def test_every_explanation_adds_up(before: list[Any], after: list[Any], metric: str) -> None:
    with with_months(*((JANUARY[0], *cell) for cell in before), *((FEBRUARY[0], *cell) for cell in after)) as warehouse:
        found = explain(CATALOG, warehouse, metric, JANUARY, FEBRUARY)
        if found.change is not None:
            assert_adds_up(found)
        assert found.to_text()
