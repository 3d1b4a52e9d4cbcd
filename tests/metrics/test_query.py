"""Questions to the metrics, on a shop in which every join has something that does not match."""
# ruff: noqa: DTZ001 - naive timestamps are what is tested

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from steelyard.errors import DataError, DefinitionError, PolicyError, UnknownNameError
from steelyard.metrics import Metric, MetricCatalog, how, query
from steelyard.warehouse import Store, TableDeclaration, Warehouse, connect

UNKNOWN = "(unknown)"


def rows(catalog: MetricCatalog, shop: Warehouse, metrics: Any, **asked: Any) -> list[tuple[Any, ...]]:
    return [tuple(row.values()) for row in query(catalog, shop, metrics, **asked).rows()]


def test_totals_of_several_facts_stand_side_by_side(catalog: MetricCatalog, shop: Warehouse) -> None:
    found = rows(catalog, shop, ["revenue", "orders", "buyers", "line_value", "visits"])
    assert found == [(Decimal("190.00"), 6, 4, Decimal("43.00"), 5)]


def test_money_stays_decimal(catalog: MetricCatalog, shop: Warehouse) -> None:
    assert pa.types.is_decimal(query(catalog, shop, "revenue").table.schema.field("revenue").type)


def test_orphans_null_keys_and_null_values_are_one_visible_group_and_the_total_holds(
    catalog: MetricCatalog, shop: Warehouse
) -> None:
    answer = query(catalog, shop, "revenue", by="country")
    found = {row["country"]: row["revenue"] for row in answer.rows()}
    assert found == {UNKNOWN: Decimal("150.00"), "FR": Decimal("30.00"), "DE": Decimal("10.00")}
    fact = answer.how.facts[0]
    assert (fact.rows, fact.unmatched, fact.unknown) == (5, {"customers": 2}, {"country": 3})
    assert any("2 of 5 rows of orders find no row in customers" in note for note in answer.notes)


def test_a_dimension_two_references_away_multiplies_nothing(catalog: MetricCatalog, shop: Warehouse) -> None:
    found = dict(rows(catalog, shop, "line_value", by="country"))
    assert found == {"DE": Decimal("5.50"), "FR": Decimal("1.50"), UNKNOWN: Decimal("36.00")}


def test_facts_meet_after_aggregation_and_no_group_is_lost(catalog: MetricCatalog, shop: Warehouse) -> None:
    found = {row[0]: row[1:] for row in rows(catalog, shop, ["orders", "visits", "orders_per_visit"], by="channel")}
    assert found == {"web": (4, 3, 4 / 3), "app": (1, 0, None), "mail": (0, 1, 0.0), UNKNOWN: (1, 1, 1.0)}


def test_groups_of_a_type_that_is_not_text_meet_with_null_too(shop: Warehouse) -> None:
    tables = {
        "a": pa.table({"k": pa.array([1, None, None], pa.int64()), "x": [1, 2, 3]}),
        "b": pa.table({"k": pa.array([None, 2], pa.int64()), "y": [10, 20]}),
    }
    catalog = MetricCatalog.of(
        tables=[TableDeclaration(name=name, dimensions=("k",)) for name in tables],
        metrics=[Metric(name="x", sum="a.x"), Metric(name="y", sum="b.y")],
    )
    with connect(tables) as warehouse:
        found = {row[0]: row[1:] for row in rows(catalog, warehouse, ["x", "y"], by="k")}
    assert found == {1: (1, 0), 2: (0, 20), None: (5, 10)}


def test_three_facts_meet_in_one_group_each(shop: Warehouse) -> None:
    tables = {name: pa.table({"k": ["p", other], "x": [1, 1]}) for name, other in (("a", "q"), ("b", "r"), ("c", "r"))}
    catalog = MetricCatalog.of(
        tables=[TableDeclaration(name=name, dimensions=("k",)) for name in tables],
        metrics=[Metric(name=f"n_{name}", count=name) for name in tables],
    )
    with connect(tables) as warehouse:
        found = {row[0]: row[1:] for row in rows(catalog, warehouse, ["n_a", "n_b", "n_c"], by="k")}
    assert found == {"p": (1, 1, 1), "q": (1, 0, 0), "r": (0, 1, 1)}


def test_a_filter_of_one_metric_does_not_touch_another(catalog: MetricCatalog, shop: Warehouse) -> None:
    assert rows(catalog, shop, ["german_revenue", "orders"]) == [(Decimal("30.00"), 6)]


