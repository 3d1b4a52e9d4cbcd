"""Governed metrics against the SQL that an expert writes by hand for the same answer, and the time to compile one."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from benchmarks.measure import Row, Taken, here, interleaved

from steelyard.metrics import Metric, MetricCatalog, Ratio, query
from steelyard.metrics.planner import Planner
from steelyard.metrics.question import ask
from steelyard.warehouse import Store, TableDeclaration, Warehouse

MADE = {
    "customers": "SELECT range AS customer_id, 'c' || (range * 7919 % 30) AS country FROM range({customers})",
    "orders": """SELECT range AS order_id, range * 2654435761 % {customers} AS customer_id,
  TIMESTAMP '2025-01-01' + to_seconds(range * 31536000 // {orders}) AS ordered_at,
  CAST((range * 48271 % 2000) / 100.0 AS DECIMAL(12, 2)) AS fee,
  ['web', 'app', 'shop', NULL][1 + range % 4] AS channel,
  ['paid', 'paid', 'cancelled', NULL][1 + range * 31 % 4] AS status FROM range({orders})""",
    "lines": """SELECT range AS line_id, range * {orders} // {lines} AS order_id, range * 16807 % 5000 AS product_id,
  CAST((range * 48271 % 10000) / 100.0 AS DECIMAL(12, 2)) AS amount FROM range({lines})""",
    "products": "SELECT range AS product_id, 'p' || (range % 12) AS category FROM range(5000)",
    "visits": """SELECT range AS visit_id, range * 2654435761 % {customers} AS customer_id,
  TIMESTAMP '2025-01-01' + to_seconds(range * 31536000 // {lines}) AS visited_at FROM range({lines})""",
}
CATALOG = MetricCatalog.of(
    tables=[
        TableDeclaration(name="customers", key=("customer_id",), entity="customer", dimensions=("country",)),
        TableDeclaration(name="products", key=("product_id",), entity="product", dimensions=("category",)),
        TableDeclaration(
            name="orders",
            key=("order_id",),
            entity="order",
            entities={"customer": ("customer_id",)},
            time="ordered_at",
            dimensions=("channel", "status"),
        ),
        TableDeclaration(name="lines", key=("line_id",), entities={"order": ("order_id",), "product": ("product_id",)}),
        TableDeclaration(name="visits", key=("visit_id",), entities={"customer": ("customer_id",)}, time="visited_at"),
    ],
    metrics=[
        Metric(name="revenue", sum="lines.amount", time="orders.ordered_at"),
        Metric(name="orders", count="orders"),
        Metric(name="visits", count="visits"),
        Metric(name="fees", sum="orders.fee"),
    ],
)
JOINED = """FROM lines LEFT JOIN orders ON orders.order_id = lines.order_id
LEFT JOIN customers ON customers.customer_id = orders.customer_id"""
WEEK = "CAST(date_trunc('week', {}) AS DATE)"
QUESTIONS: Mapping[str, tuple[dict[str, object], str, float]] = {
    "revenue by week and country": (
        {"metrics": ["revenue"], "by": ["week", "country"]},
        f"""SELECT {WEEK.format("ordered_at")} AS week, country, sum(amount) AS revenue {JOINED}
GROUP BY ALL ORDER BY ALL""",
        1.05,
    ),
    "and category, with two filters": (
        {
            "metrics": ["revenue"],
            "by": ["week", "country", "category"],
            "where": "channel = 'web' AND status <> 'cancelled'",
        },
        f"""SELECT {WEEK.format("ordered_at")} AS week, country, category, sum(amount) AS revenue {JOINED}
LEFT JOIN products ON products.product_id = lines.product_id
WHERE channel = 'web' AND status IS DISTINCT FROM 'cancelled' GROUP BY ALL ORDER BY ALL""",
        1.1,
    ),
    "two facts, each on its own date": (
        {"metrics": ["orders", "visits"], "by": ["week"]},
        f"""WITH o AS (SELECT {WEEK.format("ordered_at")} AS week, count(*) AS orders FROM orders GROUP BY ALL),
v AS (SELECT {WEEK.format("visited_at")} AS week, count(*) AS visits FROM visits GROUP BY ALL)
SELECT coalesce(o.week, v.week) AS week, orders, visits FROM o FULL JOIN v ON o.week = v.week ORDER BY ALL""",
        1.05,
    ),
    "an order's fee beside its lines' revenue": (
        {"metrics": ["fees", "revenue"], "by": ["country"]},
        f"""WITH f AS (SELECT country, sum(fee) AS fees FROM orders
LEFT JOIN customers ON customers.customer_id = orders.customer_id GROUP BY ALL),
r AS (SELECT country, sum(amount) AS revenue {JOINED} GROUP BY ALL)
SELECT coalesce(f.country, r.country) AS country, fees, revenue
FROM f FULL JOIN r ON f.country IS NOT DISTINCT FROM r.country ORDER BY ALL""",
        1.1,
    ),
}


def rows(small: bool) -> list[Row]:
    """Each question as a governed metric, in turn with the SQL written by hand over the same files."""
    lines = 200_000 if small else 10_000_000
    with tempfile.TemporaryDirectory() as folder:
        store = Store.open(Path(folder) / "store")
        sizes = {"lines": lines, "orders": lines * 2 // 5, "customers": lines // 10}
        with store.transaction("shop") as change:
            for name, sql in MADE.items():
                change.create(name, sql.format(**sizes))
        with store.warehouse() as warehouse:
            found = [_asked(warehouse, store, what, lines, 3 if small else 7) for what in QUESTIONS]
    return [*found, _compiled()]


def _asked(warehouse: Warehouse, store: Store, what: str, lines: int, times: int) -> Row:
    import duckdb

    asked, by_hand, limit = QUESTIONS[what]
    connection = duckdb.connect()
    connection.execute("SET enable_progress_bar = false")
    for table in store.snapshot().tables.values():
        connection.execute(table.view(str(store.folder)))

    def ours() -> object:
        return query(CATALOG, warehouse, **asked)  # type: ignore[arg-type]

    def peers() -> object:
        return connection.sql(by_hand).to_arrow_table()

    ours()
    peers()
    taken: dict[str, Taken] = interleaved({"ours": lambda: here(ours), "by hand": lambda: here(peers)}, times=times)
    connection.close()
    return Row(
        what=f"{what}, {lines:,} lines",
        ours=taken["ours"].cpu,
        peer=taken["by hand"].cpu,
        unit="CPU s",
        peer_is="the SQL written by hand",
        limit=limit,
    )


def _compiled() -> Row:
    """One question planned and rendered, in a catalog of 200 metrics."""
    metrics = [Metric(name=f"m{n}", sum="lines.amount", where=f"product_id = {n}") for n in range(198)]
    metrics += [
        Metric(name="orders", count="orders"),
        Metric(name="rate", ratio=Ratio(numerator="m1", denominator="orders")),
    ]
    catalog = MetricCatalog.of(tables=CATALOG.tables.values(), metrics=metrics)
    types = {
        "lines": {"line_id": "BIGINT", "order_id": "BIGINT", "product_id": "BIGINT", "amount": "DECIMAL(12,2)"},
        "orders": {"order_id": "BIGINT", "customer_id": "BIGINT", "ordered_at": "TIMESTAMP", "channel": "VARCHAR"},
        "customers": {"customer_id": "BIGINT", "country": "VARCHAR"},
    }

    def compile_one(number: int) -> float:
        from steelyard.warehouse.dialect import render

        begun = time.process_time()
        question = ask([f"m{number}", "rate"], by="country", where=f"channel = 'web {number}'")
        plan = Planner(catalog, types, question).plan()
        render(plan.query.sql, "duckdb")
        return (time.process_time() - begun) * 1000

    compile_one(0)
    taken = statistics.median(compile_one(number) for number in range(1, 40))
    return Row(what="compile, warm, 200 metrics", ours=taken, unit="CPU ms", limit=10.0, limit_of="ours")
