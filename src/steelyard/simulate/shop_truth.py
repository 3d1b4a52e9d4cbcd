"""What is true of a shop apart from its injections: how many rows, and how many of them are faulty."""

from __future__ import annotations

from steelyard.simulate.catalogue import COMPANION, Catalogue
from steelyard.simulate.chunk import World
from steelyard.simulate.truth import Tally, TruthRow

__all__ = ["shop_truth"]

_FAULTS = {
    "duplicates": "events",
    "late": "events",
    "bot visitors": "visitors",
    "bot sessions": "sessions",
    "bot events": "events",
}


def shop_truth(world: World, people: int, tally: Tally) -> list[TruthRow]:
    """Counts of rows and of faults, and the affinity of products.

    `late` and `bot events` count events once, however often they arrived; `rows of events` counts every row.
    """
    calendar = world.calendar

    def row(quantity: str, value: float, measured_in: str, kind: str = "data") -> TruthRow:
        return TruthRow(
            name="shop", kind=kind, quantity=quantity, value=value, measured_in=measured_in,
            since=calendar.begin, until=calendar.end,
        )  # fmt: skip

    rows = [row("people", people, "people")]
    rows += [row(f"rows of {key[1]}", tally[key], "rows") for key in tally if key[0] == "rows"]
    rows += [row(quantity, tally[quantity,], unit) for quantity, unit in _FAULTS.items()]
    share = companion_share(world.catalogue)
    rows.append(row("even-numbered product views that follow goes_with", share, "share", "affinity"))
    return rows


def companion_share(catalogue: Catalogue) -> float:
    """The share of views that are made to be the companion of the view before."""
    return float((catalogue.mode == COMPANION).sum()) / len(catalogue.mode)
