"""Apache Ossie documents: the structure of the specification's examples, read back and asked on a small warehouse.

Their shape follows core-spec/spec.md and examples/tpcds_semantic_model.yaml of apache/ossie (Apache-2.0).
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest
import yaml
from tests.metrics.importing.conftest import KINDS_TO_COME

from steelyard.errors import DefinitionError
from steelyard.metrics import MetricCatalog, query
from steelyard.metrics.importing import Imported, import_definitions, import_ossie
from steelyard.warehouse import connect

FIXTURES = Path(__file__).parent / "fixtures"
ReadBack = Callable[[Imported], MetricCatalog]


def sql(text: str, dialect: str = "ANSI_SQL") -> dict[str, Any]:
    return {"dialects": [{"dialect": dialect, "expression": text}]}


def field(name: str, text: str = "", **said: Any) -> dict[str, Any]:
    return {"name": name, "expression": sql(text or name), **said}


def metric(name: str, text: str, **said: Any) -> dict[str, Any]:
    return {"name": name, "expression": sql(text), **said}


GROUPED: dict[str, Any] = {"dimension": {"is_time": False}}
SALES = {
    "name": "store_sales",
    "source": "tpcds.public.store_sales",
    "primary_key": ["item_sk", "ticket"],
    "description": "One row per line of a ticket.",
    "fields": [
        field("item_sk", **GROUPED),
        field("customer_sk"),
        field("quantity", datatype="Integer"),
        field("price", datatype="Decimal"),
        field("paid", "quantity * price"),
        field("sold_on", datatype="Date", dimension={}),
        field("channel", "sales_channel", **GROUPED),
    ],
}
CUSTOMER = {
    "name": "customer",
    "source": "tpcds.public.customer",
    "primary_key": ["c_customer_sk"],
    "unique_keys": [["c_customer_sk"], ["c_email"]],
    "fields": [
        field("c_customer_sk", **GROUPED),
        field("country", "c_country", **GROUPED),
        field("full_name", "c_first || ' ' || c_last", **GROUPED),
        field("c_email"),
    ],
}
TO_CUSTOMER = {
    "name": "sales_to_customer",
    "from": "store_sales",
    "to": "customer",
    "from_columns": ["customer_sk"],
    "to_columns": ["c_customer_sk"],
}


def document(*metrics: dict[str, Any], **said: Any) -> dict[str, Any]:
    model = {"name": "retail", "datasets": [SALES, CUSTOMER], "relationships": [TO_CUSTOMER], "metrics": list(metrics)}
    return {"version": "0.2.0.dev0", "semantic_model": [{**model, **said}]}


def imported(*metrics: dict[str, Any], **said: Any) -> Imported:
    return import_ossie(document(*metrics, **said), "retail.yaml")


def why(made: Imported, name: str) -> str:
    return next(f"{item.reason} | {item.nearest}" for item in made.of("left out") if item.name == name)


def differs(made: Imported, name: str) -> str:
    return next(item.reason for item in made.of("differs") if item.name == name)


def test_datasets_become_tables_with_keys_times_and_dimensions() -> None:
    made = imported()
    assert made.tables["store_sales"] == {
        "key": ["item_sk", "ticket"],
        "entity": "store_sales",
        "time": "sold_on",
        "dimensions": ["item_sk", "sales_channel"],
        "description": "One row per line of a ticket.",
        "entities": {"customer": "customer_sk"},
    }
    assert made.tables["customer"] == {
        "key": "c_customer_sk",
        "entity": "customer",
        "dimensions": ["c_customer_sk", "c_country"],
    }
    assert "sold_on is taken to date its rows" in differs(made, "store_sales")
    assert "c_email is unique too" in differs(made, "customer")
    assert "a dimension is a column here" in why(made, "full_name")


def test_the_models_may_stand_in_a_list_or_one_at_the_root() -> None:
    rooted = {"version": "0.2.0.dev0", **document(metric("rows", "COUNT(*)"))["semantic_model"][0]}
    listed = import_ossie(document(metric("rows", "COUNT(*)")), "a.yaml")
    assert import_ossie(rooted, "a.yaml").yaml() == listed.yaml()


def test_yaml_and_json_are_the_same_document(tmp_path: Path) -> None:
    import json

    data = document(metric("sales", "SUM(store_sales.paid)"))
    (tmp_path / "a.json").write_text(json.dumps(data))
    (tmp_path / "a.yaml").write_text(yaml.safe_dump(data))
    one, other = (import_definitions(tmp_path / name) for name in ("a.json", "a.yaml"))
    assert (one.tables, one.metrics) == (other.tables, other.metrics)


@pytest.mark.parametrize(
    ("text", "becomes"),
    [
        ("SUM(store_sales.price)", {"sum": "store_sales.price"}),
        ("SUM(store_sales.paid)", {"sum": "(store_sales.quantity * store_sales.price)"}),
        ("sum(paid)", {"sum": "(store_sales.quantity * store_sales.price)"}),
        ("COUNT(store_sales.item_sk)", {"count": "store_sales", "where": "NOT item_sk IS NULL"}),
        ("COUNT(DISTINCT customer.c_customer_sk)", {"distinct": "customer.c_customer_sk"}),
        ("AVG(store_sales.price)", {"mean": "store_sales.price"}),
        ("MEDIAN(store_sales.price)", {"quantile": {"of": "store_sales.price", "share": 0.5}}),
        (
            "PERCENTILE_CONT(0.9) WITHIN GROUP (ORDER BY store_sales.price)",
            {"quantile": {"of": "store_sales.price", "share": 0.9}},
        ),
        (
            "SUM(CASE WHEN store_sales.channel <> 'web' THEN store_sales.price END)",
            {"sum": "store_sales.price", "where": "sales_channel <> 'web' AND NOT sales_channel IS NULL"},
        ),
        (
            "SUM(CASE WHEN customer.country = 'DE' THEN store_sales.price END)",
            {"sum": "store_sales.price", "where": "customer.c_country = 'DE'"},
        ),
        (
            "SUM(CASE WHEN channel = 'web' THEN price ELSE 0 END)",
            {"sum": "CASE WHEN store_sales.sales_channel = 'web' THEN store_sales.price ELSE 0 END"},
        ),
        ("SUM(price) FILTER (WHERE channel = 'web')", {"sum": "store_sales.price", "where": "sales_channel = 'web'"}),
        ("COUNT(CASE WHEN channel = 'web' THEN 1 END)", {"count": "store_sales", "where": "sales_channel = 'web'"}),
        (
            "SUM(price) / COUNT(DISTINCT customer_sk)",
            {
                "ratio": {
                    "numerator": {"sum": "store_sales.price"},
                    "denominator": {"distinct": "store_sales.customer_sk"},
                }
            },
        ),
        ("SUM(store_sales.sales_channel)", {"sum": "store_sales.sales_channel"}),
    ],
)
def test_an_expression_becomes_a_metric(text: str, becomes: dict[str, Any], read_back: ReadBack) -> None:
    made = imported(metric("m", text))
    assert made.metrics["m"] == becomes
    assert read_back(made).problems == ()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("MAX(price)", "no sum, count, mean, quantile"),
        ("STDDEV(price)", "no sum, count, mean, quantile"),
        ("SUM(DISTINCT price)", "a distinct aggregate of a kind that is not there"),
        ("PERCENTILE_DISC(0.9) WITHIN GROUP (ORDER BY price)", "continuous percentile"),
        ("PERCENTILE_CONT(0.9) WITHIN GROUP (ORDER BY price DESC)", "ordered from the largest"),
        ("SUM(store_sales.price * customer.c_customer_sk)", "mixes the rows of customer and store_sales"),
        ("SUM(1)", "does not say of which dataset"),
        ("COUNT(*)", "does not say of which dataset"),
        ("price", "stands outside of every aggregate"),
        ("SUM(price) OVER (ORDER BY sold_on)", "no sum, count, mean, quantile"),
        ("SUM(pryce)", "no field named 'pryce' | did you mean 'price'?"),
        ("SUM(stores.price)", "no dataset named 'stores'"),
        ("SUM(price", "does not parse"),
        ("COALESCE(SUM(price), 0)", "no sum, count, mean, quantile"),
        ("SUM(substr(channel, 1, 2))", "may not stand in"),
        ("1 + 1", "aggregates nothing"),
        ("m + SUM(price)", "it goes in a circle: m -> m"),
    ],
)
def test_an_expression_without_an_equal_is_left_out_with_the_reason(text: str, reason: str) -> None:
    made = imported(metric("m", text))
    assert not made.metrics
    assert reason in why(made, "m")


def test_arithmetic_is_taken_apart_and_uses_the_metrics_that_are_there() -> None:
    made = imported(
        metric("sales", "SUM(price)", description="What was sold."),
        metric("web_share", "(SUM(price) - SUM(CASE WHEN channel = 'shop' THEN price END)) / NULLIF(SUM(price), 0)"),
        metric("twice", "sales * 2"),
    )
    assert made.metrics["web_share"] == {"derived": "(sales - web_share_part) / sales"}
    assert made.metrics["web_share_part"] == {"sum": "store_sales.price", "where": "sales_channel = 'shop'"}
    assert made.metrics["twice"] == {"derived": "sales * 2"}
    assert made.metrics["sales"]["description"] == "What was sold."


def test_sides_over_different_tables_are_said_to_be_counted_each_over_its_own() -> None:
    made = imported(metric("value", "SUM(store_sales.price) / COUNT(DISTINCT customer.c_customer_sk)"))
    assert "each side is counted over its own table" in differs(made, "value")


def test_a_column_that_is_no_field_is_said_to_be_taken_for_one() -> None:
    made = imported(metric("m", "SUM(store_sales.cost)"))
    assert made.metrics["m"] == {"sum": "store_sales.cost"}
    assert "'cost' is no field of 'store_sales', and is taken for a column" in differs(made, "m")


def test_an_expression_in_a_language_that_is_not_read_is_left_out() -> None:
    made = imported(
        {"name": "m", "expression": sql("[Measures].[Sales]", "MDX")},
        {"name": "n", "expression": {"dialects": [*sql("[X]", "MDX")["dialects"], *sql("SUM(price)")["dialects"]]}},
        {"name": "o"},
    )
    assert "written in MDX" in why(made, "m")
    assert "no expression" in why(made, "o")
    assert set(made.metrics) == {"n"}


# Relationships


def test_two_relationships_to_one_dataset_become_roles() -> None:
    again = {**TO_CUSTOMER, "name": "Gift To", "from_columns": ["gift_sk"]}
    made = imported(relationships=[TO_CUSTOMER, again])
    assert made.tables["store_sales"]["roles"] == {
        "sales_to_customer": {"entity": "customer", "columns": "customer_sk"},
        "gift_to": {"entity": "customer", "columns": "gift_sk"},
    }
    assert "the dimensions are gift_to.COLUMN" in differs(made, "Gift To")


def test_the_columns_of_a_key_are_put_in_its_order() -> None:
    returns = {
        "name": "returns",
        "source": "returns",
        "fields": [field("ticket_no"), field("item")],
    }
    back = {
        "name": "back",
        "from": "returns",
        "to": "store_sales",
        "from_columns": ["ticket_no", "item"],
        "to_columns": ["ticket", "item_sk"],
    }
    made = imported(datasets=[SALES, CUSTOMER, returns], relationships=[back])
    assert made.tables["returns"]["entities"] == {"store_sales": ["item", "ticket_no"]}


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ({"to_columns": ["c_country"]}, "whose key is c_customer_sk: one row could lead to many"),
        ({"to": "customers"}, "no dataset named 'customers' | did you mean 'customer'?"),
        ({"from_columns": ["a", "b"]}, "joins 2 columns with 1"),
        ({"from_columns": None}, "joins 0 columns"),
        ({"to_columns": ["full_name"]}, "is no column"),
    ],
)
def test_a_relationship_that_could_repeat_rows_is_left_out(said: dict[str, Any], reason: str) -> None:
    made = imported(relationships=[{**TO_CUSTOMER, **said}])
    assert "entities" not in made.tables["store_sales"]
    assert reason in why(made, "sales_to_customer")


def test_a_dataset_without_a_key_takes_the_columns_that_are_referred_to() -> None:
    made = imported(datasets=[SALES, {**CUSTOMER, "primary_key": None, "unique_keys": None}])
    assert made.tables["customer"]["key"] == "c_customer_sk"
    assert "proved before it is used" in differs(made, "sales_to_customer")


# What is not carried over, and what is none


@pytest.mark.parametrize(
    ("source", "table"),
    [
        ("orders", "orders"),
        ('"db"."main"."Order ""x"""', 'Order "x"'),
        ({"kind": "table", "object": "a.b.orders"}, "orders"),
        ("SELECT * FROM orders", None),
        ({"kind": "query", "object": sql("SELECT 1")}, None),
        (None, None),
    ],
)
def test_a_source_is_a_table_or_left_out(source: Any, table: str | None) -> None:
    made = imported(datasets=[{"name": "d", "source": source, "fields": []}], relationships=[])
    assert list(made.tables) == ([table] if table else [])
    assert table is not None or "d" in {item.name for item in made.of("left out")}


