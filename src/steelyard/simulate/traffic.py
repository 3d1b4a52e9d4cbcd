"""The tables of what visitors did: visitors, sessions and the raw event log with its faults."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from steelyard.simulate.columns import coded, nullable, times
from steelyard.simulate.event_log import CART, EVENTS, VIEW, Slots
from steelyard.simulate.people import BROWSERS, DEVICES
from steelyard.simulate.places import COUNTRY_NAMES, REGION_NAMES, ZONES, regions
from steelyard.simulate.random_stream import Draws, threshold
from steelyard.simulate.schemas import SCHEMAS
from steelyard.simulate.segment import CHANNELS
from steelyard.simulate.visits import Visits

__all__ = ["Faults", "event_rows", "events", "sessions", "visitors"]

I64 = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True)
class Faults:
    """The rows of the event log: numbers of places, with what is wrong with them.

    Attributes:
        rows: Every event that arrived, and then those that arrived again.
        late: Which rows were loaded hours after they happened.
        again: How many rows at the end are duplicates.
    """

    rows: I64
    late: Mask
    again: int


def event_rows(draws: Draws, arrived: Mask, duplicates: float, late: float) -> Faults:
    """Which places become rows."""
    chance = draws.u32("faults", len(arrived), 2)
    limits = threshold(np.array([duplicates, late]))
    once = np.flatnonzero(arrived)
    twice = once[chance[once, 0] < limits[0]]
    rows = np.concatenate([once, twice])
    return Faults(rows=rows, late=chance[rows, 1] < limits[1], again=len(twice))


def events(slots: Slots, visits: Visits, faults: Faults, session_id: I64, customer_id: I64, ids: int) -> pa.RecordBatch:
    """The table `events`.

    A row is loaded within two minutes; a late one after 2 to 74 hours; a duplicate up to ten minutes after the first.
    `customer_id` is there in sessions in which a customer signed in (negative numbers stand for nobody).
    """
    rows = faults.rows
    visit, event, at, spare = slots.visit[rows], slots.event[rows], slots.at[rows], slots.spare[rows].astype(np.int64)
    delay = 1 + (spare * 119 >> 16)
    delay[faults.late] = 7_200 + spare[faults.late] * 4 - (spare[faults.late] >> 5)
    delay[len(rows) - faults.again :] += 1 + (spare[len(rows) - faults.again :] & 511)
    customer = customer_id[visit]
    has_product = (event == VIEW) | (event == CART)
    columns = [
        pa.array(ids + 1 + rows),
        coded(event, EVENTS),
        pa.array(visits.visitor_id[visit]),
        pa.array(session_id[visit]),
        times(at),
        times(at + delay),
        coded(visits.device.astype(np.int8)[visit], DEVICES),
        coded(visits.channel.astype(np.int8)[visit], CHANNELS),
        coded(visits.country.astype(np.int8)[visit], COUNTRY_NAMES),
        nullable(customer, customer < 0),
        nullable(slots.product[rows].astype(np.int64) + 1, ~has_product),
    ]
    return pa.RecordBatch.from_arrays(columns, schema=SCHEMAS["events"])


def sessions(slots: Slots, visits: Visits, last: I64, session_id: I64, customer_id: I64) -> pa.RecordBatch:
    """The table `sessions`; `last` is the place of each session's last event that happened."""
    columns = [
        pa.array(session_id),
        pa.array(visits.visitor_id),
        times(visits.start),
        times(slots.at[last]),
        coded(visits.device, DEVICES),
        coded(visits.channel, CHANNELS),
        coded(visits.country, COUNTRY_NAMES),
        coded(visits.region, REGION_NAMES),
        pa.array(visits.views.astype(np.int32)),
        pa.array(visits.latency_ms.astype(np.int32)),
        nullable(customer_id, customer_id < 0),
    ]
    return pa.RecordBatch.from_arrays(columns, schema=SCHEMAS["sessions"])


def visitors(visits: Visits, customer_id: I64) -> pa.RecordBatch:
    """The table `visitors`: an anonymous id, and the customer that it turned out to be at a first sign-in."""
    # Sessions are by person and time, so a stable order by visitor keeps each visitor's in time.
    order = np.argsort(visits.visitor_id, kind="stable")
    first = order[_begins(visits.visitor_id[order])]
    ids = visits.visitor_id[first]
    signed = order[customer_id[order] >= 0]
    signed = signed[_begins(visits.visitor_id[signed])]
    place = np.searchsorted(ids, visits.visitor_id[signed])
    customer, identified = np.full(len(ids), -1, dtype=np.int64), np.zeros(len(ids), dtype=np.int64)
    customer[place], identified[place] = customer_id[signed], visits.start[signed]
    region, unknown = visits.region[first], customer < 0
    columns = [
        pa.array(ids),
        times(visits.start[first]),
        coded(visits.device[first], DEVICES),
        coded(visits.browser[first], BROWSERS),
        coded(visits.country[first], COUNTRY_NAMES),
        coded(region, REGION_NAMES),
        coded(regions().zone[region], ZONES),
        nullable(customer, unknown),
        times(identified, unknown),
    ]
    return pa.RecordBatch.from_arrays(columns, schema=SCHEMAS["visitors"])


def _begins(groups: I64) -> Mask:
    """Where a new group begins, in an array in which equal numbers stand together."""
    begins = np.ones(len(groups), dtype=np.bool_)
    begins[1:] = groups[1:] != groups[:-1]
    return begins
