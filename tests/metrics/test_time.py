"""Hours, zones of rows and of columns, fiscal years: against plain Python, on clocks that are put forward and back."""
# ruff: noqa: DTZ001 - naive timestamps are what is tested

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from steelyard.errors import DataError, DefinitionError, UnknownNameError
from steelyard.metrics import Metric, MetricCatalog, query, read_metrics, unit_panel
from steelyard.metrics.calendar import Clock, next_period, period_start
from steelyard.metrics.drill import drill
from steelyard.metrics.local_hours import day_bounds, local_hours, next_hour
from steelyard.metrics.restatement import restatement
from steelyard.metrics.row_changes import VersionPair
from steelyard.warehouse import Role, StoredTable, TableDeclaration, connect

STAMP = pa.timestamp("us")


def naive(moments: Sequence[datetime | None]) -> pa.Array:
    return pa.array(list(moments), STAMP)


def events(moments: Sequence[datetime | None], **columns: Any) -> dict[str, pa.Table]:
    return {"events": pa.table({"at": naive(moments), **columns})}


def counted(zone: str, *, column_zone: str = "UTC", **said: Any) -> MetricCatalog:
    table = TableDeclaration(name="events", time="at", zone=column_zone, dimensions=said.pop("dimensions", ()))
    return MetricCatalog.of(tables=[table], metrics=[Metric(name="n", count="events"), *said.pop("metrics", ())],
                            zone=zone, **said)  # fmt: skip


# Hours


def hour_of(moment: datetime, zone: str) -> tuple[date, int, timedelta | None]:
    local = moment.astimezone(ZoneInfo(zone))
    return local.date(), local.hour, local.utcoffset()


def first_minute(moment: datetime, zone: str) -> datetime:
    """The first minute of the moment's local hour, by walking back minute by minute."""
    at = moment.replace(second=0, microsecond=0)
    while hour_of(at - timedelta(minutes=1), zone) == hour_of(moment, zone):
        at -= timedelta(minutes=1)
    return at


WEEKS = {
    "America/New_York": [datetime(2025, 11, 1), datetime(2025, 3, 8)],
    "Europe/Berlin": [datetime(2025, 10, 25), datetime(2025, 3, 29)],
    "Asia/Kathmandu": [datetime(2025, 11, 1), datetime(1985, 12, 31)],
    "Australia/Lord_Howe": [datetime(2025, 4, 5), datetime(2025, 10, 4)],
    "America/St_Johns": [datetime(1990, 4, 1), datetime(1990, 10, 27)],
    "America/Sao_Paulo": [datetime(2018, 11, 3), datetime(2018, 2, 17)],
    "Pacific/Apia": [datetime(2011, 12, 29)],
    "Asia/Pyongyang": [datetime(2018, 5, 4), datetime(2015, 8, 14)],
}


@st.composite
def zoned_moments(draw: st.DrawFn) -> tuple[str, list[datetime]]:
    zone = draw(st.sampled_from(sorted(WEEKS)))
    begin = draw(st.sampled_from(WEEKS[zone]))
    offsets = st.integers(0, 3 * 86_400_000_000)
    return zone, [begin + timedelta(microseconds=item) for item in draw(st.lists(offsets, min_size=1, max_size=40))]


@settings(max_examples=60)
@given(zoned_moments())
def test_hours_are_those_of_a_walk_over_every_minute(found: tuple[str, list[datetime]]) -> None:
    zone, moments = found
    expected = Counter(first_minute(at.replace(tzinfo=UTC), zone) for at in moments)
    with connect(events(moments)) as warehouse:
        filled = query(counted(zone), warehouse, "n", by="hour").rows()
        bare = query(counted(zone), warehouse, "n", by="hour", fill=False).rows()
    assert {row["period"]: row["n"] for row in bare} == expected
    assert {row["period"]: row["n"] for row in filled if row["n"]} == expected
    days = sorted(at.replace(tzinfo=UTC).astimezone(ZoneInfo(zone)).date() for at in moments)
    assert [row["period"] for row in filled] == list(local_hours(days[0], days[-1], zone))
    assert all(hour_of(row["period"], zone)[2] == row["period"].utcoffset() for row in filled)


