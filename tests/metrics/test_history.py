"""Attributes as of the fact's own time: one state at a time, the others refused; what has none is counted."""
# ruff: noqa: DTZ001 - naive timestamps are what is tested

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from steelyard.errors import DataError, DefinitionError
from steelyard.metrics import Metric, MetricCatalog, UnitMetric, query, unit_table
from steelyard.warehouse import History, TableDeclaration, connect

UNKNOWN = "(unknown)"
STATES = {
    "customer_id": [1, 1, 2, 2, 3],
    "valid_from": [date(2026, 1, 1), date(2026, 1, 10), date(2026, 1, 1), date(2026, 1, 20), date(2026, 1, 15)],
    "valid_to": [date(2026, 1, 10), None, date(2026, 1, 5), date(2026, 1, 25), None],
    "plan": ["free", "pro", "free", "pro", "pro"],
}
ORDERS = {
    "order_id": [1, 2, 3, 4, 5, 6, 7, 8],
    "customer_id": [1, 1, 1, 2, 2, 3, 9, None],
    "day": [9, 10, 31, 4, 5, 14, 10, 10],
    "amount": [1, 2, 4, 8, 16, 32, 64, 128],
}
BY_PLAN = {"free": 1 + 8, "pro": 2 + 4, UNKNOWN: 16 + 32 + 64 + 128}
"""Order 5 is on the day that a state ends, before the next begins; order 6 the day before its first one."""


def orders(at: pa.Array) -> pa.Table:
    return pa.table({**{name: ORDERS[name] for name in ("order_id", "customer_id", "amount")}, "at": at})


def dates() -> pa.Array:
    return pa.array([date(2026, 1, day) for day in ORDERS["day"]])


def states(kind: pa.DataType, shift: timedelta = timedelta()) -> pa.Table:
    def of(day: date | None) -> Any:
        if day is None or pa.types.is_date(kind):
            return day
        return datetime(day.year, day.month, day.day) - shift

    moments = {name: pa.array([of(day) for day in STATES[name]], kind) for name in ("valid_from", "valid_to")}
    return pa.table({**STATES, **moments})


def shop(
    days_in: str = "UTC", *, time: str = "at", zones: dict[str, str] | None = None, **of_orders: Any
) -> MetricCatalog:
    return MetricCatalog.of(
        tables=[
            TableDeclaration(
                name="customers",
                key=("customer_id",),
                entity="customer",
                history=History(),
                zones=zones or {},
                dimensions=("plan",),
            ),
            TableDeclaration(
                name="orders",
                key=("order_id",),
                entity="order",
                entities={"customer": ("customer_id",)},
                time=time,
                **of_orders,
            ),
            TableDeclaration(name="lines", key=("line_id",), entities={"order": ("order_id",)}),
        ],
        metrics=[
            Metric(name="amount", sum="orders.amount"),
            Metric(name="lines", count="lines", time="orders.at"),
            Metric(name="timeless", count="lines"),
        ],
        zone=days_in,
    )


def by_plan(catalog: MetricCatalog, tables: dict[str, pa.Table], **asked: Any) -> dict[str, int]:
    with connect(tables) as warehouse:
        return {row["plan"]: row["amount"] for row in query(catalog, warehouse, "amount", by="plan", **asked).rows()}


def test_a_state_holds_from_its_beginning_until_before_its_end() -> None:
    tables = {"customers": states(pa.date32()), "orders": orders(dates())}
    assert by_plan(shop(), tables) == BY_PLAN
    with connect(tables) as warehouse:
        answer = query(shop(), warehouse, "amount", by="plan")
    assert answer.how.facts[0].unmatched == {"customers": 4}
    assert answer.how.facts[0].rows == 8
    assert any("4 of 8 rows of orders find no row in customers" in note for note in answer.notes)
    assert [proof.rule for proof in answer.how.proofs] == ["history valid_from valid_to", ""]


