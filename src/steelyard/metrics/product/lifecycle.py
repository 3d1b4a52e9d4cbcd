"""A lifecycle: in each period who is new, who stayed, who came back, and who was lost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from steelyard.errors import DefinitionError
from steelyard.metrics.catalog import MetricCatalog
from steelyard.metrics.graph import DATE_GRAINS
from steelyard.metrics.product.events import EventRows, check_name, check_rows, entity_of

__all__ = ["Lifecycle"]


@dataclass(frozen=True, kw_only=True)
class Lifecycle(EventRows):
    """Entities by what they did in a period and in the one before; its fields are the keys of its YAML.

    Args:
        name: Snake case.
        entity: Who is followed; empty for the one entity that the table refers to.
        period: The calendar periods.
        owner: Who answers for it.
        question: What it answers, as a person would ask.
        description: For a person.
        defined_at: File and line; no part of the definition.

    Raises:
        DefinitionError: It names no table, or a word of it cannot be.

    >>> Lifecycle(name="users", table="visits", period="month").period
    'month'
    """

    name: str
    entity: str = ""
    period: Literal["day", "week", "month", "quarter", "year"] = "week"
    owner: str = ""
    question: str = ""
    description: str = ""
    defined_at: str = ""

    def __post_init__(self) -> None:
        check_name("lifecycle", self.name, self.defined_at)
        if not self.table:
            raise DefinitionError(f"{self.name!r} names no table", where=self.defined_at, hint="add `table:`")
        if self.period not in DATE_GRAINS:
            problem = f"the lifecycle {self.name!r} is by {self.period!r}"
            raise DefinitionError(problem, where=self.defined_at, hint=f"write {', '.join(DATE_GRAINS)}")

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
