"""Weeks, zones and what is not complete: 09, 28, 35, 36, 44."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import UTC, date
from typing import Any
from zoneinfo import ZoneInfo

from tests.metrics.traps.oracle import (
    Answer,
    Row,
    Tables,
    by_key,
    days,
    groups,
    known,
    local_day,
    month,
    oracle,
    spine,
    total,
    week,
)  # fmt: skip


def summed(rows: list[Row], key: Callable[[Row], Any]) -> Answer:
    """The amount by key."""
    return [[k, total(found, "amount")] for k, found in groups(rows, key).items()]


# 09

BY_PERIOD = "SELECT CAST({} AS DATE), sum(amount) FROM orders GROUP BY 1"
SUNDAY = BY_PERIOD.format("ordered_on - dayofweek(ordered_on)::INTEGER")


@oracle("09_week_starts", "q1", BY_PERIOD.format("ordered_on - (isodow(ordered_on) - 1)::INTEGER"))
def from_monday(t: Tables) -> Answer:
    return summed(t["orders"], lambda row: week(row["ordered_on"]))


@oracle("09_week_starts", "q2", SUNDAY)
@oracle("09_week_starts", "q7", SUNDAY)
def from_sunday(t: Tables) -> Answer:
    return summed(t["orders"], lambda row: week(row["ordered_on"], 6))


@oracle("09_week_starts", "q3", BY_PERIOD.format("ordered_on - ((dayofweek(ordered_on) + 1) % 7)::INTEGER"))
def from_saturday(t: Tables) -> Answer:
    return summed(t["orders"], lambda row: week(row["ordered_on"], 5))


@oracle("09_week_starts", "q4", BY_PERIOD.format("date_trunc('year', ordered_on)"))
def calendar_years(t: Tables) -> Answer:
    return summed(t["orders"], lambda row: date(row["ordered_on"].year, 1, 1))


@oracle("09_week_starts", "q5", BY_PERIOD.format("date_trunc('quarter', ordered_on)"))
def quarters(t: Tables) -> Answer:
    return summed(t["orders"], lambda row: date(row["ordered_on"].year, (row["ordered_on"].month - 1) // 3 * 3 + 1, 1))


@oracle(
    "09_week_starts", "q8",
    """SELECT coalesce(fiscal_period, '(unknown)'), sum(amount) FROM orders LEFT JOIN calendar ON ordered_on = day
    GROUP BY 1""",
)  # fmt: skip
def fiscal(t: Tables) -> Answer:
    periods = {row["day"]: row["fiscal_period"] for row in t["calendar"]}
    return summed(t["orders"], lambda row: known(periods.get(row["ordered_on"])))


@oracle(
    "09_week_starts", "q9",
    """SELECT CAST(date_trunc('week', ordered_on) AS DATE), sum(amount) FROM orders
    WHERE ordered_on BETWEEN '2024-12-29' AND '2024-12-31' GROUP BY 1""",
)  # fmt: skip
def cut_weeks(t: Tables) -> Answer:
    inside = [row for row in t["orders"] if date(2024, 12, 29) <= row["ordered_on"] <= date(2024, 12, 31)]
    return summed(inside, lambda row: week(row["ordered_on"]))


# 28

ORDERED_WEEKS = "SELECT CAST(date_trunc('week', ordered_on) AS DATE), sum(amount) FROM orders GROUP BY 1"


@oracle("28_incomplete_periods", "q1", ORDERED_WEEKS)
@oracle("28_incomplete_periods", "q5", ORDERED_WEEKS)
def revenue_by_week(t: Tables) -> Answer:
    return summed(t["orders"], lambda row: week(row["ordered_on"]))


def daily(rows: list[Row], column: str, first: date, last: date) -> Answer:
    return [[day, total([row for row in rows if row[column] == day], "amount")] for day in days(first, last)]


@oracle(
    "28_incomplete_periods", "q2",
    f"""SELECT d, coalesce((SELECT sum(amount) FROM orders WHERE ordered_on = d), 0)
    FROM {spine("2025-03-15", "2025-03-18")}""",
)  # fmt: skip
def revenue_by_day(t: Tables) -> Answer:
    return daily(t["orders"], "ordered_on", date(2025, 3, 15), date(2025, 3, 18))


@oracle(
    "28_incomplete_periods", "q3",
    f"""SELECT d, coalesce((SELECT sum(amount) FROM refunds WHERE refunded_on = d), 0)
    FROM {spine("2025-03-20", "2025-03-23")}""",
)  # fmt: skip
def refunds_by_day(t: Tables) -> Answer:
    return daily(t["refunds"], "refunded_on", date(2025, 3, 20), date(2025, 3, 23))


@oracle(
    "28_incomplete_periods", "q4",
    """SELECT w, coalesce(sum(amount) FILTER (k = 'o'), 0), coalesce(sum(amount) FILTER (k = 'r'), 0) FROM (
    SELECT CAST(date_trunc('week', ordered_on) AS DATE) AS w, 'o' AS k, amount FROM orders
    UNION ALL SELECT CAST(date_trunc('week', refunded_on) AS DATE), 'r', amount FROM refunds) GROUP BY 1""",
)  # fmt: skip
def both_by_week(t: Tables) -> Answer:
    revenue = dict(map(tuple, summed(t["orders"], lambda row: week(row["ordered_on"]))))
    refunds = dict(map(tuple, summed(t["refunds"], lambda row: week(row["refunded_on"]))))
    return [[w, revenue.get(w, 0), refunds.get(w, 0)] for w in {*revenue, *refunds}]


# 35


@oracle(
    "35_hour_of_day", "q1",
    "SELECT hour(at_utc AT TIME ZONE 'UTC' AT TIME ZONE 'America/New_York'), count(*) FROM events GROUP BY 1",
)  # fmt: skip
def hours(t: Tables) -> Answer:
    zone = ZoneInfo("America/New_York")
    found = Counter(row["at_utc"].replace(tzinfo=UTC).astimezone(zone).hour for row in t["events"])
    return [[hour, count] for hour, count in found.items()]


# 36


def store_day(t: Tables, row: Row) -> date:
    return local_day(row["at_utc"], by_key(t["stores"], "store_id")[row["store_id"]]["tz"])


STORE_DAYS = """(SELECT CAST(at_utc AT TIME ZONE 'UTC' AT TIME ZONE tz AS DATE) AS d, store_id, amount
    FROM sales JOIN stores USING (store_id))"""


@oracle(
    "36_zone_of_each_row", "q1",
    f"SELECT CAST(date_trunc('month', d) AS DATE), sum(amount) FROM {STORE_DAYS} GROUP BY 1",
)  # fmt: skip
def store_months(t: Tables) -> Answer:
    return summed(t["sales"], lambda row: month(store_day(t, row)))


@oracle("36_zone_of_each_row", "q2", f"SELECT d, store_id, sum(amount) FROM {STORE_DAYS} GROUP BY 1, 2")
def store_days(t: Tables) -> Answer:
    found = groups(t["sales"], lambda row: (store_day(t, row), row["store_id"]))
    return [[*k, total(rows, "amount")] for k, rows in found.items()]


@oracle("36_zone_of_each_row", "q3", f"SELECT sum(amount) FROM {STORE_DAYS} WHERE d = '2025-04-01'")
def first_of_april(t: Tables) -> Answer:
    return [[total([row for row in t["sales"] if store_day(t, row) == date(2025, 4, 1)], "amount")]]


# 44

PARCELS = """SELECT d, sum(o), sum(s) FROM (
    SELECT CAST(ordered_at AT TIME ZONE 'UTC' AT TIME ZONE 'America/New_York' AS DATE) AS d, 1 AS o, 0 AS s FROM parcels
    UNION ALL SELECT CAST(shipped_at AT TIME ZONE 'Europe/Berlin' AT TIME ZONE 'America/New_York' AS DATE), 0, 1
    FROM parcels WHERE shipped_at IS NOT NULL) GROUP BY 1"""


@oracle("44_zones_of_columns", "q1", PARCELS)
def parcels(t: Tables) -> Answer:
    ordered = Counter(local_day(row["ordered_at"], "America/New_York") for row in t["parcels"])
    there = [row["shipped_at"] for row in t["parcels"] if row["shipped_at"]]
    shipped = Counter(local_day(moment, "America/New_York", "Europe/Berlin") for moment in there)
    return [[day, ordered[day], shipped[day]] for day in {*ordered, *shipped}]