ZONE = "America/New_York"
FIVE = timedelta(hours=5)
"""New York is five hours behind UTC all January."""


@pytest.mark.parametrize("of_fact", ["date", "local", "utc", "zoned"])
@pytest.mark.parametrize("of_state", ["date", "local", "utc", "zoned"])
def test_dates_and_moments_with_and_without_a_zone_compare(of_fact: str, of_state: str) -> None:
    """A fact's date is the start of its local day; so midnight is when everything here happens."""
    midnights = [datetime(2026, 1, day) for day in ORDERS["day"]]
    facts = {
        "date": (dates(), ""),
        "local": (pa.array(midnights, pa.timestamp("us")), ZONE),
        "utc": (pa.array([at + FIVE for at in midnights], pa.timestamp("us")), "UTC"),
        "zoned": (pa.array([(at + FIVE).replace(tzinfo=UTC) for at in midnights], pa.timestamp("us", "UTC")), ""),
    }
    kinds = {
        "date": (pa.date32(), timedelta(), ""),
        "local": (pa.timestamp("us"), timedelta(), ZONE),
        "utc": (pa.timestamp("us"), -FIVE, "UTC"),
        "zoned": (pa.timestamp("us", "UTC"), -FIVE, ""),
    }
    at, zone = facts[of_fact]
    kind, shift, of_columns = kinds[of_state]
    zones = {"valid_from": of_columns, "valid_to": of_columns} if of_columns else {}
    tables = {"customers": states(kind, shift), "orders": orders(at)}
    assert by_plan(shop(ZONE, zones=zones, zone=zone), tables) == BY_PLAN


def test_the_moment_is_worked_out_once_a_row() -> None:
    tables = {"customers": states(pa.date32()), "orders": orders(pa.array([datetime(2026, 1, 9)] * 8))}
    with connect(tables) as warehouse:
        sql = query(shop(ZONE, zone="UTC"), warehouse, "amount", by="plan").how.sql
    assert sql.count("local_date(") == 1
    assert "FROM (SELECT orders.*, local_date(" in sql


def test_the_time_of_the_metric_is_the_moment() -> None:
    lines = pa.table({"line_id": [1, 2, 3], "order_id": [1, 2, 6]})
    tables = {"customers": states(pa.date32()), "orders": orders(dates()), "lines": lines}
    with connect(tables) as warehouse:
        found = query(shop(), warehouse, "lines", by="plan").rows()
    assert {row["plan"]: row["lines"] for row in found} == {"free": 1, "pro": 1, UNKNOWN: 1}


def test_two_metrics_of_one_table_at_two_times_are_described_each_as_of_its_own() -> None:
    table = orders(dates()).append_column("shipped", pa.array([date(2026, 1, 31)] * 8))
    catalog = shop()
    made = MetricCatalog.of(
        tables=catalog.tables.values(),
        metrics=[Metric(name="amount", sum="orders.amount"), Metric(name="sent", sum="orders.amount", time="shipped")],
    )
    with connect({"customers": states(pa.date32()), "orders": table}) as warehouse:
        found = {
            row["plan"]: (row["amount"], row["sent"])
            for row in query(made, warehouse, ["amount", "sent"], by="plan").rows()
        }
    assert found == {"free": (9, 0), "pro": (6, 1 + 2 + 4 + 32), UNKNOWN: (240, 8 + 16 + 64 + 128)}


def test_a_filter_and_a_period_use_the_state_of_the_time_too() -> None:
    tables = {"customers": states(pa.date32()), "orders": orders(dates())}
    with connect(tables) as warehouse:
        assert query(shop(), warehouse, "amount", where="plan = 'pro'").rows() == [{"amount": 6}]
        assert query(shop(), warehouse, "amount", where="plan <> 'pro'", since="2026-01-10").rows() == [
            {"amount": 32 + 64 + 128}
        ]


def test_rows_without_a_time_have_no_state_and_are_counted() -> None:
    table = orders(pa.array([None] * 8, pa.date32()))
    assert by_plan(shop(), {"customers": states(pa.date32()), "orders": table}) == {UNKNOWN: 255}


