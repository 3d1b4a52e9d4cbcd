"""What is in the carts that reach a checkout, and what it would cost."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from steelyard.simulate.catalogue import Catalogue
from steelyard.simulate.event_log import CART, Slots
from steelyard.simulate.random_stream import lookup

__all__ = ["Basket", "fill"]

_QUANTITY = lookup([80, 14, 6], [1, 2, 3])

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True)
class Basket:
    """One entry a line, by session.

    Attributes:
        visit: The session.
        product: The product, 0 for the first one.
        quantity: How many.
        price: Euro cents on the list.
    """

    sessions: int
    visit: I64
    product: I64
    quantity: I64
    price: I64

    def worth(self, factor: F64 | None) -> I64:
        """Euro cents of each session's whole basket, if prices are multiplied by a factor for each session."""
        return added(self.sessions, self.visit, self.quantity * paid(self.price, self.visit, factor))


def fill(slots: Slots, reached: Mask, catalogue: Catalogue) -> Basket:
    """The baskets of the sessions that reached a checkout."""
    carts = np.flatnonzero(slots.event == CART)
    carts = carts[reached[slots.visit[carts]]]
    product = slots.product[carts].astype(np.int64)
    return Basket(
        sessions=len(reached),
        visit=slots.visit[carts].astype(np.int64),
        product=product,
        quantity=_QUANTITY[slots.spare[carts]],
        price=catalogue.cents[product],
    )


def paid(price: I64, visit: I64, factor: F64 | None) -> I64:
    """Prices times the factor of their session, rounded half up to a whole hundredth."""
    return price if factor is None else np.floor(price * factor[visit] + 0.5).astype(np.int64)


def added(groups: int, group: I64, values: I64) -> I64:
    """Sums by group, of whole numbers, exactly."""
    sums = np.zeros(groups, dtype=np.int64)
    np.add.at(sums, group, values)
    return sums
