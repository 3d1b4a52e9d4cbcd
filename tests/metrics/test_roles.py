"""One entity under several names: a shipping and a billing address, a manager who is an employee."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from steelyard.errors import DefinitionError, UnknownNameError
from steelyard.metrics import Metric, MetricCatalog, query
from steelyard.warehouse import Role, TableDeclaration, connect

ADDRESSES = pa.table({"address_id": [1, 2, 3], "city": ["Bonn", "Lyon", "Rome"], "land_id": [7, 8, 9]})
LANDS = pa.table({"land_id": [7, 8, 9], "land": ["DE", "FR", "IT"]})
ORDERS = pa.table(
    {
        "order_id": [1, 2, 3, 4],
        "ship_id": [1, 1, 2, None],
        "bill_id": [1, 2, 99, 3],
        "amount": [10, 20, 40, 80],
    }
)


def shop(**of_orders: Any) -> MetricCatalog:
    roles = {
        "shipping": Role(entity="address", columns=("ship_id",)),
        "billing": Role(entity="address", columns=("bill_id",)),
    }
    said: dict[str, Any] = {"roles": roles, **of_orders}
    return MetricCatalog.of(
        tables=[
            TableDeclaration(
                name="addresses",
                key=("address_id",),
                entity="address",
                entities={"land": ("land_id",)},
                dimensions=("city",),
            ),
            TableDeclaration(name="lands", key=("land_id",), entity="land", dimensions=("land",)),
            TableDeclaration(name="orders", key=("order_id",), entity="order", **said),
            TableDeclaration(name="lines", key=("line_id",), entities={"order": ("order_id",)}),
        ],
        metrics=[Metric(name="amount", sum="orders.amount"), Metric(name="lines", count="lines")],
    )


TABLES = {
    "addresses": ADDRESSES,
    "lands": LANDS,
    "orders": ORDERS,
    "lines": pa.table({"line_id": [1, 2, 3], "order_id": [1, 2, 2]}),
}


def rows(catalog: MetricCatalog, metric: str, **asked: Any) -> set[tuple[Any, ...]]:
    with connect(TABLES) as warehouse:
        return {tuple(row.values()) for row in query(catalog, warehouse, metric, **asked).rows()}


def test_each_role_is_a_dimension_of_its_own() -> None:
    assert rows(shop(), "amount", by="shipping.city") == {("Bonn", 30), ("Lyon", 40), ("(unknown)", 80)}
    assert rows(shop(), "amount", by="billing.city") == {("Bonn", 10), ("Lyon", 20), ("Rome", 80), ("(unknown)", 40)}


def test_two_roles_stand_side_by_side_in_one_question() -> None:
    assert rows(shop(), "amount", by=["shipping.city", "billing.city"]) == {
        ("Bonn", "Bonn", 10),
        ("Bonn", "Lyon", 20),
        ("Lyon", "(unknown)", 40),
        ("(unknown)", "Rome", 80),
    }


def test_a_filter_by_one_role_does_not_touch_the_other() -> None:
    assert rows(shop(), "amount", by="billing.city", where="shipping.city = 'Bonn'") == {("Bonn", 10), ("Lyon", 20)}
    assert rows(shop(), "amount", where="shipping.city = 'Bonn' AND billing.city = 'Lyon'") == {(20,)}


def test_a_role_leads_on_to_what_lies_behind_its_table() -> None:
    assert rows(shop(), "amount", by="billing.land") == {("DE", 10), ("FR", 20), ("IT", 80), ("(unknown)", 40)}


def test_a_role_is_followed_from_a_table_further_down() -> None:
    assert rows(shop(), "lines", by="billing.city") == {("Bonn", 1), ("Lyon", 2)}


def test_the_name_of_a_role_is_its_id() -> None:
    assert rows(shop(), "amount", by="billing", where="billing = 99") == {(99, 40)}


@pytest.mark.parametrize("name", ["city", "addresses.city", "land", "lands.land"])
def test_a_name_that_two_roles_have_is_refused_with_the_names_to_choose_from(name: str) -> None:
    with pytest.raises(DefinitionError) as caught:
        rows(shop(), "amount", by=name)
    column = name.rpartition(".")[2]
    assert "can be reached from 'orders' in 2 ways" in caught.value.problem
    assert caught.value.hint == f"write shipping.{column} or billing.{column}"


def test_beside_roles_the_entity_itself_is_what_a_bare_name_means() -> None:
    catalog = shop(entities={"address": ("ship_id",)}, roles={"billing": Role(entity="address", columns=("bill_id",))})
    expected = {("Bonn", 30), ("Lyon", 40), ("(unknown)", 80)}
    for name in ("city", "addresses.city", "address.city"):
        assert rows(catalog, "amount", by=name) == expected
    assert ("Rome", 80) in rows(catalog, "amount", by="billing.city")


def test_the_dimensions_of_a_metric_name_its_roles() -> None:
    found = shop().dimensions("amount")
    assert {"shipping.city", "billing.city"} <= set(found)
    assert "city" not in found


def test_a_misspelt_role_or_column_is_met_with_the_nearest() -> None:
    with pytest.raises(UnknownNameError) as caught:
        rows(shop(), "amount", by="shiping.city")
    assert caught.value.hint == "did you mean 'shipping'?"
    with pytest.raises(UnknownNameError) as caught:
        rows(shop(), "amount", by="shipping.cty")
    assert caught.value.hint.startswith("did you mean 'shipping.city'")


def test_a_table_may_refer_to_itself_by_a_role() -> None:
    staff = pa.table(
        {"id": [1, 2, 3, 4], "boss": [None, 1, 1, 2], "name": ["Ada", "Bob", "Cyd", "Dan"], "pay": [8, 4, 4, 2]}
    )
    catalog = MetricCatalog.of(
        tables=[
            TableDeclaration(
                name="staff",
                key=("id",),
                entity="person",
                roles={"manager": Role(entity="person", columns=("boss",))},
                dimensions=("name",),
            )
        ],
        metrics=[Metric(name="pay", sum="staff.pay")],
    )
    with connect({"staff": staff}) as warehouse:
        found = {row["name"]: row["pay"] for row in query(catalog, warehouse, "pay", by="manager.name").rows()}
        assert found == {"Ada": 8, "Bob": 2, "(unknown)": 8}
        assert {row["name"]: row["pay"] for row in query(catalog, warehouse, "pay", by="name").rows()}["Ada"] == 8


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        ({"roles": {"lines": Role(entity="address", columns=("ship_id",))}}, "has the name of a table"),
        (
            {"entities": {"x": ("ship_id",)}, "roles": {"x": Role(entity="address", columns=("ship_id",))}},
            "is an entity and a role",
        ),
        ({"roles": {"x": Role(entity="address", columns=("a", "b"))}}, "'address' as 'x' by 2 columns"),
        ({"one_to_one": ("adress",)}, "no reference of 'orders' named 'adress'"),
        ({"complete_references": ("y",)}, "no reference of 'orders' named 'y'"),
    ],
)
def test_what_cannot_be_declared_is_refused(said: dict[str, Any], problem: str) -> None:
    with pytest.raises((DefinitionError, UnknownNameError)) as caught:
        shop(**said)
    assert problem in caught.value.problem


IDS = st.one_of(st.none(), st.integers(1, 4))


@settings(max_examples=40)
@given(st.lists(st.tuples(IDS, IDS, st.integers(-9, 9)), min_size=1, max_size=20))
def test_two_roles_give_what_a_dictionary_gives(orders: list[tuple[int | None, int | None, int]]) -> None:
    city = {1: "Bonn", 2: "Lyon", 3: "Rome"}
    expected: dict[tuple[str, str], int] = {}
    for ship, bill, amount in orders:
        key = tuple(city.get(item or 0, "(unknown)") for item in (ship, bill))
        expected[key] = expected.get(key, 0) + amount  # type: ignore[index,arg-type]
    table = pa.table(
        {
            "order_id": list(range(len(orders))),
            "ship_id": pa.array([ship for ship, _, _ in orders], pa.int64()),
            "bill_id": pa.array([bill for _, bill, _ in orders], pa.int64()),
            "amount": [amount for *_, amount in orders],
        }
    )
    with connect({**TABLES, "orders": table}) as warehouse:
        answer = query(shop(), warehouse, "amount", by=["shipping.city", "billing.city"])
    found = {tuple(row.values())[:2]: row["amount"] for row in answer.rows()}
    assert found == expected
