"""A measure of the one side by, or where, a column of the many: distinct and flagged, and EXISTS; never multiplied."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from steelyard.errors import DataError, DefinitionError, PolicyError, UnknownNameError
from steelyard.metrics import Measure, Metric, MetricCatalog, MetricTable, Ratio, explain, query
from steelyard.warehouse import TableDeclaration, Warehouse, connect

UNKNOWN = "(unknown)"
TABLES = (
    TableDeclaration(name="customers", key=("customer_id",), entity="customer", dimensions=("country",)),
    TableDeclaration(
        name="orders",
        key=("order_id",),
        entity="order",
        entities={"customer": ("customer_id",)},
        dimensions=("channel", "order_id"),
    ),
    TableDeclaration(
        name="lines",
        key=("line_id",),
        entities={"order": ("order_id",), "product": ("product_id",)},
        dimensions=("quantity", "gift"),
    ),
    TableDeclaration(name="products", key=("product_id",), entity="product", dimensions=("category",)),
    TableDeclaration(
        name="payments", key=("payment_id",), entities={"order": ("order_id",)}, dimensions=("method", "secret")
    ),
    TableDeclaration(name="blocklist", dimensions=("country",)),
)
METRICS = (
    Metric(name="fee", sum="orders.fee"),
    Metric(name="orders", count="orders"),
    Metric(name="mean_fee", mean="orders.fee"),
    Metric(name="quantity", sum="lines.quantity"),
    Metric(name="customers", count="customers"),
    Metric(name="fee_per_line", ratio=Ratio(numerator="fee", denominator=Measure(count="lines"))),
    Metric(name="coat_fee", sum="orders.fee", where="category = 'coats'"),
    Metric(name="other_fee", sum="orders.fee", exclude="category = 'coats'"),
)
PRODUCTS = pa.table({"product_id": ["p", "q", "r", "s"], "category": ["coats", "shoes", "coats", None]})
ORDERS = {
    "order_id": [1, 2, 3, 4, 5],
    "customer_id": [1, 1, 2, 3, None],
    "channel": ["web", "app", "web", None, "web"],
    "fee": [Decimal("1.00"), Decimal("2.00"), Decimal("4.00"), Decimal("8.00"), Decimal("16.00")],
}
LINES = {
    "line_id": [1, 2, 3, 4, 5, 6, 7],
    "order_id": [1, 1, 1, 2, 3, 3, 77],
    "product_id": ["p", "r", "q", "q", "s", "zz", "p"],
    "quantity": [1, 5, 9, 2, 3, 1, 1],
    "gift": [True, False, None, False, True, True, False],
}


def catalog(**settings: Any) -> MetricCatalog:
    return MetricCatalog.of(tables=TABLES, metrics=METRICS, sensitive=("payments.secret",), **settings)


def shop_tables() -> dict[str, pa.Table]:
    return {
        "customers": pa.table({"customer_id": [1, 2, 3, 4], "country": ["DE", "FR", None, "IT"]}),
        "orders": pa.table(ORDERS),
        "lines": pa.table(LINES),
        "products": PRODUCTS,
        "payments": pa.table(
            {"payment_id": [1, 2, 3], "order_id": [1, 1, 2], "method": ["card", "bank", "card"], "secret": ["x"] * 3}
        ),
        "blocklist": pa.table({"country": ["FR", None, "FR"]}),
    }


@pytest.fixture(name="ask")
def _ask() -> Any:
    with connect(shop_tables()) as warehouse:
        yield lambda metrics, **asked: query(catalog(), warehouse, metrics, **asked)


Ask = Callable[..., MetricTable]


def pairs(answer: MetricTable) -> dict[Any, Any]:
    return dict(tuple(row.values()) for row in answer.rows())


# By


def test_each_row_of_the_one_side_counts_once_in_each_value_that_it_has(ask: Ask) -> None:
    answer = ask("fee", by="category")
    # 1: coats twice, shoes; 2: shoes; 3: a product without a category and one that is not there; 4, 5: no lines
    assert pairs(answer) == {"coats": 1, "shoes": 3, UNKNOWN: 4}
    assert answer.how.facts[0].without == {"lines": 2}
    assert "2 rows of orders have no row of lines, and are in no group." in answer.notes


def test_the_answer_says_that_its_parts_overlap(ask: Ask) -> None:
    notes = ask("fee", by="category").notes
    assert any("The parts by 'category' overlap and do not add up" in note for note in notes)
    assert not any("overlap" in note for note in ask("quantity", by="category").notes)


def test_two_columns_of_the_same_rows_are_taken_from_the_same_row(ask: Ask) -> None:
    found = {
        (row["category"], row["quantity"]): row["fee"] for row in ask("fee", by=["category", "lines.quantity"]).rows()
    }
    assert found == {
        ("coats", 1): 1, ("coats", 5): 1, ("shoes", 9): 1, ("shoes", 2): 2,
        (UNKNOWN, 3): 4, (UNKNOWN, 1): 4,
    }  # fmt: skip


def test_columns_of_two_many_sides_give_every_combination_that_a_row_has(ask: Ask) -> None:
    found = {(row["category"], row["method"]): row["orders"] for row in ask("orders", by=["category", "method"]).rows()}
    assert found == {
        ("coats", "card"): 1, ("coats", "bank"): 1, ("shoes", "card"): 2, ("shoes", "bank"): 1,
    }  # fmt: skip


def test_means_and_ratios_over_parts_that_overlap_are_of_distinct_rows(ask: Ask) -> None:
    assert pairs(ask("mean_fee", by="category")) == {"coats": 1.0, "shoes": 1.5, UNKNOWN: 4.0}
    assert pairs(ask("fee_per_line", by="category")) == {"coats": 1 / 3, "shoes": 3 / 2, UNKNOWN: 4 / 2}


def test_facts_of_both_sides_meet_in_one_question(ask: Ask) -> None:
    found = {row["category"]: (row["fee"], row["quantity"]) for row in ask(["fee", "quantity"], by="category").rows()}
    assert found == {"coats": (1, 7), "shoes": (3, 11), UNKNOWN: (4, 4)}


def test_many_sides_two_references_away_are_reached_through_the_rows_between(ask: Ask) -> None:
    assert pairs(ask("customers", by="category")) == {"coats": 1, "shoes": 1, UNKNOWN: 1}
    assert pairs(ask("customers", by="channel")) == {"web": 2, "app": 1, UNKNOWN: 1}


def test_a_table_that_only_shares_a_parent_is_not_connected() -> None:
    made = MetricCatalog.of(tables=TABLES, metrics=[Metric(name="n", count="payments")])
    refused = pytest.raises(DefinitionError, match="no reference leads from 'payments' to 'lines'")
    with connect(shop_tables()) as warehouse, refused:
        query(made, warehouse, "n", by="quantity")


def test_two_tables_that_lead_there_are_refused() -> None:
    returns = TableDeclaration(name="returns", entities={"order": ("order_id",), "product": ("product_id",)})
    made = MetricCatalog.of(tables=[*TABLES, returns], metrics=METRICS)
    warehouse = connect({**shop_tables(), "returns": pa.table({"order_id": [1], "product_id": ["q"]})})
    with warehouse, pytest.raises(DefinitionError, match="reaches 'orders' through lines and through returns"):
        query(made, warehouse, "fee", by="category")


def test_a_false_key_on_the_way_is_found() -> None:
    twice = pa.concat_tables([PRODUCTS, PRODUCTS.slice(0, 1)])
    with connect({**shop_tables(), "products": twice}) as warehouse:
        for asked in ({"by": "category"}, {"where": "category = 'coats'"}):
            with pytest.raises(DataError, match=r"the key product_id of 'products' is not unique.*'p' \(2 rows\)"):
                query(catalog(), warehouse, "fee", **asked)


def test_a_sensitive_column_of_the_many_side_stays_hidden(ask: Ask) -> None:
    for asked in ({"by": "secret"}, {"where": "payments.secret = 'x'"}):
        with pytest.raises(PolicyError):
            ask("fee", **asked)


# Where


@pytest.mark.parametrize(
    ("where", "orders"),
    [
        ("category = 'coats'", {1}),
        ("category = 'shoes'", {1, 2}),
        ("category <> 'coats'", {2, 3, 4, 5}),
        ("NOT category = 'coats'", {2, 3, 4, 5}),
        ("category NOT IN ('coats', 'shoes')", {3, 4, 5}),
        ("category NOT LIKE 'sh%'", {3, 4, 5}),
        ("NOT (category <> 'coats')", {1}),
        ("category IN ('coats', NULL)", {1}),
        ("category IS NULL", {3, 4, 5}),
        ("category = '(unknown)'", {3, 4, 5}),
        ("category <> '(unknown)'", {1, 2}),
        ("category IS NOT NULL", {1, 2}),
        ("category = 'coats' AND lines.quantity = 5", {1}),
        ("category = 'coats' AND lines.quantity = 9", set()),
        ("lines.quantity = 9 AND category <> 'coats'", set()),
        ("lines.quantity = 2 AND NOT (category = 'coats')", {2}),
        ("category = 'coats' OR lines.quantity = 2", {1, 2}),
        ("NOT (category = 'coats' OR lines.quantity = 2)", {3, 4, 5}),
        ("category = 'coats' OR category = 'shoes' AND lines.quantity = 2", {1, 2}),
        ("(category = 'coats' OR category = 'shoes') AND lines.quantity > 1", {1, 2}),
        ("category = 'coats' OR channel = 'web'", {1, 3, 5}),
        ("category = 'shoes' AND channel = 'app'", {2}),
        ("NOT (category = 'coats' AND channel = 'web')", {2, 3, 4, 5}),
        ("method = 'bank' AND category = 'shoes'", {1}),
        ("method = 'bank' OR lines.quantity = 3", {1, 3}),
        ("lines.quantity BETWEEN 4 AND 8", {1}),
        ("lines.quantity NOT BETWEEN 2 AND 9", {4, 5}),
        ("gift = true", {1, 3}),
        ("country = 'FR' AND category IS NULL", {3}),
        ("country IN blocklist.country", {3}),
        ("country NOT IN blocklist.country", {1, 2, 4, 5}),
        ("NOT (country IN blocklist.country OR category = 'coats')", {2, 4, 5}),
    ],
)
def test_a_condition_on_many_rows_is_met_by_one_of_them_or_denied_of_all(
    ask: Ask, where: str, orders: set[int]
) -> None:
    fees = dict(zip(ORDERS["order_id"], ORDERS["fee"], strict=True))
    answer = ask(["fee", "orders"], where=where)
    assert answer.rows() == [{"fee": sum(fees[order] for order in orders), "orders": len(orders)}]


def test_a_condition_of_a_definition_may_be_on_many_rows(ask: Ask) -> None:
    assert ask(["coat_fee", "other_fee", "fee"]).rows() == [{"coat_fee": 1, "other_fee": 30, "fee": 31}]


def test_where_it_also_groups_only_the_values_asked_for_remain(ask: Ask) -> None:
    assert pairs(ask("fee", by="category", where="category = 'coats'")) == {"coats": 1}
    assert pairs(ask("fee", by="category", where="category <> 'coats'")) == {"shoes": 2, UNKNOWN: 4}
    either = "(category = 'coats' OR lines.quantity = 2) AND channel = 'web'"
    assert pairs(ask("fee", by="category", where=either)) == {"coats": 1}
    assert pairs(ask("fee", by="category", where="lines.quantity > order_id AND channel = 'web'")) == {
        "coats": 1, "shoes": 1,
    }  # fmt: skip


def test_a_list_is_of_a_table_and_a_dimension_or_key_that_are_there(ask: Ask) -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'blocklist'"):
        ask("fee", where="country IN bloklist.country")
    with pytest.raises(UnknownNameError, match="did you mean 'country'"):
        ask("fee", where="country IN blocklist.contry")
    with pytest.raises(DefinitionError, match="does not say of which table"):
        ask("fee", where="country IN channel")
    with pytest.raises(PolicyError):
        ask("fee", where="country IN payments.secret")
    assert {table.name for table in ask("fee", where="country IN blocklist.country").how.tables} == {
        "orders", "customers", "blocklist",
    }  # fmt: skip


def test_a_comparison_between_the_rows_of_two_many_sides_is_refused(ask: Ask) -> None:
    with pytest.raises(DefinitionError, match="compares rows of payments with rows of lines"):
        ask("fee", where="method = category")


def test_the_sql_is_what_an_expert_writes(ask: Ask) -> None:
    sql = ask("fee", by="category", where="lines.quantity > 1 AND channel = 'web'").how.sql
    assert "lines_of_orders_facts AS (\n  SELECT DISTINCT lines.order_id AS order_id" in sql
    assert "\n  JOIN lines_of_orders_facts ON lines_of_orders_facts.order_id = orders.order_id" in sql
    assert "EXISTS (SELECT 1 FROM lines WHERE lines.order_id = orders.order_id AND lines.quantity > $quantity)" in sql


# Laws

LINE = st.tuples(st.integers(1, 5), st.sampled_from(["p", "q", "s", "zz"]), st.integers(1, 3))


def lined(lines: list[tuple[int, str, int]]) -> Warehouse:
    table = pa.table(
        {
            "line_id": pa.array(range(len(lines)), pa.int64()),
            "order_id": pa.array([line[0] for line in lines], pa.int64()),
            "product_id": pa.array([line[1] for line in lines], pa.string()),
            "quantity": pa.array([line[2] for line in lines], pa.int64()),
        }
    )
    return connect({**shop_tables(), "lines": table})


@settings(max_examples=40)
@given(st.lists(LINE, max_size=12), st.randoms())
def test_overlapping_parts_are_those_of_plain_python_whatever_the_order_of_rows(
    lines: list[tuple[int, str, int]], random: Any
) -> None:
    category = {"p": "coats", "q": "shoes"}
    of = {order: {category.get(line[1], UNKNOWN) for line in lines if line[0] == order} for order in range(1, 6)}
    fees = dict(zip(ORDERS["order_id"], ORDERS["fee"], strict=True))
    expected: dict[str, Decimal] = {}
    for order, fee in fees.items():
        for name in of[order]:
            expected[name] = expected.get(name, Decimal(0)) + fee  # type: ignore[operator]
    with lined(lines) as warehouse:
        assert pairs(query(catalog(), warehouse, "fee", by="category")) == expected
    random.shuffle(lines)
    with lined(lines) as warehouse:
        assert pairs(query(catalog(), warehouse, "fee", by="category")) == expected


ATOMS: dict[str, Callable[[list[tuple[str | None, int]], str | None], bool]] = {
    "category = 'coats'": lambda rows, _: any(name == "coats" for name, _ in rows),
    "category <> 'shoes'": lambda rows, _: not any(name == "shoes" for name, _ in rows),
    "lines.quantity > 1": lambda rows, _: any(number > 1 for _, number in rows),
    "category IS NULL": lambda rows, _: not rows or any(name is None for name, _ in rows),
    "channel = 'web'": lambda _, channel: channel == "web",
    "channel <> 'web'": lambda _, channel: channel != "web",
}


@settings(max_examples=40)
@given(st.lists(LINE, max_size=12), st.sampled_from(sorted(ATOMS)), st.sampled_from(sorted(ATOMS)), st.booleans())
def test_or_and_not_over_any_sides_are_those_of_plain_python(
    lines: list[tuple[int, str, int]], one: str, other: str, denied: bool
) -> None:
    category = {"p": "coats", "q": "shoes"}
    expected = 0
    for order, channel in zip(ORDERS["order_id"], ORDERS["channel"], strict=True):
        rows = [(category.get(line[1]), line[2]) for line in lines if line[0] == order]
        met = ATOMS[one](rows, channel) or ATOMS[other](rows, channel)  # type: ignore[arg-type]
        expected += met != denied
    where = f"NOT ({one} OR {other})" if denied else f"{one} OR {other}"
    with lined(lines) as warehouse:
        assert query(catalog(), warehouse, "orders", where=where).rows() == [{"orders": expected}]


def test_segments_that_overlap_explain_no_change() -> None:
    orders = {**ORDERS, "at": [date(2026, 1, day) for day in (1, 1, 2, 2, 2)]}
    tables = [replace(table, time="at") if table.name == "orders" else table for table in TABLES]
    made = MetricCatalog.of(tables=tables, metrics=METRICS)
    ranges = ("2026-01-01", "2026-01-01"), ("2026-01-02", "2026-01-02")
    with connect({**shop_tables(), "orders": pa.table(orders)}) as warehouse:
        with pytest.raises(DefinitionError, match="the segments of 'category' overlap"):
            explain(made, warehouse, "fee", *ranges, dimensions=["category"])
        found = {item.dimension for item in explain(made, warehouse, "fee", *ranges).dimensions}
    assert found == {"channel", "country", "order_id"}
    assert "quantity" not in made.dimensions("fee_per_line")
