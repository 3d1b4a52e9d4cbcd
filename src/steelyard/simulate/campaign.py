"""A campaign that goes to those who would have bought anyway."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from steelyard.errors import unknown_name
from steelyard.simulate.calendar_effects import DAY, Calendar
from steelyard.simulate.columns import times
from steelyard.simulate.injection import Effect, Injection, Outcome, Scene, capped, expected, span
from steelyard.simulate.people import TIERS, People
from steelyard.simulate.random_stream import Draws, threshold
from steelyard.simulate.schemas import SCHEMAS
from steelyard.simulate.truth import Tally, TruthRow

if TYPE_CHECKING:
    from steelyard.simulate.columns import Column

__all__ = ["ConfoundedCampaign"]

_VALUE_BITS = 8

I64 = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True)
class ConfoundedCampaign(Injection):
    """An offer to customers, most often to those of the better tiers, who come and buy more without it too.

    Nothing but `tier` decides who is targeted, so adjusting for tier is enough; a naive comparison is badly biased.
    Only customers who joined before `since` can be targeted, and they are whom the truth speaks of.

    Args:
        name: What campaigns and truth call it.
        since: First day (UTC).
        until: Last day.
        lift: Relative change of the chance that a checkout becomes an order, for the targeted, in these days.
        targeted: The chance to be targeted, by tier.

    >>> ConfoundedCampaign(name="spring", since=date(2025, 4, 1), until=date(2025, 4, 30), lift=0.1).targeted["gold"]
    0.8
    """

    since: date
    until: date
    lift: float
    targeted: Mapping[str, float] = field(default_factory=lambda: {"bronze": 0.1, "silver": 0.4, "gold": 0.8})

    def check(self, calendar: Calendar) -> None:
        """Refuse dates, lifts and tiers that cannot be."""
        self.check_dates(calendar, self.since, self.until)
        self.check_change("lift", self.lift)
        for tier, share in self.targeted.items():
            if tier not in TIERS:
                raise unknown_name("tier", tier, TIERS, where=self.where)
            if not 0 <= share <= 1:
                raise self.refuse(f"a chance of {share!r} to be targeted in {tier!r}", "give a share from 0 to 1")

    def _able(self, people: People) -> Mask:
        return people.known & (people.joined < span(self.since, self.until)[0] // DAY)

    def _chosen(self, people: People, draws: Draws) -> Mask:
        chance = draws.u32(f"campaign {self.name}", len(people.visits), 1)[:, 0]
        shares = threshold(np.array([self.targeted.get(tier, 0.0) for tier in TIERS]))
        return self._able(people) & (chance < shares[people.tier])

    def effect(self, step: str, scene: Scene) -> Effect | None:
        """The lift of the targeted, in the days of the campaign."""
        if step != "order_placed":
            return None
        inside = scene.visits.between(*span(self.since, self.until))
        inside &= self._chosen(scene.people, scene.draws)[scene.visits.person]
        return Effect(conversion=np.where(inside, 1.0 + self.lift, 1.0))

    def campaigns(self, people: People, draws: Draws) -> pa.RecordBatch | None:
        """The table `campaigns`: sent at eight in the morning UTC of the first day."""
        ids = people.customer_id[self._chosen(people, draws)]
        begin, end = span(self.since, self.until)
        sent = np.full(len(ids), begin + 8 * 3_600)
        columns: list[Column] = [pa.array([self.name] * len(ids), pa.string()), pa.array(ids), times(sent)]
        return pa.RecordBatch.from_arrays([*columns, times(np.full(len(ids), end))], schema=SCHEMAS["campaigns"])

    def count(self, outcome: Outcome) -> Tally:
        """Expected orders and revenue of those who could be targeted, in the days of the campaign."""
        scene, tally = outcome.scene, Tally()
        able, chosen = self._able(scene.people), self._chosen(scene.people, scene.draws)
        inside = scene.reached & scene.visits.between(*span(self.since, self.until))
        worth = outcome.worth(None)
        for group, members in (("targeted", chosen), ("others", able & ~chosen)):
            mine = inside & members[scene.visits.person]
            tally["customers", group] += int(members.sum())
            for world, factor in (("without", 1.0), ("with", 1.0 + self.lift)):
                chance = capped(outcome.without[mine] * factor)
                tally["orders", group, world] += int(chance.sum())
                tally["cents", group, world] += int(((chance >> _VALUE_BITS) * worth[mine]).sum())
        return tally

    def truth(self, calendar: Calendar, tally: Tally) -> list[TruthRow]:
        """The effect on the targeted, and what a naive comparison would say."""
        begin, end = span(self.since, self.until)

        def row(quantity: str, value: float, measured_in: str) -> TruthRow:
            return TruthRow(
                name=self.name, kind="campaign", quantity=quantity, value=value, measured_in=measured_in,
                since=begin, until=end,
            )  # fmt: skip

        sizes = {group: tally["customers", group] for group in ("targeted", "others")}
        rows = [row("injected lift of the order chance", self.lift, "relative")]
        rows += [row(f"customers {group}", size, "customers") for group, size in sizes.items()]
        if not all(sizes.values()):
            return rows
        for what, scale, unit in (("orders", 1.0, "orders"), ("cents", (1 << _VALUE_BITS) / 100, "EUR")):
            each = {
                (group, world): expected(tally[what, group, world]) * scale / sizes[group]
                for group in sizes
                for world in ("with", "without")
            }
            name = "orders per customer" if what == "orders" else "revenue per customer"
            rows.append(
                row(f"{name}, effect on the targeted", each["targeted", "with"] - each["targeted", "without"], unit)
            )
            naive = each["targeted", "with"] - each["others", "without"]
            rows.append(row(f"{name}, naive difference", naive, unit))
        return rows