@pytest.mark.parametrize(("zone", "begin"), [(zone, day) for zone, days in WEEKS.items() for day in days])
def test_local_hours_are_those_of_a_walk_over_every_minute(zone: str, begin: datetime) -> None:
    first, last = begin.date(), (begin + timedelta(days=2)).date()
    start, end = day_bounds(first, zone)[0], day_bounds(last, zone)[1]
    minutes = [start + timedelta(minutes=number) for number in range(int((end - start) / timedelta(minutes=1)))]
    walked = [at for at in minutes if at == start or hour_of(at, zone) != hour_of(at - timedelta(minutes=1), zone)]
    hours = list(local_hours(first, last, zone))
    assert hours == walked
    assert [next_hour(hour, zone) for hour in hours[:-1]] == hours[1:]


NOVEMBER = [datetime(2025, 11, 2, 4, 30), datetime(2025, 11, 2, 5, 30), datetime(2025, 11, 2, 6, 30),
            datetime(2025, 11, 2, 6, 59, 59, 999_999), datetime(2025, 11, 3, 4, 30)]  # fmt: skip


def test_the_hour_that_comes_twice_is_two_rows_that_say_their_offset() -> None:
    with connect(events(NOVEMBER)) as warehouse:
        answer = query(counted("America/New_York"), warehouse, "n", by="hour", until="2025-11-02")
    assert len(answer.rows()) == 25
    assert [(str(row["period"]), row["n"]) for row in answer.rows() if row["n"]] == [
        ("2025-11-02 00:00:00-04:00", 1),
        ("2025-11-02 01:00:00-04:00", 1),
        ("2025-11-02 01:00:00-05:00", 2),
        ("2025-11-02 23:00:00-05:00", 1),
    ]
    assert answer.table.schema.field("period").type == pa.timestamp("us", "America/New_York")
    assert len(set(answer.table.column("period").to_pylist())) == 24  # equal in Python's eyes: rows() tells them apart
    assert len({row["period"] for row in answer.rows()}) == 25


def test_an_hour_goes_to_every_medium_with_its_offset(tmp_path: Path) -> None:
    with connect(events(NOVEMBER)) as warehouse:
        answer = query(counted("America/New_York"), warehouse, "n", by="hour", until="2025-11-02")
    assert "2025-11-02 01:00 -05:00" in answer.to_text()
    assert "2025-11-02 01:00 -04:00" in answer.to_markdown()
    assert answer.to_dict()["rows"][2]["period"] == "2025-11-02T01:00:00-05:00"
    answer.write(tmp_path / "hours.csv")
    assert "2025-11-02 01:00:00.000000-0500,2" in (tmp_path / "hours.csv").read_text()
    assert "<table" in answer._repr_html_()


def test_hours_of_groups_are_filled_and_those_after_the_complete_day_are_flagged() -> None:
    tables = events([*NOVEMBER[:4], datetime(2025, 11, 3, 6)], channel=["web", "app", "web", "web", "web"])
    catalog = counted("America/New_York", dimensions=("channel",))
    with connect(tables) as warehouse:
        answer = query(catalog, warehouse, "n", by=["hour", "channel"], complete_through="2025-11-02")
    assert len(answer.rows()) == 2 * (25 + 24)
    assert sum(row["n"] for row in answer.rows()) == 5
    assert {hour.date() for hour in answer.partial} == {date(2025, 11, 3)}
    assert len(answer.partial) == 24
    assert any("The hour of 2025-11-03 00:00:00-05:00 is not whole" in note for note in answer.notes)


def test_rows_without_a_time_have_no_hour() -> None:
    with connect(events([None, NOVEMBER[0]])) as warehouse:
        rows = query(counted("UTC"), warehouse, "n", by="hour").rows()
    assert [(row["period"] is None, row["n"]) for row in rows if row["n"]] == [(False, 1), (True, 1)]


def test_two_facts_meet_by_the_hour() -> None:
    tables = {**events(NOVEMBER), "visits": pa.table({"seen": pa.array([NOVEMBER[2]], pa.timestamp("us", "UTC"))})}
    catalog = MetricCatalog.of(
        tables=[TableDeclaration(name="events", time="at", zone="UTC"), TableDeclaration(name="visits", time="seen")],
        metrics=[Metric(name="n", count="events"), Metric(name="v", count="visits")],
        zone="America/New_York",
    )
    for fill in (True, False):
        with connect(tables) as warehouse:
            rows = query(catalog, warehouse, ["n", "v"], by="hour", fill=fill).rows()
        assert [(row["n"], row["v"]) for row in rows if row["v"]] == [(2, 1)]


