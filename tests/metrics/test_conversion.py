"""Conversion and retention: which rows are followed, which are old enough to count, and what is said of the rest."""
# ruff: noqa: DTZ001 - naive timestamps, which the tables say to be of UTC, are what is tested

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tests.metrics.brute_force import UNKNOWN, Group, check, start_of

from steelyard.errors import DefinitionError
from steelyard.metrics import Metric, MetricCatalog, query
from steelyard.metrics.kinds import Conversion, Retention
from steelyard.warehouse import TableDeclaration, connect

ZONE = ZoneInfo("America/New_York")
NIGHT = datetime(2026, 3, 5, 4)  # the clock changes on 2026-03-08


@dataclass(frozen=True)
class Row:
    row_id: int
    customer: str | None
    channel: str | None
    at: datetime | None
    day: date | None

    @property
    def local(self) -> date | None:
        return None if self.at is None else self.at.replace(tzinfo=UTC).astimezone(ZONE).date()


@st.composite
def rows_of(draw: st.DrawFn) -> list[Row]:
    drawn = st.tuples(
        st.sampled_from(["a", "a", "b", None]),
        st.sampled_from(["web", "app", None]),
        st.none() | st.integers(0, 14 * 24).map(lambda hours: NIGHT + timedelta(hours=hours)),
        st.none() | st.integers(0, 14).map(lambda days: NIGHT.date() + timedelta(days=days)),
    )
    return [Row(n, *row) for n, row in enumerate(draw(st.lists(drawn, max_size=7)))]


def table(rows: list[Row]) -> pa.Table:
    return pa.table(
        {
            "row_id": pa.array([row.row_id for row in rows], pa.int64()),
            "customer": pa.array([row.customer for row in rows], pa.string()),
            "channel": pa.array([row.channel for row in rows], pa.string()),
            "at": pa.array([row.at for row in rows], pa.timestamp("us")),
            "day": pa.array([row.day for row in rows], pa.date32()),
        }
    )


def catalog_of(within: int, span: tuple[int, int], complete: dict[str, str]) -> MetricCatalog:
    tables = [
        TableDeclaration(
            name=name,
            key=("row_id",),
            time="day" if name == "dated" else "at",
            zone="UTC",
            entities={"customer": ("customer",)},
            dimensions=("channel",),
            complete_through=complete.get(name, ""),
        )
        for name in ("visits", "orders", "dated")
    ]
    counts = [Metric(name=f"{table.name}_rows", count=table.name) for table in tables]
    web = Metric(name="web_orders", count="orders", where="channel = 'web'")
    pairs = {"ordered": ("visits_rows", "orders_rows"), "again": ("visits_rows", "visits_rows"),
             "dated": ("visits_rows", "dated_rows"), "from_dated": ("dated_rows", "orders_rows"),
             "web": ("visits_rows", "web_orders")}  # fmt: skip
    kinds: list[Metric] = []
    for name, (base, then) in pairs.items():
        said: dict[str, Any] = {"base": base, "then": then, "entity": "customer"}
        kinds.append(Metric(name=f"{name}_within", conversion=Conversion(**said, within=f"{within} days")))
        kinds.append(Metric(name=f"{name}_back", retention=Retention(**said, from_day=span[0], to_day=span[1])))
    return MetricCatalog.of(metrics=[*counts, web, *kinds], tables=tables, zone=str(ZONE))


PAIRS = {
    "ordered": ("visits", "orders"),
    "again": ("visits", "visits"),
    "dated": ("visits", "dated"),
    "from_dated": ("dated", "orders"),
    "web": ("visits", "orders"),
}


class Oracle:
    """What plain Python makes of one conversion or retention."""

    def __init__(self, name: str, tables: dict[str, list[Row]], within: int, span: tuple[int, int]) -> None:
        pair, self.how = name.rsplit("_", 1)
        self.base, self.then = PAIRS[pair]
        self.tables, self.within, self.span = tables, within, span
        self.web = pair == "web"
        self.by_day = self.how == "back" or "dated" in (self.base, self.then)

    def day(self, table: str, row: Row) -> date | None:
        return row.day if table == "dated" else row.local

    def complete(self, asked: date | None, declared: dict[str, str]) -> date:
        names = (self.base, self.then)
        said = [date.fromisoformat(declared[name]) for name in names if name in declared]
        last = [day for name in names for row in self.tables[name] if (day := self.day(name, row))]
        return asked or (min(said) if said else max(last, default=date.min))

    def mature(self, row: Row, complete: date) -> bool:
        day = self.day(self.base, row)
        if day is None:
            return False
        if self.by_day:
            return day + timedelta(days=self.span[1] if self.how == "back" else self.within) <= complete
        assert row.at is not None
        end = (row.at.replace(tzinfo=UTC) + timedelta(hours=24 * self.within)).astimezone(ZONE).date()
        return end <= complete

    def followed(self, row: Row) -> bool:
        return any(self._follows(row, other) for other in self.tables[self.then])

    def _follows(self, row: Row, other: Row) -> bool:
        if row.customer is None or row.customer != other.customer or (self.web and other.channel != "web"):
            return False
        if self.base == self.then and row.row_id == other.row_id:
            return False
        own, later = self.day(self.base, row), self.day(self.then, other)
        if own is None or later is None:
            return False
        if self.by_day:
            first, last = self.span if self.how == "back" else (0, self.within)
            return first <= (later - own).days <= last
        assert row.at is not None
        assert other.at is not None
        return timedelta() <= other.at - row.at <= timedelta(hours=24 * self.within)


