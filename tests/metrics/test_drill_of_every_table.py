"""On every kind of table and metric the rows behind a cell make the cell, or the drill is refused."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from functools import lru_cache
from statistics import median
from typing import Any

import pyarrow as pa
import pytest

from steelyard.errors import DataError, DefinitionError, SteelyardError
from steelyard.metrics import Metric, MetricCatalog, query
from steelyard.metrics.drill import Drill, drill
from steelyard.metrics.kinds import (
    Balance,
    Conversion,
    Convert,
    Fixed,
    PeriodToDate,
    Quantile,
    Retention,
    Rolling,
    Share,
    Target,
)  # fmt: skip
from steelyard.warehouse import (
    Bridge,
    Deduplicate,
    History,
    Rates,
    Role,
    TableDeclaration,
    Warehouse,
    connect,
)  # fmt: skip


def on(day: int) -> date:
    return date(2026, 1, day)


def money(*values: str | None) -> Any:
    return pa.array([None if value is None else Decimal(value) for value in values], pa.decimal128(12, 2))


LATEST = Deduplicate(key=("parcel",), latest=("seq",))
PARCELS = pa.table(
    {
        "parcel": ["a", "a", "b", "c", "c", "d", None],
        "seq": [1, 2, 1, 1, 1, 1, 1],
        "weight": [10, 20, 5, 3, 4, 7, 100],
        "op": ["I", "U", "I", "I", "I", "D", "I"],
        "sent_on": [on(1), on(2), on(3), on(3), on(3), on(4), on(4)],
        "customer_id": [1, 2, 1, 1, 2, 2, 1],
    }
)
TABLES = {
    "orders": pa.table(
        {
            "order_id": [1, 2, 3, 4, 5, 6],
            "customer_id": [1, 1, 2, 3, None, 9],
            "payer_id": [1, 2, 2, 3, 1, 1],
            "ordered_on": [on(4), on(5), on(6), on(12), on(18), None],
            "amount": money("100.00", "50.00", "7.00", None, "3.33", "-9.00"),
            "fee": money("1.00", "2.00", "3.00", "4.00", None, "6.00"),
            "fee_currency": ["EUR", "USD", "EUR", "USD", "EUR", "XXX"],
            "status": ["paid", "void", "paid", None, "paid", "paid"],
        }
    ),
    "customers": pa.table({"customer_id": [1, 2, 3], "country": ["DE", "FR", None]}),
    "states": pa.table(
        {
            "customer_id": [1, 1, 2], "valid_from": [on(1), on(5), on(1)], "valid_to": [on(5), None, on(6)],
            "plan": ["free", "pro", "free"],
        }
    ),
    "lines": pa.table(
        {"line_id": [1, 2, 3, 4, 5], "order_id": [1, 1, 2, 3, None], "product": ["a", "b", "a", "c", "c"]}
    ),
    "links": pa.table(
        {
            "order_id": [1, 1, 2, 4, 4], "campaign_id": [7, 8, 8, 7, 55],
            "share": money("0.25", "0.75", "1.00", "0.40", "0.60"),
        }
    ),
    "campaigns": pa.table({"campaign_id": [7, 8, 9], "campaign": ["spring", "summer", "autumn"]}),
    "parcels": PARCELS,
    "raw_parcels": PARCELS,
    "rates": pa.table({"currency": ["USD", "USD"], "rate": [2.0, 4.0], "day": [on(1), on(5)]}),
}  # fmt: skip
METRICS = (
    Metric(name="revenue", sum="orders.amount"),
    Metric(name="orders", count="orders"),
    Metric(name="buyers", distinct="orders.customer_id"),
    Metric(name="average_order", mean="orders.amount"),
    Metric(name="spring_revenue", sum="orders.amount", where="campaign = 'spring'"),
    Metric(name="revenue_of_sundays", sum="orders.amount", week_start="sunday"),
    Metric(name="fees", sum="orders.fee"),
    Metric(name="fees_in_eur", sum="orders.fee", convert=Convert(to="EUR", rates="rates")),
    Metric(name="revenue_of_one_status", sum="orders.amount", not_additive_over=("status",)),
    Metric(name="middle", quantile=Quantile(of="orders.amount")),
    Metric(name="goal", target=Target(of="orders.amount", grain="month")),
    Metric(name="weight", sum="parcels.weight"),
    Metric(name="parcels", count="parcels"),
    Metric(name="weight_told_apart", sum="raw_parcels.weight", deduplicate=LATEST),
    Metric(name="again", conversion=Conversion(base="orders", then="orders", entity="customer", within="7 days")),
    Metric(name="kept", retention=Retention(base="orders", then="parcels", entity="customer", from_day=0, to_day=3)),
    Metric(name="rolling", rolling=Rolling(of="orders", days=7)),
    Metric(name="so_far", cumulative="orders"),
    Metric(name="to_date", period_to_date=PeriodToDate(of="orders", period="month")),
    Metric(name="part", share=Share(of="orders")),
    Metric(name="each", derived="orders / buyers"),
    Metric(name="typical", fixed=Fixed(of="orders", per="customer", then="mean")),
    Metric(name="level", balance=Balance(of="orders.amount", policy="end_of_period")),
)


@lru_cache(maxsize=2)
def shop_of(weight: str = "share") -> MetricCatalog:
    customer = {"customer": ("customer_id",)}
    return MetricCatalog.of(
        metrics=METRICS,
        tables=[
            TableDeclaration(
                name="orders", key=("order_id",), entity="order", time="ordered_on",
                entities={**customer, "account": ("customer_id",)},
                roles={"payer": Role(entity="customer", columns=("payer_id",))},
                currencies={"fee": "fee_currency"}, dimensions=("status", "fee_currency"),
            ),
            TableDeclaration(name="customers", key=("customer_id",), entity="customer", dimensions=("country",)),
            TableDeclaration(
                name="states", key=("customer_id", "valid_from"), entity="account", history=History(),
                dimensions=("plan",),
            ),
            TableDeclaration(
                name="lines", key=("line_id",), entities={"order": ("order_id",)}, dimensions=("product",)
            ),
            TableDeclaration(
                name="links", entities={"order": ("order_id",), "campaign": ("campaign_id",)},
                bridge=Bridge(of="order", to="campaign", weight=weight),
            ),
            TableDeclaration(name="campaigns", key=("campaign_id",), entity="campaign", dimensions=("campaign",)),
            TableDeclaration(
                name="parcels", key=("parcel",), time="sent_on", entities=customer, dimensions=("parcel",),
                deduplicate=Deduplicate(key=("parcel",), latest=("seq",), deleted="op = 'D'"),
            ),
            TableDeclaration(name="raw_parcels", time="sent_on", dimensions=("parcel",)),
            TableDeclaration(
                name="rates", key=("currency", "day"), time="day",
                rates=Rates(currency="currency", rate="rate", base="EUR"),
            ),
        ],
    )  # fmt: skip


@pytest.fixture(scope="module")
def shop() -> Iterator[Warehouse]:
    with connect(TABLES) as warehouse:
        yield warehouse


def made_of(found: Drill) -> Any:
    """The number that the drilled rows make, in plain Python."""
    values = [value for value in found.table.column(found.measure).to_pylist() if value is not None]
    if found.adds == "distinct":
        return len(set(values))
    if found.adds == "quantile":
        return median(values) if values else None
    if found.adds == "mean":
        return float(sum(values)) / len(values) if values else None
    return sum(values)


def same(one: Any, other: Any) -> bool:
    return one == other or (one is not None and other is not None and float(one) == pytest.approx(float(other)))


def cells(catalog: MetricCatalog, shop: Warehouse, metric: str, by: tuple[str, ...], **asked: Any) -> Iterator[Any]:
    answer = query(catalog, shop, metric, by=by, fill=False, **asked)
    for row in answer.rows():
        named = [answer.question.grain, *answer.question.by] if answer.question.grain else list(answer.question.by)
        yield dict(zip(named, (row[name] for name in answer.dimensions), strict=True)), row[metric]


PLAIN = (
    "revenue",
    "orders",
    "buyers",
    "average_order",
    "spring_revenue",
    "fees_in_eur",
    "revenue_of_sundays",
    "middle",
)
GROUPS = [
    (),
    ("week",),
    ("country",),
    ("payer.country",),
    ("plan",),
    ("product",),
    ("month", "product"),
    ("fee_currency",),
]
OTHERS = [
    ("orders", ("campaign",)), ("revenue", ("campaign",)), ("buyers", ("campaign",)),
    ("revenue", ("month", "campaign")),
    ("weight", ()), ("weight", ("parcel",)), ("parcels", ("country",)), ("weight_told_apart", ()),
    ("weight_told_apart", ("parcel",)), ("fees", ("fee_currency",)), ("goal", ("month",)),
    ("revenue_of_one_status", ("status",)),
]  # fmt: skip


@pytest.mark.parametrize(("metric", "by"), [*((metric, by) for metric in PLAIN for by in GROUPS), *OTHERS])
def test_the_rows_of_every_cell_make_the_cell(shop: Warehouse, metric: str, by: tuple[str, ...]) -> None:
    for at, value in cells(shop_of(), shop, metric, by):
        found = drill(shop_of(), shop, metric, at=at)
        assert same(found.value, value), at
        assert same(made_of(found), value), at


@pytest.mark.parametrize("metric", ["revenue", "orders", "buyers", "average_order"])
@pytest.mark.parametrize("where", ["campaign = 'spring'", "product = 'a'", "campaign <> 'spring'", "plan = 'pro'"])
def test_what_is_asked_of_many_rows_shows_no_row_twice(shop: Warehouse, metric: str, where: str) -> None:
    for by in ((), ("country",)):
        for at, value in cells(shop_of(), shop, metric, by, where=where):
            found = drill(shop_of(), shop, metric, at=at, where=where)
            shown = found.table.column("order_id").to_pylist()
            assert len(shown) == len(set(shown)) == found.rows
            assert same(found.value, value)
            assert same(made_of(found), value)


@pytest.mark.parametrize("metric", ["revenue", "orders", "buyers", "average_order"])
def test_a_row_that_counts_in_several_groups_is_whole_in_each(shop: Warehouse, metric: str) -> None:
    for at, value in cells(shop_of(weight=""), shop, metric, ("campaign",)):
        found = drill(shop_of(weight=""), shop, metric, at=at)
        assert same(made_of(found), value)
        assert found.table.column("campaign").to_pylist() == [at["campaign"]] * found.rows


def test_the_sides_of_a_mean_that_is_shared_out_have_rows_and_the_mean_has_none(shop: Warehouse) -> None:
    for at, value in cells(shop_of(), shop, "average_order", ("campaign",)):
        with pytest.raises(DefinitionError, match="count for their shares"):
            drill(shop_of(), shop, "average_order", at=at)
        upper, lower = (
            drill(shop_of(), shop, "average_order", at=at, side=side) for side in ("numerator", "denominator")
        )
        assert [made_of(upper), made_of(lower)] == [upper.value, lower.value]
        assert value is None or same(float(upper.value) / float(lower.value), value)


@pytest.mark.parametrize("metric", ["again", "kept"])
@pytest.mark.parametrize("by", [(), ("country",), ("week",)])
def test_each_side_of_what_is_followed_has_its_rows(shop: Warehouse, metric: str, by: tuple[str, ...]) -> None:
    for at, value in cells(shop_of(), shop, metric, by):
        upper, lower = (drill(shop_of(), shop, metric, at=at, side=side) for side in ("numerator", "denominator"))
        assert [made_of(upper), made_of(lower)] == [upper.value, lower.value]
        assert value == (upper.value / lower.value if lower.value else None)


def test_a_week_of_the_metric_begins_on_its_own_day(shop: Warehouse) -> None:
    assert drill(shop_of(), shop, "revenue_of_sundays", at={"week": "2026-01-04"}).value == Decimal("157.00")
    with pytest.raises(DefinitionError, match="no week begins on 2026-01-05"):
        drill(shop_of(), shop, "revenue_of_sundays", at={"week": "2026-01-05"})


def test_what_an_answer_refuses_a_drill_refuses(shop: Warehouse) -> None:
    with pytest.raises(DataError, match="EUR, USD, XXX would be added up"):
        drill(shop_of(), shop, "fees")
    with pytest.raises(DefinitionError, match="does not add up over 'status'"):
        drill(shop_of(), shop, "revenue_of_one_status")
    with pytest.raises(DefinitionError, match="a quantile of shares of rows has no meaning"):
        drill(shop_of(), shop, "middle", at={"campaign": "spring"})
    with pytest.raises(DefinitionError, match="a quantile of shares of rows has no meaning"):
        query(shop_of(), shop, "middle", by="campaign")


@pytest.mark.parametrize(
    ("metric", "names"),
    [
        ("rolling", "orders"), ("so_far", "orders"), ("to_date", "orders"), ("part", "orders"), ("typical", "orders"),
        ("each", "'orders' or 'buyers'"), ("level", "a sum of orders.amount, for one day"),
    ],
)  # fmt: skip
def test_a_number_that_is_not_made_of_rows_alone_names_what_has_rows(shop: Warehouse, metric: str, names: str) -> None:
    with pytest.raises(SteelyardError, match="not made of rows alone") as refused:
        drill(shop_of(), shop, metric)
    assert names in str(refused.value)
