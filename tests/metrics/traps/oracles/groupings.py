"""Quantiles, shares, levels of detail, history, targets, top-n, duplicates: 05, 06, 11, 15, 16, 25, 26, 37, 39."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Hashable, Iterable
from datetime import date, datetime
from typing import Any

from tests.metrics.traps.oracle import (
    Answer,
    Row,
    Tables,
    between,
    by_key,
    groups,
    known,
    mean,
    month,
    oracle,
    over,
    total,
)


def amounts(rows: Iterable[Row]) -> Any:
    return total(rows, "amount")


# 05


def typical(rows: list[Row]) -> list[Any]:
    values = [row["ms"] for row in rows if row["ms"] is not None]
    return [statistics.median(values) if values else None, between(values, 0.9)]


TYPICAL = "quantile_cont(ms, 0.5), quantile_cont(ms, 0.9) FROM requests"


@oracle("05_quantiles", "q1", f"SELECT coalesce(service, '(unknown)'), {TYPICAL} GROUP BY 1")
def by_service(t: Tables) -> Answer:
    return [[k, *typical(rows)] for k, rows in groups(t["requests"], lambda row: known(row["service"])).items()]


@oracle("05_quantiles", "q2", f"SELECT {TYPICAL}")
def of_everything(t: Tables) -> Answer:
    return [typical(t["requests"])]


@oracle("05_quantiles", "q3", "SELECT day, median(ms) FROM requests GROUP BY 1")
def by_day(t: Tables) -> Answer:
    return [[day, typical(rows)[0]] for day, rows in groups(t["requests"], lambda row: row["day"]).items()]


# 06


def users(rows: Iterable[Row]) -> int:
    return len({row["user_id"] for row in rows} - {None})


def users_by(t: Tables, *keys: Callable[[Row], Hashable]) -> Answer:
    found = groups(t["visits"], lambda row: tuple(key(row) for key in keys))
    return [[*k, users(rows)] for k, rows in found.items()]


ONE_EACH = "(SELECT DISTINCT {} AS k, user_id FROM visits WHERE user_id IS NOT NULL)"


@oracle(
    "06_distinct", "q1",
    f"SELECT n, v, v / n FROM (SELECT count(*) AS n FROM {ONE_EACH.format('1')}), (SELECT count(*) AS v FROM visits)",
)  # fmt: skip
def all_users(t: Tables) -> Answer:
    return [[users(t["visits"]), len(t["visits"]), over(len(t["visits"]), users(t["visits"]))]]


@oracle(
    "06_distinct", "q2",
    """SELECT CAST(date_trunc('month', day) AS DATE), coalesce(country, '(unknown)'), count(DISTINCT user_id)
    FROM visits GROUP BY 1, 2""",
)  # fmt: skip
def users_by_month_and_country(t: Tables) -> Answer:
    return users_by(t, lambda row: month(row["day"]), lambda row: known(row["country"]))


@oracle(
    "06_distinct", "q3", f"SELECT k, count(*) FROM {ONE_EACH.format('coalesce(country, $$(unknown)$$)')} GROUP BY 1"
)
def users_by_country(t: Tables) -> Answer:
    return users_by(t, lambda row: known(row["country"]))


@oracle(
    "06_distinct",
    "q4",
    f"SELECT CAST(k AS DATE), count(*) FROM {ONE_EACH.format('date_trunc($$quarter$$, day)')} GROUP BY 1",
)
def users_by_quarter(t: Tables) -> Answer:
    return users_by(t, lambda row: date(row["day"].year, (row["day"].month - 1) // 3 * 3 + 1, 1))


@oracle("06_distinct", "q5", "SELECT count(DISTINCT user_id) FROM visits WHERE country IN ('DE', 'FR')")
def users_of_two(t: Tables) -> Answer:
    return [[users(row for row in t["visits"] if row["country"] in {"DE", "FR"})]]


# 11


def of_two(row: Row) -> bool:
    return row["country"] in {"DE", "FR"}


def by_country(rows: Iterable[Row]) -> dict[str, list[Row]]:
    return groups(rows, lambda row: known(row["country"]))


@oracle(
    "11_share_of_total", "q1",
    """SELECT country, sum(amount), sum(amount) / (SELECT sum(amount) FROM sales) FROM sales
    WHERE country IN ('DE', 'FR') GROUP BY 1""",
)  # fmt: skip
def share_of_all(t: Tables) -> Answer:
    whole = amounts(t["sales"])
    shown = by_country(filter(of_two, t["sales"]))
    return [[k, amounts(rows), over(amounts(rows), whole)] for k, rows in shown.items()]


@oracle(
    "11_share_of_total", "q2",
    """SELECT country, sum(amount) / sum(sum(amount)) OVER () FROM sales WHERE country IN ('DE', 'FR')
    GROUP BY 1""",
)  # fmt: skip
def share_of_shown(t: Tables) -> Answer:
    shown = list(filter(of_two, t["sales"]))
    return [[k, over(amounts(rows), amounts(shown))] for k, rows in by_country(shown).items()]


@oracle(
    "11_share_of_total", "q3",
    """SELECT coalesce(s.country, '(unknown)'), 'a', sum(s.amount) / any_value(w.whole) FROM sales s
    JOIN (SELECT country, sum(amount) AS whole FROM sales GROUP BY 1) w ON s.country IS NOT DISTINCT FROM w.country
    WHERE s.product = 'a' GROUP BY 1""",
)  # fmt: skip
def share_in_country(t: Tables) -> Answer:
    whole = {k: amounts(rows) for k, rows in by_country(t["sales"]).items()}
    shown = by_country(row for row in t["sales"] if row["product"] == "a")
    return [[k, "a", over(amounts(rows), whole[k])] for k, rows in shown.items()]


@oracle(
    "11_share_of_total", "q4",
    """SELECT product, sum(amount) / sum(sum(amount)) OVER () FROM sales WHERE country IN ('DE', 'FR')
    GROUP BY 1""",
)  # fmt: skip
def share_in_context(t: Tables) -> Answer:
    shown = list(filter(of_two, t["sales"]))
    return [[k, over(amounts(rows), amounts(shown))] for k, rows in groups(shown, lambda row: row["product"]).items()]


@oracle(
    "11_share_of_total", "q5",
    """SELECT m, coalesce(country, '(unknown)'), a / sum(a) OVER (PARTITION BY m) FROM (
    SELECT CAST(date_trunc('month', day) AS DATE) AS m, country, sum(amount) AS a FROM sales
    WHERE day < '2025-03-01' GROUP BY 1, 2)""",
)  # fmt: skip
def share_by_month(t: Tables) -> Answer:
    shown = [row for row in t["sales"] if row["day"] < date(2025, 3, 1)]
    return [
        [m, k, over(amounts(found), amounts(rows))]
        for m, rows in groups(shown, lambda row: month(row["day"])).items()
        for k, found in by_country(rows).items()
    ]


@oracle(
    "11_share_of_total", "q6",
    """SELECT country, sum(amount), sum(amount) / nullif((SELECT sum(amount) FROM sales WHERE month(day) = 3), 0)
    FROM sales WHERE month(day) = 3 GROUP BY 1""",
)  # fmt: skip
def share_of_nothing(t: Tables) -> Answer:
    march = [row for row in t["sales"] if row["day"].month == 3]
    return [[k, amounts(rows), over(amounts(rows), amounts(march))] for k, rows in by_country(march).items()]


SHARES = """SELECT coalesce(country, '(unknown)') AS k, sum(amount) AS a, sum(amount) / sum(sum(amount)) OVER () AS s
    FROM sales GROUP BY country"""


def shares(t: Tables) -> Answer:
    return [[k, amounts(rows), over(amounts(rows), amounts(t["sales"]))] for k, rows in by_country(t["sales"]).items()]


@oracle("11_share_of_total", "q8", f"{SHARES} ORDER BY a DESC LIMIT 1")
def largest_share(t: Tables) -> Answer:
    return [max(shares(t), key=lambda row: row[1])]


@oracle("11_share_of_total", "q9", f"SELECT * FROM ({SHARES}) WHERE a > 70")
def shares_of_large(t: Tables) -> Answer:
    return [row for row in shares(t) if row[1] > 70]


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


# 26


def largest(t: Tables, many: int) -> set[str]:
    ranked = sorted(by_country(t["orders"]).items(), key=lambda item: -amounts(item[1]))
    return {country for country, _ in ranked[:many]}


def top_groups(t: Tables, many: int) -> dict[str, list[Row]]:
    top = largest(t, many)
    return groups(t["orders"], lambda row: known(row["country"]) if known(row["country"]) in top else "(other)")


def customers(rows: Iterable[Row]) -> int:
    return len({row["customer_id"] for row in rows} - {None})


TOP = """(SELECT *, CASE WHEN coalesce(country, '(unknown)') IN (SELECT coalesce(country, '(unknown)') FROM orders
    GROUP BY 1 ORDER BY sum(amount) DESC LIMIT 2) THEN country ELSE '(other)' END AS k FROM orders)"""


@oracle(
    "26_top_and_other", "q1",
    f"""SELECT k, sum(amount), count(DISTINCT customer_id), avg(amount), sum(amount) / count(DISTINCT customer_id)
    FROM {TOP} GROUP BY 1""",
)  # fmt: skip
def top_two(t: Tables) -> Answer:
    return [
        [k, amounts(rows), customers(rows), mean(row["amount"] for row in rows), over(amounts(rows), customers(rows))]
        for k, rows in top_groups(t, 2).items()
    ]


@oracle(
    "26_top_and_other", "q2",
    f"SELECT CAST(date_trunc('month', day) AS DATE), k, sum(amount) FROM {TOP} GROUP BY 1, 2",
)  # fmt: skip
def top_two_by_month(t: Tables) -> Answer:
    return [
        [m, k, amounts(found)]
        for k, rows in top_groups(t, 2).items()
        for m, found in groups(rows, lambda row: month(row["day"])).items()
    ]


@oracle(
    "26_top_and_other", "q3", f"SELECT k, sum(amount), sum(amount) / sum(sum(amount)) OVER () FROM {TOP} GROUP BY 1"
)
def top_shares(t: Tables) -> Answer:
    whole = amounts(t["orders"])
    return [[k, amounts(rows), over(amounts(rows), whole)] for k, rows in top_groups(t, 2).items()]


@oracle(
    "26_top_and_other", "q4",
    "SELECT coalesce(country, '(unknown)'), count(DISTINCT customer_id) FROM orders GROUP BY 1",
)  # fmt: skip
def no_other(t: Tables) -> Answer:
    return [[k, customers(rows)] for k, rows in by_country(t["orders"]).items()]


@oracle(
    "26_top_and_other", "q5",
    """SELECT CAST(date_trunc('month', day) AS DATE), coalesce(country, '(unknown)'), sum(amount) FROM orders
    GROUP BY 1, 2 HAVING sum(amount) > 22""",
)  # fmt: skip
def large_cells(t: Tables) -> Answer:
    found = groups(t["orders"], lambda row: (month(row["day"]), known(row["country"])))
    return [[*k, amounts(rows)] for k, rows in found.items() if amounts(rows) > 22]


@oracle(
    "26_top_and_other", "q6",
    """SELECT * FROM (SELECT coalesce(country, '(unknown)'), sum(amount), sum(amount) / count(DISTINCT customer_id) AS r
    FROM orders GROUP BY 1) WHERE r <= 30""",
)  # fmt: skip
def small_payers(t: Tables) -> Answer:
    found = [[k, amounts(rows), over(amounts(rows), customers(rows))] for k, rows in by_country(t["orders"]).items()]
    return [row for row in found if row[2] <= 30]


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


# 39


def reached(t: Tables, key: str, keeps: Callable[[Row], bool] = lambda row: True) -> Answer:
    found = groups(filter(keeps, t["reach"]), lambda row: row[key])
    return [[k, total(rows, "users")] for k, rows in found.items()]


@oracle("39_not_additive_over", "q1", "SELECT channel, sum(users) FROM reach GROUP BY 1")
def by_channel(t: Tables) -> Answer:
    return reached(t, "channel")


@oracle("39_not_additive_over", "q2", "SELECT campaign, sum(users) FROM reach WHERE channel = 'web' GROUP BY 1")
def web_by_campaign(t: Tables) -> Answer:
    return reached(t, "campaign", lambda row: row["channel"] == "web")


@oracle("39_not_additive_over", "q8", "SELECT day, sum(units) FROM stock WHERE day <= '2025-01-02' GROUP BY 1")
def units_by_day(t: Tables) -> Answer:
    found = groups([row for row in t["stock"] if row["day"] <= date(2025, 1, 2)], lambda row: row["day"])
    return [[day, total(rows, "units")] for day, rows in found.items()]


@oracle("39_not_additive_over", "q9", "SELECT sku, sum(units) FROM stock WHERE day = '2025-01-02' GROUP BY 1")
def units_of_a_day(t: Tables) -> Answer:
    found = groups([row for row in t["stock"] if row["day"] == date(2025, 1, 2)], lambda row: row["sku"])
    return [[sku, total(rows, "units")] for sku, rows in found.items()]


@oracle("39_not_additive_over", "q18", "SELECT sum(users) FROM reach WHERE channel = 'app'")
def of_the_app(t: Tables) -> Answer:
    return [[total([row for row in t["reach"] if row["channel"] == "app"], "users")]]
