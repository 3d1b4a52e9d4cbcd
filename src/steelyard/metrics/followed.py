"""What follows a row: the rows of the same entity that come after it, as a condition."""

from __future__ import annotations

from steelyard.errors import DefinitionError
from steelyard.metrics.aggregate import Aggregate
from steelyard.metrics.facts import Fact
from steelyard.metrics.graph import Place
from steelyard.metrics.names import sql_name
from steelyard.metrics.unit_table import unit_place

__all__ = ["followed_condition"]

DAY = 86_400


def followed_condition(fact: Fact, aggregate: Aggregate, step: str) -> tuple[Fact, str]:
    """The fact of what can follow, whose rows are put into a step before, and the condition that one does.

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
    other = Fact(catalog, fact.types, table=then.table, time=time, parameters=fact.parameters, name=step)
    both_dated = "DATE" in (fact.clock().kind, other.clock().kind)
    by_day = rule.first_day is not None or both_dated
    own = _own_key(fact, then, aggregate.place)
    columns = [f"{other.column(unit_place(catalog, then.table, rule.entity))} AS unit"]
    columns.append(f"{other.clock().day if by_day else other.clock().moment} AS at")
    columns += [f"{other.column(Place(then.table, column))} AS {sql_name(f'key_{n}')}" for n, column in enumerate(own)]
    filters = other.filters(then)
    text = "\n".join(["SELECT " + ", ".join(columns), *other.lines()])
    fact.before += [*other.steps, (step, text + (f"\nWHERE {' AND '.join(filters)}" if filters else ""))]
    return other, _condition(fact, rule.first_day, rule.last_day, by_day, rule.entity, step, own)


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


def _condition(
    fact: Fact, first: int | None, last: int, by_day: bool, entity: str, step: str, own: tuple[str, ...]
) -> str:
    unit = fact.column(unit_place(fact.catalog, fact.table, entity))
    at, clock = f"{sql_name(step)}.at", fact.clock()
    conditions = [f"{sql_name(step)}.unit = {unit}"]
    if by_day:
        conditions.append(f"{at} >= add_days({clock.day}, {first or 0})")
        conditions.append(f"{at} <= add_days({clock.day}, {last})")
    else:
        conditions.append(f"{at} >= {clock.moment}")
        conditions.append(f"{at} <= add_seconds({clock.moment}, {last * DAY})")
    if own:
        same = " AND ".join(
            f"{sql_name(step)}.{sql_name(f'key_{n}')} = {fact.column(Place(fact.table, column))}"
            for n, column in enumerate(own)
        )
        conditions.append(f"NOT ({same})")
    return f"EXISTS (SELECT 1 FROM {sql_name(step)} WHERE {' AND '.join(conditions)})"
