"""Facts and the tables that they refer to: 02, 21, 22, 23, 24."""

from __future__ import annotations

from decimal import Decimal

from tests.metrics.traps.oracle import (
    Answer,
    Row,
    Tables,
    by_key,
    groups,
    known,
    mean,
    month,
    oracle,
    over,
    total,
)  # fmt: skip


def reached(row: Row | None, column: str) -> str:
    """What the row referred to says, or the group of what is not known."""
    return str(known(row[column] if row else None))


def distinct(rows: list[Row], column: str) -> list[Row]:
    """Each row once."""
    return list(by_key(rows, column).values())


# 02


def country_of(t: Tables, row: Row) -> str:
    return reached(by_key(t["customers"], "customer_id").get(row["customer_id"]), "country")


def orders_and_tickets(t: Tables) -> dict[str, tuple[list[Row], list[Row]]]:
    orders = groups(t["orders"], lambda row: country_of(t, row))
    tickets = groups(t["tickets"], lambda row: country_of(t, row))
    return {country: (orders.get(country, []), tickets.get(country, [])) for country in {*orders, *tickets}}


BOTH = """
WITH o AS (
    SELECT coalesce((SELECT country FROM customers c WHERE c.customer_id = orders.customer_id), '(unknown)') AS k,
    sum(amount) AS revenue, count(*) AS orders FROM orders GROUP BY 1),
t AS (SELECT coalesce((SELECT country FROM customers c WHERE c.customer_id = tickets.customer_id), '(unknown)') AS k,
    count(*) AS tickets FROM tickets GROUP BY 1)
SELECT coalesce(o.k, t.k) AS k, coalesce(revenue, 0) AS revenue, coalesce(orders, 0) AS orders,
    coalesce(tickets, 0) AS tickets FROM o FULL JOIN t ON o.k = t.k
"""


@oracle("02_two_facts_nullable_dimension", "q1", BOTH)
def two_facts(t: Tables) -> Answer:
    return [[k, total(o, "amount"), len(o), len(s)] for k, (o, s) in orders_and_tickets(t).items()]


@oracle(
    "02_two_facts_nullable_dimension", "q2",
    f"SELECT sum(revenue), sum(orders), sum(tickets), sum(revenue) / sum(tickets) FROM ({BOTH})",
)  # fmt: skip
def two_totals(t: Tables) -> Answer:
    revenue = total(t["orders"], "amount")
    return [[revenue, len(t["orders"]), len(t["tickets"]), over(revenue, len(t["tickets"]))]]


@oracle(
    "02_two_facts_nullable_dimension", "q3",
    f"SELECT sum(revenue), sum(tickets) FROM ({BOTH}) WHERE k IS DISTINCT FROM 'DE'",
)  # fmt: skip
def not_german(t: Tables) -> Answer:
    orders, tickets = ([row for row in t[name] if country_of(t, row) != "DE"] for name in ("orders", "tickets"))
    return [[total(orders, "amount"), len(tickets)]]


@oracle("02_two_facts_nullable_dimension", "q4", f"SELECT k, revenue / nullif(tickets, 0) FROM ({BOTH})")
def per_ticket(t: Tables) -> Answer:
    return [[k, over(total(o, "amount"), len(s))] for k, (o, s) in orders_and_tickets(t).items()]


# 21


@oracle(
    "21_bridge_weights", "q1",
    """SELECT coalesce(c.channel, '(unknown)'), sum(o.amount * coalesce(b.share, 1)), sum(coalesce(b.share, 1))
    FROM orders o LEFT JOIN touches b USING (order_id) LEFT JOIN campaigns c USING (campaign_id) GROUP BY 1""",
)  # fmt: skip
def allocated(t: Tables) -> Answer:
    campaigns, touches = by_key(t["campaigns"], "campaign_id"), groups(t["touches"], lambda row: row["order_id"])
    revenue: dict[str, Decimal] = {}
    orders: dict[str, Decimal] = {}
    for order in t["orders"]:
        for touch in touches.get(order["order_id"], [{"campaign_id": None, "share": Decimal(1)}]):
            channel = reached(campaigns.get(touch["campaign_id"]), "channel")
            revenue[channel] = revenue.get(channel, Decimal(0)) + order["amount"] * touch["share"]
            orders[channel] = orders.get(channel, Decimal(0)) + touch["share"]
    return [[channel, revenue[channel], orders[channel]] for channel in revenue]


@oracle("21_bridge_weights", "q2", "SELECT sum(amount), count(*) FROM orders")
def allocated_total(t: Tables) -> Answer:
    return [[total(t["orders"], "amount"), len(t["orders"])]]


