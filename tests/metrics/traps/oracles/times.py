"""Days, weeks, zones and windows: 09, 13, 27, 28, 35, 36, 38, 44, 45, 54."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
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
    mean,
    month,
    oracle,
    over,
    total,
    week,
)

DAY = timedelta(days=1)


def summed(rows: list[Row], key: Callable[[Row], Any]) -> Answer:
    """The amount by key."""
    return [[k, total(found, "amount")] for k, found in groups(rows, key).items()]


def local_day(moment: datetime, zone: str, of: str = "UTC") -> date:
    """The local day of a naive moment that is written in the zone `of`."""
    return moment.replace(tzinfo=ZoneInfo(of)).astimezone(ZoneInfo(zone)).date()


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


# 13

WINDOW = timedelta(days=7)


def mature(visit: Row, complete: date) -> bool:
    """Whether the visit's window is over when the complete day is."""
    return bool(visit["visited_at"] + WINDOW < datetime.combine(complete + DAY, time()))


def converted(t: Tables, visits: list[Row], complete: date = date(2025, 3, 31), least: int = 0) -> Decimal | None:
    """The share of the visits, of those whose window is over, that an order followed."""
    judged = [visit for visit in visits if mature(visit, complete)]
    followed = [
        any(
            order["customer_id"] == visit["customer_id"] is not None
            and timedelta(0) <= order["ordered_at"] - visit["visited_at"] <= WINDOW
            and order["amount"] >= least
            for order in t["orders"]
        )
        for visit in judged
    ]
    return over(sum(followed), len(followed))  # type: ignore[no-any-return]


CONVERTED = """SELECT {k} count(DISTINCT visit_id) FILTER (hit) / nullif(count(DISTINCT visit_id) FILTER (over), 0)
FROM (SELECT v.*, v.visited_at + INTERVAL 7 DAY < TIMESTAMP '{end}' AS over,
    coalesce(v.visited_at + INTERVAL 7 DAY < TIMESTAMP '{end}' AND o.order_id IS NOT NULL, false) AS hit
    FROM visits v LEFT JOIN orders o ON o.customer_id = v.customer_id AND o.amount >= {least}
    AND o.ordered_at BETWEEN v.visited_at AND v.visited_at + INTERVAL 7 DAY) {where} {group}"""


def converted_sql(k: str = "", where: str = "", group: str = "", end: str = "2025-04-01", least: int = 0) -> str:
    return CONVERTED.format(k=k, where=where, group=group, end=end, least=least)


@oracle("13_conversion_window", "q1", converted_sql())
def conversion(t: Tables) -> Answer:
    return [[converted(t, t["visits"])]]


@oracle("13_conversion_window", "q2", converted_sql(k="channel,", group="GROUP BY 1"))
def conversion_by_channel(t: Tables) -> Answer:
    return [[k, converted(t, rows)] for k, rows in groups(t["visits"], lambda row: row["channel"]).items()]


def visits_of(t: Tables, first: date, last: date) -> list[Row]:
    return [row for row in t["visits"] if first <= row["visited_at"].date() <= last]


@oracle("13_conversion_window", "q3", converted_sql(where="WHERE CAST(visited_at AS DATE) = '2025-03-01'"))
def conversion_of_a_day(t: Tables) -> Answer:
    return [[converted(t, visits_of(t, date(2025, 3, 1), date(2025, 3, 1)))]]


@oracle("13_conversion_window", "q4", converted_sql(least=40))
def conversion_to_big(t: Tables) -> Answer:
    return [[converted(t, t["visits"], least=40)]]


@oracle("13_conversion_window", "q5", converted_sql(where="WHERE visited_at >= '2025-03-28'"))
def conversion_too_early(t: Tables) -> Answer:
    return [[converted(t, visits_of(t, date(2025, 3, 28), date(2025, 3, 29)))]]


@oracle("13_conversion_window", "q6", converted_sql(end="2025-03-13"))
def conversion_as_of(t: Tables) -> Answer:
    return [[converted(t, t["visits"], complete=date(2025, 3, 12))]]


