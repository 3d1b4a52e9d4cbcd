"""Every product question gives the same numbers on DuckDB and Postgres."""
# ruff: noqa: DTZ001 - naive timestamps are what is tested

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from steelyard.metrics import MetricCatalog
from steelyard.metrics.product import (
    Cohorts,
    EventRows,
    Exclusion,
    Funnel,
    FunnelStep,
    Lifecycle,
    Paths,
    ProductTable,
    Sessions,
    TouchAttribution,
    run_attribution,
    run_cohorts,
    run_funnel,
    run_lifecycle,
    run_paths,
    run_sessions,
    session_table,
)
from steelyard.warehouse import TableDeclaration, Warehouse, connect

pytestmark = pytest.mark.postgres

IDS = {"user": ("user_id",)}
CATALOG = MetricCatalog.of(
    metrics=[],
    tables=[
        TableDeclaration(name="events", time="ts", zone="UTC", entities=IDS, dimensions=("step", "device", "campaign")),
        TableDeclaration(name="orders", time="bought_at", entities=IDS, dimensions=("country",)),
        TableDeclaration(name="users", key=("user_id",), entity="user", dimensions=("plan",)),
    ],
    zone="America/New_York",
    week_start="sunday",
)


def tables() -> dict[str, pa.Table]:
    """A made-up month in which many moments are shared, and some ids, times, devices and values are missing."""
    dice = random.Random(17)
    start = datetime(2026, 3, 1)
    users = ["u1", "u2", "u3", "u4", "Ü5", None]
    events = [
        (
            dice.choice(users),
            None if dice.random() < 0.02 else start + timedelta(minutes=15 * dice.randrange(2000)),
            dice.choice(("view", "cart", "buy", "leave")),
            dice.choice(("phone", "Desk", None)),
            dice.choice((None, None, "ads", "Mail", "direct")),
            number,
        )
        for number in range(400)
    ]
    orders = [
        (
            dice.choice(users),
            (start + timedelta(minutes=15 * dice.randrange(2000))).replace(tzinfo=UTC),
            dice.choice((None, Decimal("9.99"), Decimal("100.00"), Decimal("0.01"))),
            dice.choice(("DE", "fr", None)),
        )
        for _ in range(60)
    ]
    strings, moments = pa.string(), pa.timestamp("us")
    types = {
        "user_id": strings,
        "ts": moments,
        "step": strings,
        "device": strings,
        "campaign": strings,
        "seq": pa.int64(),
    }
    bought = {
        "user_id": strings,
        "bought_at": pa.timestamp("us", "UTC"),
        "amount": pa.decimal128(12, 2),
        "country": strings,
    }
    return {
        "events": pa.table(
            {name: pa.array(told, types[name]) for name, told in zip(types, zip(*events, strict=True), strict=True)}
        ),
        "orders": pa.table(
            {name: pa.array(told, bought[name]) for name, told in zip(bought, zip(*orders, strict=True), strict=True)}
        ),
        "users": pa.table({"user_id": ["u1", "u2", "u3"], "plan": ["pro", "free", None]}),
    }


@pytest.fixture(scope="module")
def both(postgres_url: str) -> Iterator[tuple[Warehouse, Warehouse]]:
    with connect(tables()) as duck, connect(postgres_url) as post:
        for name, table in tables().items():
            post.write(name, table)
        yield duck, post


def step(name: str, **given: Any) -> FunnelStep:
    return FunnelStep(name=name, where=f"step = '{name}'", **given)


