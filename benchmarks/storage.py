"""Publishing a table in the store (written, hashed, fingerprinted, on the disk) beside a bare COPY to Parquet."""

from __future__ import annotations

import tempfile
from pathlib import Path

import duckdb
from benchmarks.measure import Row, child, interleaved

EVENTS = """
SELECT i AS event_id, (hash(i) % 2000000)::BIGINT AS user_id, (hash(i + 7) % 300000)::INTEGER AS session,
  TIMESTAMPTZ '2026-01-01 00:00:00+00' + to_microseconds((i * 1500037) % 31536000000000) AS happened_at,
  DATE '2026-01-01' + (i % 365)::INTEGER AS day, 'kind ' || (i % 4) AS kind, 'C' || (hash(i + 3) % 5) AS country,
  'device ' || (i % 3) AS device, ((hash(i + 1) % 10000000) / 100.0)::DECIMAL(12, 2) AS amount,
  (hash(i + 11) % 1000) / 997.0 AS score, i % 7 = 0 AS is_bot, 'SKU-' || (hash(i + 5) % 50000) AS sku,
  if(i % 10 = 0, NULL, 'https://example.com/p/' || (hash(i + 9) % 1000000)) AS url, (i % 3)::TINYINT AS stage
FROM range({rows}) t(i)
"""
OURS = """
from steelyard.warehouse import Store
with Store.open({folder!r} + "/store").transaction("load", threads=2) as change:
    change.create("events", "SELECT * FROM read_parquet('{folder}/events.parquet')")
"""
BARE = """
import duckdb
connection = duckdb.connect(config={{"threads": 2}})
connection.execute("COPY (SELECT * FROM read_parquet('{folder}/events.parquet')) TO '{folder}/bare.parquet'")
"""


def rows(small: bool) -> list[Row]:
    """Processor time of a process each, and the most memory held."""
    count = 200_000 if small else 5_000_000
    with tempfile.TemporaryDirectory() as folder:
        duckdb.sql(EVENTS.format(rows=count)).write_parquet(str(Path(folder) / "events.parquet"))
        taken = interleaved(
            {
                "ours": lambda: child(OURS.format(folder=folder)),
                "bare": lambda: child(BARE.format(folder=folder)),
            },
            times=3,
        )
    return [
        Row(
            what=f"publish {count:,} rows of 14 columns",
            ours=taken["ours"].cpu,
            unit="CPU s",
            peer=taken["bare"].cpu,
            peer_is="bare COPY of the same Parquet",
            limit=None if small else 2.5,
        ),
        Row(
            what=f"memory to publish {count:,} rows",
            ours=taken["ours"].peak,
            unit="MB",
            peer=taken["bare"].peak,
            peer_is="bare COPY",
        ),
    ]
