"""What follows a row: the rows of the same entity that come after it, as a condition."""

from __future__ import annotations

from dataclasses import dataclass

from steelyard.errors import DefinitionError
from steelyard.metrics.aggregate import Aggregate, Followed
from steelyard.metrics.calendar import Clock
from steelyard.metrics.facts import Fact
from steelyard.metrics.graph import Place
from steelyard.metrics.names import sql_name
from steelyard.metrics.unit_table import unit_place

__all__ = ["Following", "following_rows"]

DAY = 86_400


@dataclass(frozen=True)
class Following:
    """What can follow a row, and whether it does.

    Args:
        fact: The fact of what can follow.
        condition: The condition that a row of it follows.
        unit: The SQL of whose row the base row is.
        last_day: The SQL of the last local day on which it can be followed.
    """

    fact: Fact
    condition: str
    unit: str
    last_day: str


def following_rows(fact: Fact, aggregate: Aggregate, step: str) -> Following:
    """What can follow a fact's rows; it is put into a step before the fact's own.

    Args:
        fact: The base rows.
        aggregate: Their count, with what must follow.
        step: The name of the step of what can follow.

    Raises:
        DefinitionError: Rows have no time, do not say whose they are, or could follow themselves.
    """
    rule = aggregate.followed
    assert rule is not None  # noqa: S101 - the planner has asked
    catalog, then = fact.catalog, rule.then
    time = catalog.time_of(then.table, then.time, where=then.place)
    other = Fact(catalog, fact.types, table=then.table, time=time, parameters=fact.parameters, name=step,
                 sources=fact.sources, own=then.deduplicate)  # fmt: skip
    both_dated = "DATE" in (fact.clock().kind, other.clock().kind)
    by_day = rule.first_day is not None or both_dated
    own = _own_key(fact, then, aggregate.place)
    columns = [f"{other.column(unit_place(catalog, then.table, rule.entity))} AS unit"]
    columns.append(f"{other.clock().day if by_day else other.clock().moment} AS moment")
    columns += [f"{other.column(Place(then.table, column))} AS {sql_name(f'key_{n}')}" for n, column in enumerate(own)]
    filters = other.filters(then)
    text = "\n".join(["SELECT " + ", ".join(columns), *other.lines()])
    fact.before += [*other.steps, (step, text + (f"\nWHERE {' AND '.join(filters)}" if filters else ""))]
    unit = fact.column(unit_place(catalog, fact.table, rule.entity))
    first, last = _bounds(fact, rule, by_day=by_day)
    return Following(
        fact=other,
        condition=_condition(fact, step, unit, (first, last), own),
        unit=unit,
        last_day=last if by_day else Clock(column=last, kind="TIMESTAMPTZ", zone=catalog.zone).day,
    )


def _own_key(fact: Fact, then: Aggregate, where: str) -> tuple[str, ...]:
    """The key by which a row is told from itself, where what follows is of the same table."""
    if then.table != fact.table:
        return ()
    key = fact.catalog.tables[fact.table].key
    if not key:
        raise DefinitionError(
            f"rows of {fact.table!r} can follow rows of {fact.table!r}, and it has no key to tell a row from itself",
            where=where,
            hint=f"declare `key:` for {fact.table!r}",
        )
    return key


def _bounds(fact: Fact, rule: Followed, *, by_day: bool) -> tuple[str, str]:
    """The first and the last day, or moment, at which a row can be followed."""
    clock = fact.clock()
    if not by_day:
        return clock.moment, f"add_seconds({clock.moment}, {rule.last_day * DAY})"
    return (f"add_days({clock.day}, {rule.first_day})" if rule.first_day else clock.day), (
        f"add_days({clock.day}, {rule.last_day})" if rule.last_day else clock.day
    )


def _condition(fact: Fact, step: str, unit: str, bounds: tuple[str, str], own: tuple[str, ...]) -> str:
    name = sql_name(step)
    conditions = [f"{name}.unit = {unit}", f"{name}.moment >= {bounds[0]}", f"{name}.moment <= {bounds[1]}"]
    if own:
        same = " AND ".join(
            f"{name}.{sql_name(f'key_{n}')} = {fact.column(Place(fact.table, column))}" for n, column in enumerate(own)
        )
        conditions.append(f"NOT ({same})")
    return f"EXISTS (SELECT 1 FROM {name} WHERE {' AND '.join(conditions)})"
