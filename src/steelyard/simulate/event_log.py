"""What every session does, second by second."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from steelyard.simulate.calendar_effects import Calendar
from steelyard.simulate.catalogue import COMPANION, PER_CATEGORY, Catalogue
from steelyard.simulate.random_stream import Draws, lookup
from steelyard.simulate.visits import LONGEST, Visits

__all__ = ["EVENTS", "Slots", "lay_out"]

EVENTS = ("page_view", "product_view", "add_to_cart", "checkout_started", "order_placed")
PAGE, VIEW, CART, CHECKOUT, ORDER = range(5)

_MODES: Final = COMPANION + 1

I64 = npt.NDArray[np.int64]
I32 = npt.NDArray[np.int32]


@dataclass(frozen=True, kw_only=True)
class Slots:
    """A place for every event that could happen, by session and then by time.

    A session with a cart has a last but one place for a checkout and a last one for an order, used or not: so that an
    injection which takes an order away moves no other random number.

    Attributes:
        first: The number of each session's first place.
        last: The number of each session's last place.
        visit: The session of each place.
        event: What happens there, as a number of `EVENTS`.
        at: Seconds since 1970.
        product: The product, 0 for the first one; meaningless where the event has none.
        spare: 16 random bits of each place.
    """

    first: I64
    last: I64
    visit: I32
    event: npt.NDArray[np.int8]
    at: I64
    product: I32
    spare: npt.NDArray[np.uint16]


def lay_out(
    draws: Draws, visits: Visits, favourite: I64, items: I64, calendar: Calendar, catalogue: Catalogue
) -> Slots:
    """The places of all sessions.

    A session is a page view, its product views, and each item put into the cart right after one of the last views.
    """
    size = 1 + visits.views + items + 2 * (items > 0)
    ends = np.cumsum(size)
    first, last, total = ends - size, ends - 1, int(ends[-1]) if len(ends) else 0
    visit = np.repeat(np.arange(len(size), dtype=np.int32), size)
    # How far behind the first pair of view and cart: below zero there are only views, from then on pairs.
    start_of_pairs = (first + 1 + visits.views - items).astype(np.int32)
    pair = np.arange(total, dtype=np.int32) - start_of_pairs[visit]
    event = (VIEW + ((pair & 1) & (pair > 0))).astype(np.int8)
    event[first] = PAGE
    carts = items > 0
    event[last[carts] - 1], event[last[carts]] = CHECKOUT, ORDER
    chance = draws.u16("events", total, 4)
    return Slots(
        first=first,
        last=last,
        visit=visit,
        event=event,
        at=_seconds(chance[:, 0], visits, size, first, visit, calendar),
        product=_products(chance, first, visit, pair, event, favourite, catalogue),
        spare=chance[:, 3],
    )


def _seconds(
    chance: npt.NDArray[np.uint16], visits: Visits, size: I64, first: I64, visit: I32, calendar: Calendar
) -> I64:
    """When each event happens: at least a second after the one before, all within the longest session and the span."""
    longest = np.minimum(LONGEST, calendar.end - 1 - visits.start) // size
    gap = np.minimum(_GAP[chance], longest.astype(np.int32)[visit])
    gap[first] = 0
    passed = np.cumsum(gap, dtype=np.int64)
    passed += (visits.start - passed[first])[visit]
    return passed


def _products(
    chance: npt.NDArray[np.uint16],
    first: I64,
    visit: I32,
    pair: I32,
    event: npt.NDArray[np.int8],
    favourite: I64,
    catalogue: Catalogue,
) -> I32:
    mode = catalogue.mode.astype(np.int32)[chance[:, 1]]
    category = catalogue.category_of.astype(np.int32).ravel()[(favourite * _MODES).astype(np.int32)[visit] + mode]
    product: I32 = category * PER_CATEGORY + catalogue.rank.astype(np.int32)[chance[:, 2]]
    # Only even-numbered views follow the one before, which is odd and so never follows one itself.
    follows = np.flatnonzero(mode == COMPANION)
    place = follows - first[visit[follows]]
    follows = follows[(place >= 2) & (place % 2 == 0) & (pair[follows] <= 0)]
    product[follows] = catalogue.companion[product[follows - 1]]
    carts = np.flatnonzero(event == CART)
    product[carts] = product[carts - 1]
    return product


def _gaps() -> I32:
    """Seconds between two events, 1 to 500, short ones more often: the inverse distribution."""
    return lookup([500_000 // (second + 12) for second in range(500)], list(range(1, 501))).astype(np.int32)


_GAP = _gaps()
