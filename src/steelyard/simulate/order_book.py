"""Orders, their lines, refunds and deliveries."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from steelyard.simulate.basket import Basket, added, paid
from steelyard.simulate.calendar_effects import DAY, Calendar
from steelyard.simulate.catalogue import Catalogue
from steelyard.simulate.columns import coded, money, nullable, times
from steelyard.simulate.people import DEVICES
from steelyard.simulate.places import COUNTRY_NAMES, CURRENCIES, regions
from steelyard.simulate.random_stream import Draws
from steelyard.simulate.schemas import SCHEMAS
from steelyard.simulate.segment import CHANNELS
from steelyard.simulate.visits import Visits

__all__ = ["Orders", "deliveries", "order_lines", "orders", "place_orders", "refunds"]

STATUSES, CARRIERS = ("completed", "cancelled"), ("dhl", "ups", "post", "courier")
REASONS = ("does not fit", "damaged", "changed mind", "late")

_CANCELLED, _REFUNDED, _WHOLE, _LATE = 0.02, 0.07, 0.5, 0.12  # shares: of orders; of refunds that are of all lines

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True)
class Orders:
    """One entry an order; lines are by order.

    Attributes:
        order_id: The key.
        visit: The session.
        at: Seconds since 1970.
        currency: The number of its currency.
        cancelled: Whether it was called off before it was paid.
        amount: The sum of its lines, in hundredths of the currency.
        line_order: The number of the order, by line.
        line_number: 1 for the first line of an order.
        product, quantity, unit_price: By line.
        chance: Eight times 16 random bits, by order.
    """

    order_id: I64
    visit: I64
    at: I64
    currency: I64
    cancelled: Mask
    amount: I64
    line_order: I64
    line_number: I64
    product: I64
    quantity: I64
    unit_price: I64
    chance: npt.NDArray[np.uint16]


def place_orders(
    draws: Draws,
    visits: Visits,
    basket: Basket,
    placed: Mask,
    at: I64,
    factor: F64 | None,
    catalogue: Catalogue,
    ids: int,
) -> Orders:
    """The orders of the sessions that placed one.

    Args:
        draws: The chunk's streams.
        visits: Its sessions.
        basket: The lines of all checkouts.
        placed: Which sessions placed their order.
        at: When each of those did.
        factor: What multiplies the prices of each session.
        catalogue: Prices.
        ids: The number before the first key.
    """
    visit = np.flatnonzero(placed)
    number = np.cumsum(placed) - 1
    lines = np.flatnonzero(placed[basket.visit])
    line_order, product = number[basket.visit[lines]], basket.product[lines]
    currency = regions().currency[visits.region[visit]]
    prices = catalogue.local_cents[product, currency[line_order]]
    unit_price = paid(prices, basket.visit[lines], factor)
    first = np.searchsorted(line_order, np.arange(len(visit)))
    chance = draws.u16("orders", len(placed), 8)[visit]
    return Orders(
        order_id=ids + 1 + visit,
        visit=visit,
        at=at,
        currency=currency,
        cancelled=chance[:, 0] < _CANCELLED * 65_536,
        amount=added(len(visit), line_order, unit_price * basket.quantity[lines]),
        line_order=line_order,
        line_number=np.arange(len(lines)) - first[line_order] + 1,
        product=product,
        quantity=basket.quantity[lines],
        unit_price=unit_price,
        chance=chance,
    )


def orders(book: Orders, visits: Visits, session_id: I64, customer_id: I64) -> pa.RecordBatch:
    """The table `orders`; a guest's has no customer."""
    visit = book.visit
    columns = [
        pa.array(book.order_id),
        pa.array(session_id[visit]),
        pa.array(visits.visitor_id[visit]),
        times(book.at),
        coded(book.cancelled, STATUSES),
        money(book.amount),
        coded(book.currency, CURRENCIES),
        coded(visits.country[visit], COUNTRY_NAMES),
        coded(visits.device[visit], DEVICES),
        coded(visits.channel[visit], CHANNELS),
        nullable(customer_id[visits.person[visit]], ~visits.known[visit]),
    ]
    return pa.RecordBatch.from_arrays(columns, schema=SCHEMAS["orders"])


def order_lines(book: Orders) -> pa.RecordBatch:
    """The table `order_lines`."""
    columns = [
        pa.array(book.order_id[book.line_order]),
        pa.array(book.line_number.astype(np.int32)),
        pa.array(book.product + 1),
        pa.array(book.quantity.astype(np.int32)),
        money(book.unit_price),
        money(book.unit_price * book.quantity),
    ]
    return pa.RecordBatch.from_arrays(columns, schema=SCHEMAS["order_lines"])


def refunds(book: Orders, calendar: Calendar) -> pa.RecordBatch:
    """The table `refunds`: of a whole order or of its first line, two to thirty days after it, until the span ends."""
    chance = book.chance.astype(np.int64)
    at = book.at + 2 * DAY + (chance[:, 1] * 28 * DAY >> 16)
    which = np.flatnonzero((chance[:, 2] < _REFUNDED * 65_536) & ~book.cancelled & (at < calendar.end))
    first = np.searchsorted(book.line_order, which)
    line = (book.unit_price * book.quantity)[first]
    whole = chance[which, 3] < _WHOLE * 65_536
    columns = [
        pa.array(book.order_id[which]),
        pa.array(book.order_id[which]),
        times(at[which]),
        money(np.where(whole, book.amount[which], line)),
        coded(book.currency[which], CURRENCIES),
        coded(chance[which, 4] >> 14, REASONS),
    ]
    return pa.RecordBatch.from_arrays(columns, schema=SCHEMAS["refunds"])


def deliveries(book: Orders, calendar: Calendar) -> pa.RecordBatch:
    """The table `deliveries`: of orders shipped before the span ends; those still on their way have not arrived."""
    chance = book.chance.astype(np.int64)
    shipped = book.at + 6 * 3_600 + (chance[:, 5] * 42 * 3_600 >> 16)
    promised = shipped + 4 * DAY
    late = chance[:, 6] < _LATE * 65_536
    taken = DAY + (chance[:, 7] * 3 * DAY >> 16) + np.where(late, 3 * DAY, 0)
    which = np.flatnonzero(~book.cancelled & (shipped < calendar.end))
    arrived = (shipped + taken)[which]
    columns = [
        pa.array(book.order_id[which]),
        pa.array(book.order_id[which]),
        coded(chance[which, 4] & 3, CARRIERS),
        times(shipped[which]),
        times(promised[which]),
        times(arrived, arrived >= calendar.end),
    ]
    return pa.RecordBatch.from_arrays(columns, schema=SCHEMAS["deliveries"])