def test_a_fact_without_a_time_is_refused_a_history() -> None:
    tables = {"customers": states(pa.date32()), "orders": orders(dates())}
    with pytest.raises(DefinitionError, match="nobody can say which row of the history 'customers' held then"):
        by_plan(shop(time=""), tables)
    assert "plan" not in shop(time="").dimensions("amount")


def test_a_history_beside_the_entitys_own_table_describes_it_as_of_the_time() -> None:
    catalog = MetricCatalog.of(
        tables=[
            TableDeclaration(name="customers", key=("customer_id",), entity="customer", dimensions=("name",)),
            TableDeclaration(
                name="plans",
                key=("customer_id", "valid_from"),
                entities={"customer": ("customer_id",)},
                history=History(),
                dimensions=("plan",),
            ),
            TableDeclaration(name="orders", key=("order_id",), entities={"customer": ("customer_id",)}, time="at"),
        ],
        metrics=[Metric(name="amount", sum="orders.amount")],
    )
    names = pa.table({"customer_id": [1, 2, 3], "name": ["a", "b", "c"]})
    tables = {"customers": names, "plans": states(pa.date32()), "orders": orders(dates())}
    assert by_plan(catalog, tables) == BY_PLAN
    with connect(tables) as warehouse:
        found = {
            (r["name"], r["plan"]): r["amount"] for r in query(catalog, warehouse, "amount", by=["name", "plan"]).rows()
        }
    assert found == {
        ("a", "free"): 1, ("a", "pro"): 6, ("b", "free"): 8, ("b", UNKNOWN): 16, ("c", UNKNOWN): 32,
        (UNKNOWN, UNKNOWN): 192,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("row", "says"),
    [
        (
            {"customer_id": 1, "valid_from": date(2026, 1, 9), "valid_to": None},
            "2 rows hold on when the next has begun.*: 1$",
        ),
        (
            {"customer_id": 1, "valid_from": date(2026, 3, 1), "valid_to": None},
            "1 rows hold on when the next has begun.*: 1$",
        ),
        ({"customer_id": 2, "valid_from": date(2026, 1, 1), "valid_to": date(2026, 1, 2)}, "1 rows hold on.*: 2$"),
        (
            {"customer_id": 3, "valid_from": date(2026, 1, 9), "valid_to": date(2026, 1, 8)},
            "1 end before they begin.*: 3$",
        ),
        ({"customer_id": None, "valid_from": date(2026, 1, 9), "valid_to": None}, "1 have no id or no beginning$"),
        ({"customer_id": 7, "valid_from": None, "valid_to": None}, "1 have no id or no beginning$"),
    ],
)
def test_a_history_that_is_not_one_state_at_a_time_is_refused_with_the_keys(row: dict[str, Any], says: str) -> None:
    good = states(pa.date32())
    bad = pa.concat_tables([good, pa.Table.from_pylist([{**row, "plan": "free"}], schema=good.schema)])
    with pytest.raises(DataError) as caught:
        by_plan(shop(), {"customers": bad, "orders": orders(dates())})
    assert caught.value.problem.startswith("the history 'customers'")
    assert re.search(says, caught.value.problem)
    with connect({"customers": bad, "orders": orders(dates())}) as warehouse:
        assert query(shop(), warehouse, "amount").rows() == [{"amount": 255}]


