"""Governed metrics against the SQL that an expert and two other semantic layers write, and the time to write it.

Ours is the whole question: planned, its keys proved, its rows counted, with its provenance. The others' is bare SQL
that was written before. All of it runs in one version of DuckDB with the same settings, over the same files.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Mapping
from functools import partial
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
from benchmarks.measure import Row, here, interleaved
from benchmarks.peers.peer import PEERS, Said, said

from steelyard.metrics import Metric, MetricCatalog, Ratio, query
from steelyard.metrics.planner import Planner
from steelyard.metrics.question import ask
from steelyard.warehouse import Store, TableDeclaration, Warehouse, render

HAND = "the SQL written by hand"

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
TYPES = {
    "lines": {"line_id": "BIGINT", "order_id": "BIGINT", "product_id": "BIGINT", "amount": "DECIMAL(12,2)"},
    "orders": {"order_id": "BIGINT", "customer_id": "BIGINT", "ordered_at": "TIMESTAMP", "channel": "VARCHAR"},
    "customers": {"customer_id": "BIGINT", "country": "VARCHAR"},
}
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
    """Each question as a governed metric, in turn with the SQL by hand and the peers' over the same files."""
    lines = 200_000 if small else 10_000_000
    peers = {str(peer): said(peer, tuple(QUESTIONS)) for peer in PEERS}
    with tempfile.TemporaryDirectory() as folder:
        store = Store.open(Path(folder) / "store")
        sizes = {"lines": lines, "orders": lines * 2 // 5, "customers": lines // 10}
        with store.transaction("shop") as change:
            for name, sql in MADE.items():
                change.create(name, sql.format(**sizes))
        with store.warehouse() as warehouse, _by_hand(store) as connection:
            found = [
                row
                for what in QUESTIONS
                for row in _asked(warehouse, connection, what, peers, lines=lines, times=3 if small else 7)
            ]
    return [*found, *_compiled(peers)]


def _by_hand(store: Store) -> duckdb.DuckDBPyConnection:
    """Another DuckDB with the settings of ours, in which all that is not ours runs."""
    connection = duckdb.connect()
    connection.execute("SET enable_progress_bar = false; SET TimeZone = 'UTC'")
    for table in store.snapshot().tables.values():
        connection.execute(table.view(str(store.folder)))
    return connection


def _asked(
    warehouse: Warehouse,
    connection: duckdb.DuckDBPyConnection,
    what: str,
    peers: Mapping[str, Said],
    *,
    lines: int,
    times: int,
) -> list[Row]:
    asked, by_hand, limit = QUESTIONS[what]
    theirs = {HAND: by_hand, **{name: peer.sql[what] for name, peer in peers.items() if what in peer.sql}}

    def ours() -> pa.Table:
        return query(CATALOG, warehouse, **asked).table  # type: ignore[arg-type]

    def run(sql: str) -> pa.Table:
        return connection.sql(sql).to_arrow_table()

    wanted = _totals(ours(), asked["metrics"])
    for name, sql in theirs.items():
        if (found := _totals(run(sql), asked["metrics"])) != wanted:
            raise RuntimeError(f"{what}: {name} gives {found}, and not {wanted}")
    runs = {"ours": lambda: here(ours), **{name: partial(here, partial(run, sql)) for name, sql in theirs.items()}}
    taken = interleaved(runs, times=times)
    size = f"{what}, {lines:,} lines"
    found = [
        Row(
            what=size,
            ours=taken["ours"].cpu,
            peer=taken[name].cpu,
            unit="CPU s",
            peer_is=name if name == HAND else f"the SQL of {name}",
            limit=limit if name == HAND else None,
        )
        for name in theirs
    ]
    without = {name: peer.absent or "cannot answer it" for name, peer in peers.items() if name not in theirs}
    return found + [
        Row(what=f"{size} ({name}: {why})", ours=taken["ours"].cpu, unit="CPU s") for name, why in without.items()
    ]


def _totals(answer: pa.Table, metrics: object) -> list[float]:
    """Each metric summed over its groups: what does the same work has the same."""
    return [round(float(pc.sum(answer.column(name)).as_py()), 2) for name in metrics]  # type: ignore[attr-defined]


def _compiled(peers: Mapping[str, Said]) -> list[Row]:
    """One question planned and rendered, in a catalog of 200 metrics; beside it what the peers can be asked as well."""
    metrics = [Metric(name=f"m{n}", sum="lines.amount", where=f"product_id = {n}") for n in range(198)]
    metrics += [
        Metric(name="orders", count="orders"),
        Metric(name="rate", ratio=Ratio(numerator="m1", denominator="orders")),
    ]
    catalog = MetricCatalog.of(tables=CATALOG.tables.values(), metrics=metrics)

    def compile_one(*names: str, channel: str) -> float:
        begun = time.process_time()
        question = ask(names, by="country", where=f"channel = '{channel}'")
        plan = Planner(catalog, TYPES, question).plan()
        render(plan.query.sql, "duckdb")
        return (time.process_time() - begun) * 1000

    compile_one("m0", "rate", channel="first")
    two_facts = [compile_one(f"m{number}", "rate", channel=f"web {number}") for number in range(1, 40)]
    sums = [compile_one(f"m{number}", f"m{number + 1}", channel=f"app {number}") for number in range(1, 40)]
    unit, ours = "CPU ms", statistics.median(sums)
    what = "compile two sums of 200 metrics, warm"
    return [
        Row(
            what="compile a sum and a ratio of two facts, of 200 metrics, warm",
            ours=statistics.median(two_facts),
            unit=unit,
            limit=10.0,
            limit_of="ours",
        ),
        *(
            Row(what=what, ours=ours, unit=unit, peer=peer.compile_ms, peer_is=name)
            if peer.compile_ms
            else Row(what=f"{what} ({name}: {peer.absent})", ours=ours, unit=unit)
            for name, peer in peers.items()
        ),
    ]
