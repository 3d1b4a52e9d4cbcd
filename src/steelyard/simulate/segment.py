"""A part of the traffic, said as column and value: {"device": "mobile"}."""

from __future__ import annotations

from collections.abc import Mapping

from steelyard.errors import DefinitionError, unknown_name
from steelyard.simulate.people import DEVICES, TIERS
from steelyard.simulate.places import COUNTRY_NAMES, REGION_NAMES

__all__ = ["CHANNELS", "DIMENSIONS", "Segment", "check_segment", "said"]

CHANNELS = ("direct", "organic", "paid_search", "email", "social", "referral")

Segment = Mapping[str, str]

DIMENSIONS: Mapping[str, tuple[str, ...]] = {
    "device": DEVICES,
    "channel": CHANNELS,
    "country": COUNTRY_NAMES,
    "region": REGION_NAMES,
    "tier": TIERS,
}


def check_segment(segment: Segment, where: str) -> None:
    """Refuse a segment that names what no shop has.

    Raises:
        UnknownNameError: A column or a value that does not exist.
    """
    if not isinstance(segment, Mapping):
        raise DefinitionError(f"segment {segment!r} is not a mapping", where=where, hint='write {"device": "mobile"}')
    for dimension, value in segment.items():
        if dimension not in DIMENSIONS:
            raise unknown_name("segment column", str(dimension), DIMENSIONS, where=where)
        if value not in DIMENSIONS[dimension]:
            raise unknown_name(dimension, str(value), DIMENSIONS[dimension], where=where)


def said(segment: Segment) -> str:
    """The segment as the truth table writes it; everybody is an empty text.

    >>> said({"device": "mobile", "country": "DE"})
    'country=DE, device=mobile'
    """
    return ", ".join(f"{dimension}={value}" for dimension, value in sorted(segment.items()))
