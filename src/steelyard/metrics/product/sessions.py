"""Sessions: an entity's rows cut where nothing happened for a while."""

from __future__ import annotations

from dataclasses import dataclass

from steelyard.errors import DefinitionError
from steelyard.metrics.catalog import MetricCatalog
from steelyard.metrics.product.duration import seconds_of
from steelyard.metrics.product.events import EventRows, check_name, check_rows, entity_of

__all__ = ["Sessions"]


@dataclass(frozen=True, kw_only=True)
class Sessions(EventRows):
    """How rows make sessions; its fields, with those of `EventRows`, are the keys of its YAML.

    Args:
        name: Snake case.
        entity: Whose sessions they are; empty for the one entity that the table refers to.
        gap: A row that comes more than this after the row before it begins a session.
        break_at_midnight: Whether a row of another local day begins one as well.
        new_on: A column or dimension, such as the campaign: a row in which it is known, and is not what was last known
            of the entity, begins a session as well.
        owner: Who answers for it.
        question: What it answers, as a person would ask.
        description: For a person.
        defined_at: File and line; no part of the definition.

    Raises:
        DefinitionError: It names no table, or the gap is no length of time.

    >>> Sessions(name="visits", table="events").seconds
    1800
    """

    name: str
    entity: str = ""
    gap: str = "30 minutes"
    break_at_midnight: bool = False
    new_on: str = ""
    owner: str = ""
    question: str = ""
    description: str = ""
    defined_at: str = ""

    def __post_init__(self) -> None:
        check_name("definition of sessions", self.name, self.defined_at)
        if not self.table:
            raise DefinitionError(f"{self.name!r} names no table", where=self.defined_at, hint="add `table:`")
        seconds_of(self.gap, f"the gap of {self.name!r}", self.defined_at)

    @property
    def seconds(self) -> int:
        """The gap in seconds."""
        return seconds_of(self.gap, "the gap")

    def check(self, catalog: MetricCatalog) -> str:
        """Refuses what cannot be, before anything is read; gives the entity.

        Raises:
            UnknownNameError: A table or an entity is not there.
            DefinitionError: The rows have no time, or do not say whom they are of.
            PolicyError: A condition names a sensitive column.
        """
        entity = entity_of(catalog, self.entity, [self.table], where=self.defined_at)
        check_rows(catalog, self, entity, where=self.defined_at)
        return entity