def test_a_unit_table_proves_the_history_itself() -> None:
    catalog = MetricCatalog.of(
        tables=shop().tables.values(), metrics=[Metric(name="pro", sum="orders.amount", where="plan = 'pro'")]
    )
    good = states(pa.date32())
    overlapping = pa.concat_tables([good, good.slice(0, 1)])
    for table, right in ((good, True), (overlapping, False)):
        with connect({"customers": table, "orders": orders(dates())}) as warehouse:
            types = {name: warehouse.columns(name) for name in ("customers", "orders")}
            units = "SELECT DISTINCT customer_id AS customer FROM customers"
            values = {"pro": UnitMetric(metric="pro")}
            sql = unit_table(catalog, entity="customer", units=units, values=values, types=types)
            if right:
                assert {row["customer"]: row["pro"] for row in warehouse.fetch(sql).to_pylist()} == {1: 6, 2: 0, 3: 0}
            else:
                with pytest.raises(Exception, match="two rows of the history customers hold at one time"):
                    warehouse.fetch(sql)


def test_the_many_side_is_described_as_of_its_own_time() -> None:
    """Customers by the price list that held when their orders were made."""
    catalog = MetricCatalog.of(
        tables=[
            TableDeclaration(name="people", key=("person_id",), entity="person"),
            TableDeclaration(
                name="orders",
                key=("order_id",),
                entities={"person": ("person_id",), "product": ("customer_id",)},
                time="at",
            ),
            TableDeclaration(
                name="customers", key=("customer_id",), entity="product", history=History(), dimensions=("plan",)
            ),
        ],
        metrics=[Metric(name="people", count="people")],
    )
    table = orders(dates()).append_column("person_id", pa.array([1, 1, 1, 2, 2, 2, 3, None]))
    people = pa.table({"person_id": [1, 2, 3, 4]})
    with connect({"people": people, "orders": table, "customers": states(pa.date32())}) as warehouse:
        answer = query(catalog, warehouse, "people", by="plan")
        kept = query(catalog, warehouse, "people", where="plan = 'pro'")
    assert {row["plan"]: row["people"] for row in answer.rows()} == {"free": 2, "pro": 1, UNKNOWN: 2}
    assert kept.rows() == [{"people": 1}]
    assert "history valid_from valid_to" in {proof.rule for proof in kept.how.proofs}


# Laws


@settings(max_examples=60)
@given(
    st.lists(st.tuples(st.integers(1, 3), st.integers(0, 20), st.one_of(st.none(), st.integers(0, 20))), max_size=8),
    st.lists(st.tuples(st.integers(1, 4), st.integers(0, 20)), min_size=1, max_size=12),
)
def test_as_of_and_what_is_refused_are_those_of_plain_python(
    raw: list[tuple[int, int, int | None]], facts: list[tuple[int, int]]
) -> None:
    def holds(state: tuple[int, int, int | None], day: int) -> bool:
        return state[1] <= day and (state[2] is None or day < state[2])

    good = all(end is None or start <= end for _, start, end in raw) and not any(
        sum(state[0] == who and holds(state, day) for state in raw) > 1 for who in (1, 2, 3) for day in range(21)
    )

    def day(number: int | None) -> date | None:
        return None if number is None else date(2026, 1, 1) + timedelta(days=number)

    customers = pa.table(
        {
            "customer_id": pa.array([who for who, _, _ in raw], pa.int64()),
            "valid_from": pa.array([day(start) for _, start, _ in raw], pa.date32()),
            "valid_to": pa.array([day(end) for _, _, end in raw], pa.date32()),
            "plan": pa.array([f"plan {number}" for number in range(len(raw))], pa.string()),
        }
    )
    table = pa.table(
        {
            "order_id": list(range(len(facts))),
            "customer_id": [who for who, _ in facts],
            "at": pa.array([day(number) for _, number in facts], pa.date32()),
            "amount": [2**number for number in range(len(facts))],
        }
    )
    if not good:
        with pytest.raises(DataError, match="not one row a customer_id at a time"):
            by_plan(shop(), {"customers": customers, "orders": table})
        return
    expected: dict[str, int] = {}
    for number, (who, at) in enumerate(facts):
        plan = next((f"plan {n}" for n, state in enumerate(raw) if state[0] == who and holds(state, at)), UNKNOWN)
        expected[plan] = expected.get(plan, 0) + 2**number
    assert by_plan(shop(), {"customers": customers, "orders": table}) == expected
