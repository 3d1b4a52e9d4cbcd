"""The people of one chunk: who they are before they come."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from steelyard.simulate.calendar_effects import DAY, Calendar
from steelyard.simulate.catalogue import CATEGORIES
from steelyard.simulate.columns import coded, dates
from steelyard.simulate.places import COUNTRY_NAMES as COUNTRIES
from steelyard.simulate.places import CURRENCIES, REGION_NAMES, ZONES, regions
from steelyard.simulate.random_stream import Draws, lookup, threshold
from steelyard.simulate.schemas import SCHEMAS

__all__ = ["BROWSERS", "CHUNK", "DEVICES", "TIERS", "People", "people"]

CHUNK = 2_048  # people in a chunk

TIERS = ("bronze", "silver", "gold")
DEVICES = ("mobile", "desktop", "tablet")
BROWSERS = ("chrome", "safari", "firefox", "edge", "crawler")

_KNOWN = 0.45  # share of people with an account
_EARLIER = 0.6  # share that came before the span began
_SECOND_DEVICE = 0.35  # share of customers who come with two devices, so with two anonymous ids
_VISITS = (2, 7, 18)  # sessions after the first: the mean of each tier
_BOT_VISITS = 12

_TIER, _DEVICE, _BROWSER = lookup([70, 22, 8]), lookup([58, 36, 6]), lookup([56, 28, 8, 8])
_REGION = lookup(list(regions().weight))

I64 = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True)
class People:
    """One entry a person; the tier says how often they come and how readily they buy.

    Attributes:
        customer_id: 1 for the first person of the shop; only `known` people are customers.
        tier, region, device, browser: Numbers of names; `device` and `browser` have a column for each anonymous id.
        favourite: The category that they like.
        visits: How many sessions to try.
        arrival: Where in the calendar's cumulative weights they first come.
        joined: Day of joining, since 1970.
    """

    customer_id: I64
    tier: I64
    region: I64
    known: Mask
    bot: Mask
    two_devices: Mask
    device: I64
    browser: I64
    favourite: I64
    visits: I64
    arrival: I64
    joined: I64
    birth_year: I64
    accepts_email: Mask

    def table(self) -> pa.RecordBatch:
        """The table `customers`."""
        places, who = regions(), np.flatnonzero(self.known)
        region = self.region[who]
        columns = [
            pa.array(self.customer_id[who]),
            dates(self.joined[who]),
            coded(places.country[region], COUNTRIES),
            coded(region, REGION_NAMES),
            coded(places.zone[region], ZONES),
            coded(places.currency[region], CURRENCIES),
            coded(self.tier[who], TIERS),
            pa.array(self.birth_year[who].astype(np.int32)),
            pa.array(self.accepts_email[who]),
        ]
        return pa.RecordBatch.from_arrays(columns, schema=SCHEMAS["customers"])


def people(draws: Draws, chunk: int, size: int, calendar: Calendar, bots: float) -> People:
    """The people number `chunk` * `CHUNK` and the `size` - 1 after them."""
    who, habits = draws.u16("people", size, 8), draws.u16("habits", size, 4)
    chances = draws.u32("arrivals", size, 2).astype(np.int64)
    bot = chances[:, 0] < threshold(np.array([bots]))[0]
    known = (who[:, 2] < _KNOWN * 65_536) & ~bot
    tier = _TIER[who[:, 0]]
    arrival, left = _arrivals(habits[:, 3] >= _EARLIER * 65_536, chances[:, 1], calendar)
    browser = _BROWSER[who[:, 6:8]]
    browser[bot] = BROWSERS.index("crawler")
    return People(
        customer_id=chunk * CHUNK + np.arange(1, size + 1),
        tier=tier,
        region=_REGION[who[:, 1]],
        known=known,
        bot=bot,
        two_devices=known & (who[:, 3] < _SECOND_DEVICE * 65_536),
        device=_DEVICE[who[:, 4:6]],
        browser=browser,
        favourite=habits[:, 0].astype(np.int64) * len(CATEGORIES) >> 16,
        visits=_visits(tier, bot, habits[:, 1], left),
        arrival=arrival,
        joined=_joined(arrival, habits[:, 2].astype(np.int64), calendar),
        birth_year=1945 + (draws.u16("birth", size, 1)[:, 0].astype(np.int64) * 62 >> 16),
        accepts_email=draws.u16("consent", size, 1)[:, 0] < 39_322,
    )


def _arrivals(new: Mask, chance: I64, calendar: Calendar) -> tuple[I64, I64]:
    """Where each newcomer first appears in the cumulative weights, and how much of the span is left (of 65,536)."""
    total = int(calendar.cumulative[-1])
    at = np.where(new, ((total * 9 // 10) * (chance >> 8)) >> 24, 0)
    return at, ((total - at) << 16) // total


def _visits(tier: I64, bot: Mask, chance: npt.NDArray[np.uint16], left: I64) -> I64:
    more = _visit_tables()[np.where(bot, len(TIERS), tier), chance]
    return 1 + (more * left >> 16)


@cache
def _visit_tables() -> I64:
    """The inverse distributions of further sessions: by tier, and a last one for bots."""
    return np.stack([_geometric(mean) for mean in (*_VISITS, _BOT_VISITS)])


def _geometric(mean: int) -> I64:
    """The inverse of a geometric distribution, cut off at ten times its mean."""
    weights, keep, weight = [], 10_000 * mean // (mean + 1), 10**12
    for _ in range(10 * mean):
        weights.append(weight)
        weight = weight * keep // 10_000
    return lookup(weights)


def _joined(arrival: I64, chance: I64, calendar: Calendar) -> I64:
    """Newcomers joined on the day when they could first come, others up to three years before the span."""
    first = calendar.begin // DAY
    came = first - 1 + np.searchsorted(calendar.cumulative, arrival, side="right") - 1
    return np.where(arrival > 0, came, first - 2 - (chance * 1_095 >> 16))
