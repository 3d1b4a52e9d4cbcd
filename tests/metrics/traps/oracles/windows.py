"""Windows, conversion and retention: 13, 27, 45, 54."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from tests.metrics.traps.oracle import (
    Answer,
    Row,
    Tables,
    days,
    groups,
    known,
    local_day,
    month,
    oracle,
    over,
    spine,
    total,
    week,
)  # fmt: skip

DAY = timedelta(days=1)


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
