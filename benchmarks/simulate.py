"""How many events a second one core simulates: as record batches, and into Parquet."""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

from steelyard.simulate import shop

PROMISED = 800_000  # events a second


def rows(events: int = 2_000_000) -> list[dict[str, object]]:
    """One row a way of making a shop: events, CPU seconds and events a second; all tables are made in each.

    CPU time of the process, so that what else the machine does counts little.
    """
    shop(events=1_000).chunk(0)  # pays for imports
    made = shop(events=events)
    found: list[dict[str, object]] = []
    with tempfile.TemporaryDirectory() as folder:
        for way, make in (
            ("record batches", lambda: [tables["events"].num_rows for tables in made.chunks()]),
            ("Parquet files", lambda: made.write_parquet(Path(folder))),
        ):
            begun = time.process_time()
            result = make()
            seconds = time.process_time() - begun
            made_events = sum(result) if isinstance(result, list) else found[0]["events"]
            found.append(
                {
                    "way": way,
                    "events": made_events,
                    "cpu_seconds": round(seconds, 2),
                    "events_per_second": round(made_events / seconds),
                    "promised": PROMISED,
                }
            )
    return found


if __name__ == "__main__":
    for row in rows(int(sys.argv[1]) if len(sys.argv) > 1 else 2_000_000):
        print(row)