def test_words_for_machines_and_vendors_are_counted() -> None:
    made = imported(
        metric("m", "SUM(price)", ai_context={"synonyms": ["turnover"]}),
        ai_context="a shop",
        custom_extensions=[{"vendor_name": "SNOWFLAKE", "data": "{}"}],
    )
    assert "2 places" in why(made, "ai_context")
    assert "SNOWFLAKE" in why(made, "custom_extensions")


def test_two_models_may_not_declare_one_table() -> None:
    data = document(metric("m", "SUM(price)"))
    data["semantic_model"].append({"name": "again", "datasets": [{**SALES, "name": "other"}], "metrics": []})
    made = import_ossie(data, "a.yaml")
    assert "another dataset's already" in why(made, "other")


@pytest.mark.parametrize(
    ("data", "says"),
    [
        ({"version": "3.0", "semantic_model": []}, "of the version '3.0'"),
        ({"semantic_model": []}, "of no stated version"),
        ({"version": "0.2.0.dev0", "semantic_model": []}, "has no semantic model"),
        ({"version": "0.2.0.dev0"}, "no Ossie document"),
    ],
)
def test_what_is_no_document_is_refused(data: dict[str, Any], says: str) -> None:
    with pytest.raises(DefinitionError, match=says):
        import_ossie(data, "a.yaml")


