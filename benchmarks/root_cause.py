"""`explain` against one bare group-by of the same columns, and its search against wise-pizza on the same leaves."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from benchmarks.measure import Row, Taken, here, interleaved

from steelyard.metrics import Metric, MetricCatalog, explain
from steelyard.metrics.root_cause.cube import Cube, cube_of
from steelyard.metrics.root_cause.search import search_cube
from steelyard.simulate.leaf_cube import DIMENSIONS, INCIDENTS, LeafCube, leaf_cube
from steelyard.warehouse import Store, TableDeclaration

FIRST = date(2026, 1, 5)
LAST = FIRST + timedelta(days=56)
RANGES = ((LAST - timedelta(days=28), LAST - timedelta(days=1)), (LAST, LAST))
COLUMNS = ("country", "platform", "version", "channel", "payment", "category", "size", "customer")
MADE = """SELECT TIMESTAMP '2026-01-05' + to_seconds(i * 57 * 86400 // {rows}) AS placed_at,
  'c' || least(hash(i) % 12, hash(i + 9) % 12) AS country, 'p' || (hash(i + 1) % 6) // 2 AS platform,
  'v' || hash(i + 1) % 6 AS version, 'ch' || least(hash(i + 2) % 6, hash(i + 11) % 6) AS channel,
  'pay' || hash(i + 3) % 4 AS payment, 'k' || hash(i + 4) % 3 AS category, 's' || hash(i + 5) % 4 AS size,
  CASE WHEN hash(i + 6) % 2 = 0 THEN 'new' ELSE 'known' END AS customer,
  CAST((hash(i + 7) % 10000) / 100.0 AS DECIMAL(12, 2)) AS amount FROM (SELECT range AS i FROM range({rows}))"""
CATALOG = MetricCatalog.of(
    tables=[TableDeclaration(name="orders", time="placed_at", dimensions=COLUMNS)],
    metrics=[Metric(name="revenue", sum="orders.amount")],
)
PEER = "wise-pizza==0.2.9"
CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "steelyard-benchmarks" / PEER
# In a process of the peer's own: reads leaves and how many segments it is told, gives seconds and segments.
RUN_PEER = """
import json, logging, sys, time, warnings
warnings.filterwarnings("ignore"); logging.disable(logging.CRITICAL)
import pandas as pd, wise_pizza
for line in sys.stdin:
    asked = json.loads(line)
    frame = pd.DataFrame(asked["leaves"]); dims = asked["dims"]
    sides = [frame[dims].assign(total=frame[side], size=1.0) for side in ("before", "after")]
    begun = time.process_time()
    try:
        told = wise_pizza.explain_changes_in_totals(
            *sides, dims=dims, total_name="total", size_name="size", max_segments=asked["segments"], max_depth=3)
        found = [{k: str(v) for k, v in item["segment"].items()} for item in told.segments]
    except Exception as error:
        found = None
    print(json.dumps({"seconds": time.process_time() - begun, "found": found}), flush=True)
"""


def rows(small: bool) -> list[Row]:
    """The query and the search together; the search alone; and what is found."""
    python = _peer()
    return [_explained(200_000 if small else 10_000_000, 3), *_searched(python, range(2) if small else range(10))]


def _explained(size: int, times: int) -> Row:
    import duckdb

    bare = (
        f"SELECT CAST(placed_at AS DATE) AS day, {', '.join(COLUMNS)}, sum(amount) AS revenue FROM orders GROUP BY ALL"
    )
    with tempfile.TemporaryDirectory() as folder:
        store = Store.open(Path(folder) / "store")
        with store.transaction("orders") as change:
            change.create("orders", MADE.format(rows=size))
        connection = duckdb.connect()
        connection.execute("SET enable_progress_bar = false")
        for table in store.snapshot().tables.values():
            connection.execute(table.view(str(store.folder)))
        with store.warehouse() as warehouse:

            def ours() -> object:
                return explain(CATALOG, warehouse, "revenue", *RANGES)

            def peers() -> object:
                return connection.sql(bare).to_arrow_table()

            ours()
            peers()
            taken: dict[str, Taken] = interleaved(
                {"ours": lambda: here(ours), "bare": lambda: here(peers)}, times=times
            )
        connection.close()
    return Row(
        what=f"explain by 8 dimensions to depth 3, {size:,} rows",
        ours=taken["ours"].cpu,
        peer=taken["bare"].cpu,
        unit="CPU s",
        peer_is="one group-by of the same columns",
        limit=4.0,
    )


def _searched(python: Path | None, seeds: range) -> Iterator[Row]:
    """Seconds of the search after the query, and F1 of each incident, on the same leaves."""
    seconds: dict[str, list[float]] = {"ours": [], "peer": []}
    for incident in INCIDENTS[:2]:
        scores: dict[str, list[float]] = {"ours": [], "peer": []}
        cubes = [leaf_cube(incident, seed) for seed in seeds]
        for data in cubes:
            cube, found = _cube(data), []
            taken = here(lambda cube=cube, found=found: found.append(search_cube(cube, "n", RANGES, (28, 1))))  # type: ignore[misc]
            seconds["ours"].append(taken.cpu)
            scores["ours"].append(_f1(data, [dict(cause.segment) for cause in found[0].causes]))
        for data, told in zip(cubes, _told(python, cubes), strict=False):
            seconds["peer"].append(told["seconds"])
            scores["peer"].append(0.0 if told["found"] is None else _f1(data, told["found"]))
        yield Row(
            what=f"F1 of {incident}, {len(seeds)} seeds",
            ours=statistics.mean(scores["ours"]),
            peer=statistics.mean(scores["peer"]) if scores["peer"] else None,
            peer_is=f"{PEER}, told how many",
            unit="F1",
            limit=0.95,
            limit_of="ours",
            at_least=True,
        )
    quiet = [len(search_cube(_cube(leaf_cube("nothing", seed)), "n", RANGES, (28, 1)).causes) for seed in seeds]
    yield Row(
        what="false segments of a quiet day", ours=statistics.mean(quiet), unit="a day", limit=0.05, limit_of="ours"
    )
    peer = statistics.median(seconds["peer"]) if seconds["peer"] else None
    yield Row(
        what="the search after the query, 1,728 leaves",
        ours=statistics.median(seconds["ours"]),
        peer=peer,
        unit="CPU s",
        peer_is=PEER,
        limit=None if peer is None else 0.1,
    )


def _cube(data: LeafCube) -> Cube:
    leaf, day = np.divmod(np.arange(data.sessions.size), data.sessions.shape[1])
    codes = [data.codes[leaf, place] for place in range(len(DIMENSIONS))]
    amounts = {"value": data.sessions.ravel().astype(float)}
    return cube_of(DIMENSIONS, list(data.labels), codes, day, amounts, FIRST)


def _f1(data: LeafCube, segments: list[Mapping[str, str]]) -> float:
    return data.f1([data.members(tuple(segment.items())) for segment in segments], "volume")


def _peer() -> Path | None:
    """The Python of the peer's own environment, made once; None, and why is printed, where it cannot be installed."""
    python = CACHE / "bin" / "python"
    if python.exists():
        return python
    try:
        subprocess.run([sys.executable, "-m", "venv", str(CACHE)], check=True, capture_output=True)
        subprocess.run([str(python), "-m", "pip", "install", "-q", PEER], check=True, capture_output=True, timeout=600)
    except (OSError, subprocess.SubprocessError) as error:
        python.unlink(missing_ok=True)
        print(f"{PEER} cannot be installed, so nothing stands beside the search: {error}")
        return None
    return python


def _told(python: Path | None, cubes: list[LeafCube]) -> Iterator[dict[str, Any]]:
    """What the peer finds on each cube, told the number of segments; the first, which warms it up, is asked twice."""
    if python is None:
        return
    asked = []
    for data in [cubes[0], *cubes]:
        leaves: dict[str, Any] = {
            name: [data.labels[place][code] for code in data.codes[:, place]] for place, name in enumerate(DIMENSIONS)
        }
        leaves["before"] = data.sessions[:, [-8, -15, -22, -29]].mean(axis=1).tolist()
        leaves["after"] = data.sessions[:, -1].astype(float).tolist()
        asked.append(json.dumps({"leaves": leaves, "dims": list(DIMENSIONS), "segments": len(data.truth)}))
    done = subprocess.run(
        [str(python), "-c", RUN_PEER], input="\n".join(asked), capture_output=True, text=True, check=True
    )
    yield from (json.loads(line) for line in done.stdout.splitlines()[1:])
