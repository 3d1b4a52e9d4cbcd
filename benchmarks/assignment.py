"""How many users a second one core assigns: in Python, one by one, and in DuckDB beside a bare md5 scan."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from functools import partial

import numpy as np
import pyarrow as pa
from benchmarks.measure import Row, Taken, here, interleaved

from steelyard.studies.experiments.allocation import Allocation, everybody
from steelyard.studies.experiments.assignment import assigned
from steelyard.studies.experiments.assignment_sql import assignment_select
from steelyard.warehouse import connect

PROMISED = 8_000_000  # users a second on one core
LOOK_UP = 20e-6  # seconds
SCAN = 1.2  # times a bare scan that hashes
THREE = {"control": 0.5, "a": 0.25, "b": 0.25}


def rows(small: bool) -> list[Row]:
    """Processor time, so that what else the machine does counts little."""
    n = 200_000 if small else 4_000_000
    whole = Allocation(name="one_page", segments=(everybody(THREE, "control"),))
    ramped = Allocation(name="one_page")
    for share in (0.05, 0.1, 0.2):
        ramped = ramped.with_stage(share, THREE, "control")
    layered = Allocation(name="one_page", layer="checkout", layer_held_out=0.05)
    layered = layered.with_stage(1.0, THREE, "control")
    ids = np.arange(n) + 1_000_000
    texts = pa.array(ids).cast(pa.string())
    found = [
        _bulk(f"{n:,} whole numbers, everybody enrolled", whole, ids, PROMISED),
        _bulk(f"{n:,} texts, everybody enrolled", whole, texts, PROMISED),
        _bulk(f"{n:,} whole numbers, a ramp at 20 %", ramped, ids, PROMISED),
        _bulk(f"{n:,} whole numbers, a layer with a holdout (two hashes each)", layered, ids, PROMISED),
        _one_by_one(layered),
    ]
    return [*found, *(_in_sql(what, one, n) for what, one in (("everybody", whole), ("a ramp at 20 %", ramped)))]


def _bulk(what: str, allocation: Allocation, ids: object, limit: float | None) -> Row:
    assigned(allocation, ids)  # pays for imports
    taken = statistics.median(here(lambda: assigned(allocation, ids)).cpu for _ in range(5))
    return Row(
        what=f"assign {what}",
        ours=len(ids) / taken,  # type: ignore[arg-type]
        unit="users/CPU s",
        limit=limit,
        limit_of="ours",
        at_least=True,
    )


def _one_by_one(allocation: Allocation) -> Row:
    units = [f"user-{number}" for number in range(20_000)]
    begun = time.process_time()
    for unit in units:
        allocation.arm_of(unit)
    taken = (time.process_time() - begun) / len(units)
    return Row(what="one look-up, in a layer with a holdout", ours=taken, unit="CPU s", limit=LOOK_UP, limit_of="ours")


def _in_sql(what: str, allocation: Allocation, n: int) -> Row:
    """Both count what they made, so that nothing is saved by not making it."""
    select = assignment_select(allocation, "users", "id")
    columns = "count(*) AS n, count(arm) AS arms, sum(stage) AS stages"
    draws = select.count("bucket(")
    bare = ", ".join(f"min(bucket('salt{number}', id)) AS b{number}" for number in range(draws))
    with connect({"users": pa.table({"id": np.arange(n)})}) as warehouse:
        runs: dict[str, Callable[[], Taken]] = {
            "ours": partial(here, lambda: warehouse.fetch(f"SELECT {columns} FROM ({select}) AS given")),
            "bare": partial(here, lambda: warehouse.fetch(f"SELECT {bare} FROM users")),
        }
        for run in runs.values():
            run()
        taken = interleaved(runs, times=7)
    return Row(
        what=f"assign {n:,} users in DuckDB, {what}",
        ours=taken["ours"].cpu,
        unit="CPU s",
        peer=taken["bare"].cpu,
        peer_is=f"a scan with {draws} md5",
        limit=SCAN,
    )