@pytest.mark.parametrize("broken", [None, 3, "x", [1], {"a": 1}])
@pytest.mark.parametrize("key", ["datasets", "relationships", "metrics", "ai_context", "custom_extensions"])
def test_nonsense_is_read_as_far_as_it_goes(key: str, broken: Any) -> None:
    assert isinstance(imported(metric("m", "SUM(price)"), **{key: broken}).yaml(), str)


@pytest.mark.parametrize("broken", [None, 3, [1], {"a": 1}])
@pytest.mark.parametrize("key", ["source", "primary_key", "unique_keys", "fields", "description"])
def test_nonsense_in_a_dataset_is_read_as_far_as_it_goes(key: str, broken: Any) -> None:
    made = imported(metric("m", "SUM(price)"), datasets=[{**SALES, key: broken}, CUSTOMER])
    assert "store_sales" in {item.name for item in made.items}


@pytest.mark.parametrize("project", ["shop", "shop_without_measures"])
def test_what_dbt_writes_is_read(project: str, read_back: ReadBack) -> None:
    made = import_definitions(FIXTURES / f"{project}.osi_document.json")
    assert read_back(made).problems == ()
    assert made.metrics["revenue"]["sum"] == "shop_orders.amount"


def test_a_document_by_the_name_that_dbt_gives_it_says_what_dbt_lost(tmp_path: Path) -> None:
    path = tmp_path / "osi_document.json"
    path.write_text((FIXTURES / "shop.osi_document.json").read_text())
    assert "import that" in differs(import_definitions(path), "written by dbt")


