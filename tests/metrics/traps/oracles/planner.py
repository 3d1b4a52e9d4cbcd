"""What the planner may join, drop and put in which order: 49, 50, 51, 52, 53."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date, timedelta
from typing import Any

from tests.metrics.traps.oracle import Answer, Row, Tables, by_key, days, groups, known, mean, oracle, over, total

# 49


@oracle("49_dimension_key_is_false", "q2", "SELECT sum(amount), count(*) FROM sales")
def false_key_total(t: Tables) -> Answer:
    return [[total(t["sales"], "amount"), len(t["sales"])]]


@oracle(
    "49_dimension_key_is_false", "q4",
    "SELECT city, sum(amount) FROM sales JOIN stores USING (store_id) GROUP BY 1",
)  # fmt: skip
def by_city(t: Tables) -> Answer:
    stores = by_key(t["stores"], "store_id")
    found = groups(t["sales"], lambda row: stores[row["store_id"]]["city"])
    return [[city, total(rows, "amount")] for city, rows in found.items()]


# 50


def tier(t: Tables, row: Row) -> str:
    customer = by_key(t["customers"], "customer_id").get(row["customer_id"])
    return str(known(customer["tier"] if customer else None))


def without(t: Tables, *statuses: str) -> list[Row]:
    return [row for row in t["orders"] if row["status"] not in statuses]


KEPT = "status IS DISTINCT FROM 'cancelled' AND status IS DISTINCT FROM 'test'"
TIER = "coalesce((SELECT tier FROM customers c WHERE c.customer_id = orders.customer_id), '(unknown)')"


@oracle(
    "50_exclusions", "q1",
    f"""SELECT (SELECT sum(amount) FROM orders WHERE {KEPT}),
    (SELECT sum(amount) FROM orders WHERE {TIER} <> 'test')""",
)  # fmt: skip
def excluded(t: Tables) -> Answer:
    untested = [row for row in t["orders"] if tier(t, row) != "test"]
    return [[total(without(t, "cancelled", "test"), "amount"), total(untested, "amount")]]


@oracle(
    "50_exclusions", "q2",
    """SELECT avg(amount), count(*) FILTER (status = 'paid') / count(*) FROM orders
    WHERE status IS DISTINCT FROM 'cancelled'""",
)  # fmt: skip
def excluded_ratios(t: Tables) -> Answer:
    rows = without(t, "cancelled")
    return [[mean(row["amount"] for row in rows), over(sum(row["status"] == "paid" for row in rows), len(rows))]]


@oracle("50_exclusions", "q3", "SELECT sum(amount) FROM orders WHERE status IS DISTINCT FROM 'cancelled'")
def excluded_null(t: Tables) -> Answer:
    return [[total(without(t, "cancelled"), "amount")]]


@oracle("50_exclusions", "q4", f"SELECT {TIER}, sum(amount) FROM orders WHERE {KEPT} GROUP BY 1")
def by_tier(t: Tables) -> Answer:
    found = groups(without(t, "cancelled", "test"), lambda row: tier(t, row))
    return [[k, total(rows, "amount")] for k, rows in found.items()]


@oracle("50_exclusions", "q5", "SELECT sum(amount) FROM orders WHERE status IS NULL")
@oracle("50_exclusions", "q6", f"SELECT sum(amount) FROM orders WHERE {KEPT} AND status IS DISTINCT FROM 'paid'")
def not_known(t: Tables) -> Answer:
    return [[total(without(t, "paid", "cancelled", "test"), "amount")]]


# 51

FIRST, LAST = date(2025, 1, 30), date(2025, 2, 4)
SPINE = "(SELECT CAST(unnest(generate_series(DATE '2025-01-30', DATE '2025-02-04', INTERVAL 1 DAY)) AS DATE) AS d)"


def window(rows: Iterable[Row], day: date, length: int = 3) -> list[Row]:
    return [row for row in rows if day - timedelta(days=length) < row["day"] <= day]


def buyers(rows: Iterable[Row]) -> int:
    return len({row["customer"] for row in rows} - {None})


def revenue_3(rows: Iterable[Row], day: date) -> Any:
    return total(window(rows, day), "amount")


@oracle(
    "51_order_of_operations", "q1",
    f"""WITH s AS (SELECT *, CASE WHEN store = (SELECT store FROM sales WHERE day >= '2025-02-03' GROUP BY 1
    ORDER BY sum(amount) DESC LIMIT 1) THEN store ELSE '(other)' END AS k FROM sales)
    SELECT d, g.k, coalesce((SELECT sum(amount) FROM s WHERE s.k = g.k AND day = d), 0),
    (SELECT count(DISTINCT customer) FROM s WHERE s.k = g.k AND day BETWEEN d - 2 AND d)
    FROM {SPINE}, (SELECT DISTINCT k FROM s) g WHERE d >= '2025-02-03'""",
)  # fmt: skip
def top_of_windows(t: Tables) -> Answer:
    ranked = groups([row for row in t["sales"] if row["day"] >= date(2025, 2, 3)], lambda row: row["store"])
    best = max(ranked, key=lambda store: total(ranked[store], "amount"))
    found = groups(t["sales"], lambda row: row["store"] if row["store"] == best else "(other)")
    return [
        [day, k, total([row for row in rows if row["day"] == day], "amount"), buyers(window(rows, day))]
        for day in days(date(2025, 2, 3), LAST)
        for k, rows in found.items()
    ]


@oracle(
    "51_order_of_operations", "q2",
    f"""SELECT d, sum(amount) / count(DISTINCT customer), sum(amount) / count(DISTINCT customer)
    FROM {SPINE} LEFT JOIN sales ON day BETWEEN d - 2 AND d GROUP BY 1""",
)  # fmt: skip
def per_buyer(t: Tables) -> Answer:
    found = {day: over(revenue_3(t["sales"], day), buyers(window(t["sales"], day))) for day in days(FIRST, LAST)}
    return [[day, value, value] for day, value in found.items()]


BY_STORE = "SELECT coalesce(store, '(unknown)') AS k, sum(amount) AS a FROM sales GROUP BY 1"


@oracle("51_order_of_operations", "q3", BY_STORE)
def so_far(t: Tables) -> Answer:
    return [[k, total(rows, "amount")] for k, rows in groups(t["sales"], lambda row: known(row["store"])).items()]


@oracle(
    "51_order_of_operations", "q4",
    f"SELECT * FROM (SELECT k, a, a / sum(a) OVER () FROM ({BY_STORE})) WHERE a > 4 ORDER BY a DESC LIMIT 2",
)  # fmt: skip
def largest_shares(t: Tables) -> Answer:
    whole = total(t["sales"], "amount")
    found = sorted(([k, a, over(a, whole)] for k, a in so_far(t) if a > 4), key=lambda row: -row[1])
    return found[:2]


@oracle(
    "51_order_of_operations", "q5",
    f"""SELECT d, (SELECT sum(amount) FROM sales WHERE store = 'a' AND day BETWEEN d - 2 AND d) FROM {SPINE}
    WHERE d BETWEEN '2025-02-02' AND '2025-02-03'""",
)  # fmt: skip
def of_store_a(t: Tables) -> Answer:
    rows = [row for row in t["sales"] if row["store"] == "a"]
    return [[day, revenue_3(rows, day)] for day in days(date(2025, 2, 2), date(2025, 2, 3))]


@oracle(
    "51_order_of_operations", "q6",
    f"SELECT d, sum(amount) FROM {SPINE} JOIN sales ON day BETWEEN d - 2 AND d GROUP BY 1 HAVING sum(amount) > 100",
)  # fmt: skip
def busy_days(t: Tables) -> Answer:
    return [[day, revenue_3(t["sales"], day)] for day in days(FIRST, LAST) if revenue_3(t["sales"], day) > 100]


@oracle(
    "51_order_of_operations", "q7",
    """SELECT CAST(date_trunc('month', e) AS DATE), (SELECT sum(amount) FROM sales WHERE day BETWEEN e - 2 AND e),
    (SELECT sum(amount) FROM sales WHERE day <= e)
    FROM (VALUES (DATE '2025-01-31'), (DATE '2025-02-03')) AS ends (e)""",
)  # fmt: skip
def ends_of_months(t: Tables) -> Answer:
    return [
        [end.replace(day=1), revenue_3(t["sales"], end), total(window(t["sales"], end, 999), "amount")]
        for end in (date(2025, 1, 31), date(2025, 2, 3))
    ]


# 52


def by(t: Tables, key: Callable[[Row], Any]) -> Answer:
    return [[k, total(rows, "amount")] for k, rows in groups(t["orders"], key).items()]


@oracle("52_same_name_twice", "q1", "SELECT coalesce(country, '(unknown)'), sum(amount) FROM orders GROUP BY 1")
def own_country(t: Tables) -> Answer:
    return by(t, lambda row: known(row["country"]))


@oracle(
    "52_same_name_twice", "q2",
    "SELECT c.country, sum(o.amount) FROM orders o JOIN customers c ON o.customer_id = c.customer_id GROUP BY 1",
)  # fmt: skip
def their_country(t: Tables) -> Answer:
    return by(t, lambda row: by_key(t["customers"], "customer_id")[row["customer_id"]]["country"])


# 53


def of_categories(t: Tables) -> dict[str, list[Row]]:
    """Category -> its lines."""
    return groups(t["lines"], lambda row: row["category"])


def fees(t: Tables, lines: Iterable[Row]) -> Any:
    """The fees of the orders that the lines belong to, each once."""
    there = {line["order_id"] for line in lines}
    return total([row for row in t["orders"] if row["order_id"] in there], "fee")


EACH = "(SELECT DISTINCT category, order_id FROM lines) JOIN orders USING (order_id)"
REVENUE = "(SELECT category, sum(amount) AS revenue FROM lines GROUP BY 1)"
FEES = f"(SELECT category, sum(fee) AS fees FROM {EACH} GROUP BY 1)"


@oracle(
    "53_overlap_in_every_form", "q1",
    """WITH k AS (
    SELECT *, CASE WHEN category = best THEN category ELSE '(other)' END AS k
    FROM lines, (SELECT category AS best FROM lines GROUP BY 1 ORDER BY sum(amount) DESC LIMIT 1))
    SELECT k, (SELECT sum(amount) FROM k x WHERE x.k = y.k), sum(fee)
    FROM (SELECT DISTINCT k, order_id FROM k) y JOIN orders USING (order_id) GROUP BY 1""",
)  # fmt: skip
def top_category(t: Tables) -> Answer:
    best = max(of_categories(t).items(), key=lambda item: total(item[1], "amount"))[0]
    found = groups(t["lines"], lambda row: row["category"] if row["category"] == best else "(other)")
    return [[k, total(rows, "amount"), fees(t, rows)] for k, rows in found.items()]


@oracle("53_overlap_in_every_form", "q2", f"SELECT category, fees / (SELECT sum(fee) FROM orders) FROM {FEES}")
def share_of_fees(t: Tables) -> Answer:
    return [[k, over(fees(t, rows), total(t["orders"], "fee"))] for k, rows in of_categories(t).items()]


@oracle(
    "53_overlap_in_every_form", "q3",
    f"SELECT category, revenue - fees, fees / revenue FROM {REVENUE} JOIN {FEES} USING (category)",
)  # fmt: skip
def net(t: Tables) -> Answer:
    found = {k: (total(rows, "amount"), fees(t, rows)) for k, rows in of_categories(t).items()}
    return [[k, revenue - paid, over(paid, revenue)] for k, (revenue, paid) in found.items()]


@oracle("53_overlap_in_every_form", "q4", f"SELECT day, category, sum(fee) FROM {EACH} GROUP BY 1, 2")
def fees_by_day(t: Tables) -> Answer:
    orders = by_key(t["orders"], "order_id")
    found = groups(t["lines"], lambda row: (orders[row["order_id"]]["day"], row["category"]))
    return [[*k, fees(t, rows)] for k, rows in found.items()]


@oracle("53_overlap_in_every_form", "q5", f"SELECT category, count(DISTINCT customer_id) FROM {EACH} GROUP BY 1")
def customers_of(t: Tables) -> Answer:
    orders = by_key(t["orders"], "order_id")
    found = {k: {orders[row["order_id"]]["customer_id"] for row in rows} for k, rows in of_categories(t).items()}
    return [[k, len(there)] for k, there in found.items()]


@oracle("53_overlap_in_every_form", "q6", f"SELECT * FROM {FEES} WHERE fees > 9")
def large_fees(t: Tables) -> Answer:
    return [[k, fees(t, rows)] for k, rows in of_categories(t).items() if fees(t, rows) > 9]


@oracle(
    "53_overlap_in_every_form", "q7",
    f"SELECT category, sum(fee) FROM {EACH} WHERE day <= '2025-01-02' GROUP BY 1",
)  # fmt: skip
def fees_so_far(t: Tables) -> Answer:
    early = {row["order_id"] for row in t["orders"] if row["day"] <= date(2025, 1, 2)}
    lines = groups([row for row in t["lines"] if row["order_id"] in early], lambda row: row["category"])
    return [[k, fees(t, rows)] for k, rows in lines.items()]


@oracle(
    "53_overlap_in_every_form", "q8",
    "SELECT f, r - f FROM (SELECT sum(fee) AS f FROM orders), (SELECT sum(amount) AS r FROM lines)",
)  # fmt: skip
def in_all(t: Tables) -> Answer:
    paid = total(t["orders"], "fee")
    return [[paid, total(t["lines"], "amount") - paid]]
