"""An experiment on a unit table, as a multiple of one bare scan of the same columns by arm.

    python benchmarks/experiment.py [ROWS] [REPEATS]

Everything runs on one connection, interleaved; the ratio is that of the medians. tea-tasting runs beside when it can be
imported.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from importlib.util import find_spec

import duckdb

from steelyard.studies.experiments import Assignment, Experiment, Mean, Ratio
from steelyard.studies.run import run
from steelyard.warehouse import connect

BARE = "SELECT arm, count(*), sum(revenue), sum(orders), sum(sessions), sum(before) FROM units GROUP BY arm"
LIMIT, SEGMENT_LIMIT = 2.5, 3.5


def made(rows: int) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    connection.execute("SET enable_progress_bar = false")
    connection.execute(
        f"""CREATE TABLE units AS SELECT i AS user_id, CASE WHEN i % 2 = 0 THEN 'control' ELSE 'b' END AS arm,
        random() * 20 AS revenue, CAST(random() * 4 AS INTEGER) AS orders,
        CAST(random() * 6 + 1 AS INTEGER) AS sessions,
        random() * 18 AS before, 's' || (i * 7919 % 14) AS segment FROM range({rows}) AS t(i)"""
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
        "mean with CUPED, ratio": lambda: run(study(), warehouse),
        "the same in 14 segments": lambda: run(study(segments=("segment",)), warehouse),
        "the same, ids proved unique": lambda: run(study(unit="user_id"), warehouse),
    }
    if find_spec("tea_tasting"):
        found["tea-tasting"] = _tea_tasting(connection)
    return found


def _tea_tasting(connection: duckdb.DuckDBPyConnection) -> Callable[[], object]:
    import ibis
    import tea_tasting as tt

    table = ibis.duckdb.from_connection(connection).table("units")
    peer = tt.Experiment(
        revenue=tt.Mean("revenue", covariate="before"), orders=tt.RatioOfMeans("orders", "sessions"), variant="arm"
    )
    return lambda: peer.analyze(table, control="control")


def main(rows: int = 10_000_000, repeats: int = 5) -> int:
    connection = made(rows)
    asked = contenders(connection)
    seconds: dict[str, list[float]] = {name: [] for name in asked}
    for _ in range(repeats):
        for name, call in asked.items():
            started = time.perf_counter()
            call()
            seconds[name].append(time.perf_counter() - started)
    bare = statistics.median(seconds["bare scan"])
    ratios = {name: statistics.median(times) / bare for name, times in seconds.items()}
    print(f"{rows:,} rows, {repeats} interleaved repeats, DuckDB {duckdb.__version__}")
    for name, ratio in ratios.items():
        print(f"{name:<32}{statistics.median(seconds[name]):>8.3f} s {ratio:>6.2f}x")
    within = ratios["mean with CUPED, ratio"] <= LIMIT and ratios["the same in 14 segments"] <= SEGMENT_LIMIT
    print(f"limits {LIMIT}x and {SEGMENT_LIMIT}x: {'kept' if within else 'BROKEN'}")
    return 0 if within else 1


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
