"""An experiment on a unit table, as a multiple of one bare scan of the same columns by arm.

tea-tasting runs beside when it can be imported.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from importlib.metadata import version
from importlib.util import find_spec

import duckdb
from benchmarks.measure import Row, Taken, here, interleaved

from steelyard.stats.quantile_ranks import quantile_ranks
from steelyard.studies.experiments import Assignment, Experiment, Mean, Quantile, Ratio
from steelyard.studies.run import run
from steelyard.warehouse import connect
from steelyard.warehouse.order_statistics import order_statistics

BARE = "SELECT arm, count(*), sum(revenue), sum(orders), sum(sessions), sum(before) FROM units GROUP BY arm"
SHARES = (0.5, 0.9, 0.99)
BARE_CLUSTERS = """SELECT count(*), sum(n), sum(r), sum(b) FROM (
SELECT arm, cluster, count(*) AS n, sum(revenue) AS r, sum(before) AS b, sum(orders) AS o, sum(sessions) AS s
FROM units GROUP BY arm, cluster) AS by_cluster"""
DAYS = 60
DATED, WITH_DAYS = Assignment(at="came_in"), f"the same by {DAYS} days of entry"
PLAIN, PEER = "mean with CUPED, ratio", "tea-tasting"
CLUSTERED = f"{PLAIN}, of clusters of 10"
LIMITS = {PLAIN: 2.5, "the same in 14 segments": 3.5}


def made(rows: int) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    connection.execute("SET enable_progress_bar = false")
    connection.execute(
        f"""CREATE TABLE units AS SELECT i AS user_id, CASE WHEN i % 2 = 0 THEN 'control' ELSE 'b' END AS arm,
        CAST(pow(random(), 1.3) * {rows // 20} AS BIGINT) * 2 + i % 2 AS cluster,
        random() * 20 AS revenue, CAST(random() * 4 AS INTEGER) AS orders,
        CAST(random() * 6 + 1 AS INTEGER) AS sessions,
        random() * 18 AS before, 's' || (i * 7919 % 14) AS segment,
        TIMESTAMP '2026-01-01 00:00:00' + CAST(random() * {DAYS * 86_400} AS INTEGER) * INTERVAL 1 SECOND AS came_in
        FROM range({rows}) AS t(i)"""
    )
    return connection


def study(**changes: object) -> Experiment:
    words: dict[str, object] = {
        "name": "bench", "question": "How fast?", "arms": {"control": 0.5, "b": 0.5}, "table": "units",
        "assignment": Assignment(), "primary": Mean("revenue", covariate="before"),
        "secondary": (Ratio("orders", "sessions"),),
    }  # fmt: skip
    return Experiment(**{**words, **changes})  # type: ignore[arg-type]


def contenders(connection: duckdb.DuckDBPyConnection) -> dict[str, Callable[[], object]]:
    warehouse = connect(connection)
    found: dict[str, Callable[[], object]] = {
        "bare scan": lambda: connection.execute(BARE).fetchall(),
        "bare clusters": lambda: connection.execute(BARE_CLUSTERS).fetchall(),
        CLUSTERED: lambda: run(study(cluster="cluster"), warehouse),
        PLAIN: lambda: run(study(), warehouse),
        "the same in 14 segments": lambda: run(study(segments=("segment",)), warehouse),
        WITH_DAYS: lambda: run(study(assignment=DATED), warehouse),
        f"{WITH_DAYS}, in 14 segments": lambda: run(study(assignment=DATED, segments=("segment",)), warehouse),
        "the same, ids proved unique": lambda: run(study(unit="user_id"), warehouse),
    }
    if find_spec("tea_tasting"):
        found[PEER] = _tea_tasting(connection)
    return found


def quantile_rows(connection: duckdb.DuckDBPyConnection, count: int, limit: float | None) -> list[Row]:
    """Three quantiles beside one bare SELECT of the nine levels that they need: their own question, and a whole study.

    The study counts units first, since ranks follow from how many there are, and looks for gaps.
    """
    asked = study(primary=Quantile("revenue", SHARES[0]), secondary=tuple(Quantile("revenue", s) for s in SHARES[1:]))
    levels = sorted({level for share in SHARES for level in quantile_ranks(count // 2, share).levels})
    bare = f"SELECT arm, quantile_cont(revenue, {levels}) FROM units GROUP BY arm"
    warehouse, question = connect(connection), order_statistics("units", by=["arm"], levels={"revenue": levels})
    taken = interleaved(
        {
            "intervals of p50, p90 and p99": partial(here, lambda: warehouse.fetch(question)),
            "a whole study of p50, p90 and p99": partial(here, lambda: run(asked, warehouse)),
            "bare": partial(here, lambda: connection.execute(bare).fetchall()),
        }
    )
    peer = taken.pop("bare").seconds
    return [
        Row(
            what=f"{name}, {count:,} units",
            ours=one.seconds,
            peer=peer,
            peer_is="one bare quantile_cont of the nine levels by arm",
            limit=limit if name.startswith("intervals") else None,
        )
        for name, one in taken.items()
    ]


def _tea_tasting(connection: duckdb.DuckDBPyConnection) -> Callable[[], object]:
    import ibis
    import tea_tasting as tt

    table = ibis.duckdb.from_connection(connection).table("units")
    peer = tt.Experiment(
        revenue=tt.Mean("revenue", covariate="before"), orders=tt.RatioOfMeans("orders", "sessions"), variant="arm"
    )
    return lambda: peer.analyze(table, control="control")


def by_arm(taken: Mapping[str, Taken], bare: Taken, count: int, *, limited: bool) -> list[Row]:
    """What studies took as multiples of one bare scan."""
    return [
        Row(
            what=f"{name}, {count:,} units",
            ours=one.seconds,
            peer=bare.seconds,
            peer_is="one bare scan by arm",
            limit=LIMITS.get(name) if limited else None,
        )
        for name, one in taken.items()
    ]


def rows(small: bool) -> list[Row]:
    """Wall-clock seconds; everything runs on one connection, in turn."""
    count = 200_000 if small else 10_000_000
    connection = made(count)
    asked = contenders(connection)
    taken = interleaved({name: partial(here, call) for name, call in asked.items()})
    ranks = quantile_rows(connection, count, None if small else 1.3)
    connection.close()
    bare, by_cluster, peer = taken.pop("bare scan"), taken.pop("bare clusters"), taken.pop(PEER, None)
    clustered = Row(
        what=f"{CLUSTERED}, {count:,} units",
        ours=taken.pop(CLUSTERED).seconds,
        peer=by_cluster.seconds,
        peer_is="one bare scan by arm and cluster",
    )
    beside = [
        Row(
            what=f"{PLAIN}, beside {PEER}, {count:,} units",
            ours=taken[PLAIN].seconds,
            peer=peer.seconds,
            peer_is=f"{PEER} {version(PEER)} on the same connection",
            limit=None if small else 0.45,
        )
        for peer in ([peer] if peer else [])
    ]
    return [clustered, *by_arm(taken, bare, count, limited=not small), *beside, *ranks]