VIEW, CART, BUY = step("view"), step("cart"), step("buy")
FUNNEL = Funnel(name="f", table="events", steps=(VIEW, CART, BUY), window="24 hours")
ACROSS = Funnel(name="f", table="events", window="3 days", steps=(VIEW, CART, FunnelStep(name="order", table="orders")))
STRICT = Funnel(
    name="f", table="events", steps=(VIEW, CART, BUY), start="first", sequence="seq", window="9 days",
    without=(Exclusion(where="step = 'leave'", after="view"),),
)  # fmt: skip
ANY = Funnel(name="f", table="events", steps=(VIEW, CART, BUY), order="any", window="6 hours")
SESSIONS = Sessions(name="s", table="events", gap="2 hours", break_at_midnight=True, new_on="campaign", sequence="seq")
COHORTS = Cohorts(
    name="c", start=EventRows(table="events", where="step = 'view'"), activity=EventRows(table="orders"), periods=4,
    value="orders.amount",
)  # fmt: skip
MONTHLY = Cohorts(
    name="c", start=EventRows(table="events"), activity=EventRows(table="events", exclude="step = 'leave'"),
    cohort="day", every="month", periods=2,
)  # fmt: skip
LIFECYCLE = Lifecycle(name="l", table="events", period="week")
ATTRIBUTION = TouchAttribution(
    name="a", touches=EventRows(table="events", sequence="seq"), conversions=EventRows(table="orders"),
    channel="campaign", value="orders.amount", window="5 days", direct=("direct",),
    models=("first", "last", "last_non_direct", "linear", "position", "time_decay"),
)  # fmt: skip
PATHS = Paths(name="p", table="events", step="step", anchor="view", length=3, window="12 hours", starts="every")
Run = Callable[..., ProductTable]
QUESTIONS: tuple[tuple[Run, Any, dict[str, Any]], ...] = (
    (run_funnel, FUNNEL, {}),
    (run_funnel, FUNNEL, {"by": ["device", "plan"], "since": "2026-03-03", "until": "2026-03-18"}),
    (run_funnel, FUNNEL, {"where": "device <> 'phone'"}),
    (run_funnel, ACROSS, {}),
    (run_funnel, STRICT, {"by": "device"}),
    (run_funnel, ANY, {"since": "2026-03-02"}),
    (run_sessions, SESSIONS, {"by": ["week", "device"]}),
    (run_sessions, SESSIONS, {"where": "plan = 'pro'", "since": "2026-03-02"}),
    (run_cohorts, COHORTS, {"complete_through": "2026-03-20"}),
    (run_cohorts, COHORTS, {"by": "device", "where": "plan <> 'free'", "since": "2026-03-02"}),
    (run_cohorts, MONTHLY, {}),
    (run_lifecycle, LIFECYCLE, {}),
    (run_lifecycle, Lifecycle(name="l", table="events", period="month"), {"by": "plan", "where": "device = 'phone'"}),
    (run_attribution, ATTRIBUTION, {}),
    (run_attribution, ATTRIBUTION, {"by": "country", "until": "2026-03-15"}),
    (run_paths, PATHS, {"top": 5}),
    (run_paths, Paths(name="p", table="events", step="step", direction="before", collapse=False), {"by": "device"}),
)


def same(one: Any, other: Any) -> bool:
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, rel_tol=1e-9, abs_tol=1e-9)
    return type(one) is type(other) and bool(one == other)


def assert_same(one: list[dict[str, Any]], other: list[dict[str, Any]]) -> None:
    assert len(one) == len(other)
    for left, right in zip(one, other, strict=True):
        assert left.keys() == right.keys()
        assert all(same(left[name], right[name]) for name in left), (left, right)


@pytest.mark.parametrize(("run", "definition", "asked"), QUESTIONS, ids=lambda part: getattr(part, "__name__", None))
def test_a_question_has_one_answer(
    both: tuple[Warehouse, Warehouse], run: Run, definition: Any, asked: dict[str, Any]
) -> None:
    duck, post = (run(CATALOG, warehouse, definition, **asked) for warehouse in both)
    assert duck.rows()
    assert_same(duck.rows(), post.rows())
    assert duck.table.schema.names == post.table.schema.names
    for name in duck.tables:
        assert_same(duck.rows(name), post.rows(name))
    assert duck.notes == post.notes
    assert duck.how.rows == post.how.rows


def test_the_sessions_are_the_same(both: tuple[Warehouse, Warehouse]) -> None:
    duck, post = (session_table(CATALOG, warehouse, SESSIONS).to_pylist() for warehouse in both)
    assert len(duck) > 50
    assert_same(duck, post)
