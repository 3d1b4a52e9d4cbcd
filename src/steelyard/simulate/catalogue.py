"""What the shop sells, what it costs, and what goes with what."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from steelyard.simulate.columns import money
from steelyard.simulate.places import LIST_RATE
from steelyard.simulate.random_stream import Draws, lookup
from steelyard.simulate.schemas import SCHEMAS

if TYPE_CHECKING:
    from steelyard.simulate.columns import Column

__all__ = ["CATEGORIES", "COMPANION_SHARE", "Catalogue"]

# Neighbours go together: phones with phone cases, coffee with mugs. The price is the middle one, in euro cents.
CATEGORIES = (
    ("phones", 39_900),
    ("phone cases", 1_900),
    ("coffee", 1_200),
    ("mugs", 1_500),
    ("running shoes", 9_900),
    ("sports socks", 1_100),
    ("cameras", 54_900),
    ("memory cards", 2_900),
    ("novels", 1_300),
    ("reading lamps", 3_500),
    ("toys", 2_400),
    ("batteries", 800),
)
PER_CATEGORY = 50

# How a viewed product is chosen: one of the categories at random, or one of these, by weight.
FAVOURITE, COMPLEMENT, COMPANION = len(CATEGORIES), len(CATEGORIES) + 1, len(CATEGORIES) + 2
COMPANION_SHARE = 0.125
_FAVOURITE_WEIGHT, _COMPLEMENT_WEIGHT, _COMPANION_WEIGHT, _ANY_WEIGHT = 48, 12, 12, 2

I64 = npt.NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class Catalogue:
    """Products by number (category * 50 + rank of popularity), with prices and affinities.

    Attributes:
        cents: Price in euro cents, one entry a product.
        local_cents: Price in hundredths of the currency, by product and currency.
        companion: The product that goes with a product.
        mode: Inverse distribution of how the next product is chosen.
        category_of: Category by favourite category and mode.
        rank: Inverse distribution of the rank within a category.
    """

    cents: I64
    local_cents: I64
    companion: I64
    mode: I64
    category_of: I64
    rank: I64

    @classmethod
    def of(cls, draws: Draws) -> Catalogue:
        """The catalogue of a shop; prices spread from 0.4 to 2.2 times the middle of their category."""
        n = len(CATEGORIES)
        spread = 400 + (draws.u16("prices", n * PER_CATEGORY, 1)[:, 0].astype(np.int64) * 1_800 >> 16)
        middle = np.repeat(np.array([price for _, price in CATEGORIES]), PER_CATEGORY)
        cents = middle * spread // 1_000 // 10 * 10 + 9
        rates = np.array(list(LIST_RATE.values()))
        complement = np.arange(n) ^ 1
        modes = [np.array([*range(n), fav, complement[fav], fav]) for fav in range(n)]
        return cls(
            cents=cents,
            local_cents=(cents[:, None] * rates[None, :] + 500_000) // 1_000_000,
            companion=(complement[:, None] * PER_CATEGORY + np.arange(PER_CATEGORY)[None, :]).ravel(),
            mode=lookup([_ANY_WEIGHT] * n + [_FAVOURITE_WEIGHT, _COMPLEMENT_WEIGHT, _COMPANION_WEIGHT]),
            category_of=np.array(modes),
            rank=lookup([60_000 // (rank + 3) for rank in range(PER_CATEGORY)]),
        )

    def table(self) -> pa.RecordBatch:
        """The table `products`."""
        number = np.arange(len(self.cents))
        names = [name for name, _ in CATEGORIES]
        columns: list[Column] = [
            pa.array(number + 1),
            pa.array([f"{names[i // PER_CATEGORY]} {i % PER_CATEGORY + 1:02d}" for i in number]),
            pa.array([names[i // PER_CATEGORY] for i in number]),
            money(self.cents),
            money(self.cents * 6 // 10),
            pa.array(self.companion + 1),
        ]
        return pa.RecordBatch.from_arrays(columns, schema=SCHEMAS["products"])
