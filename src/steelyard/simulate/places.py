"""Where customers live: countries, regions, time zones and currencies."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

__all__ = ["COUNTRIES", "COUNTRY_NAMES", "CURRENCIES", "LIST_RATE", "REGION_NAMES", "ZONES", "Country", "regions"]


@dataclass(frozen=True, kw_only=True)
class Country:
    """One market: its share of people in percent, its money, and the time zone of each region."""

    code: str
    share: int
    currency: str
    zones: tuple[str, ...]


_EAST, _WEST = "America/New_York", "America/Los_Angeles"

COUNTRIES = (
    Country(code="US", share=36, currency="USD", zones=(_EAST,) * 5 + (_WEST,) * 3),
    Country(code="DE", share=20, currency="EUR", zones=("Europe/Berlin",) * 5),
    Country(code="GB", share=16, currency="GBP", zones=("Europe/London",) * 4),
    Country(code="FR", share=12, currency="EUR", zones=("Europe/Paris",) * 4),
    Country(code="IN", share=10, currency="INR", zones=("Asia/Kolkata",) * 4),
    Country(code="AU", share=6, currency="AUD", zones=("Australia/Sydney",) * 4),
)

# What one euro buys, in millionths, where price lists are made.
LIST_RATE = {"EUR": 1_000_000, "USD": 1_100_000, "GBP": 850_000, "INR": 92_000_000, "AUD": 1_650_000}

COUNTRY_NAMES = tuple(country.code for country in COUNTRIES)
CURRENCIES = tuple(LIST_RATE)
REGION_NAMES = tuple(f"{c.code}-{i + 1:02d}" for c in COUNTRIES for i in range(len(c.zones)))
ZONES = tuple(dict.fromkeys(zone for c in COUNTRIES for zone in c.zones))


@dataclass(frozen=True, kw_only=True)
class Regions:
    """For each region (arrays of one entry a region): the numbers of its country, zone and currency, and its weight."""

    country: np.ndarray[tuple[int], np.dtype[np.int64]]
    zone: np.ndarray[tuple[int], np.dtype[np.int64]]
    currency: np.ndarray[tuple[int], np.dtype[np.int64]]
    weight: tuple[int, ...]


@cache
def regions() -> Regions:
    """Every region with where it belongs; the regions of one country are equally large.

    >>> REGION_NAMES[0], ZONES[int(regions().zone[0])]
    ('US-01', 'America/New_York')
    """
    rows = [(n, c, zone) for n, c in enumerate(COUNTRIES) for zone in c.zones]
    return Regions(
        country=np.array([n for n, _, _ in rows]),
        zone=np.array([ZONES.index(zone) for _, _, zone in rows]),
        currency=np.array([CURRENCIES.index(c.currency) for _, c, _ in rows]),
        weight=tuple(c.share * 840 // len(c.zones) for _, c, _ in rows),
    )