# 27


def amount_of(rows: list[Row], first: date, last: date) -> Any:
    return total([row for row in rows if first <= row["day"] <= last], "amount")


def spine(first: str, last: str) -> str:
    return f"(SELECT CAST(unnest(generate_series(DATE '{first}', DATE '{last}', INTERVAL 1 DAY)) AS DATE) AS d)"


START = date(2000, 1, 1)


@oracle(
    "27_windows", "q1",
    f"SELECT d, (SELECT sum(amount) FROM sales WHERE day <= d) FROM {spine('2024-12-30', '2025-01-03')}",
)  # fmt: skip
def cumulative(t: Tables) -> Answer:
    return [[day, amount_of(t["sales"], START, day)] for day in days(date(2024, 12, 30), date(2025, 1, 3))]


@oracle(
    "27_windows", "q2",
    """SELECT m, (SELECT sum(amount) FROM sales WHERE day < m + INTERVAL 1 MONTH)
    FROM (SELECT DISTINCT CAST(date_trunc('month', day) AS DATE) AS m FROM sales)""",
)  # fmt: skip
def cumulative_by_month(t: Tables) -> Answer:
    last = {month(row["day"]): row["day"] for row in sorted(t["sales"], key=lambda row: row["day"])}
    return [[m, amount_of(t["sales"], START, day)] for m, day in last.items()]


@oracle(
    "27_windows", "q3",
    f"""SELECT d, coalesce((SELECT sum(amount) FROM sales WHERE day BETWEEN date_trunc('month', d) AND d), 0),
    coalesce((SELECT sum(amount) FROM sales WHERE day BETWEEN date_trunc('year', d) AND d), 0)
    FROM {spine("2024-12-31", "2025-01-02")}""",
)  # fmt: skip
def to_date(t: Tables) -> Answer:
    return [
        [day, amount_of(t["sales"], month(day), day), amount_of(t["sales"], date(day.year, 1, 1), day)]
        for day in days(date(2024, 12, 31), date(2025, 1, 2))
    ]


@oracle(
    "27_windows", "q4",
    f"""SELECT d, s.store,
    coalesce((SELECT sum(amount) FROM sales x WHERE x.store = s.store AND day BETWEEN date_trunc('month', d) AND d), 0),
    coalesce((SELECT sum(amount) FROM sales x WHERE x.store = s.store AND day BETWEEN date_trunc('year', d) AND d), 0)
    FROM {spine("2025-01-31", "2025-02-01")}, (VALUES ('a'), ('b')) AS s (store)""",
)  # fmt: skip
def to_date_by_store(t: Tables) -> Answer:
    found = []
    for store, rows in groups(t["sales"], lambda row: row["store"]).items():
        found += [
            [day, store, amount_of(rows, month(day), day), amount_of(rows, date(day.year, 1, 1), day)]
            for day in days(date(2025, 1, 31), date(2025, 2, 1))
        ]
    return found


def users_of(t: Tables, first: date, last: date) -> int:
    return len({row["user_id"] for row in t["visits"] if first <= row["day"] <= last} - {None})


IN_VISITS = days(date(2025, 1, 1), date(2025, 1, 6))


@oracle(
    "27_windows", "q5",
    f"""SELECT d, (SELECT count(DISTINCT user_id) FROM visits WHERE day BETWEEN d - 2 AND d)
    FROM {spine("2025-01-01", "2025-01-06")}""",
)  # fmt: skip
def rolling_users(t: Tables) -> Answer:
    return [[day, users_of(t, day - 2 * DAY, day)] for day in IN_VISITS]


@oracle(
    "27_windows", "q6",
    f"""SELECT d, (SELECT count(DISTINCT user_id) FROM visits WHERE day <= d)
    FROM {spine("2025-01-01", "2025-01-06")}""",
)  # fmt: skip
def users_so_far(t: Tables) -> Answer:
    return [[day, users_of(t, START, day)] for day in IN_VISITS]


