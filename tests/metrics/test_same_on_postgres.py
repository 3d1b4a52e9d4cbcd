"""The same questions give the same numbers on DuckDB and Postgres."""
# ruff: noqa: DTZ001 - naive timestamps are what is tested

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from steelyard.errors import DataError
from steelyard.metrics import (
    Metric,
    MetricCatalog,
    MetricTable,
    Ratio,
    UnitMetric,
    explain,
    query,
    read_metrics,
    unit_panel,
    unit_table,
)
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
)
from steelyard.warehouse import Bridge, History, Rates, Role, TableDeclaration, Warehouse, connect

pytestmark = pytest.mark.postgres

QUESTIONS: tuple[dict[str, Any], ...] = (
    {"metrics": ["revenue", "orders", "average_order", "buyers", "line_value", "visits"]},
    {"metrics": ["revenue"], "by": ["country"]},
    {"metrics": ["line_value"], "by": ["country"]},
    {"metrics": ["orders", "visits", "orders_per_visit"], "by": ["channel"]},
    {"metrics": ["orders", "visits"], "by": ["joined_on"]},
    {"metrics": ["orders", "visits"], "by": ["channel"], "fill": False},
    {"metrics": ["orders", "visits", "orders_per_visit"], "by": ["month", "channel"]},
    {"metrics": ["orders", "visits"], "by": ["month", "channel"], "fill": False},
    {"metrics": ["revenue", "average_order"], "by": ["week"], "since": "2026-01-05", "until": "2026-01-25"},
    {"metrics": ["orders"], "by": ["quarter"]},
    {"metrics": ["orders"], "by": ["year"]},
    {"metrics": ["orders"], "by": ["day", "joined_on"]},
    {"metrics": ["orders"], "where": "channel <> 'web'"},
    {"metrics": ["orders"], "where": "NOT (channel = 'web' OR status LIKE 'can%')"},
    {"metrics": ["orders"], "where": "joined_on BETWEEN '2025-01-01' AND '2025-12-31' AND country NOT IN ('FR', NULL)"},
    {"metrics": ["german_revenue", "orders"], "since": "2026-01-06"},
)


def own_database(url: str, name: str) -> str:
    """A database of its own: the tests come in any order, and more than one has a table of sales."""
    from adbc_driver_postgresql import dbapi

    with dbapi.connect(url, autocommit=True) as link, link.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE own_{name}")
    return f"{url.rpartition('/')[0]}/own_{name}"


@pytest.fixture(scope="module")
def both(request: pytest.FixtureRequest, postgres_url: str) -> Iterator[tuple[Warehouse, Warehouse]]:
    from importlib.util import module_from_spec, spec_from_file_location

    spec = spec_from_file_location("small_shop", Path(__file__).with_name("conftest.py"))
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    tables = module.shop_tables()
    with connect(tables) as duck, connect(own_database(postgres_url, "both")) as post:
        for name, table in tables.items():
            post.write(name, table)
        yield duck, post


def counted(notes: Sequence[str]) -> list[str]:
    """The notes without what a warehouse that counts no rows says, and what it cannot say."""
    return [note for note in notes if not note.startswith(("Whether the key", "The key"))]


def said(answer: MetricTable) -> list[str]:
    return counted(answer.notes)