def touched(t: Tables) -> dict[str, list[Row]]:
    """Channel -> the orders that it touched, each once."""
    campaigns, orders = by_key(t["campaigns"], "campaign_id"), by_key(t["orders"], "order_id")
    by_channel = groups(t["touches"], lambda row: reached(campaigns.get(row["campaign_id"]), "channel"))
    return {k: [orders[key] for key in {row["order_id"] for row in rows}] for k, rows in by_channel.items()}


@oracle(
    "21_bridge_weights", "q3",
    """SELECT channel, sum(amount), count(*) FROM (SELECT DISTINCT coalesce(c.channel, '(unknown)') AS channel, order_id
    FROM touches LEFT JOIN campaigns c USING (campaign_id)) JOIN orders USING (order_id) GROUP BY 1""",
)  # fmt: skip
def overlapping(t: Tables) -> Answer:
    return [[channel, total(rows, "amount"), len(rows)] for channel, rows in touched(t).items()]


@oracle(
    "21_bridge_weights", "q5",
    """SELECT sum(amount), count(*) FROM orders WHERE EXISTS (
    SELECT 1 FROM touches b JOIN campaigns c USING (campaign_id) WHERE b.order_id = orders.order_id
    AND c.channel = 'mail')""",
)  # fmt: skip
def of_mail(t: Tables) -> Answer:
    return [[total(touched(t)["mail"], "amount"), len(touched(t)["mail"])]]


# 22


def at_address(t: Tables, row: Row, column: str) -> str:
    return reached(by_key(t["addresses"], "address_id").get(row[column]), "country")


SHIP = "coalesce((SELECT country FROM addresses a WHERE a.address_id = o.ship_address_id), '(unknown)')"
BILL = "coalesce((SELECT country FROM addresses a WHERE a.address_id = o.bill_address_id), '(unknown)')"


@oracle("22_role_playing", "q1", f"SELECT {SHIP}, sum(amount) FROM orders o GROUP BY 1")
def shipped_to(t: Tables) -> Answer:
    found = groups(t["orders"], lambda row: at_address(t, row, "ship_address_id"))
    return [[country, total(rows, "amount")] for country, rows in found.items()]


@oracle("22_role_playing", "q2", f"SELECT {SHIP}, {BILL}, sum(amount) FROM orders o GROUP BY 1, 2")
def both_roles(t: Tables) -> Answer:
    roles = ("ship_address_id", "bill_address_id")
    found = groups(t["orders"], lambda row: tuple(at_address(t, row, role) for role in roles))
    return [[*countries, total(rows, "amount")] for countries, rows in found.items()]


@oracle("22_role_playing", "q3", f"SELECT {SHIP}, sum(amount) FROM orders o WHERE {BILL} = 'FR' GROUP BY 1")
def billed_in_france(t: Tables) -> Answer:
    french = [row for row in t["orders"] if at_address(t, row, "bill_address_id") == "FR"]
    return shipped_to({**t, "orders": french})


@oracle(
    "22_role_playing", "q5",
    """SELECT m, coalesce((SELECT sum(amount) FROM orders WHERE date_trunc('month', ordered_on) = m), 0),
    coalesce((SELECT sum(amount) FROM orders WHERE date_trunc('month', shipped_on) = m), 0)
    FROM (VALUES (DATE '2025-01-01'), (DATE '2025-02-01'), (DATE '2025-03-01')) AS months (m)""",
)  # fmt: skip
def two_dates(t: Tables) -> Answer:
    ordered = groups(t["orders"], lambda row: month(row["ordered_on"]))
    shipped = groups([row for row in t["orders"] if row["shipped_on"]], lambda row: month(row["shipped_on"]))
    periods = sorted({*ordered, *shipped})
    return [[m, total(ordered.get(m, []), "amount"), total(shipped.get(m, []), "amount")] for m in periods]


# 23

CAMPAIGNS = """
SELECT coalesce(campaign, '(unknown)') AS campaign, sum(o) AS orders, sum(a) AS revenue, sum(s) AS sessions,
    sum(stayed) AS stayed FROM (
    SELECT campaign, 1 AS o, amount AS a, 0 AS s, 0 AS stayed FROM orders
    UNION ALL SELECT campaign, 0, 0, 1, CAST(NOT bounced AS INTEGER) FROM sessions) GROUP BY 1
"""


def by_campaign(t: Tables) -> dict[str, tuple[list[Row], list[Row]]]:
    orders, sessions = (groups(t[name], lambda row: known(row["campaign"])) for name in ("orders", "sessions"))
    return {k: (orders.get(k, []), sessions.get(k, [])) for k in {*orders, *sessions}}


@oracle("23_chasm", "q1", f"SELECT campaign, orders, revenue, sessions FROM ({CAMPAIGNS})")
def chasm(t: Tables) -> Answer:
    return [[k, len(o), total(o, "amount"), len(s)] for k, (o, s) in by_campaign(t).items()]


