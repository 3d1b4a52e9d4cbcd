"""Named steps that a header declares: each becomes a CTE that the table's SELECT may read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Literal

from steelyard.errors import DefinitionError
from steelyard.pipeline.duration import parse_duration

__all__ = ["AsOf", "Calendar", "Deduplicate", "Scaffold", "Sessionise", "Step"]

Ties = Literal["blocking", "doubt", "note"]


@dataclass(frozen=True, kw_only=True)
class Deduplicate:
    """One row of each key: the first by the declared tie-breakers.

    Args:
        of: The table or earlier step; the SELECT itself where it stands in the header's own `deduplicate:`.
        key: The business key; rows in which a part of it is NULL are all kept, since nothing says that they are one.
        order_by: Columns, each alone or with `desc`; NULLs come last either way.
        ties: How grave it is when different rows of a key tie on every tie-breaker. They are counted; the
            least row in the order of its columns stays, so that a rerun takes the same.
    """

    key: tuple[str, ...] = ()
    order_by: tuple[str, ...] = ()
    of: str = ""
    ties: Ties = "blocking"


@dataclass(frozen=True, kw_only=True)
class Sessionise:
    """Adds `session_id`, `session_number` and `session_started_at`: a pause longer than `gap` begins a session.

    Args:
        of: The table or earlier step.
        by: The columns that identify the visitor; a row without one, or without a time, gets NULL and is counted.
        time: The time of the row.
        gap: The longest pause inside a session: `30 minutes`.
    """

    of: str
    by: tuple[str, ...]
    time: str
    gap: str = "30 minutes"

    def __post_init__(self) -> None:
        parse_duration(self.gap)


@dataclass(frozen=True, kw_only=True)
class AsOf:
    """Adds the columns of the last row of `table` at or before each row's time.

    Args:
        of: The table or earlier step whose rows are kept, every one of them once.
        time: Its time.
        table: The table of what was known when: exchange rates, prices.
        their_time: Since when a row of it holds.
        on: Column here -> column there that must be equal.
        take: Column there -> its name here.
        stale_after: How old the last known row may be before it is counted as stale; it is used all the same.
        age: Name of the column with the age of what was taken, in days; none where it is empty.
    """

    of: str
    time: str
    table: str
    their_time: str
    take: Mapping[str, str]
    on: Mapping[str, str] | None = None
    stale_after: str = ""
    age: str = ""

    def __post_init__(self) -> None:
        if self.stale_after:
            parse_duration(self.stale_after)
        if not self.take:
            raise DefinitionError("an as-of join that takes no column", hint="take: {rate: eur_rate}")


@dataclass(frozen=True, kw_only=True)
class Calendar:
    """One row a day: `day, week, month, quarter, year, weekday, is_weekend`; `week` is the day it starts on.

    Args:
        since: The first day.
        until: The last day, or `today`.
        week_starts: The first day of a week.
    """

    since: str
    until: str = "today"
    week_starts: Literal["monday", "sunday", "saturday"] = "monday"


@dataclass(frozen=True, kw_only=True)
class Scaffold:
    """One row of each unit and local day, whether or not something happened.

    Args:
        of: The table of the units.
        unit: The columns that identify one.
        since: The first day: a column of the units, or a date.
        until: The last day: a column of the units (NULL means still there, until `last_day`), a date or `today`.
        last_day: Where units without an end stop: a date or `today`.
    """

    of: str
    unit: tuple[str, ...]
    since: str
    until: str = "today"
    last_day: str = "today"


@dataclass(frozen=True, kw_only=True)
class Step:
    """One named step; exactly one kind is given.

    Args:
        deduplicate: One row of each key.
        sessionise: Sessions from pauses.
        as_of: What was known at each row's time.
        calendar: One row a day.
        scaffold: One row of each unit and day.
    """

    deduplicate: Deduplicate | None = None
    sessionise: Sessionise | None = None
    as_of: AsOf | None = None
    calendar: Calendar | None = None
    scaffold: Scaffold | None = None

    def __post_init__(self) -> None:
        given = [item.name for item in fields(self) if getattr(self, item.name) is not None]
        if len(given) != 1:
            names = ", ".join(item.name for item in fields(self))
            raise DefinitionError(f"a step of {len(given)} kinds", hint=f"give exactly one of {names}")
        if self.deduplicate and not (self.deduplicate.of and self.deduplicate.key):
            raise DefinitionError("a deduplication of nothing, or by no key", hint="give `of:` and `key:`")

    def inputs(self) -> tuple[str, ...]:
        """The tables or earlier steps that it reads."""
        if self.as_of is not None:
            return (self.as_of.of, self.as_of.table)
        one = self.deduplicate or self.sessionise or self.scaffold
        return (one.of,) if one is not None else ()
