"""Numbers that other tools get wrong without a word; these tests are never weakened."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from steelyard.errors import DataError, DefinitionError
from steelyard.metrics import Measure, Metric, MetricCatalog, Ratio, query
from steelyard.warehouse import TableDeclaration, connect

DAY = date(2026, 1, 1)
CATALOG = MetricCatalog.of(
    tables=[
        TableDeclaration(
            name="orders",
            key=("id",),
            entity="order",
            entities={"customer": ("customer",)},
            time="day",
            dimensions=("status",),
        ),
        TableDeclaration(name="lines", entities={"order": ("order_id",)}, dimensions=("product",)),
        TableDeclaration(name="customers", key=("id",), entity="customer", dimensions=("country",)),
    ],
    metrics=[
        Metric(name="fee", sum="orders.fee"),
        Metric(name="orders", count="orders"),
        Metric(name="kept", count="orders", exclude="status = 'cancelled'"),
        Metric(name="cancelled", count="orders", where="status = 'cancelled'"),
        Metric(name="items", sum="lines.quantity"),
        Metric(
            name="per_order", ratio=Ratio(numerator=Measure(sum="lines.quantity"), denominator=Measure(count="orders"))
        ),
    ],
)
ID = st.one_of(st.none(), st.integers(0, 4))
ORDER = st.tuples(ID, st.integers(0, 60), st.sampled_from(["paid", "cancelled", None]), st.integers(-5, 5))
LINE = st.tuples(st.integers(0, 8), st.integers(1, 3))
CUSTOMER = st.dictionaries(st.integers(0, 3), st.sampled_from(["DE", "FR", "(unknown)", None]))
shop = st.tuples(st.lists(ORDER, max_size=8), st.lists(LINE, max_size=10), CUSTOMER)


def tables(made: tuple[Any, Any, Any]) -> dict[str, pa.Table]:
    orders, lines, customers = made
    return {
        "orders": pa.table(
            {
                "id": pa.array(range(len(orders)), pa.int64()),
                "customer": pa.array([row[0] for row in orders], pa.int64()),
                "day": pa.array([DAY + timedelta(days=row[1]) for row in orders], pa.date32()),
                "status": pa.array([row[2] for row in orders], pa.string()),
                "fee": pa.array([row[3] for row in orders], pa.int64()),
            }
        ),
        "lines": pa.table(
            {
                "order_id": pa.array([row[0] for row in lines], pa.int64()),
                "quantity": pa.array([row[1] for row in lines], pa.int64()),
                "product": pa.array(["p"] * len(lines), pa.string()),
            }
        ),
        "customers": pa.table(
            {"id": pa.array(list(customers), pa.int64()), "country": pa.array(list(customers.values()), pa.string())}
        ),
    }


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(shop)
def test_parts_add_up_to_the_total_whatever_the_keys_are(made: tuple[Any, Any, Any]) -> None:
    orders, lines, customers = made
    metrics = ["fee", "orders", "kept", "cancelled", "items"]
    with connect(tables(made)) as warehouse:
        whole = query(CATALOG, warehouse, metrics).rows()[0]
        assert whole["fee"] == sum(row[3] for row in orders)
        assert whole["orders"] == len(orders) == whole["kept"] + whole["cancelled"]
        assert whole["kept"] == sum(row[2] != "cancelled" for row in orders)
        assert whole["items"] == sum(row[1] for row in lines)
        by_country = query(CATALOG, warehouse, metrics, by="country").rows()
        labels = [row["country"] for row in by_country]
        assert len(labels) == len(set(labels)), "a group is one row, also where the data itself says (unknown)"
        for name in metrics:
            assert sum(row[name] for row in by_country) == whole[name]
        timed = ["fee", "orders", "kept", "cancelled"]
        for grain in ("day", "week", "month"):
            found = query(CATALOG, warehouse, timed, by=[grain, "country"]).rows()
            keys = [(row["period"], row["country"]) for row in found]
            assert len(keys) == len(set(keys))
            assert all(sum(row[name] for row in found) == whole[name] for name in timed)
        for country in ("DE", "FR", "(unknown)"):
            kept = [row for row in orders if (customers.get(row[0]) or "(unknown)") == country]
            asked = query(CATALOG, warehouse, "fee", where=f"country = '{country}'").rows()[0]["fee"]
            other = query(CATALOG, warehouse, "fee", where=f"country <> '{country}'").rows()[0]["fee"]
            assert asked == sum(row[3] for row in kept)
            assert asked + other == whole["fee"]


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(shop, st.randoms(use_true_random=False))
def test_the_order_of_rows_and_a_table_in_two_change_no_number(
    made: tuple[Any, Any, Any], chance: random.Random
) -> None:
    base = tables(made)

    def answer(change: Callable[[pa.Table], pa.Table]) -> list[dict[str, Any]]:
        with connect({name: change(table) for name, table in base.items()}) as warehouse:
            return query(CATALOG, warehouse, ["fee", "items", "per_order"], by="country").rows()

    def shuffled(table: pa.Table) -> pa.Table:
        places = list(range(table.num_rows))
        chance.shuffle(places)
        return table.take(pa.array(places, pa.int64()))

    def halved(table: pa.Table) -> pa.Table:
        return pa.concat_tables([table.slice(0, table.num_rows // 2), table.slice(table.num_rows // 2)])

    key = lambda row: row["country"]
    first = sorted(answer(lambda table: table), key=key)
    assert sorted(answer(shuffled), key=key) == first
    assert sorted(answer(halved), key=key) == first


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(shop)
def test_a_doubled_row_of_a_dimension_is_caught_and_the_total_stays(made: tuple[Any, Any, Any]) -> None:
    base = tables(made)
    if base["customers"].num_rows == 0:
        return
    doubled = {**base, "customers": pa.concat_tables([base["customers"], base["customers"].slice(0, 1)])}
    with connect(doubled) as warehouse:
        with pytest.raises(DataError, match="is not unique"):
            query(CATALOG, warehouse, "fee", by="country")
        assert query(CATALOG, warehouse, "fee").rows()[0]["fee"] == sum(row[3] for row in made[0])


def test_a_fee_of_the_order_is_never_multiplied_by_its_lines() -> None:
    made = ([(0, 0, None, 5)], [(0, 1), (0, 2)], {0: "DE"})
    with connect(tables(made)) as warehouse:
        assert query(CATALOG, warehouse, ["fee", "items"], by="country").rows() == [
            {"country": "DE", "fee": 5, "items": 3}
        ]
        by_product = query(CATALOG, warehouse, "fee", by="product")
        assert by_product.rows() == [{"product": "p", "fee": 5}]
        assert any("overlap and do not add up" in note for note in by_product.notes)
        assert query(CATALOG, warehouse, "fee", where="product = 'p'").rows() == [{"fee": 5}]
        assert query(CATALOG, warehouse, "fee", where="product <> 'q'").rows() == [{"fee": 5}]
        assert query(CATALOG, warehouse, "fee", where="product <> 'p'").rows() == [{"fee": 0}]
    object.__setattr__(strict := replace(CATALOG), "fan_out", "refuse")
    with connect(tables(made)) as warehouse, pytest.raises(DefinitionError, match="many rows of 'lines'"):
        query(strict, warehouse, "fee", by="product")
