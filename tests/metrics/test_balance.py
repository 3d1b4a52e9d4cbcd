"""Balances by each policy: against plain Python, and never added up over time."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tests.metrics.brute_force import (
    FIRST,
    Event,
    Group,
    catalog_of,
    check,
    event_table,
    events,
    every,
    grains,
    groupings,
    ranges,
    spine,
    warehouse_of,
)

from steelyard.errors import DataError, DefinitionError
from steelyard.metrics import Metric, MetricCatalog, query
from steelyard.metrics.kinds import Balance
from steelyard.warehouse import TableDeclaration, connect

LEVELS = TableDeclaration(
    name="levels",
    key=("account_id", "day"),
    time="day",
    entities={"account": ("account_id",)},
    dimensions=("channel",),
)
POLICIES: dict[str, Balance] = {
    "at_end": Balance(of="levels.amount", policy="end_of_period", per="account"),
    "last_seen": Balance(of="levels.amount", policy="last_in_period", per="account"),
    "carried": Balance(of="levels.amount", policy="carried_forward", per="account"),
    "carried_9": Balance(of="levels.amount", policy="carried_forward", within="9 days"),
    "mean_level": Balance(of="levels.amount", policy="average", per="account"),
}
CATALOG = catalog_of(*(Metric(name=name, balance=said) for name, said in POLICIES.items()), tables=[LEVELS])


def levels(rows: list[Event]) -> list[Event]:
    """At most one row an account and day."""
    found = {(row.account, row.day): row for row in rows if row.account is not None and row.day is not None}
    return list(found.values())


def added(rows: list[Event]) -> int | None:
    known = [row.amount for row in rows if row.amount is not None]
    return sum(known) if known else None


def standing(name: str, rows: list[Event], first: date, last: date) -> tuple[list[Event], int]:
    """The rows that stand for a period, whatever the question keeps, and by how many days they are divided."""
    inside = [row for row in rows if first <= row.day <= last]  # type: ignore[operator]
    if name == "at_end":
        end = max((row.day for row in inside if row.day), default=None)
        return [row for row in inside if row.day == end], 1
    if name == "mean_level":
        return inside, len({row.day for row in inside})
    known = [row for row in rows if row.day <= last and row.amount is not None]  # type: ignore[operator]
    pool = inside if name == "last_seen" else known
    latest: dict[int | None, Event] = {}
    for row in sorted(pool, key=lambda row: str(row.day)):
        latest[row.account] = row
    most = 9 if name == "carried_9" else 10**6
    if name == "last_seen":
        return list(latest.values()), 1
    return [row for row in latest.values() if last - row.day <= timedelta(days=most)], 1  # type: ignore[operator]


@settings(max_examples=60, deadline=None)
@given(
    rows=events(most=16).map(levels),
    asked=ranges,
    grain=grains,
    by=groupings,
    names=st.lists(st.sampled_from(list(POLICIES)), min_size=1, max_size=2, unique=True),
    where=st.booleans(),
)
@example([], (None, None), None, (), ["at_end", "carried"], False)
@example([Event(0, 1, "web", FIRST, None)], (None, None), "month", ("region",), list(POLICIES), False)
def test_a_balance_is_that_of_the_rows_that_stand_for_the_period(
    rows: list[Event],
    asked: tuple[date | None, date | None],
    grain: str | None,
    by: tuple[str, ...],
    names: list[str],
    where: bool,
) -> None:
    ends = spine([row.day for row in rows], grain, *asked)
    bounds = {period: (first, last) for period, first, last in ends}

    def kept(name: str, period: date | None, group: Group) -> list[Event]:
        standing_rows, _ = standing(name, rows, *bounds[period])
        return [row for row in standing_rows if row.group(by) == group and (row.channel == "web" or not where)]

    def value(name: str, period: date | None, group: Group) -> Any:
        if period not in bounds:
            return None
        found = added(kept(name, period, group))
        return None if found is None else found / standing(name, rows, *bounds[period])[1]

    groups = {
        row.group(by) for row in rows for name in names for period in bounds if row in kept(name, period, row.group(by))
    }
    with warehouse_of([], levels=event_table(rows).drop_columns(["event_id"])) as warehouse:
        answer = query(
            CATALOG,
            warehouse,
            names,
            by=[*([grain] if grain else []), *by],
            since=asked[0],
            until=asked[1],
            where="channel = 'web'" if where else None,
        )
    if not ends:
        assert answer.table.num_rows == (0 if grain or by else 1)
        return
    check(answer, value, every(ends, groups) if by else every(ends, [()]))
    assert not any("find no row in accounts" in note for note in answer.notes) or any(
        row.account == 9 for row in rows
    ), answer.notes


def of(rows: dict[str, list[Any]], *metrics: Metric, key: tuple[str, ...] = ("account_id", "day"), **asked: Any) -> Any:
    declared = TableDeclaration(name="levels", key=key, time="day", dimensions=("account_id", "state"))
    catalog = MetricCatalog.of(tables=[declared], metrics=metrics)
    with connect({"levels": pa.table(rows)}) as warehouse:
        return query(catalog, warehouse, [metric.name for metric in metrics], **asked)


def day(number: int) -> date:
    return date(2026, 1, number)


def test_a_thing_whose_last_row_is_left_out_does_not_come_back_with_an_older_one() -> None:
    rows = {"account_id": ["a", "a"], "day": [day(1), day(2)], "amount": [5, 7], "state": ["open", "closed"]}
    for policy in ("last_in_period", "carried_forward"):
        level = Metric(name="level", balance=Balance(of="levels.amount", policy=policy, per="account_id"))  # type: ignore[arg-type]
        assert of(rows, level, where="state = 'open'").rows() == [{"level": None}]
        inside = Metric(name="level", balance=level.balance, where="state = 'open'")
        assert of(rows, inside).rows() == [{"level": None}]


def test_the_last_known_of_two_levels_of_one_table_is_each_its_own() -> None:
    rows = {
        "account_id": ["a", "a"],
        "day": [day(1), day(2)],
        "held": [5, None],
        "owed": [None, 7],
        "state": ["x", "y"],
    }
    metrics = [
        Metric(name=name, balance=Balance(of=f"levels.{name}", policy="carried_forward", per="account_id"))
        for name in ("held", "owed")
    ]
    assert of(rows, *metrics).rows() == [{"held": 5, "owed": 7}]


def test_a_table_of_one_thing_has_its_balance() -> None:
    rows = {"account_id": ["a", "a"], "day": [day(1), day(2)], "amount": [5, 7], "state": ["x", "x"]}
    for policy, expected in (("last_in_period", 7), ("carried_forward", 7), ("end_of_period", 7), ("average", 6)):
        level = Metric(name="level", balance=Balance(of="levels.amount", policy=policy))  # type: ignore[arg-type]
        assert of(rows, level, key=("day",)).rows() == [{"level": expected}]


def test_two_levels_of_one_thing_at_once_are_refused() -> None:
    level = Metric(name="level", balance=Balance(of="levels.amount", policy="carried_forward", per="account_id"))
    rows = {"account_id": ["a", "b"], "day": [day(1)] * 2, "amount": [5, 6], "state": ["x", "y"]}
    assert of(rows, level, key=("account_id", "day", "state")).rows() == [{"level": 11}]
    with pytest.raises(DataError, match="the key account_id, day of 'levels' is not unique"):
        of({**rows, "account_id": ["a", "a"]}, level, key=("account_id", "day", "state"))
    with pytest.raises(DefinitionError, match="two levels at once"):
        of(rows, replace(level, balance=Balance(of="levels.amount", policy="carried_forward")), key=("state",))


def test_an_empty_table_of_levels_leaves_the_facts_beside_it() -> None:
    metrics = [Metric(name="total", sum="events.amount"), Metric(name="carried", balance=POLICIES["carried"])]
    empty = event_table([]).drop_columns(["event_id"])
    with warehouse_of([Event(0, 1, "web", FIRST, 5)], levels=empty) as warehouse:
        catalog = catalog_of(*metrics, tables=[LEVELS])
        assert query(catalog, warehouse, ["total", "carried"]).rows() == [{"total": 5, "carried": None}]
        answer = query(catalog, warehouse, ["total", "carried"], by=["month", "region"])
        assert answer.rows() == [{"period": date(2026, 1, 1), "region": "north", "total": 5, "carried": None}]


def test_the_counts_beside_a_balance_are_those_of_the_rows_that_stand() -> None:
    rows = [Event(0, 1, "web", FIRST, 5), Event(1, 9, "web", FIRST, 6), Event(2, 1, "app", FIRST, 7)]
    with warehouse_of([], levels=event_table(levels(rows)).drop_columns(["event_id"])) as warehouse:
        answer = query(CATALOG, warehouse, "carried", by="region")
    (fact,) = answer.how.facts
    assert (fact.rows, fact.unmatched, fact.unknown) == (2, {"accounts": 1}, {"region": 1})
    assert "1 of 2 rows of levels find no row in accounts: what is taken from there is (unknown)." in answer.notes