def comparable(rows: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    return sorted((tuple(row.values()) for row in rows), key=str)


def same(one: Any, other: Any) -> bool:
    if isinstance(one, float) or isinstance(other, float):
        return one is not None and other is not None and math.isclose(float(one), float(other), rel_tol=1e-12)
    return bool(one == other)


CASES = [
    (question, start)
    for question in QUESTIONS
    for start in (("monday", "sunday", "wednesday") if "week" in question.get("by", ()) else ("monday",))
]


@pytest.mark.parametrize(("question", "week_start"), CASES, ids=str)
def test_a_question_has_one_answer(
    both: tuple[Warehouse, Warehouse], shop_catalog: Any, question: dict[str, Any], week_start: str
) -> None:
    asked = {name: value for name, value in question.items() if name != "metrics"}
    catalog = shop_catalog(week_start=week_start, zone="America/New_York")
    duck, post = (comparable(query(catalog, warehouse, question["metrics"], **asked).rows()) for warehouse in both)
    assert len(duck) == len(post)
    assert duck
    for one, other in zip(duck, post, strict=True):
        assert all(same(a, b) for a, b in zip(one, other, strict=True)), (one, other)


def test_an_explanation_is_the_same(both: tuple[Warehouse, Warehouse], shop_catalog: Any) -> None:
    duck, post = (
        explain(shop_catalog(), warehouse, "revenue", ("2026-01-05", "2026-01-11"), ("2026-01-19", "2026-01-25"))
        for warehouse in both
    )
    one, other = duck.to_dict(), post.to_dict()
    assert counted(one.pop("notes")) == counted(other.pop("notes"))
    assert one == other


def test_units_are_the_same(both: tuple[Warehouse, Warehouse], shop_catalog: Any) -> None:
    values = {
        "spend": UnitMetric(metric="revenue", at="seen_at", after=7),
        "visited": UnitMetric(metric="visits", at="seen_at", before=7, part="any"),
        "mean": UnitMetric(metric="average_order"),
    }
    units = "SELECT customer_id AS customer, CAST('2026-01-06T00:00:00Z' AS TIMESTAMPTZ) AS seen_at FROM customers"
    found, panels = [], []
    for warehouse in both:
        types = {name: warehouse.columns(name) for name in ("customers", "orders", "lines", "visits")}
        catalog = shop_catalog(zone="Asia/Tokyo")
        sql = unit_table(catalog, entity="customer", units=units, values=values, types=types)
        found.append(comparable(warehouse.fetch(sql).to_pylist()))
        panel = unit_panel(
            catalog,
            entity="customer",
            metric="revenue",
            period="week",
            since=date(2026, 1, 1),
            until=date(2026, 1, 31),
            types=types,
        )
        panels.append(comparable(warehouse.fetch(panel).to_pylist()))
    assert found[0] == found[1]
    assert panels[0] == panels[1]
    assert len(panels[0]) == 4 * 5


def test_a_false_key_is_named_on_both(both: tuple[Warehouse, Warehouse]) -> None:
    catalog = MetricCatalog.of(
        tables=[
            TableDeclaration(name="lines", entities={"order": ("order_id",)}),
            TableDeclaration(name="orders", key=("customer_id",), entity="order", dimensions=("channel",)),
        ],
        metrics=[Metric(name="n", count="lines")],
    )
    problems = []
    for warehouse in both:
        with pytest.raises(DataError) as caught:
            query(catalog, warehouse, "n", by="channel")
        problems.append(caught.value.problem)
    assert problems[0] == problems[1]
    assert "1 (2 rows); NULL (1 row)" in problems[0]


# Roles, histories, bridges, many sides

TRADE = MetricCatalog.of(
    tables=[
        TableDeclaration(name="places", key=("place_id",), entity="place", dimensions=("city",)),
        TableDeclaration(
            name="plans",
            key=("person_id",),
            entity="person",
            history=History(),
            zones={"valid_from": "Europe/Berlin", "valid_to": "Europe/Berlin"},
            dimensions=("plan",),
        ),
        TableDeclaration(
            name="sales",
            key=("sale_id",),
            entity="sale",
            entities={"person": ("person_id",)},
            roles={
                "from_place": Role(entity="place", columns=("from_id",)),
                "to_place": Role(entity="place", columns=("to_id",)),
            },
            time="sold_at",
            zone="UTC",
            dimensions=("channel",),
        ),
        TableDeclaration(name="items", entities={"sale": ("sale_id",)}, dimensions=("kind", "pieces")),
        TableDeclaration(name="adverts", key=("advert_id",), entity="advert", dimensions=("advert",)),
        TableDeclaration(
            name="credits",
            entities={"sale": ("sale_id",), "advert": ("advert_id",)},
            bridge=Bridge(of="sale", to="advert", weight="share"),
        ),
        TableDeclaration(name="refused", dimensions=("channel",)),
    ],
    metrics=[
        Metric(name="sold", sum="sales.amount"),
        Metric(name="sales", count="sales"),
        Metric(name="tea", sum="sales.amount", where="kind = 'tea'"),
        Metric(name="no_tea", sum="sales.amount", exclude="kind = 'tea'"),
    ],
    zone="America/New_York",
)
TRADE_QUESTIONS: tuple[dict[str, Any], ...] = (
    {"by": ["from_place.city", "to_place.city"]},
    {"by": ["to_place.city"], "where": "from_place.city = 'Bonn' OR from_place.city IS NULL"},
    {"by": ["plan"]},
    {"by": ["day", "plan"]},
    {"where": "plan <> 'pro'"},
    {"by": ["advert"]},
    {"by": ["month", "advert"]},
    {"by": ["kind"]},
    {"by": ["kind", "pieces"]},
    {"by": ["kind", "advert", "plan"]},
    {"by": ["kind"], "where": "kind = 'tea' AND pieces > 1"},
    {"where": "kind = 'tea' AND pieces > 1"},
    {"where": "NOT (kind = 'tea' OR channel = 'web')"},
    {"where": "kind NOT IN ('tea', NULL) AND advert = 'radio'"},
    {"where": "kind = '(unknown)' OR advert IS NULL"},
    {"where": "channel NOT IN refused.channel"},
    {"by": ["channel"], "where": "channel IN refused.channel"},
)


def trade_tables() -> dict[str, pa.Table]:
    at = [datetime(2026, 1, day, hour) for day, hour in ((5, 3), (9, 23), (10, 0), (20, 12))]
    day = {name: [None if d is None else datetime(2026, 1, d) for d in days] for name, days in (
        ("valid_from", (1, 10, 6)), ("valid_to", (10, None, 15)),
    )}  # fmt: skip
    share = pa.array([Decimal("0.25"), Decimal("0.75"), Decimal("1.00")], pa.decimal128(5, 2))
    return {
        "places": pa.table({"place_id": [1, 2], "city": ["Bonn", "Lyon"]}),
        "plans": pa.table(
            {
                "person_id": [1, 1, 2],
                "plan": ["free", "pro", "pro"],
                **{name: pa.array(days, pa.timestamp("us")) for name, days in day.items()},
            }
        ),
        "sales": pa.table(
            {
                "sale_id": [1, 2, 3, 4],
                "person_id": [1, 1, 2, 7],
                "from_id": [1, 1, 2, None],
                "to_id": [2, 1, 9, 2],
                "sold_at": pa.array(at, pa.timestamp("us")),
                "channel": ["web", "app", None, "web"],
                "amount": pa.array([Decimal(x) for x in ("10.00", "20.00", "40.00", "80.00")], pa.decimal128(12, 2)),
            }
        ),
        "items": pa.table(
            {"sale_id": [1, 1, 1, 2, 3], "kind": ["tea", "tea", "cup", "cup", None], "pieces": [1, 2, 3, 4, 5]}
        ),
        "adverts": pa.table({"advert_id": [1, 2], "advert": ["radio", "mail"]}),
        "credits": pa.table({"sale_id": [1, 1, 3], "advert_id": [1, 2, 2], "share": share}),
        "refused": pa.table({"channel": ["web", None]}),
    }


@pytest.fixture(scope="module")
def traders(postgres_url: str) -> Iterator[tuple[Warehouse, Warehouse]]:
    tables = trade_tables()
    with connect(tables) as duck, connect(own_database(postgres_url, "traders")) as post:
        for name, table in tables.items():
            post.write(name, table)
        yield duck, post


TIMES = """
tables:
  stores: {key: store, entity: store, dimensions: [store]}
  sales: {key: [store, sold_at], time: sold_at, zone: UTC, zone_of_day: stores.tz, entities: {store: store}}
  stamps: {key: id, time: stamped_at, zone: UTC, zones: {shown_at: America/New_York}}
metrics:
  sold: {count: sales}
  sold_7: {rolling: {of: sold, days: 7}}
  level: {balance: {of: sales.amount, policy: carried_forward, per: store}}
  back: {retention: {base: sold, then: sold, entity: store, from_day: 1, to_day: 3}}
  stamped: {count: stamps}
  shown: {count: stamps, time: shown_at}
  so_far: {period_to_date: {of: stamped, period: year}}
"""


@pytest.fixture(scope="module")
def clocks(postgres_url: str) -> Iterator[tuple[Warehouse, Warehouse]]:
    start = datetime(2025, 4, 4, 1, 17, 3, 250_001)
    moments = [start + timedelta(minutes=97 * number) for number in range(60)]
    stores = [("ny", "tokyo", "howe", "gone")[number % 4] for number in range(60)]
    stamp = pa.timestamp("us")
    fall = [datetime(2025, 11, 2, 0, 30) + timedelta(minutes=20 * number) for number in range(60)]
    tables = {
        "stores": pa.table(
            {
                "store": ["ny", "tokyo", "howe", "nowhere"],
                "tz": ["America/New_York", "Asia/Tokyo", "Australia/Lord_Howe", None],
            }
        ),
        "sales": pa.table({"store": stores, "sold_at": pa.array(moments, stamp), "amount": list(range(60))}),
        "stamps": pa.table(
            {"id": list(range(60)), "stamped_at": pa.array(moments, stamp), "shown_at": pa.array(fall, stamp)}
        ),
    }
    with connect(tables) as duck, connect(own_database(postgres_url, "clocks")) as post:
        for name, table in tables.items():
            post.write(name, table)
        yield duck, post


@pytest.mark.parametrize("question", TRADE_QUESTIONS, ids=str)
def test_roles_histories_bridges_and_many_sides_are_the_same(
    traders: tuple[Warehouse, Warehouse], question: dict[str, Any]
) -> None:
    names = ["sold", "sales", "tea", "no_tea"]
    duck, post = (query(TRADE, warehouse, names, **question) for warehouse in traders)
    pairs = list(zip(comparable(duck.rows()), comparable(post.rows()), strict=True))
    assert pairs
    assert all(same(a, b) for one, other in pairs for a, b in zip(one, other, strict=True)), pairs
    assert [fact.unmatched for fact in duck.how.facts] == [fact.unmatched for fact in post.how.facts]


def test_a_false_history_and_false_shares_are_named_on_both(traders: tuple[Warehouse, Warehouse]) -> None:
    tables = trade_tables()
    wrong = {
        "plans": pa.concat_tables([tables["plans"], tables["plans"].slice(1, 1)]),
        "credits": tables["credits"].slice(1),
    }
    for name, asked in (("plans", "plan"), ("credits", "advert")):
        problems = []
        for warehouse in traders:
            warehouse.write(name, wrong[name])
            with pytest.raises(DataError) as caught:
                query(TRADE, warehouse, "sold", by=asked)
            warehouse.write(name, tables[name])
            problems.append(caught.value.problem)
        assert problems[0] == problems[1]


TIMED: tuple[dict[str, Any], ...] = (
    {"metrics": ["sold", "sold_7", "level", "back"], "by": ["day"]},
    {"metrics": ["sold", "back"], "by": ["week", "store"], "since": "2025-04-05", "until": "2025-04-07"},
    {"metrics": ["sold"], "since": "2025-04-05", "until": "2025-04-05"},
    {"metrics": ["stamped"], "by": ["hour"]},
    {"metrics": ["stamped"], "by": ["hour"], "fill": False, "since": "2025-04-06", "until": "2025-04-06"},
    {"metrics": ["stamped", "shown"], "by": ["day"]},
    {"metrics": ["shown"], "by": ["hour"]},
    {"metrics": ["stamped", "shown", "so_far"], "by": ["quarter"]},
    {"metrics": ["stamped", "so_far"], "by": ["year"]},
)


@pytest.mark.parametrize("zone", ["America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"])
@pytest.mark.parametrize("question", TIMED, ids=str)
def test_clocks_and_calendars_give_the_same_numbers(
    clocks: tuple[Warehouse, Warehouse], tmp_path: Path, question: dict[str, Any], zone: str
) -> None:
    (tmp_path / "times.yml").write_text(TIMES)
    catalog = read_metrics([tmp_path / "times.yml"], zone=zone, year_start=4)
    assert not catalog.problems
    asked = {name: value for name, value in question.items() if name != "metrics"}
    duck, post = (query(catalog, warehouse, question["metrics"], **asked) for warehouse in clocks)
    assert duck.rows()
    assert duck.table.schema.field(0).type == post.table.schema.field(0).type
    for one, other in zip(comparable(duck.rows()), comparable(post.rows()), strict=True):
        assert all(same(a, b) for a, b in zip(one, other, strict=True)), (one, other)
    assert said(duck) == said(post)


# Kinds beyond the plain ones

CONVERT = Convert(to="USD", rates="fx", stale_after="2 days")
KINDS = MetricCatalog.of(
    tables=[
        TableDeclaration(name="places", key=("place_id",), entity="place", dimensions=("city",), time="opened"),
        TableDeclaration(
            name="payments",
            key=("payment_id",),
            time="paid_at",
            zone="UTC",
            entities={"place": ("place_id",)},
            dimensions=("channel", "currency"),
            currencies={"amount": "currency"},
        ),
        TableDeclaration(
            name="fx", key=("day", "currency"), time="day", rates=Rates(currency="currency", rate="rate", base="EUR")
        ),
        TableDeclaration(
            name="stock",
            key=("place_id", "day"),
            time="day",
            entities={"place": ("place_id",)},
            dimensions=("channel",),
        ),
        TableDeclaration(name="aims", key=("month", "channel"), time="month", dimensions=("channel",)),
    ],
    metrics=[
        Metric(name="paid", sum="payments.amount", convert=CONVERT),
        Metric(name="paid_then", sum="payments.amount", convert=replace(CONVERT, to="EUR", at=date(2026, 1, 6))),
        Metric(name="mean_paid", mean="payments.amount", convert=CONVERT),
        Metric(name="payments", count="payments"),
        Metric(name="points", sum="payments.points", limits={"max": 3}),
        Metric(name="used", distinct="payments.place_id"),
        Metric(name="each", ratio=Ratio(numerator="points", denominator="used")),
        Metric(name="middle", quantile=Quantile(of="payments.points", share=0.3)),
        *(
            Metric(name=policy, balance=Balance(of="stock.pieces", policy=policy, per="place"))  # type: ignore[arg-type]
            for policy in ("end_of_period", "last_in_period", "carried_forward", "average")
        ),
        Metric(name="carried_3", balance=Balance(of="stock.pieces", policy="carried_forward", within="3 days")),
        *(Metric(name=f"{of}_so_far", cumulative=of) for of in ("points", "used", "each", "middle", "paid")),
        *(
            Metric(name=f"{of}_last_5", rolling=Rolling(of=of, days=5, warm_up="missing"))
            for of in ("points", "used", "each", "middle")
        ),
        Metric(name="points_a_day", rolling=Rolling(of="points", days=5, average=True)),
        *(Metric(name=f"{of}_of_month", period_to_date=PeriodToDate(of=of)) for of in ("points", "used", "middle")),
        Metric(name="again", conversion=Conversion(base="payments", then="payments", entity="place", within="3 days")),
        Metric(
            name="back", retention=Retention(base="payments", then="payments", entity="place", from_day=1, to_day=4)
        ),
        Metric(name="part", share=Share(of="points")),
        Metric(name="part_of_city", share=Share(of="points", within=("city",), filters="keep")),
        Metric(name="net", derived="points - 2 * used + payments / 3"),
        Metric(name="mean_of_place", fixed=Fixed(of="points", per="place")),
        Metric(name="median_of_place", fixed=Fixed(of="points", per="place", then="quantile")),
        Metric(name="aim", target=Target(of="aims.points", grain="month")),
    ],
    zone="America/New_York",
)
OVER_TIME = (
    "paid",
    "points",
    "used",
    "each",
    "middle",
    "end_of_period",
    "last_in_period",
    "carried_forward",
    "average",
)
OVER_TIME += ("carried_3", "again", "back", "net", "paid_then", "mean_paid")
LOOKING_BACK = tuple(name for name in KINDS.metrics if name.endswith(("_so_far", "_last_5", "_a_day", "_of_month")))
KIND_QUESTIONS: tuple[dict[str, Any], ...] = (
    {"metrics": [*OVER_TIME, "mean_of_place", "median_of_place", "aim"]},
    {"metrics": OVER_TIME, "by": ["week", "city"]},
    {"metrics": OVER_TIME, "by": ["month", "channel"], "fill": False},
    {"metrics": [*OVER_TIME, "aim"], "by": ["month", "channel"], "since": "2026-01-01", "until": "2026-01-31"},
    {"metrics": OVER_TIME, "where": "channel <> 'web'", "by": ["city"]},
    {"metrics": LOOKING_BACK},
    {"metrics": LOOKING_BACK, "by": ["day", "city"], "since": "2026-01-04"},
    {"metrics": LOOKING_BACK, "by": ["month", "channel", "city"], "where": "channel = 'web'"},
    {"metrics": ["again", "back"], "complete_through": "2026-01-09", "by": ["day"]},
    {"metrics": ["part", "part_of_city"], "by": ["city", "channel"], "where": "channel = 'web'"},
    {"metrics": ["part", "points"], "by": ["month", "channel"], "context": "city = 'Bonn'"},
    {"metrics": ["mean_of_place", "median_of_place"], "by": ["city"], "since": "2026-01-02", "until": "2026-01-31"},
    {"metrics": ["points", "used", "middle"], "by": ["city"], "top": {"city": 1}},
    {"metrics": ["points", "payments"], "by": ["channel"], "having": "points > 1 AND payments < 9"},
    {"metrics": [*OVER_TIME, *LOOKING_BACK], "since": "2027-01-01"},
)


def kind_tables() -> dict[str, pa.Table]:
    at = [datetime(2026, 1, day, hour) for day, hour in ((3, 3), (3, 4), (5, 12), (8, 1), (9, 23), (20, 5))]
    known = [date(2026, 1, day) for day in (2, 5, 6, 2)]
    return {
        "places": pa.table(
            {"place_id": [1, 2, 3], "city": ["Bonn", "Lyon", None], "opened": [date(2026, 1, day) for day in (1, 2, 3)]}
        ),
        "payments": pa.table(
            {
                "payment_id": [1, 2, 3, 4, 5, 6, 7],
                "place_id": [1, 1, 2, 1, None, 9, 2],
                "paid_at": pa.array([*at, None], pa.timestamp("us")),
                "channel": ["web", "app", "web", None, "web", "app", "web"],
                "currency": ["EUR", "USD", "GBP", None, "USD", "GBP", "GBP"],
                "amount": pa.array([Decimal(x) for x in ("10.00", "20.00", "40.00", "5.00", "8.00", "16.00", "1.00")]),
                "points": [1, 2, None, 4, 5, 6, 7],
            }
        ),
        "fx": pa.table({"day": known, "currency": ["USD", "USD", "USD", "GBP"], "rate": [1.25, 2.0, -1.0, 0.5]}),
        "stock": pa.table(
            {
                "place_id": [1, 2, 1, 9, 2],
                "day": [date(2026, 1, day) for day in (3, 3, 5, 5, 30)],
                "channel": ["web", "app", None, "web", "web"],
                "pieces": [3, 5, None, 7, 11],
            }
        ),
        "aims": pa.table({"month": [date(2026, 1, 1)] * 2, "channel": ["web", None], "points": [30, 7]}),
    }


@pytest.fixture(scope="module")
def kinds(postgres_url: str) -> Iterator[tuple[Warehouse, Warehouse]]:
    tables = kind_tables()
    with connect(tables) as duck, connect(own_database(postgres_url, "kinds")) as post:
        for name, table in tables.items():
            post.write(name, table)
        yield duck, post


@pytest.mark.parametrize("question", KIND_QUESTIONS, ids=str)
def test_every_kind_has_one_answer(kinds: tuple[Warehouse, Warehouse], question: dict[str, Any]) -> None:
    asked = {name: value for name, value in question.items() if name != "metrics"}
    duck, post = (query(KINDS, warehouse, list(question["metrics"]), **asked) for warehouse in kinds)
    assert said(duck) == said(post)
    assert duck.how.facts == post.how.facts
    assert duck.table.column_names == post.table.column_names
    pairs = list(zip(comparable(duck.rows()), comparable(post.rows()), strict=True))
    assert pairs
    for one, other in pairs:
        assert all(a is b or same(a, b) for a, b in zip(one, other, strict=True)), (one, other)
