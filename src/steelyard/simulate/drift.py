"""Slow changes: of how often something is seen, or of what it means."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import numpy as np

from steelyard.errors import unknown_name
from steelyard.simulate.calendar_effects import Calendar
from steelyard.simulate.incidents import with_shares
from steelyard.simulate.injection import Effect, Injection, Scene, span
from steelyard.simulate.segment import CHANNELS, Segment, check_segment, said
from steelyard.simulate.truth import Tally, TruthRow
from steelyard.simulate.visits import CHANNEL_SHARES

__all__ = ["Drift"]


@dataclass(frozen=True, kw_only=True)
class Drift(Injection):
    """A change that grows evenly from nothing on `since` to all of it on `until`, and stays.

    Args:
        name: What the truth calls it.
        since: The last day (UTC) without it.
        until: The first day with all of it.
        of: `share`, the distribution of a feature: the share of a channel among sessions; or `conversion`, a
            relationship: the chance that a checkout of the segment becomes an order.
        segment: What drifts; for `share`, one channel.
        change: The relative change in the end: -0.5 halves.

    >>> Drift(name="fatigue", since=date(2025, 3, 1), until=date(2025, 9, 1), of="conversion",
    ...       segment={"channel": "email"}, change=-0.5).progress(Calendar.of(date(2025, 3, 1), date(2025, 9, 1)))[-1]
    1.0
    """

    since: date
    until: date
    of: str
    segment: Segment
    change: float

    def check(self, calendar: Calendar) -> None:
        """Refuse dates, segments and changes that cannot be."""
        self.check_dates(calendar, self.since, self.until)
        if self.since == self.until:
            raise self.refuse(f"a drift from {self.since} to {self.until} is a jump", "give it some days")
        if self.of not in ("share", "conversion"):
            raise unknown_name("drift", self.of, ("share", "conversion"), where=self.where)
        check_segment(self.segment, self.where)
        if self.of == "conversion":
            self.check_change("change", self.change)
        elif set(self.segment) != {"channel"}:
            raise self.refuse(f"the share of {said(self.segment)!r} cannot drift", 'give {"channel": "email"}')
        elif not self.change >= -1 or CHANNEL_SHARES[self.segment["channel"]] * (1 + self.change) > 0.9:
            raise self.refuse(f"a change of {self.change!r} leaves no mix of channels", "give a smaller change")

    def progress(self, calendar: Calendar) -> list[float]:
        """How much of the change is there, by day of the span."""
        first, last = ((day - calendar.since).days for day in (self.since, self.until))
        return [min(max((day - first) / (last - first), 0.0), 1.0) for day in range(calendar.days)]

    def shares_on(self, day: int, calendar: Calendar, shares: list[float]) -> list[float]:
        """The mix on a day."""
        if self.of != "share":
            return shares
        channel = self.segment["channel"]
        moved: Mapping[str, float] = {
            channel: min(shares[CHANNELS.index(channel)] * (1.0 + self.change * self.progress(calendar)[day]), 0.9)
        }
        return with_shares(shares, moved)

    def effect(self, step: str, scene: Scene) -> Effect | None:
        """What is left of the segment's chance to order."""
        if step != "order_placed" or self.of != "conversion":
            return None
        grown = 1.0 + self.change * np.array(self.progress(scene.calendar))
        return Effect(conversion=np.where(scene.visits.within(self.segment), grown[scene.visits.day], 1.0))

    def truth(self, calendar: Calendar, tally: Tally) -> list[TruthRow]:
        """The whole change."""
        quantity = "share of sessions" if self.of == "share" else "chance that a checkout becomes an order"
        begin, end = span(self.since, self.until)
        return [
            TruthRow(
                name=self.name, kind="drift", quantity=f"{quantity}, change when complete", value=self.change,
                measured_in="relative", segment=said(self.segment), since=begin, until=end,
            )
        ]  # fmt: skip
