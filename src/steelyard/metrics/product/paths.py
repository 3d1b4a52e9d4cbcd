"""Paths: the steps that entities take after an event, or before it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from steelyard.errors import DefinitionError
from steelyard.metrics.catalog import MetricCatalog
from steelyard.metrics.product.duration import seconds_of
from steelyard.metrics.product.events import EventRows, check_name, check_rows, entity_of

__all__ = ["Paths"]

LONGEST = 20


@dataclass(frozen=True, kw_only=True)
class Paths(EventRows):
    """Sequences of steps; its fields, with those of `EventRows`, are the keys of its YAML.

    Args:
        name: Snake case.
        step: The column or dimension that names a row's step.
        entity: Whose steps they are; empty for the one entity that the table refers to.
        anchor: The step from which a path is followed; empty for whichever comes first.
        direction: Whether the path is what comes `after` the anchor, or `before` it.
        length: How many steps besides the anchor.
        starts: Whether an entity's `first` anchor in the range has a path, or `every` one.
        collapse: Whether the same step several times in a row is one step.
        window: How far from the anchor a step still belongs to the path, such as `1 hour`; empty for ever.
        owner: Who answers for it.
        question: What it answers, as a person would ask.
        description: For a person.
        defined_at: File and line; no part of the definition.

    Raises:
        DefinitionError: It names no table or no step, or a word of it cannot be.

    >>> Paths(name="after_search", table="events", step="page", anchor="search").length
    5
    """

    name: str
    step: str
    entity: str = ""
    anchor: str = ""
    direction: Literal["after", "before"] = "after"
    length: int = 5
    starts: Literal["first", "every"] = "first"
    collapse: bool = True
    window: str = ""
    owner: str = ""
    question: str = ""
    description: str = ""
    defined_at: str = ""

    def __post_init__(self) -> None:
        check_name("definition of paths", self.name, self.defined_at)
        for problem, hint in self._problems():
            raise DefinitionError(problem, where=self.defined_at, hint=hint)
        if self.window:
            seconds_of(self.window, f"the window of {self.name!r}", self.defined_at)

    def _problems(self) -> Iterator[tuple[str, str]]:
        said = f"the paths {self.name!r}"
        if not self.table:
            yield f"{said} name no table", "add `table:`"
        if not self.step.strip():
            yield f"{said} name no step", "add `step:`, the column that says what a row is"
        if not 1 <= self.length <= LONGEST:
            yield f"{said} have {self.length} steps", f"give 1 to {LONGEST}"
        if self.direction not in ("after", "before"):
            yield f"{said} go {self.direction!r}", "write after or before"
        if self.starts not in ("first", "every"):
            yield f"{said} start at {self.starts!r}", "write first or every"

    @property
    def seconds(self) -> int | None:
        """The window in seconds; None where there is none."""
        return seconds_of(self.window, "the window") if self.window else None

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
