"""Which version of a store was the newest at a moment."""

from __future__ import annotations

import bisect
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, TypeVar
from zoneinfo import ZoneInfo

from steelyard.errors import DefinitionError, NoVersionError

if TYPE_CHECKING:
    from steelyard.warehouse import Store, StoredTable

__all__ = ["AsOf", "Moment", "known_at", "moment_of"]

Moment = int | str | date | datetime
"""A catalog version; or a moment with a zone; or a date, which means the end of that local day."""

T = TypeVar("T")
TICK = timedelta(microseconds=1)


@dataclass(frozen=True, kw_only=True)
class AsOf:
    """The version of a store that was the newest at a moment.

    Args:
        number: The version.
        published_at: When it was published, UTC, ISO.
        moment: The moment that was asked for, and now where that is in the future; of a version, when it was published.
        says: One sentence: which version, from when, and why this one.
        erasures: Table -> what was erased from it since, in one sentence.
    """

    number: int
    published_at: str
    moment: datetime
    says: str
    erasures: Mapping[str, str] = field(default_factory=dict)

    def notes(self, tables: Iterable[str]) -> tuple[str, ...]:
        """What a reader of a number that was made from these tables must know."""
        return (self.says, *(self.erasures[name] for name in sorted(set(tables)) if name in self.erasures))


def known_at(store: Store, asked: Moment, *, zone: str, now: datetime | None = None) -> AsOf:
    """The version that was the newest at a moment.

    Args:
        store: The store.
        asked: A catalog version; a moment with a zone; or a date, which means the end of that local day.
        zone: IANA zone of a date's day.
        now: The present, for tests.

    Raises:
        DefinitionError: `asked` is none of these, or a moment without a zone.
        NoVersionError: Nothing was published by then, or the version that was the newest then does not remain.

    >>> import tempfile
    >>> from steelyard.warehouse import Store
    >>> store = Store.open(tempfile.mkdtemp())
    >>> with store.transaction("first orders") as change:
    ...     table = change.create("orders", "SELECT 1 AS id")
    >>> known_at(store, 1, zone="UTC").number
    1
    """
    present = now or datetime.now(UTC)
    moment = moment_of(asked, zone)
    numbers = store.catalog.numbers()
    if isinstance(moment, int):
        return _as_of(store, moment, f"As of {_version(store, moment)}.", _published(store, moment))
    found = _newest_at(store, moment, numbers)
    newest = found == numbers[-1]
    said = str(asked) if isinstance(asked, str) else asked.isoformat()  # type: ignore[union-attr]
    if moment > present:
        says = f"{said} is in the future: this is the newest version, {_version(store, found)}"
    else:
        says = f"as of {said}: {_version(store, found)}{', the newest' if newest else ''}"
    return _as_of(store, found, f"{says[:1].upper()}{says[1:]}.", min(moment, present))


def moment_of(asked: Moment, zone: str) -> int | datetime:
    """The version's number, or the moment, that a person means.

    Raises:
        DefinitionError: It is neither.

    >>> moment_of("2026-01-31", "Europe/Berlin").isoformat()
    '2026-01-31T22:59:59.999999+00:00'
    >>> moment_of("12", "UTC"), moment_of("2026-01-31T08:00:00Z", "UTC").isoformat()
    (12, '2026-01-31T08:00:00+00:00')
    """
    if isinstance(asked, bool):
        raise _no_moment(asked)
    if isinstance(asked, int):
        return asked
    if isinstance(asked, str):
        return _read(asked.strip(), zone)
    if isinstance(asked, datetime):
        if asked.tzinfo is None:
            hint = "say its zone, such as datetime(2026, 1, 31, 8, tzinfo=UTC); or give a date"
            raise DefinitionError(f"the moment {asked.isoformat()} has no time zone", where="as_of", hint=hint)
        return asked.astimezone(UTC)
    if isinstance(asked, date):
        return _end_of(asked, zone)
    raise _no_moment(asked)


def _read(text: str, zone: str) -> int | datetime:
    if text.isdecimal():
        return int(text)
    if len(text) <= len("2026-01-31"):
        return _end_of(_parsed(date.fromisoformat, text), zone)
    moment = _parsed(datetime.fromisoformat, text)
    if moment.tzinfo is None:
        hint = f"write {text}Z for UTC, or {text}+01:00; a date alone means the end of that day in {zone}"
        raise DefinitionError(f"the moment {text!r} has no time zone", where="as_of", hint=hint)
    return moment.astimezone(UTC)


def _parsed(read: Callable[[str], T], text: str) -> T:
    try:
        return read(text)
    except ValueError:
        raise _no_moment(text) from None


def _no_moment(asked: object) -> DefinitionError:
    hint = "write 2026-01-31 (the end of that day), 2026-01-31T08:00:00Z, or the number of a catalog version"
    return DefinitionError(f"{asked!r} is no moment", where="as_of", hint=hint)


def _end_of(day: date, zone: str) -> datetime:
    """The last moment of a local day; where the day is the last that there is, of that one."""
    try:
        following = datetime.combine(day + timedelta(days=1), time(), ZoneInfo(zone))
        return following.astimezone(UTC) - TICK
    except OverflowError:
        return datetime.max.replace(tzinfo=UTC)


def _published(store: Store, number: int) -> datetime:
    return datetime.fromisoformat(store.catalog.entry(number)["published_at"])


def _newest_at(store: Store, moment: datetime, numbers: Sequence[int]) -> int:
    at = bisect.bisect_right(numbers, moment, key=lambda number: _published(store, number))
    if at == 0:
        gone = f"versions before {numbers[0]} were cleaned away; " if numbers[0] else ""
        raise NoVersionError(
            f"no version from {moment.isoformat()} remains",
            where=str(store.folder),
            hint=f"{gone}the oldest that remains is {_version(store, numbers[0])}",
        )
    found = numbers[at - 1]
    if at < len(numbers) and numbers[at] > found + 1:
        last = numbers[at] - 1
        lost = f"version {last}" if last == found + 1 else f"versions {found + 1} to {last}"
        raise NoVersionError(
            f"what was the newest at {moment.isoformat()} cannot be told: {lost} were published between "
            f"{_version(store, found)} and {_version(store, numbers[at])}, and cleaned away",
            where=str(store.folder),
            hint=f"ask for as_of={found} or as_of={numbers[at]}",
        )
    if not store.catalog.entry(found)["tables"]:
        first = numbers[at] if at < len(numbers) else None
        hint = f"the first that has tables may be {_version(store, first)}" if first is not None else "refresh first"
        raise NoVersionError(f"nothing was published by {moment.isoformat()}", where=str(store.folder), hint=hint)
    return found


def _version(store: Store, number: int) -> str:
    return f"version {number}, published {_published(store, number).isoformat(timespec='seconds')}"


def _as_of(store: Store, number: int, says: str, moment: datetime) -> AsOf:
    snapshot = store.snapshot(number)
    erasures = {
        name: f"{_erased(table):,} rows of {name} were erased from version {number} since, the last on "
        f"{table.erased[-1]['at'][:10]}: the number was made with them then."
        for name, table in snapshot.tables.items()
        if _erased(table)
    }
    return AsOf(number=number, published_at=snapshot.published_at, moment=moment, says=says, erasures=erasures)


def _erased(table: StoredTable) -> int:
    return sum(int(item["rows"]) for item in table.erased)
