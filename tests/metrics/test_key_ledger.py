"""What an answer leans on is proved once a version, kept with it, and named by the answer; what is false is refused."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from steelyard.errors import DataError
from steelyard.metrics import Metric, MetricCatalog, UnitMetric, query, unit_table
from steelyard.pipeline.build import build
from steelyard.pipeline.table_definition import parse_table
from steelyard.warehouse import KeyProof, Role, Store, TableDeclaration, Warehouse, connect

NOW = datetime(2026, 1, 10, tzinfo=UTC)
CUSTOMERS = "-- key: customer_id\n-- entity: customer\n-- dimensions: [country]\nSELECT * FROM raw_customers"
ORDERS = "-- key: order_id\n-- entity: order\n-- entities: {customer: customer_id}\nSELECT * FROM raw_orders"
PLANS = (
    "-- key: customer_id\n-- entities: {customer: customer_id}\n-- history: {valid_from: since, valid_to: till}\n"
    "-- dimensions: [plan]\nSELECT * FROM raw_plans"
)
LINKS = (
    "-- entities: {order: order_id, campaign: campaign_id}\n-- one_to_one: [campaign]\n"
    "-- bridge: {of: order, to: campaign, weight: share}\nSELECT * FROM raw_links"
)
RAW = {
    "raw_customers": "SELECT * FROM (VALUES (1, 'DE'), (2, 'FR')) AS t (customer_id, country)",
    "raw_orders": "SELECT * FROM (VALUES (1, 1, 10), (2, 2, 20), (3, 9, 40), (4, NULL, 80)) "
    "AS t (order_id, customer_id, amount)",
    "raw_plans": "SELECT 1 AS customer_id, DATE '2026-01-01' AS since, CAST(NULL AS DATE) AS till, 'pro' AS plan",
    "raw_links": "SELECT * FROM (VALUES (1, 7, 0.5), (1, 8, 0.5)) AS t (order_id, campaign_id, share)",
}
METRICS = (Metric(name="amount", sum="orders.amount"),)
TABLES = {"customers": CUSTOMERS, "orders": ORDERS, "plans": PLANS, "links": LINKS}


@pytest.fixture(name="store")
def _store(tmp_path: Path) -> Store:
    store = Store.open(tmp_path / "store")
    put(store, **RAW)
    return store


def put(store: Store, **tables: str) -> None:
    with store.transaction("raw") as change:
        for name, sql in tables.items():
            change.create(name, sql)


def refresh(store: Store, **texts: str) -> Any:
    definitions = [parse_table(name, text, path=f"tables/{name}.sql") for name, text in {**TABLES, **texts}.items()]
    report = build(definitions, store, sources=list(RAW), as_of=NOW)
    assert not report.failed
    return report


def proofs(store: Store, table: str) -> dict[tuple[str, ...], KeyProof]:
    said = store.snapshot().tables[table].details["proofs"]
    found = [KeyProof.from_dict(item) for item in said]
    return {(*proof.columns, proof.references or proof.rule): proof for proof in found}


def catalog(store: Store) -> MetricCatalog:
    definitions = [parse_table(name, text) for name, text in TABLES.items()]
    return MetricCatalog.of(tables=[item.declaration for item in definitions], metrics=METRICS)


@contextmanager
def counted(store: Store) -> Iterator[tuple[Warehouse, list[str]]]:
    """The store's warehouse, and every SQL that it is asked."""
    with store.warehouse() as warehouse:
        asked: list[str] = []
        fetch = warehouse.fetch
        warehouse.fetch = lambda sql, **more: (asked.append(str(sql)), fetch(sql, **more))[1]  # type: ignore[method-assign]
        yield warehouse, asked


def test_a_refresh_counts_keys_references_histories_and_shares(store: Store) -> None:
    refresh(store)
    versions = {name: table.version_id for name, table in store.snapshot().tables.items()}
    orders = proofs(store, "orders")
    assert orders["order_id", ""].unique
    to_customers = orders["customer_id", "customers"]
    assert (to_customers.rows, to_customers.nulls, to_customers.orphans, to_customers.examples) == (4, 1, 1, ("9",))
    assert (to_customers.version_id, to_customers.references_version) == (versions["orders"], versions["customers"])
    assert proofs(store, "plans")["customer_id", "history since till"].holds
    assert orders["customer_id", "plans"].orphans == 2
    assert proofs(store, "links")["order_id", "weights share"].holds
    assert proofs(store, "links")["campaign_id", ""].unique