def refused(kind: type[Exception], catalog: MetricCatalog, tables: dict[str, pa.Table], name: str, **asked: Any) -> Any:
    with connect(tables) as warehouse, pytest.raises(kind) as caught:
        query(catalog, warehouse, name, **asked)
    return caught.value


def test_what_is_of_days_has_no_hours() -> None:
    tables = {"events": pa.table({"at": pa.array([date(2025, 1, 1)])})}
    assert "is a DATE, which has no hour" in refused(DefinitionError, counted("UTC"), tables, "n", by="hour").problem


WINDOWED = """
tables:
  events: {key: [thing, at], time: at, entities: {thing: thing}}
metrics:
  n: {count: events}
  n7: {rolling: {of: n, days: 7}}
  stock: {balance: {of: events.level, policy: last_in_period}}
"""


@pytest.mark.parametrize(("metric", "says"), [("n7", "counted over whole days"), ("stock", "a level of a day")])
def test_windows_and_levels_are_of_days(metric: str, says: str, tmp_path: Path) -> None:
    (tmp_path / "m.yml").write_text(WINDOWED)
    catalog = read_metrics([tmp_path / "m.yml"])
    assert not catalog.problems
    error = refused(DefinitionError, catalog, events(NOVEMBER, thing=[1] * 5, level=[1] * 5), metric, by="hour")
    assert says in error.problem
    assert "ask by day" in error.hint


def test_the_rows_of_each_of_two_equal_hours_can_be_seen() -> None:
    catalog = counted("America/New_York")
    with connect(events(NOVEMBER)) as warehouse:
        first = drill(catalog, warehouse, "n", at={"hour": "2025-11-02 01:00-04:00"})
        second = drill(catalog, warehouse, "n", at={"hour": "2025-11-02 01:00-05:00"})
        midnight = drill(catalog, warehouse, "n", at={"hour": "2025-11-02 00:00"})
        assert (first.value, second.value, midnight.value) == (1, 2, 1)
        for wrong, says in (
            ("2025-11-02 01:00", "came twice"), ("2025-03-09 02:00", "never came"),
            ("2025-11-02 03:30", "no hour begins"), ("noon", "is no hour"),
        ):  # fmt: skip
            with pytest.raises(DefinitionError) as caught:
                drill(catalog, warehouse, "n", at={"hour": wrong})
            assert says in caught.value.problem
            assert caught.value.hint


# Wall clock times that come twice or never


def test_rows_with_a_doubtful_wall_clock_time_are_counted_and_said() -> None:
    shown = [datetime(2025, 11, 2, 1, 30), datetime(2025, 3, 9, 2, 30), datetime(2025, 3, 9, 3), datetime(2025, 6, 1)]
    catalog = counted("Asia/Tokyo", column_zone="America/New_York")
    with connect(events(shown)) as warehouse:
        notes = query(catalog, warehouse, "n", by="day").notes
        own = counted("America/New_York", column_zone="")
        by_hour = query(own, warehouse, "n", by="hour", since="2025-11-02", until="2025-11-02")
        by_day = query(own, warehouse, "n", by="day")
    assert sum("1 rows of events have a wall clock time that came twice" in note for note in notes) == 1
    assert sum("1 rows of events have a wall clock time that never came" in note for note in notes) == 1
    assert any("came twice" in note for note in by_hour.notes)
    assert not any("wall clock" in note for note in by_day.notes)
    assert [str(row["period"]) for row in by_hour.rows() if row["n"]] == ["2025-11-02 01:00:00-05:00"]


def test_a_column_in_utc_has_no_doubtful_times() -> None:
    with connect(events([datetime(2025, 11, 2, 1, 30), datetime(2025, 3, 9, 2, 30)])) as warehouse:
        assert not any("wall" in note for note in query(counted("America/New_York"), warehouse, "n", by="hour").notes)


# The zone of each row's day

STORES = {"store": ["ny", "tokyo", "ktm", "nowhere"],
          "tz": ["America/New_York", "Asia/Tokyo", "Asia/Kathmandu", None]}  # fmt: skip


