"""The sessions of one chunk: when, from where, and how far they look around."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from steelyard.simulate.calendar_effects import DAY, Calendar
from steelyard.simulate.people import People
from steelyard.simulate.places import regions
from steelyard.simulate.random_stream import Draws, lookup
from steelyard.simulate.segment import CHANNELS, DIMENSIONS, Segment

__all__ = ["CHANNEL_SHARES", "LONGEST", "QUIET", "Visits", "visits"]

LONGEST: Final = 3_540  # seconds that a session may last
QUIET: Final = 31 * 60  # seconds without a sign of a visitor that end a session, and one minute more
_LAST_START: Final = 300  # seconds before the end of the span in which no session begins

CHANNEL_SHARES = {
    "direct": 0.22, "organic": 0.30, "paid_search": 0.18, "email": 0.10, "social": 0.14, "referral": 0.06,
}  # fmt: skip

_LOGGED_IN = 0.6  # share of a customer's sessions in which they sign in before the checkout
_SECOND = 0.4  # share of sessions from the second device of those who have one
_VIEWS = lookup([30, 12, 11, 9, 8, 6, 5, 4, 3, 3, 2, 2, 1, 1, 1, 1, 1])  # weights of 0, 1, 2 ... product views
_LATENCY = [180, 240, 310, 380, 460, 560, 690, 860, 1_120, 1_650, 3_900]  # milliseconds, deciles

I64 = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True)
class Visits:
    """One entry a session, by person and then by time.

    Attributes:
        person: The number of the person within the chunk.
        visitor_id: The anonymous id: one for each device of a person.
        start: Seconds since 1970, UTC.
        day: Days since the first of the span, UTC.
        device, browser, channel, country, region, tier: Numbers of names.
        signed_in: Whether a customer signs in before any checkout (at a checkout every customer does).
        views: Product views.
    """

    person: I64
    visitor_id: I64
    start: I64
    day: I64
    device: I64
    browser: I64
    channel: I64
    country: I64
    region: I64
    tier: I64
    known: Mask
    bot: Mask
    signed_in: Mask
    views: I64
    latency_ms: I64

    def within(self, segment: Segment) -> Mask:
        """Which sessions belong to a segment."""
        inside = np.ones(len(self.person), dtype=np.bool_)
        for dimension, value in segment.items():
            inside &= getattr(self, dimension) == DIMENSIONS[dimension].index(value)
        return inside

    def between(self, since: int, until: int) -> Mask:
        """Which sessions start at or after one second and before another."""
        return (self.start >= since) & (self.start < until)


def visits(draws: Draws, who: People, calendar: Calendar, shares: npt.NDArray[np.int64]) -> Visits:
    """The sessions of some people.

    Args:
        draws: The chunk's streams.
        who: Its people.
        calendar: The span.
        shares: Cumulative shares of the channels, of 65,536: by UTC day and channel.
    """
    person, start = _starts(draws, who, calendar)
    n = len(person)
    chance, more = draws.u16("visits", n, 4), draws.u16("look", n, 2)
    second = who.two_devices[person] & (chance[:, 1] < _SECOND * 65_536)
    bot, region = who.bot[person], who.region[person]
    day = (start - calendar.begin) // DAY
    limits = shares[day]
    views = np.where(bot, 10 + (more[:, 0] >> 11).astype(np.int64), _VIEWS[more[:, 0]])
    return Visits(
        person=person,
        visitor_id=who.customer_id[person] * 2 - 1 + second,
        start=start,
        day=day,
        device=who.device[person, second.astype(np.int64)],
        browser=who.browser[person, second.astype(np.int64)],
        channel=(chance[:, :1] >= limits[:, :-1]).sum(axis=1),
        country=regions().country[region],
        region=region,
        tier=who.tier[person],
        known=who.known[person],
        bot=bot,
        signed_in=who.known[person] & (chance[:, 2] < _LOGGED_IN * 65_536),
        views=views,
        latency_ms=_latency(chance[:, 3]),
    )


def _starts(draws: Draws, who: People, calendar: Calendar) -> tuple[I64, I64]:
    """Person and first second of each session.

    Times are drawn freely, and those too near to the one before them are dropped: nearer than the longest session and
    the quiet that ends it. What remains is exactly what a sessionisation with a limit of 30 minutes finds.
    """
    wanted = np.repeat(np.arange(len(who.visits)), who.visits)
    chance = draws.u32("days", len(wanted), 2).astype(np.int64)
    lo, total = who.arrival[wanted], int(calendar.cumulative[-1])
    day = np.searchsorted(calendar.cumulative, lo + ((total - lo) * (chance[:, 0] >> 4) >> 28), side="right") - 1
    within = calendar.hour[chance[:, 1] & 0xFFFF] * 3_600 + ((chance[:, 1] >> 16) * 3_600 >> 16)
    zone = regions().zone[who.region[wanted]]
    start = calendar.begin + (day - 1) * DAY + within - calendar.offset[zone, day]
    key = np.sort(wanted << 36 | start)
    person, start = key >> 36, key & ((1 << 36) - 1)
    apart = np.ones(len(key), dtype=np.bool_)
    apart[1:] = np.diff(key) >= LONGEST + QUIET
    keep = apart & (start >= calendar.begin) & (start < calendar.end - _LAST_START)
    return person[keep], start[keep]


def _latency(chance: npt.NDArray[np.uint16]) -> I64:
    """Page latency between its deciles: whole milliseconds with a long tail."""
    knots = np.array(_LATENCY)
    part = chance.astype(np.int64) * 10
    low, share = part >> 16, part & 0xFFFF
    latency: I64 = knots[low] + ((knots[low + 1] - knots[low]) * share >> 16)
    return latency


def base_shares() -> list[float]:
    """The shares of the channels where nothing is injected, in the order of `CHANNELS`."""
    return [CHANNEL_SHARES[channel] for channel in CHANNELS]
