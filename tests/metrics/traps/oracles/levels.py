"""Levels of detail, history, targets and duplicates: 15, 16, 25, 37."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Hashable, Iterable
from datetime import date, datetime
from typing import Any

from tests.metrics.traps.oracle import (
    Answer,
    Row,
    Tables,
    by_key,
    groups,
    mean,
    month,
    oracle,
    over,
    total,
)  # fmt: skip


def amounts(rows: Iterable[Row]) -> Any:
    return total(rows, "amount")


# 15


def per_customer(
    t: Tables, keeps: Callable[[Row], bool], counts: Callable[[Row], bool] = lambda row: True
) -> list[Any]:
    """Revenue of each customer that is kept, of the orders that count."""
    orders = groups(filter(counts, t["orders"]), lambda row: row["customer_id"])
    return [amounts(orders.get(row["customer_id"], [])) for row in t["customers"] if keeps(row)]


EACH = """(SELECT c.customer_id, c.country, coalesce(sum(o.amount), 0) AS s,
    count(*) FILTER (o.channel = 'web') AS web, sum(o.amount) FILTER (o.channel = 'web') AS web_s
    FROM customers c LEFT JOIN orders o USING (customer_id) GROUP BY ALL)"""


@oracle("15_fixed_per_customer", "q1", f"SELECT avg(s), max(s), median(s) FROM {EACH}")
def fixed(t: Tables) -> Answer:
    each = per_customer(t, lambda row: True)
    return [[mean(each), max(each), statistics.median(each)]]


@oracle("15_fixed_per_customer", "q2", f"SELECT country, avg(s) FROM {EACH} GROUP BY 1")
def fixed_by_country(t: Tables) -> Answer:
    return [[k, mean(per_customer(t, lambda row, k=k: row["country"] == k))] for k in ("DE", "FR")]


def on_the_web(t: Tables) -> Callable[[Row], bool]:
    there = {row["customer_id"] for row in t["orders"] if row["channel"] == "web"}
    return lambda row: row["customer_id"] in there


@oracle("15_fixed_per_customer", "q3", f"SELECT avg(s) FROM {EACH} WHERE web > 0")
def fixed_of_web(t: Tables) -> Answer:
    return [[mean(per_customer(t, on_the_web(t)))]]


@oracle("15_fixed_per_customer", "q4", f"SELECT avg(web_s) FROM {EACH} WHERE web > 0")
def fixed_in_context(t: Tables) -> Answer:
    return [[mean(per_customer(t, on_the_web(t), lambda row: row["channel"] == "web"))]]


@oracle("15_fixed_per_customer", "q5", f"SELECT avg(s), max(s) FROM {EACH} WHERE country = 'DE'")
def fixed_german(t: Tables) -> Answer:
    each = per_customer(t, lambda row: row["country"] == "DE")
    return [[mean(each), max(each)]]


# 16


def segment(t: Tables, order: Row) -> str:
    """The one row of the customer's history that holds at the order's moment."""
    held = [
        row["segment"]
        for row in t["customers"]
        if row["customer_id"] == order["customer_id"]
        and row["valid_from"] <= order["ordered_at"] < (row["valid_to"] or datetime.max)  # noqa: DTZ901
    ]
    assert len(held) <= 1
    return held[0] if held else "(unknown)"


HELD = """(SELECT o.*, coalesce((SELECT segment FROM customers c WHERE c.customer_id = o.customer_id
    AND c.valid_from <= o.ordered_at AND (c.valid_to IS NULL OR o.ordered_at < c.valid_to)), '(unknown)') AS segment
    FROM orders o)"""


@oracle("16_history_as_of", "q1", f"SELECT segment, sum(amount), count(*) FROM {HELD} GROUP BY 1")
def by_segment(t: Tables) -> Answer:
    return [[k, amounts(rows), len(rows)] for k, rows in groups(t["orders"], lambda row: segment(t, row)).items()]


@oracle("16_history_as_of", "q2", "SELECT sum(amount), count(*) FROM orders")
def history_total(t: Tables) -> Answer:
    return [[amounts(t["orders"]), len(t["orders"])]]


@oracle(
    "16_history_as_of", "q3",
    f"SELECT CAST(date_trunc('month', ordered_at) AS DATE), sum(amount) FROM {HELD} WHERE segment = 'gold' GROUP BY 1",
)  # fmt: skip
def golden_months(t: Tables) -> Answer:
    golden = [row for row in t["orders"] if segment(t, row) == "gold"]
    return [[m, amounts(rows)] for m, rows in groups(golden, lambda row: month(row["ordered_at"].date())).items()]


# 25


def planned_and_sold(t: Tables, key: Callable[[date, str], Hashable]) -> dict[Any, tuple[Any, Any]]:
    sold = groups(t["sales"], lambda row: key(row["day"], row["region"]))
    planned = groups(t["targets"], lambda row: key(row["month"], row["region"]))
    return {k: (amounts(sold.get(k, [])), amounts(planned.get(k, []))) for k in {*sold, *planned}}


@oracle(
    "25_targets", "q1",
    """SELECT m, region, sum(s), sum(p), sum(s) / nullif(sum(p), 0) FROM (
    SELECT CAST(date_trunc('month', day) AS DATE) AS m, region, amount AS s, 0 AS p FROM sales
    UNION ALL SELECT month, region, 0, amount FROM targets) GROUP BY 1, 2""",
)  # fmt: skip
def attainment(t: Tables) -> Answer:
    return [
        [*k, s, p, over(s, p)] for k, (s, p) in planned_and_sold(t, lambda day, region: (month(day), region)).items()
    ]


@oracle(
    "25_targets", "q2",
    """SELECT q, (SELECT sum(amount) FROM sales WHERE date_trunc('quarter', day) = q),
    (SELECT sum(amount) FROM targets WHERE date_trunc('quarter', month) = q)
    FROM (VALUES (DATE '2025-01-01'), (DATE '2025-04-01')) AS quarters (q)""",
)  # fmt: skip
def planned_quarters(t: Tables) -> Answer:
    found = planned_and_sold(t, lambda day, region: date(day.year, (day.month - 1) // 3 * 3 + 1, 1))
    return [[k, s, p] for k, (s, p) in found.items()]


@oracle(
    "25_targets", "q3",
    "SELECT s, p, s / p FROM (SELECT sum(amount) AS s FROM sales), (SELECT sum(amount) AS p FROM targets)",
)  # fmt: skip
def planned_total(t: Tables) -> Answer:
    sold, planned = amounts(t["sales"]), amounts(t["targets"])
    return [[sold, planned, over(sold, planned)]]


@oracle(
    "25_targets", "q9",
    """SELECT (SELECT sum(amount) FROM targets WHERE month <= '2025-02-28'),
    (SELECT sum(amount) FROM sales WHERE day <= '2025-02-28')""",
)  # fmt: skip
def two_months(t: Tables) -> Answer:
    last = date(2025, 2, 28)
    planned = amounts(row for row in t["targets"] if row["month"] <= last)
    return [[planned, amounts(row for row in t["sales"] if row["day"] <= last)]]


@oracle(
    "25_targets", "q10",
    """SELECT p, s / p FROM (SELECT sum(amount) AS s FROM sales WHERE region = 'N'),
    (SELECT sum(amount) AS p FROM targets WHERE region = 'N')""",
)  # fmt: skip
def planned_north(t: Tables) -> Answer:
    sold, planned = (amounts(row for row in t[name] if row["region"] == "N") for name in ("sales", "targets"))
    return [[planned, over(sold, planned)]]


# 37


def clean(t: Tables) -> list[Row]:
    """The row of each key that counts; an ambiguous one without its amount."""
    found = []
    for rows in groups(t["raw_orders"], lambda row: row["order_key"].strip().upper()).values():
        latest = max((row["updated_at"] or datetime.min, row["seq"]) for row in rows)  # noqa: DTZ901
        winners = [row for row in rows if (row["updated_at"] or datetime.min, row["seq"]) == latest]  # noqa: DTZ901
        payloads = {tuple((k, v) for k, v in row.items() if k not in {"row_id", "order_key"}) for row in winners}
        row = dict(winners[0], amount=winners[0]["amount"] if len(payloads) == 1 else None)
        if row["op"] != "D":
            found.append(row)
    return found


CLEAN = """(SELECT k, any_value(status) AS status, any_value(updated_at) AS updated_at,
    any_value(customer_id) AS customer_id, CASE WHEN count(DISTINCT amount) = 1 THEN any_value(amount) END AS amount
    FROM (SELECT *, upper(trim(order_key)) AS k, rank() OVER (PARTITION BY upper(trim(order_key))
    ORDER BY updated_at DESC NULLS LAST, seq DESC) AS place FROM raw_orders)
    WHERE place = 1 AND op <> 'D' GROUP BY 1)"""


@oracle("37_dedupe_before_everything", "q1", f"SELECT sum(amount), count(*) FROM {CLEAN}")
def clean_orders(t: Tables) -> Answer:
    return [[amounts(clean(t)), len(clean(t))]]


@oracle("37_dedupe_before_everything", "q2", f"SELECT sum(amount) FROM {CLEAN} WHERE status = 'paid'")
def clean_paid(t: Tables) -> Answer:
    return [[amounts(row for row in clean(t) if row["status"] == "paid")]]


@oracle("37_dedupe_before_everything", "q3", f"SELECT sum(amount) FROM {CLEAN} WHERE updated_at < '2025-02-01'")
def clean_january(t: Tables) -> Answer:
    return [[amounts(row for row in clean(t) if row["updated_at"].date() <= date(2025, 1, 31))]]


@oracle(
    "37_dedupe_before_everything", "q4",
    f"SELECT country, sum(amount) FROM {CLEAN} JOIN customers USING (customer_id) GROUP BY 1",
)  # fmt: skip
def clean_by_country(t: Tables) -> Answer:
    countries = by_key(t["customers"], "customer_id")
    found = groups(clean(t), lambda row: countries[row["customer_id"]]["country"])
    return [[k, amounts(rows)] for k, rows in found.items()]