def by_store(**said: Any) -> MetricCatalog:
    return MetricCatalog.of(
        tables=[
            TableDeclaration(name="stores", key=("store",), entity="store", dimensions=("store",)),
            TableDeclaration(
                name="events", time="at", zone="UTC", zone_of_day="stores.tz", entities={"store": ("store",)}
            ),
        ],
        metrics=[Metric(name="n", count="events")],
        **said,
    )


def with_stores(moments: Sequence[datetime | None], stores: Sequence[str | None]) -> dict[str, pa.Table]:
    return {
        "stores": pa.table(STORES),
        "events": pa.table({"at": naive(moments), "store": pa.array(list(stores), pa.string())}),
    }


def local_day(at: datetime, store: str | None) -> date | None:
    zones = dict(zip(STORES["store"], STORES["tz"], strict=True))
    zone = zones.get(store or "")
    return at.replace(tzinfo=UTC).astimezone(ZoneInfo(zone)).date() if zone else None


near = st.integers(0, 4 * 24 * 60).map(lambda minutes: datetime(2025, 3, 8) + timedelta(minutes=minutes))


named = st.sampled_from(["ny", "tokyo", "ktm", "nowhere", "gone", None])


@settings(max_examples=40)
@given(
    st.lists(st.tuples(near, named), min_size=1, max_size=30),
    st.sampled_from(["day", "week", "month"]),
)
def test_a_row_falls_on_the_day_of_its_own_zone(rows: list[tuple[datetime, str | None]], grain: str) -> None:
    days = [local_day(at, store) for at, store in rows]
    expected = Counter(None if day is None else period_start(day, grain) for day in days)
    moments, stores = zip(*rows, strict=True)
    with connect(with_stores(moments, stores)) as warehouse:
        catalog = by_store(zone="Europe/Berlin")
        answer = query(catalog, warehouse, "n", by=grain)
        one_day = query(catalog, warehouse, "n", since="2025-03-10", until="2025-03-10").rows()[0]["n"]
    assert {row["period"]: row["n"] for row in answer.rows() if row["n"]} == expected
    assert one_day == days.count(date(2025, 3, 10))
    known = [day for day in days if day is not None]
    [fact] = answer.how.facts
    assert fact.without_time == len(days) - len(known)
    assert (fact.first, fact.last) == ((str(min(known)), str(max(known))) if known else ("", ""))
    assert any("no zone in stores.tz" in note for note in answer.notes) == (len(known) < len(days))


def test_a_zone_that_does_not_exist_is_refused_before_the_engine_meets_it() -> None:
    tables = with_stores([datetime(2025, 1, 1)], ["ny"])
    tables["stores"] = pa.table({**STORES, "tz": ["America/New_Yrok", "Asia/Tokyo", "Asia/Kathmandu", "EST5EDT4"]})
    error = refused(DataError, by_store(), tables, "n", by="day")
    assert "'America/New_Yrok' (1 rows)" in error.problem
    assert "'EST5EDT4'" in error.problem
    assert "America/New_York" in error.hint
    with connect(tables) as warehouse, pytest.raises(DataError, match="America/New_Yrok"):
        drill(by_store(), warehouse, "n", at={"day": "2025-01-01"})
    with connect(tables) as warehouse:
        assert query(by_store(), warehouse, "n").rows() == [{"n": 1}]  # no day is asked for


def test_hours_of_several_zones_are_refused() -> None:
    error = refused(DefinitionError, by_store(), with_stores([datetime(2025, 1, 1)], ["ny"]), "n", by="hour")
    assert "a zone of its own" in error.problem


def test_the_zone_may_stand_in_the_row_or_behind_a_role() -> None:
    moments, stores = [datetime(2025, 4, 1, 3), datetime(2025, 4, 1, 5)], ["ny", "ny"]
    tables = with_stores(moments, stores)
    tables["events"] = tables["events"].append_column("own_tz", pa.array(["Asia/Tokyo", "America/New_York"]))
    store = TableDeclaration(name="stores", key=("store",), entity="store")
    found = {}
    for zone_of_day in ("own_tz", "events.own_tz", "seller.tz"):
        table = TableDeclaration(name="events", time="at", zone="UTC", zone_of_day=zone_of_day,
                                 roles={"seller": Role(entity="store", columns=("store",))})  # fmt: skip
        catalog = MetricCatalog.of(tables=[store, table], metrics=[Metric(name="n", count="events")])
        with connect(tables) as warehouse:
            rows = query(catalog, warehouse, "n", by="day").rows()
        found[zone_of_day] = [(str(row["period"]), row["n"]) for row in rows]
    assert found["own_tz"] == found["events.own_tz"] == [("2025-04-01", 2)]
    assert found["seller.tz"] == [("2025-03-31", 1), ("2025-04-01", 1)]


