"""A funnel of three steps over many events, and their sessions, against the SQL that an expert writes by hand."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

from benchmarks.measure import Row, here, interleaved

from steelyard.metrics import MetricCatalog
from steelyard.metrics.product import Funnel, FunnelStep, ProductTable, Sessions, run_funnel, run_sessions
from steelyard.warehouse import Store, TableDeclaration

# Events spread evenly over 30 days; four in ten are views, two carts, one a purchase.
MADE = """SELECT range AS event_id, CAST(hash(range) % {users} AS BIGINT) AS user_id,
  TIMESTAMP '2025-01-01' + to_seconds(range * 2592000 // {events}) AS happened_at,
  ['view', 'view', 'view', 'view', 'cart', 'cart', 'purchase', 'other', 'other', 'other']
    [CAST(1 + hash(range * 7) % 10 AS BIGINT)] AS step
FROM range({events})"""
CATALOG = MetricCatalog.of(
    metrics=[],
    tables=[
        TableDeclaration(
            name="events", time="happened_at", zone="UTC", entities={"user": ("user_id",)}, dimensions=("step",)
        )
    ],
)
STEPS = ("view", "cart", "purchase")
FUNNEL = Funnel(
    name="buying",
    table="events",
    window="24 hours",
    steps=tuple(FunnelStep(name=name, where=f"step = '{name}'") for name in STEPS),
)
SESSIONS = Sessions(name="visits", table="events")
# The usual way: every view with the first cart after it, and that with the first purchase. It gives the counts alone.
FUNNEL_BY_HAND = """WITH views AS (SELECT user_id, happened_at FROM events WHERE step = 'view'),
carts AS (SELECT v.user_id, v.happened_at AS viewed_at, min(e.happened_at) AS happened_at
  FROM views v JOIN events e ON e.user_id = v.user_id AND e.step = 'cart'
    AND e.happened_at >= v.happened_at AND e.happened_at <= v.happened_at + INTERVAL 1 DAY GROUP BY ALL),
purchases AS (SELECT c.user_id FROM carts c JOIN events e ON e.user_id = c.user_id AND e.step = 'purchase'
    AND e.happened_at >= c.happened_at AND e.happened_at <= c.viewed_at + INTERVAL 1 DAY)
SELECT (SELECT count(DISTINCT user_id) FROM views), (SELECT count(DISTINCT user_id) FROM carts),
  (SELECT count(DISTINCT user_id) FROM purchases)"""
SESSIONS_BY_HAND = """WITH lagged AS (SELECT user_id, happened_at,
    lag(happened_at) OVER (PARTITION BY user_id ORDER BY happened_at) AS earlier FROM events),
numbered AS (SELECT user_id, happened_at, sum(CASE WHEN earlier IS NULL OR happened_at > earlier + INTERVAL 30 MINUTE
    THEN 1 ELSE 0 END) OVER (PARTITION BY user_id ORDER BY happened_at) AS number FROM lagged),
sessions AS (SELECT user_id, min(happened_at) AS started_at, max(happened_at) AS ended_at, count(*) AS events
  FROM numbered GROUP BY user_id, number)
SELECT count(*), count(DISTINCT user_id), sum(events), avg(CASE WHEN events = 1 THEN 1.0 ELSE 0 END),
  median(epoch(ended_at - started_at)), avg(epoch(ended_at - started_at)) FROM sessions"""


def rows(small: bool) -> list[Row]:
    """The funnel where a user has ten events and where a user has a hundred; and the sessions."""
    events = 200_000 if small else 10_000_000
    found = []
    for each in (10, 100):
        what = f"funnel of 3 steps, {events:,} events, {each} a user"
        found.append(_against(what, events, each, lambda w: run_funnel(CATALOG, w, FUNNEL), FUNNEL_BY_HAND, _steps))
    what = f"sessions, {events:,} events, 100 a user"
    found.append(_against(what, events, 100, lambda w: run_sessions(CATALOG, w, SESSIONS), SESSIONS_BY_HAND, _sessions))
    return found


def _steps(answer: ProductTable) -> tuple[int, ...]:
    return tuple(row["entities"] for row in answer.rows())


def _sessions(answer: ProductTable) -> tuple[int, ...]:
    row = answer.rows()[0]
    return row["sessions"], row["entities"], row["events"]


def _against(
    what: str,
    events: int,
    each: int,
    ours: Callable[..., ProductTable],
    by_hand: str,
    numbers: Callable[[ProductTable], tuple[int, ...]],
) -> Row:
    import duckdb

    with tempfile.TemporaryDirectory() as folder:
        store = Store.open(Path(folder) / "store")
        with store.transaction("events") as change:
            change.create("events", MADE.format(users=events // each, events=events))
        connection = duckdb.connect()
        connection.execute("SET enable_progress_bar = false")
        for table in store.snapshot().tables.values():
            connection.execute(table.view(str(store.folder)))
        with store.warehouse() as warehouse:
            told = connection.sql(by_hand).fetchall()[0]
            mine = numbers(ours(warehouse))
            assert mine == tuple(told[: len(mine)]), (mine, told)
            taken = interleaved(
                {
                    "ours": lambda: here(lambda: ours(warehouse)),
                    "by hand": lambda: here(connection.sql(by_hand).fetchall),
                },
                times=3,
            )
        connection.close()
    return Row(
        what=what,
        ours=taken["ours"].cpu,
        peer=taken["by hand"].cpu,
        unit="CPU s",
        peer_is="the SQL written by hand",
    )
