"""Paths and references that are ambiguous, false or many: 31, 41, 42, 43."""

from __future__ import annotations

from tests.metrics.traps.oracle import (
    Answer,
    Row,
    Tables,
    between,
    by_key,
    groups,
    known,
    mean,
    oracle,
    total,
)  # fmt: skip


def reached(row: Row | None, column: str) -> str:
    """What the row referred to says, or the group of what is not known."""
    return str(known(row[column] if row else None))


def distinct(rows: list[Row], column: str) -> list[Row]:
    """Each row once."""
    return list(by_key(rows, column).values())


# 31


@oracle("31_ambiguous_path", "q3", "SELECT tier, sum(amount) FROM sales JOIN customers USING (customer_id) GROUP BY 1")
def by_tier(t: Tables) -> Answer:
    customers = by_key(t["customers"], "customer_id")
    found = groups(t["sales"], lambda row: customers[row["customer_id"]]["tier"])
    return [[tier, total(rows, "amount")] for tier, rows in found.items()]


@oracle(
    "31_ambiguous_path", "q4",
    "SELECT coalesce(region, '(unknown)'), count(*) FROM customers LEFT JOIN regions USING (region_id) GROUP BY 1",
)  # fmt: skip
def customers_by_region(t: Tables) -> Answer:
    regions = by_key(t["regions"], "region_id")
    found = groups(t["customers"], lambda row: reached(regions.get(row["region_id"]), "region"))
    return [[region, len(rows)] for region, rows in found.items()]


# 41


@oracle(
    "41_one_to_one_false", "q1",
    """SELECT coalesce((SELECT plan FROM profiles p WHERE p.user_id = users.user_id), '(unknown)'), sum(balance),
    count(*) FROM users GROUP BY 1""",
)  # fmt: skip
def by_plan(t: Tables) -> Answer:
    profiles = by_key(t["profiles"], "user_id")
    found = groups(t["users"], lambda row: reached(profiles.get(row["user_id"]), "plan"))
    return [[plan, total(rows, "balance"), len(rows)] for plan, rows in found.items()]


@oracle("41_one_to_one_false", "q3", "SELECT sum(balance), count(*) FROM users")
def all_users(t: Tables) -> Answer:
    return [[total(t["users"], "balance"), len(t["users"])]]


# 42


@oracle(
    "42_complete_references", "q2",
    "SELECT coalesce(city, '(unknown)'), sum(amount) FROM orders LEFT JOIN stores USING (store_id) GROUP BY 1",
)  # fmt: skip
def by_city(t: Tables) -> Answer:
    stores = by_key(t["stores"], "store_id")
    found = groups(t["orders"], lambda row: reached(stores.get(row["store_id"]), "city"))
    return [[city, total(rows, "amount")] for city, rows in found.items()]


@oracle("42_complete_references", "q3", "SELECT sum(amount) FROM orders")
def whole_revenue(t: Tables) -> Answer:
    return [[total(t["orders"], "amount")]]


# 43


def category(t: Tables, line: Row) -> str:
    return reached(by_key(t["products"], "product_id").get(line["product_id"]), "category")


def orders_of_categories(t: Tables) -> dict[str, list[Row]]:
    """Category -> the orders that contain it, each once."""
    orders = by_key(t["orders"], "order_id")
    found = groups(t["lines"], lambda line: category(t, line))
    return {k: [orders[key] for key in {line["order_id"] for line in lines}] for k, lines in found.items()}


CONTAINS = """(SELECT DISTINCT coalesce(category, '(unknown)') AS category, order_id
    FROM lines LEFT JOIN products USING (product_id))"""
OF_LINES = """SELECT coalesce(category, '(unknown)') AS category, sum(amount) AS revenue
    FROM lines LEFT JOIN products USING (product_id) GROUP BY 1"""


@oracle(
    "43_one_side_by_many_side", "q1",
    f"SELECT category, sum(fee), count(*) FROM {CONTAINS} JOIN orders USING (order_id) GROUP BY 1",
)  # fmt: skip
def fees_by_category(t: Tables) -> Answer:
    return [[k, total(rows, "fee"), len(rows)] for k, rows in orders_of_categories(t).items()]


@oracle(
    "43_one_side_by_many_side", "q2",
    f"SELECT category, avg(fee), quantile_cont(fee, 0.5) FROM {CONTAINS} JOIN orders USING (order_id) GROUP BY 1",
)  # fmt: skip
def typical_fees(t: Tables) -> Answer:
    found = {k: [row["fee"] for row in rows] for k, rows in orders_of_categories(t).items()}
    return [[k, mean(fees), between(fees, 0.5)] for k, fees in found.items()]


@oracle(
    "43_one_side_by_many_side", "q3",
    f"""SELECT category, sum(credit) FROM (SELECT DISTINCT category, customer_id FROM {CONTAINS}
    JOIN orders USING (order_id)) JOIN customers USING (customer_id) GROUP BY 1""",
)  # fmt: skip
def credit_by_category(t: Tables) -> Answer:
    customers = by_key(t["customers"], "customer_id")
    found = {k: {row["customer_id"] for row in rows} for k, rows in orders_of_categories(t).items()}
    return [[k, sum(customers[key]["credit"] for key in keys)] for k, keys in found.items()]


@oracle(
    "43_one_side_by_many_side", "q4",
    f"""SELECT category, fees, revenue FROM (SELECT category, sum(fee) AS fees FROM {CONTAINS}
    JOIN orders USING (order_id) GROUP BY 1) JOIN ({OF_LINES}) USING (category)""",
)  # fmt: skip
def fees_beside_revenue(t: Tables) -> Answer:
    revenue = dict(revenue_by_category(t))
    return [[k, fees, revenue[k]] for k, fees, _ in fees_by_category(t)]


@oracle("43_one_side_by_many_side", "q6", OF_LINES)
def revenue_by_category(t: Tables) -> Answer:
    return [[k, total(rows, "amount")] for k, rows in groups(t["lines"], lambda line: category(t, line)).items()]