@pytest.mark.parametrize(("zone_of_day", "error"), [("shops.tz", UnknownNameError), ("lonely.tz", DefinitionError)])
def test_a_zone_that_no_reference_leads_to_is_refused_where_it_is_declared(
    zone_of_day: str, error: type[Exception]
) -> None:
    tables = [TableDeclaration(name="events", time="at", zone_of_day=zone_of_day), TableDeclaration(name="lonely")]
    with pytest.raises(error):
        MetricCatalog.of(tables=tables, metrics=[Metric(name="n", count="events")])


def test_a_zone_that_is_no_text_is_refused() -> None:
    catalog = MetricCatalog.of(
        tables=[TableDeclaration(name="events", time="at", zone_of_day="offset")],
        metrics=[Metric(name="n", count="events")],
    )
    error = refused(DefinitionError, catalog, events([datetime(2025, 1, 1)], offset=[5]), "n", by="day")
    assert "no text" in error.problem


def test_a_refund_placed_by_its_order_falls_on_the_orders_day() -> None:
    tables = {
        "orders": pa.table({"id": [1, 2], "at": naive([datetime(2025, 4, 1, 3), datetime(2025, 4, 1, 3)]),
                            "tz": ["America/New_York", "Asia/Tokyo"]}),
        "refunds": pa.table({"id": [7, 8], "order": [1, 2]}),
    }  # fmt: skip
    catalog = MetricCatalog.of(
        tables=[
            TableDeclaration(name="orders", key=("id",), entity="order", time="at", zone="UTC", zone_of_day="tz"),
            TableDeclaration(name="refunds", key=("id",), entities={"order": ("order",)}),
        ],
        metrics=[Metric(name="refunds", count="refunds", time="orders.at"), Metric(name="orders", count="orders")],
    )
    with connect(tables) as warehouse:
        rows = query(catalog, warehouse, ["refunds", "orders"], by="day").rows()
    assert [tuple(map(str, row.values())) for row in rows] == [("2025-03-31", "1", "1"), ("2025-04-01", "1", "1")]


RETAINED = """
tables:
  stores: {key: store, entity: store, dimensions: [store]}
  events: {key: id, time: at, zone: UTC, zone_of_day: stores.tz, entities: {store: store}}
metrics:
  n: {count: events}
  n2: {rolling: {of: n, days: 2}}
  back: {retention: {base: n, then: n, entity: store, from_day: 1, to_day: 1}}
  level: {balance: {of: events.id, policy: carried_forward, per: store}}
"""


def test_windows_levels_and_retention_count_the_rows_own_days(tmp_path: Path) -> None:
    """New York's 23:30 and 0:30 are two local days, and one in UTC; Tokyo's are one local day, and two in UTC."""
    moments = [
        datetime(2025, 4, 1, 3, 30),
        datetime(2025, 4, 1, 4, 30),
        datetime(2025, 3, 31, 23),
        datetime(2025, 4, 1, 1),
    ]
    tables = with_stores(moments, ["ny", "ny", "tokyo", "tokyo"])
    tables["events"] = tables["events"].append_column("id", pa.array([1, 2, 3, 4]))
    (tmp_path / "m.yml").write_text(RETAINED.replace("key: id,", "key: [store, at],"))
    catalog = read_metrics([tmp_path / "m.yml"])
    assert not catalog.problems
    with connect(tables) as warehouse:
        rows = query(catalog, warehouse, ["n", "n2", "level"], by="day").rows()
        back = query(catalog, warehouse, "back", by="store", complete_through="2025-04-02").rows()
    assert [(str(row["period"]), row["n"], row["n2"], row["level"]) for row in rows] == [
        ("2025-03-31", 1, 1, 1), ("2025-04-01", 3, 4, 2 + 4),
    ]  # fmt: skip
    assert {row["store"]: row["back"] for row in back} == {"ny": 0.5, "tokyo": 0.0}


