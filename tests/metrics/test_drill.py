"""The rows behind a cell make the cell: for every kind, in every group, also those that are not known."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from steelyard.errors import DataError, DefinitionError, PolicyError, UnknownNameError
from steelyard.metrics import Measure, Metric, MetricCatalog, Ratio, query
from steelyard.metrics.drill import Drill, drill
from steelyard.warehouse import TableDeclaration, Warehouse, connect

GROUPS = [(), ("country",), ("month",), ("week", "channel"), ("day",), ("joined_on",), ("country", "quarter")]


def made_of(found: Drill) -> Any:
    """The number that the drilled rows make, in plain Python."""
    values = [value for value in found.table.column(found.measure).to_pylist() if value is not None]
    if found.adds == "distinct":
        return len(set(values))
    if found.adds == "mean":
        return float(sum(values)) / len(values) if values else None
    return sum(values)


@pytest.mark.parametrize("by", GROUPS)
@pytest.mark.parametrize("metric", ["revenue", "orders", "average_order", "buyers", "german_revenue"])
def test_the_rows_of_every_cell_make_the_cell(
    catalog: MetricCatalog, shop: Warehouse, metric: str, by: tuple[str, ...]
) -> None:
    answer = query(catalog, shop, metric, by=by, fill=False)
    counted = 0
    for row in answer.rows():
        at = {answer.question.grain if name == "period" else name: row[name] for name in answer.dimensions}
        found = drill(catalog, shop, metric, at=at)
        assert found.value == row[metric]
        assert made_of(found) == row[metric]
        assert found.rows == found.table.num_rows
        counted += found.rows
    assert counted == answer.how.facts[0].rows


def test_each_side_of_a_ratio_has_its_rows(catalog: MetricCatalog, shop: Warehouse) -> None:
    answer = query(catalog, shop, "orders_per_visit", by="month", fill=False)
    for row in answer.rows():
        upper, lower = (
            drill(catalog, shop, "orders_per_visit", at={"month": row["period"]}, side=side)
            for side in ("numerator", "denominator")
        )
        assert [found.value for found in (upper, lower)] == [made_of(upper), made_of(lower)]
        expected = upper.value / lower.value if lower.value else None
        assert row["orders_per_visit"] == expected
        assert (upper.tables[0].name, lower.tables[0].name) == ("orders", "visits")


def test_a_named_side_is_without_the_rows_that_its_definition_excludes(catalog: MetricCatalog, shop: Warehouse) -> None:
    german = Measure(sum="orders.amount", where="country = 'DE'")
    ratio = Metric(name="share", ratio=Ratio(numerator=german, denominator="revenue"))
    whole = MetricCatalog.of(metrics=[*catalog.metrics.values(), ratio], tables=catalog.tables.values())
    found = drill(whole, shop, "share", side="denominator")
    assert found.value == made_of(found) == Decimal("190.00")
    assert "cancelled" not in found.table.column("status").to_pylist()


def test_the_sides_of_a_mean_can_be_drilled_too(catalog: MetricCatalog, shop: Warehouse) -> None:
    assert drill(catalog, shop, "average_order", side="denominator").value == 6
    assert drill(catalog, shop, "average_order", side="numerator").value == Decimal("210.00")


def test_unknown_and_none_mean_the_same_group_and_rows_without_a_time_are_a_cell(
    catalog: MetricCatalog, shop: Warehouse
) -> None:
    for value in (None, "(unknown)"):
        found = drill(catalog, shop, "revenue", at={"country": value})
        assert found.table.column("order_id").to_pylist() == [13, 14, 15]
        assert any("(unknown)" in note for note in found.notes)
    assert drill(catalog, shop, "revenue", at={"month": None}).table.column("order_id").to_pylist() == [15]
    assert drill(catalog, shop, "orders", at={"joined_on": None}).rows == 2


def test_conditions_and_dates_narrow_the_rows(catalog: MetricCatalog, shop: Warehouse) -> None:
    asked = {"where": "country <> 'FR'", "since": "2026-01-06", "until": "2026-01-20"}
    found = drill(catalog, shop, "revenue", at={"channel": "(unknown)"}, **asked)
    said = query(catalog, shop, "revenue", by="channel", **asked).rows()
    assert {row["channel"]: row["revenue"] for row in said}["(unknown)"] == found.value
    assert found.table.column("order_id").to_pylist() == [13]
    assert found.table.column("country").to_pylist() == [None]


def test_sensitive_columns_are_left_out_and_said(catalog: MetricCatalog, shop: Warehouse) -> None:
    found = drill(catalog, shop, "revenue")
    assert "email" not in found.table.column_names
    assert found.left_out == ("orders.email",)
    assert "orders.email" in found.notes[0]
    with pytest.raises(PolicyError):
        drill(catalog, shop, "revenue", at={"email": "a@x"})


def test_what_a_sensitive_column_adds_is_left_out_too(
    shop_catalog: Callable[..., MetricCatalog], shop: Warehouse
) -> None:
    hidden = shop_catalog(sensitive=("orders.amount",))
    found = drill(hidden, shop, "revenue")
    assert found.measure == ""
    assert not {"amount", "revenue"} & set(found.table.column_names)
    assert found.value == Decimal("190.00")
    assert "190.00" in found.to_text()


def test_a_limit_shows_some_rows_and_counts_all(catalog: MetricCatalog, shop: Warehouse) -> None:
    found = drill(catalog, shop, "revenue", limit=2)
    assert (found.table.num_rows, found.rows, found.truncated) == (2, 5, True)
    assert found.value == Decimal("190.00")
    assert found.notes[0] == "2 of 5 rows are shown; the number is of all of them."


def test_values_are_read_as_the_column_has_them(catalog: MetricCatalog, shop: Warehouse) -> None:
    assert drill(catalog, shop, "line_value", at={"quantity": "2"}).value == Decimal("4.00")
    assert drill(catalog, shop, "orders", at={"joined_on": "2025-01-01"}).rows == 4
    with pytest.raises(DefinitionError, match=r"the column is BIGINT|the column is INTEGER"):
        drill(catalog, shop, "line_value", at={"quantity": "two"})


def test_a_period_is_named_by_its_grain(catalog: MetricCatalog, shop: Warehouse) -> None:
    week = {"week": date(2026, 1, 5)}
    assert drill(catalog, shop, "orders", at={"period": "2026-01-05"}, grain="week").rows == 3
    assert drill(catalog, shop, "orders", at=week).rows == 3


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ({"at": {"period": "2026-01-01"}}, "does not say whether"),
        ({"at": {"month": "2026-01-02"}}, "no month begins on 2026-01-02"),
        ({"at": {"month": "January"}}, "'January' is not a date"),
        ({"at": {"month": "2026-01-01", "day": "2026-01-01"}}, "one period"),
        ({"at": {"period": "2026-01-01"}, "grain": "fortnight"}, "'fortnight' is no grain"),
        ({"grain": "month"}, "the month is not said"),
        ({"side": "top"}, "'top' is no side"),
        ({"side": "numerator"}, "is a sum, and has no numerator"),
        ({"limit": 0}, "limit = 0 leaves no rows"),
    ],
)  # fmt: skip
def test_what_is_no_cell_is_refused(catalog: MetricCatalog, shop: Warehouse, asked: dict[str, Any], says: str) -> None:
    with pytest.raises(DefinitionError, match=says):
        drill(catalog, shop, "revenue", **asked)


def test_a_ratio_without_a_side_and_unknown_names_are_refused(catalog: MetricCatalog, shop: Warehouse) -> None:
    with pytest.raises(DefinitionError, match="is a ratio, and each side"):
        drill(catalog, shop, "orders_per_visit")
    with pytest.raises(UnknownNameError, match="contry"):
        drill(catalog, shop, "revenue", at={"contry": "DE"})
    with pytest.raises(UnknownNameError, match="revenu"):
        drill(catalog, shop, "revenu")


def test_a_false_key_is_refused_for_its_rows_would_be_shown_twice(
    catalog: MetricCatalog, shop_tables: Callable[[], dict[str, pa.Table]]
) -> None:
    tables = shop_tables()
    tables["customers"] = pa.concat_tables([tables["customers"], tables["customers"]])
    with connect(tables) as warehouse:
        assert drill(catalog, warehouse, "revenue").rows == 5
        with pytest.raises(DataError, match="not unique"):
            drill(catalog, warehouse, "revenue", at={"country": "DE"})


def test_text_of_users_never_becomes_sql(catalog: MetricCatalog, shop: Warehouse) -> None:
    found = drill(catalog, shop, "revenue", at={"channel": "web' OR 1 = 1 --"})
    assert (found.rows, found.value) == (0, 0)
    assert "OR 1 = 1" not in found.sql


def test_rows_with_nan_bytes_and_moments_have_a_plain_form() -> None:
    rows = pa.table({"id": [1], "x": [float("nan")], "b": [b"\x01"], "at": [datetime(2026, 1, 5)], "v": [2]})  # noqa: DTZ001
    catalog = MetricCatalog.of(metrics=[Metric(name="v", sum="t.v")], tables=[TableDeclaration(name="t", key=("id",))])
    with connect({"t": rows}) as warehouse:
        said = drill(catalog, warehouse, "v").to_dict()
    assert said["shown"][0] == {"id": 1, "x": "nan", "b": "01", "at": "2026-01-05T00:00:00", "v": 2, "v_2": 2}