@settings(max_examples=80, deadline=None)
@given(
    tables=st.fixed_dictionaries({name: rows_of() for name in ("visits", "orders", "dated")}),
    within=st.integers(0, 5),
    span=st.tuples(st.integers(0, 3), st.integers(0, 3)).map(lambda pair: (pair[0], pair[0] + pair[1])),
    declared=st.dictionaries(
        st.sampled_from(["visits", "orders"]), st.sampled_from(["2026-03-10", "2026-03-14", "2026-04-30"])
    ),
    asked=st.sampled_from([None, None, date(2026, 3, 12)]),
    grain=st.sampled_from([None, "day", "week"]),
    by=st.sampled_from([(), ("channel",)]),
    since=st.sampled_from([None, date(2026, 3, 7), date(2026, 5, 1)]),
    name=st.sampled_from([f"{pair}_{how}" for pair in PAIRS for how in ("within", "back")]),
)
@example({"visits": [], "orders": [], "dated": []}, 1, (0, 1), {}, None, None, (), None, "ordered_within")
def test_a_row_counts_once_its_days_are_over_and_converts_where_another_follows(
    tables: dict[str, list[Row]],
    within: int,
    span: tuple[int, int],
    declared: dict[str, str],
    asked: date | None,
    grain: str | None,
    by: tuple[str, ...],
    since: date | None,
    name: str,
) -> None:
    oracle = Oracle(name, tables, within, span)
    complete = oracle.complete(asked, declared)
    dated = [(row, oracle.day(oracle.base, row)) for row in tables[oracle.base]]
    base = [(row, day) for row, day in dated if since is None or (day is not None and day >= since)]

    def at(row: Row, day: date | None) -> tuple[date | None, Group]:
        period = start_of(day, grain) if grain and day else None
        return period, tuple(row.channel or UNKNOWN for _ in by)

    def value(_: str, period: date | None, group: Group) -> float | None:
        counted = [row for row, day in base if at(row, day) == (period, group) and oracle.mature(row, complete)]
        return sum(map(oracle.followed, counted)) / len(counted) if counted else None

    with connect({known: table(rows) for known, rows in tables.items()}) as warehouse:
        answer = query(
            catalog_of(within, span, declared),
            warehouse,
            name,
            by=[*([grain] if grain else []), *by],
            since=since,
            complete_through=asked,
        )
    needed = {at(row, day) for row, day in base}
    check(answer, value, needed if grain or by else [(None, ())])
    (fact,) = [item for item in answer.how.facts if item.table == oracle.base]
    young = [row for row, day in base if day is not None and not oracle.mature(row, complete)]
    nobody = [row for row, _ in base if row.customer is None and oracle.mature(row, complete)]
    assert (fact.immature, fact.of_nobody) == (len(young), len(nobody))


def small(**asked: Any) -> Any:
    def moment(day: int) -> datetime:
        return datetime(2026, 3, day, 12)

    visits = [
        Row(1, "a", "web", moment(2), None),
        Row(2, None, "web", moment(3), None),
        Row(3, "b", "app", moment(9), None),
    ]
    orders = [Row(1, "a", "web", moment(4), None), Row(2, "b", "web", moment(10), None)]
    with connect({"visits": table(visits), "orders": table(orders), "dated": table([])}) as warehouse:
        return query(catalog_of(3, (1, 2), asked.pop("declared", {})), warehouse, asked.pop("name"), **asked)


def test_the_day_by_which_rows_must_be_over_is_said_with_its_reason() -> None:
    notes = small(name="ordered_within").notes
    says = "the last day with rows of visits or orders: none declares `lateness:` or `complete_through:`"
    assert f"ordered_within counts the rows whose 3 days after are over by 2026-03-10 ({says})." in notes
    assert "1 of 3 rows of visits are too recent to count." in notes
    assert "1 of 3 rows of visits belong to nobody: nothing can follow them, and they count as not followed." in notes
    assert not any("in no group" in note for note in notes)
    declared = small(name="ordered_within", declared={"orders": "2026-03-20"}).notes
    assert (
        "ordered_within counts the rows whose 3 days after are over by 2026-03-20 (orders: declared with the table)."
        in declared
    )
    asked = small(name="ordered_within", complete_through="2026-03-08").notes
    assert "ordered_within counts the rows whose 3 days after are over by 2026-03-08 (as the question says)." in asked


def test_a_group_of_rows_that_are_too_recent_is_a_row_with_nothing_in_it() -> None:
    assert small(name="ordered_within", by="channel").rows() == [
        {"channel": "web", "ordered_within": 0.5},
        {"channel": "app", "ordered_within": None},
    ]


def test_two_conversions_of_one_base_wait_each_for_its_own_table() -> None:
    answer = small(name=["ordered_within", "again_within"], declared={"orders": "2026-03-05"})
    assert answer.rows() == [{"ordered_within": 1.0, "again_within": 0.0}]


def test_what_is_no_count_of_rows_can_be_followed_by_nothing() -> None:
    tables = [TableDeclaration(name="visits", key=("row_id",), time="at", entities={"customer": ("customer",)})]
    wrong = Metric(name="wrong", conversion=Conversion(base="people", then="people", entity="customer", within="1 day"))
    with pytest.raises(DefinitionError, match="is a distinct, and rows are meant"):
        MetricCatalog.of(metrics=[Metric(name="people", distinct="visits.customer"), wrong], tables=tables).formula(
            "wrong"
        )