def test_a_panel_of_units_counts_the_rows_own_days() -> None:
    tables = with_stores([datetime(2025, 4, 1, 3, 30), datetime(2025, 4, 1, 4, 30)], ["ny", "ny"])
    with connect(tables) as warehouse:
        types = {name: warehouse.columns(name) for name in tables}
        sql = unit_panel(by_store(), entity="store", metric="n", period="day", since=date(2025, 3, 31),
                         until=date(2025, 4, 1), types=types)  # fmt: skip
        rows = [row for row in warehouse.fetch(sql).to_pylist() if row["unit"] == "ny"]
    assert sorted((str(row["period"]), row["value"]) for row in rows) == [("2025-03-31", 1), ("2025-04-01", 1)]


# Zones of columns, and what a definition says


def test_a_zone_of_a_column_that_does_not_exist_is_refused_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "m.yml").write_text("tables:\n  e:\n    time: at\n    zones:\n      sent: Europe/Berln\nmetrics: {}\n")
    [problem] = read_metrics([tmp_path / "m.yml"]).problems
    assert problem.problem == "no time zone 'Europe/Berln'"
    assert problem.where.endswith(":5")
    with pytest.raises(DefinitionError, match="Mars/Olympus"):
        MetricCatalog.of(tables=[TableDeclaration(name="e", zone="Mars/Olympus")], metrics=[])


def test_what_changes_numbers_is_part_of_the_definition() -> None:
    def digest_of(year_start: int = 1, **said: Any) -> str:
        table = TableDeclaration(name="e", key=("id",), time="at", **said)
        return MetricCatalog.of(tables=[table], metrics=[Metric(name="n", count="e")], year_start=year_start).digest(
            "n"
        )

    plainly = digest_of()
    said = [{"zones": {"sent": "Europe/Berlin"}}, {"zone_of_day": "tz"}, {"lateness": "2 days"}, {"year_start": 4},
            {"complete_through": "2025-01-01"}, {"currencies": {"amount": "currency"}}]  # fmt: skip
    assert len({plainly, *(digest_of(**item) for item in said)}) == len(said) + 1
    assert plainly == digest_of(description="words change no number", dimensions=("country",))


# Fiscal years, and weeks over the end of a year

DAYS = st.dates(date(1999, 1, 1), date(2032, 12, 31))


@given(DAYS, st.sampled_from(["quarter", "year"]), st.integers(1, 12))
def test_a_fiscal_period_begins_in_a_month_of_its_year_and_holds_its_day(day: date, grain: str, month: int) -> None:
    start = period_start(day, grain, year_start=month)
    length = {"quarter": 3, "year": 12}[grain]
    assert start <= day < next_period(start, grain)
    assert start.day == 1
    assert (start.month - month) % length == 0
    after = next_period(start, grain)
    assert (after.year - start.year) * 12 + after.month - start.month == length


@settings(max_examples=12)
@given(st.lists(DAYS, min_size=1, max_size=60), st.sampled_from(["quarter", "year"]), st.integers(1, 12))
def test_fiscal_periods_in_sql_are_those_in_python(days: list[date], grain: str, month: int) -> None:
    late = naive([datetime(day.year, day.month, day.day, 23) for day in days])
    tables = {"events": pa.table({"at": pa.array(days)}), "stamps": pa.table({"at": late})}
    catalog = MetricCatalog.of(
        tables=[TableDeclaration(name=name, time="at") for name in tables],
        metrics=[Metric(name="n", count="events"), Metric(name="m", count="stamps")],
        year_start=month,
    )
    with connect(tables) as warehouse:
        rows = query(catalog, warehouse, ["n", "m"], by=grain).rows()
    expected = Counter(period_start(day, grain, year_start=month) for day in days)
    assert {row["period"]: row["n"] for row in rows if row["n"]} == expected
    assert all(row["n"] == row["m"] for row in rows)
    starts = [row["period"] for row in rows]
    assert starts[1:] == [next_period(start, grain) for start in starts[:-1]]


FISCAL = """
tables:
  sales: {key: day, time: day}
  goals: {key: quarter, time: quarter}
metrics:
  sold: {sum: sales.amount}
  so_far: {period_to_date: {of: sold, period: year}}
  wanted: {target: {of: goals.amount, grain: quarter}}
"""