@oracle(
    "27_windows", "q7",
    f"""SELECT d, (SELECT sum(orders) / nullif(sum(sessions), 0) FROM daily WHERE day BETWEEN d - 2 AND d)
    FROM {spine("2025-01-01", "2025-01-09")}""",
)  # fmt: skip
def rolling_rate(t: Tables) -> Answer:
    found = []
    for day in days(date(2025, 1, 1), date(2025, 1, 9)):
        rows = [row for row in t["daily"] if day - 2 * DAY <= row["day"] <= day]
        found.append([day, over(total(rows, "orders"), total(rows, "sessions"))])
    return found


@oracle(
    "27_windows", "q8",
    f"""SELECT d, CASE WHEN row_number() OVER (ORDER BY d) >= 3 THEN sum(a) OVER w / 3 END FROM (SELECT d,
    coalesce(sum(amount), 0) AS a FROM {spine("2024-12-28", "2025-01-03")} LEFT JOIN sales ON day = d GROUP BY 1)
    WINDOW w AS (ORDER BY d ROWS BETWEEN 2 PRECEDING AND CURRENT ROW)""",
)  # fmt: skip
def rolling_mean(t: Tables) -> Answer:
    spine_days = days(date(2024, 12, 28), date(2025, 1, 3))
    full = [over(amount_of(t["sales"], day - 2 * DAY, day), 3) for day in spine_days]
    return [
        [day, value if place >= 2 else None] for place, (day, value) in enumerate(zip(spine_days, full, strict=True))
    ]


@oracle(
    "27_windows", "q9",
    """SELECT sum(amount), sum(amount) FILTER (day >= '2025-01-01'), sum(amount) FILTER (year(day) = 2025)
    FROM sales WHERE day <= '2025-01-31'""",
)  # fmt: skip
def as_of_january(t: Tables) -> Answer:
    last = date(2025, 1, 31)
    return [[amount_of(t["sales"], first, last) for first in (START, date(2025, 1, 1), date(2025, 1, 1))]]


@oracle(
    "27_windows", "q10",
    """SELECT DATE '2024-12-30', count(DISTINCT user_id) FROM visits
    WHERE day IN ('2025-01-03', '2025-01-04', '2025-01-05')""",
)  # fmt: skip
def rolling_users_of_weeks(t: Tables) -> Answer:
    sunday = date(2025, 1, 5)
    return [[week(sunday), users_of(t, sunday - 2 * DAY, sunday)]]


@oracle(
    "27_windows", "q11",
    """SELECT m, sum(sum(amount)) OVER (ORDER BY m) FROM (SELECT CAST(date_trunc('month', day) AS DATE) AS m, amount
    FROM sales WHERE store = 'b') GROUP BY 1""",
)  # fmt: skip
def cumulative_of_a_store(t: Tables) -> Answer:
    return cumulative_by_month({"sales": [row for row in t["sales"] if row["store"] == "b"]})


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


# 38


def last_rows(rows: list[Row], first: date, last: date) -> dict[str, Row]:
    """The last row of each account in the range."""
    inside = sorted((row for row in rows if first <= row["day"] <= last), key=lambda row: row["day"])
    return {row["account_id"]: row for row in inside}


def region(t: Tables, row: Row) -> str:
    return str(by_key(t["accounts"], "account_id")[row["account_id"]]["region"])


JANUARY, FEBRUARY = date(2025, 1, 1), date(2025, 2, 1)
ENDS = {JANUARY: date(2025, 1, 31), FEBRUARY: date(2025, 2, 28)}
REGIONS = ("EU", "US")


def on(t: Tables, day: date, where: Callable[[Row], bool] = lambda row: True) -> Any:
    return total([row for row in t["balances"] if row["day"] == day and where(row)], "balance")


@oracle(
    "38_balance_filtered", "q1",
    """SELECT CAST(date_trunc('month', day) AS DATE), region, sum(balance) FROM balances
    JOIN accounts USING (account_id) WHERE day IN (SELECT max(day) FROM balances GROUP BY date_trunc('month', day))
    GROUP BY 1, 2""",
)  # fmt: skip
def at_end(t: Tables) -> Answer:
    return [[m, k, on(t, end, lambda row, k=k: region(t, row) == k)] for m, end in ENDS.items() for k in REGIONS]


