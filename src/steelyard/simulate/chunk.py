"""One chunk of a shop: some people with everything that they did."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from steelyard.simulate.basket import Basket, added, fill
from steelyard.simulate.calendar_effects import Calendar
from steelyard.simulate.catalogue import Catalogue
from steelyard.simulate.emails import emails
from steelyard.simulate.event_log import Slots, lay_out
from steelyard.simulate.funnel import Step, items_in_cart, take_step
from steelyard.simulate.injection import Injection, Outcome, Scene
from steelyard.simulate.order_book import deliveries, order_lines, orders, place_orders, refunds
from steelyard.simulate.people import people
from steelyard.simulate.random_stream import Draws
from steelyard.simulate.schemas import SCHEMAS
from steelyard.simulate.traffic import event_rows, events, sessions, visitors
from steelyard.simulate.truth import Tally
from steelyard.simulate.visits import Visits, base_shares, visits

__all__ = ["Chunk", "World", "events_by_person", "make_chunk"]

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

_SESSION_BITS, _EVENT_BITS = 20, 26  # of a key, for the number within a chunk


@dataclass(frozen=True, kw_only=True)
class World:
    """What all chunks of a shop share."""

    seed: int
    calendar: Calendar
    catalogue: Catalogue
    channels: I64  # cumulative shares, of 65,536: by day and channel
    bots: float
    duplicates: float
    late: float
    inject: tuple[Injection, ...]

    @classmethod
    def of(
        cls, *, seed: int, since: date, until: date, bots: float, duplicates: float, late: float,
        inject: tuple[Injection, ...],
    ) -> World:  # fmt: skip
        """The world of a shop."""
        calendar = Calendar.of(since, until)
        shares = []
        for day in range(calendar.days):
            mix = base_shares()
            for injection in inject:
                mix = injection.shares_on(day, calendar, mix)
            shares.append(mix)
        return cls(
            seed=seed, calendar=calendar, catalogue=Catalogue.of(Draws(seed, _FIXED)), bots=bots,
            channels=_cumulative(np.array(shares)), duplicates=duplicates, late=late, inject=inject,
        )  # fmt: skip


_FIXED = (1 << 32) - 1  # the chunk number of what belongs to no chunk


def _cumulative(shares: F64) -> I64:
    """Shares added up from left to right, in whole 65,536ths."""
    total, ends = np.zeros(len(shares)), []
    for column in shares.T:
        total = total + column
        ends.append(np.floor(total * 65_536 + 0.5))
    return np.stack(ends, axis=1).astype(np.int64)


@dataclass(frozen=True, kw_only=True)
class Chunk:
    """The rows of one chunk by table, and the sums that its truth follows from."""

    tables: dict[str, pa.RecordBatch]
    tally: dict[str, Tally]


def make_chunk(world: World, number: int, size: int) -> Chunk:
    """The chunk of a number, with its first `size` people."""
    scene, steps, items = _walk(world, number, size)
    favourite = scene.people.favourite[scene.visits.person]
    slots = lay_out(scene.draws, scene.visits, favourite, items, world.calendar, world.catalogue)
    return _record(world, number, scene, steps, slots, fill(slots, steps[1].passed, world.catalogue))


def events_by_person(world: World, number: int, size: int) -> I64:
    """How many events each person of a chunk causes, duplicates apart, without making them."""
    scene, (_, checkout, order), items = _walk(world, number, size)
    return added(size, scene.visits.person, 1 + scene.visits.views + items + checkout.passed + order.passed)


def _walk(world: World, number: int, size: int) -> tuple[Scene, tuple[Step, Step, Step], I64]:
    """The people of a chunk through the funnel: with its steps, and the items in each cart."""
    draws = Draws(world.seed, number)
    who = people(draws, number, size, world.calendar, world.bots)
    seen = visits(draws, who, world.calendar, world.channels)
    n = len(seen.person)
    chance = draws.u32("funnel", n, 4)
    scene = Scene(calendar=world.calendar, draws=draws, people=who, visits=seen, reached=(seen.views > 0) & ~seen.bot)
    cart = take_step("add_to_cart", scene, world.inject, chance[:, 0])
    items = items_in_cart(cart.passed, seen.views, chance[:, 1])
    checkout = take_step("checkout_started", replace(scene, reached=cart.passed), world.inject, chance[:, 2])
    order = take_step("order_placed", replace(scene, reached=checkout.passed), world.inject, chance[:, 3])
    return scene, (cart, checkout, order), items


def _record(
    world: World, number: int, scene: Scene, steps: tuple[Step, Step, Step], slots: Slots, basket: Basket
) -> Chunk:
    draws, who, seen = scene.draws, scene.people, scene.visits
    cart, checkout, order = steps
    happened, last = _happened(slots, cart.passed, checkout.passed, order.passed)
    tally = _effects(world.inject, steps, basket)
    arrived = _arrived(world.inject, seen, slots, happened, tally)
    faults = event_rows(draws, arrived, world.duplicates, world.late)
    session_id = (number << _SESSION_BITS) + 1 + np.arange(len(seen.person))
    signed = seen.known & (seen.signed_in | checkout.passed)
    customer = np.where(signed, who.customer_id[seen.person], -1)
    book = place_orders(
        draws, seen, basket, order.passed, slots.at[slots.last[order.passed]], _prices(order), world.catalogue,
        number << _SESSION_BITS,
    )  # fmt: skip
    tables = {
        "customers": who.table(),
        "visitors": visitors(seen, customer),
        "sessions": sessions(slots, seen, last, session_id, customer),
        "events": events(slots, seen, faults, session_id, customer, number << _EVENT_BITS),
        "orders": orders(book, seen, session_id, who.customer_id),
        "order_lines": order_lines(book),
        "refunds": refunds(book, world.calendar),
        "deliveries": deliveries(book, world.calendar),
        "emails": emails(draws, who, world.calendar, number << _SESSION_BITS),
        "exposures": _joined("exposures", _exposures(order, slots)),
        "campaigns": _joined("campaigns", (injection.campaigns(who, draws) for injection in world.inject)),
    }
    tally["shop"] = _counts(tables, seen, slots, faults.rows, faults.late, faults.again)
    return Chunk(tables=tables, tally=tally)


def _happened(slots: Slots, cart: Mask, checkout: Mask, order: Mask) -> tuple[Mask, I64]:
    """Which places were used, and the last one of each session."""
    happened = np.ones(len(slots.at), dtype=np.bool_)
    happened[slots.last[cart] - 1] = checkout[cart]
    happened[slots.last[cart]] = order[cart]
    return happened, slots.last - (cart & ~checkout) - (cart & ~order)


def _effects(inject: tuple[Injection, ...], steps: tuple[Step, ...], basket: Basket) -> dict[str, Tally]:
    tally = {injection.name: Tally() for injection in inject}
    for step in steps:
        for injection, effect in step.effects:
            outcome = Outcome(scene=step.scene, effect=effect, without=step.without(injection), worth=basket.worth)
            tally[injection.name].update(injection.count(outcome))
    return tally


def _arrived(
    inject: tuple[Injection, ...], seen: Visits, slots: Slots, happened: Mask, tally: dict[str, Tally]
) -> Mask:
    """Which events reach the log; what two outages lose is counted for each of them."""
    arrived = happened.copy()
    for injection in inject:
        gone = injection.loses(seen, slots.visit, slots.event, slots.at)
        if gone is not None:
            tally[injection.name]["lost",] += int((gone & happened).sum())
            arrived &= ~gone
    return arrived


def _prices(order: Step) -> F64 | None:
    factor: F64 | None = None
    for _, effect in order.effects:
        if effect.value is not None:
            factor = effect.value if factor is None else factor * effect.value
    return factor


def _exposures(order: Step, slots: Slots) -> Iterable[pa.RecordBatch | None]:
    reached_at = slots.at[np.maximum(slots.last - 1, 0)]
    return (injection.exposures(order.scene, effect, reached_at) for injection, effect in order.effects)


def _joined(table: str, parts: Iterable[pa.RecordBatch | None]) -> pa.RecordBatch:
    whole = pa.Table.from_batches([part for part in parts if part is not None], schema=SCHEMAS[table])
    found = whole.combine_chunks().to_batches()
    return found[0] if found else pa.RecordBatch.from_pylist([], schema=SCHEMAS[table])


def _counts(tables: dict[str, pa.RecordBatch], seen: Visits, slots: Slots, rows: I64, late: Mask, again: int) -> Tally:
    tally = Tally({("rows", name): batch.num_rows for name, batch in tables.items()})
    once = len(rows) - again
    tally["duplicates",] = again
    tally["late",] = int(late[:once].sum())
    tally["bot visitors",] = len(np.unique(seen.visitor_id[seen.bot]))
    tally["bot sessions",] = int(seen.bot.sum())
    tally["bot events",] = int(seen.bot[slots.visit[rows[:once]]].sum())
    return tally