def fiscal(folder: Path, month: int) -> tuple[MetricCatalog, dict[str, pa.Table]]:
    (folder / "m.yml").write_text(FISCAL)
    days = [date(2025, 1, 1) + timedelta(days=number) for number in range(500)]
    tables = {
        "sales": pa.table({"day": pa.array(days), "amount": list(range(500))}),
        "goals": pa.table({"quarter": pa.array([date(2025, 2, 1), date(2025, 5, 1)]), "amount": [100, 200]}),
    }
    catalog = read_metrics([folder / "m.yml"], year_start=month)
    assert not catalog.problems
    return catalog, tables


@pytest.mark.parametrize("month", [1, 2, 4, 7, 11])
def test_a_year_to_date_begins_with_the_fiscal_year(month: int, tmp_path: Path) -> None:
    catalog, tables = fiscal(tmp_path, month)
    with connect(tables) as warehouse:
        rows = query(catalog, warehouse, "so_far", by="day").rows()
    totals: dict[date, int] = defaultdict(int)
    for row, amount in zip(rows, range(500), strict=True):
        year = period_start(row["period"], "year", year_start=month)
        totals[year] += amount
        assert row["so_far"] == totals[year]


def test_targets_of_a_fiscal_quarter_stand_for_it_whole(tmp_path: Path) -> None:
    catalog, tables = fiscal(tmp_path, 2)
    with connect(tables) as warehouse:
        rows = query(catalog, warehouse, "wanted", by="quarter", since="2025-02-01", until="2025-07-31").rows()
        assert [(str(row["period"]), row["wanted"]) for row in rows] == [("2025-02-01", 100), ("2025-05-01", 200)]
        with pytest.raises(DefinitionError, match="cuts a quarter"):
            query(catalog, warehouse, "wanted", by="quarter", since="2025-04-01")
        assert drill(catalog, warehouse, "sold", at={"year": "2025-02-01"}).value == sum(range(31, 396))
        with pytest.raises(DefinitionError, match="no year begins on 2025-01-01"):
            drill(catalog, warehouse, "sold", at={"year": "2025-01-01"})


@pytest.mark.parametrize("month", [0, 13, True])
def test_a_year_that_starts_in_no_month_is_refused(month: int) -> None:
    with pytest.raises(DefinitionError, match="the year starts in month"):
        MetricCatalog.of(tables=[], metrics=[], year_start=month)


@settings(max_examples=10)
@given(st.lists(st.dates(date(1998, 12, 20), date(2031, 1, 12)), min_size=1, max_size=80))
def test_weeks_over_the_end_of_a_year_are_iso_weeks(days: list[date]) -> None:
    with connect({"events": pa.table({"at": pa.array(days)})}) as warehouse:
        rows = query(counted("UTC"), warehouse, "n", by="week").rows()
    found = {row["period"].isocalendar()[:2]: row["n"] for row in rows if row["n"]}
    assert found == Counter(day.isocalendar()[:2] for day in days)
    assert all(row["period"].isocalendar().weekday == 1 for row in rows)


def test_sql_of_a_grain_that_is_the_calendars_stays_as_it_was() -> None:
    clock = Clock(column="day", kind="DATE", zone="UTC")
    assert clock.period("quarter") == "CAST(date_trunc('quarter', day) AS DATE)"


# Two versions


def test_a_restatement_by_hour_and_by_the_rows_own_day_is_what_the_questions_say() -> None:
    before = with_stores([datetime(2025, 11, 2, 5, 30), datetime(2025, 11, 2, 6, 30)], ["ny", "tokyo"])
    after = with_stores([*NOVEMBER[1:4], datetime(2025, 11, 2, 3, 30)], ["ny", "tokyo", "ny", "ny"])
    frames = {**after, **{f"{name} @1": table for name, table in before.items()}}
    kinds = {"events": {"at": "TIMESTAMP", "store": "VARCHAR"}, "stores": {"store": "VARCHAR", "tz": "VARCHAR"}}
    kept = {
        side: {
            name: StoredTable(name=name, rows=tables[name].num_rows, columns=kinds[name], fingerprint=f"{side} {name}")
            for name in kinds
        }
        for side, tables in (("before", before), ("after", after))
    }
    plain = counted("America/New_York")
    own = by_store(zone="America/New_York")
    with connect(frames) as warehouse:
        names = {name: f"{name} @1" for name in kinds}
        pair = VersionPair(warehouse=warehouse, names=names, before=kept["before"], after=kept["after"])
        hours = restatement(plain, pair, "n", by="hour").table
        days = restatement(own, pair, "n", by="day").table.to_pylist()
    assert hours.schema.field("period").type == pa.timestamp("us", "America/New_York")
    assert [(f"{row['period']:%d %H:%M %z}", row["before"], row["after"]) for row in hours.to_pylist()] == [
        ("01 23:00 -0400", 0, 1), ("02 01:00 -0400", 1, 1), ("02 01:00 -0500", 1, 2),
    ]  # fmt: skip
    assert [(str(row["period"]), row["before"], row["after"]) for row in days] == [
        ("2025-11-01", 0, 1), ("2025-11-02", 2, 3),
    ]  # fmt: skip