def test_what_is_shown_as_unknown_can_be_asked_for(catalog: MetricCatalog, shop: Warehouse) -> None:
    assert rows(catalog, shop, "orders", where="channel = '(unknown)'") == [(1,)]
    assert rows(catalog, shop, "orders", where="channel <> '(unknown)'") == [(5,)]
    assert rows(catalog, shop, "orders", where="channel IN ('app', '(unknown)')") == [(2,)]


@pytest.mark.parametrize(
    ("where", "orders"),
    [
        ("channel = 'web'", 4),
        ("channel <> 'web'", 2),
        ("NOT channel = 'web'", 2),
        ("channel NOT IN ('web')", 2),
        ("channel NOT LIKE 'w%'", 2),
        ("channel IS NULL", 1),
        ("NOT (channel = 'web' OR status = 'cancelled')", 1),
        ("country = 'DE' AND channel = 'web'", 1),
        ("channel = 'web' OR channel = 'app'", 5),
        ("joined_on < '2026-01-01'", 4),
        ("joined_on BETWEEN DATE '2025-01-01' AND DATE '2025-12-31'", 4),
    ],
)
def test_a_condition_keeps_what_it_does_not_know_only_where_it_excludes(
    catalog: MetricCatalog, shop: Warehouse, where: str, orders: int
) -> None:
    assert rows(catalog, shop, "orders", where=where) == [(orders,)]


def test_periods_without_rows_are_rows_and_ratios_of_nothing_are_null(catalog: MetricCatalog, shop: Warehouse) -> None:
    found = query(catalog, shop, ["orders", "average_order"], by="week", since="2026-01-05", until="2026-01-25")
    assert [tuple(row.values()) for row in found.rows()] == [
        (date(2026, 1, 5), 3, 20.0),
        (date(2026, 1, 12), 0, None),
        (date(2026, 1, 19), 2, 45.0),
    ]
    assert found.partial == {date(2026, 1, 19): "to 2026-01-21"}
    assert any("1 rows of orders have no time" in note for note in found.notes)


def test_a_row_without_a_time_is_a_row_of_no_period(catalog: MetricCatalog, shop: Warehouse) -> None:
    found = rows(catalog, shop, "orders", by="month")
    assert found == [(date(2026, 1, 1), 5), (None, 1)]
    assert sum(count for _, count in found) == 6


def test_every_group_has_every_period(catalog: MetricCatalog, shop: Warehouse) -> None:
    found = rows(catalog, shop, "visits", by=["month", "channel"])
    assert len(found) == 2 * 3
    assert (date(2026, 2, 1), "mail", 0) in found
    assert sum(count for *_, count in found) == 5


def test_without_filling_only_what_is_there_comes_back(catalog: MetricCatalog, shop: Warehouse) -> None:
    assert len(rows(catalog, shop, "visits", by=["month", "channel"], fill=False)) == 4


def test_nothing_is_made_up_before_the_first_day_or_after_the_last(catalog: MetricCatalog, shop: Warehouse) -> None:
    found = query(catalog, shop, "visits", by="month", since="2025-11-01", until="2027-12-31")
    assert [row["period"] for row in found.rows()] == [date(2026, 1, 1), date(2026, 2, 1)]
    assert any("end on 2026-02-02, before the range does" in note for note in found.notes)
    assert any("begin on 2026-01-05, after the range does" in note for note in found.notes)


def test_facts_that_end_on_different_days_are_said(catalog: MetricCatalog, shop: Warehouse) -> None:
    found = query(catalog, shop, ["orders", "visits"], by="month")
    assert any("cover different days" in note for note in found.notes)


def test_the_week_starts_where_the_project_says(shop: Warehouse, shop_catalog: Any) -> None:
    for start, first in (("monday", date(2026, 1, 5)), ("sunday", date(2026, 1, 4)), ("wednesday", date(2025, 12, 31))):
        found = rows(shop_catalog(week_start=start), shop, "orders", by="week", since="2026-01-05", until="2026-01-05")
        assert found == [(first, 1)], start


def test_both_ends_of_a_range_are_included(catalog: MetricCatalog, shop: Warehouse) -> None:
    assert rows(catalog, shop, "orders", since="2026-01-06", until="2026-01-20") == [(3,)]
    assert rows(catalog, shop, "visits", since="2026-01-05", until="2026-01-06") == [(3,)]