@oracle(
    "38_balance_filtered", "q2",
    """SELECT CAST(date_trunc('month', last) AS DATE), coalesce((SELECT sum(balance) FROM balances
    WHERE day = last AND account_id = 'C'), 0) FROM (SELECT max(day) AS last FROM balances
    GROUP BY date_trunc('month', day))""",
)  # fmt: skip
def of_account_c(t: Tables) -> Answer:
    return [[m, on(t, end, lambda row: row["account_id"] == "C")] for m, end in ENDS.items()]


@oracle("38_balance_filtered", "q3", "SELECT sum(balance) FROM balances WHERE day = '2025-01-30'")
def cut_january(t: Tables) -> Answer:
    last = max(row["day"] for row in t["balances"] if row["day"] <= date(2025, 1, 30))
    return [[on(t, last)]]


@oracle(
    "38_balance_filtered", "q4",
    """SELECT m, region, sum(balance) FROM (SELECT DISTINCT ON (date_trunc('month', day), account_id)
    CAST(date_trunc('month', day) AS DATE) AS m, account_id, balance FROM balances
    ORDER BY date_trunc('month', day), account_id, day DESC) JOIN accounts USING (account_id) GROUP BY 1, 2""",
)  # fmt: skip
def last_seen(t: Tables) -> Answer:
    found = []
    for first, last in ENDS.items():
        by_region = groups(last_rows(t["balances"], first, last).values(), lambda row: region(t, row))
        found += [[first, k, total(rows, "balance")] for k, rows in by_region.items()]
    return found


def carried(t: Tables, end: date, within: int = 10_000, since: date = START) -> dict[str, Row]:
    there = [row for row in t["balances"] if row["balance"] is not None]
    return last_rows(there, max(since, end - timedelta(days=within)), end)


CARRIED = """SELECT sum(b.balance) FROM balances b WHERE b.balance IS NOT NULL AND b.day <= e
    AND b.day >= e - {within} AND NOT EXISTS (SELECT 1 FROM balances x WHERE x.account_id = b.account_id
    AND x.balance IS NOT NULL AND x.day > b.day AND x.day <= e)"""


@oracle(
    "38_balance_filtered", "q5",
    f"""SELECT CAST(date_trunc('month', e) AS DATE), ({CARRIED.format(within=10000)}), ({CARRIED.format(within=30)})
    FROM (VALUES (DATE '2025-01-31'), (DATE '2025-02-28')) AS ends (e)""",
)  # fmt: skip
def carried_by_month(t: Tables) -> Answer:
    return [
        [first, *(total(carried(t, end, within).values(), "balance") for within in (10_000, 30))]
        for first, end in ENDS.items()
    ]


@oracle(
    "38_balance_filtered", "q6",
    """SELECT region, sum(balance) FROM (SELECT account_id, max_by(balance, day) AS balance FROM balances
    WHERE balance IS NOT NULL AND day <= '2025-02-28' GROUP BY 1) JOIN accounts USING (account_id) GROUP BY 1""",
)  # fmt: skip
def carried_by_region(t: Tables) -> Answer:
    found = groups(carried(t, ENDS[FEBRUARY]).values(), lambda row: region(t, row))
    return [[k, total(rows, "balance")] for k, rows in found.items()]


@oracle(
    "38_balance_filtered", "q7",
    "SELECT avg(s) FROM (SELECT sum(balance) AS s FROM balances WHERE day <= '2025-01-31' GROUP BY day)",
)  # fmt: skip
def average(t: Tables) -> Answer:
    dates = {row["day"] for row in t["balances"] if row["day"] <= ENDS[JANUARY]}
    return [[mean(on(t, day) for day in dates)]]


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


# 45


