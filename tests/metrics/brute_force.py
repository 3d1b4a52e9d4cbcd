"""Small random tables, and answers compared with what plain Python makes of the same rows."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import product
from typing import Any

import pyarrow as pa
from hypothesis import strategies as st

from steelyard.metrics import Metric, MetricCatalog, MetricTable
from steelyard.metrics.calendar import next_period, period_start, periods
from steelyard.warehouse import TableDeclaration, Warehouse, connect

UNKNOWN = "(unknown)"
FIRST = date(2026, 1, 28)
REGIONS = {1: "north", 2: "south", 3: None}
DIMENSIONS = ("channel", "region")
Group = tuple[Any, ...]


@dataclass(frozen=True)
class Event:
    """A row: of an account that may be no account, on a day that may not be known."""

    event_id: int
    account: int | None
    channel: str | None
    day: date | None
    amount: int | None

    def group(self, by: Sequence[str]) -> Group:
        region = REGIONS.get(self.account or 0)
        said = {"channel": self.channel, "region": region}
        return tuple(said[name] or UNKNOWN for name in by)


@st.composite
def events(draw: st.DrawFn, *, most: int = 12, span: int = 40) -> list[Event]:
    rows = st.tuples(
        st.sampled_from([1, 1, 2, 3, 9, None]),
        st.sampled_from(["web", "app", None]),
        st.none() | st.integers(0, span).map(lambda n: FIRST + timedelta(days=n)),
        st.none() | st.integers(-9, 9),
    )
    return [Event(n, *row) for n, row in enumerate(draw(st.lists(rows, max_size=most)))]


ranges = st.tuples(
    st.none() | st.integers(-10, 50).map(lambda n: FIRST + timedelta(days=n)), st.none() | st.integers(0, 45)
).map(
    lambda pair: (
        pair[0],
        None if pair[1] is None else (pair[0] or FIRST - timedelta(days=5)) + timedelta(days=pair[1]),
    )
)
grains = st.sampled_from([None, "day", "week", "month"])
groupings = st.sampled_from([(), ("channel",), ("region",), ("channel", "region")])

EVENTS = TableDeclaration(
    name="events",
    key=("event_id",),
    time="day",
    entities={"account": ("account_id",)},
    dimensions=("channel",),
)
ACCOUNTS = TableDeclaration(name="accounts", key=("account_id",), entity="account", dimensions=("region",))


def catalog_of(*metrics: Metric, tables: Iterable[TableDeclaration] = (), **settings: Any) -> MetricCatalog:
    return MetricCatalog.of(metrics=metrics, tables=[EVENTS, ACCOUNTS, *tables], **settings)


def event_table(rows: Sequence[Event]) -> pa.Table:
    return pa.table(
        {
            "event_id": pa.array([row.event_id for row in rows], pa.int64()),
            "account_id": pa.array([row.account for row in rows], pa.int64()),
            "channel": pa.array([row.channel for row in rows], pa.string()),
            "day": pa.array([row.day for row in rows], pa.date32()),
            "amount": pa.array([row.amount for row in rows], pa.int64()),
        }
    )


def account_table() -> pa.Table:
    return pa.table({"account_id": list(REGIONS), "region": list(REGIONS.values())})


@contextmanager
def warehouse_of(rows: Sequence[Event], **more: pa.Table) -> Iterator[Warehouse]:
    with connect({"events": event_table(rows), "accounts": account_table(), **more}) as warehouse:
        yield warehouse


# Days


def spine(
    days: Iterable[date | None], grain: str | None, since: date | None, until: date | None
) -> list[tuple[date | None, date, date]]:
    """Each period of an answer with its first and last day; one of None where there is no grain."""
    known = [day for day in days if day is not None]
    if not known:
        return []
    first, last = max(min(known), since or date.min), min(max(known), until or date.max)
    if last < first:
        return []
    if grain is None:
        return [(None, first, last)]
    return [
        (start, max(start, first), min(next_period(start, grain) - timedelta(days=1), last))
        for start in periods(first, last, grain)
    ]


def start_of(day: date, grain: str) -> date:
    return period_start(day, grain)


# Aggregates


def total(rows: Iterable[Event]) -> int:
    return sum(row.amount for row in rows if row.amount is not None)


def accounts_of(rows: Iterable[Event]) -> int:
    return len({row.account for row in rows if row.account is not None})


def mean(rows: Iterable[Event]) -> float | None:
    values = [row.amount for row in rows if row.amount is not None]
    return sum(values) / len(values) if values else None


def per_account(rows: Iterable[Event]) -> float | None:
    listed = list(rows)
    return total(listed) / accounts_of(listed) if accounts_of(listed) else None


def quantile(values: Iterable[float | None], share: float) -> float | None:
    """Type 7, as Hyndman and Fan define it."""
    known = sorted(value for value in values if value is not None)
    if not known:
        return None
    at = (len(known) - 1) * share
    low = math.floor(at)
    high = min(low + 1, len(known) - 1)
    return known[low] + (at - low) * (known[high] - known[low])


# Comparing


def same(one: Any, other: Any) -> bool:
    if one is None or other is None:
        return one is None and other is None
    return math.isclose(float(one), float(other), rel_tol=1e-9, abs_tol=1e-9)


def check(
    answer: MetricTable,
    value: Callable[[str, date | None, Group], Any],
    needed: Iterable[tuple[date | None, Group]],
    names: Sequence[str] | None = None,
) -> None:
    """Each row of the answer is what the oracle says of its period and group, none is twice, and none is missing."""
    keys = [name for name in answer.dimensions if name != "period"]
    found: dict[tuple[date | None, Group], Mapping[str, Any]] = {}
    for row in answer.rows():
        at = (row.get("period"), tuple(row[key] for key in keys))
        assert at not in found, at
        found[at] = row
        for name in names or answer.question.metrics:
            assert same(row[name], value(name, *at)), (name, at, row[name], value(name, *at), answer.how.sql)
    missing = set(needed) - set(found)
    assert not missing, (missing, answer.how.sql)


def every(ends: Iterable[tuple[date | None, date, date]], groups: Iterable[Group]) -> set[tuple[date | None, Group]]:
    return set(product([period for period, _, _ in ends], groups))
