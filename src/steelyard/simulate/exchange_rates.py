"""Daily exchange rates that have no weekends."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pyarrow as pa

from steelyard.simulate.places import LIST_RATE
from steelyard.simulate.random_stream import Draws
from steelyard.simulate.schemas import SCHEMAS

__all__ = ["exchange_rates"]


def exchange_rates(draws: Draws, since: date, until: date) -> pa.RecordBatch:
    """What one euro buys on each working day, from ten days before the span on.

    Rates walk, and are pulled back to the list rate; every step is whole-number arithmetic in millionths. The euro
    itself is there with a rate of one, so that an as-of join needs no exception.
    """
    first = since - timedelta(days=10)
    days = [first + timedelta(days=i) for i in range((until - first).days + 1)]
    rows = []
    for currency, listed in LIST_RATE.items():
        rate = listed
        steps = draws.u16(f"rates {currency}", len(days), 1)[:, 0].tolist()
        for day, step in zip(days, steps, strict=True):
            if day.weekday() < 5:
                rows.append((currency, day, Decimal(rate).scaleb(-6)))
                if currency != "EUR":
                    rate += rate * (step - 32_768) // (32_768 * 200) + (listed - rate) // 50
    columns = [list(column) for column in zip(*rows, strict=True)]
    arrays = [pa.array(c, field.type) for c, field in zip(columns, SCHEMAS["exchange_rates"], strict=True)]
    return pa.RecordBatch.from_arrays(arrays, schema=SCHEMAS["exchange_rates"])