def test_a_limit_takes_the_largest_and_says_that_there_is_more(catalog: MetricCatalog, shop: Warehouse) -> None:
    found = query(catalog, shop, "revenue", by="country", limit=1)
    assert (found.rows()[0]["country"], found.table.num_rows, found.truncated) == (UNKNOWN, 1, True)
    assert not query(catalog, shop, "revenue", by="country", limit=3).truncated


def test_an_empty_table_gives_zeros_and_says_so(catalog: MetricCatalog, shop_tables: Any) -> None:
    with connect({name: table.slice(0, 0) for name, table in shop_tables().items()}) as empty:
        assert rows(catalog, empty, ["orders", "revenue", "average_order"]) == [(0, 0, None)]
        answer = query(catalog, empty, "orders", by="day")
        assert answer.table.num_rows == 0
        assert any("no rows with a time" in note for note in answer.notes)


def test_a_dimension_called_like_a_grain_is_asked_with_its_table() -> None:
    table = pa.table({"week": [1, 1, 2], "day": pa.array([date(2026, 1, 5)] * 3), "x": [1, 2, 3]})
    catalog = MetricCatalog.of(
        tables=[TableDeclaration(name="t", time="day", dimensions=("week",))], metrics=[Metric(name="x", sum="t.x")]
    )
    with connect({"t": table}) as warehouse:
        assert rows(catalog, warehouse, "x", by="t.week") == [(1, 3), (2, 3)]
        assert rows(catalog, warehouse, "x", by="week") == [(date(2026, 1, 5), 6)]
        assert rows(catalog, warehouse, "x", by=["week", "t.week"]) == [
            (date(2026, 1, 5), 1, 3),
            (date(2026, 1, 5), 2, 3),
        ]


# Refusals


def refused(error: type[Exception], catalog: MetricCatalog, shop: Warehouse, metrics: Any, **asked: Any) -> Any:
    with pytest.raises(error) as caught:
        query(catalog, shop, metrics, **asked)
    return caught.value


def test_a_measure_of_the_one_side_by_a_dimension_of_the_many_is_refused_where_the_project_says_so(
    catalog: MetricCatalog, shop: Warehouse
) -> None:
    object.__setattr__(catalog, "fan_out", "refuse")
    error = refused(DefinitionError, catalog, shop, "revenue", by="quantity")
    assert "one row of 'orders' has many rows of 'lines'" in error.problem
    assert "ask for a metric of 'lines'" in error.hint
    assert rows(catalog, shop, "revenue", where="quantity = 1") == [(Decimal("10.00"),)]


def test_tables_that_nothing_connects_are_refused(catalog: MetricCatalog, shop: Warehouse) -> None:
    error = refused(DefinitionError, catalog, shop, "visits", by="status")
    assert "no reference leads from 'visits' to 'orders'" in error.problem or "many rows" in error.problem


def test_misspelt_names_are_met_with_the_nearest(catalog: MetricCatalog, shop: Warehouse) -> None:
    assert refused(UnknownNameError, catalog, shop, "revenu").hint.startswith("did you mean 'revenue'")
    assert refused(UnknownNameError, catalog, shop, "revenue", by="contry").hint == "did you mean 'country'?"
    assert refused(UnknownNameError, catalog, shop, "revenue", where="contry = 'DE'").hint == "did you mean 'country'?"
    assert refused(UnknownNameError, catalog, shop, "revenue", by="orders.chanel").hint.startswith("did you mean")


def test_a_sensitive_column_is_neither_a_group_nor_a_filter(catalog: MetricCatalog, shop: Warehouse) -> None:
    for asked in (
        {"by": "email"},
        {"by": "orders.email"},
        {"where": "email = 'a@x'"},
        {"where": "orders.email IS NULL"},
    ):
        assert "sensitive" in refused(PolicyError, catalog, shop, "orders", **asked).problem
    assert "email" not in catalog.dimensions("orders")


def test_a_metric_without_a_time_is_not_asked_over_time(catalog: MetricCatalog, shop: Warehouse) -> None:
    assert "have no time" in refused(DefinitionError, catalog, shop, "line_value", by="day").problem
    assert "have no time" in refused(DefinitionError, catalog, shop, "line_value", since="2026-01-01").problem


