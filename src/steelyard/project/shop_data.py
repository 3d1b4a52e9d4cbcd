"""Writes the simulated shop of the demo, with its truth beside it."""

from __future__ import annotations

from datetime import date
from pathlib import Path

__all__ = ["EVENTS", "write_shop"]

EVENTS = 1_000_000


def write_shop(folder: Path, *, events: int = EVENTS, seed: int = 1) -> bool:
    """Writes a year of a shop with a known experiment and a known incident; nothing when it is there already.

    Args:
        folder: Where the Parquet files go, and `truth.parquet`.
        events: About how many events.
        seed: The same seed gives the same files on every machine.

    Returns:
        Whether it was written.
    """
    if (folder / "truth.parquet").exists():
        return False
    import pyarrow.parquet as pq

    from steelyard import simulate

    checkout = simulate.Experiment(
        name="one_page_checkout",
        arms={"control": 0.5, "one_page": 0.5},
        ramp={date(2025, 4, 1): 0.05, date(2025, 4, 8): 0.1, date(2025, 4, 15): 0.2, date(2025, 4, 29): 1.0},
        until=date(2025, 9, 30),
        conversion_lift={"one_page": 0.15},
    )
    incident = simulate.ConversionDrop(
        name="payment_incident",
        since=date(2025, 10, 6),
        until=date(2025, 10, 26),
        drop=0.4,
        segment={"device": "mobile"},
    )
    shop = simulate.shop(events=events, seed=seed, inject=(checkout, incident))
    shop.write_parquet(folder)
    pq.write_table(shop.truth, folder / "truth.parquet")
    return True
