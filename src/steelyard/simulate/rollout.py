"""A change that places adopt at different dates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt

from steelyard.errors import unknown_name
from steelyard.simulate.calendar_effects import Calendar
from steelyard.simulate.injection import Effect, Injection, Outcome, Scene, capped, expected
from steelyard.simulate.segment import DIMENSIONS
from steelyard.simulate.truth import Tally, TruthRow

__all__ = ["StaggeredRollout"]

I64 = npt.NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class StaggeredRollout(Injection):
    """A change of the checkout that reaches countries or regions one after another, with an effect that develops.

    Args:
        name: What the truth calls it.
        adopts: First day (UTC) of each place that adopts; places that are not named never do.
        effects: Relative change of the chance that a checkout becomes an order in the first week after adoption, in
            the second and so on; the last holds from then on.
        by: `region` or `country`.

    >>> rollout = StaggeredRollout(name="lockers", by="country", adopts={"DE": date(2025, 4, 1)}, effects=(0.05, 0.1))
    >>> rollout.effects[-1]
    0.1
    """

    adopts: Mapping[str, date]
    effects: tuple[float, ...]
    by: str = "region"

    def check(self, calendar: Calendar) -> None:
        """Refuse places, dates and effects that cannot be."""
        if self.by not in ("region", "country"):
            raise unknown_name("place", self.by, ("region", "country"), where=self.where)
        if not self.adopts or not self.effects:
            raise self.refuse("nobody adopts, or nothing happens", "give at least one place and one effect")
        for place, day in self.adopts.items():
            if place not in DIMENSIONS[self.by]:
                raise unknown_name(self.by, place, DIMENSIONS[self.by], where=self.where)
            self.check_dates(calendar, day, calendar.until)
        for change in self.effects:
            self.check_change("effect", change)

    def _week(self, scene: Scene) -> I64:
        """Weeks since adoption, at most the last that has an effect of its own; -1 before it."""
        never = scene.calendar.days
        first = np.array(
            [(self.adopts[p] - scene.calendar.since).days if p in self.adopts else never for p in DIMENSIONS[self.by]]
        )
        days = scene.visits.day - first[scene.visits.region if self.by == "region" else scene.visits.country]
        return np.where(days < 0, -1, np.minimum(days // 7, len(self.effects) - 1))

    def effect(self, step: str, scene: Scene) -> Effect | None:
        """The effect of each session's week."""
        if step != "order_placed":
            return None
        return Effect(conversion=np.array([*(1.0 + e for e in self.effects), 1.0])[self._week(scene)])

    def count(self, outcome: Outcome) -> Tally:
        """Expected orders after adoption with and without the change, by week."""
        tally, scene = Tally(), outcome.scene
        weeks = self._week(scene)
        for week, change in enumerate(self.effects):
            inside = (weeks == week) & ~scene.visits.bot
            chance = outcome.without[inside & scene.reached]
            tally["sessions", str(week)] += int(inside.sum())
            tally["without", str(week)] += int(capped(chance).sum())
            tally["with", str(week)] += int(capped(chance * (1.0 + change)).sum())
        return tally

    def truth(self, calendar: Calendar, tally: Tally) -> list[TruthRow]:
        """Effects by week since adoption, and their average over the adopters."""
        begin, end = min(self.adopts.values()), calendar.end

        def row(quantity: str, value: float, measured_in: str, segment: str = "", since: object = begin) -> TruthRow:
            return TruthRow(
                name=self.name, kind="rollout", quantity=quantity, value=value, measured_in=measured_in,
                segment=segment, since=since, until=end,
            )  # fmt: skip

        rows = []
        for place, day in self.adopts.items():
            length = (calendar.until - day).days + 1
            rows.append(row("days since adoption at the end", length, "days", f"{self.by}={place}", day))
        for week, change in enumerate(self.effects):
            label = f"week {week} since adoption" + (" and later" if week == len(self.effects) - 1 else "")
            rows.append(row(f"injected lift of the order chance, {label}", change, "relative"))
        weeks = [str(week) for week in range(len(self.effects))]
        with_it, without = (expected(sum(tally[world, week] for week in weeks)) for world in ("with", "without"))
        sessions = sum(tally["sessions", week] for week in weeks)
        if sessions and without:
            rows.append(row("orders, average effect on the adopters", with_it / without - 1, "relative"))
            rows.append(
                row("orders per session, average effect on the adopters", (with_it - without) / sessions, "orders")
            )
        return rows