# Numbers


def test_the_numbers_are_those_of_the_sql_over_each_table(read_back: ReadBack) -> None:
    tables = {
        "store_sales": pa.table(
            {
                "item_sk": [1, 2, 1, 3, 2],
                "ticket": [1, 1, 2, 3, 4],
                "customer_sk": [1, 1, 2, None, 9],
                "quantity": [1, 2, 3, 4, None],
                "price": pa.array([Decimal(n) for n in ("1.50", "2.00", "0.25", "10.00", "7.00")], pa.decimal128(9, 2)),
                "sold_on": [date(2026, 1, n) for n in (1, 1, 2, 3, 3)],
                "sales_channel": ["web", "shop", None, "web", "shop"],
            }
        ),
        "customer": pa.table({"c_customer_sk": [1, 2, 3], "c_country": ["DE", None, "FR"]}),
    }
    expressions = {
        "paid": "SUM(store_sales.paid)",
        "not_web": "SUM(CASE WHEN store_sales.channel <> 'web' THEN store_sales.price END)",
        "lines": "COUNT(store_sales.quantity)",
        "buyers": "COUNT(DISTINCT store_sales.customer_sk)",
        "price": "AVG(store_sales.price)",
        "per_buyer": "SUM(store_sales.paid) / COUNT(DISTINCT store_sales.customer_sk)",
        "share": "(SUM(price) - SUM(CASE WHEN channel = 'shop' THEN price END)) / SUM(price)",
    }
    catalog = read_back(imported(*(metric(name, text) for name, text in expressions.items())))
    assert catalog.problems == ()
    peer = duckdb.connect()
    for name, table in tables.items():
        peer.register(f"{name}_arrow", table)
    peer.execute(
        "CREATE VIEW store_sales AS SELECT *, quantity * price AS paid, sales_channel AS channel FROM store_sales_arrow"
    )
    warehouse = connect(tables)
    for name, text in expressions.items():
        if name not in catalog.metrics:
            assert KINDS_TO_COME
            continue
        found = query(catalog, warehouse, [name]).rows()[0][name]
        wanted = peer.execute(f"SELECT {text} FROM store_sales").fetchone()
        assert wanted is not None
        assert float(found) == pytest.approx(float(wanted[0]), rel=1e-12), name