# How long a local day is


@pytest.mark.parametrize("zone", ["America/New_York", "Australia/Lord_Howe", "America/Sao_Paulo", "Asia/Kathmandu"])
def test_the_length_of_a_local_day_in_sql_is_that_of_its_bounds(zone: str) -> None:
    ends = f"local_moment(day, '{zone}'), local_moment(add_days(day, 1), '{zone}')"
    sql = f"SELECT day, seconds_between({ends}) / 3600 AS hours FROM day_series(DATE '2017-01-01', DATE '2018-12-31')"
    with connect({}) as warehouse:
        rows = warehouse.fetch(sql).to_pylist()
    assert len(rows) == 730
    for row in rows:
        first, after = day_bounds(row["day"], zone)
        assert row["hours"] == (after - first) / timedelta(hours=1)


# Neither the machine's zone nor the session's changes a number


def answers(session: str) -> list[Any]:
    """Hours, windows, levels, retention and days of rows, from a session in a zone of its own."""
    import tempfile

    import duckdb

    moments = [datetime(2025, 3, 8, 12) + timedelta(minutes=97 * number) for number in range(40)]
    tables = with_stores(moments, ["ny", "tokyo"] * 20)
    connection = duckdb.connect()
    connection.execute(f"SET TimeZone = '{session}'")
    connection.register("arrow_stores", tables["stores"])
    connection.register("arrow_events", tables["events"].append_column("id", pa.array(list(range(40)))))
    for name in tables:
        connection.execute(f"CREATE TABLE {name} AS SELECT * FROM arrow_{name}")
    connection.execute('CREATE TABLE plain_events AS SELECT id, store, "at" AT TIME ZONE \'UTC\' AS "at" FROM events')
    found: list[Any] = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "m.yml"
        path.write_text(RETAINED.replace("key: id,", "key: [store, at],"))
        own = read_metrics([path], zone="America/New_York")
        path.write_text(RETAINED.replace("key: id,", "key: [store, at],").replace(" zone_of_day: stores.tz,", "")
                        .replace(" zone: UTC,", "").replace("events", "plain_events"))  # fmt: skip
        one = read_metrics([path], zone="America/New_York")
    warehouse = connect(connection)
    for catalog in (own, one):
        assert not catalog.problems
        asked: tuple[dict[str, Any], ...] = ({"by": "day"}, {"by": ["week", "store"]}, {"since": "2025-03-09"})
        found += [query(catalog, warehouse, ["n", "n2", "level", "back"], **item).rows() for item in asked]
    found.append([(str(row["period"]), row["n"]) for row in query(one, warehouse, "n", by="hour").rows()])
    return found


def test_neither_the_machines_zone_nor_the_sessions_changes_a_number() -> None:
    code = "import runpy, sys; print(runpy.run_path(sys.argv[1])['answers'](sys.argv[2]))"
    zones = ("UTC", "Asia/Kathmandu", "America/New_York")
    running = [
        subprocess.Popen(
            [sys.executable, "-c", code, __file__, session],
            env={**os.environ, "TZ": machine}, stdout=subprocess.PIPE, text=True,
        )
        for machine, session in zip(zones, (*zones[1:], zones[0]), strict=True)
    ]  # fmt: skip
    told = [process.communicate()[0] for process in running]
    assert [process.returncode for process in running] == [0, 0, 0]
    assert told[0] == told[1] == told[2] == f"{answers('UTC')}\n"
    hours = [count for _, count in answers("UTC")[-1]]
    assert sum(hours) == 40