@oracle("23_chasm", "q2", f"SELECT campaign, orders / nullif(sessions, 0) FROM ({CAMPAIGNS})")
def orders_per_session(t: Tables) -> Answer:
    return [[k, over(len(o), len(s))] for k, (o, s) in by_campaign(t).items()]


@oracle(
    "23_chasm", "q3",
    f"""SELECT sum(orders), sum(revenue), sum(sessions), sum(stayed), sum(orders) / sum(sessions)
    FROM ({CAMPAIGNS})""",
)  # fmt: skip
def chasm_totals(t: Tables) -> Answer:
    orders, sessions = t["orders"], t["sessions"]
    stayed = [row for row in sessions if not row["bounced"]]
    return [[len(orders), total(orders, "amount"), len(sessions), len(stayed), over(len(orders), len(sessions))]]


@oracle("23_chasm", "q5", f"SELECT orders, revenue, sessions FROM ({CAMPAIGNS}) WHERE campaign = 'a'")
def campaign_a(t: Tables) -> Answer:
    orders, sessions = by_campaign(t)["a"]
    return [[len(orders), total(orders, "amount"), len(sessions)]]


# 24


def products(t: Tables, order: Row) -> set[str | None]:
    """What the order contains."""
    return {line["product"] for line in t["lines"] if line["order_id"] == order["order_id"]}


def has(*names: str) -> str:
    said = ", ".join(f"'{name}'" for name in names)
    return f"EXISTS (SELECT 1 FROM lines l WHERE l.order_id = orders.order_id AND l.product IN ({said}))"


@oracle("24_many_side_filter", "q1", f"SELECT sum(fee), count(*), avg(fee) FROM orders WHERE {has('tea')}")
def with_tea(t: Tables) -> Answer:
    rows = [row for row in t["orders"] if "tea" in products(t, row)]
    return [[total(rows, "fee"), len(rows), mean(row["fee"] for row in rows)]]


WITHOUT_TEA = f"SELECT sum(fee), count(*) FROM orders WHERE NOT {has('tea')}"


@oracle("24_many_side_filter", "q2", WITHOUT_TEA)
@oracle("24_many_side_filter", "q3", WITHOUT_TEA)
def without_tea(t: Tables) -> Answer:
    rows = [row for row in t["orders"] if "tea" not in products(t, row)]
    return [[total(rows, "fee"), len(rows)]]


@oracle("24_many_side_filter", "q4", f"SELECT count(*) FROM orders WHERE NOT {has('tea', 'pot')}")
def neither(t: Tables) -> Answer:
    return [[sum(not products(t, row) & {"tea", "pot"} for row in t["orders"])]]


@oracle(
    "24_many_side_filter", "q5",
    f"""SELECT country, sum(fee), count(*) FROM orders JOIN customers USING (customer_id)
    WHERE channel = 'web' AND {has("tea")} GROUP BY 1""",
)  # fmt: skip
def tea_on_the_web(t: Tables) -> Answer:
    rows = [row for row in t["orders"] if row["channel"] == "web" and "tea" in products(t, row)]
    found = groups(rows, lambda row: country_of(t, row))
    return [[country, total(orders, "fee"), len(orders)] for country, orders in found.items()]


@oracle(
    "24_many_side_filter", "q6",
    f"""SELECT count(*) FROM customers WHERE EXISTS (SELECT 1 FROM orders
    WHERE orders.customer_id = customers.customer_id AND {has("cup")})""",
)  # fmt: skip
def bought_a_cup(t: Tables) -> Answer:
    buyers = {row["customer_id"] for row in t["orders"] if "cup" in products(t, row)}
    return [[sum(row["customer_id"] in buyers for row in t["customers"])]]


@oracle(
    "24_many_side_filter", "q7",
    f"""SELECT (SELECT sum(fee) FROM orders WHERE {has("tea")}),
    (SELECT sum(amount) FROM lines WHERE product = 'tea')""",
)  # fmt: skip
def fees_and_tea(t: Tables) -> Answer:
    fees = total([row for row in t["orders"] if "tea" in products(t, row)], "fee")
    return [[fees, total([row for row in t["lines"] if row["product"] == "tea"], "amount")]]


@oracle("24_many_side_filter", "q8", f"SELECT count(*) FROM orders WHERE {has('tea')} OR channel = 'app'")
def tea_or_app(t: Tables) -> Answer:
    return [[sum("tea" in products(t, row) or row["channel"] == "app" for row in t["orders"])]]


@oracle("24_many_side_filter", "q9", f"SELECT count(*) FROM orders WHERE {has('tea')} AND {has('cup')}")
def tea_and_cup(t: Tables) -> Answer:
    return [[sum({"tea", "cup"} <= products(t, row) for row in t["orders"])]]
