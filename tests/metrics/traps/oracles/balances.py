"""Balances: 38."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

from tests.metrics.traps.oracle import Answer, Row, Tables, by_key, groups, mean, oracle, total

START = date(2000, 1, 1)

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