def test_nothing_is_counted_twice_and_a_changed_parent_counts_its_references_again(store: Store) -> None:
    refresh(store)
    before, number = proofs(store, "orders"), store.snapshot().number
    refresh(store)
    assert store.snapshot().number == number
    put(store, raw_customers="SELECT * FROM (VALUES (1, 'DE'), (2, 'FR'), (9, 'IT')) AS t (customer_id, country)")
    refresh(store)
    after = proofs(store, "orders")
    assert after["order_id", ""] == before["order_id", ""]
    assert (before["customer_id", "customers"].orphans, after["customer_id", "customers"].orphans) == (1, 0)
    assert len(after) == len(before)


def test_a_question_proves_nothing_that_the_refresh_has_and_names_the_proofs(store: Store) -> None:
    refresh(store)
    with counted(store) as (warehouse, asked):
        answer = query(catalog(store), warehouse, "amount", by="country")
    assert len(asked) == 1
    named = {proof.proof_id for proof in answer.how.proofs}
    assert named == {
        proofs(store, "customers")["customer_id", ""].proof_id,
        proofs(store, "orders")["customer_id", "customers"].proof_id,
        proofs(store, "orders")["order_id", ""].proof_id,
    }
    assert {said["proof_id"] for said in answer.how.to_dict()["proofs"]} == named
    assert all(proof_id in answer.how.to_text(width=200) for proof_id in named)


def test_a_proof_has_the_same_id_wherever_it_is_counted_and_another_for_another_version(store: Store) -> None:
    first = KeyProof(table="t", columns=("id",), version_id="v1", rows=3)
    assert first.proof_id == KeyProof(table="t", columns=("id",), version_id="v1", rows=3, examples=("x",)).proof_id
    assert first.proof_id != KeyProof(table="t", columns=("id",), version_id="v2", rows=3).proof_id
    assert len(first.proof_id) == 16


def test_what_cannot_be_counted_is_said_and_stops_nothing(store: Store) -> None:
    text = ORDERS.replace("customer_id}", "customer_idd}")
    report = refresh(store, orders=text)
    checks = {check.name: check for table in report.tables for check in table.checks}
    said = checks["proof_customer_idd_customers"]
    assert (said.status, said.severity) == ("not_run", "note")
    assert "customer_idd" in said.says


def test_tables_that_are_declared_and_not_built_are_counted_too(store: Store) -> None:
    declared = TableDeclaration(name="raw_customers", key=("customer_id",), entity="customer")
    build([parse_table("orders", ORDERS)], store, sources=list(RAW), as_of=NOW, declared=[declared])
    assert proofs(store, "raw_customers")["customer_id", ""].unique
    assert proofs(store, "orders")["customer_id", "raw_customers"].orphans == 1


# Complete references


def shop(**of_orders: Any) -> MetricCatalog:
    return MetricCatalog.of(
        tables=[
            TableDeclaration(name="customers", key=("customer_id",), entity="customer", dimensions=("country",)),
            TableDeclaration(
                name="orders", key=("order_id",), entity="order", entities={"customer": ("customer_id",)}, **of_orders
            ),
        ],
        metrics=[*METRICS, Metric(name="german", sum="orders.amount", where="country = 'DE'")],
    )


@contextmanager
def tables(customer_ids: list[int | None]) -> Iterator[Warehouse]:
    orders = pa.table(
        {
            "order_id": list(range(len(customer_ids))),
            "customer_id": pa.array(customer_ids, pa.int64()),
            "amount": [2**number for number in range(len(customer_ids))],
        }
    )
    customers = pa.table({"customer_id": [1, 2], "country": ["DE", "FR"]})
    with connect({"orders": orders, "customers": customers}) as warehouse:
        yield warehouse


def test_a_reference_said_to_be_complete_is_refused_where_it_is_not_and_only_where_it_is_used() -> None:
    complete = shop(complete_references=("customer",))
    with tables([1, 2, None, 7, 7, 8]) as warehouse:
        with pytest.raises(DataError) as caught:
            query(complete, warehouse, "amount", by="country")
        assert "1 of 6 rows have none, 3 find no row there: 7; 8" in caught.value.problem
        with pytest.raises(DataError):
            query(complete, warehouse, "amount", where="country = 'DE'")
        assert query(complete, warehouse, "amount").rows() == [{"amount": 63}]
        assert len(query(shop(), warehouse, "amount", by="country").rows()) == 3
    with tables([1, 2, 2]) as warehouse:
        answer = query(complete, warehouse, "amount", by="country")
    assert {row["country"]: row["amount"] for row in answer.rows()} == {"DE": 1, "FR": 6}
    assert [proof.references for proof in answer.how.proofs] == ["", "customers", ""]


