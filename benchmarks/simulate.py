"""How many events a second one core simulates: as record batches, and into Parquet."""

from __future__ import annotations

import tempfile
from pathlib import Path

from benchmarks.measure import Row, here

from steelyard.simulate import shop

PROMISED = 800_000  # events a second of one core


def rows(small: bool) -> list[Row]:
    """Events a second of processor time, so that what else the machine does counts little; all tables are made."""
    made = shop(events=200_000 if small else 2_000_000)
    made.chunk(0)  # pays for imports
    counted: list[int] = []
    batches = here(lambda: counted.extend(tables["events"].num_rows for tables in made.chunks()))
    with tempfile.TemporaryDirectory() as folder:
        files = here(lambda: made.write_parquet(Path(folder)))
    events = sum(counted)
    return [
        Row(
            what=f"simulate {events:,} events as {way}",
            ours=events / taken.cpu,
            unit="events/CPU s",
            limit=PROMISED,
            limit_of="ours",
            at_least=True,
        )
        for way, taken in (("record batches", batches), ("Parquet files", files))
    ]
