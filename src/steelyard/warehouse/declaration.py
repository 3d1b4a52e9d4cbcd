"""What a table's author says of it: key, grain, time, references, history, weights, dimensions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ["Bridge", "Deduplicate", "History", "Rates", "Role", "TableDeclaration"]


@dataclass(frozen=True, kw_only=True)
class Role:
    """Another name under which a row refers to an entity: a shipping and a billing address are both addresses.

    Args:
        entity: The entity.
        columns: The columns here that hold its id.
    """

    entity: str
    columns: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class History:
    """The columns that say when a row holds: `valid_from <= t < valid_to`, and no end where `valid_to` is NULL.

    Args:
        valid_from: The column with the first moment or day.
        valid_to: The column with the moment or day from which it holds no more.
    """

    valid_from: str = "valid_from"
    valid_to: str = "valid_to"


@dataclass(frozen=True, kw_only=True)
class Bridge:
    """Says that a row links two entities, of which each may have many of the other.

    Args:
        of: The reference (entity or role) whose measures are shared out.
        to: The reference that they are shared out to.
        weight: The column with the share of each link; the shares of one `of` add up to 1. Empty shares nothing out:
            every link counts the whole, and so the parts overlap.
    """

    of: str
    to: str
    weight: str = ""


@dataclass(frozen=True, kw_only=True)
class Rates:
    """The columns of a table of exchange rates: one unit of `base` is `rate` units of `currency` on the day `time`.

    Args:
        currency: The column with the ISO code.
        rate: The column with the units of that currency.
        base: The ISO code of what one unit of is meant, such as `EUR`.
    """

    currency: str
    rate: str
    base: str


@dataclass(frozen=True, kw_only=True)
class Deduplicate:
    """Which of several rows of a business key counts.

    Args:
        key: Expressions that tell what is the same, such as `upper(trim(order_key))`.
        latest: Columns of which the largest counts, in order; NULL is the oldest. Exact copies of a row are one row;
            different rows that are equally late are ambiguous, and their values NULL.
        deleted: A condition; where it is true of the row that counts, the key is gone.
    """

    key: tuple[str, ...]
    latest: tuple[str, ...]
    deleted: str = ""


@dataclass(frozen=True, kw_only=True)
class TableDeclaration:
    """What a table's author says of it; nothing here is believed before it is proved.

    Args:
        name: The table.
        key: Columns that identify a row; empty when nothing does.
        grain: What one row is, in words.
        entity: The entity whose own table this is (its key is the entity's id); empty otherwise.
        entities: Entity name -> the columns here that hold its id (a many-to-one reference).
        roles: Another name for a reference -> the entity that it refers to, and the columns here that hold its id.
        one_to_one: References (entities or roles) of which no two rows here name the same.
        complete_references: References of which a NULL, or an id that has no row, is refused and not `(unknown)`.
        history: The columns that say when a row holds, where an entity has several rows, one at a time.
        bridge: The two references that this table links many-to-many.
        time: The column that says when a row happened; empty where there is none.
        zone: IANA zone of a `time` column without one; empty means the project's zone.
        zones: Time column -> the IANA zone of another column without one.
        zone_of_day: The column (`column`, or `table.column` of a table referred to) with the IANA zone in which this
            row's local day is counted; empty means the project's zone.
        lateness: How long after a day its rows may still arrive, such as `2 days`.
        complete_through: The last local day of which all rows are here, such as `2026-03-30`.
        currencies: Money column -> the column with its ISO currency.
        rates: What makes this a table of exchange rates.
        deduplicate: Which of several rows of a business key counts.
        dimensions: Columns that may be grouped and filtered by.
        description: For a person.
        owner: Who answers for it.
        where: File and line of the declaration.
    """

    name: str
    key: tuple[str, ...] = ()
    grain: str = ""
    entity: str = ""
    entities: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    roles: Mapping[str, Role] = field(default_factory=dict)
    one_to_one: tuple[str, ...] = ()
    complete_references: tuple[str, ...] = ()
    history: History | None = None
    bridge: Bridge | None = None
    time: str = ""
    zone: str = ""
    zones: Mapping[str, str] = field(default_factory=dict)
    zone_of_day: str = ""
    lateness: str = ""
    complete_through: str = ""
    currencies: Mapping[str, str] = field(default_factory=dict)
    rates: Rates | None = None
    deduplicate: Deduplicate | None = None
    dimensions: tuple[str, ...] = ()
    description: str = ""
    owner: str = ""
    where: str = ""

    @property
    def id_columns(self) -> tuple[str, ...]:
        """The columns of the key that say whose row it is: of a history, the key without when it begins.

        >>> TableDeclaration(name="plans", key=("customer_id", "valid_from"), history=History()).id_columns
        ('customer_id',)
        """
        if self.history is None:
            return self.key
        return tuple(column for column in self.key if column != self.history.valid_from)

    @property
    def references(self) -> Mapping[str, Role]:
        """Every reference by its name: an entity's, or a role's."""
        plain = {name: Role(entity=name, columns=columns) for name, columns in self.entities.items()}
        return {**plain, **self.roles}