@pytest.mark.parametrize(
    "asked",
    [
        {"by": ["day", "week"]},
        {"by": ["country", "country"]},
        {"since": "2026-02-30"},
        {"since": "2026-02-02", "until": "2026-02-01"},
        {"limit": 0},
        {"where": "country = 5"},
        {"where": "joined_on = 'yesterday'"},
        {"where": "joined_on > 3"},
        {"where": "1 = 1"},
        {"where": "country = NULL"},
    ],
)
def test_what_cannot_be_asked_is_refused(catalog: MetricCatalog, shop: Warehouse, asked: dict[str, Any]) -> None:
    assert refused(DefinitionError, catalog, shop, "orders", **asked).problem


def test_no_metric_is_no_question(catalog: MetricCatalog, shop: Warehouse) -> None:
    assert refused(DefinitionError, catalog, shop, []).hint == "name at least one"


def test_two_roads_to_a_table_are_refused_and_a_direct_reference_wins() -> None:
    def catalog(direct: bool) -> MetricCatalog:
        to = {"b": ("b",), "c": ("c",), **({"d": ("d",)} if direct else {})}
        return MetricCatalog.of(
            tables=[
                TableDeclaration(name="a", key=("a",), entities=to),
                TableDeclaration(name="b", key=("b",), entity="b", entities={"d": ("d",)}),
                TableDeclaration(name="c", key=("c",), entity="c", entities={"d": ("d",)}),
                TableDeclaration(name="d", key=("d",), entity="d", dimensions=("colour",)),
            ],
            metrics=[Metric(name="n", count="a")],
        )

    ones = {"a": {"a": [1], "b": [1], "c": [1], "d": [2]}, "b": {"b": [1], "d": [1]}, "c": {"c": [1], "d": [1]}}
    tables = {
        **{name: pa.table(columns) for name, columns in ones.items()},
        "d": pa.table({"d": [1, 2], "colour": ["red", "blue"]}),
    }
    with connect(tables) as warehouse:
        error = refused(DefinitionError, catalog(direct=False), warehouse, "n", by="colour")
        assert "2 ways: a -> b -> d; a -> c -> d" in error.problem
        assert rows(catalog(direct=True), warehouse, "n", by="colour") == [("blue", 1)]


def test_a_key_that_became_false_is_found_the_next_time() -> None:
    import duckdb

    connection = duckdb.connect()
    connection.execute("CREATE TABLE sales AS SELECT 1 AS id, 'p1' AS product, 100 AS amount")
    connection.execute("CREATE TABLE products AS SELECT 'p1' AS product, 'shoes' AS category")
    catalog = MetricCatalog.of(
        tables=[
            TableDeclaration(name="sales", key=("id",), entities={"product": ("product",)}),
            TableDeclaration(name="products", key=("product",), entity="product", dimensions=("category",)),
        ],
        metrics=[Metric(name="amount", sum="sales.amount")],
    )
    warehouse = connect(connection)
    assert rows(catalog, warehouse, "amount", by="category") == [("shoes", 100)]
    connection.execute("INSERT INTO products VALUES ('p1', 'socks')")
    error = refused(DataError, catalog, warehouse, "amount", by="category")
    assert "'p1' (2 rows)" in error.problem


def test_a_stored_version_is_proved_once_and_named_in_how(tmp_path: Any, shop_catalog: Any, shop_tables: Any) -> None:
    store = Store.open(tmp_path / "store")
    with store.transaction("shop") as change:
        for name, table in shop_tables().items():
            change.create(name, table)
    with store.warehouse() as warehouse:
        answer = query(shop_catalog(), warehouse, "revenue", by="country")
        versions = {table.name: table.version_id for table in answer.how.tables}
        assert set(versions) == {"orders", "customers"}
        assert all(versions.values())
        assert answer.how.proofs[0].version_id == versions["customers"]
        assert all(table.fingerprint for table in answer.how.tables)
        asked: list[str] = []
        fetch = warehouse.fetch
        warehouse.fetch = lambda sql, **more: (asked.append(str(sql)), fetch(sql, **more))[1]  # type: ignore[method-assign]
        query(shop_catalog(), warehouse, "revenue", by="country")
        assert len(asked) == 1, "the key of this version is known"


# What an answer carries


