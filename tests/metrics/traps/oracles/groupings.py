"""Quantiles, distinct counts, shares, tops and what does not add up: 05, 06, 11, 26, 39."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Hashable, Iterable
from datetime import date
from typing import Any

from tests.metrics.traps.oracle import (
    Answer,
    Row,
    Tables,
    between,
    groups,
    known,
    mean,
    month,
    oracle,
    over,
    total,
)  # fmt: skip


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