def retained(t: Tables, signups: list[Row]) -> Decimal | None:
    active = {(row["user_id"], row["active_on"]) for row in t["activity"]}
    judged = [row for row in signups if row["signed_up_on"] + 13 * DAY <= date(2025, 3, 30)]
    back = [
        any((row["user_id"], row["signed_up_on"] + ahead * DAY) in active for ahead in range(7, 14)) for row in judged
    ]
    return over(sum(back), len(back))  # type: ignore[no-any-return]


RETAINED = """SELECT {k} count(DISTINCT s.user_id) FILTER (over AND a.row_id IS NOT NULL)
    / nullif(count(DISTINCT s.user_id) FILTER (over), 0)
    FROM (SELECT *, signed_up_on + 13 <= DATE '2025-03-30' AS over FROM signups) s LEFT JOIN activity a
    ON a.user_id = s.user_id AND date_diff('day', s.signed_up_on, a.active_on) BETWEEN 7 AND 13 {group}"""


@oracle("45_retention_metric", "q1", RETAINED.format(k="", group=""))
def retention(t: Tables) -> Answer:
    return [[retained(t, t["signups"])]]


@oracle("45_retention_metric", "q2", RETAINED.format(k="coalesce(country, '(unknown)'),", group="GROUP BY 1"))
def retention_by_country(t: Tables) -> Answer:
    return [[k, retained(t, rows)] for k, rows in groups(t["signups"], lambda row: known(row["country"])).items()]


@oracle(
    "45_retention_metric", "q3",
    RETAINED.format(k="CAST(date_trunc('week', signed_up_on) AS DATE),", group="GROUP BY 1"),
)  # fmt: skip
def retention_by_week(t: Tables) -> Answer:
    return [[k, retained(t, rows)] for k, rows in groups(t["signups"], lambda row: week(row["signed_up_on"])).items()]


# 54

LOCAL = "(SELECT CAST(at_utc AT TIME ZONE 'UTC' AT TIME ZONE 'America/New_York' AS DATE) AS d, * FROM events)"


def in_new_york(t: Tables) -> list[Row]:
    """The events with their local day."""
    return [{**row, "day": local_day(row["at_utc"], "America/New_York")} for row in t["events"]]


@oracle(
    "54_windows_over_local_days", "q1",
    f"""SELECT x.d, (SELECT sum(amount) FROM {LOCAL} e WHERE e.d BETWEEN date_trunc('month', x.d) AND x.d)
    FROM {spine("2025-02-28", "2025-03-01")} x""",
)  # fmt: skip
def local_month_to_date(t: Tables) -> Answer:
    rows = in_new_york(t)
    return [[day, amount_of(rows, month(day), day)] for day in days(date(2025, 2, 28), date(2025, 3, 1))]


@oracle(
    "54_windows_over_local_days", "q2",
    f"""SELECT x.d, (SELECT count(DISTINCT user_id) FROM {LOCAL} e WHERE e.d BETWEEN x.d - 1 AND x.d)
    FROM {spine("2025-03-08", "2025-03-10")} x""",
)  # fmt: skip
def local_users(t: Tables) -> Answer:
    rows = {"visits": in_new_york(t)}
    return [[day, users_of(rows, day - DAY, day)] for day in days(date(2025, 3, 8), date(2025, 3, 10))]


@oracle(
    "54_windows_over_local_days", "q3",
    f"""SELECT m, sum(sum(amount)) OVER (ORDER BY m)
    FROM (SELECT CAST(date_trunc('month', d) AS DATE) AS m, amount FROM {LOCAL}) GROUP BY 1""",
)  # fmt: skip
def local_so_far(t: Tables) -> Answer:
    return cumulative_by_month({"sales": in_new_york(t)})


@oracle(
    "54_windows_over_local_days", "q4",
    f"SELECT user_id, sum(amount) / sum(sum(amount)) OVER () FROM {LOCAL} WHERE d <= '2025-02-28' GROUP BY 1",
)  # fmt: skip
def local_shares(t: Tables) -> Answer:
    rows = [row for row in in_new_york(t) if row["day"] <= date(2025, 2, 28)]
    found = groups(rows, lambda row: row["user_id"])
    return [[user, over(total(there, "amount"), total(rows, "amount"))] for user, there in found.items()]