def test_how_says_definition_order_sql_and_counts(catalog: MetricCatalog, shop: Warehouse) -> None:
    said = how(catalog, shop, ["revenue"], by="country", where="channel = 'web'")
    assert said.definitions["revenue"]["metric"]["exclude"] == "status = 'cancelled'"
    assert said.digests["revenue"] == catalog.digest("revenue")
    assert "'web'" not in said.sql
    assert said.parameters == {"channel": "web", "status": "cancelled"}
    assert said.sent.startswith("WITH orders_facts AS (SELECT")
    text = said.to_text()
    assert "The order of operations" in text
    assert "Keys that were proved" in text


def test_provenance_names_what_was_asked_and_read(catalog: MetricCatalog, shop: Warehouse) -> None:
    first, second = (query(catalog, shop, "revenue", by="country").provenance for _ in range(2))
    assert first.digest == second.digest
    assert first.reads[0].kept == second.reads[0].kept
    assert first.reads[0].tables[0].rows == 3


def test_an_answer_goes_to_every_medium(catalog: MetricCatalog, shop: Warehouse) -> None:
    answer = query(catalog, shop, ["revenue", "orders"], by=["week", "country"])
    assert UNKNOWN in answer.to_text()
    assert "| country |" in answer.to_markdown() or "country" in answer.to_markdown()
    assert "<table" in answer._repr_html_()
    assert list(answer.to_pandas().columns) == ["period", "country", "revenue", "orders"]
    assert answer.to_polars().height == answer.table.num_rows
    assert "USD 190.00" in str(query(catalog, shop, "revenue"))


def test_the_session_and_the_machine_time_zone_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    import time

    import duckdb

    found = []
    for zone in ("UTC", "Asia/Kathmandu", "America/New_York"):
        monkeypatch.setenv("TZ", zone)
        time.tzset()
        connection = duckdb.connect()
        connection.execute(f"SET TimeZone = '{zone}'")
        connection.execute(
            "CREATE TABLE e AS SELECT TIMESTAMP '2025-03-09 04:59:59' AS at "
            "UNION ALL SELECT TIMESTAMP '2025-03-09 05:00:00'"
        )
        catalog = MetricCatalog.of(
            tables=[TableDeclaration(name="e", time="at", zone="UTC")],
            metrics=[Metric(name="n", count="e")],
            zone="America/New_York",
        )
        found.append(rows(catalog, connect(connection), "n", by="day"))
    monkeypatch.undo()
    time.tzset()
    assert found == [[(date(2025, 3, 8), 1), (date(2025, 3, 9), 1)]] * 3


@pytest.mark.parametrize("kind", ["naive in its own zone", "zoned", "date"])
def test_every_kind_of_time_column_falls_on_its_local_day(kind: str) -> None:
    late = datetime(2026, 7, 1, 23, 30)
    column = {
        "naive in its own zone": pa.array([late], pa.timestamp("us")),
        "zoned": pa.array([datetime(2026, 7, 1, 21, 30)], pa.timestamp("us", "UTC")),
        "date": pa.array([date(2026, 7, 1)]),
    }[kind]
    catalog = MetricCatalog.of(
        tables=[TableDeclaration(name="e", time="at")], metrics=[Metric(name="n", count="e")], zone="Europe/Berlin"
    )
    with connect({"e": pa.table({"at": column})}) as warehouse:
        assert rows(catalog, warehouse, "n", by="day") == [(date(2026, 7, 1), 1)]
        assert rows(catalog, warehouse, "n", since="2026-07-01", until="2026-07-01") == [(1,)]
        assert rows(catalog, warehouse, "n", since="2026-07-02") == [(0,)]


def test_columns_called_like_our_own_values_do_not_mix_with_them() -> None:
    table = pa.table(
        {"first_period": ["2026", "x"], "since": [5, 6], "at": pa.array([date(2026, 1, 1), date(2026, 1, 3)])}
    )
    catalog = MetricCatalog.of(
        tables=[TableDeclaration(name="t", time="at", dimensions=("first_period", "since"))],
        metrics=[Metric(name="n", count="t")],
    )
    with connect({"t": table}) as warehouse:
        asked = {"by": "day", "where": "first_period = '2026' AND since = 5", "since": "2026-01-01"}
        assert [count for _, count in rows(catalog, warehouse, "n", **asked)] == [1, 0, 0]


def test_unknown_of_a_column_that_is_no_text_is_asked_with_is_null(catalog: MetricCatalog, shop: Warehouse) -> None:
    assert "IS NULL" in refused(DefinitionError, catalog, shop, "line_value", where="quantity = '(unknown)'").hint
