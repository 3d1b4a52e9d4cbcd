"""Currencies, arithmetic, numbers, limits, keys: 19, 29, 32, 34, 40, 46, 47, 48."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

from tests.metrics.traps.oracle import Answer, Row, Tables, by_key, groups, known, mean, oracle, over, total

# 19


def rate(rates: list[Row], currency: str | None, day: date) -> Decimal | None:
    """Units of the currency for one EUR, as last known on the day."""
    if currency == "EUR":
        return Decimal(1)
    there = [row for row in rates if row["currency"] == currency and row["day"] <= day and row["rate"]]
    return max(there, key=lambda row: row["day"])["rate"] if there else None


def converted(t: Tables, row: Row, to: str = "EUR", at: date | None = None, rates: str = "fx") -> Decimal | None:
    day = at or row["sold_on"]
    source, target = rate(t[rates], row["currency"], day), rate(t[rates], to, day)
    if row["amount"] is None or source is None or target is None:
        return None
    return Decimal(row["amount"] / source * target)


def there(values: list[Decimal | None]) -> Decimal:
    return sum((value for value in values if value is not None), Decimal(0))


LAST = """CASE WHEN {currency} = 'EUR' THEN 1 ELSE (SELECT max_by(rate, day) FROM {rates} fx
    WHERE fx.currency = {currency} AND fx.day <= {at} AND fx.rate <> 0) END"""


def in_euros(at: str = "s.sold_on", rates: str = "fx") -> str:
    return f"s.amount / {LAST.format(currency='s.currency', at=at, rates=rates)}"


@oracle("19_exchange_rates", "q1", f"SELECT sum({in_euros()}), count(*) FROM sales s")
def revenue_eur(t: Tables) -> Answer:
    return [[there([converted(t, row) for row in t["sales"]]), len(t["sales"])]]


@oracle(
    "19_exchange_rates", "q2",
    f"SELECT coalesce(currency, '(unknown)'), coalesce(sum({in_euros()}), 0) FROM sales s GROUP BY 1",
)  # fmt: skip
def revenue_by_currency(t: Tables) -> Answer:
    found = groups(t["sales"], lambda row: known(row["currency"]))
    return [[k, there([converted(t, row) for row in rows])] for k, rows in found.items()]


@oracle("19_exchange_rates", "q3", f"SELECT sum({in_euros()}) FROM sales s WHERE sold_on = '2025-01-04'")
def saturday(t: Tables) -> Answer:
    return [[there([converted(t, row) for row in t["sales"] if row["sold_on"] == date(2025, 1, 4)])]]


OF_DOLLARS = LAST.format(currency="'USD'", at="s.sold_on", rates="fx")


@oracle(
    "19_exchange_rates", "q4",
    f"SELECT sum({in_euros()} * {OF_DOLLARS}) FROM sales s",
)  # fmt: skip
def revenue_usd(t: Tables) -> Answer:
    return [[there([converted(t, row, "USD") for row in t["sales"]])]]


JANUARY_END, JANUARY_START = date(2025, 1, 31), date(2025, 1, 3)


@oracle("19_exchange_rates", "q5", "SELECT sum(" + in_euros(at="DATE '2025-01-31'") + ") FROM sales s")
def constant_at_the_end(t: Tables) -> Answer:
    return [[there([converted(t, row, at=JANUARY_END) for row in t["sales"]])]]


@oracle("19_exchange_rates", "q6", "SELECT sum(" + in_euros(at="DATE '2025-01-03'") + ") FROM sales s")
def constant_at_the_start(t: Tables) -> Answer:
    return [[there([converted(t, row, at=JANUARY_START) for row in t["sales"]])]]


@oracle("19_exchange_rates", "q7", f"SELECT avg({in_euros()}) FROM sales s")
def mean_eur(t: Tables) -> Answer:
    return [[mean(converted(t, row) for row in t["sales"])]]


@oracle("19_exchange_rates", "q9", f"SELECT sum({in_euros(rates='fx_zero')}) FROM sales s")
def zero_rates(t: Tables) -> Answer:
    return [[there([converted(t, row, rates="fx_zero") for row in t["sales"]])]]


# 32


@oracle("32_mixed_currencies", "q5", "SELECT coalesce(currency, '(unknown)'), sum(amount) FROM sales GROUP BY 1")
def by_currency(t: Tables) -> Answer:
    return [[k, total(rows, "amount")] for k, rows in groups(t["sales"], lambda row: known(row["currency"])).items()]


@oracle(
    "32_mixed_currencies", "q6",
    "SELECT country, sum(amount), avg(amount) FROM sales WHERE currency = 'USD' GROUP BY 1",
)  # fmt: skip
def dollars(t: Tables) -> Answer:
    found = groups([row for row in t["sales"] if row["currency"] == "USD"], lambda row: row["country"])
    return [[k, total(rows, "amount"), mean(row["amount"] for row in rows)] for k, rows in found.items()]


@oracle("32_mixed_currencies", "q7", "SELECT count(*) FROM sales")
def how_many(t: Tables) -> Answer:
    return [[len(t["sales"])]]


@oracle("32_mixed_currencies", "q10", "SELECT sum(amount) FROM sales WHERE sold_on = '2025-01-03'")
def euros(t: Tables) -> Answer:
    return [[total([row for row in t["sales"] if row["sold_on"] == date(2025, 1, 3)], "amount")]]


# 29


def sides(t: Tables) -> dict[str, dict[str, Any]]:
    """Sums by country, 0 of nothing."""
    orders, refunds = (groups(t[name], lambda row: row["country"]) for name in ("orders", "refunds"))
    return {
        k: {
            "revenue": total(orders.get(k, []), "amount"),
            "cost": total(orders.get(k, []), "cost"),
            "refunds": total(refunds.get(k, []), "amount"),
        }
        for k in {*orders, *refunds}
    }


ALL = """(SELECT country, sum(r) AS revenue, sum(c) AS cost, sum(f) AS refunds, sum(n) AS orders FROM (
    SELECT country, amount AS r, cost AS c, 0 AS f, 1 AS n FROM orders
    UNION ALL SELECT country, 0, 0, amount, 0 FROM refunds) GROUP BY 1)"""
OF_ORDERS = f"(SELECT * FROM {ALL} WHERE orders > 0)"


def of_orders(t: Tables) -> dict[str, dict[str, Any]]:
    there = {row["country"] for row in t["orders"]}
    return {k: side for k, side in sides(t).items() if k in there}


def whole(t: Tables) -> dict[str, Any]:
    return {name: sum(side[name] for side in sides(t).values()) for name in ("revenue", "cost", "refunds")}


@oracle("29_averages_and_arithmetic", "q1", f"SELECT country, revenue - refunds FROM {ALL}")
def net(t: Tables) -> Answer:
    return [[k, side["revenue"] - side["refunds"]] for k, side in sides(t).items()]


def margin(side: dict[str, Any]) -> Any:
    return over(side["revenue"] - side["cost"], side["revenue"])


@oracle("29_averages_and_arithmetic", "q2", f"SELECT country, (revenue - cost) / nullif(revenue, 0) FROM {OF_ORDERS}")
def margins(t: Tables) -> Answer:
    return [[k, margin(side)] for k, side in of_orders(t).items()]


@oracle(
    "29_averages_and_arithmetic", "q3",
    f"SELECT (sum(revenue) - sum(cost)) / sum(revenue), sum(revenue) - sum(cost) - sum(refunds) FROM {ALL}",
)  # fmt: skip
def whole_margin(t: Tables) -> Answer:
    side = whole(t)
    return [[margin(side), side["revenue"] - side["cost"] - side["refunds"]]]


@oracle("29_averages_and_arithmetic", "q4", f"SELECT country, revenue / nullif(cost, 0) * 2 + 1 FROM {OF_ORDERS}")
def scaled(t: Tables) -> Answer:
    ratios = {k: over(side["revenue"], side["cost"]) for k, side in of_orders(t).items()}
    return [[k, None if ratio is None else ratio * 2 + 1] for k, ratio in ratios.items()]


@oracle(
    "29_averages_and_arithmetic", "q5",
    f"SELECT (sum(revenue) - sum(cost)) / sum(revenue) - sum(refunds) / sum(revenue) FROM {ALL}",
)  # fmt: skip
def net_margin(t: Tables) -> Answer:
    side = whole(t)
    return [[margin(side) - over(side["refunds"], side["revenue"])]]


@oracle("29_averages_and_arithmetic", "q6", "SELECT sum(amount) / count(*), avg(amount) FROM orders")
def aov(t: Tables) -> Answer:
    values = [row["amount"] for row in t["orders"]]
    return [[over(sum(values), len(values)), statistics.mean(values)]]


@oracle("29_averages_and_arithmetic", "q13", f"SELECT country, revenue, refunds FROM {ALL}")
def the_rest(t: Tables) -> Answer:
    return [[k, side["revenue"], side["refunds"]] for k, side in sides(t).items()]


# 34


def by_kind(t: Tables, of: Callable[[list[Row]], Any]) -> Answer:
    return [[k, of(rows)] for k, rows in groups(t["amounts"], lambda row: row["kind"]).items()]


@oracle("34_numbers", "q1", "SELECT kind, coalesce(sum(CAST(big AS HUGEINT)), 0) FROM amounts GROUP BY 1")
def big(t: Tables) -> Answer:
    return by_kind(t, lambda rows: sum(row["big"] for row in rows if row["big"] is not None))


@oracle("34_numbers", "q2", "SELECT kind, coalesce(sum(CAST(price AS DECIMAL(38, 2))), 0) FROM amounts GROUP BY 1")
def price(t: Tables) -> Answer:
    return by_kind(t, lambda rows: sum((row["price"] for row in rows if row["price"] is not None), Decimal("0.00")))


@oracle("34_numbers", "q3", "SELECT sum(CAST(quantity AS HUGEINT) * unit) FROM amounts")
def worth(t: Tables) -> Answer:
    return [[sum(row["quantity"] * row["unit"] for row in t["amounts"] if row["quantity"] is not None)]]


@oracle(
    "34_numbers",
    "q4",
    "SELECT kind, CASE WHEN sum(weight) <> 0 THEN count(*) / sum(weight) END FROM amounts GROUP BY 1",
)
def per_weight(t: Tables) -> Answer:
    return by_kind(t, lambda rows: over(len(rows), Decimal(sum(row["weight"] or 0 for row in rows))))


@oracle("34_numbers", "q7", "SELECT 0, 0, NULL, count(*), NULL FROM amounts WHERE kind = 'none'")
def of_nothing(t: Tables) -> Answer:
    rows = [row for row in t["amounts"] if row["kind"] == "none"]
    return [
        [
            total(rows, "big"), total(rows, "price"), mean(row["price"] for row in rows), len(rows),
            over(total(rows, "quantity"), len(rows)),
        ]
    ]  # fmt: skip


@oracle("34_numbers", "q8", "SELECT kind, sum(coalesce(quantity, 0)) / count(*) FROM amounts GROUP BY 1")
def quantity_per_row(t: Tables) -> Answer:
    return by_kind(t, lambda rows: over(total(rows, "quantity"), len(rows)))


# 40


@oracle("40_limits", "q1", "SELECT day, orders / nullif(sessions, 0) FROM daily")
def rates(t: Tables) -> Answer:
    return [[row["day"], over(row["orders"], row["sessions"])] for row in t["daily"]]


@oracle("40_limits", "q2", "SELECT day, orders / nullif(sessions, 0) FROM daily WHERE day >= '2025-01-03'")
def rates_within(t: Tables) -> Answer:
    return [row for row in rates(t) if row[0] >= date(2025, 1, 3)]


# 46


@oracle(
    "46_definitions_that_cannot_be", "q13",
    "SELECT day, CASE WHEN count(*) OVER (ORDER BY day RANGE INTERVAL 399 DAY PRECEDING) >= 400 THEN 0 END FROM orders",
)  # fmt: skip
def too_long(t: Tables) -> Answer:
    first = min(row["day"] for row in t["orders"])
    return [[row["day"], 0 if (row["day"] - first).days >= 399 else None] for row in t["orders"]]


@oracle("46_definitions_that_cannot_be", "q14", "SELECT sum(amount) FROM orders")
@oracle("47_fact_key_is_false", "q1", "SELECT sum(amount) FROM orders")
def revenue(t: Tables) -> Answer:
    return [[total(t["orders"], "amount")]]


@oracle("47_fact_key_is_false", "q2", "SELECT country, sum(amount) FROM orders GROUP BY 1")
def revenue_by_country(t: Tables) -> Answer:
    return [[k, total(rows, "amount")] for k, rows in groups(t["orders"], lambda row: row["country"]).items()]


# 48


def city(t: Tables, row: Row) -> Row | None:
    cities = {(item["country"], item["city"]): item for item in t["cities"]}
    return cities.get((row["country"], row["city"]))


def manager(t: Tables, row: Row) -> str:
    found = city(t, row)
    there = by_key(t["managers"], "manager_id").get(found["manager_id"]) if found else None
    return str(there["manager"]) if there else "(unknown)"


PLACED = "sales LEFT JOIN cities USING (country, city) LEFT JOIN managers USING (manager_id)"


@oracle("48_composite_reference", "q1", f"SELECT coalesce(size, '(unknown)'), sum(amount) FROM {PLACED} GROUP BY 1")
def by_size(t: Tables) -> Answer:
    found = groups(t["sales"], lambda row: (city(t, row) or {"size": "(unknown)"})["size"])
    return [[k, total(rows, "amount")] for k, rows in found.items()]


@oracle("48_composite_reference", "q2", f"SELECT coalesce(manager, '(unknown)'), sum(amount) FROM {PLACED} GROUP BY 1")
def by_manager(t: Tables) -> Answer:
    return [[k, total(rows, "amount")] for k, rows in groups(t["sales"], lambda row: manager(t, row)).items()]


@oracle("48_composite_reference", "q3", f"SELECT sum(amount) FROM {PLACED} WHERE manager IS DISTINCT FROM 'Ada'")
def not_of_ada(t: Tables) -> Answer:
    return [[total([row for row in t["sales"] if manager(t, row) != "Ada"], "amount")]]
