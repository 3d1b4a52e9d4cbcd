"""What is true of a shop: every injected effect and every injected fault, as a table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import astuple, dataclass
from datetime import date

import pyarrow as pa

__all__ = ["TRUTH", "Tally", "TruthRow", "truth_table"]

TRUTH = pa.schema(
    [pa.field(name, pa.string(), nullable=False) for name in ("name", "kind", "quantity", "arm", "segment")]
    + [pa.field("since", pa.timestamp("us", tz="UTC")), pa.field("until", pa.timestamp("us", tz="UTC"))]
    + [pa.field("value", pa.float64(), nullable=False), pa.field("measured_in", pa.string(), nullable=False)]
)


class Tally(Counter[tuple[str, ...]]):
    """Sums of whole numbers by key: they add up to the same in any order."""


@dataclass(frozen=True, kw_only=True)
class TruthRow:
    """One true number.

    Attributes:
        name: The injection, or `shop`.
        kind: What sort of injection it is.
        quantity: What the number is of.
        arm: The arm that is compared with the first one; empty elsewhere.
        segment: The part of the traffic; empty for everybody.
        since: When it begins; a moment in UTC.
        until: The first moment after it.
        value: The number.
        measured_in: Its unit: `relative` (0.05 is five in a hundred more), `share`, `orders`, `EUR`, `events` ...
    """

    name: str
    kind: str
    quantity: str
    arm: str = ""
    segment: str = ""
    since: object = None
    until: object = None
    value: float
    measured_in: str


def truth_table(rows: Iterable[TruthRow]) -> pa.Table:
    """The rows as a table."""
    columns = list(zip(*(astuple(row) for row in rows), strict=True))
    moments = {5, 6}
    arrays = [
        pa.array([_moment(v) for v in column] if i in moments else list(column), TRUTH.field(i).type)
        for i, column in enumerate(columns)
    ]
    return pa.Table.from_arrays(arrays, schema=TRUTH)


def _moment(value: object) -> object:
    from datetime import UTC, datetime

    if isinstance(value, int):
        return datetime.fromtimestamp(value, UTC)
    if isinstance(value, date) and not isinstance(value, datetime):
        return datetime(value.year, value.month, value.day, tzinfo=UTC)
    return value