def test_a_unit_table_proves_a_complete_reference_itself() -> None:
    for ids, right in (([1, 2], True), ([1, None], False)):
        with tables(ids) as warehouse:
            sql = unit_table(
                shop(complete_references=("customer",)),
                entity="customer",
                units="SELECT customer_id AS customer FROM customers",
                values={"german": UnitMetric(metric="german")},
                types={name: warehouse.columns(name) for name in ("customers", "orders")},
            )
            if right:
                assert {row["customer"]: row["german"] for row in warehouse.fetch(sql).to_pylist()} == {1: 1, 2: 0}
            else:
                with pytest.raises(Exception, match="the reference customer_id of orders is not complete: NULL"):
                    warehouse.fetch(sql)


# One to one


def profiled(ids: list[int | None]) -> dict[str, pa.Table]:
    return {
        "customers": pa.table({"customer_id": [1, 2, 3], "country": ["DE", "FR", "DE"], "spent": [1, 2, 4]}),
        "profiles": pa.table(
            {
                "profile_id": list(range(len(ids))),
                "customer_id": pa.array(ids, pa.int64()),
                "age": [["young", "old"][number % 2] for number in range(len(ids))],
            }
        ),
        "orders": pa.table({"order_id": [1, 2, 3, 4], "customer_id": [1, 1, 2, 3], "amount": [10, 20, 40, 80]}),
    }


def one_to_one(said: tuple[str, ...] = ("customer",)) -> MetricCatalog:
    return MetricCatalog.of(
        tables=[
            TableDeclaration(name="customers", key=("customer_id",), entity="customer", dimensions=("country",)),
            TableDeclaration(
                name="profiles",
                key=("profile_id",),
                entities={"customer": ("customer_id",)},
                one_to_one=said,
                dimensions=("age",),
            ),
            TableDeclaration(name="orders", key=("order_id",), entities={"customer": ("customer_id",)}),
        ],
        metrics=[
            Metric(name="spent", sum="customers.spent"),
            Metric(name="amount", sum="orders.amount"),
            Metric(name="profiles", count="profiles"),
        ],
    )


def test_a_one_to_one_reference_is_walked_both_ways() -> None:
    with connect(profiled([1, 2, None])) as warehouse:
        ask = lambda metric, by: {row[by]: row[metric] for row in query(one_to_one(), warehouse, metric, by=by).rows()}
        assert ask("spent", "age") == {"young": 1, "old": 2, "(unknown)": 4}
        assert ask("amount", "age") == {"young": 30, "old": 40, "(unknown)": 80}
        assert ask("profiles", "country") == {"DE": 1, "FR": 1, "(unknown)": 1}
        assert not any("overlap" in note for note in query(one_to_one(), warehouse, "spent", by="age").notes)


def test_a_role_may_be_one_to_one_too() -> None:
    made = one_to_one()
    tables = [
        table
        if table.name != "profiles"
        else replace(
            table, entities={}, roles={"of": Role(entity="customer", columns=("customer_id",))}, one_to_one=("of",)
        )
        for table in made.tables.values()
    ]
    catalog = MetricCatalog.of(tables=tables, metrics=made.metrics.values())
    with connect(profiled([1, 2])) as warehouse:
        for name in ("age", "profiles.age"):
            found = {row["age"]: row["amount"] for row in query(catalog, warehouse, "amount", by=name).rows()}
            assert found == {"young": 30, "old": 40, "(unknown)": 80}
        assert query(catalog, warehouse, "profiles", by="of.country").table.num_rows == 2


def test_a_reference_that_is_not_one_to_one_is_refused_with_the_ids() -> None:
    with connect(profiled([1, 2, 2, None])) as warehouse:
        with pytest.raises(DataError, match=r"'profiles' is not one to one by customer_id: 1 rows repeat an id; 2 \(2"):
            query(one_to_one(), warehouse, "amount", by="age")
        flagged = query(one_to_one(said=()), warehouse, "spent", by="age")
    assert any("overlap" in note for note in flagged.notes)


@settings(max_examples=40)
@given(st.lists(st.sampled_from([1, 2, 3, 9, None]), max_size=6))
def test_a_duplicated_row_of_a_dimension_is_always_caught_and_else_the_total_holds(ids: list[int | None]) -> None:
    known = [item for item in ids if item is not None]
    with connect(profiled(ids)) as warehouse:
        if len(set(known)) < len(known):
            with pytest.raises(DataError):
                query(one_to_one(), warehouse, "amount", by="age")
        else:
            assert sum(row["amount"] for row in query(one_to_one(), warehouse, "amount", by="age").rows()) == 150
