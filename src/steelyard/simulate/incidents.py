"""Incidents with a known cause: a drop in conversion, a tracking outage, a change of mix."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

import numpy as np
import numpy.typing as npt

from steelyard.errors import unknown_name
from steelyard.simulate.calendar_effects import Calendar, instant
from steelyard.simulate.event_log import EVENTS
from steelyard.simulate.injection import STEPS, Effect, Injection, Outcome, Scene, capped, expected, span
from steelyard.simulate.segment import CHANNELS, Segment, check_segment, said
from steelyard.simulate.truth import Tally, TruthRow
from steelyard.simulate.visits import Visits, base_shares

__all__ = ["ConversionDrop", "MixShift", "TrackingOutage"]

I64 = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True)
class ConversionDrop(Injection):
    """One segment passes one step of the funnel less often.

    Args:
        name: What the truth calls it.
        since: First day (UTC).
        until: Last day.
        drop: The share of the chance that is gone: 0.4 leaves six in ten.
        segment: Whom it hits; everybody when empty.
        step: `add_to_cart`, `checkout_started` or `order_placed`.
    """

    since: date
    until: date
    drop: float
    segment: Segment = field(default_factory=dict)
    step: str = "order_placed"

    def check(self, calendar: Calendar) -> None:
        """Refuse dates, segments, steps and shares that cannot be."""
        self.check_dates(calendar, self.since, self.until)
        check_segment(self.segment, self.where)
        if self.step not in STEPS:
            raise unknown_name("step", self.step, STEPS, where=self.where)
        if not 0 < self.drop <= 1:
            raise self.refuse(f"a drop of {self.drop!r}", "give a share above 0 and up to 1")

    def effect(self, step: str, scene: Scene) -> Effect | None:
        """What is left of the chance."""
        if step != self.step:
            return None
        hit = scene.visits.within(self.segment) & scene.visits.between(*span(self.since, self.until))
        return Effect(conversion=np.where(hit, 1.0 - self.drop, 1.0))

    def count(self, outcome: Outcome) -> Tally:
        """Sessions that it met, and the expected number that it stopped."""
        hit = (outcome.effect.conversion != 1.0) & outcome.scene.reached
        stopped = capped(outcome.without[hit]) - capped(outcome.without[hit] * (1.0 - self.drop))
        return Tally({("met",): int(hit.sum()), ("stopped",): int(stopped.sum())})

    def truth(self, calendar: Calendar, tally: Tally) -> list[TruthRow]:
        """The change, and how many sessions it stopped at the step."""
        begin, end = span(self.since, self.until)

        def row(quantity: str, value: float, measured_in: str) -> TruthRow:
            return TruthRow(
                name=self.name, kind="conversion_drop", quantity=quantity, value=value, measured_in=measured_in,
                segment=said(self.segment), since=begin, until=end,
            )  # fmt: skip

        return [
            row(f"chance of {self.step}", -self.drop, "relative"),
            row(f"sessions that could pass {self.step}", tally["met",], "sessions"),
            row(f"{self.step} lost, expected", expected(tally["stopped",]), "sessions"),
        ]


@dataclass(frozen=True, kw_only=True)
class TrackingOutage(Injection):
    """Events that happened and never arrived; orders and sessions, which other systems keep, are complete.

    Args:
        name: What the truth calls it.
        since: First moment, with a time zone.
        until: First moment after it.
        segment: Whose events are lost; everybody's when empty.
        events: Which kinds are lost; all when empty.
    """

    since: datetime
    until: datetime
    segment: Segment = field(default_factory=dict)
    events: tuple[str, ...] = ()

    def check(self, calendar: Calendar) -> None:
        """Refuse moments, segments and kinds of event that cannot be."""
        for moment in (self.since, self.until):
            if not isinstance(moment, datetime) or moment.tzinfo is None:
                raise self.refuse(f"{moment!r} has no time zone", "give datetime(..., tzinfo=UTC)")
        if self.until <= self.since:
            raise self.refuse(f"until {self.until} is not after since {self.since}", "swap the two moments")
        if instant(self.since) < calendar.begin or instant(self.until) > calendar.end:
            raise self.refuse(
                f"{self.since} to {self.until} reaches outside the shop's {calendar.since} to {calendar.until}",
                "move the outage, or give the shop a longer span",
            )
        check_segment(self.segment, self.where)
        for event in self.events:
            if event not in EVENTS:
                raise unknown_name("event", event, EVENTS, where=self.where)

    def loses(self, visits: Visits, visit: npt.NDArray[np.int32], event: npt.NDArray[np.int8], at: I64) -> Mask | None:
        """The events of the segment in these hours."""
        gone = (at >= instant(self.since)) & (at < instant(self.until))
        if self.segment:
            gone &= visits.within(self.segment)[visit]
        if self.events:
            gone &= np.isin(event, [EVENTS.index(name) for name in self.events])
        return gone

    def truth(self, calendar: Calendar, tally: Tally) -> list[TruthRow]:
        """How many events were lost."""
        return [
            TruthRow(
                name=self.name, kind="tracking_outage", quantity="events lost", value=tally["lost",],
                measured_in="events", segment=said(self.segment), since=instant(self.since), until=instant(self.until),
            )
        ]  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class MixShift(Injection):
    """Other channels bring the sessions; within a channel nothing changes.

    Args:
        name: What the truth calls it.
        since: First day (UTC).
        until: Last day.
        shares: The new share of sessions of some channels; the others share the rest as they did before.
    """

    since: date
    until: date
    shares: Mapping[str, float]

    def check(self, calendar: Calendar) -> None:
        """Refuse dates, channels and shares that cannot be."""
        self.check_dates(calendar, self.since, self.until)
        for channel in self.shares:
            if channel not in CHANNELS:
                raise unknown_name("channel", channel, CHANNELS, where=self.where)
        values = list(self.shares.values())
        rest_is_empty = set(self.shares) == set(CHANNELS)
        right = bool(values) and all(value >= 0 for value in values) and sum(values) <= 1 + 1e-9
        if not right or (rest_is_empty and abs(sum(values) - 1) > 1e-9):
            raise self.refuse(
                f"{dict(self.shares)!r} leaves no mix of channels", "give shares that add up to at most 1"
            )

    def shares_on(self, day: int, calendar: Calendar, shares: list[float]) -> list[float]:
        """The mix on a day."""
        first, last = ((d - calendar.since).days for d in (self.since, self.until))
        return with_shares(shares, self.shares) if first <= day <= last else shares

    def truth(self, calendar: Calendar, tally: Tally) -> list[TruthRow]:
        """The share of each channel before and in these days, if no other injection moves it."""
        begin, end = span(self.since, self.until)
        rows = []
        for when, mix in (("before", base_shares()), ("shifted", with_shares(base_shares(), self.shares))):
            rows += [
                TruthRow(
                    name=self.name, kind="mix_shift", quantity=f"share of sessions, {when}", value=share,
                    measured_in="share", segment=f"channel={channel}", since=begin, until=end,
                )
                for channel, share in zip(CHANNELS, mix, strict=True)
            ]  # fmt: skip
        return rows


def with_shares(shares: list[float], new: Mapping[str, float]) -> list[float]:
    """A mix in which some channels have new shares, and the others keep their proportions (equal ones if all were 0).

    >>> with_shares([0.5, 0.25, 0.25, 0.0, 0.0, 0.0], {"direct": 0.0})
    [0.0, 0.5, 0.5, 0.0, 0.0, 0.0]
    """
    kept = {c: s for c, s in zip(CHANNELS, shares, strict=True) if c not in new}
    if not sum(kept.values()):
        kept = dict.fromkeys(kept, 1.0)
    rest, left = sum(kept.values()), 1.0 - sum(new.values())
    return [float(new[channel]) if channel in new else kept[channel] * left / rest for channel in CHANNELS]
