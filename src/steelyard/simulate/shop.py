"""A simulated web shop whose truth is known."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa

from steelyard.errors import DefinitionError, unknown_name
from steelyard.simulate.chunk import Chunk, World, events_by_person, make_chunk
from steelyard.simulate.exchange_rates import exchange_rates
from steelyard.simulate.injection import Injection
from steelyard.simulate.people import CHUNK
from steelyard.simulate.random_stream import Draws
from steelyard.simulate.schemas import FIXED_TABLES, SCHEMAS
from steelyard.simulate.shop_truth import shop_truth
from steelyard.simulate.truth import Tally, truth_table

__all__ = ["Shop", "shop"]

MOST_EVENTS, FEWEST_EVENTS = 1_000_000_000, 1_000
_EARLIEST, _SHORTEST, _LONGEST = date(2000, 1, 1), 7, 3_660

_MEASURED = 12  # chunks that say how many events a person causes

Progress = Callable[[int, int], None]


@dataclass(frozen=True, kw_only=True)
class Shop:
    """A shop that is not made yet: its tables are made chunk by chunk, when they are asked for.

    Make one with `shop`. A chunk holds 2,048 people with everything that they did; it depends on nothing but the
    settings and its number, so chunks can be made in any order and in any number of processes.

    Attributes:
        world: What all chunks share.
        people: How many people there are, bots included.
    """

    world: World
    people: int
    _counted: dict[int, dict[str, Tally]] = field(default_factory=dict, repr=False, compare=False)

    @property
    def tables(self) -> Mapping[str, pa.Schema]:
        """The tables and their schemas, those first that others refer to."""
        return SCHEMAS

    @property
    def chunks_in_all(self) -> int:
        """How many chunks there are."""
        return -(-self.people // CHUNK)

    def chunk(self, number: int) -> dict[str, pa.RecordBatch]:
        """One chunk: a record batch for every table but `products` and `exchange_rates`, which belong to no chunk.

        Raises:
            DefinitionError: A number that the shop does not have.
        """
        return self._make(number).tables

    def chunks(self, numbers: Iterable[int] | None = None) -> Iterator[dict[str, pa.RecordBatch]]:
        """Chunks in the order of their numbers, or those asked for in the order asked."""
        for number in range(self.chunks_in_all) if numbers is None else numbers:
            yield self.chunk(number)

    def batches(self, table: str) -> Iterator[pa.RecordBatch]:
        """The rows of one table, a batch for each chunk.

        Whoever wants several tables saves time with `chunks`, which makes them all at once.

        Raises:
            UnknownNameError: A table that no shop has.
        """
        if table not in SCHEMAS:
            raise unknown_name("table", table, SCHEMAS, where="simulated shop")
        if table in FIXED_TABLES:
            return iter([self.fixed()[table]])
        return (tables[table] for tables in self.chunks())

    def table(self, table: str) -> pa.Table:
        """The whole of one table, in memory."""
        return pa.Table.from_batches(list(self.batches(table)), schema=SCHEMAS.get(table))

    def fixed(self) -> dict[str, pa.RecordBatch]:
        """The tables that belong to no chunk: `products` and `exchange_rates`."""
        calendar = self.world.calendar
        rates = exchange_rates(Draws(self.world.seed, 0), calendar.since, calendar.until)
        return {"products": self.world.catalogue.table(), "exchange_rates": rates}

    def write_parquet(
        self,
        folder: str | Path,
        *,
        tables: Sequence[str] | None = None,
        numbers: Sequence[int] | None = None,
        progress: Progress | None = None,
    ) -> dict[str, Path]:
        """Write one Parquet file a table.

        Memory stays bounded by about a million rows of each table. A file appears under its name when it is complete.

        Args:
            folder: Where; it is made if it is not there.
            tables: Which; all when absent.
            numbers: Which chunks; all when absent. Several processes may each write a part, to a folder of its own.
            progress: Called after each chunk with the number of chunks done and of all.

        Returns:
            The files by table.

        Raises:
            UnknownNameError: A table that no shop has.
        """
        from steelyard.simulate.parquet import write_parquet

        return write_parquet(self, Path(folder), tables, numbers, progress)

    @property
    def truth(self) -> pa.Table:
        """Every injected effect and fault with its true value.

        Chunks that were made before are not made again; those that were not are made now, to be counted.
        """
        for number in range(self.chunks_in_all):
            if number not in self._counted:
                self._make(number)
        total: dict[str, Tally] = {}
        for counted in self._counted.values():
            for name, tally in counted.items():
                total.setdefault(name, Tally()).update(tally)
        calendar = self.world.calendar
        rows = shop_truth(self.world, self.people, total["shop"])
        for injection in self.world.inject:
            rows += injection.truth(calendar, total[injection.name])
        return truth_table(rows)

    def _make(self, number: int) -> Chunk:
        if not 0 <= number < self.chunks_in_all:
            raise DefinitionError(
                f"no chunk {number}", where="simulated shop", hint=f"chunks are 0 to {self.chunks_in_all - 1}"
            )
        made = make_chunk(self.world, number, min(CHUNK, self.people - number * CHUNK))
        self._counted[number] = made.tally
        return made


def shop(
    *,
    events: int = 1_000_000,
    seed: int = 1,
    since: date = date(2025, 1, 1),
    until: date = date(2025, 12, 31),
    inject: Sequence[Injection] = (),
    bots: float = 0.005,
    duplicates: float = 0.005,
    late: float = 0.01,
) -> Shop:
    """A web shop with visitors, sessions, events, orders and what follows from them, and a truth to check against.

    The same settings give the same rows on every machine. The size of the shop changes how many people there are and
    nothing about those who are there; an injection changes only what its effect reaches.

    Args:
        events: About how many rows the event log has, 1,000 to 1,000,000,000; the truth says how many exactly.
        seed: 0 to 2**64 - 1.
        since: The first day, in UTC; all times lie between its beginning and the end of `until`, but for the
            loading of late events.
        until: The last day.
        inject: Known effects: `Experiment`, `ConfoundedCampaign`, `StaggeredRollout`, `ConversionDrop`,
            `TrackingOutage`, `MixShift`, `Drift`.
        bots: The share of people that are crawlers.
        duplicates: The share of events that arrive twice.
        late: The share of events that are loaded hours or days after they happened.

    Returns:
        A shop whose tables are made when they are asked for.

    Raises:
        DefinitionError: A setting or an injection that cannot be.

    >>> made = shop(events=10_000, seed=7)
    >>> made.table("orders").num_rows > 50
    True
    >>> made.chunk(0)["events"].equals(shop(events=10_000, seed=7).chunk(0)["events"])
    True
    """
    _check(events, seed, since, until, {"bots": bots, "duplicates": duplicates, "late": late})
    settings = {"seed": seed, "since": since, "until": until, "bots": bots, "duplicates": duplicates, "late": late}
    plain = World.of(**settings, inject=())  # type: ignore[arg-type]
    _check_injections(inject, plain)
    world = World.of(**settings, inject=tuple(inject)) if inject else plain  # type: ignore[arg-type]
    return Shop(world=world, people=_people_for(events, plain))


def _people_for(events: int, plain: World) -> int:
    """How many people cause so many events, without injections, so that these do not change it."""
    chunks = [events_by_person(plain, number, CHUNK) for number in range(_MEASURED)]
    reached = np.cumsum(np.concatenate(chunks)) * (1 + plain.duplicates)
    if events <= reached[-1]:
        return int(np.searchsorted(reached, events)) + 1
    return round(events / float(reached[-1]) * len(reached))


def _check(events: int, seed: int, since: date, until: date, shares: Mapping[str, float]) -> None:
    where = "simulated shop"
    if isinstance(events, bool) or not isinstance(events, int) or not FEWEST_EVENTS <= events <= MOST_EVENTS:
        raise DefinitionError(
            f"{events!r} events", where=where, hint=f"give a whole number from {FEWEST_EVENTS:,} to {MOST_EVENTS:,}"
        )
    if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed < 1 << 64:
        raise DefinitionError(f"a seed of {seed!r}", where=where, hint="give a whole number from 0 to 2**64 - 1")
    for day in (since, until):
        if not isinstance(day, date) or isinstance(day, datetime):
            raise DefinitionError(f"{day!r} is not a date", where=where, hint="give date(2025, 3, 1)")
    days = (until - since).days + 1
    if days < _SHORTEST or days > _LONGEST or since < _EARLIEST:
        raise DefinitionError(
            f"a span from {since} to {until}",
            where=where,
            hint=f"give {_SHORTEST} to {_LONGEST} days, until after since, from {_EARLIEST} on",
        )
    for name, share in shares.items():
        if not 0 <= share <= 0.5:
            raise DefinitionError(f"{name} of {share!r}", where=where, hint="give a share from 0 to 0.5")


def _check_injections(inject: Sequence[Injection], world: World) -> None:
    names: set[str] = set()
    for injection in inject:
        if not isinstance(injection, Injection):
            raise DefinitionError(
                f"{injection!r} is not an injection", where="simulated shop", hint="give sy.simulate.Experiment(...)"
            )
        if not injection.name or injection.name == "shop" or injection.name in names:
            raise DefinitionError(
                f"the name {injection.name!r}", where="simulated shop", hint="give each injection a name of its own"
            )
        names.add(injection.name)
        injection.check(world.calendar)
