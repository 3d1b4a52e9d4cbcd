"""A newsletter a month to the customers who want it."""

from __future__ import annotations

from datetime import date, timedelta
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from steelyard.simulate.calendar_effects import DAY, Calendar, seconds
from steelyard.simulate.columns import times
from steelyard.simulate.people import People
from steelyard.simulate.random_stream import Draws
from steelyard.simulate.schemas import SCHEMAS

if TYPE_CHECKING:
    from steelyard.simulate.columns import Column

__all__ = ["emails", "send_days"]

_OPENED, _CLICKED = 0.28, 0.2  # shares: of those sent; of those opened
_HOUR = 9  # UTC


@cache
def send_days(since: date, until: date) -> tuple[date, ...]:
    """The first Tuesday of each month within a span.

    >>> send_days(date(2025, 1, 1), date(2025, 2, 28))
    (datetime.date(2025, 1, 7), datetime.date(2025, 2, 4))
    """
    days = (since + timedelta(days=i) for i in range((until - since).days + 1))
    return tuple(day for day in days if day.weekday() == 1 and day.day <= 7)


def emails(draws: Draws, people: People, calendar: Calendar, ids: int) -> pa.RecordBatch:
    """The table `emails`: by mailing and then by customer; only those who had joined get one."""
    days = send_days(calendar.since, calendar.until)
    sent = np.array([seconds(day) + _HOUR * 3_600 for day in days], dtype=np.int64)
    able = people.known & people.accepts_email
    mailing, person = np.nonzero(able[None, :] & (people.joined[None, :] < sent[:, None] // DAY))
    chance = draws.u16("emails", len(able) * len(days), 4)[person * len(days) + mailing].astype(np.int64)
    at = sent[mailing] + (chance[:, 0] * 1_800 >> 16)
    opened_at = at + 60 + (chance[:, 1] * 2 * DAY >> 16)
    opened = (chance[:, 2] < _OPENED * 65_536) & (opened_at < calendar.end - 600)
    clicked = opened & (chance[:, 3] < _CLICKED * 65_536)
    clicked_at = opened_at + 5 + (chance[:, 3] & 0xFF)
    names = pa.array([f"newsletter {day:%Y-%m}" for day in days], pa.string())
    columns: list[Column] = [
        pa.array(ids + 1 + person * len(days) + mailing),
        pa.array(people.customer_id[person]),
        names.take(pa.array(mailing, pa.int64())),
        times(at),
        times(opened_at, ~opened),
        times(clicked_at, ~clicked),
    ]
    return pa.RecordBatch.from_arrays(columns, schema=SCHEMAS["emails"])
