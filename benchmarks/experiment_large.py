"""An experiment on 100M units beside one bare scan of the same columns by arm; the memory that 10M in Parquet take."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import duckdb
from benchmarks.experiment import BARE, PLAIN, by_arm, made, study
from benchmarks.measure import Row, child, here, interleaved

from steelyard.studies.run import run
from steelyard.warehouse import connect

MADE = """from benchmarks.experiment import made
made({count}).execute("COPY units TO '{file}' (FORMAT parquet)")
"""
FROM_PARQUET = """import duckdb
from benchmarks.experiment import study
from steelyard.studies.run import run
from steelyard.warehouse import connect
connection = duckdb.connect()
connection.execute("SET enable_progress_bar = false")
connection.execute("CREATE VIEW units AS SELECT * FROM read_parquet('{file}')")
run(study(segments=("segment",)), connect(connection))
"""
BARE_FROM_PARQUET = """import duckdb
connection = duckdb.connect()
connection.execute("SET enable_progress_bar = false")
connection.execute("CREATE VIEW units AS SELECT * FROM read_parquet('{file}')")
connection.execute("{bare}").fetchall()
"""


def ratios(connection: duckdb.DuckDBPyConnection, count: int, *, limited: bool) -> list[Row]:
    """The same ratios as at 10M units."""
    warehouse = connect(connection)
    asked: dict[str, Callable[[], object]] = {
        "bare": lambda: connection.execute(BARE).fetchall(),
        PLAIN: lambda: run(study(), warehouse),
        "the same in 14 segments": lambda: run(study(segments=("segment",)), warehouse),
    }
    taken = interleaved({name: partial(here, call) for name, call in asked.items()}, times=3)
    bare = taken.pop("bare")
    return by_arm(taken, bare, count, limited=limited)


def memory(count: int) -> Row:
    """The most memory that a process holds for a study in 14 segments of a Parquet file, its imports included."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "units.parquet"
        child(MADE.format(count=count, file=file))
        taken = interleaved(
            {
                "ours": partial(child, FROM_PARQUET.format(file=file)),
                "bare": partial(child, BARE_FROM_PARQUET.format(file=file, bare=BARE)),
            },
            times=3,
        )
    return Row(
        what=f"most memory of a process for 14 segments of {count:,} units in Parquet",
        ours=taken["ours"].peak,
        unit="MB",
        peer=taken["bare"].peak,
        peer_is="a process of its own with one bare scan",
        limit=1_000,
        limit_of="ours",
    )


def rows(small: bool) -> list[Row]:
    """Wall-clock seconds on one connection, in turn; then memory, in processes of their own."""
    large, stored = (400_000, 200_000) if small else (100_000_000, 10_000_000)
    connection = made(large)
    found = ratios(connection, large, limited=not small)
    connection.close()
    return [*found, memory(stored)]
